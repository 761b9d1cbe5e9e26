//! `GET /api/v1/repositories/:id/packages.csv` (contract: abf 4.3).

use super::csv;
use repoplane_api::app::Settings;
use repoplane_domain::time::Timestamp;
use repoplane_tests::{Answer, BuildRepo, Client, Event, TestApp, consistency};
use serde_json::{Value, json};
use std::io::Read;
use std::time::Duration;

const QUARTER: Duration = Duration::from_secs(15 * 60);
const HEADER: &str = "Project owner,Project name,Package name,Epoch,Version,Release,Maintainer uname,Maintainer email,\
                      Committer uname,Committer email\n";

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.bytes.clone()).expect("text")
}

async fn ask(client: &Client, repo: &BuildRepo, query: &str) -> Answer {
    client.get(&format!("{}{query}", csv(repo))).await
}

/// A repository with two packages.
async fn filled(app: &TestApp, platform: &str) -> BuildRepo {
    let repo = app.build_repo(platform).await;
    let rows = repo.row("perl-Foo", "1.190.200") + &repo.row("bash", "5.2");
    repo.publish(&app.admin(), &rows).await.expect(200);
    repo
}

#[tokio::test]
async fn abf_4_3_every_package_is_a_row_of_the_contracts_csv() {
    let app = TestApp::start().await;
    let repo = filled(&app, "rosa2012").await;
    let bob = app.person_with(json!({"username": "robert", "email": "Bob@example.org"})).await;
    let mut odd: Value = serde_json::from_str(&repo.row("odd", "1")).expect("JSON");
    for (member, value) in [("epoch", json!(3)), ("committerName", json!("A, \"B\"")), ("committerEmail", json!(null))]
    {
        odd[member] = value;
    }
    repo.publish(&app.admin(), &odd.to_string()).await.expect(200);
    let listed = ask(&app.admin(), &repo, "").await.expect(200);
    let (admin, project) = ("admin", "rosa2012");
    let rows = format!(
        "{HEADER}{admin},{project},perl-Foo,,1.190.200,1,admin,{mail},{bob},bob@example.org\n\
         {admin},{project},bash,,5.2,1,admin,{mail},{bob},bob@example.org\n\
         {admin},{project},odd,3,1,1,admin,{mail},\"A, \"\"B\"\"\",\n",
        bob = bob.username,
        mail = "admin@example.com",
    );
    assert_eq!(text(&listed), rows);
    for (name, value) in [
        ("content-type", "text/csv"),
        ("content-disposition", "attachment; filename=\"packages.csv\""),
        ("cache-control", "no-cache"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(listed.headers[name], value, "{name}");
    }
    assert!(!listed.etag().is_empty());
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_compressed_list_is_the_same_list() {
    let app = TestApp::start().await;
    let repo = filled(&app, "rosa2012").await;
    let zipped = ask(&app.admin().with("accept-encoding", "gzip"), &repo, "").await.expect(200);
    assert_eq!(zipped.headers["content-encoding"], "gzip");
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&*zipped.bytes).read_to_string(&mut plain).expect("gzip");
    app.clock.advance(QUARTER);
    assert_eq!(plain, text(&ask(&app.admin(), &repo, "").await.expect(200)));
}

/// The matrix of the contract (abf 7): "packages, again within 15 min from another repository and user of the platform",
/// "packages after 15 min", "packages | repository member".
#[tokio::test]
async fn abf_7_packages_one_request_a_platform_in_fifteen_minutes() {
    let app = TestApp::start().await;
    let repo = filled(&app, "rosa2012").await;
    let sister = app.repo_on(repo.platform, "contrib").await;
    let elsewhere = app.build_repo("cooker").await;
    let lea = app.member(&repo.id, "lea", "owner").await;
    let lou = app.member(&sister.id, "lou", "owner").await;
    let mia = app.member(&repo.id, "mia", "member").await;
    let before = app.items().await;
    // Neither takes the time.
    let refused = ask(&mia.client, &repo, "").await.expect(403);
    assert_eq!(text(&refused), "Access violation to this page!", "abf packages as repository member");
    app.anonymous().get(&csv(&repo)).await.expect(401);
    assert_eq!(app.items().await.len(), before.len(), "abf packages as repository member: takes no time");
    ask(&lea.client, &repo, "").await.expect(200);
    for (client, repo) in [(&lou.client, &sister), (&lea.client, &repo), (&app.admin(), &sister)] {
        let early = ask(client, repo, "").await.expect(403);
        assert_eq!(text(&early), "Access violation to this page!", "abf packages, again within 15 min");
        assert_eq!(early.headers["retry-after"], "900");
    }
    ask(&app.admin(), &elsewhere, "").await.expect(200);
    let second = Duration::from_secs(1);
    app.clock.advance(QUARTER - second);
    ask(&lou.client, &sister, "").await.expect(403);
    app.clock.advance(second);
    assert_eq!(ask(&lou.client, &sister, "").await.status, 200, "abf packages after 15 min");
    // From the request that was accepted, not from those that were refused.
    app.clock.advance(QUARTER);
    ask(&lea.client, &repo, "").await.expect(200);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn of_fifty_requests_at_a_time_one_is_answered() {
    let app = TestApp::start().await;
    let repo = filled(&app, "rosa2012").await;
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (client, path) = (app.admin(), csv(&repo));
        asked.spawn(async move { client.get(&path).await.status.as_u16() });
    }
    let mut statuses = asked.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 49, "{statuses:?}");
}

