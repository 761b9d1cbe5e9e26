//! One registry: a repository that was made through one API is the same one through all others, or is said not to be theirs.

use repoplane_tests::{Client, TestApp, consistency};
use serde_json::{Value, json};

const CODE: &str = "/api/v1/products/demo/coderepos/web";

/// A member of an answer; nothing where the API shows no such thing.
fn shown(body: &Value, member: &str) -> Value {
    body.pointer(member).filter(|_| !member.is_empty()).cloned().unwrap_or_default()
}

/// A repository as each API shows it: name, address, branch and state where it has some; nothing where it is not theirs.
async fn views(admin: &Client, id: &str, number: u64) -> [Value; 4] {
    let seen = async |path: String, members: [&str; 4]| {
        let answer = admin.get(&path).await;
        match answer.status.as_u16() {
            200 => members.iter().map(|member| shown(&answer.body, member)).collect(),
            404 => Value::Null,
            other => panic!("{path}: {other} {}", answer.body),
        }
    };
    [
        seen(format!("/api/repos/{id}"), ["/repo/name", "/repo/remoteUrl", "/repo/branch", "/repo/sync/state"]).await,
        seen(format!("/repositories/{id}"), ["/name", "/repo_url", "/branch", "/sync/state"]).await,
        seen(CODE.to_owned(), ["/name", "/git/gitlab/http_url_to_repo", "", ""]).await,
        seen(format!("/api/v1/repositories/{number}.json"), ["/repository/name", "/repository/description", "", ""])
            .await,
    ]
}

async fn listed(admin: &Client) -> Value {
    admin.get("/api/repos?archived=all").await.expect(200).body["repos"].take()
}

#[tokio::test]
async fn a_repository_of_a_product_is_one_record_in_every_api() {
    let app = TestApp::start().await;
    let admin = app.admin();
    admin.post("/api/v1/products/demo", json!({"git": {}})).await.expect(200);
    let git = json!({"gitlab": {"visibility": "private", "description": "shop front end"}});
    admin.post(CODE, json!({ "git": git })).await.expect(200);
    let repos = listed(&admin).await;
    let (id, number) = (repos[0]["id"].as_str().expect("an id").to_owned(), repos[0]["number"].as_u64().expect("one"));
    let native = format!("/api/repos/{id}");
    let (shown, url) = ("product/demo/web", "https://git.invalid/demo/web.git");

    // Made by Nautes; no branch was named, and no platform has it.
    assert_eq!(
        views(&admin, &id, number).await,
        [
            json!([shown, url, null, "pending"]),
            json!([shown, url, "main", "pending"]),
            json!(["web", url, null, null]),
            Value::Null
        ]
    );

    // Changed natively, seen by ShiftAgent, and the other way round.
    admin.patch(&native, json!({"branch": "dev"})).await.expect(200);
    assert_eq!(views(&admin, &id, number).await[1], json!([shown, url, "dev", "pending"]));
    admin.patch(&format!("/repositories/{id}"), json!({"branch": "next"})).await.expect(200);
    assert_eq!(views(&admin, &id, number).await[0], json!([shown, url, "next", "pending"]));

    // Archived natively: everybody still looks at it, and nobody changes it.
    admin.post(&format!("{native}/archive"), Value::Null).await.expect(200);
    assert_eq!(views(&admin, &id, number).await[2], json!(["web", url, null, null]));
    admin.patch(&native, json!({"branch": "x"})).await.expect(403);
    admin.patch(&format!("/repositories/{id}"), json!({"branch": "x"})).await.expect(409);
    assert_eq!(admin.post(CODE, json!({ "git": git })).await.expect(409).text("/reason"), "RESOURCE_ARCHIVED");
    admin.post(&format!("{native}/unarchive"), Value::Null).await.expect(200);
    admin.post(CODE, json!({ "git": git })).await.expect(200);

    // Deleted by ShiftAgent, and gone from all.
    admin.delete(&format!("/repositories/{id}")).await.expect(204);
    assert_eq!(views(&admin, &id, number).await, [Value::Null, Value::Null, Value::Null, Value::Null]);
    consistency::check(&app.items().await).expect("what lies in the table fits together");
}

#[tokio::test]
async fn a_repository_of_a_platform_is_native_and_abfs_and_nobody_elses() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let platform =
        admin.post("/api/platforms", json!({"name": "cooker"})).await.expect(201).body["platform"]["number"].take();
    let body = json!({"repository": {"platform_id": platform, "name": "contrib", "description": "Contributed"}});
    let number = admin.post("/api/v1/repositories.json", body).await.expect(200).body["repository"]["id"].take();
    let number = number.as_u64().expect("a number");
    let repos = listed(&admin).await;
    let repo =
        repos.as_array().expect("repositories").iter().find(|repo| repo["number"] == number).expect("it is listed");
    let id = repo["id"].as_str().expect("an id").to_owned();
    let [native, shiftagent, nautes, abf] = views(&admin, &id, number).await;
    assert_eq!(native[0], json!(format!("platform/{platform}/contrib")));
    assert_eq!((shiftagent, nautes), (Value::Null, Value::Null));
    assert_eq!(abf, json!(["contrib", "Contributed", null, null]));
    assert_eq!(admin.get("/repositories").await.expect(200).body["data"], json!([]));

    admin.post(&format!("/api/repos/{id}/archive"), Value::Null).await.expect(200);
    let change = json!({"repository": {"description": "x"}});
    admin.put(&format!("/api/v1/repositories/{number}.json"), change).await.expect(422);
    assert_eq!(views(&admin, &id, number).await[3], json!(["contrib", "Contributed", null, null]));
    admin.delete(&format!("/api/repos/{id}")).await.expect(200);
    assert_eq!(views(&admin, &id, number).await, [Value::Null, Value::Null, Value::Null, Value::Null]);
    consistency::check(&app.items().await).expect("what lies in the table fits together");
}
