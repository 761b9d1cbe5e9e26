use super::*;
use crate::product::{SaveProduct, Visibility, is_base_url, ssh_url};

fn side(visibility: &str) -> GitSide {
    GitSide { visibility: visibility.to_owned(), ..GitSide::default() }
}

fn gitlab(side: GitSide) -> SaveCodeRepo {
    let git = Some(SaidGit { gitlab: Some(side), github: None });
    SaveCodeRepo { git, ..SaveCodeRepo::default() }
}

/// The code and the message of a refusal.
fn refusal(result: Result<(), DomainError>) -> (String, String) {
    match result {
        Err(DomainError::Invalid(errors)) => {
            let first = &errors.as_slice()[0];
            (first.code.clone().unwrap_or_default(), first.message.clone())
        }
        other => panic!("{other:?}"),
    }
}

const BODY: &str = "invalid SaveRequest.Body: embedded message failed validation";
const GIT: &str = "invalid SaveRequest_Body.Git: embedded message failed validation";

#[test]
fn the_rules_of_a_body_are_told_by_their_chain() {
    let github = |name: &str, path: &str, visibility: &str| GitSide {
        name: name.to_owned(),
        path: path.to_owned(),
        ..side(visibility)
    };
    let both = |gitlab: Option<GitSide>, github: Option<GitSide>| SaveCodeRepo {
        git: Some(SaidGit { gitlab, github }),
        ..SaveCodeRepo::default()
    };
    let in_gitlab = "invalid Git.Gitlab: embedded message failed validation";
    let in_github = "invalid Git.Github: embedded message failed validation";
    let list = "value must be in list [public private]";
    let short = "value length must be at least 1 runes";
    for (said, links) in [
        (SaveCodeRepo::default(), vec![BODY, "invalid SaveRequest_Body.Git: value is required"]),
        (gitlab(side("")), vec![BODY, GIT, in_gitlab, &format!("invalid Gitlab.Visibility: {list}")]),
        (gitlab(side("internal")), vec![BODY, GIT, in_gitlab, &format!("invalid Gitlab.Visibility: {list}")]),
        (both(None, Some(github("", "", ""))), vec![BODY, GIT, in_github, &format!("invalid Github.Name: {short}")]),
        (both(None, Some(github("a", "", ""))), vec![BODY, GIT, in_github, &format!("invalid Github.Path: {short}")]),
        (
            both(Some(side("public")), Some(github("a", "a", "internal"))),
            vec![BODY, GIT, in_github, &format!("invalid Github.Visibility: {list}")],
        ),
        (
            both(Some(side("x")), Some(github("", "", ""))),
            vec![BODY, GIT, in_gitlab, &format!("invalid Gitlab.Visibility: {list}")],
        ),
    ] {
        let expected = ("VALIDATOR".to_owned(), links.join(" | caused by: "));
        assert_eq!(refusal(said.check_body()), expected, "{said:?}");
    }
    assert_eq!(both(None, None).check_body(), Ok(()), "an empty Git side says nothing");
    assert_eq!(gitlab(side("private")).check_body(), Ok(()));
    let product = SaveProduct::default();
    assert_eq!(refusal(product.check_body()).1, "invalid SaveProductRequest.Git: value is required");
}

