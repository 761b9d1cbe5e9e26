//! Lists, cursors, and the record of one delivery.

use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};

fn ids(page: &Value) -> Vec<String> {
    let deliveries = page["deliveries"].as_array().expect("a list");
    deliveries.iter().map(|delivery| delivery["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn deliveries_are_listed_newest_first_with_a_limit_between_1_and_200() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let mut posted = Vec::new();
    for n in 0..202 {
        let answer = hook.ping(&app, &format!("guid-{n}")).await.expect(202);
        posted.push(answer.headers["x-repoplane-delivery"].to_str().expect("text").to_owned());
    }
    posted.reverse();
    let admin = app.admin();
    for (limit, shown) in
        [("", 50), ("?limit=0", 50), ("?limit=-1", 50), ("?limit=x", 50), ("?limit=1", 1), ("?limit=1000", 200)]
    {
        let page = admin.get(&format!("{}/webhook-deliveries{limit}", hook.path)).await.expect(200);
        assert_eq!(ids(&page.body), posted[..shown], "2.9/order 2.9/limit {limit}");
        assert!(page.body["nextCursor"].is_string(), "{limit}: more exist");
    }
}

#[tokio::test]
async fn a_walk_sees_every_delivery_once_though_others_come_in() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let mut posted = Vec::new();
    for n in 0..6 {
        let answer = hook.ping(&app, &format!("guid-{n}")).await.expect(202);
        posted.push(answer.headers["x-repoplane-delivery"].to_str().expect("text").to_owned());
    }
    posted.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{}/webhook-deliveries?limit=2&cursor={cursor}", hook.path);
        let page = app.admin().get(&path).await.expect(200);
        seen.extend(ids(&page.body));
        hook.ping(&app, &format!("late-{}", seen.len())).await.expect(202);
        match page.body["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen, posted, "2.9/cursor: a full last page has none");
}

#[tokio::test]
async fn a_cursor_is_opaque_and_good_for_its_own_list_only() {
    let app = TestApp::start().await;
    let (hook, other) = (Hook::github(&app).await, Hook::gitlab(&app).await);
    for n in 0..3 {
        hook.ping(&app, &format!("guid-{n}")).await.expect(202);
        other.ping(&app, &format!("uuid-{n}")).await.expect(202);
    }
    let admin = app.admin();
    let page = admin.get(&format!("{}/webhook-deliveries?limit=1", hook.path)).await.expect(200);
    let cursor = page.text("/nextCursor");
    let delivery = ids(&page.body).remove(0);
    assert!(!cursor.contains("dlv_"));
    for (path, cursor) in [(&other.path, &cursor), (&hook.path, &delivery), (&hook.path, &"rubbish".to_owned())] {
        let answer = admin.get(&format!("{path}/webhook-deliveries?cursor={cursor}")).await.expect(400);
        assert_eq!(answer.body["code"], "INVALID_CURSOR", "{cursor}");
    }
    let tasks = admin.get(&format!("{}/tasks?cursor={cursor}", hook.path)).await.expect(400);
    assert_eq!(tasks.body["code"], "INVALID_CURSOR");
}

#[tokio::test]
async fn a_delivery_is_found_under_its_own_repository_and_tenant_only() {
    let app = TestApp::start().await;
    let (hook, other) = (Hook::github(&app).await, Hook::gitlab(&app).await);
    let posted = hook.ping(&app, "guid").await.expect(202);
    let id = posted.headers["x-repoplane-delivery"].to_str().expect("text").to_owned();
    let stranger = app.tenant("second").await.client;
    let (detail, payload) = (format!("webhook-deliveries/{id}"), format!("webhook-deliveries/{id}/payload"));
    for path in [&detail, &payload] {
        app.admin().get(&format!("{}/{path}", hook.path)).await.expect(200);
        let missing = app.admin().get(&format!("{}/{path}", other.path)).await.expect(404);
        assert_eq!(missing.body["error"], "Webhook delivery not found", "2.10/not-found");
        let unknown = path.replace(&id, "no-such-id");
        app.admin().get(&format!("{}/{unknown}", hook.path)).await.expect(404);
        stranger.get(&format!("{}/{path}", hook.path)).await.expect(404);
        app.anonymous().get(&format!("{}/{path}", hook.path)).await.expect(401);
    }
    stranger.get(&format!("{}/webhook-deliveries", hook.path)).await.expect(404);
}

#[tokio::test]
async fn the_trace_names_the_steps_in_the_order_in_which_they_were_reached() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let answer = hook.post(&app, "issues", "guid", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    let id = answer.headers["x-repoplane-delivery"].to_str().expect("text");
    let detail = app.admin().get(&format!("{}/webhook-deliveries/{id}", hook.path)).await.expect(200);
    let delivery = &detail.body["delivery"];
    let trace = &delivery["debugTrace"];
    let steps = trace["steps"].as_array().expect("steps");
    let keys: Vec<&str> = steps.iter().filter_map(|step| step["key"].as_str()).collect();
    let reached = [
        "repo",
        "repo-state",
        "provider",
        "scope",
        "signature",
        "dedupe",
        "name-binding",
        "repo-binding",
        "hydrate",
        "verified",
        "received",
        "robots",
        "mapping",
        "guard",
        "rules",
        "tasks",
    ];
    assert_eq!(keys, reached, "3.8/steps");
    for step in steps {
        assert!(step["title"].is_string() && step["at"].is_string(), "{step}");
        assert_eq!(step["status"], "success", "{step}");
    }
    assert_eq!(
        (&trace["source"], &trace["provider"], &trace["eventName"]),
        (&json!("ingress"), &json!("github"), &json!("issues"))
    );
    assert_eq!(trace["taskIds"], delivery["taskIds"]);
    assert_eq!(trace["resolvedActions"][0]["robotId"], robot);
    assert_eq!(trace["resolvedActions"][0]["source"], "rule");
    let payload: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    assert_eq!(delivery["payload"], payload, "3.8/detail");
    assert_eq!(delivery["response"], answer.body);
}
