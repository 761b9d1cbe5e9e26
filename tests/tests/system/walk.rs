//! A walk along the API's document: every operation answers who may not, what is not there, what is wrong and what is
//! repeated. An operation that the walk does not know how to call fails it.

use repoplane_local::double;
use repoplane_tests::document::DOCUMENT;
use repoplane_tests::{Answer, Client, Event, GITHUB_ISSUES_OPENED, Hook, Person, Tenant, TestApp, fixture};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One operation of the document.
struct Operation {
    id: String,
    method: String,
    path: String,
    known: Value,
    /// The schema of its body, if it takes one.
    body: Option<Value>,
}

impl Operation {
    fn text(&self, member: &str) -> Option<&str> {
        self.known[member].as_str()
    }

    fn is(&self, member: &str) -> bool {
        self.known[member] == true
    }

    /// The names of its path parameters.
    fn parameters(&self) -> Vec<&str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
    }

    /// Webhooks prove themselves by a signature and have a walk of their own (`webhooks/`).
    fn is_webhook(&self) -> bool {
        self.text("scope") == Some("signature")
    }
}

fn operations() -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in DOCUMENT["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let Some(id) = operation["operationId"].as_str() else { continue };
            // A dialect has manners, and walks, of its own.
            if ["ShiftAgent", "Nautes", "ABF", "Review Board"].iter().any(|tag| operation["tags"][0] == *tag) {
                continue;
            }
            let schema = operation.pointer("/requestBody/content/application~1json/schema").cloned();
            found.push(Operation {
                id: id.to_owned(),
                method: method.to_ascii_uppercase(),
                path: path.clone(),
                known: operation["x-repoplane"].clone(),
                body: schema,
            });
        }
    }
    assert!(found.len() > 50, "the document lost its operations");
    found
}

/// A repository with everything on it, and people around it.
struct World {
    app: TestApp,
    hook: Hook,
    robot: String,
    delivery: String,
    queued: String,
    ended: String,
    token: String,
    skill: String,
    organisation: String,
    issuer: String,
    host: String,
    platform: String,
    group: String,
    project: String,
    number: String,
    member: Person,
    maintainer: Person,
    stranger: Person,
    other: Tenant,
}

impl World {
    async fn new() -> Self {
        let app = TestApp::start_with_double().await;
        let double = app.double.clone().expect("a double");
        let hook = Hook::github(&app).await;
        hook.add_credentials(&app, double::ADMIN_TOKEN).await;
        let robot = hook.add_robot(&app, "Triage").await;
        hook.enable(&app, &robot).await;
        hook.add_rule(&app, "issue", &robot, Value::Null).await;
        app.admin().patch("/api/credentials/global", double.own_token(double::READ_TOKEN)).await.expect(200);
        let mut posts = Vec::new();
        for guid in ["first", "second"] {
            let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
            body["issue"]["number"] = json!(posts.len() + 1);
            body["repository"]["html_url"] = json!(format!("{}/github/Codertocat/Hello-World", double.origin()));
            posts.push(hook.post(&app, "issues", guid, &body.to_string()).await.expect(202));
        }
        let [queued, ended] = [0, 1].map(|at: usize| posts[at].text("/tasks/0/id"));
        let admin = app.admin();
        admin.patch(&format!("/api/tasks/{ended}"), json!({"status": "cancelled"})).await.expect(200);
        let token = admin.post("/api/access-tokens", json!({"name": "spare", "scopes": ["repos:read"]})).await;
        let organisation = admin.post("/api/webhook-hooks", json!({"provider": "github"})).await.expect(201);
        let organisation = organisation.text("/hook/id");
        let skill = app.escalated_skill(&hook.repo).await;
        let issuer = json!({"issuer": "https://login.example.com", "audiences": ["plane"], "scopes": ["repos:read"]});
        let issuer = admin.post("/api/issuers", issuer).await.expect(201).text("/issuer/id");
        let host = "git.example.com:443".to_owned();
        let statement = json!({"certificateSha256": "ab".repeat(32)});
        admin.put(&format!("/api/trusted-hosts/{host}"), statement).await.expect(200);
        let number = |answer: Answer, pointer: &str| answer.body.pointer(pointer).expect("a number").to_string();
        let made = admin.post("/api/platforms", json!({"name": "cooker"})).await.expect(201);
        let platform = number(made, "/platform/number");
        let group = number(admin.post("/api/groups", json!({"uname": "qa"})).await.expect(201), "/group/number");
        let made = admin.post("/api/projects", json!({"name": "bash"})).await.expect(201);
        let project = number(made, "/project/number");
        admin.post("/api/v1/products/demo", json!({"git": {}})).await.expect(200);
        let member = app.member(&hook.repo, "mia", "member").await;
        let mia = number(admin.get(&format!("/api/users/{}", member.id)).await.expect(200), "/user/number");
        let target = format!("/api/platforms/{platform}/members/users/{mia}");
        admin.put(&target, json!({"role": "reader"})).await.expect(200);
        admin.put(&format!("/api/groups/{group}/members/{mia}"), Value::Null).await.expect(200);
        let maintainer = app.member(&hook.repo, "max", "maintainer").await;
        let stranger = app.person("sam").await;
        let other = app.tenant("other").await;
        let delivery = posts[0].headers["x-repoplane-delivery"].to_str().expect("an id").to_owned();
        let token = token.expect(201).text("/accessToken/id");
        Self {
            app,
            hook,
            robot,
            delivery,
            queued,
            ended,
            token,
            skill,
            organisation,
            issuer,
            host,
            platform,
            group,
            project,
            number: mia,
            member,
            maintainer,
            stranger,
            other,
        }
    }

