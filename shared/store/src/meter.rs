//! What the calls to the engines cost, counted for whoever waits for them: a request or an invocation runs in
//! [`measured`], and an interceptor on every client of the store adds each call to the meter of the task that makes it.
//! Tasks that are started on the way count for the same request when their future is [`metered`].

use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput};
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
    BeforeTransmitInterceptorContextRef, Input, Output,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

tokio::task_local! {
    static METER: Arc<Meter>;
}

/// Counts, shared by the tasks of one request.
#[derive(Debug, Default)]
struct Meter {
    table_calls: AtomicU64,
    /// In halves: the smallest part of a unit that a read costs (DynamoDB: read request units).
    read_halves: AtomicU64,
    write_halves: AtomicU64,
    secret_calls: AtomicU64,
    secret_reads: AtomicU64,
    queue_calls: AtomicU64,
}

/// What a request cost so far. Calls are counted as they are sent, retries too.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Calls to DynamoDB.
    pub table_calls: u64,
    /// Read units that DynamoDB says it took. It says nothing of a call that fails.
    pub read_units: f64,
    /// Write units that DynamoDB says it took, those of indexes too.
    pub write_units: f64,
    /// Calls to Secrets Manager.
    pub secret_calls: u64,
    /// Those of them that read a secret: what Secrets Manager's bill follows.
    pub secret_reads: u64,
    /// Calls to SQS.
    pub queue_calls: u64,
}

/// Runs something and says what its calls to the engines cost.
pub async fn measured<F: Future>(work: F) -> (F::Output, Usage) {
    let meter = Arc::<Meter>::default();
    let output = METER.scope(Arc::clone(&meter), work).await;
    (output, meter.usage())
}

/// What the request that this task works for cost so far.
pub fn usage() -> Usage {
    METER.try_with(|meter| meter.usage()).unwrap_or_default()
}

/// The same future for another task, whose calls count for the request that starts it.
pub fn metered<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let meter = METER.try_with(Arc::clone).unwrap_or_default();
    METER.scope(meter, work)
}

impl Meter {
    fn usage(&self) -> Usage {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let units = |counter| f64::from(u32::try_from(load(counter)).unwrap_or(u32::MAX)) / 2.0;
        Usage {
            table_calls: load(&self.table_calls),
            read_units: units(&self.read_halves),
            write_units: units(&self.write_halves),
            secret_calls: load(&self.secret_calls),
            secret_reads: load(&self.secret_reads),
            queue_calls: load(&self.queue_calls),
        }
    }
}

/// Adds to a counter of the current request; calls that nobody waits for (the start of a function) are not counted.
fn add(count: u64, counter: impl Fn(&Meter) -> &AtomicU64) {
    // Outside of any request there is nothing to add to.
    let _ = METER.try_with(|meter| counter(meter).fetch_add(count, Ordering::Relaxed));
}

/// Units in halves.
fn halves<'c>(consumed: impl IntoIterator<Item = &'c ConsumedCapacity>) -> u64 {
    let units: f64 = consumed.into_iter().filter_map(|part| part.capacity_units).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and never negative")]
    let halves = (units * 2.0).round() as u64;
    halves
}

/// Asks DynamoDB for the units of a call.
fn ask_for_units(input: &mut Input) {
    macro_rules! ask {
        ($($input:ty),* $(,)?) => {$(
            if let Some(input) = input.downcast_mut::<$input>() {
                input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
                return;
            }
        )*};
    }
    ask!(
        GetItemInput,
        QueryInput,
        TransactWriteItemsInput,
        BatchGetItemInput,
        UpdateItemInput,
        PutItemInput,
        DeleteItemInput,
        BatchWriteItemInput,
    );
}

/// Adds the units that an answer of DynamoDB names.
fn add_units(output: &Output) {
    macro_rules! units {
        ($counter:ident: $($output:ty),* $(,)?) => {$(
            if let Some(output) = output.downcast_ref::<$output>() {
                return add(halves(&output.consumed_capacity), |meter| &meter.$counter);
            }
        )*};
    }
    units!(read_halves: GetItemOutput, QueryOutput);
    units!(write_halves: UpdateItemOutput, PutItemOutput, DeleteItemOutput);
    macro_rules! many {
        ($counter:ident: $($output:ty),* $(,)?) => {$(
            if let Some(output) = output.downcast_ref::<$output>() {
                return add(halves(output.consumed_capacity()), |meter| &meter.$counter);
            }
        )*};
    }
    many!(read_halves: BatchGetItemOutput);
    many!(write_halves: TransactWriteItemsOutput, BatchWriteItemOutput);
}

/// Counts the calls of a DynamoDB client.
#[derive(Debug)]
struct TableMeter;

#[dyn_dispatch_hint]
impl Intercept for TableMeter {
    fn name(&self) -> &'static str {
        "TableMeter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        ask_for_units(context.input_mut());
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        add(1, |meter| &meter.table_calls);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Ok(output) = context.output_or_error() {
            add_units(output);
        }
        Ok(())
    }
}

/// Counts the calls of a Secrets Manager client.
#[derive(Debug)]
struct SecretMeter;

#[dyn_dispatch_hint]
impl Intercept for SecretMeter {
    fn name(&self) -> &'static str {
        "SecretMeter"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        add(1, |meter| &meter.secret_calls);
        // The input is gone once it is serialized; the operation stands in the request.
        if context.request().headers().get("x-amz-target") == Some(READ_TARGET) {
            add(1, |meter| &meter.secret_reads);
        }
        Ok(())
    }
}

/// Counts the calls of an SQS client.
#[derive(Debug)]
struct QueueMeter;

#[dyn_dispatch_hint]
impl Intercept for QueueMeter {
    fn name(&self) -> &'static str {
        "QueueMeter"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        add(1, |meter| &meter.queue_calls);
        Ok(())
    }
}

/// How a read of a secret is named on the wire (Secrets Manager: `X-Amz-Target`).
const READ_TARGET: &str = "secretsmanager.GetSecretValue";

/// The same client, whose calls are counted and say what they consumed.
pub(crate) fn metered_table(client: &aws_sdk_dynamodb::Client) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(client.config().to_builder().interceptor(TableMeter).build())
}

/// The same client, whose calls are counted.
pub(crate) fn metered_vault(client: &aws_sdk_secretsmanager::Client) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::from_conf(client.config().to_builder().interceptor(SecretMeter).build())
}

/// The same client, whose calls are counted.
pub(crate) fn metered_queue(client: &aws_sdk_sqs::Client) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::from_conf(client.config().to_builder().interceptor(QueueMeter).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_counts_for_the_request_that_started_it() {
        let ((), usage) = measured(async {
            add(1, |meter| &meter.table_calls);
            let (one, other) = (
                tokio::spawn(metered(async { add(2, |meter| &meter.table_calls) })),
                tokio::spawn(async { add(4, |meter| &meter.table_calls) }),
            );
            one.await.unwrap();
            other.await.unwrap();
        })
        .await;
        assert_eq!(usage.table_calls, 3, "what is not metered counts for nobody");
        add(1, |meter| &meter.table_calls);
        assert_eq!(super::usage(), Usage::default());
    }

    #[test]
    fn units_are_counted_in_halves() {
        let part = |units| ConsumedCapacity::builder().capacity_units(units).build();
        assert_eq!(halves(&[part(0.5), part(2.0)]), 5);
        assert_eq!(halves(&None::<ConsumedCapacity>), 0);
    }
}
