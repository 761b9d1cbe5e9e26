//! Every way in which a remote cannot be read, by real servers: what is told, and that nothing was changed.

use super::{LIST, code, native, path_of, post, put, refusal};
use repoplane_tests::git_server::{GIT_TOKEN, GIT_USER, GitServer, GitServerKind, Repositories};
use repoplane_tests::ssh_server::{SSH_PASSWORD, SSH_USER, SshServer, SshServerKind, ssh_key};
use repoplane_tests::tls_front::{TlsFront, self_signed};
use repoplane_tests::{Answer, TestApp, consistency};
use russh::MethodKind;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const KIND: GitServerKind = GitServerKind { second_version: true, partial: true };
const CANARY: &str = "hunter2-canary";

/// The key of a seed as `known_hosts` has it.
fn shown_key(seed: u8) -> String {
    let text = ssh_key(seed).public_key().to_openssh().expect("a key as text");
    text.split(' ').nth(1).unwrap_or_default().to_owned()
}

async fn count(app: &TestApp) -> Value {
    app.admin().get("/api/repositories/?counts-only=1&show-invisible=1").await.expect(200).body["count"].clone()
}

fn says(answer: &Answer, text: &str) -> bool {
    answer.body["err"]["msg"].as_str().is_some_and(|told| told.contains(text))
}

/// The answer of a change that is refused, and that it has changed nothing.
async fn refused(app: &TestApp, path: &str, fields: &[(&str, &str)]) -> Answer {
    let before = (app.admin().get(path).await.expect(200).body, native(app, path).await);
    let answer = put(&app.admin(), path, fields).await;
    let after = (app.admin().get(path).await.expect(200).body, native(app, path).await);
    assert_eq!(before, after, "a refused change changes nothing");
    answer
}

#[tokio::test]
async fn a_host_of_ssh_is_told_nothing_before_an_administrator_trusts_its_key() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("tools.git");
    let server = SshServer::start(repositories.root(), SshServerKind::default()).await;
    let app = TestApp::start().await.reaching(&server.address.to_string());
    let url = server.url(&format!("{}/tools.git", repositories.root().display()));
    let (name, path, user) = (("name", "tools"), ("path", url.as_str()), ("username", SSH_USER));
    let right = ("password", SSH_PASSWORD);

    // Unknown: the key is shown, and nothing is stored.
    let unknown = post(&app.admin(), &[name, path, user, right]).await;
    assert_eq!(refusal(&unknown), (403, 215), "{}", unknown.body);
    assert_eq!((&unknown.body["hostname"], &unknown.body["key"]), (&json!("127.0.0.1"), &json!(shown_key(1))));
    assert!(says(&unknown, "trust_host=1"), "{}", unknown.body);
    assert_eq!((count(&app).await, server.asked()), (json!(0), Vec::<String>::new()));

    // Trusted, and the wrong password: the trust stays, the repository does not come.
    let wrong = post(&app.admin(), &[name, path, user, ("password", CANARY), ("trust_host", "1")]).await;
    assert_eq!(refusal(&wrong), (403, 218), "{}", wrong.body);
    assert!(wrong.body["reason"].is_string() && says(&wrong, "Send another username and password"), "{}", wrong.body);
    assert_eq!(count(&app).await, json!(0));
    let made = post(&app.admin(), &[name, path, user, right]).await.expect(201);
    let item = path_of(&made);

    // Changed: both keys are shown; who is no administrator cannot trust the new one.
    server.show(&[ssh_key(2)]);
    let changed = refused(&app, &item, &[right]).await;
    assert_eq!(refusal(&changed), (403, 214), "{}", changed.body);
    assert_eq!(
        (&changed.body["expected_key"], &changed.body["key"]),
        (&json!(shown_key(1)), &json!(shown_key(2))),
        "{}",
        changed.body
    );
    let record = native(&app, &item).await;
    let maintainer = app.member(record["id"].as_str().expect("an id"), "max", "maintainer").await;
    let refused_again = put(&maintainer.client, &item, &[right, ("trust_host", "1")]).await;
    assert_eq!(refusal(&refused_again), (403, 214), "trust is the tenant's");
    put(&app.admin(), &item, &[right, ("trust_host", "1")]).await.expect(200);
    put(&app.admin(), &item, &[right]).await.expect(200);

    let items = app.items().await;
    consistency::check(&items).expect("consistent");
    let stored = Value::from(items).to_string();
    assert!(!stored.contains(CANARY) && !stored.contains(SSH_PASSWORD), "no password is in the table");
}

