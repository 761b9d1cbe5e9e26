//! Platforms, groups and projects, for the API's document.

use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Operation, Parameter};
use repoplane_api::problem::ProblemType;
use repoplane_api::query::{DEFAULT_PAGE, MAX_PAGE};
use repoplane_domain::access::Scope;
use repoplane_domain::id::UserId;
use repoplane_domain::platform::{
    MAX_ABF_NAME, MAX_GROUPS, MAX_NUMBER, MAX_PLATFORM_DESCRIPTION, MAX_REPOSITORIES_OF_PLATFORM,
};
use repoplane_domain::repository::MAX_BRANCH_NAME_BYTES;
use serde_json::{Value, json};

const TAG: &str = "Platforms";

fn reads(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, TAG, summary).access(Access::Scope(Scope::ReposRead))
}

fn writes(id: &'static str, summary: &'static str) -> Operation {
    let operation = Operation::new(id, TAG, summary).access(Access::Scope(Scope::ReposWrite));
    operation.problem(ProblemType::Conflict, &["WRITE_CONFLICT"])
}

fn changes(id: &'static str, summary: &'static str) -> Operation {
    let refused = |operation: Operation| operation.problem(ProblemType::Forbidden, &["PLATFORM_MANAGE_REQUIRED"]);
    refused(writes(id, summary)).conditional()
}

fn deletes(id: &'static str, summary: &'static str) -> Operation {
    changes(id, summary)
        .problem(ProblemType::Conflict, &["IN_USE", "PLATFORM_PERMANENT"])
        .ok("It is gone.", schema::reference("Done"))
}

fn number() -> Value {
    schema::integer(1..=MAX_NUMBER)
}

fn of_platform(operation: Operation) -> Operation {
    operation.path("platform_number", number(), "The platform.")
}

fn of_group(operation: Operation) -> Operation {
    operation.path("group_number", number(), "The group.")
}

fn of_project(operation: Operation) -> Operation {
    operation.path("project_number", number(), "The project.")
}

fn of_member(operation: Operation) -> Operation {
    operation.path("member_kind", schema::one_of(&["users", "groups"]), "Which of the two.").path(
        "member_number",
        number(),
        "The number of the user or the group.",
    )
}

fn one(name: &'static str, schema: &str) -> Object {
    Object::new().required(name, schema::reference(schema), "As it is now.")
}

fn role() -> Object {
    Object::new().optional(
        "role",
        schema::nullable(schema::one_of(&["reader", "writer", "admin"])),
        "`admin` unless said.",
    )
}

pub(super) fn operations() -> Vec<Operation> {
    [platforms(), groups(), projects()].concat()
}

