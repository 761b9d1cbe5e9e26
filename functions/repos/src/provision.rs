//! Saving and deleting the repositories of products, with their projects where the product is connected to its Git server.

use crate::Repos;
use crate::provider::fault::problem_of;
use http::{HeaderValue, header};
use repoplane_api::Problem;
use repoplane_api::problem::ProblemType;
use repoplane_domain::access::{Principal, RepositoryRole, Right, authorize};
use repoplane_domain::error::DomainError;
use repoplane_domain::product::{
    AskedProject, Product, ProjectFacts, SaveCodeRepo, namespace_of, need_removable, resource_in_use, unknown_project,
};
use repoplane_domain::provisioning::Purpose;
use repoplane_provisioning::{Failed, Ready, Wanted, Why};
use repoplane_store::{DecisionSet, MadeProject, NoAccess, Settlement, StoreError, WriteError};
use serde_json::json;

/// Why nothing was saved or deleted.
#[derive(Debug)]
pub(crate) enum NotDone {
    /// The registry says so.
    Registry(WriteError),
    /// The provider does, or what was done there could not be ended.
    Provider(Box<Problem>),
}

impl From<WriteError> for NotDone {
    fn from(error: WriteError) -> Self {
        Self::Registry(error)
    }
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}

impl From<DomainError> for NotDone {
    fn from(error: DomainError) -> Self {
        Self::Registry(error.into())
    }
}

impl From<Failed> for NotDone {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed { why: Why::Store(error), left } if left.is_empty() => Self::Registry(error.into()),
            failed => Self::Provider(Box::new(problem(&failed))),
        }
    }
}

impl Repos {
    /// Saves a repository of a product, and its project where the product is connected. Everything that can be checked is
    /// checked before the project is touched.
    pub(crate) async fn save_code_repo(
        &self,
        caller: &Principal,
        product: &Product,
        (name, said, skip): (&str, &SaveCodeRepo, bool),
    ) -> Result<DecisionSet, NotDone> {
        let (store, now) = (&self.app.store, self.app.now());
        let Some(connection) = &product.connection else {
            return Ok(store.save_code_repo(caller, product, name, said, skip, now).await?);
        };
        let provider = connection.provider;
        said.check(name, provider, skip)?;
        said.check_connected(name, provider, skip)?;
        let stored = store.code_repo(caller.tenant, &product.name, name).await?;
        match &stored {
            Some(set) => {
                authorize(caller, &set.repository, &set.members.members, Right::Manage)?;
            }
            None => product.need_role(caller, RepositoryRole::Maintainer)?,
        }
        if !skip && !said.project.is_empty() {
            let project = store.project(caller.tenant, &product.name, &said.project).await?;
            project.ok_or_else(unknown_project)?;
        }
        let AskedProject { display_name, visibility, description } = said.asked(provider, name)?;
        let wanted = Wanted {
            tenant: caller.tenant,
            user: caller.user,
            home: connection.home(),
            namespace: namespace_of(&product.name),
            // A repository keeps the letters in which it was made.
            name: stored.map_or_else(|| name.to_owned(), |set| set.repository.name),
            display_name,
            visibility,
            description,
            events: said.events_at(provider),
        };
        let provisioner = self.provisioner();
        let ready = Box::pin(provisioner.save(&wanted, now)).await?;
        let Ready { intent, known, provisioned, project, secrets } = ready;
        let facts = ProjectFacts {
            provisioned,
            name: project.name,
            full_name: project.full_name,
            visibility: project.visibility.kept(),
            description: project.description,
        };
        let made = MadeProject { settlement: Settlement { intent: intent.clone(), secrets }, known, facts };
        match store.save_connected(caller, (product, &wanted.name), (said, skip), made, now).await {
            Ok(set) => Ok(set),
            Err(error) => {
                let left = Box::pin(provisioner.abandon(&intent, now)).await;
                if left.is_empty() {
                    return Err(error.into());
                }
                let failed = Failed { why: Why::Busy, left };
                Err(NotDone::Provider(Box::new(with_left(error.into(), &failed))))
            }
        }
    }

