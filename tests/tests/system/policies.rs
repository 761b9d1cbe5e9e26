//! Least privilege, proven: what each function calls on its way through the whole API is what its policy allows, no less
//! and no more.

use repoplane_local::double::WRITE_TOKEN;
use repoplane_local::line::{Fault, FaultPlan};
use repoplane_local::server::reopen;
use repoplane_tests::git_server::{GIT_SERVERS, GIT_TOKEN, GIT_USER, GitServer, Repositories};
use repoplane_tests::{Event, Functions, TestApp, github_signature};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The SDK's standard number of attempts: that many failures make one failed call.
const SDK_ATTEMPTS: usize = 3;

/// The actions of the first policy of a function's role, with ` index/<name>` behind those on an index.
fn allowed(template: &serde_yaml_ng::Value, function: &str) -> BTreeSet<String> {
    let role = format!("{function}Role");
    let statements = &template["Resources"][role.as_str()]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let mut allowed = BTreeSet::new();
    for statement in statements.as_sequence().expect("statements") {
        let texts = |value: &serde_yaml_ng::Value| -> Vec<String> {
            // `!Sub` and `!GetAtt` are tags around a text.
            let one = |value: &serde_yaml_ng::Value| {
                let tagged = if let serde_yaml_ng::Value::Tagged(tagged) = value { &tagged.value } else { value };
                tagged.as_str().map(str::to_owned)
            };
            value
                .as_sequence()
                .map_or_else(|| one(value).into_iter().collect(), |list| list.iter().filter_map(one).collect())
        };
        for action in texts(&statement["Action"]) {
            for resource in texts(&statement["Resource"]) {
                allowed.insert(match resource.split_once("/index/") {
                    Some((_, index)) => format!("{action} index/{index}"),
                    None => action.clone(),
                });
            }
        }
    }
    allowed
}

async fn post_issue(functions: &Functions, created: &Value, number: u32, secret: &str) {
    let body = json!({
        "action": "opened",
        "issue": {"number": number, "title": "t"},
        "repository": {"id": 5, "full_name": "acme/widgets", "html_url": "https://github.com/acme/widgets", "default_branch": "main"},
        "sender": {"login": "octocat", "id": 1},
    })
    .to_string();
    let event = Event::new("POST", created["webhookPath"].as_str().expect("a path"))
        .header("x-github-event", "issues")
        .header("x-hub-signature-256", &github_signature(secret, body.as_bytes()))
        .body(body);
    functions.anonymous.send(event).await.expect(202);
}

/// Makes the next labelling of a committed secret fail, so that the function looks for the label.
fn lose_label(functions: &Functions, at: usize) {
    let target = "secretsmanager.UpdateSecretVersionStage".to_owned();
    functions.lines[at].1.set_fault(Some(FaultPlan { target, from: 0, times: SDK_ATTEMPTS, fault: Fault::Down }));
}

