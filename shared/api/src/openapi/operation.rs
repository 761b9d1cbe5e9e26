//! One operation, and what every operation shares.

use super::answer::Answer;
use super::schema;
use crate::problem::ProblemType;
use crate::routes::Route;
use http::Method;
use repoplane_domain::access::{RepositoryRole, Scope};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The code of a problem that every operation can answer.
pub(super) const RATE_LIMITED: &str = "RATE_LIMITED";

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a token.
    Public,
    /// A provider: the body is signed, there is no token.
    Signature,
    /// Who holds the deployment's bootstrap token.
    Bootstrap,
    /// Any valid token.
    Token,
    /// A token with this scope.
    Scope(Scope),
    /// The tenant's administrator, with the scope `admin`.
    Administrator,
}

/// What an operation does on an archived repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archived {
    /// It works as on any other.
    Allowed,
    /// It is refused: 403 `REPO_ARCHIVED_READ_ONLY`.
    Blocked,
    /// It is taken in and skipped.
    Skipped,
    /// It is not about one repository.
    NotBelowARepository,
}

impl Archived {
    /// The word of `x-repoplane`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Skipped => "skipped",
            Self::NotBelowARepository => "not-below-a-repository",
        }
    }
}

/// A parameter of the query, or a request header.
#[derive(Debug, Clone)]
pub struct Parameter {
    name: &'static str,
    place: &'static str,
    schema: Value,
    text: String,
    required: bool,
}

impl Parameter {
    /// An optional parameter of the query.
    pub fn query(name: &'static str, schema: Value, text: impl Into<String>) -> Self {
        Self { name, place: "query", schema, text: text.into(), required: false }
    }

    /// An optional request header.
    pub fn header(name: &'static str, schema: Value, text: impl Into<String>) -> Self {
        Self { name, place: "header", schema, text: text.into(), required: false }
    }

    /// `limit`, as lists read it: a number above zero is floored and capped, anything else is the default.
    pub fn limit(default: usize, most: usize) -> Self {
        let schema = json!({"anyOf": [
            {"type": "integer", "minimum": 1, "maximum": most, "default": default},
            {"type": "string"},
        ]});
        let text = format!(
            "How many rows to answer: 1 to {most}, {default} unless asked. A number above {most} is taken as {most}; \
             anything that is not a number of at least 1 is taken as {default}."
        );
        Self::query("limit", schema, text)
    }

    /// `cursor`: where the last page ended.
    pub fn cursor() -> Self {
        let text = "The `nextCursor` of the page before. It is good only for the same list with the same filters; \
                    anything else is 400 `INVALID_CURSOR`.";
        Self::query("cursor", json!({"type": "string", "maxLength": 1000}), text)
    }

    /// `q`: a text that rows must hold.
    pub fn search(place: &str) -> Self {
        let text = format!("Only rows that hold this text, ignoring case, in {place}.");
        Self::query("q", json!({"type": "string", "maxLength": 200}), text)
    }

    fn render(&self) -> Value {
        json!({
            "name": self.name, "in": self.place, "description": self.text, "required": self.required,
            "schema": self.schema,
        })
    }
}

#[derive(Debug, Clone)]
struct Body {
    required: bool,
    content: Vec<(&'static str, Value)>,
}

/// One operation of the API.
#[derive(Debug, Clone)]
pub struct Operation {
    pub(super) id: &'static str,
    tag: &'static str,
    summary: &'static str,
    text: String,
    access: Access,
    role: Option<RepositoryRole>,
    archived: Archived,
    pub(super) path: Vec<(&'static str, Value, &'static str)>,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    answers: Vec<Answer>,
    problems: BTreeMap<u16, BTreeMap<&'static str, BTreeSet<&'static str>>>,
    idempotent: bool,
    conditional: bool,
    page: bool,
    dialect: Option<DialectProblems>,
}

/// What a dialect tells its problems apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    /// The last part of the type of a problem document.
    Slugs,
    /// The member `reason` of plain JSON.
    Reasons,
    /// None: each is a sentence beside plain JSON.
    Sentences,
}

