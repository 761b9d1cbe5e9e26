//! Whole-system tests; the modules mirror the URLs and the promises of the design.

mod access;
mod administrators;
mod automation;
mod budgets;
mod corpus;
mod credentials;
mod deliveries;
mod errors;
mod events;
mod faults;
mod first_posts;
mod idempotency;
mod integration_tokens;
mod main_job;
mod members;
mod named_events;
mod policies;
mod preconditions;
mod preview_env;
mod repos;
mod robots;
mod secret_writes;
mod tasks;
mod webhooks;
