//! The sample events: each is one that a function takes, and none is answered with a failure of ours.

use repoplane_tests::TestApp;
use repoplane_tests::git_server::{GIT_SERVERS, GitServer, Repositories};
use serde_json::{Value, json};

#[tokio::test]
async fn every_sample_event_is_answered() {
    let app = TestApp::start().await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        seen += 1;
        let event: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("a file")).expect("JSON");
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        if name.starts_with("schedule-") || name.starts_with("sqs-") {
            let answer = app.sync().handle(event).await.expect("the function takes it");
            assert_eq!(answer.get("batchItemFailures").is_some(), name.starts_with("sqs-"), "{name}: {answer}");
            continue;
        }
        if name.starts_with("stream-") {
            let answer = app.dispatch().handle(event).await.expect("the function takes it");
            assert_eq!(answer, json!({"batchItemFailures": []}), "{name}");
            continue;
        }
        let function = name.split('-').next().unwrap_or_default();
        let answer = app.function(function).send_json(&event).await;
        // The samples name tokens and repositories that no engine has.
        let expected = match event["rawPath"].as_str() {
            Some("/health") => 200,
            Some(path) if path.starts_with("/api/webhook/") => 404,
            _ => 401,
        };
        assert_eq!(answer.status.as_u16(), expected, "{}: {}", path.display(), answer.body);
    }
    assert!(seen >= 12, "one for each function and kind of request");
}

#[tokio::test]
async fn the_samples_of_schedule_and_queue_sync_a_repository() {
    let Some(repositories) = Repositories::new() else { return };
    let server = GitServer::start(repositories.root(), GIT_SERVERS[0]).await;
    let app = TestApp::start().await.reaching(&server.address.to_string());
    let sample = |name: &str| {
        let path = format!("{}/../events/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("the sample")
    };
    let event = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    for by_queue in [true, false] {
        let name = format!("{by_queue}.git");
        repositories.filled(&name);
        let body = json!({"provider": "git", "name": name, "remoteUrl": server.url(&name)});
        let repo = app.admin().post("/api/repos", body).await.expect(201).text("/repo/id");
        if by_queue {
            let job = sample("sqs-sync-jobs.json").replace("rep_01kfd6nw00000000000000000a", &repo);
            let answer = app.sync().handle(event(&job)).await.expect("the batch");
            assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
        } else {
            let ticked = app.sync().handle(event(&sample("schedule-tick.json"))).await.expect("the tick");
            assert_eq!(ticked["queued"], 1, "{ticked}");
            app.work().await;
        }
        let shown = app.admin().get(&format!("/api/repos/{repo}")).await.expect(200);
        assert_eq!(shown.body["repo"]["sync"]["state"], "ready", "{name}");
    }
}

#[tokio::test]
async fn the_sample_of_the_stream_hands_a_task_over() {
    let app = TestApp::start_with_double().await;
    let (hook, task) = crate::tasks::work::one_task(&app).await;
    let path = format!("{}/../events/stream-new-task.json", env!("CARGO_MANIFEST_DIR"));
    let sample = std::fs::read_to_string(path).expect("the sample");
    let sample = sample.replace("rep_01kfd6nw00000000000000000a", &hook.repo);
    let sample = sample.replace("tsk_01kfd6nw00000000000000000b", &task);
    let event: Value = serde_json::from_str(&sample).expect("JSON");
    // The sample is what the stream brings: the same members, and it passes the mapping's filter.
    let (record, own) = (&event["Records"][0], app.stream_records().remove(0));
    assert!(repoplane_local::stream::passes(record));
    let names =
        |value: &Value| value.as_object().expect("members").keys().cloned().collect::<std::collections::BTreeSet<_>>();
    for pointer in ["", "/dynamodb", "/dynamodb/Keys", "/dynamodb/NewImage", "/dynamodb/NewImage/data/M"] {
        let (sampled, found) = (record.pointer(pointer).expect(pointer), own.pointer(pointer).expect(pointer));
        assert_eq!(names(sampled), names(found), "{pointer}");
    }
    app.dispatch().handle(event).await.expect("the batch");
    assert_eq!(app.robot_queue().await[0]["taskId"], task);
    app.dispatch().handle(json!({"schedule": "tick"})).await.expect("the same sample of a schedule as for syncs");
}
