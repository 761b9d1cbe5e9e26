//! The operations on robots.

use crate::Robots;
use axum::extract::State;
use repoplane_api::access::{Manage, PathParams, Read, Repo};
use repoplane_api::body::JsonBody;
use repoplane_api::idempotency::{Failed, answer_marked};
use repoplane_api::problem::ProblemType;
use repoplane_api::{Answer, App, IfMatch, Posted, PostedBody, Problem, answer_once};
use repoplane_domain::access::Right;
use repoplane_domain::audit::{AuditAction, AuditEntry};
use repoplane_domain::error::{DomainError, Kind};
use repoplane_domain::id::{AuditId, RobotId};
use repoplane_domain::repository::ConnectionAttempt;
use repoplane_domain::robot::{
    CreateRobot, CredentialSource, ModelProvider, ModelTest, PatchRobot, Robot, RobotChange, RobotContext,
    TOKEN_REQUIRED, TestOutcome, TestVerdict, list_view, plan_test, remove_robot, robot_view,
};
use repoplane_domain::time::Timestamp;
use repoplane_providers::{Providers, Target};
use repoplane_store::{Accounts, Author, DecisionSet, KeptAnswer, ModelAccess, Once, Plan};
use serde_json::json;

/// `repos_list_robots`.
pub(crate) async fn list(repo: Repo<Read>) -> Answer {
    Answer::ok(list_view(&repo.set.robots))
}

/// `repos_get_robot`.
pub(crate) async fn show(params: PathParams, repo: Repo<Read>) -> Result<Answer, Problem> {
    let robot: RobotId = params.id("robot_id", Kind::Robot)?;
    Ok(shown(find(&repo.set, robot)?).into())
}

fn shown(robot: &Robot) -> KeptAnswer {
    KeptAnswer::ok(json!({"robot": robot_view(robot)})).version(robot.version)
}

/// `repos_create_robot`.
pub(crate) async fn create(
    State(Robots { app, .. }): State<Robots>,
    repo: Repo<Manage>,
    PostedBody(posted): PostedBody,
) -> Result<Answer, Problem> {
    let once = posted.once(&repo.principal);
    let run = async {
        let (command, now) = (CreateRobot::read(&posted.body), app.now());
        let accounts = app.store.accounts(&repo.set, &command.accounts(repo.principal.user), true).await?;
        let author = Author { principal: &repo.principal, right: Right::Manage, now };
        let plan = |set: &DecisionSet| {
            let change = command.apply(&context(set, &accounts, &repo), now, app.store.ids())?;
            let details = json!({"name": change.robot.name, "permission": change.robot.permission()});
            let audit = entry(&app, &repo, AuditAction::RepoRobotCreated, change.robot.id, now).with(details);
            Ok(planned(set, change, audit, now))
        };
        let render = |_: &DecisionSet, robot: &Robot| {
            let location = format!("/api/repos/{}/robots/{}", robot.repository, robot.id);
            KeptAnswer { status: 201, location: Some(location), ..shown(robot) }
        };
        let (set, robot) = app.store.act(author, repo.set.clone(), once.as_ref(), plan, render).await?;
        Ok(render(&set, &robot).into())
    };
    answer_once(&app, once.as_ref(), run).await
}

/// `repos_patch_robot`.
pub(crate) async fn change(
    State(Robots { app, .. }): State<Robots>,
    params: PathParams,
    repo: Repo<Manage>,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let robot: RobotId = params.id("robot_id", Kind::Robot)?;
    let (command, now) = (PatchRobot::read(&body), app.now());
    let needed = command.accounts(find(&repo.set, robot)?, repo.principal.user);
    let accounts = app.store.accounts(&repo.set, &needed, true).await?;
    let fields: Vec<String> = body.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        let stored = find(set, robot)?;
        if_match.check(stored.version)?;
        let change = command.apply(stored, &context(set, &accounts, &repo), now)?;
        let entry = entry(&app, &repo, AuditAction::RepoRobotUpdated, robot, now).with(json!({"fields": fields}));
        let audit = entry.with_change(&json!(robot_view(stored)), &json!(robot_view(&change.robot)));
        Ok(planned(set, change, audit, now))
    };
    let (_, robot) = app.store.change(author, repo.set.clone(), plan).await?;
    Ok(shown(&robot).into())
}

/// `repos_test_robot`: asks the provider with the robot's token, and records the verdict.
pub(crate) async fn test(
    State(robots): State<Robots>,
    params: PathParams,
    repo: Repo<Manage>,
    if_match: IfMatch,
    posted: Posted,
) -> Result<Answer, Problem> {
    let robot: RobotId = params.id("robot_id", Kind::Robot)?;
    let once = posted.once(&repo.principal);
    answer_marked(&robots.app, once, |once| run_test(&robots, &repo, robot, &if_match, once)).await
}

