//! How many bits a second a source may send: what its publisher's role grants (D5). The publisher
//! is told in the answer; this holds for those who do not listen.
//!
//! A bucket of one second that empties as fast as the role grants, and a quarter faster: encoders
//! keep a rate only on average. What flows over is refused; a picture that has lost a packet so
//! goes on with a keyframe, once half the bucket is empty.

/// How much of a second's bits the bucket is given beyond the cap, in quarters.
const QUARTERS: u64 = 5;

/// What one source may send, and has sent. Times are microseconds that wrap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cap {
    /// Bits a second; `None`: no cap.
    bps: Option<u32>,
    /// Bits in the bucket, as of `at_us`.
    level: u64,
    at_us: u32,
    /// It flowed over, and has not begun anew.
    is_over: bool,
}

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Within the cap.
    Taken,
    /// Refused.
    Refused,
    /// Refused; a keyframe would be taken.
    WantsKeyframe,
}

impl Cap {
    /// Another cap, or none. What was sent before counts.
    pub fn set(&mut self, bps: Option<u32>) {
        self.bps = bps;
        self.is_over &= bps.is_some();
    }

    /// Judges a packet of so many bytes that came at `now_us`. `begins`: it can be shown without
    /// those before it, as every packet of audio and a keyframe can.
    #[inline]
    pub fn judge(&mut self, now_us: u32, bytes: usize, begins: bool) -> Verdict {
        let Some(bps) = self.bps else { return Verdict::Taken };
        let (bits, second) = (8 * bytes as u64, u64::from(bps) * QUARTERS / 4);
        let passed = u64::from(now_us.wrapping_sub(self.at_us));
        self.level = self.level.saturating_sub(second * passed / 1_000_000);
        self.at_us = now_us;
        let is_half_empty = self.level <= second / 2;
        if self.is_over && !(begins && is_half_empty) {
            return if is_half_empty { Verdict::WantsKeyframe } else { Verdict::Refused };
        }
        self.is_over = self.level + bits > second;
        if self.is_over {
            return Verdict::Refused;
        }
        self.level += bits;
        Verdict::Taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends packets of 1,000 bytes at `bps` for ten seconds, and a keyframe when one is wanted.
    /// Returns bits a second that were taken, and how often it began anew.
    fn taken(cap: Option<u32>, bps: u64) -> (u64, u32) {
        let mut it = Cap::default();
        it.set(cap);
        let (mut bits, mut anew, mut wanted) = (0, 0, false);
        let packets = 10 * bps / 8_000;
        for packet in 0..packets {
            let now_us = (packet * 10_000_000 / packets) as u32;
            match it.judge(now_us.wrapping_sub(4_000_000), 1_000, wanted) {
                Verdict::Taken => {
                    bits += 8_000;
                    anew += u32::from(wanted);
                    wanted = false;
                }
                Verdict::Refused => assert!(!wanted, "there was room"),
                Verdict::WantsKeyframe => wanted = true,
            }
        }
        (bits / 10, anew)
    }

    #[test]
    fn what_is_within_the_cap_passes_and_what_is_over_is_held_to_it() {
        assert_eq!(taken(None, 8_000_000), (8_000_000, 0));
        assert_eq!(taken(Some(1_500_000), 1_500_000), (1_500_000, 0));
        assert_eq!(taken(Some(1_500_000), 1_800_000), (1_800_000, 0), "encoders overshoot");
        for bps in [3_000_000, 8_000_000, 40_000_000] {
            let (rate, anew) = taken(Some(1_500_000), bps);
            assert!((1_300_000..=2_150_000).contains(&rate), "{bps}: {rate}");
            assert!((5..=40).contains(&anew), "{bps}: {anew}");
        }
    }

    #[test]
    fn a_burst_of_a_keyframe_passes() {
        let mut it = Cap::default();
        it.set(Some(1_000_000));
        // 100 KB at once, then nothing for a second, again and again.
        for second in 0..20u32 {
            for packet in 0..100 {
                let verdict = it.judge(second * 1_000_000 + packet, 1_000, false);
                assert_eq!(verdict, Verdict::Taken, "{second} {packet}");
            }
        }
    }

    #[test]
    fn a_picture_goes_on_with_a_keyframe_only() {
        let mut it = Cap::default();
        it.set(Some(80_000));
        let mut sent = 0;
        while it.judge(0, 1_000, false) == Verdict::Taken {
            sent += 1;
        }
        assert_eq!(sent, 12, "a second and a quarter of it");
        assert_eq!(it.judge(300_000, 1_000, true), Verdict::Refused, "too full yet");
        assert_eq!(it.judge(800_000, 1_000, false), Verdict::WantsKeyframe);
        assert_eq!(it.judge(800_000, 1_000, true), Verdict::Taken);
        assert_eq!(it.judge(800_000, 1_000, false), Verdict::Taken);
        while it.judge(900_000, 1_000, false) == Verdict::Taken {}
        it.set(None);
        assert_eq!(it.judge(900_000, 1_000, false), Verdict::Taken, "no cap any more");
    }
}
