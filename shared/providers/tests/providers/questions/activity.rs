//! A repository's activity (contract: hookcode 2.8), without the rows that are skipped at page borders (Q11).

use super::double::{Asked, Double, Said, access, target};
use repoplane_domain::repository::Provider;
use repoplane_providers::{Activity, ActivityPages, Fault};
use serde_json::{Value, json};

fn commit(number: usize) -> Value {
    json!({
        "sha": format!("{number:040x}"), "html_url": format!("https://github.com/acme/widgets/commit/{number:040x}"),
        "commit": {
            "message": format!("Change {number}\n\nWhy."),
            "author": {"name": "A", "email": "a@x.example", "date": "2026-01-01T00:00:00Z"},
            "committer": {"name": "A", "email": "a@x.example", "date": "2026-01-02T00:00:00Z"},
        },
    })
}

/// Every third of the closed pull requests was merged.
fn pull(number: usize) -> Value {
    json!({
        "number": number, "title": format!("Pull {number}"), "state": "closed", "created_at": "2026-01-01T00:00:00Z",
        "html_url": "https://github.com/acme/widgets/pull/1", "updated_at": "2026-01-02T00:00:00Z",
        "merged_at": if number.is_multiple_of(3) { json!("2026-01-02T00:00:00Z") } else { Value::Null },
    })
}

/// Every second of the issues is a pull request.
fn issue(number: usize) -> Value {
    let mut issue = json!({
        "number": number, "title": format!("Issue {number}"), "state": "open", "created_at": "2026-01-01T00:00:00Z",
        "html_url": "https://github.com/acme/widgets/issues/1", "updated_at": null,
    });
    if number.is_multiple_of(2) {
        issue["pull_request"] = json!({"url": "https://api.github.com/repos/acme/widgets/pulls/2"});
    }
    issue
}

pub(super) fn github(asked: &Asked, counts: [usize; 3]) -> Said {
    let list = |count: usize, of: fn(usize) -> Value| (1..=count).map(of).collect::<Vec<_>>();
    match asked.path.as_str() {
        "/repos/acme/widgets/commits" => Said::github_page(asked, &list(counts[0], commit)),
        "/repos/acme/widgets/pulls" => {
            let order = ["state", "sort", "direction"].map(|name| asked.parameter(name).unwrap_or_default());
            assert_eq!(order, ["closed", "updated", "desc"]);
            Said::github_page(asked, &list(counts[1], pull))
        }
        "/repos/acme/widgets/issues" => {
            assert_eq!(asked.parameter("state").as_deref(), Some("all"));
            Said::github_page(asked, &list(counts[2], issue))
        }
        "/repositories/7" => Said::ok(json!({
            "id": 7, "full_name": "acme/widgets", "private": false, "html_url": "https://github.com/acme/widgets",
        })),
        _other => Said::missing(),
    }
}

pub(super) async fn read(double: &Double, provider: Provider, identity: &str, size: u8, page: u32) -> Activity {
    let base = double.url();
    let pages = ActivityPages { page_size: size, commits: page, merges: page, issues: page };
    double.providers.activity(&target(provider, &base, identity), &access(), pages).await.unwrap().value
}

/// All ids of one part, page by page to the last.
async fn walk(
    double: &Double,
    provider: Provider,
    size: u8,
    part: fn(&Activity) -> (Vec<String>, bool),
) -> Vec<String> {
    let mut all = Vec::new();
    for page in 1.. {
        let (ids, has_more) = part(&read(double, provider, "acme/widgets", size, page).await);
        assert!(ids.len() <= size.into());
        all.extend(ids);
        if !has_more {
            return all;
        }
    }
    all
}

pub(super) fn commits(activity: &Activity) -> (Vec<String>, bool) {
    (activity.commits.items.iter().map(|commit| commit.title.clone()).collect(), activity.commits.has_more)
}

pub(super) fn merges(activity: &Activity) -> (Vec<String>, bool) {
    (activity.merges.items.iter().map(|change| change.id.clone()).collect(), activity.merges.has_more)
}

pub(super) fn issues(activity: &Activity) -> (Vec<String>, bool) {
    (activity.issues.items.iter().map(|change| change.id.clone()).collect(), activity.issues.has_more)
}

