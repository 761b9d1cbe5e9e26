//! Provider payloads and small builders for the tests of the engine.

use crate::automation::{Action, AutomationConfig, Rule};
use crate::id::{IdSource, RepositoryId, RobotId, TenantId};
use crate::repository::{Provider, Repository};
use crate::robot::Robot;
use crate::time::Timestamp;
use crate::webhook::{Condition, Declaration};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// A checked-in payload and what is expected of it.
pub(crate) struct Fixture {
    pub(crate) name: &'static str,
    pub(crate) provider: Provider,
    /// Its event header.
    pub(crate) event: &'static str,
    pub(crate) raw: &'static str,
    /// `type/subType`, unless it is not supported.
    pub(crate) mapped: Option<&'static str>,
    /// The guard's reason, where one holds it back.
    pub(crate) guarded: Option<&'static str>,
}

impl Fixture {
    pub(crate) fn payload(&self) -> Value {
        serde_json::from_str(self.raw).unwrap()
    }
}

macro_rules! fixture {
    ($name:literal, $provider:ident, $event:literal, $mapped:expr, $guarded:expr) => {
        Fixture {
            name: $name,
            provider: Provider::$provider,
            event: $event,
            raw: include_str!(concat!("../../../../tests/fixtures/", $name, ".json")),
            mapped: $mapped,
            guarded: $guarded,
        }
    };
}

/// Every checked-in payload.
pub(crate) fn all() -> Vec<Fixture> {
    let tag = Some("push ref refs/tags/simple-tag ignored (not a branch)");
    let delete = Some("push delete ignored");
    let close = Some("issue action close ignored");
    let update = Some("issue action update ignored");
    vec![
        fixture!("github/commit_comment/created", Github, "commit_comment", Some("commit/commented"), None),
        fixture!("github/issue_comment/created", Github, "issue_comment", Some("issue/commented"), None),
        fixture!("github/issues/opened", Github, "issues", Some("issue/created"), None),
        fixture!("github/issues/reopened", Github, "issues", Some("issue/reopened"), None),
        fixture!("github/ping/repository", Github, "ping", None, None),
        fixture!("github/pull_request/opened", Github, "pull_request", Some("merge_request/created"), None),
        fixture!("github/push/branch", Github, "push", Some("commit/created"), None),
        fixture!("github/push/tag", Github, "push", Some("commit/created"), tag),
        fixture!("github/push/tag_deleted", Github, "push", Some("commit/created"), delete),
        fixture!("gitlab/issue/close", Gitlab, "Issue Hook", Some("issue/created"), close),
        fixture!("gitlab/issue/open", Gitlab, "Issue Hook", Some("issue/created"), None),
        fixture!("gitlab/issue/reopen", Gitlab, "Issue Hook", Some("issue/reopened"), None),
        fixture!("gitlab/merge_request/open", Gitlab, "Merge Request Hook", Some("merge_request/created"), None),
        fixture!("gitlab/note/commit", Gitlab, "Note Hook", Some("commit/commented"), None),
        fixture!("gitlab/note/issue", Gitlab, "Note Hook", Some("issue/commented"), None),
        fixture!("gitlab/note/merge_request", Gitlab, "Note Hook", Some("merge_request/commented"), None),
        fixture!("gitlab/push/branch", Gitlab, "Push Hook", Some("commit/created"), None),
        fixture!("gitlab/push/branch_deleted", Gitlab, "Push Hook", Some("commit/created"), delete),
        fixture!("gitlab/system/project_create", Gitlab, "System Hook", None, None),
        fixture!("gitlab/tag_push/created", Gitlab, "Tag Push Hook", None, None),
        fixture!("gitlab/access_token/group", Gitlab, "Resource Access Token Hook", None, None),
        fixture!("gitlab/access_token/project", Gitlab, "Resource Access Token Hook", None, None),
        fixture!("gitlab/deployment/success", Gitlab, "Deployment Hook", None, None),
        fixture!("gitlab/emoji/award", Gitlab, "Emoji Hook", None, None),
        fixture!("gitlab/feature_flag/on", Gitlab, "Feature Flag Hook", None, None),
        fixture!("gitlab/issue/labeled", Gitlab, "Issue Hook", Some("issue/created"), update),
        fixture!("gitlab/issue/unlabeled", Gitlab, "Issue Hook", Some("issue/created"), update),
        fixture!("gitlab/job/failed", Gitlab, "Job Hook", None, None),
        fixture!("gitlab/member/added", Gitlab, "Member Hook", None, None),
        fixture!("gitlab/merge_request/approved", Gitlab, "Merge Request Hook", None, None),
        fixture!("gitlab/merge_request/close", Gitlab, "Merge Request Hook", None, None),
        fixture!("gitlab/merge_request/draft", Gitlab, "Merge Request Hook", Some("merge_request/updated"), None),
        fixture!(
            "gitlab/merge_request/labels_changed",
            Gitlab,
            "Merge Request Hook",
            Some("merge_request/updated"),
            None
        ),
        fixture!("gitlab/merge_request/merge", Gitlab, "Merge Request Hook", None, None),
        fixture!("gitlab/merge_request/new_commits", Gitlab, "Merge Request Hook", Some("merge_request/updated"), None),
        fixture!("gitlab/merge_request/ready", Gitlab, "Merge Request Hook", Some("merge_request/updated"), None),
        fixture!("gitlab/merge_request/unapproved", Gitlab, "Merge Request Hook", None, None),
        fixture!("gitlab/milestone/create", Gitlab, "Milestone Hook", None, None),
        fixture!("gitlab/note/diff", Gitlab, "Note Hook", Some("merge_request/commented"), None),
        fixture!("gitlab/note/snippet", Gitlab, "Note Hook", None, None),
        fixture!("gitlab/pipeline/failed", Gitlab, "Pipeline Hook", None, None),
        fixture!("gitlab/pipeline/merge_request", Gitlab, "Pipeline Hook", None, None),
        fixture!("gitlab/pipeline/running", Gitlab, "Pipeline Hook", None, None),
        fixture!("gitlab/pipeline/success", Gitlab, "Pipeline Hook", None, None),
        fixture!("gitlab/project/created", Gitlab, "Project Hook", None, None),
        fixture!("gitlab/release/create", Gitlab, "Release Hook", None, None),
        fixture!("gitlab/release/update", Gitlab, "Release Hook", None, None),
        fixture!("gitlab/subgroup/created", Gitlab, "Subgroup Hook", None, None),
        fixture!("gitlab/tag_push/deleted", Gitlab, "Tag Push Hook", None, None),
        fixture!("gitlab/vulnerability/confirmed", Gitlab, "Vulnerability Hook", None, None),
        fixture!("gitlab/wiki_page/create", Gitlab, "Wiki Page Hook", None, None),
    ]
}

