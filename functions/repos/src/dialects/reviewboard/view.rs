//! What repositories look like, shaped as the caller wants them (contract: reviewboard 3.3, 7).

use super::answer::{Media, link};
use super::call::Call;
use repoplane_domain::repository::Repository;
use repoplane_domain::review::{Tool, shown};
use serde_json::{Map, Value, json};

/// The resources below an item: relation, path, and what of it an item can carry with it.
const CHILDREN: [(&str, &str, Option<Media>); 6] = [
    ("info", "info/", None),
    ("branches", "branches/", None),
    ("commits", "commits/", None),
    ("diff_file_attachments", "diff-file-attachments/", Some(Media::DIFF_FILE_ATTACHMENTS)),
    ("repository_users", "users/", Some(Media::USERS)),
    ("repository_groups", "groups/", Some(Media::GROUPS)),
];

/// Which parts of an item are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    fields: Option<Vec<String>>,
    links: Option<Vec<String>>,
    expand: Vec<String>,
}

impl Shape {
    /// Reads what a call says of it.
    pub(super) fn of(call: &Call) -> Self {
        let names = |text: &str| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        Self {
            fields: call.shaping("only-fields").map(names),
            links: call.shaping("only-links").map(names),
            expand: call.shaping("expand").map(names).unwrap_or_default(),
        }
    }

    fn expands(&self, name: &str) -> bool {
        self.expand.iter().any(|wanted| wanted == name)
    }
}

/// Where an item is.
pub(super) fn place(origin: &str, number: u64) -> String {
    format!("{origin}/api/repositories/{number}/")
}

/// A repository.
pub(super) fn repository(repository: &Repository, origin: &str, shape: &Shape) -> Value {
    let review = repository.review_settings();
    let mut fields = Map::new();
    for (name, value) in [
        ("id", json!(repository.number)),
        ("name", json!(repository.shown_name())),
        ("path", json!(repository.shown_url())),
        ("mirror_path", json!(review.mirror_path)),
        ("tool", json!(Tool::GIT.name)),
        ("bug_tracker", json!(review.bug_tracker)),
        ("visible", json!(review.visible)),
        ("extra_data", json!(shown(&review.extra_data))),
        ("requires_basedir", json!(false)),
        ("requires_change_number", json!(false)),
        ("supports_post_commit", json!(false)),
    ] {
        fields.insert(name.to_owned(), value);
    }
    let here = place(origin, repository.number);
    let mut links = Map::new();
    let own = [("self", "GET"), ("update", "PUT"), ("delete", "DELETE")];
    links.extend(own.map(|(name, method)| (name.to_owned(), link(&here, method))));
    let mut expanded = Map::new();
    for (name, path, media) in CHILDREN {
        let list = format!("{here}{path}");
        match media.filter(|_| shape.expands(name)) {
            Some(media) => {
                fields.insert(name.to_owned(), json!([]));
                let kinds = json!({"item_mimetype": media.item, "list_mimetype": media.own, "list_url": list});
                expanded.insert(name.to_owned(), kinds);
            }
            None => drop(links.insert(name.to_owned(), link(&list, "GET"))),
        }
    }
    if let Some(wanted) = &shape.fields {
        fields.retain(|name, _| wanted.contains(name));
        expanded.retain(|name, _| wanted.contains(name));
    }
    if !expanded.is_empty() {
        fields.insert("_expanded".to_owned(), Value::Object(expanded));
    }
    if let Some(wanted) = &shape.links {
        links.retain(|name, _| wanted.contains(name));
    }
    if shape.links.as_ref().is_none_or(|wanted| wanted.iter().any(|name| !name.is_empty())) {
        fields.insert("links".to_owned(), Value::Object(links));
    }
    Value::Object(fields)
}
