//! Examples for the document: real answers of the real routers, recorded while the main job and its neighbours are played.
//!
//! Clock and ids are counted, so that every run records the same. What is random all the same (tokens, webhook secrets,
//! the double's port) is replaced by fixed texts.

mod platforms;

use crate::conformance::{check, escaped, mended, template};
use crate::{Answer, Client, Event, TestApp, github_signature};
use repoplane_local::double::{ADMIN_TOKEN, MODEL_KEY, WRITE_TOKEN};
use serde_json::{Value, json};

/// Where the story's bootstrap token lies.
pub(crate) const BOOTSTRAP_SECRET: &str = "repoplane/bootstrap";

/// One recorded call.
struct Example {
    /// The operation's place in the document.
    operation: String,
    /// A sentence for people.
    summary: String,
    request: Option<Value>,
    status: u16,
    response: Value,
}

/// Plays the story and puts what was said into the document.
pub(crate) async fn add_examples(document: &mut Value) {
    for example in play().await {
        add(document, example);
    }
}

fn add(document: &mut Value, example: Example) {
    let name = example.summary.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let shown = |value: Value| json!({"summary": example.summary, "value": value});
    let operation = document.pointer_mut(&example.operation).expect("the operation was found before");
    let succeeded = (200..300).contains(&example.status);
    if let Some(request) = example.request
        && succeeded
    {
        operation["requestBody"]["content"]["application/json"]["examples"][&name] = shown(request);
    }
    if example.response.is_null() {
        return;
    }
    let media = if succeeded { "application/json" } else { "application/problem+json" };
    let mut place = format!("{}/responses/{}", example.operation, example.status);
    if let Some(target) = document.pointer(&place).and_then(|answer| answer["$ref"].as_str()) {
        place = target.trim_start_matches('#').to_owned();
    }
    let answer = document.pointer_mut(&place).expect("the status is declared");
    let media = if answer["content"].get(media).is_some() { media } else { "*/*" };
    answer["content"][media]["examples"][&name] = shown(example.response);
}

struct Story {
    app: TestApp,
    examples: Vec<Example>,
}

impl Story {
    /// Sends an event and keeps what was said.
    async fn send(&mut self, client: &Client, summary: &str, event: Event) -> Answer {
        let json = event.json();
        let text = |pointer: &str| json.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (method, path) = (text("/requestContext/http/method"), text("/rawPath"));
        let route = template(&mended(&path)).unwrap_or_else(|| panic!("{path} is not in the document"));
        let operation = format!("/paths/{}/{}", escaped(route), method.to_ascii_lowercase());
        let answer = client.send(event.clone().header("x-request-id", "example")).await;
        let request = event.json_body();
        if let Some(request) = &request
            && answer.status.is_success()
        {
            let schema = format!("{operation}/requestBody/content/application~1json/schema");
            check(&schema, request)
                .unwrap_or_else(|error| panic!("{summary}: the request is not as documented: {error}"));
        }
        let double = self.app.double.as_ref().expect("the double").origin();
        let status = answer.status.as_u16();
        self.examples.push(Example {
            operation,
            summary: summary.to_owned(),
            request: request.map(|body| steady(body, &double)),
            status,
            response: steady(answer.body.clone(), &double),
        });
        answer
    }

    async fn call(&mut self, client: &Client, summary: &str, method: &str, path: &str, body: Value) -> Answer {
        let event = Event::new(method, path);
        let event = if body.is_null() {
            event
        } else {
            event.header("content-type", "application/json").body(body.to_string())
        };
        self.send(client, summary, event).await
    }
}

/// Rows of a list that an example shows at most.
const MAX_ROWS: usize = 25;

