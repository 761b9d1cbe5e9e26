//! The development server: engines, bootstrap, provider double and every function's router on loopback.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is its user interface")]

use crate::engines::{Engines, REGION, write_private};
use crate::event_bus::EVENTS;
use crate::line::Line;
use crate::mapping::Mapping;
use crate::stream_mapping::{Position, StreamMapping};
use crate::{demo, double, queues, table};
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use repoplane_api::app::random_token;
use repoplane_api::edge::edge_observed;
use repoplane_api::{App, Observer, SystemIds};
use repoplane_dispatch::{DispatchFunction, EventBus};
use repoplane_domain::access::{
    AccessToken, CreateAccessToken, CreateTenant, Principal, Scope, Tenant, TokenKind, User,
};
use repoplane_domain::id::{AccessTokenId, IdSource};
use repoplane_domain::secret::Secret;
use repoplane_providers::{Egress, EgressSettings, FetchedKeys, Providers};
use repoplane_provisioning::Provisioner;
use repoplane_store::{Authorship, KeptAnswer, Store, SyncQueue, TaskQueue, Vault};
use repoplane_sync::{ProviderScanner, SyncFunction};
use std::error::Error;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Name of the table.
const TABLE: &str = "repoplane";
/// First part of the names of all secrets.
const SECRET_PREFIX: &str = "repoplane";
/// Where the queues are served, beside the provider double.
const QUEUES_PATH: &str = "/sqs";
const TOKEN_FILE: &str = "admin-token";
const ENV_FILE: &str = "lambda.env";
/// Shortest administrator token that is taken from the environment, in characters.
const MIN_TOKEN_CHARS: usize = 20;
/// The tour: what is printed is what the script runs, without its checks.
const TOUR: &str = include_str!("../tour/tour.sh");

/// What kept the server from doing something, in words for the person who started it.
pub type Failure = Box<dyn Error + Send + Sync>;

/// How to run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Port on loopback; 0 picks a free one.
    pub port: u16,
    /// Where the data lies; `None` is memory.
    pub data_dir: Option<PathBuf>,
    /// Play the main job once.
    pub demo: bool,
    /// Only the engines and the double.
    pub aws_only: bool,
    /// The administrator's token, instead of a generated one.
    pub admin_token: Option<String>,
    /// `host:port` entries that provider calls may reach besides public addresses.
    pub egress_allow: String,
    /// Where providers reach the API, when not at its loopback address: the far end of a tunnel, for example.
    pub public_url: Option<String>,
    /// The Git server where the code of new products lives.
    pub git_base_url: Option<String>,
}

/// Every function in one router, behind one edge: what API Gateway does in the cloud.
pub fn whole_api(app: &App, egress: &Egress) -> Router {
    whole_api_observed(app, egress, Observer::for_people())
}

/// As [`whole_api`], telling an observer of every request.
pub fn whole_api_observed(app: &App, egress: &Egress, observer: Observer) -> Router {
    edge_observed(
        repoplane_repos::router(app.clone(), egress.clone())
            .merge(repoplane_robots::router(app.clone(), egress.clone()))
            .merge(repoplane_automation::router(app.clone()))
            .merge(repoplane_webhooks::router(app.clone())),
        repoplane_repos::dialects(app),
        observer,
    )
}

/// A store on a line, with its table made if it is missing.
///
/// # Errors
/// What the engines refuse.
pub async fn store_on(line: &Line) -> Result<Store, Failure> {
    let client = line.dynamodb();
    table::create(&client, TABLE).await?;
    queues::create(&line.sqs()).await?;
    queues::create_tasks(&line.sqs()).await?;
    Ok(reopen(line))
}

/// A store on a line whose table exists: another instance with caches of its own.
pub fn reopen(line: &Line) -> Store {
    reopen_with(line, Arc::new(SystemIds::new()))
}

/// As [`reopen`], with ids of the caller's choice.
pub fn reopen_with(line: &Line, ids: Arc<dyn IdSource>) -> Store {
    let vault = Vault::new(line.secrets_manager(), SECRET_PREFIX);
    let queue = SyncQueue::new(line.sqs(), queues::SYNC_JOBS_URL);
    let tasks = TaskQueue::new(line.sqs(), queues::ROBOT_TASKS_URL);
    Store::new(line.dynamodb(), TABLE, vault, ids).with_sync_queue(Some(queue)).with_task_queue(Some(tasks))
}

