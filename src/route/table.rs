//! A meeting's immutable tables, one epoch of them, as one shard sees them.
//!
//! `control` builds them and ships them by message; a shard swaps them whole between batches and
//! sends the old box back to be freed. Who may hear whom is `audience` of a track against `hears`
//! of a participant; the rule is in `mask`.

use super::id::{Epoch, MeetingId, ParticipantId, PeerId, RoomId, ShardIndex, Source, TrackId};
use crate::wire::media::Kind;

/// A set of media kinds: bit 0 audio, bit 1 video.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Kinds(u8);

impl Kinds {
    /// Neither.
    pub const NONE: Kinds = Kinds(0);
    /// Audio and video.
    pub const ALL: Kinds = Kinds(3);

    /// Only `kind`.
    pub fn only(kind: Kind) -> Kinds {
        match kind {
            Kind::Audio => Kinds(1),
            Kind::Video => Kinds(2),
        }
    }

    /// Whether `kind` is in the set.
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & Kinds::only(kind).0 != 0
    }

    /// What is in both.
    pub fn intersect(self, other: Kinds) -> Kinds {
        Kinds(self.0 & other.0)
    }

    /// What is in either.
    pub fn union(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// What is in `self` and not in `other`.
    pub fn without(self, other: Kinds) -> Kinds {
        Kinds(self.0 & !other.0)
    }
}

/// To whom a track is spoken: rooms and single participants. Empty: to nobody. Both sorted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Audience {
    /// Rooms, ascending.
    pub rooms: Vec<RoomId>,
    /// Single participants, ascending.
    pub participants: Vec<ParticipantId>,
}

/// What a participant listens to: per room, which kinds. Sorted by room; no entry: nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hears {
    /// Rooms with kinds, ascending by room.
    pub rooms: Vec<(RoomId, Kinds)>,
}

impl Hears {
    /// What is heard of `room`.
    pub fn kinds(&self, room: RoomId) -> Kinds {
        let place = self.rooms.binary_search_by_key(&room, |entry| entry.0);
        place.ok().and_then(|at| self.rooms.get(at)).map_or(Kinds::NONE, |entry| entry.1)
    }
}

/// A role of a meeting, 0..64.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Role(pub u8);

/// A set of roles: bit n is role n.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Roles(pub u64);

impl Roles {
    /// Every role.
    pub const ALL: Roles = Roles(u64::MAX);

    /// Whether `role` is in the set.
    pub fn contains(self, role: Role) -> bool {
        self.0.checked_shr(u32::from(role.0)).is_some_and(|bits| bits & 1 == 1)
    }
}

/// One participant in one epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParticipantRow {
    /// Who.
    pub participant: ParticipantId,
    /// The one room they are in.
    pub room: RoomId,
    /// What they listen to.
    pub hears: Hears,
    /// Their role.
    pub role: Role,
    /// Whose tracks the role rule lets them have.
    pub receives: Roles,
    /// Their peers that live on this shard.
    pub peers: Vec<PeerId>,
}

/// One track in one epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrackRow {
    /// Which.
    pub track: TrackId,
    /// Whose.
    pub publisher: ParticipantId,
    /// The peer it comes in by.
    pub peer: PeerId,
    /// Where that peer lives: the track's home.
    pub shard: ShardIndex,
    /// The publisher's role.
    pub role: Role,
    /// What it shows or says.
    pub source: Source,
    /// Audio or video.
    pub kind: Kind,
    /// Muted by its publisher or a host: stops after decryption.
    pub muted: bool,
    /// To whom it is spoken.
    pub audience: Audience,
    /// The epoch in which `audience` last lost or gained anybody, or `muted` last changed: nothing
    /// received before it is served after it (DESIGN.md §4, `cut`).
    pub audience_epoch: Epoch,
}

/// One room in one epoch: which tracks are spoken to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomRow {
    /// Which.
    pub room: RoomId,
    /// Indices into [`MeetingTable::tracks`], ascending.
    pub tracks: Vec<u32>,
}

/// All that one shard needs to know of a meeting in one epoch. Rows ascend by id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeetingTable {
    /// Which meeting.
    pub meeting: MeetingId,
    /// Which epoch of it.
    pub epoch: Epoch,
    /// The main room.
    pub main: RoomId,
    /// The shards that have peers of it, ascending.
    pub shards: Vec<ShardIndex>,
    /// Participants, ascending.
    pub participants: Vec<ParticipantRow>,
    /// Tracks, ascending.
    pub tracks: Vec<TrackRow>,
    /// Rooms, ascending.
    pub rooms: Vec<RoomRow>,
}
