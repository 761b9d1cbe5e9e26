//! The API's description: what each operation takes and answers, said once beside its router and rendered as OpenAPI 3.1.
//!
//! A function describes its operations with [`Operation`]; paths and methods come from its [`crate::Routes`], so that what is
//! described and what is served cannot drift: [`document`] refuses a route without a description and the other way round.
//! Nothing of this runs in a deployed function. The document is assembled by `cargo openapi` and checked in.

mod answer;
mod document;
mod operation;
pub mod schema;

pub use answer::Answer;
pub use document::{DocumentError, Part, document};
pub use operation::{Access, Archived, Operation, Parameter};
