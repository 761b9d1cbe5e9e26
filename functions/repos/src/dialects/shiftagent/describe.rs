//! The dialect's operations and objects, for the API's document.

use super::paging::{DEFAULT_LIMIT, MAX_LIMIT};
use super::problems::Slug;
use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Answer, Operation, Parameter};
use repoplane_domain::access::Scope;
use repoplane_domain::attachment::MAX_HOST_TENANT_BYTES;
use repoplane_domain::id::{AccessTokenId, CredentialId, RepositoryId, SkillId, TenantId, UserId};
use repoplane_domain::repository::{
    MAX_NOTE_CHARS, MAX_NOTE_KEY_CHARS, MAX_NOTES, MAX_REGISTERED_NAME_CHARS, REGISTERED_PROVIDERS, SyncStatus,
};
use repoplane_domain::skill::{
    MAX_MANUAL_DESCRIPTION_CHARS, MAX_MANUAL_NAME_CHARS, MAX_MANUAL_PATH_CHARS, MAX_MANUAL_VERSION_CHARS, SkillSource,
};
use repoplane_domain::vault_credential::{MAX_VAULT_SECRET_BYTES, MAX_VAULT_TYPE_CHARS, VAULT_TYPES};
use serde_json::{Value, json};

const TAG: &str = "ShiftAgent";
const PROBLEM: &str = "ShiftagentProblem";

/// What every call may be answered.
const ALWAYS: [Slug; 5] =
    [Slug::NotAcceptable, Slug::HeadersTooLarge, Slug::RateLimited, Slug::InternalError, Slug::Unavailable];
/// What a call with a body may be answered besides.
const OF_BODIES: [Slug; 4] = [Slug::BadRequest, Slug::ValidationError, Slug::BodyTooLarge, Slug::UnsupportedMediaType];

/// An operation with the problems that it may end in.
fn operation(id: &'static str, summary: &'static str, scope: Scope, slugs: &[&[Slug]]) -> Operation {
    let all = slugs.concat().into_iter().chain(ALWAYS).chain([Slug::InsufficientScope]);
    let all = all.chain((scope == Scope::ReposWrite).then_some(Slug::TenantSuspended));
    let all = all.map(|slug| (slug.status().as_u16(), slug.as_str()));
    let unauthorized = (401, Slug::InsufficientScope.as_str());
    Operation::new(id, TAG, summary).access(Access::Scope(scope)).dialect_problems(PROBLEM, all.chain([unauthorized]))
}

fn reads(id: &'static str, summary: &'static str, slugs: &[&[Slug]]) -> Operation {
    operation(id, summary, Scope::ReposRead, slugs)
}

fn writes(id: &'static str, summary: &'static str, slugs: &[&[Slug]]) -> Operation {
    operation(id, summary, Scope::ReposWrite, slugs)
}

fn of_repository(operation: Operation) -> Operation {
    operation.path("repository_id", schema::id(RepositoryId::PREFIX), "The repository.")
}

fn of_tenant(operation: Operation) -> Operation {
    let mut id = schema::pattern("^tnt_[A-Za-z0-9]+$");
    id["maxLength"] = json!(MAX_HOST_TENANT_BYTES);
    of_repository(operation.path("tenant_id", id, "A tenant of the host's own."))
}

fn paged(operation: Operation, prefix: &str) -> Operation {
    let limit = schema::defaulting(schema::integer(1..=MAX_LIMIT as i64), DEFAULT_LIMIT);
    operation
        .parameter(Parameter::query("limit", limit, "How many rows to answer."))
        .parameter(Parameter::query("starting_after", schema::id(prefix), "Only older rows than this one."))
        .parameter(Parameter::query(
            "ending_before",
            schema::id(prefix),
            "Only newer rows than this one: those right before it. Not together with `starting_after`.",
        ))
}

