use super::{Host, path, problem, slug};
use repoplane_domain::credential::GitAccess;
use repoplane_store::NoAccess;
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[tokio::test]
async fn shiftagent_8_a_credential_is_kept_and_its_secret_never_shown() {
    let host = Host::new().await;
    let body = json!({"name": "bot", "type": "git_pat", "secret": "hunter2-hunter2", "metadata": {"owner": "ops"}});
    let made = host.key.post("/credentials", body).await.expect(201);
    let shown = made.body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(shown, ["created_at", "id", "metadata", "name", "object", "type", "updated_at"]);
    assert_eq!((made.text("/object"), made.text("/metadata/owner")), ("credential".to_owned(), "ops".to_owned()));
    let listed = host.key.get("/credentials").await.expect(200);
    assert_eq!(listed.body["data"], json!([made.body]));
    for item in host.app.items().await {
        assert!(!item.to_string().contains("hunter2-hunter2"), "{item}");
    }
    host.check().await;
}

#[tokio::test]
async fn shiftagent_8_every_wrong_field_of_a_credential_is_named() {
    let host = Host::new().await;
    let refused = host.key.post("/credentials", json!({"secret": 7, "metadata": {"a": 1}, "x": 1})).await.expect(422);
    assert_eq!(refused.wrong_fields(), ["/name", "/type", "/secret", "/metadata/a", "/x"]);
    let taken = host.credential("bot").await;
    let refused = host.key.post("/credentials", json!({"name": "BOT", "type": "t", "secret": "s"})).await.expect(409);
    assert_eq!(problem(&refused), ("name-conflict".to_owned(), "Name conflict".to_owned()));
    assert_eq!(refused.text("/conflicting_resource_id"), taken);
}

#[tokio::test]
async fn shiftagent_8_credentials_are_listed_by_type_and_in_pages() {
    let host = Host::new().await;
    for n in 0..5 {
        let kind = if n % 2 == 0 { "git_pat" } else { "api_key" };
        let body = json!({"name": format!("c{n}"), "type": kind, "secret": "s"});
        host.key.post("/credentials", body).await.expect(201);
    }
    let page = async |query: &str| host.key.get(&format!("/credentials?{query}")).await.expect(200).body;
    let names = |page: &Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&page("").await), ["c4", "c3", "c2", "c1", "c0"]);
    assert_eq!(names(&page("type=api_key").await), ["c3", "c1"]);
    assert_eq!(names(&page("type=nothing").await), Vec::<String>::new());
    let first = page("limit=2").await;
    assert_eq!((names(&first), &first["has_more"]), (vec!["c4".to_owned(), "c3".to_owned()], &json!(true)));
    let next = first["next_cursor"].as_str().unwrap();
    let second = page(&format!("limit=3&starting_after={next}")).await;
    assert_eq!((names(&second).len(), &second["has_more"], &second["next_cursor"]), (3, &json!(false), &Value::Null));
    let oldest = second["data"][2]["id"].as_str().unwrap();
    assert_eq!(names(&page(&format!("limit=1&ending_before={oldest}")).await), ["c1"]);
    assert_eq!(slug(&host.key.get("/credentials?limit=0").await.expect(400)), "bad-request");
}

#[tokio::test]
async fn shiftagent_8_a_credential_in_use_is_not_deleted() {
    let host = Host::new().await;
    let (credential, next) = (host.credential("bot").await, host.credential("next").await);
    let delete = format!("/credentials/{credential}");
    let (one, two) = (host.register("one").await, host.register("two").await);
    let mut using = Vec::new();
    for (count, repository) in [&one, &two].into_iter().enumerate() {
        host.key.patch(&path(repository), json!({"credential_id": credential})).await.expect(200);
        using.push(repository["id"].clone());
        let refused = host.key.delete(&delete).await.expect(409);
        assert_eq!(problem(&refused), ("resource-in-use".to_owned(), "Resource in use".to_owned()));
        assert!(using.contains(&refused.body["conflicting_resource_id"]), "{}", refused.body);
        assert!(refused.text("/detail").starts_with(&(count + 1).to_string()), "{}", refused.body);
    }
    // Rotation: a new one, repointed, the old one goes.
    for repository in [&one, &two] {
        host.key.patch(&path(repository), json!({"credential_id": next})).await.expect(200);
    }
    assert!(host.key.delete(&delete).await.expect(204).bytes.is_empty());
    assert_eq!(slug(&host.key.delete(&delete).await.expect(404)), "not-found");
    host.key.delete("/credentials/crd_x").await.expect(404);
    host.credential("bot").await;
    host.check().await;
}

