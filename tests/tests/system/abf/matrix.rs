//! The contract's matrix (contract: abf 7), row by row.

use super::{Abf, message, number_of, path};
use serde_json::{Value, json};

const VIOLATION: &str = "Access violation to this page!";
const TAKEN: &str = "Project adding error. A project with such name already exists in one repository of platform. \
                     Remove the old project first";

#[tokio::test]
async fn reading_and_changing_a_repository() {
    let abf = Abf::with_visibility("hidden").await;
    for answer in
        [abf.app.anonymous().get(&path(abf.main, "")).await, abf.app.client("no").get(&path(abf.main, "")).await]
    {
        assert_eq!(answer.status, 401, "abf any: without credentials, or with wrong ones");
        assert!(answer.body["error"].is_string(), "{}", answer.body);
    }
    let missing = abf.stranger.client.get(&path(9_999, "")).await.expect(404);
    let expected = json!({"status": 404, "message": "Error 404. Resource not found!"});
    assert_eq!(missing.body, expected, "abf get unknown id");
    let refused = abf.stranger.client.get(&path(abf.main, "")).await.expect(403);
    assert_eq!(refused.body, json!({"message": VIOLATION}), "abf get on hidden platform");
    let shown = abf.member.client.get(&path(abf.main, "")).await.expect(200).body;
    assert_eq!(shown["repository"]["platform"]["name"], "cooker");
    // A member of one of them may look at all of them.
    abf.member.client.get(&path(abf.contrib, "")).await.expect(200);
    let change = |text: &str| json!({"repository": {"description": text}});
    for (client, status) in [(&abf.stranger.client, 403), (&abf.member.client, 403), (&abf.local.client, 200)] {
        let answer = client.put(&path(abf.main, ""), change("new text")).await;
        assert_eq!(answer.status, status, "abf update description: {}", answer.body);
    }
    assert_eq!(abf.record(abf.main).await["description"], "new text");
    let refused = abf.local.client.put(&path(abf.main, ""), change("")).await.expect(422);
    let text = "Repository has not been updated. Description can't be blank";
    assert_eq!(message(&refused), (Value::Null, text.to_owned()), "abf update description blank");
    let named = json!({"repository": {"name": "other"}});
    let answer = abf.local.client.put(&path(abf.main, ""), named).await.expect(200);
    assert_eq!(message(&answer), (json!(abf.main), "Repository has been updated successfully".to_owned()));
    let shown = format!("platform/{}/main", abf.platform);
    assert_eq!(abf.record(abf.main).await["name"], json!(shown), "abf update name");
    // Natively neither: what clients know by number and name stays what it is.
    let native = format!("/api/repos/{}", abf.record(abf.main).await["id"].as_str().unwrap());
    for (field, value) in [("name", "other"), ("remoteUrl", "https://git.example.com/x")] {
        let refused = abf.global.patch(&native, json!({field: value})).await.expect(400);
        assert_eq!(refused.wrong_fields(), [format!("/{field}")]);
    }
    abf.check().await;
}

#[tokio::test]
async fn creating_and_destroying_a_repository() {
    let abf = Abf::new().await;
    let create =
        |platform: u64, name: &str| json!({"repository": {"platform_id": platform, "name": name, "description": "d"}});
    let post = "/api/v1/repositories.json";
    let (platform, main) = abf.personal(&abf.stranger).await;
    for client in [&abf.stranger.client, &abf.global] {
        client.delete(&path(main, "")).await.expect(403);
        let refused = client.post(post, create(platform, "main")).await;
        assert_eq!(refused.status, 403, "abf destroy main of personal: {}", refused.body);
    }
    let own = abf.app.admin().get("/api/repos?limit=100").await.expect(200);
    let repo = own.body["repos"].as_array().unwrap().iter().find(|repo| repo["number"] == main).unwrap().clone();
    let native = format!("/api/repos/{}?force=true", repo["id"].as_str().unwrap());
    assert_eq!(abf.global.delete(&native).await.expect(409).body["code"], "REPO_PERMANENT");
    let made = abf.stranger.client.post(post, create(platform, "extra")).await.expect(200);
    assert_eq!(message(&made).1, "Repository has been created successfully");
    let extra = super::number(&made, "/repository/id");
    let gone = abf.stranger.client.delete(&path(extra, "")).await.expect(200);
    assert_eq!(
        message(&gone),
        (json!(extra), "Repository has been destroyed successfully".to_owned()),
        "abf destroy other repository of personal"
    );
    abf.stranger.client.get(&path(extra, "")).await.expect(404);
    abf.stranger.client.post(post, create(abf.platform, "mine")).await.expect(403);
    for (body, text) in [
        (create(abf.platform, "main"), "Name has already been taken"),
        (create(abf.platform, "MAIN"), "Name is invalid"),
        (json!({"platform_id": abf.platform}), "Name can't be blank. Description can't be blank"),
        (create(9_999, "x"), "Platform is unknown"),
        (json!({"name": "x"}), "Platform is unknown"),
    ] {
        let refused = abf.local.client.post(post, body).await.expect(422);
        assert_eq!(message(&refused), (Value::Null, format!("Repository has not been created. {text}")));
    }
    abf.check().await;
}

