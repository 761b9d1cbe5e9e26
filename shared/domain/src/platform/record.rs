//! The record of a platform with its relations (contract: abf 3).

use super::group::{PERSONAL_SUFFIX, RelationRole, personal_platform_name};
use super::names::{
    MAX_ABF_NAME, MAX_PLATFORM_DESCRIPTION, RESERVED, is_platform_name, read_line, read_name, read_word,
};
use super::owner::{Actor, Party};
use crate::error::{DomainError, FieldErrors, Kind};
use crate::id::TenantId;
use crate::input::{Field, Object};
use crate::repository::MAX_BRANCH_NAME_BYTES;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Users and groups related to one platform at most: a platform is one item of the table.
pub const MAX_RELATIONS: usize = 200;
/// Repositories of one platform at most: what concerns all of them is one transaction.
pub const MAX_REPOSITORIES_OF_PLATFORM: usize = 60;
/// The kind of distribution unless said.
pub const DEFAULT_DISTRIB_TYPE: &str = "mdv";
/// The one repository that a personal platform has for good.
pub const MAIN_REPOSITORY: &str = "main";

/// What a platform is for; fixed at creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlatformType {
    /// A distribution.
    Main,
    /// What one user or group builds for themselves.
    Personal,
}

impl PlatformType {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Personal => "personal",
        }
    }
}

/// Who may look at a platform or a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody in the tenant.
    Open,
    /// Those who have to do with it.
    Hidden,
}

impl Visibility {
    /// Their names.
    pub const WORDS: [(&'static str, Self); 2] = [("open", Self::Open), ("hidden", Self::Hidden)];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Hidden => "hidden",
        }
    }
}

/// What a user or a group is on a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Who.
    pub party: Party,
    /// As what.
    pub role: RelationRole,
}

/// A platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// Its number in the tenant.
    pub number: u64,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name, unique in the tenant ignoring case; never changes.
    pub name: String,
    /// What it is for.
    pub platform_type: PlatformType,
    /// Who may look at it.
    pub visibility: Visibility,
    /// Once true, nothing is published without the platform's administrators.
    pub released: bool,
    /// Who owns it; fixed for a personal one.
    pub owner: Party,
    /// The branch that is built unless another is named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub default_branch: Option<String>,
    /// The kind of distribution, like `mdv` or `rhel`.
    pub distrib_type: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// The platform that it was made from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<u64>,
    /// Who has to do with it besides the owner.
    #[serde(default)]
    pub relations: Vec<Relation>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: u64,
}

impl Platform {
    /// The one that comes with a user or a group.
    pub fn personal(number: u64, tenant: TenantId, owner: Party, now: Timestamp) -> Self {
        let name = personal_platform_name(&owner.uname, owner.number);
        Self {
            number,
            tenant,
            description: Some(name.clone()),
            name,
            platform_type: PlatformType::Personal,
            visibility: Visibility::Open,
            released: false,
            owner,
            default_branch: None,
            distrib_type: DEFAULT_DISTRIB_TYPE.to_owned(),
            parent: None,
            relations: Vec::new(),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// Whether it is a distribution.
    pub fn is_main(&self) -> bool {
        self.platform_type == PlatformType::Main
    }

    /// The groups that decide who may do what here.
    pub fn groups(&self) -> Vec<u64> {
        let named = self.relations.iter().filter_map(|relation| relation.party.group());
        let mut groups: Vec<u64> = named.chain(self.owner.group()).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    fn changed(&self, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version + 1, ..self.clone() }
    }

    /// With a relation, or with another role of one.
    ///
    /// # Errors
    /// [`DomainError::TooLarge`] over [`MAX_RELATIONS`].
    pub fn with(&self, party: Party, role: RelationRole, now: Timestamp) -> Result<Self, DomainError> {
        let mut next = self.changed(now);
        match next.relations.iter_mut().find(|relation| relation.party.actor == party.actor) {
            Some(relation) => relation.role = role,
            None => next.relations.push(Relation { party, role }),
        }
        if next.relations.len() > MAX_RELATIONS {
            return Err(DomainError::TooLarge(format!("a platform has at most {MAX_RELATIONS} members")));
        }
        Ok(next)
    }

    /// Without a relation.
    ///
    /// # Errors
    /// [`DomainError::NotFound`].
    pub fn without(&self, actor: Actor, now: Timestamp) -> Result<Self, DomainError> {
        let mut next = self.changed(now);
        next.relations.retain(|relation| relation.party.actor != actor);
        if next.relations.len() == self.relations.len() {
            return Err(DomainError::NotFound(Kind::Member));
        }
        Ok(next)
    }
}

/// A checked body of `POST /api/platforms`: a distribution. Personal platforms come with their users and groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePlatform {
    name: String,
    visibility: Visibility,
    default_branch: Option<String>,
    distrib_type: String,
    description: Option<String>,
    /// The platform that it is made from.
    pub parent: Option<u64>,
    /// The group that shall own it; the caller without.
    pub owner_group: Option<u64>,
}

impl CreatePlatform {
    /// Reads `{name, visibility?, defaultBranch?, distribType?, description?, parent?, ownerGroup?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let name = read_name(&mut object, "name", is_platform_name);
        if name.to_lowercase().ends_with(PERSONAL_SUFFIX) {
            object.error("name", RESERVED);
        }
        let number = |object: &mut Object<'_, '_>, key| object.integer(key, 1..=MAX_NUMBER).value();
        let command = Self {
            name,
            visibility: read_word(&mut object, "visibility", &Visibility::WORDS).value().unwrap_or(Visibility::Open),
            default_branch: read_line(&mut object, "defaultBranch", MAX_BRANCH_NAME_BYTES).value(),
            distrib_type: read_distrib_type(&mut object).value().unwrap_or_else(|| DEFAULT_DISTRIB_TYPE.to_owned()),
            description: read_line(&mut object, "description", MAX_PLATFORM_DESCRIPTION).value(),
            parent: number(&mut object, "parent").map(i64::unsigned_abs),
            owner_group: number(&mut object, "ownerGroup").map(i64::unsigned_abs),
        };
        object.finish();
        errors.into_result(command)
    }

