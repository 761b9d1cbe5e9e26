//! `/api/audit` and `/api/repos/:id/audit`: who changed what, never a secret (contract: hookcode 1.3).

use crate::tasks::work::{issue, patch};
use repoplane_tests::{ADMIN_TOKEN, Client, Hook, TestApp};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Every page of a log.
async fn walk(client: &Client, path: &str) -> Vec<Value> {
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = client.get(&format!("{path}{separator}cursor={cursor}")).await.expect(200);
        entries.extend(page.body["entries"].as_array().expect("entries").iter().cloned());
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return entries,
        }
    }
}

/// Does everything that can be done, and answers the repository and the secrets that went in or came out.
async fn everything(app: &TestApp) -> (Hook, Vec<String>) {
    let (hook, robot) = Hook::ready(app).await;
    let admin = app.admin();
    let (path, mut secrets) = (&hook.path, vec![hook.secret.clone(), ADMIN_TOKEN.to_owned()]);
    secrets.extend(
        ["demo-write-token", "sk-test", "canary-profile", "canary-key", "canary-env", "canary-hook"].map(str::to_owned),
    );
    let profiles = json!({"profiles": [{"id": "two", "remark": "two", "token": "canary-profile"}]});
    let env = json!({"preview": {"SECRET": "canary-env"}});
    let _ = admin.patch(path, json!({"previewEnvConfig": env})).await;
    admin.patch(path, json!({"repoProviderCredential": profiles, "webhookSecret": "canary-hook"})).await.expect(200);
    let hook = hook.with_secret("canary-hook");
    let mut tasks = Vec::new();
    for number in 1..=3 {
        let posted = hook.post(app, "issues", &format!("guid-{number}"), &issue(number)).await.expect(202);
        tasks.push((posted.text("/tasks/0/id"), posted.delivery()));
    }
    let mia = app.person("mia").await;
    secrets.push(mia.token.clone());
    let member = json!({"userId": mia.id, "role": "member"});
    admin.post(&format!("{path}/members"), member).await.expect(201);
    let of_mia = format!("{path}/members/{}", mia.id);
    admin.patch(&of_mia, json!({"role": "maintainer"})).await.expect(200);
    admin.delete(&of_mia).await.expect(200);
    admin.patch(&format!("/api/users/{}", mia.id), json!({"displayName": "Mia"})).await.expect(200);
    let token = mia.client.get("/api/access-tokens").await.expect(200).text("/accessTokens/0/id");
    mia.client.delete(&format!("/api/access-tokens/{token}")).await.expect(200);
    let own = json!({
        "name": "Own", "promptDefault": "p", "token": "canary-key",
        "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "canary-key"}},
    });
    let made = admin.post(&format!("{path}/robots"), own).await.expect(201).text("/robot/id");
    admin.patch(&format!("{path}/robots/{made}"), json!({"language": "de", "token": "canary-key-2"})).await.expect(200);
    admin.post(&format!("{path}/robots/{robot}/test"), Value::Null).await.expect(200);
    admin.delete(&format!("{path}/robots/{made}")).await.expect(200);
    let rotated = admin.post(&format!("{path}/webhook-secret/rotate"), Value::Null).await.expect(200);
    secrets.push(rotated.text("/webhookSecret"));
    admin.post(&format!("/api/tasks/{}/claim", tasks[0].0), json!({"worker": "w"})).await.expect(200);
    patch(app, &tasks[1].0, "cancelled", None).await.expect(200);
    admin.post(&format!("/api/tasks/{}/retry", tasks[1].0), Value::Null).await.expect(200);
    admin.post(&format!("/api/tasks/{}/cancel", tasks[2].0), Value::Null).await.expect(200);
    let delivery = format!("{path}/webhook-deliveries/{}", tasks[1].1);
    admin.post(&format!("{delivery}/redeliver"), Value::Null).await.expect(201);
    admin.delete(&format!("{delivery}/content")).await.expect(200);
    admin.patch(path, json!({"webhookVerification": "off"})).await.expect(200);
    admin.post(&format!("{path}/archive"), Value::Null).await.expect(200);
    admin.post(&format!("{path}/unarchive"), Value::Null).await.expect(200);
    let other = app.tenant("other").await;
    secrets.push(other.token);
    let doomed = Hook::register(app, "gitlab", json!({"name": "doomed"})).await;
    admin.delete(&doomed.path).await.expect(200);
    (hook, secrets)
}

