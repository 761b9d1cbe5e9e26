//! What a scan changes.

use super::*;
use crate::id::SkillId;

fn counts(repo: &Scanned) -> [usize; 4] {
    let counts = repo.change.counts;
    [counts.added, counts.changed, counts.removed, counts.unchanged]
}

fn by_hand(repo: &mut Scanned, name: &str) -> SkillId {
    let said = ManualSkill { name: name.to_owned(), ..ManualSkill::default() };
    let skill = Skill::manual(said, SkillId::start_of(at(77)), repository(), at(0)).unwrap();
    repo.skills.push(skill.clone());
    skill.id
}

#[test]
fn a_scan_says_only_what_changes() {
    let mut repo = Scanned::default();
    repo.good("a", "", &[]).good("x/b", "license: MIT\n", &[("r.md", "1")]).folder("bad", "?", &[]).scan();
    assert_eq!(counts(&repo), [3, 0, 0, 0]);
    assert_eq!((repo.change.counts.skills, repo.change.counts.invalid), (2, 1));
    let b = repo.at_path("x/b").clone();
    assert_eq!(
        (b.name.as_deref(), b.description.as_deref(), b.license.as_deref()),
        (Some("b"), Some("d"), Some("MIT"))
    );
    repo.scan();
    assert!(repo.change.is_empty() && repo.change.names.is_empty());
    assert_eq!(counts(&repo), [0, 0, 0, 3]);
    repo.good("x/b", "license: MIT\n", &[("r.md", "2")]).gone("a").good("c", "", &[]).scan();
    assert_eq!(counts(&repo), [1, 1, 1, 1]);
    let next = repo.at_path("x/b");
    assert_ne!(next.version, b.version, "another file is another version");
    assert_eq!((next.id, next.created_at, next.revision), (b.id, b.created_at, 2));
    assert_eq!(next.updated_at, at(3));
    assert_eq!(repo.change.removed[0].name.as_deref(), Some("a"));
    let names: Vec<_> = repo.change.names.iter().map(|change| (change.name.as_str(), change.to.is_some())).collect();
    assert_eq!(names, [("a", false), ("c", true)]);
}

#[test]
fn a_version_is_everything_in_the_folder_and_nothing_else() {
    let version = |path: &str, files: &[(&str, &str)]| {
        let mut repo = Scanned::default();
        repo.folder(path, "---\nname: a\ndescription: d\n---\n", files).scan();
        repo.at_path(path).version.clone().unwrap()
    };
    let base = version("a", &[("b", "1"), ("c", "2")]);
    assert!(base.starts_with("sha256:") && base.len() == 71);
    assert_eq!(version("elsewhere/a", &[("c", "2"), ("b", "1")]), base, "not where it lies, nor in which order");
    for other in [&[("b", "2"), ("c", "1")][..], &[("b*", "1"), ("c", "2")], &[("b", "1")], &[("b", "1"), ("c2", "")]] {
        assert_ne!(version("a", other), base, "{other:?}");
    }
}

#[test]
fn a_bad_file_keeps_its_last_good_version() {
    let mut repo = Scanned::default();
    repo.good("a", "", &[]).scan();
    let good = repo.at_path("a").clone();
    repo.folder("a", "---\nname: b\n---\n", &[]).scan();
    let bad = repo.at_path("a");
    assert_eq!(repo.codes("a"), [LintCode::DescriptionMissing, LintCode::NameNotFolder]);
    assert_eq!((&bad.name, &bad.version, bad.status()), (&good.name, &good.version, SkillStatus::Ok));
    assert_eq!(repo.change.counts.skills, 1);
    repo.good("a", "", &[]).scan();
    assert_eq!(repo.at_path("a").lint, []);
    assert_eq!(repo.at_path("a").version, good.version);
}

#[test]
fn a_file_that_was_never_good_is_listed_but_is_no_skill() {
    let mut repo = Scanned::default();
    repo.good("a", "", &[]);
    let folder = repo.tree.folders["a"].clone();
    for (path, manifest, code) in [
        ("large", Manifest::TooLarge(MAX_MANIFEST_BYTES + 1), LintCode::ManifestTooLarge),
        ("lfs", Manifest::LfsPointer, LintCode::ManifestLfsPointer),
        ("link", Manifest::Symlink, LintCode::ManifestSymlink),
        ("lost", Manifest::Missing("404".to_owned()), LintCode::ManifestMissing),
        ("text", Manifest::Bytes(vec![0xff]), LintCode::NotUtf8),
    ] {
        repo.tree.folders.insert(path.to_owned(), SkillFolder { manifest, ..folder.clone() });
        repo.scan();
        let bad = repo.at_path(path);
        assert_eq!(repo.codes(path), [code]);
        assert_eq!(
            (bad.status(), bad.is_counted(), &bad.name, &bad.version),
            (SkillStatus::Invalid, false, &None, &None)
        );
    }
    assert_eq!((repo.change.counts.skills, repo.change.counts.invalid), (1, 5));
    assert!(repo.change.names.is_empty(), "it holds no name");
    let id = repo.at_path("text").id;
    repo.good("text", "", &[]).scan();
    assert_eq!((repo.at_path("text").id, repo.at_path("text").status()), (id, SkillStatus::Ok));
}

