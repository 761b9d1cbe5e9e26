//! Name lookup under guard: a name is resolved once per connection, every address is checked, and the connector gets
//! exactly the checked addresses. It never looks the name up itself, so a second, different answer (DNS rebinding)
//! has no one to deceive.

use super::address::not_public;
use super::error::{Refusal, Unresolved};
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
pub(super) struct GuardedNames {
    pub(super) lookup: Arc<dyn Lookup>,
    /// `false` only for the client that calls allow-listed places.
    pub(super) public_only: bool,
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let looked_up = self.lookup.lookup(name.as_str().to_owned());
        let public_only = self.public_only;
        Box::pin(async move {
            let addresses = looked_up.await.map_err(Unresolved)?;
            if addresses.is_empty() {
                return Err(Unresolved(io::ErrorKind::NotFound.into()).into());
            }
            // One bad address among good ones refuses the name: nobody publishes such a mix by accident.
            if public_only && addresses.iter().any(|address| not_public(*address).is_some()) {
                return Err(Refusal::Name(name.as_str().to_owned()).into());
            }
            // Port 0 stands for the URL's own.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
