//! Platforms: repositories of packages that are built for one distribution (contract: abf 3).

use crate::repository::{CreateRepository, RemotePlace};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The namespace of a platform's repositories.
pub fn namespace_of(platform: u64) -> String {
    format!("platform/{platform}")
}

/// The number of a namespace's platform; `None` for one of another kind.
pub fn platform_of(namespace: &str) -> Option<u64> {
    namespace.strip_prefix("platform/")?.parse().ok()
}

/// A mirror copies the repository: nothing is published into it (contract: abf 4.12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishLock {
    /// The name of the user who set it.
    pub holder: String,
    /// Since when.
    pub since: Timestamp,
}

/// What a platform knows of one of its repositories. Its description is the record's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSettings {
    /// Whoever may write a project may publish what was built of it.
    pub publish_without_qa: bool,
    /// Publications of its platform's repositories go out together.
    #[serde(default)]
    pub synchronizing_publications: bool,
    /// The only branch that is published from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub publish_builds_only_from_branch: Option<String>,
    /// Set while nothing may be published.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lock: Option<PublishLock>,
}

impl CreateRepository {
    /// A repository of a platform; it has no remote of its own.
    pub fn in_platform(platform: u64, name: String, description: String, build: BuildSettings) -> Self {
        let place = RemotePlace { description: Some(description), ..RemotePlace::default() };
        Self { build: Some(build), ..Self::at(namespace_of(platform), name, place) }
    }
}
