//! The server is killed in the middle of its work, again and again, and started on what it left behind. Senders post again
//! whatever was not answered, as providers do. At the end every webhook has its task, once.
//!
//! Each seed has a data directory of its own: the table stays small, so that looking through all of it is quick, and a seed
//! that fails can be run alone.

use crate::server::Server;
use crate::workspace::TempFolder;
use repoplane_local::double::WRITE_TOKEN;
use repoplane_local::engines::Engines;
use repoplane_local::line::Line;
use repoplane_tests::{consistency, github_signature, scan};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

const SEEDS: u64 = 20;
const WEBHOOKS: u64 = 200;
/// Changes of the credentials that go on beside the webhooks: they hold a lease while they write to the vault.
const CREDENTIALS: u64 = 3;
/// Seeds at once: two keep two cores busy, and one may wait for a lease that a killed writer left behind.
const LANES: usize = 3;
/// Senders at once.
const SENDERS: usize = 8;
/// Posts of one piece of work before the test gives up: kills and full stores explain only a few.
const TRIES: u32 = 40;
pub(crate) const ADMIN_TOKEN: &str = "rpt_the-administrator-of-this-test";
/// Longest silence of all senders; longer than a lease that a killed writer left behind.
const PATIENCE: Duration = Duration::from_secs(60);

/// SplitMix64: a seed is all that a failed run needs to be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// One thing to be done, however often it takes.
#[derive(Debug, Clone)]
enum Work {
    Webhook(u64),
    Credentials(u64),
}

/// What a sender tells the one who kills.
#[derive(Debug)]
enum Event {
    Sending,
    Answered,
    Failed(String),
}

/// When a kill comes: counted, never timed. Counted by what is sent, it falls into the first writes of a server's life;
/// by what is answered, among those of the other senders.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Sent(u64),
    Answered(u64),
}

/// What all senders share.
struct Job {
    client: Client,
    hook: Hook,
    /// What is left, each with how often it was tried.
    left: Mutex<VecDeque<(Work, u32)>>,
    /// The task of each webhook, as it was answered.
    tasks: Mutex<BTreeMap<u64, String>>,
    events: mpsc::UnboundedSender<Event>,
}

pub(crate) struct Hook {
    pub(crate) repo: String,
    pub(crate) secret: String,
}

fn api(client: &Client, method: Method, base: &str, path: &str, body: &Value) -> RequestBuilder {
    client.request(method, format!("{base}{path}")).bearer_auth(ADMIN_TOKEN).json(body)
}

/// Registers a repository with an enabled robot and a rule for issues, over HTTP.
pub(crate) async fn prepare(client: &Client, address: &str, double: &str) -> Hook {
    let call = async |method: Method, path: &str, body: Value| -> Value {
        let answer = api(client, method, address, path, &body).send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("a body"));
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).expect("JSON")
    };
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).expect(pointer).to_owned();
    let base = format!("{double}/github/api/v3");
    let body = json!({"provider": "github", "name": "acme/widgets", "apiBaseUrl": base});
    let created = call(Method::POST, "/api/repos", body).await;
    let repo = text(&created, "/repo/id");
    let path = format!("/api/repos/{repo}");
    call(Method::PATCH, &path, credentials(0)).await;
    let robot = json!({
        "name": "Triage", "promptDefault": "Look at {{issue.title}}",
        "repoCredentialSource": "repo", "repoCredentialProfileId": "bot",
        "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
    });
    let robot = text(&call(Method::POST, &format!("{path}/robots"), robot).await, "/robot/id");
    let tested = call(Method::POST, &format!("{path}/robots/{robot}/test"), json!({})).await;
    assert_eq!(tested["ok"], true, "{tested}");
    // The payloads come from github.com, whatever port the double has after the next start.
    call(Method::PATCH, &path, json!({"apiBaseUrl": null})).await;
    let rules = json!({"issue": {"rules": [{"name": "all", "actions": [{"robotId": robot}]}]}});
    call(Method::PUT, &format!("{path}/automation"), json!({"config": {"version": 2, "events": rules}})).await;
    Hook { repo, secret: text(&created, "/webhookSecret") }
}

