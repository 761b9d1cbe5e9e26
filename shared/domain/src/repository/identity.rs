//! What makes two registrations the same repository: provider, API host and external id, or the normalised remote.

use super::{Provider, Repository};
use std::collections::BTreeSet;
use url::Url;

/// The text is not a Git remote that the registry takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an https, ssh or git URL, or user@host:path, without a password")]
pub struct InvalidRemote;

/// One claim on being a certain repository; unique per tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(String);

impl Identity {
    /// The text that is claimed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The identity of a repository that a provider calls so, at this API or at the public service.
    pub fn external(provider: Provider, api_base_url: Option<&str>, external_id: &str) -> Self {
        let host = api_host(provider, api_base_url);
        Self(format!("{provider}:{host}:{}", external_id.trim().to_lowercase()))
    }

    /// The identity of what Git clones from a remote; `None` for a text that is none.
    pub fn of_remote(remote: &str) -> Option<Self> {
        normalize_remote(remote).ok().map(|remote| Self(format!("remote:{remote}")))
    }
}

/// Host (and port, unless it is the scheme's own) of a provider's API; the public service when none is set.
fn api_host(provider: Provider, api_base_url: Option<&str>) -> String {
    let host = api_base_url.and_then(|base| Url::parse(base).ok()).and_then(|url| {
        let host = url.host_str()?.to_ascii_lowercase();
        Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
    });
    host.unwrap_or_else(|| {
        match provider {
            Provider::Github => "api.github.com",
            Provider::Gitlab => "gitlab.com",
            Provider::Git => "",
        }
        .to_owned()
    })
}

impl Repository {
    /// Every identity this record claims: its external id and the other forms the provider is known to use for it,
    /// or its remote. Empty while nothing is known, for one that shares its remote with others, and for one that was archived
    /// so that others may have it.
    pub fn identities(&self) -> BTreeSet<Identity> {
        if self.shares_remote || self.is_freed() {
            return BTreeSet::new();
        }
        let external = self.external_id.iter().chain(&self.external_aliases);
        let mut identities: BTreeSet<Identity> = external
            .filter(|id| !id.trim().is_empty())
            .map(|id| Identity::external(self.provider, self.api_base_url.as_deref(), id))
            .collect();
        identities.extend(self.remote_url.as_deref().and_then(Identity::of_remote));
        identities
    }
}

/// Brings the many spellings of one remote to one: host in lower case, no scheme, user, default port, trailing slash
/// or `.git`. `git@host:a/b.git`, `ssh://git@host/a/b` and `https://host/a/b/` are the same remote.
///
/// # Errors
/// [`InvalidRemote`] for other schemes, passwords, queries, and remotes without host or path.
pub fn normalize_remote(text: &str) -> Result<String, InvalidRemote> {
    let text = text.trim();
    if text.len() > 2048 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(InvalidRemote);
    }
    let (host, path) = if text.contains("://") { from_url(text)? } else { from_scp(text)? };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
    if host.is_empty() || path.is_empty() || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(InvalidRemote);
    }
    Ok(format!("{}/{path}", host.to_lowercase()))
}

fn from_url(text: &str) -> Result<(String, String), InvalidRemote> {
    let url = Url::parse(text).map_err(|_| InvalidRemote)?;
    let default_port = match url.scheme() {
        "http" | "https" => None, // the URL parser has dropped it already
        "ssh" => Some(22),
        "git" => Some(9418),
        _ => return Err(InvalidRemote),
    };
    if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(InvalidRemote);
    }
    let host = url.host_str().ok_or(InvalidRemote)?;
    let port = url.port().filter(|port| Some(*port) != default_port);
    Ok((port.map_or(host.to_owned(), |port| format!("{host}:{port}")), url.path().to_owned()))
}

/// The scp-like form `user@host:path` (git: "GIT URLS").
fn from_scp(text: &str) -> Result<(String, String), InvalidRemote> {
    let (authority, path) = text.split_once(':').ok_or(InvalidRemote)?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty()
        || host.starts_with('-')
        || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
    {
        return Err(InvalidRemote);
    }
    Ok((host.to_owned(), path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_remote_are_one() {
        for text in [
            "https://Git.Example.com/team/app.git",
            "https://git.example.com:443/team/app/",
            "https://bot@git.example.com/team/app",
            "ssh://git@git.example.com/team/app.git",
            "ssh://git@git.example.com:22/team/app.git",
            "git@git.example.com:team/app.git",
            "git://git.example.com/team/app",
        ] {
            assert_eq!(normalize_remote(text).as_deref(), Ok("git.example.com/team/app"), "{text}");
        }
        assert_eq!(normalize_remote("ssh://h:2222/a").as_deref(), Ok("h:2222/a"));
        assert_ne!(normalize_remote("https://h/a/B"), normalize_remote("https://h/a/b"));
    }

    #[test]
    fn hostile_remotes_are_refused() {
        for text in [
            "",
            "app",
            "/srv/git/app",
            "file:///etc/passwd",
            "ext::sh -c id",
            "https://u:p@h/a",
            "https://h/",
            "https://h/a?token=x",
            "git@-oProxyCommand:a/b",
            "https://h/a/../b c",
            "h:..",
            "https://h/a\u{0}b",
        ] {
            assert_eq!(normalize_remote(text), Err(InvalidRemote), "{text}");
        }
    }

    proptest! {
        #[test]
        fn normalising_never_panics_and_is_stable(text in ".{0,60}") {
            if let Ok(once) = normalize_remote(&text) {
                let again = normalize_remote(&format!("https://{once}"));
                let with_suffix = normalize_remote(&format!("https://{once}.git"));
                prop_assert!(again.is_err() || again == with_suffix);
            }
        }
    }
}
