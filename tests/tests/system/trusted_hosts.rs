//! `/api/trusted-hosts`: hosts that the tenant's administrators trust by themselves.

use crate::repos::at_once;
use repoplane_domain::trusted_host::{HostIdentity, HostPort, MAX_TRUSTED_HOSTS};
use repoplane_tests::{TestApp, consistency};
use serde_json::{Value, json};

const PATH: &str = "/api/trusted-hosts";
/// github.com (GitHub: "GitHub's SSH key fingerprints").
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const FINGERPRINT: &str = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU";

fn certificate(digit: &str) -> Value {
    json!({"certificateSha256": digit.repeat(64)})
}

#[tokio::test]
async fn a_host_is_trusted_shown_replaced_and_forgotten() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let me = admin.get("/api/me").await.expect(200).text("/principal/username");
    let path = format!("{PATH}/git.example.com:22");
    let commented = format!("{KEY} git@example.com");
    let known = admin.put(&path, json!({"key": commented})).await.expect(200);
    let host = &known.body["host"];
    let at = host["trustedAt"].clone();
    let expected = json!({
        "host": "git.example.com:22", "kind": "ssh_key", "key": KEY, "fingerprint": FINGERPRINT, "trustedBy": me,
        "trustedAt": at,
    });
    assert!(at.is_string());
    assert_eq!(*host, expected);
    assert_eq!(admin.get(&path).await.expect(200).body["host"], expected);
    assert_eq!(admin.get(PATH).await.expect(200).body, json!({"hosts": [expected]}));

    let replaced = admin.put(&path, certificate("A")).await.expect(200);
    let host = &replaced.body["host"];
    assert_eq!((&host["kind"], &host["certificateSha256"]), (&json!("certificate"), &json!("a".repeat(64))));
    assert!(host.get("key").is_none() && host.get("fingerprint").is_none(), "{host}");
    assert_eq!(admin.get(PATH).await.expect(200).body["hosts"], json!([host]));
    consistency::check(&app.items().await).expect("consistent");

    assert_eq!(admin.delete(&path).await.expect(200).body, json!({"ok": true}));
    admin.get(&path).await.expect(404);
    admin.delete(&path).await.expect(404);
    assert_eq!(admin.get(PATH).await.expect(200).body["hosts"], json!([]));
    let audit = admin.get("/api/audit?day=2026-01-20").await.expect(200);
    let told = |action: &str| {
        let entries = audit.body["entries"].as_array().into_iter().flatten();
        entries.filter(|entry| entry["action"] == action && entry["target"] == "git.example.com:22").count()
    };
    assert_eq!((told("HOST_TRUSTED"), told("HOST_FORGOTTEN")), (2, 1), "{}", audit.body);
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn what_is_stated_again_changes_nothing() {
    let app = TestApp::start().await;
    let path = format!("{PATH}/git.example.com:22");
    let first = app.admin().put(&path, json!({"key": KEY})).await.expect(200);
    let boss = app.person_with(json!({"username": "boss", "roles": ["admin"]})).await;
    boss.client.get("/api/me").await.expect(200);
    let before = app.items().await;
    let again = boss.client.put(&path, json!({"key": KEY})).await.expect(200);
    assert_eq!((again.etag(), &again.body), (first.etag(), &first.body));
    assert!(app.items().await == before);
}

#[tokio::test]
async fn a_host_is_one_however_its_path_is_spelt() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for (spellings, host) in [
        (["git.example.com:22", "GIT.Example.com%3A22"], "git.example.com:22"),
        (["[2001:DB8::1]:2222", "%5B2001%3adb8:0::1%5D:2222"], "[2001:db8::1]:2222"),
        (["192.0.2.7:443", "0xC0.0.2.7:443"], "192.0.2.7:443"),
    ] {
        for (digit, spelt) in ["a", "b"].into_iter().zip(spellings) {
            let known = admin.put(&format!("{PATH}/{spelt}"), certificate(digit)).await.expect(200);
            assert_eq!(known.text("/host/host"), host, "{spelt}");
            for read in spellings {
                let read = admin.get(&format!("{PATH}/{read}")).await.expect(200);
                assert_eq!(read.text("/host/certificateSha256"), digit.repeat(64), "{spelt}");
            }
        }
    }
    let names = |answer: &Value| -> Vec<String> {
        let hosts = answer["hosts"].as_array().into_iter().flatten();
        hosts.map(|host| host["host"].as_str().unwrap().to_owned()).collect()
    };
    let expected = ["192.0.2.7:443", "[2001:db8::1]:2222", "git.example.com:22"];
    assert_eq!(names(&admin.get(PATH).await.expect(200).body), expected);
    let (mut found, mut query) = (Vec::new(), "limit=1".to_owned());
    loop {
        let page = admin.get(&format!("{PATH}?{query}")).await.expect(200);
        assert!(names(&page.body).len() == 1, "{}", page.body);
        found.extend(names(&page.body));
        let Some(next) = page.body["nextCursor"].as_str() else { break };
        query = format!("limit=1&cursor={next}");
    }
    assert_eq!(found, expected);
    assert_eq!(admin.get(&format!("{PATH}?cursor=e30")).await.expect(400).text("/code"), "INVALID_CURSOR");
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn what_is_no_host_is_not_there() {
    let app = TestApp::start().await;
    // Notes the first use of the token.
    app.admin().get(PATH).await.expect(200);
    let before = app.items().await;
    let long = format!("{}.example.com:22", "a".repeat(2_000));
    for host in [
        "git.example.com",
        "git.example.com:",
        "git.example.com:0",
        "git.example.com:65536",
        "git.example.com:ssh",
        ":22",
        "a%20b:22",
        "a%2Fb:22",
        "user@git.example.com:22",
        "1.2.3.4.5:22",
        "::1:22x",
        "%00:22",
        "%FF:22",
        &long,
    ] {
        for (method, body) in [("GET", Value::Null), ("PUT", certificate("a")), ("DELETE", Value::Null)] {
            let answer = app.admin().call(method, &format!("{PATH}/{host}"), body).await;
            assert_eq!(answer.status, 404, "{method} {host}: {}", answer.body);
        }
    }
    assert!(app.items().await == before);
}

