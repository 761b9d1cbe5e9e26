//! `/api/access-tokens`: the caller's own tokens; administrators also make integration tokens and those of other users.

use crate::identity::new_token;
use axum::extract::State;
use repoplane_api::access::{Caller, FreshCaller, PathParams};
use repoplane_api::{Answer, App, PostedBody, Problem, answer_once};
use repoplane_domain::access::{AccessToken, CreateAccessToken, TokenKind};
use repoplane_domain::error::Kind;
use repoplane_store::KeptAnswer;
use serde_json::{Value, json};

fn view(token: &AccessToken) -> Value {
    let mut view = json!({
        "id": token.id,
        "name": token.name,
        "kind": token.kind,
        "prefix": token.prefix,
        "scopes": token.scopes,
        "createdAt": token.created_at,
        "expiresAt": token.expires_at,
        "lastUsedAt": token.last_used_at,
    });
    if let Some(policy) = &token.policy {
        view["policy"] = json!(policy);
    }
    view
}

/// `access_list_tokens`.
pub(crate) async fn list(State(app): State<App>, Caller(caller): Caller) -> Result<Answer, Problem> {
    caller.need_token_management()?;
    let tokens = app.store.access_tokens(caller.tenant, caller.user, app.now()).await?;
    Ok(Answer::ok(json!({"accessTokens": tokens.iter().map(view).collect::<Vec<_>>()})))
}

/// `access_create_token`: the text is shown in this one answer.
pub(crate) async fn create(
    State(app): State<App>,
    FreshCaller(caller): FreshCaller,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    caller.need_token_management()?;
    let once = posted.once(&caller);
    let run = async {
        let command = CreateAccessToken::read(&posted.body, &caller)?;
        match command.kind {
            TokenKind::Personal if command.user.is_none() => {}
            // It speaks for another user, or for the whole tenant.
            TokenKind::Personal | TokenKind::Integration | TokenKind::Platform => caller.need_administrator()?,
        }
        let text = new_token(command.kind)?;
        let render = |token: &AccessToken| {
            let location = format!("/api/access-tokens/{}", token.id);
            KeptAnswer::created(location, json!({"accessToken": view(token)})).withholding("token")
        };
        let issued = app.store.create_access_token(&caller, command, (text, once.as_ref()), app.now(), render).await?;
        Ok(Answer::from(render(&issued.token)).reveal("token", issued.text))
    };
    answer_once(&app, once.as_ref(), run).await
}

/// `access_revoke_token`.
pub(crate) async fn revoke(
    State(app): State<App>,
    FreshCaller(caller): FreshCaller,
    params: PathParams,
) -> Result<Answer, Problem> {
    caller.need_token_management()?;
    let id = params.id("token_id", Kind::AccessToken)?;
    app.store.revoke_access_token(&caller, id, app.now()).await?;
    Ok(Answer::ok(json!({"ok": true})))
}
