//! Hooks of a repository: the same questions and facts at both providers.

use super::double::{Asked, Double, Said, access, target};
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use repoplane_providers::{Fault, HookSpec, ProviderHook};
use serde_json::{Value, json};

fn spec(events: &[&str]) -> HookSpec {
    HookSpec {
        url: "https://repoplane.example/api/webhook/github/x".to_owned(),
        secret: Secret::new("whsec-hunter2"),
        events: events.iter().map(ToString::to_string).collect(),
        active: true,
    }
}

/// GitHub REST: the example of a repository webhook.
pub(super) fn github_hook(id: u64) -> Value {
    json!({
        "type": "Repository", "id": id, "name": "web", "active": true, "events": ["push", "pull_request"],
        "config": {"content_type": "json", "insecure_ssl": "0", "url": "https://example.com/webhook",
            "secret": "********"},
        "updated_at": "2019-06-03T00:57:16Z", "created_at": "2019-06-03T00:57:16Z",
        "url": "https://api.github.com/repos/octocat/Hello-World/hooks/12345678",
        "last_response": {"code": null, "status": "unused", "message": null},
    })
}

fn github(asked: &Asked) -> Said {
    match asked.call().as_str() {
        "GET /repositories/7" => Said::ok(json!({
            "id": 7, "full_name": "acme/widgets", "private": false, "html_url": "https://github.com/acme/widgets",
        })),
        "GET /repos/acme/widgets/hooks" => Said::github_page(asked, &(1..=130).map(github_hook).collect::<Vec<_>>()),
        "GET /repos/acme/widgets/hooks/12" => Said::ok(github_hook(12)),
        "GET /repos/acme/widgets/hooks/12/deliveries" => Said::ok(json!([
            {"id": 3, "guid": "g", "delivered_at": "2026-01-03T00:00:00Z", "status": "timed out", "status_code": 0},
            {"id": 2, "guid": "g", "delivered_at": "2026-01-02T00:00:00Z", "status": "Server Error", "status_code": 500},
            {"id": 1, "guid": "g", "delivered_at": "2026-01-01T00:00:00Z", "status": "OK", "status_code": 202},
        ])),
        "POST /repos/acme/widgets/hooks" => Said::status(201, github_hook(99)),
        "PATCH /repos/acme/widgets/hooks/12" => Said::ok(github_hook(12)),
        "DELETE /repos/acme/widgets/hooks/12" => Said::status(204, Value::Null),
        _other => Said::missing(),
    }
}

#[tokio::test]
async fn githubs_hooks_are_read_to_the_last_page() {
    let double = Double::start(github).await;
    let base = double.url();
    for identity in ["acme/widgets", "7"] {
        let hooks = double.providers.list_hooks(&target(Provider::Github, &base, identity), &access()).await.unwrap();
        assert_eq!(hooks.value.len(), 130, "{identity}");
        let expected = ProviderHook {
            id: "1".to_owned(),
            url: "https://example.com/webhook".to_owned(),
            events: ["pull_request".to_owned(), "push".to_owned()].into(),
            active: true,
            content_type: Some("json".to_owned()),
            insecure: false,
            disabled_until: None,
            last_delivery: None,
        };
        assert_eq!(hooks.value[0], expected);
    }
}

#[tokio::test]
async fn githubs_last_deliveries_tell_since_when_they_fail() {
    let double = Double::start(github).await;
    let base = double.url();
    let target = target(Provider::Github, &base, "acme/widgets");
    let last = double.providers.hook(&target, &access(), "12").await.unwrap().value.last_delivery.unwrap();
    assert_eq!((last.ok, last.status_code, last.at.as_deref()), (false, None, Some("2026-01-03T00:00:00Z")));
    assert_eq!(last.failing_since.as_deref(), Some("2026-01-02T00:00:00Z"));
    // Without the right to read deliveries the hook's own facts remain.
    let double = Double::start(|asked| {
        let mut hook = github_hook(12);
        hook["last_response"] = json!({"code": 502, "status": "server error", "message": "Bad Gateway"});
        hook["config"]["insecure_ssl"] = json!(1);
        if asked.path.ends_with("deliveries") { Said::missing() } else { Said::ok(hook) }
    })
    .await;
    let base = double.url();
    let hook = double.providers.hook(&super::double::target(Provider::Github, &base, "a/b"), &access(), "12").await;
    let hook = hook.unwrap().value;
    let last = hook.last_delivery.unwrap();
    assert_eq!((last.ok, last.status_code, last.at, hook.insecure), (false, Some(502), None, true));
}

