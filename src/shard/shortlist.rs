//! Which tracks of a room come into question for a slot: what everybody who listens to it has in
//! common, found once for all of them.
//!
//! How a track ranks depends on who asks, but little: on what they wish to see, where they are, and
//! whom they have already. Without that, the tracks of a room rank the same for all. So whoever has
//! n slots finds theirs among the first n in that order whom they may have, those who speak beyond
//! the room, and those they wish for or have: not among all. In a main room of three thousand, of
//! whom nine hundred speak, that is what makes a seating of everybody cost milliseconds.

use std::cmp::Reverse;
use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::track::Track;
use super::{Meeting, Shard};
use crate::route::id::{MeetingId, RoomId, TrackId};
use crate::route::table::TrackRow;
use crate::wire::media::Kind;

/// How a track ranks in everybody's eyes; smaller is better.
type Order = (bool, bool, Reverse<u64>, TrackId);

/// The live tracks of one room, by kind, audio first; each best first.
#[derive(Default)]
pub struct Shortlist([Vec<Order>; 2]);

/// The shortlists of one seating; their memory is kept for the next.
#[derive(Default)]
pub struct Shortlists {
    by_room: HashMap<(MeetingId, RoomId), usize, FixedState>,
    lists: Vec<Shortlist>,
}

/// Whether a track is spoken beyond one room: announced, or whispered to somebody.
pub fn speaks_beyond(row: &TrackRow) -> bool {
    row.audience.rooms.len() > 1 || !row.audience.participants.is_empty()
}

impl Shortlist {
    /// Offers the tracks of a kind, best first, until so many `places` are `taken`; who speaks
    /// beyond the room takes no place of anybody.
    pub fn offer(&self, kind: Kind, places: usize, mut taken: impl FnMut(TrackId) -> bool) {
        let mut left = places;
        for (in_room_only, .., track) in &self.0[usize::from(kind == Kind::Video)] {
            if left == 0 {
                break;
            }
            left -= usize::from(taken(*track) && *in_room_only);
        }
    }
}

impl Shortlists {
    /// Everything may have changed since.
    pub fn forget(&mut self) {
        self.by_room.clear();
    }
}

impl Shard {
    /// The shortlist of a room, made if this seating has not asked for it yet.
    pub(super) fn shortlist<'a>(
        &self,
        lists: &'a mut Shortlists,
        (id, meeting): (MeetingId, &Meeting),
        room: RoomId,
    ) -> &'a Shortlist {
        let free = lists.by_room.len();
        let at = *lists.by_room.entry((id, room)).or_insert(free);
        if at == free {
            if lists.lists.len() == free {
                lists.lists.push(Shortlist::default());
            }
            self.list(meeting, room, &mut lists.lists[at].0);
        }
        &lists.lists[at]
    }

    fn list(&self, meeting: &Meeting, room: RoomId, orders: &mut [Vec<Order>; 2]) {
        orders.iter_mut().for_each(Vec::clear);
        for row in meeting.tables.spoken_to(room) {
            let Some(track) = self.live(row.track) else { continue };
            let last = match row.kind {
                Kind::Audio => u64::from(track.loudness.step()),
                Kind::Video => meeting.spoke_at(row.publisher),
            };
            let order = (!speaks_beyond(row), track.muted, Reverse(last), row.track);
            orders[usize::from(row.kind == Kind::Video)].push(order);
        }
        orders.iter_mut().for_each(|orders| orders.sort_unstable());
    }

    /// A track of which something comes in.
    pub(super) fn live(&self, track: TrackId) -> Option<&Track> {
        let track = self.by_track.get(&track).and_then(|key| self.tracks.get(*key));
        track.filter(|track| track.is_live())
    }
}
