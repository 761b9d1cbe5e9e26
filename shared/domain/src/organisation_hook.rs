//! One webhook for all repositories of an organisation (GitHub) or a group (GitLab).
//!
//! It has a secret of its own, and reaches the repositories of its tenant alone, by the identity that a payload names.

use crate::error::{DomainError, FieldErrors};
use crate::id::{HookId, TenantId};
use crate::input::{Field, Object};
use crate::repository::{
    Identity, MAX_NAME_BYTES, Provider, SecretChange, WebhookSettings, read_api_base_url, read_webhook_secret,
};
use crate::secret::Secret;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Webhooks of organisations that one tenant may have.
pub const MAX_HOOKS: usize = 200;
/// GitHub's REST base, unless a hook names another.
const GITHUB_BASE: &str = "https://api.github.com";
/// GitLab's site root, unless a hook names another.
const GITLAB_BASE: &str = "https://gitlab.com";

/// The webhook of an organisation or a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationHook {
    /// Its id; the last part of the path that the provider posts to.
    pub id: HookId,
    /// Whose it is.
    pub tenant: TenantId,
    /// GitHub or GitLab; never changes.
    pub provider: Provider,
    /// The organisation or the path of the group: it speaks for repositories below it alone. All when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    /// GitHub REST base or GitLab site root; the public service when absent. Never changes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub api_base_url: Option<String>,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// `false` skips what it brings.
    pub enabled: bool,
    /// Its secrets; verification is never off.
    pub webhook: WebhookSettings,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: u64,
}

impl OrganisationHook {
    /// The path that the provider's webhook points at.
    pub fn webhook_path(&self) -> String {
        format!("/api/webhook/{}/hooks/{}", self.provider, self.id)
    }

    /// The API whose repositories it speaks for.
    pub fn base(&self) -> &str {
        let public = if self.provider == Provider::Gitlab { GITLAB_BASE } else { GITHUB_BASE };
        self.api_base_url.as_deref().unwrap_or(public)
    }

    /// Whether a repository of this path lies below the owner, ignoring case.
    pub fn speaks_for(&self, path: &str) -> bool {
        let Some(owner) = &self.owner else { return true };
        let (owner, path) = (owner.to_lowercase(), path.to_lowercase());
        path.strip_prefix(&owner).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The identity of a repository that the provider calls so.
    pub fn identity_of(&self, external_id: &str) -> Identity {
        Identity::external(self.provider, self.api_base_url.as_deref(), external_id)
    }

    /// Rotates the secret: a change like any other.
    #[must_use]
    pub fn rotated(&self, change: &SecretChange, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.webhook.change_secret(change, now);
        next.updated_at = now;
        next.version += 1;
        next
    }
}

/// A checked body of `POST /api/webhook-hooks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateHook {
    provider: Provider,
    owner: Option<String>,
    api_base_url: Option<String>,
    description: Option<String>,
    enabled: bool,
    /// The user's own secret, if any.
    pub webhook_secret: Option<Secret>,
}

impl CreateHook {
    /// Reads the body.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let given = object.text("provider");
        let provider = given.as_value().and_then(|text| Provider::parse(text)).filter(|known| *known != Provider::Git);
        if provider.is_none() && given != Field::Invalid {
            object.error("provider", "provider must be github or gitlab");
        }
        let hook = Self {
            // There whenever nothing is wrong: its absence has been recorded above.
            provider: provider.unwrap_or(Provider::Github),
            owner: read_owner(&mut object).value(),
            api_base_url: read_api_base_url(&mut object).value(),
            description: read_description(&mut object).value(),
            enabled: object.boolean("enabled").value().unwrap_or(true),
            webhook_secret: read_webhook_secret(&mut object).value().filter(|secret| !secret.expose().is_empty()),
        };
        object.finish();
        errors.into_result(hook)
    }

    /// Makes the hook.
    pub fn into_hook(self, id: HookId, tenant: TenantId, now: Timestamp) -> OrganisationHook {
        OrganisationHook {
            id,
            tenant,
            provider: self.provider,
            owner: self.owner,
            api_base_url: self.api_base_url,
            description: self.description,
            enabled: self.enabled,
            webhook: WebhookSettings::first(self.webhook_secret.as_ref()),
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }
}

/// A checked body of `PATCH /api/webhook-hooks/:id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchHook {
    owner: Field<String>,
    description: Field<String>,
    enabled: Field<bool>,
}

impl PatchHook {
    /// Reads the body.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let patch = Self {
            owner: read_owner(&mut object),
            description: read_description(&mut object),
            enabled: object.boolean("enabled"),
        };
        object.finish();
        errors.into_result(patch)
    }

    /// Applies the patch to what is stored.
    pub fn apply(&self, stored: &OrganisationHook, now: Timestamp) -> OrganisationHook {
        let mut next = stored.clone();
        self.owner.clone().patch(&mut next.owner);
        self.description.clone().patch(&mut next.description);
        if let Field::Value(enabled) = self.enabled {
            next.enabled = enabled;
        }
        next.updated_at = now;
        next.version += 1;
        next
    }
}

