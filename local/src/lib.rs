//! Embedded engines and the development server.
//!
//! [`engines`] puts an embedded DynamoDB and Secrets Manager behind the SDK's own HTTP client: no sockets, the true client
//! code, one database a test. [`line`] is the wire between client and engines: it counts calls and breaks them on purpose.
//! [`server`] is `cargo dev`.

pub mod demo;
pub mod double;
pub mod engines;
pub mod event_bus;
pub mod line;
pub mod mapping;
pub mod queues;
pub mod server;
pub mod stream;
pub mod stream_mapping;
pub mod table;
