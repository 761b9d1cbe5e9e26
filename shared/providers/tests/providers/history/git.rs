//! A real Git server, in both versions of the protocol, with and without partial answers.

use super::{ids, named, page};
use crate::git_server::{
    GIT_SERVERS, GIT_TOKEN, GIT_USER, GatewayRequest, GitServer, GitServerKind, Repositories, backend,
};
use crate::questions::double::{Asked, Double, Said};
use crate::server::{egress, limited, silent};
use repoplane_domain::credential::{GitAccess, GitTokenKind};
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use repoplane_providers::{
    Fault, HISTORY_PAGE, HistoryCommit, MAX_COMMIT_MESSAGE, MAX_HEADS, NamedBranch, ProviderError, Providers, Target,
};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::TempDir;

const ANYONE: GitAccess = GitAccess::Anonymous;
const BEST: GitServerKind = GIT_SERVERS[0];

fn bot(token: &str) -> GitAccess {
    let username = Some(GIT_USER.to_owned());
    GitAccess::Token { kind: GitTokenKind::Personal, username, token: Secret::new(token) }
}

fn remote(url: &str) -> Target<'_> {
    Target { provider: Provider::Git, api_base_url: None, identity: "", remote_url: Some(url) }
}

/// Asks plain Git remotes, and leaves nothing behind.
struct Reader {
    providers: Providers,
    scratch: TempDir,
}

impl Reader {
    fn new(address: SocketAddr) -> Self {
        let scratch = TempDir::new().unwrap();
        Self { providers: Providers::new(egress(address)).with_scratch(scratch.path()), scratch }
    }

    async fn page(
        &self,
        url: &str,
        access: &GitAccess,
        from: Option<&str>,
    ) -> Result<Vec<HistoryCommit>, ProviderError> {
        let page = page(&self.providers, &remote(url), access, from).await;
        assert_eq!(std::fs::read_dir(self.scratch.path()).unwrap().count(), 0);
        page
    }

    async fn branches(&self, url: &str) -> Vec<NamedBranch> {
        self.providers.branches(&remote(url), &ANYONE).await.unwrap().value
    }
}

/// `count` commits on `trunk`, each with a file of its own; every fifth merges a branch of two.
fn with_merges(repositories: &Repositories, name: &str, count: usize) {
    repositories.empty(name);
    let mut input = String::new();
    let mut add = |branch: &str, from: &str, merge: &str, text: &str| {
        let by = "author Ada Lovelace <ada@x.example> 1600000000 +0200\ncommitter C <c@x.example> 1700000000 +0000";
        let (length, file) = (text.len(), format!("M 100644 inline {text}.txt\ndata {}\n{text}\n", text.len()));
        input.push_str(&format!("commit refs/heads/{branch}\n{by}\ndata {length}\n{text}\n{from}{merge}{file}\n"));
    };
    for number in 1..=count {
        let merge = if number > 1 && number.is_multiple_of(5) {
            add("side", "from refs/heads/trunk\n", "", &format!("side-{number}-1"));
            add("side", "", "", &format!("side-{number}-2"));
            "merge refs/heads/side\n"
        } else {
            ""
        };
        add("trunk", "", merge, &format!("change-{number}"));
    }
    repositories.git_reading(name, &["fast-import", "--quiet", "--force"], input.as_bytes());
}

