//! Every kind of event that the providers publish an example of: whatever comes in, it is never our failure, and its
//! record says how far it got and why it ended there.
//!
//! GitHub's examples are fetched by `tests/corpus/fetch.sh`; GitLab's lie in `tests/fixtures/gitlab`, written after its
//! reference.

use repoplane_domain::webhook::{EventType, SubType};
use repoplane_tests::{Hook, TestApp};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// For each event header: how often it came, how it ended, and what it was mapped to where it was accepted.
#[derive(Default)]
struct Table(BTreeMap<String, Row>);

#[derive(Default)]
struct Row {
    /// By `accepted`, `skipped`, `rejected`.
    results: BTreeMap<String, usize>,
    accepted: BTreeSet<String>,
    /// The reasons of those that were not accepted.
    reasons: BTreeSet<String>,
}

impl Table {
    fn add(&mut self, event: &str, delivery: &Value) {
        let row = self.0.entry(event.to_owned()).or_default();
        let result = delivery["result"].as_str().expect("a result").to_owned();
        if result == "accepted" {
            row.accepted.extend(mapped(delivery));
        } else {
            row.reasons.insert(delivery["message"].as_str().unwrap_or_default().to_owned());
        }
        *row.results.entry(result).or_default() += 1;
    }

    #[expect(clippy::print_stdout, reason = "the table is what a run is for")]
    fn print(&self, provider: &str) {
        println!("{provider}: {} payloads of {} events", self.total(), self.0.len());
        println!("{:<30} {:>8} {:>8} {:>8}  what", "event", "accepted", "skipped", "rejected");
        for (event, row) in &self.0 {
            let [accepted, skipped, rejected] =
                ["accepted", "skipped", "rejected"].map(|result| row.results.get(result).copied().unwrap_or(0));
            let what = row.accepted.iter().chain(&row.reasons).cloned().collect::<Vec<_>>().join("; ");
            println!("{event:<30} {accepted:>8} {skipped:>8} {rejected:>8}  {what}");
        }
    }

    fn total(&self) -> usize {
        self.0.values().flat_map(|row| row.results.values()).sum()
    }

