//! `GET /api/repos/:id/provider-activity` (contract: hookcode 2.8; quirks Q11, Q12, Q13).

use repoplane_local::double::READ_TOKEN;
use repoplane_tests::{GITHUB_ISSUES_OPENED, Hook, TestApp, fixture};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_page_of_each_part() {
    let app = TestApp::start_with_double().await;
    for provider in ["github", "gitlab"] {
        let hook = Hook::at_double(&app, provider, "public/widgets", None).await;
        let shown = app.admin().get(&format!("{}/provider-activity", hook.path)).await.expect(200).body;
        assert_eq!(shown["provider"], provider, "2.8/200");
        for part in ["commits", "merges", "issues"] {
            let page = &shown[part];
            assert_eq!(
                (&page["page"], &page["pageSize"], &page["hasMore"]),
                (&json!(1), &json!(5), &json!(true)),
                "2.8/200 {part}"
            );
            assert_eq!(page["items"].as_array().map(Vec::len), Some(5), "2.8/200 {part}");
        }
        let commit = &shown["commits"]["items"][0];
        assert_eq!(commit["id"].as_str().map(str::len), Some(40), "2.8/200");
        assert_eq!(commit["title"], "Change 23", "2.8/200");
        assert_eq!(shown["merges"]["items"][0]["state"], "merged", "2.8/200");
        assert!(shown["issues"]["items"][0].get("taskGroups").is_none(), "2.8/200");
    }
}

/// Q11: upstream skips a row at each border of two pages.
#[tokio::test]
async fn pages_neither_skip_nor_repeat() {
    let app = TestApp::start_with_double().await;
    for provider in ["github", "gitlab"] {
        let hook = Hook::at_double(&app, provider, "public/widgets", None).await;
        for (part, parameter, total) in
            [("commits", "commitsPage", 23), ("merges", "mergesPage", 7), ("issues", "issuesPage", 12)]
        {
            let (mut seen, mut page) = (Vec::new(), 1);
            loop {
                let path = format!("{}/provider-activity?pageSize=3&{parameter}={page}", hook.path);
                let shown = app.admin().get(&path).await.expect(200).body[part].clone();
                let ids = shown["items"].as_array().cloned().unwrap_or_default();
                seen.extend(ids.iter().map(|row| row["id"].as_str().unwrap_or_default().to_owned()));
                if shown["hasMore"] != true {
                    break;
                }
                page += 1;
            }
            assert_eq!(seen.len(), total, "{provider} {part}: {seen:?}");
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), total, "{provider} {part}");
        }
    }
}

#[tokio::test]
async fn bad_numbers_are_the_default() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "gitlab", "public/widgets", None).await;
    for (query, size, page) in [
        ("pageSize=20", 20, 1),
        ("pageSize=21", 20, 1),
        ("pageSize=0", 5, 1),
        ("pageSize=x", 5, 1),
        ("limit=7", 7, 1),
        ("limit=7&pageSize=2", 2, 1),
        ("commitsPage=2", 5, 2),
        ("commitsPage=-1", 5, 1),
        ("commitsPage=99999999999999999999", 5, 1),
    ] {
        let shown = app.admin().get(&format!("{}/provider-activity?{query}", hook.path)).await.expect(200).body;
        assert_eq!(
            (&shown["commits"]["pageSize"], &shown["commits"]["page"]),
            (&json!(size), &json!(page)),
            "2.8 {query}"
        );
    }
}

/// Q13: a 401 here would end the session of HookCode's web client.
#[tokio::test]
async fn a_private_repository_asks_for_a_credential_without_a_401() {
    let app = TestApp::start_with_double().await;
    for (provider, status) in [("github", 404), ("gitlab", 404)] {
        let hook = Hook::at_double(&app, provider, "acme/widgets", Some(READ_TOKEN)).await;
        let path = format!("{}/provider-activity", hook.path);
        let refused = app.admin().get(&path).await.expect(424);
        assert_eq!(refused.text("/code"), "REPO_PROVIDER_AUTH_REQUIRED", "2.8/auth");
        assert_eq!(refused.text("/error"), "Repo provider authentication is required", "2.8/auth");
        assert_eq!(refused.body["providerStatus"], status, "2.8/auth");
        app.admin().get(&format!("{path}?credentialSource=repo")).await.expect(200);
        let refused = app.admin().get(&format!("{path}?credentialSource=user")).await.expect(400);
        assert_eq!(refused.text("/code"), "REPO_PROVIDER_TOKEN_REQUIRED", "2.8/400-token");
        assert_eq!(refused.text("/message"), "repo provider token is required to fetch activity", "2.8/400-token");
    }
}

