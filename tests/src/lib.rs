//! The harness of the whole-system tests: the real routers, driven by API Gateway v2 events, on embedded engines.
//!
//! Nothing of ours is mocked. A [`TestApp`] has engines, a clock and a provider double of its own; [`TestApp::line`] counts
//! the calls to the engines and breaks them on purpose. [`Client::call`] takes method, path and body through the same
//! event decoding as a deployed function.

mod builders;
mod client;
mod clock;
mod conformance;
pub mod consistency;
mod dispatch;
pub mod document;
mod event;
mod examples;
mod functions;
pub mod git_server;
mod issuer;
mod observed;
mod operational_events;
mod operations;
pub mod packages;
mod people;
mod providers;
mod skills;
pub mod ssh_server;
mod syncs;
pub mod tls_front;

pub use builders::{GITHUB_ISSUES_OPENED, GITLAB_ISSUE_OPENED, Hook, fixture, github_signature};
pub use client::{Answer, Client};
pub use clock::{CountedIds, TestClock};
pub use event::{Event, scan};
pub use functions::{Functions, routes};
pub use issuer::{IssuerDouble, Published, SigningKey, message};
pub use observed::Lines;
pub use packages::BuildRepo;
pub use people::{Person, Tenant};
pub use providers::ProviderDouble;
pub use skills::Branch;

use repoplane_api::app::Settings;
use repoplane_api::{App, Observer, RateLimits};
use repoplane_domain::secret::Secret;
use repoplane_local::engines::Engines;
use repoplane_local::line::Line;
use repoplane_local::server::{ensure_administrator, reopen, reopen_with, store_on, whole_api_observed};
use repoplane_local::stream_mapping::Position;
use repoplane_providers::{Egress, FetchedKeys, Providers};
use repoplane_provisioning::Provisioner;
use std::sync::Arc;

/// Where providers reach the API in every test.
pub const PUBLIC_URL: &str = "https://plane.example.com";
/// The administrator's token in every test.
pub const ADMIN_TOKEN: &str = "rpt_the-administrator-of-this-test";

/// One application on engines of its own.
#[derive(Clone)]
pub struct TestApp {
    /// Counts calls to the engines, and breaks them.
    pub line: Line,
    /// The time.
    pub clock: TestClock,
    /// The provider double's address, once it runs.
    pub double: Option<ProviderDouble>,
    app: App,
    egress: Egress,
    observer: Observer,
    stream: Position,
    /// Records of the stream that were there before the test.
    first_record: u64,
}

impl TestApp {
    /// Fresh engines, one tenant with one administrator, no provider double.
    pub async fn start() -> Self {
        Self::on(Line::to(Engines::memory().expect("engines in memory")), None).await
    }

    /// As [`TestApp::start`], with a provider double on loopback, allow-listed.
    pub async fn start_with_double() -> Self {
        let double = ProviderDouble::start().await;
        Self::on(Line::to(Engines::memory().expect("engines in memory")), Some(double)).await
    }

    /// As [`TestApp::start`], on a chosen line.
    pub async fn on(line: Line, double: Option<ProviderDouble>) -> Self {
        let mut test = Self::empty(line, double).await;
        ensure_administrator(&test.app, &Secret::new(ADMIN_TOKEN)).await.expect("an administrator");
        test.first_record = test.line.engines().stream().end();
        test.lose_stream();
        test.line.take_calls();
        test
    }

    /// Fresh engines without any tenant, as a stack right after its deployment.
    pub async fn unbootstrapped() -> Self {
        Self::empty(Line::to(Engines::memory().expect("engines in memory")), None).await
    }

    /// As [`TestApp::start_with_double`], before its first tenant and with ids that are the same in every run.
    async fn repeatable() -> Self {
        let line = Line::to(Engines::memory().expect("engines in memory"));
        let test = Self::empty(line, Some(ProviderDouble::start().await)).await;
        let store = reopen_with(&test.line, Arc::new(CountedIds::new()));
        let settings = Settings {
            bootstrap_secret: Some(examples::BOOTSTRAP_SECRET.to_owned()),
            public_url: Some(PUBLIC_URL.to_owned()),
            ..Settings::default()
        };
        let app = App { store, settings: Arc::new(settings), ..test.app.clone() };
        Self { app, ..test }
    }

