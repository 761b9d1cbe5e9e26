//! Syncs in a test: schedules and queue run when the test says so, on the real function.

use crate::TestApp;
use aws_sdk_secretsmanager::types::Tag;
use repoplane_domain::id::RepositoryId;
use repoplane_local::mapping::Mapping;
use repoplane_local::queues;
use repoplane_providers::Providers;
use repoplane_sync::{ProviderScanner, Scanner, SyncFunction};
use serde_json::{Value, json};

impl TestApp {
    /// The function, asking the providers as the application does.
    pub fn sync(&self) -> SyncFunction<ProviderScanner> {
        self.sync_with(ProviderScanner::new(Providers::new(self.egress.clone())))
    }

    /// The function with another scanner.
    pub fn sync_with<S: Scanner>(&self, scanner: S) -> SyncFunction<S> {
        SyncFunction::new(self.app.clone(), scanner).taking_back(self.provisioner())
    }

    /// Invokes the function as a schedule does.
    pub async fn schedule(&self, schedule: &str) -> Value {
        self.sync().handle(json!({"schedule": schedule})).await.expect("the schedule's invocation")
    }

    /// Has every queued job done. Says how many there were.
    pub async fn work(&self) -> usize {
        self.work_with(&self.sync()).await
    }

    /// The same by another function; a job that fails is given out again at once.
    pub async fn work_with<S: Scanner>(&self, sync: &SyncFunction<S>) -> usize {
        let queues = queues::create(&self.line.sqs()).await.expect("the queues");
        let mapping = Mapping::new(sync.clone(), self.line.sqs(), queues).impatient();
        mapping.drain().await.expect("the queue")
    }

    /// The bodies of the messages that were given up; they stay.
    pub async fn dead_letters(&self) -> Vec<String> {
        let client = self.line.sqs();
        let url = queues::create(&client).await.expect("the queues").dead_letters;
        let mut bodies = Vec::new();
        loop {
            let call = client.receive_message().queue_url(&url).max_number_of_messages(10).visibility_timeout(0);
            let page = call.send().await.expect("the dead letters").messages.unwrap_or_default();
            let fresh = page.into_iter().filter_map(|message| message.body);
            let before = bodies.len();
            bodies.extend(fresh);
            // With a visibility of nothing, the same ones come again.
            if before > 0 || bodies.len() < 10 {
                return bodies;
            }
        }
    }

    /// Puts a secret document of a repository that never came to be, as a registration leaves it that dies half-way.
    pub async fn orphan_secret(&self) -> String {
        let tenant = self.store().first_tenant().await.expect("storage").expect("a tenant");
        let name = format!("repoplane/{tenant}/{}", RepositoryId::start_of(self.clock.peek()));
        let tag = Tag::builder().key("application").value("repoplane").build();
        let call = self.line.secrets_manager().create_secret().name(&name).secret_string("{}").tags(tag);
        call.send().await.expect("a secret");
        name
    }

    /// An application on the same engines whose provider calls may reach an address.
    #[must_use]
    pub fn reaching(&self, allowed: &str) -> Self {
        let settings = repoplane_providers::EgressSettings::from_allow_list(allowed).expect("an allow list");
        Self { egress: repoplane_providers::Egress::new(settings), ..self.clone() }
    }
}
