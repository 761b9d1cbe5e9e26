//! What asks a provider, for the API's document.

use crate::provider::activity::DEFAULT_PAGE_SIZE;
use crate::provider::fault::{INVALID_CODES, REFUSED_CODES, UNAVAILABLE_CODES};
use crate::provider::reach::SOURCES;
use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Answer, Archived, Operation, Parameter};
use repoplane_api::problem::ProblemType;
use repoplane_domain::access::{RepositoryRole, Scope};
use repoplane_domain::credential::{MAX_API_BASE_URL_BYTES, MAX_PROFILE_ID_BYTES, MAX_SECRET_BYTES};
use repoplane_domain::id::{RepositoryId, RobotId, TaskId};
use repoplane_domain::input::MAX_TEXT_BYTES;
use repoplane_domain::repository::ConnectionReason;
use repoplane_providers::MAX_ACTIVITY_PAGE;
use serde_json::{Value, json};

const TAG: &str = "Providers";
const VISIBILITIES: [&str; 4] = ["public", "internal", "private", "unknown"];
const HOOK_DRIFT: [&str; 7] =
    ["MISSING", "OTHER_URL", "OTHER_EVENTS", "DISABLED", "OTHER_FORMAT", "OTHER_SECRET", "FAILING_DELIVERIES"];

pub(super) fn operations() -> Vec<Operation> {
    let one =
        |id, summary| Operation::new(id, TAG, summary).path("id", schema::id(RepositoryId::PREFIX), "The repository.");
    let read =
        |operation: Operation| operation.of_repository(Scope::ReposRead, RepositoryRole::Member, Archived::Allowed);
    let manage = |operation: Operation, archived| {
        operation.of_repository(Scope::ReposWrite, RepositoryRole::Maintainer, archived)
    };
    vec![
        asks(read(one("repos_get_provider_meta", "Ask the provider what it knows of a repository")))
            .text(
                "The answer is believed for 5 minutes. Without a credential (`anonymous`) a refusal is `unknown`: a private \
                 repository and a missing one look alike then. A plain Git repository is asked over Git.",
            )
            .parameter(lenient_source("user"))
            .parameter(profile())
            .answer(limited(Answer::json(200, "What the provider says.", meta())))
            .problem(ProblemType::ValidationFailed, &["REPO_PROVIDER_TOKEN_REQUIRED", "REPO_PROVIDER_TOKEN_NOT_FOR_HOST"]),
        asks(read(one("repos_get_provider_activity", "List the latest commits, merges and issues")))
            .text(
                "The answer is believed for 60 seconds. `taskGroups` are what robots do about a row, as far as the newest 200 \
                 tasks tell. At GitHub merged pull requests and issues are looked for among the last 1,000.",
            )
            .parameter(lenient_source("anonymous"))
            .parameter(profile())
            .parameter(lenient_number("pageSize", u32::from(DEFAULT_PAGE_SIZE), Some(u32::from(MAX_ACTIVITY_PAGE))))
            .parameter(lenient_number("limit", u32::from(DEFAULT_PAGE_SIZE), Some(u32::from(MAX_ACTIVITY_PAGE))))
            .parameter(lenient_number("commitsPage", 1, None))
            .parameter(lenient_number("mergesPage", 1, None))
            .parameter(lenient_number("issuesPage", 1, None))
            .answer(limited(Answer::json(200, "A page each.", activity())))
            .problem(
                ProblemType::ValidationFailed,
                &["REPO_PROVIDER_TOKEN_REQUIRED", "REPO_PROVIDER_TOKEN_NOT_FOR_HOST", "REPO_PROVIDER_UNSUPPORTED"],
            ),
        manage(one("repos_validate", "Check the connection to the provider now").idempotent(), Archived::Blocked)
            .text(
                "Asks the provider whatever is cached, and remembers how it ended as the repository's `connection`. Both \
                 outcomes are 200. Without a `credentialSource` the repository's own credential is used if it has one.",
            )
            .optional_body(chosen(Object::new()))
            .ok("How it ended.", validated())
            .problem(ProblemType::ValidationFailed, &["REPO_PROVIDER_TOKEN_REQUIRED", "REPO_PROVIDER_TOKEN_NOT_FOR_HOST"]),
        hooks(manage(one("repos_get_provider_hook", "Compare the webhook at the provider"), Archived::Allowed))
            .text(
                "What the webhook should be, what it is, and where they differ. Its events should be those that the \
                 repository's rules need. Nothing is changed.",
            )
            .parameter(strict_source())
            .parameter(profile())
            .ok("The comparison.", hook(false)),
        hooks(manage(one("repos_set_provider_hook", "Set the webhook up at the provider").idempotent(), Archived::Blocked))
            .text(
                "Creates the webhook or makes it what it should be: address, events, format and secret. A webhook that is \
                 right already is left alone. It needs a credential that may administer webhooks.",
            )
            .optional_body(chosen(Object::new()))
            .ok("The webhook as it is now.", hook(true)),
        hooks(manage(one("repos_delete_provider_hook", "Remove the webhook at the provider"), Archived::Blocked))
            .parameter(strict_source())
            .parameter(profile())
            .ok(
                "It is gone.",
                Object::new()
                    .required("ok", schema::constant(true), "Always true.")
                    .required("removed", schema::boolean(), "Whether there was one."),
            ),
        manage(one("repos_list_model_provider_models", "List the models of a model provider").idempotent(), Archived::Allowed)
            .text(
                "With the inline key, else that of the profile, else the first that the repository, the caller's account or \
                 the tenant has. The list is believed for 10 minutes. A provider that lists nothing gives the fallback.",
            )
            .body(models_question())
            .ok(
                "The models.",
                Object::new()
                    .required("models", schema::array(schema::text()), "Their ids, sorted.")
                    .required("source", schema::one_of(&["remote", "fallback"]), "Whether the provider listed them."),
            )
            .problem(
                ProblemType::ValidationFailed,
                &["MODEL_PROFILE_NOT_FOUND", "MODEL_API_KEY_REQUIRED", "MODEL_API_KEY_INVALID", "MODEL_PROVIDER_ADDRESS_REFUSED"],
            )
            .problem(ProblemType::ProviderRateLimited, &["MODEL_PROVIDER_RATE_LIMITED"])
            .problem(ProblemType::ProviderUnavailable, &["MODEL_PROVIDER_UNAVAILABLE"]),
        asks(
            Operation::new("providers_list_repositories", TAG, "List what a credential can see at a provider")
                .path("provider", schema::one_of(&["github", "gitlab"]), "The provider.")
                .access(Access::Scope(Scope::ReposRead)),
        )
        .text(
            "`register` of a row is a body for registering it, and an item of `repos_import`. The pages are the provider's \
             own, 100 rows each. `registered` says whether a repository of the tenant has one of the row's identities; \
             which one it is, `registeredAs`, is told to those who see all repositories, administrators and integration \
             tokens.",
        )
        .parameter(Parameter::query(
            "credentialSource",
            schema::one_of(&["user", "global", "repo", "anonymous", ""]),
            "`user` (unless said) or `global`; the others have no token here.",
        ))
        .parameter(profile())
        .parameter(Parameter::query("owner", schema::text_up_to(200), "Only those of this user, organisation or group."))
        .parameter(Parameter::query("apiBaseUrl", schema::text_up_to(200), "GitHub's REST base or GitLab's site root."))
        .parameter(Parameter::cursor())
        .answer(limited(Answer::json(
            200,
            "A page of repositories.",
            Object::new()
                .required("repositories", schema::array(listed()), "The repositories.")
                .optional("nextCursor", schema::text(), "For the next page, if there is one."),
        )))
        .problem(
            ProblemType::ValidationFailed,
            &["INVALID_CURSOR", "REPO_PROVIDER_TOKEN_REQUIRED", "REPO_PROVIDER_TOKEN_NOT_FOR_HOST"],
        ),
    ]
}

