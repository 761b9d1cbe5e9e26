//! The main job, step by step, by clients that repeat what was not answered.

use repoplane_local::engines::Engines;
use repoplane_local::line::Line;
use repoplane_tests::{Answer, GITHUB_ISSUES_OPENED, Hook, ProviderDouble, TestApp, consistency, fixture};
use serde_json::{Value, json};
use std::time::Duration;

/// What is done; each step is one call of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Register,
    Credentials,
    Robot,
    Automation,
    FirstWebhook,
    SecondWebhook,
    Claim,
    Finish,
    AddMember,
    RotateSecret,
    AskForSync,
    Archive,
    Unarchive,
}

impl Step {
    pub(super) const ALL: [Self; 13] = [
        Self::Register,
        Self::Credentials,
        Self::Robot,
        Self::Automation,
        Self::FirstWebhook,
        Self::SecondWebhook,
        Self::Claim,
        Self::Finish,
        Self::AddMember,
        Self::RotateSecret,
        Self::AskForSync,
        Self::Archive,
        Self::Unarchive,
    ];
}

/// Where the job stands.
pub(super) struct Job {
    pub(super) app: TestApp,
    hook: Option<Hook>,
    robot: Option<String>,
    tasks: Vec<String>,
    lease: Option<String>,
    members: usize,
}

/// A call that was not answered with success is repeated so often.
const TRIES: usize = 4;
const NAME: &str = "Codertocat/Hello-World";
const MEMBER: &str = "ann";

/// The example issue with another number: another event.
fn issue(number: u32) -> String {
    let mut body: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    body["issue"]["number"] = json!(number);
    body.to_string()
}

impl Job {
    pub(super) async fn new(double: &ProviderDouble) -> Self {
        let line = Line::to(Engines::memory().expect("engines in memory"));
        let app = TestApp::on(line, Some(double.clone())).await;
        app.admin().post("/api/users", json!({"username": MEMBER})).await.expect(201);
        Self { app, hook: None, robot: None, tasks: Vec::new(), lease: None, members: 1 }
    }

    /// Goes on with another instance, whose caches are empty.
    pub(super) fn restart(&mut self) {
        self.app = self.app.second_instance();
    }

    fn hook(&self) -> &Hook {
        self.hook.as_ref().expect("a repository is registered")
    }

    /// Does a step. `answered` hears of every answer and mends what it broke, before the client tries again.
    pub(super) async fn play(&mut self, step: Step, answered: &mut impl FnMut(&Answer)) {
        for _ in 0..TRIES {
            let answer = self.call(step).await;
            answered(&answer);
            if self.took(step, &answer).await {
                return;
            }
        }
        panic!("{step:?} was not done in {TRIES} tries");
    }

    async fn call(&self, step: Step) -> Answer {
        let (app, admin) = (&self.app, self.app.admin());
        match step {
            Step::Register => admin.post("/api/repos", json!({"provider": "github", "name": NAME})).await,
            Step::Credentials => {
                let token = repoplane_local::double::WRITE_TOKEN;
                let git = json!({"profiles": [{"id": "bot", "remark": "bot", "token": token}]});
                let model = json!({"codex": {"profiles": [{"id": "team", "remark": "team", "apiKey": "sk-test"}]}});
                let body = json!({"repoProviderCredential": git, "modelProviderCredential": model});
                admin.patch(&self.hook().path, body).await
            }
            Step::Robot => {
                let body = json!({
                    "name": "Triage", "promptDefault": "Look", "repoCredentialSource": "repo",
                    "repoCredentialProfileId": "bot",
                    "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
                });
                admin.post(&format!("{}/robots", self.hook().path), body).await
            }
            Step::Automation => {
                let rule = json!({"id": "r1", "name": "issues", "actions": [{"robotId": self.robot}]});
                let config = json!({"config": {"version": 2, "events": {"issue": {"rules": [rule]}}}});
                admin.put(&format!("{}/automation", self.hook().path), config).await
            }
            Step::FirstWebhook => self.hook().post(app, "issues", "guid-1", &issue(1)).await,
            Step::SecondWebhook => self.hook().post(app, "issues", "guid-2", &issue(2)).await,
            Step::Claim => admin.post(&format!("/api/tasks/{}/claim", self.tasks[0]), json!({"worker": "w"})).await,
            Step::Finish => {
                let body = json!({"status": "succeeded", "leaseId": self.lease, "result": "done"});
                admin.patch(&format!("/api/tasks/{}", self.tasks[0]), body).await
            }
            Step::AddMember => {
                let body = json!({"username": MEMBER, "role": "maintainer"});
                admin.post(&format!("{}/members", self.hook().path), body).await
            }
            Step::RotateSecret => {
                let body = json!({"overlapSeconds": 60});
                admin.post(&format!("{}/webhook-secret/rotate", self.hook().path), body).await
            }
            Step::AskForSync => admin.post(&format!("{}/sync", self.hook().path), Value::Null).await,
            Step::Archive => admin.post(&format!("{}/archive", self.hook().path), Value::Null).await,
            Step::Unarchive => admin.post(&format!("{}/unarchive", self.hook().path), Value::Null).await,
        }
    }

