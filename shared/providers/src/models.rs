//! The models that a key may use (contract: hookcode 2.11).

use crate::call::{Call, Caller, Identification, base_url};
use crate::egress::Egress;
use crate::error::ProviderError;
use crate::fault::Fault;
use crate::target::Answered;
use http::StatusCode;
use http::header::{ACCEPT, AUTHORIZATION, HeaderName};
use repoplane_domain::robot::ModelProvider;
use repoplane_domain::secret::Secret;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Pages of a list that are read.
const MAX_PAGES: usize = 10;
/// Models of a list that are kept.
pub const MAX_MODELS: usize = 5_000;
/// Longest id of a model, in characters.
pub const MAX_MODEL_ID: usize = 200;
/// Models on a page, the most that Anthropic and Gemini give; OpenAI has no pages.
const MODEL_PAGE: usize = 1_000;
/// Longest mark of a next page that is sent back, in bytes.
const MAX_MARK: usize = 2_000;

/// Where the ids of a list come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelSource {
    /// From the provider.
    Remote,
    /// From the list of well-known models kept here: the provider has no such list.
    Fallback,
}

impl ModelSource {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remote => "remote",
            Self::Fallback => "fallback",
        }
    }
}

/// Ids of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelList {
    /// Sorted, without duplicates, at most [`MAX_MODELS`].
    pub models: Vec<String>,
    /// Where they come from.
    pub source: ModelSource,
}

/// What differs between the providers (contract: hookcode 2.11).
struct Api {
    default_base: &'static str,
    /// The last part of a base that names the version already.
    version: &'static str,
    header: (HeaderName, &'static str),
    fixed: &'static [(&'static str, &'static str)],
    page_size: Option<&'static str>,
    fallback: &'static [&'static str],
}

fn api(provider: ModelProvider) -> Api {
    match provider {
        // OpenAI API: models.
        ModelProvider::Codex => Api {
            default_base: "https://api.openai.com/v1",
            version: "v1",
            header: (AUTHORIZATION, "Bearer "),
            fixed: &[],
            page_size: None,
            fallback: &["gpt-5.1-codex-max", "gpt-5.1-codex-mini", "gpt-5.2"],
        },
        // Anthropic API: models.
        ModelProvider::ClaudeCode => Api {
            default_base: "https://api.anthropic.com",
            version: "v1",
            header: (HeaderName::from_static("x-api-key"), ""),
            fixed: &[("anthropic-version", "2023-06-01")],
            page_size: Some("limit"),
            fallback: &["claude-opus-4-20250929", "claude-sonnet-4-5-20250929"],
        },
        // Gemini API: models.
        ModelProvider::GeminiCli => Api {
            default_base: "https://generativelanguage.googleapis.com/v1beta",
            version: "v1beta",
            header: (HeaderName::from_static("x-goog-api-key"), ""),
            fixed: &[],
            page_size: Some("pageSize"),
            fallback: &["gemini-2.5-flash", "gemini-2.5-pro"],
        },
    }
}

/// One page of any of the three.
#[derive(Deserialize, Default)]
#[serde(default)]
struct ModelPage {
    data: Option<Vec<Model>>,
    models: Option<Vec<Model>>,
    has_more: bool,
    last_id: Option<String>,
    #[serde(rename = "nextPageToken")]
    next_page_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Model {
    id: Option<String>,
    name: Option<String>,
}

/// Why a list could not be read on.
enum Stop {
    /// The provider has no list.
    NoList,
    Failed(ProviderError),
}

/// All pages.
pub(crate) async fn list(
    egress: &Egress,
    provider: ModelProvider,
    base: Option<&str>,
    key: &Secret,
) -> Result<Answered<ModelList>, ProviderError> {
    let caller = caller(egress, provider, base, key)?.revalidating();
    let mut ids = BTreeSet::new();
    let mut mark = None;
    for _ in 0..MAX_PAGES {
        let page = match page(&caller, provider, mark.as_deref()).await {
            Ok(page) => page,
            Err(Stop::NoList) => break,
            Err(Stop::Failed(error)) => return Err(error),
        };
        let next = page.next(provider);
        let listed = page.data.or(page.models).unwrap_or_default();
        ids.extend(listed.iter().filter_map(|model| model.id(&caller, provider)));
        while ids.len() > MAX_MODELS {
            ids.pop_last();
        }
        // A server that answers with the same mark again would never end.
        if next.is_none() || next == mark {
            break;
        }
        mark = next;
    }
    let (models, source) = if ids.is_empty() {
        (api(provider).fallback.iter().map(ToString::to_string).collect(), ModelSource::Fallback)
    } else {
        (ids.into_iter().collect(), ModelSource::Remote)
    };
    Ok(caller.answered(ModelList { models, source }))
}

/// The first page only: whether the key is taken.
pub(crate) async fn check_key(
    egress: &Egress,
    provider: ModelProvider,
    base: Option<&str>,
    key: &Secret,
) -> Result<Answered<()>, ProviderError> {
    let caller = caller(egress, provider, base, key)?;
    match page(&caller, provider, None).await {
        Ok(_) | Err(Stop::NoList) => Ok(caller.answered(())),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn caller<'a>(
    egress: &'a Egress,
    provider: ModelProvider,
    base: Option<&str>,
    key: &Secret,
) -> Result<Caller<'a>, ProviderError> {
    let api = api(provider);
    let mut url = base_url(provider, base, api.default_base)?;
    let path = url.path().trim_end_matches('/').to_owned();
    if path.rsplit('/').next() != Some(api.version) {
        url.set_path(&format!("{path}/{}", api.version));
    }
    let (header, scheme) = api.header;
    let identification = Identification::token(provider, header, scheme, key)?;
    let fixed = api.fixed.iter().map(|(name, value)| (HeaderName::from_static(name), *value));
    let headers: Vec<_> = std::iter::once((ACCEPT, "application/json")).chain(fixed).collect();
    Ok(Caller::new(egress, provider, url, &headers, identification, Some(key)))
}

async fn page(caller: &Caller<'_>, provider: ModelProvider, mark: Option<&str>) -> Result<ModelPage, Stop> {
    let mut call = Call::get(&["models"]);
    if let Some(name) = api(provider).page_size {
        call = call.query(name, MODEL_PAGE);
    }
    if let Some(mark) = mark {
        let name = match provider {
            ModelProvider::Codex => "after",
            ModelProvider::ClaudeCode => "after_id",
            ModelProvider::GeminiCli => "pageToken",
        };
        call = call.query(name, mark);
    }
    let reply = caller.send(&call).await.map_err(stop)?;
    let page: ModelPage = reply.json().map_err(Stop::Failed)?;
    if page.data.is_none() && page.models.is_none() && provider != ModelProvider::GeminiCli {
        let reason = "the answer has not the documented fields";
        return Err(Stop::Failed(ProviderError::answer(provider, reason)));
    }
    Ok(page)
}

fn stop(error: ProviderError) -> Stop {
    let ProviderError::Status(answer) = &error else { return Stop::Failed(error) };
    match answer.status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Stop::NoList,
        _other if is_refused_key(answer) => Stop::Failed(ProviderError::ModelKeyInvalid(answer.clone())),
        _other => Stop::Failed(error),
    }
}

