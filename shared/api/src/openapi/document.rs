//! The document as a whole: every operation at its route, and the components that they share.

use super::operation::{Operation, RATE_LIMITED, problem_response};
use super::schema::{self, Object};
use crate::app::VERSION;
use crate::problem::ProblemType;
use crate::routes::Route;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What one function adds.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its routes.
    pub routes: Vec<Route>,
    /// Their descriptions.
    pub operations: Vec<Operation>,
    /// Schemas that operations refer to by name.
    pub schemas: Vec<(&'static str, Value)>,
}

/// Routes and descriptions do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// A route without a description.
    #[error("the route `{0}` is not described")]
    NotDescribed(String),
    /// A description without a route.
    #[error("the described operation `{0}` is not routed")]
    NotRouted(String),
    /// Two routes or descriptions with one id.
    #[error("the operation `{0}` is there twice")]
    Twice(String),
    /// The path has other parameters than its description.
    #[error("the operation `{0}` has other path parameters than its route")]
    Parameters(String),
    /// A reference to nothing.
    #[error("nothing has the name `{0}`")]
    Reference(String),
}

/// Assembles the document.
///
/// # Errors
/// [`DocumentError`] when what is described is not what is served.
pub fn document(parts: &[Part]) -> Result<Value, DocumentError> {
    let mut described: BTreeMap<&str, &Operation> = BTreeMap::new();
    for operation in parts.iter().flat_map(|part| &part.operations) {
        if described.insert(operation.id, operation).is_some() {
            return Err(DocumentError::Twice(operation.id.to_owned()));
        }
    }
    let mut paths: Map<String, Value> = Map::new();
    for route in parts.iter().flat_map(|part| &part.routes) {
        let missing = || DocumentError::NotDescribed(route.id.to_owned());
        let operation = described.remove(route.id).ok_or_else(missing)?;
        let named: BTreeSet<_> = operation.path.iter().map(|(name, ..)| *name).collect();
        if named != parameters_of(route.path) {
            return Err(DocumentError::Parameters(route.id.to_owned()));
        }
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation.render(route);
    }
    if let Some(id) = described.keys().next() {
        return Err(DocumentError::NotRouted((*id).to_owned()));
    }
    link(&mut paths);
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Repoplane",
            "version": VERSION,
            "summary": "A control plane for Git repositories: records, credentials, robots, rules and webhooks.",
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "Where this document was read"}],
        "security": [{"bearer": []}, {"basic": []}, {"hookcodeToken": []}],
        "tags": tags(),
        "paths": paths,
        "components": components(parts),
    });
    check_references(&document)?;
    Ok(document)
}

/// Which operation makes what: its id, where the new id is in its answer, and the path parameter that takes it.
const MAKERS: [(&str, &str, &str); 7] = [
    ("repos_create", "/repo/id", "/api/repos/{id}"),
    ("repos_create_robot", "/robot/id", "/api/repos/{id}/robots/{robot_id}"),
    ("repos_add_member", "/member/userId", "/api/repos/{id}/members/{user_id}"),
    ("repos_redeliver_webhook_delivery", "/delivery/id", "/api/repos/{id}/webhook-deliveries/{delivery_id}"),
    ("users_create", "/user/id", "/api/users/{user_id}"),
    ("tenants_create", "/tenant/id", "/api/tenants/{tenant_id}"),
    ("access_create_token", "/accessToken/id", "/api/access-tokens/{token_id}"),
];

/// Says with links where what was made can be used: for readers, and for tools that call one operation after another.
fn link(paths: &mut Map<String, Value>) {
    for (maker, pointer, place) in MAKERS {
        let named = parameters_of(place);
        let Some(new) = place.rsplit_once('{').map(|(_, name)| name.trim_end_matches('}')) else { continue };
        let mut links = Map::new();
        for (path, methods) in paths.iter().filter(|(path, _)| *path == place || path.starts_with(&format!("{place}/")))
        {
            let same = path.matches('{').count() == named.len();
            for operation in methods.as_object().into_iter().flat_map(Map::values).filter(|_| same) {
                let Some(id) = operation["operationId"].as_str().filter(|id| *id != maker) else { continue };
                let parameters: Map<String, Value> = named
                    .iter()
                    .map(|name| {
                        let from = if *name == new {
                            format!("$response.body#{pointer}")
                        } else {
                            format!("$request.path.{name}")
                        };
                        ((*name).to_owned(), json!(from))
                    })
                    .collect();
                links.insert(id.to_owned(), json!({"operationId": id, "parameters": parameters}));
            }
        }
        let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(Map::values_mut);
        for operation in operations.filter(|operation| operation["operationId"] == maker) {
            operation["responses"]["201"]["links"] = json!(links);
        }
    }
}

