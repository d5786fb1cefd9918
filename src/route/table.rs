//! A meeting's immutable rows, one epoch of them, as one shard sees them.
//!
//! `control` builds them and ships them by message: all of them to a shard that has none, then of
//! each epoch those that are other than before. A shard swaps them between batches and sends what
//! they displaced back to be freed. Who may hear whom is `audience` of a track against `hears`
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

    /// Whether there is an entry for `room`.
    pub fn names(&self, room: RoomId) -> bool {
        self.rooms.binary_search_by_key(&room, |entry| entry.0).is_ok()
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
    /// Most bits a second that are taken of it; `None`: no cap.
    pub bps_max: Option<u32>,
    /// To whom it is spoken.
    pub audience: Audience,
    /// The epoch in which `audience` last lost or gained anybody, or `muted` last changed: nothing
    /// received before it is served after it (DESIGN.md §4, `cut`).
    pub audience_epoch: Epoch,
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
}

/// What the tables of one epoch say otherwise than those before them on the same shard. It is in
/// force whole or not at all. No row is named twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableChange {
    /// Of which meeting.
    pub meeting: MeetingId,
    /// Towards which epoch.
    pub epoch: Epoch,
    /// The shards that have peers of it then, ascending.
    pub shards: Vec<ShardIndex>,
    /// Participants whose row is new or other, or gone (`None`).
    pub participants: Vec<(ParticipantId, Option<ParticipantRow>)>,
    /// The same of tracks.
    pub tracks: Vec<(TrackId, Option<TrackRow>)>,
}

#[cfg(any(test, feature = "simulation"))]
impl MeetingTable {
    /// The tables after `change`, for those who want to look at all rows: what a shard does by its
    /// index, here by sorted lists.
    pub fn follow(&mut self, change: &TableChange) {
        assert_eq!(self.meeting, change.meeting);
        self.epoch = change.epoch;
        self.shards.clone_from(&change.shards);
        follow(&mut self.participants, &change.participants, |row| row.participant);
        follow(&mut self.tracks, &change.tracks, |row| row.track);
    }
}

#[cfg(any(test, feature = "simulation"))]
fn follow<K: Ord + Copy, T: Clone>(
    rows: &mut Vec<T>,
    changes: &[(K, Option<T>)],
    key: impl Fn(&T) -> K,
) {
    for (id, change) in changes {
        rows.retain(|row| key(row) != *id);
        rows.extend(change.clone());
    }
    rows.sort_by_key(key);
}
