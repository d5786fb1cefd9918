//! From one packet of a track to the subscribers' queues. The packet's bytes stay in the cache.

use super::Shard;
use super::leg::{self, LegRef};
use super::peer::{PENDING_MAX, PENDING_VIDEO_MAX, Peer, Pending};
use super::slab::{Key, Slab};
use super::stats::Counter;
use super::track::Track;
use crate::route::mask::Bit;
use crate::route::packet::SourceIndex;
use crate::wire::media::Kind;

/// Queues packet `index` of a track for every active leg.
pub fn packet(shard: &mut Shard, track_key: Key<Track>, index: SourceIndex) {
    let Some(track) = shard.tracks.get(track_key) else { return };
    let most = if track.kind == Kind::Video { PENDING_VIDEO_MAX } else { PENDING_MAX };
    for &LegRef { peer: key, slot } in &track.active {
        let Some(peer) = shard.peers.get_mut(key) else { continue };
        let Some(leg) = peer.slots.get(usize::from(slot)).and_then(|slot| slot.leg.as_ref()) else {
            continue;
        };
        let generation = leg.generation;
        if peer.pending.len() >= most {
            shard.stats.count(Counter::DropQueueFull);
            continue;
        }
        peer.pending.push(Pending { slot, generation, track: track_key, index, again: false });
        if !peer.dirty {
            peer.dirty = true;
            shard.dirty.push_back(key);
        }
    }
}

/// A keyframe begins: legs that waited for one take packets from here on.
pub fn keyframe(peers: &mut Slab<Peer>, tracks: &mut Slab<Track>, track_key: Key<Track>) {
    let Some(track) = tracks.get(track_key) else { return };
    // A keyframe that was waited for is rare enough to allocate.
    let waiting = track.waiting.clone();
    for at in waiting {
        let slot = peers.get_mut(at.peer).and_then(|peer| peer.slots.get_mut(usize::from(at.slot)));
        if let Some(leg) = slot.and_then(|slot| slot.leg.as_mut()) {
            leg.mask.set(Bit::NeedsKey, false);
        }
        leg::refresh(peers, tracks, at);
    }
}

/// The track is numbered anew: every leg that carries it begins a new run, video from a keyframe.
pub fn restart(peers: &mut Slab<Peer>, tracks: &mut Slab<Track>, track_key: Key<Track>) {
    let Some(track) = tracks.get(track_key) else { return };
    for at in track.active.clone() {
        let Some(peer) = peers.get_mut(at.peer) else { continue };
        let Some(slot) = peer.slots.get_mut(usize::from(at.slot)) else { continue };
        slot.rewriter.interrupt();
        if let Some(leg) = slot.leg.as_mut() {
            leg.mask.set(Bit::NeedsKey, slot.spec.kind == Kind::Video);
        }
        leg::refresh(peers, tracks, at);
    }
}
