//! The states of many repositories, put into the table as they lie there: by the API it would take too long. A tick reads and
//! writes nothing else of them.

use super::meter::TABLE;
use repoplane_domain::id::RepositoryId;
use repoplane_domain::time::Timestamp;
use repoplane_store::keys;
use repoplane_tests::TestApp;
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::Duration;

/// Items of one batch (DynamoDB: BatchWriteItem).
const BATCH: usize = 25;
/// When those are due that are not due now.
const LATER: Duration = Duration::from_secs(3600);

/// Copies of one repository.
pub(super) struct Fleet<'a> {
    app: &'a TestApp,
    first: &'a str,
    state: Value,
    ids: Mutex<Vec<RepositoryId>>,
}

impl<'a> Fleet<'a> {
    /// Copies of this repository, none yet.
    pub(super) async fn of(app: &'a TestApp, first: &'a str) -> Self {
        let id: RepositoryId = first.parse().expect("an id");
        let items = app.items().await;
        let key = keys::part(id, keys::Part::State);
        let is_state = |item: &Value| item["pk"]["S"] == key.pk.as_str() && item["sk"]["S"] == key.sk.as_str();
        let state = items.into_iter().find(is_state).expect("a state");
        Self { app, first, state, ids: Mutex::default() }
    }

    /// Adds copies that are not due.
    pub(super) async fn add(&self, copies: usize) {
        let now = self.app.clock.peek();
        let ids: Vec<_> = (0..copies).map(|_| RepositoryId::new(now, self.app.store().ids())).collect();
        self.put(ids.iter().map(|id| self.state(*id, now.plus(LATER)))).await;
        self.ids.lock().expect("no panic").extend(ids);
    }

    /// Makes some of the copies due, spread over all of them.
    pub(super) async fn make_due(&self, due: usize) {
        let ids = self.ids.lock().expect("no panic").clone();
        let now = self.app.clock.peek();
        self.put(ids.iter().step_by(ids.len() / due).take(due).map(|id| self.state(*id, now))).await;
    }

    /// The state of a copy.
    fn state(&self, id: RepositoryId, due: Timestamp) -> String {
        let mut state = self.state.clone();
        state[keys::DUE_PK] = json!({"S": keys::due_partition(id)});
        state[keys::DUE_SK] = json!({"S": keys::due_sort(due, id)});
        state.to_string().replace(self.first, &id.to_string())
    }

    async fn put(&self, items: impl Iterator<Item = String>) {
        let mut puts = items.map(|item| format!(r#"{{"PutRequest":{{"Item":{item}}}}}"#));
        loop {
            let batch: Vec<String> = puts.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return;
            }
            let request = format!(r#"{{"RequestItems":{{"{TABLE}":[{}]}}}}"#, batch.join(","));
            let answer = self.app.line.engines().call("DynamoDB_20120810.BatchWriteItem", request.into_bytes()).await;
            assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        }
    }
}
