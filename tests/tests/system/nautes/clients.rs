//! The requests of both versions of the command-line client, byte by byte over a socket (contract: nautes 11).

use super::{DEMO, Host};
use repoplane_tests::ADMIN_TOKEN;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Status and body of one request, with the headers that both versions send.
async fn ask(at: SocketAddr, method: &str, target: &str, body: Option<&Value>) -> (u16, Value) {
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {at}\r\nUser-Agent: Go-http-client/1.1\r\n{length}\
         Authorization: Bearer {ADMIN_TOKEN}\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n\
         Connection: close\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(at).await.expect("the server listens");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers");
    let text = String::from_utf8(answer).expect("a plain answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
}

/// What the older version sends to save a repository.
fn older() -> Value {
    json!({
        "product": "demo", "name": "web", "project": "shop", "deployment_runtime": false, "pipeline_runtime": true,
        "webhook": {"events": ["push_events"]},
        "git": {"gitlab": {"name": "web", "path": "web", "visibility": "private", "description": "front end"}},
    })
}

/// The same of the newer one, which knows another name for the pipeline flag in its files.
fn newer() -> Value {
    let mut body = older();
    body["pipeline_runtime"] = json!(false);
    body["git"]["gitlab"]["ssh_url_to_repo"] = json!("");
    body["git"]["gitlab"]["http_url_to_repo"] = json!("");
    body
}

/// What the newer one sends along when it only looks.
fn looking(name: &str) -> Value {
    json!({
        "name": name, "product": "demo", "project": "", "git": null, "webhook": null,
        "deployment_runtime": false, "pipeline_runtime": false,
    })
}

#[tokio::test]
async fn the_older_client_applies_and_removes() {
    let host = Host::new().await;
    let at = host.app.listen().await;
    let web = format!("{DEMO}/coderepos/web");
    assert_eq!(ask(at, "POST", &web, Some(&older())).await.0, 200, "apply");
    assert_eq!(host.shown("web").await["pipeline_runtime"], true);
    assert_eq!(ask(at, "POST", &web, Some(&older())).await.0, 200, "apply again");
    let mut unknown = older();
    unknown["project"] = json!("later");
    assert_eq!(ask(at, "POST", &web, Some(&unknown)).await.0, 400);
    let skipped = format!("{web}?insecure_skip_check=true");
    assert_eq!(ask(at, "POST", &skipped, Some(&unknown)).await.0, 200, "apply -i");
    assert_eq!(host.shown("web").await["project"], "later");
    assert_eq!(ask(at, "DELETE", &web, None).await.0, 200, "remove");
    assert_eq!(ask(at, "DELETE", &skipped, None).await.0, 200, "remove -i, again");
    assert_eq!(ask(at, "GET", &web, None).await.1["reason"], "PROJECT_NOT_FOUND");
    host.check().await;
}

#[tokio::test]
async fn the_newer_client_applies_gets_and_deletes() {
    let host = Host::new().await;
    let at = host.app.listen().await;
    let web = format!("{DEMO}/coderepos/web");
    let list = format!("{DEMO}/coderepos/");
    assert_eq!(ask(at, "GET", &list, Some(&looking(""))).await, (200, json!({"items": []})), "get cr");
    assert_eq!(ask(at, "POST", &web, Some(&newer())).await.0, 200, "apply");
    let (status, listed) = ask(at, "GET", &list, Some(&looking(""))).await;
    assert_eq!((status, &listed["items"][0]["name"]), (200, &json!("web")), "get cr");
    let (status, shown) = ask(at, "GET", &web, Some(&looking("web"))).await;
    assert_eq!((status, &shown), (200, &listed["items"][0]), "get cr web");
    assert_eq!(shown["pipeline_runtime"], false);
    // It keeps the slash at the end of its server's address.
    let (status, doubled) = ask(at, "GET", &format!("/{web}"), Some(&looking("web"))).await;
    assert_eq!((status, &doubled), (200, &shown), "a doubled slash");
    let (status, doubled) = ask(at, "GET", &format!("/{list}"), Some(&looking(""))).await;
    assert_eq!((status, &doubled), (200, &listed), "doubled and trailing slashes");
    assert_eq!(ask(at, "DELETE", &format!("/{web}"), None).await.0, 200, "delete cr web -y");
    assert_eq!(ask(at, "GET", &web, Some(&looking("web"))).await.0, 404);
    host.check().await;
}
