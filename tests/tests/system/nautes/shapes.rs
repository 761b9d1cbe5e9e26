//! Wire conventions (contract: nautes 1) and the calls outside the seed (10).

use super::{DEMO, Host, body, product, refusal, repo, smallest};
use repoplane_tests::Event;
use serde_json::{Value, json};

#[tokio::test]
async fn paths_and_methods_that_nobody_serves_are_a_page_of_text() {
    let host = Host::new().await;
    for (method, path) in [
        ("PUT", DEMO.to_owned()),
        ("PATCH", repo("web")),
        ("POST", "/api/v1/products".to_owned()),
        ("POST", format!("{DEMO}/coderepos")),
        ("GET", format!("{DEMO}/nothing")),
        ("GET", format!("{DEMO}/coderepos/a/b")),
        ("GET", format!("{DEMO}/coderepos/a%2Fb")),
    ] {
        let answer = host.key.call(method, &path, Value::Null).await;
        assert_eq!(answer.status, 404, "{method} {path}");
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain"), "{method} {path}");
        assert_eq!(answer.bytes, b"404 page not found", "{method} {path}");
    }
    // Its neighbours keep their own.
    assert_eq!(host.key.get("/api/v1/productsx").await.expect(404).text("/type"), "/problems/not-found");
}

#[tokio::test]
async fn bodies_are_read_as_go_reads_them() {
    let host = Host::new().await;
    let sent = json!({
        "project": null, "unknown": {"deep": [1]}, "webhook": {"Events": ["tag_push_events", "tag_push_events", ""], "x": 1},
        "DeploymentRuntime": true, "PipelineRuntime": true, "name": "ignored", "product": "ignored",
        "git": {"gitlab": {
            "name": "", "path": "web", "visibility": "public", "description": null,
            "ssh_url_to_repo": "", "http_url_to_repo": "",
        }, "github": null},
    });
    host.save("web", sent).await.expect(200);
    let shown = host.shown("web").await;
    assert_eq!(shown["webhook"]["events"], json!(["tag_push_events", "tag_push_events", ""]), "duplicates are kept");
    assert_eq!((&shown["deployment_runtime"], &shown["pipeline_runtime"]), (&json!(true), &json!(true)));
    assert_eq!((&shown["project"], &shown["name"], &shown["product"]), (&json!(""), &json!("web"), &json!("demo")));
    host.save("bare", json!({"git": {}})).await.expect(200);
    assert_eq!(host.shown("bare").await["git"]["gitlab"]["visibility"], "private");
    let other = json!({"git": {"github": {"name": "web", "path": "web", "visibility": "public"}}});
    assert_eq!(refusal(&host.save("web", other).await), (400, "RESOURCE_NOT_MATCH".to_owned()));
    let mut first = Event::new("POST", &repo("typed")).header("content-type", "application/json; charset=utf-8");
    first = first.body(smallest().to_string());
    host.key.send(first).await.expect(200);
}

#[tokio::test]
async fn products_and_projects_are_saved_and_shown() {
    let host = Host::new().await;
    let shown = host.key.get(DEMO).await.expect(200);
    let git = json!({"gitlab": {"path": "demo", "visibility": "private", "description": "a product"}, "github": null});
    assert_eq!(shown.body, json!({"name": "demo", "git": git}));
    assert_eq!(host.key.get("/api/v1/products").await.expect(200).body, json!({"items": [shown.body]}));
    let public = json!({"git": {"gitlab": {"visibility": "public"}}});
    host.key.post(DEMO, public).await.expect(200);
    let git = json!({"path": "demo", "visibility": "public", "description": "a product"});
    assert_eq!(host.key.get(DEMO).await.expect(200).body["git"]["gitlab"], git, "merged");
    for (sent, reason) in [
        (json!({}), "VALIDATOR"),
        (json!({"git": {"gitlab": {"visibility": "internal"}}}), "VALIDATOR"),
        (json!({"git": {"gitlab": {"visibility": "public", "path": "other"}}}), "RESOURCE_NOT_MATCH"),
    ] {
        assert_eq!(refusal(&host.key.post(DEMO, sent).await), (400, reason.to_owned()));
    }
    let shop = format!("{DEMO}/projects/shop");
    let project = json!({"product": "demo", "name": "shop", "language": "golang"});
    assert_eq!(host.key.get(&shop).await.expect(200).body, project);
    assert_eq!(host.key.get(&format!("{DEMO}/projects")).await.expect(200).body, json!({"items": [project]}));
    let saved = host.key.post(&shop, json!({"language": "rust"})).await.expect(200);
    assert_eq!(saved.body, json!({"message": "Successfully saved shop configuration"}));
    assert_eq!(host.key.get(&shop).await.expect(200).body["language"], "rust");
    assert_eq!(
        refusal(&host.key.post(&format!("{DEMO}/projects/.x"), product()).await),
        (400, "INVALID_NAME".to_owned())
    );
    assert_eq!(refusal(&host.key.post(&shop, json!({"language": 7})).await), (400, "CODEC".to_owned()));
    host.save("web", body()).await.expect(200);
    host.check().await;
}
