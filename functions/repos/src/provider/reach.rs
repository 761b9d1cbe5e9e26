//! Reaching a repository's provider: whose credential a call goes out with, and what the registry learns from how it ends.

use crate::Repos;
use repoplane_api::Problem;
use repoplane_api::problem::ProblemType;
use repoplane_api::query::QueryParams;
use repoplane_domain::access::Principal;
use repoplane_domain::credential::{AccessSource, GitAccess, Purpose, SecretEdit, TOKEN_NOT_FOR_HOST};
use repoplane_domain::input::{Field, Object};
use repoplane_domain::repository::{ConnectionAttempt, Repository, RepositoryState};
use repoplane_domain::time::Timestamp;
use repoplane_providers::{ProviderError, Providers, Target};
use repoplane_store::{DecisionSet, NoAccess};
use std::time::Duration;

/// 400 of 2.7 and 2.8 without anything to tell the provider which repository is meant.
const IDENTITY_REQUIRED: &str = "repo identity is required (externalId or name)";

/// Longest time of all that one request asks of a provider, in however many questions: the gateway hangs up after 30 s, and
/// what was learned has to be stored and answered before.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(24);

/// The words of `credentialSource`.
pub(crate) const SOURCES: [&str; 4] = ["user", "repo", "global", "anonymous"];

/// Which credential the caller chose: `credentialSource` and `credentialProfileId`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// `None` leaves it to the registry: the repository's own credential if there is one, else none.
    pub(crate) source: Option<AccessSource>,
    pub(crate) profile: Option<String>,
}

impl Choice {
    /// Reads the query as HookCode does: what it does not know is the default (contract: hookcode 2.7, 2.8).
    pub(crate) fn of_query(query: &QueryParams, default: AccessSource) -> Self {
        let filled = |name| query.get(name).map(str::trim).filter(|text: &&str| !text.is_empty());
        let source = filled("credentialSource").and_then(source_of).unwrap_or(default);
        Self { source: Some(source), profile: filled("credentialProfileId").map(str::to_owned) }
    }

    /// Reads a query of ours, strictly.
    pub(crate) fn of_strict_query(query: &QueryParams, errors: &mut repoplane_domain::error::FieldErrors) -> Self {
        let source = query.choice("credentialSource", errors, "user, repo, global or anonymous", source_of);
        Self { source, profile: query.text("credentialProfileId", errors) }
    }

    /// Reads a body's members, strictly; the caller finishes the object.
    pub(crate) fn of_body(object: &mut Object<'_, '_>) -> Self {
        let given = object.text("credentialSource");
        let source = match &given {
            Field::Value(text) => source_of(text.trim()),
            Field::Absent | Field::Null | Field::Invalid => None,
        };
        if matches!(given, Field::Value(_)) && source.is_none() {
            object.error("credentialSource", "credentialSource must be user, repo, global or anonymous");
        }
        let profile = object.text("credentialProfileId").value().filter(|id| !id.trim().is_empty());
        Self { source, profile }
    }
}

fn source_of(text: &str) -> Option<AccessSource> {
    match text {
        "user" => Some(AccessSource::User),
        "repo" => Some(AccessSource::Repo),
        "global" => Some(AccessSource::Global),
        "anonymous" => Some(AccessSource::Anonymous),
        _ => None,
    }
}

/// A repository's provider, reached with one credential.
#[derive(Debug)]
pub(crate) struct Reach {
    /// The providers as the tenant may call them.
    pub(crate) providers: Providers,
    /// How the call identifies itself.
    pub(crate) access: GitAccess,
    /// Whether that is the registry's own access to the repository.
    as_registry: bool,
}

impl Reach {
    /// Whether no authorization is sent.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.access == GitAccess::Anonymous
    }

    /// Remembers on the repository how a call ended, and says what is known then. That it could not be remembered does
    /// not fail the call.
    pub(crate) async fn note<T>(
        &self,
        repos: &Repos,
        set: &DecisionSet,
        ended: &Result<T, ProviderError>,
        at: Timestamp,
    ) -> RepositoryState {
        repos.app.store.remember_connection(set, &self.attempt(ended, at)).await
    }

    /// How a call ended, as the state of the connection has it.
    pub(crate) fn attempt<T>(&self, ended: &Result<T, ProviderError>, at: Timestamp) -> ConnectionAttempt {
        let failure = ended.as_ref().err().map(|error| error.connection_failure(self.is_anonymous()));
        ConnectionAttempt { as_registry: self.as_registry, failure, at }
    }
}

