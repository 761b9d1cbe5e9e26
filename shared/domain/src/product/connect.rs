//! Connecting a product to its Git server, and saying who works in it: what administrators change of a product.

use super::{MAX_PRODUCT_MEMBERS, Product, ProviderConnection, is_base_url};
use crate::access::{Members, RepositoryRole, role_named};
use crate::error::{Conflict, DomainError, FieldErrors};
use crate::id::{CredentialId, UserId};
use crate::input::{Field, Object};
use crate::repository::{Provider, Repository, read_api_base_url};
use crate::time::Timestamp;
use serde_json::Value;

/// Longest owner, in bytes (GitLab: 255 for a part of a path, 20 parts deep).
pub const MAX_OWNER_BYTES: usize = 1024;

/// A checked body of `PATCH /api/products/{name}`; what it does not name stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchProduct {
    base_url: Field<String>,
    connection: Field<ProviderConnection>,
    /// Who shall work in the product, each with a role; nothing is said of the others' names here.
    pub members: Option<Vec<(UserId, RepositoryRole)>>,
}

impl PatchProduct {
    /// Reads the body.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let base_url = object.trimmed("baseUrl", MAX_OWNER_BYTES).and_then(|text| {
            let text = text.trim_end_matches('/').to_owned();
            if is_base_url(&text) {
                return Field::Value(text);
            }
            object.error("baseUrl", "must be an http or https URL without user, query or fragment");
            Field::Invalid
        });
        if base_url == Field::Null {
            object.error("baseUrl", "baseUrl must not be null");
        }
        let connection = match object.object("connection") {
            Field::Value(value) => read_connection(object.nested("connection", value)),
            Field::Null => Field::Null,
            Field::Absent => Field::Absent,
            Field::Invalid => Field::Invalid,
        };
        let members = match object.array("members") {
            Field::Value(list) => Some(read_members(&mut object, list)),
            Field::Null => {
                object.error("members", "members must not be null");
                None
            }
            Field::Absent | Field::Invalid => None,
        };
        object.finish();
        errors.into_result(Self { base_url, connection, members })
    }

    /// The credential that the new connection names, if there is one.
    pub fn credential(&self) -> Option<CredentialId> {
        self.connection.as_value().map(|connection| connection.credential)
    }

    /// Whether the body connects the product.
    pub fn connects(&self) -> bool {
        self.connection.as_value().is_some()
    }

    /// The product as it is then; `None` when nothing changes. `repositories` are those that it has.
    ///
    /// # Errors
    /// `PRODUCT_HAS_PROJECTS` when projects were made at another server than that of the new connection.
    pub fn apply(
        &self,
        stored: &Product,
        members: Option<Members>,
        repositories: &[Repository],
        now: Timestamp,
    ) -> Result<Option<Product>, DomainError> {
        let mut next = stored.clone();
        if let Field::Value(base_url) = &self.base_url {
            next.base_url.clone_from(base_url);
        }
        match &self.connection {
            Field::Value(connection) => next.connection = Some(connection.clone()),
            Field::Null => next.connection = None,
            Field::Absent | Field::Invalid => {}
        }
        if let Some(connection) = self.connection.as_value() {
            let made =
                |repository: &&Repository| repository.product.as_ref().is_some_and(|code| code.provisioned.is_some());
            let elsewhere = repositories.iter().filter(made).find(|repository| !connection.is_where(repository));
            if let Some(repository) = elsewhere {
                let text = "projects of the product were made at another server: delete their repositories first";
                return Err(DomainError::Conflict(Conflict::new("PRODUCT_HAS_PROJECTS", text).held_by(repository.id)));
            }
        }
        if let Some(members) = members {
            next.members = members;
        }
        if next == *stored {
            return Ok(None);
        }
        (next.updated_at, next.version) = (now, stored.version + 1);
        Ok(Some(next))
    }
}

fn read_connection(mut object: Object<'_, '_>) -> Field<ProviderConnection> {
    let given = object.text("provider");
    let provider = given.as_value().and_then(|text| Provider::parse(text)).filter(|known| *known != Provider::Git);
    if provider.is_none() && given != Field::Invalid {
        object.error("provider", "provider must be gitlab or github");
    }
    let api_base_url = read_api_base_url(&mut object).value();
    let owner = object.trimmed("owner", MAX_OWNER_BYTES);
    let parts_of = |text: &str| text.split('/').filter(|part| !matches!(*part, "" | "." | "..")).count();
    let is_owner = |text: &&String| {
        let parts = text.split('/').count();
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
        plain && parts_of(text) == parts && (parts == 1 || provider != Some(Provider::Github))
    };
    if owner.as_value().filter(is_owner).is_none() && owner != Field::Invalid {
        object.error(
            "owner",
            "owner must be the path of a GitLab group, or the name of a GitHub organisation or account",
        );
    }
    let credential = object.text("credentialId");
    let id: Option<CredentialId> = credential.as_value().and_then(|text| text.parse().ok());
    if id.is_none() && credential != Field::Invalid {
        object.error("credentialId", "credentialId must be the id of a credential of the vault");
    }
    let delete_at_provider = object.boolean("deleteAtProvider").value().unwrap_or_default();
    object.finish();
    match (provider, owner.value(), id) {
        (Some(provider), Some(owner), Some(credential)) => {
            Field::Value(ProviderConnection { provider, api_base_url, owner, credential, delete_at_provider })
        }
        _incomplete => Field::Invalid,
    }
}

