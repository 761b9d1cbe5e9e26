//! The schemas of what the function's operations take and answer.

use repoplane_api::openapi::schema::{self, Object};
use repoplane_domain::access::{
    MAX_EMAIL_BYTES, MAX_PERSON_BYTES, MAX_POLICY_ENTRIES, MAX_POLICY_NAME_BYTES, MAX_TOKEN_DAYS, POLICY_METHODS, Scope,
};
use repoplane_domain::id::{AccessTokenId, AuditId, RepositoryId, TenantId, UserId};
use repoplane_domain::input::MAX_TEXT_BYTES;
use repoplane_domain::preview_env::MAX_KEY_BYTES;
use repoplane_domain::repository::{
    DEFAULT_NAMESPACE, MAX_BRANCH_NAME_BYTES, MAX_BRANCHES, MAX_EXTERNAL_REFERENCES, MAX_NAME_BYTES,
    MAX_OVERLAP_SECONDS, MAX_WEBHOOK_SECRET_BYTES, RETENTION_DAYS, SYNC_INTERVAL_MINUTES, SyncStatus,
};
use serde_json::{Value, json};

pub(super) const PROVIDERS: [&str; 3] = ["github", "gitlab", "git"];
pub(super) const ROLES: [&str; 3] = ["member", "maintainer", "owner"];

pub(super) fn problem_page() -> Value {
    Object::new()
        .required("type", schema::text(), "As in problem documents.")
        .required("title", schema::text(), "Its title.")
        .required("status", schema::integer(400..=599), "Its usual status.")
        .required("meaning", schema::text(), "What it means.")
        .required("causes", schema::array(schema::text()), "What usually leads to it.")
        .required("remedy", schema::text(), "What to do about it.")
        .schema()
}

pub(super) fn audit_entry() -> Value {
    Object::new()
        .required("id", schema::id(AuditId::PREFIX), "Its id.")
        .required("action", schema::pattern("^[A-Z_]+$"), "What was done.")
        .required("target", schema::text(), "On what: an id.")
        .required("at", schema::time(), "When.")
        .optional("userId", schema::id(UserId::PREFIX), "Who did it; absent for what a webhook caused.")
        .optional("accessTokenId", schema::id(AccessTokenId::PREFIX), "With which token.")
        .optional("repoId", schema::id(RepositoryId::PREFIX), "On which repository.")
        .optional(
            "details",
            json!({"type": "object"}),
            "What changed: names, ids and counts, and `changes` with each member before and after; never a secret.",
        )
        .schema()
}

pub(super) fn login_user() -> Value {
    Object::new()
        .required("id", schema::id(UserId::PREFIX), "Their id.")
        .required("username", schema::text(), "Their name.")
        .optional("displayName", schema::text(), "Their name for people.")
        .optional("email", schema::text(), "Their e-mail.")
        .required("roles", schema::array(schema::one_of(&["admin", "system"])), "Their roles in the tenant.")
        .schema()
}

/// The body of every rotation of a webhook's secret.
pub(super) fn rotation() -> Object {
    Object::new()
        .optional(
            "overlapSeconds",
            schema::nullable(schema::integer(0..=MAX_OVERLAP_SECONDS)),
            "How long the old secret stays accepted; 0 unless asked.",
        )
        .optional(
            "webhookSecret",
            schema::nullable(schema::solid_text_up_to(MAX_WEBHOOK_SECRET_BYTES)),
            "A secret of your own; without it a new one is derived.",
        )
}

/// Says what a repeated answer leaves out.
pub(super) fn withholding(object: Object, members: &[&str]) -> Object {
    let withheld = schema::array(schema::one_of(members));
    object.optional("withheld", withheld, "In a repeated answer: what the first one showed and this one does not.")
}

fn references() -> Value {
    schema::integer(0..=i64::from(MAX_EXTERNAL_REFERENCES))
}

