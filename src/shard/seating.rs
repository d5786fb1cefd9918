//! Who sits in which slot: audio by loudness, video by wish, else by who spoke last (DESIGN.md §5).
//!
//! Decided when something changed that it depends on, at most once a turn, never per packet.

use std::cmp::Reverse;
use std::time::Instant;

use super::command::Report;
use super::fanout;
use super::leg::{self, Leg, LegRef};
use super::peer::Peer;
use super::shortlist::{self, Shortlists};
use super::slab::Key;
use super::track::Track;
use super::{Meeting, Shard};
use crate::route::id::TrackId;
use crate::route::mask::{self, Bit};
use crate::route::slots;
use crate::route::table::{ParticipantRow, TrackRow};
use crate::wire::media::Kind;

/// How a track ranks in a slot's eyes; smaller is better.
type Rank = (usize, bool, Reverse<u64>, TrackId);

/// Who sat where and who is to sit there: room to decide it in, kept from peer to peer.
#[derive(Default)]
pub struct Seats {
    /// One entry a slot.
    before: Vec<Option<TrackId>>,
    /// One entry a slot.
    after: Vec<Option<TrackId>>,
    /// By kind, audio first.
    ranked: [Vec<Rank>; 2],
    /// Of one kind: what is wanted, best first.
    wanted: Vec<TrackId>,
    /// Of one kind: the slots.
    part: Vec<Option<TrackId>>,
    /// What the rooms have in common.
    shortlists: Shortlists,
}

impl Shard {
    /// Seats the peers whom something concerns that changed.
    pub(super) fn reseat(&mut self, now: Instant) {
        if !std::mem::take(&mut self.reseat_due) {
            return;
        }
        self.seats.shortlists.forget();
        for key in self.take_due() {
            self.seat_again(now, key);
        }
        debug_assert!(self.legs_are_entitled(), "somebody was due and is not seated");
    }

    /// Whether every leg is entitled by the tables in force.
    fn legs_are_entitled(&self) -> bool {
        self.by_peer.values().filter_map(|key| self.peers.get(*key)).all(|peer| {
            let meeting = self.meetings.get(&peer.meeting);
            let row = meeting.and_then(|meeting| meeting.tables.participant(peer.participant));
            let legs = peer.sending.slots.iter().filter_map(|slot| slot.leg.as_ref());
            legs.map(|leg| leg.id).all(|id| {
                let track = meeting.and_then(|meeting| meeting.tables.track(id));
                track.zip(row).is_some_and(|(track, row)| mask::entitled(track, row))
            })
        })
    }

    /// Fills the slots of one peer anew.
    pub(super) fn seat(&mut self, now: Instant, key: Key<Peer>) {
        self.seats.shortlists.forget();
        self.seat_again(now, key);
    }

    /// The same, with what was found for others: seating changes no rank.
    fn seat_again(&mut self, now: Instant, key: Key<Peer>) {
        fanout::flush(self); // what came before is for who had it before
        let mut seats = std::mem::take(&mut self.seats);
        self.choose(key, &mut seats);
        let meeting = self.peers.get(key).and_then(|peer| self.meetings.get(&peer.meeting));
        let is_spread = meeting.is_some_and(|meeting| !meeting.others.is_empty());
        for (slot, (old, new)) in seats.before.iter().zip(&seats.after).enumerate() {
            self.fill(now, LegRef { peer: key, slot: slot as u16 }, *old, *new);
            if is_spread {
                self.want_all([*old, *new]);
            }
        }
        if seats.before != seats.after
            && let Some(peer) = self.peers.get(key)
        {
            self.reports.push_back(Report::Slots { peer: peer.id, slots: seats.after.clone() });
        }
        self.seats = seats;
    }

    /// Who sits where, and who is to sit there.
    fn choose(&self, key: Key<Peer>, seats: &mut Seats) {
        let Seats { before, after, ranked, wanted, part, shortlists } = seats;
        before.clear();
        after.clear();
        let Some(peer) = self.peers.get(key) else { return };
        let slots = peer.sending.slots.iter();
        before.extend(slots.map(|slot| slot.leg.as_ref().map(|leg| leg.id)));
        after.extend_from_slice(before);
        self.rank(peer, before, ranked, shortlists);
        for (kind, ranked) in [Kind::Audio, Kind::Video].into_iter().zip(ranked) {
            let of_kind = |(slot, _): &(&Kind, _)| **slot == kind;
            wanted.clear();
            wanted.extend(ranked.iter().map(|rank| rank.3));
            part.clear();
            part.extend(peer.kinds.iter().zip(&*before).filter(of_kind).map(|(_, track)| *track));
            slots::assign(part, wanted);
            let places = peer.kinds.iter().zip(&mut *after).filter(|(slot, _)| **slot == kind);
            for ((_, place), track) in places.zip(&*part) {
                *place = *track;
            }
        }
    }

