//! What a robot is told: which prompt, and its `{{variables}}` filled in from the event
//! (contract: hookcode 4.5, prompt; design 8.4).

use super::context::Context;
use super::payload::cut_bytes;
use super::subject::{Subject, Thread};
use crate::automation::Action;
use crate::repository::Repository;
use crate::robot::Robot;

/// Longest rendered prompt, in bytes.
pub const MAX_PROMPT_BYTES: usize = 16 * 1024;
/// Ends a prompt that was cut.
const CUT_MARK: &str = "\n[… cut]";
/// Longest name of a variable that is looked for.
const MAX_NAME_BYTES: usize = 64;

/// Every variable besides the fields of the context ([`Context::FIELDS`]). One that the event has no value for renders
/// as nothing; names that are in neither list stay as they are written.
///
/// `mr.*` is also known as `mergeRequest.*`.
pub const PROMPT_VARIABLES: [&str; 46] = [
    "comment.author",
    "commit.branch",
    "commit.message",
    "commit.sha",
    "commit.title",
    "discussion.body",
    "discussion.number",
    "discussion.title",
    "discussion.url",
    "issue.body",
    "issue.number",
    "issue.title",
    "issue.url",
    "mergeRequest.body",
    "mergeRequest.number",
    "mergeRequest.sourceBranch",
    "mergeRequest.targetBranch",
    "mergeRequest.title",
    "mergeRequest.url",
    "mr.body",
    "mr.number",
    "mr.sourceBranch",
    "mr.targetBranch",
    "mr.title",
    "mr.url",
    "pipeline.url",
    "release.body",
    "release.name",
    "release.url",
    "repo.defaultBranch",
    "repo.externalId",
    "repo.id",
    "repo.name",
    "repo.provider",
    "robot.id",
    "robot.language",
    "robot.name",
    "rule.id",
    "rule.name",
    "sender.login",
    "task.eventType",
    "task.id",
    "task.issueId",
    "task.mrId",
    "task.ref",
    "task.title",
];

