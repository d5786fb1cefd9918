//! From the model to tables: the rows of a meeting, kept by participant and followed change by
//! change; what rows before and after a change have in common; and what one shard is told of it.
//!
//! What old and new rows have in common is in force in the revoke epoch: whatever is entitled by it
//! is entitled before and after (DESIGN.md §4). Sides are intersected one by one (what is heard, to
//! whom is spoken, which roles are received), so an edge that is entitled before and after for
//! different reasons falls silent in between: too little is granted for a few milliseconds, never
//! too much.
//!
//! Nobody's rows depend on anybody else's, so a change costs by whom it touches, not by the size of
//! the meeting. The slow form, which builds everything anew, is `whole`; the tests of `epochs` hold
//! what shards are sent against it.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Meeting, kind_of};
use super::port::ShardIndex;
use crate::route::id::{Epoch, MeetingId, ParticipantId, PeerId, RoomId};
use crate::route::table::{
    Audience, Hears, Kinds, MeetingTable, ParticipantRow, Roles, TableChange, TrackRow,
};

/// The rows of one participant: its own, and those of its tracks. Who has no peer has none: there
/// is nothing they could send or be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rows {
    /// Its `peers` are empty: each shard gets its own.
    own: ParticipantRow,
    /// Of every shard, ascending.
    peers: Vec<(PeerId, ShardIndex)>,
    /// Ascending.
    tracks: Vec<TrackRow>,
}

impl Rows {
    /// What the model says of a participant. A track whose audience, mute, role or publisher's room
    /// is not what it was in `before` gets `epoch` as its audience epoch; so does a new track.
    fn of(model: &Meeting, id: ParticipantId, before: Option<&Rows>, epoch: Epoch) -> Option<Rows> {
        let who = model.participants().get(&id).filter(|who| !who.peers().is_empty())?;
        let own = ParticipantRow {
            participant: id,
            room: who.room(),
            hears: who.hears(),
            role: who.role(),
            receives: who.receives(),
            peers: Vec::new(),
        };
        let mut peers = Vec::with_capacity(who.peers().len());
        let mut tracks = Vec::new();
        for (peer_id, peer) in
            who.peers().iter().filter_map(|id| Some((*id, model.peers().get(id)?)))
        {
            peers.push((peer_id, peer.shard));
            for (track, source) in &peer.tracks {
                tracks.push(TrackRow {
                    track: *track,
                    publisher: id,
                    peer: peer_id,
                    shard: peer.shard,
                    role: who.role(),
                    source: *source,
                    kind: kind_of(*source),
                    muted: who.muted(*source),
                    bps_max: who.bps_max(*source),
                    audience: who.audience(*source),
                    audience_epoch: epoch,
                });
            }
        }
        tracks.sort_unstable_by_key(|row| row.track);
        if let Some(before) = before.filter(|before| before.own.room == own.room) {
            for (now, then) in in_both_mut(&mut tracks, &before.tracks, |row| row.track) {
                if is_spoken_alike(now, then) {
                    now.audience_epoch = then.audience_epoch;
                }
            }
        }
        Some(Rows { own, peers, tracks })
    }

    /// What `self` and `next` have in common, with the room and role of `self` and the audience
    /// epochs of `next`.
    fn meet(&self, next: &Rows) -> Rows {
        let tracks = in_both(&self.tracks, &next.tracks, |row| row.track);
        let peers = in_both(&self.peers, &next.peers, |peer| peer.0);
        Rows {
            own: meet_participants(&self.own, &next.own),
            peers: peers.map(|pair| *pair.0).collect(),
            tracks: tracks.map(|(old, new)| meet_tracks(old, new)).collect(),
        }
    }