fn read_description(object: &mut Object<'_, '_>) -> Field<String> {
    object.trimmed("description", crate::input::MAX_TEXT_BYTES)
}

/// A path of names, without outer slashes.
fn read_owner(object: &mut Object<'_, '_>) -> Field<String> {
    object.line("owner", MAX_NAME_BYTES).and_then(|text| {
        let path = text.trim_matches('/');
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(char::is_whitespace);
        if path.split('/').all(is_name) {
            return Field::Value(path.to_owned());
        }
        object.error("owner", "must be the name of an organisation or the path of a group, like acme or acme/tools");
        Field::Invalid
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::read_rotation;
    use proptest::prelude::*;
    use serde_json::json;

    fn hook(body: &Value) -> OrganisationHook {
        let now = Timestamp::from_second(0);
        CreateHook::read(body).unwrap().into_hook(HookId::start_of(now), TenantId::start_of(now), now)
    }

    fn wrong(result: Result<impl std::fmt::Debug, DomainError>) -> Vec<String> {
        let Err(DomainError::Invalid(errors)) = result else { panic!("{result:?}") };
        errors.as_slice().iter().map(|error| error.pointer.clone()).collect()
    }

    #[test]
    fn all_wrong_fields_are_named() {
        let body = json!({
            "provider": "git", "owner": "a//b", "apiBaseUrl": "ftp://x", "description": 7, "enabled": "yes",
            "webhookSecret": false, "name": "x",
        });
        let all = ["/provider", "/owner", "/apiBaseUrl", "/description", "/enabled", "/webhookSecret", "/name"];
        assert_eq!(wrong(CreateHook::read(&body)), all);
        assert_eq!(wrong(CreateHook::read(&json!({}))), ["/provider"]);
        for owner in ["..", "a/../b", "a b", "/", "a\tb"] {
            assert_eq!(wrong(CreateHook::read(&json!({"provider": "github", "owner": owner}))), ["/owner"], "{owner}");
        }
        assert_eq!(
            wrong(PatchHook::read(&json!({"provider": "gitlab", "apiBaseUrl": null}))),
            ["/apiBaseUrl", "/provider"]
        );
    }

    #[test]
    fn it_speaks_for_what_lies_below_its_owner() {
        let of = |owner: &str| hook(&json!({"provider": "gitlab", "owner": owner}));
        for (owner, path, expected) in [
            ("acme", "acme/widgets", true),
            ("/Acme/", "aCME/tools/widgets", true),
            ("acme/tools", "Acme/Tools/widgets", true),
            ("acme", "acme-evil/widgets", false),
            ("acme", "evil/acme/widgets", false),
            ("acme/tools", "acme/widgets", false),
            ("acme", "", false),
        ] {
            assert_eq!(of(owner).speaks_for(path), expected, "{owner} {path}");
        }
        assert!(hook(&json!({"provider": "github"})).speaks_for("anyone/anything"));
    }

    #[test]
    fn a_patch_keeps_what_it_does_not_name() {
        let now = Timestamp::from_second(9);
        let stored = hook(&json!({"provider": "github", "owner": "acme", "description": "d"}));
        let patched = PatchHook::read(&json!({"owner": null, "enabled": false})).unwrap().apply(&stored, now);
        assert_eq!((patched.owner, patched.description.as_deref(), patched.enabled), (None, Some("d"), false));
        assert_eq!((patched.version, patched.updated_at, patched.webhook), (2, now, stored.webhook));
    }

    #[test]
    fn a_rotation_counts_and_may_overlap() {
        let now = Timestamp::from_second(9);
        let stored = hook(&json!({"provider": "github", "webhookSecret": "own"}));
        let rotation = read_rotation(&json!({"overlapSeconds": 60})).unwrap();
        let next = stored.rotated(&rotation, now);
        assert_eq!((next.webhook.generation, next.version), (2, 2));
        let previous = next.webhook.previous.clone().unwrap();
        assert_eq!(
            (previous.source, previous.accepted_until),
            (stored.webhook.secret.clone(), Timestamp::from_second(69))
        );
        assert!(next.webhook.secret_edits(&stored.webhook, Some(&rotation)).is_empty(), "the old one is still named");
        let again = next.rotated(&read_rotation(&json!({})).unwrap(), now);
        assert_eq!(again.webhook.secret_edits(&next.webhook, None).len(), 1, "nothing names it any more");
    }

    proptest! {
        #[test]
        fn any_owner_and_path_are_compared_without_panic(owner in "\\PC{0,20}", path in "\\PC{0,40}") {
            let mut hook = hook(&json!({"provider": "github"}));
            hook.owner = Some(owner);
            let _ = hook.speaks_for(&path);
        }
    }
}
