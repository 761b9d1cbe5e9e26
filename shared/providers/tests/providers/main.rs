//! The egress client and the robot's token test against servers on loopback, well-behaved and hostile.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage up has failed")]

mod egress;
mod github;
mod gitlab;
mod hostile;
mod openapi;
mod private;
mod questions;
mod server;
