//! The metrics, and how they stand in a line: CloudWatch's embedded metric format.
//!
//! Facts: "CloudWatch Logs: Embedded metric format specification". A line is a JSON object with a member `_aws` that names
//! the members of the root that are metrics, and those that are dimensions.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::collections::BTreeMap;

/// Where the metrics are found in CloudWatch.
pub(crate) const NAMESPACE: &str = "Repoplane";

/// What is counted or measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Requests that were answered, whatever the answer.
    Requests,
    /// Of these, those whose answer was 4xx.
    ClientErrors,
    /// Of these, those whose answer was 5xx.
    ServerErrors,
    /// Invocations of functions that are not called over HTTP.
    Invocations,
    /// Of these, those that failed.
    FailedInvocations,
    /// Time from the request's arrival at the function to its answer, in milliseconds.
    Duration,
    /// First requests or invocations of a process.
    ColdStarts,
    /// Calls to DynamoDB.
    DynamoDbCalls,
    /// Read units that DynamoDB took.
    ReadUnits,
    /// Write units that DynamoDB took.
    WriteUnits,
    /// Secrets that were read.
    SecretReads,
    /// Posts of providers that were taken in.
    WebhooksAccepted,
    /// Posts of providers that were refused.
    WebhooksRejected,
    /// Tasks that posts of providers made.
    TasksCreated,
    /// Repositories whose sync was due.
    SyncsDue,
    /// How long the most overdue sync has been due, in seconds.
    SyncAgeSeconds,
    /// Syncs that failed.
    SyncsFailed,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Requests,
        Self::ClientErrors,
        Self::ServerErrors,
        Self::Invocations,
        Self::FailedInvocations,
        Self::Duration,
        Self::ColdStarts,
        Self::DynamoDbCalls,
        Self::ReadUnits,
        Self::WriteUnits,
        Self::SecretReads,
        Self::WebhooksAccepted,
        Self::WebhooksRejected,
        Self::TasksCreated,
        Self::SyncsDue,
        Self::SyncAgeSeconds,
        Self::SyncsFailed,
    ];

    /// Its name in CloudWatch and in the line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "Requests",
            Self::ClientErrors => "ClientErrors",
            Self::ServerErrors => "ServerErrors",
            Self::Invocations => "Invocations",
            Self::FailedInvocations => "FailedInvocations",
            Self::Duration => "Duration",
            Self::ColdStarts => "ColdStarts",
            Self::DynamoDbCalls => "DynamoDbCalls",
            Self::ReadUnits => "ReadUnits",
            Self::WriteUnits => "WriteUnits",
            Self::SecretReads => "SecretReads",
            Self::WebhooksAccepted => "WebhooksAccepted",
            Self::WebhooksRejected => "WebhooksRejected",
            Self::TasksCreated => "TasksCreated",
            Self::SyncsDue => "SyncsDue",
            Self::SyncAgeSeconds => "SyncAgeSeconds",
            Self::SyncsFailed => "SyncsFailed",
        }
    }

    /// Its unit (CloudWatch: MetricDatum).
    pub fn unit(self) -> &'static str {
        match self {
            Self::Duration => "Milliseconds",
            Self::SyncAgeSeconds => "Seconds",
            Self::Requests
            | Self::ClientErrors
            | Self::ServerErrors
            | Self::Invocations
            | Self::FailedInvocations
            | Self::ColdStarts
            | Self::DynamoDbCalls
            | Self::ReadUnits
            | Self::WriteUnits
            | Self::SecretReads
            | Self::WebhooksAccepted
            | Self::WebhooksRejected
            | Self::TasksCreated
            | Self::SyncsDue
            | Self::SyncsFailed => "Count",
        }
    }

    /// Whether it is kept for the whole stage as well, since an alarm is raised on it. Each metric of each dimension costs.
    pub fn is_of_the_stage(self) -> bool {
        match self {
            Self::Requests
            | Self::ServerErrors
            | Self::WebhooksAccepted
            | Self::WebhooksRejected
            | Self::TasksCreated
            | Self::SyncsDue
            | Self::SyncAgeSeconds
            | Self::SyncsFailed => true,
            Self::ClientErrors
            | Self::Invocations
            | Self::FailedInvocations
            | Self::Duration
            | Self::ColdStarts
            | Self::DynamoDbCalls
            | Self::ReadUnits
            | Self::WriteUnits
            | Self::SecretReads => false,
        }
    }
}

/// The metrics of one line, as members of its root.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values(pub(crate) BTreeMap<Metric, f64>);

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (metric, value) in &self.0 {
            map.serialize_entry(metric.name(), value)?;
        }
        map.end()
    }
}

/// The member `_aws`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Embedded {
    /// Milliseconds since 1970.
    timestamp: i64,
    cloud_watch_metrics: Vec<Directive>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [&'static [&'static str]; 1],
    metrics: Vec<Definition>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

impl Embedded {
    /// What CloudWatch is to take out of a line with these values.
    pub(crate) fn of(timestamp: i64, values: &Values) -> Self {
        let directive = |dimensions, wanted: fn(Metric) -> bool| {
            let metrics = values.0.keys().filter(|metric| wanted(**metric));
            let metrics = metrics.map(|metric| Definition { name: metric.name(), unit: metric.unit() }).collect();
            Directive { namespace: NAMESPACE, dimensions: [dimensions], metrics }
        };
        let all = [directive(&["Stage", "Function"], |_| true), directive(&["Stage"], Metric::is_of_the_stage)];
        let cloud_watch_metrics = all.into_iter().filter(|directive| !directive.metrics.is_empty()).collect();
        Self { timestamp, cloud_watch_metrics }
    }
}