/// Gemini answers an unknown key with 400 and says so in the body's details.
fn is_refused_key(answer: &crate::error::ErrorAnswer) -> bool {
    match &answer.fault {
        Fault::TokenRejected { .. } | Fault::Forbidden => true,
        Fault::Refused { reason } => [reason, &answer.message]
            .iter()
            .any(|text| text.contains("API_KEY_INVALID") || text.contains("API key not valid")),
        Fault::NotFound
        | Fault::RateLimited { .. }
        | Fault::Unavailable
        | Fault::BadAnswer
        | Fault::AddressRefused
        | Fault::Untrusted
        | Fault::Unusable
        | Fault::NoBranch
        | Fault::NoCommits
        | Fault::Moved
        | Fault::TooLarge => false,
    }
}

impl ModelPage {
    /// The mark of the next page.
    fn next(&self, provider: ModelProvider) -> Option<String> {
        let last = || self.last_id.clone().or_else(|| self.data.as_ref()?.last()?.id.clone());
        let mark = match provider {
            ModelProvider::Codex | ModelProvider::ClaudeCode => self.has_more.then(last).flatten(),
            ModelProvider::GeminiCli => self.next_page_token.clone(),
        };
        mark.filter(|mark| !mark.is_empty() && mark.len() <= MAX_MARK)
    }
}

impl Model {
    /// The id, if it is one that can be shown and used.
    fn id(&self, caller: &Caller<'_>, provider: ModelProvider) -> Option<String> {
        let text = match provider {
            ModelProvider::Codex | ModelProvider::ClaudeCode => self.id.as_deref(),
            // `models/gemini-…`.
            ModelProvider::GeminiCli => self.name.as_deref().and_then(|name| name.rsplit('/').next()),
        };
        let text = text?.trim();
        let fit = !text.is_empty() && text.chars().count() <= MAX_MODEL_ID && !text.chars().any(char::is_control);
        // An id that holds the key would come out changed.
        (fit && caller.clean(text) == text).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models_url(provider: ModelProvider, base: Option<&str>) -> url::Url {
        let egress = Egress::default();
        let caller = caller(&egress, provider, base, &Secret::new("key")).unwrap();
        caller.url(&Call::get(&["models"])).unwrap()
    }

    #[test]
    fn the_version_is_added_once() {
        use ModelProvider::{ClaudeCode, Codex, GeminiCli};
        for (provider, base, expected) in [
            (Codex, None, "https://api.openai.com/v1/models"),
            (Codex, Some("https://ai.example/v1"), "https://ai.example/v1/models"),
            (Codex, Some("https://ai.example/v1/"), "https://ai.example/v1/models"),
            (Codex, Some("https://ai.example/openai"), "https://ai.example/openai/v1/models"),
            (Codex, Some("https://ai.example/v1beta"), "https://ai.example/v1beta/v1/models"),
            (ClaudeCode, None, "https://api.anthropic.com/v1/models"),
            (GeminiCli, None, "https://generativelanguage.googleapis.com/v1beta/models"),
            (GeminiCli, Some("https://ai.example"), "https://ai.example/v1beta/models"),
        ] {
            assert_eq!(models_url(provider, base).as_str(), expected);
        }
    }
}
