//! Holds answers against the document: status declared, media type declared, headers there, body as its schema says.

use crate::Answer;
use crate::document::DOCUMENT;
use jsonschema::Validator;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

/// Compiled schemas by their place in the document.
static COMPILED: LazyLock<RwLock<HashMap<String, Arc<Validator>>>> = LazyLock::new(RwLock::default);

/// What is wrong with an answer, if anything. Paths that no operation has are held to be problems.
pub(crate) fn violation(method: &str, path: &str, answer: &Answer) -> Option<String> {
    let path = mended(path);
    // This ending says nothing there.
    let path =
        path.strip_suffix(".json").filter(|rest| rest.starts_with("/api/v1/")).map_or(path.clone(), str::to_owned);
    let Some(template) = template(&path).or_else(|| template(&format!("{path}/"))) else {
        return is_problem(&path, answer).err();
    };
    // A path that lacks its final slash leads to the one that has it.
    if template.ends_with('/') && answer.status == 301 && answer.headers.contains_key("location") {
        return None;
    }
    // But for Review Board, HEAD is GET without a body.
    if method == "HEAD" && answer.status == 405 && repoplane_repos::dialect_of(&path) == Some("Review Board") {
        return is_problem(&path, answer).err();
    }
    let name = if method == "HEAD" { "get".to_owned() } else { method.to_ascii_lowercase() };
    let pointer = format!("/paths/{}/{name}", escaped(template));
    let Some(operation) = DOCUMENT.pointer(&pointer) else {
        return is_problem(&path, answer).err();
    };
    let status = answer.status.as_u16();
    // Review Board's API has no HEAD.
    if method == "HEAD" && status == 405 && operation["tags"][0] == "Review Board" {
        return is_problem(&path, answer).err();
    }
    let id = operation["operationId"].as_str().unwrap_or_default();
    let declared = &operation["responses"][status.to_string()];
    if declared.is_null() {
        return Some(format!("{id}: the status {status} is not declared: {}", answer.body));
    }
    let (declared, at) = resolved(declared, format!("{pointer}/responses/{status}"));
    headers(declared, answer)
        .or_else(|| if method == "HEAD" { None } else { body(declared, &at, answer) })
        .map(|what| format!("{id} {status}: {what}\n{}", answer.body))
}

/// Whether a value is as a schema of the document says; the first thing that is wrong otherwise.
pub(crate) fn check(pointer: &str, value: &Value) -> Result<(), String> {
    let known = COMPILED.read().expect("nothing panics with it").get(pointer).cloned();
    let validator = known.unwrap_or_else(|| {
        let compiled = Arc::new(compile(pointer));
        COMPILED.write().expect("nothing panics with it").insert(pointer.to_owned(), compiled.clone());
        compiled
    });
    match validator.iter_errors(value).next() {
        None => Ok(()),
        Some(error) => Err(format!("{error} at {}", error.instance_path())),
    }
}

/// The schema takes the components with it, so that its references find them.
fn compile(pointer: &str) -> Validator {
    let mut schema = DOCUMENT.pointer(pointer).cloned().unwrap_or_else(|| panic!("{pointer} is not in the document"));
    schema["components"] = DOCUMENT["components"].clone();
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap_or_else(|error| panic!("{pointer}: {error}"))
}

fn headers(declared: &'static Value, answer: &Answer) -> Option<String> {
    for (name, header) in declared["headers"].as_object().into_iter().flatten() {
        let (header, _) = resolved(header, String::new());
        let given = answer.headers.contains_key(name.to_ascii_lowercase());
        if header["required"] == true && !given {
            return Some(format!("the header {name} is missing"));
        }
    }
    None
}

fn body(declared: &Value, at: &str, answer: &Answer) -> Option<String> {
    let Some(content) = declared["content"].as_object() else {
        return (!answer.bytes.is_empty()).then(|| "a body is not declared".to_owned());
    };
    let given = answer.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default();
    if !content.contains_key(given) {
        return (!content.contains_key("*/*")).then(|| format!("the media type {given} is not declared"));
    }
    // What is compressed is the same as what is not, and that is looked at elsewhere.
    if !given.ends_with("json") || answer.headers.contains_key("content-encoding") {
        return None;
    }
    check(&format!("{at}/content/{}/schema", escaped(given)), &answer.body).err()
}

/// What a path that nobody serves, or a method that it does not have, is answered.
fn is_problem(path: &str, answer: &Answer) -> Result<(), String> {
    // A path with a slash too many leads to the one without.
    if answer.status == 308 && answer.headers.contains_key("location") {
        return Ok(());
    }
    let dialect = repoplane_repos::dialect_of(path);
    let media_type = answer.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if dialect == Some("Nautes") {
        // There is no 405 in it, and no JSON at a path that nobody serves.
        let is_page = answer.status == 404 && media_type.starts_with("text/plain");
        return if is_page { Ok(()) } else { check("/components/schemas/NautesError", &answer.body) };
    }
    if dialect == Some("Review Board") && answer.status == 405 && answer.bytes.is_empty() {
        return if answer.headers.contains_key("allow") { Ok(()) } else { Err("405 without Allow".to_owned()) };
    }
    if dialect == Some("Review Board") && answer.status == 301 && answer.headers.contains_key("location") {
        return Ok(());
    }
    let (schema, expected) = match dialect {
        Some("Review Board") => ("ReviewBoardError", "application/vnd.reviewboard.org.error+json"),
        Some("ABF") => ("AbfError", "application/json"),
        Some(_) => ("ShiftagentProblem", "application/problem+json"),
        None => ("Problem", "application/problem+json"),
    };
    if media_type != expected {
        return Err(format!("{}: not a problem document: {}", answer.status, answer.body));
    }
    if answer.status == 405 && !answer.headers.contains_key("allow") {
        return Err("405 without Allow".to_owned());
    }
    if answer.bytes.is_empty() {
        return Ok(());
    }
    check(&format!("/components/schemas/{schema}"), &answer.body)
}

/// What a `$ref` leads to, and where it is.
fn resolved(value: &'static Value, at: String) -> (&'static Value, String) {
    match value["$ref"].as_str().and_then(|target| target.strip_prefix('#')) {
        Some(target) => (DOCUMENT.pointer(target).expect("references were checked"), target.to_owned()),
        None => (value, at),
    }
}

/// The path template that a path belongs to: literal parts win over parameters.
pub(crate) fn template(path: &str) -> Option<&'static str> {
    let fits = |template: &&str| {
        let (mut template, mut given) = (template.split('/'), path.split('/'));
        loop {
            match (template.next(), given.next()) {
                (None, None) => return true,
                (Some(part), Some(given)) if part == given || (part.starts_with('{') && !given.is_empty()) => {}
                _ => return false,
            }
        }
    };
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    paths.keys().map(String::as_str).filter(fits).min_by_key(|template| template.matches('{').count())
}

/// As the edge mends it.
pub(crate) fn mended(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    format!("/{}", parts.join("/"))
}

pub(crate) fn escaped(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}
