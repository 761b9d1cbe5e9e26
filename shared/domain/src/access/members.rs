//! The members of a repository: one list, changed whole, with at least one owner.

use super::RepositoryRole;
use crate::error::{Conflict, Denial, DomainError, FieldErrors, Kind};
use crate::id::UserId;
use crate::input::{Field, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest list of members (design: the list is one item of at most 100 KB).
pub const MAX_MEMBERS: usize = 200;

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The user.
    pub user_id: UserId,
    /// The user's name when they were added or last changed.
    pub username: String,
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub display_name: Option<String>,
    /// E-mail, to find the member behind a provider's sender. Not shown to other members.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<String>,
    /// The role.
    pub role: RepositoryRole,
}

/// All members of a repository, in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Members(Vec<Member>);

/// How a body names a user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum MemberSelector {
    Id(UserId),
    Username(String),
}

/// A checked body of `POST /api/repos/:id/members`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddMember {
    /// Whom.
    pub user: MemberSelector,
    /// As what.
    pub role: RepositoryRole,
}

impl AddMember {
    /// Reads `{userId | username, role}`.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let id = object.text("userId").and_then(|text| match text.parse::<UserId>() {
            Ok(id) => Field::Value(id),
            Err(error) => {
                object.error("userId", error.to_string());
                Field::Invalid
            }
        });
        let username = object.text("username");
        let role = role_field(&mut object);
        let user = match (id, username) {
            (Field::Value(id), Field::Absent | Field::Null) => Some(MemberSelector::Id(id)),
            (Field::Absent | Field::Null, Field::Value(name)) => Some(MemberSelector::Username(name)),
            (Field::Invalid, _) | (_, Field::Invalid) => None,
            (Field::Value(_), Field::Value(_)) | (Field::Absent | Field::Null, Field::Absent | Field::Null) => {
                object.error("userId", "send either userId or username");
                None
            }
        };
        object.finish();
        let add = user.zip(role).map(|(user, role)| Self { user, role });
        errors.into_result(())?;
        add.ok_or_else(|| DomainError::invalid("", "a member needs a user and a role"))
    }
}

/// Reads the body `{role}` of `PATCH /api/repos/:id/members/:userId`.
///
/// # Errors
/// [`DomainError::Invalid`] with every wrong field.
pub fn read_role(body: &Value) -> Result<RepositoryRole, DomainError> {
    let mut errors = FieldErrors::new();
    let mut object = Object::root(body, &mut errors);
    let role = role_field(&mut object);
    object.finish();
    errors.into_result(role.unwrap_or(RepositoryRole::Member))
}

fn role_field(object: &mut Object<'_, '_>) -> Option<RepositoryRole> {
    let given = object.text("role");
    let role = given.as_value().and_then(|text| role_named(text));
    if role.is_none() && given != Field::Invalid {
        object.error("role", "role must be owner, maintainer or member");
    }
    role
}

/// The role of a word.
pub(crate) fn role_named(text: &str) -> Option<RepositoryRole> {
    match text {
        "owner" => Some(RepositoryRole::Owner),
        "maintainer" => Some(RepositoryRole::Maintainer),
        "member" => Some(RepositoryRole::Member),
        _ => None,
    }
}

/// Only owners make, change and remove owners: a maintainer must not be able to take a repository over.
///
/// # Errors
/// [`Denial::RepositoryOwner`].
pub fn may_touch(own: Option<RepositoryRole>, touched: RepositoryRole) -> Result<(), DomainError> {
    if touched == RepositoryRole::Owner && own != Some(RepositoryRole::Owner) {
        return Err(DomainError::Denied(Denial::RepositoryOwner));
    }
    Ok(())
}

impl Members {
    /// A list with its first owner.
    pub fn of_owner(owner: Member) -> Self {
        Self(vec![owner])
    }

