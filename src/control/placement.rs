//! Where a new peer lives. The whole policy stands in this file.
//!
//! A meeting stays together until its shard is busy: its first peer goes to the least loaded
//! shard, the others follow. Once that shard is busy, new peers go to the least loaded one, and
//! the meeting spans both (`shard/mesh`); those that follow stay with most of theirs that are
//! where there is time. A shard is busy from one share of its time on and until another
//! ([`Gauge`]), so that a meeting is not torn to and fro between two that are about as busy. A
//! peer never changes shards.

use std::time::{Duration, Instant};

use super::port::ShardIndex;

/// From this share of its time on a shard is busy: what its peers do unevenly needs the rest.
const BUSY_PERMILLE: u32 = 700;
/// Up to this one it is busy no more.
const IDLE_PERMILLE: u32 = 500;
/// A peer that is not measured yet counts as much as the average of those that are, and at least
/// and at most so much. So a wave of joins is spread before it is felt.
const PEER_PERMILLE: (f64, f64) = (1.0, 20.0);
/// Shards whose shares are as close as this are equally loaded; then their peers count.
const SAME_PERMILLE: u32 = 50;

/// Over how long a shard averages what it measures ([`crate::io`]): those who came since are in it
/// by and by only.
const MEMORY: Duration = Duration::from_secs(2);

/// How busy a shard counts as: that depends on what it was before, too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauge {
    is_busy: bool,
    /// Peers, averaged as the shard averages its time.
    measured_peers: f64,
    /// When it was last read, and how many peers there were then.
    last: Option<(Instant, usize)>,
}

impl Gauge {
    /// What is known of a shard at `now`, given the thousandths of its time that it was busy over
    /// the last seconds, and the peers placed there. `None`: nobody measures.
    pub fn load(&mut self, now: Option<Instant>, busy: Option<u32>, peers: usize) -> Load {
        if let Some(now) = now {
            let (then, there) = self.last.unwrap_or((now, 0));
            let past = now.saturating_duration_since(then);
            let weight = past.as_secs_f64() / (past + MEMORY).as_secs_f64();
            self.measured_peers += weight * (there as f64 - self.measured_peers);
            self.last = Some((now, peers));
        }
        let busy_permille = busy.map_or(0, |busy| self.expected(busy, peers));
        let limit = if self.is_busy { IDLE_PERMILLE } else { BUSY_PERMILLE - 1 };
        self.is_busy = busy_permille > limit;
        Load { peers, own_peers: 0, alive: true, busy_permille, is_busy: self.is_busy }
    }

    /// How busy it will be with all who came.
    fn expected(&self, busy: u32, peers: usize) -> u32 {
        if peers == 0 {
            return 0; // measured before they left
        }
        let each = f64::from(busy) / self.measured_peers.max(1.0);
        let new = (peers as f64 - self.measured_peers).max(0.0);
        let added = each.clamp(PEER_PERMILLE.0, PEER_PERMILLE.1) * new;
        busy.saturating_add(added as u32) // a float is cut off at the ends
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

/// Where most of the meeting is of the shards that have time, else the least loaded shard; of
/// equals the first. `None`: no shard is alive.
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

/// The first peer of a meeting on the last shard, all others on the first: to measure what it costs
/// that everybody who listens is on another shard than who speaks.
pub fn first_apart(loads: &[Load]) -> Option<ShardIndex> {
    let is_first = loads.iter().all(|load| load.own_peers == 0);
    let mut alive = loads.iter().enumerate().filter(|(_, load)| load.alive);
    let found = if is_first { alive.next_back() } else { alive.next() };
    found.map(|(index, _)| ShardIndex(index))
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
    fn the_first_alone() {
        let load = |(own_peers, alive)| Load {
            peers: 0,
            own_peers,
            alive,
            busy_permille: 0,
            is_busy: false,
        };
        for (loads, expected) in [
            (vec![(0, true), (0, true)], Some(1)),
            (vec![(0, true), (1, true)], Some(0)),
            (vec![(9, true), (1, true)], Some(0)),
            (vec![(0, false), (0, true)], Some(1)),
            (vec![(0, false), (1, true)], Some(1)), // the others have nowhere else to go
            (vec![(0, false)], None),
        ] {
            let loads: Vec<Load> = loads.into_iter().map(load).collect();
            assert_eq!(first_apart(&loads), expected.map(ShardIndex), "{loads:?}");
        }
    }

    #[test]
    fn a_gauge_keeps_what_it_said_in_between() {
        let start = Instant::now();
        let at = |ms| Some(start + Duration::from_millis(ms));
        let settled = |peers| Gauge {
            measured_peers: peers as f64,
            last: Some((start, peers)),
            ..Gauge::default()
        };
        let mut gauge = settled(10);
        for (busy, expected) in
            [(699, false), (700, true), (650, true), (501, true), (500, false), (650, false)]
        {
            assert_eq!(gauge.load(at(0), Some(busy), 10).is_busy, expected, "{busy}");
        }
        for (measured, busy, peers, expected) in [
            (10, None, 10, 0), // nobody measures
            (100, Some(400), 100, 400),
            (100, Some(400), 150, 600), // those who came count as the others
            (100, Some(10), 400, 310),  // and at least a thousandth each
            (1, Some(300), 11, 500),    // and at most twenty
            (0, Some(0), 300, 300),     // a wave on an empty shard
            (100, Some(400), 50, 400),  // who left is measured soon
            (100, Some(900), 0, 0),     // nobody is there
        ] {
            let load = settled(measured).load(at(0), busy, peers);
            assert_eq!(load.busy_permille, expected, "{measured} {busy:?} {peers}");
        }
        let mut gauge = settled(0);
        gauge.load(at(0), Some(0), 100);
        let load = gauge.load(at(60_000), Some(300), 100);
        assert!((300..=315).contains(&load.busy_permille), "measured after a minute: {load:?}");
    }

    /// Shards that measure themselves with a delay, on virtual time: steps of 100 ms.
    struct House {
        /// By shard: peers, with what each costs, in thousandths.
        shards: Vec<Vec<(usize, u32)>>,
        /// As they published, the latest last.
        published: Vec<VecDeque<u32>>,
        now: Instant,
        gauges: Vec<Gauge>,
        smoothed: Vec<f64>,
    }

    impl House {
        fn new(shards: usize) -> Self {
            Self {
                shards: vec![Vec::new(); shards],
                published: vec![VecDeque::from([0]); shards],
                now: Instant::now(),
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
                    let busy = self.published[shard].front().copied();
                    let load = self.gauges[shard].load(Some(self.now), busy, peers.len());
                    Load { own_peers, ..load }
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
                self.published[shard].push_back(self.smoothed[shard] as u32);
                self.published[shard].pop_front();
            }
            self.now += Duration::from_millis(100);
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
        assert!(split <= 13, "{split} of 266 small meetings were split");
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
