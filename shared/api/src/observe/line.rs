//! The line of one request or invocation. Its members are flat, so that a query names them as they stand; `docs/operate.md`
//! explains each.

use super::metric::{Embedded, Metric, Values};
use super::{Observer, Seen, Told};
use http::Method;
use repoplane_domain::id::{AccessTokenId, DeliveryId, RepositoryId, TenantId};
use repoplane_store::Usage;
use serde::Serialize;
use std::time::Duration;

/// One line.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    #[serde(rename = "_aws")]
    embedded: Embedded,
    #[serde(rename = "Stage")]
    stage: &'a str,
    #[serde(rename = "Function")]
    function: &'static str,
    timestamp: String,
    level: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<&'static str>,
    principal: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<TenantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<AccessTokenId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<RepositoryId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<DeliveryId>,
    duration_ms: f64,
    dynamodb_calls: u64,
    read_units: f64,
    write_units: f64,
    secret_calls: u64,
    secret_reads: u64,
    queue_calls: u64,
    cold_start: bool,
    #[serde(flatten)]
    values: Values,
}

impl<'a> Line<'a> {
    pub(super) fn of(
        observer: &'a Observer,
        told: &Told,
        seen: &'a Seen,
        (duration, usage, is_cold): (Duration, Usage, bool),
    ) -> Self {
        let now = observer.clock.now();
        let status = seen.status.map(|status| status.as_u16());
        let values = values(told, seen, (duration, usage, is_cold));
        Self {
            embedded: Embedded::of(now.as_millisecond(), &values),
            stage: &observer.stage,
            function: observer.function,
            timestamp: now.to_string(),
            level: "INFO",
            message: told.what,
            kind: told.kind,
            outcome: told.kind.map(|_| if told.failed { "failed" } else { "done" }),
            request_id: seen.request_id.as_deref(),
            trace: seen.trace.as_deref(),
            method: seen.method.as_ref().map(method_name),
            route: seen.route.as_deref(),
            status,
            dialect: seen.dialect,
            principal: seen.caller.unwrap_or("none"),
            tenant: seen.tenant,
            token: seen.token,
            repository: seen.repository,
            delivery: seen.delivery,
            duration_ms: milliseconds(duration),
            dynamodb_calls: usage.table_calls,
            read_units: usage.read_units,
            write_units: usage.write_units,
            secret_calls: usage.secret_calls,
            secret_reads: usage.secret_reads,
            queue_calls: usage.queue_calls,
            cold_start: is_cold,
            values,
        }
    }

    /// The same in an event for people.
    pub(super) fn tell_people(&self) {
        tracing::info!(
            request.id = self.request_id.unwrap_or_default(),
            method = self.method.unwrap_or_default(),
            route = self.route.unwrap_or_default(),
            status = self.status.unwrap_or_default(),
            duration_ms = self.duration_ms,
            calls = self.dynamodb_calls,
            "Answered a request"
        );
    }
}

/// A method of HTTP; any other word is the caller's and is not repeated.
fn method_name(method: &Method) -> &str {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
    ];
    if known.contains(method) { method.as_str() } else { "other" }
}

/// Milliseconds to three places: what a clock of a shared machine can tell.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn values(told: &Told, seen: &Seen, (duration, usage, is_cold): (Duration, Usage, bool)) -> Values {
    let mut values = seen.counts.clone();
    let one_if = |yes: bool| if yes { 1.0 } else { 0.0 };
    let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if told.kind.is_some() {
        values.insert(Metric::Invocations, 1.0);
        values.insert(Metric::FailedInvocations, one_if(told.failed));
    } else {
        let status = seen.status;
        values.insert(Metric::Requests, 1.0);
        values.insert(Metric::ClientErrors, one_if(status.is_some_and(|status| status.is_client_error())));
        values.insert(Metric::ServerErrors, one_if(status.is_some_and(|status| status.is_server_error())));
    }
    values.insert(Metric::Duration, milliseconds(duration));
    values.insert(Metric::ColdStarts, one_if(is_cold));
    values.insert(Metric::DynamoDbCalls, number(usage.table_calls));
    values.insert(Metric::ReadUnits, usage.read_units);
    values.insert(Metric::WriteUnits, usage.write_units);
    values.insert(Metric::SecretReads, number(usage.secret_reads));
    Values(values)
}
