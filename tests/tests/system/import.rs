//! `POST /api/repos/import`: many repositories by one call, each for itself; and what a provider's list says of them.

use crate::repos::{at_once, second_of};
use axum::routing::get;
use axum::{Json, Router};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use repoplane_local::engines::Engines;
use repoplane_local::line::{Fault, FaultPlan, Line};
use repoplane_tests::{Answer, Client, ProviderDouble, TestApp, consistency};
use serde_json::{Value, json};

const IMPORT: &str = "/api/repos/import";

async fn import(client: &Client, items: impl Into<Value>) -> Answer {
    client.post(IMPORT, json!({"repositories": items.into()})).await
}

fn github(name: &str) -> Value {
    json!({"provider": "github", "name": name, "externalId": name})
}

/// `created`, `existing` and `failed`.
fn counts(answer: &Answer) -> [u64; 3] {
    ["created", "existing", "failed"].map(|member| answer.body[member].as_u64().expect("a count"))
}

fn statuses(answer: &Answer) -> Vec<&str> {
    let results = answer.body["results"].as_array().expect("results").iter().enumerate();
    results
        .map(|(index, result)| {
            assert_eq!(result["index"], index, "in the order of the list");
            result["status"].as_str().expect("a status")
        })
        .collect()
}

async fn names(app: &TestApp) -> Vec<String> {
    let list = app.admin().get("/api/repos?archived=all").await.expect(200);
    let rows = list.body["repos"].as_array().expect("rows").iter();
    let mut names: Vec<_> = rows.map(|row| row["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn each_item_is_registered_as_by_itself_and_its_importer_owns_it() {
    let app = TestApp::start().await;
    let ann = app.person("ann").await;
    let git = json!({"provider": "git", "name": "tools", "remoteUrl": "https://git.example.com/tools.git"});
    let gitlab = json!({"provider": "gitlab", "name": "acme/b", "externalId": "15", "branches": [{"name": "main"}]});
    let answer = import(&ann.client, vec![github("acme/a"), gitlab, git]).await.expect(200);
    assert_eq!(statuses(&answer), ["created"; 3]);
    assert_eq!(counts(&answer), [3, 0, 0]);
    assert_eq!(answer.body["results"][1]["repo"]["branches"], json!([{"name": "main", "isDefault": false}]));
    for n in 0..3 {
        let shown = &answer.body["results"][n]["repo"];
        let id = shown["id"].as_str().expect("an id");
        let read = ann.client.get(&format!("/api/repos/{id}")).await.expect(200);
        assert_eq!(read.body["repo"]["myRole"], "owner");
        for (member, value) in shown.as_object().expect("a view") {
            assert_eq!(&read.body["repo"][member], value, "{member}");
        }
        assert_eq!(app.audit_of(id).await, ["REPO_CREATED"]);
    }
    assert!(!answer.body.to_string().contains("webhookSecret\":"), "no secret is shown: {}", answer.body);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn what_is_registered_already_exists_and_is_not_made_twice() {
    let app = TestApp::start().await;
    let items = vec![github("acme/a"), github("acme/b")];
    let first = import(&app.admin(), items.clone()).await.expect(200);
    let id = |n: usize| first.body["results"][n]["repo"]["id"].clone();
    app.line.take_calls();
    let again = import(&app.admin(), items).await.expect(200);
    assert_eq!(app.line.take_calls(), ["BatchGetItem"], "nothing is tried that is known to be there");
    assert_eq!(counts(&again), [0, 2, 0]);
    for n in 0..2 {
        let exists = json!({"index": n, "status": "exists", "conflictingResourceId": id(n)});
        assert_eq!(again.body["results"][n], exists);
    }
    for (what, item, expected) in [
        (
            "an identity under another name",
            json!({"provider": "github", "name": "other", "externalId": "ACME/a"}),
            json!({"index": 0, "status": "exists", "conflictingResourceId": id(0)}),
        ),
        (
            "a name of one and the identity of another",
            json!({"provider": "github", "name": "acme/a", "externalId": "acme/b"}),
            json!({"index": 0, "status": "exists", "conflictingResourceId": id(1)}),
        ),
        (
            "a name of another identity",
            json!({"provider": "github", "name": "Acme/A", "externalId": "acme/c"}),
            json!({
                "index": 0, "status": "failed", "code": "REPO_NAME_TAKEN", "conflictingResourceId": id(0),
                "message": "another repository of the namespace has this name",
            }),
        ),
        (
            "a name without any identity",
            json!({"provider": "github", "name": "acme/a"}),
            json!({
                "index": 0, "status": "failed", "code": "REPO_NAME_TAKEN", "conflictingResourceId": id(0),
                "message": "another repository of the namespace has this name",
            }),
        ),
    ] {
        let answer = import(&app.admin(), vec![item]).await.expect(200);
        assert_eq!(answer.body["results"][0], expected, "{what}");
    }
    assert_eq!(names(&app).await, ["acme/a", "acme/b"]);
}

#[tokio::test]
async fn of_items_that_claim_the_same_the_first_in_the_list_is_registered() {
    let app = TestApp::start().await;
    let same = |name: &str| json!({"provider": "github", "name": name, "externalId": "acme/a"});
    let items = vec![
        same("first"),
        same("second"),
        github("acme/b"),
        same("third"),
        json!({"provider": "gitlab", "name": "FIRST"}),
    ];
    let answer = import(&app.admin(), items).await.expect(200);
    assert_eq!(statuses(&answer), ["created", "exists", "created", "exists", "failed"]);
    let first = &answer.body["results"][0]["repo"]["id"];
    for n in [1, 3, 4] {
        assert_eq!(&answer.body["results"][n]["conflictingResourceId"], first);
    }
    assert_eq!(answer.body["results"][4]["code"], "REPO_NAME_TAKEN");
    assert_eq!(names(&app).await, ["acme/b", "first"]);
}

#[tokio::test]
async fn a_wrong_item_names_its_fields_and_stops_no_other() {
    let app = TestApp::start().await;
    let many: serde_json::Map<String, Value> = (0..2_000).map(|n| (format!("field{n}"), json!(n))).collect();
    let items = json!([
        github("acme/a"),
        {"provider": "svn", "colour": "red"},
        {"provider": "github", "name": "b", "webhookSecret": "chosen"},
        {"provider": "github", "name": "c", "webhookVerification": "off"},
        many,
        7,
        github("acme/z"),
    ]);
    let answer = import(&app.admin(), items).await.expect(200);
    assert_eq!(counts(&answer), [2, 0, 5]);
    let pointers = |n: usize| -> Vec<&str> {
        let errors = answer.body["results"][n]["errors"].as_array().expect("errors").iter();
        errors.map(|error| error["pointer"].as_str().expect("a pointer")).collect()
    };
    assert_eq!(pointers(1), ["/repositories/1/provider", "/repositories/1/name", "/repositories/1/colour"]);
    assert_eq!(answer.body["results"][1]["message"], "provider must be gitlab, github or git");
    assert_eq!(pointers(2), ["/repositories/2/webhookSecret"]);
    assert_eq!(pointers(3), ["/repositories/3/webhookVerification"]);
    assert!(pointers(4).len() < 100 && pointers(4).last() == Some(&"/repositories/4"), "long lists end with a count");
    assert_eq!(pointers(5)[0], "/repositories/5");
    assert_eq!(names(&app).await, ["acme/a", "acme/z"]);
}

#[tokio::test]
async fn a_wrong_list_is_refused_as_a_whole() {
    let app = TestApp::start().await;
    let item = github("acme/a");
    for (body, wrong) in [
        (json!({}), vec!["/repositories"]),
        (json!([item]), vec!["", "/repositories"]),
        (json!({"repositories": []}), vec!["/repositories"]),
        (json!({"repositories": vec![item.clone(); 101]}), vec!["/repositories"]),
        (json!({"repositories": "acme/a"}), vec!["/repositories"]),
        (json!({"repositories": [item], "dryRun": true}), vec!["/dryRun"]),
    ] {
        let refused = app.admin().once("k").post(IMPORT, body).await.expect(400);
        assert_eq!(refused.wrong_fields(), wrong);
    }
    assert!(names(&app).await.is_empty());
}

#[tokio::test]
async fn who_may_not_register_may_not_import() {
    let app = TestApp::start().await;
    let reader = app.admin().token(json!({"name": "r", "scopes": ["repos:read"]})).await;
    let refused = import(&app.client(reader), vec![github("acme/a")]).await.expect(403);
    assert_eq!(refused.text("/code"), "PAT_SCOPE_INSUFFICIENT");
    import(&app.anonymous(), vec![github("acme/a")]).await.expect(401);

    let other = app.tenant("globex").await;
    app.admin().patch(&format!("/api/tenants/{}", other.id), json!({"suspended": true})).await.expect(200);
    let refused = import(&other.client, vec![github("acme/a")]).await.expect(403);
    assert_eq!(refused.text("/code"), "TENANT_SUSPENDED");
    assert!(names(&app).await.is_empty());
}

#[tokio::test]
async fn a_repeat_with_its_key_is_answered_alike() {
    let app = TestApp::start().await;
    let items = json!([github("acme/a"), {"provider": "svn"}, github("acme/b")]);
    let first = import(&app.admin().once("k"), items.clone()).await.expect(200);
    let again = import(&app.second_instance().admin().once("k"), items).await.expect(200);
    assert!(again.is_replayed() && !first.is_replayed());
    assert_eq!(again.body, first.body);
    let other = import(&app.admin().once("k"), vec![github("acme/c")]).await.expect(409);
    assert_eq!(other.text("/code"), "IDEMPOTENCY_KEY_CONFLICT");
    assert_eq!(names(&app).await, ["acme/a", "acme/b"]);
}

#[tokio::test]
async fn the_longest_answers_can_be_kept() {
    let app = TestApp::start().await;
    let long = |n: usize| {
        let text = "ä\"\\".repeat(800);
        let path = "p".repeat(1_900);
        json!({
            "provider": "github", "name": format!("{n}{}", "\"".repeat(250)), "externalId": format!("{n}{}", "\\".repeat(500)),
            "remoteUrl": format!("https://git.example.com/{n}/{path}"), "description": text,
        })
    };
    let items: Vec<Value> = (0..100).map(long).collect();
    let first = import(&app.admin().once("k"), items.clone()).await.expect(200);
    assert_eq!(counts(&first), [100, 0, 0]);
    let head = first.body["results"][99]["repo"].as_object().expect("a view").keys().cloned().collect::<Vec<_>>();
    assert_eq!(head, ["id", "name", "namespace", "number", "provider"]);
    let again = import(&app.admin().once("k"), items).await.expect(200);
    assert!(again.is_replayed());
    assert_eq!(again.body, first.body);

    let wrong: Vec<Value> = (0..100).map(|n| json!({"n".repeat(2_500): n, "m".repeat(1_500): n})).collect();
    let first = import(&app.admin().once("wrong"), wrong.clone()).await.expect(200);
    assert_eq!(counts(&first), [0, 0, 100]);
    assert_eq!(import(&app.admin().once("wrong"), wrong).await.expect(200).body, first.body);
}

#[tokio::test(start_paused = true)]
async fn two_imports_of_one_list_at_a_time_make_each_once() {
    let app = TestApp::start().await;
    let second = second_of(&app).await;
    let items: Vec<Value> = (0..20).map(|n| github(&format!("acme/{n}"))).collect();
    let answers = at_once([&app, &second, &app, &second].map(|app| {
        let (client, items) = (app.admin(), items.clone());
        async move { import(&client, items).await.expect(200) }
    }))
    .await;
    assert_eq!(answers.iter().map(|answer| counts(answer)[0]).sum::<u64>(), 20);
    assert_eq!(answers.iter().map(|answer| counts(answer)[1]).sum::<u64>(), 60);
    for n in 0..20 {
        let made = answers.iter().find_map(|answer| answer.body["results"][n]["repo"]["id"].as_str()).expect("made");
        let others = answers.iter().filter_map(|answer| answer.body["results"][n]["conflictingResourceId"].as_str());
        assert_eq!(others.collect::<Vec<_>>(), [made; 3]);
    }
    assert_eq!(names(&app).await.len(), 20);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test(start_paused = true)]
async fn storage_that_fails_one_item_fails_no_other() {
    let app = TestApp::start().await;
    let items: Vec<Value> = (0..10).map(|n| github(&format!("acme/{n}"))).collect();
    import(&app.admin(), vec![github("acme/warm")]).await.expect(200);
    let down = |target: &str, from, times| {
        let target = format!("DynamoDB_20120810.{target}");
        app.line.set_fault(Some(FaultPlan { target, from, times, fault: Fault::Down }));
    };
    // A client tries a call three times: more are broken than the items left can bear.
    down("TransactWriteItems", 2, 24);
    let answer = import(&app.admin(), items.clone()).await.expect(200);
    app.line.set_fault(None);
    let [made, _, failed] = counts(&answer);
    assert!(made > 0 && failed > 0, "{}", answer.body);
    for result in answer.body["results"].as_array().expect("results").iter().filter(|row| row["status"] == "failed") {
        assert_eq!(result["code"], "UNAVAILABLE");
        assert!(result["message"].as_str().is_some_and(|text| text.contains("table")), "{result}");
    }
    let rest = import(&app.admin(), items).await.expect(200);
    assert_eq!(counts(&rest), [failed, made, 0]);
}

#[tokio::test(start_paused = true)]
async fn storage_that_fails_every_item_is_the_answer_of_one() {
    for target in ["TransactWriteItems", "BatchGetItem", "UpdateItem"] {
        let app = TestApp::start().await;
        import(&app.admin(), vec![github("acme/warm")]).await.expect(200);
        let target = format!("DynamoDB_20120810.{target}");
        app.line.set_fault(Some(FaultPlan { target: target.clone(), from: 0, times: usize::MAX, fault: Fault::Down }));
        let items = vec![github("acme/a"), github("acme/b")];
        let failed = import(&app.admin().once("k"), items.clone()).await.expect(503);
        assert_eq!(failed.text("/code"), "UNAVAILABLE", "{target}");
        assert!(failed.headers.contains_key("retry-after"));
        app.line.set_fault(None);
        let answer = import(&app.admin().once("k"), items).await.expect(200);
        assert_eq!(counts(&answer), [2, 0, 0], "{target}: the key is free again");
    }
}

/// Anything that JSON can say, often with the members of a repository.
fn garbage() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        prop::sample::select(vec!["github", "gitlab", "git", "on", "off", "acme/a", "https://h/a"])
            .prop_map(Value::from),
    ];
    let members = [
        "provider",
        "name",
        "namespace",
        "externalId",
        "apiBaseUrl",
        "remoteUrl",
        "description",
        "metadata",
        "branches",
        "timezone",
        "retentionDays",
        "webhookSecret",
        "webhookVerification",
        "skillDefaults",
        "~/",
    ];
    leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(prop::sample::select(members.to_vec()), inner, 0..8)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

#[tokio::test]
async fn any_list_is_answered_item_by_item() {
    let app = TestApp::start().await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let mut items = prop::collection::vec(garbage(), 1..8).new_tree(&mut runner).expect("a list").current();
        items.insert(items.len() / 2, github("acme/good"));
        let answer = import(&app.admin(), items.clone()).await.expect(200);
        assert_eq!(statuses(&answer).len(), items.len());
        assert_eq!(counts(&answer).iter().sum::<u64>(), items.len() as u64);
        let good = &answer.body["results"][(items.len() - 1) / 2];
        assert_ne!(good["status"], "failed", "{good}");
        for result in answer.body["results"].as_array().expect("results") {
            let own = format!("/repositories/{}", result["index"]);
            let errors = result["errors"].as_array().into_iter().flatten();
            for error in errors {
                assert!(error["pointer"].as_str().is_some_and(|pointer| pointer.starts_with(&own)), "{error}");
            }
        }
    }
    consistency::check(&app.items().await).expect("consistent");
}

/// A provider that lists two repositories.
async fn listing() -> (TestApp, String) {
    let rows = json!([
        {"id": 41, "full_name": "acme/a", "private": false, "visibility": "public", "archived": false, "default_branch": "main",
         "html_url": "https://h/acme/a", "clone_url": "https://h/acme/a.git"},
        {"id": 42, "full_name": "acme/b", "private": false, "visibility": "public", "archived": false, "default_branch": "main",
         "html_url": "https://h/acme/b", "clone_url": "https://h/acme/b.git"},
    ]);
    let router = Router::new().route("/github/api/v3/user/repos", get(async move || Json(rows)));
    let double = ProviderDouble::serving(router).await;
    let (base, site) = (double.github(), double.origin().replace("http:", "https:"));
    let app = TestApp::on(Line::to(Engines::memory().expect("engines in memory")), Some(double)).await;
    let template = json!({"id": "all", "remark": "all", "token": "t", "urlPrefix": format!("{site}/github/")});
    app.admin().patch("/api/credentials/global", json!({"github": {"profiles": [template]}})).await.expect(200);
    (app, base)
}

async fn listed(client: &Client, base: &str) -> Vec<Value> {
    let path = format!("/api/providers/github/repositories?credentialSource=global&apiBaseUrl={base}");
    let answer = client.get(&path).await.expect(200);
    answer.body["repositories"].as_array().expect("rows").clone()
}

#[tokio::test]
async fn a_providers_list_says_what_is_registered_and_is_imported_as_it_stands() {
    let (app, base) = listing().await;
    let ann = app.person("ann").await;
    let rows = listed(&app.admin(), &base).await;
    assert!(rows.iter().all(|row| row["registered"] == false && row.get("registeredAs").is_none()), "{rows:?}");

    // By its number, as a webhook would fill it in.
    let numbered = json!({"provider": "github", "name": "b", "externalId": "42", "apiBaseUrl": base});
    let numbered = app.admin().post("/api/repos", numbered).await.expect(201).text("/repo/id");
    let registers: Vec<Value> = vec![rows[0]["register"].clone()];
    let made = import(&app.admin(), registers).await.expect(200);
    let rows = listed(&app.admin(), &base).await;
    assert_eq!(rows[0]["registeredAs"], made.body["results"][0]["repo"]["id"]);
    assert_eq!(rows[1]["registeredAs"], numbered);
    for row in listed(&ann.client, &base).await {
        assert_eq!(row["registered"], true);
        assert!(row.get("registeredAs").is_none(), "who sees only their own is not told which: {row}");
    }
}
