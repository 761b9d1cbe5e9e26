//! Query strings, read by name.

use axum::extract::FromRequestParts;
use http::request::Parts;
use repoplane_domain::error::FieldErrors;
use repoplane_domain::time::Timestamp;
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

/// Rows of a page unless asked (contract: hookcode 2.9).
pub const DEFAULT_PAGE: usize = 50;
/// Rows of a page at most (contract: hookcode 2.9); repositories have fewer, see their list.
pub const MAX_PAGE: usize = 200;
/// Longest text that a list is searched for, in bytes.
const MAX_SEARCH_BYTES: usize = 200;

impl QueryParams {
    /// All parameters but those that only say which part of the list is wanted, in order: what a cursor is bound to.
    pub fn selection(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        pairs.filter(|(key, _)| !matches!(*key, "cursor" | "limit"))
    }

    /// How many rows of a list beside a repository are wanted.
    pub fn page_size(&self) -> usize {
        self.limit(DEFAULT_PAGE, MAX_PAGE)
    }

    /// A parameter that takes one of a few values; blank counts as absent.
    pub fn choice<T>(
        &self,
        name: &str,
        errors: &mut FieldErrors,
        choices: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.get(name).map(str::trim).filter(|text| !text.is_empty())?;
        let value = parse(text);
        if value.is_none() {
            errors.push(format!("?{name}"), format!("{name} must be {choices}"));
        }
        value
    }

    /// A parameter that is true or false.
    pub fn boolean(&self, name: &str, errors: &mut FieldErrors) -> Option<bool> {
        self.choice(name, errors, "true or false", |text| match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        })
    }

    /// A parameter that is an instant.
    pub fn instant(&self, name: &str, errors: &mut FieldErrors) -> Option<Timestamp> {
        self.choice(name, errors, "an ISO 8601 instant, like 2026-01-20T08:00:00Z", |text| text.parse().ok())
    }

    /// A text of limited length; blank counts as absent.
    pub fn text(&self, name: &str, errors: &mut FieldErrors) -> Option<String> {
        let choices = format!("at most {MAX_SEARCH_BYTES} bytes");
        self.choice(name, errors, &choices, |text| (text.len() <= MAX_SEARCH_BYTES).then(|| text.to_owned()))
    }

    /// The text `q` that a list is searched for.
    pub fn search(&self, errors: &mut FieldErrors) -> Option<String> {
        self.text("q", errors)
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