/// What every call to a repository's provider can end with.
pub(super) fn asks(operation: Operation) -> Operation {
    operation
        .problem(ProblemType::ValidationFailed, &INVALID_CODES)
        .problem(ProblemType::ValidationFailed, &["REPO_PROVIDER_TOKEN_REQUIRED", "REPO_PROVIDER_TOKEN_NOT_FOR_HOST"])
        .problem(ProblemType::ProviderRefused, &REFUSED_CODES)
        .problem(ProblemType::ProviderRateLimited, &["REPO_PROVIDER_RATE_LIMITED"])
        .problem(ProblemType::ProviderUnavailable, &UNAVAILABLE_CODES)
}

fn hooks(operation: Operation) -> Operation {
    asks(operation)
        .problem(ProblemType::ValidationFailed, &["REPO_PROVIDER_UNSUPPORTED"])
        .problem(ProblemType::Conflict, &["PUBLIC_URL_NOT_SET"])
}

fn limited(answer: Answer) -> Answer {
    let number = || json!({"type": "string", "pattern": "^[0-9]+$"});
    answer
        .with_optional_header(
            "X-Provider-RateLimit-Remaining",
            number(),
            "Calls that the provider has left, when it was asked.",
        )
        .with_optional_header("X-Provider-RateLimit-Limit", number(), "Calls that it answers in a window.")
        .with_optional_header(
            "X-Provider-RateLimit-Reset",
            number(),
            "When the next window begins, in seconds since 1970.",
        )
}

