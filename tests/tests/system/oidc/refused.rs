//! Tokens that are refused: all with one and the same answer.

use super::{AUDIENCE, RSA, claims, me, register};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use repoplane_tests::{IssuerDouble, SigningKey, TestApp, message};
use serde_json::{Value, json};

/// The answer to a token, without what differs from call to call.
async fn answer(app: &TestApp, token: &str) -> (u16, Value, String) {
    let answer = me(app, token).await;
    let mut body = answer.body.clone();
    body.as_object_mut().map(|body| body.remove("request_id"));
    let challenge = answer.headers.get("www-authenticate").map(|value| value.to_str().unwrap_or_default().to_owned());
    (answer.status.as_u16(), body, challenge.unwrap_or_default())
}

fn hs256(key: &[u8], header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

#[tokio::test]
async fn a_bad_token_is_refused_like_any_other() {
    let ec = SigningKey::new("ec-1", "ES256");
    let (app, _) = IssuerDouble::start(&[&RSA, &ec]).await;
    app.person("ann").await;
    app.person("gone").await;
    register(&app, json!({})).await;
    let body = json!({"issuer": "https://login.example.com/other", "audiences": [AUDIENCE], "scopes": ["repos:read"]});
    app.tenant("other").await.client.post("/api/issuers", body).await.expect(201);
    let nobody = app.admin().get("/api/users").await.expect(200);
    let gone = nobody.body["users"].as_array().unwrap().iter().find(|user| user["username"] == "gone").unwrap();
    let path = format!("/api/users/{}", gone["id"].as_str().unwrap());
    app.admin().patch(&path, json!({"disabled": true})).await.expect(200);

    let now = app.clock.peek().as_second();
    let with = |patch: Value| RSA.sign(&claims(&app, patch));
    let header = |patch: Value| {
        let mut header = json!({"alg": "RS256", "kid": "rsa-1"});
        header.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        header
    };
    let good = with(json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = SigningKey::new("rsa-1", "RS256");
    let tampered =
        format!("{}.{signature}", message(&header(json!({"typ": "JWT"})), &claims(&app, json!({"sub": "admin"}))));
    let embedded = other.sign_as(&header(json!({"jwk": other.jwk()})), &claims(&app, json!({})));
    let confused = header(json!({"alg": "HS256"}));
    let pem = format!(
        "-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(RSA.public())
    );
    let jwk = RSA.jwk();
    let refused = [
        ("another audience", with(json!({"aud": "other"}))),
        ("no audience", with(json!({"aud": []}))),
        ("an unknown issuer", with(json!({"iss": "https://evil.example.com"}))),
        ("the issuer with a slash", with(json!({"iss": "https://login.example.com/"}))),
        (
            "another tenant's issuer, which these keys are not of",
            with(json!({"iss": "https://login.example.com/other"})),
        ),
        ("expired", with(json!({"iat": now - 700, "exp": now - 61}))),
        ("not good yet", with(json!({"nbf": now + 120}))),
        ("issued in the future", with(json!({"iat": now + 120, "exp": now + 600}))),
        ("good for years", with(json!({"exp": now + 100_000_000}))),
        ("without an end", with(json!({"exp": null}))),
        ("for nobody that is here", with(json!({"sub": "nobody"}))),
        ("for nobody", with(json!({"sub": null}))),
        ("for a disabled user", with(json!({"sub": "gone"}))),
        ("signed by a stranger's key", other.sign(&claims(&app, json!({})))),
        ("an unknown key", RSA.sign_as(&header(json!({"kid": "rsa-2"})), &claims(&app, json!({})))),
        ("no key", RSA.sign_as(&json!({"alg": "RS256"}), &claims(&app, json!({})))),
        ("a key of another type", RSA.sign_as(&header(json!({"kid": "ec-1"})), &claims(&app, json!({})))),
        ("another type's name", RSA.sign_as(&header(json!({"alg": "ES256"})), &claims(&app, json!({})))),
        ("a longer hash", RSA.sign_as(&header(json!({"alg": "RS512"})), &claims(&app, json!({})))),
        ("confusion, by the key", hs256(&RSA.public(), &confused, &claims(&app, json!({})))),
        ("confusion, by the key's text", hs256(pem.as_bytes(), &confused, &claims(&app, json!({})))),
        (
            "confusion, by the modulus",
            hs256(jwk["n"].as_str().unwrap().as_bytes(), &confused, &claims(&app, json!({}))),
        ),
        ("none", format!("{}.", message(&json!({"alg": "none"}), &claims(&app, json!({}))))),
        ("none, with a signature", RSA.sign_as(&header(json!({"alg": "none"})), &claims(&app, json!({})))),
        ("its own key", embedded),
        ("its own key's address", RSA.sign_as(&header(json!({"jku": "https://x.example"})), &claims(&app, json!({})))),
        ("an extension", RSA.sign_as(&header(json!({"crit": ["x"], "x": 1})), &claims(&app, json!({})))),
        ("a logout token", RSA.sign_as(&header(json!({"typ": "logout+jwt"})), &claims(&app, json!({})))),
        ("other claims under the signature", tampered),
        ("a cut signature", format!("{signed}.{}", &signature[..signature.len() - 4])),
        ("no signature", format!("{signed}.")),
        ("four parts", format!("{good}.x")),
        ("a long one", with(json!({"x": "x".repeat(6 * 1024)}))),
        ("garbage", "eyJ.eyJ.eyJ".to_owned()),
    ];
    let expected = answer(&app, "rpt_that-nobody-has").await;
    assert_eq!((expected.0, expected.2.is_empty()), (401, false));
    for (what, token) in &refused {
        assert_eq!(answer(&app, token).await, expected, "{what}");
    }
    assert_eq!(answer(&app, &good).await.0, 200);
    let table = Value::Array(app.items().await).to_string();
    assert!(refused.iter().all(|(_, token)| !table.contains(token)) && !table.contains(&good));
}

#[tokio::test]
async fn an_issuers_end_is_its_tokens_end() {
    let ec = SigningKey::new("ec-1", "ES256");
    let (app, _) = IssuerDouble::start(&[&RSA, &ec]).await;
    let ann = app.person("ann").await;
    let issuer = register(&app, json!({})).await;
    let (token, curve) = (RSA.sign(&claims(&app, json!({}))), ec.sign(&claims(&app, json!({}))));
    let second = app.second_instance();
    let change = async |patch: Value| app.admin().patch(&issuer, patch).await.expect(200);
    // The instance that made the change knows at once, although it had verified the token.
    for (patch, back, rsa, es) in [
        (json!({"enabled": false}), json!({"enabled": true}), 401, 401),
        (json!({"audiences": ["other"]}), json!({"audiences": [AUDIENCE]}), 401, 401),
        (json!({"algorithms": ["ES256"]}), json!({"algorithms": null}), 401, 200),
    ] {
        for token in [&token, &curve] {
            me(&app, token).await.expect(200);
        }
        change(patch.clone()).await;
        assert_eq!(
            (me(&app, &token).await.status.as_u16(), me(&app, &curve).await.status.as_u16()),
            (rsa, es),
            "{patch}"
        );
        change(back).await;
    }
    me(&app, &token).await.expect(200);
    change(json!({"scopes": ["tasks:read"]})).await;
    assert_eq!(me(&app, &token).await.expect(200).body["scopes"], json!(["tasks:read"]));

    let path = format!("/api/users/{}", ann.id);
    app.admin().patch(&path, json!({"disabled": true})).await.expect(200);
    me(&app, &token).await.expect(401);
    me(&second, &token).await.expect(401);
    app.admin().patch(&path, json!({"disabled": false})).await.expect(200);
    me(&app, &token).await.expect(200);
    app.admin().delete(&issuer).await.expect(200);
    me(&app, &token).await.expect(401);
    app.clock.advance(std::time::Duration::from_secs(661));
    let issuer = register(&app, json!({})).await;
    assert!(issuer.starts_with("/api/issuers/iss_"), "its URL is free again");
    me(&app, &token).await.expect(401);
}