    /// What a path parameter of an operation stands for here.
    fn id(&self, operation: &Operation, parameter: &str) -> String {
        match parameter {
            "id" if operation.id == "tasks_retry" => &self.ended,
            "id" if operation.path.starts_with("/api/tasks/") => &self.queued,
            "id" => &self.hook.repo,
            "robot_id" => &self.robot,
            "delivery_id" => &self.delivery,
            "user_id" => &self.member.id,
            "tenant_id" => &self.other.id,
            "token_id" => &self.token,
            "hook_id" => &self.organisation,
            "skill_id" => &self.skill,
            "issuer_id" => &self.issuer,
            "host" => &self.host,
            "platform_number" => &self.platform,
            "group_number" => &self.group,
            "project_number" => &self.project,
            "member_kind" => "users",
            "member_number" => &self.number,
            "provider" => "github",
            "name" => "demo",
            "slug" => "conflict",
            "file" => "swagger-ui.css",
            other => panic!("{}: the walk does not know the parameter {other}", operation.id),
        }
        .to_owned()
    }

    /// The path of an operation, with one parameter replaced if asked for.
    fn path(&self, operation: &Operation, replaced: Option<(&str, &str)>) -> String {
        let mut path = operation.path.clone();
        for parameter in operation.parameters() {
            let id = match replaced {
                Some((name, id)) if name == parameter => id.to_owned(),
                Some(_) | None => self.id(operation, parameter),
            };
            path = path.replace(&format!("{{{parameter}}}"), &id);
        }
        let base = || self.app.double.as_ref().map(|double| double.github()).unwrap_or_default();
        match operation.id.as_str() {
            "repos_delete" => format!("{path}?force=true"),
            "repos_get_provider_meta" | "repos_get_provider_activity" => format!("{path}?credentialSource=repo"),
            "providers_list_repositories" => format!("{path}?credentialSource=global&apiBaseUrl={}", base()),
            _ => path,
        }
    }

