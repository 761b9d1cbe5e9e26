//! Canaries: a secret in every place that takes one, then a search for them wherever they must not be.

use repoplane_domain::access::Exchange;
use repoplane_domain::secret::Secret;
use repoplane_local::line::{Fault, FaultPlan};
use repoplane_tests::{
    Answer, Event, GITHUB_ISSUES_OPENED, IssuerDouble, SigningKey, TestApp, fixture, github_signature,
};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that was answered, with what was asked.
#[derive(Default)]
struct Answers(Vec<(String, String)>);

impl Answers {
    fn keep(&mut self, asked: &str, answer: Answer) -> Answer {
        let headers = format!("{:?}", answer.headers);
        self.0.push((asked.to_owned(), headers + &String::from_utf8_lossy(&answer.bytes)));
        answer
    }
}

/// A call with an idempotency key, which makes the table keep its answer.
async fn posted(app: &TestApp, target: &str, body: &Value) -> Answer {
    let event = Event::new("POST", target)
        .header("idempotency-key", &format!("key-{}-{}", target.len(), body["name"].as_str().unwrap_or_default()));
    let event =
        if body.is_null() { event } else { event.header("content-type", "application/json").body(body.to_string()) };
    app.admin().send(event).await
}

/// Platform tokens, good ones and bad ones, and the table below them.
async fn platform_tokens(answers: &mut Answers) -> (Vec<String>, String) {
    let (key, forger) = (SigningKey::new("one", "EdDSA"), SigningKey::new("one", "EdDSA"));
    let (app, _) = IssuerDouble::start(&[&key]).await;
    let ann = app.person("ann").await;
    let body = json!({"issuer": IssuerDouble::url(), "audiences": ["plane"], "scopes": ["repos:write"]});
    answers.keep("issuer", app.admin().post("/api/issuers", body).await.expect(201));
    let now = app.clock.peek().as_second();
    let claims = json!({"iss": IssuerDouble::url(), "aud": "plane", "sub": "ann", "iat": now, "exp": now + 60});
    let (good, bad) = (key.sign(&claims), forger.sign(&claims));
    let body = json!({"name": "tool", "kind": "integration", "scopes": ["repos:read"]});
    let tool = Secret::new(app.admin().token(body).await);
    let tool = app.app().authenticate(&tool, true).await.expect("storage").expect("a caller");
    let exchange = Exchange::new(ann.id.parse().expect("an id"), None, None).expect("an exchange");
    let (exchanged, _) = app.app().exchange(&tool, &exchange).await.expect("a token");
    let exchanged = exchanged.expose().to_owned();
    for token in [&good, &bad, &exchanged] {
        for (method, path) in [("GET", "/api/me"), ("POST", "/api/repos"), ("GET", "/api/users")] {
            let answer = app.client(token.clone()).call(method, path, json!({"provider": "git", "x": 1})).await;
            answers.keep(path, answer);
        }
    }
    answers.keep("audit", app.admin().get("/api/audit").await.expect(200));
    // A signature alone would do: the rest of a token is no secret.
    let signature = |token: &str| token.rsplit('.').next().unwrap_or_default().to_owned();
    let table = serde_json::to_string(&app.items().await).expect("JSON");
    (vec![signature(&good), signature(&bad), exchanged], table)
}

