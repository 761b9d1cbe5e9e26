//! Query strings, read by name.

use axum::extract::FromRequestParts;
use http::request::Parts;
use std::convert::Infallible;

/// The parameters of a query string, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryParams(Vec<(String, String)>);

impl QueryParams {
    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `limit` as HookCode reads it: a number above zero is floored and capped, anything else is the default.
    pub fn limit(&self, default: usize, max: usize) -> usize {
        let number = self.get("limit").and_then(|text| text.trim().parse::<f64>().ok()).filter(|n| *n >= 1.0);
        // Saturates, which is what a cap is for.
        number.map_or(default, |n| n.min(max as f64) as usize)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for QueryParams {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_floored_and_capped() {
        let limit = |text: &str| QueryParams(vec![("limit".into(), text.into())]).limit(50, 200);
        assert_eq!(
            [limit("7"), limit("7.9"), limit("0"), limit("-3"), limit("x"), limit("1e9"), limit("NaN")],
            [7, 7, 50, 50, 50, 200, 50]
        );
    }
}
