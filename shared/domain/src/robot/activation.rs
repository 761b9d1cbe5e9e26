//! The robot test: what it needs, and what its verdict does to the robot (contract: hookcode 2.15, 4.4).

use super::{MAX_ENABLED_ROBOTS, Permission, Robot, TokenAccount, git_token_ref, model_key_ref, robot_view};
use crate::credential::{CredentialStores, GitTokenRef, ModelKeyRef};
use crate::error::{Conflict, DomainError};
use crate::repository::{Provider, Repository};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// 400 while plain Git remotes cannot be tested.
pub const GIT_TEST_UNAVAILABLE: &str = "robot test is not available for provider git yet";
/// 400 when the robot's source has no token.
pub const TOKEN_REQUIRED: &str = "repo provider token is required for activation test (configure per-robot, account-level, or repo-scoped credentials)";
/// 400 when the repository cannot be named to its provider.
pub const IDENTITY_REQUIRED: &str = "repo identity is required for activation test (externalId or name)";

/// Longest message of a failed test, in bytes: it may be a provider's whole answer.
const MAX_MESSAGE_BYTES: usize = 1024;
/// Longest text of a token's account, in bytes.
const MAX_ACCOUNT_BYTES: usize = 256;

/// What to ask the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestPlan {
    /// GitHub or GitLab.
    pub provider: Provider,
    /// The token to ask with.
    pub token: GitTokenRef,
    /// `externalId`, else the name.
    pub identity: String,
    /// `apiBaseUrl`, when it is not the usual one.
    pub api_base_url: Option<String>,
    /// The model key to check besides; `None` when the robot's source has none.
    pub model_key: Option<ModelKeyRef>,
    version: u64,
}

/// What the model provider said of the robot's key. It is told apart from the Git token: the contract activates a robot
/// by that alone (contract: hookcode 4.4; quirk Q17).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelTest {
    /// Whether the provider takes the key.
    pub ok: bool,
    /// Why not; free of the key.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

impl ModelTest {
    /// The provider takes the key.
    pub fn passed() -> Self {
        Self { ok: true, message: None }
    }

    /// The provider does not take it, or does not answer.
    pub fn failed(message: String) -> Self {
        Self { ok: false, message: Some(cut(message, MAX_MESSAGE_BYTES)) }
    }
}

/// What the provider said.
#[derive(Debug, Clone, PartialEq)]
pub enum TestVerdict {
    /// The token works on this repository, for this account.
    Passed(TokenAccount),
    /// Any refusal or network error.
    Failed {
        /// What the provider said, verbatim; it must not hold the token.
        message: String,
    },
}

/// A concluded test. Both outcomes are recorded on the robot and answered 201/200.
#[derive(Debug, Clone, PartialEq)]
pub struct TestOutcome {
    /// Whether the robot is active now.
    pub ok: bool,
    /// Why not.
    pub message: Option<String>,
    /// The robot as it is now.
    pub robot: Robot,
}

impl TestOutcome {
    /// `{ok, message?, git, model?, robot}`: `ok` and `message` are those of the Git token, as the contract has them;
    /// `model` is there when the robot has a key.
    pub fn public_view(&self) -> Value {
        let mut git = json!({ "ok": self.ok });
        if let Some(message) = &self.message {
            git["message"] = json!(message);
        }
        let mut view = git.clone();
        view["git"] = git;
        if let Some(model) = &self.robot.model_test {
            view["model"] = json!(model);
        }
        view["robot"] = robot_view(&self.robot);
        view
    }
}

/// Checks everything that can be known before the provider is asked; on an error nothing is recorded.
///
/// # Errors
/// The texts of 2.15 and [`GIT_TEST_UNAVAILABLE`]; [`DomainError::TooLarge`] when no more robots can be enabled.
pub fn plan_test(
    robot: &Robot,
    repository: &Repository,
    robots: &[Robot],
    stores: &CredentialStores<'_>,
) -> Result<TestPlan, DomainError> {
    match repository.provider {
        Provider::Github | Provider::Gitlab => {}
        Provider::Git => return Err(DomainError::invalid("", GIT_TEST_UNAVAILABLE)),
    }
    let token = git_token_ref(robot, stores)?;
    let identity = repository.provider_identity().ok_or_else(|| DomainError::invalid("", IDENTITY_REQUIRED))?;
    check_room(robot, robots)?;
    Ok(TestPlan {
        provider: repository.provider,
        token,
        identity: identity.to_owned(),
        api_base_url: repository.api_base_url.clone(),
        model_key: model_key_ref(robot, stores),
        version: robot.version,
    })
}