fn lenient_source(default: &str) -> Parameter {
    let schema = json!({"anyOf": [{"type": "string", "enum": SOURCES, "default": default}, {"type": "string"}]});
    let text = format!(
        "Whose credential to use; `{default}` unless one of the four is named. `repo` includes what the repository inherits."
    );
    Parameter::query("credentialSource", schema, text)
}

/// Whether the provider is asked before anything is stored.
pub(super) fn validate() -> Parameter {
    Parameter::query(
        "validate",
        schema::one_of(&["true", "1", "false", "0", ""]),
        "Asks the provider for the repository first; nothing is stored when it says no.",
    )
}

/// Whose credential is used.
pub(super) fn strict_source() -> Parameter {
    let words = [&SOURCES[..], &[""]].concat();
    Parameter::query(
        "credentialSource",
        schema::one_of(&words),
        "Whose credential to use; the repository's own or inherited one unless said.",
    )
}

/// Which profile of the chosen source.
pub(super) fn profile() -> Parameter {
    let text = "Which profile of that source; its default or first one unless said. An unknown one has no token.";
    Parameter::query("credentialProfileId", schema::text_up_to(MAX_PROFILE_ID_BYTES), text)
}

/// A number that is read as the default when it is none.
fn lenient_number(name: &'static str, default: u32, most: Option<u32>) -> Parameter {
    let mut number = json!({"type": "integer", "minimum": 1, "default": default});
    if let Some(most) = most {
        number["maximum"] = json!(most);
    }
    let text = match (name, most) {
        ("limit", _) => "The older name of `pageSize`.".to_owned(),
        (_, Some(most)) => format!("Rows of each part: 1 to {most}, {default} unless asked."),
        (_, None) => format!("Which page of that part; {default} unless asked."),
    };
    Parameter::query(name, json!({"anyOf": [number, {"type": "string"}]}), text)
}

fn chosen(object: Object) -> Object {
    let source = schema::nullable(schema::one_of(&SOURCES));
    object
        .optional(
            "credentialSource",
            source,
            "Whose credential to use; the repository's own or inherited one unless said.",
        )
        .optional(
            "credentialProfileId",
            schema::nullable(schema::text_up_to(MAX_TEXT_BYTES)),
            "Which profile of that source; its default or first one unless said.",
        )
}

fn meta() -> Object {
    let head =
        Object::new().required("name", schema::text(), "The branch.").required("sha", schema::text(), "Its commit.");
    Object::new()
        .required("provider", schema::one_of(&["github", "gitlab", "git"]), "Where the repository lives.")
        .required("visibility", schema::one_of(&VISIBILITIES), "Who can see it.")
        .optional("webUrl", schema::text(), "Its page.")
        .optional("defaultBranch", schema::text(), "The branch that it shows first.")
        .optional("description", schema::text(), "What it is for.")
        .optional("archived", schema::boolean(), "Whether the provider has it read-only.")
        .optional("reachable", schema::constant(true), "Of a plain Git repository: that its remote answers.")
        .optional("heads", schema::array(head.into()), "Of a plain Git repository: its first branches.")
        .optional("headCount", schema::count(), "Of a plain Git repository: how many branches there are.")
}

fn activity() -> Object {
    let task = Object::new()
        .required("id", schema::id(TaskId::PREFIX), "The task.")
        .required("status", schema::constant("processing"), "Always `processing`.")
        .required("title", schema::text(), "One line.")
        .required("updatedAt", schema::time(), "When it was last changed.");
    let group = Object::new()
        .required("id", schema::text(), "The group.")
        .required("kind", schema::one_of(&["issue", "merge_request", "commit", "task"]), "What it gathers.")
        .required("title", schema::text(), "Title of its first task.")
        .required("updatedAt", schema::time(), "When one of its tasks was last changed.")
        .required("robotId", schema::id(RobotId::PREFIX), "Whose it is.")
        .required("processingTasks", schema::array_up_to(task.into(), 3), "What is in work.");
    let row = || {
        Object::new()
            .required("id", schema::text(), "The full hash, or the number that users see.")
            .required("title", schema::text(), "One line.")
            .optional("url", schema::text(), "Its page.")
            .optional("time", schema::text(), "When, in the provider's ISO 8601 form.")
            .optional("taskGroups", schema::array(group.clone().into()), "What robots do about it, newest first.")
    };
    let page = |row: Object| {
        Object::new()
            .required("items", schema::array(row.into()), "The rows.")
            .required("page", schema::integer(1..=1_000), "Which page it is.")
            .required("pageSize", schema::integer(1..=MAX_ACTIVITY_PAGE.into()), "Rows of a full page.")
            .required("hasMore", schema::boolean(), "Whether there is a next one.")
    };
    let commit = row().required("shortId", schema::text(), "The beginning of the hash.");
    let change = || row().required("state", schema::text(), "`merged`, or the issue's state.");
    Object::new()
        .required("provider", schema::one_of(&["github", "gitlab"]), "Where the repository lives.")
        .required("commits", page(commit).into(), "Commits of the default branch.")
        .required("merges", page(change()).into(), "Merged pull or merge requests, last changed first.")
        .required("issues", page(change()).into(), "Issues, open and closed.")
}

