//! `docs/events.md` says what the mapping does.

use crate::workspace::{read, root};
use repoplane_domain::repository::Provider;
use repoplane_domain::webhook::{DECLARATIONS, Declaration, EventType, FIELDS, Field};
use std::fmt::Write;

const PAGE: &str = "docs/events.md";
const BEGIN: &str = "<!-- generated: begin -->\n";
const END: &str = "<!-- generated: end -->";

/// Whether every event has the field.
fn is_common(field: &Field) -> bool {
    DECLARATIONS.iter().all(|line| field.is_of(line.event))
}

fn code<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Which rules fire for an event.
fn reaches(line: &Declaration) -> &'static str {
    match (line.event.is_named_only(), EventType::STANDING.contains(&line.event.event_type)) {
        (true, _) => "rules that name it",
        (false, true) => "every rule",
        (false, false) => "rules of its type",
    }
}

fn events(page: &mut String, provider: Provider) -> std::fmt::Result {
    writeln!(page, "| event | when | type and subtype | reaches | fields besides the common ones |")?;
    writeln!(page, "| --- | --- | --- | --- | --- |")?;
    for line in DECLARATIONS.iter().filter(|line| line.provider == provider) {
        let conditions: Vec<String> = line.conditions.iter().map(ToString::to_string).collect();
        let when = if conditions.is_empty() { "always".to_owned() } else { conditions.join("; ") };
        let own = FIELDS.iter().filter(|field| !is_common(field) && field.is_of(line.event));
        let (event_type, sub_type) = (line.event.event_type.as_str(), line.event.sub_type.as_str());
        let (header, fields) = (line.event_name, code(own.map(|field| field.path)));
        writeln!(page, "| `{header}` | {when} | `{event_type}` `{sub_type}` | {} | {fields} |", reaches(line))?;
    }
    Ok(())
}

/// What stands between the marks.
fn generated() -> Result<String, std::fmt::Error> {
    let mut page = String::new();
    let common = code(FIELDS.iter().filter(|field| is_common(field)).map(|field| field.path));
    writeln!(page, "\n### Fields\n\nEvery event has {common}.\n")?;
    writeln!(page, "| field | value |\n| --- | --- |")?;
    for field in FIELDS {
        writeln!(page, "| `{}` | {} |", field.path, field.meaning)?;
    }
    writeln!(page, "\n### GitHub\n\nThe event is the header `x-github-event`.\n")?;
    events(&mut page, Provider::Github)?;
    writeln!(page, "\n### GitLab\n\nThe event is the header `x-gitlab-event`.\n")?;
    events(&mut page, Provider::Gitlab)?;
    writeln!(page)?;
    Ok(page)
}

#[test]
fn the_events_page_is_what_the_mapping_does() {
    let page = read(PAGE);
    let (before, rest) = page.split_once(BEGIN).expect("the first mark");
    let (shown, after) = rest.split_once(END).expect("the second mark");
    let generated = generated().expect("text");
    if std::env::var("REPOPLANE_ACCEPT").is_ok_and(|value| value == "1") {
        std::fs::write(root().join(PAGE), format!("{before}{BEGIN}{generated}{END}{after}")).expect("the page");
        return;
    }
    let command = "REPOPLANE_ACCEPT=1 cargo test -p repoplane-tests --test process events_page";
    assert!(page.contains(command), "the page says how it is written");
    assert!(shown == generated, "{PAGE} is stale: {command} writes it anew. It should be:\n{generated}");
}
