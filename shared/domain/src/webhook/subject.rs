//! What an event is about, in one shape for both providers: the source of titles, prompts and task fields.

use super::mapping::{EventType, MappedEvent, SubType};
use super::payload::{cut_bytes, first_integer, first_line, first_text, first_verbatim, id, integer, list, text};
use crate::repository::Provider;
use serde_json::Value;

/// An issue, merge request or pull request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Thread {
    /// The number that people see.
    pub number: Option<i64>,
    /// Title.
    pub title: String,
    /// Description.
    pub body: String,
    /// Page for people.
    pub url: String,
    /// Branch that is to be merged.
    pub source_branch: String,
    /// Branch that it is to be merged into.
    pub target_branch: String,
}

/// The commit at the head of a push, or the one that was commented on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// Full hash.
    pub sha: Option<String>,
    /// First line of its message.
    pub title: String,
    /// Its message.
    pub message: String,
}

/// A release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// Its tag.
    pub tag: String,
    /// Its title.
    pub name: String,
    /// What is new in it.
    pub body: String,
    /// Page for people.
    pub url: String,
}

/// A run of continuous integration that ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pipeline {
    /// The workflow's, app's or pipeline's name.
    pub name: String,
    /// How it ended, in the provider's word.
    pub status: String,
    /// Page for people.
    pub url: String,
}

/// A comment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comment {
    /// Login of who wrote it.
    pub author: String,
    /// Its text.
    pub body: String,
}

/// Who caused the event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sender {
    /// Login, as written.
    pub login: Option<String>,
    /// E-mail, where the payload has one.
    pub email: Option<String>,
    /// Account id.
    pub id: Option<String>,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The event in our words.
    pub event: MappedEvent,
    /// GitLab: path of the project.
    pub project: Option<String>,
    /// GitLab: number of the project.
    pub project_id: Option<i64>,
    /// Ref to work on (contract: hookcode 4.5, task meta).
    pub git_ref: Option<String>,
    /// The issue, for issue events.
    pub issue: Option<Thread>,
    /// The merge request or pull request, for merge request events.
    pub merge_request: Option<Thread>,
    /// The discussion, for discussion events. It has no branches.
    pub discussion: Option<Thread>,
    /// The release, for release events.
    pub release: Option<Release>,
    /// Name of the tag, for tag events.
    pub tag: Option<String>,
    /// The pipeline, for pipeline events.
    pub pipeline: Option<Pipeline>,
    /// What a review says: `approved`, `changes_requested`, `commented`; blank for events that are none.
    pub review_state: String,
    /// The commit.
    pub commit: Commit,
    /// The comment or review; blank for events that are none.
    pub comment: Comment,
    /// Who caused the event.
    pub sender: Sender,
}

impl Subject {
    /// Reads a mapped payload.
    pub fn read(provider: Provider, event: MappedEvent, payload: &Value) -> Self {
        let is = |event_type| event.event_type == event_type;
        Self {
            event,
            project: text(payload, "/project/path_with_namespace").map(str::to_owned),
            project_id: first_integer(payload, &["/project/id", "/project_id"]),
            git_ref: git_ref(provider, event, payload),
            issue: is(EventType::Issue).then(|| issue(provider, event, payload)),
            merge_request: is(EventType::MergeRequest).then(|| merge_request(provider, event, payload)),
            discussion: is(EventType::Discussion).then(|| thread(provider, payload, "/discussion")),
            release: is(EventType::Release).then(|| release(provider, payload)),
            tag: is(EventType::Tag).then(|| text(payload, "/ref").map(tag_name)).flatten(),
            pipeline: is(EventType::Pipeline).then(|| pipeline(payload)),
            review_state: review_state(provider, event, payload),
            commit: commit(event, payload),
            comment: comment(provider, event, payload),
            sender: sender(provider, payload),
        }
    }
}

fn owned(body: &Value, pointer: &str) -> String {
    text(body, pointer).unwrap_or_default().to_owned()
}

