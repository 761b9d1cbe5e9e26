//! Skills, for the API's document.

use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Archived, Operation, Parameter};
use repoplane_api::problem::ProblemType;
use repoplane_api::query::{DEFAULT_PAGE, MAX_PAGE};
use repoplane_domain::access::{RepositoryRole, Scope};
use repoplane_domain::id::{RepositoryId, SkillId, UserId};
use repoplane_domain::skill::{
    LintCode, MAX_LINTS, MAX_SCRIPTS, MAX_TOOLS, MAX_VERSION_BYTES, SkillSource, SkillStatus,
};
use serde_json::{Value, json};

const TAG: &str = "Skills";

pub(super) fn operations() -> Vec<Operation> {
    let of =
        |id, summary| Operation::new(id, TAG, summary).path("id", schema::id(RepositoryId::PREFIX), "The repository.");
    let one = |id, summary| of(id, summary).path("skill_id", schema::id(SkillId::PREFIX), "The skill.");
    let read =
        |operation: Operation| operation.of_repository(Scope::ReposRead, RepositoryRole::Member, Archived::Allowed);
    let answer = || Object::new().required("skill", schema::reference("Skill"), "The skill.");
    vec![
        read(of("repos_list_skills", "List a repository's skills"))
            .text(
                "The folders of the branch that hold a `SKILL.md`, as the last scan found them, and what was added by hand. \
                 What was listed last comes first. A folder that was never good is listed with status `invalid`, and is no \
                 skill yet.",
            )
            .parameter(Parameter::query("source", word(&sources()), "Only those from there."))
            .parameter(Parameter::query("status", word(&statuses()), "Only those that are so."))
            .parameter(Parameter::limit(DEFAULT_PAGE, MAX_PAGE))
            .parameter(Parameter::cursor())
            .ok(
                "A page of skills.",
                Object::new()
                    .required("skills", schema::array(schema::reference("Skill")), "The skills.")
                    .optional("nextCursor", schema::text(), "For the next page, if there is one."),
            )
            .problem(ProblemType::ValidationFailed, &["INVALID_CURSOR"]),
        read(one("repos_get_skill", "Look at a skill")).ok("The skill.", answer()),
        one("repos_accept_skill", "Accept what a skill can do")
            .idempotent()
            .conditional()
            .of_repository(Scope::ReposWrite, RepositoryRole::Maintainer, Archived::Blocked)
            .text(
                "A version that brings more scripts or more allowed tools than the accepted one is escalated until somebody \
                 accepts it. Name the `version` that you looked at, so that no other is accepted. Who accepts twice finds it \
                 accepted.",
            )
            .optional_body(Object::new().optional(
                "version",
                schema::nullable(schema::text_up_to(MAX_VERSION_BYTES)),
                "The version that is accepted; whatever it is now, unless said.",
            ))
            .ok("The skill as it is now.", answer())
            .problem(ProblemType::Conflict, &["SKILL_VERSION_CHANGED", "WRITE_CONFLICT"]),
    ]
}

fn sources() -> Vec<&'static str> {
    SkillSource::ALL.map(SkillSource::as_str).to_vec()
}

fn statuses() -> Vec<&'static str> {
    SkillStatus::ALL.map(SkillStatus::as_str).to_vec()
}

/// One of some words; blank counts as absent.
fn word(words: &[&str]) -> Value {
    schema::one_of(&[words, &[""]].concat())
}

fn powers(object: Object) -> Object {
    object
        .required(
            "scripts",
            schema::array_up_to(schema::text(), MAX_SCRIPTS),
            "Paths below its folder of what may be run, sorted.",
        )
        .required(
            "allowedTools",
            schema::array_up_to(schema::text(), MAX_TOOLS),
            "Tools that a robot may use without asking.",
        )
}

/// One skill.
pub(super) fn skill() -> Value {
    let escalation = Object::new().required("since", schema::time(), "Since which scan.");
    let accepted = Object::new()
        .required("version", schema::text(), "Its version.")
        .required("at", schema::time(), "When it was accepted.")
        .optional("by", schema::id(UserId::PREFIX), "By whom; absent when it could do no more than the one before it.");
    let skill = Object::new()
        .required("id", schema::id(SkillId::PREFIX), "Its id; it stays when the folder changes or moves.")
        .required("repoId", schema::id(RepositoryId::PREFIX), "Its repository.")
        .optional("name", schema::text(), "Its name; absent while its folder was never good.")
        .optional("description", schema::text(), "What it does and when to use it.")
        .optional(
            "version",
            schema::text(),
            "`sha256:` and the digest of everything in its folder, as it last was good; of one added by hand, free text.",
        )
        .optional("path", schema::text(), "Path of its `SKILL.md`; of one added by hand, free text.")
        .required("source", schema::one_of(&sources()), "Found by a scan, or added by hand.")
        .required("status", schema::one_of(&statuses()), "How it is.")
        .required("metadata", schema::map(schema::text()), "The author's own notes.")
        .optional("compatibility", schema::text(), "What it needs around it.")
        .optional("license", schema::text(), "Under which terms.")
        .required(
            "lint",
            schema::array_up_to(schema::reference("SkillLint"), MAX_LINTS),
            "What is wrong with its folder now; everything else is told of the last good version.",
        );
    powers(skill)
        .optional(
            "escalation",
            powers(escalation).schema(),
            "What came on top of what was accepted; absent when nothing did.",
        )
        .optional("accepted", powers(accepted).schema(), "The last version whose powers were accepted.")
        .required("createdAt", schema::time(), "When it was first listed.")
        .required("updatedAt", schema::time(), "When it last changed.")
        .schema()
}

/// One thing that is wrong with a skill's folder.
pub(super) fn lint() -> Value {
    let codes: Vec<Value> = LintCode::ALL.iter().map(|code| json!(code)).collect();
    Object::new()
        .required("code", json!({"type": "string", "enum": codes}), "What is wrong, for programs.")
        .required(
            "line",
            schema::integer(1..=i64::from(u32::MAX)),
            "Line of `SKILL.md`; 1 for what has no line of its own.",
        )
        .required("message", schema::text(), "What to do about it.")
        .schema()
}
