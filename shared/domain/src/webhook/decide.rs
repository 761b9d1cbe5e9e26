//! From a bound payload to tasks (contract: hookcode 4.6, rows 14–18; design 8.3).

use super::context::Context;
use super::guard::guard;
use super::headers::Incoming;
use super::mapping::{MappedEvent, map_event, map_on_request};
use super::matching::{Resolved, is_named, resolve};
use super::prompt::{PromptScope, render};
use super::subject::{Sender, Subject};
use super::title::{group_of, task_title};
use super::trace::TraceLog;
use super::window::{is_active, schedule_of};
use crate::automation::AutomationConfig;
use crate::delivery::{ErrorLayer, ResolvedAction, StepKey};
use crate::id::{DeliveryId, IdSource, RobotId, TaskId, UserId};
use crate::repository::{Provider, Repository};
use crate::robot::Robot;
use crate::task::{Task, TaskGroup, TaskStatus};
use crate::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Most tasks that one delivery makes: they share a transaction with the delivery.
pub const MAX_TASKS: usize = 20;

/// What a decision is made for: the repository's decision set.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The record.
    pub repository: &'a Repository,
    /// Its robots, disabled ones included.
    pub robots: &'a [Robot],
    /// Its rules; `None` when none were ever stored.
    pub automation: Option<&'a AutomationConfig>,
    /// Its members, for the task's actor.
    pub members: &'a [ActorCandidate],
}

/// A member who may be behind an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorCandidate {
    /// The user.
    pub user_id: UserId,
    /// Compared with the sender's login.
    pub username: String,
    /// Compared with the sender's e-mail.
    pub email: Option<String>,
}

/// The claim that outside a rule's window only one task waits for each robot and rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScheduleClaim {
    /// The robot.
    pub robot: RobotId,
    /// The rule.
    pub rule: String,
}

/// A task to store, with its group and, outside a rule's window, the claim that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTask {
    /// The task.
    pub task: Task,
    /// Its group, to be upserted.
    pub group: TaskGroup,
    /// To be claimed in the same transaction; when it is taken, see [`Decision::without`].
    pub claim: Option<ScheduleClaim>,
}

/// Why no task is made (rows 14–17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// The reason answered and recorded.
    pub reason: String,
    /// Where it ended.
    pub layer: ErrorLayer,
    /// The event, once it was mapped.
    pub mapped: Option<MappedEvent>,
}

/// The tasks that a delivery makes (row 18).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The event; the first that woke a robot, when a post is more than one.
    pub mapped: MappedEvent,
    /// What the rules decided, also what is not made.
    pub resolved: Vec<ResolvedAction>,
    /// To be stored in one transaction.
    pub tasks: Vec<PlannedTask>,
    /// Actions beyond [`MAX_TASKS`].
    pub over_limit: Vec<ResolvedAction>,
    /// Claims that were taken.
    pub taken: Vec<ScheduleClaim>,
}

/// How a bound delivery ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// No task.
    Skipped(Skip),
    /// Tasks, or none after schedule checks.
    Accepted(Box<Plan>),
}

impl Decision {
    /// The decision without the tasks whose claims storage found taken: a task for the same robot and rule waits
    /// already. None may be left; the delivery is accepted all the same.
    #[must_use]
    pub fn without(mut self, taken: &[ScheduleClaim]) -> Self {
        if let Self::Accepted(plan) = &mut self {
            let is_taken = |planned: &PlannedTask| planned.claim.as_ref().is_some_and(|claim| taken.contains(claim));
            plan.taken.extend(plan.tasks.iter().filter(|task| is_taken(task)).filter_map(|task| task.claim.clone()));
            plan.tasks.retain(|planned| !is_taken(planned));
        }
        self
    }

    /// The tasks to store.
    pub fn tasks(&self) -> &[PlannedTask] {
        match self {
            Self::Skipped(_) => &[],
            Self::Accepted(plan) => &plan.tasks,
        }
    }

    /// The body answered, with status 202 in any case.
    pub fn body(&self) -> Value {
        match self {
            Self::Skipped(skip) => json!({"skipped": true, "reason": skip.reason}),
            Self::Accepted(plan) => {
                let tasks: Vec<Value> = plan
                    .tasks
                    .iter()
                    .map(|PlannedTask { task, .. }| {
                        json!({"id": task.id, "robotId": task.robot_id, "groupId": task.group_id})
                    })
                    .collect();
                json!({ "tasks": tasks })
            }
        }
    }
}

