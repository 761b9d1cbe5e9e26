//! What the function's operations take and answer, for the API's document.

mod receiving;

use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Answer, Archived, Operation, Parameter};
use repoplane_api::problem::ProblemType;
use repoplane_api::query::{DEFAULT_PAGE, MAX_PAGE};
use repoplane_domain::access::{RepositoryRole, Scope};
use repoplane_domain::id::{DeliveryId, LeaseId, RepositoryId, RobotId, TaskId};
use repoplane_domain::task::{MAX_LEASE_SECONDS, MAX_WORKER_BYTES, MIN_LEASE_SECONDS};
use repoplane_domain::webhook::EventType;
use serde_json::{Value, json};

const DELIVERIES: &str = "Deliveries";
const TASKS: &str = "Tasks";
const RESULTS: [&str; 4] = ["accepted", "skipped", "rejected", "error"];
const STATUSES: [&str; 7] =
    ["queued", "waiting_approval", "processing", "succeeded", "failed", "commented", "cancelled"];
const LAYERS: [&str; 15] = [
    "repo_lookup",
    "repo_state",
    "provider_mismatch",
    "scope_validation",
    "signature_validation",
    "name_binding",
    "repo_binding",
    "robot_resolution",
    "event_mapping",
    "guard",
    "rule_match",
    "task_creation",
    "dry_run",
    "replay",
    "internal",
];

/// The function's operations.
pub fn describe() -> Vec<Operation> {
    [receiving::operations(), deliveries(), tasks()].concat()
}

/// The schemas that the operations share.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("WebhookAnswer", webhook_answer()),
        ("DeliverySummary", summary().schema()),
        ("DeliveryDetail", detail()),
        ("Trace", trace()),
        ("Task", task()),
        ("TaskResult", task_result()),
        ("PatchTask", patch_task()),
        ("ClaimTask", claim_task()),
    ]
}

fn repository(operation: Operation) -> Operation {
    operation.path("id", schema::id(RepositoryId::PREFIX), "The repository.")
}

/// A filter that takes a few words; blank is as good as absent.
fn word(words: &[&str]) -> Value {
    schema::one_of(&[words, &[""]].concat())
}

/// A filter that takes a text.
fn text() -> Value {
    json!({"type": "string", "maxLength": 200})
}

/// A filter that takes an instant; blank is as good as absent.
fn instant() -> Value {
    json!({"anyOf": [{"type": "string", "format": "date-time"}, {"const": ""}]})
}

fn robot_filter() -> Value {
    json!({"anyOf": [schema::id(RobotId::PREFIX), {"const": ""}]})
}

