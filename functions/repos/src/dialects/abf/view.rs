//! What the dialect's objects look like (contract: abf 4, 8.1). Times are seconds since the epoch, what is not there is null.

use repoplane_api::Asked;
use repoplane_domain::access::User;
use repoplane_domain::id::UserId;
use repoplane_domain::platform::{Actor, BuildProject, Group, Party, Platform};
use repoplane_domain::repository::Repository;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The answer of a change.
pub(super) fn done(number: u64, message: &str) -> Value {
    json!({"repository": {"id": number, "message": message}})
}

fn repository_url(number: u64) -> String {
    format!("/api/v1/repositories/{number}.json")
}

fn platform_url(number: u64) -> String {
    format!("/api/v1/platforms/{number}.json")
}

fn user_url(number: u64) -> String {
    format!("/api/v1/users/{number}")
}

/// A repository as others name it.
fn named(repository: &Repository) -> Value {
    json!({"id": repository.number, "name": repository.name, "url": repository_url(repository.number)})
}

fn place(number: u64, name: &str) -> Value {
    json!({"id": number, "name": name, "url": platform_url(number)})
}

pub(super) fn repository(repository: &Repository, platform: &Platform) -> Value {
    json!({"repository": {
        "id": repository.number,
        "name": repository.name,
        "url": repository_url(repository.number),
        "description": repository.description,
        "publish_without_qa": repository.build.as_ref().map(|build| build.publish_without_qa),
        "created_at": repository.created_at.as_second(),
        "updated_at": repository.updated_at.as_second(),
        "platform": place(platform.number, &platform.name),
    }})
}

/// A repository's projects.
pub(super) fn projects(repository: &Repository, projects: Vec<Value>) -> Value {
    let mut view = named(repository);
    view["projects"] = json!(projects);
    json!({"repository": view, "url": format!("/api/v1/repositories/{}/projects.json", repository.number)})
}

/// Where a project is cloned from: scheme and host of the request, and who asks.
fn git_url(project: &BuildProject, asked: &Asked, caller: &str) -> String {
    let (scheme, host) = asked.origin.split_once("://").unwrap_or(("https", &asked.origin));
    format!("{scheme}://{caller}@{host}/{}.git", project.full_name())
}

fn maintainer(project: &BuildProject, users: &HashMap<UserId, User>) -> Value {
    let known = users.get(&project.maintainer.id);
    let username = &project.maintainer.username;
    json!({
        "id": project.maintainer.number,
        "uname": username,
        "name": known.and_then(|user| user.display_name.as_ref()).unwrap_or(username),
        "email": known.and_then(|user| user.email.as_ref()),
        "url": user_url(project.maintainer.number),
    })
}

/// One project of a repository's.
pub(super) fn listed_project(
    project: &BuildProject,
    users: &HashMap<UserId, User>,
    asked: &Asked,
    caller: &str,
) -> Value {
    json!({
        "id": project.number,
        "name": project.name,
        "visibility": project.visibility.as_str(),
        "fullname": project.full_name(),
        "url": format!("/api/v1/projects/{}.json", project.number),
        "git_url": git_url(project, asked, caller),
        "maintainer": maintainer(project, users),
    })
}

/// A project with all that is known of it.
pub(super) fn project(
    project: &BuildProject,
    (users, places): (&HashMap<UserId, User>, &[(Repository, Platform)]),
    asked: &Asked,
    caller: &str,
) -> Value {
    let mut view = listed_project(project, users, asked, caller);
    let places = places.iter().map(|(repository, platform)| {
        let mut view = named(repository);
        view["platform"] = place(platform.number, &platform.name);
        view
    });
    let more = json!({
        "description": project.description,
        "ancestry": null,
        "default_branch": project.branch,
        "is_package": project.is_package,
        "created_at": project.created_at.as_second(),
        "updated_at": project.updated_at.as_second(),
        "owner": party(&project.owner),
        "repositories": places.collect::<Vec<_>>(),
        "project_statistics": [],
    });
    merge(&mut view, more);
    json!({"project": view})
}

fn merge(view: &mut Value, more: Value) {
    if let (Value::Object(view), Value::Object(more)) = (view, more) {
        view.extend(more);
    }
}

/// A user or a group as the owner of something.
fn party(party: &Party) -> Value {
    let url = match party.actor {
        Actor::User(_) => user_url(party.number),
        Actor::Group(number) => format!("/api/v1/groups/{number}.json"),
    };
    json!({
        "id": party.number, "uname": party.uname, "name": party.uname, "type": party.actor.kind(), "url": url,
    })
}

/// One platform of a list.
pub(super) fn listed_platform(platform: &Platform, repositories: &[Repository]) -> Value {
    json!({
        "id": platform.number,
        "name": platform.name,
        "platform_type": platform.platform_type.as_str(),
        "visibility": platform.visibility.as_str(),
        "url": platform_url(platform.number),
        "owner": party(&platform.owner),
        "repositories": repositories.iter().map(named).collect::<Vec<_>>(),
    })
}

/// A platform with all that is known of it.
pub(super) fn platform(platform: &Platform, repositories: &[Repository]) -> Value {
    let mut view = listed_platform(platform, repositories);
    let more = json!({
        "description": platform.description,
        "parent_platform_id": platform.parent,
        "created_at": platform.created_at.as_second(),
        "updated_at": platform.updated_at.as_second(),
        "released": platform.released,
        "default_branch": platform.default_branch,
        "distrib_type": platform.distrib_type,
    });
    merge(&mut view, more);
    json!({"platform": view})
}

/// One platform that was searched for.
pub(super) fn found_platform(platform: &Platform) -> Value {
    json!({
        "id": platform.number,
        "name": platform.name,
        "platform_type": platform.platform_type.as_str(),
        "visibility": platform.visibility.as_str(),
        "url": platform_url(platform.number),
    })
}

pub(super) fn group(group: &Group) -> Value {
    json!({"group": {
        "id": group.number,
        "uname": group.uname,
        "name": group.uname,
        "description": group.description,
        "created_at": group.created_at.as_second(),
        "updated_at": group.updated_at.as_second(),
        "owner": {
            "id": group.owner.number,
            "uname": group.owner.username,
            "name": group.owner.username,
            "url": user_url(group.owner.number),
        },
        "url": format!("/api/v1/groups/{}.json", group.number),
    }})
}

pub(super) fn user(user: &User) -> Value {
    json!({"user": {
        "id": user.number,
        "uname": user.username,
        "name": user.display_name.as_ref().unwrap_or(&user.username),
        "email": user.email,
        "created_at": user.created_at.as_second(),
        "updated_at": user.updated_at.as_second(),
        "url": user_url(user.number),
    }})
}
