//! `GET /api/repos/:id/skills` and `…/:skillId`.

use repoplane_domain::skill::{MAX_FRONT_MATTER_BYTES, ManualSkill};
use repoplane_store::{Place, SkillFilter};
use repoplane_tests::{Branch, Client, Hook, TestApp};
use serde_json::{Value, json};
use std::time::Duration;

async fn walk(client: &Client, hook: &Hook, query: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for _ in 0..100 {
        let page = client.get(&format!("{}/skills?{query}&cursor={cursor}", hook.path)).await.expect(200).body;
        all.extend(page["skills"].as_array().expect("a list").clone());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return all,
        }
    }
    panic!("the walk does not end");
}

fn names(skills: &[Value]) -> Vec<&str> {
    skills.iter().map(|skill| skill["name"].as_str().unwrap_or("-")).collect()
}

/// Two good skills, a bad folder, then one that is escalated, then one by hand; each a second after the one before.
async fn stocked(app: &TestApp) -> Hook {
    let hook = Hook::github(app).await;
    let mut branch = Branch::default().good("one", "", &[]);
    app.catalogue(&hook.repo, &branch).await;
    for step in 0..3 {
        app.clock.advance(Duration::from_secs(1));
        branch = match step {
            0 => branch.good("tools/two", "license: MIT\nmetadata: {team: ops}\n", &[]),
            1 => branch.with("bad", "# no front matter\n", &[]),
            _ => branch.good("three", "allowed-tools: Bash\n", &["scripts/run.sh"]),
        };
        app.catalogue(&hook.repo, &branch).await;
    }
    app.clock.advance(Duration::from_secs(1));
    by_hand(app, &hook, "four").await;
    hook
}

async fn by_hand(app: &TestApp, hook: &Hook, name: &str) {
    let said = ManualSkill { name: name.to_owned(), ..ManualSkill::default() };
    super::manual::create(app, &app.admin_principal().await, hook, said).await.expect("created");
}

#[tokio::test]
async fn the_latest_come_first_and_filters_choose() {
    let app = TestApp::start().await;
    let hook = stocked(&app).await;
    for (query, expected) in [
        ("", vec!["four", "three", "-", "two", "one"]),
        ("source=manual", vec!["four"]),
        ("source=discovered", vec!["three", "-", "two", "one"]),
        ("status=ok", vec!["four", "two", "one"]),
        ("status=invalid", vec!["-"]),
        ("status=escalated", vec!["three"]),
        ("status=escalated&source=manual", vec![]),
        ("status=&source=", vec!["four", "three", "-", "two", "one"]),
    ] {
        for limit in [1, 2, 50] {
            let found = walk(&app.admin(), &hook, &format!("{query}&limit={limit}")).await;
            assert_eq!(names(&found), expected, "{query} limit {limit}");
        }
    }
}

#[tokio::test]
async fn wrong_values_are_named_all_at_once_and_cursors_bound() {
    let app = TestApp::start().await;
    let hook = stocked(&app).await;
    let path = format!("{}/skills", hook.path);
    let refused = app.admin().get(&format!("{path}?status=good&source=git")).await.expect(400);
    let mut fields = refused.wrong_fields();
    fields.sort();
    assert_eq!(fields, ["?source", "?status"]);
    let cursor = app.admin().get(&format!("{path}?limit=1")).await.expect(200).text("/nextCursor");
    let refused = app.admin().get(&format!("{path}?status=ok&cursor={cursor}")).await.expect(400);
    assert_eq!(refused.text("/code"), "INVALID_CURSOR");
    let other = Hook::register(&app, "github", json!({"name": "acme/other"})).await;
    app.admin().get(&format!("{}/skills?cursor={cursor}", other.path)).await.expect(400);
}

#[tokio::test]
async fn a_skill_shows_what_its_folder_says() {
    let app = TestApp::start().await;
    let hook = stocked(&app).await;
    let all = walk(&app.admin(), &hook, "").await;
    for listed in &all {
        let id = listed["id"].as_str().expect("an id");
        let one = app.admin().get(&format!("{}/skills/{id}", hook.path)).await.expect(200);
        assert_eq!(one.body["skill"], *listed);
        assert_eq!(listed["repoId"], json!(hook.repo));
    }
    let [four, three, bad, two, _] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((&two["path"], &two["license"]), (&json!("tools/two/SKILL.md"), &json!("MIT")));
    assert_eq!((&two["metadata"], &two["description"]), (&json!({"team": "ops"}), &json!("Does two.")));
    assert_eq!(two["accepted"]["version"], two["version"]);
    assert_eq!(two.get("escalation"), None);
    assert_eq!(three["scripts"], json!(["scripts/run.sh"]));
    assert_eq!(three["escalation"]["allowedTools"], json!(["Bash"]));
    assert_eq!(three.get("accepted"), None);
    let lint = json!([{
        "code": "front-matter-missing", "line": 1,
        "message": "the file must begin with front matter: YAML between two lines of ---",
    }]);
    assert_eq!((&bad["lint"], &bad["path"], bad.get("version")), (&lint, &json!("bad/SKILL.md"), None));
    assert_eq!((&four["source"], &four["status"], four.get("path")), (&json!("manual"), &json!("ok"), None));
}

