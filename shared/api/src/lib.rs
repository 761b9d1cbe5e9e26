//! The HTTP toolkit of the functions: who calls, what they may touch, what a wrong request is answered.
//!
//! A handler asks for what it needs by type ([`access::Repo`], [`body::JsonBody`]) and cannot be reached without the check
//! that the type stands for; it answers a value or a [`problem::Problem`]. [`edge::edge`] wraps a router with what every
//! request needs: a tolerant path, a request id, one log line, and no panic that escapes.

pub mod accept;
pub mod access;
pub mod answer;
pub mod app;
pub mod body;
mod clients;
pub mod cursor;
pub mod dialect;
pub mod edge;
pub mod gateway;
pub mod idempotency;
pub mod lambda;
pub mod limits;
pub mod observe;
pub mod oidc;
pub mod openapi;
pub mod precondition;
pub mod problem;
pub mod query;
pub mod routes;
pub mod token;

pub use answer::Answer;
pub use app::{App, Clock, SystemClock, SystemIds};
pub use dialect::{Asked, Dialect};
pub use idempotency::{Posted, PostedBody, answer_once};
pub use limits::RateLimits;
pub use observe::Observer;
pub use precondition::IfMatch;
pub use problem::Problem;
pub use routes::{Route, Routes};
