//! The SRTP packet index: a sequence number that does not wrap. RFC 3711 §3.3.1.
//!
//! Pure arithmetic; which indices were seen or claimed is kept in `window`.

use crate::wire::number::Seq;

/// SRTP packet index, `ROC << 16 | SEQ` (RFC 3711 §3.3.1): 48 bits used, does not wrap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Index(pub u64);

impl Index {
    /// The last index one key may protect: a key is worn out after 2^48 packets (RFC 3711 §9.2).
    pub const MAX: Index = Index((1 << 48) - 1);

    /// The index nearest `highest` that ends in `seq`; `None` if that would precede index 0.
    /// Exactly half a cycle (32 768) away counts as behind.
    pub fn nearest(highest: Index, seq: Seq) -> Option<Index> {
        let ahead = seq.ahead_of(highest.seq());
        highest.0.checked_add_signed(i64::from(ahead)).map(Index)
    }

    /// The low 16 bits: what stands in the RTP header.
    pub const fn seq(self) -> Seq {
        Seq(self.0 as u16)
    }

    /// The rollover counter: how often the sequence number wrapped.
    pub const fn roc(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_index() {
        for (highest, seq, expected) in [
            (0, 1, Some(1)),                  // next
            (0, 65_535, None),                // sent before the first one seen
            (0, 32_767, Some(32_767)),        // the longest jump ahead
            (0, 32_768, None),                // half a cycle: behind, before the first
            (65_535, 0, Some(65_536)),        // wraps forward
            (65_536, 65_535, Some(65_535)),   // late, across the wrap
            (40_000, 7_232, Some(7_232)),     // half a cycle: behind
            (40_000, 7_231, Some(72_767)),    // a step less: ahead
            (65_536, 32_768, Some(32_768)),   // half a cycle behind, across the wrap
            (Index::MAX.0, 0, Some(1 << 48)), // past the end: the caller refuses it
        ] {
            let got = Index::nearest(Index(highest), Seq(seq));
            assert_eq!(got, expected.map(Index), "{highest} {seq}");
        }
    }

    #[test]
    fn parts() {
        let index = Index(0x1234_5678_9ABC);
        assert_eq!((index.roc(), index.seq()), (0x1234_5678, Seq(0x9ABC)));
        assert_eq!((Index::MAX.roc(), Index::MAX.seq()), (u32::MAX, Seq(u16::MAX)));
    }
}
