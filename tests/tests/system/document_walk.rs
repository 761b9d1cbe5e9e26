//! Walks the API's document: each operation that is not public asks for a token, and for the scope that it names.

use repoplane_tests::document::DOCUMENT;
use repoplane_tests::{Event, TestApp};
use serde_json::json;

/// Every operation: its method, a path with ids that nothing has, its scope, and whether it is public.
fn operations() -> Vec<(String, String, Option<String>, bool)> {
    let mut found = Vec::new();
    for (path, methods) in DOCUMENT["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let prefix = |name: &str| match (name, path.starts_with("/api/tasks")) {
                ("id", true) => "tsk",
                ("robot_id", _) => "rob",
                ("delivery_id", _) => "dlv",
                ("user_id", _) => "usr",
                ("tenant_id", _) => "tnt",
                ("token_id", _) => "tok",
                _ => "rep",
            };
            let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => format!("{}_00000000000000000000000000", prefix(name)),
                None => part.to_owned(),
            };
            let filled: Vec<_> = path.split('/').map(part).collect();
            let known = &operation["x-repoplane"];
            let scope = known["scope"].as_str().map(str::to_owned);
            found.push((method.to_ascii_uppercase(), filled.join("/"), scope, known["public"] == true));
        }
    }
    found
}

fn event(method: &str, path: &str) -> Event {
    let event = Event::new(method, path);
    if method == "GET" { event } else { event.header("content-type", "application/json").body("{}") }
}

#[tokio::test]
async fn what_is_not_public_asks_for_a_token_and_what_is_does_not() {
    let app = TestApp::start().await;
    let mut asked = 0;
    for (method, path, scope, public) in operations() {
        let status = app.anonymous().send(event(&method, &path)).await.status.as_u16();
        if public {
            let signs_in = path == "/api/auth/login";
            assert!(status != 401 || signs_in, "{method} {path}: {status}");
        } else {
            asked += 1;
            assert_eq!(status, 401, "{method} {path} {scope:?}");
        }
        let stranger = app.client("rpt_nobody-has-this-token").send(event(&method, &path)).await;
        assert_eq!(stranger.status == 401, !public, "{method} {path}");
    }
    assert!(asked > 35, "{asked}");
}

#[tokio::test]
async fn a_token_without_the_scope_is_told_which_it_lacks() {
    let app = TestApp::start().await;
    let narrow = async |scope: &str| {
        let body = json!({"name": scope, "scopes": [scope]});
        app.client(app.admin().token(body).await)
    };
    let (repos, tasks) = (narrow("repos:read").await, narrow("tasks:read").await);
    for (method, path, scope, _) in operations() {
        let Some(scope) = scope.filter(|scope| !matches!(scope.as_str(), "bootstrap" | "signature")) else { continue };
        let client = if scope.starts_with("repos") { &tasks } else { &repos };
        let refused = client.send(event(&method, &path)).await.expect(403);
        assert_eq!(refused.text("/code"), "PAT_SCOPE_INSUFFICIENT", "{method} {path}");
        assert_eq!(refused.text("/requiredScope"), scope, "{method} {path}");
    }
}