    /// Whether both say the same, whatever their audience epochs.
    fn says_as(&self, other: &Rows) -> bool {
        let rows_alike = |(a, b): (&TrackRow, &TrackRow)| {
            let TrackRow { track, publisher, peer, role, source, kind, muted, audience, .. } = a;
            *track == b.track
                && a.bps_max == b.bps_max
                && (*publisher, *peer, *source, *kind) == (b.publisher, b.peer, b.source, b.kind)
                && (*role, *muted, audience) == (b.role, b.muted, &b.audience)
        };
        self.own == other.own
            && self.peers == other.peers
            && self.tracks.len() == other.tracks.len()
            && self.tracks.iter().zip(&other.tracks).all(rows_alike)
    }

    /// The participant's row as `shard` gets it.
    fn own_for(&self, shard: ShardIndex) -> ParticipantRow {
        let here = self.peers.iter().filter(|peer| peer.1 == shard);
        ParticipantRow { peers: here.map(|peer| peer.0).collect(), ..self.own.clone() }
    }
}

/// What rows before and after a change have in common: those of the revoke epoch.
pub fn in_common(before: Option<&Rows>, after: Option<&Rows>) -> Option<Rows> {
    before.zip(after).map(|(before, after)| before.meet(after))
}

/// Whether both say the same, whatever their audience epochs.
pub fn say_the_same(a: Option<&Rows>, b: Option<&Rows>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.says_as(b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// All rows of a meeting in one epoch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Picture {
    people: BTreeMap<ParticipantId, Rows>,
    /// The shards that have peers in it, and how many.
    shards: BTreeMap<ShardIndex, usize>,
}

impl Picture {
    /// Follows the model, which touched these. Returns whose rows are other than before, and what
    /// they were.
    pub fn follow(
        &mut self,
        model: &Meeting,
        touched: BTreeSet<ParticipantId>,
        epoch: Epoch,
    ) -> Vec<(ParticipantId, Option<Rows>)> {
        let mut former = Vec::with_capacity(touched.len());
        for id in touched {
            let rows = Rows::of(model, id, self.rows(id), epoch);
            if rows.as_ref() != self.rows(id) {
                former.push((id, self.put(id, rows)));
            }
        }
        former
    }

    fn put(&mut self, id: ParticipantId, rows: Option<Rows>) -> Option<Rows> {
        for (_, shard) in rows.iter().flat_map(|rows| &rows.peers) {
            *self.shards.entry(*shard).or_default() += 1;
        }
        let former = match rows {
            Some(rows) => self.people.insert(id, rows),
            None => self.people.remove(&id),
        };
        for (_, shard) in former.iter().flat_map(|rows| &rows.peers) {
            let count = self.shards.entry(*shard).or_default();
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.shards.remove(shard);
            }
        }
        former
    }

    /// The rows of one participant.
    pub fn rows(&self, id: ParticipantId) -> Option<&Rows> {
        self.people.get(&id)
    }

    /// The shards that have peers in it.
    pub fn shards(&self) -> BTreeSet<ShardIndex> {
        self.shards.keys().copied().collect()
    }

    /// What a shard gets that has no tables of the meeting yet: all rows, of the peers only its
    /// own.
    pub fn for_shard(
        &self,
        meeting: MeetingId,
        main: RoomId,
        epoch: Epoch,
        shard: ShardIndex,
    ) -> MeetingTable {
        let participants = self.people.values().map(|rows| rows.own_for(shard)).collect();
        let mut tracks: Vec<TrackRow> =
            self.people.values().flat_map(|rows| &rows.tracks).cloned().collect();
        tracks.sort_unstable_by_key(|row| row.track);
        let shards = self.shards.keys().copied().collect();
        MeetingTable { meeting, epoch, main, shards, participants, tracks }
    }
}

