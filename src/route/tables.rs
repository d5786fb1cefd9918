//! The tables of a meeting in force on one shard: rows by id, and by room who listens and what is
//! said there.
//!
//! They go from one epoch to the next by a [`TableChange`], and what they said before is left in
//! its place. An index of the rooms spares a look at all rows: what nobody publishes is not in it,
//! because most of what a peer might publish it never does.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::FixedState;

use super::id::{ParticipantId, RoomId, TrackId};
use super::table::{MeetingTable, ParticipantRow, TableChange, TrackRow};

/// Rows of a meeting, and its rooms. Ids are given out by `control`: no hash needs a secret.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    participants: HashMap<ParticipantId, ParticipantRow, FixedState>,
    tracks: HashMap<TrackId, Entry, FixedState>,
    rooms: HashMap<RoomId, Room, FixedState>,
    /// Published tracks that are spoken to single participants: few.
    named: BTreeSet<TrackId>,
}

/// A track.
#[derive(Clone, Debug)]
struct Entry {
    row: TrackRow,
    /// Something is published; then it is in the index.
    published: bool,
}

/// Both ascend.
#[derive(Clone, Debug, Default)]
struct Room {
    /// Published tracks that are spoken to it.
    tracks: Vec<TrackId>,
    /// Who listens to it, to whichever kinds.
    listeners: Vec<ParticipantId>,
}

impl Tables {
    /// A participant's row.
    pub fn participant(&self, id: ParticipantId) -> Option<&ParticipantRow> {
        self.participants.get(&id)
    }

    /// A track's row.
    pub fn track(&self, id: TrackId) -> Option<&TrackRow> {
        self.tracks.get(&id).map(|entry| &entry.row)
    }

    /// All tracks, in no order.
    pub fn tracks(&self) -> impl Iterator<Item = &TrackRow> {
        self.tracks.values().map(|entry| &entry.row)
    }

    /// Who listens to `room`, ascending.
    pub fn listeners(&self, room: RoomId) -> impl Iterator<Item = &ParticipantRow> {
        let room = self.rooms.get(&room).into_iter();
        room.flat_map(|room| &room.listeners).filter_map(|who| self.participants.get(who))
    }

    /// The published tracks that are spoken to a room that `row` listens to, or to single
    /// participants. May name one twice.
    pub fn within_earshot<'a>(
        &'a self,
        row: &'a ParticipantRow,
    ) -> impl Iterator<Item = &'a TrackRow> {
        let rooms = row.hears.rooms.iter().filter_map(|(room, _)| self.rooms.get(room));
        let tracks = rooms.flat_map(|room| &room.tracks).chain(&self.named);
        tracks.filter_map(|track| self.track(*track))
    }

    /// The published tracks that are spoken to `room`.
    pub fn spoken_to(&self, room: RoomId) -> impl Iterator<Item = &TrackRow> {
        let tracks = self.rooms.get(&room).into_iter().flat_map(|room| &room.tracks);
        tracks.filter_map(|track| self.track(*track))
    }

    /// The published tracks that are spoken to single participants.
    pub fn named(&self) -> impl Iterator<Item = TrackId> {
        self.named.iter().copied()
    }

    /// Puts a participant's row in force, or takes it out. What was there before.
    pub fn put_participant(
        &mut self,
        id: ParticipantId,
        row: Option<ParticipantRow>,
    ) -> Option<ParticipantRow> {
        for (room, _) in row.iter().flat_map(|row| &row.hears.rooms) {
            add(&mut self.rooms.entry(*room).or_default().listeners, id);
        }
        let former = match row {
            Some(row) => self.participants.insert(id, row),
            None => self.participants.remove(&id),
        };
        let now = self.participants.get(&id).map(|row| &row.hears);
        for (room, _) in former.iter().flat_map(|row| &row.hears.rooms) {
            let listens = now.is_some_and(|hears| hears.names(*room));
            if !listens && let Some(place) = self.rooms.get_mut(room) {
                remove(&mut place.listeners, id);
                if place.is_empty() {
                    self.rooms.remove(room);
                }
            }
        }
        former
    }

    /// Puts a track's row in force, or takes it out. What was there before.
    pub fn put_track(
        &mut self,
        id: TrackId,
        row: Option<TrackRow>,
        published: bool,
    ) -> Option<TrackRow> {
        self.publish(id, false);
        let former = match row {
            Some(row) => self.tracks.insert(id, Entry { row, published: false }),
            None => self.tracks.remove(&id),
        };
        self.publish(id, published);
        former.map(|entry| entry.row)
    }

    /// Takes note whether something is published by a track.
    pub fn publish(&mut self, id: TrackId, published: bool) {
        let Some(entry) = self.tracks.get_mut(&id) else { return };
        if entry.published == published {
            return;
        }
        entry.published = published;
        for room in &entry.row.audience.rooms {
            if published {
                add(&mut self.rooms.entry(*room).or_default().tracks, id);
            } else if let Some(place) = self.rooms.get_mut(room) {
                remove(&mut place.tracks, id);
                if place.is_empty() {
                    self.rooms.remove(room);
                }
            }
        }
        if !published {
            self.named.remove(&id);
        } else if !entry.row.audience.participants.is_empty() {
            self.named.insert(id);
        }
    }

    /// What leads from these tables to `table`.
    pub fn towards(&self, table: MeetingTable) -> TableChange {
        let mut participants: HashMap<_, _, FixedState> =
            self.participants.keys().map(|id| (*id, None)).collect();
        participants.extend(table.participants.into_iter().map(|row| (row.participant, Some(row))));
        participants.retain(|id, row| self.participants.get(id) != row.as_ref());
        let mut tracks: HashMap<_, _, FixedState> =
            self.tracks.keys().map(|id| (*id, None)).collect();
        tracks.extend(table.tracks.into_iter().map(|row| (row.track, Some(row))));
        tracks.retain(|id, row| self.track(*id) != row.as_ref());
        TableChange {
            meeting: table.meeting,
            epoch: table.epoch,
            shards: table.shards,
            participants: participants.into_iter().collect(),
            tracks: tracks.into_iter().collect(),
        }
    }
}

