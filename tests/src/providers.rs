//! The provider double on a loopback port of the test's own.

use repoplane_local::double::{self, Forges};
use repoplane_providers::{Egress, EgressSettings};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Runs until the test ends.
#[derive(Clone)]
pub struct ProviderDouble {
    address: SocketAddr,
    /// Made once: it reads the platform's certificates.
    egress: Egress,
    forges: Forges,
    _server: Arc<Server>,
}

impl std::fmt::Debug for ProviderDouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderDouble").field("address", &self.address).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl ProviderDouble {
    /// The double that `cargo dev` runs.
    pub async fn start() -> Self {
        let forges = Forges::default();
        Self { forges: forges.clone(), ..Self::serving(double::router_on(&forges)).await }
    }

    /// A double with answers of a test's own.
    pub async fn serving(router: axum::Router) -> Self {
        Self::serve(router, None).await
    }

    /// As [`ProviderDouble::serving`], also called by a public name.
    pub async fn standing_in_for(name: &str, router: axum::Router) -> Self {
        Self::serve(router, Some(name)).await
    }

    async fn serve(router: axum::Router, name: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port on loopback");
        let address = listener.local_addr().expect("its address");
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        let stands_in = name.map(|name| format!("{name}={address}")).unwrap_or_default();
        let allowed = EgressSettings::from_allow_list(&format!("{address} {stands_in}")).expect("an allow list");
        Self { address, egress: Egress::new(allowed), forges: Forges::default(), _server: Arc::new(Server(server)) }
    }

    /// Its origin.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// GitHub's REST base on it.
    pub fn github(&self) -> String {
        format!("{}/github/api/v3", self.origin())
    }

    /// GitLab's site root on it.
    pub fn gitlab(&self) -> String {
        format!("{}/gitlab", self.origin())
    }

    /// The body that gives an account a token which may go to the double, at both providers.
    pub fn own_token(&self, token: &str) -> Value {
        let profile = |site: &str| {
            let prefix = format!("{}/{site}", self.origin());
            json!({"profiles": [{"id": "own", "remark": "own", "token": token, "urlPrefix": prefix}]})
        };
        json!({"github": profile("github"), "gitlab": profile("gitlab")})
    }

    /// The projects that were made at it, to be looked at and broken.
    pub fn forges(&self) -> &Forges {
        &self.forges
    }

    pub(crate) fn egress(&self) -> Egress {
        self.egress.clone()
    }
}
