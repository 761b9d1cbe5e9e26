//! The fields, each with what it means, which events have it and how it is read.

use super::super::labels::{changed_labels, labels};
use super::super::mapping::{EventType, MappedEvent, SubType};
use super::super::mention::{handle, handles_of, mentions};
use super::super::payload::{cut_bytes, first_line, first_text, first_verbatim, id, list, plain};
use super::super::subject::{Subject, head_commit};
use super::{FieldValue, MAX_FIELD_BYTES, MAX_LIST};
use crate::repository::{Provider, Repository};
use crate::robot::Robot;
use serde_json::Value;
use std::collections::BTreeSet;

/// A field that clauses and prompts can read.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Dotted path.
    pub path: &'static str,
    /// What it is, in Markdown.
    pub meaning: &'static str,
    /// Whether the contract has it: then it is read of every event, whatever `has` says.
    contract: bool,
    has: fn(MappedEvent) -> bool,
    read: fn(&Reading<'_>) -> FieldValue,
}

impl Field {
    /// Whether events of this kind may have a value for it. For others it is empty.
    pub fn is_of(&self, event: MappedEvent) -> bool {
        (self.has)(event)
    }

    pub(super) fn value(&self, reading: &Reading<'_>) -> FieldValue {
        if self.contract || self.is_of(reading.event) { (self.read)(reading) } else { FieldValue::Text(String::new()) }
    }
}

