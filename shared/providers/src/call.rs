//! One JSON GET to a provider: path, headers, and every answer that is not the documented one.

use crate::clean::Cleaner;
use crate::egress::{Egress, EgressRequest};
use crate::error::ProviderError;
use http::header::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use repoplane_domain::repository::Provider;
use repoplane_domain::secret::Secret;
use serde::de::DeserializeOwned;
use url::Url;

/// Everything but the unreserved characters of RFC 3986: a path part can neither end nor leave its place.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Calls one provider's API with one token.
pub(crate) struct Caller<'a> {
    egress: &'a Egress,
    provider: Provider,
    base: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) cleaner: Cleaner,
}

impl<'a> Caller<'a> {
    /// A caller below `base`, sending `headers` and the token in the header `token_header` after `scheme`.
    pub(crate) fn new(
        egress: &'a Egress,
        provider: Provider,
        base: Url,
        headers: &[(HeaderName, &'static str)],
        (token_header, scheme): (HeaderName, &str),
        token: &Secret,
    ) -> Result<Self, ProviderError> {
        let unusable = |_| ProviderError::Unusable { provider, reason: "the token has characters that no token has" };
        let mut value = HeaderValue::from_str(&format!("{scheme}{}", token.expose())).map_err(unusable)?;
        value.set_sensitive(true);
        let fixed = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let headers = fixed.chain([(token_header, value)]).collect();
        Ok(Self { egress, provider, base, headers, cleaner: Cleaner::new(token) })
    }

    /// GET below the base; each part is encoded, so that text from outside stays one part.
    pub(crate) async fn get<T: DeserializeOwned>(&self, parts: &[&str]) -> Result<T, ProviderError> {
        let provider = self.provider;
        let request = self.headers.iter().fold(EgressRequest::get(self.url(parts)?), |request, (name, value)| {
            request.header(name.clone(), value.clone())
        });
        let answer = self.egress.send(request).await;
        let answer = answer.map_err(|source| ProviderError::Network { provider, source })?;
        let status = answer.status;
        if status.is_redirection() {
            let message = "redirects are not followed (has the repository or the server moved?)".to_owned();
            return Err(ProviderError::Status { provider, status, message });
        }
        if !status.is_success() {
            let message = self.cleaner.text(&String::from_utf8_lossy(&answer.body));
            return Err(ProviderError::Status { provider, status, message });
        }
        serde_json::from_slice(&answer.body).map_err(|error| ProviderError::Answer {
            provider,
            reason: if error.is_data() { "the answer has not the documented fields" } else { "the answer is not JSON" },
        })
    }

    fn url(&self, parts: &[&str]) -> Result<Url, ProviderError> {
        let mut path = self.base.path().trim_end_matches('/').to_owned();
        for part in parts {
            // Dot parts survive encoding: URL parsers resolve even `%2e%2e`.
            if matches!(*part, "" | "." | "..") {
                let reason = "the repository's external id is not usable in a path";
                return Err(ProviderError::Unusable { provider: self.provider, reason });
            }
            path.push('/');
            path.extend(utf8_percent_encode(part, PART));
        }
        let mut url = self.base.clone();
        url.set_path(&path);
        Ok(url)
    }
}

/// Reads a provider's base URL; blank is the default. Which addresses may be called is the egress client's business.
pub(crate) fn base_url(provider: Provider, given: Option<&str>, default: &str) -> Result<Url, ProviderError> {
    let text = given.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(default);
    let unusable = |reason| ProviderError::Unusable { provider, reason };
    let url = Url::parse(text).map_err(|_| unusable("the API base URL is not a URL"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(unusable("the API base URL must not have a query or fragment"));
    }
    if url.cannot_be_a_base() {
        return Err(unusable("the API base URL must begin with https://"));
    }
    Ok(url)
}
