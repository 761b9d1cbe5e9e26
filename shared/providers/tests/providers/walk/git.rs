//! A real Git server, in both versions of the protocol, with and without partial answers.

use super::{Reader, bot, paths, right};
use crate::git_server::{GIT_SERVERS, GIT_TOKEN, GatewayRequest, GitServer, GitServerKind, Repositories, backend};
use crate::questions::double::{Double, Said};
use crate::server::{egress, limited};
use repoplane_domain::credential::{GitAccess, GitTokenKind};
use repoplane_domain::repository::Provider;
use repoplane_domain::skill::{EntryKind, MAX_MANIFEST_BYTES, Manifest};
use repoplane_providers::{BranchHead, Egress, EgressSettings, Fault, Target};
use serde_json::Value;

const ANYONE: GitAccess = GitAccess::Anonymous;
const BEST: GitServerKind = GIT_SERVERS[0];

#[tokio::test]
async fn a_commit_is_read_whatever_the_server_can() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.empty("skills.git");
    let large = vec![b'x'; MAX_MANIFEST_BYTES as usize + 1];
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let module = "a".repeat(40);
    let old = [("100644", "gone/SKILL.md", &b"old"[..])];
    repositories.commit("skills.git", &old);
    let commit = repositories.commit(
        "skills.git",
        &[
            ("100644", "SKILL.md", b"root"),
            ("100644", "README.md", b"not of the skill"),
            ("100755", "scripts/run.sh", b"#!/bin/sh"),
            ("100644", "skills/a/SKILL.md", b"same"),
            ("100644", "skills/a/notes/deep/x.md", b"x"),
            ("100644", r#""skills/a/gr\366\337e""#, b"latin"),
            ("120000", "skills/a/link", b"../../README.md"),
            ("160000", "skills/a/module", module.as_bytes()),
            ("100644", "skills/a/inner/SKILL.md", b"same"),
            ("100644", "skills/large/SKILL.md", &large),
            ("100644", "skills/lfs/SKILL.md", pointer),
            ("120000", "skills/link/SKILL.md", b"../a/SKILL.md"),
            ("100644", "src/main.rs", b"fn main() {}"),
        ],
    );
    for kind in GIT_SERVERS {
        let server = GitServer::start(repositories.root(), kind).await;
        let (reader, url) = (Reader::new(egress(server.address)), server.url("skills.git"));
        let head = reader.head(&url, &ANYONE, Some("trunk")).await.unwrap();
        assert_eq!(head, BranchHead { branch: Some("trunk".to_owned()), commit: commit.clone() }, "{kind:?}");
        assert_eq!(reader.head(&url, &ANYONE, None).await.unwrap(), head, "{kind:?}");
        let before = server.calls().len();
        let walked = reader.walk(&url, &ANYONE, &head).await.unwrap();
        let a = vec!["SKILL.md", r"gr\xf6\xdfe", "link", "module", "notes/deep/x.md"];
        let only = || vec!["SKILL.md"];
        let expected = [
            ("", vec!["SKILL.md", "scripts/run.sh"]),
            ("skills/a", a),
            ("skills/a/inner", only()),
            ("skills/large", only()),
            ("skills/lfs", only()),
            ("skills/link", only()),
        ];
        assert_eq!((paths(&walked), walked.files), (expected.to_vec(), 12), "{kind:?}");
        let kinds: Vec<_> = walked.folders["skills/a"].entries.iter().map(|entry| entry.kind).collect();
        let file = EntryKind::File;
        assert_eq!(kinds, [file, file, EntryKind::Symlink, EntryKind::Submodule, file]);
        assert_eq!(walked.folders[""].entries[1].kind, EntryKind::Executable);
        assert_eq!(walked.folders["skills/a"].entries[3].object, module);
        let manifests: Vec<_> = walked.folders.values().map(|folder| folder.manifest.clone()).collect();
        let bytes = |text: &str| Manifest::Bytes(text.into());
        let too_large = Manifest::TooLarge(MAX_MANIFEST_BYTES + 1);
        let expected =
            [bytes("root"), bytes("same"), bytes("same"), too_large, Manifest::LfsPointer, Manifest::Symlink];
        assert_eq!(manifests, expected, "{kind:?}");
        // One question for what can be asked, one for the tree, and one for the manifests where the tree came without.
        let without_files = kind == BEST;
        assert_eq!(server.calls().len() - before, if without_files { 3 } else { 2 }, "{kind:?}");
    }
}

