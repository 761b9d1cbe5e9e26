//! The contract's rows on patching a robot.

use super::*;

fn repo_robot(world: &World) -> Robot {
    world.create(&body()).expect("the robot is created").robot
}

#[test]
fn rows_of_wrong_fields() {
    let world = World::new();
    let (repo, own) = (repo_robot(&world), own(&world).robot);
    let cases = [
        ("2.14/enabled-true", &repo, json!({"enabled": true}), "/enabled", "robot must be activated by testing token"),
        (
            "2.14/promptDefault-null",
            &repo,
            json!({"promptDefault": null}),
            "/promptDefault",
            "promptDefault is required",
        ),
        (
            "2.14/promptDefault-blank",
            &repo,
            json!({"promptDefault": " "}),
            "/promptDefault",
            "promptDefault is required",
        ),
        ("2.14/name-blank", &repo, json!({"name": "@"}), "/name", "name is required"),
        (
            "2.14/profile-without-source",
            &own,
            json!({"repoCredentialProfileId": "p1"}),
            "/repoCredentialSource",
            "repoCredentialSource is required when selecting a credential profile",
        ),
        (
            "2.14/token-with-profile-source",
            &repo,
            json!({"token": "t"}),
            "/token",
            "token must be null when repoCredentialSource is user/repo/global",
        ),
        (
            "2.14/profile-cleared",
            &repo,
            json!({"repoCredentialProfileId": null}),
            "/repoCredentialProfileId",
            "repoCredentialProfileId is required when repoCredentialSource is user/repo",
        ),
        (
            "2.14/profile-unknown",
            &repo,
            json!({"repoCredentialProfileId": "x"}),
            "/repoCredentialProfileId",
            "repoCredentialProfileId does not exist in repo-scoped credentials",
        ),
        (
            "2.14/robot-with-profile",
            &repo,
            json!({"repoCredentialSource": "robot", "repoCredentialProfileId": "p1"}),
            "/repoCredentialProfileId",
            "repoCredentialProfileId must be null when repoCredentialSource=robot",
        ),
        (
            "2.14/remark-unsupported",
            &repo,
            json!({"repoCredentialRemark": null}),
            "/repoCredentialRemark",
            "repoCredentialRemark is only supported for repoCredentialSource=robot",
        ),
        (
            "2.14/modelProvider-blank",
            &repo,
            json!({"modelProvider": ""}),
            "/modelProvider",
            "modelProvider must be codex, claude_code, or gemini_cli",
        ),
        (
            "2.14/model-key-cleared",
            &own,
            json!({"modelProviderConfig": {"credential": {"apiKey": null}}}),
            "/modelProviderConfig/credential/apiKey",
            "codex apiKey is required (robot credential)",
        ),
        (
            "2.14/model-key-of-another-provider",
            &own,
            json!({"modelProvider": "claude_code", "modelProviderConfig": {"sandbox": "read-only"}}),
            "/modelProviderConfig/credential/apiKey",
            "claude_code apiKey is required (robot credential)",
        ),
        ("2.14/permission", &repo, json!({"permission": "write"}), "/permission", "unknown field"),
    ];
    for (id, robot, body, pointer, message) in cases {
        let error = only_error(id, world.patch(robot, &body));
        assert_eq!(error, (pointer.to_owned(), message.to_owned()), "{id}");
    }
}

#[test]
fn absent_fields_and_a_worker_are_kept() {
    let world = World::new();
    let robot = active(&world);
    for (id, body) in [
        ("2.14/absent-kept", json!({})),
        ("5.3/Q7", json!({"defaultWorkerId": null})),
        ("2.14/source-null", json!({"repoCredentialSource": null})),
        ("2.14/name-null", json!({"name": null, "isDefault": null, "enabled": null})),
    ] {
        let change = world.patch(&robot, &body).unwrap();
        let expected = Robot { updated_at: at(1), version: robot.version + 1, ..robot.clone() };
        assert_eq!(change.robot, expected, "{id}");
        assert_eq!(change.secrets, [], "{id}");
    }
}

#[test]
fn every_field_can_be_changed_and_optional_ones_cleared() {
    let id = "2.14/fields";
    let world = World::new();
    let full = json!({
        "name": "@other", "promptDefault": "p", "cloneUsername": "c", "defaultBranch": "b", "defaultBranchRole": "test",
        "language": "en", "dependencyConfig": {"allowCustomInstall": false}, "repoWorkflowMode": "direct",
        "timeWindow": {"startHour": 1, "endHour": 2}, "isDefault": true,
    });
    let robot = world.patch(&repo_robot(&world), &full).unwrap().robot;
    let view = robot_view(&robot);
    for (key, value) in full.as_object().unwrap() {
        let value = if key == "name" { json!("other") } else { value.clone() };
        assert_eq!(view[key], value, "{id}: {key}");
    }
    let clear = json!({
        "cloneUsername": null, "defaultBranch": "", "defaultBranchRole": null, "language": null,
        "dependencyConfig": null, "repoWorkflowMode": null, "timeWindow": null, "isDefault": false,
    });
    let robot = world.patch(&robot, &clear).unwrap().robot;
    let view = robot_view(&robot);
    for key in clear.as_object().unwrap().keys().filter(|key| *key != "isDefault") {
        assert_eq!(view.get(key), None, "{id}: {key}");
    }
    assert!(!robot.is_default, "2.14/isDefault-false");
}