/// The prompt of an action: its override if that is not blank, else the robot's default and the action's patch, joined
/// by a blank line.
pub fn select_prompt(robot: &Robot, action: &Action) -> String {
    let said =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(text) = said(&action.prompt_override) {
        return text;
    }
    let parts =
        [Some(robot.prompt_default.trim().to_owned()).filter(|text| !text.is_empty()), said(&action.prompt_patch)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// What the variables of one task stand for.
#[derive(Debug, Clone, Copy)]
pub struct PromptScope<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The robot.
    pub robot: &'a Robot,
    /// What the event is about.
    pub subject: &'a Subject,
    /// The fields that clauses see.
    pub context: &'a Context,
    /// Id of the task.
    pub task_id: &'a str,
    /// Title of the task.
    pub task_title: &'a str,
    /// The rule, as id and name.
    pub rule: (&'a str, &'a str),
}

impl PromptScope<'_> {
    /// The value of a variable; `None` for a name that is no variable.
    pub fn value(&self, name: &str) -> Option<String> {
        self.context.text(name).or_else(|| self.own(name))
    }

    fn own(&self, name: &str) -> Option<String> {
        let number = |thread: &Option<Thread>| {
            thread.as_ref().and_then(|thread| thread.number).map(|number| number.to_string()).unwrap_or_default()
        };
        let subject = self.subject;
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        if let Some(field) = name.strip_prefix("issue.") {
            return thread_field(subject.issue.as_ref(), field).filter(|_| !field.ends_with("Branch"));
        }
        if let Some(field) = name.strip_prefix("discussion.") {
            return thread_field(subject.discussion.as_ref(), field).filter(|_| !field.ends_with("Branch"));
        }
        if let Some(field) = name.strip_prefix("mr.").or_else(|| name.strip_prefix("mergeRequest.")) {
            return thread_field(subject.merge_request.as_ref(), field);
        }
        Some(match name {
            "comment.author" => subject.comment.author.clone(),
            "commit.branch" => self.context.text("push.branch").unwrap_or_default(),
            "commit.message" => subject.commit.message.clone(),
            "commit.sha" => or_empty(&subject.commit.sha),
            "commit.title" => subject.commit.title.clone(),
            "pipeline.url" => subject.pipeline.as_ref().map(|pipeline| pipeline.url.clone()).unwrap_or_default(),
            "release.body" => subject.release.as_ref().map(|release| release.body.clone()).unwrap_or_default(),
            "release.name" => subject.release.as_ref().map(|release| release.name.clone()).unwrap_or_default(),
            "release.url" => subject.release.as_ref().map(|release| release.url.clone()).unwrap_or_default(),
            "repo.defaultBranch" => {
                let branches = &self.repository.branches;
                let default = branches.iter().find(|branch| branch.is_default).or(branches.first());
                default.map(|branch| branch.name.clone()).unwrap_or_default()
            }
            "repo.externalId" => or_empty(&self.repository.external_id),
            "repo.id" => self.repository.id.to_string(),
            "repo.name" => self.repository.name.clone(),
            "repo.provider" => self.repository.provider.to_string(),
            "robot.id" => self.robot.id.to_string(),
            "robot.language" => or_empty(&self.robot.language),
            "robot.name" => self.robot.name.clone(),
            "rule.id" => self.rule.0.to_owned(),
            "rule.name" => self.rule.1.to_owned(),
            "sender.login" => or_empty(&subject.sender.login),
            "task.eventType" => subject.event.event_type.as_str().to_owned(),
            "task.id" => self.task_id.to_owned(),
            "task.issueId" => number(&subject.issue),
            "task.mrId" => number(&subject.merge_request),
            "task.ref" => or_empty(&subject.git_ref),
            "task.title" => self.task_title.to_owned(),
            _ => return None,
        })
    }
}

fn thread_field(thread: Option<&Thread>, field: &str) -> Option<String> {
    let of = |read: fn(&Thread) -> String| Some(thread.map(read).unwrap_or_default());
    match field {
        "body" => of(|thread| thread.body.clone()),
        "number" => of(|thread| thread.number.map(|number| number.to_string()).unwrap_or_default()),
        "title" => of(|thread| thread.title.clone()),
        "url" => of(|thread| thread.url.clone()),
        "sourceBranch" => of(|thread| thread.source_branch.clone()),
        "targetBranch" => of(|thread| thread.target_branch.clone()),
        _ => None,
    }
}

/// Fills in `{{name}}`; blanks inside the braces are allowed. One pass from left to right: what a value brings along
/// is never read again, so a payload that contains `{{x}}` stays text. At most [`MAX_PROMPT_BYTES`], with a mark at
/// the end of a prompt that was cut.
pub fn render(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        // Stops early: a template full of long values must not grow without bound.
        if out.len() > MAX_PROMPT_BYTES {
            break;
        }
        match variable(inner).and_then(|(name, after)| Some((value(name)?, after))) {
            Some((text, after)) => {
                out.push_str(&text);
                rest = after;
            }
            None => {
                // Only one brace is passed over: `{{{name}}` holds a variable after it.
                out.push('{');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    if out.len() > MAX_PROMPT_BYTES {
        let kept = cut_bytes(&out, MAX_PROMPT_BYTES - CUT_MARK.len()).len();
        out.truncate(kept);
        out.push_str(CUT_MARK);
    }
    out
}

/// The name at the start of what follows `{{`, and what follows its `}}`.
fn variable(inner: &str) -> Option<(&str, &str)> {
    let inner = inner.trim_start();
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))?;
    let after = inner[end..].trim_start().strip_prefix("}}")?;
    (end > 0 && end <= MAX_NAME_BYTES).then_some((&inner[..end], after))
}

#[cfg(test)]
mod tests;
