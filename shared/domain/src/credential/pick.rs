//! Which Git profile of a set is used for reading, and which for writing.

use super::{GitProfile, Profile, ProfileAccess, ProfileSet, Purpose};

impl ProfileSet<GitProfile> {
    /// The profile to use for a purpose. An explicit id must exist, and is then taken whatever it is marked for. Without
    /// one the default, if it suits; else the first that suits: for reading rather one marked `read`, for writing never
    /// one marked `read`.
    pub fn pick_for(&self, purpose: Purpose, id: Option<&str>) -> Option<&GitProfile> {
        self.pick_among(purpose, id, |_| true)
    }

    /// As [`ProfileSet::pick_for`], as if there were only the profiles that pass.
    pub(super) fn pick_among(
        &self,
        purpose: Purpose,
        id: Option<&str>,
        passes: impl Fn(&GitProfile) -> bool,
    ) -> Option<&GitProfile> {
        if let Some(id) = id {
            return self.get(id).filter(|profile| passes(profile));
        }
        let first = |wanted: &dyn Fn(&GitProfile) -> bool| {
            self.profiles.iter().find(|profile| passes(profile) && wanted(profile))
        };
        let default = self.default_profile_id.as_deref();
        first(&|profile| Some(profile.id()) == default && suits(profile, purpose))
            .or_else(|| first(&|profile| purpose == Purpose::Read && profile.access == Some(ProfileAccess::Read)))
            .or_else(|| first(&|profile| suits(profile, purpose)))
            // Who may write may read as well.
            .or_else(|| first(&|_| purpose == Purpose::Read))
    }
}

fn suits(profile: &GitProfile, purpose: Purpose) -> bool {
    let unfit = match purpose {
        Purpose::Read => ProfileAccess::Write,
        Purpose::Write => ProfileAccess::Read,
    };
    profile.access != Some(unfit)
}
