//! What holds for any body.

use super::*;
use proptest::prelude::*;

/// JSON that is often nearly a robot or a model config.
fn any_json() -> impl Strategy<Value = Value> {
    let keys = vec![
        "name",
        "promptDefault",
        "repoCredentialSource",
        "repoCredentialProfileId",
        "token",
        "repoCredentialRemark",
        "modelProvider",
        "modelProviderConfig",
        "dependencyConfig",
        "timeWindow",
        "startHour",
        "endHour",
        "isDefault",
        "enabled",
        "credentialSource",
        "credentialProfileId",
        "credential",
        "apiKey",
        "apiBaseUrl",
        "remark",
        "model",
        "sandbox",
        "model_reasoning_effort",
        "sandbox_workspace_write",
        "network_access",
        "routingConfig",
        "mode",
        "fallbackProvider",
        "failoverPolicy",
        "hasApiKey",
        "x/~y",
    ];
    let words = vec![
        "robot",
        "repo",
        "user",
        "global",
        "p1",
        "codex",
        "claude_code",
        "gemini_cli",
        "workspace-write",
        "high",
        "availability_first",
        "fallback_provider_once",
        " https://H/a b",
        "https://H/%7e",
        " x ",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0i64..30).prop_map(Value::from),
        prop::sample::select(words).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 10, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(keys.clone()), inner), 0..10)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

fn any_provider() -> impl Strategy<Value = ModelProvider> {
    prop::sample::select(ModelProvider::ALL.to_vec())
}

proptest! {
    #[test]
    fn normalising_twice_is_normalising_once(provider in any_provider(), raw in any_json()) {
        let once = ModelConfig::normalize(provider, &raw);
        let twice = ModelConfig::normalize(provider, &once.public_view());
        prop_assert_eq!(&twice, &once);
        prop_assert_eq!(serde_json::to_value(&once).unwrap(), once.public_view());
        let stored = serde_json::to_value(&once).unwrap();
        prop_assert_eq!(serde_json::from_value::<ModelConfig>(stored).unwrap(), once);
    }

    #[test]
    fn any_body_is_judged_without_panic(body in any_json(), config in any_json()) {
        let world = World::new();
        let _ = world.create(&body);
        let _ = world.create(&body_with(&json!({"modelProviderConfig": config})));
        let robot = active(&world);
        let _ = world.patch(&robot, &body);
        let _ = world.patch(&robot, &json!({"modelProviderConfig": config}));
    }

    #[test]
    fn flags_and_permission_follow_what_was_decided(config in any_json(), provider in any_provider()) {
        let world = World::new();
        let before = active(&world);
        let body = json!({"modelProvider": provider.as_str(), "modelProviderConfig": config});
        if let Ok(change) = world.patch(&before, &body) {
            let key = crate::credential::SecretName::robot_model(before.id);
            let edit = change.secrets.iter().find(|edit| edit.name == key);
            let stored = edit.map_or(before.model.has_own_key(), |edit| edit.value.is_some());
            prop_assert_eq!(change.robot.model.has_own_key(), stored);
            let writes = change.robot.model.sandbox == Sandbox::WorkspaceWrite;
            prop_assert_eq!(change.robot.permission() == Permission::Write, writes);
        }
    }

    #[test]
    fn no_secret_is_in_any_serialised_form(provider in any_provider(), extra in any_json()) {
        let world = World::new();
        let credential = json!({"apiKey": CANARY, "remark": "r"});
        let body = body_with(&json!({
            "repoCredentialSource": "robot", "repoCredentialProfileId": null, "token": CANARY,
            "modelProvider": provider.as_str(),
            "modelProviderConfig": {"credentialSource": "robot", "credential": credential, "apiKey": CANARY, "x": CANARY},
            "dependencyConfig": null,
        }));
        let change = world.create(&body).unwrap();
        prop_assert_eq!(change.secrets.len(), 2);
        let patch = json!({"token": CANARY, "modelProviderConfig": {"credential": credential, "routingConfig": extra}});
        let patched = world.patch(&change.robot, &patch).unwrap();
        let read = PatchRobot::read(&patch);
        let forms = [
            serde_json::to_string(&patched.robot).unwrap(),
            robot_view(&patched.robot).to_string(),
            format!("{change:?}"),
            format!("{patched:?}"),
            format!("{read:?}"),
        ];
        for form in forms {
            prop_assert!(!form.contains(CANARY), "5.3/Q15: {}", form);
        }
    }
}