impl Room {
    fn is_empty(&self) -> bool {
        self.tracks.is_empty() && self.listeners.is_empty()
    }
}

/// Into a list that ascends, once.
fn add<T: Ord>(list: &mut Vec<T>, item: T) {
    if let Err(at) = list.binary_search(&item) {
        list.insert(at, item);
    }
}

/// Out of a list that ascends.
fn remove<T: Ord>(list: &mut Vec<T>, item: T) {
    if let Ok(at) = list.binary_search(&item) {
        list.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::route::id::{Epoch, MeetingId, PeerId, ShardIndex, Source};
    use crate::route::table::{Audience, Hears, Kinds, Role, Roles};
    use crate::wire::media::Kind;

    const ROOMS: [RoomId; 4] = [RoomId(0), RoomId(1), RoomId(2), RoomId(3)];

    fn rooms(bits: u8) -> impl Iterator<Item = RoomId> {
        ROOMS.into_iter().filter(move |room| bits >> room.0 & 1 == 1)
    }

    fn participant(id: u64, bits: u8) -> ParticipantRow {
        ParticipantRow {
            participant: ParticipantId(id),
            room: ROOMS[0],
            hears: Hears { rooms: rooms(bits).map(|room| (room, Kinds::ALL)).collect() },
            role: Role(0),
            receives: Roles::ALL,
            peers: vec![PeerId(id)],
        }
    }

    fn track(id: u64, bits: u8) -> TrackRow {
        let named = (bits & 16 != 0).then_some(ParticipantId(1));
        TrackRow {
            track: TrackId(id),
            publisher: ParticipantId(id),
            peer: PeerId(id),
            shard: ShardIndex(0),
            role: Role(0),
            source: Source::Camera,
            kind: Kind::Video,
            muted: false,
            bps_max: None,
            audience: Audience {
                rooms: rooms(bits).collect(),
                participants: named.into_iter().collect(),
            },
            audience_epoch: Epoch(1),
        }
    }

    /// The index as a look at all rows makes it.
    fn check(tables: &Tables) {
        for room in ROOMS {
            let mut listeners: Vec<_> =
                tables.participants.values().filter(|row| row.hears.names(room)).collect();
            listeners.sort_by_key(|row| row.participant);
            assert!(tables.listeners(room).eq(listeners), "{room:?}");
            let spoken = tables.tracks.values().filter(|entry| entry.published);
            let spoken = spoken.filter(|entry| entry.row.audience.rooms.contains(&room));
            let spoken: BTreeSet<_> = spoken.map(|entry| entry.row.track).collect();
            let found = tables.rooms.get(&room).map(|room| room.tracks.clone()).unwrap_or_default();
            assert!(found.iter().eq(&spoken), "{room:?}");
        }
        assert!(tables.rooms.values().all(|room| !room.is_empty()), "no room of nobody is kept");
        let named = tables.tracks.values().filter(|entry| entry.published);
        let named = named.filter(|entry| !entry.row.audience.participants.is_empty());
        assert_eq!(tables.named, named.map(|entry| entry.row.track).collect());
    }

    fn rows(tables: &Tables) -> (BTreeSet<String>, BTreeSet<String>) {
        let tracks = tables.tracks().map(|row| format!("{row:?}")).collect();
        (tables.participants.values().map(|row| format!("{row:?}")).collect(), tracks)
    }

    proptest! {
        #[test]
        fn the_index_is_what_a_look_at_all_rows_makes(
            script in prop::collection::vec((0_u8..6, 0_u64..5, 0_u8..32, any::<bool>()), 1..60),
            whole in prop::collection::btree_map(0_u64..5, 0_u8..32, 0..5),
        ) {
            let mut tables = Tables::default();
            for (what, id, bits, published) in script {
                match what {
                    0 => _ = tables.put_participant(ParticipantId(id), None),
                    1 | 2 => {
                        let row = Some(participant(id, bits));
                        _ = tables.put_participant(ParticipantId(id), row);
                    }
                    3 => _ = tables.put_track(TrackId(id), None, published),
                    4 => _ = tables.put_track(TrackId(id), Some(track(id, bits)), published),
                    _ => tables.publish(TrackId(id), published),
                }
                check(&tables);
            }
            let table = MeetingTable {
                meeting: MeetingId(1),
                epoch: Epoch(2),
                main: ROOMS[0],
                shards: vec![ShardIndex(0)],
                participants: whole.iter().map(|(id, bits)| participant(*id, *bits)).collect(),
                tracks: whole.iter().map(|(id, bits)| track(*id, !*bits)).collect(),
            };
            let mut anew = Tables::default();
            for tables in [&mut anew, &mut tables] {
                let change = tables.towards(table.clone());
                for (id, row) in change.participants {
                    let former = tables.participant(id).cloned();
                    prop_assert_ne!(&former, &row, "only what is other");
                    prop_assert_eq!(tables.put_participant(id, row), former);
                }
                for (id, row) in change.tracks {
                    let former = tables.track(id).cloned();
                    prop_assert_ne!(&former, &row, "only what is other");
                    prop_assert_eq!(tables.put_track(id, row, true), former);
                }
                check(tables);
            }
            prop_assert_eq!(rows(&tables), rows(&anew));
        }
    }
}
