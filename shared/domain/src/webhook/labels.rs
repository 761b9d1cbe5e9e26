//! Labels of issues and merge requests: those they have, and those that came or went.

use super::mapping::SubType;
use super::payload::{list, plain};
use crate::repository::Provider;
use serde_json::Value;
use std::collections::BTreeSet;

/// Labels that an update added and removed, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LabelChanges {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
}

/// The name of a label: GitHub writes `name`, GitLab `title`.
fn name(label: &Value) -> Option<String> {
    ["name", "title"].iter().find_map(|key| label.get(key).and_then(plain))
}

/// What an update did to the labels (GitLab: member `changes.labels`, whole lists before and after); `None` when it
/// left them alone.
pub(super) fn gitlab_label_changes(payload: &Value) -> Option<LabelChanges> {
    let names = |pointer: &str| -> Option<Vec<String>> {
        Some(payload.pointer(pointer)?.as_array()?.iter().filter_map(name).collect())
    };
    let (before, after) = (names("/changes/labels/previous")?, names("/changes/labels/current")?);
    let without = |list: &[String], others: &[String]| {
        let others: BTreeSet<&String> = others.iter().collect();
        list.iter().filter(|name| !others.contains(name)).cloned().collect()
    };
    Some(LabelChanges { added: without(&after, &before), removed: without(&before, &after) })
}

/// The labels that an event added or removed. GitHub posts one event for each (`issues` and `pull_request`, member
/// `label`), GitLab one for all.
pub(super) fn changed_labels(provider: Provider, sub_type: SubType, payload: &Value) -> Vec<String> {
    if !matches!(sub_type, SubType::Labeled | SubType::Unlabeled) {
        return Vec::new();
    }
    match provider {
        Provider::Github | Provider::Git => payload.get("label").and_then(name).into_iter().collect(),
        Provider::Gitlab => {
            let changes = gitlab_label_changes(payload).unwrap_or_default();
            if sub_type == SubType::Labeled { changes.added } else { changes.removed }
        }
    }
}

/// The labels that an issue, merge request or discussion has after the event. GitLab repeats them beside
/// `object_attributes`; in a note hook they stand in the thing that was commented on.
pub(super) fn labels(payload: &Value) -> Vec<String> {
    let places = [
        "/object_attributes/labels",
        "/labels",
        "/issue/labels",
        "/merge_request/labels",
        "/pull_request/labels",
        "/discussion/labels",
    ];
    let found = places.iter().map(|pointer| list(payload, pointer)).find(|labels| !labels.is_empty());
    found.unwrap_or_default().iter().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn label(name: &str) -> Value {
        json!({"id": 1, "title": name})
    }

    #[test]
    fn an_update_adds_and_removes_labels() {
        let update = json!({"changes": {"labels": {
            "previous": [label("bug"), label("old")], "current": [label("new"), label("bug"), label("ui")]}}});
        let changes = gitlab_label_changes(&update).unwrap();
        assert_eq!((changes.added, changes.removed), (vec!["new".into(), "ui".into()], vec!["old".into()]));
        for untouched in [json!({}), json!({"changes": {"labels": {"current": [label("x")]}}})] {
            assert_eq!(gitlab_label_changes(&untouched), None, "half a list says nothing of what went: {untouched}");
        }
        let same = json!({"changes": {"labels": {"previous": [label("a")], "current": [label("a")]}}});
        assert_eq!(gitlab_label_changes(&same), Some(LabelChanges::default()));
    }

    #[test]
    fn labels_are_found_in_every_place() {
        for payload in [
            json!({"issue": {"labels": [{"name": "bug"}]}}),
            json!({"pull_request": {"labels": [{"name": "bug"}]}}),
            json!({"labels": [label("bug")], "object_attributes": {"labels": []}}),
            json!({"merge_request": {"labels": [label("bug")]}}),
        ] {
            assert_eq!(labels(&payload), ["bug"], "{payload}");
        }
        let one = json!({"label": {"name": "bug"}, "issue": {"labels": [{"name": "bug"}, {"name": "ui"}]}});
        assert_eq!(changed_labels(Provider::Github, SubType::Unlabeled, &one), ["bug"]);
        assert!(changed_labels(Provider::Github, SubType::Closed, &one).is_empty());
    }
}
