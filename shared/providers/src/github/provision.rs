//! Repositories of an organisation or account at GitHub and their deploy keys (GitHub REST: repositories, deploy keys).

use super::{current_name, number};
use crate::call::{Call, Caller};
use crate::error::ProviderError;
use crate::meta::Visibility;
use crate::paging::More;
use crate::provision::{
    DeployKey, DeployKeySpec, KEY_PAGE, MAX_DEPLOY_KEYS, OwnerKind, ProjectOwner, ProjectSpec, ProviderProject,
};
use http::Method;
use repoplane_domain::credential::GitAccess;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// GitHub REST: `GET /users/{username}`, which answers for organisations too.
#[derive(Deserialize)]
struct Owner {
    id: u64,
    login: String,
    #[serde(rename = "type")]
    kind: String,
}

/// GitHub REST: a repository.
#[derive(Deserialize)]
struct Project {
    id: u64,
    name: String,
    full_name: String,
    private: bool,
    visibility: Option<String>,
    description: Option<String>,
    ssh_url: Option<String>,
    clone_url: Option<String>,
}

/// GitHub REST: a deploy key.
#[derive(Deserialize)]
struct Key {
    id: u64,
    title: String,
    key: String,
    read_only: bool,
}

impl Project {
    fn read(self, caller: &Caller<'_>) -> ProviderProject {
        let visibility = match self.visibility.as_deref() {
            Some("internal") => Visibility::Internal,
            Some(_) | None if self.private => Visibility::Private,
            Some(_) | None => Visibility::Public,
        };
        let text = |text: Option<String>| text.map(|text| caller.clean(text)).unwrap_or_default();
        ProviderProject {
            id: self.id,
            name: caller.clean(&self.name),
            path: caller.clean(&self.name),
            full_name: caller.clean(&self.full_name),
            visibility,
            description: self.description.unwrap_or_default(),
            ssh_url: text(self.ssh_url),
            http_url: text(self.clone_url),
            is_being_deleted: false,
        }
    }
}

impl Key {
    fn read(self, caller: &Caller<'_>) -> DeployKey {
        let (title, key) = (caller.clean(&self.title), caller.clean(&self.key));
        DeployKey { id: self.id.to_string(), title, key, can_push: !self.read_only }
    }
}

/// An organisation, or the account of the token itself: GitHub makes repositories in no other.
pub(crate) async fn owner(caller: &Caller<'_>, name: &str, access: &GitAccess) -> Result<ProjectOwner, ProviderError> {
    let owner: Owner = caller.get(&["users", name]).await?;
    let kind = if owner.kind == "Organization" { OwnerKind::Organisation } else { OwnerKind::Account };
    if kind == OwnerKind::Account {
        let unusable = |reason| Err(ProviderError::unusable(caller.service(), reason));
        if matches!(access, GitAccess::App(_)) {
            return unusable("an app makes repositories in organisations alone, not in a person's account");
        }
        let own: Owner = caller.get(&["user"]).await?;
        if own.id != owner.id {
            return unusable("a repository in a person's account is made with a token of that person alone");
        }
    }
    Ok(ProjectOwner { id: owner.id, path: caller.clean(&owner.login), kind })
}

/// Owner and path are looked up literally: GitHub answers for what was renamed with a redirect, which would be another's.
pub(crate) async fn find(
    caller: &Caller<'_>,
    owner: &str,
    path: &str,
) -> Result<Option<ProviderProject>, ProviderError> {
    let project: Project = caller.get(&["repos", owner, path]).await?;
    let project = project.read(caller);
    let is_asked = project.full_name.eq_ignore_ascii_case(&format!("{owner}/{path}"));
    Ok(is_asked.then_some(project))
}

pub(crate) async fn show(caller: &Caller<'_>, id: u64) -> Result<Option<ProviderProject>, ProviderError> {
    let project: Project = caller.get(&["repositories", &id.to_string()]).await?;
    Ok(Some(project.read(caller)))
}

pub(crate) async fn create(
    caller: &Caller<'_>,
    owner: &ProjectOwner,
    spec: &ProjectSpec,
) -> Result<ProviderProject, ProviderError> {
    let mut body = body(spec);
    body["name"] = json!(spec.path);
    let path: &[&str] = match owner.kind {
        OwnerKind::Organisation | OwnerKind::Group => &["orgs", &owner.path, "repos"],
        OwnerKind::Account => &["user", "repos"],
    };
    let project: Project = caller.send(&Call::new(Method::POST, path).json(&body)).await?.json()?;
    Ok(project.read(caller))
}

pub(crate) async fn edit(caller: &Caller<'_>, id: u64, spec: &ProjectSpec) -> Result<ProviderProject, ProviderError> {
    let (owner, name) = named(caller, id).await?;
    let body = body(spec);
    let call = ["repos", &owner, &name];
    let project: Project = caller.send(&Call::new(Method::PATCH, &call).json(&body)).await?.json()?;
    Ok(project.read(caller))
}

pub(crate) async fn delete(caller: &Caller<'_>, id: u64) -> Result<(), ProviderError> {
    let (owner, name) = named(caller, id).await?;
    caller.send(&Call::new(Method::DELETE, &["repos", &owner, &name])).await.map(|_nothing| ())
}

pub(crate) async fn keys(caller: &Caller<'_>, id: u64) -> Result<Vec<DeployKey>, ProviderError> {
    let (owner, name) = named(caller, id).await?;
    let mut keys = Vec::new();
    for page in 1..=MAX_DEPLOY_KEYS / KEY_PAGE {
        let path = ["repos", &owner, &name, "keys"];
        let reply = caller.send(&Call::get(&path).query("per_page", KEY_PAGE).query("page", page)).await?;
        keys.extend(reply.json::<Vec<Key>>()?.into_iter().take(KEY_PAGE).map(|key| key.read(caller)));
        if reply.more() != More::Yes {
            break;
        }
    }
    Ok(keys)
}

pub(crate) async fn add_key(caller: &Caller<'_>, id: u64, spec: &DeployKeySpec) -> Result<DeployKey, ProviderError> {
    let (owner, name) = named(caller, id).await?;
    let body = json!({"title": spec.title, "key": spec.key, "read_only": !spec.can_push});
    let path = ["repos", &owner, &name, "keys"];
    let key: Key = caller.send(&Call::new(Method::POST, &path).json(&body)).await?.json()?;
    Ok(key.read(caller))
}

pub(crate) async fn delete_key(caller: &Caller<'_>, id: u64, key: &str) -> Result<(), ProviderError> {
    let key = number(caller, key)?;
    let (owner, name) = named(caller, id).await?;
    caller.send(&Call::new(Method::DELETE, &["repos", &owner, &name, "keys", key])).await.map(|_nothing| ())
}

/// Owner and name now: changes go to the very repository, whoever has its name by then.
async fn named(caller: &Caller<'_>, id: u64) -> Result<(String, String), ProviderError> {
    current_name(caller, &id.to_string()).await
}

/// GitHub knows `internal` in enterprises only, and says so itself.
fn body(spec: &ProjectSpec) -> Value {
    let mut body = Map::new();
    if let Some(description) = &spec.description {
        body.insert("description".to_owned(), json!(description));
    }
    match spec.visibility {
        Some(Visibility::Public) => body.insert("private".to_owned(), json!(false)),
        Some(Visibility::Private) => body.insert("private".to_owned(), json!(true)),
        Some(Visibility::Internal) => body.insert("visibility".to_owned(), json!("internal")),
        Some(Visibility::Unknown) | None => None,
    };
    Value::Object(body)
}
