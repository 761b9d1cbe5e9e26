//! Operational events in a test: those that wait in the outbox, and those that were put on the bus.

use crate::TestApp;
use crate::consistency::plain;
use repoplane_domain::operational_event::OperationalEvent;
use serde_json::Value;

impl TestApp {
    /// What was put on the event bus, oldest first: entries as they were sent, each with its detail as JSON.
    pub fn events(&self) -> Vec<Value> {
        self.line.engines().event_bus().events()
    }

    /// The events that wait to be sent, oldest first; those of the future are last.
    pub async fn waiting_events(&self) -> Vec<OperationalEvent> {
        let items = self.items().await.into_iter();
        let events = items.filter(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("EVENT#")));
        let mut events: Vec<OperationalEvent> =
            events.map(|item| serde_json::from_value(plain(&item["data"])).expect("an event")).collect();
        events.sort_by_key(|event| event.id);
        events
    }

    /// What those of them that are due say of a repository, as receivers will get it.
    pub async fn told_of(&self, repo: &str) -> Vec<Value> {
        let now = self.clock.peek();
        let events = self.waiting_events().await.into_iter().filter(|event| event.time() <= now);
        events.map(|event| event.message()).filter(|message| message["repositoryId"] == repo).collect()
    }
}
