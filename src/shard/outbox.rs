//! Where egress writes: memory that belongs to `io`, lent one train at a time.
//!
//! A claimed slot is a value; `send` consumes it, dropping it gives it back. Submissions are
//! numbered, so a shard can wait until everything it had submitted before a revoke is done.

use crate::wire::path::Path;

/// Largest train: 64 segments and 65,000 bytes (DESIGN.md §3).
pub const TRAIN_MAX: usize = 65_000;

/// Number of a submission, growing by one each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Submission(pub u64);

/// What `io` offers a shard for sending.
pub trait Outbox {
    /// The memory of the next train, [`TRAIN_MAX`] bytes or more; `None` when all are in flight.
    /// The same memory is offered again until [`Outbox::send`] takes it.
    fn claim(&mut self) -> Option<&mut [u8]>;

    /// Submits the first `len` bytes of the claimed memory as datagrams of `segment` bytes each
    /// (the last may be shorter; `segment == len`: one datagram) along `path`. The memory is
    /// `InFlight` until its last completion.
    fn send(&mut self, len: usize, segment: usize, path: Path);

    /// The number the next submission will have.
    fn next(&self) -> Submission;

    /// Everything numbered below this is complete.
    fn completed_below(&self) -> Submission;
}
