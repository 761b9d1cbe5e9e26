//! Applying a credential patch (contract: hookcode 3.3): removals, then upserts in order, then the default.

use super::patch::Kind;
use super::{
    CredentialPatch, CredentialProfiles, GitProfile, MAX_PROFILES, MAX_PROFILES_BYTES, MAX_SECRET_DOCUMENT_BYTES,
    ModelProfile, Profile, ProfilePatch, ProfileSet, SecretEdit, SecretName, SetChange, SetPatch,
};
use crate::error::FieldErrors;
use crate::id::{IdSource, ProfileId};
use crate::input::Field;
use crate::robot::ModelProvider;
use crate::secret::Secret;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// The last word on each name wins, so that removing and re-creating a profile is one edit.
type Edits = BTreeMap<SecretName, Option<Secret>>;

impl CredentialPatch {
    /// Changes the profiles and says what to write to the repository's secret document. Nothing is changed on an error.
    ///
    /// # Errors
    /// Remarks that are missing after merging, and profiles beyond the limits.
    pub fn apply(
        &self,
        stored: &mut CredentialProfiles,
        now: Timestamp,
        ids: &dyn IdSource,
    ) -> Result<Vec<SecretEdit>, FieldErrors> {
        let mut change = Change { now, ids, edits: Edits::new(), errors: FieldErrors::new() };
        let mut next = stored.clone();
        change.set(&mut next.repo_provider, &self.git, &Kind::Git(self.provider));
        for provider in ModelProvider::ALL {
            let Some(patch) = self.models.get(&provider) else { continue };
            let set = next.model_provider.entry(provider).or_default();
            change.set(set, patch, &Kind::Model(provider));
        }
        next.model_provider.retain(|_, set| *set != ProfileSet::default());
        if change.errors.is_empty() && stored_bytes(&next) > MAX_PROFILES_BYTES {
            let limit = MAX_PROFILES_BYTES / 1024;
            change.errors.push(self.first_pointer(), format!("all profiles together must be at most {limit} KB"));
        }
        let sent: usize = change.edits.values().flatten().map(|secret| secret.expose().len()).sum();
        if sent > MAX_SECRET_DOCUMENT_BYTES {
            let limit = MAX_SECRET_DOCUMENT_BYTES / 1024;
            change
                .errors
                .push(self.first_pointer(), format!("all tokens and keys together must be at most {limit} KB"));
        }
        if !change.errors.is_empty() {
            return Err(change.errors);
        }
        *stored = next;
        Ok(change.edits.into_iter().map(|(name, value)| SecretEdit { name, value }).collect())
    }

    fn first_pointer(&self) -> String {
        let patches = std::iter::once(&self.git).chain(self.models.values());
        let pointer = |change: &SetChange| match change {
            SetChange::Keep | SetChange::Wipe => None,
            SetChange::Patch(patch) => Some(patch.pointer.clone()),
        };
        patches.filter_map(pointer).next().unwrap_or_default()
    }
}

fn stored_bytes(profiles: &CredentialProfiles) -> usize {
    serde_json::to_vec(profiles).map_or(usize::MAX, |bytes| bytes.len())
}

struct Change<'a> {
    now: Timestamp,
    ids: &'a dyn IdSource,
    edits: Edits,
    errors: FieldErrors,
}

