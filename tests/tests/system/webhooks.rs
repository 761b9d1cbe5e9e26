//! `POST /api/webhook/{github,gitlab}/:repoId` (contract: hookcode 4.6; design 5.2, 8.1).

pub(crate) mod bodies;
mod bound;
mod dedupe;
mod hydration;
mod row;
mod unverified;
