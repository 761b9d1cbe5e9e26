//! A tenant's network settings: `PATCH /api/tenants/:id` and what its calls reach by them.

use repoplane_local::double::WRITE_TOKEN;
use repoplane_tests::{ProviderDouble, Tenant, TestApp};
use serde_json::{Value, json};

/// A private authority's certificate, made for this test; its key is nowhere.
const AUTHORITY: &str = "-----BEGIN CERTIFICATE-----
MIIBnzCCAUWgAwIBAgIUKPmp3lqHCOIhinxY2p0ADu4g9K8wCgYIKoZIzj0EAwIw
JDEiMCAGA1UEAwwZRXhhbXBsZSBwcml2YXRlIGF1dGhvcml0eTAgFw0yNjExMjIw
ODU0MjNaGA8yMTI2MTAyOTA4NTQyM1owJDEiMCAGA1UEAwwZRXhhbXBsZSBwcml2
YXRlIGF1dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABG3SP/oOR713
NO3p1KGY8GptMfYiTl5qi/Bm9Vy7srTCmHXwaTYeL3DJoq908SYA55DVUSGtb+tj
fT2ReOL445OjUzBRMB0GA1UdDgQWBBT5sppWJDyUSk54HlAOQdev7vcGBzAfBgNV
HSMEGDAWgBT5sppWJDyUSk54HlAOQdev7vcGBzAPBgNVHRMBAf8EBTADAQH/MAoG
CCqGSM49BAMCA0gAMEUCIHuR5Ej29Wq8s1PbWq4mwX+mztRzT5HG+KRKGlCK+YST
AiEA6vK7BfWqoQEgBTXv/GhmcBeOGfqpPin7Rh4BoTdllTg=
-----END CERTIFICATE-----
";
/// What `openssl x509 -fingerprint -sha256` says of it.
const FINGERPRINT: &str = "1cb269a38cd44acacd213bd0006914706c3a53855717eecf9446ca6a87fc2b84";

#[tokio::test]
async fn the_operator_sets_what_a_tenants_calls_reach() {
    let app = TestApp::start().await;
    let other = app.tenant("other").await;
    let path = format!("/api/tenants/{}", other.id);
    let fresh = app.admin().get(&path).await.expect(200);
    assert_eq!(
        (&fresh.body["tenant"]["egressAllow"], &fresh.body["tenant"]["caCertificates"]),
        (&json!([]), &json!([]))
    );
    let places = json!(["git.intranet.example:8443", "[fd12:3456::1]:443", "git.intranet.example:8443"]);
    let set = json!({"egressAllow": places, "caCertificates": [AUTHORITY]});
    let tenant = app.admin().patch(&path, set).await.expect(200).body["tenant"].clone();
    assert_eq!(tenant["egressAllow"], json!(["git.intranet.example:8443", "[fd12:3456::1]:443"]));
    assert_eq!(tenant["caCertificates"], json!([{"sha256": FINGERPRINT}]));
    // What is not named stays; a list that is there replaces the stored one.
    let tenant = app.admin().patch(&path, json!({"name": "renamed"})).await.expect(200).body["tenant"].clone();
    assert_eq!(tenant["caCertificates"], json!([{"sha256": FINGERPRINT}]));
    let tenant = app.admin().patch(&path, json!({"egressAllow": null})).await.expect(200).body["tenant"].clone();
    assert_eq!((&tenant["egressAllow"], &tenant["caCertificates"][0]["sha256"]), (&json!([]), &json!(FINGERPRINT)));
    // The tenant's administrator cannot: the addresses are reached from the operator's network.
    let refused = other.client.patch(&path, json!({"egressAllow": ["10.0.0.1:443"]})).await.expect(403);
    assert_eq!(refused.text("/requiredScope"), "operator");
    // The log has both sides, as the view shows them.
    let log = other.client.get("/api/audit").await.expect(200).body.to_string();
    assert!(log.contains("git.intranet.example:8443") && log.contains(FINGERPRINT), "{log}");
    assert!(!log.contains("BEGIN CERTIFICATE"), "{log}");
}

