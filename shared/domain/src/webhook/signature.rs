//! Who may post: GitHub's HMAC and GitLab's shared token, on the raw bytes, in constant time, failing closed
//! (contract: hookcode 4.6 row 7).

use super::headers::Incoming;
use super::refusal::Refusal;
use super::trace::TraceLog;
use crate::delivery::{ErrorLayer, StepKey};
use crate::repository::Provider;
use crate::secret::Secret;

/// The secrets that are good now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationSecrets {
    /// The current one.
    pub current: Secret,
    /// The one before it, only while a rotation overlaps; the caller leaves it out once its time is over.
    pub previous: Option<Secret>,
}

/// How a post is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// By one of these secrets.
    Secrets(VerificationSecrets),
    /// Not at all: an administrator switched it off on purpose.
    Off,
}

/// Row 7: the signature or token must be right.
///
/// # Errors
/// 401 `UNAUTHORIZED` with the contract's reason.
pub fn verify(incoming: &Incoming<'_>, verification: &Verification, trace: &mut TraceLog) -> Result<(), Refusal> {
    let checked = match verification {
        Verification::Off => {
            trace.success(StepKey::Signature, Some("verification is off for this repository"));
            return Ok(());
        }
        Verification::Secrets(secrets) => match incoming.endpoint {
            Provider::Github => github(incoming, secrets),
            Provider::Gitlab => gitlab(incoming, secrets),
            // No endpoint takes posts for plain Git remotes; without a scheme nothing can be right.
            Provider::Git => Err("invalid signature"),
        },
    };
    match checked {
        Ok(which) => {
            trace.success(StepKey::Signature, Some(which));
            Ok(())
        }
        Err(reason) => {
            let refusal = Refusal::rejected(401, ErrorLayer::SignatureValidation, Some("UNAUTHORIZED"), "Unauthorized")
                .because(reason)
                .with("reason", reason);
            trace.refused(StepKey::Signature, &refusal);
            Err(refusal)
        }
    }
}

/// Tries every secret, also after a match, so that time does not tell which one it was.
fn matching_secret(secrets: &VerificationSecrets, is_right: impl Fn(&Secret) -> bool) -> Option<&'static str> {
    // A blank secret could be guessed by anyone: it never matches.
    let tried = |secret: &Secret| is_right(secret) & !secret.expose().trim().is_empty();
    let current = tried(&secrets.current);
    let previous = secrets.previous.as_ref().is_some_and(tried);
    match (current, previous) {
        (true, _) => Some("the current secret matches"),
        (false, true) => Some("the previous secret matches; its overlap has not ended"),
        (false, false) => None,
    }
}

fn github(incoming: &Incoming<'_>, secrets: &VerificationSecrets) -> Result<&'static str, &'static str> {
    let given = incoming.headers.get("x-hub-signature-256").ok_or("missing x-hub-signature-256")?;
    // GitHub never posts an empty body: it got lost on the way here.
    if incoming.raw.is_empty() {
        return Err("missing rawBody (server misconfigured)");
    }
    matching_secret(secrets, |secret| {
        let expected = format!("sha256={}", hex::encode(secret.hmac_sha256(&[incoming.raw])));
        Secret::new(expected).matches(given.as_bytes())
    })
    .ok_or("invalid signature")
}

fn gitlab(incoming: &Incoming<'_>, secrets: &VerificationSecrets) -> Result<&'static str, &'static str> {
    let given = incoming.headers.get("x-gitlab-token").ok_or("missing x-gitlab-token")?;
    matching_secret(secrets, |secret| secret.matches(given.as_bytes())).ok_or("invalid x-gitlab-token")
}

#[cfg(test)]
mod tests {
    use super::super::headers::WebhookHeaders;
    use super::*;
    use crate::time::Timestamp;
    use proptest::prelude::*;

