//! GitLab: a double that answers as its documents for branches, commits, trees and blobs have it.

use super::paths;
use crate::questions::double::{Asked, Double, Said, access, target};
use repoplane_domain::repository::Provider;
use repoplane_domain::skill::{EntryKind, MAX_MANIFEST_BYTES, Manifest, WalkedTree};
use repoplane_providers::{BranchHead, Fault, ProviderError};
use serde_json::{Value, json};

const COMMIT: &str = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d";
const PLACE: &str = "/api/v4/projects/acme%2Fwidgets";

fn id(of: usize) -> String {
    format!("{of:040x}")
}

fn entry(mode: &str, kind: &str, path: &str, object: &str) -> Value {
    let name = path.rsplit('/').next();
    json!({"id": object, "name": name, "type": kind, "path": path, "mode": mode})
}

fn file(path: &str, object: &str) -> Value {
    entry("100644", "blob", path, object)
}

fn project(empty: bool) -> Said {
    Said::ok(json!({"id": 55, "path_with_namespace": "acme/widgets", "empty_repo": empty}))
}

async fn start(answer: impl Fn(&Asked, &str) -> Option<Said> + Clone + Send + Sync + 'static) -> Double {
    Double::start(move |asked| {
        let below = asked.path.strip_prefix(PLACE).unwrap_or(&asked.path);
        let missing = || Said::status(404, json!({"message": "404 Not found"}));
        answer(asked, below).unwrap_or_else(missing)
    })
    .await
}

async fn head(double: &Double, branch: Option<&str>) -> Result<BranchHead, ProviderError> {
    let url = double.url();
    let target = target(Provider::Gitlab, &url, "acme/widgets");
    Ok(double.providers.branch_head(&target, &access(), branch).await?.value)
}

async fn walk(double: &Double) -> Result<WalkedTree, ProviderError> {
    let url = double.url();
    let head = BranchHead { branch: Some("trunk".to_owned()), commit: COMMIT.to_owned() };
    let target = target(Provider::Gitlab, &url, "acme/widgets");
    Ok(double.providers.walk(&target, &access(), &head).await?.value)
}

#[tokio::test]
async fn the_newest_commit_is_one_call_and_what_is_not_there_is_told_apart() {
    let double = start(|_, below| match below {
        "/repository/branches/feature%2Fx" => Some(Said::ok(json!({"name": "feature/x", "commit": {"id": COMMIT}}))),
        "/repository/commits" => Some(Said::ok(json!([{"id": COMMIT}]))),
        _other => None,
    })
    .await;
    for branch in [Some("feature/x"), None] {
        let found = head(&double, branch).await.unwrap();
        assert_eq!(found, BranchHead { branch: branch.map(str::to_owned), commit: COMMIT.to_owned() });
    }
    assert_eq!(double.calls().len(), 2);
    for (of_project, branch, expected) in [
        (Some(project(false)), Some("x"), Fault::NoBranch),
        (Some(project(true)), Some("x"), Fault::NoCommits),
        (Some(project(true)), None, Fault::NoCommits),
        (Some(project(false)), None, Fault::NotFound),
        (None, Some("x"), Fault::NotFound),
        (None, None, Fault::NotFound),
    ] {
        let double = start(move |_, below| of_project.clone().filter(|_| below.is_empty())).await;
        assert_eq!(head(&double, branch).await.unwrap_err().fault(), expected, "{branch:?}");
        assert_eq!(double.calls().len(), 2);
    }
    let double = start(|_, below| (below == "/repository/commits").then(|| Said::ok(json!([])))).await;
    assert_eq!(head(&double, None).await.unwrap_err().fault(), Fault::NoCommits);
    for (is_there, expected) in [(true, Fault::Moved), (false, Fault::NotFound)] {
        let double = start(move |_, below| (below.is_empty() && is_there).then(|| project(false))).await;
        assert_eq!(walk(&double).await.unwrap_err().fault(), expected);
    }
}

