//! Platforms: repositories of packages that are built for one distribution (contract: abf 3).

use crate::repository::{CreateRepository, DEFAULT_SYNC_INTERVAL_MINUTES, RemotePlace};
use crate::signing::SigningKey;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

mod build;
mod group;
mod names;
mod owner;
mod project;
mod record;
mod rights;

pub use build::{BuildChange, MAX_PUBLISH_BRANCH, MAX_REPOSITORY_GROUPS};
pub use group::{
    CreateGroup, Group, GroupMember, MAX_GROUP_MEMBERS, MAX_GROUPS, PERSONAL_SUFFIX, PatchGroup, RelationRole,
    personal_platform_name,
};
pub use names::{
    BLANK, INVALID, MAX_ABF_NAME, MAX_BUILD_DESCRIPTION, MAX_PLATFORM_DESCRIPTION, TAKEN, check_text, is_group_name,
    is_line, is_platform_name, is_project_name, is_repository_name, too_long,
};
pub use owner::{Actor, Asking, Party, UserRef};
pub use project::{
    BuildProject, CreateProject, DEFAULT_PROJECT_BRANCH, MAX_REPOSITORIES_OF_PROJECT, PatchProject, ProjectPlace,
};
pub use record::{
    CreatePlatform, DEFAULT_DISTRIB_TYPE, MAIN_REPOSITORY, MAX_NUMBER, MAX_RELATIONS, MAX_REPOSITORIES_OF_PLATFORM,
    PatchPlatform, Platform, PlatformType, Relation, Visibility,
};
pub use rights::{BuildAction, Standing, is_global_administrator, is_system};

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
    /// By which its packages are signed, once there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signing: Option<SigningKey>,
    /// Groups that were added to its members. They give their own members no right.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub groups: BTreeSet<u64>,
    /// Comes and goes with its platform alone: `main` of a personal one.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub permanent: bool,
}

impl Default for BuildSettings {
    fn default() -> Self {
        Self {
            publish_without_qa: true,
            synchronizing_publications: false,
            publish_builds_only_from_branch: None,
            lock: None,
            signing: None,
            groups: BTreeSet::new(),
            permanent: false,
        }
    }
}

impl CreateRepository {
    /// A repository of a platform; it has no remote of its own. Its syncs read those of its projects.
    pub fn in_platform(platform: u64, name: String, description: String, build: BuildSettings) -> Self {
        let place = RemotePlace { description: Some(description), ..RemotePlace::default() };
        let mut command = Self { build: Some(build), ..Self::at(namespace_of(platform), name, place) };
        command.settings.sync_interval_minutes = Some(DEFAULT_SYNC_INTERVAL_MINUTES);
        command
    }
}