pub(super) fn repo() -> Value {
    let text = schema::text;
    let creator = Object::new()
        .required("userId", schema::id(UserId::PREFIX), "The user.")
        .required("username", text(), "The user's name.")
        .optional("displayName", text(), "The user's name for people.");
    Object::new()
        .required("id", schema::id(RepositoryId::PREFIX), "The id that never changes.")
        .required("number", schema::count(), "A small number, for systems that need one.")
        .required("provider", schema::one_of(&PROVIDERS), "Where the repository lives.")
        .required("namespace", text(), "`registry`, `product/<name>` or `platform/<id>`.")
        .required("name", text(), "Display name, unique in its namespace ignoring case.")
        .optional("externalId", text(), "GitHub `owner/repo` or numeric id; GitLab project id or path.")
        .optional("apiBaseUrl", text(), "GitHub REST base or GitLab site root.")
        .optional("remoteUrl", text(), "The Git remote, for provider `git`.")
        .optional("description", text(), "Free text.")
        .optional("timezone", text(), "IANA time zone of time windows; UTC when unset.")
        .optional("metadata", schema::map(text()), "Free texts by key.")
        .required("branches", schema::array(schema::reference("Branch")), "Known branches.")
        .optional("branch", text(), "The branch that syncs read; the default one when unset.")
        .required(
            "syncIntervalMinutes",
            schema::nullable(schema::integer(SYNC_INTERVAL_MINUTES)),
            "Minutes between two scheduled syncs; null when none are scheduled.",
        )
        .required("retentionDays", schema::integer(RETENTION_DAYS), "How long deliveries are kept, in days.")
        .required("webhookVerification", schema::one_of(&["on", "off"]), "Whether webhooks must be signed.")
        .optional("previousWebhookSecretAcceptedUntil", schema::time(), "Until when the secret before is accepted.")
        .optional("webhookVerifiedAt", schema::time(), "When the first webhook passed its checks.")
        .optional("externalReferences", references(), "How many things outside refer to it; absent for none.")
        .required("skillDefaults", json!({"type": "null"}), "Always null: skills are not served.")
        .required("enabled", schema::boolean(), "`false` skips webhooks.")
        .optional("archivedAt", schema::time(), "Since when it is read-only.")
        .required("createdAt", schema::time(), "When it was registered.")
        .required("updatedAt", schema::time(), "When a caller last changed it.")
        .optional("myRole", schema::nullable(schema::one_of(&ROLES)), "What the caller is in it.")
        .optional("permissions", schema::reference("Permissions"), "What the caller may do with it.")
        .optional("creator", schema::nullable(creator.into()), "The earliest owner.")
        .optional(
            "connection",
            schema::reference("Connection"),
            "How the last call to its provider ended; not in lists.",
        )
        .optional("sync", schema::reference("Sync"), "Its sync with the remote; not in lists.")
        .optional("build", super::platforms::build(), "What its platform knows of it, if it has one.")
        .schema()
}

pub(super) fn sync() -> Value {
    Object::new()
        .required(
            "state",
            schema::one_of(&SyncStatus::ALL.map(SyncStatus::as_str)),
            "`pending`: never scanned, or what is scanned was changed; `syncing`: a scan is asked for or running; `ready`: \
             the skills are those of the branch; `error`: the last sync failed.",
        )
        .required("lastSyncedAt", schema::nullable(schema::time()), "End of the last scan that succeeded.")
        .required("error", schema::nullable(schema::text()), "Why the last sync failed.")
        .required("skillCount", schema::count(), "Skills in the catalogue.")
        .required("commit", schema::nullable(schema::text()), "The commit that the catalogue shows.")
        .required("nextSyncAt", schema::nullable(schema::time()), "When the next one is due; null when none is.")
        .schema()
}

pub(super) fn branch() -> Value {
    Object::new()
        .required("name", schema::text(), "Name without `refs/heads/`.")
        .optional("note", schema::text(), "`Dev branch`, `Test branch` and `Main branch` give it its role in rules.")
        .required("isDefault", schema::boolean(), "At most one has it.")
        .schema()
}

pub(super) fn permissions() -> Value {
    Object::new()
        .required("canRead", schema::boolean(), "Look at it.")
        .required("canManage", schema::boolean(), "Change it, its robots and rules.")
        .required("canDelete", schema::boolean(), "Delete it.")
        .required("canManageMembers", schema::boolean(), "Change its members.")
        .required("canManageTasks", schema::boolean(), "Claim and finish its tasks.")
        .schema()
}

pub(super) fn member() -> Value {
    Object::new()
        .required("userId", schema::id(UserId::PREFIX), "The user.")
        .required("username", schema::text(), "The user's name.")
        .optional("displayName", schema::text(), "The user's name for people.")
        .required("role", schema::one_of(&ROLES), "What they are in the repository.")
        .schema()
}

pub(super) fn preview_env() -> Value {
    let variable = Object::new()
        .required("key", schema::text(), "The variable's name.")
        .required("isSecret", schema::constant(true), "Always true: values are write-only.")
        .required("hasValue", schema::boolean(), "Whether a value is in the vault.");
    Object::new().required("variables", schema::array(variable.into()), "The variables, sorted by name.").schema()
}

