//! The fields of a form, in a query's letters or in parts (contract: reviewboard 2).

use super::problems::Code;
use multer::{Constraints, Multipart, SizeLimit};
use repoplane_api::Problem;
use std::convert::Infallible;

/// Most fields of one form.
const MAX_FIELDS: usize = 200;
/// Largest form, in bytes; one part may fill it.
pub(super) const MAX_FORM_BYTES: usize = 256 * 1024;

/// Longest boundary between parts, in bytes (RFC 2046, 5.1.1).
const MAX_BOUNDARY_BYTES: usize = 70;

/// Reads a body. One of another kind, JSON too, has no fields.
///
/// # Errors
/// Error 105 for parts that do not end, and for too many fields.
pub(super) async fn fields(media_type: Option<&str>, bytes: Vec<u8>) -> Result<Vec<(String, String)>, Problem> {
    let media_type = media_type.unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let fields = match essence.as_str() {
        "application/x-www-form-urlencoded" => form_urlencoded::parse(&bytes)
            .take(MAX_FIELDS + 1)
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        "multipart/form-data" => parts(media_type, bytes).await?,
        _ => Vec::new(),
    };
    if fields.len() > MAX_FIELDS {
        return Err(malformed(&format!("a form has at most {MAX_FIELDS} fields")));
    }
    Ok(fields)
}

async fn parts(media_type: &str, bytes: Vec<u8>) -> Result<Vec<(String, String)>, Problem> {
    let boundary = boundary(media_type).ok_or_else(|| malformed("the boundary between the parts cannot be read"))?;
    let limit = SizeLimit::new().whole_stream(MAX_FORM_BYTES as u64);
    let body = futures_util::stream::once(async { Ok::<_, Infallible>(bytes) });
    let mut parts = Multipart::with_constraints(body, boundary, Constraints::new().size_limit(limit));
    let mut fields = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|error| malformed(&error.to_string()))? {
        let Some(name) = part.name().map(str::to_owned) else { continue };
        let text = part.bytes().await.map_err(|error| malformed(&error.to_string()))?;
        let text = String::from_utf8(text.into()).map_err(|_| malformed("a field is not UTF-8"))?;
        fields.push((name, text));
        if fields.len() > MAX_FIELDS {
            break;
        }
    }
    Ok(fields)
}

/// What is between the parts. Clients send it bare although it has an equals sign, which asks for quotation marks (RFC
/// 2046, 5.1.1); Review Board's own client does.
fn boundary(media_type: &str) -> Option<&str> {
    let mut parameters = media_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    (1..=MAX_BOUNDARY_BYTES).contains(&value.len()).then_some(value)
}

fn malformed(why: &str) -> Problem {
    Code::InvalidForm.problem().with_error(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_kinds_of_forms_are_read_and_others_have_no_fields() {
        let pairs = |fields: Vec<(String, String)>| fields;
        let expected = vec![("name".to_owned(), "a b".to_owned()), ("visible".to_owned(), "True".to_owned())];
        let url = fields(Some("application/x-www-form-urlencoded; charset=utf-8"), b"name=a+b&visible=True".to_vec());
        assert_eq!(pairs(url.await.unwrap()), expected);
        let body = "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na b\r\n--x\r\n\
                    Content-Disposition: form-data; name=\"visible\"\r\n\r\nTrue\r\n--x--\r\n";
        for (boundary, sent) in [
            ("x", "boundary=x"),
            ("x", "charset=utf-8; Boundary=\"x\""),
            // As Python's mail library makes them, and Review Board's client sends them.
            ("===============1000==", "boundary================1000=="),
            ("===============1000==", "boundary=\"===============1000==\"; charset=utf-8"),
        ] {
            let body = body.replace("--x", &format!("--{boundary}"));
            let parts = fields(Some(&format!("multipart/form-data; {sent}")), body.into()).await.unwrap();
            assert_eq!(parts, expected, "{sent}");
        }
        for (media_type, body) in [(Some("application/json"), "{\"name\": \"x\"}"), (None, "name=x")] {
            assert_eq!(fields(media_type, body.into()).await.unwrap(), []);
        }
    }

    #[tokio::test]
    async fn hostile_forms_are_refused() {
        let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n";
        for (media_type, body) in [
            ("multipart/form-data", "--x--".to_owned()),
            ("multipart/form-data; boundary=", "----".to_owned()),
            ("multipart/form-data; boundary=\"\"", "----".to_owned()),
            ("multipart/form-data; boundary=x", part.to_owned()),
            ("multipart/form-data; boundary=x", format!("{}--x--", part.repeat(MAX_FIELDS + 1))),
            ("application/x-www-form-urlencoded", "a=b&".repeat(MAX_FIELDS + 1)),
        ] {
            assert!(fields(Some(media_type), body.clone().into()).await.is_err(), "{media_type} {body:.80}");
        }
    }
}
