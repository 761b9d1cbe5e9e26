//! Syncs of a repository that is read over ssh, from an unknown host to a trusted one.

use super::manifest;
use repoplane_domain::trusted_host::HostPort;
use repoplane_tests::git_server::Repositories;
use repoplane_tests::ssh_server::{SshServer, SshServerKind, ssh_key, user_key};
use repoplane_tests::{TestApp, consistency};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::LineEnding;
use serde_json::{Value, json};

/// A host's key, in the form of a `known_hosts` file.
fn stated(key: &PrivateKey) -> Value {
    json!({"key": key.public_key().to_openssh().expect("a key as text")})
}

#[tokio::test]
async fn a_repository_is_synced_over_ssh_once_its_host_is_trusted() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.empty("skills.git");
    let commit = repositories.commit("skills.git", &[("100644", "review/SKILL.md", &manifest("review", ""))]);
    let server = SshServer::start(repositories.root(), SshServerKind::default()).await;
    let app = TestApp::start().await.reaching(&server.address.to_string());
    let body = json!({"name": "agent", "kind": "integration", "scopes": ["repos:write"], "expiresInDays": 0});
    let key = app.client(app.admin().post("/api/access-tokens", body).await.expect(201).text("/token"));

    let pem = user_key().to_openssh(LineEnding::LF).unwrap().to_string();
    let secret = json!({"name": "deploy", "type": "git_ssh_key", "secret": pem});
    let credential = key.post("/credentials", secret).await.expect(201).text("/id");
    let url = server.url(&format!("{}/skills.git", repositories.root().display()));
    let body = json!({"name": "skills", "repo_url": url, "branch": "trunk", "credential_id": credential});
    let made = key.post("/repositories", body).await.expect(201).text("/id");
    let path = format!("/api/repos/{made}");
    let repo = async || app.admin().get(&path).await.expect(200).body["repo"].clone();
    let sync_now = async || {
        app.admin().post(&format!("{path}/sync"), json!({})).await;
        app.work().await;
        repo().await
    };

    // Nobody has trusted the host: it is told nothing, and whoever manages the repository is told its key.
    app.work().await;
    let unknown = repo().await;
    assert_eq!(unknown["connection"]["reason"], "HOST_UNTRUSTED", "{unknown}");
    let message = unknown["connection"]["message"].as_str().unwrap();
    assert!(message.contains("is not known"), "{message}");
    assert_eq!(server.asked(), Vec::<String>::new());

    let host = format!("/api/trusted-hosts/{}", HostPort::of_remote(&url).unwrap());
    let trust = async |key: &PrivateKey| app.admin().put(&host, stated(key)).await.expect(200);
    let known = trust(&ssh_key(1)).await;
    assert!(message.contains(&known.text("/host/fingerprint")), "{message}");
    let synced = sync_now().await;
    assert_eq!((&synced["sync"]["state"], &synced["sync"]["commit"]), (&json!("ready"), &json!(commit)), "{synced}");
    assert_eq!(synced["sync"]["skillCount"], 1);
    let skills = app.admin().get(&format!("{path}/skills")).await.expect(200);
    assert_eq!(skills.text("/skills/0/name"), "review");

    // A host with another key is another host, until somebody says otherwise.
    server.show(&[ssh_key(2)]);
    let changed = sync_now().await;
    assert_eq!(changed["connection"]["reason"], "HOST_UNTRUSTED", "{changed}");
    trust(&ssh_key(2)).await;
    assert_eq!(sync_now().await["connection"]["status"], "ok");

    let known = app.admin().get("/api/trusted-hosts").await.expect(200).body["hosts"].clone();
    assert_eq!(known.as_array().map(Vec::len), Some(1), "one host, one item: {known}");
    assert_eq!(known[0]["key"], stated(&ssh_key(2))["key"]);
    // Whoever is forgotten is as unknown as before.
    app.admin().delete(&host).await.expect(200);
    assert_eq!(sync_now().await["connection"]["reason"], "HOST_UNTRUSTED");
    let items = app.items().await;
    consistency::check(&items).expect("consistent");
    // Nothing of the key is anywhere but in the vault.
    let secret = pem.lines().nth(3).unwrap();
    assert!(!Value::from(items).to_string().contains(secret));
}
