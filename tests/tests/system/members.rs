//! `/api/repos/:id/members`, and what each role may do (contract: hookcode 1.1, 3.2).

use crate::repos::{at_once, second_of};
use repoplane_tests::{Client, Hook, TestApp};
use serde_json::{Value, json};

fn roles(members: &Value) -> Vec<(String, String)> {
    let members = members["members"].as_array().cloned().unwrap_or_default();
    let text = |member: &Value, key: &str| member[key].as_str().unwrap_or_default().to_owned();
    members.iter().map(|member| (text(member, "username"), text(member, "role"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, role)| ((*name).to_owned(), (*role).to_owned())).collect()
}

#[tokio::test]
async fn members_are_added_changed_and_removed() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let path = format!("{}/members", hook.path);
    let ann = app.person_with(json!({"username": "Ann", "displayName": "Ann A.", "email": "ann@example.com"})).await;
    let ben = app.person("ben").await;

    let added = app.admin().post(&path, json!({"username": "aNN", "role": "maintainer"})).await.expect(201);
    assert_eq!(added.headers["location"], format!("{path}/{}", ann.id));
    let member = json!({"userId": ann.id, "username": "Ann", "displayName": "Ann A.", "role": "maintainer"});
    assert_eq!(added.body, json!({"member": member}), "no e-mail is shown");
    app.admin().post(&path, json!({"userId": ben.id, "role": "member"})).await.expect(201);
    let list = ben.client.get(&path).await.expect(200);
    assert_eq!(roles(&list.body), pairs(&[("admin", "owner"), ("Ann", "maintainer"), ("ben", "member")]));

    let again = app.admin().post(&path, json!({"userId": ben.id, "role": "owner"})).await.expect(409);
    assert_eq!(again.text("/code"), "MEMBER_EXISTS");
    assert_eq!(again.text("/conflicting_resource_id"), ben.id);
    let changed = app.admin().patch(&format!("{path}/{}", ben.id), json!({"role": "maintainer"})).await.expect(200);
    assert_eq!(changed.body["member"]["role"], "maintainer");
    assert_eq!(app.admin().delete(&format!("{path}/{}", ann.id)).await.expect(200).body, json!({"ok": true}));
    ann.client.get(&hook.path).await.expect(403);
    for (method, body) in [("PATCH", json!({"role": "member"})), ("DELETE", Value::Null)] {
        for id in [ann.id.as_str(), "usr_00000000000000000000000000", "nobody"] {
            let missing = app.admin().call(method, &format!("{path}/{id}"), body.clone()).await.expect(404);
            assert_eq!(missing.text("/message"), "Member not found");
        }
        app.admin().call(method, &format!("{path}/%FF"), body).await.expect(404);
    }
    assert_eq!(
        app.audit_of(&hook.repo).await,
        ["REPO_CREATED", "REPO_MEMBER_ADDED", "REPO_MEMBER_ADDED", "REPO_MEMBER_UPDATED", "REPO_MEMBER_REMOVED"]
    );
}

#[tokio::test]
async fn wrong_bodies_name_their_fields() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let path = format!("{}/members", hook.path);
    let ann = app.person("ann").await;
    for (body, pointers) in [
        (json!({}), vec!["/role", "/userId"]),
        (json!({"username": "ann"}), vec!["/role"]),
        (json!({"username": "ann", "role": "admin"}), vec!["/role"]),
        (json!({"userId": "ann", "role": "member", "x": 1}), vec!["/userId", "/x"]),
        (json!({"userId": ann.id, "username": "ann", "role": "member"}), vec!["/userId"]),
        (json!({"username": "nobody", "role": "member"}), vec!["/username"]),
        (json!({"userId": "usr_00000000000000000000000000", "role": "member"}), vec!["/userId"]),
    ] {
        let refused = app.admin().post(&path, body.clone()).await.expect(400);
        assert_eq!(refused.wrong_fields(), pointers, "{body}");
    }
    let refused = app.admin().patch(&format!("{path}/{}", ann.id), json!({"role": 1, "y": 2})).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["/role", "/y"]);
}

