//! The lists of legs, under random flips, against their slow form.

use super::*;
use crate::crypto::Random;
use crate::route::mask::Bit;
use crate::shard::leg::{self, LegRef};

/// Every list holds exactly the legs whose mask says so, each once.
fn check(shard: &Shard) {
    for (key, track) in shard.tracks.iter() {
        let (mut active, mut waiting) = (Vec::new(), Vec::new());
        for (peer_key, peer) in shard.peers.iter() {
            for (slot, leg) in
                (0_u16..).zip(peer.sending.slots.iter().map(|slot| slot.leg.as_ref()))
            {
                let Some(leg) = leg.filter(|leg| leg.track == key) else { continue };
                let at = LegRef { peer: peer_key, slot };
                if leg.mask.is_active() {
                    active.push(at);
                } else if leg.mask.waits_for_key() {
                    waiting.push(at);
                }
            }
        }
        let sorted = |list: &[LegRef]| {
            let mut list = list.to_vec();
            list.sort_by_key(|at| (at.peer, at.slot));
            list
        };
        let legs = |list: &[leg::Listed]| list.iter().map(leg::Listed::leg).collect::<Vec<_>>();
        assert_eq!(sorted(&legs(&track.active)), sorted(&active));
        assert_eq!(sorted(&legs(&track.waiting)), sorted(&waiting));
    }
}

#[test]
fn lists_agree_with_masks_whatever_flips() {
    let mut bench = Bench::new();
    let offer: Offer<'_> = &[(Source::Microphone, &[(5, None)]), (Source::Camera, &[(6, None)])];
    let mut publishers: Vec<Far> = (1..4).map(|id| bench.join(id, offer, &[])).collect();
    let kinds = [Kind::Audio, Kind::Audio, Kind::Video, Kind::Video];
    let mut listeners: Vec<u64> = (4..12).collect();
    listeners.iter().for_each(|id| drop(bench.join(*id, &[], &kinds)));
    bench.install();
    let mut random = Random::from_seed([9; 32]);
    let mut below = |n: u32| random.next_u32() % n;
    for step in 0..4_000_u16 {
        match below(6) {
            0..3 => {
                let at = below(3) as usize;
                let publisher = &mut publishers[at];
                let packet = if below(2) == 0 {
                    publisher.voice(5, step)
                } else {
                    let key = below(4) == 0;
                    publisher.picture(6, step, key)
                };
                bench.take(&publishers[at], packet);
            }
            3 => {
                let all: Vec<_> = bench.shard.peers.iter().map(|(key, _)| key).collect();
                let peer = all[below(all.len() as u32) as usize];
                let slot = below(5) as u16;
                let bits = [Bit::Ready, Bit::Muted, Bit::Paused, Bit::Starved, Bit::NeedsKey];
                let (bit, on) = (bits[below(5) as usize], below(2) == 0);
                let at = LegRef { peer, slot };
                if let Some(leg) = leg::leg_mut(&mut bench.shard.peers, at) {
                    leg.mask.set(bit, on);
                }
                leg::refresh(&mut bench.shard.peers, &mut bench.shard.tracks, at);
            }
            4 if below(8) == 0 => {
                let at = below(bench.table.tracks.len() as u32) as usize;
                let room = [MAIN, SIDE][below(2) as usize];
                bench.table.tracks[at].audience.rooms = vec![room];
                bench.table.tracks[at].audience_epoch.0 = bench.table.epoch.0 + 1;
                bench.install();
            }
            5 if below(400) == 0 && listeners.len() > 2 => {
                let at = below(listeners.len() as u32) as usize;
                let gone = PeerId(listeners.swap_remove(at));
                bench.shard.handle_command(bench.now, Command::RemovePeer(gone));
            }
            _ => {
                bench.pass(ms(5));
                bench.queue.sent.clear();
            }
        }
        check(&bench.shard);
    }
    assert!(bench.count(Counter::ForwardedPackets) > 500, "something flowed");
}
