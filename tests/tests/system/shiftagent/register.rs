use super::{Host, path, problem, slug};
use repoplane_tests::Hook;
use serde_json::{Value, json};

#[tokio::test]
async fn shiftagent_7_1_a_repository_is_registered_with_its_defaults() {
    let host = Host::new().await;
    let made =
        host.key.post("/repositories", json!({"name": "Field-Ops", "repo_url": "https://git.example.com/a.git"}));
    let made = made.await.expect(201);
    assert!(!made.headers.contains_key("location"));
    assert_eq!(made.headers["content-type"], "application/json");
    let mut body = made.body.clone();
    for moment in ["id", "created_at", "updated_at"] {
        assert!(body[moment].is_string(), "{body}");
        body.as_object_mut().unwrap().remove(moment);
    }
    let expected = json!({
        "object": "repository", "name": "Field-Ops", "repo_url": "https://git.example.com/a.git", "branch": "main",
        "provider": "generic", "credential_id": null, "metadata": {},
        "sync": {"state": "pending", "last_synced_at": null, "error": null, "skill_count": 0},
    });
    assert_eq!(body, expected);
    assert!(made.text("/created_at").ends_with('Z'));
    assert_eq!(host.key.get(&path(&made.body)).await.expect(200).body, made.body);
    host.check().await;
}

#[tokio::test]
async fn shiftagent_5_registration_starts_a_scan() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let native = format!("/api/repos/{}", made["id"].as_str().unwrap());
    let repo = host.app.admin().get(&native).await.expect(200);
    assert_eq!(repo.body["repo"]["sync"]["state"], "pending");
    assert!(repo.body["repo"]["sync"]["nextSyncAt"].is_string(), "due at once: {}", repo.body);
}

#[tokio::test]
async fn shiftagent_7_1_a_taken_name_is_409_with_the_holder() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let body = json!({"name": "FIELD-OPS", "repo_url": "https://git.example.com/other.git"});
    let refused = host.key.post("/repositories", body).await.expect(409);
    assert_eq!(problem(&refused), ("name-conflict".to_owned(), "Name conflict".to_owned()));
    assert_eq!(refused.body["conflicting_resource_id"], made["id"]);
    // Recovery: fetch the holder and go on (contract: shiftagent 9).
    let holder = host.key.get(&format!("/repositories/{}", refused.text("/conflicting_resource_id"))).await.expect(200);
    assert_eq!(holder.body["name"], "field-ops");
}

#[tokio::test]
async fn shiftagent_7_1_two_repositories_may_have_one_url() {
    let host = Host::new().await;
    let body = |name: &str| json!({"name": name, "repo_url": "https://github.com/acme/widgets", "provider": "github"});
    host.key.post("/repositories", body("one")).await.expect(201);
    host.key.post("/repositories", body("two")).await.expect(201);
    // It claims no identity: the native API can still register the one that does.
    let native = json!({"provider": "github", "name": "acme/widgets", "externalId": "acme/widgets"});
    host.app.admin().post("/api/repos", native).await.expect(201);
    host.key.post("/repositories", body("three")).await.expect(201);
    host.check().await;
}

#[tokio::test]
async fn shiftagent_7_1_every_wrong_field_is_named() {
    let host = Host::new().await;
    let unknown = "crd_00000000000000000000000000";
    for (body, pointers) in [
        (json!({}), vec!["/name", "/repo_url"]),
        (json!([]), vec!["", "/name", "/repo_url"]),
        (json!({"name": "x", "repo_url": "https://u:p@h.example/x"}), vec!["/repo_url"]),
        (json!({"name": "x", "repo_url": "https://h.example/x", "credential_id": unknown}), vec!["/credential_id"]),
        (json!({"name": "x", "repo_url": "https://h.example/x", "credential_id": "crd_x"}), vec!["/credential_id"]),
        (
            json!({"name": "", "repo_url": "https://h.example/x", "credential_id": unknown, "colour": 1}),
            vec!["/name", "/colour", "/credential_id"],
        ),
    ] {
        let refused = host.key.post("/repositories", body.clone()).await.expect(422);
        assert_eq!(problem(&refused), ("validation-error".to_owned(), "Validation error".to_owned()), "{body}");
        assert_eq!(refused.wrong_fields(), pointers, "{body}");
    }
    assert_eq!(host.key.get("/repositories").await.expect(200).body["data"], json!([]));
    host.check().await;
}

#[tokio::test]
async fn shiftagent_4_the_credential_of_a_registration_is_shown_and_its_secret_is_not() {
    let host = Host::new().await;
    let credential = host.credential("bot").await;
    let body = json!({"name": "x", "repo_url": "https://git.example.com/x.git", "credential_id": credential});
    let made = host.key.post("/repositories", body).await.expect(201);
    assert_eq!(made.body["credential_id"], json!(credential));
    assert!(!made.body.to_string().contains("secret of bot"));
    host.check().await;
}

#[tokio::test]
async fn shiftagent_12_repositories_of_other_namespaces_are_shown_with_them() {
    let host = Host::new().await;
    let id = host.app.code_repo("demo", "web", "https://h.example/web").await;
    let path = format!("/repositories/{id}");
    let shown = host.key.get(&path).await.expect(200);
    assert_eq!((shown.text("/name"), shown.text("/provider")), ("product/demo/web".to_owned(), "generic".to_owned()));
    assert_eq!(host.key.patch(&path, json!({"name": "other"})).await.expect(422).wrong_fields(), ["/name"]);
    host.key.patch(&path, json!({"branch": "dev"})).await.expect(200);
    host.key.post(&format!("{path}/sync"), Value::Null).await.expect(202);
    host.key.put(&format!("/tenants/tnt_a/repositories/{id}"), Value::Null).await.expect(201);
}

#[tokio::test]
async fn shiftagent_4_native_repositories_are_shown_with_an_url_to_clone() {
    let host = Host::new().await;
    let hook = Hook::github(&host.app).await;
    let shown = host.key.get(&format!("/repositories/{}", hook.repo)).await.expect(200);
    assert_eq!(shown.text("/repo_url"), "https://github.com/Codertocat/Hello-World.git");
    assert_eq!((shown.text("/provider"), shown.text("/branch")), ("github".to_owned(), "main".to_owned()));
}

#[tokio::test]
async fn shiftagent_7_4_a_deleted_repository_is_gone_and_its_name_free() {
    let host = Host::new().await;
    let credential = host.credential("bot").await;
    let body = json!({"name": "field-ops", "repo_url": "https://git.example.com/x", "credential_id": credential});
    let path = path(&host.key.post("/repositories", body).await.expect(201).body);
    let gone = host.key.delete(&path).await.expect(204);
    assert!(gone.bytes.is_empty());
    assert_eq!(slug(&host.key.delete(&path).await.expect(404)), "not-found");
    host.key.get(&path).await.expect(404);
    host.register("field-ops").await;
    host.key.delete(&format!("/credentials/{credential}")).await.expect(204);
    host.check().await;
}

#[tokio::test]
async fn shiftagent_7_4_a_repository_with_open_tasks_is_in_use() {
    let app = repoplane_tests::TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    hook.post(&app, "issues", "g", &repoplane_tests::fixture(repoplane_tests::GITHUB_ISSUES_OPENED)).await.expect(202);
    let host = Host::of(app).await;
    let refused = host.key.delete(&format!("/repositories/{}", hook.repo)).await.expect(409);
    assert_eq!(problem(&refused), ("resource-in-use".to_owned(), "Resource in use".to_owned()));
    assert_eq!(refused.body["conflicting_resource_id"], json!(hook.repo));
}
