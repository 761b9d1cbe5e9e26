//! Projects: what packages are built from, and what repositories of platforms are filled with (contract: abf 3).

use super::names::{MAX_PLATFORM_DESCRIPTION, is_project_name, read_line, read_name, read_word};
use super::owner::{Asking, Party, UserRef};
use super::record::{MAX_NUMBER, Visibility};
use super::rights::is_global_administrator;
use crate::error::{DomainError, FieldErrors};
use crate::id::{RepositoryId, TenantId};
use crate::input::{Field, Object};
use crate::repository::{MAX_BRANCH_NAME_BYTES, is_branch_name, normalize_remote};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Repositories that one project can be in at most; they stand in its record.
pub const MAX_REPOSITORIES_OF_PROJECT: usize = 200;
/// The branch of a project's remote unless said.
pub const DEFAULT_PROJECT_BRANCH: &str = "master";
/// Longest URL of a project's remote, in bytes.
const MAX_REMOTE_BYTES: usize = 2048;

/// A repository that a project was added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectPlace {
    /// The repository.
    pub repository: RepositoryId,
    /// Its number.
    pub number: u64,
    /// The number of its platform.
    pub platform: u64,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildProject {
    /// Its number in the tenant.
    pub number: u64,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name, unique for its owner ignoring case; never changes.
    pub name: String,
    /// Who owns it; never changes.
    pub owner: Party,
    /// Who may look at it.
    pub visibility: Visibility,
    /// Who sees to it.
    pub maintainer: UserRef,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Where its sources are, if the registry knows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remote_url: Option<String>,
    /// The branch of the remote that packages are built from.
    pub branch: String,
    /// Whether packages are built from it.
    pub is_package: bool,
    /// The repositories that it is in; one that was deleted since may be among them for a while.
    #[serde(default)]
    pub repositories: Vec<ProjectPlace>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: u64,
}

impl BuildProject {
    /// `<owner>/<name>`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner.uname, self.name)
    }

    /// Whether syncs read its spec files: packages are built from it, and it is known where its sources are.
    pub fn is_read(&self) -> bool {
        self.is_package && self.remote_url.is_some()
    }

    /// Whether a caller may look at it (contract: abf 4.9). Nobody is related to a project alone.
    pub fn is_readable_by(&self, asking: Asking<'_>) -> bool {
        self.visibility == Visibility::Open
            || is_global_administrator(asking.principal)
            || asking.principal.sees_all_repositories()
            || asking.is(self.owner.actor)
    }

    /// Whether a caller may change it.
    pub fn is_changed_by(&self, asking: Asking<'_>) -> bool {
        is_global_administrator(asking.principal)
            || asking.principal.sees_all_repositories()
            || asking.owns_as(self.owner.actor)
    }

    fn changed(&self, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version + 1, ..self.clone() }
    }

    /// In one more repository.
    ///
    /// # Errors
    /// [`DomainError::TooLarge`] over [`MAX_REPOSITORIES_OF_PROJECT`].
    pub fn added_to(&self, place: ProjectPlace, now: Timestamp) -> Result<Self, DomainError> {
        let mut next = self.removed_from(place.repository, now);
        if next.repositories.len() >= MAX_REPOSITORIES_OF_PROJECT {
            let text = format!("a project is in at most {MAX_REPOSITORIES_OF_PROJECT} repositories");
            return Err(DomainError::TooLarge(text));
        }
        next.repositories.push(place);
        Ok(next)
    }

    /// In one repository less.
    #[must_use]
    pub fn removed_from(&self, repository: RepositoryId, now: Timestamp) -> Self {
        let mut next = self.changed(now);
        next.repositories.retain(|place| place.repository != repository);
        next
    }
}

/// A checked body of `POST /api/projects`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateProject {
    /// Its name.
    pub name: String,
    visibility: Visibility,
    description: Option<String>,
    remote_url: Option<String>,
    branch: String,
    is_package: bool,
    /// The group that shall own it; the caller without.
    pub owner_group: Option<u64>,
    /// The number of the user who sees to it; the caller without.
    pub maintainer: Option<u64>,
}

