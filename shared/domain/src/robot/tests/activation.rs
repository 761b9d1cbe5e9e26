//! The contract's rows on testing a robot.

use super::*;

fn plan(world: &World, robot: &Robot) -> Result<TestPlan, DomainError> {
    plan_test(robot, &repository(Provider::Github), &world.robots, &world.stores())
}

fn failed(text: &str) -> TestVerdict {
    TestVerdict::Failed { message: text.to_owned() }
}

fn passed(role: &str) -> TestVerdict {
    TestVerdict::Passed(TokenAccount {
        username: Some("rev-bot".to_owned()),
        role: Some(role.to_owned()),
        ..TokenAccount::default()
    })
}

#[test]
fn refusals_before_the_provider_is_asked() {
    let world = World::new();
    let robot = own(&world).robot;
    let without_token = Robot { has_token: false, ..robot.clone() };
    let nameless = Repository { name: " ".to_owned(), ..repository(Provider::Gitlab) };
    let cases = [
        (
            "2.15/token-required",
            &without_token,
            repository(Provider::Github),
            "repo provider token is required for activation test (configure per-robot, account-level, or repo-scoped credentials)",
        ),
        (
            "2.15/identity-required",
            &robot,
            nameless,
            "repo identity is required for activation test (externalId or name)",
        ),
        ("2.15/provider-git", &robot, repository(Provider::Git), "robot test is not available for provider git yet"),
    ];
    for (id, robot, repository, message) in cases {
        let error = only_error(id, plan_test(robot, &repository, &[], &world.stores()));
        assert_eq!(error, (String::new(), message.to_owned()), "{id}");
    }
}

#[test]
fn the_token_follows_the_source() {
    let user = UserId::new(at(0), &Fixed(5));
    let users = [(caller(), account("v", None)), (user, account("u", None))].into();
    let world = World { repo: profiles("p", Some("p1")), users, ..World::new() };
    let own = own(&world).robot;
    let robot = |source, profile: Option<&str>| Robot {
        credential_source: source,
        credential_profile: profile.map(str::to_owned),
        credential_user: Some(user),
        ..own.clone()
    };
    use crate::credential::{SecretName, SecretOwner};
    let cases = [
        (
            "3.5/token-robot",
            robot(CredentialSource::Robot, None),
            Some((SecretOwner::Repository, SecretName::robot_token(own.id))),
        ),
        (
            "3.5/token-user",
            robot(CredentialSource::User, Some("u1")),
            Some((SecretOwner::User(user), SecretName::account_git(Provider::Github, "u1"))),
        ),
        ("3.5/token-of-another-user", robot(CredentialSource::User, Some("v1")), None),
        (
            "3.5/token-repo",
            robot(CredentialSource::Repo, Some("p1")),
            Some((SecretOwner::Repository, SecretName::git("p1"))),
        ),
        (
            "3.5/token-global",
            robot(CredentialSource::Global, None),
            Some((SecretOwner::Tenant, SecretName::account_git(Provider::Github, "g1"))),
        ),
        ("3.5/token-no-fall-through", robot(CredentialSource::Repo, Some("p0")), None),
        ("3.5/token-no-fall-through", robot(CredentialSource::Repo, Some("deleted")), None),
    ];
    for (id, robot, expected) in cases {
        let found = git_token_ref(&robot, &world.stores()).ok().map(|found| (found.secret.owner, found.secret.name));
        assert_eq!(found, expected, "{id}");
    }
}

#[test]
fn the_model_keys_verdict_stands_beside_the_git_tokens() {
    let world = World::new();
    let robot = world.create(&body()).unwrap().robot;
    let test = plan(&world, &robot).unwrap();
    assert!(test.model_key.is_some());
    let model = ModelTest::failed("the key is not taken".to_owned());
    let outcome = test.conclude(&robot, &[], passed("admin"), Some(model), at(5)).unwrap();
    // The contract activates by the Git token alone.
    assert!(outcome.ok && outcome.robot.enabled);
    let view = outcome.public_view();
    assert_eq!(view["git"], json!({"ok": true}));
    assert_eq!(view["model"], json!({"ok": false, "message": "the key is not taken"}));
    assert_eq!(view["robot"]["lastModelTestOk"], false);
    // Other settings may mean another key, of which nothing is known.
    let patched = world.patch(&outcome.robot, &json!({"modelProviderConfig": {"model": "other"}})).unwrap().robot;
    assert_eq!(patched.model_test, None);
    let renamed = world.patch(&outcome.robot, &json!({"name": "Other"})).unwrap().robot;
    assert_eq!(renamed.model_test, outcome.robot.model_test);
}

