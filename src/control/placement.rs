//! Where a new peer lives. The whole policy stands in this file.
//!
//! A meeting stays together: its first peer goes to the least loaded shard (by peers), the others
//! follow. When its last peer has left, the next one starts anew. A peer never changes shards.

use super::port::ShardIndex;

/// What is known of one shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    /// Peers placed there, of all meetings.
    pub peers: usize,
    /// Of those, peers of the meeting in question.
    pub own_peers: usize,
    /// Whether it can take any.
    pub alive: bool,
}

/// A policy: the shard for the next peer of a meeting, given every shard's load in order.
pub type Policy = fn(&[Load]) -> Option<ShardIndex>;

/// Where most of the meeting is, else the least loaded shard; of equals the first. `None`: no shard
/// is alive.
pub fn together(loads: &[Load]) -> Option<ShardIndex> {
    let alive = loads.iter().enumerate().filter(|(_, load)| load.alive);
    let best = alive.min_by_key(|(_, load)| (std::cmp::Reverse(load.own_peers), load.peers));
    best.map(|(index, _)| ShardIndex(index))
}

/// Every peer where the fewest of its meeting are, of equals the first: for tests of meetings over
/// several shards.
pub fn apart(loads: &[Load]) -> Option<ShardIndex> {
    let alive = loads.iter().enumerate().filter(|(_, load)| load.alive);
    alive.min_by_key(|(_, load)| load.own_peers).map(|(index, _)| ShardIndex(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_choice() {
        let load = |(peers, own_peers, alive)| Load { peers, own_peers, alive };
        for (loads, expected) in [
            (vec![], None),                                 // no shards
            (vec![(0, 0, false)], None),                    // none alive
            (vec![(3, 0, true), (2, 0, true)], Some(1)),    // least loaded
            (vec![(2, 0, true), (2, 0, true)], Some(0)),    // of equals the first
            (vec![(0, 0, true), (900, 1, true)], Some(1)),  // stays together
            (vec![(0, 0, true), (900, 1, false)], Some(0)), // unless its shard ended
            (vec![(9, 1, true), (9, 8, true)], Some(1)),    // where most of it is
            (vec![(0, 0, false), (7, 0, true)], Some(1)),   // not where nobody lives
        ] {
            let loads: Vec<Load> = loads.into_iter().map(load).collect();
            assert_eq!(together(&loads), expected.map(ShardIndex), "{loads:?}");
        }
    }

    /// A day on four shards: meetings of 1..=40 come and go. None is split, each begins on the
    /// least loaded shard, and no shard ends up with twice its share.
    #[test]
    fn a_day_of_meetings() {
        const SHARDS: usize = 4;
        const LARGEST: usize = 40;
        let mut seed = 1_u64;
        let mut random = move |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % below
        };
        let mut peers = [0_usize; SHARDS];
        let mut meetings: Vec<(ShardIndex, usize)> = Vec::new();
        let mut splits = 0;
        for _ in 0..5_000 {
            if meetings.len() > 60 {
                let (shard, size) = meetings.swap_remove(random(meetings.len()));
                peers[shard.0] -= size;
                continue;
            }
            let least = *peers.iter().min().unwrap();
            let size = 1 + random(LARGEST);
            let mut home = None;
            for joined in 0..size {
                let own = |index| if home == Some(ShardIndex(index)) { joined } else { 0 };
                let loads = peers.iter().enumerate();
                let loads = loads.map(|(i, n)| Load { peers: *n, own_peers: own(i), alive: true });
                let shard = together(&loads.collect::<Vec<_>>()).unwrap();
                splits += usize::from(home.is_some_and(|home| home != shard));
                assert!(home.is_some() || peers[shard.0] == least);
                home = Some(shard);
                peers[shard.0] += 1;
            }
            meetings.push((home.unwrap(), size));
        }
        assert_eq!(splits, 0);
        let share = peers.iter().sum::<usize>() / SHARDS;
        assert!(peers.iter().all(|peers| *peers < 2 * share), "{peers:?}");
    }
}
