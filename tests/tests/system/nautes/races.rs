//! Many writers at once.

use super::{DEMO, Host, body, product, repo, smallest};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const WRITERS: usize = 50;

#[tokio::test]
async fn fifty_saves_of_one_repository_make_one() {
    let host = Host::new().await;
    let mut saves = JoinSet::new();
    for n in 0..WRITERS {
        let key = host.key.clone();
        let mut sent = body();
        sent["git"]["gitlab"]["description"] = json!(format!("by {n}"));
        sent["deployment_runtime"] = json!(n.is_multiple_of(2));
        // Who is told on a slow machine that others kept writing comes again.
        saves.spawn(async move {
            loop {
                let answer = key.post(&repo("web"), sent.clone()).await;
                if answer.status != 503 {
                    return answer.status;
                }
                assert_eq!(answer.text("/reason"), "RESOURCE_BUSY");
            }
        });
    }
    let statuses = saves.join_all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let listed = host.key.get(&format!("{DEMO}/coderepos")).await.expect(200);
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);
    let shown = host.shown("web").await;
    let description = shown["git"]["gitlab"]["description"].as_str().unwrap();
    let writer: usize = description.trim_start_matches("by ").parse().expect("one of the writers");
    assert_eq!(shown["deployment_runtime"], json!(writer.is_multiple_of(2)), "all of it is one writer's");
    host.check().await;
}

#[tokio::test]
async fn fifty_saves_of_different_repositories_make_fifty() {
    let host = Host::new().await;
    let mut saves = JoinSet::new();
    for n in 0..WRITERS {
        let key = host.key.clone();
        saves.spawn(async move { key.post(&repo(&format!("r{n}")), body()).await.status });
    }
    let statuses = saves.join_all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let listed = host.key.get(&format!("{DEMO}/coderepos")).await.expect(200);
    assert_eq!(listed.body["items"].as_array().unwrap().len(), WRITERS);
    host.check().await;
}

#[tokio::test]
async fn what_is_saved_and_deleted_at_once_is_there_or_not() {
    let host = Host::new().await;
    let mut calls = JoinSet::new();
    for n in 0..30 {
        let key = host.key.clone();
        calls.spawn(async move {
            match n % 3 {
                0 => key.delete(&repo("web")).await.status,
                _ => key.post(&repo("web"), body()).await.status,
            }
        });
    }
    let statuses = calls.join_all().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    host.check().await;
    host.key.delete(&repo("web")).await.expect(200);
    host.check().await;
}

#[tokio::test]
async fn a_product_that_goes_while_things_are_made_in_it_leaves_nothing_behind() {
    for _ in 0..5 {
        let host = Host::new().await;
        let mut calls = JoinSet::new();
        for n in 0..12 {
            let key = host.key.clone();
            calls.spawn(async move {
                match n % 4 {
                    0 => key.delete(DEMO).await.status,
                    1 => key.post(&repo(&format!("r{n}")), smallest()).await.status,
                    2 => key.post(&format!("{DEMO}/projects/p{n}"), json!({})).await.status,
                    _ => key.post(DEMO, product()).await.status,
                }
            });
        }
        let statuses = calls.join_all().await;
        assert!(statuses.iter().all(|status| [200, 404, 409].contains(&status.as_u16())), "{statuses:?}");
        host.check().await;
        let products = host.key.get("/api/v1/products").await.expect(200);
        assert!(products.body["items"].as_array().is_some_and(|items| items.len() <= 1));
        assert_ne!(products.body, Value::Null);
    }
}
