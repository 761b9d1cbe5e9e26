//! Items: what surrounds a stored value (keys, schema version, write id) and how it is read back.

use crate::error::StoreError;
use crate::keys::{self, Key};
use aws_sdk_dynamodb::types::AttributeValue;
use repoplane_domain::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// The version of every stored shape; readers of a later one migrate on read.
pub(crate) const SCHEMA: u32 = 1;
pub(crate) const SCHEMA_VERSION: &str = "schema";
/// The value itself.
pub(crate) const DATA: &str = "data";
/// Optimistic lock, copied out of the value so that conditions can name it.
pub(crate) const VERSION: &str = "version";
/// Which write made this item.
pub(crate) const WRITE_ID: &str = "write_id";

/// The attributes of one item.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// An item being built.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item(Attributes);

impl Item {
    /// An item with a value.
    pub(crate) fn new(key: &Key, value: &impl Serialize) -> Result<Self, StoreError> {
        Ok(Self::empty(key).with(DATA, encode(value)?))
    }

    /// An item that is only there.
    pub(crate) fn empty(key: &Key) -> Self {
        let mut attributes = key_attributes(key);
        attributes.insert(SCHEMA_VERSION.to_owned(), number(SCHEMA));
        Self(attributes)
    }

    pub(crate) fn versioned(self, version: u64) -> Self {
        self.with(VERSION, number(version))
    }

    pub(crate) fn expiring(self, at: Timestamp) -> Self {
        self.with(keys::EXPIRES_AT, number(at.as_second()))
    }

    pub(crate) fn listed(self, pk: String, sk: String) -> Self {
        self.with(keys::LIST_PK, text(pk)).with(keys::LIST_SK, text(sk))
    }

    pub(crate) fn open(self, pk: String, sk: String) -> Self {
        self.with(keys::OPEN_PK, text(pk)).with(keys::OPEN_SK, text(sk))
    }

    pub(crate) fn undispatched(self, pk: String, sk: String) -> Self {
        self.with(keys::UNDISPATCHED_PK, text(pk)).with(keys::UNDISPATCHED_SK, text(sk))
    }

    pub(crate) fn due(self, pk: String, sk: String, every: Option<u16>) -> Self {
        let due = self.with(keys::DUE_PK, text(pk)).with(keys::DUE_SK, text(sk));
        match every {
            Some(minutes) => due.with(keys::SYNC_EVERY, number(minutes)),
            None => due,
        }
    }

    pub(crate) fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// Where it is.
    pub(crate) fn key(&self) -> Key {
        let text = |name| text_of(&self.0, name).unwrap_or_default().to_owned();
        Key { pk: text(keys::PK), sk: text(keys::SK) }
    }

    pub(crate) fn into_attributes(self) -> Attributes {
        self.0
    }
}

/// The attributes of a key.
pub(crate) fn key_attributes(key: &Key) -> Attributes {
    HashMap::from([(keys::PK.to_owned(), text(key.pk.clone())), (keys::SK.to_owned(), text(key.sk.clone()))])
}

/// A text attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A value as an attribute.
pub(crate) fn encode(value: &impl Serialize) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(|error| StoreError::corrupt("value", error))
}

/// Reads an item's value.
pub(crate) fn value<T: DeserializeOwned>(what: &'static str, item: &Attributes) -> Result<T, StoreError> {
    decode(what, item.get(DATA).cloned())
}

/// Reads the value of an item of which nothing else is needed, without a copy: for what is read in numbers.
pub(crate) fn into_value<T: DeserializeOwned>(what: &'static str, mut item: Attributes) -> Result<T, StoreError> {
    decode(what, item.remove(DATA))
}

fn decode<T: DeserializeOwned>(what: &'static str, data: Option<AttributeValue>) -> Result<T, StoreError> {
    let data = data.unwrap_or(AttributeValue::Null(true));
    serde_dynamo::from_attribute_value(data).map_err(|error| StoreError::corrupt(what, error))
}

/// A text attribute of an item.
pub(crate) fn text_of<'a>(item: &'a Attributes, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A number attribute of an item.
pub(crate) fn number_of<N: std::str::FromStr>(item: &Attributes, name: &str) -> Option<N> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Whether the item still exists: TTL sweeps lazily, so every read asks.
pub(crate) fn is_alive(item: &Attributes, now: Timestamp) -> bool {
    number_of::<i64>(item, keys::EXPIRES_AT).is_none_or(|at| at > now.as_second())
}
