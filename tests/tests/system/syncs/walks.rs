//! What a sync finds in a repository, and what it writes.

use super::{Stage, manifest};
use repoplane_tests::consistency;
use repoplane_tests::git_server::{GIT_TOKEN, GIT_USER};
use serde_json::{Value, json};

#[tokio::test]
async fn a_registered_repository_is_synced_by_itself() {
    let Some(stage) = Stage::set().await else { return };
    stage.repositories.empty("skills.git");
    let commit = stage.repositories.commit(
        "skills.git",
        &[
            ("100644", "README.md", b"hello"),
            ("100644", "skills/review/SKILL.md", &manifest("review", "")),
            ("100644", "deploy/SKILL.md", &manifest("deploy", "allowed-tools: Bash(git:*) Read\n")),
        ],
    );
    let path = stage.register("skills.git", json!({})).await;
    let before = stage.sync(&path).await;
    assert_eq!(before["state"], "pending");
    assert_eq!((&before["lastSyncedAt"], &before["skillCount"]), (&Value::Null, &json!(0)));

    assert_eq!(stage.app.work().await, 1);
    let after = stage.sync(&path).await;
    assert_eq!((&after["state"], &after["skillCount"], &after["error"]), (&json!("ready"), &json!(2), &Value::Null));
    assert_eq!(after["commit"], commit);
    assert!(after["lastSyncedAt"].is_string() && after["nextSyncAt"].is_string(), "{after}");
    assert_eq!(stage.names(&path).await, ["deploy", "review"]);
    let repo = stage.app.admin().get(&path).await.expect(200);
    assert_eq!(repo.body["repo"]["connection"]["status"], "ok");
    assert_eq!(repo.body["repo"]["updatedAt"], repo.body["repo"]["createdAt"], "a sync is no change by a caller");
    consistency::check(&stage.app.items().await).expect("consistent");
}

