//! A skill as the registry keeps it.

use super::lint::Lint;
use crate::id::{RepositoryId, SkillId, UserId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Skills of one repository: those that its folders hold, and those that were added by hand.
pub const MAX_SKILLS: usize = 1_000;

/// Where a skill comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkillSource {
    /// Found in the repository by a scan.
    Discovered,
    /// Added by hand; scans leave it alone.
    Manual,
}

impl SkillSource {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Discovered, Self::Manual];

    /// Reads the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Discovered => "discovered",
            Self::Manual => "manual",
        }
    }
}

/// How a skill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SkillStatus {
    /// It can be used.
    Ok,
    /// Its folder was never good: it has no version, no name of its own, and is not counted.
    Invalid,
    /// Its newest version can do more than anybody accepted.
    Escalated,
}

impl SkillStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Invalid, Self::Escalated];

    /// Reads the wire name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Invalid => "invalid",
            Self::Escalated => "escalated",
        }
    }
}

/// What a skill lets a robot do beyond reading: programs that it brings, and tools that need no question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Powers {
    /// Paths below the skill's folder of what may be run, sorted.
    #[serde(default)]
    pub scripts: Vec<String>,
    /// `allowed-tools`, in the author's order.
    #[serde(default)]
    pub tools: Vec<String>,
}

impl Powers {
    /// Whether it can do nothing.
    pub fn is_empty(&self) -> bool {
        self.scripts.is_empty() && self.tools.is_empty()
    }

    /// What of this goes beyond what was accepted. `Bash` covers `Bash(git:*)`, never the other way round.
    #[must_use]
    pub fn beyond(&self, accepted: &Self) -> Self {
        let covers = |tool: &str| {
            let bare = tool.split_once('(').map_or(tool, |(bare, _)| bare);
            accepted.tools.iter().any(|known| known == tool || known == bare)
        };
        let is_new = |path: &&String| accepted.scripts.binary_search(path).is_err();
        Self {
            scripts: self.scripts.iter().filter(is_new).cloned().collect(),
            tools: self.tools.iter().filter(|tool| !covers(tool)).cloned().collect(),
        }
    }
}

/// The newest version can do more than the accepted one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// Since which scan.
    pub since: Timestamp,
    /// What came on top.
    pub added: Powers,
}

/// The last version whose powers were accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Its digest.
    pub version: String,
    /// When.
    pub at: Timestamp,
    /// By whom; nobody for a version that could do no more than the one before it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// What it can do.
    pub powers: Powers,
}

/// A skill of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skill {
    /// Its id: kept while its folder changes, and when the folder moves.
    pub id: SkillId,
    /// Whose it is.
    pub repository: RepositoryId,
    /// Its name, one of its kind in the repository; none while its folder was never good.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// What it does and when to use it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Of a discovered one: `sha256:` and the digest of everything in its folder, as it last was good. Of one added by
    /// hand: free text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
    /// Path of its `SKILL.md` in the repository; of one added by hand: free text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// Where it comes from.
    pub source: SkillSource,
    /// The author's own notes.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// What it needs around it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compatibility: Option<String>,
    /// Under which terms.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub license: Option<String>,
    /// What it can do.
    #[serde(default)]
    pub powers: Powers,
    /// What is wrong with its folder now. What else is told is of the last version without these.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub lint: Vec<Lint>,
    /// Set while its version can do more than was accepted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub escalation: Option<Escalation>,
    /// The last version whose powers were accepted; none for one added by hand.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accepted: Option<Accepted>,
    /// When it was first listed.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub revision: u64,
}

impl Skill {
    /// A skill of which nothing is known yet.
    pub(super) fn unknown(id: SkillId, repository: RepositoryId, source: SkillSource, now: Timestamp) -> Self {
        Self {
            id,
            repository,
            name: None,
            description: None,
            version: None,
            path: None,
            source,
            metadata: BTreeMap::new(),
            compatibility: None,
            license: None,
            powers: Powers::default(),
            lint: Vec::new(),
            escalation: None,
            accepted: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    /// How it is.
    pub fn status(&self) -> SkillStatus {
        match (&self.name, &self.escalation) {
            (None, _) => SkillStatus::Invalid,
            (Some(_), Some(_)) => SkillStatus::Escalated,
            (Some(_), None) => SkillStatus::Ok,
        }
    }

    /// Whether it counts as a skill of its repository: it has a name, hence was good at least once.
    pub fn is_counted(&self) -> bool {
        self.name.is_some()
    }
}
