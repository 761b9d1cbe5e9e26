//! A storm of signed webhooks against a running deployment, and the proof that none was lost and none counted twice.
//!
//! Without `BASE` it starts the release build of the development server by itself, in memory, and ends it afterwards. With
//! `BASE`, `TOKEN` and `DOUBLE`, the same three that the tour takes, it storms whatever stands there. `WEBHOOKS` and
//! `SENDERS` say how many and how many at once. Loopback only, unless `BASE` says otherwise; it ends by itself.
#![expect(clippy::print_stdout, reason = "what it prints is its result")]

use repoplane_local::double::WRITE_TOKEN;
use repoplane_tests::github_signature;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

const WEBHOOKS: usize = 5_000;
const SENDERS: usize = 16;
/// The most webhooks of one run, so that a slip of the finger ends.
const MOST_WEBHOOKS: usize = 100_000;
/// Webhooks go round these; no repository of a real installation gets all of them.
const REPOSITORIES: usize = 10;
/// Every tenth webhook is posted a second time at once, as a provider does that hears no answer.
const TWIN_EVERY: usize = 10;
/// How often a post is repeated that was answered with 429 or 503, as their `Retry-After` says.
const TRIES: usize = 20;
/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Tasks of a page of a list.
const PAGE: usize = 100;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What stands where.
#[derive(Debug, Clone)]
struct Target {
    base: String,
    token: String,
    double: String,
}

/// A repository that is posted to.
#[derive(Debug, Clone)]
struct Hook {
    repo: String,
    path: String,
    secret: String,
    number: usize,
}

/// What the senders share.
struct Storm {
    client: Client,
    target: Target,
    hooks: Vec<Hook>,
    webhooks: usize,
    next: AtomicUsize,
    repeats: AtomicUsize,
    times: Mutex<Vec<Duration>>,
    /// The tasks that each webhook was answered with: one, also for its twin.
    told: Mutex<BTreeMap<usize, BTreeSet<String>>>,
}

fn number(name: &str, default: usize) -> Result<usize, Failure> {
    match std::env::var(name) {
        Ok(text) => Ok(text.parse().map_err(|_| format!("{name} is no number: {text}"))?),
        Err(_) => Ok(default),
    }
}

/// The address from the environment, or a server of this run's own.
async fn target() -> Result<(Target, Option<Child>), Failure> {
    if let Ok(base) = std::env::var("BASE") {
        let named = |name: &str| std::env::var(name).map_err(|_| format!("BASE needs {name} beside it"));
        return Ok((Target { base, token: named("TOKEN")?, double: named("DOUBLE")? }, None));
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")), PathBuf::from);
    let binary = target.join("release/repoplane-dev");
    if !binary.exists() {
        return Err(format!("{} is missing: cargo build --release -p repoplane-local", binary.display()).into());
    }
    let mut command = Command::new(binary);
    command.args(["--memory", "--port", "0"]).stdout(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
    let mut server = command.spawn()?;
    let mut lines = BufReader::new(server.stdout.take().ok_or("it has an output")?).lines();
    let mut found = Target { base: String::new(), token: String::new(), double: String::new() };
    while let Some(line) = lines.next_line().await? {
        if let Some(base) = line.strip_prefix("repoplane ready: ") {
            found.base = base.to_owned();
        } else if let Some(token) = line.strip_prefix("admin token: ") {
            found.token = token.to_owned();
        } else if let Some(double) = line.strip_prefix("provider double: ") {
            found.double = double.to_owned();
            break;
        }
    }
    // Read to the end: a full pipe would stop the server.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((found, Some(server)))
}

/// How long an answer asks its caller to wait: only 429 and 503 do.
fn wait_of(answer: &reqwest::Response) -> Option<Duration> {
    let again = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&answer.status());
    let seconds = answer.headers().get("retry-after").filter(|_| again)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn call(client: &Client, target: &Target, method: Method, path: &str, body: Value) -> Result<Value, Failure> {
    for _ in 0..TRIES {
        let request = client.request(method.clone(), format!("{}{path}", target.base)).bearer_auth(&target.token);
        let request = if body.is_null() { request } else { request.json(&body) };
        let answer = request.send().await?;
        if let Some(wait) = wait_of(&answer) {
            tokio::time::sleep(wait).await;
            continue;
        }
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(format!("{path}: {status} {text}").into());
        }
        return Ok(serde_json::from_str(&text)?);
    }
    Err(format!("{path} was not answered in {TRIES} tries").into())
}

fn text(value: &Value, pointer: &str) -> Result<String, Failure> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    Ok(found.ok_or_else(|| format!("no text at {pointer} in {value}"))?.to_owned())
}

