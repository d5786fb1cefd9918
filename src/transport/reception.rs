//! What is received of one SSRC: losses, jitter, and the report block that says so.
//! RFC 3550 §6.4.1, appendices A.1 (numbers), A.3 (loss) and A.8 (jitter).
//!
//! Fed with packets that are authenticated and new: their SRTP index is the extended sequence
//! number, so there is no probation and no guessing of cycles (appendix A.1), and duplicates never
//! get here.

use std::time::{Duration, Instant};

use crate::crypto::Index;
use crate::wire::number::{Ssrc, Timestamp};
use crate::wire::rtcp::ReportBlock;

/// Between two packets, a difference of transit times beyond this is a change of clock (a source
/// that paused or was replaced), not jitter.
const JITTER_MAX: Duration = Duration::from_secs(5);

/// Reception statistics of one SSRC, RFC 3550 §6.4.1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reception {
    numbers: Option<Numbers>,
    transit: Option<Transit>,
    /// Appendix A.8, times 16: at most 80 s of the clock.
    jitter: u64,
    /// Middle 32 bits of the last sender report's NTP time, and when it came.
    last_sr: Option<(u32, Instant)>,
}

/// Appendices A.1 and A.3.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    base: Index,
    highest: Index,
    received: u64,
    /// Expected and received when the last report was made.
    reported: (u64, u64),
}

/// Appendix A.8: the last packet's arrival and media time.
#[derive(Clone, Copy, Debug)]
struct Transit {
    arrival: Instant,
    timestamp: Timestamp,
}

impl Reception {
    /// A packet arrived. `clock_rate` in hertz.
    pub fn received(&mut self, now: Instant, index: Index, timestamp: Timestamp, clock_rate: u32) {
        match &mut self.numbers {
            Some(numbers) => {
                numbers.highest = numbers.highest.max(index);
                // What came before the first: without this, losses would be fewer than they are.
                numbers.base = numbers.base.min(index);
                numbers.received += 1;
            }
            None => {
                self.numbers =
                    Some(Numbers { base: index, highest: index, received: 1, reported: (0, 0) });
            }
        }
        self.measure_jitter(now, timestamp, clock_rate);
    }

    /// Appendix A.8: J += (|D| - J) / 16, in integers, with J times 16.
    fn measure_jitter(&mut self, now: Instant, timestamp: Timestamp, clock_rate: u32) {
        let last = self.transit.replace(Transit { arrival: now, timestamp });
        let Some(last) = last else { return };
        let elapsed = now.saturating_duration_since(last.arrival);
        if elapsed > JITTER_MAX {
            return; // longer than any jitter, and it keeps the product below in its type
        }
        let arrived = elapsed.as_micros() as i64 * i64::from(clock_rate) / 1_000_000;
        let stamped = i64::from(timestamp.0.wrapping_sub(last.timestamp.0).cast_signed());
        let difference = (arrived - stamped).unsigned_abs();
        if difference > JITTER_MAX.as_secs() * u64::from(clock_rate) {
            return;
        }
        self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
    }

    /// A sender report of this SSRC arrived with this NTP timestamp (RFC 3550 §6.4.1, LSR).
    pub fn sender_report(&mut self, now: Instant, ntp: u64) {
        self.last_sr = Some(((ntp >> 16) as u32, now));
    }

    /// Highest index received, and how many packets; `None` before the first.
    pub fn totals(&self) -> Option<(Index, u64)> {
        self.numbers.map(|numbers| (numbers.highest, numbers.received))
    }

    /// Interarrival jitter in timestamp units, appendix A.8.
    pub fn jitter(&self) -> u32 {
        u32::try_from(self.jitter >> 4).unwrap_or(u32::MAX)
    }

    /// The block for the next report, which is taken to be sent: the fraction lost counts from here
    /// on. `None` before the first packet.
    pub fn report_block(&mut self, now: Instant, ssrc: Ssrc) -> Option<ReportBlock> {
        let jitter = self.jitter();
        let numbers = self.numbers.as_mut()?;
        let expected = numbers.highest.0 - numbers.base.0 + 1;
        let lost = expected.cast_signed() - numbers.received.cast_signed();
        let (expected_before, received_before) =
            std::mem::replace(&mut numbers.reported, (expected, numbers.received));
        let expected_since = expected.saturating_sub(expected_before);
        let received_since = numbers.received - received_before;
        let lost_since = expected_since.saturating_sub(received_since);
        let fraction = (lost_since << 8).checked_div(expected_since).unwrap_or(0).min(255);
        let (last_sr, delay) = match self.last_sr {
            Some((middle, arrival)) => (middle, units(now.saturating_duration_since(arrival))),
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc,
            fraction_lost: fraction as u8,
            cumulative_lost: lost.clamp(-0x80_0000, 0x7F_FFFF) as i32, // 24 bits, appendix A.3
            highest: numbers.highest.0 as u32, // cycles and number: the low 32 bits
            jitter,
            last_sr,
            delay,
        })
    }
}

