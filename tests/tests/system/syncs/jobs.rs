//! One job: who may write, and what is left when nothing comes of it. The scanner is a script here; everything around it is
//! the real thing.

use repoplane_domain::package::SpecTree;
use repoplane_domain::skill::WalkedTree;
use repoplane_providers::{Answered, BranchHead, ProviderError, RateLimit};
use repoplane_sync::{Place, Scanner};
use repoplane_tests::{TestApp, consistency};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// What walking does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    Finds,
    Panics,
    NeverEnds,
}

/// A scanner that does as it is told. Repositories whose name is in `bad` are walked as `walk` says, the others are empty.
#[derive(Debug, Clone)]
pub(super) struct Scripted {
    commit: Arc<Mutex<String>>,
    walk: Walk,
    bad: BTreeSet<String>,
    walks: Arc<AtomicUsize>,
    began: Arc<Notify>,
    go_on: Option<Arc<Notify>>,
    limit: RateLimit,
}

impl Scripted {
    pub(super) fn unchanged() -> Self {
        Self {
            commit: Arc::new(Mutex::new("c1".to_owned())),
            walk: Walk::Finds,
            bad: BTreeSet::new(),
            walks: Arc::default(),
            began: Arc::default(),
            go_on: None,
            limit: RateLimit::default(),
        }
    }

    fn bad(name: &str, walk: Walk) -> Self {
        Self { walk, bad: [name.to_owned()].into(), ..Self::unchanged() }
    }

    fn moves_to(&self, commit: &str) {
        *self.commit.lock().expect("no panic") = commit.to_owned();
    }
}

impl Scanner for Scripted {
    async fn head(&self, _: &Place<'_>) -> Result<Answered<BranchHead>, ProviderError> {
        let commit = self.commit.lock().expect("no panic").clone();
        Ok(Answered { value: BranchHead { branch: None, commit }, rate_limit: self.limit })
    }

    async fn specs(&self, _: &Place<'_>, _: &BranchHead) -> Result<Answered<SpecTree>, ProviderError> {
        Ok(Answered { value: SpecTree::default(), rate_limit: RateLimit::default() })
    }

    async fn walk(&self, place: &Place<'_>, _: &BranchHead) -> Result<Answered<WalkedTree>, ProviderError> {
        self.walks.fetch_add(1, Ordering::SeqCst);
        self.began.notify_one();
        if let Some(go_on) = &self.go_on {
            go_on.notified().await;
        }
        if self.bad.contains(place.target.identity) {
            match self.walk {
                Walk::Finds => {}
                Walk::Panics => panic!("a scan that panics, on purpose"),
                Walk::NeverEnds => std::future::pending().await,
            }
        }
        Ok(Answered { value: WalkedTree::default(), rate_limit: RateLimit::default() })
    }
}

async fn register(app: &TestApp, name: &str) -> String {
    let body = json!({"provider": "github", "name": name});
    format!("/api/repos/{}", app.admin().post("/api/repos", body).await.expect(201).text("/repo/id"))
}

async fn sync_of(app: &TestApp, path: &str) -> Value {
    app.admin().get(path).await.expect(200).body["repo"]["sync"].clone()
}

#[tokio::test]
async fn a_poison_repository_ends_in_error_and_the_dead_letters_and_the_others_go_on() {
    let app = TestApp::start().await;
    let (poison, good) = (register(&app, "acme/poison").await, register(&app, "acme/good").await);
    let scripted = Scripted::bad("acme/poison", Walk::Panics);
    let sync = app.sync_with(scripted.clone());
    app.work_with(&sync).await;
    assert_eq!(sync_of(&app, &good).await["state"], "ready");
    let poisoned = sync_of(&app, &poison).await;
    assert_eq!(poisoned["state"], "error", "{poisoned}");
    assert!(poisoned["error"].as_str().is_some_and(|text| text.contains("without a result")), "{poisoned}");
    let dead = app.dead_letters().await;
    assert_eq!(dead, [json!({"repository": poison.rsplit('/').next()}).to_string()]);
    consistency::check(&app.items().await).expect("consistent");

    // It is left alone until it is due, and then has one more scan.
    let walks = scripted.walks.load(Ordering::SeqCst);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(app.schedule("tick").await["due"], 0);
    app.clock.advance(Duration::from_secs(4 * 3600));
    app.schedule("tick").await;
    let mended = app.sync_with(Scripted::unchanged());
    app.work_with(&mended).await;
    assert_eq!(sync_of(&app, &poison).await["state"], "ready");
    assert_eq!(scripted.walks.load(Ordering::SeqCst), walks);
}