fn deliveries() -> Vec<Operation> {
    let manage = |operation: Operation| {
        operation
            .of_repository(Scope::ReposWrite, RepositoryRole::Maintainer, Archived::Blocked)
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"])
    };
    let read = |operation: Operation| {
        repository(operation).of_repository(Scope::ReposRead, RepositoryRole::Member, Archived::Allowed)
    };
    let of = |id, summary| read(Operation::new(id, DELIVERIES, summary));
    let one = |id, summary| of(id, summary).path("delivery_id", schema::id(DeliveryId::PREFIX), "The delivery.");
    let range = |text: &'static str, status| {
        Answer::new(status, text).with_content("*/*", schema::anything()).with_header(
            "Accept-Ranges",
            schema::constant("bytes"),
            "Ranges of bytes are served.",
        )
    };
    let content_range = || schema::text();
    vec![
        of("repos_list_webhook_deliveries", "List what came in")
            .text(
                "The latest comes first; refused posts are listed too. `nextCursor` is there only when there is more.",
            )
            .parameter(Parameter::query("result", word(&RESULTS), "Only those that ended so."))
            .parameter(Parameter::query("event", text(), "Only those with this event header."))
            .parameter(Parameter::query("errorLayer", word(&LAYERS), "Only those that ended there."))
            .parameter(Parameter::query("code", text(), "Only those with this code."))
            .parameter(Parameter::query("from", instant(), "Only those that came in at this instant or later."))
            .parameter(Parameter::query("to", instant(), "Only those that came in before this instant."))
            .parameter(Parameter::search("what lists show of a delivery"))
            .parameter(Parameter::query("order", word(&["desc", "asc"]), "`asc` for the oldest first."))
            .parameter(Parameter::limit(DEFAULT_PAGE, MAX_PAGE))
            .parameter(Parameter::cursor())
            .ok(
                "A page of deliveries.",
                Object::new()
                    .required("deliveries", schema::array(schema::reference("DeliverySummary")), "The deliveries.")
                    .optional("nextCursor", schema::text(), "For the next page, if there is one."),
            )
            .problem(ProblemType::ValidationFailed, &["INVALID_CURSOR"]),
        one("repos_get_webhook_delivery", "Look at a delivery")
            .text("With each step that decided it. A payload over 1 MiB is linked by `payloadUrl` instead of shown.")
            .ok(
                "The delivery.",
                Object::new().required("delivery", schema::reference("DeliveryDetail"), "The delivery."),
            ),
        one("repos_get_webhook_delivery_payload", "Download a delivery's payload")
            .text("The raw bytes in their own media type, whole or one range of them.")
            .parameter(Parameter::header("Range", schema::text(), "One range of bytes: `bytes=0-99`."))
            .parameter(Parameter::header("If-None-Match", schema::text(), "An `ETag` of an earlier answer."))
            .answer(range("The payload as it came.", 200))
            .answer(range("The range that was asked for.", 206).with_header(
                "Content-Range",
                content_range(),
                "Which one.",
            ))
            .answer(Answer::new(416, "The range lies outside the payload.").with_header(
                "Content-Range",
                content_range(),
                "How long the payload is.",
            ))
            .answer(
                Answer::new(304, "The caller has it already.").with_header("ETag", schema::text(), "The same one."),
            ),
        manage(one("repos_redeliver_webhook_delivery", "Run a delivery again").idempotent())
            .text(
                "By the rules as they are now. The result is a delivery of its own that names the first one; twins are not \
                 looked for, so its tasks are made again.",
            )
            .ignored_body()
            .created("The new delivery, and what the provider would have been answered.", redelivered())
            .problem(ProblemType::Conflict, &["DELIVERY_REDELIVERED_TOO_OFTEN", "DELIVERY_CONTENT_MISSING"]),
        manage(one("repos_delete_webhook_delivery_content", "Delete a delivery's payload"))
            .text("The record of the delivery stays, and so do its tasks.")
            .ok(
                "What is left.",
                Object::new().required("delivery", schema::reference("DeliverySummary"), "The delivery."),
            ),
    ]
}

