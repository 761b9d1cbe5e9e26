//! Credential profiles: what is shown and taken of a repository's, an account's and the tenant's, and the operations on
//! the last two.

use repoplane_api::openapi::schema::{self, Object};
use repoplane_api::openapi::{Access, Operation};
use repoplane_api::problem::ProblemType;
use repoplane_domain::access::Scope;
use repoplane_domain::credential::{
    GitTokenKind, MAX_API_BASE_URL_BYTES, MAX_APP_ID, MAX_CLONE_USERNAME_BYTES, MAX_PROFILE_ID_BYTES, MAX_REMARK_BYTES,
    MAX_SECRET_BYTES, MAX_URL_PREFIX_BYTES, ProfileAccess,
};
use repoplane_domain::input::MAX_TEXT_BYTES;
use repoplane_domain::repository::Provider;
use repoplane_domain::robot::ModelProvider;
use serde_json::{Value, json};

const CREDENTIALS: &str = "Credentials";

pub(super) fn operations() -> Vec<Operation> {
    let of = |id, summary| Operation::new(id, CREDENTIALS, summary);
    let shown = || Object::new().required("credentials", schema::reference("AccountCredentials"), "The profiles.");
    let change = |operation: Operation| {
        operation
            .ok("The profiles as they are now.", shown())
            .problem(ProblemType::Conflict, &["WRITE_CONFLICT"])
            .problem(ProblemType::TooManyChanges, &["TOO_MANY_CHANGES"])
            .problem(ProblemType::LimitExceeded, &["LIMIT_EXCEEDED"])
    };
    let read = |operation: Operation| operation.access(Access::Scope(Scope::ReposRead)).ok("The profiles.", shown());
    vec![
        read(of("credentials_me_get", "Look at the credentials of the caller's account"))
            .text("Robots and calls with the source `user` use them. No secret is in the answer."),
        change(of("credentials_me_patch", "Change the credentials of the caller's account").conditional())
            .text(
                "Absent members are kept; null removes all profiles of that provider. Values are write-only. A tool's token \
                 may not, unless it administers the tenant.",
            )
            .access(Access::Scope(Scope::ReposWrite))
            .body(account_patch("GitCredentialPatch"))
            .problem(ProblemType::Forbidden, &["ADMIN_REQUIRED"])
            .problem(
                ProblemType::ValidationFailed,
                &["USER_CREDENTIAL_REPO_PROFILE_REMARK_REQUIRED", "USER_CREDENTIAL_MODEL_PROFILE_REMARK_REQUIRED"],
            ),
        read(of("credentials_global_get", "Look at the credentials of the tenant"))
            .text("Robots and calls with the source `global` use them. No secret is in the answer."),
        change(of("credentials_global_patch", "Change the credentials of the tenant").conditional())
            .text(
                "Absent members are kept; null removes all profiles of that provider. Values are write-only. A Git profile \
                 with `urlPrefix` serves every repository below it that has no Git profiles of its own.",
            )
            .access(Access::Administrator)
            .body(account_patch("GlobalGitCredentialPatch"))
            .problem(
                ProblemType::ValidationFailed,
                &["GLOBAL_CREDENTIAL_REPO_PROFILE_REMARK_REQUIRED", "GLOBAL_CREDENTIAL_MODEL_PROFILE_REMARK_REQUIRED"],
            ),
    ]
}

/// What every profile shows.
fn profile() -> Object {
    Object::new()
        .required("id", schema::text(), "Chosen by the client, or made here.")
        .required("remark", schema::text(), "What people call it.")
        .required("createdAt", schema::time(), "When it was made.")
        .required("updatedAt", schema::time(), "When it was last changed.")
}

fn profiles(profile: Object) -> Object {
    Object::new().required("profiles", schema::array(profile.into()), "The profiles, in order of creation.").optional(
        "defaultProfileId",
        schema::text(),
        "The one that is taken when none is named.",
    )
}

fn token_kinds() -> Value {
    schema::one_of(&GitTokenKind::ALL.map(GitTokenKind::as_str))
}

fn accesses() -> Value {
    schema::one_of(&ProfileAccess::ALL.map(ProfileAccess::as_str))
}

/// What is left out when it is the default.
fn detailed(object: Object) -> Object {
    object.optional("tokenKind", token_kinds(), "What its token is; a personal one unless said.").optional(
        "access",
        accesses(),
        "What it is kept for; both unless said.",
    )
}

fn git_profile() -> Object {
    let git = profile()
        .required("hasToken", schema::boolean(), "Whether a token is in the vault.")
        .optional("cloneUsername", schema::text(), "Git user name for clones.")
        .optional("appId", schema::integer(1..=MAX_APP_ID), "The app's id.")
        .optional("installationId", schema::integer(1..=MAX_APP_ID), "The installation's id.")
        .optional("urlPrefix", schema::text(), "Which repositories it serves; in the tenant's store alone.");
    detailed(git)
}

pub(super) fn git_profiles() -> Value {
    profiles(git_profile()).schema()
}

pub(super) fn model_profiles() -> Value {
    let model = profile().required("hasApiKey", schema::boolean(), "Whether a key is in the vault.").optional(
        "apiBaseUrl",
        schema::text(),
        "Where the provider listens, when not at its usual address.",
    );
    profiles(model).schema()
}