#[tokio::test]
async fn a_worker_killed_mid_scan_leaves_a_repository_that_the_next_tick_repairs() {
    let app = TestApp::start().await;
    let path = register(&app, "acme/a").await;
    let scripted = Scripted::bad("acme/a", Walk::NeverEnds);
    let sync = app.sync_with(scripted.clone());
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let lease = repoplane_domain::id::LeaseId::start_of(app.clock.peek());
    let killed = tokio::spawn(async move { sync.look(id, lease).await });
    scripted.began.notified().await;
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());
    assert_eq!(sync_of(&app, &path).await["state"], "syncing");
    // While the hold lasts nobody takes it over; then the tick finds it.
    app.work_with(&app.sync_with(Scripted::unchanged())).await;
    assert_eq!(sync_of(&app, &path).await["state"], "syncing");
    app.clock.advance(Duration::from_secs(5 * 60 + 1));
    assert_eq!(app.schedule("tick").await["queued"], 1);
    app.work_with(&app.sync_with(Scripted::unchanged())).await;
    assert_eq!(sync_of(&app, &path).await["state"], "ready");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn two_workers_on_one_repository_produce_one_result() {
    let app = TestApp::start().await;
    let path = register(&app, "acme/a").await;
    let go_on = Arc::new(Notify::new());
    let scripted = Scripted { go_on: Some(go_on.clone()), ..Scripted::unchanged() };
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let ids = app.store().ids();
    let (one, two) = (
        repoplane_domain::id::LeaseId::new(app.clock.peek(), ids),
        repoplane_domain::id::LeaseId::new(app.clock.peek(), ids),
    );
    let (first, second) = (app.sync_with(scripted.clone()), app.second_instance().sync_with(scripted.clone()));
    let first = tokio::spawn(async move { first.look(id, one).await });
    scripted.began.notified().await;
    assert!(matches!(second.look(id, two).await, Ok(repoplane_sync::Looked::Nothing(_))));
    go_on.notify_one();
    assert!(matches!(first.await.unwrap(), Ok(repoplane_sync::Looked::Synced)));
    assert_eq!(scripted.walks.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_worker_whose_clock_is_ahead_takes_over_and_one_result_counts() {
    for (ahead, takes_over) in [(60, false), (360, true), (-360, false)] {
        let app = TestApp::start().await;
        let path = register(&app, "acme/a").await;
        let go_on = Arc::new(Notify::new());
        let slow = Scripted { go_on: Some(go_on.clone()), ..Scripted::unchanged() };
        let id = path.rsplit('/').next().unwrap().parse().unwrap();
        let lease = repoplane_domain::id::LeaseId::start_of(app.clock.peek());
        let sync = app.sync_with(slow.clone());
        let first = tokio::spawn(async move { sync.look(id, lease).await });
        slow.began.notified().await;
        let second = app.skewed(ahead).sync_with(Scripted::unchanged());
        let lease = repoplane_domain::id::LeaseId::new(app.clock.peek(), app.store().ids());
        let second = second.look(id, lease).await.unwrap();
        assert_eq!(matches!(second, repoplane_sync::Looked::Synced), takes_over, "{ahead} s: {second:?}");
        go_on.notify_one();
        let first = first.await.unwrap().unwrap();
        assert_eq!(matches!(first, repoplane_sync::Looked::Dropped), takes_over, "{ahead} s: {first:?}");
        assert_eq!(sync_of(&app, &path).await["state"], "ready", "{ahead} s");
        consistency::check(&app.items().await).unwrap_or_else(|wrong| panic!("{ahead} s: {wrong:?}"));
    }
}

#[tokio::test]
async fn the_result_of_a_scan_is_dropped_when_the_generation_moved_on() {
    for change in ["branch", "archive", "delete"] {
        let app = TestApp::start().await;
        let path = register(&app, "acme/a").await;
        let go_on = Arc::new(Notify::new());
        let scripted = Scripted { go_on: Some(go_on.clone()), ..Scripted::unchanged() };
        let id = path.rsplit('/').next().unwrap().parse().unwrap();
        let lease = repoplane_domain::id::LeaseId::start_of(app.clock.peek());
        let sync = app.sync_with(scripted.clone());
        let scan = tokio::spawn(async move { sync.look(id, lease).await });
        scripted.began.notified().await;
        let admin = app.admin();
        match change {
            "branch" => admin.patch(&path, json!({"branch": "dev"})).await.expect(200),
            "archive" => admin.post(&format!("{path}/archive"), Value::Null).await.expect(200),
            _ => admin.delete(&path).await.expect(200),
        };
        go_on.notify_one();
        assert!(matches!(scan.await.unwrap(), Ok(repoplane_sync::Looked::Dropped)), "{change}");
        if change != "delete" {
            let after = sync_of(&app, &path).await;
            assert_eq!((&after["state"], &after["commit"]), (&json!("pending"), &Value::Null), "{change}");
        }
        consistency::check(&app.items().await).unwrap_or_else(|wrong| panic!("{change}: {wrong:?}"));
    }
}

#[tokio::test]
async fn the_rest_of_a_providers_quota_is_left_to_others() {
    let app = TestApp::start().await;
    let path = register(&app, "acme/a").await;
    let reset = app.clock.peek().plus(Duration::from_secs(1800));
    let limit = RateLimit {
        limit: Some(5000),
        remaining: Some(20),
        reset: Some(reset.as_second().unsigned_abs()),
        retry_after: None,
    };
    let scripted = Scripted { limit, ..Scripted::unchanged() };
    app.work_with(&app.sync_with(scripted.clone())).await;
    assert_eq!(scripted.walks.load(Ordering::SeqCst), 0);
    let sync = sync_of(&app, &path).await;
    assert_eq!(sync["state"], "error");
    assert!(sync["error"].as_str().is_some_and(|text| text.contains("20 calls left")), "{sync}");
    let repo = app.admin().get(&path).await.expect(200);
    assert_eq!(repo.body["repo"]["connection"]["status"], "ok", "the provider answered");
}

#[tokio::test]
async fn a_message_that_is_no_job_ends_among_the_dead_letters() {
    let app = TestApp::start().await;
    let client = app.line.sqs();
    let queue = repoplane_local::queues::SYNC_JOBS_URL;
    client.send_message().queue_url(queue).message_body("what?").send().await.expect("sent");
    let path = register(&app, "acme/a").await;
    let scripted = Scripted::unchanged();
    scripted.moves_to("c9");
    app.work_with(&app.sync_with(scripted)).await;
    assert_eq!(app.dead_letters().await, ["what?"]);
    assert_eq!(sync_of(&app, &path).await["commit"], "c9");
}