    /// Whether the step is done, as far as its client can tell from the answer; a client that doubts looks.
    async fn took(&mut self, step: Step, answer: &Answer) -> bool {
        let success = answer.status.is_success();
        match step {
            Step::Register => self.registered(answer).await,
            Step::Robot if success => {
                self.robot = Some(answer.text("/robot/id"));
                true
            }
            Step::Robot => self.finds_robot().await,
            Step::FirstWebhook | Step::SecondWebhook if success => {
                self.tasks.push(answer.text("/tasks/0/id"));
                true
            }
            Step::Claim if success => {
                self.lease = Some(answer.text("/leaseId"));
                true
            }
            Step::Claim => {
                // Held under an id that this worker never heard of: nobody works until it runs out.
                if answer.status.as_u16() == 409 {
                    assert_eq!(answer.body["code"], "TASK_LEASED");
                    self.app.clock.advance(Duration::from_secs(601));
                }
                false
            }
            Step::AddMember => {
                let added = success || answer.body["code"] == "MEMBER_EXISTS";
                self.members += usize::from(added);
                added
            }
            Step::AskForSync => success || answer.body["code"] == "SYNC_IN_PROGRESS",
            Step::Credentials
            | Step::Automation
            | Step::Finish
            | Step::FirstWebhook
            | Step::SecondWebhook
            | Step::RotateSecret
            | Step::Archive
            | Step::Unarchive => success,
        }
    }

    async fn registered(&mut self, answer: &Answer) -> bool {
        let lost = answer.status.as_u16() == 409;
        if lost {
            assert_eq!(answer.body["code"], "REPO_NAME_TAKEN");
        }
        if !lost && !answer.status.is_success() {
            return false;
        }
        let repo = answer.text(if lost { "/conflicting_resource_id" } else { "/repo/id" });
        // The secret is shown once: whoever lost that answer lets a new one be made.
        let secret = if lost {
            let rotate = format!("/api/repos/{repo}/webhook-secret/rotate");
            self.app.admin().post(&rotate, json!({})).await.expect(200).text("/webhookSecret")
        } else {
            answer.text("/webhookSecret")
        };
        self.hook = Some(Hook::of_github(&repo, &secret));
        true
    }

    /// A create whose answer was lost may have happened.
    async fn finds_robot(&mut self) -> bool {
        let listed = self.app.admin().get(&format!("{}/robots", self.hook().path)).await;
        self.robot = listed.body["robots"][0]["id"].as_str().map(str::to_owned);
        self.robot.is_some()
    }

    /// Enables the robot at the provider, which takes real sockets: real time runs meanwhile.
    pub(super) async fn enable(&self) {
        let (app, hook) = (&self.app, self.hook());
        let github = app.double.as_ref().map(|double| double.github());
        app.admin().patch(&hook.path, json!({"apiBaseUrl": github})).await.expect(200);
        tokio::time::resume();
        hook.enable(app, self.robot.as_deref().expect("a robot")).await;
        tokio::time::pause();
        app.admin().patch(&hook.path, json!({"apiBaseUrl": null})).await.expect(200);
    }

    /// Nothing is lost, nothing is doubled, and what lies in the table fits together.
    pub(super) async fn check(&self) -> Result<(), String> {
        let admin = self.app.admin();
        let tasks = self.hook().tasks(&admin).await;
        let mut listed: Vec<(&str, &str)> =
            tasks.iter().filter_map(|task| Some((task["id"].as_str()?, task["status"].as_str()?))).collect();
        listed.sort_unstable();
        let mut expected = vec![(self.tasks[0].as_str(), "succeeded"), (self.tasks[1].as_str(), "queued")];
        expected.sort_unstable();
        if listed != expected {
            return Err(format!("tasks {listed:?}, expected {expected:?}"));
        }
        let deliveries = self.hook().deliveries(&admin).await;
        let accepted = deliveries.iter().filter(|delivery| delivery["result"] == "accepted").count();
        if accepted != 2 || deliveries.len() != 2 {
            return Err(format!("{accepted} accepted of {} deliveries", deliveries.len()));
        }
        let robots = admin.get(&format!("{}/robots", self.hook().path)).await.expect(200);
        let repos = admin.get("/api/repos").await.expect(200);
        let members = admin.get(&format!("{}/members", self.hook().path)).await.expect(200);
        // Who registered it is its owner.
        let counts = [
            ("robots", &robots.body["robots"], 1),
            ("repositories", &repos.body["repos"], 1),
            ("members", &members.body["members"], self.members),
        ];
        for (what, list, expected) in counts {
            if list.as_array().map(Vec::len) != Some(expected) {
                return Err(format!("{what}: {list}"));
            }
        }
        let items = self.app.items().await;
        consistency::check(&items).map_err(|wrong| wrong.join("\n"))?;
        let held = consistency::leases(&items);
        if held.is_empty() { Ok(()) } else { Err(format!("held: {held:?}")) }
    }
}
