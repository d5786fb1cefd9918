//! Who may hear whom, and whether a leg carries packets right now: the one rule.
//!
//! Beside it, under `tests`, stands its slow reference form: sets and plain sentences instead of
//! sorted rows and bits.

use super::table::{Audience, Hears, ParticipantRow, TrackRow};
use crate::wire::media::Kind;

/// One condition of a leg. Each bit has one writer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Bit {
    /// The rule of [`entitled`] holds. Written when a table is installed.
    Entitled = 1,
    /// The subscriber has keys, a path and a payload type for the track's codec. Written by the
    /// shard.
    Ready = 1 << 1,
    /// The publisher or a host muted the track. Written when a table is installed.
    Muted = 1 << 2,
    /// The subscriber does not want to see it now (`view` with height 0). Written on `view`.
    Paused = 1 << 3,
    /// The subscriber's bandwidth does not reach. Written by bandwidth allocation.
    Starved = 1 << 4,
    /// A decoder would not understand it before the next keyframe. Written by the fan-out.
    NeedsKey = 1 << 5,
}

/// The conditions of one leg, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mask(u8);

/// What [`Mask::is_active`] compares to: the wanted bits set, all others clear.
const ACTIVE: u8 = Bit::Entitled as u8 | Bit::Ready as u8;

impl Mask {
    /// Sets or clears one bit.
    pub fn set(&mut self, bit: Bit, on: bool) {
        if on {
            self.0 |= bit as u8;
        } else {
            self.0 &= !(bit as u8);
        }
    }

    /// Whether `bit` is set.
    pub fn has(self, bit: Bit) -> bool {
        self.0 & bit as u8 != 0
    }

    /// `entitled & ready & !muted & !paused & !starved & !needs_key` (DESIGN.md §4).
    pub fn is_active(self) -> bool {
        self.0 == ACTIVE
    }

    /// Whether a keyframe is all that is missing.
    pub fn waits_for_key(self) -> bool {
        self.0 == ACTIVE | Bit::NeedsKey as u8
    }
}

/// Whether `subscriber` may have `track`: the role rule lets it, and it is named in the audience,
/// or some room of the audience is one it hears this kind of. Nobody is sent what they said.
pub fn entitled(track: &TrackRow, subscriber: &ParticipantRow) -> bool {
    track.publisher != subscriber.participant
        && subscriber.receives.contains(track.role)
        && (track.audience.participants.binary_search(&subscriber.participant).is_ok()
            || spoken_to(&track.audience, &subscriber.hears, track.kind))
}

/// Whether some room of `audience` is heard. Walks the shorter list, looks up in the longer.
fn spoken_to(audience: &Audience, hears: &Hears, kind: Kind) -> bool {
    if audience.rooms.len() <= hears.rooms.len() {
        audience.rooms.iter().any(|room| hears.kinds(*room).contains(kind))
    } else {
        let heard = |&(room, kinds): &(_, super::table::Kinds)| {
            kinds.contains(kind) && audience.rooms.binary_search(&room).is_ok()
        };
        hears.rooms.iter().any(heard)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::route::id::{Epoch, ParticipantId, PeerId, RoomId, ShardIndex, Source, TrackId};
    use crate::route::table::{Kinds, Role, Roles};

    /// DESIGN.md §4, word by word.
    fn entitled_slow(track: &TrackRow, subscriber: &ParticipantRow) -> bool {
        let hears: BTreeMap<RoomId, Kinds> = subscriber.hears.rooms.iter().copied().collect();
        let rooms: BTreeSet<RoomId> = track.audience.rooms.iter().copied().collect();
        let named: BTreeSet<ParticipantId> = track.audience.participants.iter().copied().collect();
        let role_rule = subscriber.receives.0 & (1 << track.role.0) != 0;
        let in_person = named.contains(&subscriber.participant);
        let mut by_room = false;
        for (room, kinds) in hears {
            by_room |= rooms.contains(&room) && kinds.contains(track.kind);
        }
        role_rule && (in_person || by_room) && track.publisher != subscriber.participant
    }

    fn active_slow(mask: Mask) -> bool {
        mask.has(Bit::Entitled)
            && mask.has(Bit::Ready)
            && !mask.has(Bit::Muted)
            && !mask.has(Bit::Paused)
            && !mask.has(Bit::Starved)
            && !mask.has(Bit::NeedsKey)
    }

    #[test]
    fn every_mask_agrees_with_the_reference() {
        for bits in 0..64 {
            let mask = Mask(bits);
            assert_eq!(mask.is_active(), active_slow(mask), "{bits:06b}");
            let mut with_key = mask;
            with_key.set(Bit::NeedsKey, false);
            let waits = mask.has(Bit::NeedsKey) && active_slow(with_key);
            assert_eq!(mask.waits_for_key(), waits, "{bits:06b}");
        }
    }

    fn audience() -> impl Strategy<Value = Audience> {
        let rooms = prop::collection::btree_set(0u64..6, 0..5);
        let people = prop::collection::btree_set(0u64..4, 0..3);
        (rooms, people).prop_map(|(rooms, people)| Audience {
            rooms: rooms.into_iter().map(RoomId).collect(),
            participants: people.into_iter().map(ParticipantId).collect(),
        })
    }

    fn hears() -> impl Strategy<Value = Hears> {
        let kinds = (any::<bool>(), any::<bool>()).prop_map(|(audio, video)| {
            let audio = if audio { Kinds::only(Kind::Audio) } else { Kinds::NONE };
            if video { audio.union(Kinds::only(Kind::Video)) } else { audio }
        });
        prop::collection::btree_map(0u64..6, kinds, 0..6).prop_map(|rooms| Hears {
            rooms: rooms.into_iter().map(|(room, kinds)| (RoomId(room), kinds)).collect(),
        })
    }

    proptest! {
        #[test]
        fn entitlement_agrees_with_the_reference(
            audience in audience(), hears in hears(), publisher in 0u64..4, subscriber in 0u64..4,
            role in 0u8..3, receives in 0u64..8, video in any::<bool>(),
        ) {
            let kind = if video { Kind::Video } else { Kind::Audio };
            let track = TrackRow {
                track: TrackId(1), publisher: ParticipantId(publisher), peer: PeerId(1),
                shard: ShardIndex(0),
                role: Role(role), source: Source::Microphone, kind, muted: false, audience,
                bps_max: None,
                audience_epoch: Epoch(1),
            };
            let row = ParticipantRow {
                participant: ParticipantId(subscriber), room: RoomId(0), hears, role: Role(0),
                receives: Roles(receives), peers: Vec::new(),
            };
            prop_assert_eq!(entitled(&track, &row), entitled_slow(&track, &row));
        }
    }
}
