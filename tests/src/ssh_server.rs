//! An ssh server on loopback with real Git commands behind it. Its host keys can be changed while it runs.
//!
//! The tests of `shared/providers` take this file in as it is, so it needs nothing of this crate.

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, MethodKind, MethodSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;

/// The user whom the server lets in.
pub const SSH_USER: &str = "git";
/// That user's password.
pub const SSH_PASSWORD: &str = "correct horse battery staple";

/// A password at which the server breaks the connection off.
pub const HANG_UP: &str = "hang up";

/// A key that is the same in every run.
pub fn ssh_key(seed: u8) -> PrivateKey {
    Ed25519Keypair::from_seed(&[seed; 32]).into()
}

/// The key of [`SSH_USER`].
pub fn user_key() -> PrivateKey {
    ssh_key(200)
}

/// How a server behaves.
#[derive(Debug, Clone)]
pub struct SshServerKind {
    /// Whether it speaks the second version of Git's protocol.
    pub second_version: bool,
    /// Whether it leaves contents out when it is asked to.
    pub partial: bool,
    /// How users may log in.
    pub methods: Vec<MethodKind>,
    /// Keys that let [`SSH_USER`] in.
    pub users: Vec<PublicKey>,
}

impl Default for SshServerKind {
    fn default() -> Self {
        Self {
            second_version: true,
            partial: true,
            methods: vec![MethodKind::PublicKey, MethodKind::Password],
            users: vec![user_key().public_key().clone()],
        }
    }
}

/// A server that is there until the runtime of its test ends.
#[derive(Debug, Clone)]
pub struct SshServer {
    /// Where it listens.
    pub address: SocketAddr,
    host_keys: Arc<Mutex<Vec<PrivateKey>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl SshServer {
    /// Serves all repositories below `root`, and shows the host key of seed 1.
    ///
    /// # Panics
    /// When there is no port left.
    pub async fn start(root: &Path, kind: SshServerKind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let server = Self { address, host_keys: Arc::new(Mutex::new(vec![ssh_key(1)])), asked: Arc::default() };
        let (there, root) = (server.clone(), root.to_owned());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let config = server::Config {
                    keys: there.host_keys.lock().expect("no panic").clone(),
                    methods: MethodSet::from(kind.methods.as_slice()),
                    auth_rejection_time: Duration::ZERO,
                    ..server::Config::default()
                };
                let (kind, root, asked) = (kind.clone(), root.clone(), there.asked.clone());
                let visitor = Visitor { kind, root, asked, second_version: false, channel: None };
                tokio::spawn(async move {
                    if let Ok(session) = server::run_stream(Arc::new(config), stream, visitor).await {
                        let _ = session.await;
                    }
                });
            }
        });
        server
    }

    /// Shows these host keys from the next connection on.
    ///
    /// # Panics
    /// When an answer panicked.
    pub fn show(&self, keys: &[PrivateKey]) {
        *self.host_keys.lock().expect("no panic") = keys.to_vec();
    }

    /// What users gave away, as `login` and `command` lines, of every connection so far.
    ///
    /// # Panics
    /// When an answer panicked.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }

    /// The address of a repository, with the user's name in it.
    pub fn url(&self, path: &str) -> String {
        format!("ssh://{SSH_USER}@{}{path}", self.address)
    }
}

struct Visitor {
    kind: SshServerKind,
    root: PathBuf,
    asked: Arc<Mutex<Vec<String>>>,
    second_version: bool,
    channel: Option<Channel<Msg>>,
}

impl Visitor {
    fn note(&self, what: String) {
        self.asked.lock().expect("no panic").push(what);
    }

    fn decide(&self, accepted: bool) -> Auth {
        let proceed_with_methods = Some(MethodSet::from(self.kind.methods.as_slice()));
        if accepted { Auth::Accept } else { Auth::Reject { proceed_with_methods, partial_success: false } }
    }
}

impl server::Handler for Visitor {
    type Error = russh::Error;

    async fn auth_none(&mut self, user: &str) -> Result<Auth, Self::Error> {
        self.note(format!("login {user} none"));
        Ok(self.decide(false))
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        self.note(format!("login {user} password"));
        if password == HANG_UP {
            return Err(russh::Error::Disconnect);
        }
        let taken = self.kind.methods.contains(&MethodKind::Password);
        Ok(self.decide(taken && (user, password) == (SSH_USER, SSH_PASSWORD)))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        self.note(format!("login {user} {}", key.algorithm));
        let known = self.kind.users.iter().any(|known| known.key_data() == key.public_key.key_data());
        Ok(self.decide(user == SSH_USER && known))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channel = Some(channel);
        reply.accept().await;
        Ok(())
    }

    async fn env_request(
        &mut self,
        _channel: ChannelId,
        name: &str,
        value: &str,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.second_version |= self.kind.second_version && (name, value) == ("GIT_PROTOCOL", "version=2");
        Ok(())
    }

    /// Runs the command as a login shell would.
    async fn exec_request(&mut self, id: ChannelId, command: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        let command = String::from_utf8_lossy(command).into_owned();
        self.note(format!("command {command}"));
        let Some(channel) = self.channel.take() else { return session.channel_failure(id) };
        let mut shell = Command::new("sh");
        shell.current_dir(&self.root).args(["-c", &command]).kill_on_drop(true);
        shell.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        shell.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "uploadpack.allowFilter");
        shell.env("GIT_CONFIG_VALUE_0", self.kind.partial.to_string());
        if self.second_version {
            shell.env("GIT_PROTOCOL", "version=2");
        }
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        session.channel_success(id)?;
        let handle = session.handle();
        tokio::spawn(async move {
            let mut child = shell.spawn().expect("a shell");
            let (mut stdin, mut stdout) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
            let mut stderr = child.stderr.take().expect("piped");
            let (mut read, write) = channel.split();
            // Goes on until the visitor leaves, or the command has ended.
            let feeding = tokio::spawn(async move {
                let mut reader = read.make_reader();
                let _ = tokio::io::copy(&mut reader, &mut stdin).await;
                let _ = stdin.shutdown().await;
            });
            let mut writer = write.make_writer();
            let _ = tokio::io::copy(&mut stdout, &mut writer).await;
            let mut words = Vec::new();
            let _ = stderr.read_to_end(&mut words).await;
            let _ = handle.extended_data(id, 1, words).await;
            let status = child.wait().await.ok().and_then(|status| status.code()).unwrap_or(255);
            let _ = handle.exit_status_request(id, u32::try_from(status).unwrap_or(255)).await;
            let _ = handle.eof(id).await;
            let _ = handle.close(id).await;
            feeding.abort();
        });
        Ok(())
    }
}