    /// Row, headers, and the reason of the refusal.
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Result<(), String>);

    fn secrets(current: &str, previous: Option<&str>) -> Verification {
        Verification::Secrets(VerificationSecrets {
            current: Secret::new(current),
            previous: previous.map(Secret::new),
        })
    }

    fn reason(provider: Provider, headers: &[(&str, &str)], raw: &[u8], by: &Verification) -> Result<(), String> {
        let headers = WebhookHeaders::new(headers.iter().copied());
        let mut trace = TraceLog::new(Timestamp::from_millisecond(0));
        let result = verify(&Incoming { endpoint: provider, headers: &headers, raw }, by, &mut trace);
        assert_eq!(trace.signature_verified(), Some(result.is_ok()));
        result.map_err(|refusal| {
            assert_eq!((refusal.status, refusal.code), (401, Some("UNAUTHORIZED")));
            assert_eq!(refusal.body()["error"], "Unauthorized");
            assert_eq!(refusal.body()["reason"], refusal.message.as_str());
            refusal.message
        })
    }

    #[test]
    fn row_7_github_takes_only_the_lower_case_sha_256_mac_of_the_raw_bytes() {
        let body = br#"{"zen":"x"}"#;
        let mac = |key: &str| format!("sha256={}", hex::encode(Secret::new(key).hmac_sha256(&[body])));
        let good = mac("s3cret");
        let upper = good.to_uppercase().replacen("SHA256", "sha256", 1);
        let old = mac("older");
        let by = secrets("s3cret", Some("older"));
        let bad = Err("invalid signature".to_owned());
        let cases: [Case<'_>; 9] = [
            ("4.6/07", &[("X-Hub-Signature-256", &good)], Ok(())),
            ("4.6/07", &[("x-hub-signature-256", &format!(" {good} "))], Ok(())),
            ("4.6/07", &[("x-hub-signature-256", &old)], Ok(())),
            ("4.6/07", &[("x-hub-signature-256", &upper)], bad.clone()),
            ("4.6/07", &[("x-hub-signature-256", &mac("other"))], bad.clone()),
            ("4.6/07", &[("x-hub-signature-256", &good[7..])], bad.clone()),
            ("4.6/07", &[("x-hub-signature-256", "sha256=")], bad),
            ("4.6/07", &[("x-hub-signature", &good)], Err("missing x-hub-signature-256".into())),
            ("4.6/07", &[("x-gitlab-token", "s3cret")], Err("missing x-hub-signature-256".into())),
        ];
        for (row, headers, expected) in cases {
            assert_eq!(reason(Provider::Github, headers, body, &by), expected, "{row} {headers:?}");
        }
        let empty = reason(Provider::Github, &[("x-hub-signature-256", &good)], b"", &by);
        assert_eq!(empty, Err("missing rawBody (server misconfigured)".into()), "4.6/07");
        let ended = reason(Provider::Github, &[("x-hub-signature-256", &old)], body, &secrets("s3cret", None));
        assert_eq!(ended, Err("invalid signature".into()), "4.6/07");
    }

    #[test]
    fn row_7_gitlab_compares_the_trimmed_token() {
        let by = secrets("s3cret", Some("older"));
        let cases: [Case<'_>; 6] = [
            ("4.6/07", &[("X-Gitlab-Token", " s3cret ")], Ok(())),
            ("4.6/07", &[("x-gitlab-token", "older")], Ok(())),
            ("4.6/07", &[("x-gitlab-token", "s3cre")], Err("invalid x-gitlab-token".into())),
            ("4.6/07", &[("x-gitlab-token", "S3CRET")], Err("invalid x-gitlab-token".into())),
            ("4.6/07", &[("x-gitlab-token", "  ")], Err("missing x-gitlab-token".into())),
            ("4.6/07", &[], Err("missing x-gitlab-token".into())),
        ];
        for (row, headers, expected) in cases {
            assert_eq!(reason(Provider::Gitlab, headers, b"{}", &by), expected, "{row} {headers:?}");
        }
    }

    #[test]
    fn a_blank_secret_lets_nobody_in() {
        let blank = format!("sha256={}", hex::encode(Secret::new("").hmac_sha256(&[b"{}"])));
        for by in [secrets("", None), secrets("", Some("")), secrets("  ", None)] {
            let result = reason(Provider::Github, &[("x-hub-signature-256", &blank)], b"{}", &by);
            assert_eq!(result, Err("invalid signature".into()));
        }
    }

    #[test]
    fn switched_off_verification_passes_and_says_so() {
        let headers = WebhookHeaders::default();
        let mut trace = TraceLog::new(Timestamp::from_millisecond(0));
        let incoming = Incoming { endpoint: Provider::Github, headers: &headers, raw: b"{}" };
        assert!(verify(&incoming, &Verification::Off, &mut trace).is_ok());
        assert_eq!(trace.signature_verified(), Some(true));
        assert_eq!(trace.steps()[0].message.as_deref(), Some("verification is off for this repository"));
    }

    proptest! {
        #[test]
        fn exactly_the_right_mac_is_accepted(
            key in "[!-~]{1,40}",
            body in proptest::collection::vec(any::<u8>(), 1..200),
            flip in 0usize..64,
            other in "\\PC{0,80}",
        ) {
            let by = secrets(&key, None);
            let right = format!("sha256={}", hex::encode(Secret::new(key.as_str()).hmac_sha256(&[&body])));
            prop_assert!(reason(Provider::Github, &[("x-hub-signature-256", &right)], &body, &by).is_ok());
            let mut wrong = right.clone().into_bytes();
            wrong[7 + flip] = if wrong[7 + flip] == b'0' { b'1' } else { b'0' };
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assert!(reason(Provider::Github, &[("x-hub-signature-256", &wrong)], &body, &by).is_err());
            prop_assume!(other.trim() != right);
            prop_assert!(reason(Provider::Github, &[("x-hub-signature-256", &other)], &body, &by).is_err());
        }
    }
}
