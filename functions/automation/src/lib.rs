//! The automation configuration of a repository: get and put (contract: hookcode 2.17, 2.18).

pub mod describe;

use axum::Router;
use axum::extract::State;
use repoplane_api::access::{Manage, Read, Repo};
use repoplane_api::body::JsonBody;
use repoplane_api::{Answer, App, IfMatch, Problem, Routes};
use repoplane_domain::access::Right;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::automation::{AutomationConfig, parse_config};
use repoplane_domain::error::FieldErrors;
use repoplane_domain::id::{AuditId, RobotId};
use repoplane_domain::input::Object;
use repoplane_store::{Author, DecisionSet, Plan};
use serde_json::{Value, json};

/// The function's operations.
pub fn routes() -> Routes<App> {
    Routes::new().get("repos_get_automation", "/api/repos/{id}/automation", show).put(
        "repos_put_automation",
        "/api/repos/{id}/automation",
        replace,
    )
}

/// The function's router.
pub fn router(app: App) -> Router {
    routes().with_state(app)
}

/// `repos_get_automation`: reading never writes; without a stored configuration it is the default one.
async fn show(repo: Repo<Read>) -> Answer {
    let version = version(&repo.set);
    let stored = repo.set.automation.map(|stored| stored.config);
    Answer::ok(json!({"config": stored.unwrap_or_else(AutomationConfig::default_config)})).version(version)
}

/// The version of the configuration; 0 until one is stored.
fn version(set: &DecisionSet) -> u64 {
    set.automation.as_ref().map_or(0, |stored| stored.version)
}

/// `repos_put_automation`: replaces the whole configuration.
async fn replace(
    State(app): State<App>,
    repo: Repo<Manage>,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let given = read_body(&body)?;
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        if_match.check(version(set))?;
        let robots: Vec<RobotId> = set.robots.iter().map(|robot| robot.id).collect();
        let config = parse_config(given, &robots, now, app.store.ids())?;
        let rules: usize = config.events.values().map(|event| event.rules.len()).sum();
        let id = AuditId::new(now, app.store.ids());
        let repository = set.repository.id;
        let entry =
            AuditEntry::by(&repo.principal, id, AuditAction::RepoAutomationUpdated, repository, now).on(repository);
        let before = set.automation.as_ref().map(|stored| json!(stored.config)).unwrap_or_default();
        let audit = vec![entry.with(json!({"rules": rules})).with_change(&before, &json!(config))];
        Ok(Plan { automation: Some(config.clone()), audit, ..Plan::nothing(config) })
    };
    let (set, config) = app.store.change(author, repo.set.clone(), plan).await?;
    Ok(Answer::ok(json!({"config": config})).version(version(&set)))
}

/// The member `config`; nothing else may stand beside it.
fn read_body(body: &Value) -> Result<&Value, Problem> {
    let mut errors = FieldErrors::new();
    let mut object = Object::root(body, &mut errors);
    let config = object.raw("config").unwrap_or(&Value::Null);
    object.finish();
    Ok(errors.into_result(config)?)
}