/// What Git itself says of the first parents.
fn logged(repositories: &Repositories, name: &str, from: &str) -> Vec<String> {
    let log = repositories.git(name, &["log", "--first-parent", "--format=%H", from]);
    log.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_history_is_read_page_by_page_along_first_parents() {
    let Some(repositories) = Repositories::new() else { return };
    with_merges(&repositories, "widgets.git", 64);
    let expected = logged(&repositories, "widgets.git", "trunk");
    assert_eq!(expected.len(), 64);
    for kind in GIT_SERVERS {
        let server = GitServer::start(repositories.root(), kind).await;
        let (reader, url) = (Reader::new(server.address), server.url("widgets.git"));
        let first = reader.page(&url, &ANYONE, None).await.unwrap();
        assert_eq!(ids(&first), expected[..HISTORY_PAGE], "{kind:?}");
        assert_eq!(server.calls().len(), if kind.second_version { 3 } else { 2 }, "{kind:?}");
        assert_eq!(reader.page(&url, &ANYONE, Some("trunk")).await.unwrap(), first);
        let parents: Vec<_> = first.iter().map(|commit| commit.parent.clone().unwrap()).collect();
        assert_eq!(parents, expected[1..=HISTORY_PAGE]);
        let newest = HistoryCommit {
            id: expected[0].clone(),
            author_name: "Ada Lovelace".to_owned(),
            date: Some("2023-11-14T22:13:20Z".to_owned()),
            message: "change-64".to_owned(),
            parent: Some(expected[1].clone()),
        };
        assert_eq!(first[0], newest);

        let before = server.calls().len();
        let second = reader.page(&url, &ANYONE, Some(&expected[HISTORY_PAGE])).await;
        assert_eq!(ids(&second.unwrap()), expected[HISTORY_PAGE..2 * HISTORY_PAGE], "{kind:?}");
        assert_eq!(server.calls().len() - before, 2, "{kind:?}");
        let upper = expected[2 * HISTORY_PAGE].to_ascii_uppercase();
        let last = reader.page(&url, &ANYONE, Some(&upper)).await.unwrap();
        assert_eq!(ids(&last), expected[2 * HISTORY_PAGE..], "{kind:?}");
        assert_eq!(last.last().unwrap().parent, None);
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let Some(repositories) = Repositories::new() else { return };
    with_merges(&repositories, "widgets.git", 6);
    let private = repositories.filled("private.git");
    repositories.empty("empty.git");
    let detached = repositories.filled("detached.git");
    repositories.git("detached.git", &["update-ref", "--no-deref", "HEAD", &detached]);
    repositories.filled("unborn.git");
    repositories.git("unborn.git", &["symbolic-ref", "HEAD", "refs/heads/elsewhere"]);
    repositories.git("widgets.git", &["tag", "-a", "-m", "Tagged", "v1", "trunk"]);
    let object = |name: &str| repositories.git("widgets.git", &["rev-parse", name]);
    let (side, tag, tree) = (object("side"), object("v1"), object("trunk^{tree}"));
    let (nowhere, other_kind) = ("a".repeat(40), "a".repeat(64));
    let (right, wrong) = (bot(GIT_TOKEN), bot("wrong"));
    let rejected = || Err(Fault::TokenRejected { missing_scopes: vec![] });
    for kind in GIT_SERVERS {
        let server = GitServer::start(repositories.root(), kind).await;
        let reader = Reader::new(server.address);
        for (name, access, from, expected) in [
            ("widgets.git", &ANYONE, None, Ok(6)),
            ("widgets.git", &ANYONE, Some("trunk"), Ok(6)),
            ("widgets.git", &ANYONE, Some("side"), Ok(6)),
            ("widgets.git", &ANYONE, Some(side.as_str()), Ok(6)),
            ("widgets.git", &ANYONE, Some("other"), Err(Fault::NoBranch)),
            ("widgets.git", &ANYONE, Some("trun"), Err(Fault::NoBranch)),
            ("widgets.git", &ANYONE, Some("v1"), Err(Fault::NoBranch)),
            ("widgets.git", &ANYONE, Some(".."), Err(Fault::NoBranch)),
            ("widgets.git", &ANYONE, Some("a\nb"), Err(Fault::NoBranch)),
            ("widgets.git", &ANYONE, Some(&nowhere), Err(Fault::NoBranch)),
            ("widgets.git", &ANYONE, Some(&other_kind), Err(Fault::NoBranch)),
            ("widgets.git", &ANYONE, Some(&tag), Err(Fault::NoBranch)),
            ("widgets.git", &ANYONE, Some(&tree), Err(Fault::NoBranch)),
            ("empty.git", &ANYONE, None, Ok(0)),
            ("empty.git", &ANYONE, Some("trunk"), Err(Fault::NoCommits)),
            ("empty.git", &ANYONE, Some(&nowhere), Err(Fault::NoCommits)),
            ("unborn.git", &ANYONE, None, Err(Fault::NoBranch)),
            ("detached.git", &ANYONE, None, Ok(1)),
            ("missing.git", &ANYONE, None, Err(Fault::NotFound)),
            ("private.git", &right, None, Ok(1)),
            ("private.git", &right, Some(private.as_str()), Ok(1)),
            ("private.git", &right, Some("other"), Err(Fault::NoBranch)),
            ("private.git", &wrong, None, rejected()),
            ("private.git", &ANYONE, Some("trunk"), rejected()),
        ] {
            let page = reader.page(&server.url(name), access, from).await;
            let told = page.map(|commits| commits.len()).map_err(|error| error.fault());
            assert_eq!(told, expected, "{name} {from:?} {kind:?}");
        }
        let unknown = reader.page(&server.url("widgets.git"), &ANYONE, Some(&nowhere)).await.unwrap_err();
        assert_eq!(unknown.to_string(), format!("[git] commit {nowhere} does not exist or is not given"));
        for branch in ["..", "a\nb", "main~1", "--upload-pack=x", ""] {
            let before = server.calls().len();
            let error = reader.page(&server.url("widgets.git"), &ANYONE, Some(branch)).await.unwrap_err();
            assert_eq!((error.fault(), server.calls().len()), (Fault::NoBranch, before), "asked of nobody");
        }
    }
}

#[tokio::test]
async fn messages_are_read_in_their_encodings_and_bounded_and_hide_the_token() {
    let Some(repositories) = Repositories::new() else { return };
    repositories.empty("private.git");
    let tree = repositories.git("private.git", &["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let mut parent = None::<String>;
    for (encoding, author, message) in [
        ("", &b"No Body"[..], &b""[..]),
        ("", "Zo\u{eb}".as_bytes(), "Grüße\n\nzweite Zeile\n".as_bytes()),
        ("encoding ISO-8859-1\n", b"Zo\xeb", b"Gr\xfc\xdfe\n"),
        ("encoding SHIFT_JIS\n", b"A", b"\x93\xfa\x96{\n"),
        ("", b"A", format!("Uses {GIT_TOKEN} in\r\nhere\x1b[0m\n").as_bytes()),
        ("", b"A", &b"huge\n".repeat(1_000_000)),
    ] {
        let parents = parent.map(|parent| format!("parent {parent}\n")).unwrap_or_default();
        let head = format!("tree {tree}\n{parents}author ");
        let tail = format!(" <a@x.example> 1 +0000\ncommitter A <a@x.example> 1 +0000\n{encoding}\n");
        let commit = [head.as_bytes(), author, tail.as_bytes(), message].concat();
        let arguments = ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"];
        parent = Some(repositories.git_reading("private.git", &arguments, &commit));
    }
    repositories.git("private.git", &["update-ref", "refs/heads/trunk", &parent.unwrap()]);
    for kind in GIT_SERVERS {
        let server = GitServer::start(repositories.root(), kind).await;
        let page = Reader::new(server.address).page(&server.url("private.git"), &bot(GIT_TOKEN), None).await.unwrap();
        let told: Vec<_> = page[1..].iter().map(|one| (one.author_name.as_str(), one.message.as_str())).collect();
        let expected = [
            ("A", "Uses [token] in\nhere[0m"),
            ("A", "日本"),
            ("Zoë", "Grüße"),
            ("Zoë", "Grüße\n\nzweite Zeile"),
            ("No Body", ""),
        ];
        assert_eq!(told, expected, "{kind:?}");
        assert_eq!(page[0].message.len(), MAX_COMMIT_MESSAGE);
    }
}

#[tokio::test]
async fn hashes_of_the_second_kind_are_read() {
    let Some(repositories) = Repositories::new() else { return };
    std::fs::create_dir_all(repositories.root().join("widgets.git")).unwrap();
    let init = ["init", "--quiet", "--bare", "--initial-branch=trunk", "--object-format=sha256"];
    repositories.git("widgets.git", &init);
    let first = repositories.commit("widgets.git", &[("100644", "a", b"a")]);
    let second = repositories.commit("widgets.git", &[("100644", "a", b"b")]);
    for kind in GIT_SERVERS {
        let server = GitServer::start(repositories.root(), kind).await;
        let (reader, url) = (Reader::new(server.address), server.url("widgets.git"));
        for from in [None, Some(second.as_str())] {
            let page = reader.page(&url, &ANYONE, from).await.unwrap();
            assert_eq!(ids(&page), [second.as_str(), first.as_str()], "{kind:?}");
        }
        let error = reader.page(&url, &ANYONE, Some(&"a".repeat(40))).await.unwrap_err();
        assert_eq!(error.fault(), Fault::NoBranch, "{kind:?}");
        assert_eq!(reader.branches(&url).await, [named("trunk", &second, true)]);
    }
}

#[tokio::test]
async fn only_commits_are_fetched_where_the_server_can_leave_the_rest_out() {
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
    repositories.commit("large.git", &[("100644", "video.mp4", &noise)]);
    let ask = async |kind| {
        let server = GitServer::start(repositories.root(), kind).await;
        let providers = Providers::new(limited(server.address, |limits| limits.body = 100_000));
        let url = server.url("large.git");
        page(&providers, &remote(&url), &ANYONE, None).await.map(|commits| (commits.len(), server.calls().len()))
    };
    let first_version = GIT_SERVERS[2];
    for kind in [BEST, first_version] {
        assert_eq!(ask(kind).await.unwrap().0, 1, "the video did not come from {kind:?}");
    }
    let error = ask(GIT_SERVERS[1]).await.unwrap_err();
    assert_eq!(error.fault(), Fault::TooLarge, "{error}");
    // A server that takes the one filter and not the other.
    repositories.git("large.git", &["config", "uploadpackfilter.tree.allow", "false"]);
    assert_eq!(ask(BEST).await.unwrap(), (1, 4));
    assert_eq!(ask(first_version).await.unwrap(), (1, 3));
}

/// Git's own server, whose answers are changed on their way.
async fn changed(repositories: &Repositories, change: fn(&Asked, Said) -> Said) -> Double {
    let root = repositories.root().to_owned();
    Double::start(move |asked: &Asked| {
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
        change(asked, Said::bytes(&answer.content_type, answer.body))
    })
    .await
}

#[tokio::test]
async fn of_a_server_that_cannot_stop_no_more_than_a_page_is_taken() {
    let Some(repositories) = Repositories::new() else { return };
    with_merges(&repositories, "widgets.git", 64);
    let expected = logged(&repositories, "widgets.git", "trunk");
    let double = changed(&repositories, |asked, said| {
        if asked.method == "GET" {
            let body = String::from_utf8(said.body().to_vec()).unwrap().replace("=shallow", "=unknown");
            return Said::bytes("application/x-git-upload-pack-advertisement", body.into_bytes());
        }
        assert!(!String::from_utf8_lossy(&asked.body).contains("deepen"));
        said
    })
    .await;
    let url = format!("{}/widgets.git", double.url());
    let page = Reader::new(double.address).page(&url, &ANYONE, None).await.unwrap();
    assert_eq!(ids(&page), expected[..HISTORY_PAGE]);
}

#[tokio::test]
async fn a_server_that_gives_no_commits_is_told_from_one_that_has_not_this_one() {
    let Some(repositories) = Repositories::new() else { return };
    let commit = repositories.filled("widgets.git");
    let refuses = |asked: &Asked, said: Said| {
        let refusal = b"ERR upload-pack: not our ref";
        let message = [format!("{:04x}", refusal.len() + 4).as_bytes(), refusal].concat();
        let is_fetch = String::from_utf8_lossy(&asked.body).contains("command=fetch");
        if is_fetch { Said::bytes("application/x-git-upload-pack-result", message) } else { said }
    };
    let double = changed(&repositories, refuses).await;
    let (reader, url) = (Reader::new(double.address), format!("{}/widgets.git", double.url()));
    for (from, expected) in
        [(None, Fault::BadAnswer), (Some("trunk"), Fault::BadAnswer), (Some(commit.as_str()), Fault::NoBranch)]
    {
        let error = reader.page(&url, &ANYONE, from).await.unwrap_err();
        assert_eq!(error.fault(), expected, "{from:?}: {error}");
    }
    let address = silent().await;
    let providers = Providers::new(limited(address, |limits| limits.total = Duration::from_millis(200)));
    let error = page(&providers, &remote(&format!("http://{address}/x.git")), &ANYONE, None).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Unavailable);
}

#[tokio::test]
async fn branches_are_named_with_their_commits_and_the_default_is_among_them() {
    let Some(repositories) = Repositories::new() else { return };
    with_merges(&repositories, "widgets.git", 6);
    repositories.empty("empty.git");
    let detached = repositories.filled("detached.git");
    repositories.git("detached.git", &["update-ref", "--no-deref", "HEAD", &detached]);
    let commit = repositories.filled("many.git");
    let lines: String = (0..MAX_HEADS).map(|number| format!("create refs/heads/a-{number:04} {commit}\n")).collect();
    repositories.git_reading("many.git", &["update-ref", "--stdin"], lines.as_bytes());
    let head = |name: &str| repositories.git("widgets.git", &["rev-parse", name]);
    for kind in GIT_SERVERS {
        let server = GitServer::start(repositories.root(), kind).await;
        let reader = Reader::new(server.address);
        let expected = [named("side", &head("side"), false), named("trunk", &head("trunk"), true)];
        assert_eq!(reader.branches(&server.url("widgets.git")).await, expected, "{kind:?}");
        assert_eq!(reader.branches(&server.url("empty.git")).await, []);
        assert_eq!(reader.branches(&server.url("detached.git")).await, [named("trunk", &detached, false)]);
        let many = reader.branches(&server.url("many.git")).await;
        assert_eq!((many.len(), many.last()), (MAX_HEADS, Some(&named("trunk", &commit, true))), "{kind:?}");
    }
}

#[tokio::test]
async fn a_deploy_token_reads_a_project_over_git() {
    let Some(repositories) = Repositories::new() else { return };
    let commit = repositories.filled("gitlab/acme/private.git");
    let server = GitServer::start(repositories.root(), BEST).await;
    let (base, providers) = (server.url("gitlab"), Providers::new(egress(server.address)));
    let (username, token) = (Some(GIT_USER.to_owned()), Secret::new(GIT_TOKEN));
    let access = GitAccess::Token { kind: GitTokenKind::Deploy, username, token };
    // As a task of its own: what waits for it may run on any thread.
    let asked = tokio::spawn(async move {
        let identity = "acme/private";
        let target = Target { provider: Provider::Gitlab, api_base_url: Some(&base), identity, remote_url: None };
        let history = page(&providers, &target, &access, Some("trunk")).await.unwrap();
        (history, providers.branches(&target, &access).await.unwrap().value)
    });
    let (history, branches) = asked.await.unwrap();
    assert_eq!((ids(&history), branches), (vec![commit.as_str()], vec![named("trunk", &commit, true)]));
}

#[tokio::test]
async fn what_a_server_says_shows_no_secret() {
    let said = format!("no, {GIT_TOKEN}, and Ym90OmdscGF0LTlzWFEzZXhhbXBsZQ== neither");
    let double = Double::start(move |_| Said::status(403, json!({ "message": said }))).await;
    let reader = Reader::new(double.address);
    let error = reader.page(&double.url(), &bot(GIT_TOKEN), None).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Forbidden);
    let text = format!("{error} {error:?}");
    assert!(text.contains("[token]") && !text.contains(GIT_TOKEN) && !text.contains("Ym90Omds"), "{text}");
}
