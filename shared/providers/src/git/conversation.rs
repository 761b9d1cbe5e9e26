//! A conversation with `git-upload-pack` over a connection that both sides write to (Git: `gitprotocol-pack`).
//!
//! Each is a connection of its own: the other side speaks first, with what it has or what it can, and is asked then.

use super::RemoteRefs;
use super::address::{DaemonAddress, SshAddress};
use super::pkt_line::{Frame, first};
use super::refs::{self, Advertisement};
use super::ssh::{SshAccess, SshCommand};
use crate::clean::Cleaner;
use crate::egress::{CallKind, Egress, EgressConnection, Meter, RateLimit, Transport};
use crate::error::{ProviderError, Service};
use crate::target::Answered;
use repoplane_domain::credential::GitAccess;
use repoplane_domain::repository::Provider;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout_at;

/// Bytes that are read of a bare connection at once.
const PIECE: usize = 64 * 1024;

/// A remote that is spoken to over such a connection, and who asks it.
pub(super) struct StreamRemote<'a> {
    egress: &'a Egress,
    pub(super) service: Service,
    place: Place,
    pub(super) cleaner: Cleaner,
}

/// Where a remote is, and how a caller gets in.
enum Place {
    Ssh(SshAddress, SshAccess),
    /// Whoever asks is nobody: what is secret does not travel in the clear.
    Daemon(DaemonAddress),
}

impl<'a> StreamRemote<'a> {
    pub(super) async fn ssh(
        egress: &'a Egress,
        provider: Provider,
        address: SshAddress,
        access: &GitAccess,
    ) -> Result<Self, ProviderError> {
        let service = provider.into();
        let login = SshAccess::new(service, &address, access).await?;
        Ok(Self { egress, service, place: Place::Ssh(address, login), cleaner: cleaner(access) })
    }

    pub(super) fn daemon(egress: &'a Egress, provider: Provider, address: DaemonAddress) -> Self {
        Self { egress, service: provider.into(), place: Place::Daemon(address), cleaner: Cleaner::default() }
    }

    /// Whether anyone who reaches the place is let in.
    pub(super) fn is_open_to_all(&self) -> bool {
        matches!(self.place, Place::Daemon(_))
    }

    /// HEAD and the branches whose names begin so; all of them, where the remote speaks the first version only. The list
    /// comes along as it was.
    pub(super) async fn list(&self, branches: &str) -> Result<(Vec<u8>, Answered<RemoteRefs>), ProviderError> {
        let bad = |reason| ProviderError::answer(self.service, reason);
        let mut conversation = self.begin(CallKind::Git).await?;
        let offered = conversation.message().await?;
        let (body, value) = match refs::advertisement(&offered, &self.cleaner).map_err(bad)? {
            Advertisement::Refs(value) => (offered, value),
            Advertisement::Capabilities(capabilities) => {
                conversation.say(refs::ls_refs(&capabilities, branches)).await?;
                let answer = conversation.message().await?;
                let value = refs::result(&answer, &self.cleaner).map_err(bad)?;
                (answer, value)
            }
        };
        // Whoever needs no more says so before leaving; the other side would take a silent end for a fault.
        let _ = conversation.say(b"0000".to_vec()).await;
        Ok((body, Answered { value, rate_limit: RateLimit::default() }))
    }

    /// Connects; the other side speaks first.
    pub(super) async fn begin(&self, kind: CallKind) -> Result<Conversation, ProviderError> {
        let (service, cleaner) = (self.service, self.cleaner.clone());
        let (line, meter) = match &self.place {
            Place::Ssh(address, access) => {
                let trusted = self.egress.trusted();
                let command = SshCommand::upload_pack(self.egress, trusted, service, address, access, kind).await?;
                let meter = command.meter.clone();
                (Line::Ssh(command), meter)
            }
            Place::Daemon(DaemonAddress { host, port, path }) => {
                let connection = self.egress.connect(host, *port, Transport::Git, kind).await;
                let connection = connection.map_err(|source| ProviderError::network(service, source))?;
                let meter = connection.meter();
                let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                let request = format!("git-upload-pack {path}\0host={host}:{port}\0\0version=2\0");
                let mut conversation = Conversation::new(Line::Bare(connection), meter, service, cleaner);
                conversation.say(format!("{:04x}{request}", request.len() + 4).into_bytes()).await?;
                return Ok(conversation);
            }
        };
        Ok(Conversation::new(line, meter, service, cleaner))
    }
}

