//! Reading the access token off a request (design: HTTP conventions; contract: hookcode 1.1).

use base64::Engine as _;
use http::{HeaderMap, header};
use repoplane_domain::secret::Secret;

/// HookCode's own header.
const HOOKCODE_TOKEN: &str = "x-hookcode-token";

/// The token of a request: `Authorization: Bearer|token|Basic`, else `x-hookcode-token`. Basic takes the token as its
/// password, or as the user name when the password is empty.
pub fn of_request(headers: &HeaderMap) -> Option<Secret> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let text = match authorization.and_then(|value| value.trim().split_once(' ')) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token") => {
            Some(rest.trim().to_owned())
        }
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => of_basic(rest.trim()),
        Some(_) | None => {
            headers.get(HOOKCODE_TOKEN).and_then(|value| value.to_str().ok()).map(|text| text.trim().to_owned())
        }
    };
    text.filter(|text| !text.is_empty()).map(Secret::new)
}

fn of_basic(encoded: &str) -> Option<String> {
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
    let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(if password.is_empty() { user } else { password }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &'static str, value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        of_request(&headers).map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn every_documented_form_is_read() {
        let basic = |text: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text));
        for (name, value) in [
            ("authorization", "Bearer rpt_x".to_owned()),
            ("authorization", "bearer  rpt_x".to_owned()),
            ("authorization", "token rpt_x".to_owned()),
            ("authorization", basic("ann:rpt_x")),
            ("authorization", basic("rpt_x:")),
            ("x-hookcode-token", "rpt_x".to_owned()),
        ] {
            assert_eq!(token(name, &value).as_deref(), Some("rpt_x"), "{name}: {value}");
        }
        for value in ["Bearer ", "rpt_x", "Digest rpt_x", "Basic !!!", "Basic cnB0"] {
            assert_eq!(token("authorization", value), None, "{value}");
        }
    }
}
