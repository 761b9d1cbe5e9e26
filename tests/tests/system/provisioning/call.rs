//! Saving and deleting over the API, in a product that is connected to its Git server.

use super::{NOTHING, OWNER, PROVIDERS, Stage};
use http::Method;
use repoplane_domain::provisioning::INTENT_LEASE;
use repoplane_domain::repository::Provider;
use repoplane_local::double::{ADMIN_TOKEN, Failure};
use repoplane_tests::{Answer, consistency};
use serde_json::{Value, json};

const PRODUCT: &str = "/api/v1/products/demo";
const WEB: &str = "/api/v1/products/demo/coderepos/web";

impl Stage {
    /// A product that is connected to the double.
    async fn connected(provider: Provider, deletes: bool) -> Self {
        let stage = Self::new(provider).await;
        let admin = stage.app.admin();
        admin.post(PRODUCT, json!({"git": {}})).await.expect(200);
        stage.connect(json!({"deleteAtProvider": deletes})).await.expect(200);
        stage
    }

    async fn connect(&self, more: Value) -> Answer {
        let mut connection = json!({"provider": self.provider, "owner": OWNER, "credentialId": self.home.credential,
            "apiBaseUrl": self.home.api_base_url});
        let more = more.as_object().expect("an object").clone();
        connection.as_object_mut().expect("an object").extend(more);
        self.app.admin().patch("/api/products/demo", json!({"connection": connection})).await
    }

    fn body(&self, description: &str) -> Value {
        let side = json!({"name": "web", "path": "web", "visibility": "private", "description": description});
        let git = json!({self.provider.as_str(): side});
        json!({"webhook": {"events": ["push_events"]}, "git": git})
    }

    async fn saved(&self, description: &str) -> Answer {
        self.app.admin().post(WEB, self.body(description)).await
    }

    /// What the registry keeps, without what is kept of calls and what happened.
    async fn kept(&self) -> Vec<String> {
        let mut kept: Vec<String> = self.app.items().await.iter().map(ToString::to_string).collect();
        kept.retain(|item| !["COUNTER#", "AUDIT#", "IDEMPOTENCY#"].iter().any(|begin| item.contains(begin)));
        kept.sort();
        kept
    }

    async fn is_whole(&self) {
        consistency::check(&self.app.items().await).expect("a whole table");
        assert_eq!(self.intents().await, 0);
    }
}

#[tokio::test]
async fn a_save_makes_a_project_and_registers_it_and_a_second_one_changes_both() {
    for provider in PROVIDERS {
        let stage = Stage::connected(provider, false).await;
        let admin = stage.app.admin();
        stage.saved("one").await.expect(200);
        stage.is_whole().await;
        let [projects, keys, hooks] = stage.outside();
        assert_eq!((projects.len(), keys.len(), hooks.len()), (1, 2, 1), "{provider}");
        let shown = admin.get(WEB).await.expect(200).body;
        let (own, other) = if provider == Provider::Github { ("github", "gitlab") } else { ("gitlab", "github") };
        assert_eq!(shown["git"][other], Value::Null);
        let side = &shown["git"][own];
        let host = format!("{own}.com");
        assert_eq!(side["http_url_to_repo"], format!("https://{host}/forge/web.git"));
        assert_eq!(side["ssh_url_to_repo"], format!("git@{host}:forge/web.git"));
        assert_eq!([&side["path"], &side["visibility"], &side["description"]], ["web", "private", "one"]);
        // The registry's other paths see a repository of the provider.
        let list = admin.get("/api/repos").await.expect(200).body;
        let repo = &list["repos"][0];
        assert_eq!((&repo["provider"], &repo["namespace"]), (&json!(provider), &json!("product/demo")), "{repo}");

        stage.saved("two").await.expect(200);
        stage.is_whole().await;
        let [projects, new_keys, new_hooks] = stage.outside();
        assert_eq!((projects.len(), &projects[0]["description"]), (1, &json!("two")));
        assert_eq!((new_keys, new_hooks.len()), (keys, 1), "keys stay");
        assert_eq!(admin.get(WEB).await.expect(200).body["git"][own]["description"], "two");
        // Without events there is no webhook.
        let mut body = stage.body("two");
        body["webhook"] = json!({"events": []});
        admin.post(WEB, body).await.expect(200);
        assert_eq!(stage.outside()[2].len(), 0);
        stage.is_whole().await;
    }
}

