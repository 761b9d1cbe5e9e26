//! A post on the webhook of a whole organisation or group: which repository it speaks of, and whether it may.
//!
//! What ends here concerns no repository, so that no delivery is recorded.

use super::check::{check_endpoint, ended, other_base};
use super::headers::Incoming;
use super::identity::{Described, comparable_base, normal_name, path_of};
use super::payload::text;
use super::refusal::Refusal;
use super::trace::TraceLog;
use crate::delivery::{ErrorLayer, StepKey};
use crate::organisation_hook::OrganisationHook;
use crate::repository::{Identity, Provider};
use serde_json::Value;

/// Before verification: may this hook be posted to, at this endpoint, by this kind of hook?
///
/// # Errors
/// The answers of rows 4–6, and a skip while the hook is disabled.
pub fn check_hook(hook: &OrganisationHook, incoming: &Incoming<'_>, trace: &mut TraceLog) -> Result<(), Refusal> {
    let state = if hook.enabled {
        Ok(())
    } else {
        Err(Refusal::skipped(ErrorLayer::RepoState, "organisation webhook disabled"))
    };
    ended(state, StepKey::Scope, trace)?;
    check_endpoint(hook.provider, incoming, "hooks/:hookId", trace)
}

/// After verification: the identities under which the tenant may have registered the payload's repository, the one that
/// never changes first.
///
/// # Errors
/// A skip for events of the organisation itself; the answers of rows 9 and 11; 409 `WEBHOOK_OWNER_MISMATCH` for a
/// repository that the hook does not speak for.
pub fn claimed_by(hook: &OrganisationHook, payload: &Value, trace: &mut TraceLog) -> Result<Vec<Identity>, Refusal> {
    let found = find(hook, payload);
    if let Err(refusal) = &found {
        trace.refused(StepKey::RepoBinding, refusal);
    }
    found
}

fn find(hook: &OrganisationHook, payload: &Value) -> Result<Vec<Identity>, Refusal> {
    if !names_repository(hook.provider, payload) {
        return Err(Refusal::skipped(ErrorLayer::RepoLookup, "event has no repository"));
    }
    let described = Described::read(hook.provider, payload);
    if described.external_ids.is_empty() {
        return Err(Refusal::identity_missing());
    }
    let expected = comparable_base(hook.provider, hook.base());
    let actual = described.api_base_url.as_deref().map(|base| comparable_base(hook.provider, base));
    if let Some(actual) = actual.filter(|actual| !actual.eq_ignore_ascii_case(&expected)) {
        return Err(other_base(&expected, &actual));
    }
    let path = described.path.clone().or_else(|| bare_path(hook.provider, payload)).unwrap_or_default();
    if let Some(owner) = hook.owner.as_ref().filter(|_| !hook.speaks_for(&path)) {
        let code = Some("WEBHOOK_OWNER_MISMATCH");
        return Err(Refusal::rejected(409, ErrorLayer::RepoBinding, code, "Webhook owner mismatch")
            .with("expectedOwner", owner.as_str())
            .with("actualName", path));
    }
    // GitHub's preferred id is the name, which can pass on to another repository; GitLab's paths can, too.
    let path = Some(path).filter(|path| hook.provider == Provider::Gitlab && !path.is_empty());
    let ids = described.external_ids.into_iter().rev().chain(path);
    Ok(ids.map(|id| hook.identity_of(&id)).collect())
}

/// Where GitLab's events have the path that have no `project`: beside its id (a project that is made or renamed), or in
/// the older `repository`.
fn bare_path(provider: Provider, payload: &Value) -> Option<String> {
    let bare = || text(payload, "/path_with_namespace").map(normal_name);
    let older = || text(payload, "/repository/homepage").and_then(path_of);
    if provider == Provider::Gitlab { bare().or_else(older) } else { None }
}

fn names_repository(provider: Provider, payload: &Value) -> bool {
    let members: &[&str] = match provider {
        Provider::Github => &["repository"],
        Provider::Gitlab => &["project", "project_id"],
        Provider::Git => &[],
    };
    members.iter().any(|member| payload.get(member).is_some_and(|value| !value.is_null()))
}

#[cfg(test)]
mod tests {
    use super::super::headers::WebhookHeaders;
    use super::*;
    use crate::id::{HookId, TenantId};
    use crate::organisation_hook::CreateHook;
    use crate::time::Timestamp;
    use serde_json::json;

    fn hook(body: &Value) -> OrganisationHook {
        let now = Timestamp::from_second(0);
        CreateHook::read(body).unwrap().into_hook(HookId::start_of(now), TenantId::start_of(now), now)
    }

    fn identities(hook: &OrganisationHook, payload: &Value) -> Result<Vec<String>, (u16, Value)> {
        let mut trace = TraceLog::new(Timestamp::from_second(0));
        let found = claimed_by(hook, payload, &mut trace);
        assert_eq!(found.is_err(), !trace.steps().is_empty());
        let found = found.map_err(|refusal| (refusal.status, refusal.body()));
        found.map(|found| found.iter().map(|identity| identity.as_str().to_owned()).collect())
    }

