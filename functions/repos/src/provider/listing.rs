//! `providers_list_repositories`: what a credential can see at a provider, for registering it.

use super::fault::problem_of;
use super::reach::{Choice, known};
use super::warm::show;
use crate::Repos;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use repoplane_api::access::{Caller, PathParams};
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::problem::ProblemType;
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, Problem};
use repoplane_domain::access::Scope;
use repoplane_domain::credential::{AccessSource, GitAccess, Purpose};
use repoplane_domain::error::FieldErrors;
use repoplane_domain::id::RepositoryId;
use repoplane_domain::repository::{Identity, Provider};
use repoplane_providers::ListedRepository;
use serde_json::{Value, json};

/// `providers_list_repositories`.
pub(crate) async fn list(
    State(repos): State<Repos>,
    Caller(caller): Caller,
    params: PathParams,
    query: QueryParams,
) -> Result<Response, Problem> {
    caller.need_scope(Scope::ReposRead)?;
    let provider = Provider::parse(params.get("provider").unwrap_or_default());
    let provider = provider.filter(|provider| *provider != Provider::Git);
    let provider =
        provider.ok_or_else(|| Problem::new(ProblemType::NotFound, "repositories are listed at github and gitlab"))?;
    let mut errors = FieldErrors::new();
    let choice = Choice::of_strict_query(&query, &mut errors);
    let owner = query.text("owner", &mut errors);
    let base = query.text("apiBaseUrl", &mut errors);
    let base = errors.into_result(base)?;
    let scope =
        CursorScope::of_query(caller.tenant, &["providers", provider.as_str(), &caller.user.to_string()], &query);
    let after: Option<String> = cursor::decode(&scope, query.get("cursor"))?;

    let source = choice.source.unwrap_or(AccessSource::User);
    let store = &repos.app.store;
    let profile = choice.profile.as_deref();
    let place = (provider, base.as_deref());
    let access = known(store.provider_access(place, &caller, source, profile, Purpose::Read).await?)?;
    let access = access.filter(|access| *access != GitAccess::Anonymous).ok_or_else(|| {
        let text = "a token of your account or of the tenant is required to list repositories";
        Problem::new(ProblemType::ValidationFailed, text).with_code("REPO_PROVIDER_TOKEN_REQUIRED")
    })?;
    let providers = repos.providers.for_tenant(&store.network_of(caller.tenant).await?);
    let (base, owner, after) = (base.as_deref(), owner.as_deref(), after.as_deref());
    let page = providers.list_repositories(provider, base, &access, owner, after).await;
    let page = page.map_err(|error| problem_of(&error, false))?;
    let identities = |item: &ListedRepository| {
        // As a webhook fills them in: what people call it, and the number that it keeps.
        [item.identity.id.to_string(), item.identity.full_name.clone()]
            .map(|id| Identity::external(provider, base, &id))
    };
    let asked = page.value.items.iter().flat_map(identities).collect();
    let holders = store.registered(caller.tenant, &asked).await?;
    let rows: Vec<Value> = page
        .value
        .items
        .iter()
        .map(|item| {
            let holder = identities(item).iter().find_map(|identity| holders.get(identity).copied());
            row(provider, base, item, Registered { holder, named: caller.sees_all_repositories() })
        })
        .collect();
    let mut body = json!({"repositories": rows});
    if let Some(next) = &page.value.next {
        body["nextCursor"] = json!(cursor::encode(&scope, next));
    }
    let mut response = Answer::ok(body).into_response();
    show(&page.rate_limit, response.headers_mut());
    Ok(response)
}

/// Whether a listed repository is registered.
struct Registered {
    holder: Option<RepositoryId>,
    /// Whether the caller may know as which one: who sees all repositories does, and nobody's membership is looked up.
    named: bool,
}

/// `register` is a body of `repos_create`, and an item of `repos_import`.
fn row(provider: Provider, base: Option<&str>, item: &ListedRepository, registered: Registered) -> Value {
    let external_id = match provider {
        Provider::Github | Provider::Git => item.identity.full_name.clone(),
        Provider::Gitlab => item.identity.id.to_string(),
    };
    let mut register = json!({"provider": provider, "name": item.identity.full_name, "externalId": external_id});
    if let Some(base) = base {
        register["apiBaseUrl"] = json!(base);
    }
    if let Some(branch) = &item.default_branch {
        register["branches"] = json!([{"name": branch, "isDefault": true}]);
    }
    let mut view = json!({
        "id": item.identity.id.to_string(),
        "fullName": item.identity.full_name,
        "visibility": item.visibility.as_str(),
        "archived": item.archived,
        "registered": registered.holder.is_some(),
        "register": register,
    });
    if let Some(holder) = registered.holder.filter(|_| registered.named) {
        view["registeredAs"] = json!(holder);
    }
    let texts = [("webUrl", &item.web_url), ("cloneUrl", &item.clone_url), ("description", &item.description)];
    for (member, value) in texts {
        if let Some(value) = value {
            view[member] = json!(value);
        }
    }
    view
}