#[tokio::test]
async fn whatever_the_provider_does_not_do_registry_and_provider_stay_as_they_were() {
    for provider in PROVIDERS {
        for registered in [false, true] {
            let stage = Stage::connected(provider, false).await;
            if registered {
                stage.saved("one").await.expect(200);
            }
            let (outside, kept) = (stage.outside(), stage.kept().await);
            let hooks = if registered {
                Method::from_bytes(stage.edit_method().as_str().as_bytes()).unwrap()
            } else {
                Method::POST
            };
            let steps = [
                ("create", Method::POST, stage.path("create").to_owned()),
                (
                    "project",
                    stage.edit_method(),
                    if provider == Provider::Github { "/repos/forge/web" } else { "" }.to_owned(),
                ),
                ("keys", Method::POST, stage.path("keys").to_owned()),
                ("hook", hooks, if registered { String::new() } else { "/hooks".to_owned() }),
            ];
            for (step, method, path) in steps {
                if registered && ["create", "keys"].contains(&step) {
                    continue;
                }
                for (failure, status, reason) in [
                    (Failure::Status(403, json!({"message": "403 Forbidden"})), 502, "PROVIDER_REFUSED"),
                    (Failure::Status(404, json!({"message": "404 Not Found"})), 502, "PROVIDER_REFUSED"),
                    (Failure::Status(422, json!({"message": "no"})), 502, "PROVIDER_REFUSED"),
                    (Failure::Status(500, json!({"message": "oops"})), 502, "PROVIDER_UNAVAILABLE"),
                    (Failure::Lost, 502, "PROVIDER_UNAVAILABLE"),
                ] {
                    // A hook that is gone is made anew.
                    if step == "hook" && registered && matches!(failure, Failure::Status(404, _)) {
                        continue;
                    }
                    let row = format!("{provider} {registered} {step} {failure:?}");
                    stage.forges().fail(provider, (method.clone(), &path), failure, 1);
                    let answer = stage.saved("changed").await;
                    assert_eq!(answer.status.as_u16(), status, "{row}: {}", answer.body);
                    assert_eq!(answer.body["reason"], reason, "{row}: {}", answer.body);
                    assert!(!answer.body.to_string().contains(ADMIN_TOKEN), "{row}");
                    assert_eq!(stage.outside(), outside, "{row}");
                    assert_eq!(stage.kept().await, kept, "{row}");
                    stage.forges().heal();
                }
            }
            stage.is_whole().await;
        }
    }
}

#[tokio::test]
async fn nothing_is_asked_of_the_provider_before_all_is_checked() {
    for provider in PROVIDERS {
        let stage = Stage::connected(provider, false).await;
        let admin = stage.app.admin();
        let with = |pointer: &str, value: Value| {
            let mut body = stage.body("x");
            match body.pointer_mut(pointer) {
                Some(place) => *place = value,
                None => body[pointer.trim_start_matches('/')] = value,
            }
            body
        };
        let other = if provider == Provider::Github { "gitlab" } else { "github" };
        let side = json!({"name": "web", "path": "web", "visibility": "private"});
        let mut rows = vec![
            (WEB, with("/webhook/events", json!(["no_events"])), "INVALID_WEBHOOK_EVENT"),
            (WEB, with("/project", json!("absent")), "RESOURCE_NOT_EXIST"),
            (WEB, with("/git", json!({other: side})), "RESOURCE_NOT_MATCH"),
            ("/api/v1/products/demo/coderepos/other", stage.body("x"), "RESOURCE_NOT_MATCH"),
        ];
        if provider == Provider::Github {
            rows.push((WEB, with("/webhook/events", json!(["confidential_issues_events"])), "INVALID_WEBHOOK_EVENT"));
            rows.push((WEB, with("/git/github/name", json!("Shop")), "RESOURCE_NOT_MATCH"));
        }
        for (path, body, reason) in rows {
            let answer = admin.post(path, body).await.expect(400);
            assert_eq!(answer.body["reason"], reason, "{provider}: {}", answer.body);
        }
        assert!(stage.forges().calls(provider).is_empty(), "{:?}", stage.forges().calls(provider));
        stage.is_whole().await;
    }
}

