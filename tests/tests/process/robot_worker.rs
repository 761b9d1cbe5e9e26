//! The example worker on the development server: from the webhook to the finished task, over the queue and the API alone.

use crate::server::Server;
use crate::sigkill::{ADMIN_TOKEN, Hook, payload, prepare};
use crate::workspace::built;
use repoplane_tests::github_signature;
use reqwest::Client;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tokio::process::Command;

/// Longest life of a worker; only a broken one takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

struct Stage {
    server: Server,
    client: Client,
    hook: Hook,
    /// Good for tasks and nothing else.
    token: String,
}

impl Stage {
    async fn set() -> Self {
        let server = Server::start(&["--memory"], Some(ADMIN_TOKEN));
        let client = Client::new();
        let hook = prepare(&client, &server.base, &server.double).await;
        let body = json!({"name": "worker", "scopes": ["tasks:read", "tasks:write"]});
        let made = client.post(format!("{}/api/access-tokens", server.base)).bearer_auth(ADMIN_TOKEN).json(&body);
        let made: Value = made.send().await.expect("an answer").json().await.expect("JSON");
        let token = made["token"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
        Self { server, client, hook, token }
    }

    /// Posts a webhook; the id of its task.
    async fn post(&self, number: u64) -> String {
        let body = payload(number);
        let post = self.client.post(format!("{}/api/webhook/github/{}", self.server.base, self.hook.repo));
        let post = post.header("content-type", "application/json").header("x-github-event", "issues");
        let post = post.header("x-github-delivery", format!("guid-{number}")).header("x-request-id", "seen-from-afar");
        let post = post.header("x-hub-signature-256", github_signature(&self.hook.secret, body.as_bytes()));
        let answer: Value = post.body(body).send().await.expect("an answer").json().await.expect("JSON");
        answer["tasks"][0]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn task(&self, id: &str) -> Value {
        let call = self.client.get(format!("{}/api/tasks/{id}", self.server.base)).bearer_auth(&self.token);
        call.send().await.expect("an answer").json::<Value>().await.expect("JSON")["task"].take()
    }

    async fn cancel(&self, id: &str) {
        let call = self.client.post(format!("{}/api/tasks/{id}/cancel", self.server.base)).bearer_auth(&self.token);
        assert!(call.send().await.expect("an answer").status().is_success());
    }

    fn worker(&self, command: &str) -> Command {
        static WORKER: OnceLock<PathBuf> = OnceLock::new();
        let mut worker = Command::new(WORKER.get_or_init(|| built("robot-worker")));
        worker.args(["--once", "--api", &self.server.base, "--queue-url", &self.server.queue.0, "--command", command]);
        let endpoint = self.server.queue.1.as_str();
        let settings = [
            ("AWS_ENDPOINT_URL_SQS", endpoint),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_REGION", "us-east-1"),
            ("REPOPLANE_TOKEN", self.token.as_str()),
        ];
        worker.envs(settings).stdin(Stdio::null()).kill_on_drop(true);
        worker
    }

    async fn work(&self, command: &str) -> Output {
        let ended = tokio::time::timeout(PATIENCE, self.worker(command).output()).await;
        ended.expect("the worker ends").expect("the worker starts")
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_webhook_becomes_work_that_is_done() {
    let stage = Stage::set().await;
    let task = stage.post(1).await;
    let command = "cat; echo \" for $REPOPLANE_TASK_ID by $REPOPLANE_TRACE_ID$REPOPLANE_TOKEN$AWS_SECRET_ACCESS_KEY\"";
    let output = stage.work(command).await;
    assert!(output.status.success(), "{}", said(&output));
    let done = stage.task(&task).await;
    assert_eq!(done["status"], "succeeded", "{done} {}", said(&output));
    let expected = format!("Look at Issue 1 for {task} by seen-from-afar\n");
    assert_eq!(done["result"], json!({"exitCode": 0, "output": expected}));
    assert!(!said(&output).contains(&stage.token), "{}", said(&output));

    // A task that was cancelled meanwhile is passed over, and one whose command fails has failed.
    let cancelled = stage.post(2).await;
    stage.cancel(&cancelled).await;
    let failing = stage.post(3).await;
    let output = stage.work("echo no >&2; exit 7").await;
    assert!(output.status.success(), "{}", said(&output));
    let failed = stage.task(&failing).await;
    assert_eq!((&failed["status"], &failed["result"]), (&json!("failed"), &json!({"exitCode": 7, "output": "no\n"})));
    assert_eq!(stage.task(&cancelled).await["status"], "cancelled");
}

#[tokio::test]
async fn a_worker_with_a_wrong_token_leaves_the_queue_alone() {
    let mut stage = Stage::set().await;
    let task = stage.post(1).await;
    let good = std::mem::replace(&mut stage.token, "rpt_of-nobody-at-all".to_owned());
    let output = stage.work("cat").await;
    assert!(!output.status.success() && said(&output).contains("401"), "{}", said(&output));
    stage.token = good;
    assert_eq!(stage.task(&task).await["status"], "queued");
}

#[tokio::test]
async fn others_on_this_machine_reach_the_queues_and_nothing_else() {
    let server = Server::start(&["--memory"], None);
    let call = async |target: &str, body: Value| {
        let call = Client::new().post(&server.queue.1).header("x-amz-target", target).json(&body);
        let answer = call.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    };
    let (status, body) = call("AmazonSQS.ListQueues", json!({})).await;
    assert!(status == 200 && body.contains("repoplane-robot-tasks"), "{status} {body}");
    for target in ["DynamoDB_20120810.ListTables", "secretsmanager.ListSecrets", ""] {
        let (status, body) = call(target, json!({})).await;
        assert!(status == 400 && body.contains("UnknownOperation"), "{target}: {status} {body}");
    }
}
