//! Every recording of a real Review Board, played in the state in which it was made.

use super::comparison::compare;
use super::differences::{Wanted, named};
use super::recording::{self, Recording};
use super::stage::{Stage, Step};
use repoplane_tests::consistency;
use std::collections::BTreeSet;

/// A recording, and what is done right before it.
struct Play(&'static str, &'static [Step]);

const fn play(name: &'static str) -> Play {
    Play(name, &[])
}

/// Recordings of one state, in the order in which they were made.
struct Chapter {
    state: &'static [&'static [Step]],
    plays: &'static [Play],
}

const GIT: (&str, &str) = ("tool", "Git");

/// Three repositories: one of all, one of all with a mirror, one of nobody.
const THREE: &[Step] = &[
    Step::Make(
        1,
        &[("name", "Demo"), GIT, ("path", "/srv/git/demo.git"), ("bug_tracker", "http://bugs.example.com/?id=%s")],
    ),
    Step::Make(
        2,
        &[("name", "Second"), GIT, ("path", "/srv/git/second.git"), ("mirror_path", "git@git.example.com:second.git")],
    ),
    Step::Make(
        3,
        &[
            ("name", "Private"),
            GIT,
            ("path", "/srv/git/private.git"),
            ("public", "0"),
            ("extra_data.team", "core"),
            ("extra_data.count", "3"),
            ("extra_data.flag", "true"),
        ],
    ),
];
/// The first as updates have left it, and a fourth.
const UPDATED: &[Step] = &[
    Step::Change(
        1,
        &[
            ("bug_tracker", ""),
            ("mirror_path", "git@git.example.com:demo.git"),
            ("extra_data.b", "false"),
            ("extra_data.f", "1.5"),
        ],
    ),
    Step::Make(4, &[("name", "Temp"), GIT, ("path", "/srv/git/temp.git")]),
];
/// The fourth is gone, the second archived, and a fifth has its name.
const DELETED: &[Step] = &[
    Step::Delete(4),
    Step::Refer(2),
    Step::Delete(2),
    Step::Make(5, &[("name", "Second"), GIT, ("path", "/srv/git/second.git")]),
];

const CREATED: Chapter = Chapter {
    state: &[],
    plays: &[
        play("001-root-anonymous"),
        play("002-root-admin"),
        play("003-info-anonymous"),
        play("006-list-empty"),
        play("009-create-missing-fields"),
        play("012-create-bad-path"),
        play("014-create-git"),
        play("015-create-git-second"),
    ],
};

const READ: Chapter = Chapter {
    state: &[THREE],
    plays: &[
        play("017-create-name-conflict"),
        play("018-get-admin"),
        play("021-get-token"),
        play("024-get-404"),
        play("027-get-no-trailing-slash"),
        play("030-get-private-admin"),
        play("031-get-if-none-match"),
        play("033-get-if-none-match-stale"),
        play("036-get-api-format-json"),
        play("039-get-accept-vendor-json"),
        play("042-get-only-fields"),
        play("045-get-only-links-empty"),
        play("048-list-anonymous"),
        play("051-list-counts-only"),
        play("053-list-page-1"),
        play("054-list-page-2"),
        play("056-list-page-filtered-next"),
        play("057-list-start-past-end"),
        play("060-list-max-results-201"),
        play("063-list-name-or-path-filter"),
        play("066-list-tool-filter-unknown"),
        play("069-list-only-fields-links"),
        play("075-item-head"),
    ],
};

