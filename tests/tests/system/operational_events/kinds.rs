//! Each kind comes from what is really done, and comes once.

use repoplane_domain::package::SpecTree;
use repoplane_domain::skill::WalkedTree;
use repoplane_domain::time::Timestamp;
use repoplane_local::double::READ_TOKEN;
use repoplane_providers::{Answered, BranchHead, ProviderError, RateLimit};
use repoplane_sync::{Place, Scanner};
use repoplane_tests::{Branch, GITHUB_ISSUES_OPENED, Hook, TestApp, consistency, fixture};
use serde_json::{Value, json};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The kinds of what was told of a repository, in order.
async fn kinds(app: &TestApp, repo: &str) -> Vec<String> {
    let told = app.told_of(repo).await;
    told.iter().map(|message| message["kind"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The one thing of a kind that was told of a repository.
async fn the_one(app: &TestApp, repo: &str, kind: &str) -> Value {
    let mut told = app.told_of(repo).await;
    told.retain(|message| message["kind"] == kind);
    assert_eq!(told.len(), 1, "{kind}: {told:?}");
    told.remove(0)
}

#[tokio::test]
async fn a_repository_that_cannot_be_read_is_told_once_and_once_when_it_can() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "github", "acme/widgets", None).await;
    app.work().await;
    let failed = ["repository.connection_failed", "sync.failed"];
    assert_eq!(kinds(&app, &hook.repo).await, failed);
    // It stays as it is, however often it is tried.
    for _ in 0..3 {
        app.admin().post(&format!("{}/sync", hook.path), Value::Null).await.expect(202);
        app.work().await;
        app.clock.advance(DAY / 48);
    }
    assert_eq!(kinds(&app, &hook.repo).await, failed);
    let state = app.admin().get(&hook.path).await.expect(200).body;
    let told = the_one(&app, &hook.repo, "sync.failed").await;
    assert_eq!((&told["reason"], &told["givenUp"]), (&state["repo"]["sync"]["error"], &json!(false)));
    let told = the_one(&app, &hook.repo, "repository.connection_failed").await;
    assert_eq!(told["reason"], "AUTH_REQUIRED");

    hook.add_credentials(&app, READ_TOKEN).await;
    app.schedule("tick").await;
    app.work().await;
    let all = [&failed[..], &["repository.connection_restored", "sync.recovered"]].concat();
    assert_eq!(kinds(&app, &hook.repo).await, all);
    assert_eq!(the_one(&app, &hook.repo, "repository.connection_restored").await["was"], "AUTH_REQUIRED");
    assert!(the_one(&app, &hook.repo, "sync.recovered").await["commit"].is_string());
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn the_first_rejected_post_of_a_minute_is_told_with_the_number_of_those_before() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let wrong = hook.with_secret("another");
    let body = fixture(GITHUB_ISSUES_OPENED);
    let told = async || {
        let told = app.told_of(&hook.repo).await;
        told.iter().map(|message| message["earlier"].as_u64().expect("a count")).collect::<Vec<_>>()
    };
    // One instance of the function.
    let provider = app.anonymous();
    for n in 0..30 {
        provider.send(wrong.event("issues", &format!("guid-{n}"), &body)).await.expect(401);
    }
    assert_eq!(told().await, [0]);
    app.clock.advance(Duration::from_secs(60));
    provider.send(wrong.event("issues", "guid-30", &body)).await.expect(401);
    assert_eq!(told().await, [0, 29]);
    let message = app.told_of(&hook.repo).await.remove(1);
    let newest = hook.deliveries(&app.admin()).await.remove(0);
    assert_eq!((&message["deliveryId"], &message["httpStatus"]), (&newest["id"], &json!(401)));
    assert_eq!((&message["code"], &message["layer"]), (&json!("UNAUTHORIZED"), &json!("signature_validation")));
    assert_eq!(message["reason"], newest["message"]);

    // A sender that is known, with a payload of another repository; and one that is only skipped.
    let other = body.replace("Codertocat/Hello-World", "Codertocat/Other").replace("186853002", "42");
    hook.post(&app, "issues", "guid-31", &body).await;
    let before = told().await.len();
    let rejected = hook.post(&app, "issues", "guid-32", &other).await;
    assert_eq!((rejected.status.as_u16(), told().await.len()), (409, before + 1), "{}", rejected.body);
    app.admin().patch(&hook.path, json!({"enabled": false})).await.expect(200);
    hook.post(&app, "issues", "guid-33", &body).await.expect(202);
    wrong.post(&app, "issues", "guid-34", &body).await.expect(202);
    assert_eq!(told().await.len(), before + 1);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn rules_and_robots_that_are_switched_off_are_told() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    assert_eq!(kinds(&app, &hook.repo).await, Vec::<String>::new());
    let automation = format!("{}/automation", hook.path);
    let config = app.admin().get(&automation).await.expect(200).body["config"].clone();
    let mut off = config.clone();
    off["events"]["issue"]["rules"][0]["enabled"] = json!(false);
    for _ in 0..2 {
        app.admin().put(&automation, json!({"config": off})).await.expect(200);
    }
    let told = the_one(&app, &hook.repo, "rule.disabled").await;
    let rule = &config["events"]["issue"]["rules"][0];
    let expected = json!([{"event": "issue", "ruleId": rule["id"], "name": rule["name"], "change": "disabled"}]);
    assert_eq!((&told["rules"], &told["count"]), (&expected, &json!(1)));

    let path = format!("{}/robots/{robot}", hook.path);
    for _ in 0..2 {
        app.admin().patch(&path, json!({"enabled": false})).await.expect(200);
    }
    let told = the_one(&app, &hook.repo, "robot.disabled").await;
    assert_eq!((&told["robotId"], &told["change"]), (&json!(robot), &json!("disabled")));
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn archiving_and_deleting_are_told_once_whoever_repeats_them() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    for (action, _) in [("archive", 1), ("archive", 2), ("unarchive", 1), ("unarchive", 2)] {
        app.admin().once(action).post(&format!("{}/{action}", hook.path), Value::Null).await.expect(200);
    }
    app.admin().delete(&hook.path).await.expect(200);
    app.admin().delete(&hook.path).await.expect(404);
    let expected = ["repository.archived", "repository.unarchived", "repository.deleted"];
    assert_eq!(kinds(&app, &hook.repo).await, expected);
    let told = the_one(&app, &hook.repo, "repository.deleted").await;
    assert_eq!(told["provider"], "github");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_token_that_ends_lies_in_the_outbox_until_it_is_time() {
    let app = TestApp::start().await;
    let body = json!({"name": "ci", "kind": "integration", "scopes": ["repos:read"], "expiresInDays": 30});
    let before = app.waiting_events().await;
    let made = app.admin().post("/api/access-tokens", body).await.expect(201);
    let known: Vec<_> = before.iter().map(|event| event.id).collect();
    let mut fresh = app.waiting_events().await;
    fresh.retain(|event| !known.contains(&event.id));
    assert_eq!(fresh.len(), 1);
    let message = fresh[0].message();
    assert_eq!(message["kind"], "credential.expiring");
    assert_eq!(message["accessTokenId"], made.body["accessToken"]["id"]);
    assert_eq!(message["expiresAt"], made.body["accessToken"]["expiresAt"]);
    let end: Timestamp = made.text("/accessToken/expiresAt").parse().expect("a time");
    assert_eq!(fresh[0].time().plus(DAY * 7), end);
    assert!(end > app.clock.peek().plus(DAY * 29));
    let endless = json!({"name": "ci", "kind": "integration", "scopes": ["repos:read"], "expiresInDays": null});
    let count = app.waiting_events().await.len();
    app.admin().post("/api/access-tokens", endless).await.expect(201);
    assert_eq!(app.waiting_events().await.len(), count);
    consistency::check(&app.items().await).expect("consistent");
}

/// A scanner that finds this branch at this commit.
#[derive(Debug, Clone)]
struct Finds(&'static str, Branch);

impl Scanner for Finds {
    async fn head(&self, _: &Place<'_>) -> Result<Answered<BranchHead>, ProviderError> {
        let value = BranchHead { branch: None, commit: self.0.to_owned() };
        Ok(Answered { value, rate_limit: RateLimit::default() })
    }

    async fn specs(&self, _: &Place<'_>, _: &BranchHead) -> Result<Answered<SpecTree>, ProviderError> {
        Ok(Answered { value: SpecTree::default(), rate_limit: RateLimit::default() })
    }

    async fn walk(&self, _: &Place<'_>, _: &BranchHead) -> Result<Answered<WalkedTree>, ProviderError> {
        Ok(Answered { value: self.1.walked(), rate_limit: RateLimit::default() })
    }
}

#[tokio::test]
async fn skills_that_can_do_more_are_told_when_a_scan_finds_them_and_not_again() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let calm = Branch::default().good("deploy", "", &[]);
    let bold = calm.clone().good("deploy", "allowed-tools: Bash\n", &["scripts/run.sh"]);
    let more = bold.clone().good("notes", "", &[]);
    for (commit, branch) in [("c1", calm), ("c2", bold), ("c3", more)] {
        app.work_with(&app.sync_with(Finds(commit, branch))).await;
        app.clock.advance(DAY);
        app.schedule("tick").await;
    }
    let told = the_one(&app, &hook.repo, "skill.escalated").await;
    let skill = app.skill(&hook.repo, "deploy").await;
    assert_eq!((&told["skillId"], &told["name"]), (&json!(skill.id), &json!("deploy")));
    assert_eq!((&told["addedScripts"], &told["addedTools"]), (&json!(1), &json!(1)));
    assert_eq!(kinds(&app, &hook.repo).await, ["skill.escalated"]);

    // However many: each is told with its own transaction.
    let many =
        (0..200).fold(Branch::default(), |branch, n| branch.good(&format!("s{n}"), "allowed-tools: Bash\n", &[]));
    app.work_with(&app.sync_with(Finds("c4", many))).await;
    assert_eq!(kinds(&app, &hook.repo).await.len(), 201);
    consistency::check(&app.items().await).expect("consistent");
}
