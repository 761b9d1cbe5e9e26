//! The rows of a list, written a chunk at a time.

use repoplane_api::App;
use repoplane_domain::access::User;
use repoplane_domain::id::{RepositoryId, TenantId, UserId};
use repoplane_domain::package::{ListedPackage, Listing, Package, Person};
use repoplane_domain::platform::BuildProject;
use repoplane_domain::secret::sha256_hex;
use repoplane_store::{Packages, StoreError};
use std::collections::{BTreeMap, HashMap};

/// From this size on a page ends, in bytes: with the longest row it still fits through the gateway (AWS Lambda: 6 MB).
const PAGE_BYTES: usize = 4_000_000;
/// From this size on a chunk is sent, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// A list that is being written.
pub(super) struct Rows {
    packages: Packages,
    named: Named,
    /// What was written and not yet sent; nothing after the last chunk.
    listing: Option<Listing>,
    state: String,
}

impl Rows {
    /// Those of a repository. All that they tell is read here, and decompressed as they are written.
    pub(super) async fn of(app: &App, tenant: TenantId, repository: RepositoryId) -> Result<Self, StoreError> {
        let packages = app.store.packages(repository).await?;
        let projects = app.store.build_projects_numbered(tenant, packages.projects()).await?;
        let named = Named::of(app.store.list_users(tenant).await?, projects.into_iter().collect());
        let state = sha256_hex(format!("{repository} {} {}", packages.state(), named.state()).as_bytes());
        Ok(Self { packages, named, listing: Some(Listing::new()), state })
    }

    /// Differs when any row does.
    pub(super) fn state(&self) -> &str {
        &self.state
    }

    /// The rows of a page, and whether there are more after it.
    pub(super) fn page(self, page: u32) -> Result<(Vec<u8>, bool), StoreError> {
        let (mut listing, mut number) = (Listing::new(), 1);
        for package in self.packages {
            if listing.bytes() >= PAGE_BYTES {
                if page == number {
                    return Ok((listing.finish(), true));
                }
                (listing, number) = (Listing::new(), number + 1);
            }
            listing.push(&self.named.row(&package?));
        }
        let is_beyond = page > number;
        Ok((if is_beyond { Listing::new() } else { listing }.finish(), false))
    }
}

impl Iterator for Rows {
    type Item = Result<Vec<u8>, StoreError>;

    /// The next chunk. After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        let mut listing = self.listing.take()?;
        for package in &mut self.packages {
            match package {
                Ok(package) => listing.push(&self.named.row(&package)),
                Err(error) => return Some(Err(error)),
            }
            if listing.bytes() >= CHUNK_BYTES {
                let chunk = listing.take();
                self.listing = Some(listing);
                return Some(Ok(chunk));
            }
        }
        let last = listing.finish();
        (!last.is_empty()).then_some(Ok(last))
    }
}

/// Whom and what rows name: the users of a tenant, and the projects of the packages.
struct Named {
    users: HashMap<UserId, User>,
    by_email: HashMap<String, UserId>,
    projects: BTreeMap<u64, BuildProject>,
}

impl Named {
    fn of(users: Vec<User>, projects: BTreeMap<u64, BuildProject>) -> Self {
        let by_email = users.iter().filter_map(|user| Some((user.email.as_deref()?.to_lowercase(), user.id)));
        Self { by_email: by_email.collect(), users: users.into_iter().map(|user| (user.id, user)).collect(), projects }
    }

    /// What of it rows can show.
    fn state(&self) -> String {
        let users: BTreeMap<_, _> = self.users.values().map(|user| (user.id, (&user.username, &user.email))).collect();
        let shown = |project: &BuildProject| {
            let BuildProject { name, owner, maintainer, .. } = project;
            (name.clone(), owner.uname.clone(), maintainer.id, maintainer.username.clone())
        };
        let projects: BTreeMap<_, _> = self.projects.iter().map(|(number, project)| (number, shown(project))).collect();
        format!("{users:?} {projects:?}")
    }

    fn row<'r>(&'r self, package: &'r Package) -> ListedPackage<'r> {
        let published = &package.published;
        let project = self.projects.get(&published.project);
        let maintainer = project.map(|project| Person {
            uname: &project.maintainer.username,
            email: self.users.get(&project.maintainer.id).and_then(|user| user.email.as_deref()).unwrap_or_default(),
        });
        let email = published.committer_email.as_deref().unwrap_or_default();
        let known = self.by_email.get(&email.to_lowercase()).and_then(|id| self.users.get(id));
        let uname = match known {
            Some(user) => &user.username,
            None => published.committer_name.as_deref().unwrap_or_default(),
        };
        ListedPackage {
            package,
            project: project.map_or(("", ""), |project| (&project.owner.uname, &project.name)),
            maintainer: maintainer.unwrap_or_default(),
            committer: Person { uname, email },
        }
    }
}
