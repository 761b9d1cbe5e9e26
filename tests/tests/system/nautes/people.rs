//! Who may do what in a product (design: rights across dialects).

use super::{DEMO, Host, body, product, refusal, repo, smallest};
use repoplane_tests::Event;
use serde_json::json;

#[tokio::test]
async fn who_makes_a_product_owns_it_and_others_do_not_see_it() {
    let host = Host::new().await;
    let (ann, bob) = (host.app.person("ann").await.client, host.app.person("bob").await.client);
    let own = "/api/v1/products/own";
    ann.post(own, product()).await.expect(200);
    ann.post(&format!("{own}/coderepos/web"), smallest()).await.expect(200);
    assert_eq!(ann.get("/api/v1/products").await.expect(200).body["items"].as_array().unwrap().len(), 1);
    assert_eq!(bob.get("/api/v1/products").await.expect(200).body, json!({"items": []}));
    for (method, path) in [
        ("GET", own.to_owned()),
        ("DELETE", own.to_owned()),
        ("GET", format!("{own}/coderepos")),
        ("GET", format!("{own}/projects")),
        ("DELETE", format!("{own}/projects/shop")),
        ("DELETE", format!("{own}/coderepos/web")),
    ] {
        let answer = bob.call(method, &path, serde_json::Value::Null).await;
        assert_eq!(refusal(&answer), (404, "GROUP_NOT_FOUND".to_owned()), "{method} {path}");
    }
    assert_eq!(refusal(&bob.get(&format!("{own}/coderepos/web")).await), (404, "PROJECT_NOT_FOUND".to_owned()));
    assert_eq!(refusal(&bob.post(&format!("{own}/coderepos/web"), body()).await).0, 404);
    // The name is taken all the same.
    assert_eq!(refusal(&bob.post(own, product()).await), (404, "GROUP_NOT_FOUND".to_owned()));
    assert_eq!(refusal(&bob.post("/api/v1/products/OWN", product()).await), (409, "RESOURCE_EXISTS".to_owned()));
    host.check().await;
}

#[tokio::test]
async fn another_tenant_and_a_narrow_token_get_nothing() {
    let host = Host::new().await;
    host.save("web", body()).await.expect(200);
    let other = host.app.tenant("other").await.client;
    assert_eq!(refusal(&other.get(&repo("web")).await), (404, "PROJECT_NOT_FOUND".to_owned()));
    assert_eq!(refusal(&other.get(DEMO).await), (404, "GROUP_NOT_FOUND".to_owned()));
    other.post(DEMO, product()).await.expect(200);
    assert_eq!(other.get(&format!("{DEMO}/coderepos")).await.expect(200).body, json!({"items": []}));
    let admin = host.app.admin();
    let reader = admin.by(&admin.token(json!({"name": "r", "scopes": ["repos:read"]})).await);
    reader.get(&repo("web")).await.expect(200);
    assert_eq!(refusal(&reader.post(&repo("web"), body()).await), (403, "NO_AUTHORIZATION".to_owned()));
    assert_eq!(refusal(&reader.delete(&repo("web")).await), (403, "NO_AUTHORIZATION".to_owned()));
    let tasks = admin.by(&admin.token(json!({"name": "t", "scopes": ["tasks:read"]})).await);
    assert_eq!(refusal(&tasks.get(DEMO).await), (403, "NO_AUTHORIZATION".to_owned()));
    host.check().await;
}

#[tokio::test]
async fn a_token_comes_with_its_scheme_or_without() {
    let host = Host::new().await;
    let anonymous = host.app.anonymous();
    let token = repoplane_tests::ADMIN_TOKEN;
    for (header, status) in [
        (token.to_owned(), 200),
        (format!("Bearer {token}"), 200),
        (format!("Bearer{token}"), 200),
        (format!("  Bearer   {token}  "), 200),
        ("Bearer".to_owned(), 401),
        ("Bearer ".to_owned(), 401),
        ("nonsense".to_owned(), 401),
    ] {
        let event = Event::new("GET", DEMO).header("authorization", &header);
        assert_eq!(anonymous.send(event).await.status.as_u16(), status, "{header}");
    }
}
