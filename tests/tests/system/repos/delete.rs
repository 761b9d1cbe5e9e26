//! `DELETE /api/repos/:id`: gone at once, cleared in batches.

use crate::repos::{at_once, second_of};
use crate::tasks::work::{claim, open_issue, patch, set_rules};
use crate::webhooks::bodies::{MB, issue_of};
use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};

/// What lies in the repository's own partition.
async fn left(app: &TestApp, repo: &str) -> Vec<String> {
    let items = app.items().await;
    let own = items.iter().filter(|item| item["pk"]["S"] == format!("REPO#{repo}"));
    own.map(|item| item["sk"]["S"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Whether the vault has a document of a repository.
async fn has_secrets(app: &TestApp, pointer: &str) -> bool {
    let request = json!({"SecretId": pointer}).to_string().into_bytes();
    app.line.engines().call("secretsmanager.GetSecretValue", request).await.status == 200
}

/// The name of a repository's secret document, as the record names it.
async fn document_of(app: &TestApp, repo: &str) -> String {
    let items = app.items().await;
    let own =
        items.iter().find(|item| item["pk"]["S"] == format!("REPO#{repo}") && item["sk"]["S"] == "D#5CREDENTIALS");
    let name = own.and_then(|item| item["data"]["M"]["secrets"]["M"]["name"]["S"].as_str());
    name.expect("a document").to_owned()
}

#[tokio::test]
async fn a_deleted_repository_answers_404_wherever_it_is_asked_for() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let task = open_issue(&app, &hook, 1).await.remove(0);
    let delivery = hook.deliveries(&app.admin()).await[0]["id"].as_str().expect("an id").to_owned();
    let mia = app.member(&hook.repo, "mia", "member").await;
    patch(&app, &task, "cancelled", None).await.expect(200);
    // Caches know it.
    mia.client.get(&format!("{}/tasks", hook.path)).await.expect(200);
    let deleted = app.admin().delete(&hook.path).await.expect(200);
    assert_eq!(deleted.body, json!({"ok": true, "tasksDropped": 0}));

    let mut asked = 0;
    for (_, route) in repoplane_tests::routes() {
        let of_it = route.path.starts_with("/api/repos/{id}") || route.path.starts_with("/api/tasks/{id}");
        if !of_it && !route.path.starts_with("/api/webhook/") {
            continue;
        }
        let id = if route.path.starts_with("/api/tasks") { &task } else { &hook.repo };
        let target = route.path.replace("{id}", id).replace("{user_id}", &mia.id).replace("{robot_id}", &robot);
        let target = target.replace("{delivery_id}", &delivery);
        let body = if matches!(route.method.as_str(), "GET" | "DELETE") { Value::Null } else { json!({}) };
        for app in [&app, &app.second_instance()] {
            for client in [app.admin(), app.client(&mia.token)] {
                let missing = client.call(route.method.as_str(), &target, body.clone()).await;
                assert_eq!(missing.status, 404, "{} {target}: {}", route.method, missing.body);
            }
        }
        asked += 1;
    }
    assert!(asked > 25, "{asked} routes");
    hook.post(&app, "issues", "guid-2", &crate::tasks::work::issue(2)).await.expect(404);
    for client in [&app.admin(), &mia.client] {
        assert_eq!(client.get("/api/repos?archived=all").await.expect(200).body, json!({"repos": []}));
    }
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn owners_delete_and_nobody_else() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let other = app.tenant("other").await;
    for (name, role) in [("mia", "member"), ("max", "maintainer")] {
        let person = app.member(&hook.repo, name, role).await;
        assert_eq!(person.client.delete(&hook.path).await.expect(403).text("/code"), "REPO_OWNER_REQUIRED", "{role}");
    }
    let sam = app.person("sam").await;
    assert_eq!(sam.client.delete(&hook.path).await.expect(403).text("/code"), "REPO_OWNER_REQUIRED");
    other.client.delete(&hook.path).await.expect(404);
    let olga = app.member(&hook.repo, "olga", "owner").await;
    let reader = olga.client.token(json!({"name": "r", "scopes": ["repos:read"]})).await;
    assert_eq!(app.client(reader).delete(&hook.path).await.expect(403).text("/requiredScope"), "repos:write");
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    olga.client.delete(&hook.path).await.expect(200);
    olga.client.delete(&hook.path).await.expect(404);
}

#[tokio::test]
async fn open_tasks_stand_in_the_way_unless_it_is_forced() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let night = json!({"startHour": 22, "endHour": 6});
    set_rules(&app, &hook, json!([{"name": "n", "actions": [{"robotId": robot}], "timeWindow": night}])).await;
    let waiting = open_issue(&app, &hook, 1).await;
    set_rules(&app, &hook, json!([{"name": "d", "actions": [{"robotId": robot}]}])).await;
    let claimed = open_issue(&app, &hook, 2).await.remove(0);
    claim(&app, &claimed, "w", Value::Null).await.expect(200);
    assert_eq!(waiting.len(), 1);
    let before = app.items().await;
    for query in ["", "?force=false", "?force="] {
        let refused = app.admin().delete(&format!("{}{query}", hook.path)).await.expect(409);
        assert_eq!(refused.text("/code"), "REPO_HAS_OPEN_TASKS");
        assert_eq!(refused.body["openTasks"], 2, "{}", refused.body);
    }
    let wrong = app.admin().delete(&format!("{}?force=maybe", hook.path)).await.expect(400);
    assert_eq!(wrong.wrong_fields(), ["?force"]);
    assert!(app.items().await == before);

    let deleted = app.admin().delete(&format!("{}?force=true", hook.path)).await.expect(200);
    assert_eq!(deleted.body["tasksDropped"], 2);
    assert_eq!(left(&app, &hook.repo).await, ["A#TOMBSTONE"]);
    let items = app.items().await;
    consistency::check(&items).expect("consistent");
    let of_deliveries = items.iter().filter(|item| item["pk"].to_string().contains("DELIVER"));
    assert!(of_deliveries.clone().count() >= 6);
    for item in of_deliveries {
        assert!(item.get("expires_at").is_some(), "{} {} never ends", item["pk"], item["sk"]);
    }
    assert!(!items.iter().any(|item| item["pk"].to_string().contains("LOCATOR#")));
}

#[tokio::test]
async fn a_large_body_of_an_open_task_ends_with_its_repository() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    hook.post(&app, "issues", "guid", &issue_of(MB)).await.expect(202);
    app.admin().delete(&format!("{}?force=true", hook.path)).await.expect(200);
    let items = app.items().await;
    let chunks: Vec<_> = items.iter().filter(|item| item["sk"].to_string().contains("BODY#")).collect();
    assert!(chunks.len() > 1, "one chunk tells nothing");
    assert_eq!(chunks.iter().filter(|chunk| chunk.get("expires_at").is_none()).count(), 0, "of {}", chunks.len());
    consistency::check(&items).expect("consistent");
}