/// A mirror that looks before it asks still gets its list.
#[tokio::test]
async fn who_asks_for_the_head_takes_no_time() {
    let app = TestApp::start().await;
    let repo = filled(&app, "rosa2012").await;
    let mia = app.member(&repo.id, "mia", "member").await;
    let head = async |client: &Client| client.call("HEAD", &csv(&repo), Value::Null).await;
    let before = app.items().await;
    for _ in 0..2 {
        let shown = head(&app.admin()).await.expect(200);
        assert!(shown.bytes.is_empty());
        assert_eq!(shown.headers["content-type"], "text/csv");
    }
    head(&mia.client).await.expect(403);
    head(&app.anonymous()).await.expect(401);
    assert_eq!(app.items().await.len(), before.len());
    ask(&app.admin(), &repo, "").await.expect(200);
    assert_eq!(head(&app.admin()).await.expect(403).headers["retry-after"], "900");
}

#[tokio::test]
async fn what_is_sent_in_chunks_is_what_is_sent_whole() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let rows: String = (0..4_000).map(|index| repo.row(&format!("package-{index}"), "1.0")).collect();
    repo.publish(&app.admin(), &rows).await.expect(200);
    let gateway = app.with_settings(Settings { max_answer_bytes: Some(5_900_000), ..Settings::default() });
    let whole = ask(&gateway.admin(), &repo, "").await.expect(200);
    let names: Vec<_> = (0..4_000).map(|index| format!(",package-{index},,1.0,1,")).collect();
    let shown = text(&whole);
    assert_eq!(shown.lines().count(), names.len() + 1);
    assert!(shown.lines().skip(1).zip(&names).all(|(line, name)| line.contains(name)), "the order of publishing");
    let url = format!("http://{}{}", app.listen().await, csv(&repo));
    app.clock.advance(QUARTER);
    let mut sent =
        reqwest::Client::new().get(url).bearer_auth(repoplane_tests::ADMIN_TOKEN).send().await.expect("an answer");
    assert_eq!((sent.status().as_u16(), sent.content_length()), (200, None));
    assert_eq!(sent.headers()["etag"], whole.headers["etag"], "the same list");
    let mut bytes = Vec::new();
    while let Some(chunk) = sent.chunk().await.expect("a chunk") {
        bytes.extend_from_slice(&chunk);
    }
    assert_eq!(bytes, whole.bytes);
}

/// The tag is of what rows show, not of the chunks that are sent.
#[tokio::test]
async fn the_entity_tag_changes_with_any_row() {
    let app = TestApp::start().await;
    let repo = filled(&app, "rosa2012").await;
    let mut tags = std::collections::BTreeSet::new();
    let mut next = async |query: &str| {
        let tag = ask(&app.admin(), &repo, query).await.expect(200).etag();
        app.clock.advance(QUARTER);
        tags.insert(tag);
        tags.len()
    };
    assert_eq!(next("").await, 1);
    assert_eq!(next("").await, 1);
    assert_eq!(next("?page=1").await, 2);
    app.person_with(json!({"username": "robert", "email": "Bob@example.org"})).await;
    assert_eq!(next("").await, 3, "a committer has a name now");
    repo.publish(&app.admin(), &repo.row("zsh", "5.9")).await.expect(200);
    assert_eq!(next("").await, 4, "a package more");
}

