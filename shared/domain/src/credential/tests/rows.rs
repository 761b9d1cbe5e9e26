//! The contract's rows on credential profiles, one case each.

use super::*;
use crate::credential::http_base_url;
use std::collections::BTreeSet;

fn bot() -> CredentialProfiles {
    let mut profiles = CredentialProfiles::default();
    patch(
        &mut profiles,
        &json!({
            "repoProviderCredential": {
                "profiles": [{"id": "p1", "remark": "bot", "token": "t1", "cloneUsername": "acme-bot"}],
                "defaultProfileId": "p1",
            },
            "modelProviderCredential": {
                "codex": {"profiles": [{"id": "m1", "remark": "team", "apiBaseUrl": "https://proxy/v1", "apiKey": "k1"}]},
            },
        }),
    );
    profiles
}

fn git(patch: &Value) -> Value {
    json!({ "repoProviderCredential": patch })
}

#[test]
fn profiles_are_shown_masked() {
    let view = bot().public_view();
    let time = "2026-01-20T08:00:00.000Z";
    let expected = json!({
        "repoProvider": {
            "profiles": [{"id": "p1", "remark": "bot", "hasToken": true, "cloneUsername": "acme-bot",
                          "createdAt": time, "updatedAt": time}],
            "defaultProfileId": "p1",
        },
        "modelProvider": {
            "codex": {"profiles": [{"id": "m1", "remark": "team", "apiBaseUrl": "https://proxy/v1", "hasApiKey": true,
                                    "createdAt": time, "updatedAt": time}]},
            "claude_code": {"profiles": []},
            "gemini_cli": {"profiles": []},
        },
    });
    assert_eq!(view, expected, "3.3/public-shape");
    let stored = serde_json::to_value(bot()).unwrap();
    assert_eq!(serde_json::from_value::<CredentialProfiles>(stored).unwrap(), bot(), "3.3/stored-shape");
}

#[test]
fn rows_of_wrong_bodies() {
    let item = |item: Value| git(&json!({ "profiles": [item] }));
    let remark = "repo provider credential profile remark is required";
    let cases = [
        ("2.4/repoProviderCredential", git(&json!("x")), "/repoProviderCredential", "must be an object"),
        (
            "2.4/modelProviderCredential",
            json!({"modelProviderCredential": {"gpt": {}}}),
            "/modelProviderCredential/gpt",
            "unknown field",
        ),
        ("2.4/remark-git", item(json!({"id": "a"})), "/repoProviderCredential/profiles/0/remark", remark),
        (
            "2.4/remark-model",
            json!({"modelProviderCredential": {"claude_code": {"profiles": [{"id": "a", "remark": " "}]}}}),
            "/modelProviderCredential/claude_code/profiles/0/remark",
            "model provider credential profile remark is required",
        ),
        ("3.3/object", git(&json!({"profile": []})), "/repoProviderCredential/profile", "unknown field"),
        (
            "3.3/remark-null",
            item(json!({"id": "a", "remark": null})),
            "/repoProviderCredential/profiles/0/remark",
            remark,
        ),
        (
            "3.3/remove-type",
            git(&json!({"removeProfileIds": ["a", 7]})),
            "/repoProviderCredential/removeProfileIds/1",
            "must be a string",
        ),
    ];
    for (id, body, pointer, message) in cases {
        let errors = refused(&body);
        let first = &errors.as_slice()[0];
        assert_eq!((first.pointer.as_str(), first.message.as_str()), (pointer, message), "{id}");
        assert_eq!(errors.as_slice().len(), 1, "{id}");
    }
}

#[test]
fn a_missing_remark_has_the_contracts_code_and_details() {
    let cases = [
        (
            "2.4/remark-git-code",
            git(&json!({"profiles": [{"id": "p9", "remark": ""}]})),
            "REPO_SCOPED_CREDENTIAL_REPO_PROFILE_REMARK_REQUIRED",
            json!({"scope": "repo_scoped", "provider": "github", "profileId": "p9"}),
        ),
        (
            "2.4/remark-model-code",
            json!({"modelProviderCredential": {"codex": {"profiles": [{"id": "m9"}]}}}),
            "REPO_SCOPED_CREDENTIAL_MODEL_PROFILE_REMARK_REQUIRED",
            json!({"scope": "repo_scoped", "provider": "codex", "profileId": "m9"}),
        ),
    ];
    for (id, body, code, details) in cases {
        let errors = refused(&body);
        assert_eq!(errors.as_slice()[0].code.as_deref(), Some(code), "{id}");
        assert_eq!(errors.as_slice()[0].details, Some(details), "{id}");
    }
}

