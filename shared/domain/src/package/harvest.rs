//! The packages of a project, as the spec files of one commit say them.

use super::row::MAX_PERSON_BYTES;
use super::spec::{MAX_SPEC_BYTES, read_spec};
use super::{PackageIdentity, Published};
use std::collections::BTreeSet;

/// Spec files that are read of one project; of the rest it is told that they are there.
pub const MAX_SPEC_FILES: usize = 20;
/// The folder besides the root in which spec files are looked for (RPM: the layout of a build tree).
pub const SPEC_FOLDER: &str = "SPECS";
/// What the names of spec files end with.
pub const SPEC_ENDING: &str = ".spec";
/// Longest path of a spec file that is shown, in characters.
const MAX_SHOWN: usize = 80;

/// The content of a spec file, or why there is none to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecContent {
    /// Its bytes, at most [`MAX_SPEC_BYTES`].
    Bytes(Vec<u8>),
    /// It has more bytes than are read.
    TooLarge,
    /// It is a symbolic link.
    Symlink,
    /// The remote did not give it, although the tree names it.
    Missing,
}

impl SpecContent {
    /// What the content of a file comes to.
    pub fn of(content: &[u8]) -> Self {
        if content.len() > MAX_SPEC_BYTES { Self::TooLarge } else { Self::Bytes(content.to_vec()) }
    }
}

/// The spec files of one commit, in the root and in [`SPEC_FOLDER`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpecTree {
    /// Paths and contents, [`MAX_SPEC_FILES`] at most.
    pub files: Vec<(String, SpecContent)>,
    /// Whether there are more.
    pub more: bool,
    /// The name of who made the commit.
    pub committer_name: Option<String>,
    /// The e-mail address of who made it.
    pub committer_email: Option<String>,
}

/// What the spec files of a project come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Harvest {
    /// The source packages, each once.
    pub packages: Vec<Published>,
    /// What could not be told from the files, in words for people; of several files the first.
    pub unresolved: Option<String>,
}

impl Harvest {
    /// Reads every spec file of a project: what one of them does not say holds back no other.
    pub fn of(project: u64, tree: &SpecTree) -> Self {
        let (mut identities, mut unresolved) = (BTreeSet::<PackageIdentity>::new(), None);
        for (path, content) in &tree.files {
            let read = match content {
                SpecContent::Bytes(bytes) => read_spec(bytes).map_err(|reasons| {
                    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
                    reasons.join(", ")
                }),
                SpecContent::TooLarge => Err(format!("has more than {MAX_SPEC_BYTES} bytes")),
                SpecContent::Symlink => Err("is a symbolic link".to_owned()),
                SpecContent::Missing => Err("was not given by the remote".to_owned()),
            };
            match read {
                Ok(identity) => {
                    identities.insert(identity);
                }
                Err(reason) => {
                    unresolved.get_or_insert_with(|| one_line(&format!("{}: {reason}", shown(path))));
                }
            }
        }
        if tree.more {
            unresolved.get_or_insert_with(|| format!("it has more than {MAX_SPEC_FILES} spec files"));
        } else if tree.files.is_empty() {
            unresolved = Some(format!("it has no {SPEC_ENDING} file in its root or in {SPEC_FOLDER}/"));
        }
        let committer = |text: &Option<String>| text.as_deref().and_then(person);
        let (name, email) = (committer(&tree.committer_name), committer(&tree.committer_email));
        let packages = identities.into_iter().map(|identity| Published {
            identity,
            project,
            committer_name: name.clone(),
            committer_email: email.clone(),
        });
        Self { packages: packages.collect(), unresolved }
    }
}

/// A name or an address as an upload may have it; none when it could not be in one.
fn person(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= MAX_PERSON_BYTES && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
}

fn shown(path: &str) -> String {
    path.chars().take(MAX_SHOWN).collect()
}

/// The files of strangers are part of it.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(version: &str) -> SpecContent {
        SpecContent::of(format!("Name: foo\nVersion: {version}\nRelease: 1\n").as_bytes())
    }

    fn tree(files: &[(&str, SpecContent)]) -> SpecTree {
        let files = files.iter().map(|(path, content)| ((*path).to_owned(), content.clone())).collect();
        let (name, email) = (Some(" Ann ".to_owned()), Some("a\u{7}@x.example".to_owned()));
        SpecTree { files, more: false, committer_name: name, committer_email: email }
    }

    #[test]
    fn what_one_file_does_not_say_holds_back_no_other() {
        let files = [("a.spec", spec("%{upstream}")), ("b.spec", spec("1.0")), ("SPECS/b.spec", spec("1.0"))];
        let harvest = Harvest::of(7, &tree(&files));
        assert_eq!(harvest.packages.len(), 1, "the same package twice is one");
        let package = &harvest.packages[0];
        assert_eq!((package.project, package.identity.version.as_str()), (7, "1.0"));
        assert_eq!((package.committer_name.as_deref(), package.committer_email.as_deref()), (Some("Ann"), None));
        let told = harvest.unresolved.unwrap();
        assert_eq!(told, "a.spec: version needs the macro upstream of the build system");
    }

    #[test]
    fn what_cannot_be_read_is_told_in_one_line() {
        let long = SpecContent::of(&vec![b'#'; MAX_SPEC_BYTES + 1]);
        for (files, told) in [
            (vec![], "it has no .spec file in its root or in SPECS/"),
            (vec![("a.spec", long)], "a.spec: has more than 524288 bytes"),
            (vec![("a\nb.spec", SpecContent::Symlink)], "a b.spec: is a symbolic link"),
            (vec![("a.spec", SpecContent::Missing)], "a.spec: was not given by the remote"),
        ] {
            assert_eq!(Harvest::of(1, &tree(&files)).unresolved.as_deref(), Some(told));
        }
        let many = SpecTree { more: true, ..tree(&[("a.spec", spec("1"))]) };
        let harvest = Harvest::of(1, &many);
        assert_eq!(
            (harvest.packages.len(), harvest.unresolved.unwrap().as_str()),
            (1, "it has more than 20 spec files")
        );
    }
}
