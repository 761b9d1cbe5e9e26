use super::*;
use crate::id::{RepositoryId, TenantId, UserId};
use crate::repository::{PatchRepository, RepositoryState};
use serde_json::json;

/// The time of every test.
fn now() -> Timestamp {
    Timestamp::from_second(0)
}

fn register(body: &Value) -> Result<Repository, Vec<String>> {
    let mut errors = FieldErrors::new();
    let command = RegisterRepository::read(body, &mut errors).command;
    if !errors.is_empty() {
        return Err(pointers(&errors));
    }
    let (id, tenant, user) = (RepositoryId::start_of(now()), TenantId::start_of(now()), UserId::start_of(now()));
    Ok(command.into_repository(id, 1, tenant, user, now()).unwrap())
}

fn pointers(errors: &FieldErrors) -> Vec<String> {
    errors.as_slice().iter().map(|error| error.pointer.clone()).collect()
}

fn generic() -> Repository {
    register(&json!({"name": "field-ops", "repo_url": "https://git.example.com/skills/field-ops.git"})).unwrap()
}

fn update(stored: &Repository, body: &Value) -> Result<Option<Repository>, Vec<String>> {
    let mut errors = FieldErrors::new();
    let update = UpdateRepository::read(body, &mut errors);
    if !errors.is_empty() {
        return Err(pointers(&errors));
    }
    match update.apply(stored, Timestamp::from_second(9)) {
        Ok(next) => Ok(next),
        Err(DomainError::Invalid(errors)) => Err(pointers(&errors)),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn shiftagent_7_1_a_repository_is_registered_by_name_and_url() {
    let made = generic();
    assert_eq!(
        (made.namespace.as_str(), made.shown_branch(), made.registered_provider()),
        ("registry", "main", "generic")
    );
    assert_eq!(made.shown_url(), "https://git.example.com/skills/field-ops.git");
    assert!(made.shares_remote && made.identities().is_empty() && made.metadata.is_empty());
    assert_eq!(register(&json!({})).unwrap_err(), ["/name", "/repo_url"]);
    let wrong = json!({"name": "", "repo_url": "x", "branch": "a..b", "provider": "svn", "credential_id": "crd_x",
                       "metadata": {"a": 1}, "colour": "red"});
    let all = ["/name", "/repo_url", "/branch", "/provider", "/credential_id", "/metadata/a", "/colour"];
    assert_eq!(register(&wrong).unwrap_err(), all);
    for null in ["branch", "provider", "metadata"] {
        let mut body = json!({"name": "x", "repo_url": "https://h.example/x"});
        body[null] = Value::Null;
        assert_eq!(register(&body).unwrap_err(), [format!("/{null}")]);
    }
}

#[test]
fn shiftagent_7_1_urls_of_every_form_are_taken_and_none_with_credentials() {
    for url in [
        "https://git.example.com/a/b.git",
        "http://git.example.com/a/b",
        "ssh://git@git.example.com:2222/a/b",
        "git://git.example.com/a/b",
        "git@git.example.com:a/b.git",
    ] {
        assert_eq!(register(&json!({"name": "x", "repo_url": url})).unwrap().shown_url(), url);
    }
    for url in [
        "https://user:hunter2@git.example.com/a/b",
        "https://hunter2@git.example.com/a/b",
        "ssh://git:hunter2@git.example.com/a/b",
        "ftp://git.example.com/a/b",
        "https://git.example.com/a/b?x=1",
        " https://git.example.com/a/b",
        "file:///etc/passwd",
        "--upload-pack=x:y",
        "",
    ] {
        let mut errors = FieldErrors::new();
        RegisterRepository::read(&json!({"name": "x", "repo_url": url}), &mut errors);
        assert_eq!(pointers(&errors), ["/repo_url"], "{url}");
        assert!(!format!("{errors:?}").contains("hunter2"), "{errors:?}");
    }
}

#[test]
fn shiftagent_4_identity_and_api_of_github_and_gitlab_follow_from_the_url() {
    for (provider, url, external, api) in [
        ("github", "https://github.com/acme/widgets.git", "acme/widgets", None),
        ("github", "git@github.com:acme/widgets.git", "acme/widgets", None),
        ("github", "ssh://git@ssh.github.com:443/acme/widgets.git", "acme/widgets", None),
        ("github", "https://ghe.example.com/acme/widgets", "acme/widgets", Some("https://ghe.example.com/api/v3")),
        ("github", "ssh://git@ghe.example.com:2222/a/b", "a/b", Some("https://ghe.example.com/api/v3")),
        ("github", "https://octo.ghe.com/a/b", "a/b", Some("https://api.octo.ghe.com")),
        ("gitlab", "https://gitlab.com/acme/deep/widgets", "acme/deep/widgets", None),
        ("gitlab", "git@git.example.com:acme/widgets.git", "acme/widgets", Some("https://git.example.com")),
        ("gitlab", "http://127.0.0.1:8080/acme/widgets", "acme/widgets", Some("http://127.0.0.1:8080")),
    ] {
        let made = register(&json!({"name": "x", "repo_url": url, "provider": provider})).unwrap();
        assert_eq!((made.external_id.as_deref(), made.api_base_url.as_deref()), (Some(external), api), "{url}");
        assert_eq!((made.registered_provider(), made.shown_url().as_str()), (provider, url));
    }
    for (provider, url) in [
        ("github", "https://github.com/acme"),
        ("github", "https://github.com/a/b/c"),
        ("gitlab", "https://gitlab.com/acme"),
    ] {
        let refused = register(&json!({"name": "x", "repo_url": url, "provider": provider}));
        assert_eq!(refused.unwrap_err(), ["/repo_url"], "{url}");
    }
    for provider in ["bitbucket", "azure_devops", "generic"] {
        let made = register(&json!({"name": "x", "repo_url": "https://h.example/a/b", "provider": provider})).unwrap();
        assert_eq!((made.provider, made.registered_provider()), (Provider::Git, provider));
    }
}

#[test]
fn shiftagent_4_names_count_characters() {
    let made = |name: String| register(&json!({"name": name, "repo_url": "https://h.example/x"}));
    assert!(made("ü".repeat(255)).is_ok());
    assert_eq!(made("ü".repeat(256)).unwrap_err(), ["/name"]);
    assert_eq!(made(" As Written ".to_owned()).unwrap().shown_name(), " As Written ");
    for bad in ["", "  ", "a\nb"] {
        assert_eq!(made(bad.to_owned()).unwrap_err(), ["/name"], "{bad:?}");
    }
}

#[test]
fn shiftagent_4_metadata_has_50_keys_and_values_of_500_characters() {
    let made =
        |metadata: Value| register(&json!({"name": "x", "repo_url": "https://h.example/x", "metadata": metadata}));
    let keys = |count: usize| (0..count).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>();
    assert_eq!(made(json!(keys(50))).unwrap().metadata.len(), 50);
    assert_eq!(made(json!(keys(51))).unwrap_err(), ["/metadata"]);
    for sign in ["x", "ü", "😀"] {
        assert!(made(json!({"k": sign.repeat(500)})).is_ok(), "{sign}");
        assert_eq!(made(json!({"k": sign.repeat(501)})).unwrap_err(), ["/metadata/k"], "{sign}");
        assert!(made(json!({sign.repeat(255): "v"})).is_ok(), "{sign}");
    }
    let wrong = json!({"a/b~c": 7, "d": null, "": "v"});
    assert_eq!(made(wrong).unwrap_err(), ["/metadata/", "/metadata/a~1b~0c", "/metadata/d"]);
    // Fifty of the largest fit into the record.
    let largest = (0..50).map(|n| (format!("{n}{}", "😀".repeat(253)), json!("😀".repeat(500))));
    assert!(made(Value::Object(largest.collect())).is_ok());
}

#[test]
fn shiftagent_6_an_update_replaces_what_it_names_and_nothing_else() {
    let stored = generic();
    assert_eq!(update(&stored, &json!({})), Ok(None));
    let next = update(&stored, &json!({"metadata": {"owner": "ops"}})).unwrap().unwrap();
    assert_eq!((next.name.as_str(), next.metadata["owner"].as_str()), ("field-ops", "ops"));
    assert_eq!((next.version, next.updated_at), (2, Timestamp::from_second(9)));
    assert_eq!(update(&next, &json!({"metadata": {}})).unwrap().unwrap().metadata.len(), 0);
    let same = json!({"name": "field-ops", "branch": "main", "credential_id": null, "metadata": {}});
    assert_eq!(update(&stored, &same), Ok(None));
    assert_eq!(update(&stored, &json!({"name": "Field-Ops"})).unwrap().unwrap().name, "Field-Ops");
}

#[test]
fn shiftagent_6_the_branch_that_is_scanned_anyway_is_no_change() {
    let stored = Repository { branch: None, ..generic() };
    assert_eq!(update(&stored, &json!({"branch": "main"})), Ok(None));
    assert_eq!(update(&stored, &json!({"branch": "dev"})).unwrap().unwrap().shown_branch(), "dev");
}

#[test]
fn shiftagent_6_all_failures_of_a_body_are_reported_together() {
    let stored = generic();
    let wrong =
        json!({"name": null, "branch": "", "credential_id": "crd_", "metadata": null, "repo_url": "https://x.y/z"});
    let all = ["/name", "/branch", "/credential_id", "/metadata", "/repo_url"];
    assert_eq!(update(&stored, &wrong).unwrap_err(), all);
    assert_eq!(update(&stored, &json!({"branch": null})).unwrap_err(), ["/branch"]);
    assert_eq!(update(&stored, &json!([])).unwrap_err(), [""]);
}

#[test]
fn shiftagent_12_a_repository_of_another_namespace_is_shown_with_it_and_not_renamed() {
    let stored = Repository { namespace: "product/demo".to_owned(), name: "web".to_owned(), ..generic() };
    assert_eq!(stored.shown_name(), "product/demo/web");
    assert_eq!(update(&stored, &json!({"name": "product/demo/web"})), Ok(None));
    assert_eq!(update(&stored, &json!({"name": "other"})).unwrap_err(), ["/name"]);
    assert!(update(&stored, &json!({"branch": "dev"})).unwrap().is_some());
}

#[test]
fn shiftagent_4_repositories_that_were_registered_otherwise_have_an_url() {
    let stored = |body: Value| {
        let (id, tenant, user) = (RepositoryId::start_of(now()), TenantId::start_of(now()), UserId::start_of(now()));
        CreateRepository::read(&body).unwrap().into_repository(id, 1, tenant, user, now()).unwrap()
    };
    for (body, url) in [
        (json!({"provider": "github", "name": "acme/widgets"}), "https://github.com/acme/widgets.git"),
        (
            json!({"provider": "gitlab", "name": "w", "externalId": "acme/w", "apiBaseUrl": "https://git.example.com/api/v4"}),
            "https://git.example.com/acme/w.git",
        ),
        (json!({"provider": "github", "name": "w", "externalId": "17"}), "https://api.github.com/repositories/17"),
        (json!({"provider": "gitlab", "name": "w", "externalId": "17"}), "https://gitlab.com/projects/17"),
        (json!({"provider": "git", "name": "w", "remoteUrl": "git@h.example:a/w"}), "git@h.example:a/w"),
    ] {
        assert_eq!(stored(body).shown_url(), url);
    }
}

#[test]
fn a_credential_of_the_vault_does_not_follow_to_another_host() {
    let credential = Some(CredentialId::start_of(now()));
    let stored = Repository { credential, ..generic() };
    for (remote, keeps) in [("https://git.example.com/other/place.git", true), ("https://evil.example/skills", false)] {
        let mut errors = FieldErrors::new();
        let body = json!({"remoteUrl": remote});
        let patch = PatchRepository::read(&mut Object::root(&body, &mut errors));
        let next = patch.apply(&stored, &RepositoryState::default(), now()).unwrap();
        assert_eq!(next.credential.is_some(), keeps, "{remote}");
    }
}