    /// Makes the platform.
    pub fn into_platform(self, number: u64, tenant: TenantId, owner: Party, now: Timestamp) -> Platform {
        Platform {
            name: self.name,
            platform_type: PlatformType::Main,
            visibility: self.visibility,
            default_branch: self.default_branch,
            distrib_type: self.distrib_type,
            description: self.description,
            parent: self.parent,
            ..Platform::personal(number, tenant, owner, now)
        }
    }
}

/// The greatest number that JSON's readers all take for what it is.
pub const MAX_NUMBER: i64 = (1 << 53) - 1;

fn read_distrib_type(object: &mut Object<'_, '_>) -> Field<String> {
    read_line(object, "distribType", MAX_ABF_NAME)
}

/// A checked body of `PATCH /api/platforms/{number}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchPlatform {
    visibility: Option<Visibility>,
    released: Option<bool>,
    default_branch: Field<String>,
    distrib_type: Field<String>,
    description: Field<String>,
}

impl PatchPlatform {
    /// Reads `{visibility?, released?, defaultBranch?, distribType?, description?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let patch = Self {
            visibility: read_word(&mut object, "visibility", &Visibility::WORDS).value(),
            released: object.boolean("released").value(),
            default_branch: read_line(&mut object, "defaultBranch", MAX_BRANCH_NAME_BYTES),
            distrib_type: read_distrib_type(&mut object),
            description: read_line(&mut object, "description", MAX_PLATFORM_DESCRIPTION),
        };
        object.finish();
        errors.into_result(patch)
    }

    /// Applies it. What is released stays so.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] at `/released`.
    pub fn apply(&self, stored: &Platform, now: Timestamp) -> Result<Platform, DomainError> {
        if stored.released && self.released == Some(false) {
            return Err(DomainError::invalid("/released", "what was released stays so"));
        }
        let mut next = stored.changed(now);
        next.visibility = self.visibility.unwrap_or(stored.visibility);
        next.released = self.released.unwrap_or(stored.released);
        self.default_branch.clone().patch(&mut next.default_branch);
        self.description.clone().patch(&mut next.description);
        match &self.distrib_type {
            Field::Value(text) => next.distrib_type.clone_from(text),
            Field::Null => DEFAULT_DISTRIB_TYPE.clone_into(&mut next.distrib_type),
            Field::Absent | Field::Invalid => {}
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;
    use serde_json::json;

    fn platform() -> Platform {
        let now = Timestamp::from_second(0);
        let owner = Party { actor: Actor::User(UserId::start_of(now)), number: 1, uname: "ann".to_owned() };
        let command = CreatePlatform::read(&json!({"name": "cooker"})).unwrap();
        command.into_platform(3, TenantId::start_of(now), owner, now)
    }

    #[test]
    fn all_wrong_fields_are_named() {
        let body = json!({"name": "a b", "visibility": "secret", "parent": 0, "x": 1, "description": 7});
        let Err(DomainError::Invalid(errors)) = CreatePlatform::read(&body) else { panic!("all of it is wrong") };
        let pointers: Vec<_> = errors.as_slice().iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/visibility", "/description", "/parent", "/x"]);
    }

    #[test]
    fn names_of_personal_platforms_are_reserved() {
        for name in ["ann_personal", "ANN_Personal"] {
            assert!(CreatePlatform::read(&json!({"name": name})).is_err(), "{name}");
        }
        assert!(CreatePlatform::read(&json!({"name": "ann_personal.2"})).is_ok());
    }

    #[test]
    fn what_is_released_stays_released() {
        let released = |value| PatchPlatform::read(&json!({"released": value})).unwrap();
        let now = Timestamp::from_second(1);
        let next = released(true).apply(&platform(), now).unwrap();
        assert!(next.released && next.version == 2);
        assert!(released(false).apply(&next, now).is_err());
        assert!(!released(false).apply(&platform(), now).unwrap().released);
    }

    #[test]
    fn a_relation_is_added_once_and_bounded() {
        let now = Timestamp::from_second(1);
        let party = |number: u64| Party { actor: Actor::Group(number), number, uname: format!("g{number}") };
        let one = platform().with(party(1), RelationRole::Reader, now).unwrap();
        let same = one.with(party(1), RelationRole::Admin, now).unwrap();
        assert_eq!(same.relations.len(), 1);
        assert_eq!(same.relations[0].role, RelationRole::Admin);
        assert_eq!(same.groups(), [1]);
        assert!(same.without(Actor::Group(2), now).is_err());
        assert!(same.without(Actor::Group(1), now).unwrap().relations.is_empty());
        let mut full = platform();
        for number in 0..MAX_RELATIONS as u64 {
            full = full.with(party(number), RelationRole::Reader, now).unwrap();
        }
        assert!(full.with(party(9_999), RelationRole::Reader, now).is_err());
    }
}
