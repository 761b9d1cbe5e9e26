//! ShiftAgent's API over the registry. Tests are named after the sections of its contract.

mod attachments;
mod callers;
mod credentials;
mod list;
mod problems;
mod register;
mod repeats;
mod secrets;
mod skills;
mod sync;
mod update;

use repoplane_tests::{Answer, Client, TestApp};
use serde_json::{Value, json};

/// Application and caller: an integration key that may change the registry.
struct Host {
    app: TestApp,
    key: Client,
}

impl Host {
    async fn new() -> Self {
        Self::of(TestApp::start().await).await
    }

    async fn of(app: TestApp) -> Self {
        let key = app.client(integration(&app, json!(["repos:write"])).await);
        Self { app, key }
    }

    /// Registers a repository.
    async fn register(&self, name: &str) -> Value {
        let body = json!({"name": name, "repo_url": format!("https://git.example.com/{}.git", name.to_lowercase())});
        self.key.post("/repositories", body).await.expect(201).body
    }

    /// Keeps a credential, and gives its id.
    async fn credential(&self, name: &str) -> String {
        let body = json!({"name": name, "type": "git_pat", "secret": format!("secret of {name}")});
        self.key.post("/credentials", body).await.expect(201).text("/id")
    }

    /// What the table holds fits together.
    async fn check(&self) {
        repoplane_tests::consistency::check(&self.app.items().await).expect("what lies in the table fits together");
    }
}

/// The text of a new integration key.
async fn integration(app: &TestApp, scopes: Value) -> String {
    let body = json!({"name": "provisioner", "kind": "integration", "scopes": scopes, "expiresInDays": 0});
    app.admin().post("/api/access-tokens", body).await.expect(201).text("/token")
}

/// The path of an object.
fn path(object: &Value) -> String {
    format!("/repositories/{}", object["id"].as_str().expect("an id"))
}

/// A problem's slug and title, after a look at what every problem has.
#[track_caller]
fn problem(answer: &Answer) -> (String, String) {
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{}", answer.body);
    assert_eq!(answer.body["status"], answer.status.as_u16(), "{}", answer.body);
    let slug = answer.text("/type");
    let slug = slug.strip_prefix("https://plane.example.com/problems/").unwrap_or_else(|| panic!("{slug}"));
    assert!(answer.text("/request_id").starts_with("req_"), "{}", answer.body);
    assert!(answer.text("/instance").starts_with('/'), "{}", answer.body);
    (slug.to_owned(), answer.text("/title"))
}

#[track_caller]
fn slug(answer: &Answer) -> String {
    problem(answer).0
}

/// An answer's body without what differs between any two requests.
fn comparable(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    for member in ["request_id", "instance", "detail"] {
        body.as_object_mut().expect("an object").remove(member);
    }
    body
}