const INTRODUCTION: &str = "Every call but the public ones needs an access token. Errors are problem documents \
    (RFC 9457) that also carry `error` and `message`; each type has a page under `/problems`. Every answer has an \
    `x-request-id`, which the log knows. HEAD is answered wherever GET is; a method that a path does not have is 405 \
    with `Allow`. Doubled and trailing slashes in a path are ignored. Unset optional members of an answer are left out. \
    Unknown members of a request are refused.\n\n\
    `x-repoplane` says of each operation which `scope` the token needs, which `role` in the repository, what happens when \
    the repository is `archived`, whether it takes `Idempotency-Key` (`idempotent`) and `If-Match` (`conditional`), and \
    whether it is `public`.";

fn tags() -> Value {
    let tags = [
        ("Repositories", "The records: provider, identity, branches, credentials, archive."),
        ("Members", "Who belongs to a repository, and as what."),
        ("Credentials", "Git tokens and model keys of the caller's account, and of the tenant."),
        ("Robots", "AI coding agents of a repository, how they reach Git and which model they run."),
        ("Automation", "Rules that turn events into tasks."),
        ("Webhooks", "Where providers post."),
        ("Deliveries", "What came in, and why it ended as it did."),
        ("Tasks", "What automation hands to robots, and workers take."),
        ("Access", "Who is calling, and access tokens."),
        ("Users", "The people of a tenant, for its administrators."),
        ("Tenants", "Tenants, for the operator."),
        ("Audit", "Who changed what."),
        ("ShiftAgent", "The repository part of ShiftAgent's Integration API, at its own paths and in its own manners."),
        (
            "Nautes",
            "Nautes' API of products, projects and repositories of code, at its own paths and in its own manners.",
        ),
        ("Service", "Signs of life and documentation."),
    ];
    json!(tags.map(|(name, description)| json!({"name": name, "description": description})))
}

fn parameters_of(path: &'static str) -> BTreeSet<&'static str> {
    path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
}

fn components(parts: &[Part]) -> Value {
    let mut schemas: Map<String, Value> = Map::new();
    schemas.insert("Problem".to_owned(), problem_schema());
    for (name, schema) in parts.iter().flat_map(|part| &part.schemas) {
        schemas.insert((*name).to_owned(), schema.clone());
    }
    let mut responses: Map<String, Value> = Map::new();
    for kind in ProblemType::ALL {
        let codes = if kind == ProblemType::RateLimited { BTreeSet::from([RATE_LIMITED]) } else { BTreeSet::new() };
        let kinds = BTreeMap::from([(kind.slug(), codes)]);
        let mut response = problem_response(kind.status().as_u16(), &kinds);
        if kind == ProblemType::Unavailable {
            response["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"] =
                json!({"enum": ["UNAVAILABLE"]});
        }
        responses.insert(kind.slug().to_owned(), response);
    }
    responses.insert(
        "NotModified".to_owned(),
        json!({
            "description": "The caller has it already: its `If-None-Match` names this answer.",
            "headers": {
                "x-request-id": {"$ref": "#/components/headers/RequestId"},
                "ETag": {"$ref": "#/components/headers/ETag"},
            },
        }),
    );
    json!({
        "schemas": schemas,
        "responses": responses,
        "headers": headers(),
        "parameters": parameters(),
        "securitySchemes": {
            "bearer": {
                "type": "http", "scheme": "bearer",
                "description": "`Authorization: Bearer …` with a personal (`rpt_…`) or an integration token (`sk_int_…`).",
            },
            "basic": {
                "type": "http", "scheme": "basic",
                "description": "The token as the password, or as the user name with an empty password.",
            },
            "hookcodeToken": {"type": "apiKey", "in": "header", "name": "x-hookcode-token", "description": "The token alone."},
        },
    })
}

fn headers() -> Value {
    json!({
        "RequestId": {
            "description": "The request's id: the caller's if it was harmless, else a new one.",
            "required": true, "schema": schema::text(),
        },
        "ETag": {
            "description": "The version of what was answered; good for `If-None-Match` and, where it is taken, `If-Match`.",
            "required": true,
            "schema": schema::text(),
        },
        "IdempotencyReplayed": {
            "description": "`true` when this is the first answer again.",
            "schema": schema::one_of(&["true"]),
        },
        "RetryAfter": {"description": "Seconds after which it is worth trying again.", "schema": schema::text()},
        "WwwAuthenticate": {"description": "How to authenticate.", "schema": schema::text()},
    })
}

fn parameters() -> Value {
    json!({
        "RequestId": {
            "name": "x-request-id", "in": "header", "required": false,
            "description": "An id of the caller's own, taken over if it is at most 128 letters, digits and `-_.:=;`.",
            "schema": schema::text(),
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "A key of the caller's own. For 24 hours the same request with it is answered with the first \
                answer and not carried out again; another request with it is 409.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]*$"},
        },
        "IfMatch": {
            "name": "If-Match", "in": "header", "required": false,
            "description": "An `ETag` of an earlier answer: the change is made only if that is still the version, else 412.",
            "schema": schema::text(),
        },
        "IfNoneMatch": {
            "name": "If-None-Match", "in": "header", "required": false,
            "description": "An `ETag` of an earlier answer: if this one is the same, it is 304 without a body.",
            "schema": schema::text(),
        },
    })
}

