//! Shards that ended are started again: when, and how often it is tried.
//!
//! At once at first. A shard that ends again within a minute, or can not be started, is left alone
//! for a while that doubles each time: what makes it panic may come again at once. How it is
//! started is somebody else's business ([`Revive`]).

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::port::ShardIndex;

/// First and longest while.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));
/// Who lived so long begins anew.
const LIVED: Duration = Duration::from_secs(60);

/// Starts a shard again, given the ports of all; its own is made to lead to the new one. Whether it
/// runs. It may take some milliseconds, and must not wait for anybody.
pub type Revive<P> = Box<dyn FnMut(&mut [&mut P], ShardIndex) -> bool + Send>;

/// How a shard fared.
#[derive(Debug)]
struct Fate {
    /// When it may be started again.
    again_at: Instant,
    /// The while before the next time.
    pause: Duration,
}

/// Who starts shards again, and when.
pub(super) struct Revival<P> {
    pub revive: Revive<P>,
    fates: BTreeMap<ShardIndex, Fate>,
    /// How often, by shard.
    pub revived: BTreeMap<ShardIndex, u64>,
}

impl<P> fmt::Debug for Revival<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revival").field("fates", &self.fates).finish_non_exhaustive()
    }
}

impl<P> Revival<P> {
    pub fn new(revive: Revive<P>) -> Self {
        Self { revive, fates: BTreeMap::new(), revived: BTreeMap::new() }
    }

    /// A shard has ended, or could not be started.
    pub fn failed(&mut self, shard: ShardIndex, now: Instant) {
        let former = self.fates.get(&shard).filter(|fate| now < fate.again_at + LIVED);
        let fate = match former {
            None => Fate { again_at: now, pause: PAUSE.0 },
            Some(fate) => Fate { again_at: now + fate.pause, pause: (fate.pause * 2).min(PAUSE.1) },
        };
        self.fates.insert(shard, fate);
    }

    /// When a shard that ended may be started again.
    pub fn again_at(&self, shard: ShardIndex) -> Option<Instant> {
        self.fates.get(&shard).map(|fate| fate.again_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_once_and_then_later_and_later() {
        let mut revival: Revival<()> = Revival::new(Box::new(|_, _| true));
        let start = Instant::now();
        let mut at_ms = 0;
        // When it failed (after it was started), and how long until it may be started again.
        for (after_ms, expected_ms) in [
            (0, 0),
            (5, 100),
            (5, 200),
            (0, 400), // could not be started
            (59_000, 800),
            (0, 1_600),
            (0, 3_200),
            (0, 6_400),
            (0, 10_000),
            (0, 10_000),
            (61_000, 0), // lived
            (1, 100),
        ] {
            at_ms += after_ms;
            let now = start + Duration::from_millis(at_ms);
            revival.failed(ShardIndex(1), now);
            let again = revival.again_at(ShardIndex(1)).expect("it failed");
            assert_eq!(again - now, Duration::from_millis(expected_ms), "at {at_ms}");
            at_ms += expected_ms;
        }
        assert_eq!(revival.again_at(ShardIndex(0)), None, "another is not concerned");
    }
}