    /// A body that the operation accepts. An operation with a body that is not named here fails the walk.
    fn body(&self, operation: &Operation) -> Value {
        match operation.id.as_str() {
            "access_create_token" => json!({"name": "new", "scopes": ["repos:read"]}),
            "trusted_hosts_set" => json!({"certificateSha256": "cd".repeat(32)}),
            "access_login" => json!({"username": "admin", "password": repoplane_tests::ADMIN_TOKEN}),
            "access_bootstrap" => json!({"tenant": "first", "username": "root"}),
            "access_recover" => json!({"username": "admin"}),
            "credentials_me_patch" => json!({"github": {"profiles": [{"remark": "mine", "token": "t"}]}}),
            "credentials_global_patch" => json!({"codex": {"profiles": [{"remark": "team", "apiKey": "k"}]}}),
            "repos_create" => json!({"provider": "github", "name": "acme/another"}),
            "repos_import" => {
                json!({"repositories": [{"provider": "gitlab", "name": "acme/imported", "externalId": "77"}]})
            }
            "repos_patch" => json!({"description": "changed"}),
            "repos_put_automation" => json!({"config": {"version": 2}}),
            "repos_add_member" => json!({"userId": self.stranger.id, "role": "member"}),
            "repos_update_member_role" => json!({"role": "maintainer"}),
            "repos_create_robot" => json!({
                "name": "Second", "promptDefault": "p", "token": "t",
                "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "k"}},
            }),
            "repos_patch_robot" => json!({"language": "de"}),
            "repos_list_model_provider_models" => json!({"provider": "codex"}),
            "tasks_update" => json!({"status": "cancelled"}),
            "tasks_claim" => json!({"worker": "w"}),
            "tenants_create" => json!({"tenant": "third", "username": "root"}),
            "tenants_update" => json!({"name": "renamed"}),
            "webhook_hooks_create" => json!({"provider": "gitlab", "owner": "acme"}),
            "webhook_hooks_update" => json!({"enabled": false}),
            "products_update" => json!({"baseUrl": "https://git.example.com"}),
            "issuers_create" => {
                json!({"issuer": "https://id.example.com", "audiences": ["plane"], "scopes": ["repos:read"]})
            }
            "issuers_update" => json!({"enabled": false}),
            "platforms_create" => json!({"name": "rosa"}),
            "platforms_update" => json!({"description": "changed"}),
            "platforms_set_member" | "groups_set_member" => json!({"role": "writer"}),
            "groups_create" => json!({"uname": "qb"}),
            "groups_update" => json!({"description": "changed"}),
            "projects_create" => json!({"name": "zsh"}),
            "projects_update" => json!({"description": "changed"}),
            "users_create" => json!({"username": "uma"}),
            "users_update" => json!({"displayName": "Mia"}),
            // Their bodies are optional.
            "repos_archive"
            | "repos_sync"
            | "repos_unarchive"
            | "repos_test_robot"
            | "repos_redeliver_webhook_delivery"
            | "repos_rotate_webhook_secret"
            | "repos_validate"
            | "repos_accept_skill"
            | "repos_set_provider_hook"
            | "webhook_hooks_rotate_secret"
            | "tasks_cancel"
            | "tasks_retry" => Value::Null,
            _ if operation.body.is_none() => Value::Null,
            other => panic!("{other}: the walk has no body for it"),
        }
    }

    fn event(&self, operation: &Operation) -> Event {
        self.event_at(operation, &self.path(operation, None))
    }

    fn event_at(&self, operation: &Operation, path: &str) -> Event {
        let event = Event::new(&operation.method, path);
        let body = self.body(operation);
        if body.is_null() {
            return event;
        }
        event.header("content-type", "application/json").body(body.to_string())
    }

    /// An event that succeeds, also of what is for a platform's repositories alone and takes no JSON.
    async fn good_event(&self, operation: &Operation) -> Event {
        if operation.id != "repos_put_packages" {
            return self.event(operation);
        }
        let repo = self.app.build_repo("rosa2012").await;
        let put = Event::new("PUT", &repo.packages()).header("content-type", "application/x-ndjson");
        put.body(repo.row("perl-Foo", "1.0"))
    }

    /// Makes what some operations need before they succeed.
    async fn prepare(&self, operation: &Operation) {
        let admin = self.app.admin();
        match operation.id.as_str() {
            // A robot that a rule names cannot go.
            "repos_delete_robot" => {
                let none = json!({"config": {"version": 2}});
                admin.put(&format!("{}/automation", self.hook.path), none).await.expect(200);
            }
            "repos_unarchive" => {
                admin.post(&format!("{}/archive", self.hook.path), Value::Null).await.expect(200);
            }
            _ => {}
        }
    }

