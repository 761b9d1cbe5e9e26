//! Putting macros in: those that the file defines, within bounds of depth, steps and length.

use super::{Macro, Preamble, Reason, Tag, is_macro_letter, shown};

/// How deep macros may lead into one another (RPM: 64).
const MAX_DEPTH: usize = 16;
/// Macros that one value may need.
const MAX_STEPS: usize = 200;
/// The longest value on the way, in bytes.
const MAX_LENGTH: usize = 4 * 1024;

struct Expansion<'p> {
    preamble: &'p Preamble,
    steps: usize,
    out: String,
}

impl Preamble {
    /// A text with its macros put in.
    pub(super) fn expand(&self, text: &str) -> Result<String, Reason> {
        let mut expansion = Expansion { preamble: self, steps: 0, out: String::new() };
        expansion.run(text, 0)?;
        Ok(expansion.out)
    }
}

impl Expansion<'_> {
    fn run(&mut self, text: &str, depth: usize) -> Result<(), Reason> {
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            self.put(&rest[..at])?;
            rest = &rest[at + 1..];
            rest = match rest.chars().next() {
                Some('%') => {
                    self.put("%")?;
                    &rest[1..]
                }
                Some('{') => {
                    let end = closing(rest).ok_or(Reason::Program)?;
                    self.braced(&rest[1..end], depth)?;
                    &rest[end + 1..]
                }
                Some('(' | '[') => return Err(Reason::Program),
                _ => self.bare(rest, depth)?,
            };
        }
        self.put(rest)
    }

    fn put(&mut self, text: &str) -> Result<(), Reason> {
        self.out.push_str(text);
        if self.out.len() > MAX_LENGTH { Err(Reason::TooDeep) } else { Ok(()) }
    }

    /// `%name`, `%?name` and `%!?name`; what comes after it is returned.
    fn bare<'t>(&mut self, rest: &'t str, depth: usize) -> Result<&'t str, Reason> {
        let marks = rest.len() - rest.trim_start_matches(['!', '?']).len();
        let letters = rest[marks..].find(|c: char| !is_macro_letter(c)).unwrap_or(rest.len() - marks);
        let name = &rest[marks..marks + letters];
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        // RPM leaves a percent sign that begins no macro as it is.
        if !begins || name.len() < 3 {
            if begins || marks > 0 || rest.starts_with(['*', '#', '-']) {
                return Err(Reason::Program);
            }
            self.put("%")?;
            return Ok(rest);
        }
        self.call(&rest[..marks], name, None, depth)?;
        Ok(&rest[marks + letters..])
    }

    /// What stands between braces.
    fn braced(&mut self, inner: &str, depth: usize) -> Result<(), Reason> {
        let marks = inner.len() - inner.trim_start_matches(['!', '?']).len();
        let end = inner[marks..].find(|c: char| !is_macro_letter(c)).map_or(inner.len(), |at| marks + at);
        let (name, rest) = (&inner[marks..end], &inner[end..]);
        match rest.strip_prefix(':') {
            Some(text) if marks > 0 => self.call(&inner[..marks], name, Some(text), depth),
            None if rest.is_empty() && !name.is_empty() => self.call(&inner[..marks], name, None, depth),
            // Built in: `%{expr:…}`, `%{lua:…}`, `%{suffix:…}`, and macros with arguments.
            Some(_) | None => Err(Reason::Program),
        }
    }

    fn call(&mut self, marks: &str, name: &str, text: Option<&str>, depth: usize) -> Result<(), Reason> {
        self.steps += 1;
        if depth >= MAX_DEPTH || self.steps > MAX_STEPS {
            return Err(Reason::TooDeep);
        }
        let negated = marks.matches('!').count() % 2 == 1;
        let preamble = self.preamble;
        let body = match preamble.macros.get(name) {
            Some(Macro::Text(body)) => body.clone(),
            Some(Macro::Unknown(reason)) => return Err(reason.clone()),
            None => match Tag::parse(name).filter(|tag| tag.as_str() == name).and_then(|tag| preamble.tags.get(&tag)) {
                Some(value) => super::escaped(&value.clone()?),
                // Also asked whether it is defined: the build system knows.
                None => return Err(shown(name)),
            },
        };
        match text {
            _ if negated => Ok(()),
            Some(text) => self.run(text, depth + 1),
            None => self.run(&body, depth + 1),
        }
    }
}

/// Where the brace closes that a text begins with.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
    }
    None
}
