//! Whose slots may have to be filled anew: those whom a change can concern, not the whole meeting.
//!
//! Who is entitled to what is said by two rows of the table, the track's and the participant's. So
//! a participant's own row concerns that participant, and a track's row concerns whoever listens to
//! a room the track is or was spoken to, and whom it names or named. That nobody was forgotten is
//! asserted after each seating, in debug builds.

use std::cmp::Ordering;

use super::peer::Peer;
use super::slab::Key;
use super::{Meeting, Shard};
use crate::route::id::{MeetingId, PeerId, RoomId, TrackId};
use crate::route::table::{Audience, MeetingTable, ParticipantRow};

/// What changed in a meeting since its peers were last seated.
#[derive(Clone, Debug, Default)]
pub struct Due {
    /// What is spoken to these rooms.
    rooms: Vec<RoomId>,
    /// These themselves.
    peers: Vec<PeerId>,
}

impl Due {
    /// A peer itself.
    pub fn peer(&mut self, peer: PeerId) {
        self.peers.push(peer);
    }

    fn is_empty(&self) -> bool {
        self.rooms.is_empty() && self.peers.is_empty()
    }
}

/// Who listens to which room: room and index of the participant's row, ascending.
pub fn hearers(table: &MeetingTable) -> Vec<(RoomId, u32)> {
    let rows = (0..).zip(&table.participants);
    let mut hearers: Vec<(RoomId, u32)> =
        rows.flat_map(|(at, row)| row.hears.rooms.iter().map(move |entry| (entry.0, at))).collect();
    hearers.sort_unstable();
    hearers
}

impl Meeting {
    /// Something about a track changed: that it is heard, its codec, how loud it is.
    pub(super) fn due_track(&mut self, track: TrackId) {
        let place = self.table.tracks.binary_search_by_key(&track, |row| row.track);
        if let Some(row) = place.ok().and_then(|at| self.table.tracks.get(at)) {
            due_audience(&mut self.due, &self.table, &row.audience);
        }
    }

    /// Everything that `former` said otherwise than the table does now. Who could publish something
    /// and does not concerns nobody: `is_quiet` says which tracks these are.
    pub(super) fn due_since(&mut self, former: &MeetingTable, is_quiet: impl Fn(TrackId) -> bool) {
        let (due, table) = (&mut self.due, &*self.table);
        let person = |row: &ParticipantRow| row.participant;
        for (old, new) in pairs(&former.participants, &table.participants, person) {
            if old != new {
                for row in [old, new].into_iter().flatten() {
                    due.peers.extend_from_slice(&row.peers);
                }
            }
        }
        for (old, new) in pairs(&former.tracks, &table.tracks, |row| row.track) {
            if old != new && !old.or(new).is_some_and(|row| is_quiet(row.track)) {
                for row in [old, new].into_iter().flatten() {
                    due_audience(due, table, &row.audience);
                }
            }
        }
    }

    /// The peers that are due, each once. Afterwards nobody is.
    fn take_due(&mut self) -> Vec<PeerId> {
        let Due { mut rooms, mut peers } = std::mem::take(&mut self.due);
        rooms.sort_unstable();
        rooms.dedup();
        for room in rooms {
            let from = self.hearers.partition_point(|entry| entry.0 < room);
            let here = self.hearers.iter().skip(from).take_while(|entry| entry.0 == room);
            for (_, at) in here {
                let row = self.table.participants.get(*at as usize);
                peers.extend(row.iter().flat_map(|row| &row.peers));
            }
        }
        peers.sort_unstable();
        peers.dedup();
        peers
    }
}

fn due_audience(due: &mut Due, table: &MeetingTable, audience: &Audience) {
    due.rooms.extend_from_slice(&audience.rooms);
    let named = audience.participants.iter().filter_map(|who| table.participant(*who));
    due.peers.extend(named.flat_map(|row| &row.peers));
}

impl Shard {
    /// Who is to be seated anew now, over all meetings. Afterwards nobody is.
    pub(super) fn take_due(&mut self) -> Vec<Key<Peer>> {
        let mut keys = Vec::new();
        for meeting in self.meetings.values_mut().filter(|meeting| !meeting.due.is_empty()) {
            let peers = meeting.take_due();
            keys.extend(peers.iter().filter_map(|peer| self.by_peer.get(peer).copied()));
        }
        keys
    }

    /// Something about a track of a meeting changed that decides who sits where.
    pub(super) fn due_track(&mut self, meeting: MeetingId, track: TrackId) {
        if let Some(meeting) = self.meetings.get_mut(&meeting) {
            meeting.due_track(track);
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

/// The entries of two lists that ascend by a key, side by side.
fn pairs<'a, T, K: Ord>(
    old: &'a [T],
    new: &'a [T],
    key: impl Fn(&T) -> K,
) -> impl Iterator<Item = (Option<&'a T>, Option<&'a T>)> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(was), Some(is)) => key(was).cmp(&key(is)),
        };
        Some(match order {
            Ordering::Less => (old.next(), None),
            Ordering::Equal => (old.next(), new.next()),
            Ordering::Greater => (None, new.next()),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_side_by_side() {
        for (old, new, expected) in [
            (&[][..], &[][..], &[][..]),
            (&[1, 2], &[1, 2], &[(Some(1), Some(1)), (Some(2), Some(2))]),
            (&[1, 3], &[2, 3], &[(Some(1), None), (None, Some(2)), (Some(3), Some(3))]),
            (&[1], &[], &[(Some(1), None)]),
            (&[], &[1], &[(None, Some(1))]),
        ] {
            let found: Vec<(Option<i32>, Option<i32>)> = pairs(old, new, |entry| *entry)
                .map(|(old, new)| (old.copied(), new.copied()))
                .collect();
            assert_eq!(found, expected, "{old:?} {new:?}");
        }
    }
}
