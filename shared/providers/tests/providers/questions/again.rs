//! What is asked a second time: conditionally where the answer is kept, never where a verdict is wanted, and not at all
//! before a provider wants to be called again.

use super::double::{Asked, Double, Said, access, target};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use repoplane_domain::robot::ModelProvider;
use repoplane_domain::secret::Secret;
use repoplane_providers::{ActivityPages, Fault};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PAGES: ActivityPages = ActivityPages { page_size: 5, commits: 1, merges: 1, issues: 1 };

/// A provider that gives everything a validator and says with a 304 that it has not changed.
fn validating(asked: &Asked) -> Said {
    let etag = format!("\"{}?{}\"", asked.path, asked.query);
    if asked.header("if-none-match") == etag {
        return Said::status(304, Value::Null).with("etag", &etag).with("x-ratelimit-remaining", "41");
    }
    let path = asked.path.trim_start_matches("/api/v4");
    let body = match path {
        "/user" => json!({"id": 41, "login": "robo", "username": "robo", "email": "robo@x.example"}),
        "/v1/models" => json!({"data": [{"id": "alpha"}]}),
        "/repos/acme/widgets" | "/repositories/7" | "/projects/acme%2Fwidgets" => json!({
            "id": 7, "full_name": "acme/widgets", "private": false, "html_url": "https://github.com/acme/widgets",
            "visibility": "public", "path_with_namespace": "acme/widgets",
        }),
        _ if path.contains("/members/") => json!({"id": 41, "username": "robo", "access_level": 40}),
        _lists => json!([]),
    };
    Said::ok(body).with("etag", &etag)
}

/// What can be asked twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Meta,
    Activity,
    Hooks,
    Models,
    Token,
    ModelKey,
}

/// Asks, and tells the answer as text.
async fn ask(double: &Double, question: Question, provider: Provider, identity: &str, access: &GitAccess) -> String {
    let base = double.url();
    let (target, providers) = (target(provider, &base, identity), &double.providers);
    let key = match access {
        GitAccess::Token { token, .. } => token.clone(),
        GitAccess::Anonymous | GitAccess::App(_) | GitAccess::Key(_) => Secret::new("none"),
    };
    let (models, base) = (ModelProvider::Codex, Some(base.as_str()));
    match question {
        Question::Meta => format!("{:?}", providers.meta(&target, access).await.unwrap().value),
        Question::Activity => format!("{:?}", providers.activity(&target, access, PAGES).await.unwrap().value),
        Question::Hooks => format!("{:?}", providers.list_hooks(&target, access).await.unwrap().value),
        Question::Models => format!("{:?}", providers.models(models, base, &key).await.unwrap().value),
        Question::Token => format!("{:?}", providers.test_access(&target, access).await.unwrap().value),
        Question::ModelKey => format!("{:?}", providers.check_model_key(models, base, &key).await.unwrap().value),
    }
}

#[tokio::test]
async fn facts_are_asked_for_conditionally_and_verdicts_afresh() {
    for (question, conditional) in [
        (Question::Meta, true),
        (Question::Activity, true),
        (Question::Hooks, true),
        (Question::Models, true),
        (Question::Token, false),
        (Question::ModelKey, false),
    ] {
        for (provider, identity) in
            [(Provider::Github, "acme/widgets"), (Provider::Github, "7"), (Provider::Gitlab, "acme/widgets")]
        {
            let double = Double::start(validating).await;
            let first = ask(&double, question, provider, identity, &access()).await;
            let calls = double.calls();
            let again = ask(&double, question, provider, identity, &access()).await;
            assert_eq!(again, first, "{question:?} {provider}");
            // The provider is called as often as before: nothing is answered from memory alone.
            let asked = double.asked().split_off(calls.len());
            assert_eq!(asked.len(), calls.len(), "{question:?} {provider}");
            for asked in asked {
                assert_eq!(!asked.header("if-none-match").is_empty(), conditional, "{question:?} {asked:?}");
            }
            // What one credential was told is of no use to another.
            let other = GitAccess::personal(Secret::new("glpat-another1example"));
            ask(&double, question, provider, identity, &other).await;
            let asked = double.asked().split_off(2 * calls.len());
            assert!(!asked.is_empty() && asked.iter().all(|asked| asked.header("if-none-match").is_empty()));
        }
    }
}

#[tokio::test]
async fn a_kept_answer_comes_with_the_new_rate_limit_and_hides_no_refusal() {
    let calls = Arc::new(AtomicUsize::new(0));
    let double = Double::start(move |asked| match calls.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => validating(asked),
        _later => Said::missing(),
    })
    .await;
    let base = double.url();
    let target = target(Provider::Github, &base, "acme/widgets");
    let first = double.providers.meta(&target, &access()).await.unwrap();
    let again = double.providers.meta(&target, &access()).await.unwrap();
    assert_eq!((first.rate_limit.remaining, again.rate_limit.remaining), (None, Some(41)));
    assert_eq!(first.value, again.value);
    let error = double.providers.meta(&target, &access()).await.unwrap_err();
    assert_eq!(error.fault(), Fault::NotFound);
}

#[tokio::test]
async fn a_pause_that_a_provider_asked_for_is_a_rate_limit_without_a_call() {
    let double = Double::start(|_| Said::status(429, json!({"message": "slow down"})).with("retry-after", "60")).await;
    let base = double.url();
    for identity in ["acme/widgets", "acme/gadgets"] {
        let error = double.providers.meta(&target(Provider::Github, &base, identity), &access()).await.unwrap_err();
        let Fault::RateLimited { retry_after: Some(pause) } = error.fault() else { panic!("{error}") };
        assert!(pause <= Duration::from_secs(60) && !pause.is_zero(), "{pause:?}");
        assert_eq!(error.rate_limit().retry_after, Some(pause));
        assert_eq!(double.calls().len(), 1, "{error}");
    }
}
