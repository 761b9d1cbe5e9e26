//! Projects: parts of a product that its repositories of code belong to (contract: nautes 3, 10).

use super::need_path;
use crate::error::{DomainError, FieldErrors};
use serde::{Deserialize, Serialize};

/// Longest language, in bytes.
pub const MAX_LANGUAGE_BYTES: usize = 255;
/// Longest name that a repository may give of its project, in bytes.
pub const MAX_PROJECT_BYTES: usize = 255;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its product's name.
    pub product: String,
    /// Its name, unique in the product.
    pub name: String,
    /// What it is written in.
    pub language: String,
}

impl Project {
    /// A project as it is saved.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] for a name that is none, or a language that is too long.
    pub fn new(product: &str, name: &str, language: String) -> Result<Self, DomainError> {
        need_path("project_name", name)?;
        let mut errors = FieldErrors::new();
        if language.len() > MAX_LANGUAGE_BYTES || language.contains(char::is_control) {
            let message = format!("language must be one line of at most {MAX_LANGUAGE_BYTES} bytes");
            errors.push_coded("/language", "INVALID_LANGUAGE", message, None);
        }
        errors.into_result(Self { product: product.to_owned(), name: name.to_owned(), language })
    }
}