    /// The table without what noting the use of a token changes.
    async fn items(&self) -> Vec<String> {
        let items = self.app.items().await.into_iter();
        let of_tokens = |item: &Value| item.to_string().contains("TOKEN#");
        let mut items: Vec<_> = items.filter(|item| !of_tokens(item)).map(|item| item.to_string()).collect();
        items.sort();
        items
    }

    /// The people behind a role that is one too low, and what they are told.
    fn too_low(&self, operation: &Operation) -> Option<(&Client, &'static str)> {
        match (operation.text("role"), operation.text("scope")) {
            (Some("member"), _) => Some((&self.stranger.client, "REPO_ACCESS_DENIED")),
            (Some("maintainer"), _) => Some((&self.member.client, "REPO_MANAGE_REQUIRED")),
            (Some("owner"), _) => Some((&self.maintainer.client, "REPO_OWNER_REQUIRED")),
            (None, Some("admin")) => Some((&self.member.client, "ADMIN_REQUIRED")),
            (None, _) => None,
            (Some(other), _) => panic!("{}: the walk does not know the role {other}", operation.id),
        }
    }
}

#[tokio::test]
async fn no_operation_is_open_to_who_may_not() {
    let world = World::new().await;
    let admin = world.app.admin();
    let narrow = async |scope: &str| {
        let token = admin.token(json!({"name": scope, "scopes": [scope]})).await;
        world.app.client(token)
    };
    let (repos, tasks) = (narrow("repos:read").await, narrow("tasks:read").await);
    let before = world.items().await;
    let mut roles = BTreeSet::new();
    for operation in operations().iter().filter(|operation| !operation.is_webhook()) {
        let (id, event) = (&operation.id, world.event(operation));
        let anonymous = world.app.anonymous().send(event.clone()).await;
        if operation.is("public") {
            assert!(operation.id == "access_login" || anonymous.status != 401, "{id}: public");
            continue;
        }
        anonymous.expect(401);
        assert_eq!(
            world.app.client("rpt_nobody-has-this").send(event.clone()).await.status,
            401,
            "{id}: unknown token"
        );
        match operation.text("scope") {
            None | Some("bootstrap") => {}
            Some(scope) => {
                let client = if scope.starts_with("repos") { &tasks } else { &repos };
                let refused = client.send(event.clone()).await;
                assert_eq!(refused.body["code"], "PAT_SCOPE_INSUFFICIENT", "{id}: {}", refused.body);
                assert_eq!(refused.status, 403, "{id}");
            }
        }
        if let Some((client, code)) = world.too_low(operation) {
            roles.insert(code);
            let refused = client.send(event.clone()).await;
            assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!(code)), "{id}: {}", refused.body);
        }
        // A tenant may trust whatever another trusts.
        let of_tenant = operation.id != "trusted_hosts_set"
            && operation.parameters().iter().any(|name| !["tenant_id", "provider"].contains(name));
        if of_tenant {
            let foreign = world.other.client.send(event).await;
            assert_eq!(foreign.status, 404, "{id}: another tenant's things do not exist: {}", foreign.body);
        }
    }
    assert_eq!(roles.len(), 4, "{roles:?}");
    assert!(before == world.items().await, "who may not has changed something");
}

#[tokio::test]
async fn no_operation_knows_an_id_that_is_none() {
    let world = World::new().await;
    let mut asked = 0;
    for operation in operations().iter().filter(|operation| !operation.is_webhook()) {
        for parameter in operation.parameters() {
            let known = world.id(operation, parameter);
            let unknown = match known.split_once('_') {
                Some((prefix, rest)) => format!("{prefix}_{}", "0".repeat(rest.len())),
                None => "no-such-thing".to_owned(),
            };
            for id in [unknown.as_str(), "nonsense", "rep_", "%00", "%E0%80"] {
                let path = world.path(operation, Some((parameter, id)));
                let answer = world.app.admin().send(world.event_at(operation, &path)).await;
                assert_eq!(answer.status, 404, "{} {path}: {}", operation.id, answer.body);
                asked += 1;
            }
        }
    }
    assert!(asked > 150, "{asked}");
}

