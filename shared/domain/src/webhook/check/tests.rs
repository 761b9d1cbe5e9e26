//! Rows 2–6 and 8–12 of the contract's check table, and hydration.

use super::super::fixtures::{self, repository};
use super::super::headers::WebhookHeaders;
use super::*;
use crate::delivery::{DeliveryResult, StepStatus};
use crate::time::Timestamp;
use Provider::{Git, Github, Gitlab};
use serde_json::json;

fn trace() -> TraceLog {
    TraceLog::new(Timestamp::from_millisecond(0))
}

fn before(repository: &Repository, endpoint: Provider, headers: &[(&str, &str)]) -> (Result<(), Refusal>, TraceLog) {
    let headers = WebhookHeaders::new(headers.iter().copied());
    let mut trace = trace();
    let result = pre_check(repository, &Incoming { endpoint, headers: &headers, raw: b"{}" }, &mut trace);
    assert_eq!(trace.signature_verified(), None);
    (result, trace)
}

#[test]
fn rows_2_to_6_answer_before_verification() {
    let mut archived = repository(Github);
    archived.archived_at = Some(archived.created_at);
    archived.enabled = false;
    let mut disabled = repository(Github);
    disabled.enabled = false;
    let (github, gitlab) = (repository(Github), repository(Gitlab));
    let scope = "System hooks are not supported; please configure a project webhook";
    let skipped = |reason: &str| json!({"skipped": true, "reason": reason});
    let mismatch = |expected: &str, detected: &str| {
        json!({"error": "Webhook provider mismatch", "code": "WEBHOOK_PROVIDER_MISMATCH", "expectedProvider": expected,
               "detectedProvider": detected, "hint": format!("/api/webhook/{detected}/:repoId")})
    };
    let wrong_provider = json!({"error": "Repo provider mismatch"});
    let scope_body = json!({"error": scope, "code": "WEBHOOK_SCOPE_NOT_SUPPORTED"});
    type Case<'a> = (&'a str, &'a Repository, Provider, &'a [(&'a str, &'a str)], u16, Value, ErrorLayer, StepKey);
    let cases: [Case<'_>; 12] = [
        ("4.6/02", &archived, Github, &[], 202, skipped("repo archived"), ErrorLayer::RepoState, StepKey::RepoState),
        ("4.6/02", &archived, Gitlab, &[], 202, skipped("repo archived"), ErrorLayer::RepoState, StepKey::RepoState),
        ("4.6/03", &disabled, Github, &[], 202, skipped("repo disabled"), ErrorLayer::RepoState, StepKey::RepoState),
        ("4.6/04", &github, Gitlab, &[], 400, wrong_provider.clone(), ErrorLayer::ProviderMismatch, StepKey::Provider),
        ("4.6/04", &repository(Git), Github, &[], 400, wrong_provider, ErrorLayer::ProviderMismatch, StepKey::Provider),
        (
            "4.6/05",
            &gitlab,
            Gitlab,
            &[("X-Gitlab-Event", "System Hook")],
            400,
            scope_body.clone(),
            ErrorLayer::ScopeValidation,
            StepKey::Scope,
        ),
        (
            "4.6/05",
            &gitlab,
            Gitlab,
            &[("x-gitlab-event", "system hook")],
            400,
            scope_body,
            ErrorLayer::ScopeValidation,
            StepKey::Scope,
        ),
        (
            "4.6/06",
            &github,
            Github,
            &[("x-gitlab-event", "Push Hook")],
            400,
            mismatch("github", "gitlab"),
            ErrorLayer::ProviderMismatch,
            StepKey::Provider,
        ),
        (
            "4.6/06",
            &github,
            Github,
            &[("x-gitlab-token", "t")],
            400,
            mismatch("github", "gitlab"),
            ErrorLayer::ProviderMismatch,
            StepKey::Provider,
        ),
        (
            "4.6/06",
            &gitlab,
            Gitlab,
            &[("x-hub-signature", "sha1=0")],
            400,
            mismatch("gitlab", "github"),
            ErrorLayer::ProviderMismatch,
            StepKey::Provider,
        ),
        (
            "4.6/06",
            &gitlab,
            Gitlab,
            &[("x-github-delivery", "1")],
            400,
            mismatch("gitlab", "github"),
            ErrorLayer::ProviderMismatch,
            StepKey::Provider,
        ),
        (
            "4.6/06",
            &gitlab,
            Gitlab,
            &[("user-agent", "GitHub-Hookshot/1a2b")],
            400,
            mismatch("gitlab", "github"),
            ErrorLayer::ProviderMismatch,
            StepKey::Provider,
        ),
    ];
    for (row, repository, endpoint, headers, status, body, layer, step) in cases {
        let (result, trace) = before(repository, endpoint, headers);
        let refusal = result.unwrap_err();
        assert_eq!((refusal.status, refusal.body(), refusal.layer), (status, body, layer), "{row}");
        let last = trace.steps().last().unwrap();
        let (expected, ended) = if status == 202 {
            (DeliveryResult::Skipped, StepStatus::Skipped)
        } else {
            (DeliveryResult::Rejected, StepStatus::Failed)
        };
        assert_eq!((refusal.result, last.key, last.status), (expected, step, ended), "{row}");
        assert_eq!(last.code.as_deref(), refusal.code, "{row}");
    }
}

