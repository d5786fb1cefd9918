//! Floor 3: one core's world, sans-IO: its peers, tables, legs and timers. Shares nothing.
//!
//! A packet's way through it: `ingress` (find the peer, authenticate, decrypt) → `fanout` (which
//! legs) → `egress` (rewrite, seal, trains). Commands come in by `install` and `peers`. Time, bytes
//! and randomness are arguments, so that a whole meeting runs on virtual time.

mod cap;
pub mod command;
mod dirty;
mod due;
mod egress;
mod elements;
mod fanout;
mod feedback;
mod forward;
pub mod histogram;
mod inbound;
mod ingress;
mod install;
mod latency;
mod leg;
pub mod mesh;
pub mod outbox;
mod patience;
mod peer;
mod peers;
pub mod plan;
mod rtcp_out;
mod seating;
mod shortlist;
mod slab;
pub mod stats;
mod tick;
mod track;
mod voice_hold;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;

use self::command::Report;
use self::dirty::Dirty;
use self::due::Due;
use self::fanout::Fresh;
use self::histogram::Histogram;
use self::latency::Latency;
use self::mesh::Others;
use self::outbox::Submission;
use self::peer::Peer;
use self::plan::Padding;
use self::seating::Seats;
use self::slab::{Key, Slab};
use self::stats::Stats;
use self::track::Track;
use self::voice_hold::VoiceHold;
use crate::crypto::Random;
use crate::route::id::{Epoch, MeetingId, ParticipantId, PeerId, ShardIndex, TrackId};
use crate::route::tables::Tables;
use crate::transport::sender::NtpClock;
use crate::wire::path::Path;
use crate::wire::stun::TransactionId;

/// What a shard is born with.
#[derive(Clone, Copy, Debug)]
pub struct ShardConfig {
    /// Which shard it is.
    pub shard: ShardIndex,
    /// Seeds all randomness of the shard.
    pub seed: [u8; 32],
    /// When.
    pub started: Instant,
    /// The process's one wall clock, for sender reports.
    pub clock: NtpClock,
    /// Whether packets of equal size leave as one train. Off: one datagram each, as a control.
    pub trains: bool,
    /// How much padding a packet may get to fit a train.
    pub padding: Padding,
    /// How much work one egress does at most, as estimated in `egress.rs`, before commands and what
    /// came in have their turn again.
    pub egress_budget: Duration,
}

impl ShardConfig {
    /// The defaults: trains, a little padding, and commands every half millisecond.
    pub fn new(seed: [u8; 32], started: Instant, clock: NtpClock) -> Self {
        let egress_budget = Duration::from_micros(500);
        let shard = ShardIndex(0);
        Self {
            shard,
            seed,
            started,
            clock,
            trains: true,
            padding: Padding::default(),
            egress_budget,
        }
    }
}

/// A meeting as this shard knows it.
#[derive(Default)]
struct Meeting {
    tables: Tables,
    /// What changed that decides who sits in which slot.
    due: Due,
    /// Who spoke at the last tick: loudness, counted down, and who; the loudest first.
    speaking: Vec<(u8, ParticipantId)>,
    /// Who began to speak when, as a count of beginnings.
    spoke: BTreeMap<ParticipantId, u64>,
    spoken: u64,
    /// The other shards that have peers of it, as the table says.
    others: Vec<ShardIndex>,
    /// Who speaks of those that come in here, as last reported.
    reported: Vec<(u8, ParticipantId)>,
}

/// A table is in force; it is acknowledged when all that was submitted before is complete.
struct Ack {
    meeting: MeetingId,
    epoch: Epoch,
    mark: Option<Submission>,
}

/// One core's world.
pub struct Shard {
    config: ShardConfig,
    random: Random,
    peers: Slab<Peer>,
    tracks: Slab<Track>,
    meetings: BTreeMap<MeetingId, Meeting>,
    /// Who is in which meeting, whether its table is there yet or not.
    members: BTreeMap<MeetingId, Vec<Key<Peer>>>,
    /// Somebody is due in some meeting.
    reseat_due: bool,
    seats: Seats,
    by_path: HashMap<Path, Key<Peer>, FixedState>,
    /// Whose check an answer is for: it comes by a path that is nobody's yet.
    by_check: HashMap<TransactionId, Key<Peer>, FixedState>,
    by_ufrag: HashMap<Arc<str>, Key<Peer>, FixedState>,
    by_peer: HashMap<PeerId, Key<Peer>, FixedState>,
    by_track: HashMap<TrackId, Key<Track>, FixedState>,
    /// What came in and is in nobody's queue yet.
    fresh: Vec<Fresh>,
    /// What waits for other shards.
    others: Others,
    /// Until when egress waits for more of it.
    patient_until: Option<Instant>,
    /// Peers with something to send, each once.
    dirty: Dirty,
    /// Peers with nothing but a voice to send, while the shard is busy.
    voice_hold: VoiceHold,
    /// Counts calls of `egress`, so that who is first rotates.
    turns: u32,
    /// The last egress left something, not for lack of memory.
    is_cut: bool,
    /// Last datagrams of peers that are gone.
    farewells: VecDeque<(Path, Vec<u8>)>,
    /// When to look after which peer. An entry that is not the peer's current one is stale.
    due: BinaryHeap<Reverse<(Instant, Key<Peer>)>>,
    next_tick: Instant,
    reports: VecDeque<Report>,
    acks: VecDeque<Ack>,
    stats: Stats,
    latency: Latency,
    /// Datagrams by train.
    train_datagrams: Histogram,
}

/// Microseconds from one instant to a later one; wraps after 71 minutes.
fn micros(from: Instant, to: Instant) -> u32 {
    to.saturating_duration_since(from).as_micros() as u32
}

#[cfg(test)]
mod tests;
