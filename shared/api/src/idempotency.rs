//! `Idempotency-Key`: a call with a key has its effect once, and is answered alike for a day.

use crate::answer::Answer;
use crate::app::App;
use crate::body::{self, JsonBody, OptionalJsonBody};
use crate::problem::{Problem, ProblemType};
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, HeaderValue, header};
use repoplane_domain::access::Principal;
use repoplane_domain::error::DomainError;
use repoplane_domain::secret::sha256_hex;
use repoplane_store::{Earlier, KeptAnswer, Once, StoreError, WriteError};
use serde_json::Value;

const KEY: &str = "idempotency-key";
/// Longest key, in bytes.
const MAX_KEY_BYTES: usize = 255;

/// The key of a dialect's call, if it has one.
///
/// # Errors
/// 400 for a key that is no text, or too long.
pub fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let key = std::str::from_utf8(value.as_bytes()).ok();
    match key.filter(|key| (1..=MAX_KEY_BYTES).contains(&key.chars().count())) {
        Some(key) => Ok(Some(key.to_owned())),
        None => {
            let text = format!("Idempotency-Key must have 1 to {MAX_KEY_BYTES} characters");
            Err(Problem::new(ProblemType::MalformedBody, text))
        }
    }
}

/// What tells one request with a key from another: method and address, and what it says. The key, which is not stored, is
/// hashed as well: nobody can try out what a body with a secret may have been.
pub fn fingerprint(key: &str, target: &str, said: &str) -> String {
    sha256_hex(format!("{key}\n{target}\n{said}").as_bytes())
}

/// A call that creates or acts: its body and, if the caller sent one, its idempotency key.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The body; an empty object when there was none.
    pub body: Value,
    key: Option<Key>,
}

/// As [`Posted`], but the call needs a body.
#[derive(Debug, Clone)]
pub struct PostedBody(pub Posted);

#[derive(Debug, Clone)]
struct Key {
    text: String,
    /// What tells this request from others with its key.
    fingerprint: String,
}

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let head = Head::of(&request)?;
        let OptionalJsonBody(body) = OptionalJsonBody::from_request(request, state).await?;
        Ok(head.with(body))
    }
}

impl<S: Send + Sync> FromRequest<S> for PostedBody {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let head = Head::of(&request)?;
        let JsonBody(body) = JsonBody::from_request(request, state).await?;
        Ok(Self(head.with(body)))
    }
}

struct Head {
    key: Option<String>,
    target: String,
}

impl Head {
    fn of(request: &Request) -> Result<Self, Problem> {
        let target = format!("{} {}", request.method(), request.uri());
        let Some(value) = request.headers().get(KEY) else { return Ok(Self { key: None, target }) };
        let is_key =
            |text: &&str| (1..=MAX_KEY_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        let key = value.to_str().ok().filter(is_key).ok_or_else(|| {
            let text = format!("Idempotency-Key must be 1 to {MAX_KEY_BYTES} visible ASCII characters, without blanks");
            Problem::from(DomainError::invalid("", text))
        })?;
        Ok(Self { key: Some(key.to_owned()), target })
    }

    fn with(self, body: Value) -> Posted {
        let Self { key, target } = self;
        // Members of a parsed object are sorted: two spellings of one body are one request.
        let key = key.map(|text| Key { fingerprint: fingerprint(&text, &target, &body.to_string()), text });
        Posted { body, key }
    }
}

impl Posted {
    /// The call as the store knows it.
    pub fn once(&self, principal: &Principal) -> Option<Once> {
        self.key.as_ref().map(|key| Once::new(principal, &key.text, key.fingerprint.clone()))
    }
}

/// A call of a dialect that keeps its refusals too: nothing of it is refused before it is known whether it came before.
#[derive(Debug)]
pub struct Sent {
    /// The body; an empty object when there was none.
    pub body: Result<Value, Problem>,
    is_empty: bool,
    key: Result<Option<String>, Problem>,
    fingerprint: String,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let target = format!("{} {}", request.method(), request.uri());
        let key = key_of(request.headers());
        let media_type = body::media_type(&request);
        let mut is_empty = false;
        let (body, said) = match body::read(request, body::MAX_BODY_BYTES).await {
            Err(problem) => (Err(problem), String::new()),
            Ok(bytes) => {
                is_empty = bytes.is_empty();
                let body = body::parse_if_any(media_type.as_deref(), &bytes);
                let said = match &body {
                    // Members of a parsed object are sorted: two spellings of one body are one request.
                    Ok(body) => body.to_string(),
                    Err(_) => sha256_hex(&bytes),
                };
                (body, said)
            }
        };
        let text = key.as_ref().ok().and_then(Option::as_deref).unwrap_or_default();
        let fingerprint = fingerprint(text, &target, &said);
        Ok(Self { body, is_empty, key, fingerprint })
    }
}

impl Sent {
    /// The body of a call that needs one.
    ///
    /// # Errors
    /// Without a body, or for one that could not be read.
    pub fn needed_body(&self) -> Result<Value, Problem> {
        if self.is_empty {
            return Err(Problem::new(ProblemType::MalformedBody, "a JSON body is needed"));
        }
        self.body.clone()
    }

    /// The call as the store knows it: keys are kept apart by token and operation.
    ///
    /// # Errors
    /// 400 for a key that is none.
    pub fn once(&self, principal: &Principal, operation: &str) -> Result<Option<Once>, Problem> {
        let key = self.key.clone()?;
        let once = |key| Once::new(principal, &format!("{} {operation} {key}", principal.token), &self.fingerprint);
        Ok(key.map(once))
    }
}

