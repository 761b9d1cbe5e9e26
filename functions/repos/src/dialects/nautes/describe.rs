//! The dialect's operations and objects, for the API's document.

use super::problems::code_of;
use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Operation, Parameter};
use repoplane_domain::access::Scope;
use repoplane_domain::product::{MAX_EVENTS, MAX_LANGUAGE_BYTES, MAX_PATH_BYTES, MAX_PROJECT_BYTES, WEBHOOK_EVENTS};
use serde_json::{Value, json};

const TAG: &str = "Nautes";
const PROBLEM: &str = "NautesError";

/// What every call may be answered.
const ALWAYS: [&str; 7] = [
    "UNAUTHORIZED",
    "NO_AUTHORIZATION",
    "NOT_ACCEPTABLE",
    "HEADERS_TOO_LARGE",
    "RATE_LIMITED",
    "UNKNOWN",
    "RESOURCE_BUSY",
];
/// What a call with a body may be answered besides.
const OF_BODIES: [&str; 6] =
    ["CODEC", "VALIDATOR", "INVALID_NAME", "RESOURCE_NOT_MATCH", "LIMIT_EXCEEDED", "BODY_TOO_LARGE"];

/// What a call may be answered besides that is also about a project at a provider.
const OF_PROVIDERS: [&str; 3] = ["VALIDATOR", "PROVIDER_REFUSED", "PROVIDER_UNAVAILABLE"];

