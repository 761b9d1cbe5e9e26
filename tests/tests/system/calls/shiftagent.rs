//! One call of every operation of ShiftAgent's API.

use super::plays::{Play, Stage, with};
use repoplane_tests::Event;
use serde_json::{Value, json};

impl Stage {
    /// A repository of its own, by its path.
    async fn registered(&self) -> String {
        let body = json!({"name": self.name("registered"), "repo_url": "https://git.example.com/x"});
        let made = self.app.admin().post("/repositories", body).await.expect(201);
        format!("/repositories/{}", made.text("/id"))
    }

    fn secret(&self) -> Value {
        json!({"name": self.name("credential"), "type": "git_pat", "secret": "s"})
    }

    pub(super) async fn prepare_shiftagent(&self, operation: &str, case: &str) -> Option<Play> {
        let admin = self.app.admin();
        Some(match (operation, case) {
            ("shiftagent_list_repositories", "") => self.read("/repositories"),
            ("shiftagent_list_repositories", "by name") => self.read("/repositories?name=Codertocat/Hello-World"),
            ("shiftagent_register_repository", "") => {
                let body = json!({"name": self.name("new"), "repo_url": "https://git.example.com/x"});
                self.play(with("POST", "/repositories", &body), 201)
            }
            ("shiftagent_get_repository", "") => self.read(&self.registered().await),
            ("shiftagent_update_repository", "") => {
                self.play(with("PATCH", &self.registered().await, &json!({"metadata": {"a": "b"}})), 200)
            }
            ("shiftagent_delete_repository", "") => self.play(Event::new("DELETE", &self.registered().await), 204),
            ("shiftagent_sync_repository", "") => {
                self.play(Event::new("POST", &format!("{}/sync", self.registered().await)), 202)
            }
            ("shiftagent_list_repository_skills", "") => self.read(&format!("{}/skills", self.registered().await)),
            ("shiftagent_create_repository_skill", "") => {
                let path = format!("{}/skills", self.registered().await);
                self.play(with("POST", &path, &json!({"name": "skill"})), 201)
            }
            ("shiftagent_list_credentials", "") => self.read("/credentials"),
            ("shiftagent_create_credential", "") => self.play(with("POST", "/credentials", &self.secret()), 201),
            ("shiftagent_delete_credential", "") => {
                let made = admin.post("/credentials", self.secret()).await.expect(201);
                self.play(Event::new("DELETE", &format!("/credentials/{}", made.text("/id"))), 204)
            }
            ("shiftagent_attach_tenant_repository", "") => {
                self.play(Event::new("PUT", &format!("/tenants/tnt_a{}", self.registered().await)), 201)
            }
            ("shiftagent_detach_tenant_repository", "") => {
                let path = format!("/tenants/tnt_a{}", self.registered().await);
                admin.put(&path, Value::Null).await.expect(201);
                self.play(Event::new("DELETE", &path), 204)
            }
            ("shiftagent_get_integration_self", "") => self.read("/integration/self"),
            ("shiftagent_token_exchange", "") => {
                let body = json!({"name": "host", "kind": "integration", "scopes": ["repos:write"]});
                let key = admin.token(body).await;
                self.app.client(key.clone()).get("/api/me").await.expect(200);
                let user = self.app.person(&self.name("user")).await;
                let body = json!({"user_id": user.id});
                self.play(with("POST", "/auth/token-exchange", &body), 200).by(Some(&key))
            }
            _ => return None,
        })
    }
}
