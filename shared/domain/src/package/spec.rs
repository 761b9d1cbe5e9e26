//! RPM `.spec` files: name, epoch, version and release of the source package, as far as the file itself says them.
//!
//! A spec file is a program for the build system. Here it is read, never run: macros that the file defines are put in, and
//! what depends on the build system, on a condition or on a command is reported and not guessed (RPM: spec file format,
//! macro syntax).

use super::row::{is_name, is_version};
use super::{PackageIdentity, PackageKind};
use std::collections::HashMap;
use std::fmt;

mod expand;

/// The largest spec file that is read, in bytes.
pub const MAX_SPEC_BYTES: usize = 512 * 1024;
/// Macros that one file may define.
const MAX_MACROS: usize = 2_000;

/// The lines that end the first part of a spec file, which alone holds the tags of the source package.
const SECTIONS: [&str; 26] = [
    "description",
    "package",
    "prep",
    "generate_buildrequires",
    "conf",
    "build",
    "install",
    "check",
    "clean",
    "files",
    "changelog",
    "pre",
    "post",
    "preun",
    "postun",
    "pretrans",
    "posttrans",
    "preuntrans",
    "postuntrans",
    "verifyscript",
    "triggerin",
    "triggerun",
    "triggerpostun",
    "triggerprein",
    "filetriggerin",
    "transfiletriggerin",
];

/// What is read of a spec file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// `Name:`
    Name,
    /// `Epoch:`
    Epoch,
    /// `Version:`
    Version,
    /// `Release:`
    Release,
}

impl Tag {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Name, Self::Epoch, Self::Version, Self::Release];

    fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Epoch => "epoch",
            Self::Version => "version",
            Self::Release => "release",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tag| text.eq_ignore_ascii_case(tag.as_str()))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a value cannot be told from the file alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It is not there.
    #[error("is not there")]
    Absent,
    /// It is there more than once.
    #[error("is there more than once")]
    Twice,
    /// It stands between `%if` and `%endif`, or a macro in it is defined there.
    #[error("depends on a condition")]
    Condition,
    /// The build system, or another file, defines the macro.
    #[error("needs the macro {0} of the build system")]
    Macro(String),
    /// A command, an expression or a macro with arguments is to be run.
    #[error("needs something to be run")]
    Program,
    /// Macros lead to themselves, or to too much.
    #[error("needs too many macros")]
    TooDeep,
    /// What came out is none.
    #[error("is not one: {0}")]
    Malformed(String),
}

/// A value that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Which.
    pub tag: Tag,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tag, self.reason)
    }
}

/// A macro that the file defines.
#[derive(Debug, Clone)]
enum Macro {
    /// Put in when it is used.
    Text(String),
    /// It is defined, but what it is cannot be told.
    Unknown(Reason),
}

/// What the first part of a file says.
#[derive(Debug, Default)]
struct Preamble {
    macros: HashMap<String, Macro>,
    tags: HashMap<Tag, Result<String, Reason>>,
    /// `%if` without their `%endif` so far.
    conditions: usize,
}

/// The source package of a spec file.
///
/// # Errors
/// Everything that cannot be told from the file.
pub fn read_spec(file: &[u8]) -> Result<PackageIdentity, Vec<Unresolved>> {
    if file.len() > MAX_SPEC_BYTES {
        return Err(Tag::ALL.map(|tag| Unresolved { tag, reason: Reason::TooDeep }).to_vec());
    }
    let text = String::from_utf8_lossy(file);
    let mut preamble = Preamble::default();
    preamble.read(&text);
    let mut unresolved = Vec::new();
    let mut value = |tag: Tag, is_good: fn(&str) -> bool| match preamble.value(tag, is_good) {
        Ok(value) => value,
        Err(Reason::Absent) if tag == Tag::Epoch => "0".to_owned(),
        Err(reason) => {
            unresolved.push(Unresolved { tag, reason });
            String::new()
        }
    };
    let name = value(Tag::Name, is_name);
    let epoch = value(Tag::Epoch, |text| text.parse::<u32>().is_ok()).parse().unwrap_or_default();
    let version = value(Tag::Version, is_version);
    let release = value(Tag::Release, is_version);
    let identity = PackageIdentity { name, epoch, version, release, kind: PackageKind::Source };
    if unresolved.is_empty() { Ok(identity) } else { Err(unresolved) }
}

