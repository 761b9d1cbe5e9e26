//! Webhooks of a repository at GitHub (GitHub REST: repository webhooks, webhook deliveries).

use super::{current_name, full_name, number};
use crate::call::{Call, Caller, Reply};
use crate::error::ProviderError;
use crate::hooks::{HOOK_PAGE, HookSpec, LastDelivery, MAX_HOOK_DELIVERIES, MAX_HOOKS, ProviderHook};
use crate::paging::More;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest list of events that is kept of a hook; GitHub has fewer.
const MAX_EVENTS: usize = 200;

#[derive(Deserialize)]
struct Hook {
    id: u64,
    active: bool,
    events: Vec<String>,
    config: Config,
    last_response: Option<LastResponse>,
}

#[derive(Deserialize)]
struct Config {
    url: Option<String>,
    content_type: Option<String>,
    /// `"0"` or `"1"`, or the number.
    #[serde(default)]
    insecure_ssl: Value,
}

#[derive(Deserialize)]
struct LastResponse {
    code: Option<u16>,
}

#[derive(Deserialize)]
struct Delivery {
    delivered_at: Option<String>,
    status_code: Option<u16>,
}

impl Hook {
    fn read(self, caller: &Caller<'_>) -> ProviderHook {
        let last = self.last_response.and_then(|last| last.code);
        ProviderHook {
            id: self.id.to_string(),
            url: caller.clean(self.config.url.unwrap_or_default()),
            events: self.events.into_iter().take(MAX_EVENTS).map(|event| caller.clean(event)).collect(),
            active: self.active,
            content_type: self.config.content_type.map(|kind| caller.clean(kind)),
            insecure: self.config.insecure_ssl == "1" || self.config.insecure_ssl == 1,
            disabled_until: None,
            last_delivery: last.and_then(|code| LastDelivery::of(&[(None, Some(code))])),
        }
    }
}

pub(crate) async fn list(caller: &Caller<'_>, identity: &str) -> Result<Vec<ProviderHook>, ProviderError> {
    let (owner, name) = full_name(caller, identity).await?;
    let mut hooks = Vec::new();
    for page in 1..=MAX_HOOKS / HOOK_PAGE {
        let path = ["repos", &owner, &name, "hooks"];
        let reply = caller.send(&Call::get(&path).query("per_page", HOOK_PAGE).query("page", page)).await?;
        hooks.extend(reply.json::<Vec<Hook>>()?.into_iter().take(HOOK_PAGE).map(|hook| hook.read(caller)));
        if reply.more() != More::Yes {
            break;
        }
    }
    Ok(hooks)
}

pub(crate) async fn show(caller: &Caller<'_>, identity: &str, id: &str) -> Result<ProviderHook, ProviderError> {
    let id = number(caller, id)?;
    let (owner, name) = full_name(caller, identity).await?;
    let hook: Hook = caller.get(&["repos", &owner, &name, "hooks", id]).await?;
    let mut hook = hook.read(caller);
    let path = ["repos", &owner, &name, "hooks", id, "deliveries"];
    // What is known of the hook itself is not lost with its deliveries, which need more rights on some servers.
    if let Ok(reply) = caller.send(&Call::get(&path).query("per_page", MAX_HOOK_DELIVERIES)).await
        && let Ok(deliveries) = reply.json::<Vec<Delivery>>()
    {
        let read = |delivery: Delivery| {
            // GitHub writes 0 where no answer came.
            let status = delivery.status_code.filter(|status| *status > 0);
            (delivery.delivered_at.map(|at| caller.clean(at)), status)
        };
        let deliveries: Vec<_> = deliveries.into_iter().take(MAX_HOOK_DELIVERIES).map(read).collect();
        hook.last_delivery = LastDelivery::of(&deliveries).or(hook.last_delivery);
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
    let mut body = json!({
        "active": spec.active,
        "events": spec.events,
        "config": {
            "url": spec.url,
            "content_type": "json",
            "secret": spec.secret.expose(),
            "insecure_ssl": "0",
        },
    });
    let method = if id.is_some() {
        Method::PATCH
    } else {
        body["name"] = json!("web");
        Method::POST
    };
    let hook: Hook = change(caller, identity, method, id, Some(&body)).await?.json()?;
    Ok(hook.read(caller))
}

pub(crate) async fn delete(caller: &Caller<'_>, identity: &str, id: &str) -> Result<(), ProviderError> {
    change(caller, identity, Method::DELETE, Some(id), None).await.map(|_nothing| ())
}

/// Sends a change. A repository that was renamed answers it with a redirect, and no client repeats a body elsewhere on
/// a server's word; so its name is asked for, and the change is sent once more.
async fn change(
    caller: &Caller<'_>,
    identity: &str,
    method: Method,
    id: Option<&str>,
    body: Option<&Value>,
) -> Result<Reply, ProviderError> {
    let id = id.map(|id| number(caller, id)).transpose()?;
    let send = async |(owner, name): (String, String)| {
        let path: Vec<&str> = ["repos", &owner, &name, "hooks"].into_iter().chain(id).collect();
        let call = Call::new(method.clone(), &path);
        caller.send(&if let Some(body) = body { call.json(body) } else { call }).await
    };
    let first = full_name(caller, identity).await?;
    match send(first.clone()).await {
        Err(error) if error.status().is_some_and(|status| status.is_redirection()) => {
            match current_name(caller, identity).await {
                Ok(now) if now != first => send(now).await,
                Ok(_same) => Err(error),
                Err(_) => Err(error),
            }
        }
        answer => answer,
    }
}
