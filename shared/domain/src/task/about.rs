//! What robots do about one commit, merge request or issue (contract: hookcode 2.8, `taskGroups`; quirk Q12).

use super::{GroupKind, Task, TaskStatus};
use crate::id::{RepositoryId, RobotId};
use crate::time::Timestamp;
use crate::webhook::group_id;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Tasks in work that a group shows (contract: hookcode 2.8).
const MAX_PROCESSING: usize = 3;

/// The groups about `subject`, newest first, out of a repository's tasks (newest first): one for each robot that has any.
///
/// A group is known by its kind as well as by its number, so that an issue never shows what belongs to the merge request
/// of the same number. `subject` is an issue's or merge request's number or a commit's full hash.
pub fn groups_about(
    tasks: &[Task],
    repository: RepositoryId,
    kind: GroupKind,
    subject: &str,
    now: Timestamp,
) -> Vec<Value> {
    let key = match kind {
        GroupKind::Issue => format!("issue:{subject}"),
        GroupKind::MergeRequest => format!("merge_request:{subject}"),
        GroupKind::Commit => format!("commit:{subject}"),
        GroupKind::Task => format!("task:{subject}"),
    };
    let robots: BTreeSet<RobotId> = tasks.iter().map(|task| task.robot_id).collect();
    let mut groups: Vec<(Timestamp, Value)> = robots
        .into_iter()
        .filter_map(|robot| group(tasks, &group_id(repository, robot, &key), kind, robot, now))
        .collect();
    groups.sort_by_key(|(updated_at, _)| std::cmp::Reverse(*updated_at));
    groups.into_iter().map(|(_, group)| group).collect()
}

fn group(tasks: &[Task], id: &str, kind: GroupKind, robot: RobotId, now: Timestamp) -> Option<(Timestamp, Value)> {
    let members = || tasks.iter().filter(|task| task.group_id == id);
    let updated_at = members().map(|task| task.updated_at).max()?;
    let processing = members().filter(|task| task.status_at(now) == TaskStatus::Processing).take(MAX_PROCESSING);
    let processing: Vec<Value> = processing
        .map(|task| {
            json!({"id": task.id, "status": TaskStatus::Processing, "title": task.title, "updatedAt": task.updated_at})
        })
        .collect();
    let first = members().next_back()?;
    let view = json!({
        "id": id, "kind": kind, "title": first.title, "updatedAt": updated_at, "robotId": robot, "processingTasks": processing,
    });
    Some((updated_at, view))
}
