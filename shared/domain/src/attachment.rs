//! Which of a host's own tenants work with which repository (contract: shiftagent 8). Such a tenant is known by its id
//! alone: it is the customer of whoever holds the registry's keys, and not one of the registry's tenants.

use crate::error::{DomainError, FieldErrors};
use crate::id::RepositoryId;
use crate::input::{Field, Object};
use crate::repository::read_branch_name;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// Longest id of a host's tenant, in bytes; the contract sets no limit.
pub const MAX_HOST_TENANT_BYTES: usize = 128;

/// A tenant of the host: `tnt_` and letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostTenant(String);

/// The text is not the id of a host's tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid tenant id")]
pub struct InvalidHostTenant;

impl FromStr for HostTenant {
    type Err = InvalidHostTenant;
    fn from_str(text: &str) -> Result<Self, InvalidHostTenant> {
        let tail = text.strip_prefix("tnt_").ok_or(InvalidHostTenant)?;
        let fits = !tail.is_empty() && text.len() <= MAX_HOST_TENANT_BYTES;
        if fits && tail.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidHostTenant)
        }
    }
}

impl fmt::Display for HostTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A repository as one tenant of the host sees it. Which of a tenant's repositories is its default is kept apart, since
/// there is only one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The host's tenant.
    pub host_tenant: HostTenant,
    /// The repository.
    pub repository: RepositoryId,
    /// The branch that the tenant works with instead of the repository's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub branch_override: Option<String>,
    /// Counts changes, from 1.
    pub version: u64,
}

/// A checked body of `PUT /tenants/{tenant_id}/repositories/{repository_id}`: what it leaves out stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attach {
    /// Whether it is the tenant's default.
    pub is_default: Option<bool>,
    branch_override: Field<String>,
}

impl Attach {
    /// Reads the body.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let is_default = object.boolean("is_default");
        if is_default == Field::Null {
            object.error("is_default", "is_default must not be null");
        }
        let branch_override = read_branch_name(&mut object, "branch_override");
        object.finish();
        errors.into_result(Self { is_default: is_default.value(), branch_override })
    }

    /// The attachment as it is then, new or changed.
    pub fn apply(&self, host_tenant: &HostTenant, repository: RepositoryId, stored: Option<&Attachment>) -> Attachment {
        let blank = || Attachment { host_tenant: host_tenant.clone(), repository, branch_override: None, version: 0 };
        let mut next = stored.cloned().unwrap_or_else(blank);
        self.branch_override.clone().patch(&mut next.branch_override);
        next.version += 1;
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use serde_json::json;

    #[test]
    fn shiftagent_1_tenant_ids_have_their_pattern() {
        for good in ["tnt_a", "tnt_01K2Z6M3V0", "tnt_01k2z6m3v0q9w8e7r6t5y4u3i2"] {
            assert_eq!(good.parse::<HostTenant>().unwrap().to_string(), good);
        }
        let long = format!("tnt_{}", "a".repeat(MAX_HOST_TENANT_BYTES));
        for bad in ["", "tnt_", "tnt-a", "tnt_a/b", "tnt_ä", "usr_a", "TNT_a", &long] {
            assert_eq!(bad.parse::<HostTenant>(), Err(InvalidHostTenant), "{bad}");
        }
    }

    #[test]
    fn shiftagent_8_attachments_are_merged() {
        let (tenant, id): (HostTenant, _) =
            ("tnt_a".parse().unwrap(), RepositoryId::start_of(Timestamp::from_second(1)));
        let put = |body: Value, stored: Option<&Attachment>| Attach::read(&body).unwrap().apply(&tenant, id, stored);
        let first = put(json!({"branch_override": "dev"}), None);
        assert_eq!((first.branch_override.as_deref(), first.version), (Some("dev"), 1));
        assert_eq!(put(json!({}), Some(&first)).branch_override.as_deref(), Some("dev"));
        assert_eq!(put(json!({"branch_override": null}), Some(&first)).branch_override, None);
        for bad in
            [json!({"is_default": null}), json!({"is_default": 1}), json!({"branch_override": "a..b"}), json!({"x": 1})]
        {
            assert!(Attach::read(&bad).is_err(), "{bad}");
        }
    }
}
