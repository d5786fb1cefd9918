//! How loud a track is, from the audio levels of its packets. RFC 6464 §3.
//!
//! Smoothed so that a cough does not take a slot: rises in about 100 ms, falls in about a second at
//! 50 packets a second.

/// A track's smoothed loudness. 0 silent, 127 × 256 as loud as can be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Loudness(u16);

/// Somebody at or above this speaks: −45 dBov, smoothed.
const SPEAKING: u16 = (127 - 45) * 256;

impl Loudness {
    /// Takes one packet's level byte into account: 7 bits of −dBov under the V bit.
    pub fn hear(&mut self, level: u8) {
        let target = i32::from(127 - (level & 0x7F)) * 256;
        let now = i32::from(self.0);
        let step = if target > now { (target - now) / 4 } else { (target - now) / 32 };
        self.0 = (now + step).clamp(0, 127 * 256) as u16;
    }

    /// Time passed without a packet.
    pub fn fade(&mut self) {
        self.0 -= self.0 / 4;
    }

    /// Whether this is speech rather than a room's noise.
    pub fn speaks(self) -> bool {
        self.0 >= SPEAKING
    }

    /// Loudness in steps of 6 dB, for ranking: differences within a step do not change who is
    /// heard.
    pub fn step(self) -> u8 {
        (self.0 / (6 * 256)) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_rises_fast_and_falls_slowly() {
        for (levels, packets, speaks) in [
            (&[20u8][..], 1, false), // one loud packet: a click
            (&[20], 8, true),        // 160 ms of speech
            (&[70], 500, false),     // a fan
            (&[127], 500, false),    // silence
            (&[20, 127], 50, true),  // every other packet silent: still speech
        ] {
            let mut loudness = Loudness::default();
            (0..packets).for_each(|n| loudness.hear(levels[n % levels.len()]));
            assert_eq!(loudness.speaks(), speaks, "{levels:?} × {packets}");
        }
        let mut loudness = Loudness::default();
        (0..100).for_each(|_| loudness.hear(20));
        (0..5).for_each(|_| loudness.hear(127));
        assert!(loudness.speaks(), "a pause of 100 ms ends no sentence");
        (0..60).for_each(|_| loudness.hear(127));
        assert!(!loudness.speaks());
    }
}
