//! Platforms with repositories and projects, made by the store, and what is published in them.

use crate::{Answer, Client, Event, TestApp};
use pgp::composed::{ArmorOptions, KeyType, SecretKeyParamsBuilder};
use rand::SeedableRng;
use rand::rngs::StdRng;
use repoplane_domain::access::Right;
use repoplane_domain::id::RepositoryId;
use repoplane_domain::platform::{BuildSettings, CreatePlatform, CreateProject, Party, UserRef};
use repoplane_domain::repository::CreateRepository;
use repoplane_store::{Author, DecisionSet, KeptAnswer};
use serde_json::{Value, json};

/// An OpenPGP pair, public and secret key, armored; another one for every seed. Made here so that none is checked in.
pub fn key_pair(seed: u64) -> (String, String) {
    let mut params = SecretKeyParamsBuilder::default();
    params.key_type(KeyType::Ed25519Legacy).can_certify(true).can_sign(true);
    params.primary_user_id("Packages <packages@example.org>".to_owned());
    let secret = params.build().expect("parameters").generate(StdRng::seed_from_u64(seed)).expect("a key");
    let armored = secret.to_armored_string(ArmorOptions::default()).expect("armor");
    (secret.to_public_key().to_armored_string(ArmorOptions::default()).expect("armor"), armored)
}

/// A repository of a platform, with one project.
#[derive(Debug, Clone)]
pub struct BuildRepo {
    /// Its id.
    pub id: String,
    /// Its number.
    pub number: u64,
    /// The number of its platform.
    pub platform: u64,
    /// The number of the project.
    pub project: u64,
}

impl BuildRepo {
    /// `/api/repos/{id}/packages`.
    pub fn packages(&self) -> String {
        format!("/api/repos/{}/packages", self.id)
    }

    /// A row of an upload, as NDJSON.
    pub fn row(&self, name: &str, version: &str) -> String {
        let row = json!({
            "projectId": self.project, "name": name, "version": version, "release": "1", "type": "binary",
            "committerName": "Bob", "committerEmail": "bob@example.org",
        });
        format!("{row}\n")
    }

    /// Publishes rows as NDJSON.
    pub async fn publish(&self, client: &Client, rows: &str) -> Answer {
        let event = Event::new("PUT", &self.packages()).header("content-type", "application/x-ndjson");
        client.send(event.body(rows)).await
    }
}

impl TestApp {
    /// A new platform with a repository `main`, and a project of its name in it. The administrator owns them all.
    pub async fn build_repo(&self, platform: &str) -> BuildRepo {
        let (admin, now) = (self.admin_principal().await, self.app().now());
        let user = self.store().user(admin.tenant, admin.user).await.expect("the table").expect("the user");
        let command = CreatePlatform::read(&json!({"name": platform})).expect("a platform");
        let kept = |_: &_| KeptAnswer::ok(Value::Null);
        let made = self.store().create_platform(&admin, (command, Party::from(&user)), None, now, kept).await;
        let platform_number = made.expect("a platform").number;
        let repo = self.repo_on(platform_number, "main").await;
        let body = json!({"name": platform, "remoteUrl": format!("https://git.example.com/{platform}.git")});
        let project = self.project_in(&repo, body).await;
        BuildRepo { project, ..repo }
    }

    /// Makes a project of the administrator's and adds it to a repository; its number.
    pub async fn project_in(&self, repo: &BuildRepo, body: Value) -> u64 {
        let (admin, now) = (self.admin_principal().await, self.app().now());
        let user = self.store().user(admin.tenant, admin.user).await.expect("the table").expect("the user");
        let command = CreateProject::read(&body).expect("a project");
        let kept = |_: &_| KeptAnswer::ok(Value::Null);
        let owner = (command, Party::from(&user), UserRef::from(&user));
        let project =
            self.store().create_build_project(&admin, owner, None, now, kept).await.expect("a project").number;
        let author = Author { principal: &admin, right: Right::Granted, now };
        self.store().add_project(author, &self.set_of(&repo.id).await, project, |_| Ok(())).await.expect("added");
        project
    }

    /// One more repository of a platform; it has no project.
    pub async fn repo_on(&self, platform: u64, name: &str) -> BuildRepo {
        let settings = BuildSettings::default();
        let command = CreateRepository::in_platform(platform, name.to_owned(), "packages".to_owned(), settings);
        let admin = self.admin_principal().await;
        let kept = |_: &_| KeptAnswer::ok(Value::Null);
        let set = self.store().create_repository(&admin, command, None, self.app().now(), kept).await.expect("made");
        BuildRepo { id: set.repository.id.to_string(), number: set.repository.number, platform, project: 0 }
    }

    /// A repository as the store has it.
    pub async fn set_of(&self, repo: &str) -> DecisionSet {
        let id: RepositoryId = repo.parse().expect("an id");
        self.store().decision_set(id).await.expect("the table").expect("a repository")
    }
}