async fn run_test(
    Robots { app, providers }: &Robots,
    repo: &Repo<Manage>,
    robot: RobotId,
    if_match: &IfMatch,
    once: Option<Once>,
) -> Result<Answer, Failed> {
    let set = &repo.set;
    let stored = find(set, robot)?;
    if_match.check(stored.version)?;
    let accounts = app.store.accounts(set, &stored.accounts(), true).await?;
    let test = plan_test(stored, &set.repository, &set.robots, &accounts.stores(set))?;
    let missing = || Problem::new(ProblemType::ValidationFailed, TOKEN_REQUIRED);
    let access = app.store.git_value(set, &test.token).await?.ok_or_else(missing)?;
    let key = app.store.robot_model_access(set, stored).await?;
    let providers = providers.for_tenant(&app.store.network_of(set.repository.tenant).await?);
    let target = Target {
        provider: test.provider,
        api_base_url: test.api_base_url.as_deref(),
        identity: &test.identity,
        remote_url: None,
    };
    let (tested, model) = tokio::join!(
        providers.test_access(&target, &access),
        test_model(&providers, stored.model_provider, key.as_ref())
    );
    let failure = tested.as_ref().err().map(|error| error.connection_failure(false));
    let as_registry = matches!(stored.credential_source, CredentialSource::Repo | CredentialSource::Global);
    app.store.remember_connection(set, &ConnectionAttempt { as_registry, failure, at: app.now() }).await;
    let verdict = match tested {
        Ok(report) => TestVerdict::Passed(report.value.account),
        Err(error) => TestVerdict::Failed { message: error.to_string() },
    };
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        let stored = find(set, robot)?;
        if_match.check(stored.version)?;
        let outcome = test.conclude(stored, &set.robots, verdict.clone(), model.clone(), now)?;
        let entry = entry(app, repo, AuditAction::RepoRobotTested, robot, now).with(json!({"ok": outcome.ok}));
        let audit = vec![entry.with_change(&json!(robot_view(stored)), &json!(robot_view(&outcome.robot)))];
        Ok(Plan { robots: vec![outcome.robot.clone()], audit, ..Plan::nothing(outcome) })
    };
    let render =
        |_: &DecisionSet, outcome: &TestOutcome| KeptAnswer::ok(outcome.public_view()).version(outcome.robot.version);
    let (set, outcome) = app.store.act(author, repo.set.clone(), once.as_ref(), plan, render).await?;
    Ok(render(&set, &outcome).into())
}

/// Whether the model provider takes the robot's key, if it has one.
async fn test_model(providers: &Providers, provider: ModelProvider, access: Option<&ModelAccess>) -> Option<ModelTest> {
    let ModelAccess { api_base_url, key } = access?;
    Some(match providers.check_model_key(provider, api_base_url.as_deref(), key).await {
        Ok(_) => ModelTest::passed(),
        Err(error) => ModelTest::failed(error.to_string()),
    })
}

/// `repos_delete_robot`.
pub(crate) async fn remove(
    State(Robots { app, .. }): State<Robots>,
    params: PathParams,
    repo: Repo<Manage>,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let robot: RobotId = params.id("robot_id", Kind::Robot)?;
    let now = app.now();
    let author = Author { principal: &repo.principal, right: Right::Manage, now };
    let plan = |set: &DecisionSet| {
        let stored = find(set, robot)?;
        if_match.check(stored.version)?;
        let secrets = remove_robot(stored, set.automation.as_ref().map(|stored| &stored.config))?;
        let entry = entry(&app, &repo, AuditAction::RepoRobotDeleted, robot, now);
        let audit = vec![entry.with(json!({"name": stored.name}))];
        Ok(Plan { removed_robot: Some(robot), secrets, audit, ..Plan::nothing(()) })
    };
    app.store.change(author, repo.set.clone(), plan).await?;
    Ok(Answer::ok(json!({"ok": true})))
}

fn find(set: &DecisionSet, id: RobotId) -> Result<&Robot, DomainError> {
    set.robots.iter().find(|robot| robot.id == id).ok_or(DomainError::NotFound(Kind::Robot))
}

fn context<'a>(set: &'a DecisionSet, accounts: &'a Accounts, repo: &Repo<Manage>) -> RobotContext<'a> {
    RobotContext {
        repository: set.repository.id,
        robots: &set.robots,
        stores: accounts.stores(set),
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
