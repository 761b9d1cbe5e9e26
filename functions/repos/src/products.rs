//! `/api/products`: where the code of a product lives, whether its projects are made there, and who works in it.

use crate::view;
use axum::extract::State;
use repoplane_api::access::{Administrator, Caller, PathParams};
use repoplane_api::body::JsonBody;
use repoplane_api::problem::ProblemType;
use repoplane_api::{Answer, App, IfMatch, Problem};
use repoplane_domain::access::{Member, Members, Principal, RepositoryRole, Scope};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::UserId;
use repoplane_domain::product::{PatchProduct, Product};
use repoplane_store::NoAccess;
use serde_json::{Value, json};

/// A product on the wire. The credential is an id; its value is nowhere.
fn shown(product: &Product) -> Value {
    let connection = product.connection.as_ref().map(|connection| {
        let mut shown = json!({
            "provider": connection.provider,
            "owner": connection.owner,
            "credentialId": connection.credential,
            "deleteAtProvider": connection.delete_at_provider,
        });
        if let Some(api_base_url) = &connection.api_base_url {
            shown["apiBaseUrl"] = json!(api_base_url);
        }
        shown
    });
    json!({
        "name": product.name,
        "displayName": product.git.name,
        "description": product.git.description,
        "baseUrl": product.base_url,
        "connection": connection,
        "members": product.members.iter().map(view::member).collect::<Vec<_>>(),
        "createdAt": product.created_at,
        "updatedAt": product.updated_at,
    })
}

/// `products_list`.
pub(crate) async fn list(State(app): State<App>, Caller(caller): Caller) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    let products = app.store.products(&caller).await?;
    Ok(Answer::ok(json!({"products": products.iter().map(shown).collect::<Vec<_>>()})))
}

/// `products_get`.
pub(crate) async fn show(
    State(app): State<App>,
    Caller(caller): Caller,
    params: PathParams,
) -> Result<Answer, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    let product = app.store.visible_product(&caller, name_of(&params)?).await?;
    Ok(Answer::ok(json!({"product": shown(&product)})).version(product.version))
}

/// `products_update`.
pub(crate) async fn change(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let product = app.store.visible_product(&caller, name_of(&params)?).await?;
    let (patch, now) = (PatchProduct::read(&body)?, app.now());
    if_match.check(product.version)?;
    check_credential(&app, &caller, &patch).await?;
    let members = match &patch.members {
        Some(members) => Some(find_members(&app, &caller, members).await?),
        None => None,
    };
    let namespace = repoplane_domain::product::namespace_of(&product.name);
    let repositories = match patch.connects() {
        true => app.store.repositories_of_namespace(caller.tenant, &namespace).await?,
        false => Vec::new(),
    };
    let change = |stored: &Product| {
        if_match.check(stored.version)?;
        patch.apply(stored, members.clone(), &repositories, now)
    };
    let product = app.store.change_product(&caller, product, now, change).await?;
    Ok(Answer::ok(json!({"product": shown(&product)})).version(product.version))
}

fn name_of(params: &PathParams) -> Result<&str, Problem> {
    params.get("name").ok_or_else(|| Problem::not_found(Kind::Product))
}

/// A connection names a credential that can be used.
async fn check_credential(app: &App, caller: &Principal, patch: &PatchProduct) -> Result<(), Problem> {
    let Some(credential) = patch.credential() else { return Ok(()) };
    let text = match app.store.home_access(caller.tenant, credential).await? {
        Ok(_) => return Ok(()),
        Err(NoAccess::Unusable(reason)) => reason,
        Err(NoAccess::NoToken | NoAccess::NotForHost) => "no such credential in the vault",
    };
    Err(DomainError::invalid("/connection/credentialId", text).into())
}

async fn find_members(app: &App, caller: &Principal, wanted: &[(UserId, RepositoryRole)]) -> Result<Members, Problem> {
    let mut members: Option<Members> = None;
    let mut sorted = wanted.to_vec();
    // A list begins with an owner.
    sorted.sort_by_key(|(_, role)| std::cmp::Reverse(*role));
    for (id, role) in sorted {
        let user = app.store.user(caller.tenant, id).await?;
        let user = user.ok_or_else(|| {
            let index = wanted.iter().position(|(other, _)| *other == id).unwrap_or_default();
            DomainError::invalid(format!("/members/{index}/userId"), "no such user in the tenant")
        })?;
        let member = Member {
            user_id: user.id,
            username: user.username,
            display_name: user.display_name,
            email: user.email,
            role,
        };
        match &mut members {
            None => members = Some(Members::of_owner(member)),
            Some(members) => members.add(member)?,
        }
    }
    members.ok_or_else(|| Problem::new(ProblemType::ValidationFailed, "members must have an owner"))
}
