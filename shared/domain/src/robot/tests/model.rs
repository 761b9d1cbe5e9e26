//! The contract's rows on `modelProviderConfig`.

use super::*;

fn normal(provider: ModelProvider, raw: &Value) -> Value {
    ModelConfig::normalize(provider, raw).public_view()
}

#[test]
fn defaults_by_provider() {
    let routing = json!({"mode": "fixed", "failoverPolicy": "disabled"});
    let network = json!({"network_access": false});
    let common = json!({"credentialSource": "user", "sandbox": "read-only", "routingConfig": routing});
    let cases = [
        (
            "3.6/defaults-codex",
            ModelProvider::Codex,
            json!({"model": "gpt-5.1-codex-max", "model_reasoning_effort": "medium"}),
        ),
        (
            "3.6/defaults-claude_code",
            ModelProvider::ClaudeCode,
            json!({"model": "claude-sonnet-4-5-20250929", "sandbox_workspace_write": network}),
        ),
        (
            "3.6/defaults-gemini_cli",
            ModelProvider::GeminiCli,
            json!({"model": "gemini-2.5-pro", "sandbox_workspace_write": network}),
        ),
    ];
    for (id, provider, own) in cases {
        let mut expected = common.clone();
        own.as_object().unwrap().iter().for_each(|(key, value)| expected[key] = value.clone());
        assert_eq!(ModelConfig::defaults(provider).public_view(), expected, "{id}");
        for raw in
            [json!({}), json!(null), json!([1]), json!("x"), json!({"model": 7, "sandbox": [], "routingConfig": 1})]
        {
            assert_eq!(normal(provider, &raw), expected, "{id}");
        }
    }
}

