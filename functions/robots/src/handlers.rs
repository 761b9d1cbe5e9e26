//! The five operations on robots.

use crate::Robots;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use repoplane_api::access::{Manage, PathParams, Read, Repo};
use repoplane_api::body::JsonBody;
use repoplane_api::problem::ProblemType;
use repoplane_api::{App, Problem};
use repoplane_domain::access::Right;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::credential::{CredentialStores, SecretOwner};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, RobotId};
use repoplane_domain::robot::{
    CreateRobot, PatchRobot, Robot, RobotChange, RobotContext, TestVerdict, list_view, plan_test, remove_robot,
    robot_view,
};
use repoplane_domain::time::Timestamp;
use repoplane_store::{Author, DecisionSet, Plan};
use serde_json::{Value, json};

/// `repos_list_robots`.
pub(crate) async fn list(repo: Repo<Read>) -> Json<Value> {
    Json(list_view(&repo.set.robots))
}

/// `repos_create_robot`.
pub(crate) async fn create(
    State(Robots { app, .. }): State<Robots>,
    repo: Repo<Manage>,
    JsonBody(body): JsonBody,
) -> Result<Response, Problem> {
    let (command, now) = (CreateRobot::read(&body), app.now());
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        let change = command.apply(&context(set, &repo), now, app.store.ids())?;
        let details = json!({"name": change.robot.name, "permission": change.robot.permission()});
        let audit = entry(&app, &repo, AuditAction::RepoRobotCreated, change.robot.id, now).with(details);
        Ok(planned(set, change, audit, now))
    };
    let (_, robot) = app.store.change(author, repo.set.clone(), plan).await?;
    let location = format!("/api/repos/{}/robots/{}", robot.repository, robot.id);
    let answer = Json(json!({"robot": robot_view(&robot)}));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], answer).into_response())
}

/// `repos_patch_robot`.
pub(crate) async fn change(
    State(Robots { app, .. }): State<Robots>,
    params: PathParams,
    repo: Repo<Manage>,
    JsonBody(body): JsonBody,
) -> Result<Json<Value>, Problem> {
    let robot: RobotId = params.id("robot_id", Kind::Robot)?;
    find(&repo.set, robot)?;
    let (command, now) = (PatchRobot::read(&body), app.now());
    let fields: Vec<String> = body.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        let change = command.apply(find(set, robot)?, &context(set, &repo), now)?;
        let audit = entry(&app, &repo, AuditAction::RepoRobotUpdated, robot, now).with(json!({"fields": fields}));
        Ok(planned(set, change, audit, now))
    };
    let (_, robot) = app.store.change(author, repo.set.clone(), plan).await?;
    Ok(Json(json!({"robot": robot_view(&robot)})))
}

/// `repos_test_robot`: asks the provider with the robot's token, and records the verdict.
pub(crate) async fn test(
    State(Robots { app, egress }): State<Robots>,
    params: PathParams,
    repo: Repo<Manage>,
) -> Result<Json<Value>, Problem> {
    let robot: RobotId = params.id("robot_id", Kind::Robot)?;
    let set = &repo.set;
    let stores = CredentialStores::of_repository(&set.credentials.profiles);
    let test = plan_test(find(set, robot)?, &set.repository, &set.robots, &stores)?;
    let token = match test.token.owner {
        SecretOwner::Repository => app.store.repository_secret(set, test.token.name.as_str()).await?,
        // Their stores do not exist yet, so no plan names them.
        SecretOwner::User(_) | SecretOwner::Tenant => None,
    };
    let token =
        token.ok_or_else(|| Problem::new(ProblemType::ValidationFailed, repoplane_domain::robot::TOKEN_REQUIRED))?;
    let base = test.api_base_url.as_deref();
    let verdict = match repoplane_providers::test_token(&egress, test.provider, base, &test.identity, &token).await {
        Ok(report) => TestVerdict::Passed(report.account),
        Err(error) => TestVerdict::Failed { message: error.to_string() },
    };
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        let outcome = test.conclude(find(set, robot)?, &set.robots, verdict.clone(), now)?;
        let audit = vec![entry(&app, &repo, AuditAction::RepoRobotTested, robot, now).with(json!({"ok": outcome.ok}))];
        Ok(Plan { robots: vec![outcome.robot.clone()], audit, ..Plan::nothing(outcome) })
    };
    let (_, outcome) = app.store.change(author, repo.set.clone(), plan).await?;
    Ok(Json(outcome.public_view()))
}

/// `repos_delete_robot`.
pub(crate) async fn remove(
    State(Robots { app, .. }): State<Robots>,
    params: PathParams,
    repo: Repo<Manage>,
) -> Result<Json<Value>, Problem> {
    let robot: RobotId = params.id("robot_id", Kind::Robot)?;
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        let secrets = remove_robot(find(set, robot)?, set.automation.as_ref().map(|stored| &stored.config))?;
        let audit = vec![entry(&app, &repo, AuditAction::RepoRobotDeleted, robot, now)];
        Ok(Plan { removed_robot: Some(robot), secrets, audit, ..Plan::nothing(()) })
    };
    app.store.change(author, repo.set.clone(), plan).await?;
    Ok(Json(json!({"ok": true})))
}

fn find(set: &DecisionSet, id: RobotId) -> Result<&Robot, DomainError> {
    set.robots.iter().find(|robot| robot.id == id).ok_or(DomainError::NotFound(Kind::Robot))
}

fn context<'a>(set: &'a DecisionSet, repo: &Repo<Manage>) -> RobotContext<'a> {
    RobotContext {
        repository: set.repository.id,
        robots: &set.robots,
        stores: CredentialStores::of_repository(&set.credentials.profiles),
        caller: repo.principal.user,
    }
}

/// The changed robot, and those that stop being the default, as one write.
fn planned(set: &DecisionSet, change: RobotChange, audit: AuditEntry, now: Timestamp) -> Plan<Robot> {
    let siblings = set.robots.iter().filter(|robot| change.losing_default.contains(&robot.id));
    let siblings =
        siblings.map(|robot| Robot { is_default: false, updated_at: now, version: robot.version + 1, ..robot.clone() });
    let robots = siblings.chain(std::iter::once(change.robot.clone())).collect();
    Plan { robots, secrets: change.secrets, audit: vec![audit], ..Plan::nothing(change.robot) }
}

fn entry(app: &App, repo: &Repo<Manage>, action: AuditAction, robot: RobotId, now: Timestamp) -> AuditEntry {
    let id = AuditId::new(now, app.store.ids());
    AuditEntry::by(&repo.principal, id, action, robot, now).on(repo.set.repository.id)
}
