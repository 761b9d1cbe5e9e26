//! Starting a function: settings from the environment, clients once, then the runtime.

use crate::app::{App, Settings, SystemIds};
use crate::dialect::Dialect;
use crate::edge::edge_of;
use crate::gateway;
use aws_config::timeout::TimeoutConfig;
use axum::Router;
use lambda_http::LambdaEvent;
use repoplane_domain::oidc::IssuerKeys;
use repoplane_store::{Store, SyncQueue, TaskQueue, Vault};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

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
/// URL of the queue by which tasks are handed over.
const TASK_QUEUE_URL: &str = "REPOPLANE_TASK_QUEUE_URL";
/// Where providers reach this API.
const PUBLIC_URL: &str = "REPOPLANE_PUBLIC_URL";

/// Runs a function until the runtime ends it. Build the router from the app; the edge is added here. Tokens of OpenID
/// Connect issuers are checked with `keys`.
///
/// # Errors
/// When a setting is missing or the runtime fails.
pub async fn run(keys: Arc<dyn IssuerKeys>, router: impl FnOnce(App) -> Router) -> Result<(), lambda_http::Error> {
    run_dialects(keys, |app| (router(app), Vec::new())).await
}

/// As [`run`], for a function that speaks dialects.
///
/// # Errors
/// As [`run`].
pub async fn run_dialects(
    keys: Arc<dyn IssuerKeys>,
    router: impl FnOnce(App) -> (Router, Vec<Dialect>),
) -> Result<(), lambda_http::Error> {
    init_logs();
    let app = app_from_environment().await?.with_issuer_keys(keys);
    let (router, dialects) = router(app);
    let router = edge_of(router, dialects);
    let service = lambda_http::service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let router = router.clone();
        async move { gateway::answer(router, &event.payload, event.context).await }
    });
    lambda_http::lambda_runtime::run(service).await
}

/// One JSON line an event; the level comes from `RUST_LOG`.
pub fn init_logs() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(false).try_init();
}

/// Region, credentials and time limits of the environment, for the clients of any service.
pub async fn aws_config() -> aws_config::SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(15))
        .build();
    aws_config::defaults(aws_config::BehaviorVersion::latest()).timeout_config(timeouts).load().await
}

/// The app on the clients of the environment.
///
/// # Errors
/// When a setting is missing.
pub async fn app_from_environment() -> Result<App, lambda_http::Error> {
    let table = std::env::var(TABLE).map_err(|_| format!("{TABLE} is not set"))?;
    let prefix = std::env::var(SECRET_PREFIX).unwrap_or_else(|_| "repoplane".to_owned());
    let config = aws_config().await;
    let filled =
        |name: &str| std::env::var(name).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let vault = Vault::new(aws_sdk_secretsmanager::Client::new(&config), prefix).with_key(filled(SECRET_KEY));
    let queue = filled(SYNC_QUEUE_URL).map(|url| SyncQueue::new(aws_sdk_sqs::Client::new(&config), url));
    let store = Store::new(aws_sdk_dynamodb::Client::new(&config), table, vault, Arc::new(SystemIds::new()));
    let tasks = filled(TASK_QUEUE_URL).map(|url| TaskQueue::new(aws_sdk_sqs::Client::new(&config), url));
    let store = store.with_sync_queue(queue).with_task_queue(tasks);
    let settings = Settings { bootstrap_secret: filled(BOOTSTRAP_SECRET), public_url: filled(PUBLIC_URL) };
    Ok(App::new(store, settings))
}
