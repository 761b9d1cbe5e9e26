//! What a recording was made in: people, repositories, hosts that answer, and the state of all of them.

use super::recording::Recording;
use base64::Engine as _;
use repoplane_api::RateLimits;
use repoplane_api::app::Settings;
use repoplane_tests::git_server::{GIT_SERVERS, GitServer, Repositories};
use repoplane_tests::ssh_server::{SshServer, SshServerKind, ssh_key};
use repoplane_tests::{ADMIN_TOKEN, Answer, Event, TestApp};
use russh::MethodKind;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where the recorded server was.
const PUBLIC_URL: &str = "http://reviews.example.com";
/// The name of the server that has what lay on the recorded server's disk.
const DISK: &str = "srv.example.com";
/// The paths there that hold a repository.
const ON_DISK: [&str; 5] = ["demo", "second", "closed", "temp", "other"];
/// A port of loopback at which nobody answers.
const NOBODY: &str = "127.0.0.1:9";
/// Longer than an instance remembers whether a tenant is suspended.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// How often an address may fail to log in, as on the recorded server.
const LOGINS: u32 = 5;

/// Something that was done before a request was recorded.
pub(super) enum Step {
    /// A repository of Git is made with these fields, and has this number.
    Make(u64, &'static [(&'static str, &'static str)]),
    /// One is changed.
    Change(u64, &'static [(&'static str, &'static str)]),
    /// One is deleted.
    Delete(u64),
    /// Numbers up to this one are used up.
    UseUp(u64),
    /// Something outside refers to one.
    Refer(u64),
    /// The ssh host has another key.
    OtherHostKey,
    /// Who has no token belongs nowhere.
    RequireLogin,
    /// The API does not know where it is.
    ForgetPublicUrl,
    /// Nothing may be changed.
    ReadOnly,
    /// Logins have failed so often.
    FailLogins(usize),
}

/// Recorded addresses, and what stands for them here.
struct Places(Vec<(String, String)>);

impl Places {
    /// A text with the addresses of this side.
    fn here(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (recorded, here)| replaced(&text, recorded, here))
    }

    /// A text with the recorded addresses.
    fn recorded(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (recorded, here)| replaced(&text, here, recorded))
    }
}

/// Replaces an address, as it stands and as it stands in a query.
fn replaced(text: &str, from: &str, to: &str) -> String {
    let quoted = |text: &str| text.replace(':', "%3A").replace('/', "%2F").replace('@', "%40");
    text.replace(from, to).replace(&quoted(from), &quoted(to))
}

/// A registry like the recorded one.
pub(super) struct Stage {
    app: TestApp,
    settings: Settings,
    places: Places,
    ssh: SshServer,
    /// Tokens by who has them.
    tokens: BTreeMap<&'static str, String>,
    /// Its folder goes with it.
    _repositories: Repositories,
}

impl Stage {
    /// One without repositories; `None` where Git is not installed and need not be.
    pub(super) async fn empty() -> Option<Self> {
        let repositories = Repositories::new()?;
        for name in ON_DISK {
            repositories.filled(&format!("{name}.git"));
        }
        let disk = GitServer::start(repositories.root(), GIT_SERVERS[0]).await;
        let by_password = SshServerKind { methods: vec![MethodKind::Password], ..SshServerKind::default() };
        let ssh = SshServer::start(repositories.root(), by_password).await;
        let allowed = format!("{DISK}={} {} {NOBODY}", disk.address, ssh.address);
        let app = TestApp::start().await.reaching(&allowed);
        let places = Places(vec![
            // What is called private wants a login at the Git server; the recorded one was not public, and no more.
            ("/srv/git/private.git".to_owned(), format!("https://{DISK}/closed.git")),
            ("/srv/git/".to_owned(), format!("https://{DISK}/")),
            ("ssh://git@git.example.com/".to_owned(), ssh.url(&format!("{}/", repositories.root().display()))),
            ("http://git.example.com:9/".to_owned(), format!("http://{NOBODY}/")),
        ]);
        let alice = app.person("alice").await.token;
        let tool = async |scopes: Value| {
            app.admin().token(json!({"name": "tool", "kind": "integration", "scopes": scopes})).await
        };
        let tokens = BTreeMap::from([
            ("admin", ADMIN_TOKEN.to_owned()),
            ("alice", alice),
            ("oauthread", tool(json!(["repos:read"])).await),
            ("oauthall", tool(json!(["repos:read", "repos:write"])).await),
        ]);
        let settings = Settings {
            public_url: Some(PUBLIC_URL.to_owned()),
            anonymous_tenant: Some(app.admin_principal().await.tenant),
            ..Settings::default()
        };
        Some(Self { app, settings, places, ssh, tokens, _repositories: repositories })
    }

