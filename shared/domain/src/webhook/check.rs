//! The checks around a post's verification (contract: hookcode 4.6): rows 2–6 before it, rows 8–11 after it.

use super::headers::Incoming;
use super::identity::{Described, comparable_base, last_part, normal_name};
use super::refusal::Refusal;
use super::trace::TraceLog;
use crate::delivery::{ErrorLayer, StepKey};
use crate::repository::{Branch, Provider, Repository, RepositoryState};
use serde_json::Value;

/// Note of a branch that was filled in from a payload.
const AUTO_FILLED: &str = "Default branch (auto-filled)";
/// Longest path of a repository that is filled in.
const MAX_NAME_BYTES: usize = 255;

/// Rows 2–6: may this repository be posted to, at this endpoint, by this kind of hook? Nothing is known of the sender
/// yet, so what ends here is an unverified record.
///
/// # Errors
/// The row's answer.
pub fn pre_check(repository: &Repository, incoming: &Incoming<'_>, trace: &mut TraceLog) -> Result<(), Refusal> {
    trace.success(StepKey::Repo, None);
    check_state(repository, trace)?;
    check_endpoint(repository.provider, incoming, ":repoId", trace)
}

/// Rows 2 and 3: does this repository take webhooks now?
///
/// # Errors
/// The row's answer.
pub fn check_state(repository: &Repository, trace: &mut TraceLog) -> Result<(), Refusal> {
    let state = if repository.archived_at.is_some() {
        Err(Refusal::skipped(ErrorLayer::RepoState, "repo archived"))
    } else if !repository.enabled {
        Err(Refusal::skipped(ErrorLayer::RepoState, "repo disabled"))
    } else {
        Ok(())
    };
    ended(state, StepKey::RepoState, trace)?;
    trace.success(StepKey::RepoState, None);
    Ok(())
}

/// Rows 4–6: is this endpoint one for the provider, and the post of a kind that it takes? `place` is what stands behind
/// the provider's name in the path.
///
/// # Errors
/// The row's answer.
pub(super) fn check_endpoint(
    provider: Provider,
    incoming: &Incoming<'_>,
    place: &str,
    trace: &mut TraceLog,
) -> Result<(), Refusal> {
    if provider != incoming.endpoint {
        let refusal = Refusal::rejected(400, ErrorLayer::ProviderMismatch, None, "Repo provider mismatch");
        return ended(Err(refusal), StepKey::Provider, trace);
    }
    if incoming.endpoint == Provider::Gitlab && incoming.event_name().eq_ignore_ascii_case("system hook") {
        trace.success(StepKey::Provider, None);
        let text = "System hooks are not supported; please configure a project webhook";
        let refusal = Refusal::rejected(400, ErrorLayer::ScopeValidation, Some("WEBHOOK_SCOPE_NOT_SUPPORTED"), text);
        return ended(Err(refusal), StepKey::Scope, trace);
    }
    ended(other_provider(incoming, place), StepKey::Provider, trace)?;
    trace.success(StepKey::Provider, None);
    trace.success(StepKey::Scope, None);
    Ok(())
}

pub(super) fn ended(result: Result<(), Refusal>, key: StepKey, trace: &mut TraceLog) -> Result<(), Refusal> {
    if let Err(refusal) = &result {
        trace.refused(key, refusal);
    }
    result
}

/// Row 6: a hook of the other provider was pointed here. Said before verification, because "missing signature" would
/// send its owner on the wrong track.
fn other_provider(incoming: &Incoming<'_>, place: &str) -> Result<(), Refusal> {
    if !incoming.event_name().is_empty() {
        return Ok(());
    }
    let (expected, detected, looks_foreign) = match incoming.endpoint {
        Provider::Github => (Provider::Github, Provider::Gitlab, incoming.headers.looks_like_gitlab()),
        Provider::Gitlab => (Provider::Gitlab, Provider::Github, incoming.headers.looks_like_github()),
        Provider::Git => return Ok(()),
    };
    if !looks_foreign {
        return Ok(());
    }
    let code = Some("WEBHOOK_PROVIDER_MISMATCH");
    Err(Refusal::rejected(400, ErrorLayer::ProviderMismatch, code, "Webhook provider mismatch")
        .because(format!("{detected} webhook headers detected on {expected} endpoint"))
        .with("expectedProvider", expected.as_str())
        .with("detectedProvider", detected.as_str())
        .with("hint", format!("/api/webhook/{detected}/{place}")))
}

/// A verified payload belongs to the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// What the payload may fill in; `None` when everything is there.
    pub hydration: Option<Hydration>,
}

/// What a payload fills in on the record: only what is empty, except that with the first verified post GitLab's slug
/// becomes the full path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hydration {
    /// New name (GitLab: full path instead of its last part). It may be taken: then storage keeps the old one.
    pub name: Option<String>,
    /// GitHub's full name, GitLab's project id.
    pub external_id: Option<String>,
    /// Other forms of the id, so that the repository is found by either.
    pub external_aliases: Vec<String>,
    /// GitHub's REST base, GitLab's site root.
    pub api_base_url: Option<String>,
    /// The default branch.
    pub branches: Option<Vec<Branch>>,
}

impl Hydration {
    /// Whether the identity is touched: then a failure to store it is row 12; otherwise it is only a pity.
    pub fn binds_identity(&self) -> bool {
        self.external_id.is_some() || self.api_base_url.is_some() || !self.external_aliases.is_empty()
    }