#[tokio::test]
async fn every_kind_of_write_leaves_an_entry_and_no_entry_a_secret() {
    let app = TestApp::start_with_double().await;
    let (hook, secrets) = everything(&app).await;
    let tenant = app.admin().get("/api/me").await.expect(200).text("/tenant/id");
    app.admin().patch(&format!("/api/tenants/{tenant}"), json!({"name": "renamed"})).await.expect(200);
    let entries = walk(&app.admin(), "/api/audit?limit=7").await;
    let actions: BTreeSet<&str> = entries.iter().filter_map(|entry| entry["action"].as_str()).collect();
    let of_repository = [
        "REPO_CREATED",
        "REPO_UPDATED",
        "REPO_ARCHIVED",
        "REPO_UNARCHIVED",
        "REPO_WEBHOOK_SECRET_ROTATED",
        "REPO_WEBHOOK_VERIFICATION_CHANGED",
        "REPO_WEBHOOK_VERIFIED",
        "REPO_MEMBER_ADDED",
        "REPO_MEMBER_UPDATED",
        "REPO_MEMBER_REMOVED",
        "REPO_ROBOT_CREATED",
        "REPO_ROBOT_UPDATED",
        "REPO_ROBOT_TESTED",
        "REPO_ROBOT_DELETED",
        "REPO_AUTOMATION_UPDATED",
        "REPO_DELIVERY_REDELIVERED",
        "REPO_DELIVERY_CONTENT_DELETED",
        "TASK_CLAIMED",
        "TASK_UPDATED",
        "TASK_RETRIED",
        "TASK_CANCELLED",
    ];
    let of_tenant = [
        "TENANT_CREATED",
        "TENANT_UPDATED",
        "USER_CREATED",
        "USER_UPDATED",
        "ACCESS_TOKEN_CREATED",
        "ACCESS_TOKEN_REVOKED",
        "REPO_DELETED",
    ];
    assert_eq!(actions, of_repository.iter().chain(&of_tenant).copied().collect());
    let ids: Vec<&str> = entries.iter().filter_map(|entry| entry["id"].as_str()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "newest first, each once");
    for entry in &entries {
        let by_nobody = entry["action"] == "REPO_WEBHOOK_VERIFIED" || entry["details"]["name"] == "default";
        assert_eq!(entry["userId"].is_string() && entry["accessTokenId"].is_string(), !by_nobody, "{entry}");
        assert!(entry["at"].is_string() && entry["target"].is_string(), "{entry}");
    }
    let log = walk(&app.admin(), &format!("{}/audit?limit=5", hook.path)).await;
    let own: BTreeSet<&str> = log.iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(own, of_repository.into_iter().collect());
    assert!(log.iter().all(|entry| entry["repoId"] == hook.repo && entries.contains(entry)));
    let text = Value::from(entries).to_string();
    for secret in secrets {
        assert!(!text.contains(&secret), "{secret}");
    }
}

#[tokio::test]
async fn an_entry_shows_what_was_and_what_is() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let path = &hook.path;
    let mia = app.member(&hook.repo, "mia", "member").await;
    let posted = hook.post(&app, "issues", "guid", &issue(1)).await.expect(202);
    let task = format!("/api/tasks/{}", posted.text("/tasks/0/id"));
    let members = format!("{path}/members/{}", mia.id);
    let robot = format!("{path}/robots/{robot}");
    for (method, target, body, changed, before, after) in [
        ("PATCH", path.clone(), json!({"description": "new"}), "description", Value::Null, json!("new")),
        ("PATCH", path.clone(), json!({"description": "newer"}), "description", json!("new"), json!("newer")),
        ("PATCH", path.clone(), json!({"enabled": false}), "enabled", json!(true), json!(false)),
        ("PATCH", members.clone(), json!({"role": "owner"}), "role", json!("member"), json!("owner")),
        ("DELETE", members, Value::Null, "role", json!("owner"), Value::Null),
        ("PATCH", robot, json!({"language": "de"}), "language", Value::Null, json!("de")),
        ("POST", format!("{task}/claim"), json!({"worker": "w"}), "status", json!("queued"), json!("processing")),
    ] {
        app.admin().call(method, &target, body).await.expect(200);
        let log = app.admin().get(&format!("{path}/audit?limit=1")).await.expect(200);
        let change = &log.body["entries"][0]["details"]["changes"][changed];
        assert_eq!((&change["before"], &change["after"]), (&before, &after), "{method} {target}: {}", log.body);
    }
    // A secret that changed is told by what everybody may see of it.
    let rotate = format!("{path}/webhook-secret/rotate");
    app.admin().post(&rotate, Value::Null).await.expect(200);
    let log = app.admin().get(&format!("{path}/audit?limit=1")).await.expect(200);
    let change = &log.body["entries"][0]["details"]["changes"]["webhookSecretGeneration"];
    assert_eq!(change["before"].as_u64().map(|n| n + 1), change["after"].as_u64(), "{}", log.body);
}