#[tokio::test]
async fn deleting_keeps_the_code_unless_the_product_says_otherwise() {
    for provider in PROVIDERS {
        for deletes in [false, true] {
            let stage = Stage::connected(provider, deletes).await;
            stage.saved("one").await.expect(200);
            stage.app.admin().delete(WEB).await.expect(200);
            let [projects, keys, hooks] = stage.outside();
            let left = usize::from(!deletes);
            assert_eq!((projects.len(), keys.len(), hooks.len()), (left, 0, 0), "{provider} {deletes}");
            stage.app.admin().get(WEB).await.expect(404);
            stage.is_whole().await;
            stage.app.admin().delete(WEB).await.expect(200);
            // It can be saved again, over the code that stayed.
            stage.saved("again").await.expect(200);
            assert_eq!(stage.outside()[0].len(), 1);
            // A project that is gone already is as good as deleted.
            let id = stage.outside()[0][0]["id"].as_u64().unwrap();
            stage.forges().unmake(provider, id);
            stage.app.admin().delete(WEB).await.expect(200);
            stage.app.admin().get(WEB).await.expect(404);
            stage.is_whole().await;
        }
    }
}

#[tokio::test]
async fn a_project_that_cannot_be_deleted_keeps_its_registration() {
    for provider in PROVIDERS {
        let stage = Stage::connected(provider, true).await;
        stage.saved("one").await.expect(200);
        let (outside, kept) = (stage.outside(), stage.kept().await);
        let failure = Failure::Status(403, json!({"message": "403 Forbidden"}));
        stage.forges().fail(provider, (Method::DELETE, ""), failure, 1);
        let answer = stage.app.admin().delete(WEB).await.expect(502);
        assert_eq!(answer.body["reason"], "PROVIDER_REFUSED");
        assert_eq!((stage.outside(), stage.kept().await), (outside, kept));
        // An answer that is lost is not believed to be a failure: the project is looked for.
        stage.forges().fail(provider, (Method::DELETE, ""), Failure::Lost, 1);
        stage.app.admin().delete(WEB).await.expect(200);
        assert_eq!(stage.outside(), NOTHING);
        stage.is_whole().await;
    }
}

#[tokio::test]
async fn a_deletion_that_dies_is_finished_or_forgotten_by_the_tick() {
    for provider in PROVIDERS {
        for (failure, is_gone) in [(Failure::Hang, false), (Failure::HangAfter, true)] {
            let stage = Stage::connected(provider, true).await;
            stage.saved("one").await.expect(200);
            stage.forges().fail(provider, (Method::DELETE, ""), failure, 1);
            let admin = stage.app.admin();
            tokio::select! {
                answer = admin.delete(WEB) => panic!("{}", answer.body),
                () = stage.forges().reached(provider) => {}
            }
            stage.forges().heal();
            stage.app.clock.advance(INTENT_LEASE);
            assert_eq!(stage.app.schedule("tick").await["callsSettled"], 1);
            stage.app.admin().get(WEB).await.expect(if is_gone { 404 } else { 200 });
            assert_eq!(stage.outside()[0].is_empty(), is_gone);
            stage.is_whole().await;
        }
    }
}

#[tokio::test]
async fn twenty_saves_at_once_make_one_project() {
    for provider in PROVIDERS {
        let stage = Stage::connected(provider, false).await;
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let (client, body) = (stage.app.admin(), stage.body("one"));
                tokio::spawn(async move { client.post(WEB, body).await.status.as_u16() })
            })
            .collect();
        let mut ended = Vec::new();
        for call in calls {
            ended.push(call.await.unwrap());
        }
        assert!(ended.iter().all(|status| [200, 503].contains(status)), "{ended:?}");
        assert!(ended.contains(&200));
        let [projects, keys, hooks] = stage.outside();
        assert_eq!((projects.len(), keys.len(), hooks.len()), (1, 2, 1), "{provider}");
        stage.is_whole().await;
    }
}

#[tokio::test]
async fn private_keys_and_tokens_are_in_the_vault_alone() {
    for provider in PROVIDERS {
        let stage = Stage::connected(provider, false).await;
        let answer = stage.saved("one").await.expect(200);
        let shown = stage.app.admin().get("/api/products/demo").await.expect(200);
        let list = stage.app.admin().get("/api/repos").await.expect(200);
        let table = Value::Array(stage.app.items().await).to_string();
        for text in [&answer.body.to_string(), &shown.body.to_string(), &list.body.to_string(), &table] {
            assert!(!text.contains("PRIVATE KEY") && !text.contains(ADMIN_TOKEN), "{text}");
        }
        let id = list.body["repos"][0]["id"].as_str().unwrap().parse().unwrap();
        let set = stage.app.store().repository(stage.tenant, id).await.unwrap().unwrap();
        for name in ["ssh/readonly", "ssh/readwrite"] {
            let secret = stage.app.store().repository_secret(&set, name).await.unwrap().unwrap();
            assert!(secret.expose().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----"), "{name}");
        }
    }
}