impl Preamble {
    fn read(&mut self, text: &str) {
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let line = line.trim();
            if is_section(line) {
                return;
            }
            match line.strip_prefix('%') {
                Some(command) => {
                    // A definition of several lines is used by scripts; what it says is not looked at.
                    let mut last = line;
                    let is_long = last.ends_with('\\');
                    while last.ends_with('\\') {
                        last = lines.next().unwrap_or_default();
                    }
                    self.command(command, is_long);
                }
                None => self.tag(line),
            }
        }
    }

    fn tag(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else { return };
        let Some(tag) = Tag::parse(name.trim()) else { return };
        let value = match (self.conditions > 0, self.tags.contains_key(&tag)) {
            (true, _) => Err(Reason::Condition),
            (false, true) => Err(Reason::Twice),
            // The value of a tag is what it is where it stands.
            (false, false) => self.expand(value.trim()),
        };
        self.tags.insert(tag, value);
    }

    fn command(&mut self, command: &str, is_long: bool) {
        let (word, rest) = command.split_once([' ', '\t']).unwrap_or((command, ""));
        match word {
            "if" | "ifarch" | "ifnarch" | "ifos" | "ifnos" => self.conditions += 1,
            "endif" => self.conditions = self.conditions.saturating_sub(1),
            "define" | "global" => self.define(rest.trim(), word == "global", is_long),
            "undefine" => {
                let name = rest.trim();
                let reason = if self.conditions > 0 { Reason::Condition } else { shown(name) };
                self.put(name, Macro::Unknown(reason));
            }
            // Another file says what it likes.
            "include" | "load" => self.conditions = usize::MAX / 2,
            _ => self.defined_within(command),
        }
    }

    fn define(&mut self, definition: &str, at_once: bool, is_long: bool) {
        let end = definition.find(|c: char| !is_macro_letter(c)).unwrap_or(definition.len());
        let (name, body) = definition.split_at(end);
        let has_arguments = body.starts_with('(');
        let body = body.trim();
        let value = match (self.conditions > 0, has_arguments || is_long) {
            (true, _) => Macro::Unknown(Reason::Condition),
            (false, true) => Macro::Unknown(Reason::Program),
            (false, false) if at_once => {
                self.expand(body).map_or_else(Macro::Unknown, |text| Macro::Text(escaped(&text)))
            }
            (false, false) => Macro::Text(body.to_owned()),
        };
        self.put(name, value);
    }

    /// Whether a macro is defined by `%{!?name: %define name …}` depends on the build system.
    fn defined_within(&mut self, command: &str) {
        for word in ["define", "global"] {
            for (at, _) in command.match_indices(&format!("%{word} ")) {
                let rest = command[at + word.len() + 2..].trim_start();
                let end = rest.find(|c: char| !is_macro_letter(c)).unwrap_or(rest.len());
                self.put(&rest[..end], Macro::Unknown(shown(&rest[..end])));
            }
        }
    }

    fn put(&mut self, name: &str, value: Macro) {
        let is_name = !name.is_empty() && name.chars().all(is_macro_letter);
        if is_name && (self.macros.len() < MAX_MACROS || self.macros.contains_key(name)) {
            self.macros.insert(name.to_owned(), value);
        }
    }

    fn value(&self, tag: Tag, is_good: fn(&str) -> bool) -> Result<String, Reason> {
        let value = self.tags.get(&tag).cloned().unwrap_or(Err(Reason::Absent))?;
        let value = value.trim();
        if is_good(value) { Ok(value.to_owned()) } else { Err(Reason::Malformed(value.chars().take(60).collect())) }
    }
}

fn is_section(line: &str) -> bool {
    let Some(command) = line.strip_prefix('%') else { return false };
    let word = command.split(|c: char| !is_macro_letter(c)).next().unwrap_or_default();
    SECTIONS.contains(&word)
}

fn is_macro_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// A text that was put in already keeps its percent signs.
fn escaped(text: &str) -> String {
    text.replace('%', "%%")
}

fn shown(name: &str) -> Reason {
    Reason::Macro(name.chars().take(60).collect())
}

#[cfg(test)]
mod tests;
