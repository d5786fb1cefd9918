//! Which datagrams of one subscriber leave together: the longest trains that their sizes allow,
//! with a little RTP padding (RFC 3550 §5.1) where that lengthens one (DESIGN.md §3).
//!
//! Pure: sizes in, sizes out. A datagram costs about 3 µs of kernel time if it leaves alone, and a
//! tenth of that in a train; a byte of padding costs the subscriber's bandwidth.

use super::outbox::TRAIN_MAX;

/// Most datagrams of one train: what `UDP_SEGMENT` takes.
pub const SEGMENTS_MAX: usize = 64;

/// Longest padding, RFC 3550 §5.1: its length is written in one byte.
const PADDING_MAX: usize = 255;

/// How much padding one packet may get to fit a train.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Padding {
    /// Bytes; at most 255 are used.
    pub bytes_max: u16,
    /// Of the packet's own length on the wire, rounded down.
    pub percent_max: u16,
}

impl Padding {
    /// None at all.
    pub const OFF: Padding = Padding { bytes_max: 0, percent_max: 0 };

    /// How much a packet of `size` bytes on the wire may grow.
    pub fn of(self, size: usize) -> usize {
        let by_percent = size * usize::from(self.percent_max) / 100;
        by_percent.min(usize::from(self.bytes_max)).min(PADDING_MAX)
    }
}

impl Default for Padding {
    /// Encoders cut a frame into packets that differ by a few bytes, so 32 bytes join all of a
    /// frame's; of a video packet of 1,200 bytes that is 2.7 %. Opus packets (60-160 bytes) of
    /// several speakers differ by a dozen or two; with IP, UDP, RTP header and tag each takes 80
    /// bytes more than its payload, so a quarter of the packet is about an eighth of what its
    /// subscriber receives, and saves the relay nine tenths of what the packet costs.
    fn default() -> Self {
        Self { bytes_max: 32, percent_max: 25 }
    }
}

/// One datagram's length on the wire, and how many bytes of padding it may get.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    /// Without padding.
    pub wire: u16,
    /// At most.
    pub slack: u8,
}

/// The train that the next datagrams make: all but the last of `count` are `segment` bytes long,
/// with padding if need be; the last one is as long as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Planned {
    /// How many; at least one, if there is one.
    pub count: usize,
    /// Bytes of each but the last, which is not longer.
    pub segment: usize,
}

