//! The line by which people know a task, and the group that follow-ups of one thing share
//! (contract: hookcode 4.5, task meta).

use super::mapping::{EventType, SubType};
use super::payload::{cut_chars, one_line};
use super::subject::{Subject, Thread};
use crate::id::{RepositoryId, RobotId, TaskId};
use crate::repository::Provider;
use crate::robot::Robot;
use crate::secret::sha256_hex;
use crate::task::{GroupKind, TaskGroup};

/// Longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 300;
/// Longest quotation inside a title.
const SNIPPET_CHARS: usize = 80;

/// The title of a robot's task.
pub fn task_title(provider: Provider, subject: &Subject, robot: &Robot) -> String {
    let robot_name = one_line(&robot.name, SNIPPET_CHARS);
    let room = MAX_TITLE_CHARS - robot_name.chars().count() - 3;
    let what = one_line(&event_title(provider, subject), room + 1);
    let what = if what.chars().count() > room { format!("{}…", cut_chars(&what, room - 1)) } else { what };
    format!("{what} · {robot_name}")
}

fn event_title(provider: Provider, subject: &Subject) -> String {
    let empty = Thread::default();
    let sub_type = subject.event.sub_type;
    let happened = camel(sub_type.as_str());
    let said = [(SubType::Commented, "Comment"), (SubType::ReviewCommented, "ReviewComment")];
    let said = said.into_iter().find(|(commented, _)| *commented == sub_type).map(|(_, word)| word);
    match subject.event.event_type {
        EventType::Commit if sub_type == SubType::Commented => {
            let label = if subject.comment.body.is_empty() { "Commit" } else { "CommitComment" };
            comment_title(provider, label, "", subject)
        }
        EventType::Commit => commit_title(provider, subject),
        EventType::MergeRequest => {
            let (word, sign) = match provider {
                Provider::Github | Provider::Git => ("PR", '#'),
                Provider::Gitlab => ("MR", '!'),
            };
            let mr = subject.merge_request.as_ref().unwrap_or(&empty);
            if let Some(said) = said {
                comment_title(provider, &format!("{word}{said}"), &number(mr, sign), subject)
            } else if matches!(sub_type, SubType::Created | SubType::Reopened) {
                numbered(word, mr, sign)
            } else {
                numbered(&format!("{word}{happened}"), mr, sign)
            }
        }
        EventType::Issue | EventType::Discussion => {
            let (word, thread) = match &subject.discussion {
                Some(discussion) => ("Discussion", discussion),
                None => ("Issue", subject.issue.as_ref().unwrap_or(&empty)),
            };
            match said {
                Some(said) => comment_title(provider, &format!("{word}{said}"), &number(thread, '#'), subject),
                None if sub_type == SubType::Updated => numbered(word, thread, '#'),
                None => numbered(&format!("{word}{happened}"), thread, '#'),
            }
        }
        EventType::Release => release_title(provider, subject),
        EventType::Tag => {
            let word = format!("Tag{happened}");
            let base = joined(&[&word, project(provider, subject), subject.tag.as_deref().unwrap_or_default()], " ");
            joined(&[&base, short_sha(subject), &one_line(&subject.commit.title, SNIPPET_CHARS)], " · ")
        }
        EventType::Pipeline => pipeline_title(provider, subject),
    }
}

/// `ready_for_review` as `ReadyForReview`.
fn camel(name: &str) -> String {
    let capital =
        |word: &str| word.chars().take(1).map(|c| c.to_ascii_uppercase()).chain(word.chars().skip(1)).collect();
    name.split('_').map(capital).collect::<Vec<String>>().concat()
}

/// `ReleasePublished group/project v1.4.0: What is new`. A release without a title is called by its tag.
fn release_title(provider: Provider, subject: &Subject) -> String {
    let release = subject.release.clone().unwrap_or_default();
    let base = joined(&["ReleasePublished", project(provider, subject), &release.tag], " ");
    let name = if release.name == release.tag { "" } else { &release.name };
    joined(&[&base, &one_line(name, SNIPPET_CHARS)], ": ")
}

