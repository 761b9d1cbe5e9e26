use super::*;
use crate::id::{RepositoryId, TenantId, UserId};
use crate::platform::BuildSettings;
use crate::repository::CreateRepository;
use crate::time::Timestamp;
use serde_json::json;

fn repository(command: CreateRepository) -> Repository {
    let now = Timestamp::from_second(0);
    let (id, tenant, user) = (RepositoryId::start_of(now), TenantId::start_of(now), UserId::start_of(now));
    command.into_repository(id, 1, tenant, user, now).unwrap()
}

#[test]
fn abf_4_12_nothing_is_published_while_a_mirror_copies() {
    let code = |repository: &Repository| match may_publish(repository) {
        Ok(()) => "",
        Err(DomainError::Conflict(conflict)) => conflict.code,
        Err(other) => panic!("{other:?}"),
    };
    let native = CreateRepository::read(&json!({"provider": "github", "name": "acme/widgets"})).unwrap();
    assert_eq!(code(&repository(native)), "REPO_WITHOUT_PACKAGES");
    let open = repository(CreateRepository::in_platform(7, "main".into(), "packages".into(), BuildSettings::default()));
    assert_eq!(code(&open), "");
    let locked = open.locked("mirror", Timestamp::from_second(9)).unwrap();
    assert_eq!(code(&locked), "REPO_LOCKED");
    assert_eq!(code(&locked.unlocked(Timestamp::from_second(10)).unwrap()), "");
}

#[test]
fn rows_of_projects_that_the_repository_has_not_are_named() {
    let row =
        |project: u64| json!({"projectId": project, "name": "a", "version": "1", "release": "1", "type": "binary"});
    let body: String = [1, 2, 1, 3].map(|project| format!("{}\n", row(project))).concat();
    let rows = read_upload(UploadForm::Ndjson, body.as_bytes()).unwrap();
    assert_eq!(check_projects(&rows, &BTreeSet::from([1, 2, 3])), Ok(()));
    let Err(DomainError::Invalid(errors)) = check_projects(&rows, &BTreeSet::from([1])) else { panic!("accepted") };
    let pointers: Vec<_> = errors.as_slice().iter().map(|error| &*error.pointer).collect();
    assert_eq!(pointers, ["/1/projectId", "/3/projectId"]);
    let many = vec![rows[0].clone(); 1_000];
    let Err(DomainError::Invalid(errors)) = check_projects(&many, &BTreeSet::new()) else { panic!("accepted") };
    assert_eq!(errors.as_slice().len(), MAX_WRONG_ROWS);
}
