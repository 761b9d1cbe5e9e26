//! The dialect's operations and objects, for the API's document.

use super::paging::{MAX_PER_PAGE, PER_PAGE};
use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Answer, Operation, Parameter};
use repoplane_domain::access::Scope;
use repoplane_domain::platform::{MAX_ABF_NAME, MAX_BUILD_DESCRIPTION, MAX_NUMBER, MAX_PUBLISH_BRANCH};
use repoplane_domain::signing::MAX_KEY_CHARS;
use serde_json::{Value, json};

const TAG: &str = "ABF";
const ERROR: &str = "AbfError";
/// What every call may be answered.
const ALWAYS: [(u16, &str); 7] = [
    (401, "Nobody is signed in, or the credentials are wrong."),
    (403, "The caller may not do this, or calls too often."),
    (406, "Only JSON can be answered."),
    (413, "The body is too large."),
    (431, "The headers are too large."),
    (500, "Something went wrong."),
    (503, "Try again in a moment."),
];
const MISSING: (u16, &str) = (404, "It is not there.");
/// What a call that says something in its body may be answered besides.
const MALFORMED: [(u16, &str); 2] = [(400, "The body is no JSON."), (415, "The body is neither JSON nor a form.")];
const REFUSED: (u16, &str) = (422, "The change was refused; the message says why, and the id is null.");

