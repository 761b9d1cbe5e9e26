//! Pages of lists, newest first: `limit`, `starting_after`, `ending_before` (contract: shiftagent 7.2).

use repoplane_api::Problem;
use repoplane_api::query::QueryParams;
use repoplane_domain::error::FieldErrors;
use repoplane_store::Place;
use std::str::FromStr;

/// Rows of a page unless asked.
pub(super) const DEFAULT_LIMIT: usize = 20;
/// Rows of a page at most.
pub(super) const MAX_LIMIT: usize = 100;

/// Which part of a list is wanted.
pub(super) struct Paging<I> {
    pub(super) from: Option<Place<I>>,
    pub(super) limit: usize,
}

impl<I: FromStr + Copy> Paging<I> {
    /// Reads the query; every wrong parameter is named.
    pub(super) fn read(query: &QueryParams) -> Result<Self, Problem> {
        let mut errors = FieldErrors::new();
        let limit = match query.get("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)).unwrap_or_else(|| {
                errors.push("?limit", format!("limit must be a number from 1 to {MAX_LIMIT}"));
                DEFAULT_LIMIT
            }),
        };
        let mut id = |name: &str| {
            let id = query.get(name).map(|text| text.parse::<I>().ok());
            if id.is_some_and(|id| id.is_none()) {
                errors.push(format!("?{name}"), format!("{name} must be the id of an object of this list"));
            }
            id.flatten()
        };
        let (after, before) = (id("starting_after"), id("ending_before"));
        if query.get("starting_after").is_some() && query.get("ending_before").is_some() {
            errors.push("?ending_before", "starting_after and ending_before exclude each other");
        }
        let from = after.map(Place::After).or(before.map(Place::Before));
        Ok(errors.into_result(Self { from, limit })?)
    }
}
