//! `/problems`: what each type of problem means and what to do about it. The types in problem documents lead here.

use crate::dialects::shiftagent::problems::Slug;
use crate::docs::{POLICY, REFERRER};
use axum::Json;
use axum::extract::OriginalUri;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, header};
use repoplane_api::Problem;
use repoplane_api::accept::Accept;
use repoplane_api::access::PathParams;
use repoplane_api::problem::ProblemType;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A type of problem that has a page: of the native API, or of a dialect that has words of its own for it.
#[derive(Debug, Clone, Copy)]
enum Listed {
    Native(ProblemType),
    Shiftagent(Slug),
}

impl Listed {
    /// All of them; a slug that both have is the native one's, which means the same.
    fn all() -> impl Iterator<Item = Self> {
        let own = Slug::OWN.into_iter().map(Self::Shiftagent);
        ProblemType::ALL.into_iter().map(Self::Native).chain(own)
    }

    fn slug(self) -> &'static str {
        match self {
            Self::Native(kind) => kind.slug(),
            Self::Shiftagent(slug) => slug.as_str(),
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Native(kind) => kind.title(),
            Self::Shiftagent(slug) => slug.title(),
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::Native(kind) => kind.status().as_u16(),
            Self::Shiftagent(slug) => slug.status().as_u16(),
        }
    }

    fn page(self) -> Page {
        match self {
            Self::Native(kind) => page(kind),
            Self::Shiftagent(slug) => shiftagent_page(slug),
        }
    }
}

/// The slugs of all pages.
pub(crate) fn slugs() -> Vec<&'static str> {
    Listed::all().map(Listed::slug).collect()
}

/// What a page says beside title and status.
struct Page {
    meaning: &'static str,
    causes: &'static [&'static str],
    remedy: &'static str,
}

/// `problems_list`.
pub(crate) async fn list(headers: HeaderMap) -> Response {
    if !wants_page(&headers) {
        let problems: Vec<_> = Listed::all().map(view).collect();
        return vary(Json(json!({"problems": problems})));
    }
    let mut rows = String::new();
    for kind in Listed::all() {
        // Writing to a text does not fail.
        let _ = write!(
            rows,
            "<tr><td>{}</td><td><a href=\"/problems/{slug}\"><code>{slug}</code></a></td><td>{}</td></tr>",
            kind.status(),
            kind.title(),
            slug = kind.slug(),
        );
    }
    let body = format!(
        "<h1>Problems</h1><p>Every error of the API is one of these, as a problem document (RFC 9457). \
         The reference is at <a href=\"/docs\">/docs</a>.</p>\
         <table><thead><tr><th>Status</th><th>Type</th><th>Title</th></tr></thead><tbody>{rows}</tbody></table>"
    );
    html("Problems", &body)
}

/// `problems_get`.
pub(crate) async fn show(params: PathParams, uri: OriginalUri, headers: HeaderMap) -> Result<Response, Problem> {
    let slug = params.get("slug").unwrap_or_default();
    let missing = || Problem::new(ProblemType::NotFound, format!("Cannot GET {}", uri.path())).with_error("Not Found");
    let kind = Listed::all().find(|kind| kind.slug() == slug).ok_or_else(missing)?;
    if !wants_page(&headers) {
        return Ok(vary(Json(view(kind))));
    }
    let Page { meaning, causes, remedy } = kind.page();
    let causes: String = causes.iter().map(|cause| format!("<li>{}</li>", marked(cause))).collect();
    let body = format!(
        "<p><a href=\"/problems\">All problems</a></p><h1>{}</h1>\
         <p>Status {}, type <code>/problems/{}</code></p><p>{}</p>\
         <h2>Usual causes</h2><ul>{causes}</ul><h2>What to do</h2><p>{}</p>",
        kind.title(),
        kind.status(),
        kind.slug(),
        marked(meaning),
        marked(remedy),
    );
    Ok(html(kind.title(), &body))
}

/// Browsers name `text/html`; everything else gets JSON.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = Accept::of(headers);
    let page = accept.weight("text/html");
    !accept.admits("application/json") || (accept.names("text/html") && page >= accept.weight("application/json"))
}

fn view(kind: Listed) -> Value {
    let Page { meaning, causes, remedy } = kind.page();
    json!({
        "type": format!("/problems/{}", kind.slug()),
        "title": kind.title(),
        "status": kind.status(),
        "meaning": meaning,
        "causes": causes,
        "remedy": remedy,
    })
}

fn vary(answer: impl IntoResponse) -> Response {
    ([(header::VARY, "accept")], answer).into_response()
}

