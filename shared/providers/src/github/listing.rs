//! Repositories that an access to GitHub can see.

use super::Repository;
use crate::call::{Call, Caller};
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::listing::{Cursor, List, ListedRepository, REPOSITORY_PAGE, RepositoryPage};
use crate::paging::More;
use repoplane_domain::credential::GitAccess;
use serde::Deserialize;

/// GitHub REST: `GET /installation/repositories`.
#[derive(Deserialize)]
struct OfInstallation {
    repositories: Vec<Repository>,
}

/// GitHub REST: `GET /user`.
#[derive(Deserialize)]
struct User {
    login: Option<String>,
}

pub(crate) async fn page(
    caller: &Caller<'_>,
    access: &GitAccess,
    owner: Option<&str>,
    cursor: Option<&str>,
) -> Result<RepositoryPage, ProviderError> {
    let cursor = Cursor::read(caller.service(), cursor, owner)?;
    if let GitAccess::App(_) = access {
        return of_installation(caller, owner, cursor).await;
    }
    match (owner, cursor.list) {
        (Some(owner), List::Group) => match read(caller, &["orgs", owner, "repos"], None, cursor).await {
            // The owner is a user; the public list of a user leaves its private repositories out.
            Err(error) if error.fault() == Fault::NotFound && cursor.page == 1 => {
                if owns(caller, access, owner).await {
                    return own(caller, Cursor { list: List::Own, page: 1 }).await;
                }
                let cursor = Cursor { list: List::User, page: 1 };
                read(caller, &["users", owner, "repos"], None, cursor).await
            }
            page => page,
        },
        (Some(owner), List::User) => read(caller, &["users", owner, "repos"], None, cursor).await,
        (Some(_), List::Own | List::All) => own(caller, cursor).await,
        (None, _) if *access == GitAccess::Anonymous => Err(ProviderError::unusable(
            caller.service(),
            "without a token only the repositories of an owner are listed",
        )),
        (None, _) => read(caller, &["user", "repos"], None, cursor).await,
    }
}

async fn own(caller: &Caller<'_>, cursor: Cursor) -> Result<RepositoryPage, ProviderError> {
    read(caller, &["user", "repos"], Some(("affiliation", "owner")), cursor).await
}

/// Whether the access is the owner's own.
async fn owns(caller: &Caller<'_>, access: &GitAccess, owner: &str) -> bool {
    if *access == GitAccess::Anonymous {
        return false;
    }
    let user = caller.get::<User>(&["user"]).await.ok();
    user.and_then(|user| user.login).is_some_and(|login| login.eq_ignore_ascii_case(owner))
}

async fn read(
    caller: &Caller<'_>,
    path: &[&str],
    filter: Option<(&'static str, &str)>,
    cursor: Cursor,
) -> Result<RepositoryPage, ProviderError> {
    let call = Call::get(path).query("per_page", REPOSITORY_PAGE).query("page", cursor.page);
    let call = filter.into_iter().fold(call, |call, (name, value)| call.query(name, value));
    let reply = caller.send(&call).await?;
    let listed: Vec<Repository> = reply.json()?;
    Ok(listed_page(caller, listed, reply.more(), cursor))
}

/// The owner is a filter here: an installation has one account, but may be asked for another's.
async fn of_installation(
    caller: &Caller<'_>,
    owner: Option<&str>,
    cursor: Cursor,
) -> Result<RepositoryPage, ProviderError> {
    let path = ["installation", "repositories"];
    let reply = caller.send(&Call::get(&path).query("per_page", REPOSITORY_PAGE).query("page", cursor.page)).await?;
    let OfInstallation { mut repositories } = reply.json()?;
    if let Some(owner) = owner {
        let of_owner = |name: &str| name.split_once('/').is_some_and(|(of, _)| of.eq_ignore_ascii_case(owner));
        repositories.retain(|repository| of_owner(&repository.full_name));
    }
    Ok(listed_page(caller, repositories, reply.more(), cursor))
}

fn listed_page(caller: &Caller<'_>, listed: Vec<Repository>, more: More, cursor: Cursor) -> RepositoryPage {
    let clean = |text: Option<&str>| text.map(|text| caller.clean(text)).filter(|text| !text.is_empty());
    let items = listed.into_iter().take(REPOSITORY_PAGE).map(|repository| {
        let identity = repository.identity(caller);
        ListedRepository {
            name: identity.full_name.rsplit('/').next().unwrap_or_default().to_owned(),
            identity,
            web_url: caller.link(Some(&repository.html_url)),
            clone_url: caller.link(repository.clone_url.as_deref()),
            default_branch: clean(repository.default_branch.as_deref()),
            visibility: repository.visibility(),
            description: clean(repository.description.as_deref()),
            archived: repository.archived.unwrap_or_default(),
        }
    });
    // GitHub leaves the header out only where there is one page.
    RepositoryPage { items: items.collect(), next: (more == More::Yes).then(|| cursor.next()).flatten() }
}
