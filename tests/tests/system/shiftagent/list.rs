use super::{Host, slug};
use repoplane_tests::Hook;
use serde_json::{Value, json};

fn names(page: &Value) -> Vec<String> {
    let rows = page["data"].as_array().expect("rows").iter();
    rows.map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

/// Names of repositories, the newest first.
fn newest_first(numbers: impl DoubleEndedIterator<Item = usize>) -> Vec<String> {
    numbers.rev().map(|n| format!("r{n:03}")).collect()
}

#[tokio::test]
async fn shiftagent_7_2_pages_of_0_1_20_21_and_101_repositories_in_both_directions() {
    let host = Host::new().await;
    let empty = host.key.get("/repositories").await.expect(200).body;
    assert_eq!(empty, json!({"object": "list", "data": [], "has_more": false, "next_cursor": null}));
    for count in 1..=101_usize {
        host.register(&format!("r{:03}", count - 1)).await;
        if ![1, 20, 21, 101].contains(&count) {
            continue;
        }
        let first = host.key.get("/repositories").await.expect(200).body;
        assert_eq!(names(&first), newest_first(count.saturating_sub(20)..count), "{count}");
        assert_eq!(first["has_more"], count > 20, "{count}");
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = host.key.get(&format!("/repositories?limit=100{cursor}")).await.expect(200).body;
            seen.extend(names(&page));
            let Some(next) = page["next_cursor"].as_str() else { break };
            assert_eq!(page["has_more"], true);
            assert_eq!(page["data"].as_array().unwrap().last().unwrap()["id"], next);
            cursor = format!("&starting_after={next}");
        }
        assert_eq!(seen, newest_first(0..count), "{count}");
    }
    let all = host.key.get("/repositories?limit=100").await.expect(200).body;
    let oldest = all["data"][99]["id"].as_str().unwrap().to_owned();
    let before = host.key.get(&format!("/repositories?limit=3&ending_before={oldest}")).await.expect(200).body;
    assert_eq!(names(&before), newest_first(2..5), "those right before it, in the same order");
    assert_eq!(before["has_more"], true);
    let newest = all["data"][0]["id"].as_str().unwrap();
    let none = host.key.get(&format!("/repositories?ending_before={newest}")).await.expect(200).body;
    assert_eq!((names(&none), &none["has_more"], &none["next_cursor"]), (vec![], &json!(false), &Value::Null));
    // Those that come in between are neither here nor there.
    host.register("between").await;
    let again = host.key.get(&format!("/repositories?limit=3&ending_before={oldest}")).await.expect(200).body;
    assert_eq!(again, before);
    let up = host.key.get(&format!("/repositories?ending_before={newest}")).await.expect(200).body;
    assert_eq!(names(&up), ["between"]);
}

#[tokio::test]
async fn shiftagent_7_2_a_cursor_is_a_place_even_when_its_repository_is_gone() {
    let host = Host::new().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(host.register(&format!("r{n:03}")).await["id"].as_str().unwrap().to_owned());
    }
    host.key.delete(&format!("/repositories/{}", ids[1])).await.expect(204);
    let page = async |query: String| names(&host.key.get(&format!("/repositories?{query}")).await.expect(200).body);
    assert_eq!(page(format!("starting_after={}", ids[1])).await, ["r000"]);
    assert_eq!(page(format!("ending_before={}", ids[1])).await, ["r002"]);
    assert_eq!(page("starting_after=rep_00000000000000000000000000".into()).await, Vec::<String>::new());
}

