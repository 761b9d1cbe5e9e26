//! One call of every operation of Review Board's API.

use super::plays::{Play, Stage};
use repoplane_local::double::ADMIN_TOKEN;
use repoplane_tests::{Answer, Event, Hook};

const LIST: &str = "/api/repositories/";

fn form(method: &str, target: &str, fields: &str) -> Event {
    Event::new(method, target).header("content-type", "application/x-www-form-urlencoded").body(fields)
}

impl Stage {
    fn unasked(&self) -> String {
        let name = self.name("review");
        format!("name={name}&tool=Git&path=https://git.example.com/{name}.git&visible=0")
    }

    /// A repository of its own, which nobody asks for, by its path.
    async fn reviewed(&self) -> String {
        let made: Answer = self.app.admin().send(form("POST", LIST, &self.unasked())).await.expect(201);
        format!("{LIST}{}/", made.body["repository"]["id"])
    }

    /// A call about a repository that the instance knows.
    async fn about(&self, event: impl Fn(&str) -> Event, status: u16) -> Play {
        let path = self.reviewed().await;
        self.play(event(&path), status).after([Event::new("GET", &path)])
    }

    /// What the remote of a repository at the double has, which has not been asked yet.
    async fn of_remote(&self, what: &str) -> Play {
        let hook = Hook::at_double(&self.app, "github", &self.name("acme/read"), Some(ADMIN_TOKEN)).await;
        let known = self.app.admin().get(&hook.path).await.expect(200);
        let path = format!("{LIST}{}/", known.body["repo"]["number"]);
        // Reads the repository's secrets, and leaves nothing believed about the question itself.
        let secrets = Event::new("GET", &format!("{}/provider-hook", hook.path));
        self.read(&format!("{path}{what}")).after([Event::new("GET", &path), secrets])
    }

    pub(super) async fn prepare_reviewboard(&self, operation: &str, case: &str) -> Option<Play> {
        Some(match (operation, case) {
            ("reviewboard_root", "") => self.read("/api/"),
            ("reviewboard_info", "") => self.read("/api/info/"),
            ("reviewboard_session", "") => self.read("/api/session/"),
            ("reviewboard_logout", "") => self.play(Event::new("DELETE", "/api/session/"), 204),
            ("reviewboard_list_review_requests", "") => self.read("/api/review-requests/"),
            ("reviewboard_list_repositories", "") => self.read(LIST),
            ("reviewboard_list_repositories", "counts only") => self.read("/api/repositories/?counts-only=1"),
            ("reviewboard_list_repositories", "by name") => self.read("/api/repositories/?name=Codertocat/Hello-World"),
            ("reviewboard_list_repositories", "by path") => {
                self.read("/api/repositories/?path=https://github.com/Codertocat/Hello-World")
            }
            ("reviewboard_create_repository", "") => self.play(form("POST", LIST, &self.unasked()), 201),
            ("reviewboard_create_repository", "with a login") => {
                let fields = format!("{}&username=bot&password=pw", self.unasked());
                self.play(form("POST", LIST, &fields), 201)
            }
            ("reviewboard_get_repository", "") => self.about(|path| Event::new("GET", path), 200).await,
            ("reviewboard_update_repository", "") => {
                self.about(|path| form("PUT", path, "bug_tracker=https://bugs.example.com/%25s"), 200).await
            }
            ("reviewboard_update_repository", "another name") => {
                let name = self.name("renamed");
                self.about(|path| form("PUT", path, &format!("name={name}")), 200).await
            }
            ("reviewboard_update_repository", "another password") => {
                self.about(|path| form("PUT", path, "password=pw"), 200).await
            }
            ("reviewboard_delete_repository", "") => self.about(|path| Event::new("DELETE", path), 204).await,
            ("reviewboard_override_method", "") => {
                self.about(|path| form("POST", path, "_method=PUT&encoding=utf-8"), 200).await
            }
            ("reviewboard_repository_info", "") => {
                self.about(|path| Event::new("GET", &format!("{path}info/")), 501).await
            }
            ("reviewboard_list_repository_users", "") => {
                self.about(|path| Event::new("GET", &format!("{path}users/")), 200).await
            }
            ("reviewboard_list_repository_groups", "") => {
                self.about(|path| Event::new("GET", &format!("{path}groups/")), 200).await
            }
            ("reviewboard_list_diff_file_attachments", "") => {
                self.about(|path| Event::new("GET", &format!("{path}diff-file-attachments/")), 200).await
            }
            ("reviewboard_list_branches", "") => self.of_remote("branches/").await,
            ("reviewboard_list_commits", "") => self.of_remote("commits/").await,
            _ => return None,
        })
    }
}
