//! The table of `docs/performance.md`: calls to the engines of every operation.

/// One operation in one of its cases.
pub(super) struct Row {
    /// The id of its route.
    pub(super) operation: &'static str,
    /// Which case of it; empty for the usual one.
    pub(super) case: &'static str,
    /// Calls when everything is warm; then what a cold token, a cold tenant and a cold repository add.
    pub(super) calls: [&'static str; 4],
    /// Why it costs more than the budget; empty when it does not.
    pub(super) reason: &'static str,
}

const fn row(operation: &'static str, case: &'static str, calls: [&'static str; 4], reason: &'static str) -> Row {
    Row { operation, case, calls, reason }
}

const FRESH: &str = "the caller is looked up anew";
const SECRET: &str = "a secret changes: a lease on its document, a new version of it, and its label";
const REC: &str = "once in a token's life: the bootstrap token, the first tenant, the user by name";
const BOOT: &str = "once in a deployment's life: the bootstrap token, the tenant's number and its master key";
const TOK: &str = "the caller is looked up anew; then the user and the user's tokens, whose number is limited";
const TEN: &str = "the operator is looked up anew; the tenant gets a secret document with its master key";
const USER: &str =
    "the caller is looked up anew; then the user and all of the user's tokens, which say what the user may";
const DEMOTE: &str = "besides, another administrator must be left";
const AUDIT: &str =
    "the caller is looked up anew; a day's log lies in 16 parts, because every write of the tenant adds to it";
const ALL: &str = "active and archived repositories lie apart, each list in its own order";
const MEMBER: &str =
    "memberships, then their records: copies of the records would have to be written with every change";
const FIRST_SYNC: &str = "its first sync is queued; one that could not be queued is found by the tick";
const DELETE: &str = "open tasks are counted; what hangs on the record goes after it, in batches";
const ARCHIVE: &str = "open tasks and groups are counted for the answer";
const ADD: &str = "the user's name is copied into the list of members, and users lie in the tenant's partition";
const REGISTERED: &str = "a page has 100 repositories with two identities each, and a batch 100 keys";
const CONNECTION: &str = "the provider is asked, and how that ended is remembered on the repository";
const ACTIVITY: &str = "besides, the newest tasks tell what robots do about a row";
const HOOK_SET: &str = "besides, the webhook that was set up is remembered, with its entry in the audit log";
const ADDNAME: &str = "besides, the claim of the name leads to the user";
const ACCOUNT: &str = "the profile is looked up anew: it may have been made a moment ago, by another instance";
const FIRST: &str = "the record's gaps are filled and its identity locked, once, by a transaction of its own";
const TWIN: &str = "the repetition is counted on the first delivery";
const HOOK_SECRET: &str = "the caller is looked up anew; a secret is supplied: a new document, and its label";
const ORGANISATION: &str = "the claim of the payload's identity leads to the repository";
const REDELIVER: &str =
    "repository and kept delivery lie apart: the partition of a repository would grow with its payloads";
const CONTENT: &str = "repository and kept delivery lie apart";

const OF_PRODUCT: &str = "who may look stands in the product";
const BY_NAME: &str = "the claim of the name in its product leads to the record";
const SAVED: &str = "product and name are looked up; its first sync is queued";
const PRODUCT_GONE: &str = "what belongs to it is looked at first, and goes with it or after it";
const ROSTER: &str = "ids first, then their records and states: copies would have to be written with every change";
const ASKED: &str = "a worker is told of the sync at once";
const NAMED: &str = "the claim of the name leads to the record";
const VAULT: &str = "the secret gets a document of its own, and its version a label";
const UNUSED: &str = "besides, the document of its secret goes";
const ATTACH: &str = "the attachment and the tenant's default stand beside the record";
const SKILLS_OF: &str = "who may look stands in the repository's record";
const PACKAGES: &str =
    "the projects of the rows must be there, ids are given to many, and the lists are read before they are written";
const LISTED_PACKAGES: &str =
    "when it was asked last, then the packages with their projects and people; that it was asked is remembered";
const DEEP: &str = "the caller is looked up anew; then every part is asked";
const EXCHANGE: &str = "the key is looked up anew, and then the user";

const OWN: &str = "the caller's own platform is looked for once in an instance's life";
const NUMBERED: &str = "what is made has a number; its owner is named with number and name";
const LOOKED: &str = "who may change it is said by what is stored, which is read again for the change";
const MADE_FOR: &str = "the platform must be there, and what is made has a number";
const ON_PLATFORM: &str = "who may is said by the platform, beside the repository";
const BY_NUMBER: &str = "besides, the number leads to the user";
const LINKED: &str = "besides, the project is read, and again for the change";
const LISTED: &str = "besides, the links lead to the projects, and those to their maintainers";
const PARTY: &str = "names lead to the owner and to the project";
const GROUP: &str = "a personal platform with its repository comes with it; all of it is numbered";
const DISBAND: &str = "its personal platform goes with it, and that platform's repository first";
const PERSONS: &str = "the project names its maintainer, who has a name and an address";
const SLIM: &str = "what lists look at is believed for 30 s; else one Query for about 13 repositories in 4 KB; then the page's records";
const CLAIMED: &str = "the claim leads to the record";
const REVIEWED: &str = "names and paths are looked for before a remote is asked; its first sync is queued";
const RENAMED: &str = "besides, the new name is looked for before a remote is asked";
const ONE_PLATFORM: &str = "each platform of the page has repositories of its own";

/// In the order of the routes, but that platforms come last: the lists before know no repositories without a remote.
pub(super) const TABLE: &[Row] = &[
    row("welcome", "", ["", "", "", ""], ""),
    row("health", "", ["", "", "", ""], ""),
    row("health_deep", "", ["DescribeSecret, GetItem, GetItem, GetQueueAttributes", "", "", ""], DEEP),
    row("version", "", ["", "", "", ""], ""),
    row("openapi_document", "", ["", "", "", ""], ""),
    row("docs_page", "", ["", "", "", ""], ""),
    row("docs_file", "", ["", "", "", ""], ""),
    row("problems_list", "", ["", "", "", ""], ""),
    row("problems_get", "", ["", "", "", ""], ""),
    row(
        "access_bootstrap",
        "",
        ["GetSecretValue, GetItem, UpdateItem, CreateSecret, TransactWriteItems, UpdateSecretVersionStage", "", "", ""],
        BOOT,
    ),
    row("access_recover", "", ["GetSecretValue, GetItem, GetItem, GetItem, TransactWriteItems", "", "", ""], REC),
    row("access_login", "", ["GetItem", "", "", ""], ""),
    row("access_me", "", ["", "GetItem", "", ""], ""),
    row("access_list_tokens", "", ["Query", "GetItem", "", ""], ""),
    row("access_create_token", "", ["GetItem, GetItem, Query, TransactWriteItems", "", "GetItem", ""], TOK),
    row("access_revoke_token", "", ["GetItem, GetItem, TransactWriteItems", "", "GetItem", ""], FRESH),
    row("tenants_list", "", ["GetItem, Query", "", "", ""], FRESH),
    row(
        "tenants_create",
        "",
        ["GetItem, UpdateItem, CreateSecret, TransactWriteItems, UpdateSecretVersionStage", "", "", ""],
        TEN,
    ),
    row("tenants_get", "", ["GetItem, GetItem", "", "", ""], FRESH),
    row("tenants_update", "", ["GetItem, GetItem, TransactWriteItems", "", "", ""], FRESH),
    row("users_list", "", ["GetItem, Query", "", "", ""], FRESH),
    row("users_create", "", ["GetItem, UpdateItem, TransactWriteItems", "", "GetItem", ""], ""),
    row("users_get", "", ["GetItem, GetItem", "", "", ""], FRESH),
    row("users_update", "", ["GetItem, GetItem, Query, TransactWriteItems", "", "GetItem", ""], USER),
    row(
        "users_update",
        "an administrator is demoted",
        ["GetItem, GetItem, Query, Query, TransactWriteItems", "", "GetItem", ""],
        DEMOTE,
    ),
    row(
        "audit_list",
        "",
        [
            "GetItem, Query, Query, Query, Query, Query, Query, Query, Query, Query, Query, Query, Query, Query, Query, Query, Query",
            "",
            "",
            "",
        ],
        AUDIT,
    ),
    row("issuers_list", "", ["GetItem, Query", "", "", ""], FRESH),
    row("issuers_create", "", ["GetItem, TransactWriteItems", "", "GetItem", ""], ""),
    row("issuers_get", "", ["GetItem, GetItem", "", "", ""], FRESH),
    row("issuers_update", "", ["GetItem, GetItem, TransactWriteItems", "", "GetItem", ""], FRESH),
    row("issuers_delete", "", ["GetItem, GetItem, TransactWriteItems", "", "GetItem", ""], FRESH),
    row("trusted_hosts_list", "", ["GetItem, Query", "", "", ""], FRESH),
    row("trusted_hosts_get", "", ["GetItem, GetItem", "", "", ""], FRESH),
    row("trusted_hosts_set", "", ["GetItem, GetItem, TransactWriteItems", "", "GetItem", ""], FRESH),
    row("trusted_hosts_delete", "", ["GetItem, GetItem, TransactWriteItems", "", "GetItem", ""], FRESH),
    row("products_list", "", ["Query", "GetItem", "", ""], ""),
    row("products_get", "", ["GetItem", "GetItem", "", ""], ""),
    row("products_update", "", ["GetItem, GetItem, TransactWriteItems", "", "GetItem", ""], FRESH),
    row("webhook_hooks_list", "", ["GetItem, Query", "", "", ""], FRESH),
    row("webhook_hooks_create", "", ["GetItem, TransactWriteItems", "", "GetItem, GetSecretValue", ""], ""),
    row(
        "webhook_hooks_create",
        "with a secret",
        ["GetItem, CreateSecret, TransactWriteItems, UpdateSecretVersionStage", "", "GetItem", ""],
        HOOK_SECRET,
    ),
    row("webhook_hooks_get", "", ["GetItem, GetItem", "", "", ""], FRESH),
    row("webhook_hooks_update", "", ["GetItem, GetItem, TransactWriteItems", "", "GetItem", ""], FRESH),
    row("webhook_hooks_delete", "", ["GetItem, GetItem, TransactWriteItems", "", "GetItem", ""], FRESH),
    row(
        "webhook_hooks_rotate_secret",
        "",
        ["GetItem, GetItem, TransactWriteItems", "", "GetItem, GetSecretValue", ""],
        FRESH,
    ),
    row("credentials_me_get", "", ["GetItem", "GetItem", "", ""], ""),
    row("credentials_me_patch", "", ["GetItem, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row(
        "credentials_me_patch",
        "the first secret value",
        ["GetItem, UpdateItem, CreateSecret, TransactWriteItems, UpdateSecretVersionStage", "GetItem", "GetItem", ""],
        SECRET,
    ),
    row("credentials_global_get", "", ["GetItem", "GetItem", "", ""], ""),
    row("credentials_global_patch", "", ["GetItem, GetItem, TransactWriteItems", "", "GetItem", ""], FRESH),
    row("repos_list", "", ["Query", "GetItem", "", ""], ""),
    row("repos_list", "archived=all", ["Query, Query", "GetItem", "", ""], ALL),
    row("repos_list", "by a member", ["Query, BatchGetItem", "GetItem", "", ""], MEMBER),
    row(
        "repos_create",
        "",
        ["UpdateItem, TransactWriteItems, SendMessageBatch", "GetItem", "GetItem, GetSecretValue", ""],
        FIRST_SYNC,
    ),
    row(
        "repos_create",
        "with a webhook secret",
        [
            "UpdateItem, CreateSecret, TransactWriteItems, UpdateSecretVersionStage, SendMessageBatch",
            "GetItem",
            "GetItem",
            "",
        ],
        SECRET,
    ),
    row(
        "repos_import",
        "",
        ["BatchGetItem, UpdateItem, TransactWriteItems, SendMessageBatch", "GetItem", "GetItem", ""],
        FIRST_SYNC,
    ),
    row("repos_import", "registered before", ["BatchGetItem", "GetItem", "GetItem", ""], ""),
    row("repos_get", "", ["Query", "GetItem", "", ""], ""),
    row("repos_get", "served by the tenant's template", ["Query", "GetItem", "", "GetItem"], ""),
    row("repos_get_provider_meta", "", ["Query", "GetItem", "", "GetSecretValue, TransactWriteItems"], ""),
    row(
        "repos_get_provider_meta",
        "asked anew",
        ["Query, TransactWriteItems", "GetItem", "", "GetSecretValue"],
        CONNECTION,
    ),
    row("repos_get_provider_activity", "", ["Query", "GetItem", "", "GetSecretValue, TransactWriteItems, Query"], ""),
    row(
        "repos_get_provider_activity",
        "asked anew",
        ["Query, TransactWriteItems, Query", "GetItem", "", "GetSecretValue"],
        ACTIVITY,
    ),
    row("repos_validate", "", ["Query, TransactWriteItems", "GetItem", "", "GetSecretValue"], ""),
    row("repos_get_provider_hook", "", ["Query, TransactWriteItems", "GetItem", "", "GetSecretValue"], CONNECTION),
    row(
        "repos_set_provider_hook",
        "",
        ["Query, TransactWriteItems, TransactWriteItems", "GetItem", "GetSecretValue", "GetSecretValue"],
        HOOK_SET,
    ),
    row(
        "repos_delete_provider_hook",
        "",
        ["Query, TransactWriteItems, TransactWriteItems", "GetItem", "", "GetSecretValue"],
        HOOK_SET,
    ),
    row("repos_list_model_provider_models", "", ["Query", "GetItem", "", "GetSecretValue"], ""),
    row(
        "providers_list_repositories",
        "",
        ["BatchGetItem, BatchGetItem", "GetItem", "", "GetItem, GetSecretValue"],
        REGISTERED,
    ),
    row("repos_patch", "", ["Query, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row(
        "repos_patch",
        "the first secret value",
        ["Query, UpdateItem, CreateSecret, TransactWriteItems, UpdateSecretVersionStage", "GetItem", "GetItem", ""],
        SECRET,
    ),
    row(
        "repos_patch",
        "another secret value",
        [
            "Query, UpdateItem, PutSecretValue, TransactWriteItems, UpdateSecretVersionStage",
            "GetItem",
            "GetItem",
            "GetSecretValue",
        ],
        SECRET,
    ),
    row("repos_delete", "", ["Query, Query, TransactWriteItems, Query", "GetItem", "GetItem", ""], DELETE),
    row("repos_archive", "", ["Query, Query, TransactWriteItems", "GetItem", "GetItem", ""], ARCHIVE),
    row("repos_unarchive", "", ["Query, Query, TransactWriteItems", "GetItem", "GetItem", ""], ARCHIVE),
    row("repos_sync", "", ["Query, TransactWriteItems, SendMessageBatch", "GetItem", "GetItem", ""], ASKED),
    row("repos_rotate_webhook_secret", "", ["Query, TransactWriteItems", "GetItem", "GetItem, GetSecretValue", ""], ""),
    row("repos_list_members", "", ["Query", "GetItem", "", ""], ""),
    row("repos_add_member", "", ["Query, GetItem, TransactWriteItems", "GetItem", "GetItem", ""], ADD),
    row(
        "repos_add_member",
        "by user name",
        ["Query, GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""],
        ADDNAME,
    ),
    row("repos_update_member_role", "", ["Query, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row("repos_remove_member", "", ["Query, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row("repos_list_skills", "", ["Query", "GetItem", "", "BatchGetItem"], ""),
    row("repos_get_skill", "", ["BatchGetItem", "GetItem", "", ""], ""),
    row("repos_accept_skill", "", ["BatchGetItem, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row("repos_put_packages", "", ["Query, Query, UpdateItem, Query, TransactWriteItems", "GetItem", "", ""], PACKAGES),
    row("repos_list_audit", "", ["Query", "GetItem", "", "BatchGetItem"], ""),
    row("nautes_list_products", "", ["Query", "GetItem", "", ""], ""),
    row("nautes_get_product", "", ["GetItem", "GetItem", "", ""], ""),
    row("nautes_save_product", "", ["GetItem, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row("nautes_save_product", "again", ["GetItem, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row(
        "nautes_delete_product",
        "",
        ["GetItem, Query, Query, TransactWriteItems, Query, TransactWriteItems", "GetItem", "GetItem", ""],
        PRODUCT_GONE,
    ),
    row("nautes_list_coderepos", "", ["GetItem, Query, BatchGetItem", "GetItem", "", ""], OF_PRODUCT),
    row("nautes_get_coderepo", "", ["GetItem, Query", "GetItem", "", ""], BY_NAME),
    row(
        "nautes_save_coderepo",
        "",
        ["GetItem, GetItem, UpdateItem, TransactWriteItems, SendMessageBatch", "GetItem", "GetItem", ""],
        SAVED,
    ),
    row(
        "nautes_save_coderepo",
        "again",
        ["GetItem, GetItem, Query, TransactWriteItems", "GetItem", "GetItem", ""],
        BY_NAME,
    ),
    row(
        "nautes_delete_coderepo",
        "",
        ["GetItem, GetItem, Query, Query, TransactWriteItems, Query", "GetItem", "GetItem", ""],
        DELETE,
    ),
    row("nautes_list_projects", "", ["GetItem, Query", "GetItem", "", ""], OF_PRODUCT),
    row("nautes_get_project", "", ["GetItem, GetItem", "GetItem", "", ""], OF_PRODUCT),
    row("nautes_save_project", "", ["GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""], OF_PRODUCT),
    row("nautes_delete_project", "", ["GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""], OF_PRODUCT),
    row("shiftagent_list_repositories", "", ["Query, BatchGetItem", "GetItem", "", ""], ROSTER),
    row("shiftagent_list_repositories", "by name", ["BatchGetItem, BatchGetItem", "GetItem", "", ""], NAMED),
    row(
        "shiftagent_register_repository",
        "",
        ["UpdateItem, TransactWriteItems, SendMessageBatch", "GetItem", "GetItem", ""],
        FIRST_SYNC,
    ),
    row("shiftagent_get_repository", "", ["Query", "GetItem", "", ""], ""),
    row("shiftagent_update_repository", "", ["Query, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row(
        "shiftagent_delete_repository",
        "",
        ["Query, Query, TransactWriteItems, Query", "GetItem", "GetItem", ""],
        DELETE,
    ),
    row(
        "shiftagent_sync_repository",
        "",
        ["Query, TransactWriteItems, SendMessageBatch", "GetItem", "GetItem", ""],
        ASKED,
    ),
    row("shiftagent_list_repository_skills", "", ["Query, Query", "GetItem", "", ""], SKILLS_OF),
    row("shiftagent_create_repository_skill", "", ["Query, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row("shiftagent_list_credentials", "", ["Query", "GetItem", "", ""], ""),
    row(
        "shiftagent_create_credential",
        "",
        ["CreateSecret, TransactWriteItems, UpdateSecretVersionStage", "GetItem", "GetItem", ""],
        VAULT,
    ),
    row(
        "shiftagent_delete_credential",
        "",
        ["GetItem, TransactWriteItems, DeleteSecret", "GetItem", "GetItem", ""],
        UNUSED,
    ),
    row(
        "shiftagent_attach_tenant_repository",
        "",
        ["Query, BatchGetItem, TransactWriteItems", "GetItem", "GetItem", ""],
        ATTACH,
    ),
    row(
        "shiftagent_detach_tenant_repository",
        "",
        ["Query, BatchGetItem, TransactWriteItems", "GetItem", "GetItem", ""],
        ATTACH,
    ),
    row("shiftagent_get_integration_self", "", ["", "GetItem", "", ""], ""),
    row("shiftagent_token_exchange", "", ["GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""], EXCHANGE),
    row("platforms_list", "", ["GetItem, GetItem, Query", "GetItem", "", ""], OWN),
    row("platforms_create", "", ["GetItem, GetItem, UpdateItem, TransactWriteItems", "", "GetItem", ""], NUMBERED),
    row("platforms_get", "", ["GetItem", "GetItem", "", ""], ""),
    row("platforms_update", "", ["GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""], LOOKED),
    row("platforms_delete", "", ["GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""], LOOKED),
    row(
        "platforms_set_member",
        "",
        ["GetItem, GetItem, GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""],
        BY_NUMBER,
    ),
    row(
        "platforms_remove_member",
        "",
        ["GetItem, GetItem, GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""],
        BY_NUMBER,
    ),
    row("groups_list", "", ["Query", "GetItem", "", ""], ""),
    row(
        "groups_create",
        "",
        ["GetItem, UpdateItem, UpdateItem, UpdateItem, TransactWriteItems", "GetItem", "GetItem", ""],
        GROUP,
    ),
    row("groups_get", "", ["GetItem", "GetItem", "", ""], ""),
    row("groups_update", "", ["GetItem, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row(
        "groups_delete",
        "",
        [
            "GetItem, GetItem, GetItem, Query, BatchGetItem, GetItem, Query, Query, TransactWriteItems, Query, TransactWriteItems",
            "GetItem",
            "GetItem",
            "",
        ],
        DISBAND,
    ),
    row(
        "groups_set_member",
        "",
        ["GetItem, GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""],
        BY_NUMBER,
    ),
    row(
        "groups_remove_member",
        "",
        ["GetItem, GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""],
        BY_NUMBER,
    ),
    row("projects_list", "", ["Query", "GetItem", "", ""], ""),
    row(
        "projects_create",
        "",
        ["GetItem, GetItem, UpdateItem, TransactWriteItems", "GetItem", "GetItem", ""],
        NUMBERED,
    ),
    row("projects_get", "", ["GetItem", "GetItem", "", ""], ""),
    row("projects_update", "", ["GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""], LOOKED),
    row("projects_delete", "", ["GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", ""], LOOKED),
    row("abf_create_repository", "", ["GetItem, UpdateItem, TransactWriteItems", "GetItem", "GetItem", ""], MADE_FOR),
    row("abf_get_repository", "", ["Query, GetItem", "GetItem", "", "GetItem"], ON_PLATFORM),
    row(
        "abf_update_repository",
        "",
        ["Query, GetItem, TransactWriteItems", "GetItem", "GetItem", "GetItem"],
        ON_PLATFORM,
    ),
    row(
        "abf_delete_repository",
        "",
        ["Query, GetItem, Query, TransactWriteItems, Query", "GetItem", "GetItem", "GetItem"],
        DELETE,
    ),
    row(
        "abf_list_repository_projects",
        "",
        ["Query, GetItem, Query, BatchGetItem, BatchGetItem", "GetItem", "", "GetItem"],
        LISTED,
    ),
    row(
        "abf_add_member",
        "",
        ["Query, GetItem, GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", "GetItem"],
        BY_NUMBER,
    ),
    row(
        "abf_remove_member",
        "",
        ["Query, GetItem, GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", "GetItem"],
        BY_NUMBER,
    ),
    row(
        "abf_add_project",
        "",
        ["Query, GetItem, GetItem, GetItem, TransactWriteItems", "GetItem", "GetItem", "GetItem"],
        LINKED,
    ),
    row(
        "abf_remove_project",
        "",
        ["Query, GetItem, GetItem, TransactWriteItems, Query", "GetItem", "GetItem", "GetItem"],
        LINKED,
    ),
    row("abf_add_lock", "", ["Query, GetItem, TransactWriteItems", "GetItem", "GetItem", "GetItem"], ON_PLATFORM),
    row("abf_remove_lock", "", ["Query, GetItem, TransactWriteItems", "GetItem", "GetItem", "GetItem"], ON_PLATFORM),
    row(
        "abf_list_packages",
        "",
        ["Query, GetItem, GetItem, Query, BatchGetItem, Query, TransactWriteItems", "GetItem", "", "GetItem"],
        LISTED_PACKAGES,
    ),
    row(
        "abf_update_signatures",
        "",
        [
            "Query, GetItem, UpdateItem, CreateSecret, TransactWriteItems, UpdateSecretVersionStage",
            "GetItem",
            "GetItem",
            "GetItem",
        ],
        SECRET,
    ),
    row("abf_get_key_pair", "", ["Query, GetItem", "GetItem", "", "GetItem"], ON_PLATFORM),
    row("abf_get_public_key", "", ["Query, GetItem", "GetItem", "", "GetItem"], ON_PLATFORM),
    row("abf_search", "", ["GetItem, GetItem, Query", "GetItem", "", ""], OWN),
    row("abf_list_platforms", "", ["GetItem, GetItem, Query, Query, BatchGetItem", "GetItem", "", ""], ONE_PLATFORM),
    row("abf_get_platform", "", ["GetItem, Query", "GetItem", "", ""], ONE_PLATFORM),
    row("abf_find_project", "", ["GetItem, GetItem, GetItem, GetItem", "GetItem", "", ""], PARTY),
    row("abf_get_project", "", ["GetItem, BatchGetItem", "GetItem", "", ""], PERSONS),
    row("abf_get_group", "", ["GetItem", "GetItem", "", ""], ""),
    row("abf_get_user", "", ["GetItem, GetItem", "GetItem", "", ""], BY_NUMBER),
    row("repos_list_robots", "", ["Query", "GetItem", "", ""], ""),
    row("repos_get_robot", "", ["Query", "GetItem", "", ""], ""),
    row("repos_create_robot", "", ["Query, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row(
        "repos_create_robot",
        "with a token of its own",
        [
            "Query, UpdateItem, PutSecretValue, TransactWriteItems, UpdateSecretVersionStage",
            "GetItem",
            "GetItem",
            "GetSecretValue",
        ],
        SECRET,
    ),
    row(
        "repos_create_robot",
        "with the caller's account",
        ["Query, GetItem, TransactWriteItems", "GetItem", "GetItem", ""],
        ACCOUNT,
    ),
    row("repos_patch_robot", "", ["Query, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row("repos_delete_robot", "", ["Query, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row(
        "repos_test_robot",
        "",
        ["Query, TransactWriteItems, TransactWriteItems", "GetItem", "GetItem", "GetSecretValue"],
        CONNECTION,
    ),
    row("repos_get_automation", "", ["Query", "GetItem", "", ""], ""),
    row("repos_put_automation", "", ["Query, TransactWriteItems", "GetItem", "GetItem", ""], ""),
    row("webhook_github", "", ["Query, TransactWriteItems", "", "GetItem, GetSecretValue", ""], ""),
    row(
        "webhook_github",
        "the first on its repository",
        ["Query, TransactWriteItems, TransactWriteItems", "", "GetItem, GetSecretValue", ""],
        FIRST,
    ),
    row(
        "webhook_github",
        "the same delivery again",
        ["Query, TransactWriteItems, UpdateItem", "", "GetItem, GetSecretValue", ""],
        TWIN,
    ),
    row("webhook_gitlab", "", ["Query, TransactWriteItems", "", "GetItem, GetSecretValue", ""], ""),
    row(
        "webhook_github_organisation",
        "",
        ["BatchGetItem, Query, TransactWriteItems", "", "GetItem, GetSecretValue", "GetItem"],
        ORGANISATION,
    ),
    row(
        "webhook_gitlab_group",
        "",
        ["BatchGetItem, Query, TransactWriteItems", "", "GetItem, GetSecretValue", "GetItem"],
        ORGANISATION,
    ),
    row("repos_list_webhook_deliveries", "", ["Query", "GetItem", "", "BatchGetItem"], ""),
    row("repos_get_webhook_delivery", "", ["BatchGetItem", "GetItem", "", ""], ""),
    row("repos_get_webhook_delivery_payload", "", ["BatchGetItem", "GetItem", "", ""], ""),
    row(
        "repos_redeliver_webhook_delivery",
        "",
        ["Query, Query, TransactWriteItems", "GetItem", "GetItem", ""],
        REDELIVER,
    ),
    row(
        "repos_delete_webhook_delivery_content",
        "",
        ["Query, GetItem, TransactWriteItems", "GetItem", "GetItem", ""],
        CONTENT,
    ),
    row("tasks_list", "", ["Query", "GetItem", "", "BatchGetItem"], ""),
    row("tasks_get", "", ["BatchGetItem", "GetItem", "", "GetItem"], ""),
    row("tasks_update", "", ["BatchGetItem, TransactWriteItems", "GetItem", "GetItem", "GetItem"], ""),
    row("tasks_claim", "", ["BatchGetItem, TransactWriteItems", "GetItem", "GetItem", "GetItem"], ""),
    row("tasks_retry", "", ["BatchGetItem, TransactWriteItems", "GetItem", "GetItem", "GetItem"], ""),
    row("tasks_cancel", "", ["BatchGetItem, TransactWriteItems", "GetItem", "GetItem", "GetItem"], ""),
    row("reviewboard_root", "", ["", "GetItem", "GetItem, GetSecretValue", ""], ""),
    row("reviewboard_info", "", ["", "GetItem", "GetItem, GetSecretValue", ""], ""),
    row("reviewboard_session", "", ["", "GetItem", "GetItem, GetSecretValue", ""], ""),
    row("reviewboard_logout", "", ["", "GetItem", "GetItem, GetSecretValue", ""], ""),
    row("reviewboard_list_review_requests", "", ["", "GetItem", "GetItem, GetSecretValue", ""], ""),
    row("reviewboard_list_repositories", "", ["Query, BatchGetItem", "GetItem", "GetItem, GetSecretValue", ""], SLIM),
    row("reviewboard_list_repositories", "counts only", ["Query", "GetItem", "GetItem, GetSecretValue", ""], ""),
    row(
        "reviewboard_list_repositories",
        "by name",
        ["BatchGetItem, BatchGetItem", "GetItem", "GetItem, GetSecretValue", ""],
        CLAIMED,
    ),
    row(
        "reviewboard_list_repositories",
        "by path",
        ["Query, BatchGetItem", "GetItem", "GetItem, GetSecretValue", ""],
        CLAIMED,
    ),
    row(
        "reviewboard_create_repository",
        "",
        ["BatchGetItem, UpdateItem, TransactWriteItems, SendMessageBatch", "GetItem", "GetItem, GetSecretValue", ""],
        REVIEWED,
    ),
    row(
        "reviewboard_create_repository",
        "with a login",
        [
            "BatchGetItem, UpdateItem, CreateSecret, TransactWriteItems, UpdateSecretVersionStage, SendMessageBatch",
            "GetItem",
            "GetItem, GetSecretValue",
            "",
        ],
        REVIEWED,
    ),
    row("reviewboard_get_repository", "", ["GetItem", "GetItem", "", "GetItem"], ""),
    row("reviewboard_update_repository", "", ["Query, TransactWriteItems", "GetItem", "", "GetItem"], ""),
    row(
        "reviewboard_update_repository",
        "another name",
        ["Query, BatchGetItem, TransactWriteItems", "GetItem", "", "GetItem"],
        RENAMED,
    ),
    row(
        "reviewboard_update_repository",
        "another password",
        ["Query, UpdateItem, CreateSecret, TransactWriteItems, UpdateSecretVersionStage", "GetItem", "", "GetItem"],
        SECRET,
    ),
    row(
        "reviewboard_delete_repository",
        "",
        ["Query, Query, TransactWriteItems, Query", "GetItem", "", "GetItem"],
        DELETE,
    ),
    row("reviewboard_override_method", "", ["Query, TransactWriteItems", "GetItem", "", "GetItem"], ""),
    row("reviewboard_repository_info", "", ["GetItem", "GetItem", "", "GetItem"], ""),
    row("reviewboard_list_repository_users", "", ["GetItem", "GetItem", "", "GetItem"], ""),
    row("reviewboard_list_repository_groups", "", ["GetItem", "GetItem", "", "GetItem"], ""),
    row("reviewboard_list_diff_file_attachments", "", ["GetItem", "GetItem", "", "GetItem"], ""),
    row("reviewboard_list_branches", "", ["Query", "GetItem", "", "GetItem, GetSecretValue"], ""),
    row("reviewboard_list_commits", "", ["Query", "GetItem", "", "GetItem, GetSecretValue"], ""),
];
