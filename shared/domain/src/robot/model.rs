//! `modelProviderConfig`: which model a robot runs and how (contract: hookcode 3.6).
//!
//! Bad values fall back to defaults silently and unknown keys vanish; that is the contract. The one exception is the
//! key itself: a key that cannot be used is refused, since dropping it would keep another one in force.

use super::{CredentialSource, ModelProvider, Permission, wire_names};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

mod normalize;
mod patch;

pub use patch::ModelPatch;

/// What the agent may do to the working copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum Sandbox {
    #[default]
    ReadOnly,
    WorkspaceWrite,
}
wire_names!(Sandbox { ReadOnly = "read-only", WorkspaceWrite = "workspace-write" });

/// How hard Codex thinks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum ReasoningEffort {
    Low,
    #[default]
    Medium,
    High,
    Xhigh,
}
wire_names!(ReasoningEffort { Low = "low", Medium = "medium", High = "high", Xhigh = "xhigh" });

/// How the agent for a run is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutingMode {
    /// Always the robot's own agent.
    #[default]
    Fixed,
    /// The fallback at once when the own agent is not available.
    AvailabilityFirst,
}
wire_names!(RoutingMode { Fixed = "fixed", AvailabilityFirst = "availability_first" });

/// What happens when a run fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoutingPolicy {
    /// Nothing.
    #[default]
    Disabled,
    /// One try with the fallback.
    FallbackProviderOnce,
}
wire_names!(RoutingPolicy { Disabled = "disabled", FallbackProviderOnce = "fallback_provider_once" });

/// Which agent runs when the robot's own cannot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Routing {
    /// How the agent is chosen.
    pub mode: RoutingMode,
    /// Never the robot's own provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_provider: Option<ModelProvider>,
    /// What happens when a run fails; `disabled` without a fallback.
    pub failover_policy: RoutingPolicy,
}

/// The robot's own model account; its key is in the vault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelCredential {
    /// Whether the key is in the vault.
    pub has_api_key: bool,
    /// Where the provider listens, when not at its usual address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_base_url: Option<String>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// What a writing sandbox may do beyond the working copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkspaceWrite {
    /// Whether the agent may use the network; only in a writing sandbox.
    pub network_access: bool,
}

/// Settings of the agent, normalised: the stored form has the wire's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelConfig {
    /// Where the key comes from.
    pub credential_source: CredentialSource,
    /// Profile for the sources `user`, `repo` and `global`.
    #[serde(rename = "credentialProfileId", skip_serializing_if = "Option::is_none")]
    pub credential_profile: Option<String>,
    /// Only for the source `robot`, and then always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<ModelCredential>,
    /// Any text that the provider knows.
    pub model: String,
    /// What the agent may do.
    pub sandbox: Sandbox,
    /// Codex only.
    // Absent is absent, not the default provider's effort.
    #[serde(rename = "model_reasoning_effort", skip_serializing_if = "Option::is_none", default)]
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Claude Code and Gemini CLI only.
    #[serde(rename = "sandbox_workspace_write", skip_serializing_if = "Option::is_none", default)]
    pub workspace_write: Option<WorkspaceWrite>,
    /// Which agent runs when the own one cannot.
    #[serde(rename = "routingConfig")]
    pub routing: Routing,
}

impl Default for ModelConfig {
    /// The defaults of the default provider.
    fn default() -> Self {
        Self::defaults(ModelProvider::default())
    }
}

impl ModelConfig {
    /// The contract's defaults of a provider.
    pub fn defaults(provider: ModelProvider) -> Self {
        let (model, reasoning_effort, workspace_write) = match provider {
            ModelProvider::Codex => ("gpt-5.1-codex-max", Some(ReasoningEffort::default()), None),
            ModelProvider::ClaudeCode => ("claude-sonnet-4-5-20250929", None, Some(WorkspaceWrite::default())),
            ModelProvider::GeminiCli => ("gemini-2.5-pro", None, Some(WorkspaceWrite::default())),
        };
        Self {
            credential_source: CredentialSource::default(),
            credential_profile: None,
            credential: None,
            model: model.to_owned(),
            sandbox: Sandbox::default(),
            reasoning_effort,
            workspace_write,
            routing: Routing::default(),
        }
    }

    /// `write` when the sandbox is.
    pub fn permission(&self) -> Permission {
        match self.sandbox {
            Sandbox::ReadOnly => Permission::Read,
            Sandbox::WorkspaceWrite => Permission::Write,
        }
    }

    /// Whether the robot's own key is in the vault.
    pub fn has_own_key(&self) -> bool {
        self.credential.as_ref().is_some_and(|credential| credential.has_api_key)
    }

    /// The public form; unset optional members are left out.
    pub fn public_view(&self) -> Value {
        let mut view = json!({
            "credentialSource": self.credential_source.as_str(),
            "model": self.model,
            "sandbox": self.sandbox.as_str(),
            "routingConfig": {
                "mode": self.routing.mode.as_str(),
                "failoverPolicy": self.routing.failover_policy.as_str(),
            },
        });
        if let Some(profile) = &self.credential_profile {
            view["credentialProfileId"] = json!(profile);
        }
        if let Some(credential) = &self.credential {
            view["credential"] = json!({ "hasApiKey": credential.has_api_key });
            if let Some(address) = &credential.api_base_url {
                view["credential"]["apiBaseUrl"] = json!(address);
            }
            if let Some(remark) = &credential.remark {
                view["credential"]["remark"] = json!(remark);
            }
        }
        if let Some(effort) = self.reasoning_effort {
            view["model_reasoning_effort"] = json!(effort.as_str());
        }
        if let Some(workspace) = self.workspace_write {
            view["sandbox_workspace_write"] = json!({ "network_access": workspace.network_access });
        }
        if let Some(fallback) = self.routing.fallback_provider {
            view["routingConfig"]["fallbackProvider"] = json!(fallback.as_str());
        }
        view
    }
}
