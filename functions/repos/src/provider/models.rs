//! `repos_list_model_provider_models` (contract: hookcode 2.11).

use super::fault::retry_later;
use super::warm::Told;
use crate::Repos;
use axum::extract::State;
use repoplane_api::access::{ManageArchived, Repo};
use repoplane_api::idempotency::{Failed, keep_unchanged};
use repoplane_api::problem::ProblemType;
use repoplane_api::{Answer, PostedBody, Problem, answer_once};
use repoplane_domain::credential::{AccessSource, MAX_API_BASE_URL_BYTES, MAX_SECRET_BYTES, http_base_url};
use repoplane_domain::error::{DomainError, FieldErrors};
use repoplane_domain::input::{Field, Object};
use repoplane_domain::robot::ModelProvider;
use repoplane_domain::secret::{Secret, sha256_hex};
use repoplane_providers::{Fault, ModelSource, ProviderError, RateLimit};
use repoplane_store::{KeptAnswer, ModelAccess};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a list is believed (contract: hookcode 2.11).
pub(crate) const LIFE: Duration = Duration::from_secs(10 * 60);
/// Lists in memory.
pub(crate) const ENTRIES: u64 = 300;
/// Digits of the key's hash that tell lists apart (contract: hookcode 2.11).
const KEY_DIGITS: usize = 16;

/// A checked body.
#[derive(Debug)]
struct Question {
    provider: ModelProvider,
    profile: Option<String>,
    key: Option<Secret>,
    base: Option<String>,
    force_refresh: bool,
}

impl Question {
    /// # Errors
    /// 400 with every wrong field; texts of 2.11.
    fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let given = object.text("provider");
        let provider = match &given {
            Field::Value(text) if text.trim().is_empty() => Some(ModelProvider::Codex),
            Field::Value(text) => ModelProvider::parse(text.trim()),
            Field::Absent | Field::Null | Field::Invalid => None,
        };
        if provider.is_none() && given != Field::Invalid {
            object.error("provider", "provider must be codex, claude_code, or gemini_cli");
        }
        let filled = |text: &String| !text.trim().is_empty();
        let profile = object.text("profileId").value().filter(filled);
        let force_refresh = object.boolean("forceRefresh").value().unwrap_or_default();
        let (mut key, mut base) = (None, None);
        if let Field::Value(value) = object.object("credential") {
            let mut credential = object.nested("credential", value);
            key = credential.line("apiKey", MAX_SECRET_BYTES).value().map(Secret::new);
            let given = credential.line("apiBaseUrl", MAX_API_BASE_URL_BYTES).value();
            base = given.as_deref().and_then(http_base_url);
            if given.is_some() && base.is_none() {
                credential.error("apiBaseUrl", "must be an http or https address without blanks and user info");
            }
            credential.ignore(&["remark"]);
            credential.finish();
        }
        object.finish();
        errors.into_result(Self {
            provider: provider.unwrap_or(ModelProvider::Codex),
            profile,
            key,
            base,
            force_refresh,
        })
    }
}

/// `repos_list_model_provider_models`. Not blocked by the archive: it changes nothing.
pub(crate) async fn list(
    State(repos): State<Repos>,
    repo: Repo<ManageArchived>,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    let once = posted.once(&repo.principal);
    let run = async {
        let question = Question::read(&posted.body)?;
        let (base, key) = credential(&repos, &repo, &question).await?;
        let digits: String = sha256_hex(key.expose().as_bytes()).chars().take(KEY_DIGITS).collect();
        let tenant = repo.set.repository.tenant;
        let known = format!("{tenant} {} {} {digits}", question.provider, base.as_deref().unwrap_or_default());
        if question.force_refresh {
            repos.models.forget(&known).await;
        }
        let ask = async {
            let network = repos.app.store.network_of(tenant).await?;
            let providers = repos.providers.for_tenant(&network);
            let listed = providers.models(question.provider, base.as_deref(), &key).await;
            let listed = listed.map_err(|error| problem_of(&error))?.value;
            let source = match listed.source {
                ModelSource::Remote => "remote",
                ModelSource::Fallback => "fallback",
            };
            Ok(Told { body: json!({"models": listed.models, "source": source}), rate_limit: RateLimit::default() })
        };
        let (told, _) = repos.models.get(known, ask).await?;
        keep_unchanged(&repos.app, once.as_ref(), KeptAnswer::ok(told.body)).await
    };
    answer_once(&repos.app, once.as_ref(), run).await
}

