//! From a URL to the place that is called, or a refusal. Pure: names are resolved and checked later, at connect time.

use super::EgressSettings;
use super::error::Refusal;
use super::reach::Reach;
use super::settings::names;
use repoplane_domain::access::{EgressPlace, RUNTIME_PORT};
use url::{Host, Url};

/// Ports of public providers: the https default and the usual second one of self-hosted installations.
pub(super) const PORTS: [u16; 2] = [443, 8443];

/// Where a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// To a public place over https; a name is still to be resolved and checked.
    Public(Url),
    /// To a place of the allow list, whatever its address.
    Allowed {
        /// The URL that is called.
        url: Url,
        /// The public name that the place stands in for; sent as the `Host` header.
        stands_for: Option<String>,
        /// Which addresses its name may have.
        reach: Reach,
    },
}

/// Decides by scheme, user info, host and port, in this order. `tenant` is the tenant's own allow list.
pub(super) fn route(settings: &EgressSettings, tenant: &[EgressPlace], url: &Url) -> Result<Route, Refusal> {
    let https = match url.scheme() {
        "https" => true,
        "http" => false,
        _ => return Err(Refusal::Scheme),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::UserInfo);
    }
    let host = url.host().ok_or(Refusal::Host)?;
    let port = url.port_or_known_default().ok_or(Refusal::Host)?;
    if let Some(reach) = allowed(settings, tenant, &host, port) {
        reach.check(settings, &host)?;
        return Ok(Route::Allowed { url: url.clone(), stands_for: None, reach });
    }
    if !https {
        return Err(Refusal::Scheme);
    }
    if !PORTS.contains(&port) {
        return Err(Refusal::Port(port));
    }
    if let Some(place) = settings.stand_in(&host) {
        return stand_in(url, place).ok_or(Refusal::Host);
    }
    Reach::Public.check(settings, &host)?;
    Ok(Route::Public(url.clone()))
}

/// How far an allow-listed place reaches; `None` for a place that is on no list.
pub(super) fn allowed(
    settings: &EgressSettings,
    tenant: &[EgressPlace],
    host: &Host<&str>,
    port: u16,
) -> Option<Reach> {
    if settings.allows(host, port) {
        return Some(Reach::Operator);
    }
    let runtime = port == RUNTIME_PORT || settings.runtime().is_some_and(|place| place.port == port);
    names(tenant, host, port).then_some(if runtime { Reach::TenantOnRuntimePort } else { Reach::Tenant })
}

fn stand_in(url: &Url, place: &EgressPlace) -> Option<Route> {
    let stands_for = url.host_str().map(str::to_owned);
    let mut url = url.clone();
    url.set_scheme("http").ok()?;
    url.set_host(Some(&place.host.to_string())).ok()?;
    url.set_port(Some(place.port)).ok()?;
    Some(Route::Allowed { url, stands_for, reach: Reach::Operator })
}
