//! How long a shard lets datagrams gather before its next turn: not at all while it has time, up to
//! `--egress-hold` as its core fills up, so that latency is spent only where it buys longer trains.
//! A shard that hands packets over to others holds a little always: that spares them wake-ups.
//!
//! The hold is the time from the beginning of one turn to that of the next, not a pause behind it:
//! a turn that itself takes as long is followed at once, so holding costs no capacity.
//!
//! Pure: it is told when turns begin and end, and owns no clock.

use std::time::{Duration, Instant};

/// Over how long the busy share is averaged: a few frame intervals of video, whose bursts are
/// neither load nor idleness by themselves.
const MEMORY: Duration = Duration::from_millis(100);
/// Over how long the load is averaged that placement goes by: a few joins are none yet.
const LOAD_MEMORY: Duration = Duration::from_secs(2);
/// Up to this share of its time a core forwards at once: half of it is room for any burst.
const SHARE_IDLE: f64 = 0.50;
/// From this share on it holds as long as it may. The hold grows evenly in between. Holding lowers
/// the share, so the two settle where they meet: with more than this here, a shard would never come
/// to hold as long as it may while it still has time for what comes unevenly.
const SHARE_FULL: f64 = 0.70;
/// The least hold of a shard that hands packets over: each time, the other one wakes up, sends what
/// came, and goes to sleep again. Some of that is saved by what comes in the meantime.
const HAND_OVER: Duration = Duration::from_micros(500);
/// A shorter pause gathers nothing that would be worth going to sleep and waking up (some
/// microseconds each).
const PAUSE_MIN: Duration = Duration::from_micros(20);

/// How busy a shard is, and what follows from it.
#[derive(Debug)]
pub(super) struct Batching {
    hold_max: Duration,
    voices_max: Duration,
    /// Part of the time spent in turns, 0 to 1.
    share: f64,
    /// The same over [`LOAD_MEMORY`].
    load: f64,
    /// Of the last turn.
    begun: Instant,
    ended: Instant,
}

impl Batching {
    /// Idle at `now`; `hold_max` is from the beginning of a turn to that of the next, `voices_max`
    /// is how long a voice may wait for company.
    pub fn new(hold_max: Duration, voices_max: Duration, now: Instant) -> Self {
        Self { hold_max, voices_max, share: 0.0, load: 0.0, begun: now, ended: now }
    }

    /// A turn has been taken. Returns how long it took.
    pub fn turned(&mut self, begun: Instant, ended: Instant) -> Duration {
        let work = ended.saturating_duration_since(begun);
        let past = ended.saturating_duration_since(self.ended);
        if !past.is_zero() {
            let share = (work.as_secs_f64() / past.as_secs_f64()).min(1.0);
            let weight = |memory: Duration| past.as_secs_f64() / (past + memory).as_secs_f64();
            self.share += weight(MEMORY) * (share - self.share);
            self.load += weight(LOAD_MEMORY) * (share - self.load);
        }
        (self.begun, self.ended) = (begun, ended);
        work
    }

    /// How busy the shard was over the last seconds, in thousandths.
    pub fn busy_permille(&self) -> u64 {
        (self.load * 1_000.0) as u64 // between 0 and 1
    }

    /// From the beginning of a turn to that of the next, at least, for the share of now.
    fn hold(&self) -> Duration {
        self.hold_max.mul_f64(self.fullness())
    }

    /// Which part of what it may spend on gathering it spends, for the share of now: 0 to 1.
    fn fullness(&self) -> f64 {
        ((self.share - SHARE_IDLE) / (SHARE_FULL - SHARE_IDLE)).clamp(0.0, 1.0)
    }

    /// How long a voice may wait for company, for the share of now.
    pub fn voices(&self) -> Duration {
        self.voices_max.mul_f64(self.fullness())
    }