#[tokio::test]
async fn what_does_not_fit_names_its_parts_and_takes_no_time() {
    let app = TestApp::start().await;
    let repo = filled(&app, "rosa2012").await;
    let narrow = app.with_settings(Settings { max_answer_bytes: Some(260), ..Settings::default() });
    let refused = ask(&narrow.admin(), &repo, "").await.expect(413);
    assert!(text(&refused).contains("?page=1"), "{}", text(&refused));
    ask(&narrow.admin(), &repo, "").await.expect(413);
    let part = ask(&app.admin(), &repo, "?page=1").await.expect(200);
    assert_eq!(text(&part).lines().count(), 3);
    // It was the only one; a list that is whole is over.
    ask(&app.admin(), &repo, "?page=2").await.expect(403);
    app.clock.advance(QUARTER);
    let beyond = ask(&app.admin(), &repo, "?page=2").await.expect(200);
    assert_eq!(text(&beyond), HEADER);
}

#[tokio::test]
async fn the_parts_of_one_list_are_one_request() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let lea = app.member(&repo.id, "lea", "owner").await;
    let long = "x".repeat(190);
    // Rows of 700 bytes: three parts.
    let mut rows = String::new();
    for index in 0..14_000 {
        rows += &format!("{},p{index}-{long},{long},{long},binary,,{}@example.org\n", repo.project, "m".repeat(100),);
        if index % 4_500 == 4_499 || index == 13_999 {
            let csv = format!("projectId,name,version,release,type,committerName,committerEmail\n{rows}");
            let put = Event::new("PUT", &repo.packages()).header("content-type", "text/csv").body(csv);
            app.admin().send(put).await.expect(200);
            rows.clear();
        }
    }
    let names = |answer: &Answer| -> Vec<String> {
        text(answer).lines().skip(1).map(|line| line.split(',').nth(2).unwrap_or_default().to_owned()).collect()
    };
    let first = ask(&app.admin(), &repo, "?page=1").await.expect(200);
    // Not somebody else, not another part, not the whole.
    ask(&lea.client, &repo, "?page=2").await.expect(403);
    ask(&app.admin(), &repo, "?page=3").await.expect(403);
    ask(&app.admin(), &repo, "?page=1").await.expect(403);
    ask(&app.admin(), &repo, "").await.expect(403);
    app.clock.advance(Duration::from_secs(600));
    let second = ask(&app.admin(), &repo, "?page=2").await.expect(200);
    let third = ask(&app.admin(), &repo, "?page=3").await.expect(200);
    ask(&app.admin(), &repo, "?page=4").await.expect(403);
    let all = [names(&first), names(&second), names(&third)].concat();
    assert_eq!(all, (0..14_000).map(|index| format!("p{index}-{long}")).collect::<Vec<_>>());
    // The time is that of the first part.
    app.clock.advance(QUARTER - Duration::from_secs(600));
    ask(&lea.client, &repo, "?page=1").await.expect(200);
}

#[tokio::test]
async fn the_time_ends_on_the_millisecond() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let (admin, id) = (app.admin_principal().await, repo.id.parse().expect("an id"));
    let (platform, asks) = ((admin.tenant, repo.platform), (admin.user, id));
    let first = app.app().now();
    let ask = async |now| app.store().ask_packages(platform, asks, (None, None), now).await.expect("the table");
    assert!(ask(first).await);
    let last = Timestamp::from_millisecond(first.plus(QUARTER).as_millisecond() - 1);
    for (now, is_over) in [(last, false), (first.plus(QUARTER), true)] {
        let asked = app.store().packages_asked(platform.0, platform.1, now).await.expect("the table");
        assert_eq!((asked.is_none(), ask(now).await), (is_over, is_over), "{now}");
    }
}
