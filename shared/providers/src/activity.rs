//! What happened in a repository of late (contract: hookcode 2.8).

/// Largest page (contract: hookcode 2.8).
pub const MAX_ACTIVITY_PAGE: u8 = 20;

/// Which pages are asked for. Numbers begin at 1; what is out of range is moved to the nearest that is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivityPages {
    /// Items on each page, 1 to [`MAX_ACTIVITY_PAGE`].
    pub page_size: u8,
    /// Page of commits.
    pub commits: u32,
    /// Page of merged changes.
    pub merges: u32,
    /// Page of issues.
    pub issues: u32,
}

impl ActivityPages {
    /// In range.
    pub(crate) fn page_size(self) -> usize {
        self.page_size.clamp(1, MAX_ACTIVITY_PAGE).into()
    }

    /// An empty page: of a repository without commits, of issues that are switched off.
    pub(crate) fn empty<T>(self, page: u32) -> Page<T> {
        Page { items: Vec::new(), page: page.max(1), page_size: self.page_size(), has_more: false }
    }
}

/// One page each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Newest commits of the default branch.
    pub commits: Page<Commit>,
    /// Merged pull or merge requests, last changed first.
    pub merges: Page<Change>,
    /// Issues, open and closed, newest first.
    pub issues: Page<Change>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// At most `page_size`.
    pub items: Vec<T>,
    /// Its number, from 1.
    pub page: u32,
    /// How many items a full page has.
    pub page_size: usize,
    /// Whether a later page has items. At GitHub, merged changes and issues are found by looking through the newest
    /// 1,000 closed pull requests, or issues and pull requests; where that look ends early, this is `true` for the
    /// last page with items, since older ones may exist, and the page after it is empty.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// The same page of other items.
    pub(crate) fn map<U>(self, of: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, page, page_size, has_more } = self;
        Page { items: items.into_iter().map(of).collect(), page, page_size, has_more }
    }
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The whole hash.
    pub id: String,
    /// The beginning of the hash.
    pub short_id: String,
    /// First line of its message.
    pub title: String,
    /// Its page.
    pub url: Option<String>,
    /// When it was committed, in the provider's ISO 8601 form.
    pub time: Option<String>,
}

/// A merged change, or an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The number that users see.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its page.
    pub url: Option<String>,
    /// `merged`; of an issue the provider's word.
    pub state: String,
    /// When it was last changed, else created, in the provider's ISO 8601 form.
    pub time: Option<String>,
}

/// The first line of a commit's message.
pub(crate) fn first_line(message: &str) -> &str {
    message.trim_start().lines().next().unwrap_or_default()
}