/// The key to ask with, and the address: the inline key, else the profile that is named, else the repository's, the
/// caller's or the tenant's first (contract: hookcode 2.11).
async fn credential(
    repos: &Repos,
    repo: &Repo<ManageArchived>,
    question: &Question,
) -> Result<(Option<String>, Secret), Failed> {
    let (store, set) = (&repos.app.store, &repo.set);
    let provider = question.provider;
    if let Some(profile) = question.profile.as_deref()
        && set.credentials.profiles.model_provider.get(&provider).is_none_or(|known| known.get(profile).is_none())
    {
        let text = "profileId does not exist in repo-scoped credentials";
        return Err(coded("/profileId", "MODEL_PROFILE_NOT_FOUND", text).into());
    }
    if let Some(key) = &question.key {
        let stored = question.profile.as_deref();
        let profile = stored.and_then(|id| set.credentials.profiles.pick_model(provider, Some(id)));
        let base = question.base.clone().or_else(|| profile.and_then(|profile| profile.api_base_url.clone()));
        return Ok((base, key.clone()));
    }
    let named = question.profile.as_deref();
    // A named profile is the only place to look; without one each store is asked in turn.
    let sources: &[AccessSource] = match named {
        Some(_) => &[AccessSource::Repo],
        None => &[AccessSource::Repo, AccessSource::User, AccessSource::Global],
    };
    for source in sources {
        let Some(found) = store.model_access(set, &repo.principal, *source, provider, named).await? else { continue };
        let ModelAccess { api_base_url: base, key } = found;
        // An address of the caller's choice gets no key that is not theirs to give away.
        if *source == AccessSource::Global && question.base.is_some() && question.base != base {
            let text = "credential.apiBaseUrl needs credential.apiKey beside it: the tenant's key goes to its own address only";
            return Err(DomainError::invalid("/credential/apiBaseUrl", text).into());
        }
        return Ok((question.base.clone().or(base), key));
    }
    Err(coded("/credential/apiKey", "MODEL_API_KEY_REQUIRED", "credential.apiKey is required").into())
}

fn coded(pointer: &str, code: &str, text: &str) -> DomainError {
    let mut errors = FieldErrors::new();
    errors.push_coded(pointer, code, text, None);
    DomainError::Invalid(errors)
}

/// From a failed call to what the caller is told (contract: hookcode 2.11; never 500).
fn problem_of(error: &ProviderError) -> Problem {
    let invalid = |text: &str, code| Problem::new(ProblemType::ValidationFailed, text).with_code(code);
    let text = error.connection_failure(false).message;
    const INVALID_KEY: &str = "Model provider API key is invalid or unauthorized";
    if matches!(error, ProviderError::ModelKeyInvalid(_)) {
        return invalid(INVALID_KEY, "MODEL_API_KEY_INVALID");
    }
    match error.fault() {
        Fault::TokenRejected { .. } | Fault::Forbidden => invalid(INVALID_KEY, "MODEL_API_KEY_INVALID"),
        Fault::AddressRefused | Fault::Untrusted | Fault::Unusable => invalid(&text, "MODEL_PROVIDER_ADDRESS_REFUSED"),
        Fault::RateLimited { retry_after } => {
            let problem = Problem::new(ProblemType::ProviderRateLimited, text);
            retry_later(problem.with_code("MODEL_PROVIDER_RATE_LIMITED"), retry_after)
        }
        Fault::NotFound
        | Fault::NoBranch
        | Fault::NoCommits
        | Fault::Moved
        | Fault::TooLarge
        | Fault::Refused { .. }
        | Fault::Unavailable
        | Fault::BadAnswer => {
            Problem::new(ProblemType::ProviderUnavailable, text).with_code("MODEL_PROVIDER_UNAVAILABLE")
        }
    }
}
