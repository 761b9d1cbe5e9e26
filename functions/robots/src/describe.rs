//! What the function's operations take and answer, for the API's document.

use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Archived, Operation};
use repoplane_api::problem::ProblemType;
use repoplane_domain::access::{RepositoryRole, Scope};
use repoplane_domain::credential::{
    MAX_CLONE_USERNAME_BYTES, MAX_PROFILE_ID_BYTES, MAX_REMARK_BYTES, MAX_SECRET_BYTES,
};
use repoplane_domain::id::{RepositoryId, RobotId};
use repoplane_domain::input::MAX_TEXT_BYTES;
use serde_json::{Value, json};

const TAG: &str = "Robots";
/// Longest name of a robot, in bytes.
const MAX_NAME_BYTES: usize = 200;
/// Longest name of a branch or language, in bytes.
const MAX_WORD_BYTES: usize = 255;
const SOURCES: [&str; 4] = ["robot", "user", "repo", "global"];
const PROVIDERS: [&str; 3] = ["codex", "claude_code", "gemini_cli"];

/// The function's operations.
pub fn describe() -> Vec<Operation> {
    let of =
        |id, summary| Operation::new(id, TAG, summary).path("id", schema::id(RepositoryId::PREFIX), "The repository.");
    let one = |id, summary| of(id, summary).path("robot_id", schema::id(RobotId::PREFIX), "The robot.");
    let manage = |operation: Operation| {
        operation
            .of_repository(Scope::ReposWrite, RepositoryRole::Maintainer, Archived::Blocked)
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"])
            .problem(ProblemType::TooManyChanges, &["TOO_MANY_CHANGES"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"])
    };
    let answer = || Object::new().required("robot", schema::reference("Robot"), "The robot.");
    vec![
        of("repos_list_robots", "List a repository's robots")
            .of_repository(Scope::ReposRead, RepositoryRole::Member, Archived::Allowed)
            .ok(
                "The robots, oldest first.",
                Object::new().required("robots", schema::array(schema::reference("Robot")), "The robots."),
            ),
        one("repos_get_robot", "Look at a robot")
            .of_repository(Scope::ReposRead, RepositoryRole::Member, Archived::Allowed)
            .ok("The robot.", answer()),
        manage(of("repos_create_robot", "Attach a robot").idempotent())
            .text("It is disabled until its test passes. The profiles that it names must exist and hold a value.")
            .body(schema::reference("CreateRobot"))
            .created("The robot.", answer()),
        manage(one("repos_patch_robot", "Change a robot").conditional())
            .text("Absent members are kept. Another Git credential disables the robot until its test passes again.")
            .body(schema::reference("PatchRobot"))
            .ok("The robot as it is now.", answer()),
        manage(one("repos_test_robot", "Test a robot's Git credential").idempotent().conditional())
            .text(
                "Asks the provider with the robot's token, and the model provider with its key if it has one, and records \
                 both verdicts; it is 200 either way. A Git token that passes enables the robot; nothing else does.",
            )
            .ok(
                "The verdict.",
                Object::new()
                    .required("ok", schema::boolean(), "Whether the robot is enabled now.")
                    .optional("message", schema::text(), "Why not.")
                    .required("git", verdict("Whether the Git token passed: it alone enables."), "The Git token.")
                    .optional("model", verdict("Whether the provider takes the key."), "The model key, if there is one.")
                    .required("robot", schema::reference("Robot"), "The robot as it is now."),
            )
            .ignored_body()
            .problem(ProblemType::Conflict, &["ROBOT_CHANGED"]),
        manage(one("repos_delete_robot", "Remove a robot").conditional())
            .text("Not while a rule names it, be the rule enabled or not.")
            .ok("It is gone.", schema::reference("Done"))
            .problem(ProblemType::Conflict, &["ROBOT_IN_USE"]),
    ]
}

fn verdict(text: &str) -> Value {
    Object::new().required("ok", schema::boolean(), text).optional("message", schema::text(), "Why not.").schema()
}

/// The schemas that the operations share.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("Robot", robot()),
        ("ModelProviderConfig", model()),
        ("DependencyConfig", dependency()),
        ("TimeWindow", time_window()),
        ("CreateRobot", create()),
        ("PatchRobot", patch()),
        ("ModelProviderConfigPatch", model_patch()),
    ]
}