fn tasks() -> Vec<Operation> {
    let task = |id, summary| Operation::new(id, TASKS, summary).path("id", schema::id(TaskId::PREFIX), "The task.");
    let manage = |operation: Operation| {
        operation
            .of_repository(Scope::TasksWrite, RepositoryRole::Maintainer, Archived::Blocked)
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"])
    };
    let answer = || Object::new().required("task", schema::reference("Task"), "The task.");
    vec![
        repository(Operation::new("tasks_list", TASKS, "List a repository's tasks"))
            .text("The latest comes first. `nextCursor` is there only when there is more.")
            .of_repository(Scope::TasksRead, RepositoryRole::Member, Archived::Allowed)
            .parameter(Parameter::query("status", word(&STATUSES), "Only those that stand there."))
            .parameter(Parameter::query("robotId", robot_filter(), "Only those of this robot."))
            .parameter(Parameter::query("eventType", text(), "Only those of this type of event."))
            .parameter(Parameter::limit(DEFAULT_PAGE, MAX_PAGE))
            .parameter(Parameter::cursor())
            .ok(
                "A page of tasks.",
                Object::new()
                    .required("tasks", schema::array(schema::reference("Task")), "The tasks.")
                    .optional("nextCursor", schema::text(), "For the next page, if there is one."),
            )
            .problem(ProblemType::ValidationFailed, &["INVALID_CURSOR"]),
        task("tasks_get", "Look at a task")
            .of_repository(Scope::TasksRead, RepositoryRole::Member, Archived::Allowed)
            .ok("The task.", answer()),
        manage(task("tasks_update", "Finish or cancel a task").conditional())
            .text(
                "A task in work becomes `succeeded`, `failed` or `commented` and answers only to its lease; a waiting one \
                 becomes `cancelled`. Who repeats the end of a task finds it as it is.",
            )
            .body(schema::reference("PatchTask"))
            .ok("The task as it is now.", answer())
            .problem(ProblemType::Conflict, &["TASK_LEASE_REQUIRED", "TASK_STATUS_ILLEGAL"]),
        manage(task("tasks_retry", "Queue a task once more").idempotent().conditional())
            .text("A task that has ended gets the same prompt for the same robot.")
            .ignored_body()
            .ok("The task as it is now.", answer())
            .problem(ProblemType::Conflict, &["TASK_NOT_ENDED", "TASK_DELIVERY_GONE"]),
        manage(task("tasks_cancel", "Take a task off the queue").idempotent().conditional())
            .text("Not while a worker holds it. Who cancels twice finds it cancelled.")
            .ignored_body()
            .ok("The task as it is now.", answer())
            .problem(ProblemType::Conflict, &["TASK_STATUS_ILLEGAL"]),
        manage(task("tasks_claim", "Take a task, or renew the hold").idempotent().conditional())
            .text("A lease that runs out queues the task again. Claiming with the current `leaseId` renews it.")
            .body(schema::reference("ClaimTask"))
            .ok(
                "The task and the lease.",
                answer()
                    .required("leaseId", schema::id(LeaseId::PREFIX), "Needed to finish the task and to renew the hold.")
                    .required("leaseExpiresAt", schema::time(), "When the task is queued again."),
            )
            .problem(
                ProblemType::Conflict,
                &["TASK_LEASED", "TASK_LEASE_LOST", "TASK_OUTSIDE_WINDOW", "TASK_NOT_CLAIMABLE"],
            ),
    ]
}

/// What a webhook is answered, beside the delivery; a refusal's members depend on the check that failed.
fn redelivered() -> Value {
    let mut schema = Object::new()
        .required("delivery", schema::reference("DeliverySummary"), "The new delivery.")
        .optional("tasks", schema::array(made_task()), "The tasks that were made.")
        .optional("skipped", schema::constant(true), "When there is no task.")
        .optional("reason", schema::text(), "Why there is none.")
        .optional("error", schema::text(), "Which check failed.")
        .optional("code", schema::text(), "Its code.")
        .schema();
    schema["additionalProperties"] = json!(true);
    schema
}

fn made_task() -> Value {
    Object::new()
        .required("id", schema::id(TaskId::PREFIX), "The task.")
        .required("robotId", schema::id(RobotId::PREFIX), "Its robot.")
        .required("groupId", schema::text(), "Its group.")
        .schema()
}

fn webhook_answer() -> Value {
    let twin = |object: Object| -> Value {
        object
            .optional(
                "duplicate_of",
                schema::id(DeliveryId::PREFIX),
                "The first delivery, when this is the same again.",
            )
            .into()
    };
    let accepted = Object::new().required("tasks", schema::array(made_task()), "The tasks that were made.");
    let skipped = Object::new().required("skipped", schema::constant(true), "Always true.").required(
        "reason",
        schema::text(),
        "Why there is no task.",
    );
    json!({"oneOf": [twin(accepted), twin(skipped)]})
}