impl Repos {
    /// Finds the credential that was chosen; `None` when its source has no token (contract: hookcode 2.7).
    pub(crate) async fn reach(
        &self,
        set: &DecisionSet,
        principal: &Principal,
        choice: &Choice,
        purpose: Purpose,
    ) -> Result<Option<Reach>, Problem> {
        self.reach_with(set, &[], principal, choice, purpose).await
    }

    /// The same for a repository as it would be after a change: values that the change would store are used as if they
    /// were stored already.
    pub(crate) async fn reach_with(
        &self,
        set: &DecisionSet,
        edits: &[SecretEdit],
        principal: &Principal,
        choice: &Choice,
        purpose: Purpose,
    ) -> Result<Option<Reach>, Problem> {
        let store = &self.app.store;
        let profile = choice.profile.as_deref();
        let ask = |source| store.git_access_with(set, edits, principal, source, profile, purpose);
        let found = match choice.source {
            Some(source) => known(ask(source).await?)?.map(|access| (source, access)),
            None => match known(ask(AccessSource::Repo).await?)? {
                Some(access) => Some((AccessSource::Repo, access)),
                // A profile that was named and is not there must not end in a call without one.
                None if profile.is_some() => None,
                None => Some((AccessSource::Anonymous, GitAccess::Anonymous)),
            },
        };
        let Some((source, access)) = found else { return Ok(None) };
        let as_registry = match source {
            AccessSource::Repo | AccessSource::Global => true,
            AccessSource::User => false,
            // Without any credential of its own, calling without one is how the registry reaches the repository.
            AccessSource::Anonymous => choice.source.is_none() || !store.has_git_token(set).await?,
        };
        let providers = self.providers.for_tenant(&store.network_of(set.repository.tenant).await?);
        let providers = providers.trusting(&store.trust_for(&set.repository).await?);
        Ok(Some(Reach { providers, access, as_registry }))
    }

    /// What an answer about a repository is kept under: everything that it depends on.
    pub(crate) fn key_of(&self, set: &DecisionSet, principal: &Principal, choice: &Choice, rest: &str) -> String {
        let user = matches!(choice.source, Some(AccessSource::User)).then_some(principal.user);
        let versions = (set.repository.version, set.credentials.version);
        format!("{} {versions:?} {:?} {:?} {user:?} {rest}", set.repository.id, choice.source, choice.profile)
    }
}

/// The access of a source; `None` when it has no token.
///
/// # Errors
/// 400 when it has one that must not be sent to where the call goes.
pub(crate) fn known(access: Result<GitAccess, NoAccess>) -> Result<Option<GitAccess>, Problem> {
    match access {
        Ok(access) => Ok(Some(access)),
        Err(NoAccess::NoToken) => Ok(None),
        // Callers name no credentials of the vault: syncs alone use them.
        Err(NoAccess::Unusable(reason)) => Err(Problem::new(ProblemType::ValidationFailed, reason)),
        Err(NoAccess::NotForHost) => {
            let problem = Problem::new(ProblemType::ValidationFailed, TOKEN_NOT_FOR_HOST);
            Err(problem.with_code("REPO_PROVIDER_TOKEN_NOT_FOR_HOST"))
        }
    }
}

/// Ends what asks a provider several times with 502 after [`REQUEST_TIMEOUT`]. What the provider has done by then stands: the
/// same request again finds it.
pub(crate) async fn in_time<T, E: From<Problem>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    tokio::time::timeout(REQUEST_TIMEOUT, work).await.unwrap_or_else(|_| {
        let text = "the provider did not answer all that was asked in time";
        Err(Problem::new(ProblemType::ProviderUnavailable, text).with_code("REPO_PROVIDER_UNAVAILABLE").into())
    })
}

/// How the provider is told which repository is meant.
///
/// # Errors
/// 400 when neither external id nor name says it.
pub(crate) fn target_of(repository: &Repository) -> Result<Target<'_>, Problem> {
    let identity = repository.provider_identity();
    let identity = identity.ok_or_else(|| Problem::new(ProblemType::ValidationFailed, IDENTITY_REQUIRED))?;
    Ok(Target {
        provider: repository.provider,
        api_base_url: repository.api_base_url.as_deref(),
        identity,
        remote_url: repository.remote_url.as_deref(),
    })
}

/// 400 of 2.7 and 2.8 when the chosen source has no token. `what` is what was to be fetched.
pub(crate) fn token_required(what: &str) -> Problem {
    let text = format!("repo provider token is required to fetch {what}");
    Problem::new(ProblemType::ValidationFailed, text).with_code("REPO_PROVIDER_TOKEN_REQUIRED")
}
