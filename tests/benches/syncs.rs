//! What syncs cost: calls to the engines by operation, requests to the provider and bytes, time and memory.
//!
//! Each scenario is a process of its own, with its engines in it; the Git server is another one. `cargo bench -p
//! repoplane-tests --bench syncs -- tick` runs those that have this in their name. Linux: it reads `/proc`.
#![expect(clippy::print_stdout, reason = "what it prints is its result")]

#[path = "syncs/fleet.rs"]
mod fleet;
#[path = "syncs/meter.rs"]
mod meter;
#[path = "syncs/source.rs"]
mod source;

use fleet::Fleet;
use meter::{Measuring, Meter};
use repoplane_api::App;
use repoplane_local::mapping::Mapping;
use repoplane_local::queues;
use repoplane_providers::{Egress, EgressSettings, Providers};
use repoplane_sync::{ProviderScanner, SyncFunction};
use repoplane_tests::TestApp;
use serde_json::{Value, json};
use source::{LARGE, SMALL, Source};
use std::time::Duration;
use tokio::process::Command;
use tokio::runtime::Builder;

/// First argument of the process of a scenario; its name and the Git server's origin follow.
const SCENARIO: &str = "--scenario";
/// Repositories whose branch has not moved.
const MANY: usize = 1_000;
/// Longer than two syncs of a repository are apart: an hour, and up to a tenth more.
const LATER: Duration = Duration::from_secs(4_000);
/// Registered repositories, of which few are due.
const FLEETS: [usize; 2] = [1_000, 100_000];
/// Repositories that are due.
const DUE: usize = 500;
/// How long a call to DynamoDB or SQS takes over a network, about.
const NETWORK: Duration = Duration::from_millis(5);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The scenarios, in the order in which they run.
const SCENARIOS: [&str; 5] = ["unchanged_git", "unchanged_github", "large_git", "large_github", "tick"];

/// The sync function on engines of its own, and what is measured of it.
struct Stage {
    app: TestApp,
    /// As the function has it: its calls go over the meter.
    metered: App,
    meter: Meter,
    sync: SyncFunction<ProviderScanner>,
    mapping: Mapping<ProviderScanner>,
    source: Source,
}

impl Stage {
    async fn set(origin: &str) -> Result<Self, Failure> {
        let address = origin.trim_start_matches("http://");
        let app = TestApp::start().await.reaching(address);
        let egress = Egress::new(EgressSettings::from_allow_list(address)?);
        let meter = Meter::on(app.line.fork());
        let metered = App { store: meter.store(), ..app.app().clone() };
        let sync = SyncFunction::new(metered.clone(), ProviderScanner::new(Providers::new(egress.clone())));
        // What takes messages out of the queue and hands them over is no part of the function.
        let client = app.line.sqs();
        let queues = queues::create(&client).await?;
        let mapping = Mapping::new(sync.clone(), client, queues).impatient();
        Ok(Self { app, metered, meter, sync, mapping, source: Source::at(origin, egress) })
    }

    /// Registers a repository of the server.
    async fn register(&self, provider: &str, owner: &str, number: usize) -> String {
        let (origin, name) = (&self.source.origin, format!("{owner}/{number}"));
        let body = match provider {
            "github" => {
                json!({"provider": "github", "name": name, "apiBaseUrl": format!("{origin}/github/api/v3")})
            }
            _ => json!({"provider": "git", "name": name, "remoteUrl": format!("{origin}/{name}.git")}),
        };
        self.app.admin().post("/api/repos", body).await.expect(201).text("/repo/id")
    }

    /// Does something and prints what it took.
    async fn measure<T>(&self, what: &str, act: impl Future<Output = T>) -> T {
        let measuring = Measuring::start(&self.meter, self.source.asked().await);
        let done = act.await;
        let row = measuring.end(&self.meter).row(what, self.source.asked().await);
        println!("{row}");
        done
    }

    async fn tick(&self, what: &str, due: usize) {
        let event = json!({"schedule": "tick"});
        let ticked = self.measure(what, self.sync.handle(event)).await.expect("a tick");
        assert_eq!((&ticked["due"], &ticked["queued"]), (&json!(due), &json!(due)));
    }

    async fn work(&self, what: &str, jobs: usize) {
        let done = self.measure(what, self.mapping.drain()).await.expect("the queue");
        assert_eq!(done, jobs);
    }