/// What texts of the other side must not show.
fn cleaner(access: &GitAccess) -> Cleaner {
    match access {
        GitAccess::Token { token, .. } => Cleaner::new(token),
        GitAccess::Key(key) => {
            let mut cleaner = Cleaner::new(&key.private_key);
            key.passphrase.iter().for_each(|passphrase| cleaner.know(passphrase));
            cleaner
        }
        GitAccess::Anonymous | GitAccess::App(_) => Cleaner::default(),
    }
}

enum Line {
    Ssh(SshCommand),
    Bare(EgressConnection),
}

/// One conversation.
pub(super) struct Conversation {
    line: Line,
    meter: Arc<Meter>,
    service: Service,
    cleaner: Cleaner,
    /// What has come and was not asked for yet.
    unread: Vec<u8>,
    silent: bool,
}

impl Conversation {
    fn new(line: Line, meter: Arc<Meter>, service: Service, cleaner: Cleaner) -> Self {
        Self { line, meter, service, cleaner, unread: Vec::new(), silent: true }
    }

    /// Writes.
    pub(super) async fn say(&mut self, message: Vec<u8>) -> Result<(), ProviderError> {
        let writing = async {
            match &mut self.line {
                Line::Ssh(command) => command.write(message).await,
                // That nobody listens any more shows when the answer does not come.
                Line::Bare(connection) => {
                    let _ = connection.write_all(&message).await;
                }
            }
        };
        let written = timeout_at(self.meter.deadline, writing).await;
        written.map_err(|_| ProviderError::network(self.service, self.meter.timeout()))
    }

    /// Frames up to the one that ends a message, with it.
    pub(super) async fn message(&mut self) -> Result<Vec<u8>, ProviderError> {
        let mut read = 0;
        loop {
            while let Some((frame, length)) = first(&self.unread[read..]).map_err(|reason| self.bad(reason))? {
                if let (0, Frame::Line(line)) = (read, frame)
                    && let Some(said) = line.strip_prefix(b"ERR ")
                {
                    let said = self.cleaner.text(&String::from_utf8_lossy(said));
                    return Err(ProviderError::NoRepository { service: self.service, said });
                }
                read += length;
                if frame == Frame::Flush {
                    let rest = self.unread.split_off(read);
                    return Ok(std::mem::replace(&mut self.unread, rest));
                }
            }
            match self.piece().await? {
                Some(piece) => self.unread.extend_from_slice(&piece),
                None => return Err(self.ended()),
            }
        }
    }

    /// The next piece of what comes; nothing at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, ProviderError> {
        if self.unread.is_empty() {
            return self.piece().await;
        }
        Ok(Some(std::mem::take(&mut self.unread)))
    }

    async fn piece(&mut self) -> Result<Option<Vec<u8>>, ProviderError> {
        let reading = async {
            match &mut self.line {
                Line::Ssh(command) => command.read().await,
                Line::Bare(connection) => {
                    let mut piece = vec![0; PIECE];
                    // What broke is told by the meter.
                    let length = connection.read(&mut piece).await.unwrap_or_default();
                    piece.truncate(length);
                    (length > 0).then_some(piece)
                }
            }
        };
        let piece = timeout_at(self.meter.deadline, reading).await;
        let piece = piece.map_err(|_| ProviderError::network(self.service, self.meter.timeout()))?;
        if let (None, Some(source)) = (&piece, self.meter.error()) {
            return Err(ProviderError::network(self.service, source));
        }
        self.silent &= piece.is_none();
        Ok(piece)
    }

    /// The other side has ended too early.
    fn ended(&self) -> ProviderError {
        let said = match &self.line {
            Line::Ssh(command) => command.words(&self.cleaner),
            Line::Bare(_) => String::new(),
        };
        match (self.silent, said.is_empty()) {
            (true, false) => ProviderError::NoRepository { service: self.service, said },
            (true, true) => self.bad("the remote ended the conversation without a word"),
            (false, _) => self.bad("the remote's answer is cut off"),
        }
    }

    fn bad(&self, reason: &'static str) -> ProviderError {
        ProviderError::answer(self.service, reason)
    }
}
