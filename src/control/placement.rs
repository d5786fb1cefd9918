//! Where a new peer lives. The whole policy stands in this file.
//!
//! A meeting stays together until its shard is busy: its first peer goes to the least loaded shard,
//! the others follow. Once that shard is busy, new peers go to the least loaded one, and the meeting
//! spans both (`shard/mesh`); those that follow stay with most of theirs that are where there is
//! time. A shard is busy from one share of its time on and until another ([`Gauge`]), so that a
//! meeting is not torn to and fro between two that are about as busy. A peer never changes shards.

use super::port::ShardIndex;

/// From this share of its time on a shard is busy: what its peers do unevenly needs the rest.
const BUSY_PERMILLE: u32 = 700;
/// Up to this one it is busy no more.
const IDLE_PERMILLE: u32 = 500;
/// A peer that came since the last measure counts as much as the average of those measured, and at
/// least so much. So a wave of joins is spread before it is felt.
const PEER_PERMILLE: u32 = 1;
/// Shards whose shares are as close as this are equally loaded; then their peers count.
const SAME_PERMILLE: u32 = 50;

/// What a shard measured of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Measured {
    /// Thousandths of its time that it spent in turns, over the last seconds.
    pub busy_permille: u32,
    /// Peers it had then.
    pub peers: usize,
}

impl Measured {
    /// How busy it will be with `peers`, in thousandths.
    fn with(self, peers: usize) -> u32 {
        if peers == 0 {
            return 0; // measured before they left
        }
        let each = match u32::try_from(self.peers) {
            Ok(peers) if peers > 0 => (self.busy_permille / peers).max(PEER_PERMILLE),
            _ => PEER_PERMILLE,
        };
        let new = u32::try_from(peers.saturating_sub(self.peers)).unwrap_or(u32::MAX);
        self.busy_permille.saturating_add(each.saturating_mul(new))
    }
}

/// Whether a shard counts as busy: that depends on what it was before, too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauge {
    is_busy: bool,
}

impl Gauge {
    /// What is known of a shard, given what it measured and the peers placed there now.
    pub fn load(&mut self, measured: Option<Measured>, peers: usize) -> Load {
        let busy_permille = measured.map_or(0, |measured| measured.with(peers));
        let limit = if self.is_busy { IDLE_PERMILLE } else { BUSY_PERMILLE - 1 };
        self.is_busy = busy_permille > limit;
        Load { peers, own_peers: 0, alive: true, busy_permille, is_busy: self.is_busy }
    }
}

/// What is known of one shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    /// Peers placed there, of all meetings.
    pub peers: usize,
    /// Of those, peers of the meeting in question.
    pub own_peers: usize,
    /// Whether it can take any.
    pub alive: bool,
    /// How busy it is, or will be with those who just came, in thousandths.
    pub busy_permille: u32,
    /// Whether it is so busy that others should be asked.
    pub is_busy: bool,
}

/// A policy: the shard for the next peer of a meeting, given every shard's load in order.
pub type Policy = fn(&[Load]) -> Option<ShardIndex>;

/// Where most of the meeting is of the shards that have time, else the least loaded shard; of equals
/// the first. `None`: no shard is alive.
pub fn together(loads: &[Load]) -> Option<ShardIndex> {
    let alive = || loads.iter().enumerate().filter(|(_, load)| load.alive);
    let with_time = alive().filter(|(_, load)| load.own_peers > 0 && !load.is_busy);
    let home = with_time.min_by_key(|(_, load)| (std::cmp::Reverse(load.own_peers), load.peers));
    let least = || alive().min_by_key(|(_, load)| (load.busy_permille / SAME_PERMILLE, load.peers));
    home.or_else(least).map(|(index, _)| ShardIndex(index))
}

