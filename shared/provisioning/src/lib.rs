//! A project at a provider and its registration, made as one: both are there in the end, or neither changed.
//!
//! The registry and a provider share no transaction. So a call that changes both writes down first what it is about to do,
//! does its part at the provider step by step, and registers the result in the transaction that also removes what was
//! written down. What fails on the way is taken back in reverse; what a crash left is taken back by
//! [`Provisioner::take_back_left`], which the `sync` function's tick calls, or by the next call for the same name.
//!
//! The functions `repos` and `sync` share it. It knows no HTTP of ours: who calls it turns [`Failed`] into an answer.

mod delete;
mod failed;
mod left;
mod save;

pub use failed::{Failed, Why};
pub use left::TakenBack;
pub use save::{Ready, Wanted};

use repoplane_domain::credential::GitAccess;
use repoplane_domain::id::TenantId;
use repoplane_domain::provisioning::{Intent, ProjectHome};
use repoplane_domain::time::Timestamp;
use repoplane_providers::{Home, Providers};
use repoplane_store::{Begun, Store};
use std::time::Duration;
use tokio::time::Instant;

/// Longest time of what a call does at a provider; with [`TAKE_BACK_TIMEOUT`] it ends before the gateway hangs up.
pub const FORWARD_TIMEOUT: Duration = Duration::from_secs(17);
/// Longest time in which a call that failed takes back what it did; what is left then is the tick's.
pub const TAKE_BACK_TIMEOUT: Duration = Duration::from_secs(7);
/// Longest pause between two looks at a name that another call is at.
const MAX_PAUSE: Duration = Duration::from_millis(400);

/// Makes projects and takes them back. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Provisioner {
    store: Store,
    providers: Providers,
    public_url: Option<String>,
}

/// A provider that is reached as a product's home says.
struct Reached {
    providers: Providers,
    access: GitAccess,
}

impl Provisioner {
    /// On a store and on providers. Webhooks are set up only when providers reach the registry at `public_url`.
    pub fn new(store: Store, providers: Providers, public_url: Option<String>) -> Self {
        Self { store, providers, public_url }
    }

    async fn reach(&self, tenant: TenantId, home: &ProjectHome) -> Result<Reached, Why> {
        let access = self.store.home_access(tenant, home.credential).await?.map_err(Why::NoAccess)?;
        let providers = self.providers.for_tenant(&self.store.network_of(tenant).await?);
        Ok(Reached { providers, access })
    }

    /// Gets a name for a call: waits for another that is at it, and takes back what one has left there.
    async fn begin(&self, intent: Intent, now: Timestamp, deadline: Instant) -> Result<Intent, Failed> {
        let mut pause = Duration::from_millis(20);
        loop {
            let held = match self.store.begin_intent(intent.clone(), now).await? {
                Begun::Ours(intent) => return Ok(*intent),
                Begun::Taken(held) => held,
            };
            // Taking back takes its time; without enough of it the tick does.
            if !held.is_held(now) && Instant::now() + TAKE_BACK_TIMEOUT < deadline {
                self.take_up(&held, now).await?;
            }
            if Instant::now() + pause >= deadline {
                return Err(Why::Busy.into());
            }
            let random = getrandom::u32().unwrap_or(u32::MAX / 2);
            tokio::time::sleep(pause.mul_f64(f64::from(random) / f64::from(u32::MAX))).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    /// Writes down what is done next. Nothing must be done at the provider unless it was.
    async fn advance(&self, intent: &mut Intent, next: Intent, now: Timestamp) -> Result<(), Why> {
        if !self.store.advance_intent(&next, now).await? {
            return Err(Why::Busy);
        }
        *intent = next;
        Ok(())
    }
}

/// Where the providers' clients look for a home.
fn home_of(home: &ProjectHome) -> Home<'_> {
    Home { provider: home.provider, api_base_url: home.api_base_url.as_deref(), owner: &home.owner }
}
