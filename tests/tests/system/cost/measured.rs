//! What each thing costs, by doing it once on an engine that counts.

use repoplane_local::line::Units;
use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};
use std::time::Duration;

/// One thing that happens, and what it costs.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) what: &'static str,
    pub(super) units: Units,
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) rows: Vec<Row>,
    /// Bytes in the table of a repository with a robot and a rule, without its deliveries.
    pub(super) repository_bytes: f64,
    /// Bytes in the table of a webhook with its task.
    pub(super) webhook_bytes: f64,
}

impl Measured {
    /// The units of a row.
    pub(super) fn of(&self, what: &str) -> Units {
        self.rows.iter().find(|row| row.what == what).unwrap_or_else(|| panic!("{what} is not measured")).units
    }
}

pub(super) const ACCEPTED: &str = "a webhook that becomes a task (GitHub's example of an issue, 13 KB)";
pub(super) const SKIPPED: &str = "a webhook that no rule wants";
pub(super) const TWIN: &str = "the same webhook again";
pub(super) const REJECTED: &str = "a webhook with a wrong signature";
pub(super) const HANDED_OVER: &str = "its task handed over to the queue";
pub(super) const OUTBOX_TICK: &str = "the schedule's tick with nothing left to hand over";
pub(super) const CLAIM: &str = "a worker claims a task";
pub(super) const FINISH: &str = "a worker finishes it";
pub(super) const TICK: &str = "the schedule's tick with nothing due";
pub(super) const DUE: &str = "a repository that is due: found, planned, queued";
pub(super) const UNCHANGED: &str = "its sync, when the branch has not moved";
pub(super) const FIRST: &str = "its first sync, which finds two skills";

fn issue(number: u32) -> String {
    let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    body["issue"]["number"] = json!(number);
    body.to_string()
}

async fn bytes(app: &TestApp) -> f64 {
    let items = app.items().await;
    // Without the types' letters the engine's JSON comes close to how DynamoDB counts an item.
    items.iter().map(|item| item.to_string().len() as f64 * 0.75).sum()
}

/// Does everything once, warm.
pub(super) async fn measure() -> Measured {
    let app = TestApp::start_with_double().await;
    let before = bytes(&app).await;
    let (hook, robot) = Hook::ready(&app).await;
    let repository_bytes = bytes(&app).await - before;
    let admin = app.admin();
    hook.post(&app, "issues", "warm", &issue(1)).await.expect(202);
    app.drain_stream().await;
    let mut rows = Vec::new();
    let mut note = |what, units| rows.push(Row { what, units });

    let before = bytes(&app).await;
    app.line.meter();
    hook.post(&app, "issues", "guid-2", &issue(2)).await.expect(202);
    note(ACCEPTED, app.line.take_units());
    app.line.meter();
    assert_eq!(app.drain_stream().await, 1);
    note(HANDED_OVER, app.line.take_units());
    let webhook_bytes = bytes(&app).await - before;
    app.line.meter();
    app.dispatch_tick().await;
    note(OUTBOX_TICK, app.line.take_units());

    app.line.meter();
    hook.post(&app, "issues", "guid-2", &issue(2)).await.expect(202);
    note(TWIN, app.line.take_units());

    app.line.meter();
    hook.ping(&app, "guid-3").await;
    note(SKIPPED, app.line.take_units());

    app.line.meter();
    hook.with_secret("wrong").post(&app, "issues", "guid-4", &issue(4)).await.expect(401);
    note(REJECTED, app.line.take_units());

    let task = hook.tasks(&admin).await[0]["id"].as_str().expect("an id").to_owned();
    app.line.meter();
    let claim = admin.post(&format!("/api/tasks/{task}/claim"), json!({"worker": "w"})).await.expect(200);
    note(CLAIM, app.line.take_units());
    app.line.meter();
    let done = json!({"status": "succeeded", "leaseId": claim.text("/leaseId"), "result": "done"});
    admin.patch(&format!("/api/tasks/{task}"), done).await.expect(200);
    note(FINISH, app.line.take_units());

    for (what, path) in [
        ("reading a repository", hook.path.clone()),
        ("listing a repository's tasks", format!("{}/tasks", hook.path)),
        ("listing a repository's deliveries", format!("{}/webhook-deliveries", hook.path)),
        ("listing repositories (one)", "/api/repos".to_owned()),
    ] {
        app.line.meter();
        admin.get(&path).await.expect(200);
        note(what, app.line.take_units());
    }

    app.work().await;
    app.line.meter();
    let body =
        json!({"provider": "github", "name": "public/measured", "apiBaseUrl": app.double.as_ref().map(|d| d.github())});
    let other = admin.post("/api/repos", body).await.expect(201).text("/repo/id");
    note("registering a repository", app.line.take_units());
    app.line.meter();
    admin.patch(&format!("/api/repos/{other}"), json!({"description": "measured"})).await.expect(200);
    note("changing its record", app.line.take_units());
    app.line.meter();
    let rule = json!({"name": "r", "actions": [{"robotId": robot}]});
    let rules = json!({"config": {"version": 2, "events": {"issue": {"rules": [rule]}}}});
    admin.put(&format!("{}/automation", hook.path), rules).await.expect(200);
    note("changing its rules", app.line.take_units());

    app.line.meter();
    app.work().await;
    note(FIRST, without_receiving(app.line.take_units()));

    syncs(&app, &mut note).await;
    Measured { rows, repository_bytes, webhook_bytes }
}

/// Receiving and deleting is the event source mapping's, by batches.
fn without_receiving(units: Units) -> Units {
    Units { queue: 0, ..units }
}

/// Of the repositories only one is still synced, so that a tick's cost is its own.
async fn syncs(app: &TestApp, note: &mut impl FnMut(&'static str, Units)) {
    let admin = app.admin();
    let listed = admin.get("/api/repos").await.expect(200).body;
    let path = |name: &str| {
        let repos = listed["repos"].as_array().expect("repositories");
        let repo = repos.iter().find(|repo| repo["name"] == name).expect(name);
        format!("/api/repos/{}", repo["id"].as_str().expect("an id"))
    };
    admin.patch(&path("Codertocat/Hello-World"), json!({"syncIntervalMinutes": null})).await.expect(200);
    let one = path("public/measured");
    app.line.meter();
    app.schedule("tick").await;
    let idle = app.line.take_units();
    note(TICK, idle);
    app.clock.advance(Duration::from_secs(2 * 3600));
    app.line.meter();
    assert_eq!(app.schedule("tick").await["queued"], 1);
    let due = app.line.take_units();
    note(DUE, Units { reads: due.reads - idle.reads, writes: due.writes - idle.writes, ..due });
    app.line.meter();
    app.work().await;
    note(UNCHANGED, without_receiving(app.line.take_units()));
    assert_eq!(admin.get(&one).await.expect(200).body["repo"]["sync"]["state"], "ready");
}