/// Rows 14–18: robots, mapping, guards, rules, tasks.
///
/// The trace ends before the step `tasks`: that one depends on claims that storage finds, and is added by
/// [`super::record`].
pub fn decide(
    target: &Target<'_>,
    incoming: &Incoming<'_>,
    payload: &Value,
    delivery: DeliveryId,
    ids: &dyn IdSource,
    trace: &mut TraceLog,
) -> Decision {
    trace.success(StepKey::Received, None);
    let skip = |reason: &str, layer, mapped| Decision::Skipped(Skip { reason: reason.to_owned(), layer, mapped });

    let robots: Vec<&Robot> = target.robots.iter().filter(|robot| robot.enabled).collect();
    if robots.is_empty() {
        trace.skipped(StepKey::Robots, "no enabled robot configured", None);
        return skip("no enabled robot configured", ErrorLayer::RobotResolution, None);
    }
    trace.found(StepKey::Robots, None, json!({"enabled": robots.len()}));

    let events = events(target.automation, incoming, payload);
    let considered: Vec<Considered<'_>> =
        events.into_iter().map(|event| consider(target, incoming.endpoint, event, payload, &robots)).collect();
    let Some(shown) = shown(&considered) else {
        trace.skipped(StepKey::Mapping, "event not supported", None);
        return skip("event not supported", ErrorLayer::EventMapping, None);
    };
    trace.found(StepKey::Mapping, None, mapping_meta(shown.event, &considered));
    let resolved = match &shown.outcome {
        Err((layer @ ErrorLayer::Guard, reason)) => {
            trace.skipped(StepKey::Guard, reason, None);
            return skip(reason, *layer, Some(shown.event));
        }
        Err((layer, reason)) => {
            trace.success(StepKey::Guard, None);
            trace.skipped(StepKey::Rules, reason, None);
            return skip(reason, *layer, Some(shown.event));
        }
        Ok(_) => {
            trace.success(StepKey::Guard, None);
            once_for_each_robot(&considered)
        }
    };
    trace.found(StepKey::Rules, None, json!({"actions": resolved.len()}));

    let planners: Vec<Planner<'_>> = considered
        .iter()
        .map(|Considered { event, context, .. }| {
            let subject = Subject::read(incoming.endpoint, *event, payload);
            Planner { target, subject, context, delivery, now: trace.now() }
        })
        .collect();
    let planned = || resolved.iter().filter_map(|(n, action)| Some((planners.get(*n)?, *action)));
    let actions: Vec<ResolvedAction> = planned().map(|(planner, action)| planner.action(action)).collect();
    let tasks = planned().take(MAX_TASKS).map(|(planner, action)| planner.task(action, ids)).collect();
    let over_limit = actions.iter().skip(MAX_TASKS).cloned().collect();
    Decision::Accepted(Box::new(Plan { mapped: shown.event, resolved: actions, tasks, over_limit, taken: Vec::new() }))
}

/// What a post is: the contract's event first, so that what it wakes is never changed by the events on request, which
/// count only where a rule names them.
fn events(automation: Option<&AutomationConfig>, incoming: &Incoming<'_>, payload: &Value) -> Vec<MappedEvent> {
    let (provider, name) = (incoming.endpoint, incoming.event_name());
    let on_request = map_on_request(provider, name, payload).into_iter();
    let on_request = on_request.filter(|event| automation.is_some_and(|config| is_named(config, *event)));
    map_event(provider, name, payload).into_iter().chain(on_request).collect()
}

/// One of a post's events: what the rules make of it, or where and why it ended.
struct Considered<'a> {
    event: MappedEvent,
    context: Context,
    outcome: Result<Vec<Resolved<'a>>, (ErrorLayer, String)>,
}

fn consider<'a>(
    target: &Target<'a>,
    provider: Provider,
    event: MappedEvent,
    payload: &Value,
    robots: &[&'a Robot],
) -> Considered<'a> {
    let context = Context::read(target.repository, event, payload, robots);
    let outcome = match guard(provider, event, payload, robots) {
        Some(reason) => Err((ErrorLayer::Guard, reason)),
        None => {
            let resolved = target
                .automation
                .map_or_else(Vec::new, |config| resolve(config, event.event_type, event.sub_type, &context, robots));
            let nothing = || (ErrorLayer::RuleMatch, "no automation rule matched".to_owned());
            if resolved.is_empty() { Err(nothing()) } else { Ok(resolved) }
        }
    };
    Considered { event, context, outcome }
}

