//! Robots: the AI coding agents of a repository, how they reach git and which model they run.

use crate::error::DomainError;
use crate::id::{RepositoryId, RobotId, UserId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

mod activation;
mod command;
mod credential;
mod input;
mod model;
mod removal;
mod view;

pub use activation::{
    GIT_TEST_UNAVAILABLE, IDENTITY_REQUIRED, ModelTest, TOKEN_REQUIRED, TestOutcome, TestPlan, TestVerdict, plan_test,
};
pub use command::{CreateRobot, PatchRobot, RobotChange, RobotContext, siblings_losing_default};
pub use credential::{AccountsNeeded, git_token_ref, model_key_ref};
pub use input::read_time_window;
pub use model::{
    ModelConfig, ModelCredential, ModelPatch, ReasoningEffort, Routing, RoutingMode, RoutingPolicy, Sandbox,
    WorkspaceWrite,
};
pub use removal::remove_robot;
pub use view::{list_view, robot_view};

/// Robots of a repository, enabled or not.
pub const MAX_ROBOTS: usize = 200;
/// Enabled robots of a repository: each webhook reads them all.
pub const MAX_ENABLED_ROBOTS: usize = 40;
/// A robot as stored, in bytes.
pub const MAX_ROBOT_BYTES: usize = 8 * 1024;

/// Whether a robot may write to the working copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Permission {
    Read,
    Write,
}

/// Gives an enum of ours its wire names, in one table for both directions.
macro_rules! wire_names {
    ($name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        impl $name {
            /// All of them.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$variant),*];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// Reads the wire name, ignoring case and outer blanks.
            pub fn parse(text: &str) -> Option<Self> {
                let text = text.trim();
                Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use wire_names;

/// Where a robot's git token or model key comes from. There is no fall-through between sources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CredentialSource {
    /// The robot's own value.
    Robot,
    /// A profile of the calling user's account.
    #[default]
    User,
    /// A profile of the repository.
    Repo,
    /// A profile of the tenant.
    Global,
}
wire_names!(CredentialSource { Robot = "robot", User = "user", Repo = "repo", Global = "global" });

/// The agent that runs the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "product names")]
pub enum ModelProvider {
    #[default]
    Codex,
    ClaudeCode,
    GeminiCli,
}
wire_names!(ModelProvider { Codex = "codex", ClaudeCode = "claude_code", GeminiCli = "gemini_cli" });

/// How a robot delivers its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum WorkflowMode {
    Auto,
    Direct,
    Fork,
}
wire_names!(WorkflowMode { Auto = "auto", Direct = "direct", Fork = "fork" });

/// Legacy role of a robot's default branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum DefaultBranchRole {
    Main,
    Dev,
    Test,
}
wire_names!(DefaultBranchRole { Main = "main", Dev = "dev", Test = "test" });

/// What happens when installing dependencies fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum FailureMode {
    Soft,
    Hard,
}
wire_names!(FailureMode { Soft = "soft", Hard = "hard" });

/// How a robot treats the dependencies of the working copy; unset members follow the worker's settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DependencyConfig {
    /// Whether dependencies are installed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub enabled: Option<bool>,
    /// What a failure means.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure_mode: Option<FailureMode>,
    /// Whether the repository may bring its own install commands.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub allow_custom_install: Option<bool>,
}

/// Hours of the day, start included, end excluded; across midnight when start is after end; equal means always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeWindow {
    /// 0–23.
    pub start_hour: u8,
    /// 0–23.
    pub end_hour: u8,
}

/// What the last passing test learned of the account behind the git token (contract: hookcode 4.4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TokenAccount {
    /// Account id at the provider, as text.
    #[serde(rename = "repoTokenUserId", skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Login.
    #[serde(rename = "repoTokenUsername", skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Display name.
    #[serde(rename = "repoTokenUserName", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// E-mail for commits.
    #[serde(rename = "repoTokenUserEmail", skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Role on the repository, in the provider's words.
    #[serde(rename = "repoTokenRepoRole", skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What the provider said, in short.
    #[serde(rename = "repoTokenRepoRoleDetails", skip_serializing_if = "Option::is_none")]
    pub role_details: Option<serde_json::Value>,
}

/// A robot as stored. Its own token and key are in the vault; only their presence is known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Robot {
    /// Its id.
    pub id: RobotId,
    /// The repository it belongs to.
    pub repository: RepositoryId,
    /// Name without a leading `@`; not unique.
    pub name: String,
    /// Where the git token comes from.
    pub credential_source: CredentialSource,
    /// Profile for the sources `user`, `repo` and `global`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential_profile: Option<String>,
    /// Remark on the robot's own token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential_remark: Option<String>,
    /// Whose account the source `user` means: who chose it last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub credential_user: Option<UserId>,
    /// Whether the robot's own git token is in the vault.
    #[serde(default)]
    pub has_token: bool,
    /// Git user name for clones.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clone_username: Option<String>,
    /// Prompt template with `{{var}}`.
    pub prompt_default: String,
    /// Language of answers, BCP 47 advised.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub language: Option<String>,
    /// The agent.
    pub model_provider: ModelProvider,
    /// The agent's settings, normalised; the key itself is in the vault.
    #[serde(default)]
    pub model: ModelConfig,
    /// Whose account the model's source `user` means: who chose it last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model_user: Option<UserId>,
    /// Dependency installation settings.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dependency: Option<DependencyConfig>,
    /// Branch to check out when the event names none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub default_branch: Option<String>,
    /// Legacy role of that branch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub default_branch_role: Option<DefaultBranchRole>,
    /// How it delivers its work.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workflow_mode: Option<WorkflowMode>,
    /// When the robot works, unless the rule says otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time_window: Option<TimeWindow>,
    /// What the last passing test learned.
    #[serde(default)]
    pub account: TokenAccount,
    /// First passing test.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub activated_at: Option<Timestamp>,
    /// Last test.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_test_at: Option<Timestamp>,
    /// Its outcome.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_test_ok: Option<bool>,
    /// Its message.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_test_message: Option<String>,
    /// What the last test learned of the model key; absent when there was none, and after the model's settings changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model_test: Option<ModelTest>,
    /// Only a passing test enables.
    pub enabled: bool,
    /// At most one of each permission in a repository.
    pub is_default: bool,
    /// Creation time.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: u64,
}

impl Robot {
    /// Derived from the model's sandbox, never sent by clients.
    pub fn permission(&self) -> Permission {
        self.model.permission()
    }

    /// Refuses a robot that would make reading its repository slow.
    ///
    /// # Errors
    /// [`DomainError::TooLarge`] over [`MAX_ROBOT_BYTES`].
    fn check_size(&self) -> Result<(), DomainError> {
        let bytes = serde_json::to_vec(self).map_or(usize::MAX, |bytes| bytes.len());
        if bytes > MAX_ROBOT_BYTES {
            let limit = MAX_ROBOT_BYTES / 1024;
            return Err(DomainError::TooLarge(format!("a robot must be at most {limit} KB; shorten its prompt")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
