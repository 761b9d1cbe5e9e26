//! Every kind of request that is made of GitHub, held against GitHub's own OpenAPI description.
//!
//! Prism serves the description: it refuses what the description does not allow, and answers the rest with GitHub's
//! examples, which are read here as any answer. `tests/github-openapi/run.sh` starts it and tells the test where it is;
//! without that the test says that it is skipped.
//!
//! What is not held against it: `Authorization`, which the description leaves out, and `Accept`, where GitHub recommends
//! its own media type and describes the answers as plain JSON.

mod description;
mod recorder;

use crate::questions::app;
use description::Description;
use recorder::{NAMELESS, ORGANIZATION, Recorder, TOKEN, USER};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use repoplane_providers::{
    Activity, ActivityPages, DeployKeySpec, HistoryPage, Home, HookSpec, OwnerKind, ProjectOwner, ProjectSpec,
    Providers, Target, Visibility,
};
use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;

/// Whose request it is, by its `Authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    /// Nobody: no such header.
    Nobody,
    /// The holder of a personal token.
    Token,
    /// The app itself, by its signed claim.
    App,
    /// An installation of the app, by the token that was got for the claim.
    Installation,
}

use Who::{App, Installation, Nobody, Token};

/// Anyone who may read a public repository.
const READER: &[Who] = &[Nobody, Token, Installation];
/// Who may manage hooks.
const WRITER: &[Who] = &[Token, Installation];

/// What is asked of GitHub: method and path as its description has them, names of query parameters (`?`) and of the
/// body's members (`+`), and who asks.
const REQUESTS: &[(&str, &str, &[Who])] = &[
    ("what a repository is", "GET /repos/{owner}/{repo}", READER),
    ("what it is, by its number", "GET /repositories/{id}", READER),
    ("newest commits", "GET /repos/{owner}/{repo}/commits ?page ?per_page", READER),
    ("newest commit of the default branch", "GET /repos/{owner}/{repo}/commits ?per_page", READER),
    ("a part of a history", "GET /repos/{owner}/{repo}/commits ?per_page ?sha", READER),
    ("branches", "GET /repos/{owner}/{repo}/branches ?page ?per_page", READER),
    ("newest commit of a branch", "GET /repos/{owner}/{repo}/git/ref/{ref}", READER),
    ("a whole tree", "GET /repos/{owner}/{repo}/git/trees/{tree_sha} ?recursive", READER),
    ("a content", "GET /repos/{owner}/{repo}/git/blobs/{file_sha}", READER),
    ("closed pull requests", "GET /repos/{owner}/{repo}/pulls ?direction ?page ?per_page ?sort ?state", READER),
    ("issues", "GET /repos/{owner}/{repo}/issues ?page ?per_page ?state", READER),
    ("hooks", "GET /repos/{owner}/{repo}/hooks ?page ?per_page", WRITER),
    ("one hook", "GET /repos/{owner}/{repo}/hooks/{hook_id}", WRITER),
    ("its deliveries", "GET /repos/{owner}/{repo}/hooks/{hook_id}/deliveries ?per_page", WRITER),
    (
        "a new hook",
        "POST /repos/{owner}/{repo}/hooks +active +config +config.content_type +config.insecure_ssl +config.secret \
         +config.url +events +name",
        WRITER,
    ),
    (
        "a changed hook",
        "PATCH /repos/{owner}/{repo}/hooks/{hook_id} +active +config +config.content_type +config.insecure_ssl \
         +config.secret +config.url +events",
        WRITER,
    ),
    ("a hook less", "DELETE /repos/{owner}/{repo}/hooks/{hook_id}", WRITER),
    ("who owns projects", "GET /users/{username}", &[Token]),
    ("a new repository of an organization", "POST /orgs/{org}/repos +description +name +private", WRITER),
    ("a changed repository", "PATCH /repos/{owner}/{repo} +description +private", WRITER),
    ("a repository less", "DELETE /repos/{owner}/{repo}", WRITER),
    ("deploy keys", "GET /repos/{owner}/{repo}/keys ?page ?per_page", WRITER),
    ("a new deploy key", "POST /repos/{owner}/{repo}/keys +key +read_only +title", WRITER),
    ("a deploy key less", "DELETE /repos/{owner}/{repo}/keys/{key_id}", WRITER),
    ("repositories of an organization", "GET /orgs/{org}/repos ?page ?per_page", &[Nobody, Token]),
    ("repositories of a user", "GET /users/{username}/repos ?page ?per_page", &[Nobody, Token]),
    ("all repositories of a token", "GET /user/repos ?page ?per_page", &[Token]),
    ("the token's own repositories", "GET /user/repos ?affiliation ?page ?per_page", &[Token]),
    ("repositories of an installation", "GET /installation/repositories ?page ?per_page", &[Installation]),
    ("whose token it is", "GET /user", &[Token]),
    ("and their addresses", "GET /user/emails", &[Token]),
    ("what the app is", "GET /app", &[App]),
    ("who its bot is", "GET /users/{username}", &[Installation]),
    ("a token for a claim", "POST /app/installations/{installation_id}/access_tokens", &[App]),
];

