//! Account-level profiles, kinds of tokens, and profiles for reading and writing.

use super::properties::any_json;
use super::*;
use crate::credential::Site;
use proptest::prelude::*;

fn apply(profiles: &mut AccountProfiles, scope: ProfileScope, body: &Value) -> Vec<(String, Option<String>)> {
    let patch = AccountPatch::read(body, scope).expect("a good body");
    let edits = patch.apply(profiles, at(0), &Fixed(7)).expect("the patch applies");
    edits.into_iter().map(|edit| (edit.name.into(), edit.value.map(|secret| secret.expose().to_owned()))).collect()
}

#[test]
fn profiles_of_one_id_at_two_providers_are_two() {
    let mut profiles = AccountProfiles::default();
    let one = |secret: &str| json!({"profiles": [{"id": "p", "remark": "r", "token": secret}]});
    let body = json!({"github": one("a"), "gitlab": one("b"), "codex": {"profiles": [{"id": "p", "remark": "r", "apiKey": "c"}]}});
    let edits = apply(&mut profiles, ProfileScope::User, &body);
    assert_eq!(edits, [put("git/github/p", "a"), put("git/gitlab/p", "b"), put("model/codex/p", "c")]);
    let edits = apply(&mut profiles, ProfileScope::User, &json!({"github": null}));
    assert_eq!(edits, [gone("git/github/p")]);
    assert!(profiles.git(Provider::Github).is_none());
    let view = profiles.public_view();
    for provider in ["codex", "claude_code", "gemini_cli", "gitlab", "github", "git"] {
        assert!(view[provider]["profiles"].is_array(), "{provider}");
    }
    assert_eq!(view["gitlab"]["profiles"][0]["hasToken"], true);
}

#[test]
fn reading_and_writing_have_profiles_of_their_own() {
    let mut profiles = AccountProfiles::default();
    let marked = |id: &str, access: Value| json!({"id": id, "remark": "r", "access": access});
    let all = [
        marked("both", Value::Null),
        marked("w", json!("write")),
        marked("r", json!("read")),
        marked("w2", json!("write")),
    ];
    apply(&mut profiles, ProfileScope::User, &json!({"github": {"profiles": all}}));
    let all = profiles.git(Provider::Github).expect("the profiles").clone();
    for (ids, default, purpose, id, expected) in [
        (vec!["both", "w", "r"], None, Purpose::Read, None, Some("r")),
        (vec!["both", "w", "r"], None, Purpose::Write, None, Some("both")),
        (vec!["w", "both"], None, Purpose::Read, None, Some("both")),
        (vec!["both", "r"], Some("both"), Purpose::Read, None, Some("both")),
        (vec!["both", "w", "r"], Some("w"), Purpose::Read, None, Some("r")),
        (vec!["both", "w", "r"], Some("r"), Purpose::Write, None, Some("both")),
        (vec!["w", "w2"], Some("w2"), Purpose::Write, None, Some("w2")),
        (vec!["w", "w2"], None, Purpose::Read, None, Some("w")),
        (vec!["r"], Some("r"), Purpose::Write, None, None),
        (vec!["both", "r"], None, Purpose::Write, Some("r"), Some("r")),
        (vec!["both", "r"], None, Purpose::Read, Some("nobody"), None),
        (vec![], None, Purpose::Read, None, None),
    ] {
        let set = ProfileSet {
            profiles: ids.iter().filter_map(|id| all.get(id)).cloned().collect(),
            default_profile_id: default.map(str::to_owned),
        };
        let picked = set.pick_for(purpose, id).map(|profile| profile.id.as_str());
        assert_eq!(picked, expected, "{ids:?} {default:?} {purpose:?} {id:?}");
    }
}

#[test]
fn a_key_is_never_left_behind_as_a_token() {
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIB+/=\n-----END PRIVATE KEY-----";
    let mut profiles = AccountProfiles::default();
    let one = |fields: Value| {
        let mut profile = json!({"id": "p", "remark": "r"});
        profile.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({"github": {"profiles": [profile]}})
    };
    let key = json!({"tokenKind": "github_app", "appId": 1, "installationId": 2, "token": KEY});
    apply(&mut profiles, ProfileScope::Global, &one(key));
    let token = |profiles: &AccountProfiles| {
        let (repo, users) = (CredentialProfiles::default(), BTreeMap::new());
        let (provider, global) = (Provider::Github, Some(profiles));
        let site = Site::of_api(provider, None);
        let stores = CredentialStores { provider, url: None, site: site.as_ref(), repo: &repo, users: &users, global };
        stores.git_token(SecretOwner::Tenant, None, Purpose::Write)
    };
    let access = token(&profiles).expect("a token").access(Secret::new(KEY));
    assert!(matches!(access, GitAccess::App(GithubApp { app_id: 1, installation_id: 2, .. })));
    let back = AccountPatch::read(&one(json!({"tokenKind": "personal"})), ProfileScope::Global).unwrap();
    let errors = back.apply(&mut profiles, at(1), &Fixed(7)).expect_err("the key would be sent as a token");
    assert_eq!(errors.as_slice()[0].pointer, "/github/profiles/0/token");
    apply(&mut profiles, ProfileScope::Global, &one(json!({"tokenKind": "personal", "token": null})));
    let profile = &profiles.git(Provider::Github).unwrap().profiles[0];
    assert_eq!((profile.app_id, profile.installation_id, profile.has_token), (None, None, false));
    assert_eq!(token(&profiles), None);
}

proptest! {
    #[test]
    fn any_account_body_is_read_and_applied_without_panic_and_shows_no_value(
        body in any_json(), known in prop::sample::select(vec!["github", "gitlab", "git", "codex"]), inner in any_json(),
    ) {
        for scope in [ProfileScope::User, ProfileScope::Global] {
            for body in [body.clone(), json!({known: inner.clone()}), json!({known: {"profiles": [inner.clone()]}})] {
                let Ok(patch) = AccountPatch::read(&body, scope) else { continue };
                let mut profiles = AccountProfiles::default();
                let Ok(edits) = patch.apply(&mut profiles, at(0), &Fixed(3)) else { continue };
                let flagged = profiles.git.values().flat_map(|set| &set.profiles).filter(|p| p.has_token).count()
                    + profiles.models.values().flat_map(|set| &set.profiles).filter(|p| p.has_api_key).count();
                prop_assert_eq!(flagged, edits.iter().filter(|edit| edit.value.is_some()).count());
                let stored: AccountProfiles =
                    serde_json::from_value(serde_json::to_value(&profiles).unwrap()).unwrap();
                prop_assert_eq!(stored, profiles);
            }
        }
    }
}