/// A repository with an enabled robot and a rule for issues.
async fn prepare(client: &Client, target: &Target, number: usize) -> Result<Hook, Failure> {
    let api = format!("{}/github/api/v3", target.double);
    let name = format!("storm/widgets-{}-{number}", std::process::id());
    let body = json!({"provider": "github", "name": name, "externalId": name, "apiBaseUrl": api});
    let created = call(client, target, Method::POST, "/api/repos", body).await?;
    let path = format!("/api/repos/{}", text(&created, "/repo/id")?);
    let credentials = json!({
        "repoProviderCredential": {"profiles": [{"id": "bot", "remark": "bot", "token": WRITE_TOKEN}]},
        "modelProviderCredential": {"codex": {"profiles": [{"id": "team", "remark": "team", "apiKey": "sk-storm"}]}},
    });
    call(client, target, Method::PATCH, &path, credentials).await?;
    let robot = json!({
        "name": "Triage", "promptDefault": "Look at {{issue.title}}",
        "repoCredentialSource": "repo", "repoCredentialProfileId": "bot",
        "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
    });
    let robot = call(client, target, Method::POST, &format!("{path}/robots"), robot).await?;
    let robot = text(&robot, "/robot/id")?;
    let test = format!("{path}/robots/{robot}/test");
    let tested = call(client, target, Method::POST, &test, json!({})).await?;
    if tested["git"]["ok"] != true {
        return Err(format!("the robot fails its test: {tested}").into());
    }
    let rules = json!({"issue": {"rules": [{"name": "all", "actions": [{"robotId": robot}]}]}});
    let rules = json!({"config": {"version": 2, "events": rules}});
    call(client, target, Method::PUT, &format!("{path}/automation"), rules).await?;
    Ok(Hook { repo: name, path, secret: text(&created, "/webhookSecret")?, number })
}

impl Storm {
    fn payload(&self, hook: &Hook, issue: usize) -> String {
        let (double, name) = (&self.target.double, &hook.repo);
        json!({
            "action": "opened",
            "issue": {
                "number": issue, "title": format!("Issue {issue}"), "body": "It happens. ".repeat(400),
                "html_url": format!("{double}/{name}/issues/{issue}"),
            },
            "repository": {
                "id": std::process::id() as usize * 100 + hook.number, "full_name": name,
                "html_url": format!("{double}/github/{name}"), "default_branch": "main",
            },
            "sender": {"login": "octocat", "id": 1, "type": "User"},
        })
        .to_string()
    }

    /// Posts one webhook until it is taken.
    async fn post(&self, issue: usize) -> Result<(), Failure> {
        let hook = &self.hooks[issue % self.hooks.len()];
        let body = self.payload(hook, issue);
        let signature = github_signature(&hook.secret, body.as_bytes());
        let id = hook.path.trim_start_matches("/api/repos/");
        for _ in 0..TRIES {
            let request = self.client.post(format!("{}/api/webhook/github/{id}", self.target.base));
            let request = request.header("content-type", "application/json").header("x-github-event", "issues");
            let request = request.header("x-github-delivery", format!("storm-{}-{issue}", std::process::id()));
            let request = request.header("x-hub-signature-256", &signature).body(body.clone());
            let started = Instant::now();
            let answer = request.send().await?;
            let (status, took) = (answer.status(), started.elapsed());
            let wait = wait_of(&answer);
            let said = answer.text().await?;
            if status.is_success() {
                let said: Value = serde_json::from_str(&said)?;
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                let tasks = told.entry(issue).or_default();
                for task in said["tasks"].as_array().into_iter().flatten() {
                    tasks.insert(text(task, "/id")?);
                }
                drop(told);
                self.times.lock().unwrap_or_else(PoisonError::into_inner).push(took);
                return Ok(());
            }
            let wait = wait.ok_or_else(|| format!("webhook {issue}: {status} {said}"))?;
            self.repeats.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(wait).await;
        }
        Err(format!("webhook {issue} was not taken in {TRIES} tries").into())
    }

