//! What the function's operations take and answer, for the API's document.

use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Archived, Operation};
use repoplane_api::problem::ProblemType;
use repoplane_domain::access::{RepositoryRole, Scope};
use repoplane_domain::automation::{MAX_ACTIONS, MAX_CLAUSES, MAX_ID_BYTES, MAX_VALUES};
use repoplane_domain::id::RepositoryId;
use repoplane_domain::input::MAX_TEXT_BYTES;
use serde_json::{Value, json};

const TAG: &str = "Automation";
const OPERATORS: [&str; 6] = ["equals", "in", "containsAny", "matchesAny", "exists", "textContainsAny"];

/// The function's operations.
pub fn describe() -> Vec<Operation> {
    let of =
        |id, summary| Operation::new(id, TAG, summary).path("id", schema::id(RepositoryId::PREFIX), "The repository.");
    let answer = || Object::new().required("config", schema::reference("AutomationConfig"), "The configuration.");
    vec![
        of("repos_get_automation", "Look at a repository's rules")
            .text("Without a stored configuration it is the default one: every event on, no rule.")
            .of_repository(Scope::ReposRead, RepositoryRole::Member, Archived::Allowed)
            .ok("The configuration.", answer()),
        of("repos_put_automation", "Replace a repository's rules")
            .conditional()
            .text("Every mistake is reported at once, with its place. Configurations of version 1 are converted.")
            .of_repository(Scope::ReposWrite, RepositoryRole::Maintainer, Archived::Blocked)
            .body(Object::new().required(
                "config",
                schema::reference("AutomationConfigInput"),
                "The whole configuration.",
            ))
            .ok("The configuration as it is stored.", answer())
            .problem(
                ProblemType::ValidationFailed,
                &["RULE_NAME_REQUIRED", "RULE_TIME_WINDOW_INVALID", "RULE_ROBOT_REQUIRED"],
            )
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"]),
    ]
}

/// The schemas that the operations share.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("AutomationConfig", config()),
        ("AutomationRule", rule()),
        ("AutomationClause", clause()),
        ("AutomationConfigInput", config_input()),
        ("AutomationRuleInput", rule_input()),
        ("AutomationClauseInput", clause_input()),
    ]
}

fn config() -> Value {
    let event = Object::new().required("enabled", schema::boolean(), "`false` silences all the rules.").required(
        "rules",
        schema::array(schema::reference("AutomationRule")),
        "In order of evaluation.",
    );
    let mut events = schema::map(event.into());
    events["required"] = json!(["issue", "commit", "merge_request"]);
    Object::new()
        .required("version", schema::constant(2), "Always 2.")
        .required(
            "events",
            events,
            "By event type: `issue`, `commit` and `merge_request` are always there, others on request.",
        )
        .schema()
}

fn rule() -> Value {
    let action = Object::new()
        .required("id", schema::text(), "Its id within the rule.")
        .required("robotId", schema::text(), "A robot of the repository.")
        .required("enabled", schema::boolean(), "`false` silences the action.")
        .optional("promptOverride", schema::text(), "Replaces the robot's prompt.")
        .optional("promptPatch", schema::text(), "Follows the robot's prompt.");
    let clauses = || schema::array(schema::reference("AutomationClause"));
    let matching = Object::new().required("all", clauses(), "Every one must hold.").required(
        "any",
        clauses(),
        "One must hold, if there are any.",
    );
    Object::new()
        .required("id", schema::text(), "Its id within the configuration.")
        .required("name", schema::text(), "Its name.")
        .required("enabled", schema::boolean(), "`false` silences the rule.")
        .optional("match", matching.into(), "Absent means always.")
        .required("actions", schema::array(action.into()), "The robots to wake.")
        .optional("timeWindow", schema::reference("TimeWindow"), "When the tasks may run; beats the robot's.")
        .schema()
}

fn clause() -> Value {
    Object::new()
        .required("field", schema::text(), "Dotted path into the event's context, such as `branch.name`.")
        .required("op", schema::one_of(&OPERATORS), "How to compare.")
        .optional("value", schema::text(), "For `equals`.")
        .optional("values", schema::array(schema::text()), "For the other operators.")
        .required("negate", schema::boolean(), "Flips the result.")
        .schema()
}

