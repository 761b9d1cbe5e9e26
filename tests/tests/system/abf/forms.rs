//! The forms of paths, inputs and answers (contract: abf 1).

use super::{Abf, path};
use repoplane_tests::Event;
use serde_json::{Value, json};

#[tokio::test]
async fn the_ending_and_the_slash_of_a_path_say_nothing() {
    let abf = Abf::new().await;
    let expected = abf.local.client.get(&path(abf.main, "")).await.expect(200).body;
    for form in ["", "/", ".json", ".json/", "?format=json", "/?format=json", ".json?format=json"] {
        let shown = abf.local.client.get(&format!("/api/v1/repositories/{}{form}", abf.main)).await.expect(200);
        assert_eq!(shown.body, expected, "{form}");
        let listed = abf.local.client.get(&format!("/api/v1/repositories/{}/projects{form}", abf.main)).await;
        listed.expect(200);
        abf.local.client.get(&format!("/api/v1/platforms{form}")).await.expect(200);
    }
    let repository = &expected["repository"];
    assert_eq!(repository["url"], format!("/api/v1/repositories/{}.json", abf.main));
    assert_eq!(repository["platform"]["url"], format!("/api/v1/platforms/{}.json", abf.platform));
    assert!(repository["created_at"].is_i64() && repository["updated_at"].is_i64());
    assert_eq!(repository["publish_without_qa"], true);
}

#[tokio::test]
async fn inputs_come_flat_wrapped_as_a_form_or_in_the_query() {
    let abf = Abf::new().await;
    let target = path(abf.main, "");
    let form = |body: &str| {
        Event::new("PUT", &target).header("content-type", "application/x-www-form-urlencoded").body(body.to_owned())
    };
    let json =
        |body: Value| Event::new("PUT", &target).header("content-type", "application/json").body(body.to_string());
    for (n, event) in [
        json(json!({"description": "text 0"})),
        json(json!({"repository": {"description": "text 1"}})),
        form("description=text+2"),
        form("repository[description]=text%203"),
        Event::new("PUT", &format!("{target}?description=text%204")).header("content-length", "0"),
    ]
    .into_iter()
    .enumerate()
    {
        abf.local.client.send(event).await.expect(200);
        assert_eq!(abf.record(abf.main).await["description"], format!("text {n}"));
    }
    // Nothing, and nothing of ours, is a change that changes nothing.
    let before = abf.record(abf.main).await;
    for event in [Event::new("PUT", &target), json(json!({})), json(json!({"foreign": {"a": 1}})), json(json!([1]))] {
        abf.local.client.send(event).await.expect(200);
    }
    assert_eq!(abf.record(abf.main).await, before);
    let publish = json!({"repository": {"publish_without_qa": "false", "publish_builds_only_from_branch": "stable"}});
    abf.local.client.put(&target, publish).await.expect(200);
    assert_eq!(abf.record(abf.main).await["build"]["publishWithoutQa"], false);
}

#[tokio::test]
async fn every_success_has_a_tag_and_is_not_sent_twice() {
    let abf = Abf::new().await;
    let project = abf.project(&abf.local.client, "bash").await;
    let body = json!({"project_id": project});
    for (method, operation) in [("GET", ""), ("GET", "projects"), ("PUT", "add_project"), ("DELETE", "remove_project")]
    {
        let sent = if method == "GET" { Value::Null } else { body.clone() };
        let answer = abf.local.client.call(method, &path(abf.main, operation), sent).await.expect(200);
        assert!(answer.etag().starts_with('"'), "{method} {operation}");
    }
    let first = abf.local.client.get(&path(abf.main, "")).await.expect(200);
    let again = abf.local.client.with("if-none-match", &format!("W/{}", first.etag())).get(&path(abf.main, "")).await;
    assert!(again.expect(304).bytes.is_empty());
}

#[tokio::test]
async fn a_repository_with_a_key_is_created_once() {
    let abf = Abf::new().await;
    let body = json!({"platform_id": abf.platform, "name": "once", "description": "d"});
    let client = abf.local.client.once("key");
    let first = client.post("/api/v1/repositories.json", body.clone()).await.expect(200);
    let second = client.post("/api/v1/repositories.json", body).await.expect(200);
    assert_eq!(first.body, second.body);
    assert!(second.is_replayed() && !first.is_replayed());
    let other = json!({"platform_id": abf.platform, "name": "other", "description": "d"});
    client.post("/api/v1/repositories.json", other).await.expect(422);
}