#[test]
fn disabling_needs_no_test() {
    let id = "2.14/enabled-false";
    let world = World::new();
    let robot = active(&world);
    let disabled = world.patch(&robot, &json!({"enabled": false})).unwrap().robot;
    assert!(robot.enabled && !disabled.enabled, "{id}");
    assert_eq!(disabled.activated_at, robot.activated_at, "{id}");
}

#[test]
fn a_changed_git_credential_takes_the_activation_back() {
    let world = World::new();
    let cases = [
        ("2.14/credential-changed-token", json!({"token": "new"})),
        ("2.14/credential-changed-cleared", json!({"token": null})),
        ("2.14/credential-changed-source", json!({"repoCredentialSource": "repo", "repoCredentialProfileId": "p1"})),
        ("2.14/credential-changed-global", json!({"repoCredentialSource": "global"})),
    ];
    for (id, body) in cases {
        let robot = world.patch(&active(&world), &body).unwrap().robot;
        assert!(!robot.enabled && robot.activated_at.is_none(), "{id}");
        assert_eq!((robot.last_test_at, robot.last_test_ok, &robot.last_test_message), (None, None, &None), "{id}");
        assert_eq!(robot.account, TokenAccount::default(), "{id}");
    }
    let kept = [
        ("2.14/credential-same-remark", json!({"repoCredentialRemark": "x"})),
        ("2.14/credential-same-source", json!({"repoCredentialSource": "robot"})),
        ("2.14/credential-same-model", json!({"modelProviderConfig": {"model": "m"}})),
    ];
    for (id, body) in kept {
        let robot = world.patch(&active(&world), &body).unwrap().robot;
        assert!(robot.enabled && robot.account != TokenAccount::default(), "{id}");
    }
}

