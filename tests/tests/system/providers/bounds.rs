//! How often a provider can make us call it in one request. Each call has a limit of time, so this is how long it can hold a
//! request (`docs/providers.md` shows the numbers).

use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use repoplane_local::engines::Engines;
use repoplane_local::line::Line;
use repoplane_tests::{Hook, ProviderDouble, TestApp};
use serde_json::{Value, json};

/// Operation, method, path below the repository, and the calls: of a provider that is out of order, of one whose lists never end.
const TABLE: [(&str, &str, &str, u64, u64); 6] = [
    ("meta", "GET", "/provider-meta?credentialSource=repo", 3, 1),
    ("validate", "POST", "/validate", 3, 1),
    ("activity", "GET", "/provider-activity?credentialSource=repo", 9, 21),
    ("webhook", "GET", "/provider-hook", 3, 10),
    ("models", "POST", "/model-credentials/models", 3, 10),
    ("listing", "GET", "", 3, 1),
];

/// Answers everything as a page after which there is another.
async fn endless(State(()): State<()>, OriginalUri(uri): OriginalUri) -> Response {
    let next = format!("<http://127.0.0.1{uri}>; rel=\"next\"");
    let mut headers = HeaderMap::new();
    headers.insert("link", next.parse().expect("a header"));
    let path = uri.path();
    // A full page: pull requests that nobody merged, issues that are pull requests, hooks of somebody else.
    let rows = |row: &dyn Fn(u64) -> Value| (0..100).map(row).collect::<Vec<_>>();
    let repository = |id: u64| {
        json!({"id": id, "full_name": format!("acme/r{id}"), "name": format!("r{id}"), "private": true, "visibility": "private",
            "html_url": "https://github.com/acme/r", "clone_url": "https://github.com/acme/r.git", "default_branch": "main",
            "archived": false, "description": null, "owner": {"login": "acme"}})
    };
    let body = if path.ends_with("/commits") {
        json!(rows(
            &|n| json!({"sha": format!("{n:040x}"), "html_url": "https://github.com/x", "commit": {"message": "m",
            "author": null, "committer": null}})
        ))
    } else if path.ends_with("/pulls") || path.ends_with("/issues") {
        json!(rows(&|n| json!({"number": n, "title": "t", "state": "closed", "html_url": "https://github.com/x",
            "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z", "merged_at": null, "pull_request": {}})))
    } else if path.ends_with("/hooks") {
        json!(rows(
            &|n| json!({"id": n, "active": true, "events": ["push"], "config": {"url": "https://other.example/",
            "content_type": "json", "insecure_ssl": "0"}, "last_response": {"code": 200, "status": "ok", "message": null}})
        ))
    } else if path.ends_with("/models") {
        let after = uri.query().and_then(|query| query.split("after_id=m").nth(1)?.split('&').next()?.parse().ok());
        let first: u64 = after.map_or(0, |after: u64| after + 1);
        let last = format!("m{}", first + 99);
        json!({"data": rows(&|n| json!({"id": format!("m{}", first + n)})), "has_more": true, "last_id": last})
    } else if path.ends_with("/repos") {
        json!(rows(&repository))
    } else {
        repository(7)
    };
    (headers, axum::Json(body)).into_response()
}

async fn stage(provider: Router) -> (TestApp, Hook, String) {
    let double = ProviderDouble::serving(provider).await;
    let app = TestApp::on(Line::to(Engines::memory().expect("engines")), Some(double.clone())).await;
    let body = json!({"name": "acme/widgets", "externalId": "acme/widgets", "apiBaseUrl": double.origin()});
    let hook = Hook::register(&app, "github", body).await;
    hook.add_credentials(&app, "ghp_token").await;
    let key = json!({"id": "m", "remark": "m", "apiKey": "k", "apiBaseUrl": double.origin()});
    let models = json!({"modelProviderCredential": {"claude_code": {"profiles": [key]}}});
    app.admin().patch(&hook.path, models).await.expect(200);
    let own = json!({"id": "own", "remark": "own", "token": "ghp_own", "urlPrefix": double.origin()});
    app.admin().patch("/api/credentials/me", json!({"github": {"profiles": [own]}})).await.expect(200);
    (app, hook, double.origin())
}

async fn calls(provider: &Router, (operation, method, path): (&str, &str, &str)) -> u64 {
    let (app, hook, origin) = stage(provider.clone()).await;
    let target = match operation {
        "listing" => format!("/api/providers/github/repositories?apiBaseUrl={origin}"),
        _ => format!("{}{path}", hook.path),
    };
    let body = match operation {
        "models" => json!({"provider": "claude_code"}),
        _ => Value::Null,
    };
    let answer = app.admin().call(method, &target, body).await;
    assert!([200, 502].contains(&answer.status.as_u16()), "{operation}: {} {}", answer.status, answer.body);
    app.provider_calls()
}

#[tokio::test]
async fn a_provider_that_is_out_of_order_is_tried_a_few_times() {
    let provider = Router::new().fallback(|| async { StatusCode::SERVICE_UNAVAILABLE });
    for (operation, method, path, expected, _) in TABLE {
        let calls = calls(&provider, (operation, method, path)).await;
        // The parts of activity are asked at once, and the first that fails ends the others.
        assert!((3..=expected).contains(&calls), "{operation}: {calls}");
    }
}

#[tokio::test]
async fn lists_that_never_end_are_left() {
    let provider = Router::new().fallback(endless).with_state(());
    for (operation, method, path, _, expected) in TABLE {
        assert_eq!(calls(&provider, (operation, method, path)).await, expected, "{operation}");
    }
}
