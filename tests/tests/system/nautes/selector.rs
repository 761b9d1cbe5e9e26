//! The field selector over HTTP (contract: nautes 5); every vector of it is a unit test of the domain.

use super::{DEMO, Host, body, refusal, smallest};
use serde_json::json;

#[tokio::test]
async fn a_list_is_narrowed_before_anything_else_is_known() {
    let host = Host::new().await;
    let list = format!("{DEMO}/coderepos");
    let wrong = host.key.get(&format!("{list}?field_selector=name=x")).await;
    assert_eq!(refusal(&wrong), (400, "INVALID_FIELD_SELECTOR".to_owned()), "though there is nothing to look at");
    let mut a = body();
    a["git"]["gitlab"]["name"] = json!("a");
    host.save("a", a).await.expect(200);
    host.save("b", smallest()).await.expect(200);
    for (selector, expected) in [
        ("", "a b"),
        ("project=ho", "a"),
        ("project=", "a b"),
        ("pipeline_runtime=f,deployment_runtime=0", "b"),
        ("project%3Dshop%2Cpipeline_runtime%3Dtrue", "a"),
        ("project=my-shop", ""),
    ] {
        let found = host.key.get(&format!("{list}?field_selector={selector}")).await.expect(200);
        let names: Vec<_> =
            found.body["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(names.join(" "), expected, "{selector}");
    }
    for selector in ["project==shop", "project=shop,", "pipeline_runtime=yes", "project=a&field_selector=project=b"] {
        assert_eq!(refusal(&host.key.get(&format!("{list}?field_selector={selector}")).await).0, 400, "{selector}");
    }
}

#[tokio::test]
async fn a_list_is_in_the_order_of_numbers_as_text() {
    let host = Host::new().await;
    for n in 1..=11 {
        host.save(&format!("r{n}"), smallest()).await.expect(200);
    }
    let found = host.key.get(&format!("{DEMO}/coderepos")).await.expect(200);
    let names: Vec<_> =
        found.body["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["r1", "r10", "r11", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"]);
}