#[test]
fn all_wrong_profiles_are_named_at_once() {
    let body = json!({
        "repoProviderCredential": {"profiles": [{"id": "a", "remark": null}, 7, {"id": "b", "remark": "r", "x": 1}]},
        "modelProviderCredential": {"codex": {"profiles": [{"remark": 1}]}},
    });
    let errors = refused(&body);
    let pointers: Vec<_> = errors.as_slice().iter().map(|error| error.pointer.as_str()).collect();
    let expected = [
        "/repoProviderCredential/profiles/0/remark",
        "/repoProviderCredential/profiles/1",
        "/repoProviderCredential/profiles/2/x",
        "/modelProviderCredential/codex/profiles/0/remark",
    ];
    assert_eq!(pointers, expected, "1.2/all-fields");
}

#[test]
fn removals_come_before_upserts_and_the_default_last() {
    let id = "3.3/order";
    let mut profiles = bot();
    let body = git(&json!({
        "defaultProfileId": "p2",
        "profiles": [{"id": "p1", "remark": "again"}, {"id": "p2", "remark": "two", "token": "t2"}, {"id": "p2", "remark": "2"}],
        "removeProfileIds": ["p1", "nobody"],
    }));
    let edits = patch(&mut profiles, &body);
    assert_eq!(edits, [gone("git/p1"), put("git/p2", "t2")], "{id}");
    let set = &profiles.repo_provider;
    let seen: Vec<_> = set.profiles.iter().map(|p| (p.id.as_str(), p.remark.as_str(), p.has_token)).collect();
    assert_eq!(seen, [("p1", "again", false), ("p2", "2", true)], "{id}");
    assert_eq!(set.default_profile_id.as_deref(), Some("p2"), "{id}");
}

#[test]
fn a_sent_id_is_used_and_a_missing_one_is_made() {
    let id = "3.3/profile-id";
    let mut profiles = CredentialProfiles::default();
    patch(&mut profiles, &git(&json!({"profiles": [{"id": " mine ", "remark": "a"}, {"id": "", "remark": "b"}]})));
    let ids: Vec<_> = profiles.repo_provider.profiles.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids[0], "mine", "{id}");
    assert!(ids[1].parse::<crate::id::ProfileId>().is_ok(), "{id}: {}", ids[1]);
}

#[test]
fn absent_keeps_and_null_or_blank_clears() {
    let mut profiles = bot();
    assert_eq!(patch(&mut profiles, &git(&json!({"profiles": [{"id": "p1"}]}))), [], "3.3/secret-absent");
    assert_eq!(profiles, bot(), "3.3/remark-absent");
    for (id, clear) in [("3.3/secret-null", Value::Null), ("3.3/secret-blank", json!("  "))] {
        let mut profiles = bot();
        let edits =
            patch(&mut profiles, &git(&json!({"profiles": [{"id": "p1", "token": clear, "cloneUsername": clear}]})));
        assert_eq!(edits, [gone("git/p1")], "{id}");
        assert!(!profiles.repo_provider.profiles[0].has_token, "{id}");
        assert_eq!(profiles.repo_provider.profiles[0].clone_username, None, "{id}");
        assert_eq!(
            patch(&mut profiles, &git(&json!({"profiles": [{"id": "p1", "token": clear}]}))),
            [],
            "{id}: nothing is left to clear"
        );
    }
    let edits =
        patch(&mut profiles, &git(&json!({"profiles": [{"id": "p1", "token": " t2 ", "cloneUsername": " x "}]})));
    assert_eq!(edits, [put("git/p1", "t2")], "3.3/secret-trimmed");
    assert_eq!(profiles.repo_provider.profiles[0].clone_username.as_deref(), Some("x"), "3.3/secret-trimmed");
}

#[test]
fn base_addresses_are_normal_or_dropped() {
    let id = "3.3/apiBaseUrl";
    let cases = [
        ("https://proxy/v1", Some("https://proxy/v1")),
        (" HTTP://Proxy ", Some("http://proxy/")),
        ("ftp://proxy", None),
        ("https://a b", None),
        ("https://ann:pw@proxy", None),
        ("https://ann@proxy", None),
        ("proxy", None),
        ("", None),
    ];
    for (sent, stored) in cases {
        let mut profiles = bot();
        let item = json!({"id": "m1", "apiBaseUrl": sent});
        patch(&mut profiles, &json!({"modelProviderCredential": {"codex": {"profiles": [item]}}}));
        let profile = &profiles.model_provider[&ModelProvider::Codex].profiles[0];
        assert_eq!(profile.api_base_url.as_deref(), stored, "{id}: {sent}");
        assert!(profile.has_api_key, "{id}");
    }
    assert_eq!(http_base_url("javascript:alert(1)"), None, "{id}");
}

