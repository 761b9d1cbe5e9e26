//! What a skill may do, and who said so.

use super::*;
use crate::error::DomainError;
use crate::id::UserId;

fn powers(skill: &Skill) -> (Vec<&str>, Vec<&str>) {
    let escalation = skill.escalation.as_ref().unwrap();
    (
        escalation.added.scripts.iter().map(String::as_str).collect(),
        escalation.added.tools.iter().map(String::as_str).collect(),
    )
}

fn by() -> UserId {
    UserId::start_of(at(0))
}

#[test]
fn what_the_first_scan_finds_is_accepted_and_what_comes_later_is_not() {
    let mut repo = Scanned::default();
    repo.good("a", "allowed-tools: Bash\n", &[("scripts/run.sh", "1")]).scan();
    let found = repo.at_path("a");
    assert_eq!(found.status(), SkillStatus::Ok);
    assert_eq!(found.accepted.as_ref().unwrap().version, *found.version.as_ref().unwrap());
    repo.good("b", "", &[("tool*", "1")]).good("c", "allowed-tools: Read\n", &[]).good("d", "", &[("notes.md", "1")]);
    repo.scan();
    assert_eq!(powers(repo.at_path("b")), (vec!["tool"], vec![]));
    assert_eq!(powers(repo.at_path("c")), (vec![], vec!["Read"]));
    assert_eq!(repo.at_path("d").status(), SkillStatus::Ok);
    assert_eq!(repo.change.counts.escalated, 2);
    assert_eq!(repo.at_path("b").accepted, None);
}

#[test]
fn what_may_be_run_is_told_apart() {
    let mut repo = Scanned::default();
    repo.good("a", "", &[("scripts/x.py", "1"), ("bin/go*", "1"), ("scripts.md", "1"), ("lib/scripts/y", "1")]).scan();
    assert_eq!(repo.at_path("a").powers.scripts, ["bin/go", "scripts/x.py"]);
    let folder = repo.tree.folders.get_mut("a").unwrap();
    folder.entries = vec![
        TreeEntry { path: SKILL_FILE.into(), kind: EntryKind::Executable, object: "1".into() },
        TreeEntry { path: "linked".into(), kind: EntryKind::Symlink, object: "2".into() },
        TreeEntry { path: "scripts".into(), kind: EntryKind::Symlink, object: "3".into() },
    ];
    repo.scan();
    assert_eq!(repo.at_path("a").powers.scripts, ["scripts"], "what it leads to is not known");
}

#[test]
fn an_escalation_lasts_until_it_is_accepted_or_taken_back() {
    let mut repo = Scanned::default();
    repo.good("a", "allowed-tools: Bash(git:*) Read\n", &[]).scan();
    let good = repo.at_path("a").version.clone().unwrap();
    repo.good("a", "allowed-tools: Bash Read\n", &[("scripts/x", "1")]).scan();
    let first = repo.at_path("a").clone();
    assert_eq!(powers(&first), (vec!["scripts/x"], vec!["Bash"]));
    assert_eq!(first.accepted.as_ref().unwrap().version, good, "the last accepted version stays readable");
    repo.good("a", "allowed-tools: Bash(git:*)\n", &[("scripts/x", "1"), ("y*", "2")]).scan();
    let second = repo.at_path("a");
    assert_eq!(powers(second), (vec!["scripts/x", "y"], vec![]));
    let since = |skill: &Skill| skill.escalation.as_ref().unwrap().since;
    assert_eq!(since(second), since(&first), "since when it is so, not since the last change");
    repo.good("a", "allowed-tools: Bash(git:*) Read\nlicense: MIT\n", &[]).scan();
    let back = repo.at_path("a");
    assert_eq!(back.status(), SkillStatus::Ok);
    assert_eq!(back.accepted.as_ref().unwrap().version, *back.version.as_ref().unwrap());
}

#[test]
fn what_a_version_gave_up_is_an_addition_when_it_comes_back() {
    let mut repo = Scanned::default();
    repo.good("a", "allowed-tools: Bash Read\n", &[]).scan();
    repo.good("a", "allowed-tools: Bash(git:*)\n", &[]).scan();
    assert_eq!(repo.at_path("a").status(), SkillStatus::Ok, "Bash covers what is narrower");
    repo.good("a", "allowed-tools: Bash Read\n", &[]).scan();
    assert_eq!(powers(repo.at_path("a")), (vec![], vec!["Bash", "Read"]));
}

#[test]
fn accepting_names_a_version_and_is_done_once() {
    let mut repo = Scanned::default();
    repo.good("a", "", &[]).scan().good("a", "allowed-tools: Bash\n", &[]).scan();
    let escalated = repo.at_path("a").clone();
    let version = escalated.version.as_deref();
    let refused = accept(&escalated, Some("sha256:00"), by(), at(9)).unwrap_err();
    let DomainError::Conflict(conflict) = refused else { panic!("{refused:?}") };
    assert_eq!(
        (conflict.code, conflict.details),
        ("SKILL_VERSION_CHANGED", Some(serde_json::json!({"currentVersion": version})))
    );
    let accepted = accept(&escalated, version, by(), at(9)).unwrap().unwrap();
    assert_eq!((accepted.status(), accepted.revision), (SkillStatus::Ok, escalated.revision + 1));
    let by_whom = accepted.accepted.clone().unwrap();
    assert_eq!((by_whom.by, by_whom.at, Some(by_whom.version.as_str())), (Some(by()), at(9), version));
    assert_eq!(accept(&accepted, version, by(), at(10)), Ok(None), "nothing is left to accept");
    assert_eq!(accept(&accepted, None, by(), at(10)), Ok(None));
    repo.skills = vec![accepted.clone()];
    repo.scan();
    assert!(repo.change.is_empty(), "a scan takes nothing back");
    assert_eq!(accept(&escalated, None, by(), at(9)), Ok(Some(accepted)));
}

#[test]
fn a_bad_folder_has_nothing_to_accept() {
    let mut repo = Scanned::default();
    repo.folder("a", "?", &[]).scan();
    assert_eq!(accept(repo.at_path("a"), None, by(), at(2)), Ok(None));
    assert!(accept(repo.at_path("a"), Some("sha256:00"), by(), at(2)).is_err());
}

#[test]
fn a_call_may_name_the_version_that_it_means() {
    let read = |body| read_acceptance(&body);
    assert_eq!(read(serde_json::json!({})), Ok(None));
    assert_eq!(read(serde_json::json!({"version": null})), Ok(None));
    assert_eq!(read(serde_json::json!({"version": "v"})), Ok(Some("v".to_owned())));
    let wrong = serde_json::json!({"version": 7, "x": 1});
    let Err(DomainError::Invalid(errors)) = read(wrong) else { panic!("refused") };
    let pointers: Vec<_> = errors.as_slice().iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/version", "/x"]);
}
