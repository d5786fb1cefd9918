//! Outgoing indices of one SSRC: each is claimed once. DESIGN.md §6, RFC 3711 §9.1.
//!
//! Sealing two packets under one index gives both away, and with GCM the authentication key too. So
//! the right to use an index is a value, [`Claim`], that can neither be made elsewhere nor copied,
//! and sealing consumes it.

use super::index::Index;
use super::window::{Sight, Window};
use crate::wire::number::{Seq, Ssrc};

/// Which sealer a ledger and its claims belong to: unique in the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SealerId(pub(super) u64);

/// Why an index can not be claimed. The ledger is unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClaimError {
    /// Claimed before.
    Taken,
    /// More than 1,023 behind the highest claimed, so that nothing is known of it any more.
    TooOld,
    /// All 2^48 indices lie behind: the key is worn out (RFC 3711 §9.2).
    Exhausted,
}

/// The right to seal one packet under one index of one SSRC. Not `Clone`; dropping it wastes the
/// index.
#[derive(Debug)]
#[must_use = "the index is spent, whether a packet is sealed under it or not"]
pub struct Claim {
    pub(super) sealer: SealerId,
    pub(super) ssrc: Ssrc,
    pub(super) index: Index,
}

impl Claim {
    /// The sequence number that sealing will write into the header.
    pub fn seq(&self) -> Seq {
        self.index.seq()
    }

    /// The SSRC that sealing will write into the header.
    pub fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// The index claimed.
    pub fn index(&self) -> Index {
        self.index
    }
}

/// The outgoing indices of one SSRC under one key, of which [`super::Sealer::ledger`] makes one
/// only.
///
/// It starts at rollover counter 0, as the receiver takes it to. Let the first sequence number be
/// below 2^15: if a stream starts near 65,535 and the packets up to the wrap are lost, the receiver
/// can not know of the wrap.
#[derive(Debug)]
pub struct Ledger {
    sealer: SealerId,
    ssrc: Ssrc,
    claimed: Window<16>,
}

impl Ledger {
    pub(super) fn new(sealer: SealerId, ssrc: Ssrc) -> Self {
        Self { sealer, ssrc, claimed: Window::default() }
    }

    /// The SSRC whose indices these are.
    pub fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// The highest index claimed.
    pub fn highest(&self) -> Option<Index> {
        self.claimed.highest().map(Index)
    }

    /// Claims the index nearest the highest one that ends in `seq`: less than 2^15 above it, or one
    /// of the last 1,024 (the highest included) that was not claimed.
    ///
    /// # Errors
    /// `Taken`, `TooOld`, `Exhausted`.
    pub fn claim(&mut self, seq: Seq) -> Result<Claim, ClaimError> {
        let index = self.index_of(seq).ok_or(ClaimError::TooOld)?;
        self.claim_index(index)
    }

    /// Claims the index after the highest, or 0 first: for what has no numbers of its own (RTX).
    ///
    /// # Errors
    /// `Exhausted`.
    pub fn claim_next(&mut self) -> Result<Claim, ClaimError> {
        let index = self.highest().map_or(0, |highest| highest.0 + 1); // highest <= Index::MAX
        self.claim_index(Index(index))
    }

    /// Whether `seq` is one of the last 1,024 numbers and was claimed.
    pub fn was_claimed(&self, seq: Seq) -> bool {
        self.index_of(seq).is_some_and(|index| self.claimed.look(index.0) == Sight::Seen)
    }

    fn index_of(&self, seq: Seq) -> Option<Index> {
        match self.highest() {
            Some(highest) => Index::nearest(highest, seq),
            None => Some(Index(u64::from(seq.0))),
        }
    }

    fn claim_index(&mut self, index: Index) -> Result<Claim, ClaimError> {
        if index > Index::MAX {
            return Err(ClaimError::Exhausted);
        }
        match self.claimed.look(index.0) {
            Sight::Seen => Err(ClaimError::Taken),
            Sight::TooOld => Err(ClaimError::TooOld),
            Sight::New => {
                self.claimed.mark(index.0);
                Ok(Claim { sealer: self.sealer, ssrc: self.ssrc, index })
            }
        }
    }

