//! The contract's rows on creating a robot.

use super::*;

/// What a row expects of the created robot.
type Expectation = fn(&Robot) -> bool;

#[test]
fn rows_of_good_fields() {
    let cases: &[(&str, Value, Expectation)] = &[
        ("2.13/name", json!({"name": " @rev bot "}), |r| r.name == "rev bot"),
        ("2.13/promptDefault", json!({"promptDefault": " do it "}), |r| r.prompt_default == "do it"),
        ("2.13/repoCredentialSource", json!({"repoCredentialSource": " REPO "}), |r| {
            r.credential_source == CredentialSource::Repo
        }),
        (
            "2.13/token",
            json!({"repoCredentialSource": "<absent>", "repoCredentialProfileId": "<absent>", "token": " t "}),
            |r| r.credential_source == CredentialSource::Robot && r.has_token && r.credential_profile.is_none(),
        ),
        ("2.13/repoCredentialProfileId", json!({}), |r| r.credential_profile.as_deref() == Some("p1")),
        (
            "2.13/repoCredentialProfileId-global",
            json!({"repoCredentialSource": "global", "repoCredentialProfileId": null}),
            |r| r.credential_source == CredentialSource::Global && r.credential_profile.is_none(),
        ),
        (
            "2.13/repoCredentialProfileId-user",
            json!({"repoCredentialSource": "user", "repoCredentialProfileId": "u1"}),
            |r| r.credential_source == CredentialSource::User && r.credential_user == Some(caller()),
        ),
        (
            "2.13/repoCredentialRemark",
            json!({"repoCredentialSource": "robot", "repoCredentialProfileId": null, "repoCredentialRemark": " mine "}),
            |r| r.credential_remark.as_deref() == Some("mine"),
        ),
        (
            "2.13/robot-without-token",
            json!({"repoCredentialSource": "robot", "repoCredentialProfileId": "<absent>"}),
            |r| r.credential_source == CredentialSource::Robot && !r.has_token,
        ),
        ("2.13/cloneUsername", json!({"cloneUsername": " "}), |r| r.clone_username.is_none()),
        ("2.13/defaultBranch", json!({"defaultBranch": " dev "}), |r| r.default_branch.as_deref() == Some("dev")),
        ("2.13/defaultBranchRole", json!({"defaultBranchRole": "dev"}), |r| {
            r.default_branch_role == Some(DefaultBranchRole::Dev)
        }),
        ("2.13/defaultBranchRole-null", json!({"defaultBranchRole": null}), |r| r.default_branch_role.is_none()),
        ("2.13/defaultWorkerId", json!({"defaultWorkerId": "any"}), |_| true),
        ("2.13/language", json!({"language": "de-AT"}), |r| r.language.as_deref() == Some("de-AT")),
        ("2.13/modelProvider", json!({"modelProvider": "Claude_Code"}), |r| {
            r.model_provider == ModelProvider::ClaudeCode
        }),
        ("2.13/modelProvider-default", json!({"modelProvider": ""}), |r| r.model_provider == ModelProvider::Codex),
        (
            "2.13/modelProviderConfig",
            json!({"modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "p1", "model": "m"}}),
            |r| r.model.model == "m",
        ),
        ("2.13/dependencyConfig", json!({"dependencyConfig": {"enabled": true, "failureMode": "hard"}}), |r| {
            r.dependency
                == Some(DependencyConfig {
                    enabled: Some(true),
                    failure_mode: Some(FailureMode::Hard),
                    allow_custom_install: None,
                })
        }),
        ("2.13/repoWorkflowMode", json!({"repoWorkflowMode": "fork"}), |r| r.workflow_mode == Some(WorkflowMode::Fork)),
        ("2.13/timeWindow", json!({"timeWindow": {"startHour": 22, "endHour": 6}}), |r| {
            r.time_window == Some(TimeWindow { start_hour: 22, end_hour: 6 })
        }),
        ("2.13/isDefault", json!({"isDefault": true}), |r| r.is_default),
        ("2.13/disabled-at-start", json!({}), |r| !r.enabled && r.activated_at.is_none() && !r.is_default),
    ];
    let world = World::new();
    for (id, changes, expectation) in cases {
        let change = world.create(&body_with(changes)).unwrap_or_else(|error| panic!("{id}: {error:?}"));
        assert!(expectation(&change.robot), "{id}: {:?}", change.robot);
    }
}

#[test]
fn rows_of_wrong_fields() {
    let hours = "must be an integer from 0 to 23";
    let cases = [
        ("2.13/text/name", json!({"name": " @ "}), "/name", "name is required"),
        ("2.13/text/name-absent", json!({"name": "<absent>"}), "/name", "name is required"),
        ("2.13/text/promptDefault", json!({"promptDefault": null}), "/promptDefault", "promptDefault is required"),
        (
            "2.13/text/defaultBranchRole",
            json!({"defaultBranchRole": "prod"}),
            "/defaultBranchRole",
            "defaultBranchRole must be main/dev/test or null",
        ),
        (
            "2.13/text/modelProvider",
            json!({"modelProvider": "gpt"}),
            "/modelProvider",
            "modelProvider must be codex, claude_code, or gemini_cli",
        ),
        (
            "2.13/text/modelProviderConfig",
            json!({"modelProviderConfig": 7}),
            "/modelProviderConfig",
            "must be an object",
        ),
        (
            "2.13/text/dependencyConfig",
            json!({"dependencyConfig": []}),
            "/dependencyConfig",
            "dependencyConfig must be an object",
        ),
        (
            "2.13/text/failureMode",
            json!({"dependencyConfig": {"failureMode": "x"}}),
            "/dependencyConfig/failureMode",
            "dependencyConfig.failureMode must be soft or hard",
        ),
        (
            "2.13/text/repoWorkflowMode",
            json!({"repoWorkflowMode": "x"}),
            "/repoWorkflowMode",
            "repoWorkflowMode must be auto/direct/fork or null",
        ),
        (
            "2.13/text/timeWindow",
            json!({"timeWindow": {"startHour": 24, "endHour": 0}}),
            "/timeWindow/startHour",
            hours,
        ),
        ("2.13/text/timeWindow-half", json!({"timeWindow": {"startHour": 1}}), "/timeWindow/endHour", hours),
        ("2.13/text/isDefault", json!({"isDefault": "yes"}), "/isDefault", "must be true or false"),
        ("2.13/enabled", json!({"enabled": false}), "/enabled", "unknown field"),
        ("2.13/unknown", json!({"permission": "write"}), "/permission", "unknown field"),
    ];
    for (id, changes, pointer, message) in cases {
        let error = only_error(id, World::new().create(&body_with(&changes)));
        assert_eq!(error, (pointer.to_owned(), message.to_owned()), "{id}");
    }
}

#[test]
fn all_wrong_fields_are_reported_fields_first_then_git_then_model() {
    let id = "2.13/all-at-once";
    let body = json!({"isDefault": 1, "timeWindow": 7, "colour": "red", "name": ""});
    let errors = errors(World::new().create(&body));
    let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
    let expected = [
        "/name",
        "/promptDefault",
        "/timeWindow",
        "/isDefault",
        "/colour",
        "/repoCredentialSource",
        "/modelProviderConfig/credentialProfileId",
    ];
    assert_eq!(pointers, expected, "{id}");
    assert_eq!(errors[0].message, "name is required", "{id}");
}

#[test]
fn own_values_go_to_the_vault_and_nowhere_else() {
    let id = "2.13/own-values";
    let change = own(&World::new());
    let robot = change.robot.id;
    let expected = [
        (format!("robot/{robot}/token"), Some("own-token".to_owned())),
        (format!("robot/{robot}/model"), Some("own-key".to_owned())),
    ];
    assert_eq!(edits(&change.secrets), expected, "{id}");
    assert!(change.robot.has_token && change.robot.model.has_own_key(), "{id}");
}

#[test]
fn a_new_default_replaces_those_of_its_permission() {
    let id = "2.13/isDefault-siblings";
    let mut world = World::new();
    let writing = json!({"credentialSource": "repo", "credentialProfileId": "p1", "sandbox": "workspace-write"});
    for (n, config) in [(11, body()["modelProviderConfig"].clone()), (12, writing)] {
        let body = body_with(&json!({"isDefault": true, "modelProviderConfig": config}));
        let change = CreateRobot::read(&body).apply(&world.context(), at(0), &Fixed(n)).unwrap();
        assert_eq!(change.losing_default, [], "{id}");
        world.robots.push(change.robot);
    }
    let change = world.create(&body_with(&json!({"isDefault": true}))).unwrap();
    assert_eq!(change.losing_default, [world.robots[0].id], "{id}");
    let change = world.create(&body()).unwrap();
    assert_eq!(change.losing_default, [], "{id}: not a default");
}

#[test]
fn limits_of_number_and_size() {
    let mut world = World::new();
    let long = body_with(&json!({"promptDefault": "x".repeat(8 * 1024)}));
    assert!(matches!(world.create(&long), Err(DomainError::TooLarge(_))), "2.13/limit-size");
    let robot = world.create(&body()).unwrap().robot;
    world.robots = vec![robot; MAX_ROBOTS];
    assert!(matches!(world.create(&body()), Err(DomainError::TooLarge(_))), "2.13/limit-number");
}