/// Replaces what no two runs share.
fn steady(value: Value, double: &str) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(key, value)| {
                let value = match (key.as_str(), value) {
                    ("webhookSecret", Value::String(_)) => json!("f0843c7fdc2a1d4be0a1a7c96d3e88c0b4be3a2f9d6e5568"),
                    ("prefix", Value::String(text)) if text.starts_with("rpt_") => json!("rpt_7Kq2"),
                    ("prefix", Value::String(text)) if text.starts_with("sk_int_") => json!("sk_int_7Kq2"),
                    // It is bound to the query, and with it to the double's port.
                    ("nextCursor", Value::String(_)) => json!("eyJxIjoiNjE2Mzc0MTIyMDE2OTlhNiIsInAiOiJnMiJ9"),
                    ("durationMs", Value::Number(_)) => json!(4.2),
                    ("commit", Value::String(text)) if text.len() == 12 => json!("2cb0896a1f7e"),
                    (_, value) => steady(value, double),
                };
                (key, value)
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.into_iter().take(MAX_ROWS).map(|item| steady(item, double)).collect(),
        Value::String(text) if text.starts_with("-----BEGIN PGP") => {
            json!(text.lines().next().unwrap_or_default())
        }
        Value::String(text) if text.starts_with("rpp_") => json!("rpp_Zm9yIGEgcXVhcnRlciBvZiBhbiBob3Vy"),
        Value::String(text) if text.starts_with("rpt_") && text.len() > 30 => {
            json!("rpt_7Kq2v9sYf3kPz0bXw4mQeR8tUaLcNdHgJ1oViS6Ex5A")
        }
        Value::String(text) if text.starts_with("sk_int_") && text.len() > 30 => {
            json!("sk_int_7Kq2v9sYf3kPz0bXw4mQeR8tUaLcNdHgJ1oViS6Ex5A")
        }
        Value::String(text) => json!(
            text.replace(&format!("{double}/github"), "https://github.example.com")
                .replace(double, "https://git.example.com")
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// The story: every operation answers at least once, and the usual mistakes are made.
async fn play() -> Vec<Example> {
    let app = TestApp::repeatable().await;
    let vault = app.line.secrets_manager();
    vault.create_secret().name(BOOTSTRAP_SECRET).secret_string("boot-strap-token").send().await.expect("a secret");
    let mut story = Story { app: app.clone(), examples: Vec::new() };
    let anyone = app.anonymous();
    for (summary, path) in
        [("Links", "/"), ("Alive", "/health"), ("What was deployed", "/version"), ("All types", "/problems")]
    {
        story.call(&anyone, summary, "GET", path, Value::Null).await.expect(200);
    }
    story.call(&anyone, "A conflict", "GET", "/problems/conflict", Value::Null).await.expect(200);

    let body = json!({"tenant": "acme", "username": "ann", "displayName": "Ann", "email": "ann@example.com"});
    let holder = app.client("boot-strap-token");
    let made = story.call(&holder, "The first tenant", "POST", "/api/bootstrap", body.clone()).await.expect(201);
    story.call(&holder, "A second time", "POST", "/api/bootstrap", body).await.expect(409);
    let (ann, operator) = (app.client(made.text("/token")), app.client(made.text("/operatorToken")));

    let login = json!({"username": "ann", "password": made.text("/token")});
    story.call(&anyone, "A token as the password", "POST", "/api/auth/login", login).await.expect(200);
    let login = json!({"username": "ann", "password": "guess"});
    story.call(&anyone, "A wrong one", "POST", "/api/auth/login", login).await.expect(401);
    story.call(&ann, "A person", "GET", "/api/me", Value::Null).await.expect(200);
    story.call(&anyone, "No token", "GET", "/api/me", Value::Null).await.expect(401);
    story.call(&ann, "All is well", "GET", "/health/deep", Value::Null).await.expect(200);
    access(&mut story, &ann, &operator).await;
    let repo = repositories(&mut story, &ann).await;
    main_job(&mut story, &ann, &repo).await;
    ends(&mut story, &ann, &repo).await;
    credentials(&mut story, &ann).await;
    issuers(&mut story, &ann).await;
    trusted_hosts(&mut story, &ann).await;
    organisations(&mut story, &ann).await;
    nautes(&mut story, &ann).await;
    products(&mut story, &ann).await;
    shiftagent(&mut story, &ann).await;
    providers(&mut story, &ann).await;
    let items = json!([
        {"provider": "gitlab", "name": "acme/tools", "externalId": "16"},
        {"provider": "github", "name": "tools", "remoteUrl": "git@git.example.com:tools.git"},
        {"provider": "gitlab", "name": "acme/moon", "timezone": "Moon/Tranquility"},
    ]);
    // The second is the one that the story begins with.
    let body = json!({"repositories": items});
    story.call(&ann, "A new, a known and a wrong one", "POST", "/api/repos/import", body).await.expect(200);
    platforms::platforms(&mut story, &ann).await;
    let lost = json!({"username": "ann"});
    let recover = "/api/bootstrap/recover";
    story.call(&holder, "With the token that bootstrapped", "POST", recover, lost.clone()).await.expect(409);
    vault.put_secret_value().secret_id(BOOTSTRAP_SECRET).secret_string("another-token").send().await.expect("a value");
    let holder = app.client("another-token");
    story.call(&holder, "Tokens are lost", "POST", recover, lost).await.expect(200);
    story.examples
}

/// Credentials of an account and of the tenant.
async fn credentials(story: &mut Story, ann: &Client) {
    let own = json!({"github": {"profiles": [{"id": "ann", "remark": "Ann's", "token": WRITE_TOKEN}]}});
    story.call(ann, "A token of one's own", "PATCH", "/api/credentials/me", own).await.expect(200);
    story.call(ann, "All providers", "GET", "/api/credentials/me", Value::Null).await.expect(200);
    let wrong = json!({"github": {"profiles": [{"id": "new", "tokenKind": "deploy"}]}});
    story.call(ann, "A kind of another provider", "PATCH", "/api/credentials/me", wrong).await.expect(400);
    let template =
        json!({"id": "acme", "remark": "all of acme", "token": WRITE_TOKEN, "urlPrefix": "https://github.com/acme/"});
    let body = json!({"github": {"profiles": [template]}});
    story.call(ann, "A template", "PATCH", "/api/credentials/global", body).await.expect(200);
    story.call(ann, "All providers", "GET", "/api/credentials/global", Value::Null).await.expect(200);
}

/// What is asked of a repository's provider.
async fn providers(story: &mut Story, ann: &Client) {
    let double = story.app.double.clone().expect("a double");
    let body = json!({
        "provider": "github", "name": "public/widgets", "externalId": "public/widgets", "apiBaseUrl": double.github(),
    });
    let made = ann.post("/api/repos", body).await.expect(201);
    let path = format!("/api/repos/{}", made.text("/repo/id"));
    let meta = format!("{path}/provider-meta");
    story.call(ann, "No token of one's own for this address", "GET", &meta, Value::Null).await.expect(400);
    let team = json!({"id": "team", "remark": "the team", "apiKey": MODEL_KEY, "apiBaseUrl": format!("{}/openai/v1", double.origin())});
    let body = json!({
        "repoProviderCredential": {"profiles": [{"id": "bot", "remark": "the bot", "token": ADMIN_TOKEN}]},
        "modelProviderCredential": {"codex": {"profiles": [team]}},
    });
    ann.patch(&path, body).await.expect(200);
    let of_repo = format!("{meta}?credentialSource=repo");
    story.call(ann, "As the repository's bot sees it", "GET", &of_repo, Value::Null).await.expect(200);
    let activity = format!("{path}/provider-activity?pageSize=1");
    story.call(ann, "What anyone sees", "GET", &activity, Value::Null).await.expect(200);
    let validate = format!("{path}/validate");
    story.call(ann, "By the registry's own access", "POST", &validate, json!({})).await.expect(200);
    let hook = format!("{path}/provider-hook");
    story.call(ann, "Not there yet", "GET", &hook, Value::Null).await.expect(200);
    story.call(ann, "Set up", "POST", &hook, json!({})).await.expect(200);
    story.call(ann, "Removed", "DELETE", &hook, Value::Null).await.expect(200);
    let models = format!("{path}/model-credentials/models");
    story.call(ann, "By the repository's key", "POST", &models, json!({"provider": "codex"})).await.expect(200);
    story.call(ann, "No key", "POST", &models, json!({"provider": "gemini_cli"})).await.expect(400);
    ann.patch("/api/credentials/me", double.own_token(ADMIN_TOKEN)).await.expect(200);
    let listed = format!("/api/providers/github/repositories?owner=acme&apiBaseUrl={}", double.github());
    story.call(ann, "Those of an organisation", "GET", &listed, Value::Null).await.expect(200);
}

/// A product that is connected to its Git server.
async fn products(story: &mut Story, ann: &Client) {
    let product = "/api/products/shop";
    ann.post("/api/v1/products/shop", json!({"git": {}})).await.expect(200);
    let body = json!({"name": "project maker", "type": "git_pat", "secret": ADMIN_TOKEN});
    let credential = ann.post("/credentials", body).await.expect(201).text("/id");
    let connection = json!({"provider": "gitlab", "owner": "acme/shop", "credentialId": credential});
    let body = json!({"baseUrl": "https://gitlab.com", "connection": connection});
    story.call(ann, "Connected to a group", "PATCH", product, body).await.expect(200);
    let wrong = json!({"connection": {"provider": "git", "owner": "acme", "credentialId": credential}});
    story.call(ann, "No such provider", "PATCH", product, wrong).await.expect(400);
    story.call(ann, "All products", "GET", "/api/products", Value::Null).await.expect(200);
    story.call(ann, "One product", "GET", product, Value::Null).await.expect(200);
    story.call(ann, "No such product", "GET", "/api/products/absent", Value::Null).await.expect(404);
}

/// Webhooks of an organisation and of a group.
async fn organisations(story: &mut Story, ann: &Client) {
    let hooks = "/api/webhook-hooks";
    let anyone = story.app.anonymous();
    let body = json!({"provider": "github", "owner": "acme", "description": "All of acme"});
    let made = story.call(ann, "All repositories of an organisation", "POST", hooks, body).await.expect(201);
    let wrong = json!({"provider": "git"});
    story.call(ann, "No such provider", "POST", hooks, wrong).await.expect(400);
    story.call(ann, "All webhooks of organisations", "GET", hooks, Value::Null).await.expect(200);
    let path = format!("{hooks}/{}", made.text("/hook/id"));
    story.call(ann, "One webhook", "GET", &path, Value::Null).await.expect(200);
    story.call(ann, "A narrower owner", "PATCH", &path, json!({"owner": "acme-tools"})).await.expect(200);

    let ping = json!({"zen": "Design for failure.", "hook_id": 1}).to_string();
    let event = Event::new("POST", &made.text("/webhookPath"))
        .header("content-type", "application/json")
        .header("x-github-event", "ping")
        .header("x-hub-signature-256", &github_signature(&made.text("/webhookSecret"), ping.as_bytes()))
        .body(ping);
    story.send(&anyone, "A ping of the organisation", event).await.expect(202);
    let body = json!({"provider": "gitlab", "owner": "acme"});
    let group = ann.post(hooks, body).await.expect(201);
    let event = Event::new("POST", &group.text("/webhookPath"))
        .header("content-type", "application/json")
        .header("x-gitlab-event", "Subgroup Hook")
        .header("x-gitlab-token", &group.text("/webhookSecret"))
        .body(json!({"event_name": "subgroup_create", "group_id": 9}).to_string());
    story.send(&anyone, "An event of the group itself", event).await.expect(202);

    let rotate = format!("{path}/secret/rotate");
    story.call(ann, "With an overlap", "POST", &rotate, json!({"overlapSeconds": 3600})).await.expect(200);
    story.call(ann, "Gone", "DELETE", &path, Value::Null).await.expect(200);
}

/// OpenID Connect issuers.
async fn issuers(story: &mut Story, ann: &Client) {
    let issuers = "/api/issuers";
    let body = json!({
        "issuer": "https://login.example.com", "audiences": ["repoplane"], "scopes": ["repos:read", "tasks:write"],
    });
    let made = story.call(ann, "The company's own", "POST", issuers, body.clone()).await.expect(201);
    story.call(ann, "Taken", "POST", issuers, body).await.expect(409);
    let wrong = json!({"issuer": "http://login.example.com", "audiences": [], "scopes": ["admin"]});
    story.call(ann, "Three wrong fields", "POST", issuers, wrong).await.expect(400);
    story.call(ann, "All issuers", "GET", issuers, Value::Null).await.expect(200);
    let path = format!("{issuers}/{}", made.text("/issuer/id"));
    story.call(ann, "One issuer", "GET", &path, Value::Null).await.expect(200);
    let narrower = json!({"algorithms": ["ES256"], "userClaim": "email"});
    story.call(ann, "Users by their e-mail addresses", "PATCH", &path, narrower).await.expect(200);
    story.call(ann, "Gone", "DELETE", &path, Value::Null).await.expect(200);
}

/// Hosts that are trusted by themselves.
async fn trusted_hosts(story: &mut Story, ann: &Client) {
    let hosts = "/api/trusted-hosts";
    let (ssh, https) = (format!("{hosts}/git.example.com:22"), format!("{hosts}/git.example.com:443"));
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    story.call(ann, "The key of an ssh server", "PUT", &ssh, json!({"key": key})).await.expect(200);
    let certificate = json!({"certificateSha256": "5d".repeat(32)});
    story.call(ann, "A certificate", "PUT", &https, certificate).await.expect(200);
    story.call(ann, "No key at all", "PUT", &ssh, json!({"key": "ssh-ed25519 nonsense"})).await.expect(400);
    story.call(ann, "All hosts", "GET", hosts, Value::Null).await.expect(200);
    story.call(ann, "One host", "GET", &ssh, Value::Null).await.expect(200);
    story.call(ann, "Forgotten", "DELETE", &ssh, Value::Null).await.expect(200);
    story.call(ann, "Not known any more", "GET", &ssh, Value::Null).await.expect(404);
}

/// Users, tokens, tenants.
async fn access(story: &mut Story, ann: &Client, operator: &Client) {
    let body = json!({"username": "ben", "displayName": "Ben", "email": "ben@example.com"});
    let ben = story.call(ann, "A user", "POST", "/api/users", body.clone()).await.expect(201).text("/user/id");
    story.call(ann, "A taken name", "POST", "/api/users", body).await.expect(409);
    story.call(ann, "Everybody", "GET", "/api/users", Value::Null).await.expect(200);
    let path = format!("/api/users/{ben}");
    story.call(ann, "One user", "GET", &path, Value::Null).await.expect(200);
    story.call(ann, "Another name", "PATCH", &path, json!({"displayName": "Benjamin"})).await.expect(200);

    let body = json!({"name": "laptop", "scopes": ["repos:read", "tasks:read"], "expiresInDays": 30});
    let token = story.call(ann, "A token of one's own", "POST", "/api/access-tokens", body).await.expect(201);
    let body = json!({"name": "workers", "kind": "integration", "scopes": ["tasks:write"], "expiresInDays": 0});
    story.call(ann, "A token for a tool", "POST", "/api/access-tokens", body).await.expect(201);
    let wrong = json!({"name": "", "scopes": ["repos:all"]});
    story.call(ann, "Two wrong fields", "POST", "/api/access-tokens", wrong).await.expect(400);
    story.call(ann, "The caller's tokens", "GET", "/api/access-tokens", Value::Null).await.expect(200);
    let narrow = story.app.client(token.text("/token"));
    story.call(&narrow, "A missing scope", "POST", "/api/repos", json!({})).await.expect(403);
    let path = format!("/api/access-tokens/{}", token.text("/accessToken/id"));
    story.call(ann, "Revoked", "DELETE", &path, Value::Null).await.expect(200);

    let body = json!({"tenant": "globex", "username": "gil"});
    let tenant = story.call(operator, "A tenant", "POST", "/api/tenants", body).await.expect(201).text("/tenant/id");
    story.call(operator, "All tenants", "GET", "/api/tenants", Value::Null).await.expect(200);
    let path = format!("/api/tenants/{tenant}");
    story.call(operator, "One tenant", "GET", &path, Value::Null).await.expect(200);
    story.call(operator, "Suspended", "PATCH", &path, json!({"suspended": true})).await.expect(200);
}

/// The repository of the story.
struct Registered {
    path: String,
    id: String,
    secret: String,
    robot: String,
}

/// Records, members, credentials, robots, rules.
async fn repositories(story: &mut Story, ann: &Client) -> Registered {
    let github = story.app.double.as_ref().expect("the double").github();
    let body = json!({
        "provider": "github", "name": "acme/widgets", "externalId": "acme/widgets", "apiBaseUrl": github,
        "branches": [{"name": "main", "isDefault": true}],
    });
    let made = story.call(ann, "On GitHub", "POST", "/api/repos", body.clone()).await.expect(201);
    let (id, secret) = (made.text("/repo/id"), made.text("/webhookSecret"));
    let git = json!({"provider": "git", "name": "tools", "remoteUrl": "https://git.example.com/tools.git"});
    story.call(ann, "Any Git remote", "POST", "/api/repos", git).await.expect(201);
    story.call(ann, "A taken name", "POST", "/api/repos", body).await.expect(409);
    let wrong = json!({"provider": "svn", "colour": "red"});
    story.call(ann, "Three wrong fields", "POST", "/api/repos", wrong).await.expect(400);
    let path = format!("/api/repos/{id}");

    let body = json!({
        "repoProviderCredential": {"profiles": [{"id": "bot", "remark": "the bot", "token": WRITE_TOKEN}]},
        "modelProviderCredential": {"codex": {"profiles": [{"id": "team", "remark": "the team", "apiKey": "sk-example"}]}},
        "previewEnvConfig": {"entries": [{"key": "API_URL", "value": "https://api.example.com"}]},
    });
    story.call(ann, "Credentials", "PATCH", &path, body).await.expect(200);
    story.call(ann, "A note", "PATCH", &path, json!({"description": "Widgets of all kinds"})).await.expect(200);

    let members = format!("{path}/members");
    let added = story.call(ann, "By name", "POST", &members, json!({"username": "ben", "role": "member"})).await;
    let ben = format!("{members}/{}", added.expect(201).text("/member/userId"));
    story.call(ann, "Everybody", "GET", &members, Value::Null).await.expect(200);
    story.call(ann, "Promoted", "PATCH", &ben, json!({"role": "maintainer"})).await.expect(200);
    story.call(ann, "Gone", "DELETE", &ben, Value::Null).await.expect(200);

    let robots = format!("{path}/robots");
    let body = json!({
        "name": "Triage", "promptDefault": "Triage issue #{{issue.number}}: {{issue.title}}",
        "repoCredentialSource": "repo", "repoCredentialProfileId": "bot",
        "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
    });
    let robot =
        story.call(ann, "With profiles of the repository", "POST", &robots, body).await.expect(201).text("/robot/id");
    let one = format!("{robots}/{robot}");
    story.call(ann, "The language", "PATCH", &one, json!({"language": "en"})).await.expect(200);
    story.call(ann, "A pass", "POST", &format!("{one}/test"), Value::Null).await.expect(200);
    // The payloads of the story come from an address that is the same in every run.
    ann.patch(&path, json!({"apiBaseUrl": "https://github.example.com/api/v3"})).await.expect(200);
    story.call(ann, "One robot", "GET", &one, Value::Null).await.expect(200);
    story.call(ann, "All robots", "GET", &robots, Value::Null).await.expect(200);

    let automation = format!("{path}/automation");
    let body = json!({"config": {"version": 2, "events": {"issue": {"rules": [{
        "name": "Triage new issues",
        "match": {"all": [{"field": "event.subType", "op": "in", "values": ["created"]}]},
        "actions": [{"robotId": robot}],
    }]}}}});
    story.call(ann, "One rule", "PUT", &automation, body).await.expect(200);
    let wrong = json!({"config": {"version": 2, "events": {"issue": {"rules": [{"name": " ", "actions": []}]}}}});
    story.call(ann, "A rule without name and robot", "PUT", &automation, wrong).await.expect(400);
    story.call(ann, "One rule", "GET", &automation, Value::Null).await.expect(200);
    story.call(ann, "A robot that a rule names", "DELETE", &one, Value::Null).await.expect(409);
    Registered { path, id, secret, robot }
}

/// Webhook, deliveries, task.
async fn main_job(story: &mut Story, ann: &Client, repo: &Registered) {
    let anyone = story.app.anonymous();
    let payload = json!({
        "action": "opened",
        "issue": {"number": 7, "title": "Crash on start", "body": "It crashes when the config is empty."},
        "repository": {
            "id": 4711, "full_name": "acme/widgets", "html_url": "https://github.example.com/acme/widgets",
            "default_branch": "main",
        },
        "sender": {"login": "octocat", "id": 1, "type": "User"},
    });
    let post = |signature: &str| {
        Event::new("POST", &format!("/api/webhook/github/{}", repo.id))
            .header("content-type", "application/json")
            .header("x-github-event", "issues")
            .header("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
            .header("x-hub-signature-256", signature)
            .body(payload.to_string())
    };
    let signature = github_signature(&repo.secret, payload.to_string().as_bytes());
    let taken = story.send(&anyone, "A task", post(&signature)).await.expect(202);
    story.send(&anyone, "The same again", post(&signature)).await.expect(202);
    story.send(&anyone, "A wrong signature", post("sha256=00")).await.expect(401);

    let gitlab = "https://gitlab.example.com";
    let body = json!({"provider": "gitlab", "name": "acme/gadgets", "externalId": "15", "apiBaseUrl": gitlab});
    let other = ann.post("/api/repos", body).await.expect(201);
    let push = json!({
        "object_kind": "push", "ref": "refs/heads/main", "project_id": 15, "total_commits_count": 1,
        "project": {
            "id": 15, "path_with_namespace": "acme/gadgets", "web_url": format!("{gitlab}/acme/gadgets"),
            "default_branch": "main",
        },
        "commits": [{"id": "da1560886d4f094c3e6c9ef40349f7d38b5d27d7", "message": "Update the readme"}],
    });
    let event = Event::new("POST", &other.text("/webhookPath"))
        .header("content-type", "application/json")
        .header("x-gitlab-event", "Push Hook")
        .header("x-gitlab-token", &other.text("/webhookSecret"))
        .body(push.to_string());
    story.send(&anyone, "No robot yet", event).await.expect(202);

    let deliveries = format!("{}/webhook-deliveries", repo.path);
    story.call(ann, "Newest first", "GET", &deliveries, Value::Null).await.expect(200);
    story
        .call(ann, "A cursor of another list", "GET", &format!("{deliveries}?cursor=x"), Value::Null)
        .await
        .expect(400);
    let task = format!("/api/tasks/{}", taken.text("/tasks/0/id"));
    let looked = story.call(ann, "A waiting task", "GET", &task, Value::Null).await.expect(200);
    let delivery = format!("{deliveries}/{}", looked.text("/task/deliveryId"));
    story.call(ann, "With its steps", "GET", &delivery, Value::Null).await.expect(200);
    story.call(ann, "As it came", "GET", &format!("{delivery}/payload"), Value::Null).await.expect(200);
    story.call(ann, "One task", "GET", &format!("{}/tasks", repo.path), Value::Null).await.expect(200);
    let claim = format!("{task}/claim");
    let claimed = story.call(ann, "For ten minutes", "POST", &claim, json!({"worker": "laptop"})).await.expect(200);
    story.call(ann, "In other hands", "POST", &claim, json!({"worker": "desk"})).await.expect(409);
    let lease = claimed.text("/leaseId");
    let body = json!({"status": "succeeded", "leaseId": lease, "result": {"comment": "labelled as bug"}});
    story.call(ann, "Done", "PATCH", &task, body).await.expect(200);
    story.call(ann, "Once more", "POST", &format!("{task}/retry"), Value::Null).await.expect(200);
    story.call(ann, "Off the queue", "POST", &format!("{task}/cancel"), Value::Null).await.expect(200);
    story.call(ann, "By the rules of now", "POST", &format!("{delivery}/redeliver"), Value::Null).await.expect(201);
    story.call(ann, "The payload goes", "DELETE", &format!("{delivery}/content"), Value::Null).await.expect(200);
    let again = format!("{delivery}/redeliver");
    story.call(ann, "Without a payload", "POST", &again, Value::Null).await.expect(409);
    story.call(ann, "Refused ones", "GET", &format!("{deliveries}?result=rejected"), Value::Null).await.expect(200);
}

/// What a scan found, and a skill that can do more than before.
async fn skills(story: &mut Story, ann: &Client, repo: &Registered) {
    let id = repo.path.rsplit('/').next().unwrap_or_default().to_owned();
    let skill = story.app.escalated_skill(&id).await;
    let list = format!("{}/skills", repo.path);
    story.call(ann, "One that waits", "GET", &format!("{list}?status=escalated"), Value::Null).await.expect(200);
    let one = format!("{list}/{skill}");
    let seen = story.call(ann, "With what was added", "GET", &one, Value::Null).await.expect(200);
    let accept = format!("{one}/accept");
    story.call(ann, "Another version", "POST", &accept, json!({"version": "sha256:0"})).await.expect(409);
    let body = json!({"version": seen.text("/skill/version")});
    story.call(ann, "What was looked at", "POST", &accept, body).await.expect(200);
}

/// Nautes' API over the same registry.
async fn nautes(story: &mut Story, ann: &Client) {
    let (product, shop, web) =
        ("/api/v1/products/demo", "/api/v1/products/demo/projects/shop", "/api/v1/products/demo/coderepos/web");
    let git = json!({"gitlab": {"visibility": "private", "description": "A product"}});
    story.call(ann, "A new one", "POST", product, json!({"git": git})).await.expect(200);
    story.call(ann, "Nothing said", "POST", product, json!({})).await.expect(400);
    story.call(ann, "A new one", "POST", shop, json!({"language": "golang"})).await.expect(200);
    let body = json!({
        "project": "shop", "webhook": {"events": ["push_events"]}, "deployment_runtime": false, "pipeline_runtime": true,
        "git": {"gitlab": {"name": "web", "path": "web", "visibility": "private", "description": "shop front end"}},
    });
    story.call(ann, "With a project", "POST", web, body.clone()).await.expect(200);
    let mut unknown = body;
    unknown["project"] = json!("nothing");
    story.call(ann, "An unknown project", "POST", web, unknown).await.expect(400);
    story.call(ann, "Just saved", "GET", web, Value::Null).await.expect(200);
    let list = "/api/v1/products/demo/coderepos";
    story
        .call(ann, "Those of a project", "GET", &format!("{list}?field_selector=project=shop"), Value::Null)
        .await
        .expect(200);
    story
        .call(ann, "A wrong selector", "GET", &format!("{list}?field_selector=name=web"), Value::Null)
        .await
        .expect(400);
    story.call(ann, "All of them", "GET", "/api/v1/products", Value::Null).await.expect(200);
    story.call(ann, "With its place", "GET", product, Value::Null).await.expect(200);
    story.call(ann, "All of them", "GET", "/api/v1/products/demo/projects", Value::Null).await.expect(200);
    story.call(ann, "One of them", "GET", shop, Value::Null).await.expect(200);
    story.call(ann, "Still named", "DELETE", shop, Value::Null).await.expect(409);
    story.call(ann, "Not empty", "DELETE", product, Value::Null).await.expect(409);
    story.call(ann, "There or not", "DELETE", web, Value::Null).await.expect(200);
    story.call(ann, "Gone", "GET", web, Value::Null).await.expect(404);
    story.call(ann, "Named by nobody", "DELETE", shop, Value::Null).await.expect(200);
    story.call(ann, "Empty", "DELETE", product, Value::Null).await.expect(200);
}

/// ShiftAgent's API over the same registry.
async fn shiftagent(story: &mut Story, ann: &Client) {
    let secret = json!({"name": "field-ops bot", "type": "git_pat", "secret": "glpat-example"});
    let bot = story.call(ann, "A token for Git", "POST", "/credentials", secret).await.expect(201).text("/id");
    let body = json!({
        "name": "field-ops", "repo_url": "https://git.example.com/skills/field-ops.git", "credential_id": bot,
        "metadata": {"owner": "ops"},
    });
    let made = story.call(ann, "By its URL", "POST", "/repositories", body.clone()).await.expect(201);
    story.call(ann, "A taken name", "POST", "/repositories", body).await.expect(409);
    let path = format!("/repositories/{}", made.text("/id"));
    story.call(ann, "Just registered", "GET", &path, Value::Null).await.expect(200);
    story.call(ann, "Another branch", "PATCH", &path, json!({"branch": "release"})).await.expect(200);
    story.call(ann, "Not null", "PATCH", &path, json!({"name": null})).await.expect(422);
    story.call(ann, "The newest one", "GET", "/repositories?limit=1", Value::Null).await.expect(200);
    story.call(ann, "Asked for", "POST", &format!("{path}/sync"), Value::Null).await.expect(202);
    let skills = format!("{path}/skills");
    story.call(ann, "By hand", "POST", &skills, json!({"name": "deploy", "version": "1"})).await.expect(201);
    story.call(ann, "One by hand", "GET", &skills, Value::Null).await.expect(200);
    let tenant = format!("/tenants/tnt_customer1{path}");
    story.call(ann, "As the default", "PUT", &tenant, json!({"is_default": true})).await.expect(201);
    story.call(ann, "With a branch", "PUT", &tenant, json!({"branch_override": "stable"})).await.expect(200);
    story.call(ann, "Still attached", "DELETE", &path, Value::Null).await.expect(409);
    ann.delete(&tenant).await.expect(204);
    story.call(ann, "All of them", "GET", "/credentials", Value::Null).await.expect(200);
    story.call(ann, "Still used", "DELETE", &format!("/credentials/{bot}"), Value::Null).await.expect(409);
    let key = json!({"name": "provisioner", "kind": "integration", "scopes": ["repos:write"]});
    let key = story.app.client(ann.token(key).await);
    story.call(&key, "A provisioner", "GET", "/integration/self", Value::Null).await.expect(200);
    let user = key.get("/api/me").await.expect(200).text("/principal/userId");
    let exchange = json!({"user_id": user, "ttl_seconds": 900});
    story.call(&key, "For a quarter of an hour", "POST", "/auth/token-exchange", exchange).await.expect(200);
    story.call(ann, "Let go", "PATCH", &path, json!({"credential_id": null})).await.expect(200);
    ann.delete(&path).await.expect(204);
}

/// What comes last: looking, rotating, archiving, removing.
async fn ends(story: &mut Story, ann: &Client, repo: &Registered) {
    story.call(ann, "Active ones", "GET", "/api/repos?limit=2", Value::Null).await.expect(200);
    story.call(ann, "With robots and rules", "GET", &repo.path, Value::Null).await.expect(200);
    let nothing = "/api/repos/rep_00000000000000000000000000";
    story.call(ann, "An unknown id", "GET", nothing, Value::Null).await.expect(404);
    let rotate = format!("{}/webhook-secret/rotate", repo.path);
    story.call(ann, "With an hour's overlap", "POST", &rotate, json!({"overlapSeconds": 3600})).await.expect(200);
    story.call(ann, "Asked for now", "POST", &format!("{}/sync", repo.path), Value::Null).await.expect(202);
    story.call(ann, "Archived", "POST", &format!("{}/archive", repo.path), Value::Null).await.expect(200);
    story.call(ann, "An archived repository", "PATCH", &repo.path, json!({"enabled": false})).await.expect(403);
    story.call(ann, "Back again", "POST", &format!("{}/unarchive", repo.path), Value::Null).await.expect(200);
    ann.put(&format!("{}/automation", repo.path), json!({"config": {"version": 2, "events": {}}})).await.expect(200);
    let robot = format!("{}/robots/{}", repo.path, repo.robot);
    story.call(ann, "Gone", "DELETE", &robot, Value::Null).await.expect(200);
    skills(story, ann, repo).await;
    let audit = format!("{}/audit?limit=3", repo.path);
    story.call(ann, "The latest three", "GET", &audit, Value::Null).await.expect(200);
    story.call(ann, "The latest of a day", "GET", "/api/audit?day=2026-01-20&limit=2", Value::Null).await.expect(200);
    story.call(ann, "With its tasks", "DELETE", &format!("{}?force=true", repo.path), Value::Null).await.expect(200);
}