/// One of them.
pub(crate) fn named(name: &str) -> Fixture {
    all().into_iter().find(|fixture| fixture.name == name).unwrap()
}

/// A payload changed until a line of the mapping holds for it.
pub(crate) fn fitting(line: &Declaration, mut payload: Value) -> Value {
    let sha = |c: &str| json!(c.repeat(40));
    for condition in line.conditions {
        match *condition {
            Condition::Is(pointer, texts) | Condition::IsOrAbsent(pointer, texts) => {
                put(&mut payload, pointer, json!(texts[0]));
            }
            Condition::IsNot(pointer, _) => put(&mut payload, pointer, json!("some other")),
            Condition::Starts(pointer, start) => put(&mut payload, pointer, json!(format!("{start}v1"))),
            Condition::True(pointer) | Condition::NotFalse(pointer) => put(&mut payload, pointer, json!(true)),
            Condition::False(pointer) | Condition::NotTrue(pointer) => put(&mut payload, pointer, json!(false)),
            Condition::Has(pointer) if payload.pointer(pointer).is_some_and(Value::is_object) => {}
            Condition::Has(pointer) => put(&mut payload, pointer, json!({})),
            Condition::Lacks(pointer) => put(&mut payload, pointer, Value::Null),
            Condition::Zeros(pointer) => put(&mut payload, pointer, sha("0")),
            Condition::Hash(pointer) => put(&mut payload, pointer, sha("a")),
            Condition::LabelsAdded => {
                put(&mut payload, "/changes/labels", json!({"previous": [], "current": [{"title": "bug"}]}));
            }
            Condition::LabelsRemoved => {
                put(&mut payload, "/changes/labels", json!({"previous": [{"title": "bug"}], "current": []}));
            }
        }
    }
    payload
}

/// Puts a value at a pointer; what is no object on the way becomes one.
fn put(payload: &mut Value, pointer: &str, value: Value) {
    let mut place = payload;
    for name in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name];
    }
    *place = value;
}

/// Ids that differ, and are the same in every run.
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(1))
    }
}

impl IdSource for Counter {
    fn random(&self) -> u128 {
        self.0.fetch_add(1, Ordering::Relaxed).into()
    }
}

struct Fixed(u128);

impl IdSource for Fixed {
    fn random(&self) -> u128 {
        self.0
    }
}

/// 2026-01-20T08:00:00Z.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millisecond(1_768_896_000_000)
}

pub(crate) fn repository_id() -> RepositoryId {
    RepositoryId::new(now(), &Fixed(1))
}

pub(crate) fn robot_id(n: u128) -> RobotId {
    RobotId::new(now(), &Fixed(n))
}

/// An enabled repository that knows nothing of its provider yet.
pub(crate) fn repository(provider: Provider) -> Repository {
    serde_json::from_value(json!({
        "id": repository_id(), "number": 1, "tenant": TenantId::new(now(), &Fixed(1)), "namespace": "registry",
        "name": "Some words", "provider": provider, "retention_days": 30, "enabled": true,
        "webhook": {"secret": {"kind": "derived", "generation": 1}, "generation": 1, "verification": true},
        "created_at": now(), "updated_at": now(), "version": 1
    }))
    .unwrap()
}

/// An enabled robot without an account.
pub(crate) fn robot(n: u128, name: &str) -> Robot {
    serde_json::from_value(json!({
        "id": robot_id(n), "repository": repository_id(), "name": name, "credential_source": "robot",
        "prompt_default": "Look.", "model_provider": "codex", "enabled": true, "is_default": false,
        "created_at": now(), "updated_at": now(), "version": 1
    }))
    .unwrap()
}

/// An enabled rule that always matches.
pub(crate) fn rule(id: &str, robots: &[&Robot]) -> Rule {
    let action = |robot: &&Robot| Action {
        id: format!("{id}-{}", robot.name),
        robot_id: robot.id.to_string(),
        enabled: true,
        prompt_override: None,
        prompt_patch: None,
    };
    Rule {
        id: id.to_owned(),
        name: format!("Rule {id}"),
        enabled: true,
        matching: None,
        actions: robots.iter().map(action).collect(),
        time_window: None,
    }
}

/// The same rules for every event.
pub(crate) fn config(rules: &[Rule]) -> AutomationConfig {
    let mut config = AutomationConfig::default_config();
    config.events.values_mut().for_each(|event| event.rules = rules.to_vec());
    config
}
