//! The spec files of a platform's projects, published by the syncs of its repositories.

use super::Stage;
use repoplane_domain::package::{PackageKind, SpecContent, SpecTree};
use repoplane_domain::repository::MAX_PROJECTS_A_JOB;
use repoplane_domain::skill::WalkedTree;
use repoplane_providers::{Answered, BranchHead, ProviderError, RateLimit};
use repoplane_sync::{Place, Scanner};
use repoplane_tests::git_server::{GIT_SERVERS, GitServer};
use repoplane_tests::{BuildRepo, TestApp, consistency};
use serde_json::{Value, json};
use std::time::Duration;

/// Longer than the time between two syncs and what chance adds to it.
const LATER: Duration = Duration::from_secs(70 * 60);
/// Questions to a plain Git remote for the head of a branch.
const OF_A_HEAD: usize = 2;

fn spec(name: &str, version: &str) -> Vec<u8> {
    format!("%define rel 3\nName: {name}\nEpoch: 2\nVersion: {version}\nRelease: %{{rel}}\n\n%description\n")
        .into_bytes()
}

impl Stage {
    /// A repository of a platform, without projects.
    async fn build_repo(&self) -> BuildRepo {
        let platform = self.app.build_repo("rosa2021").await.platform;
        self.app.repo_on(platform, "contrib").await
    }

    /// Adds a project whose remote is on the server, and says its number.
    async fn project(&self, repo: &BuildRepo, name: &str) -> u64 {
        let remote = self.server.url(&format!("{name}.git"));
        self.app.project_in(repo, json!({"name": name, "remoteUrl": remote, "branch": "trunk"})).await
    }

    /// Makes a commit of a project.
    fn release(&self, name: &str, path: &str, content: &[u8]) {
        let repository = format!("{name}.git");
        if !self.repositories.root().join(&repository).exists() {
            self.repositories.empty(&repository);
        }
        self.repositories.commit(&repository, &[("100644", path, content), ("100644", "docs/other.spec", b"Name: x")]);
    }

    async fn synced(&self, repo: &BuildRepo) -> Value {
        self.app.admin().post(&format!("/api/repos/{}/sync", repo.id), json!({})).await.expect(202);
        self.app.work().await;
        self.sync(&format!("/api/repos/{}", repo.id)).await
    }

    async fn packages(&self, repo: &BuildRepo) -> Vec<String> {
        packages(&self.app, repo).await
    }
}

/// `name-epoch:version-release` of every package, in the order of their publication.
async fn packages(app: &TestApp, repo: &BuildRepo) -> Vec<String> {
    let all = app.store().packages(repo.id.parse().expect("an id")).await.expect("the table");
    let shown = all.map(|package| {
        let published = package.expect("a list").published;
        assert_eq!(published.identity.kind, PackageKind::Source);
        assert_eq!(published.committer_email.as_deref(), Some("a@x.example"));
        let identity = published.identity;
        format!("{}-{}:{}-{}", identity.name, identity.epoch, identity.version, identity.release)
    });
    shown.collect()
}

#[tokio::test]
async fn what_the_files_say_is_published_and_what_they_do_not_is_told() {
    for kind in GIT_SERVERS {
        let Some(mut stage) = Stage::set().await else { return };
        stage.server = GitServer::start(stage.repositories.root(), kind).await;
        stage.app = stage.app.reaching(&stage.server.address.to_string());
        let repo = stage.build_repo().await;
        stage.release("gtk", "SPECS/gtk.spec", &spec("gtk", "4.0"));
        stage.release("qt", "qt.spec", b"Name: qt\nVersion: %{upstream}\nRelease: 1\n");
        stage.release("zlib", "zlib.spec", &spec("zlib", "1.3"));
        for name in ["gtk", "qt", "unreachable", "zlib"] {
            stage.project(&repo, name).await;
        }
        let plain = stage.app.project_in(&repo, json!({"name": "without-remote"})).await;
        let sync = stage.synced(&repo).await;
        assert_eq!(stage.packages(&repo).await, ["gtk-2:4.0-3", "zlib-2:1.3-3"], "{kind:?}");
        assert_eq!((&sync["state"], &sync["lastSyncedAt"]), (&json!("error"), &Value::Null));
        let told = sync["error"].as_str().expect("an error");
        let of_qt = "qt (qt.spec: version needs the macro upstream of the build system)";
        assert!(told.contains(of_qt) && told.contains("; unreachable ("), "{told}");
        assert!(!told.contains("gtk") && !told.contains("zlib") && !told.contains("without-remote"), "{told}");

        // A new commit of each: the versions that were there stay.
        stage.release("qt", "qt.spec", &spec("qt", "6.1"));
        stage.release("gtk", "SPECS/gtk.spec", &spec("gtk", "4.2"));
        stage.release("unreachable", "a.spec", &spec("late", "1"));
        let sync = stage.synced(&repo).await;
        assert_eq!((&sync["state"], &sync["error"]), (&json!("ready"), &Value::Null));
        let mut all = stage.packages(&repo).await;
        all.sort();
        assert_eq!(all, ["gtk-2:4.0-3", "gtk-2:4.2-3", "late-2:1-3", "qt-2:6.1-3", "zlib-2:1.3-3"]);
        assert!(stage.app.audit_of(&repo.id).await.contains(&"REPO_PACKAGES_PUBLISHED".to_owned()));
        assert_ne!(plain, 0);
        consistency::check(&stage.app.items().await).expect("consistent");
    }
}

