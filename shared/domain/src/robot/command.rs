//! Creating and patching robots (contract: hookcode 2.13, 2.14).

use super::credential::{
    AccountsNeeded, Chooser, GitChoice, Refusal, check_model, choose_git, is_unreadable, rechoose_git,
};
use super::input::{RobotInput, Verb};
use super::{CredentialSource, MAX_ROBOTS, ModelConfig, ModelPatch, ModelProvider, Permission, Robot, TokenAccount};
use crate::credential::{CredentialStores, SecretEdit, SecretName};
use crate::error::{DomainError, FieldErrors};
use crate::id::{IdSource, RepositoryId, RobotId, UserId};
use crate::input::Field;
use crate::secret::Secret;
use crate::time::Timestamp;
use serde_json::Value;

/// What a command on a robot needs to know of its repository, from one read.
#[derive(Debug, Clone, Copy)]
pub struct RobotContext<'a> {
    /// The repository.
    pub repository: RepositoryId,
    /// All its robots.
    pub robots: &'a [Robot],
    /// Where profiles are looked up.
    pub stores: CredentialStores<'a>,
    /// Whose account the source `user` means.
    pub caller: UserId,
}

/// What a create or patch comes to. All of it is one write.
#[derive(Debug, Clone, PartialEq)]
pub struct RobotChange {
    /// The robot as it is now.
    pub robot: Robot,
    /// Robots that are no longer the default.
    pub losing_default: Vec<RobotId>,
    /// Changes to the repository's secret document.
    pub secrets: Vec<SecretEdit>,
}

/// A body of `POST /api/repos/:id/robots`, read. It can be applied again to a fresh context after a lost race.
#[derive(Debug, Clone)]
pub struct CreateRobot(RobotInput);

/// A body of `PATCH /api/repos/:id/robots/:robotId`, read. It can be applied again to a fresh context after a lost race.
#[derive(Debug, Clone)]
pub struct PatchRobot(RobotInput);

impl<'a> RobotContext<'a> {
    /// What a git credential is checked against, for a robot with this model.
    fn chooser(&self, model: Option<&ModelConfig>) -> Chooser<'a> {
        let permission = model.map_or(Permission::Read, ModelConfig::permission);
        Chooser { stores: self.stores, caller: self.caller, permission }
    }
}

impl RobotInput {
    fn new_provider(&self) -> Option<ModelProvider> {
        match self.model_provider {
            Field::Value(provider) => Some(provider),
            Field::Absent | Field::Null => Some(ModelProvider::default()),
            Field::Invalid => None,
        }
    }

    fn asks_git(&self) -> bool {
        let git = &self.git;
        git.source.as_value().is_some() || git.profile.is_present() || git.token.is_present() || git.remark.is_present()
    }

    /// Whose account the model's source `user` means: the caller's when the body chooses, else still that of who chose
    /// before.
    fn model_user(&self, stored: &Robot, caller: UserId) -> Option<UserId> {
        let chooses = self.model.as_value().is_some_and(ModelPatch::chooses_credential);
        if chooses { Some(caller) } else { stored.model_user }
    }
}

impl CreateRobot {
    /// The stores that [`Self::apply`] wants to look into.
    pub fn accounts(&self, caller: UserId) -> AccountsNeeded {
        let mut needed = AccountsNeeded::default();
        if let Some(source) = self.0.git.source.as_value() {
            needed.add(*source, Some(caller));
        }
        if let Some((config, _)) = self.0.new_provider().and_then(|provider| model(&self.0, provider, None)) {
            needed.add(config.credential_source, Some(caller));
        }
        needed
    }

    /// Reads a body. What is wrong with it is said by [`Self::apply`], together with what only the context can tell.
    pub fn read(body: &Value) -> Self {
        Self(RobotInput::read(body, Verb::Create))
    }

