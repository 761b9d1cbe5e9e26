//! GitHub: a double that answers as its schemas for references, commits, trees and blobs have it.

use super::paths;
use crate::questions::double::{Asked, Double, Said, access, target};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use repoplane_domain::repository::Provider;
use repoplane_domain::skill::{EntryKind, MAX_MANIFEST_BYTES, Manifest, WalkedTree};
use repoplane_providers::{BranchHead, Fault, ProviderError};
use serde_json::{Value, json};

const COMMIT: &str = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d";
const PLACE: &str = "/repos/acme/widgets";

/// An id that tells what it is of.
fn id(of: u32) -> String {
    format!("{of:040x}")
}

fn entry(mode: &str, kind: &str, path: &str, sha: &str, size: Option<u64>) -> Value {
    let mut entry = json!({"path": path, "mode": mode, "type": kind, "sha": sha, "url": "https://h.example/x"});
    if let Some(size) = size {
        entry["size"] = size.into();
    }
    entry
}

fn file(path: &str, sha: &str) -> Value {
    entry("100644", "blob", path, sha, Some(5))
}

fn folder(path: &str, sha: &str) -> Value {
    entry("040000", "tree", path, sha, None)
}

fn tree(entries: &[Value], truncated: bool) -> Said {
    Said::ok(json!({"sha": COMMIT, "url": "https://h.example/x", "tree": entries, "truncated": truncated}))
}

/// Lines of 60 characters, as GitHub wraps them.
fn blob(content: &[u8]) -> Said {
    let packed = STANDARD
        .encode(content)
        .as_bytes()
        .chunks(60)
        .map(|line| String::from_utf8_lossy(line) + "\n")
        .collect::<String>();
    Said::ok(
        json!({"sha": COMMIT, "node_id": "x", "url": "https://h.example/x", "size": content.len(), "content": packed, "encoding": "base64"}),
    )
}

fn repository() -> Said {
    Said::ok(json!({"id": 42, "full_name": "acme/widgets", "private": false, "html_url": "https://h.example/x"}))
}

async fn start(answer: impl Fn(&Asked, &str) -> Option<Said> + Clone + Send + Sync + 'static) -> Double {
    Double::start(move |asked| {
        let below = asked.path.strip_prefix(PLACE).unwrap_or(&asked.path);
        answer(asked, below).unwrap_or_else(Said::missing)
    })
    .await
}

async fn head(double: &Double, identity: &str, branch: Option<&str>) -> Result<BranchHead, ProviderError> {
    let url = double.url();
    let target = target(Provider::Github, &url, identity);
    Ok(double.providers.branch_head(&target, &access(), branch).await?.value)
}

async fn walk(double: &Double, identity: &str) -> Result<WalkedTree, ProviderError> {
    let url = double.url();
    let head = BranchHead { branch: Some("trunk".to_owned()), commit: COMMIT.to_owned() };
    let target = target(Provider::Github, &url, identity);
    Ok(double.providers.walk(&target, &access(), &head).await?.value)
}

