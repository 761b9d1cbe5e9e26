//! Machines that disagree about the time by minutes: more than clocks in a cloud do, and longer than every short hold.

use repoplane_tests::{Answer, GITHUB_ISSUES_OPENED, Hook, TestApp, consistency, fixture};
use serde_json::json;
use std::time::Duration;

/// How wrong the second machine is, in seconds.
const SKEWS: [i64; 4] = [-700, -45, 45, 700];

async fn ready() -> (TestApp, Hook) {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    (app, hook)
}

async fn checked(app: &TestApp, skew: i64) {
    consistency::check(&app.items().await).unwrap_or_else(|wrong| panic!("{skew} s: {wrong:#?}"));
}

#[tokio::test]
async fn a_webhook_that_comes_to_two_machines_makes_one_task() {
    for skew in SKEWS {
        let (app, hook) = ready().await;
        let other = app.skewed(skew);
        let body = fixture(GITHUB_ISSUES_OPENED);
        let (first, second) =
            tokio::join!(hook.post(&app, "issues", "guid-1", &body), hook.post(&other, "issues", "guid-1", &body));
        let third = hook.post(&other, "issues", "another-guid", &body).await;
        let tasks = |answer: Answer| answer.text("/tasks/0/id");
        let (first, second, third) = (tasks(first), tasks(second), tasks(third));
        assert!(first == second && second == third, "{skew} s: {first}, {second}, {third}");
        assert_eq!(hook.tasks(&app.admin()).await.len(), 1, "{skew} s");
        checked(&app, skew).await;
    }
}

#[tokio::test]
async fn a_task_is_finished_by_one_worker_whoever_thinks_that_a_hold_has_ended() {
    for skew in SKEWS {
        let (app, hook) = ready().await;
        let other = app.skewed(skew);
        hook.post(&app, "issues", "guid-1", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
        let task = format!("/api/tasks/{}", hook.tasks(&app.admin()).await[0]["id"].as_str().unwrap());
        let claim = |worker: &str| json!({"worker": worker, "leaseSeconds": 600});
        let first = app.admin().post(&format!("{task}/claim"), claim("one")).await.expect(200).text("/leaseId");
        let second = other.admin().post(&format!("{task}/claim"), claim("two")).await;
        // Only a clock that is ahead by more than the hold sees it ended.
        assert_eq!(second.status == 200, skew > 600, "{skew} s: {}", second.body);
        let done = |lease: &str| json!({"status": "succeeded", "leaseId": lease});
        let mut finished = vec![app.admin().patch(&task, done(&first)).await.status.as_u16()];
        if second.status == 200 {
            finished.push(other.admin().patch(&task, done(&second.text("/leaseId"))).await.status.as_u16());
        }
        assert_eq!(finished.iter().filter(|status| **status == 200).count(), 1, "{skew} s: {finished:?}");
        assert_eq!(hook.tasks(&app.admin()).await[0]["status"], "succeeded", "{skew} s");
        checked(&app, skew).await;
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_that_two_machines_write_at_once_are_both_kept() {
    for skew in SKEWS {
        let app = TestApp::start().await;
        let hook = Hook::github(&app).await;
        let other = app.skewed(skew);
        let git = json!({"repoProviderCredential": {"profiles": [{"id": "bot", "remark": "bot", "token": "t-git"}]}});
        let model = json!({"modelProviderCredential": {"codex": {"profiles": [{"id": "team", "remark": "team", "apiKey": "k"}]}}});
        let (admin, wrong) = (app.admin(), other.admin());
        // A writer that lost says so, and writes again.
        let write = async |client: &repoplane_tests::Client, body: serde_json::Value| {
            for _ in 0..4 {
                let answer = client.patch(&hook.path, body.clone()).await;
                match answer.status.as_u16() {
                    200 => return,
                    409 | 503 => tokio::time::sleep(Duration::from_secs(1)).await,
                    other => panic!("{skew} s: {other} {}", answer.body),
                }
            }
            panic!("{skew} s: never written");
        };
        tokio::join!(write(&admin, git), write(&wrong, model));
        let shown = app.second_instance().admin().get(&hook.path).await.expect(200).body;
        let shown = shown.to_string();
        assert!(shown.contains(r#""hasToken":true"#) && shown.contains(r#""hasApiKey":true"#), "{skew} s: {shown}");
        app.clock.advance(Duration::from_secs(60));
        checked(&app, skew).await;
    }
}

#[tokio::test]
async fn a_walk_through_a_list_that_two_machines_fill_shows_everything_once() {
    for skew in SKEWS {
        let (app, hook) = ready().await;
        let other = app.skewed(skew);
        for number in 0..9 {
            let mut body: serde_json::Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).unwrap();
            body["issue"]["number"] = json!(number + 100);
            let machine = if number % 2 == 0 { &app } else { &other };
            hook.post(machine, "issues", &format!("guid-{number}"), &body.to_string()).await.expect(202);
        }
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = app.admin().get(&format!("{}/tasks?limit=2{cursor}", hook.path)).await.expect(200).body;
            seen.extend(page["tasks"].as_array().unwrap().iter().map(|task| task["issueId"].as_u64().unwrap()));
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        seen.sort_unstable();
        assert_eq!(seen, (100..109).collect::<Vec<u64>>(), "{skew} s");
        checked(&app, skew).await;
    }
}
