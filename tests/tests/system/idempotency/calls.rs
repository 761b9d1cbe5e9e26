//! Every call that creates or acts, repeated.

use crate::repos::{at_once, second_of};
use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::{Answer, GITHUB_ISSUES_OPENED, Hook, TestApp, consistency, fixture};
use serde_json::{Value, json};

/// One call: what it is, where it goes, its body, and what only its first answer shows.
pub(super) struct Call {
    pub(super) what: &'static str,
    pub(super) path: String,
    pub(super) body: Value,
    shown_once: Option<&'static str>,
}

fn call(what: &'static str, path: impl Into<String>, body: Value) -> Call {
    Call { what, path: path.into(), body, shown_once: None }
}

fn showing(member: &'static str, call: Call) -> Call {
    Call { shown_once: Some(member), ..call }
}

fn issue(number: u32) -> String {
    let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    body["issue"]["number"] = json!(number);
    body.to_string()
}

/// A repository with a robot and three tasks, and every call that can be made on it, in an order in which each is legal.
pub(super) async fn every_call(app: &TestApp) -> (Hook, Vec<Call>) {
    let (hook, _) = Hook::ready(app).await;
    let mut tasks = Vec::new();
    for number in 1..=3 {
        let posted = hook.post(app, "issues", &format!("guid-{number}"), &issue(number)).await.expect(202);
        tasks.push((posted.text("/tasks/0/id"), posted.delivery()));
    }
    app.admin().patch(&format!("/api/tasks/{}", tasks[2].0), json!({"status": "cancelled"})).await.expect(200);
    // A repository whose provider is the double.
    let github = app.double.as_ref().map(|double| double.github());
    let tested = Hook::register(app, "github", json!({"name": "acme/tested", "apiBaseUrl": github})).await;
    tested.add_credentials(app, repoplane_local::double::WRITE_TOKEN).await;
    let robot = tested.add_robot(app, "Tested").await;
    let test = format!("{}/robots/{robot}/test", tested.path);
    let path = &hook.path;
    let member = app.person("mia").await;
    let own = json!({
        "name": "Own", "promptDefault": "p", "token": "ghp_own-canary",
        "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "sk-own-canary"}},
    });
    let token = json!({"name": "second", "scopes": ["repos:read"]});
    let supplied = json!({"webhookSecret": "supplied-canary"});
    let named = json!({"provider": "github", "name": "acme/new", "webhookSecret": "another-canary"});
    let calls = vec![
        showing("webhookSecret", call("a repository", "/api/repos", json!({"provider": "gitlab", "name": "new"}))),
        showing("webhookSecret", call("a repository with its own secret", "/api/repos", named)),
        call("a user", "/api/users", json!({"username": "uma"})),
        showing("token", call("a token", "/api/access-tokens", token)),
        showing("token", call("a tenant", "/api/tenants", json!({"tenant": "t", "username": "tom"}))),
        call("a member", format!("{path}/members"), json!({"userId": member.id, "role": "member"})),
        call("a robot", format!("{path}/robots"), own),
        call("a robot's test", test, Value::Null),
        call("a claim", format!("/api/tasks/{}/claim", tasks[0].0), json!({"worker": "w"})),
        call("a cancelling", format!("/api/tasks/{}/cancel", tasks[1].0), Value::Null),
        call("a retry", format!("/api/tasks/{}/retry", tasks[2].0), Value::Null),
        call("a redelivery", format!("{path}/webhook-deliveries/{}/redeliver", tasks[0].1), Value::Null),
        showing("webhookSecret", call("a new secret", format!("{path}/webhook-secret/rotate"), Value::Null)),
        showing("webhookSecret", call("a supplied secret", format!("{path}/webhook-secret/rotate"), supplied)),
        call("an archiving", format!("{path}/archive"), Value::Null),
        call("an unarchiving", format!("{path}/unarchive"), Value::Null),
    ];
    (hook, calls)
}

/// All that is stored, but for the counters: a number may be skipped.
async fn stored(app: &TestApp) -> Vec<Value> {
    let mut items = app.items().await;
    items.retain(|item| !item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("COUNTER#")));
    items.sort_by_key(|item| item["pk"].to_string() + &item["sk"].to_string());
    items
}

