//! Whether a list goes on after this page. Only that is taken from an answer's headers: the address of the next page is
//! always made here, so that no answer can lead a token elsewhere.

use http::header::{HeaderMap, LINK};

/// What an answer's headers say about further pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum More {
    /// There is a next page.
    Yes,
    /// This is the last one.
    No,
    /// Nothing: GitHub leaves the header out when everything fits one page, GitLab where counting is dear, and proxies
    /// drop what they do not know.
    Untold,
}

/// Reads `X-Next-Page` (GitLab REST: pagination), else `Link` (RFC 8288).
pub(crate) fn more(headers: &HeaderMap) -> More {
    if let Some(next) = headers.get("x-next-page") {
        return if next.as_bytes().trim_ascii().is_empty() { More::No } else { More::Yes };
    }
    let mut links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok()).peekable();
    if links.peek().is_none() {
        return More::Untold;
    }
    if links.any(links_to_next) { More::Yes } else { More::No }
}

/// Longest parameter that is taken over from a next page's address, in bytes.
const MAX_PARAMETER: usize = 8_192;

/// A parameter of the next page's address, where lists go on by a token (GitLab REST: keyset-based pagination). The rest of
/// that address is not believed.
pub(crate) fn of_next_page(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let target = links.find_map(next_target)?;
    let (_, query) = target.split_once('?')?;
    let query = query.split('#').next()?;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let (_, value) = pairs.find(|(known, _)| known == name)?;
    (!value.is_empty() && value.len() <= MAX_PARAMETER).then(|| value.into_owned())
}

/// Whether a `Link` value has a link of relation `next`.
fn links_to_next(value: &str) -> bool {
    next_target(value).is_some()
}

/// Where a `Link` value's link of relation `next` leads.
fn next_target(value: &str) -> Option<&str> {
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, parameters) = after.split_once('>')?;
        let end = end_of_link(parameters);
        if parameters_of(&parameters[..end]).any(|(name, value)| {
            name.eq_ignore_ascii_case("rel")
                && value.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case("next"))
        }) {
            return Some(target);
        }
        rest = &parameters[end..];
    }
    None
}

/// Where the comma outside of quotes is that ends a link, or the end of the text.
fn end_of_link(text: &str) -> usize {
    unquoted(text, ',').unwrap_or(text.len())
}

/// The first place of a character outside of quotes.
fn unquoted(text: &str, wanted: char) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c == wanted && !quoted => return Some(index),
            _ => {}
        }
    }
    None
}

/// Names and values of `; name=value; name="value"`.
fn parameters_of(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = unquoted(rest, ';')? + 1;
        let tail = rest.get(start..)?;
        let end = unquoted(tail, ';').unwrap_or(tail.len());
        let (parameter, remaining) = tail.split_at(end);
        rest = remaining;
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        Some((name.trim(), value.trim().trim_matches('"')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn the_next_page_is_known_from_either_header() {
        let both = r#"<https://api.github.com/x?page=2>; rel="next", <https://api.github.com/x?page=9>; rel="last""#;
        let last = r#"<https://api.github.com/x?page=1>; rel="prev", <https://api.github.com/x?page=1>; rel="first""#;
        for (given, expected) in [
            (&[][..], More::Untold),
            (&[("link", both)], More::Yes),
            (&[("link", last)], More::No),
            (&[("link", last), ("link", both)], More::Yes),
            (&[("x-next-page", "2")], More::Yes),
            (&[("x-next-page", "")], More::No),
            (&[("x-next-page", ""), ("link", both)], More::No),
            (&[("link", "<https://a.example/?rel=next>; rel=prev")], More::No),
            (&[("link", r#"<https://a.example/>; title="<x>; rel=next, <y>; rel=\"next\"""#)], More::No),
            (&[("link", "<https://a.example/,b>;REL=Next")], More::Yes),
            (&[("link", r#"<https://a.example/>; rel="prefetch next""#)], More::Yes),
            (&[("link", "rel=next")], More::No),
            (&[("link", "<https://a.example/; rel=next")], More::No),
        ] {
            assert_eq!(more(&headers(given)), expected, "{given:?}");
        }
    }

    #[test]
    fn of_the_next_address_only_one_parameter_is_taken() {
        let long = format!("<https://h.example/x?page_token={}>; rel=next", "a".repeat(MAX_PARAMETER + 1));
        for (link, expected) in [
            (r#"<https://h.example/x?per_page=100&page_token=a%2Bb%3D&ref=m>; rel="next""#, Some("a+b=")),
            (
                r#"<https://h.example/x?page_token=first>; rel="first", <?page_token=second>; rel="next""#,
                Some("second"),
            ),
            (r#"<https://h.example/x?page_token=a>; rel="prev""#, None),
            (r#"<https://h.example/x?page_token=>; rel="next""#, None),
            (r#"<https://h.example/x?page=2>; rel="next""#, None),
            (r#"<https://h.example/x>; rel="next""#, None),
            (&long, None),
        ] {
            assert_eq!(of_next_page(&headers(&[("link", link)]), "page_token").as_deref(), expected, "{link}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(value in "\\PC*") {
            links_to_next(&value);
        }

        #[test]
        fn a_written_list_of_links_is_read_back(
            relations in prop::collection::vec("[a-z]{1,6}", 0..6),
            target in "[a-z0-9/?&=,;.:-]{0,30}",
            title in "[a-z<>,;= ]{0,20}",
        ) {
            let links: Vec<String> =
                relations.iter().map(|rel| format!(r#"<{target}>; title="{title}"; rel="{rel}""#)).collect();
            prop_assert_eq!(links_to_next(&links.join(", ")), relations.iter().any(|rel| rel == "next"));
        }
    }
}