#[test]
fn rows_of_members() {
    use ModelProvider::{ClaudeCode, Codex, GeminiCli};
    let cases = [
        ("3.6/credentialSource", Codex, json!({"credentialSource": " REPO "}), "/credentialSource", json!("repo")),
        ("3.6/credentialSource", Codex, json!({"credentialSource": "team"}), "/credentialSource", json!("user")),
        (
            "3.6/credentialProfileId",
            Codex,
            json!({"credentialSource": "repo", "credentialProfileId": " p "}),
            "/credentialProfileId",
            json!("p"),
        ),
        (
            "3.6/credentialProfileId",
            Codex,
            json!({"credentialSource": "robot", "credentialProfileId": "p"}),
            "/credentialProfileId",
            Value::Null,
        ),
        (
            "3.6/credential",
            Codex,
            json!({"credentialSource": "robot", "credential": {"remark": " r ", "hasApiKey": true, "apiKey": CANARY}}),
            "/credential",
            json!({"hasApiKey": true, "remark": "r"}),
        ),
        ("3.6/credential", GeminiCli, json!({"credential": {"remark": "r"}}), "/credential", Value::Null),
        (
            "3.6/apiBaseUrl-codex",
            Codex,
            json!({"credentialSource": "robot", "credential": {"apiBaseUrl": " proxy:8080 "}}),
            "/credential/apiBaseUrl",
            json!("proxy:8080"),
        ),
        (
            "3.6/apiBaseUrl-claude_code",
            ClaudeCode,
            json!({"credentialSource": "robot", "credential": {"apiBaseUrl": "ftp://x"}}),
            "/credential/apiBaseUrl",
            Value::Null,
        ),
        (
            "3.6/apiBaseUrl-gemini_cli",
            GeminiCli,
            json!({"credentialSource": "robot", "credential": {"apiBaseUrl": "https://Proxy"}}),
            "/credential/apiBaseUrl",
            json!("https://proxy/"),
        ),
        ("3.6/model", ClaudeCode, json!({"model": " any-id "}), "/model", json!("any-id")),
        ("3.6/model", GeminiCli, json!({"model": " "}), "/model", json!("gemini-2.5-pro")),
        ("3.6/sandbox", Codex, json!({"sandbox": "workspace-write"}), "/sandbox", json!("workspace-write")),
        ("3.6/sandbox", Codex, json!({"sandbox": "danger-full-access"}), "/sandbox", json!("read-only")),
        (
            "3.6/model_reasoning_effort",
            Codex,
            json!({"model_reasoning_effort": "xhigh"}),
            "/model_reasoning_effort",
            json!("xhigh"),
        ),
        (
            "3.6/model_reasoning_effort",
            Codex,
            json!({"model_reasoning_effort": "max"}),
            "/model_reasoning_effort",
            json!("medium"),
        ),
        (
            "3.6/model_reasoning_effort",
            ClaudeCode,
            json!({"model_reasoning_effort": "high"}),
            "/model_reasoning_effort",
            Value::Null,
        ),
        (
            "3.6/sandbox_workspace_write",
            ClaudeCode,
            json!({"sandbox": "workspace-write", "sandbox_workspace_write": {"network_access": true}}),
            "/sandbox_workspace_write",
            json!({"network_access": true}),
        ),
        (
            "3.6/sandbox_workspace_write",
            GeminiCli,
            json!({"sandbox_workspace_write": {"network_access": true}}),
            "/sandbox_workspace_write",
            json!({"network_access": false}),
        ),
        (
            "3.6/sandbox_workspace_write",
            Codex,
            json!({"sandbox": "workspace-write", "sandbox_workspace_write": {"network_access": true}}),
            "/sandbox_workspace_write",
            Value::Null,
        ),
        (
            "3.6/routingConfig",
            Codex,
            json!({"routingConfig": {"mode": "availability_first", "fallbackProvider": "claude_code",
                                     "failoverPolicy": "fallback_provider_once"}}),
            "/routingConfig",
            json!({"mode": "availability_first", "fallbackProvider": "claude_code",
                   "failoverPolicy": "fallback_provider_once"}),
        ),
        (
            "3.6/fallback-own",
            Codex,
            json!({"routingConfig": {"fallbackProvider": "codex", "failoverPolicy": "fallback_provider_once"}}),
            "/routingConfig",
            json!({"mode": "fixed", "failoverPolicy": "disabled"}),
        ),
        (
            "3.6/fallback-absent",
            Codex,
            json!({"routingConfig": {"mode": "x", "failoverPolicy": "fallback_provider_once"}}),
            "/routingConfig",
            json!({"mode": "fixed", "failoverPolicy": "disabled"}),
        ),
        ("3.6/unknown-keys", Codex, json!({"temperature": 1}), "/temperature", Value::Null),
    ];
    for (id, provider, raw, pointer, expected) in cases {
        let seen = normal(provider, &raw).pointer(pointer).cloned().unwrap_or(Value::Null);
        assert_eq!(seen, expected, "{id}: {raw}");
    }
}

#[test]
fn clients_cannot_claim_a_key() {
    let id = "3.6/hasApiKey";
    let claim = json!({"credentialSource": "robot", "credential": {"hasApiKey": true}});
    let (pointer, message) = only_error(id, World::new().create(&body_with(&json!({"modelProviderConfig": claim}))));
    assert_eq!(pointer, "/modelProviderConfig/credential/apiKey", "{id}");
    assert_eq!(message, "codex apiKey is required (robot credential)", "{id}");
}

#[test]
fn a_key_that_cannot_be_used_is_refused() {
    let id = "3.6/apiKey-unusable";
    for key in ["x".repeat(8 * 1024 + 1), "a\u{0}b".to_owned()] {
        let config = json!({"credentialSource": "robot", "credential": {"apiKey": key}});
        let (pointer, _) = only_error(id, World::new().create(&body_with(&json!({"modelProviderConfig": config}))));
        assert_eq!(pointer, "/modelProviderConfig/credential/apiKey", "{id}");
    }
}

#[test]
fn the_stored_form_reads_back() {
    let id = "3.6/stored-shape";
    let robot = own(&World::new()).robot;
    let stored = serde_json::to_value(&robot).unwrap();
    assert_eq!(serde_json::from_value::<Robot>(stored).unwrap(), robot, "{id}");
    let claude = ModelConfig::defaults(ModelProvider::ClaudeCode);
    let stored = serde_json::to_value(&claude).unwrap();
    assert_eq!(serde_json::from_value::<ModelConfig>(stored).unwrap(), claude, "{id}: no effort of another provider");
}
