//! Platforms, groups and projects: their names, what they own, and where projects are.

use super::items::{Found, Index};
use super::{Complaints, is_deleted, present, unless};

/// Where the holder of a name is, by what the claim says of it.
pub(super) fn key(tenant: &str, kind: &str, number: &str) -> (String, String) {
    let ordinal = number.parse::<u64>().map(|number| format!("{number:016}")).unwrap_or_default();
    match kind {
        "platform" => (format!("PLATFORMS#{tenant}"), ordinal),
        "group" => (format!("GROUPS#{tenant}"), ordinal),
        _ => (format!("PROJECT#{tenant}#{number}"), "-".to_owned()),
    }
}

fn holds_name(index: &Index, found: &Found, kind: &str, claim: &str) -> Complaints {
    let held = index.claims_of(&format!("{kind}/{}", found.data["number"]));
    unless(held.get(claim) == Some(&1), "does not hold its name").into_iter().collect()
}

/// What a count says, from which a thing's own number is read.
fn tally(index: &Index, found: &Found, what: &str) -> i64 {
    let counter = format!("COUNTER#{}", found.data_text("tenant"));
    index.get(&counter, &format!("{what}#{}", found.data["number"])).and_then(|it| it.number("tallied")).unwrap_or(0)
}

/// A platform holds its name and counts its repositories.
pub(super) fn platform(index: &Index, found: &Found) -> Complaints {
    let namespace = format!("platform/{}", found.data["number"]);
    let own = |record: &&Found| record.data["namespace"] == *namespace && record.data["tenant"] == found.data["tenant"];
    let repositories = index.all().filter(|item| item.kind() == "RECORD").filter(own).count();
    let counted = tally(index, found, "PLATFORM");
    let mut wrong = holds_name(index, found, "platform", "PLATFORMNAME");
    let right = usize::try_from(counted) == Ok(repositories);
    wrong.extend(unless(right, format!("counts {counted} repositories of {repositories}")));
    wrong
}

/// A group holds its name and counts what it owns.
pub(super) fn group(index: &Index, found: &Found) -> Complaints {
    let owned = |item: &&Found| {
        matches!(item.kind(), "PLATFORM" | "PROJECT")
            && item.data["tenant"] == found.data["tenant"]
            && item.data["owner"]["actor"]["type"] == "Group"
            && item.data["owner"]["number"] == found.data["number"]
    };
    let owned = index.all().filter(owned).count();
    let counted = tally(index, found, "GROUP");
    let mut wrong = holds_name(index, found, "group", "USERNAME");
    wrong.extend(unless(usize::try_from(counted) == Ok(owned), format!("counts {counted} things of {owned}")));
    wrong
}

/// What is counted is there to be counted, unless there is none of it.
pub(super) fn counted(index: &Index, found: &Found) -> Complaints {
    let tenant = found.pk.trim_start_matches("COUNTER#");
    let counted = found.number("tallied").unwrap_or(0);
    if found.sk == "ALLGROUPS" {
        let groups = index.partition(&format!("GROUPS#{tenant}")).count();
        let right = usize::try_from(counted) == Ok(groups);
        return unless(right, format!("counts {counted} groups of {groups}")).into_iter().collect();
    }
    let kind = match found.sk.split_once('#') {
        Some(("PLATFORM", number)) => ("platform", number),
        Some(("GROUP", number)) => ("group", number),
        _ => return Vec::new(),
    };
    present(index, "what it counts for", &key(tenant, kind.0, kind.1))
}

/// A project holds its name, and every repository that it names has it.
pub(super) fn project(index: &Index, found: &Found) -> Complaints {
    let mut wrong = holds_name(index, found, "project", "PROJECTNAME");
    let number = found.data["number"].as_u64().unwrap_or_default();
    let link = format!("PROJECT#{}#{number:016}", found.data_text("name").to_lowercase());
    for place in found.data["repositories"].as_array().into_iter().flatten() {
        let repository = place["repository"].as_str().unwrap_or_default();
        if !is_deleted(index, repository) {
            wrong.extend(present(index, "the link", &(format!("REPO#{repository}"), link.clone())));
        }
    }
    wrong
}

/// A project that a repository has knows of it.
pub(super) fn link(index: &Index, found: &Found) -> Complaints {
    let repository = found.pk.trim_start_matches("REPO#");
    if is_deleted(index, repository) {
        return Vec::new();
    }
    let project = format!("PROJECT#{}#{}", found.data_text("tenant"), found.data["project"]);
    let places = index.get(&project, "-").and_then(|project| project.data["repositories"].as_array());
    let knows = places.is_some_and(|places| places.iter().any(|place| place["repository"] == repository));
    unless(knows, "its project does not know of it").into_iter().collect()
}

/// A repository holds the names of its projects, and no others.
pub(super) fn links(index: &Index, record: &Found, held: usize) -> Complaints {
    let links = index.partition(&record.pk).filter(|item| item.kind() == "LINK").count();
    unless(links == held, format!("holds the names of {held} projects of {links}")).into_iter().collect()
}
