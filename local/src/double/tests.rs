//! What the clients of this system make of the double's answers.

use super::*;
use repoplane_domain::credential::{GitAccess, GithubApp};
use repoplane_domain::repository::Provider;
use repoplane_domain::robot::ModelProvider;
use repoplane_domain::secret::Secret;
use repoplane_domain::skill::{EntryKind, Manifest};
use repoplane_providers::{
    Activity, ActivityPages, BranchHead, Egress, EgressSettings, Fault, HookSpec, ModelSource, Providers, Target,
    Visibility, test_token,
};
use std::net::SocketAddr;
use tokio::task::JoinHandle;

/// What the robot's test says about a token and a repository of the double: role and right to write, or the text.
async fn test(provider: Provider, identity: &str, token: &str) -> Result<(String, bool), String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router()).await });
    let egress = Egress::new(EgressSettings::from_allow_list(&address.to_string()).unwrap());
    let base = match provider {
        Provider::Github => format!("http://{address}/github/api/v3"),
        Provider::Gitlab | Provider::Git => format!("http://{address}/gitlab"),
    };
    let report = test_token(&egress, provider, Some(&base), identity, &Secret::new(token)).await;
    server.abort();
    let report = report.map_err(|error| error.to_string())?;
    assert!(report.account.email.is_some_and(|email| email.ends_with("@demo.example")));
    Ok((report.account.role.unwrap(), report.can_write))
}

#[tokio::test]
async fn each_token_has_its_role_at_both_providers() {
    for (token, github, gitlab, writes) in [
        (ADMIN_TOKEN, "admin", "owner", true),
        (WRITE_TOKEN, "write", "developer", true),
        (READ_TOKEN, "read", "reporter", false),
    ] {
        for identity in ["acme/widgets", "4711"] {
            assert_eq!(test(Provider::Github, identity, token).await, Ok((github.to_owned(), writes)), "{token}");
            assert_eq!(test(Provider::Gitlab, identity, token).await, Ok((gitlab.to_owned(), writes)), "{token}");
        }
    }
    assert!(test(Provider::Gitlab, "acme/tools/widgets", WRITE_TOKEN).await.is_ok());
}

#[tokio::test]
async fn anything_else_is_refused_in_the_providers_words() {
    for (provider, identity, token, status, words) in [
        (Provider::Github, "acme/widgets", "other", "401 Unauthorized", "Bad credentials"),
        (Provider::Github, "missing/widgets", READ_TOKEN, "404 Not Found", "Not Found"),
        (Provider::Gitlab, "4711", "other", "401 Unauthorized", "401 Unauthorized"),
        (Provider::Gitlab, "missing/widgets", READ_TOKEN, "404 Not Found", "404 Project Not Found"),
    ] {
        let text = test(provider, identity, token).await.unwrap_err();
        let (line, body) = text.split_once(": ").unwrap();
        assert_eq!(line, format!("[{provider}] {status}"));
        assert!(body.contains(&format!(r#""message":"{words}""#)), "{text}");
    }
}

/// The double on a port of its own, with a client that may call it.
struct Running {
    address: SocketAddr,
    providers: Providers,
    server: JoinHandle<std::io::Result<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Running {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router()).await });
        let egress = Egress::new(EgressSettings::from_allow_list(&address.to_string()).unwrap());
        Self { address, providers: Providers::new(egress), server }
    }

    fn base(&self, provider: Provider) -> String {
        let path = if provider == Provider::Github { "github/api/v3" } else { "gitlab" };
        format!("http://{}/{path}", self.address)
    }
}

const BOTH: [Provider; 2] = [Provider::Github, Provider::Gitlab];

fn access(token: &str) -> GitAccess {
    GitAccess::personal(Secret::new(token))
}

fn target<'a>(provider: Provider, base: &'a str, identity: &'a str) -> Target<'a> {
    Target { provider, api_base_url: Some(base), identity, remote_url: None }
}