    /// Puts it on the record.
    pub fn apply(&self, repository: &mut Repository) {
        if let Some(name) = &self.name {
            repository.name.clone_from(name);
        }
        if self.external_id.is_some() {
            repository.external_id.clone_from(&self.external_id);
        }
        if self.api_base_url.is_some() {
            repository.api_base_url.clone_from(&self.api_base_url);
        }
        if !self.external_aliases.is_empty() {
            repository.external_aliases.clone_from(&self.external_aliases);
        }
        if let Some(branches) = &self.branches {
            repository.branches.clone_from(branches);
        }
    }

    fn of(repository: &Repository, state: &RepositoryState, described: &Described) -> Self {
        let external_id = repository.external_id.clone().filter(|id| !id.trim().is_empty());
        let effective = external_id.as_ref().or(described.external_ids.first());
        let aliases =
            described.external_ids.iter().filter(|id| !effective.is_some_and(|own| own.eq_ignore_ascii_case(id)));
        let default_branch = described.default_branch.as_ref().filter(|name| name.len() <= MAX_NAME_BYTES);
        Self {
            // Once only: later the slug is its owner's choice, or the full path is taken.
            name: state.webhook_verified_at.is_none().then(|| full_path(repository, described)).flatten(),
            external_aliases: if repository.external_aliases.is_empty() {
                aliases.cloned().collect()
            } else {
                Vec::new()
            },
            external_id: external_id.is_none().then(|| described.external_ids.first().cloned()).flatten(),
            api_base_url: match repository.api_base_url.as_deref().map(str::trim) {
                None | Some("") => described.api_base_url.clone(),
                Some(_) => None,
            },
            branches: default_branch
                .filter(|_| repository.branches.is_empty())
                .map(|name| vec![Branch { name: name.clone(), note: Some(AUTO_FILLED.to_owned()), is_default: true }]),
        }
    }
}

fn full_path(repository: &Repository, described: &Described) -> Option<String> {
    let path = described.path.as_ref().filter(|path| path.contains('/') && path.len() <= MAX_NAME_BYTES)?;
    // The repositories of a product are called there as their projects' paths are.
    if repository.product.is_some() {
        return None;
    }
    let is_slug = repository.provider == Provider::Gitlab && last_part(path) == normal_name(&repository.name);
    is_slug.then(|| path.clone())
}

/// Rows 8–11: the payload must speak of this repository.
///
/// Row 12 arises in storage, when another repository has claimed the identity: see [`Refusal::bind_failed`].
///
/// # Errors
/// The row's answer.
pub fn bind(
    repository: &Repository,
    state: &RepositoryState,
    payload: &Value,
    trace: &mut TraceLog,
) -> Result<Binding, Refusal> {
    let described = Described::read(repository.provider, payload);
    ended(name_binding(repository, &described), StepKey::NameBinding, trace)?;
    trace.success(StepKey::NameBinding, None);
    ended(repo_binding(repository, &described), StepKey::RepoBinding, trace)?;
    trace.success(StepKey::RepoBinding, None);
    let hydration = Hydration::of(repository, state, &described);
    Ok(Binding { hydration: (hydration != Hydration::default()).then_some(hydration) })
}

/// Row 8, only while there is no id to compare: a path must be the payload's path, a slug its last part; other names
/// are free text and say nothing.
fn name_binding(repository: &Repository, described: &Described) -> Result<(), Refusal> {
    let has_id = repository.external_id.as_deref().is_some_and(|id| !id.trim().is_empty());
    let expected = normal_name(&repository.name);
    let Some(actual) = described.path.as_deref().filter(|path| !path.is_empty()) else { return Ok(()) };
    let slug_like = expected.starts_with(|c: char| c.is_ascii_alphanumeric())
        && expected.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    let fits = if has_id {
        true
    } else if expected.contains('/') {
        expected.eq_ignore_ascii_case(actual)
    } else {
        !(slug_like && actual.contains('/')) || last_part(actual).eq_ignore_ascii_case(&expected)
    };
    if fits {
        return Ok(());
    }
    let code = Some("WEBHOOK_REPO_NAME_MISMATCH");
    Err(Refusal::rejected(409, ErrorLayer::NameBinding, code, "Webhook repository name mismatch")
        .with("expectedName", expected)
        .with("actualName", actual))
}

fn repo_binding(repository: &Repository, described: &Described) -> Result<(), Refusal> {
    if described.external_ids.is_empty() {
        return Err(Refusal::identity_missing());
    }
    if let Some(expected) = repository.external_id.as_deref().map(str::trim).filter(|id| !id.is_empty()) {
        // An alias is as good: a renamed repository keeps its number.
        let known = described.is(expected) || repository.external_aliases.iter().any(|alias| described.is(alias));
        if !known {
            let code = Some("WEBHOOK_REPO_BINDING_MISMATCH");
            return Err(Refusal::rejected(409, ErrorLayer::RepoBinding, code, "Webhook repository mismatch")
                .with("expectedExternalId", expected)
                .with("actualExternalIds", described.external_ids.clone()));
        }
    }
    let compare = |base: &str| comparable_base(repository.provider, base);
    let expected = repository.api_base_url.as_deref().map(compare).filter(|base| !base.is_empty());
    let actual = described.api_base_url.as_deref().map(compare);
    match (expected, actual) {
        (Some(expected), Some(actual)) if !expected.eq_ignore_ascii_case(&actual) => {
            Err(other_base(&expected, &actual))
        }
        _ => Ok(()),
    }
}

/// Row 11.
pub(super) fn other_base(expected: &str, actual: &str) -> Refusal {
    let code = Some("WEBHOOK_REPO_BASE_URL_MISMATCH");
    Refusal::rejected(409, ErrorLayer::RepoBinding, code, "Webhook apiBaseUrl mismatch")
        .with("expectedApiBaseUrl", expected)
        .with("actualApiBaseUrl", actual)
}

#[cfg(test)]
mod tests;