#[tokio::test]
async fn the_newest_commit_is_one_call() {
    let double = start(|_, below| match below {
        "/git/ref/heads%2Ffeature%2Fx" => {
            Some(Said::ok(json!({"ref": "refs/heads/feature/x", "object": {"type": "commit", "sha": COMMIT}})))
        }
        "/commits" => Some(Said::ok(json!([{"sha": COMMIT, "commit": {}}]))),
        "" | "/repositories/42" => Some(repository()),
        _other => None,
    })
    .await;
    for (identity, branch) in [("acme/widgets", Some("feature/x")), ("acme/widgets", None), ("42", Some("feature/x"))] {
        let found = head(&double, identity, branch).await.unwrap();
        assert_eq!(found, BranchHead { branch: branch.map(str::to_owned), commit: COMMIT.to_owned() });
    }
    let reference = format!("GET {PLACE}/git/ref/heads%2Ffeature%2Fx");
    let expected = [reference.clone(), format!("GET {PLACE}/commits"), "GET /repositories/42".to_owned(), reference];
    assert_eq!(double.calls(), expected);
    assert_eq!(double.asked()[1].number("per_page"), 1);
    for branch in ["", ".."] {
        assert_eq!(head(&double, "acme/widgets", Some(branch)).await.unwrap_err().fault(), Fault::NoBranch);
    }
    assert_eq!(double.calls().len(), expected.len(), "nothing was asked for what cannot be");
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let empty = || Said::status(409, json!({"message": "Git Repository is empty.", "status": "409"}));
    for (name, is_there, of_commits, expected) in [
        ("no such branch", true, Said::missing(), Fault::NoBranch),
        ("no repository", false, Said::missing(), Fault::NotFound),
        ("no commits", true, empty(), Fault::NoCommits),
        ("no id", true, Said::ok(json!({"object": {"sha": "HEAD"}})), Fault::BadAnswer),
    ] {
        let double = start(move |_, below| match below {
            "" => is_there.then(repository),
            "/git/ref/heads%2Fx" | "/commits" => Some(of_commits.clone()),
            _other => None,
        })
        .await;
        assert_eq!(head(&double, "acme/widgets", Some("x")).await.unwrap_err().fault(), expected, "{name}");
        if expected == Fault::NoCommits {
            assert_eq!(head(&double, "acme/widgets", None).await.unwrap_err().fault(), expected);
        }
    }
    let double = start(|_, below| (below == "/commits").then(|| Said::ok(json!([])))).await;
    assert_eq!(head(&double, "acme/widgets", None).await.unwrap_err().fault(), Fault::NoCommits);
    for (is_there, expected) in [(true, Fault::Moved), (false, Fault::NotFound)] {
        let double = start(move |_, below| (below.is_empty() && is_there).then(repository)).await;
        assert_eq!(walk(&double, "acme/widgets").await.unwrap_err().fault(), expected);
    }
}

#[tokio::test]
async fn a_tree_is_one_call_and_each_content_one_more() {
    let entries = [
        file("README.md", &id(1)),
        folder("a", &id(2)),
        file("a/SKILL.md", &id(3)),
        entry("100755", "blob", "a/run.sh", &id(4), Some(5)),
        entry("120000", "blob", "a/link", &id(5), Some(5)),
        entry("160000", "commit", "a/module", &id(6), None),
        file("b/SKILL.md", &id(3)),
        entry("100644", "blob", "c/SKILL.md", &id(7), Some(MAX_MANIFEST_BYTES + 1)),
        entry("120000", "blob", "d/SKILL.md", &id(8), Some(5)),
        file("e/SKILL.md", &id(9)),
        file("f/SKILL.md", &id(10)),
        file("../g/SKILL.md", &id(3)),
        file("g/.git/SKILL.md", &id(3)),
        file("/h/SKILL.md", &id(3)),
    ];
    let double = start(move |asked, below| {
        if below == format!("/git/trees/{COMMIT}") && asked.parameter("recursive").is_some() {
            return Some(tree(&entries, false));
        }
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        match below.strip_prefix("/git/blobs/") {
            Some(object) if object == id(3) => Some(blob("grüß dich, ".repeat(20).as_bytes())),
            Some(object) if object == id(9) => Some(blob(pointer)),
            _other => (asked.path == "/repositories/42").then(repository),
        }
    })
    .await;
    for identity in ["acme/widgets", "42"] {
        let before = double.calls().len();
        let walked = walk(&double, identity).await.unwrap();
        let only = || vec!["SKILL.md"];
        let a = vec!["SKILL.md", "link", "module", "run.sh"];
        let expected = [("a", a), ("b", only()), ("c", only()), ("d", only()), ("e", only()), ("f", only())];
        assert_eq!((paths(&walked), walked.files), (expected.to_vec(), 9));
        let kinds: Vec<_> = walked.folders["a"].entries.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [EntryKind::File, EntryKind::Symlink, EntryKind::Submodule, EntryKind::Executable]);
        let told: Vec<_> = walked.folders.values().map(|folder| &folder.manifest).collect();
        let content = Manifest::Bytes("grüß dich, ".repeat(20).into());
        let too_large = Manifest::TooLarge(MAX_MANIFEST_BYTES + 1);
        assert_eq!(told[..5], [&content, &content, &too_large, &Manifest::Symlink, &Manifest::LfsPointer]);
        assert!(matches!(told[5], Manifest::Missing(text) if text.contains("404")), "{told:?}");
        // The tree and three contents; a number is looked up first.
        assert_eq!(double.calls().len() - before, if identity == "42" { 5 } else { 4 });
    }
}

