//! The table: the few ways in which it is read, and the one in which it is written.

use crate::error::StoreError;
use crate::item::{Attributes, key_attributes, number, text};
use crate::keys::{self, Key};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue, Select};
use std::collections::HashMap;

/// Items per BatchGetItem call (DynamoDB: BatchGetItem).
const BATCH: usize = 100;

/// The table on one client.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
}

/// A range of one partition.
#[derive(Debug, Clone)]
pub(crate) struct Range {
    pub(crate) index: Option<&'static str>,
    pub(crate) pk: String,
    pub(crate) sk_prefix: Option<String>,
    /// Strictly after this sort key in the direction of reading.
    pub(crate) after: Option<String>,
    pub(crate) backwards: bool,
    pub(crate) consistent: bool,
}

impl Range {
    /// A whole partition of the table, strongly consistent, oldest first.
    pub(crate) fn partition(pk: String) -> Self {
        Self { index: None, pk, sk_prefix: None, after: None, backwards: false, consistent: true }
    }

    /// Only sort keys that begin so.
    pub(crate) fn begins(mut self, prefix: impl Into<String>) -> Self {
        self.sk_prefix = Some(prefix.into());
        self
    }

    /// In an index; indexes are not strongly consistent.
    pub(crate) fn of_index(mut self, index: &'static str) -> Self {
        self.index = Some(index);
        self.consistent = false;
        self
    }

    /// Newest first, after a sort key if given: a page of a list.
    pub(crate) fn backwards_after(mut self, after: Option<String>) -> Self {
        self.backwards = true;
        self.after = after;
        self.consistent = false;
        self
    }

    fn key_names(&self) -> (&'static str, &'static str) {
        match self.index {
            Some(keys::LISTS) => (keys::LIST_PK, keys::LIST_SK),
            Some(keys::OPEN) => (keys::OPEN_PK, keys::OPEN_SK),
            Some(keys::UNDISPATCHED) => (keys::UNDISPATCHED_PK, keys::UNDISPATCHED_SK),
            Some(_) | None => (keys::PK, keys::SK),
        }
    }

    /// The key condition. A range that starts after a key is bounded by its prefix as well: `#sk < :after` alone would
    /// run on into the neighbouring ranges of the partition.
    fn condition(&self) -> (String, HashMap<String, AttributeValue>) {
        let mut values = HashMap::from([(":pk".to_owned(), text(self.pk.clone()))]);
        let condition = match (&self.sk_prefix, &self.after) {
            (None, None) => "#pk = :pk",
            (Some(prefix), None) => {
                values.insert(":prefix".to_owned(), text(prefix.clone()));
                "#pk = :pk AND begins_with(#sk, :prefix)"
            }
            (prefix, Some(after)) => {
                let prefix = prefix.clone().unwrap_or_default();
                // BETWEEN includes both ends; the caller's key is excluded by the smallest possible step.
                let (low, high) = if self.backwards {
                    (prefix, just_before(after))
                } else {
                    (format!("{after}\u{0}"), format!("{prefix}\u{10ffff}"))
                };
                values.insert(":low".to_owned(), text(if low.is_empty() { "\u{0}".to_owned() } else { low }));
                values.insert(":high".to_owned(), text(high));
                "#pk = :pk AND #sk BETWEEN :low AND :high"
            }
        };
        (condition.to_owned(), values)
    }
}

/// The greatest key below `key` among keys of ids and times (which are ASCII): its last character stepped down and
/// followed by the greatest character.
fn just_before(key: &str) -> String {
    let mut chars: Vec<char> = key.chars().collect();
    match chars.pop().and_then(|last| char::from_u32(u32::from(last).wrapping_sub(1))) {
        Some(previous) => {
            chars.push(previous);
            chars.push('\u{10ffff}');
            chars.into_iter().collect()
        }
        None => "\u{0}".to_owned(),
    }
}

impl Table {
    /// One item.
    pub(crate) async fn get(&self, key: &Key, consistent: bool) -> Result<Option<Attributes>, StoreError> {
        let call = self.client.get_item().table_name(&self.name).consistent_read(consistent);
        let answer = call.set_key(Some(key_attributes(key))).send().await.map_err(StoreError::table)?;
        Ok(answer.item)
    }

