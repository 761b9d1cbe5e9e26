//! The webhook secret: where it comes from, how it is changed, and what that changes in the vault.

use super::{PreviousWebhookSecret, Repository, WebhookSecretSource, WebhookSettings};
use crate::credential::{SecretEdit, SecretName};
use crate::error::{DomainError, FieldErrors};
use crate::input::{Field, Object};
use crate::secret::Secret;
use crate::time::Timestamp;
use serde_json::Value;
use std::time::Duration;

/// Longest overlap of two webhook secrets: 7 days, in seconds.
pub const MAX_OVERLAP_SECONDS: i64 = 7 * 24 * 3600;
/// Longest webhook secret of a user's own, in bytes.
pub const MAX_WEBHOOK_SECRET_BYTES: usize = 256;

/// What a change does to the webhook secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretChange {
    /// The user's own secret; `None` derives a new one.
    pub supplied: Option<Secret>,
    /// How long the old one is accepted beside it.
    pub overlap: Duration,
}

impl WebhookSecretSource {
    fn new(supplied: Option<&Secret>, generation: u32) -> Self {
        match supplied {
            Some(_) => Self::Supplied { value: SecretName::webhook(generation) },
            None => Self::Derived { generation },
        }
    }
}

impl WebhookSettings {
    /// A new webhook's: verified by the secret that its owner supplied, else by a derived one.
    pub fn first(supplied: Option<&Secret>) -> Self {
        Self { secret: WebhookSecretSource::new(supplied, 1), previous: None, verification: true, generation: 1 }
    }

    /// Puts a new secret in place; the old one stays accepted for the overlap.
    pub fn change_secret(&mut self, change: &SecretChange, now: Timestamp) {
        self.generation += 1;
        let source = WebhookSecretSource::new(change.supplied.as_ref(), self.generation);
        let old = std::mem::replace(&mut self.secret, source);
        self.previous = (!change.overlap.is_zero())
            .then(|| PreviousWebhookSecret { source: old, accepted_until: now.plus(change.overlap) });
    }

    /// What these settings change in the vault against those before: a supplied secret is put under its generation's
    /// name, and those that nothing names any more are removed.
    pub fn secret_edits(&self, before: &Self, change: Option<&SecretChange>) -> Vec<SecretEdit> {
        let kept = self.supplied_names();
        let gone = before.supplied_names().into_iter().filter(|name| !kept.contains(name)).cloned();
        let new = change.and_then(|change| change.supplied.clone());
        let put = match (&self.secret, new) {
            (WebhookSecretSource::Supplied { value }, Some(secret)) => Some(SecretEdit::put(value.clone(), secret)),
            (WebhookSecretSource::Supplied { .. } | WebhookSecretSource::Derived { .. }, _) => None,
        };
        put.into_iter().chain(gone.map(SecretEdit::remove)).collect()
    }

    /// The values of the vault that the settings name.
    fn supplied_names(&self) -> Vec<&SecretName> {
        let previous = self.previous.as_ref().map(|previous| &previous.source);
        let sources = std::iter::once(&self.secret).chain(previous);
        sources
            .filter_map(|source| match source {
                WebhookSecretSource::Supplied { value } => Some(value),
                WebhookSecretSource::Derived { .. } => None,
            })
            .collect()
    }
}

impl Repository {
    /// Puts a new webhook secret in place; the old one stays accepted for the overlap.
    pub fn change_webhook_secret(&mut self, change: &SecretChange, now: Timestamp) {
        self.webhook.change_secret(change, now);
    }

    /// Rotates the webhook secret: a change of the record like any other.
    #[must_use]
    pub fn rotated(&self, change: &SecretChange, now: Timestamp) -> Self {
        let mut next = self.clone();
        next.change_webhook_secret(change, now);
        next.updated_at = now;
        next.version += 1;
        next
    }

    /// What this record's webhook settings change in the vault against those before: a supplied secret is put under its
    /// generation's name, and those that nothing names any more are removed.
    pub fn webhook_secret_edits(&self, before: &Self, change: Option<&SecretChange>) -> Vec<SecretEdit> {
        self.webhook.secret_edits(&before.webhook, change)
    }
}

/// Reads the body of `POST /api/repos/:id/webhook-secret/rotate`: `{overlapSeconds?, webhookSecret?}`.
///
/// # Errors
/// [`DomainError::Invalid`] with every wrong field.
pub fn read_rotation(body: &Value) -> Result<SecretChange, DomainError> {
    let mut errors = FieldErrors::new();
    let mut object = Object::root(body, &mut errors);
    let overlap = read_overlap(&mut object);
    let secret = read_webhook_secret(&mut object);
    if matches!(&secret, Field::Value(secret) if secret.expose().is_empty()) {
        object.error("webhookSecret", "webhookSecret must not be blank; leave it out to derive a new one");
    }
    object.finish();
    errors.into_result(SecretChange { supplied: secret.value(), overlap })
}

/// A user's own secret, without outer blanks; the caller decides what blank means.
pub(crate) fn read_webhook_secret(object: &mut Object<'_, '_>) -> Field<Secret> {
    object.text_up_to("webhookSecret", MAX_WEBHOOK_SECRET_BYTES).map(|text| Secret::new(text.trim()))
}

/// How long the secret before stays accepted.
pub(super) fn read_overlap(object: &mut Object<'_, '_>) -> Duration {
    let seconds = object.integer("overlapSeconds", 0..=MAX_OVERLAP_SECONDS).value().unwrap_or(0);
    Duration::from_secs(seconds.unsigned_abs())
}
