//! Pages of lists: `page`, `per_page`, and links to the others (contract: abf 1).

use super::Call;
use super::params::Params;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use repoplane_api::Answer;
use serde_json::Value;

/// Rows of a page unless asked.
pub(super) const PER_PAGE: u64 = 20;
/// Rows of a page at most.
pub(super) const MAX_PER_PAGE: u64 = 100;

/// Which page is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    number: u64,
    rows: u64,
}

impl Page {
    /// Reads the query; what is no number is as good as absent.
    pub(super) fn of(params: &Params) -> Self {
        let number = params.number("page").filter(|page| *page > 0).unwrap_or(1);
        let rows = params.number("per_page").filter(|rows| *rows > 0).unwrap_or(PER_PAGE).min(MAX_PER_PAGE);
        Self { number, rows }
    }

    /// Rows before the page.
    pub(super) fn skip(self) -> usize {
        usize::try_from((self.number - 1).saturating_mul(self.rows)).unwrap_or(usize::MAX)
    }

    /// Rows of the page at most.
    pub(super) fn rows(self) -> usize {
        usize::try_from(self.rows).unwrap_or(usize::MAX)
    }

    /// The rows of the page, and whether more follow.
    pub(super) fn cut<T>(self, all: Vec<T>) -> (Vec<T>, bool) {
        let more = all.len() > self.skip().saturating_add(self.rows());
        (all.into_iter().skip(self.skip()).take(self.rows()).collect(), more)
    }

    /// An answer with links to the first page and the neighbours; the last one is not known before it is reached.
    pub(super) fn answer(self, call: &Call, body: Value, more: bool) -> Response {
        let mut response = Answer::ok(body).into_response();
        let to = |page: u64, rel: &str| {
            let path = format!("{}{}", call.asked.origin, call.asked.path);
            format!("<{path}?page={page}&per_page={}>; rel=\"{rel}\"", self.rows)
        };
        let mut links = vec![to(1, "first")];
        if self.number > 1 {
            links.push(to(self.number - 1, "prev"));
        }
        links.push(if more { to(self.number + 1, "next") } else { to(self.number, "last") });
        if let Ok(links) = HeaderValue::from_str(&links.join(", ")) {
            response.headers_mut().insert(header::LINK, links);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> (usize, usize) {
        let page = Page::of(&Params::read(query, None, b"").map_err(|_| ()).unwrap());
        (page.skip(), page.rows())
    }

    #[test]
    fn wrong_pages_are_the_usual_ones() {
        for (query, expected) in [
            ("", (0, 20)),
            ("page=3&per_page=10", (20, 10)),
            ("page=0&per_page=0", (0, 20)),
            ("page=-1&per_page=-5", (0, 20)),
            ("page=x&per_page=y", (0, 20)),
            ("per_page=500", (0, 100)),
        ] {
            assert_eq!(page(query), expected, "{query}");
        }
        assert_eq!(page("page=9999999999999999&per_page=100").1, 100);
        assert_eq!(Page { number: u64::MAX, rows: 100 }.cut(vec![1]), (vec![], false));
    }
}
