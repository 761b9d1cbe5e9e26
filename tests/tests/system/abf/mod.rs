//! ABF's API of repositories: its matrix, its forms, and what the table says afterwards.

mod callers;
mod forms;
mod hostile;
mod lookups;
mod matrix;
mod races;

use repoplane_tests::{Answer, Client, Person, TestApp, consistency};
use serde_json::{Value, json};

/// An application with a distribution, its people and two repositories of it.
pub(super) struct Abf {
    pub(super) app: TestApp,
    /// Administers the tenant.
    pub(super) global: Client,
    /// Owns the distribution.
    pub(super) local: Person,
    /// Is a member of `main` and nothing else.
    pub(super) member: Person,
    /// Has nothing to do with any of it.
    pub(super) stranger: Person,
    /// Mirrors.
    pub(super) system: Person,
    pub(super) platform: u64,
    pub(super) main: u64,
    pub(super) contrib: u64,
}

/// A number in an answer.
#[track_caller]
pub(super) fn number(answer: &Answer, pointer: &str) -> u64 {
    let found = answer.body.pointer(pointer).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("no number at {pointer} in {}", answer.body))
}

/// The message of a change, and the id beside it.
#[track_caller]
pub(super) fn message(answer: &Answer) -> (Value, String) {
    (answer.body["repository"]["id"].clone(), answer.text("/repository/message"))
}

/// The path of an operation on a repository.
pub(super) fn path(repository: u64, operation: &str) -> String {
    match operation {
        "" => format!("/api/v1/repositories/{repository}.json"),
        _ => format!("/api/v1/repositories/{repository}/{operation}.json"),
    }
}

impl Abf {
    pub(super) async fn new() -> Self {
        Self::with_visibility("open").await
    }

    pub(super) async fn with_visibility(visibility: &str) -> Self {
        let app = TestApp::start().await;
        let global = app.admin();
        let local = app.person("lena").await;
        let member = app.person("mia").await;
        let stranger = app.person("sam").await;
        let system = app.person_with(json!({"username": "mirror", "roles": ["system"]})).await;
        let body = json!({"name": "cooker", "visibility": visibility});
        let platform = number(&global.post("/api/platforms", body).await.expect(201), "/platform/number");
        let lena = number_of(&app, &local).await;
        let admin = format!("/api/platforms/{platform}/members/users/{lena}");
        global.put(&admin, json!({"role": "admin"})).await.expect(200);
        let mut world = Self { app, global, local, member, stranger, system, platform, main: 0, contrib: 0 };
        world.main = world.repository(platform, "main").await;
        world.contrib = world.repository(platform, "contrib").await;
        let mia = number_of(&world.app, &world.member).await;
        let body = json!({"member_id": mia, "type": "User"});
        world.local.client.put(&path(world.main, "add_member"), body).await.expect(200);
        world
    }

    /// A repository of a platform.
    pub(super) async fn repository(&self, platform: u64, name: &str) -> u64 {
        let body =
            json!({"repository": {"platform_id": platform, "name": name, "description": format!("{name} packages")}});
        number(&self.global.post("/api/v1/repositories.json", body).await.expect(200), "/repository/id")
    }

    /// A project of a person.
    pub(super) async fn project(&self, owner: &Client, name: &str) -> u64 {
        number(&owner.post("/api/projects", json!({"name": name})).await.expect(201), "/project/number")
    }

    /// A person's own platform and its `main`.
    pub(super) async fn personal(&self, person: &Person) -> (u64, u64) {
        let listed = person.client.get("/api/v1/platforms.json?per_page=100").await.expect(200);
        let name = format!("{}_personal", person.username);
        let platforms = listed.body["platforms"].as_array().expect("platforms");
        let own = platforms.iter().find(|platform| platform["name"] == *name).expect("a personal platform");
        let id = |value: &Value| value["id"].as_u64().expect("a number");
        (id(own), id(&own["repositories"][0]))
    }

    /// The record as the registry's own API shows it.
    pub(super) async fn record(&self, repository: u64) -> Value {
        let listed = self.global.get("/api/repos?limit=100").await.expect(200).body;
        let repos = listed["repos"].as_array().expect("repositories");
        repos.iter().find(|repo| repo["number"] == repository).cloned().unwrap_or(Value::Null)
    }

    /// What lies in the table fits together.
    pub(super) async fn check(&self) {
        consistency::check(&self.app.items().await).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    }
}

/// A person's number.
pub(super) async fn number_of(app: &TestApp, person: &Person) -> u64 {
    number(&app.admin().get(&format!("/api/users/{}", person.id)).await.expect(200), "/user/number")
}