#[test]
fn what_does_not_fit_its_place_is_named() {
    let path = gitlab(GitSide { path: "other".to_owned(), ..side("public") });
    let event = SaveCodeRepo { webhook_events: vec!["push".to_owned()], ..gitlab(side("public")) };
    let github = SaveCodeRepo {
        git: Some(SaidGit {
            gitlab: None,
            github: Some(GitSide { name: "web".to_owned(), path: "web".to_owned(), ..side("public") }),
        }),
        ..SaveCodeRepo::default()
    };
    let check = |said: &SaveCodeRepo, skip| said.check("web", Provider::Gitlab, skip);
    assert_eq!(refusal(check(&path, true)).0, "RESOURCE_NOT_MATCH", "not even skipped");
    assert_eq!(refusal(check(&event, false)).0, "INVALID_WEBHOOK_EVENT");
    assert_eq!(check(&event, true), Ok(()));
    assert_eq!(refusal(check(&github, false)).0, "RESOURCE_NOT_MATCH");
    assert_eq!(github.check("web", Provider::Github, false), Ok(()));
    assert_eq!(refusal(gitlab(side("public")).check("default.project", Provider::Gitlab, true)).0, "INVALID_NAME");
    let all = WEBHOOK_EVENTS.iter().map(|event| (*event).to_owned()).chain([String::new(), String::new()]).collect();
    assert_eq!(check(&SaveCodeRepo { webhook_events: all, ..gitlab(side("public")) }, false), Ok(()));
    let many = vec!["push_events".to_owned(); MAX_EVENTS + 1];
    let many = SaveCodeRepo { webhook_events: many, ..gitlab(side("public")) };
    assert_eq!(refusal(check(&many, true)).0, "INVALID_WEBHOOK_EVENT");
}

fn record(said: &SaveCodeRepo) -> Repository {
    use crate::access::{Member, RepositoryRole};
    use crate::id::{RepositoryId, TenantId, UserId};
    let now = Timestamp::from_second(1);
    let (user, tenant) = (UserId::start_of(now), TenantId::start_of(now));
    let (display_name, email) = (None, None);
    let owner = Member { user_id: user, username: "ann".to_owned(), display_name, email, role: RepositoryRole::Owner };
    let product = SaveProduct::default().create("demo", "https://git.example/", owner, tenant, now);
    let command = said.create(&product, "web", false).unwrap();
    command.into_repository(RepositoryId::start_of(now), 1, tenant, user, now).unwrap()
}

#[test]
fn the_manifest_is_replaced_and_the_git_side_merged() {
    let full = SaveCodeRepo {
        project: "shop".to_owned(),
        webhook_events: vec!["push_events".to_owned()],
        deployment_runtime: true,
        pipeline_runtime: true,
        ..gitlab(GitSide { name: "Web".to_owned(), description: "front end".to_owned(), ..side("public") })
    };
    let stored = record(&full);
    assert_eq!(stored.namespace, "product/demo");
    assert_eq!(stored.remote_url.as_deref(), Some("https://git.example/demo/web.git"));
    let now = Timestamp::from_second(9);
    assert_eq!(full.apply(Provider::Gitlab, &stored, now), Ok(None), "saving it again changes nothing");

    let empty = SaveCodeRepo { git: Some(SaidGit::default()), ..SaveCodeRepo::default() };
    let next = empty.apply(Provider::Gitlab, &stored, now).unwrap().unwrap();
    let code = next.product.clone().unwrap();
    assert_eq!((code.project.as_str(), code.webhook_events.len()), ("", 0));
    assert!(!code.deployment_runtime && !code.pipeline_runtime);
    assert_eq!((code.display_name.as_str(), code.visibility), ("Web", Some(Visibility::Public)), "not spoken of");
    assert_eq!((next.version, next.updated_at), (2, now));

    let next = gitlab(side("private")).apply(Provider::Gitlab, &stored, now).unwrap().unwrap();
    let code = next.product.clone().unwrap();
    assert_eq!(
        (code.display_name.as_str(), code.visibility),
        ("web", Some(Visibility::Private)),
        "an empty name is the path"
    );
    assert_eq!(next.description.as_deref(), Some("front end"), "an empty description says nothing");
}

#[test]
fn addresses_have_two_forms() {
    assert_eq!(ssh_url("https://git.example:8443/demo/web.git"), "ssh://git@git.example/demo/web.git");
    assert_eq!(ssh_url("git@host:a/b"), "");
    assert!(is_base_url("https://git.example") && is_base_url("http://127.0.0.1:3000/gitlab"));
    for text in ["", "git.example", "ftp://h", "https://u:p@h", "https://h?x", "https://h#x", "javascript:alert(1)"] {
        assert!(!is_base_url(text), "{text}");
    }
}
