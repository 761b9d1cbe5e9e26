//! One call of every operation on platforms, groups and projects, natively and by ABF's API.

use super::plays::{Play, Stage, with};
use repoplane_tests::{Answer, Event};
use serde_json::{Value, json};

fn number(answer: &Answer, pointer: &str) -> u64 {
    answer.body.pointer(pointer).and_then(Value::as_u64).expect("a number")
}

impl Stage {
    /// A platform with nothing on it.
    async fn platform(&self) -> u64 {
        let made = self.app.admin().post("/api/platforms", json!({"name": self.name("platform")})).await.expect(201);
        number(&made, "/platform/number")
    }

    async fn group(&self) -> u64 {
        let uname = self.name("group").replace('-', "_");
        number(&self.app.admin().post("/api/groups", json!({"uname": uname})).await.expect(201), "/group/number")
    }

    async fn project(&self) -> u64 {
        let made = self.app.admin().post("/api/projects", json!({"name": self.name("project")})).await.expect(201);
        number(&made, "/project/number")
    }

    /// A repository of a platform of its own, by its path.
    async fn built(&self) -> String {
        let body = json!({"platform_id": self.platform().await, "name": "main", "description": "d"});
        let made = self.app.admin().post("/api/v1/repositories", body).await.expect(200);
        format!("/api/v1/repositories/{}", number(&made, "/repository/id"))
    }

    async fn user_number(&self) -> u64 {
        let user = self.app.person(&self.name("user")).await;
        number(&self.app.admin().get(&format!("/api/users/{}", user.id)).await.expect(200), "/user/number")
    }

    pub(super) async fn prepare_platforms(&self, operation: &str, case: &str) -> Option<Play> {
        let admin = self.app.admin();
        let platform = async |rest: &str| format!("/api/platforms/{}{rest}", self.platform().await);
        let group = async |rest: &str| format!("/api/groups/{}{rest}", self.group().await);
        let project = async |rest: &str| format!("/api/projects/{}{rest}", self.project().await);
        let role = json!({"role": "admin"});
        Some(match (operation, case) {
            ("platforms_list", "") => {
                self.own_platform().await;
                self.read("/api/platforms")
            }
            ("platforms_create", "") => {
                self.play(with("POST", "/api/platforms", &json!({"name": self.name("new")})), 201)
            }
            ("platforms_get", "") => self.read(&platform("").await),
            ("platforms_update", "") => {
                self.play(with("PATCH", &platform("").await, &json!({"description": "changed"})), 200)
            }
            ("platforms_delete", "") => self.play(Event::new("DELETE", &platform("").await), 200),
            ("platforms_set_member", "") => {
                let path = platform(&format!("/members/users/{}", self.user_number().await)).await;
                self.play(with("PUT", &path, &role), 200)
            }
            ("platforms_remove_member", "") => {
                let path = platform(&format!("/members/users/{}", self.user_number().await)).await;
                admin.put(&path, role).await.expect(200);
                self.play(Event::new("DELETE", &path), 200)
            }
            ("groups_list", "") => self.read("/api/groups"),
            ("groups_create", "") => {
                let uname = self.name("new").replace('-', "_");
                self.play(with("POST", "/api/groups", &json!({"uname": uname})), 201)
            }
            ("groups_get", "") => self.read(&group("").await),
            ("groups_update", "") => {
                self.play(with("PATCH", &group("").await, &json!({"description": "changed"})), 200)
            }
            ("groups_delete", "") => self.play(Event::new("DELETE", &group("").await), 200),
            ("groups_set_member", "") => {
                let path = group(&format!("/members/{}", self.user_number().await)).await;
                self.play(with("PUT", &path, &role), 200)
            }
            ("groups_remove_member", "") => {
                let path = group(&format!("/members/{}", self.user_number().await)).await;
                admin.put(&path, role).await.expect(200);
                self.play(Event::new("DELETE", &path), 200)
            }
            ("projects_list", "") => self.read("/api/projects"),
            ("projects_create", "") => {
                self.play(with("POST", "/api/projects", &json!({"name": self.name("new")})), 201)
            }
            ("projects_get", "") => self.read(&project("").await),
            ("projects_update", "") => {
                self.play(with("PATCH", &project("").await, &json!({"description": "changed"})), 200)
            }
            ("projects_delete", "") => self.play(Event::new("DELETE", &project("").await), 200),
            _ => return None,
        })
    }

    /// The platform of the caller's own is there.
    async fn own_platform(&self) {
        self.administrator.client.get("/api/platforms").await.expect(200);
    }

