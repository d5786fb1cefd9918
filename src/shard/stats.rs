//! What a shard counts. Plain numbers of one thread; `io` publishes a copy now and then.

use std::time::Instant;

use super::histogram::{Scale, scale};
use super::{Shard, latency, micros};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// One thing that is counted; the discriminant indexes [`Stats`].
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub enum Counter { $($(#[$doc])* $name,)* }

        impl Counter {
            /// All of them, in discriminant order.
            pub const ALL: &[Counter] = &[$(Counter::$name,)*];

            /// Its name on `/metrics`: `family` or `family{label="value"}` written
            /// `family/label=value`.
            pub fn name(self) -> &'static str {
                match self { $(Counter::$name => $text,)* }
            }
        }
    };
}

counters! {
    /// Datagrams that came in.
    ReceivedDatagrams => "received_datagrams",
    /// RTP packets that were authenticated.
    ReceivedPackets => "received_packets",
    /// Bytes of those, as they came.
    ReceivedBytes => "received_bytes",
    /// RTP packets sealed and handed to `io`.
    ForwardedPackets => "forwarded_packets",
    /// Bytes of those, as they leave.
    ForwardedBytes => "forwarded_bytes",
    /// Of the forwarded: retransmissions (RFC 4588).
    Retransmitted => "retransmitted_packets",
    /// Of the forwarded: those that got padding to fit a train.
    PaddedPackets => "padded_packets",
    /// Bytes of that padding.
    PaddingBytes => "padding_bytes",
    /// RTCP datagrams sent.
    SentRtcp => "sent_rtcp",
    /// Keyframes asked of publishers.
    KeyframeRequests => "keyframe_requests",
    /// Packet numbers asked again of publishers.
    Nacked => "nacked_packets",
    /// Trains handed to `io`.
    Trains => "trains",
    /// Tables installed.
    Epochs => "epochs",
    /// Peers that are there now.
    Peers => "peers",
    /// Not STUN, DTLS, RTP or RTCP, or a field points past the end.
    DropMalformed => "dropped/reason=malformed",
    /// Neither a known path nor a known ufrag.
    DropUnknownSource => "dropped/reason=unknown_source",
    /// STUN or DTLS that the transport refused.
    DropRefused => "dropped/reason=refused",
    /// Media before the keys.
    DropNoKeys => "dropped/reason=no_keys",
    /// Seen before (RFC 3711 §3.3.2).
    DropReplayed => "dropped/reason=replayed",
    /// Behind the replay window.
    DropTooOld => "dropped/reason=too_old",
    /// Not authentic.
    DropBadTag => "dropped/reason=bad_tag",
    /// An SSRC that belongs to no m-line.
    DropUnknownSsrc => "dropped/reason=unknown_ssrc",
    /// Authentic, but a payload type or content that was not negotiated.
    DropUnsupported => "dropped/reason=unsupported",
    /// The track is muted.
    DropMuted => "dropped/reason=muted",
    /// More than the publisher's role grants.
    DropOverCap => "dropped/reason=over_cap",
    /// Said before the cut (DESIGN.md §4).
    DropCut => "dropped/reason=cut",
    /// Said, on another shard, to an audience that this shard's table does not know yet.
    DropEarly => "dropped/reason=early",
    /// From another shard, of a track that it said nothing of, or that has ended.
    DropNoRoute => "dropped/reason=no_route",
    /// Queued for an edge that was revoked before it was sealed.
    DropRevoked => "dropped/reason=revoked",
    /// Gone from the cache before it was sent.
    DropOverrun => "dropped/reason=overrun",
    /// Older than the slot's current run, or its number was taken.
    DropLate => "dropped/reason=late",
    /// The subscriber's queue was full.
    DropQueueFull => "dropped/reason=queue_full",
}

/// Counts since the shard began, but for [`Counter::Peers`], which is a state.
#[derive(Clone, Debug)]
pub struct Stats([u64; Counter::ALL.len()]);

impl Default for Stats {
    fn default() -> Self {
        Self([0; Counter::ALL.len()])
    }
}

impl Stats {
    /// One more.
    pub fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// `n` more.
    pub fn add(&mut self, counter: Counter, n: u64) {
        self.0[counter as usize] = self.0[counter as usize].wrapping_add(n);
    }

    /// Sets a state.
    pub fn set(&mut self, counter: Counter, value: u64) {
        self.0[counter as usize] = value;
    }

    /// The count.
    pub fn of(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// All counts, in the order of [`Counter::ALL`].
    pub fn all(&self) -> &[u64] {
        &self.0
    }
}

/// Datagrams by train.
pub static TRAIN_DATAGRAMS: Scale =
    scale!("train_datagrams", 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64);

impl Shard {
    /// How many counters [`Shard::counter_values`] yields.
    pub const COUNTERS: usize =
        Counter::ALL.len() + latency::SCALE.names.len() + TRAIN_DATAGRAMS.names.len();

    /// The names of all counters, histograms included, in order.
    pub fn counter_names() -> impl Iterator<Item = &'static str> {
        let plain = Counter::ALL.iter().map(|counter| counter.name());
        plain.chain(latency::SCALE.names.iter().chain(TRAIN_DATAGRAMS.names).copied())
    }

    /// All counters, histograms included, in the order of [`Shard::counter_names`].
    pub fn counter_values(&self) -> impl Iterator<Item = u64> + '_ {
        let histograms = self.latency.cells().iter().chain(self.train_datagrams.cells());
        self.stats.all().iter().chain(histograms).copied()
    }

    /// The trains of the last egress were handed to the kernel by `now`: to be called once a turn,
    /// for the histogram of added latency.
    pub fn transmitted(&mut self, now: Instant) {
        self.latency.transmitted(micros(self.config.started, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_a_name_of_its_own() {
        let mut names: Vec<_> = Shard::counter_names().collect();
        assert_eq!(names.len(), Shard::COUNTERS);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Shard::COUNTERS);
    }
}
