//! The function's operations, by what they are about.

use super::providers::{asks, profile, strict_source, validate};
use super::schemas::{
    ROLES, add_member, create_tenant, create_token, display_name, email, login_user, me, new_tenant, person, roles,
    rotation, user, withholding,
};
use crate::repositories::PAGE;
use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Answer, Archived, Operation, Parameter};
use repoplane_api::problem::ProblemType;
use repoplane_api::query::{DEFAULT_PAGE, MAX_PAGE};
use repoplane_domain::access::{
    MAX_CA_CERTIFICATE_BYTES, MAX_CA_CERTIFICATES, MAX_EGRESS_ALLOW, MAX_PERSON_BYTES, RepositoryRole, Scope,
};
use repoplane_domain::id::{AccessTokenId, RepositoryId, TenantId, UserId};
use repoplane_domain::input::MAX_TEXT_BYTES;
use serde_json::json;

const SERVICE: &str = "Service";
const ACCESS: &str = "Access";
const TENANTS: &str = "Tenants";
const USERS: &str = "Users";
pub(super) const REPOSITORIES: &str = "Repositories";
const MEMBERS: &str = "Members";
const AUDIT: &str = "Audit";

pub(super) fn service() -> Vec<Operation> {
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
        Operation::new("health_deep", SERVICE, "Ask what the registry stands on")
            .text(
                "Asks table, vault and queue at the same time, for 2 s each at most, and remembers nothing. A part that \
                 fails makes it 503, whose problem has the same member `parts`; while the table is down, the caller \
                 cannot be known, and it is 503 without them.",
            )
            .access(Access::Administrator)
            .answer(Answer::json(200, "All parts answer.", deep_health()).with_header(
                "Cache-Control",
                schema::constant("no-store"),
                "It is asked anew each time.",
            )),
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

fn deep_health() -> Object {
    Object::new().required("status", schema::constant("ok"), "Always `ok`.").required(
        "parts",
        schema::parts(),
        "What was asked.",
    )
}

pub(super) fn documentation() -> Vec<Operation> {
    let page = |id, summary| Operation::new(id, SERVICE, summary).access(Access::Public).page();
    let text = schema::text;
    let slugs = crate::problems::slugs();
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

pub(super) fn access() -> Vec<Operation> {
    let token_id = |operation: Operation| operation.path("token_id", schema::id(AccessTokenId::PREFIX), "The token.");
    // Platform tokens manage none.
    let admin = ["PAT_SCOPE_INSUFFICIENT", "ADMIN_REQUIRED", "TOKEN_KIND_INSUFFICIENT"];
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
        Operation::new("access_recover", ACCESS, "Give an administrator new tokens who has lost them")
            .text(
                "For who can replace the deployment's bootstrap token: each of its values is good for one call. Makes two \
                 tokens for an enabled administrator of the first tenant, as bootstrap does; those that were lost stay good \
                 until they end or are revoked.",
            )
            .access(Access::Bootstrap)
            .body(Object::new().required("username", schema::solid_text_up_to(MAX_TEXT_BYTES), "Whose tokens."))
            .ok(
                "The administrator and two tokens.",
                Object::new()
                    .required("administrator", user(), "Who may use them.")
                    .required("token", schema::text(), "The administrator's token, shown once.")
                    .required("operatorToken", schema::text(), "The token that manages tenants, shown once."),
            )
            .problem(
                ProblemType::Conflict,
                &["BOOTSTRAP_TOKEN_USED", "NOT_AN_ADMINISTRATOR", "NOT_BOOTSTRAPPED", "WRITE_CONFLICT"],
            ),
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

pub(super) fn tenants() -> Vec<Operation> {
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
        operator("tenants_update", "Rename, suspend or resume a tenant, or set what its calls may reach")
            .conditional()
            .text("A suspended tenant can be read by its callers, not changed.")
            .text(
                "Calls to providers reach public https addresses only, unless the tenant's list names a place; the \
                 addresses of cloud metadata and of the service's own runtime are refused.",
            )
            .path("tenant_id", schema::id(TenantId::PREFIX), "The tenant.")
            .body(
                Object::new()
                    .optional("name", schema::nullable(schema::solid_text_up_to(MAX_PERSON_BYTES)), "Its new name.")
                    .optional("suspended", schema::nullable(schema::boolean()), "Whether it is suspended.")
                    .optional(
                        "egressAllow",
                        schema::nullable(schema::array_up_to(schema::text(), MAX_EGRESS_ALLOW)),
                        "`host:port` of private installations; the list is replaced.",
                    )
                    .optional(
                        "caCertificates",
                        schema::nullable(schema::array_up_to(
                            schema::text_up_to(MAX_CA_CERTIFICATE_BYTES),
                            MAX_CA_CERTIFICATES,
                        )),
                        "Certificates of private authorities, each in PEM; the list is replaced.",
                    ),
            )
            .ok("The tenant as it is now.", one())
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"]),
    ]
}

pub(super) fn users() -> Vec<Operation> {
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

pub(super) fn repositories() -> Vec<Operation> {
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
            .parameter(Parameter::limit(PAGE, PAGE))
            .parameter(Parameter::cursor())
            .ok(
                "A page of repositories.",
                Object::new()
                    .required("repos", schema::array(repo(&["myRole", "permissions"])), "The repositories.")
                    .optional("nextCursor", schema::text(), "For the next page, if there is one."),
            )
            .problem(ProblemType::ValidationFailed, &["INVALID_CURSOR"]),
        asks(of("repos_create", "Register a repository").idempotent())
            .text(
                "The caller becomes its owner. `webhookSecret` is shown in this one answer: put it and `webhookPath` into \
                 the provider's webhook settings, with content type `application/json`. A name is unique in its namespace, \
                 an identity in the tenant.",
            )
            .access(Access::Scope(Scope::ReposWrite))
            .parameter(validate())
            .parameter(strict_source())
            .parameter(profile())
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
        asks(manage(one("repos_patch", "Change a repository").conditional(), Archived::Blocked))
            .text(
                "Absent members are kept. Once a webhook was verified, `externalId` and `apiBaseUrl` are locked. Credential \
                 values are write-only.",
            )
            .parameter(validate())
            .parameter(strict_source())
            .parameter(profile())
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
                 tasks it is refused unless `force` is true, and always while it is attached to a tenant of a host's own \
                 (`shiftagent_attach_tenant_repository`).",
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
            .problem(ProblemType::Conflict, &["REPO_ATTACHED", "REPO_HAS_OPEN_TASKS", "REPO_PERMANENT", "WRITE_CONFLICT"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        manage(one("repos_sync", "Sync a repository now").idempotent(), Archived::Blocked)
            .ignored_body()
            .text(
                "A worker scans it as soon as one is free; `sync.state` of the repository tells when it has ended. Scheduled \
                 syncs go on as planned.",
            )
            .answer(Answer::json(
                202,
                "The sync is asked for.",
                Object::new().required("sync", schema::reference("Sync"), "The state of the sync."),
            ))
            .problem(ProblemType::Conflict, &["SYNC_IN_PROGRESS", "REPO_DISABLED", "WRITE_CONFLICT"]),
        manage(one("repos_archive", "Make a repository read-only").idempotent().conditional(), Archived::Allowed).ignored_body()
            .text("Its tasks are archived with it. A repeat changes nothing and counts nothing.")
            .ok(
                "The archived repository.",
                Object::new()
                    .required("repo", schema::reference("Repo"), "The repository.")
                    .required("tasksArchived", schema::count(), "Open tasks that are archived with it.")
                    .required("taskGroupsArchived", schema::count(), "Groups of those tasks."),
            ),
        manage(one("repos_unarchive", "Take a repository out of the archive").idempotent().conditional(), Archived::Allowed)
            .text("One that a review tool archived gets its name back.")
            .problem(ProblemType::Conflict, &["REPO_NAME_TAKEN", "REPO_IDENTITY_TAKEN"])
            .ignored_body().ok(
            "The repository.",
            Object::new()
                .required("repo", schema::reference("Repo"), "The repository.")
                .required("tasksRestored", schema::count(), "Open tasks that are back with it.")
                .required("taskGroupsRestored", schema::count(), "Groups of those tasks."),
        ),
        manage(one("repos_rotate_webhook_secret", "Rotate the webhook secret").idempotent().conditional(), Archived::Blocked)
            .text("The new secret is shown in this one answer; the old one stays accepted for `overlapSeconds`.")
            .optional_body(rotation())
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

pub(super) fn members() -> Vec<Operation> {
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

pub(super) fn audit() -> Vec<Operation> {
    let answer = || {
        Object::new()
            .required("entries", schema::array(schema::reference("AuditEntry")), "The entries, newest first.")
            .optional("nextCursor", schema::text(), "For the next page, if there is one.")
    };
    let list = |operation: Operation| {
        operation
            .parameter(Parameter::limit(DEFAULT_PAGE, MAX_PAGE))
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
