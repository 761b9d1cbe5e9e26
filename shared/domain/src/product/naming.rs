//! The names of products, projects and repositories, by GitLab's rules (contract: nautes 3, naming rules).

use crate::error::{DomainError, FieldErrors};

/// Longest path of a product, a project or a repository, in bytes (GitLab: 255 characters, all of them ASCII).
pub const MAX_PATH_BYTES: usize = 255;
/// The repository that holds the manifests at a Git server: nobody saves code there.
pub const RESERVED_PATH: &str = "default.project";
/// Longest name for people, in characters (GitLab: project name).
const MAX_NAME_CHARS: usize = 255;
/// Endings that GitLab keeps for itself.
const RESERVED_ENDINGS: [&str; 3] = [".git", ".atom", "."];

fn is_path(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    starts
        && text.len() <= MAX_PATH_BYTES
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        && !RESERVED_ENDINGS.iter().any(|end| text.to_ascii_lowercase().ends_with(end))
}

/// Demands a name that can be a path at a Git server.
///
/// # Errors
/// [`DomainError::Invalid`] with code `INVALID_NAME`, which names the path parameter.
pub fn need_path(parameter: &str, text: &str) -> Result<(), DomainError> {
    let mut errors = FieldErrors::new();
    if !is_path(text) {
        let message = format!(
            "{parameter} must have 1 to {MAX_PATH_BYTES} letters, digits, '_', '-' and '.', start with a letter, a digit or '_', \
             and not end in '.', '.git' or '.atom'"
        );
        errors.push_coded(parameter, "INVALID_NAME", message, None);
    } else if text.eq_ignore_ascii_case(RESERVED_PATH) {
        let message = format!("{parameter} must not be {RESERVED_PATH}, which holds the manifests of a product");
        errors.push_coded(parameter, "INVALID_NAME", message, None);
    }
    errors.into_result(())
}

/// Adds an error for a text that cannot be a name for people.
pub(super) fn check_name(pointer: &str, text: &str, errors: &mut FieldErrors) {
    let starts = text.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let fits = text.chars().all(|c| c.is_alphanumeric() || "_.+- ".contains(c));
    if !starts || !fits || text.chars().count() > MAX_NAME_CHARS {
        let message = format!(
            "name must have at most {MAX_NAME_CHARS} letters, digits, '_', '.', '+', '-' and blanks, and start with a letter, a \
             digit or '_'"
        );
        errors.push_coded(pointer, "INVALID_NAME", message, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_the_git_server() {
        for good in ["web", "_x", "9", "a.b-c_d", "demo-quickstart", &"a".repeat(255)] {
            assert_eq!(need_path("coderepo_name", good), Ok(()), "{good}");
        }
        let long = "a".repeat(256);
        for bad in [
            "",
            "-web",
            ".web",
            "a b",
            "a/b",
            "é",
            "web.git",
            "web.GIT",
            "feed.atom",
            "web.",
            "default.project",
            "Default.Project",
            "a\u{0}",
            &long,
        ] {
            assert!(need_path("coderepo_name", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_for_people_may_have_blanks_and_any_letters() {
        let is_name = |text: &str| {
            let mut errors = FieldErrors::new();
            check_name("/git/gitlab/name", text, &mut errors);
            errors.is_empty()
        };
        assert!(["Web shop", "Büro", "a+b", "_x", "ж"].into_iter().all(is_name));
        assert!(!["", " web", "-web", "a/b", "a\nb", "<b>"].into_iter().any(is_name));
        assert!(!is_name(&"a".repeat(256)));
    }
}
