//! Whose access it is and what it may do with a repository (contract: hookcode 4.4, 4.7).

use super::{Repository, app, place};
use crate::call::{Caller, base_url};
use crate::error::ProviderError;
use crate::providers::Providers;
use crate::token_test::TokenReport;
use repoplane_domain::credential::GithubApp;
use repoplane_domain::repository::Provider;
use repoplane_domain::robot::TokenAccount;
use serde::{Deserialize, Serialize};

/// GitHub REST: `GET /user` and `GET /users/{username}`.
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

/// GitHub REST: `GET /app`.
#[derive(Deserialize)]
struct App {
    slug: String,
    name: Option<String>,
}

/// GitHub REST: `permissions` of a repository, for the token's account.
#[derive(Deserialize, Serialize, Clone, Copy, Default)]
#[serde(default)]
pub(crate) struct Permissions {
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
pub(crate) async fn of_token(caller: &Caller<'_>, identity: &str) -> Result<TokenReport, ProviderError> {
    let place = place(identity)?;

    let user: User = caller.get(&["user"]).await?;
    let email = match email(&user) {
        Some(email) => Some(email),
        None => verified(&caller.get::<Vec<Email>>(&["user", "emails"]).await?),
    };
    let repository: Repository = caller.get(&place).await?;
    let (role, can_write) = repository.permissions.unwrap_or_default().role();
    Ok(report(caller, user, email, &repository, role, can_write))
}

/// Tests an app: its account is its bot, its role that of the installation's permission for contents.
pub(crate) async fn of_app(
    providers: &Providers,
    caller: &Caller<'_>,
    base: Option<&str>,
    identity: &str,
    credential: &GithubApp,
) -> Result<TokenReport, ProviderError> {
    let place = place(identity)?;
    let base = base_url(Provider::Github, base, super::DEFAULT_BASE)?;
    let app: App = app::as_app(&providers.egress, &base, credential)?.get(&["app"]).await?;
    let login = format!("{}[bot]", app.slug);
    let mut bot: User = caller.get(&["users", &login]).await?;
    let email = bot.id.map(|id| format!("{id}+{login}@users.noreply.github.com"));
    (bot.login, bot.name) = (Some(login), app.name);
    let repository: Repository = caller.get(&place).await?;
    let (installation, _) = providers.installations.token(&providers.egress, &base, credential).await?;
    let (role, can_write) = match installation.contents.as_deref() {
        Some("write") => ("write", true),
        Some("read") => ("read", false),
        _none => ("unknown", false),
    };
    Ok(report(caller, bot, email, &repository, role, can_write))
}

fn report(
    caller: &Caller<'_>,
    user: User,
    email: Option<String>,
    repository: &Repository,
    role: &str,
    can_write: bool,
) -> TokenReport {
    let clean = |text: String| caller.clean(text);
    let account = TokenAccount {
        user_id: user.id.map(|id| id.to_string()),
        username: user.login.map(clean),
        display_name: user.name.map(clean),
        email: email.map(clean),
        role: Some(role.to_owned()),
        role_details: Some(details(caller, repository)),
    };
    TokenReport { account, can_write }
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

fn details(caller: &Caller<'_>, repository: &Repository) -> serde_json::Value {
    let mut details = serde_json::json!({
        "provider": "github",
        "repo": {
            "id": repository.id,
            "full_name": caller.clean(&repository.full_name),
            "private": repository.private,
            "html_url": caller.clean(&repository.html_url),
        },
    });
    // Unset is left out, as everywhere on the contract's wire (hookcode 1.3).
    if let Some(permissions) = repository.permissions {
        details["permissions"] = serde_json::json!(permissions);
    }
    details
}
