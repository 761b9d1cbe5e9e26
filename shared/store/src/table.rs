//! The table: the few ways in which it is read, and the one in which it is written.

use crate::error::StoreError;
use crate::item::{Attributes, key_attributes, number, text};
use crate::keys::{self, Key};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValue};
use std::collections::HashMap;

/// Items per BatchGetItem call (DynamoDB: BatchGetItem).
const BATCH: usize = 100;
/// Items that a filtered list looks at in one call (design: storage).
pub(crate) const MAX_EXAMINED: usize = 1_000;
/// Items per page of a filtered list after its first.
const FILTERED_PAGE: usize = 250;

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
    /// Not below this sort key.
    pub(crate) from: Option<String>,
    /// Below this sort key.
    pub(crate) until: Option<String>,
    pub(crate) backwards: bool,
    pub(crate) consistent: bool,
}

impl Range {
    /// A whole partition of the table, strongly consistent, oldest first.
    pub(crate) fn partition(pk: String) -> Self {
        let (sk_prefix, after, from, until) = (None, None, None, None);
        Self { index: None, pk, sk_prefix, after, from, until, backwards: false, consistent: true }
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
    pub(crate) fn backwards_after(self, after: Option<String>) -> Self {
        Self { backwards: true, after, consistent: false, ..self }
    }

    /// Oldest first, after a sort key if given: a page of a list the other way round.
    pub(crate) fn forwards_after(self, after: Option<String>) -> Self {
        Self { backwards: false, after, consistent: false, ..self }
    }

    /// Only sort keys from one (inclusive) to another (exclusive).
    pub(crate) fn between(self, from: Option<String>, until: Option<String>) -> Self {
        Self { from, until, ..self }
    }

    fn key_names(&self) -> (&'static str, &'static str) {
        match self.index {
            Some(keys::LISTS) => (keys::LIST_PK, keys::LIST_SK),
            Some(keys::OPEN) => (keys::OPEN_PK, keys::OPEN_SK),
            Some(keys::DUE) => (keys::DUE_PK, keys::DUE_SK),
            Some(keys::UNDISPATCHED) => (keys::UNDISPATCHED_PK, keys::UNDISPATCHED_SK),
            Some(_) | None => (keys::PK, keys::SK),
        }
    }

    /// The lowest and the highest sort key; `None` when nothing bounds the range but its prefix. A range that starts after
    /// a key is bounded by its prefix as well: `#sk < :after` alone would run on into the neighbouring ranges.
    fn bounds(&self) -> Option<(String, String)> {
        if self.after.is_none() && self.from.is_none() && self.until.is_none() {
            return None;
        }
        let prefix = self.sk_prefix.clone().unwrap_or_default();
        let (mut low, mut high) = (prefix.clone(), format!("{prefix}\u{10ffff}"));
        low = low.max(self.from.clone().unwrap_or_default());
        if let Some(until) = &self.until {
            high = high.min(just_before(until));
        }
        match &self.after {
            Some(after) if self.backwards => high = high.min(just_before(after)),
            Some(after) => low = low.max(format!("{after}\u{0}")),
            None => {}
        }
        Some((if low.is_empty() { "\u{0}".to_owned() } else { low }, high))
    }

    /// Whether no key can lie in the range: the engine would refuse such a condition.
    fn is_empty(&self) -> bool {
        self.bounds().is_some_and(|(low, high)| low > high)
    }

    /// The key condition. BETWEEN includes both ends, so keys to be left out are left out by the smallest possible step.
    fn condition(&self) -> (&'static str, HashMap<String, AttributeValue>) {
        let mut values = HashMap::from([(":pk".to_owned(), text(self.pk.clone()))]);
        let condition = match (self.bounds(), &self.sk_prefix) {
            (Some((low, high)), _) => {
                values.insert(":low".to_owned(), text(low));
                values.insert(":high".to_owned(), text(high));
                "#pk = :pk AND #sk BETWEEN :low AND :high"
            }
            (None, Some(prefix)) => {
                values.insert(":prefix".to_owned(), text(prefix.clone()));
                "#pk = :pk AND begins_with(#sk, :prefix)"
            }
            (None, None) => "#pk = :pk",
        };
        (condition, values)
    }
}

/// What a walk along a range found.
#[derive(Debug)]
pub(crate) struct Found<T> {
    /// What was wanted, each with its sort key, in the direction of reading.
    pub(crate) rows: Vec<(String, T)>,
    /// The sort key after which more may follow.
    pub(crate) next: Option<String>,
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
        if range.is_empty() {
            return Ok((Vec::new(), None));
        }
        let (condition, values) = range.condition();
        let (pk, sk) = range.key_names();
        let uses_sort_key = condition.contains("#sk");
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