/// The operations.
pub(crate) fn operations() -> Vec<Operation> {
    [repositories(), skills(), credentials(), tenants(), vec![exchange()]].concat()
}

fn repositories() -> Vec<Operation> {
    let repository = || schema::reference("ShiftagentRepository");
    vec![
        paged(
            reads("shiftagent_list_repositories", "List repositories", &[&[Slug::BadRequest]])
                .text("Newest first. A member's own token sees those that its user is a member of."),
            RepositoryId::PREFIX,
        )
        .parameter(Parameter::query("name", schema::text(), "Only the one that is shown by exactly this name."))
        .ok("A page of repositories.", list("ShiftagentRepository", RepositoryId::PREFIX)),
        writes(
            "shiftagent_register_repository",
            "Register a repository",
            &[&OF_BODIES, &[Slug::NameConflict, Slug::IdempotencyKeyConflict]],
        )
        .idempotent()
        .text(
            "It is registered by its URL, beside others of the same one, and a scan of it starts by itself. When the name \
             is taken, `conflicting_resource_id` is the repository that has it: fetch that one and go on.",
        )
        .body(register())
        .answer(Answer::json(201, "The repository.", repository())),
        of_repository(reads("shiftagent_get_repository", "Look at a repository", &[&[Slug::NotFound]]))
            .ok("The repository.", repository()),
        of_repository(writes(
            "shiftagent_update_repository",
            "Change a repository",
            &[&OF_BODIES, &[Slug::NotFound, Slug::NameConflict, Slug::ResourceInUse]],
        ))
        .text(
            "What is left out stays. Another branch or credential makes the sync `pending`; no scan starts by that. \
             Archived repositories are `resource-in-use`.",
        )
        .body(update())
        .ok("The repository as it is now.", repository()),
        of_repository(writes(
            "shiftagent_delete_repository",
            "Delete a repository",
            &[&[Slug::NotFound, Slug::ResourceInUse]],
        ))
        .text("Not while it is attached to a tenant, or robots have open tasks in it.")
        .answer(Answer::new(204, "It is gone.")),
        of_repository(writes(
            "shiftagent_sync_repository",
            "Scan a repository",
            &[&[Slug::BadRequest, Slug::NotFound], &[
                Slug::SyncInProgress,
                Slug::ResourceInUse,
                Slug::IdempotencyKeyConflict,
            ]],
        ))
        .idempotent()
        .answer(Answer::json(202, "The scan is asked for.", repository())),
    ]
}

fn skills() -> Vec<Operation> {
    vec![
        paged(
            of_repository(reads(
                "shiftagent_list_repository_skills",
                "List the skills of a repository",
                &[&[Slug::BadRequest, Slug::NotFound, Slug::TenantSuspended, Slug::ResourceInUse]],
            )),
            SkillId::PREFIX,
        )
        .parameter(Parameter::query(
            "refresh",
            schema::boolean(),
            "Scan first, or wait for the scan that runs, up to 15 seconds; needs the scope to write.",
        ))
        .ok("A page of skills.", list("ShiftagentSkill", SkillId::PREFIX)),
        of_repository(writes(
            "shiftagent_create_repository_skill",
            "Add a skill by hand",
            &[&OF_BODIES, &[Slug::NotFound, Slug::NameConflict, Slug::ResourceInUse, Slug::IdempotencyKeyConflict]],
        ))
        .idempotent()
        .text("Scans leave it alone.")
        .body(create_skill())
        .answer(Answer::json(201, "The skill.", schema::reference("ShiftagentSkill"))),
    ]
}

