//! Who may do what with a platform and its repositories: one table (contract: abf 2, as its section 6 has it).

use super::owner::Asking;
use super::record::{MAIN_REPOSITORY, Platform, Visibility};
use crate::access::{GlobalRole, Principal, RepositoryRole, Scope, TokenKind};
use crate::error::{Denial, DomainError};

use super::group::RelationRole;

/// Whether a caller passes every check of platforms: a person who administers the tenant, or a tool that may.
pub fn is_global_administrator(principal: &Principal) -> bool {
    match principal.kind {
        TokenKind::Personal => principal.roles.contains(&GlobalRole::Admin),
        TokenKind::Integration => principal.has_scope(Scope::Admin),
        TokenKind::Platform => false,
    }
}

/// Whether a caller is one of the machines that build and mirror.
pub fn is_system(principal: &Principal) -> bool {
    principal.kind == TokenKind::Personal && principal.roles.contains(&GlobalRole::System)
}

/// What a caller is on a platform and in one of its repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Passes nearly every check.
    pub global_administrator: bool,
    /// Builds or mirrors.
    pub system: bool,
    /// Administers the platform, or owns the repository.
    pub local_administrator: bool,
    /// Is in the repository's list of members.
    pub member: bool,
    /// May look at the platform for what the platform itself says; members of a repository may look besides.
    pub viewer: bool,
}

impl Standing {
    /// What a caller is; `listed` is what the repository's list of members says of them.
    pub fn of(asking: Asking<'_>, platform: &Platform, listed: Option<RepositoryRole>) -> Self {
        let principal = asking.principal;
        // Whoever acts by scope alone is in no list.
        let tool = principal.kind == TokenKind::Integration;
        let listed = listed.filter(|_| !tool);
        let owner = !tool && asking.owns_as(platform.owner.actor);
        let related = platform.relations.iter().filter(|relation| !tool && asking.is(relation.party.actor));
        let role = related.map(|relation| relation.role).max();
        let local_administrator =
            tool || owner || role == Some(RelationRole::Admin) || listed == Some(RepositoryRole::Owner);
        Self {
            global_administrator: is_global_administrator(principal),
            system: is_system(principal),
            local_administrator,
            member: listed.is_some(),
            viewer: platform.visibility == Visibility::Open || owner || role.is_some(),
        }
    }

    /// Whether the caller may look at the platform and at all that is on it.
    pub fn sees(self) -> bool {
        self.viewer || self.member || self.administers()
    }

    /// Whether the caller administers the platform, wherever that comes from.
    pub fn administers(self) -> bool {
        self.local_administrator || self.global_administrator
    }

    /// Decides on one action.
    ///
    /// # Errors
    /// [`Denial::PlatformAccess`] for who may not look, [`Denial::PlatformManage`] for the rest.
    pub fn need(self, platform: &Platform, action: BuildAction<'_>) -> Result<(), DomainError> {
        let allowed = match action {
            BuildAction::Show => self.sees(),
            BuildAction::Packages | BuildAction::Update | BuildAction::Administer => self.administers(),
            // The one repository that a personal platform has comes and goes with it.
            BuildAction::Create(name) | BuildAction::Destroy(name) => {
                self.administers() && (platform.is_main() || name != MAIN_REPOSITORY)
            }
            BuildAction::ChangeMembers | BuildAction::Sign => platform.is_main() && self.administers(),
            BuildAction::ChangeProjects => self.administers() || self.member,
            BuildAction::Lock => platform.is_main() && (self.administers() || self.system),
            BuildAction::ReadKeys => self.system,
        };
        let denial = if action == BuildAction::Show { Denial::PlatformAccess } else { Denial::PlatformManage };
        if allowed { Ok(()) } else { Err(DomainError::Denied(denial)) }
    }
}

/// What a caller wants to do on a platform (contract: abf 2, operations). Names are those of repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildAction<'a> {
    /// Look at a repository, its projects, or the platform.
    Show,
    /// Read the list of published packages.
    Packages,
    /// Make a repository.
    Create(&'a str),
    /// Change a repository's settings.
    Update,
    /// Delete a repository.
    Destroy(&'a str),
    /// Add and remove a repository's members.
    ChangeMembers,
    /// Add and remove a repository's projects.
    ChangeProjects,
    /// Replace a repository's keys.
    Sign,
    /// Say that a mirror copies a repository, or does so no more.
    Lock,
    /// Read a repository's keys, the secret one too.
    ReadKeys,
    /// Change the platform and who has to do with it.
    Administer,
}

#[cfg(test)]
mod tests;
