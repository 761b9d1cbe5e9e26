//! What the function's operations take and answer, for the API's document.

use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Answer, Archived, Operation, Parameter};
use repoplane_api::problem::ProblemType;
use repoplane_domain::access::{MAX_TOKEN_DAYS, RepositoryRole, Scope};
use repoplane_domain::credential::{
    MAX_API_BASE_URL_BYTES, MAX_CLONE_USERNAME_BYTES, MAX_PROFILE_ID_BYTES, MAX_REMARK_BYTES, MAX_SECRET_BYTES,
};
use repoplane_domain::id::{AccessTokenId, AuditId, RepositoryId, TenantId, UserId};
use repoplane_domain::input::MAX_TEXT_BYTES;
use repoplane_domain::preview_env::MAX_KEY_BYTES;
use repoplane_domain::repository::{MAX_BRANCHES, MAX_NAME_BYTES, MAX_OVERLAP_SECONDS, RETENTION_DAYS};
use serde_json::{Value, json};

const SERVICE: &str = "Service";
const ACCESS: &str = "Access";
const TENANTS: &str = "Tenants";
const USERS: &str = "Users";
const REPOSITORIES: &str = "Repositories";
const MEMBERS: &str = "Members";
const AUDIT: &str = "Audit";
/// Longest name of a user, tenant or token, in bytes.
const MAX_PERSON_BYTES: usize = 100;
const PROVIDERS: [&str; 3] = ["github", "gitlab", "git"];
const ROLES: [&str; 3] = ["member", "maintainer", "owner"];

/// The function's operations.
pub fn describe() -> Vec<Operation> {
    [service(), documentation(), access(), tenants(), users(), repositories(), members(), audit()].concat()
}

/// The schemas that the operations share.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("ProblemPage", problem_page()),
        ("Repo", repo()),
        ("Branch", branch()),
        ("Permissions", permissions()),
        ("Member", member()),
        ("RepoScopedCredentials", credentials()),
        ("PreviewEnvConfig", preview_env()),
        ("GitCredentialPatch", git_patch()),
        ("ModelCredentialPatch", model_patch()),
        ("PreviewEnvPatch", preview_env_patch()),
        ("CreateRepo", create_repo()),
        ("PatchRepo", patch_repo()),
        ("AuditEntry", audit_entry()),
        ("Tenant", tenant()),
        ("User", user()),
        ("AccessToken", access_token()),
        ("Scope", schema::one_of(&["repos:read", "repos:write", "tasks:read", "tasks:write", "admin", "operator"])),
        ("Done", Object::new().required("ok", schema::constant(true), "Always true.").schema()),
    ]
}

fn service() -> Vec<Operation> {
    let page = |id, summary| Operation::new(id, SERVICE, summary).access(Access::Public).page();
    let text = schema::text;
    let links = schema::described(schema::map(text()), "Where to go from here.");
    vec![
        page("welcome", "Say who answers here").ok(
            "Name, version and links.",
            Object::new()
                .required("name", schema::constant("repoplane"), "The product.")
                .required("version", text(), "Its version.")
                .required("links", links, ""),
        ),
        page("health", "Say that the function is alive")
            .text("Asks neither table nor vault.")
            .ok("It is.", Object::new().required("status", schema::constant("ok"), "Always `ok`.")),
        page("version", "Say what was deployed").ok(
            "Version and commit.",
            Object::new().required("version", text(), "The product's version.").required(
                "commit",
                text(),
                "The commit it was built from, or `unknown`.",
            ),
        ),
    ]
}

