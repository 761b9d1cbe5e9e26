//! One call of every operation on a stage where it succeeds; what it needs is made by other calls before.

use repoplane_api::app::Settings;
use repoplane_local::double::{ADMIN_TOKEN as DOUBLE_ADMIN_TOKEN, WRITE_TOKEN};
use repoplane_tests::{ADMIN_TOKEN, Event, GITHUB_ISSUES_OPENED, GITLAB_ISSUE_OPENED, Hook, Person, TestApp, fixture};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

const BOOTSTRAP_SECRET: &str = "repoplane/bootstrap";

/// A tenant with an administrator who does not run the registry, a member, and a repository with a robot and a rule.
pub(super) struct Stage {
    pub(super) app: TestApp,
    pub(super) administrator: Person,
    member: Person,
    hook: Hook,
    robot: String,
    count: AtomicU32,
}

/// One call, ready to be made once.
pub(super) struct Play {
    /// On which engines.
    pub(super) app: TestApp,
    /// The caller's token.
    pub(super) token: Option<String>,
    /// The call.
    pub(super) event: Event,
    /// How it ends.
    pub(super) status: u16,
    /// Calls by which an instance gets to know the repository: who may read it, where its task lies, its secrets.
    pub(super) acquaint: Vec<Event>,
}

impl Play {
    /// The play with calls that acquaint an instance with the repository.
    pub(super) fn after(self, acquaint: impl IntoIterator<Item = Event>) -> Self {
        Self { acquaint: acquaint.into_iter().collect(), ..self }
    }

    pub(super) fn by(self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self }
    }
}

fn get(target: &str) -> Event {
    Event::new("GET", target)
}

/// A profile of an account, with a key.
fn own_profile() -> Value {
    json!({"codex": {"profiles": [{"id": "own", "remark": "own", "apiKey": "sk"}]}})
}

/// A body that is null is none.
pub(super) fn with(method: &str, target: &str, body: &Value) -> Event {
    let event = Event::new(method, target);
    if body.is_null() { event } else { event.header("content-type", "application/json").body(body.to_string()) }
}

impl Stage {
    pub(super) async fn set() -> Self {
        let app = TestApp::start_with_double().await;
        let administrator = app.person_with(json!({"username": "boss", "roles": ["admin"]})).await;
        let member = app.person("mia").await;
        member.client.post("/api/repos", json!({"provider": "github", "name": "mine"})).await.expect(201);
        let (hook, robot) = Hook::ready(&app).await;
        hook.ping(&app, "first").await.expect(202);
        // Notes the first use of the token, which happens once an hour.
        administrator.client.get("/api/me").await.expect(200);
        Self { app, administrator, member, hook, robot, count: AtomicU32::default() }
    }

    /// A post that reads the tenant and its master key, and proves nothing.
    pub(super) fn forged(&self) -> Event {
        self.hook.with_secret("not the secret").event("ping", "forged", "{}")
    }

