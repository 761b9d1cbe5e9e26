//! What review tools know of a repository, and the commands in which they speak (contract: reviewboard 6–8).
//!
//! Every repository with a remote is theirs to look at; one that they never touched has the defaults.

mod archive;
mod change;
mod extra_data;
mod form;
mod listing;
mod login;
#[cfg(test)]
mod tests;

pub use archive::{ARCHIVED_NAME_PREFIX, archived_name};
pub use change::Saved;
pub use extra_data::{ExtraDataEdit, MAX_EXTRA_DATA_BYTES, MAX_PATCH_OPERATIONS, shown};
pub use form::{
    MAX_BUG_TRACKER_CHARS, MAX_ENCODING_CHARS, MAX_PATH_CHARS, MAX_REVIEW_NAME_CHARS, MAX_USERNAME_CHARS, ReviewForm,
    TOOLS, Tool, is_true,
};
pub use listing::{Entry, MAX_RESULTS, Page, RESULTS, ReviewFilter};
pub use login::LOGIN_PROFILE;

use crate::repository::Repository;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What review tools keep with a repository. Its path is the record's remote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewSettings {
    /// A second address of the same repository; empty for none.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub mirror_path: String,
    /// Where its bugs are, with `%s` for a bug's id; empty for nowhere.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub bug_tracker: String,
    /// Encodings of its files, with commas; empty for UTF-8.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub encoding: String,
    /// Who logs in at the remote; the password is in the vault.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub username: String,
    /// Where single files are, with `<revision>` and `<filename>`; kept, and not needed.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub raw_file_url: String,
    /// Whether all who may read anything here may read it.
    pub public: bool,
    /// Whether lists show it.
    pub visible: bool,
    /// Free data of the tools.
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub extra_data: Map<String, Value>,
    /// The name that it had before a review tool archived it, which freed its name and its remote.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub archived_from: Option<String>,
}

impl Repository {
    /// Whether who is not its member may look at it, too. What is in the archive is its members' alone.
    pub fn is_public(&self) -> bool {
        self.archived_at.is_none() && self.review.as_ref().is_some_and(|review| review.public)
    }
}

impl Default for ReviewSettings {
    /// Those of a repository that no review tool has touched: its members' alone, and listed.
    fn default() -> Self {
        Self {
            mirror_path: String::new(),
            bug_tracker: String::new(),
            encoding: String::new(),
            username: String::new(),
            raw_file_url: String::new(),
            public: false,
            visible: true,
            extra_data: Map::new(),
            archived_from: None,
        }
    }
}