/// Our own texts, with what stands between backticks as code.
fn marked(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let parts = escaped.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

fn html(title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/docs/page.css\"></head><body class=\"problems\">{body}</body></html>"
    );
    vary(([POLICY, REFERRER], Html(page)))
}

/// What each type means. The status of a rejected webhook is the row's of its check.
fn page(kind: ProblemType) -> Page {
    match kind {
        ProblemType::ValidationFailed => Page {
            meaning: "The request was understood, but one or more of its fields are not as they must be.",
            causes: &[
                "a required field is missing, or a value is of the wrong type or out of range",
                "a field that the API does not know, often a typing mistake",
                "a profile, robot or user that the body names does not exist",
                "a `cursor` that belongs to another list or to other filters (code `INVALID_CURSOR`)",
            ],
            remedy: "Read `errors`: it names every wrong field by its place, not only the first. Mend them all and send the request again.",
        },
        ProblemType::MalformedBody => Page {
            meaning: "The body could not be read as JSON, or the request could not be read at all.",
            causes: &[
                "a missing quote or comma, or a body that was cut off",
                "no body where one is needed",
                "bytes that are not UTF-8",
            ],
            remedy: "`detail` names line and column. Check what your client really sends, for example with `curl --verbose`.",
        },
        ProblemType::Unauthorized => Page {
            meaning: "The call carries no access token, or one that is not good any more.",
            causes: &[
                "the header `Authorization` is missing or misspelt",
                "the token has expired, was revoked, or belongs to a disabled user",
                "the token is of another deployment",
            ],
            remedy: "Send `Authorization: Bearer …` with a valid token, or ask an administrator of the tenant for a new one.",
        },
        ProblemType::Forbidden => Page {
            meaning: "The token is good, but does not allow this.",
            causes: &[
                "the token lacks a scope (`PAT_SCOPE_INSUFFICIENT`; `requiredScope` names it)",
                "the caller is not a member of the repository, or not in the role that this needs",
                "the repository is archived and therefore read-only (`REPO_ARCHIVED_READ_ONLY`)",
                "the tenant is suspended (`TENANT_SUSPENDED`)",
            ],
            remedy: "`code` says which. Ask an owner of the repository or an administrator of the tenant, or unarchive the repository first.",
        },
        ProblemType::NotFound => Page {
            meaning: "There is nothing at this path, or nothing that the caller's tenant may know of.",
            causes: &[
                "a mistyped id, or an id of another kind of thing",
                "it was deleted, or its time to live is over",
                "it belongs to another tenant",
            ],
            remedy: "Check path and id. Lists show what the caller can see.",
        },
        ProblemType::MethodNotAllowed => Page {
            meaning: "The path exists, but not for this method.",
            causes: &["a wrong method, such as `PUT` instead of `PATCH`"],
            remedy: "The header `Allow` lists the methods of the path; the reference at `/docs` tells what each does.",
        },
        ProblemType::NotAcceptable => Page {
            meaning: "The header `Accept` admits nothing that can be answered here.",
            causes: &[
                "`Accept` names only media types such as `application/xml`",
                "`application/json` is excluded by `q=0`",
            ],
            remedy: "Send `Accept: application/json`, or leave the header out.",
        },
        ProblemType::Conflict => Page {
            meaning: "The request is fine, but the state of things does not allow it now.",
            causes: &[
                "a name or an identity is taken (`conflicting_resource_id` names the holder)",
                "the identity is locked because a webhook was verified (`REPO_IDENTITY_LOCKED`)",
                "something else depends on it, such as rules on a robot (`ROBOT_IN_USE`) or a repository on its last owner",
                "the task is in other hands or already done",
                "others kept changing the same thing (`WRITE_CONFLICT`)",
            ],
            remedy: "`code` says which. Look at the present state and decide anew; after `WRITE_CONFLICT` simply try again.",
        },
        ProblemType::IdempotencyKeyConflict => Page {
            meaning: "The `Idempotency-Key` was used before, for a request that was not the same.",
            causes: &["a key that is not made anew for each request", "a body that was changed between two tries"],
            remedy: "Use a new key, such as a random UUID, for each request that you mean to be carried out.",
        },
        ProblemType::IdempotencyKeyInFlight => Page {
            meaning: "The first request with this `Idempotency-Key` has not been answered yet.",
            causes: &["a retry that came while the first try was still at work"],
            remedy: "Wait as long as `Retry-After` says and send the same request again: it is then answered with the first answer.",
        },
        ProblemType::PreconditionFailed => Page {
            meaning: "The thing was changed since the version that `If-Match` names.",
            causes: &["someone else changed it in the meantime", "an `ETag` of another path"],
            remedy: "Read it again, apply your change to what is there now, and send it with the new `ETag`.",
        },
        ProblemType::BodyTooLarge => Page {
            meaning: "The body is larger than this path takes.",
            causes: &["more than 1 MiB in a call", "more than 6 MiB in a webhook"],
            remedy: "Send less at once. For large webhooks, take events off the list that the provider sends.",
        },
        ProblemType::UnsupportedMediaType => Page {
            meaning: "The body is in a media type that is not read here.",
            causes: &["a form instead of JSON", "a client that sets `Content-Type` by itself"],
            remedy: "Send `Content-Type: application/json`.",
        },
        ProblemType::HeadersTooLarge => Page {
            meaning: "The headers of the request have more than 10,240 bytes in all.",
            causes: &["many or large cookies", "a token or a proxy header of unusual size"],
            remedy: "Send fewer headers. The API needs no cookies.",
        },
        ProblemType::LimitExceeded => Page {
            meaning: "The request is well-formed, but would go beyond a limit of the registry.",
            causes: &[
                "too many robots, members, profiles, tokens or rules",
                "a record, a robot or a configuration that would become too large",
            ],
            remedy: "`detail` names the limit. Remove what is not needed, or make it shorter.",
        },
        ProblemType::TooManyChanges => Page {
            meaning: "The same thing was changed too often in a short time.",
            causes: &["secrets of one repository that are rewritten in a loop, more than 90 times a day"],
            remedy: "Wait as long as `Retry-After` says. A client that writes on every start should compare first.",
        },
        ProblemType::RateLimited => Page {
            meaning: "Calls with one access token, or posts to one webhook, came faster than the registry takes them. Each has a rate and a burst of its own; other tokens and other repositories are not concerned.",
            causes: &[
                "a client that asks in a loop instead of following `nextCursor` or waiting",
                "many workers that share one token",
                "a webhook path that somebody floods; what is genuine can be redelivered at the provider",
            ],
            remedy: "Wait as long as `Retry-After` says, then go on more slowly. Give each worker a token of its own. Who runs the registry sets the rates (`REPOPLANE_TOKEN_RATE`, `REPOPLANE_WEBHOOK_RATE`).",
        },
        ProblemType::WebhookRejected => Page {
            meaning: "A webhook did not pass its checks. It is listed among the repository's deliveries, with the check that failed. The status is 400, 401 or 409.",
            causes: &[
                "the secret at the provider is not the repository's (401)",
                "a hook of another provider, or of a whole system (400)",
                "a payload that speaks of another repository (409)",
                "an event header that does not fit the body (400)",
            ],
            remedy: "Open the delivery that `x-repoplane-delivery` names. Usually path and secret have to be set again at the provider, with content type `application/json`.",
        },
        ProblemType::ProviderRefused => Page {
            meaning: "The registry asked the repository's provider, and the provider said no. Nothing is wrong with the caller's own token; the status is 424, never 401.",
            causes: &[
                "the provider does not take the stored token: it has expired, was revoked or lacks a scope (`REPO_PROVIDER_TOKEN_REJECTED`; `missingScopes` names what the provider asked for)",
                "a private repository that was asked for without a credential (`REPO_PROVIDER_AUTH_REQUIRED`)",
                "the token is fine but may not do this (`REPO_PROVIDER_FORBIDDEN`)",
                "the provider knows no such repository, or does not show it to this token (`REPO_PROVIDER_NOT_FOUND`)",
                "the provider does not take the request, such as one hook too many (`REPO_PROVIDER_REQUEST_REFUSED`)",
                "a model provider does not take the key (`MODEL_API_KEY_INVALID` is a 400, as HookCode has it)",
            ],
            remedy: "`detail` has the provider's own words and `providerStatus` its status. Renew the credential, choose another with `credentialSource`, or correct the repository's identity.",
        },
        ProblemType::ProviderRateLimited => Page {
            meaning: "The provider has been asked too often with this credential and wants to be left alone.",
            causes: &[
                "many calls without a credential, which all share one small limit",
                "a token that other tools use as well",
            ],
            remedy: "Wait as long as `Retry-After` says. `X-Provider-RateLimit-Remaining` on earlier answers tells how much is left.",
        },
        ProblemType::ProviderUnavailable => Page {
            meaning: "The provider gave no answer, or one that makes no sense.",
            causes: &[
                "it is down, or slower than the limits of a call allow (`REPO_PROVIDER_UNAVAILABLE`)",
                "its name does not resolve, or its certificate is not trusted",
                "something else answers at its address, such as a proxy's HTML page (`REPO_PROVIDER_BAD_ANSWER`)",
            ],
            remedy: "Check the address and try again later. The registry has already tried again where that is safe.",
        },
        ProblemType::Internal => Page {
            meaning: "Something went wrong on our side that trying again may not mend.",
            causes: &["a bug", "stored data that cannot be read"],
            remedy: "Tell the operator the `request_id`: the log has the cause under it.",
        },
        ProblemType::Unavailable => Page {
            meaning: "The table or the vault does not answer, or too many wrote at once.",
            causes: &["a short outage or throttling", "many writers on one thing"],
            remedy: "Wait as long as `Retry-After` says and try again. Nothing was changed unless a second look shows it; a webhook that is posted again makes no second task.",
        },
    }
}