fn credentials(change: u64) -> Value {
    json!({
        "repoProviderCredential": {"profiles": [{"id": "bot", "remark": format!("change {change}"), "token": WRITE_TOKEN}]},
        "modelProviderCredential": {"codex": {"profiles": [
            {"id": "team", "remark": format!("change {change}"), "apiKey": format!("sk-{change}")},
        ]}},
    })
}

pub(crate) fn payload(number: u64) -> String {
    json!({
        "action": "opened",
        "issue": {"number": number, "title": format!("Issue {number}"), "body": "It happens.", "html_url": "https://github.com"},
        "repository": {
            "id": 7007, "full_name": "acme/widgets", "html_url": "https://github.com/acme/widgets", "default_branch": "main",
        },
        "sender": {"login": "octocat", "id": 1, "type": "User"},
    })
    .to_string()
}

impl Job {
    /// Does one piece of work on a server, or says why it was not done.
    async fn send(&self, work: &Work, base: &str) -> Result<(), String> {
        let request = match work {
            Work::Webhook(number) => {
                let body = payload(*number);
                let request = self.client.post(format!("{base}/api/webhook/github/{}", self.hook.repo));
                let request = request.header("content-type", "application/json").header("x-github-event", "issues");
                let request = request.header("x-github-delivery", format!("guid-{number}"));
                request.header("x-hub-signature-256", github_signature(&self.hook.secret, body.as_bytes())).body(body)
            }
            Work::Credentials(change) => {
                let path = format!("/api/repos/{}", self.hook.repo);
                api(&self.client, Method::PATCH, base, &path, &credentials(*change))
            }
        };
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        // A kill explains silence, and a store that was busy with it a 5xx; nothing explains a refusal.
        assert!(!status.is_client_error(), "{work:?}: {status} {text}");
        if !status.is_success() {
            return Err(format!("{status}: {text}"));
        }
        if let Work::Webhook(number) = work {
            let body: Value = serde_json::from_str(&text).expect("JSON");
            let tasks = body["tasks"].as_array().cloned().unwrap_or_default();
            assert_eq!(tasks.len(), 1, "webhook {number}: {text}");
            let task = tasks[0]["id"].as_str().expect("its id").to_owned();
            self.tasks.lock().expect("no panic").insert(*number, task);
        }
        Ok(())
    }

    /// Sends what is left until there is nothing, always to the server that runs.
    async fn run(&self, mut servers: watch::Receiver<(u64, String)>) {
        loop {
            let next = self.left.lock().expect("no panic").pop_front();
            let Some((work, tries)) = next else { return };
            let (life, base) = servers.borrow_and_update().clone();
            let _ = self.events.send(Event::Sending);
            match self.send(&work, &base).await {
                Ok(()) => drop(self.events.send(Event::Answered)),
                Err(error) => {
                    let _ = self.events.send(Event::Failed(format!("{work:?}, try {tries}, life {life}: {error}")));
                    assert!(tries < TRIES, "{work:?}: {error}");
                    self.left.lock().expect("no panic").push_back((work, tries + 1));
                    if !error.contains(": {") {
                        // Nobody answered: nobody will until the next start.
                        let _ = servers.changed().await;
                    }
                }
            }
        }
    }
}

