//! Fault by fault, call by call.

use super::job::{Job, Step};
use repoplane_local::line::{Fault, FaultPlan, Line};
use repoplane_tests::{Answer, ProviderDouble};

/// How long a fault lasts, in calls: once, twice, and until the caller has its answer.
const UNTIL_ANSWERED: usize = usize::MAX;

#[derive(Debug, Clone, Copy)]
struct Scenario {
    step: Step,
    /// The n-th call of the step.
    call: usize,
    fault: Fault,
    times: usize,
    /// Which calls can be broken: those whose target begins so.
    target: &'static str,
}

/// What a client sees of a broken engine: success, or a problem that says when to come back; never a bare failure.
fn is_clear(scenario: Scenario, answer: &Answer) -> Result<(), String> {
    let status = answer.status.as_u16();
    let problem = answer.headers.get("content-type").is_some_and(|kind| kind == "application/problem+json");
    let said = answer.body["title"].is_string() && answer.body["request_id"].is_string();
    let clear = match status {
        200..300 => true,
        503 => problem && said && answer.headers.contains_key("retry-after"),
        // The one that a repeated call can meet: its first try had landed.
        409 => problem && said,
        _ => false,
    };
    if clear { Ok(()) } else { Err(format!("{scenario:?}: {status} {}", answer.body)) }
}

/// Plays the main job to a step; `before` each step its line is ready, and every answer of a step goes to `answered`.
async fn play(
    double: &ProviderDouble,
    last: Step,
    mut before: impl FnMut(Step, &Line),
    mut answered: impl FnMut(Step, &Line, &Answer),
) -> Job {
    let mut job = Job::new(double).await;
    // Caches are empty when an instance starts: what they hold is read, and can fail to be.
    job.restart();
    for step in Step::ALL.into_iter().filter(|step| *step <= last) {
        if step == Step::FirstWebhook {
            job.restart();
        }
        let line = job.app.line.clone();
        before(step, &line);
        job.play(step, &mut |answer| answered(step, &line, answer)).await;
        if step == Step::Automation {
            job.enable().await;
        }
    }
    job
}

/// The calls of each step when nothing is broken, by target.
async fn calls_of_steps(double: &ProviderDouble) -> Vec<(Step, Vec<String>)> {
    let mut calls = Vec::new();
    let before = |_, line: &Line| drop(line.take_calls());
    let answered = |step, line: &Line, _: &Answer| {
        calls.push((step, line.take_calls().iter().map(|call| target_of(call)).collect()));
    };
    play(double, Step::Unarchive, before, answered).await.check().await.expect("the job as such");
    calls
}

/// Plays the main job with one fault; answers whether the step's first answer was a refusal.
async fn break_one(double: &ProviderDouble, scenario: Scenario) -> Result<bool, String> {
    let Scenario { call: from, fault, times, target, .. } = scenario;
    let (mut refused, mut unclear) = (None, None);
    let before = |step, line: &Line| {
        let plan = FaultPlan { target: target.to_owned(), from, times, fault };
        line.set_fault((step == scenario.step).then_some(plan));
    };
    let answered = |step, line: &Line, answer: &Answer| {
        if step == scenario.step {
            refused.get_or_insert(!answer.status.is_success());
            // The outage is over once the caller has an answer.
            line.set_fault(None);
        }
        if let Err(why) = is_clear(scenario, answer) {
            unclear.get_or_insert(why);
        }
    };
    // What comes after the main job does not depend on how it went.
    let last = if scenario.step <= Step::Finish { Step::Finish } else { Step::Unarchive };
    let job = play(double, last, before, answered).await;
    match unclear {
        Some(why) => Err(why),
        None => job.check().await.map(|()| refused == Some(true)).map_err(|why| format!("{scenario:?}: {why}")),
    }
}

/// The target of an operation, as it stands in `x-amz-target`.
fn target_of(operation: &str) -> String {
    let engine = if operation.contains("Secret") { "secretsmanager" } else { "DynamoDB_20120810" };
    format!("{engine}.{operation}")
}

/// Breaks every call of every step; answers how many scenarios were played and how many callers were refused.
async fn matrix(fault: Fault, target: &'static str, durations: &[usize]) -> (usize, usize) {
    let double = ProviderDouble::start().await;
    let (mut played, mut refused, mut wrong) = (0, 0, Vec::new());
    for (step, calls) in calls_of_steps(&double).await {
        let breakable = calls.iter().filter(|call| call.starts_with(target)).count();
        for call in 0..breakable {
            for &times in durations {
                match break_one(&double, Scenario { step, call, fault, times, target }).await {
                    Ok(was_refused) => refused += usize::from(was_refused),
                    Err(why) => wrong.push(why),
                }
                played += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {played}:\n{}", wrong.len(), wrong.join("\n"));
    (played, refused)
}

/// Short faults that no caller may notice, and an outage that almost every caller must: the exception is work that is made
/// up for later.
async fn short_and_long(fault: Fault, target: &'static str, short: &[usize], least_calls: usize) {
    let (played, noticed) = matrix(fault, target, short).await;
    assert!(played >= least_calls * short.len(), "only {played} were played: the steps lost their calls");
    assert_eq!(noticed, 0, "callers were refused for a fault that a retry mends");
    let (played, refused) = matrix(fault, target, &[UNTIL_ANSWERED]).await;
    assert!(refused + 2 >= played && refused > 0, "{refused} refusals in {played} outages");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_engine_costs_time_but_no_work() {
    short_and_long(Fault::Throttle, "", &[1, 2], 28).await;
}

#[tokio::test(start_paused = true)]
async fn conflicting_transactions_cost_time_but_no_work() {
    short_and_long(Fault::Conflict, "DynamoDB_20120810.TransactWriteItems", &[1, 2], 9).await;
}

#[tokio::test(start_paused = true)]
async fn a_write_in_the_way_of_a_transaction_ends_in_an_answer() {
    matrix(Fault::Conflict, "DynamoDB_20120810.UpdateItem", &[1, 2, UNTIL_ANSWERED]).await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_never_arrive_are_made_again() {
    short_and_long(Fault::TimeoutBefore, "", &[1, 2], 28).await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_landed_without_an_answer_are_not_made_twice() {
    short_and_long(Fault::TimeoutAfter, "", &[1, 2], 28).await;
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_down_is_a_503_and_the_repeated_call_succeeds() {
    short_and_long(Fault::Down, "DynamoDB_20120810.", &[1], 25).await;
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_is_down_is_a_503_and_the_repeated_call_succeeds() {
    short_and_long(Fault::Down, "secretsmanager.", &[1], 4).await;
}
