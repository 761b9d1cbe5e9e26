//! Reading a `SKILL.md` as the open skill format has it (agentskills.io, "Specification"): YAML between two lines `---`,
//! then text for the robot.
//!
//! Whoever may push to a repository writes these files, so reading is bounded before it begins: by the file's size, by
//! the size of the front matter, and by budgets of the YAML reader. Scalars are taken as they are written: `1.10` stays
//! `1.10`.

use super::lint::{Lint, LintCode, MAX_LINTS};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_saphyr::{Options, Spanned, budget, options};
use std::collections::BTreeMap;
use std::fmt;

/// Largest front matter that is read, in bytes.
pub const MAX_FRONT_MATTER_BYTES: usize = 32 * 1024;
/// Characters of a skill's name (open skill format).
pub const MAX_SKILL_NAME_CHARS: usize = 64;
/// Characters of `description` (open skill format).
pub const MAX_DESCRIPTION_CHARS: usize = 1024;
/// Characters of `compatibility` (open skill format).
pub const MAX_COMPATIBILITY_CHARS: usize = 500;
/// Characters of `license`; the format sets no limit.
pub const MAX_LICENSE_CHARS: usize = 500;
/// Entries of `metadata`; the format sets no limit, so it is that of repositories (contract: shiftagent 4).
pub const MAX_METADATA_KEYS: usize = 50;
/// Characters of a key of `metadata` (contract: shiftagent 4).
pub const MAX_METADATA_KEY_CHARS: usize = 255;
/// Characters of a value of `metadata` (contract: shiftagent 4).
pub const MAX_METADATA_VALUE_CHARS: usize = 500;
/// Entries of `allowed-tools`; the format sets no limit.
pub const MAX_TOOLS: usize = 100;
/// Characters of one entry of `allowed-tools`.
pub const MAX_TOOL_CHARS: usize = 200;

/// Levels of maps and lists that YAML may nest.
const MAX_DEPTH: usize = 16;
/// What the YAML reader may come across: starts, ends and scalars.
const MAX_EVENTS: usize = 4_000;
/// Lines before the YAML: the opening `---`.
const LINES_BEFORE: u64 = 1;

/// What a good `SKILL.md` says of its skill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FrontMatter {
    /// Name.
    pub name: String,
    /// What it does and when to use it.
    pub description: String,
    /// Under which terms.
    pub license: Option<String>,
    /// What it needs around it.
    pub compatibility: Option<String>,
    /// The author's own notes.
    pub metadata: BTreeMap<String, String>,
    /// Tools that the robot may use without asking, in the author's order, each once.
    pub allowed_tools: Vec<String>,
}

/// The shape that YAML must have; what else the file says is skipped, since the format may grow.
#[derive(Deserialize)]
struct Shape {
    name: Option<Spanned<String>>,
    description: Option<Spanned<String>>,
    license: Option<Spanned<String>>,
    compatibility: Option<Spanned<String>>,
    metadata: Option<Spanned<BTreeMap<String, Option<String>>>>,
    #[serde(rename = "allowed-tools")]
    allowed_tools: Option<Spanned<Tools>>,
}

/// `allowed-tools`: one text with the tools between blanks (open skill format), or a list of them, as many write it.
struct Tools(Vec<String>);