    /// The tracks that a peer is entitled to and that are published, by kind, best first: as many
    /// as there are slots, at least.
    fn rank(
        &self,
        peer: &Peer,
        seated: &[Option<TrackId>],
        ranked: &mut [Vec<Rank>; 2],
        shortlists: &mut Shortlists,
    ) {
        ranked.iter_mut().for_each(Vec::clear);
        let Some(meeting) = self.meetings.get(&peer.meeting) else { return };
        // Nobody that no table names is sent anything.
        let row = meeting.tables.participant(peer.participant);
        let Some(row) = row.filter(|row| row.peers.contains(&peer.id)) else { return };
        let mut take = |id: TrackId| {
            let Some(of) = meeting.tables.track(id) else { return false };
            let narrowed = peer.from.is_none_or(|publisher| publisher == of.publisher);
            if !narrowed || !mask::entitled(of, row) {
                return false;
            }
            let Some(track) = self.live(id) else { return false };
            let ranked = &mut ranked[usize::from(of.kind == Kind::Video)];
            ranked.push(rank(meeting, peer, row, of, track, seated));
            true
        };
        for (room, heard) in &row.hears.rooms {
            let list = self.shortlist(shortlists, (peer.meeting, meeting), *room);
            for kind in [Kind::Audio, Kind::Video].into_iter().filter(|kind| heard.contains(*kind))
            {
                let slots = peer.kinds.iter().filter(|slot| **slot == kind).count();
                // What somebody wishes not to see is ranked last, and takes a place here.
                let places = slots + peer.wishes.len();
                list.offer(kind, places, &mut take);
            }
        }
        let wished = peer.wishes.iter().map(|wish| wish.track);
        for id in meeting.tables.named().chain(seated.iter().flatten().copied()).chain(wished) {
            take(id);
        }
        for ranked in &mut *ranked {
            ranked.sort_unstable();
            ranked.dedup_by_key(|rank| rank.3);
        }
        debug_assert!(self.are_best(peer, seated, ranked), "a shortlist left somebody out");
    }

    /// Whether a look at everything within earshot finds nobody else for the slots.
    fn are_best(&self, peer: &Peer, seated: &[Option<TrackId>], ranked: &[Vec<Rank>; 2]) -> bool {
        let Some(meeting) = self.meetings.get(&peer.meeting) else { return true };
        let Some(row) = meeting.tables.participant(peer.participant) else { return true };
        let mut all = [Vec::new(), Vec::new()];
        for track_row in meeting.tables.within_earshot(row) {
            let narrowed = peer.from.is_none_or(|publisher| publisher == track_row.publisher);
            if let Some(track) = self.live(track_row.track)
                && narrowed
                && mask::entitled(track_row, row)
            {
                let ranks = &mut all[usize::from(track_row.kind == Kind::Video)];
                ranks.push(rank(meeting, peer, row, track_row, track, seated));
            }
        }
        all.iter_mut().zip(ranked).zip([Kind::Audio, Kind::Video]).all(|((all, found), kind)| {
            all.sort_unstable();
            all.dedup_by_key(|rank| rank.3);
            let slots = peer.kinds.iter().filter(|slot| **slot == kind).count();
            let best = |ranks: &[Rank]| ranks.iter().take(slots).copied().collect::<Vec<_>>();
            best(all) == best(found)
        })
    }

    /// Makes one slot carry `new`, and writes the bits of its leg.
    fn fill(&mut self, now: Instant, at: LegRef, old: Option<TrackId>, new: Option<TrackId>) {
        let track_key = new.and_then(|new| self.by_track.get(&new)).copied();
        let slot = self.peers.get(at.peer).and_then(|it| it.sending.slots.get(at.slot as usize));
        let leg = slot.and_then(|slot| slot.leg.as_ref());
        // A track of another shard may have ended and begun again: the same id, another entry.
        if old != new || leg.is_some_and(|leg| Some(leg.track) != track_key) {
            leg::remove(&mut self.peers, &mut self.tracks, at);
        }
        let Some(track_key) = track_key else { return };
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
        let repairs = slot.repairs;
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
    seated: &[Option<TrackId>],
) -> Rank {
    let own_room = track_row.audience.rooms.binary_search(&row.room).is_ok();
    let announced = shortlist::speaks_beyond(track_row);
    match track_row.kind {
        Kind::Audio => {
            let class = usize::from(!announced) + usize::from(!own_room);
            // Who has a slot gives it up to somebody clearly louder only.
            let has_slot = seated.contains(&Some(track.id));
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
