//! GitHub's REST API, as far as it is used here.

pub(crate) mod account;
pub(crate) mod activity;
pub(crate) mod app;
pub(crate) mod history;
pub(crate) mod hooks;
pub(crate) mod listing;
pub(crate) mod provision;
pub(crate) mod tree;

use crate::call::{Call, Caller, Identification, base_url, is_number};
use crate::error::ProviderError;
use crate::meta::{Identity, Meta, Visibility};
use crate::providers::Providers;
use http::header::{ACCEPT, AUTHORIZATION, HeaderName};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use serde::Deserialize;

/// The public API; GitHub Enterprise Server has its own at `https://HOST/api/v3`.
const DEFAULT_BASE: &str = "https://api.github.com";
/// The media type, and the version whose shapes are read here (GitHub REST: API versions).
pub(crate) const HEADERS: [(HeaderName, &str); 2] =
    [(ACCEPT, "application/vnd.github+json"), (HeaderName::from_static("x-github-api-version"), "2022-11-28")];

/// A caller with this access.
pub(crate) fn caller<'a>(
    providers: &'a Providers,
    base: Option<&str>,
    access: &'a GitAccess,
) -> Result<Caller<'a>, ProviderError> {
    let provider = Provider::Github;
    let base = base_url(provider, base, DEFAULT_BASE)?;
    let (identification, secret) = match access {
        GitAccess::Anonymous => (Identification::Anonymous, None),
        GitAccess::Token { token, .. } => {
            (Identification::token(provider, AUTHORIZATION, "Bearer ", token)?, Some(token))
        }
        GitAccess::Key(_) => return Err(ProviderError::unusable(provider, crate::call::KEY_IS_FOR_SSH)),
        GitAccess::App(app) => (Identification::Installation(&providers.installations, app), None),
    };
    Ok(Caller::new(&providers.egress, provider, base, &HEADERS, identification, secret))
}

/// GitHub REST: `GET /repos/{owner}/{repo}`, `GET /repositories/{id}`, and each one of the lists of repositories.
#[derive(Deserialize)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    pub(crate) full_name: String,
    pub(crate) private: bool,
    visibility: Option<String>,
    pub(crate) html_url: String,
    clone_url: Option<String>,
    default_branch: Option<String>,
    archived: Option<bool>,
    description: Option<String>,
    pub(crate) permissions: Option<account::Permissions>,
}

impl Repository {
    /// Older servers know only public and private.
    fn visibility(&self) -> Visibility {
        match self.visibility.as_deref() {
            Some("internal") => Visibility::Internal,
            _unless_internal if self.private => Visibility::Private,
            _unless_internal => Visibility::Public,
        }
    }

    /// Owner and name as they are now: a repository may have been renamed or moved.
    fn owner_and_name(&self, caller: &Caller<'_>) -> Result<(&str, &str), ProviderError> {
        let full_name = self.full_name.split_once('/').filter(|(_, name)| !name.contains('/'));
        full_name.ok_or_else(|| ProviderError::answer(caller.service(), "the repository's full name is not owner/repo"))
    }

    fn identity(&self, caller: &Caller<'_>) -> Identity {
        Identity { id: self.id, full_name: caller.clean(&self.full_name) }
    }
}

/// What there is to know about a repository.
pub(crate) async fn meta(caller: &Caller<'_>, identity: &str) -> Result<Meta, ProviderError> {
    let repository: Repository = caller.get(&place(identity)?).await?;
    Ok(Meta {
        visibility: repository.visibility(),
        web_url: caller.link(Some(&repository.html_url)),
        default_branch: repository.default_branch.as_deref().map(|name| caller.clean(name)),
        identity: Some(repository.identity(caller)),
        archived: repository.archived,
        description: repository.description.as_deref().map(|text| caller.clean(text)).filter(|text| !text.is_empty()),
        heads: None,
    })
}

/// The path of the repository: by full name, or by id when the identity has no slash.
pub(crate) fn place(identity: &str) -> Result<Vec<&str>, ProviderError> {
    let parts: Vec<&str> = identity.trim().split('/').collect();
    match parts.as_slice() {
        [id] => Ok(vec!["repositories", id]),
        [owner, name] => Ok(vec!["repos", owner, name]),
        _ => Err(ProviderError::unusable(
            Provider::Github,
            "the repository's external id must be owner/repo or a numeric id",
        )),
    }
}

/// Owner and name, which all documented paths below a repository begin with; an id is looked up.
pub(crate) async fn full_name(caller: &Caller<'_>, identity: &str) -> Result<(String, String), ProviderError> {
    let place = place(identity)?;
    match place.as_slice() {
        ["repos", owner, name] => Ok(((*owner).to_owned(), (*name).to_owned())),
        _by_id => current_name(caller, identity).await,
    }
}

/// Owner and name as they are now: a repository may have been renamed or moved.
async fn current_name(caller: &Caller<'_>, identity: &str) -> Result<(String, String), ProviderError> {
    let repository: Repository = caller.send(&Call::get(&place(identity)?)).await?.json()?;
    let (owner, name) = repository.owner_and_name(caller)?;
    Ok((owner.to_owned(), name.to_owned()))
}

/// An id of something below a repository: a number, so that it stays one part of a path.
fn number<'n>(caller: &Caller<'_>, id: &'n str) -> Result<&'n str, ProviderError> {
    if is_number(id) {
        Ok(id)
    } else {
        Err(ProviderError::unusable(caller.service(), "the hook's id must be a number"))
    }
}