#[tokio::test]
async fn the_next_sync_changes_only_what_changed() {
    let Some(stage) = Stage::set().await else { return };
    stage.repositories.empty("a.git");
    let (one, two, gone) = (manifest("one", ""), manifest("two", ""), manifest("gone", ""));
    let files: [(&str, &str, &[u8]); 3] =
        [("100644", "one/SKILL.md", &one), ("100644", "two/SKILL.md", &two), ("100644", "gone/SKILL.md", &gone)];
    stage.repositories.commit("a.git", &files);
    let path = stage.register("a.git", json!({})).await;
    stage.app.work().await;
    let skill = |rows: &Value, name: &str| -> Value {
        rows["skills"].as_array().unwrap().iter().find(|row| row["name"] == name).cloned().unwrap_or_default()
    };
    let before = stage.skills(&path).await.body;

    let three = manifest("three", "");
    let changed: [(&str, &str, &[u8]); 4] = [
        ("100644", "one/SKILL.md", &one),
        ("100644", "two/SKILL.md", &two),
        ("100644", "two/notes.md", b"more"),
        ("100644", "three/SKILL.md", &three),
    ];
    stage.repositories.commit("a.git", &changed);
    stage.app.clock.advance(std::time::Duration::from_secs(4000));
    stage.app.schedule("tick").await;
    stage.app.work().await;
    let after = stage.skills(&path).await.body;
    assert_eq!(stage.names(&path).await, ["one", "three", "two"]);
    assert_eq!(skill(&before, "one"), skill(&after, "one"), "untouched");
    assert_eq!(skill(&before, "two")["id"], skill(&after, "two")["id"]);
    assert_ne!(skill(&before, "two")["version"], skill(&after, "two")["version"], "a file beside it makes a version");
    assert_eq!(stage.sync(&path).await["skillCount"], 3);
    consistency::check(&stage.app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_branch_that_has_not_moved_costs_one_question_and_no_write() {
    let Some(stage) = Stage::set().await else { return };
    stage.repositories.filled("a.git");
    let path = stage.register("a.git", json!({})).await;
    stage.app.work().await;
    let (state, items) = (stage.sync(&path).await, stage.app.items().await);
    stage.app.clock.advance(std::time::Duration::from_secs(4000));
    assert_eq!(stage.app.schedule("tick").await["queued"], 1);
    let planned = stage.app.items().await;
    let asked = stage.git_calls();
    stage.app.line.take_calls();
    stage.app.work().await;
    let calls = stage.app.line.take_calls();
    let writes = |call: &String| call.starts_with("Put") || call.starts_with("Update") || call.starts_with("Transact");
    assert!(!calls.iter().any(writes), "{calls:?}");
    assert_eq!(stage.git_calls() - asked, 2, "the second version of Git's protocol takes two requests for a head");
    assert_eq!(stage.app.items().await, planned);
    assert_ne!(planned, items, "the tick has planned the next one");
    let after = stage.sync(&path).await;
    assert_eq!((&after["state"], &after["lastSyncedAt"]), (&state["state"], &state["lastSyncedAt"]));
    assert!(after["nextSyncAt"].as_str() > state["nextSyncAt"].as_str());
}

#[tokio::test]
async fn a_private_repository_is_read_with_its_own_credential() {
    let Some(stage) = Stage::set().await else { return };
    stage.repositories.empty("private.git");
    stage.repositories.commit("private.git", &[("100644", "a/SKILL.md", &manifest("a", ""))]);
    let path = stage.register("private.git", json!({})).await;
    stage.app.work().await;
    let failed = stage.sync(&path).await;
    assert_eq!((&failed["state"], &failed["lastSyncedAt"]), (&json!("error"), &Value::Null));
    assert!(failed["error"].as_str().is_some_and(|text| !text.is_empty()), "{failed}");
    let repo = stage.app.admin().get(&path).await.expect(200);
    assert_eq!(repo.body["repo"]["connection"]["reason"], "AUTH_REQUIRED");

    let profile = json!({"id": "p", "remark": "bot", "cloneUsername": GIT_USER, "token": GIT_TOKEN});
    let patch = json!({"repoProviderCredential": {"profiles": [profile], "defaultProfileId": "p"}});
    stage.app.admin().patch(&path, patch).await.expect(200);
    stage.app.clock.advance(std::time::Duration::from_secs(3 * 3600));
    stage.app.schedule("tick").await;
    stage.app.work().await;
    let ready = stage.sync(&path).await;
    assert_eq!((&ready["state"], &ready["skillCount"]), (&json!("ready"), &json!(1)), "{ready}");
    let text = serde_json::to_string(&stage.app.items().await).unwrap();
    assert!(!text.contains(GIT_TOKEN), "the token is in no item");
}

#[tokio::test]
async fn a_branch_that_is_not_there_is_told_and_is_no_fault_of_the_connection() {
    let Some(stage) = Stage::set().await else { return };
    stage.repositories.filled("a.git");
    let path = stage.register("a.git", json!({"branch": "release"})).await;
    stage.app.work().await;
    let sync = stage.sync(&path).await;
    assert_eq!(sync["state"], "error");
    assert!(sync["error"].as_str().is_some_and(|text| text.contains("release")), "{sync}");
    let repo = stage.app.admin().get(&path).await.expect(200);
    assert_eq!(repo.body["repo"]["connection"]["status"], "ok");
    // What was named is what is read from then on.
    stage.app.admin().patch(&path, json!({"branch": null})).await.expect(200);
    assert_eq!(stage.state(&path).await, "pending");
    stage.app.clock.advance(std::time::Duration::from_secs(4000));
    stage.app.schedule("tick").await;
    stage.app.work().await;
    assert_eq!(stage.state(&path).await, "ready");
}

#[tokio::test]
async fn one_bad_file_keeps_its_last_good_version_and_stops_nothing() {
    let Some(stage) = Stage::set().await else { return };
    stage.repositories.empty("a.git");
    let good = manifest("a", "");
    stage.repositories.commit("a.git", &[("100644", "a/SKILL.md", &good)]);
    let path = stage.register("a.git", json!({})).await;
    stage.app.work().await;
    let before = stage.skills(&path).await.body["skills"][0].clone();
    let other = manifest("b", "");
    stage.repositories.commit(
        "a.git",
        &[("100644", "a/SKILL.md", b"---\nname: a\ndescription: [\n---\n"), ("100644", "b/SKILL.md", &other)],
    );
    stage.app.clock.advance(std::time::Duration::from_secs(4000));
    stage.app.schedule("tick").await;
    stage.app.work().await;
    let sync = stage.sync(&path).await;
    assert_eq!((&sync["state"], &sync["skillCount"]), (&json!("ready"), &json!(2)));
    let rows = stage.skills(&path).await.body;
    let bad = rows["skills"].as_array().unwrap().iter().find(|row| row["name"] == "a").unwrap();
    assert_eq!((&bad["version"], &bad["id"]), (&before["version"], &before["id"]));
    assert!(bad["lint"][0]["line"].as_u64().is_some_and(|line| line >= 3), "{bad}");
}

#[tokio::test]
async fn a_repository_that_is_not_to_be_synced_is_left_alone() {
    let Some(stage) = Stage::set().await else { return };
    stage.repositories.filled("a.git");
    let path = stage.register("a.git", json!({})).await;
    let day = std::time::Duration::from_secs(26 * 3600);
    for (off, on) in [("archive", "unarchive"), ("disabled", "enabled"), ("off", "on")] {
        let change = async |what: &str| match what {
            "archive" | "unarchive" => {
                drop(stage.app.admin().post(&format!("{path}/{what}"), Value::Null).await.expect(200))
            }
            "disabled" | "enabled" => {
                drop(stage.app.admin().patch(&path, json!({"enabled": what == "enabled"})).await.expect(200));
            }
            _ => {
                let minutes = if what == "on" { json!(60) } else { Value::Null };
                drop(stage.app.admin().patch(&path, json!({"syncIntervalMinutes": minutes})).await.expect(200));
            }
        };
        change(off).await;
        assert_eq!(stage.sync(&path).await["nextSyncAt"], Value::Null, "{off}");
        let asked = stage.git_calls();
        stage.app.clock.advance(day);
        assert_eq!(stage.app.schedule("tick").await["due"], 0, "{off}");
        if off != "off" {
            // Also a job that was queued before.
            stage.app.work().await;
            assert_eq!(stage.git_calls(), asked, "{off}");
        }
        change(on).await;
        assert_eq!(stage.app.schedule("tick").await["queued"], 1, "{on}");
        stage.app.work().await;
        assert_eq!(stage.state(&path).await, "ready", "{on}");
    }
}
