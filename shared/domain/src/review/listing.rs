//! Which repositories a list shows, and which part of it (contract: reviewboard 6).

use super::{ReviewSettings, Tool};
use crate::error::FieldErrors;
use crate::id::RepositoryId;
use crate::repository::Repository;
use serde::{Deserialize, Serialize};

/// Results of a page unless said otherwise.
pub const RESULTS: usize = 25;
/// Most results of a page; who asks for more gets these.
pub const MAX_RESULTS: usize = 200;

/// A part of a list, by offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many results come before it.
    pub start: usize,
    /// How many it has at most.
    pub max_results: usize,
}

impl Page {
    /// Reads `start` and `max-results`.
    pub fn read(start: Option<&str>, max_results: Option<&str>, errors: &mut FieldErrors) -> Self {
        let mut integer = |field: &str, text: &str| {
            let number = text.trim().parse::<i64>();
            number.map_err(|_| errors.push(field, format!("\"{}\" is not an integer", quoted(text)))).ok()
        };
        let start = start.map(|text| integer("/start", text).unwrap_or_default());
        let most = max_results.map(|text| integer("/max-results", text).unwrap_or_default());
        if most.is_some_and(|most| most < 0) {
            errors.push("/max-results", "must not be negative");
        }
        Self {
            start: start.map_or(0, |start| usize::try_from(start.max(0)).unwrap_or(usize::MAX)),
            max_results: most.map_or(RESULTS, |most| usize::try_from(most).unwrap_or(0).min(MAX_RESULTS)),
        }
    }

    /// Where the page before begins; `None` on the first.
    pub fn previous(self) -> Option<usize> {
        (self.start > 0).then(|| self.start.saturating_sub(self.max_results))
    }

    /// Where the page behind begins, when this one shows so many of `total` results; `None` on the last.
    pub fn next(self, shown: usize, total: usize) -> Option<usize> {
        let next = self.start.saturating_add(shown);
        (next < total).then_some(next)
    }
}

/// The beginning of a text that is told back to who sent it.
fn quoted(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(100).collect()
}

/// What a list is asked for; all of it must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewFilter {
    /// One of these names, exactly.
    pub names: Option<Vec<String>>,
    /// One of these as path or mirror path, exactly.
    pub paths: Option<Vec<String>>,
    /// One of these as name, path or mirror path, exactly.
    pub names_or_paths: Option<Vec<String>>,
    /// One of these tools, by id or name.
    pub tools: Option<Vec<String>>,
    /// One of these hosting services; no repository here has one.
    pub hosting_services: Option<Vec<String>>,
    /// Logged in at the remote as one of these.
    pub usernames: Option<Vec<String>>,
    /// A name that begins so, ignoring case; the list is then by name.
    pub prefix: Option<String>,
    /// Hidden ones as well.
    pub show_invisible: bool,
}

impl ReviewFilter {
    /// Takes one parameter of a query; `false` for one that filters nothing. An empty value filters nothing either.
    pub fn read(&mut self, name: &str, value: &str) -> bool {
        let list = || Some(value.split(',').map(str::to_owned).collect());
        if value.is_empty() {
            return matches!(
                name,
                "name" | "path" | "name-or-path" | "tool" | "hosting-service" | "username" | "q" | "show-invisible"
            );
        }
        match name {
            "name" => self.names = list(),
            "path" => self.paths = list(),
            "name-or-path" => self.names_or_paths = list(),
            "tool" => self.tools = list(),
            "hosting-service" => self.hosting_services = list(),
            "username" => self.usernames = list(),
            "q" => self.prefix = Some(value.to_owned()),
            "show-invisible" => self.show_invisible = true,
            _ => return false,
        }
        true
    }

    /// Whether a repository is one of those that were asked for, whoever asks. Visibility is not looked at.
    pub fn shows(&self, entry: &Entry) -> bool {
        let Some(path) = entry.path.as_deref() else { return false };
        let (name, mirror) = (entry.name.as_str(), entry.mirror_path.as_str());
        let one_of = |wanted: &Option<Vec<String>>, places: &[&str]| {
            wanted.as_ref().is_none_or(|wanted| {
                places.iter().any(|place| !place.is_empty() && wanted.iter().any(|text| text == place))
            })
        };
        one_of(&self.names, &[name])
            && one_of(&self.paths, &[path, mirror])
            && one_of(&self.names_or_paths, &[name, path, mirror])
            && self.tools.as_ref().is_none_or(|tools| tools.iter().any(|tool| Tool::GIT.is_called(tool)))
            && self.hosting_services.is_none()
            && one_of(&self.usernames, &[&entry.username])
            && self.prefix.as_ref().is_none_or(|prefix| name.to_lowercase().starts_with(&prefix.to_lowercase()))
    }
}

/// What lists look at of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Which it is.
    pub id: RepositoryId,
    /// Its small number.
    pub number: u64,
    /// Its name as it is shown beside those of other namespaces.
    pub name: String,
    /// Where it is; absent without a remote, and then it is none of theirs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// A second address; empty for none.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub mirror_path: String,
    /// Who logs in at the remote; empty for nobody.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub username: String,
    /// Whether all may read it.
    pub public: bool,
    /// Whether lists show it.
    pub visible: bool,
    /// Whether it is in the archive.
    pub archived: bool,
}

impl Entry {
    /// That of a repository.
    pub fn of(repository: &Repository) -> Self {
        let review = repository.review_settings();
        Self {
            id: repository.id,
            number: repository.number,
            name: repository.shown_name(),
            path: repository.has_remote().then(|| repository.shown_url()),
            mirror_path: review.mirror_path,
            username: review.username,
            public: review.public,
            visible: review.visible,
            archived: repository.archived_at.is_some(),
        }
    }
}

impl Repository {
    /// What review tools keep with it; the defaults where none has touched it.
    pub fn review_settings(&self) -> ReviewSettings {
        self.review.clone().unwrap_or_default()
    }
}