#[tokio::test]
async fn a_body_that_was_deleted_before_does_not_come_back_as_an_empty_shell() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let posted = hook.post(&app, "issues", "guid", &issue_of(9_000)).await.expect(202);
    let content = format!("{}/webhook-deliveries/{}/content", hook.path, posted.delivery());
    app.admin().delete(&content).await.expect(200);
    app.admin().delete(&format!("{}?force=true", hook.path)).await.expect(200);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn name_identity_and_place_in_lists_are_free_again() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let task = open_issue(&app, &hook, 1).await.remove(0);
    patch(&app, &task, "cancelled", None).await.expect(200);
    let bound = app.admin().get(&hook.path).await.expect(200).body["repo"].clone();
    assert!(bound["externalId"].is_string(), "the first webhook bound it: {bound}");
    app.admin().delete(&hook.path).await.expect(200);
    let body = json!({"name": "Codertocat/Hello-World", "externalId": bound["externalId"]});
    let again = Hook::register(&app, "github", body).await;
    assert_ne!((&again.repo, &again.secret), (&hook.repo, &hook.secret));
    again.post(&app, "issues", "guid-1", &crate::tasks::work::issue(1)).await.expect(202);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn secrets_are_deleted_and_nothing_but_a_tombstone_is_left() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let document = document_of(&app, &hook.repo).await;
    assert!(has_secrets(&app, &document).await);
    app.admin().delete(&hook.path).await.expect(200);
    assert!(!has_secrets(&app, &document).await);
    assert_eq!(left(&app, &hook.repo).await, ["A#TOMBSTONE"]);
    let items = app.items().await;
    assert!(!items.iter().any(|item| item["pk"].to_string().contains("MEMBERSHIPS#")));
    let tombstone = items.iter().find(|item| item["sk"]["S"] == "A#TOMBSTONE").expect("a tombstone");
    assert!(tombstone.get("list_pk").is_some(), "the sweep looks again when nothing can come any more");
    assert_eq!(tombstone["data"]["M"]["name"]["S"], "Codertocat/Hello-World");
    consistency::check(&items).expect("consistent");
}

