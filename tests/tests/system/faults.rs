//! Every call of the main job, broken in every way: nothing is lost, nothing is doubled, nobody is left without an answer.
//!
//! [`job`] plays the main job with clients that try again as real ones do; [`matrix`] breaks its calls one by one.
//! [`background`] breaks the functions that nobody waits for, [`partial`] has batches end half done, [`skew`] has machines
//! disagree about the time.

mod background;
mod job;
mod matrix;
mod partial;
mod skew;
