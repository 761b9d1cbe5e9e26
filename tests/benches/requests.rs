//! Time per request in one process: the real router on the embedded engines, an event's text in and the answer's bytes out.
//!
//! The engines are SQLite and a map in memory, so what is measured is our code, the SDK and the engines, but no network.
//! `engine_*` measures the engines alone: the difference is ours and the SDK's.

use axum::Router;
use divan::{Bencher, black_box};
use http_body_util::BodyExt;
use repoplane_domain::delivery::Delivery;
use repoplane_domain::id::{DeliveryId, IdSource, RepositoryId};
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use repoplane_domain::webhook::{
    Ending, Incoming, Recording, Target, TraceLog, TraceSource, Verification, VerificationSecrets, WebhookHeaders,
    decide, dedupe_keys, open, record, verify,
};
use repoplane_local::server::whole_api;
use repoplane_providers::Egress;
use repoplane_store::DecisionSet;
use repoplane_tests::{ADMIN_TOKEN, Event, GITHUB_ISSUES_OPENED, Hook, TestApp, fixture, github_signature};
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

/// Rules and robots of the busy repository.
const BUSY: usize = 20;
/// What the busy repository is called; the usual one is that of the examples.
const BUSY_NAME: &str = "acme/busy";
/// The largest body that a webhook may have.
const LARGE: usize = 6 * 1024 * 1024;
/// Repositories of the tenants whose lists are read.
const LISTS: [usize; 3] = [10, 1_000, 100_000];
/// Items of one batch (DynamoDB: BatchWriteItem).
const BATCH: usize = 25;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));
static STAGE: LazyLock<Stage> = LazyLock::new(|| RUNTIME.block_on(Stage::set()));
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn main() {
    divan::main();
}

/// One seeded engine for all benchmarks, with the registry's whole load on it.
struct Stage {
    app: TestApp,
    router: Router,
    /// A repository with nothing on it.
    bare: Hook,
    /// One robot, one rule that wants issues.
    usual: Hook,
    /// [`BUSY`] robots, and as many rules that each wake one of them for the label `all`.
    busy: Hook,
    /// The same repository in Review Board's API.
    review_board: String,
    /// Administrators' tokens, by the size of their tenant.
    tenants: Vec<(usize, String)>,
}

impl Stage {
    async fn set() -> Self {
        let app = TestApp::start_with_double().await;
        let (usual, _) = Hook::ready(&app).await;
        usual.ping(&app, "first").await.expect(202);
        let bare = Hook::register(&app, "github", json!({"name": "acme/bare"})).await;
        let busy = busy(&app).await;
        let shown = app.admin().get(&bare.path).await.expect(200);
        let review_board = format!("/api/repositories/{}/", shown.body["repo"]["number"]);
        let mut tenants = Vec::new();
        for size in LISTS {
            let tenant = app.tenant(&format!("of-{size}")).await;
            let body = json!({"provider": "github", "name": "seed", "description": "The first of many"});
            let first = tenant.client.post("/api/repos", body).await.expect(201).text("/repo/id");
            multiply(&app, &first, size - 1).await;
            tenants.push((size, tenant.token));
        }
        let router = whole_api(app.app(), &Egress::new(Default::default()));
        Self { app, router, bare, usual, busy, review_board, tenants }
    }

    fn set_of(&self, hook: &Hook) -> DecisionSet {
        let id: RepositoryId = hook.repo.parse().expect("an id");
        RUNTIME.block_on(self.app.store().decision_set(id)).expect("the table").expect("a repository")
    }
}

async fn busy(app: &TestApp) -> Hook {
    let double = app.double.as_ref().expect("a provider double").github();
    let body = json!({"name": BUSY_NAME, "apiBaseUrl": double});
    let hook = Hook::register(app, "github", body).await;
    hook.add_credentials(app, repoplane_local::double::WRITE_TOKEN).await;
    let mut rules = Vec::new();
    for n in 0..BUSY {
        let robot = hook.add_robot(app, &format!("Robot {n}")).await;
        hook.enable(app, &robot).await;
        rules.push(json!({
            "name": format!("rule {n}"),
            "actions": [{"robotId": robot}],
            "match": {
                "all": [
                    {"field": "labels", "op": "containsAny", "values": ["all", format!("only-{n}")]},
                    {"field": "title", "op": "matchesAny", "values": ["*Spelling*", "*spelling*"]},
                ],
                "any": [
                    {"field": "author", "op": "in", "values": ["codertocat", "octocat"]},
                    {"field": "sender", "op": "equals", "value": "somebody"},
                ],
            },
        }));
    }
    let config = json!({"config": {"version": 2, "events": {"issue": {"rules": rules}}}});
    app.admin().put(&format!("{}/automation", hook.path), config).await.expect(200);
    app.admin().patch(&hook.path, json!({"apiBaseUrl": null})).await.expect(200);
    hook
}

