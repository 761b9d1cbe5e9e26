//! `git-upload-pack` on another host, over ssh.
//!
//! There is no agent, no configuration and no list of known hosts here: the caller says which keys of which host are
//! trusted, and nothing is told to a host before its key is (RFC 4253, 8; RFC 4252).

mod key;

use super::address::{SshAddress, quoted};
use crate::clean::Cleaner;
use crate::egress::{CallKind, Egress, Meter, Transport};
use crate::error::{ProviderError, Service};
use crate::untrusted::{LoginRefusal, Untrusted};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use repoplane_domain::credential::GitAccess;
use repoplane_domain::secret::Secret;
use repoplane_domain::trusted_host::{HostKey, HostPort, MAX_HOST_KEY_BYTES, TrustedHosts};
use russh::client::{self, AuthResult, Handle, Msg};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg, MethodKind, Preferred, SshId};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

/// The user where neither the address nor the credential names one: every large host of repositories has it.
const DEFAULT_USER: &str = "git";
/// What the other side writes for people, as far as it is read, in bytes.
const MAX_WORDS: usize = 4 * 1024;
/// What may come before it is asked for, in bytes.
const WINDOW: u32 = 1024 * 1024;
/// Longest packet that may come, in bytes (RFC 4253, 6.1).
const MAX_PACKET: u32 = 32 * 1024;
/// Packets that wait for being read.
const WAITING_PACKETS: usize = 16;

/// How a user logs in.
pub(super) enum Login {
    /// With nothing but the name.
    Nobody,
    /// With a password.
    Password(Secret),
    /// With a key.
    Key(Arc<PrivateKey>),
}

/// A user and the way in.
pub(super) struct SshAccess {
    user: String,
    login: Login,
}

impl SshAccess {
    /// Makes an access ready; a locked key is opened.
    pub(super) async fn new(service: Service, address: &SshAddress, access: &GitAccess) -> Result<Self, ProviderError> {
        let (username, login) = match access {
            GitAccess::Anonymous => (None, Login::Nobody),
            GitAccess::Token { username, token, .. } => (username.as_deref(), Login::Password(token.clone())),
            GitAccess::Key(key) => {
                let opened = key::open(key).await;
                let opened = opened.map_err(|reason| ProviderError::unusable(service, reason))?;
                (key.username.as_deref(), Login::Key(Arc::new(opened)))
            }
            GitAccess::App(_) => {
                return Err(ProviderError::unusable(service, "a GitHub App has no access to a plain Git remote"));
            }
        };
        let named = username.map(str::trim).filter(|user| !user.is_empty());
        let user = address.user.as_deref().or(named).unwrap_or(DEFAULT_USER).to_owned();
        Ok(Self { user, login })
    }
}

/// A command on the other host: what is written to it and what it writes.
pub(super) struct SshCommand {
    // Ends the connection when it is dropped.
    _session: Handle<HostCheck>,
    channel: Channel<Msg>,
    pub(super) meter: Arc<Meter>,
    words: Vec<u8>,
}

impl SshCommand {
    /// Connects, checks whom the connection reached, logs in and starts the command.
    pub(super) async fn upload_pack(
        egress: &Egress,
        trusted: &TrustedHosts,
        service: Service,
        address: &SshAddress,
        access: &SshAccess,
        kind: CallKind,
    ) -> Result<Self, ProviderError> {
        let place = HostPort::new(&address.host, address.port);
        let place = place.map_err(|_| ProviderError::unusable(service, "the remote URL has no host"))?;
        let connection = egress.connect(&address.host, address.port, Transport::Ssh, kind).await;
        let connection = connection.map_err(|source| ProviderError::network(service, source))?;
        let meter = connection.meter();
        let known: Vec<HostKey> = trusted.keys(&place).cloned().collect();
        let config = Arc::new(config(&known));
        let refused: Arc<Mutex<Option<Untrusted>>> = Arc::default();
        let check = HostCheck { place, known, refused: refused.clone() };
        let talking = async {
            let session = client::connect_stream(config, connection, check).await;
            let mut session = session.map_err(|error| {
                let untrusted = refused.lock().unwrap_or_else(PoisonError::into_inner).take();
                match untrusted {
                    Some(untrusted) => ProviderError::Untrusted { service, untrusted: Arc::new(untrusted) },
                    None => broken(service, &meter, &error),
                }
            })?;
            let broken = |error: russh::Error| broken(service, &meter, &error);
            let logged_in = log_in(&mut session, access).await.map_err(broken)?;
            logged_in.map_err(|refusal| ProviderError::NotLetIn { service, refusal })?;
            let channel = session.channel_open_session().await.map_err(broken)?;
            // Servers that do not take it speak the first version of the protocol.
            channel.set_env(false, "GIT_PROTOCOL", "version=2").await.map_err(broken)?;
            channel.exec(true, format!("git-upload-pack {}", quoted(&address.path))).await.map_err(broken)?;
            Ok((session, channel))
        };
        // On the heap: the client's futures are large.
        let talked = tokio::time::timeout_at(meter.deadline, Box::pin(talking)).await;
        let talked = talked.unwrap_or_else(|_| Err(ProviderError::network(service, meter.timeout())));
        let (session, channel) = talked?;
        Ok(Self { _session: session, channel, meter, words: Vec::new() })
    }

