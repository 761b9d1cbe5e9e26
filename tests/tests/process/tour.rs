//! The tour: the script, the text that `cargo dev` prints, and the demo.

use crate::server::Server;
use crate::workspace::{TempFolder, development_server, has_tools, root};
use std::process::{Command, Output};

const TOOLS: [&str; 3] = ["bash", "curl", "openssl"];

/// The last line that a server without a demo prints.
fn is_end(line: &str) -> bool {
    line.starts_with("Ctrl-C ends ")
}

fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_tour_meets_no_surprise() {
    if !has_tools(&TOOLS) {
        return;
    }
    let server = Server::start(&["--memory"], None);
    let tour = || {
        let mut bash = Command::new("bash");
        bash.arg(root().join("local/tour/tour.sh"));
        bash.envs([("BASE", &server.base), ("TOKEN", &server.token), ("DOUBLE", &server.double)]);
        let output = bash.output().expect("bash runs");
        assert!(output.status.success(), "{}", shown(&output));
    };
    tour();
    tour();
}

#[test]
fn the_tour_fails_at_its_first_surprise() {
    if !has_tools(&TOOLS) {
        return;
    }
    let server = Server::start(&["--memory"], None);
    let mut bash = Command::new("bash");
    bash.arg(root().join("local/tour/tour.sh"));
    bash.envs([("BASE", server.base.as_str()), ("TOKEN", "rpt_of-nobody"), ("DOUBLE", &server.double)]);
    let output = bash.output().expect("bash runs");
    assert!(!output.status.success(), "{}", shown(&output));
    assert!(shown(&output).contains("surprise: the token is known"), "{}", shown(&output));
}

#[test]
fn the_printed_tour_reaches_a_finished_task_when_it_is_pasted() {
    if !has_tools(&TOOLS) {
        return;
    }
    let server = Server::start(&["--memory"], None);
    let printed = server.lines_to(is_end);
    let pasted = printed.iter().skip_while(|line| !line.starts_with("export ")).take_while(|line| !is_end(line));
    let pasted: Vec<_> = pasted.map(String::as_str).collect();
    assert!(pasted.len() > 20, "{printed:#?}");
    // As at a prompt: a command that fails does not stop the next one.
    let output = Command::new("bash").args(["-c", &pasted.join("\n")]).output().expect("bash runs");
    let said = shown(&output);
    assert!(output.status.success(), "{said}");
    for expected in [
        "# Who am I?",
        r#""tasks":[{"groupId":"#,
        r#""duplicate_of":"dlv_"#,
        r#""status":"succeeded""#,
        r#""name":"triage""#,
    ] {
        assert!(said.contains(expected), "{expected} is not in {said}");
    }
    assert_eq!(said.matches(r#""status":401"#).count(), 1, "only the forged webhook is refused: {said}");
}

#[test]
fn the_demo_ends_with_a_task_and_stays_up() {
    // One more `--` than the alias needs, as many will type it.
    let mut server = Server::start(&["--", "--demo", "--memory"], None);
    let told = server.lines_to(|line| line.contains("curl "));
    assert!(told.iter().any(|line| line.starts_with("Task tsk_")), "{told:#?}");
    assert!(told.iter().any(|line| line.contains("prompt  Triage issue #7")), "{told:#?}");
    assert!(told.iter().any(|line| line.contains("triage") && line.contains("Labels new issues")), "{told:#?}");
    assert!(server.is_up());
    let health = std::net::TcpStream::connect(server.base.trim_start_matches("http://"));
    assert!(health.is_ok(), "{health:?}");
}

#[test]
fn a_data_directory_keeps_its_token_and_belongs_to_one_server() {
    let folder = TempFolder::new("token");
    let arguments = ["--data-dir", folder.path().to_str().expect("UTF-8")];
    let mut server = Server::start(&arguments, None);
    let token = server.token.clone();
    let second = Command::new(development_server()).args(arguments).args(["--port", "0"]).output().expect("it runs");
    assert!(!second.status.success() && shown(&second).contains("another server uses"), "{}", shown(&second));
    server.kill();
    assert_eq!(Server::start(&arguments, None).token, token);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let kept = std::fs::metadata(folder.path().join("admin-token")).expect("the kept token");
        assert_eq!(kept.permissions().mode() & 0o077, 0, "nobody else may read it");
    }
}
