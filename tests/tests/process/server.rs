//! The built development server as a child process.

use crate::workspace::development_server;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longest wait for a line; only a broken server takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    lines: Receiver<String>,
    /// Its address.
    pub(crate) base: String,
    /// The administrator's token.
    pub(crate) token: String,
    /// The address of the provider double.
    pub(crate) double: String,
    /// The queue of tasks, and where it is served.
    pub(crate) queue: (String, String),
}

impl Server {
    /// Starts it on a free port and waits until it serves.
    pub(crate) fn start(arguments: &[&str], admin_token: Option<&str>) -> Self {
        let mut command = Command::new(development_server());
        command.args(arguments).args(["--port", "0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        for name in ["REPOPLANE_ADMIN_TOKEN", "REPOPLANE_EGRESS_ALLOW", "RUST_LOG"] {
            command.env_remove(name);
        }
        if let Some(token) = admin_token {
            command.env("REPOPLANE_ADMIN_TOKEN", token);
        }
        let mut child = command.spawn().expect("the server starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = channel();
        // Reads to the end whether anyone listens or not: a full pipe would stop the server.
        std::thread::spawn(move || output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line))));
        let mut server = Self {
            child,
            lines,
            base: String::new(),
            token: String::new(),
            double: String::new(),
            queue: Default::default(),
        };
        server.base = server.value("repoplane ready: ");
        server.token = server.value("admin token: ");
        server.double = server.value("provider double: ");
        let queue = server.value("robot tasks: ");
        let (url, endpoint) = queue.split_once(" at ").expect("the queue and its address");
        server.queue = (url.to_owned(), endpoint.to_owned());
        server
    }

    fn value(&self, label: &str) -> String {
        let line = self.lines_to(|line| line.starts_with(label)).pop().unwrap_or_default();
        line.trim_start_matches(label).to_owned()
    }

    /// What it prints from here up to a line, that line included.
    pub(crate) fn lines_to(&self, is_last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => seen.push(line),
                Err(error) => panic!("{error} after {seen:#?}"),
            }
            if seen.last().is_some_and(|line| is_last(line)) {
                return seen;
            }
        }
    }

    /// Whether it is still up.
    pub(crate) fn is_up(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    /// Ends it as a power cut would: it learns nothing of it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
