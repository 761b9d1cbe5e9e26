//! `cargo dev --demo`: the main job, played against the double and told as a story.
#![expect(clippy::print_stdout, reason = "what it prints is its user interface")]

use crate::double::{ADMIN_TOKEN, MODEL_KEY};
use repoplane_domain::secret::Secret;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::time::Duration;

/// How often the demo looks whether the sync has ended, and how long it waits in between.
const SYNC_LOOKS: u32 = 100;
const SYNC_PAUSE: Duration = Duration::from_millis(200);

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Api<'a> {
    client: Client,
    base: &'a str,
    token: &'a Secret,
}

impl Api<'_> {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(self.token.expose())
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value, Failure> {
        let label = format!("{method} {path}");
        let request = self.request(method, path);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        if !status.is_success() {
            return Err(format!("{label} answered {status}: {body}").into());
        }
        println!("  {label} → {}", status.as_u16());
        Ok(body)
    }
}

/// Plays the main job once: repository, robot, rule, signed webhook, task; and shows what its sync has found.
///
/// # Errors
/// The first answer that is not a success, and a sync that does not end well.
pub async fn play(base: &str, token: &Secret, double_origin: &str) -> Result<(), Failure> {
    let client = Client::builder().no_proxy().build()?;
    let api = Api { client, base, token };
    // Another repository each time: a second demo on kept data must not meet the first one's identity.
    let number = getrandom::u32()? >> 1;
    let name = format!("acme/widgets-{number}");

    println!("1. Register the repository {name}, give it a git token and a model key");
    let created = api
        .call(Method::POST, "/api/repos", json!({
            "provider": "github", "name": name, "externalId": name, "apiBaseUrl": format!("{double_origin}/github/api/v3"),
        }))
        .await?;
    let path = format!("/api/repos/{}", text(&created, "/repo/id"));
    api.call(Method::PATCH, &path, json!({
        "repoProviderCredential": {"profiles": [{"id": "bot", "remark": "the bot", "token": ADMIN_TOKEN}]},
        "modelProviderCredential": {"codex": {"profiles": [
            {"id": "team", "remark": "the team", "apiKey": MODEL_KEY, "apiBaseUrl": format!("{double_origin}/openai/v1")},
        ]}},
    }))
    .await?;

    println!("\n2. Ask the provider what it knows of it, and what happened there");
    let meta = api.call(Method::GET, &format!("{path}/provider-meta?credentialSource=repo"), Value::Null).await?;
    println!("  it is {}, its default branch is {}", text(&meta, "/visibility"), text(&meta, "/defaultBranch"));
    let activity = api
        .call(Method::GET, &format!("{path}/provider-activity?credentialSource=repo&pageSize=2"), Value::Null)
        .await?;
    for part in ["commits", "merges", "issues"] {
        for row in activity[part]["items"].as_array().into_iter().flatten() {
            println!(
                "  {part:<7} {:<10} {}",
                text(row, "/id").chars().take(8).collect::<String>(),
                text(row, "/title")
            );
        }
    }

    println!("\n3. Attach a robot, and test its token at the provider and its key at the model provider");
    let robot = api
        .call(
            Method::POST,
            &format!("{path}/robots"),
            json!({
                "name": "Triage",
                "promptDefault": "Triage issue #{{issue.number}} of {{repo.name}}: {{issue.title}}\n\n{{issue.body}}",
                "repoCredentialSource": "repo", "repoCredentialProfileId": "bot",
                "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
            }),
        )
        .await?;
    let robot = text(&robot, "/robot/id");
    let tested = api.call(Method::POST, &format!("{path}/robots/{robot}/test"), json!({})).await?;
    let role = text(&tested, "/robot/repoTokenRepoRole");
    println!(
        "  git: the token belongs to {} with role {role}: the robot is active",
        text(&tested, "/robot/repoTokenUsername")
    );
    println!("  model: the key {}", if tested["model"]["ok"] == true { "is taken" } else { "is refused" });

    println!("\n4. Let it triage every new issue");
    api.call(
        Method::PUT,
        &format!("{path}/automation"),
        json!({"config": {"version": 2, "events": {"issue": {"rules": [{
            "name": "Triage new issues",
            "match": {"all": [{"field": "event.subType", "op": "in", "values": ["created"]}]},
            "actions": [{"robotId": robot}],
        }]}}}}),
    )
    .await?;

    println!("\n5. Set the webhook up at the provider, with the events that the rule needs");
    let hook = format!("{path}/provider-hook");
    let compared = api.call(Method::GET, &hook, Value::Null).await?;
    println!("  before: {}", text(&compared, "/drift/0/message"));
    let made = api.call(Method::POST, &hook, json!({})).await?;
    let events: Vec<&str> = made["hook"]["events"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    println!("  {}: {} for {}", text(&made, "/change"), text(&made, "/hook/url"), events.join(", "));
    let again = api.call(Method::POST, &hook, json!({})).await?;
    println!("  a second time there is nothing to do: {}", text(&again, "/change"));

    println!("\n6. The provider posts a signed webhook: issue #7 was opened");
    let payload = json!({
        "action": "opened",
        "issue": {"number": 7, "title": "Crash on start", "body": "It crashes when the config is empty."},
        "repository": {
            "id": number, "full_name": name, "html_url": format!("{double_origin}/github/{name}"), "default_branch": "main",
        },
        "sender": {"login": "octocat", "id": 1, "type": "User"},
    })
    .to_string();
    let secret = Secret::new(text(&created, "/webhookSecret"));
    let mac: String = secret.hmac_sha256(&[payload.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect();
    let hook = text(&created, "/webhookPath");
    let post = || {
        let request = api.client.post(format!("{base}{hook}")).header("content-type", "application/json");
        let request = request.header("x-github-event", "issues").header("x-github-delivery", format!("demo-{name}"));
        request.header("x-hub-signature-256", format!("sha256={mac}")).body(payload.clone()).send()
    };
    let answer = post().await?;
    println!("  POST {hook} → {}", answer.status().as_u16());
    let answer: Value = answer.json().await?;
    println!("  the same again → no second task: {}", text(&post().await?.json().await?, "/duplicate_of"));

    let task = text(&answer, "/tasks/0/id");
    let task: Value = api.request(Method::GET, &format!("/api/tasks/{task}")).send().await?.json().await?;
    let delivery = text(&task, "/task/deliveryId");
    let delivery: Value =
        api.request(Method::GET, &format!("{path}/webhook-deliveries/{delivery}")).send().await?.json().await?;
    tell(&delivery["delivery"], &task["task"]);

    println!("\n7. Meanwhile its branch was scanned: which skills are on it?");
    scanned(&api, &path).await?;
    let skills = api.call(Method::GET, &format!("{path}/skills"), Value::Null).await?;
    for skill in skills["skills"].as_array().into_iter().flatten() {
        println!("  {:<14} {}", text(skill, "/name"), text(skill, "/description"));
    }
    let asked = api.call(Method::POST, &format!("{path}/sync"), json!({})).await?;
    println!("  another sync, asked for: {}", text(&asked, "/sync/state"));
    println!(
        "\nEverything is up to explore. The token is above; try:\n  curl -s {base}{path} -H \"Authorization: Bearer $TOKEN\""
    );
    Ok(())
}

/// Waits until the repository's sync has ended well; it has been on its way since the token was stored.
async fn scanned(api: &Api<'_>, path: &str) -> Result<(), Failure> {
    let mut sync = Value::Null;
    for _ in 0..SYNC_LOOKS {
        let shown: Value = api.request(Method::GET, path).send().await?.json().await?;
        sync = shown["repo"]["sync"].clone();
        if sync["state"] == "ready" {
            println!("  its sync is ready, at commit {}", text(&sync, "/commit"));
            return Ok(());
        }
        tokio::time::sleep(SYNC_PAUSE).await;
    }
    Err(format!("the repository was not synced in time: {sync}").into())
}

fn tell(delivery: &Value, task: &Value) {
    println!("\nDelivery {} was {}: {}", text(delivery, "/id"), text(delivery, "/result"), text(delivery, "/message"));
    for step in delivery["debugTrace"]["steps"].as_array().into_iter().flatten() {
        let mark = match step["status"].as_str() {
            Some("success") => "✓",
            Some("skipped") => "–",
            _ => "✗",
        };
        let note = step["message"].as_str().map(|note| format!(": {note}")).unwrap_or_default();
        println!("  {mark} {}{note}", text(step, "/title"));
    }
    println!("\nTask {} is {}", text(task, "/id"), text(task, "/status"));
    println!("  title   {}", text(task, "/title"));
    println!("  robot   {}", text(task, "/robotId"));
    for (i, line) in text(task, "/prompt").lines().enumerate() {
        println!("  {}  {line}", if i == 0 { "prompt" } else { "      " });
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
