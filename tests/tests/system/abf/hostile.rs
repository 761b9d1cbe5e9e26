//! What nobody should send is refused in this API's own words.

use super::{Abf, path};
use repoplane_tests::Event;
use serde_json::{Value, json};

#[tokio::test]
async fn strange_paths_lead_nowhere() {
    let abf = Abf::new().await;
    for id in
        ["0", "-1", "1.5", "1e3", "main", "99999999999999999999", "%00", "%2e%2e", "rep_x", "1%0d%0aX:1", "\u{661}"]
    {
        let id: String = id.chars().map(|c| if c.is_ascii() { c.to_string() } else { "%D9%A1".to_owned() }).collect();
        for target in ["repositories", "platforms", "projects", "groups", "users"] {
            let answer = abf.local.client.get(&format!("/api/v1/{target}/{id}.json")).await;
            assert_eq!(answer.status, 404, "{target} {id}: {}", answer.body);
            assert_eq!(answer.body["message"], "Error 404. Resource not found!", "{target} {id}");
        }
    }
    for target in ["/api/v1/repositories/1/nothing.json", "/api/v1/platforms/allowed/x/y", "/api/v1/repositories.csv/x"]
    {
        abf.local.client.get(target).await.expect(404);
    }
    abf.local.client.post(&path(abf.main, ""), Value::Null).await.expect(405);
}

#[tokio::test]
async fn strange_inputs_are_refused_or_say_nothing() {
    let abf = Abf::new().await;
    let long = "x".repeat(5_000);
    let update = path(abf.main, "");
    for (body, text) in [
        (json!({"description": long}), "Description is too long (maximum is 100 characters)"),
        (json!({"description": "a\u{0}b"}), "Description is invalid"),
        (json!({"description": ["x"]}), "Description is invalid"),
        (json!({"description": {"$gt": ""}}), "Description is invalid"),
        (json!({"publish_without_qa": "perhaps"}), "Publish without qa is invalid"),
        (json!({"publish_builds_only_from_branch": "a..b"}), "Publish builds only from branch is invalid"),
        (
            json!({"publish_builds_only_from_branch": "b".repeat(256)}),
            "Publish builds only from branch is too long (maximum is 255 characters)",
        ),
        (
            json!({"repository": {"description": " ", "publish_without_qa": 7}}),
            "Publish without qa is invalid. Description can't be blank",
        ),
    ] {
        let refused = abf.local.client.put(&update, body.clone()).await.expect(422);
        assert_eq!(super::message(&refused).1, format!("Repository has not been updated. {text}"), "{body}");
    }
    for (media_type, body, status) in [
        ("application/json", "{".repeat(10_000), 400),
        ("application/json", "nonsense".to_owned(), 400),
        ("application/json", "[".repeat(10_000), 400),
        ("text/plain", "x".to_owned(), 415),
        ("application/x-www-form-urlencoded", "%%%=%ff&&&=".to_owned(), 200),
        ("application/json", format!("{{\"a\":\"{}\"}}", "x".repeat(1024 * 1024)), 413),
    ] {
        let event = Event::new("PUT", &update).header("content-type", media_type).body(body);
        abf.local.client.send(event).await.expect(status);
    }
    for project in [json!(-1), json!(1.5), json!("1; DROP"), json!([1]), json!({"a": 1}), json!(null), json!(u64::MAX)]
    {
        let body = json!({"project_id": project});
        let refused = abf.local.client.put(&path(abf.main, "add_project"), body.clone()).await.expect(422);
        assert_eq!(super::message(&refused).1, "Project has not been added to repository");
        let removed = abf.local.client.call("DELETE", &path(abf.main, "remove_project"), body).await.expect(200);
        assert!(super::message(&removed).1.len() < 120, "{}", removed.body);
    }
    for name in ["../etc", "a b", "a/b", "", "é", &long] {
        let body = json!({"platform_id": abf.platform, "name": name, "description": "d"});
        abf.local.client.post("/api/v1/repositories.json", body).await.expect(422);
    }
    abf.check().await;
}
