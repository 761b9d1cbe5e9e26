//! Packages: what was built of a project and published in a repository of a platform (contract: abf 4.3).

use crate::error::{Conflict, DomainError, FieldErrors};
use crate::repository::Repository;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

mod harvest;
mod listing;
mod row;
mod spec;
mod upload;

pub use harvest::{Harvest, MAX_SPEC_FILES, SPEC_ENDING, SPEC_FOLDER, SpecContent, SpecTree};
pub use listing::{HEADER, ListedPackage, Listing, Person};
pub use row::{MAX_EPOCH, MAX_PACKAGE_TEXT_BYTES, MAX_PERSON_BYTES};
pub use spec::{MAX_SPEC_BYTES, Reason, Tag, Unresolved, read_spec};
pub use upload::{MAX_UPLOAD_BYTES, MAX_UPLOAD_ROWS, MAX_WRONG_ROWS, UploadForm, read_upload};

/// Packages that one repository may have published.
pub const MAX_PACKAGES: usize = 250_000;

/// What a package holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageKind {
    /// What it is built from.
    Source,
    /// What is installed.
    Binary,
}

impl PackageKind {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Binary => "binary",
        }
    }

    /// Reads the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Source, Self::Binary].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What tells the packages of a repository apart. A source package and a binary one of the same name and version are two,
/// for both are listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageIdentity {
    /// Its name.
    pub name: String,
    /// What outweighs the version; 0 is none.
    pub epoch: u32,
    /// Its version.
    pub version: String,
    /// Which build of the version.
    pub release: String,
    /// What it holds.
    pub kind: PackageKind,
}

/// A package as it is published; its id is given by who stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What tells it apart.
    pub identity: PackageIdentity,
    /// The number of the project that it was built of.
    pub project: u64,
    /// The name of who made the commit that it was built of.
    pub committer_name: Option<String>,
    /// The e-mail address in that commit.
    pub committer_email: Option<String>,
}

/// A package of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Ascends with every package that the tenant publishes.
    pub id: u64,
    /// What was published.
    pub published: Published,
}

/// Whether packages may be published in a repository now.
///
/// # Errors
/// `REPO_WITHOUT_PACKAGES` for one that is of no platform, `REPO_LOCKED` while a mirror copies it (contract: abf 4.12).
pub fn may_publish(repository: &Repository) -> Result<(), DomainError> {
    let conflict = match &repository.build {
        None => Conflict::new("REPO_WITHOUT_PACKAGES", "packages are published in repositories of platforms alone"),
        Some(build) if build.lock.is_some() => Conflict::new(
            "REPO_LOCKED",
            "a mirror copies the repository: nothing is published until its lock is removed",
        ),
        Some(_) => return Ok(()),
    };
    Err(DomainError::Conflict(conflict))
}

/// Whether all rows of an upload are of projects that the repository has.
///
/// # Errors
/// [`DomainError::Invalid`] with the rows that are not, [`MAX_WRONG_ROWS`] at most.
pub fn check_projects(rows: &[Published], projects: &BTreeSet<u64>) -> Result<(), DomainError> {
    let mut errors = FieldErrors::new();
    let strange = rows.iter().enumerate().filter(|(_, row)| !projects.contains(&row.project));
    for (index, row) in strange.take(MAX_WRONG_ROWS) {
        let text = format!("row {}: the repository has no project {}", index + 1, row.project);
        errors.push(format!("/{index}/projectId"), text);
    }
    errors.into_result(())
}

#[cfg(test)]
mod tests;
