//! What is wrong with a skill's folder, told so that its author finds the place.

use serde::{Deserialize, Serialize};

/// Lints of one skill that are told; what follows is left out.
pub const MAX_LINTS: usize = 10;
/// Characters of a lint's sentence. Some quote what the author wrote.
pub const MAX_LINT_CHARS: usize = 300;

/// What is wrong. Codes are stable: programs act on them, sentences may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LintCode {
    /// `SKILL.md` is larger than is read.
    ManifestTooLarge,
    /// `SKILL.md` is a pointer of Git LFS.
    ManifestLfsPointer,
    /// `SKILL.md` is a symbolic link.
    ManifestSymlink,
    /// The provider did not give `SKILL.md`.
    ManifestMissing,
    /// `SKILL.md` is not UTF-8.
    NotUtf8,
    /// The folder has more entries than are told apart.
    FolderTooLarge,
    /// The folder has more scripts than are kept.
    TooManyScripts,
    /// The first line is not `---`.
    FrontMatterMissing,
    /// No line `---` ends the front matter.
    FrontMatterUnclosed,
    /// The front matter is larger than is read.
    FrontMatterTooLarge,
    /// The front matter is not YAML.
    YamlSyntax,
    /// A key is there twice.
    YamlDuplicateKey,
    /// Deeper, longer or more entangled than is read; anchors, aliases and merge keys are not read at all.
    YamlTooComplex,
    /// A value is not of the type that the format asks for.
    YamlType,
    /// There is no `name`.
    NameMissing,
    /// `name` breaks the format's rules.
    NameInvalid,
    /// `name` is not the name of the folder.
    NameNotFolder,
    /// Another skill of the repository has the name.
    NameTaken,
    /// There is no `description`.
    DescriptionMissing,
    /// `description` is too long, or holds control characters.
    DescriptionInvalid,
    /// `license` is too long, or holds control characters.
    LicenseInvalid,
    /// `compatibility` is too long, or holds control characters.
    CompatibilityInvalid,
    /// `metadata` has too many entries, or one is too long.
    MetadataInvalid,
    /// `allowed-tools` has too many entries, or one is too long.
    AllowedToolsInvalid,
}

impl LintCode {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::ManifestTooLarge,
        Self::ManifestLfsPointer,
        Self::ManifestSymlink,
        Self::ManifestMissing,
        Self::NotUtf8,
        Self::FolderTooLarge,
        Self::TooManyScripts,
        Self::FrontMatterMissing,
        Self::FrontMatterUnclosed,
        Self::FrontMatterTooLarge,
        Self::YamlSyntax,
        Self::YamlDuplicateKey,
        Self::YamlTooComplex,
        Self::YamlType,
        Self::NameMissing,
        Self::NameInvalid,
        Self::NameNotFolder,
        Self::NameTaken,
        Self::DescriptionMissing,
        Self::DescriptionInvalid,
        Self::LicenseInvalid,
        Self::CompatibilityInvalid,
        Self::MetadataInvalid,
        Self::AllowedToolsInvalid,
    ];
}

/// One thing that is wrong with a skill's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lint {
    /// What.
    pub code: LintCode,
    /// Line of `SKILL.md`, from 1; 1 for what has no line of its own.
    pub line: u32,
    /// What to do about it, in one line of at most [`MAX_LINT_CHARS`] characters.
    pub message: String,
}

impl Lint {
    /// A lint at a line. The sentence is cut to its bounds.
    pub fn at(line: u64, code: LintCode, message: impl AsRef<str>) -> Self {
        let line = u32::try_from(line).unwrap_or(u32::MAX).max(1);
        Self { code, line, message: one_line(message.as_ref(), MAX_LINT_CHARS) }
    }

    /// A lint of the file, or the folder, as a whole.
    pub fn whole(code: LintCode, message: impl AsRef<str>) -> Self {
        Self::at(1, code, message)
    }
}

/// A text without control characters and of so many characters at most; what was cut off is marked.
fn one_line(text: &str, limit: usize) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().count() <= limit {
        return text.chars().map(clean).collect();
    }
    text.chars().take(limit - 1).map(clean).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_one_bounded_line() {
        let lint = Lint::at(0, LintCode::YamlSyntax, format!("a\nb\u{7}{}", "ü".repeat(400)));
        assert_eq!((lint.line, lint.message.chars().count()), (1, MAX_LINT_CHARS));
        assert!(lint.message.starts_with("a b ü") && lint.message.ends_with('…'));
        assert_eq!(Lint::whole(LintCode::NotUtf8, "x".repeat(MAX_LINT_CHARS)).message.len(), MAX_LINT_CHARS);
    }

    #[test]
    fn codes_are_what_programs_know() {
        let texts: Vec<String> = LintCode::ALL.iter().map(|code| serde_json::to_string(code).unwrap()).collect();
        assert_eq!(texts.iter().collect::<std::collections::BTreeSet<_>>().len(), LintCode::ALL.len());
        assert_eq!((texts[0].as_str(), texts[4].as_str()), ("\"manifest-too-large\"", "\"not-utf8\""));
    }
}