#[test]
fn folders_beyond_the_limits_are_bad() {
    let mut repo = Scanned::default();
    repo.good("a", "", &[]).good("b", "", &[]).good("c", "", &[]);
    repo.tree.folders.get_mut("a").unwrap().truncated = true;
    let entry = |path: String| TreeEntry { path, kind: EntryKind::File, object: "1".into() };
    repo.tree.folders.get_mut("b").unwrap().entries =
        (0..=MAX_SCRIPTS).map(|n| entry(format!("scripts/{n}"))).collect();
    let long = "x".repeat(MAX_SCRIPT_BYTES);
    repo.tree.folders.get_mut("c").unwrap().entries = vec![entry(format!("scripts/{long}"))];
    repo.good(&"d/".repeat(MAX_SHOWN_PATH), "", &[]);
    repo.scan();
    assert_eq!(repo.codes("a"), [LintCode::FolderTooLarge]);
    assert_eq!(repo.codes("b"), [LintCode::TooManyScripts]);
    assert_eq!(repo.codes("c"), [LintCode::TooManyScripts]);
    assert_eq!((repo.change.counts.left_out, repo.skills.len()), (1, 3));
}

#[test]
fn of_two_files_with_one_name_the_first_path_has_it() {
    let mut repo = Scanned::default();
    // In the order of their bytes: `x-y/…` before `x/…`, though the folder x comes before x-y.
    repo.good("x/foo", "", &[]).good("x-y/foo", "", &[]).scan();
    assert_eq!(repo.at_path("x-y/foo").status(), SkillStatus::Ok);
    assert_eq!(repo.codes("x/foo"), [LintCode::NameTaken]);
    assert_eq!(repo.at_path("x/foo").lint[0].message, "the name is taken by x-y/foo/SKILL.md");
    assert_eq!(repo.at_path("x/foo").status(), SkillStatus::Invalid);
    let winner = repo.at_path("x-y/foo").id;
    repo.good("a/foo", "", &[]).scan();
    assert_eq!(repo.codes("x-y/foo"), [LintCode::NameTaken], "also when it had the name before");
    let change = repo.change.names[0].clone();
    assert_eq!((change.from, change.to), (Some(winner), Some(repo.at_path("a/foo").id)));
    repo.gone("a/foo").scan();
    assert_eq!((repo.at_path("x-y/foo").status(), repo.at_path("x-y/foo").id), (SkillStatus::Ok, winner));
}

#[test]
fn a_bad_file_keeps_its_name_from_others() {
    let mut repo = Scanned::default();
    repo.good("a/foo", "", &[]).scan();
    repo.folder("a/foo", "?", &[]).good("b/foo", "", &[]).scan();
    assert_eq!(
        (repo.codes("a/foo"), repo.codes("b/foo")),
        (vec![LintCode::FrontMatterMissing], vec![LintCode::NameTaken])
    );
    repo.good("A/foo", "", &[]).scan();
    assert_eq!(repo.codes("a/foo"), [LintCode::FrontMatterMissing]);
    assert_eq!(
        (repo.at_path("a/foo").status(), repo.at_path("A/foo").status()),
        (SkillStatus::Invalid, SkillStatus::Ok)
    );
}

#[test]
fn what_was_added_by_hand_stays_and_keeps_its_name() {
    let mut repo = Scanned::default();
    let id = by_hand(&mut repo, "foo");
    let before = repo.skills.clone();
    repo.good("foo", "", &[]).scan();
    assert_eq!(repo.codes("foo"), [LintCode::NameTaken]);
    assert!(repo.at_path("foo").lint[0].message.contains(&id.to_string()));
    assert_eq!((repo.skills[0].clone(), repo.change.counts.skills), (before[0].clone(), 1));
    repo.gone("foo").scan();
    assert_eq!(repo.skills, before);
}

#[test]
fn a_folder_that_moved_keeps_its_skill() {
    let mut repo = Scanned::default();
    repo.good("a/foo", "", &[]).scan();
    let before = repo.at_path("a/foo").clone();
    repo.gone("a/foo").good("b/foo", "", &[]).scan();
    let moved = repo.at_path("b/foo");
    assert_eq!((moved.id, &moved.version, moved.created_at), (before.id, &before.version, before.created_at));
    assert_eq!(counts(&repo), [0, 1, 0, 0]);
    assert!(repo.change.names.is_empty());
    repo.gone("b/foo").good("c/foo", "allowed-tools: Bash\n", &[]).good("d/foo", "", &[]).scan();
    assert_eq!((repo.at_path("c/foo").id, repo.at_path("c/foo").status()), (before.id, SkillStatus::Escalated));
    assert_ne!(repo.at_path("d/foo").id, before.id);
}

#[test]
fn in_the_root_a_skill_may_change_its_name() {
    let mut repo = Scanned::default();
    repo.folder("", "---\nname: one\ndescription: d\n---\n", &[]).scan();
    let id = repo.at_path("").id;
    repo.folder("", "---\nname: two\ndescription: d\n---\n", &[]).scan();
    assert_eq!((repo.at_path("").id, repo.at_path("").name.as_deref()), (id, Some("two")));
    let names: Vec<_> = repo.change.names.iter().map(|change| (change.name.as_str(), change.from, change.to)).collect();
    assert_eq!(names, [("one", Some(id), None), ("two", None, Some(id))]);
}

#[test]
fn more_skills_than_are_catalogued_end_the_scan() {
    let mut repo = Scanned::default();
    for n in 0..MAX_SKILLS {
        repo.good(&format!("s{n}"), "", &[]);
    }
    repo.scan();
    assert_eq!(repo.change.counts.skills, MAX_SKILLS);
    by_hand(&mut repo, "one-more");
    let scanned = catalogue(&repo.skills, &repo.tree, false, repository(), at(9), &Counting::default());
    assert_eq!(scanned.unwrap_err().to_string(), "the repository holds 1001 skills; at most 1000 are catalogued");
}