    /// Does what was done before a request, as the superuser.
    pub(super) async fn take(&mut self, step: &Step) {
        match step {
            Step::Make(number, fields) => {
                let made = self.write("POST", "/api/repositories/", fields).await.expect(201);
                assert_eq!(made.body["repository"]["id"], *number, "{}", made.body);
            }
            Step::Change(number, fields) => {
                self.write("PUT", &item(*number), fields).await.expect(200);
            }
            Step::Delete(number) => {
                self.write("DELETE", &item(*number), &[]).await.expect(204);
            }
            Step::UseUp(last) => {
                let fields = [("name", "Filler"), ("tool", "Git"), ("path", "/srv/git/filler.git"), ("visible", "0")];
                loop {
                    let made = self.write("POST", "/api/repositories/", &fields).await.expect(201);
                    let number = made.body["repository"]["id"].as_u64().expect("a number");
                    assert!(number <= *last, "{number} was to be left for others");
                    self.write("DELETE", &item(number), &[]).await.expect(204);
                    if number == *last {
                        break;
                    }
                }
            }
            Step::Refer(number) => {
                let all = self.app.admin().get("/api/repos").await.expect(200).body;
                let mut all = all["repos"].as_array().into_iter().flatten();
                let one = all.find(|repo| repo["number"] == *number).expect("the repository");
                let path = format!("/api/repos/{}", one["id"].as_str().expect("its id"));
                self.app.admin().patch(&path, json!({"externalReferences": 1})).await.expect(200);
            }
            Step::OtherHostKey => self.ssh.show(&[ssh_key(2)]),
            Step::RequireLogin => self.settings.anonymous_tenant = None,
            Step::ForgetPublicUrl => self.settings.public_url = None,
            Step::ReadOnly => {
                let tenant = self.app.admin_principal().await.tenant;
                let path = format!("/api/tenants/{tenant}");
                self.app.admin().patch(&path, json!({"suspended": true})).await.expect(200);
                self.app.clock.advance(FORGOTTEN);
            }
            Step::FailLogins(times) => {
                self.app = self.app.with_limits(RateLimits::off().with_failed_logins(Some(LOGINS)));
                let event =
                    Event::new("GET", "/api/").header("authorization", &self.authorization("basic:admin-badpw"));
                for _ in 0..*times {
                    self.send(event.clone()).await.expect(401);
                }
            }
        }
    }

    /// Sends a recorded request. Gives the answer, its body with the recorded addresses, and what a conditional request
    /// knew of it.
    pub(super) async fn play(&self, recording: &Recording) -> (Answer, Value, Option<String>) {
        let mut event = Event::new(recording.method(), &self.places.here(recording.target()));
        for (name, value) in recording.request_headers() {
            event = event.header(name, value);
        }
        if recording.auth().contains(':') {
            event = event.header("authorization", &self.authorization(recording.auth()));
        }
        event = match recording.raw_body() {
            Some(body) => event.body(self.places.here(body)),
            None => event.body(self.encoded(&recording.form())),
        };
        let known = match recording.status() {
            304 => {
                let unconditional = Event::new(recording.method(), &self.places.here(recording.target()));
                Some(self.send(unconditional).await.expect(200).etag())
            }
            _ => None,
        };
        if let Some(tag) = &known {
            event = event.header("if-none-match", tag);
        }
        let answer = self.send(event).await;
        let text = self.places.recorded(&String::from_utf8_lossy(&answer.bytes));
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        (answer, body, known)
    }

    /// Every item of the table.
    pub(super) async fn items(&self) -> Vec<Value> {
        self.app.items().await
    }

    /// Sends a form as the superuser.
    async fn write(&self, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
        let event = Event::new(method, target).header("content-type", "application/x-www-form-urlencoded");
        let event = event.header("authorization", &self.authorization("token:admin"));
        self.send(event.body(self.encoded(fields))).await
    }

    async fn send(&self, event: Event) -> Answer {
        self.app.with_settings(self.settings.clone()).anonymous().send(event).await
    }

    fn encoded(&self, fields: &[(&str, &str)]) -> String {
        let fields = fields.iter().map(|(name, value)| (*name, self.places.here(value)));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    }

    /// The header by which somebody asks; passwords are tokens here.
    fn authorization(&self, auth: &str) -> String {
        let (way, who) = auth.split_once(':').expect("a way and a name");
        let token = self.tokens.get(who).map_or("rpt_of-nobody", String::as_str);
        match way {
            "basic" => {
                let pair = format!("{}:{token}", who.trim_end_matches("-badpw"));
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
            }
            "bearer" => format!("Bearer {token}"),
            other => format!("{other} {token}"),
        }
    }
}

fn item(number: u64) -> String {
    format!("/api/repositories/{number}/")
}
