//! Handing over: what stands in the outbox is read, sent, and then no longer marked.

use crate::DispatchFunction;
use repoplane_api::observe::carried;
use repoplane_store::{Fate, OutboxKey, Outgoing, StoreError, Waiting};
use std::collections::HashSet;
use tokio::task::JoinSet;

/// Things that are read, sent and unmarked together; what is done by then stays done when time runs out.
const PORTION: usize = 100;
/// Marks that are taken away at the same time.
const PARALLEL: usize = 16;

/// What became of what stood in the outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HandedOver {
    /// How many were sent.
    pub(crate) sent: usize,
    /// How many nobody needs to hear of any more.
    pub(crate) dropped: usize,
    /// Those that could not be sent; they keep their mark.
    pub(crate) refused: HashSet<OutboxKey>,
}

impl DispatchFunction {
    /// Hands over, in this order.
    ///
    /// # Errors
    /// [`StoreError`] when nothing can be read.
    pub(crate) async fn hand_over(&self, keys: &[OutboxKey]) -> Result<HandedOver, StoreError> {
        let mut all = HandedOver::default();
        for portion in keys.chunks(PORTION) {
            let waiting = self.app.store.waiting(portion, self.app.now()).await?;
            let tasks = self.app.store.send_outgoing(&waiting).await;
            for (key, reason) in tasks.into_iter().chain(self.send_events(&waiting).await) {
                tracing::warn!(?key, %reason, "Could not hand something over; it stays in the outbox");
                all.refused.insert(key);
            }
            let done: Vec<Waiting> = waiting.into_iter().filter(|one| !all.refused.contains(&one.key)).collect();
            for one in &done {
                match &one.fate {
                    Fate::Send(outgoing) => {
                        log_sent(outgoing);
                        all.sent += 1;
                    }
                    Fate::Drop(reason) => {
                        tracing::info!(key = ?one.key, reason, "Nobody needs to hear of it");
                        all.dropped += 1;
                    }
                }
            }
            self.leave_outbox(done).await;
        }
        Ok(all)
    }

    /// Sends the events among what is to be sent, in this order. Says which were not taken, each with the reason.
    async fn send_events(&self, waiting: &[Waiting]) -> Vec<(OutboxKey, String)> {
        let event_of = |one: &'_ Waiting| match &one.fate {
            Fate::Send(Outgoing::Event(event)) => Some((one.key, event.clone())),
            Fate::Send(Outgoing::Task(_)) | Fate::Drop(_) => None,
        };
        let (keys, events): (Vec<OutboxKey>, Vec<_>) = waiting.iter().filter_map(event_of).unzip();
        let refused = match &self.bus {
            Some(bus) => bus.send(&events).await,
            None => (0..events.len()).map(|place| (place, "no event bus is set".to_owned())).collect(),
        };
        refused.into_iter().filter_map(|(place, reason)| Some((*keys.get(place)?, reason))).collect()
    }

    /// Takes marks away. One that stays is no failure: what it is on is sent once more.
    async fn leave_outbox(&self, done: Vec<Waiting>) {
        let mut rest = done.into_iter();
        let mut running = JoinSet::new();
        loop {
            while running.len() < PARALLEL
                && let Some(one) = rest.next()
            {
                let store = self.app.store.clone();
                running.spawn(carried(async move { (store.leave_outbox(&one).await, one.key) }));
            }
            let Some(ended) = running.join_next().await else { return };
            match ended {
                Ok((Ok(true), _)) => {}
                Ok((Ok(false), key)) => tracing::debug!(?key, "It has changed meanwhile, or another was faster"),
                Ok((Err(error), key)) => tracing::warn!(?key, %error, "It was sent and stays in the outbox"),
                Err(error) => tracing::error!(%error, "Taking a mark away ended unexpectedly"),
            }
        }
    }
}

fn log_sent(outgoing: &Outgoing) {
    match outgoing {
        Outgoing::Task(message) => {
            let body = &message.body;
            let trace = body.trace_id.as_deref().unwrap_or_default();
            tracing::info!(task.id = %body.task_id, repo.id = %body.repository_id, trace.id = trace, "Handed a task over");
        }
        Outgoing::Event(event) => {
            let repository = event.repository.map(|id| id.to_string()).unwrap_or_default();
            tracing::info!(event.id = %event.id, kind = event.fact.kind(), repo.id = repository, "Sent an event");
        }
    }
}