fn credentials() -> Vec<Operation> {
    vec![
        paged(reads("shiftagent_list_credentials", "List credentials", &[&[Slug::BadRequest]]), CredentialId::PREFIX)
            .text("For integration keys and the tenant's administrators.")
            .parameter(Parameter::query("type", schema::text(), "Only those of this type."))
            .ok("A page of credentials.", list("ShiftagentCredential", CredentialId::PREFIX)),
        writes(
            "shiftagent_create_credential",
            "Keep a credential",
            &[&OF_BODIES, &[Slug::NameConflict, Slug::IdempotencyKeyConflict]],
        )
        .idempotent()
        .text("The secret is never shown again. For integration keys and the tenant's administrators.")
        .body(create_credential())
        .answer(Answer::json(201, "The credential.", schema::reference("ShiftagentCredential"))),
        writes("shiftagent_delete_credential", "Delete a credential", &[&[Slug::NotFound, Slug::ResourceInUse]])
            .path("credential_id", schema::id(CredentialId::PREFIX), "The credential.")
            .text("Not while a repository uses it. For integration keys and the tenant's administrators.")
            .answer(Answer::new(204, "It is gone.")),
    ]
}

fn tenants() -> Vec<Operation> {
    let body = Object::new()
        .optional("is_default", schema::boolean(), "Whether it is the tenant's default, of which there is one.")
        .optional("branch_override", schema::nullable(branch()), "The branch that the tenant works with.");
    vec![
        of_tenant(writes(
            "shiftagent_attach_tenant_repository",
            "Attach a repository to a tenant",
            &[&OF_BODIES, &[Slug::NotFound]],
        ))
        .text("What is left out stays. The tenant is one of the host's own; any id of its form is taken.")
        .optional_body(body)
        .ok("It was attached before.", schema::reference("ShiftagentAttachment"))
        .answer(Answer::json(201, "It is attached.", schema::reference("ShiftagentAttachment"))),
        of_tenant(writes(
            "shiftagent_detach_tenant_repository",
            "Detach a repository from a tenant",
            &[&[Slug::NotFound]],
        ))
        .answer(Answer::new(204, "It is detached.")),
        reads("shiftagent_get_integration_self", "Say who is calling", &[]).ok(
            "The token.",
            Object::new()
                .required("object", schema::constant("integration"), "")
                .required("id", schema::id(AccessTokenId::PREFIX), "The token's id.")
                .required("name", schema::text(), "The token's name.")
                .required("scopes", schema::array(schema::text()), "`repositories:write` is what changing needs.")
                .required("root_tenant_id", schema::id(TenantId::PREFIX), "Whose registry it is.")
                .required("created_at", schema::time(), "When it was made."),
        ),
    ]
}

/// The one operation that asks for no scope: for integration keys alone.
fn exchange() -> Operation {
    let mut user = schema::id(UserId::PREFIX);
    user["description"] = json!("For whom the token speaks.");
    writes("shiftagent_token_exchange", "Get a short-lived token for a user", &[&OF_BODIES])
        .access(Access::Token)
        .text(
            "For integration keys alone. The token may do what the key may and the user may, and never manages the \
             registry; it is shown in this one answer.",
        )
        .body(
            Object::new()
                .required("user_id", user, "")
                .optional("ttl_seconds", schema::defaulting(schema::integer(60..=3600), 900), "How long it lives.")
                .optional("scopes", schema::array(schema::text()), "Less than the key may."),
        )
        .ok(
            "The token.",
            Object::new()
                .required("token", schema::text(), "The token, shown once.")
                .required("token_type", schema::constant("Bearer"), "How it is sent.")
                .required("expires_at", schema::time(), "When it ends."),
        )
}

/// The schemas.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        (PROBLEM, problem()),
        ("ShiftagentRepository", repository()),
        ("ShiftagentSkill", skill()),
        ("ShiftagentCredential", credential()),
        ("ShiftagentAttachment", attachment()),
    ]
}

fn list(of: &str, prefix: &str) -> Object {
    Object::new()
        .required("object", schema::constant("list"), "")
        .required("data", schema::array(schema::reference(of)), "The rows.")
        .required("has_more", schema::boolean(), "Whether there are more in this direction.")
        .required("next_cursor", schema::nullable(schema::id(prefix)), "For `starting_after`, if there are more.")
}