/// Copies of a repository's record, put side by side as the engine takes them.
async fn multiply(app: &TestApp, first: &str, copies: usize) {
    let engines = app.line.engines();
    let key = json!({"pk": {"S": format!("REPO#{first}")}, "sk": {"S": "D#1RECORD"}});
    let request = json!({"TableName": "repoplane", "Key": key}).to_string();
    let answer = engines.call("DynamoDB_20120810.GetItem", request.into_bytes()).await;
    let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let record = answer["Item"].to_string();
    assert!(record.contains(first), "{record}");
    let now = app.clock.peek();
    let ids: Vec<String> = (0..copies).map(|_| RepositoryId::new(now, app.store().ids()).to_string()).collect();
    for batch in ids.chunks(BATCH) {
        let puts: Vec<String> =
            batch.iter().map(|id| format!(r#"{{"PutRequest":{{"Item":{}}}}}"#, record.replace(first, id))).collect();
        let request = format!(r#"{{"RequestItems":{{"repoplane":[{}]}}}}"#, puts.join(","));
        let answer = engines.call("DynamoDB_20120810.BatchWriteItem", request.into_bytes()).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    }
}

/// What the runtime hands to a function.
fn text(event: &Event, token: Option<&str>) -> String {
    let event = event.clone();
    let event = match token {
        Some(token) => event.header("authorization", &format!("Bearer {token}")),
        None => event,
    };
    event.json().to_string()
}

/// One request, from the event's text to the answer's bytes.
fn answer(event: &str, status: u16) -> usize {
    RUNTIME.block_on(async {
        let request = lambda_http::request::from_str(event).expect("an event");
        let request = request.map(axum::body::Body::new);
        let answer = STAGE.router.clone().oneshot(request).await.expect("routers do not fail");
        assert_eq!(answer.status().as_u16(), status);
        answer.into_body().collect().await.expect("a body").to_bytes().len()
    })
}

fn ask(bencher: Bencher<'_, '_>, path: &str, token: &str) {
    let event = text(&Event::new("GET", path), Some(token));
    answer(&event, 200);
    bencher.bench_local(|| answer(black_box(&event), 200));
}

#[divan::bench]
fn request_health(bencher: Bencher<'_, '_>) {
    ask(bencher, "/health", ADMIN_TOKEN);
}

#[divan::bench]
fn request_repository_bare(bencher: Bencher<'_, '_>) {
    ask(bencher, &STAGE.bare.path, ADMIN_TOKEN);
}

#[divan::bench]
fn request_repository_with_20_robots_and_rules(bencher: Bencher<'_, '_>) {
    ask(bencher, &STAGE.busy.path, ADMIN_TOKEN);
}

#[divan::bench(args = LISTS)]
fn request_list_of_50(bencher: Bencher<'_, '_>, repositories: usize) {
    let (_, token) = STAGE.tenants.iter().find(|(size, _)| *size == repositories).expect("a tenant");
    ask(bencher, "/api/repos", token);
}

/// By the API of Review Board, whose server needs 9 to 10 ms of a processor for the same.
#[divan::bench]
fn request_review_board_item(bencher: Bencher<'_, '_>) {
    ask(bencher, &STAGE.review_board, ADMIN_TOKEN);
}

/// The same without the table: a login, its session, an answer of known links.
#[divan::bench]
fn request_review_board_root(bencher: Bencher<'_, '_>) {
    ask(bencher, "/api/", ADMIN_TOKEN);
}

/// A search that finds nothing: it looks at 1,000 repositories at most.
#[divan::bench(args = [1_000, 100_000], sample_count = 20, sample_size = 1)]
fn request_search_without_a_hit(bencher: Bencher<'_, '_>, repositories: usize) {
    let (_, token) = STAGE.tenants.iter().find(|(size, _)| *size == repositories).expect("a tenant");
    ask(bencher, "/api/repos?q=nowhere", token);
}

#[divan::bench]
fn request_patch(bencher: Bencher<'_, '_>) {
    let input = || {
        let body = json!({"description": format!("change {}", COUNT.fetch_add(1, Ordering::Relaxed))}).to_string();
        let event = Event::new("PATCH", &STAGE.bare.path).header("content-type", "application/json").body(body);
        text(&event, Some(ADMIN_TOKEN))
    };
    bencher.with_inputs(input).bench_local_values(|event| answer(&event, 200));
}

/// An opened issue that nobody posted before, with a label, filled up to a size.
fn issue(label: &str, filler: Value) -> String {
    let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    body["issue"]["number"] = json!(COUNT.fetch_add(1, Ordering::Relaxed) + 1_000);
    body["issue"]["labels"] = json!([{"name": label}]);
    if !filler.is_null() {
        body["filler"] = filler;
    }
    body.to_string()
}

/// Entries as payloads have them: much alike, so that they compress well.
fn alike(bytes: usize) -> Value {
    let entry = |n: usize| {
        json!({
            "id": format!("{n:040x}"), "message": format!("Change number {n} of many"), "distinct": true,
            "author": {"name": "Codertocat", "email": "21031067+Codertocat@users.noreply.github.com"},
            "added": [format!("src/module_{n}/mod.rs")], "removed": [], "modified": ["README.md", "Cargo.toml"],
        })
    };
    let mut left = bytes;
    let fits = move |entry: &Value| {
        let size = entry.to_string().len() + 1;
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    (0..).map(entry).take_while(fits).collect()
}

/// Text that hardly compresses.
fn noise(bytes: usize) -> Value {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = (0..bytes).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(alphabet[usize::try_from(state >> 58).expect("six bits")])
    });
    json!(letters.collect::<String>())
}

fn post(bencher: Bencher<'_, '_>, hook: &Hook, label: &str, filler: &Value) {
    let input = || {
        let body = issue(label, filler.clone());
        // The payload speaks of the repository that it is posted to.
        let body = if hook.repo == STAGE.busy.repo {
            body.replace("Codertocat/Hello-World", BUSY_NAME).replace("186853002", "186853003")
        } else {
            body
        };
        text(&hook.event("issues", &format!("guid-{}", COUNT.fetch_add(1, Ordering::Relaxed)), &body), None)
    };
    answer(&input(), 202);
    bencher.with_inputs(input).bench_local_values(|event| answer(&event, 202));
}

#[divan::bench]
fn request_webhook_one_task(bencher: Bencher<'_, '_>) {
    post(bencher, &STAGE.usual, "bug", &Value::Null);
}

#[divan::bench]
fn request_webhook_20_rules_no_match(bencher: Bencher<'_, '_>) {
    post(bencher, &STAGE.busy, "none", &Value::Null);
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn request_webhook_20_rules_20_tasks(bencher: Bencher<'_, '_>) {
    post(bencher, &STAGE.busy, "all", &Value::Null);
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn request_webhook_6_mb(bencher: Bencher<'_, '_>) {
    post(bencher, &STAGE.usual, "bug", &alike(LARGE - 20_000));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn request_webhook_6_mb_of_noise(bencher: Bencher<'_, '_>) {
    post(bencher, &STAGE.usual, "bug", &noise(LARGE - 20_000));
}

/// The runtime's share of a large post: the event's JSON and the body's base64.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn part_event_of_6_mb(bencher: Bencher<'_, '_>) {
    let body = issue("bug", alike(LARGE - 20_000));
    let event = text(&STAGE.usual.event("issues", "guid", &body), None);
    bencher.bench_local(|| lambda_http::request::from_str(black_box(&event)).expect("an event"));
}

/// A large post, taken apart.
struct Large {
    raw: String,
    headers: WebhookHeaders,
}

impl Large {
    fn new() -> Self {
        let raw = issue("bug", alike(LARGE - 20_000));
        let signature = github_signature("secret", raw.as_bytes());
        let pairs =
            [("x-github-event", "issues"), ("x-github-delivery", "guid"), ("x-hub-signature-256", signature.as_str())];
        Self { headers: WebhookHeaders::new(pairs), raw }
    }

    fn incoming(&self) -> Incoming<'_> {
        Incoming { endpoint: Provider::Github, headers: &self.headers, raw: self.raw.as_bytes() }
    }
}

fn trace() -> TraceLog {
    TraceLog::new(STAGE.app.clock.peek())
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn part_signature_of_6_mb(bencher: Bencher<'_, '_>) {
    let large = Large::new();
    let secrets = VerificationSecrets { current: Secret::new("secret"), previous: None };
    let by = Verification::Secrets(secrets);
    bencher.bench_local(|| verify(black_box(&large.incoming()), &by, &mut trace()).expect("a right signature"));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn part_keys_of_twins_of_6_mb(bencher: Bencher<'_, '_>) {
    let large = Large::new();
    bencher.bench_local(|| dedupe_keys(black_box(&large.incoming())));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn part_json_of_6_mb(bencher: Bencher<'_, '_>) {
    let large = Large::new();
    bencher.bench_local(|| open(black_box(&large.incoming()), &mut trace()).expect("JSON"));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn part_record_of_6_mb(bencher: Bencher<'_, '_>) {
    let large = Large::new();
    let payload = open(&large.incoming(), &mut trace()).expect("JSON");
    let ids: &dyn IdSource = STAGE.app.store().ids();
    let repository: RepositoryId = STAGE.usual.repo.parse().expect("an id");
    bencher.bench_local(|| -> Delivery {
        record(Recording {
            id: DeliveryId::new(STAGE.app.clock.peek(), ids),
            repository,
            incoming: large.incoming(),
            payload: Some(black_box(&payload)),
            ending: Ending::internal("measured"),
            response: json!({}),
            source: TraceSource::Ingress,
            trace: trace(),
        })
    });
}

/// Twenty rules against one issue; the label decides whether each of them wakes its robot.
#[divan::bench(args = ["none", "all"])]
fn part_rules_20_robots_20(bencher: Bencher<'_, '_>, label: &str) {
    let set = STAGE.set_of(&STAGE.busy);
    let raw = issue(label, Value::Null);
    let headers = WebhookHeaders::new([("x-github-event", "issues")]);
    let incoming = Incoming { endpoint: Provider::Github, headers: &headers, raw: raw.as_bytes() };
    let payload = open(&incoming, &mut trace()).expect("JSON");
    let automation = set.automation.as_ref().map(|stored| &stored.config);
    let target = Target { repository: &set.repository, robots: &set.robots, automation, members: &[] };
    let ids = STAGE.app.store().ids();
    let delivery = DeliveryId::new(STAGE.app.clock.peek(), ids);
    let wakes = |label: &str| if label == "all" { BUSY } else { 0 };
    bencher.bench_local(|| {
        let decision = decide(black_box(&target), &incoming, &payload, delivery, ids, &mut trace());
        assert_eq!(decision.tasks().len(), wakes(label));
    });
}

#[divan::bench]
fn part_decision_set_with_20_robots_and_rules(bencher: Bencher<'_, '_>) {
    let id: RepositoryId = STAGE.busy.repo.parse().expect("an id");
    bencher.bench_local(|| RUNTIME.block_on(STAGE.app.store().decision_set(black_box(id))).expect("the table"));
}

/// The engine's part of [`request_review_board_item`].
#[divan::bench]
fn engine_record(bencher: Bencher<'_, '_>) {
    let key = json!({"pk": {"S": format!("REPO#{}", STAGE.bare.repo)}, "sk": {"S": "D#1RECORD"}});
    let request = json!({"TableName": "repoplane", "ConsistentRead": true, "Key": key}).to_string().into_bytes();
    let engines = STAGE.app.line.engines();
    bencher.bench_local(|| RUNTIME.block_on(engines.call("DynamoDB_20120810.GetItem", request.clone())).body.len());
}

#[divan::bench]
fn engine_decision_set_with_20_robots_and_rules(bencher: Bencher<'_, '_>) {
    let request = json!({
        "TableName": "repoplane", "ConsistentRead": true,
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
        "ExpressionAttributeValues": {":pk": {"S": format!("REPO#{}", STAGE.busy.repo)}, ":prefix": {"S": "D#"}},
    });
    let request = request.to_string().into_bytes();
    let engines = STAGE.app.line.engines();
    bencher.bench_local(|| RUNTIME.block_on(engines.call("DynamoDB_20120810.Query", request.clone())).body.len());
}
