//! GitHub's REST API, as far as the robot's test needs it (contract: hookcode 4.4, 4.7).

use crate::call::{Caller, base_url};
use crate::clean::Cleaner;
use crate::egress::Egress;
use crate::error::ProviderError;
use crate::token_test::TokenReport;
use http::header::{ACCEPT, AUTHORIZATION, HeaderName};
use repoplane_domain::repository::Provider;
use repoplane_domain::robot::TokenAccount;
use repoplane_domain::secret::Secret;
use serde::{Deserialize, Serialize};

/// The public API; GitHub Enterprise Server has its own at `https://HOST/api/v3`.
const DEFAULT_BASE: &str = "https://api.github.com";
/// The version whose shapes are read here (GitHub REST: API versions).
const API_VERSION: (HeaderName, &str) = (HeaderName::from_static("x-github-api-version"), "2022-11-28");

/// GitHub REST: `GET /user`.
#[derive(Deserialize)]
struct User {
    id: Option<u64>,
    login: Option<String>,
    name: Option<String>,
    email: Option<String>,
}

/// GitHub REST: `GET /user/emails`, one of the list.
#[derive(Deserialize)]
struct Email {
    email: String,
    primary: bool,
    verified: bool,
}

/// GitHub REST: `GET /repos/{owner}/{repo}` and `GET /repositories/{id}`.
#[derive(Deserialize)]
struct Repository {
    id: u64,
    full_name: String,
    private: bool,
    html_url: String,
    permissions: Option<Permissions>,
}

/// GitHub REST: `permissions` of a repository, for the token's account.
#[derive(Deserialize, Serialize, Clone, Copy, Default)]
#[serde(default)]
struct Permissions {
    admin: bool,
    maintain: bool,
    push: bool,
    triage: bool,
    pull: bool,
}

impl Permissions {
    /// The role's name and whether it may write: the highest one counts.
    fn role(self) -> (&'static str, bool) {
        let Self { admin, maintain, push, triage, pull } = self;
        let ladder = [
            (admin, "admin", true),
            (maintain, "maintain", true),
            (push, "write", true),
            (triage, "triage", false),
            (pull, "read", false),
        ];
        ladder.iter().find(|(held, ..)| *held).map_or(("unknown", false), |(_, name, writes)| (*name, *writes))
    }
}

/// Tests a token: who it belongs to, and what that account may do with the repository.
pub(crate) async fn test_token(
    egress: &Egress,
    base: Option<&str>,
    identity: &str,
    token: &Secret,
) -> Result<TokenReport, ProviderError> {
    let provider = Provider::Github;
    let base = base_url(provider, base, DEFAULT_BASE)?;
    let headers = [(ACCEPT, "application/vnd.github+json"), API_VERSION];
    let caller = Caller::new(egress, provider, base, &headers, (AUTHORIZATION, "Bearer "), token)?;
    let place = place(identity)?;

    let user: User = caller.get(&["user"]).await?;
    let email = match email(&user) {
        Some(email) => Some(email),
        None => verified(&caller.get::<Vec<Email>>(&["user", "emails"]).await?),
    };
    let repository: Repository = caller.get(&place).await?;

    let clean = |text: String| caller.cleaner.text(&text);
    let (role, can_write) = repository.permissions.unwrap_or_default().role();
    let account = TokenAccount {
        user_id: user.id.map(|id| id.to_string()),
        username: user.login.map(clean),
        display_name: user.name.map(clean),
        email: email.map(clean),
        role: Some(role.to_owned()),
        role_details: Some(details(&repository, &caller.cleaner)),
    };
    Ok(TokenReport { account, can_write })
}

/// The path of the repository: by full name, or by id when the identity has no slash.
fn place(identity: &str) -> Result<Vec<&str>, ProviderError> {
    let parts: Vec<&str> = identity.trim().split('/').collect();
    match parts.as_slice() {
        [id] => Ok(vec!["repositories", id]),
        [owner, name] => Ok(vec!["repos", owner, name]),
        _ => Err(ProviderError::Unusable {
            provider: Provider::Github,
            reason: "the repository's external id must be owner/repo or a numeric id",
        }),
    }
}

/// The profile's e-mail, else the address that GitHub keeps for the account's commits.
fn email(user: &User) -> Option<String> {
    let public = user.email.clone().filter(|email| !email.trim().is_empty());
    public.or_else(|| Some(format!("{}+{}@users.noreply.github.com", user.id?, user.login.as_deref()?)))
}

fn verified(emails: &[Email]) -> Option<String> {
    let mut verified = emails.iter().filter(|email| email.verified);
    let first = verified.clone().next();
    verified.find(|email| email.primary).or(first).map(|email| email.email.clone())
}

fn details(repository: &Repository, cleaner: &Cleaner) -> serde_json::Value {
    let mut details = serde_json::json!({
        "provider": "github",
        "repo": {
            "id": repository.id,
            "full_name": cleaner.text(&repository.full_name),
            "private": repository.private,
            "html_url": cleaner.text(&repository.html_url),
        },
    });
    // Unset is left out, as everywhere on the contract's wire (hookcode 1.3).
    if let Some(permissions) = repository.permissions {
        details["permissions"] = serde_json::json!(permissions);
    }
    details
}
