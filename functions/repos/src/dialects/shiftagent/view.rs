//! What the dialect's objects look like (contract: shiftagent 4, 5, 7.6, 8).

use repoplane_domain::repository::{Repository, RepositoryState};
use repoplane_domain::skill::Skill;
use repoplane_domain::vault_credential::VaultCredential;
use repoplane_store::{Attached, DecisionSet};
use serde_json::{Value, json};

pub(super) fn repository(repository: &Repository, state: &RepositoryState) -> Value {
    json!({
        "object": "repository",
        "id": repository.id,
        "name": repository.shown_name(),
        "repo_url": repository.shown_url(),
        "branch": repository.shown_branch(),
        "provider": repository.registered_provider(),
        "credential_id": repository.credential,
        "sync": {
            "state": state.sync.status,
            "last_synced_at": state.sync.last_synced_at,
            "error": state.sync.error,
            "skill_count": state.sync.skill_count,
        },
        "metadata": repository.metadata,
        "created_at": repository.created_at,
        "updated_at": repository.updated_at,
    })
}

pub(super) fn of(set: &DecisionSet) -> Value {
    repository(&set.repository, &set.state)
}

pub(super) fn credential(credential: &VaultCredential) -> Value {
    json!({
        "object": "credential",
        "id": credential.id,
        "name": credential.name,
        "type": credential.kind,
        "metadata": credential.metadata,
        "created_at": credential.created_at,
        "updated_at": credential.updated_at,
    })
}

pub(super) fn skill(skill: &Skill) -> Value {
    json!({
        "object": "skill",
        "id": skill.id,
        "repository_id": skill.repository,
        "name": skill.name,
        "description": skill.description,
        "version": skill.version,
        "path": skill.path,
        "source": skill.source,
        "metadata": skill.metadata,
        "created_at": skill.created_at,
        "updated_at": skill.updated_at,
    })
}

pub(super) fn attachment(attached: &Attached, set: &DecisionSet) -> Value {
    json!({
        "object": "repository_attachment",
        "tenant_id": attached.attachment.host_tenant,
        "repository_id": attached.attachment.repository,
        "is_default": attached.is_default,
        "branch_override": attached.attachment.branch_override,
        "repository": of(set),
    })
}

/// A list: rows with the id of the last, which is also the cursor.
pub(super) fn list(rows: Vec<Value>, more: bool) -> Value {
    let last = rows.last().map(|row| row["id"].clone()).filter(|_| more);
    json!({"object": "list", "data": rows, "has_more": more, "next_cursor": last})
}