    /// How long datagrams may gather after the last turn, in which something was handed over to
    /// other shards or not. `None`: the next turn is as soon as one comes.
    pub fn pause(&self, handed_over: bool) -> Option<Duration> {
        let taken = self.ended.saturating_duration_since(self.begun);
        let least = if handed_over { HAND_OVER.min(self.hold_max) } else { Duration::ZERO };
        self.hold().max(least).checked_sub(taken).filter(|pause| *pause >= PAUSE_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_micros(1_000);
    const VOICES: Duration = Duration::from_micros(5_000);

    fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// Turns of `work` each `period`, for `time`.
    fn busy(batching: &mut Batching, work: Duration, period: Duration, time: Duration) {
        let end = batching.ended + time;
        while batching.ended < end {
            let begun = batching.ended + (period - work);
            batching.turned(begun, begun + work);
        }
    }

    #[test]
    fn the_hold_follows_the_share() {
        for (work, period, expected) in [
            (0, 1_000, 0),
            (100, 1_000, 0),
            (490, 1_000, 0),   // half idle: at once
            (55, 100, 250),    // between: evenly
            (600, 1_000, 500), // half-way
            (690, 1_000, 950),
            (900, 1_000, 1_000),   // full
            (5_000, 5_000, 1_000), // never sleeps
        ] {
            let mut batching = Batching::new(HOLD, VOICES, Instant::now());
            busy(&mut batching, micros(work), micros(period), Duration::from_secs(2));
            let hold = batching.hold().as_micros();
            assert_eq!(batching.voices().as_micros() / 5, hold, "voices wait as the turns do");
            assert!(hold.abs_diff(expected) <= 3, "{work} of {period}: {hold}, not {expected}");
        }
    }

    #[test]
    fn a_pause_is_what_the_turn_left_of_the_hold() {
        for (share, taken, expected) in [
            (0.40, 1, None),                // has time
            (0.90, 100, Some(micros(900))), //
            (0.90, 985, None),              // too short to be worth it
            (0.90, 3_000, None),            // gathered enough meanwhile
            (0.60, 100, Some(micros(400))), // half the hold
        ] {
            let now = Instant::now();
            let (begun, ended) = (now, now + micros(taken));
            let batching =
                Batching { hold_max: HOLD, voices_max: VOICES, share, load: share, begun, ended };
            let pause = batching.pause(false).map(|pause| pause.as_micros());
            assert_eq!(pause, expected.map(|pause| pause.as_micros()), "{share} {taken}");
        }
    }

    #[test]
    fn one_burst_is_not_load_and_load_is_noticed_soon() {
        let mut batching = Batching::new(HOLD, VOICES, Instant::now());
        let idle = batching.ended + Duration::from_secs(1);
        batching.turned(idle, idle + Duration::from_millis(30));
        assert_eq!(batching.pause(false), None, "a turn of 30 ms in a second of nothing");
        busy(&mut batching, micros(450), micros(500), Duration::from_millis(300));
        assert!(batching.hold() > HOLD.mul_f64(0.9), "{:?}", batching.hold());
        assert!(batching.busy_permille() < 300, "{} is a burst", batching.busy_permille());
        busy(&mut batching, micros(50), micros(500), Duration::from_millis(150));
        assert_eq!(batching.hold(), Duration::ZERO, "and it passes as soon");
    }

    #[test]
    fn who_hands_over_lets_more_come_however_idle() {
        let now = Instant::now();
        let mut batching = Batching::new(HOLD, VOICES, now);
        batching.turned(now, now + micros(50));
        assert_eq!((batching.pause(false), batching.pause(true)), (None, Some(micros(450))));
        batching.turned(now + micros(600), now + micros(1_090));
        assert_eq!(batching.pause(true), None, "gathered enough meanwhile");
    }

    #[test]
    fn no_hold_is_no_pause() {
        let mut batching = Batching::new(Duration::ZERO, Duration::ZERO, Instant::now());
        busy(&mut batching, micros(1_000), micros(1_000), Duration::from_secs(1));
        batching.turned(batching.ended, batching.ended + micros(1));
        assert_eq!((batching.pause(false), batching.pause(true)), (None, None));
    }
}
