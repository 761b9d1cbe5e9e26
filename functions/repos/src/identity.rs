//! `/api/me` and `/api/bootstrap`: who is calling, and how the first caller comes to be.

use axum::extract::State;
use http::HeaderMap;
use repoplane_api::access::Caller;
use repoplane_api::app::random_token;
use repoplane_api::body::JsonBody;
use repoplane_api::problem::ProblemType;
use repoplane_api::{Answer, App, Problem, token};
use repoplane_domain::access::{
    CreateAccessToken, CreateTenant, Login, Principal, Recover, Scope, Tenant, TokenKind, User,
};
use repoplane_domain::secret::Secret;
use repoplane_store::{Authorship, KeptAnswer};
use serde_json::{Value, json};

/// `access_me`.
pub(crate) async fn me(Caller(caller): Caller) -> Answer {
    Answer::ok(json!({"principal": principal(&caller), "tenant": {"id": caller.tenant}, "scopes": caller.scopes}))
}

/// `access_login`: for HookCode's clients, which want to sign in. The password is an access token; the answer is that very
/// token with its user (contract: hookcode 1.1). Nothing is made, so nothing has to be signed out.
pub(crate) async fn login(State(app): State<App>, JsonBody(body): JsonBody) -> Result<Answer, Problem> {
    let login = Login::read(&body)?;
    let refused = || Problem::unauthorized("Invalid username or password");
    let now = app.now();
    let record = app.store.token_record(&login.password, true, now).await?.ok_or_else(refused)?;
    if !record.user.username.eq_ignore_ascii_case(login.username.trim()) {
        return Err(refused());
    }
    if record.user.disabled {
        return Err(Problem::new(ProblemType::Forbidden, "Account is disabled").with_code("ACCOUNT_DISABLED"));
    }
    record.principal(now).ok_or_else(refused)?;
    let mut user = json!({"id": record.user.id, "username": record.user.username, "roles": record.user.roles});
    for (key, value) in [("displayName", &record.user.display_name), ("email", &record.user.email)] {
        if let Some(value) = value {
            user[key] = json!(value);
        }
    }
    let mut answer = json!({"user": user});
    if let Some(at) = record.token.expires_at {
        answer["expiresAt"] = json!(at);
    }
    Ok(Answer::ok(answer).reveal("token", login.password))
}

fn principal(caller: &Principal) -> Value {
    let mut view = json!({
        "kind": caller.kind,
        "userId": caller.user,
        "username": caller.username,
        "roles": caller.roles,
        "accessTokenId": caller.token,
    });
    if let Some(name) = &caller.display_name {
        view["displayName"] = json!(name);
    }
    view
}

/// `access_bootstrap`: the first tenant and its administrator, for who holds the deployment's bootstrap token; once.
pub(crate) async fn bootstrap(
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let token = check_bootstrap_token(&app, &headers).await?;
    if app.store.is_bootstrapped().await? {
        let problem = Problem::new(ProblemType::Conflict, "the registry has its first tenant already");
        return Err(problem.with_code("ALREADY_BOOTSTRAPPED"));
    }
    let command = CreateTenant::read(&body)?;
    let tokens = first_tokens()?;
    let render = |tenant: &Tenant, user: &User| {
        let body = json!({"tenant": crate::tenants::view(tenant), "administrator": crate::users::view(user)});
        KeptAnswer::created(format!("/api/tenants/{}", tenant.id), body).version(tenant.version)
    };
    let author = Authorship::Bootstrap { token: Some(&token) };
    let (tenant, user, issued) = app.store.create_tenant(&command, tokens, author, app.now(), render).await?;
    let tokens = ["token", "operatorToken"].into_iter().zip(issued);
    let answer = Answer::from(render(&tenant, &user));
    Ok(tokens.fold(answer, |answer, (name, issued)| answer.reveal(name, issued.text)))
}

/// `access_recover`: new tokens for an administrator who lost all of theirs, for who could replace the bootstrap token.
pub(crate) async fn recover(
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let token = check_bootstrap_token(&app, &headers).await?;
    let command = Recover::read(&body)?;
    let (user, issued) = app.store.recover_administrator(&command, &token, first_tokens()?, app.now()).await?;
    let tokens = ["token", "operatorToken"].into_iter().zip(issued);
    let answer = Answer::ok(json!({"administrator": crate::users::view(&user)}));
    Ok(tokens.fold(answer, |answer, (name, issued)| answer.reveal(name, issued.text)))
}

/// What who has the deployment's own token is given: a token for the tenant, and one that manages tenants.
fn first_tokens() -> Result<Vec<(CreateAccessToken, Secret)>, Problem> {
    Ok(vec![
        (CreateAccessToken::of_bootstrap("administrator", Scope::OF_A_TENANT), new_token(TokenKind::Personal)?),
        (CreateAccessToken::of_bootstrap("operator", [Scope::Operator]), new_token(TokenKind::Personal)?),
    ])
}

/// The deployment's own token, if it is what the caller shows.
async fn check_bootstrap_token(app: &App, headers: &HeaderMap) -> Result<Secret, Problem> {
    let given = token::of_request(headers).ok_or_else(|| Problem::unauthorized("Unauthorized"))?;
    let refused = || Problem::unauthorized("Invalid token");
    let name = app.settings.bootstrap_secret.as_deref().ok_or_else(refused)?;
    let expected = app.store.vault().read_plain(name).await?.ok_or_else(refused)?;
    let matches = !expected.expose().is_empty() && expected.matches(given.expose().as_bytes());
    if matches { Ok(expected) } else { Err(refused()) }
}

/// A new token's text.
pub(crate) fn new_token(kind: TokenKind) -> Result<Secret, Problem> {
    random_token(kind.prefix()).map_err(|error| {
        tracing::error!(%error, "The operating system has no randomness to give");
        Problem::new(ProblemType::Internal, "no randomness for a token")
    })
}
