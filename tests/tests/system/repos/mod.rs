//! `/api/repos`: register, look, list, change, archive (contract: hookcode 2.1–2.6, 4.1–4.3).

mod archive;
mod archived;
mod budgets;
mod change;
mod create;
mod delete;
mod filters;
mod identity_lock;
mod list;
mod races;
mod references;
mod show;
mod webhook_secret;

pub(crate) use races::{at_once, second_of};