#[test]
fn a_post_that_passes_rows_2_to_6_leaves_its_steps() {
    for (provider, headers) in [
        (Github, [("x-github-event", "push"), ("x-gitlab-event", "Push Hook")]),
        (Gitlab, [("x-gitlab-event", "Push Hook"), ("user-agent", "GitHub-Hookshot/1")]),
        (Github, [("accept", "*/*"), ("user-agent", "curl")]),
    ] {
        let (result, trace) = before(&repository(provider), provider, &headers);
        assert_eq!(result, Ok(()), "{}: the own event header settles it", "4.6/06");
        let keys: Vec<_> = trace.steps().iter().map(|step| step.key).collect();
        assert_eq!(keys, [StepKey::Repo, StepKey::RepoState, StepKey::Provider, StepKey::Scope]);
    }
}

fn github(full_name: &str, id: i64) -> Value {
    json!({"repository": {"full_name": full_name, "id": id, "html_url": format!("https://github.com/{full_name}"),
                          "default_branch": "trunk"}})
}

fn gitlab(path: &str, id: i64) -> Value {
    json!({"project": {"id": id, "path_with_namespace": path, "web_url": format!("https://git.example.com/{path}"),
                       "default_branch": "main"}})
}

fn named(provider: Provider, name: &str) -> Repository {
    Repository { name: name.to_owned(), ..repository(provider) }
}

fn registered(provider: Provider, id: &str, base: &str) -> Repository {
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Repository { external_id: filled(id), api_base_url: filled(base), ..repository(provider) }
}

#[test]
fn row_8_names_must_fit_while_there_is_no_id() {
    let nobody = json!({"repository": {"id": 7}});
    let cases = [
        ("4.6/08", named(Github, "acme/widgets"), github("acme/widgets", 7), None),
        ("4.6/08", named(Github, "/Acme/Widgets.git/"), github("acme/widgets", 7), None),
        ("4.6/08", named(Github, "acme/gadgets"), github("acme/widgets", 7), Some(("acme/gadgets", "acme/widgets"))),
        ("4.6/08", named(Github, "widgets"), github("acme/Widgets", 7), None),
        ("4.6/08", named(Github, "gadgets"), github("acme/widgets", 7), Some(("gadgets", "acme/widgets"))),
        ("4.6/08", named(Github, "Our gadgets"), github("acme/widgets", 7), None),
        (
            "4.6/08",
            named(Gitlab, "acme/widgets"),
            gitlab("acme/sub/widgets", 7),
            Some(("acme/widgets", "acme/sub/widgets")),
        ),
        ("4.6/08", named(Github, "gadgets"), nobody, None),
        (
            "4.6/08",
            Repository { external_id: Some("7".into()), ..named(Github, "gadgets") },
            github("acme/widgets", 7),
            None,
        ),
    ];
    for (row, repository, payload, expected) in cases {
        let mut trace = trace();
        let result = bind(&repository, &RepositoryState::default(), &payload, &mut trace);
        let Some((expected_name, actual_name)) = expected else {
            assert!(result.is_ok(), "{row} {}: {result:?}", repository.name);
            continue;
        };
        let refusal = result.unwrap_err();
        assert_eq!((refusal.status, refusal.layer), (409, ErrorLayer::NameBinding), "{row}");
        let body = json!({"error": "Webhook repository name mismatch", "code": "WEBHOOK_REPO_NAME_MISMATCH",
                          "expectedName": expected_name, "actualName": actual_name});
        assert_eq!(refusal.body(), body, "{row}");
        assert_eq!(trace.steps().last().unwrap().key, StepKey::NameBinding, "{row}");
    }
}

