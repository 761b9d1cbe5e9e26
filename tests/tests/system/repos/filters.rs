//! `GET /api/repos` with filters: combined, case ignored, one cursor for one query.

use super::list::{names, walk};
use repoplane_tests::{Client, Hook, TestApp};
use serde_json::{Value, json};

/// Seven repositories of all kinds, the last made first in every list, and one member of all of them.
async fn mixed(app: &TestApp) -> Client {
    let mia = app.person("mia").await;
    for (provider, body) in [
        ("github", json!({"name": "acme/alpha", "description": "The Payments service"})),
        ("github", json!({"name": "acme/beta", "externalId": "Acme/PAYMENTS-core"})),
        ("gitlab", json!({"name": "gamma", "externalId": "4711"})),
        ("gitlab", json!({"name": "delta payments"})),
        ("git", json!({"name": "epsilon", "remoteUrl": "https://git.example.com/Payments/e.git"})),
        ("git", json!({"name": "zeta", "remoteUrl": "https://git.example.com/z.git"})),
        ("github", json!({"name": "Straße"})),
    ] {
        let disabled = ["acme/beta", "gamma"].contains(&body["name"].as_str().unwrap_or_default());
        let archived = ["delta payments", "gamma"].contains(&body["name"].as_str().unwrap_or_default());
        let mut whole = body;
        whole["provider"] = json!(provider);
        let made = app.admin().post("/api/repos", whole).await.expect(201);
        let path = format!("/api/repos/{}", made.text("/repo/id"));
        let member = json!({"userId": mia.id, "role": "member"});
        app.admin().post(&format!("{path}/members"), member).await.expect(201);
        if disabled {
            app.admin().patch(&path, json!({"enabled": false})).await.expect(200);
        }
        if archived {
            app.admin().post(&format!("{path}/archive"), Value::Null).await.expect(200);
        }
    }
    mia.client
}

#[tokio::test]
async fn filters_narrow_the_list_alone_and_together() {
    let app = TestApp::start().await;
    let mia = mixed(&app).await;
    for (query, expected) in [
        ("", vec!["Straße", "zeta", "epsilon", "acme/beta", "acme/alpha"]),
        ("provider=github", vec!["Straße", "acme/beta", "acme/alpha"]),
        ("provider=git", vec!["zeta", "epsilon"]),
        ("provider=gitlab", vec![]),
        ("provider=gitlab&archived=1", vec!["delta payments", "gamma"]),
        ("enabled=true", vec!["Straße", "zeta", "epsilon", "acme/alpha"]),
        ("enabled=0", vec!["acme/beta"]),
        ("enabled=false&archived=all", vec!["gamma", "acme/beta"]),
        ("q=payments", vec!["epsilon", "acme/beta", "acme/alpha"]),
        ("q=PayMents&archived=all", vec!["epsilon", "delta payments", "acme/beta", "acme/alpha"]),
        ("q=payments&provider=github&enabled=true", vec!["acme/alpha"]),
        ("q=471&archived=all", vec!["gamma"]),
        ("q=%20zeta%20", vec!["zeta"]),
        ("q=STRA%C3%9FE", vec!["Straße"]),
        ("q=nothing-has-this", vec![]),
        ("provider=&enabled=&q=", vec!["Straße", "zeta", "epsilon", "acme/beta", "acme/alpha"]),
    ] {
        for client in [&app.admin(), &mia] {
            assert_eq!(names(&client.get(&format!("/api/repos?{query}")).await.expect(200).body), expected, "{query}");
            for limit in 1..=3 {
                let pages = walk(client, &format!("{query}&limit={limit}")).await;
                assert_eq!(pages.concat(), expected, "{query} limit {limit}");
                assert!(pages.len() == 1 || pages.iter().all(|page| !page.is_empty()), "{query} limit {limit}");
            }
        }
    }
}