#[tokio::test]
async fn members_of_a_repository() {
    let abf = Abf::new().await;
    let (add, remove) = (path(abf.main, "add_member"), path(abf.main, "remove_member"));
    let sam = number_of(&abf.app, &abf.stranger).await;
    let group = abf.local.client.post("/api/groups", json!({"uname": "qa"})).await.expect(201);
    let group = super::number(&group, "/group/number");
    for (kind, id) in [("User", sam), ("Group", group)] {
        let body = json!({"member_id": id, "type": kind});
        for (call, path, done) in [
            ("PUT", &add, "added to"),
            ("PUT", &add, "added to"),
            ("DELETE", &remove, "removed from"),
            ("DELETE", &remove, "removed from"),
        ] {
            let answer = abf.local.client.call(call, path, body.clone()).await.expect(200);
            let text = format!("{kind} '{id}' has been {done} repository successfully");
            assert_eq!(message(&answer), (json!(abf.main), text), "abf add_member twice, remove twice");
            let is_member = abf.stranger.client.put(&path_of(&abf, "add_project"), json!({})).await.status == 422;
            assert_eq!(is_member, kind == "User" && call == "PUT", "{kind} {call}");
        }
    }
    for body in [
        json!({"member_id": 999, "type": "User"}),
        json!({"member_id": sam, "type": "user"}),
        json!({"type": "Group"}),
        json!({}),
    ] {
        let refused = abf.local.client.put(&add, body.clone()).await.expect(422);
        assert_eq!(message(&refused), (Value::Null, "Member has not been added to repository".to_owned()), "{body}");
        let refused = abf.local.client.call("DELETE", &remove, body).await.expect(422);
        assert_eq!(message(&refused).1, "Member has not been removed from repository");
    }
    let (_, own) = abf.personal(&abf.stranger).await;
    let body = json!({"member_id": sam, "type": "User"});
    let refused = abf.stranger.client.put(&path(own, "add_member"), body).await;
    assert_eq!(refused.status, 403, "abf add_member on personal: {}", refused.body);
    abf.check().await;
}

fn path_of(abf: &Abf, operation: &str) -> String {
    path(abf.main, operation)
}

#[tokio::test]
async fn projects_of_a_repository() {
    let abf = Abf::new().await;
    let (add, remove) = (path(abf.main, "add_project"), path(abf.main, "remove_project"));
    let project = abf.project(&abf.member.client, "gtk+3.0").await;
    let body = json!({"project_id": project});
    let added = abf.member.client.put(&add, body.clone()).await.expect(200);
    let text = format!("Project '{project}' has been added to repository successfully");
    assert_eq!(message(&added), (json!(abf.main), text));
    let again = abf.member.client.put(&add, body.clone()).await.expect(422);
    assert_eq!(message(&again), (Value::Null, TAKEN.to_owned()), "abf add_project as repository member; twice");
    let twin = abf.project(&abf.stranger.client, "GTK+3.0").await;
    let refused =
        abf.local.client.put(&path(abf.contrib, "add_project"), json!({"project_id": twin})).await.expect(422);
    assert_eq!(
        message(&refused),
        (Value::Null, TAKEN.to_owned()),
        "abf add project whose name is in a sister repository"
    );
    // An underscore is no wildcard, and a part of a name is no name.
    for name in ["gtk_3.0", "gtk"] {
        let other = abf.project(&abf.stranger.client, name).await;
        abf.local.client.put(&path(abf.contrib, "add_project"), json!({"project_id": other})).await.expect(200);
    }
    let never = abf.local.client.call("DELETE", &path(abf.contrib, "remove_project"), json!({"project_id": 777})).await;
    let text = "Project '777' has been removed from repository successfully";
    assert_eq!(message(&never.expect(200)), (json!(abf.contrib), text.to_owned()), "abf remove_project never added");
    for body in [json!({}), json!({"project_id": 777}), json!({"project_id": "x"})] {
        let refused = abf.local.client.put(&add, body).await.expect(422);
        assert_eq!(message(&refused).1, "Project has not been added to repository");
    }
    let hidden = json!({"name": "secret", "visibility": "hidden"});
    let hidden = super::number(&abf.stranger.client.post("/api/projects", hidden).await.expect(201), "/project/number");
    let refused = abf.member.client.put(&add, json!({"project_id": hidden})).await.expect(422);
    assert_eq!(message(&refused).1, "You have no access to read this project");
    abf.check().await;
    abf.member.client.call("DELETE", &remove, body.clone()).await.expect(200);
    abf.local.client.put(&path(abf.contrib, "add_project"), json!({"project_id": twin})).await.expect(200);
    // What goes takes the names of its projects with it.
    abf.global.delete(&path(abf.contrib, "")).await.expect(200);
    abf.member.client.put(&add, body).await.expect(200);
    abf.check().await;
}

