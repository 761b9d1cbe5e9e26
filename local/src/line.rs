//! The line between the SDK's clients and the engines: it counts every call, and breaks the n-th one on purpose.

mod partial;

use crate::engines::{Answer, Engines, REGION};
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a call is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The engine says to slow down.
    Throttle,
    /// Another transaction is in the way.
    Conflict,
    /// No answer, and nothing happened.
    TimeoutBefore,
    /// No answer, though it happened.
    TimeoutAfter,
    /// The engine fails on its side.
    Down,
    /// Only the first part of a batch is done, and the answer says so. What is no batch is not touched.
    Partial,
}

/// Which calls are broken, and how. Calls are numbered from 0 since the fault was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultPlan {
    /// Only calls whose name begins so: `secretsmanager.`, `DynamoDB_20120810.Query`, or everything when empty.
    pub target: String,
    /// The first call that is broken.
    pub from: usize,
    /// How many are.
    pub times: usize,
    /// How.
    pub fault: Fault,
}

/// What calls cost, in DynamoDB's request units, and how many of them went to other engines.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Units {
    /// Read request units.
    pub reads: f64,
    /// Write request units, of the table and of its indexes.
    pub writes: f64,
    /// Calls to Secrets Manager.
    pub secrets: u32,
    /// Calls to SQS: a batch is one, up to 64 KB.
    pub queue: u32,
}

#[derive(Debug, Default)]
struct Record {
    calls: Vec<String>,
    actions: BTreeSet<String>,
    plan: Option<(FaultPlan, usize)>,
    units: Option<Units>,
}

/// A line to the engines. Clones share counts and faults; [`Line::fork`] starts a new one on the same engines.
#[derive(Debug, Clone)]
pub struct Line {
    engines: Engines,
    record: Arc<Mutex<Record>>,
}

impl Line {
    /// A line to engines.
    pub fn to(engines: Engines) -> Self {
        Self { engines, record: Arc::default() }
    }

    /// Another line to the same engines, with counts of its own: a second instance of the application.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::to(self.engines.clone())
    }

    /// The engines at the other end.
    pub fn engines(&self) -> &Engines {
        &self.engines
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The operations called since the last time this was asked, in order, without their service's prefix.
    pub fn take_calls(&self) -> Vec<String> {
        let calls = std::mem::take(&mut self.record().calls);
        let short = |call: String| call.rsplit_once('.').map_or(call.clone(), |(_, operation)| operation.to_owned());
        calls.into_iter().map(short).collect()
    }

    /// What a policy must allow for the calls so far: IAM actions, with ` index/<name>` behind those on an index.
    pub fn actions(&self) -> BTreeSet<String> {
        self.record().actions.clone()
    }

    /// Starts to count what calls cost, from nothing.
    pub fn meter(&self) {
        self.record().units = Some(Units::default());
    }

    /// What the calls cost since [`Line::meter`], which it ends.
    pub fn take_units(&self) -> Units {
        self.record().units.take().unwrap_or_default()
    }

    /// Does a call, and has the engine say what it cost if that is counted.
    async fn metered(&self, target: &str, body: Vec<u8>) -> Answer {
        if self.record().units.is_none() {
            return self.engines.call(target, body).await;
        }
        let is_table = target.starts_with("DynamoDB");
        let body = if is_table { asking_for_units(&body) } else { body };
        let answer = self.engines.call(target, body).await;
        if let Some(units) = &mut self.record().units {
            if is_table {
                units.add(target, &answer.body);
            } else if target.starts_with("secretsmanager") {
                units.secrets += 1;
            } else {
                units.queue += 1;
            }
        }
        answer
    }

    /// Breaks calls from now on, or none.
    pub fn set_fault(&self, plan: Option<FaultPlan>) {
        self.record().plan = plan.map(|plan| (plan, 0));
    }

    /// Notes the call and says whether it is to be broken.
    fn note(&self, target: &str, body: &[u8]) -> Option<Fault> {
        let mut record = self.record();
        record.calls.push(target.to_owned());
        record.actions.extend(iam_actions(target, body));
        let (plan, seen) = record.plan.as_mut()?;
        if !target.starts_with(&plan.target) {
            return None;
        }
        let index = *seen;
        *seen += 1;
        (plan.from..plan.from.saturating_add(plan.times)).contains(&index).then_some(plan.fault)
    }

    async fn send(&self, target: &str, body: Vec<u8>) -> Result<Answer, ConnectorError> {
        let silence = || ConnectorError::timeout("no answer (a fault on purpose)".into());
        let is_table = target.starts_with("DynamoDB");
        let refusal = |kind: &str| {
            let body = format!(r#"{{"__type":"{kind}","message":"a fault on purpose"}}"#).into_bytes();
            Answer { status: 400, body }
        };
        // The real engines are a network away: other tasks get their turn at every call.
        tokio::task::yield_now().await;
        match self.note(target, &body) {
            None => Ok(self.metered(target, body).await),
            Some(Fault::Throttle) if !is_table => Ok(refusal("ThrottlingException")),
            Some(Fault::Throttle) => {
                Ok(refusal("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"))
            }
            Some(Fault::Conflict) if target.ends_with(".TransactWriteItems") => Ok(cancelled(&body)),
            Some(Fault::Conflict) if !is_table => Ok(refusal("ThrottlingException")),
            Some(Fault::Conflict) => Ok(refusal("com.amazonaws.dynamodb.v20120810#TransactionConflictException")),
            Some(Fault::TimeoutBefore) => Err(silence()),
            Some(Fault::TimeoutAfter) => {
                self.engines.call(target, body).await;
                Err(silence())
            }
            Some(Fault::Down) => Ok(Answer { status: 500, ..refusal("InternalServerError") }),
            Some(Fault::Partial) => Ok(match partial::split(target, &body) {
                Some(partial) => partial.merge(self.engines.call(target, partial.done()).await),
                None => self.engines.call(target, body).await,
            }),
        }
    }

    /// Client settings for DynamoDB on this line.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .credentials_provider(credentials())
            .retry_config(retries())
            .retry_partition(retry_partition())
            .http_client(self.clone())
            .build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    /// Client settings for Secrets Manager on this line.
    pub fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
            .region(aws_sdk_secretsmanager::config::Region::from_static(REGION))
            .credentials_provider(credentials())
            .retry_config(retries())
            .retry_partition(retry_partition())
            .http_client(self.clone())
            .build();
        aws_sdk_secretsmanager::Client::from_conf(config)
    }

    /// Client settings for EventBridge on this line.
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        let config = aws_sdk_eventbridge::Config::builder()
            .behavior_version(aws_sdk_eventbridge::config::BehaviorVersion::latest())
            .region(aws_sdk_eventbridge::config::Region::from_static(REGION))
            .credentials_provider(credentials())
            .retry_config(retries())
            .retry_partition(retry_partition())
            .http_client(self.clone())
            .build();
        aws_sdk_eventbridge::Client::from_conf(config)
    }

    /// Client settings for SQS on this line.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
            .region(aws_sdk_sqs::config::Region::from_static(REGION))
            .credentials_provider(credentials())
            .retry_config(retries())
            .retry_partition(retry_partition())
            .http_client(self.clone())
            .build();
        aws_sdk_sqs::Client::from_conf(config)
    }
}

