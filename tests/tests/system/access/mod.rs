//! Who gets in and how far: tenants, users, tokens, scopes (design: HTTP conventions).

mod bootstrap;
mod hygiene;
mod instances;
mod login;
mod network;
mod scopes;
mod suspended;
mod tenants;
mod tokens;
mod users;
