//! What the caller takes: the header `Accept` (RFC 9110, 12.5.1).

use http::{HeaderMap, header};

/// The media ranges of a request, each with its weight in thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept(Vec<(String, String, u16)>);

impl Accept {
    /// Reads the headers; without one the caller takes anything.
    pub fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let ranges: Vec<_> = lines
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|range| !range.is_empty())
            .map(range)
            .collect();
        let given = headers.contains_key(header::ACCEPT) && !ranges.is_empty();
        Self(if given { ranges } else { vec![("*".to_owned(), "*".to_owned(), 1000)] })
    }

    /// How welcome a media type is, in thousandths: the most specific range decides.
    pub fn weight(&self, media_type: &str) -> u16 {
        let (kind, subtype) = media_type.split_once('/').unwrap_or((media_type, ""));
        let rank = |(range_kind, range_subtype, _): &&(String, String, u16)| match (&**range_kind, &**range_subtype) {
            (k, s) if k == kind && s == subtype => Some(3),
            (k, "*") if k == kind => Some(2),
            ("*", "*") => Some(1),
            _ => None,
        };
        let best = self.0.iter().filter(|range| rank(range).is_some()).max_by_key(rank);
        best.map_or(0, |(_, _, weight)| *weight)
    }

    /// Whether a media type is welcome at all.
    pub fn admits(&self, media_type: &str) -> bool {
        self.weight(media_type) > 0
    }

    /// Whether a media type is asked for, by its name or its kind's, and not merely let in by `*/*`.
    pub fn names(&self, media_type: &str) -> bool {
        let kind = media_type.split_once('/').map_or(media_type, |(kind, _)| kind);
        self.admits(media_type) && self.0.iter().any(|(range, _, _)| range == kind)
    }
}

fn range(text: &str) -> (String, String, u16) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    // Some clients write `*` for `*/*`.
    let (kind, subtype) = match name.split_once('/') {
        Some((kind, subtype)) => (kind.trim().to_owned(), subtype.trim().to_owned()),
        None if name == "*" => ("*".to_owned(), "*".to_owned()),
        None => (name, String::new()),
    };
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().ok()).flatten()
    });
    // The range makes the conversion exact enough; a weight that is no number counts as none given.
    let weight = weight.filter(|weight| weight.is_finite()).unwrap_or(1.0).clamp(0.0, 1.0);
    (kind, subtype, (weight * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accept(text: &str) -> Accept {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, text.parse().unwrap());
        Accept::of(&headers)
    }

    #[test]
    fn the_most_specific_range_decides() {
        for (text, json, html) in [
            ("*/*", 1000, 1000),
            ("*", 1000, 1000),
            ("", 1000, 1000),
            (" , ", 1000, 1000),
            ("application/json", 1000, 0),
            ("application/*;q=0.5", 500, 0),
            ("Application/JSON; charset=utf-8; Q=0.25", 250, 0),
            ("*/*, application/json;q=0", 0, 1000),
            ("text/html, */*;q=0.1", 100, 1000),
            ("*/*;q=0", 0, 0),
            ("json", 0, 0),
            ("text/html;q=x", 0, 1000),
        ] {
            let accept = accept(text);
            assert_eq!((accept.weight("application/json"), accept.weight("text/html")), (json, html), "{text}");
        }
        assert!(Accept::of(&HeaderMap::new()).admits("text/html"));
    }

    #[test]
    fn what_is_let_in_is_not_what_is_asked_for() {
        assert!(accept("text/html,*/*;q=0.8").names("text/html"));
        assert!(accept("text/*").names("text/html"));
        assert!(!accept("*/*").names("text/html"));
        assert!(!accept("text/html;q=0").names("text/html"));
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_panic(text in "[ -~]{0,60}") {
            accept(&text).weight("application/json");
        }
    }
}
