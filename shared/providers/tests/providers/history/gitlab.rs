//! GitLab: a double that answers as its documents for commits and branches have it.

use super::{named, page};
use crate::questions::double::{Asked, Double, Said, access, target};
use crate::server::token;
use repoplane_domain::repository::Provider;
use repoplane_providers::{Fault, HistoryCommit, MAX_COMMIT_MESSAGE, MAX_HEADS, NamedBranch, ProviderError};
use serde_json::{Value, json};

/// GitLab REST: an example of "List repository commits".
const COMMIT: &str = "ed899a2f4b50b4370feeea94676502b42383c746";
const PARENT: &str = "6104942438c14ec7bd21c6cd5bd995272b3faff6";
const PLACE: &str = "/api/v4/projects/acme%2Fwidgets";

fn listed(id: &str, message: &str, parents: &[&str]) -> Value {
    json!({
        "id": id, "short_id": "ed899a2f4b5", "title": "Replace sanitize with escape once",
        "author_name": "Example User", "author_email": "user@example.com",
        "authored_date": "2021-09-20T11:50:22.001+00:00", "committer_name": "Administrator",
        "committer_email": "admin@example.com", "committed_date": "2021-09-20T11:50:23.001+00:00",
        "created_at": "2021-09-20T11:50:23.001+00:00", "message": message, "parent_ids": parents,
        "web_url": "https://gitlab.example.com/x", "trailers": {}, "extended_trailers": {},
    })
}

fn project(empty: bool) -> Said {
    Said::ok(json!({"id": 55, "path_with_namespace": "acme/widgets", "empty_repo": empty, "default_branch": "trunk"}))
}

async fn start(answer: impl Fn(&Asked, &str) -> Option<Said> + Clone + Send + Sync + 'static) -> Double {
    Double::start(move |asked| {
        let below = asked.path.strip_prefix(PLACE).unwrap_or(&asked.path);
        let missing = || Said::status(404, json!({"message": "404 Not found"}));
        answer(asked, below).unwrap_or_else(missing)
    })
    .await
}

async fn history(double: &Double, from: Option<&str>) -> Result<Vec<HistoryCommit>, ProviderError> {
    page(&double.providers, &target(Provider::Gitlab, &double.url(), "acme/widgets"), &access(), from).await
}

async fn branches(double: &Double) -> Result<Vec<NamedBranch>, ProviderError> {
    let url = double.url();
    let answered = double.providers.branches(&target(Provider::Gitlab, &url, "acme/widgets"), &access()).await;
    answered.map(|answered| answered.value)
}