#[test]
fn a_default_names_a_profile_or_nobody() {
    let id = "3.3/defaultProfileId";
    let default = |patched: Value| {
        let mut profiles = bot();
        patch(&mut profiles, &git(&patched));
        profiles.repo_provider.default_profile_id
    };
    assert_eq!(default(json!({})).as_deref(), Some("p1"), "{id}: absent keeps");
    assert_eq!(default(json!({"removeProfileIds": ["p1"]})), None, "{id}: absent keeps only what is there");
    assert_eq!(default(json!({"defaultProfileId": null})), None, "{id}: null clears");
    assert_eq!(default(json!({"defaultProfileId": "nobody"})), None, "{id}: unknown is none");
}

#[test]
fn null_wipes() {
    let mut profiles = bot();
    assert_eq!(patch(&mut profiles, &git(&Value::Null)), [gone("git/p1")], "2.4/repoProviderCredential-null");
    assert_eq!(profiles.repo_provider, ProfileSet::default(), "2.4/repoProviderCredential-null");
    let mut profiles = bot();
    let edits = patch(&mut profiles, &json!({"modelProviderCredential": null}));
    assert_eq!(edits, [gone("model/codex/m1")], "2.4/modelProviderCredential-null");
    assert_eq!(profiles.model_provider, BTreeMap::new(), "2.4/modelProviderCredential-null");
    let mut profiles = bot();
    patch(&mut profiles, &json!({"modelProviderCredential": {"claude_code": null}}));
    assert_eq!(profiles, bot(), "3.3/wipe-one");
    patch(&mut profiles, &json!({"modelProviderCredential": {"codex": null}}));
    assert!(profiles.model_provider.is_empty(), "3.3/wipe-one");
}

#[test]
fn pick_is_exact_then_default_then_first() {
    let id = "3.3/pick";
    let mut profiles = bot();
    let more = json!([{"id": "p0", "remark": "zero"}, {"id": "p2", "remark": "two"}]);
    patch(&mut profiles, &git(&json!({"profiles": more, "defaultProfileId": "p2"})));
    let set = &profiles.repo_provider;
    let picked = |set: &ProfileSet<GitProfile>, id| set.pick(id).map(|profile| profile.id.clone());
    assert_eq!(picked(set, Some("p0")).as_deref(), Some("p0"), "{id}");
    assert_eq!(picked(set, Some("nobody")), None, "{id}: an explicit id must exist");
    assert_eq!(picked(set, None).as_deref(), Some("p2"), "{id}: the default");
    let set = ProfileSet { default_profile_id: None, ..set.clone() };
    assert_eq!(picked(&set, None).as_deref(), Some("p1"), "{id}: the first");
    assert_eq!(ProfileSet::<GitProfile>::default().pick(None), None, "{id}: nobody");
}

#[test]
fn an_absent_body_is_an_empty_patch() {
    let (patch, errors) = read(&json!({}));
    assert!(patch.is_empty() && errors.is_empty(), "2.4/empty");
    assert!(!read(&json!({"repoProviderCredential": null})).0.is_empty(), "2.4/empty");
    assert!(!read(&json!({"modelProviderCredential": {"codex": {}}})).0.is_empty(), "2.4/empty");
}

#[test]
fn times_tell_creation_and_change() {
    let id = "3.3/times";
    let mut profiles = bot();
    let (patch, _) = read(&git(&json!({"profiles": [{"id": "p1", "remark": "new"}]})));
    patch.apply(&mut profiles, at(5), &Fixed(1)).unwrap();
    let profile = &profiles.repo_provider.profiles[0];
    assert_eq!((profile.created_at, profile.updated_at), (at(0), at(5)), "{id}");
    let untouched = &profiles.model_provider[&ModelProvider::Codex].profiles[0];
    assert_eq!(untouched.updated_at, at(0), "{id}");
}

#[test]
fn parallel_patches_merge_when_applied_to_fresh_copies() {
    let id = "3.3/parallel";
    let one = read(&git(&json!({"profiles": [{"id": "a", "remark": "a", "token": "ta"}]}))).0;
    let two = read(&git(&json!({"profiles": [{"id": "b", "remark": "b", "token": "tb"}]}))).0;
    let mut profiles = CredentialProfiles::default();
    for patch in [&one, &two] {
        patch.apply(&mut profiles, at(0), &Fixed(1)).unwrap();
    }
    let ids: BTreeSet<_> = profiles.repo_provider.profiles.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, BTreeSet::from(["a", "b"]), "{id}");
}
