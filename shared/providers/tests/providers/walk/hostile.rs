//! Git servers that mean no good. Whatever they do is an error with words, and nothing is left behind.

use super::{Reader, files_in, paths, remote, right};
use crate::git_server::{GIT_SERVERS, GatewayRequest, GitServer, Repositories, backend};
use crate::questions::double::{Asked, Double, Said};
use crate::server::{egress, limited, silent};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use repoplane_domain::credential::GitAccess;
use repoplane_domain::skill::MAX_FOLDER_DEPTH;
use repoplane_providers::{BranchHead, Fault};
use serde_json::Value;
use sha1_of_pack::trailer;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const RESULT: &str = "application/x-git-upload-pack-result";
const ANYONE: GitAccess = GitAccess::Anonymous;
const COMMIT: &str = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d";

/// The end of a pack is a hash of all before it.
mod sha1_of_pack {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

    pub(super) fn trailer(pack: &[u8]) -> Vec<u8> {
        digest(&SHA1_FOR_LEGACY_USE_ONLY, pack).as_ref().to_vec()
    }
}

fn head() -> BranchHead {
    BranchHead { branch: Some("trunk".to_owned()), commit: COMMIT.to_owned() }
}

fn line(content: &[u8]) -> Vec<u8> {
    [format!("{:04x}", content.len() + 4).as_bytes(), content].concat()
}

fn advertisement() -> Said {
    let body = [line(b"version 2\n"), line(b"ls-refs\n"), line(b"fetch=shallow filter\n"), b"0000".to_vec()].concat();
    Said::bytes(ADVERTISEMENT, body)
}

/// An answer with these bytes as its pack.
fn with_pack(pack: &[u8]) -> Said {
    let pieces = pack.chunks(60_000).flat_map(|piece| line(&[&[1], piece].concat()));
    Said::bytes(RESULT, [line(b"packfile\n"), pieces.collect(), b"0000".to_vec()].concat())
}

/// A pack with these entries, each with its header.
fn pack(count: u32, entries: &[Vec<u8>]) -> Vec<u8> {
    let mut pack = [&b"PACK\0\0\0\x02"[..], &count.to_be_bytes(), &entries.concat()].concat();
    pack.extend(trailer(&pack));
    pack
}

