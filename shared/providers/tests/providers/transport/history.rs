//! History and branches over ssh and Git's own transport.

use super::daemon::daemon;
use super::ssh::{key_access, trusting};
use crate::git_server::Repositories;
use crate::server::egress;
use crate::ssh_server::{SshServer, SshServerKind, ssh_key, user_key};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use repoplane_providers::{Fault, HistoryPage, NamedBranch, Providers, Target};

/// A remote with the repositories `widgets.git` of two commits and `empty.git`, below `root`.
async fn is_read(providers: &Providers, access: &GitAccess, root: &str, [first, second]: [&str; 2], any_commit: bool) {
    let url = format!("{root}/widgets.git");
    let (widgets, empty) = (url.as_str(), format!("{root}/empty.git"));
    let remote = |url| Target { provider: Provider::Git, api_base_url: None, identity: "", remote_url: Some(url) };
    let page = async |url, from: Option<&str>| {
        let asked = HistoryPage { from: from.map(str::to_owned) };
        let page = providers.history(&remote(url), access, &asked).await;
        page.map(|page| page.value.into_iter().map(|commit| commit.id).collect::<Vec<_>>())
            .map_err(|error| error.fault())
    };
    for from in [None, Some("trunk"), Some(second)] {
        assert_eq!(page(widgets, from).await, Ok(vec![second.to_owned(), first.to_owned()]), "{from:?}");
    }
    // Conversations of the first version are only about what a branch or tag names, unless the other side says otherwise.
    let older = if any_commit { Ok(vec![first.to_owned()]) } else { Err(Fault::NoBranch) };
    assert_eq!(page(widgets, Some(first)).await, older);
    assert_eq!(page(widgets, Some("gone")).await, Err(Fault::NoBranch));
    assert_eq!(page(widgets, Some(&"a".repeat(40))).await, Err(Fault::NoBranch));
    assert_eq!(page(&empty, None).await, Ok(vec![]));
    assert_eq!(page(&empty, Some("trunk")).await, Err(Fault::NoCommits));
    let branches = providers.branches(&remote(widgets), access).await.unwrap().value;
    assert_eq!(branches, [NamedBranch { name: "trunk".to_owned(), commit: second.to_owned(), default: true }]);
    assert_eq!(providers.branches(&remote(&empty), access).await.unwrap().value, []);
}

fn filled(repositories: &Repositories) -> [String; 2] {
    for name in ["widgets.git", "empty.git"] {
        repositories.empty(name);
    }
    ["1", "2"].map(|content| repositories.commit("widgets.git", &[("100644", "a", content.as_bytes())]))
}

#[tokio::test]
async fn a_history_is_read_over_ssh_in_both_versions_of_the_protocol() {
    let Some(repositories) = Repositories::new() else { return };
    let [first, second] = filled(&repositories);
    for (second_version, partial, any_commit) in
        [(true, true, false), (true, false, false), (false, true, false), (false, false, false), (false, false, true)]
    {
        repositories.git("widgets.git", &["config", "uploadpack.allowReachableSHA1InWant", &any_commit.to_string()]);
        let kind = SshServerKind { second_version, partial, ..SshServerKind::default() };
        let server = SshServer::start(repositories.root(), kind).await;
        let providers = Providers::new(egress(server.address)).trusting(&trusting(&server, &[ssh_key(1)]));
        let root = server.url(&repositories.root().display().to_string());
        is_read(&providers, &key_access(&user_key()), &root, [&first, &second], second_version || any_commit).await;
        let commands = || server.asked().iter().filter(|asked| asked.starts_with("command ")).count();
        let before = commands();
        let url = format!("{root}/widgets.git");
        let remote = Target { provider: Provider::Git, api_base_url: None, identity: "", remote_url: Some(&url) };
        providers.history(&remote, &key_access(&user_key()), &HistoryPage::default()).await.unwrap();
        assert_eq!(commands() - before, 1, "one conversation");
    }
}

#[tokio::test]
async fn a_history_is_read_of_a_daemon() {
    let Some(repositories) = Repositories::new() else { return };
    let [first, second] = filled(&repositories);
    let address = daemon(repositories.root()).await;
    let providers = Providers::new(egress(address));
    is_read(&providers, &GitAccess::Anonymous, &format!("git://{address}"), [&first, &second], true).await;
}
