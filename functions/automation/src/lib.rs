//! The automation configuration of a repository: get and put (contract: hookcode 2.17, 2.18).

pub mod describe;

use axum::extract::State;
use axum::{Json, Router};
use repoplane_api::access::{Manage, Read, Repo};
use repoplane_api::body::JsonBody;
use repoplane_api::{App, Problem, Routes};
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
async fn show(repo: Repo<Read>) -> Json<Value> {
    let stored = repo.set.automation.map(|stored| stored.config);
    Json(json!({"config": stored.unwrap_or_else(AutomationConfig::default_config)}))
}

/// `repos_put_automation`: replaces the whole configuration.
async fn replace(State(app): State<App>, repo: Repo<Manage>, JsonBody(body): JsonBody) -> Result<Json<Value>, Problem> {
    let given = read_body(&body)?;
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        let robots: Vec<RobotId> = set.robots.iter().map(|robot| robot.id).collect();
        let config = parse_config(given, &robots, now, app.store.ids())?;
        let rules: usize = config.events.values().map(|event| event.rules.len()).sum();
        let id = AuditId::new(now, app.store.ids());
        let repository = set.repository.id;
        let entry =
            AuditEntry::by(&repo.principal, id, AuditAction::RepoAutomationUpdated, repository, now).on(repository);
        let audit = vec![entry.with(json!({"rules": rules}))];
        Ok(Plan { automation: Some(config.clone()), audit, ..Plan::nothing(config) })
    };
    let (_, config) = app.store.change(author, repo.set.clone(), plan).await?;
    Ok(Json(json!({"config": config})))
}

/// The member `config`; nothing else may stand beside it.
fn read_body(body: &Value) -> Result<&Value, Problem> {
    let mut errors = FieldErrors::new();
    let mut object = Object::root(body, &mut errors);
    let config = object.raw("config").unwrap_or(&Value::Null);
    object.finish();
    Ok(errors.into_result(config)?)
}