#[test]
fn own_values_follow_the_source() {
    let world = World::new();
    let robot = active(&world);
    let (token, key) = (format!("robot/{}/token", robot.id), format!("robot/{}/model", robot.id));
    let cases = [
        ("2.14/token-replaced", json!({"token": " new "}), vec![(token.clone(), Some("new".to_owned()))]),
        ("2.14/token-cleared", json!({"token": ""}), vec![(token.clone(), None)]),
        (
            "2.14/token-gone-with-source",
            json!({"repoCredentialSource": "repo", "repoCredentialProfileId": "p1"}),
            vec![(token, None)],
        ),
        (
            "2.14/model-key-replaced",
            json!({"modelProviderConfig": {"credential": {"apiKey": " k2 "}}}),
            vec![(key.clone(), Some("k2".to_owned()))],
        ),
        (
            "2.14/model-key-gone-with-source",
            json!({"modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "p1"}}),
            vec![(key, None)],
        ),
        ("2.14/model-key-kept", json!({"modelProviderConfig": {"sandbox": "workspace-write"}}), vec![]),
    ];
    for (id, body, expected) in cases {
        assert_eq!(edits(&world.patch(&robot, &body).unwrap().secrets), expected, "{id}");
    }
}

#[test]
fn a_partial_model_config_is_merged() {
    let id = "5.3/Q8";
    let world = World::new();
    let robot = own(&world).robot;
    let first = json!({"modelProviderConfig": {"model": "gpt-x", "sandbox": "workspace-write",
        "routingConfig": {"mode": "availability_first", "fallbackProvider": "gemini_cli"}}});
    let robot = world.patch(&robot, &first).unwrap().robot;
    let second = json!({"modelProviderConfig": {"model_reasoning_effort": "high",
        "routingConfig": {"failoverPolicy": "fallback_provider_once"}, "credential": {"remark": null}}});
    let robot = world.patch(&robot, &second).unwrap().robot;
    let expected = json!({
        "credentialSource": "robot",
        "credential": {"hasApiKey": true},
        "model": "gpt-x",
        "sandbox": "workspace-write",
        "model_reasoning_effort": "high",
        "routingConfig": {"mode": "availability_first", "fallbackProvider": "gemini_cli",
                          "failoverPolicy": "fallback_provider_once"},
    });
    assert_eq!(robot.model.public_view(), expected, "{id}");
    assert_eq!(robot.permission(), Permission::Write, "2.14/permission-recomputed");
    let robot = world.patch(&robot, &json!({"modelProviderConfig": {"sandbox": null, "model": null}})).unwrap().robot;
    assert_eq!(robot.model.model, "gpt-5.1-codex-max", "{id}: null is the default");
    assert_eq!(robot.permission(), Permission::Read, "{id}");
}

#[test]
fn another_provider_alone_is_not_checked() {
    let id = "2.14/modelProvider-alone";
    let world = World::new();
    let mut robot = repo_robot(&world);
    robot.model.credential_profile = Some("deleted".to_owned());
    let change = world.patch(&robot, &json!({"modelProvider": "claude_code"})).unwrap();
    assert_eq!(change.robot.model.model, "gpt-5.1-codex-max", "{id}: the old model stays");
    assert_eq!(change.robot.model.reasoning_effort, None, "{id}");
    assert!(change.robot.model.workspace_write.is_some(), "{id}");
    let both = json!({"modelProvider": "claude_code", "modelProviderConfig": {"credentialProfileId": "p1"}});
    let change = world.patch(&robot, &both).unwrap();
    assert_eq!(change.robot.model.model, "claude-sonnet-4-5-20250929", "2.14/modelProvider-with-config");
}

#[test]
fn a_model_config_is_rechecked_only_when_sent() {
    let world = World::new();
    let mut robot = repo_robot(&world);
    robot.model.credential_profile = Some("deleted".to_owned());
    robot.credential_profile = Some("deleted".to_owned());
    world.patch(&robot, &json!({"language": "en"})).expect("2.14/recheck: nothing is asked");
    let id = "2.14/recheck";
    let sent = json!({"modelProviderConfig": {"model": "m"}, "repoCredentialSource": "repo"});
    let messages: Vec<_> = errors(world.patch(&robot, &sent)).into_iter().map(|error| error.message).collect();
    let expected = [
        "repoCredentialProfileId does not exist in repo-scoped credentials",
        "codex credentialProfileId does not exist in repo-scoped credentials",
    ];
    assert_eq!(messages, expected, "{id}");
}

#[test]
fn a_reader_does_not_become_a_writer_without_a_test() {
    let id = "2.14/permission-outgrows-token";
    let world = World::new();
    let mut robot = active(&world);
    let sandbox = json!({"modelProviderConfig": {"sandbox": "workspace-write"}});
    assert!(world.patch(&robot, &sandbox).unwrap().robot.enabled, "{id}: a writer's token");
    robot.account.role = Some("Reporter".to_owned());
    assert!(!world.patch(&robot, &sandbox).unwrap().robot.enabled, "{id}: a reader's token");
}

#[test]
fn defaults_follow_the_permission_after_the_patch() {
    let id = "2.14/isDefault-siblings";
    let mut world = World::new();
    let mut sibling = repo_robot(&world);
    sibling.id = RobotId::new(at(0), &Fixed(77));
    sibling.is_default = true;
    sibling.model.sandbox = Sandbox::WorkspaceWrite;
    let sibling_id = sibling.id;
    world.robots.push(sibling);
    let robot = repo_robot(&world);
    let reading = world.patch(&robot, &json!({"isDefault": true})).unwrap();
    assert_eq!(reading.losing_default, [], "{id}");
    let writing = world.patch(&reading.robot, &json!({"modelProviderConfig": {"sandbox": "workspace-write"}})).unwrap();
    assert_eq!(writing.losing_default, [sibling_id], "{id}");
}

#[test]
fn a_patch_by_another_member_keeps_whose_account_is_used_until_it_chooses() {
    let ann = World::new();
    let config = json!({"credentialSource": "user", "credentialProfileId": "u1"});
    let chosen = json!({
        "repoCredentialSource": "user", "repoCredentialProfileId": "u1", "modelProviderConfig": config,
    });
    let robot = ann.create(&body_with(&chosen)).unwrap().robot;
    let bob = UserId::new(at(0), &Fixed(6));
    let world = World { users: [(caller(), account("u", None)), (bob, account("b", None))].into(), ..World::new() };
    let by_bob = |body: &Value| {
        let context = RobotContext { caller: bob, ..world.context() };
        PatchRobot::read(body).apply(&robot, &context, at(1))
    };
    // What does not choose a credential is checked against the account that is in use, not the caller's.
    for body in [
        json!({"token": null}),
        json!({"modelProviderConfig": {"sandbox": "workspace-write"}}),
        json!({"modelProvider": "gemini_cli", "modelProviderConfig": {"model": "x"}}),
    ] {
        let kept = by_bob(&body).unwrap().robot;
        assert_eq!((kept.credential_user, kept.model_user), (Some(caller()), Some(caller())), "{body}");
    }
    let needed = |body: &Value| PatchRobot::read(body).accounts(&robot, bob).users;
    assert!(needed(&json!({"name": "x"})).is_empty());
    assert_eq!(needed(&json!({"modelProviderConfig": {"model": "x"}})), [caller()].into());
    assert_eq!(needed(&chosen), [bob].into());
    // Choosing means one's own account: Ann's profile is not Bob's to take.
    let refused = errors(by_bob(&chosen));
    assert_eq!(refused.len(), 2, "{refused:?}");
    let config = json!({"credentialSource": "user", "credentialProfileId": "b1"});
    let body = json!({"repoCredentialProfileId": "b1", "modelProviderConfig": config});
    let taken = by_bob(&body).unwrap().robot;
    assert_eq!((taken.credential_user, taken.model_user), (Some(bob), Some(bob)));
    let body = json!({"repoCredentialSource": "repo", "repoCredentialProfileId": "p1",
        "modelProviderConfig": {"credentialSource": "global", "credentialProfileId": null}});
    let left = by_bob(&body).unwrap().robot;
    assert_eq!((left.credential_user, left.model_user), (None, None));
}
