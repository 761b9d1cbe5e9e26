//! Credential templates: one profile of the tenant serves every repository below a prefix of its address.

use super::{GitProfile, ProfileSet, Purpose};
use crate::repository::{Provider, Repository};
use serde::{Deserialize, Serialize};
use std::fmt;
use url::{Host, Url};

/// Longest prefix of an address, in bytes.
pub const MAX_URL_PREFIX_BYTES: usize = 2048;

/// The text is not the beginning of a repository's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an https, http, ssh or git URL with a host, without a password, query or fragment")]
pub struct InvalidPrefix;

/// The beginning of repositories' addresses, like `https://github.com/acme/`: host in lower case, without user, default
/// port or `.git`, with a slash at its end. The scheme says nothing; all are written `https`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UrlPrefix(String);

impl UrlPrefix {
    /// Brings a text to the normal form.
    ///
    /// # Errors
    /// [`InvalidPrefix`] for other schemes, texts without a host, passwords, queries, and paths with empty or dot parts.
    pub fn parse(text: &str) -> Result<Self, InvalidPrefix> {
        let text = text.trim();
        if text.len() > MAX_URL_PREFIX_BYTES || text.contains('\\') {
            return Err(InvalidPrefix);
        }
        // With a slash at its end it is a directory, and `.git` part of the name.
        let place = place_of(text, !text.ends_with('/')).ok_or(InvalidPrefix)?;
        let normal = format!("https://{place}/");
        if normal.len() > MAX_URL_PREFIX_BYTES { Err(InvalidPrefix) } else { Ok(Self(normal)) }
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a repository lies at the prefix or below it. A prefix ends where a part of the path does, so that
    /// `…/acme` never serves `…/acme-evil`.
    pub fn covers(&self, url: &RepositoryUrl) -> bool {
        let address = url.address.as_bytes();
        let Some(beginning) = address.get(..self.0.len()) else { return false };
        // The host is in lower case on both sides.
        if url.ignores_case {
            beginning.eq_ignore_ascii_case(self.0.as_bytes())
        } else {
            beginning == self.0.as_bytes()
        }
    }
}

impl fmt::Display for UrlPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a repository lies, in the normal form of [`UrlPrefix`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryUrl {
    address: String,
    /// GitHub and GitLab find a path in any case.
    ignores_case: bool,
}

impl RepositoryUrl {
    /// The address of a repository: of its site and its path there, or its remote; `None` while its path is not known.
    ///
    /// A numeric external id is no path: then another form that the provider is known to use, else the name, stands for
    /// it, if it has a slash.
    pub fn of(repository: &Repository) -> Option<Self> {
        let base = repository.api_base_url.as_deref().map(str::trim).filter(|base| !base.is_empty());
        let place = match repository.provider {
            Provider::Git => place_of(repository.remote_url.as_deref()?.trim().trim_end_matches('/'), true)?,
            Provider::Github => place_on(&github_site(base)?, repository_path(repository)?)?,
            Provider::Gitlab => place_on(&gitlab_site(base)?, repository_path(repository)?)?,
        };
        let ignores_case = repository.provider != Provider::Git;
        Some(Self { address: format!("https://{place}/"), ignores_case })
    }

    /// What Git clones it by.
    pub fn clone_url(&self) -> String {
        format!("{}.git", self.address.trim_end_matches('/'))
    }
}

/// GitHub's site beside its REST API (GitHub REST: `https://HOST/api/v3` on Enterprise Server, `api.` before the host
/// on github.com and ghe.com).
pub(super) fn github_site(base: Option<&str>) -> Option<String> {
    let Some(base) = base else { return Some("github.com".to_owned()) };
    let (host, path) = host_and_path(base)?;
    match host.strip_prefix("api.").filter(|site| *site == "github.com" || site.ends_with(".ghe.com")) {
        Some(site) => Some(site.to_owned()),
        None => Some(site_of(&host, path.strip_suffix("api/v3").unwrap_or(&path))),
    }
}

/// GitLab's site, which may lie below a path (GitLab REST: `/api/v4` below it).
pub(super) fn gitlab_site(base: Option<&str>) -> Option<String> {
    let Some(base) = base else { return Some("gitlab.com".to_owned()) };
    let (host, path) = host_and_path(base)?;
    Some(site_of(&host, path.strip_suffix("api/v4").unwrap_or(&path)))
}

fn site_of(host: &str, path: &str) -> String {
    match path.trim_end_matches('/') {
        "" => host.to_owned(),
        path => format!("{host}/{path}"),
    }
}

fn repository_path(repository: &Repository) -> Option<&str> {
    let external = repository.external_id.as_deref().map(str::trim).filter(|id| !id.is_empty());
    let is_path = |text: &&str| text.contains('/');
    match external {
        Some(id) if id.bytes().all(|b| b.is_ascii_digit()) => {
            let aliases = repository.external_aliases.iter().map(|alias| alias.trim());
            aliases.chain([repository.name.trim()]).find(is_path)
        }
        Some(id) => Some(id),
        None => Some(repository.name.trim()).filter(is_path),
    }
}

/// A path of a site as host and path; `None` for what a URL would read as something else.
fn place_on(site: &str, path: &str) -> Option<String> {
    if path.contains(['%', '\\', '?', '#', '@', ':']) || path.split('/').any(|part| matches!(part.trim(), "." | "..")) {
        return None;
    }
    place_of(&format!("https://{site}/{path}"), true)
}

/// Host (with a port, unless it is the scheme's own) and path of an address, without anything else.
pub(super) fn place_of(text: &str, is_repository: bool) -> Option<String> {
    // The URL parser would take the first part of the path for a host that is not there.
    if text.contains(":///") || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let (host, path) = match text.contains("://") {
        true => host_and_path(text)?,
        // The scp-like form `user@host:path` (git: "GIT URLS"), read as the URL that it stands for.
        false => {
            let (authority, path) = text.split_once(':')?;
            host_and_path(&format!("ssh://{authority}/{path}")).filter(|_| !authority.contains('/'))?
        }
    };
    let path = path.strip_suffix(".git").filter(|_| is_repository).unwrap_or(&path).trim_end_matches('/');
    if !path.is_empty() && path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return None;
    }
    Some(site_of(&host, path))
}

fn host_and_path(text: &str) -> Option<(String, String)> {
    let url = Url::parse(text).ok()?;
    let default_port = match url.scheme() {
        "http" | "https" => None, // the URL parser has dropped it already
        "ssh" => Some(22),
        "git" => Some(9418),
        _ => return None,
    };
    if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    // Of ssh and git URLs the parser keeps the host as it stands; here every host is read alike.
    let host = Host::parse(url.host_str()?).ok()?.to_string();
    let host = match url.port().filter(|port| Some(*port) != default_port) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    Some((host, url.path().trim_matches('/').to_owned()))
}

impl ProfileSet<GitProfile> {
    /// The template that serves a repository: the longest prefix wins; of equal ones the profile that
    /// [`ProfileSet::pick_for`] would take. For writing none that is marked `read`.
    pub fn template_for(&self, url: &RepositoryUrl, purpose: Purpose) -> Option<&GitProfile> {
        let serving = |profile: &&GitProfile| profile.serves(url) == Some(true);
        let mut lengths: Vec<usize> =
            self.profiles.iter().filter(serving).filter_map(GitProfile::prefix_length).collect();
        lengths.sort_unstable();
        lengths.dedup();
        lengths.into_iter().rev().find_map(|length| {
            let of_length = |profile: &GitProfile| serving(&profile) && profile.prefix_length() == Some(length);
            self.pick_among(purpose, None, of_length)
        })
    }
}

impl GitProfile {
    /// Whether its prefix covers a repository; `None` for a profile without a prefix.
    pub(super) fn serves(&self, url: &RepositoryUrl) -> Option<bool> {
        self.url_prefix.as_ref().map(|prefix| prefix.covers(url))
    }

    fn prefix_length(&self) -> Option<usize> {
        self.url_prefix.as_ref().map(|prefix| prefix.0.len())
    }
}

#[cfg(test)]
mod tests;