impl<'de> Deserialize<'de> for Tools {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Both;
        impl<'de> Visitor<'de> for Both {
            type Value = Tools;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }
            fn visit_str<E>(self, text: &str) -> Result<Tools, E> {
                Ok(Tools(split_tools(text)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tools, A::Error> {
                let mut tools = Vec::new();
                while let Some(tool) = list.next_element::<String>()? {
                    tools.push(tool.trim().to_owned());
                }
                Ok(Tools(tools))
            }
        }
        deserializer.deserialize_any(Both)
    }
}

/// Parts at blanks and commas, but not at those in parentheses: `Bash(git add:*)` is one tool.
fn split_tools(text: &str) -> Vec<String> {
    let (mut tools, mut tool, mut open) = (Vec::new(), String::new(), 0_usize);
    for c in text.chars() {
        match c {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 && (c.is_whitespace() || c == ',') {
            tools.push(std::mem::take(&mut tool));
        } else {
            tool.push(c);
        }
    }
    tools.push(tool);
    tools
}

/// Reads the bytes of a `SKILL.md`. `folder` is the name of the folder that it lies in; `None` in the repository's root,
/// where the name is free.
///
/// # Errors
/// Everything that is wrong, at most [`MAX_LINTS`], in the order of lines; of what YAML itself objects to, the first.
pub fn read_front_matter(bytes: &[u8], folder: Option<&str>) -> Result<FrontMatter, Vec<Lint>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        vec![Lint::at(line, LintCode::NotUtf8, "the file must be UTF-8")]
    })?;
    let yaml = cut(text).map_err(|lint| vec![lint])?;
    let shape = serde_saphyr::from_str_with_options(yaml, budgets()).map_err(|error| vec![objection(&error)])?;
    check(shape, folder)
}

/// The YAML between the first two lines `---`.
fn cut(text: &str) -> Result<&str, Lint> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_fence = |line: &str| line.trim_end() == "---";
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| is_fence(line)) else {
        let message = "the file must begin with front matter: YAML between two lines of ---";
        return Err(Lint::whole(LintCode::FrontMatterMissing, message));
    };
    let (begin, mut end) = (first.len(), first.len());
    for line in lines {
        if is_fence(line) {
            return Ok(&text[begin..end]);
        }
        end += line.len();
        if end - begin > MAX_FRONT_MATTER_BYTES {
            let message = format!("front matter has at most {MAX_FRONT_MATTER_BYTES} bytes; is its closing --- there?");
            return Err(Lint::whole(LintCode::FrontMatterTooLarge, message));
        }
    }
    Err(Lint::whole(LintCode::FrontMatterUnclosed, "a line of --- must end the front matter"))
}

/// No anchors, aliases and merge keys: skills need none, and they are what YAML bombs are made of.
fn budgets() -> Options {
    options! {
        budget: budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_merge_keys: 0,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_events: MAX_EVENTS,
            max_nodes: MAX_EVENTS,
            max_documents: 1,
            max_total_scalar_bytes: MAX_FRONT_MATTER_BYTES,
        },
        with_snippet: false,
    }
}

/// What the YAML reader objects to, in our words where we have some.
fn objection(error: &serde_saphyr::Error) -> Lint {
    use serde_saphyr::Error;
    let line = error.location().map_or(1, |at| at.line() + LINES_BEFORE);
    let said = error.to_string();
    // The place is told by the lint itself, and counted otherwise.
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    if let Error::DuplicateMappingKey { key, .. } = error {
        let key = key.as_deref().unwrap_or("one");
        return Lint::at(line, LintCode::YamlDuplicateKey, format!("every key may be there once: {key}"));
    }
    if let Error::Budget { .. } | Error::UnknownAnchor { .. } = error {
        let message = "too complex: no anchors, aliases or merge keys, one document, few levels";
        return Lint::at(line, LintCode::YamlTooComplex, message);
    }
    if let Error::Unexpected { expected, .. } = error {
        return Lint::at(line, LintCode::YamlType, format!("wrong type: {expected} expected"));
    }
    if let Error::SerdeInvalidType { expected, .. } = error {
        return Lint::at(line, LintCode::YamlType, format!("wrong type: {expected} expected"));
    }
    Lint::at(line, LintCode::YamlSyntax, format!("not YAML: {said}"))
}

fn line_of<T>(value: &Spanned<T>) -> u64 {
    value.defined.line() + LINES_BEFORE
}