fn problem() -> Value {
    let slugs: Vec<_> = Slug::ALL.into_iter().map(Slug::as_str).collect();
    let field = Object::new().required("pointer", schema::text(), "Where: a JSON pointer into the body.").required(
        "message",
        schema::text(),
        "What is wrong.",
    );
    let kind = schema::pattern(&format!("^https?://[^/]+/problems/({})$", slugs.join("|")));
    Object::new()
        .required("type", kind, "Which problem it is: the address of its page.")
        .required("title", schema::text(), "The problem's name.")
        .required("status", schema::integer(400..=599), "The status of the answer.")
        .required("detail", schema::text(), "What happened this time.")
        .required("instance", schema::text(), "The path of the request.")
        .required("request_id", schema::pattern("^req_"), "The request's id.")
        .optional("conflicting_resource_id", schema::nullable(schema::text()), "Who holds what was asked for.")
        .optional("errors", schema::array(field.into()), "Every wrong field.")
        .schema()
}

fn text_of(chars: usize) -> Value {
    json!({"type": "string", "maxLength": chars})
}

fn name() -> Value {
    json!({
        "type": "string", "minLength": 1, "maxLength": MAX_REGISTERED_NAME_CHARS,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*[!-~]+[^\\u0000-\\u001f\\u007f-\\u009f]*$",
    })
}

fn branch() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[A-Za-z0-9_]+([-A-Za-z0-9_/]*[A-Za-z0-9_])?$"})
}

fn metadata() -> Value {
    json!({
        "type": "object", "maxProperties": MAX_NOTES,
        "propertyNames": {"minLength": 1, "maxLength": MAX_NOTE_KEY_CHARS},
        "additionalProperties": text_of(MAX_NOTE_CHARS),
    })
}

fn register() -> Object {
    let providers: Vec<_> = REGISTERED_PROVIDERS.iter().map(|(word, ..)| *word).collect();
    Object::new()
        .required("name", name(), "Unique in the registry, ignoring case.")
        .required(
            "repo_url",
            schema::text_up_to(2048),
            "An https, http, ssh or git URL, or `user@host:path`; never with a user or password for https.",
        )
        .optional("branch", schema::defaulting(branch(), "main"), "The branch that is scanned.")
        .optional(
            "provider",
            schema::defaulting(schema::one_of(&providers), "generic"),
            "Where it is: that decides how a credential is used.",
        )
        .optional(
            "credential_id",
            schema::nullable(schema::id(CredentialId::PREFIX)),
            "A credential to read it with; public without one.",
        )
        .optional("metadata", metadata(), "Your own notes.")
}

fn update() -> Object {
    Object::new()
        .optional("name", name(), "Another name.")
        .optional("branch", branch(), "The branch that is scanned.")
        .optional(
            "credential_id",
            schema::nullable(schema::id(CredentialId::PREFIX)),
            "Another credential; null for none.",
        )
        .optional("metadata", metadata(), "Your own notes, all of them.")
}

fn create_skill() -> Object {
    let mut name = schema::pattern("^[a-z0-9][a-z0-9-]*$");
    name["maxLength"] = json!(MAX_MANUAL_NAME_CHARS);
    let text = |chars| schema::nullable(schema::text_up_to(chars));
    Object::new()
        .required("name", name, "Unique in the repository.")
        .optional("description", text(MAX_MANUAL_DESCRIPTION_CHARS), "What it does.")
        .optional("version", text(MAX_MANUAL_VERSION_CHARS), "Its version.")
        .optional("path", text(MAX_MANUAL_PATH_CHARS), "Where it lies.")
        .optional("metadata", schema::nullable(metadata()), "Your own notes.")
}

