//! `/api/repos/:id/skills` (open skill format; contract: shiftagent 7.6).

mod accept;
mod catalogue;
mod list;
mod manual;