fn operation(id: &'static str, summary: &'static str, scope: Scope, errors: &[(u16, &'static str)]) -> Operation {
    let errors = ALWAYS.iter().chain(&MALFORMED).chain(errors).copied();
    Operation::new(id, TAG, summary).access(Access::Scope(scope)).dialect_errors(ERROR, errors)
}

fn number() -> Value {
    schema::integer(1..=MAX_NUMBER)
}

fn reads(id: &'static str, summary: &'static str) -> Operation {
    operation(id, summary, Scope::ReposRead, &[MISSING])
}

fn writes(id: &'static str, summary: &'static str) -> Operation {
    operation(id, summary, Scope::ReposWrite, &[MISSING, REFUSED])
}

fn of_repository(operation: Operation) -> Operation {
    operation.path("id", number(), "The repository's number.")
}

fn paged(operation: Operation) -> Operation {
    let rows = schema::defaulting(schema::integer(1..=MAX_PER_PAGE.cast_signed()), PER_PAGE);
    operation
        .parameter(Parameter::query("page", schema::defaulting(number(), 1), "Which page, from 1."))
        .parameter(Parameter::query("per_page", rows, "How many rows a page has."))
}

fn listed(description: &'static str, schema: Object) -> Answer {
    let links = "The first page, the neighbours, and the last one once it is reached (RFC 8288).";
    Answer::json(200, description, schema).with_header("Link", schema::text(), links)
}

fn done(operation: Operation) -> Operation {
    operation.ok("It is done.", schema::reference("AbfDone"))
}

/// The operations.
pub(crate) fn operations() -> Vec<Operation> {
    [repositories(), membership(), packages(), lookups()].concat()
}

fn settings() -> Object {
    Object::new()
        .optional("description", schema::text_up_to(MAX_BUILD_DESCRIPTION), "Not blank.")
        .optional("publish_without_qa", schema::boolean(), "Whoever may write a project may publish it.")
        .optional("synchronizing_publications", schema::boolean(), "Publications go out together.")
        .optional(
            "publish_builds_only_from_branch",
            schema::nullable(schema::text_up_to(MAX_PUBLISH_BRANCH)),
            "The only branch that is published from; main platforms only.",
        )
}

fn wrapped(inner: Object) -> Object {
    Object::new().required("repository", inner.schema(), "The inputs; they may stand beside it as well.")
}

fn repositories() -> Vec<Operation> {
    let create = settings().required("platform_id", number(), "The platform's number.").required(
        "name",
        schema::text_up_to(MAX_ABF_NAME),
        "Small letters, digits, `_` and `-`.",
    );
    vec![
        done(writes("abf_create_repository", "Create a repository of a platform").idempotent().body(wrapped(create))),
        of_repository(reads("abf_get_repository", "Look at a repository of a platform"))
            .text("Every path of this API may end in `.json`; inputs come in the query, a form or JSON.")
            .ok("The repository.", schema::reference("AbfRepository")),
        done(of_repository(writes("abf_update_repository", "Change a repository of a platform")))
            .text("What is left out stays; the name stays in any case.")
            .optional_body(wrapped(settings())),
        done(of_repository(writes("abf_delete_repository", "Delete a repository of a platform")))
            .text("Its members, links to projects, keys and packages go with it. Not `main` of a personal platform."),
        paged(of_repository(reads("abf_list_repository_projects", "List the projects of a repository")))
            .text("By name. A page beyond the last one is empty.")
            .answer(listed(
                "A page of projects.",
                Object::new()
                    .required("repository", schema::reference("AbfProjects"), "The repository and its projects.")
                    .required("url", schema::text(), "The path of the list."),
            )),
    ]
}

fn membership() -> Vec<Operation> {
    let member = || {
        Object::new().required("member_id", number(), "The number of the user or group.").required(
            "type",
            schema::one_of(&["User", "Group"]),
            "Which of the two.",
        )
    };
    let project = || Object::new().optional("project_id", number(), "The project's number.");
    let change = |id, summary| done(of_repository(writes(id, summary)));
    vec![
        change("abf_add_member", "Add a member to a repository")
            .text("Of main platforms only. Adding a member again changes nothing. Groups give their members no rights.")
            .optional_body(member()),
        change("abf_remove_member", "Remove a member from a repository").optional_body(member()),
        change("abf_add_project", "Add a project to a repository")
            .text("A platform has one project of a name, in whichever of its repositories.")
            .optional_body(project()),
        change("abf_remove_project", "Remove a project from a repository")
            .text("A project that is not there is as good as removed.")
            .optional_body(project()),
        change("abf_add_lock", "Say that a mirror copies a repository")
            .text("Nothing is published into it until the lock is removed. Of main platforms only."),
        change("abf_remove_lock", "Say that no mirror copies a repository any more"),
    ]
}

/// Packages as CSV, whose refusals are plain text, and the keys that sign them.
fn packages() -> Vec<Operation> {
    let plain = |status, description| {
        let answer = Answer::json(status, description, schema::reference(ERROR));
        answer.with_content("text/plain", schema::text())
    };
    let told = [ALWAYS.as_slice(), &MALFORMED, &[MISSING]].concat();
    let told = told.into_iter().filter(|(status, _)| ![403, 413].contains(status));
    let key = || json!({"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARS});
    let keys = Object::new().required("public", key(), "The public key, armored.").required(
        "secret",
        key(),
        "The secret key, armored, without a passphrase.",
    );
    let pair = Object::new()
        .required("public", schema::text(), "The public key, armored; empty without one.")
        .required("secret", schema::text(), "The secret key, armored; empty without one.");
    let shown = Object::new()
        .required("id", number(), "Its number.")
        .required("name", schema::text(), "Its name.")
        .required("url", schema::text(), "Its path.")
        .required("key_pair", pair.schema(), "The keys.");
    vec![
        of_repository(Operation::new("abf_list_packages", TAG, "List the packages of a repository"))
            .access(Access::Scope(Scope::ReposRead))
            .dialect_errors(ERROR, told)
            .text(
                "For those who administer the platform; one request a platform in 15 minutes. With `page` the list comes in \
                 parts of about 4 MB, which asked for in order by the same caller are one request.",
            )
            .parameter(Parameter::query("page", number(), "Which part, from 1; the whole list without."))
            .answer(Answer::new(200, "Every package, in the order of publishing.").with_content("text/csv", schema::text()))
            .answer(plain(403, "The caller may not do this, or the platform was asked less than 15 minutes ago."))
            .answer(plain(413, "The list is too large for one answer; ask for it compressed, or in parts.")),
        done(of_repository(writes("abf_update_signatures", "Set the keys that sign a repository's packages")))
            .text("Of main platforms only. The pair is checked before the old one is touched.")
            .optional_body(wrapped(keys)),
        of_repository(reads("abf_get_key_pair", "Look at the keys that sign a repository's packages"))
            .text("For users of the role `system` alone.")
            .ok("The keys.", Object::new().required("repository", shown.schema(), "The repository and its keys.")),
        of_repository(reads("abf_get_public_key", "Look at the public key of a repository"))
            .text("For users of the role `system` alone. Empty without a key.")
            .answer(Answer::new(200, "The key, armored.").with_content("text/plain", schema::text())),
    ]
}

fn lookups() -> Vec<Operation> {
    vec![
        paged(reads("abf_search", "Search platforms"))
            .parameter(Parameter::query("query", schema::text(), "A part of the name, ignoring case."))
            .parameter(Parameter::query("type", schema::text(), "`platforms` or `all`; nothing else is found."))
            .answer(listed(
                "What was found.",
                Object::new()
                    .required("results", results(), "What was found, by kind.")
                    .required("query", schema::text(), "What was searched for.")
                    .required("type", schema::text(), "Of which kind."),
            )),
        paged(reads("abf_list_platforms", "List platforms"))
            .text("Those that the caller may look at, the caller's own among them.")
            .answer(listed(
                "A page of platforms.",
                Object::new()
                    .required("platforms", schema::array(schema::reference("AbfPlatform")), "The platforms.")
                    .required("url", schema::text(), "The path of the list."),
            )),
        reads("abf_get_platform", "Look at a platform")
            .path("id", number(), "The platform's number.")
            .ok("The platform.", one("platform", "AbfPlatform")),
        reads("abf_find_project", "Find a project by its owner and name")
            .parameter(Parameter::query("owner", schema::text(), "The name of a user or a group."))
            .parameter(Parameter::query("name", schema::text(), "The project's name."))
            .ok(
                "Which it is.",
                Object::new().required(
                    "project",
                    Object::new()
                        .required("id", number(), "Its number.")
                        .required("name", schema::text(), "Its name.")
                        .required("fullname", schema::text(), "Owner and name.")
                        .schema(),
                    "The project.",
                ),
            ),
        reads("abf_get_project", "Look at a project")
            .path("id", number(), "The project's number.")
            .ok("The project.", one("project", "AbfProject")),
        reads("abf_get_group", "Look at a group")
            .path("id", number(), "The group's number.")
            .ok("The group.", one("group", "AbfParty")),
        reads("abf_get_user", "Look at a user")
            .path("id", number(), "The user's number.")
            .ok("The user.", one("user", "AbfParty")),
    ]
}

fn one(name: &'static str, schema: &str) -> Object {
    Object::new().required(name, schema::reference(schema), "What was asked for.")
}

fn results() -> Value {
    Object::new().optional("platforms", schema::array(schema::reference("AbfNamed")), "By name.").schema()
}

/// The schemas that the operations share.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("AbfError", error()),
        ("AbfDone", answered(number())),
        ("AbfNamed", named().schema()),
        ("AbfRepository", Object::new().required("repository", repository(), "The repository.").schema()),
        ("AbfProjects", repository_with_projects()),
        ("AbfPlatform", platform()),
        ("AbfProject", project().schema()),
        ("AbfParty", party().schema()),
    ]
}

fn answered(id: Value) -> Value {
    let inner =
        Object::new().required("id", id, "The repository.").required("message", schema::text(), "What was done.");
    Object::new().required("repository", inner.schema(), "How it ended.").schema()
}

fn error() -> Value {
    let error = Object::new().required("error", schema::text(), "Why nobody is signed in.");
    let plain = Object::new().required("message", schema::text(), "What is wrong.").optional(
        "status",
        schema::integer(400..=599),
        "The status.",
    );
    json!({"anyOf": [error.schema(), plain.schema(), answered(json!({"type": "null"}))]})
}

fn seconds() -> Value {
    json!({"type": "integer"})
}

fn named() -> Object {
    Object::new()
        .required("id", number(), "Its number.")
        .required("name", schema::text(), "Its name.")
        .required("url", schema::text(), "Its path.")
        .optional("platform_type", schema::one_of(&["main", "personal"]), "What it is for.")
        .optional("visibility", schema::one_of(&["open", "hidden"]), "Who may look at it.")
        .optional("platform", schema::anything(), "The platform that it is on.")
}

fn repository() -> Value {
    Object::new()
        .required("id", number(), "Its number.")
        .required("name", schema::text(), "Its name.")
        .required("url", schema::text(), "Its path.")
        .required("description", schema::nullable(schema::text()), "Free text.")
        .required("publish_without_qa", schema::boolean(), "Whoever may write a project may publish it.")
        .required("created_at", seconds(), "Seconds since the epoch.")
        .required("updated_at", seconds(), "Seconds since the epoch.")
        .required("platform", schema::reference("AbfNamed"), "Its platform.")
        .schema()
}

fn repository_with_projects() -> Value {
    Object::new()
        .required("id", number(), "Its number.")
        .required("name", schema::text(), "Its name.")
        .required("url", schema::text(), "Its path.")
        .required("projects", schema::array(schema::reference("AbfProject")), "Its projects, by name.")
        .schema()
}

fn platform() -> Value {
    Object::new()
        .required("id", number(), "Its number.")
        .required("name", schema::text(), "Its name.")
        .required("platform_type", schema::one_of(&["main", "personal"]), "What it is for.")
        .required("visibility", schema::one_of(&["open", "hidden"]), "Who may look at it.")
        .required("url", schema::text(), "Its path.")
        .required("owner", schema::reference("AbfParty"), "Who owns it.")
        .required("repositories", schema::array(schema::reference("AbfNamed")), "Its repositories.")
        .optional("description", schema::nullable(schema::text()), "Free text.")
        .optional("parent_platform_id", schema::nullable(number()), "The platform that it was made from.")
        .optional("created_at", seconds(), "Seconds since the epoch.")
        .optional("updated_at", seconds(), "Seconds since the epoch.")
        .optional("released", schema::boolean(), "Nothing is published without its administrators.")
        .optional("default_branch", schema::nullable(schema::text()), "The branch that is built.")
        .optional("distrib_type", schema::text(), "The kind of distribution.")
        .schema()
}

fn project() -> Object {
    Object::new()
        .required("id", number(), "Its number.")
        .required("name", schema::text(), "Its name.")
        .required("visibility", schema::one_of(&["open", "hidden"]), "Who may look at it.")
        .required("fullname", schema::text(), "Owner and name.")
        .required("url", schema::text(), "Its path.")
        .required("git_url", schema::text(), "Where it is cloned from.")
        .required("maintainer", schema::reference("AbfParty"), "Who sees to it.")
        .optional("description", schema::nullable(schema::text()), "Free text.")
        .optional("ancestry", json!({"type": "null"}), "Projects have no ancestors.")
        .optional("default_branch", schema::text(), "The branch that is built.")
        .optional("is_package", schema::boolean(), "Whether packages are built from it.")
        .optional("created_at", seconds(), "Seconds since the epoch.")
        .optional("updated_at", seconds(), "Seconds since the epoch.")
        .optional("owner", schema::reference("AbfParty"), "Who owns it.")
        .optional("repositories", schema::array(schema::reference("AbfNamed")), "Where it is.")
        .optional("project_statistics", schema::array(schema::anything()), "None are kept.")
}

fn party() -> Object {
    Object::new()
        .required("id", number(), "The number.")
        .required("uname", schema::text(), "The name.")
        .required("name", schema::text(), "The name for people.")
        .required("url", schema::text(), "The path.")
        .optional("type", schema::one_of(&["User", "Group"]), "Which of the two.")
        .optional("email", schema::nullable(schema::text()), "E-mail address.")
        .optional("description", schema::nullable(schema::text()), "Free text.")
        .optional("owner", schema::anything(), "Who owns the group.")
        .optional("created_at", seconds(), "Seconds since the epoch.")
        .optional("updated_at", seconds(), "Seconds since the epoch.")
}