fn create_credential() -> Object {
    let kind = json!({
        "type": "string", "minLength": 1, "maxLength": MAX_VAULT_TYPE_CHARS, "pattern": "^[!-~]+$",
        "examples": VAULT_TYPES,
    });
    let secret =
        json!({"type": "string", "minLength": 1, "maxLength": MAX_VAULT_SECRET_BYTES, "pattern": "^[^\\u0000]*$"});
    Object::new()
        .required("name", name(), "Unique in the registry, ignoring case.")
        .required("type", kind, "What the secret is; any word is taken.")
        .required("secret", secret, "The secret; of `basic_auth` as `user:password`. It is never shown.")
        .optional("metadata", metadata(), "Your own notes.")
}

fn repository() -> Value {
    let states: Vec<_> = SyncStatus::ALL.into_iter().map(SyncStatus::as_str).collect();
    let providers: Vec<_> = REGISTERED_PROVIDERS.iter().map(|(word, ..)| *word).collect();
    let sync = Object::new()
        .required("state", schema::one_of(&states), "How current the catalogue is.")
        .required("last_synced_at", schema::nullable(schema::time()), "End of the last scan that succeeded.")
        .required("error", schema::nullable(schema::text()), "Why the last scan failed.")
        .required("skill_count", schema::count(), "Skills in the catalogue.");
    Object::new()
        .required("object", schema::constant("repository"), "")
        .required("id", schema::id(RepositoryId::PREFIX), "Its id.")
        .required("name", schema::text(), "Its name; of another namespace with that before it.")
        .required("repo_url", schema::text(), "Its Git remote.")
        .required("branch", schema::text(), "The branch that is scanned.")
        .required("provider", schema::one_of(&providers), "Where it is.")
        .required(
            "credential_id",
            schema::nullable(schema::id(CredentialId::PREFIX)),
            "The credential that it is read with; null when it is public.",
        )
        .required("sync", sync.into(), "The scan of its branch.")
        .required("metadata", schema::map(schema::text()), "Notes.")
        .required("created_at", schema::time(), "When it was registered.")
        .required("updated_at", schema::time(), "When it last changed.")
        .schema()
}

fn skill() -> Value {
    let sources: Vec<_> = SkillSource::ALL.into_iter().map(SkillSource::as_str).collect();
    let text = || schema::nullable(schema::text());
    Object::new()
        .required("object", schema::constant("skill"), "")
        .required("id", schema::id(SkillId::PREFIX), "Its id.")
        .required("repository_id", schema::id(RepositoryId::PREFIX), "Whose it is.")
        .required("name", schema::text(), "Its name.")
        .required("description", text(), "What it does.")
        .required("version", text(), "Its version.")
        .required("path", text(), "Where it lies.")
        .required("source", schema::one_of(&sources), "Found by a scan, or added by hand.")
        .required("metadata", schema::map(schema::text()), "Notes.")
        .required("created_at", schema::time(), "When it was first listed.")
        .required("updated_at", schema::time(), "When it last changed.")
        .schema()
}

fn credential() -> Value {
    Object::new()
        .required("object", schema::constant("credential"), "")
        .required("id", schema::id(CredentialId::PREFIX), "Its id.")
        .required("name", schema::text(), "Its name.")
        .required("type", schema::text(), "What its secret is.")
        .required("metadata", schema::map(schema::text()), "Notes.")
        .required("created_at", schema::time(), "When it was made.")
        .required("updated_at", schema::time(), "When it last changed.")
        .schema()
}

fn attachment() -> Value {
    Object::new()
        .required("object", schema::constant("repository_attachment"), "")
        .required("tenant_id", schema::pattern("^tnt_[A-Za-z0-9]+$"), "The host's tenant.")
        .required("repository_id", schema::id(RepositoryId::PREFIX), "The repository.")
        .required("is_default", schema::boolean(), "Whether it is the tenant's default.")
        .required("branch_override", schema::nullable(schema::text()), "The branch that the tenant works with.")
        .required("repository", schema::reference("ShiftagentRepository"), "The repository itself.")
        .schema()
}
