//! Opaque cursors: a position in a list, good only for the tenant and the query that it was made for.

use crate::problem::{Problem, ProblemType};
use crate::query::QueryParams;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use repoplane_domain::id::TenantId;
use repoplane_domain::secret::sha256_hex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Longest cursor that is looked at, in bytes.
const MAX_BYTES: usize = 1_000;

/// What a list is of: tenant, path and filters. Two queries never share cursors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorScope(String);

impl CursorScope {
    /// The scope of a query.
    pub fn new(tenant: TenantId, query: &[&str]) -> Self {
        let text = format!("{tenant}\n{}", query.join("\n"));
        Self(sha256_hex(text.as_bytes()).chars().take(16).collect())
    }

    /// The scope of a list with its filters, in whatever order they are given.
    pub fn of_query(tenant: TenantId, list: &[&str], query: &QueryParams) -> Self {
        let mut filters: Vec<String> = query.selection().map(|(key, value)| format!("{key}={value}")).collect();
        filters.sort();
        let parts: Vec<&str> = list.iter().copied().chain(filters.iter().map(String::as_str)).collect();
        Self::new(tenant, &parts)
    }
}

#[derive(Serialize, Deserialize)]
struct Cursor<P> {
    q: String,
    p: P,
}

/// Writes a position.
pub fn encode<P: Serialize>(scope: &CursorScope, position: P) -> String {
    let cursor = Cursor { q: scope.0.clone(), p: position };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
}

/// Reads a position back; an empty text is the start.
///
/// # Errors
/// 400 `Invalid cursor` for anything this query did not hand out.
pub fn decode<P: DeserializeOwned>(scope: &CursorScope, text: Option<&str>) -> Result<Option<P>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let invalid = || Problem::new(ProblemType::ValidationFailed, "Invalid cursor").with_code("INVALID_CURSOR");
    if text.len() > MAX_BYTES {
        return Err(invalid());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
    let cursor: Cursor<P> = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
    if cursor.q == scope.0 { Ok(Some(cursor.p)) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use repoplane_domain::time::Timestamp;

    fn tenant(n: i64) -> TenantId {
        TenantId::start_of(Timestamp::from_millisecond(n))
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back_only_in_its_own_query(position in ".{0,40}", query in ".{0,20}", other in ".{0,20}") {
            let scope = CursorScope::new(tenant(1), &[&query]);
            let text = encode(&scope, &position);
            prop_assert_eq!(decode::<String>(&scope, Some(&text)).ok().flatten(), Some(position));
            prop_assert!(decode::<String>(&CursorScope::new(tenant(2), &[&query]), Some(&text)).is_err());
            if other != query {
                prop_assert!(decode::<String>(&CursorScope::new(tenant(1), &[&other]), Some(&text)).is_err());
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,60}") {
            let _ = decode::<String>(&CursorScope::new(tenant(1), &[]), Some(&text));
        }
    }
}
