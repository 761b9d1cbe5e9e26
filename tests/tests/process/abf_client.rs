//! ABF's console client, replayed over HTTP: its requests in its order, with its headers (contract: abf 8.1).

use crate::server::Server;
use base64::Engine as _;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

/// An answer as the client reads it.
struct Answer {
    status: u16,
    tag: Option<String>,
    body: Value,
}

/// A caller with a user's token as its password.
struct Client<'a> {
    base: &'a str,
    login: &'a str,
    password: &'a str,
}

impl Client<'_> {
    /// Sends a request with exactly the client's headers; `tag` is that of an answer which it has.
    fn send(&self, method: &str, target: &str, body: &Value, tag: Option<&str>) -> Answer {
        let host = self.base.trim_start_matches("http://").trim_end_matches('/');
        let login = format!("{}:{}", self.login, self.password);
        let login = base64::engine::general_purpose::STANDARD.encode(login);
        let mut request = format!(
            "{method} {target} HTTP/1.1\r\nAccept-Encoding: identity\r\nHost: {host}\r\nUser-Agent: Python-urllib/3.11\r\n\
             Authorization: Basic {login}\r\nConnection: close\r\n"
        );
        if let Some(tag) = tag {
            request += &format!("If-None-Match: {tag}\r\n");
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        if !body.is_empty() {
            request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        let mut stream = TcpStream::connect(host).expect("the server");
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let header = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("etag").then(|| value.to_owned())
        };
        // One chunk, if it comes in chunks.
        let start = body.find(['{', '[']).unwrap_or(body.len());
        let end = body.rfind(['}', ']']).map_or(start, |end| end + 1);
        let tag = head.lines().find_map(header);
        Answer { status, tag, body: serde_json::from_str(&body[start..end]).unwrap_or(Value::Null) }
    }

    /// What the client does with an answer: without a tag it ends in a type error, and some messages end it as well.
    fn ask(&self, method: &str, target: &str, body: &Value) -> Value {
        let answer = self.send(method, target, body, None);
        assert_eq!(answer.status, 200, "{method} {target}: {}", answer.body);
        let tag = answer.tag.unwrap_or_else(|| panic!("{method} {target}: no tag"));
        assert!(answer.body.get("message").is_none() && answer.body.get("error").is_none(), "{}", answer.body);
        if method == "GET" {
            let again = self.send(method, target, &Value::Null, Some(&tag));
            assert_eq!((again.status, again.body), (304, Value::Null), "{target}");
        }
        answer.body
    }

    fn get(&self, target: &str) -> Value {
        self.ask("GET", target, &Value::Null)
    }

    /// What `abf add` and `abf remove` ask before they change anything: the repository and the project.
    fn look_up(&self, platform: &str, repository: &str, owner: &str, project: &str) -> (u64, u64) {
        let found = self.get(&format!("/api/v1/search.json?type=platforms&query={platform}&per_page=100"));
        let platforms = found["results"]["platforms"].as_array().expect("platforms").clone();
        let id = |row: &Value| row["id"].as_u64().expect("an id");
        let platform = platforms.iter().find(|row| row["name"] == platform).map(id).expect("the platform");
        let shown = self.get(&format!("/api/v1/platforms/{platform}.json"))["platform"].clone();
        for field in ["created_at", "updated_at", "released", "visibility", "platform_type", "distrib_type"] {
            assert!(!shown[field].is_null(), "{field}: {shown}");
        }
        assert!(shown["owner"]["id"].is_u64(), "{shown}");
        let rows = shown["repositories"].as_array().expect("repositories");
        let repository = rows.iter().find(|row| row["name"] == repository).map(id).expect("the repository");
        let project = id(&self.get(&format!("/api/v1/projects/get_id.json?name={project}&owner={owner}"))["project"]);
        let shown = self.get(&format!("/api/v1/projects/{project}.json"))["project"].clone();
        assert_eq!(shown["owner"]["uname"], owner);
        (repository, project)
    }

    /// The numbers of a repository's projects: pages until one is empty, as `-f 'page=*'` does.
    fn projects(&self, repository: u64) -> Vec<u64> {
        let mut all = Vec::new();
        for page in 1.. {
            let path = format!("/api/v1/repositories/{repository}/projects.json?page={page}&per_page=100");
            let listed = self.get(&path);
            let rows = listed["repository"]["projects"].as_array().expect("projects").clone();
            if rows.is_empty() {
                break;
            }
            all.extend(rows.iter().map(|row| row["id"].as_u64().expect("an id")));
        }
        all
    }
}

#[test]
fn the_console_client_adds_removes_and_informs() {
    let server = Server::start(&["--memory"], None);
    let client = Client { base: &server.base, login: "admin", password: &server.token };
    let made = |path: &str, body: Value| client.send("POST", path, &body, None);
    assert_eq!(made("/api/platforms", json!({"name": "cooker"})).status, 201);
    let platform = made("/api/platforms", json!({"name": "rosa"})).body["platform"]["number"].clone();
    let owner = client.send("GET", "/api/me", &Value::Null, None).body["user"]["username"].clone();
    let owner = owner.as_str().unwrap_or("admin").to_owned();
    let body = json!({"repository": {"platform_id": platform, "name": "main", "description": "packages"}});
    assert_eq!(made("/api/v1/repositories.json", body).status, 200);
    assert_eq!(made("/api/projects", json!({"name": "bash"})).status, 201);

    // abf add rosa/main -p admin/bash
    let (repository, project) = client.look_up("rosa", "main", &owner, "bash");
    assert!(client.projects(repository).is_empty());
    let path = format!("/api/v1/repositories/{repository}/add_project.json");
    let added = client.ask("PUT", &path, &json!({"project_id": project}));
    let message = added["repository"]["message"].as_str().expect("a message");
    assert!(!message.contains("error"), "{message}");
    assert_eq!(client.projects(repository), [project]);
    // Again: the client knows a failure by the word in the message.
    let again = client.send("PUT", &path, &json!({"project_id": project}), None);
    assert_eq!(again.status, 422);
    assert!(again.body["repository"]["message"].as_str().is_some_and(|text| text.contains("error")), "{}", again.body);
    assert_eq!(client.projects(repository), [project]);

    // abf info repositories -o id name description publish_without_qa platform
    let listed = client.get("/api/v1/platforms.json?page=1&per_page=100");
    let mut known = Vec::new();
    for platform in listed["platforms"].as_array().expect("platforms") {
        assert!(platform["owner"]["id"].is_u64(), "{platform}");
        for row in platform["repositories"].as_array().expect("repositories") {
            let shown = client.get(&format!("/api/v1/repositories/{}.json", row["id"]))["repository"].clone();
            for field in ["id", "name", "created_at", "updated_at", "description", "publish_without_qa"] {
                assert!(!shown[field].is_null(), "{field}: {shown}");
            }
            assert!(shown["platform"]["id"].is_u64() && shown["platform"]["name"].is_string(), "{shown}");
            known.push(shown["id"].as_u64().expect("an id"));
        }
    }
    assert!(known.contains(&repository), "{known:?}");

    // abf remove rosa/main -p admin/bash
    let (repository, project) = client.look_up("rosa", "main", &owner, "bash");
    let path = format!("/api/v1/repositories/{repository}/remove_project.json");
    client.ask("DELETE", &path, &json!({"project_id": project}));
    assert!(client.projects(repository).is_empty());

    let stranger = Client { password: "wrong", ..client };
    let refused = stranger.send("GET", "/api/v1/platforms.json", &Value::Null, None);
    assert_eq!((refused.status, refused.body), (401, json!({"error": "Invalid email or password."})));
}