#[tokio::test]
async fn a_head_that_was_read_is_not_read_again() {
    let Some(stage) = Stage::set().await else { return };
    let repo = stage.build_repo().await;
    stage.release("gtk", "gtk.spec", &spec("gtk", "4.0"));
    stage.release("qt", "qt.spec", b"Version: 1\nRelease: 1\n");
    let project = stage.project(&repo, "gtk").await;
    stage.project(&repo, "qt").await;
    let first = stage.synced(&repo).await;
    let asked = stage.git_calls();
    let second = stage.synced(&repo).await;
    assert_eq!(stage.git_calls() - asked, 2 * OF_A_HEAD, "{:?}", &stage.server.calls()[asked..]);
    assert_eq!(second["error"], first["error"], "what could not be told is told again");
    assert_eq!(stage.packages(&repo).await, ["gtk-2:4.0-3"]);

    // Another branch of the same commit is another source.
    stage.repositories.git("gtk.git", &["branch", "next", "trunk"]);
    let admin = stage.app.admin();
    admin.patch(&format!("/api/projects/{project}"), json!({"branch": "next"})).await.expect(200);
    let asked = stage.git_calls();
    stage.synced(&repo).await;
    assert!(stage.git_calls() - asked > 2 * OF_A_HEAD);

    // What is not read any more is not complained of.
    let rows = admin.get("/api/projects").await.expect(200).body["projects"].clone();
    let qt =
        rows.as_array().expect("rows").iter().find(|row| row["name"] == "qt").expect("the project")["number"].clone();
    admin.patch(&format!("/api/projects/{qt}"), json!({"isPackage": false})).await.expect(200);
    assert_eq!(stage.synced(&repo).await["state"], "ready");
}

#[tokio::test]
async fn a_mirrors_lock_holds_a_sync_back() {
    let Some(stage) = Stage::set().await else { return };
    let repo = stage.build_repo().await;
    stage.release("gtk", "gtk.spec", &spec("gtk", "4.0"));
    stage.project(&repo, "gtk").await;
    let lock = format!("/api/v1/repositories/{}", repo.number);
    let admin = stage.app.admin();
    admin.put(&format!("{lock}/add_repo_lock_file.json"), json!({})).await.expect(200);
    let sync = stage.synced(&repo).await;
    assert_eq!(sync["state"], "error");
    assert!(sync["error"].as_str().expect("an error").starts_with("a mirror copies the repository"), "{sync}");
    assert_eq!((stage.git_calls(), stage.packages(&repo).await.len()), (0, 0));

    admin.delete(&format!("{lock}/remove_repo_lock_file.json")).await.expect(200);
    stage.app.clock.advance(LATER);
    assert_eq!(stage.app.schedule("tick").await["queued"], 2, "by itself, as early as ever");
    stage.app.work_with(&stage.app.sync_with(Projects)).await;
    assert_eq!(stage.sync(&format!("/api/repos/{}", repo.id)).await["state"], "ready");
    assert_eq!(stage.packages(&repo).await, ["gtk-0:1-1"]);
}

/// Every remote has one spec file, of a package with the remote's name.
#[derive(Debug, Clone)]
struct Projects;

impl Scanner for Projects {
    async fn head(&self, _: &Place<'_>) -> Result<Answered<BranchHead>, ProviderError> {
        let value = BranchHead { branch: None, commit: "a".repeat(40) };
        Ok(Answered { value, rate_limit: RateLimit::default() })
    }

    async fn specs(&self, place: &Place<'_>, _: &BranchHead) -> Result<Answered<SpecTree>, ProviderError> {
        let remote = place.target.remote_url.expect("a remote");
        let name = remote.rsplit('/').next().expect("a name").trim_end_matches(".git");
        let file = format!("Name: {name}\nVersion: 1\nRelease: 1\n");
        let files = vec![("a.spec".to_owned(), SpecContent::of(file.as_bytes()))];
        let email = Some("a@x.example".to_owned());
        let value = SpecTree { files, committer_email: email, ..SpecTree::default() };
        Ok(Answered { value, rate_limit: RateLimit::default() })
    }

    async fn walk(&self, _: &Place<'_>, _: &BranchHead) -> Result<Answered<WalkedTree>, ProviderError> {
        panic!("there is nothing to be walked")
    }
}

#[tokio::test]
async fn a_new_project_is_read_by_the_schedule_soon_and_a_sync_goes_on_until_all_are() {
    let app = TestApp::start().await;
    let main = app.build_repo("rosa2021").await;
    let repo = app.repo_on(main.platform, "contrib").await;
    let sync = app.sync_with(Projects);
    assert_eq!(app.work_with(&sync).await, 0, "there was nothing to look at when they were made");
    assert_eq!(app.schedule("tick").await["queued"], 1, "the one that has got a project");
    app.work_with(&sync).await;
    let all = MAX_PROJECTS_A_JOB + 5;
    for number in 0..all {
        let remote = format!("https://git.example.com/p{number}.git");
        app.project_in(&repo, json!({"name": format!("p{number}"), "remoteUrl": remote})).await;
    }
    assert_eq!(app.schedule("tick").await["queued"], 1);
    assert_eq!(app.work_with(&sync).await, 2, "one more job for the rest");
    assert_eq!(packages(&app, &repo).await.len(), all);
    let path = format!("/api/repos/{}", repo.id);
    let sync = app.admin().get(&path).await.expect(200).body["repo"]["sync"].clone();
    assert_eq!((&sync["state"], &sync["error"]), (&json!("ready"), &Value::Null));
    consistency::check(&app.items().await).expect("consistent");
}
