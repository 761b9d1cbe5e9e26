//! Reading the body of a robot's create and patch (contract: hookcode 2.13, 2.14): types, texts and shapes. Whether a
//! credential exists is asked later, since that needs the repository's profiles.

use super::{
    CredentialSource, DefaultBranchRole, DependencyConfig, FailureMode, ModelPatch, ModelProvider, TimeWindow,
    WorkflowMode,
};
use crate::credential::{MAX_CLONE_USERNAME_BYTES, MAX_PROFILE_ID_BYTES, MAX_REMARK_BYTES, MAX_SECRET_BYTES};
use crate::error::FieldErrors;
use crate::input::{Field, MAX_TEXT_BYTES, Object};
use crate::secret::Secret;
use serde_json::Value;

/// Longest name of a robot, in bytes.
const MAX_NAME_BYTES: usize = 200;
/// Longest name of a branch or language, in bytes.
const MAX_WORD_BYTES: usize = 255;

pub(super) const NAME_REQUIRED: &str = "name is required";
pub(super) const PROMPT_REQUIRED: &str = "promptDefault is required";

/// What the body says of the git credential.
#[derive(Debug, Clone)]
pub(super) struct GitInput {
    pub(super) source: Field<CredentialSource>,
    pub(super) token: Field<Secret>,
    pub(super) profile: Field<String>,
    pub(super) remark: Field<String>,
}

/// What the body says of everything.
#[derive(Debug, Clone)]
pub(super) struct RobotInput {
    pub(super) name: Field<String>,
    pub(super) prompt_default: Field<String>,
    pub(super) git: GitInput,
    pub(super) clone_username: Field<String>,
    pub(super) default_branch: Field<String>,
    pub(super) default_branch_role: Field<DefaultBranchRole>,
    pub(super) language: Field<String>,
    pub(super) model_provider: Field<ModelProvider>,
    pub(super) model: Field<ModelPatch>,
    pub(super) dependency: Field<DependencyConfig>,
    pub(super) workflow_mode: Field<WorkflowMode>,
    pub(super) time_window: Field<TimeWindow>,
    pub(super) is_default: Field<bool>,
    pub(super) enabled: Field<bool>,
    pub(super) errors: FieldErrors,
}

/// Whether the body is for a new robot or an existing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Patch,
}

impl RobotInput {
    pub(super) fn read(body: &Value, verb: Verb) -> Self {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let o = &mut object;
        let input = Self {
            name: name(o, verb),
            prompt_default: prompt(o, verb),
            git: GitInput {
                source: word(o, "repoCredentialSource", "robot/user/repo/global or null", CredentialSource::parse),
                token: o.line("token", MAX_SECRET_BYTES).map(Secret::new),
                profile: o.line("repoCredentialProfileId", MAX_PROFILE_ID_BYTES),
                remark: o.line("repoCredentialRemark", MAX_REMARK_BYTES),
            },
            clone_username: o.line("cloneUsername", MAX_CLONE_USERNAME_BYTES),
            default_branch: o.line("defaultBranch", MAX_WORD_BYTES),
            default_branch_role: word(o, "defaultBranchRole", "main/dev/test or null", DefaultBranchRole::parse),
            language: o.line("language", MAX_WORD_BYTES),
            model_provider: model_provider(o, verb),
            model: model(o),
            dependency: dependency(o),
            workflow_mode: word(o, "repoWorkflowMode", "auto/direct/fork or null", WorkflowMode::parse),
            time_window: read_time_window(o, "timeWindow"),
            is_default: o.boolean("isDefault"),
            enabled: enabled(o, verb),
            errors: FieldErrors::new(),
        };
        // Workers are not served here; naming one must not break a client, and never clears anything.
        object.ignore(&["defaultWorkerId"]);
        object.finish();
        Self { errors, ..input }
    }
}

fn name(object: &mut Object<'_, '_>, verb: Verb) -> Field<String> {
    // An explicit null is ignored by a patch, a blank text is not.
    let blank = matches!(object.raw("name"), Some(Value::String(text)) if bare_name(text).is_empty());
    let name = object.line("name", MAX_NAME_BYTES).map(|text| bare_name(&text).to_owned());
    match (&name, verb) {
        (Field::Absent | Field::Null | Field::Value(_), _) if blank => {}
        (Field::Absent | Field::Null, Verb::Create) => {}
        (Field::Absent | Field::Null | Field::Value(_) | Field::Invalid, _) => return name,
    }
    object.error("name", NAME_REQUIRED);
    Field::Invalid
}

