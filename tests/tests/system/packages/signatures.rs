//! `PUT …/signatures.json`, `GET …/key_pair`, `GET …/public_key` (contract: abf 4.11, 4.14).

use super::{abf, keys};
use repoplane_tests::{BuildRepo, Client, Person, TestApp, consistency};
use serde_json::{Value, json};

const DONE: &str = "Signatures have been updated for repository successfully";

async fn sign(client: &Client, repo: &BuildRepo, (public, secret): (&str, &str)) -> repoplane_tests::Answer {
    let body = json!({"repository": {"public": public, "secret": secret}});
    client.put(&abf(repo, "signatures.json"), body).await
}

async fn machine(app: &TestApp) -> Person {
    app.person_with(json!({"username": "builder", "roles": ["system"]})).await
}

/// The matrix of the contract (abf 7): "key_pair".
#[tokio::test]
async fn abf_7_key_pair_is_for_machines_alone() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let builder = machine(&app).await;
    let empty = builder.client.get(&abf(&repo, "key_pair")).await.expect(200);
    assert_eq!(empty.body["repository"]["key_pair"], json!({"public": "", "secret": ""}));
    assert!(builder.client.get(&abf(&repo, "public_key")).await.expect(200).bytes.is_empty());
    let (public, secret) = keys::pair(1);
    assert_eq!(sign(&app.admin(), &repo, (&public, &secret)).await.expect(200).text("/repository/message"), DONE);
    for ending in ["key_pair", "key_pair.json", "key_pair/", "key_pair/?format=json"] {
        let shown = builder.client.get(&abf(&repo, ending)).await.expect(200);
        let expected = json!({"repository": {
            "id": repo.number, "name": "main", "url": format!("/api/v1/repositories/{}.json", repo.number),
            "key_pair": {"public": public, "secret": secret},
        }});
        assert_eq!(shown.body, expected, "abf key_pair: {ending}");
        assert_eq!(shown.headers["cache-control"], "no-store");
    }
    let shown = builder.client.get(&abf(&repo, "public_key")).await.expect(200);
    assert_eq!(String::from_utf8(shown.bytes).unwrap(), format!("{}\n", public.trim_end()));
    let owner = app.member(&repo.id, "lea", "owner").await;
    for (client, ending) in [
        (&app.admin(), "key_pair"),
        (&app.admin(), "public_key"),
        (&owner.client, "key_pair"),
        (&owner.client, "public_key"),
    ] {
        let refused = client.get(&abf(&repo, ending)).await.expect(403);
        assert_eq!(refused.body, json!({"message": "Access violation to this page!"}), "abf key_pair: {ending}");
    }
    consistency::check(&app.items().await).expect("consistent");
}

/// The fingerprint is no secret: it tells by which pair packages are signed.
#[tokio::test]
async fn the_record_shows_the_fingerprint_alone() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let path = format!("/api/repos/{}", repo.id);
    let build = async || app.admin().get(&path).await.expect(200).body["repo"]["build"].clone();
    assert!(build().await.as_object().is_some_and(|build| !build.contains_key("signingKeyId")));
    let (public, secret) = keys::pair(1);
    sign(&app.admin(), &repo, (&public, &secret)).await.expect(200);
    let signed = build().await;
    let id = signed["signingKeyId"].as_str().expect("a fingerprint");
    assert!(id.len() >= 40 && id.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_lowercase()), "{id}");
    assert!(!signed.to_string().contains("PGP"), "{signed}");
}

/// The matrix of the contract (abf 7): "signatures mismatched pair".
#[tokio::test]
async fn abf_7_a_mismatched_pair_leaves_the_old_one() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let (builder, owner) = (machine(&app).await, app.member(&repo.id, "lea", "owner").await);
    let ((public, secret), (other, other_secret)) = (keys::pair(1), keys::pair(2));
    sign(&owner.client, &repo, (&public, &secret)).await.expect(200);
    let before = app.items().await;
    let long = "x".repeat(10_001);
    for (sent, parts) in [
        ((&*other, &*secret), "Secret key keys are imported, but it is not a key pair (ids differ)"),
        (("nonsense", &*secret), "Public key wrong"),
        ((&*secret, &*public), "Public key contains secret key. Secret key contains public key"),
        ((&*public, ""), "Secret key can't be blank"),
        ((&*long, &*secret), "Public key is too long (maximum is 10000 characters)"),
    ] {
        let refused = sign(&owner.client, &repo, sent).await.expect(422);
        let message = format!("Signatures have not been updated for repository. {parts}");
        let expected = json!({"repository": {"id": null, "message": message}});
        assert_eq!(refused.body, expected, "abf signatures mismatched pair: {parts}");
    }
    assert_eq!(app.items().await, before);
    let shown = builder.client.get(&abf(&repo, "key_pair")).await.expect(200);
    assert_eq!(shown.text("/repository/key_pair/secret"), secret);
    sign(&owner.client, &repo, (&other, &other_secret)).await.expect(200);
    let shown = builder.client.get(&abf(&repo, "key_pair")).await.expect(200);
    assert_eq!(shown.text("/repository/key_pair/public"), other);
}

#[tokio::test]
async fn who_may_not_sign_changes_nothing() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let member = app.member(&repo.id, "mia", "member").await;
    let (builder, (public, secret)) = (machine(&app).await, keys::pair(1));
    let before = app.items().await.len();
    for client in [&member.client, &builder.client] {
        sign(client, &repo, (&public, &secret)).await.expect(403);
    }
    app.anonymous().put(&abf(&repo, "signatures.json"), Value::Null).await.expect(401);
    assert_eq!(app.items().await.len(), before);
}

/// The secret key lies in the vault and nowhere else; the record and the log know the fingerprint.
#[tokio::test]
async fn the_secret_key_is_nowhere_but_in_the_vault() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let (public, secret) = keys::pair(1);
    sign(&app.admin(), &repo, (&public, &secret)).await.expect(200);
    let refused = sign(&app.admin(), &repo, (&secret, &secret)).await.expect(422);
    let shown = app.admin().get(&format!("/api/repos/{}", repo.id)).await.expect(200);
    let audit = app.admin().get(&format!("/api/repos/{}/audit", repo.id)).await.expect(200);
    let items = Value::from(app.items().await).to_string();
    for line in secret.lines().filter(|line| line.len() > 20 && !line.starts_with('-')) {
        for (what, text) in [
            ("table", &items),
            ("refusal", &refused.body.to_string()),
            ("record", &shown.body.to_string()),
            ("log", &audit.body.to_string()),
        ] {
            assert!(!text.contains(line), "{what} has a line of the key");
        }
    }
    let key_id = app.set_of(&repo.id).await.repository.build.and_then(|build| build.signing).expect("signed").key_id;
    assert!(audit.body.to_string().contains(&key_id), "{}", audit.body);
}
