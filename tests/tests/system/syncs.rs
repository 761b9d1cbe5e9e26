//! Syncs from end to end: the schedule's tick, the queue, the worker and a real Git server.

mod double;
mod jobs;
mod schedule;
mod specs;
mod ssh;
mod sweep;
mod walks;

use repoplane_tests::git_server::{GIT_SERVERS, GitServer, Repositories};
use repoplane_tests::{Answer, TestApp};
use serde_json::{Value, json};

/// A skill's manifest.
fn manifest(name: &str, rest: &str) -> Vec<u8> {
    format!("---\nname: {name}\ndescription: Does {name}.\n{rest}---\n\n# {name}\n").into_bytes()
}

/// An application, a Git server that it may reach, and the repositories it serves.
struct Stage {
    app: TestApp,
    repositories: Repositories,
    server: GitServer,
}

impl Stage {
    /// `None` where Git is missing and need not be there.
    async fn set() -> Option<Self> {
        let repositories = Repositories::new()?;
        let server = GitServer::start(repositories.root(), GIT_SERVERS[0]).await;
        let app = TestApp::start().await.reaching(&server.address.to_string());
        Some(Self { app, repositories, server })
    }

    /// Registers a repository of the server; its path in the API.
    async fn register(&self, name: &str, more: Value) -> String {
        let mut body = json!({"provider": "git", "name": name, "remoteUrl": self.server.url(name)});
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let created = self.app.admin().post("/api/repos", body).await.expect(201);
        format!("/api/repos/{}", created.text("/repo/id"))
    }

    async fn sync(&self, path: &str) -> Value {
        self.app.admin().get(path).await.expect(200).body["repo"]["sync"].clone()
    }

    async fn state(&self, path: &str) -> String {
        self.sync(path).await["state"].as_str().expect("a state").to_owned()
    }

    async fn skills(&self, path: &str) -> Answer {
        self.app.admin().get(&format!("{path}/skills")).await.expect(200)
    }

    /// The names of a repository's skills, sorted.
    async fn names(&self, path: &str) -> Vec<String> {
        let skills = self.skills(path).await;
        let rows = skills.body["skills"].as_array().expect("rows").iter();
        let mut names: Vec<_> = rows.filter_map(|skill| Some(skill["name"].as_str()?.to_owned())).collect();
        names.sort();
        names
    }

    /// How many requests the Git server has had.
    fn git_calls(&self) -> usize {
        self.server.calls().len()
    }
}