/// Lenient where HookCode is: an `enabled` that is no boolean is true, and rules that are no list are none.
fn config_input() -> Value {
    let event = Object::new()
        .optional("enabled", schema::anything(), "`false` silences all the rules; anything else does not.")
        .optional(
            "rules",
            json!({"items": schema::reference("AutomationRuleInput")}),
            "In order of evaluation; anything that is no list is none.",
        );
    let mut events = schema::nullable(schema::map(schema::nullable(event.into())));
    events["propertyNames"] = json!({"minLength": 1, "maxLength": MAX_ID_BYTES});
    Object::new()
        .optional("version", schema::anything(), "2; 1 converts a configuration of version 1.")
        .optional(
            "events",
            events,
            "By event type: `issue`, `commit`, `merge_request`, `release`, `tag`, `pipeline`, `discussion`.",
        )
        .schema()
}

fn rule_input() -> Value {
    let id = || schema::nullable(schema::text_up_to(MAX_ID_BYTES));
    let boolean = || schema::nullable(schema::boolean());
    let action = Object::new()
        .optional("id", id(), "Its id within the rule; made when it is blank or absent.")
        .optional(
            "robotId",
            schema::nullable(schema::text_up_to(MAX_TEXT_BYTES)),
            "A robot of the repository; an action without one is dropped.",
        )
        .optional("enabled", boolean(), "`false` silences the action.")
        .optional("promptOverride", prompt(), "Replaces the robot's prompt.")
        .optional("promptPatch", prompt(), "Follows the robot's prompt.");
    let mut actions = schema::array_up_to(action.into(), MAX_ACTIONS);
    let named = json!({"type": "string", "pattern": "\\S"});
    actions["contains"] = json!({"type": "object", "required": ["robotId"], "properties": {"robotId": named}});
    let clauses = || schema::nullable(schema::array_up_to(schema::reference("AutomationClauseInput"), MAX_CLAUSES));
    let matching = Object::new().optional("all", clauses(), "Every one must hold.").optional(
        "any",
        clauses(),
        "One must hold, if there are any.",
    );
    let hour = || {
        json!({"anyOf": [
            {"type": "number", "minimum": 0, "exclusiveMaximum": 24},
            {"type": "string", "pattern": "^([01]?[0-9]|2[0-3])(\\.[0-9]+)?$"},
        ]})
    };
    let window = Object::new().required("startHour", hour(), "The first hour; floored.").required(
        "endHour",
        hour(),
        "The hour after the last; floored.",
    );
    Object::new()
        .optional("id", id(), "Its id within the configuration; made when it is blank or absent.")
        .required("name", schema::solid_text_up_to(MAX_TEXT_BYTES), "Its name.")
        .optional("enabled", boolean(), "`false` silences the rule.")
        .optional("match", schema::nullable(matching.into()), "Absent means always.")
        .required("actions", actions, "The robots to wake, at least one.")
        .optional("timeWindow", schema::nullable(window.into()), "When the tasks may run.")
        .schema()
}

/// Text of the usual kind; anything that is no text is passed over.
fn prompt() -> Value {
    let mut schema = schema::text_up_to(MAX_TEXT_BYTES);
    if let Some(members) = schema.as_object_mut() {
        members.remove("type");
    }
    schema
}

fn clause_input() -> Value {
    let values = schema::array_up_to(json!({"type": "string", "maxLength": MAX_TEXT_BYTES}), MAX_VALUES);
    Object::new()
        .required("field", schema::solid_text_up_to(MAX_TEXT_BYTES), "Dotted path into the event's context.")
        .required("op", schema::one_of(&OPERATORS), "How to compare.")
        .optional("value", schema::nullable(schema::text_up_to(MAX_TEXT_BYTES)), "For `equals`.")
        .optional("values", schema::nullable(values), "For the other operators.")
        .optional("negate", schema::nullable(schema::boolean()), "Flips the result.")
        .schema()
}