#[tokio::test]
async fn plain_git_has_no_activity() {
    let app = TestApp::start().await;
    let body = json!({"provider": "git", "name": "tools", "remoteUrl": "https://git.example.com/tools.git"});
    let id = app.admin().post("/api/repos", body).await.expect(201).text("/repo/id");
    let refused = app.admin().get(&format!("/api/repos/{id}/provider-activity")).await.expect(400);
    assert_eq!(refused.text("/code"), "REPO_PROVIDER_UNSUPPORTED");
}

/// Q12: upstream attaches groups by number alone, so that issue 9 shows what belongs to merge request 9.
#[tokio::test]
async fn rows_show_what_robots_do_about_them() {
    let app = TestApp::start_with_double().await;
    let base = app.double.as_ref().map(|double| double.github());
    let body = json!({"name": "Codertocat/Hello-World", "apiBaseUrl": base});
    let hook = Hook::register(&app, "github", body).await;
    hook.add_credentials(&app, repoplane_local::double::WRITE_TOKEN).await;
    let robot = hook.add_robot(&app, "Triage").await;
    hook.enable(&app, &robot).await;
    hook.add_rule(&app, "issue", &robot, Value::Null).await;
    let mut payload: Value = serde_json::from_str(&fixture(GITHUB_ISSUES_OPENED)).expect("JSON");
    // Both an issue and a merged pull request may have the number 12 at the double.
    payload["issue"]["number"] = json!(12);
    let origin = app.double.as_ref().expect("a double").origin();
    payload["repository"]["html_url"] = json!(format!("{origin}/github/Codertocat/Hello-World"));
    let answer = hook.post(&app, "issues", "twelve", &payload.to_string()).await.expect(202);
    let (task, group) = (answer.text("/tasks/0/id"), answer.text("/tasks/0/groupId"));
    app.admin().post(&format!("/api/tasks/{task}/claim"), json!({"worker": "w"})).await.expect(200);

    let path = format!("{}/provider-activity?credentialSource=repo&pageSize=20", hook.path);
    let shown = app.admin().get(&path).await.expect(200).body;
    let with_groups = |part: &str| -> Vec<(String, Value)> {
        let rows = shown[part]["items"].as_array().cloned().unwrap_or_default();
        rows.into_iter()
            .filter(|row| row.get("taskGroups").is_some())
            .map(|row| (row["id"].as_str().unwrap_or_default().to_owned(), row["taskGroups"].clone()))
            .collect()
    };
    let issues = with_groups("issues");
    assert_eq!(issues.len(), 1, "2.8/groups {shown}");
    let (id, groups) = &issues[0];
    assert_eq!(
        (id.as_str(), &groups[0]["id"], &groups[0]["kind"]),
        ("12", &json!(group), &json!("issue")),
        "2.8/groups"
    );
    assert_eq!(groups[0]["robotId"], robot, "2.8/groups");
    assert_eq!(groups[0]["processingTasks"][0]["id"], task, "2.8/groups");
    assert_eq!((with_groups("merges").len(), with_groups("commits").len()), (0, 0), "Q12");
}

#[tokio::test]
async fn warm_is_one_read_and_no_call_and_a_webhook_makes_none() {
    let app = TestApp::start_with_double().await;
    let hook = Hook::at_double(&app, "github", "acme/widgets", Some(READ_TOKEN)).await;
    let path = format!("{}/provider-activity?credentialSource=repo", hook.path);
    let admin = app.admin();
    admin.get(&path).await.expect(200);
    let calls = app.provider_calls();
    app.line.take_calls();
    admin.get(&path).await.expect(200);
    assert_eq!(app.line.take_calls(), ["Query"]);
    assert_eq!(app.provider_calls(), calls);
    let (ready, _) = Hook::ready(&app).await;
    let calls = app.provider_calls();
    ready.post(&app, "issues", "one", &fixture(GITHUB_ISSUES_OPENED)).await.expect(202);
    assert_eq!(app.provider_calls(), calls);
}