    /// The members in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Member> {
        self.0.iter()
    }

    /// The role of a user, if they are a member.
    pub fn role_of(&self, user: UserId) -> Option<RepositoryRole> {
        self.get(user).map(|member| member.role)
    }

    /// One member.
    pub fn get(&self, user: UserId) -> Option<&Member> {
        self.0.iter().find(|member| member.user_id == user)
    }

    /// The earliest owner, shown as the creator.
    pub fn first_owner(&self) -> Option<&Member> {
        self.0.iter().find(|member| member.role == RepositoryRole::Owner)
    }

    /// Adds a member.
    ///
    /// # Errors
    /// [`DomainError::Conflict`] `MEMBER_EXISTS`; [`DomainError::TooLarge`] over [`MAX_MEMBERS`].
    pub fn add(&mut self, member: Member) -> Result<(), DomainError> {
        if self.role_of(member.user_id).is_some() {
            let conflict = Conflict::new("MEMBER_EXISTS", "the user is already a member of the repository");
            return Err(DomainError::Conflict(conflict.held_by(member.user_id)));
        }
        if self.0.len() >= MAX_MEMBERS {
            return Err(DomainError::TooLarge(format!("a repository has at most {MAX_MEMBERS} members")));
        }
        self.0.push(member);
        Ok(())
    }

    /// Changes a role.
    ///
    /// # Errors
    /// [`DomainError::NotFound`]; [`DomainError::Conflict`] `LAST_OWNER` when nobody would own the repository.
    pub fn set_role(&mut self, user: UserId, role: RepositoryRole) -> Result<(), DomainError> {
        let member = self.0.iter_mut().find(|member| member.user_id == user);
        member.ok_or(DomainError::NotFound(Kind::Member))?.role = role;
        self.need_owner()
    }

    /// Removes a member.
    ///
    /// # Errors
    /// As [`Members::set_role`].
    pub fn remove(&mut self, user: UserId) -> Result<(), DomainError> {
        let before = self.0.len();
        self.0.retain(|member| member.user_id != user);
        if self.0.len() == before {
            return Err(DomainError::NotFound(Kind::Member));
        }
        self.need_owner()
    }

    fn need_owner(&self) -> Result<(), DomainError> {
        if self.first_owner().is_some() {
            return Ok(());
        }
        let conflict = Conflict::new("LAST_OWNER", "the last owner of a repository cannot be removed or demoted");
        Err(DomainError::Conflict(conflict))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn member(n: i64, role: RepositoryRole) -> Member {
        let user_id = UserId::start_of(Timestamp::from_millisecond(n));
        Member { user_id, username: format!("u{n}"), display_name: None, email: None, role }
    }

    #[test]
    fn the_last_owner_stays() {
        let mut members = Members::of_owner(member(1, RepositoryRole::Owner));
        members.add(member(2, RepositoryRole::Member)).unwrap();
        let (first, second) = (members.0[0].user_id, members.0[1].user_id);
        let last_owner =
            |result: Result<(), DomainError>| matches!(result, Err(DomainError::Conflict(c)) if c.code == "LAST_OWNER");
        assert!(last_owner(members.clone().remove(first)));
        assert!(last_owner(members.clone().set_role(first, RepositoryRole::Maintainer)));
        members.set_role(second, RepositoryRole::Owner).unwrap();
        members.remove(first).unwrap();
        assert_eq!(members.role_of(second), Some(RepositoryRole::Owner));
    }

    #[test]
    fn a_body_names_exactly_one_user() {
        let id = UserId::start_of(Timestamp::from_millisecond(5));
        assert!(AddMember::read(&serde_json::json!({"userId": id, "role": "member"})).is_ok());
        assert!(AddMember::read(&serde_json::json!({"username": "ann", "role": "owner"})).is_ok());
        for body in [
            serde_json::json!({"role": "member"}),
            serde_json::json!({"userId": id, "username": "ann", "role": "member"}),
            serde_json::json!({"username": "ann", "role": "boss"}),
            serde_json::json!({"username": "ann"}),
            serde_json::json!([]),
        ] {
            assert!(matches!(AddMember::read(&body), Err(DomainError::Invalid(_))), "{body}");
        }
    }
}
