//! Keeping the registry true, without being asked: whether each repository can be reached, and what is in it
//! or in its projects.
//!
//! The tick finds what is due and queues it, and takes back what unfinished calls left at providers; the worker behind the queue looks at one repository a job; the sweep clears
//! what deletions and failed writes left. All three may run twice, late or at the same time: what is to be done stands in
//! the table, and who does it is decided there.

mod event;
mod scan;
mod specs;
mod sweep;
mod tick;
mod worker;

pub use event::{Event, InvalidEvent};
pub use scan::{Place, ProviderScanner, Scanner};
pub use sweep::Swept;
pub use tick::Ticked;
pub use worker::{JOB_TIMEOUT, Looked};

use repoplane_api::App;
use repoplane_provisioning::Provisioner;
use serde_json::{Value, json};

/// The function on its surroundings. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SyncFunction<S> {
    app: App,
    scanner: S,
    provisioner: Option<Provisioner>,
}

impl<S: Scanner> SyncFunction<S> {
    /// The function on an app, with what looks into repositories.
    pub fn new(app: App, scanner: S) -> Self {
        Self { app, scanner, provisioner: None }
    }

    /// The same, whose tick also takes back what unfinished calls left at providers.
    #[must_use]
    pub fn taking_back(self, provisioner: Provisioner) -> Self {
        Self { provisioner: Some(provisioner), ..self }
    }

    /// Answers one invocation: a schedule's or the queue's.
    ///
    /// # Errors
    /// [`InvalidEvent`] for an event of no known kind; storage failures of the tick and the sweep. Jobs that failed are
    /// named in the answer instead, so that the others are done.
    pub async fn handle(&self, event: Value) -> Result<Value, lambda_runtime::Error> {
        // On the heap: one future with all of them in it is deeper than the compiler looks.
        match Event::read(event)? {
            Event::Tick => Ok(json!(Box::pin(self.tick()).await?)),
            Event::Sweep => Ok(json!(Box::pin(self.sweep()).await?)),
            Event::Jobs(jobs) => Ok(json!(Box::pin(self.work(jobs)).await)),
        }
    }
}