#[tokio::test]
async fn shiftagent_8_the_credentials_of_another_tenant_do_not_exist() {
    let host = Host::new().await;
    let credential = host.credential("bot").await;
    let other = host.app.tenant("other").await;
    other.client.delete(&format!("/credentials/{credential}")).await.expect(404);
    assert_eq!(other.client.get("/credentials").await.expect(200).body["data"], json!([]));
    let body = json!({"name": "x", "repo_url": "https://evil.example/x", "credential_id": credential});
    assert_eq!(other.client.post("/repositories", body).await.expect(422).wrong_fields(), ["/credential_id"]);
    host.check().await;
}

#[tokio::test]
async fn shiftagent_8_a_credential_that_comes_into_use_while_it_is_deleted_does_one_of_both() {
    for round in 0..4 {
        let host = Host::new().await;
        let (credential, made) = (host.credential("bot").await, host.register("one").await);
        let mut calls = JoinSet::new();
        let (key, path) = (host.key.clone(), path(&made));
        let body = json!({"credential_id": credential});
        calls.spawn(async move { key.patch(&path, body).await });
        let (key, path) = (host.key.clone(), format!("/credentials/{credential}"));
        calls.spawn(async move { key.delete(&path).await });
        let mut statuses: Vec<u16> = calls.join_all().await.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert!([[200, 409], [204, 422]].contains(&[statuses[0], statuses[1]]), "{round}: {statuses:?}");
        host.check().await;
    }
}

#[tokio::test]
async fn shiftagent_8_the_native_api_keeps_the_uses_true() {
    let host = Host::new().await;
    let credential = host.credential("bot").await;
    let body = json!({"name": "x", "repo_url": "https://git.example.com/x", "credential_id": credential});
    let made = host.key.post("/repositories", body).await.expect(201).body;
    let native = format!("/api/repos/{}", made["id"].as_str().unwrap());
    // It stays at its host, so its credential stays.
    host.app.admin().patch(&native, json!({"remoteUrl": "https://git.example.com/y"})).await.expect(200);
    host.key.delete(&format!("/credentials/{credential}")).await.expect(409);
    host.app.admin().patch(&native, json!({"remoteUrl": "https://evil.example/x"})).await.expect(200);
    assert_eq!(host.key.get(&path(&made)).await.expect(200).body["credential_id"], Value::Null);
    host.check().await;
    host.key.patch(&path(&made), json!({"credential_id": credential})).await.expect(200);
    host.app.admin().delete(&native).await.expect(200);
    host.check().await;
    host.key.delete(&format!("/credentials/{credential}")).await.expect(204);
}

#[tokio::test]
async fn shiftagent_4_a_sync_identifies_itself_with_the_repositorys_credential() {
    let host = Host::new().await;
    let made = host.register("one").await;
    let id = made["id"].as_str().unwrap().parse().unwrap();
    let access = async || {
        let store = host.app.store();
        let set = store.decision_set(id).await.unwrap().unwrap();
        store.sync_access(&set).await.unwrap()
    };
    let point = async |kind: &str, secret: &str| {
        let body = json!({"name": format!("{kind} {}", secret.len()), "type": kind, "secret": secret});
        let credential = host.key.post("/credentials", body).await.expect(201).text("/id");
        host.key.patch(&path(&made), json!({"credential_id": credential})).await.expect(200);
    };
    assert_eq!(access().await, Ok(GitAccess::Anonymous), "public");
    let native = format!("/api/repos/{}", made["id"].as_str().unwrap());
    let own = json!({"repoProviderCredential": {"profiles": [{"id": "own", "remark": "own", "token": "own token"}]}});
    host.app.admin().patch(&native, own).await.expect(200);
    let used = |access| match access {
        Ok(GitAccess::Token { username, token, .. }) => (username.unwrap_or_default(), token.expose().to_owned()),
        other => panic!("{other:?}"),
    };
    assert_eq!(used(access().await).1, "own token", "its own profile");
    point("git_pat", "vault token").await;
    assert_eq!(used(access().await), ("git".to_owned(), "vault token".to_owned()), "the credential comes first");
    point("basic_auth", "ann:pass").await;
    assert_eq!(used(access().await), ("ann".to_owned(), "pass".to_owned()));
    let pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
    point("git_ssh_key", pem).await;
    assert!(matches!(access().await, Ok(GitAccess::Key(key)) if key.private_key.expose() == pem));
    point("git_ssh_key", "a key").await;
    // What was named and cannot be used does not fall through to another.
    assert!(matches!(access().await, Err(NoAccess::Unusable(_))), "{:?}", access().await);
    host.key.patch(&path(&made), json!({"credential_id": null})).await.expect(200);
    assert_eq!(used(access().await).1, "own token");
}
