//! GitLab's REST API, as far as it is used here.

pub(crate) mod account;
pub(crate) mod activity;
pub(crate) mod history;
pub(crate) mod hooks;
pub(crate) mod listing;
pub(crate) mod provision;
pub(crate) mod tree;

use crate::call::{Caller, Identification, base_url};
use crate::error::ProviderError;
use crate::meta::{Identity, Meta, Visibility};
use crate::providers::Providers;
use crate::target::Target;
use http::header::{ACCEPT, HeaderName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use repoplane_domain::credential::{GitAccess, GitTokenKind};
use repoplane_domain::repository::Provider;
use serde::Deserialize;
use url::Url;

/// The public site.
const DEFAULT_SITE: &str = "https://gitlab.com";
/// Below the site root (GitLab REST: paths).
const API: &str = "/api/v4";
/// Of a project's path in a clone URL, where its slashes stay.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A caller with this access.
pub(crate) fn caller<'a>(
    providers: &'a Providers,
    site: Option<&str>,
    access: &'a GitAccess,
) -> Result<Caller<'a>, ProviderError> {
    let provider = Provider::Gitlab;
    let unusable = |reason| Err(ProviderError::unusable(provider, reason));
    let (identification, secret) = match access {
        GitAccess::Anonymous => (Identification::Anonymous, None),
        GitAccess::Token { kind: GitTokenKind::Deploy, .. } => {
            return unusable("a deploy token reads Git over https, not the REST API; this needs an access token");
        }
        GitAccess::Token { token, .. } => {
            let header = HeaderName::from_static("private-token");
            (Identification::token(provider, header, "", token)?, Some(token))
        }
        GitAccess::Key(_) => return unusable(crate::call::KEY_IS_FOR_SSH),
        GitAccess::App(_) => return unusable("GitLab knows no GitHub Apps; this needs an access token"),
    };
    let base = api(base_url(provider, site, DEFAULT_SITE)?);
    let headers = [(ACCEPT, "application/json")];
    Ok(Caller::new(&providers.egress, provider, base, &headers, identification, secret))
}

/// GitLab REST: `GET /projects/:id`, and each one of the lists of projects.
#[derive(Deserialize)]
pub(crate) struct Project {
    pub(crate) id: u64,
    path_with_namespace: Option<String>,
    visibility: Option<String>,
    web_url: Option<String>,
    http_url_to_repo: Option<String>,
    default_branch: Option<String>,
    archived: Option<bool>,
    description: Option<String>,
    issues_access_level: Option<String>,
    issues_enabled: Option<bool>,
    merge_requests_access_level: Option<String>,
    merge_requests_enabled: Option<bool>,
}

impl Project {
    /// Contract, hookcode 2.7: what is neither public nor internal is private. Servers tell it to who is identified
    /// only; who is not and sees the project, sees a public one.
    fn visibility(&self) -> Visibility {
        match self.visibility.as_deref() {
            Some("internal") => Visibility::Internal,
            Some("public") | None => Visibility::Public,
            Some(_other) => Visibility::Private,
        }
    }

    fn identity(&self, caller: &Caller<'_>) -> Identity {
        Identity { id: self.id, full_name: caller.clean(self.path_with_namespace.as_deref().unwrap_or_default()) }
    }
}

/// What there is to know about a project.
pub(crate) async fn meta(caller: &Caller<'_>, identity: &str) -> Result<Meta, ProviderError> {
    let project: Project = caller.get(&["projects", usable(identity)?]).await?;
    let clean = |text: Option<&str>| text.map(|text| caller.clean(text)).filter(|text| !text.is_empty());
    Ok(Meta {
        visibility: project.visibility(),
        web_url: caller.link(project.web_url.as_deref()),
        default_branch: clean(project.default_branch.as_deref()),
        identity: Some(project.identity(caller)),
        archived: project.archived,
        description: clean(project.description.as_deref()),
        heads: None,
    })
}

/// The API below a site root; a root that already ends with it is left alone (contract: hookcode 3.1).
fn api(mut site: Url) -> Url {
    let root = site.path().trim_end_matches('/').to_owned();
    if !root.ends_with(API) {
        site.set_path(&format!("{root}{API}"));
    }
    site
}

/// Where Git finds a project, for who may not ask the API.
pub(crate) fn clone_url(target: &Target<'_>) -> Result<String, ProviderError> {
    let path = usable(target.identity)?;
    if !path.contains('/') {
        let reason = "a deploy token reads Git over https only, so the external id must be the project's path";
        return Err(ProviderError::unusable(Provider::Gitlab, reason));
    }
    let mut site = base_url(Provider::Gitlab, target.api_base_url, DEFAULT_SITE)?;
    let root = site.path().trim_end_matches('/');
    let root = root.strip_suffix(API).unwrap_or(root);
    let path = format!("{root}/{}.git", utf8_percent_encode(path, PATH));
    site.set_path(&path);
    Ok(site.into())
}

/// A project path travels as one encoded part; servers decode it, so dot parts are refused here.
pub(crate) fn usable(identity: &str) -> Result<&str, ProviderError> {
    let identity = identity.trim();
    if identity.split('/').any(|part| matches!(part, "" | "." | "..")) {
        let reason = "the repository's external id must be a numeric id or group/project";
        return Err(ProviderError::unusable(Provider::Gitlab, reason));
    }
    Ok(identity)
}