impl CreateProject {
    /// Reads `{name, visibility?, description?, remoteUrl?, branch?, isPackage?, ownerGroup?, maintainer?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let command = Self {
            name: read_name(&mut object, "name", is_project_name),
            visibility: read_word(&mut object, "visibility", &Visibility::WORDS).value().unwrap_or(Visibility::Open),
            description: read_line(&mut object, "description", MAX_PLATFORM_DESCRIPTION).value(),
            remote_url: read_remote(&mut object).value(),
            branch: read_branch(&mut object).value().unwrap_or_else(|| DEFAULT_PROJECT_BRANCH.to_owned()),
            is_package: object.boolean("isPackage").value().unwrap_or(true),
            owner_group: object.integer("ownerGroup", 1..=MAX_NUMBER).value().map(i64::unsigned_abs),
            maintainer: read_maintainer(&mut object),
        };
        object.finish();
        errors.into_result(command)
    }

    /// Makes the project.
    pub fn into_project(
        self,
        number: u64,
        tenant: TenantId,
        (owner, maintainer): (Party, UserRef),
        now: Timestamp,
    ) -> BuildProject {
        BuildProject {
            number,
            tenant,
            name: self.name,
            owner,
            visibility: self.visibility,
            maintainer,
            description: self.description,
            remote_url: self.remote_url,
            branch: self.branch,
            is_package: self.is_package,
            repositories: Vec::new(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}

/// A checked body of `PATCH /api/projects/{number}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchProject {
    visibility: Option<Visibility>,
    description: Field<String>,
    remote_url: Field<String>,
    branch: Field<String>,
    is_package: Option<bool>,
    /// The number of the user who shall see to it.
    pub maintainer: Option<u64>,
}

impl PatchProject {
    /// Reads `{visibility?, description?, remoteUrl?, branch?, isPackage?, maintainer?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let patch = Self {
            visibility: read_word(&mut object, "visibility", &Visibility::WORDS).value(),
            description: read_line(&mut object, "description", MAX_PLATFORM_DESCRIPTION),
            remote_url: read_remote(&mut object),
            branch: read_branch(&mut object),
            is_package: object.boolean("isPackage").value(),
            maintainer: read_maintainer(&mut object),
        };
        object.finish();
        errors.into_result(patch)
    }

    /// Applies it, with the maintainer that it names.
    #[must_use]
    pub fn apply(&self, stored: &BuildProject, maintainer: Option<UserRef>, now: Timestamp) -> BuildProject {
        let mut next = stored.changed(now);
        next.visibility = self.visibility.unwrap_or(stored.visibility);
        next.is_package = self.is_package.unwrap_or(stored.is_package);
        next.maintainer = maintainer.unwrap_or_else(|| stored.maintainer.clone());
        self.description.clone().patch(&mut next.description);
        self.remote_url.clone().patch(&mut next.remote_url);
        match &self.branch {
            Field::Value(branch) => next.branch.clone_from(branch),
            Field::Null => DEFAULT_PROJECT_BRANCH.clone_into(&mut next.branch),
            Field::Absent | Field::Invalid => {}
        }
        next
    }
}

fn read_maintainer(object: &mut Object<'_, '_>) -> Option<u64> {
    object.integer("maintainer", 1..=MAX_NUMBER).value().map(i64::unsigned_abs)
}

fn read_remote(object: &mut Object<'_, '_>) -> Field<String> {
    object.trimmed("remoteUrl", MAX_REMOTE_BYTES).and_then(|text| match normalize_remote(&text) {
        Ok(_) => Field::Value(text),
        Err(error) => {
            object.error("remoteUrl", error.to_string());
            Field::Invalid
        }
    })
}

fn read_branch(object: &mut Object<'_, '_>) -> Field<String> {
    object.trimmed("branch", MAX_BRANCH_NAME_BYTES).and_then(|text| {
        if is_branch_name(&text) {
            return Field::Value(text);
        }
        object.error("branch", "must be the name of a branch");
        Field::Invalid
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_wrong_fields_are_named() {
        let body =
            json!({"name": "../x", "visibility": 1, "remoteUrl": "file:///etc", "branch": "a..b", "maintainer": "x"});
        let Err(DomainError::Invalid(errors)) = CreateProject::read(&body) else { panic!("all of it is wrong") };
        let pointers: Vec<_> = errors.as_slice().iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/visibility", "/remoteUrl", "/branch", "/maintainer"]);
    }

    #[test]
    fn a_project_is_in_a_repository_once() {
        let now = Timestamp::from_second(0);
        let user = crate::id::UserId::start_of(now);
        let owner = Party { actor: super::super::Actor::User(user), number: 1, uname: "ann".to_owned() };
        let maintainer = UserRef { id: user, number: 1, username: "ann".to_owned() };
        let project = CreateProject::read(&json!({"name": "gtk+3.0"})).unwrap();
        let project = project.into_project(1, TenantId::start_of(now), (owner, maintainer), now);
        let place = |n| ProjectPlace {
            repository: RepositoryId::start_of(Timestamp::from_second(n)),
            number: n.unsigned_abs(),
            platform: 1,
        };
        let twice = project.added_to(place(1), now).unwrap().added_to(place(1), now).unwrap();
        assert_eq!(twice.repositories, [place(1)]);
        assert_eq!(twice.version, 3);
        assert!(twice.removed_from(place(1).repository, now).repositories.is_empty());
    }
}
