//! Stored items as plain JSON, found by key.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// One item.
pub(super) struct Found {
    pub(super) pk: String,
    pub(super) sk: String,
    /// All attributes, plain.
    pub(super) item: Value,
    /// The stored value.
    pub(super) data: Value,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pk, self.sk)
    }
}

/// Beginnings of partition keys and the kinds behind them; a repository's own partition is told apart by sort key.
const PARTITIONS: [(&str, &str); 34] = [
    ("DELIVERIES#", "SUMMARY"),
    ("LOCATOR#", "LOCATOR"),
    ("TWIN#", "TWIN"),
    ("UNIQUE#", "UNIQUE"),
    ("MEMBERSHIPS#", "MEMBERSHIP"),
    ("ROSTER#", "ROSTER"),
    ("NUMBER#", "NUMBER"),
    ("NAMESPACE#", "NAMESPACE"),
    ("PRODUCTS#", "PRODUCT"),
    ("PRODUCT#", "OF_PRODUCT"),
    ("PLATFORMS#", "PLATFORM"),
    ("GROUPS#", "USERGROUP"),
    ("PROJECT#", "PROJECT"),
    ("PACKAGESASKED#", "PACKAGESASKED"),
    ("REMOTE#", "REMOTE"),
    ("ENDED#", "ENDED"),
    ("IDEMPOTENCY#", "IDEMPOTENCY"),
    ("COUNTER#", "COUNTER"),
    ("TOKEN#", "TOKEN"),
    ("TENANT#", "TENANT"),
    ("TENANTS", "TENANT"),
    ("SYSTEM", "SYSTEM"),
    ("AUDIT#", "AUDIT"),
    ("OUTBOX#", "OUTBOX"),
    ("HOOK#", "HOOK"),
    ("VAULTUSE#", "VAULTUSE"),
    ("VAULT#", "VAULT"),
    ("HOSTDEFAULT#", "HOSTDEFAULT"),
    ("ISSUER#", "ISSUER"),
    ("EMAIL#", "EMAIL"),
    ("EXCHANGED#", "EXCHANGED"),
    ("EVENT#", "EVENT"),
    ("INTENT#", "INTENT"),
    ("TRUSTED#", "TRUSTED"),
];
const PARTS: [(&str, &str); 16] = [
    ("A#TOMBSTONE", "TOMBSTONE"),
    ("ATTACHMENT#", "ATTACHMENT"),
    ("ATTACHED", "ATTACHED"),
    ("D#1RECORD", "RECORD"),
    ("D#2STATE", "STATE"),
    ("D#5CREDENTIALS", "CREDENTIALS"),
    ("D#", "PART"),
    ("TASK#", "TASK"),
    ("GROUP#", "GROUP"),
    ("SCHEDULED#", "SCHEDULED"),
    ("DETAIL", "DETAIL"),
    ("BODY#", "BODY"),
    ("SKILL#", "SKILL"),
    ("PROJECT#", "LINK"),
    ("SKILLNAME#", "SKILLNAME"),
    ("PACKAGES#", "PACKAGES"),
];

impl Found {
    /// What kind of item it is; empty for none that is known.
    pub(super) fn kind(&self) -> &'static str {
        let by = |names: &[(&str, &'static str)], key: &str| {
            names.iter().find(|(begin, _)| key.starts_with(begin)).map(|(_, kind)| *kind)
        };
        let own = self.pk.starts_with("REPO#") || self.pk.starts_with("DELIVERY#");
        let kind = if own { by(&PARTS, &self.sk) } else { by(&PARTITIONS, &self.pk) };
        kind.unwrap_or_default()
    }

    /// A text attribute.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.item[name].as_str()
    }

    /// A number attribute.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.item[name].as_i64()
    }

    /// A text of the stored value; empty when it is missing.
    pub(super) fn data_text(&self, name: &str) -> String {
        self.data[name].as_str().unwrap_or_default().to_owned()
    }
}

/// All items by key.
pub(super) struct Index(BTreeMap<String, BTreeMap<String, Found>>);

impl Index {
    pub(super) fn read(items: &[Value]) -> Self {
        let mut partitions: BTreeMap<String, BTreeMap<String, Found>> = BTreeMap::new();
        for item in items {
            let attributes = item.as_object().into_iter().flatten();
            let item: Map<String, Value> = attributes.map(|(name, value)| (name.clone(), plain(value))).collect();
            let item = Value::Object(item);
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            let (pk, sk, data) = (text("pk"), text("sk"), item["data"].clone());
            let found = Found { pk: pk.clone(), sk: sk.clone(), data, item };
            partitions.entry(pk).or_default().insert(sk, found);
        }
        Self(partitions)
    }

    pub(super) fn get(&self, pk: &str, sk: &str) -> Option<&Found> {
        self.0.get(pk)?.get(sk)
    }

    pub(super) fn partition(&self, pk: &str) -> impl Iterator<Item = &Found> {
        self.0.get(pk).into_iter().flat_map(BTreeMap::values)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Found> {
        self.0.values().flat_map(BTreeMap::values)
    }

    pub(super) fn unknown(&self) -> impl Iterator<Item = &Found> {
        self.all().filter(|found| found.kind().is_empty())
    }

    /// How many names and identities a repository holds.
    pub(super) fn claims_of(&self, holder: &str) -> BTreeMap<&str, usize> {
        let mut held = BTreeMap::new();
        for claim in self.all().filter(|found| found.kind() == "UNIQUE" && found.data.as_str() == Some(holder)) {
            let kind = claim.pk.split('#').nth(2).unwrap_or_default();
            *held.entry(kind).or_default() += 1;
        }
        held
    }
}

/// An attribute of the wire (DynamoDB: AttributeValue) as plain JSON. Bytes stay what they are, base64.
pub(crate) fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else { return Value::Null };
    match (kind.as_str(), inner) {
        ("M", Value::Object(map)) => map.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        ("L", Value::Array(list)) => list.iter().map(plain).collect(),
        ("N", Value::String(number)) => serde_json::from_str(number).unwrap_or(Value::Null),
        ("NULL", _) => Value::Null,
        (_, inner) => inner.clone(),
    }
}

/// The texts of a list.
pub(super) fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
}
