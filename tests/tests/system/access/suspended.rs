//! A suspended tenant is read-only: for its people, its workers and its providers.

use repoplane_tests::{Event, TestApp, consistency, github_signature, routes};
use serde_json::{Value, json};

fn issue(number: u32) -> String {
    json!({
        "action": "opened",
        "issue": {"number": number, "title": "t"},
        "repository": {"id": 5, "full_name": "acme/widgets", "html_url": "https://github.com/acme/widgets"},
        "sender": {"login": "octocat", "id": 1},
    })
    .to_string()
}

fn post(webhook: &str, secret: &str, number: u32) -> Event {
    let body = issue(number);
    Event::new("POST", webhook)
        .header("x-github-event", "issues")
        .header("x-github-delivery", &format!("guid-{number}"))
        .header("x-hub-signature-256", &github_signature(secret, body.as_bytes()))
        .body(body)
}

#[tokio::test]
async fn every_kind_of_write_is_refused_and_every_kind_of_read_works() {
    let app = TestApp::start().await;
    let other = app.tenant("other").await;
    let made = other.client.post("/api/repos", json!({"provider": "github", "name": "acme/widgets"})).await.expect(201);
    let hook =
        other.client.post("/api/webhook-hooks", json!({"provider": "gitlab"})).await.expect(201).text("/hook/id");
    let (repo, webhook, secret) = (made.text("/repo/id"), made.text("/webhookPath"), made.text("/webhookSecret"));
    other.client.post("/api/v1/products/demo", json!({"git": {}})).await.expect(200);
    let delivery = app.anonymous().send(post(&webhook, &secret, 1)).await.expect(202).delivery();
    let tenant = format!("/api/tenants/{}", other.id);
    app.admin().patch(&tenant, json!({"suspended": true})).await.expect(200);
    other.client.get("/api/me").await.expect(200);
    let before = app.items().await;
    let (mut writes, mut reads) = (0, 0);
    for (_, route) in routes() {
        // Activity is asked for without a token too, and there is no provider here.
        let open = route.path.starts_with("/api/webhook/")
            || ["access_bootstrap", "access_recover", "access_login", "repos_get_provider_activity"]
                .contains(&route.id);
        let dialect = repoplane_repos::dialect_of(route.path).is_some();
        if open || dialect || !route.path.starts_with("/api/") || route.path.starts_with("/api/tenants") {
            continue;
        }
        let target = if route.path.starts_with("/api/repos") {
            route.path.replace("{id}", &repo)
        } else {
            route.path.to_owned()
        };
        let target = target.replace("{hook_id}", &hook).replace("{provider}", "github").replace("{name}", "demo");
        let target = target.replace("{delivery_id}", &delivery).replace("{user_id}", &other.administrator);
        let target = target
            .replace("{robot_id}", "rob_00000000000000000000000000")
            .replace("{skill_id}", "skl_00000000000000000000000000")
            .replace("{issuer_id}", "iss_00000000000000000000000000")
            .replace("{platform_number}", "9999")
            .replace("{group_number}", "9999")
            .replace("{project_number}", "9999")
            .replace("{member_kind}", "users")
            .replace("{member_number}", "1")
            .replace("{host}", "git.example.com:22")
            .replace("{id}", "tsk_00000000000000000000000000");
        let reading = route.method == "GET";
        let body = if reading || route.method == "DELETE" { Value::Null } else { json!({}) };
        let answer = other.client.call(route.method.as_str(), &target, body).await;
        if reading {
            // None of these was made; all else is there.
            let absent = ["rob_", "tsk_", "skl_", "iss_", "/9999", ":22"].iter().any(|prefix| target.contains(prefix));
            // Nobody has a token for these.
            let tokenless = ["repos_get_provider_meta", "repos_get_provider_hook", "providers_list_repositories"];
            let expected = if absent {
                404
            } else if tokenless.contains(&route.id) {
                400
            } else {
                200
            };
            assert_eq!(answer.status, expected, "GET {target}: {}", answer.body);
            reads += 1;
        } else {
            assert_eq!(answer.status, 403, "{} {target}: {}", route.method, answer.body);
            assert_eq!(answer.text("/code"), "TENANT_SUSPENDED", "{} {target}", route.method);
            writes += 1;
        }
    }
    assert!(writes > 20 && reads > 12, "{writes} writes, {reads} reads");
    assert!(app.items().await == before, "nothing was written");
    let login = json!({"username": "other", "password": other.token});
    app.anonymous().post("/api/auth/login", login).await.expect(200);
    app.admin().patch(&tenant, json!({"suspended": false})).await.expect(200);
    other.client.patch(&format!("/api/repos/{repo}"), json!({"description": "d"})).await.expect(200);
}

#[tokio::test]
async fn what_a_provider_posts_meanwhile_is_kept_and_can_be_run_later() {
    let app = TestApp::start().await;
    let other = app.tenant("other").await;
    let made = other.client.post("/api/repos", json!({"provider": "github", "name": "acme/widgets"})).await.expect(201);
    let (webhook, secret) = (made.text("/webhookPath"), made.text("/webhookSecret"));
    let path = format!("/api/repos/{}", made.text("/repo/id"));
    let tenant = format!("/api/tenants/{}", other.id);
    app.admin().patch(&tenant, json!({"suspended": true})).await.expect(200);
    let skipped = app.anonymous().send(post(&webhook, &secret, 1)).await.expect(202);
    assert_eq!(skipped.body, json!({"skipped": true, "reason": "tenant suspended"}));
    app.anonymous().send(post(&webhook, "another", 2)).await.expect(401);
    let shown = other.client.get(&path).await.expect(200);
    assert!(shown.body["repo"].get("webhookVerifiedAt").is_none(), "the record is not filled in");
    let listed = other.client.get(&format!("{path}/webhook-deliveries?result=skipped")).await.expect(200);
    assert_eq!(listed.body["deliveries"][0]["errorLayer"], "repo_state");
    consistency::check(&app.items().await).expect("consistent");

    app.admin().patch(&tenant, json!({"suspended": false})).await.expect(200);
    let again = format!("{path}/webhook-deliveries/{}/redeliver", skipped.delivery());
    let again = other.client.post(&again, Value::Null).await.expect(201);
    assert_ne!(again.body["reason"], "tenant suspended", "{}", again.body);
    let posted = app.anonymous().send(post(&webhook, &secret, 1)).await.expect(202);
    assert!(posted.body.get("duplicate_of").is_none(), "what was skipped has no twins");
    consistency::check(&app.items().await).expect("consistent");
}
