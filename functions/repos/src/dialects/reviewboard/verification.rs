//! Asking a remote before a change of it is kept, and trusting its host where the caller says so (contract: reviewboard
//! 8.3, 8.4).

use super::problems::Code;
use crate::Repos;
use repoplane_api::Problem;
use repoplane_domain::access::Principal;
use repoplane_domain::credential::{AccessSource, GitAccess, Purpose, SecretEdit};
use repoplane_domain::trusted_host::{HostIdentity, HostPort, TrustedHosts};
use repoplane_providers::{Providers, UnverifiedCertificate, VerifyError};
use repoplane_store::{DecisionSet, NoAccess};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// Longest time for all questions to a remote, with room for what is written then: the HTTP API ends a request after 30 s.
const VERIFICATION_TIME: Duration = Duration::from_secs(24);

/// Asks whether a repository as it would be saved can be read. Nothing has been saved on an error, but for the trust in
/// its host where `trust_host` asked for that.
///
/// # Errors
/// The contract's error for each way in which it cannot.
pub(super) async fn verify(
    repos: &Repos,
    principal: &Principal,
    set: &DecisionSet,
    edits: &[SecretEdit],
    trust_host: bool,
) -> Result<(), Problem> {
    let store = &repos.app.store;
    let tenant = set.repository.tenant;
    let remote = set.repository.shown_url();
    let access = access(repos, principal, set, edits).await?;
    let network = store.network_of(tenant).await?;
    let known = match HostPort::of_remote(&remote) {
        Some(place) => store.trusted_host(tenant, &place).await?,
        None => None,
    };
    let trusted = TrustedHosts::new(known.map(|host| (host.place, host.identity)));
    let providers = repos.providers.for_tenant(&network);
    // A tenant's trust is its administrators' to give: whoever else asks for it is told as if they had not.
    let may_trust = trust_host && principal.sees_all_repositories();
    let asked = ask(repos, principal, (&providers, &remote, &access), trusted, may_trust);
    timeout(VERIFICATION_TIME, asked).await.unwrap_or_else(|_| {
        let reason = "the remote did not answer in time";
        Err(Code::CommunicationError.problem().with_detail(reason).with_member("error", json!(reason)))
    })
}

async fn ask(
    repos: &Repos,
    principal: &Principal,
    (providers, remote, access): (&Providers, &str, &GitAccess),
    trusted: TrustedHosts,
    may_trust: bool,
) -> Result<(), Problem> {
    let Err(refused) = providers.verify(remote, access, &trusted).await else { return Ok(()) };
    let (place, identity) = match (&refused, may_trust) {
        (VerifyError::UnknownHostKey { place, offered } | VerifyError::ChangedHostKey { place, offered, .. }, true) => {
            (place.clone(), HostIdentity::SshKey(offered.clone()))
        }
        (VerifyError::Certificate { place, certificate }, true) => {
            (place.clone(), HostIdentity::Certificate { sha256: certificate.sha256.clone() })
        }
        _ => return Err(problem(refused)),
    };
    let trusted = TrustedHosts::new([(place.clone(), identity.clone())]);
    repos.app.store.trust_host(principal, place, identity, repos.app.now()).await.map_err(|error| {
        let reason = Problem::from(error).detail().to_owned();
        Code::ServerConfigError.problem().with_member("reason", json!(reason))
    })?;
    // Only once: a host that shows another identity every time is not trusted time and again.
    providers.verify(remote, access, &trusted).await.map(drop).map_err(problem)
}

/// How the repository would be read: by what it has or is about to have itself, else as nobody.
async fn access(
    repos: &Repos,
    principal: &Principal,
    set: &DecisionSet,
    edits: &[SecretEdit],
) -> Result<GitAccess, Problem> {
    let store = &repos.app.store;
    let found = match set.repository.credential {
        Some(_) => store.sync_access(set).await?,
        None => store.git_access_with(set, edits, principal, AccessSource::Repo, None, Purpose::Read).await?,
    };
    match found {
        Ok(access) => Ok(access),
        Err(NoAccess::NoToken) => Ok(GitAccess::Anonymous),
        Err(none @ (NoAccess::NotForHost | NoAccess::Unusable(_))) => Err(refused_access(none)),
    }
}

/// What is told of a login that cannot be used.
pub(super) fn refused_access(none: NoAccess) -> Problem {
    let reason = match none {
        NoAccess::NoToken => "the repository has no token",
        NoAccess::NotForHost => "the inherited token is not meant for this host",
        NoAccess::Unusable(reason) => reason,
    };
    Code::RepositoryAuthError.problem().with_member("reason", json!(reason))
}

/// The contract's error for what kept a remote from being read, with what the user can do about it.
fn problem(error: VerifyError) -> Problem {
    let text = error.to_string();
    match error {
        VerifyError::Missing { .. } | VerifyError::Unreachable { ssh: false, .. } | VerifyError::Unusable { .. } => {
            Code::RepositoryMissing.problem().with_detail(format!("There is no repository at this path: {text}"))
        }
        VerifyError::Unreachable { ssh: true, .. } | VerifyError::Other { .. } => {
            let detail = format!("The repository could not be spoken to: {text}");
            Code::CommunicationError.problem().with_detail(detail).with_member("error", json!(text))
        }
        VerifyError::UnknownHostKey { place, offered } => {
            let detail = format!(
                "The key of {place} is not known: {} {}. Compare it with what the host's administrator says, then send \
                 trust_host=1 as an administrator.",
                offered.algorithm,
                offered.fingerprint(),
            );
            let problem = Code::HostKeyNotVerified.problem().with_detail(detail);
            problem.with_member("hostname", json!(place.host())).with_member("key", json!(offered.key))
        }
        VerifyError::ChangedHostKey { place, expected, offered } => {
            let detail = format!(
                "{place} shows another key than the one that is trusted: {} {} instead of {}. Somebody may stand between; \
                 if the host has a new key, send trust_host=1 as an administrator.",
                offered.algorithm,
                offered.fingerprint(),
                expected.fingerprint(),
            );
            let problem = Code::HostKeyMismatch.problem().with_detail(detail);
            let problem = problem.with_member("hostname", json!(place.host()));
            problem.with_member("expected_key", json!(expected.key)).with_member("key", json!(offered.key))
        }
        VerifyError::Certificate { certificate, .. } => {
            let detail =
                format!("{text}. If this is the certificate that is meant, send trust_host=1 as an administrator.");
            let problem = Code::CertificateNotVerified.problem().with_detail(detail);
            problem.with_member("certificate", shown(&certificate))
        }
        VerifyError::CredentialsRefused { .. } => {
            let detail = format!("The repository refused the login: {text}. Send another username and password.");
            Code::RepositoryAuthError.problem().with_detail(detail).with_member("reason", json!(text))
        }
        VerifyError::PublicKeyWanted { .. } => {
            let detail = format!(
                "{text}. Name a credential of type git_ssh_key for it: credential_id of PATCH /repositories/{{id}}."
            );
            Code::PublicKeyMissing.problem().with_detail(detail)
        }
    }
}

/// A certificate's facts. The fingerprint is its SHA-256, in the way browsers show it.
fn shown(certificate: &UnverifiedCertificate) -> Value {
    let pairs: Vec<String> =
        certificate.sha256.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
    json!({
        "failures": certificate.failures,
        "fingerprint": pairs.join(":"),
        "hostname": certificate.hostname,
        "issuer": certificate.issuer,
        "valid": {"from": certificate.valid_from, "until": certificate.valid_until},
    })
}
