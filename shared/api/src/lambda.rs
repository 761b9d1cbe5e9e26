//! Starting a function: settings from the environment, clients once, then the runtime.

use crate::app::{App, Settings, SystemIds};
use crate::clients::{InvalidRoots, Roots, load};
use crate::dialect::Dialect;
use crate::edge::edge_observed;
use crate::gateway::{self, GatewayAnswer};
use crate::limits::RateLimits;
use crate::observe::Observer;
use axum::Router;
use lambda_http::LambdaEvent;
use repoplane_domain::id::TenantId;
use repoplane_domain::oidc::IssuerKeys;
use repoplane_store::{Store, SyncQueue, TaskQueue, Vault};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Name of the table.
const TABLE: &str = "REPOPLANE_TABLE";
/// First part of the names of all secrets.
const SECRET_PREFIX: &str = "REPOPLANE_SECRET_PREFIX";
/// ARN of the KMS key that new secrets are encrypted with; without one, the key that AWS manages.
const SECRET_KEY: &str = "REPOPLANE_SECRET_KEY";
/// Name of the secret that holds the bootstrap token.
const BOOTSTRAP_SECRET: &str = "REPOPLANE_BOOTSTRAP_SECRET";

/// URL of the queue of syncs; without one they wait for the tick.
const SYNC_QUEUE_URL: &str = "REPOPLANE_SYNC_QUEUE_URL";
/// Longest wait for the table at the start. A start that waits in vain goes on without it.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(800);
/// URL of the queue by which tasks are handed over.
const TASK_QUEUE_URL: &str = "REPOPLANE_TASK_QUEUE_URL";
/// Where providers reach this API.
const PUBLIC_URL: &str = "REPOPLANE_PUBLIC_URL";
/// Where the code of new products lives.
const GIT_BASE_URL: &str = "REPOPLANE_GIT_BASE_URL";
/// Whose public repositories are shown to who has no token.
const ANONYMOUS_TENANT: &str = "REPOPLANE_ANONYMOUS_TENANT";
/// An answer in the gateway's form, in bytes, with room for its headers (AWS Lambda: 6 MB).
const MAX_ANSWER_BYTES: usize = 5_900_000;

/// Runs a function until the runtime ends it. `function` is its group of resources, for its lines and metrics. Build the router from the app; the edge is added here. Tokens of OpenID
/// Connect issuers are checked with `keys`.
///
/// # Errors
/// When a setting is missing or the runtime fails.
pub async fn run(
    function: &'static str,
    keys: Arc<dyn IssuerKeys>,
    router: impl FnOnce(App) -> Router,
) -> Result<(), lambda_http::Error> {
    run_dialects(function, keys, |app| (router(app), Vec::new())).await
}

/// As [`run`], for a function that speaks dialects.
///
/// # Errors
/// As [`run`].
pub async fn run_dialects(
    function: &'static str,
    keys: Arc<dyn IssuerKeys>,
    router: impl FnOnce(App) -> (Router, Vec<Dialect>),
) -> Result<(), lambda_http::Error> {
    init_logs();
    let app = app_from_environment().await?.with_issuer_keys(keys);
    let (router, dialects) = router(app);
    let observer = Observer::of_function(function);
    let router = edge_observed(router, dialects, observer.clone());
    let service = lambda_http::service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let (router, observer) = (router.clone(), observer.clone());
        async move {
            let answer = gateway::answer(router, &event.payload, event.context).await;
            if let Ok(GatewayAnswer::Refused(refusal)) = &answer {
                observer.refused(refusal);
            }
            answer
        }
    });
    lambda_http::lambda_runtime::run(service).await
}

/// One JSON line an event; which of them, `RUST_LOG` says: levels by target, as in `info,repoplane_store=debug`.
pub fn init_logs() {
    // Targets and levels are enough, and are read without the engine of regular expressions that more would need.
    let wanted = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let wanted = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().json().with_current_span(false);
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(lines.with_filter(wanted)).try_init();
}

/// Region, credentials, time limits and trust of the environment, for the clients of any service.
///
/// # Errors
/// When the authorities to be trusted cannot be read.
pub async fn aws_config() -> Result<aws_config::SdkConfig, lambda_http::Error> {
    Ok(load(&Roots::of(|name| std::env::var(name).ok())).await?)
}

/// The app on the clients of the environment, with its connection to the table open if the table answers.
///
/// # Errors
/// When a setting is missing or cannot be read.
pub async fn app_from_environment() -> Result<App, lambda_http::Error> {
    let table = std::env::var(TABLE).map_err(|_| format!("{TABLE} is not set"))?;
    let limits = RateLimits::from_environment()?;
    let roots = Roots::of(|name| std::env::var(name).ok());
    let mut store = store(&table, &roots).await?;
    if let Err(error) = connected(&store).await {
        tracing::warn!(%error, "The table did not answer at the start; the first request connects to it");
        if roots == Roots::Amazon {
            // Whatever stands between may have a certificate that only the platform knows.
            store = self::store(&table, &Roots::Platform).await?;
        }
    }
    let settings = Settings {
        bootstrap_secret: filled(BOOTSTRAP_SECRET),
        public_url: filled(PUBLIC_URL),
        git_base_url: filled(GIT_BASE_URL),
        anonymous_tenant: anonymous_tenant()?,
        max_answer_bytes: Some(MAX_ANSWER_BYTES),
    };
    Ok(App::new(store, settings).with_limits(limits))
}

/// The tenant whose public repositories review tools show to who has no token, as `REPOPLANE_ANONYMOUS_TENANT` names it.
///
/// # Errors
/// When what it names is no id of a tenant.
pub fn anonymous_tenant() -> Result<Option<TenantId>, String> {
    let parsed = filled(ANONYMOUS_TENANT).map(|text| text.parse::<TenantId>());
    parsed.transpose().map_err(|_| format!("{ANONYMOUS_TENANT} must be the id of a tenant, like tnt_…"))
}

/// A variable that is not blank.
fn filled(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Opens the connection to the table, which every request needs.
async fn connected(store: &Store) -> Result<(), String> {
    match tokio::time::timeout(CONNECT_TIMEOUT, store.connect()).await {
        Ok(answered) => answered.map_err(|error| error.to_string()),
        Err(_elapsed) => Err("no answer in time".to_owned()),
    }
}

/// The store on clients that trust these roots; those of vault and queue are built when they are needed.
async fn store(table: &str, roots: &Roots) -> Result<Store, InvalidRoots> {
    let config = load(roots).await?;
    let prefix = std::env::var(SECRET_PREFIX).unwrap_or_else(|_| "repoplane".to_owned());
    let vault = Vault::lazy(
        {
            let config = config.clone();
            move || aws_sdk_secretsmanager::Client::new(&config)
        },
        prefix,
    )
    .with_key(filled(SECRET_KEY));
    let queue = filled(SYNC_QUEUE_URL).map(|url| {
        let config = config.clone();
        SyncQueue::lazy(move || aws_sdk_sqs::Client::new(&config), url)
    });
    let tasks = filled(TASK_QUEUE_URL).map(|url| {
        let config = config.clone();
        TaskQueue::lazy(move || aws_sdk_sqs::Client::new(&config), url)
    });
    let client = aws_sdk_dynamodb::Client::new(&config);
    let store = Store::new(client, table, vault, Arc::new(SystemIds::new()));
    Ok(store.with_sync_queue(queue).with_task_queue(tasks))
}