    async fn send(&self) -> Result<(), Failure> {
        loop {
            let issue = self.next.fetch_add(1, Ordering::Relaxed) + 1;
            if issue > self.webhooks {
                return Ok(());
            }
            if issue.is_multiple_of(TWIN_EVERY) {
                tokio::try_join!(self.post(issue), self.post(issue))?;
            } else {
                self.post(issue).await?;
            }
        }
    }

    /// Looks at every task and delivery that lie there now.
    async fn verify(&self) -> Result<(), Failure> {
        let mut tasks: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        let mut accepted = 0;
        for hook in &self.hooks {
            for task in self.all(&format!("{}/tasks", hook.path), "tasks").await? {
                let issue = task["issueId"].as_u64().ok_or_else(|| format!("a task without its issue: {task}"))?;
                tasks.entry(issue).or_default().push(text(&task, "/id")?);
            }
            let deliveries = self.all(&format!("{}/webhook-deliveries", hook.path), "deliveries").await?;
            accepted += deliveries.iter().filter(|delivery| delivery["result"] == "accepted").count();
        }
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lost: Vec<usize> = (1..=self.webhooks).filter(|issue| !tasks.contains_key(&(*issue as u64))).collect();
        let doubled: Vec<_> = tasks.iter().filter(|(_, ids)| ids.len() != 1).collect();
        let strange: Vec<_> = told
            .iter()
            .filter(|(issue, ids)| {
                ids.len() != 1 || tasks.get(&(**issue as u64)).is_none_or(|task| !ids.contains(&task[0]))
            })
            .collect();
        println!(
            "| of {} webhooks | {} lost, {} doubled, {} answered with another task; {accepted} accepted deliveries |",
            self.webhooks,
            lost.len(),
            doubled.len(),
            strange.len()
        );
        let right = lost.is_empty() && doubled.is_empty() && strange.is_empty() && accepted == self.webhooks;
        if right { Ok(()) } else { Err(format!("lost {lost:?}, doubled {doubled:?}, strange {strange:?}").into()) }
    }

    async fn all(&self, path: &str, list: &str) -> Result<Vec<Value>, Failure> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let after = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
            let path = format!("{path}?limit={PAGE}{after}");
            let page = call(&self.client, &self.target, Method::GET, &path, Value::Null).await?;
            rows.extend(page[list].as_array().cloned().unwrap_or_default());
            match page["nextCursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => return Ok(rows),
            }
        }
    }
}

fn milliseconds(times: &[Duration], share: usize) -> f64 {
    times
        .get((times.len() * share / 100).min(times.len().saturating_sub(1)))
        .map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let (webhooks, senders) = (number("WEBHOOKS", WEBHOOKS)?, number("SENDERS", SENDERS)?);
    if webhooks > MOST_WEBHOOKS || senders == 0 {
        return Err(format!("WEBHOOKS goes to {MOST_WEBHOOKS}, SENDERS from 1").into());
    }
    let (target, server) = target().await?;
    let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
    let mut hooks = Vec::new();
    for number in 0..REPOSITORIES {
        hooks.push(prepare(&client, &target, number).await?);
    }
    let storm = Arc::new(Storm {
        client,
        target,
        hooks,
        webhooks,
        next: AtomicUsize::new(0),
        repeats: AtomicUsize::new(0),
        times: Mutex::default(),
        told: Mutex::default(),
    });
    let started = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..senders {
        let storm = Arc::clone(&storm);
        running.spawn(async move { storm.send().await });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    let took = started.elapsed();
    let mut times = storm.times.lock().unwrap_or_else(PoisonError::into_inner).clone();
    times.sort_unstable();
    println!(
        "| load | {senders} senders, {REPOSITORIES} repositories, 6 KB a webhook, every tenth sent twice at once |"
    );
    println!("| --- | --- |");
    storm.verify().await?;
    println!("| repeats after 429 or 503 | {} |", storm.repeats.load(Ordering::Relaxed));
    println!(
        "| posts | {} in {:.1} s: {:.0} a second |",
        times.len(),
        took.as_secs_f64(),
        times.len() as f64 / took.as_secs_f64()
    );
    println!(
        "| answer | median {:.1} ms, 90 % {:.1} ms, 99 % {:.1} ms, slowest {:.1} ms |",
        milliseconds(&times, 50),
        milliseconds(&times, 90),
        milliseconds(&times, 99),
        milliseconds(&times, 100)
    );
    drop(server);
    Ok(())
}
