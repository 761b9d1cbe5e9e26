//! GitHub: a double that answers as its documents for commits and branches have it.

use super::{ids, named, page};
use crate::questions::double::{Asked, Double, Said, access, target};
use crate::server::token;
use repoplane_domain::repository::Provider;
use repoplane_providers::{
    Fault, HISTORY_PAGE, HistoryCommit, MAX_COMMIT_MESSAGE, MAX_HEADS, NamedBranch, ProviderError,
};
use serde_json::{Value, json};

/// GitHub REST: an example of "List commits".
const COMMIT: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";
const PARENT: &str = "7638417db6d59f3c431d3e1f261cc637155684cd";

fn listed(sha: &str, message: &str, parents: &[&str]) -> Value {
    json!({
        "url": "https://api.github.com/repos/acme/widgets/commits/x", "sha": sha, "node_id": "MDY6Q29tbWl0",
        "html_url": "https://github.com/acme/widgets/commit/x",
        "commit": {
            "url": "https://api.github.com/repos/acme/widgets/git/commits/x",
            "author": {"name": "Monalisa Octocat", "email": "support@github.com", "date": "2011-04-14T16:00:49Z"},
            "committer": {"name": "GitHub", "email": "noreply@github.com", "date": "2011-04-15T00:00:00Z"},
            "message": message, "tree": {"sha": COMMIT, "url": "https://x.example"}, "comment_count": 0,
            "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null},
        },
        "author": null, "committer": null,
        "parents": parents.iter().map(|sha| json!({"sha": sha, "url": "https://x.example"})).collect::<Vec<_>>(),
    })
}

fn repository() -> Said {
    Said::ok(json!({"id": 7, "full_name": "acme/widgets", "private": false, "default_branch": "trunk",
        "html_url": "https://github.com/acme/widgets"}))
}

async fn history(double: &Double, identity: &str, from: Option<&str>) -> Result<Vec<HistoryCommit>, ProviderError> {
    page(&double.providers, &target(Provider::Github, &double.url(), identity), &access(), from).await
}

async fn branches(double: &Double, identity: &str) -> Result<Vec<NamedBranch>, ProviderError> {
    let url = double.url();
    let answered = double.providers.branches(&target(Provider::Github, &url, identity), &access()).await;
    answered.map(|answered| answered.value)
}

#[tokio::test]
async fn a_page_is_one_call_and_begins_where_it_is_asked_to() {
    let secret = token().expose().to_owned();
    let double = Double::start(move |asked: &Asked| match asked.path.as_str() {
        "/repositories/7" => repository(),
        "/repos/acme/widgets/commits" => {
            assert_eq!((asked.parameter("per_page").as_deref(), asked.parameter("page")), (Some("30"), None));
            let merge = listed(COMMIT, &format!("Fix all the bugs\n\nwith {secret}\u{7}\n"), &[PARENT, COMMIT]);
            let mut bare = listed(PARENT, &"x".repeat(MAX_COMMIT_MESSAGE + 1), &[]);
            bare["commit"]["author"] = Value::Null;
            bare["commit"]["committer"] = Value::Null;
            // More than a page is not taken.
            let all = [merge, bare].into_iter().cycle().take(HISTORY_PAGE + 2);
            Said::ok(all.collect::<Vec<_>>().into())
        }
        _other => Said::missing(),
    })
    .await;
    let commits = history(&double, "acme/widgets", None).await.unwrap();
    let merge = HistoryCommit {
        id: COMMIT.to_owned(),
        author_name: "Monalisa Octocat".to_owned(),
        date: Some("2011-04-15T00:00:00Z".to_owned()),
        message: "Fix all the bugs\n\nwith [token]".to_owned(),
        parent: Some(PARENT.to_owned()),
    };
    let bare = HistoryCommit {
        id: PARENT.to_owned(),
        author_name: String::new(),
        date: None,
        message: "x".repeat(MAX_COMMIT_MESSAGE),
        parent: None,
    };
    assert_eq!((commits.len(), &commits[..2]), (HISTORY_PAGE, &[merge, bare][..]));
    for from in ["feature/x", &COMMIT.to_ascii_uppercase()] {
        assert_eq!(history(&double, "acme/widgets", Some(from)).await.unwrap(), commits);
    }
    history(&double, "7", Some("trunk")).await.unwrap();
    let asked: Vec<_> = double.asked().iter().map(|asked| asked.parameter("sha")).collect();
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(asked, [None, named("feature/x"), named(COMMIT), None, named("trunk")]);
    assert_eq!(double.calls()[3], "GET /repositories/7");
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let empty = Said::status(409, json!({"message": "Git Repository is empty.", "status": "409"}));
    let unknown = Said::status(422, json!({"message": "No commit found for SHA: x", "status": "422"}));
    let conflict = || Some(empty.clone());
    for (commits, is_there, from, expected, calls) in [
        (conflict(), true, None, Ok(0), 1),
        (conflict(), true, Some("trunk"), Err(Fault::NoCommits), 1),
        (None, true, Some("other"), Err(Fault::NoBranch), 2),
        (None, true, Some(COMMIT), Err(Fault::NoBranch), 2),
        (Some(unknown), true, Some(COMMIT), Err(Fault::NoBranch), 2),
        (None, false, Some("other"), Err(Fault::NotFound), 2),
        (None, true, None, Err(Fault::NotFound), 1),
        (None, true, Some("a..b"), Err(Fault::NoBranch), 0),
        (Some(Said::ok(json!([{"sha": "x"}]))), true, None, Err(Fault::BadAnswer), 1),
        (Some(Said::ok(json!([listed("HEAD", "", &[])]))), true, None, Err(Fault::BadAnswer), 1),
        (Some(Said::ok(json!([listed(COMMIT, "", &["../x"])]))), true, None, Err(Fault::BadAnswer), 1),
    ] {
        let double = Double::start(move |asked: &Asked| match (asked.path.as_str(), &commits) {
            ("/repos/acme/widgets/commits", Some(commits)) => commits.clone(),
            ("/repos/acme/widgets", _) if is_there => repository(),
            _other => Said::missing(),
        })
        .await;
        let told = history(&double, "acme/widgets", from).await;
        assert_eq!(told.map(|commits| commits.len()).map_err(|error| error.fault()), expected, "{from:?}");
        assert_eq!(double.calls().len(), calls, "{from:?}");
    }
}

