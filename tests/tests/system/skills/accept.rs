//! `POST /api/repos/:id/skills/:skillId/accept`.

use repoplane_tests::{Branch, Event, Hook, TestApp, consistency};
use serde_json::{Value, json};

async fn set() -> (TestApp, Hook, String) {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let skill = app.escalated_skill(&hook.repo).await;
    let path = format!("{}/skills/{skill}", hook.path);
    (app, hook, path)
}

async fn shown(app: &TestApp, path: &str) -> Value {
    app.admin().get(path).await.expect(200).body["skill"].clone()
}

#[tokio::test]
async fn whoever_manages_the_repository_accepts_what_a_skill_can_do() {
    let (app, hook, path) = set().await;
    let before = shown(&app, &path).await;
    assert_eq!(
        (&before["status"], &before["escalation"]["scripts"]),
        (&json!("escalated"), &json!(["scripts/run.sh"]))
    );
    assert_ne!(before["accepted"]["version"], before["version"], "what was accepted before stays readable");
    let max = app.member(&hook.repo, "max", "maintainer").await;
    let mia = app.member(&hook.repo, "mia", "member").await;
    let accept = format!("{path}/accept");
    let body = json!({"version": before["version"]});
    assert_eq!(mia.client.post(&accept, body.clone()).await.expect(403).text("/code"), "REPO_MANAGE_REQUIRED");
    let accepted = max.client.post(&accept, body).await.expect(200).body["skill"].clone();
    assert_eq!((&accepted["status"], accepted.get("escalation")), (&json!("ok"), None));
    assert_eq!(accepted["accepted"]["version"], before["version"]);
    assert_eq!(
        (&accepted["accepted"]["by"], &accepted["accepted"]["allowedTools"]),
        (&json!(max.id), &json!(["Bash"]))
    );
    assert_eq!(shown(&app, &path).await, accepted);
    assert_eq!(app.audit_of(&hook.repo).await.last().map(String::as_str), Some("SKILL_ACCEPTED"));
    let audit = app.admin().get(&format!("{}/audit?limit=1", hook.path)).await.expect(200);
    let details = json!({"name": "deploy", "version": before["version"], "addedScripts": 1, "addedTools": 1});
    assert_eq!(audit.body["entries"][0]["details"], details);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn nothing_is_accepted_that_nobody_looked_at() {
    let (app, hook, path) = set().await;
    let seen = shown(&app, &path).await["version"].clone();
    let more = Branch::default().good("deploy", "allowed-tools: Bash Write\n", &["scripts/run.sh"]);
    app.catalogue(&hook.repo, &more).await;
    let accept = format!("{path}/accept");
    let refused = app.admin().post(&accept, json!({"version": seen})).await.expect(409);
    assert_eq!(
        (refused.text("/code"), refused.body["currentVersion"].clone()),
        ("SKILL_VERSION_CHANGED".to_owned(), shown(&app, &path).await["version"].clone(),)
    );
    assert_eq!(shown(&app, &path).await["status"], "escalated");
    app.admin().post(&accept, Value::Null).await.expect(200);
    assert_eq!(
        shown(&app, &path).await["accepted"]["allowedTools"],
        json!(["Bash", "Write"]),
        "without a version, what is there"
    );
}

#[tokio::test]
async fn accepting_twice_changes_nothing_and_a_key_repeats_the_answer() {
    let (app, hook, path) = set().await;
    let accept = || Event::new("POST", &format!("{path}/accept")).header("idempotency-key", "once");
    let first = app.admin().send(accept()).await.expect(200);
    let again = app.admin().send(accept()).await.expect(200);
    assert_eq!(again.body, first.body);
    assert!(again.headers.contains_key("idempotency-replayed"));
    let items = app.items().await.len();
    let plain = app.admin().post(&format!("{path}/accept"), Value::Null).await.expect(200);
    assert_eq!(plain.body, first.body);
    assert_eq!(app.items().await.len(), items);
    let accepted = app.audit_of(&hook.repo).await.into_iter().filter(|action| action == "SKILL_ACCEPTED").count();
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn if_match_names_the_revision() {
    let (app, _, path) = set().await;
    let tag = app.admin().get(&path).await.expect(200).headers["etag"].to_str().expect("a tag").to_owned();
    let accept = |tag: &str| Event::new("POST", &format!("{path}/accept")).header("if-match", tag);
    app.admin().send(accept("\"99.0000000000000000\"")).await.expect(412);
    app.admin().send(accept(&tag)).await.expect(200);
    app.admin().send(accept(&tag)).await.expect(412);
}

#[tokio::test]
async fn of_many_at_once_one_accepts_and_the_others_find_it_so() {
    let (app, hook, path) = set().await;
    let calls = (0..8).map(|_| {
        let (client, path) = (app.admin(), format!("{path}/accept"));
        tokio::spawn(async move { client.post(&path, Value::Null).await })
    });
    for call in calls.collect::<Vec<_>>() {
        let answer = call.await.expect("no panic").expect(200);
        assert_eq!(answer.body["skill"]["status"], "ok");
    }
    let accepted = app.audit_of(&hook.repo).await.into_iter().filter(|action| action == "SKILL_ACCEPTED").count();
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn wrong_bodies_and_archived_repositories_are_refused() {
    let (app, hook, path) = set().await;
    let accept = format!("{path}/accept");
    let refused = app.admin().post(&accept, json!({"version": 7, "force": true})).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/version", "/force"]);
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    assert_eq!(app.admin().post(&accept, Value::Null).await.expect(403).text("/code"), "REPO_ARCHIVED_READ_ONLY");
    assert_eq!(shown(&app, &path).await["status"], "escalated");
}