fn robot() -> Value {
    let text = schema::text;
    Object::new()
        .required("scope", schema::constant("repo"), "Always `repo`: there are no global robots.")
        .required("id", schema::id(RobotId::PREFIX), "Its id.")
        .required("repoId", schema::id(RepositoryId::PREFIX), "Its repository.")
        .required("name", text(), "Its name, without a leading `@`.")
        .required("permission", schema::one_of(&["read", "write"]), "`write` when its sandbox is `workspace-write`.")
        .required("hasToken", schema::boolean(), "Whether a Git token of its own is in the vault.")
        .required("repoCredentialSource", schema::one_of(&SOURCES), "Where its Git token comes from.")
        .optional("repoCredentialProfileId", text(), "Which profile of that source.")
        .optional("repoCredentialRemark", text(), "Remark on its own token.")
        .optional("cloneUsername", text(), "Git user name for clones.")
        .optional("repoTokenUserId", text(), "The account behind its token: id at the provider.")
        .optional("repoTokenUsername", text(), "The account's login.")
        .optional("repoTokenUserName", text(), "The account's display name.")
        .optional("repoTokenUserEmail", text(), "The account's e-mail for commits.")
        .optional("repoTokenRepoRole", text(), "The account's role, in the provider's words.")
        .optional("repoTokenRepoRoleDetails", schema::anything(), "What the provider said of it, in short.")
        .required("promptDefault", text(), "Prompt template with `{{var}}`.")
        .optional("language", text(), "Language of its answers.")
        .required("modelProvider", schema::one_of(&PROVIDERS), "The agent.")
        .required("modelProviderConfig", schema::reference("ModelProviderConfig"), "The agent's settings.")
        .optional("dependencyConfig", schema::reference("DependencyConfig"), "How it treats dependencies.")
        .optional("defaultBranch", text(), "Branch to check out when the event names none.")
        .optional("defaultBranchRole", schema::one_of(&["main", "dev", "test"]), "Legacy role of that branch.")
        .optional("repoWorkflowMode", schema::one_of(&["auto", "direct", "fork"]), "How it delivers its work.")
        .optional("timeWindow", schema::reference("TimeWindow"), "When it works, unless the rule says otherwise.")
        .optional("activatedAt", schema::time(), "Its first passing test.")
        .optional("lastTestAt", schema::time(), "Its last test.")
        .optional("lastTestOk", schema::boolean(), "Whether that passed.")
        .optional("lastTestMessage", text(), "`ok`, or why not.")
        .optional("lastModelTestOk", schema::boolean(), "Whether its model key passed then.")
        .optional("lastModelTestMessage", text(), "Why not.")
        .required("enabled", schema::boolean(), "Only a passing test enables it.")
        .required("isDefault", schema::boolean(), "At most one of each permission has it.")
        .required("createdAt", schema::time(), "When it was attached.")
        .required("updatedAt", schema::time(), "When it was last changed.")
        .schema()
}

fn model() -> Value {
    let credential = Object::new()
        .required("hasApiKey", schema::boolean(), "Whether the robot's own key is in the vault.")
        .optional("apiBaseUrl", schema::text(), "Where the provider listens, when not at its usual address.")
        .optional("remark", schema::text(), "What people call it.");
    let routing = Object::new()
        .required("mode", schema::one_of(&["fixed", "availability_first"]), "How the agent is chosen.")
        .optional("fallbackProvider", schema::one_of(&PROVIDERS), "Which agent runs when the own one cannot.")
        .required(
            "failoverPolicy",
            schema::one_of(&["disabled", "fallback_provider_once"]),
            "What a failed run leads to.",
        );
    let write = Object::new().required("network_access", schema::boolean(), "Whether the agent may use the network.");
    Object::new()
        .required("credentialSource", schema::one_of(&SOURCES), "Where the model's key comes from.")
        .optional("credentialProfileId", schema::text(), "Which profile of that source.")
        .optional("credential", credential.into(), "The robot's own account, for the source `robot`.")
        .required("model", schema::text(), "The model.")
        .required(
            "sandbox",
            schema::one_of(&["read-only", "workspace-write"]),
            "What the agent may do to the working copy.",
        )
        .optional("model_reasoning_effort", schema::one_of(&["low", "medium", "high", "xhigh"]), "Codex only.")
        .optional("sandbox_workspace_write", write.into(), "Claude Code and Gemini CLI only.")
        .required("routingConfig", routing.into(), "Which agent runs when the own one cannot.")
        .schema()
}

fn dependency() -> Value {
    Object::new()
        .optional("enabled", schema::boolean(), "Whether dependencies are installed.")
        .optional("failureMode", schema::one_of(&["soft", "hard"]), "What a failure means.")
        .optional("allowCustomInstall", schema::boolean(), "Whether the repository may bring its own commands.")
        .schema()
}

fn time_window() -> Value {
    Object::new()
        .required("startHour", schema::integer(0..=23), "The first hour.")
        .required("endHour", schema::integer(0..=23), "The hour after the last; equal to the first means always.")
        .schema()
}

