//! `/api/users`: the people of a tenant, for its administrators.

use axum::extract::State;
use repoplane_api::access::{Administrator, PathParams};
use repoplane_api::body::JsonBody;
use repoplane_api::{Answer, App, IfMatch, PostedBody, Problem, answer_once};
use repoplane_domain::access::{CreateUser, PatchUser, User};
use repoplane_domain::error::Kind;
use repoplane_store::KeptAnswer;
use serde_json::{Value, json};

/// One user on the wire.
pub(crate) fn view(user: &User) -> Value {
    let mut view = json!({
        "id": user.id,
        "number": user.number,
        "username": user.username,
        "roles": user.roles,
        "disabled": user.disabled,
        "createdAt": user.created_at,
        "updatedAt": user.updated_at,
    });
    for (key, value) in [("displayName", &user.display_name), ("email", &user.email)] {
        if let Some(value) = value {
            view[key] = json!(value);
        }
    }
    view
}

/// `users_list`.
pub(crate) async fn list(State(app): State<App>, Administrator(caller): Administrator) -> Result<Answer, Problem> {
    let users = app.store.list_users(caller.tenant).await?;
    Ok(Answer::ok(json!({"users": users.iter().map(view).collect::<Vec<_>>()})))
}

/// `users_get`.
pub(crate) async fn show(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
) -> Result<Answer, Problem> {
    let id = params.id("user_id", Kind::User)?;
    let user = app.store.user(caller.tenant, id).await?.ok_or_else(|| Problem::not_found(Kind::User))?;
    Ok(Answer::ok(json!({"user": view(&user)})).version(user.version))
}

/// `users_create`.
pub(crate) async fn create(
    State(app): State<App>,
    Administrator(caller): Administrator,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    let once = posted.once(&caller);
    let run = async {
        let command = CreateUser::read(&posted.body)?;
        let render = |user: &User| {
            KeptAnswer::created(format!("/api/users/{}", user.id), json!({"user": view(user)})).version(user.version)
        };
        let user = app.store.create_user(&caller, command, once.as_ref(), app.now(), render).await?;
        Ok(render(&user).into())
    };
    answer_once(&app, once.as_ref(), run).await
}

/// `users_update`.
pub(crate) async fn change(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let id = params.id("user_id", Kind::User)?;
    let (patch, now) = (PatchUser::read(&body)?, app.now());
    let change = |stored: &User| {
        if_match.check(stored.version)?;
        Ok(patch.apply(stored, now))
    };
    let user = app.store.change_user(&caller, id, now, change).await?;
    Ok(Answer::ok(json!({"user": view(&user)})).version(user.version))
}