/// The one path that GitHub answers and does not describe; [`recorder`] asks for the repository by its name instead.
const UNDESCRIBED: &str = "/repositories/{id}";

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

/// Where the mock listens, and its description; `None` when nobody started one.
fn mock() -> Option<(SocketAddr, Description)> {
    let address = std::env::var("REPOPLANE_GITHUB_MOCK").ok()?;
    let file = std::env::var("REPOPLANE_GITHUB_DESCRIPTION").unwrap();
    Some((address.parse().unwrap(), Description::read(file.as_ref())))
}

#[tokio::test]
async fn every_request_is_one_that_github_describes() {
    let Some((mock, description)) = mock() else {
        println!("skipped: tests/github-openapi/run.sh starts what this test asks");
        return;
    };
    let recorder = Recorder::start(mock, description).await;
    let (providers, base) = (recorder.providers(), recorder.url());
    // A task of its own: when an answer is not the expected one, what the mock found wrong is told first.
    let ended = tokio::spawn(async move { ask_everything(&providers, &base).await }).await;

    let seen = recorder.seen();
    let expected: BTreeSet<_> = REQUESTS
        .iter()
        .flat_map(|(_, request, who)| who.iter().map(move |who| format!("{request} by {who}")))
        .collect();
    let missing: Vec<_> = expected.difference(&seen).collect();
    let unknown: Vec<_> = seen.difference(&expected).collect();
    let violations = recorder.violations();
    println!("{} requests of {} kinds, {} violations", recorder.requests(), seen.len(), violations.len());
    println!("GitHub's own examples are not as its schemas have them at: {:?}", recorder.inconsistent());
    assert!(violations.is_empty(), "{violations:#?}");
    ended.unwrap();
    assert!(missing.is_empty() && unknown.is_empty(), "never made: {missing:#?}, not in the table: {unknown:#?}");
}