/// Plays one seed: one or two kills.
async fn play(seed: u64) {
    let mut random = Random(seed);
    let folder = TempFolder::new(&format!("sigkill-{seed}"));
    let arguments = ["--data-dir", folder.path().to_str().expect("UTF-8")];
    let start = || Server::start(&arguments, Some(ADMIN_TOKEN));
    let client = Client::builder().no_proxy().build().expect("a client");
    let mut server = start();
    let hook = prepare(&client, &server.base, &server.double).await;

    let mut left: VecDeque<_> = (1..=WEBHOOKS).map(|number| (Work::Webhook(number), 0)).collect();
    for change in 1..=CREDENTIALS {
        let at = usize::try_from(random.below(WEBHOOKS)).expect("small");
        left.insert(at, (Work::Credentials(change), 0));
    }
    let mut kills: Vec<Moment> = (0..1 + random.below(2))
        .map(|_| match random.below(3) {
            0 => Moment::Sent(1 + random.below(2 * SENDERS as u64)),
            _ => Moment::Answered(1 + random.below(WEBHOOKS / 2 - 1)),
        })
        .collect();
    let played = kills.clone();

    let (events, mut heard) = mpsc::unbounded_channel();
    let (lives, servers) = watch::channel((0, server.base.clone()));
    let job = Job { client, hook, left: Mutex::new(left), tasks: Mutex::default(), events };
    let job = Arc::new(job);
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (job, servers) = (Arc::clone(&job), servers.clone());
        senders.spawn(async move { job.run(servers).await });
    }
    drop(servers);

    let (mut sent, mut answered, mut done, mut life) = (0, 0, 0, 0);
    let mut failures = Vec::new();
    while done < WEBHOOKS + CREDENTIALS {
        tokio::select! {
            event = tokio::time::timeout(PATIENCE, heard.recv()) => match event {
                Ok(Some(Event::Sending)) => sent += 1,
                Ok(Some(Event::Answered)) => (answered, done) = (answered + 1, done + 1),
                Ok(Some(Event::Failed(why))) => failures.push(why),
                Ok(None) | Err(_) => panic!("seed {seed} hangs after {played:?}: {failures:#?}"),
            },
            Some(ended) = senders.join_next() => if let Err(panic) = ended { panic!("{panic}, after {failures:#?}") },
        }
        let now = match kills.last() {
            Some(Moment::Sent(at)) => sent >= *at,
            Some(Moment::Answered(at)) => answered >= *at,
            None => false,
        };
        if now {
            kills.pop();
            server.kill();
            server = start();
            (sent, answered, life) = (0, 0, life + 1);
            lives.send((life, server.base.clone())).expect("senders wait");
        }
    }
    assert!(kills.is_empty() && !failures.is_empty(), "seed {seed}: {kills:?} of {played:?} were not played");
    server.kill();
    let tasks = job.tasks.lock().expect("no panic").clone();
    look_through(seed, folder, &tasks).await;
}

/// Opens what the last server left and looks at every item.
async fn look_through(seed: u64, folder: TempFolder, answered: &BTreeMap<u64, String>) {
    let line = Line::to(Engines::open(folder.path()).await.expect("the data directory"));
    let items = scan(&line).await;
    if let Err(wrong) = consistency::check(&items) {
        panic!("seed {seed}: {wrong:#?}");
    }
    assert!(consistency::leases(&items).is_empty(), "seed {seed}: {:#?}", consistency::leases(&items));

    let of = |pk: &str, sk: &str| {
        let begins =
            |item: &Value, name: &str, with: &str| item[name]["S"].as_str().is_some_and(|t| t.starts_with(with));
        items.iter().filter(|item| begins(item, "pk", pk) && begins(item, "sk", sk)).collect::<Vec<_>>()
    };
    let text = |item: &Value, name: &str| item["data"]["M"][name]["S"].as_str().unwrap_or_default().to_owned();
    let tasks = of("REPO#", "TASK#");
    let stored: BTreeSet<String> = tasks.iter().map(|task| text(task, "id")).collect();
    let told: BTreeSet<String> = answered.values().cloned().collect();
    assert_eq!(told.len() as u64, WEBHOOKS, "seed {seed}: two webhooks were told of one task");
    assert_eq!(stored, told, "seed {seed}: the tasks that exist are not those that were answered");
    let issues: BTreeSet<&str> = tasks.iter().filter_map(|task| task["data"]["M"]["issueId"]["N"].as_str()).collect();
    assert_eq!((tasks.len() as u64, issues.len() as u64), (WEBHOOKS, WEBHOOKS), "seed {seed}: a task for each issue");
    let accepted = of("DELIVERIES#", "dlv_").into_iter().filter(|item| text(item, "result") == "accepted").count();
    assert_eq!(accepted as u64, WEBHOOKS, "seed {seed}: a delivery for each webhook");
    assert_eq!(of("TWIN#", "").len() as u64, 2 * WEBHOOKS, "seed {seed}: two twin keys for each webhook");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_and_does_nothing_twice() {
    let mut seeds = 0..SEEDS;
    let mut playing: JoinSet<()> = seeds.by_ref().take(LANES).map(play).collect();
    while let Some(played) = playing.join_next().await {
        played.expect("the seed passes");
        seeds.next().map(|seed| playing.spawn(play(seed)));
    }
}
