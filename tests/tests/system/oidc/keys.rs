//! The keys of issuers: found, kept, rotated, and served on while their issuer is down.

use super::{RSA, claims, me, register};
use repoplane_tests::{IssuerDouble, SigningKey};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn keys_can_be_rotated_and_a_flood_of_unknown_ones_makes_no_calls() {
    let (old, new) = (SigningKey::new("one", "EdDSA"), SigningKey::new("two", "EdDSA"));
    let (app, double) = IssuerDouble::start(&[&old]).await;
    app.person("ann").await;
    register(&app, json!({})).await;
    let with = |key: &SigningKey, id: usize| {
        key.sign_as(&json!({"alg": "EdDSA", "kid": format!("unknown-{id}")}), &claims(&app, json!({})))
    };
    me(&app, &old.sign(&claims(&app, json!({})))).await.expect(200);
    for id in 0..20 {
        me(&app, &with(&old, id)).await.expect(401);
    }
    assert_eq!(double.published().asked, 1);

    double.published().keys = vec![new.jwk()];
    app.clock.advance(Duration::from_secs(30));
    me(&app, &new.sign(&claims(&app, json!({})))).await.expect(401);
    assert_eq!(double.published().asked, 1, "within a minute");
    app.clock.advance(Duration::from_secs(31));
    me(&app, &new.sign(&claims(&app, json!({})))).await.expect(200);
    assert_eq!(double.published().asked, 2);
    me(&app, &old.sign(&claims(&app, json!({"nonce": 1})))).await.expect(401);
    assert_eq!(double.published().asked, 2, "what is not there any more is asked for once a minute, too");
}

#[tokio::test]
async fn the_last_good_keys_serve_an_hour_while_their_issuer_is_down() {
    let key = SigningKey::new("one", "EdDSA");
    let (app, double) = IssuerDouble::start(&[&key]).await;
    app.person("ann").await;
    register(&app, json!({})).await;
    let token = || key.sign(&claims(&app, json!({})));
    double.published().down = true;
    me(&app, &token()).await.expect(401);
    let calls = app.provider_calls();
    me(&app, &token()).await.expect(401);
    assert_eq!(app.provider_calls(), calls, "it is left alone for a while");
    double.published().down = false;
    app.clock.advance(Duration::from_secs(11));
    me(&app, &token()).await.expect(200);
    double.published().down = true;
    for minutes in [9, 11, 39] {
        app.clock.advance(Duration::from_secs(minutes * 60));
        me(&app, &token()).await.expect(200);
    }
    app.clock.advance(Duration::from_secs(60));
    me(&app, &token()).await.expect(401);
    double.published().down = false;
    app.clock.advance(Duration::from_secs(61));
    me(&app, &token()).await.expect(200);
}

#[tokio::test]
async fn keys_are_where_the_issuer_or_its_discovery_says() {
    let (app, double) = IssuerDouble::start(&[&RSA]).await;
    app.person("ann").await;
    let issuer = register(&app, json!({})).await;
    let token = |nonce: usize| RSA.sign(&claims(&app, json!({"nonce": nonce})));
    for (round, discovery) in [
        json!({"issuer": "https://other.example.com"}),
        json!({"issuer": "https://login.example.com/"}),
        json!({"jwks_uri": "http://login.example.com/keys"}),
        json!({"jwks_uri": "https://login.example.com/nowhere"}),
        json!({"jwks_uri": "https://169.254.169.254/keys"}),
        json!({"jwks_uri": "file:///etc/passwd"}),
        json!({"jwks_uri": 7}),
    ]
    .into_iter()
    .enumerate()
    {
        double.published().discovery = discovery.clone();
        me(&app, &token(round)).await.expect(401);
        assert_eq!(double.published().asked, 0, "{discovery}");
        app.clock.advance(Duration::from_secs(11));
    }
    // A change of the issuer is asked for at once.
    let elsewhere = format!("{}/elsewhere", IssuerDouble::url());
    app.admin().patch(&issuer, json!({"jwksUri": elsewhere})).await.expect(200);
    me(&app, &token(100)).await.expect(200);
    assert_eq!(double.published().asked, 1);
}

#[tokio::test]
async fn weak_and_foreign_keys_of_a_set_are_not_used() {
    let key = SigningKey::new("one", "ES256");
    let (app, double) = IssuerDouble::start(&[]).await;
    app.person("ann").await;
    register(&app, json!({})).await;
    for (name, value) in
        [("use", json!("enc")), ("key_ops", json!(["sign"])), ("alg", json!("ES384")), ("crv", json!("P-384"))]
    {
        let mut jwk = key.jwk();
        jwk[name] = value;
        double.published().keys = vec![json!({"kty": "oct", "kid": "one", "k": "AA"}), json!(7), jwk];
        app.clock.advance(Duration::from_secs(61));
        me(&app, &key.sign(&claims(&app, json!({})))).await.expect(401);
    }
    double.published().keys = vec![json!({"kty": "oct", "kid": "one", "k": "AA"}), json!(7), key.jwk()];
    app.clock.advance(Duration::from_secs(61));
    me(&app, &key.sign(&claims(&app, json!({})))).await.expect(200);
}