/// As [`answer_once`], for calls whose refusals are kept as well; `told` says how, or that one is not.
///
/// # Errors
/// As [`answer_once`].
pub async fn answer_kept(
    app: &App,
    once: Option<&Once>,
    run: impl Future<Output = Result<Answer, Failed>>,
    told: impl Fn(&Problem) -> Option<KeptAnswer>,
) -> Result<Answer, Problem> {
    let problem = match answer_once(app, once, run).await {
        Ok(answer) => return Ok(answer),
        Err(problem) => problem,
    };
    let Some((once, kept)) = once.zip(told(&problem)) else { return Err(problem) };
    match app.store.keep_answer(once, &kept, app.now()).await {
        Ok(()) => Ok(kept.into()),
        Err(WriteError::Repeated) => answer_once(app, Some(once), async { Err(Failed::Repeated) }).await,
        Err(error) => Err(error.into()),
    }
}

/// Why a call did not end with an answer.
#[derive(Debug)]
pub enum Failed {
    /// A call with its key came before.
    Repeated,
    /// Anything else.
    Problem(Problem),
}

impl From<WriteError> for Failed {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Repeated => Self::Repeated,
            WriteError::Domain(error) => Self::Problem(error.into()),
            WriteError::Store(error) => Self::Problem(error.into()),
        }
    }
}

impl From<Failed> for Problem {
    /// For calls without a key: none of them meets an earlier one.
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Repeated => in_flight(1),
            Failed::Problem(problem) => problem,
        }
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<DomainError> for Failed {
    fn from(error: DomainError) -> Self {
        Self::Problem(error.into())
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Problem(error.into())
    }
}

/// Runs a call. Only when it does not end well is it asked whether one with its key came before: the first call, which
/// nearly every call is, costs nothing for being repeatable.
///
/// # Errors
/// The problem of the call itself; `idempotency-key-conflict` when the key was used for another request,
/// `idempotency-key-in-flight` when the first call has not ended.
pub async fn answer_once(
    app: &App,
    once: Option<&Once>,
    run: impl Future<Output = Result<Answer, Failed>>,
) -> Result<Answer, Problem> {
    let failed = match run.await {
        Ok(answer) => return Ok(answer),
        Err(failed) => failed,
    };
    let earlier = match once {
        Some(once) => app.store.earlier(once, app.now()).await?,
        None => None,
    };
    match (earlier, failed) {
        (Some(Earlier::Answered(kept)), _) => Ok(Answer::again(kept)),
        (Some(Earlier::AnotherRequest), _) => {
            let text = "the key was used for another request within the last 24 hours; choose a new one";
            Err(Problem::new(ProblemType::IdempotencyKeyConflict, text).with_code("IDEMPOTENCY_KEY_CONFLICT"))
        }
        (Some(Earlier::InFlight(span)), _) => Err(in_flight(span.as_secs().max(1))),
        // Without a trace of it, one that came before has failed meanwhile.
        (None, failed) => Err(failed.into()),
    }
}

/// Runs a call that has effects outside the table, such as asking a provider: it is marked as in flight first, so that a
/// repeat finds it. `run` gets the marked call, under which the answer is to be kept.
///
/// # Errors
/// As [`answer_once`].
pub async fn answer_marked<F: Future<Output = Result<Answer, Failed>>>(
    app: &App,
    once: Option<Once>,
    run: impl FnOnce(Option<Once>) -> F,
) -> Result<Answer, Problem> {
    let begun = match app.store.begin(once.clone(), app.now()).await {
        Ok(begun) => begun,
        Err(error) => return answer_once(app, once.as_ref(), async { Err(error.into()) }).await,
    };
    let ended = run(begun.clone()).await;
    if let (Err(_), Some(begun)) = (&ended, &begun) {
        app.store.abandon(begun).await;
    }
    answer_once(app, once.as_ref(), async { ended }).await
}

fn in_flight(seconds: u64) -> Problem {
    let text = "a call with this key has not ended; ask again later";
    let problem = Problem::new(ProblemType::IdempotencyKeyInFlight, text).with_code("IDEMPOTENCY_KEY_IN_FLIGHT");
    problem.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
}

/// Keeps the answer of a call that found nothing to change, so that its repeats are answered alike.
///
/// # Errors
/// [`Failed::Repeated`] when one with its key came before.
pub async fn keep_unchanged(app: &App, once: Option<&Once>, answer: KeptAnswer) -> Result<Answer, Failed> {
    if let Some(once) = once {
        app.store.keep_answer(once, &answer, app.now()).await?;
    }
    Ok(answer.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialects_key_is_a_text_of_bounded_length_or_a_refusal() {
        let key = |bytes: &[u8]| {
            let value = HeaderValue::from_bytes(bytes).unwrap();
            key_of(&HeaderMap::from_iter([(KEY.parse().unwrap(), value)])).map_err(|problem| problem.status().as_u16())
        };
        assert_eq!(key_of(&HeaderMap::new()).unwrap(), None);
        assert_eq!(key(b"a b").unwrap().as_deref(), Some("a b"));
        assert_eq!(key("ä".repeat(MAX_KEY_BYTES).as_bytes()).unwrap().map(|key| key.chars().count()), Some(255));
        for refused in [&b""[..], &[b'k'; MAX_KEY_BYTES + 1], b"\xff"] {
            assert_eq!(key(refused), Err(400), "{refused:?}");
        }
    }
}
