//! `/api/users`: the people of a tenant, for its administrators.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use repoplane_api::access::{Administrator, PathParams};
use repoplane_api::body::JsonBody;
use repoplane_api::{App, Problem};
use repoplane_domain::access::{CreateUser, PatchUser, User};
use repoplane_domain::error::Kind;
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
pub(crate) async fn list(State(app): State<App>, Administrator(caller): Administrator) -> Result<Json<Value>, Problem> {
    let users = app.store.list_users(caller.tenant).await?;
    Ok(Json(json!({"users": users.iter().map(view).collect::<Vec<_>>()})))
}

/// `users_create`.
pub(crate) async fn create(
    State(app): State<App>,
    Administrator(caller): Administrator,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let user = app.store.create_user(&caller, CreateUser::read(&body)?, app.now()).await?;
    let location = format!("/api/users/{}", user.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(json!({"user": view(&user)}))).into_response())
}

/// `users_update`.
pub(crate) async fn change(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let id = params.id("user_id", Kind::User)?;
    let user = app.store.patch_user(&caller, id, &PatchUser::read(&body)?, app.now()).await?;
    Ok(Json(json!({"user": view(&user)})))
}
