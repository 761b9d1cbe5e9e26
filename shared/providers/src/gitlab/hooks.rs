//! Webhooks of a project at GitLab (GitLab REST: project webhooks).

use super::usable;
use crate::call::{Call, Caller, is_number};
use crate::error::ProviderError;
use crate::hooks::{HOOK_PAGE, HookSpec, LastDelivery, MAX_HOOK_DELIVERIES, MAX_HOOKS, ProviderHook};
use crate::paging::More;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Attributes that switch events on and off. All are sent, since `push_events` is on unless it is switched off; a
/// server that does not know one ignores it.
const EVENTS: [&str; 14] = [
    "confidential_issues_events",
    "confidential_note_events",
    "deployment_events",
    "emoji_events",
    "feature_flag_events",
    "issues_events",
    "job_events",
    "merge_requests_events",
    "note_events",
    "pipeline_events",
    "push_events",
    "releases_events",
    "tag_push_events",
    "wiki_page_events",
];

/// Longest list of events that is kept of a hook; GitLab has fewer.
const MAX_EVENTS: usize = 200;

#[derive(Deserialize)]
struct Hook {
    id: u64,
    url: String,
    enable_ssl_verification: Option<bool>,
    /// `executable`, `temporarily_disabled` or `disabled`.
    alert_status: Option<String>,
    disabled_until: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
struct Delivery {
    created_at: Option<String>,
    /// A number in a text, or words where no answer came.
    #[serde(default)]
    response_status: Value,
}

impl Hook {
    fn read(self, caller: &Caller<'_>) -> ProviderHook {
        let is_on = |(name, value): &(String, Value)| name.ends_with("_events") && *value == true;
        let on = self.others.into_iter().filter(is_on).take(MAX_EVENTS);
        let events = on.map(|(name, _)| caller.clean(name)).collect();
        ProviderHook {
            id: self.id.to_string(),
            url: caller.clean(&self.url),
            events,
            active: self.alert_status.is_none_or(|status| status == "executable"),
            content_type: None,
            insecure: self.enable_ssl_verification == Some(false),
            disabled_until: self.disabled_until.map(|until| caller.clean(until)),
            last_delivery: None,
        }
    }
}

impl Delivery {
    fn status(&self) -> Option<u16> {
        match &self.response_status {
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

pub(crate) async fn list(caller: &Caller<'_>, identity: &str) -> Result<Vec<ProviderHook>, ProviderError> {
    let id = usable(identity)?;
    let mut hooks = Vec::new();
    for page in 1..=MAX_HOOKS / HOOK_PAGE {
        let path = ["projects", id, "hooks"];
        let reply = caller.send(&Call::get(&path).query("per_page", HOOK_PAGE).query("page", page)).await?;
        let listed: Vec<Hook> = reply.json()?;
        let is_full = listed.len() >= HOOK_PAGE;
        hooks.extend(listed.into_iter().take(HOOK_PAGE).map(|hook| hook.read(caller)));
        let more = reply.more();
        if more == More::No || (more == More::Untold && !is_full) {
            break;
        }
    }
    Ok(hooks)
}

pub(crate) async fn show(caller: &Caller<'_>, identity: &str, id: &str) -> Result<ProviderHook, ProviderError> {
    let (project, id) = (usable(identity)?, number(caller, id)?);
    let hook: Hook = caller.get(&["projects", project, "hooks", id]).await?;
    let mut hook = hook.read(caller);
    let path = ["projects", project, "hooks", id, "events"];
    // Servers before 17.3 have no list of events; what is known of the hook itself is not lost with it.
    if let Ok(reply) = caller.send(&Call::get(&path).query("per_page", MAX_HOOK_DELIVERIES)).await
        && let Ok(deliveries) = reply.json::<Vec<Delivery>>()
    {
        let read = |delivery: Delivery| {
            let status = delivery.status();
            (delivery.created_at.map(|at| caller.clean(at)), status)
        };
        let deliveries: Vec<_> = deliveries.into_iter().take(MAX_HOOK_DELIVERIES).map(read).collect();
        hook.last_delivery = LastDelivery::of(&deliveries);
    }
    Ok(hook)
}

/// Creates a hook, or with an id makes it what the specification says.
pub(crate) async fn write(
    caller: &Caller<'_>,
    identity: &str,
    id: Option<&str>,
    spec: &HookSpec,
) -> Result<ProviderHook, ProviderError> {
    let project = usable(identity)?;
    let id = id.map(|id| number(caller, id)).transpose()?;
    let body = body(caller, spec)?;
    let path: Vec<&str> = ["projects", project, "hooks"].into_iter().chain(id).collect();
    let method = if id.is_some() { Method::PUT } else { Method::POST };
    let hook: Hook = caller.send(&Call::new(method, &path).json(&body)).await?.json()?;
    Ok(hook.read(caller))
}

pub(crate) async fn delete(caller: &Caller<'_>, identity: &str, id: &str) -> Result<(), ProviderError> {
    let path = ["projects", usable(identity)?, "hooks", number(caller, id)?];
    caller.send(&Call::new(Method::DELETE, &path)).await.map(|_nothing| ())
}

fn body(caller: &Caller<'_>, spec: &HookSpec) -> Result<Value, ProviderError> {
    let mut body = json!({
        "url": spec.url,
        "token": spec.secret.expose(),
        "enable_ssl_verification": true,
    });
    for event in EVENTS {
        body[event] = json!(false);
    }
    for event in &spec.events {
        // Nothing but an event is set by its name.
        let is_event =
            event.ends_with("_events") && event.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
        if !is_event {
            let reason = "an event of a GitLab hook is the name of its attribute, such as push_events";
            return Err(ProviderError::unusable(caller.service(), reason));
        }
        body[event] = json!(true);
    }
    Ok(body)
}

/// An id of a hook: a number, so that it stays one part of a path.
fn number<'n>(caller: &Caller<'_>, id: &'n str) -> Result<&'n str, ProviderError> {
    if is_number(id) {
        Ok(id)
    } else {
        Err(ProviderError::unusable(caller.service(), "the hook's id must be a number"))
    }
}
