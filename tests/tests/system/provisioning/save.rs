//! Making a project, step by step, with each step failing.

use super::{NOTHING, OWNER, PROVIDERS, Stage};
use http::Method;
use repoplane_domain::provisioning::{INTENT_LEASE, key_title};
use repoplane_local::double::Failure;
use repoplane_provisioning::Why;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_project_is_made_with_its_keys_and_its_hook() {
    for provider in PROVIDERS {
        let stage = Stage::new(provider).await;
        let ready = stage.save("web").await.unwrap();
        let [projects, keys, hooks] = stage.outside();
        assert_eq!((projects.len(), keys.len(), hooks.len()), (1, 2, 1), "{provider}");
        assert_eq!(projects[0]["id"], ready.provisioned.project_id);
        assert_eq!(projects[0]["description"], "The shop", "the mark is gone");
        assert_eq!(projects[0]["visibility"], "private");
        let titles: Vec<_> = keys.iter().map(|key| key["title"].as_str().unwrap().to_owned()).collect();
        let number = ready.intent.number;
        assert_eq!(titles, [key_title(number, false), key_title(number, true)]);
        let writes: Vec<_> =
            keys.iter().map(|key| key["can_push"].as_bool().or(key["read_only"].as_bool().map(|only| !only))).collect();
        assert_eq!(writes, [Some(false), Some(true)]);
        assert_eq!(ready.secrets.len(), 2);
        let url = hooks[0]["url"].as_str().or(hooks[0]["config"]["url"].as_str()).unwrap();
        assert!(url.ends_with(&format!("/api/webhook/{provider}/{}", ready.intent.repository)), "{url}");
        assert!(ready.provisioned.http_url.ends_with("/forge/web.git"), "{:?}", ready.provisioned);
        // Until it is registered it is kept in mind, and who gives it up leaves nothing.
        assert_eq!(stage.intents().await, 1);
        assert!(stage.provisioner().abandon(&ready.intent, stage.app.app().now()).await.is_empty());
        assert_eq!(stage.outside(), NOTHING);
        assert_eq!(stage.intents().await, 0);
    }
}

