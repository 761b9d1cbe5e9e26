//! What holds for any body.

use super::*;
use proptest::prelude::*;

/// JSON that is often nearly a patch.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let keys = [
        "repoProviderCredential",
        "modelProviderCredential",
        "codex",
        "claude_code",
        "profiles",
        "removeProfileIds",
        "defaultProfileId",
        "id",
        "remark",
        "token",
        "apiKey",
        "apiBaseUrl",
        "cloneUsername",
        "tokenKind",
        "appId",
        "access",
        "urlPrefix",
        "x/~y",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(json!("p1")),
        Just(json!(CANARY)),
        Just(json!("https://u@h/ x")),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(keys.to_vec()), inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

/// A well-formed patch with ids of the client's own.
fn good_patch() -> impl Strategy<Value = Value> {
    let id = || prop::sample::select(vec!["a", "b", "c", "d"]);
    let text = || prop_oneof![Just(Value::Null), Just(json!("")), Just(json!(CANARY)), Just(json!("other"))];
    let item = move |secret: &'static str, detail: &'static str| {
        (id(), prop::option::of(text()), prop::option::of(text())).prop_map(move |(id, first, second)| {
            let mut item = json!({"id": id, "remark": format!("r-{id}")});
            first.into_iter().for_each(|value| item[secret] = value);
            second.into_iter().for_each(|value| item[detail] = value);
            item
        })
    };
    let set = move |secret, detail| {
        let items = prop::collection::vec(item(secret, detail), 0..4);
        let removed = prop::collection::vec(id(), 0..3);
        (items, removed, prop::option::of(text())).prop_map(|(items, removed, default)| {
            let mut patch = json!({"profiles": items, "removeProfileIds": removed});
            default.into_iter().for_each(|value| patch["defaultProfileId"] = value);
            patch
        })
    };
    (set("token", "cloneUsername"), set("apiKey", "apiBaseUrl")).prop_map(
        |(git, model)| json!({"repoProviderCredential": git, "modelProviderCredential": {"gemini_cli": model}}),
    )
}

fn sort(profiles: &mut CredentialProfiles) {
    profiles.repo_provider.profiles.sort_by(|a, b| a.id.cmp(&b.id));
    profiles.model_provider.values_mut().for_each(|set| set.profiles.sort_by(|a, b| a.id.cmp(&b.id)));
}

proptest! {
    #[test]
    fn any_json_is_read_and_applied_without_panic(body in any_json()) {
        let (patch, errors) = read(&body);
        if errors.is_empty() {
            let _ = patch.apply(&mut CredentialProfiles::default(), at(0), &Fixed(3));
        }
    }

    #[test]
    fn applying_twice_is_applying_once(first in good_patch(), second in good_patch()) {
        let mut profiles = CredentialProfiles::default();
        read(&first).0.apply(&mut profiles, at(0), &Fixed(3)).unwrap();
        let patch = read(&second).0;
        patch.apply(&mut profiles, at(1), &Fixed(3)).unwrap();
        let mut twice = profiles.clone();
        patch.apply(&mut twice, at(1), &Fixed(3)).unwrap();
        // A profile that is removed and made again in one patch goes to the end each time.
        sort(&mut profiles);
        sort(&mut twice);
        prop_assert_eq!(profiles, twice);
    }

    #[test]
    fn a_name_is_edited_once_and_flags_follow_the_document(first in good_patch(), second in good_patch()) {
        let mut profiles = CredentialProfiles::default();
        let mut document = BTreeMap::new();
        for body in [first, second] {
            let edits = read(&body).0.apply(&mut profiles, at(0), &Fixed(3)).unwrap();
            let names: std::collections::BTreeSet<_> = edits.iter().map(|edit| &edit.name).collect();
            prop_assert_eq!(names.len(), edits.len());
            for edit in edits {
                match edit.value {
                    Some(value) => { document.insert(edit.name, value); }
                    None => { document.remove(&edit.name); }
                }
            }
        }
        for profile in &profiles.repo_provider.profiles {
            prop_assert_eq!(profile.has_token, document.contains_key(&SecretName::git(&profile.id)));
        }
        let flagged = profiles.repo_provider.profiles.iter().filter(|p| p.has_token).count()
            + profiles.model_provider.values().flat_map(|set| &set.profiles).filter(|p| p.has_api_key).count();
        prop_assert_eq!(flagged, document.len());
    }

    #[test]
    fn no_secret_is_in_any_serialised_form(id in "[a-z]{1,8}") {
        let item = |secret: &str| json!({"profiles": [{"id": id, "remark": "r", secret: CANARY}]});
        let models = json!({"codex": item("apiKey"), "claude_code": item("apiKey"), "gemini_cli": item("apiKey")});
        let mut profiles = CredentialProfiles::default();
        let edits = patch(
            &mut profiles,
            &json!({"repoProviderCredential": item("token"), "modelProviderCredential": models}),
        );
        prop_assert_eq!(edits.len(), 4);
        prop_assert!(!serde_json::to_string(&profiles).unwrap().contains(CANARY));
        prop_assert!(!profiles.public_view().to_string().contains(CANARY));
        let debug = format!("{profiles:?}");
        prop_assert!(!debug.contains(CANARY));
    }

    #[test]
    fn a_normal_address_is_its_own_normal_form(text in "https?://[a-zA-Z0-9.:/@?#%-]{0,30}") {
        if let Some(normal) = http_base_url(&text) {
            prop_assert_eq!(http_base_url(&normal), Some(normal));
        }
    }
}