/// A page of the tree: by token as servers of today answer, else by number.
fn page(asked: &Asked, all: &[Value], by_token: bool) -> Said {
    assert_eq!(asked.parameter("ref").as_deref(), Some(COMMIT));
    assert_eq!((asked.parameter("recursive").as_deref(), asked.number("per_page")), (Some("true"), 100));
    if !by_token {
        return Said::gitlab_page(asked, all);
    }
    assert_eq!(asked.parameter("pagination").as_deref(), Some("keyset"));
    let after = asked.parameter("page_token");
    let start = after.map_or(0, |token| token.strip_prefix("after+").unwrap().parse().unwrap());
    let answer = Said::ok(all.iter().skip(start).take(100).cloned().collect());
    let next = start + 100;
    if next >= all.len() {
        return answer;
    }
    // The token is taken over, the rest of the address is not.
    let link = format!(r#"<https://evil.example/?page_token=after%2B{next}&ref=other>; rel="next""#);
    answer.with("link", &link)
}

#[tokio::test]
async fn a_tree_is_read_page_by_page_and_each_content_once() {
    let mut all = vec![
        entry("040000", "tree", "a", &id(1)),
        entry("120000", "blob", "a/link", &id(2)),
        entry("160000", "commit", "a/module", &id(3)),
        entry("100755", "blob", "a/run.sh", &id(4)),
        file("b/SKILL.md", &id(5)),
        entry("120000", "blob", "c/SKILL.md", &id(6)),
        file("d/SKILL.md", &id(7)),
        file("e/SKILL.md", &id(8)),
        file("../f/SKILL.md", &id(5)),
    ];
    all.extend((0..291).map(|number| file(&format!("z/{number}"), &id(number))));
    // What decides about the first page comes with the last.
    all.push(file("a/SKILL.md", &id(5)));
    for by_token in [true, false] {
        let all = all.clone();
        let double = start(move |asked, below| match below {
            "/repository/tree" => Some(page(asked, &all, by_token)),
            below if below == format!("/repository/blobs/{}/raw", id(5)) => {
                Some(Said::bytes("text/plain", b"hello".to_vec()))
            }
            below if below == format!("/repository/blobs/{}/raw", id(7)) => {
                Some(Said::bytes("text/plain", vec![b'x'; MAX_MANIFEST_BYTES as usize + 1]))
            }
            below if below == format!("/repository/blobs/{}/raw", id(8)) => {
                Some(Said::bytes("text/plain", vec![b'x'; 6_000_000]))
            }
            _other => None,
        })
        .await;
        let walked = walk(&double).await.unwrap();
        let only = || vec!["SKILL.md"];
        let a = vec!["SKILL.md", "link", "module", "run.sh"];
        let expected = [("a", a), ("b", only()), ("c", only()), ("d", only()), ("e", only())];
        assert_eq!((paths(&walked), walked.files), (expected.to_vec(), 298), "{by_token}");
        let kinds: Vec<_> = walked.folders["a"].entries.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [EntryKind::File, EntryKind::Symlink, EntryKind::Submodule, EntryKind::Executable]);
        let told: Vec<_> = walked.folders.values().map(|folder| folder.manifest.clone()).collect();
        let hello = || Manifest::Bytes("hello".into());
        // Of what is longer than an answer may be, only that is known.
        let large = [Manifest::TooLarge(MAX_MANIFEST_BYTES + 1), Manifest::TooLarge(5_000_001)];
        assert_eq!(told[..3], [hello(), hello(), Manifest::Symlink]);
        assert_eq!(told[3..], large);
        assert_eq!(double.calls().len(), 4 + 3, "{by_token}");
    }
}

#[tokio::test]
async fn pages_without_end_and_what_is_not_documented() {
    let link = r#"<https://h.example/?page_token=again>; rel="next""#;
    let double = start(move |_, _| Some(Said::ok(json!([])).with("link", link))).await;
    let error = walk(&double).await.unwrap_err();
    assert_eq!((error.fault(), double.calls().len()), (Fault::TooLarge, 1_000), "{error}");
    for (answer, expected) in [
        (Said::ok(json!([file("a/SKILL.md", "main")])), Fault::BadAnswer),
        (Said::ok(json!({"tree": []})), Fault::BadAnswer),
        (Said::status(500, Value::Null), Fault::Unavailable),
    ] {
        let double = start(move |_, _| Some(answer.clone())).await;
        assert_eq!(walk(&double).await.unwrap_err().fault(), expected);
    }
}
