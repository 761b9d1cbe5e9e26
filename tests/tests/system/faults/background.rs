//! The functions that nobody waits for, with every one of their calls broken in every way: once, and for as long as the
//! invocation lasts. What an invocation leaves undone, the next one does; the stream gives the same records again.

use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, ProviderDouble, TestApp, consistency, fixture};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const FAULTS: [Fault; 6] =
    [Fault::Throttle, Fault::Conflict, Fault::TimeoutBefore, Fault::TimeoutAfter, Fault::Down, Fault::Partial];
/// Calls of an invocation that are broken, counted from its first: no invocation here makes more.
const CALLS: usize = 16;
/// Longer than what the tick leaves to the stream.
const GRACE: Duration = Duration::from_secs(120);

async fn deployed(double: &ProviderDouble) -> TestApp {
    use repoplane_local::{engines::Engines, line::Line};
    TestApp::on(Line::to(Engines::memory().expect("engines in memory")), Some(double.clone())).await
}

fn plan(fault: Fault, from: usize, times: usize) -> FaultPlan {
    FaultPlan { target: String::new(), from, times, fault }
}

async fn checked(app: &TestApp, what: &str) {
    consistency::check(&app.items().await).unwrap_or_else(|wrong| panic!("{what}: {wrong:#?}"));
}

/// Three tasks and one operational event wait in the outbox.
async fn with_outbox(double: &ProviderDouble) -> (TestApp, BTreeSet<String>) {
    let app = deployed(double).await;
    // Calls of a provider take real sockets: real time runs meanwhile.
    tokio::time::resume();
    let (hook, _) = Hook::ready(&app).await;
    tokio::time::pause();
    app.drain_stream().await;
    app.robot_queue().await;
    let mut tasks = BTreeSet::new();
    for number in 1..=3 {
        let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
        body["issue"]["number"] = json!(number);
        let posted = hook.post(&app, "issues", &format!("guid-{number}"), &body.to_string()).await.expect(202);
        tasks.insert(posted.text("/tasks/0/id"));
    }
    hook.with_secret("wrong").post(&app, "issues", "guid-4", &fixture(GITHUB_ISSUES_OPENED)).await.expect(401);
    (app, tasks)
}

/// Whether something of a kind stands in the outbox and is due.
async fn outbox(app: &TestApp) -> Vec<String> {
    let items = app.items().await.into_iter();
    let marked = items.filter(|item| item.get("undispatched_pk").is_some());
    marked.filter_map(|item| Some(item["sk"]["S"].as_str()?.to_owned())).filter(|sk| sk.starts_with("TASK#")).collect()
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_while_handing_over_every_task_reaches_the_queue() {
    let double = ProviderDouble::start().await;
    let mut broken = 0;
    for fault in FAULTS {
        for (from, times) in (0..CALLS).map(|from| (from, 3)).chain([(0, usize::MAX)]) {
            let what = format!("{fault:?} from call {from}, {times} times");
            let (app, tasks) = with_outbox(&double).await;
            app.line.take_calls();
            app.line.set_fault(Some(plan(fault, from, times)));
            app.stream_batch().await;
            broken += usize::from(app.line.take_calls().len() > from);
            app.line.set_fault(None);
            // The stream gives again what was not handled; a record that is lost is the tick's.
            app.drain_stream().await;
            app.clock.advance(GRACE);
            app.dispatch_tick().await;
            let sent: Vec<String> =
                app.robot_queue().await.iter().map(|message| message["taskId"].as_str().unwrap().to_owned()).collect();
            assert_eq!(sent.iter().cloned().collect::<BTreeSet<_>>(), tasks, "{what}: {sent:?}");
            assert_eq!(outbox(&app).await, Vec::<String>::new(), "{what}");
            let told = app.events().iter().filter(|event| event["DetailType"] == "delivery.rejected").count();
            assert!(told >= 1, "{what}: the event is lost");
            checked(&app, &what).await;
        }
    }
    assert!(broken >= 5 * FAULTS.len(), "only {broken} invocations had a call to break");
}

#[tokio::test]
async fn whatever_fails_while_syncing_every_repository_is_synced_in_the_end() {
    let double = ProviderDouble::start().await;
    let mut broken = 0;
    for fault in FAULTS {
        for (from, times) in (0..CALLS).step_by(2).map(|from| (from, 3)).chain([(0, usize::MAX)]) {
            let what = format!("{fault:?} from call {from}, {times} times");
            let app = deployed(&double).await;
            let mut paths = Vec::new();
            for name in ["public/widgets", "public/tools"] {
                let body = json!({"provider": "github", "name": name, "apiBaseUrl": double.github()});
                let made = app.admin().post("/api/repos", body).await.expect(201);
                paths.push(format!("/api/repos/{}", made.text("/repo/id")));
            }
            app.clock.advance(Duration::from_secs(3600));
            app.line.take_calls();
            app.line.set_fault(Some(plan(fault, from, times)));
            // The schedule's invocation may fail as a whole; so may jobs, which the queue gives out again.
            let _ = app.sync().handle(json!({"schedule": "tick"})).await;
            let due = app.line.take_calls().len();
            app.line.set_fault(Some(plan(fault, from, times)));
            let jobs: Vec<Value> = paths
                .iter()
                .map(|path| json!({"messageId": path, "body": json!({"repository": &path[11..]}).to_string()}))
                .collect();
            let _ = app.sync().handle(json!({"Records": jobs})).await;
            broken += usize::from(due + app.line.take_calls().len() > from);
            app.line.set_fault(None);
            app.clock.advance(Duration::from_secs(8 * 3600));
            app.schedule("tick").await;
            app.work().await;
            for path in &paths {
                let sync = app.admin().get(path).await.expect(200).body["repo"]["sync"].clone();
                assert_eq!((&sync["state"], &sync["skillCount"]), (&json!("ready"), &json!(2)), "{what}: {sync}");
            }
            checked(&app, &what).await;
        }
    }
    assert!(broken >= 4 * FAULTS.len(), "only {broken} invocations had a call to break");
}
