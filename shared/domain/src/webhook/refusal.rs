//! A delivery that ends before the rules are asked (contract: hookcode 4.6, rows 2–12).

use crate::delivery::{DeliveryResult, ErrorLayer};
use serde_json::{Map, Value, json};

/// Why a delivery goes no further: what is answered and what is recorded. Rows 2 and 3 are `skipped`, not errors.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Status answered.
    pub status: u16,
    /// `skipped` or `rejected`.
    pub result: DeliveryResult,
    /// The contract's code, where the row has one.
    pub code: Option<&'static str>,
    /// Where it ended.
    pub layer: ErrorLayer,
    /// The text answered as `error`; for `skipped`, the reason.
    pub error: &'static str,
    /// The sentence recorded: the reason where the row has one, else the same text.
    pub message: String,
    /// Members that the contract puts beside the code (`reason`, `expectedName`, …).
    pub members: Map<String, Value>,
}

impl Refusal {
    /// 202, recorded as skipped.
    pub(super) fn skipped(layer: ErrorLayer, reason: &'static str) -> Self {
        Self {
            status: 202,
            result: DeliveryResult::Skipped,
            code: None,
            layer,
            error: reason,
            message: reason.to_owned(),
            members: Map::new(),
        }
    }

    /// A 4xx, recorded as rejected.
    pub(super) fn rejected(status: u16, layer: ErrorLayer, code: Option<&'static str>, error: &'static str) -> Self {
        Self {
            status,
            result: DeliveryResult::Rejected,
            code,
            layer,
            error,
            message: error.to_owned(),
            members: Map::new(),
        }
    }

    #[must_use]
    pub(super) fn because(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Row 9: the payload does not say which repository it speaks of.
    pub(super) fn identity_missing() -> Self {
        let text = "Webhook payload is missing repository identity";
        Self::rejected(400, ErrorLayer::RepoBinding, Some("WEBHOOK_REPO_ID_MISSING"), text)
    }

    /// An organisation's webhook: the tenant has not registered the repository that the payload speaks of.
    pub fn not_registered() -> Self {
        Self::skipped(ErrorLayer::RepoLookup, "repository not registered")
    }

    /// Row 12: storage could not bind the payload's identity, because another repository has claimed it.
    pub fn bind_failed() -> Self {
        let text = "Failed to bind webhook to repository identity";
        Self::rejected(409, ErrorLayer::RepoBinding, Some("WEBHOOK_BIND_FAILED"), text)
    }

    /// The body is over the limit: it was not read, so nothing about it could be checked.
    pub fn too_large() -> Self {
        let text = "request entity too large";
        Self::rejected(413, ErrorLayer::SignatureValidation, Some("WEBHOOK_BODY_TOO_LARGE"), text)
    }

    /// The tenant is suspended, hence read-only: what comes in is kept, and can be run again when that is over.
    pub fn tenant_suspended() -> Self {
        Self::skipped(ErrorLayer::RepoState, "tenant suspended")
    }

    /// The contract's body; a caller that answers with problem documents adds its own members.
    pub fn body(&self) -> Value {
        match self.result {
            DeliveryResult::Skipped => json!({"skipped": true, "reason": self.error}),
            DeliveryResult::Accepted | DeliveryResult::Rejected | DeliveryResult::Error => {
                let mut body = self.members.clone();
                body.insert("error".to_owned(), self.error.into());
                if let Some(code) = self.code {
                    body.insert("code".to_owned(), code.into());
                }
                Value::Object(body)
            }
        }
    }
}