fn check(shape: Shape, folder: Option<&str>) -> Result<FrontMatter, Vec<Lint>> {
    let mut lints = Vec::new();
    let name = shape.name.filter(|name| !name.value.trim().is_empty());
    match &name {
        None => lints.push(Lint::whole(LintCode::NameMissing, "name is missing")),
        Some(name) => lints.extend(name_lint(name.value.trim(), line_of(name), folder)),
    }
    let mut text = |what: &str, given: Option<Spanned<String>>, limit: usize, code| {
        let given = given.filter(|given| !given.value.trim().is_empty())?;
        let value = given.value.trim();
        if let Some(wrong) = unfit(value, limit) {
            lints.push(Lint::at(line_of(&given), code, format!("{what} {wrong}")));
        }
        Some(value.to_owned())
    };
    let description = text("description", shape.description, MAX_DESCRIPTION_CHARS, LintCode::DescriptionInvalid);
    let license = text("license", shape.license, MAX_LICENSE_CHARS, LintCode::LicenseInvalid);
    let code = LintCode::CompatibilityInvalid;
    let compatibility = text("compatibility", shape.compatibility, MAX_COMPATIBILITY_CHARS, code);
    if description.is_none() {
        lints.push(Lint::whole(LintCode::DescriptionMissing, "description is missing"));
    }
    let metadata = shape.metadata.map(|given| {
        let line = line_of(&given);
        let given: BTreeMap<_, _> =
            given.value.into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect();
        let wrong = metadata_faults(&given);
        lints.extend(wrong.map(|message| Lint::at(line, LintCode::MetadataInvalid, message)));
        given
    });
    let allowed_tools = shape.allowed_tools.map(|given| {
        let line = line_of(&given);
        let mut tools: Vec<String> = Vec::new();
        for tool in given.value.0.into_iter().filter(|tool| !tool.is_empty()) {
            if !tools.contains(&tool) {
                tools.push(tool);
            }
        }
        let fault = tools.iter().find_map(|tool| unfit(tool, MAX_TOOL_CHARS)).map(|wrong| format!("a tool {wrong}"));
        let many = (tools.len() > MAX_TOOLS).then(|| format!("allowed-tools has at most {MAX_TOOLS} entries"));
        lints.extend(many.or(fault).map(|message| Lint::at(line, LintCode::AllowedToolsInvalid, message)));
        tools
    });
    lints.sort_by_key(|lint| lint.line);
    lints.truncate(MAX_LINTS);
    match (name, description) {
        (Some(name), Some(description)) if lints.is_empty() => Ok(FrontMatter {
            name: name.value.trim().to_owned(),
            description,
            license,
            compatibility,
            metadata: metadata.unwrap_or_default(),
            allowed_tools: allowed_tools.unwrap_or_default(),
        }),
        _ => Err(lints),
    }
}

fn name_lint(name: &str, line: u64, folder: Option<&str>) -> Option<Lint> {
    if !is_skill_name(name) {
        let message = format!(
            "name must have 1 to {MAX_SKILL_NAME_CHARS} of a-z, 0-9 and -, with no - at its ends and none after another"
        );
        return Some(Lint::at(line, LintCode::NameInvalid, message));
    }
    let folder = folder.filter(|folder| *folder != name)?;
    Some(Lint::at(line, LintCode::NameNotFolder, format!("name must be that of its folder, {folder}")))
}

/// Whether a text is a name by the rules of the open skill format.
pub fn is_skill_name(text: &str) -> bool {
    let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    (1..=MAX_SKILL_NAME_CHARS).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// What is wrong with a text of at most so many characters, after its name.
pub(super) fn unfit(text: &str, limit: usize) -> Option<String> {
    if text.chars().count() > limit {
        return Some(format!("must have at most {limit} characters"));
    }
    let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    text.contains(bad).then(|| "must not contain control characters".to_owned())
}

/// What is wrong with a map of notes: the first fault.
fn metadata_faults(map: &BTreeMap<String, String>) -> Option<String> {
    if map.len() > MAX_METADATA_KEYS {
        return Some(format!("metadata has at most {MAX_METADATA_KEYS} entries"));
    }
    map.iter().find_map(|(key, value)| {
        if key.is_empty() {
            return Some("a key of metadata must not be empty".to_owned());
        }
        let key = unfit(key, MAX_METADATA_KEY_CHARS).map(|wrong| format!("a key of metadata {wrong}"));
        key.or_else(|| unfit(value, MAX_METADATA_VALUE_CHARS).map(|wrong| format!("a value of metadata {wrong}")))
    })
}
