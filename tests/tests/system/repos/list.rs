//! `GET /api/repos` (contract: hookcode 2.1).

use repoplane_tests::{Client, Hook, TestApp};
use serde_json::{Value, json};

async fn register(app: &TestApp, count: usize) -> Vec<Hook> {
    let mut hooks = Vec::new();
    for n in 0..count {
        hooks.push(Hook::register(app, "github", json!({"name": format!("acme/{n:02}")})).await);
    }
    hooks
}

pub(super) fn names(body: &Value) -> Vec<String> {
    let repos = body["repos"].as_array().cloned().unwrap_or_default();
    repos.iter().map(|repo| repo["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Every page of a list, by its cursors.
pub(super) async fn walk(client: &Client, query: &str) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/repos?{query}&cursor={cursor}")).await.expect(200);
        pages.push(names(&page.body));
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn pages_are_newest_first_and_neither_skip_nor_repeat() {
    let app = TestApp::start().await;
    let hooks = register(&app, 7).await;
    app.admin().patch(&hooks[2].path, json!({})).await.expect(200);
    let order = ["acme/02", "acme/06", "acme/05", "acme/04", "acme/03", "acme/01", "acme/00"];
    let member = app.person("mia").await;
    for hook in &hooks {
        let body = json!({"userId": member.id, "role": "member"});
        app.admin().post(&format!("{}/members", hook.path), body).await.expect(201);
    }
    for client in [&app.admin(), &member.client] {
        for size in 1..=8 {
            let pages = walk(client, &format!("limit={size}")).await;
            assert_eq!(pages.concat(), order, "{} limit {size}", "2.1/order");
            assert!(pages.iter().all(|page| !page.is_empty()), "{} limit {size}", "5.3/Q4");
        }
    }
}

#[tokio::test]
async fn rows_that_stay_as_they_are_are_seen_once_while_others_change() {
    let app = TestApp::start().await;
    let hooks = register(&app, 6).await;
    let first = app.admin().get("/api/repos?limit=2").await.expect(200);
    assert_eq!(names(&first.body), ["acme/05", "acme/04"], "2.1/cursor");
    app.admin().patch(&hooks[0].path, json!({"description": "moved up"})).await.expect(200);
    app.admin().post(&format!("{}/archive", hooks[4].path), Value::Null).await.expect(200);
    let next = first.text("/nextCursor");
    let rest = app.admin().get(&format!("/api/repos?limit=9&cursor={next}")).await.expect(200);
    assert_eq!(names(&rest.body), ["acme/03", "acme/02", "acme/01"], "2.1/cursor");
    assert!(rest.body.get("nextCursor").is_none(), "2.1/nextCursor");
}

#[tokio::test]
async fn the_archive_is_listed_on_request() {
    let app = TestApp::start().await;
    let hooks = register(&app, 4).await;
    for n in [0, 2] {
        app.admin().post(&format!("{}/archive", hooks[n].path), Value::Null).await.expect(200);
    }
    let active = vec!["acme/03", "acme/01"];
    let archived = vec!["acme/02", "acme/00"];
    let all = vec!["acme/02", "acme/00", "acme/03", "acme/01"];
    for (query, expected) in [
        ("", &active),
        ("archived=", &active),
        ("archived=0", &active),
        ("archived=false", &active),
        ("archived=active", &active),
        ("archived=anything", &active),
        ("archived=1", &archived),
        ("archived=true", &archived),
        ("archived=archived", &archived),
        ("archived=all", &all),
    ] {
        let list = app.admin().get(&format!("/api/repos?{query}")).await.expect(200);
        assert_eq!(&names(&list.body), expected, "{} {query}", "2.1/archived");
    }
    assert_eq!(walk(&app.admin(), "archived=all&limit=1").await.concat(), all, "2.1/archived");
}

#[tokio::test]
async fn a_list_shows_what_the_caller_may_see() {
    let app = TestApp::start().await;
    let hooks = register(&app, 3).await;
    let member = app.member(&hooks[1].repo, "mia", "maintainer").await;
    let mine = member.client.post("/api/repos", json!({"provider": "gitlab", "name": "mine"})).await.expect(201);
    let list = member.client.get("/api/repos").await.expect(200);
    assert_eq!(names(&list.body), ["mine", "acme/01"], "2.1/right");
    assert_eq!(list.body["repos"][0]["myRole"], "owner", "2.1/200");
    assert_eq!(list.body["repos"][1]["myRole"], "maintainer", "2.1/200");
    assert_eq!(list.body["repos"][1]["permissions"]["canDelete"], false, "2.1/200");
    assert!(list.body["repos"][0].get("creator").is_none(), "2.1/200");
    let all = app.admin().get("/api/repos").await.expect(200);
    assert_eq!(names(&all.body), ["mine", "acme/02", "acme/01", "acme/00"], "2.1/right");
    assert_eq!(all.body["repos"][0]["myRole"], "owner", "2.1/right");

    app.admin().delete(&format!("{}/members/{}", hooks[1].path, member.id)).await.expect(200);
    let list = member.client.get("/api/repos?archived=all").await.expect(200);
    assert_eq!(names(&list.body), ["mine"], "2.1/right");
    let stranger = app.person("sam").await.client.get("/api/repos").await.expect(200);
    assert_eq!(stranger.body, json!({"repos": []}), "2.1/right");
    assert_eq!(list.body["repos"][0]["id"], mine.body["repo"]["id"]);
}

#[tokio::test]
async fn limits_are_floored_and_capped_and_foreign_cursors_refused() {
    let app = TestApp::start().await;
    register(&app, 52).await;
    for (query, rows) in [("", 50), ("limit=0", 50), ("limit=x", 50), ("limit=2.9", 2), ("limit=100", 50)] {
        let page = app.admin().get(&format!("/api/repos?{query}")).await.expect(200);
        assert_eq!(names(&page.body).len(), rows, "{} {query}", "2.1/limit");
        assert!(page.body["nextCursor"].is_string(), "{} {query}", "2.1/nextCursor");
    }
    let cursor = app.admin().get("/api/repos?limit=2").await.expect(200).text("/nextCursor");
    let person = app.person("sam").await;
    for (client, query) in [
        (&app.admin(), "cursor=nonsense".to_owned()),
        (&app.admin(), format!("archived=1&cursor={cursor}")),
        (&app.admin(), format!("cursor={cursor}x")),
        (&app.admin(), format!("cursor={}", "a".repeat(2_000))),
        (&person.client, format!("cursor={cursor}")),
    ] {
        let refused = client.get(&format!("/api/repos?{query}")).await.expect(400);
        assert_eq!(refused.text("/message"), "Invalid cursor", "2.1/400");
    }
    assert_eq!(app.anonymous().get("/api/repos").await.status, 401, "2.1/401");
}