/// An entry that says it has `size` bytes (Git: `gitformat-pack`).
fn object(kind: u8, mut size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = vec![kind << 4 | (size & 15) as u8];
    size >>= 4;
    while size > 0 {
        *header.last_mut().unwrap() |= 0x80;
        header.push((size & 0x7f) as u8);
        size >>= 7;
    }
    let mut encoder = ZlibEncoder::new(header, Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn what_is_no_pack_is_named() {
    let zeros = vec![0; 101_000_000];
    let huge_delta = [
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10][..],
        b"\x01x",
    ]
    .concat();
    let of_base = |delta: &[u8]| {
        let mut entry = vec![0x70 | delta.len() as u8];
        entry.extend([0xaa; 20]);
        let mut encoder = ZlibEncoder::new(entry, Compression::best());
        encoder.write_all(delta).unwrap();
        encoder.finish().unwrap()
    };
    for (name, answer, expected) in [
        ("a page", Said::bytes("text/html", b"<!DOCTYPE html>".to_vec()), Fault::BadAnswer),
        ("no frames", Said::bytes(RESULT, b"<!DOCTYPE html>".to_vec()), Fault::BadAnswer),
        ("packed once more", with_pack(b"").with("content-encoding", "gzip"), Fault::BadAnswer),
        ("nothing", Said::bytes(RESULT, Vec::new()), Fault::BadAnswer),
        ("an end", Said::bytes(RESULT, b"0000".to_vec()), Fault::BadAnswer),
        ("an empty pack", with_pack(b""), Fault::BadAnswer),
        ("garbage", with_pack(&[7; 100_000]), Fault::BadAnswer),
        ("no objects", with_pack(&pack(0, &[])), Fault::BadAnswer),
        ("fewer than said", with_pack(&pack(2, &[object(3, 1, b"x")])), Fault::BadAnswer),
        ("another commit", with_pack(&pack(1, &[object(3, 1, b"x")])), Fault::BadAnswer),
        ("a kind that is none", with_pack(&pack(1, &[object(5, 1, b"x")])), Fault::BadAnswer),
        ("longer than said", with_pack(&pack(1, &[object(3, 1, &[0; 1_000])])), Fault::BadAnswer),
        ("a size beyond all", with_pack(&pack(1, &[object(3, 1 << 60, b"x")])), Fault::BadAnswer),
        ("a number beyond all", with_pack(&pack(u32::MAX, &[])), Fault::TooLarge),
        ("a bomb", with_pack(&pack(1, &[object(3, zeros.len() as u64, &zeros)])), Fault::TooLarge),
        ("a delta of nothing", with_pack(&pack(1, &[of_base(&huge_delta[..10])])), Fault::BadAnswer),
        ("no delta", with_pack(&pack(2, &[object(3, 1, b"x"), of_base(b"")])), Fault::BadAnswer),
        ("no such service", Said::status(403, Value::Null), Fault::Forbidden),
        ("elsewhere", Said::status(307, Value::Null).with("location", "http://10.0.0.1/"), Fault::BadAnswer),
    ] {
        let double =
            Double::start(move |asked| if asked.method == "GET" { advertisement() } else { answer.clone() }).await;
        let reader = Reader::new(egress(double.address));
        let error = reader.walk(&double.url(), &right(), &head()).await.unwrap_err();
        assert_eq!(error.fault(), expected, "{name}: {error}");
    }
}

/// A real pack with one byte changed, at many places: an error, or the truth, and never a panic.
#[tokio::test]
async fn a_damaged_pack_is_an_error() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.empty("skills.git");
    let commit = repositories.commit("skills.git", &[("100644", "a/SKILL.md", b"a"), ("100644", "a/b/c", b"c")]);
    let root = repositories.root().to_owned();
    let honest = move |asked: &Asked| {
        let answer = backend(
            &root,
            GatewayRequest {
                method: &asked.method,
                path: &asked.path,
                query: &asked.query,
                content_type: asked.header("content-type"),
                protocol: Some("version=2"),
                body: &asked.body,
                partial: false,
            },
        );
        Said::bytes(&answer.content_type, answer.body)
    };
    let question = Asked {
        method: "POST".to_owned(),
        path: "/skills.git/git-upload-pack".to_owned(),
        query: String::new(),
        headers: [(http::header::CONTENT_TYPE, "application/x-git-upload-pack-request".parse().unwrap())]
            .into_iter()
            .collect(),
        body: format!("0011command=fetch0001000ddeepen 1\n0032want {commit}\n0009done\n0000").into_bytes(),
    };
    let answer = honest(&question).body().to_vec();
    let start = answer.windows(4).position(|bytes| bytes == b"PACK").unwrap();
    let given = Arc::new(Mutex::new(answer.clone()));
    let giving = given.clone();
    let double = Double::start(move |asked| {
        if asked.method == "GET" { advertisement() } else { Said::bytes(RESULT, giving.lock().unwrap().clone()) }
    })
    .await;
    let (reader, head) = (Reader::new(egress(double.address)), BranchHead { commit: commit.clone(), ..head() });
    let truth = reader.walk(&double.url(), &ANYONE, &head).await.unwrap();
    let changed = (start..answer.len()).step_by(3).map(|place| {
        let mut changed = answer.clone();
        changed[place] ^= 0x55;
        changed
    });
    let cut = (start..answer.len()).step_by(11).map(|place| answer[..place].to_vec());
    for damaged in changed.chain(cut) {
        *given.lock().unwrap() = damaged;
        match reader.walk(&double.url(), &ANYONE, &head).await {
            // The damage is behind the pack.
            Ok(walked) => assert_eq!(walked, truth),
            Err(error) => assert!(matches!(error.fault(), Fault::BadAnswer | Fault::TooLarge), "{error}"),
        }
    }
}

