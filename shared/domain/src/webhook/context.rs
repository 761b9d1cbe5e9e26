//! What a clause can read of an event (contract: hookcode 4.5, context).

use super::mapping::{EventType, MappedEvent, SubType};
use super::mention::{handle, handles_of, mentions};
use super::payload::{cut_bytes, first_line, first_text, first_verbatim, list, plain};
use crate::repository::Repository;
use crate::robot::Robot;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Longest text that clauses look at, in bytes. Texts are cut there, so that no payload makes matching slow.
pub const MAX_FIELD_BYTES: usize = 64 * 1024;
/// Most entries of a list.
const MAX_LIST: usize = 1000;

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// One text, empty when the event has none.
    Text(String),
    /// Several texts.
    List(Vec<String>),
}

/// The fields of one event, by dotted path. Anything else is undefined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<&'static str, FieldValue>);

impl Context {
    /// Every path there is.
    pub const FIELDS: [&'static str; 10] = [
        "branch.name",
        "branch.role",
        "comment.body",
        "comment.mentionRobotIds",
        "comment.mentions",
        "event.subType",
        "event.type",
        "issue.assignees",
        "push.branch",
        "text.all",
    ];

    /// Reads a mapped payload. `robots` are the enabled ones: only they can be mentioned.
    pub fn read(repository: &Repository, event: MappedEvent, payload: &Value, robots: &[&Robot]) -> Self {
        let branch = branch(event.event_type, payload);
        let comment = first_verbatim(payload, &["/object_attributes/note", "/comment/body"]).unwrap_or_default();
        let comment = cut_bytes(comment, MAX_FIELD_BYTES);
        let mut mentions = mentions(comment);
        mentions.truncate(MAX_LIST);
        let mentioned = mentioned_robots(&mentions, robots);
        Self::of([
            ("event.type", FieldValue::Text(event.event_type.as_str().to_owned())),
            ("event.subType", FieldValue::Text(event.sub_type.as_str().to_owned())),
            ("branch.role", FieldValue::Text(repository.branch_role(&branch).as_str().to_owned())),
            ("push.branch", FieldValue::Text(branch.clone())),
            ("branch.name", FieldValue::Text(branch)),
            ("issue.assignees", FieldValue::List(assignees(payload))),
            ("text.all", FieldValue::Text(text_all(event, payload, comment))),
            ("comment.body", FieldValue::Text(comment.to_owned())),
            ("comment.mentions", FieldValue::List(mentions)),
            ("comment.mentionRobotIds", FieldValue::List(mentioned)),
        ])
    }

    pub(super) fn of(fields: impl IntoIterator<Item = (&'static str, FieldValue)>) -> Self {
        Self(fields.into_iter().collect())
    }

    /// The value of a field; `None` for a path that does not exist.
    pub fn lookup(&self, path: &str) -> Option<&FieldValue> {
        self.0.get(path)
    }

    /// The value of a field as one text, lists joined by commas and blanks, for prompts.
    pub fn text(&self, path: &str) -> Option<String> {
        self.lookup(path).map(|value| match value {
            FieldValue::Text(text) => text.clone(),
            FieldValue::List(items) => items.join(", "),
        })
    }
}

/// Pushes: the pushed branch; merge requests: the *target* branch, which is what rules choose by.
fn branch(event_type: EventType, payload: &Value) -> String {
    let name = match event_type {
        EventType::Commit => {
            first_text(payload, &["/ref"]).map(|name| name.strip_prefix("refs/heads/").unwrap_or(name))
        }
        EventType::MergeRequest => first_text(
            payload,
            &["/object_attributes/target_branch", "/merge_request/target_branch", "/pull_request/base/ref"],
        ),
        EventType::Issue => None,
    };
    cut_bytes(name.unwrap_or_default(), MAX_FIELD_BYTES).to_owned()
}

fn assignees(payload: &Value) -> Vec<String> {
    let of = |base: &str| -> Vec<&Value> { list(payload, base).iter().collect() };
    let many = ["/assignees", "/object_attributes/assignees", "/issue/assignees"].iter().flat_map(|base| of(base));
    let single =
        ["/object_attributes/assignee", "/issue/assignee", "/assignee"].iter().filter_map(|p| payload.pointer(p));
    let mut names = Vec::new();
    for person in many.chain(single).take(MAX_LIST) {
        let name = ["username", "login", "name", "id"].iter().find_map(|key| person.get(key).and_then(plain));
        if let Some(name) = name.map(|name| name.to_lowercase())
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

fn mentioned_robots(mentions: &[String], robots: &[&Robot]) -> Vec<String> {
    let mentioned: BTreeSet<String> = mentions.iter().filter_map(|mention| handle(mention)).collect();
    let answers = |robot: &&&Robot| handles_of(robot).iter().any(|handle| mentioned.contains(handle));
    robots.iter().filter(answers).map(|robot| robot.id.to_string()).collect()
}

fn text_all(event: MappedEvent, payload: &Value, comment: &str) -> String {
    if event.sub_type == SubType::Commented && !comment.trim().is_empty() {
        return comment.to_owned();
    }
    let (title, body): (&[&str], &[&str]) = match event.event_type {
        EventType::Issue => (
            &["/object_attributes/title", "/issue/title"],
            &["/object_attributes/description", "/issue/description", "/issue/body"],
        ),
        EventType::MergeRequest => (
            &["/object_attributes/title", "/merge_request/title", "/pull_request/title", "/issue/title"],
            &["/object_attributes/description", "/merge_request/description", "/pull_request/body", "/issue/body"],
        ),
        EventType::Commit => return commit_lines(payload),
    };
    let parts = [first_verbatim(payload, title), first_verbatim(payload, body)];
    let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    cut_bytes(parts.join("\n\n").trim(), MAX_FIELD_BYTES).to_owned()
}

fn commit_lines(payload: &Value) -> String {
    let mut lines = String::new();
    for commit in list(payload, "/commits") {
        let line = first_verbatim(commit, &["/title", "/message"]).map(first_line).unwrap_or_default();
        if line.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(line);
        if lines.len() >= MAX_FIELD_BYTES {
            break;
        }
    }
    cut_bytes(&lines, MAX_FIELD_BYTES).to_owned()
}

#[cfg(test)]
mod tests;
