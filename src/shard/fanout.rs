//! From the packets of a track to the subscribers' queues. The packets' bytes stay in the cache.
//!
//! A packet that comes in is noted, and a turn's packets of one track are queued together: each
//! subscriber is looked up once a turn, not once a packet. They are queued before any leg comes or
//! begins to carry packets, so that a leg gets nothing from before its time.

use super::Shard;
use super::dirty::{Dirty, Fanout, first_of};
use super::leg::{self, Listed};
use super::peer::{PENDING_MAX, PENDING_VIDEO_MAX, Peer, Pending};
use super::slab::{Key, Slab};
use super::stats::{Counter, Stats};
use super::track::Track;
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
}

impl Fresh {
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
    fresh.push(Fresh { track, first: index, count: 1 });
}

/// Queues what was noted. Who is first rotates from turn to turn.
pub fn flush(shard: &mut Shard) {
    if shard.fresh.is_empty() {
        return;
    }
    let Shard { fresh, tracks, peers, dirty, stats, turns, .. } = shard;
    for run in fresh.drain(..) {
        let Some(track) = tracks.get(run.track) else { continue };
        let most = if track.kind == Kind::Video { PENDING_VIDEO_MAX } else { PENDING_MAX };
        let fanout = Fanout::of(track.active.len());
        let first = first_of(*turns, track.active.len());
        let (behind, ahead) = track.active.split_at(first.min(track.active.len()));
        for legs in [ahead, behind] {
            queue(peers, dirty, stats, &run, most, fanout, legs);
        }
    }
}

fn queue(
    peers: &mut Slab<Peer>,
    dirty: &mut Dirty,
    stats: &mut Stats,
    run: &Fresh,
    most: usize,
    fanout: Fanout,
    legs: &[Listed],
) {
    for leg in legs {
        let Some(peer) = peers.get_mut(leg.peer) else { continue };
        let sending = &mut peer.sending;
        let count = usize::from(run.count).min(most.saturating_sub(sending.queued));
        if count < usize::from(run.count) {
            stats.add(Counter::DropQueueFull, (usize::from(run.count) - count) as u64);
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
        if !sending.dirty {
            sending.dirty = true;
            dirty.push(fanout, leg.peer);
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
