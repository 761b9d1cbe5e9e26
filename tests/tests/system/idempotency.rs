//! `Idempotency-Key`: a call with a key has its effect once, and is answered alike for a day (design 6).

mod calls;
mod flight;
mod keys;