fn documentation() -> Vec<Operation> {
    let page = |id, summary| Operation::new(id, SERVICE, summary).access(Access::Public).page();
    let text = schema::text;
    let slugs: Vec<_> = ProblemType::ALL.iter().map(|kind| kind.slug()).collect();
    // A file of the function has a tag of its own; pages that are written for each call have none.
    let file = |operation: Operation, media_types: &[&str], description| {
        let content = media_types.iter().fold(Answer::new(200, description), |answer, media_type| {
            let schema = if *media_type == "application/json" { json!({"type": "object"}) } else { text() };
            answer.with_content(media_type, schema)
        });
        operation
            .parameter(Parameter::header("If-None-Match", text(), "An `ETag` of an earlier answer."))
            .answer(content.with_header("ETag", text(), "Good for `If-None-Match`."))
            .answer(Answer::new(304, "The caller has it already.").with_header("ETag", text(), "The same one."))
    };
    vec![
        file(
            page("openapi_document", "Read this document").text("OpenAPI 3.1; compressed for who takes gzip."),
            &["application/json"],
            "The document.",
        ),
        file(
            page("docs_page", "Read the reference")
                .text("A page for browsers. A token that is entered to try a call stays in the page's memory."),
            &["text/html"],
            "The page.",
        ),
        file(
            page("docs_file", "Load a file of the reference").path(
                "file",
                schema::one_of(&["swagger-ui-bundle.js", "swagger-ui.css", "page.js", "page.css"]),
                "The file.",
            ),
            &["text/javascript", "text/css"],
            "The file.",
        )
        .problem(ProblemType::NotFound, &[]),
        page("problems_list", "List the types of problems")
            .text("A page for who names `text/html`, JSON for everyone else.")
            .answer(
                Answer::json(
                    200,
                    "The types.",
                    Object::new().required("problems", schema::array(schema::reference("ProblemPage")), "The types."),
                )
                .with_content("text/html", text()),
            ),
        page("problems_get", "Read what a type of problem means")
            .text("What it means, the usual causes and what to do: the page that `type` leads to.")
            .path("slug", schema::one_of(&slugs), "The last part of the problem's type.")
            .answer(Answer::json(200, "The type.", schema::reference("ProblemPage")).with_content("text/html", text()))
            .problem(ProblemType::NotFound, &[]),
    ]
}

fn problem_page() -> Value {
    Object::new()
        .required("type", schema::text(), "As in problem documents.")
        .required("title", schema::text(), "Its title.")
        .required("status", schema::integer(400..=599), "Its usual status.")
        .required("meaning", schema::text(), "What it means.")
        .required("causes", schema::array(schema::text()), "What usually leads to it.")
        .required("remedy", schema::text(), "What to do about it.")
        .schema()
}

fn access() -> Vec<Operation> {
    let token_id = |operation: Operation| operation.path("token_id", schema::id(AccessTokenId::PREFIX), "The token.");
    let admin = ["PAT_SCOPE_INSUFFICIENT", "ADMIN_REQUIRED"];
    vec![
        Operation::new("access_bootstrap", ACCESS, "Make the first tenant and its administrator")
            .text(
                "Works once, with the deployment's bootstrap token. Both tokens of the answer are shown this once: the \
                 administrator's, and the one that manages tenants.",
            )
            .access(Access::Bootstrap)
            .body(create_tenant())
            .answer(Answer::json(
                201,
                "The tenant, its administrator and two tokens.",
                new_tenant().required("operatorToken", schema::text(), "The token that manages tenants, shown once."),
            ))
            .problem(ProblemType::Conflict, &["ALREADY_BOOTSTRAPPED", "WRITE_CONFLICT"]),
        Operation::new("access_login", ACCESS, "Sign in, as HookCode's clients do")
            .text(
                "There are no passwords: `password` is an access token, and the answer is that very token with its user. \
                 Nothing is made, so nothing has to be signed out.",
            )
            .access(Access::Public)
            .body(
                Object::new()
                    .required("username", schema::solid_text_up_to(MAX_TEXT_BYTES), "Whose token it is.")
                    .required("password", schema::solid_text_up_to(MAX_TEXT_BYTES), "The access token."),
            )
            .ok(
                "The token and its user.",
                Object::new()
                    .required("token", schema::text(), "The token that was sent.")
                    .optional("expiresAt", schema::time(), "When it ends; absent for never.")
                    .required("user", login_user(), "Who it speaks for."),
            )
            .problem(ProblemType::Unauthorized, &[])
            .problem(ProblemType::Forbidden, &["ACCOUNT_DISABLED"]),
        Operation::new("access_me", ACCESS, "Say who the token speaks for").ok("The caller.", me()),
        Operation::new("access_list_tokens", ACCESS, "List the caller's tokens")
            .text("Integration tokens need the tenant's administrator for this.")
            .ok(
                "The tokens, without their texts.",
                Object::new().required("accessTokens", schema::array(schema::reference("AccessToken")), "The tokens."),
            )
            .problem(ProblemType::Forbidden, &admin),
        Operation::new("access_create_token", ACCESS, "Make a token").idempotent()
            .text(
                "A person makes tokens of their own, with scopes that the token they call with has. Administrators also \
                 make integration tokens and, by `userId`, another user's first one. The text is shown in this one answer.",
            )
            .body(create_token())
            .created(
                "The token with its text.",
                withholding(
                    Object::new()
                        .optional("token", schema::text(), "The token's text, shown once.")
                        .required("accessToken", schema::reference("AccessToken"), "Its record."),
                    &["token"],
                ),
            )
            .problem(ProblemType::Forbidden, &admin)
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        token_id(Operation::new("access_revoke_token", ACCESS, "Revoke a token"))
            .text("It is refused everywhere within 30 seconds.")
            .ok("It is revoked.", schema::reference("Done"))
            .problem(ProblemType::Forbidden, &admin)
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"]),
    ]
}

