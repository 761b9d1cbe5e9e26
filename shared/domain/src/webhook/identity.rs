//! Which repository a payload speaks of (contract: hookcode 4.6, rows 8–11 and hydration).

use super::payload::{first_text, id, text};
use crate::repository::Provider;
use serde_json::Value;
use url::Url;

/// What a payload says of its repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Described {
    /// Full path, without `.git`.
    pub(super) path: Option<String>,
    /// The ids under which the repository may be registered, the preferred one first.
    pub(super) external_ids: Vec<String>,
    /// Base of the API (GitHub) or root of the site (GitLab).
    pub(super) api_base_url: Option<String>,
    /// Default branch.
    pub(super) default_branch: Option<String>,
}

impl Described {
    /// Reads a payload.
    pub(super) fn read(provider: Provider, payload: &Value) -> Self {
        match provider {
            Provider::Github => Self::github(payload),
            Provider::Gitlab => Self::gitlab(payload),
            Provider::Git => Self::default(),
        }
    }

    fn github(payload: &Value) -> Self {
        let page = first_text(payload, &["/repository/html_url", "/repository/clone_url"]);
        let full_name = text(payload, "/repository/full_name");
        let path = full_name.map(normal_name).or_else(|| page.and_then(path_of));
        let root = page.and_then(|page| site_root(page, path.as_deref()));
        Self {
            external_ids: full_name.map(str::to_owned).into_iter().chain(id(payload, "/repository/id")).collect(),
            api_base_url: root.map(|root| match root.as_str() {
                "https://github.com" => "https://api.github.com".to_owned(),
                _ => format!("{root}/api/v3"),
            }),
            default_branch: text(payload, "/repository/default_branch").map(str::to_owned),
            path,
        }
    }

    fn gitlab(payload: &Value) -> Self {
        let page = first_text(
            payload,
            &["/project/web_url", "/project/http_url", "/project/git_http_url", "/project/http_url_to_repo"],
        );
        let path = text(payload, "/project/path_with_namespace").map(normal_name).or_else(|| page.and_then(path_of));
        Self {
            external_ids: id(payload, "/project/id").or_else(|| id(payload, "/project_id")).into_iter().collect(),
            api_base_url: page.and_then(|page| site_root(page, path.as_deref())),
            default_branch: text(payload, "/project/default_branch").map(str::to_owned),
            path,
        }
    }

    /// Whether a registered id is one of the payload's. Names ignore case, as they do at both providers. A GitLab
    /// project may also be registered by its path.
    pub(super) fn is(&self, external_id: &str) -> bool {
        let external_id = external_id.trim();
        let by_path = external_id.contains('/').then_some(self.path.as_ref()).flatten();
        self.external_ids.iter().chain(by_path).any(|known| known.eq_ignore_ascii_case(external_id))
    }
}

/// A name without outer slashes and `.git`.
pub(super) fn normal_name(name: &str) -> String {
    let name = name.trim().trim_matches('/');
    let cut =
        name.len().checked_sub(4).filter(|at| name.get(*at..).is_some_and(|end| end.eq_ignore_ascii_case(".git")));
    cut.map_or(name, |at| &name[..at]).to_owned()
}

/// The last part of a path.
pub(super) fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn web_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

pub(super) fn path_of(page: &str) -> Option<String> {
    let url = web_url(page)?;
    Some(normal_name(url.path())).filter(|path| !path.is_empty())
}

/// Where the provider's site begins: what is left of the repository's page without the repository's path. That is the
/// origin, except for servers installed below a path.
fn site_root(page: &str, path: Option<&str>) -> Option<String> {
    let url = web_url(page)?;
    let page_path = normal_name(url.path());
    let below = path.and_then(|path| {
        let at = page_path.len().checked_sub(path.len())?;
        let matches = page_path.get(at..)?.eq_ignore_ascii_case(path);
        matches.then(|| page_path[..at].trim_matches('/')).filter(|prefix| !prefix.is_empty())
    });
    let origin = url.origin().ascii_serialization();
    Some(below.map_or(origin.clone(), |prefix| format!("{origin}/{prefix}")))
}

/// Brings a base to the form in which two are compared: no trailing slash, no `/api/v4` at GitLab.
pub(super) fn comparable_base(provider: Provider, base: &str) -> String {
    let base = base.trim().trim_end_matches('/');
    let cut = base.len().checked_sub(7).filter(|at| {
        provider == Provider::Gitlab && base.get(*at..).is_some_and(|end| end.eq_ignore_ascii_case("/api/v4"))
    });
    cut.map_or(base, |at| &base[..at]).trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_api_is_found_from_the_page_of_the_repository() {
        let github = |page: &str| json!({"repository": {"full_name": "acme/widgets", "id": 7, "html_url": page}});
        let gitlab =
            |page: &str| json!({"project": {"id": 7, "path_with_namespace": "acme/sub/widgets", "web_url": page}});
        for (provider, payload, expected) in [
            (Provider::Github, github("https://github.com/acme/widgets"), Some("https://api.github.com")),
            (Provider::Github, github("https://ghe.example.com/acme/widgets"), Some("https://ghe.example.com/api/v3")),
            (
                Provider::Github,
                github("http://127.0.0.1:9000/github/acme/widgets"),
                Some("http://127.0.0.1:9000/github/api/v3"),
            ),
            (Provider::Github, github("javascript:alert(1)"), None),
            (Provider::Gitlab, gitlab("https://gitlab.com/acme/sub/widgets"), Some("https://gitlab.com")),
            (
                Provider::Gitlab,
                gitlab("https://git.example.com:8443/acme/sub/widgets"),
                Some("https://git.example.com:8443"),
            ),
            (
                Provider::Gitlab,
                gitlab("https://example.com/gitlab/acme/sub/widgets"),
                Some("https://example.com/gitlab"),
            ),
            (Provider::Gitlab, gitlab("https://gitlab.com/moved/elsewhere"), Some("https://gitlab.com")),
        ] {
            let read = Described::read(provider, &payload);
            assert_eq!(read.api_base_url.as_deref(), expected, "{} {payload}", "4.6/hydrate");
        }
        assert_eq!(Described::read(Provider::Github, &github("x")).external_ids, ["acme/widgets", "7"]);
    }

    #[test]
    fn names_and_bases_are_compared_without_their_trimmings() {
        assert_eq!(normal_name("/acme/widgets.GIT/"), "acme/widgets");
        assert_eq!(normal_name(".git"), "");
        assert_eq!(comparable_base(Provider::Gitlab, "https://h/api/v4/"), "https://h");
        assert_eq!(comparable_base(Provider::Github, "https://h/api/v4/"), "https://h/api/v4");
    }

    proptest! {
        #[test]
        fn any_page_and_name_are_read_without_panic(page in "(https?://)?\\PC{0,30}", name in "\\PC{0,20}") {
            let _ = Described::read(Provider::Github, &json!({"repository": {"full_name": name, "html_url": page}}));
            let project = json!({"path_with_namespace": name, "web_url": page});
            let _ = Described::read(Provider::Gitlab, &json!({ "project": project }));
            let _ = comparable_base(Provider::Gitlab, &page);
        }
    }
}
