//! What is told of every request: its line, its metrics, and its cost to the caller who may know it.

use repoplane_api::observe::Metric;
use repoplane_tests::{ADMIN_TOKEN, Answer, Event, GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn timing(answer: &Answer) -> String {
    answer.headers["server-timing"].to_str().expect("text").to_owned()
}

/// The one line of the call before.
#[track_caller]
fn only(lines: Vec<Value>) -> Value {
    let [line] = lines.try_into().expect("one line a request");
    line
}

#[tokio::test]
async fn a_request_is_one_line_with_its_route_its_caller_and_its_cost() {
    let (app, lines) = TestApp::start().await.observed();
    let admin = app.admin();
    let repo = admin
        .post("/api/repos", json!({"provider": "git", "name": "a", "remoteUrl": "https://git.example.com/a"}))
        .await;
    let id = repo.expect(201).text("/repo/id");
    // The first look at a repository also asks for the tenant's credentials.
    admin.get(&format!("/api/repos/{id}")).await.expect(200);
    lines.take();

    let trace = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1";
    let event = Event::new("GET", &format!("/api/repos/{id}?colour=canary-query"));
    admin.send(event.header("x-amzn-trace-id", trace).header("x-request-id", "req-7")).await.expect(200);
    let line = only(lines.take());
    let me = admin.get("/api/me").await;
    for (member, expected) in [
        ("message", json!("request")),
        ("Stage", json!("test")),
        ("Function", json!("all")),
        ("method", json!("GET")),
        ("route", json!("/api/repos/{id}")),
        ("status", json!(200)),
        ("dialect", json!("native")),
        ("principal", json!("personal")),
        ("tenant", me.body["tenant"]["id"].clone()),
        ("repository", json!(id)),
        ("request_id", json!("req-7")),
        ("trace", json!(trace)),
        ("dynamodb_calls", json!(1)),
        ("secret_reads", json!(0)),
        ("cold_start", json!(false)),
        ("Requests", json!(1.0)),
        ("ClientErrors", json!(0.0)),
    ] {
        assert_eq!(line[member], expected, "{member}: {line}");
    }
    assert!(line["read_units"].as_f64().expect("units") > 0.0, "{line}");
    assert_eq!(line["write_units"], 0.0);
    assert!(line["token"].as_str().is_some_and(|token| token.starts_with("tok_") || token.contains('_')), "{line}");
    assert!(!line.to_string().contains("canary-query"));
}

#[tokio::test]
async fn what_callers_write_into_a_path_is_in_no_line() {
    let (app, lines) = TestApp::start().await.observed();
    for (method, target) in [
        ("GET", "/api/repos/canary-path"),
        ("GET", "/canary-path"),
        ("DELETE", "/api/me"),
        ("CANARY", "/api/me?token=canary-path"),
        ("GET", "/repositories/canary-path"),
    ] {
        app.admin().send(Event::new(method, target)).await;
        let line = only(lines.take()).to_string();
        assert!(!line.to_ascii_lowercase().contains("canary"), "{method} {target}: {line}");
    }
    let long = Event::new("GET", "/api/me").header("x-long", &"x".repeat(11_000));
    app.anonymous().send(long).await.expect(431);
    let line = only(lines.take());
    assert_eq!((&line["status"], &line["principal"], line.get("route")), (&json!(431), &json!("none"), None), "{line}");
}

#[tokio::test]
async fn only_who_is_known_and_answered_hears_what_it_cost() {
    let (app, lines) = TestApp::start().await.observed();
    let units =
        |line: &Value| line["read_units"].as_f64().expect("units") + line["write_units"].as_f64().expect("units");
    let answer = app.admin().get("/api/repos").await.expect(200);
    let line = only(lines.take());
    let expected = format!("db;desc=\"{} call", line["dynamodb_calls"]);
    assert!(timing(&answer).contains(&expected) && timing(&answer).contains(&format!("{} unit", units(&line))));
    for answer in [
        app.anonymous().get("/health").await,
        app.anonymous().get("/api/repos").await.expect(401),
        app.client("rpt_of-a-stranger-who-guesses").get("/api/repos").await.expect(401),
        app.admin().get("/api/repos/rep_00000000000000000000000000").await.expect(404),
        app.anonymous().post("/api/webhook/github/rep_00000000000000000000000000", json!({})).await.expect(404),
    ] {
        let timing = timing(&answer);
        assert!(timing.starts_with("total;dur=") && !timing.contains("desc"), "{timing}");
    }
}

#[tokio::test]
async fn callers_are_told_apart_by_their_kind() {
    let (app, lines) = TestApp::start_with_double().await.observed();
    let admin = app.admin();
    let tool = admin.token(json!({"name": "tool", "kind": "integration", "scopes": ["repos:read"]})).await;
    lines.take();
    for (token, kind) in [(Some(ADMIN_TOKEN), "personal"), (Some(tool.as_str()), "integration"), (None, "none")] {
        let client = token.map_or_else(|| app.anonymous(), |token| app.client(token));
        client.get("/api/me").await;
        assert_eq!(only(lines.take())["principal"], kind);
    }
    app.admin().get("/repositories").await.expect(200);
    let line = only(lines.take());
    assert_eq!((&line["dialect"], &line["route"]), (&json!("shiftagent"), &json!("/repositories")));
}

#[tokio::test]
async fn a_webhook_is_counted_with_its_tasks_and_named_by_its_delivery() {
    let (app, lines) = TestApp::start_with_double().await.observed();
    let (hook, _) = Hook::ready(&app).await;
    hook.ping(&app, "first").await.expect(202);
    lines.take();
    let taken = hook.post(&app, "issues", "a", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    let line = only(lines.take());
    assert_eq!(line["principal"], "webhook");
    assert_eq!(line["repository"], hook.repo.as_str());
    assert_eq!(line["delivery"], taken.delivery().as_str());
    assert_eq!((&line["WebhooksAccepted"], &line["TasksCreated"]), (&json!(1.0), &json!(1.0)), "{line}");
    assert!(line.get("WebhooksRejected").is_none() && line["write_units"].as_f64().expect("units") > 1.0, "{line}");

    let forged = hook.event("issues", "b", "{}").header("x-hub-signature-256", "sha256=0");
    app.anonymous().send(forged).await.expect(401);
    let line = only(lines.take());
    assert_eq!((&line["WebhooksRejected"], line.get("TasksCreated")), (&json!(1.0), None));
    let of_the_stage = &line["_aws"]["CloudWatchMetrics"][1];
    assert_eq!(of_the_stage["Dimensions"], json!([["Stage"]]));
    let names = of_the_stage["Metrics"].as_array().expect("metrics").iter();
    assert!(names.clone().any(|metric| metric["Name"] == "WebhooksRejected"), "{of_the_stage}");
}

#[tokio::test]
async fn a_tick_is_one_line_that_counts_the_calls_of_all_its_tasks() {
    let (app, lines) = TestApp::start().await.observed();
    for at in 0..3 {
        let url = format!("https://git.example.com/{at}");
        let body = json!({"provider": "git", "name": at.to_string(), "remoteUrl": url});
        app.admin().post("/api/repos", body).await.expect(201);
    }
    app.clock.advance(std::time::Duration::from_secs(3600));
    lines.take();
    app.line.take_calls();
    let sync = app.sync();
    let tick = sync.handle(json!({"schedule": "tick"}));
    app.observer().of("sync").invocation("tick", tick).await.expect("a tick");
    let line = only(lines.take());
    let calls = app.line.take_calls();
    let table = calls.iter().filter(|call| *call != "SendMessageBatch").count();
    assert_eq!(line["dynamodb_calls"], table, "{calls:?} {line}");
    assert_eq!((&line["queue_calls"], &line["SyncsDue"]), (&json!(1), &json!(3.0)), "{line}");
    assert!(line["SyncAgeSeconds"].as_f64().expect("an age") > 0.0);
    assert_eq!((&line["Function"], &line["kind"], &line["cold_start"]), (&json!("sync"), &json!("tick"), &json!(true)));
}

/// The rows of a table of the page between two marks: the cells of each.
fn rows(mark: &str) -> Vec<Vec<String>> {
    let page = include_str!("../../../docs/operate.md");
    let (_, rest) = page.split_once(&format!("<!-- {mark}: begin -->\n")).expect("the first mark");
    let (table, _) = rest.split_once(&format!("<!-- {mark}: end -->")).expect("the second mark");
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    table.lines().skip(2).map(cells).collect()
}

#[tokio::test]
async fn the_page_explains_every_member_and_every_metric() {
    let (app, lines) = TestApp::start_with_double().await.observed();
    let hook = Hook::github(&app).await;
    let post =
        hook.event("ping", "a", "{}").header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    app.anonymous().send(post).await;
    app.admin().get("/api/me").await.expect(200);
    let sync = app.sync();
    app.observer().invocation("tick", sync.handle(json!({"schedule": "tick"}))).await.expect("a tick");
    let lines = lines.take();
    let told: BTreeSet<&str> =
        lines.iter().flat_map(|line| line.as_object().expect("members").keys()).map(String::as_str).collect();
    let metrics: BTreeSet<&str> = Metric::ALL.into_iter().map(Metric::name).collect();
    let fields = rows("fields");
    let explained: BTreeSet<&str> = fields.iter().map(|row| row[0].trim_matches('`')).collect();
    let members: BTreeSet<&str> = told.difference(&metrics).copied().collect();
    assert_eq!(members, explained);

    let shown: Vec<(String, String)> = rows("metrics").iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let star = |metric: Metric| if metric.is_of_the_stage() { "\\*" } else { "" };
    let expected = Metric::ALL
        .into_iter()
        .map(|metric| (format!("`{}`{}", metric.name(), star(metric)), metric.unit().to_owned()));
    assert_eq!(shown, expected.collect::<Vec<_>>());
}