    /// Deletes a repository of a product. Its project goes before it, if the product says so; else the project stays, without
    /// our keys and webhook.
    pub(crate) async fn remove_code_repo(
        &self,
        caller: &Principal,
        product: &Product,
        set: DecisionSet,
        skip: bool,
    ) -> Result<(), NotDone> {
        let (store, now) = (&self.app.store, self.app.now());
        let provisioned = set.repository.product.as_ref().and_then(|code| code.provisioned.clone());
        let connection = product.connection.as_ref().filter(|connection| connection.is_where(&set.repository));
        let (Some(connection), Some(provisioned)) = (connection, provisioned) else {
            return Ok(store.remove_code_repo(caller, set, skip, now).await?);
        };
        self.check_removal(caller, &set, skip).await?;
        let purpose = if connection.delete_at_provider { Purpose::Delete } else { Purpose::Clear };
        let (provisioner, home) = (self.provisioner(), connection.home());
        let asked = (purpose, caller.user);
        let intent = provisioner.begin_delete(&set.repository, (&home, &provisioned), asked, now).await?;
        if purpose == Purpose::Delete {
            Box::pin(provisioner.delete_project(&intent, now)).await?;
        }
        let removed = store.remove_code_repo(caller, set, skip, now).await;
        // Keys and hook of a project that stays are nobody's business but the tick's, if they cannot be taken away now.
        for left in Box::pin(provisioner.clear(&intent, now)).await {
            tracing::warn!(repo.id = %intent.repository, error = %left, "Something of a deleted repository stays at its provider for now");
        }
        Ok(removed?)
    }

    /// What would keep the repository from being deleted, looked at before its project is: a project does not come back.
    async fn check_removal(&self, caller: &Principal, set: &DecisionSet, skip: bool) -> Result<(), NotDone> {
        authorize(caller, &set.repository, &set.members.members, caller.deletes_by())?;
        let automation = set.automation.as_ref().map(|automation| &automation.config);
        need_removable(&set.repository, automation, &set.robots, skip)?;
        if skip {
            return Ok(());
        }
        let (open_tasks, _) = self.app.store.count_open(set.repository.id).await?;
        if open_tasks > 0 {
            return Err(resource_in_use("the repository is in use: tasks are open in it").into());
        }
        if self.app.store.is_attached_anywhere(set.repository.id).await? {
            return Err(resource_in_use("the repository is in use: it is attached").into());
        }
        Ok(())
    }
}

/// What the caller is told; what stayed at the provider is named.
fn problem(failed: &Failed) -> Problem {
    let problem = match &failed.why {
        Why::Provider { step, error } => {
            let problem = problem_of(error, false);
            problem.with_member("step", json!(step.to_string()))
        }
        Why::Owner(error) => problem_of(error, false).with_member("step", json!("owner")),
        Why::Timeout => {
            let text = "the provider did not answer all that was asked in time";
            Problem::new(ProblemType::ProviderUnavailable, text).with_code("REPO_PROVIDER_UNAVAILABLE")
        }
        Why::Busy => {
            let problem = Problem::new(ProblemType::Unavailable, "another call is at this repository; try again");
            problem.with_header(header::RETRY_AFTER, HeaderValue::from_static("5"))
        }
        Why::PathTaken { .. } => {
            Problem::new(ProblemType::Conflict, failed.why.to_string()).with_code("REPO_PROVIDER_PATH_TAKEN")
        }
        Why::BeingDeleted => {
            Problem::new(ProblemType::Conflict, failed.why.to_string()).with_code("REPO_PROVIDER_BEING_DELETED")
        }
        Why::NoAccess(no_access) => {
            let text = match no_access {
                NoAccess::NoToken => "the product's credential is not in the vault any more",
                NoAccess::NotForHost => "the product's credential is for another host",
                NoAccess::Unusable(reason) => reason,
            };
            Problem::new(ProblemType::Conflict, text).with_code("PRODUCT_CREDENTIAL_UNUSABLE")
        }
        Why::NoKey => Problem::new(ProblemType::Internal, "no randomness for a key"),
        Why::Store(StoreError::Contended | StoreError::Unavailable { .. }) => {
            Problem::new(ProblemType::Unavailable, "storage is not available; try again")
        }
        Why::Store(_) => Problem::new(ProblemType::Internal, "storage failed"),
    };
    with_left(problem, failed)
}

/// Names what could not be taken back.
fn with_left(problem: Problem, failed: &Failed) -> Problem {
    if failed.left.is_empty() {
        return problem;
    }
    let left: Vec<String> = failed.left.iter().map(ToString::to_string).collect();
    let detail = format!("{}; {}, and will be tried again", problem.detail(), left.join("; "));
    let steps: Vec<String> = failed.left.iter().map(|left| left.step.to_string()).collect();
    problem.with_detail(detail).with_member("notTakenBack", json!(steps))
}