#[tokio::test]
async fn public_repositories_are_seen_by_anyone() {
    let running = Running::start().await;
    for provider in BOTH {
        let base = running.base(provider);
        for (identity, access, expected) in [
            ("public/widgets", GitAccess::Anonymous, Ok(Visibility::Public)),
            ("acme/widgets", GitAccess::Anonymous, Err(Fault::NotFound)),
            ("acme/widgets", access(READ_TOKEN), Ok(Visibility::Private)),
            ("public/widgets", access("other"), Err(Fault::TokenRejected { missing_scopes: vec![] })),
        ] {
            let meta = running.providers.meta(&target(provider, &base, identity), &access).await;
            let told = meta.map(|meta| meta.value.visibility).map_err(|error| error.fault());
            assert_eq!(told, expected, "{provider} {identity}");
        }
    }
}

#[tokio::test]
async fn activity_has_several_pages() {
    let running = Running::start().await;
    for provider in BOTH {
        let base = running.base(provider);
        let read = async |identity: &str, page: u32| -> Activity {
            let pages = ActivityPages { page_size: 5, commits: page, merges: page, issues: page };
            let target = target(provider, &base, identity);
            running.providers.activity(&target, &access(READ_TOKEN), pages).await.unwrap().value
        };
        let (mut counts, mut more) = ([0; 3], true);
        for page in 1..=5 {
            assert!(more, "{provider} {page}");
            let Activity { commits, merges, issues } = read("acme/widgets", page).await;
            counts[0] += commits.items.len();
            counts[1] += merges.items.len();
            counts[2] += issues.items.len();
            more = commits.has_more || merges.has_more || issues.has_more;
        }
        assert_eq!((counts, more), ([23, 7, 12], false), "{provider}");
        assert!(read("empty/widgets", 1).await.commits.items.is_empty());
    }
}

#[tokio::test]
async fn a_branch_has_two_skills() {
    let running = Running::start().await;
    for provider in BOTH {
        let base = running.base(provider);
        for (identity, access) in [
            ("acme/widgets", access(READ_TOKEN)),
            ("4711", access(READ_TOKEN)),
            ("public/widgets", GitAccess::Anonymous),
        ] {
            let target = target(provider, &base, identity);
            let head =
                async |branch| running.providers.branch_head(&target, &access, branch).await.map(|head| head.value);
            let newest = head(None).await.unwrap();
            assert_eq!(newest.commit, head(Some("main")).await.unwrap().commit, "{provider}");
            assert_eq!(head(Some("other")).await.unwrap_err().fault(), Fault::NoBranch, "{provider}");
            let walked = running.providers.walk(&target, &access, &newest).await.unwrap().value;
            assert_eq!(walked.files, 4, "{provider}");
            let told: Vec<_> = walked
                .folders
                .iter()
                .map(|(path, folder)| {
                    let Manifest::Bytes(bytes) = &folder.manifest else { panic!("{:?}", folder.manifest) };
                    let kinds: Vec<_> = folder.entries.iter().map(|entry| (entry.path.as_str(), entry.kind)).collect();
                    (path.as_str(), String::from_utf8_lossy(bytes).into_owned(), kinds)
                })
                .collect();
            let [notes, triage] = told.as_slice() else { panic!("{told:?}") };
            assert_eq!((notes.0, &notes.2[..]), ("skills/release-notes", &[("SKILL.md", EntryKind::File)][..]));
            assert!(notes.1.contains("name: release-notes"), "{notes:?}");
            let kinds = [("SKILL.md", EntryKind::File), ("scripts/label.sh", EntryKind::Executable)];
            assert_eq!((triage.0, &triage.2[..]), ("skills/triage", &kinds[..]));
            assert!(triage.1.contains("allowed-tools: Bash"), "{triage:?}");
            let gone = BranchHead { commit: "0".repeat(40), ..newest };
            let error = running.providers.walk(&target, &access, &gone).await.unwrap_err();
            assert_eq!(error.fault(), Fault::Moved, "{provider}");
        }
        for (identity, access, expected) in [
            ("missing/widgets", access(READ_TOKEN), Fault::NotFound),
            ("acme/widgets", GitAccess::Anonymous, Fault::NotFound),
            ("empty/widgets", access(READ_TOKEN), Fault::NoCommits),
            ("public/widgets", access("other"), Fault::TokenRejected { missing_scopes: vec![] }),
        ] {
            let target = target(provider, &base, identity);
            for branch in [None, Some("main")] {
                let error = running.providers.branch_head(&target, &access, branch).await.unwrap_err();
                assert_eq!(error.fault(), expected, "{provider} {identity} {branch:?}");
            }
        }
    }
}

