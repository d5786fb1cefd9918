//! Between shards: a track whose publisher lives on another one (DESIGN.md §10).
//!
//! The publisher's shard is the track's *home*: it decrypts, parses, stores, asks for what is
//! missing, and hands one copy of each packet to every shard that wants the track (`home`). There
//! the track has an entry like any other, with a cache and legs of its own, which fan-out and
//! egress do not tell from the others (`far`).
//!
//! An entry begins and ends by its home's word; who may have it is said by the tables of the shard
//! itself, and nothing here entitles anybody. A packet says which audience it was said to. If that
//! is not the one of the shard's own table, it is refused: an older one is from before a cut, and a
//! newer one is for people of whom the table does not know yet. It is not kept until the table
//! comes: that would be one more queue that a revoke has to reach, for as long as one shard is
//! behind the other in taking a table; pictures are repaired, and a voice has a gap of that length.
//!
//! Sans-IO: what carries messages is a [`Mesh`].

mod far;
mod home;

use std::mem::discriminant;
use std::time::Instant;

use crate::route::id::{Epoch, MeetingId, ShardIndex, TrackId};
use crate::route::loudness::Loudness;
use crate::route::packet::{Packet, SourceIndex};
use crate::transport::sender::{PublisherClock, SenderClock};
use crate::wire::media::Kind;

pub(super) use home::Others;

/// One packet on its way to another shard: plaintext, with all that is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Carried<'a> {
    /// What is known of it besides its bytes.
    pub facts: Facts,
    /// The AV1 Dependency Descriptor extension it came with; empty: none.
    pub descriptor: &'a [u8],
    /// Its payload, without padding.
    pub payload: &'a [u8],
}

/// What is known of a carried packet besides its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Of which track.
    pub track: TrackId,
    /// Audio or video.
    pub kind: Kind,
    /// Since when it is said to whom it was said to: the track's audience epoch at home.
    pub epoch: Epoch,
    /// Numbers and flags. `arrived_us` counts from the beginning of the home shard.
    pub packet: Packet,
    /// It was handed over before and got lost: only for those who were there then.
    pub again: bool,
}

/// What shards tell each other besides packets. Never dropped, and in its order.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// From the home: something is published by the track, or it is louder or quieter than last
    /// told, or encoded otherwise.
    Live(Live),
    /// From the home: nothing is published any more.
    Ended(TrackId),
    /// From the home: the track is numbered anew.
    Restarted(TrackId),
    /// From the home: how media time stands to clocks, for sender reports.
    Clock(TrackId, PublisherClock, SenderClock),
    /// To the home: whether packets of the track are wanted.
    Wanted(TrackId, bool),
    /// To the home: somebody needs a keyframe.
    Keyframe(TrackId),
    /// To the home: somebody misses this packet, and it is not here.
    Missing(TrackId, SourceIndex),
}

impl Signal {
    /// Whether it says anew, or otherwise, what `former` said of the same track.
    fn replaces(&self, former: &Signal) -> bool {
        discriminant(self) == discriminant(former) && self.track() == former.track()
    }

    fn track(&self) -> TrackId {
        match self {
            Signal::Live(live) => live.track,
            Signal::Ended(track)
            | Signal::Restarted(track)
            | Signal::Clock(track, ..)
            | Signal::Wanted(track, _)
            | Signal::Keyframe(track)
            | Signal::Missing(track, _) => *track,
        }
    }
}

/// What is told of a track that is published.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// Which.
    pub track: TrackId,
    /// Of which meeting.
    pub meeting: MeetingId,
    /// Its codec, and thereby its kind.
    pub codec: crate::wire::media::Codec,
    /// How loud it is.
    pub loudness: Loudness,
}

/// One message to another shard.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// A packet.
    Packet(Carried<'a>),
    /// Anything else.
    Signal(Signal),
}

/// What becomes of a message when the way to a shard fills up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Dropped first.
    Video,
    /// Dropped last.
    Audio,
    /// Never dropped: it waits.
    Signal,
}

impl Class {
    /// Of `capacity` messages, how many places this one leaves free for those that matter more.
    pub fn reserve(self, capacity: usize) -> usize {
        match self {
            Class::Video => capacity / 4,
            Class::Audio => capacity / 16,
            Class::Signal => 0,
        }
    }
}

impl Message<'_> {
    /// What becomes of it when there is no room.
    pub fn class(&self) -> Class {
        match self {
            Message::Packet(Carried { facts: Facts { kind: Kind::Video, .. }, .. }) => Class::Video,
            Message::Packet(_) => Class::Audio,
            Message::Signal(_) => Class::Signal,
        }
    }
}

/// The ways from one shard to all others, and from them: bounded, and each keeps its order.
pub trait Mesh {
    /// Hands a message over, unless there is no room for one of its class. Whether it did; counts
    /// packets that it refused.
    fn send(&mut self, to: ShardIndex, message: &Message<'_>) -> bool;

    /// Takes the next messages that came, a bounded number, with when their turn began at the
    /// sender.
    fn receive(&mut self, take: &mut impl FnMut(ShardIndex, Instant, Message<'_>));

    /// A shard that has ended since the last call, of which nothing more will be received.
    fn ended(&mut self) -> Option<ShardIndex> {
        None
    }
}