/// `PipelineFailed group/project main · 0a1b2c3d · name`.
fn pipeline_title(provider: Provider, subject: &Subject) -> String {
    let word = format!("Pipeline{}", camel(subject.event.sub_type.as_str()));
    let git_ref = subject.git_ref.as_deref().unwrap_or_default();
    let base = joined(&[&word, project(provider, subject), git_ref], " ");
    let name = subject.pipeline.as_ref().map(|pipeline| one_line(&pipeline.name, SNIPPET_CHARS)).unwrap_or_default();
    joined(&[&base, short_sha(subject), &name], " · ")
}

fn short_sha(subject: &Subject) -> &str {
    cut_chars(subject.commit.sha.as_deref().unwrap_or_default(), 8)
}

fn number(thread: &Thread, sign: char) -> String {
    thread.number.map(|number| format!("{sign}{number}")).unwrap_or_default()
}

/// `IssueCreated #4: The title`.
fn numbered(label: &str, thread: &Thread, sign: char) -> String {
    joined(&[label, &number(thread, sign)], " ") + ": " + &thread.title
}

/// The parts that are not empty.
fn joined(parts: &[&str], by: &str) -> String {
    parts.iter().copied().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(by)
}

/// GitLab's titles name the project, as one robot may serve many of them there.
fn project(provider: Provider, subject: &Subject) -> &str {
    match provider {
        Provider::Github | Provider::Git => "",
        Provider::Gitlab => subject.project.as_deref().unwrap_or_default(),
    }
}

/// `MRComment · group/project · !7 · what was said`.
fn comment_title(provider: Provider, label: &str, number: &str, subject: &Subject) -> String {
    let said = one_line(&subject.comment.body, SNIPPET_CHARS);
    joined(&[label, project(provider, subject), number, &said], " · ")
}

/// `Commit group/project refs/heads/main · 0a1b2c3d · First line`.
fn commit_title(provider: Provider, subject: &Subject) -> String {
    let git_ref = subject.git_ref.as_deref().unwrap_or_default();
    let base = joined(&["Commit", project(provider, subject), git_ref], " ");
    joined(&[&base, short_sha(subject), &one_line(&subject.commit.title, SNIPPET_CHARS)], " · ")
}

/// The group of a task: one for each robot and issue, merge request or commit; else the task's own. Its id is a hash of
/// the binding key, so two writers agree on it without asking.
pub fn group_of(
    repository: RepositoryId,
    robot: &Robot,
    subject: &Subject,
    task: TaskId,
    task_title: &str,
) -> TaskGroup {
    let issue_id = subject.issue.as_ref().and_then(|issue| issue.number);
    let mr_id = subject.merge_request.as_ref().and_then(|mr| mr.number);
    let sha = subject.commit.sha.clone();
    let (kind, end) = match (issue_id, mr_id, &sha) {
        (Some(number), _, _) => (GroupKind::Issue, format!("issue:{number}")),
        (None, Some(number), _) => (GroupKind::MergeRequest, format!("merge_request:{number}")),
        (None, None, Some(sha)) => (GroupKind::Commit, format!("commit:{sha}")),
        (None, None, None) => (GroupKind::Task, format!("task:{task}")),
    };
    let binding_key = binding_key(repository, robot.id, &end);
    TaskGroup {
        id: id_of(&binding_key),
        kind,
        binding_key,
        title: task_title.to_owned(),
        issue_id,
        mr_id,
        commit_sha: sha.filter(|_| kind == GroupKind::Commit),
        repo_id: repository,
        robot_id: robot.id,
    }
}

/// The id of the group that a robot has for an issue (`issue:7`), a merge request (`merge_request:7`) or a commit
/// (`commit:<sha>`).
pub fn group_id(repository: RepositoryId, robot: RobotId, subject: &str) -> String {
    id_of(&binding_key(repository, robot, subject))
}

fn binding_key(repository: RepositoryId, robot: RobotId, subject: &str) -> String {
    format!("{repository}:{robot}:{subject}")
}

fn id_of(binding_key: &str) -> String {
    format!("grp_{}", &sha256_hex(binding_key.as_bytes())[..32])
}

#[cfg(test)]
mod tests;
