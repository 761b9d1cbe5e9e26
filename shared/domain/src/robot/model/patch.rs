//! A client's `modelProviderConfig`: merged into what is stored, with its key taken out at once.

use super::ModelConfig;
use crate::credential::MAX_SECRET_BYTES;
use crate::error::FieldErrors;
use crate::input::Field;
use crate::robot::ModelProvider;
use crate::secret::Secret;
use serde_json::{Map, Value};

/// Keys that are themselves objects, with the members that count. Everything else vanishes.
const GROUPS: [(&str, &[&str]); 3] = [
    ("credential", &["apiBaseUrl", "remark"]),
    ("sandbox_workspace_write", &["network_access"]),
    ("routingConfig", &["mode", "fallbackProvider", "failoverPolicy"]),
];
const PLAIN: [&str; 5] = ["credentialSource", "credentialProfileId", "model", "sandbox", "model_reasoning_effort"];
/// What is of no use to another provider.
const OF_ONE_PROVIDER: [&str; 2] = ["model", "model_reasoning_effort"];

/// What a body says of the model: settings and key apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPatch {
    settings: Map<String, Value>,
    /// The robot's own key: absent keeps, null (or anything that is no text) clears.
    key: Field<Secret>,
}

impl ModelPatch {
    /// Reads an object. Only a key that is too long or has control characters is an error.
    pub fn read(value: &Value, pointer: &str, errors: &mut FieldErrors) -> Self {
        let mut settings = Map::new();
        for key in PLAIN {
            copy(value, key, &mut settings);
        }
        for (group, members) in GROUPS {
            let Some(raw) = value.get(group) else { continue };
            let mut kept = Map::new();
            members.iter().for_each(|member| copy(raw, member, &mut kept));
            settings.insert(group.to_owned(), if raw.is_object() { Value::Object(kept) } else { Value::Null });
        }
        let credential = value.get("credential");
        let key = match credential.and_then(|credential| credential.get("apiKey")) {
            None if credential.is_none_or(Value::is_object) => Field::Absent,
            None => Field::Null,
            Some(raw) => match raw.as_str().map(str::trim).filter(|key| !key.is_empty()) {
                None => Field::Null,
                Some(key) if key.len() > MAX_SECRET_BYTES || key.contains(char::is_control) => {
                    let text = format!("must be at most {MAX_SECRET_BYTES} bytes without control characters");
                    errors.push(format!("{pointer}/credential/apiKey"), text);
                    Field::Invalid
                }
                Some(key) => Field::Value(Secret::new(key)),
            },
        };
        Self { settings, key }
    }

    /// Whether the body says which credential to use, rather than leaving it as it is.
    pub(crate) fn chooses_credential(&self) -> bool {
        ["credentialSource", "credentialProfileId"].into_iter().any(|key| self.settings.contains_key(key))
    }

    /// The config that results, and what happens to the robot's own key.
    ///
    /// Members that are absent keep what is stored, as far as it is of use: the model's name, its effort and the own
    /// key belong to one provider, so another provider starts without them.
    pub fn merge(
        &self,
        provider: ModelProvider,
        stored: Option<(ModelProvider, &ModelConfig)>,
    ) -> (ModelConfig, Field<Secret>) {
        let mut merged = stored.map_or_else(|| Value::Object(Map::new()), |(_, config)| config.public_view());
        let same_provider = stored.is_some_and(|(before, _)| before == provider);
        let had_key = same_provider && stored.is_some_and(|(_, config)| config.has_own_key());
        if !same_provider {
            OF_ONE_PROVIDER.iter().for_each(|key| merged[*key] = Value::Null);
        }
        for (key, value) in &self.settings {
            match (merged.get_mut(key), value) {
                (Some(Value::Object(before)), Value::Object(members)) => before.extend(members.clone()),
                _ => merged[key] = value.clone(),
            }
        }
        let mut config = ModelConfig::normalize(provider, &merged);
        let Some(credential) = &mut config.credential else { return (config, Field::Null) };
        credential.has_api_key = match &self.key {
            Field::Value(_) => true,
            Field::Absent => had_key,
            Field::Null | Field::Invalid => false,
        };
        let key = match &self.key {
            // What is left of another provider's key must not be taken for this one's.
            Field::Absent if !had_key => Field::Null,
            Field::Absent | Field::Null | Field::Value(_) | Field::Invalid => self.key.clone(),
        };
        (config, key)
    }
}

fn copy(from: &Value, key: &str, to: &mut Map<String, Value>) {
    if let Some(value) = from.get(key) {
        to.insert(key.to_owned(), value.clone());
    }
}
