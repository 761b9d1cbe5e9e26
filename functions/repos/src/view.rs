//! How a repository looks on the wire (contract: hookcode 2, 3.1).

use repoplane_domain::access::{Member, Members, Permissions, RepositoryRole};
use repoplane_domain::platform::platform_of;
use repoplane_domain::repository::{Connection, Provider, Repository, RepositoryState};
use serde_json::{Map, Value, json};

/// The record alone: unset optional fields are left out, `skillDefaults` is always null.
pub(crate) fn repository(repository: &Repository) -> Map<String, Value> {
    let mut view = Map::new();
    let mut set = |key: &str, value: Value| drop(view.insert(key.to_owned(), value));
    set("id", json!(repository.id));
    set("number", json!(repository.number));
    set("provider", json!(repository.provider));
    set("namespace", json!(repository.namespace));
    set("name", json!(repository.shown_name()));
    for (key, value) in [
        ("externalId", &repository.external_id),
        ("apiBaseUrl", &repository.api_base_url),
        ("remoteUrl", &repository.remote_url),
        ("description", &repository.description),
        ("branch", &repository.branch),
        ("timezone", &repository.timezone),
    ] {
        if let Some(value) = value {
            set(key, json!(value));
        }
    }
    if !repository.metadata.is_empty() {
        set("metadata", json!(repository.metadata));
    }
    set("branches", json!(repository.branches));
    set("syncIntervalMinutes", json!(repository.sync_interval_minutes));
    set("retentionDays", json!(repository.retention_days));
    set("webhookVerification", json!(if repository.webhook.verification { "on" } else { "off" }));
    if let Some(previous) = &repository.webhook.previous {
        set("previousWebhookSecretAcceptedUntil", json!(previous.accepted_until));
    }
    if let Some(at) = repository.webhook_verified_at {
        set("webhookVerifiedAt", json!(at));
    }
    if let (Some(build), Some(platform)) = (&repository.build, platform_of(&repository.namespace)) {
        let mut shown = json!({
            "platform": platform,
            "publishWithoutQa": build.publish_without_qa,
            "lock": build.lock,
            "groups": build.groups,
        });
        if let Some(signing) = &build.signing {
            shown["signingKeyId"] = json!(signing.key_id);
        }
        set("build", shown);
    }
    if repository.external_references != 0 {
        set("externalReferences", json!(repository.external_references));
    }
    set("skillDefaults", Value::Null);
    set("enabled", json!(repository.enabled));
    if let Some(at) = repository.archived_at {
        set("archivedAt", json!(at));
    }
    set("createdAt", json!(repository.created_at));
    set("updatedAt", json!(repository.updated_at));
    view
}

/// The record, and what is known of its sync and of its connection to the provider.
pub(crate) fn with_state(record: &Repository, state: &RepositoryState) -> Map<String, Value> {
    let mut view = repository(record);
    view.insert("sync".to_owned(), state.sync.public_view());
    view.insert("connection".to_owned(), Connection::public_view(state.connection.as_ref()));
    view
}

/// Adds what the caller may do.
pub(crate) fn with_rights(mut view: Map<String, Value>, role: Option<RepositoryRole>) -> Map<String, Value> {
    view.insert("myRole".to_owned(), json!(role));
    view.insert("permissions".to_owned(), json!(Permissions::of(role)));
    view
}

/// Adds who created it: the earliest owner, or null.
pub(crate) fn with_creator(mut view: Map<String, Value>, members: &Members) -> Map<String, Value> {
    let creator = members.first_owner().map(|owner| {
        let mut creator = json!({"userId": owner.user_id, "username": owner.username});
        if let Some(name) = &owner.display_name {
            creator["displayName"] = json!(name);
        }
        creator
    });
    view.insert("creator".to_owned(), creator.unwrap_or(Value::Null));
    view
}

/// The path for the provider's webhook; plain Git has none.
pub(crate) fn webhook_path(repository: &Repository) -> Option<String> {
    match repository.provider {
        Provider::Github | Provider::Gitlab => Some(repository.webhook_path()),
        Provider::Git => None,
    }
}

/// One member. E-mails are not shown to other members.
pub(crate) fn member(member: &Member) -> Value {
    let mut view = json!({"userId": member.user_id, "username": member.username, "role": member.role});
    if let Some(name) = &member.display_name {
        view["displayName"] = json!(name);
    }
    view
}