const CHANGED: Chapter = Chapter {
    state: &[THREE],
    plays: &[
        play("102-put-normal-user"),
        play("105-put-404-normal-user"),
        play("106-put-rename"),
        play("107-put-rename-back-multipart"),
        play("108-put-empty-form"),
        play("111-put-name-empty"),
        Play("114-put-name-back", &[Step::Change(1, &[("name", "Another")])]),
        play("117-put-bad-path-remote"),
        Play("120-put-path-back", &[Step::Change(1, &[("path", "/srv/git/other.git")])]),
        play("123-put-username-too-long"),
        Play("126-put-bug-tracker-clear", &[Step::Change(1, &[("mirror_path", "git@git.example.com:demo.git")])]),
        play("129-put-extra-data"),
        Play(
            "132-put-extra-data-json-patch",
            &[Step::Change(1, &[("extra_data:json", r#"{"n": null, "team": null, "obj": {"x": 1}}"#)])],
        ),
        play("135-put-tool-passthrough"),
        Play("138-put-public", &[Step::Change(2, &[("public", "0")])]),
        Play("141-list-without-hidden", &[Step::Change(2, &[("visible", "0")])]),
        play("144-list-show-invisible-0"),
        Play("147-put-hidden-path-back", &[Step::Change(2, &[("path", "/srv/git/gone.git")])]),
        Play("150-put-name-back2", &[Step::Change(1, &[("name", "Another")])]),
        play("153-put-ssh-trust-host-password"),
        Play("156-put-ssh-bad-host-key-trusted", &[Step::OtherHostKey]),
        play("159-get-after-ssh"),
    ],
};

const REMOVED: Chapter = Chapter {
    state: &[THREE, UPDATED],
    plays: &[
        play("162-delete-normal-user"),
        play("164-delete-no-review-requests"),
        play("165-get-after-delete"),
        Play("168-delete-with-review-requests", &[Step::Refer(2)]),
        play("171-get-archived-normal-user"),
        play("174-create-with-freed-name"),
    ],
};

const ASKED_FOR_MORE: Chapter = Chapter {
    state: &[THREE, UPDATED, DELETED],
    plays: &[
        play("177-get-child-info"),
        play("180-get-child-users"),
        play("183-get-expand-users"),
        play("186-get-oauth-read"),
        play("189-put-oauth-write"),
        play("192-get-oauth-access-denied"),
        play("201-put-path-remote-not-found"),
        play("204-get-session-cookie-unknown"),
        Play("207-get-https-forwarded", &[Step::ForgetPublicUrl]),
    ],
};

const LOCKED: Chapter = Chapter {
    state: &[THREE, UPDATED, DELETED],
    plays: &[
        Play("303-sitewide-session-anonymous", &[Step::RequireLogin]),
        play("306-sitewide-get-normal-user"),
        Play("321-readonly-put-normal-user", &[Step::ReadOnly]),
        play("324-readonly-put-superuser"),
        Play("342-loginrate-7", &[Step::FailLogins(6)]),
    ],
};

const BY_RBTOOLS: Chapter = Chapter {
    state: &[THREE, UPDATED, DELETED, &[Step::UseUp(7)]],
    plays: &[
        play("401-rbtools-root"),
        play("402-rbtools-repositories-by-path"),
        play("405-rbtools-session-expand-user"),
        play("407-rbtools-create"),
        play("408-rbtools-update"),
        play("409-rbtools-delete"),
    ],
};

const AT_THE_EDGES: Chapter = Chapter {
    state: &[THREE, UPDATED, DELETED, &[Step::UseUp(8)]],
    plays: &[
        play("504-create-missing-fields-normal-user"),
        play("507-create-whitespace-name"),
        play("510-create-hidden-bad-path"),
        play("513-put-long-encoding"),
        Play("516-put-boolean-back", &[Step::Change(3, &[("visible", "0")])]),
    ],
};

const CHAPTERS: [&Chapter; 8] =
    [&CREATED, &READ, &CHANGED, &REMOVED, &ASKED_FOR_MORE, &LOCKED, &BY_RBTOOLS, &AT_THE_EDGES];

/// Plays a chapter and tells of everything in it that was recorded otherwise.
async fn is_as_recorded(chapter: &Chapter) {
    let Some(mut stage) = Stage::empty().await else { return };
    for step in chapter.state.iter().copied().flatten() {
        stage.take(step).await;
    }
    let mut surprises = Vec::new();
    for Play(name, before) in chapter.plays {
        for step in *before {
            stage.take(step).await;
        }
        surprises.extend(surprises_of(&stage, &Recording::read(name)).await);
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    consistency::check(&stage.items().await).expect("consistent");
}

async fn surprises_of(stage: &Stage, recording: &Recording) -> Vec<String> {
    let name = &recording.name;
    let (answer, body, etag) = stage.play(recording).await;
    let found = compare(recording, &answer, &body, etag.as_deref());
    let wanted = Wanted::of(name);
    let unwanted = found.iter().filter(|difference| !wanted.iter().any(|line| line.covers(difference)));
    let mut surprises: Vec<String> = unwanted.map(|difference| format!("{name}: {difference}")).collect();
    for line in wanted.iter().filter(|line| !found.iter().any(|difference| line.covers(difference))) {
        surprises.push(format!("{name}: {} is as recorded, and listed as a difference: {}", line.place, line.reason));
    }
    surprises
}

#[tokio::test]
async fn an_empty_site_and_its_first_repositories() {
    is_as_recorded(&CREATED).await;
}

#[tokio::test]
async fn repositories_are_read_and_listed() {
    is_as_recorded(&READ).await;
}

#[tokio::test]
async fn repositories_are_changed() {
    is_as_recorded(&CHANGED).await;
}

#[tokio::test]
async fn repositories_are_deleted_and_archived() {
    is_as_recorded(&REMOVED).await;
}

#[tokio::test]
async fn what_is_below_a_repository_and_tokens_of_tools() {
    is_as_recorded(&ASKED_FOR_MORE).await;
}

#[tokio::test]
async fn sites_that_let_fewer_in() {
    is_as_recorded(&LOCKED).await;
}

#[tokio::test]
async fn the_calls_of_review_boards_own_client() {
    is_as_recorded(&BY_RBTOOLS).await;
}

#[tokio::test]
async fn forms_at_the_edges() {
    is_as_recorded(&AT_THE_EDGES).await;
}

#[test]
fn every_recording_is_played_once_and_no_difference_is_of_another() {
    let plays = || CHAPTERS.iter().flat_map(|chapter| chapter.plays);
    let played: BTreeSet<String> = plays().map(|Play(name, _)| (*name).to_owned()).collect();
    let all = recording::names();
    let odd: Vec<&String> = played.symmetric_difference(&all).collect();
    assert!(odd.is_empty(), "played without a file, or a file that nobody plays: {odd:?}");
    assert_eq!(plays().count(), played.len(), "a recording is played twice");
    let strange: Vec<&str> = named().filter(|name| !played.contains(*name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
}
