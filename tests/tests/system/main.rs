//! Whole-system tests; the modules mirror the URLs and the promises of the design.

mod main_job;
mod policies;
mod preview_env;
mod webhooks;
