//! A walk through a plain Git remote: one commit is fetched without its history, indexed on disk, and read from there.
//!
//! What is fetched lies in a directory of its own, which goes with the last one who uses it: also on errors, when the time is
//! up, and when a library panics.

use super::asker::{self, Asker, Begun, PackAnswer};
use super::fetch::{NoPack, Server, Unframer};
use super::pack::{Incoming, Objects, PackFault};
use super::tree::{self, TreeFault};
use super::{head, specs};
use crate::egress::{EgressError, RateLimit};
use crate::error::ProviderError;
use crate::providers::Providers;
use crate::target::Answered;
use crate::walk::BranchHead;
use gix_hash::ObjectId;
use repoplane_domain::credential::GitAccess;
use repoplane_domain::package::SpecTree;
use repoplane_domain::repository::Provider;
use repoplane_domain::skill::WalkedTree;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use tokio::sync::mpsc::{self, Sender};
use tokio::task::spawn_blocking;

/// What the names of scratch directories begin with.
const SCRATCH: &str = "repoplane-walk-";
/// Pieces of a pack that wait for being indexed; each is about as long as a frame of the transport.
const WAITING_PIECES: usize = 16;

/// The folders with skills of a commit.
pub(crate) async fn walk(
    providers: &Providers,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
    of: &BranchHead,
) -> Result<Answered<WalkedTree>, ProviderError> {
    let (commit, walk, rate_limit) = begin(providers, provider, remote, access, of).await?;
    match walk.read(commit).await {
        Ok(value) => Ok(Answered { value, rate_limit }),
        Err(failure) => Err(cause(failure, providers, provider, remote, access, of).await),
    }
}

/// The spec files of a commit.
pub(crate) async fn walk_specs(
    providers: &Providers,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
    of: &BranchHead,
) -> Result<Answered<SpecTree>, ProviderError> {
    let (commit, walk, rate_limit) = begin(providers, provider, remote, access, of).await?;
    match walk.read_specs(commit).await {
        Ok(value) => Ok(Answered { value, rate_limit }),
        Err(failure) => Err(cause(failure, providers, provider, remote, access, of).await),
    }
}

/// Asks a remote what it can do.
async fn begin<'a>(
    providers: &'a Providers,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
    of: &BranchHead,
) -> Result<(ObjectId, Walk<'a>, RateLimit), ProviderError> {
    let commit = ObjectId::from_hex(of.commit.as_bytes());
    let commit = commit.map_err(|_| ProviderError::unusable(provider, "the commit's id is not a hash"))?;
    let Begun { asker, server, rate_limit, .. } = asker::begin(&providers.egress, provider, remote, access).await?;
    Ok((commit, Walk::new(asker, server, providers.scratch.as_deref())?, rate_limit))
}

/// Why a walk has brought nothing.
pub(super) async fn cause(
    failure: Failure,
    providers: &Providers,
    provider: Provider,
    remote: &str,
    access: &GitAccess,
    of: &BranchHead,
) -> ProviderError {
    match failure {
        // The remote does not say in a way for programs why it gives nothing.
        Failure::Refused => match head(&providers.egress, provider, remote, access, of.branch.as_deref()).await {
            Ok(now) if now.value.commit == of.commit => {
                ProviderError::answer(provider, "the remote refuses to give its contents")
            }
            Ok(_) => ProviderError::Moved { service: provider.into() },
            Err(error) => error,
        },
        Failure::Failed(error) => error,
    }
}

/// Why a walk ends early.
pub(super) enum Failure {
    /// The remote gives no pack.
    Refused,
    /// Everything else.
    Failed(ProviderError),
}

impl From<ProviderError> for Failure {
    fn from(error: ProviderError) -> Self {
        Self::Failed(error)
    }
}

/// Tells whoever works in the background that nobody waits any more.
struct StopAtTheEnd(Arc<AtomicBool>);

impl Drop for StopAtTheEnd {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Packs of one remote, and the place where they are kept for a while.
pub(super) struct Walk<'a> {
    pub(super) remote: Asker<'a>,
    pub(super) server: Server,
    scratch: Arc<TempDir>,
    stop: StopAtTheEnd,
}

impl<'a> Walk<'a> {
    pub(super) fn new(remote: Asker<'a>, server: Server, scratch: Option<&Path>) -> Result<Self, ProviderError> {
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(SCRATCH);
        let made = match scratch {
            Some(place) => builder.tempdir_in(place),
            None => builder.tempdir(),
        };
        let scratch = made.map_err(|_| fault(&remote, PackFault::Disk))?;
        Ok(Self { remote, server, scratch: Arc::new(scratch), stop: StopAtTheEnd(Arc::default()) })
    }

    async fn read(&self, commit: ObjectId) -> Result<WalkedTree, Failure> {
        let objects = self.fetch(commit, self.server.ask_for_commit(&commit.to_string())).await?;
        let stop = self.stop.0.clone();
        let walked = self.beside(move || {
            let mut objects = objects;
            let collector = tree::collect(&mut objects, &commit, &stop)?;
            let wanted: Vec<String> = collector.wanted().into_iter().map(str::to_owned).collect();
            let contents = tree::contents(&mut objects, &wanted, &stop)?;
            Ok((collector, wanted, contents))
        });
        let (collector, mut wanted, mut contents) = walked.await?.map_err(|fault| self.of_tree(fault))?;
        wanted.retain(|object| !contents.contains_key(object));
        if self.server.partial && !wanted.is_empty() {
            let ids: Vec<&str> = wanted.iter().map(String::as_str).collect();
            let objects = self.fetch(commit, self.server.ask_for_contents(&ids)).await?;
            let stop = self.stop.0.clone();
            let read = self.beside(move || {
                let mut objects = objects;
                tree::contents(&mut objects, &wanted, &stop)
            });
            contents.extend(read.await?.map_err(|pack| fault(&self.remote, pack))?);
        }
        let finished = collector.finish(&contents);
        Ok(finished.map_err(|too_much| ProviderError::too_large(self.remote.service(), too_much))?)
    }

