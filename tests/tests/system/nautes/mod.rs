//! Nautes' API over the registry. The rows of `matrix` are those of its contract, section 9.

mod clients;
mod guards;
mod hostile;
mod matrix;
mod people;
mod races;
mod selector;
mod shapes;
mod views;

use repoplane_tests::{Answer, Client, TestApp};
use serde_json::{Value, json};

/// Application and caller, with a product `demo` and its project `shop`.
struct Host {
    app: TestApp,
    key: Client,
}

const DEMO: &str = "/api/v1/products/demo";

impl Host {
    async fn new() -> Self {
        Self::of(TestApp::start().await).await
    }

    async fn of(app: TestApp) -> Self {
        let body = json!({"name": "nautes", "kind": "integration", "scopes": ["repos:write"], "expiresInDays": 0});
        let token = app.admin().post("/api/access-tokens", body).await.expect(201).text("/token");
        let key = app.client(token);
        key.post(DEMO, product()).await.expect(200);
        key.post(&format!("{DEMO}/projects/shop"), json!({"language": "golang"})).await.expect(200);
        Self { app, key }
    }

    /// Saves a repository of the product.
    async fn save(&self, name: &str, body: Value) -> Answer {
        self.key.post(&repo(name), body).await
    }

    /// What is shown of one.
    async fn shown(&self, name: &str) -> Value {
        self.key.get(&repo(name)).await.expect(200).body
    }

    /// What the table holds fits together.
    async fn check(&self) {
        repoplane_tests::consistency::check(&self.app.items().await).expect("what lies in the table fits together");
    }
}

fn repo(name: &str) -> String {
    format!("{DEMO}/coderepos/{name}")
}

fn product() -> Value {
    json!({"git": {"gitlab": {"name": "", "path": "", "visibility": "private", "description": "a product"}}})
}

/// The body of the contract, section 8, for any name.
fn body() -> Value {
    json!({
        "project": "shop", "webhook": {"events": ["push_events"]}, "deployment_runtime": false, "pipeline_runtime": true,
        "git": {"gitlab": {"name": "web", "path": "", "visibility": "private", "description": "shop front end"}},
    })
}

fn smallest() -> Value {
    json!({"git": {"gitlab": {"visibility": "private"}}})
}

/// Status and reason of a refusal, after a look at what every one has.
#[track_caller]
fn refusal(answer: &Answer) -> (u16, String) {
    let status = answer.status.as_u16();
    assert_eq!(answer.body["code"], json!(status), "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.body["metadata"], json!({}));
    assert!(!answer.text("/message").is_empty());
    (status, answer.text("/reason"))
}