    /// What was accepted, as `header: type/subType`.
    fn accepted(&self) -> Vec<String> {
        let of = |(event, row): (&String, &Row)| {
            row.accepted.iter().map(|mapped| format!("{event}: {mapped}")).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }
}

/// The event that the trace names.
fn mapped(delivery: &Value) -> Option<String> {
    let steps = delivery["debugTrace"]["steps"].as_array()?;
    let meta = &steps.iter().find(|step| step["key"] == "mapping")?["meta"];
    Some(format!("{}/{}", meta["eventType"].as_str()?, meta["subType"].as_str()?))
}

/// Posts a payload as its provider would, and looks at what is kept of it.
async fn post(app: &TestApp, hook: &Hook, event: &str, guid: &str, payload: &str, table: &mut Table) {
    let answer = hook.post(app, event, guid, payload).await;
    assert!(answer.status.as_u16() < 500, "{event} {guid}: {} {}", answer.status, answer.body);
    let id = answer.headers.get("x-repoplane-delivery").unwrap_or_else(|| panic!("{event} {guid}: no delivery"));
    let path = format!("{}/webhook-deliveries/{}", hook.path, id.to_str().expect("text"));
    let shown = app.admin().get(&path).await.expect(200);
    let delivery = &shown.body["delivery"];
    let result = delivery["result"].as_str().unwrap_or_default();
    assert!(["accepted", "skipped", "rejected"].contains(&result), "{event} {guid}: {delivery}");
    let steps = delivery["debugTrace"]["steps"].as_array().map_or(0, Vec::len);
    assert!(steps > 0, "{event} {guid}: no trace: {delivery}");
    assert_eq!(delivery["httpStatus"], answer.status.as_u16(), "{event} {guid}");
    table.add(event, delivery);
}

/// A repository with an enabled robot, and for every event type a rule that names every subtype.
async fn awake(app: &TestApp, provider: &'static str, name: &str) -> Hook {
    let double = app.double.as_ref().expect("a provider double");
    let base = if provider == "github" { double.github() } else { double.gitlab() };
    let hook = Hook::register(app, provider, json!({"name": name, "apiBaseUrl": base})).await;
    hook.add_credentials(app, repoplane_local::double::WRITE_TOKEN).await;
    let robot = hook.add_robot(app, "Triage").await;
    hook.enable(app, &robot).await;
    app.admin().patch(&hook.path, json!({"apiBaseUrl": null})).await.expect(200);
    let named = SubType::ALL.map(SubType::as_str);
    let clause = json!({"field": "event.subType", "op": "in", "values": named});
    let rule = json!({"name": "all of it", "match": {"all": [clause]}, "actions": [{"robotId": robot}]});
    let events: serde_json::Map<_, _> =
        EventType::ALL.iter().map(|event| (event.as_str().to_owned(), json!({"rules": [rule]}))).collect();
    let config = json!({"config": {"version": 2, "events": events}});
    app.admin().put(&format!("{}/automation", hook.path), config).await.expect(200);
    hook
}

/// The unpacked package of examples; `None` where it was not fetched, unless that is a must.
#[expect(clippy::print_stdout, reason = "a test that skips itself says so")]
fn examples() -> Option<PathBuf> {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/webhook-examples/package");
    let folder = std::env::var_os("REPOPLANE_WEBHOOK_EXAMPLES").map_or(fetched, PathBuf::from);
    if folder.join("api.github.com/index.json").is_file() {
        return Some(folder);
    }
    let required = std::env::var("REPOPLANE_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
    assert!(!required, "{} has no examples: run tests/corpus/fetch.sh", folder.display());
    println!("skipped: {} has no examples; tests/corpus/fetch.sh fetches them", folder.display());
    None
}

/// What becomes a task of the examples when a rule names everything.
const GITHUB_ACCEPTED: [&str; 23] = [
    "check_suite: pipeline/succeeded",
    "commit_comment: commit/commented",
    "discussion: discussion/created",
    "discussion_comment: discussion/commented",
    "issue_comment: issue/commented",
    "issues: issue/created",
    "issues: issue/labeled",
    "issues: issue/reopened",
    "issues: issue/unlabeled",
    "pull_request: merge_request/closed",
    "pull_request: merge_request/converted_to_draft",
    "pull_request: merge_request/created",
    "pull_request: merge_request/labeled",
    "pull_request: merge_request/ready_for_review",
    "pull_request: merge_request/unlabeled",
    "pull_request: merge_request/updated",
    "pull_request_review: merge_request/reviewed",
    "pull_request_review_comment: merge_request/review_commented",
    "push: commit/created",
    "push: tag/created",
    "push: tag/deleted",
    "release: release/published",
    "workflow_run: pipeline/succeeded",
];

#[tokio::test]
async fn every_example_of_github_ends_in_a_result_with_a_trace() {
    let Some(folder) = examples() else { return };
    let text = std::fs::read_to_string(folder.join("api.github.com/index.json")).expect("the examples");
    let events: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let app = TestApp::start_with_double().await;
    let mut hooks: BTreeMap<String, Hook> = BTreeMap::new();
    let mut table = Table::default();
    for event in &events {
        let name = event["name"].as_str().expect("a name");
        for (n, payload) in event["examples"].as_array().expect("examples").iter().enumerate() {
            // What an organization or the marketplace posts is of no repository: it is refused by any.
            let repository = payload["repository"]["full_name"].as_str().unwrap_or("Codertocat/Hello-World");
            let hook = match hooks.get(&repository.to_lowercase()) {
                Some(hook) => hook,
                None => {
                    let hook = awake(&app, "github", repository).await;
                    hooks.entry(repository.to_lowercase()).or_insert(hook)
                }
            };
            let guid = format!("{name}-{n}");
            post(&app, hook, name, &guid, &payload.to_string(), &mut table).await;
        }
    }
    table.print("GitHub");
    assert_eq!((events.len(), table.total()), (58, 329), "the pinned version of the examples");
    assert_eq!(table.accepted(), GITHUB_ACCEPTED);
    repoplane_tests::consistency::check(&app.items().await).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
}

/// GitLab's header for each folder of payloads (GitLab: webhook events).
const GITLAB_HEADERS: [(&str, &str); 19] = [
    ("access_token", "Resource Access Token Hook"),
    ("deployment", "Deployment Hook"),
    ("emoji", "Emoji Hook"),
    ("feature_flag", "Feature Flag Hook"),
    ("issue", "Issue Hook"),
    ("job", "Job Hook"),
    ("member", "Member Hook"),
    ("merge_request", "Merge Request Hook"),
    ("milestone", "Milestone Hook"),
    ("note", "Note Hook"),
    ("pipeline", "Pipeline Hook"),
    ("project", "Project Hook"),
    ("push", "Push Hook"),
    ("release", "Release Hook"),
    ("subgroup", "Subgroup Hook"),
    ("system", "System Hook"),
    ("tag_push", "Tag Push Hook"),
    ("vulnerability", "Vulnerability Hook"),
    ("wiki_page", "Wiki Page Hook"),
];

/// Of an update that adds labels or ends a draft the standing event comes first, and the robot wakes once.
const GITLAB_ACCEPTED: [&str; 19] = [
    "Issue Hook: issue/closed",
    "Issue Hook: issue/created",
    "Issue Hook: issue/labeled",
    "Issue Hook: issue/reopened",
    "Issue Hook: issue/unlabeled",
    "Merge Request Hook: merge_request/closed",
    "Merge Request Hook: merge_request/created",
    "Merge Request Hook: merge_request/merged",
    "Merge Request Hook: merge_request/reviewed",
    "Merge Request Hook: merge_request/updated",
    "Note Hook: commit/commented",
    "Note Hook: issue/commented",
    "Note Hook: merge_request/commented",
    "Pipeline Hook: pipeline/failed",
    "Pipeline Hook: pipeline/succeeded",
    "Push Hook: commit/created",
    "Release Hook: release/published",
    "Tag Push Hook: tag/created",
    "Tag Push Hook: tag/deleted",
];

#[tokio::test]
async fn every_payload_of_gitlab_ends_in_a_result_with_a_trace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/gitlab");
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    };
    let folders: BTreeSet<String> = GITLAB_HEADERS.iter().map(|(folder, _)| (*folder).to_owned()).collect();
    assert_eq!(names(&root), folders, "a header for every folder");
    let app = TestApp::start_with_double().await;
    let hook = awake(&app, "gitlab", "workshop/widgets").await;
    let mut table = Table::default();
    for (folder, header) in GITLAB_HEADERS {
        for file in names(&root.join(folder)) {
            let payload = std::fs::read_to_string(root.join(folder).join(&file)).expect("a payload");
            post(&app, &hook, header, &format!("{folder}/{file}"), &payload, &mut table).await;
        }
    }
    table.print("GitLab");
    assert_eq!(table.accepted(), GITLAB_ACCEPTED);
    repoplane_tests::consistency::check(&app.items().await).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
}
