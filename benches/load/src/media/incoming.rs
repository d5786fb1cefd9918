//! One received stream: what came, what is missing, what came twice. Reads clear headers only.

use crate::report::Kind;

/// A stream that is only counted is still opened this often, or its rollover counter would be lost.
const OPEN_EVERY: u32 = 8_192;

/// A stream of packets, by sequence number.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Audio or video.
    pub kind: Kind,
    /// Highest sequence number, with its cycles; from 65,536. 0: nothing came yet.
    highest: u64,
    /// Which of the 64 numbers up to the highest came.
    window: u64,
    /// Numbers up to this one are not counted.
    baseline: u64,
    received: u64,
    since_open: u32,
}

/// What a packet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// It counts.
    New,
    /// From before the measurement.
    Early,
    /// It was there already.
    Duplicate,
}

impl Incoming {
    /// Nothing came yet.
    pub fn new(kind: Kind) -> Incoming {
        Incoming { kind, highest: 0, window: 0, baseline: 0, received: 0, since_open: OPEN_EVERY }
    }

    /// A packet with this number came.
    pub fn note(&mut self, number: u16) -> Arrival {
        if self.highest == 0 {
            self.highest = 65_536 + u64::from(number);
            self.baseline = self.highest - 1;
            self.window = 1;
            self.received = 1;
            return Arrival::New;
        }
        let distance = number.wrapping_sub(self.highest as u16) as i16;
        if distance > 0 {
            self.highest += distance as u64;
            self.window = if distance < 64 { self.window << distance | 1 } else { 1 };
        } else {
            let behind = u64::from(distance.unsigned_abs());
            if behind < 64 {
                let bit = 1 << behind;
                if self.window & bit != 0 {
                    return Arrival::Duplicate;
                }
                self.window |= bit;
            }
            if self.highest - behind <= self.baseline {
                return Arrival::Early;
            }
        }
        self.received += 1;
        Arrival::New
    }

    /// Counting begins anew.
    pub fn measure(&mut self) {
        self.baseline = self.highest;
        self.received = 0;
    }

    /// How many did not come, of those that should have since the measurement began.
    pub fn lost(&self) -> u64 {
        (self.highest - self.baseline).saturating_sub(self.received)
    }

    /// How many came since the measurement began.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Highest number with cycles, as in receiver reports.
    pub fn highest(&self) -> u32 {
        self.highest.saturating_sub(65_536) as u32
    }

    /// Whether this packet has to be opened though nobody checks it.
    pub fn is_due(&mut self) -> bool {
        self.since_open += 1;
        self.since_open > OPEN_EVERY
    }

    /// It was opened.
    pub fn opened(&mut self) {
        self.since_open = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_duplicates_and_wraps() {
        for (numbers, lost, received, duplicates) in [
            (&[1, 2, 3][..], 0, 3, 0),
            (&[1, 2, 4], 1, 3, 0),
            (&[1, 3, 2], 0, 3, 0),              // late is not lost
            (&[1, 2, 2, 3], 0, 3, 1),
            (&[65_534, 65_535, 0, 1], 0, 4, 0), // over the wrap
            (&[65_535, 1, 0], 0, 3, 0),
            (&[65_535, 2], 2, 2, 0),
            (&[5, 4], 0, 1, 0),                 // from before the first one
        ] {
            let mut stream = Incoming::new(Kind::Video);
            let twice = numbers.iter().filter(|n| stream.note(**n) == Arrival::Duplicate).count();
            let got = (stream.lost(), stream.received(), twice);
            assert_eq!(got, (lost, received, duplicates), "{numbers:?}");
        }
    }

    #[test]
    fn a_measurement_begins_at_the_highest_number() {
        let mut stream = Incoming::new(Kind::Audio);
        for number in [10, 12] {
            stream.note(number);
        }
        stream.measure();
        assert_eq!(stream.note(11), Arrival::Early);
        stream.note(13);
        stream.note(15);
        assert_eq!((stream.lost(), stream.received()), (1, 2));
    }
}
