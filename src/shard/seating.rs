//! Who sits in which slot: audio by loudness, video by wish, else by who spoke last (DESIGN.md §5).
//!
//! Decided when something changed that it depends on, at most once a turn, never per packet.

use std::cmp::Reverse;
use std::time::Instant;

use super::command::Report;
use super::fanout;
use super::leg::{self, Leg, LegRef};
use super::peer::Peer;
use super::slab::Key;
use super::track::Track;
use super::{Meeting, Shard};
use crate::route::id::TrackId;
use crate::route::mask::{self, Bit};
use crate::route::slots;
use crate::route::table::{MeetingTable, ParticipantRow, TrackRow};
use crate::wire::media::Kind;

/// How a track ranks in a slot's eyes; smaller is better.
type Rank = (usize, bool, Reverse<u64>, TrackId);

impl Shard {
    /// Seats the peers whom something concerns that changed.
    pub(super) fn reseat(&mut self, now: Instant) {
        if !std::mem::take(&mut self.reseat_due) {
            return;
        }
        for key in self.take_due() {
            self.seat(now, key);
        }
        debug_assert!(self.legs_are_entitled(), "somebody was due and is not seated");
    }

    /// Whether every leg is entitled by the tables in force.
    fn legs_are_entitled(&self) -> bool {
        self.by_peer.values().filter_map(|key| self.peers.get(*key)).all(|peer| {
            let meeting = self.meetings.get(&peer.meeting);
            let row = meeting.and_then(|meeting| meeting.table.participant(peer.participant));
            let legs = peer.sending.slots.iter().filter_map(|slot| slot.leg.as_ref());
            legs.map(|leg| leg.id).all(|id| {
                let tracks = meeting.map_or(&[][..], |meeting| &meeting.table.tracks);
                let track = tracks.binary_search_by_key(&id, |row| row.track).ok();
                let track = track.and_then(|at| tracks.get(at));
                track.zip(row).is_some_and(|(track, row)| mask::entitled(track, row))
            })
        })
    }

    /// Fills the slots of one peer anew.
    pub(super) fn seat(&mut self, now: Instant, key: Key<Peer>) {
        fanout::flush(self); // what came before is for who had it before
        let Some(peer) = self.peers.get(key) else { return };
        let meeting = self.meetings.get(&peer.meeting);
        // Nobody that no table names is sent anything.
        let row = meeting.and_then(|meeting| meeting.table.participant(peer.participant));
        let row = row.filter(|row| row.peers.contains(&peer.id));
        let known = meeting.zip(row);
        let is_spread = meeting.is_some_and(|meeting| !meeting.others.is_empty());
        let before: Vec<Option<TrackId>> =
            peer.sending.slots.iter().map(|slot| slot.leg.as_ref().map(|leg| leg.id)).collect();
        let mut after = before.clone();
        for kind in [Kind::Audio, Kind::Video] {
            let wanted = known.map(|(meeting, row)| self.wanted(meeting, peer, row, kind));
            let wanted = wanted.unwrap_or_default();
            let places = peer.sending.slots.iter().map(|slot| slot.cold.spec.kind == kind);
            let mut part: Vec<_> =
                places.zip(&before).filter(|(here, _)| *here).map(|(_, track)| *track).collect();
            slots::assign(&mut part, &wanted);
            let mut part = part.into_iter();
            for (slot, place) in peer.sending.slots.iter().zip(&mut after) {
                if slot.cold.spec.kind == kind {
                    *place = part.next().flatten();
                }
            }
        }
        for (slot, (old, new)) in before.iter().zip(&after).enumerate() {
            self.fill(now, LegRef { peer: key, slot: slot as u16 }, *old, *new);
            if is_spread {
                self.want_all([*old, *new]);
            }
        }
        if before != after
            && let Some(peer) = self.peers.get(key)
        {
            self.reports.push_back(Report::Slots { peer: peer.id, slots: after });
        }
    }

    /// The tracks of one kind that a peer is entitled to and that are published, best first.
    fn wanted(
        &self,
        meeting: &Meeting,
        peer: &Peer,
        row: &ParticipantRow,
        kind: Kind,
    ) -> Vec<TrackId> {
        let mut ranked: Vec<Rank> = Vec::new();
        for track_row in meeting.spoken_to(row) {
            let narrowed = peer.from.is_none_or(|publisher| publisher == track_row.publisher);
            if track_row.kind != kind || !narrowed || !mask::entitled(track_row, row) {
                continue;
            }
            let track = self.by_track.get(&track_row.track).and_then(|key| self.tracks.get(*key));
            if let Some(track) = track.filter(|track| track.is_live()) {
                ranked.push(rank(meeting, peer, row, track_row, track));
            }
        }
        ranked.sort_unstable();
        ranked.dedup_by_key(|rank| rank.3);
        ranked.into_iter().map(|rank| rank.3).collect()
    }