fn models(object: Object) -> Object {
    let one = |object: Object, provider: ModelProvider| {
        object.required(provider.as_str(), schema::reference("ModelProfiles"), "")
    };
    ModelProvider::ALL.into_iter().fold(object, one)
}

pub(super) fn of_repository() -> Value {
    let inherited = Object::new()
        .required("profileId", schema::text(), "Its id among the tenant's profiles.")
        .required("remark", schema::text(), "What people call it.")
        .required("urlPrefix", schema::text(), "Which repositories it serves.")
        .required("hasToken", schema::boolean(), "Whether a token is in the vault.");
    let git = profiles(git_profile()).optional(
        "inherited",
        detailed(inherited).into(),
        "The tenant's profile that serves the repository while it has none of its own; when one repository is looked at.",
    );
    Object::new()
        .required("repoProvider", git.into(), "Git tokens.")
        .required("modelProvider", models(Object::new()).into(), "Model keys.")
        .schema()
}

pub(super) fn of_account() -> Value {
    let one =
        |object: Object, provider: Provider| object.required(provider.as_str(), schema::reference("GitProfiles"), "");
    Provider::ALL.into_iter().fold(models(Object::new()), one).schema()
}

/// Changes to a set of profiles: removals, then upserts, then the default.
fn set_patch(profile: Object) -> Value {
    let ids = schema::nullable(schema::array(schema::text()));
    let profile = profile
        // Blank is as good as absent.
        .optional(
            "id",
            schema::nullable(schema::pattern(&format!("^[A-Za-z0-9_.:-]{{0,{MAX_PROFILE_ID_BYTES}}}$"))),
            "The profile to change; an unknown id makes a profile, none makes one with an id of ours.",
        )
        .optional(
            "remark",
            schema::solid_line_up_to(MAX_REMARK_BYTES),
            "What people call it; a new profile must have one.",
        );
    Object::new()
        .optional("profiles", schema::nullable(schema::array(profile.into())), "Profiles to change or to make.")
        .optional("removeProfileIds", ids, "Profiles to remove; unknown ids are passed over.")
        .optional(
            "defaultProfileId",
            schema::nullable(schema::text_up_to(MAX_TEXT_BYTES)),
            "The default; null for none; an unknown id is none.",
        )
        .schema()
}

fn git_fields() -> Object {
    let id = || schema::nullable(schema::integer(1..=MAX_APP_ID));
    let token = json!({"anyOf": [
        schema::line_up_to(MAX_SECRET_BYTES),
        {"type": "string", "maxLength": MAX_SECRET_BYTES, "pattern": "^\\s*-----BEGIN [\\s\\S]*$"},
        {"type": "null"},
    ]});
    Object::new()
        .optional(
            "token",
            token,
            "Write-only; one line, or the PEM private key of a GitHub App. Absent keeps it; null or blank removes it.",
        )
        .optional(
            "cloneUsername",
            schema::nullable(schema::line_up_to(MAX_CLONE_USERNAME_BYTES)),
            "Git user name for clones. Absent keeps it; null or blank removes it.",
        )
        .optional(
            "tokenKind",
            schema::nullable(token_kinds()),
            "What the token is: `project`, `group` and `deploy` are GitLab's, `github_app` is GitHub's. Null: `personal`. \
             When it becomes `github_app` or is so no longer, `token` must be sent as well.",
        )
        .optional("appId", id(), "The app's id: for `github_app`, and required there.")
        .optional("installationId", id(), "The installation's id: for `github_app`, and required there.")
        .optional("access", schema::nullable(accesses()), "What it is kept for. Null: both.")
}

pub(super) fn git_patch() -> Value {
    set_patch(git_fields())
}

pub(super) fn global_git_patch() -> Value {
    set_patch(git_fields().optional(
        "urlPrefix",
        schema::nullable(schema::line_up_to(MAX_URL_PREFIX_BYTES)),
        "Which repositories without Git profiles of their own it serves, like `https://github.com/acme/`. Null: none.",
    ))
}

pub(super) fn model_set_patch() -> Value {
    set_patch(
        Object::new()
            .optional(
                "apiKey",
                schema::nullable(schema::line_up_to(MAX_SECRET_BYTES)),
                "Write-only. Absent keeps it; null or blank removes it.",
            )
            .optional(
                "apiBaseUrl",
                schema::nullable(schema::text_up_to(MAX_API_BASE_URL_BYTES)),
                "http or https; any other text is as good as null.",
            ),
    )
}

/// The patches of all model providers, added to an object.
fn model_patches(object: Object) -> Object {
    let one = |object: Object, provider: ModelProvider| {
        let patch = schema::nullable(schema::reference("ModelSetPatch"));
        object.optional(provider.as_str(), patch, "Null removes all profiles.")
    };
    ModelProvider::ALL.into_iter().fold(object, one)
}

pub(super) fn model_patch() -> Value {
    model_patches(Object::new()).schema()
}

fn account_patch(git: &'static str) -> Object {
    let one = |object: Object, provider: Provider| {
        object.optional(provider.as_str(), schema::nullable(schema::reference(git)), "Null removes all profiles.")
    };
    Provider::ALL.into_iter().fold(model_patches(Object::new()), one)
}
