//! Models of a key (contract: hookcode 2.11).

use super::double::{Asked, Double, Said};
use repoplane_domain::robot::ModelProvider::{self, ClaudeCode, Codex, GeminiCli};
use repoplane_domain::secret::Secret;
use repoplane_providers::{Fault, ModelSource, ProviderError};
use serde_json::{Value, json};

const ALL: [ModelProvider; 3] = [Codex, ClaudeCode, GeminiCli];

fn key() -> Secret {
    Secret::new("sk-hunter2")
}

/// Two pages for each provider, in its own form.
fn pages(asked: &Asked) -> Said {
    Said::ok(match asked.path.as_str() {
        "/openai/v1/models" => match asked.parameter("after").as_deref() {
            None => json!({"object": "list", "data": [{"id": "zeta"}, {"id": " alpha "}], "has_more": true}),
            Some(" alpha ") => json!({"object": "list", "data": [{"id": "alpha"}, {"id": "beta"}]}),
            Some(other) => panic!("{other}"),
        },
        "/anthropic/v1/models" => match asked.parameter("after_id").as_deref() {
            None => json!({"data": [{"id": "zeta", "type": "model"}], "has_more": true, "last_id": "zeta"}),
            Some("zeta") => json!({"data": [{"id": "alpha"}, {"id": "beta"}], "has_more": false, "last_id": "beta"}),
            Some(other) => panic!("{other}"),
        },
        "/gemini/v1beta/models" => match asked.parameter("pageToken").as_deref() {
            None => json!({"models": [{"name": "models/zeta"}], "nextPageToken": "t/1"}),
            Some("t/1") => json!({"models": [{"name": "models/alpha"}, {"name": "tunedModels/beta"}]}),
            Some(other) => panic!("{other}"),
        },
        other => panic!("{other}"),
    })
}

fn base(double: &Double, provider: ModelProvider) -> String {
    let name = match provider {
        Codex => "openai/v1",
        ClaudeCode => "anthropic",
        GeminiCli => "gemini/v1beta/",
    };
    format!("{}/{name}", double.url())
}

#[tokio::test]
async fn all_pages_are_read_sorted_and_without_duplicates() {
    for provider in ALL {
        let double = Double::start(pages).await;
        let list = double.providers.models(provider, Some(&base(&double, provider)), &key()).await.unwrap().value;
        assert_eq!(list.models, ["alpha", "beta", "zeta"], "{provider}");
        assert_eq!(list.source, ModelSource::Remote);
        let asked = &double.asked()[0];
        let header = match provider {
            Codex => ("authorization", "Bearer sk-hunter2"),
            ClaudeCode => ("x-api-key", "sk-hunter2"),
            GeminiCli => ("x-goog-api-key", "sk-hunter2"),
        };
        assert_eq!(asked.header(header.0), header.1, "{provider}");
        let version = if provider == ClaudeCode { "2023-06-01" } else { "" };
        assert_eq!(asked.header("anthropic-version"), version);
        let size = ["limit", "pageSize"].map(|name| asked.parameter(name));
        let thousand = || Some("1000".to_owned());
        let expected = match provider {
            Codex => [None, None],
            ClaudeCode => [thousand(), None],
            GeminiCli => [None, thousand()],
        };
        assert_eq!(size, expected, "{provider}");
        assert!(!asked.query.contains("hunter2"));
        // The test of a key takes one call.
        let double = Double::start(pages).await;
        double.providers.check_model_key(provider, Some(&base(&double, provider)), &key()).await.unwrap();
        assert_eq!(double.calls().len(), 1);
    }
}

#[tokio::test]
async fn without_a_list_the_well_known_ones_are_named() {
    for provider in ALL {
        for (status, body) in [
            (404, json!({"error": "no such path"})),
            (405, Value::Null),
            (200, json!({"data": [], "models": []})),
            (200, json!({"data": [{"id": " "}, {"id": "a\nb"}, {"id": "x".repeat(201)}, {}], "models": []})),
        ] {
            let double = Double::start(move |_| Said::status(status, body.clone())).await;
            let list = double.providers.models(provider, Some(&base(&double, provider)), &key()).await.unwrap().value;
            assert_eq!(list.source, ModelSource::Fallback, "{provider} {status}");
            assert!(!list.models.is_empty() && list.models.is_sorted(), "{provider}");
        }
    }
}

#[tokio::test]
async fn a_refused_key_is_told_from_other_failures() {
    let invalid = json!({"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.",
        "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}});
    for (provider, status, body, is_key) in [
        (Codex, 401, json!({"error": {"message": "Incorrect API key provided: sk-hunter2"}}), true),
        (ClaudeCode, 401, json!({"type": "error", "error": {"type": "authentication_error"}}), true),
        (ClaudeCode, 403, json!({"type": "error", "error": {"type": "permission_error"}}), true),
        (GeminiCli, 400, invalid, true),
        (GeminiCli, 403, json!({"error": {"status": "PERMISSION_DENIED"}}), true),
        (GeminiCli, 400, json!({"error": {"message": "bad page size"}}), false),
        (Codex, 500, json!({}), false),
        (Codex, 429, json!({}), false),
        (Codex, 200, json!("text"), false),
        (ClaudeCode, 200, json!({"object": "something else"}), false),
    ] {
        let double = Double::start(move |_| Said::status(status, body.clone())).await;
        let base = base(&double, provider);
        let error = double.providers.check_model_key(provider, Some(&base), &key()).await.unwrap_err();
        assert_eq!(matches!(error, ProviderError::ModelKeyInvalid(_)), is_key, "{provider} {status} {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let list = double.providers.models(provider, Some(&base), &key()).await.unwrap_err();
        assert_eq!(list.fault(), error.fault());
    }
}

#[tokio::test]
async fn an_endless_list_ends() {
    let double = Double::start(|asked| {
        let page = asked.parameter("pageToken").map_or(0, |token| token.parse::<usize>().unwrap());
        let models: Vec<_> = (0..700).map(|n| json!({"name": format!("models/m{:06}", page * 700 + n)})).collect();
        Said::ok(json!({"models": models, "nextPageToken": (page + 1).to_string()}))
    })
    .await;
    let list = double.providers.models(GeminiCli, Some(&base(&double, GeminiCli)), &key()).await.unwrap().value;
    assert_eq!((list.models.len(), double.calls().len()), (5_000, 10));
    assert_eq!(list.models[0], "m000000");
    let double = Double::start(|_| Said::ok(json!({"data": [{"id": "a"}], "has_more": true, "last_id": "a"}))).await;
    double.providers.models(ClaudeCode, Some(&base(&double, ClaudeCode)), &key()).await.unwrap();
    assert_eq!(double.calls().len(), 2, "the same mark again ends the list");
    let double = Double::start(|_| Said::missing()).await;
    let error = double.providers.models(Codex, Some("http://10.0.0.1/"), &key()).await.unwrap_err();
    assert_eq!(error.fault(), Fault::AddressRefused);
}