#[tokio::test]
async fn each_function_calls_what_its_policy_allows_and_its_policy_allows_nothing_else() {
    let app = TestApp::start_with_double().await;
    let functions = app.functions();
    let admin = &functions.admin;
    let base = app.double.as_ref().expect("a double").github();
    let secret = "a-supplied-webhook-secret";

    // repos
    admin.get("/health/deep").await.expect(200);
    let user = admin.post("/api/users", json!({"username": "ann"})).await.expect(201).text("/user/id");
    admin.post("/api/tenants", json!({"tenant": "other", "username": "root"})).await.expect(201);
    let body =
        json!({"provider": "github", "name": "acme/widgets", "externalId": "acme/widgets", "webhookSecret": secret});
    let created = admin.post("/api/repos", body).await.expect(201).body;
    let path = format!("/api/repos/{}", created["repo"]["id"].as_str().expect("an id"));
    lose_label(&functions, 0);
    let profile = json!({"profiles": [{"id": "bot", "remark": "bot", "token": WRITE_TOKEN}]});
    let model = json!({"codex": {"profiles": [{"id": "team", "remark": "team", "apiKey": "sk"}]}});
    let body = json!({"repoProviderCredential": profile, "modelProviderCredential": model, "externalId": null, "apiBaseUrl": base});
    admin.patch(&path, body).await.expect(200);
    admin.post(&format!("{path}/members"), json!({"userId": user, "role": "member"})).await.expect(201);
    admin.delete(&format!("{path}/members/{user}")).await.expect(200);
    admin.get("/api/repos").await.expect(200);

    // robots: one on the repository's profile, one with a token of its own on a repository without a document
    let robot = json!({
        "name": "Triage", "promptDefault": "p", "repoCredentialSource": "repo", "repoCredentialProfileId": "bot",
        "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
    });
    let robot = admin.post(&format!("{path}/robots"), robot).await.expect(201).text("/robot/id");
    admin.patch(&path, json!({"externalId": "acme/widgets"})).await.expect(200);
    let tested = admin.post(&format!("{path}/robots/{robot}/test"), Value::Null).await.expect(200);
    assert_eq!(tested.body["ok"], true, "{}", tested.body);
    admin.patch(&path, json!({"apiBaseUrl": null})).await.expect(200);
    let bare =
        admin.post("/api/repos", json!({"provider": "github", "name": "acme/bare"})).await.expect(201).text("/repo/id");
    let own = |token: &str| {
        json!({
            "name": "Own", "promptDefault": "p", "token": token,
            "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "sk"}},
        })
    };
    let first = admin.post(&format!("/api/repos/{bare}/robots"), own("t1")).await.expect(201).text("/robot/id");
    lose_label(&functions, 1);
    admin.post(&format!("/api/repos/{bare}/robots"), own("t2")).await.expect(201);
    admin.delete(&format!("/api/repos/{bare}/robots/{first}")).await.expect(200);

    // automation, which also notes the use of a token, once an hour
    app.clock.advance(std::time::Duration::from_secs(2 * 3600));
    let window = json!({"startHour": 22, "endHour": 6});
    let rule = |window: Value| {
        let rule = json!({"name": "r", "actions": [{"robotId": robot}], "timeWindow": window});
        json!({"config": {"version": 2, "events": {"issue": {"rules": [rule]}}}})
    };
    admin.get(&format!("{path}/automation")).await.expect(200);
    admin.put(&format!("{path}/automation"), rule(window)).await.expect(200);

    // webhooks: a task that waits for its window and is cancelled, an accepted one and its twin, one that no rule wants
    post_issue(&functions, &created, 9, secret).await;
    let waiting = admin.get(&format!("{path}/tasks")).await.expect(200).text("/tasks/0/id");
    admin.patch(&format!("/api/tasks/{waiting}"), json!({"status": "cancelled"})).await.expect(200);
    admin.put(&format!("{path}/automation"), rule(Value::Null)).await.expect(200);
    post_issue(&functions, &created, 1, secret).await;
    post_issue(&functions, &created, 1, secret).await;
    admin.put(&format!("{path}/automation"), json!({"config": {"version": 2}})).await.expect(200);
    post_issue(&functions, &created, 2, secret).await;
    // dispatch: the task that was made, as the stream tells of it, and what the stream has missed
    let batch = json!({"Records": app.stream_records()});
    let answer = functions.dispatch.handle(batch).await.expect("a batch");
    assert_eq!((answer["batchItemFailures"].clone(), app.robot_queue().await.len()), (json!([]), 1));
    functions.dispatch.handle(json!({"schedule": "tick"})).await.expect("a tick");
    admin.get(&format!("{path}/webhook-deliveries")).await.expect(200);
    let tasks = admin.get(&format!("{path}/tasks")).await.expect(200);
    let task = tasks.text("/tasks/0/id");
    let claim = admin.post(&format!("/api/tasks/{task}/claim"), json!({"worker": "w"})).await.expect(200);
    let done = json!({"status": "succeeded", "leaseId": claim.text("/leaseId")});
    admin.patch(&format!("/api/tasks/{task}"), done).await.expect(200);
    admin.get(&format!("/api/tasks/{task}")).await.expect(200);
    admin.post(&format!("{path}/archive"), Value::Null).await.expect(200);
    admin.get(&format!("{path}/audit")).await.expect(200);
    admin.delete(&format!("{path}?force=true")).await.expect(200);

    // sync: a repository with a document of its own whose skills come and go, and what the deletion left
    let Some(repositories) = Repositories::new() else { return };
    // So many that they do not fit into one transaction.
    repositories.large("private.git", 60, 60);
    let server = GitServer::start(repositories.root(), GIT_SERVERS[0]).await;
    let app = app.reaching(&server.address.to_string());
    let sync = &app.functions_on(&functions.lines).sync;
    let profile = json!({"profiles": [{"id": "p", "remark": "p", "cloneUsername": GIT_USER, "token": GIT_TOKEN}]});
    let body = json!({"provider": "git", "name": "private", "remoteUrl": server.url("private.git")});
    let created = admin.post("/api/repos", body).await.expect(201).text("/repo/id");
    admin.patch(&format!("/api/repos/{created}"), json!({"repoProviderCredential": profile})).await.expect(200);
    let job = json!({"Records": [{"messageId": "1", "body": json!({"repository": created}).to_string()}]});
    for commit in [1, 2] {
        let answer = sync.handle(job.clone()).await.expect("a batch");
        assert_eq!(answer["batchItemFailures"], json!([]), "{commit}");
        repositories.commit("private.git", &[]);
    }
    let shown = admin.get(&format!("/api/repos/{created}")).await.expect(200);
    assert_eq!(
        (shown.text("/repo/sync/state").as_str(), &shown.body["repo"]["sync"]["skillCount"]),
        ("ready", &json!(0))
    );
    app.clock.advance(std::time::Duration::from_secs(26 * 3600));
    sync.handle(json!({"schedule": "tick"})).await.expect("a tick");
    // The vault's clock is the machine's.
    app.clock.advance(std::time::Duration::from_secs(400 * 24 * 3600));
    app.orphan_secret().await;
    let swept = sync.handle(json!({"schedule": "sweep"})).await.expect("a sweep");
    assert_eq!((&swept["secretsDeleted"], &swept["repositoriesCleared"]), (&json!(1), &json!(1)), "{swept}");

    // Every function opens its connection to the table when it starts.
    for (_, line) in &functions.lines {
        reopen(line).connect().await.expect("a connection");
    }

    let template = include_str!("../../../infra/template.yaml");
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(template).expect("YAML");
    for (name, line) in &functions.lines {
        let (called, allowed) = (line.actions(), allowed(&template, name));
        let missing: Vec<_> = called.difference(&allowed).collect();
        let unused: Vec<_> = allowed.difference(&called).collect();
        assert!(
            missing.is_empty() && unused.is_empty(),
            "{name}: its policy lacks {missing:?} and need not allow {unused:?}"
        );
    }
}