#[tokio::test]
async fn all_wrong_fields_are_named() {
    let app = TestApp::start().await;
    let path = format!("{PATH}/git.example.com:22");
    for (body, expected) in [
        (json!({}), vec!["/key"]),
        (json!({"key": "ssh-ed25519 AAAA", "name": "x"}), vec!["/key", "/name"]),
        (json!({"key": format!("git.example.com {KEY}")}), vec!["/key"]),
        (json!({"key": KEY, "certificateSha256": "a".repeat(64)}), vec!["/certificateSha256"]),
        (json!({"key": null, "certificateSha256": "a".repeat(63)}), vec!["/key", "/certificateSha256"]),
    ] {
        assert_eq!(app.admin().put(&path, body.clone()).await.expect(400).wrong_fields(), expected, "{body}");
    }
    app.admin().get(&path).await.expect(404);
}

#[tokio::test]
async fn a_tag_of_what_is_not_there_or_is_not_so_any_more_trusts_nobody() {
    let app = TestApp::start().await;
    let path = format!("{PATH}/git.example.com:22");
    for tag in ["*", "\"0.abc\"", "\"1.abc\""] {
        app.admin().if_match(tag).put(&path, certificate("a")).await.expect(412);
    }
    app.admin().get(&path).await.expect(404);
    let first = app.admin().put(&path, certificate("a")).await.expect(200).etag();
    let second = app.admin().if_match(&first).put(&path, certificate("b")).await.expect(200).etag();
    app.admin().if_match(&first).put(&path, certificate("c")).await.expect(412);
    app.admin().if_match(&first).delete(&path).await.expect(412);
    app.admin().if_match(&second).delete(&path).await.expect(200);
}

#[tokio::test]
async fn tenants_trust_each_for_itself() {
    let app = TestApp::start().await;
    let (one, two) = (app.tenant("one").await, app.tenant("two").await);
    let path = format!("{PATH}/git.example.com:443");
    one.client.put(&path, certificate("a")).await.expect(200);
    two.client.get(&path).await.expect(404);
    two.client.delete(&path).await.expect(404);
    assert_eq!(two.client.get(PATH).await.expect(200).body["hosts"], json!([]));
    two.client.put(&path, certificate("b")).await.expect(200);
    assert_eq!(one.client.get(&path).await.expect(200).text("/host/certificateSha256"), "a".repeat(64));
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test(start_paused = true)]
async fn administrators_who_trust_one_host_at_once_count_it_once() {
    let app = TestApp::start().await;
    let second = app.second_instance();
    let answers = at_once((0..4).map(|n| {
        let client = if n % 2 == 0 { app.admin() } else { second.admin() };
        async move { client.put(&format!("{PATH}/git.example.com:443"), certificate(&format!("{n}"))).await }
    }))
    .await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert_eq!(app.admin().get(PATH).await.expect(200).body["hosts"].as_array().map(Vec::len), Some(1));
    consistency::check(&app.items().await).expect("consistent");
}

#[tokio::test]
async fn a_tenant_trusts_a_thousand_hosts_and_replaces_any_of_them() {
    let app = TestApp::start().await;
    let (author, now) = (app.admin_principal().await, app.clock.peek());
    for n in 0..MAX_TRUSTED_HOSTS {
        let place: HostPort = format!("git-{n}.example.com:443").parse().unwrap();
        let identity = HostIdentity::Certificate { sha256: "a".repeat(64) };
        app.store().trust_host(&author, place, identity, now).await.unwrap();
    }
    let admin = app.admin();
    let (known, new) = (format!("{PATH}/git-0.example.com:443"), format!("{PATH}/new.example.com:443"));
    let refused = admin.put(&new, certificate("b")).await.expect(422);
    assert_eq!(refused.text("/code"), "LIMIT_EXCEEDED");
    assert!(refused.text("/detail").contains("1000"), "{}", refused.body);
    admin.get(&new).await.expect(404);
    admin.put(&known, certificate("b")).await.expect(200);
    let most = admin.get(&format!("{PATH}?limit=1000")).await.expect(200);
    assert_eq!(most.body["hosts"].as_array().map(Vec::len), Some(200), "a page has its own bound");
    admin.delete(&known).await.expect(200);
    admin.put(&new, certificate("b")).await.expect(200);
    admin.put(&known, certificate("b")).await.expect(422);
    consistency::check(&app.items().await).expect("consistent");
}