#[tokio::test]
async fn hashes_of_the_second_kind_are_read() {
    let Some(repositories) = Repositories::new() else { return };
    std::fs::create_dir_all(repositories.root().join("skills.git")).unwrap();
    let init = ["init", "--quiet", "--bare", "--initial-branch=trunk", "--object-format=sha256"];
    repositories.git("skills.git", &init);
    let commit = repositories.commit("skills.git", &[("100644", "a/SKILL.md", b"a")]);
    for kind in GIT_SERVERS {
        let server = GitServer::start(repositories.root(), kind).await;
        let walked = Reader::new(egress(server.address)).read(&server.url("skills.git")).await.unwrap();
        assert_eq!((paths(&walked), commit.len()), (vec![("a", vec!["SKILL.md"])], 64), "{kind:?}");
        assert_eq!(walked.folders["a"].manifest, Manifest::Bytes("a".into()));
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.filled("widgets.git");
    repositories.filled("private.git");
    repositories.empty("empty.git");
    let detached = repositories.filled("detached.git");
    repositories.git("detached.git", &["update-ref", "--no-deref", "HEAD", &detached]);
    repositories.filled("unborn.git");
    repositories.git("unborn.git", &["symbolic-ref", "HEAD", "refs/heads/elsewhere"]);
    let rejected = || Err(Fault::TokenRejected { missing_scopes: vec![] });
    let wrong = bot(GitTokenKind::Personal, "wrong");
    for kind in GIT_SERVERS {
        let server = GitServer::start(repositories.root(), kind).await;
        let reader = Reader::new(egress(server.address));
        for (name, access, branch, expected) in [
            ("widgets.git", &ANYONE, Some("trunk"), Ok(())),
            ("widgets.git", &ANYONE, Some("other"), Err(Fault::NoBranch)),
            ("widgets.git", &ANYONE, Some("trun"), Err(Fault::NoBranch)),
            ("widgets.git", &ANYONE, Some(".."), Err(Fault::NoBranch)),
            ("widgets.git", &ANYONE, Some("a\nb"), Err(Fault::NoBranch)),
            ("empty.git", &ANYONE, Some("trunk"), Err(Fault::NoCommits)),
            ("empty.git", &ANYONE, None, Err(Fault::NoCommits)),
            ("unborn.git", &ANYONE, None, Err(Fault::NoBranch)),
            ("detached.git", &ANYONE, None, Ok(())),
            ("missing.git", &ANYONE, Some("trunk"), Err(Fault::NotFound)),
            ("private.git", &right(), Some("trunk"), Ok(())),
            ("private.git", &right(), Some("other"), Err(Fault::NoBranch)),
            ("private.git", &wrong, Some("trunk"), rejected()),
            ("private.git", &ANYONE, None, rejected()),
        ] {
            let head = reader.head(&server.url(name), access, branch).await;
            let told = head.as_ref().map(|_| ()).map_err(|error| error.fault());
            assert_eq!(told, expected, "{name} {branch:?} {kind:?}");
            if let Ok(head) = head {
                let walked = reader.walk(&server.url(name), access, &head).await.unwrap();
                assert_eq!((walked.folders.len(), walked.files), (0, 0), "the empty tree");
            }
        }
        let head = reader.head(&server.url("private.git"), &right(), None).await.unwrap();
        let error = reader.walk(&server.url("private.git"), &wrong, &head).await.unwrap_err();
        assert_eq!(Err(error.fault()), rejected());
    }
    let server = GitServer::start(repositories.root(), BEST).await;
    let reader = Reader::new(egress(server.address));
    let error = reader.head(&server.url("widgets.git"), &ANYONE, Some("feature/x")).await.unwrap_err();
    assert_eq!(error.to_string(), r#"[git] branch "feature/x" does not exist"#);
    let error = reader.head(&server.url("empty.git"), &ANYONE, None).await.unwrap_err();
    assert_eq!(error.to_string(), "[git] the repository has no commits yet");
}

#[tokio::test]
async fn a_branch_that_moves_in_between_is_read_as_it_was_or_told() {
    let Some(repositories) = Repositories::new() else { return };
    for (index, kind) in GIT_SERVERS.into_iter().enumerate() {
        let name = format!("{index}.git");
        repositories.empty(&name);
        repositories.commit(&name, &[("100644", "a/SKILL.md", b"old")]);
        let server = GitServer::start(repositories.root(), kind).await;
        let (reader, url) = (Reader::new(egress(server.address)), server.url(&name));
        let head = reader.head(&url, &ANYONE, Some("trunk")).await.unwrap();
        repositories.git(&name, &["update-ref", "-d", "refs/heads/trunk"]);
        repositories.commit(&name, &[("100644", "a/SKILL.md", b"new")]);
        // Servers of the first version give what a branch names, and nothing else.
        let walked = reader.walk(&url, &ANYONE, &head).await;
        match walked {
            Ok(walked) if kind.second_version => {
                assert_eq!(walked.folders["a"].manifest, Manifest::Bytes("old".into()));
            }
            walked => assert_eq!((walked.unwrap_err().fault(), kind.second_version), (Fault::Moved, false)),
        }
        repositories.git(&name, &["reflog", "expire", "--expire=now", "--all"]);
        repositories.git(&name, &["-c", "gc.pruneExpire=now", "gc", "--quiet"]);
        let error = reader.walk(&url, &ANYONE, &head).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Moved, "{kind:?}: {error}");
        // The same commit, and still nothing: that is no move.
        let gone = BranchHead { commit: "b".repeat(40), ..head };
        assert_eq!(reader.walk(&url, &ANYONE, &gone).await.unwrap_err().fault(), Fault::Moved);
    }
}

#[tokio::test]
async fn more_than_is_read_is_told() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.empty("large.git");
    // Bytes that no compression makes fewer.
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(300_000)
    .collect();
    repositories.commit("large.git", &[("100644", "video.mp4", &noise), ("100644", "a/SKILL.md", b"a")]);
    for kind in GIT_SERVERS {
        let server = GitServer::start(repositories.root(), kind).await;
        let reader = Reader::new(limited(server.address, |limits| limits.body = 100_000));
        let walked = reader.read(&server.url("large.git")).await;
        if kind == BEST {
            assert_eq!(walked.unwrap().files, 2, "the video did not come");
            continue;
        }
        let error = walked.unwrap_err();
        assert_eq!(error.fault(), Fault::TooLarge, "{kind:?}: {error}");
        let text = error.to_string();
        assert!(text.starts_with("[git] the repository is larger than can be read"), "{text}");
    }
}