    /// That a repository shows its branch.
    async fn ready(&self, id: &str, skills: usize) {
        let repository = self.app.admin().get(&format!("/api/repos/{id}")).await.expect(200).body;
        let sync: &Value = &repository["repo"]["sync"];
        assert_eq!((&sync["state"], &sync["skillCount"]), (&json!("ready"), &json!(skills)), "{sync}");
    }
}

/// Many repositories are looked at, and have not changed.
async fn unchanged(stage: &Stage, provider: &str) {
    let mut last = String::new();
    for number in 0..MANY {
        last = stage.register(provider, SMALL, number).await;
    }
    stage.work(&format!("{provider}: {MANY} first syncs, of repositories with one file"), MANY).await;
    stage.app.clock.advance(LATER);
    stage.tick(&format!("{provider}: tick, {MANY} due"), MANY).await;
    stage.work(&format!("{provider}: {MANY} syncs, unchanged"), MANY).await;
    stage.ready(&last, 0).await;
}

/// A large repository, new and with one change.
async fn large(stage: &Stage, provider: &str) {
    let id = stage.register(provider, LARGE, 0).await;
    let what = format!("{provider}: {} files, {} skills", source::FILES, source::SKILLS);
    stage.work(&format!("{what}, first sync"), 1).await;
    stage.source.change().await;
    stage.app.clock.advance(LATER);
    stage.sync.tick().await.expect("a tick");
    stage.work(&format!("{what}, after one changed file"), 1).await;
    stage.ready(&id, source::SKILLS).await;
}

/// Ticks over many repositories of which few are due.
async fn tick(stage: &Stage) {
    let first = stage.register("git", SMALL, 0).await;
    let fleet = Fleet::of(&stage.app, &first).await;
    let mut registered = 1;
    for size in FLEETS {
        fleet.add(size - registered).await;
        registered = size;
        stage.tick(&format!("tick: {size} registered, none due"), 0).await;
        fleet.make_due(DUE).await;
        stage.tick(&format!("tick: {size} registered, {DUE} due"), DUE).await;
    }
    let more = 10 * DUE;
    fleet.make_due(more).await;
    stage.tick(&format!("tick: {registered} registered, {more} due"), more).await;

    fleet.make_due(DUE).await;
    stage.meter.delay(NETWORK);
    let milliseconds = NETWORK.as_millis();
    let found = stage.metered.store.due_syncs(stage.app.clock.peek());
    let found = stage.measure(&format!("finding {DUE} due, calls {milliseconds} ms longer"), found).await;
    let ids: Vec<_> = found.expect("the table").into_iter().map(|due| due.repository).collect();
    let sent = stage.metered.store.send_sync_jobs(&ids);
    let refused = stage.measure(&format!("sending {DUE} jobs, calls {milliseconds} ms longer"), sent).await;
    assert!(refused.is_empty());
    stage.tick(&format!("tick: {registered} registered, {DUE} due, calls {milliseconds} ms longer"), DUE).await;
}

/// The process of one scenario.
async fn scenario(name: &str, origin: &str) -> Result<(), Failure> {
    let stage = Stage::set(origin).await?;
    match name.split_once('_') {
        Some(("unchanged", provider)) => unchanged(&stage, provider).await,
        Some(("large", provider)) => large(&stage, provider).await,
        _ => tick(&stage).await,
    }
    Ok(())
}

/// Runs the scenarios, each in a process of its own.
async fn all(wanted: &[String]) -> Result<(), Failure> {
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| format!("syncs_{name}").contains(part));
    let scenarios: Vec<_> = SCENARIOS.into_iter().filter(|name| is_wanted(name)).collect();
    if scenarios.is_empty() {
        return Ok(());
    }
    let Some(origin) = source::serve().await else { return Ok(()) };
    println!(
        "| what | calls to the engines | KiB | provider requests | KiB | time, s | processor, s | memory, MiB |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for name in scenarios {
        let ended = Command::new(std::env::current_exe()?).args([SCENARIO, name, origin.as_str()]).status().await?;
        if !ended.success() {
            return Err(format!("{name} ended with {ended}").into());
        }
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // One thread, as a function has.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    if let [flag, name, origin] = arguments.as_slice()
        && flag == SCENARIO
    {
        return runtime.block_on(scenario(name, origin));
    }
    let wanted: Vec<String> = arguments.into_iter().filter(|argument| !argument.starts_with("--")).collect();
    runtime.block_on(all(&wanted))
}