#[tokio::test]
async fn members_look_and_strangers_do_not() {
    let app = TestApp::start().await;
    let hook = stocked(&app).await;
    let mia = app.member(&hook.repo, "mia", "member").await;
    let id = walk(&mia.client, &hook, "").await[0]["id"].as_str().expect("an id").to_owned();
    let (list, one) = (format!("{}/skills", hook.path), format!("{}/skills/{id}", hook.path));
    mia.client.get(&one).await.expect(200);
    let sam = app.person("sam").await;
    sam.client.get(&list).await.expect(403);
    sam.client.get(&one).await.expect(403);
    let other = app.tenant("other").await;
    other.client.get(&list).await.expect(404);
    assert_eq!(other.client.get(&one).await.expect(404).text("/message"), "Repo not found");
    let elsewhere = Hook::register(&app, "github", json!({"name": "acme/other"})).await;
    let missing = app.admin().get(&format!("{}/skills/{id}", elsewhere.path)).await.expect(404);
    assert_eq!(missing.text("/message"), "Skill not found");
}

#[tokio::test]
async fn pages_go_both_ways_and_without_what_was_never_good() {
    let app = TestApp::start().await;
    let hook = stocked(&app).await;
    let id = hook.repo.parse().expect("an id");
    let filter = SkillFilter { counted: true, ..SkillFilter::default() };
    let page = async |from, limit| app.store().skills(id, &filter, from, limit, app.app().now()).await.expect("a page");
    let names = |page: &repoplane_store::SkillPage| -> Vec<String> {
        page.skills.iter().map(|skill| skill.name.clone().expect("a name")).collect()
    };
    let all = page(None, 10).await;
    assert_eq!((names(&all), all.next), (["four", "three", "two", "one"].map(str::to_owned).to_vec(), None));
    let ids: Vec<_> = all.skills.iter().map(|skill| skill.id).collect();
    for at in 0..ids.len() {
        for limit in 1..=4 {
            let after = page(Some(Place::After(ids[at])), limit).await;
            let (rest, shown) = (ids.len() - at - 1, after.skills.len());
            assert_eq!((shown, after.next.is_some()), (rest.min(limit), rest > limit), "after {at} limit {limit}");
            assert_eq!(after.skills, all.skills[at + 1..][..shown]);
            let before = page(Some(Place::Before(ids[at])), limit).await;
            let shown = before.skills.len();
            assert_eq!((shown, before.next.is_some()), (at.min(limit), at > limit), "before {at} limit {limit}");
            assert_eq!(before.skills, all.skills[at - shown..at], "those right before it, newest first");
            assert!(before.next.is_none() || before.next == before.skills.first().map(|skill| skill.id));
        }
    }
}

#[tokio::test]
async fn an_answer_stays_small_however_large_the_skills_are() {
    let app = TestApp::start().await;
    let hook = Hook::github(&app).await;
    let notes: String = (0..50).map(|n| format!("  k{n}: {}\n", "v".repeat(500))).collect();
    let branch = (0..150)
        .fold(Branch::default(), |branch, n| branch.good(&format!("s{n}"), &format!("metadata:\n{notes}"), &[]));
    assert!(notes.len() < MAX_FRONT_MATTER_BYTES);
    app.catalogue(&hook.repo, &branch).await;
    let first = app.admin().get(&format!("{}/skills?limit=200", hook.path)).await.expect(200);
    assert!(first.bytes.len() < 4 * 1024 * 1024 && first.body["nextCursor"].is_string(), "{}", first.bytes.len());
    let all = walk(&app.admin(), &hook, "limit=200").await;
    let distinct: std::collections::BTreeSet<_> = names(&all).into_iter().collect();
    assert_eq!((all.len(), distinct.len()), (150, 150));
}