    async fn empty(line: Line, double: Option<ProviderDouble>) -> Self {
        let clock = TestClock::new();
        let store = store_on(&line).await.expect("the table");
        let settings = Settings { public_url: Some(PUBLIC_URL.to_owned()), ..Settings::default() };
        let egress = double.as_ref().map_or_else(|| Egress::new(Default::default()), ProviderDouble::egress);
        let app = App { clock: Arc::new(clock.clone()), ..App::new(store, settings) };
        let app = app.with_issuer_keys(Arc::new(FetchedKeys::new(egress.clone())));
        let (observer, stream) = (Observer::for_people(), Position::default());
        Self { line, clock, double, app, egress, observer, stream, first_record: 0 }
    }

    /// A second instance on the same engines: caches and counts of its own, as another Lambda environment.
    #[must_use]
    pub fn second_instance(&self) -> Self {
        let line = self.line.fork();
        let federation = self.app.federation.apart();
        let limits = self.app.limits.apart();
        let app = App { store: reopen(&line), federation, limits, ..self.app.clone() };
        Self { line, app, ..self.clone() }
    }

    /// As [`TestApp::second_instance`], on a machine whose clock is ahead by so many seconds, or behind when negative.
    #[must_use]
    pub fn skewed(&self, ahead_seconds: i64) -> Self {
        let second = self.second_instance();
        let clock = clock::Skewed { clock: self.clock.clone(), ahead: ahead_seconds * 1000 };
        Self { app: App { clock: Arc::new(clock), ..second.app.clone() }, ..second }
    }

    /// As [`TestApp::second_instance`], but the bootstrap secret's name is set.
    #[must_use]
    pub fn with_settings(&self, settings: Settings) -> Self {
        let app = App { settings: Arc::new(settings), ..self.app.clone() };
        Self { app, ..self.clone() }
    }

    /// The same application with rate limits.
    #[must_use]
    pub fn with_limits(&self, limits: RateLimits) -> Self {
        Self { app: self.app.clone().with_limits(limits), ..self.clone() }
    }

    /// A client with the administrator's token.
    pub fn admin(&self) -> Client {
        self.client(ADMIN_TOKEN)
    }

    /// A client with some token.
    pub fn client(&self, token: impl Into<String>) -> Client {
        Client::new(self.router(), Some(token.into()))
    }

    /// A client without a token: a provider, or a stranger.
    pub fn anonymous(&self) -> Client {
        Client::new(self.router(), None)
    }

    /// The API over HTTP on a free port of loopback, until the test ends: for what an event of the gateway cannot carry.
    pub async fn listen(&self) -> std::net::SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let router = self.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn router(&self) -> axum::Router {
        whole_api_observed(&self.app, &self.egress, self.observer.clone())
    }

    /// How many requests have gone out to providers so far.
    pub fn provider_calls(&self) -> u64 {
        self.egress.calls()
    }

    /// What makes projects at the double, on this application's store.
    pub fn provisioner(&self) -> Provisioner {
        let providers = Providers::new(self.egress.clone());
        Provisioner::new(self.app.store.clone(), providers, self.app.settings.public_url.clone())
    }

    /// What the functions share, for what happens outside of any request.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The store, for what no route shows.
    pub fn store(&self) -> &repoplane_store::Store {
        &self.app.store
    }

    /// The actions in a repository's audit log, oldest first.
    pub async fn audit_of(&self, repo: &str) -> Vec<String> {
        let items = self.items().await.into_iter();
        let mut entries: Vec<_> = items
            .filter(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("AUDIT#")))
            .filter(|item| item["data"]["M"]["repository"]["S"] == repo)
            .collect();
        entries.sort_by_key(|item| item["sk"]["S"].to_string());
        entries.iter().map(|item| item["data"]["M"]["action"]["S"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Every item of the table, as it lies there.
    pub async fn items(&self) -> Vec<serde_json::Value> {
        event::scan(&self.line).await
    }
}