    /// What the command writes next; nothing when it has ended.
    pub(super) async fn read(&mut self) -> Option<Vec<u8>> {
        loop {
            let message = self.channel.wait().await?;
            // A command that fails to start ends with the first.
            if matches!(message, ChannelMsg::Failure | ChannelMsg::Close) {
                return None;
            }
            if let ChannelMsg::ExtendedData { data, .. } = &message {
                let room = MAX_WORDS.saturating_sub(self.words.len());
                self.words.extend_from_slice(&data[..data.len().min(room)]);
            }
            // What else a channel can say is of no meaning here. The end of the output is not the end of the words.
            if let ChannelMsg::Data { data } = message {
                return Some(data.to_vec());
            }
        }
    }

    /// Writes to the command. That nobody reads any more shows when the answer does not come.
    pub(super) async fn write(&mut self, bytes: Vec<u8>) {
        let _ = self.channel.data_bytes(bytes).await;
    }

    /// What the command wrote for people.
    pub(super) fn words(&self, cleaner: &Cleaner) -> String {
        cleaner.text(&String::from_utf8_lossy(&self.words))
    }
}

/// Settings of the client. Keys of the algorithms that are known of the host are asked for first: a host with several
/// keys must show the one that is trusted.
fn config(known: &[HostKey]) -> client::Config {
    let mut preferred = Preferred::default();
    let is_known = |algorithm: &Algorithm| known.iter().any(|key| is_of(key, algorithm));
    let (mut first, others): (Vec<_>, Vec<_>) = preferred.key.iter().cloned().partition(is_known);
    first.extend(others);
    preferred.key = Cow::Owned(first);
    client::Config {
        client_id: SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-repoplane_", env!("CARGO_PKG_VERSION")))),
        preferred,
        window_size: WINDOW,
        maximum_packet_size: MAX_PACKET,
        channel_buffer_size: WAITING_PACKETS,
        ..client::Config::default()
    }
}

/// Whether a key can be shown under an algorithm.
fn is_of(key: &HostKey, algorithm: &Algorithm) -> bool {
    key.algorithm == name_of(algorithm)
}

/// What keys of an algorithm are called: those of RSA differ in the hash of their signatures alone.
fn name_of(algorithm: &Algorithm) -> &str {
    if matches!(algorithm, Algorithm::Rsa { .. }) { "ssh-rsa" } else { algorithm.as_str() }
}

/// What a broken session comes to.
fn broken(service: Service, meter: &Meter, error: &russh::Error) -> ProviderError {
    if let Some(source) = meter.error() {
        return ProviderError::network(service, source);
    }
    let reason = if matches!(error, russh::Error::Version) {
        "the remote does not speak ssh"
    } else if matches!(error, russh::Error::NoCommonAlgo { .. }) {
        "the remote speaks ssh with no algorithm that is safe"
    } else if matches!(error, russh::Error::WrongServerSig) {
        "the remote does not have the host key that it shows"
    } else if matches!(error, russh::Error::ChannelOpenFailure(_)) {
        "the remote lets in, and starts no command"
    } else {
        // The wording of the rest is of the library's inside.
        "the remote broke the ssh session off"
    };
    ProviderError::answer(service, reason)
}

async fn log_in(session: &mut Handle<HostCheck>, access: &SshAccess) -> Result<Result<(), LoginRefusal>, russh::Error> {
    let user = access.user.as_str();
    let (result, refusal) = match &access.login {
        Login::Nobody => (session.authenticate_none(user).await?, LoginRefusal::PasswordWanted),
        Login::Password(password) => {
            (session.authenticate_password(user, password.expose()).await?, LoginRefusal::Password)
        }
        Login::Key(key) => {
            let mut hash = None;
            if key.algorithm().is_rsa() {
                // Never with SHA-1, whatever the server takes.
                let best = session.best_supported_rsa_hash().await?.flatten();
                hash = best.or(Some(HashAlg::Sha512));
            }
            let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
            (session.authenticate_publickey(user, key).await?, LoginRefusal::Key)
        }
    };
    Ok(match result {
        AuthResult::Success => Ok(()),
        // The client takes the end of a connection for a refusal.
        AuthResult::Failure { remaining_methods, .. } if remaining_methods.is_empty() && session.is_closed() => {
            return Err(russh::Error::Disconnect);
        }
        AuthResult::Failure { remaining_methods, .. } => {
            let takes = |method: MethodKind| remaining_methods.contains(&method);
            let wants_key = takes(MethodKind::PublicKey) && refusal != LoginRefusal::Key;
            let no_password = refusal == LoginRefusal::PasswordWanted || !takes(MethodKind::Password);
            Err(if wants_key && no_password { LoginRefusal::KeyWanted } else { refusal })
        }
    })
}

/// Compares the host's key with those that are trusted.
pub(super) struct HostCheck {
    place: HostPort,
    known: Vec<HostKey>,
    refused: Arc<Mutex<Option<Untrusted>>>,
}

impl client::Handler for HostCheck {
    type Error = russh::Error;

    /// Asked after the host has proved that it has the key.
    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        // Certificates are not asked for.
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let bytes = key.to_bytes().map_err(russh::keys::Error::from)?;
        if bytes.len() > MAX_HOST_KEY_BYTES {
            return Ok(false);
        }
        let algorithm = name_of(&key.algorithm()).to_owned();
        let offered = HostKey { algorithm, key: STANDARD.encode(bytes) };
        if self.known.contains(&offered) {
            return Ok(true);
        }
        let place = self.place.clone();
        let same = self.known.iter().find(|known| known.algorithm == offered.algorithm);
        let untrusted = match same.or(self.known.first()) {
            Some(expected) => Untrusted::ChangedHostKey { place, expected: expected.clone(), offered },
            None => Untrusted::UnknownHostKey { place, offered },
        };
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(untrusted);
        Ok(false)
    }
}
