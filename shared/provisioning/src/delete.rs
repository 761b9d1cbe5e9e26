//! Deleting a project before its repository, or letting go of one that stays.

use crate::failed::{Failed, Why, at};
use crate::{Provisioner, home_of};
use repoplane_domain::id::UserId;
use repoplane_domain::provisioning::{INTENT_LEASE, Intent, ProjectHome, ProjectTrail, Provisioned, Purpose, Trail};
use repoplane_domain::repository::{Repository, webhook_path_of};
use repoplane_domain::time::Timestamp;
use repoplane_providers::{NotTakenBack, Step};
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait for another call at the name.
const WAIT: Duration = Duration::from_secs(8);
/// Longest time of what a deletion asks of a provider; what it ended with then is found out by the tick.
const DELETE_TIMEOUT: Duration = Duration::from_secs(9);

impl Provisioner {
    /// Gets a repository's name for its deletion.
    ///
    /// # Errors
    /// [`Failed`]; nothing was done then.
    pub async fn begin_delete(
        &self,
        repository: &Repository,
        (home, provisioned): (&ProjectHome, &Provisioned),
        (purpose, user): (Purpose, UserId),
        now: Timestamp,
    ) -> Result<Intent, Failed> {
        let deadline = Instant::now() + WAIT;
        let trail = Trail { project: ProjectTrail::Made { id: provisioned.project_id }, ..Trail::default() };
        let intent = Intent {
            tenant: repository.tenant,
            namespace: repository.namespace.clone(),
            name: repository.name.clone(),
            repository: repository.id,
            number: repository.number,
            home: home.clone(),
            purpose,
            trail,
            user,
            begun_at: now,
            until: now.plus(INTENT_LEASE),
            take_backs: 0,
            version: 1,
        };
        self.begin(intent, now, deadline).await
    }

    /// Deletes the project of an intent; one that is gone already is as good. A project that cannot be told to be gone
    /// counts as still there: nothing is unregistered then.
    ///
    /// # Errors
    /// [`Failed`]; the project is still there as far as anybody knows, and what is found later is the tick's to settle.
    pub async fn delete_project(&self, intent: &Intent, now: Timestamp) -> Result<(), Failed> {
        let work = async {
            let ProjectTrail::Made { id } = intent.trail.project else { return Ok(()) };
            let reached = self.reach(intent.tenant, &intent.home).await?;
            let home = home_of(&intent.home);
            let deleted = reached.providers.delete_project(&home, &reached.access, id).await;
            let Err(error) = deleted else { return Ok(()) };
            // The answer may be lost and the project gone all the same.
            match reached.providers.project(&home, &reached.access, id).await {
                Ok(found) if found.value.as_ref().is_none_or(|project| project.is_being_deleted) => Ok(()),
                Ok(_) => Err((at(Step::Project)(error), true)),
                Err(_) => Err((at(Step::Project)(error), false)),
            }
        };
        let outcome = tokio::time::timeout(DELETE_TIMEOUT, work).await;
        let (why, is_there) = match outcome.unwrap_or(Err((Why::Timeout, false))) {
            Ok(()) => return Ok(()),
            Err(failed) => failed,
        };
        if is_there {
            self.store.end_intent(intent, now).await?;
        }
        Err(why.into())
    }

    /// Takes keys and hook of a repository away that is not registered any more. What stays is the tick's.
    pub async fn clear(&self, intent: &Intent, now: Timestamp) -> Vec<NotTakenBack> {
        self.settle_left(intent, now).await
    }

    /// What is left to do for a repository that is gone: its project stays, without our keys and hook.
    pub(crate) async fn clear_project(&self, intent: &Intent) -> Result<(), Vec<NotTakenBack>> {
        let ProjectTrail::Made { id } = intent.trail.project else { return Ok(()) };
        let Ok(reached) = self.reach(intent.tenant, &intent.home).await else { return Ok(()) };
        let path = webhook_path_of(intent.home.provider, intent.repository);
        let home = home_of(&intent.home);
        reached.providers.clear_project(&home, &reached.access, (id, intent), &path).await
    }
}

impl From<Why> for (Why, bool) {
    fn from(why: Why) -> Self {
        (why, true)
    }
}