pub(super) fn preview_env_patch() -> Value {
    let entry = Object::new()
        .required(
            "key",
            json!({"type": "string", "maxLength": MAX_KEY_BYTES, "pattern": "^\\s*[A-Za-z][A-Za-z0-9_]*\\s*$"}),
            "Upper-cased. Names that a preview sets itself (`PORT`, `PATH`, `HOOKCODE_…`, …) are refused.",
        )
        .optional(
            "value",
            schema::nullable(schema::solid_text_up_to(MAX_TEXT_BYTES)),
            "Write-only. Absent keeps it; null removes the variable. A local address with a fixed port is refused.",
        )
        .optional("secret", schema::nullable(schema::boolean()), "Ignored: values are always secret.");
    Object::new()
        .optional("entries", schema::nullable(schema::array(entry.into())), "Variables to set.")
        .optional("removeKeys", schema::nullable(schema::array(schema::text())), "Variables to remove.")
        .schema()
}

/// What a record can be made and changed with alike.
pub(super) fn repo_settings() -> Object {
    let branch = Object::new()
        .optional(
            "name",
            schema::nullable(schema::text_up_to(255)),
            "Without `refs/heads/`; a nameless one is dropped.",
        )
        .optional(
            "note",
            schema::nullable(schema::text_up_to(500)),
            "`Dev branch`, `Test branch`, `Main branch`, or any.",
        )
        .optional("isDefault", schema::nullable(schema::boolean()), "The first that has it keeps it.");
    let metadata = json!({
        "type": ["object", "null"], "maxProperties": 50, "propertyNames": {"minLength": 1, "maxLength": 100},
        "additionalProperties": {"type": "string", "maxLength": 1000},
    });
    Object::new()
        .optional(
            "externalId",
            schema::nullable(schema::text_up_to(512)),
            "GitHub `owner/repo` or numeric id; GitLab project id or path. The first verified webhook fills it in.",
        )
        .optional(
            "apiBaseUrl",
            schema::nullable(schema::text_up_to(2048)),
            "GitHub REST base or GitLab site root: an http or https URL without user, query or fragment.",
        )
        .optional("remoteUrl", schema::nullable(schema::text_up_to(2048)), "The Git remote, for provider `git`.")
        .optional("description", schema::nullable(schema::text_up_to(MAX_TEXT_BYTES)), "Free text.")
        .optional("metadata", metadata, "Free texts by key; the whole map is replaced.")
        .optional(
            "branches",
            schema::nullable(schema::array_up_to(branch.into(), MAX_BRANCHES)),
            "Known branches; the whole list is replaced.",
        )
        .optional("timezone", schema::nullable(schema::text_up_to(64)), "An IANA time zone such as `Europe/Berlin`.")
        .optional(
            "branch",
            schema::nullable(schema::text_up_to(MAX_BRANCH_NAME_BYTES)),
            "The branch that syncs read, without `refs/heads/`; the default one when unset. A change makes the sync pending.",
        )
        .optional(
            "syncIntervalMinutes",
            schema::nullable(schema::integer(SYNC_INTERVAL_MINUTES)),
            "Minutes between two scheduled syncs; 60 unless said, null for none.",
        )
        .optional(
            "retentionDays",
            schema::nullable(schema::integer(RETENTION_DAYS)),
            "How long deliveries are kept, in days; 30 unless said.",
        )
        .optional(
            "webhookVerification",
            schema::nullable(schema::one_of(&["on", "off"])),
            "`off` takes unsigned webhooks; only the tenant's administrator may say so.",
        )
        .optional("skillDefaults", schema::anything(), "Ignored: skills are not served.")
}

pub(super) fn create_repo() -> Value {
    let mut schema = repo_settings()
        .required("provider", schema::one_of(&PROVIDERS), "Where the repository lives; it never changes.")
        .required("name", schema::solid_text_up_to(MAX_NAME_BYTES), "Usually `owner/repo` or `group/project`.")
        .optional(
            "namespace",
            schema::nullable(schema::one_of(&[DEFAULT_NAMESPACE])),
            "Always `registry`: repositories of a product or a platform are made there.",
        )
        .optional(
            "webhookSecret",
            schema::nullable(schema::text_up_to(MAX_WEBHOOK_SECRET_BYTES)),
            "A webhook secret of your own; without it one is derived.",
        )
        .schema();
    schema["if"] = json!({"properties": {"provider": {"const": "git"}}, "required": ["provider"]});
    schema["then"] = json!({
        "required": ["remoteUrl"],
        "properties": {"remoteUrl": {"type": "string", "minLength": 1}, "externalId": {"enum": [null, ""]}},
    });
    schema
}

