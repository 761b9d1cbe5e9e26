//! What is asked of providers, against small doubles that answer as GitHub, GitLab and the model providers publish.

mod activity;
mod again;
pub(crate) mod app;
mod borders;
pub(crate) mod double;
mod hooks;
mod listing;
mod meta;
mod models;
mod provision;
mod remote;
