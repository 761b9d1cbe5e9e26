//! What every operation costs in calls to the engines: a table, held against the code and shown in the documentation.

mod abf;
mod nautes;
mod plays;
mod reviewboard;
mod shiftagent;
mod table;

use plays::{Play, Stage};
use repoplane_tests::{ADMIN_TOKEN, Client, Lines, routes};
use std::collections::BTreeSet;
use std::fmt::Write;
use table::{Row, TABLE};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md");
const BEGIN: &str = "<!-- calls: begin -->\n";
const END: &str = "<!-- calls: end -->";
const COMMAND: &str = "REPOPLANE_ACCEPT=1 cargo test -p repoplane-tests --test system -- calls::";

/// What an instance of the application may not know yet: the token, the tenant, the repository. In the table's order.
type Cold = [bool; 3];

/// The calls of one play on an instance that knows everything but what is cold.
async fn calls(stage: &Stage, row: &Row, [token_is_cold, tenant_is_cold, repository_is_cold]: Cold) -> Vec<String> {
    let play = stage.prepare(row.operation, row.case).await;
    let play = play.unwrap_or_else(|| panic!("nothing plays {} {}", row.operation, row.case));
    let Play { app, token, event, status, acquaint } = play;
    let (instance, lines) = app.second_instance().observed();
    let client: Client = token.as_ref().map_or_else(|| instance.anonymous(), |token| instance.client(token));
    if !tenant_is_cold {
        instance.anonymous().send(stage.forged()).await;
    }
    if !repository_is_cold {
        // By another token: who acquaints is not who calls.
        for event in acquaint {
            client.by(ADMIN_TOKEN).send(event).await;
        }
    }
    if !token_is_cold && token.is_some() {
        client.get("/api/me").await;
    }
    instance.line.take_calls();
    lines.take();
    let answer = client.send(event).await;
    assert_eq!(answer.status.as_u16(), status, "{} {}: {}", row.operation, row.case, answer.body);
    let mut calls = instance.line.take_calls();
    told(row, &lines, &calls);
    if row.operation == "health_deep" {
        // All parts are asked at the same time: which call leaves first is chance.
        calls.sort();
    }
    calls
}

/// The line of the request names the operation's route and counts all its calls, whoever made them.
fn told(row: &Row, lines: &Lines, calls: &[String]) {
    let told = lines.take();
    let [line] = told.as_slice() else { panic!("{} {}: {} lines", row.operation, row.case, told.len()) };
    let route = routes().into_iter().find(|(_, route)| route.id == row.operation).map(|(_, route)| route.path);
    assert_eq!(line["route"].as_str(), route, "{} {}", row.operation, row.case);
    let count = |member: &str| line[member].as_u64().unwrap_or_default();
    let counted = count("dynamodb_calls") + count("secret_calls") + count("queue_calls");
    assert_eq!(counted, calls.len() as u64, "{} {}: {calls:?}, {line}", row.operation, row.case);
    let reads = calls.iter().filter(|call| *call == "GetSecretValue").count();
    assert_eq!(count("secret_reads"), reads as u64, "{} {}", row.operation, row.case);
    let consumed = line["read_units"].as_f64() > Some(0.0) || line["write_units"].as_f64() > Some(0.0);
    assert_eq!(consumed, count("dynamodb_calls") > 0, "{} {}: {line}", row.operation, row.case);
}

/// What a cold instance calls besides; all that a warm one calls is among its calls.
fn added(cold: &[String], warm: &[String]) -> String {
    let mut rest = warm.iter().peekable();
    let added: Vec<&str> = cold.iter().filter(|call| rest.next_if_eq(call).is_none()).map(String::as_str).collect();
    assert!(rest.peek().is_none(), "cold {cold:?}, warm {warm:?}");
    added.join(", ")
}

