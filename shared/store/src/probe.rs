//! Whether table, vault and queue answer: asked before the first request, so that it finds a connection, and by who wants
//! to know how the registry is.

use crate::{Store, StoreError, keys};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use serde::Serialize;
use std::future::Future;
use std::time::{Duration, Instant};

/// Longest wait for one part.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// It answers, and the function may ask it.
    Ok,
    /// It does not answer, or refuses.
    Failing,
    /// It did not answer within [`PROBE_TIMEOUT`].
    TimedOut,
    /// This function has none.
    Absent,
}

/// One part that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probed {
    /// `table`, `vault` or `queue`.
    pub name: &'static str,
    /// How it is.
    pub state: PartState,
    /// How long it took to find out, in milliseconds.
    pub duration_ms: f64,
}

impl Store {
    /// Reads one small item, once: what is left afterwards is an open connection to the table.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer.
    pub async fn connect(&self) -> Result<(), StoreError> {
        let once = aws_sdk_dynamodb::config::Builder::new().retry_config(RetryConfig::disabled());
        let call = self.table.client.get_item().table_name(&self.table.name).consistent_read(false);
        let call = call.set_key(Some(crate::item::key_attributes(&keys::bootstrap())));
        call.customize().config_override(once).send().await.map(drop).map_err(StoreError::table)
    }

    /// Asks every part at the same time. What is wrong goes to the log.
    pub async fn probe(&self) -> [Probed; 3] {
        let queue = async {
            match &self.sync_queue {
                Some(queue) => probed("queue", queue.probe()).await,
                None => Probed { name: "queue", state: PartState::Absent, duration_ms: 0.0 },
            }
        };
        let (table, vault, queue) =
            tokio::join!(probed("table", self.connect()), probed("vault", self.vault.probe()), queue);
        [table, vault, queue]
    }
}

async fn probed(name: &'static str, asked: impl Future<Output = Result<(), StoreError>>) -> Probed {
    let started = Instant::now();
    let state = match tokio::time::timeout(PROBE_TIMEOUT, asked).await {
        Ok(Ok(())) => PartState::Ok,
        Ok(Err(error)) => {
            tracing::warn!(part = name, %error, "A part does not answer as it should");
            PartState::Failing
        }
        Err(_elapsed) => PartState::TimedOut,
    };
    let duration_ms = (started.elapsed().as_secs_f64() * 1e4).round() / 10.0;
    Probed { name, state, duration_ms }
}
