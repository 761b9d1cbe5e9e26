//! Projects and deploy keys: the same questions at both providers, each in its own words.

use super::double::{Asked, Double, Said, access};
use repoplane_domain::repository::Provider;
use repoplane_providers::{
    Created, DeployKeySpec, Fault, Home, OwnerKind, ProjectOwner, ProjectSpec, ProviderProject, Visibility,
};
use serde_json::{Value, json};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ repo-7-readonly";

fn home(provider: Provider, base: &str) -> Home<'_> {
    Home { provider, api_base_url: Some(base), owner: "acme" }
}

/// GitHub REST: the example of a repository.
fn github_repository() -> Value {
    json!({"id": 7, "name": "web", "full_name": "acme/web", "private": true, "visibility": "private",
        "description": "The shop", "ssh_url": "git@github.com:acme/web.git",
        "clone_url": "https://github.com/acme/web.git", "html_url": "https://github.com/acme/web"})
}

/// GitLab REST: the example of a project.
fn gitlab_project() -> Value {
    json!({"id": 7, "name": "Web UI", "path": "web", "path_with_namespace": "acme/web", "visibility": "private",
        "description": "The shop", "ssh_url_to_repo": "git@gitlab.com:acme/web.git",
        "http_url_to_repo": "https://gitlab.com/acme/web.git"})
}

fn github(asked: &Asked) -> Said {
    match asked.call().as_str() {
        "GET /users/acme" => Said::ok(json!({"id": 5, "login": "Acme", "type": "Organization"})),
        "GET /users/ann" => Said::ok(json!({"id": 8, "login": "ann", "type": "User"})),
        "GET /user" => Said::ok(json!({"id": 8, "login": "ann", "type": "User"})),
        "GET /users/bob" => Said::ok(json!({"id": 9, "login": "bob", "type": "User"})),
        "GET /repos/acme/web" | "GET /repositories/7" | "PATCH /repos/acme/web" => Said::ok(github_repository()),
        // It was renamed: GitHub answers with what it is called now.
        "GET /repos/acme/old" => Said::ok(github_repository()),
        "POST /orgs/Acme/repos" | "POST /user/repos" => Said::status(201, github_repository()),
        "DELETE /repos/acme/web" | "DELETE /repos/acme/web/keys/3" => Said::status(204, Value::Null),
        "GET /repos/acme/web/keys" => {
            Said::ok(json!([{"id": 3, "title": "repo-7-readonly", "key": "ssh-ed25519 AAAA", "read_only": true}]))
        }
        "POST /repos/acme/web/keys" => {
            Said::status(201, json!({"id": 4, "title": "t", "key": "ssh-ed25519 AAAA", "read_only": false}))
        }
        _other => Said::missing(),
    }
}

fn gitlab(asked: &Asked) -> Said {
    match asked.call().as_str() {
        "GET /api/v4/groups/acme" => Said::ok(json!({"id": 5, "full_path": "acme"})),
        "GET /api/v4/projects/acme%2Fweb" | "GET /api/v4/projects/7" | "PUT /api/v4/projects/7" => {
            Said::ok(gitlab_project())
        }
        "GET /api/v4/projects/acme%2Fold" => Said::ok(gitlab_project()),
        "GET /api/v4/projects/acme%2Fleaving" => {
            let mut project = gitlab_project();
            project["path_with_namespace"] = json!("acme/leaving");
            project["marked_for_deletion_on"] = json!("2026-01-01");
            Said::ok(project)
        }
        "POST /api/v4/projects" => Said::status(201, gitlab_project()),
        "DELETE /api/v4/projects/7" => Said::status(202, json!({"message": "202 Accepted"})),
        "DELETE /api/v4/projects/7/deploy_keys/3" => Said::status(204, Value::Null),
        "GET /api/v4/projects/7/deploy_keys" => {
            Said::ok(json!([{"id": 3, "title": "repo-7-readonly", "key": "ssh-ed25519 AAAA", "can_push": false}]))
        }
        "POST /api/v4/projects/7/deploy_keys" => {
            Said::status(201, json!({"id": 4, "title": "t", "key": "ssh-ed25519 AAAA", "can_push": true}))
        }
        _other => Said::missing(),
    }
}

async fn double(provider: Provider) -> Double {
    if provider == Provider::Github { Double::start(github).await } else { Double::start(gitlab).await }
}

fn expected(provider: Provider) -> ProviderProject {
    let (name, host) = if provider == Provider::Github { ("web", "github.com") } else { ("Web UI", "gitlab.com") };
    ProviderProject {
        id: 7,
        name: name.to_owned(),
        path: "web".to_owned(),
        full_name: "acme/web".to_owned(),
        visibility: Visibility::Private,
        description: "The shop".to_owned(),
        ssh_url: format!("git@{host}:acme/web.git"),
        http_url: format!("https://{host}/acme/web.git"),
        is_being_deleted: false,
    }
}