/// The event that the record tells of: the first that wakes a robot, else the one that got furthest, and of those the
/// most particular one. `None` when there is none at all.
fn shown<'c, 'a>(considered: &'c [Considered<'a>]) -> Option<&'c Considered<'a>> {
    let wakes = considered.iter().find(|one| one.outcome.is_ok());
    wakes.or_else(|| considered.iter().max_by_key(|one| !matches!(one.outcome, Err((ErrorLayer::Guard, _)))))
}

/// The trace names the event, and the others if a post is more than one.
fn mapping_meta(shown: MappedEvent, considered: &[Considered<'_>]) -> Value {
    let named = |event: MappedEvent| json!({"eventType": event.event_type, "subType": event.sub_type});
    let others: Vec<Value> =
        considered.iter().map(|one| one.event).filter(|event| *event != shown).map(named).collect();
    let mut meta = named(shown);
    if !others.is_empty() {
        meta["also"] = others.into();
    }
    meta
}

/// What is to be done, each with the place of its event: a robot wakes once for a post, whatever it is called.
fn once_for_each_robot<'c, 'a>(considered: &'c [Considered<'a>]) -> Vec<(usize, &'c Resolved<'a>)> {
    let mut seen = BTreeSet::new();
    let all = considered
        .iter()
        .enumerate()
        .flat_map(|(n, one)| one.outcome.iter().flatten().map(move |resolved| (n, resolved)));
    all.filter(|(_, resolved)| seen.insert(resolved.robot.id)).collect()
}

/// What all tasks of one event share.
struct Planner<'a> {
    target: &'a Target<'a>,
    subject: Subject,
    context: &'a Context,
    delivery: DeliveryId,
    now: Timestamp,
}

impl Planner<'_> {
    fn action(&self, resolved: &Resolved<'_>) -> ResolvedAction {
        ResolvedAction {
            rule_id: resolved.rule.id.clone(),
            robot_id: resolved.robot.id.to_string(),
            prompt_custom: Some(resolved.prompt.clone()),
            time_window: resolved.rule.time_window.or(resolved.robot.time_window),
            source: "rule".to_owned(),
        }
    }

    fn task(&self, resolved: &Resolved<'_>, ids: &dyn IdSource) -> PlannedTask {
        let (repository, subject) = (self.target.repository, &self.subject);
        let Resolved { robot, rule, prompt } = resolved;
        let id = TaskId::new(self.now, ids);
        let title = task_title(repository.provider, subject, robot);
        let group = group_of(repository.id, robot, subject, id, &title);
        let schedule = schedule_of(repository, rule, robot);
        let waits_for_rule =
            schedule.as_ref().is_some_and(|s| s.rule_id.is_some() && !is_active(s.window, self.now, &s.timezone));
        let task_id = id.to_string();
        let scope = PromptScope {
            repository,
            robot,
            subject,
            context: self.context,
            task_id: &task_id,
            task_title: &title,
            rule: (&rule.id, &rule.name),
        };
        let task = Task {
            id,
            delivery_id: self.delivery,
            group_id: group.id.clone(),
            event_type: subject.event.event_type.as_str().to_owned(),
            event_sub_type: subject.event.sub_type.as_str().to_owned(),
            status: TaskStatus::Queued,
            prompt: render(prompt, |name| scope.value(name)),
            prompt_custom: prompt.clone(),
            title,
            repo_provider: repository.provider,
            repo_id: repository.id,
            robot_id: robot.id,
            rule_id: rule.id.clone(),
            project_id: subject.project_id,
            git_ref: subject.git_ref.clone(),
            mr_id: group.mr_id,
            issue_id: group.issue_id,
            commit_sha: subject.commit.sha.clone(),
            actor_user_id: actor(self.target.members, &subject.sender).map(|user| user.to_string()),
            schedule,
            retries: 0,
            result: None,
            lease: None,
            created_at: self.now,
            updated_at: self.now,
            version: 1,
        };
        let claim = waits_for_rule.then(|| ScheduleClaim { robot: robot.id, rule: rule.id.clone() });
        PlannedTask { task, group, claim }
    }
}

/// The first member whose name is the sender's login or whose address is the sender's.
fn actor(members: &[ActorCandidate], sender: &Sender) -> Option<UserId> {
    let same = |a: &str, b: &Option<String>| b.as_ref().is_some_and(|b| a.trim().eq_ignore_ascii_case(b.trim()));
    let is_sender = |member: &&ActorCandidate| {
        same(&member.username, &sender.login) || member.email.as_deref().is_some_and(|email| same(email, &sender.email))
    };
    members.iter().find(is_sender).map(|member| member.user_id)
}

#[cfg(test)]
mod tests;