    /// The new robot: disabled and not activated.
    ///
    /// # Errors
    /// Every wrong field, fields first, then the git credential, then the model's; too many or too large robots.
    pub fn apply(
        &self,
        context: &RobotContext<'_>,
        now: Timestamp,
        ids: &dyn IdSource,
    ) -> Result<RobotChange, DomainError> {
        let input = &self.0;
        let mut errors = input.errors.clone();
        let provider = input.new_provider();
        let model = provider.and_then(|provider| model(input, provider, None));
        let chooser = context.chooser(model.as_ref().map(|(config, _)| config));
        let git = judge(&mut errors, (!is_unreadable(&input.git)).then(|| choose_git(&input.git, &chooser)));
        if let (Some(provider), Some((config, _))) = (provider, &model) {
            judge(&mut errors, Some(check_model(provider, config, Some(context.caller), &context.stores)));
        }
        let (name, prompt) = (input.name.as_value(), input.prompt_default.as_value());
        let (Some(git), Some(model_provider), Some((model, key)), Some(name), Some(prompt), true) =
            (git, provider, model, name, prompt, errors.is_empty())
        else {
            return Err(DomainError::Invalid(errors));
        };
        if context.robots.len() >= MAX_ROBOTS {
            return Err(DomainError::TooLarge(format!("a repository has at most {MAX_ROBOTS} robots")));
        }
        let id = RobotId::new(now, ids);
        let mut secrets = Vec::new();
        let mut robot = Robot {
            id,
            repository: context.repository,
            name: name.clone(),
            credential_source: git.source,
            credential_profile: None,
            credential_remark: None,
            credential_user: None,
            has_token: false,
            clone_username: None,
            prompt_default: prompt.clone(),
            language: None,
            model_provider,
            model_user: (model.credential_source == CredentialSource::User).then_some(context.caller),
            model,
            dependency: None,
            default_branch: None,
            default_branch_role: None,
            workflow_mode: None,
            time_window: None,
            account: TokenAccount::default(),
            activated_at: None,
            last_test_at: None,
            last_test_ok: None,
            last_test_message: None,
            model_test: None,
            enabled: false,
            is_default: false,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        set_git(&mut robot, git, input, &mut secrets);
        keep_key(id, key, false, &mut secrets);
        set_plain(&mut robot, input);
        finish(robot, context, secrets)
    }
}

impl PatchRobot {
    /// The stores that [`Self::apply`] wants to look into.
    pub fn accounts(&self, stored: &Robot, caller: UserId) -> AccountsNeeded {
        let (input, mut needed) = (&self.0, AccountsNeeded::default());
        if input.asks_git() {
            let source = input.git.source.as_value().copied().unwrap_or(stored.credential_source);
            needed.add(source, input.git.user(stored, caller));
        }
        if let Field::Value(patch) = &input.model {
            let provider = input.model_provider.as_value().copied().unwrap_or(stored.model_provider);
            let (config, _) = patch.merge(provider, Some((stored.model_provider, &stored.model)));
            needed.add(config.credential_source, input.model_user(stored, caller));
        }
        needed
    }

    /// Reads a body. What is wrong with it is said by [`Self::apply`], together with what only the context can tell.
    pub fn read(body: &Value) -> Self {
        Self(RobotInput::read(body, Verb::Patch))
    }