/// Reads the members that both kinds of thread share, below `base`.
fn thread(provider: Provider, payload: &Value, base: &str) -> Thread {
    let at = |name: &str| format!("{base}/{name}");
    match provider {
        Provider::Github | Provider::Git => Thread {
            number: integer(payload, &at("number")),
            title: owned(payload, &at("title")),
            body: owned(payload, &at("body")),
            url: owned(payload, &at("html_url")),
            source_branch: owned(payload, &at("head/ref")),
            target_branch: owned(payload, &at("base/ref")),
        },
        Provider::Gitlab => Thread {
            number: first_integer(payload, &[&at("iid"), &at("id")]),
            title: owned(payload, &at("title")),
            body: owned(payload, &at("description")),
            url: first_text(payload, &[&at("url"), &at("web_url")]).unwrap_or_default().to_owned(),
            source_branch: owned(payload, &at("source_branch")),
            target_branch: owned(payload, &at("target_branch")),
        },
    }
}

fn issue(provider: Provider, event: MappedEvent, payload: &Value) -> Thread {
    match provider {
        // In a note hook `object_attributes` is the note and the issue stands beside it.
        Provider::Gitlab if event.sub_type != SubType::Commented => thread(provider, payload, "/object_attributes"),
        Provider::Gitlab | Provider::Github | Provider::Git => thread(provider, payload, "/issue"),
    }
}

fn merge_request(provider: Provider, event: MappedEvent, payload: &Value) -> Thread {
    match (provider, event.sub_type == SubType::Commented) {
        (Provider::Gitlab, true) => thread(provider, payload, "/merge_request"),
        (Provider::Gitlab, false) => thread(provider, payload, "/object_attributes"),
        (Provider::Github | Provider::Git, true) => {
            let mut thread = thread(provider, payload, "/issue");
            thread.number = thread.number.or_else(|| integer(payload, "/pull_request/number"));
            thread
        }
        (Provider::Github | Provider::Git, false) => thread(provider, payload, "/pull_request"),
    }
}

/// GitLab's release stands at the top of its payload.
fn release(provider: Provider, payload: &Value) -> Release {
    let [tag, name, body, url] = match provider {
        Provider::Github | Provider::Git => {
            ["/release/tag_name", "/release/name", "/release/body", "/release/html_url"]
        }
        Provider::Gitlab => ["/tag", "/name", "/description", "/url"],
    };
    let read = |pointer| owned(payload, pointer);
    Release { tag: read(tag), name: read(name), body: read(body), url: read(url) }
}

fn pipeline(payload: &Value) -> Pipeline {
    let first = |pointers: &[&str]| first_text(payload, pointers).unwrap_or_default().to_owned();
    Pipeline {
        // Pipelines of GitLab have a name only where the project gives them one.
        name: first(&["/workflow_run/name", "/check_suite/app/name", "/object_attributes/name"]),
        status: first(&["/workflow_run/conclusion", "/check_suite/conclusion", "/object_attributes/status"]),
        url: first(&["/workflow_run/html_url", "/object_attributes/url"]),
    }
}

fn tag_name(git_ref: &str) -> String {
    cut_bytes(git_ref.strip_prefix("refs/tags/").unwrap_or(git_ref), 1024).to_owned()
}

/// GitLab knows approvals only; the words are those of GitHub's webhooks.
fn review_state(provider: Provider, event: MappedEvent, payload: &Value) -> String {
    match provider {
        _ if event.sub_type != SubType::Reviewed => String::new(),
        Provider::Github | Provider::Git => owned(payload, "/review/state").to_lowercase(),
        Provider::Gitlab => "approved".to_owned(),
    }
}

