//! The workspace from outside: its files, and cargo's view of it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the workspace")
}

/// A file of the workspace.
#[track_caller]
pub(crate) fn read(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file of ours, with its path.
pub(crate) fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["functions", "shared", "local", "tests", "examples"].map(|folder| root().join(folder)).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("UTF-8");
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// Cargo, as the one that runs these tests: what is needed was fetched by it, so nothing is fetched now.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments).args(["--locked", "--offline"]);
    // What cargo says of this very package would make build scripts of others run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_BIN_") {
            command.env_remove(&name);
        }
    }
    command
}

/// What a cargo command prints.
#[track_caller]
pub(crate) fn cargo_says(arguments: &[&str]) -> String {
    let output = cargo(arguments).output().expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The built development server.
pub(crate) fn development_server() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("repoplane-dev"))
}

/// Builds one of our programs, with the features of the whole workspace, so that nothing below it is built a second time.
pub(crate) fn built(program: &str) -> PathBuf {
    // target/<profile>/deps/<this test>
    let this = std::env::current_exe().expect("the path of this test");
    let profile = this.ancestors().nth(2).expect("a folder of the profile");
    let target = profile.parent().expect("a target folder").to_string_lossy().into_owned();
    let name = profile.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = if name == "debug" { "dev".to_owned() } else { name };
    cargo_says(&["build", "--workspace", "--bin", program, "--target-dir", &target, "--profile", &name]);
    profile.join(program)
}

/// Whether a test may go on. A missing program skips it on a laptop and fails it where the tools are required.
pub(crate) fn has_tools(tools: &[&str]) -> bool {
    let answers = |tool: &&&str| {
        let said = Command::new(tool).arg(if **tool == "openssl" { "version" } else { "--version" }).output();
        said.is_ok_and(|output| output.status.success())
    };
    let missing: Vec<_> = tools.iter().filter(|tool| !answers(tool)).collect();
    if missing.is_empty() {
        return true;
    }
    let required = std::env::var("REPOPLANE_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
    assert!(!required, "missing: {missing:?}");
    println_skipped(&missing);
    false
}

#[expect(clippy::print_stderr, reason = "who reads the test's output must learn why it did nothing")]
fn println_skipped(missing: &[&&str]) {
    eprintln!("skipped: {missing:?} not found");
}

/// A folder of this test's own, gone when it is dropped.
pub(crate) struct TempFolder(PathBuf);

impl TempFolder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("repoplane-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder for temporary files");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