    #[cfg(test)]
    pub(super) fn skip_to(&mut self, index: Index) {
        self.claimed.mark(index.0);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn ledger_at(highest: u64) -> Ledger {
        let mut ledger = Ledger::new(SealerId(1), Ssrc(7));
        ledger.skip_to(Index(highest));
        ledger
    }

    #[test]
    fn claims() {
        for (highest, seq, expected) in [
            (10, 11, Ok(11)),                               // next
            (10, 10 + 32_767, Ok(32_777)),                  // the longest jump
            (10, 10 + 32_768, Err(ClaimError::TooOld)),     // half a cycle is behind
            (10, 10, Err(ClaimError::Taken)),               // twice
            (10, 3, Ok(3)),                                 // late
            (5_000, 3_977, Ok(3_977)),                      // the oldest in the window
            (5_000, 3_976, Err(ClaimError::TooOld)),        // one more
            (65_535, 0, Ok(65_536)),                        // wraps
            (65_536, 65_535, Ok(65_535)),                   // late, across the wrap
            (5, 65_535, Err(ClaimError::TooOld)),           // before index 0
            (Index::MAX.0 - 1, 65_535, Ok(Index::MAX.0)),   // the last
            (Index::MAX.0, 0, Err(ClaimError::Exhausted)),  // 2^48
            (Index::MAX.0, 65_000, Ok(Index::MAX.0 - 535)), // late ones still go
        ] {
            let got = ledger_at(highest).claim(Seq(seq)).map(|claim| claim.index().0);
            assert_eq!(got, expected, "{highest} {seq}");
        }
    }

    #[test]
    fn first_claims() {
        let fresh = || Ledger::new(SealerId(1), Ssrc(7));
        assert_eq!(fresh().claim(Seq(20_000)).map(|claim| claim.index()), Ok(Index(20_000)));
        assert_eq!(fresh().claim_next().map(|claim| claim.index()), Ok(Index(0)));
        assert_eq!(fresh().highest(), None);
        assert!(!fresh().was_claimed(Seq(0)));
    }

    #[test]
    fn next_stops_at_the_end() {
        let mut ledger = ledger_at(Index::MAX.0 - 1);
        assert_eq!(ledger.claim_next().map(|claim| claim.index()), Ok(Index::MAX));
        assert_eq!(ledger.claim_next().map(|claim| claim.index()), Err(ClaimError::Exhausted));
        assert_eq!(ledger.highest(), Some(Index::MAX));
    }

    /// The rule of DESIGN.md §6 in slow form.
    fn reference(taken: &HashSet<u64>, seq: u16) -> Result<u64, ClaimError> {
        let Some(highest) = taken.iter().max() else {
            return Ok(u64::from(seq));
        };
        let near = (highest.saturating_sub(32_768)..highest + 32_768)
            .find(|index| *index as u16 == seq)
            .ok_or(ClaimError::TooOld)?;
        match near {
            index if index + 1_024 <= *highest => Err(ClaimError::TooOld),
            index if taken.contains(&index) => Err(ClaimError::Taken),
            index => Ok(index),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn like_the_slow_form(
            first in 0u16..,
            steps in prop::collection::vec(prop_oneof![
                8 => -5i32..=5, 3 => -1_030i32..=0, 2 => 0i32..=1_030, 1 => -32_800i32..=32_800,
            ], 1..60),
        ) {
            let mut ledger = Ledger::new(SealerId(1), Ssrc(7));
            let mut taken = HashSet::new();
            let mut at = i32::from(first);
            for step in steps {
                let seq = Seq((at + step) as u16);
                let expected = reference(&taken, seq.0);
                prop_assert_eq!(ledger.was_claimed(seq), expected == Err(ClaimError::Taken));
                let got = ledger.claim(seq).map(|claim| claim.index().0);
                prop_assert_eq!(got, expected, "{:?} at {:?}", seq, ledger.highest());
                taken.extend(got);
                at = ledger.highest().map_or(at, |highest| i32::from(highest.seq().0));
            }
        }
    }
}
