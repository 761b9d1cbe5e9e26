use super::*;
use crate::error::FieldErrors;
use crate::id::{RepositoryId, UserId};
use crate::repository::RegisterRepository;
use serde_json::json;

fn repository(provider: &str, url: &str) -> Repository {
    let now = Timestamp::from_second(0);
    let (id, tenant, user) = (RepositoryId::start_of(now), TenantId::start_of(now), UserId::start_of(now));
    let mut errors = FieldErrors::new();
    let body = json!({"name": "x", "repo_url": url, "provider": provider});
    let command = RegisterRepository::read(&body, &mut errors).command;
    assert!(errors.is_empty(), "{errors:?}");
    command.into_repository(id, 1, tenant, user, now).unwrap()
}

fn credential(kind: &str, secret: &str) -> (VaultCredential, Secret) {
    let body = json!({"name": "bot", "type": kind, "secret": secret});
    let command = CreateVaultCredential::read(&body).unwrap();
    let secret = command.secret.clone();
    let at = Timestamp::from_second(0);
    (command.into_credential(CredentialId::start_of(at), TenantId::start_of(at), at), secret)
}

#[test]
fn shiftagent_4_the_provider_decides_how_a_token_is_used() {
    for (provider, url, user) in [
        ("github", "https://github.com/acme/x", "x-access-token"),
        ("gitlab", "https://gitlab.com/acme/x", "oauth2"),
        ("bitbucket", "https://bitbucket.org/acme/x", "x-token-auth"),
        ("azure_devops", "https://dev.azure.com/acme/x/_git/x", "git"),
        ("generic", "https://git.example.com/x", "git"),
    ] {
        for kind in ["git_pat", "oauth_token", "api_key", "generic_secret", "something_else"] {
            let (credential, secret) = credential(kind, "s3cret");
            let access = credential.git_access(&repository(provider, url), secret.clone());
            let expected =
                GitAccess::Token { kind: GitTokenKind::Personal, username: Some(user.to_owned()), token: secret };
            assert_eq!(access, Ok(expected), "{provider} {kind}");
        }
    }
}

#[test]
fn shiftagent_8_user_and_password_are_taken_apart_and_so_are_key_and_passphrase() {
    let repository = repository("generic", "https://git.example.com/x");
    let access = |kind: &str, text: &str| {
        let (credential, secret) = credential(kind, text);
        credential.git_access(&repository, secret)
    };
    let expected = GitAccess::Token {
        kind: GitTokenKind::Personal,
        username: Some("ann".to_owned()),
        token: Secret::new("pass:word"),
    };
    assert_eq!(access("basic_auth", "ann:pass:word"), Ok(expected));
    let pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
    let key = |passphrase: Option<&str>| {
        let passphrase = passphrase.map(Secret::new);
        Ok(GitAccess::Key(SshKey { username: None, private_key: Secret::new(pem), passphrase }))
    };
    assert_eq!(access("git_ssh_key", pem), key(None));
    let locked = json!({"private_key": pem, "passphrase": "open sesame"});
    assert_eq!(access("git_ssh_key", &locked.to_string()), key(Some("open sesame")));
    let bad = [
        ("basic_auth", "s3cret"),
        ("basic_auth", ":s3cret"),
        ("basic_auth", "s3cret:"),
        ("git_ssh_key", "s3cret"),
        ("git_ssh_key", r#"{"private_key": "s3cret", "passphrase": "s3cret"}"#),
        ("git_ssh_key", r#"{"private_key": "-----BEGIN PRIVATE KEY-----s3cret"}"#),
        ("git_ssh_key", r#"{"s3cret": 1}"#),
    ];
    for (kind, text) in bad {
        let Err(Unusable(reason)) = access(kind, text) else { panic!("{kind} {text}") };
        assert!(!reason.contains("s3cret"), "{reason}");
    }
}

#[test]
fn shiftagent_8_every_wrong_field_of_a_credential_is_named_and_no_message_has_the_secret() {
    let pointers = |body: &Value| match CreateVaultCredential::read(body) {
        Err(DomainError::Invalid(errors)) => {
            assert!(!format!("{errors:?}").contains("s3cret"), "{errors:?}");
            errors.as_slice().iter().map(|error| error.pointer.clone()).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(pointers(&json!({})), ["/name", "/type", "/secret"]);
    assert_eq!(pointers(&json!({"name": " ", "type": "a b", "secret": ["s3cret"]})), ["/name", "/type", "/secret"]);
    let good = json!({"name": "n", "type": "git_pat", "secret": "s3cret"});
    for (key, value, pointer) in [
        ("metadata", json!({"a": 1}), "/metadata/a"),
        ("metadata", Value::Null, "/metadata"),
        ("value", json!("s3cret"), "/value"),
        ("secret", json!("x".repeat(MAX_VAULT_SECRET_BYTES + 1)), "/secret"),
        ("secret", json!(""), "/secret"),
    ] {
        let mut body = good.clone();
        body[key] = value;
        assert_eq!(pointers(&body), [pointer], "{key}");
    }
    assert!(CreateVaultCredential::read(&good).is_ok());
}