/// How the last call to the provider ended.
pub(super) fn connection() -> Value {
    let reasons: Vec<&str> = ConnectionReason::ALL.iter().map(|reason| reason.as_str()).collect();
    Object::new()
        .required("status", schema::one_of(&["unknown", "ok", "failing"]), "`unknown` before the first call.")
        .optional("reason", schema::one_of(&reasons), "Why it fails.")
        .optional("message", schema::text(), "The same for people.")
        .optional("attemptedAt", schema::time(), "When the provider was last asked.")
        .optional("okSince", schema::time(), "Since when every call has succeeded.")
        .schema()
}

fn validated() -> Object {
    let reasons: Vec<&str> = ConnectionReason::ALL.iter().map(|reason| reason.as_str()).collect();
    Object::new()
        .required("ok", schema::boolean(), "Whether the provider showed the repository.")
        .optional("visibility", schema::one_of(&VISIBILITIES), "Who can see it.")
        .optional("reason", schema::one_of(&reasons), "Why it failed.")
        .optional("message", schema::text(), "The same for people.")
        .required("connection", schema::reference("Connection"), "What is known of the connection now.")
}

fn hook(changes: bool) -> Object {
    let events = || schema::array(schema::text());
    let delivery = Object::new()
        .required("ok", schema::boolean(), "Whether it was taken.")
        .optional("statusCode", schema::integer(100..=999), "What was answered.")
        .optional("at", schema::text(), "When, in the provider's ISO 8601 form.")
        .optional("failingSince", schema::text(), "When the first of the failures in a row was.");
    let hook = Object::new()
        .required("id", schema::text(), "Its id at the provider.")
        .required("url", schema::text(), "Where it posts.")
        .required("events", events(), "What it subscribes to, in the provider's words.")
        .required("active", schema::boolean(), "Whether it posts at all.")
        .optional("lastDelivery", delivery.into(), "What its newest delivery came to.");
    let wanted = Object::new().required("url", schema::text(), "Where it should post.").required(
        "events",
        events(),
        "What the rules need.",
    );
    let drift = Object::new()
        .required("code", schema::one_of(&HOOK_DRIFT), "The difference.")
        .required("message", schema::text(), "The same for people.")
        .optional("missingEvents", events(), "Needed and not subscribed to.")
        .optional("extraEvents", events(), "Subscribed to and not needed.");
    let object = Object::new()
        .required("wanted", wanted.into(), "What the webhook should be.")
        .optional("hook", hook.into(), "What it is; absent while there is none.")
        .required("inSync", schema::boolean(), "Whether there is no difference.")
        .required("drift", schema::array(drift.into()), "The differences.");
    if changes {
        return object.required("change", schema::one_of(&["created", "updated", "none"]), "What was done.");
    }
    object
}

fn models_question() -> Object {
    let line = |bytes| schema::nullable(schema::line_up_to(bytes));
    let credential = Object::new()
        .optional("apiKey", line(MAX_SECRET_BYTES), "A key to ask with; it is not stored.")
        .optional("apiBaseUrl", line(MAX_API_BASE_URL_BYTES), "Where the provider listens; an http or https address.")
        .optional("remark", schema::anything(), "Ignored.");
    Object::new()
        .required("provider", schema::one_of(&["codex", "claude_code", "gemini_cli", ""]), "The agent; blank is Codex.")
        .optional("profileId", schema::nullable(schema::text_up_to(MAX_TEXT_BYTES)), "A profile of the repository.")
        .optional("credential", schema::nullable(credential.into()), "A credential of this call alone.")
        .optional("forceRefresh", schema::nullable(schema::boolean()), "Asks the provider whatever is believed.")
}

fn listed() -> Value {
    Object::new()
        .required("id", schema::text(), "The number that it keeps when it is renamed.")
        .required("fullName", schema::text(), "GitHub's `owner/repo`, GitLab's path.")
        .required("visibility", schema::one_of(&VISIBILITIES), "Who can see it.")
        .required("archived", schema::boolean(), "Whether the provider has it read-only.")
        .optional("webUrl", schema::text(), "Its page.")
        .optional("cloneUrl", schema::text(), "Where Git finds it over https.")
        .optional("description", schema::text(), "What it is for.")
        .required("registered", schema::boolean(), "Whether the tenant has it already.")
        .optional(
            "registeredAs",
            schema::id(RepositoryId::PREFIX),
            "As which repository, for those who see all of them.",
        )
        .required("register", schema::reference("ImportRepo"), "A body that registers it, and an item of an import.")
        .schema()
}