#[tokio::test]
async fn wrong_values_are_named_all_at_once() {
    let app = TestApp::start().await;
    let long = "x".repeat(201);
    let query = format!("/api/repos?provider=svn&enabled=perhaps&q={long}");
    let refused = app.admin().get(&query).await.expect(400);
    assert_eq!(refused.wrong_fields(), ["?provider", "?enabled", "?q"]);
    assert_eq!(refused.text("/errors/0/message"), "provider must be github, gitlab or git");
    app.admin().get(&format!("/api/repos?q={}", "x".repeat(200))).await.expect(200);
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_filters_in_any_order() {
    let app = TestApp::start().await;
    let mia = mixed(&app).await;
    let first = "provider=github&q=a";
    let cursor = app.admin().get(&format!("/api/repos?{first}&limit=1")).await.expect(200).text("/nextCursor");
    app.admin().get(&format!("/api/repos?q=a&limit=2&provider=github&cursor={cursor}")).await.expect(200);
    for other in ["", "provider=github", "provider=git&q=a", "provider=github&q=b", "provider=github&q=a&enabled=true"]
    {
        let refused = app.admin().get(&format!("/api/repos?{other}&cursor={cursor}")).await.expect(400);
        assert_eq!(refused.text("/code"), "INVALID_CURSOR", "{other}");
    }
    mia.get(&format!("/api/repos?{first}&cursor={cursor}")).await.expect(400);
}

#[tokio::test]
async fn rows_far_behind_others_that_do_not_match_are_found_by_short_pages() {
    let app = TestApp::start().await;
    let old = Hook::register(&app, "gitlab", json!({"name": "the-oldest"})).await;
    let filler = Hook::register(&app, "github", json!({"name": "filler"})).await;
    copy_records(&app, &filler.repo, 1_200).await;
    let new = Hook::register(&app, "gitlab", json!({"name": "the-newest"})).await;
    let pages = walk(&app.admin(), "provider=gitlab&limit=5").await;
    assert_eq!(pages.concat(), ["the-newest", "the-oldest"]);
    assert!(pages.len() > 1, "one page examines a thousand rows at most");
    assert_eq!(pages[0], ["the-newest"], "a short page with a cursor");
    app.line.take_calls();
    app.admin().get("/api/repos?provider=gitlab&limit=5").await.expect(200);
    assert!(app.line.take_calls().len() <= 8, "a page has a price");
    assert_eq!(walk(&app.admin(), "limit=50").await.concat().len(), 1_203);
    assert_ne!(old.repo, new.repo);
}

/// Puts copies of a record into the table, each changed a little earlier than the original.
async fn copy_records(app: &TestApp, repo: &str, count: usize) {
    let items = app.items().await;
    let is_record = |item: &&Value| item["pk"]["S"] == format!("REPO#{repo}") && item["sk"]["S"] == "D#1RECORD";
    let record = items.iter().find(is_record).expect("a record").to_string();
    for n in 0..count {
        // Crockford's digits have no I, L, O or U: a decimal tail is one of them.
        let id = format!("{}{n:05}", &repo[..repo.len() - 5]);
        let copy: Value = serde_json::from_str(&record.replace(repo, &id)).expect("JSON");
        let request = json!({"TableName": "repoplane", "Item": copy}).to_string().into_bytes();
        let answer = app.line.engines().call("DynamoDB_20120810.PutItem", request).await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn a_members_list_carries_the_role_of_today() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let mia = app.member(&hook.repo, "mia", "member").await;
    let role = async || {
        let list = mia.client.get("/api/repos").await.expect(200);
        (list.text("/repos/0/myRole"), list.body["repos"][0]["permissions"]["canManage"].clone())
    };
    assert_eq!(role().await, ("member".to_owned(), json!(false)));
    for name in ["maintainer", "owner", "member"] {
        let path = format!("{}/members/{}", hook.path, mia.id);
        app.admin().patch(&path, json!({"role": name})).await.expect(200);
        assert_eq!(role().await, (name.to_owned(), json!(name != "member")));
    }
    app.line.take_calls();
    mia.client.get("/api/repos").await.expect(200);
    assert_eq!(app.line.take_calls(), ["Query", "BatchGetItem"], "no list of members is asked");
}
