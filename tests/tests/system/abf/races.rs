//! Many calls at the same time, of which one may have its way.

use super::{Abf, message, path};
use serde_json::json;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Calls at the same time.
const PARALLEL: usize = 50;

#[tokio::test]
async fn of_projects_of_one_name_a_platform_has_one() {
    let abf = Arc::new(Abf::new().await);
    let mut repositories = vec![abf.main, abf.contrib];
    for n in 0..3 {
        repositories.push(abf.repository(abf.platform, &format!("r{n}")).await);
    }
    let mut calls = JoinSet::new();
    for n in 0..PARALLEL {
        let owner = abf.app.person(&format!("owner{n}")).await;
        let project = abf.project(&owner.client, if n % 2 == 0 { "bash" } else { "Bash" }).await;
        let (abf, repository) = (Arc::clone(&abf), repositories[n % repositories.len()]);
        calls.spawn(async move {
            abf.local.client.put(&path(repository, "add_project"), json!({"project_id": project})).await
        });
    }
    let answers = calls.join_all().await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1, "{:?}", answers.iter().map(|answer| answer.status.as_u16()).collect::<Vec<_>>());
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(lost.status, 422, "{}", lost.body);
        assert!(message(lost).1.starts_with("Project adding error."), "{}", lost.body);
    }
    abf.check().await;
}

#[tokio::test]
async fn a_personal_platform_is_made_once() {
    let abf = Arc::new(Abf::new().await);
    let mut calls = JoinSet::new();
    for n in 0..10 {
        let abf = Arc::clone(&abf);
        calls.spawn(async move {
            let client = if n % 2 == 0 { abf.stranger.client.clone() } else { abf.local.client.clone() };
            client.get("/api/v1/search.json?type=platforms&query=sam_personal").await.expect(200).body
        });
    }
    for body in calls.join_all().await {
        assert_eq!(body["results"]["platforms"].as_array().map(Vec::len), Some(1), "{body}");
    }
    abf.check().await;
}