#[tokio::test]
async fn ten_thousand_files_and_two_hundred_skills() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.large("large.git", 10_000, 200);
    let server = GitServer::start(repositories.root(), BEST).await;
    let walked = Reader::new(egress(server.address)).read(&server.url("large.git")).await.unwrap();
    assert_eq!((walked.folders.len(), walked.files), (200, 10_000));
    let told: usize = walked.folders.values().map(|folder| folder.entries.len()).sum();
    assert_eq!(told, 10_000);
    assert!(walked.folders.values().all(|folder| matches!(folder.manifest, Manifest::Bytes(_)) && !folder.truncated));
}

#[tokio::test]
async fn a_deploy_token_reads_a_project_over_git() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.empty("gitlab/acme/private.git");
    let commit = repositories.commit("gitlab/acme/private.git", &[("100644", "a/SKILL.md", b"a")]);
    let server = GitServer::start(repositories.root(), BEST).await;
    let (reader, access) = (Reader::new(egress(server.address)), bot(GitTokenKind::Deploy, GIT_TOKEN));
    let base = server.url("gitlab");
    let target =
        Target { provider: Provider::Gitlab, api_base_url: Some(&base), identity: "acme/private", remote_url: None };
    let head = reader.providers.branch_head(&target, &access, Some("trunk")).await.unwrap().value;
    assert_eq!(head.commit, commit);
    // As a task of its own: what waits for it may run on any thread.
    let (providers, base) = (reader.providers.clone(), base.clone());
    let walked = tokio::spawn(async move {
        let identity = "acme/private";
        let target = Target { provider: Provider::Gitlab, api_base_url: Some(&base), identity, remote_url: None };
        providers.walk(&target, &access, &head).await
    });
    assert_eq!(paths(&walked.await.unwrap().unwrap().value), [("a", vec!["SKILL.md"])]);
}

