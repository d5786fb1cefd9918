//! Which packets of one SSRC are missing, and when to ask for them again. RFC 4585 §6.2.1 carries
//! it.
//!
//! Bounded in every way: packets asked for at once, times a packet is asked for, its age. What
//! would exceed a bound is given up, and a keyframe is needed instead.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::crypto::Index;
use crate::wire::number::Seq;

/// Most packets missing at once; beyond it the oldest are given up.
pub const MISSING_MAX: usize = 256;
/// A jump of the index by more than this is not repaired: counting begins anew behind it.
pub const JUMP_MAX: u64 = 1000;
/// A packet is asked for at once when so many newer ones have come...
const REORDER_PACKETS: u64 = 3;
/// ...or when it has been missing for so long: reordered packets follow sooner.
const REORDER_TIME: Duration = Duration::from_millis(10);
/// Between two requests for the same packet there is a round trip, but at least this.
const RETRY_MIN: Duration = Duration::from_millis(20);
/// Requests for one packet.
const TRIES_MAX: u8 = 10;
/// Age of a missing packet at which no player waits for it any more.
const AGE_MAX: Duration = Duration::from_secs(1);

/// The missing packets of one SSRC.
#[derive(Clone, Debug, Default)]
pub struct Missing {
    highest: Option<Index>,
    /// Ascending.
    gaps: VecDeque<Gap>,
    keyframe_needed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    index: Index,
    /// When it was found to be missing.
    since: Instant,
    /// When it was last asked for.
    asked: Option<Instant>,
    tries: u8,
}

impl Missing {
    /// A packet arrived, in its place or repaired.
    pub fn received(&mut self, now: Instant, index: Index) {
        let Some(highest) = self.highest else {
            self.highest = Some(index);
            return;
        };
        if index <= highest {
            if let Ok(place) = self.gaps.binary_search_by_key(&index, |gap| gap.index) {
                self.gaps.remove(place);
            }
            return;
        }
        self.highest = Some(index);
        if index.0 == highest.0 + 1 {
            return;
        }
        if self.gaps.capacity() == 0 {
            // The first gap: all that will ever be needed, so that nothing is allocated later, and
            // streams without loss take nothing.
            self.gaps.reserve_exact(MISSING_MAX);
        }
        let skipped = index.0 - highest.0 - 1;
        if index.0 - highest.0 > JUMP_MAX {
            self.gaps.clear();
            self.keyframe_needed = true;
            return;
        }
        // Of a gap larger than the bound only the newest part can stay.
        let kept = skipped.min(MISSING_MAX as u64);
        let room = (MISSING_MAX as u64 - kept) as usize;
        let given_up = self.gaps.len().saturating_sub(room);
        self.keyframe_needed |= given_up > 0 || kept < skipped;
        self.gaps.drain(..given_up);
        let gap = |n| Gap { index: Index(n), since: now, asked: None, tries: 0 };
        self.gaps.extend((index.0 - kept..index.0).map(gap));
    }

    /// A decoder can begin at `index` (the first packet of a keyframe): what is missing before it
    /// is not needed any more, and no keyframe is.
    pub fn keyframe(&mut self, index: Index) {
        let before = self.gaps.partition_point(|gap| gap.index < index);
        self.gaps.drain(..before);
        self.keyframe_needed = false;
    }

    /// Writes the sequence numbers to ask for now into `out`, ascending, and returns how many; they
    /// count as asked for. What has no room is due again at once. `rtt`: round trip to the
    /// publisher.
    pub fn poll(&mut self, now: Instant, rtt: Duration, out: &mut [Seq]) -> usize {
        let retry = rtt.max(RETRY_MIN);
        let highest = self.highest;
        self.gaps.retain(|gap| !gap.is_hopeless(now, retry));
        let due = self
            .gaps
            .iter_mut()
            .filter(|gap| gap.due(highest, retry).is_some_and(|due| due <= now));
        let mut count = 0;
        for (place, gap) in out.iter_mut().zip(due) {
            *place = gap.index.seq();
            gap.asked = Some(now);
            gap.tries += 1;
            count += 1;
        }
        count
    }