#[tokio::test]
async fn trees_are_read_by_folder_and_by_page() {
    let running = Running::start().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |url: &str| client.get(url).header("private-token", READ_TOKEN).send().await.unwrap();
    // GitHub: the ids that a folder's list names are trees themselves.
    let trees = format!("{}/repos/public/widgets/git/trees", running.base(Provider::Github));
    let bearer = async |url: String| -> Value {
        client.get(url).bearer_auth(READ_TOKEN).send().await.unwrap().json().await.unwrap()
    };
    let (mut id, mut seen) = ("main".to_owned(), Vec::new());
    while let Some(entry) = bearer(format!("{trees}/{id}")).await["tree"].as_array().unwrap().last() {
        seen.push(entry["path"].as_str().unwrap().to_owned());
        id = entry["sha"].as_str().unwrap().to_owned();
        if entry["type"] == "blob" {
            break;
        }
    }
    assert_eq!(seen, ["skills", "triage", "scripts", "label.sh"]);
    // GitLab: page by page, as `Link` says.
    let tree = format!("{}/api/v4/projects/acme%2Fwidgets/repository/tree", running.base(Provider::Gitlab));
    let (mut token, mut sizes) = (String::new(), Vec::new());
    loop {
        let page = get(&format!("{tree}?recursive=true&pagination=keyset&per_page=3{token}")).await;
        let link = page.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        sizes.push(page.json::<Vec<Value>>().await.unwrap().len());
        let Some(link) = link else { break };
        let (_, rest) = link.split_once("&page_token=").unwrap();
        token = format!("&page_token={}", rest.split_once('>').unwrap().0);
    }
    assert_eq!(sizes, [3, 3, 2]);
    let below: Vec<Value> = get(&format!("{tree}?path=skills")).await.json().await.unwrap();
    assert_eq!(below.iter().map(|entry| &entry["name"]).collect::<Vec<_>>(), ["release-notes", "triage"]);
}

