//! Egress, subscriber by subscriber: what is told to them besides media, and in which order and how
//! long they are served. `forward.rs` writes the media.
//!
//! One call does a bounded amount of work; what is left has its turn with the next one, after
//! commands and what came in meanwhile. There is no clock here: work is estimated.

use std::time::{Duration, Instant};

use super::dirty::Fanout;
use super::forward::{BATCH, Step, Tally};
use super::histogram::Histogram;
use super::latency::Latency;
use super::outbox::Outbox;
use super::peer::Peer;
use super::peers::arm;
use super::slab::{Key, Slab};
use super::stats::{Counter, Stats};
use super::track::Track;
use super::{Shard, ShardConfig, fanout, rtcp_out};
use crate::crypto::OVERHEAD_MAX;

/// Room for one DTLS flight datagram or RTCP compound.
pub(super) const CONTROL_MAX: usize = 1_472;

/// What one `sendmsg` costs, in nanoseconds (MEASURED.md), and each datagram that it takes: sealing
/// and the kernel's part of a longer train.
const TRAIN_NS: u64 = 3_300;
const PACKET_NS: u64 = 700;

/// How much of a turn's work is left.
pub(super) struct Budget {
    left_ns: u64,
}

impl Budget {
    fn new(most: Duration) -> Self {
        Self { left_ns: u64::try_from(most.as_nanos()).unwrap_or(u64::MAX) }
    }

    /// A train of `datagrams` was written.
    pub(super) fn spend(&mut self, datagrams: usize) {
        let cost = TRAIN_NS + PACKET_NS * datagrams as u64;
        self.left_ns = self.left_ns.saturating_sub(cost);
    }

    fn is_spent(&self) -> bool {
        self.left_ns == 0
    }
}

/// Whether all that waits for a peer was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Served {
    All,
    /// More than one batch waits.
    Some,
    /// `io` ran out of buffers.
    NoBuffer,
}

/// What serving a peer needs besides the peer.
pub(super) struct Turn<'t, O> {
    pub now: Instant,
    pub config: &'t ShardConfig,
    pub tracks: &'t Slab<Track>,
    pub outbox: &'t mut O,
    pub budget: &'t mut Budget,
    pub stats: &'t mut Stats,
    pub latency: &'t mut Latency,
    pub train_datagrams: &'t mut Histogram,
    pub tally: Tally,
}

impl Shard {
    /// Writes what waits into `outbox`, subscriber by subscriber, then acknowledges the tables
    /// whose predecessors have nothing queued or in flight any more. If it leaves something, though
    /// there are buffers, [`Shard::has_more`] says so.
    pub fn egress(&mut self, now: Instant, outbox: &mut impl Outbox) {
        if self.is_patient(now) {
            return;
        }
        fanout::flush(self);
        self.release_voices(now);
        self.turns = self.turns.wrapping_add(1);
        self.reseat(now);
        let mark = outbox.next();
        let mut budget = Budget::new(self.config.egress_budget);
        self.is_cut = self.send_farewells(&mut budget, outbox)
            && self.serve(now, &mut budget, outbox)
            && !(self.dirty.is_empty() && self.farewells.is_empty());
        self.acknowledge(mark, outbox.completed_below());
    }

    /// Whether the last egress left something that the next one can send at once.
    /// [`Shard::poll_timeout`] is a time that has passed then.
    pub fn has_more(&self) -> bool {
        self.is_cut
    }

    /// False: `io` ran out of buffers.
    fn send_farewells(&mut self, budget: &mut Budget, outbox: &mut impl Outbox) -> bool {
        while let Some((path, datagram)) = self.farewells.front() {
            if budget.is_spent() {
                return true;
            }
            let Some(buffer) = outbox.claim() else { return false };
            if let Some(room) = buffer.get_mut(..datagram.len()) {
                room.copy_from_slice(datagram);
                outbox.send(datagram.len(), datagram.len(), *path);
                budget.spend(1);
            }
            self.farewells.pop_front();
        }
        true
    }

