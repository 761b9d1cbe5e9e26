//! Syncs through the APIs of GitHub and GitLab, as the provider double answers them.

use repoplane_local::double::READ_TOKEN;
use repoplane_tests::{Hook, TestApp, consistency};
use serde_json::{Value, json};

const BOTH: [&str; 2] = ["github", "gitlab"];

async fn sync(app: &TestApp, hook: &Hook) -> Value {
    app.admin().get(&hook.path).await.expect(200).body["repo"]["sync"].clone()
}

#[tokio::test]
async fn a_repository_at_a_provider_becomes_ready_with_its_skills() {
    let app = TestApp::start_with_double().await;
    for provider in BOTH {
        let hook = Hook::at_double(&app, provider, "public/widgets", None).await;
        assert_eq!(app.work().await, 1);
        let ready = sync(&app, &hook).await;
        let found = (&ready["state"], &ready["skillCount"], &ready["error"]);
        assert_eq!(found, (&json!("ready"), &json!(2), &Value::Null), "{provider}");
        let listed = app.admin().get(&format!("{}/skills", hook.path)).await.expect(200);
        let names: Vec<_> = listed.body["skills"].as_array().unwrap().iter().map(|skill| &skill["name"]).collect();
        assert_eq!(names, ["triage", "release-notes"], "{provider}");
        let triage = format!("{}/skills/{}", hook.path, listed.text("/skills/0/id"));
        let triage = app.admin().get(&triage).await.expect(200).body["skill"].clone();
        assert_eq!(triage["status"], "ok", "what the first scan finds is accepted: {triage}");
        assert!(triage.to_string().contains("scripts/label.sh"), "{triage}");
        assert!(triage.to_string().contains("Bash(gh issue:*)"), "{triage}");
    }
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_private_repository_is_read_as_soon_as_it_has_a_token() {
    let app = TestApp::start_with_double().await;
    for provider in BOTH {
        let hook = Hook::at_double(&app, provider, "acme/widgets", None).await;
        app.work().await;
        let refused = sync(&app, &hook).await;
        assert_eq!(refused["state"], "error", "{provider}");
        assert_eq!(app.schedule("tick").await["queued"], 0, "it backs off");

        hook.add_credentials(&app, READ_TOKEN).await;
        assert_eq!(app.schedule("tick").await["queued"], 1, "{provider}: due by its new credentials");
        app.work().await;
        let ready = sync(&app, &hook).await;
        assert_eq!((&ready["state"], &ready["skillCount"]), (&json!("ready"), &json!(2)), "{provider}");
        // Once it is read, a new token waits for the next time.
        hook.add_credentials(&app, READ_TOKEN).await;
        assert_eq!(app.schedule("tick").await["due"], 0, "{provider}");
    }
    consistency::check(&app.items().await).expect("consistent");
}
