//! Prices, and what a month comes to.

use super::measured::{ACCEPTED, CLAIM, DUE, FINISH, HANDED_OVER, Measured, OUTBOX_TICK, SKIPPED, TICK, UNCHANGED};
use repoplane_local::line::Units;

/// Prices of us-east-1, in USD, of November 2026, without free tiers and discounts.
pub(super) const PRICES: [(&str, f64); 12] = [
    ("a million write units of DynamoDB", WRITES),
    ("a million read units of DynamoDB", READS),
    ("a GB-month in DynamoDB, with point-in-time recovery", STORAGE),
    ("a million requests of Lambda", INVOCATIONS),
    ("a million GB-seconds of Lambda, arm64", GB_SECONDS),
    ("a million requests of API Gateway (HTTP API)", GATEWAY),
    ("a million requests of SQS", QUEUE),
    ("a million events of EventBridge", EVENTS),
    ("a secret-month of Secrets Manager", SECRET),
    ("a million calls of Secrets Manager", SECRET_CALLS),
    ("a GB of logs of CloudWatch", LOGS),
    ("a million invocations of EventBridge Scheduler", SCHEDULES),
];
const WRITES: f64 = 0.625;
const READS: f64 = 0.125;
const STORAGE: f64 = 0.45;
const INVOCATIONS: f64 = 0.2;
const GB_SECONDS: f64 = 13.3334;
const GATEWAY: f64 = 1.0;
const QUEUE: f64 = 0.4;
const EVENTS: f64 = 1.0;
const SECRET: f64 = 0.4;
const SECRET_CALLS: f64 = 5.0;
const LOGS: f64 = 0.5;
const SCHEDULES: f64 = 1.0;

/// Webhooks a month.
pub(super) const WEBHOOKS: [(&str, f64); 3] = [("1,000", 1e3), ("100,000", 1e5), ("10,000,000", 1e7)];
/// Repositories.
pub(super) const REGISTRIES: [(&str, f64); 3] = [("100", 1e2), ("10,000", 1e4), ("1,000,000", 1e6)];
/// Hours between two syncs.
pub(super) const DUE_HOURS: [f64; 2] = [1.0, 24.0];
const HOURS: f64 = 730.0;

/// Of the webhooks, the share that becomes a task; no rule wants the others.
const SHARE_OF_TASKS: f64 = 0.2;
/// Seconds for which an invocation is billed: two round trips to the table, with what a cold start adds now and then.
const REQUEST_SECONDS: f64 = 0.03;
/// The same of a job of a sync: a batch of ten waits for its providers at the same time.
const JOB_SECONDS: f64 = 0.1;
const REQUEST_GB: f64 = 0.25;
const SYNC_GB: f64 = 1.0;
/// Log lines: the function's and the gateway's.
const REQUEST_LOG_GB: f64 = 1.6e-6;
const JOB_LOG_GB: f64 = 0.6e-6;
/// Jobs of a batch of the queue.
const BATCH: f64 = 10.0;
const GB: f64 = 1e9;

/// What one of each costs.
#[derive(Debug)]
pub(super) struct Traffic {
    webhook: Units,
    task: Units,
    outbox_tick: Units,
    due: Units,
    unchanged: Units,
    tick: Units,
    repository_gb: f64,
    webhook_gb: f64,
}

impl Traffic {
    pub(super) fn of(measured: &Measured) -> Self {
        let (accepted, skipped) = (measured.of(ACCEPTED), measured.of(SKIPPED));
        let of_task = [measured.of(HANDED_OVER), measured.of(CLAIM), measured.of(FINISH)];
        let all = |part: fn(&Units) -> f64| of_task.iter().map(part).sum();
        let mixed =
            |part: fn(&Units) -> f64| part(&accepted) * SHARE_OF_TASKS + part(&skipped) * (1.0 - SHARE_OF_TASKS);
        Self {
            webhook: Units { reads: mixed(|u| u.reads), writes: mixed(|u| u.writes), ..Units::default() },
            task: Units { reads: all(|u| u.reads), writes: all(|u| u.writes), ..Units::default() },
            outbox_tick: measured.of(OUTBOX_TICK),
            due: measured.of(DUE),
            unchanged: measured.of(UNCHANGED),
            tick: measured.of(TICK),
            repository_gb: measured.repository_bytes / GB,
            webhook_gb: measured.webhook_bytes / GB,
        }
    }
}

fn dynamodb(units: Units, count: f64) -> f64 {
    count * (units.reads * READS + units.writes * WRITES) / 1e6
}

fn lambda(count: f64, seconds: f64, gigabytes: f64) -> f64 {
    count * (INVOCATIONS + seconds * gigabytes * GB_SECONDS) / 1e6
}

/// DynamoDB with a month's storage, Lambda, API Gateway, the queue of tasks, logs.
pub(super) fn of_webhooks(traffic: &Traffic, count: f64) -> [f64; 5] {
    let tasks = count * SHARE_OF_TASKS;
    // A worker claims and finishes over the API: two more requests.
    let requests = count + 2.0 * tasks;
    // Few tasks come so close together that one invocation hands several over. A tick a minute looks for missed ones.
    let ticks = HOURS * 60.0;
    let invocations = requests + tasks + ticks;
    [
        dynamodb(traffic.webhook, count)
            + dynamodb(traffic.task, tasks)
            + dynamodb(traffic.outbox_tick, ticks)
            + count * traffic.webhook_gb * STORAGE,
        lambda(invocations, REQUEST_SECONDS, REQUEST_GB),
        requests * GATEWAY / 1e6,
        // Sent, received, deleted.
        (tasks * 3.0 * QUEUE + ticks * SCHEDULES) / 1e6,
        (requests + tasks) * REQUEST_LOG_GB * LOGS,
    ]
}

/// DynamoDB, Lambda, the queue of syncs, logs, and storage, of a registry whose branches do not move.
pub(super) fn of_registry(traffic: &Traffic, count: f64, hours: f64) -> [f64; 5] {
    let (syncs, ticks) = (count * HOURS / hours, HOURS * 60.0);
    [
        dynamodb(traffic.due, syncs) + dynamodb(traffic.unchanged, syncs) + dynamodb(traffic.tick, ticks),
        lambda(syncs / BATCH, JOB_SECONDS * BATCH, SYNC_GB) + lambda(ticks, JOB_SECONDS, SYNC_GB),
        // A batch is sent, received and deleted by a request each; the schedule invokes once a minute.
        (syncs / BATCH * 3.0 * QUEUE + ticks * SCHEDULES) / 1e6,
        syncs * JOB_LOG_GB * LOGS,
        count * traffic.repository_gb * STORAGE,
    ]
}

/// An amount, rounded as a bill is worth reading.
pub(super) fn dollars(amount: f64) -> String {
    match amount {
        _ if amount < 0.005 => "< 0.01".to_owned(),
        _ if amount < 100.0 => format!("{amount:.2}"),
        _ => format!("{amount:.0}"),
    }
}