#[tokio::test]
async fn the_audit_of_the_tenant_remembers_it() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let olga = app.member(&hook.repo, "olga", "owner").await;
    olga.client.delete(&hook.path).await.expect(200);
    let audit = app.admin().get("/api/audit").await.expect(200);
    let entry = &audit.body["entries"][0];
    assert_eq!((&entry["action"], &entry["userId"]), (&json!("REPO_DELETED"), &json!(olga.id)));
    assert_eq!((&entry["repoId"], &entry["target"]), (&json!(hook.repo), &json!(hook.repo)));
    assert_eq!(entry["details"], json!({"name": "Codertocat/Hello-World", "provider": "github"}));
}

#[tokio::test]
async fn a_crash_between_the_commit_and_the_clearing_leaves_a_repository_that_is_gone() {
    for target in ["secretsmanager.", "DynamoDB_20120810.Query", "DynamoDB_20120810.TransactWriteItems"] {
        let app = TestApp::start_with_double().await;
        let (hook, _) = Hook::ready(&app).await;
        open_issue(&app, &hook, 1).await;
        // One Query loads the repository, another counts; the first transaction is the deletion.
        let from = match target {
            "secretsmanager." => 0,
            "DynamoDB_20120810.Query" => 2,
            _ => 1,
        };
        let plan = FaultPlan { target: target.to_owned(), from, times: usize::MAX, fault: Fault::Down };
        app.line.set_fault(Some(plan));
        app.admin().delete(&format!("{}?force=true", hook.path)).await.expect(200);
        app.line.set_fault(None);
        let items = app.items().await;
        consistency::check(&items).unwrap_or_else(|wrong| panic!("{target}: {wrong:?}"));
        let tombstone = items.iter().find(|item| item["sk"]["S"] == "A#TOMBSTONE").expect("a tombstone");
        assert!(tombstone.get("list_pk").is_some(), "{target}: marked for the sweep");
        app.admin().get(&hook.path).await.expect(404);
        hook.post(&app, "issues", "guid-2", &crate::tasks::work::issue(2)).await.expect(404);
        Hook::register(&app, "github", json!({"name": "Codertocat/Hello-World"})).await;
    }
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_has_happened() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let target = "DynamoDB_20120810.TransactWriteItems".to_owned();
    app.line.set_fault(Some(FaultPlan { target, from: 0, times: usize::MAX, fault: Fault::TimeoutAfter }));
    app.admin().delete(&hook.path).await.expect(503);
    app.line.set_fault(None);
    app.admin().delete(&hook.path).await.expect(404);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn of_a_large_repository_a_part_is_left_for_the_sweep_but_none_of_it_is_seen() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let mut tasks = Vec::new();
    for number in 1..=60 {
        tasks.extend(open_issue(&app, &hook, number).await);
    }
    let deleted = app.admin().delete(&format!("{}?force=true", hook.path)).await.expect(200);
    assert_eq!(deleted.body["tasksDropped"], 60);
    let items = app.items().await;
    consistency::check(&items).expect("consistent");
    let tombstone = items.iter().find(|item| item["sk"]["S"] == "A#TOMBSTONE").expect("a tombstone");
    assert!(tombstone["list_pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("REMOVED#")), "{tombstone}");
    let rest = left(&app, &hook.repo).await;
    assert!(rest.iter().any(|sk| sk.starts_with("TASK#")), "{rest:?}");
    for task in tasks {
        app.second_instance().admin().get(&format!("/api/tasks/{task}")).await.expect(404);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_and_a_change_at_once_end_in_a_repository_that_is_gone() {
    let robot = json!({
        "name": "Own", "promptDefault": "p", "token": "t",
        "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "sk"}},
    });
    for (method, tail, body) in [
        ("PATCH", "", json!({"description": "d"})),
        ("PATCH", "", json!({"name": "other", "externalId": "4711"})),
        ("POST", "/members", json!({"username": "mia", "role": "member"})),
        ("POST", "/robots", robot),
        ("POST", "/archive", Value::Null),
        ("PUT", "/automation", json!({"config": {"version": 2}})),
        ("DELETE", "", Value::Null),
    ] {
        let app = TestApp::start().await;
        let hook = Hook::github(&app).await;
        app.person("mia").await;
        let second = second_of(&app).await;
        let delete = (app.admin(), "DELETE", hook.path.clone(), Value::Null);
        let change = (second.admin(), method, format!("{}{tail}", hook.path), body);
        for order in [[delete.clone(), change.clone()], [change, delete]] {
            let calls = order.map(|(client, method, target, body)| async move {
                (method, client.call(method, &target, body).await.status.as_u16())
            });
            for (call, status) in at_once(calls).await {
                assert!(matches!(status, 200 | 201 | 404), "{method} {tail}: {call} {status}");
            }
            app.admin().get(&hook.path).await.expect(404);
            consistency::check(&app.items().await).unwrap_or_else(|wrong| panic!("{method} {tail}: {wrong:?}"));
        }
    }
}
