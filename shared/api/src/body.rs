//! JSON bodies: bounded, decoded, and left to the domain to read field by field.

use crate::problem::{Problem, ProblemType};
use axum::extract::{FromRequest, Request};
use http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

/// The largest body of a call (contract: hookcode 1.1).
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A JSON body; without one the call is wrong.
#[derive(Debug, Clone)]
pub struct JsonBody(pub Value);

/// A JSON body, or an empty object when there is none: for actions whose settings are all optional.
#[derive(Debug, Clone)]
pub struct OptionalJsonBody(pub Value);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let media_type = media_type(&request);
        let bytes = read(request, MAX_BODY_BYTES).await?;
        check_media_type(media_type.as_deref())?;
        parse(&bytes).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalJsonBody {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let media_type = media_type(&request);
        let bytes = read(request, MAX_BODY_BYTES).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(Value::Object(serde_json::Map::new())));
        }
        check_media_type(media_type.as_deref())?;
        parse(&bytes).map(Self)
    }
}

/// The whole body, if it is not over a limit.
///
/// # Errors
/// 413 over the limit, 400 when the sender broke off.
pub async fn read(request: Request, limit: usize) -> Result<Vec<u8>, Problem> {
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(ProblemType::BodyTooLarge, format!("the body may have at most {limit} bytes"))
                .with_error("request entity too large"))
        }
        Err(_) => Err(Problem::new(ProblemType::MalformedBody, "the body could not be read to its end")),
    }
}

pub(crate) fn media_type(request: &Request) -> Option<String> {
    request.headers().get(header::CONTENT_TYPE)?.to_str().ok().map(str::to_owned)
}

/// A body that was read, as JSON; an empty object when there was none.
pub(crate) fn parse_if_any(media_type: Option<&str>, bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    check_media_type(media_type)?;
    parse(bytes)
}

/// A body without a media type is taken as JSON: command-line clients forget it.
fn check_media_type(media_type: Option<&str>) -> Result<(), Problem> {
    let Some(media_type) = media_type else { return Ok(()) };
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    let detail = format!("send application/json, not {}", essence.chars().take(100).collect::<String>());
    Err(Problem::new(ProblemType::UnsupportedMediaType, detail))
}

fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::new(ProblemType::MalformedBody, error.to_string()).with_error("Bad Request"))
}