/// The problems of an operation of a dialect: their schema, and their slugs by status.
#[derive(Debug, Clone)]
struct DialectProblems {
    schema: &'static str,
    /// The media type of those that are told by sentences.
    media: &'static str,
    words: Words,
    slugs: BTreeMap<u16, Vec<&'static str>>,
}

impl Operation {
    /// An operation that any valid token may call. `id` is the route's.
    pub fn new(id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            tag,
            summary,
            text: String::new(),
            access: Access::Token,
            role: None,
            archived: Archived::NotBelowARepository,
            path: Vec::new(),
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: BTreeMap::new(),
            idempotent: false,
            conditional: false,
            page: false,
            dialect: None,
        }
    }

    /// What it does, in more than one line.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Who may call it.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// It is about one repository: the scope of the token, the role in the repository, and what happens when it is archived.
    #[must_use]
    pub fn of_repository(mut self, scope: Scope, role: RepositoryRole, archived: Archived) -> Self {
        self.access = Access::Scope(scope);
        self.role = Some(role);
        self.archived = archived;
        self
    }

    /// What happens when the repository is archived, for operations that ask for no role.
    #[must_use]
    pub fn archived(mut self, archived: Archived) -> Self {
        self.archived = archived;
        self
    }

    /// A parameter of the path.
    #[must_use]
    pub fn path(mut self, name: &'static str, schema: Value, text: &'static str) -> Self {
        self.path.push((name, schema, text));
        self
    }

    /// A parameter of the query or a header.
    #[must_use]
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// A JSON body that must be there.
    #[must_use]
    pub fn body(self, schema: impl Into<Value>) -> Self {
        self.body_of(true, vec![("application/json", schema.into())])
    }

    /// A JSON body that may be left out.
    #[must_use]
    pub fn optional_body(self, schema: impl Into<Value>) -> Self {
        self.body_of(false, vec![("application/json", schema.into())])
    }

    /// A JSON body that may be sent and is not looked at.
    #[must_use]
    pub fn ignored_body(self) -> Self {
        self.optional_body(json!({"description": "Not looked at."}))
    }

    /// A body in one of several media types.
    #[must_use]
    pub fn body_of(mut self, required: bool, content: Vec<(&'static str, Value)>) -> Self {
        self.body = Some(Body { required, content });
        self
    }

    /// A successful answer.
    #[must_use]
    pub fn answer(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// 200 with a JSON body.
    #[must_use]
    pub fn ok(self, description: &'static str, schema: impl Into<Value>) -> Self {
        self.answer(Answer::json(200, description, schema))
    }

    /// 201 with a JSON body and the new thing's path in `Location`.
    #[must_use]
    pub fn created(self, description: &'static str, schema: impl Into<Value>) -> Self {
        let path = json!({"type": "string", "format": "uri-reference"});
        let answer = Answer::json(201, description, schema);
        self.answer(answer.with_header("Location", path, "The path of what was made."))
    }

    /// A problem that it can answer, with the codes it may have.
    #[must_use]
    pub fn problem(self, kind: ProblemType, codes: &[&'static str]) -> Self {
        self.problem_at(kind.status().as_u16(), kind, codes)
    }

    /// A problem whose status is not the catalogue's.
    #[must_use]
    pub fn problem_at(mut self, status: u16, kind: ProblemType, codes: &[&'static str]) -> Self {
        self.problems.entry(status).or_default().entry(kind.slug()).or_default().extend(codes);
        self
    }

    /// It is a dialect's: its problems have this schema, and none but these slugs at these statuses.
    #[must_use]
    pub fn dialect_problems(
        mut self,
        schema: &'static str,
        slugs: impl IntoIterator<Item = (u16, &'static str)>,
    ) -> Self {
        let mut problems =
            DialectProblems { schema, media: "application/json", words: Words::Slugs, slugs: BTreeMap::new() };
        for (status, slug) in slugs {
            problems.slugs.entry(status).or_default().push(slug);
        }
        self.dialect = Some(problems);
        self
    }

    /// As [`Operation::dialect_problems`], for one whose problems are plain JSON with a code and a reason.
    #[must_use]
    pub fn dialect_reasons(self, schema: &'static str, reasons: impl IntoIterator<Item = (u16, &'static str)>) -> Self {
        self.dialect_problems(schema, reasons).in_words(Words::Reasons)
    }

    /// As [`Operation::dialect_problems`], for a dialect whose problems are plain JSON without types: none but these
    /// statuses, each with a sentence.
    #[must_use]
    pub fn dialect_errors(self, schema: &'static str, statuses: impl IntoIterator<Item = (u16, &'static str)>) -> Self {
        self.dialect_problems(schema, statuses).in_words(Words::Sentences)
    }

    /// As [`Operation::dialect_errors`], for a dialect whose problems have a media type of their own.
    #[must_use]
    pub fn dialect_media(
        self,
        media: &'static str,
        schema: &'static str,
        statuses: impl IntoIterator<Item = (u16, &'static str)>,
    ) -> Self {
        let mut operation = self.dialect_errors(schema, statuses);
        if let Some(problems) = &mut operation.dialect {
            problems.media = media;
        }
        operation
    }

    fn in_words(self, words: Words) -> Self {
        let mut operation = self;
        if let Some(problems) = &mut operation.dialect {
            problems.words = words;
        }
        operation
    }

    /// It takes `Idempotency-Key`: a repeat is answered with the first answer.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// It takes `If-Match`.
    #[must_use]
    pub fn conditional(mut self) -> Self {
        self.conditional = true;
        self
    }

    /// It answers a page or a file that is part of the function: nothing is read, so nothing can be unavailable.
    #[must_use]
    pub fn page(mut self) -> Self {
        self.page = true;
        self
    }

    /// The operation at its route.
    pub(super) fn render(&self, route: &Route) -> Value {
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "parameters": self.render_parameters(&route.method),
            "responses": self.render_responses(route),
            "x-repoplane": {
                "scope": self.scope(),
                "role": self.role,
                "archived": self.archived.as_str(),
                "idempotent": self.idempotent,
                "conditional": self.conditional,
                "public": self.is_public(),
            },
        });
        if !self.text.is_empty() {
            operation["description"] = json!(self.text);
        }
        if self.is_public() {
            operation["security"] = json!([]);
        }
        if let Some(body) = &self.body {
            let content = body.content.iter().map(|(media, schema)| ((*media).to_owned(), json!({"schema": schema})));
            operation["requestBody"] = json!({"required": body.required, "content": content.collect::<Map<_, _>>()});
        }
        operation
    }

    fn is_public(&self) -> bool {
        matches!(self.access, Access::Public | Access::Signature)
    }

    /// What the caller must hold, in one word.
    fn scope(&self) -> Option<&'static str> {
        match self.access {
            Access::Public | Access::Token => None,
            Access::Signature => Some("signature"),
            Access::Bootstrap => Some("bootstrap"),
            Access::Scope(scope) => Some(scope.as_str()),
            Access::Administrator => Some(Scope::Admin.as_str()),
        }
    }

    fn render_parameters(&self, method: &Method) -> Vec<Value> {
        let path = self.path.iter().map(|(name, schema, text)| {
            json!({"name": name, "in": "path", "required": true, "description": text, "schema": schema})
        });
        let shared = |name: &str| json!({"$ref": format!("#/components/parameters/{name}")});
        let mut parameters: Vec<Value> = path.chain(self.parameters.iter().map(Parameter::render)).collect();
        parameters.push(shared("RequestId"));
        if self.idempotent {
            parameters.push(shared("IdempotencyKey"));
        }
        if self.conditional {
            parameters.push(shared("IfMatch"));
        }
        if *method == Method::GET && self.has_tag() {
            parameters.push(shared("IfNoneMatch"));
        }
        parameters
    }

    /// Whether its answer carries an entity tag.
    fn has_tag(&self) -> bool {
        !self.page && self.answers.iter().any(Answer::is_tagged)
    }

    fn render_responses(&self, route: &Route) -> Value {
        let mut responses = Map::new();
        for answer in &self.answers {
            let tagged = answer.is_tagged();
            let mut answer = (answer.status, answer.render());
            if tagged && !self.page {
                answer.1["headers"]["ETag"] = json!({"$ref": "#/components/headers/ETag"});
            }
            if self.idempotent {
                answer.1["headers"]["Idempotency-Replayed"] =
                    json!({"$ref": "#/components/headers/IdempotencyReplayed"});
            }
            responses.insert(answer.0.to_string(), answer.1);
        }
        if route.method == Method::GET && self.has_tag() {
            responses.insert("304".to_owned(), json!({"$ref": "#/components/responses/NotModified"}));
        }
        if let Some(problems) = &self.dialect {
            let answers =
                problems.slugs.iter().map(|(status, slugs)| (status.to_string(), problems.response(*status, slugs)));
            responses.extend(answers);
            return Value::Object(responses);
        }
        for (status, kinds) in self.all_problems(route) {
            let shared = match (status, kinds.len(), kinds.values().all(BTreeSet::is_empty)) {
                (401 | 406 | 413 | 415 | 431 | 500 | 503, 1, true) => {
                    kinds.keys().next().map(|slug| json!({"$ref": format!("#/components/responses/{slug}")}))
                }
                (429, 1, false) if kinds.contains_key(ProblemType::RateLimited.slug()) => {
                    Some(json!({"$ref": format!("#/components/responses/{}", ProblemType::RateLimited.slug())}))
                }
                _ => None,
            };
            responses.insert(status.to_string(), shared.unwrap_or_else(|| problem_response(status, &kinds)));
        }
        Value::Object(responses)
    }

    /// The operation's own problems and those that every operation of its kind has.
    fn all_problems(&self, route: &Route) -> BTreeMap<u16, BTreeMap<&'static str, BTreeSet<&'static str>>> {
        let mut all = self.clone();
        let add = |all: Self, kind| all.problem(kind, &[]);
        for kind in [ProblemType::NotAcceptable, ProblemType::HeadersTooLarge, ProblemType::Internal] {
            all = add(all, kind);
        }
        all = all.problem(ProblemType::RateLimited, &[RATE_LIMITED]);
        if !self.page {
            all = add(all, ProblemType::Unavailable);
        }
        if !self.path.is_empty() && !self.page {
            all = add(all, ProblemType::NotFound);
        }
        if self.body.is_some() && !matches!(self.access, Access::Signature) {
            let kinds = [ProblemType::ValidationFailed, ProblemType::MalformedBody];
            for kind in kinds.into_iter().chain([ProblemType::BodyTooLarge, ProblemType::UnsupportedMediaType]) {
                all = add(all, kind);
            }
        }
        match self.access {
            Access::Public | Access::Signature => {}
            Access::Bootstrap => all = add(all, ProblemType::Unauthorized),
            Access::Token | Access::Scope(_) | Access::Administrator => {
                all = add(all, ProblemType::Unauthorized);
                let codes = self.denials(route);
                if !codes.is_empty() {
                    all = all.problem(ProblemType::Forbidden, &codes);
                }
            }
        }
        if self.idempotent {
            all = all
                .problem(ProblemType::IdempotencyKeyConflict, &["IDEMPOTENCY_KEY_CONFLICT"])
                .problem(ProblemType::IdempotencyKeyInFlight, &["IDEMPOTENCY_KEY_IN_FLIGHT"]);
        }
        if self.conditional {
            all = all.problem(ProblemType::PreconditionFailed, &["PRECONDITION_FAILED"]);
        }
        all.problems
    }

    /// The codes of 403 that follow from who may call.
    fn denials(&self, route: &Route) -> Vec<&'static str> {
        let mut codes = Vec::new();
        if route.method != Method::GET && self.access != Access::Scope(Scope::Operator) {
            codes.push("TENANT_SUSPENDED");
        }
        // A token with a policy is good for review tools' calls alone.
        codes.push("TOKEN_KIND_INSUFFICIENT");
        match self.access {
            Access::Scope(_) => codes.push("PAT_SCOPE_INSUFFICIENT"),
            Access::Administrator => codes.extend(["PAT_SCOPE_INSUFFICIENT", "ADMIN_REQUIRED"]),
            Access::Public | Access::Signature | Access::Bootstrap | Access::Token => {}
        }
        match self.role {
            None => {}
            Some(RepositoryRole::Member) => codes.push("REPO_ACCESS_DENIED"),
            Some(RepositoryRole::Maintainer) => codes.push("REPO_MANAGE_REQUIRED"),
            Some(RepositoryRole::Owner) => codes.push("REPO_OWNER_REQUIRED"),
        }
        match self.archived {
            Archived::Blocked => codes.push("REPO_ARCHIVED_READ_ONLY"),
            Archived::Allowed | Archived::Skipped | Archived::NotBelowARepository => {}
        }
        codes
    }
}

