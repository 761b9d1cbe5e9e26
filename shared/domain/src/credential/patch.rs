//! Reading the credential fields of a repository's PATCH body (contract: hookcode 2.4, 3.3).

use super::{
    GitPatch, MAX_API_BASE_URL_BYTES, MAX_CLONE_USERNAME_BYTES, MAX_PROFILE_ID_BYTES, MAX_REMARK_BYTES,
    MAX_SECRET_BYTES, http_base_url,
};
use crate::error::FieldErrors;
use crate::input::{Field, MAX_TEXT_BYTES, Object};
use crate::repository::Provider;
use crate::robot::ModelProvider;
use crate::secret::Secret;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a body says of all credential profiles of a repository. Plain data: it can be applied again to a fresh copy
/// after a lost race.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialPatch {
    /// The repository's provider, which errors name.
    pub provider: Provider,
    /// Git profiles.
    pub git: SetChange,
    /// Model profiles; an absent provider is kept.
    pub models: BTreeMap<ModelProvider, SetChange>,
}

impl CredentialPatch {
    /// Whether the body does not speak of credentials.
    pub fn is_empty(&self) -> bool {
        self.git == SetChange::Keep && self.models.values().all(|change| *change == SetChange::Keep)
    }
}

/// What happens to one set of profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetChange {
    /// Not mentioned.
    Keep,
    /// All profiles go.
    Wipe,
    /// Removals, then upserts, then the default.
    Patch(SetPatch),
}

/// Changes to one set, in order of application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPatch {
    /// JSON pointer of the patch, for errors.
    pub pointer: String,
    /// Ids to remove; unknown ones are no error.
    pub remove: Vec<String>,
    /// Profiles to change or create, in order.
    pub upserts: Vec<ProfilePatch>,
    /// The default: absent keeps it, if it is still there.
    pub default: Field<String>,
}

/// Changes to one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfilePatch {
    /// JSON pointer of the item, for errors.
    pub pointer: String,
    /// Without one a new profile is made.
    pub id: Option<String>,
    /// Required once merged with what is stored.
    pub remark: Field<String>,
    /// Token or key: absent keeps, null clears.
    pub secret: Field<Secret>,
    /// `cloneUsername` or `apiBaseUrl`: absent keeps, null clears.
    pub detail: Field<String>,
    /// What only Git profiles have.
    pub git: GitPatch,
}

/// Whether a text may name a profile. Ids are chosen by clients and become part of secret names.
pub fn is_profile_id(text: &str) -> bool {
    (1..=MAX_PROFILE_ID_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:-".contains(&b))
}

/// Reads `repoProviderCredential` and `modelProviderCredential`; wrong fields go to the object's list of errors.
pub fn read_patch(object: &mut Object<'_, '_>, provider: Provider) -> CredentialPatch {
    let scope = ProfileScope::Repo;
    let git = read_set(object, "repoProviderCredential", &Kind::Git { provider, scope });
    let models = match object.object("modelProviderCredential") {
        Field::Absent | Field::Invalid => BTreeMap::new(),
        Field::Null => ModelProvider::ALL.into_iter().map(|provider| (provider, SetChange::Wipe)).collect(),
        Field::Value(value) => {
            let mut nested = object.nested("modelProviderCredential", value);
            let models = ModelProvider::ALL
                .into_iter()
                .map(|provider| (provider, read_set(&mut nested, provider.as_str(), &Kind::Model { provider, scope })))
                .collect();
            nested.finish();
            models
        }
    };
    CredentialPatch { provider, git, models }
}

/// Whose profiles: what may be said of them, and what errors are named after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileScope {
    /// A repository's.
    Repo,
    /// Those of a user's account.
    User,
    /// The tenant's.
    Global,
}

/// Which kind of profile is being read or applied.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Git { provider: Provider, scope: ProfileScope },
    Model { provider: ModelProvider, scope: ProfileScope },
}

