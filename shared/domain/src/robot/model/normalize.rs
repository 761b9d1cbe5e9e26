//! The normal form of a `modelProviderConfig`, whatever comes in.

use super::{
    ModelConfig, ModelCredential, ReasoningEffort, Routing, RoutingMode, RoutingPolicy, Sandbox, WorkspaceWrite,
};
use crate::credential::{MAX_API_BASE_URL_BYTES, MAX_PROFILE_ID_BYTES, MAX_REMARK_BYTES, http_base_url};
use crate::robot::{CredentialSource, ModelProvider};
use serde_json::Value;

/// Longest name of a model, in bytes.
const MAX_MODEL_BYTES: usize = 200;

impl ModelConfig {
    /// Normalises a config in its public form. Total: bad values become defaults, unknown keys vanish.
    ///
    /// `hasApiKey` is believed, so a client's body goes through [`super::ModelPatch`] first.
    pub fn normalize(provider: ModelProvider, raw: &Value) -> Self {
        let defaults = Self::defaults(provider);
        let credential_source =
            text(raw, "credentialSource", 20).and_then(CredentialSource::parse).unwrap_or(defaults.credential_source);
        let own = credential_source == CredentialSource::Robot;
        // Exactly the contract's spelling: no other text may widen what the agent can do.
        let exact = |key| text(raw, key, 20);
        let sandbox = exact("sandbox")
            .and_then(|name| Sandbox::parse(name).filter(|sandbox| sandbox.as_str() == name))
            .unwrap_or(defaults.sandbox);
        let effort = || {
            exact("model_reasoning_effort")
                .and_then(|name| ReasoningEffort::parse(name).filter(|effort| effort.as_str() == name))
                .unwrap_or_default()
        };
        let workspace = || WorkspaceWrite {
            network_access: sandbox == Sandbox::WorkspaceWrite
                && raw["sandbox_workspace_write"]["network_access"].as_bool().unwrap_or(false),
        };
        Self {
            credential_source,
            credential_profile: text(raw, "credentialProfileId", MAX_PROFILE_ID_BYTES)
                .filter(|_| !own)
                .map(str::to_owned),
            credential: own.then(|| credential(provider, &raw["credential"])),
            model: text(raw, "model", MAX_MODEL_BYTES).map_or(defaults.model, str::to_owned),
            sandbox,
            reasoning_effort: defaults.reasoning_effort.map(|_| effort()),
            workspace_write: defaults.workspace_write.map(|_| workspace()),
            routing: routing(provider, &raw["routingConfig"]),
        }
    }
}

fn credential(provider: ModelProvider, raw: &Value) -> ModelCredential {
    let address = text(raw, "apiBaseUrl", MAX_API_BASE_URL_BYTES);
    ModelCredential {
        has_api_key: raw["hasApiKey"].as_bool().unwrap_or(false),
        api_base_url: match provider {
            // Only trimmed, as the contract has it: Codex takes what its own configuration would.
            ModelProvider::Codex => address.map(str::to_owned),
            ModelProvider::ClaudeCode | ModelProvider::GeminiCli => address.and_then(http_base_url),
        },
        remark: text(raw, "remark", MAX_REMARK_BYTES).map(str::to_owned),
    }
}

fn routing(provider: ModelProvider, raw: &Value) -> Routing {
    let fallback_provider =
        text(raw, "fallbackProvider", 20).and_then(ModelProvider::parse).filter(|fallback| *fallback != provider);
    let policy = || text(raw, "failoverPolicy", 40).and_then(RoutingPolicy::parse);
    Routing {
        mode: text(raw, "mode", 40).and_then(RoutingMode::parse).unwrap_or_default(),
        fallback_provider,
        failover_policy: fallback_provider.and_then(|_| policy()).unwrap_or_default(),
    }
}

/// A text without outer blanks that is not empty, not over-long and has no control characters.
fn text<'v>(raw: &'v Value, key: &str, limit: usize) -> Option<&'v str> {
    let text = raw[key].as_str()?.trim();
    (!text.is_empty() && text.len() <= limit && !text.contains(char::is_control)).then_some(text)
}