/// Every peer where the fewest of its meeting are, of equals the first: for tests of meetings over
/// several shards.
pub fn apart(loads: &[Load]) -> Option<ShardIndex> {
    let alive = loads.iter().enumerate().filter(|(_, load)| load.alive);
    alive.min_by_key(|(_, load)| load.own_peers).map(|(index, _)| ShardIndex(index))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[test]
    fn one_choice() {
        let load = |(peers, own_peers, alive, busy_permille, is_busy)| Load {
            peers,
            own_peers,
            alive,
            busy_permille,
            is_busy,
        };
        for (loads, expected, apart_expected) in [
            (vec![], None, None),                        // no shards
            (vec![(0, 0, false, 0, false)], None, None), // none alive
            // least loaded, by peers
            (vec![(3, 0, true, 0, false), (2, 0, true, 0, false)], Some(1), Some(0)),
            // by time
            (vec![(2, 0, true, 300, false), (9, 0, true, 100, false)], Some(1), Some(0)),
            // as busy, as far as can be said: by peers
            (vec![(9, 0, true, 101, false), (2, 0, true, 120, false)], Some(1), Some(0)),
            // of equals the first
            (vec![(2, 0, true, 0, false), (2, 0, true, 0, false)], Some(0), Some(0)),
            // stays together
            (vec![(0, 0, true, 0, false), (900, 1, true, 650, false)], Some(1), Some(0)),
            // unless its shard is busy
            (vec![(0, 0, true, 0, false), (900, 1, true, 750, true)], Some(0), Some(0)),
            // or ended
            (vec![(0, 0, true, 0, false), (900, 1, false, 0, false)], Some(0), Some(0)),
            // where most of it is of those that have time
            (vec![(9, 1, true, 0, false), (9, 8, true, 0, false)], Some(1), Some(0)),
            (vec![(9, 1, true, 0, false), (9, 8, true, 800, true)], Some(0), Some(0)),
            // all are busy: the least
            (vec![(9, 1, true, 900, true), (9, 8, true, 800, true)], Some(1), Some(0)),
            // not where nobody lives
            (vec![(0, 0, false, 0, false), (7, 0, true, 0, false)], Some(1), Some(1)),
        ] {
            let loads: Vec<Load> = loads.into_iter().map(load).collect();
            assert_eq!(together(&loads), expected.map(ShardIndex), "{loads:?}");
            assert_eq!(apart(&loads), apart_expected.map(ShardIndex), "{loads:?}");
        }
    }

    #[test]
    fn a_gauge_keeps_what_it_said_in_between() {
        let mut gauge = Gauge::default();
        for (busy_permille, expected) in
            [(699, false), (700, true), (650, true), (501, true), (500, false), (650, false)]
        {
            let measured = Some(Measured { busy_permille, peers: 10 });
            assert_eq!(gauge.load(measured, 10).is_busy, expected, "{busy_permille}");
        }
        for (measured, peers, expected) in [
            (None, 10, 0),                // nobody measured
            (Some((400, 100)), 100, 400), //
            (Some((400, 100)), 150, 600), // those who came count as the others
            (Some((10, 100)), 400, 310),  // and at least a thousandth each
            (Some((0, 0)), 300, 300),     // a wave on an empty shard
            (Some((400, 100)), 50, 400),  // who left is measured soon
            (Some((900, 100)), 0, 0),     // nobody is there
        ] {
            let measured = measured.map(|(busy_permille, peers)| Measured { busy_permille, peers });
            let load = Gauge::default().load(measured, peers);
            assert_eq!(load.busy_permille, expected, "{measured:?} {peers}");
        }
    }

    /// Shards that measure themselves with a delay, on virtual time: steps of 100 ms.
    struct House {
        /// By shard: peers, with what each costs, in thousandths.
        shards: Vec<Vec<(usize, u32)>>,
        /// As they published, the latest last.
        published: Vec<VecDeque<Measured>>,
        gauges: Vec<Gauge>,
        smoothed: Vec<f64>,
    }

    impl House {
        fn new(shards: usize) -> Self {
            Self {
                shards: vec![Vec::new(); shards],
                published: vec![VecDeque::from([Measured { busy_permille: 0, peers: 0 }]); shards],
                gauges: vec![Gauge::default(); shards],
                smoothed: vec![0.0; shards],
            }
        }

        fn busy(&self, shard: usize) -> u32 {
            self.shards[shard].iter().map(|peer| peer.1).sum()
        }

        fn join(&mut self, meeting: usize, cost: u32) -> usize {
            let loads: Vec<Load> = (0..self.shards.len())
                .map(|shard| {
                    let peers = &self.shards[shard];
                    let own_peers = peers.iter().filter(|peer| peer.0 == meeting).count();
                    let measured = self.published[shard].front().copied();
                    Load { own_peers, ..self.gauges[shard].load(measured, peers.len()) }
                })
                .collect();
            let shard = together(&loads).unwrap().0;
            self.shards[shard].push((meeting, cost));
            shard
        }

        /// 100 ms: the load is averaged over two seconds and published 100 ms late.
        fn pass(&mut self) {
            for shard in 0..self.shards.len() {
                let busy = f64::from(self.busy(shard).min(1_000));
                self.smoothed[shard] += (busy - self.smoothed[shard]) * (0.1 / 2.1);
                let (busy_permille, peers) =
                    (self.smoothed[shard] as u32, self.shards[shard].len());
                self.published[shard].push_back(Measured { busy_permille, peers });
                self.published[shard].pop_front();
            }
        }
    }

    /// One meeting of which everybody comes within seconds: what fits one shard stays on one, what
    /// does not is spread before a shard is full.
    #[test]
    fn join_waves() {
        for (people, cost, per_step, spread) in [
            (200, 1, 20, false), // a webinar's audience of 200: one shard
            (600, 2, 20, true),  // 1.2 cores, 200 a second
            (900, 1, 300, true), // nearly one core, all within 300 ms
            (150, 10, 2, true),  // 1.5 cores, 20 a second
        ] {
            let mut house = House::new(2);
            for n in 0..people {
                house.join(1, cost);
                if n % per_step == 0 {
                    house.pass();
                }
            }
            let busy = [house.busy(0), house.busy(1)];
            assert_eq!(busy.iter().all(|busy| *busy > 0), spread, "{people} × {cost}: {busy:?}");
            assert!(busy.iter().all(|busy| *busy <= 950), "{people} × {cost}: {busy:?}");
        }
    }

    /// Meetings of very different sizes come and go for a while: none of the small ones is split
    /// while there is room, and no shard is full while another is idle.
    #[test]
    fn uneven_rooms() {
        const SIZES: [(usize, u32); 6] = [(3, 4), (300, 1), (12, 4), (40, 3), (2, 8), (120, 2)];
        let mut house = House::new(4);
        let mut split = 0;
        let mut meetings = VecDeque::new();
        for meeting in 0..400 {
            let (size, cost) = SIZES[meeting % SIZES.len()];
            let homes: Vec<usize> = (0..size)
                .map(|n| {
                    if n % 10 == 0 {
                        house.pass();
                    }
                    house.join(meeting, cost)
                })
                .collect();
            split += usize::from(size <= 40 && homes.iter().any(|home| *home != homes[0]));
            meetings.push_back(meeting);
            if meetings.len() > 12 {
                let over = meetings.pop_front().unwrap();
                house.shards.iter_mut().for_each(|peers| peers.retain(|peer| peer.0 != over));
            }
            for _ in 0..10 {
                house.pass();
            }
            let busy: Vec<u32> = (0..4).map(|shard| house.busy(shard)).collect();
            assert!(busy.iter().all(|busy| *busy <= 950), "after {meeting}: {busy:?}");
        }
        assert!(split <= 8, "{split} of 266 small meetings were split");
    }

    /// A meeting whose shard is about as busy as it may be does not alternate between two.
    #[test]
    fn no_to_and_fro() {
        let mut house = House::new(2);
        (0..69).for_each(|_| _ = house.join(1, 10));
        (0..100).for_each(|_| house.pass());
        let mut homes = Vec::new();
        for _ in 0..60 {
            homes.push(house.join(1, 10));
            (0..30).for_each(|_| house.pass());
            // One leaves for each that comes, wherever the most are.
            let fullest = usize::from(house.shards[1].len() > house.shards[0].len());
            house.shards[fullest].pop();
        }
        let turns = homes.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(turns <= 3, "{turns}: {homes:?}");
    }
}
