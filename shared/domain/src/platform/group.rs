//! Groups of users: they own platforms and projects, and are related to platforms as a whole (contract: abf 3).

use super::names::{MAX_ABF_NAME, MAX_PLATFORM_DESCRIPTION, is_group_name, read_line, read_name, read_word};
use super::owner::{Actor, Party, UserRef};
use crate::access::Principal;
use crate::error::{Conflict, DomainError, FieldErrors, Kind};
use crate::id::{TenantId, UserId};
use crate::input::{Field, Object};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The members of one group at most: a group is one item of the table.
pub const MAX_GROUP_MEMBERS: usize = 500;
/// Groups of one tenant at most: whoever lists platforms reads them all.
pub const MAX_GROUPS: usize = 1_000;

/// What a user is in a group, or a user or a group on a platform; weakest first (contract: abf 3, Member).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum RelationRole {
    Reader,
    Writer,
    Admin,
}

impl RelationRole {
    /// Their names.
    pub const WORDS: [(&'static str, Self); 3] =
        [("reader", Self::Reader), ("writer", Self::Writer), ("admin", Self::Admin)];

    /// Reads `{role}`; `admin` unless said (contract: abf 3: members added here always get `admin`).
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let role = read_word(&mut object, "role", &Self::WORDS).value().unwrap_or(Self::Admin);
        object.finish();
        errors.into_result(role)
    }
}

/// One member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    /// Who.
    pub user: UserRef,
    /// As what.
    pub role: RelationRole,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its number in the tenant.
    pub number: u64,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name, in one space with the names of users; never changes.
    pub uname: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Who may change it.
    pub owner: UserRef,
    /// Its members; the owner is the first.
    pub members: Vec<GroupMember>,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: u64,
}

impl Group {
    /// Whether a user belongs to it.
    pub fn has(&self, user: UserId) -> bool {
        self.members.iter().any(|member| member.user.id == user)
    }

    /// Whether a caller may change it and own things as it: its owner, and who passes every check.
    pub fn is_changed_by(&self, principal: &Principal) -> bool {
        self.owner.id == principal.user || principal.sees_all_repositories()
    }

    /// As others name it.
    pub fn party(&self) -> Party {
        Party { actor: Actor::Group(self.number), number: self.number, uname: self.uname.clone() }
    }

    fn changed(&self, now: Timestamp) -> Self {
        Self { updated_at: now, version: self.version + 1, ..self.clone() }
    }

    /// With a member, or with another role of one.
    ///
    /// # Errors
    /// [`DomainError::TooLarge`] over [`MAX_GROUP_MEMBERS`].
    pub fn with(&self, user: UserRef, role: RelationRole, now: Timestamp) -> Result<Self, DomainError> {
        let mut next = self.changed(now);
        match next.members.iter_mut().find(|member| member.user.id == user.id) {
            Some(member) => member.role = role,
            None => next.members.push(GroupMember { user, role }),
        }
        if next.members.len() > MAX_GROUP_MEMBERS {
            return Err(DomainError::TooLarge(format!("a group has at most {MAX_GROUP_MEMBERS} members")));
        }
        Ok(next)
    }

    /// Without a member.
    ///
    /// # Errors
    /// [`DomainError::NotFound`]; [`DomainError::Conflict`] `GROUP_OWNER` for the owner.
    pub fn without(&self, user: UserId, now: Timestamp) -> Result<Self, DomainError> {
        if !self.has(user) {
            return Err(DomainError::NotFound(Kind::Member));
        }
        if self.owner.id == user {
            return Err(DomainError::Conflict(Conflict::new("GROUP_OWNER", "the owner of a group stays its member")));
        }
        let mut next = self.changed(now);
        next.members.retain(|member| member.user.id != user);
        Ok(next)
    }
}

/// A checked body of `POST /api/groups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateGroup {
    uname: String,
    description: Option<String>,
}

impl CreateGroup {
    /// Reads `{uname, description?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let uname = read_name(&mut object, "uname", is_group_name);
        let description = read_line(&mut object, "description", MAX_PLATFORM_DESCRIPTION).value();
        object.finish();
        errors.into_result(Self { uname, description })
    }

    /// Makes the group; who makes it owns it.
    pub fn into_group(self, number: u64, tenant: TenantId, owner: UserRef, now: Timestamp) -> Group {
        Group {
            number,
            tenant,
            uname: self.uname,
            description: self.description,
            members: vec![GroupMember { user: owner.clone(), role: RelationRole::Admin }],
            owner,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}

/// A checked body of `PATCH /api/groups/{number}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchGroup {
    description: Field<String>,
}

impl PatchGroup {
    /// Reads `{description?}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let description = read_line(&mut object, "description", MAX_PLATFORM_DESCRIPTION);
        object.finish();
        errors.into_result(Self { description })
    }

    /// Applies it.
    #[must_use]
    pub fn apply(&self, stored: &Group, now: Timestamp) -> Group {
        let mut next = stored.changed(now);
        self.description.clone().patch(&mut next.description);
        next
    }
}

/// The name of the platform that comes with a user or a group (contract: abf 3). Names of users may be longer than ABF's
/// and have other letters, all of which a platform's name may have; one that is too long is cut and told apart by the
/// number.
pub fn personal_platform_name(uname: &str, number: u64) -> String {
    let name = format!("{uname}{PERSONAL_SUFFIX}");
    if name.len() <= MAX_ABF_NAME {
        return name;
    }
    // Names of users are ASCII by their rule.
    let tail = format!("-{number}{PERSONAL_SUFFIX}");
    let head: String = uname.chars().take(MAX_ABF_NAME.saturating_sub(tail.len())).collect();
    format!("{head}{tail}")
}

/// What names of personal platforms end with, and no others.
pub const PERSONAL_SUFFIX: &str = "_personal";
