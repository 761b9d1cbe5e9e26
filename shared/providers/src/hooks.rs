//! Hooks of a repository at its provider, in one shape for both.

use repoplane_domain::secret::Secret;
use std::collections::BTreeSet;

/// Hooks of one repository that are read; GitHub allows 20 for each event, GitLab 100.
pub const MAX_HOOKS: usize = 1_000;
/// Deliveries that are looked at to tell since when they fail.
pub const MAX_HOOK_DELIVERIES: usize = 20;
/// Hooks on a page of the list.
pub(crate) const HOOK_PAGE: usize = 100;

/// What a hook shall be. Its body is JSON, and the receiver's certificate is always checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookSpec {
    /// Where deliveries go.
    pub url: String,
    /// GitHub signs bodies with it; GitLab sends it in `X-Gitlab-Token`.
    pub secret: Secret,
    /// GitHub: names of events. GitLab: names of attributes, such as `push_events`.
    pub events: BTreeSet<String>,
    /// Whether deliveries are sent. GitLab has no such switch and ignores it.
    pub active: bool,
}

/// A hook as the provider has it. The secret is never among its facts: providers do not show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderHook {
    /// The provider's id.
    pub id: String,
    /// Where deliveries go; a user name or password in it is masked.
    pub url: String,
    /// GitHub: names of events. GitLab: names of the attributes that are on, such as `push_events`.
    pub events: BTreeSet<String>,
    /// Whether deliveries are sent: not when switched off, nor when the provider gave up or pauses.
    pub active: bool,
    /// GitHub: `json` or `form`. GitLab sends JSON only and does not say so.
    pub content_type: Option<String>,
    /// Whether the receiver's certificate is not checked.
    pub insecure: bool,
    /// GitLab: until when deliveries are paused because they failed.
    pub disabled_until: Option<String>,
    /// The newest delivery; absent when there was none or the provider does not tell.
    pub last_delivery: Option<LastDelivery>,
}

/// What the newest delivery of a hook came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastDelivery {
    /// When, in the provider's ISO 8601 form; lists of hooks do not tell it.
    pub at: Option<String>,
    /// The receiver's status; absent when it did not answer.
    pub status_code: Option<u16>,
    /// Whether the receiver took it.
    pub ok: bool,
    /// When the oldest of the deliveries was that failed without a good one since, among the last
    /// [`MAX_HOOK_DELIVERIES`]; absent when the newest was good.
    pub failing_since: Option<String>,
}

impl LastDelivery {
    /// Reads deliveries, newest first: time, and the receiver's status.
    pub(crate) fn of(deliveries: &[(Option<String>, Option<u16>)]) -> Option<Self> {
        let (at, status_code) = deliveries.first()?.clone();
        let good = |status: Option<u16>| status.is_some_and(|status| (200..300).contains(&status));
        let failing = deliveries.iter().take_while(|(_, status)| !good(*status)).filter_map(|(at, _)| at.clone());
        Some(Self { at, status_code, ok: good(status_code), failing_since: failing.last() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_fails_since_the_oldest_failure_after_the_last_good_delivery() {
        let read = |statuses: &[Option<u16>]| {
            let deliveries: Vec<_> =
                statuses.iter().enumerate().map(|(age, status)| (Some(format!("-{age}")), *status)).collect();
            LastDelivery::of(&deliveries).map(|last| (last.ok, last.status_code, last.failing_since))
        };
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[Some(202), Some(500)]), Some((true, Some(202), None)));
        let since = |age: &str| Some(age.to_owned());
        assert_eq!(read(&[Some(500), None, Some(200), Some(500)]), Some((false, Some(500), since("-1"))));
        assert_eq!(read(&[None, Some(404)]), Some((false, None, since("-1"))));
    }
}