fn read_members<'v>(object: &mut Object<'v, '_>, list: &'v [Value]) -> Vec<(UserId, RepositoryRole)> {
    if list.len() > MAX_PRODUCT_MEMBERS {
        object.error("members", format!("a product may have at most {MAX_PRODUCT_MEMBERS} members"));
        return Vec::new();
    }
    let mut members: Vec<(UserId, RepositoryRole)> = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let place = format!("{}/{index}", object.pointer("members"));
        if !value.is_object() {
            object.errors().push(place, "must be an object");
            continue;
        }
        let mut member = Object::at(value, place, object.errors());
        let (user, role) = (member.text("userId"), member.text("role"));
        let id: Option<UserId> = user.as_value().and_then(|text| text.parse().ok());
        if id.is_none() && user != Field::Invalid {
            member.error("userId", "userId must be the id of a user");
        }
        let known = role.as_value().and_then(|text| role_named(text));
        if known.is_none() && role != Field::Invalid {
            member.error("role", "role must be owner, maintainer or member");
        }
        let twice = id.is_some_and(|id| members.iter().any(|(other, _)| *other == id));
        if twice {
            member.error("userId", "userId is there twice");
        }
        member.finish();
        if let (Some(id), Some(role)) = (id, known) {
            members.push((id, role));
        }
    }
    if !members.iter().any(|(_, role)| *role == RepositoryRole::Owner) {
        object.error("members", "members must have an owner");
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pointers(body: &Value) -> Vec<String> {
        let Err(DomainError::Invalid(errors)) = PatchProduct::read(body) else { panic!("{body}") };
        errors.as_slice().iter().map(|error| error.pointer.clone()).collect()
    }

    #[test]
    fn every_wrong_field_is_named() {
        let user = UserId::start_of(Timestamp::from_millisecond(1));
        for (body, expected) in [
            (json!({"baseUrl": null, "colour": 1}), vec!["/baseUrl", "/colour"]),
            (json!({"baseUrl": "git.example.com"}), vec!["/baseUrl"]),
            (json!({"connection": []}), vec!["/connection"]),
            (json!({"connection": {}}), vec!["/connection/provider", "/connection/owner", "/connection/credentialId"]),
            (
                json!({"connection": {"provider": "git", "owner": "a/../b", "credentialId": "x", "deleteAtProvider": 1, "y": 1}}),
                vec![
                    "/connection/provider",
                    "/connection/owner",
                    "/connection/credentialId",
                    "/connection/deleteAtProvider",
                    "/connection/y",
                ],
            ),
            (
                json!({"connection": {"provider": "github", "owner": "a/b", "apiBaseUrl": "ftp://x",
                    "credentialId": CredentialId::start_of(Timestamp::from_millisecond(1))}}),
                vec!["/connection/apiBaseUrl", "/connection/owner"],
            ),
            (json!({"members": null}), vec!["/members"]),
            (json!({"members": []}), vec!["/members"]),
            (
                json!({"members": [1, {"userId": "x", "role": "king"}]}),
                vec!["/members/0", "/members/1/userId", "/members/1/role", "/members"],
            ),
            (
                json!({"members": [{"userId": user, "role": "owner"}, {"userId": user, "role": "member"}]}),
                vec!["/members/1/userId"],
            ),
        ] {
            assert_eq!(pointers(&body), expected, "{body}");
        }
    }

    #[test]
    fn a_connection_is_read_whole_or_taken_away() {
        let credential = CredentialId::start_of(Timestamp::from_millisecond(1));
        let body = json!({"connection": {"provider": "GitLab", "owner": "acme/tools", "credentialId": credential}});
        let patch = PatchProduct::read(&body).unwrap();
        assert_eq!((patch.credential(), patch.connects()), (Some(credential), true));
        let patch = PatchProduct::read(&json!({"connection": null, "baseUrl": "https://git.example.com/"})).unwrap();
        assert_eq!(
            (patch.connection, patch.base_url),
            (Field::Null, Field::Value("https://git.example.com".to_owned()))
        );
    }
}