/// What a shard gets that has the tables before: the rows that are other now. Each entry is one
/// participant's rows before and after. `shards`: those that have peers of the meeting after it.
pub fn change_for<'a>(
    meeting: MeetingId,
    epoch: Epoch,
    shard: ShardIndex,
    shards: Vec<ShardIndex>,
    rows: impl Iterator<Item = (ParticipantId, Option<&'a Rows>, Option<&'a Rows>)>,
) -> TableChange {
    let (mut participants, mut tracks) = (Vec::new(), Vec::new());
    for (id, before, after) in rows {
        let part = |rows: &'a Rows| (&rows.own, &rows.peers);
        if before.map(part) != after.map(part) {
            participants.push((id, after.map(|rows| rows.own_for(shard))));
        }
        let then = before.map_or(&[][..], |rows| &rows.tracks);
        let now = after.map_or(&[][..], |rows| &rows.tracks);
        let place = |row: &TrackRow, list: &'a [TrackRow]| {
            list.binary_search_by_key(&row.track, |other| other.track).ok().map(|at| &list[at])
        };
        let gone = then.iter().filter(|row| place(row, now).is_none());
        tracks.extend(gone.map(|row| (row.track, None)));
        let other = now.iter().filter(|row| place(row, then) != Some(*row));
        tracks.extend(other.map(|row| (row.track, Some(row.clone()))));
    }
    TableChange { meeting, epoch, shards, participants, tracks }
}

/// Whether the same people may have been spoken to, as far as the track's side of the rule goes.
fn is_spoken_alike(a: &TrackRow, b: &TrackRow) -> bool {
    a.muted == b.muted && a.role == b.role && a.audience == b.audience
}

fn meet_participants(old: &ParticipantRow, new: &ParticipantRow) -> ParticipantRow {
    let heard = in_both(&old.hears.rooms, &new.hears.rooms, |entry| entry.0)
        .map(|(was, is)| (was.0, was.1.intersect(is.1)))
        .filter(|entry| entry.1 != Kinds::NONE);
    ParticipantRow {
        participant: old.participant,
        room: old.room,
        hears: Hears { rooms: heard.collect() },
        role: old.role,
        receives: Roles(old.receives.0 & new.receives.0),
        peers: in_both(&old.peers, &new.peers, |peer| *peer).map(|pair| *pair.0).collect(),
    }
}

fn meet_tracks(old: &TrackRow, new: &TrackRow) -> TrackRow {
    // No single role stands for "received under the old role and under the new one": to nobody,
    // then.
    let audience = if old.role == new.role {
        meet_audiences(&old.audience, &new.audience)
    } else {
        Audience::default()
    };
    TrackRow {
        track: new.track,
        publisher: new.publisher,
        peer: new.peer,
        shard: new.shard,
        role: old.role,
        source: new.source,
        kind: new.kind,
        muted: old.muted || new.muted,
        bps_max: old.bps_max.into_iter().chain(new.bps_max).min(),
        audience,
        audience_epoch: new.audience_epoch,
    }
}

fn meet_audiences(old: &Audience, new: &Audience) -> Audience {
    let rooms = in_both(&old.rooms, &new.rooms, |room| *room);
    let participants = in_both(&old.participants, &new.participants, |participant| *participant);
    Audience {
        rooms: rooms.map(|pair| *pair.0).collect(),
        participants: participants.map(|pair| *pair.0).collect(),
    }
}

/// Pairs of entries with one key, of two lists that ascend by it.
pub(super) fn in_both<'a, T, K: Ord>(
    old: &'a [T],
    new: &'a [T],
    key: impl Fn(&T) -> K + Copy,
) -> impl Iterator<Item = (&'a T, &'a T)> {
    let mut rest = new.iter().peekable();
    old.iter().filter_map(move |entry| {
        while rest.next_if(|other| key(other) < key(entry)).is_some() {}
        rest.next_if(|other| key(other) == key(entry)).map(|other| (entry, other))
    })
}

/// The same, to write to the first list.
pub(super) fn in_both_mut<'a, T, K: Ord>(
    written: &'a mut [T],
    read: &'a [T],
    key: impl Fn(&T) -> K + Copy,
) -> impl Iterator<Item = (&'a mut T, &'a T)> {
    let mut rest = read.iter().peekable();
    written.iter_mut().filter_map(move |entry| {
        while rest.next_if(|other| key(other) < key(entry)).is_some() {}
        rest.next_if(|other| key(other) == key(entry)).map(|other| (entry, other))
    })
}