#[tokio::test]
async fn permissions_follow_the_table_of_roles() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    for (row, role, expected) in [
        ("1.1/member", "member", [true, false, false, false, false]),
        ("1.1/maintainer", "maintainer", [true, true, true, true, false]),
        ("1.1/owner", "owner", [true, true, true, true, true]),
    ] {
        let person = app.member(&hook.repo, role, role).await;
        let shown = person.client.get(&hook.path).await.expect(200);
        let flags = &shown.body["repo"]["permissions"];
        let names = ["canRead", "canManage", "canManageMembers", "canManageTasks", "canDelete"];
        assert_eq!(names.map(|name| flags[name] == true), expected, "{row}");
        assert_eq!(shown.body["repo"]["myRole"], role, "{row}");
    }
    let admin = app.person_with(json!({"username": "boss", "roles": ["admin"]})).await;
    let shown = admin.client.get(&hook.path).await.expect(200);
    assert_eq!(shown.body["repo"]["myRole"], "owner", "1.1/admin");
    assert_eq!(shown.body["repo"]["permissions"]["canDelete"], true, "1.1/admin");
    let nobody = app.person("nobody").await.client.get(&hook.path).await.expect(403);
    assert_eq!(nobody.text("/code"), "REPO_ACCESS_DENIED", "1.1/none");
    assert_eq!(nobody.text("/error"), "Forbidden", "1.1/403");
}

#[tokio::test]
async fn every_operation_asks_for_its_role() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let mut clients: Vec<(&str, Client)> = vec![("none", app.person("none").await.client)];
    for role in ["member", "maintainer", "owner"] {
        clients.push((role, app.member(&hook.repo, role, role).await.client));
    }
    clients.push(("admin", app.person_with(json!({"username": "boss", "roles": ["admin"]})).await.client));
    let path = &hook.path;
    // Bodies are wrong on purpose: who may call hears of the field, who may not never gets that far.
    let robot = format!("{path}/robots/rob_00000000000000000000000000");
    for (least, code, method, target, allowed) in [
        ("member", "REPO_ACCESS_DENIED", "GET", path.clone(), 200),
        ("member", "REPO_ACCESS_DENIED", "GET", format!("{path}/robots"), 200),
        ("member", "REPO_ACCESS_DENIED", "GET", format!("{path}/automation"), 200),
        ("member", "REPO_ACCESS_DENIED", "GET", format!("{path}/members"), 200),
        ("member", "REPO_ACCESS_DENIED", "GET", format!("{path}/webhook-deliveries"), 200),
        ("member", "REPO_ACCESS_DENIED", "GET", format!("{path}/tasks"), 200),
        ("maintainer", "REPO_MANAGE_REQUIRED", "PATCH", path.clone(), 400),
        ("maintainer", "REPO_MANAGE_REQUIRED", "POST", format!("{path}/members"), 400),
        ("maintainer", "REPO_MANAGE_REQUIRED", "PATCH", format!("{path}/members/x"), 404),
        ("maintainer", "REPO_MANAGE_REQUIRED", "DELETE", format!("{path}/members/x"), 404),
        ("maintainer", "REPO_MANAGE_REQUIRED", "POST", format!("{path}/robots"), 400),
        ("maintainer", "REPO_MANAGE_REQUIRED", "PATCH", robot.clone(), 404),
        ("maintainer", "REPO_MANAGE_REQUIRED", "POST", format!("{robot}/test"), 404),
        ("maintainer", "REPO_MANAGE_REQUIRED", "DELETE", robot.clone(), 404),
        ("maintainer", "REPO_MANAGE_REQUIRED", "PUT", format!("{path}/automation"), 400),
        ("maintainer", "REPO_MANAGE_REQUIRED", "POST", format!("{path}/webhook-secret/rotate"), 400),
        ("maintainer", "REPO_MANAGE_REQUIRED", "POST", format!("{path}/archive"), 200),
        ("maintainer", "REPO_MANAGE_REQUIRED", "POST", format!("{path}/unarchive"), 200),
    ] {
        let mut may = false;
        for (role, client) in &clients {
            may |= *role == least;
            let body = if method == "GET" { Value::Null } else { json!({"wrong": true}) };
            let answer = client.call(method, &target, body).await;
            if may {
                assert_eq!(answer.status, allowed, "{role} {method} {target}: {}", answer.body);
            } else {
                assert_eq!(answer.status, 403, "{role} {method} {target}: {}", answer.body);
                assert_eq!(answer.text("/code"), code, "{role} {method} {target}");
            }
        }
    }
}

