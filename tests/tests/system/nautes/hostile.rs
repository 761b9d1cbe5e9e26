//! Bodies, names and queries that nobody means well with.

use super::{DEMO, Host, refusal, repo};
use repoplane_tests::Event;
use serde_json::json;

#[tokio::test]
async fn hostile_bodies_are_refused() {
    let host = Host::new().await;
    let before = host.app.items().await.len();
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let deep_known = format!("{{\"git\":{}1{}}}", "{\"gitlab\":".repeat(5_000), "}".repeat(5_000));
    let long = format!("{{\"git\":{{\"gitlab\":{{\"visibility\":\"public\",\"name\":\"{}\"}}}}}}", "a".repeat(900_000));
    let long_project = format!("{{\"project\":\"{}\",\"git\":{{}}}}", "a".repeat(900_000));
    let control = "{\"git\":{\"gitlab\":{\"visibility\":\"public\",\"name\":\"a\\u0000b\"}}}";
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("null", b"null".to_vec()),
        ("a list", b"[]".to_vec()),
        ("a text", b"\"x\"".to_vec()),
        ("deep", deep.into_bytes()),
        ("deep in what is read", deep_known.into_bytes()),
        ("a long name", long.into_bytes()),
        ("a long project", long_project.into_bytes()),
        ("a control character", control.as_bytes().to_vec()),
        ("no UTF-8", vec![0x7b, 0xff, 0xfe, 0x7d]),
        ("UTF-16", "{\"git\":{}}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("half a pair", b"{\"git\":{},\"project\":\"\\ud800\"}".to_vec()),
        ("two values", b"{\"git\":{}}{}".to_vec()),
        ("wrong types", b"{\"git\":[],\"webhook\":7}".to_vec()),
        ("events of numbers", b"{\"git\":{},\"webhook\":{\"events\":[1,null]}}".to_vec()),
        ("too much", vec![b' '; 1024 * 1024 + 1]),
    ] {
        let event = Event::new("POST", &repo("web")).header("content-type", "application/json").body(bytes);
        let answer = host.key.send(event).await;
        assert!(answer.status.is_client_error(), "{what}: {} {}", answer.status, answer.body);
        refusal(&answer);
    }
    for media in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "json", "/", ""] {
        let event = Event::new("POST", &repo("web")).header("content-type", media).body("{\"git\":{}}");
        assert_eq!(refusal(&host.key.send(event).await), (400, "CODEC".to_owned()), "{media}");
    }
    assert_eq!(host.app.items().await.len(), before, "nothing was written");
}

#[tokio::test]
async fn hostile_names_and_queries_are_refused() {
    let host = Host::new().await;
    let long = "a".repeat(300);
    for name in ["a%2Fb", "%00", "%ff", "-x", "a%20b", "x.git", "%E2%80%AE", &long, "%25", "a;b", "'", "$(id)"] {
        for path in
            [format!("{DEMO}/coderepos/{name}"), format!("{DEMO}/projects/{name}"), format!("/api/v1/products/{name}")]
        {
            let answer = host.key.post(&path, json!({"git": {}})).await;
            assert!(answer.status.is_client_error() || answer.status == 308, "POST {path}: {}", answer.status);
            let answer = host.key.get(&path).await;
            assert!([200, 308, 404].contains(&answer.status.as_u16()), "GET {path}: {}", answer.status);
        }
    }
    for query in ["field_selector=%ff", "field_selector=%00", "field_selector", "field_selector==", "a=b&c", "%"] {
        let answer = host.key.get(&format!("{DEMO}/coderepos?{query}")).await;
        assert!([200, 400].contains(&answer.status.as_u16()), "{query}: {}", answer.status);
    }
    host.check().await;
}