/// The name without outer blanks and one leading `@`.
fn bare_name(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('@').unwrap_or(text).trim()
}

fn prompt(object: &mut Object<'_, '_>, verb: Verb) -> Field<String> {
    let prompt = object.trimmed("promptDefault", MAX_TEXT_BYTES);
    match (&prompt, verb) {
        (Field::Null, _) | (Field::Absent, Verb::Create) => {}
        (Field::Absent | Field::Value(_) | Field::Invalid, _) => return prompt,
    }
    object.error("promptDefault", PROMPT_REQUIRED);
    Field::Invalid
}

fn model_provider(object: &mut Object<'_, '_>, verb: Verb) -> Field<ModelProvider> {
    let text = object.text("modelProvider").map(|text| text.trim().to_owned());
    text.and_then(|text| match ModelProvider::parse(&text) {
        Some(provider) => Field::Value(provider),
        // Blank is the default for a new robot, but must not switch the agent of an existing one.
        None if text.is_empty() && verb == Verb::Create => Field::Null,
        None => {
            object.error("modelProvider", "modelProvider must be codex, claude_code, or gemini_cli");
            Field::Invalid
        }
    })
}

fn model(object: &mut Object<'_, '_>) -> Field<ModelPatch> {
    match object.object("modelProviderConfig") {
        Field::Absent => Field::Absent,
        Field::Invalid => Field::Invalid,
        Field::Null => {
            object.error("modelProviderConfig", "must be an object");
            Field::Invalid
        }
        Field::Value(value) => {
            let pointer = object.pointer("modelProviderConfig");
            let before = object.errors().as_slice().len();
            let patch = ModelPatch::read(value, &pointer, object.errors());
            if object.errors().as_slice().len() > before { Field::Invalid } else { Field::Value(patch) }
        }
    }
}

fn dependency(object: &mut Object<'_, '_>) -> Field<DependencyConfig> {
    const KEY: &str = "dependencyConfig";
    match object.raw(KEY) {
        None => Field::Absent,
        Some(Value::Null) => Field::Null,
        Some(value) if !value.is_object() => {
            object.error(KEY, "dependencyConfig must be an object");
            Field::Invalid
        }
        Some(value) => {
            let mut nested = object.nested(KEY, value);
            let failure_mode =
                nested.text("failureMode").map(|text| text.trim().to_owned()).and_then(
                    |text| match FailureMode::parse(&text) {
                        Some(mode) => Field::Value(mode),
                        None if text.is_empty() => Field::Null,
                        None => {
                            nested.error("failureMode", "dependencyConfig.failureMode must be soft or hard");
                            Field::Invalid
                        }
                    },
                );
            let config = DependencyConfig {
                enabled: nested.boolean("enabled").value(),
                failure_mode: failure_mode.value(),
                allow_custom_install: nested.boolean("allowCustomInstall").value(),
            };
            nested.finish();
            Field::Value(config)
        }
    }
}

/// Reads hours of the day: two integers from 0 to 23, both required.
pub fn read_time_window(object: &mut Object<'_, '_>, key: &'static str) -> Field<TimeWindow> {
    object.object(key).and_then(|value| {
        let mut nested = object.nested(key, value);
        let mut hour = |key| match nested.integer(key, 0..=23) {
            Field::Value(hour) => u8::try_from(hour).ok(),
            Field::Invalid => None,
            Field::Absent | Field::Null => {
                nested.error(key, "must be an integer from 0 to 23");
                None
            }
        };
        let hours = (hour("startHour"), hour("endHour"));
        nested.finish();
        match hours {
            (Some(start_hour), Some(end_hour)) => Field::Value(TimeWindow { start_hour, end_hour }),
            (None, _) | (_, None) => Field::Invalid,
        }
    })
}

fn enabled(object: &mut Object<'_, '_>, verb: Verb) -> Field<bool> {
    if verb == Verb::Create {
        // Not a field of a create: left to be refused as unknown.
        return Field::Absent;
    }
    let enabled = object.boolean("enabled");
    if enabled == Field::Value(true) {
        object.error("enabled", "robot must be activated by testing token");
        return Field::Invalid;
    }
    enabled
}

/// One of a few words; blank means null.
fn word<T>(
    object: &mut Object<'_, '_>,
    key: &'static str,
    words: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Field<T> {
    object.trimmed(key, MAX_TEXT_BYTES).and_then(|text| {
        parse(&text).map_or_else(
            || {
                object.error(key, format!("{key} must be {words}"));
                Field::Invalid
            },
            Field::Value,
        )
    })
}
