//! Bodies of any size come back byte for byte (design 4).

use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::{Event, GITHUB_ISSUES_OPENED, Hook, TestApp, consistency, fixture};
use serde_json::{Value, json};
use std::time::Duration;

/// The example issue, filled up to a size with text that hardly compresses.
pub(crate) fn issue_of(bytes: usize) -> String {
    let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    body["filler"] = json!("");
    let missing = bytes.saturating_sub(body.to_string().len());
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let filler = (0..missing).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(alphabet[usize::try_from(state >> 58).expect("six bits")])
    });
    body["filler"] = json!(filler.collect::<String>());
    body.to_string()
}

pub(crate) const MB: usize = 1024 * 1024;

#[tokio::test]
async fn bodies_come_back_whole_by_range_and_inlined_up_to_a_megabyte() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    let admin = app.admin();
    for (name, size) in [("small", 16 * 1024), ("400 KB", 400 * 1024), ("2 MB", 2 * MB), ("4.5 MB", 4 * MB + MB / 2)] {
        let body = issue_of(size);
        assert_eq!(body.len(), size);
        let answer = hook.post(&app, "issues", name, &body).await.expect(202);
        assert_eq!(answer.body["tasks"].as_array().map(Vec::len), Some(1), "{name}: {}", answer.body);
        let id = answer.headers["x-repoplane-delivery"].to_str().expect("text").to_owned();
        let path = format!("{}/webhook-deliveries/{id}", hook.path);
        let detail = admin.get(&path).await.expect(200).body["delivery"].clone();
        assert_eq!(detail["payloadBytes"], size);
        let inline = size <= MB;
        assert_eq!(detail["payload"]["filler"].is_string(), inline, "{name}");
        assert_eq!(detail["payloadUrl"].as_str(), (!inline).then_some(format!("{path}/payload").as_str()), "{name}");

        let whole = admin.get(&format!("{path}/payload")).await.expect(200);
        assert_eq!(whole.headers["content-type"], "application/json");
        assert_eq!(whole.headers["accept-ranges"], "bytes");
        assert!(whole.bytes == body.as_bytes(), "{name}: another body");
        // Parts are cut from the whole: one size tells.
        if name != "400 KB" {
            continue;
        }
        let ranges = [("bytes=0-99", 0..100), ("bytes=-10", size - 10..size), ("bytes=9000-", 9000..size)];
        for (wanted, expected) in ranges {
            let get = Event::new("GET", &format!("{path}/payload")).header("range", wanted);
            let part = admin.send(get).await.expect(206);
            let shown = format!("bytes {}-{}/{size}", expected.start, expected.end - 1);
            assert_eq!(part.headers["content-range"], shown);
            assert!(part.bytes == body.as_bytes()[expected], "{name}: {wanted}");
        }
        let beyond = Event::new("GET", &format!("{path}/payload")).header("range", &format!("bytes={size}-"));
        assert_eq!(admin.send(beyond).await.expect(416).headers["content-range"], format!("bytes */{size}"));
    }
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_body_over_six_megabytes_is_413_and_leaves_a_record_without_it() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let body = issue_of(6 * MB + 1);
    let answer = hook.post(&app, "issues", "guid", &body).await.expect(413);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.body["error"], "request entity too large");
    assert_eq!(answer.text("/code"), "WEBHOOK_BODY_TOO_LARGE");
    let listed = hook.deliveries(&app.admin()).await;
    assert_eq!(listed[0]["id"], answer.headers["x-repoplane-delivery"].to_str().expect("an id"));
    assert_eq!((&listed[0]["result"], &listed[0]["httpStatus"]), (&json!("rejected"), &json!(413)));
    assert_eq!(listed[0]["errorLayer"], "signature_validation");
    hook.post(&app, "issues", "guid", &issue_of(6 * MB)).await.expect(202);
}

/// Everything of a large delivery lives as long as it: also when the first post ended between its parts.
#[tokio::test]
async fn a_large_body_outlives_a_post_that_broke_off_and_ends_with_its_delivery() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = Hook::ready(&app).await;
    hook.ping(&app, "first").await.expect(202);
    let body = issue_of(4 * MB + MB / 2);
    app.line.take_calls();
    let broken = FaultPlan {
        target: "DynamoDB_20120810.UpdateItem".into(),
        from: 1,
        times: usize::MAX,
        fault: Fault::TimeoutBefore,
    };
    app.line.set_fault(Some(broken));
    hook.post(&app, "issues", "guid", &body).await.expect(503);
    app.line.set_fault(None);
    let calls = app.line.take_calls();
    let commit = calls.iter().position(|call| call == "TransactWriteItems");
    assert!(calls.iter().take(commit.expect("a commit")).any(|call| call == "PutItem"), "chunks first: {calls:?}");

    let again = hook.post(&app, "issues", "guid", &body).await.expect(202);
    let delivery = again.text("/duplicate_of");
    consistency::check(&app.items().await).expect("consistent");
    app.clock.advance(Duration::from_secs(40 * 24 * 3600));
    let path = format!("{}/webhook-deliveries/{delivery}/payload", hook.path);
    assert!(app.admin().get(&path).await.expect(200).bytes == body.as_bytes(), "its task is open");
    let task = again.text("/tasks/0/id");
    app.admin().patch(&format!("/api/tasks/{task}"), json!({"status": "cancelled"})).await.expect(200);
    consistency::check(&app.items().await).expect("consistent");
    let items = app.items().await;
    let chunks = items.iter().filter(|item| item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("BODY#")));
    let immortal = chunks.filter(|chunk| chunk.get("expires_at").is_none()).count();
    assert_eq!(immortal, 0, "chunks of either post that would stay for good");
    app.clock.advance(Duration::from_secs(25 * 3600));
    app.admin().get(&path).await.expect(404);
}
