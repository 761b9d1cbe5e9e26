//! Git over other transports than plain https, with real peers: an ssh server, Git's own daemon, a server with a certificate
//! of its own, and some that mean no good.

mod certificate;
mod daemon;
mod history;
mod hostile;
mod ssh;
mod ssh_keys;