    async fn read_specs(&self, commit: ObjectId) -> Result<SpecTree, Failure> {
        let objects = self.fetch(commit, self.server.ask_for_commit(&commit.to_string())).await?;
        let stop = self.stop.0.clone();
        let walked = self.beside(move || {
            let mut objects = objects;
            let found = specs::find(&mut objects, &commit)?;
            let wanted = found.wanted();
            let contents = specs::contents(&mut objects, &wanted, &stop)?;
            Ok((found, wanted, contents))
        });
        let (found, mut wanted, mut contents) = walked.await?.map_err(|pack| fault(&self.remote, pack))?;
        wanted.retain(|object| !contents.contains_key(object));
        if self.server.partial && !wanted.is_empty() {
            let ids: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let objects = self.fetch(commit, self.server.ask_for_contents(&ids)).await?;
            let stop = self.stop.0.clone();
            let read = self.beside(move || {
                let mut objects = objects;
                specs::contents(&mut objects, &wanted, &stop)
            });
            contents.extend(read.await?.map_err(|pack| fault(&self.remote, pack))?);
        }
        Ok(found.finish(&contents))
    }

    /// Asks for objects and indexes what comes, while it comes.
    pub(super) async fn fetch(&self, commit: ObjectId, question: Vec<u8>) -> Result<Objects, Failure> {
        let mut answer = self.remote.open(question).await?;
        let (pieces, incoming) = mpsc::channel(WAITING_PIECES);
        let incoming = Incoming::new(incoming, self.stop.0.clone());
        let scratch = self.scratch.clone();
        let indexing = self.beside(move || Objects::index(incoming, scratch.path(), commit.kind()));
        let (fed, indexed) = tokio::join!(self.feed(&mut answer, pieces), indexing);
        // An answer that ends too early also makes a broken pack, and is the cause.
        fed?;
        Ok(indexed?.map_err(|pack| fault(&self.remote, pack))?)
    }

    async fn feed(&self, answer: &mut PackAnswer, pieces: Sender<Vec<u8>>) -> Result<(), Failure> {
        let mut unframer = Unframer::new(self.server.second_version);
        let no_pack = |no_pack| match no_pack {
            NoPack::Bad(reason) => Failure::Failed(self.remote.bad(reason)),
            NoPack::Refused => Failure::Refused,
        };
        loop {
            let piece = match answer {
                PackAnswer::Http(answer) => answer.chunk().await.map_err(|error| self.of_egress(error))?,
                PackAnswer::Stream(conversation) => match conversation.chunk().await {
                    Err(ProviderError::Network { source, .. }) => return Err(self.of_egress((*source).clone()).into()),
                    other => other?,
                },
            };
            let Some(piece) = piece else { return unframer.end().map_err(no_pack) };
            let mut pack = Vec::new();
            unframer.take(&piece, &mut pack).map_err(no_pack)?;
            // Nobody listens any more once the pack is complete, or broken: the other side tells which.
            if !pack.is_empty() && pieces.send(pack).await.is_err() {
                return Ok(());
            }
            // The other side of a conversation waits for the next question, and ends nothing by itself.
            if let (PackAnswer::Stream(conversation), Ok(())) = (&mut *answer, unframer.end()) {
                let _ = conversation.say(b"0000".to_vec()).await;
                return Ok(());
            }
        }
    }

    /// What is set once nobody waits any more.
    pub(super) fn stop(&self) -> Arc<AtomicBool> {
        self.stop.0.clone()
    }

    /// Does work that blocks.
    pub(super) async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ProviderError> {
        let scratch = self.scratch.clone();
        let worked = spawn_blocking(move || {
            let result = work();
            drop(scratch);
            result
        });
        // A panic: a parser met what nobody thought of.
        worked.await.map_err(|_| fault(&self.remote, PackFault::Broken))
    }

    fn of_egress(&self, error: EgressError) -> ProviderError {
        if let EgressError::TooLarge { limit, .. } = error {
            let what = format!("its pack has more than {limit} bytes");
            return ProviderError::too_large(self.remote.service(), what);
        }
        ProviderError::network(self.remote.service(), error)
    }

    fn of_tree(&self, tree: TreeFault) -> ProviderError {
        match tree {
            TreeFault::Pack(pack) => fault(&self.remote, pack),
            TreeFault::TooMuch(too_much) => ProviderError::too_large(self.remote.service(), too_much),
        }
    }
}

pub(super) fn fault(remote: &Asker<'_>, fault: PackFault) -> ProviderError {
    match fault {
        PackFault::Broken => remote.bad("the remote's pack is broken"),
        PackFault::TooLarge(what) => ProviderError::too_large(remote.service(), what),
        PackFault::Stopped => {
            ProviderError::network(remote.service(), EgressError::Timeout { host: "the provider".to_owned() })
        }
        PackFault::Disk => ProviderError::too_large(remote.service(), "there is no room for it here"),
    }
}
