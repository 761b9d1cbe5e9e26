//! The contract's rows on what a robot looks like.

use super::*;

#[test]
fn every_field_of_a_full_robot() {
    let world = World::new();
    let robot = Robot {
        credential_profile: Some("p1".to_owned()),
        credential_remark: Some("mine".to_owned()),
        clone_username: Some("bot".to_owned()),
        language: Some("en".to_owned()),
        default_branch: Some("main".to_owned()),
        default_branch_role: Some(DefaultBranchRole::Main),
        workflow_mode: Some(WorkflowMode::Auto),
        time_window: Some(TimeWindow { start_hour: 22, end_hour: 6 }),
        dependency: Some(DependencyConfig { failure_mode: Some(FailureMode::Soft), ..DependencyConfig::default() }),
        account: TokenAccount {
            user_id: Some("7".to_owned()),
            username: Some("rev-bot".to_owned()),
            display_name: Some("Rev Bot".to_owned()),
            email: Some("bot@example.org".to_owned()),
            role: Some("write".to_owned()),
            role_details: Some(json!({"provider": "github"})),
        },
        ..active(&world)
    };
    let view = robot_view(&robot);
    let (zero, one) = ("2026-01-20T08:00:00.000Z", "2026-01-20T08:00:00.001Z");
    let cases = [
        ("3.5/scope", "scope", json!("repo")),
        ("3.5/id", "id", json!(robot.id)),
        ("3.5/repoId", "repoId", json!(repository_id())),
        ("3.5/name", "name", json!("rev-bot")),
        ("3.5/permission", "permission", json!("read")),
        ("3.5/hasToken", "hasToken", json!(true)),
        ("3.5/repoCredentialSource", "repoCredentialSource", json!("robot")),
        ("3.5/repoCredentialProfileId", "repoCredentialProfileId", json!("p1")),
        ("3.5/repoCredentialRemark", "repoCredentialRemark", json!("mine")),
        ("3.5/cloneUsername", "cloneUsername", json!("bot")),
        ("3.5/repoTokenUserId", "repoTokenUserId", json!("7")),
        ("3.5/repoTokenUsername", "repoTokenUsername", json!("rev-bot")),
        ("3.5/repoTokenUserName", "repoTokenUserName", json!("Rev Bot")),
        ("3.5/repoTokenUserEmail", "repoTokenUserEmail", json!("bot@example.org")),
        ("3.5/repoTokenRepoRole", "repoTokenRepoRole", json!("write")),
        ("3.5/repoTokenRepoRoleDetails", "repoTokenRepoRoleDetails", json!({"provider": "github"})),
        ("3.5/promptDefault", "promptDefault", json!("review {{ref}}")),
        ("3.5/language", "language", json!("en")),
        ("3.5/modelProvider", "modelProvider", json!("codex")),
        ("3.5/modelProviderConfig", "modelProviderConfig", robot.model.public_view()),
        ("3.5/dependencyConfig", "dependencyConfig", json!({"failureMode": "soft"})),
        ("3.5/defaultBranch", "defaultBranch", json!("main")),
        ("3.5/defaultBranchRole", "defaultBranchRole", json!("main")),
        ("3.5/repoWorkflowMode", "repoWorkflowMode", json!("auto")),
        ("3.5/timeWindow", "timeWindow", json!({"startHour": 22, "endHour": 6})),
        ("3.5/activatedAt", "activatedAt", json!(one)),
        ("3.5/lastTestAt", "lastTestAt", json!(one)),
        ("3.5/lastTestOk", "lastTestOk", json!(true)),
        ("3.5/lastTestMessage", "lastTestMessage", json!("ok")),
        ("3.5/enabled", "enabled", json!(true)),
        ("3.5/isDefault", "isDefault", json!(false)),
        ("3.5/createdAt", "createdAt", json!(zero)),
        ("3.5/updatedAt", "updatedAt", json!(one)),
    ];
    for (id, key, expected) in &cases {
        assert_eq!(view.get(*key), Some(expected), "{id}");
    }
    assert_eq!(view.as_object().unwrap().len(), cases.len(), "3.5/nothing-else: {view}");
}

#[test]
fn unset_members_are_left_out_and_workers_are_not_served() {
    let id = "3.5/unset-omitted";
    let view = robot_view(&World::new().create(&body_with(&json!({"defaultWorkerId": "w"}))).unwrap().robot);
    assert!(view.as_object().unwrap().values().all(|value| !value.is_null()), "{id}: {view}");
    for key in ["activatedAt", "language", "repoTokenUserId", "timeWindow"] {
        assert_eq!(view.get(key), None, "{id}: {key}");
    }
    assert_eq!(view.get("defaultWorkerId"), None, "3.5/defaultWorkerId");
}

#[test]
fn states_that_clients_tell_apart() {
    let world = World::new();
    let seen = |robot: &Robot| {
        let view = robot_view(robot);
        (view["enabled"] == json!(true), view.get("activatedAt").is_some())
    };
    assert_eq!(seen(&own(&world).robot), (false, false), "3.5/state-pending");
    assert_eq!(seen(&active(&world)), (true, true), "3.5/state-active");
    let disabled = world.patch(&active(&world), &json!({"enabled": false})).unwrap().robot;
    assert_eq!(seen(&disabled), (false, true), "3.5/state-disabled");
}

#[test]
fn lists_are_oldest_first() {
    let world = World::new();
    let make = |ms, n| CreateRobot::read(&body()).apply(&world.context(), at(ms), &Fixed(n)).unwrap().robot;
    let (young, old, twin) = (make(9, 1), make(1, 2), make(1, 3));
    let list = list_view(&[young.clone(), twin.clone(), old.clone()]);
    let ids: Vec<_> = list["robots"].as_array().unwrap().iter().map(|robot| robot["id"].clone()).collect();
    assert_eq!(ids, [json!(old.id), json!(twin.id), json!(young.id)], "2.12/order");
    assert_eq!(list_view(&[]), json!({"robots": []}), "2.12/shape");
}
