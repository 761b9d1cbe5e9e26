//! Users and groups where either will do: as owners, and related to a platform.

use crate::access::{Principal, User};
use crate::id::UserId;
use serde::{Deserialize, Serialize};

/// A user or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", content = "id")]
pub enum Actor {
    /// A user.
    User(UserId),
    /// A group, by its number.
    Group(u64),
}

impl Actor {
    /// The name of its kind (contract: abf 4.7, `type`).
    pub fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "User",
            Self::Group(_) => "Group",
        }
    }
}

/// A user as others name them. Names and numbers are a user's for good, so both may be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserRef {
    /// The user.
    pub id: UserId,
    /// The user's number.
    pub number: u64,
    /// The user's name.
    pub username: String,
}

impl From<&User> for UserRef {
    fn from(user: &User) -> Self {
        Self { id: user.id, number: user.number, username: user.username.clone() }
    }
}

/// A user or a group as others name it. Names and numbers of both stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Party {
    /// Who.
    pub actor: Actor,
    /// The number of the user or the group.
    pub number: u64,
    /// The name of the user or the group; both share one space of names.
    pub uname: String,
}

impl From<&User> for Party {
    fn from(user: &User) -> Self {
        Self { actor: Actor::User(user.id), number: user.number, uname: user.username.clone() }
    }
}

impl Party {
    /// Whether it is this user.
    pub fn is_user(&self, user: UserId) -> bool {
        self.actor == Actor::User(user)
    }

    /// The number, if it is a group.
    pub fn group(&self) -> Option<u64> {
        match self.actor {
            Actor::Group(number) => Some(number),
            Actor::User(_) => None,
        }
    }
}

/// Who asks, and the groups among those that matter which the caller belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The caller.
    pub principal: &'a Principal,
    /// The groups that the question names, with their members.
    pub groups: &'a [super::Group],
}

impl Asking<'_> {
    /// One of the groups.
    pub(super) fn group(&self, number: u64) -> Option<&super::Group> {
        self.groups.iter().find(|group| group.number == number)
    }

    /// Whether the caller is this user or group: the user, or a member of the group.
    pub(super) fn is(&self, actor: Actor) -> bool {
        match actor {
            Actor::User(user) => user == self.principal.user,
            Actor::Group(number) => self.group(number).is_some_and(|group| group.has(self.principal.user)),
        }
    }

    /// Whether the caller owns what this one owns: the user, or the owner of the group.
    pub(super) fn owns_as(&self, actor: Actor) -> bool {
        match actor {
            Actor::User(user) => user == self.principal.user,
            Actor::Group(number) => self.group(number).is_some_and(|group| group.owner.id == self.principal.user),
        }
    }
}