fn tenants() -> Vec<Operation> {
    let operator = |id, summary| Operation::new(id, TENANTS, summary).access(Access::Scope(Scope::Operator));
    let one = || Object::new().required("tenant", schema::reference("Tenant"), "The tenant.");
    vec![
        operator("tenants_list", "List all tenants").ok(
            "The tenants.",
            Object::new().required("tenants", schema::array(schema::reference("Tenant")), "The tenants."),
        ),
        operator("tenants_create", "Make a tenant with its first administrator")
            .idempotent()
            .text("The administrator's token is shown in this one answer.")
            .body(create_tenant())
            .created("The tenant, its administrator and their token.", withholding(new_tenant(), &["token"]))
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"]),
        operator("tenants_get", "Look at a tenant")
            .path("tenant_id", schema::id(TenantId::PREFIX), "The tenant.")
            .ok("The tenant.", one()),
        operator("tenants_update", "Rename, suspend or resume a tenant")
            .conditional()
            .text("A suspended tenant can be read by its callers, not changed.")
            .path("tenant_id", schema::id(TenantId::PREFIX), "The tenant.")
            .body(
                Object::new()
                    .optional("name", schema::nullable(schema::solid_text_up_to(MAX_PERSON_BYTES)), "Its new name.")
                    .optional("suspended", schema::nullable(schema::boolean()), "Whether it is suspended."),
            )
            .ok("The tenant as it is now.", one())
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"]),
    ]
}

fn users() -> Vec<Operation> {
    let admin = |id, summary| Operation::new(id, USERS, summary).access(Access::Administrator);
    let one = || Object::new().required("user", schema::reference("User"), "The user.");
    vec![
        admin("users_list", "List the tenant's users")
            .ok("The users.", Object::new().required("users", schema::array(schema::reference("User")), "The users.")),
        admin("users_create", "Add a user")
            .idempotent()
            .text("The user's first token is made by `access_create_token` with their `userId`.")
            .body(person().optional("roles", schema::nullable(roles()), "Roles in the whole tenant."))
            .created("The user.", one())
            .problem(ProblemType::Conflict, &["USERNAME_TAKEN", "WRITE_CONFLICT"]),
        admin("users_get", "Look at a user")
            .path("user_id", schema::id(UserId::PREFIX), "The user.")
            .ok("The user.", one()),
        admin("users_update", "Change a user")
            .conditional()
            .text("Tokens of a disabled user are refused within 30 seconds. The last administrator stays one.")
            .path("user_id", schema::id(UserId::PREFIX), "The user.")
            .body(
                Object::new()
                    .optional("displayName", display_name(), "Name for people; null removes it.")
                    .optional("email", schema::nullable(email()), "E-mail; null removes it.")
                    .optional("roles", schema::nullable(roles()), "Roles in the whole tenant; the list is replaced.")
                    .optional(
                        "disabled",
                        schema::nullable(schema::boolean()),
                        "Whether the user's tokens are refused.",
                    ),
            )
            .ok("The user as they are now.", one())
            .problem(ProblemType::Conflict, &["LAST_ADMINISTRATOR", "WRITE_CONFLICT"]),
    ]
}

