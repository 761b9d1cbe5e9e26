//! Plain Git remotes: a real Git server, and answers that no Git server gives.

use super::double::{Asked, Double, Said, access};
use crate::git_server::{self, GatewayRequest, Repositories};
use repoplane_domain::credential::{GitAccess, GitTokenKind};
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use repoplane_providers::{Fault, Meta, ProviderError, RemoteRefs, Target, Visibility};
use serde_json::{Value, json};
use std::path::Path;

/// What Git's own server answers.
fn backend(root: &Path, asked: &Asked, protocol: Option<&str>) -> Said {
    let request = GatewayRequest {
        method: &asked.method,
        path: &asked.path,
        query: &asked.query,
        content_type: asked.header("content-type"),
        protocol,
        body: &asked.body,
        partial: true,
    };
    let answer = git_server::backend(root, request);
    match answer.status {
        200 => Said::bytes(&answer.content_type, answer.body),
        status => Said::status(status, Value::Null),
    }
}

async fn serve(repositories: &Repositories, speaks_second_version: bool) -> Double {
    let root = repositories.root().to_owned();
    Double::start(move |asked| {
        let protocol = Some(asked.header("git-protocol")).filter(|_| speaks_second_version);
        // Of `…/private.git` only this pair is let in: `bot:glpat-9sXQ3example`.
        let is_private = asked.path.contains("private.git");
        if is_private && asked.header("authorization") != "Basic Ym90OmdscGF0LTlzWFEzZXhhbXBsZQ==" {
            return Said::status(401, json!("who?")).with("www-authenticate", "Basic realm=\"git\"");
        }
        backend(&root, asked, protocol)
    })
    .await
}

async fn ls(double: &Double, path: &str, access: &GitAccess) -> Result<RemoteRefs, ProviderError> {
    let remote = format!("{}/{path}", double.url());
    double.providers.ls_remote(&remote, access).await.map(|answered| answered.value)
}

fn bot() -> GitAccess {
    let username = Some("bot".to_owned());
    GitAccess::Token { kind: GitTokenKind::Personal, username, token: crate::server::token() }
}

async fn meta(double: &Double, path: &str, access: &GitAccess) -> Result<Meta, ProviderError> {
    let remote = format!("{}/{path}", double.url());
    let target = Target { provider: Provider::Git, api_base_url: None, identity: "", remote_url: Some(&remote) };
    double.providers.meta(&target, access).await.map(|answered| answered.value)
}

#[tokio::test]
async fn a_real_server_is_read_in_both_versions_of_the_protocol() {
    let Some(repositories) = Repositories::new() else { return };
    let commit = repositories.filled("widgets.git");
    repositories.empty("empty.git");
    let detached = repositories.filled("detached.git");
    repositories.git("detached.git", &["update-ref", "--no-deref", "HEAD", &detached]);
    let many = repositories.filled("many.git");
    let branches: String = (0..300).map(|number| format!("create refs/heads/b{number:03} {many}\n")).collect();
    repositories.git_reading("many.git", &["update-ref", "--stdin"], branches.as_bytes());
    for second in [true, false] {
        let double = serve(&repositories, second).await;
        let trunk = Some("trunk".to_owned());
        let refs = ls(&double, "widgets.git", &GitAccess::Anonymous).await.unwrap();
        assert_eq!(refs.default_branch, trunk, "{second}");
        let heads: Vec<_> = refs.heads.items.iter().map(|head| (head.name.as_str(), head.sha.as_str())).collect();
        assert_eq!((heads, refs.heads.total), (vec![("trunk", commit.as_str())], 1), "{second}");

        let refs = ls(&double, "empty.git", &GitAccess::Anonymous).await.unwrap();
        // The first version has no word for the branch of a repository without commits.
        assert_eq!((refs.default_branch, refs.heads.total), (trunk.clone().filter(|_| second), 0), "{second}");

        let refs = ls(&double, "detached.git", &GitAccess::Anonymous).await.unwrap();
        assert_eq!((refs.default_branch, refs.heads.total), (None, 1), "{second}");

        let refs = ls(&double, "many.git", &GitAccess::Anonymous).await.unwrap();
        assert_eq!((refs.default_branch, refs.heads.total, refs.heads.items.len()), (trunk, 301, 301), "{second}");

        let error = ls(&double, "missing.git", &GitAccess::Anonymous).await.unwrap_err();
        assert_eq!(error.fault(), Fault::NotFound, "{second}");
        let posts = double.calls().iter().filter(|call| call.starts_with("POST")).count();
        assert_eq!(posts, if second { 4 } else { 0 });
    }
}