/// Plays the rows of a function's operations: warm; without each thing whose absence costs something; and without all
/// the others at once, which must cost nothing.
async fn check(function: &str) {
    let stage = Stage::set().await;
    let of_function: BTreeSet<&str> =
        routes().into_iter().filter(|(name, _)| *name == function).map(|(_, route)| route.id).collect();
    let mut wrong = Vec::new();
    for row in TABLE.iter().filter(|row| of_function.contains(row.operation)) {
        let [expected, adds @ ..] = row.calls;
        let warm = calls(&stage, row, [false; 3]).await;
        if warm.join(", ") != expected {
            wrong.push(format!("{} {} warm: {}", row.operation, row.case, warm.join(", ")));
        }
        let mut plays = vec![(adds.map(str::is_empty), "")];
        for (n, add) in adds.into_iter().enumerate().filter(|(_, add)| !add.is_empty()) {
            plays.push(([0, 1, 2].map(|other| other == n), add));
        }
        for (cold, expected) in plays {
            let found = added(&calls(&stage, row, cold).await, &warm);
            if found != expected {
                wrong.push(format!("{} {} without {cold:?}: {found}", row.operation, row.case));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_repos_calls_is_in_the_table() {
    check("repos").await;
}

#[tokio::test]
async fn what_robots_and_automation_call_is_in_the_table() {
    check("robots").await;
    check("automation").await;
}

#[tokio::test]
async fn what_webhooks_calls_is_in_the_table() {
    check("webhooks").await;
}

#[test]
fn every_operation_has_its_row() {
    let routed: BTreeSet<&str> = routes().into_iter().map(|(_, route)| route.id).collect();
    let usual: Vec<&str> = TABLE.iter().filter(|row| row.case.is_empty()).map(|row| row.operation).collect();
    let listed: BTreeSet<&str> = usual.iter().copied().collect();
    assert_eq!(listed, routed);
    assert_eq!(usual.len(), listed.len(), "an operation has one usual case");
}

/// Whether an operation keeps the budget: a read is one call; a write is at most one read and one transaction, and one
/// number more if it numbers what it makes.
fn keeps_budget(row: &Row, reads: bool) -> bool {
    let calls: Vec<&str> = row.calls[0].split(", ").filter(|call| !call.is_empty()).collect();
    if reads {
        return calls.len() <= 1;
    }
    let numbered =
        ["repos_create", "repos_import", "users_create", "tenants_create", "access_bootstrap"].contains(&row.operation);
    let count = |names: &[&str]| calls.iter().filter(|call| names.contains(call)).count();
    let (reads, numbers) = (count(&["GetItem", "BatchGetItem", "Query"]), count(&["UpdateItem"]));
    let transactions = count(&["TransactWriteItems"]);
    reads <= 1 && transactions <= 1 && numbers <= usize::from(numbered) && reads + transactions + numbers == calls.len()
}

#[test]
fn what_costs_more_than_the_budget_says_why() {
    let reads: BTreeSet<&str> =
        routes().into_iter().filter(|(_, route)| route.method == "GET").map(|(_, route)| route.id).collect();
    for row in TABLE {
        let keeps = keeps_budget(row, reads.contains(row.operation));
        assert_eq!(keeps, row.reason.is_empty(), "{} {}: {:?}", row.operation, row.case, row.calls);
    }
}

/// Calls as the page shows them: many alike by their number.
fn counted(calls: &str) -> String {
    let calls: Vec<&str> = calls.split(", ").collect();
    let runs = calls.chunk_by(|a, b| a == b).flat_map(|run| match run {
        [call, _, _, ..] => vec![format!("{} × {call}", run.len())],
        few => few.iter().map(|call| (*call).to_owned()).collect(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

/// The table as the page shows it.
fn shown() -> Result<String, std::fmt::Error> {
    let mut page = String::new();
    writeln!(page, "| operation | warm | cold token | cold tenant | cold repository | over the budget, because |")?;
    writeln!(page, "| --- | --- | --- | --- | --- | --- |")?;
    for row in TABLE {
        let case = if row.case.is_empty() { String::new() } else { format!(", {}", row.case) };
        let [warm, others @ ..] = row.calls;
        let warm = if warm.is_empty() { "none".to_owned() } else { counted(warm) };
        write!(page, "| `{}`{case} | {warm} |", row.operation)?;
        for added in others {
            if added.is_empty() {
                write!(page, " |")?;
            } else {
                write!(page, " + {added} |")?;
            }
        }
        if row.reason.is_empty() {
            writeln!(page, " |")?;
        } else {
            writeln!(page, " {} |", row.reason)?;
        }
    }
    Ok(page)
}

#[test]
fn the_page_shows_the_table() {
    let page = std::fs::read_to_string(PAGE).expect("docs/performance.md");
    let (before, rest) = page.split_once(BEGIN).expect("the first mark");
    let (found, after) = rest.split_once(END).expect("the second mark");
    let shown = shown().expect("text");
    if std::env::var("REPOPLANE_ACCEPT").is_ok_and(|value| value == "1") {
        std::fs::write(PAGE, format!("{before}{BEGIN}{shown}{END}{after}")).expect("the page");
        return;
    }
    assert!(page.contains(COMMAND), "the page says how it is written");
    assert!(found == shown, "docs/performance.md is stale: {COMMAND} writes it anew. It should be:\n{shown}");
}
