//! Who is asked for packs: a remote that has said what it can do, on either kind of transport.

use super::Remote;
use super::RemoteRefs;
use super::conversation::{Conversation, StreamRemote};
use super::fetch::Server;
use super::refs::{self, Advertisement};
use super::smart_http::{HttpRemote, PROTOCOL, REQUEST, RESULT};
use crate::call;
use crate::clean::Cleaner;
use crate::egress::{CallKind, Egress, EgressRequest, EgressResponse, EgressStream, RateLimit};
use crate::error::{ProviderError, Service};
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use std::sync::{Mutex, PoisonError};

/// Longest body of a refusal that is read, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;

/// A remote that has answered the first question.
pub(super) struct Begun<'a> {
    /// Who is asked further.
    pub(super) asker: Asker<'a>,
    /// What it can do.
    pub(super) server: Server,
    /// How it said so; in the first version of the protocol its references are among it.
    pub(super) offered: Vec<u8>,
    pub(super) rate_limit: RateLimit,
}

/// Asks a remote what it can do.
pub(super) async fn begin<'a>(
    egress: &'a Egress,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
) -> Result<Begun<'a>, ProviderError> {
    Ok(match Remote::new(egress, provider, remote, access).await? {
        Remote::Http(asker) => {
            let answer = asker.advertisement(true).await?;
            let server = server(&answer.body, asker.service, &asker.cleaner)?;
            let (asker, rate_limit) = (Asker::Http(asker.moved(&answer)), RateLimit::of(&answer.headers));
            Begun { asker, server, offered: answer.body, rate_limit }
        }
        Remote::Stream(asker) => {
            let mut begun = asker.begin(CallKind::Pack).await?;
            let offered = begun.message().await?;
            let server = server(&offered, asker.service, &asker.cleaner)?;
            let asker = Asker::Stream(Box::new(asker), Mutex::new(Some(begun)));
            Begun { asker, server, offered, rate_limit: RateLimit::default() }
        }
    })
}

/// Who is asked for packs.
pub(super) enum Asker<'a> {
    Http(HttpRemote<'a>),
    /// With the conversation in which the other side has said what it can; it serves for the first question.
    Stream(Box<StreamRemote<'a>>, Mutex<Option<Conversation>>),
}

impl Asker<'_> {
    pub(super) fn service(&self) -> Service {
        match self {
            Self::Http(remote) => remote.service,
            Self::Stream(remote, _) => remote.service,
        }
    }

    pub(super) fn bad(&self, reason: &'static str) -> ProviderError {
        ProviderError::answer(self.service(), reason)
    }

    /// What texts of the other side must not show.
    pub(super) fn cleaner(&self) -> &Cleaner {
        match self {
            Self::Http(remote) => &remote.cleaner,
            Self::Stream(remote, _) => &remote.cleaner,
        }
    }

    /// HEAD and the branches whose names begin so, with the list as it was; all branches, where the remote speaks the
    /// first version only and has told them with what it `offered`.
    pub(super) async fn list(&self, offered: &[u8], branches: &str) -> Result<(Vec<u8>, RemoteRefs), ProviderError> {
        let bad = |reason| self.bad(reason);
        let capabilities = match refs::advertisement(offered, self.cleaner()).map_err(bad)? {
            Advertisement::Refs(refs) => return Ok((offered.to_vec(), refs)),
            Advertisement::Capabilities(capabilities) => capabilities,
        };
        let question = refs::ls_refs(&capabilities, branches);
        let body = match self {
            Self::Http(remote) => remote.ask(question).await?.body,
            Self::Stream(remote, begun) => {
                let mut conversation = conversation(remote, begun).await?;
                conversation.say(question).await?;
                let body = conversation.message().await?;
                // The same conversation serves for the next question.
                begun.lock().unwrap_or_else(PoisonError::into_inner).replace(conversation);
                body
            }
        };
        let refs = refs::result(&body, self.cleaner()).map_err(bad)?;
        Ok((body, refs))
    }

    /// Says that nothing more is asked: the other side of a conversation would take a silent end for a fault.
    pub(super) async fn leave(&self) {
        if let Self::Stream(_, begun) = self {
            let begun = begun.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(mut conversation) = begun {
                let _ = conversation.say(b"0000".to_vec()).await;
            }
        }
    }

    /// Asks for a pack, which is read piece by piece.
    pub(super) async fn open(&self, question: Vec<u8>) -> Result<PackAnswer, ProviderError> {
        let (remote, begun) = match self {
            Self::Http(remote) => return Ok(PackAnswer::Http(Box::new(remote.open(question).await?))),
            Self::Stream(remote, begun) => (remote, begun),
        };
        let mut conversation = conversation(remote, begun).await?;
        conversation.say(question).await?;
        Ok(PackAnswer::Stream(Box::new(conversation)))
    }
}

/// An answer with a pack.
pub(super) enum PackAnswer {
    Http(Box<EgressStream>),
    Stream(Box<Conversation>),
}

/// The conversation that has begun, or a new one.
async fn conversation(
    remote: &StreamRemote<'_>,
    begun: &Mutex<Option<Conversation>>,
) -> Result<Conversation, ProviderError> {
    let begun = begun.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(conversation) = begun {
        return Ok(conversation);
    }
    let mut conversation = remote.begin(CallKind::Pack).await?;
    conversation.message().await?;
    Ok(conversation)
}

/// What the other side can do, by what it says first.
fn server(offered: &[u8], service: Service, cleaner: &Cleaner) -> Result<Server, ProviderError> {
    let advertised = refs::advertisement(offered, cleaner);
    Ok(match advertised.map_err(|reason| ProviderError::answer(service, reason))? {
        Advertisement::Capabilities(capabilities) => Server::new(true, &capabilities),
        Advertisement::Refs(_) => Server::new(false, &refs::first_capabilities(offered)),
    })
}

impl HttpRemote<'_> {
    /// The same where its first answer came from: Git's clients go on where they were led at first. What is secret stays
    /// with the origin it was meant for.
    fn moved(self, answer: &EgressResponse) -> Self {
        let Some(mut url) = answer.moved_to.clone() else { return self };
        let Some(path) = url.path().strip_suffix("/info/refs").map(str::to_owned) else { return self };
        let authorization = self.authorization.filter(|_| url.origin() == self.url.origin());
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        Self { url, authorization, ..self }
    }

    /// `POST <remote>/git-upload-pack`, whose answer is read piece by piece.
    async fn open(&self, body: Vec<u8>) -> Result<EgressStream, ProviderError> {
        let mut request = EgressRequest::new(Method::POST, self.below("git-upload-pack"))
            .kind(CallKind::Pack)
            .header(CONTENT_TYPE, HeaderValue::from_static(REQUEST))
            .header(ACCEPT, HeaderValue::from_static(RESULT))
            .header(PROTOCOL, HeaderValue::from_static("version=2"))
            .body(body);
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        let opened = self.egress.open(request).await;
        let mut answer = opened.map_err(|source| ProviderError::network(self.service, source))?;
        if !answer.status.is_success() {
            let said = answer.rest(MAX_REFUSAL).await.unwrap_or_default();
            return Err(call::error(self.service, answer.status, &answer.headers, &said, &self.cleaner));
        }
        self.check_media_type(&answer.headers, RESULT)?;
        Ok(answer)
    }
}
