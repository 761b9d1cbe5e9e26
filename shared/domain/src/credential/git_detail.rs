//! What a Git profile says beyond its token: the token's kind, what it is kept for, and which repositories it serves.

use super::patch::ProfileScope;
use super::{GitProfile, GitTokenKind, MAX_URL_PREFIX_BYTES, ProfileAccess, UrlPrefix};
use crate::error::FieldErrors;
use crate::input::{Field, MAX_TEXT_BYTES, Object};
use crate::repository::Provider;
use crate::secret::Secret;

/// Largest id of an app or installation: what every JSON reader keeps exact.
pub const MAX_APP_ID: i64 = (1 << 53) - 1;

/// Changes to what only Git profiles have: absent keeps, null goes back to the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitPatch {
    /// What the token is.
    pub token_kind: Field<GitTokenKind>,
    /// The app's id.
    pub app_id: Field<u64>,
    /// The installation's id.
    pub installation_id: Field<u64>,
    /// What it is kept for.
    pub access: Field<ProfileAccess>,
    /// Which repositories it serves.
    pub url_prefix: Field<UrlPrefix>,
}

impl GitPatch {
    /// Says nothing.
    pub(super) const NONE: Self = Self {
        token_kind: Field::Absent,
        app_id: Field::Absent,
        installation_id: Field::Absent,
        access: Field::Absent,
        url_prefix: Field::Absent,
    };

    /// Reads the fields of a profile.
    pub(super) fn read(object: &mut Object<'_, '_>, provider: Provider, scope: ProfileScope) -> Self {
        let token_kind = object.trimmed("tokenKind", MAX_TEXT_BYTES).and_then(|text| {
            let known = GitTokenKind::parse(&text);
            match known.filter(|kind| kind.provider().is_none_or(|only| only == provider)) {
                Some(kind) => Field::Value(kind),
                None => {
                    object.error("tokenKind", wrong_kind(known, provider));
                    Field::Invalid
                }
            }
        });
        let app_id = id(object, "appId");
        let installation_id = id(object, "installationId");
        let access = object.trimmed("access", MAX_TEXT_BYTES).and_then(|text| match ProfileAccess::parse(&text) {
            Some(access) => Field::Value(access),
            None => {
                object.error("access", "access must be read, write or null");
                Field::Invalid
            }
        });
        // A repository's profiles are for that repository alone; there the field is unknown.
        let url_prefix = match scope {
            ProfileScope::Repo => Field::Absent,
            ProfileScope::User | ProfileScope::Global => {
                object.line("urlPrefix", MAX_URL_PREFIX_BYTES).and_then(|text| match UrlPrefix::parse(&text) {
                    Ok(prefix) => Field::Value(prefix),
                    Err(error) => {
                        object.error("urlPrefix", error.to_string());
                        Field::Invalid
                    }
                })
            }
        };
        Self { token_kind, app_id, installation_id, access, url_prefix }
    }

    /// Changes a profile. `token` is what the body says of its token, of which an app needs a private key.
    pub(super) fn apply(
        &self,
        profile: &mut GitProfile,
        token: &Field<Secret>,
        pointer: &str,
        errors: &mut FieldErrors,
    ) {
        let was_app = profile.token_kind == GitTokenKind::GithubApp;
        match self.token_kind {
            Field::Absent | Field::Invalid => {}
            Field::Null => profile.token_kind = GitTokenKind::default(),
            Field::Value(kind) => profile.token_kind = kind,
        }
        let is_app = profile.token_kind == GitTokenKind::GithubApp;
        for (key, patch, stored) in [
            ("appId", &self.app_id, &mut profile.app_id),
            ("installationId", &self.installation_id, &mut profile.installation_id),
        ] {
            if was_app && !is_app {
                *stored = None;
            }
            patch.clone().patch(stored);
            if is_app && stored.is_none() {
                errors.push(format!("{pointer}/{key}"), format!("{key} is required for tokenKind github_app"));
            } else if !is_app && stored.is_some() {
                errors.push(format!("{pointer}/{key}"), format!("{key} is only for tokenKind github_app"));
            }
        }
        self.access.clone().patch(&mut profile.access);
        self.url_prefix.clone().patch(&mut profile.url_prefix);
        let wrong = match token {
            Field::Value(key) if is_app && !is_private_key(key.expose()) => {
                Some("must be a PEM private key for tokenKind github_app")
            }
            Field::Value(token) if !is_app && token.expose().contains(char::is_control) => Some("must be one line"),
            // A token is no key and a key no token: a key would be sent to the provider as it stands.
            Field::Absent if was_app != is_app && profile.has_token => {
                Some("must be sent when tokenKind becomes or is no longer github_app")
            }
            Field::Absent | Field::Null | Field::Value(_) | Field::Invalid => None,
        };
        if let Some(wrong) = wrong {
            errors.push(format!("{pointer}/token"), wrong);
        }
    }
}

fn wrong_kind(known: Option<GitTokenKind>, provider: Provider) -> String {
    match known.and_then(|kind| Some((kind, kind.provider()?))) {
        Some((kind, only)) => format!("tokenKind {kind} is only for provider {only}"),
        None => {
            let fits = |kind: &GitTokenKind| kind.provider().is_none_or(|only| only == provider);
            let kinds: Vec<_> = GitTokenKind::ALL.into_iter().filter(fits).map(GitTokenKind::as_str).collect();
            format!("tokenKind must be {} or null", kinds.join(", "))
        }
    }
}

fn id(object: &mut Object<'_, '_>, key: &'static str) -> Field<u64> {
    object.integer(key, 1..=MAX_APP_ID).and_then(|id| u64::try_from(id).map_or(Field::Invalid, Field::Value))
}

/// Whether a text looks like a private key (RFC 7468), PKCS #1 or #8, not encrypted: whether it is one, only its use
/// can tell.
fn is_private_key(text: &str) -> bool {
    ["RSA PRIVATE KEY", "PRIVATE KEY"].into_iter().any(|label| {
        let text = text.trim();
        let body = text.strip_prefix(&format!("-----BEGIN {label}-----"));
        let body = body.and_then(|body| body.strip_suffix(&format!("-----END {label}-----")));
        let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
        body.is_some_and(|body| body.bytes().all(|b| base64(b) || b.is_ascii_whitespace()) && body.bytes().any(base64))
    })
}
