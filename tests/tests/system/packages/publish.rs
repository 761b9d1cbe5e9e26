//! `PUT /api/repos/:id/packages`.

use repoplane_domain::access::Right;
use repoplane_domain::package::{MAX_UPLOAD_BYTES, Package, PackageKind};
use repoplane_domain::repository::Repository;
use repoplane_store::{Author, Plan};
use repoplane_tests::{BuildRepo, Event, Hook, TestApp, consistency};
use serde_json::{Value, json};

async fn packages(app: &TestApp, repo: &BuildRepo) -> Vec<Package> {
    let packages = app.store().packages(repo.id.parse().expect("an id")).await.expect("the table");
    packages.collect::<Result<_, _>>().expect("packages")
}

fn counts(body: &Value) -> [u64; 3] {
    ["added", "changed", "unchanged"].map(|name| body[name].as_u64().expect("a count"))
}

async fn change(app: &TestApp, repo: &BuildRepo, next: impl Fn(&Repository) -> Option<Repository>) {
    let principal = app.admin_principal().await;
    let author = Author { principal: &principal, right: Right::Granted, now: app.app().now() };
    let set = app.set_of(&repo.id).await;
    let plan = |set: &repoplane_store::DecisionSet| Ok(Plan { repository: next(&set.repository), ..Plan::nothing(()) });
    app.store().change(author, set, plan).await.expect("changed");
}

#[tokio::test]
async fn an_upload_may_be_sent_again_and_in_either_form() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let rows: String = (0..200).map(|index| repo.row(&format!("package-{index}"), "1.0")).collect();
    assert_eq!(counts(&repo.publish(&app.admin(), &rows).await.expect(200).body), [200, 0, 0]);
    let first = packages(&app, &repo).await;
    assert_eq!(counts(&repo.publish(&app.admin(), &rows).await.expect(200).body), [0, 0, 200]);
    assert_eq!(packages(&app, &repo).await, first);
    // The order of the upload is the order of the ids.
    let names: Vec<String> = first.iter().map(|package| package.published.identity.name.clone()).collect();
    assert_eq!(names, (0..200).map(|index| format!("package-{index}")).collect::<Vec<_>>());
    assert!(first.windows(2).all(|pair| pair[0].id < pair[1].id));
    // The same and one more as CSV; another committer for one, a source package beside a binary one.
    let header = "projectId,name,version,release,type,committerName,committerEmail\n";
    let row =
        |name: &str, kind: &str, who: &str| format!("{},{name},1.0,1,{kind},{who},bob@example.org\n", repo.project);
    let csv = [
        header,
        &row("package-0", "binary", "Bob"),
        &row("package-1", "binary", "Robert"),
        &row("package-1", "source", "Bob"),
    ]
    .concat();
    let put = Event::new("PUT", &repo.packages()).header("content-type", "text/csv; charset=utf-8").body(csv);
    assert_eq!(counts(&app.admin().send(put).await.expect(200).body), [1, 1, 1]);
    let all = packages(&app, &repo).await;
    assert_eq!((all.len(), all[200].published.identity.kind), (201, PackageKind::Source));
    assert_eq!((all[1].id, all[1].published.committer_name.as_deref()), (first[1].id, Some("Robert")));
    let told = app.audit_of(&repo.id).await.into_iter().filter(|action| action == "REPO_PACKAGES_PUBLISHED").count();
    assert_eq!(told, 2, "an upload that changes nothing is not told of");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_wrong_row_refuses_the_whole_and_is_named() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let foreign = app.build_repo("cooker").await;
    let before = app.items().await;
    let good = repo.row("a", "1");
    for (what, body, pointers) in [
        ("a name", good.clone() + &repo.row("-b", "1"), vec!["/1/name"]),
        ("a project that is elsewhere", good.clone() + &foreign.row("b", "1"), vec!["/1/projectId"]),
        ("nothing", String::new(), vec![""]),
        ("no JSON", format!("{good}nonsense\n"), vec!["/1"]),
    ] {
        let refused = repo.publish(&app.admin(), &body).await.expect(400);
        assert_eq!(refused.wrong_fields(), pointers, "{what}");
    }
    let event = |kind: &str| Event::new("PUT", &repo.packages()).header("content-type", kind).body(good.clone());
    app.admin().send(event("application/json")).await.expect(415);
    app.admin().send(Event::new("PUT", &repo.packages()).body(good.clone())).await.expect(415);
    repo.publish(&app.admin(), &" ".repeat(MAX_UPLOAD_BYTES + 1)).await.expect(413);
    assert_eq!(app.items().await, before);
    assert!(packages(&app, &repo).await.is_empty());
}