#[tokio::test]
async fn the_log_of_a_repository_is_for_those_who_manage_it() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let path = format!("{}/audit", hook.path);
    let mia = app.member(&hook.repo, "mia", "member").await;
    let max = app.member(&hook.repo, "max", "maintainer").await;
    let olga = app.member(&hook.repo, "olga", "owner").await;
    let sam = app.person("sam").await;
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    for client in [&max.client, &olga.client, &app.admin()] {
        assert_eq!(client.get(&path).await.expect(200).body["entries"][0]["action"], "REPO_ARCHIVED");
    }
    assert_eq!(mia.client.get(&path).await.expect(403).text("/code"), "REPO_MANAGE_REQUIRED");
    sam.client.get(&path).await.expect(403);
    app.tenant("other").await.client.get(&path).await.expect(404);
    app.anonymous().get(&path).await.expect(401);
    for client in [&max.client, &olga.client] {
        assert_eq!(client.get("/api/audit").await.expect(403).text("/code"), "ADMIN_REQUIRED");
    }
}

#[tokio::test]
async fn a_day_is_a_day_of_the_calendar_in_utc() {
    let app = TestApp::start().await;
    Hook::github(&app).await;
    app.clock.advance(Duration::from_secs(16 * 3600 - 60));
    app.person("late").await;
    app.clock.advance(Duration::from_secs(60));
    app.person("next").await;
    let users = async |query: &str| {
        let entries = walk(&app.admin(), &format!("/api/audit?limit=2{query}")).await;
        entries.iter().filter(|entry| entry["action"] == "USER_CREATED").count()
    };
    assert_eq!(users("").await, 1, "today");
    assert_eq!(users("&day=").await, 1, "today");
    assert_eq!(users("&day=2026-01-21").await, 1);
    assert_eq!(users("&day=2026-01-20").await, 1);
    assert_eq!(users("&day=2026-01-19").await, 0);
    let other = app.tenant("other").await;
    for day in ["2026-01-20", "2026-01-21"] {
        let foreign = other.client.get(&format!("/api/audit?day={day}")).await.expect(200);
        assert_eq!(foreign.body, json!({"entries": []}), "{day}: another tenant's");
    }
    for wrong in
        ["yesterday", "2026-1-20", "2026-02-30", "20260120", "2026-01-20T00:00:00Z", "2026-00-10", "0x0a-01-01"]
    {
        let refused = app.admin().get(&format!("/api/audit?day={wrong}")).await.expect(400);
        assert_eq!(refused.wrong_fields(), ["?day"], "{wrong}");
    }
    let cursor = app.admin().get("/api/audit?day=2026-01-20&limit=1").await.expect(200).text("/nextCursor");
    let elsewhere = app.admin().get(&format!("/api/audit?day=2026-01-21&cursor={cursor}")).await.expect(400);
    assert_eq!(elsewhere.text("/code"), "INVALID_CURSOR");
}

#[tokio::test]
async fn what_was_refused_or_repeated_leaves_no_entry() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let before = app.audit_of(&hook.repo).await;
    app.admin().patch(&hook.path, json!({"name": ""})).await.expect(400);
    app.admin().if_match("\"99\"").patch(&hook.path, json!({"description": "d"})).await.expect(412);
    app.person("sam").await.client.patch(&hook.path, json!({"description": "d"})).await.expect(403);
    assert_eq!(app.audit_of(&hook.repo).await, before);
    for _ in 0..3 {
        let path = format!("{}/webhook-secret/rotate", hook.path);
        app.admin().once("k").post(&path, Value::Null).await.expect(200);
    }
    assert_eq!(app.audit_of(&hook.repo).await.len(), before.len() + 1);
}
