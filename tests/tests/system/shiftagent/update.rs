use super::{Host, path, problem, slug};
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[tokio::test]
async fn shiftagent_6_patch_replaces_what_it_names() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    host.app.clock.advance(std::time::Duration::from_secs(5));
    let patched = host.key.patch(&path(&made), json!({"name": "ops", "metadata": {"owner": "ann"}})).await.expect(200);
    assert_eq!((patched.text("/name"), patched.text("/metadata/owner")), ("ops".to_owned(), "ann".to_owned()));
    assert_eq!(patched.body["sync"], made["sync"], "the sync stays");
    assert!(Some(patched.text("/updated_at").as_str()) > made["updated_at"].as_str());
    assert_eq!(patched.body["created_at"], made["created_at"]);
    let emptied = host.key.patch(&path(&made), json!({"metadata": {}})).await.expect(200);
    assert_eq!((&emptied.body["metadata"], emptied.text("/name")), (&json!({}), "ops".to_owned()));
    // The old name is free.
    host.register("field-ops").await;
    host.check().await;
}

#[tokio::test]
async fn shiftagent_6_an_empty_patch_changes_nothing() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    host.app.clock.advance(std::time::Duration::from_secs(5));
    let before = host.app.audit_of(made["id"].as_str().unwrap()).await;
    for body in [json!({}), json!({"name": "field-ops", "branch": "main", "credential_id": null, "metadata": {}})] {
        assert_eq!(host.key.patch(&path(&made), body).await.expect(200).body, made);
    }
    assert_eq!(host.app.audit_of(made["id"].as_str().unwrap()).await, before);
}

#[tokio::test]
async fn shiftagent_6_null_is_for_the_credential_alone() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    for (body, pointers) in [
        (json!({"name": null}), vec!["/name"]),
        (json!({"branch": null}), vec!["/branch"]),
        (json!({"metadata": null}), vec!["/metadata"]),
        (json!({"repo_url": "https://h.example/x"}), vec!["/repo_url"]),
        (json!({"name": "", "metadata": {"a/b": 1}}), vec!["/name", "/metadata/a~1b"]),
        (json!("text"), vec![""]),
    ] {
        let refused = host.key.patch(&path(&made), body.clone()).await.expect(422);
        assert_eq!((slug(&refused), refused.wrong_fields()), ("validation-error".to_owned(), own(&pointers)), "{body}");
    }
    assert_eq!(host.key.get(&path(&made)).await.expect(200).body, made, "all or nothing");
}