    /// A call on a repository whose place the instance knows.
    fn known(&self, path: &str, method: &str, operation: &str, body: &Value) -> Play {
        let target = if operation.is_empty() { path.to_owned() } else { format!("{path}/{operation}") };
        self.play(with(method, &target, body), 200).after([Event::new("GET", path)])
    }

    pub(super) async fn prepare_abf(&self, operation: &str, case: &str) -> Option<Play> {
        let admin = self.app.admin();
        let member = async || json!({"member_id": self.user_number().await, "type": "User"});
        Some(match (operation, case) {
            ("abf_create_repository", "") => {
                let body = json!({"platform_id": self.platform().await, "name": "main", "description": "d"});
                self.play(with("POST", "/api/v1/repositories", &body), 200)
            }
            ("abf_get_repository", "") => self.known(&self.built().await, "GET", "", &Value::Null),
            ("abf_update_repository", "") => {
                self.known(&self.built().await, "PUT", "", &json!({"description": "changed"}))
            }
            ("abf_delete_repository", "") => self.known(&self.built().await, "DELETE", "", &Value::Null),
            ("abf_list_repository_projects", "") => {
                let path = self.built().await;
                let body = json!({"project_id": self.project().await});
                admin.put(&format!("{path}/add_project"), body).await.expect(200);
                self.known(&path, "GET", "projects", &Value::Null)
            }
            ("abf_add_member", "") => self.known(&self.built().await, "PUT", "add_member", &member().await),
            ("abf_remove_member", "") => {
                let (path, body) = (self.built().await, member().await);
                admin.put(&format!("{path}/add_member"), body.clone()).await.expect(200);
                self.known(&path, "DELETE", "remove_member", &body)
            }
            ("abf_add_project", "") => {
                let body = json!({"project_id": self.project().await});
                self.known(&self.built().await, "PUT", "add_project", &body)
            }
            ("abf_remove_project", "") => {
                let (path, body) = (self.built().await, json!({"project_id": self.project().await}));
                admin.put(&format!("{path}/add_project"), body.clone()).await.expect(200);
                self.known(&path, "DELETE", "remove_project", &body)
            }
            ("abf_add_lock", "") => self.known(&self.built().await, "PUT", "add_repo_lock_file", &Value::Null),
            ("abf_remove_lock", "") => {
                let path = self.built().await;
                admin.put(&format!("{path}/add_repo_lock_file"), Value::Null).await.expect(200);
                self.known(&path, "DELETE", "remove_repo_lock_file", &Value::Null)
            }
            ("abf_list_packages", "") => {
                let repo = self.app.build_repo(&self.name("platform")).await;
                repo.publish(&admin, &repo.row("perl-Foo", "1.0")).await.expect(200);
                self.known(&format!("/api/v1/repositories/{}", repo.number), "GET", "packages.csv", &Value::Null)
            }
            ("abf_update_signatures", "") => {
                let (public, secret) = crate::packages::keys::pair(1);
                let body = json!({"public": public, "secret": secret});
                self.known(&self.built().await, "PUT", "signatures", &body)
            }
            ("abf_get_key_pair" | "abf_get_public_key", "") => {
                let user = json!({"username": self.name("builder"), "roles": ["system"]});
                let builder = self.app.person_with(user).await;
                // That it is used is noted once in an hour.
                builder.client.get("/api/me").await.expect(200);
                let token = Some(builder.token);
                let end = operation.trim_start_matches("abf_get_");
                Play { token, ..self.known(&self.built().await, "GET", end, &Value::Null) }
            }
            ("abf_search", "") => {
                self.own_platform().await;
                self.read("/api/v1/search?type=platforms&query=platform")
            }
            ("abf_list_platforms", "") => {
                self.own_platform().await;
                self.built().await;
                self.read("/api/v1/platforms?per_page=1")
            }
            ("abf_get_platform", "") => self.read(&format!("/api/v1/platforms/{}", self.platform().await)),
            ("abf_find_project", "") => {
                let name = self.name("project");
                admin.post("/api/projects", json!({"name": name})).await.expect(201);
                self.read(&format!("/api/v1/projects/get_id?owner=admin&name={name}"))
            }
            ("abf_get_project", "") => self.read(&format!("/api/v1/projects/{}", self.project().await)),
            ("abf_get_group", "") => self.read(&format!("/api/v1/groups/{}", self.group().await)),
            ("abf_get_user", "") => self.read(&format!("/api/v1/users/{}", self.user_number().await)),
            _ => return None,
        })
    }
}
