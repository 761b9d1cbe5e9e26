use super::*;
use crate::error::{DomainError, FieldErrors};
use crate::id::{RepositoryId, TenantId, UserId};
use crate::repository::{Provider, Repository, RepositoryState};
use crate::time::Timestamp;
use proptest::prelude::*;
use serde_json::json;

fn now() -> Timestamp {
    Timestamp::from_second(0x6560_0000)
}

fn form(fields: &[(&str, &str)]) -> ReviewForm {
    ReviewForm::read(fields.iter().copied())
}

fn made(fields: &[(&str, &str)]) -> Repository {
    let (id, tenant, user) = (RepositoryId::start_of(now()), TenantId::start_of(now()), UserId::start_of(now()));
    form(fields).create().unwrap().into_repository(id, 1, tenant, user, now()).unwrap()
}

fn demo() -> Repository {
    made(&[("name", "Demo"), ("tool", "Git"), ("path", "https://git.example.com/demo.git")])
}

fn change(stored: &Repository, fields: &[(&str, &str)]) -> Result<Saved, DomainError> {
    form(fields).change(stored, &RepositoryState::default(), now())
}

fn wrong(result: Result<impl std::fmt::Debug, DomainError>) -> Vec<String> {
    let error = result.unwrap_err();
    let DomainError::Invalid(errors) = error else { panic!("{error:?}") };
    errors.as_slice().iter().map(|error| error.pointer.clone()).collect()
}

#[test]
fn a_new_repository_is_public_and_visible_unless_the_form_says_otherwise() {
    let plain = demo().review_settings();
    assert!(plain.public && plain.visible);
    let hidden = [("name", "a"), ("tool", "Git"), ("path", "ssh://h/a"), ("public", "0"), ("visible", "yes")];
    let hidden = made(&hidden).review_settings();
    assert!(!hidden.public && !hidden.visible);
}

#[test]
fn white_space_around_texts_is_nothing() {
    let spaced = made(&[("name", "  Spaced  "), ("tool", "Git"), ("path", "  https://h/a.git  ")]);
    assert_eq!((spaced.name.as_str(), spaced.remote_url.as_deref()), ("Spaced", Some("https://h/a.git")));
}

#[test]
fn a_remote_of_a_public_service_is_that_of_its_api() {
    let at = |path: &str| {
        let repository = made(&[("name", "a"), ("tool", "Git"), ("path", path)]);
        (repository.provider, repository.external_id.clone(), repository.identities().len())
    };
    assert_eq!(at("https://github.com/acme/widgets.git"), (Provider::Github, Some("acme/widgets".to_owned()), 2));
    assert_eq!(at("git@gitlab.com:a/b/c.git"), (Provider::Gitlab, Some("a/b/c".to_owned()), 2));
    assert_eq!(at("https://ghe.example.com/acme/widgets.git"), (Provider::Git, None, 1));
}