/// GitHub REST: an example of "List branches".
fn branch(name: &str) -> Value {
    json!({"name": name, "protected": true, "commit": {"sha": COMMIT, "url": "https://x.example"}})
}

fn with_branches(count: usize) -> impl Fn(&Asked) -> Said + Clone {
    move |asked| match asked.path.as_str() {
        "/repositories/7" | "/repos/acme/widgets" => repository(),
        "/repos/acme/widgets/branches" => {
            let mut all: Vec<_> = (1..count).map(|number| branch(&format!("a-{number}"))).collect();
            all.extend((count > 0).then(|| branch("trunk")));
            Said::github_page(asked, &all)
        }
        "/repos/acme/widgets/git/ref/heads%2Ftrunk" => Said::ok(json!({"ref": "x", "object": {"sha": PARENT}})),
        _other => Said::missing(),
    }
}

#[tokio::test]
async fn branches_are_read_page_by_page_and_the_default_is_among_them() {
    for (count, identity, kept, calls) in [
        (0, "acme/widgets", 0, 2),
        (1, "7", 1, 2),
        (100, "acme/widgets", 100, 2),
        (101, "acme/widgets", 101, 3),
        (MAX_HEADS, "acme/widgets", MAX_HEADS, 11),
        (MAX_HEADS + 1, "acme/widgets", MAX_HEADS, 12),
    ] {
        let double = Double::start(with_branches(count)).await;
        let all = branches(&double, identity).await.unwrap();
        assert_eq!((all.len(), double.calls().len()), (kept, calls), "{count}");
        let asked_for = if count > MAX_HEADS { PARENT } else { COMMIT };
        let default: Vec<_> = all.iter().filter(|branch| branch.default).cloned().collect();
        assert_eq!(default, if count > 0 { vec![named("trunk", asked_for, true)] } else { vec![] }, "{count}");
        if count > 1 {
            assert_eq!(all[0], named("a-1", COMMIT, false));
        }
    }
    let missing = Double::start(|_: &Asked| Said::missing()).await;
    assert_eq!(branches(&missing, "acme/widgets").await.unwrap_err().fault(), Fault::NotFound);
    let secret = token().expose().to_owned();
    let refused = Double::start(move |_: &Asked| Said::status(403, json!({"message": format!("no {secret}")}))).await;
    let error = branches(&refused, "acme/widgets").await.unwrap_err().to_string();
    assert!(error.contains("no [token]"), "{error}");
}

#[tokio::test]
async fn a_page_is_asked_for_again_and_need_not_come_twice() {
    let double = Double::start(|asked: &Asked| {
        if asked.header("if-none-match") == "\"1\"" {
            return Said::status(304, Value::Null);
        }
        Said::ok(json!([listed(COMMIT, "One", &[])])).with("etag", "\"1\"")
    })
    .await;
    for _ in 0..2 {
        assert_eq!(ids(&history(&double, "acme/widgets", None).await.unwrap()), [COMMIT]);
    }
    assert_eq!(double.asked()[1].header("if-none-match"), "\"1\"");
}