#[test]
fn the_model_key_follows_the_source() {
    let world = World::new();
    let own = own(&world).robot;
    let key = model_key_ref(&own, &world.stores()).unwrap();
    assert_eq!(key.key.name, crate::credential::SecretName::robot_model(own.id), "3.6/key-robot");
    let repo = world.create(&body()).unwrap().robot;
    let key = model_key_ref(&repo, &world.stores()).unwrap();
    assert_eq!(key.key.name.as_str(), "model/codex/p1", "3.6/key-repo");
    assert_eq!(key.api_base_url.as_deref(), Some("https://proxy/v1"), "3.6/key-repo");
    let config = json!({"credentialSource": "user", "credentialProfileId": "u1"});
    let users = world.create(&body_with(&json!({"modelProviderConfig": config}))).unwrap().robot;
    assert_eq!(users.model_user, Some(caller()), "3.6/key-user");
    let key = model_key_ref(&users, &world.stores()).unwrap();
    assert_eq!(key.key.owner, crate::credential::SecretOwner::User(caller()), "3.6/key-user");
    let others = Robot { model_user: Some(UserId::new(at(0), &Fixed(5))), ..users };
    assert_eq!(model_key_ref(&others, &world.stores()), None, "3.6/key-of-another-user");
    let mut gone = repo;
    gone.model.credential_profile = Some("deleted".to_owned());
    assert_eq!(model_key_ref(&gone, &world.stores()), None, "3.6/key-gone");
}

#[test]
fn the_identity_is_the_external_id_else_the_name() {
    let id = "4.4/identity";
    let world = World::new();
    let robot = own(&world).robot;
    assert_eq!(plan(&world, &robot).unwrap().identity, "acme/widgets", "{id}");
    let bound = Repository {
        external_id: Some("42".to_owned()),
        api_base_url: Some("https://ghe/api/v3".to_owned()),
        ..repository(Provider::Github)
    };
    let plan = plan_test(&robot, &bound, &[], &world.stores()).unwrap();
    assert_eq!((plan.identity.as_str(), plan.api_base_url.as_deref()), ("42", Some("https://ghe/api/v3")), "{id}");
}

#[test]
fn a_passing_test_activates() {
    let id = "4.4/pass";
    let world = World::new();
    let robot = own(&world).robot;
    let outcome = plan(&world, &robot).unwrap().conclude(&robot, &[], passed("admin"), None, at(5)).unwrap();
    let after = &outcome.robot;
    assert!(outcome.ok && after.enabled, "{id}");
    assert_eq!((after.last_test_ok, after.last_test_message.as_deref()), (Some(true), Some("ok")), "{id}");
    assert_eq!((after.last_test_at, after.activated_at), (Some(at(5)), Some(at(5))), "{id}");
    assert_eq!(after.account.username.as_deref(), Some("rev-bot"), "{id}");
    let expected = json!({"ok": true, "git": {"ok": true}, "robot": robot_view(after)});
    assert_eq!(outcome.public_view(), expected, "2.15/pass");
    let again = plan(&world, after).unwrap().conclude(after, &[], passed("admin"), None, at(9)).unwrap().robot;
    assert_eq!((again.activated_at, again.last_test_at), (Some(at(5)), Some(at(9))), "4.4/pass-again");
}