#[tokio::test]
async fn every_wrong_entry_is_named() {
    let app = TestApp::start().await;
    let other = app.tenant("other").await;
    let path = format!("/api/tenants/{}", other.id);
    let wrong = json!({
        "egressAllow": ["ok.example:1", "no port", 7, "169.254.169.254:80", "[fd00:ec2::254]:80", "168.63.129.16:443",
            "127.0.0.1:9001", "localhost:9001", "2852039166:80", "[::ffff:169.254.169.254]:80", "https://a.example:443"],
        "caCertificates": [AUTHORITY, "no PEM", format!("{AUTHORITY}{AUTHORITY}"), " ".repeat(16 * 1024 + 1), null],
    });
    let refused = app.admin().patch(&path, wrong).await.expect(400);
    let places = (1..=10).map(|index| format!("/egressAllow/{index}"));
    let expected: Vec<_> = places.chain((1..=4).map(|index| format!("/caCertificates/{index}"))).collect();
    assert_eq!(refused.wrong_fields(), expected);
    for (body, field) in [
        (json!({"egressAllow": vec!["a.example:1"; 51]}), "/egressAllow"),
        (json!({"caCertificates": vec![AUTHORITY; 11]}), "/caCertificates"),
        (json!({"egressAllow": "a.example:1"}), "/egressAllow"),
        (json!({"caCertificates": {}}), "/caCertificates"),
    ] {
        assert_eq!(app.admin().patch(&path, body).await.expect(400).wrong_fields(), [field]);
    }
}

/// The path of the test of a robot whose provider is the double.
async fn robot(tenant: &Tenant, double: &ProviderDouble) -> String {
    let repo = json!({"provider": "github", "name": "acme/widgets", "externalId": "acme/widgets",
        "apiBaseUrl": double.github()});
    let made = tenant.client.post("/api/repos", repo).await.expect(201);
    let path = format!("/api/repos/{}", made.text("/repo/id"));
    let profiles = json!({
        "repoProviderCredential": {"profiles": [{"id": "bot", "remark": "bot", "token": WRITE_TOKEN}]},
        "modelProviderCredential": {"codex": {"profiles": [{"id": "team", "remark": "team", "apiKey": "sk-test"}]}},
    });
    tenant.client.patch(&path, profiles).await.expect(200);
    let body = json!({
        "name": "Triage", "promptDefault": "Look", "repoCredentialSource": "repo", "repoCredentialProfileId": "bot",
        "modelProviderConfig": {"credentialSource": "repo", "credentialProfileId": "team"},
    });
    let robot = tenant.client.post(&format!("{path}/robots"), body).await.expect(201).text("/robot/id");
    format!("{path}/robots/{robot}/test")
}

#[tokio::test]
async fn a_robot_reaches_what_its_own_tenants_list_names() {
    // The app's own list is empty.
    let app = TestApp::start().await;
    let double = ProviderDouble::start().await;
    let (one, two) = (app.tenant("one").await, app.tenant("two").await);
    let (ours, theirs) = (robot(&one, &double).await, robot(&two, &double).await);
    let test = async |tenant: &Tenant, path: &str| {
        let tested = tenant.client.post(path, Value::Null).await.expect(200);
        (tested.body["ok"] == true, tested.body["message"].as_str().unwrap_or_default().to_owned())
    };
    let refused = (false, "[github] the address is refused: the address must begin with https://".to_owned());
    assert_eq!(test(&one, &ours).await, refused);
    let place = double.origin().replace("http://", "");
    let path = format!("/api/tenants/{}", one.id);
    app.admin().patch(&path, json!({"egressAllow": [place]})).await.expect(200);
    assert_eq!(test(&one, &ours).await, (true, String::new()));
    assert_eq!(test(&two, &theirs).await, refused);
    app.admin().patch(&path, json!({"egressAllow": []})).await.expect(200);
    assert_eq!(test(&one, &ours).await, refused);
}

#[tokio::test]
async fn warm_network_settings_cost_no_call() {
    let app = TestApp::start().await;
    let other = app.tenant("other").await;
    let place = "git.intranet.example:8443";
    app.admin().patch(&format!("/api/tenants/{}", other.id), json!({"egressAllow": [place]})).await.expect(200);
    let id = other.id.parse().expect("an id");
    for calls in [1, 0] {
        app.line.take_calls();
        assert_eq!(app.store().network_of(id).await.expect("settings").egress_allow, [place]);
        assert_eq!(app.line.take_calls().len(), calls);
    }
}
