//! What clients ask first: platforms, projects, groups and users (contract: abf 8.1).

use super::{Abf, number, number_of, path};
use serde_json::{Value, json};

#[tokio::test]
async fn platforms_are_found_by_who_may_look() {
    let abf = Abf::with_visibility("hidden").await;
    let search = |query: &str| format!("/api/v1/search.json?type=platforms&query={query}&per_page=100");
    let names = async |client: &repoplane_tests::Client, target: &str, pointer: &str| -> Vec<String> {
        let answer = client.get(target).await.expect(200);
        let rows = answer.body.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        rows.iter().map(|row| row["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let found = "/results/platforms";
    assert_eq!(names(&abf.local.client, &search("COOK"), found).await, ["cooker"]);
    assert_eq!(names(&abf.member.client, &search("cooker"), found).await, ["cooker"]);
    assert!(names(&abf.stranger.client, &search("cooker"), found).await.is_empty());
    assert!(names(&abf.local.client, "/api/v1/search.json?type=users&query=sam", found).await.is_empty());
    let listed = names(&abf.stranger.client, "/api/v1/platforms.json?per_page=100", "/platforms").await;
    assert!(!listed.contains(&"cooker".to_owned()) && listed.contains(&"sam_personal".to_owned()), "{listed:?}");
    abf.stranger.client.get(&format!("/api/v1/platforms/{}.json", abf.platform)).await.expect(403);
    let shown = abf.member.client.get(&format!("/api/v1/platforms/{}.json", abf.platform)).await.expect(200);
    let platform = &shown.body["platform"];
    for field in [
        "id",
        "name",
        "parent_platform_id",
        "created_at",
        "updated_at",
        "released",
        "owner",
        "visibility",
        "platform_type",
        "distrib_type",
        "repositories",
    ] {
        assert!(platform.get(field).is_some(), "{field}: {platform}");
    }
    let repositories: Vec<_> =
        platform["repositories"].as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
    assert_eq!(repositories, ["main", "contrib"]);
    // Another user's own, though that user was never here.
    assert_eq!(names(&abf.local.client, &search("mirror_personal"), found).await, ["mirror_personal"]);
    abf.check().await;
}

#[tokio::test]
async fn projects_groups_and_users_are_found() {
    let abf = Abf::new().await;
    let group =
        abf.local.client.post("/api/groups", json!({"uname": "qa", "description": "quality"})).await.expect(201);
    let group = number(&group, "/group/number");
    let sam = number_of(&abf.app, &abf.stranger).await;
    let body = json!({"name": "hidden", "visibility": "hidden", "ownerGroup": group, "maintainer": sam});
    let made = abf.local.client.post("/api/projects", body).await.expect(201);
    let project = number(&made, "/project/number");
    let find = "/api/v1/projects/get_id.json?name=HIDDEN&owner=qa";
    assert_eq!(number(&abf.local.client.get(find).await.expect(200), "/project/id"), project);
    abf.stranger.client.get(find).await.expect(403);
    for wrong in ["", "?name=hidden", "?name=hidden&owner=lena", "?name=x&owner=qa", "?name=hidden&owner=nobody"] {
        abf.local.client.get(&format!("/api/v1/projects/get_id.json{wrong}")).await.expect(404);
    }
    // Members of the group that owns it may look.
    abf.local.client.put(&format!("/api/groups/{group}/members/{sam}"), json!({"role": "reader"})).await.expect(200);
    abf.stranger.client.get(find).await.expect(200);
    abf.local.client.put(&path(abf.main, "add_project"), json!({"project_id": project})).await.expect(200);
    let shown = abf.stranger.client.get(&format!("/api/v1/projects/{project}.json")).await.expect(200).body;
    let shown = &shown["project"];
    for field in [
        "id",
        "name",
        "fullname",
        "git_url",
        "created_at",
        "updated_at",
        "visibility",
        "ancestry",
        "default_branch",
        "is_package",
        "owner",
        "repositories",
        "maintainer",
        "project_statistics",
    ] {
        assert!(shown.get(field).is_some(), "{field}: {shown}");
    }
    assert_eq!((&shown["owner"]["type"], &shown["owner"]["uname"]), (&json!("Group"), &json!("qa")));
    assert_eq!(shown["repositories"][0]["id"], abf.main);
    assert_eq!(shown["maintainer"]["uname"], "sam");
    let found = abf.stranger.client.get(&format!("/api/v1/groups/{group}.json")).await.expect(200);
    assert_eq!(found.body["group"]["uname"], "qa");
    let found = abf.stranger.client.get(&format!("/api/v1/users/{sam}")).await.expect(200);
    assert_eq!(found.body["user"]["uname"], "sam");
    abf.check().await;
}

#[tokio::test]
async fn a_group_shares_the_users_names_and_goes_with_its_platform() {
    let abf = Abf::new().await;
    let post = |uname: &str| json!({"uname": uname});
    assert_eq!(abf.local.client.post("/api/groups", post("sam")).await.expect(409).body["code"], "USERNAME_TAKEN");
    let group = number(&abf.local.client.post("/api/groups", post("qa")).await.expect(201), "/group/number");
    abf.app.admin().post("/api/users", json!({"username": "QA"})).await.expect(409);
    let target = format!("/api/groups/{group}");
    let project = abf.local.client.post("/api/projects", json!({"name": "p", "ownerGroup": group})).await.expect(201);
    assert_eq!(abf.local.client.delete(&target).await.expect(409).body["code"], "IN_USE");
    abf.local.client.delete(&format!("/api/projects/{}", number(&project, "/project/number"))).await.expect(200);
    abf.stranger.client.delete(&target).await.expect(403);
    abf.check().await;
    abf.local.client.delete(&target).await.expect(200);
    abf.local.client.get(&target).await.expect(404);
    assert_eq!(
        abf.global.get("/api/platforms").await.expect(200).body["platforms"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|platform| platform["name"] == "qa_personal")
            .count(),
        0
    );
    abf.check().await;
    abf.local.client.post("/api/groups", post("qa")).await.expect(201);
    let platform = format!("/api/platforms/{}", abf.platform);
    assert_eq!(abf.global.delete(&platform).await.expect(409).body["code"], "IN_USE");
    for repository in [abf.main, abf.contrib] {
        abf.global.delete(&path(repository, "")).await.expect(200);
    }
    abf.global.delete(&platform).await.expect(200);
    abf.check().await;
}