#[test]
fn every_wrong_field_is_named_and_the_record_stays() {
    let long = "x".repeat(256);
    for (fields, pointers) in [
        (vec![("name", "")], vec!["/name"]),
        (vec![("name", long.as_str()), ("path", "")], vec!["/name", "/path"]),
        (vec![("path", "/srv/git/demo.git")], vec!["/path"]),
        (vec![("path", "file:///srv/git/demo.git")], vec!["/path"]),
        (vec![("path", "https://user:word@h/demo.git")], vec!["/path"]),
        (vec![("path", "https://token@h/demo.git")], vec!["/path"]),
        (vec![("mirror_path", "demo")], vec!["/mirror_path"]),
        (vec![("username", &long[..33]), ("encoding", &long[..33])], vec!["/encoding", "/username"]),
        (vec![("bug_tracker", "http://b/")], vec!["/bug_tracker"]),
        (vec![("bug_tracker", "http://b/%s%s")], vec!["/bug_tracker"]),
        (vec![("bug_tracker", "http://b/%s/%d")], vec!["/bug_tracker"]),
        (vec![("extra_data:json", "[1]"), ("name", "")], vec!["/name", "/extra_data"]),
        (vec![("extra_data:json-patch", r#"[{"op":"remove","path":"/none"}]"#)], vec!["/extra_data"]),
        (vec![("extra_data:json-patch", r#"[{"op":"replace","path":"","value":1}]"#)], vec!["/extra_data"]),
    ] {
        assert_eq!(wrong(change(&demo(), &fields)), pointers, "{fields:?}");
    }
    let mut errors = FieldErrors::new();
    form(&[("path", "https://h/a")]).check_presence(&mut errors);
    assert_eq!(errors.as_slice().len(), 2);
    assert_eq!(wrong(form(&[("name", "a"), ("tool", "Subversion")]).create()), ["/path", "/tool"]);
}

#[test]
fn what_is_not_sent_stays_and_nothing_sent_changes_nothing() {
    let stored = demo();
    assert_eq!(change(&stored, &[]).unwrap(), Saved { repository: stored.clone(), verify: false });
    assert_eq!(change(&stored, &[("unknown", "1"), ("tool", "Subversion")]).unwrap().repository, stored);
    let tracked = change(&stored, &[("bug_tracker", "http://b/?id=%s&p=100%%")]).unwrap().repository;
    assert_eq!((tracked.version, tracked.review_settings().bug_tracker.as_str()), (2, "http://b/?id=%s&p=100%%"));
    let cleared = change(&tracked, &[("bug_tracker", "")]).unwrap().repository;
    assert_eq!(cleared.review_settings().bug_tracker, "");
}

#[test]
fn the_remote_is_asked_when_access_may_have_changed_and_lists_show_it() {
    let shown = demo();
    let hidden = change(&shown, &[("visible", "0")]).unwrap().repository;
    let elsewhere = ("path", "https://git.example.com/other.git");
    for (stored, fields, verify) in [
        (&shown, vec![("name", "x")], false),
        (&shown, vec![("path", "https://git.example.com/demo.git")], false),
        (&shown, vec![elsewhere], true),
        (&shown, vec![("username", "bot")], true),
        (&shown, vec![("password", "word")], true),
        (&shown, vec![("raw_file_url", "https://h/<revision>")], true),
        (&shown, vec![("trust_host", "1")], true),
        (&shown, vec![("trust_host", "0")], false),
        (&shown, vec![elsewhere, ("visible", "0")], false),
        (&hidden, vec![elsewhere], false),
        (&hidden, vec![("visible", "TRUE")], true),
    ] {
        assert_eq!(change(stored, &fields).unwrap().verify, verify, "{fields:?}");
    }
}

#[test]
fn archiving_frees_name_and_remote_and_unarchiving_takes_them_again() {
    let stored = demo();
    assert!(form(&[("archive_name", "1")]).only_archives());
    assert!(!form(&[("archive_name", "1"), ("name", "x")]).only_archives());
    let archived = stored.archived_for_review(now());
    assert_eq!(archived.name, "ar:Demo:65600000");
    assert!(archived.identities().is_empty() && archived.archived_at.is_some());
    assert!(!archived.review_settings().public && archived.review_settings().visible);
    let later = archived.archived_for_review(Timestamp::from_second(0x6560_0001));
    assert_eq!((later.name.as_str(), later.archived_at), ("ar:Demo:65600001", archived.archived_at));
    let back = later.unarchived(now()).unwrap();
    assert_eq!((back.name.as_str(), back.identities()), ("Demo", stored.identities()));
    assert_eq!(archived_name(&"n".repeat(255), now()).chars().count(), 255);
    assert_eq!(archived_name(&"n".repeat(255), now()).chars().filter(|char| *char == 'n').count(), 243);
}

#[test]
fn free_data_is_changed_by_patches_and_then_by_keys() {
    let stored = demo();
    let fields = [
        ("extra_data.team", "core"),
        ("extra_data.n", "7"),
        ("extra_data.f", "1.5"),
        ("extra_data.b", "False"),
        ("extra_data.__secret", "x"),
        ("extra_data:json", r#"{"obj": {"a": 1, "__b": 2}, "team": "other", "__secret": 1}"#),
    ];
    let first = change(&stored, &fields).unwrap().repository;
    let data = first.review_settings().extra_data;
    assert_eq!(json!(data), json!({"team": "core", "n": 7, "f": 1.5, "b": false, "obj": {"a": 1}}));
    let patch = r#"[{"op":"remove","path":"/obj"},{"op":"test","path":"/n","value":7}]"#;
    let second = change(&first, &[("extra_data:json-patch", patch), ("extra_data.n", "")]).unwrap().repository;
    assert_eq!(json!(second.review_settings().extra_data), json!({"team": "core", "f": 1.5, "b": false}));
}

#[test]
fn hidden_data_is_neither_shown_nor_lost() {
    let mut stored = demo();
    let inner = json!({"__token": 1, "a": {"__b": 2, "c": [{"__d": 3}]}});
    let settings = ReviewSettings { extra_data: inner.as_object().unwrap().clone(), ..ReviewSettings::default() };
    assert_eq!(json!(shown(&settings.extra_data)), json!({"a": {"c": [{}]}}));
    stored.review = Some(settings);
    let merge = r#"{"__token": null, "a": {"__b": 9, "x": 1}}"#;
    let after = change(&stored, &[("extra_data:json", merge)]).unwrap().repository.review_settings().extra_data;
    assert_eq!(after["__token"], json!(1));
    assert_eq!(after["a"]["__b"], json!(2));
    assert_eq!(after["a"]["x"], json!(1));
}

#[test]
fn a_patch_that_doubles_what_is_there_ends_early() {
    let double = (0..40).map(|n| format!(r#"{{"op":"copy","from":"/x","path":"/x/{n}"}}"#)).collect::<Vec<_>>();
    let patch = format!(r#"[{{"op":"add","path":"/x","value":{{"a":"{}"}}}},{}]"#, "a".repeat(100), double.join(","));
    assert_eq!(wrong(change(&demo(), &[("extra_data:json-patch", &patch)])), ["/extra_data"]);
    let many = format!("[{}]", vec![r#"{"op":"test","path":"","value":{}}"#; MAX_PATCH_OPERATIONS + 1].join(","));
    assert_eq!(wrong(change(&demo(), &[("extra_data:json-patch", &many)])), ["/extra_data"]);
}

#[test]
fn pages_go_on_from_what_they_show() {
    let page = |start: Option<&str>, most: Option<&str>| {
        let mut errors = FieldErrors::new();
        let page = Page::read(start, most, &mut errors);
        (page, errors.as_slice().iter().map(|error| error.pointer.clone()).collect::<Vec<_>>())
    };
    let is = |start, max_results| Page { start, max_results };
    assert_eq!(page(None, None).0, is(0, 25));
    assert_eq!(page(Some("-5"), Some("201")).0, is(0, 200));
    assert_eq!(page(Some("x"), Some("-1")).1, ["/start", "/max-results"]);
    assert_eq!((is(50, 25).previous(), is(10, 25).previous(), is(0, 25).previous()), (Some(25), Some(0), None));
    assert_eq!((is(0, 1).next(1, 3), is(2, 1).next(1, 3), is(0, 0).next(0, 3)), (Some(1), None, Some(0)));
}

#[test]
fn filters_all_hold_together() {
    let fields = [("name", "Demo"), ("tool", "Git"), ("path", "https://h/demo.git")];
    let made = made(&[&fields[..], &[("mirror_path", "git@h:m.git"), ("username", "bot")]].concat());
    let entry = Entry::of(&made);
    let shows = |parameters: &[(&str, &str)]| {
        let mut filter = ReviewFilter::default();
        for (name, value) in parameters {
            assert!(filter.read(name, value), "{name}");
        }
        filter.shows(&entry)
    };
    for (parameters, expected) in [
        (vec![], true),
        (vec![("name", "Other,Demo")], true),
        (vec![("name", "demo")], false),
        (vec![("path", "git@h:m.git")], true),
        (vec![("path", "https://h/demo.git,x")], true),
        (vec![("name-or-path", "Demo")], true),
        (vec![("name-or-path", "x,https://h/demo.git")], true),
        (vec![("tool", "perforce,git")], true),
        (vec![("tool", "Git")], true),
        (vec![("tool", "Nope")], false),
        (vec![("hosting-service", "github")], false),
        (vec![("username", "bot")], true),
        (vec![("q", "de")], true),
        (vec![("q", "mo")], false),
        (vec![("name", "Demo"), ("tool", "Nope")], false),
        (vec![("name", "")], true),
    ] {
        assert_eq!(shows(&parameters), expected, "{parameters:?}");
    }
    assert!(!ReviewFilter::default().read("only-fields", "id"));
}

proptest! {
    #[test]
    fn no_form_panics_and_a_refused_one_names_a_field(
        fields in prop::collection::vec(
            ("(name|path|tool|bug_tracker|mirror_path|visible|extra_data:json|extra_data:json-patch|extra_data\\..{0,3})",
             any::<String>()),
            0..8,
        )
    ) {
        let form = ReviewForm::read(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        if let Err(DomainError::Invalid(errors)) = form.change(&demo(), &RepositoryState::default(), now()) {
            prop_assert!(!errors.is_empty());
        }
    }

    #[test]
    fn archived_names_fit_and_say_when(name in "\\PC{0,300}", at in 0i64..(1 << 37)) {
        let archived = archived_name(&name, Timestamp::from_second(at));
        prop_assert!(archived.chars().count() <= MAX_REVIEW_NAME_CHARS);
        let end = format!(":{at:x}");
        prop_assert!(archived.starts_with(ARCHIVED_NAME_PREFIX) && archived.ends_with(&end));
    }
}