    /// A range, whole.
    pub(crate) async fn query(&self, range: &Range) -> Result<Vec<Attributes>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let answer = self.page(range, None, start).await?;
            items.extend(answer.0);
            start = answer.1;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// One page of a range, and where the next begins.
    pub(crate) async fn page(
        &self,
        range: &Range,
        limit: Option<i32>,
        start: Option<Attributes>,
    ) -> Result<(Vec<Attributes>, Option<Attributes>), StoreError> {
        let (condition, values) = range.condition();
        let (pk, sk) = range.key_names();
        let uses_sort_key = range.sk_prefix.is_some() || range.after.is_some();
        let answer = self
            .client
            .query()
            .table_name(&self.name)
            .set_index_name(range.index.map(str::to_owned))
            .key_condition_expression(condition)
            .expression_attribute_names("#pk", pk)
            .set_expression_attribute_values(Some(values))
            .consistent_read(range.consistent)
            .scan_index_forward(!range.backwards)
            .set_limit(limit)
            .set_exclusive_start_key(start);
        let answer = if uses_sort_key { answer.expression_attribute_names("#sk", sk) } else { answer };
        let answer = answer.send().await.map_err(StoreError::table)?;
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty());
        Ok((answer.items.unwrap_or_default(), next))
    }

    /// Up to `limit` items of a range that have not run out, and whether more follow.
    pub(crate) async fn alive_page(
        &self,
        range: &Range,
        limit: usize,
        now: repoplane_domain::time::Timestamp,
    ) -> Result<(Vec<Attributes>, bool), StoreError> {
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let wanted = i32::try_from(limit + 1 - items.len()).unwrap_or(i32::MAX);
            let (page, next) = self.page(range, Some(wanted), start).await?;
            items.extend(page.into_iter().filter(|item| crate::item::is_alive(item, now)));
            start = next;
            if items.len() > limit || start.is_none() {
                let more = items.len() > limit;
                items.truncate(limit);
                return Ok((items, more));
            }
        }
    }

    /// How many items a range has.
    pub(crate) async fn count(&self, range: &Range) -> Result<u64, StoreError> {
        let (condition, values) = range.condition();
        let (pk, sk) = range.key_names();
        let (mut count, mut start) = (0u64, None);
        loop {
            let call = self
                .client
                .query()
                .table_name(&self.name)
                .set_index_name(range.index.map(str::to_owned))
                .key_condition_expression(&condition)
                .expression_attribute_names("#pk", pk)
                .set_expression_attribute_values(Some(values.clone()))
                .select(Select::Count)
                .set_exclusive_start_key(start);
            let call = if range.sk_prefix.is_some() { call.expression_attribute_names("#sk", sk) } else { call };
            let answer = call.send().await.map_err(StoreError::table)?;
            count += u64::try_from(answer.count).unwrap_or_default();
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    /// Many items by key, in any order; absent ones are left out.
    pub(crate) async fn batch_get(&self, wanted: &[Key]) -> Result<Vec<Attributes>, StoreError> {
        let mut items = Vec::with_capacity(wanted.len());
        for chunk in wanted.chunks(BATCH) {
            let mut pending: Vec<Attributes> = chunk.iter().map(key_attributes).collect();
            while !pending.is_empty() {
                let keys = KeysAndAttributes::builder().set_keys(Some(pending)).build();
                let keys = keys.map_err(|error| StoreError::corrupt("batch", error))?;
                let call = self.client.batch_get_item().request_items(&self.name, keys);
                let answer = call.send().await.map_err(StoreError::table)?;
                items.extend(answer.responses.and_then(|mut all| all.remove(&self.name)).unwrap_or_default());
                pending =
                    answer.unprocessed_keys.and_then(|mut all| all.remove(&self.name)).map_or(Vec::new(), |k| k.keys);
            }
        }
        Ok(items)
    }

    /// The next number of a counter, from 1. A retried call may leave a gap.
    pub(crate) async fn next_number(&self, key: &Key) -> Result<u64, StoreError> {
        let call = self.client.update_item().table_name(&self.name).set_key(Some(key_attributes(key)));
        let call = call.update_expression("ADD #n :one").expression_attribute_names("#n", "n");
        let call = call.expression_attribute_values(":one", number(1)).return_values(ReturnValue::UpdatedNew);
        let answer = call.send().await.map_err(StoreError::table)?;
        let counted = answer.attributes.as_ref().and_then(|item| crate::item::number_of(item, "n"));
        counted.ok_or(StoreError::Unavailable { engine: "table", reason: "a counter answered no number".to_owned() })
    }

    /// Puts an item that nothing depends on.
    pub(crate) async fn put(&self, item: Attributes) -> Result<(), StoreError> {
        let call = self.client.put_item().table_name(&self.name).set_item(Some(item));
        call.send().await.map(drop).map_err(StoreError::table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_fits_between_a_key_and_the_one_before(key in "[0-9a-z:.#_TZ-]{1,30}", other in "[0-9a-z:.#_TZ-]{0,30}") {
            let before = just_before(&key);
            prop_assert!(before < key);
            prop_assert!(other.as_str() <= before.as_str() || other >= key);
        }
    }
}