fn repositories() -> Vec<Operation> {
    let of = |id, summary| Operation::new(id, REPOSITORIES, summary);
    let one = |id, summary| of(id, summary).path("id", schema::id(RepositoryId::PREFIX), "The repository.");
    let read =
        |operation: Operation| operation.of_repository(Scope::ReposRead, RepositoryRole::Member, Archived::Allowed);
    let manage = |operation: Operation, archived| {
        operation
            .of_repository(Scope::ReposWrite, RepositoryRole::Maintainer, archived)
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"])
    };
    let taken = ["REPO_NAME_TAKEN", "REPO_IDENTITY_TAKEN", "WRITE_CONFLICT"];
    let repo = |members: &[&str]| schema::requiring(schema::reference("Repo"), members);
    let archived = json!({"anyOf": [
        {"type": "string", "enum": ["0", "false", "active", "1", "true", "archived", "all"]}, {"type": "string"},
    ]});
    vec![
        of("repos_list", "List repositories")
            .text(
                "Those that the caller is a member of; administrators and tools see all. The latest change comes first; \
                 `nextCursor` is there only when there is more.",
            )
            .access(Access::Scope(Scope::ReposRead))
            .parameter(Parameter::query(
                "archived",
                archived,
                "`1`, `true` or `archived`: only archived ones; `all`: both; anything else: only active ones.",
            ))
            .parameter(Parameter::query(
                "provider",
                schema::one_of(&["github", "gitlab", "git", ""]),
                "Only those that live there.",
            ))
            .parameter(Parameter::query(
                "enabled",
                schema::one_of(&["true", "1", "false", "0", ""]),
                "Only those that take webhooks, or only those that do not.",
            ))
            .parameter(Parameter::search("name, identity and description"))
            .parameter(Parameter::limit(50, 50))
            .parameter(Parameter::cursor())
            .ok(
                "A page of repositories.",
                Object::new()
                    .required("repos", schema::array(repo(&["myRole", "permissions"])), "The repositories.")
                    .optional("nextCursor", schema::text(), "For the next page, if there is one."),
            )
            .problem(ProblemType::ValidationFailed, &["INVALID_CURSOR"]),
        of("repos_create", "Register a repository").idempotent()
            .text(
                "The caller becomes its owner. `webhookSecret` is shown in this one answer: put it and `webhookPath` into \
                 the provider's webhook settings, with content type `application/json`. A name is unique in its namespace, \
                 an identity in the tenant.",
            )
            .access(Access::Scope(Scope::ReposWrite))
            .body(schema::reference("CreateRepo"))
            .created(
                "The repository, with its webhook.",
                withholding(
                    Object::new()
                    .required("repo", repo(&["myRole", "permissions", "creator"]), "The repository.")
                    .optional("webhookSecret", schema::text(), "The webhook's secret, shown once.")
                    .optional("webhookPath", schema::text(), "The webhook's path."),
                    &["webhookSecret"],
                ),
            )
            // Only the administrator switches verification off.
            .problem(ProblemType::Forbidden, &["ADMIN_REQUIRED"])
            .problem(ProblemType::Conflict, &taken)
            .problem(ProblemType::TooManyChanges, &["TOO_MANY_CHANGES"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        read(one("repos_get", "Look at a repository"))
            .text("With its robots, its rules and its masked credentials. No secret is in the answer.")
            .ok(
                "The repository and what hangs on it.",
                Object::new()
                    .required("repo", repo(&["myRole", "permissions", "creator"]), "The repository.")
                    .required("robots", schema::array(schema::reference("Robot")), "Its robots, oldest first.")
                    .required("automationConfig", schema::reference("AutomationConfig"), "Its rules.")
                    .required("repoScopedCredentials", schema::reference("RepoScopedCredentials"), "Its credentials.")
                    .required("previewEnvConfig", schema::reference("PreviewEnvConfig"), "Its preview environment.")
                    .optional("webhookPath", schema::text(), "Where its provider posts."),
            ),
        manage(one("repos_patch", "Change a repository").conditional(), Archived::Blocked)
            .text(
                "Absent members are kept. Once a webhook was verified, `externalId` and `apiBaseUrl` are locked. Credential \
                 values are write-only.",
            )
            .body(schema::reference("PatchRepo"))
            .ok(
                "The repository as it is now.",
                Object::new()
                    .required("repo", repo(&["myRole", "permissions"]), "The repository.")
                    .required("repoScopedCredentials", schema::reference("RepoScopedCredentials"), "Its credentials.")
                    .required("previewEnvConfig", schema::reference("PreviewEnvConfig"), "Its preview environment."),
            )
            .problem(
                ProblemType::ValidationFailed,
                &[
                    "REPO_SCOPED_CREDENTIAL_REPO_PROFILE_REMARK_REQUIRED",
                    "REPO_SCOPED_CREDENTIAL_MODEL_PROFILE_REMARK_REQUIRED",
                ],
            )
            .problem(ProblemType::Forbidden, &["ADMIN_REQUIRED"])
            .problem(ProblemType::Conflict, &["REPO_IDENTITY_LOCKED"])
            .problem(ProblemType::Conflict, &taken)
            .problem(ProblemType::TooManyChanges, &["TOO_MANY_CHANGES"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        one("repos_delete", "Remove a repository for good").conditional()
            .text(
                "With its members, credentials, robots and rules; deliveries and tasks go when their time is over. With open \
                 tasks it is refused unless `force` is true.",
            )
            .of_repository(Scope::ReposWrite, RepositoryRole::Owner, Archived::Allowed)
            .parameter(Parameter::query(
                "force",
                schema::one_of(&["true", "1", "false", "0", ""]),
                "`true` drops open tasks with the repository.",
            ))
            .ok(
                "It is gone.",
                Object::new()
                    .required("ok", schema::constant(true), "Always true.")
                    .required("tasksDropped", schema::count(), "Open tasks that went with it."),
            )
            .problem(ProblemType::ValidationFailed, &[])
            .problem(ProblemType::Conflict, &["REPO_HAS_OPEN_TASKS", "WRITE_CONFLICT"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        manage(one("repos_archive", "Make a repository read-only").idempotent().conditional(), Archived::Allowed).ignored_body()
            .text("Its tasks are archived with it. A repeat changes nothing and counts nothing.")
            .ok(
                "The archived repository.",
                Object::new()
                    .required("repo", schema::reference("Repo"), "The repository.")
                    .required("tasksArchived", schema::count(), "Open tasks that are archived with it.")
                    .required("taskGroupsArchived", schema::count(), "Groups of those tasks."),
            ),
        manage(one("repos_unarchive", "Take a repository out of the archive").idempotent().conditional(), Archived::Allowed).ignored_body().ok(
            "The repository.",
            Object::new()
                .required("repo", schema::reference("Repo"), "The repository.")
                .required("tasksRestored", schema::count(), "Open tasks that are back with it.")
                .required("taskGroupsRestored", schema::count(), "Groups of those tasks."),
        ),
        manage(one("repos_rotate_webhook_secret", "Rotate the webhook secret").idempotent().conditional(), Archived::Blocked)
            .text("The new secret is shown in this one answer; the old one stays accepted for `overlapSeconds`.")
            .optional_body(
                Object::new()
                    .optional(
                        "overlapSeconds",
                        schema::nullable(schema::integer(0..=MAX_OVERLAP_SECONDS)),
                        "How long the old secret stays accepted; 0 unless asked.",
                    )
                    .optional(
                        "webhookSecret",
                        schema::nullable(schema::solid_text_up_to(256)),
                        "A secret of your own; without it a new one is derived.",
                    ),
            )
            .ok(
                "The new secret.",
                withholding(
                    Object::new()
                    .optional("webhookSecret", schema::text(), "The new secret, shown once.")
                    .optional("webhookPath", schema::text(), "Where the provider posts.")
                    .optional("previousAcceptedUntil", schema::time(), "Until when the old secret is accepted."),
                    &["webhookSecret"],
                ),
            )
            .problem(ProblemType::TooManyChanges, &["TOO_MANY_CHANGES"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
    ]
}

fn members() -> Vec<Operation> {
    let of = |id, summary| {
        Operation::new(id, MEMBERS, summary).path("id", schema::id(RepositoryId::PREFIX), "The repository.")
    };
    let one = |id, summary| of(id, summary).path("user_id", schema::id(UserId::PREFIX), "The member.");
    let manage = |operation: Operation| {
        operation
            .of_repository(Scope::ReposWrite, RepositoryRole::Maintainer, Archived::Blocked)
            // Only owners make, change and remove owners.
            .problem(ProblemType::Forbidden, &["REPO_OWNER_REQUIRED"])
    };
    let answer = || Object::new().required("member", schema::reference("Member"), "The member.");
    let role = || schema::one_of(&ROLES);
    vec![
        of("repos_list_members", "List a repository's members")
            .of_repository(Scope::ReposRead, RepositoryRole::Member, Archived::Allowed)
            .ok(
                "The members, in the order in which they were added.",
                Object::new().required("members", schema::array(schema::reference("Member")), "The members."),
            ),
        manage(of("repos_add_member", "Add a member").idempotent().conditional())
            .text("Name the user by `userId` or by `username`. Only owners add owners.")
            .body(add_member())
            .created("The member.", answer())
            .problem(ProblemType::Conflict, &["MEMBER_EXISTS", "WRITE_CONFLICT"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        manage(one("repos_update_member_role", "Change a member's role").conditional())
            .body(Object::new().required("role", role(), "The new role."))
            .ok("The member as they are now.", answer())
            .problem(ProblemType::Conflict, &["LAST_OWNER", "WRITE_CONFLICT"]),
        manage(one("repos_remove_member", "Remove a member").conditional())
            .ok("They are no member any more.", schema::reference("Done"))
            .problem(ProblemType::Conflict, &["LAST_OWNER", "WRITE_CONFLICT"]),
    ]
}

fn audit() -> Vec<Operation> {
    let answer = || {
        Object::new()
            .required("entries", schema::array(schema::reference("AuditEntry")), "The entries, newest first.")
            .optional("nextCursor", schema::text(), "For the next page, if there is one.")
    };
    let list = |operation: Operation| {
        operation
            .parameter(Parameter::limit(50, 200))
            .parameter(Parameter::cursor())
            .ok("A page of entries.", answer())
            .problem(ProblemType::ValidationFailed, &["INVALID_CURSOR"])
    };
    vec![
        list(
            Operation::new("repos_list_audit", AUDIT, "List what was done on a repository")
                .path("id", schema::id(RepositoryId::PREFIX), "The repository.")
                .of_repository(Scope::ReposRead, RepositoryRole::Maintainer, Archived::Allowed),
        ),
        list(
            Operation::new("audit_list", AUDIT, "List what was done in the tenant on a day")
                .access(Access::Administrator)
                .parameter(Parameter::query(
                    "day",
                    json!({"anyOf": [{"type": "string", "format": "date"}, {"const": ""}]}),
                    "The day in UTC, like `2026-01-20`; today unless said.",
                )),
        ),
    ]
}

fn audit_entry() -> Value {
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

fn login_user() -> Value {
    Object::new()
        .required("id", schema::id(UserId::PREFIX), "Their id.")
        .required("username", schema::text(), "Their name.")
        .optional("displayName", schema::text(), "Their name for people.")
        .optional("email", schema::text(), "Their e-mail.")
        .required("roles", schema::array(schema::one_of(&["admin"])), "Their roles in the tenant.")
        .schema()
}

/// Says what a repeated answer leaves out.
fn withholding(object: Object, members: &[&str]) -> Object {
    let withheld = schema::array(schema::one_of(members));
    object.optional("withheld", withheld, "In a repeated answer: what the first one showed and this one does not.")
}

fn repo() -> Value {
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
        .required("retentionDays", schema::integer(RETENTION_DAYS), "How long deliveries are kept, in days.")
        .required("webhookVerification", schema::one_of(&["on", "off"]), "Whether webhooks must be signed.")
        .optional("previousWebhookSecretAcceptedUntil", schema::time(), "Until when the secret before is accepted.")
        .optional("webhookVerifiedAt", schema::time(), "When the first webhook passed its checks.")
        .required("skillDefaults", json!({"type": "null"}), "Always null: skills are not served.")
        .required("enabled", schema::boolean(), "`false` skips webhooks.")
        .optional("archivedAt", schema::time(), "Since when it is read-only.")
        .required("createdAt", schema::time(), "When it was registered.")
        .required("updatedAt", schema::time(), "When a caller last changed it.")
        .optional("myRole", schema::nullable(schema::one_of(&ROLES)), "What the caller is in it.")
        .optional("permissions", schema::reference("Permissions"), "What the caller may do with it.")
        .optional("creator", schema::nullable(creator.into()), "The earliest owner.")
        .schema()
}

fn branch() -> Value {
    Object::new()
        .required("name", schema::text(), "Name without `refs/heads/`.")
        .optional("note", schema::text(), "`Dev branch`, `Test branch` and `Main branch` give it its role in rules.")
        .required("isDefault", schema::boolean(), "At most one has it.")
        .schema()
}

fn permissions() -> Value {
    Object::new()
        .required("canRead", schema::boolean(), "Look at it.")
        .required("canManage", schema::boolean(), "Change it, its robots and rules.")
        .required("canDelete", schema::boolean(), "Delete it.")
        .required("canManageMembers", schema::boolean(), "Change its members.")
        .required("canManageTasks", schema::boolean(), "Claim and finish its tasks.")
        .schema()
}

fn member() -> Value {
    Object::new()
        .required("userId", schema::id(UserId::PREFIX), "The user.")
        .required("username", schema::text(), "The user's name.")
        .optional("displayName", schema::text(), "The user's name for people.")
        .required("role", schema::one_of(&ROLES), "What they are in the repository.")
        .schema()
}

fn credentials() -> Value {
    let common = || {
        Object::new()
            .required("id", schema::text(), "Chosen by the client, or made here.")
            .required("remark", schema::text(), "What people call it.")
            .required("createdAt", schema::time(), "When it was made.")
            .required("updatedAt", schema::time(), "When it was last changed.")
    };
    let git = common().required("hasToken", schema::boolean(), "Whether a token is in the vault.").optional(
        "cloneUsername",
        schema::text(),
        "Git user name for clones.",
    );
    let model = common().required("hasApiKey", schema::boolean(), "Whether a key is in the vault.").optional(
        "apiBaseUrl",
        schema::text(),
        "Where the provider listens, when not at its usual address.",
    );
    let set = |profile: Object| -> Value {
        Object::new()
            .required("profiles", schema::array(profile.into()), "The profiles, in order of creation.")
            .optional("defaultProfileId", schema::text(), "The one that is taken when none is named.")
            .schema()
    };
    let models = Object::new()
        .required("codex", set(model.clone()), "")
        .required("claude_code", set(model.clone()), "")
        .required("gemini_cli", set(model), "");
    Object::new()
        .required("repoProvider", set(git), "Git tokens.")
        .required("modelProvider", models.into(), "Model keys.")
        .schema()
}

fn preview_env() -> Value {
    let variable = Object::new()
        .required("key", schema::text(), "The variable's name.")
        .required("isSecret", schema::constant(true), "Always true: values are write-only.")
        .required("hasValue", schema::boolean(), "Whether a value is in the vault.");
    Object::new().required("variables", schema::array(variable.into()), "The variables, sorted by name.").schema()
}

/// Changes to a set of profiles: removals, then upserts, then the default.
fn set_patch(profile: Object) -> Value {
    let ids = schema::nullable(schema::array(schema::text()));
    let profile = profile
        // Blank is as good as absent.
        .optional(
            "id",
            schema::nullable(schema::pattern(&format!("^[A-Za-z0-9_.:-]{{0,{MAX_PROFILE_ID_BYTES}}}$"))),
            "The profile to change; an unknown id makes a profile, none makes one with an id of ours.",
        )
        .optional(
            "remark",
            schema::solid_line_up_to(MAX_REMARK_BYTES),
            "What people call it; a new profile must have one.",
        );
    Object::new()
        .optional("profiles", schema::nullable(schema::array(profile.into())), "Profiles to change or to make.")
        .optional("removeProfileIds", ids, "Profiles to remove; unknown ids are passed over.")
        .optional(
            "defaultProfileId",
            schema::nullable(schema::text_up_to(MAX_TEXT_BYTES)),
            "The default; null for none; an unknown id is none.",
        )
        .schema()
}

fn git_patch() -> Value {
    let token = schema::nullable(schema::line_up_to(MAX_SECRET_BYTES));
    let user = schema::nullable(schema::line_up_to(MAX_CLONE_USERNAME_BYTES));
    set_patch(
        Object::new().optional("token", token, "Write-only. Absent keeps it; null or blank removes it.").optional(
            "cloneUsername",
            user,
            "Git user name for clones. Absent keeps it; null or blank removes it.",
        ),
    )
}

fn model_patch() -> Value {
    let key = schema::nullable(schema::line_up_to(MAX_SECRET_BYTES));
    let address = schema::nullable(schema::text_up_to(MAX_API_BASE_URL_BYTES));
    let set = || {
        schema::nullable(set_patch(
            Object::new()
                .optional("apiKey", key.clone(), "Write-only. Absent keeps it; null or blank removes it.")
                .optional("apiBaseUrl", address.clone(), "http or https; any other text is as good as null."),
        ))
    };
    Object::new()
        .optional("codex", set(), "Null removes all profiles.")
        .optional("claude_code", set(), "Null removes all profiles.")
        .optional("gemini_cli", set(), "Null removes all profiles.")
        .schema()
}

fn preview_env_patch() -> Value {
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
fn repo_settings() -> Object {
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

fn create_repo() -> Value {
    let mut schema = repo_settings()
        .required("provider", schema::one_of(&PROVIDERS), "Where the repository lives; it never changes.")
        .required("name", schema::solid_text_up_to(MAX_NAME_BYTES), "Usually `owner/repo` or `group/project`.")
        .optional(
            "namespace",
            json!({
                "type": ["string", "null"], "maxLength": MAX_NAME_BYTES,
                "pattern": "^(registry|(product|platform)/[A-Za-z0-9._-]+)$",
            }),
            "`registry` unless said, `product/<name>` or `platform/<id>`.",
        )
        .optional(
            "webhookSecret",
            schema::nullable(schema::text_up_to(256)),
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

fn patch_repo() -> Value {
    let models = schema::nullable(schema::reference("ModelCredentialPatch"));
    repo_settings()
        .optional("name", schema::nullable(schema::solid_text_up_to(MAX_NAME_BYTES)), "Its new name; null keeps it.")
        .optional("enabled", schema::nullable(schema::boolean()), "`false` skips webhooks.")
        .optional("webhookSecret", schema::solid_text_up_to(256), "A new webhook secret of your own.")
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

fn add_member() -> Value {
    let mut schema = Object::new()
        .optional("userId", schema::nullable(schema::id(UserId::PREFIX)), "The user.")
        .optional("username", schema::nullable(schema::text_up_to(MAX_TEXT_BYTES)), "The user's name.")
        .required("role", schema::one_of(&ROLES), "What they shall be.")
        .schema();
    let only = |one: &str, other: &str| json!({"required": [one], "properties": {one: {"type": "string"}, other: {"type": "null"}}});
    schema["oneOf"] = json!([only("userId", "username"), only("username", "userId")]);
    schema
}

fn tenant() -> Value {
    Object::new()
        .required("id", schema::id(TenantId::PREFIX), "Its id.")
        .required("name", schema::text(), "Its name.")
        .required("suspended", schema::boolean(), "A suspended tenant is read-only to its callers.")
        .required("createdAt", schema::time(), "When it was made.")
        .required("updatedAt", schema::time(), "When it was last changed.")
        .schema()
}

fn user() -> Value {
    Object::new()
        .required("id", schema::id(UserId::PREFIX), "Their id.")
        .required("number", schema::count(), "A small number, for systems that need one.")
        .required("username", schema::text(), "Unique in the tenant, ignoring case; it never changes.")
        .optional("displayName", schema::text(), "Name for people.")
        .optional("email", schema::text(), "E-mail.")
        .required("roles", schema::array(schema::one_of(&["admin"])), "Roles in the whole tenant.")
        .required("disabled", schema::boolean(), "Whether their tokens are refused.")
        .required("createdAt", schema::time(), "When they were added.")
        .required("updatedAt", schema::time(), "When they were last changed.")
        .schema()
}

fn access_token() -> Value {
    Object::new()
        .required("id", schema::id(AccessTokenId::PREFIX), "Its id.")
        .required("name", schema::text(), "What it is for.")
        .required("kind", schema::one_of(&["personal", "integration"]), "Whether it speaks for a person or a tool.")
        .required("prefix", schema::text(), "The first characters of its text, to recognise it by.")
        .required("scopes", schema::array(schema::reference("Scope")), "What it may be used for.")
        .required("createdAt", schema::time(), "When it was made.")
        .required("expiresAt", schema::nullable(schema::time()), "When it ends; null for never.")
        .required("lastUsedAt", schema::nullable(schema::time()), "Its last use, to the hour; null before the first.")
        .schema()
}

fn me() -> Object {
    let principal = Object::new()
        .required(
            "kind",
            schema::one_of(&["personal", "integration"]),
            "Whether the token speaks for a person or a tool.",
        )
        .required("userId", schema::id(UserId::PREFIX), "The user behind the token.")
        .required("username", schema::text(), "The user's name.")
        .optional("displayName", schema::text(), "The user's name for people.")
        .required("roles", schema::array(schema::one_of(&["admin"])), "The user's roles in the tenant.")
        .required("accessTokenId", schema::id(AccessTokenId::PREFIX), "The token.");
    let tenant = Object::new().required("id", schema::id(TenantId::PREFIX), "The tenant.");
    Object::new()
        .required("principal", principal.into(), "Who is calling.")
        .required("tenant", tenant.into(), "Where.")
        .required("scopes", schema::array(schema::reference("Scope")), "With which scopes.")
}

fn new_tenant() -> Object {
    Object::new()
        .required("tenant", schema::reference("Tenant"), "The tenant.")
        .required("administrator", schema::reference("User"), "Its first administrator.")
        .optional("token", schema::text(), "The administrator's token, shown once.")
}

fn create_tenant() -> Object {
    person().required("tenant", schema::solid_text_up_to(MAX_PERSON_BYTES), "The tenant's name.")
}

fn person() -> Object {
    let username = json!({"type": "string", "maxLength": MAX_PERSON_BYTES, "pattern": "^[A-Za-z0-9._-]+$"});
    Object::new()
        .required("username", username, "Unique in the tenant, ignoring case.")
        .optional("displayName", display_name(), "Name for people.")
        .optional("email", schema::nullable(email()), "E-mail.")
}

fn display_name() -> Value {
    schema::nullable(schema::text_up_to(MAX_PERSON_BYTES))
}

fn email() -> Value {
    let mut schema = schema::text_up_to(254);
    schema["allOf"] = json!([{"pattern": "^[^@]+@[^@]"}]);
    schema
}

fn roles() -> Value {
    schema::array(schema::one_of(&["admin"]))
}

fn create_token() -> Value {
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
            "expiresInDays",
            schema::nullable(schema::integer(0..=MAX_TOKEN_DAYS)),
            "Its life in days; 90 unless said; 0 or null for never, for integration tokens only.",
        )
        .schema();
    schema["if"] = json!({"properties": {"kind": {"const": "integration"}}, "required": ["kind"]});
    schema["else"] = json!({"properties": {"expiresInDays": {"type": "integer", "minimum": 1}}});
    schema
}
