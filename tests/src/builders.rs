//! What most tests need first: a repository with an enabled robot and a rule, and a signed webhook for it.

use crate::event::Event;
use crate::{Answer, Client, TestApp};
use repoplane_domain::product::{CodeRepo, SaidGit, SaveProduct};
use repoplane_domain::repository::{CreateRepository, RemotePlace};
use repoplane_domain::secret::Secret;
use repoplane_local::double::MODEL_KEY;
use repoplane_store::KeptAnswer;
use serde_json::{Value, json};

/// GitHub's own example of an opened issue, unchanged.
pub const GITHUB_ISSUES_OPENED: &str = "github/issues/opened.json";
/// An opened issue after GitLab's reference.
pub const GITLAB_ISSUE_OPENED: &str = "gitlab/issue/open.json";

/// A provider's payload, as text.
pub fn fixture(path: &str) -> String {
    let path = format!("{}/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The value of `x-hub-signature-256` (GitHub: validating webhook deliveries).
pub fn github_signature(secret: &str, body: &[u8]) -> String {
    let mac = Secret::new(secret).hmac_sha256(&[body]);
    format!("sha256={}", hex::encode(mac))
}

/// A registered repository with its webhook.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Its id.
    pub repo: String,
    /// `/api/repos/{id}`.
    pub path: String,
    /// The webhook's path.
    pub webhook: String,
    /// The webhook's secret.
    pub secret: String,
    provider: &'static str,
}

impl Hook {
    /// Registers a repository that GitHub's example payloads speak of (`Codertocat/Hello-World`).
    pub async fn github(app: &TestApp) -> Self {
        let base = app.double.as_ref().map_or(Value::Null, |double| json!(double.github()));
        Self::register(app, "github", json!({"name": "Codertocat/Hello-World", "apiBaseUrl": base})).await
    }

    /// Registers a repository at the double, with a Git profile `bot` and a model profile `team` if there is a token.
    pub async fn at_double(app: &TestApp, provider: &'static str, name: &str, token: Option<&str>) -> Self {
        let double = app.double.as_ref().expect("a double");
        let base = if provider == "github" { double.github() } else { double.gitlab() };
        let body = json!({"name": format!("{name} at {provider}"), "externalId": name, "apiBaseUrl": base});
        let hook = Self::register(app, provider, body).await;
        if let Some(token) = token {
            hook.add_credentials(app, token).await;
        }
        hook
    }

    /// Registers a project that the GitLab payloads of the fixtures speak of.
    pub async fn gitlab(app: &TestApp) -> Self {
        let payload: Value = serde_json::from_str(&fixture(GITLAB_ISSUE_OPENED)).expect("JSON");
        Self::register(app, "gitlab", json!({"name": payload["project"]["path_with_namespace"]})).await
    }

    /// Registers a repository with any other fields.
    pub async fn register(app: &TestApp, provider: &'static str, mut body: Value) -> Self {
        body["provider"] = json!(provider);
        let created = app.admin().post("/api/repos", body).await.expect(201);
        let repo = created.text("/repo/id");
        Self {
            path: format!("/api/repos/{repo}"),
            webhook: created.text("/webhookPath"),
            secret: created.text("/webhookSecret"),
            repo,
            provider,
        }
    }

    /// Makes the webhook of an organisation or a group; it has no repository, and its path is that of its record.
    pub async fn organisation(app: &TestApp, body: Value) -> Self {
        Self::organisation_by(&app.admin(), body).await
    }

    /// As [`Hook::organisation`], by an administrator of any tenant.
    pub async fn organisation_by(administrator: &Client, body: Value) -> Self {
        let provider = if body["provider"] == "gitlab" { "gitlab" } else { "github" };
        let made = administrator.post("/api/webhook-hooks", body).await.expect(201);
        Self {
            repo: String::new(),
            path: format!("/api/webhook-hooks/{}", made.text("/hook/id")),
            webhook: made.text("/webhookPath"),
            secret: made.text("/webhookSecret"),
            provider,
        }
    }

    /// The hook of a GitHub repository that was registered before.
    pub fn of_github(repo: &str, secret: &str) -> Self {
        Self {
            repo: repo.to_owned(),
            path: format!("/api/repos/{repo}"),
            webhook: format!("/api/webhook/github/{repo}"),
            secret: secret.to_owned(),
            provider: "github",
        }
    }

    /// The same hook, signing with another secret.
    #[must_use]
    pub fn with_secret(&self, secret: &str) -> Self {
        Self { secret: secret.to_owned(), ..self.clone() }
    }

    /// Adds a git profile `bot` and a model profile `team`.
    pub async fn add_credentials(&self, app: &TestApp, git_token: &str) {
        // A key for the double, so that no test asks a real provider.
        let base = app.double.as_ref().map(|double| format!("{}/openai/v1", double.origin()));
        let team = json!({"id": "team", "remark": "team", "apiKey": MODEL_KEY, "apiBaseUrl": base});
        let body = json!({
            "repoProviderCredential": {"profiles": [{"id": "bot", "remark": "bot", "token": git_token}]},
            "modelProviderCredential": {"codex": {"profiles": [team]}},
        });
        app.admin().patch(&self.path, body).await.expect(200);
    }

    /// Attaches a robot that uses the profiles of [`Hook::add_credentials`]; it is not enabled yet.
    pub async fn add_robot(&self, app: &TestApp, name: &str) -> String {
        let body = json!({
            "name": name,
            "promptDefault": "Look at {{issue.title}}",
            "repoCredentialSource": "repo",
            "repoCredentialProfileId": "bot",
            "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
        });
        app.admin().post(&format!("{}/robots", self.path), body).await.expect(201).text("/robot/id")
    }

    /// Enables a robot the only way there is: its test passes at the provider double.
    pub async fn enable(&self, app: &TestApp, robot: &str) {
        let tested = app.admin().post(&format!("{}/robots/{robot}/test", self.path), Value::Null).await.expect(200);
        assert_eq!(tested.body["ok"], true, "{}", tested.body);
    }

    /// Stores one rule for one event type.
    pub async fn add_rule(&self, app: &TestApp, event: &str, robot: &str, matching: Value) {
        let mut rule = json!({"name": "test rule", "actions": [{"robotId": robot}]});
        if !matching.is_null() {
            rule["match"] = matching;
        }
        let body = json!({"config": {"version": 2, "events": {event: {"rules": [rule]}}}});
        app.admin().put(&format!("{}/automation", self.path), body).await.expect(200);
    }

    /// Repository, credentials, one enabled robot, and a rule for every issue. The application needs a double.
    pub async fn ready(app: &TestApp) -> (Self, String) {
        let double = app.double.as_ref().expect("a provider double");
        let body = json!({"name": "Codertocat/Hello-World", "apiBaseUrl": double.github()});
        let hook = Self::register(app, "github", body).await;
        hook.add_credentials(app, repoplane_local::double::WRITE_TOKEN).await;
        let robot = hook.add_robot(app, "Triage").await;
        hook.enable(app, &robot).await;
        // The example payloads come from github.com.
        app.admin().patch(&hook.path, json!({"apiBaseUrl": null})).await.expect(200);
        hook.add_rule(app, "issue", &robot, Value::Null).await;
        (hook, robot)
    }

    /// A signed event for this hook.
    pub fn event(&self, event: &str, guid: &str, body: &str) -> Event {
        let post = Event::new("POST", &self.webhook).header("content-type", "application/json");
        let post = match self.provider {
            "github" => post
                .header("x-github-event", event)
                .header("x-github-delivery", guid)
                .header("x-hub-signature-256", &github_signature(&self.secret, body.as_bytes())),
            _ => post
                .header("x-gitlab-event", event)
                .header("x-gitlab-event-uuid", guid)
                .header("x-gitlab-token", &self.secret),
        };
        post.body(body)
    }

    /// Posts a signed event.
    pub async fn post(&self, app: &TestApp, event: &str, guid: &str, body: &str) -> Answer {
        app.anonymous().send(self.event(event, guid, body)).await
    }

    /// Posts a signed event that wakes nobody; no two are alike.
    pub async fn ping(&self, app: &TestApp, guid: &str) -> Answer {
        let repository = match self.provider {
            "github" => fixture(GITHUB_ISSUES_OPENED),
            _ => fixture(GITLAB_ISSUE_OPENED),
        };
        let mut body: Value = serde_json::from_str(&repository).expect("JSON");
        body["zen"] = json!(guid);
        self.post(app, "ping", guid, &body.to_string()).await
    }

    /// The repository's tasks, newest first.
    pub async fn tasks(&self, client: &Client) -> Vec<Value> {
        let answer = client.get(&format!("{}/tasks", self.path)).await.expect(200);
        answer.body["tasks"].as_array().cloned().unwrap_or_default()
    }

    /// The repository's deliveries, newest first.
    pub async fn deliveries(&self, client: &Client) -> Vec<Value> {
        let answer = client.get(&format!("{}/webhook-deliveries", self.path)).await.expect(200);
        answer.body["deliveries"].as_array().cloned().unwrap_or_default()
    }
}

impl TestApp {
    /// A repository of a product, which is made if it is not there, and its id.
    pub async fn code_repo(&self, product: &str, name: &str, remote: &str) -> String {
        let place = RemotePlace { remote_url: Some(remote.to_owned()), ..RemotePlace::default() };
        let code = CodeRepo {
            project: String::new(),
            webhook_events: Vec::new(),
            deployment_runtime: false,
            pipeline_runtime: false,
            display_name: name.to_owned(),
            visibility: None,
            provisioned: None,
        };
        let command = CreateRepository::in_product(product, name.to_owned(), place, code);
        let principal = self.admin_principal().await;
        let save = SaveProduct { git: Some(SaidGit::default()) };
        let (store, now) = (self.store(), self.app().now());
        store.save_product(&principal, product, &save, "https://git.example", now).await.expect("a product");
        let kept = |_: &_| KeptAnswer::ok(serde_json::Value::Null);
        let made = self.store().create_repository(&principal, command, None, self.app().now(), kept).await;
        made.expect("a repository").repository.id.to_string()
    }
}