    fn number(&self) -> u32 {
        self.count.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn name(&self, of: &str) -> String {
        format!("{of}-{}", self.number())
    }

    /// Another repository with nothing on it.
    async fn bare(&self) -> Hook {
        Hook::register(&self.app, "github", json!({"name": self.name("acme/bare")})).await
    }

    /// A repository whose webhook secret its owner chose, so that it has a secret document; and a post that reads it.
    async fn with_document(&self, base: Value) -> (Hook, Event) {
        let body = json!({"name": self.name("acme/own"), "webhookSecret": "chosen by its owner", "apiBaseUrl": base});
        let hook = Hook::register(&self.app, "github", body).await;
        let forged = hook.with_secret("not the secret").event("ping", "forged", "{}");
        (hook, forged)
    }

    fn issue(&self) -> String {
        let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
        body["issue"]["number"] = json!(1000 + self.number());
        body.to_string()
    }

    /// An accepted delivery and its task.
    async fn delivered(&self) -> (String, String) {
        let posted = self.hook.post(&self.app, "issues", &self.name("guid"), &self.issue()).await.expect(202);
        let delivery = posted.headers["x-repoplane-delivery"].to_str().expect("text");
        let path = format!("{}/webhook-deliveries/{delivery}", self.hook.path);
        (path, format!("/api/tasks/{}", posted.text("/tasks/0/id")))
    }

    /// A task that a worker has, and the lease.
    async fn claimed(&self) -> (String, Value) {
        let (_, task) = self.delivered().await;
        let claimed = self.app.admin().post(&format!("{task}/claim"), json!({"worker": "w"})).await.expect(200);
        (task, claimed.body["leaseId"].clone())
    }

    pub(super) fn play(&self, event: Event, status: u16) -> Play {
        let token = Some(self.administrator.token.clone());
        Play { app: self.app.clone(), token, event, status, acquaint: Vec::new() }
    }

    pub(super) fn read(&self, target: &str) -> Play {
        self.play(get(target), 200)
    }

    fn list(&self, name: &str) -> Play {
        self.read(&format!("{}/{name}", self.hook.path)).after([get(&format!("{}/tasks", self.hook.path))])
    }

    /// The call of an operation in one of its cases; `None` when it is not written yet.
    pub(super) async fn prepare(&self, operation: &str, case: &str) -> Option<Play> {
        let group = operation.split_once('_').map_or(operation, |(group, _)| group);
        match group {
            "webhook" if operation.contains("hooks") => self.prepare_hook(operation, case).await,
            "nautes" => self.prepare_nautes(operation, case).await,
            "shiftagent" => self.prepare_shiftagent(operation, case).await,
            "reviewboard" => self.prepare_reviewboard(operation, case).await,
            "abf" => self.prepare_abf(operation, case).await,
            "platforms" | "groups" | "projects" => self.prepare_platforms(operation, case).await,
            "issuers" => self.prepare_issuer(operation, case).await,
            "trusted" => self.prepare_host(operation).await,
            "products" => self.prepare_product(operation).await,
            "access" | "tenants" | "users" | "credentials" | "audit" => self.prepare_access(operation, case).await,
            "webhook" | "tasks" => self.prepare_work(operation, case).await,
            "providers" => self.prepare_provider(operation, case).await,
            _ if operation.contains("provider") || operation.contains("validate") => {
                self.prepare_provider(operation, case).await
            }
            _ if operation.contains("robot") => self.prepare_robot(operation, case).await,
            _ if operation.contains("member") => self.prepare_member(operation, case).await,
            _ if operation.contains("deliver") => self.prepare_delivery(operation, case).await,
            _ => self.prepare_repository(operation, case).await,
        }
    }

    /// A repository at the double, whose provider has not been asked yet.
    async fn prepare_provider(&self, operation: &str, case: &str) -> Option<Play> {
        let name = self.name("acme/provided");
        let hook = Hook::at_double(&self.app, "github", &name, Some(DOUBLE_ADMIN_TOKEN)).await;
        let path = |rest: &str| format!("{}/{rest}", hook.path);
        // Reads the repository's secrets, and leaves nothing believed about the question itself.
        let known = [get(&path("provider-hook"))];
        let asked = |target: String| self.read(&target).after([get(&target)]);
        Some(match (operation, case) {
            ("repos_get_provider_meta", "") => asked(path("provider-meta?credentialSource=repo")),
            ("repos_get_provider_meta", "asked anew") => {
                self.read(&path("provider-meta?credentialSource=repo")).after(known)
            }
            ("repos_get_provider_activity", "") => asked(path("provider-activity?credentialSource=repo")),
            ("repos_get_provider_activity", "asked anew") => {
                self.read(&path("provider-activity?credentialSource=repo")).after(known)
            }
            ("repos_validate", "") => self.play(with("POST", &path("validate"), &Value::Null), 200).after(known),
            ("repos_get_provider_hook", "") => self.read(&path("provider-hook")).after(known),
            ("repos_set_provider_hook", "") => {
                self.play(with("POST", &path("provider-hook"), &Value::Null), 200).after(known)
            }
            ("repos_delete_provider_hook", "") => {
                self.app.admin().post(&path("provider-hook"), Value::Null).await.expect(200);
                self.play(Event::new("DELETE", &path("provider-hook")), 200).after(known)
            }
            ("repos_list_model_provider_models", "") => {
                let body = json!({"provider": "codex"});
                self.play(with("POST", &path("model-credentials/models"), &body), 200).after(known)
            }
            ("providers_list_repositories", "") => {
                let double = self.app.double.as_ref().expect("a double");
                let own = double.own_token(DOUBLE_ADMIN_TOKEN);
                self.app.admin().patch("/api/credentials/global", own).await.expect(200);
                let path = "/api/providers/github/repositories?credentialSource=global";
                asked(format!("{path}&apiBaseUrl={}", double.github()))
            }
            _ => return None,
        })
    }

    async fn prepare_access(&self, operation: &str, case: &str) -> Option<Play> {
        let admin = self.app.admin();
        let operated = |play: Play| play.by(Some(ADMIN_TOKEN));
        Some(match (operation, case) {
            ("access_bootstrap", "") => {
                let app = TestApp::unbootstrapped().await;
                let vault = app.line.secrets_manager();
                vault.create_secret().name(BOOTSTRAP_SECRET).secret_string("boot").send().await.expect("a secret");
                let app = app.with_settings(Settings {
                    bootstrap_secret: Some(BOOTSTRAP_SECRET.to_owned()),
                    ..Settings::default()
                });
                let body = json!({"tenant": "acme", "username": "ann", "email": "ann@example.com"});
                let play = self.play(with("POST", "/api/bootstrap", &body), 201).by(Some("boot"));
                Play { app, ..play }
            }
            ("access_recover", "") => {
                // Each value is good once, and the row is played several times.
                let once =
                    repoplane_domain::id::WriteId::new(self.app.clock.peek(), self.app.store().ids()).to_string();
                let vault = self.app.line.secrets_manager();
                vault.create_secret().name(&once).secret_string(&once).send().await.expect("a secret");
                let settings = Settings { bootstrap_secret: Some(once.clone()), ..Settings::default() };
                let body = json!({"username": "admin"});
                let play = self.play(with("POST", "/api/bootstrap/recover", &body), 200).by(Some(&once));
                Play { app: self.app.with_settings(settings), ..play }
            }
            ("access_login", "") => {
                let body = json!({"username": self.administrator.username, "password": self.administrator.token});
                self.play(with("POST", "/api/auth/login", &body), 200).by(None)
            }
            ("access_me", "") => self.read("/api/me"),
            ("access_list_tokens", "") => self.read("/api/access-tokens"),
            ("access_create_token", "") => {
                let body = json!({"name": "another", "scopes": ["repos:read"]});
                self.play(with("POST", "/api/access-tokens", &body), 201)
            }
            ("access_revoke_token", "") => {
                let body = json!({"name": "another", "scopes": ["repos:read"]});
                let made = self.administrator.client.post("/api/access-tokens", body).await.expect(201);
                let path = format!("/api/access-tokens/{}", made.text("/accessToken/id"));
                self.play(Event::new("DELETE", &path), 200)
            }
            ("tenants_list", "") => operated(self.read("/api/tenants")),
            ("tenants_create", "") => {
                let body = json!({"tenant": self.name("tenant"), "username": "root"});
                operated(self.play(with("POST", "/api/tenants", &body), 201))
            }
            ("tenants_get", "") => {
                let id = admin.get("/api/me").await.text("/tenant/id");
                operated(self.read(&format!("/api/tenants/{id}")))
            }
            ("tenants_update", "") => {
                let other = self.app.tenant(&self.name("tenant")).await;
                let body = json!({"name": self.name("renamed")});
                operated(self.play(with("PATCH", &format!("/api/tenants/{}", other.id), &body), 200))
            }
            ("users_list", "") => self.read("/api/users"),
            ("users_create", "") => self.play(with("POST", "/api/users", &json!({"username": self.name("user")})), 201),
            ("users_get", "") => self.read(&format!("/api/users/{}", self.member.id)),
            ("users_update", "") => {
                let path = format!("/api/users/{}", self.member.id);
                self.play(with("PATCH", &path, &json!({"displayName": self.name("Mia")})), 200)
            }
            ("users_update", "an administrator is demoted") => {
                let user = json!({"username": self.name("user"), "roles": ["admin"]});
                let id = admin.post("/api/users", user).await.expect(201).text("/user/id");
                self.play(with("PATCH", &format!("/api/users/{id}"), &json!({"roles": []})), 200)
            }
            ("credentials_me_get", "") => self.read("/api/credentials/me"),
            ("credentials_global_get", "") => self.read("/api/credentials/global"),
            ("credentials_me_patch", "") => {
                self.administrator.client.patch("/api/credentials/me", own_profile()).await.expect(200);
                let remark = json!({"codex": {"profiles": [{"id": "own", "remark": self.name("remark")}]}});
                self.play(with("PATCH", "/api/credentials/me", &remark), 200)
            }
            ("credentials_me_patch", "the first secret value") => {
                let person = self.app.person(&self.name("ann")).await;
                person.client.get("/api/me").await.expect(200);
                self.play(with("PATCH", "/api/credentials/me", &own_profile()), 200).by(Some(&person.token))
            }
            ("credentials_global_patch", "") => {
                self.play(with("PATCH", "/api/credentials/global", &json!({"gemini_cli": {}})), 200)
            }
            ("audit_list", "") => self.read("/api/audit"),
            _ => return None,
        })
    }

    async fn prepare_repository(&self, operation: &str, case: &str) -> Option<Play> {
        let profile = json!({"repoProviderCredential": {"profiles": [{"remark": "x", "token": "t"}]}});
        Some(match (operation, case) {
            ("welcome", "") => self.read("/").by(None),
            ("health", "") => self.read("/health").by(None),
            ("health_deep", "") => self.read("/health/deep"),
            ("version", "") => self.read("/version").by(None),
            ("openapi_document", "") => self.read("/api/openapi.json").by(None),
            ("docs_page", "") => self.read("/docs").by(None),
            ("docs_file", "") => self.read("/docs/page.css").by(None),
            ("problems_list", "") => self.read("/problems").by(None),
            ("problems_get", "") => self.read("/problems/not-found").by(None),
            ("repos_list", "") => self.read("/api/repos"),
            ("repos_list", "archived=all") => self.read("/api/repos?archived=all"),
            ("repos_list", "by a member") => self.read("/api/repos").by(Some(&self.member.token)),
            ("repos_create", "") => {
                let body = json!({"provider": "github", "name": self.name("acme/new")});
                self.play(with("POST", "/api/repos", &body), 201)
            }
            ("repos_create", "with a webhook secret") => {
                let name = self.name("acme/new");
                let body = json!({"provider": "github", "name": name, "webhookSecret": "chosen by its owner"});
                self.play(with("POST", "/api/repos", &body), 201)
            }
            ("repos_import", case @ ("" | "registered before")) => {
                let name = self.name("acme/imported");
                let body = json!({"repositories": [{"provider": "gitlab", "name": name, "externalId": name}]});
                if case == "registered before" {
                    self.app.admin().post("/api/repos/import", body.clone()).await.expect(200);
                }
                self.play(with("POST", "/api/repos/import", &body), 200)
            }
            ("repos_get", "") => self.read(&self.hook.path),
            ("repos_get", "served by the tenant's template") => {
                let template = json!({"id": "all", "remark": "all", "token": "t", "urlPrefix": "https://github.com/"});
                let body = json!({"github": {"profiles": [template]}});
                self.administrator.client.patch("/api/credentials/global", body).await.expect(200);
                let hook = self.bare().await;
                self.read(&hook.path).after([get(&hook.path)])
            }
            ("repos_patch", "") => {
                self.play(with("PATCH", &self.hook.path, &json!({"description": self.name("text")})), 200)
            }
            ("repos_patch", "the first secret value") => {
                self.play(with("PATCH", &self.bare().await.path, &profile), 200)
            }
            ("repos_patch", "another secret value") => {
                let (hook, forged) = self.with_document(Value::Null).await;
                self.play(with("PATCH", &hook.path, &profile), 200).after([forged])
            }
            ("repos_delete", "") => self.play(Event::new("DELETE", &self.bare().await.path), 200),
            ("repos_archive", "") => self.play(Event::new("POST", &format!("{}/archive", self.bare().await.path)), 200),
            ("repos_unarchive", "") => {
                let hook = self.bare().await;
                self.app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
                self.play(Event::new("POST", &format!("{}/unarchive", hook.path)), 200)
            }
            ("repos_rotate_webhook_secret", "") => {
                self.play(Event::new("POST", &format!("{}/webhook-secret/rotate", self.bare().await.path)), 200)
            }
            ("repos_sync", "") => self.play(Event::new("POST", &format!("{}/sync", self.bare().await.path)), 202),
            ("repos_list_skills", "") => self.list("skills"),
            ("repos_get_skill", "") => {
                let hook = self.bare().await;
                let skill = self.app.escalated_skill(&hook.repo).await;
                self.read(&format!("{}/skills/{skill}", hook.path))
            }
            ("repos_accept_skill", "") => {
                let hook = self.bare().await;
                let skill = self.app.escalated_skill(&hook.repo).await;
                self.play(Event::new("POST", &format!("{}/skills/{skill}/accept", hook.path)), 200)
            }
            ("repos_put_packages", "") => {
                // On engines of its own: a repository without a remote would stand in the way of other lists.
                let app = TestApp::start().await;
                let repo = app.build_repo("rosa2012").await;
                let put = Event::new("PUT", &repo.packages()).header("content-type", "application/x-ndjson");
                let token = Some(repoplane_tests::ADMIN_TOKEN.to_owned());
                Play { app, token, ..self.play(put.body(repo.row("perl-Foo", "1.0")), 200) }
            }
            ("repos_list_audit", "") => self.list("audit"),
            ("repos_get_automation", "") => self.read(&format!("{}/automation", self.hook.path)),
            ("repos_put_automation", "") => {
                let rule = json!({"name": "test rule", "actions": [{"robotId": self.robot}]});
                let body = json!({"config": {"version": 2, "events": {"issue": {"rules": [rule]}}}});
                self.play(with("PUT", &format!("{}/automation", self.hook.path), &body), 200)
            }
            _ => return None,
        })
    }

    async fn prepare_member(&self, operation: &str, case: &str) -> Option<Play> {
        let (user, admin) = (&self.member, self.app.admin());
        let members = format!("{}/members", self.bare().await.path);
        let member = format!("{members}/{}", user.id);
        let by_id = json!({"userId": user.id, "role": "member"});
        Some(match (operation, case) {
            ("repos_list_members", "") => self.read(&members),
            ("repos_add_member", "") => self.play(with("POST", &members, &by_id), 201),
            ("repos_add_member", "by user name") => {
                self.play(with("POST", &members, &json!({"username": user.username, "role": "member"})), 201)
            }
            ("repos_update_member_role", "") => {
                admin.post(&members, by_id).await.expect(201);
                self.play(with("PATCH", &member, &json!({"role": "maintainer"})), 200)
            }
            ("repos_remove_member", "") => {
                admin.post(&members, by_id).await.expect(201);
                self.play(Event::new("DELETE", &member), 200)
            }
            _ => return None,
        })
    }

    async fn prepare_robot(&self, operation: &str, case: &str) -> Option<Play> {
        let robots = format!("{}/robots", self.hook.path);
        let robot = |name: String| {
            json!({
                "name": name, "promptDefault": "p", "repoCredentialSource": "repo", "repoCredentialProfileId": "bot",
                "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
            })
        };
        Some(match (operation, case) {
            ("repos_list_robots", "") => self.read(&robots),
            ("repos_get_robot", "") => self.read(&format!("{robots}/{}", self.robot)),
            ("repos_create_robot", "") => self.play(with("POST", &robots, &robot(self.name("Robot"))), 201),
            ("repos_create_robot", "with a token of its own") => {
                let (hook, forged) = self.with_document(Value::Null).await;
                let own = json!({
                    "name": "Own", "promptDefault": "p", "token": "t",
                    "modelProviderConfig": {"credentialSource": "robot", "credential": {"apiKey": "sk"}},
                });
                self.play(with("POST", &format!("{}/robots", hook.path), &own), 201).after([forged])
            }
            ("repos_create_robot", "with the caller's account") => {
                self.administrator.client.patch("/api/credentials/me", own_profile()).await.expect(200);
                let mut body = robot(self.name("Robot"));
                body["modelProviderConfig"] = json!({"credentialSource": "user", "credentialProfileId": "own"});
                self.play(with("POST", &robots, &body), 201)
            }
            ("repos_patch_robot", "") => {
                let path = format!("{robots}/{}", self.robot);
                self.play(with("PATCH", &path, &json!({"promptDefault": self.name("prompt")})), 200)
            }
            ("repos_delete_robot", "") => {
                let made = self.app.admin().post(&robots, robot(self.name("Robot"))).await.expect(201);
                self.play(Event::new("DELETE", &format!("{robots}/{}", made.text("/robot/id"))), 200)
            }
            ("repos_test_robot", "") => {
                let double = self.app.double.as_ref().expect("a provider double");
                let (hook, forged) = self.with_document(json!(double.github())).await;
                hook.add_credentials(&self.app, WRITE_TOKEN).await;
                let robot = hook.add_robot(&self.app, "Triage").await;
                self.play(Event::new("POST", &format!("{}/robots/{robot}/test", hook.path)), 200).after([forged])
            }
            _ => return None,
        })
    }

    async fn prepare_delivery(&self, operation: &str, case: &str) -> Option<Play> {
        if operation == "repos_list_webhook_deliveries" {
            return Some(self.list("webhook-deliveries"));
        }
        let (delivery, _) = self.delivered().await;
        Some(match (operation, case) {
            ("repos_get_webhook_delivery", "") => self.read(&delivery),
            ("repos_get_webhook_delivery_payload", "") => self.read(&format!("{delivery}/payload")),
            ("repos_redeliver_webhook_delivery", "") => {
                self.play(Event::new("POST", &format!("{delivery}/redeliver")), 201)
            }
            ("repos_delete_webhook_delivery_content", "") => {
                self.play(Event::new("DELETE", &format!("{delivery}/content")), 200)
            }
            _ => return None,
        })
    }

    /// An organisation's webhook.
    async fn organisation(&self, body: Value) -> Hook {
        Hook::organisation(&self.app, body).await
    }

    async fn prepare_issuer(&self, operation: &str, case: &str) -> Option<Play> {
        let body = || {
            let url = format!("https://{}.example.com", self.name("issuer"));
            json!({"issuer": url, "audiences": ["plane"], "scopes": ["repos:read"]})
        };
        let made = async || {
            let made = self.app.admin().post("/api/issuers", body()).await.expect(201);
            format!("/api/issuers/{}", made.text("/issuer/id"))
        };
        Some(match (operation, case) {
            ("issuers_list", "") => self.read("/api/issuers"),
            ("issuers_create", "") => self.play(with("POST", "/api/issuers", &body()), 201),
            ("issuers_get", "") => self.read(&made().await),
            ("issuers_update", "") => self.play(with("PATCH", &made().await, &json!({"enabled": false})), 200),
            ("issuers_delete", "") => self.play(Event::new("DELETE", &made().await), 200),
            _ => return None,
        })
    }

    async fn prepare_host(&self, operation: &str) -> Option<Play> {
        let path = format!("/api/trusted-hosts/{}.example.com:443", self.name("git"));
        let statement = |digit: &str| json!({"certificateSha256": digit.repeat(64)});
        if operation != "trusted_hosts_set" {
            self.app.admin().put(&path, statement("a")).await.expect(200);
        }
        Some(match operation {
            "trusted_hosts_list" => self.read("/api/trusted-hosts"),
            "trusted_hosts_get" => self.read(&path),
            "trusted_hosts_set" => self.play(with("PUT", &path, &statement("b")), 200),
            "trusted_hosts_delete" => self.play(Event::new("DELETE", &path), 200),
            _ => return None,
        })
    }

    async fn prepare_product(&self, operation: &str) -> Option<Play> {
        let name = self.name("shop");
        self.app.admin().post(&format!("/api/v1/products/{name}"), json!({"git": {}})).await.expect(200);
        let path = format!("/api/products/{name}");
        Some(match operation {
            "products_list" => self.read("/api/products"),
            "products_get" => self.read(&path),
            "products_update" => self.play(with("PATCH", &path, &json!({"baseUrl": "https://git.example.com"})), 200),
            _ => return None,
        })
    }

    async fn prepare_hook(&self, operation: &str, case: &str) -> Option<Play> {
        let made = async || self.organisation(json!({"provider": "github"})).await.path;
        Some(match (operation, case) {
            ("webhook_hooks_list", "") => self.read("/api/webhook-hooks"),
            ("webhook_hooks_create", "") => {
                self.play(with("POST", "/api/webhook-hooks", &json!({"provider": "github", "owner": "acme"})), 201)
            }
            ("webhook_hooks_create", "with a secret") => {
                let body = json!({"provider": "github", "webhookSecret": "chosen by its owner"});
                self.play(with("POST", "/api/webhook-hooks", &body), 201)
            }
            ("webhook_hooks_get", "") => self.read(&made().await),
            ("webhook_hooks_update", "") => {
                self.play(with("PATCH", &made().await, &json!({"description": self.name("text")})), 200)
            }
            ("webhook_hooks_delete", "") => self.play(Event::new("DELETE", &made().await), 200),
            ("webhook_hooks_rotate_secret", "") => {
                self.play(Event::new("POST", &format!("{}/secret/rotate", made().await)), 200)
            }
            _ => return None,
        })
    }

    async fn prepare_work(&self, operation: &str, case: &str) -> Option<Play> {
        let posted = |event: Event| self.play(event, 202).by(None);
        let on = |task: &str, event: Event| self.play(event, 200).after([get(task)]);
        Some(match (operation, case) {
            ("webhook_github", "") => posted(self.hook.event("issues", &self.name("guid"), &self.issue())),
            ("webhook_github", "the first on its repository") => {
                let body: Value = serde_json::from_str(&self.issue()).expect("JSON");
                let name = self.name("Codertocat/Hello-World");
                let body = body.to_string().replace("Codertocat/Hello-World", &name);
                let body = body.replace("186853002", &(9_000_000 + self.number()).to_string());
                let hook = Hook::register(&self.app, "github", json!({"name": name})).await;
                posted(hook.event("issues", "guid", &body))
            }
            ("webhook_github", "the same delivery again") => {
                let event = self.hook.event("issues", &self.name("guid"), &self.issue());
                self.app.anonymous().send(event.clone()).await.expect(202);
                posted(event)
            }
            ("webhook_gitlab", "") => {
                let mut body: Value = serde_json::from_str(&fixture(GITLAB_ISSUE_OPENED)).expect("JSON");
                body["project"]["path_with_namespace"] = json!(self.name("gitlab/project"));
                body["project"]["id"] = json!(9_000_000 + self.number());
                let name = body["project"]["path_with_namespace"].clone();
                let hook = Hook::register(&self.app, "gitlab", json!({"name": name})).await;
                hook.post(&self.app, "Issue Hook", "first", &body.to_string()).await.expect(202);
                body["filler"] = json!("another post");
                posted(hook.event("Issue Hook", "second", &body.to_string()))
            }
            ("webhook_github_organisation", "") => {
                let organisation = self.organisation(json!({"provider": "github", "owner": "Codertocat"})).await;
                // Refused before its secret is asked for.
                let elsewhere = with("POST", &organisation.webhook.replace("github", "gitlab"), &json!({}));
                posted(organisation.event("issues", &self.name("guid"), &self.issue())).after([elsewhere])
            }
            ("webhook_gitlab_group", "") => {
                let mut body: Value = serde_json::from_str(&fixture(GITLAB_ISSUE_OPENED)).expect("JSON");
                body["project"]["path_with_namespace"] = json!(self.name("gitlab/project"));
                body["project"]["id"] = json!(9_000_000 + self.number());
                let registered = json!({
                    "name": body["project"]["path_with_namespace"], "externalId": body["project"]["id"].to_string(),
                    "apiBaseUrl": "https://gitlab.example.com",
                });
                let hook = Hook::register(&self.app, "gitlab", registered).await;
                hook.post(&self.app, "Issue Hook", "first", &body.to_string()).await.expect(202);
                let group = json!({"provider": "gitlab", "apiBaseUrl": "https://gitlab.example.com"});
                let group = self.organisation(group).await;
                let elsewhere = with("POST", &group.webhook.replace("gitlab", "github"), &json!({}));
                body["filler"] = json!("another post");
                posted(group.event("Issue Hook", "second", &body.to_string())).after([elsewhere])
            }
            ("tasks_list", "") => self.list("tasks"),
            ("tasks_get", "") => {
                let (_, task) = self.delivered().await;
                on(&task, get(&task))
            }
            ("tasks_claim", "") => {
                let (_, task) = self.delivered().await;
                on(&task, with("POST", &format!("{task}/claim"), &json!({"worker": "w"})))
            }
            ("tasks_update", "") => {
                let (task, lease) = self.claimed().await;
                on(&task, with("PATCH", &task, &json!({"status": "succeeded", "leaseId": lease})))
            }
            ("tasks_retry", "") => {
                let (task, lease) = self.claimed().await;
                let failed = json!({"status": "failed", "leaseId": lease});
                self.app.admin().patch(&task, failed).await.expect(200);
                on(&task, Event::new("POST", &format!("{task}/retry")))
            }
            ("tasks_cancel", "") => {
                let (_, task) = self.delivered().await;
                on(&task, Event::new("POST", &format!("{task}/cancel")))
            }
            _ => return None,
        })
    }
}
