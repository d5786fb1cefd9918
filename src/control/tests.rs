//! The floor as a whole: requests in, commands out to shards that check their order, replies when
//! due.

mod endings;
pub(super) mod fake;
mod random;
mod requests;
mod threads;
