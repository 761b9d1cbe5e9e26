//! The contract's matrix (section 9), with the statuses that its section 10 suggests.

use super::{DEMO, Host, body, refusal, repo};
use repoplane_tests::Event;
use serde_json::{Value, json};

#[tokio::test]
async fn a_repository_is_saved_looked_at_and_deleted() {
    let host = Host::new().await;
    let web = repo("web");
    for (row, method, path, sent) in [
        ("9/save new", "POST", web.as_str(), body()),
        ("9/save again", "POST", &web, body()),
        ("9/get", "GET", &web, Value::Null),
        ("9/list", "GET", &format!("{DEMO}/coderepos"), Value::Null),
        ("9/delete", "DELETE", &web, Value::Null),
        ("9/delete again", "DELETE", &web, Value::Null),
    ] {
        let answer = host.key.call(method, path, sent).await;
        assert_eq!(answer.status, 200, "{row}: {}", answer.body);
        match method {
            "POST" => assert_eq!(answer.body, json!({"message": "Successfully saved web configuration"}), "{row}"),
            "DELETE" => assert_eq!(answer.body, json!({"message": "Successfully deleted web configuration"}), "{row}"),
            _ => assert!(answer.body.to_string().contains("shop front end"), "{row}: {}", answer.body),
        }
    }
    assert_eq!(refusal(&host.key.get(&web).await), (404, "PROJECT_NOT_FOUND".to_owned()), "9/get after delete");
    assert_eq!(host.key.get(&format!("{DEMO}/coderepos")).await.expect(200).body, json!({"items": []}));
    host.check().await;
}

#[tokio::test]
async fn what_cannot_be_done_has_its_status_and_reason() {
    let host = Host::new().await;
    host.save("web", body()).await.expect(200);
    let nowhere = "/api/v1/products/nowhere/coderepos";
    let with = |pointer: &str, value: Value| {
        let mut body = body();
        *body.pointer_mut(pointer).expect("a member") = value;
        body
    };
    let web = repo("web");
    for (row, method, path, sent, expected) in [
        ("9/get in missing product", "GET", format!("{nowhere}/web"), Value::Null, (404, "PROJECT_NOT_FOUND")),
        ("9/list in missing product", "GET", nowhere.to_owned(), Value::Null, (404, "GROUP_NOT_FOUND")),
        ("9/save in missing product", "POST", format!("{nowhere}/web"), body(), (404, "GROUP_NOT_FOUND")),
        ("9/delete in missing product", "DELETE", format!("{nowhere}/web"), Value::Null, (404, "GROUP_NOT_FOUND")),
        ("9/save {}", "POST", web.clone(), json!({}), (400, "VALIDATOR")),
        (
            "9/visibility internal",
            "POST",
            web.clone(),
            with("/git/gitlab/visibility", json!("internal")),
            (400, "VALIDATOR"),
        ),
        ("9/visibility empty", "POST", web.clone(), with("/git/gitlab/visibility", json!("")), (400, "VALIDATOR")),
        ("9/pipeline_runtime yes", "POST", web.clone(), with("/pipeline_runtime", json!("yes")), (400, "CODEC")),
        (
            "9/path is not coderepo_name",
            "POST",
            web.clone(),
            with("/git/gitlab/path", json!("x")),
            (400, "RESOURCE_NOT_MATCH"),
        ),
        (
            "9/unknown event",
            "POST",
            web.clone(),
            with("/webhook/events", json!(["push"])),
            (400, "INVALID_WEBHOOK_EVENT"),
        ),
        ("9/unknown project", "POST", web.clone(), with("/project", json!("nix")), (400, "RESOURCE_NOT_EXIST")),
        (
            "9/unknown project of a new one",
            "POST",
            repo("new"),
            with("/project", json!("nix")),
            (400, "RESOURCE_NOT_EXIST"),
        ),
        ("9/insecure_skip_check maybe", "POST", format!("{web}?insecure_skip_check=maybe"), body(), (400, "CODEC")),
        ("reserved", "POST", repo("default.project"), body(), (400, "INVALID_NAME")),
    ] {
        let answer = host.key.call(method, &path, sent).await;
        assert_eq!(refusal(&answer), (expected.0, expected.1.to_owned()), "{row}: {}", answer.body);
    }
    let broken = Event::new("POST", &web).header("content-type", "application/json").body("{\"git\":");
    let broken = host.key.send(broken).await;
    assert_eq!(refusal(&broken), (400, "CODEC".to_owned()), "9/broken JSON");
    assert!(broken.text("/message").starts_with("body unmarshal "), "{}", broken.body);
    let untyped = host.key.send(Event::new("POST", &web).body(body().to_string())).await;
    assert_eq!(refusal(&untyped), (400, "CODEC".to_owned()), "9/no Content-Type");
    let anonymous = host.app.anonymous().post(&web, body()).await;
    assert_eq!(refusal(&anonymous), (401, "UNAUTHORIZED".to_owned()), "9/no Authorization header");
    assert_eq!(anonymous.headers["www-authenticate"], "Bearer");
    let stranger = host.app.client("rpt_nobody-has-this").post(&web, body()).await;
    assert_eq!(refusal(&stranger).0, 401);
    assert_eq!(host.key.get(&format!("{DEMO}/coderepos")).await.expect(200).body["items"].as_array().unwrap().len(), 1);
    assert_eq!(host.shown("web").await["project"], "shop", "nothing of it was done");
}

#[tokio::test]
async fn what_may_come_later_is_skipped_when_asked_for() {
    let host = Host::new().await;
    let mut sent = body();
    sent["webhook"]["events"] = json!(["push", ""]);
    for spelling in ["insecure_skip_check=true", "insecureSkipCheck=T"] {
        let row = "9/unknown event skipped";
        assert_eq!(host.save(&format!("web?{spelling}"), sent.clone()).await.status, 200, "{row}");
    }
    assert_eq!(host.shown("web").await["webhook"], json!({"events": ["push", ""]}));
    let mut sent = body();
    sent["project"] = json!("later");
    assert_eq!(host.save("web?insecure_skip_check=1", sent.clone()).await.status, 200, "9/unknown project skipped");
    assert_eq!(host.shown("web").await["project"], "later");
    // Saying it again without skipping is checked, though nothing changes.
    assert_eq!(refusal(&host.save("web?insecure_skip_check=", sent.clone()).await).1, "RESOURCE_NOT_EXIST");
    host.key.post(&format!("{DEMO}/projects/later"), json!({})).await.expect(200);
    host.save("web", sent).await.expect(200);
    host.check().await;
}

#[tokio::test]
async fn what_is_left_out_is_reset() {
    let host = Host::new().await;
    host.save("web", body()).await.expect(200);
    host.save("web", json!({"git": {"gitlab": {"visibility": "public"}}})).await.expect(200);
    let row = "9/omitted booleans, project and webhook";
    let shown = host.shown("web").await;
    let expected = json!({
        "product": "demo", "name": "web", "project": "", "webhook": {"events": []},
        "deployment_runtime": false, "pipeline_runtime": false,
        "git": {
            "gitlab": {
                "name": "web", "path": "web", "visibility": "public", "description": "shop front end",
                "ssh_url_to_repo": "ssh://git@git.invalid/demo/web.git", "http_url_to_repo": "https://git.invalid/demo/web.git",
            },
            "github": null,
        },
    });
    assert_eq!(shown, expected, "{row}");
    host.check().await;
}