impl Kind {
    /// The contract's error for a profile without a remark; for accounts, on its pattern.
    pub(super) fn remark_required(&self, errors: &mut FieldErrors, profile_pointer: &str, id: Option<&str>) {
        let (message, scope, provider) = match self {
            Self::Git { provider, scope } => {
                ("repo provider credential profile remark is required", *scope, provider.as_str())
            }
            Self::Model { provider, scope } => {
                ("model provider credential profile remark is required", *scope, provider.as_str())
            }
        };
        let (scope, git_code, model_code) = match scope {
            ProfileScope::Repo => (
                "repo_scoped",
                "REPO_SCOPED_CREDENTIAL_REPO_PROFILE_REMARK_REQUIRED",
                "REPO_SCOPED_CREDENTIAL_MODEL_PROFILE_REMARK_REQUIRED",
            ),
            ProfileScope::User => (
                "user",
                "USER_CREDENTIAL_REPO_PROFILE_REMARK_REQUIRED",
                "USER_CREDENTIAL_MODEL_PROFILE_REMARK_REQUIRED",
            ),
            ProfileScope::Global => (
                "global",
                "GLOBAL_CREDENTIAL_REPO_PROFILE_REMARK_REQUIRED",
                "GLOBAL_CREDENTIAL_MODEL_PROFILE_REMARK_REQUIRED",
            ),
        };
        let code = match self {
            Self::Git { .. } => git_code,
            Self::Model { .. } => model_code,
        };
        let mut details = json!({ "scope": scope, "provider": provider });
        if let Some(id) = id {
            details["profileId"] = json!(id);
        }
        errors.push_coded(format!("{profile_pointer}/remark"), code, message, Some(details));
    }
}

/// Reads the patch of one set.
pub(super) fn read_set(object: &mut Object<'_, '_>, key: &'static str, kind: &Kind) -> SetChange {
    match object.object(key) {
        Field::Absent | Field::Invalid => SetChange::Keep,
        Field::Null => SetChange::Wipe,
        Field::Value(value) => {
            let pointer = object.pointer(key);
            let mut nested = object.nested(key, value);
            let remove = removals(&mut nested);
            let upserts = upserts(&mut nested, kind);
            let default = nested.trimmed("defaultProfileId", MAX_TEXT_BYTES);
            nested.finish();
            SetChange::Patch(SetPatch { pointer, remove, upserts, default })
        }
    }
}

fn removals(object: &mut Object<'_, '_>) -> Vec<String> {
    let Field::Value(items) = object.array("removeProfileIds") else { return Vec::new() };
    let pointer = object.pointer("removeProfileIds");
    let mut ids = Vec::new();
    for (index, item) in items.iter().enumerate() {
        match item.as_str() {
            // A text that cannot be an id removes nothing, like any unknown id.
            Some(id) if is_profile_id(id.trim()) => ids.push(id.trim().to_owned()),
            Some(_) => {}
            None => object.errors().push(format!("{pointer}/{index}"), "must be a string"),
        }
    }
    ids
}

fn upserts(object: &mut Object<'_, '_>, kind: &Kind) -> Vec<ProfilePatch> {
    let Field::Value(items) = object.array("profiles") else { return Vec::new() };
    let base = object.pointer("profiles");
    items
        .iter()
        .enumerate()
        .map(|(index, item)| profile(item, format!("{base}/{index}"), kind, object.errors()))
        .collect()
}

fn profile(item: &Value, pointer: String, kind: &Kind, errors: &mut FieldErrors) -> ProfilePatch {
    let mut object = Object::at(item, pointer.clone(), errors);
    let id = object.trimmed("id", MAX_TEXT_BYTES).value().filter(|id| {
        let good = is_profile_id(id);
        if !good {
            object.error("id", format!("must be at most {MAX_PROFILE_ID_BYTES} of A-Z a-z 0-9 _ . : -"));
        }
        good
    });
    let mut remark = object.line("remark", MAX_REMARK_BYTES);
    if remark == Field::Null {
        kind.remark_required(object.errors(), &pointer, id.as_deref());
        remark = Field::Invalid;
    }
    let (secret, detail, git) = match kind {
        Kind::Git { provider, scope } => {
            let git = GitPatch::read(&mut object, *provider, *scope);
            (token(&mut object), object.line("cloneUsername", MAX_CLONE_USERNAME_BYTES), git)
        }
        Kind::Model { .. } => {
            let address = object
                .text_up_to("apiBaseUrl", MAX_API_BASE_URL_BYTES)
                // The contract drops a bad address without a word.
                .and_then(|text| http_base_url(&text).map_or(Field::Null, Field::Value));
            (object.line("apiKey", MAX_SECRET_BYTES).map(Secret::new), address, GitPatch::NONE)
        }
    };
    object.finish();
    ProfilePatch { pointer, id, remark, secret, detail, git }
}

/// A token is one line. What begins like a PEM file may have more: whether it may stand here is for the profile's kind
/// to say, which is known only beside what is stored.
fn token(object: &mut Object<'_, '_>) -> Field<Secret> {
    object.trimmed("token", MAX_SECRET_BYTES).and_then(|text| {
        if text.contains(char::is_control) && !text.starts_with("-----BEGIN ") {
            object.error("token", "must be one line");
            return Field::Invalid;
        }
        Field::Value(Secret::new(text))
    })
}