#[tokio::test]
async fn githubs_hooks_are_written_whole() {
    let double = Double::start(github).await;
    let base = double.url();
    let target = target(Provider::Github, &base, "7");
    let spec = spec(&["push", "issues"]);
    let created = double.providers.create_hook(&target, &access(), &spec).await.unwrap().value;
    assert_eq!(created.id, "99");
    double.providers.update_hook(&target, &access(), "12", &spec).await.unwrap();
    double.providers.delete_hook(&target, &access(), "12").await.unwrap();
    let mut body = json!({
        "name": "web", "active": true, "events": ["issues", "push"],
        "config": {"url": "https://repoplane.example/api/webhook/github/x", "content_type": "json",
            "secret": "whsec-hunter2", "insecure_ssl": "0"},
    });
    let asked: Vec<_> = double.asked().into_iter().filter(|asked| asked.path.starts_with("/repos/")).collect();
    assert_eq!(asked[0].json(), body);
    assert_eq!(asked[0].header("content-type"), "application/json");
    body.as_object_mut().unwrap().remove("name");
    assert_eq!(asked[1].json(), body);
    assert!(asked[2].body.is_empty());
    let error = double.providers.delete_hook(&target, &access(), "13").await.unwrap_err();
    assert_eq!(error.fault(), Fault::NotFound);
    for id in ["", "12/../13", "x", "1 2"] {
        let error = double.providers.hook(&target, &access(), id).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Unusable, "{id:?}");
    }
}

#[tokio::test]
async fn what_the_provider_does_not_take_is_told_without_the_secret() {
    for (provider, body, reason) in [
        (
            Provider::Github,
            json!({"message": "Validation Failed", "errors": [
                {"resource": "Hook", "code": "custom", "message": "Hook already exists: whsec-hunter2"}]}),
            "Hook already exists: [token]",
        ),
        (Provider::Gitlab, json!({"error": "Invalid url given"}), "Invalid url given"),
    ] {
        let double = Double::start(move |_| Said::status(422, body.clone())).await;
        let base = double.url();
        let target = target(provider, &base, "a/b");
        let error = double.providers.create_hook(&target, &access(), &spec(&["push_events"])).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Refused { reason: reason.to_owned() });
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(double.calls().len(), 1, "a write is not tried again");
    }
}

#[tokio::test]
async fn a_renamed_repository_gets_its_hook_under_its_new_name() {
    let double = Double::start(|asked| match asked.call().as_str() {
        "POST /repos/acme/old/hooks" => Said::status(307, Value::Null).with("location", "/repositories/7/hooks"),
        "GET /repos/acme/old" => Said::ok(json!({
            "id": 7, "full_name": "acme/widgets", "private": false, "html_url": "https://github.com/acme/widgets",
        })),
        _other => github(asked),
    })
    .await;
    let base = double.url();
    let target = target(Provider::Github, &base, "acme/old");
    let created = double.providers.create_hook(&target, &access(), &spec(&["push"])).await.unwrap();
    assert_eq!(created.value.id, "99");
    let calls = ["POST /repos/acme/old/hooks", "GET /repos/acme/old", "POST /repos/acme/widgets/hooks"];
    assert_eq!(double.calls(), calls);
}

/// GitLab REST: the example of a project hook, shortened.
pub(super) fn gitlab_hook(id: u64) -> Value {
    json!({
        "id": id, "url": "http://example.com/hook", "name": "Hook", "project_id": 3, "push_events": true,
        "push_events_branch_filter": "", "issues_events": true, "confidential_issues_events": false,
        "merge_requests_events": true, "tag_push_events": false, "note_events": false, "job_events": false,
        "enable_ssl_verification": true, "repository_update_events": false, "alert_status": "executable",
        "disabled_until": null, "url_variables": [], "created_at": "2012-10-12T17:04:47Z",
    })
}