#[tokio::test]
async fn the_lock_of_a_mirror() {
    let abf = Abf::new().await;
    let (add, remove) = (path(abf.main, "add_repo_lock_file"), path(abf.main, "remove_repo_lock_file"));
    for (call, path, done, locked) in [
        ("PUT", &add, "added to", true),
        ("PUT", &add, "added to", true),
        ("DELETE", &remove, "removed from", false),
        ("DELETE", &remove, "removed from", false),
    ] {
        let answer = abf.local.client.call(call, path, Value::Null).await.expect(200);
        let text = format!("'.repo.lock' file has been {done} repository successfully");
        assert_eq!(message(&answer), (json!(abf.main), text), "abf lock add, add, remove, remove");
        let lock = &abf.record(abf.main).await["build"]["lock"];
        assert_eq!(lock["holder"] == "lena", locked, "{lock}");
    }
    let (_, own) = abf.personal(&abf.stranger).await;
    for (client, repository, status) in [
        (&abf.system.client, abf.main, 200),
        (&abf.global, abf.main, 200),
        (&abf.member.client, abf.main, 403),
        (&abf.stranger.client, own, 403),
        (&abf.system.client, own, 403),
        (&abf.global, own, 403),
    ] {
        client.put(&path(repository, "add_repo_lock_file"), Value::Null).await.expect(status);
    }
}

#[tokio::test]
async fn a_list_of_projects_has_at_most_a_hundred_rows() {
    let abf = Abf::new().await;
    for n in 0..105 {
        let project = abf.project(&abf.local.client, &format!("p{n:03}")).await;
        abf.local.client.put(&path(abf.main, "add_project"), json!({"project_id": project})).await.expect(200);
    }
    let list = path(abf.main, "projects");
    let names = async |query: &str| -> Vec<String> {
        let page = abf.stranger.client.get(&format!("{list}?{query}")).await.expect(200);
        let rows = page.body["repository"]["projects"].as_array().expect("projects").clone();
        rows.iter().map(|row| row["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let first = names("per_page=500&page=1").await;
    assert_eq!(first.len(), 100, "abf projects per_page=500&page=1");
    assert!(first.is_sorted() && first[0] == "p000");
    assert_eq!(names("per_page=500&page=2").await, ["p100", "p101", "p102", "p103", "p104"]);
    assert!(names("per_page=500&page=3").await.is_empty());
    assert_eq!(names("").await.len(), 20);
    let page = abf.stranger.client.get(&format!("{list}?page=2&per_page=50")).await.expect(200);
    let links = page.headers["link"].to_str().unwrap();
    for link in
        ["page=1&per_page=50>; rel=\"first\"", "page=1&per_page=50>; rel=\"prev\"", "page=3&per_page=50>; rel=\"next\""]
    {
        assert!(links.contains(link), "{links}");
    }
    let row = &page.body["repository"]["projects"][0];
    assert_eq!(row["fullname"], "lena/p050");
    assert_eq!(row["git_url"], "https://sam@plane.example.com/lena/p050.git");
    assert_eq!(row["maintainer"]["uname"], "lena");
}

#[tokio::test]
async fn an_archived_repository_is_shown_and_not_changed() {
    let abf = Abf::new().await;
    let id = abf.record(abf.main).await["id"].as_str().unwrap().to_owned();
    abf.global.post(&format!("/api/repos/{id}/archive"), Value::Null).await.expect(200);
    abf.stranger.client.get(&path(abf.main, "")).await.expect(200);
    let project = abf.project(&abf.local.client, "p").await;
    let mia = number_of(&abf.app, &abf.member).await;
    for (method, operation, body) in [
        ("PUT", "", json!({"description": "x"})),
        ("PUT", "", json!({})),
        ("PUT", "add_member", json!({"member_id": mia, "type": "User"})),
        ("DELETE", "remove_member", json!({"member_id": mia, "type": "User"})),
        ("PUT", "add_project", json!({"project_id": project})),
        ("DELETE", "remove_project", json!({"project_id": project})),
        ("PUT", "add_repo_lock_file", Value::Null),
        ("DELETE", "remove_repo_lock_file", Value::Null),
        ("DELETE", "", Value::Null),
    ] {
        let refused = abf.local.client.call(method, &path(abf.main, operation), body).await.expect(422);
        assert!(message(&refused).1.ends_with("Repository is archived"), "{operation}: {}", refused.body);
    }
    abf.check().await;
}

#[tokio::test]
async fn what_is_released_is_published_by_administrators_alone() {
    let abf = Abf::new().await;
    let platform = format!("/api/platforms/{}", abf.platform);
    abf.local.client.patch(&platform, json!({"released": true})).await.expect(200);
    for repository in [abf.main, abf.contrib] {
        let shown = abf.stranger.client.get(&path(repository, "")).await.expect(200);
        assert_eq!(shown.body["repository"]["publish_without_qa"], false);
    }
    abf.local.client.patch(&platform, json!({"released": false})).await.expect(400);
    abf.stranger.client.patch(&platform, json!({"visibility": "hidden"})).await.expect(403);
    abf.check().await;
}
