//! Applying a credential patch (contract: hookcode 3.3): removals, then upserts in order, then the default.

use super::patch::{Kind, ProfileScope};
use super::{
    CredentialPatch, CredentialProfiles, GitProfile, GitTokenKind, MAX_PROFILES, MAX_PROFILES_BYTES,
    MAX_SECRET_DOCUMENT_BYTES, ModelProfile, Profile, ProfilePatch, ProfileSet, SecretEdit, SecretName, SetChange,
    SetPatch,
};
use crate::error::FieldErrors;
use crate::id::{IdSource, ProfileId};
use crate::input::Field;
use crate::robot::ModelProvider;
use crate::secret::Secret;
use crate::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The last word on each name wins, so that removing and re-creating a profile is one edit.
type Edits = BTreeMap<SecretName, Option<Secret>>;

impl CredentialPatch {
    /// Changes the profiles and says what to write to the repository's secret document. Nothing is changed on an error.
    ///
    /// # Errors
    /// What is wrong with the profiles after merging, and profiles beyond the limits.
    pub fn apply(
        &self,
        stored: &mut CredentialProfiles,
        now: Timestamp,
        ids: &dyn IdSource,
    ) -> Result<Vec<SecretEdit>, FieldErrors> {
        let (mut change, scope) = (Change::new(now, ids), ProfileScope::Repo);
        let mut next = stored.clone();
        change.set(&mut next.repo_provider, &self.git, &Kind::Git { provider: self.provider, scope });
        for provider in ModelProvider::ALL {
            let Some(patch) = self.models.get(&provider) else { continue };
            let set = next.model_provider.entry(provider).or_default();
            change.set(set, patch, &Kind::Model { provider, scope });
        }
        next.model_provider.retain(|_, set| *set != ProfileSet::default());
        let edits = change.finish(&next, std::iter::once(&self.git).chain(self.models.values()))?;
        *stored = next;
        Ok(edits)
    }
}

/// A patch of an owner's profiles being applied.
pub(super) struct Change<'a> {
    now: Timestamp,
    ids: &'a dyn IdSource,
    edits: Edits,
    errors: FieldErrors,
}

impl<'a> Change<'a> {
    pub(super) fn new(now: Timestamp, ids: &'a dyn IdSource) -> Self {
        Self { now, ids, edits: Edits::new(), errors: FieldErrors::new() }
    }

    /// What to write to the secret document, if nothing was wrong and all profiles fit.
    pub(super) fn finish<'p>(
        mut self,
        profiles: &impl Serialize,
        patches: impl Iterator<Item = &'p SetChange>,
    ) -> Result<Vec<SecretEdit>, FieldErrors> {
        let pointer = |change: &SetChange| match change {
            SetChange::Keep | SetChange::Wipe => None,
            SetChange::Patch(patch) => Some(patch.pointer.clone()),
        };
        let first = patches.filter_map(pointer).next().unwrap_or_default();
        if self.errors.is_empty() && stored_bytes(profiles) > MAX_PROFILES_BYTES {
            let limit = MAX_PROFILES_BYTES / 1024;
            self.errors.push(first.clone(), format!("all profiles together must be at most {limit} KB"));
        }
        let sent: usize = self.edits.values().flatten().map(|secret| secret.expose().len()).sum();
        if sent > MAX_SECRET_DOCUMENT_BYTES {
            let limit = MAX_SECRET_DOCUMENT_BYTES / 1024;
            self.errors.push(first, format!("all tokens and keys together must be at most {limit} KB"));
        }
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        Ok(self.edits.into_iter().map(|(name, value)| SecretEdit { name, value }).collect())
    }
}

fn stored_bytes(profiles: &impl Serialize) -> usize {
    serde_json::to_vec(profiles).map_or(usize::MAX, |bytes| bytes.len())
}

impl Change<'_> {
    pub(super) fn set<P: Editable>(&mut self, set: &mut ProfileSet<P>, change: &SetChange, kind: &Kind) {
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
        profile.change_git(patch, &mut self.errors);
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
        Kind::Git { scope: ProfileScope::Repo, .. } => SecretName::git(id),
        Kind::Git { provider, scope: ProfileScope::User | ProfileScope::Global } => {
            SecretName::account_git(*provider, id)
        }
        Kind::Model { provider, .. } => SecretName::model(*provider, id),
    }
}

pub(super) trait Editable: Profile {
    fn new(id: String, now: Timestamp) -> Self;
    fn remark(&mut self) -> &mut String;
    fn detail(&mut self) -> &mut Option<String>;
    /// Before the secret: what is known of the old one still stands.
    fn change_git(&mut self, patch: &ProfilePatch, errors: &mut FieldErrors);
    fn secret_flag(&mut self) -> &mut bool;
    fn updated_at(&mut self) -> &mut Timestamp;
}

impl Editable for GitProfile {
    fn new(id: String, now: Timestamp) -> Self {
        let remark = String::new();
        Self {
            id,
            remark,
            has_token: false,
            clone_username: None,
            token_kind: GitTokenKind::default(),
            app_id: None,
            installation_id: None,
            access: None,
            url_prefix: None,
            created_at: now,
            updated_at: now,
        }
    }
    fn remark(&mut self) -> &mut String {
        &mut self.remark
    }
    fn detail(&mut self) -> &mut Option<String> {
        &mut self.clone_username
    }
    fn change_git(&mut self, patch: &ProfilePatch, errors: &mut FieldErrors) {
        patch.git.apply(self, &patch.secret, &patch.pointer, errors);
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
    fn change_git(&mut self, _: &ProfilePatch, _: &mut FieldErrors) {}
    fn secret_flag(&mut self) -> &mut bool {
        &mut self.has_api_key
    }
    fn updated_at(&mut self) -> &mut Timestamp {
        &mut self.updated_at
    }
}
