//! `GET /api/repos/:id/webhook-deliveries` with filters, in both orders.

use crate::tasks::work::issue;
use repoplane_tests::{Hook, TestApp};
use serde_json::Value;
use std::time::Duration;

fn ids(page: &Value) -> Vec<String> {
    let deliveries = page["deliveries"].as_array().expect("a list");
    deliveries.iter().map(|delivery| delivery["id"].as_str().expect("an id").to_owned()).collect()
}

/// Every page of a list, by its cursors; each page may be followed by something.
async fn walk(app: &TestApp, hook: &Hook, query: &str, after_each: impl AsyncFn(usize)) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{}/webhook-deliveries?{query}&cursor={cursor}", hook.path);
        let page = app.admin().get(&path).await.expect(200);
        pages.push(ids(&page.body));
        after_each(pages.len()).await;
        match page.body["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return pages,
        }
    }
}

/// Deliveries of every end, oldest first: accepted, skipped, forged, rejected, accepted; ten minutes apart.
async fn of_every_kind(app: &TestApp) -> (Hook, Vec<String>) {
    let (hook, _) = Hook::ready(app).await;
    let mut made = vec![hook.post(app, "issues", "guid-Alpha", &issue(1)).await.expect(202).delivery()];
    app.clock.advance(Duration::from_secs(600));
    made.push(hook.ping(app, "guid-2").await.expect(202).delivery());
    app.clock.advance(Duration::from_secs(600));
    made.push(hook.with_secret("another").post(app, "issues", "guid-3", &issue(3)).await.expect(401).delivery());
    app.clock.advance(Duration::from_secs(600));
    let foreign = issue(4).replace("Codertocat/Hello-World", "Codertocat/Other").replace("186853002", "1");
    made.push(hook.post(app, "issues", "guid-4", &foreign).await.expect(409).delivery());
    app.clock.advance(Duration::from_secs(600));
    made.push(hook.post(app, "issues", "guid-5", &issue(5)).await.expect(202).delivery());
    (hook, made)
}

