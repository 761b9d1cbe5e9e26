//! Skills that are added by hand, by the store: the APIs that take them read their own bodies.

use repoplane_domain::access::{Principal, Right};
use repoplane_domain::error::DomainError;
use repoplane_domain::repository::{RepositoryState, SyncState};
use repoplane_domain::skill::{LintCode, MAX_SKILLS, ManualSkill, Skill};
use repoplane_store::{Author, KeptAnswer, Once, WriteError};
use repoplane_tests::{Branch, Hook, TestApp, consistency};
use serde_json::{Value, json};

pub(crate) async fn create(
    app: &TestApp,
    principal: &Principal,
    hook: &Hook,
    said: ManualSkill,
) -> Result<Skill, WriteError> {
    create_once(app, principal, hook, said, None).await
}

async fn create_once(
    app: &TestApp,
    principal: &Principal,
    hook: &Hook,
    said: ManualSkill,
    once: Option<&Once>,
) -> Result<Skill, WriteError> {
    let id = hook.repo.parse().expect("an id");
    let set = app.store().repository(principal.tenant, id).await.expect("a table").expect("a repository");
    let author = Author { principal, right: Right::Manage, now: app.app().now() };
    let answer = |skill: &Skill| KeptAnswer::created("/", json!({"id": skill.id}));
    app.store().create_skill(author, &set, said, once, answer).await
}

fn named(name: &str) -> ManualSkill {
    ManualSkill { name: name.to_owned(), ..ManualSkill::default() }
}

#[tokio::test]
async fn a_name_is_taken_once_and_its_holder_is_named() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let admin = app.admin_principal().await;
    let by_hand = create(&app, &admin, &hook, named("web")).await.expect("created");
    app.catalogue(&hook.repo, &Branch::default().good("web", "", &[]).good("api", "", &[])).await;
    let found = app.skill(&hook.repo, "api").await;
    for (name, holder) in [("web", &by_hand), ("api", &found)] {
        let Err(WriteError::Domain(DomainError::Conflict(conflict))) = create(&app, &admin, &hook, named(name)).await
        else {
            panic!("{name} is taken")
        };
        assert_eq!((conflict.code, conflict.holder), ("SKILL_NAME_TAKEN", Some(holder.id.to_string())));
    }
    let all = app.store().catalogue_of(found.repository).await.expect("the catalogue");
    let taken = all.iter().find(|skill| skill.path.as_deref() == Some("web/SKILL.md")).expect("listed");
    assert_eq!(taken.lint[0].code, LintCode::NameTaken);
    assert_eq!(app.audit_of(&hook.repo).await.iter().filter(|action| *action == "SKILL_CREATED").count(), 1);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn of_many_at_once_one_gets_the_name() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let admin = app.admin_principal().await;
    let calls = (0..8).map(|_| {
        let (app, admin, hook) = (app.clone(), admin.clone(), hook.clone());
        tokio::spawn(async move { create(&app, &admin, &hook, named("web")).await.is_ok() })
    });
    let mut made = 0;
    for call in calls.collect::<Vec<_>>() {
        made += usize::from(call.await.expect("no panic"));
    }
    assert_eq!(made, 1);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_repeat_makes_no_second_one() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let admin = app.admin_principal().await;
    let once = Once::new(&admin, "key", "fingerprint");
    create_once(&app, &admin, &hook, named("web"), Some(&once)).await.expect("created");
    let again = create_once(&app, &admin, &hook, named("web"), Some(&once)).await;
    assert!(matches!(again, Err(WriteError::Repeated)), "{again:?}");
}

#[tokio::test]
async fn wrong_fields_and_rights_are_told_before_anything_is_written() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let before = app.items().await.len();
    let admin = app.admin_principal().await;
    let wrong = create(&app, &admin, &hook, named("No Name")).await;
    assert!(matches!(wrong, Err(WriteError::Domain(DomainError::Invalid(_)))), "{wrong:?}");
    app.admin().post(&format!("{}/archive", hook.path), Value::Null).await.expect(200);
    let archived = create(&app, &admin, &hook, named("web")).await;
    assert!(matches!(archived, Err(WriteError::Domain(DomainError::Denied(_)))), "{archived:?}");
    assert!(!app.items().await.iter().any(|item| item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("SKILL"))));
    assert!(app.items().await.len() <= before + 2, "but for the archive's audit entry and event");
}

#[tokio::test]
async fn each_is_counted_and_there_are_only_so_many() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let admin = app.admin_principal().await;
    let id = hook.repo.parse().expect("an id");
    let set = async || app.store().repository(admin.tenant, id).await.expect("a table").expect("a repository");
    let before = set().await.state;
    create(&app, &admin, &hook, named("web")).await.expect("created");
    let after = set().await.state;
    assert_eq!((after.sync.skill_count, after.version), (before.sync.skill_count + 1, before.version + 1));
    assert_eq!(after.sync.next_sync_at, before.sync.next_sync_at, "the next sync is due when it was");
    let most = u32::try_from(MAX_SKILLS).expect("few");
    let full = |state: &RepositoryState| {
        let sync = SyncState { skill_count: most - 1, ..state.sync.clone() };
        Some(RepositoryState { sync, version: state.version + 1, ..state.clone() })
    };
    app.store().change_state(&set().await, None, app.app().now(), full).await.expect("a table");
    create(&app, &admin, &hook, named("api")).await.expect("created");
    let refused = create(&app, &admin, &hook, named("one-more")).await;
    assert!(matches!(refused, Err(WriteError::Domain(DomainError::TooLarge(_)))), "{refused:?}");
    assert_eq!(set().await.state.sync.skill_count, most);
    consistency::check(&app.items().await).expect("consistent");
}