pub(super) fn patch_repo() -> Value {
    let models = schema::nullable(schema::reference("ModelCredentialPatch"));
    repo_settings()
        .optional("name", schema::nullable(schema::solid_text_up_to(MAX_NAME_BYTES)), "Its new name; null keeps it.")
        .optional("enabled", schema::nullable(schema::boolean()), "`false` skips webhooks.")
        .optional(
            "externalReferences",
            schema::nullable(references()),
            "How many things outside refer to it; null for none. While any does, a review tool's `DELETE` archives it.",
        )
        .optional(
            "webhookSecret",
            schema::solid_text_up_to(MAX_WEBHOOK_SECRET_BYTES),
            "A new webhook secret of your own.",
        )
        .optional(
            "overlapSeconds",
            schema::nullable(schema::integer(0..=MAX_OVERLAP_SECONDS)),
            "How long the webhook secret before stays accepted; 0 unless asked.",
        )
        .optional(
            "repoProviderCredential",
            schema::nullable(schema::reference("GitCredentialPatch")),
            "Changes to the Git profiles; null removes all.",
        )
        .optional("modelProviderCredential", models, "Changes to the model profiles; null removes all.")
        .optional(
            "previewEnvConfig",
            schema::nullable(schema::reference("PreviewEnvPatch")),
            "Changes to the preview environment; null removes all.",
        )
        .schema()
}

pub(super) fn add_member() -> Value {
    let mut schema = Object::new()
        .optional("userId", schema::nullable(schema::id(UserId::PREFIX)), "The user.")
        .optional("username", schema::nullable(schema::text_up_to(MAX_TEXT_BYTES)), "The user's name.")
        .required("role", schema::one_of(&ROLES), "What they shall be.")
        .schema();
    let only = |one: &str, other: &str| json!({"required": [one], "properties": {one: {"type": "string"}, other: {"type": "null"}}});
    schema["oneOf"] = json!([only("userId", "username"), only("username", "userId")]);
    schema
}

pub(super) fn tenant() -> Value {
    let certificate = Object::new().required(
        "sha256",
        schema::nullable(schema::text()),
        "Fingerprint of the certificate, in hexadecimal.",
    );
    Object::new()
        .required("id", schema::id(TenantId::PREFIX), "Its id.")
        .required("name", schema::text(), "Its name.")
        .required("suspended", schema::boolean(), "A suspended tenant is read-only to its callers.")
        .required(
            "egressAllow",
            schema::array(schema::text()),
            "`host:port` of the places that its provider calls may reach besides public https addresses.",
        )
        .required(
            "caCertificates",
            schema::array(certificate.into()),
            "The private authorities that its provider calls trust beside the public ones.",
        )
        .required("createdAt", schema::time(), "When it was made.")
        .required("updatedAt", schema::time(), "When it was last changed.")
        .schema()
}

pub(super) fn user() -> Value {
    Object::new()
        .required("id", schema::id(UserId::PREFIX), "Their id.")
        .required("number", schema::count(), "A small number, for systems that need one.")
        .required("username", schema::text(), "Unique in the tenant, ignoring case; it never changes.")
        .optional("displayName", schema::text(), "Name for people.")
        .optional("email", schema::text(), "E-mail.")
        .required("roles", schema::array(schema::one_of(&["admin", "system"])), "Roles in the whole tenant.")
        .required("disabled", schema::boolean(), "Whether their tokens are refused.")
        .required("createdAt", schema::time(), "When they were added.")
        .required("updatedAt", schema::time(), "When they were last changed.")
        .schema()
}

pub(super) fn access_token() -> Value {
    Object::new()
        .required("id", schema::id(AccessTokenId::PREFIX), "Its id.")
        .required("name", schema::text(), "What it is for.")
        .required("kind", schema::one_of(&["personal", "integration"]), "Whether it speaks for a person or a tool.")
        .required("prefix", schema::text(), "The first characters of its text, to recognise it by.")
        .required("scopes", schema::array(schema::reference("Scope")), "What it may be used for.")
        .optional("policy", token_policy(), "What it may do to which resource, where that is less.")
        .required("createdAt", schema::time(), "When it was made.")
        .required("expiresAt", schema::nullable(schema::time()), "When it ends; null for never.")
        .required("lastUsedAt", schema::nullable(schema::time()), "Its last use, to the hour; null before the first.")
        .schema()
}

