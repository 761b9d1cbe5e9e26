//! The house: who may know whom, and what a function carries.

use crate::workspace::{cargo_says, sources};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const FUNCTIONS: [&str; 6] = ["repos", "robots", "automation", "webhooks", "sync", "dispatch"];

/// Every package below one, `name version`, itself included; normal dependencies only.
fn below(package: &str) -> BTreeSet<(String, String)> {
    let said = cargo_says(&["tree", "-p", package, "-e", "normal", "--prefix", "none", "--format", "{p}"]);
    let line = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    said.lines().filter_map(line).collect()
}

fn names(packages: &BTreeSet<(String, String)>) -> BTreeSet<&str> {
    packages.iter().map(|(name, _)| name.as_str()).collect()
}

/// Which of our own crates each of ours names, without `repoplane-`.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let metadata: Value =
        serde_json::from_str(&cargo_says(&["metadata", "--no-deps", "--format-version", "1"])).expect("JSON");
    let ours = |name: &Value| name.as_str().and_then(|name| name.strip_prefix("repoplane-")).map(str::to_owned);
    let packages = metadata["packages"].as_array().expect("packages");
    let arrows = packages.iter().map(|package| {
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        (ours(&package["name"]).expect("ours"), dependencies.iter().filter_map(|one| ours(&one["name"])).collect())
    });
    arrows.collect()
}

#[test]
fn the_arrows_between_the_rooms_are_those_of_the_architecture() {
    let allowed: [(&str, &[&str]); 16] = [
        ("domain", &[]),
        // What the others are compared with.
        ("hello", &[]),
        ("store", &["domain"]),
        ("providers", &["domain"]),
        ("signing", &["domain"]),
        // What is done in both places at once, by whoever saves and by whoever takes back what was left.
        ("provisioning", &["domain", "store", "providers"]),
        ("api", &["domain", "store"]),
        ("repos", &["domain", "store", "api", "providers", "signing", "provisioning"]),
        ("robots", &["domain", "store", "api", "providers"]),
        ("automation", &["domain", "store", "api", "providers"]),
        ("webhooks", &["domain", "store", "api", "providers"]),
        ("sync", &["domain", "store", "api", "providers", "provisioning"]),
        ("dispatch", &["domain", "store", "api"]),
        // As anybody outside: by the API and the queue alone.
        ("robot-worker", &[]),
        (
            "local",
            &[
                "domain",
                "store",
                "providers",
                "provisioning",
                "api",
                "repos",
                "robots",
                "automation",
                "webhooks",
                "sync",
                "dispatch",
            ],
        ),
        (
            "tests",
            &[
                "domain",
                "store",
                "providers",
                "provisioning",
                "api",
                "repos",
                "robots",
                "automation",
                "webhooks",
                "sync",
                "dispatch",
                "local",
            ],
        ),
    ];
    let arrows = arrows();
    assert_eq!(arrows.len(), allowed.len(), "a new room needs its arrows here: {:?}", arrows.keys());
    for (room, may_know) in allowed {
        let knows = &arrows[room];
        let strangers: Vec<_> = knows.iter().filter(|known| !may_know.contains(&known.as_str())).collect();
        assert!(strangers.is_empty(), "{room} must not know {strangers:?}");
    }
}

#[test]
fn the_domain_is_pure() {
    let packages = below("repoplane-domain");
    let banned = |name: &&str| {
        let families = ["aws-", "lambda", "tokio", "hyper", "reqwest", "axum", "tower", "rand", "getrandom"];
        families.iter().any(|family| name.starts_with(family)) || ["http", "http-body"].contains(name)
    };
    let found: Vec<_> = names(&packages).into_iter().filter(banned).collect();
    assert!(packages.len() > 10 && found.is_empty(), "{found:?}");
}

#[test]
fn a_function_has_one_tls_stack_and_no_sign_in_by_browser() {
    for function in FUNCTIONS {
        let packages = below(&format!("repoplane-{function}"));
        let names = names(&packages);
        for banned in ["native-tls", "openssl", "openssl-sys", "ring", "aws-sdk-sso", "aws-sdk-ssooidc"] {
            assert!(!names.contains(banned), "{function} carries {banned}");
        }
        for single in ["rustls", "hyper", "tokio", "aws-lc-rs"] {
            let versions: Vec<_> = packages.iter().filter(|(name, _)| name == single).collect();
            assert_eq!(versions.len(), 1, "{function}: {versions:?}");
        }
    }
}

#[test]
fn outgoing_http_and_the_engines_stay_in_their_rooms() {
    for function in FUNCTIONS {
        let packages = below(&format!("repoplane-{function}"));
        let names = names(&packages);
        // Every function but one takes tokens, and may have to fetch the keys of who signed one.
        assert_eq!(names.contains("reqwest"), function != "dispatch", "{function}");
        assert_eq!(names.contains("aws-sdk-eventbridge"), function == "dispatch", "{function}");
        for engine in ["dynoxide-rs", "winterbaume-core", "winterbaume-secretsmanager", "winterbaume-sqs", "clap"] {
            assert!(!names.contains(engine), "{function} carries {engine}");
        }
    }
}

/// Otherwise everything above a crate that differs is built twice: minutes, and gigabytes.
#[test]
fn the_development_server_and_the_tests_share_every_built_dependency() {
    let features = |selection: &[&str]| -> BTreeSet<String> {
        let tree = ["tree", "-e", "normal,build,dev", "--prefix", "none", "--format", "{p} [{f}]"];
        let said = cargo_says(&[&tree[..], selection].concat());
        said.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
    };
    let whole = features(&["--workspace"]);
    let server = features(&["-p", "repoplane-local"]);
    let apart: Vec<_> = server.difference(&whole).collect();
    assert!(apart.is_empty(), "built with other features than in the whole workspace: {apart:#?}");
}

/// What a task of its own costs counts for the request that starts it, which only the spawning place can see to.
#[test]
fn every_task_that_is_started_counts_for_its_request() {
    let of_ours = |path: &std::path::Path| {
        let path = path.to_string_lossy();
        ["/shared/store/src/", "/shared/api/src/", "/functions/"].iter().any(|place| path.contains(place))
    };
    let mut uncounted = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| of_ours(path)) {
        // Tests stand at the end of their file, or in one of their own.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let spawns = text.lines().filter(|line| line.contains("spawn("));
        uncounted.extend(
            spawns
                .filter(|line| !line.contains("metered(") && !line.contains("carried("))
                .map(|line| format!("{}: {}", path.display(), line.trim())),
        );
    }
    assert!(uncounted.is_empty(), "put `carried` or `metered` around: {uncounted:#?}");
}
