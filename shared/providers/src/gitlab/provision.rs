//! Projects of a group at GitLab and their deploy keys (GitLab REST: groups, projects, deploy keys).

use super::usable;
use crate::call::{Call, Caller, is_number};
use crate::error::ProviderError;
use crate::meta::Visibility;
use crate::paging::More;
use crate::provision::{
    DeployKey, DeployKeySpec, KEY_PAGE, MAX_DEPLOY_KEYS, OwnerKind, ProjectOwner, ProjectSpec, ProviderProject,
};
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// GitLab REST: `GET /groups/:id`.
#[derive(Deserialize)]
struct Group {
    id: u64,
    full_path: String,
}

/// GitLab REST: a project.
#[derive(Deserialize)]
struct Project {
    id: u64,
    name: String,
    path: String,
    path_with_namespace: String,
    visibility: Option<String>,
    description: Option<String>,
    ssh_url_to_repo: Option<String>,
    http_url_to_repo: Option<String>,
    marked_for_deletion_on: Option<String>,
    marked_for_deletion_at: Option<String>,
}

/// GitLab REST: a deploy key of a project.
#[derive(Deserialize)]
struct Key {
    id: u64,
    title: String,
    key: String,
    #[serde(default)]
    can_push: bool,
}

impl Project {
    fn read(self, caller: &Caller<'_>) -> ProviderProject {
        let visibility = match self.visibility.as_deref() {
            Some("public") => Visibility::Public,
            Some("internal") => Visibility::Internal,
            Some(_) => Visibility::Private,
            None => Visibility::Unknown,
        };
        let text = |text: Option<String>| text.map(|text| caller.clean(text)).unwrap_or_default();
        ProviderProject {
            id: self.id,
            name: caller.clean(&self.name),
            path: caller.clean(&self.path),
            full_name: caller.clean(&self.path_with_namespace),
            visibility,
            description: self.description.unwrap_or_default(),
            ssh_url: text(self.ssh_url_to_repo),
            http_url: text(self.http_url_to_repo),
            is_being_deleted: self.marked_for_deletion_on.or(self.marked_for_deletion_at).is_some(),
        }
    }
}

impl Key {
    fn read(self, caller: &Caller<'_>) -> DeployKey {
        let (title, key) = (caller.clean(&self.title), caller.clean(&self.key));
        DeployKey { id: self.id.to_string(), title, key, can_push: self.can_push }
    }
}

pub(crate) async fn owner(caller: &Caller<'_>, path: &str) -> Result<ProjectOwner, ProviderError> {
    let path = ["groups", usable(path)?];
    // The list of its projects, which is long and old, is not asked for.
    let group: Group = caller.send(&Call::get(&path).query("with_projects", false)).await?.json()?;
    Ok(ProjectOwner { id: group.id, path: caller.clean(&group.full_path), kind: OwnerKind::Group })
}

pub(crate) async fn find(
    caller: &Caller<'_>,
    owner: &str,
    path: &str,
) -> Result<Option<ProviderProject>, ProviderError> {
    let asked = format!("{owner}/{path}");
    let project: Project = caller.get(&["projects", usable(&asked)?]).await?;
    let project = project.read(caller);
    // A project that was renamed or moved is still found by its old path.
    Ok(project.full_name.eq_ignore_ascii_case(&asked).then_some(project))
}

pub(crate) async fn show(caller: &Caller<'_>, id: u64) -> Result<Option<ProviderProject>, ProviderError> {
    let project: Project = caller.get(&["projects", &id.to_string()]).await?;
    Ok(Some(project.read(caller)))
}

pub(crate) async fn create(
    caller: &Caller<'_>,
    owner: &ProjectOwner,
    spec: &ProjectSpec,
) -> Result<ProviderProject, ProviderError> {
    let mut body = body(spec);
    body["path"] = json!(spec.path);
    body["namespace_id"] = json!(owner.id);
    if spec.name.is_none() {
        body["name"] = json!(spec.path);
    }
    let project: Project = caller.send(&Call::new(Method::POST, &["projects"]).json(&body)).await?.json()?;
    Ok(project.read(caller))
}

pub(crate) async fn edit(caller: &Caller<'_>, id: u64, spec: &ProjectSpec) -> Result<ProviderProject, ProviderError> {
    let body = body(spec);
    let id = id.to_string();
    // GitLab refuses a change that changes nothing (GitLab REST: at least one attribute).
    if body.as_object().is_some_and(Map::is_empty) {
        let project: Project = caller.get(&["projects", &id]).await?;
        return Ok(project.read(caller));
    }
    let project: Project = caller.send(&Call::new(Method::PUT, &["projects", &id]).json(&body)).await?.json()?;
    Ok(project.read(caller))
}

pub(crate) async fn delete(caller: &Caller<'_>, id: u64) -> Result<(), ProviderError> {
    caller.send(&Call::new(Method::DELETE, &["projects", &id.to_string()])).await.map(|_accepted| ())
}

pub(crate) async fn keys(caller: &Caller<'_>, id: u64) -> Result<Vec<DeployKey>, ProviderError> {
    let id = id.to_string();
    let mut keys = Vec::new();
    for page in 1..=MAX_DEPLOY_KEYS / KEY_PAGE {
        let path = ["projects", &id, "deploy_keys"];
        let reply = caller.send(&Call::get(&path).query("per_page", KEY_PAGE).query("page", page)).await?;
        let listed: Vec<Key> = reply.json()?;
        let is_full = listed.len() >= KEY_PAGE;
        keys.extend(listed.into_iter().take(KEY_PAGE).map(|key| key.read(caller)));
        let more = reply.more();
        if more == More::No || (more == More::Untold && !is_full) {
            break;
        }
    }
    Ok(keys)
}

pub(crate) async fn add_key(caller: &Caller<'_>, id: u64, spec: &DeployKeySpec) -> Result<DeployKey, ProviderError> {
    let body = json!({"title": spec.title, "key": spec.key, "can_push": spec.can_push});
    let path = ["projects", &id.to_string(), "deploy_keys"];
    let key: Key = caller.send(&Call::new(Method::POST, &path).json(&body)).await?.json()?;
    Ok(key.read(caller))
}

pub(crate) async fn delete_key(caller: &Caller<'_>, id: u64, key: &str) -> Result<(), ProviderError> {
    if !is_number(key) {
        return Err(ProviderError::unusable(caller.service(), "the key's id must be a number"));
    }
    let path = ["projects", &id.to_string(), "deploy_keys", key];
    caller.send(&Call::new(Method::DELETE, &path)).await.map(|_nothing| ())
}

fn body(spec: &ProjectSpec) -> Value {
    let visibility = match spec.visibility {
        Some(Visibility::Unknown) | None => None,
        Some(visibility @ (Visibility::Public | Visibility::Internal | Visibility::Private)) => {
            Some(visibility.as_str())
        }
    };
    let members =
        [("name", spec.name.as_deref()), ("visibility", visibility), ("description", spec.description.as_deref())];
    let told = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    Value::Object(told.collect())
}
