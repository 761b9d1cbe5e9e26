//! Taking back what a call left at a provider, or finishing what cannot be taken back.

use crate::failed::Why;
use crate::{Provisioner, TAKE_BACK_TIMEOUT, home_of};
use repoplane_domain::provisioning::{Intent, ProjectTrail, Purpose};
use repoplane_domain::repository::webhook_path_of;
use repoplane_domain::time::Timestamp;
use repoplane_providers::{HookSpec, NotTakenBack, OurHook};
use repoplane_store::StoreError;
use std::time::Duration;
use tokio::time::Instant;

/// Longest time that one tick spends on what was left; the rest waits for the next one.
const TICK_TIME: Duration = Duration::from_secs(45);

/// What a tick did with what was left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// Calls that had left something.
    pub found: usize,
    /// Calls of which nothing is left.
    pub settled: usize,
    /// Calls that were given up: what they left stays at the provider, and a person has to look.
    pub given_up: usize,
}

impl Provisioner {
    /// Takes back what an unfinished call did, in the call itself. What stays is named, and is the tick's.
    ///
    /// The intent moves first: a registration that is still on its way must fail from then on, and of one that has landed
    /// there is nothing to take back.
    pub async fn abandon(&self, intent: &Intent, now: Timestamp) -> Vec<NotTakenBack> {
        let ours = intent.taken_back_at(now);
        match self.store.advance_intent(&ours, now).await {
            Ok(true) => self.settle_left(&ours, now).await,
            Ok(false) => Vec::new(),
            Err(error) => {
                tracing::warn!(repo.id = %intent.repository, %error, "Could not take back a call at a provider; the tick will");
                vec![NotTakenBack::untold(intent.home.provider)]
            }
        }
    }

    /// Takes back what calls left that nobody is at any more.
    ///
    /// # Errors
    /// [`StoreError`] when nothing can be read.
    pub async fn take_back_left(&self, now: Timestamp) -> Result<TakenBack, StoreError> {
        let until = Instant::now() + TICK_TIME;
        let left = self.store.left_intents(now).await?;
        let mut done = TakenBack { found: left.len(), ..TakenBack::default() };
        for intent in left {
            if Instant::now() >= until {
                break;
            }
            match self.take_up(&intent, now).await {
                Ok(Taken::Settled) => done.settled += 1,
                Ok(Taken::GivenUp) => done.given_up += 1,
                Ok(Taken::PutOff | Taken::ByAnother) => {}
                Err(error) => {
                    tracing::warn!(repo.id = %intent.repository, %error, "What a call left at a provider stays for now");
                }
            }
        }
        Ok(done)
    }

    /// Takes up what a call left, unless another does.
    pub(crate) async fn take_up(&self, left: &Intent, now: Timestamp) -> Result<Taken, StoreError> {
        let ours = left.taken_back_at(now);
        if !self.store.advance_intent(&ours, now).await? {
            return Ok(Taken::ByAnother);
        }
        let stayed = self.settle_left(&ours, now).await;
        if stayed.is_empty() {
            return Ok(Taken::Settled);
        }
        match ours.put_off(now) {
            Some(later) => {
                self.store.advance_intent(&later, now).await?;
                Ok(Taken::PutOff)
            }
            None => {
                for NotTakenBack { step, error } in &stayed {
                    tracing::error!(repo.id = %ours.repository, %step, %error, "Gave up taking back what a call left");
                }
                self.store.give_up_intent(&ours, stayed.iter().map(|stayed| stayed.step.to_string()), now).await?;
                Ok(Taken::GivenUp)
            }
        }
    }

    /// Brings provider and registry together and forgets the call; what stays is named.
    pub(crate) async fn settle_left(&self, intent: &Intent, now: Timestamp) -> Vec<NotTakenBack> {
        let work = async {
            match intent.purpose {
                Purpose::Save => self.undo(intent, now).await,
                Purpose::Delete => self.finish_delete(intent, now).await,
                Purpose::Clear if self.is_registered(intent).await? => Ok(()),
                Purpose::Clear => self.clear_project(intent).await.map_err(Stayed::Steps),
            }
        };
        let settled = tokio::time::timeout(TAKE_BACK_TIMEOUT, work).await;
        match settled.unwrap_or(Err(Stayed::Untold)) {
            Ok(()) => match self.store.end_intent(intent, now).await {
                Ok(_) => Vec::new(),
                // Nothing stayed at the provider; the tick finds that out.
                Err(error) => {
                    tracing::warn!(repo.id = %intent.repository, %error, "Could not forget a settled call");
                    Vec::new()
                }
            },
            Err(Stayed::Steps(steps)) => steps,
            Err(Stayed::Untold) => vec![NotTakenBack::untold(intent.home.provider)],
        }
    }

    async fn undo(&self, intent: &Intent, now: Timestamp) -> Result<(), Stayed> {
        if intent.trail.project == ProjectTrail::Untouched {
            return Ok(());
        }
        let reached = self.reach(intent.tenant, &intent.home).await?;
        let path = webhook_path_of(intent.home.provider, intent.repository);
        let before = match (&intent.trail.known_hook, &self.public_url) {
            (Some(known), Some(public_url)) => {
                let known_set = self.store.repository(intent.tenant, intent.repository).await?;
                let id = intent.repository;
                let secret = self.store.webhook_secret_of(intent.tenant, id, known_set.as_ref(), now).await?;
                let url = format!("{}{path}", public_url.trim_end_matches('/'));
                Some(HookSpec { url, secret, events: known.events.clone(), active: true })
            }
            (Some(_), None) | (None, _) => None,
        };
        let hook = OurHook { path: &path, before: before.as_ref() };
        let undone = reached.providers.take_back(&home_of(&intent.home), &reached.access, intent, hook).await;
        undone.map_err(Stayed::Steps)
    }

    /// A project that is gone takes its registration with it; one that is there keeps it.
    async fn finish_delete(&self, intent: &Intent, now: Timestamp) -> Result<(), Stayed> {
        if !self.is_registered(intent).await? {
            return Ok(());
        }
        let ProjectTrail::Made { id } = intent.trail.project else { return Ok(()) };
        let reached = self.reach(intent.tenant, &intent.home).await?;
        let found = reached.providers.project(&home_of(&intent.home), &reached.access, id).await;
        let found = found.map_err(|_unknown| Stayed::Untold)?.value;
        if found.is_none_or(|project| project.is_being_deleted) {
            self.store.remove_unprovisioned(intent, now).await.map_err(|_refused| Stayed::Untold)?;
        }
        Ok(())
    }

    async fn is_registered(&self, intent: &Intent) -> Result<bool, StoreError> {
        Ok(self.store.repository(intent.tenant, intent.repository).await?.is_some())
    }
}

/// How taking up what was left ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Settled,
    PutOff,
    GivenUp,
    ByAnother,
}

/// Why something stayed.
enum Stayed {
    /// The provider does not take these back.
    Steps(Vec<NotTakenBack>),
    /// What there is could not be found out.
    Untold,
}

impl From<StoreError> for Stayed {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "What a call left at a provider could not be looked at");
        Self::Untold
    }
}

impl From<Why> for Stayed {
    fn from(why: Why) -> Self {
        tracing::warn!(error = %why, "What a call left at a provider could not be looked at");
        Self::Untold
    }
}
