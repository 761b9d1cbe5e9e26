//! Projects that an access to GitLab can see.

use super::Project;
use crate::call::{Call, Caller};
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::listing::{Cursor, List, ListedRepository, REPOSITORY_PAGE, RepositoryPage};
use crate::paging::More;
use repoplane_domain::credential::GitAccess;

pub(crate) async fn page(
    caller: &Caller<'_>,
    access: &GitAccess,
    owner: Option<&str>,
    cursor: Option<&str>,
) -> Result<RepositoryPage, ProviderError> {
    let cursor = Cursor::read(caller.service(), cursor, owner)?;
    // Servers decode the path of a group, so dot parts are refused here.
    if owner.is_some_and(|owner| owner.split('/').any(|part| matches!(part, "" | "." | ".."))) {
        return Err(ProviderError::unusable(caller.service(), "the owner must be a user name or the path of a group"));
    }
    match (owner, cursor.list) {
        (Some(owner), List::Group) => {
            let path = ["groups", owner, "projects"];
            let call = Call::get(&path).query("include_subgroups", true).query("with_shared", false);
            match read(caller, call, cursor).await {
                Err(error) if error.fault() == Fault::NotFound && cursor.page == 1 => {
                    of_user(caller, owner, Cursor { list: List::User, page: 1 }).await
                }
                page => page,
            }
        }
        (Some(owner), List::User | List::Own | List::All) => of_user(caller, owner, cursor).await,
        (None, _) if *access == GitAccess::Anonymous => {
            Err(ProviderError::unusable(caller.service(), "without a token only the projects of an owner are listed"))
        }
        (None, _) => read(caller, Call::get(&["projects"]).query("membership", true), cursor).await,
    }
}

async fn of_user(caller: &Caller<'_>, owner: &str, cursor: Cursor) -> Result<RepositoryPage, ProviderError> {
    read(caller, Call::get(&["users", owner, "projects"]), cursor).await
}

async fn read(caller: &Caller<'_>, call: Call<'_>, cursor: Cursor) -> Result<RepositoryPage, ProviderError> {
    let call = call.query("order_by", "id").query("sort", "asc");
    let reply = caller.send(&call.query("per_page", REPOSITORY_PAGE).query("page", cursor.page)).await?;
    let listed: Vec<Project> = reply.json()?;
    let goes_on = match reply.more() {
        More::Yes => true,
        More::No => false,
        More::Untold => listed.len() >= REPOSITORY_PAGE,
    };
    let clean = |text: Option<&str>| text.map(|text| caller.clean(text)).filter(|text| !text.is_empty());
    let items = listed.into_iter().take(REPOSITORY_PAGE).map(|project| {
        let identity = project.identity(caller);
        ListedRepository {
            name: identity.full_name.rsplit('/').next().unwrap_or_default().to_owned(),
            identity,
            web_url: caller.link(project.web_url.as_deref()),
            clone_url: caller.link(project.http_url_to_repo.as_deref()),
            default_branch: clean(project.default_branch.as_deref()),
            visibility: project.visibility(),
            description: clean(project.description.as_deref()),
            archived: project.archived.unwrap_or_default(),
        }
    });
    Ok(RepositoryPage { items: items.collect(), next: goes_on.then(|| cursor.next()).flatten() })
}