#[tokio::test]
async fn no_operation_takes_a_wrong_body() {
    let world = World::new().await;
    let before = world.items().await;
    let mut asked = 0;
    for operation in operations().iter().filter(|operation| !operation.is_webhook()) {
        // The token that it asks for is checked before the body.
        if operation.body.is_none() || operation.text("scope") == Some("bootstrap") {
            continue;
        }
        let (id, admin, path) = (&operation.id, world.app.admin(), world.path(operation, None));
        let send = async |body: Vec<u8>| {
            let event = Event::new(&operation.method, &path).header("content-type", "application/json").body(body);
            admin.send(event).await
        };
        for malformed in [&b"{"[..], b"nonsense", b"{\"a\":\"\xff\xfe\"}", b"{} {}"] {
            let refused = send(malformed.to_vec()).await;
            assert_eq!(refused.status, 400, "{id}: {malformed:?} {}", refused.body);
            assert_eq!(refused.body["type"], "/problems/malformed-body", "{id}");
        }
        let deep = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
        assert_eq!(send(deep).await.status, 400, "{id}: nesting");
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(1024 * 1024));
        assert_eq!(send(large.into_bytes()).await.status, 413, "{id}: size");
        let text = Event::new(&operation.method, &path).header("content-type", "text/plain").body("x");
        assert_eq!(admin.send(text).await.status, 415, "{id}: media type");
        let rotates = ["repos_rotate_webhook_secret", "webhook_hooks_rotate_secret"].contains(&operation.id.as_str());
        if !world.body(operation).is_null() || rotates {
            for wrong in [json!([]), json!("text"), json!(7), json!(null)] {
                let refused = send(wrong.to_string().into_bytes()).await;
                assert_eq!(refused.status, 400, "{id}: {wrong} {}", refused.body);
            }
            let refused = send(b"{\"surely-unknown\":1}".to_vec()).await.expect(400);
            assert!(refused.wrong_fields().contains(&"/surely-unknown".to_owned()), "{id}: {}", refused.body);
            asked += 1;
        }
    }
    assert!(asked > 13, "{asked}");
    assert!(before == world.items().await, "a wrong body has changed something");
}

/// The answer without what is shown once.
fn comparable(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    if let Some(members) = body.as_object_mut() {
        for once in ["webhookSecret", "token", "operatorToken", "withheld"] {
            members.remove(once);
        }
    }
    body
}

#[tokio::test]
async fn every_call_that_creates_or_acts_has_its_effect_once() {
    // Bootstrap and recovery work once by themselves, signing in makes nothing, webhooks know their twins.
    let without_key = ["access_bootstrap", "access_recover", "access_login"];
    for operation in operations() {
        let keyless = operation.is_webhook() || without_key.contains(&operation.id.as_str());
        let takes_key = operation.method == "POST" && !keyless;
        assert_eq!(operation.is("idempotent"), takes_key, "{}: every POST takes a key", operation.id);
        if !takes_key {
            continue;
        }
        let world = World::new().await;
        world.prepare(&operation).await;
        let call = async || {
            let event = world.event(&operation).header("idempotency-key", "one-and-only");
            world.app.admin().send(event).await
        };
        let id = &operation.id;
        let first = call().await;
        assert!(first.status.is_success(), "{id}: {} {}", first.status, first.body);
        assert!(!first.headers.contains_key("idempotency-replayed"), "{id}");
        let after_first = world.items().await;
        let second = call().await;
        assert_eq!(
            second.headers.get("idempotency-replayed").map(|value| value.as_bytes()),
            Some(&b"true"[..]),
            "{id}"
        );
        assert_eq!((second.status, comparable(&second)), (first.status, comparable(&first)), "{id}");
        assert_eq!(second.headers.get("location"), first.headers.get("location"), "{id}");
        let after_second = world.items().await;
        // A number that was drawn for nothing is the one trace that a repeat may leave.
        let kept = |items: Vec<String>| items.into_iter().filter(|item| !item.contains("COUNTER#")).collect::<Vec<_>>();
        assert!(kept(after_first) == kept(after_second), "{id}: the repeat has changed something");
        let other = world.event(&operation).header("idempotency-key", "one-and-only");
        let other = other.header("content-type", "application/json").body(json!({"another": "request"}).to_string());
        let other = world.app.admin().send(other).await;
        assert!(other.status.is_client_error(), "{id}: {}", other.body);
    }
}

