//! The mapping itself. Names and members are the providers' own (GitHub: webhook events and payloads; GitLab: webhook
//! events).

use super::Condition::{
    self, False, Has, Hash, Is, IsNot, IsOrAbsent, LabelsAdded, LabelsRemoved, Lacks, NotFalse, NotTrue, Starts, True,
    Zeros,
};
use super::EventType::{Commit, Discussion, Issue, MergeRequest, Pipeline, Release, Tag};
use super::SubType::{
    ActionRequired, Canceled, Closed, Commented, ConvertedToDraft, Created, Deleted, Failed, Labeled, Merged,
    Published, ReadyForReview, Reopened, ReviewCommented, Reviewed, Skipped, Succeeded, Unlabeled, Updated,
};
use super::{Declaration, EventType, MappedEvent, SubType};
use crate::repository::Provider::{self, Github, Gitlab};

const fn standing(
    provider: Provider,
    event_name: &'static str,
    conditions: &'static [Condition],
    event_type: EventType,
    sub_type: SubType,
) -> Declaration {
    let event = MappedEvent { event_type, sub_type };
    Declaration { provider, event_name, conditions, event, on_request: false }
}

/// The event header is not signed, so a line on request also asks for the object of its event: a body of another event
/// under this header is then no event at all. (Of the standing events `open` asks.)
const fn on_request(
    provider: Provider,
    event_name: &'static str,
    conditions: &'static [Condition],
    event_type: EventType,
    sub_type: SubType,
) -> Declaration {
    Declaration { on_request: true, ..standing(provider, event_name, conditions, event_type, sub_type) }
}

