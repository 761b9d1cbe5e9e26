//! Rules and robots with hours of the day (contract: hookcode 4.5, schedule; design 8.3).

use super::work::{add_robots, claim, issue, open_issue, patch, set_rules, show};
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn rule(id: &str, robot: &str, start: u8, end: u8) -> Value {
    json!({"id": id, "name": id, "actions": [{"robotId": robot}], "timeWindow": {"startHour": start, "endHour": end}})
}

#[tokio::test]
async fn while_a_rules_window_is_closed_one_task_waits_for_each_robot_and_rule() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let second = add_robots(&app, &hook, 1).await.remove(0);
    set_rules(&app, &hook, json!([rule("night", &robot, 22, 6), rule("late", &second, 23, 0)])).await;
    // The clock stands at 8 in the morning, UTC.
    let waiting = open_issue(&app, &hook, 1).await;
    assert_eq!(waiting.len(), 2);
    for number in 2..=3 {
        let answer = hook.post(&app, "issues", &format!("guid-{number}"), &issue(number)).await.expect(202);
        assert_eq!(answer.body, json!({"tasks": []}));
    }
    let newest = hook.deliveries(&app.admin()).await.remove(0);
    assert_eq!(
        (&newest["result"], &newest["message"]),
        (&json!("accepted"), &json!("no tasks created after schedule checks"))
    );
    assert_eq!(newest["taskIds"], json!([]));
    let again = hook.post(&app, "issues", "guid-3", &issue(3)).await.expect(202);
    assert_eq!(again.body["duplicate_of"], newest["id"], "an accepted delivery without tasks has twins too");
    let schedule = show(&app, &waiting[0]).await["schedule"].clone();
    let window = json!({"startHour": 22, "endHour": 6});
    assert_eq!(schedule, json!({"source": "trigger", "window": window, "timezone": "UTC", "ruleId": "night"}));
    consistency::check(&app.items().await).expect("consistent");

    // A place that one of the two leaves is free again; the other's is not.
    patch(&app, &waiting[1], "cancelled", None).await.expect(200);
    let answer = hook.post(&app, "issues", "guid-4", &issue(4)).await.expect(202);
    assert_eq!(answer.body["tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer.text("/tasks/0/robotId"), second);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_scheduled_task_is_claimed_inside_its_window_and_leaves_its_place() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    set_rules(&app, &hook, json!([rule("night", &robot, 22, 6)])).await;
    let task = open_issue(&app, &hook, 1).await.remove(0);
    let early = claim(&app, &task, "w", Value::Null).await.expect(409);
    assert_eq!(early.body["code"], "TASK_OUTSIDE_WINDOW");
    assert_eq!(show(&app, &task).await["status"], "queued");
    app.clock.advance(14 * HOUR);
    let lease = claim(&app, &task, "w", Value::Null).await.expect(200).text("/leaseId");
    consistency::check(&app.items().await).expect("consistent");
    // Inside the window every event makes its task.
    assert_eq!(open_issue(&app, &hook, 2).await.len(), 1);
    assert_eq!(open_issue(&app, &hook, 3).await.len(), 1);
    app.clock.advance(9 * HOUR);
    // The worker is gone and it is day: the place is free though the first task is queued again.
    assert_eq!(show(&app, &task).await["status"], "queued");
    claim(&app, &task, "w", json!({"leaseId": lease})).await.expect(409);
    assert_eq!(open_issue(&app, &hook, 4).await.len(), 1);
    assert_eq!(open_issue(&app, &hook, 5).await.len(), 0);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn hours_are_those_of_the_repositorys_time_zone() {
    for (zone, start, open) in [("Asia/Tokyo", 17, true), ("Asia/Tokyo", 8, false), ("America/New_York", 3, true)] {
        let app = TestApp::start_with_double().await;
        let (hook, robot) = Hook::ready(&app).await;
        app.admin().patch(&hook.path, json!({"timezone": zone})).await.expect(200);
        set_rules(&app, &hook, json!([rule("r", &robot, start, start + 1)])).await;
        let first = open_issue(&app, &hook, 1).await.remove(0);
        assert_eq!(open_issue(&app, &hook, 2).await.len(), usize::from(open), "{zone} {start}");
        assert_eq!(show(&app, &first).await["schedule"]["timezone"], zone);
        claim(&app, &first, "w", Value::Null).await.expect(if open { 200 } else { 409 });
    }
}

#[tokio::test]
async fn a_robots_window_holds_the_claim_back_but_not_the_task() {
    let app = TestApp::start_with_double().await;
    let (hook, robot) = Hook::ready(&app).await;
    let path = format!("{}/robots/{robot}", hook.path);
    app.admin().patch(&path, json!({"timeWindow": {"startHour": 9, "endHour": 10}})).await.expect(200);
    let first = open_issue(&app, &hook, 1).await.remove(0);
    assert_eq!(open_issue(&app, &hook, 2).await.len(), 1, "only rules hold one place");
    assert_eq!(show(&app, &first).await["schedule"]["source"], "robot");
    assert_eq!(claim(&app, &first, "w", Value::Null).await.expect(409).text("/code"), "TASK_OUTSIDE_WINDOW");
    app.clock.advance(HOUR);
    claim(&app, &first, "w", Value::Null).await.expect(200);
}
