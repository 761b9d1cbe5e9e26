//! What operators are told: every kind by what the routers and functions do, once for each change.

mod kinds;
mod schema;
mod sending;