#[test]
fn rows_9_to_11_the_identity_must_be_the_registered_one() {
    let missing = json!({"error": "Webhook payload is missing repository identity", "code": "WEBHOOK_REPO_ID_MISSING"});
    let other = |expected: &str, actual: Value| {
        json!({"error": "Webhook repository mismatch", "code": "WEBHOOK_REPO_BINDING_MISMATCH",
               "expectedExternalId": expected, "actualExternalIds": actual})
    };
    let base = |expected: &str, actual: &str| {
        json!({"error": "Webhook apiBaseUrl mismatch", "code": "WEBHOOK_REPO_BASE_URL_MISMATCH",
               "expectedApiBaseUrl": expected, "actualApiBaseUrl": actual})
    };
    let renamed = Repository { external_aliases: vec!["7".into()], ..registered(Github, "acme/old", "") };
    let cases = [
        ("4.6/09", registered(Github, "", ""), json!({}), 400, Some(missing.clone())),
        ("4.6/09", registered(Gitlab, "7", ""), json!({"project": {"name": "x"}}), 400, Some(missing)),
        ("4.6/10", registered(Github, "acme/widgets", ""), github("acme/widgets", 7), 0, None),
        ("4.6/10", registered(Github, "Acme/Widgets", ""), github("acme/widgets", 7), 0, None),
        ("4.6/10", registered(Github, "7", ""), github("acme/widgets", 7), 0, None),
        (
            "4.6/10",
            registered(Github, "8", ""),
            github("acme/widgets", 7),
            409,
            Some(other("8", json!(["acme/widgets", "7"]))),
        ),
        ("4.6/10", renamed, github("acme/new", 7), 0, None),
        ("4.6/10", registered(Gitlab, "7", ""), gitlab("acme/widgets", 7), 0, None),
        ("4.6/10", registered(Gitlab, "7", ""), json!({"project_id": 7}), 0, None),
        ("4.6/10", registered(Gitlab, "acme/widgets", ""), gitlab("acme/widgets", 7), 0, None),
        ("4.6/10", registered(Gitlab, "8", ""), gitlab("acme/widgets", 7), 409, Some(other("8", json!(["7"])))),
        ("4.6/11", registered(Github, "7", "https://api.github.com/"), github("acme/widgets", 7), 0, None),
        (
            "4.6/11",
            registered(Github, "7", "https://ghe.example.com/api/v3"),
            github("acme/widgets", 7),
            409,
            Some(base("https://ghe.example.com/api/v3", "https://api.github.com")),
        ),
        ("4.6/11", registered(Gitlab, "7", "https://git.example.com/api/v4/"), gitlab("acme/widgets", 7), 0, None),
        (
            "4.6/11",
            registered(Gitlab, "7", "https://gitlab.com/api/v4"),
            gitlab("acme/widgets", 7),
            409,
            Some(base("https://gitlab.com", "https://git.example.com")),
        ),
        ("4.6/11", registered(Gitlab, "7", "https://gitlab.com"), json!({"project": {"id": 7}}), 0, None),
    ];
    for (row, repository, payload, status, body) in cases {
        let mut trace = trace();
        match (bind(&repository, &RepositoryState::default(), &payload, &mut trace), body) {
            (Ok(_), None) => {}
            (Err(refusal), Some(body)) => {
                assert_eq!((refusal.status, refusal.body()), (status, body), "{row}");
                assert_eq!(
                    (refusal.layer, refusal.result),
                    (ErrorLayer::RepoBinding, DeliveryResult::Rejected),
                    "{row}"
                );
                assert_eq!(trace.steps().last().unwrap().key, StepKey::RepoBinding, "{row}");
            }
            (result, expected) => panic!("{row}: {result:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn row_12_is_worded_for_storage() {
    let refusal = Refusal::bind_failed();
    assert_eq!((refusal.status, refusal.layer), (409, ErrorLayer::RepoBinding), "{}", "4.6/12");
    let body = json!({"error": "Failed to bind webhook to repository identity", "code": "WEBHOOK_BIND_FAILED"});
    assert_eq!(refusal.body(), body, "{}", "4.6/12");
}

#[test]
fn hydration_fills_only_what_is_empty() {
    let row = "4.6/hydrate";
    let branch = |name: &str| {
        vec![Branch { name: name.into(), note: Some("Default branch (auto-filled)".into()), is_default: true }]
    };
    let unverified = RepositoryState::default();
    let filled = |repository: &Repository, payload: &Value| {
        bind(repository, &unverified, payload, &mut trace()).unwrap().hydration
    };

    let fresh = filled(&repository(Github), &github("acme/widgets", 7)).unwrap();
    assert_eq!(fresh.external_id.as_deref(), Some("acme/widgets"), "{row}");
    assert_eq!(fresh.external_aliases, ["7"], "{row}");
    assert_eq!(fresh.api_base_url.as_deref(), Some("https://api.github.com"), "{row}");
    assert_eq!((fresh.branches.clone(), fresh.name.clone()), (Some(branch("trunk")), None), "{row}");
    assert!(fresh.binds_identity());

    let mut stored = repository(Github);
    fresh.apply(&mut stored);
    assert_eq!(filled(&stored, &github("acme/widgets", 7)), None, "{row}: nothing is left to fill in");
    assert_eq!(stored.branches, branch("trunk"), "{row}");

    let slug = filled(&named(Gitlab, "widgets"), &gitlab("acme/sub/widgets", 7)).unwrap();
    assert_eq!(slug.name.as_deref(), Some("acme/sub/widgets"), "{row}");
    assert_eq!((slug.external_id.as_deref(), slug.external_aliases.len()), (Some("7"), 0), "{row}");
    assert_eq!(slug.api_base_url.as_deref(), Some("https://git.example.com"), "{row}");
    let verified =
        RepositoryState { webhook_verified_at: Some(Timestamp::from_millisecond(1)), ..RepositoryState::default() };
    let later = bind(&named(Gitlab, "widgets"), &verified, &gitlab("acme/sub/widgets", 7), &mut trace()).unwrap();
    assert_eq!(later.hydration.unwrap().name, None, "{row}: once only");
    assert_eq!(filled(&named(Gitlab, "Our widgets"), &gitlab("acme/widgets", 7)).unwrap().name, None, "{row}");
    assert_eq!(filled(&named(Github, "widgets"), &github("acme/widgets", 7)).unwrap().name, None, "{row}");

    let by_number = filled(&registered(Github, "7", "https://api.github.com"), &github("acme/widgets", 7)).unwrap();
    assert_eq!(by_number.external_aliases, ["acme/widgets"], "{row}");
    assert!(by_number.external_id.is_none() && by_number.binds_identity(), "{row}: the registered id stays");
    let by_path = filled(&registered(Gitlab, "acme/widgets", ""), &gitlab("acme/widgets", 7)).unwrap();
    assert_eq!((by_path.external_id, by_path.external_aliases), (None, vec!["7".to_owned()]), "{row}");
}

#[test]
fn real_payloads_bind_a_fresh_repository() {
    // Hooks of a whole GitLab group speak of no project, or of one that is not ours.
    let of_project = |fixture: &fixtures::Fixture| {
        let payload = fixture.payload();
        fixture.event != "System Hook" && ["project", "repository"].iter().any(|name| payload.get(name).is_some())
    };
    for fixture in fixtures::all().into_iter().filter(of_project) {
        let bound =
            bind(&repository(fixture.provider), &RepositoryState::default(), &fixture.payload(), &mut trace()).unwrap();
        let hydration = bound.hydration.unwrap();
        let (id, base) = match fixture.provider {
            Gitlab => ("42", "https://gitlab.example.com"),
            Github | Git if fixture.event == "ping" => ("Octocoders/Hello-World", "https://api.github.com"),
            Github | Git => ("Codertocat/Hello-World", "https://api.github.com"),
        };
        assert_eq!(hydration.external_id.as_deref(), Some(id), "{}", fixture.name);
        assert_eq!(hydration.api_base_url.as_deref(), Some(base), "{}", fixture.name);
        assert!(hydration.branches.is_some(), "{}", fixture.name);
    }
}
