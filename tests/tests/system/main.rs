//! Whole-system tests; the modules mirror the URLs and the promises of the design.

mod access;
mod automation;
mod budgets;
mod credentials;
mod deliveries;
mod errors;
mod events;
mod faults;
mod integration_tokens;
mod first_posts;
mod main_job;
mod members;
mod policies;
mod preview_env;
mod repos;
mod robots;
mod tasks;
mod webhooks;
