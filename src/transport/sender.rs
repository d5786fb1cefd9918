//! Sender reports of what is forwarded: one clock, ours, for everything that leaves the relay.
//! RFC 3550 §4 (NTP timestamps), §6.4.1 (SR); RFC 7667 §3.8 (what a forwarding middlebox rewrites).
//!
//! Publishers' clocks are anybody's. [`PublisherClock`] learns how far one publisher's clock is
//! from ours, once for all of its tracks, so the skew between them stays what the publisher says it
//! is; [`SenderClock`] holds the relation of one track's media time to it, and
//! [`SenderClock::report`] says what a leg's sender report must contain.

use std::time::{Duration, Instant};

use crate::wire::number::Timestamp;
use crate::wire::rtcp::ReportBlock;

/// Units of an NTP timestamp in a second: 32.32 fixed point (RFC 3550 §4).
const SECOND: u64 = 1 << 32;
/// How long a sample of a publisher's clock counts, at most: two of these. Long enough to meet a
/// packet that was not queued, short enough to follow a clock that drifts by 100 parts in a
/// million.
const WINDOW: Duration = Duration::from_secs(30);
/// A sample further off than this is a clock that was set, not a packet that was late.
const STEP: u64 = 5 * SECOND;
/// A relation of media time to clock time older than this is not carried further.
const STALE: Duration = Duration::from_secs(60);

/// Our NTP clock: what `io` read once, and monotonic time since (RFC 3550 §4). One per process, so
/// that every report on every shard is of one clock; it never steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NtpClock {
    origin: Instant,
    origin_ntp: u64,
}

impl NtpClock {
    /// Seconds from the NTP era's begin (1900) to that of Unix (1970), RFC 5905 §6.
    const UNIX_EPOCH: u64 = 2_208_988_800;

    /// At `origin` it was `since_unix_epoch`.
    pub fn new(origin: Instant, since_unix_epoch: Duration) -> Self {
        let seconds = since_unix_epoch.as_secs().wrapping_add(Self::UNIX_EPOCH);
        let origin_ntp = (seconds << 32).wrapping_add(fraction(since_unix_epoch));
        Self { origin, origin_ntp }
    }

    /// The NTP timestamp of `now`, 32.32 fixed point; wraps in 2036.
    pub fn at(&self, now: Instant) -> u64 {
        self.origin_ntp.wrapping_add(ntp_units(now.saturating_duration_since(self.origin)))
    }
}

/// How far one publisher's clock is from ours. One per peer.
///
/// Each sender report tells both: its NTP timestamp, and when it came. The difference is the offset
/// of the clocks plus the time on the way. The least of the samples was the least queued, and the
/// way's constant part is the same for all tracks.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublisherClock {
    /// Least sample of the running window, with the window's begin, and of the one before.
    running: Option<(u64, Instant)>,
    before: Option<u64>,
}

impl PublisherClock {
    /// A sender report of the publisher, with NTP timestamp `ntp`, came at `now`, when our clock
    /// showed `ours`. One without a clock (NTP 0, §6.4.1) says nothing.
    pub fn reported(&mut self, now: Instant, ours: u64, ntp: u64) {
        if ntp == 0 {
            return;
        }
        let sample = ours.wrapping_sub(ntp); // modulo 2^64: both clocks wrap
        let Some((least, begin)) = self.running else {
            self.running = Some((sample, now));
            return;
        };
        let stepped = self.offset().is_some_and(|offset| distance(sample, offset) > STEP);
        if stepped {
            *self = Self { running: Some((sample, now)), before: None };
        } else if now.saturating_duration_since(begin) >= WINDOW {
            *self = Self { running: Some((sample, now)), before: Some(least) };
        } else {
            self.running = Some((lesser(sample, least), begin));
        }
    }

    /// What to add to a timestamp of the publisher's to have it in our time.
    fn offset(&self) -> Option<u64> {
        let (running, _) = self.running?;
        Some(self.before.map_or(running, |before| lesser(running, before)))
    }
}

/// The relation of one track's media time to its publisher's clock. One per inbound SSRC.
#[derive(Clone, Copy, Debug, Default)]
pub struct SenderClock {
    last: Option<Relation>,
}

