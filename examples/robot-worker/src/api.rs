//! The part of Repoplane's HTTP API that a worker needs.

use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A task that is ours for a while.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claimed {
    /// Proves the claim; every further call carries it.
    pub(crate) lease_id: String,
    pub(crate) task: ClaimedTask,
}

/// What is to be done.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ClaimedTask {
    pub(crate) prompt: String,
}

/// Why a call was not answered with success.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The API says no (RFC 9457): its status, its code, and what it says to people.
    #[error("{status} {code}: {message}")]
    Refused { status: StatusCode, code: String, message: String },
    /// No answer, or none that can be read.
    #[error("no answer: {0}")]
    NoAnswer(#[from] reqwest::Error),
}

/// Repoplane, as one token may use it.
pub(crate) struct Api {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    pub(crate) fn new(base: &str, token: String) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { client: reqwest::Client::new(), base, token }
    }

    /// Takes a task, or, with its lease, renews the hold on it.
    pub(crate) async fn claim(
        &self,
        task: &str,
        worker: &str,
        lease: Duration,
        renews: Option<&str>,
    ) -> Result<Claimed, ApiError> {
        let mut body = json!({"worker": worker, "leaseSeconds": lease.as_secs()});
        if let Some(lease) = renews {
            body["leaseId"] = json!(lease);
        }
        Ok(self.call(Method::POST, &format!("/api/tasks/{task}/claim"), &body).await?.json().await?)
    }

    /// Says how a task ended.
    pub(crate) async fn report(&self, task: &str, status: &str, lease: &str, result: &Value) -> Result<(), ApiError> {
        let body = json!({"status": status, "leaseId": lease, "result": result});
        self.call(Method::PATCH, &format!("/api/tasks/{task}"), &body).await.map(drop)
    }

    async fn call(&self, method: Method, path: &str, body: &Value) -> Result<reqwest::Response, ApiError> {
        let call = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let answer = call.json(body).timeout(TIMEOUT).send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let problem: Value = answer.json().await.unwrap_or_default();
        let text = |member: &str| problem[member].as_str().unwrap_or_default().to_owned();
        Err(ApiError::Refused { status, code: text("code"), message: text("message") })
    }
}
