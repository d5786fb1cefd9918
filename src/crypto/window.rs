//! A set of the most recent indices: which of the last n up to the highest were seen.
//!
//! The sliding window of RFC 3711 §3.3.2, as a ring of bits: index `i` has bit `i % n`, so sliding
//! clears the bits passed over and moves nothing. Pure; `look` reads, `mark` writes.

/// What a window knows about an index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sight {
    /// Not seen so far: above the highest, or in the window with its bit clear.
    New,
    /// In the window and seen.
    Seen,
    /// Below the window: nothing is known of it.
    TooOld,
}

/// The last `64 * WORDS` indices, the highest one seen included.
#[derive(Clone, Debug)]
pub(super) struct Window<const WORDS: usize> {
    /// The highest index seen, plus 1; 0 while none was.
    end: u64,
    /// Bit `index % (64 * WORDS)`; meaningful for the indices of the window only.
    bits: [u64; WORDS],
}

impl<const WORDS: usize> Default for Window<WORDS> {
    fn default() -> Self {
        Self { end: 0, bits: [0; WORDS] }
    }
}

impl<const WORDS: usize> Window<WORDS> {
    const LEN: u64 = 64 * WORDS as u64;

    /// The highest index seen.
    pub(super) fn highest(&self) -> Option<u64> {
        self.end.checked_sub(1)
    }

    /// What is known of `index`. Reads only.
    pub(super) fn look(&self, index: u64) -> Sight {
        if index >= self.end {
            Sight::New
        } else if self.end - index > Self::LEN {
            Sight::TooOld
        } else if self.bits[Self::word(index)] & Self::bit(index) != 0 {
            Sight::Seen
        } else {
            Sight::New
        }
    }

    /// Notes `index` as seen, sliding the window if it is the highest. An index below the window
    /// has no bit and changes nothing.
    pub(super) fn mark(&mut self, index: u64) {
        if index >= self.end {
            self.clear(self.end, index);
            self.end = index + 1;
        } else if self.end - index > Self::LEN {
            return;
        }
        self.bits[Self::word(index)] |= Self::bit(index);
    }

    /// Clears the bits of `first..=last`, word by word.
    fn clear(&mut self, first: u64, last: u64) {
        if last - first >= Self::LEN {
            self.bits = [0; WORDS];
            return;
        }
        let mut index = first;
        while index <= last {
            let word_last = index | 63; // the last index that shares the word
            let upto = word_last.min(last);
            let mask = (u64::MAX << (index % 64)) & (u64::MAX >> (63 - upto % 64));
            self.bits[Self::word(index)] &= !mask;
            index = word_last + 1;
        }
    }

    const fn word(index: u64) -> usize {
        (index % Self::LEN / 64) as usize // below WORDS
    }

    const fn bit(index: u64) -> u64 {
        1 << (index % 64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// RFC 3711 §3.3.2 in slow form: remembers everything.
    #[derive(Default)]
    struct Reference {
        seen: HashSet<u64>,
    }

    impl Reference {
        fn look(&self, index: u64, len: u64) -> Sight {
            match self.seen.iter().max() {
                Some(highest) if index + len <= *highest => Sight::TooOld,
                _ if self.seen.contains(&index) => Sight::Seen,
                _ => Sight::New,
            }
        }
    }

    fn compare<const WORDS: usize>(steps: &[i64]) {
        let mut window = Window::<WORDS>::default();
        let mut reference = Reference::default();
        for step in steps {
            let base = window.highest().unwrap_or(5_000);
            let index = base.saturating_add_signed(*step);
            assert_eq!(window.look(index), reference.look(index, 64 * WORDS as u64), "{index}");
            window.mark(index);
            if reference.look(index, 64 * WORDS as u64) == Sight::New {
                reference.seen.insert(index);
            }
            assert_eq!(window.highest(), reference.seen.iter().max().copied());
        }
        let highest = window.highest().unwrap_or(0);
        for index in highest.saturating_sub(64 * WORDS as u64 + 130)..highest + 130 {
            assert_eq!(window.look(index), reference.look(index, 64 * WORDS as u64), "{index}");
        }
    }

    fn steps() -> impl Strategy<Value = Vec<i64>> {
        let step = prop_oneof![
            6 => -3i64..=3,
            3 => -70i64..=70,
            3 => -1_100i64..=0,
            1 => 0i64..=1_100,
            1 => prop::sample::select(vec![-1_024, -1_023, -128, -127, 63, 64, 65, 1_023, 40_000]),
        ];
        prop::collection::vec(step, 1..200)
    }

    proptest! {
        #[test]
        fn like_the_slow_form(steps in steps()) {
            compare::<16>(&steps);
            compare::<2>(&steps);
            compare::<1>(&steps);
        }
    }

    #[test]
    fn edges() {
        let mut window = Window::<16>::default();
        assert_eq!((window.highest(), window.look(0)), (None, Sight::New));
        window.mark(0);
        assert_eq!((window.highest(), window.look(0)), (Some(0), Sight::Seen));
        window.mark(1_023);
        for (index, sight) in [
            (0, Sight::Seen),     // the last one inside
            (1, Sight::New),      // skipped
            (1_023, Sight::Seen), // the highest
            (1_024, Sight::New),  // above
        ] {
            assert_eq!(window.look(index), sight, "{index}");
        }
        window.mark(1_024); // takes the bit of index 0
        for (index, sight) in [(0, Sight::TooOld), (1, Sight::New), (1_024, Sight::Seen)] {
            assert_eq!(window.look(index), sight, "{index}");
        }
        window.mark(0); // below: changes nothing
        assert_eq!((window.look(0), window.look(1_024)), (Sight::TooOld, Sight::Seen));
        window.mark(1 << 40); // a jump beyond the length forgets all
        assert_eq!(window.look((1 << 40) - 1_023), Sight::New);
        assert_eq!(window.look((1 << 40) - 1_024), Sight::TooOld);
    }
}
