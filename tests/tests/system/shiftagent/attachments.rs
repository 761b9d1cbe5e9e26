use super::{Host, path, problem, slug};
use serde_json::{Value, json};
use tokio::task::JoinSet;

#[tokio::test]
async fn shiftagent_8_a_repository_is_attached_changed_and_detached() {
    let host = Host::new().await;
    let made = host.register("one").await;
    let place = format!("/tenants/tnt_Acme01{}", path(&made));
    let first = host.key.put(&place, Value::Null).await.expect(201);
    let expected = json!({
        "object": "repository_attachment", "tenant_id": "tnt_Acme01", "repository_id": made["id"], "is_default": false,
        "branch_override": null, "repository": made,
    });
    assert_eq!(first.body, expected);
    let put = async |body: Value| host.key.put(&place, body).await.expect(200).body;
    assert_eq!(put(json!({"branch_override": "dev"})).await["branch_override"], "dev");
    let merged = put(json!({"is_default": true})).await;
    assert_eq!((&merged["branch_override"], &merged["is_default"]), (&json!("dev"), &json!(true)));
    assert_eq!(put(json!({})).await["is_default"], true);
    assert_eq!(put(json!({"branch_override": null})).await["branch_override"], Value::Null);
    host.check().await;
    assert!(host.key.delete(&place).await.expect(204).bytes.is_empty());
    assert_eq!(slug(&host.key.delete(&place).await.expect(404)), "not-found");
    host.check().await;
    assert_eq!(host.key.put(&place, json!({})).await.expect(201).body["is_default"], false, "it is gone for good");
}

#[tokio::test]
async fn shiftagent_8_a_tenant_has_one_default() {
    let host = Host::new().await;
    let (one, two) = (host.register("one").await, host.register("two").await);
    let put = async |tenant: &str, repository: &Value, body: Value| {
        host.key.put(&format!("/tenants/{tenant}{}", path(repository)), body).await.body["is_default"].clone()
    };
    assert_eq!(put("tnt_a", &one, json!({"is_default": true})).await, true);
    assert_eq!(put("tnt_b", &one, json!({"is_default": true})).await, true);
    assert_eq!(put("tnt_a", &two, json!({"is_default": true})).await, true);
    assert_eq!(put("tnt_a", &one, json!({})).await, false, "another took it");
    assert_eq!(put("tnt_b", &one, json!({})).await, true, "each tenant has its own");
    assert_eq!(put("tnt_a", &one, json!({"is_default": false})).await, false);
    assert_eq!(put("tnt_a", &two, json!({})).await, true, "only its own is given up");
    host.check().await;
}

#[tokio::test]
async fn shiftagent_7_4_an_attached_repository_is_not_deleted() {
    let host = Host::new().await;
    let made = host.register("one").await;
    let native = format!("/api/repos/{}?force=true", made["id"].as_str().unwrap());
    for (count, tenant) in ["tnt_a", "tnt_b"].into_iter().enumerate() {
        host.key.put(&format!("/tenants/{tenant}{}", path(&made)), Value::Null).await.expect(201);
        let refused = host.key.delete(&path(&made)).await.expect(409);
        assert_eq!(problem(&refused), ("resource-in-use".to_owned(), "Resource in use".to_owned()));
        assert!(["tnt_a", "tnt_b"].contains(&refused.text("/conflicting_resource_id").as_str()), "{}", refused.body);
        assert!(refused.text("/detail").contains(&format!(" {} tenant", count + 1)), "{}", refused.body);
        // Whoever asks.
        assert_eq!(host.app.admin().delete(&native).await.expect(409).text("/code"), "REPO_ATTACHED");
    }
    for tenant in ["tnt_a", "tnt_b"] {
        host.key.delete(&format!("/tenants/{tenant}{}", path(&made))).await.expect(204);
    }
    host.key.delete(&path(&made)).await.expect(204);
    host.check().await;
}

#[tokio::test]
async fn shiftagent_8_a_tenant_or_repository_of_the_wrong_form_is_404() {
    let host = Host::new().await;
    let made = host.register("one").await;
    let id = made["id"].as_str().unwrap();
    for (tenant, repository) in [("tnt_", id), ("tnt_a-b", id), ("acme", id), ("tnt_a", "rep_x"), ("tnt_a", "x")] {
        let place = format!("/tenants/{tenant}/repositories/{repository}");
        for method in ["PUT", "DELETE"] {
            assert_eq!(slug(&host.key.call(method, &place, Value::Null).await.expect(404)), "not-found", "{place}");
        }
    }
    let place = format!("/tenants/tnt_a{}", path(&made));
    let refused = host.key.put(&place, json!({"is_default": 1, "branch_override": "a..b", "x": 1})).await.expect(422);
    assert_eq!(refused.wrong_fields(), ["/is_default", "/branch_override", "/x"]);
    // The same tenant of another registry is another one.
    let other = host.app.tenant("other").await;
    other.client.put(&place, Value::Null).await.expect(404);
}

#[tokio::test]
async fn shiftagent_8_attaching_and_deleting_at_once_does_one_of_both() {
    for _ in 0..4 {
        let host = Host::new().await;
        let made = host.register("one").await;
        let mut calls = JoinSet::new();
        let (key, place) = (host.key.clone(), format!("/tenants/tnt_a{}", path(&made)));
        calls.spawn(async move { key.put(&place, Value::Null).await });
        let (key, place) = (host.key.clone(), path(&made));
        calls.spawn(async move { key.delete(&place).await });
        let mut statuses: Vec<u16> = calls.join_all().await.iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert!([[201, 409], [204, 404]].contains(&[statuses[0], statuses[1]]), "{statuses:?}");
        host.check().await;
    }
}

#[tokio::test]
async fn shiftagent_8_an_archived_repository_can_be_attached() {
    let host = Host::new().await;
    let made = host.register("one").await;
    let id = made["id"].as_str().unwrap();
    host.app.admin().post(&format!("/api/repos/{id}/archive"), Value::Null).await.expect(200);
    let place = format!("/tenants/tnt_a{}", path(&made));
    host.key.put(&place, Value::Null).await.expect(201);
    host.key.delete(&place).await.expect(204);
}
