//! At a track's home: who is told of it, who gets its packets, and what comes back from them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Carried, Facts, Live, Mesh, Message, Signal};
use crate::route::id::{MeetingId, ShardIndex, TrackId};
use crate::route::packet::SourceIndex;
use crate::shard::slab::{Key, Slab};
use crate::shard::stats::Counter;
use crate::shard::track::{Home, Track};
use crate::shard::{Shard, fanout};

/// So many signals may wait for one shard before those that are repeated anyway are left out, and
/// others take the place of what they say anew: a shard that stalls is not told all that happened
/// meanwhile, but how things stand.
const WAITING_MAX: usize = 1_024;

/// When to try again what found no room: whoever makes room does not tell.
const AGAIN: Duration = Duration::from_millis(2);

/// Consecutive packets of a track that wait to be handed over. Their bytes are in its cache.
#[derive(Clone, Copy, Debug)]
struct Run {
    track: Key<Track>,
    first: SourceIndex,
    count: u16,
    /// They were handed over before.
    again: bool,
}

/// What waits for one other shard.
#[derive(Debug, Default)]
struct Lane {
    signals: VecDeque<Signal>,
    runs: Vec<Run>,
}

/// What waits for other shards, by shard.
#[derive(Debug, Default)]
pub struct Others {
    lanes: Vec<Lane>,
    /// Something waits.
    is_due: bool,
    /// What found no room is tried again.
    again: Option<Instant>,
}

impl Others {
    fn lane(&mut self, to: ShardIndex) -> &mut Lane {
        self.is_due = true;
        if self.lanes.len() <= to.0 {
            self.lanes.resize_with(to.0 + 1, Lane::default);
        }
        &mut self.lanes[to.0] // made above
    }

    /// Tells `to` something.
    pub fn tell(&mut self, to: ShardIndex, signal: Signal) {
        let signals = &mut self.lane(to).signals;
        if signals.len() >= WAITING_MAX {
            signals.retain(|former| !signal.replaces(former));
        }
        signals.push_back(signal);
    }

    /// Tells `to` something that is told again if it is left out now. Whether it was told.
    pub fn tell_if_room(&mut self, to: ShardIndex, signal: Signal) -> bool {
        let lane = self.lane(to);
        let has_room = lane.signals.len() < WAITING_MAX;
        if has_room {
            lane.signals.push_back(signal);
        }
        has_room
    }

    /// Packets of a track that came in are for these shards, too.
    pub fn hand(&mut self, to: &[ShardIndex], track: Key<Track>, first: SourceIndex, count: u16) {
        for shard in to {
            self.lane(*shard).runs.push(Run { track, first, count, again: false });
        }
    }

    /// The same of one that a shard misses.
    fn hand_again(&mut self, to: ShardIndex, track: Key<Track>, index: SourceIndex) {
        self.lane(to).runs.push(Run { track, first: index, count: 1, again: true });
    }

    /// The track is numbered anew: what waits by the old numbers is void.
    fn forget(&mut self, track: Key<Track>) {
        self.lanes.iter_mut().for_each(|lane| lane.runs.retain(|run| run.track != track));
    }

    /// A shard has ended: what waits for it is void.
    pub fn forget_shard(&mut self, shard: ShardIndex) {
        if let Some(lane) = self.lanes.get_mut(shard.0) {
            *lane = Lane::default();
        }
    }

    /// When to hand over what found no room.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.again
    }
}

impl Shard {
    /// Hands over what is for other shards: to be called once a turn, before egress.
    pub fn hand_over(&mut self, now: Instant, mesh: &mut impl Mesh) {
        while let Some(ended) = mesh.ended() {
            self.bury(ended);
        }
        self.reseat(now); // what is wanted of other shards follows from it
        fanout::hand(self);
        if !std::mem::take(&mut self.others.is_due) {
            return;
        }
        self.others.again = None;
        let Shard { others, tracks, stats, .. } = self;
        for (index, lane) in others.lanes.iter_mut().enumerate() {
            let to = ShardIndex(index);
            while let Some(signal) = lane.signals.front() {
                if !mesh.send(to, &Message::Signal(*signal)) {
                    others.is_due = true;
                    others.again = Some(now + AGAIN);
                    break;
                }
                lane.signals.pop_front();
            }
            for run in lane.runs.drain(..) {
                // No packet overtakes what is to be told before it.
                let (handed, count) = (lane.signals.is_empty(), u64::from(run.count));
                let lost = if handed { run.hand(to, tracks, mesh) } else { count };
                stats.add(Counter::DropOverrun, lost);
            }
        }
    }

    /// Tells all other shards of the meeting that something is published by a track of ours.
    pub(in crate::shard) fn tell_live(&mut self, key: Key<Track>) {
        let Shard { tracks, peers, meetings, others, .. } = self;
        let Some(track) = tracks.get_mut(key) else { return };
        let Home::Here(publisher) = track.home else { return };
        let Some(peer) = peers.get(publisher) else { return };
        let Some(meeting) = meetings.get(&peer.meeting) else { return };
        let Some(live) = track.live(peer.meeting) else { return };
        meeting.others.iter().for_each(|to| others.tell(*to, Signal::Live(live)));
        track.told = live.loudness.step();
    }

    /// Tells them that nothing is published by it any more. What they wanted of it is void.
    pub(in crate::shard) fn tell_ended(&mut self, meeting: MeetingId, track: TrackId) {
        if let Some(meeting) = self.meetings.get(&meeting) {
            meeting.others.iter().for_each(|to| self.others.tell(*to, Signal::Ended(track)));
        }
        let key = self.by_track.get(&track);
        if let Some(track) = key.and_then(|key| self.tracks.get_mut(*key)) {
            track.wanted = Vec::new();
        }
    }