impl TestPlan {
    /// Applies the verdict to the robot, freshly read: `robots` are all of its repository.
    ///
    /// # Errors
    /// A conflict when the robot changed meanwhile, so that a verdict on one token never activates another;
    /// [`DomainError::TooLarge`] when no more robots can be enabled or the robot has no room for the result.
    pub fn conclude(
        &self,
        robot: &Robot,
        robots: &[Robot],
        verdict: TestVerdict,
        model: Option<ModelTest>,
        now: Timestamp,
    ) -> Result<TestOutcome, DomainError> {
        if robot.version != self.version {
            let text = "the robot was changed while it was tested; test it again";
            return Err(DomainError::Conflict(Conflict::new("ROBOT_CHANGED", text).held_by(robot.id)));
        }
        let mut robot = robot.clone();
        robot.last_test_at = Some(now);
        robot.model_test = model;
        robot.updated_at = now;
        robot.version += 1;
        let message = match verdict {
            TestVerdict::Failed { message } => Some(message),
            TestVerdict::Passed(account) => match reader_refused(&robot, &account) {
                Some(message) => Some(message),
                None => {
                    check_room(&robot, robots)?;
                    robot.account = account.bounded();
                    None
                }
            },
        }
        .map(|message| cut(message, MAX_MESSAGE_BYTES));
        robot.enabled = message.is_none();
        robot.last_test_ok = Some(robot.enabled);
        robot.last_test_message = Some(message.clone().unwrap_or_else(|| "ok".to_owned()));
        if robot.enabled {
            robot.activated_at.get_or_insert(now);
        }
        if robot.check_size().is_err() {
            // What the provider adds for the curious is the first to go.
            robot.account.role_details = None;
        }
        robot.check_size()?;
        Ok(TestOutcome { ok: robot.enabled, message, robot })
    }
}

/// Our rule beside the contract's: a robot that is to write is not activated with a token that can only read.
fn reader_refused(robot: &Robot, account: &TokenAccount) -> Option<String> {
    let role = account.role.as_deref()?;
    (robot.permission() == Permission::Write && account.only_reads()).then(|| {
        format!(
            "the token can only read this repository (role {role}) but the robot's sandbox is workspace-write: \
             use a token with write access, or set the sandbox to read-only"
        )
    })
}

fn check_room(robot: &Robot, robots: &[Robot]) -> Result<(), DomainError> {
    let others = robots.iter().filter(|other| other.enabled && other.id != robot.id).count();
    if others >= MAX_ENABLED_ROBOTS {
        let text = format!("a repository has at most {MAX_ENABLED_ROBOTS} enabled robots; disable one first");
        return Err(DomainError::TooLarge(text));
    }
    Ok(())
}

impl TokenAccount {
    /// Whether the role is known to be one that cannot push. A role that the provider did not tell is none of them.
    pub fn only_reads(&self) -> bool {
        self.role.as_deref().is_some_and(|role| {
            ["read", "triage", "reporter", "guest"].iter().any(|reader| reader.eq_ignore_ascii_case(role.trim()))
        })
    }

    fn bounded(self) -> Self {
        let short = |text: Option<String>| text.map(|text| cut(text, MAX_ACCOUNT_BYTES));
        Self {
            user_id: short(self.user_id),
            username: short(self.username),
            display_name: short(self.display_name),
            email: short(self.email),
            role: short(self.role),
            role_details: self.role_details,
        }
    }
}

impl Robot {
    /// Back to *pending*: only a passing test enables again.
    pub(super) fn take_activation_back(&mut self) {
        self.enabled = false;
        self.activated_at = None;
        self.last_test_at = None;
        self.last_test_ok = None;
        self.last_test_message = None;
        self.model_test = None;
        self.account = TokenAccount::default();
    }
}

fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let mark = '…';
        text.truncate(text.floor_char_boundary(limit - mark.len_utf8()));
        text.push(mark);
    }
    text
}
