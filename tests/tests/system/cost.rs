//! What the control plane costs to run: units as the engine counts them, times prices, as `docs/cost.md` shows them.

mod bill;
mod measured;

use bill::{DUE_HOURS, PRICES, REGISTRIES, Traffic, WEBHOOKS, dollars, of_registry, of_webhooks};
use measured::measure;
use std::fmt::Write;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cost.md");
const COMMAND: &str = "REPOPLANE_ACCEPT=1 cargo test -p repoplane-tests --test system -- cost::";

fn number(units: f64) -> String {
    if units.fract() == 0.0 { format!("{units:.0}") } else { format!("{units:.1}") }
}

fn marked(name: &str) -> (String, String) {
    (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"))
}

/// The page with a part of it written anew.
fn with(page: &str, name: &str, text: &str) -> String {
    let (begin, end) = marked(name);
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("docs/cost.md has no {begin}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("docs/cost.md has no {end}"));
    format!("{before}{begin}{text}{end}{after}")
}

#[tokio::test]
async fn the_page_shows_what_is_measured() {
    let measured = measure().await;
    let mut units = String::from(
        "| what | read units | write units | secret calls | queue calls |\n| --- | --- | --- | --- | --- |\n",
    );
    for row in &measured.rows {
        let (reads, writes) = (number(row.units.reads), number(row.units.writes));
        writeln!(units, "| {} | {reads} | {writes} | {} | {} |", row.what, row.units.secrets, row.units.queue).unwrap();
    }
    let mut prices = String::from("| what | USD |\n| --- | --- |\n");
    for (what, price) in PRICES {
        writeln!(prices, "| {what} | {price} |").unwrap();
    }
    let traffic = Traffic::of(&measured);
    let head = |columns: &[&str]| {
        let line: String = columns.iter().map(|column| format!("| {column} ")).collect();
        format!("{line}|\n{}|\n", "| --- ".repeat(columns.len()))
    };
    let mut bills = head(&["webhooks a month", "DynamoDB", "Lambda", "API Gateway", "queue", "logs", "together"]);
    for (name, count) in WEBHOOKS {
        let parts = of_webhooks(&traffic, count);
        let shown: String = parts.iter().map(|part| format!("| {} ", dollars(*part))).collect();
        writeln!(bills, "| {name} {shown}| **{}** |", dollars(parts.iter().sum())).unwrap();
    }
    let mut registries =
        head(&["repositories", "synced every", "DynamoDB", "Lambda", "queue", "logs", "storage", "together"]);
    for (name, count) in REGISTRIES {
        for hours in DUE_HOURS {
            let parts = of_registry(&traffic, count, hours);
            let shown: String = parts.iter().map(|part| format!("| {} ", dollars(*part))).collect();
            let every = if hours == 1.0 { "hour".to_owned() } else { format!("{hours} hours") };
            writeln!(registries, "| {name} | {every} {shown}| **{}** |", dollars(parts.iter().sum())).unwrap();
        }
    }
    let page = std::fs::read_to_string(PAGE).expect("docs/cost.md");
    let mut expected = page.clone();
    for (name, text) in [("units", &units), ("prices", &prices), ("webhooks", &bills), ("registries", &registries)] {
        expected = with(&expected, name, text);
    }
    if std::env::var("REPOPLANE_ACCEPT").is_ok_and(|value| value == "1") {
        std::fs::write(PAGE, &expected).expect("docs/cost.md");
        return;
    }
    assert_eq!(page, expected, "docs/cost.md is stale: {COMMAND}");
}
