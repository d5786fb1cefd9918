//! Whose slots may have to be filled anew: those whom a change can concern, not the whole meeting.
//!
//! Who is entitled to what is said by two rows of the table, the track's and the participant's. So
//! a participant's own row concerns that participant, and a track's row concerns whoever listens to
//! a room the track is or was spoken to, and whom it names or named. That nobody was forgotten is
//! asserted after each seating, in debug builds.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::peer::Peer;
use super::slab::{Key, Slab};
use super::track::Track;
use super::{Meeting, Shard};
use crate::route::id::{MeetingId, PeerId, RoomId, TrackId};
use crate::route::table::{Audience, ParticipantRow, TableChange};
use crate::route::tables::Tables;

/// What changed in a meeting since its peers were last seated.
#[derive(Clone, Debug, Default)]
pub struct Due {
    /// What is spoken to these rooms.
    rooms: Vec<RoomId>,
    /// These themselves, with the room each is in, as far as that is known.
    peers: Vec<(RoomId, PeerId)>,
}

/// The peers of a row, with the room.
fn peers(row: &ParticipantRow) -> impl Iterator<Item = (RoomId, PeerId)> {
    row.peers.iter().map(|peer| (row.room, *peer))
}

impl Due {
    /// A peer itself.
    fn peer(&mut self, peer: PeerId) {
        self.peers.push((RoomId(0), peer));
    }

    fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.peers.is_empty()
    }
}

impl Meeting {
    /// Something about a track changed: that it is heard, its codec, how loud it is.
    pub(super) fn due_track(&mut self, track: TrackId, live: bool) {
        self.tables.publish(track, live);
        if let Some(row) = self.tables.track(track) {
            due_audience(&mut self.due, &self.tables, &row.audience);
        }
    }

    /// Puts the rows of the next epoch in force; what they displace takes their place in `change`.
    /// Who could publish something and does not concerns nobody: `is_live` says who does.
    pub(super) fn change(&mut self, change: &mut TableChange, is_live: impl Fn(TrackId) -> bool) {
        let (due, tables) = (&mut self.due, &mut self.tables);
        for (id, row) in &mut change.participants {
            due.peers.extend(row.iter().flat_map(peers));
            *row = tables.put_participant(*id, row.take());
            let now = tables.participant(*id);
            if now.is_none() {
                self.spoke.remove(id);
            }
            let stays = |peer: &PeerId| now.is_some_and(|row| row.peers.contains(peer));
            due.peers.extend(row.iter().flat_map(peers).filter(|entry| !stays(&entry.1)));
        }
        for (id, row) in &mut change.tracks {
            let live = is_live(*id);
            *row = tables.put_track(*id, row.take(), live);
            if live {
                for row in tables.track(*id).into_iter().chain(row.as_ref()) {
                    due_audience(due, tables, &row.audience);
                }
            }
        }
    }

    /// The peers that are due, room by room: who is in one room is sent the same tracks. Afterwards
    /// nobody is.
    fn take_due(&mut self) -> impl Iterator<Item = PeerId> {
        let Due { mut rooms, peers: mut due } = std::mem::take(&mut self.due);
        rooms.sort_unstable();
        rooms.dedup();
        for room in rooms {
            due.extend(self.tables.listeners(room).flat_map(peers));
        }
        due.sort_unstable();
        due.dedup();
        due.into_iter().map(|(_, peer)| peer)
    }
}

/// Whether something is published by a track, if it is of this shard.
pub fn is_live(
    by_track: &HashMap<TrackId, Key<Track>, FixedState>,
    tracks: &Slab<Track>,
    track: TrackId,
) -> bool {
    by_track.get(&track).and_then(|key| tracks.get(*key)).is_some_and(Track::is_live)
}

/// Whoever is in an audience.
pub fn due_audience(due: &mut Due, tables: &Tables, audience: &Audience) {
    due.rooms.extend_from_slice(&audience.rooms);
    let named = audience.participants.iter().filter_map(|who| tables.participant(*who));
    due.peers.extend(named.flat_map(peers));
}

impl Shard {
    /// Who is to be seated anew now, over all meetings. Afterwards nobody is.
    pub(super) fn take_due(&mut self) -> Vec<Key<Peer>> {
        let mut keys = Vec::new();
        for meeting in self.meetings.values_mut().filter(|meeting| !meeting.due.is_empty()) {
            let peers = meeting.take_due();
            keys.extend(peers.filter_map(|peer| self.by_peer.get(&peer).copied()));
        }
        keys
    }

    /// Something about a track of a meeting changed that decides who sits where.
    pub(super) fn due_track(&mut self, meeting: MeetingId, track: TrackId) {
        let live = is_live(&self.by_track, &self.tracks, track);
        if let Some(meeting) = self.meetings.get_mut(&meeting) {
            meeting.due_track(track, live);
            self.reseat_due = true;
        }
    }

    /// Something about a peer changed that decides what it is sent.
    pub(super) fn due_peer(&mut self, meeting: MeetingId, peer: PeerId) {
        if let Some(meeting) = self.meetings.get_mut(&meeting) {
            meeting.due.peer(peer);
            self.reseat_due = true;
        }
    }
}