/// A replay says what the first answer said, less what is shown once.
#[track_caller]
fn is_replay(again: &Answer, first: &Answer, call: &Call) {
    let what = call.what;
    assert!(again.is_replayed(), "{what}: {}", again.body);
    assert_eq!(again.status, first.status, "{what}");
    assert_eq!(again.headers.get("location"), first.headers.get("location"), "{what}");
    let (mut again, mut first) = (again.body.clone(), first.body.clone());
    if let Some(member) = call.shown_once {
        assert_eq!(again["withheld"], json!([member]), "{what}");
        assert!(again.get(member).is_none(), "{what}: {again}");
        again.as_object_mut().expect("an object").remove("withheld");
        assert!(first[member].is_string(), "{what}");
        first.as_object_mut().expect("an object").remove(member);
    }
    assert_eq!(again, first, "{what}");
}

#[tokio::test]
async fn every_repeat_is_answered_as_the_first_call_and_has_no_effect() {
    let app = TestApp::start_with_double().await;
    let (_, calls) = every_call(&app).await;
    let second = app.second_instance();
    for (n, call) in calls.iter().enumerate() {
        let key = format!("key-{n}");
        let first = app.admin().once(&key).post(&call.path, call.body.clone()).await;
        assert!(first.status.is_success() && !first.is_replayed(), "{}: {} {}", call.what, first.status, first.body);
        let before = stored(&app).await;
        for instance in [&app, &second, &app] {
            is_replay(&instance.admin().once(&key).post(&call.path, call.body.clone()).await, &first, call);
        }
        assert_eq!(stored(&app).await, before, "{}", call.what);
    }
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn what_the_first_answer_said_is_said_again_though_the_world_has_moved_on() {
    let app = TestApp::start_with_double().await;
    let (hook, calls) = every_call(&app).await;
    let mut answers = Vec::new();
    for (n, call) in calls.iter().enumerate() {
        answers.push(app.admin().once(&format!("key-{n}")).post(&call.path, call.body.clone()).await);
    }
    // Unarchived, renamed, and with other tasks than then.
    app.admin().patch(&hook.path, json!({"name": "renamed"})).await.expect(200);
    hook.ping(&app, "later").await;
    let before = stored(&app).await;
    for (n, (call, first)) in calls.iter().zip(&answers).enumerate() {
        is_replay(&app.admin().once(&format!("key-{n}")).post(&call.path, call.body.clone()).await, first, call);
    }
    assert_eq!(stored(&app).await, before);
    let archived = &answers[answers.len() - 2].body;
    assert_eq!((&archived["tasksArchived"], archived["repo"]["archivedAt"].is_string()), (&json!(3), true));
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_is_not_made_twice() {
    let app = TestApp::start_with_double().await;
    let (_, calls) = every_call(&app).await;
    for (n, call) in calls.iter().enumerate() {
        let client = app.admin().once(&format!("key-{n}"));
        let target = "DynamoDB_20120810.TransactWriteItems".to_owned();
        let plan = FaultPlan { target, from: 0, times: usize::MAX, fault: Fault::TimeoutAfter };
        app.line.set_fault(Some(plan));
        let lost = client.post(&call.path, call.body.clone()).await;
        app.line.set_fault(None);
        // The instance itself looks whether its write landed; who hears of that is not told what is shown once.
        assert!(lost.is_replayed(), "{}: {} {}", call.what, lost.status, lost.body);
        let before = stored(&app).await;
        let again = client.post(&call.path, call.body.clone()).await;
        assert!(again.status.is_success() && again.is_replayed(), "{}: {} {}", call.what, again.status, again.body);
        assert_eq!(again.body.get("withheld").is_some(), call.shown_once.is_some(), "{}", call.what);
        assert_eq!(stored(&app).await, before, "{}", call.what);
    }
    consistency::check(&app.items().await).expect("consistent");
    assert!(consistency::leases(&app.items().await).is_empty());
}

#[tokio::test]
async fn a_call_that_never_arrived_is_made_by_its_repeat() {
    let app = TestApp::start_with_double().await;
    let (_, calls) = every_call(&app).await;
    for (n, call) in calls.iter().enumerate() {
        let client = app.admin().once(&format!("key-{n}"));
        let target = "DynamoDB_20120810.TransactWriteItems".to_owned();
        let plan = FaultPlan { target, from: 0, times: usize::MAX, fault: Fault::TimeoutBefore };
        app.line.set_fault(Some(plan));
        assert_eq!(client.post(&call.path, call.body.clone()).await.status, 503, "{}", call.what);
        app.line.set_fault(None);
        let again = client.post(&call.path, call.body.clone()).await;
        assert!(again.status.is_success() && !again.is_replayed(), "{}: {} {}", call.what, again.status, again.body);
    }
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn neither_a_key_nor_a_secret_is_stored() {
    let app = TestApp::start_with_double().await;
    let (hook, calls) = every_call(&app).await;
    let mut secrets = vec![hook.secret.clone()];
    secrets.extend(["ghp_own-canary", "sk-own-canary", "supplied-canary", "another-canary"].map(str::to_owned));
    for (n, call) in calls.iter().enumerate() {
        let key = format!("key-canary-{n}");
        let answer = app.admin().once(&key).post(&call.path, call.body.clone()).await;
        secrets.extend(call.shown_once.map(|member| answer.body[member].as_str().unwrap_or_default().to_owned()));
    }
    secrets.push("key-canary".to_owned());
    let items = app.items().await;
    let kept = items.iter().filter(|item| item["pk"].to_string().contains("IDEMPOTENCY#")).count();
    assert_eq!(kept, calls.len());
    let text = Value::from(items).to_string();
    for secret in secrets {
        assert!(!secret.is_empty() && !text.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn the_first_call_costs_the_same_with_a_key_as_without() {
    let cost = async |key: bool| {
        let app = TestApp::start_with_double().await;
        let (_, calls) = every_call(&app).await;
        let mut costs = Vec::new();
        for (n, call) in calls.iter().enumerate() {
            let client = if key { app.admin().once(&format!("key-{n}")) } else { app.admin() };
            app.line.take_calls();
            let answer = client.post(&call.path, call.body.clone()).await;
            assert!(answer.status.is_success(), "{}: {}", call.what, answer.body);
            let mut calls = app.line.take_calls();
            // The provider hears of a test before anything is written: that call is marked first.
            if key && call.what == "a robot's test" {
                let mark = calls.iter().position(|name| name == "PutItem").expect("the mark");
                calls.remove(mark);
            }
            costs.push((call.what, calls));
        }
        costs
    };
    assert_eq!(cost(true).await, cost(false).await);
}

#[tokio::test(start_paused = true)]
async fn of_calls_with_one_key_at_once_one_has_an_effect_and_all_have_its_answer() {
    for (what, path, body, shown_once) in [
        ("a repository", "/api/repos", json!({"provider": "github", "name": "acme/one"}), Some("webhookSecret")),
        ("a user", "/api/users", json!({"username": "uma"}), None),
        ("a token", "/api/access-tokens", json!({"name": "n", "scopes": ["repos:read"]}), Some("token")),
    ] {
        let app = TestApp::start().await;
        let second = second_of(&app).await;
        let call = Call { what, path: path.to_owned(), body, shown_once };
        let answers = at_once((0..6).map(|n| {
            let client = if n % 2 == 0 { app.admin() } else { second.admin() }.once("the-key");
            let (path, body) = (call.path.clone(), call.body.clone());
            async move { client.post(&path, body).await }
        }))
        .await;
        let first: Vec<_> = answers.iter().filter(|answer| !answer.is_replayed()).collect();
        assert_eq!(first.len(), 1, "{what}");
        for again in answers.iter().filter(|answer| answer.is_replayed()) {
            is_replay(again, first[0], &call);
        }
        let action = format!("\"{}_CREATED\"", first_word(what));
        let written = app.items().await.iter().filter(|item| item.to_string().contains(&action)).count();
        // The administrator of every test was made without a caller.
        assert_eq!(written, 1, "{what}");
        consistency::check(&app.items().await).expect("consistent");
    }
}

fn first_word(what: &str) -> &'static str {
    match what {
        "a repository" => "REPO",
        "a user" => "USER",
        _ => "ACCESS_TOKEN",
    }
}
