//! The field selector of a list (contract: nautes 5): clauses by commas, all of which must hold.
//!
//! It is checked whole before anything is looked at, so that a wrong one is refused whatever the product has.

use super::CodeRepo;
use crate::error::{DomainError, FieldErrors};

/// Longest selector, in bytes.
pub const MAX_SELECTOR_BYTES: usize = 4 * 1024;

/// A checked selector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector(Vec<Clause>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Clause {
    /// The project's name contains this; everything contains nothing.
    Project(String),
    PipelineRuntime(bool),
    DeploymentRuntime(bool),
}

impl Selector {
    /// Reads `field symbol value`, joined by commas; an empty text selects everything.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] with code `INVALID_FIELD_SELECTOR` and the clause that is wrong.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() > MAX_SELECTOR_BYTES {
            return Err(wrong(format!("field_selector may have at most {MAX_SELECTOR_BYTES} bytes")));
        }
        text.split(',').map(clause).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a repository is selected.
    pub fn selects(&self, code: &CodeRepo) -> bool {
        self.0.iter().all(|clause| match clause {
            Clause::Project(part) => code.project.contains(part),
            Clause::PipelineRuntime(wanted) => code.pipeline_runtime == *wanted,
            Clause::DeploymentRuntime(wanted) => code.deployment_runtime == *wanted,
        })
    }
}

/// Characters that are no part of a symbol.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

fn clause(text: &str) -> Result<Clause, DomainError> {
    let shown: String = text.chars().take(80).collect();
    let start = text.find(|c| !is_plain(c));
    let start = start.ok_or_else(|| wrong(format!("field_selector: {shown:?} has no operator")))?;
    let length = text[start..].find(is_plain).unwrap_or(text.len() - start);
    let symbol = &text[start..start + length];
    let mut parts = text.split(symbol);
    let (Some(field), Some(value), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(wrong(format!("field_selector: {shown:?} must be one field, one operator and one value")));
    };
    let truth = || read_boolean(value).ok_or_else(|| wrong(format!("field_selector: {field} must be true or false")));
    match (field, symbol) {
        ("project", "=") => Ok(Clause::Project(value.to_owned())),
        ("pipeline_runtime", "=") => truth().map(Clause::PipelineRuntime),
        ("deployment_runtime", "=") => truth().map(Clause::DeploymentRuntime),
        _ => Err(wrong(format!(
            "field_selector: {shown:?} is not supported; use project=, pipeline_runtime= or deployment_runtime="
        ))),
    }
}

/// The spellings of a boolean (Go: strconv.ParseBool).
pub fn read_boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

fn wrong(message: String) -> DomainError {
    let mut errors = FieldErrors::new();
    errors.push_coded("?field_selector", "INVALID_FIELD_SELECTOR", message, None);
    DomainError::Invalid(errors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(project: &str, pipeline_runtime: bool) -> CodeRepo {
        let (webhook_events, display_name) = (Vec::new(), String::new());
        let project = project.to_owned();
        CodeRepo {
            project,
            webhook_events,
            deployment_runtime: false,
            pipeline_runtime,
            display_name,
            visibility: None,
            provisioned: None,
        }
    }

    /// The names of those that are selected of A (project `shop`, pipelines) and B (neither).
    fn selected(text: &str) -> Option<String> {
        let selector = Selector::parse(text).ok()?;
        let all = [("A", code("shop", true)), ("B", code("", false))];
        Some(all.iter().filter(|(_, code)| selector.selects(code)).map(|(name, _)| *name).collect())
    }

    #[test]
    fn every_vector_of_the_contract() {
        for (text, expected) in [
            ("", "AB"),
            ("project=ho", "A"),
            ("project=SHOP", ""),
            ("project=", "AB"),
            ("pipeline_runtime=true", "A"),
            ("pipeline_runtime=f,deployment_runtime=0", "B"),
            ("project=shop,pipeline_runtime=false", ""),
            ("project=my-shop", ""),
            ("project= shop", ""),
            ("deployment_runtime=True", ""),
        ] {
            assert_eq!(selected(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "name=x",
            "project!=shop",
            "project==shop",
            "project=a=b",
            "project=shop,",
            ",project=shop",
            "project=a,,project=b",
            "project=zzz,abc",
            "project=zzz,name=x",
            "pipeline_runtime=yes",
            "pipeline_runtime=",
            "project =shop",
            "project=-x",
            "project=é",
            "=",
            ",",
            " ",
        ] {
            assert_eq!(selected(text), None, "{text}");
        }
    }

    /// The grammar read letter by letter.
    fn naive(text: &str) -> Option<Vec<(String, String, String)>> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        let plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_. \t\n\r\u{c}";
        text.split(',')
            .map(|clause| {
                let letters: Vec<char> = clause.chars().collect();
                let first = letters.iter().position(|c| !plain.contains(*c))?;
                let symbol: String = letters[first..].iter().take_while(|c| !plain.contains(**c)).collect();
                if clause.matches(symbol.as_str()).count() != 1 {
                    return None;
                }
                let (field, value) = clause.split_once(symbol.as_str())?;
                Some((field.to_owned(), symbol, value.to_owned()))
            })
            .collect()
    }

    fn expected(text: &str) -> Option<Selector> {
        let booleans = ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];
        let clauses = naive(text)?.into_iter().map(|(field, symbol, value)| {
            if symbol != "=" {
                return None;
            }
            let truth = booleans.iter().position(|word| *word == value).map(|at| at < 6);
            match field.as_str() {
                "project" => Some(Clause::Project(value)),
                "pipeline_runtime" => truth.map(Clause::PipelineRuntime),
                "deployment_runtime" => truth.map(Clause::DeploymentRuntime),
                _ => None,
            }
        });
        clauses.collect::<Option<_>>().map(Selector)
    }

    proptest! {
        #[test]
        fn it_reads_as_the_grammar_does(
            text in "((project|pipeline_runtime|deployment_runtime|name)?[=!,.é -]{0,2}(true|0|shop|x-y|é| a)?[,=]?){0,4}"
        ) {
            prop_assert_eq!(Selector::parse(&text).ok(), expected(&text));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            prop_assert_eq!(Selector::parse(&text).ok(), expected(&text));
        }
    }
}
