//! What the server says of itself (`/metrics`, `/proc`), and the CPU time of our own threads.

use std::time::Instant;

/// One reading of the server. What it does not tell is zero or `None`.
#[derive(Clone, Debug)]
pub struct Scrape {
    /// When it was read.
    pub at: Instant,
    /// CPU time of the process.
    pub cpu_seconds: f64,
    /// CPU time of each shard's thread.
    pub shard_cpu_seconds: Vec<f64>,
    /// Resident memory.
    pub resident_bytes: u64,
    /// Packets forwarded since it started.
    pub forwarded: u64,
    /// Packets received.
    pub received: u64,
    /// Packets dropped, for any reason.
    pub dropped: u64,
    /// System calls or submissions that sent.
    pub submissions: u64,
    /// Trains sent.
    pub trains: u64,
    /// Busy time of each shard.
    pub busy_seconds: Vec<f64>,
}