#[tokio::test]
async fn gitlabs_hooks_are_read() {
    let double = Double::start(|asked| match asked.call().as_str() {
        "GET /api/v4/projects/4242/hooks" => Said::gitlab_page(asked, &(1..=101).map(gitlab_hook).collect::<Vec<_>>()),
        "GET /api/v4/projects/4242/hooks/5" => {
            let mut hook = gitlab_hook(5);
            hook["alert_status"] = json!("temporarily_disabled");
            hook["disabled_until"] = json!("2026-01-01T00:10:00Z");
            hook["enable_ssl_verification"] = json!(false);
            Said::ok(hook)
        }
        "GET /api/v4/projects/4242/hooks/5/events" => Said::ok(json!([
            {"id": 2, "url": "http://example.com/hook", "trigger": "push_hooks", "response_status": "internal error"},
            {"id": 1, "url": "http://example.com/hook", "trigger": "push_hooks", "response_status": "200"},
        ])),
        "GET /api/v4/projects/4242/hooks/6" => Said::ok(gitlab_hook(6)),
        _other => Said::missing(),
    })
    .await;
    let base = double.url();
    let target = target(Provider::Gitlab, &base, "4242");
    let hooks = double.providers.list_hooks(&target, &access()).await.unwrap().value;
    assert_eq!(hooks.len(), 101);
    let events: Vec<_> = hooks[0].events.iter().map(String::as_str).collect();
    assert_eq!(events, ["issues_events", "merge_requests_events", "push_events"]);
    assert!(hooks[0].active && !hooks[0].insecure);
    let paused = double.providers.hook(&target, &access(), "5").await.unwrap().value;
    assert!(!paused.active && paused.insecure);
    assert_eq!(paused.disabled_until.as_deref(), Some("2026-01-01T00:10:00Z"));
    let last = paused.last_delivery.unwrap();
    assert_eq!((last.ok, last.status_code), (false, None));
    // Older servers have no list of deliveries.
    assert_eq!(double.providers.hook(&target, &access(), "6").await.unwrap().value.last_delivery, None);
}

#[tokio::test]
async fn gitlabs_hooks_are_written_whole() {
    let double = Double::start(|asked| match asked.method.as_str() {
        "POST" => Said::status(201, gitlab_hook(9)),
        "PUT" => Said::ok(gitlab_hook(9)),
        _delete => Said::status(204, Value::Null),
    })
    .await;
    let base = double.url();
    let target = target(Provider::Gitlab, &base, "acme/widgets");
    let spec = spec(&["issues_events", "milestone_events"]);
    double.providers.create_hook(&target, &access(), &spec).await.unwrap();
    double.providers.update_hook(&target, &access(), "9", &spec).await.unwrap();
    double.providers.delete_hook(&target, &access(), "9").await.unwrap();
    let root = "/api/v4/projects/acme%2Fwidgets/hooks";
    assert_eq!(double.calls(), [format!("POST {root}"), format!("PUT {root}/9"), format!("DELETE {root}/9")]);
    for asked in &double.asked()[..2] {
        let body = asked.json();
        assert_eq!((&body["token"], &body["enable_ssl_verification"]), (&json!("whsec-hunter2"), &json!(true)));
        // GitLab switches pushes on where nothing is said.
        assert_eq!((&body["push_events"], &body["issues_events"]), (&json!(false), &json!(true)));
        assert_eq!(body["milestone_events"], true);
    }
    for event in ["token", "enable_ssl_verification", "push", "_events2"] {
        let spec = super::hooks::spec(&[event]);
        let error = double.providers.create_hook(&target, &access(), &spec).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Unusable, "{event}");
    }
}

#[tokio::test]
async fn a_plain_remote_has_no_hooks() {
    let double = Double::start(github).await;
    let target = repoplane_providers::Target {
        provider: Provider::Git,
        api_base_url: None,
        identity: "",
        remote_url: Some("https://git.example.com/x.git"),
    };
    let error = double.providers.list_hooks(&target, &access()).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Unusable);
    assert!(double.calls().is_empty());
}