#[tokio::test]
async fn hooks_are_kept() {
    let running = Running::start().await;
    let providers = &running.providers;
    for (provider, event, hidden) in
        [(Provider::Github, "push", Fault::NotFound), (Provider::Gitlab, "push_events", Fault::Forbidden)]
    {
        let base = running.base(provider);
        let (target, admin) = (target(provider, &base, "acme/widgets"), access(ADMIN_TOKEN));
        let mut spec = HookSpec {
            url: "https://repoplane.example/failing".to_owned(),
            secret: Secret::new("hunter2"),
            events: [event.to_owned()].into(),
            active: true,
        };
        let created = providers.create_hook(&target, &admin, &spec).await.unwrap().value;
        assert_eq!((created.url.as_str(), &created.events), (spec.url.as_str(), &spec.events));
        let shown = providers.hook(&target, &admin, &created.id).await.unwrap().value;
        assert!(!shown.last_delivery.unwrap().ok);
        spec.url = "https://repoplane.example/good".to_owned();
        providers.update_hook(&target, &admin, &created.id, &spec).await.unwrap();
        let listed = providers.list_hooks(&target, &admin).await.unwrap().value;
        assert_eq!(listed.iter().map(|hook| hook.url.as_str()).collect::<Vec<_>>(), [spec.url.as_str()]);
        assert!(providers.hook(&target, &admin, &created.id).await.unwrap().value.last_delivery.unwrap().ok);
        let refused = providers.list_hooks(&target, &access(WRITE_TOKEN)).await.unwrap_err();
        assert_eq!(refused.fault(), hidden, "{provider}");
        providers.delete_hook(&target, &admin, &created.id).await.unwrap();
        let gone = providers.delete_hook(&target, &admin, &created.id).await.unwrap_err();
        assert_eq!(gone.fault(), Fault::NotFound);
    }
    let base = running.base(Provider::Github);
    let (target, admin) = (target(Provider::Github, &base, "acme/widgets"), access(ADMIN_TOKEN));
    let events = ["push".to_owned()].into();
    let spec = HookSpec { url: "https://a.example".to_owned(), secret: Secret::new("hunter2"), events, active: true };
    providers.create_hook(&target, &admin, &spec).await.unwrap();
    let twice = providers.create_hook(&target, &admin, &spec).await.unwrap_err();
    assert_eq!(twice.fault(), Fault::Refused { reason: "Hook already exists on this repository".to_owned() });
}

#[tokio::test]
async fn listings_have_two_pages() {
    let running = Running::start().await;
    for provider in BOTH {
        let base = running.base(provider);
        for owner in [None, Some("acme")] {
            let page = async |cursor: Option<&str>| {
                let access = access(READ_TOKEN);
                let list = running.providers.list_repositories(provider, Some(&base), &access, owner, cursor);
                list.await.unwrap().value
            };
            let first = page(None).await;
            let second = page(first.next.as_deref()).await;
            assert_eq!((first.items.len(), second.items.len(), second.next), (100, 1, None), "{provider} {owner:?}");
        }
    }
}

#[tokio::test]
async fn models_are_listed_for_the_key() {
    let running = Running::start().await;
    for (provider, path) in [
        (ModelProvider::Codex, "openai/v1"),
        (ModelProvider::ClaudeCode, "anthropic"),
        (ModelProvider::GeminiCli, "gemini/v1beta"),
    ] {
        let base = format!("http://{}/{path}", running.address);
        let list = running.providers.models(provider, Some(&base), &Secret::new(MODEL_KEY)).await.unwrap().value;
        assert_eq!(list.models, ["demo-large", "demo-medium", "demo-small"], "{provider}");
        assert_eq!(list.source, ModelSource::Remote);
        let error = running.providers.check_model_key(provider, Some(&base), &Secret::new("other")).await.unwrap_err();
        assert!(matches!(error, repoplane_providers::ProviderError::ModelKeyInvalid(_)), "{provider}: {error}");
    }
}

#[tokio::test]
async fn an_app_is_known_by_its_id() {
    let running = Running::start().await;
    let base = running.base(Provider::Github);
    let target = target(Provider::Github, &base, "acme/widgets");
    let access = |app_id, installation_id| {
        let private_key = Secret::new(private_key());
        GitAccess::App(GithubApp { app_id, installation_id, private_key })
    };
    let report = running.providers.test_access(&target, &access(APP_ID, INSTALLATION_ID)).await.unwrap().value;
    assert_eq!(report.account.username.as_deref(), Some("demo-app[bot]"));
    assert_eq!((report.account.role.as_deref(), report.can_write), (Some("write"), true));
    for (app, installation) in [(APP_ID + 1, INSTALLATION_ID), (APP_ID, INSTALLATION_ID + 1)] {
        let error = running.providers.test_access(&target, &access(app, installation)).await.unwrap_err();
        assert_eq!(error.fault(), Fault::TokenRejected { missing_scopes: vec![] });
    }
}

/// A key of this run's own.
fn private_key() -> String {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use base64::Engine;
    let key = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}
