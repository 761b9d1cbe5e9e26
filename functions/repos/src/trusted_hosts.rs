//! `/api/trusted-hosts`: hosts that the tenant trusts by themselves, for its administrators.

use axum::extract::State;
use repoplane_api::access::{Administrator, PathParams};
use repoplane_api::body::JsonBody;
use repoplane_api::cursor::{self, CursorScope};
use repoplane_api::query::QueryParams;
use repoplane_api::{Answer, App, IfMatch, Problem};
use repoplane_domain::error::Kind;
use repoplane_domain::trusted_host::{HostIdentity, HostPort, TrustedHost};
use serde_json::{Value, json};

/// The word for a host that is known by the key of its ssh server.
pub(crate) const SSH_KEY: &str = "ssh_key";
/// The word for a host that is known by its certificate.
pub(crate) const CERTIFICATE: &str = "certificate";

/// One host on the wire.
fn view(host: &TrustedHost) -> Value {
    let mut view = json!({"host": host.place, "trustedBy": host.trusted_by, "trustedAt": host.trusted_at});
    match &host.identity {
        HostIdentity::SshKey(key) => {
            view["kind"] = json!(SSH_KEY);
            view["key"] = json!(format!("{} {}", key.algorithm, key.key));
            view["fingerprint"] = json!(key.fingerprint());
        }
        HostIdentity::Certificate { sha256 } => {
            view["kind"] = json!(CERTIFICATE);
            view["certificateSha256"] = json!(sha256);
        }
    }
    view
}

fn shown(host: &TrustedHost) -> Answer {
    Answer::ok(json!({"host": view(host)})).version(host.version)
}

/// The host that the path names; what is none is not there.
fn named(params: &PathParams) -> Result<HostPort, Problem> {
    params.id("host", Kind::TrustedHost)
}

/// `trusted_hosts_list`.
pub(crate) async fn list(
    State(app): State<App>,
    Administrator(caller): Administrator,
    query: QueryParams,
) -> Result<Answer, Problem> {
    let scope = CursorScope::of_query(caller.tenant, &["trusted-hosts"], &query);
    let after: Option<HostPort> = cursor::decode(&scope, query.get("cursor"))?;
    let page = app.store.trusted_host_page(caller.tenant, after, query.page_size(), app.now()).await?;
    let mut answer = json!({"hosts": page.hosts.iter().map(view).collect::<Vec<_>>()});
    if let Some(next) = page.next {
        answer["nextCursor"] = json!(cursor::encode(&scope, next));
    }
    Ok(Answer::ok(answer))
}

/// `trusted_hosts_get`.
pub(crate) async fn show(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
) -> Result<Answer, Problem> {
    let host = app.store.trusted_host(caller.tenant, &named(&params)?).await?;
    Ok(shown(&host.ok_or_else(|| Problem::not_found(Kind::TrustedHost))?))
}

/// `trusted_hosts_set`: what is stated already stays as it is.
pub(crate) async fn set(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<Answer, Problem> {
    let place = named(&params)?;
    let identity = HostIdentity::read(&body)?;
    let check = |known: Option<&TrustedHost>| match known {
        Some(known) => if_match.check(known.version),
        None => if_match.check_absent(),
    };
    let host = app.store.trust_host_if(&caller, (place, identity), app.now(), check).await?;
    Ok(shown(&host))
}

/// `trusted_hosts_delete`.
pub(crate) async fn remove(
    State(app): State<App>,
    Administrator(caller): Administrator,
    params: PathParams,
    if_match: IfMatch,
) -> Result<Answer, Problem> {
    let check = |known: &TrustedHost| if_match.check(known.version);
    app.store.forget_host(&caller, &named(&params)?, app.now(), check).await?;
    Ok(Answer::ok(json!({"ok": true})))
}
