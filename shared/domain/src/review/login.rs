//! How a form's user name and password become a Git profile of the repository (contract: reviewboard 8.1).

use super::ReviewForm;
use crate::credential::{CredentialPatch, GitPatch, ProfilePatch, SetChange, SetPatch};
use crate::input::Field;
use crate::repository::Provider;
use crate::secret::Secret;
use std::collections::BTreeMap;

/// The id of the Git profile that holds what review tools log in with.
pub const LOGIN_PROFILE: &str = "review-board";
const REMARK: &str = "Review Board";
const POINTER: &str = "/password";

impl ReviewForm {
    /// What the form does to the repository's Git profiles: what it does not send stays, what it sends empty goes.
    pub fn login_patch(&self, provider: Provider) -> CredentialPatch {
        let keep = CredentialPatch { provider, git: SetChange::Keep, models: BTreeMap::new() };
        let password = self.password.as_ref().map(Secret::expose);
        let patch = match (self.username.as_deref(), password) {
            (None, None) => return keep,
            (None | Some(""), Some("")) => {
                SetPatch { remove: vec![LOGIN_PROFILE.to_owned()], upserts: Vec::new(), ..Self::patch(Field::Absent) }
            }
            (username, password) => {
                let upsert = ProfilePatch {
                    pointer: POINTER.to_owned(),
                    id: Some(LOGIN_PROFILE.to_owned()),
                    remark: Field::Value(REMARK.to_owned()),
                    secret: said(password).map(Secret::new),
                    detail: said(username).map(str::to_owned),
                    git: GitPatch::default(),
                };
                SetPatch { upserts: vec![upsert], ..Self::patch(Field::Value(LOGIN_PROFILE.to_owned())) }
            }
        };
        CredentialPatch { git: SetChange::Patch(patch), ..keep }
    }

    fn patch(default: Field<String>) -> SetPatch {
        SetPatch { pointer: POINTER.to_owned(), remove: Vec::new(), upserts: Vec::new(), default }
    }
}

fn said(text: Option<&str>) -> Field<&str> {
    match text {
        None => Field::Absent,
        Some("") => Field::Null,
        Some(text) => Field::Value(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::CredentialProfiles;
    use crate::id::IdSource;
    use crate::time::Timestamp;

    #[derive(Debug)]
    struct Ids;
    impl IdSource for Ids {
        fn random(&self) -> u128 {
            7
        }
    }

    #[test]
    fn what_is_not_sent_stays_and_what_is_sent_empty_goes() {
        let mut profiles = CredentialProfiles::default();
        for (fields, user, secrets) in [
            (&[("name", "x")][..], None, vec![]),
            (&[("username", "bot"), ("password", "pw")], Some(Some("bot")), vec![true]),
            (&[("username", "other")], Some(Some("other")), vec![]),
            (&[("password", "new")], Some(Some("other")), vec![true]),
            (&[("username", "")], Some(None), vec![]),
            (&[("username", ""), ("password", "")], None, vec![false]),
        ] {
            let form = ReviewForm::read(fields.iter().copied());
            let patch = form.login_patch(Provider::Git);
            let edits = patch.apply(&mut profiles, Timestamp::from_second(0), &Ids).unwrap();
            let stored = profiles.repo_provider.profiles.first();
            assert_eq!(stored.map(|profile| profile.clone_username.as_deref()), user, "{fields:?}");
            let put: Vec<bool> = edits.iter().map(|edit| edit.value.is_some()).collect();
            assert_eq!(put, secrets, "{fields:?}");
            assert_eq!(profiles.repo_provider.default_profile_id.is_some(), user.is_some(), "{fields:?}");
        }
    }
}