/// The members that problems of all kinds share, and those of single ones.
fn problem_schema() -> Value {
    let types: Vec<_> = ProblemType::ALL.iter().map(|kind| format!("/problems/{}", kind.slug())).collect();
    let field = Object::new()
        .required("pointer", schema::text(), "Where: a JSON pointer into the body, or `?name` for a query parameter.")
        .required("message", schema::text(), "What is wrong.")
        .optional("code", schema::text(), "A stable code, where there is one.")
        .optional("details", schema::anything(), "What else is known.");
    let usage = Object::new()
        .required("eventKey", schema::text(), "The event whose rule it is.")
        .required("ruleId", schema::text(), "The rule.")
        .required("ruleName", schema::text(), "Its name.");
    let texts = |text| schema::described(schema::array(schema::text()), text);
    let text = schema::text;
    Object::new()
        .required("type", json!({"type": "string", "enum": types}), "Which problem it is; the path of its page.")
        .required("title", text(), "The problem's name, the same for every occurrence.")
        .required("status", schema::integer(400..=599), "The status of the answer.")
        .required("detail", text(), "What happened this time.")
        .required("instance", text(), "The path of the request.")
        .required("request_id", text(), "The request's id.")
        .required("error", text(), "As HookCode's clients read it.")
        .required("message", text(), "The detail, as HookCode's clients read it.")
        .optional("code", text(), "A stable code, where there is one.")
        .optional("errors", schema::array(field.into()), "Every wrong field.")
        .optional("conflicting_resource_id", text(), "Who holds what was asked for.")
        .optional("details", schema::anything(), "What HookCode puts beside the first wrong field's code.")
        .optional("parts", schema::parts(), "What the registry stands on, as the deep health check found it.")
        .optional("requiredScope", text(), "The scope that the token lacks.")
        .optional("usages", schema::array(usage.into()), "The rules that name the robot.")
        .optional("openTasks", schema::count(), "How many tasks are open.")
        .optional("currentVersion", text(), "The version that the skill has now.")
        .optional("providerStatus", schema::integer(100..=999), "The provider's own status.")
        .optional(
            "missingScopes",
            schema::array(text()),
            "Of these the provider wants one or all, and the token has none.",
        )
        .optional("reason", text(), "Why a webhook was rejected.")
        .optional("eventName", text(), "The event header of a webhook that does not match its body.")
        .optional("expectedProvider", text(), "The provider of the endpoint.")
        .optional("detectedProvider", text(), "The provider that the headers speak of.")
        .optional("hint", text(), "Where the webhook should point.")
        .optional("expectedName", text(), "The repository's name.")
        .optional("expectedOwner", text(), "The owner that the organisation's webhook speaks for.")
        .optional("actualName", text(), "The name in the payload.")
        .optional("expectedExternalId", text(), "The repository's identity.")
        .optional("actualExternalIds", texts("The identities in the payload."), "")
        .optional("expectedApiBaseUrl", text(), "The repository's base URL.")
        .optional("actualApiBaseUrl", text(), "The base URL in the payload.")
        .schema()
}

/// Every `$ref` must lead somewhere.
fn check_references(document: &Value) -> Result<(), DocumentError> {
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    let pointer = target.strip_prefix('#').unwrap_or(target);
                    if document.pointer(pointer).is_none() {
                        return Err(DocumentError::Reference(target.clone()));
                    }
                }
                open.extend(members.values());
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::Access;
    use http::Method;

    fn part(routed: &'static str, described: &'static str, schema: Value) -> Part {
        let operation = Operation::new(described, "Service", "x").access(Access::Public).ok("x", schema);
        let route = Route { id: routed, method: Method::GET, path: "/x" };
        Part { routes: vec![route], operations: vec![operation], schemas: vec![] }
    }

    #[test]
    fn what_is_served_and_what_is_described_must_be_the_same() {
        assert!(document(&[part("a", "a", schema::text())]).is_ok());
        let error = |part: Part| document(&[part]).err();
        assert_eq!(error(part("a", "b", schema::text())), Some(DocumentError::NotDescribed("a".to_owned())));
        let mut stray = part("a", "a", schema::text());
        stray.operations.extend(part("b", "b", schema::text()).operations);
        assert_eq!(error(stray), Some(DocumentError::NotRouted("b".to_owned())));
        let mut parameter = part("a", "a", schema::text());
        parameter.routes[0].path = "/x/{id}";
        assert_eq!(error(parameter), Some(DocumentError::Parameters("a".to_owned())));
        let dangling = error(part("a", "a", schema::reference("Nothing")));
        assert_eq!(dangling, Some(DocumentError::Reference("#/components/schemas/Nothing".to_owned())));
    }
}
