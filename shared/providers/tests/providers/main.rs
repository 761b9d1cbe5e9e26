//! The egress client and the robot's token test against servers on loopback, well-behaved and hostile.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage up has failed")]

mod egress;
#[path = "../../../../tests/src/git_server.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the whole-system tests, where it is public")]
mod git_server;
mod github;
mod gitlab;
mod history;
mod hostile;
mod openapi;
mod private;
mod questions;
mod server;
#[path = "../../../../tests/src/ssh_server.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the whole-system tests, where it is public")]
mod ssh_server;
#[path = "../../../../tests/src/tls_front.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the whole-system tests, where it is public")]
mod tls_front;
mod transport;
mod walk;