fn own(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn shiftagent_6_patch_taken_name_is_409_with_the_holder() {
    let host = Host::new().await;
    let (one, two) = (host.register("one").await, host.register("two").await);
    let refused = host.key.patch(&path(&two), json!({"name": "ONE", "branch": "dev"})).await.expect(409);
    assert_eq!(problem(&refused), ("name-conflict".to_owned(), "Name conflict".to_owned()));
    assert_eq!(refused.body["conflicting_resource_id"], one["id"]);
    assert_eq!(host.key.get(&path(&two)).await.expect(200).body, two, "all or nothing");
    // Its own name in another case is no conflict.
    assert_eq!(host.key.patch(&path(&two), json!({"name": "Two"})).await.expect(200).text("/name"), "Two");
}

#[tokio::test]
async fn shiftagent_6_patch_credential_is_kept_cleared_known_unknown_or_malformed() {
    let host = Host::new().await;
    let (made, credential) = (host.register("field-ops").await, host.credential("bot").await);
    let patch = async |body: Value| host.key.patch(&path(&made), body).await;
    assert_eq!(patch(json!({"credential_id": credential})).await.expect(200).text("/credential_id"), credential);
    host.check().await;
    assert_eq!(patch(json!({"name": "other"})).await.expect(200).text("/credential_id"), credential);
    for unknown in ["crd_00000000000000000000000000", "crd_x", "rep_00000000000000000000000000"] {
        let refused = patch(json!({"credential_id": unknown})).await.expect(422);
        assert_eq!(refused.wrong_fields(), ["/credential_id"], "{unknown}");
        let both = patch(json!({"credential_id": unknown, "name": null})).await.expect(422);
        let mut pointers = both.wrong_fields();
        pointers.sort();
        assert_eq!(pointers, ["/credential_id", "/name"], "{unknown}");
    }
    let other = host.credential("other").await;
    assert_eq!(patch(json!({"credential_id": other})).await.expect(200).text("/credential_id"), other);
    host.check().await;
    assert_eq!(patch(json!({"credential_id": null})).await.expect(200).body["credential_id"], Value::Null);
    host.check().await;
}

#[tokio::test]
async fn shiftagent_6_the_checks_come_in_their_order() {
    let host = Host::new().await;
    let (one, two) = (host.register("one").await, host.register("two").await);
    let taken = json!({"name": "one"});
    let reader = host.app.client(super::integration(&host.app, json!(["repos:read"])).await);
    let nothing = "/repositories/rep_00000000000000000000000000";
    let malformed = || {
        let event = repoplane_tests::Event::new("PATCH", nothing);
        event.header("content-type", "application/json").body("{")
    };
    assert_eq!(host.app.anonymous().send(malformed()).await.status, 401);
    assert_eq!(reader.send(malformed()).await.status, 403);
    assert_eq!(host.key.send(malformed()).await.status, 404);
    let event = repoplane_tests::Event::new("PATCH", &path(&two)).header("content-type", "application/json");
    assert_eq!(slug(&host.key.send(event.clone().body("{")).await.expect(400)), "bad-request");
    assert_eq!(slug(&host.key.send(event).await.expect(400)), "bad-request");
    host.key.patch(&path(&two), json!({"name": "one", "branch": ""})).await.expect(422);
    host.key.patch(&path(&two), taken).await.expect(409);
    drop(one);
}

#[tokio::test]
async fn shiftagent_11_4_of_many_that_want_one_name_one_wins_and_the_others_hear_of_it() {
    let host = Host::new().await;
    let mut made = Vec::new();
    for n in 0..8 {
        made.push(host.register(&format!("r{n}")).await);
    }
    let mut calls = JoinSet::new();
    for (n, one) in made.iter().enumerate() {
        let (app, path) = (if n % 2 == 0 { host.app.second_instance() } else { host.app.clone() }, path(one));
        calls.spawn(async move { app.admin().patch(&path, json!({"name": "wanted"})).await });
    }
    let answers = calls.join_all().await;
    let winners: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    for loser in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(slug(loser), "name-conflict");
        assert_eq!(loser.body["conflicting_resource_id"], winners[0].body["id"]);
    }
    host.check().await;
}

#[tokio::test]
async fn shiftagent_6_patches_at_once_lose_nothing_of_each_other() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let bodies = [json!({"name": "ops"}), json!({"branch": "dev"}), json!({"metadata": {"a": "b"}})];
    let mut calls = JoinSet::new();
    for body in bodies {
        let (key, path) = (host.key.clone(), path(&made));
        calls.spawn(async move { key.patch(&path, body).await });
    }
    for answer in calls.join_all().await {
        answer.expect(200);
    }
    let now = host.key.get(&path(&made)).await.expect(200);
    assert_eq!(
        (now.text("/name"), now.text("/branch"), now.text("/metadata/a")),
        ("ops".into(), "dev".into(), "b".into())
    );
}

#[tokio::test]
async fn shiftagent_12_an_archived_repository_is_shown_and_not_changed() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let id = made["id"].as_str().unwrap();
    host.app.admin().post(&format!("/api/repos/{id}/archive"), Value::Null).await.expect(200);
    host.key.get(&path(&made)).await.expect(200);
    assert_eq!(host.key.get("/repositories").await.expect(200).body["data"][0]["id"], made["id"]);
    let sync = format!("{}/sync", path(&made));
    for refused in [
        host.key.patch(&path(&made), json!({"name": "x"})).await,
        host.key.patch(&path(&made), json!({})).await,
        host.key.post(&sync, Value::Null).await,
    ] {
        assert_eq!(slug(&refused.clone().expect(409)), "resource-in-use");
        assert_eq!(refused.body["conflicting_resource_id"], made["id"]);
        assert!(refused.text("/detail").contains("rchived"), "{}", refused.body);
    }
    host.key.patch(&path(&made), json!({"name": null})).await.expect(422);
}
