//! `/api/repos/:id/webhook-deliveries` (contract: hookcode 2.9, 2.10, 3.8; design 4).

mod content;
mod filters;
mod lifetime;
mod list;
mod redeliver;
