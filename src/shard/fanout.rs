//! From the packets of a track to the subscribers' queues. The packets' bytes stay in the cache.
//!
//! A packet that comes in is noted, and a turn's packets of one track are queued together: each
//! subscriber is looked up once a turn, not once a packet. They are queued before any leg comes or
//! begins to carry packets, so that a leg gets nothing from before its time.

use super::Shard;
use super::dirty::{Dirty, Fanout, first_of};
use super::leg::{self, Listed};
use super::mesh::Others;
use super::peer::{PENDING_MAX, PENDING_VIDEO_MAX, Peer, Pending};
use super::slab::{Key, Slab};
use super::stats::{Counter, Stats};
use super::track::Track;
use super::voice_hold::VoiceHold;
use crate::route::mask::Bit;
use crate::route::packet::SourceIndex;
use crate::wire::media::Kind;

/// How far back a turn's packets are searched for the ones before of the same track.
const SEARCH: usize = 8;

/// Consecutive packets of one track that came in and are in nobody's queue yet.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    pub track: Key<Track>,
    first: SourceIndex,
    count: u16,
    /// How many of them other shards have.
    handed: u16,
}

impl Fresh {
    /// Hands those over that other shards do not have.
    #[inline(never)]
    fn hand(&mut self, track: &Track, others: &mut Others) {
        let first = SourceIndex(self.first.0 + u64::from(self.handed));
        let count = self.count.saturating_sub(self.handed);
        self.handed = self.count;
        if count > 0 {
            others.hand(&track.wanted, self.track, first, count);
        }
    }

    /// The last packet of the run.
    pub fn last(&self) -> SourceIndex {
        SourceIndex(self.first.0 + u64::from(self.count).saturating_sub(1))
    }
}

/// Notes packet `index` of a track for all legs that are active now.
pub fn packet(fresh: &mut Vec<Fresh>, track: Key<Track>, index: SourceIndex) {
    let mut recent = fresh.iter_mut().rev().take(SEARCH);
    if let Some(last) = recent.find(|entry| entry.track == track)
        && last.first.0 + u64::from(last.count) == index.0
        && last.count < u16::MAX
    {
        last.count += 1;
        return;
    }
    fresh.push(Fresh { track, first: index, count: 1, handed: 0 });
}

/// Queues a packet that others were sent before: for the legs that had packets then, and so miss
/// it. Those that came since get nothing from before their time.
pub fn late(shard: &mut Shard, track_key: Key<Track>, index: SourceIndex) {
    flush(shard);
    let Shard { tracks, peers, dirty, voice_hold, stats, .. } = shard;
    let Some(track) = tracks.get(track_key) else { return };
    let was_there = |listed: &&Listed| {
        let sending = peers.get(listed.peer).map(|peer| &peer.sending);
        let slot = sending.and_then(|sending| sending.slots.get(usize::from(listed.slot)));
        slot.is_some_and(|slot| slot.rewriter.covers(index))
    };
    // Rare enough to allocate: a ring between shards was full.
    let legs: Vec<Listed> = track.active.iter().filter(was_there).copied().collect();
    let run = Fresh { track: track_key, first: index, count: 1, handed: 0 };
    let fanout = Fanout::of(legs.len());
    let most = most(track.kind);
    Line { peers, dirty, voice_hold, stats, most, fanout, held_since: None }.queue(&run, &legs);
}

/// Queues what was noted for other shards, and for nobody here.
pub fn hand(shard: &mut Shard) {
    let Shard { fresh, tracks, others, .. } = shard;
    for run in fresh {
        let Some(track) = tracks.get(run.track) else { continue };
        if !track.wanted.is_empty() {
            run.hand(track, others);
        }
    }
}