#[tokio::test]
async fn who_can_see_a_remote_is_found_out() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("widgets.git");
    repositories.filled("private.git");
    let double = serve(&repositories, true).await;
    for (path, access, expected) in [
        ("widgets.git", GitAccess::Anonymous, Ok(Visibility::Public)),
        ("widgets.git", bot(), Ok(Visibility::Public)),
        ("private.git", bot(), Ok(Visibility::Private)),
        ("private.git", GitAccess::Anonymous, Err(Fault::TokenRejected { missing_scopes: vec![] })),
        ("private.git", access(), Err(Fault::TokenRejected { missing_scopes: vec![] })),
    ] {
        let told = meta(&double, path, &access).await;
        let expected_branch = expected.is_ok().then(|| "trunk".to_owned());
        assert_eq!(told.as_ref().ok().and_then(|meta| meta.default_branch.clone()), expected_branch);
        let told = told.map(|meta| meta.visibility).map_err(|error| error.fault());
        assert_eq!(told, expected, "{path} {access:?}");
    }
}

#[tokio::test]
async fn a_deploy_token_is_answered_over_git() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("gitlab/acme/private.git");
    let double = serve(&repositories, true).await;
    let access = GitAccess::Token {
        kind: GitTokenKind::Deploy,
        username: Some("bot".to_owned()),
        token: crate::server::token(),
    };
    for root in ["/gitlab", "/gitlab/api/v4/"] {
        let base = double.url() + root;
        let target = Target {
            provider: Provider::Gitlab,
            api_base_url: Some(&base),
            identity: "acme/private",
            remote_url: None,
        };
        let meta = double.providers.meta(&target, &access).await.unwrap().value;
        // Not public; whether it is internal or private is not told.
        assert_eq!((meta.visibility, meta.default_branch.as_deref()), (Visibility::Unknown, Some("trunk")));
    }
}

#[tokio::test]
async fn a_remote_that_moved_is_read_in_the_first_version() {
    let Some(repositories) = Repositories::new() else { return };
    let commit = repositories.filled("widgets.git");
    let root = repositories.root().to_owned();
    let double = Double::start(move |asked| {
        if asked.method == "POST" {
            return Said::status(308, Value::Null).with("location", "https://new.example.com/");
        }
        backend(&root, asked, Some(asked.header("git-protocol")))
    })
    .await;
    let refs = ls(&double, "widgets.git", &GitAccess::Anonymous).await.unwrap();
    assert_eq!((refs.heads.items[0].sha.as_str(), refs.default_branch.as_deref()), (commit.as_str(), Some("trunk")));
}

#[tokio::test]
async fn what_is_no_git_server_is_named() {
    const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
    let page = b"<!DOCTYPE html>".to_vec();
    for (answer, fault, words) in [
        (Said::bytes("text/html", page.clone()), Fault::BadAnswer, "does not speak Git's smart HTTP protocol"),
        (Said::bytes("text/plain", b"sha\trefs".to_vec()), Fault::BadAnswer, "does not speak Git's smart HTTP"),
        (Said::bytes(ADVERTISEMENT, page), Fault::BadAnswer, "not in Git's frames"),
        (Said::bytes(ADVERTISEMENT, Vec::new()), Fault::BadAnswer, "does not end"),
        (Said::bytes(ADVERTISEMENT, b"000eversion 2\n".to_vec()), Fault::BadAnswer, "does not end"),
        (Said::status(403, json!("no glpat-9sXQ3example")), Fault::Forbidden, "no [token]"),
        (Said::status(404, Value::Null), Fault::NotFound, "404"),
        (Said::status(503, Value::Null), Fault::Unavailable, "503"),
    ] {
        let double = Double::start(move |_| answer.clone()).await;
        let error = ls(&double, "x.git", &bot()).await.unwrap_err();
        assert_eq!(error.fault(), fault);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn remotes_and_tokens_that_cannot_be_sent_are_not() {
    let double = Double::start(|_| Said::missing()).await;
    let colon =
        GitAccess::Token { kind: GitTokenKind::Personal, username: Some("a:b".to_owned()), token: Secret::new("x") };
    for (remote, access, fault) in [
        ("git@10.0.0.1:a/b.git", &GitAccess::Anonymous, Fault::AddressRefused),
        ("ssh://10.0.0.1/a/b.git", &GitAccess::Anonymous, Fault::AddressRefused),
        ("ssh://git:pw@140.82.121.3/a/b.git", &GitAccess::Anonymous, Fault::Unusable),
        ("ssh://140.82.121.3:2222/a/b.git", &GitAccess::Anonymous, Fault::AddressRefused),
        ("https://git.example.com/a/b.git", &colon, Fault::Unusable),
        ("https://10.0.0.1/a/b.git", &GitAccess::Anonymous, Fault::AddressRefused),
        ("https://me:pw@git.example.com/a/b.git", &GitAccess::Anonymous, Fault::AddressRefused),
    ] {
        let error = double.providers.ls_remote(remote, access).await.unwrap_err();
        assert_eq!(error.fault(), fault, "{remote}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
    assert!(double.calls().is_empty());
}
