//! Which events of ours a provider's event is (contract: hookcode 4.5, event mapping; quirk Q10).
//!
//! The mapping is a table, [`DECLARATIONS`], which the page `docs/events.md` is written from. The contract's part of it
//! applies to everybody. The rest is *on request*: it counts only where a rule names the event, so that nobody's
//! deliveries change by what they never asked for.

use crate::repository::Provider;
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod condition;
mod table;

pub use condition::Condition;
pub use table::DECLARATIONS;

/// What an event is about: the key of its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// An issue.
    Issue,
    /// Commits: a push to a branch, or a comment on a commit.
    Commit,
    /// A merge request or pull request.
    MergeRequest,
    /// A release (GitHub: `release`; GitLab: `Release Hook`).
    Release,
    /// A tag (GitHub: `push`; GitLab: `Tag Push Hook`).
    Tag,
    /// The end of a run of continuous integration (GitHub: `workflow_run`, `check_suite`; GitLab: `Pipeline Hook`).
    Pipeline,
    /// A discussion (GitHub only).
    Discussion,
}

impl EventType {
    /// All of them: first the contract's, in its order, then ours.
    pub const ALL: [Self; 7] =
        [Self::Issue, Self::Commit, Self::MergeRequest, Self::Release, Self::Tag, Self::Pipeline, Self::Discussion];
    /// The contract's: every configuration has them, asked for or not.
    pub const STANDING: [Self; 3] = [Self::Issue, Self::Commit, Self::MergeRequest];

    /// The name on the wire and in configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Commit => "commit",
            Self::MergeRequest => "merge_request",
            Self::Release => "release",
            Self::Tag => "tag",
            Self::Pipeline => "pipeline",
            Self::Discussion => "discussion",
        }
    }
}

/// What happened to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubType {
    /// New: opened, pushed.
    Created,
    /// Changed.
    Updated,
    /// Somebody wrote a comment on it.
    Commented,
    /// It came back.
    Reopened,
    /// It got labels.
    Labeled,
    /// It lost labels.
    Unlabeled,
    /// It was closed; a merge request without being merged.
    Closed,
    /// A merge request was merged.
    Merged,
    /// A merge request is no draft any more.
    ReadyForReview,
    /// A merge request became a draft.
    ConvertedToDraft,
    /// Somebody reviewed or approved a merge request.
    Reviewed,
    /// Somebody wrote a comment on lines of a pull request.
    ReviewCommented,
    /// A release was published.
    Published,
    /// It is gone.
    Deleted,
    /// A pipeline ended well.
    Succeeded,
    /// A pipeline ended badly: it failed, timed out or could not start.
    Failed,
    /// Somebody stopped a pipeline.
    Canceled,
    /// A pipeline had nothing to do, or nothing to say.
    Skipped,
    /// A pipeline waits for somebody.
    ActionRequired,
}

impl SubType {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Created,
        Self::Updated,
        Self::Commented,
        Self::Reopened,
        Self::Labeled,
        Self::Unlabeled,
        Self::Closed,
        Self::Merged,
        Self::ReadyForReview,
        Self::ConvertedToDraft,
        Self::Reviewed,
        Self::ReviewCommented,
        Self::Published,
        Self::Deleted,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
        Self::Skipped,
        Self::ActionRequired,
    ];

    /// The name on the wire and in clauses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Commented => "commented",
            Self::Reopened => "reopened",
            Self::Labeled => "labeled",
            Self::Unlabeled => "unlabeled",
            Self::Closed => "closed",
            Self::Merged => "merged",
            Self::ReadyForReview => "ready_for_review",
            Self::ConvertedToDraft => "converted_to_draft",
            Self::Reviewed => "reviewed",
            Self::ReviewCommented => "review_commented",
            Self::Published => "published",
            Self::Deleted => "deleted",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
            Self::ActionRequired => "action_required",
        }
    }

    /// Whether somebody said something: then the event is about these words.
    pub fn is_comment(self) -> bool {
        matches!(self, Self::Commented | Self::Reviewed | Self::ReviewCommented)
    }
}

/// An event in our words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MappedEvent {
    /// What it is about.
    pub event_type: EventType,
    /// What happened.
    pub sub_type: SubType,
}

impl MappedEvent {
    /// Whether only rules that name the subtype fire for the event.
    ///
    /// The first rules knew three subtypes. One without a condition means these three: it must not start to fire for
    /// what was added later. The newer types have no such past; their key under `events` names them.
    pub fn is_named_only(self) -> bool {
        let first = matches!(self.sub_type, SubType::Created | SubType::Updated | SubType::Commented);
        EventType::STANDING.contains(&self.event_type) && !first
    }
}

/// One line of the mapping.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    /// Whose event.
    pub provider: Provider,
    /// Event header: `x-github-event`, `x-gitlab-event`.
    pub event_name: &'static str,
    /// All must hold.
    pub conditions: &'static [Condition],
    /// What it is.
    pub event: MappedEvent,
    /// Whether it counts only where a rule names the event.
    pub on_request: bool,
}

impl Declaration {
    fn holds(&self, provider: Provider, event_name: &str, payload: &Value) -> bool {
        self.provider == provider
            && self.event_name == event_name
            && self.conditions.iter().all(|condition| condition.holds(payload))
    }
}

/// Maps a provider's event as the contract does, for every configuration; `None` for `event not supported`.
pub fn map_event(provider: Provider, event_name: &str, payload: &Value) -> Option<MappedEvent> {
    let holds = |line: &&Declaration| !line.on_request && line.holds(provider, event_name, payload);
    DECLARATIONS.iter().find(holds).map(|line| line.event)
}

/// What a provider's event is besides, for configurations with a rule that names it. One post may be several events: a
/// GitLab update of a merge request adds a label, takes one away and ends a draft.
pub fn map_on_request(provider: Provider, event_name: &str, payload: &Value) -> Vec<MappedEvent> {
    let holds = |line: &&Declaration| line.on_request && line.holds(provider, event_name, payload);
    DECLARATIONS.iter().filter(holds).map(|line| line.event).collect()
}

#[cfg(test)]
mod tests;
