//! APIs of other manners over the same registry: they read requests and write answers, and know no rule of their own.

pub(crate) mod abf;
pub(crate) mod nautes;
pub(crate) mod reviewboard;
pub(crate) mod shiftagent;
