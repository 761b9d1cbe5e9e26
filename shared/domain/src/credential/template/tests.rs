use super::*;
use crate::credential::{GitTokenKind, ProfileAccess};
use crate::id::{RepositoryId, TenantId, UserId};
use crate::repository::CreateRepository;
use crate::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

fn at() -> Timestamp {
    Timestamp::from_second(0)
}

fn repository(body: &Value) -> Repository {
    let (id, tenant, user) = (RepositoryId::start_of(at()), TenantId::start_of(at()), UserId::start_of(at()));
    CreateRepository::read(body).unwrap().into_repository(id, 1, tenant, user, at()).unwrap()
}

fn github(external_id: &str) -> Repository {
    Repository {
        external_id: Some(external_id.to_owned()),
        ..repository(&json!({"provider": "github", "name": "display"}))
    }
}

fn address(repository: &Repository) -> Option<String> {
    RepositoryUrl::of(repository).map(|url| url.address)
}

fn profile(id: &str, prefix: Option<&str>, access: Option<ProfileAccess>) -> GitProfile {
    GitProfile {
        id: id.to_owned(),
        remark: "r".to_owned(),
        has_token: true,
        clone_username: None,
        token_kind: GitTokenKind::default(),
        app_id: None,
        installation_id: None,
        access,
        url_prefix: prefix.map(|prefix| UrlPrefix::parse(prefix).unwrap()),
        created_at: at(),
        updated_at: at(),
    }
}

#[test]
fn spellings_of_one_prefix_are_one() {
    for text in [
        "https://GitHub.com/acme/",
        " https://github.com/acme ",
        "http://github.com:80/acme",
        "https://bot@github.com/acme//",
        "ssh://git@github.com:22/acme/",
        "git@github.com:acme/",
        "git://github.com/acme",
    ] {
        assert_eq!(UrlPrefix::parse(text).map(|prefix| prefix.0), Ok("https://github.com/acme/".to_owned()), "{text}");
    }
    let host = UrlPrefix::parse("https://github.com").unwrap();
    assert_eq!(host.as_str(), "https://github.com/");
    assert_eq!(UrlPrefix::parse("https://h:8443/a").unwrap().as_str(), "https://h:8443/a/");
    assert_eq!(UrlPrefix::parse("https://h/a/app.git").unwrap().as_str(), "https://h/a/app/");
    assert_eq!(UrlPrefix::parse("https://h/app.git/").unwrap().as_str(), "https://h/app.git/");
}

#[test]
fn what_is_no_beginning_of_an_address_is_refused() {
    let long = format!("https://h/{}", "a".repeat(MAX_URL_PREFIX_BYTES));
    for text in [
        "",
        "/",
        "acme",
        "https://",
        "https:///acme",
        "file:///etc/",
        "ftp://h/a",
        "%:a",
        "ssh://a%2fb/c",
        "https://u:p@h/a",
        "https://h/a?x=1",
        "https://h/a#x",
        "https://h/a//b",
        "https://h/a b",
        "https://h\\@evil/a",
        "https://h/a\u{0}",
        &long,
    ] {
        assert_eq!(UrlPrefix::parse(text), Err(InvalidPrefix), "{text}");
    }
}

#[test]
fn addresses_of_repositories() {
    let base = |base: &str, repository: Repository| Repository { api_base_url: Some(base.to_owned()), ..repository };
    let gitlab = |id: &str| Repository {
        external_id: Some(id.to_owned()),
        ..repository(&json!({"provider": "gitlab", "name": "Group/Named"}))
    };
    let named = |name: &str| Repository { external_id: None, name: name.to_owned(), ..github("x") };
    let aliased = Repository { external_aliases: vec!["7".into(), "acme/alias".into()], ..github("42") };
    let remote = |url: &str| repository(&json!({"provider": "git", "name": "n", "remoteUrl": url}));
    for (repository, expected) in [
        (github("acme/widgets"), Some("https://github.com/acme/widgets/")),
        (base("https://api.github.com", github("acme/widgets")), Some("https://github.com/acme/widgets/")),
        (base("https://API.acme.ghe.com/", github("acme/widgets")), Some("https://acme.ghe.com/acme/widgets/")),
        (base("https://Ghe.Corp/api/v3/", github("acme/widgets")), Some("https://ghe.corp/acme/widgets/")),
        (base("https://corp:8443/git/api/v3", github("a/b")), Some("https://corp:8443/git/a/b/")),
        (base("https://api.example.com/api/v3", github("a/b")), Some("https://api.example.com/a/b/")),
        (gitlab("group/sub/app"), Some("https://gitlab.com/group/sub/app/")),
        (base("https://corp/gitlab/", gitlab("g/a")), Some("https://corp/gitlab/g/a/")),
        (base("https://corp/api/v4", gitlab("g/a")), Some("https://corp/g/a/")),
        (gitlab("42"), Some("https://gitlab.com/Group/Named/")),
        (github("42"), None),
        (aliased, Some("https://github.com/acme/alias/")),
        (named("acme/widgets"), Some("https://github.com/acme/widgets/")),
        (named("widgets"), None),
        (remote("git@Git.corp:team/app.git"), Some("https://git.corp/team/app/")),
        (remote("ssh://git@git.corp:22/team/app.git/"), Some("https://git.corp/team/app/")),
        // What a URL would read as another repository.
        (github("acme/../evil/x"), None),
        (github("acme/%2e%2e/evil"), None),
        (github("acme\\..\\evil"), None),
        (github("acme/x?y"), None),
        (github("@evil/x"), None),
    ] {
        assert_eq!(address(&repository).as_deref(), expected, "{repository:?}");
    }
}