    /// Makes one slot carry `new`, and writes the bits of its leg.
    fn fill(&mut self, now: Instant, at: LegRef, old: Option<TrackId>, new: Option<TrackId>) {
        if old != new {
            leg::remove(&mut self.peers, &mut self.tracks, at);
        }
        let Some(&track_key) = new.and_then(|new| self.by_track.get(&new)) else { return };
        let Some(track) = self.tracks.get(track_key) else { return };
        let Some(peer) = self.peers.get_mut(at.peer) else { return };
        let ready = peer.is_ready();
        let paused = peer.wishes.iter().any(|wish| wish.track == track.id && wish.height == 0);
        let map = track.codec.and_then(|codec| peer.payload_map(codec)).copied();
        let Some(slot) = peer.sending.slots.get_mut(usize::from(at.slot)) else { return };
        if slot.leg.is_none() {
            slot.legs = slot.legs.wrapping_add(1);
            slot.leg = Some(Leg::new(track_key, track.id, track.kind, slot.legs));
        }
        let repairs = slot.cold.spec.rtx_ssrc.is_some();
        let Some(leg) = slot.leg.as_mut() else { return };
        leg.payload_type = map.map(|map| map.payload_type);
        leg.rtx = map.and_then(|map| map.rtx).filter(|_| repairs);
        leg.mask.set(Bit::Entitled, true); // only entitled tracks are wanted
        leg.mask.set(Bit::Ready, ready && leg.payload_type.is_some());
        leg.mask.set(Bit::Muted, track.muted);
        leg.mask.set(Bit::Paused, paused);
        let waits = leg.mask.waits_for_key();
        leg::refresh(&mut self.peers, &mut self.tracks, at);
        if waits {
            self.want_keyframe(now, track_key);
        }
    }
}

fn rank(
    meeting: &Meeting,
    peer: &Peer,
    row: &ParticipantRow,
    track_row: &TrackRow,
    track: &Track,
) -> Rank {
    let own_room = track_row.audience.rooms.binary_search(&row.room).is_ok();
    let announced =
        track_row.audience.rooms.len() > 1 || !track_row.audience.participants.is_empty();
    match track_row.kind {
        Kind::Audio => {
            let class = usize::from(!announced) + usize::from(!own_room);
            // Who has a slot gives it up to somebody clearly louder only.
            let has_slot = peer
                .sending
                .slots
                .iter()
                .any(|it| it.leg.as_ref().is_some_and(|leg| leg.id == track.id));
            let loudness = u64::from(track.loudness.step()) + u64::from(has_slot);
            (class, track.muted, Reverse(loudness), track.id)
        }
        Kind::Video => {
            let wish = peer.wishes.iter().position(|wish| wish.track == track.id);
            let shown = wish.filter(|at| peer.wishes.get(*at).is_some_and(|wish| wish.height > 0));
            let wish = match (shown, wish) {
                (Some(at), _) => at,
                (None, None) => usize::MAX - 1,
                (None, Some(_)) => usize::MAX, // asked not to be shown
            };
            let spoke = meeting.spoke_at(track_row.publisher);
            (wish, track.muted, Reverse(spoke), track.id)
        }
    }
}

impl MeetingTable {
    /// A participant's row.
    pub(super) fn participant(
        &self,
        id: crate::route::id::ParticipantId,
    ) -> Option<&ParticipantRow> {
        let at = self.participants.binary_search_by_key(&id, |row| row.participant).ok()?;
        self.participants.get(at)
    }
}

impl Meeting {
    /// The tracks spoken to a room that `row` hears, or to single participants. May name one twice.
    fn spoken_to<'a>(&'a self, row: &'a ParticipantRow) -> impl Iterator<Item = &'a TrackRow> {
        let table = &self.table;
        let heard = row.hears.rooms.iter().filter_map(|(room, _)| {
            let at = table.rooms.binary_search_by_key(room, |row| row.room).ok()?;
            table.rooms.get(at)
        });
        let tracks = heard.flat_map(|room| &room.tracks).chain(&self.named);
        tracks.filter_map(|at| table.tracks.get(*at as usize))
    }
}