    /// Up to `limit` items of a range that have not run out and that `keep` wants. Looks at `budget` items at most: a
    /// filter that wants little must not read a whole registry in one call.
    pub(crate) async fn walk<T>(
        &self,
        range: &Range,
        (limit, budget): (usize, usize),
        now: repoplane_domain::time::Timestamp,
        mut keep: impl FnMut(Attributes) -> Result<Option<T>, StoreError>,
    ) -> Result<Found<T>, StoreError> {
        let sort_key = range.key_names().1;
        let (mut rows, mut start, mut examined): (Vec<(String, T)>, _, usize) = (Vec::new(), None, 0);
        loop {
            // Without a filter the first page holds all; with one, pages grow with what is left to look at.
            let left = budget.saturating_sub(examined).max(1);
            let wanted = if examined == 0 { limit + 1 } else { left.min(FILTERED_PAGE) };
            let (page, next) = self.page(range, Some(i32::try_from(wanted).unwrap_or(i32::MAX)), start).await?;
            let length = page.len();
            for (index, item) in page.into_iter().enumerate() {
                examined += 1;
                let at = crate::item::text_of(&item, sort_key).unwrap_or_default().to_owned();
                if crate::item::is_alive(&item, now)
                    && let Some(row) = keep(item)?
                {
                    if rows.len() == limit {
                        let next = rows.last().map(|(at, _)| at.clone());
                        return Ok(Found { rows, next });
                    }
                    rows.push((at.clone(), row));
                }
                if examined >= budget {
                    let more = next.is_some() || index + 1 < length;
                    return Ok(Found { rows, next: more.then_some(at) });
                }
            }
            start = next;
            if start.is_none() {
                return Ok(Found { rows, next: None });
            }
        }
    }

    /// Many items by key, in any order; absent ones are left out.
    pub(crate) async fn batch_get(&self, wanted: &[Key], consistent: bool) -> Result<Vec<Attributes>, StoreError> {
        let mut items = Vec::with_capacity(wanted.len());
        for chunk in wanted.chunks(BATCH) {
            let mut pending: Vec<Attributes> = chunk.iter().map(key_attributes).collect();
            while !pending.is_empty() {
                let keys = KeysAndAttributes::builder().set_keys(Some(pending)).consistent_read(consistent).build();
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
        self.next_numbers(key, 1).await
    }

    /// The last of the next `count` numbers of a counter, from 1. A retried call may leave a gap.
    pub(crate) async fn next_numbers(&self, key: &Key, count: usize) -> Result<u64, StoreError> {
        let call = self.client.update_item().table_name(&self.name).set_key(Some(key_attributes(key)));
        let call = call.update_expression("ADD #n :count").expression_attribute_names("#n", "n");
        let call = call.expression_attribute_values(":count", number(count)).return_values(ReturnValue::UpdatedNew);
        let answer = call.send().await.map_err(StoreError::table)?;
        let counted = answer.attributes.as_ref().and_then(|item| crate::item::number_of(item, "n"));
        counted.ok_or(StoreError::Unavailable { engine: "table", reason: "a counter answered no number".to_owned() })
    }

    /// Updates one item while a condition holds; `false` when it does not.
    pub(crate) async fn update_if(
        &self,
        key: &Key,
        expression: &str,
        condition: &str,
        values: HashMap<String, AttributeValue>,
    ) -> Result<bool, StoreError> {
        let call = self.client.update_item().table_name(&self.name).set_key(Some(key_attributes(key)));
        let call = call.update_expression(expression).condition_expression(condition);
        match Box::pin(call.set_expression_attribute_values(Some(values)).send()).await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(StoreError::table(error)),
        }
    }

    /// Deletes an item while a condition holds; `false` when it does not.
    pub(crate) async fn delete_if(
        &self,
        key: &Key,
        condition: &str,
        values: HashMap<String, AttributeValue>,
    ) -> Result<bool, StoreError> {
        let call = self.client.delete_item().table_name(&self.name).set_key(Some(key_attributes(key)));
        let call = call.condition_expression(condition).set_expression_attribute_values(Some(values));
        match Box::pin(call.send()).await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(StoreError::table(error)),
        }
    }

    /// Deletes an item, there or not.
    pub(crate) async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let call = self.client.delete_item().table_name(&self.name).set_key(Some(key_attributes(key)));
        Box::pin(call.send()).await.map(drop).map_err(StoreError::table)
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