#[test]
fn a_prefix_ends_where_a_part_of_the_path_does() {
    let covers = |prefix: &str, repository: &Repository| {
        UrlPrefix::parse(prefix).unwrap().covers(&RepositoryUrl::of(repository).unwrap())
    };
    let acme = github("Acme/widgets");
    for prefix in ["https://github.com", "https://GITHUB.com/acme", "https://github.com/acme/Widgets"] {
        assert!(covers(prefix, &acme), "{prefix}");
    }
    for prefix in ["https://github.com/acm", "https://github.com/acme/widgets/x", "https://github.community/"] {
        assert!(!covers(prefix, &acme), "{prefix}");
    }
    assert!(!covers("https://github.com/acme", &github("acme-evil/widgets")));
    // Only GitHub and GitLab are known to find a path in any case.
    let remote = repository(&json!({"provider": "git", "name": "n", "remoteUrl": "https://h/Team/app"}));
    assert!(covers("https://H/Team/", &remote) && !covers("https://h/team/", &remote));
}

#[test]
fn the_longest_prefix_wins_then_the_default_then_the_first() {
    let (read, write) = (Some(ProfileAccess::Read), Some(ProfileAccess::Write));
    let (host, org) = (Some("https://github.com/"), Some("https://github.com/acme/"));
    let url = RepositoryUrl::of(&github("acme/widgets")).unwrap();
    let other = RepositoryUrl::of(&github("other/x")).unwrap();
    let picked = |profiles: Vec<GitProfile>, default: Option<&str>, url, purpose| {
        let set = ProfileSet { profiles, default_profile_id: default.map(str::to_owned) };
        set.template_for(url, purpose).map(|profile| profile.id.clone())
    };
    let plain = || vec![profile("none", None, None), profile("host", host, None), profile("org", org, None)];
    assert_eq!(picked(plain(), Some("host"), &url, Purpose::Read).as_deref(), Some("org"));
    assert_eq!(picked(plain(), None, &other, Purpose::Read).as_deref(), Some("host"));
    let twice = || vec![profile("a", org, None), profile("b", org, None)];
    assert_eq!(picked(twice(), None, &url, Purpose::Read).as_deref(), Some("a"));
    assert_eq!(picked(twice(), Some("b"), &url, Purpose::Read).as_deref(), Some("b"));
    assert_eq!(picked(twice(), Some("b"), &other, Purpose::Read), None);
    let apart = || vec![profile("host", host, None), profile("w", org, write), profile("r", org, read)];
    assert_eq!(picked(apart(), None, &url, Purpose::Read).as_deref(), Some("r"));
    assert_eq!(picked(apart(), None, &url, Purpose::Write).as_deref(), Some("w"));
    let reading = || vec![profile("host", host, None), profile("r", org, read)];
    assert_eq!(picked(reading(), None, &url, Purpose::Write).as_deref(), Some("host"));
}

proptest! {
    #[test]
    fn nothing_outside_a_prefix_is_covered(
        org in "[a-z][a-z0-9-]{0,8}", other in "[a-zA-Z][a-zA-Z0-9-]{0,9}", name in "[a-z]{1,6}", suffix in "[a-z-]{0,5}",
    ) {
        let prefix = UrlPrefix::parse(&format!("https://github.com/{org}/")).unwrap();
        let covered = |path: String| {
            RepositoryUrl::of(&github(&path)).is_some_and(|url| prefix.covers(&url))
        };
        let (inside, shouted) = (format!("{org}/{name}"), format!("{}/{name}", org.to_uppercase()));
        prop_assert!(covered(inside) && covered(shouted));
        prop_assert_eq!(covered(format!("{other}/{name}")), other.eq_ignore_ascii_case(&org));
        prop_assert_eq!(covered(format!("{org}{suffix}/{name}")), suffix.is_empty());
    }

    #[test]
    fn no_text_breaks_parsing_and_a_normal_form_is_its_own(text in ".{0,60}", path in "[ -~]{0,30}") {
        for text in [text, format!("https://h/{path}"), format!("git@h:{path}")] {
            if let Ok(prefix) = UrlPrefix::parse(&text) {
                prop_assert_eq!(UrlPrefix::parse(prefix.as_str()), Ok(prefix.clone()));
            }
        }
        let _ = RepositoryUrl::of(&github(&path));
    }
}