/// Queues what was noted. Who is first rotates from turn to turn.
pub fn flush(shard: &mut Shard) {
    if shard.fresh.is_empty() {
        return;
    }
    let Shard { fresh, tracks, peers, dirty, voice_hold, stats, turns, others, .. } = shard;
    for mut run in fresh.drain(..) {
        let Some(track) = tracks.get(run.track) else { continue };
        if !track.wanted.is_empty() {
            run.hand(track, others);
        }
        let fanout = Fanout::of(track.active.len());
        let held_since = held_since(track, &run, voice_hold);
        let most = most(track.kind);
        let mut line = Line { peers, dirty, voice_hold, stats, most, fanout, held_since };
        let first = first_of(*turns, track.active.len());
        let (behind, ahead) = track.active.split_at(first.min(track.active.len()));
        for legs in [ahead, behind] {
            line.queue(&run, legs);
        }
    }
}

/// When a run came that may wait for company: a voice, on a busy shard.
fn held_since(track: &Track, run: &Fresh, voice_hold: &VoiceHold) -> Option<u32> {
    if track.kind != Kind::Audio || !voice_hold.is_on() {
        return None;
    }
    Some(track.cache.find(run.first)?.packet.arrived_us)
}

/// How many packets may wait for one subscriber before none of this kind is added.
fn most(kind: Kind) -> usize {
    if kind == Kind::Video { PENDING_VIDEO_MAX } else { PENDING_MAX }
}

/// Where the packets of one run are queued.
struct Line<'s> {
    peers: &'s mut Slab<Peer>,
    dirty: &'s mut Dirty,
    voice_hold: &'s mut VoiceHold,
    stats: &'s mut Stats,
    /// Most packets of a subscriber.
    most: usize,
    fanout: Fanout,
    held_since: Option<u32>,
}

impl Line<'_> {
    fn queue(&mut self, run: &Fresh, legs: &[Listed]) {
        for leg in legs {
            let Some(peer) = self.peers.get_mut(leg.peer) else { continue };
            let sending = &mut peer.sending;
            let count = usize::from(run.count).min(self.most.saturating_sub(sending.queued));
            if count < usize::from(run.count) {
                let dropped = usize::from(run.count) - count;
                self.stats.add(Counter::DropQueueFull, dropped as u64);
            }
            if count == 0 {
                continue;
            }
            sending.push(Pending {
                slot: leg.slot,
                count: count as u16, // at most what it was
                generation: leg.generation,
                track: run.track,
                first: run.first,
                again: false,
            });
            if sending.dirty {
                continue;
            }
            if let Some(arrived_us) = self.held_since.filter(|_| sending.pictures == 0) {
                self.voice_hold.wait(leg.peer, sending, arrived_us);
                continue;
            }
            sending.dirty = true;
            self.dirty.push(self.fanout, leg.peer);
        }
    }
}

/// A keyframe begins: legs that waited for one take packets from here on.
pub fn keyframe(shard: &mut Shard, track_key: Key<Track>) {
    flush(shard);
    let Some(track) = shard.tracks.get(track_key) else { return };
    // A keyframe that was waited for is rare enough to allocate.
    for at in track.waiting.clone() {
        if let Some(leg) = leg::leg_mut(&mut shard.peers, at.leg()) {
            leg.mask.set(Bit::NeedsKey, false);
        }
        leg::refresh(&mut shard.peers, &mut shard.tracks, at.leg());
    }
}

/// The track is numbered anew: every leg that carries it begins a new run, video from a keyframe.
pub fn restart(shard: &mut Shard, track_key: Key<Track>) {
    flush(shard);
    let Some(track) = shard.tracks.get(track_key) else { return };
    for at in track.active.clone() {
        let Some(peer) = shard.peers.get_mut(at.peer) else { continue };
        let Some(slot) = peer.sending.slots.get_mut(usize::from(at.slot)) else { continue };
        slot.rewriter.interrupt();
        if let Some(leg) = slot.leg.as_mut() {
            leg.mask.set(Bit::NeedsKey, slot.cold.spec.kind == Kind::Video);
        }
        leg::refresh(&mut shard.peers, &mut shard.tracks, at.leg());
    }
}