#[tokio::test]
async fn shiftagent_7_2_a_wrong_query_is_400_and_named() {
    let host = Host::new().await;
    let id = "rep_00000000000000000000000000";
    for (query, word) in [
        ("limit=0".to_owned(), "limit"),
        ("limit=101".to_owned(), "limit"),
        ("limit=x".to_owned(), "limit"),
        ("limit=".to_owned(), "limit"),
        ("limit=-1".to_owned(), "limit"),
        ("starting_after=x".to_owned(), "starting_after"),
        ("starting_after=crd_00000000000000000000000000".to_owned(), "starting_after"),
        ("ending_before=".to_owned(), "ending_before"),
        (format!("starting_after={id}&ending_before={id}"), "exclude"),
    ] {
        let refused = host.key.get(&format!("/repositories?{query}")).await.expect(400);
        assert_eq!(slug(&refused), "bad-request", "{query}");
        assert!(refused.text("/detail").contains(word), "{query}: {}", refused.body);
        assert!(refused.body.get("errors").is_none());
    }
    host.key.get("/repositories?limit=100").await.expect(200);
}

#[tokio::test]
async fn shiftagent_7_2_a_name_finds_exactly_its_repository() {
    let host = Host::new().await;
    let made = host.register("Field-Ops").await;
    host.register("field-ops-2").await;
    host.app.code_repo("demo", "web", "https://h.example/web").await;
    let found = async |name: &str| names(&host.key.get(&format!("/repositories?name={name}")).await.expect(200).body);
    assert_eq!(found("Field-Ops").await, ["Field-Ops"]);
    for none in ["field-ops", "Field", "web", "product/demo", "product/demo/web/", ""] {
        assert_eq!(found(none).await, Vec::<String>::new(), "{none}");
    }
    assert_eq!(found("product/demo/web").await, ["product/demo/web"]);
    let id = made["id"].as_str().unwrap();
    let after = host.key.get(&format!("/repositories?name=Field-Ops&starting_after={id}")).await.expect(200);
    assert_eq!(after.body["data"], json!([]));
}

#[tokio::test]
async fn shiftagent_2_a_persons_token_sees_what_the_person_does() {
    let host = Host::new().await;
    let (one, two) = (host.register("one").await, host.register("two").await);
    let id = |repository: &Value| repository["id"].as_str().unwrap().to_owned();
    let mia = host.app.member(&id(&one), "mia", "member").await;
    let path = |repository: &Value| format!("/repositories/{}", id(repository));
    assert_eq!(names(&mia.client.get("/repositories").await.expect(200).body), ["one"]);
    for (name, seen) in [("one", 1), ("two", 0)] {
        let found = mia.client.get(&format!("/repositories?name={name}")).await.expect(200).body;
        assert_eq!(names(&found).len(), seen, "{name}");
    }
    mia.client.get(&path(&one)).await.expect(200);
    assert_eq!(slug(&mia.client.get(&path(&two)).await.expect(404)), "not-found");
    assert_eq!(slug(&mia.client.patch(&path(&one), json!({"name": "x"})).await.expect(403)), "insufficient-scope");
    assert_eq!(slug(&mia.client.patch(&path(&two), json!({"name": "x"})).await.expect(404)), "not-found");
    let max = host.app.member(&id(&two), "max", "maintainer").await;
    max.client.patch(&path(&two), json!({"name": "second"})).await.expect(200);
    max.client.delete(&path(&two)).await.expect(403);
    // Naming a credential would send it where the repository is.
    let credential = host.credential("bot").await;
    let refused = max.client.patch(&path(&two), json!({"credential_id": credential})).await.expect(422);
    assert_eq!(refused.wrong_fields(), ["/credential_id"]);
    for (method, path) in [("GET", "/credentials"), ("POST", "/credentials")] {
        assert_eq!(slug(&max.client.call(method, path, json!({})).await.expect(403)), "insufficient-scope");
    }
}

#[tokio::test]
async fn shiftagent_7_2_a_list_is_two_calls_however_many_repositories() {
    let host = Host::new().await;
    for n in 0..5 {
        host.register(&format!("r{n}")).await;
    }
    Hook::github(&host.app).await;
    host.key.get("/repositories").await.expect(200);
    host.app.line.take_calls();
    host.key.get("/repositories?limit=2").await.expect(200);
    assert_eq!(host.app.line.take_calls(), ["Query", "BatchGetItem"]);
    host.key.get("/repositories?name=r3").await.expect(200);
    assert_eq!(host.app.line.take_calls(), ["BatchGetItem", "BatchGetItem"]);
}
