//! Query parameters as Go reads them (contract: nautes 2.3, 5).

use repoplane_api::Problem;
use repoplane_api::problem::ProblemType;
use repoplane_api::query::QueryParams;
use repoplane_domain::product::{Selector, read_boolean};

/// A parameter by any of its names, which may be there once; empty is as absent.
fn once<'a>(query: &'a QueryParams, names: &[&str]) -> Result<Option<&'a str>, Problem> {
    let mut found = query.selection().filter(|(name, _)| names.contains(name)).map(|(_, value)| value);
    let (first, second) = (found.next(), found.next());
    if second.is_some() {
        let text = format!("{} may be given only once", names.join(" or "));
        return Err(Problem::new(ProblemType::MalformedBody, text));
    }
    Ok(first.filter(|value| !value.is_empty()))
}

/// `insecure_skip_check`.
pub(super) fn skip(query: &QueryParams) -> Result<bool, Problem> {
    let Some(text) = once(query, &["insecure_skip_check", "insecureSkipCheck"])? else { return Ok(false) };
    let wrong = || Problem::new(ProblemType::MalformedBody, "insecure_skip_check must be true or false");
    read_boolean(text).ok_or_else(wrong)
}

/// `field_selector`.
pub(super) fn selector(query: &QueryParams) -> Result<Selector, Problem> {
    Ok(Selector::parse(once(query, &["field_selector", "fieldSelector"])?.unwrap_or_default())?)
}
