//! Connecting a product to its Git server.

use super::{OWNER, Stage};
use repoplane_domain::repository::Provider;
use serde_json::{Value, json};

const PRODUCT: &str = "/api/products/demo";

async fn stage() -> Stage {
    let stage = Stage::new(Provider::Gitlab).await;
    stage.app.admin().post("/api/v1/products/demo", json!({"git": {}})).await.expect(200);
    stage
}

#[tokio::test]
async fn a_product_is_connected_and_let_go_by_administrators() {
    let stage = stage().await;
    let admin = stage.app.admin();
    let before = admin.get(PRODUCT).await.expect(200);
    assert_eq!(before.body["product"]["connection"], Value::Null);
    let connection = json!({"provider": "gitlab", "owner": OWNER, "credentialId": stage.home.credential,
        "apiBaseUrl": stage.home.api_base_url});
    let tag = before.etag();
    let changed = admin.if_match(&tag).patch(PRODUCT, json!({"connection": connection})).await.expect(200);
    let shown = &changed.body["product"]["connection"];
    assert_eq!((&shown["owner"], &shown["deleteAtProvider"]), (&json!(OWNER), &json!(false)), "{shown}");
    admin.if_match(&tag).patch(PRODUCT, json!({"connection": null})).await.expect(412);
    let list = admin.get("/api/products").await.expect(200).body;
    assert_eq!(list["products"][0]["connection"], *shown);
    let body = json!({"connection": null, "baseUrl": "https://git.example.com/"});
    let let_go = admin.patch(PRODUCT, body).await.expect(200).body;
    assert_eq!(let_go["product"]["connection"], Value::Null);
    assert_eq!(let_go["product"]["baseUrl"], "https://git.example.com");
    admin.get("/api/products/absent").await.expect(404);
    admin.patch("/api/products/absent", json!({})).await.expect(404);
}

#[tokio::test]
async fn members_are_replaced_whole_and_must_be_users() {
    let stage = stage().await;
    let admin = stage.app.admin();
    let user = admin.post("/api/users", json!({"username": "mia"})).await.expect(201);
    let mia = user.text("/user/id");
    let members = json!([{"userId": mia, "role": "maintainer"}, {"userId": stage.user, "role": "owner"}]);
    let changed = admin.patch(PRODUCT, json!({"members": members})).await.expect(200).body;
    let roles: Vec<_> =
        changed["product"]["members"].as_array().unwrap().iter().map(|member| member["role"].clone()).collect();
    assert_eq!(roles, ["owner", "maintainer"]);
    let stranger = json!([{"userId": stage.user, "role": "owner"}, {"userId": "usr_01k2z6m3v0q9w8e7r6t5y4n3k2", "role": "member"}]);
    let refused = admin.patch(PRODUCT, json!({"members": stranger})).await.expect(400).body;
    assert_eq!(refused["errors"][0]["pointer"], "/members/1/userId");
}

#[tokio::test]
async fn a_connection_names_a_credential_that_can_be_used() {
    let stage = stage().await;
    let admin = stage.app.admin();
    let made =
        admin.post("/credentials", json!({"name": "key", "type": "git_ssh_key", "secret": "x"})).await.expect(201);
    for credential in [made.text("/id"), "crd_01k2z6m3v0q9w8e7r6t5y4n3k2".to_owned()] {
        let connection = json!({"provider": "gitlab", "owner": OWNER, "credentialId": credential});
        let refused = admin.patch(PRODUCT, json!({"connection": connection})).await.expect(400).body;
        assert_eq!(refused["errors"][0]["pointer"], "/connection/credentialId", "{refused}");
    }
}

#[tokio::test]
async fn projects_bind_a_product_to_their_server() {
    let stage = stage().await;
    let admin = stage.app.admin();
    let connection = |base: Value| {
        json!({"connection": {"provider": "gitlab", "owner": OWNER, "credentialId": stage.home.credential,
            "apiBaseUrl": base}})
    };
    admin.patch(PRODUCT, connection(json!(stage.home.api_base_url))).await.expect(200);
    let body = json!({"git": {"gitlab": {"visibility": "private"}}});
    admin.post("/api/v1/products/demo/coderepos/web", body).await.expect(200);
    let refused = admin.patch(PRODUCT, connection(json!("https://gitlab.example.com"))).await.expect(409).body;
    assert_eq!(refused["code"], "PRODUCT_HAS_PROJECTS", "{refused}");
    admin.patch(PRODUCT, json!({"connection": null})).await.expect(200);
    admin.patch(PRODUCT, connection(json!("https://gitlab.example.com"))).await.expect(409);
    admin.patch(PRODUCT, connection(json!(stage.home.api_base_url))).await.expect(200);
}