#[tokio::test]
async fn a_walk_at_github_meets_every_row_once() {
    for count in [0, 1, 4, 5, 10, 11, 250] {
        let double = Double::start(move |asked| github(asked, [count, count, count])).await;
        let expected: Vec<_> = (1..=count).map(|number| format!("Change {number}")).collect();
        assert_eq!(walk(&double, Provider::Github, 5, commits).await, expected);
        let expected: Vec<_> = (1..=count).filter(|n| n.is_multiple_of(3)).map(|n| n.to_string()).collect();
        assert_eq!(walk(&double, Provider::Github, 20, merges).await, expected);
        let expected: Vec<_> = (1..=count).filter(|n| !n.is_multiple_of(2)).map(|n| n.to_string()).collect();
        assert_eq!(walk(&double, Provider::Github, 20, issues).await, expected);
    }
}

#[tokio::test]
async fn github_rows_have_the_contracts_members() {
    let double = Double::start(|asked| github(asked, [3, 3, 3])).await;
    let activity = read(&double, Provider::Github, "7", 2, 1).await;
    let commit = &activity.commits.items[0];
    assert_eq!((commit.id.as_str(), commit.short_id.as_str()), (format!("{:040x}", 1).as_str(), "0000000"));
    assert_eq!((commit.title.as_str(), commit.time.as_deref()), ("Change 1", Some("2026-01-02T00:00:00Z")));
    assert!(commit.url.as_deref().unwrap().starts_with("https://github.com/acme/widgets/commit/"));
    let merged = &activity.merges.items[0];
    assert_eq!((merged.id.as_str(), merged.state.as_str()), ("3", "merged"));
    let issue = &activity.issues.items[0];
    assert_eq!((issue.id.as_str(), issue.state.as_str(), issue.title.as_str()), ("1", "open", "Issue 1"));
    assert_eq!(issue.time.as_deref(), Some("2026-01-01T00:00:00Z"));
    assert_eq!((activity.commits.page, activity.commits.page_size, activity.commits.has_more), (1, 2, true));
    // An id is looked up first; the documented paths name owner and repository.
    assert_eq!(double.calls()[0], "GET /repositories/7");
}

#[tokio::test]
async fn a_scan_ends_after_ten_pages_and_says_that_there_may_be_more() {
    let double = Double::start(|asked| github(asked, [0, 3_000, 0])).await;
    // Of the 1,000 newest, 333 were merged.
    let last = read(&double, Provider::Github, "acme/widgets", 20, 17).await.merges;
    assert_eq!((last.items.len(), last.has_more), (13, true));
    let after = read(&double, Provider::Github, "acme/widgets", 20, 18).await.merges;
    assert_eq!((after.items.len(), after.has_more), (0, false));
    let far = read(&double, Provider::Github, "acme/widgets", 20, u32::MAX).await.merges;
    assert_eq!((far.items.len(), far.has_more), (0, false));
    let scans = double.calls().iter().filter(|call| call.ends_with("/pulls")).count();
    assert_eq!(scans, 30);
}

#[tokio::test]
async fn an_empty_repository_and_missing_parts_are_empty_pages_at_github() {
    let double = Double::start(|asked| match asked.path.as_str() {
        "/repos/acme/widgets/commits" => Said::status(409, json!({"message": "Git Repository is empty."})),
        "/repos/acme/widgets/issues" => Said::status(410, json!({"message": "Issues are disabled for this repo"})),
        _other => github(asked, [0, 0, 0]),
    })
    .await;
    let activity = read(&double, Provider::Github, "acme/widgets", 5, 2).await;
    assert!(activity.commits.items.is_empty() && !activity.commits.has_more && activity.commits.page == 2);
    assert!(activity.issues.items.is_empty() && !activity.issues.has_more);
}