    /// Tells who gets its packets that a track is numbered anew.
    pub(in crate::shard) fn tell_restarted(&mut self, key: Key<Track>) {
        self.others.forget(key);
        let Some(track) = self.tracks.get(key) else { return };
        let signal = Signal::Restarted(track.id);
        track.wanted.iter().for_each(|to| self.others.tell(*to, signal));
    }

    /// Tells who gets its packets how a track's media time stands to clocks.
    pub(in crate::shard) fn tell_clock(&mut self, key: Key<Track>) {
        let Some(track) = self.tracks.get(key) else { return };
        for to in &track.wanted {
            let signal = Signal::Clock(track.id, track.publisher_clock, track.clock);
            self.others.tell_if_room(*to, signal);
        }
    }

    /// Five times a second: tells how loud the tracks of ours are that grew louder or quieter.
    pub(in crate::shard) fn tell_loudness(&mut self) {
        let Shard { tracks, peers, meetings, others, .. } = self;
        if meetings.values().all(|meeting| meeting.others.is_empty()) {
            return;
        }
        for (_, track) in tracks.iter_mut() {
            let Home::Here(publisher) = track.home else { continue };
            if track.loudness.step() == track.told {
                continue;
            }
            let Some(peer) = peers.get(publisher) else { continue };
            let Some(meeting) = meetings.get(&peer.meeting) else { continue };
            let Some(live) = track.live(peer.meeting) else { continue };
            let mut is_told = true;
            for to in &meeting.others {
                is_told &= others.tell_if_room(*to, Signal::Live(live));
            }
            if is_told {
                track.told = live.loudness.step();
            }
        }
    }

    /// After a table: shards that are new to the meeting are told what is published here, and those
    /// that have left it are told that it ended.
    pub(in crate::shard) fn meet_others(&mut self, id: MeetingId, shards: &[ShardIndex]) {
        let own = self.config.shard;
        let Shard { meetings, members, peers, tracks, others, .. } = self;
        let Some(meeting) = meetings.get_mut(&id) else { return };
        let now = || shards.iter().copied().filter(|shard| *shard != own);
        if now().eq(meeting.others.iter().copied()) {
            return;
        }
        let before = std::mem::replace(&mut meeting.others, now().collect());
        let came: Vec<_> = meeting.others.iter().filter(|to| !before.contains(to)).collect();
        let left: Vec<_> = before.iter().filter(|to| !meeting.others.contains(to)).collect();
        let here = members.get(&id).into_iter().flatten();
        for source in here.filter_map(|key| peers.get(*key)).flat_map(|peer| &peer.published) {
            let Some(track) = tracks.get_mut(source.track) else { continue };
            let Some(live) = track.live(id) else { continue };
            came.iter().for_each(|to| others.tell(**to, Signal::Live(live)));
            left.iter().for_each(|to| others.tell(**to, Signal::Ended(live.track)));
            track.wanted.retain(|to| !left.contains(&to));
        }
    }

    /// A shard wants the packets of a track of ours, or no more.
    pub(super) fn heed_wanted(&mut self, from: ShardIndex, track: TrackId, is_wanted: bool) {
        let Some(&key) = self.by_track.get(&track) else { return };
        let Some(track) = self.tracks.get_mut(key) else { return };
        track.wanted.retain(|shard| *shard != from);
        if is_wanted && track.is_live() {
            track.wanted.push(from);
            let clock = Signal::Clock(track.id, track.publisher_clock, track.clock);
            // It may have been numbered anew since this shard was last told of it.
            self.others.tell(from, Signal::Restarted(track.id));
            self.others.tell(from, clock);
        }
    }

    /// A shard misses a packet. It is handed over again, if it is still there: as what it is now,
    /// to whom the track is spoken now.
    pub(super) fn heed_missing(&mut self, from: ShardIndex, track: TrackId, index: SourceIndex) {
        let Some(&key) = self.by_track.get(&track) else { return };
        let Some(track) = self.tracks.get(key) else { return };
        if track.wanted.contains(&from) && track.cache.find(index).is_some() {
            self.others.hand_again(from, key, index);
        }
    }
}

impl Run {
    /// Hands the packets of a run over. Returns how many are gone from the cache: overwritten, or
    /// said before a cut.
    fn hand(&self, to: ShardIndex, tracks: &Slab<Track>, mesh: &mut impl Mesh) -> u64 {
        let Some(track) = tracks.get(self.track) else { return 0 };
        let mut overrun = 0;
        for index in self.first.0..self.first.0 + u64::from(self.count) {
            let Some(stored) = track.cache.find(SourceIndex(index)) else {
                overrun += 1;
                continue;
            };
            let (id, kind, epoch) = (track.id, track.kind, track.audience_epoch);
            let facts = Facts { track: id, kind, epoch, packet: *stored.packet, again: self.again };
            let (descriptor, payload) = (stored.descriptor, stored.payload);
            mesh.send(to, &Message::Packet(Carried { facts, descriptor, payload }));
        }
        overrun
    }
}

impl Track {
    /// What other shards are told of it. `None`: nothing is published.
    fn live(&self, meeting: MeetingId) -> Option<Live> {
        let codec = self.codec.filter(|_| self.is_live())?;
        Some(Live { track: self.id, meeting, codec, loudness: self.loudness })
    }
}
