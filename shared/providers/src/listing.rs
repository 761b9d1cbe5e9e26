//! Repositories that a credential can see, page by page.

use crate::error::{ProviderError, Service};
use crate::meta::{Identity, Visibility};

/// Repositories on a page.
pub const REPOSITORY_PAGE: usize = 100;
/// Last page that is asked for; GitLab refuses to count further.
const LAST_PAGE: u32 = 500;

/// A page of repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPage {
    /// At most [`REPOSITORY_PAGE`]; fewer, even none, where some were left out.
    pub items: Vec<ListedRepository>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// One repository of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRepository {
    /// Its number and full name or path.
    pub identity: Identity,
    /// The last part of its full name.
    pub name: String,
    /// Its page.
    pub web_url: Option<String>,
    /// Where Git finds it over https.
    pub clone_url: Option<String>,
    /// The branch that it shows first.
    pub default_branch: Option<String>,
    /// Who can see it.
    pub visibility: Visibility,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it is read-only.
    pub archived: bool,
}

/// Which of a provider's lists is read. The first page finds out; later ones are told by the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// Everything that the access can see.
    All,
    /// Of an organization or group.
    Group,
    /// Of a user.
    User,
    /// Of the access's own account.
    Own,
}

/// A place in a list. On the wire it is a letter and a page number: nothing that could lead a call elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) list: List,
    pub(crate) page: u32,
}

const LETTERS: [(List, &str); 4] = [(List::All, "a"), (List::Group, "g"), (List::User, "u"), (List::Own, "o")];

impl Cursor {
    /// Reads a cursor; without one it is the beginning of the owner's list, or of all.
    pub(crate) fn read(
        service: impl Into<Service>,
        text: Option<&str>,
        owner: Option<&str>,
    ) -> Result<Self, ProviderError> {
        let Some(text) = text else {
            return Ok(Self { list: if owner.is_some() { List::Group } else { List::All }, page: 1 });
        };
        let found = LETTERS.iter().find_map(|(list, letter)| {
            let number = text.strip_prefix(letter)?;
            let plain = (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
            let page = if plain { number.parse().ok()? } else { return None };
            let fits = (*list == List::All) == owner.is_none() && (2..=LAST_PAGE).contains(&page);
            fits.then_some(Self { list: *list, page })
        });
        found.ok_or_else(|| ProviderError::unusable(service, "the cursor is not one of this list"))
    }

    /// The cursor of the page after this one.
    pub(crate) fn next(self) -> Option<String> {
        let letter = LETTERS.iter().find(|(list, _)| *list == self.list).map(|(_, letter)| letter)?;
        (self.page < LAST_PAGE).then(|| format!("{letter}{}", self.page + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use repoplane_domain::repository::Provider;

    #[test]
    fn only_cursors_of_ours_are_read() {
        for (list, letter) in LETTERS {
            let owner = (list != List::All).then_some("acme");
            let read = |text: &str, owner| Cursor::read(Provider::Github, Some(text), owner).ok();
            let next = Cursor { list, page: 41 }.next().unwrap();
            assert_eq!(read(&next, owner), Some(Cursor { list, page: 42 }));
            let other = if owner.is_some() { None } else { Some("acme") };
            assert_eq!(read(&next, other), None, "{list:?}");
            for wrong in ["", "0", "1", "501", "+2", "-2", " 2", "2 ", "99999999999", "2&x=1", "https://a.example"] {
                assert_eq!(read(&format!("{letter}{wrong}"), owner), None, "{letter}{wrong}");
            }
            assert_eq!(Cursor { list, page: LAST_PAGE }.next(), None);
        }
        assert!(Cursor::read(Provider::Github, Some("ä2"), None).is_err());
    }
}