    /// When [`Missing::poll`] has something to do next.
    pub fn poll_timeout(&self, rtt: Duration) -> Option<Instant> {
        let retry = rtt.max(RETRY_MIN);
        self.gaps.iter().filter_map(|gap| gap.due(self.highest, retry)).min()
    }

    /// Whether packets were given up that a picture may need, since the last call.
    pub fn take_keyframe_needed(&mut self) -> bool {
        std::mem::take(&mut self.keyframe_needed)
    }

    /// How many packets are missing.
    pub fn len(&self) -> usize {
        self.gaps.len()
    }

    /// Whether none is missing.
    pub fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }
}

impl Gap {
    /// When to ask for it.
    fn due(&self, highest: Option<Index>, retry: Duration) -> Option<Instant> {
        match self.asked {
            Some(asked) => asked.checked_add(retry),
            None if highest.is_some_and(|highest| highest.0 - self.index.0 >= REORDER_PACKETS) => {
                Some(self.since)
            }
            None => self.since.checked_add(REORDER_TIME),
        }
    }

    /// Too old, or asked for so often, and waited for after the last time.
    fn is_hopeless(&self, now: Instant, retry: Duration) -> bool {
        let waited = |asked| now.saturating_duration_since(asked) >= retry;
        now.saturating_duration_since(self.since) >= AGE_MAX
            || self.tries >= TRIES_MAX && self.asked.is_none_or(waited)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    const RTT: Duration = Duration::from_millis(50);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn poll(missing: &mut Missing, now: Instant) -> Vec<u16> {
        let mut out = [Seq(0); 300];
        let count = missing.poll(now, RTT, &mut out);
        out[..count].iter().map(|seq| seq.0).collect()
    }

    fn received(missing: &mut Missing, now: Instant, indices: impl IntoIterator<Item = u64>) {
        for index in indices {
            missing.received(now, Index(index));
        }
    }

    #[test]
    fn asks_after_newer_packets_or_a_little_time() {
        let now = Instant::now();
        let mut missing = Missing::default();
        received(&mut missing, now, [10, 12]);
        assert_eq!(poll(&mut missing, now), [0u16; 0]);
        assert_eq!(missing.poll_timeout(RTT), Some(now + ms(10)));
        received(&mut missing, now, [13]);
        assert_eq!(poll(&mut missing, now), [0u16; 0], "two newer");
        received(&mut missing, now, [14]);
        assert_eq!(poll(&mut missing, now), [11], "three newer");

        let mut missing = Missing::default();
        received(&mut missing, now, [10, 12]);
        assert_eq!(poll(&mut missing, now + ms(9)), [0u16; 0]);
        assert_eq!(poll(&mut missing, now + ms(10)), [11]);
    }

    #[test]
    fn reordered_and_repaired_packets_are_not_asked_for() {
        let now = Instant::now();
        let mut missing = Missing::default();
        received(&mut missing, now, [10, 12, 11, 13, 14]);
        assert!(missing.is_empty());
        received(&mut missing, now, [20, 17, 15, 15, 3, 10]); // late, twice, from before
        assert_eq!(poll(&mut missing, now + ms(10)), [16, 18, 19]);
        received(&mut missing, now, [18]);
        assert_eq!(poll(&mut missing, now + ms(60)), [16, 19]);
        assert!(!missing.take_keyframe_needed());
    }

    #[test]
    fn numbers_wrap() {
        let now = Instant::now();
        let mut missing = Missing::default();
        received(&mut missing, now, [65_533, 65_538]);
        assert_eq!(poll(&mut missing, now + ms(10)), [65_534, 65_535, 0, 1]);
    }

    #[test]
    fn retries_each_round_trip_ten_times() {
        let now = Instant::now();
        for (rtt, gap) in [(ms(50), ms(50)), (ms(1), ms(20))] {
            let mut missing = Missing::default();
            received(&mut missing, now, [0, 4]);
            received(&mut missing, now, [2, 3]);
            let mut asked = Vec::new();
            let mut out = [Seq(0); 4];
            for step in 0..990 {
                let count = missing.poll(now + ms(step), rtt, &mut out);
                for seq in &out[..count] {
                    assert_eq!(*seq, Seq(1));
                    asked.push(ms(step));
                }
            }
            let expected: Vec<_> = (0..10).map(|n| gap * n).collect();
            assert_eq!(asked, expected);
            assert!(missing.is_empty() && missing.poll_timeout(rtt).is_none(), "given up");
        }
    }

    #[test]
    fn gives_up_after_a_second() {
        let now = Instant::now();
        let mut missing = Missing::default();
        received(&mut missing, now, [0, 2]);
        let slow = ms(400);
        let mut out = [Seq(0); 4];
        for (at, expected) in [(10, 1), (409, 0), (410, 1), (810, 1), (999, 0)] {
            assert_eq!(missing.poll(now + ms(at), slow, &mut out), expected, "{at}");
        }
        assert_eq!(missing.len(), 1);
        assert_eq!(missing.poll(now + ms(1000), slow, &mut out), 0);
        assert!(missing.is_empty());
    }

    #[test]
    fn a_jump_begins_anew() {
        let now = Instant::now();
        for (to, missing_after, needed) in [
            (6 + 256, 256, false), // as many as there may be
            (6 + 257, 256, true),  // one more
            (6 + 999, 256, true),  // only the newest
            (6 + 1000, 0, true),   // no repair
            (6 + (1 << 40), 0, true),
        ] {
            let mut missing = Missing::default();
            received(&mut missing, now, [5, to]);
            assert_eq!(
                (missing.len(), missing.take_keyframe_needed()),
                (missing_after, needed),
                "{to}"
            );
            assert!(!missing.take_keyframe_needed(), "told once");
            assert!(poll(&mut missing, now + ms(10)).iter().all(|seq| *seq != (to as u16)));
        }
    }

    #[test]
    fn the_oldest_go_first() {
        let now = Instant::now();
        let mut missing = Missing::default();
        received(&mut missing, now, (0..=2 * MISSING_MAX as u64).step_by(2));
        assert_eq!((missing.len(), missing.take_keyframe_needed()), (MISSING_MAX, false));
        received(&mut missing, now, [2 * MISSING_MAX as u64 + 2]);
        assert_eq!((missing.len(), missing.take_keyframe_needed()), (MISSING_MAX, true));
        let asked = poll(&mut missing, now + ms(10));
        assert_eq!((asked[0], asked.len()), (3, MISSING_MAX), "1 was given up");
    }

    #[test]
    fn never_more_than_the_bound_nor_a_new_allocation() {
        let now = Instant::now();
        let mut missing = Missing::default();
        assert_eq!(missing.gaps.capacity(), 0, "none without loss");
        received(&mut missing, now, [0, 1, 3]);
        let capacity = missing.gaps.capacity();
        let (mut index, mut seed) = (3, 1u64);
        for _ in 0..5000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            index += 1 + (seed >> 33) % 700 * u64::from(seed >> 61 == 0);
            missing.received(now, Index(index));
            missing.received(now, Index(index - index.min(seed >> 55)));
            assert!(missing.len() <= MISSING_MAX);
            assert!(missing.gaps.iter().is_sorted_by(|a, b| a.index < b.index));
        }
        assert_eq!(missing.gaps.capacity(), capacity);
    }

    #[test]
    fn what_has_no_room_is_due_at_once() {
        let now = Instant::now();
        let mut missing = Missing::default();
        received(&mut missing, now, [0, 8]);
        let later = now + ms(10);
        let mut out = [Seq(0); 3];
        assert_eq!(missing.poll(later, RTT, &mut out), 3);
        assert_eq!(out, [Seq(1), Seq(2), Seq(3)]);
        assert!(missing.poll_timeout(RTT).unwrap() <= later);
        assert_eq!(poll(&mut missing, later), [4, 5, 6, 7]);
        assert_eq!(missing.poll_timeout(RTT), Some(later + RTT));
    }

    #[test]
    fn a_keyframe_ends_the_need_for_what_is_before_it() {
        let now = Instant::now();
        let mut missing = Missing::default();
        received(&mut missing, now, [0, 2000, 2004, 2008]);
        missing.keyframe(Index(2004));
        assert!(!missing.take_keyframe_needed());
        assert_eq!(poll(&mut missing, now + ms(10)), [2005, 2006, 2007]);
    }
}
