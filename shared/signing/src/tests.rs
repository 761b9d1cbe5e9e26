use super::*;
use base64::Engine as _;
use pgp::composed::{ArmorOptions, KeyType, SecretKeyParamsBuilder, SubkeyParamsBuilder};
use pgp::crypto::ecc_curve::ECCCurve;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use repoplane_domain::secret::Secret;
use std::sync::LazyLock;

/// Public and secret key, armored.
type Pair = (String, String);

fn pair_of(kind: KeyType, passphrase: Option<&str>, subkeys: usize, seed: u64) -> Pair {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut params = SecretKeyParamsBuilder::default();
    params.key_type(kind.clone()).can_certify(true).can_sign(true);
    params.primary_user_id("Packages <packages@example.org>".to_owned()).passphrase(passphrase.map(str::to_owned));
    let subkey = |_| SubkeyParamsBuilder::default().key_type(kind.clone()).can_sign(true).build().unwrap();
    params.subkeys((0..subkeys).map(subkey).collect());
    let secret = params.build().unwrap().generate(&mut rng).unwrap();
    let options = ArmorOptions::default;
    (secret.to_public_key().to_armored_string(options()).unwrap(), secret.to_armored_string(options()).unwrap())
}

static ANN: LazyLock<Pair> = LazyLock::new(|| pair_of(KeyType::Ed25519Legacy, None, 1, 1));
static BOB: LazyLock<Pair> = LazyLock::new(|| pair_of(KeyType::Ed25519Legacy, None, 0, 2));

fn checked(public: &str, secret: &str) -> Result<String, Vec<String>> {
    let keys = SentKeys { public: Secret::new(public), secret: Secret::new(secret) };
    check(&keys).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn a_pair_of_any_kind_has_one_fingerprint() {
    for (kind, seed) in [(KeyType::Rsa(2048), 3), (KeyType::Ed25519Legacy, 4), (KeyType::ECDSA(ECCCurve::P256), 5)] {
        let (public, secret) = pair_of(kind.clone(), None, 1, seed);
        let id = checked(&public, &secret).unwrap_or_else(|faults| panic!("{kind:?}: {faults:?}"));
        assert!(id.len() == 40 && id.bytes().all(|b| b"0123456789ABCDEF".contains(&b)), "{id}");
        assert_eq!(checked(&format!("\n  {public}\n"), &secret), Ok(id.clone()), "blanks around a key are nothing");
        assert_eq!(checked(&public.replace('\n', "\r\n"), &secret.replace('\n', "\r\n")), Ok(id));
    }
}

#[test]
fn abf_4_11_every_fault_has_its_words() {
    let ((public, secret), (other, _)) = (&*ANN, &*BOB);
    let (locked_public, locked) = pair_of(KeyType::Ed25519Legacy, Some("open sesame"), 0, 6);
    let [no_pair, passphrase] =
        ["Secret key keys are imported, but it is not a key pair (ids differ)", "Secret key contains passphrase"];
    for (what, public, secret, said) in [
        ("public is none", "x", &**secret, vec!["Public key wrong"]),
        ("secret is none", public, "x", vec!["Secret key wrong"]),
        ("both are none", "", "", vec!["Public key wrong", "Secret key wrong"]),
        ("exchanged", secret, public, vec!["Public key contains secret key", "Secret key contains public key"]),
        ("secret twice", secret, secret, vec!["Public key contains secret key"]),
        ("public twice", public, public, vec!["Secret key contains public key"]),
        ("of two pairs", other, secret, vec![no_pair]),
        ("locked", &locked_public, &locked, vec![passphrase]),
        ("locked, of two pairs", public, &locked, vec![no_pair, passphrase]),
        ("two keys in one text", &format!("{public}{other}"), secret, vec!["Public key wrong"]),
        ("a secret after the public key", &format!("{public}{secret}"), secret, vec!["Public key wrong"]),
        ("words before a key", &format!("see\n{public}"), secret, vec!["Public key wrong"]),
        ("words after a key", &format!("{public}\nbye"), secret, vec!["Public key wrong"]),
    ] {
        let said: Vec<String> = said.into_iter().map(str::to_owned).collect();
        assert_eq!(checked(public, secret), Err(said), "{what}");
    }
}

#[test]
fn a_key_of_many_subkeys_is_refused() {
    let (public, secret) = pair_of(KeyType::Ed25519Legacy, None, MAX_SUBKEYS, 7);
    assert!(checked(&public, &secret).is_ok());
    let (public, secret) = pair_of(KeyType::Ed25519Legacy, None, MAX_SUBKEYS + 1, 8);
    assert_eq!(checked(&public, &secret).unwrap_err(), ["Public key wrong", "Secret key wrong"]);
}

#[test]
fn no_fault_tells_of_a_key() {
    let (public, secret) = &*ANN;
    let keys = SentKeys { public: Secret::new(public.clone()), secret: Secret::new(secret.clone()) };
    let line = secret.lines().nth(3).unwrap();
    assert!(!format!("{keys:?} {:?}", check(&SentKeys { public: keys.secret.clone(), ..keys.clone() })).contains(line));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_broken_key_is_a_fault_and_never_a_panic(cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        // Below the armor, where its checksum does not catch it.
        let binary = |armored: &str| {
            let mut bytes = Vec::new();
            let mut armor = pgp::armor::Dearmor::new(armored.as_bytes());
            std::io::Read::read_to_end(&mut armor, &mut bytes).unwrap();
            bytes
        };
        for armored in [&ANN.0, &ANN.1] {
            let mut bytes = binary(armored);
            for (at, byte) in &cuts {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            for kind in ["PUBLIC", "PRIVATE"] {
                let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
                let text = format!("-----BEGIN PGP {kind} KEY BLOCK-----\n\n{text}\n-----END PGP {kind} KEY BLOCK-----\n");
                let _ = checked(&text, &text);
            }
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
        let _ = checked(&text, &text);
        let _ = checked(&format!("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{text}"), &text);
    }
}
