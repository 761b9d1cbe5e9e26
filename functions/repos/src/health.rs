//! `/health`: whether the function is alive, and whether what it stands on answers.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use repoplane_api::access::Administrator;
use repoplane_api::problem::ProblemType;
use repoplane_api::{Answer, App, Problem};
use repoplane_store::{PartState, Probed};
use serde_json::{Value, json};

/// Seconds after which a part that fails is worth another look.
const AGAIN_SECONDS: u64 = 5;

/// `health`: alive, and nothing more. It asks neither table nor vault, so that a health check costs nothing.
pub(crate) async fn shallow() -> axum::Json<Value> {
    axum::Json(json!({"status": "ok"}))
}

/// `health_deep`: asks every part, now.
pub(crate) async fn deep(state: axum::extract::State<App>, _: Administrator) -> Response {
    let parts = state.store.probe().await;
    let mut response = answer(&parts);
    // How it was a moment ago is no answer to how it is.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn answer(parts: &[Probed]) -> Response {
    let ill = |part: &&Probed| matches!(part.state, PartState::Failing | PartState::TimedOut);
    let ill: Vec<&str> = parts.iter().filter(ill).map(|part| part.name).collect();
    if ill.is_empty() {
        return Answer::ok(json!({"status": "ok", "parts": parts})).into_response();
    }
    let problem = Problem::new(ProblemType::Unavailable, format!("No good answer from: {}", ill.join(", ")));
    let problem = problem.with_code("UNAVAILABLE").with_member("parts", json!(parts));
    problem.with_header(header::RETRY_AFTER, HeaderValue::from(AGAIN_SECONDS)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_that_fails_fails_the_whole() {
        let part = |name, state| Probed { name, state, duration_ms: 1.0 };
        for (states, status) in [
            ([PartState::Ok, PartState::Ok, PartState::Ok], 200),
            ([PartState::Ok, PartState::Ok, PartState::Absent], 200),
            ([PartState::Ok, PartState::TimedOut, PartState::Ok], 503),
            ([PartState::Ok, PartState::Ok, PartState::Failing], 503),
        ] {
            let parts = [part("table", states[0]), part("vault", states[1]), part("queue", states[2])];
            assert_eq!(answer(&parts).status(), status, "{states:?}");
        }
    }
}
