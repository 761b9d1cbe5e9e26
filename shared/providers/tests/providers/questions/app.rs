//! GitHub Apps: the claim, the exchange, and how long its token is kept.

use super::double::{Asked, Double, Said, target};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use repoplane_domain::credential::{GitAccess, GithubApp};
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use repoplane_domain::time::Timestamp;
use repoplane_providers::Fault;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Made for this run; making one takes a while.
static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

fn pem() -> String {
    let der: Pkcs8V1Der<'_> = KEY.as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// The access of an installation of an app.
pub(crate) fn access(installation_id: u64) -> GitAccess {
    GitAccess::App(GithubApp { app_id: 271_828, installation_id, private_key: Secret::new(pem()) })
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Checks the claim as GitHub does.
fn is_the_app(asked: &Asked) -> bool {
    let claim = asked.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.validate_exp = true;
    rules.set_issuer(&["271828"]);
    let key = DecodingKey::from_rsa_der(KEY.public_key().as_ref());
    let Ok(claim) = decode::<Value>(claim, &key, &rules) else { return false };
    let time = |name: &str| claim.claims[name].as_u64().unwrap();
    time("iat") <= now() && time("exp") <= now() + 600
}

/// An installation whose n-th token is `ghs_n`, good for `lives`; `good` is the one that calls are answered to.
fn installation(lives: Duration, good: usize) -> impl Fn(&Asked) -> Said + Clone {
    let made = Arc::new(AtomicUsize::new(0));
    move |asked| match asked.call().as_str() {
        "POST /app/installations/5/access_tokens" if is_the_app(asked) => {
            let number = made.fetch_add(1, Ordering::Relaxed) + 1;
            let expires_at = Timestamp::from_second(now().cast_signed()).plus(lives);
            Said::status(
                201,
                json!({
                    "token": format!("ghs_{number}"), "expires_at": expires_at, "repository_selection": "all",
                    "permissions": {"contents": "write", "metadata": "read"},
                }),
            )
        }
        "GET /app" if is_the_app(asked) => Said::ok(json!({"id": 271_828, "slug": "widget-app", "name": "Widget App"})),
        _other if asked.header("authorization") != format!("Bearer ghs_{good}") => {
            Said::status(401, json!({"message": format!("Bad credentials: {}", asked.header("authorization"))}))
        }
        "GET /users/widget-app%5Bbot%5D" => Said::ok(json!({"login": "widget-app[bot]", "id": 41, "type": "Bot"})),
        "GET /repos/acme/widgets" => Said::ok(json!({
            "id": 7, "full_name": "acme/widgets", "private": true, "html_url": "https://github.com/acme/widgets",
        })),
        "GET /installation/repositories" => Said::ok(json!({"total_count": 2, "repositories": [
            {"id": 7, "full_name": "acme/widgets", "private": true, "html_url": "https://github.com/acme/widgets"},
            {"id": 8, "full_name": "other/widgets", "private": true, "html_url": "https://github.com/other/widgets"},
        ]})),
        _other => Said::missing(),
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

fn exchanges(double: &Double) -> usize {
    double.calls().iter().filter(|call| call.ends_with("/access_tokens")).count()
}

#[tokio::test]
async fn an_app_has_the_account_of_its_bot() {
    let double = Double::start(installation(HOUR, 1)).await;
    let base = double.url();
    let report = double.providers.test_access(&target(Provider::Github, &base, "acme/widgets"), &access(5)).await;
    let report = report.unwrap().value;
    let account = serde_json::to_value(&report.account).unwrap();
    assert_eq!(account["repoTokenUserId"], "41");
    assert_eq!(account["repoTokenUsername"], "widget-app[bot]");
    assert_eq!(account["repoTokenUserName"], "Widget App");
    assert_eq!(account["repoTokenUserEmail"], "41+widget-app[bot]@users.noreply.github.com");
    assert_eq!((account["repoTokenRepoRole"].as_str(), report.can_write), (Some("write"), true));
    assert_eq!(exchanges(&double), 1);
}

#[tokio::test]
async fn a_token_is_shared_until_shortly_before_its_end() {
    for (lives, expected) in [(HOUR, 1), (Duration::from_secs(200), 3)] {
        let double = Double::start(move |asked| {
            let answer = installation(lives, 1);
            answer(asked)
        })
        .await;
        let base = double.url();
        let (target, access) = (target(Provider::Github, &base, "acme/widgets"), access(5));
        let meta = || async { double.providers.meta(&target, &access).await.unwrap() };
        // Who asks at the same time shares one exchange; clones of the client share what it learned.
        let clone = double.providers.clone();
        if lives == HOUR {
            tokio::join!(meta(), meta(), meta());
        } else {
            meta().await;
            meta().await;
        }
        clone.meta(&target, &access).await.unwrap();
        assert_eq!(exchanges(&double), expected, "{lives:?}");
    }
}

#[tokio::test]
async fn a_kept_token_that_is_refused_is_replaced_once() {
    let double = Double::start(installation(HOUR, 2)).await;
    let base = double.url();
    let (target, access) = (target(Provider::Github, &base, "acme/widgets"), access(5));
    // A new token that is refused is not tried again.
    let error = double.providers.meta(&target, &access).await.unwrap_err();
    assert_eq!(error.fault(), Fault::TokenRejected { missing_scopes: vec![] });
    assert!(!error.to_string().contains("ghs_1"), "{error}");
    assert_eq!(exchanges(&double), 1);
    // One that was kept is.
    double.providers.meta(&target, &access).await.unwrap();
    double.providers.meta(&target, &access).await.unwrap();
    assert_eq!(exchanges(&double), 2);
}

#[tokio::test]
async fn a_key_that_is_none_is_named_and_never_shown() {
    let double = Double::start(installation(HOUR, 1)).await;
    let base = double.url();
    let target = target(Provider::Github, &base, "acme/widgets");
    let pem = pem();
    let middle = &pem[200..240];
    let cut = pem.replace(middle, "");
    for key in ["", "hunter2", "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----", &cut] {
        let private_key = Secret::new(key);
        let access = GitAccess::App(GithubApp { app_id: 271_828, installation_id: 5, private_key });
        let error = double.providers.meta(&target, &access).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Unusable);
        assert!(error.to_string().contains("private key is not an RSA key in PEM form"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    assert!(double.calls().is_empty());
}

#[tokio::test]
async fn an_installation_that_is_not_there_is_the_credentials_fault() {
    let double = Double::start(installation(HOUR, 1)).await;
    let base = double.url();
    let error = double.providers.meta(&target(Provider::Github, &base, "acme/widgets"), &access(6)).await.unwrap_err();
    assert_eq!(error.fault(), Fault::TokenRejected { missing_scopes: vec![] });
    // GitLab knows no apps.
    let error = double.providers.meta(&target(Provider::Gitlab, &base, "acme/widgets"), &access(5)).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Unusable);
}

#[tokio::test]
async fn an_installation_lists_what_it_was_given() {
    let double = Double::start(installation(HOUR, 1)).await;
    let base = double.url();
    for (owner, expected) in [(None, vec![7, 8]), (Some("ACME"), vec![7]), (Some("nobody"), vec![])] {
        let page = double.providers.list_repositories(Provider::Github, Some(&base), &access(5), owner, None).await;
        let ids: Vec<_> = page.unwrap().value.items.iter().map(|repository| repository.identity.id).collect();
        assert_eq!(ids, expected, "{owner:?}");
    }
}
