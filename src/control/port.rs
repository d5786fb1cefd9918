//! What control needs of a shard, and the queue in front of it.
//!
//! Commands are never dropped and never overtake one another. What a shard's own queue can not take
//! yet waits here; while too much waits, control takes no new requests ([`Lane::is_crowded`]), so
//! the bound is felt by whoever asks, not by commands. A shard that hangs is not waited for: what
//! it alone is needed for is refused ([`Lane::is_stalled`]), and everybody else is served.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::api::Refusal;
use super::placement::Gauge;

pub use crate::route::id::ShardIndex;
use crate::shard::command::{Command, Report};

/// So many commands may wait for one shard before control takes no more requests.
pub const BACKLOG_CROWDED: usize = 1_024;

/// A shard that takes none of its commands for so long hangs: nobody waits for it any more. A turn
/// takes a few milliseconds.
pub const STALLED: Duration = Duration::from_secs(1);

/// Why a command was not taken.
#[derive(Debug)]
pub enum Undelivered {
    /// The queue is full: here it is again, try later.
    Full(Command),
    /// The shard has ended, its socket is closed; nothing of it is in flight.
    Ended,
}

/// One shard, as control reaches it.
pub trait ShardPort {
    /// Hands a command over.
    ///
    /// # Errors
    /// `Full` gives it back; `Ended` is for good.
    fn send(&mut self, command: Command) -> Result<(), Undelivered>;

    /// What the shard reported next; `None`: nothing for now. Whoever fills the queue wakes
    /// control.
    fn poll_report(&mut self) -> Option<Report>;

    /// Whether the shard has ended by itself. Its reports have been polled before.
    fn has_ended(&self) -> bool;

    /// Host candidates of its peers, best first.
    fn candidates(&self) -> Vec<SocketAddr>;

    /// What it counts, by name.
    fn counters(&self) -> Vec<(&'static str, u64)>;

    /// Thousandths of its time that it was busy over the last seconds; `None`: nobody measures.
    fn busy_permille(&self) -> Option<u32> {
        None
    }

    /// What is counted of the ways between it and other shards: from and to which, name, count.
    fn mesh(&self) -> Vec<(usize, usize, &'static str, u64)> {
        Vec::new()
    }
}

/// A shard with the commands that wait for it.
#[derive(Debug)]
pub struct Lane<P> {
    /// The shard.
    pub port: P,
    /// Peers placed there.
    pub peers: usize,
    /// How busy it counts as.
    pub gauge: Gauge,
    backlog: VecDeque<Command>,
    /// Since when none of the backlog was taken, as far as the time was told.
    stuck: Option<Instant>,
    stalled: bool,
    ended: bool,
}

impl<P: ShardPort> Lane<P> {
    /// A shard without peers.
    pub fn new(port: P) -> Self {
        let (backlog, gauge) = (VecDeque::new(), Gauge::default());
        Self { port, peers: 0, gauge, backlog, stuck: None, stalled: false, ended: false }
    }

    /// Sends `command` after all that were pushed before.
    pub fn push(&mut self, command: Command) {
        if !self.ended {
            self.backlog.push_back(command);
            self.flush();
        }
    }

    /// Hands over what waits, as far as the shard takes it.
    pub fn flush(&mut self) {
        while let Some(command) = self.backlog.pop_front() {
            match self.port.send(command) {
                Ok(()) => (self.stuck, self.stalled) = (None, false),
                Err(Undelivered::Full(command)) => return self.backlog.push_front(command),
                Err(Undelivered::Ended) => return self.end(),
            }
        }
    }

    /// The shard is no more: what waits for it is void.
    pub fn end(&mut self) {
        self.ended = true;
        self.backlog = VecDeque::new();
        (self.stuck, self.stalled) = (None, false);
    }

    /// What time it is.
    pub fn tell_time(&mut self, now: Instant) {
        self.stuck = if self.backlog.is_empty() { None } else { self.stuck.or(Some(now)) };
        self.stalled = self.stuck.is_some_and(|since| now.duration_since(since) >= STALLED);
    }

    /// Whether none of its backlog was taken for [`STALLED`].
    pub fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// Whether to push a command that somebody may ask for as often as they like.
    ///
    /// # Errors
    /// `ShardStalled`.
    pub fn takes_more(&self) -> Result<(), Refusal> {
        if self.stalled { Err(Refusal::ShardStalled) } else { Ok(()) }
    }

    /// Its port leads to a shard that was started again.
    pub fn renew(&mut self) {
        (self.ended, self.gauge) = (false, Gauge::default());
    }

    /// Whether the shard has ended.
    pub fn is_ended(&self) -> bool {
        self.ended || self.port.has_ended()
    }

    /// How many commands wait here.
    pub fn backlog(&self) -> usize {
        self.backlog.len()
    }

    /// Whether no more should be asked for now.
    pub fn is_crowded(&self) -> bool {
        self.backlog.len() >= BACKLOG_CROWDED
    }
}