#[tokio::test]
async fn deliveries_are_found_by_how_they_ended_what_they_were_and_when() {
    let app = TestApp::start_with_double().await;
    let (hook, made) = of_every_kind(&app).await;
    let rejected = hook.deliveries(&app.admin()).await[1].clone();
    let code = rejected["code"].as_str().expect("a code").to_ascii_lowercase();
    let layer = rejected["errorLayer"].as_str().expect("a layer");
    let second = hook.deliveries(&app.admin()).await[3]["createdAt"].as_str().expect("a time").to_owned();
    for (query, expected) in [
        (String::new(), vec![4, 3, 2, 1, 0]),
        ("order=desc".to_owned(), vec![4, 3, 2, 1, 0]),
        ("order=asc".to_owned(), vec![0, 1, 2, 3, 4]),
        ("result=accepted".to_owned(), vec![4, 0]),
        ("result=accepted&order=asc".to_owned(), vec![0, 4]),
        ("result=skipped".to_owned(), vec![1]),
        ("result=rejected".to_owned(), vec![3, 2]),
        ("result=error".to_owned(), vec![]),
        ("event=issues".to_owned(), vec![4, 3, 2, 0]),
        ("event=ISSUES&result=rejected".to_owned(), vec![3, 2]),
        ("event=issue".to_owned(), vec![4, 0]),
        ("event=ping".to_owned(), vec![1]),
        ("errorLayer=signature_validation".to_owned(), vec![2]),
        (format!("errorLayer={layer}"), vec![3]),
        (format!("code={code}"), vec![3]),
        ("q=ALPHA".to_owned(), vec![0]),
        (format!("q={}", made[1]), vec![1]),
        ("q=signature".to_owned(), vec![2]),
        ("from=2026-01-20T08:15:00Z".to_owned(), vec![4, 3, 2]),
        ("to=2026-01-20T08:15:00Z".to_owned(), vec![1, 0]),
        ("from=2026-01-20T08:05:00Z&to=2026-01-20T08:25:00Z&order=asc".to_owned(), vec![1, 2]),
        ("from=2026-01-20T09:15:00%2B01:00".to_owned(), vec![4, 3, 2]),
        ("from=2026-01-21T00:00:00Z".to_owned(), vec![]),
        ("from=2026-01-20T08:25:00Z&to=2026-01-20T08:05:00Z".to_owned(), vec![]),
        (format!("from={second}&to={second}"), vec![]),
        (format!("from={second}"), vec![4, 3, 2, 1]),
        (format!("to={second}"), vec![0]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(|n: usize| made[n].clone()).collect();
        let list = app.admin().get(&format!("{}/webhook-deliveries?{query}", hook.path)).await.expect(200);
        assert_eq!(ids(&list.body), expected, "{query}");
        assert!(list.body.get("nextCursor").is_none(), "{query}: nothing follows");
        for limit in 1..=3 {
            let pages = walk(&app, &hook, &format!("{query}&limit={limit}"), async |_| {}).await;
            assert_eq!(pages.concat(), expected, "{query} limit {limit}");
            let full = pages.iter().rev().skip(1).all(|page| page.len() == limit);
            assert!(full, "{query} limit {limit}: {pages:?}");
        }
    }
}

#[tokio::test]
async fn a_walk_is_not_disturbed_by_what_comes_in_meanwhile() {
    let app = TestApp::start_with_double().await;
    let (hook, made) = of_every_kind(&app).await;
    let late = async |n: usize| drop(hook.ping(&app, &format!("late-{n}")).await.expect(202));
    let newest_first: Vec<_> = made.iter().rev().cloned().collect();
    assert_eq!(walk(&app, &hook, "limit=2&event=issues", late).await.concat().len(), 4);
    let pages = walk(&app, &hook, "limit=2", late).await.concat();
    assert_eq!(pages[pages.len() - 5..], newest_first);
    // Forwards, new ones are at the end, where the walk still comes by.
    let late = async |n: usize| {
        if n == 1 {
            hook.ping(&app, "very-late").await.expect(202);
        }
    };
    let forwards = walk(&app, &hook, "limit=2&order=asc", late).await.concat();
    assert_eq!(forwards[..5], made);
    let all = hook.deliveries(&app.admin()).await;
    assert_eq!(forwards.last().map(String::as_str), all[0]["id"].as_str());
    assert_eq!(forwards.len(), all.len());
}

#[tokio::test]
async fn wrong_values_are_named_all_at_once() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let long = "x".repeat(201);
    let query =
        format!("result=good&order=up&event={long}&errorLayer=sky&code={long}&q={long}&from=yesterday&to=2026-13-01");
    let refused = app.admin().get(&format!("{}/webhook-deliveries?{query}", hook.path)).await.expect(400);
    let mut fields = refused.wrong_fields();
    fields.sort();
    assert_eq!(fields, ["?code", "?errorLayer", "?event", "?from", "?order", "?q", "?result", "?to"]);
}

#[tokio::test]
async fn a_cursor_is_bound_to_its_filters_and_its_order() {
    let app = TestApp::start_with_double().await;
    let (hook, _) = of_every_kind(&app).await;
    let path = format!("{}/webhook-deliveries", hook.path);
    let cursor = app.admin().get(&format!("{path}?event=issues&limit=1")).await.expect(200).text("/nextCursor");
    app.admin().get(&format!("{path}?limit=3&event=issues&cursor={cursor}")).await.expect(200);
    for other in ["", "event=ping", "event=issues&order=asc", "event=issues&result=accepted"] {
        let refused = app.admin().get(&format!("{path}?{other}&cursor={cursor}")).await.expect(400);
        assert_eq!(refused.text("/code"), "INVALID_CURSOR", "{other}");
    }
}
