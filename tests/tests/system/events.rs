//! The sample events: each is one that a function takes, and none is answered with a failure of ours.

use repoplane_tests::TestApp;
use serde_json::Value;

#[tokio::test]
async fn every_sample_event_is_answered() {
    let app = TestApp::start().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        seen += 1;
        let event: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("a file")).expect("JSON");
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let function = name.split('-').next().unwrap_or_default();
        let answer = app.function(function).send_json(&event).await;
        // The samples name tokens and repositories that no engine has.
        let expected = match event["rawPath"].as_str() {
            Some("/health") => 200,
            Some(path) if path.starts_with("/api/webhook/") => 404,
            _ => 401,
        };
        assert_eq!(answer.status.as_u16(), expected, "{}: {}", path.display(), answer.body);
    }
    assert!(seen >= 8, "one for each function and kind of request");
}