#[tokio::test]
async fn a_tree_that_is_cut_is_read_by_folders() {
    let double = start(|asked, below| {
        let whole = asked.parameter("recursive").is_some();
        let Some(tree_of) = below.strip_prefix("/git/trees/") else {
            return below.starts_with("/git/blobs/").then(|| blob(b"x"));
        };
        let big = [file("SKILL.md", &id(1)), folder("inner", &id(12)), file("z", &id(2))];
        match (tree_of, whole) {
            // Cut before the manifests.
            (COMMIT, true) => Some(tree(&[folder("big", &id(10))], true)),
            (COMMIT, false) => {
                Some(tree(&[folder("big", &id(10)), folder("small", &id(11)), file("x", &id(2))], false))
            }
            (of, true) if of == id(10) => Some(tree(&[], true)),
            (of, false) if of == id(10) => Some(tree(&big, false)),
            (of, true) if of == id(11) => Some(tree(&[folder("s", &id(13)), file("s/SKILL.md", &id(1))], false)),
            (of, true) if of == id(12) => Some(tree(&[file("deep/y", &id(2)), file("deep/SKILL.md", &id(1))], false)),
            _other => None,
        }
    })
    .await;
    let walked = walk(&double, "acme/widgets").await.unwrap();
    let expected =
        [("big", vec!["SKILL.md", "z"]), ("big/inner/deep", vec!["SKILL.md", "y"]), ("small/s", vec!["SKILL.md"])];
    assert_eq!((paths(&walked), walked.files), (expected.to_vec(), 6));
    assert_eq!(double.calls().len(), 6 + 1);
}

#[tokio::test]
async fn more_than_is_read_and_what_is_not_documented() {
    let many: Vec<Value> = (0..=1_000).map(|number| file(&format!("{number}/SKILL.md"), &id(1))).collect();
    for (name, answer, expected) in [
        ("ever deeper", tree(&[folder("a", &id(1)), folder("b", &id(2))], true), Fault::TooLarge),
        ("skills", tree(&many, false), Fault::TooLarge),
        ("no id", tree(&[file("a/SKILL.md", "../../x")], false), Fault::BadAnswer),
        ("no tree", Said::ok(json!({"sha": COMMIT})), Fault::BadAnswer),
        ("out of order", Said::status(500, Value::Null), Fault::Unavailable),
    ] {
        let double = start(move |asked, below| {
            let mut answer = answer.clone();
            // What is not recursive is never cut, and leads on to more of the same.
            if name == "ever deeper" && asked.parameter("recursive").is_none() {
                answer = tree(&[folder("a", &id(1)), folder("b", &id(2))], false);
            }
            below.starts_with("/git/trees/").then_some(answer)
        })
        .await;
        let error = walk(&double, "acme/widgets").await.unwrap_err();
        assert_eq!(error.fault(), expected, "{name}: {error}");
        assert!(double.calls().len() <= 200, "{name}: {}", double.calls().len());
    }
    let one = [file("a/SKILL.md", &id(1))];
    for (name, of_blob, expected) in [
        ("another encoding", Said::ok(json!({"content": "x", "encoding": "none"})), Fault::BadAnswer),
        ("no base64", Said::ok(json!({"content": "?", "encoding": "base64"})), Fault::BadAnswer),
        ("out of order", Said::status(500, Value::Null), Fault::Unavailable),
    ] {
        let one = one.clone();
        let double = start(move |_, below| {
            Some(if below.starts_with("/git/trees/") { tree(&one, false) } else { of_blob.clone() })
        })
        .await;
        assert_eq!(walk(&double, "acme/widgets").await.unwrap_err().fault(), expected, "{name}");
    }
}