fn platforms() -> Vec<Operation> {
    let hidden = |operation: Operation| operation.problem(ProblemType::Forbidden, &["PLATFORM_ACCESS_DENIED"]);
    vec![
        reads("platforms_list", "List platforms")
            .text("Those that the caller may look at, oldest first. The caller's personal platform is among them.")
            .ok(
                "The platforms.",
                Object::new().required("platforms", schema::array(schema::reference("Platform")), "The platforms."),
            )
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"]),
        Operation::new("platforms_create", TAG, "Make a platform")
            .access(Access::Administrator)
            .idempotent()
            .text(format!(
                "A distribution, for the tenant's administrators to make. Its repositories are made by \
                 `POST /api/v1/repositories.json`; it has at most {MAX_REPOSITORIES_OF_PLATFORM}. Names that end in \
                 `_personal` are those of personal platforms."
            ))
            .body(
                settings()
                    .required("name", schema::text_up_to(MAX_ABF_NAME), "Letters, digits, `_`, `.` and `-`.")
                    .optional("parent", schema::nullable(number()), "The platform that it is made from.")
                    .optional(
                        "ownerGroup",
                        schema::nullable(number()),
                        "The group that owns it; the caller unless said.",
                    ),
            )
            .created("The platform.", one("platform", "Platform"))
            .problem(ProblemType::Conflict, &["PLATFORM_NAME_TAKEN", "WRITE_CONFLICT"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        hidden(of_platform(reads("platforms_get", "Look at a platform")))
            .ok("The platform.", one("platform", "Platform")),
        of_platform(changes("platforms_update", "Change a platform"))
            .text("What is released stays so; then nothing is published on it without its administrators.")
            .body(settings().optional("released", schema::nullable(schema::boolean()), "Whether it is released."))
            .ok("The platform as it is now.", one("platform", "Platform")),
        of_platform(deletes("platforms_delete", "Delete a platform")).text("Not while it has repositories."),
        of_member(of_platform(changes("platforms_set_member", "Give a user or a group a role on a platform")))
            .optional_body(role())
            .ok("The platform as it is now.", one("platform", "Platform"))
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        of_member(of_platform(changes(
            "platforms_remove_member",
            "Take a user's or a group's role on a platform away",
        )))
        .ok("The platform as it is now.", one("platform", "Platform")),
    ]
}

fn groups() -> Vec<Operation> {
    let description = || schema::nullable(schema::text_up_to(MAX_PLATFORM_DESCRIPTION));
    let user = |operation: Operation| operation.path("member_number", number(), "The user's number.");
    vec![
        reads("groups_list", "List groups").text("Oldest first.").ok(
            "The groups.",
            Object::new().required("groups", schema::array(schema::reference("Group")), "The groups."),
        ),
        writes("groups_create", "Make a group")
            .idempotent()
            .text(format!(
                "The caller owns it. Its name is in one space with those of users, and a personal platform comes with it. A \
                 tenant has at most {MAX_GROUPS}."
            ))
            .body(
                Object::new()
                    .required("uname", schema::text_up_to(MAX_ABF_NAME), "Small letters, digits and `_`.")
                    .optional("description", description(), "Free text."),
            )
            .created("The group.", one("group", "Group"))
            .problem(ProblemType::Conflict, &["USERNAME_TAKEN", "PLATFORM_NAME_TAKEN"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        of_group(reads("groups_get", "Look at a group")).ok("The group.", one("group", "Group")),
        of_group(changes("groups_update", "Change a group"))
            .body(Object::new().optional("description", description(), "Free text; null removes it."))
            .ok("The group as it is now.", one("group", "Group")),
        of_group(deletes("groups_delete", "Delete a group"))
            .text("With its personal platform. Not while it owns another platform, a repository but `main`, or a project."),
        user(of_group(changes("groups_set_member", "Give a user a role in a group")))
            .optional_body(role())
            .ok("The group as it is now.", one("group", "Group"))
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        user(of_group(changes("groups_remove_member", "Remove a user from a group")))
            .ok("The group as it is now.", one("group", "Group"))
            .problem(ProblemType::Conflict, &["GROUP_OWNER"]),
    ]
}

fn projects() -> Vec<Operation> {
    vec![
        reads("projects_list", "List projects")
            .text("Those that the caller may look at; the latest comes first.")
            .parameter(Parameter::limit(DEFAULT_PAGE, MAX_PAGE))
            .parameter(Parameter::cursor())
            .ok(
                "A page of projects.",
                Object::new()
                    .required("projects", schema::array(schema::reference("Project")), "The projects.")
                    .optional("nextCursor", schema::text(), "For the next page, if there is one."),
            )
            .problem(ProblemType::ValidationFailed, &["INVALID_CURSOR"]),
        writes("projects_create", "Make a project")
            .idempotent()
            .text("Of the caller, or of a group that the caller owns.")
            .body(
                project_settings()
                    .required("name", schema::text_up_to(MAX_ABF_NAME), "As RPM takes the name of a package.")
                    .optional(
                        "ownerGroup",
                        schema::nullable(number()),
                        "The group that owns it; the caller unless said.",
                    ),
            )
            .created("The project.", one("project", "Project"))
            .problem(ProblemType::Conflict, &["PROJECT_NAME_TAKEN"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
        of_project(reads("projects_get", "Look at a project"))
            .ok("The project.", one("project", "Project"))
            .problem(ProblemType::Forbidden, &["PLATFORM_ACCESS_DENIED"]),
        of_project(changes("projects_update", "Change a project"))
            .body(project_settings())
            .ok("The project as it is now.", one("project", "Project")),
        of_project(deletes("projects_delete", "Delete a project")).text("Not while it is in a repository."),
    ]
}

fn settings() -> Object {
    Object::new()
        .optional("visibility", schema::nullable(schema::one_of(&["open", "hidden"])), "Who may look at it.")
        .optional(
            "defaultBranch",
            schema::nullable(schema::text_up_to(MAX_BRANCH_NAME_BYTES)),
            "The branch that is built unless another is named.",
        )
        .optional("distribType", schema::nullable(schema::text_up_to(MAX_ABF_NAME)), "The kind of distribution.")
        .optional("description", schema::nullable(schema::text_up_to(MAX_PLATFORM_DESCRIPTION)), "Free text.")
}

fn project_settings() -> Object {
    Object::new()
        .optional("visibility", schema::nullable(schema::one_of(&["open", "hidden"])), "Who may look at it.")
        .optional("description", schema::nullable(schema::text_up_to(MAX_PLATFORM_DESCRIPTION)), "Free text.")
        .optional("remoteUrl", schema::nullable(schema::text_up_to(2048)), "Where its sources are.")
        .optional("branch", schema::nullable(schema::text_up_to(MAX_BRANCH_NAME_BYTES)), "The branch that is built.")
        .optional("isPackage", schema::nullable(schema::boolean()), "Whether packages are built from it.")
        .optional("maintainer", schema::nullable(number()), "The number of the user who sees to it.")
}

fn party() -> Object {
    Object::new()
        .required("type", schema::one_of(&["User", "Group"]), "Which of the two.")
        .required("number", number(), "The number.")
        .required("uname", schema::text(), "The name.")
}

fn user() -> Value {
    Object::new()
        .required("id", schema::id(UserId::PREFIX), "The user.")
        .required("number", number(), "The user's number.")
        .required("username", schema::text(), "The user's name.")
        .schema()
}

/// One platform.
pub(super) fn platform() -> Value {
    let role = || schema::one_of(&["reader", "writer", "admin"]);
    let member = party().required("role", role(), "What it is on the platform.").schema();
    Object::new()
        .required("number", number(), "Its number.")
        .required("name", schema::text(), "Its name.")
        .required("type", schema::one_of(&["main", "personal"]), "What it is for.")
        .required("visibility", schema::one_of(&["open", "hidden"]), "Who may look at it.")
        .required("released", schema::boolean(), "Whether it is released.")
        .required("owner", party().schema(), "Who owns it.")
        .required("distribType", schema::text(), "The kind of distribution.")
        .required("members", schema::array(member), "Who has to do with it besides the owner.")
        .optional("defaultBranch", schema::text(), "The branch that is built unless another is named.")
        .optional("description", schema::text(), "Free text.")
        .optional("parent", number(), "The platform that it was made from.")
        .required("createdAt", schema::time(), "When it was made.")
        .required("updatedAt", schema::time(), "When it last changed.")
        .schema()
}

/// One group.
pub(super) fn group() -> Value {
    let member = Object::new().required("user", user(), "The user.").required(
        "role",
        schema::one_of(&["reader", "writer", "admin"]),
        "What the user is in the group.",
    );
    Object::new()
        .required("number", number(), "Its number.")
        .required("uname", schema::text(), "Its name.")
        .optional("description", schema::text(), "Free text.")
        .required("owner", user(), "Who may change it.")
        .required("members", schema::array(member.schema()), "Its members.")
        .required("createdAt", schema::time(), "When it was made.")
        .required("updatedAt", schema::time(), "When it last changed.")
        .schema()
}

/// One project.
pub(super) fn project() -> Value {
    Object::new()
        .required("number", number(), "Its number.")
        .required("name", schema::text(), "Its name.")
        .required("fullName", schema::text(), "Owner and name.")
        .required("owner", party().schema(), "Who owns it.")
        .required("visibility", schema::one_of(&["open", "hidden"]), "Who may look at it.")
        .required("maintainer", user(), "Who sees to it.")
        .required("branch", schema::text(), "The branch that is built.")
        .required("isPackage", schema::boolean(), "Whether packages are built from it.")
        .optional("description", schema::text(), "Free text.")
        .optional("remoteUrl", schema::text(), "Where its sources are.")
        .required("createdAt", schema::time(), "When it was made.")
        .required("updatedAt", schema::time(), "When it last changed.")
        .schema()
}

/// What a platform knows of a repository.
pub(super) fn build() -> Value {
    let lock = Object::new().required("holder", schema::text(), "The name of the user who set it.").required(
        "since",
        schema::time(),
        "Since when.",
    );
    Object::new()
        .required("platform", number(), "The platform's number.")
        .required("publishWithoutQa", schema::boolean(), "Whoever may write a project may publish it.")
        .required("lock", json!({"anyOf": [lock.schema(), {"type": "null"}]}), "Set while a mirror copies it.")
        .required("groups", schema::array(number()), "Groups among its members.")
        .optional("signingKeyId", schema::pattern("^[0-9A-F]+$"), "The fingerprint of the keys that sign its packages.")
        .schema()
}
