//! Skills that are added by hand (contract: shiftagent 7.6).

use super::front_matter::{MAX_METADATA_KEY_CHARS, MAX_METADATA_KEYS, MAX_METADATA_VALUE_CHARS, unfit};
use super::record::{Skill, SkillSource};
use crate::error::{DomainError, FieldErrors};
use crate::id::{RepositoryId, SkillId};
use crate::input::{Field, Object, pointer_token};
use crate::repository::read_notes;
use crate::time::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// Characters of the name of a skill that is added by hand (contract: shiftagent 7.6).
pub const MAX_MANUAL_NAME_CHARS: usize = 128;
/// Characters of its description; the contract sets no limit.
pub const MAX_MANUAL_DESCRIPTION_CHARS: usize = 4_096;
/// Characters of its version; the contract sets no limit.
pub const MAX_MANUAL_VERSION_CHARS: usize = 255;
/// Characters of its path; the contract sets no limit.
pub const MAX_MANUAL_PATH_CHARS: usize = 1_024;

/// What is said of a skill that is added by hand. Not checked yet: [`Skill::manual`] does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManualSkill {
    /// Name, `^[a-z0-9][a-z0-9-]*$`.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Its version, free text.
    pub version: Option<String>,
    /// Where it lies, free text.
    pub path: Option<String>,
    /// The caller's own notes.
    pub metadata: BTreeMap<String, String>,
}

impl ManualSkill {
    /// Reads a body.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn read(body: &Value) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        let mut object = Object::root(body, &mut errors);
        let name = object.text_of_chars("name", MAX_MANUAL_NAME_CHARS);
        if matches!(name, Field::Absent | Field::Null) {
            object.error("name", "name is required");
        }
        let is_named = name.as_value().is_some();
        let mut text = |key, most| object.text_of_chars(key, most).value();
        let said = Self {
            name: name.value().unwrap_or_default(),
            description: text("description", MAX_MANUAL_DESCRIPTION_CHARS),
            version: text("version", MAX_MANUAL_VERSION_CHARS),
            path: text("path", MAX_MANUAL_PATH_CHARS),
            metadata: read_notes(&mut object).value().unwrap_or_default(),
        };
        object.finish();
        // What is missing or of the wrong type has been told already.
        let stand_in = || Self { name: "x".to_owned(), ..said.clone() };
        if is_named {
            said.check(&mut errors)
        } else {
            stand_in().check(&mut errors)
        }
        errors.into_result(said)
    }

    /// Adds everything that is wrong with it, with pointers into the body: a caller that reads the body has errors of its
    /// own to tell beside these.
    pub fn check(&self, errors: &mut FieldErrors) {
        let first = self.name.chars().next().is_some_and(|c| c != '-');
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
        if !first || self.name.len() > MAX_MANUAL_NAME_CHARS || !self.name.chars().all(allowed) {
            let message = format!("must have 1 to {MAX_MANUAL_NAME_CHARS} of a-z, 0-9 and -, and not begin with -");
            errors.push("/name", message);
        }
        for (pointer, text, limit) in [
            ("/description", &self.description, MAX_MANUAL_DESCRIPTION_CHARS),
            ("/version", &self.version, MAX_MANUAL_VERSION_CHARS),
            ("/path", &self.path, MAX_MANUAL_PATH_CHARS),
        ] {
            if let Some(wrong) = text.as_deref().and_then(|text| unfit(text, limit)) {
                errors.push(pointer, wrong);
            }
        }
        if self.metadata.len() > MAX_METADATA_KEYS {
            errors.push("/metadata", format!("must have at most {MAX_METADATA_KEYS} keys"));
            return;
        }
        for (key, value) in &self.metadata {
            let wrong = match unfit(key, MAX_METADATA_KEY_CHARS) {
                Some(wrong) => Some(format!("the key {wrong}")),
                None if key.is_empty() => Some("the key must not be empty".to_owned()),
                None => unfit(value, MAX_METADATA_VALUE_CHARS),
            };
            if let Some(wrong) = wrong {
                errors.push(format!("/metadata/{}", pointer_token(key)), wrong);
            }
        }
    }
}

impl Skill {
    /// A skill that is added by hand. Scans leave it alone.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with every wrong field.
    pub fn manual(
        said: ManualSkill,
        id: SkillId,
        repository: RepositoryId,
        now: Timestamp,
    ) -> Result<Self, DomainError> {
        let mut errors = FieldErrors::new();
        said.check(&mut errors);
        let ManualSkill { name, description, version, path, metadata } = said;
        let blank = Self::unknown(id, repository, SkillSource::Manual, now);
        errors.into_result(Self { name: Some(name), description, version, path, metadata, ..blank })
    }
}
