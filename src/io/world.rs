//! What a driver drives: one core's world, without system calls and without a clock.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::route::id::ShardIndex;
use crate::shard::mesh::Mesh;
use crate::shard::outbox::Outbox;
use crate::wire::path::Path;

/// Where a world is started: given to the function that makes it, on the shard's own thread.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Index of the shard, from 0.
    pub shard: usize,
    /// The UDP port of the shard.
    pub port: u16,
    /// Addresses the socket can be reached by, best first.
    pub local: Vec<IpAddr>,
    /// 32 bytes of the kernel's random numbers, different for each seat.
    pub seed: [u8; 32],
    /// The time.
    pub now: Instant,
}

/// One core's world. All its time and all its bytes come by these calls, from one thread.
pub trait World {
    /// What it is told.
    type Command: Send + 'static;
    /// What it tells.
    type Report: Send + 'static;

    /// How many numbers [`World::counters`] writes.
    const COUNTERS: usize = 0;

    /// A datagram came in. The memory goes back to the kernel when this returns.
    fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]);

    /// A command came in. Commands are never dropped and keep their order.
    fn handle_command(&mut self, now: Instant, command: Self::Command);

    /// Called once a turn, with ingress: take what other worlds sent.
    fn take_over(&mut self, now: Instant, mesh: &mut impl Mesh) {
        let _ = (now, mesh);
    }

    /// Called once a turn, before egress: send what is for other worlds.
    fn hand_over(&mut self, now: Instant, mesh: &mut impl Mesh) {
        let _ = (now, mesh);
    }

    /// Another world was started again: what was known of it is void. What it sends comes later
    /// than this, and what is sent to it from now on reaches the new one.
    fn other_renewed(&mut self, now: Instant, other: ShardIndex) {
        let _ = (now, other);
    }

    /// [`World::poll_timeout`] has come.
    fn handle_timeout(&mut self, now: Instant);

    /// When to call [`World::handle_timeout`]; a time that has passed makes the next turn follow at
    /// once.
    fn poll_timeout(&self) -> Option<Instant>;

    /// How long voices may wait for company from now on. Called once a turn, before egress.
    fn hold_voices(&mut self, hold: Duration) {
        let _ = hold;
    }

    /// When egress is wanted again for voices that wait, unless it is called anyway.
    fn poll_voices(&self, now: Instant) -> Option<Instant> {
        let _ = now;
        None
    }

    /// Called once a turn: send what is to be sent. When `outbox.claim()` says `None`, it is called
    /// again as soon as a submission completes; if [`World::poll_timeout`] has passed, at once.
    fn egress(&mut self, now: Instant, outbox: &mut impl Outbox);

    /// What `egress` wrote was handed to the kernel by `now`. Called once a turn.
    fn transmitted(&mut self, now: Instant) {
        let _ = now;
    }

    /// Whether the world waits for what it submitted to complete ([`Outbox::completed_below`]):
    /// then egress is called again as soon as something completes.
    fn awaits_completion(&self) -> bool {
        false
    }

    /// The next report. Not called while there is no room for one.
    fn poll_report(&mut self) -> Option<Self::Report>;

    /// Writes the world's counters, to be published. Called every 100 ms at most.
    fn counters(&self, out: &mut [u64]) {
        let _ = out;
    }
}