#[tokio::test]
async fn a_host_that_wants_a_key_says_so() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("tools.git");
    let kind = SshServerKind { methods: vec![MethodKind::PublicKey], ..SshServerKind::default() };
    let server = SshServer::start(repositories.root(), kind).await;
    let app = TestApp::start().await.reaching(&server.address.to_string());
    let url = server.url(&format!("{}/tools.git", repositories.root().display()));
    let answer = post(&app.admin(), &[("name", "tools"), ("path", &url), ("trust_host", "true")]).await;
    assert_eq!(refusal(&answer), (403, 217), "{}", answer.body);
    assert!(says(&answer, "git_ssh_key"), "{}", answer.body);
    assert_eq!(count(&app).await, json!(0));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_shown_and_can_be_trusted() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("private.git");
    let server = GitServer::start(repositories.root(), KIND).await;
    let (first, sha256) = self_signed(&["127.0.0.1"], "Acme", (2020, 4000));
    let front = TlsFront::of(server.address, first).await;
    let app = TestApp::start().await.reaching(&front.address.to_string());
    let url = front.url("private.git");
    let login = [("username", GIT_USER), ("password", GIT_TOKEN)];
    let fields = [[("name", "private"), ("path", url.as_str())], login].concat();

    let unknown = post(&app.admin(), &fields).await;
    assert_eq!(refusal(&unknown), (403, 216), "{}", unknown.body);
    let certificate = &unknown.body["certificate"];
    assert_eq!(certificate["hostname"], "127.0.0.1");
    assert_eq!(certificate["failures"], json!(["is of an issuer that is not known"]));
    assert_eq!(certificate["issuer"], "CN=Acme");
    assert_eq!(certificate["valid"]["from"], "2020-01-01T00:00:00.000Z");
    let fingerprint = certificate["fingerprint"].as_str().unwrap().replace(':', "").to_lowercase();
    assert_eq!(fingerprint, sha256);
    assert_eq!((count(&app).await, server.calls()), (json!(0), Vec::<String>::new()));

    let made = post(&app.admin(), &[fields.as_slice(), &[("trust_host", "1")]].concat()).await.expect(201);
    let item = path_of(&made);
    let (second, _) = self_signed(&["127.0.0.1"], "Mallory", (2020, 2021));
    front.show(second);
    // Another instance: connections that stand are not checked again.
    let app = app.reaching(&front.address.to_string());
    let other = refused(&app, &item, &[("password", GIT_TOKEN)]).await;
    assert_eq!(refusal(&other), (403, 216), "{}", other.body);
    assert_eq!(other.body["certificate"]["failures"][1], "has expired");
}

#[tokio::test]
async fn what_is_not_there_and_who_is_not_let_in_are_told_apart() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("private.git");
    repositories.filled("widgets.git");
    let server = GitServer::start(repositories.root(), KIND).await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let app = TestApp::start().await.reaching(&format!("{} {gone}", server.address));
    let (widgets, private) = (server.url("widgets.git"), server.url("private.git"));
    let made = post(&app.admin(), &[("name", "widgets"), ("path", &widgets)]).await.expect(201);
    let item = path_of(&made);
    let path = |url: &str| vec![("path", url.to_owned())];
    for (fields, expected) in [
        (path(&server.url("missing.git")), (400, 205)),
        (path(&format!("http://{gone}/x.git")), (400, 205)),
        (path(&format!("ssh://git@{gone}/x.git")), (500, 210)),
        (path("https://127.0.0.1:9/x.git"), (400, 205)),
        (path(&private), (403, 218)),
        (path("/srv/git/x.git"), (400, 105)),
        (path("file:///srv/git/x.git"), (400, 105)),
        (path(""), (400, 105)),
        (
            [path(&private), vec![("username", GIT_USER.to_owned()), ("password", CANARY.to_owned())]].concat(),
            (403, 218),
        ),
    ] {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = refused(&app, &item, &fields).await;
        assert_eq!(refusal(&answer), expected, "{fields:?}: {}", answer.body);
        assert!(!answer.body.to_string().contains(CANARY), "{}", answer.body);
        match expected.1 {
            105 => assert!(answer.body["fields"]["path"].is_array(), "{}", answer.body),
            210 => assert!(answer.body["error"].is_string(), "{}", answer.body),
            218 => assert!(answer.body["reason"].is_string(), "{}", answer.body),
            _ => {}
        }
    }
    // What is hidden is not asked for; once it is shown, it is.
    let nowhere = format!("http://{gone}/x.git");
    put(&app.admin(), &item, &[("path", &nowhere), ("visible", "0")]).await.expect(200);
    let shown = refused(&app, &item, &[("visible", "1")]).await;
    assert_eq!(code(&shown), 205);
    let login = [("path", private.as_str()), ("username", GIT_USER), ("password", GIT_TOKEN), ("visible", "true")];
    put(&app.admin(), &item, &login).await.expect(200);
    // What is not sent stays: a rename asks for nothing, another bug tracker neither.
    let calls = server.calls().len();
    put(&app.admin(), &item, &[("name", "renamed"), ("bug_tracker", "https://bugs.example.com/%s")]).await.expect(200);
    assert_eq!(server.calls().len(), calls);
    let branches = app.admin().get(&format!("{item}branches/")).await.expect(200);
    assert_eq!(branches.body["branches"][0]["name"], "trunk", "{}", branches.body);
    let commits = app.admin().get(&format!("{item}commits/?branch=trunk")).await.expect(200);
    assert_eq!(commits.body["commits"][0]["author_name"], "A", "{}", commits.body);
    assert_eq!(refusal(&app.admin().get(&format!("{item}commits/?branch=none")).await), (400, 105));
    let listed = app.admin().get(&format!("{LIST}?path={private}&only-fields=name&only-links=")).await.expect(200);
    assert_eq!(listed.body["repositories"], json!([{"name": "renamed"}]));
    assert!(!Value::from(app.items().await).to_string().contains(GIT_TOKEN));
}