fn summary() -> Object {
    let ids = || schema::array(schema::text());
    let text = schema::text;
    Object::new()
        .required("id", schema::id(DeliveryId::PREFIX), "Its id.")
        .required("repoId", schema::id(RepositoryId::PREFIX), "The repository that the path named.")
        .required("provider", schema::one_of(&["github", "gitlab"]), "The provider of the endpoint.")
        .optional("eventName", text(), "The event header; empty when it was missing.")
        .optional(
            "mappedEventType",
            schema::one_of(&EventType::ALL.map(EventType::as_str)),
            "What the event is to the rules.",
        )
        .optional("deliveryId", text(), "The provider's id.")
        .required("result", schema::one_of(&RESULTS), "How it ended.")
        .required("httpStatus", schema::integer(200..=599), "The status that was answered.")
        .optional("code", text(), "The code that was answered.")
        .optional("message", text(), "The reason.")
        .required(
            "payloadHash",
            schema::pattern("^[0-9a-f]{64}$"),
            "SHA-256 of the payload with sorted keys; of an unverified post, of its raw body.",
        )
        .required("payloadBytes", schema::count(), "Size of the raw body.")
        .optional("signatureVerified", schema::boolean(), "Absent when the check was not reached.")
        .optional("errorLayer", schema::one_of(&LAYERS), "Where it ended, unless accepted.")
        .required("matchedRuleIds", ids(), "The rules that fired.")
        .required("matchedRobotIds", ids(), "The robots that were woken.")
        .required("taskIds", ids(), "The tasks that were made.")
        .required("taskGroupIds", ids(), "The groups of those tasks.")
        .optional("replayOfEventId", schema::id(DeliveryId::PREFIX), "The delivery that this one ran again.")
        .optional("replayMode", schema::constant("current_config"), "How: by the rules as they were then.")
        .optional("contentDeletedAt", schema::time(), "When its payload was deleted on request.")
        .required("createdAt", schema::time(), "When it came in.")
}

fn detail() -> Value {
    summary()
        .required("headers", schema::map(schema::text()), "The request's headers, without those that carry secrets.")
        .required("response", schema::anything(), "The body that was answered.")
        .required("debugTrace", schema::reference("Trace"), "The steps that decided it.")
        .optional("payload", schema::anything(), "The payload, up to 1 MiB; a text when it is no JSON.")
        .optional("payloadUrl", schema::text(), "Where a larger payload is.")
        .required("replays", schema::array(schema::reference("DeliverySummary")), "What came of posting it again.")
        .schema()
}

fn trace() -> Value {
    let text = schema::text;
    let step = Object::new()
        .required("key", text(), "Which step.")
        .required("title", text(), "Its title.")
        .required("status", schema::one_of(&["success", "skipped", "failed"]), "How it went.")
        .required("at", schema::time(), "When.")
        .optional("code", text(), "A stable code.")
        .optional("message", text(), "A sentence.")
        .optional("meta", schema::anything(), "What else explains it.");
    let action = Object::new()
        .required("ruleId", text(), "The rule.")
        .required("robotId", text(), "The robot.")
        .optional("promptCustom", text(), "The prompt before rendering.")
        .optional("timeWindow", schema::reference("TimeWindow"), "The window that applies.")
        .required("source", text(), "Where the action comes from.");
    Object::new()
        .required("source", schema::one_of(&["ingress", "replay"]), "Whether a provider posted it.")
        .required("provider", schema::one_of(&["github", "gitlab"]), "The provider of the endpoint.")
        .optional("eventName", text(), "The event header.")
        .optional("replayOfEventId", schema::id(DeliveryId::PREFIX), "The delivery that was run again.")
        .optional("replayMode", schema::constant("current_config"), "How: by the rules as they were then.")
        .required("steps", schema::array(step.into()), "The steps that were reached, in order.")
        .optional("resolvedActions", schema::array(action.into()), "What the rules decided.")
        .optional("taskIds", schema::array(text()), "The tasks that were made.")
        .optional("taskGroupIds", schema::array(text()), "The groups of those tasks.")
        .schema()
}

