//! How a robot looks on the wire (contract: hookcode 2.12, 3.5).

use super::Robot;
use serde_json::{Value, json};

/// The public form of a robot; unset optional members are left out.
pub fn robot_view(robot: &Robot) -> Value {
    let mut view = json!({
        "scope": "repo",
        "id": robot.id,
        "repoId": robot.repository,
        "name": robot.name,
        "permission": robot.permission(),
        "hasToken": robot.has_token,
        "repoCredentialSource": robot.credential_source,
        "promptDefault": robot.prompt_default,
        "modelProvider": robot.model_provider,
        "modelProviderConfig": robot.model.public_view(),
        "enabled": robot.enabled,
        "isDefault": robot.is_default,
        "createdAt": robot.created_at,
        "updatedAt": robot.updated_at,
    });
    let account = &robot.account;
    let optional = [
        ("repoCredentialProfileId", json!(robot.credential_profile)),
        ("repoCredentialRemark", json!(robot.credential_remark)),
        ("cloneUsername", json!(robot.clone_username)),
        ("repoTokenUserId", json!(account.user_id)),
        ("repoTokenUsername", json!(account.username)),
        ("repoTokenUserName", json!(account.display_name)),
        ("repoTokenUserEmail", json!(account.email)),
        ("repoTokenRepoRole", json!(account.role)),
        ("repoTokenRepoRoleDetails", json!(account.role_details)),
        ("language", json!(robot.language)),
        ("dependencyConfig", json!(robot.dependency)),
        ("defaultBranch", json!(robot.default_branch)),
        ("defaultBranchRole", json!(robot.default_branch_role)),
        ("repoWorkflowMode", json!(robot.workflow_mode)),
        ("timeWindow", json!(robot.time_window)),
        ("activatedAt", json!(robot.activated_at)),
        ("lastTestAt", json!(robot.last_test_at)),
        ("lastTestOk", json!(robot.last_test_ok)),
        ("lastTestMessage", json!(robot.last_test_message)),
        ("lastModelTestOk", json!(robot.model_test.as_ref().map(|test| test.ok))),
        ("lastModelTestMessage", json!(robot.model_test.as_ref().and_then(|test| test.message.as_ref()))),
    ];
    for (key, value) in optional.into_iter().filter(|(_, value)| !value.is_null()) {
        view[key] = value;
    }
    view
}

/// `{robots: […]}`, oldest first.
pub fn list_view(robots: &[Robot]) -> Value {
    let mut robots: Vec<&Robot> = robots.iter().collect();
    robots.sort_by_key(|robot| (robot.created_at, robot.id));
    json!({ "robots": robots.into_iter().map(robot_view).collect::<Vec<_>>() })
}