#[tokio::test]
async fn no_secret_reaches_the_table_a_log_an_error_or_an_answer() {
    let log = Log::default();
    let writer = log.clone();
    // For the whole process: a subscriber of one thread loses events whose call sites other threads met first. What the
    // clients of other tests say is of no interest.
    let filter = tracing_subscriber::EnvFilter::new("trace,hyper=off,hyper_util=off,reqwest=off,h2=off");
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).expect("no other test of this program logs");

    let app = TestApp::start_with_double().await.observed_into(log.clone());
    let admin = app.admin();
    let mut answers = Answers::default();
    let canaries = [
        "canary-webhook-secret",
        "canary-git-token",
        "canary-model-key",
        "canary-robot-token",
        "canary-robot-key",
        "canary-preview-value",
        "canary-second-webhook-secret",
        "canary-account-token",
        "canary-account-key",
        "canary-tenant-token",
        "canary-tenant-key",
        "canary-inline-key",
        "canary-token-to-validate",
        "canaryInsideOfAPrivateKey",
        "canary-forged-token",
        "canary-authorization",
        "canary-unknown-access-token",
        "canary-password",
        "canary-vault-secret",
        "canary-password-in-a-url",
        repoplane_tests::ADMIN_TOKEN,
    ];

    let origin = app.double.as_ref().expect("a double").origin();
    let base = format!("{origin}/github/api/v3");
    let (prefix, model_base) = (format!("{origin}/github"), format!("{origin}/openai/v1"));
    let body = json!({
        "provider": "github", "name": "Codertocat/Hello-World", "externalId": "Codertocat/Hello-World",
        "apiBaseUrl": base, "webhookSecret": "canary-webhook-secret",
    });
    // The one answer that shows the webhook's secret. Its repeat, which is told from what the table keeps, does not.
    let created = posted(&app, "/api/repos", &body).await.expect(201);
    answers.keep("repeated create", posted(&app, "/api/repos", &body).await.expect(201));
    let path = format!("/api/repos/{}", created.text("/repo/id"));
    let body = json!({
        "repoProviderCredential": {"profiles": [{"id": "bot", "remark": "bot", "token": "canary-git-token"}]},
        "modelProviderCredential": {"codex": {"profiles": [{"id": "team", "remark": "t", "apiKey": "canary-model-key", "apiBaseUrl": model_base}]}},
        "previewEnvConfig": {"entries": [{"key": "API_KEY", "value": "canary-preview-value"}]},
    });
    answers.keep("patch", admin.patch(&path, body).await.expect(200));
    let body = json!({
        "name": "Own", "promptDefault": "p", "token": "canary-robot-token",
        "modelProviderConfig": {
            "credentialSource": "robot", "credential": {"apiKey": "canary-robot-key", "apiBaseUrl": model_base},
        },
    });
    let robots = format!("{path}/robots");
    let robot = answers.keep("robot", posted(&app, &robots, &body).await.expect(201)).text("/robot/id");
    answers.keep("repeated robot", posted(&app, &robots, &body).await.expect(201));
    let account = |token: &str, key: &str| {
        let pem = "-----BEGIN PRIVATE KEY-----\ncanaryInsideOfAPrivateKey\n-----END PRIVATE KEY-----";
        json!({
            "github": {"profiles": [
                {"id": "p", "remark": "r", "token": token, "urlPrefix": prefix},
                {
                    "id": "app", "remark": "r", "tokenKind": "github_app", "appId": 1, "installationId": 2,
                    "token": pem, "urlPrefix": prefix,
                },
            ]},
            "codex": {"profiles": [{"id": "p", "remark": "r", "apiKey": key, "apiBaseUrl": model_base}]},
        })
    };
    for (target, body, wrong) in [
        ("/api/credentials/me", account("canary-account-token", "canary-account-key"), "colour"),
        ("/api/credentials/global", account("canary-tenant-token", "canary-tenant-key"), "colour"),
    ] {
        answers.keep(target, admin.patch(target, body.clone()).await.expect(200));
        let mut refused = body.clone();
        refused["github"]["profiles"][1][wrong] = json!("x");
        refused["github"]["profiles"][1]["tokenKind"] = json!("personal");
        answers.keep("wrong credentials", admin.patch(target, refused).await.expect(400));
        let source = if target.ends_with("me") { "user" } else { "global" };
        let using = json!({
            "name": source, "promptDefault": "p", "repoCredentialSource": source, "repoCredentialProfileId": "p",
            "modelProviderConfig": {"credentialSource": source, "credentialProfileId": "p"},
        });
        let robot = answers.keep(source, posted(&app, &robots, &using).await.expect(201)).text("/robot/id");
        let tested = admin.post(&format!("{robots}/{robot}/test"), Value::Null).await.expect(200);
        assert_eq!(answers.keep(source, tested).body["ok"], false);
        let using = json!({"repoCredentialSource": source, "repoCredentialProfileId": "app"});
        answers.keep("app", admin.patch(&format!("{robots}/{robot}"), using).await.expect(200));
        let tested = admin.post(&format!("{robots}/{robot}/test"), Value::Null).await.expect(200);
        assert_eq!(answers.keep("app", tested).body["ok"], false);
    }
    // Whatever asks a provider, with tokens and keys that it refuses.
    for operation in ["provider-meta", "provider-activity", "provider-hook"] {
        for source in ["repo", "user", "global", "anonymous"] {
            let target = format!("{path}/{operation}?credentialSource={source}");
            answers.keep(operation, admin.get(&target).await);
        }
    }
    for (target, body) in [
        (format!("{path}/validate"), json!({})),
        (format!("{path}/provider-hook"), json!({})),
        (
            format!("{path}/model-credentials/models"),
            json!({"provider": "codex", "credential": {"apiKey": "canary-inline-key", "apiBaseUrl": model_base}}),
        ),
        (
            format!("{path}/model-credentials/models"),
            json!({"provider": "codex", "credential": {"apiKey": ["canary-inline-key"]}}),
        ),
    ] {
        answers.keep(&target, admin.post(&target, body).await);
    }
    let wrong = json!({"repoProviderCredential": {"profiles": [{"id": "bot", "token": "canary-token-to-validate"}]}});
    answers.keep("validate first", admin.patch(&format!("{path}?validate=true"), wrong).await.expect(424));
    // The double refuses the token, which it must not be quoted for.
    let tested = admin.post(&format!("{path}/robots/{robot}/test"), Value::Null).await.expect(200);
    assert_eq!(answers.keep("test", tested).body["ok"], false);
    let wrong = json!({"name": 7, "token": "canary-robot-token", "modelProviderConfig": {"credentialSource": "robot"}});
    answers.keep("wrong robot", admin.patch(&format!("{path}/robots/{robot}"), wrong).await.expect(400));
    let wrong = json!({"webhookSecret": "canary-second-webhook-secret", "colour": "red"});
    answers.keep("wrong patch", admin.patch(&path, wrong).await.expect(400));
    // The one answer that shows the rotated secret.
    let rotation = json!({"webhookSecret": "canary-second-webhook-secret", "overlapSeconds": 60});
    let rotate = format!("{path}/webhook-secret/rotate");
    posted(&app, &rotate, &rotation).await.expect(200);
    answers.keep("repeated rotation", posted(&app, &rotate, &rotation).await.expect(200));
    // What we make ourselves is as secret as what we are given: a derived webhook secret, and the text of a token.
    let derived = posted(&app, "/api/repos", &json!({"provider": "gitlab", "name": "acme/derived"})).await.expect(201);
    let wanted = json!({"name": "ci", "scopes": ["repos:read"]});
    let token = posted(&app, "/api/access-tokens", &wanted).await.expect(201);
    let made = [derived.text("/webhookSecret"), token.text("/token")];
    answers.keep("repeated token", posted(&app, "/api/access-tokens", &wanted).await.expect(201));
    let login = |password: &str| json!({"username": "admin", "password": password});
    // The one answer that shows the token of whoever signs in: it is the caller's own.
    admin.post("/api/auth/login", login(&made[1])).await.expect(200);
    answers.keep("refused login", admin.post("/api/auth/login", login("canary-password")).await.expect(401));

    let payload = fixture(GITHUB_ISSUES_OPENED);
    let webhook = created.text("/webhookPath");
    let post = |signature: &str| {
        let event = Event::new("POST", &webhook)
            .header("x-github-event", "issues")
            .header("x-gitlab-token", "canary-forged-token");
        let event = event.header("authorization", "Bearer canary-authorization");
        event.header("x-hub-signature-256", signature).body(payload.clone())
    };
    answers.keep("forged", app.anonymous().send(post("sha256=00")).await.expect(401));
    let good = github_signature("canary-second-webhook-secret", payload.as_bytes());
    answers.keep("webhook", app.anonymous().send(post(&good)).await);
    for list in ["", "/robots", "/automation", "/webhook-deliveries", "/members", "/tasks", "/audit"] {
        answers.keep(list, admin.get(&format!("{path}{list}")).await.expect(200));
    }
    let delivery = admin.get(&format!("{path}/webhook-deliveries")).await.text("/deliveries/0/id");
    answers.keep("delivery", admin.get(&format!("{path}/webhook-deliveries/{delivery}")).await.expect(200));
    let again = format!("{path}/webhook-deliveries/{delivery}/redeliver");
    answers.keep("redelivery", posted(&app, &again, &Value::Null).await.expect(201));
    for target in ["/api/credentials/me", "/api/credentials/global"] {
        answers.keep(target, admin.get(target).await.expect(200));
    }
    for target in ["/api/me", "/api/access-tokens", "/api/users", "/api/repos", "/api/audit", "/api/tenants"] {
        answers.keep(target, admin.get(target).await.expect(200));
    }
    answers.keep("stranger", app.client("canary-unknown-access-token").get("/api/me").await.expect(401));

    // The vault's credentials, by the dialect that keeps them.
    let body = json!({"name": "bot", "type": "git_pat", "secret": "canary-vault-secret"});
    let credential = answers.keep("credential", posted(&app, "/credentials", &body).await.expect(201)).text("/id");
    answers.keep("repeated credential", posted(&app, "/credentials", &body).await.expect(201));
    answers.keep("taken credential", admin.post("/credentials", body).await.expect(409));
    let wrong = json!({"name": 7, "type": "t", "secret": ["canary-vault-secret"]});
    answers.keep("wrong credential", posted(&app, "/credentials", &wrong).await.expect(422));
    let url = "https://ann:canary-password-in-a-url@git.example.com/x";
    answers.keep("wrong url", posted(&app, "/repositories", &json!({"name": "x", "repo_url": url})).await.expect(422));
    let body = json!({"name": "y", "repo_url": "https://git.example.com/y", "credential_id": credential});
    answers.keep("registered", posted(&app, "/repositories", &body).await.expect(201));
    answers.keep("credentials", admin.get("/credentials").await.expect(200));
    answers.keep("used", admin.delete(&format!("/credentials/{credential}")).await.expect(409));
    let exchanged = json!({"user_id": "usr_00000000000000000000000000"});
    answers.keep("exchange", admin.post("/auth/token-exchange", exchanged).await.expect(403));

    // Errors tell most: the engines fail while secrets are on their way.
    for (target, fault) in [("secretsmanager.", Fault::Down), ("DynamoDB_20120810.TransactWriteItems", Fault::Down)] {
        app.line.set_fault(Some(FaultPlan { target: target.to_owned(), from: 0, times: 100, fault }));
        let body = json!({"repoProviderCredential": {"profiles": [{"id": "bot", "token": "canary-git-token"}]}});
        answers.keep("down", admin.patch(&path, body).await.expect(503));
        let body = account("canary-account-token", "canary-account-key");
        answers.keep("down", admin.patch("/api/credentials/me", body).await.expect(503));
        app.line.set_fault(None);
    }

    answers.keep("content", admin.delete(&format!("{path}/webhook-deliveries/{delivery}/content")).await.expect(200));
    answers.keep("deletion", admin.delete(&format!("{path}?force=true")).await.expect(200));

    let (signed, beside) = platform_tokens(&mut answers).await;
    let table = serde_json::to_string(&app.items().await).expect("JSON") + &beside;
    let logged = String::from_utf8(log.0.lock().expect("the log").clone()).expect("text");
    assert!(logged.contains("Answered a request"), "the log was captured");
    let told = logged.lines().filter(|line| line.contains("\"_aws\"")).count();
    assert!(told > 60, "requests were told of in {told} lines");
    let made = made.iter().chain(&signed).map(String::as_str);
    for canary in canaries.into_iter().chain(made) {
        assert!(!table.contains(canary), "{canary} is in the table");
        for (asked, answer) in &answers.0 {
            assert!(!answer.contains(canary), "{canary} is in the answer to {asked}: {answer}");
        }
        let line = logged.lines().find(|line| line.contains(canary));
        assert!(line.is_none(), "{canary} was logged: {}", line.unwrap_or_default());
    }
}
