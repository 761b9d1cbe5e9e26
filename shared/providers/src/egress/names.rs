//! Name lookup under guard: a name is resolved once per connection, every address is checked, and the connector gets
//! exactly the checked addresses. It never looks the name up itself, so a second, different answer (DNS rebinding)
//! has no one to deceive.

use super::error::{Refusal, Unresolved};
use super::reach::Reach;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

/// The answer of a [`Lookup`], in time.
pub type LookupFuture = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Where names get their addresses: the system's resolver, or a test's table.
pub trait Lookup: Send + Sync {
    /// All addresses of a name, in order of preference.
    fn lookup(&self, name: String) -> LookupFuture;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, name: String) -> LookupFuture {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// Stands between the connector and the lookup.
#[derive(Clone)]
pub(super) struct GuardedNames {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) reach: Reach,
    /// Address of the function's own runtime interface.
    pub(super) runtime: Option<IpAddr>,
}

impl GuardedNames {
    /// All addresses of the name, every one of them checked.
    pub(super) async fn addresses(&self, name: String) -> Result<Vec<IpAddr>, NameError> {
        let addresses = self.lookup.lookup(name.clone()).await.map_err(Unresolved)?;
        if addresses.is_empty() {
            return Err(Unresolved(io::ErrorKind::NotFound.into()).into());
        }
        // One bad address among good ones refuses the name: nobody publishes such a mix by accident.
        if addresses.iter().any(|address| self.reach.refuses(*address, self.runtime).is_some()) {
            return Err(match self.reach {
                Reach::Public => Refusal::Name(name),
                Reach::Operator | Reach::Tenant | Reach::TenantOnRuntimePort => Refusal::Barred(name),
            }
            .into());
        }
        Ok(addresses)
    }
}

/// Why a name has no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum NameError {
    /// There is none.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    /// There is one that is not for us.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            match names.addresses(name.as_str().to_owned()).await {
                // Port 0 stands for the URL's own.
                Ok(addresses) => {
                    Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
                }
                // Unwrapped, so that the errors' chain names them.
                Err(NameError::Unresolved(error)) => Err(error.into()),
                Err(NameError::Refused(refusal)) => Err(refusal.into()),
            }
        })
    }
}
