//! Whose token it is and what it may do with a project (contract: hookcode 4.4, 4.7).

use super::{Project, usable};
use crate::call::Caller;
use crate::error::ProviderError;
use crate::token_test::TokenReport;
use repoplane_domain::robot::TokenAccount;
use serde::Deserialize;
use serde_json::json;

/// Roles by their lowest access level (GitLab REST: members, roles); the last column says whether it may push.
const ROLES: [(u64, &str, bool); 5] = [
    (50, "owner", true),
    (40, "maintainer", true),
    (30, "developer", true),
    (20, "reporter", false),
    (10, "guest", false),
];

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
pub(crate) async fn of_token(caller: &Caller<'_>, identity: &str) -> Result<TokenReport, ProviderError> {
    let project: Project = caller.get(&["projects", usable(identity)?]).await?;
    let user: User = caller.get(&["user"]).await?;
    let filled = |email: &Option<String>| email.clone().filter(|email| !email.trim().is_empty());
    let email = filled(&user.email).or_else(|| filled(&user.public_email)).ok_or(ProviderError::MissingEmail)?;
    let (project_id, user_id) = (project.id.to_string(), user.id.to_string());
    let member: Member = caller.get(&["projects", &project_id, "members", "all", &user_id]).await?;

    let clean = |text: &str| caller.clean(text);
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