fn git_ref(provider: Provider, event: MappedEvent, payload: &Value) -> Option<String> {
    let pointers: &[&str] = match (event.event_type, event.sub_type, provider) {
        (EventType::Commit | EventType::Tag, _, _) => &["/ref"],
        (EventType::Issue | EventType::Discussion, _, _) | (EventType::MergeRequest, SubType::Commented, _) => {
            return None;
        }
        (EventType::MergeRequest, _, Provider::Gitlab) => &["/object_attributes/source_branch"],
        (EventType::MergeRequest, _, Provider::Github | Provider::Git) => &["/pull_request/head/ref"],
        (EventType::Release, _, Provider::Gitlab) => &["/tag"],
        (EventType::Release, _, Provider::Github | Provider::Git) => &["/release/tag_name"],
        (EventType::Pipeline, _, Provider::Gitlab) => &["/object_attributes/ref"],
        (EventType::Pipeline, _, Provider::Github | Provider::Git) => {
            &["/workflow_run/head_branch", "/check_suite/head_branch"]
        }
    };
    first_text(payload, pointers).map(|name| cut_bytes(name, 1024).to_owned())
}

/// A hash as Git writes it. All zeros stands for "none" in pushes that delete.
fn as_sha(text: &str) -> Option<&str> {
    let is_hex = (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    (is_hex && text.bytes().any(|b| b != b'0')).then_some(text)
}

/// Where a hash is looked for, in the contract's order. The head of a pull request comes last: upstream has none.
const SHA_POINTERS: [&str; 10] = [
    "/comment/commit_id",
    "/commit/id",
    "/commit/sha",
    "/object_attributes/commit_id",
    "/object_attributes/last_commit/id",
    "/last_commit/id",
    "/merge_request/last_commit/id",
    "/head_commit/id",
    "/checkout_sha",
    "/after",
];

/// The title of a commit in a payload's list.
pub(super) fn commit_title(commit: &Value) -> Option<&str> {
    first_verbatim(commit, &["/title", "/message"]).map(first_line).filter(|title| !title.is_empty())
}

/// The commit at the head of a push: the one that the payload names, else the only one or GitHub's `head_commit`.
pub(super) fn head_commit(payload: &Value) -> Option<&Value> {
    let commits = list(payload, "/commits");
    let head = first_text(payload, &["/checkout_sha", "/after"]);
    let named = head.and_then(|head| commits.iter().find(|commit| first_text(commit, &["/id", "/sha"]) == Some(head)));
    named.or_else(|| payload.get("head_commit").filter(|commit| commit.is_object())).or(if let [only] = commits {
        Some(only)
    } else {
        None
    })
}

/// Where the hash of a pipeline's commit stands: before all others, as the payload may name other commits too.
const PIPELINE_SHA_POINTERS: [&str; 3] = ["/workflow_run/head_sha", "/check_suite/head_sha", "/object_attributes/sha"];

fn commit(event: MappedEvent, payload: &Value) -> Commit {
    let own: &[&str] = if event.event_type == EventType::Pipeline { &PIPELINE_SHA_POINTERS } else { &[] };
    let last = list(payload, "/commits").last();
    let of_last = || last.and_then(|commit| first_text(commit, &["/id", "/sha"])).and_then(as_sha);
    let sha = own
        .iter()
        .chain(&SHA_POINTERS)
        .find_map(|pointer| text(payload, pointer).and_then(as_sha))
        .or_else(of_last)
        .or_else(|| text(payload, "/pull_request/head/sha").and_then(as_sha));
    let of_run =
        || payload.pointer("/workflow_run/head_commit").or_else(|| payload.pointer("/check_suite/head_commit"));
    let shown = head_commit(payload).or(last).or_else(|| payload.get("commit")).or_else(of_run);
    Commit {
        sha: sha.map(str::to_owned),
        title: shown.and_then(commit_title).unwrap_or_default().to_owned(),
        message: shown.and_then(|commit| text(commit, "/message")).unwrap_or_default().to_owned(),
    }
}

fn comment(provider: Provider, event: MappedEvent, payload: &Value) -> Comment {
    if !event.sub_type.is_comment() {
        return Comment::default();
    }
    let (author, body): (&[&str], &[&str]) = match provider {
        Provider::Github | Provider::Git if event.sub_type == SubType::Reviewed => {
            (&["/review/user/login", "/sender/login"], &["/review/body"])
        }
        Provider::Github | Provider::Git => {
            (&["/comment/user/login", "/sender/login"], &["/object_attributes/note", "/comment/body"])
        }
        Provider::Gitlab => (&["/user/username", "/user/name"], &["/object_attributes/note", "/comment/body"]),
    };
    Comment {
        author: first_text(payload, author).unwrap_or_default().to_owned(),
        body: first_text(payload, body).unwrap_or_default().to_owned(),
    }
}

fn sender(provider: Provider, payload: &Value) -> Sender {
    let (login, email, id_pointer): (&[&str], &[&str], &str) = match provider {
        Provider::Github | Provider::Git => (
            &["/sender/login", "/comment/user/login", "/pull_request/user/login"],
            &["/sender/email", "/pusher/email"],
            "/sender/id",
        ),
        Provider::Gitlab => (
            &["/user/username", "/user_username", "/user/name", "/user_name"],
            &["/user/email", "/user_email"],
            "/user/id",
        ),
    };
    Sender {
        login: first_text(payload, login).map(str::to_owned),
        // GitLab hides addresses behind this word.
        email: first_text(payload, email).filter(|email| *email != "[REDACTED]").map(str::to_owned),
        id: id(payload, id_pointer).or_else(|| id(payload, "/user_id")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::super::mapping::map_event;
    use super::*;
    use serde_json::json;

    fn subject(name: &str) -> Subject {
        let fixture = fixtures::named(name);
        let payload = fixture.payload();
        let event = map_event(fixture.provider, fixture.event, &payload).unwrap();
        Subject::read(fixture.provider, event, &payload)
    }

    #[test]
    fn a_real_pull_request_is_read() {
        let read = subject("github/pull_request/opened");
        let mr = read.merge_request.unwrap();
        assert_eq!((mr.number, mr.title.as_str()), (Some(2), "Update the README with new information."));
        assert_eq!((mr.source_branch.as_str(), mr.target_branch.as_str()), ("changes", "master"));
        assert_eq!(read.git_ref.as_deref(), Some("changes"), "4.5/title/meta-ref");
        assert_eq!(read.commit.sha.as_deref(), Some("ec26c3e57ca3a959ca5aad62de7213c562f8c821"));
        assert_eq!(read.sender.login.as_deref(), Some("Codertocat"));
    }

    #[test]
    fn a_note_on_a_merge_request_is_read() {
        let read = subject("gitlab/note/merge_request");
        let mr = read.merge_request.unwrap();
        assert_eq!(mr.number, Some(7), "4.5/title/meta-number");
        assert_eq!(read.git_ref, None, "{}: not for comments", "4.5/title/meta-ref");
        assert_eq!(read.comment.author, "ada");
        assert_eq!(read.project_id, Some(42), "4.5/title/meta-project");
        assert_eq!(read.sender.email, None);
    }

    #[test]
    fn hashes_are_taken_in_the_contracts_order() {
        let event = MappedEvent { event_type: EventType::Commit, sub_type: SubType::Created };
        let sha = |body: &Value| Subject::read(Provider::Github, event, body).commit.sha;
        let h = |c: &str| c.repeat(40);
        let mut body = json!({
            "comment": {"commit_id": h("1")}, "commit": {"id": h("2")},
            "object_attributes": {"commit_id": h("3"), "last_commit": {"id": h("4")}},
            "head_commit": {"id": h("5")}, "checkout_sha": h("6"), "after": h("7"),
            "commits": [{"id": h("a")}, {"id": h("8")}], "pull_request": {"head": {"sha": h("9")}}
        });
        let order = [
            ("comment", "1"),
            ("commit", "2"),
            ("object_attributes", "3"),
            ("head_commit", "5"),
            ("checkout_sha", "6"),
            ("after", "7"),
            ("commits", "8"),
            ("pull_request", "9"),
        ];
        for (member, digit) in order {
            assert_eq!(sha(&body), Some(h(digit)), "{} {member}", "4.5/title/meta-sha");
            body.as_object_mut().unwrap().remove(member);
        }
        assert_eq!(sha(&json!({"after": "0".repeat(40)})), None, "a deleting push names no commit");
        assert_eq!(sha(&json!({"after": "x:y"})), None);
    }
}
