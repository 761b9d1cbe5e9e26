//! Which site a call goes to, and whose tokens may follow there.
//!
//! Whoever manages a repository chooses its address. The tokens of other people, of an account or of the tenant, must not
//! follow to a server of somebody's choice: without a prefix they go to the provider's public service only.

use super::template::{github_site, gitlab_site, place_of};
use super::{GitProfile, RepositoryUrl, UrlPrefix};
use crate::repository::{Provider, Repository};

/// 400 for a token that would follow to where it is not meant to go.
pub const TOKEN_NOT_FOR_HOST: &str = "the profile's token is not sent to this address: a profile of an account or of the tenant serves the provider's public service only, or the repositories below its urlPrefix";

/// The site that a provider's calls go to, like `https://github.com/`, in the normal form of [`UrlPrefix`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site(String);

impl Site {
    /// The site beside an API; the public service when no base is given. A plain Git remote has no public service.
    pub fn of_api(provider: Provider, api_base_url: Option<&str>) -> Option<Self> {
        let base = api_base_url.map(str::trim).filter(|base| !base.is_empty());
        let site = match provider {
            Provider::Github => github_site(base)?,
            Provider::Gitlab => gitlab_site(base)?,
            Provider::Git => return None,
        };
        Some(Self(format!("https://{site}/")))
    }

    /// The site of a repository; of a plain Git one its remote.
    pub fn of(repository: &Repository) -> Option<Self> {
        match repository.provider {
            Provider::Github | Provider::Gitlab => {
                Self::of_api(repository.provider, repository.api_base_url.as_deref())
            }
            Provider::Git => {
                let place = place_of(repository.remote_url.as_deref()?.trim().trim_end_matches('/'), true)?;
                Some(Self(format!("https://{place}/")))
            }
        }
    }

    fn is_public(&self, provider: Provider) -> bool {
        match provider {
            Provider::Github => self.0 == "https://github.com/",
            Provider::Gitlab => self.0 == "https://gitlab.com/",
            Provider::Git => false,
        }
    }
}

/// Whether two states of a repository are at the same host, as far as their addresses tell.
pub(crate) fn is_same_host(one: &Repository, other: &Repository) -> bool {
    let host = |repository: &Repository| Site::of(repository).and_then(|site| authority(&site.0).map(str::to_owned));
    host(one) == host(other)
}

/// Host and port of a normal form.
fn authority(normal: &str) -> Option<&str> {
    normal.strip_prefix("https://")?.split('/').next()
}

impl GitProfile {
    /// Whether a token of an account or of the tenant may be sent where a call goes: below its prefix, or for a profile
    /// without one to the provider's public service. `url` is the repository, where the call is about one whose path is
    /// known; else the prefix must be of the site.
    pub(super) fn may_follow(&self, provider: Provider, url: Option<&RepositoryUrl>, site: Option<&Site>) -> bool {
        let on_site = |prefix: &UrlPrefix| {
            let site = site.and_then(|site| authority(&site.0));
            site.is_some() && site == authority(prefix.as_str())
        };
        match (&self.url_prefix, url) {
            (Some(prefix), Some(url)) => prefix.covers(url),
            (Some(prefix), None) => on_site(prefix),
            (None, _) => site.is_some_and(|site| site.is_public(provider)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{RepositoryId, TenantId, UserId};
    use crate::repository::CreateRepository;
    use crate::time::Timestamp;
    use serde_json::{Value, json};

    fn repository(body: &Value) -> Repository {
        let now = Timestamp::from_second(0);
        let (id, tenant, user) = (RepositoryId::start_of(now), TenantId::start_of(now), UserId::start_of(now));
        CreateRepository::read(body).unwrap().into_repository(id, 1, tenant, user, now).unwrap()
    }

    fn profile(prefix: Option<&str>) -> GitProfile {
        let at = Timestamp::from_second(0);
        GitProfile { url_prefix: prefix.map(|text| UrlPrefix::parse(text).unwrap()), ..blank(at) }
    }

    fn blank(at: Timestamp) -> GitProfile {
        serde_json::from_value(json!({"id": "p", "remark": "", "hasToken": true, "createdAt": at, "updatedAt": at}))
            .unwrap()
    }

    #[test]
    fn a_token_follows_to_the_public_service_or_below_its_prefix() {
        let github = json!({"provider": "github", "name": "acme/widgets"});
        let own = json!({"provider": "github", "name": "acme/widgets", "apiBaseUrl": "https://ghe.example.com/api/v3"});
        let evil =
            json!({"provider": "github", "name": "acme/widgets", "apiBaseUrl": "https://api.github.com.evil.example"});
        let number = json!({"provider": "github", "name": "widgets", "externalId": "17"});
        let gitlab = json!({"provider": "gitlab", "name": "acme/widgets", "apiBaseUrl": "https://gitlab.com"});
        let git = json!({"provider": "git", "name": "tools", "remoteUrl": "https://git.example.com/acme/tools.git"});
        let rows: &[(&str, &Value, Option<&str>, bool)] = &[
            ("public service", &github, None, true),
            ("public service, in words", &gitlab, None, true),
            ("public service, path not known", &number, None, true),
            ("another server", &own, None, false),
            ("a server named like it", &evil, None, false),
            ("a plain remote", &git, None, false),
            ("below the prefix", &own, Some("https://ghe.example.com/acme"), true),
            ("the whole server", &own, Some("https://ghe.example.com"), true),
            ("beside the prefix", &own, Some("https://ghe.example.com/other"), false),
            ("the prefix of another server", &own, Some("https://github.com/acme"), false),
            ("a prefix keeps from the public service too", &github, Some("https://ghe.example.com"), false),
            ("path not known, prefix of the site", &number, Some("https://github.com/acme"), true),
            ("path not known, prefix of another site", &number, Some("https://ghe.example.com"), false),
            ("a plain remote below the prefix", &git, Some("https://git.example.com/acme"), true),
        ];
        for (rule, body, prefix, expected) in rows {
            let repository = repository(body);
            let (url, site) = (RepositoryUrl::of(&repository), Site::of(&repository));
            let follows = profile(*prefix).may_follow(repository.provider, url.as_ref(), site.as_ref());
            assert_eq!(follows, *expected, "{rule}");
        }
    }
}
