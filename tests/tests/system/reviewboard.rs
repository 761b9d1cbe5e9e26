//! Review Board's API: its clients' calls against the real router (contract: reviewboard).

mod access;
mod comparison;
mod differences;
mod recording;
mod recordings;
mod sessions;
mod stage;
mod verification;
mod writes;

use repoplane_tests::{Answer, Client, Event, TestApp};
use serde_json::Value;

const LIST: &str = "/api/repositories/";

fn form(method: &str, target: &str, fields: &[(&str, &str)]) -> Event {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Event::new(method, target).header("content-type", "application/x-www-form-urlencoded").body(body)
}

async fn post(client: &Client, fields: &[(&str, &str)]) -> Answer {
    client.send(form("POST", LIST, &[&[("tool", "Git")], fields].concat())).await
}

async fn put(client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    client.send(form("PUT", path, fields)).await
}

fn path_of(answer: &Answer) -> String {
    format!("{LIST}{}/", answer.body["repository"]["id"])
}

/// A repository that is not asked for, since lists do not show it.
async fn hidden(app: &TestApp, name: &str) -> String {
    let url = format!("https://git.example.com/{name}.git");
    path_of(&post(&app.admin(), &[("name", name), ("path", &url), ("visible", "0")]).await.expect(201))
}

fn code(answer: &Answer) -> u64 {
    answer.body["err"]["code"].as_u64().unwrap_or_default()
}

/// Status and code of a refusal.
fn refusal(answer: &Answer) -> (u16, u64) {
    (answer.status.as_u16(), code(answer))
}

fn names(answer: &Answer) -> Vec<String> {
    let rows = answer.body["repositories"].as_array().into_iter().flatten();
    rows.map(|row| row["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The native record of one.
async fn native(app: &TestApp, path: &str) -> Value {
    let number: u64 =
        path.trim_end_matches('/').rsplit('/').next().and_then(|text| text.parse().ok()).expect("a number");
    let listed = app.admin().get("/api/repos?archived=all").await.expect(200);
    let rows = listed.body["repos"].as_array().expect("a list").iter();
    rows.clone().find(|row| row["number"] == number).expect("the record").clone()
}
