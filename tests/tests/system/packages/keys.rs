//! OpenPGP pairs for tests, made so that none is checked in.

use pgp::composed::{ArmorOptions, KeyType, SecretKeyParamsBuilder};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// Public and secret key, armored; another one for every seed.
pub(crate) fn pair(seed: u64) -> (String, String) {
    let mut params = SecretKeyParamsBuilder::default();
    params.key_type(KeyType::Ed25519Legacy).can_certify(true).can_sign(true);
    params.primary_user_id("Packages <packages@example.org>".to_owned());
    let secret = params.build().expect("parameters").generate(StdRng::seed_from_u64(seed)).expect("a key");
    let armored = secret.to_armored_string(ArmorOptions::default()).expect("armor");
    (secret.to_public_key().to_armored_string(ArmorOptions::default()).expect("armor"), armored)
}
