//! Away from a track's home: its entry begins and ends, packets come in, and what is wanted of it
//! is told to the home.

use std::time::Instant;

use super::{Carried, Facts, Live, Mesh, Message, Signal};
use crate::route::id::{ShardIndex, TrackId};
use crate::route::packet::SourceIndex;
use crate::shard::slab::Key;
use crate::shard::stats::Counter;
use crate::shard::track::{Home, Track};
use crate::shard::{Shard, fanout, micros};

impl Shard {
    /// Takes what came from other shards: to be called once a turn, with ingress.
    pub fn take_over(&mut self, now: Instant, mesh: &mut impl Mesh) {
        mesh.receive(&mut |from, sent, message| match message {
            Message::Packet(carried) => {
                if let Err(reason) = self.take_carried(from, sent, &carried) {
                    self.stats.count(reason);
                }
            }
            Message::Signal(signal) => self.heed(now, from, signal),
        });
    }

    fn heed(&mut self, now: Instant, from: ShardIndex, signal: Signal) {
        match signal {
            Signal::Live(live) => self.far_live(now, from, live),
            Signal::Ended(track) => self.far_ended(from, track),
            Signal::Restarted(track) => {
                let Some(key) = self.far_track(from, track) else { return };
                if let Some(track) = self.tracks.get_mut(key) {
                    track.cache.purge();
                    track.clock.forget();
                    fanout::restart(self, key);
                }
            }
            Signal::Clock(track, publisher_clock, clock) => {
                let Some(key) = self.far_track(from, track) else { return };
                if let Some(track) = self.tracks.get_mut(key) {
                    (track.publisher_clock, track.clock) = (publisher_clock, clock);
                }
            }
            Signal::Wanted(track, is_wanted) => self.heed_wanted(from, track, is_wanted),
            Signal::Keyframe(track) => {
                if let Some(&key) = self.by_track.get(&track) {
                    self.want_keyframe(now, key);
                }
            }
            Signal::Missing(track, index) => self.heed_missing(from, track, index),
        }
    }

    /// The entry of a track whose home is `home`.
    fn far_track(&self, home: ShardIndex, track: TrackId) -> Option<Key<Track>> {
        let key = *self.by_track.get(&track)?;
        let known = self.tracks.get(key)?;
        matches!(known.home, Home::Far { shard, .. } if shard == home).then_some(key)
    }

    fn far_live(&mut self, now: Instant, from: ShardIndex, live: Live) {
        let Live { track: id, meeting, codec, loudness } = live;
        if !self.by_track.contains_key(&id) {
            let home = Home::Far { shard: from, meeting };
            let mut track = Track::new(id, codec.kind(), home);
            let row = self.meetings.get(&meeting).and_then(|meeting| meeting.tables.track(id));
            if let Some(row) = row {
                (track.muted, track.audience_epoch) = (row.muted, row.audience_epoch);
            }
            let key = self.tracks.insert(track);
            self.by_track.insert(id, key);
        }
        let Some(key) = self.far_track(from, id) else { return };
        let Some(track) = self.tracks.get_mut(key) else { return };
        track.loudness = loudness;
        if track.begins(now, codec) {
            self.due_track(meeting, id);
        }
    }

    fn far_ended(&mut self, from: ShardIndex, id: TrackId) {
        let Some(key) = self.far_track(from, id) else { return };
        let Some(track) = self.tracks.remove(key) else { return };
        self.by_track.remove(&id);
        let Home::Far { meeting, .. } = track.home else { return };
        // Every leg that carried it has lost its track; the next seating clears the slots.
        self.due_track(meeting, id);
        if track.asked {
            self.others.tell(from, Signal::Wanted(id, false));
        }
    }

    /// A shard has ended: of its tracks nothing comes any more, and it wants nothing. If it is
    /// started again, it knows nothing of what was to be told to it.
    pub fn bury(&mut self, shard: ShardIndex) {
        let mut gone = Vec::new();
        for (_, track) in self.tracks.iter_mut() {
            track.wanted.retain(|wanted| *wanted != shard);
            if matches!(track.home, Home::Far { shard: home, .. } if home == shard) {
                gone.push(track.id);
            }
        }
        gone.into_iter().for_each(|track| self.far_ended(shard, track));
        self.others.forget_shard(shard);
    }

    /// Everything that a packet from another shard changes.
    fn take_carried(
        &mut self,
        from: ShardIndex,
        sent: Instant,
        carried: &Carried<'_>,
    ) -> Result<(), Counter> {
        let Facts { track: id, epoch, mut packet, again, .. } = carried.facts;
        let key = self.far_track(from, id).ok_or(Counter::DropNoRoute)?;
        let track = self.tracks.get_mut(key).ok_or(Counter::DropNoRoute)?;
        if epoch < track.audience_epoch {
            return Err(Counter::DropCut);
        }
        if epoch > track.audience_epoch {
            return Err(Counter::DropEarly);
        }
        if track.muted {
            return Err(Counter::DropMuted);
        }
        packet.arrived_us = micros(self.config.started, sent);
        if !track.cache.insert(packet, carried.descriptor, carried.payload) {
            return Err(Counter::DropMalformed);
        }
        if again {
            fanout::late(self, key, packet.index);
            return Ok(());
        }
        if packet.keyframe {
            track.asked_keyframe = false;
            if !track.waiting.is_empty() {
                fanout::keyframe(self, key);
            }
        }
        fanout::packet(&mut self.fresh, key, packet.index);
        Ok(())
    }

    /// After legs came or went: tells a track's home whether its packets are wanted, if that is
    /// another shard.
    pub(in crate::shard) fn want(&mut self, key: Key<Track>) {
        let Some(track) = self.tracks.get_mut(key) else { return };
        let Home::Far { shard, .. } = track.home else { return };
        let is_wanted = !(track.active.is_empty() && track.waiting.is_empty());
        if track.asked != is_wanted {
            track.asked = is_wanted;
            track.cache.purge(); // what comes has nothing to do with what is there
            self.others.tell(shard, Signal::Wanted(track.id, is_wanted));
        }
    }

    /// The same of what a slot carried and carries.
    pub(in crate::shard) fn want_all(&mut self, tracks: [Option<TrackId>; 2]) {
        for track in tracks.into_iter().flatten() {
            let key = self.by_track.get(&track).copied();
            key.into_iter().for_each(|key| self.want(key));
        }
    }

    /// Somebody needs a keyframe of a track with another home. Asked once until it comes or the
    /// next tick: the budget is at home, and stands for all shards.
    pub(in crate::shard) fn want_far_keyframe(&mut self, key: Key<Track>) {
        let Some(track) = self.tracks.get_mut(key) else { return };
        let Home::Far { shard, .. } = track.home else { return };
        if !track.asked_keyframe {
            let signal = Signal::Keyframe(track.id);
            track.asked_keyframe = self.others.tell_if_room(shard, signal);
        }
    }

    /// A subscriber misses a packet that is not here: asks the track's home.
    pub(in crate::shard) fn ask_again(&mut self, key: Key<Track>, index: SourceIndex) {
        let Some(track) = self.tracks.get(key) else { return };
        if let Home::Far { shard, .. } = track.home {
            self.others.tell_if_room(shard, Signal::Missing(track.id, index));
        }
    }
}

impl Track {
    /// Whether a packet that a subscriber misses has to be asked of the track's home.
    pub(in crate::shard) fn is_missing(&self, index: SourceIndex) -> bool {
        matches!(self.home, Home::Far { .. }) && self.cache.find(index).is_none()
    }
}
