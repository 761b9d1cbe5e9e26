//! The keys by which packages are signed: set by who administers the platform, read by the machines that sign
//! (contract: abf 4.11, 4.14).

use super::problems::{not_done, refused};
use super::{Call, Found, view};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use repoplane_api::answer::entity_tag;
use repoplane_api::{Answer, App, Problem};
use repoplane_domain::access::Right;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::AuditId;
use repoplane_domain::platform::BuildAction;
use repoplane_domain::signing::{KeyFault, SentKeys, SigningKey};
use repoplane_store::{Author, DecisionSet, Plan};
use serde_json::json;

const NOT_UPDATED: &str = "Signatures have not been updated for repository";

fn faulty(faults: &[KeyFault]) -> Problem {
    let parts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    refused(&format!("{NOT_UPDATED}. {}", parts.join(". ")))
}

/// `abf_update_signatures`: the pair is looked into before anything of the old one is touched.
pub(super) async fn update(State(app): State<App>, call: Call) -> Result<Answer, Problem> {
    let found = Found::of(&app, &call, |_| BuildAction::Sign).await?;
    let (number, now) = (found.number(), app.now());
    let params = call.params()?;
    let keys = SentKeys::read(params.plain("public"), params.plain("secret")).map_err(|faults| faulty(&faults))?;
    let key_id = repoplane_signing::check(&keys).map_err(|faults| faulty(&faults))?;
    let signing = SigningKey { key_id, user: call.principal.user, set_at: now };
    let plan = |set: &DecisionSet| {
        let mut record = set.repository.clone();
        let build = record.build.as_mut().ok_or(DomainError::NotFound(Kind::Repository))?;
        build.signing = Some(signing.clone());
        (record.updated_at, record.version) = (now, record.version + 1);
        let audit = AuditId::new(now, app.store.ids());
        let entry = AuditEntry::by(&call.principal, audit, AuditAction::RepoSignaturesUpdated, record.id, now);
        let entry = entry.on(record.id).with(json!({"keyId": signing.key_id}));
        let secrets = keys.clone().edits();
        Ok(Plan { repository: Some(record), secrets, audit: vec![entry], ..Plan::nothing(()) })
    };
    let author = Author { principal: &call.principal, right: Right::Granted, now };
    let changed = app.store.change(author, found.set, plan).await;
    changed.map_err(|error| not_done(error.into(), NOT_UPDATED))?;
    Ok(Answer::ok(view::done(number, "Signatures have been updated for repository successfully")))
}

/// The pair as it is shown: empty texts while there is none.
async fn keys_of(app: &App, call: &Call) -> Result<(Found, Option<SentKeys>), Problem> {
    let found = Found::of(app, call, |_| BuildAction::ReadKeys).await?;
    let keys = app.store.signing_keys(&found.set).await?;
    Ok((found, keys))
}

/// `abf_get_key_pair`. The one answer of this API that shows a secret: nobody keeps it on the way.
pub(super) async fn key_pair(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let (found, keys) = keys_of(&app, &call).await?;
    let half = |half: fn(&SentKeys) -> &str| keys.as_ref().map(half).unwrap_or_default();
    let number = found.number();
    let body = json!({"repository": {
        "id": number,
        "name": found.set.repository.name,
        "url": format!("/api/v1/repositories/{number}.json"),
        "key_pair": {"public": half(|keys| keys.public.expose()), "secret": half(|keys| keys.secret.expose())},
    }});
    Ok(unkept("application/json", body.to_string()))
}

/// `abf_get_public_key`.
pub(super) async fn public_key(State(app): State<App>, call: Call) -> Result<Response, Problem> {
    let (_, keys) = keys_of(&app, &call).await?;
    let lines = |keys: SentKeys| format!("{}\n", keys.public.expose().replace("\r\n", "\n").trim_end_matches('\n'));
    Ok(unkept("text/plain; charset=utf-8", keys.map(lines).unwrap_or_default()))
}

fn unkept(media_type: &'static str, text: String) -> Response {
    let tag = HeaderValue::from_str(&entity_tag(None, text.as_bytes())).unwrap_or(HeaderValue::from_static("\"\""));
    let headers = [
        (header::ETAG, tag),
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, text).into_response()
}