#[tokio::test]
async fn a_page_is_one_call_and_begins_where_it_is_asked_to() {
    let secret = token().expose().to_owned();
    let double = start(move |asked, below| {
        assert_eq!(below, "/repository/commits");
        let parameters = ["per_page", "first_parent", "page"].map(|name| asked.parameter(name));
        assert_eq!(parameters, [Some("30".to_owned()), Some("true".to_owned()), None]);
        let merge = listed(COMMIT, &format!("Replace\r\n\r\nwith {secret}"), &[PARENT, COMMIT]);
        let huge = listed(PARENT, &"x".repeat(MAX_COMMIT_MESSAGE + 1), &[]);
        Some(Said::ok(json!([merge, huge])))
    })
    .await;
    let commits = history(&double, None).await.unwrap();
    let merge = HistoryCommit {
        id: COMMIT.to_owned(),
        author_name: "Example User".to_owned(),
        date: Some("2021-09-20T11:50:23.001+00:00".to_owned()),
        message: "Replace\n\nwith [token]".to_owned(),
        parent: Some(PARENT.to_owned()),
    };
    assert_eq!((commits.len(), &commits[0]), (2, &merge));
    assert_eq!((commits[1].message.len(), &commits[1].parent), (MAX_COMMIT_MESSAGE, &None));
    for from in ["feature/x", &COMMIT.to_ascii_uppercase()] {
        assert_eq!(history(&double, Some(from)).await.unwrap(), commits);
    }
    let asked: Vec<_> = double.asked().iter().map(|asked| asked.parameter("ref_name")).collect();
    assert_eq!(asked, [None, Some("feature/x".to_owned()), Some(COMMIT.to_owned())]);
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let nothing = || Some(Said::ok(json!([])));
    for (commits, of_project, from, expected, calls) in [
        (None, Some(project(true)), None, Ok(0), 2),
        (nothing(), None, None, Ok(0), 1),
        (None, Some(project(true)), Some("trunk"), Err(Fault::NoCommits), 2),
        (nothing(), Some(project(true)), Some("trunk"), Err(Fault::NoCommits), 2),
        (None, Some(project(false)), Some("other"), Err(Fault::NoBranch), 2),
        (nothing(), Some(project(false)), Some(COMMIT), Err(Fault::NoBranch), 2),
        (None, Some(project(false)), None, Err(Fault::NotFound), 2),
        (None, None, Some("other"), Err(Fault::NotFound), 2),
        (None, None, Some("a..b"), Err(Fault::NoBranch), 0),
        (Some(Said::ok(json!([listed("x", "", &[])]))), None, None, Err(Fault::BadAnswer), 1),
    ] {
        let double = start(move |_, below| match below {
            "/repository/commits" => commits.clone(),
            "" => of_project.clone(),
            _other => None,
        })
        .await;
        let told = history(&double, from).await;
        assert_eq!(told.map(|commits| commits.len()).map_err(|error| error.fault()), expected, "{from:?}");
        assert_eq!(double.calls().len(), calls, "{from:?}");
    }
}

/// GitLab REST: an example of "List repository branches".
fn branch(name: &str, default: bool) -> Value {
    json!({"name": name, "merged": false, "protected": true, "default": default, "developers_can_push": false,
        "commit": {"id": COMMIT, "short_id": "7b5c3cc", "message": "add projects API", "title": "add projects API"}})
}

#[tokio::test]
async fn branches_are_read_page_by_page_and_the_default_is_among_them() {
    for (count, kept, calls) in [(0, 0, 1), (1, 1, 1), (100, 100, 1), (101, 101, 2), (MAX_HEADS, MAX_HEADS, 10)] {
        let double = start(move |asked, below| {
            assert_eq!(below, "/repository/branches");
            let mut all: Vec<_> = (1..count).map(|number| branch(&format!("a-{number}"), false)).collect();
            all.extend((count > 0).then(|| branch("trunk", true)));
            Some(Said::gitlab_page(asked, &all))
        })
        .await;
        let all = branches(&double).await.unwrap();
        assert_eq!((all.len(), double.calls().len()), (kept, calls), "{count}");
        assert_eq!(all.last(), (count > 0).then(|| named("trunk", COMMIT, true)).as_ref());
        if count > 1 {
            assert_eq!(all[0], named("a-1", COMMIT, false));
        }
    }
    // More than are kept: the default branch is asked for.
    let double = start(move |_, below| match below {
        // No header tells that there are more; a full page does.
        "/repository/branches" => Some(Said::ok(vec![branch("a", false); 100].into())),
        "/repository/branches/trunk" => Some(Said::ok(json!({"name": "trunk", "commit": {"id": PARENT}}))),
        "" => Some(project(false)),
        _other => None,
    })
    .await;
    let all = branches(&double).await.unwrap();
    assert_eq!((all.len(), all.last()), (MAX_HEADS, Some(&named("trunk", PARENT, true))));
    for (is_empty, expected) in [(true, Ok(vec![])), (false, Err(Fault::NotFound))] {
        let double = start(move |_, below| below.is_empty().then(|| project(is_empty))).await;
        assert_eq!(branches(&double).await.map_err(|error| error.fault()), expected);
    }
}