const fn contract(
    path: &'static str,
    meaning: &'static str,
    has: fn(MappedEvent) -> bool,
    read: fn(&Reading<'_>) -> FieldValue,
) -> Field {
    Field { path, meaning, contract: true, has, read }
}

const fn ours(
    path: &'static str,
    meaning: &'static str,
    has: fn(MappedEvent) -> bool,
    read: fn(&Reading<'_>) -> FieldValue,
) -> Field {
    Field { path, meaning, contract: false, has, read }
}

/// Every field, sorted by path.
pub const FIELDS: [Field; 26] = [
    ours(
        "author",
        "who wrote the issue, merge request, discussion, release or head commit: login, else name or id",
        any,
        |r| r.text(&r.author()),
    ),
    contract(
        "branch.name",
        "pushed branch; branch of a pipeline; **target** branch of a merge request",
        of_branch,
        |r| FieldValue::Text(r.branch()),
    ),
    contract(
        "branch.role",
        "`main`, `dev`, `test`, `other` or `unknown`, after the repository's branches",
        of_branch,
        |r| FieldValue::Text(r.repository.branch_role(&r.branch()).as_str().to_owned()),
    ),
    ours("branch.source", "branch to be merged", of_merge_request, |r| r.text_at(&SOURCE_BRANCH)),
    ours("branch.target", "branch to be merged into", of_merge_request, |r| r.text_at(&TARGET_BRANCH)),
    contract("comment.body", "text of a comment or review", is_comment, |r| FieldValue::Text(r.comment.to_owned())),
    contract("comment.mentionRobotIds", "list: enabled robots that it mentions, by id", is_comment, |r| {
        FieldValue::List(r.mentioned_robots())
    }),
    contract("comment.mentions", "list: whom it mentions, with `@`", is_comment, |r| FieldValue::List(r.mentions())),
    ours("discussion.category", "name of the discussion's category", of_discussion, |r| {
        r.text_at(&["/discussion/category/name"])
    }),
    ours("draft", "whether the merge request is a draft: `true` or `false`", of_merge_request_alone, |r| {
        r.flag(&["/pull_request/draft", "/issue/draft", "/merge_request/draft", "/object_attributes/draft"])
    }),
    contract("event.subType", "what happened", any, |r| FieldValue::Text(r.event.sub_type.as_str().to_owned())),
    contract("event.type", "what it happened to", any, |r| FieldValue::Text(r.event.event_type.as_str().to_owned())),
    contract("issue.assignees", "list: logins of the assignees, in lower case", of_thread, |r| {
        FieldValue::List(assignees(r.payload))
    }),
    ours("label", "list: labels that were added or removed", is_labels, |r| {
        each(changed_labels(r.repository.provider, r.event.sub_type, r.payload))
    }),
    ours("labels", "list: labels that it has now", of_labelled, |r| each(labels(r.payload))),
    ours("paths", "list: files that a push added, modified or removed", is_push, |r| each(paths(r.payload))),
    ours("pipeline.name", "name of the workflow, app or pipeline", of_pipeline, |r| {
        r.text(r.subject.pipeline.as_ref().map_or("", |pipeline| &pipeline.name))
    }),
    ours("pipeline.status", "how it ended, in the provider's word", of_pipeline, |r| {
        r.text(r.subject.pipeline.as_ref().map_or("", |pipeline| &pipeline.status))
    }),
    contract("push.branch", "the same as `branch.name`", of_branch, |r| FieldValue::Text(r.branch())),
    ours("release.prerelease", "GitHub: `true` or `false`", of_release, |r| r.flag(&["/release/prerelease"])),
    ours("release.tag", "tag of the release", of_release, |r| {
        r.text(r.subject.release.as_ref().map_or("", |release| &release.tag))
    }),
    ours("review.state", "`approved`, `changes_requested` or `commented`", is_review, |r| {
        r.text(&r.subject.review_state)
    }),
    ours("sender", "login of who did it", any, |r| r.text(r.subject.sender.login.as_deref().unwrap_or_default())),
    ours("tag.name", "the tag, without `refs/tags/`", of_tag, |r| r.text(r.subject.tag.as_deref().unwrap_or_default())),
    contract(
        "text.all",
        "the comment; else title and description; else the first lines of all commit messages",
        any,
        |r| FieldValue::Text(r.text_all()),
    ),
    ours("title", "title of the issue, merge request, discussion, release or head commit", any, |r| r.text(r.title())),
];

fn any(_: MappedEvent) -> bool {
    true
}

fn is_comment(event: MappedEvent) -> bool {
    event.sub_type.is_comment()
}

fn is_labels(event: MappedEvent) -> bool {
    matches!(event.sub_type, SubType::Labeled | SubType::Unlabeled)
}

fn is_push(event: MappedEvent) -> bool {
    event == MappedEvent { event_type: EventType::Commit, sub_type: SubType::Created }
}

fn is_review(event: MappedEvent) -> bool {
    event.sub_type == SubType::Reviewed
}

fn of_branch(event: MappedEvent) -> bool {
    of_merge_request(event) || is_push(event)
}

fn of_discussion(event: MappedEvent) -> bool {
    event.event_type == EventType::Discussion
}

fn of_labelled(event: MappedEvent) -> bool {
    of_thread(event) || of_discussion(event)
}

fn of_merge_request(event: MappedEvent) -> bool {
    matches!(event.event_type, EventType::MergeRequest | EventType::Pipeline)
}

fn of_merge_request_alone(event: MappedEvent) -> bool {
    event.event_type == EventType::MergeRequest
}

fn of_pipeline(event: MappedEvent) -> bool {
    event.event_type == EventType::Pipeline
}

fn of_release(event: MappedEvent) -> bool {
    event.event_type == EventType::Release
}

fn of_tag(event: MappedEvent) -> bool {
    event.event_type == EventType::Tag
}

fn of_thread(event: MappedEvent) -> bool {
    matches!(event.event_type, EventType::Issue | EventType::MergeRequest)
}

/// A pipeline names the merge request it ran for, if there is one.
const SOURCE_BRANCH: [&str; 5] = [
    "/object_attributes/source_branch",
    "/merge_request/source_branch",
    "/pull_request/head/ref",
    "/workflow_run/pull_requests/0/head/ref",
    "/check_suite/pull_requests/0/head/ref",
];
const TARGET_BRANCH: [&str; 5] = [
    "/object_attributes/target_branch",
    "/merge_request/target_branch",
    "/pull_request/base/ref",
    "/workflow_run/pull_requests/0/base/ref",
    "/check_suite/pull_requests/0/base/ref",
];

/// A payload that is being read.
pub(super) struct Reading<'a> {
    repository: &'a Repository,
    event: MappedEvent,
    payload: &'a Value,
    robots: &'a [&'a Robot],
    subject: Subject,
    comment: &'a str,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        repository: &'a Repository,
        event: MappedEvent,
        payload: &'a Value,
        robots: &'a [&'a Robot],
    ) -> Self {
        let places: &[&str] = match event.sub_type == SubType::Reviewed {
            true => &["/review/body"],
            false => &["/object_attributes/note", "/comment/body"],
        };
        let comment = cut_bytes(first_verbatim(payload, places).unwrap_or_default(), MAX_FIELD_BYTES);
        let subject = Subject::read(repository.provider, event, payload);
        Self { repository, event, payload, robots, subject, comment }
    }

    fn text(&self, text: &str) -> FieldValue {
        FieldValue::Text(cut_bytes(text.trim(), MAX_FIELD_BYTES).to_owned())
    }

    fn text_at(&self, pointers: &[&str]) -> FieldValue {
        self.text(first_text(self.payload, pointers).unwrap_or_default())
    }

    /// The first yes or no that is found.
    fn flag(&self, pointers: &[&str]) -> FieldValue {
        let flag = pointers.iter().find_map(|pointer| self.payload.pointer(pointer).and_then(Value::as_bool));
        FieldValue::Text(flag.map(|flag| flag.to_string()).unwrap_or_default())
    }

    /// Pushes: the pushed branch; merge requests: the *target* branch, which is what rules choose by.
    fn branch(&self) -> String {
        let at = |pointers: &[&str]| first_text(self.payload, pointers);
        let name = match self.event.event_type {
            EventType::Commit => at(&["/ref"]).map(|name| name.strip_prefix("refs/heads/").unwrap_or(name)),
            EventType::MergeRequest => at(&TARGET_BRANCH[..3]),
            EventType::Pipeline => self.subject.git_ref.as_deref(),
            EventType::Issue | EventType::Release | EventType::Tag | EventType::Discussion => None,
        };
        cut_bytes(name.unwrap_or_default(), MAX_FIELD_BYTES).to_owned()
    }

    fn mentions(&self) -> Vec<String> {
        let mut mentions = mentions(self.comment);
        mentions.truncate(MAX_LIST);
        mentions
    }

    fn mentioned_robots(&self) -> Vec<String> {
        let mentioned: BTreeSet<String> = self.mentions().iter().filter_map(|mention| handle(mention)).collect();
        let answers = |robot: &&&Robot| handles_of(robot).iter().any(|handle| mentioned.contains(handle));
        self.robots.iter().filter(answers).map(|robot| robot.id.to_string()).collect()
    }

    fn title(&self) -> &str {
        let subject = &self.subject;
        let thread = subject.issue.as_ref().or(subject.merge_request.as_ref()).or(subject.discussion.as_ref());
        match (thread, &subject.release) {
            (Some(thread), _) => &thread.title,
            (None, Some(release)) => &release.name,
            (None, None) => &subject.commit.title,
        }
    }

    fn author(&self) -> String {
        let at = |pointers: &[&str]| first_text(self.payload, pointers).unwrap_or_default().to_owned();
        match (self.event.event_type, self.repository.provider) {
            (EventType::Issue | EventType::MergeRequest | EventType::Discussion, Provider::Gitlab) => {
                gitlab_author(self.event, self.payload)
            }
            (EventType::Issue | EventType::MergeRequest | EventType::Discussion, Provider::Github | Provider::Git) => {
                at(&["/issue/user/login", "/pull_request/user/login", "/discussion/user/login"])
            }
            (EventType::Release, _) => at(&["/release/author/login"]),
            (EventType::Commit | EventType::Tag | EventType::Pipeline, _) => {
                let head = head_commit(self.payload).or_else(|| list(self.payload, "/commits").last());
                let of_head = head.and_then(|commit| first_text(commit, &["/author/username", "/author/name"]));
                of_head.map_or_else(
                    || {
                        at(&[
                            "/workflow_run/head_commit/author/name",
                            "/check_suite/head_commit/author/name",
                            "/commit/author/name",
                        ])
                    },
                    str::to_owned,
                )
            }
        }
    }

    fn text_all(&self) -> String {
        if self.event.sub_type.is_comment() && !self.comment.trim().is_empty() {
            return self.comment.to_owned();
        }
        let (title, body): (&[&str], &[&str]) = match self.event.event_type {
            EventType::Issue => (
                &["/object_attributes/title", "/issue/title"],
                &["/object_attributes/description", "/issue/description", "/issue/body"],
            ),
            EventType::MergeRequest => (
                &["/object_attributes/title", "/merge_request/title", "/pull_request/title", "/issue/title"],
                &["/object_attributes/description", "/merge_request/description", "/pull_request/body", "/issue/body"],
            ),
            EventType::Release => (&["/release/name", "/name"], &["/release/body", "/description"]),
            EventType::Discussion => (&["/discussion/title"], &["/discussion/body"]),
            EventType::Pipeline => {
                let pipeline = self.subject.pipeline.as_ref();
                let parts = [pipeline.map_or("", |pipeline| &pipeline.name), &self.subject.commit.title];
                return paragraphs(parts.into_iter());
            }
            EventType::Commit | EventType::Tag => return commit_lines(self.payload),
        };
        paragraphs([first_verbatim(self.payload, title), first_verbatim(self.payload, body)].into_iter().flatten())
    }
}