/// The call, as one that wants to know what it cost (DynamoDB: ReturnConsumedCapacity).
fn asking_for_units(body: &[u8]) -> Vec<u8> {
    let Ok(mut call) = serde_json::from_slice::<serde_json::Value>(body) else { return body.to_vec() };
    call["ReturnConsumedCapacity"] = "TOTAL".into();
    call.to_string().into_bytes()
}

impl Units {
    /// Adds what an answer says. Of a call for one table `CapacityUnits` is all there is; which kind they are is the
    /// operation's to say.
    fn add(&mut self, target: &str, answer: &[u8]) {
        let answer: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
        let consumed = &answer["ConsumedCapacity"];
        let each = consumed.as_array().map_or_else(|| std::slice::from_ref(consumed), Vec::as_slice);
        let units: f64 = each.iter().filter_map(|one| one["CapacityUnits"].as_f64()).sum();
        let reads = ["Query", "GetItem"].iter().any(|read| target.ends_with(read));
        *(if reads { &mut self.reads } else { &mut self.writes }) += units;
    }
}

/// The engines check no signatures, but the SDK signs only with some.
fn credentials() -> Credentials {
    Credentials::new("local", "local", None, None, "repoplane-local")
}

/// The SDK's standard retries with a short first pause: the engines are next door.
fn retries() -> aws_smithy_types::retry::RetryConfig {
    aws_smithy_types::retry::RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(5))
}

/// A budget of retries for each client: the SDK's own is one for the whole process, and one application that is broken on
/// purpose would take the retries of all others.
fn retry_partition() -> RetryPartition {
    RetryPartition::custom("repoplane-local").token_bucket(TokenBucket::default()).build()
}

/// The IAM actions of a call (IAM: actions of DynamoDB, of Secrets Manager, of SQS and of EventBridge). A transaction needs
/// those of its parts.
fn iam_actions(target: &str, body: &[u8]) -> Vec<String> {
    let operation = target.rsplit_once('.').map_or(target, |(_, operation)| operation);
    let request: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    if target.starts_with("secretsmanager") {
        let mut actions = vec![format!("secretsmanager:{operation}")];
        if request.get("Tags").is_some() {
            actions.push("secretsmanager:TagResource".to_owned());
        }
        return actions;
    }
    if target.starts_with("AmazonSQS") {
        // Batches need the action of their single calls.
        return vec![format!("sqs:{}", operation.trim_end_matches("Batch"))];
    }
    if target.starts_with("AWSEvents") {
        return vec![format!("events:{operation}")];
    }
    if operation == "TransactWriteItems" {
        let parts = request["TransactItems"].as_array().into_iter().flatten();
        let names = parts.filter_map(|part| part.as_object()?.keys().next().cloned());
        let action = |name: String| match name.as_str() {
            "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
            _ => format!("dynamodb:{name}Item"),
        };
        return names.map(action).collect();
    }
    match request["IndexName"].as_str() {
        Some(index) => vec![format!("dynamodb:{operation} index/{index}")],
        None => vec![format!("dynamodb:{operation}")],
    }
}

/// The cancellation of a whole transaction by another (DynamoDB: TransactionCanceledException).
fn cancelled(body: &[u8]) -> Answer {
    let request: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let items = request["TransactItems"].as_array().map_or(1, Vec::len);
    let reasons: Vec<_> = (0..items)
        .map(|i| {
            if i == 0 {
                serde_json::json!({"Code": "TransactionConflict"})
            } else {
                serde_json::json!({"Code": "None"})
            }
        })
        .collect();
    let body = serde_json::json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled (a fault on purpose)",
        "CancellationReasons": reasons,
    });
    Answer { status: 400, body: body.to_string().into_bytes() }
}

impl HttpConnector for Line {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let line = self.clone();
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = request.body_mut().bytes().map(<[u8]>::to_vec).unwrap_or_default();
        HttpConnectorFuture::new(async move {
            let answer = line.send(&target, body).await?;
            let status =
                StatusCode::try_from(answer.status).map_err(|error| ConnectorError::other(error.into(), None))?;
            Ok(HttpResponse::new(status, SdkBody::from(answer.body)))
        })
    }
}

impl HttpClient for Line {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
