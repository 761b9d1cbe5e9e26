//! A real Git server on loopback, `git http-backend` behind axum, and repositories to serve.
//!
//! The tests of `shared/providers` take this file in as it is, so it needs nothing of this crate.

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Longest question that is read, in bytes.
const MAX_QUESTION: usize = 16 * 1024 * 1024;
/// The user whom private repositories let in.
pub const GIT_USER: &str = "bot";
/// That user's token.
pub const GIT_TOKEN: &str = "glpat-9sXQ3example";
/// Both in the header of Basic authentication (RFC 7617).
const GIT_AUTHORIZATION: &str = "Basic Ym90OmdscGF0LTlzWFEzZXhhbXBsZQ==";

/// Whether Git is at hand. Without it a test tells that it is skipped; `REPOPLANE_REQUIRE_TOOLS=1` makes that a failure.
///
/// # Panics
/// When Git is required and missing.
pub fn git_is_there() -> bool {
    let there = Command::new("git").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        let required = std::env::var("REPOPLANE_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
        assert!(!required, "git is not installed");
        let _ = std::io::stderr().write_all(b"skipped: git is not installed\n");
    }
    there
}

/// Repositories in a folder of a test's own, which goes with this.
#[derive(Debug)]
pub struct Repositories(TempDir);

/// A file of a commit: mode, path as `git fast-import` reads it, content (of a submodule its commit).
pub type CommitFile<'a> = (&'a str, &'a str, &'a [u8]);

impl Repositories {
    /// An empty folder; `None`, with a note, where Git is not installed and need not be.
    pub fn new() -> Option<Self> {
        git_is_there().then(|| Self(TempDir::new().expect("a temporary folder")))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        self.0.path()
    }

    /// Runs Git in a repository, or for an empty name beside all of them.
    pub fn git(&self, name: &str, arguments: &[&str]) -> String {
        self.git_reading(name, arguments, b"")
    }