/// Every question with everyone who may ask it. Each answer is one of GitHub's examples and must be understood.
async fn ask_everything(providers: &Providers, base: &str) {
    let (token, app) = (GitAccess::personal(Secret::new(TOKEN)), app::access(5));
    let target = |identity| Target { provider: Provider::Github, api_base_url: Some(base), identity, remote_url: None };
    for access in [&GitAccess::Anonymous, &token, &app] {
        for identity in ["octocat/Hello-World", "1296269"] {
            let meta = providers.meta(&target(identity), access).await.unwrap().value;
            assert_eq!(meta.identity.unwrap().full_name, "octocat/Hello-World");
        }
        let read = async |pages| providers.activity(&target("octocat/Hello-World"), access, pages).await.unwrap().value;
        let Activity { commits, issues, .. } =
            read(ActivityPages { page_size: 20, commits: 1, merges: 1, issues: 1 }).await;
        assert!(!commits.items.is_empty() && issues.page == 1);
        read(ActivityPages { page_size: 1, commits: 3, merges: 2, issues: 2 }).await;
        let place = target("octocat/Hello-World");
        assert!(!providers.branches(&place, access).await.unwrap().value.is_empty());
        for branch in [None, Some("featureA")] {
            let asked = HistoryPage { from: branch.map(str::to_owned) };
            let history = providers.history(&place, access, &asked).await.unwrap().value;
            assert!(history.iter().all(|commit| commit.parent.is_some() && !commit.author_name.is_empty()));
            assert!(!history.is_empty());
            let head = providers.branch_head(&place, access, branch).await.unwrap().value;
            // The examples' tree has a manifest; what its content is, is not asked here.
            let walked = providers.walk(&place, access, &head).await.unwrap().value;
            assert!(walked.files > 0 && !walked.folders.is_empty());
        }
    }
    for access in [&token, &app] {
        let target = target("octocat/Hello-World");
        let hooks = providers.list_hooks(&target, access).await.unwrap().value;
        assert!(hooks.iter().all(|hook| !hook.url.is_empty() && !hook.events.is_empty()) && !hooks.is_empty());
        let hook = providers.hook(&target, access, "12345678").await.unwrap().value;
        assert!(hook.last_delivery.unwrap().at.is_some(), "the example has deliveries");
        for active in [true, false] {
            let spec = HookSpec {
                url: "https://repoplane.example/api/webhook/github/acme".to_owned(),
                secret: Secret::new("whsec-hunter2"),
                events: ["issues", "pull_request", "push"].map(str::to_owned).into(),
                active,
            };
            providers.create_hook(&target, access, &spec).await.unwrap();
            providers.update_hook(&target, access, "12345678", &spec).await.unwrap();
        }
        providers.delete_hook(&target, access, "12345678").await.unwrap();
        let home = Home { provider: Provider::Github, api_base_url: Some(base), owner: ORGANIZATION };
        if *access == token {
            providers.project_owner(&home, access).await.ok();
        }
        let owner = ProjectOwner { id: 1, path: ORGANIZATION.to_owned(), kind: OwnerKind::Organisation };
        let (path, description) = ("Hello-World".to_owned(), Some("Hello".to_owned()));
        let spec = ProjectSpec { path, name: None, visibility: Some(Visibility::Private), description };
        providers.create_project(&home, access, &owner, &spec).await.unwrap();
        providers.edit_project(&home, access, 1_296_269, &spec).await.unwrap();
        providers.deploy_keys(&home, access, 1_296_269).await.unwrap();
        let spec = DeployKeySpec { title: "t".to_owned(), key: "ssh-ed25519 AAAA".to_owned(), can_push: false };
        providers.add_deploy_key(&home, access, 1_296_269, &spec).await.unwrap();
        providers.delete_deploy_key(&home, access, 1_296_269, "1").await.unwrap();
        providers.delete_project(&home, access, 1_296_269).await.unwrap();
    }
    for (access, owner) in [
        (&GitAccess::Anonymous, Some(ORGANIZATION)),
        (&GitAccess::Anonymous, Some("hubot")),
        (&token, None),
        (&token, Some(ORGANIZATION)),
        (&token, Some("hubot")),
        (&token, Some(USER)),
        (&app, None),
    ] {
        let page = providers.list_repositories(Provider::Github, Some(base), access, owner, None).await.unwrap().value;
        assert!(!page.items.is_empty(), "{owner:?}");
        if let Some(next) = page.next {
            providers.list_repositories(Provider::Github, Some(base), access, owner, Some(&next)).await.unwrap();
        }
    }
    let nameless = GitAccess::personal(Secret::new(NAMELESS));
    for access in [&token, &nameless, &app] {
        let report = providers.test_access(&target("octocat/Hello-World"), access).await.unwrap().value;
        assert!(report.account.email.is_some_and(|email| email.contains('@')));
    }
}