/// RFC 3550 §6.4.1: `rtp` and `ntp` are the same instant.
#[derive(Clone, Copy, Debug)]
struct Relation {
    ntp: u64,
    rtp: Timestamp,
    came: Instant,
}

impl SenderClock {
    /// The publisher's sender report of this SSRC, as it stands. One without a clock (NTP 0,
    /// §6.4.1) says nothing.
    pub fn reported(&mut self, now: Instant, ntp: u64, rtp: Timestamp) {
        if ntp == 0 {
            return;
        }
        self.last = Some(Relation { ntp, rtp, came: now });
    }

    /// The track has another source now: what was reported says nothing of it.
    pub fn forget(&mut self) {
        self.last = None;
    }

    /// NTP and RTP timestamps of a sender report that a leg sends when our clock shows `ours`:
    /// `timestamp_offset` is what the leg adds to the publisher's timestamps, modulo 2^32. `None`
    /// before the publisher reported, and when that was long ago: better no report than a wrong
    /// one.
    pub fn report(
        &self,
        publisher: &PublisherClock,
        now: Instant,
        ours: u64,
        clock_rate: u32,
        timestamp_offset: u32,
    ) -> Option<(u64, Timestamp)> {
        let last = self.last?;
        if now.saturating_duration_since(last.came) > STALE {
            return None;
        }
        let reported = last.ntp.wrapping_add(publisher.offset()?);
        // How far the media has gone since. Negative if the clocks' offset was corrected upwards.
        let elapsed = ours.wrapping_sub(reported).cast_signed();
        let ticks = (i128::from(elapsed) * i128::from(clock_rate)) >> 32;
        let rtp = last.rtp.0.wrapping_add(ticks as u32); // modulo 2^32
        Some((ours, Timestamp(rtp.wrapping_add(timestamp_offset))))
    }
}

/// The round trip to whoever sent `block` about a stream we report on, RFC 3550 §6.4.1 (LSR, DLSR),
/// when our clock shows `ours`. `None` if it has had no report of ours, or claims times that can
/// not be.
pub fn round_trip(ours: u64, block: &ReportBlock) -> Option<Duration> {
    if block.last_sr == 0 {
        return None;
    }
    let now = (ours >> 16) as u32; // middle 32 bits: 1/65,536 s, wraps after 18 hours
    let units = now.wrapping_sub(block.last_sr).wrapping_sub(block.delay).cast_signed();
    // Clocks are read at different times: a little below zero is zero, RFC 3550 §6.4.1 has no
    // minus.
    (units > -655)
        .then(|| Duration::from_nanos(units.max(0).unsigned_abs().into()) * 1_000_000_000 / 65_536)
}

