//! Checking the connection to the provider: on request, and before something is saved with `?validate=true`.

use super::fault::problem_of;
use super::reach::{Choice, target_of};
use crate::Repos;
use axum::extract::State;
use repoplane_api::access::{Manage, Repo};
use repoplane_api::idempotency::{Failed, answer_marked, keep_unchanged};
use repoplane_api::problem::ProblemType;
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, Posted, Problem};
use repoplane_domain::access::Principal;
use repoplane_domain::credential::{AccessSource, Purpose, SecretEdit};
use repoplane_domain::error::FieldErrors;
use repoplane_domain::input::Object;
use repoplane_domain::repository::{Connection, ConnectionAttempt};
use repoplane_store::{DecisionSet, KeptAnswer, Once};
use serde_json::{Value, json};

/// `repos_validate`: asks the provider now, whatever is cached, and remembers how it ended. Both outcomes are 200.
pub(crate) async fn run(State(repos): State<Repos>, repo: Repo<Manage>, posted: Posted) -> Result<Answer, Problem> {
    let once = posted.once(&repo.principal);
    answer_marked(&repos.app, once, |once| check(&repos, &repo, &posted.body, once)).await
}

async fn check(repos: &Repos, repo: &Repo<Manage>, body: &Value, once: Option<Once>) -> Result<Answer, Failed> {
    let mut errors = FieldErrors::new();
    let mut object = Object::root(body, &mut errors);
    let choice = Choice::of_body(&mut object);
    object.finish();
    errors.into_result(())?;
    let set = &repo.set;
    let target = target_of(&set.repository)?;
    let reach = repos.reach(set, &repo.principal, &choice, Purpose::Read).await?;
    let reach = reach.ok_or_else(|| no_token(&choice))?;
    let now = repos.app.now();
    let ended = reach.providers.meta(&target, &reach.access).await;
    let state = reach.note(repos, set, &ended, now).await;
    let mut body = json!({"ok": ended.is_ok(), "connection": Connection::public_view(state.connection.as_ref())});
    match &ended {
        Ok(answered) => body["visibility"] = json!(answered.value.visibility.as_str()),
        Err(error) => {
            let failure = error.connection_failure(reach.is_anonymous());
            body["reason"] = json!(failure.reason);
            body["message"] = json!(failure.message);
        }
    }
    keep_unchanged(&repos.app, once.as_ref(), KeptAnswer::ok(body)).await
}

/// 400 when the chosen source has no token.
pub(super) fn no_token(choice: &Choice) -> Problem {
    let text = match choice.source {
        Some(AccessSource::User) => {
            "your account has no such token for this provider; store one by PATCH /api/credentials/me, or choose another credentialSource"
        }
        Some(AccessSource::Global) => {
            "the tenant has no such token for this provider; its administrators store one by PATCH /api/credentials/global"
        }
        Some(AccessSource::Repo) | None => {
            "the repository has no such token and inherits none; store one as repoProviderCredential, or choose another credentialSource"
        }
        Some(AccessSource::Anonymous) => "this is not done without a token; choose another credentialSource",
    };
    Problem::new(ProblemType::ValidationFailed, text).with_code("REPO_PROVIDER_TOKEN_REQUIRED")
}

/// Whether a change is to be checked at the provider before it is stored (`?validate=true`), and with whose credential.
///
/// # Errors
/// 400 for values that are none.
pub(crate) fn wanted_before_save(query: &QueryParams) -> Result<Option<Choice>, Problem> {
    let mut errors = FieldErrors::new();
    let validate = query.boolean("validate", &mut errors).unwrap_or_default();
    let choice = Choice::of_strict_query(query, &mut errors);
    Ok(errors.into_result(validate.then_some(choice))?)
}

impl Repos {
    /// Asks the provider for a repository as it would be saved, with the values that would be stored beside it.
    ///
    /// # Errors
    /// What the provider said no to; nothing has been saved then.
    pub(crate) async fn validate_before_save(
        &self,
        set: &DecisionSet,
        edits: &[SecretEdit],
        principal: &Principal,
        choice: &Choice,
    ) -> Result<ConnectionAttempt, Problem> {
        let target = target_of(&set.repository)?;
        let reach = self.reach_with(set, edits, principal, choice, Purpose::Read).await?;
        let reach = reach.ok_or_else(|| no_token(choice))?;
        let ended = reach.providers.meta(&target, &reach.access).await;
        if let Err(error) = &ended {
            return Err(problem_of(error, reach.is_anonymous()));
        }
        Ok(reach.attempt(&ended, self.app.now()))
    }
}