    /// The changed robot. A changed git credential takes its activation back.
    ///
    /// # Errors
    /// Every wrong field, fields first, then the git credential, then the model's; a too large robot.
    pub fn apply(
        &self,
        stored: &Robot,
        context: &RobotContext<'_>,
        now: Timestamp,
    ) -> Result<RobotChange, DomainError> {
        let input = &self.0;
        let mut errors = input.errors.clone();
        let provider = input.model_provider.as_value().copied().unwrap_or(stored.model_provider);
        let readable = input.model_provider != Field::Invalid && input.model != Field::Invalid;
        let model = model(input, provider, Some(stored)).filter(|_| readable);
        let check = input.asks_git() && !is_unreadable(&input.git);
        let chooser = context.chooser(model.as_ref().map(|(config, _)| config));
        let git = judge(&mut errors, check.then(|| rechoose_git(&input.git, stored, &chooser)));
        let model_user = input.model_user(stored, context.caller);
        if let (Some((config, _)), Field::Value(_)) = (&model, &input.model) {
            judge(&mut errors, Some(check_model(provider, config, model_user, &context.stores)));
        }
        let (Some((model, key)), true) = (model, errors.is_empty()) else {
            return Err(DomainError::Invalid(errors));
        };
        let mut secrets = Vec::new();
        let mut robot = stored.clone();
        if let Some(name) = input.name.as_value() {
            robot.name.clone_from(name);
        }
        if let Some(prompt) = input.prompt_default.as_value() {
            robot.prompt_default.clone_from(prompt);
        }
        keep_key(robot.id, key, stored.model.has_own_key(), &mut secrets);
        robot.model_provider = provider;
        robot.model_user = model_user.filter(|_| model.credential_source == CredentialSource::User);
        robot.model = model;
        if input.model.is_present() || input.model_provider.is_present() {
            // What was learned is of another key, perhaps.
            robot.model_test = None;
        }
        set_plain(&mut robot, input);
        if let Some(git) = git {
            set_git(&mut robot, git, input, &mut secrets);
        }
        if credential_changed(stored, &robot, input) || outgrows_account(stored, &robot) {
            robot.take_activation_back();
        }
        if input.enabled == Field::Value(false) {
            robot.enabled = false;
        }
        robot.updated_at = now;
        robot.version += 1;
        finish(robot, context, secrets)
    }
}

/// Robots that stop being the default because this one is, for its permission.
pub fn siblings_losing_default(robots: &[Robot], robot: &Robot) -> Vec<RobotId> {
    let loses = |other: &&Robot| {
        robot.is_default && other.is_default && other.id != robot.id && other.permission() == robot.permission()
    };
    robots.iter().filter(loses).map(|other| other.id).collect()
}

fn judge<T>(errors: &mut FieldErrors, verdict: Option<Result<T, Refusal>>) -> Option<T> {
    match verdict? {
        Ok(value) => Some(value),
        Err((pointer, text)) => {
            errors.push(pointer, text);
            None
        }
    }
}

/// The model's settings and what happens to the robot's own key; `None` when the body's are unreadable.
fn model(input: &RobotInput, provider: ModelProvider, stored: Option<&Robot>) -> Option<(ModelConfig, Field<Secret>)> {
    let before = stored.map(|robot| (robot.model_provider, &robot.model));
    match (&input.model, before) {
        (Field::Invalid, _) => None,
        (Field::Value(patch), before) => Some(patch.merge(provider, before)),
        (Field::Absent | Field::Null, None) => Some((ModelConfig::defaults(provider), Field::Absent)),
        // The contract re-normalises for another provider without any check.
        (Field::Absent | Field::Null, Some((_, config))) => {
            Some((ModelConfig::normalize(provider, &config.public_view()), Field::Absent))
        }
    }
}

fn keep_key(robot: RobotId, key: Field<Secret>, had: bool, secrets: &mut Vec<SecretEdit>) {
    match key {
        Field::Value(key) => secrets.push(SecretEdit::put(SecretName::robot_model(robot), key)),
        Field::Null if had => secrets.push(SecretEdit::remove(SecretName::robot_model(robot))),
        Field::Null | Field::Absent | Field::Invalid => {}
    }
}

fn set_git(robot: &mut Robot, git: GitChoice, input: &RobotInput, secrets: &mut Vec<SecretEdit>) {
    robot.credential_source = git.source;
    robot.credential_profile = git.profile;
    robot.credential_user = git.user;
    let own = git.source == CredentialSource::Robot;
    if own {
        input.git.remark.clone().patch(&mut robot.credential_remark);
    } else {
        robot.credential_remark = None;
    }
    match &input.git.token {
        Field::Value(token) if own => {
            robot.has_token = true;
            secrets.push(SecretEdit::put(SecretName::robot_token(robot.id), token.clone()));
        }
        Field::Absent | Field::Invalid if own => {}
        // Cleared, or of no use to another source.
        Field::Null | Field::Absent | Field::Invalid | Field::Value(_) => {
            if std::mem::take(&mut robot.has_token) {
                secrets.push(SecretEdit::remove(SecretName::robot_token(robot.id)));
            }
        }
    }
}

fn set_plain(robot: &mut Robot, input: &RobotInput) {
    input.clone_username.clone().patch(&mut robot.clone_username);
    input.default_branch.clone().patch(&mut robot.default_branch);
    input.default_branch_role.clone().patch(&mut robot.default_branch_role);
    input.language.clone().patch(&mut robot.language);
    input.dependency.clone().patch(&mut robot.dependency);
    input.workflow_mode.clone().patch(&mut robot.workflow_mode);
    input.time_window.clone().patch(&mut robot.time_window);
    if let Some(is_default) = input.is_default.as_value() {
        robot.is_default = *is_default;
    }
}

/// A token that was sent counts as another one: the old value is not at hand to compare.
fn credential_changed(before: &Robot, after: &Robot, input: &RobotInput) -> bool {
    before.credential_source != after.credential_source
        || before.credential_profile != after.credential_profile
        || before.credential_user != after.credential_user
        || before.has_token != after.has_token
        || input.git.token.as_value().is_some()
}

/// A reading robot becomes a writing one, with an account that its last test found to be a reader's.
fn outgrows_account(before: &Robot, after: &Robot) -> bool {
    before.permission() == Permission::Read && after.permission() == Permission::Write && after.account.only_reads()
}

fn finish(robot: Robot, context: &RobotContext<'_>, secrets: Vec<SecretEdit>) -> Result<RobotChange, DomainError> {
    robot.check_size()?;
    let losing_default = siblings_losing_default(context.robots, &robot);
    Ok(RobotChange { robot, losing_default, secrets })
}
