//! From a URL to the place that is called, or a refusal. Pure: names are resolved and checked later, at connect time.

use super::EgressSettings;
use super::address::not_public;
use super::error::Refusal;
use url::{Host, Url};

/// Ports of public providers: the https default and the usual second one of self-hosted installations.
const PORTS: [u16; 2] = [443, 8443];

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
    },
}

/// Decides by scheme, user info, host and port, in this order.
pub(super) fn route(settings: &EgressSettings, url: &Url) -> Result<Route, Refusal> {
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
    if settings.allows(&host, port) {
        return Ok(Route::Allowed { url: url.clone(), stands_for: None });
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
    let literal = match host {
        Host::Domain(_) => None,
        Host::Ipv4(v4) => Some(v4.into()),
        Host::Ipv6(v6) => Some(v6.into()),
    };
    match literal.and_then(not_public) {
        Some(what) => Err(Refusal::Address { host: host.to_string(), what }),
        None => Ok(Route::Public(url.clone())),
    }
}

fn stand_in(url: &Url, place: &super::settings::Place) -> Option<Route> {
    let stands_for = url.host_str().map(str::to_owned);
    let mut url = url.clone();
    url.set_scheme("http").ok()?;
    url.set_host(Some(&place.host.to_string())).ok()?;
    url.set_port(Some(place.port)).ok()?;
    Some(Route::Allowed { url, stands_for })
}