/// What a robot can be made and changed with alike.
fn settings() -> Object {
    let line = |bytes| schema::nullable(schema::line_up_to(bytes));
    // Blank is as good as null.
    let word = |words: &[&str]| schema::nullable(schema::one_of(&[words, &[""]].concat()));
    let dependency = Object::new()
        .optional("enabled", schema::nullable(schema::boolean()), "Whether dependencies are installed.")
        .optional("failureMode", word(&["soft", "hard"]), "What a failure means.")
        .optional(
            "allowCustomInstall",
            schema::nullable(schema::boolean()),
            "Whether the repository may bring its own.",
        );
    Object::new()
        .optional(
            "repoCredentialSource",
            word(&SOURCES),
            "Where the Git token comes from. A new robot needs it, or a token of its own.",
        )
        .optional("token", line(MAX_SECRET_BYTES), "The robot's own Git token, write-only; for the source `robot`.")
        .optional("repoCredentialProfileId", line(MAX_PROFILE_ID_BYTES), "The profile, for the other sources.")
        .optional(
            "repoCredentialRemark",
            line(MAX_REMARK_BYTES),
            "Remark on the own token; for the source `robot` only.",
        )
        .optional("cloneUsername", line(MAX_CLONE_USERNAME_BYTES), "Git user name for clones.")
        .optional("defaultBranch", line(MAX_WORD_BYTES), "Branch to check out when the event names none.")
        .optional("defaultBranchRole", word(&["main", "dev", "test"]), "Legacy role of that branch.")
        .optional("language", line(MAX_WORD_BYTES), "Language of its answers, as BCP 47 has it.")
        .optional("modelProviderConfig", schema::reference("ModelProviderConfigPatch"), "The agent's settings.")
        .optional("dependencyConfig", schema::nullable(dependency.into()), "How it treats dependencies.")
        .optional("repoWorkflowMode", word(&["auto", "direct", "fork"]), "How it delivers its work.")
        .optional("timeWindow", schema::nullable(schema::reference("TimeWindow")), "When it works.")
        .optional("isDefault", schema::nullable(schema::boolean()), "True takes it from the other robots.")
        .optional("defaultWorkerId", schema::anything(), "Ignored: workers are not served.")
}

fn create() -> Value {
    settings()
        .required("name", name(), "Its name; one leading `@` is cut off.")
        .required("promptDefault", schema::solid_text_up_to(MAX_TEXT_BYTES), "Prompt template with `{{var}}`.")
        .optional(
            "modelProvider",
            schema::nullable(schema::one_of(&["codex", "claude_code", "gemini_cli", ""])),
            "The agent; Codex unless said.",
        )
        .schema()
}

fn patch() -> Value {
    settings()
        .optional("name", schema::nullable(name()), "Its name; null keeps it.")
        .optional("promptDefault", schema::solid_text_up_to(MAX_TEXT_BYTES), "Prompt template with `{{var}}`.")
        .optional("modelProvider", schema::nullable(schema::one_of(&PROVIDERS)), "The agent; null keeps it.")
        .optional("enabled", json!({"enum": [false, null]}), "False disables it; only a passing test enables it.")
        .schema()
}

fn name() -> Value {
    let mut schema = schema::line_up_to(MAX_NAME_BYTES);
    schema["not"] = json!({"type": "string", "pattern": "^\\s*@?\\s*$"});
    schema
}

/// Anything goes: bad values fall back to defaults and unknown members vanish. Only a key must be one.
fn model_patch() -> Value {
    let key = json!({
        "maxLength": MAX_SECRET_BYTES, "pattern": "^\\s*[^\\u0000-\\u001f\\u007f-\\u009f]*\\s*$",
        "description": "The robot's own key, write-only. Absent keeps it; null removes it.",
    });
    let hint = |text: &str| json!({ "description": text });
    json!({
        "type": "object",
        "description": "Merged into what is stored. Values that make no sense fall back to their defaults, unknown members are dropped.",
        "properties": {
            "credentialSource": hint("`user` (unless said), `repo`, `global` or `robot`."),
            "credentialProfileId": hint("The profile, unless the source is `robot`."),
            "credential": {
                "description": "The robot's own account, for the source `robot`.",
                "properties": {
                    "apiKey": key,
                    "apiBaseUrl": hint("Where the provider listens."),
                    "remark": hint("What people call it."),
                },
            },
            "model": hint("The model; each agent has a default."),
            "sandbox": hint("`read-only` (unless said) or `workspace-write`."),
            "model_reasoning_effort": hint("`low`, `medium` (unless said), `high` or `xhigh`; Codex only."),
            "sandbox_workspace_write": hint("`{network_access}`; Claude Code and Gemini CLI only."),
            "routingConfig": hint("`{mode, fallbackProvider, failoverPolicy}`."),
        },
    })
}