#[tokio::test]
async fn abf_4_12_nothing_is_published_while_locked_or_archived_or_without_a_platform() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let (admin, now) = (app.admin(), app.app().now());
    change(&app, &repo, |stored| stored.locked("mirror", now)).await;
    let refused = repo.publish(&admin, &repo.row("a", "1")).await.expect(409);
    assert_eq!(refused.body["code"], "REPO_LOCKED");
    change(&app, &repo, |stored| stored.unlocked(now)).await;
    repo.publish(&admin, &repo.row("a", "1")).await.expect(200);
    admin.post(&format!("/api/repos/{}/archive", repo.id), Value::Null).await.expect(200);
    let refused = repo.publish(&admin, &repo.row("b", "1")).await.expect(403);
    assert_eq!(refused.body["code"], "REPO_ARCHIVED_READ_ONLY");
    let hook = Hook::github(&app).await;
    let put = Event::new("PUT", &format!("{}/packages", hook.path)).header("content-type", "text/csv").body("x");
    let refused = admin.send(put).await.expect(409);
    assert_eq!(refused.body["code"], "REPO_WITHOUT_PACKAGES");
    assert_eq!(packages(&app, &repo).await.len(), 1);
}

/// The lock may come between the look at the record and the write.
#[tokio::test]
async fn a_lock_that_comes_meanwhile_is_met() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let (principal, now) = (app.admin_principal().await, app.app().now());
    let seen = app.set_of(&repo.id).await;
    change(&app, &repo, |stored| stored.locked("mirror", now)).await;
    let rows = [repo.row("a", "1")].concat();
    let rows = repoplane_domain::package::read_upload(repoplane_domain::package::UploadForm::Ndjson, rows.as_bytes());
    let author = Author { principal: &principal, right: Right::Manage, now };
    let refused = app.store().publish_packages(author, &seen, &rows.expect("rows")).await.expect_err("refused");
    assert!(refused.to_string().contains("REPO_LOCKED"), "{refused}");
    assert!(packages(&app, &repo).await.is_empty());
}

#[tokio::test]
async fn uploads_at_the_same_time_lose_nothing() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let upload = async |part: usize| {
        let rows: String = (0..40).map(|index| repo.row(&format!("p{part}-{index}"), "1")).collect();
        loop {
            let answer = repo.publish(&app.admin(), &rows).await;
            if answer.status != 409 {
                return answer.expect(200);
            }
        }
    };
    tokio::join!(upload(0), upload(1), upload(2));
    assert_eq!(packages(&app, &repo).await.len(), 120);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn packages_go_with_their_project_and_with_their_repository() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let rows: String = (0..100).map(|index| repo.row(&format!("p{index}"), "1")).collect();
    repo.publish(&app.admin(), &rows).await.expect(200);
    let (principal, now) = (app.admin_principal().await, app.app().now());
    let author = Author { principal: &principal, right: Right::Granted, now };
    let set = app.set_of(&repo.id).await;
    assert_eq!(app.store().remove_packages_of(author, &set, repo.project + 1).await.expect("none"), 0);
    assert_eq!(app.store().remove_packages_of(author, &set, repo.project).await.expect("all"), 100);
    assert!(packages(&app, &repo).await.is_empty());
    consistency::check(&app.items().await).expect("consistent");
    repo.publish(&app.admin(), &rows).await.expect(200);
    app.admin().delete(&format!("/api/repos/{}", repo.id)).await.expect(200);
    let left = app
        .items()
        .await
        .into_iter()
        .filter(|item| item["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("PACKAGES#")));
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn who_manages_the_repository_publishes() {
    let app = TestApp::start().await;
    let repo = app.build_repo("rosa2012").await;
    let maintainer = app.member(&repo.id, "max", "maintainer").await;
    let member = app.member(&repo.id, "mia", "member").await;
    repo.publish(&maintainer.client, &repo.row("a", "1")).await.expect(200);
    let refused = repo.publish(&member.client, &repo.row("b", "1")).await.expect(403);
    assert_eq!(refused.body["code"], json!("REPO_MANAGE_REQUIRED"));
}
