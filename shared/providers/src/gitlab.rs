//! GitLab's REST API, as far as the robot's test needs it (contract: hookcode 4.4, 4.7).

use crate::call::{Caller, base_url};
use crate::egress::Egress;
use crate::error::ProviderError;
use crate::token_test::TokenReport;
use http::header::{ACCEPT, HeaderName};
use repoplane_domain::repository::Provider;
use repoplane_domain::robot::TokenAccount;
use repoplane_domain::secret::Secret;
use serde::Deserialize;
use serde_json::json;
use url::Url;

/// The public site.
const DEFAULT_SITE: &str = "https://gitlab.com";
/// Below the site root (GitLab REST: paths).
const API: &str = "/api/v4";

/// Roles by their lowest access level (GitLab REST: members, roles); the last column says whether it may push.
const ROLES: [(u64, &str, bool); 5] = [
    (50, "owner", true),
    (40, "maintainer", true),
    (30, "developer", true),
    (20, "reporter", false),
    (10, "guest", false),
];

/// GitLab REST: `GET /projects/:id`.
#[derive(Deserialize)]
struct Project {
    id: u64,
}

/// GitLab REST: `GET /user`.
#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
    name: Option<String>,
    email: Option<String>,
    public_email: Option<String>,
}

/// GitLab REST: `GET /projects/:id/members/all/:user_id`, which counts inherited memberships.
#[derive(Deserialize)]
struct Member {
    id: u64,
    username: String,
    name: Option<String>,
    access_level: u64,
    state: Option<String>,
    expires_at: Option<String>,
}

/// Tests a token: who it belongs to, and what that account may do with the project.
pub(crate) async fn test_token(
    egress: &Egress,
    site: Option<&str>,
    identity: &str,
    token: &Secret,
) -> Result<TokenReport, ProviderError> {
    let provider = Provider::Gitlab;
    let base = api(base_url(provider, site, DEFAULT_SITE)?);
    let token_header = (HeaderName::from_static("private-token"), "");
    let caller = Caller::new(egress, provider, base, &[(ACCEPT, "application/json")], token_header, token)?;
    let identity = usable(identity.trim())?;

    let project: Project = caller.get(&["projects", identity]).await?;
    let user: User = caller.get(&["user"]).await?;
    let filled = |email: &Option<String>| email.clone().filter(|email| !email.trim().is_empty());
    let email = filled(&user.email).or_else(|| filled(&user.public_email)).ok_or(ProviderError::MissingEmail)?;
    let (project_id, user_id) = (project.id.to_string(), user.id.to_string());
    let member: Member = caller.get(&["projects", &project_id, "members", "all", &user_id]).await?;

    let clean = |text: &str| caller.cleaner.text(text);
    let level = member.access_level;
    let role = ROLES.iter().find(|(least, ..)| level >= *least);
    let (role, can_write) = role.map_or(("unknown", false), |(_, name, writes)| (*name, *writes));
    let details = json!({
        "provider": "gitlab",
        "projectId": project.id,
        "accessLevel": level,
        "member": {
            "id": member.id,
            "username": clean(&member.username),
            "name": member.name.as_deref().map(clean),
            "access_level": level,
            "state": member.state.as_deref().map(clean),
            "expires_at": member.expires_at.as_deref().map(clean),
        },
    });
    let account = TokenAccount {
        user_id: Some(user_id),
        username: Some(clean(&user.username)),
        display_name: user.name.as_deref().map(clean),
        email: Some(clean(&email)),
        role: Some(role.to_owned()),
        role_details: Some(details),
    };
    Ok(TokenReport { account, can_write })
}

/// The API below a site root; a root that already ends with it is left alone (contract: hookcode 3.1).
fn api(mut site: Url) -> Url {
    let root = site.path().trim_end_matches('/').to_owned();
    if !root.ends_with(API) {
        site.set_path(&format!("{root}{API}"));
    }
    site
}

/// A project path travels as one encoded part; servers decode it, so dot parts are refused here.
fn usable(identity: &str) -> Result<&str, ProviderError> {
    if identity.split('/').any(|part| matches!(part, "" | "." | "..")) {
        let reason = "the repository's external id must be a numeric id or group/project";
        return Err(ProviderError::Unusable { provider: Provider::Gitlab, reason });
    }
    Ok(identity)
}
