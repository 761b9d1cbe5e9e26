//! Listings of what an access can see.

use super::double::{Asked, Double, Said, access};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use repoplane_providers::{Fault, ListedRepository, Visibility};
use serde_json::{Value, json};

pub(super) fn github_repository(number: usize) -> Value {
    json!({
        "id": number, "name": format!("r{number}"), "full_name": format!("acme/r{number}"), "private": true,
        "visibility": "internal", "html_url": format!("https://github.com/acme/r{number}"),
        "clone_url": format!("https://github.com/acme/r{number}.git"), "default_branch": "main",
        "description": null, "archived": number == 2,
    })
}

pub(super) fn gitlab_project(number: usize) -> Value {
    json!({
        "id": number, "name": "R", "path": format!("r{number}"), "path_with_namespace": format!("acme/t/r{number}"),
        "visibility": "internal", "web_url": format!("https://gitlab.com/acme/t/r{number}"), "default_branch": "main",
        "http_url_to_repo": format!("https://gitlab.com/acme/t/r{number}.git"), "description": "D", "archived": false,
    })
}

pub(super) async fn walk(double: &Double, provider: Provider, owner: Option<&str>) -> Vec<ListedRepository> {
    let (base, mut cursor, mut all) = (double.url(), None::<String>, Vec::new());
    loop {
        let page = double.providers.list_repositories(provider, Some(&base), &access(), owner, cursor.as_deref()).await;
        let page = page.unwrap().value;
        assert!(page.items.len() <= 100);
        all.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

fn github(asked: &Asked) -> Said {
    let repositories: Vec<_> = (1..=230).map(github_repository).collect();
    match asked.path.as_str() {
        "/user" => Said::ok(json!({"login": "Me", "id": 1})),
        "/user/repos" | "/orgs/acme/repos" | "/users/other/repos" => Said::github_page(asked, &repositories),
        _other => Said::missing(),
    }
}

#[tokio::test]
async fn github_lists_are_walked_to_the_end() {
    for (owner, last_call, affiliation) in [
        (None, "GET /user/repos", None),
        (Some("acme"), "GET /orgs/acme/repos", None),
        // Not an organization, and not the token's own account: its public list.
        (Some("other"), "GET /users/other/repos", None),
        // The public list of one's own account would leave the private ones out.
        (Some("me"), "GET /user/repos", Some("owner")),
    ] {
        let double = Double::start(github).await;
        let all = walk(&double, Provider::Github, owner).await;
        let ids: Vec<_> = all.iter().map(|repository| repository.identity.id).collect();
        assert_eq!(ids, (1..=230).collect::<Vec<_>>(), "{owner:?}");
        let last = double.asked().pop().unwrap();
        assert_eq!((last.call().as_str(), last.parameter("affiliation").as_deref()), (last_call, affiliation));
        let second = &all[1];
        assert_eq!((second.name.as_str(), second.identity.full_name.as_str()), ("r2", "acme/r2"));
        assert_eq!((second.archived, second.visibility), (true, Visibility::Internal));
        assert_eq!(second.clone_url.as_deref(), Some("https://github.com/acme/r2.git"));
        assert_eq!((second.description.as_deref(), second.default_branch.as_deref()), (None, Some("main")));
    }
}

#[tokio::test]
async fn gitlab_lists_are_walked_to_the_end_with_and_without_headers() {
    for headers in [true, false] {
        for (owner, last_call, parameter) in [
            (None, "GET /api/v4/projects", "membership"),
            (Some("acme/t"), "GET /api/v4/groups/acme%2Ft/projects", "include_subgroups"),
            (Some("other"), "GET /api/v4/users/other/projects", "per_page"),
        ] {
            let double = Double::start(move |asked| {
                let known = ["/api/v4/projects", "/api/v4/groups/acme%2Ft/projects", "/api/v4/users/other/projects"];
                if !known.contains(&asked.path.as_str()) {
                    return Said::status(404, json!({"message": "404 Group Not Found"}));
                }
                let all: Vec<_> = (1..=200).map(gitlab_project).collect();
                if headers {
                    return Said::gitlab_page(asked, &all);
                }
                let skipped = (asked.number("page") - 1) * 100;
                Said::ok(all.into_iter().skip(skipped).take(100).collect::<Vec<_>>().into())
            })
            .await;
            let all = walk(&double, Provider::Gitlab, owner).await;
            assert_eq!(all.len(), 200, "{owner:?} {headers}");
            assert_eq!((all[0].name.as_str(), all[0].identity.full_name.as_str()), ("r1", "acme/t/r1"));
            assert_eq!(all[0].visibility, Visibility::Internal);
            let last = double.asked().pop().unwrap();
            assert_eq!(last.call(), last_call);
            assert!(last.parameter(parameter).is_some(), "{parameter}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_listed_is_not_asked_for() {
    let double = Double::start(github).await;
    let base = double.url();
    let anonymous = GitAccess::Anonymous;
    for (provider, access, owner, cursor) in [
        (Provider::Github, &anonymous, None, None),
        (Provider::Gitlab, &anonymous, Some(" "), None),
        (Provider::Git, &access(), None, None),
        (Provider::Github, &access(), None, Some("g2")),
        (Provider::Github, &access(), None, Some("https://evil.example/?page=2")),
        (Provider::Gitlab, &access(), Some("acme/../x"), None),
        (Provider::Github, &access(), Some(".."), None),
    ] {
        let page = double.providers.list_repositories(provider, Some(&base), access, owner, cursor).await;
        assert_eq!(page.unwrap_err().fault(), Fault::Unusable, "{provider} {owner:?} {cursor:?}");
    }
    assert!(double.calls().is_empty());
}
