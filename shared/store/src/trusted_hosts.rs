//! Hosts that a tenant's administrators have trusted: one item for each host and port, all of them counted.

use crate::commit::Writes;
use crate::error::StoreError;
use crate::item::{self, Attributes, Item};
use crate::keys::{self, Tally};
use crate::table::Range;
use crate::tenants::{RACES, pause_after, write_conflict};
use crate::{Store, WriteError};
use repoplane_domain::access::Principal;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, TenantId};
use repoplane_domain::repository::{Provider, Repository};
use repoplane_domain::time::Timestamp;
use repoplane_domain::trusted_host::{HostIdentity, HostPort, MAX_TRUSTED_HOSTS, TrustedHost, TrustedHosts};
use serde_json::json;

/// One page of the hosts that a tenant trusts.
#[derive(Debug, Clone)]
pub struct TrustedHostPage {
    /// The hosts.
    pub hosts: Vec<TrustedHost>,
    /// After which host the next page begins, if there is one.
    pub next: Option<HostPort>,
}

impl Store {
    /// Trusts a host from now on. What was known of it before is replaced; what is known already stays as it is, with who
    /// trusted it first.
    ///
    /// # Errors
    /// Over [`MAX_TRUSTED_HOSTS`], a race lost to the end, storage failures.
    pub async fn trust_host(
        &self,
        author: &Principal,
        place: HostPort,
        identity: HostIdentity,
        now: Timestamp,
    ) -> Result<TrustedHost, WriteError> {
        self.trust_host_if(author, (place, identity), now, |_| Ok(())).await
    }

    /// As [`Store::trust_host`], if `check` lets what is known of the host be replaced.
    ///
    /// # Errors
    /// As there, and what `check` says.
    pub async fn trust_host_if(
        &self,
        author: &Principal,
        (place, identity): (HostPort, HostIdentity),
        now: Timestamp,
        check: impl Fn(Option<&TrustedHost>) -> Result<(), DomainError>,
    ) -> Result<TrustedHost, WriteError> {
        let tenant = author.tenant;
        for attempt in 0..RACES {
            let before = self.trusted_host(tenant, &place).await?;
            check(before.as_ref())?;
            let version = match before {
                Some(known) if known.identity == identity => return Ok(known),
                Some(ref known) => Some(known.version),
                None => None,
            };
            let host = TrustedHost {
                place: place.clone(),
                identity: identity.clone(),
                trusted_by: author.username.clone(),
                trusted_at: now,
                version: version.unwrap_or_default() + 1,
            };
            let mut writes = Writes::default();
            writes.replace(Item::new(&keys::trusted_host(tenant, &place), &host)?.versioned(host.version), version);
            if version.is_none() {
                let full = format!("a tenant trusts at most {MAX_TRUSTED_HOSTS} hosts");
                writes.count_one(keys::tally(tenant, Tally::TrustedHosts), MAX_TRUSTED_HOSTS, full);
            }
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by(author, audit, AuditAction::HostTrusted, &place, now);
            let before = before.map(|known| known.identity);
            writes.audit(&entry.with(json!({"identity": host.identity, "before": before})))?;
            if self.commit_if_current(&writes, now).await? {
                return Ok(host);
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// Trusts a host no more.
    ///
    /// # Errors
    /// Not found, what `check` says, a race lost to the end, storage failures.
    pub async fn forget_host(
        &self,
        author: &Principal,
        place: &HostPort,
        now: Timestamp,
        check: impl Fn(&TrustedHost) -> Result<(), DomainError>,
    ) -> Result<(), WriteError> {
        let tenant = author.tenant;
        for attempt in 0..RACES {
            let known = self.trusted_host(tenant, place).await?.ok_or(DomainError::NotFound(Kind::TrustedHost))?;
            check(&known)?;
            let mut writes = Writes::default();
            writes.delete_version(keys::trusted_host(tenant, place), known.version);
            writes.discount_one(keys::tally(tenant, Tally::TrustedHosts));
            let audit = AuditId::new(now, &*self.ids);
            let entry = AuditEntry::by(author, audit, AuditAction::HostForgotten, place, now);
            writes.audit(&entry.with(json!({"before": known.identity})))?;
            if self.commit_if_current(&writes, now).await? {
                return Ok(());
            }
            pause_after(attempt).await;
        }
        Err(DomainError::Conflict(write_conflict()).into())
    }

    /// How a host is known to a tenant; nothing where nobody has trusted it.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn trusted_host(&self, tenant: TenantId, place: &HostPort) -> Result<Option<TrustedHost>, StoreError> {
        let item = self.table.get(&keys::trusted_host(tenant, place), true).await?;
        item.map(|item| item::into_value("trusted host", item)).transpose()
    }

    /// One page of the hosts that a tenant trusts, by name, strictly after a host.
    ///
    /// # Errors
    /// [`StoreError`] when storage fails.
    pub async fn trusted_host_page(
        &self,
        tenant: TenantId,
        after: Option<HostPort>,
        limit: usize,
        now: Timestamp,
    ) -> Result<TrustedHostPage, StoreError> {
        let range = Range::partition(keys::trusted_hosts_partition(tenant));
        let range = range.forwards_after(after.map(|place| place.to_string()));
        let keep = |item: Attributes| Ok(Some(item::into_value::<TrustedHost>("trusted host", item)?));
        let found = self.table.walk(&range, (limit, MAX_TRUSTED_HOSTS), now, keep).await?;
        let next = found.next.and_then(|place| place.parse().ok());
        Ok(TrustedHostPage { hosts: found.rows.into_iter().map(|(_, host)| host).collect(), next })
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