    /// The same with an input.
    ///
    /// # Panics
    /// When Git fails.
    pub fn git_reading(&self, name: &str, arguments: &[&str], input: &[u8]) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.root().join(name)).args(arguments);
        // Nothing of the machine's own settings.
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for (name, value) in [("NAME", "A"), ("EMAIL", "a@x.example")] {
            command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
        }
        let output = piped(command, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// A bare repository whose HEAD names `trunk`. The folders of its path are made.
    ///
    /// # Panics
    /// When there is no room for it.
    pub fn empty(&self, name: &str) {
        std::fs::create_dir_all(self.root().join(name)).expect("a folder");
        self.git(name, &["init", "--quiet", "--bare", "--initial-branch=trunk"]);
    }

    /// The same with one commit on `trunk` and a tag; its hash.
    pub fn filled(&self, name: &str) -> String {
        self.empty(name);
        let tree = self.git(name, &["hash-object", "-t", "tree", "-w", "/dev/null"]);
        let commit = self.commit_tree(name, &tree);
        self.git(name, &["tag", "v1", &commit]);
        commit
    }

    /// Makes a commit of a tree the newest one of `trunk`; its hash.
    pub fn commit_tree(&self, name: &str, tree: &str) -> String {
        let commit = self.git(name, &["commit-tree", tree, "-m", "First"]);
        self.git(name, &["update-ref", "refs/heads/trunk", &commit]);
        commit
    }

    /// Adds a commit of these files, and of no others, to `trunk`; its hash.
    ///
    /// # Panics
    /// Never: writing to memory does not fail.
    pub fn commit(&self, name: &str, files: &[CommitFile<'_>]) -> String {
        let known = self.git(name, &["for-each-ref", "--format=%(objectname)", "refs/heads/trunk"]);
        let mut input = b"commit refs/heads/trunk\ncommitter A <a@x.example> 1700000000 +0000\ndata 0\n".to_vec();
        if !known.is_empty() {
            writeln!(input, "from {known}").expect("memory");
        }
        input.extend(b"deleteall\n");
        for (mode, path, content) in files {
            if *mode == "160000" {
                writeln!(input, "M 160000 {} {path}", String::from_utf8_lossy(content)).expect("memory");
                continue;
            }
            writeln!(input, "M {mode} inline {path}\ndata {}", content.len()).expect("memory");
            input.extend_from_slice(content);
            input.push(b'\n');
        }
        self.git_reading(name, &["fast-import", "--quiet", "--force"], &input);
        self.git(name, &["rev-parse", "refs/heads/trunk"])
    }

    /// A repository of so many files, among them the manifests of so many skills, in one commit; its hash. Each skill has
    /// its part of the files, spread over folders of 100.
    pub fn large(&self, name: &str, files: usize, skills: usize) -> String {
        self.empty(name);
        let mut input = "commit refs/heads/trunk\ncommitter A <a@x.example> 1700000000 +0000\ndata 0\n".to_owned();
        let mut add = |path: String, content: String| {
            let length = content.len();
            // Writing to a text cannot fail.
            let _ = write!(input, "M 100644 inline {path}\ndata {length}\n{content}\n");
        };
        for skill in 0..skills {
            let manifest =
                format!("---\nname: skill-{skill}\ndescription: Number {skill}\n---\n\nDo number {skill}.\n");
            add(format!("skills/skill-{skill}/SKILL.md"), manifest);
        }
        for file in 0..files.saturating_sub(skills) {
            let folder = format!("skills/skill-{}/part-{}", file % skills.max(1), file / skills.max(1) / 100);
            add(format!("{folder}/file-{file}.txt"), format!("{file}\n"));
        }
        self.git_reading(name, &["fast-import", "--quiet", "--force"], input.as_bytes());
        self.git(name, &["rev-parse", "refs/heads/trunk"])
    }
}

/// What the common gateway interface (RFC 3875) tells of a request.
#[derive(Debug, Clone, Copy)]
pub struct GatewayRequest<'a> {
    /// Method.
    pub method: &'a str,
    /// Path of the URL.
    pub path: &'a str,
    /// Its query.
    pub query: &'a str,
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Git-Protocol`; without it the server speaks the first version.
    pub protocol: Option<&'a str>,
    /// Body.
    pub body: &'a [u8],
    /// Whether the server leaves contents out when it is asked to.
    pub partial: bool,
}

/// What it answers.
#[derive(Debug, Clone)]
pub struct GatewayAnswer {
    /// Status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: String,
    /// Body.
    pub body: Vec<u8>,
}

/// What Git calls "smart HTTP": `git http-backend`.
///
/// # Panics
/// When Git does not answer as it should.
pub fn backend(root: &Path, request: GatewayRequest<'_>) -> GatewayAnswer {
    let mut command = Command::new("git");
    command.arg("http-backend").env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "uploadpack.allowFilter");
    command.env("GIT_CONFIG_VALUE_0", request.partial.to_string());
    command.env("PATH_INFO", request.path).env("QUERY_STRING", request.query).env("REQUEST_METHOD", request.method);
    command.env("CONTENT_TYPE", request.content_type).env("CONTENT_LENGTH", request.body.len().to_string());
    if let Some(protocol) = request.protocol {
        command.env("GIT_PROTOCOL", protocol);
    }
    let output = piped(command, request.body).stdout;
    let end = output.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("the end of the head");
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let value = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let status = value("Status").and_then(|status| status.get(..3)?.parse().ok()).unwrap_or(200);
    GatewayAnswer { status, content_type: value("Content-Type").unwrap_or_default(), body: output[end + 4..].to_vec() }
}

fn piped(mut command: Command, input: &[u8]) -> std::process::Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("Git runs");
    let mut stdin = child.stdin.take().expect("an input");
    // Who writes all before reading anything waits for ever when both sides' buffers are full.
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().expect("Git ends")
    })
}

/// How a server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GitServerKind {
    /// Whether it speaks the second version of the protocol.
    pub second_version: bool,
    /// Whether it leaves contents out when it is asked to.
    pub partial: bool,
}

/// Every kind of server.
pub const GIT_SERVERS: [GitServerKind; 4] = [
    GitServerKind { second_version: true, partial: true },
    GitServerKind { second_version: true, partial: false },
    GitServerKind { second_version: false, partial: true },
    GitServerKind { second_version: false, partial: false },
];

/// A server that is there until the runtime of its test ends.
#[derive(Debug)]
pub struct GitServer {
    /// Where it listens.
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl GitServer {
    /// Serves all repositories below `root`. Those with `private` in their path let in [`GIT_USER`] with [`GIT_TOKEN`].
    ///
    /// # Panics
    /// When there is no port left.
    pub async fn start(root: &Path, kind: GitServerKind) -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (root, seen) = (root.to_owned(), asked.clone());
        let handler = move |request: Request| {
            let (root, seen) = (root.clone(), seen.clone());
            async move { answer(&root, kind, &seen, request).await }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(handler)).await });
        Self { address, asked }
    }

    /// The address of a repository.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Method and path of every request so far.
    ///
    /// # Panics
    /// When an answer panicked.
    pub fn calls(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

async fn answer(root: &Path, kind: GitServerKind, seen: &Mutex<Vec<String>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_QUESTION).await.expect("a body");
    let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
    let query = parts.uri.query().unwrap_or_default().to_owned();
    seen.lock().expect("no panic").push(format!("{method} {path}"));
    let header = move |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if path.contains("private") && header("authorization").as_deref() != Some(GIT_AUTHORIZATION) {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"git\"")], "who?").into_response();
    }
    let root = root.to_owned();
    let answered = tokio::task::spawn_blocking(move || {
        let (content_type, protocol) = (header("content-type").unwrap_or_default(), header("git-protocol"));
        let request = GatewayRequest {
            method: &method,
            path: &path,
            query: &query,
            content_type: &content_type,
            protocol: protocol.as_deref().filter(|_| kind.second_version),
            body: &body,
            partial: kind.partial,
        };
        backend(&root, request)
    });
    let GatewayAnswer { status, content_type, body } = answered.await.expect("no panic");
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("content-type", content_type)], body).into_response()
}