#[tokio::test]
async fn a_project_is_found_made_changed_and_deleted() {
    for provider in [Provider::Github, Provider::Gitlab] {
        let double = double(provider).await;
        let (base, access) = (double.url(), access());
        let (home, providers) = (home(provider, &base), &double.providers);
        let found = providers.find_project(&home, &access, "web").await.unwrap().value;
        assert_eq!(found, Some(expected(provider)));
        for path in ["old", "absent"] {
            assert_eq!(providers.find_project(&home, &access, path).await.unwrap().value, None, "{path}");
        }
        assert_eq!(providers.project(&home, &access, 8).await.unwrap().value, None);
        let owner = providers.project_owner(&home, &access).await.unwrap().value;
        assert_eq!(owner.id, 5);
        let spec = ProjectSpec {
            path: "web".to_owned(),
            name: Some("Web UI".to_owned()),
            visibility: Some(Visibility::Private),
            description: Some("The shop".to_owned()),
        };
        let made = providers.create_project(&home, &access, &owner, &spec).await.unwrap().value;
        assert_eq!(made, Created::Made(expected(provider)));
        providers.edit_project(&home, &access, 7, &spec).await.unwrap();
        providers.edit_project(&home, &access, 7, &ProjectSpec::default()).await.unwrap();
        providers.delete_project(&home, &access, 7).await.unwrap();
        providers.delete_project(&home, &access, 8).await.unwrap();
        let sent: Vec<_> = double
            .asked()
            .into_iter()
            .filter(|asked| asked.method != "GET" && asked.method != "DELETE")
            .map(|asked| (asked.method.clone(), asked.json()))
            .collect();
        let said = match provider {
            Provider::Github => vec![
                ("POST", json!({"name": "web", "private": true, "description": "The shop"})),
                ("PATCH", json!({"private": true, "description": "The shop"})),
                ("PATCH", json!({})),
            ],
            Provider::Gitlab | Provider::Git => vec![
                (
                    "POST",
                    json!({"path": "web", "name": "Web UI", "namespace_id": 5, "visibility": "private",
                        "description": "The shop"}),
                ),
                ("PUT", json!({"name": "Web UI", "visibility": "private", "description": "The shop"})),
            ],
        };
        let said: Vec<_> = said.into_iter().map(|(method, body)| (method.to_owned(), body)).collect();
        assert_eq!(sent, said, "{provider}");
    }
}

#[tokio::test]
async fn deploy_keys_are_listed_added_and_removed() {
    for provider in [Provider::Github, Provider::Gitlab] {
        let double = double(provider).await;
        let (base, access) = (double.url(), access());
        let (home, providers) = (home(provider, &base), &double.providers);
        let keys = providers.deploy_keys(&home, &access, 7).await.unwrap().value;
        assert_eq!((keys.len(), keys[0].id.as_str(), keys[0].can_push), (1, "3", false));
        let spec = DeployKeySpec { title: "repo-7-readwrite".to_owned(), key: KEY.to_owned(), can_push: true };
        let added = providers.add_deploy_key(&home, &access, 7, &spec).await.unwrap().value;
        assert_eq!((added.id.as_str(), added.can_push), ("4", true));
        for gone in ["3", "99"] {
            providers.delete_deploy_key(&home, &access, 7, gone).await.unwrap();
        }
        let error = providers.delete_deploy_key(&home, &access, 7, "../3").await.unwrap_err();
        assert_eq!(error.fault(), Fault::Unusable);
        let sent: Vec<_> = double.asked().into_iter().filter(|asked| asked.method == "POST").collect();
        let right = if provider == Provider::Github { ("read_only", false) } else { ("can_push", true) };
        assert_eq!(sent[0].json(), json!({"title": "repo-7-readwrite", "key": KEY, right.0: right.1}));
    }
}

#[tokio::test]
async fn a_path_that_is_taken_is_told_apart_from_other_refusals() {
    for (provider, status, body, is_taken) in [
        (Provider::Gitlab, 400, json!({"message": {"path": ["has already been taken"]}}), true),
        (Provider::Gitlab, 400, json!({"message": {"path": ["can contain only letters"]}}), false),
        (Provider::Github, 422, json!({"errors": [{"message": "name already exists on this account"}]}), true),
        (Provider::Github, 422, json!({"errors": [{"message": "name is too long"}]}), false),
        (Provider::Github, 403, json!({"message": "already exists"}), false),
    ] {
        let said = body.clone();
        let double = Double::start(move |_| Said::status(status, said.clone())).await;
        let (base, access) = (double.url(), access());
        let owner = ProjectOwner { id: 5, path: "acme".to_owned(), kind: OwnerKind::Organisation };
        let spec = ProjectSpec { path: "web".to_owned(), ..ProjectSpec::default() };
        let made = double.providers.create_project(&home(provider, &base), &access, &owner, &spec).await;
        assert_eq!(made.is_ok_and(|made| matches!(made.value, Created::Taken { .. })), is_taken, "{provider} {body}");
    }
}

#[tokio::test]
async fn a_persons_account_is_good_for_that_person_alone() {
    let double = double(Provider::Github).await;
    let (base, access) = (double.url(), access());
    for (owner, kind) in [("acme", Some(OwnerKind::Organisation)), ("ann", Some(OwnerKind::Account)), ("bob", None)] {
        let home = Home { owner, ..home(Provider::Github, &base) };
        let found = double.providers.project_owner(&home, &access).await;
        assert_eq!(found.map(|found| found.value.kind).ok(), kind, "{owner}");
    }
    let double = self::double(Provider::Gitlab).await;
    let base = double.url();
    let leaving = double.providers.find_project(&home(Provider::Gitlab, &base), &access, "leaving").await;
    assert!(leaving.unwrap().value.is_some_and(|project| project.is_being_deleted));
}