impl Change<'_> {
    fn set<P: Editable>(&mut self, set: &mut ProfileSet<P>, change: &SetChange, kind: &Kind) {
        match change {
            SetChange::Keep => {}
            SetChange::Wipe => {
                let wiped = std::mem::take(set);
                wiped.profiles.iter().for_each(|profile| self.forget(profile, kind));
            }
            SetChange::Patch(patch) => self.patch(set, patch, kind),
        }
    }

    fn patch<P: Editable>(&mut self, set: &mut ProfileSet<P>, patch: &SetPatch, kind: &Kind) {
        let (gone, kept) = std::mem::take(&mut set.profiles)
            .into_iter()
            .partition::<Vec<P>, _>(|profile| patch.remove.iter().any(|id| id == profile.id()));
        set.profiles = kept;
        gone.iter().for_each(|profile| self.forget(profile, kind));
        for upsert in &patch.upserts {
            self.upsert(set, upsert, kind);
        }
        if set.profiles.len() > MAX_PROFILES {
            let pointer = format!("{}/profiles", patch.pointer);
            self.errors.push(pointer, format!("at most {MAX_PROFILES} profiles"));
        }
        patch.default.clone().patch(&mut set.default_profile_id);
        // A default that names nobody is no default; the contract knows no error for it.
        set.default_profile_id =
            set.default_profile_id.take().filter(|id| set.profiles.iter().any(|profile| profile.id() == id));
    }

    fn upsert<P: Editable>(&mut self, set: &mut ProfileSet<P>, patch: &ProfilePatch, kind: &Kind) {
        let id = patch.id.clone().unwrap_or_else(|| ProfileId::new(self.now, self.ids).to_string());
        let index = set.profiles.iter().position(|profile| profile.id() == id).unwrap_or_else(|| {
            set.profiles.push(P::new(id.clone(), self.now));
            set.profiles.len() - 1
        });
        let Some(profile) = set.profiles.get_mut(index) else { return };
        match &patch.remark {
            Field::Value(remark) => profile.remark().clone_from(remark),
            Field::Absent | Field::Null if profile.remark().is_empty() => {
                kind.remark_required(&mut self.errors, &patch.pointer, Some(&id));
            }
            // Null and invalid remarks were refused when the body was read.
            Field::Absent | Field::Null | Field::Invalid => {}
        }
        patch.detail.clone().patch(profile.detail());
        match &patch.secret {
            Field::Absent | Field::Invalid => {}
            Field::Null => {
                if std::mem::take(profile.secret_flag()) {
                    self.edits.insert(name(kind, &id), None);
                }
            }
            Field::Value(secret) => {
                *profile.secret_flag() = true;
                self.edits.insert(name(kind, &id), Some(secret.clone()));
            }
        }
        *profile.updated_at() = self.now;
    }

    fn forget<P: Profile>(&mut self, profile: &P, kind: &Kind) {
        if profile.has_secret() {
            self.edits.insert(name(kind, profile.id()), None);
        }
    }
}

fn name(kind: &Kind, id: &str) -> SecretName {
    match kind {
        Kind::Git(_) => SecretName::git(id),
        Kind::Model(provider) => SecretName::model(*provider, id),
    }
}

trait Editable: Profile {
    fn new(id: String, now: Timestamp) -> Self;
    fn remark(&mut self) -> &mut String;
    fn detail(&mut self) -> &mut Option<String>;
    fn secret_flag(&mut self) -> &mut bool;
    fn updated_at(&mut self) -> &mut Timestamp;
}

impl Editable for GitProfile {
    fn new(id: String, now: Timestamp) -> Self {
        let remark = String::new();
        Self { id, remark, has_token: false, clone_username: None, created_at: now, updated_at: now }
    }
    fn remark(&mut self) -> &mut String {
        &mut self.remark
    }
    fn detail(&mut self) -> &mut Option<String> {
        &mut self.clone_username
    }
    fn secret_flag(&mut self) -> &mut bool {
        &mut self.has_token
    }
    fn updated_at(&mut self) -> &mut Timestamp {
        &mut self.updated_at
    }
}

impl Editable for ModelProfile {
    fn new(id: String, now: Timestamp) -> Self {
        let remark = String::new();
        Self { id, remark, api_base_url: None, has_api_key: false, created_at: now, updated_at: now }
    }
    fn remark(&mut self) -> &mut String {
        &mut self.remark
    }
    fn detail(&mut self) -> &mut Option<String> {
        &mut self.api_base_url
    }
    fn secret_flag(&mut self) -> &mut bool {
        &mut self.has_api_key
    }
    fn updated_at(&mut self) -> &mut Timestamp {
        &mut self.updated_at
    }
}