#[tokio::test]
async fn only_owners_make_change_and_remove_owners() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let path = format!("{}/members", hook.path);
    let maintainer = app.member(&hook.repo, "max", "maintainer").await;
    let owner = app.member(&hook.repo, "olga", "owner").await;
    let other = app.person("otto").await;
    for (method, target, body) in [
        ("POST", path.clone(), json!({"userId": other.id, "role": "owner"})),
        ("PATCH", format!("{path}/{}", maintainer.id), json!({"role": "owner"})),
        ("PATCH", format!("{path}/{}", owner.id), json!({"role": "member"})),
        ("DELETE", format!("{path}/{}", owner.id), Value::Null),
    ] {
        let refused = maintainer.client.call(method, &target, body.clone()).await.expect(403);
        assert_eq!(refused.text("/code"), "REPO_OWNER_REQUIRED", "{method} {target}");
    }
    maintainer.client.post(&path, json!({"userId": other.id, "role": "maintainer"})).await.expect(201);
    owner.client.patch(&format!("{path}/{}", other.id), json!({"role": "owner"})).await.expect(200);
    maintainer.client.delete(&format!("{path}/{}", maintainer.id)).await.expect(200);
    maintainer.client.get(&path).await.expect(403);
}

#[tokio::test]
async fn the_last_owner_stays() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let created = ann.client.post("/api/repos", json!({"provider": "gitlab", "name": "a"})).await.expect(201);
    let path = format!("/api/repos/{}/members", created.text("/repo/id"));
    let own = format!("{path}/{}", ann.id);
    for client in [&ann.client, &app.admin()] {
        for (method, body) in [("DELETE", Value::Null), ("PATCH", json!({"role": "maintainer"}))] {
            let refused = client.call(method, &own, body).await.expect(409);
            assert_eq!(refused.text("/code"), "LAST_OWNER");
        }
    }
    let ben = app.person("ben").await;
    ann.client.post(&path, json!({"userId": ben.id, "role": "owner"})).await.expect(201);
    ann.client.patch(&own, json!({"role": "member"})).await.expect(200);
    let refused = ben.client.delete(&format!("{path}/{}", ben.id)).await.expect(409);
    assert_eq!(refused.text("/code"), "LAST_OWNER");
}

#[tokio::test(start_paused = true)]
async fn two_owners_who_leave_at_once_leave_one_behind() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let ben = app.person("ben").await;
    let created = ann.client.post("/api/repos", json!({"provider": "gitlab", "name": "a"})).await.expect(201);
    let path = format!("/api/repos/{}/members", created.text("/repo/id"));
    ann.client.post(&path, json!({"userId": ben.id, "role": "owner"})).await.expect(201);
    let second = second_of(&app).await;
    let leaving = [(app.client(ann.token.clone()), ann.id), (second.client(ben.token.clone()), ben.id)];
    let answers = at_once(leaving.map(|(client, id)| {
        let path = format!("{path}/{id}");
        async move { client.delete(&path).await.status.as_u16() }
    }))
    .await;
    let mut sorted = answers;
    sorted.sort_unstable();
    assert_eq!(sorted, [200, 409]);
    let list = app.admin().get(&path).await.expect(200);
    assert_eq!(roles(&list.body).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn members_added_at_once_are_all_there() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let path = format!("{}/members", hook.path);
    let mut people = Vec::new();
    for n in 0..12 {
        people.push(app.person(&format!("p{n}")).await);
    }
    let second = second_of(&app).await;
    let answers = at_once(people.iter().enumerate().map(|(n, person)| {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        let (path, body) = (path.clone(), json!({"userId": person.id, "role": "member"}));
        async move { client.post(&path, body).await.status.as_u16() }
    }))
    .await;
    assert_eq!(answers, [201; 12]);
    let list = app.admin().get(&path).await.expect(200);
    assert_eq!(roles(&list.body).len(), 13);
    for person in people {
        let mine = person.client.get("/api/repos").await.expect(200);
        assert_eq!(mine.body["repos"].as_array().map(Vec::len), Some(1), "{}", person.username);
    }
}

#[tokio::test(start_paused = true)]
async fn who_loses_the_ownership_on_the_way_makes_no_owner_any_more() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let path = format!("{}/members", hook.path);
    let olga = app.member(&hook.repo, "olga", "owner").await;
    let friend = app.person("friend").await;
    // Refused, but only after token and tenant were looked up: both callers then take the same steps.
    olga.client.post(&path, json!({})).await.expect(400);
    let demote = (app.admin(), "PATCH", format!("{path}/{}", olga.id), json!({"role": "maintainer"}));
    let make = (olga.client.clone(), "POST", path.clone(), json!({"userId": friend.id, "role": "owner"}));
    let answers = at_once(
        [demote, make].map(|(client, method, target, body)| async move { client.call(method, &target, body).await }),
    )
    .await;
    assert_eq!(answers[0].status, 200, "{}", answers[0].body);
    assert_eq!(answers[1].status, 403, "{}", answers[1].body);
    assert_eq!(answers[1].text("/code"), "REPO_OWNER_REQUIRED");
}