pub(super) fn me() -> Object {
    let principal = Object::new()
        .required(
            "kind",
            schema::one_of(&["personal", "integration", "platform"]),
            "Whether the token speaks for a person, a tool, or a person for a short time and by another's word.",
        )
        .required("userId", schema::id(UserId::PREFIX), "The user behind the token.")
        .required("username", schema::text(), "The user's name.")
        .optional("displayName", schema::text(), "The user's name for people.")
        .required("roles", schema::array(schema::one_of(&["admin", "system"])), "The user's roles in the tenant.")
        .required("accessTokenId", schema::id(AccessTokenId::PREFIX), "The token.");
    let tenant = Object::new().required("id", schema::id(TenantId::PREFIX), "The tenant.");
    Object::new()
        .required("principal", principal.into(), "Who is calling.")
        .required("tenant", tenant.into(), "Where.")
        .required("scopes", schema::array(schema::reference("Scope")), "With which scopes.")
}

pub(super) fn new_tenant() -> Object {
    Object::new()
        .required("tenant", schema::reference("Tenant"), "The tenant.")
        .required("administrator", schema::reference("User"), "Its first administrator.")
        .optional("token", schema::text(), "The administrator's token, shown once.")
}

pub(super) fn create_tenant() -> Object {
    person().required("tenant", schema::solid_text_up_to(MAX_PERSON_BYTES), "The tenant's name.")
}

pub(super) fn person() -> Object {
    let username = json!({"type": "string", "maxLength": MAX_PERSON_BYTES, "pattern": "^[A-Za-z0-9._-]+$"});
    Object::new()
        .required("username", username, "Unique in the tenant, ignoring case.")
        .optional("displayName", display_name(), "Name for people.")
        .optional("email", schema::nullable(email()), "E-mail.")
}

pub(super) fn display_name() -> Value {
    schema::nullable(schema::text_up_to(MAX_PERSON_BYTES))
}

pub(super) fn email() -> Value {
    let mut schema = schema::text_up_to(MAX_EMAIL_BYTES);
    schema["allOf"] = json!([{"pattern": "^[^@]+@[^@]"}]);
    schema
}

pub(super) fn roles() -> Value {
    schema::array(schema::one_of(&["admin", "system"]))
}

/// By resource, then by object, what is allowed and blocked.
fn token_policy() -> Value {
    let methods: Vec<&str> = std::iter::once("*").chain(POLICY_METHODS).collect();
    let methods = || schema::array(schema::one_of(&methods));
    let rule = Object::new()
        .optional("allow", methods(), "Methods that are allowed, or `*`.")
        .optional("block", methods(), "Methods that are not; they count before those that are.")
        .schema();
    let named = |values: Value| {
        json!({
            "type": "object", "additionalProperties": values, "maxProperties": MAX_POLICY_ENTRIES,
            "propertyNames": {"minLength": 1, "maxLength": MAX_POLICY_NAME_BYTES},
        })
    };
    let resources = named(named(rule));
    Object::new()
        .required("resources", resources, "By policy id of the resource (`repository`, or `*`), then by id, or `*`.")
        .schema()
}

pub(super) fn create_token() -> Value {
    let scopes: Vec<_> = Scope::OF_A_TENANT.iter().map(|scope| scope.as_str()).collect();
    let scopes = json!({"type": "array", "items": schema::one_of(&scopes), "minItems": 1});
    let mut schema = Object::new()
        .required("name", schema::solid_text_up_to(MAX_PERSON_BYTES), "What it is for.")
        .optional(
            "kind",
            schema::nullable(schema::one_of(&["personal", "integration"])),
            "Whether it speaks for a person, as it does unless said, or for a tool.",
        )
        .optional(
            "userId",
            schema::nullable(schema::id(UserId::PREFIX)),
            "Whose it shall be, when not the caller's own.",
        )
        .required("scopes", scopes, "What it may be used for.")
        .optional(
            "policy",
            schema::nullable(token_policy()),
            "What it may do to which resource of the Review Board dialect; a token with a policy is taken there alone.",
        )
        .optional(
            "expiresInDays",
            schema::nullable(schema::integer(0..=MAX_TOKEN_DAYS)),
            "Its life in days; 90 unless said; 0 or null for never, for integration tokens only.",
        )
        .schema();
    schema["if"] = json!({"properties": {"kind": {"const": "integration"}}, "required": ["kind"]});
    schema["else"] = json!({"properties": {"expiresInDays": {"type": "integer", "minimum": 1}}});
    schema
}