fn task() -> Value {
    let text = schema::text;
    let number = || json!({"type": "integer"});
    let schedule = Object::new()
        .required("source", schema::one_of(&["trigger", "robot"]), "Whether the window is the rule's or the robot's.")
        .required("window", schema::reference("TimeWindow"), "The hours.")
        .required("timezone", text(), "Their time zone.")
        .optional("ruleId", text(), "The rule, when the window is a rule's.");
    let lease =
        Object::new().required("worker", text(), "Who holds it.").required("expiresAt", schema::time(), "Until when.");
    Object::new()
        .required("id", schema::id(TaskId::PREFIX), "Its id.")
        .required("deliveryId", schema::id(DeliveryId::PREFIX), "The delivery that caused it.")
        .required("groupId", text(), "Its group: what comes of one issue, merge request or commit for one robot.")
        .required("eventType", schema::one_of(&EventType::ALL.map(EventType::as_str)), "What happened.")
        .required("eventSubType", text(), "What kind of event it was: `created`, `updated`, `commented`, …")
        .required("status", schema::one_of(&STATUSES), "Where it stands now.")
        .required("title", text(), "One line for people.")
        .required("promptCustom", text(), "The prompt before rendering.")
        .required("prompt", text(), "The prompt as it was rendered when the task was made.")
        .required("repoProvider", schema::one_of(&["github", "gitlab", "git"]), "Its repository's provider.")
        .required("repoId", schema::id(RepositoryId::PREFIX), "Its repository.")
        .required("robotId", schema::id(RobotId::PREFIX), "Its robot.")
        .required("ruleId", text(), "The rule that fired.")
        .optional("projectId", number(), "GitLab's project.")
        .optional("ref", text(), "The Git ref to work on.")
        .optional("mrId", number(), "Number of the merge request or pull request.")
        .optional("issueId", number(), "Number of the issue.")
        .optional("commitSha", text(), "The commit.")
        .optional("actorUserId", text(), "The member behind the event, if known.")
        .optional("schedule", schedule.into(), "When it may run.")
        .required("retries", schema::count(), "How often a lease ran out.")
        .optional("result", schema::anything(), "What the worker reported.")
        .optional("lease", lease.into(), "The current or last hold.")
        .required("createdAt", schema::time(), "When it was made.")
        .required("updatedAt", schema::time(), "When it last changed.")
        .required("version", schema::count(), "Counts changes, from 1.")
        .optional("archivedAt", schema::time(), "Since when its repository is archived.")
        .required("payloadUrl", text(), "Where the delivery's payload is.")
        .schema()
}

/// Any JSON without empty names and enormous numbers.
fn task_result() -> Value {
    let below = || schema::reference("TaskResult");
    json!({
        "propertyNames": {"minLength": 1}, "additionalProperties": below(), "items": below(),
        "exclusiveMinimum": -1e125, "exclusiveMaximum": 1e125,
    })
}

fn patch_task() -> Value {
    Object::new()
        .required("status", schema::one_of(&["succeeded", "failed", "commented", "cancelled"]), "What it shall become.")
        .optional(
            "leaseId",
            schema::nullable(schema::id(LeaseId::PREFIX)),
            "The claim's; needed while the task is in work.",
        )
        .optional(
            "result",
            schema::reference("TaskResult"),
            "What the worker reports: at most 64 KiB of JSON, nested at most 16 deep.",
        )
        .schema()
}

fn claim_task() -> Value {
    Object::new()
        .required("worker", schema::solid_text_up_to(MAX_WORKER_BYTES), "A name to recognise the claim by.")
        .optional(
            "leaseSeconds",
            schema::nullable(schema::integer(MIN_LEASE_SECONDS..=MAX_LEASE_SECONDS)),
            "How long the task is held; 600 unless said.",
        )
        .optional("leaseId", schema::nullable(schema::id(LeaseId::PREFIX)), "The current lease, to renew it.")
        .schema()
}