fn operation(id: &'static str, summary: &'static str, scope: Scope, reasons: &[&[&'static str]]) -> Operation {
    let all = reasons.concat().into_iter().chain(ALWAYS).map(|reason| (code_of(reason), reason));
    Operation::new(id, TAG, summary).access(Access::Scope(scope)).dialect_reasons(PROBLEM, all)
}

fn reads(id: &'static str, summary: &'static str, reasons: &[&[&'static str]]) -> Operation {
    operation(id, summary, Scope::ReposRead, reasons)
}

fn writes(id: &'static str, summary: &'static str, reasons: &[&[&'static str]]) -> Operation {
    operation(id, summary, Scope::ReposWrite, reasons)
}

/// What can be the name of something that is saved.
fn path() -> Value {
    let mut path = schema::pattern("^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?$");
    path["maxLength"] = json!(MAX_PATH_BYTES);
    path
}

fn of_product(operation: Operation) -> Operation {
    operation.path("product_name", path(), "The product.")
}

fn of_code_repo(operation: Operation) -> Operation {
    of_product(operation).path("coderepo_name", path(), "The repository, by its path in the product.")
}

fn of_project(operation: Operation) -> Operation {
    of_product(operation).path("project_name", path(), "The project.")
}

fn skipping(operation: Operation, text: &'static str) -> Operation {
    let words = ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];
    operation.parameter(Parameter::query("insecure_skip_check", schema::one_of(&words), text))
}

/// The operations.
pub(crate) fn operations() -> Vec<Operation> {
    [products(), code_repos(), projects()].concat()
}

fn products() -> Vec<Operation> {
    let done = || schema::reference("NautesDone");
    vec![
        reads("nautes_list_products", "List products", &[])
            .text("Those that the caller works in, by name.")
            .ok("The products.", list("NautesProduct")),
        of_product(reads("nautes_get_product", "Look at a product", &[&["GROUP_NOT_FOUND"]]))
            .ok("The product.", schema::reference("NautesProduct")),
        of_product(writes(
            "nautes_save_product",
            "Save a product",
            &[&OF_BODIES, &["INVALID_DESCRIPTION", "GROUP_NOT_FOUND", "RESOURCE_EXISTS"]],
        ))
        .text("Makes it, with the caller as its owner, or changes it. Empty texts say nothing.")
        .body(Object::new().required("git", schema::reference("NautesGit"), "At the Git server.").schema_open())
        .ok("It is saved.", done()),
        of_product(writes("nautes_delete_product", "Delete a product", &[&["GROUP_NOT_FOUND", "RESOURCE_IN_USE"]]))
            .text("Not while it has repositories. Its projects go with it.")
            .ok("It is gone.", done()),
    ]
}

fn code_repos() -> Vec<Operation> {
    let done = || schema::reference("NautesDone");
    let selector = Parameter::query(
        "field_selector",
        schema::pattern(
            "^((project=([A-Za-z0-9_. ][^,=]*)?|(pipeline|deployment)_runtime=(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False))\
             (,(project=([A-Za-z0-9_. ][^,=]*)?|(pipeline|deployment)_runtime=(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)))*)?$",
        ),
        "Clauses by commas, all of which must hold: `project=` and a part of its name, `pipeline_runtime=` and \
         `deployment_runtime=` and a boolean.",
    );
    vec![
        of_product(reads(
            "nautes_list_coderepos",
            "List the repositories of a product",
            &[&["CODEC", "INVALID_FIELD_SELECTOR", "GROUP_NOT_FOUND"]],
        ))
        .parameter(selector)
        .text("Those that the caller may read, by `repo-<number>` as text.")
        .ok("The repositories.", list("NautesCodeRepo")),
        of_code_repo(reads(
            "nautes_get_coderepo",
            "Look at a repository of a product",
            &[&["PROJECT_NOT_FOUND", "RESOURCE_NOT_FOUND"]],
        ))
        .ok("The repository.", schema::reference("NautesCodeRepo")),
        skipping(
            of_code_repo(writes(
                "nautes_save_coderepo",
                "Save a repository of a product",
                &[&OF_BODIES, &OF_PROVIDERS[1..], &[
                    "INVALID_DESCRIPTION",
                    "INVALID_WEBHOOK_EVENT",
                    "RESOURCE_NOT_EXIST",
                    "GROUP_NOT_FOUND",
                    "RESOURCE_EXISTS",
                    "RESOURCE_IN_USE",
                    "RESOURCE_ARCHIVED",
                ]],
            )),
            "Whether events may be unknown ones, and the project one that is not there yet.",
        )
        .text(
            "Makes it or changes it. What the product knows of it is replaced: what is left out is empty or false. At the \
             Git server what is left out stays. In a product that is connected to its server the project there is made or \
             changed with it: both, or neither.",
        )
        .body(save())
        .ok("It is saved.", done()),
        skipping(
            of_code_repo(writes(
                "nautes_delete_coderepo",
                "Delete a repository of a product",
                &[
                    &["CODEC", "GROUP_NOT_FOUND", "NODE_NOT_FOUND", "RESOURCE_IN_USE", "RESOURCE_ARCHIVED"],
                    &OF_PROVIDERS,
                ],
            )),
            "Whether it goes though robots, rules or attachments use it.",
        )
        .text(
            "There or not: deleting it again is 200 as well. Its project stays with all code, unless the product says \
             otherwise.",
        )
        .ok("It is gone.", done()),
    ]
}

fn projects() -> Vec<Operation> {
    let done = || schema::reference("NautesDone");
    let mut language = schema::text();
    language["maxLength"] = json!(MAX_LANGUAGE_BYTES);
    vec![
        of_product(reads("nautes_list_projects", "List the projects of a product", &[&["GROUP_NOT_FOUND"]]))
            .ok("The projects, by name.", list("NautesProject")),
        of_project(reads("nautes_get_project", "Look at a project", &[&["GROUP_NOT_FOUND", "RESOURCE_NOT_FOUND"]]))
            .ok("The project.", schema::reference("NautesProject")),
        of_project(writes(
            "nautes_save_project",
            "Save a project",
            &[&OF_BODIES, &["INVALID_LANGUAGE", "GROUP_NOT_FOUND"]],
        ))
        .body(Object::new().optional("language", schema::nullable(language), "What it is written in.").schema_open())
        .ok("It is saved.", done()),
        skipping(
            of_project(writes(
                "nautes_delete_project",
                "Delete a project",
                &[&["CODEC", "GROUP_NOT_FOUND", "RESOURCE_IN_USE"]],
            )),
            "Whether it goes though repositories name it.",
        )
        .ok("It is gone.", done()),
    ]
}

fn list(of: &str) -> Value {
    Object::new().required("items", schema::array(schema::reference(of)), "All of them.").schema()
}

fn save() -> Value {
    let mut project = schema::text();
    project["maxLength"] = json!(MAX_PROJECT_BYTES);
    let events = schema::array_up_to(schema::one_of(&WEBHOOK_EVENTS), MAX_EVENTS);
    let webhook = Object::new().optional("events", schema::nullable(events), "What it sends.").schema_open();
    Object::new()
        .required("git", schema::reference("NautesGit"), "At the Git server; may be empty.")
        .optional("project", schema::nullable(project), "A project of the product, or none.")
        .optional("webhook", schema::nullable(webhook), "Its webhook.")
        .optional("deployment_runtime", schema::nullable(schema::boolean()), "Deployments are described in it.")
        .optional("pipeline_runtime", schema::nullable(schema::boolean()), "Pipelines run from it.")
        .schema_open()
}

/// What is said of a repository or a product at the Git server.
fn git() -> Value {
    let text = || schema::nullable(json!({"type": "string", "maxLength": 255}));
    let side = || {
        let side = Object::new()
            .required("visibility", schema::one_of(&["public", "private"]), "Who may see it.")
            .optional("name", text(), "For people; the path when empty.")
            .optional("path", text(), "The name in the address of the call, or empty.")
            .optional("description", text(), "Free text; empty says nothing.");
        schema::nullable(side.schema_open())
    };
    Object::new().optional("gitlab", side(), "At GitLab.").optional("github", side(), "At GitHub.").schema_open()
}

/// The schemas that the operations share.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    let said = || {
        Object::new()
            .required("path", schema::text(), "Its place there.")
            .required("visibility", schema::one_of(&["public", "internal", "private"]), "Who may see it.")
            .required("description", schema::text(), "Free text.")
    };
    let addressed = || {
        said()
            .required("name", schema::text(), "For people.")
            .required("ssh_url_to_repo", schema::text(), "For cloning over ssh.")
            .required("http_url_to_repo", schema::text(), "For cloning over https.")
    };
    let sides = |side: fn(Object) -> Value, of: Object, other: Object| {
        Object::new()
            .required("gitlab", schema::nullable(side(of)), "At GitLab.")
            .required("github", schema::nullable(side(other)), "At GitHub.")
            .schema()
    };
    let webhook = Object::new().required("events", schema::array(schema::text()), "What it sends.").schema();
    let code_repo = Object::new()
        .required("product", schema::text(), "Its product.")
        .required("name", schema::text(), "Its path in the product.")
        .required("project", schema::text(), "Its project; empty for none.")
        .required("webhook", webhook, "Its webhook.")
        .required("deployment_runtime", schema::boolean(), "Deployments are described in it.")
        .required("pipeline_runtime", schema::boolean(), "Pipelines run from it.")
        .required("git", sides(Object::schema, addressed(), addressed()), "At the Git server.");
    let product = Object::new().required("name", schema::text(), "Its name.").required(
        "git",
        sides(Object::schema, said(), said()),
        "At the Git server.",
    );
    let project = Object::new()
        .required("product", schema::text(), "Its product.")
        .required("name", schema::text(), "Its name.")
        .required("language", schema::text(), "What it is written in.");
    let error = Object::new()
        .required("code", schema::integer(400..=599), "The status.")
        .required("reason", schema::text(), "For programs.")
        .required("message", schema::text(), "For people.")
        .required("metadata", schema::map(schema::text()), "Nothing so far.");
    vec![
        ("NautesCodeRepo", code_repo.schema()),
        ("NautesProduct", product.schema()),
        ("NautesProject", project.schema()),
        ("NautesGit", git()),
        ("NautesDone", Object::new().required("message", schema::text(), "For people.").schema()),
        (PROBLEM, error.schema()),
    ]
}