/// Plans the longest train that `sizes` begin with. Whatever part of a train is a train too, so
/// taking the longest each time makes the fewest.
pub fn next_train(sizes: impl Iterator<Item = Size>) -> Planned {
    let (mut count, mut segment, mut reach) = (0, 0, usize::MAX);
    for Size { wire, slack } in sizes {
        let (wire, slack) = (usize::from(wire), usize::from(slack));
        let longest = segment.max(wire);
        let len = longest * count + wire;
        if count == SEGMENTS_MAX || longest > reach || (count > 0 && len > TRAIN_MAX) {
            break;
        }
        (count, segment) = (count + 1, longest);
        if wire + slack < longest {
            break; // shorter than padding can mend: nothing can follow it
        }
        reach = reach.min(wire + slack);
    }
    Planned { count, segment }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trains(sizes: &[u16], padding: Padding) -> Vec<(usize, usize)> {
        let size = |wire: &u16| {
            let slack = padding.of(usize::from(*wire)) as u8;
            Size { wire: *wire, slack }
        };
        let mut sizes: Vec<Size> = sizes.iter().map(size).collect();
        let mut trains = Vec::new();
        while !sizes.is_empty() {
            let Planned { count, segment } = next_train(sizes.iter().copied());
            let cut: Vec<Size> = sizes.drain(..count).collect();
            let (last, full) = cut.split_last().expect("at least one");
            assert!(usize::from(last.wire) <= segment && count <= SEGMENTS_MAX);
            for size in full {
                let pad = segment.checked_sub(usize::from(size.wire)).expect("not longer");
                assert!(pad <= usize::from(size.slack) && pad <= 255);
            }
            let len = segment * full.len() + usize::from(last.wire);
            assert!(len <= TRAIN_MAX || count == 1);
            trains.push((count, segment));
        }
        trains
    }

    #[test]
    fn the_fewest_trains() {
        let eight = Padding { bytes_max: 8, percent_max: 100 };
        for (sizes, padding, expected) in [
            (&[100, 100, 100][..], Padding::OFF, &[(3, 100)][..]),
            (&[100, 100, 60], Padding::OFF, &[(3, 100)]), // the last one may be shorter
            (&[100, 60, 60], Padding::OFF, &[(2, 100), (1, 60)]), // only the last one
            (&[60, 100], Padding::OFF, &[(1, 60), (1, 100)]), // never longer
            (&[100, 99, 100], Padding::OFF, &[(2, 100), (1, 100)]),
            (&[100, 99, 100], eight, &[(3, 100)]), // one byte joins them
            (&[99, 100, 93, 98], eight, &[(4, 100)]), // the longest is not the first
            (&[92, 100, 92], eight, &[(3, 100)]),  // up to the limit
            (&[91, 100, 92], eight, &[(1, 91), (2, 100)]), // and no further
            (&[100, 91, 100], eight, &[(2, 100), (1, 100)]), // the short one closes it
            (&[93, 97, 102], eight, &[(2, 97), (1, 102)]), // the first can not follow twice
            (&[100, 120], Padding { bytes_max: 32, percent_max: 10 }, &[(1, 100), (1, 120)]),
            (&[100, 110], Padding { bytes_max: 32, percent_max: 10 }, &[(2, 110)]),
            (&[1_000, 1_200], Padding { bytes_max: 999, percent_max: 99 }, &[(2, 1_200)]),
            (&[900, 1_200], Padding { bytes_max: 999, percent_max: 99 }, &[(1, 900), (1, 1_200)]),
            (&[], Padding::OFF, &[]),
        ] {
            assert_eq!(trains(sizes, padding), expected, "{sizes:?} {padding:?}");
        }
    }

    #[test]
    fn bounds_of_a_train() {
        assert_eq!(trains(&[10; 65], Padding::OFF), [(64, 10), (1, 10)]);
        assert_eq!(trains(&[20_000; 4], Padding::OFF), [(3, 20_000), (1, 20_000)]);
        assert_eq!(trains(&[1_250; 64], Padding::OFF), [(52, 1_250), (12, 1_250)]);
        // The last one would fit as it is, but padding those before makes it too long.
        let mut sizes = [1_240; 52];
        sizes[51] = 1_260;
        assert_eq!(trains(&sizes, Padding::default()), [(51, 1_240), (1, 1_260)]);
    }

    #[test]
    fn defaults() {
        let padding = Padding::default();
        assert_eq!([100, 128, 160, 1_200].map(|size| padding.of(size)), [25, 32, 32, 32]);
        assert_eq!(Padding::OFF.of(1_200), 0);
    }

    /// Every way of cutting a few sizes into trains, tried.
    #[test]
    fn no_other_cut_makes_fewer() {
        fn fewest(sizes: &[Size]) -> usize {
            if sizes.is_empty() {
                return 0;
            }
            let whole = |part: &[Size]| {
                let longest = part.iter().map(|size| size.wire).max().unwrap_or(0);
                let (_, full) = part.split_last().expect("not empty");
                full.iter().all(|size| size.wire + u16::from(size.slack) >= longest)
            };
            let cuts = (1..=sizes.len()).filter(|count| whole(&sizes[..*count]));
            cuts.map(|count| 1 + fewest(&sizes[count..])).min().expect("one alone is a train")
        }
        let mut state = 5u32;
        for _ in 0..2_000 {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u16
            };
            let len = usize::from(next() % 9);
            let sizes: Vec<Size> = (0..len)
                .map(|_| Size { wire: 100 + next() % 12, slack: (next() % 8) as u8 })
                .collect();
            let (mut rest, mut count) = (&sizes[..], 0);
            while !rest.is_empty() {
                rest = &rest[next_train(rest.iter().copied()).count..];
                count += 1;
            }
            assert_eq!(count, fewest(&sizes), "{sizes:?}");
        }
    }
}