    #[test]
    fn rows_4_to_6_hold_for_the_hook() {
        let check = |hook: &OrganisationHook, endpoint, headers: &[(&str, &str)]| {
            let headers = WebhookHeaders::new(headers.iter().copied());
            let incoming = Incoming { endpoint, headers: &headers, raw: b"{}" };
            let mut trace = TraceLog::new(Timestamp::from_second(0));
            check_hook(hook, &incoming, &mut trace).map_err(|refusal| (refusal.status, refusal.body()))
        };
        let github = hook(&json!({"provider": "github"}));
        let gitlab = hook(&json!({"provider": "gitlab"}));
        assert_eq!(check(&github, Provider::Github, &[("x-github-event", "push")]), Ok(()));
        assert_eq!(check(&gitlab, Provider::Gitlab, &[("x-gitlab-event", "Push Hook")]), Ok(()));
        let (status, body) = check(&github, Provider::Gitlab, &[("x-gitlab-event", "Push Hook")]).unwrap_err();
        assert_eq!((status, body), (400, json!({"error": "Repo provider mismatch"})), "row 4");
        let (status, body) = check(&gitlab, Provider::Gitlab, &[("x-gitlab-event", "System Hook")]).unwrap_err();
        assert_eq!((status, &body["code"]), (400, &json!("WEBHOOK_SCOPE_NOT_SUPPORTED")), "row 5");
        let (status, body) = check(&gitlab, Provider::Gitlab, &[("x-github-event", "push")]).unwrap_err();
        assert_eq!((status, &body["hint"]), (400, &json!("/api/webhook/github/hooks/:hookId")), "row 6");
        let disabled = hook(&json!({"provider": "github", "enabled": false}));
        let (status, body) = check(&disabled, Provider::Github, &[("x-github-event", "push")]).unwrap_err();
        assert_eq!((status, &body["skipped"]), (202, &json!(true)));
    }

    #[test]
    fn the_repository_is_looked_for_by_its_number_first() {
        let page = "https://github.com/Acme/Widgets";
        let payload = json!({"repository": {"id": 7, "full_name": "Acme/Widgets", "html_url": page}});
        let found = identities(&hook(&json!({"provider": "github", "owner": "acme"})), &payload);
        assert_eq!(
            found,
            Ok(vec!["github:api.github.com:7".to_owned(), "github:api.github.com:acme/widgets".to_owned()])
        );
        let page = "https://git.example.com/acme/tools/app";
        let payload = json!({"project": {"id": 9, "path_with_namespace": "acme/tools/app", "web_url": page}});
        let body = json!({"provider": "gitlab", "apiBaseUrl": "https://git.example.com/api/v4/"});
        let expected = ["gitlab:git.example.com:9", "gitlab:git.example.com:acme/tools/app"];
        assert_eq!(identities(&hook(&body), &payload), Ok(expected.map(str::to_owned).to_vec()));
    }

    #[test]
    fn what_it_may_not_speak_for_is_refused() {
        let payload = |page: &str| json!({"repository": {"id": 7, "full_name": "acme/widgets", "html_url": page}});
        let here = payload("https://github.com/acme/widgets");
        let status = |body: &Value, payload: &Value| {
            let (status, body) = identities(&hook(body), payload).unwrap_err();
            (status, body["code"].clone(), body["reason"].clone())
        };
        let github = json!({"provider": "github"});
        let other = json!({"provider": "github", "owner": "acm"});
        assert_eq!(status(&other, &here), (409, json!("WEBHOOK_OWNER_MISMATCH"), Value::Null));
        let elsewhere = payload("https://ghe.example.com/acme/widgets");
        assert_eq!(status(&github, &elsewhere), (409, json!("WEBHOOK_REPO_BASE_URL_MISMATCH"), Value::Null));
        assert_eq!(status(&github, &json!({"zen": "x"})), (202, Value::Null, json!("event has no repository")));
        let gitlab = json!({"provider": "gitlab"});
        assert_eq!(status(&gitlab, &json!({"group_id": 4})), (202, Value::Null, json!("event has no repository")));
        for nameless in [json!({"repository": {}}), json!({"repository": 7})] {
            assert_eq!(status(&github, &nameless), (400, json!("WEBHOOK_REPO_ID_MISSING"), Value::Null));
        }
        let created = json!({"event_name": "project_create", "project_id": 9, "path_with_namespace": "Acme/app"});
        let of_acme = hook(&json!({"provider": "gitlab", "owner": "acme"}));
        assert_eq!(identities(&of_acme, &created).unwrap(), ["gitlab:gitlab.com:9", "gitlab:gitlab.com:acme/app"]);
        let job = json!({"project_id": 9, "repository": {"homepage": "https://gitlab.com/acme/app"}});
        assert!(identities(&of_acme, &job).is_ok());
        // Without a name nothing shows that it lies below the owner.
        let bounded = json!({"provider": "gitlab", "owner": "acme"});
        assert_eq!(status(&bounded, &json!({"project_id": 9})), (409, json!("WEBHOOK_OWNER_MISMATCH"), Value::Null));
    }
}