/// In 1/65,536 s (RFC 3550 §6.4.1, DLSR); what does not fit is the most.
fn units(duration: Duration) -> u32 {
    u32::try_from(duration.as_nanos() * 65_536 / 1_000_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    const RATE: u32 = 90_000;
    const SSRC: Ssrc = Ssrc(5);

    fn after(packets: &[u64]) -> (Reception, Instant) {
        let now = Instant::now();
        let mut reception = Reception::default();
        for index in packets {
            reception.received(now, Index(*index), Timestamp(0), RATE);
        }
        (reception, now)
    }

    #[test]
    fn losses() {
        // indices, cumulative, fraction of 256, highest
        for (packets, lost, fraction, highest) in [
            (&[100][..], 0, 0, 100),
            (&[100, 101, 102], 0, 0, 102),
            (&[100, 103], 2, 128, 103),
            (&[100, 103, 102, 101], 0, 0, 103),   // reordered
            (&[100, 99], 0, 0, 100),              // one before the first
            (&[65_535, 65_536], 0, 0, 65_536),    // over the wrap of numbers
            (&[0, 99], 98, 250, 99),              // 98 of 100
            (&[1 << 33, (1 << 33) + 1], 0, 0, 1), // only 32 bits are told
        ] {
            let (mut reception, now) = after(packets);
            let block = reception.report_block(now, SSRC).unwrap();
            assert_eq!(block.ssrc, SSRC);
            assert_eq!(
                (block.cumulative_lost, block.fraction_lost, block.highest),
                (lost, fraction, highest),
                "{packets:?}"
            );
        }
        assert_eq!(after(&[]).0.report_block(Instant::now(), SSRC), None);
    }

    #[test]
    fn fraction_counts_since_the_last_report() {
        let (mut reception, now) = after(&[0, 9]);
        assert_eq!(reception.report_block(now, SSRC).unwrap().fraction_lost, 204); // 8 of 10
        assert_eq!(reception.report_block(now, SSRC).unwrap().fraction_lost, 0, "nothing since");
        for index in [10, 11, 13] {
            reception.received(now, Index(index), Timestamp(0), RATE);
        }
        let block = reception.report_block(now, SSRC).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (64, 9)); // 1 of 4
        for index in 1..9 {
            reception.received(now, Index(index), Timestamp(0), RATE); // late: more than expected
        }
        let block = reception.report_block(now, SSRC).unwrap();
        assert_eq!((block.fraction_lost, block.cumulative_lost), (0, 1));
    }

    #[test]
    fn everything_lost_is_255() {
        let (mut reception, now) = after(&[0]);
        reception.report_block(now, SSRC).unwrap();
        reception.received(now, Index(100_000), Timestamp(0), RATE);
        assert_eq!(reception.report_block(now, SSRC).unwrap().fraction_lost, 255);
        reception.received(now, Index(1 << 40), Timestamp(0), RATE);
        assert_eq!(reception.report_block(now, SSRC).unwrap().cumulative_lost, 0x7F_FFFF);
    }

    #[test]
    fn jitter_of_an_even_stream_is_0_and_of_an_alternating_one_its_swing() {
        let start = Instant::now();
        for (swing_ms, expected) in [(0, 0), (10, 900)] {
            let mut reception = Reception::default();
            for n in 0..400u32 {
                let late = u64::from(n % 2) * swing_ms;
                let now = start + Duration::from_millis(u64::from(n) * 20 + late);
                // The timestamp wraps on the way.
                let timestamp = Timestamp((n * 1800).wrapping_sub(90_000));
                reception.received(now, Index(n.into()), timestamp, RATE);
            }
            let jitter = reception.jitter();
            assert!(jitter.abs_diff(expected) <= 1, "{swing_ms} ms: {jitter}");
        }
    }

    /// Appendix A.8 as it stands, in floating point: J += (|D| - J) / 16.
    #[test]
    fn jitter_follows_the_formula() {
        let start = Instant::now();
        let mut reception = Reception::default();
        let (mut slow, mut before) = (0.0f64, None);
        let mut seed = 1u32;
        for n in 0..500u32 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let arrival_us = u64::from(n) * 20_000 + u64::from(seed >> 18); // up to 16 ms late
            let now = start + Duration::from_micros(arrival_us);
            reception.received(now, Index(n.into()), Timestamp(n * 960), 48_000);
            let transit = arrival_us as f64 * 0.048 - f64::from(n * 960);
            if let Some(before) = before.replace(transit) {
                slow += ((transit - before).abs() - slow) / 16.0;
            }
            assert!((f64::from(reception.jitter()) - slow).abs() < 8.0, "{n}: {slow}");
        }
        assert!(slow > 100.0);
    }

    #[test]
    fn a_pause_or_a_new_clock_is_no_jitter() {
        let start = Instant::now();
        let mut reception = Reception::default();
        reception.received(start, Index(0), Timestamp(0), RATE);
        reception.received(start + Duration::from_secs(3600), Index(1), Timestamp(1), RATE);
        assert_eq!(reception.jitter(), 0, "an hour's silence");
        reception.received(start + Duration::from_secs(3600), Index(2), Timestamp(1 << 30), RATE);
        assert_eq!(reception.jitter(), 0, "another source's timestamps");
        reception.received(start, Index(3), Timestamp(1 << 30), RATE);
        assert_eq!(reception.jitter(), 0, "a clock that steps back counts as standing still");
    }

    #[test]
    fn last_sender_report() {
        let (mut reception, now) = after(&[0]);
        let block = reception.report_block(now, SSRC).unwrap();
        assert_eq!((block.last_sr, block.delay), (0, 0), "none yet");
        reception.sender_report(now, 0x0123_4567_89AB_CDEF);
        let later = now + Duration::from_millis(1500);
        let block = reception.report_block(later, SSRC).unwrap();
        assert_eq!((block.last_sr, block.delay), (0x4567_89AB, 98_304));
        let block = reception.report_block(now + Duration::from_secs(100_000), SSRC).unwrap();
        assert_eq!(block.delay, u32::MAX);
    }
}