/// Git's own server behind a double, which sees the headers; `/old/…` has moved to what `moved` says.
async fn seen(repositories: &Repositories, moved: String) -> Double {
    let root = repositories.root().to_owned();
    Double::start(move |asked| {
        if let Some(path) = asked.path.strip_prefix("/old/") {
            let location = format!("{moved}/{path}?{}", asked.query);
            return Said::status(301, Value::Null).with("location", &location);
        }
        let request = GatewayRequest {
            method: &asked.method,
            path: &asked.path,
            query: &asked.query,
            content_type: asked.header("content-type"),
            protocol: Some(asked.header("git-protocol")),
            body: &asked.body,
            partial: true,
        };
        let answer = backend(&root, request);
        Said::bytes(&answer.content_type, answer.body)
    })
    .await
}

#[tokio::test]
async fn a_remote_that_moved_is_followed_and_the_token_stays_with_its_host() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.empty("skills.git");
    let commit = repositories.commit("skills.git", &[("100644", "a/SKILL.md", b"a")]);
    let new = seen(&repositories, String::new()).await;
    let elsewhere = seen(&repositories, new.url()).await;
    let here = seen(&repositories, String::new()).await;
    let list = format!("{} {} {}", new.address, elsewhere.address, here.address);
    let reader = Reader::new(Egress::new(EgressSettings::from_allow_list(&list).unwrap()));
    let head = BranchHead { branch: Some("trunk".to_owned()), commit };
    let with_token = |double: &Double| -> Vec<bool> {
        double.asked().iter().map(|asked| !asked.header("authorization").is_empty()).collect()
    };
    for old in [&elsewhere, &here] {
        let walked = reader.walk(&format!("{}/old/skills.git", old.url()), &right(), &head).await.unwrap();
        assert_eq!(paths(&walked), [("a", vec!["SKILL.md"])]);
    }
    assert_eq!(elsewhere.calls(), ["GET /old/skills.git/info/refs"], "no question with a body goes to the old place");
    assert_eq!((with_token(&elsewhere), with_token(&new)), (vec![true], vec![false; 3]));
    assert_eq!((here.calls().len(), with_token(&here)), (4, vec![true; 4]), "the same host, another path");
}

#[tokio::test]
async fn other_transports_have_the_same_guard() {
    let Some(repositories) = Repositories::new() else { return };
    let server = GitServer::start(repositories.root(), BEST).await;
    let reader = Reader::new(egress(server.address));
    let head = BranchHead { branch: None, commit: "a".repeat(40) };
    for remote in ["git@10.0.0.1:a/b.git", "ssh://git@127.0.0.1/a/b.git", "git://140.82.121.3/a/b"] {
        for error in [
            reader.head(remote, &ANYONE, None).await.unwrap_err(),
            reader.walk(remote, &ANYONE, &head).await.unwrap_err(),
        ] {
            assert_eq!(error.fault(), Fault::AddressRefused, "{remote}: {error}");
        }
    }
    assert!(server.calls().is_empty());
}