/// Runs until it is told to stop.
///
/// # Errors
/// What kept it from starting, in words for the person who started it.
pub async fn run(options: Options) -> Result<(), Failure> {
    let engines = match &options.data_dir {
        Some(directory) => Engines::open(directory).await?,
        None => Engines::memory()?,
    };
    let line = Line::to(engines.clone());
    let (listener, port) = listen(options.port).await?;
    let base = format!("http://127.0.0.1:{port}");
    let public_url = Some(options.public_url.clone().unwrap_or_else(|| base.clone()));
    let anonymous_tenant = repoplane_api::lambda::anonymous_tenant()?;
    let settings = repoplane_api::app::Settings {
        public_url,
        git_base_url: options.git_base_url.clone(),
        anonymous_tenant,
        ..Default::default()
    };
    let app = App::new(store_on(&line).await?, settings);
    let token = admin_token(&options)?;
    ensure_administrator(&app, &token).await?;

    let wanted = if options.port == 0 { 0 } else { options.port.saturating_add(1) };
    let (double_listener, double_port) = listen(wanted).await?;
    let double_origin = format!("http://127.0.0.1:{double_port}");
    let beside = double::router().nest_service(QUEUES_PATH, queues_router(engines.clone()));
    tokio::spawn(async move { axum::serve(double_listener, beside).await });
    let queue_endpoint = format!("{double_origin}{QUEUES_PATH}");

    let allow = format!("127.0.0.1:{double_port} {}", options.egress_allow);
    if options.aws_only {
        let directory = options.data_dir.clone().unwrap_or_else(|| PathBuf::from(".repoplane"));
        let file = write_environment(&directory, &base, &allow)?;
        println!("repoplane engines ready: {base}\nadmin token: {}\nprovider double: {double_origin}", token.expose());
        println!(
            "\nRun the functions on them:\n  cargo lambda watch -A 127.0.0.1 -P 9100 --env-file {} --concurrency 4",
            file.display()
        );
        return Ok(axum::serve(listener, engines_router(engines)).await?);
    }
    let egress = Egress::new(EgressSettings::from_allow_list(&allow)?);
    let app = app.with_issuer_keys(Arc::new(FetchedKeys::new(egress.clone())));
    let service = whole_api(&app, &egress);
    let queues = queues::create(&line.sqs()).await?;
    let providers = Providers::new(egress.clone());
    let provisioner = Provisioner::new(app.store.clone(), providers.clone(), app.settings.public_url.clone());
    let sync = SyncFunction::new(app.clone(), ProviderScanner::new(providers)).taking_back(provisioner);
    tokio::spawn(Mapping::new(sync, line.sqs(), queues).run());
    let stream = engines.stream().clone();
    let bus = EventBus::new(line.eventbridge(), EVENTS);
    let dispatch = DispatchFunction::new(app.clone()).with_event_bus(Some(bus));
    tokio::spawn(StreamMapping::new(dispatch, stream, Position::default()).run());
    let served = tokio::spawn(async move { axum::serve(listener, service).await });
    println!("repoplane ready: {base}");
    println!("admin token: {}", token.expose());
    println!("provider double: {double_origin}");
    println!("robot tasks: {} at {queue_endpoint}", queues::ROBOT_TASKS_URL);
    println!("example worker: {}\n", worker_line(&base, &token, &queue_endpoint));
    if options.demo {
        demo::play(&base, &token, &double_origin).await?;
    } else {
        print_tour(&base, &token, &double_origin);
    }
    tokio::select! {
        ended = served => Ok(ended??),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// Lines for people on standard error, warnings and worse unless `RUST_LOG` says otherwise.
pub fn init_logs() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,repoplane_local::event_bus=info"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

/// Says what went wrong, with every cause.
pub fn report(error: &(dyn Error + 'static)) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}

async fn listen(port: u16) -> Result<(TcpListener, u16), Failure> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let listener =
        bound.map_err(|error| format!("port {port} cannot be used ({error}): choose another with --port"))?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// The token of the environment, else the one kept in the data directory, else a new one.
fn admin_token(options: &Options) -> Result<Secret, Failure> {
    if let Some(text) = &options.admin_token {
        if text.chars().count() < MIN_TOKEN_CHARS {
            return Err(format!("REPOPLANE_ADMIN_TOKEN must have at least {MIN_TOKEN_CHARS} characters").into());
        }
        return Ok(Secret::new(text.clone()));
    }
    let Some(directory) = &options.data_dir else { return Ok(random_token(TokenKind::Personal.prefix())?) };
    let path = directory.join(TOKEN_FILE);
    if let Ok(text) = std::fs::read_to_string(&path)
        && !text.trim().is_empty()
    {
        return Ok(Secret::new(text.trim()));
    }
    // Kept before it is used: a kill in between leaves a token that the next start puts to use.
    let token = random_token(TokenKind::Personal.prefix())?;
    write_private(&path, token.expose().as_bytes())?;
    Ok(token)
}

/// Makes the default tenant and its administrator, or gives the administrator this token if it is new.
///
/// # Errors
/// When storage fails.
pub async fn ensure_administrator(app: &App, token: &Secret) -> Result<(), Failure> {
    let (store, now) = (&app.store, app.now());
    let command =
        || CreateAccessToken::of_bootstrap("cargo dev", Scope::OF_A_TENANT.into_iter().chain([Scope::Operator]));
    let Some(tenant) = store.first_tenant().await? else {
        let body = serde_json::json!({"tenant": "default", "username": "admin", "email": "admin@example.com"});
        let tenant = CreateTenant::read(&body)?;
        let unkept = |_: &Tenant, _: &User| KeptAnswer::ok(serde_json::Value::Null);
        let tokens = vec![(command(), token.clone())];
        store.create_tenant(&tenant, tokens, Authorship::Bootstrap { token: None }, now, unkept).await?;
        return Ok(());
    };
    if store.authenticate(token, true, now).await?.is_some() {
        return Ok(());
    }
    let users = store.list_users(tenant).await?;
    let user = users.into_iter().find(User::administers);
    let user = user.ok_or("the default tenant has no enabled administrator")?;
    let author = Principal {
        tenant,
        user: user.id,
        username: user.username,
        display_name: user.display_name,
        email: user.email,
        roles: user.roles,
        token: AccessTokenId::new(now, store.ids()),
        kind: TokenKind::Personal,
        scopes: Scope::OF_A_TENANT.into_iter().collect(),
        policy: None,
    };
    let unkept = |_: &AccessToken| KeptAnswer::ok(serde_json::Value::Null);
    store.create_access_token(&author, command(), (token.clone(), None), now, unkept).await?;
    Ok(())
}

/// The queues alone, for workers on this machine: they have no business with the table and the vault.
pub fn queues_router(engines: Engines) -> Router {
    let all = engines_router(engines);
    let only_queues = |request: Request, next: Next| async move {
        let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if target.starts_with("AmazonSQS.") {
            return next.run(request).await;
        }
        let body = r#"{"__type":"com.amazonaws.sqs#UnknownOperationException"}"#;
        (http::StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.0")], body).into_response()
    };
    all.layer(middleware::from_fn(only_queues))
}

/// The engines behind one port, told apart by the call's target: for functions in other processes.
pub fn engines_router(engines: Engines) -> Router {
    Router::new().fallback(move |headers: http::HeaderMap, body: axum::body::Bytes| {
        let engines = engines.clone();
        async move {
            let target =
                headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
            let answer = engines.call(&target, body.to_vec()).await;
            let status = http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
            (status, [("content-type", "application/x-amz-json-1.0")], answer.body)
        }
    })
}

/// The environment for `cargo lambda watch`.
fn write_environment(directory: &Path, engines: &str, allow: &str) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(directory)?;
    let lines = [
        ("AWS_ENDPOINT_URL_DYNAMODB", engines),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", engines),
        ("AWS_ENDPOINT_URL_SQS", engines),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", engines),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("REPOPLANE_TABLE", TABLE),
        ("REPOPLANE_SECRET_PREFIX", SECRET_PREFIX),
        ("REPOPLANE_EGRESS_ALLOW", allow.trim()),
        ("REPOPLANE_SYNC_QUEUE_URL", queues::SYNC_JOBS_URL),
        ("REPOPLANE_TASK_QUEUE_URL", queues::ROBOT_TASKS_URL),
        ("REPOPLANE_EVENT_BUS", EVENTS),
        ("REPOPLANE_PUBLIC_URL", "http://127.0.0.1:9100"),
        ("RUST_LOG", "info"),
    ];
    let text: String = lines.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    let file = directory.join(ENV_FILE);
    write_private(&file, text.as_bytes())?;
    Ok(file)
}

/// What starts the example worker on the tasks that come in here; it answers each with its own prompt.
fn worker_line(base: &str, token: &Secret, queue_endpoint: &str) -> String {
    format!(
        "AWS_ENDPOINT_URL_SQS={queue_endpoint} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION={REGION} \
         REPOPLANE_TOKEN='{}' cargo run -p repoplane-robot-worker -- --api {base} --queue-url {} --command cat",
        token.expose().replace('\'', "'\\''"),
        queues::ROBOT_TASKS_URL
    )
}

fn print_tour(base: &str, token: &Secret, double_origin: &str) {
    println!("Paste this into another terminal to take the tour (or run `cargo dev --demo` to have it played):\n");
    println!("export BASE={base} TOKEN='{}' DOUBLE={double_origin}", token.expose().replace('\'', "'\\''"));
    let shown = TOUR.split_once("#> ").map_or("", |(_, tour)| tour);
    for line in format!("#> {shown}").lines().filter(|line| !line.starts_with("check ")) {
        match line.strip_prefix("#> ") {
            // Said, not commented: zsh takes no comments at its prompt, and the answers below get their headings.
            Some(title) => println!("\necho; echo '# {title}'"),
            None if line.is_empty() => {}
            None => println!("{line}"),
        }
    }
    println!("\nCtrl-C ends this server.");
}