/// Step, method and what the provider says.
fn failures(stage: &Stage) -> Vec<(String, (Method, &'static str), Failure)> {
    let steps = [
        ("owner", Method::GET),
        ("create", Method::POST),
        ("project", stage.edit_method()),
        ("keys", Method::POST),
        ("hooks", Method::POST),
    ];
    let said = [
        Failure::Status(403, json!({"message": "403 Forbidden"})),
        Failure::Status(404, json!({"message": "404 Not Found"})),
        Failure::Status(409, json!({"message": "Conflict"})),
        Failure::Status(422, json!({"message": "Validation Failed", "errors": [{"message": "no"}]})),
        Failure::Status(500, json!({"message": "oops"})),
        Failure::Lost,
    ];
    let mut all = Vec::new();
    for (step, method) in steps {
        for failure in &said {
            // A question whose answer is lost is asked again.
            if step == "owner" && matches!(failure, Failure::Lost) {
                continue;
            }
            let path = if step == "hooks" { "/hooks" } else { stage.path(step) };
            all.push((format!("{step} {failure:?}"), (method.clone(), path), failure.clone()));
        }
    }
    all
}

#[tokio::test]
async fn each_step_that_fails_leaves_nothing_of_a_new_project() {
    for provider in PROVIDERS {
        let stage = Stage::new(provider).await;
        for (row, call, failure) in failures(&stage) {
            stage.forges().fail(provider, call, failure, 1);
            let failed = stage.save("web").await.expect_err(&row);
            assert!(failed.left.is_empty(), "{provider} {row}: {:?}", failed.left);
            assert_eq!(stage.outside(), NOTHING, "{provider} {row}: {}", failed.why);
            assert_eq!(stage.intents().await, 0, "{provider} {row}");
            stage.forges().heal();
        }
    }
}

#[tokio::test]
async fn each_step_that_fails_puts_a_project_back_that_was_there() {
    for provider in PROVIDERS {
        let stage = Stage::new(provider).await;
        let id = stage.forges().make(provider, OWNER, "web", &"Somebody's, and long. ".repeat(50));
        let before = stage.outside();
        for (row, call, failure) in failures(&stage) {
            // A project that is there is not made.
            if row.starts_with("owner") || row.starts_with("create") {
                continue;
            }
            stage.forges().fail(provider, call, failure, 1);
            let failed = stage.save("web").await.expect_err(&row);
            assert!(failed.left.is_empty(), "{provider} {row}: {:?}", failed.left);
            assert_eq!(stage.outside(), before, "{provider} {row}: {}", failed.why);
            assert_eq!(stage.intents().await, 0, "{provider} {row}");
            stage.forges().heal();
        }
        let ready = stage.save("web").await.unwrap();
        assert_eq!(ready.provisioned.project_id, id, "it is taken over");
        assert_eq!(stage.outside()[0][0]["description"], "The shop");
        stage.provisioner().abandon(&ready.intent, stage.app.app().now()).await;
        assert_eq!(stage.outside(), before);
    }
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_named_and_is_the_ticks() {
    for provider in PROVIDERS {
        let stage = Stage::new(provider).await;
        let forges = stage.forges();
        let no = || Failure::Status(403, json!({"message": "403 Forbidden"}));
        forges.fail(provider, (Method::POST, "/hooks"), no(), 1);
        forges.fail(provider, (Method::DELETE, ""), no(), 2);
        let failed = stage.save("web").await.unwrap_err();
        let left: Vec<_> = failed.left.iter().map(ToString::to_string).collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(left[0].starts_with("the project could not be put back: "), "{left:?}");
        assert_eq!((stage.outside()[0].len(), stage.intents().await), (1, 1));
        // Nobody touches it before its time.
        assert_eq!(stage.app.schedule("tick").await.get("callsLeft"), None);
        stage.app.clock.advance(INTENT_LEASE);
        let ticked = stage.app.schedule("tick").await;
        assert_eq!((&ticked["callsLeft"], ticked.get("callsSettled")), (&json!(1), None), "{ticked}");
        assert_eq!(stage.outside()[0].len(), 1);
        stage.app.clock.advance(Duration::from_secs(3600));
        let ticked = stage.app.schedule("tick").await;
        assert_eq!((&ticked["callsLeft"], &ticked["callsSettled"]), (&json!(1), &json!(1)), "{ticked}");
        assert_eq!(stage.outside(), NOTHING);
        assert_eq!(stage.intents().await, 0);
    }
}

#[tokio::test]
async fn a_crash_between_any_two_steps_is_taken_back_by_the_tick() {
    for provider in PROVIDERS {
        for is_there in [false, true] {
            let stage = Stage::new(provider).await;
            if is_there {
                stage.forges().make(provider, OWNER, "web", "Somebody's");
            }
            let before = stage.outside();
            for (step, method) in [
                ("create", Method::POST),
                ("project", stage.edit_method()),
                ("keys", Method::POST),
                ("hooks", Method::POST),
            ] {
                if is_there && step == "create" {
                    continue;
                }
                for failure in [Failure::Hang, Failure::HangAfter] {
                    let row = format!("{provider} {is_there} {step} {failure:?}");
                    let path = if step == "hooks" { "/hooks" } else { stage.path(step) };
                    stage.forges().fail(provider, (method.clone(), path), failure, 1);
                    tokio::select! {
                        saved = stage.save("web") => panic!("{row}: {saved:?}"),
                        () = stage.forges().reached(provider) => {}
                    }
                    stage.forges().heal();
                    assert_eq!(stage.intents().await, 1, "{row}");
                    stage.app.clock.advance(INTENT_LEASE);
                    let ticked = stage.app.schedule("tick").await;
                    assert_eq!(ticked["callsSettled"], 1, "{row}: {ticked}");
                    assert_eq!(stage.outside(), before, "{row}");
                    assert_eq!(stage.intents().await, 0, "{row}");
                }
            }
        }
    }
}

#[tokio::test]
async fn another_call_takes_back_what_a_crash_left_and_goes_on() {
    for provider in PROVIDERS {
        let stage = Stage::new(provider).await;
        stage.forges().fail(provider, (Method::POST, "/hooks"), Failure::Hang, 1);
        tokio::select! {
            saved = stage.save("web") => panic!("{saved:?}"),
            () = stage.forges().reached(provider) => {}
        }
        let left = stage.outside()[0][0]["id"].clone();
        stage.app.clock.advance(INTENT_LEASE);
        let ready = stage.save("web").await.unwrap();
        let [projects, keys, hooks] = stage.outside();
        assert_eq!((projects.len(), keys.len(), hooks.len()), (1, 2, 1));
        assert_ne!(projects[0]["id"], left);
        assert_eq!(projects[0]["id"], ready.provisioned.project_id);
        assert_eq!(stage.intents().await, 1);
    }
}

#[tokio::test]
async fn somebody_elses_project_is_never_deleted() {
    for provider in PROVIDERS {
        let stage = Stage::new(provider).await;
        // The call dies before its project is made, and another's comes to the path before the tick.
        stage.forges().fail(provider, (Method::POST, stage.path("create")), Failure::Hang, 1);
        tokio::select! {
            saved = stage.save("web") => panic!("{saved:?}"),
            () = stage.forges().reached(provider) => {}
        }
        stage.forges().make(provider, OWNER, "web", "Somebody's");
        let before = stage.outside();
        stage.app.clock.advance(INTENT_LEASE);
        assert_eq!(stage.app.schedule("tick").await["callsSettled"], 1);
        assert_eq!(stage.outside(), before);
        // The path is taken by what the credential does not see.
        let taken = match provider.as_str() {
            "github" => json!({"message": "Repository creation failed.",
                "errors": [{"message": "name already exists on this account"}]}),
            _ => json!({"message": {"path": ["has already been taken"]}}),
        };
        stage.forges().fail(provider, (Method::POST, stage.path("create")), Failure::Status(422, taken), 1);
        let stage_of_another = stage.save("hidden").await.unwrap_err();
        assert!(matches!(stage_of_another.why, Why::PathTaken { .. }), "{}", stage_of_another.why);
        assert_eq!(stage.outside(), before);
    }
}

#[tokio::test]
async fn no_secret_is_written_down_or_told() {
    for provider in PROVIDERS {
        let stage = Stage::new(provider).await;
        let ready = stage.save("web").await.unwrap();
        let items = Value::Array(stage.app.items().await).to_string();
        let told = format!("{ready:?}");
        for secret in &ready.secrets {
            let private = secret.value.as_ref().unwrap().expose();
            assert!(private.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----"));
            let line = private.lines().nth(2).unwrap();
            for place in [&items, &told] {
                assert!(!place.contains(line) && !place.contains(repoplane_local::double::ADMIN_TOKEN));
            }
        }
    }
}
