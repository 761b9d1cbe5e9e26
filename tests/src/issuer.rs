//! An OpenID Connect issuer on loopback, called by its public name, and the keys that it signs with.

use crate::{ProviderDouble, TestApp};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use repoplane_local::engines::Engines;
use repoplane_local::line::Line;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};

/// The host that the issuer is called by.
const HOST: &str = "login.example.com";

/// A key of an issuer.
#[derive(Clone)]
pub struct SigningKey {
    /// Its id.
    pub id: String,
    pair: Arc<Pair>,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl SigningKey {
    /// A new key for `RS256`, `ES256` or `EdDSA`.
    pub fn new(id: &str, algorithm: &str) -> Self {
        let pair = match algorithm {
            "RS256" => Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
            "ES256" => Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")),
            "EdDSA" => Pair::Ed(Ed25519KeyPair::generate().expect("a key")),
            other => panic!("no key for {other}"),
        };
        Self { id: id.to_owned(), pair: Arc::new(pair) }
    }

    /// The algorithm that it is for.
    pub fn algorithm(&self) -> &'static str {
        match &*self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// The public key, as it lies in memory: what an attacker knows.
    pub fn public(&self) -> Vec<u8> {
        match &*self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The public key of a key set (RFC 7517).
    pub fn jwk(&self) -> Value {
        let (text, public) = (|bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes), self.public());
        let mut jwk = match &*self.pair {
            // RFC 8017, A.1.1: a sequence of modulus and exponent, which stands last and is 65537.
            Pair::Rsa(_) => json!({"kty": "RSA", "n": text(&public[9..265]), "e": "AQAB"}),
            Pair::Ec(_) => json!({"kty": "EC", "crv": "P-256", "x": text(&public[1..33]), "y": text(&public[33..])}),
            Pair::Ed(_) => json!({"kty": "OKP", "crv": "Ed25519", "x": text(&public)}),
        };
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as(&json!({"alg": self.algorithm(), "kid": self.id, "typ": "JWT"}), claims)
    }

    /// A token with this header, which may lie.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = match &*self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).expect("signed");
                signature
            }
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signed").as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Header and claims of a token, without a signature.
pub fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// What an issuer answers with.
#[derive(Default)]
pub struct Published {
    /// Its keys.
    pub keys: Vec<Value>,
    /// What its discovery document says beside the usual.
    pub discovery: Value,
    /// Whether it answers 503.
    pub down: bool,
    /// How often its keys were asked for.
    pub asked: usize,
}

/// An issuer on loopback.
#[derive(Clone)]
pub struct IssuerDouble {
    published: Arc<Mutex<Published>>,
}

impl IssuerDouble {
    /// An application that reaches a new issuer by its public name.
    pub async fn start(keys: &[&SigningKey]) -> (TestApp, Self) {
        let keys = keys.iter().map(|key| key.jwk()).collect();
        let double = Self { published: Arc::new(Mutex::new(Published { keys, ..Published::default() })) };
        let providers = ProviderDouble::standing_in_for(HOST, double.router()).await;
        let engines = Engines::memory().expect("engines in memory");
        (TestApp::on(Line::to(engines), Some(providers)).await, double)
    }

    /// Its URL, below which there may be realms.
    pub fn url() -> String {
        format!("https://{HOST}")
    }

    /// What it answers with, to be looked at and changed.
    pub fn published(&self) -> MutexGuard<'_, Published> {
        self.published.lock().expect("not poisoned")
    }

    fn router(&self) -> Router {
        let (discovery, keys, elsewhere) = (self.clone(), self.clone(), self.clone());
        Router::new()
            .route("/.well-known/openid-configuration", get(async move || discovery.discover()))
            .route("/keys", get(async move || keys.key_set()))
            .route("/elsewhere", get(async move || elsewhere.key_set()))
    }

    fn discover(&self) -> (StatusCode, Json<Value>) {
        let published = self.published();
        let mut document = json!({"issuer": Self::url(), "jwks_uri": format!("{}/keys", Self::url())});
        for (name, value) in published.discovery.as_object().into_iter().flatten() {
            document[name] = value.clone();
        }
        (status(published.down), Json(document))
    }

    fn key_set(&self) -> (StatusCode, Json<Value>) {
        let mut published = self.published();
        published.asked += 1;
        (status(published.down), Json(json!({"keys": published.keys})))
    }
}

fn status(down: bool) -> StatusCode {
    if down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}