/// The parts that are not empty, with a blank line between them.
fn paragraphs<'p>(parts: impl Iterator<Item = &'p str>) -> String {
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    cut_bytes(parts.join("\n\n").trim(), MAX_FIELD_BYTES).to_owned()
}

/// A list within the bounds.
fn each(items: impl IntoIterator<Item = String>) -> FieldValue {
    let mut room = MAX_FIELD_BYTES;
    let fits = |item: &String| {
        let rest = room.checked_sub(item.len());
        room = rest.unwrap_or(0);
        rest.is_some()
    };
    FieldValue::Each(items.into_iter().take(MAX_LIST).take_while(fits).collect())
}

/// GitLab names an author by number only. Whoever the payload shows with the same number has a login.
fn gitlab_author(event: MappedEvent, payload: &Value) -> String {
    let number = match (event.sub_type, event.event_type) {
        (SubType::Commented, EventType::Issue) => id(payload, "/issue/author_id"),
        (SubType::Commented, _) => id(payload, "/merge_request/author_id"),
        _ => id(payload, "/object_attributes/author_id"),
    };
    let Some(number) = number else { return String::new() };
    let people = ["/assignees", "/reviewers"].iter().flat_map(|pointer| list(payload, pointer)).take(MAX_LIST);
    let mut people = payload.get("user").into_iter().chain(people);
    let found = people.find(|person| id(person, "/id").as_deref() == Some(number.as_str()));
    found.and_then(|person| first_text(person, &["/username", "/name"])).map_or(number, str::to_owned)
}

/// Every file once, in the order of the commits.
fn paths(payload: &Value) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let files = list(payload, "/commits")
        .iter()
        .flat_map(|commit| ["/added", "/modified", "/removed"].iter().flat_map(|kind| list(commit, kind)))
        .filter_map(Value::as_str);
    files.filter(|file| seen.insert(*file)).take(MAX_LIST).map(str::to_owned).collect()
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
