//! Types and rules of the control plane.
//!
//! Pure: no AWS, no HTTP, no clock and no randomness of its own. A command takes what it needs (aggregate, input, now,
//! ids) and returns the changed aggregate or a [`error::DomainError`]; who may call it is decided by [`access`], how it
//! is stored by the `store` crate, how it looks on the wire by the function of that resource.

pub mod access;
pub mod attachment;
pub mod audit;
pub mod automation;
pub mod credential;
pub mod delivery;
pub mod error;
pub mod id;
pub mod input;
pub mod oidc;
pub mod operational_event;
pub mod organisation_hook;
pub mod package;
pub mod platform;
pub mod preview_env;
pub mod product;
pub mod provisioning;
pub mod repository;
pub mod review;
pub mod robot;
pub mod secret;
pub mod signing;
pub mod skill;
pub mod task;
pub mod time;
pub mod trusted_host;
pub mod vault_credential;
pub mod webhook;
