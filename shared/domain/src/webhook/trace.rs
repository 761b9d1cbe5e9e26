//! The steps of one delivery, in the order in which they were reached (contract: hookcode 3.8, `debugTrace.steps`).

use super::refusal::Refusal;
use crate::delivery::{DeliveryResult, Step, StepKey, StepStatus};
use crate::time::Timestamp;
use serde_json::Value;

/// Gathers steps. The clock is the caller's: [`TraceLog::advance`] moves it between two phases.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceLog {
    at: Timestamp,
    steps: Vec<Step>,
}

impl TraceLog {
    /// Nothing reached yet.
    pub fn new(now: Timestamp) -> Self {
        Self { at: now, steps: Vec::new() }
    }

    /// The time that the next steps carry.
    pub fn advance(&mut self, now: Timestamp) {
        self.at = now;
    }

    /// The time of the next step.
    pub fn now(&self) -> Timestamp {
        self.at
    }

    /// A step that went well, with a sentence where it has something to say.
    pub fn success(&mut self, key: StepKey, message: Option<&str>) {
        self.push(key, StepStatus::Success, None, message, None);
    }

    /// A step that went well and what it found.
    pub fn found(&mut self, key: StepKey, message: Option<&str>, meta: Value) {
        self.push(key, StepStatus::Success, None, message, Some(meta));
    }

    /// What else explains the last step.
    pub fn explain(&mut self, meta: Value) {
        if let Some(step) = self.steps.last_mut() {
            step.meta = Some(meta);
        }
    }

    /// The step at which the delivery was left aside.
    pub fn skipped(&mut self, key: StepKey, message: &str, meta: Option<Value>) {
        self.push(key, StepStatus::Skipped, None, Some(message), meta);
    }

    /// The step that failed.
    pub fn failed(&mut self, key: StepKey, code: Option<&str>, message: &str) {
        self.push(key, StepStatus::Failed, code, Some(message), None);
    }

    /// The step that a refusal ends at.
    pub fn refused(&mut self, key: StepKey, refusal: &Refusal) {
        let status = match refusal.result {
            DeliveryResult::Skipped => StepStatus::Skipped,
            DeliveryResult::Accepted | DeliveryResult::Rejected | DeliveryResult::Error => StepStatus::Failed,
        };
        let meta = (!refusal.members.is_empty()).then(|| Value::Object(refusal.members.clone()));
        self.push(key, status, refusal.code, Some(&refusal.message), meta);
    }

    fn push(
        &mut self,
        key: StepKey,
        status: StepStatus,
        code: Option<&str>,
        message: Option<&str>,
        meta: Option<Value>,
    ) {
        self.steps.push(Step {
            key,
            title: key.title().to_owned(),
            status,
            at: self.at,
            code: code.map(str::to_owned),
            message: message.map(str::to_owned),
            meta,
        });
    }

    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether the signature was found right; `None` when the check was not reached. This is what tells a verified
    /// record from an unverified one.
    pub fn signature_verified(&self) -> Option<bool> {
        self.steps.iter().find(|step| step.key == StepKey::Signature).map(|step| step.status == StepStatus::Success)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_step_tells_verified_from_unverified() {
        let mut log = TraceLog::new(Timestamp::from_millisecond(0));
        log.success(StepKey::Repo, None);
        assert_eq!(log.signature_verified(), None);
        let mut failed = log.clone();
        failed.failed(StepKey::Signature, Some("UNAUTHORIZED"), "invalid signature");
        assert_eq!(failed.signature_verified(), Some(false));
        log.advance(Timestamp::from_millisecond(5));
        log.success(StepKey::Signature, None);
        assert_eq!(log.signature_verified(), Some(true));
        assert_eq!(log.steps()[1].at.as_millisecond(), 5);
        assert_eq!(log.steps()[1].title, "Verify the signature");
    }
}