#[tokio::test]
async fn names_that_git_refuses_and_folders_too_deep_are_left_out() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.empty("skills.git");
    let object = |kind: &str, content: &[u8]| {
        let arguments = ["hash-object", "-t", kind, "-w", "--stdin", "--literally"];
        repositories.git_reading("skills.git", &arguments, content)
    };
    let manifest = object("blob", b"a");
    let entry =
        |mode: &str, name: &[u8], id: &str| [mode.as_bytes(), b" ", name, b"\0", &hex::decode(id).unwrap()].concat();
    let skill = object("tree", &entry("100644", b"SKILL.md", &manifest));
    let mut deep = skill.clone();
    for _ in 0..MAX_FOLDER_DEPTH + 10 {
        deep = object("tree", &[entry("100644", b"SKILL.md", &manifest), entry("40000", b"d", &deep)].concat());
    }
    // The same tree twice, level by level: few objects, and more paths than anyone can count.
    let mut wide = skill.clone();
    for _ in 0..40 {
        wide = object("tree", &[entry("40000", b"a", &wide), entry("40000", b"b", &wide)].concat());
    }
    let names: [&[u8]; 6] = [b"..", b".", b".git", b".GIT", b"a/b", b"good"];
    let mut listed: Vec<u8> = names.iter().flat_map(|name| entry("40000", name, &skill)).collect();
    listed.extend(entry("100644", b"/etc/passwd", &manifest));
    for (name, tree, expected) in [
        ("names", object("tree", &listed), Ok(vec![("good".to_owned(), vec!["SKILL.md"])])),
        (
            "deep",
            deep.clone(),
            Ok((0..MAX_FOLDER_DEPTH).map(|depth| (vec!["d"; depth].join("/"), vec!["SKILL.md"])).collect()),
        ),
        ("wide", wide.clone(), Err(Fault::TooLarge)),
        ("no tree", object("tree", b"what?"), Err(Fault::BadAnswer)),
    ] {
        repositories.commit_tree("skills.git", &tree);
        for kind in GIT_SERVERS.into_iter().filter(|kind| kind.second_version) {
            let server = GitServer::start(repositories.root(), kind).await;
            let walked = Reader::new(egress(server.address)).read(&server.url("skills.git")).await;
            let told = walked.as_ref().map(|walked| {
                paths(walked).into_iter().map(|(path, entries)| (path.to_owned(), entries)).collect::<Vec<_>>()
            });
            match (&told, &expected) {
                (Ok(told), Ok(expected)) => assert_eq!(told, expected, "{name}"),
                (Err(error), Err(fault)) => assert_eq!(&error.fault(), fault, "{name}: {error}"),
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn addresses_inside_are_not_asked() {
    for status in [301, 302, 307, 308] {
        let double = Double::start(move |_| {
            Said::status(status, Value::Null)
                .with("location", "https://10.0.0.1/x.git/info/refs?service=git-upload-pack")
        })
        .await;
        let reader = Reader::new(egress(double.address));
        let error = reader.walk(&double.url(), &right(), &head()).await.unwrap_err();
        assert_eq!(error.fault(), Fault::AddressRefused, "{status}");
        let error = reader.head(&double.url(), &right(), Some("trunk")).await.unwrap_err();
        assert_eq!(error.fault(), Fault::AddressRefused, "{status}");
    }
    let reader = Reader::new(repoplane_providers::Egress::default());
    for url in ["https://127.0.0.1/x.git", "https://[::1]/x.git", "https://169.254.169.254/x.git"] {
        let error = reader.walk(url, &right(), &head()).await.unwrap_err();
        assert_eq!(error.fault(), Fault::AddressRefused, "{url}");
    }
}

#[tokio::test]
async fn a_slow_server_is_waited_for_no_longer_than_a_call_may_take() {
    let address = silent().await;
    let reader = Reader::new(limited(address, |limits| limits.total = Duration::from_millis(200)));
    let url = format!("http://{address}/x.git");
    assert_eq!(reader.walk(&url, &ANYONE, &head()).await.unwrap_err().fault(), Fault::Unavailable);
    assert_eq!(reader.head(&url, &ANYONE, None).await.unwrap_err().fault(), Fault::Unavailable);
}

/// Who asked has gone: what was fetched for them goes, too.
#[tokio::test]
async fn nothing_stays_of_a_walk_that_nobody_waits_for() {
    // The pack begins and does not end.
    let begun = [line(b"packfile\n"), line(b"\x01PACK\0\0\0\x02\0\0\0\x09")].concat();
    let double = Double::start(move |asked| {
        if asked.method == "GET" { advertisement() } else { Said::bytes(RESULT, begun.clone()).unending() }
    })
    .await;
    let reader = Reader::new(egress(double.address));
    let url = double.url();
    let (target, access, head) = (remote(&url), right(), head());
    let walk = reader.providers.walk(&target, &access, &head);
    let fetched = async {
        while files_in(reader.scratch.path()) == 0 || double.calls().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        walked = walk => panic!("{walked:?}"),
        () = fetched => {}
    }
    while files_in(reader.scratch.path()) > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
