//! One published source on this shard: its cache, and the legs that want its packets.

use std::time::{Duration, Instant};

use super::cap::Cap;
use super::leg::Listed;
use super::peer::Peer;
use super::slab::Key;
use crate::route::cache::{Cache, Depth};
use crate::route::id::{Epoch, MeetingId, ShardIndex, TrackId};
use crate::route::loudness::Loudness;
use crate::transport::sender::{PublisherClock, SenderClock};
use crate::wire::media::{Codec, Kind};
use crate::wire::number::Ssrc;

/// A track without a packet for this long gives up its slots: nothing is published any more.
const SILENCE: Duration = Duration::from_secs(5);

/// A source changes its codec no more often than this: each time everybody is seated anew.
const CODEC_MIN: Duration = Duration::from_secs(1);

/// Where a track comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Home {
    /// Here, by this peer.
    Here(Key<Peer>),
    /// On another shard (`mesh`).
    Far {
        /// Which.
        shard: ShardIndex,
        /// Of which meeting it is.
        meeting: MeetingId,
    },
}

/// One published source.
pub struct Track {
    /// Which.
    pub id: TrackId,
    /// Audio or video.
    pub kind: Kind,
    /// Where it comes in.
    pub home: Home,
    /// The SSRC it comes in by, once that is known.
    pub ssrc: Option<Ssrc>,
    /// What it is encoded with, once that is known.
    pub codec: Option<Codec>,
    /// Since when.
    codec_since: Option<Instant>,
    /// When the last packet came. `None`: nothing is published.
    pub heard_at: Option<Instant>,
    /// Smoothed audio level.
    pub loudness: Loudness,
    /// Muted: its packets stop after decryption.
    pub muted: bool,
    /// At home: how much its publisher may send.
    pub cap: Cap,
    /// The epoch its audience dates from; what was said before is not served.
    pub audience_epoch: Epoch,
    /// How its media time stands to its publisher's clock, from sender reports.
    pub clock: SenderClock,
    /// How its publisher's clock stands to ours.
    pub publisher_clock: PublisherClock,
    /// Its last packets.
    pub cache: Cache,
    /// Legs that take every packet.
    pub active: Vec<Listed>,
    /// Legs that take packets from the next keyframe on.
    pub waiting: Vec<Listed>,
    /// At home: the shards that want its packets.
    pub wanted: Vec<ShardIndex>,
    /// At home: how loud it is, in steps, as other shards were told.
    pub told: u8,
    /// Away from home: its packets were asked for.
    pub asked: bool,
    /// Away from home: a keyframe was asked for since the last one, or since the last tick.
    pub asked_keyframe: bool,
}

impl Track {
    /// A track that has not been heard yet, spoken to nobody.
    pub fn new(id: TrackId, kind: Kind, home: Home) -> Self {
        let depth = match kind {
            Kind::Audio => Depth::AUDIO,
            Kind::Video => Depth::VIDEO,
        };
        Self {
            id,
            kind,
            home,
            ssrc: None,
            codec: None,
            codec_since: None,
            heard_at: None,
            loudness: Loudness::default(),
            muted: false,
            cap: Cap::default(),
            audience_epoch: Epoch(0),
            clock: SenderClock::default(),
            publisher_clock: PublisherClock::default(),
            cache: Cache::new(depth),
            active: Vec::new(),
            waiting: Vec::new(),
            wanted: Vec::new(),
            told: 0,
            asked: false,
            asked_keyframe: false,
        }
    }

    /// Whether something is published.
    pub fn is_live(&self) -> bool {
        self.heard_at.is_some()
    }

    /// Whether packets of this codec are taken: of the track's kind, and not changing all the time.
    pub fn takes(&self, now: Instant, codec: Codec) -> bool {
        let since = self.codec_since.filter(|_| self.codec != Some(codec));
        let settled = since.is_none_or(|at| now.saturating_duration_since(at) >= CODEC_MIN);
        codec.kind() == self.kind && settled
    }

    /// A packet came. Returns whether something is published by it that was not before.
    pub fn begins(&mut self, now: Instant, codec: Codec) -> bool {
        let was_live = self.heard_at.replace(now).is_some();
        let is_new = self.codec != Some(codec);
        if is_new {
            (self.codec, self.codec_since) = (Some(codec), Some(now));
        }
        is_new || !was_live
    }

    /// Time passed: forgets a source that fell silent. Returns whether it just did. Away from home
    /// it is told so.
    pub fn tick(&mut self, now: Instant) -> bool {
        self.asked_keyframe = false;
        if matches!(self.home, Home::Far { .. }) {
            return false;
        }
        let Some(heard_at) = self.heard_at else { return false };
        let silent = now.saturating_duration_since(heard_at);
        if silent > Duration::from_millis(500) {
            self.loudness.fade();
        }
        if silent > SILENCE {
            self.heard_at = None;
        }
        !self.is_live()
    }
}