impl DialectProblems {
    /// The response of one status.
    fn response(&self, status: u16, slugs: &[&'static str]) -> Value {
        match self.words {
            Words::Slugs => {}
            Words::Reasons => return self.plain(status, slugs),
            Words::Sentences => {
                let content = json!({self.media: {"schema": schema::reference(self.schema)}});
                let headers = problem_headers(status);
                return json!({"description": slugs.join(" "), "headers": headers, "content": content});
            }
        }
        let links: Vec<_> = slugs.iter().map(|slug| format!("[`{slug}`](/problems/{slug})")).collect();
        let narrowed = json!({"properties": {
            "type": {"pattern": format!("/problems/({})$", slugs.join("|"))},
            "status": {"const": status},
        }});
        let schema = json!({"allOf": [schema::reference(self.schema), narrowed]});
        let headers = problem_headers(status);
        let content = json!({"application/problem+json": {"schema": schema}});
        json!({"description": links.join(" or "), "headers": headers, "content": content})
    }

    fn plain(&self, status: u16, reasons: &[&'static str]) -> Value {
        let named: Vec<_> = reasons.iter().map(|reason| format!("`{reason}`")).collect();
        let narrowed = json!({"properties": {"code": {"const": status}, "reason": {"enum": reasons}}});
        let schema = json!({"allOf": [schema::reference(self.schema), narrowed]});
        let mut content = json!({"application/json": {"schema": schema}});
        if status == 404 {
            // A path that nobody serves: one with a variable that is none.
            content["text/plain"] = json!({"schema": {"type": "string"}});
        }
        json!({"description": named.join(" or "), "headers": problem_headers(status), "content": content})
    }
}

/// The headers of a problem.
fn problem_headers(status: u16) -> Value {
    let mut headers = json!({"x-request-id": {"$ref": "#/components/headers/RequestId"}});
    match status {
        401 => headers["WWW-Authenticate"] = json!({"$ref": "#/components/headers/WwwAuthenticate"}),
        429 | 503 => headers["Retry-After"] = json!({"$ref": "#/components/headers/RetryAfter"}),
        _ => {}
    }
    headers
}

/// The response of one status: which types of problem it can be, with which codes.
pub(super) fn problem_response(status: u16, kinds: &BTreeMap<&'static str, BTreeSet<&'static str>>) -> Value {
    let title =
        |slug: &str| ProblemType::ALL.into_iter().find(|kind| kind.slug() == slug).map_or("", ProblemType::title);
    let lines = kinds.iter().map(|(slug, codes)| {
        let codes: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
        let codes = if codes.is_empty() { String::new() } else { format!(": {}", codes.join(", ")) };
        format!("{} ([`{slug}`](/problems/{slug})){codes}", title(slug))
    });
    let description = lines.collect::<Vec<_>>().join("; ");
    let types: Vec<_> = kinds.keys().map(|slug| format!("/problems/{slug}")).collect();
    let codes: BTreeSet<_> = kinds.values().flatten().collect();
    // Without codes of its own a problem has none.
    let code = if codes.is_empty() { json!({"not": {}}) } else { json!({"enum": codes}) };
    let narrowed = json!({"properties": {"type": {"enum": types}, "status": {"const": status}, "code": code}});
    let schema = json!({"allOf": [schema::reference("Problem"), narrowed]});
    json!({
        "description": description,
        "headers": problem_headers(status),
        "content": {"application/problem+json": {"schema": schema}},
    })
}