#[test]
fn a_failing_test_disables_and_keeps_what_was_known() {
    let id = "4.4/fail";
    let world = World::new();
    let robot = active(&world);
    let text = "[github] 401 Unauthorized: {…}";
    let outcome = plan(&world, &robot).unwrap().conclude(&robot, &[], failed(text), None, at(5)).unwrap();
    let after = &outcome.robot;
    assert!(!outcome.ok && !after.enabled, "{id}");
    assert_eq!((after.last_test_ok, after.last_test_message.as_deref()), (Some(false), Some(text)), "{id}");
    assert_eq!((after.activated_at, &after.account), (robot.activated_at, &robot.account), "{id}");
    let git = json!({"ok": false, "message": text});
    let expected = json!({"ok": false, "message": text, "git": git, "robot": robot_view(after)});
    assert_eq!(outcome.public_view(), expected, "2.15/fail");
}

#[test]
fn a_readers_token_does_not_activate_a_writer() {
    let world = World::new();
    let reading = own(&world).robot;
    let writing =
        Robot { model: ModelConfig { sandbox: Sandbox::WorkspaceWrite, ..reading.model.clone() }, ..reading.clone() };
    let cases = [
        ("4.4/role-read", &writing, "read", false),
        ("4.4/role-triage", &writing, "triage", false),
        ("4.4/role-reporter", &writing, "reporter", false),
        ("4.4/role-guest", &writing, "guest", false),
        ("4.4/role-write", &writing, "write", true),
        ("4.4/role-developer", &writing, "developer", true),
        ("4.4/role-unknown", &writing, "unknown", true),
        ("4.4/role-read-for-reader", &reading, "read", true),
    ];
    for (id, robot, role, ok) in cases {
        let outcome = plan(&world, robot).unwrap().conclude(robot, &[], passed(role), None, at(5)).unwrap();
        assert_eq!((outcome.ok, outcome.robot.enabled, outcome.robot.last_test_ok), (ok, ok, Some(ok)), "{id}");
        assert_eq!(outcome.message.is_some_and(|text| text.contains(role) && text.contains("sandbox")), !ok, "{id}");
    }
}

#[test]
fn a_robot_that_changed_meanwhile_is_not_judged() {
    let id = "4.4/changed-meanwhile";
    let world = World::new();
    let robot = own(&world).robot;
    let plan = plan(&world, &robot).unwrap();
    let patched = world.patch(&robot, &json!({"token": "new"})).unwrap().robot;
    let refused = plan.conclude(&patched, &[], passed("admin"), None, at(5));
    assert!(matches!(refused, Err(DomainError::Conflict(conflict)) if conflict.code == "ROBOT_CHANGED"), "{id}");
}

#[test]
fn enabled_robots_are_limited() {
    let id = "4.4/limit";
    let mut world = World::new();
    let robot = own(&world).robot;
    let sibling = Robot { id: RobotId::new(at(0), &Fixed(99)), enabled: true, ..robot.clone() };
    world.robots = vec![sibling; MAX_ENABLED_ROBOTS];
    assert!(matches!(plan(&world, &robot), Err(DomainError::TooLarge(_))), "{id}");
    world.robots.pop();
    let early = plan(&world, &robot).unwrap();
    world.robots.push(world.robots[0].clone());
    assert!(
        matches!(early.conclude(&robot, &world.robots, passed("admin"), None, at(5)), Err(DomainError::TooLarge(_))),
        "{id}"
    );
    assert!(early.conclude(&robot, &world.robots, failed("no"), None, at(5)).is_ok(), "{id}: a failure enables nobody");
}

#[test]
fn what_the_provider_says_is_bounded() {
    let id = "4.4/bounded";
    let world = World::new();
    let robot = own(&world).robot;
    let long = plan(&world, &robot).unwrap().conclude(&robot, &[], failed(&"é".repeat(5000)), None, at(5)).unwrap();
    assert!(long.message.is_some_and(|text| text.len() <= 1024 && text.ends_with('…')), "{id}");
    let account = TokenAccount {
        display_name: Some("x".repeat(9000)),
        role_details: Some(json!({"member": "x".repeat(9000)})),
        ..TokenAccount::default()
    };
    let wide = plan(&world, &robot).unwrap().conclude(&robot, &[], TestVerdict::Passed(account), None, at(5)).unwrap();
    assert!(wide.ok && wide.robot.account.role_details.is_none(), "{id}");
}