/// Every event that is mapped. Of the standing lines the first that holds counts, of those on request all.
pub const DECLARATIONS: [Declaration; 62] = [
    standing(Github, "push", &[], Commit, Created),
    standing(Github, "commit_comment", &[IsOrAbsent("/action", &["created"])], Commit, Commented),
    standing(Github, "issues", &[IsOrAbsent("/action", &["opened"])], Issue, Created),
    standing(Github, "issues", &[Is("/action", &["reopened"])], Issue, Reopened),
    // A pull request is an issue with more: its comments come as comments of an issue.
    standing(
        Github,
        "issue_comment",
        &[IsOrAbsent("/action", &["created"]), Has("/issue/pull_request")],
        MergeRequest,
        Commented,
    ),
    standing(
        Github,
        "issue_comment",
        &[IsOrAbsent("/action", &["created"]), Lacks("/issue/pull_request")],
        Issue,
        Commented,
    ),
    standing(Github, "pull_request", &[IsOrAbsent("/action", &["opened", "reopened"])], MergeRequest, Created),
    standing(Github, "pull_request", &[Is("/action", &["synchronize", "edited"])], MergeRequest, Updated),
    on_request(Github, "issues", &[Is("/action", &["labeled"])], Issue, Labeled),
    on_request(Github, "issues", &[Is("/action", &["unlabeled"])], Issue, Unlabeled),
    on_request(Github, "issues", &[Is("/action", &["closed"])], Issue, Closed),
    on_request(Github, "pull_request", &[Is("/action", &["labeled"])], MergeRequest, Labeled),
    on_request(Github, "pull_request", &[Is("/action", &["unlabeled"])], MergeRequest, Unlabeled),
    on_request(
        Github,
        "pull_request",
        &[Is("/action", &["closed"]), NotTrue("/pull_request/merged")],
        MergeRequest,
        Closed,
    ),
    on_request(
        Github,
        "pull_request",
        &[Is("/action", &["closed"]), True("/pull_request/merged")],
        MergeRequest,
        Merged,
    ),
    on_request(Github, "pull_request", &[Is("/action", &["ready_for_review"])], MergeRequest, ReadyForReview),
    on_request(Github, "pull_request", &[Is("/action", &["converted_to_draft"])], MergeRequest, ConvertedToDraft),
    on_request(
        Github,
        "pull_request_review",
        &[Is("/action", &["submitted"]), Has("/review"), Has("/pull_request")],
        MergeRequest,
        Reviewed,
    ),
    on_request(
        Github,
        "pull_request_review_comment",
        &[Is("/action", &["created"]), Has("/comment"), Has("/pull_request")],
        MergeRequest,
        ReviewCommented,
    ),
    on_request(Github, "release", &[Is("/action", &["published"]), Has("/release")], Release, Published),
    // `create` and `delete` tell of tags as well, and would tell of them twice.
    on_request(
        Github,
        "push",
        &[Starts("/ref", "refs/tags/"), NotFalse("/created"), NotTrue("/deleted")],
        Tag,
        Created,
    ),
    on_request(Github, "push", &[Starts("/ref", "refs/tags/"), False("/created"), NotTrue("/deleted")], Tag, Updated),
    on_request(Github, "push", &[Starts("/ref", "refs/tags/"), True("/deleted")], Tag, Deleted),
    on_request(
        Github,
        "workflow_run",
        &[Is("/action", &["completed"]), Is("/workflow_run/conclusion", &["success"])],
        Pipeline,
        Succeeded,
    ),
    on_request(
        Github,
        "workflow_run",
        &[Is("/action", &["completed"]), Is("/workflow_run/conclusion", &["failure", "timed_out", "startup_failure"])],
        Pipeline,
        Failed,
    ),
    on_request(
        Github,
        "workflow_run",
        &[Is("/action", &["completed"]), Is("/workflow_run/conclusion", &["cancelled"])],
        Pipeline,
        Canceled,
    ),
    on_request(
        Github,
        "workflow_run",
        &[Is("/action", &["completed"]), Is("/workflow_run/conclusion", &["skipped", "neutral", "stale"])],
        Pipeline,
        Skipped,
    ),
    on_request(
        Github,
        "workflow_run",
        &[Is("/action", &["completed"]), Is("/workflow_run/conclusion", &["action_required"])],
        Pipeline,
        ActionRequired,
    ),
    // A workflow of GitHub Actions has a check suite too, and would be told of twice.
    on_request(
        Github,
        "check_suite",
        &[
            Is("/action", &["completed"]),
            Is("/check_suite/conclusion", &["success"]),
            IsNot("/check_suite/app/slug", &["github-actions"]),
        ],
        Pipeline,
        Succeeded,
    ),
    on_request(
        Github,
        "check_suite",
        &[
            Is("/action", &["completed"]),
            Is("/check_suite/conclusion", &["failure", "timed_out", "startup_failure"]),
            IsNot("/check_suite/app/slug", &["github-actions"]),
        ],
        Pipeline,
        Failed,
    ),
    on_request(
        Github,
        "check_suite",
        &[
            Is("/action", &["completed"]),
            Is("/check_suite/conclusion", &["cancelled"]),
            IsNot("/check_suite/app/slug", &["github-actions"]),
        ],
        Pipeline,
        Canceled,
    ),
    on_request(
        Github,
        "check_suite",
        &[
            Is("/action", &["completed"]),
            Is("/check_suite/conclusion", &["skipped", "neutral", "stale"]),
            IsNot("/check_suite/app/slug", &["github-actions"]),
        ],
        Pipeline,
        Skipped,
    ),
    on_request(
        Github,
        "check_suite",
        &[
            Is("/action", &["completed"]),
            Is("/check_suite/conclusion", &["action_required"]),
            IsNot("/check_suite/app/slug", &["github-actions"]),
        ],
        Pipeline,
        ActionRequired,
    ),
    on_request(
        Github,
        "discussion",
        &[Is("/action", &["created"]), Has("/discussion"), Lacks("/comment")],
        Discussion,
        Created,
    ),
    on_request(
        Github,
        "discussion_comment",
        &[Is("/action", &["created"]), Has("/discussion"), Has("/comment")],
        Discussion,
        Commented,
    ),
    standing(Gitlab, "Push Hook", &[], Commit, Created),
    standing(Gitlab, "Issue Hook", &[Is("/object_attributes/action", &["reopen"])], Issue, Reopened),
    // Every other action maps as well; the guard names it in its reason.
    standing(Gitlab, "Issue Hook", &[IsNot("/object_attributes/action", &["reopen"])], Issue, Created),
    standing(
        Gitlab,
        "Merge Request Hook",
        &[IsOrAbsent("/object_attributes/action", &["open", "reopen", "create"])],
        MergeRequest,
        Created,
    ),
    standing(Gitlab, "Merge Request Hook", &[Is("/object_attributes/action", &["update"])], MergeRequest, Updated),
    standing(Gitlab, "Note Hook", &[Is("/object_attributes/noteable_type", &["Issue"])], Issue, Commented),
    standing(
        Gitlab,
        "Note Hook",
        &[Is("/object_attributes/noteable_type", &["MergeRequest"])],
        MergeRequest,
        Commented,
    ),
    standing(Gitlab, "Note Hook", &[Is("/object_attributes/noteable_type", &["Commit"])], Commit, Commented),
    on_request(Gitlab, "Issue Hook", &[Is("/object_attributes/action", &["update"]), LabelsAdded], Issue, Labeled),
    on_request(Gitlab, "Issue Hook", &[Is("/object_attributes/action", &["update"]), LabelsRemoved], Issue, Unlabeled),
    on_request(Gitlab, "Issue Hook", &[Is("/object_attributes/action", &["close"])], Issue, Closed),
    on_request(
        Gitlab,
        "Merge Request Hook",
        &[Is("/object_attributes/action", &["update"]), LabelsAdded],
        MergeRequest,
        Labeled,
    ),
    on_request(
        Gitlab,
        "Merge Request Hook",
        &[Is("/object_attributes/action", &["update"]), LabelsRemoved],
        MergeRequest,
        Unlabeled,
    ),
    on_request(Gitlab, "Merge Request Hook", &[Is("/object_attributes/action", &["close"])], MergeRequest, Closed),
    on_request(Gitlab, "Merge Request Hook", &[Is("/object_attributes/action", &["merge"])], MergeRequest, Merged),
    on_request(
        Gitlab,
        "Merge Request Hook",
        &[
            Is("/object_attributes/action", &["update"]),
            True("/changes/draft/previous"),
            False("/changes/draft/current"),
        ],
        MergeRequest,
        ReadyForReview,
    ),
    on_request(
        Gitlab,
        "Merge Request Hook",
        &[
            Is("/object_attributes/action", &["update"]),
            False("/changes/draft/previous"),
            True("/changes/draft/current"),
        ],
        MergeRequest,
        ConvertedToDraft,
    ),
    // `approval` is one of several that are needed, `approved` the last of them.
    on_request(
        Gitlab,
        "Merge Request Hook",
        &[Is("/object_attributes/action", &["approved", "approval"])],
        MergeRequest,
        Reviewed,
    ),
    on_request(
        Gitlab,
        "Release Hook",
        &[Is("/object_kind", &["release"]), Is("/action", &["create"])],
        Release,
        Published,
    ),
    on_request(
        Gitlab,
        "Tag Push Hook",
        &[Starts("/ref", "refs/tags/"), Zeros("/before"), Hash("/after")],
        Tag,
        Created,
    ),
    on_request(Gitlab, "Tag Push Hook", &[Starts("/ref", "refs/tags/"), Hash("/before"), Hash("/after")], Tag, Updated),
    on_request(Gitlab, "Tag Push Hook", &[Starts("/ref", "refs/tags/"), Zeros("/after")], Tag, Deleted),
    on_request(
        Gitlab,
        "Pipeline Hook",
        &[Is("/object_kind", &["pipeline"]), Is("/object_attributes/status", &["success"])],
        Pipeline,
        Succeeded,
    ),
    on_request(
        Gitlab,
        "Pipeline Hook",
        &[Is("/object_kind", &["pipeline"]), Is("/object_attributes/status", &["failed"])],
        Pipeline,
        Failed,
    ),
    on_request(
        Gitlab,
        "Pipeline Hook",
        &[Is("/object_kind", &["pipeline"]), Is("/object_attributes/status", &["canceled"])],
        Pipeline,
        Canceled,
    ),
    on_request(
        Gitlab,
        "Pipeline Hook",
        &[Is("/object_kind", &["pipeline"]), Is("/object_attributes/status", &["skipped"])],
        Pipeline,
        Skipped,
    ),
    on_request(
        Gitlab,
        "Pipeline Hook",
        &[Is("/object_kind", &["pipeline"]), Is("/object_attributes/status", &["manual"])],
        Pipeline,
        ActionRequired,
    ),
];