/// What the types mean that ShiftAgent's paths alone have (contract: shiftagent 9); of the others nothing is asked here.
fn shiftagent_page(slug: Slug) -> Page {
    match slug {
        Slug::InsufficientScope => Page {
            meaning: "The call carries no good bearer token (status 401), or one that does not allow this (status 403).",
            causes: &[
                "the header `Authorization: Bearer …` is missing, or its token was revoked or has run out (401)",
                "the token lacks the scope to write, which this API calls `repositories:write` (403)",
                "a person's token, where only integration keys and administrators may go, or for a repository in which the person has too low a role (403)",
            ],
            remedy: "Send a valid integration key; `GET /integration/self` says what a key may do.",
        },
        Slug::TenantSuspended => Page {
            meaning: "The tenant that owns the registry is suspended: it can be read, not changed.",
            causes: &["the operator suspended it"],
            remedy: "Ask the operator.",
        },
        Slug::NameConflict => Page {
            meaning: "The name is taken, whatever its case.",
            causes: &["a set-up that runs a second time", "two that create or rename at once"],
            remedy: "`conflicting_resource_id` has the name: fetch that one and go on as if it had just been made, or choose another name.",
        },
        Slug::ResourceInUse => Page {
            meaning: "Something depends on it, or its state does not allow the change.",
            causes: &[
                "a repository that is attached to a tenant, or in which robots have open tasks",
                "a credential that a repository uses",
                "a repository that is archived or disabled",
            ],
            remedy: "`conflicting_resource_id` names what stands in the way, and `detail` says how many do. Detach it, let it name another credential, or unarchive it first.",
        },
        Slug::SyncInProgress => Page {
            meaning: "A scan of the repository is running already.",
            causes: &["a second call before the first scan has ended"],
            remedy: "Wait until `sync.state` of the repository is `ready` or `error`.",
        },
        Slug::ValidationError => Page {
            meaning: "The body was understood, but one or more of its fields are not as they must be.",
            causes: &[
                "a required field is missing, or a value is of the wrong type or too long",
                "a field that the API does not know",
                "a credential that does not exist",
            ],
            remedy: "Read `errors`: it names every wrong field by its place. Mend them all and send the request again.",
        },
        Slug::BadRequest => Page {
            meaning: "The request could not be read: its body is no JSON, or its query or a header is wrong.",
            causes: &[
                "a missing quote or comma, or no body where one is needed",
                "`limit` out of range, or a cursor that is no id",
                "an `Idempotency-Key` that is empty or too long",
            ],
            remedy: "`detail` says what is wrong.",
        },
        Slug::InternalError => Page {
            meaning: "Something went wrong on our side that trying again may not mend.",
            causes: &["a bug", "stored data that cannot be read"],
            remedy: "Tell the operator the `request_id`: the log has the cause under it.",
        },
        Slug::NotFound
        | Slug::RateLimited
        | Slug::IdempotencyKeyConflict
        | Slug::MethodNotAllowed
        | Slug::NotAcceptable
        | Slug::BodyTooLarge
        | Slug::UnsupportedMediaType
        | Slug::HeadersTooLarge
        | Slug::Unavailable => Page { meaning: "The native API has the same.", causes: &[], remedy: "See there." },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_says_something_and_is_well_formed() {
        let slugs: std::collections::BTreeSet<_> = slugs().into_iter().collect();
        assert_eq!(slugs.len(), Listed::all().count(), "a slug has one page");
        assert!(Slug::ALL.into_iter().all(|slug| slugs.contains(slug.as_str())), "{slugs:?}");
        for kind in Listed::all() {
            let Page { meaning, causes, remedy } = kind.page();
            assert!(!meaning.is_empty() && !remedy.is_empty() && !causes.is_empty(), "{kind:?}");
            for text in causes.iter().chain([&meaning, &remedy]) {
                assert_eq!(text.matches('`').count() % 2, 0, "{text}");
            }
        }
    }

    #[test]
    fn backticks_become_code_and_markup_does_not_get_through() {
        assert_eq!(marked("a `b` <c>"), "a <code>b</code> &lt;c>");
    }
}
