//! Hosts that a tenant's administrators have trusted: one item for each host and port.

use crate::commit::Writes;
use crate::error::StoreError;
use crate::item::{self, Item};
use crate::keys;
use crate::table::Range;
use crate::{Store, WriteError};
use repoplane_domain::access::Principal;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::id::{AuditId, TenantId};
use repoplane_domain::repository::{Provider, Repository};
use repoplane_domain::time::Timestamp;
use repoplane_domain::trusted_host::{HostIdentity, HostPort, TrustedHost, TrustedHosts};
use serde_json::json;

impl Store {
    /// Trusts a host from now on. What was known of it before is replaced.
    ///
    /// # Errors
    /// [`WriteError`] when storage fails.
    pub async fn trust_host(
        &self,
        author: &Principal,
        place: HostPort,
        identity: HostIdentity,
        now: Timestamp,
    ) -> Result<TrustedHost, WriteError> {
        let tenant = author.tenant;
        let before = self.trusted_host(tenant, &place).await?.map(|host| host.identity);
        let host = TrustedHost { place, identity, trusted_by: author.username.clone(), trusted_at: now };
        let mut writes = Writes::default();
        writes.put(Item::new(&keys::trusted_host(tenant, &host.place), &host)?);
        let audit = AuditId::new(now, &*self.ids);
        let entry = AuditEntry::by(author, audit, AuditAction::HostTrusted, &host.place, now);
        writes.audit(&entry.with(json!({"identity": host.identity, "before": before})))?;
        self.commit_new(&writes, now).await?;
        Ok(host)
    }

    /// How a host is known to a tenant; nothing where nobody has trusted it.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn trusted_host(&self, tenant: TenantId, place: &HostPort) -> Result<Option<TrustedHost>, StoreError> {
        let item = self.table.get(&keys::trusted_host(tenant, place), true).await?;
        item.map(|item| item::into_value("trusted host", item)).transpose()
    }

    /// Every host that a tenant trusts, by name.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn trusted_hosts(&self, tenant: TenantId) -> Result<Vec<TrustedHost>, StoreError> {
        let items = self.table.query(&Range::partition(keys::trusted_hosts_partition(tenant))).await?;
        items.into_iter().map(|item| item::into_value("trusted host", item)).collect()
    }

    /// Everybody whom a tenant trusts: for calls to several hosts.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn trust_of(&self, tenant: TenantId) -> Result<TrustedHosts, StoreError> {
        let known = self.trusted_hosts(tenant).await?;
        Ok(TrustedHosts::new(known.into_iter().map(|host| (host.place, host.identity))))
    }

    /// Whom the calls for a repository may trust: the host of its remote, where somebody has. Only plain Git remotes are
    /// looked up; what providers' APIs are called over has authorities.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn trust_for(&self, repository: &Repository) -> Result<TrustedHosts, StoreError> {
        let remote = repository.remote_url.as_deref().filter(|_| repository.provider == Provider::Git);
        let Some(place) = remote.and_then(HostPort::of_remote) else { return Ok(TrustedHosts::default()) };
        let known = self.trusted_host(repository.tenant, &place).await?;
        Ok(TrustedHosts::new(known.map(|host| (host.place, host.identity))))
    }
}