pub(super) fn gitlab(asked: &Asked, counts: [usize; 3], headers: bool) -> Said {
    let commit = |number: usize| {
        json!({"id": format!("{number:040x}"), "short_id": "0000000a", "title": format!("Change {number}"),
            "message": "…", "web_url": "https://gitlab.com/x/-/commit/1", "committed_date": "2026-01-02T00:00:00.000Z"})
    };
    let change = |number: usize| {
        json!({"id": 9_000 + number, "iid": number, "title": "T", "state": "merged", "web_url": "https://gitlab.com/x",
            "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-02T00:00:00.000Z"})
    };
    let root = "/api/v4/projects/acme%2Fwidgets";
    let rows: Vec<Value> = match asked.path.strip_prefix(root).unwrap_or("?") {
        "/repository/commits" => (1..=counts[0]).map(commit).collect(),
        "/merge_requests" => {
            let order = ["state", "order_by", "sort"].map(|name| asked.parameter(name).unwrap_or_default());
            assert_eq!(order, ["merged", "updated_at", "desc"]);
            (1..=counts[1]).map(change).collect()
        }
        "/issues" => (1..=counts[2]).map(change).collect(),
        "" => return Said::ok(json!({"id": 1, "issues_enabled": counts[2] > 0, "issues_access_level": "disabled"})),
        _other => return Said::missing(),
    };
    if headers {
        return Said::gitlab_page(asked, &rows);
    }
    let (page, per_page) = (asked.number("page"), asked.number("per_page"));
    Said::ok(rows.iter().skip((page - 1) * per_page).take(per_page).cloned().collect::<Vec<_>>().into())
}

#[tokio::test]
async fn a_walk_at_gitlab_meets_every_row_once_with_and_without_headers() {
    for headers in [true, false] {
        for count in [0, 1, 4, 5, 6, 10, 11] {
            let double = Double::start(move |asked| gitlab(asked, [count, count, count], headers)).await;
            let numbers: Vec<_> = (1..=count).map(|number| number.to_string()).collect();
            let titles: Vec<_> = (1..=count).map(|number| format!("Change {number}")).collect();
            assert_eq!(walk(&double, Provider::Gitlab, 5, commits).await, titles, "{headers} {count}");
            assert_eq!(walk(&double, Provider::Gitlab, 5, merges).await, numbers, "{headers} {count}");
            assert_eq!(walk(&double, Provider::Gitlab, 5, issues).await, numbers, "{headers} {count}");
            // Exactly the page's rows are asked for: one more would shift every later page (Q11).
            assert!(double.asked().iter().all(|asked| asked.number("per_page") == 5), "{headers} {count}");
        }
    }
}

#[tokio::test]
async fn an_empty_repository_and_missing_parts_are_empty_pages_at_gitlab() {
    let double = Double::start(|asked| {
        if asked.path.ends_with("/repository/commits") {
            return Said::status(404, json!({"message": "404 Repository Not Found"}));
        }
        if asked.path.ends_with("/issues") {
            return Said::status(403, json!({"message": "403 Forbidden"}));
        }
        gitlab(asked, [0, 0, 0], true)
    })
    .await;
    let activity = read(&double, Provider::Gitlab, "acme/widgets", 5, 1).await;
    assert!(activity.commits.items.is_empty() && activity.issues.items.is_empty());
    // A refusal of a part that the project has stays one.
    let double = Double::start(|asked| {
        let refused = asked.path.ends_with("/merge_requests");
        if refused { Said::status(403, json!({"message": "403 Forbidden"})) } else { gitlab(asked, [1, 1, 1], true) }
    })
    .await;
    let base = double.url();
    let pages = ActivityPages { page_size: 5, commits: 1, merges: 1, issues: 1 };
    let target = target(Provider::Gitlab, &base, "acme/widgets");
    let error = double.providers.activity(&target, &access(), pages).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Forbidden);
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_an_error() {
    for provider in [Provider::Github, Provider::Gitlab] {
        let double = Double::start(|_| Said::missing()).await;
        let base = double.url();
        let pages = ActivityPages { page_size: 99, commits: 0, merges: 0, issues: 0 };
        let error = double.providers.activity(&target(provider, &base, "a/b"), &access(), pages).await.unwrap_err();
        assert_eq!(error.fault(), Fault::NotFound);
        for asked in double.asked().iter().filter(|asked| asked.path.ends_with("commits")) {
            assert_eq!((asked.number("per_page"), asked.number("page")), (20, 1));
        }
    }
}