/// The part of a second, in 2^-32 s.
fn fraction(duration: Duration) -> u64 {
    (u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000
}

/// In 2^-32 s; wraps after 136 years.
fn ntp_units(duration: Duration) -> u64 {
    (duration.as_secs() << 32).wrapping_add(fraction(duration))
}

/// The one that is behind the other, modulo 2^64.
fn lesser(a: u64, b: u64) -> u64 {
    if a.wrapping_sub(b).cast_signed() < 0 { a } else { b }
}

/// How far apart, by the shorter way round.
fn distance(a: u64, b: u64) -> u64 {
    a.wrapping_sub(b).cast_signed().unsigned_abs()
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::wire::number::Ssrc;

    const AUDIO: u32 = 48_000;
    const VIDEO: u32 = 90_000;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn clock() -> (NtpClock, Instant) {
        let start = Instant::now();
        (NtpClock::new(start, Duration::from_secs(1_700_000_000)), start)
    }

    /// A publisher with a clock of its own, whose audio and video were captured together.
    struct Publisher {
        clock: NtpClock,
        start: Instant,
    }

    impl Publisher {
        fn report(&self, at: Instant, rate: u32, first: u32) -> (u64, Timestamp) {
            let ticks = (at - self.start).as_micros() * u128::from(rate) / 1_000_000;
            (self.clock.at(at), Timestamp(first.wrapping_add(ticks as u32)))
        }
    }

    fn publisher(start: Instant, unix_seconds: u64) -> Publisher {
        Publisher { clock: NtpClock::new(start, Duration::from_secs(unix_seconds)), start }
    }

    #[test]
    fn ntp_timestamps() {
        let start = Instant::now();
        for (unix, later, expected) in [
            (Duration::ZERO, Duration::ZERO, 2_208_988_800 << 32),
            (ms(1500), ms(250), (2_208_988_801 << 32) + (3 << 30)),
            (Duration::from_secs(2_085_978_495), ms(1500), 1 << 31), // 2036: wraps
        ] {
            assert_eq!(NtpClock::new(start, unix).at(start + later), expected, "{unix:?}");
        }
        let clock = NtpClock::new(start, Duration::ZERO);
        assert_eq!(clock.at(start - ms(5)), clock.at(start), "never before its origin");
    }

    #[test]
    fn no_report_before_the_publisher_reported() {
        let (clock, start) = clock();
        let mut sender = SenderClock::default();
        let mut publisher = PublisherClock::default();
        assert_eq!(sender.report(&publisher, start, clock.at(start), VIDEO, 0), None);
        sender.reported(start, 0, Timestamp(6));
        publisher.reported(start, clock.at(start), 0);
        assert_eq!(sender.report(&publisher, start, clock.at(start), VIDEO, 0), None);
        sender.reported(start, 5, Timestamp(6));
        assert_eq!(sender.report(&publisher, start, clock.at(start), VIDEO, 0), None);
        publisher.reported(start, clock.at(start), 5);
        assert_eq!(
            sender.report(&publisher, start, clock.at(start), VIDEO, 100),
            Some((clock.at(start), Timestamp(106)))
        );
        let long_after = start + ms(60_001);
        assert_eq!(sender.report(&publisher, long_after, clock.at(long_after), VIDEO, 0), None);
        sender.forget();
        assert_eq!(sender.report(&publisher, start, clock.at(start), VIDEO, 0), None);
    }

    #[test]
    fn media_time_goes_on_at_its_rate_and_wraps() {
        let (clock, start) = clock();
        let mut sender = SenderClock::default();
        let mut publisher = PublisherClock::default();
        let theirs = u64::MAX - 10; // their clock is about to wrap
        sender.reported(start, theirs, Timestamp(u32::MAX - 9));
        publisher.reported(start, clock.at(start), theirs);
        for (later, ticks) in [(0, 0u32), (1000, 90_000), (10_000, 900_000)] {
            let now = start + ms(later);
            let (ntp, rtp) = sender.report(&publisher, now, clock.at(now), VIDEO, 3).unwrap();
            assert_eq!(ntp, clock.at(now));
            assert_eq!(rtp, Timestamp(ticks.wrapping_sub(7)), "{later}"); // MAX - 9 + 3 is -7
        }
    }

    /// The skew that a player computes from two reports: by how much instants that the publisher
    /// captured together come apart.
    #[test]
    fn tracks_of_a_publisher_stay_together_whatever_the_delays() {
        let (clock, start) = clock();
        for theirs in [0, 1_000_000_000, 4_000_000_000] {
            let source = publisher(start, theirs);
            let mut shared = PublisherClock::default();
            let (mut audio, mut video) = (SenderClock::default(), SenderClock::default());
            let mut seed = 7u32;
            for second in 1..120 {
                for (sender, rate, first) in
                    [(&mut audio, AUDIO, 111), (&mut video, VIDEO, 0xFFFF_0000)]
                {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let sent = start + ms(second * 1000 + u64::from(seed >> 24)); // not in step
                    let came = sent + ms(20 + u64::from(seed << 8 >> 24)); // 20 to 275 ms later
                    let (ntp, rtp) = source.report(sent, rate, first);
                    sender.reported(came, ntp, rtp);
                    shared.reported(came, clock.at(came), ntp);
                }
                let now = start + ms(second * 1000 + 600);
                let captured = |sender: &SenderClock, rate, first: u32| {
                    let (_, rtp) = sender.report(&shared, now, clock.at(now), rate, 5).unwrap();
                    f64::from(rtp.0.wrapping_sub(5).wrapping_sub(first)) / f64::from(rate)
                };
                let (heard, seen) =
                    (captured(&audio, AUDIO, 111), captured(&video, VIDEO, 0xFFFF_0000));
                assert!((heard - seen).abs() < 0.001, "{second}: {heard} {seen}");
                // Against true time: late by the least delay so far, never early.
                let truth = (now - start).as_secs_f64();
                assert!((-0.001..0.28).contains(&(truth - heard)), "{second}: {truth} {heard}");
                assert!(second < 20 || truth - heard < 0.06, "{second}: {truth} {heard}");
            }
        }
    }

    #[test]
    fn two_publishers_come_out_on_one_clock() {
        let (clock, start) = clock();
        let now = start + ms(5000);
        let media_time = |unix| {
            let source = publisher(start, unix);
            let (mut shared, mut sender) = (PublisherClock::default(), SenderClock::default());
            let (ntp, rtp) = source.report(start + ms(3000), AUDIO, 0);
            sender.reported(start + ms(3010), ntp, rtp);
            shared.reported(start + ms(3010), clock.at(start + ms(3010)), ntp);
            sender.report(&shared, now, clock.at(now), AUDIO, 0).unwrap()
        };
        let (here, there) = (media_time(1_700_000_000), media_time(12));
        assert_eq!(here.0, there.0);
        assert!(here.1.0.abs_diff(there.1.0) <= 1);
    }

    #[test]
    fn a_clock_that_drifts_is_followed() {
        let (clock, start) = clock();
        let mut shared = PublisherClock::default();
        for second in 0..3600u64 {
            let now = start + Duration::from_secs(second);
            let theirs = clock.at(now) - ((second * SECOND) / 10_000); // 100 ppm slow
            shared.reported(now, clock.at(now), theirs);
            let error = distance(shared.offset().unwrap(), clock.at(now) - theirs);
            assert!(error <= SECOND * 61 / 10_000, "{second}: {error}"); // two windows of drift
        }
    }

    #[test]
    fn the_least_queued_sample_counts_for_two_windows() {
        let (clock, start) = clock();
        let mut shared = PublisherClock::default();
        for second in 0..100u64 {
            let now = start + Duration::from_secs(second + 1);
            let late = if second == 5 { 20 } else { 120 };
            shared.reported(now, clock.at(now), clock.at(now - ms(late)));
            let learned = clock.at(now).wrapping_sub(shared.offset().unwrap());
            let expected = if (5..60).contains(&second) { 20 } else { 120 };
            assert!(distance(learned, clock.at(now - ms(expected))) < 9, "{second}"); // rounding
        }
    }

    #[test]
    fn a_clock_that_was_set_is_followed_at_once_and_a_late_packet_is_not() {
        let (clock, start) = clock();
        let now = clock.at(start);
        let mut shared = PublisherClock::default();
        shared.reported(start, now, 100 * SECOND);
        let before = shared.offset();
        shared.reported(start, now.wrapping_add(4 * SECOND), 100 * SECOND);
        assert_eq!(shared.offset(), before, "four seconds late");
        for set_to in [1 << 60, 90 * SECOND] {
            shared.reported(start, now, set_to);
            assert_eq!(shared.offset(), Some(now.wrapping_sub(set_to)));
        }
    }

    #[test]
    fn round_trips() {
        let block = |last_sr, delay| ReportBlock {
            ssrc: Ssrc(0),
            fraction_lost: 0,
            cumulative_lost: 0,
            highest: 0,
            jitter: 0,
            last_sr,
            delay,
        };
        // The example of RFC 3550 §6.4.1, figure 2: 6.125 s.
        let ours = 0xB710_8000_0000;
        assert_eq!(round_trip(ours, &block(0xB705_2000, 0x0005_4000)), Some(ms(6125)));
        assert_eq!(round_trip(ours, &block(0, 0)), None, "has had no report");
        assert_eq!(round_trip(ours, &block(0xB710_8000, 0)), Some(ms(0)));
        assert_eq!(round_trip(ours, &block(0xB710_8000, 600)), Some(ms(0)), "10 ms below");
        assert_eq!(round_trip(ours, &block(0xB710_8000, 65_536)), None, "a second below");
        assert_eq!(round_trip(5 << 16, &block(0xFFFF_FFFF, 0)), Some(Duration::from_nanos(91_552)));
    }
}