    /// Serves peers until nothing is left or the budget is spent. False: `io` ran out of buffers.
    fn serve<O: Outbox>(&mut self, now: Instant, budget: &mut Budget, outbox: &mut O) -> bool {
        if self.dirty.is_empty() {
            return true;
        }
        let Shard { config, peers, tracks, dirty, due, stats, latency, train_datagrams, .. } = self;
        let mut steps = [Step::NONE; BATCH];
        let tally = Tally::default();
        let (tracks, config) = (&*tracks, &*config);
        let mut turn =
            Turn { now, config, tracks, outbox, budget, stats, latency, train_datagrams, tally };
        let mut has_buffers = true;
        while has_buffers && !turn.budget.is_spent() {
            let Some((fanout, key)) = dirty.pop() else { break };
            let Some(peer) = peers.get_mut(key) else { continue };
            if peer.sending.control {
                if !turn.control(peer) {
                    dirty.push_front(fanout, key);
                    has_buffers = false;
                    break;
                }
                peer.sending.control = false;
                arm(due, now, key, peer);
            }
            match turn.media(&mut peer.sending, &mut steps) {
                Served::All => (peer.sending.dirty, peer.sending.voice_since) = (false, None),
                Served::Some => dirty.push(fanout, key), // behind the others
                Served::NoBuffer => {
                    dirty.push_front(fanout, key); // the next egress begins with this one
                    has_buffers = false;
                }
            }
        }
        turn.tally.count(turn.stats);
        has_buffers
    }

    /// Puts a peer among those with something to send besides media.
    pub(super) fn touch(&mut self, key: Key<Peer>) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        peer.sending.control = true;
        if !peer.sending.dirty {
            peer.sending.dirty = true;
            self.dirty.push(Fanout::Short, key);
        }
    }
}

impl<O: Outbox> Turn<'_, O> {
    /// ICE, DTLS and RTCP. False: `io` ran out of buffers.
    fn control(&mut self, peer: &mut Peer) -> bool {
        if !self.transport(peer) {
            return false;
        }
        let Some(path) = peer.sending.path.filter(|_| peer.is_ready()) else {
            peer.sending.clear(); // nobody to send to: it was queued before the path was lost
            return true;
        };
        loop {
            let Some(buffer) = self.outbox.claim() else { return false };
            let room = buffer.len().min(CONTROL_MAX);
            let Some(plain) = buffer.get_mut(..room - OVERHEAD_MAX) else { return true };
            let clock = &self.config.clock;
            let Some(len) = rtcp_out::poll(self.now, clock, peer, self.tracks, self.stats, plain)
            else {
                return true;
            };
            let Some(sealer) = peer.sending.sealer.as_mut() else { return true };
            match sealer.seal_rtcp(len, buffer) {
                Ok(len) => self.outbox.send(len, len, path),
                Err(_) => return true,
            }
            self.budget.spend(1);
            self.stats.count(Counter::SentRtcp);
        }
    }

    /// ICE and DTLS have their own paths. False: `io` ran out of buffers.
    fn transport(&mut self, peer: &mut Peer) -> bool {
        loop {
            let Some(buffer) = self.outbox.claim() else { return false };
            let room = buffer.len().min(CONTROL_MAX);
            let Some(buffer) = buffer.get_mut(..room) else { return true };
            match peer.transport.poll_transmit(buffer) {
                Some(transmit) => self.outbox.send(transmit.len, transmit.len, transmit.path),
                None => return true,
            }
            self.budget.spend(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_ends() {
        let mut budget = Budget::new(Duration::from_micros(500));
        let mut trains = 0;
        while !budget.is_spent() {
            budget.spend(6);
            trains += 1;
        }
        assert_eq!(trains, 67, "66 of 7.5 µs, and the one that goes over");
        assert!(Budget::new(Duration::ZERO).is_spent());
        assert!(!Budget::new(Duration::MAX).is_spent());
    }
}
