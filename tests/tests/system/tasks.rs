//! `/api/repos/:id/tasks` and `/api/tasks/:id` (contract: hookcode 3.9; design 8.3, 8.4, 8.5).

mod claim;
mod filters;
mod groups;
mod moves;
mod races;
mod retry;
mod rights;
mod schedules;
pub(crate) mod work;
