//! The one world that is driven outside of tests: a [`Shard`].

use std::time::{Duration, Instant};

use super::world::World;
use crate::route::id::ShardIndex;
use crate::shard::Shard;
use crate::shard::command::{Command, Report};
use crate::shard::mesh::Mesh;
use crate::shard::outbox::Outbox;
use crate::wire::path::Path;

impl World for Shard {
    type Command = Command;
    type Report = Report;

    const COUNTERS: usize = Shard::COUNTERS;

    fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        Shard::handle_datagram(self, now, path, datagram);
    }

    fn handle_command(&mut self, now: Instant, command: Command) {
        Shard::handle_command(self, now, command);
    }

    fn take_over(&mut self, now: Instant, mesh: &mut impl Mesh) {
        Shard::take_over(self, now, mesh);
    }

    fn hand_over(&mut self, now: Instant, mesh: &mut impl Mesh) {
        Shard::hand_over(self, now, mesh);
    }

    fn other_renewed(&mut self, _: Instant, other: ShardIndex) {
        Shard::bury(self, other);
    }

    fn handle_timeout(&mut self, now: Instant) {
        Shard::handle_timeout(self, now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Shard::poll_timeout(self)
    }

    fn hold_voices(&mut self, hold: Duration) {
        Shard::hold_voices(self, hold);
    }

    fn poll_voices(&self, now: Instant) -> Option<Instant> {
        Shard::poll_voices(self, now)
    }

    fn egress(&mut self, now: Instant, outbox: &mut impl Outbox) {
        Shard::egress(self, now, outbox);
    }

    fn transmitted(&mut self, now: Instant) {
        Shard::transmitted(self, now);
    }

    fn awaits_completion(&self) -> bool {
        Shard::awaits_completion(self)
    }

    fn poll_report(&mut self) -> Option<Report> {
        Shard::poll_report(self)
    }

    fn counters(&self, out: &mut [u64]) {
        for (place, count) in out.iter_mut().zip(self.counter_values()) {
            *place = count;
        }
    }
}
