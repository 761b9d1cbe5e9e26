//! The contract's texts on the credentials of a new robot.

use super::*;

#[test]
fn rows_of_git_credential_texts() {
    let (source, profile) = ("/repoCredentialSource", "/repoCredentialProfileId");
    let git = |source: &str, profile: &str| json!({"repoCredentialSource": source, "repoCredentialProfileId": profile});
    let cases = [
        (
            "2.13/text/source-unknown",
            git("team", "p1"),
            source,
            "repoCredentialSource must be robot/user/repo/global or null",
        ),
        (
            "2.13/text/source-required",
            git("<absent>", "p1"),
            source,
            "repoCredentialSource is required when selecting a credential profile",
        ),
        (
            "2.13/text/source-and-profile-required",
            git("<absent>", "<absent>"),
            source,
            "repoCredentialSource and repoCredentialProfileId are required",
        ),
        (
            "2.13/text/robot-with-profile",
            git("robot", "p1"),
            profile,
            "repoCredentialProfileId must be null when repoCredentialSource=robot",
        ),
        (
            "2.13/text/token-with-profile-source",
            json!({"token": "t"}),
            "/token",
            "token must be null when repoCredentialSource is user/repo/global",
        ),
        (
            "2.13/text/profile-required",
            git("user", "<absent>"),
            profile,
            "repoCredentialProfileId is required when repoCredentialSource is user/repo",
        ),
        (
            "2.13/text/remark-unsupported",
            json!({"repoCredentialRemark": null}),
            "/repoCredentialRemark",
            "repoCredentialRemark is only supported for repoCredentialSource=robot",
        ),
        (
            "2.13/text/absent-user",
            git("user", "x"),
            profile,
            "repoCredentialProfileId does not exist in your account credentials",
        ),
        (
            "2.13/text/absent-repo",
            git("repo", "x"),
            profile,
            "repoCredentialProfileId does not exist in repo-scoped credentials",
        ),
        (
            "2.13/text/absent-global",
            git("global", "x"),
            profile,
            "repoCredentialProfileId does not exist in global credentials",
        ),
        (
            "2.13/text/token-missing-user",
            git("user", "u0"),
            profile,
            "selected repo credential profile token is missing",
        ),
        (
            "2.13/text/token-missing-repo",
            git("repo", "p0"),
            profile,
            "selected repo-scoped repo provider token is missing",
        ),
        (
            "2.13/text/token-missing-global",
            git("global", "g0"),
            profile,
            "selected global repo provider token is missing",
        ),
    ];
    for (id, changes, pointer, message) in cases {
        let error = only_error(id, World::new().create(&body_with(&changes)));
        assert_eq!(error, (pointer.to_owned(), message.to_owned()), "{id}");
    }
}

#[test]
fn rows_of_model_credential_texts() {
    let (key, profile) = ("/modelProviderConfig/credential/apiKey", "/modelProviderConfig/credentialProfileId");
    let config = |source: &str, id: &str| json!({"credentialSource": source, "credentialProfileId": id});
    let cases = [
        (
            "2.13/model/key-required",
            json!({"credentialSource": "robot", "credential": {"apiKey": " "}}),
            key,
            "gemini_cli apiKey is required (robot credential)",
        ),
        (
            "2.13/model/profile-required",
            json!({"credentialSource": "repo"}),
            profile,
            "gemini_cli credentialProfileId is required when credentialSource is user/repo",
        ),
        (
            "2.13/model/absent-user",
            config("user", "x"),
            profile,
            "gemini_cli credentialProfileId does not exist in your account credentials",
        ),
        (
            "2.13/model/absent-repo",
            config("repo", "x"),
            profile,
            "gemini_cli credentialProfileId does not exist in repo-scoped credentials",
        ),
        (
            "2.13/model/absent-global",
            config("global", "x"),
            profile,
            "gemini_cli credentialProfileId does not exist in global credentials",
        ),
        ("2.13/model/key-missing-user", config("user", "u0"), profile, "selected gemini_cli profile apiKey is missing"),
        (
            "2.13/model/key-missing-repo",
            config("repo", "p0"),
            profile,
            "selected repo-scoped gemini_cli apiKey is missing",
        ),
        (
            "2.13/model/key-missing-global",
            config("global", "g0"),
            profile,
            "selected global gemini_cli apiKey is missing",
        ),
        (
            "2.13/model/default-source",
            json!("<absent>"),
            profile,
            "gemini_cli credentialProfileId is required when credentialSource is user/repo",
        ),
    ];
    for (id, config, pointer, message) in cases {
        let changes = json!({"modelProvider": "gemini_cli", "modelProviderConfig": config});
        let error = only_error(id, World::new().create(&body_with(&changes)));
        assert_eq!(error, (pointer.to_owned(), message.to_owned()), "{id}");
    }
}

#[test]
fn stores_that_do_not_exist_hold_nothing() {
    let world = World::without_other_stores();
    let cases = [
        ("2.13/no-user-store", "user", "u1", "does not exist in your account credentials"),
        ("2.13/no-global-store", "global", "<absent>", "does not exist in global credentials"),
    ];
    for (id, source, profile, text) in cases {
        let config = json!({"credentialSource": source, "credentialProfileId": profile});
        let changes = json!({
            "repoCredentialSource": source,
            "repoCredentialProfileId": profile,
            "modelProviderConfig": config,
        });
        let errors = errors(world.create(&body_with(&changes)));
        let messages: Vec<_> = errors.iter().map(|error| error.message.clone()).collect();
        let expected = [format!("repoCredentialProfileId {text}"), format!("codex credentialProfileId {text}")];
        assert_eq!(messages, expected, "{id}");
    }
}
