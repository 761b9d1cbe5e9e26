//! Platforms, groups and projects, natively and by ABF's API.

use super::Story;
use crate::packages::key_pair;
use crate::{Answer, Client, Event};
use serde_json::{Value, json};

fn number(answer: &Answer, pointer: &str) -> u64 {
    answer.body.pointer(pointer).and_then(Value::as_u64).expect("a number")
}

/// A distribution is set up, filled and taken apart again.
pub(super) async fn platforms(story: &mut Story, ann: &Client) {
    let bob = ann.post("/api/users", json!({"username": "bob", "email": "bob@example.com"})).await;
    let bob = number(&bob.expect(201), "/user/number");

    let body = json!({"uname": "qa", "description": "Quality"});
    let made = story.call(ann, "A team", "POST", "/api/groups", body).await.expect(201);
    let group = format!("/api/groups/{}", number(&made, "/group/number"));
    story.call(ann, "All groups", "GET", "/api/groups", Value::Null).await.expect(200);
    story.call(ann, "One group", "GET", &group, Value::Null).await.expect(200);
    story.call(ann, "Another description", "PATCH", &group, json!({"description": "Quality first"})).await.expect(200);
    let member = format!("{group}/members/{bob}");
    story.call(ann, "One more member", "PUT", &member, json!({"role": "writer"})).await.expect(200);

    let body = json!({"name": "cooker", "distribType": "mdv"});
    let made = story.call(ann, "A distribution", "POST", "/api/platforms", body.clone()).await.expect(201);
    story.call(ann, "A taken name", "POST", "/api/platforms", body).await.expect(409);
    let id = number(&made, "/platform/number");
    let platform = format!("/api/platforms/{id}");
    story.call(ann, "All platforms", "GET", "/api/platforms", Value::Null).await.expect(200);
    story.call(ann, "One platform", "GET", &platform, Value::Null).await.expect(200);
    story.call(ann, "Another default branch", "PATCH", &platform, json!({"defaultBranch": "main"})).await.expect(200);
    let relation = format!("{platform}/members/users/{bob}");
    story.call(ann, "An administrator", "PUT", &relation, json!({"role": "admin"})).await.expect(200);

    let body = json!({"name": "bash", "maintainer": bob, "remoteUrl": "https://git.example.com/bash.git"});
    let made = story.call(ann, "A package", "POST", "/api/projects", body).await.expect(201);
    let bash = number(&made, "/project/number");
    let project = format!("/api/projects/{bash}");
    story.call(ann, "All projects", "GET", "/api/projects", Value::Null).await.expect(200);
    story.call(ann, "One project", "GET", &project, Value::Null).await.expect(200);
    story.call(ann, "Another branch", "PATCH", &project, json!({"branch": "stable"})).await.expect(200);

    abf(story, ann, (id, bash, bob)).await;

    story.call(ann, "No member any more", "DELETE", &member, Value::Null).await.expect(200);
    story.call(ann, "No administrator any more", "DELETE", &relation, Value::Null).await.expect(200);
    story.call(ann, "In no repository", "DELETE", &project, Value::Null).await.expect(200);
    story.call(ann, "Without repositories", "DELETE", &platform, Value::Null).await.expect(200);
    story.call(ann, "With its personal platform", "DELETE", &group, Value::Null).await.expect(200);
}

/// What ABF's clients ask.
async fn abf(story: &mut Story, ann: &Client, (platform, project, user): (u64, u64, u64)) {
    let root = "/api/v1";
    let inputs = json!({"platform_id": platform, "name": "main", "description": "Main packages"});
    let body = json!({"repository": inputs});
    let made = story.call(ann, "For main packages", "POST", &format!("{root}/repositories"), body).await.expect(200);
    let path = format!("{root}/repositories/{}", number(&made, "/repository/id"));
    story.call(ann, "One repository", "GET", &path, Value::Null).await.expect(200);
    let body = json!({"repository": {"publish_without_qa": false}});
    story.call(ann, "Administrators publish", "PUT", &path, body).await.expect(200);
    for (body, put, delete) in [
        (json!({"member_id": user, "type": "User"}), "add_member", "remove_member"),
        (json!({"project_id": project}), "add_project", "remove_project"),
        (Value::Null, "add_repo_lock_file", "remove_repo_lock_file"),
    ] {
        story.call(ann, "It is added", "PUT", &format!("{path}/{put}"), body.clone()).await.expect(200);
        if put == "add_project" {
            story.call(ann, "By name", "GET", &format!("{path}/projects"), Value::Null).await.expect(200);
            let target = format!("{root}/projects/{project}");
            story.call(ann, "With its places", "GET", &target, Value::Null).await.expect(200);
        }
        story.call(ann, "It is removed", "DELETE", &format!("{path}/{delete}"), body).await.expect(200);
    }
    let (public, secret) = key_pair(1);
    let body = json!({"repository": {"public": public, "secret": secret}});
    story.call(ann, "A new pair", "PUT", &format!("{path}/signatures"), body).await.expect(200);
    let mirror = json!({"username": "mirror", "roles": ["system"]});
    let mirror = ann.post("/api/users", mirror).await.expect(201).text("/user/id");
    let body = json!({"name": "mirror", "userId": mirror, "scopes": ["repos:read"]});
    let mirror = ann.post("/api/access-tokens", body).await.expect(201).text("/token");
    let mirror = story.app.client(mirror);
    story.call(&mirror, "For who signs", "GET", &format!("{path}/key_pair"), Value::Null).await.expect(200);
    ann.put(&format!("{path}/add_project"), json!({"project_id": project})).await.expect(200);
    let row = json!({"projectId": project, "name": "bash", "version": "5.2", "release": "1", "type": "source"});
    let listed = ann.get("/api/repos").await.expect(200);
    let repos = listed.body["repos"].as_array().expect("repositories");
    let here = repos.iter().find(|repo| repo["number"] == number(&made, "/repository/id")).expect("the repository");
    let target = format!("/api/repos/{}/packages", here["id"].as_str().unwrap_or_default());
    let upload = Event::new("PUT", &target).header("content-type", "application/x-ndjson").body(format!("{row}\n"));
    story.send(ann, "One package is new", upload).await.expect(200);
    for (summary, target) in [
        ("By a part of the name", format!("{root}/search?type=platforms&query=cook")),
        ("The first ones", format!("{root}/platforms?per_page=2")),
        ("With its repositories", format!("{root}/platforms/{platform}")),
        ("By owner and name", format!("{root}/projects/get_id?owner=ann&name=bash")),
        ("A team", format!("{root}/groups/1")),
        ("A person", format!("{root}/users/{user}")),
    ] {
        story.call(ann, summary, "GET", &target, Value::Null).await.expect(200);
    }
    story.call(ann, "It is gone", "DELETE", &path, Value::Null).await.expect(200);
}
