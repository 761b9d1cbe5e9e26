//! What is asked of a repository's provider: meta and activity, validation, its webhook there, listings, and the models of
//! a model provider (contract: hookcode 2.7, 2.8, 2.11, 4.7).

pub(crate) mod activity;
pub(crate) mod fault;
pub(crate) mod hook;
pub(crate) mod listing;
pub(crate) mod meta;
pub(crate) mod models;
pub(crate) mod reach;
pub(crate) mod validate;
pub(crate) mod warm;

pub(crate) use warm::Warm;
