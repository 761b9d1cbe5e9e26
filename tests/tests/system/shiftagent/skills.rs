use super::sync::current;
use super::{Host, path, problem, slug};
use serde_json::{Value, json};

fn names(page: &Value) -> Vec<String> {
    let rows = page["data"].as_array().expect("rows").iter();
    rows.map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn shiftagent_7_6_a_skill_is_added_by_hand() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let skills = format!("{}/skills", path(&made));
    let body = json!({"name": "deploy", "description": "Deploys", "version": "1", "path": "x", "metadata": {"a": "b"}});
    let skill = host.key.post(&skills, body).await.expect(201);
    let mut shown = skill.body.clone();
    for moment in ["id", "created_at", "updated_at"] {
        assert!(shown[moment].is_string());
        shown.as_object_mut().unwrap().remove(moment);
    }
    let expected = json!({
        "object": "skill", "repository_id": made["id"], "name": "deploy", "description": "Deploys", "version": "1",
        "path": "x", "source": "manual", "metadata": {"a": "b"},
    });
    assert_eq!(shown, expected);
    let refused = host.key.post(&skills, json!({"name": "deploy"})).await.expect(409);
    assert_eq!(problem(&refused).0, "name-conflict");
    assert_eq!(refused.body["conflicting_resource_id"], skill.body["id"]);
    for (body, pointers) in [
        (json!({}), vec!["/name"]),
        (json!({"name": "Upper"}), vec!["/name"]),
        (json!({"name": "-x"}), vec!["/name"]),
        (json!({"name": "x".repeat(129), "path": 1, "y": 1}), vec!["/name", "/path", "/y"]),
    ] {
        assert_eq!(host.key.post(&skills, body.clone()).await.expect(422).wrong_fields(), pointers, "{body}");
    }
    let bare = host.key.post(&skills, json!({"name": "bare"})).await.expect(201);
    assert_eq!((&bare.body["description"], &bare.body["version"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn shiftagent_7_6_skills_are_listed_in_pages() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let skills = format!("{}/skills", path(&made));
    assert_eq!(host.key.get(&skills).await.expect(200).body["data"], json!([]));
    for n in 0..3 {
        host.key.post(&skills, json!({"name": format!("s{n}")})).await.expect(201);
    }
    let first = host.key.get(&format!("{skills}?limit=2")).await.expect(200).body;
    assert_eq!((names(&first), &first["has_more"]), (vec!["s2".to_owned(), "s1".to_owned()], &json!(true)));
    let next = first["next_cursor"].as_str().unwrap();
    assert_eq!(names(&host.key.get(&format!("{skills}?starting_after={next}")).await.expect(200).body), ["s0"]);
    let newest = first["data"][0]["id"].as_str().unwrap();
    assert_eq!(names(&host.key.get(&format!("{skills}?ending_before={newest}")).await.expect(200).body), [""; 0]);
    for query in ["limit=0", "starting_after=rep_00000000000000000000000000", "refresh=maybe"] {
        assert_eq!(slug(&host.key.get(&format!("{skills}?{query}")).await.expect(400)), "bad-request", "{query}");
    }
}

#[tokio::test]
async fn shiftagent_7_6_refresh_scans_first_and_then_answers() {
    let host = Host::new().await;
    let made = host.register("field-ops").await;
    let skills = format!("{}/skills?refresh=true", path(&made));
    let (key, asked) = (host.key.clone(), skills.clone());
    let running = tokio::spawn(async move { key.get(&asked).await });
    // It waits for the scan that it asked for.
    while host.key.get(&path(&made)).await.expect(200).text("/sync/state") != "syncing" {
        tokio::task::yield_now().await;
    }
    assert!(!running.is_finished());
    host.scan(&made, &current(0)).await;
    assert_eq!(running.await.unwrap().expect(200).body["data"], json!([]));
    assert_eq!(host.key.get(&path(&made)).await.expect(200).text("/sync/state"), "ready");
    let id = made["id"].as_str().unwrap();
    host.app.admin().post(&format!("/api/repos/{id}/archive"), Value::Null).await.expect(200);
    assert_eq!(slug(&host.key.get(&skills).await.expect(409)), "resource-in-use");
    host.key.get(&format!("{}/skills", path(&made))).await.expect(200);
}