#[tokio::test]
async fn an_archived_repository_is_read_only_but_for_what_the_document_names() {
    let allowed: BTreeSet<&str> =
        ["repos_archive", "repos_unarchive", "repos_delete", "repos_list_model_provider_models"].into();
    let world = World::new().await;
    world.app.admin().post(&format!("{}/archive", world.hook.path), Value::Null).await.expect(200);
    let before = world.items().await;
    let (mut blocked, mut written) = (0, Vec::new());
    for operation in operations() {
        let below = operation.path.starts_with("/api/repos/{id}") || operation.path.starts_with("/api/tasks/{id}");
        if !below {
            assert_eq!(
                operation.text("archived"),
                Some(if operation.is_webhook() { "skipped" } else { "not-below-a-repository" }),
                "{}",
                operation.id
            );
            continue;
        }
        let (id, reads) = (operation.id.as_str(), operation.method == "GET");
        let expected = if reads || allowed.contains(id) { "allowed" } else { "blocked" };
        assert_eq!(operation.text("archived"), Some(expected), "{id}");
        if expected == "blocked" {
            let refused = world.app.admin().send(world.event(&operation)).await;
            assert_eq!(refused.status, 403, "{id}: {}", refused.body);
            assert_eq!(refused.body["code"], "REPO_ARCHIVED_READ_ONLY", "{id}");
            // The archive comes before the body's rules (contract: hookcode 4.1).
            let wrong = world.event(&operation).header("content-type", "application/json").body("[]");
            assert_eq!(world.app.admin().send(wrong).await.status, 403, "{id}: before the body");
            blocked += 1;
        } else if reads {
            let answer = world.app.admin().send(world.event(&operation)).await;
            assert!(answer.status.is_success(), "{id}: {}", answer.body);
        } else {
            written.push(operation);
        }
    }
    assert!(blocked > 13, "{blocked}");
    assert!(before == world.items().await, "an archived repository has changed");
    // Those that are allowed, the deletion last.
    written.sort_by_key(|operation| (operation.method == "DELETE", operation.id == "repos_unarchive"));
    for operation in written {
        let answer = world.app.admin().send(world.event(&operation)).await;
        assert!(answer.status.is_success(), "{}: {}", operation.id, answer.body);
    }
}

#[tokio::test]
async fn every_operation_succeeds_for_who_may() {
    let unchanged = World::new().await;
    for operation in operations().iter().filter(|operation| !operation.is_webhook()) {
        // It takes the deployment's own token, once (`access/bootstrap.rs`).
        if operation.text("scope") == Some("bootstrap") {
            continue;
        }
        let fresh;
        let world = if operation.method == "GET" {
            &unchanged
        } else {
            fresh = World::new().await;
            &fresh
        };
        world.prepare(operation).await;
        let answer = world.app.admin().send(world.good_event(operation).await).await;
        assert!(answer.status.is_success(), "{}: {} {}", operation.id, answer.status, answer.body);
        let tagged = answer.status == 200 && operation.path.starts_with("/api/") && operation.id != "openapi_document";
        assert!(!tagged || answer.headers.contains_key("etag"), "{}: an entity tag", operation.id);
        if operation.method == "GET" {
            let head = Event::new("HEAD", &world.path(operation, None));
            let head = world.app.admin().send(head).await;
            assert_eq!((head.status, head.bytes.len()), (answer.status, 0), "{}: HEAD", operation.id);
        }
    }
}
