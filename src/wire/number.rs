//! Numbers as they stand on the wire, each its own type. RFC 3550 §5.1.
//!
//! Wrapping numbers have no `Ord`.

/// Synchronization source, RFC 3550 §3. Unique within one peer only: key maps by `(PeerId, Ssrc)`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ssrc(pub u32);

/// Sequence number as it stands on the wire (RFC 3550 §5.1): 16 bits, wraps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Seq(pub u16);

impl Seq {
    /// How far `self` is ahead of `other`, by the shorter way round; negative if behind.
    pub fn ahead_of(self, other: Seq) -> i16 {
        self.0.wrapping_sub(other.0).cast_signed()
    }
}

/// RTP media timestamp, RFC 3550 §5.1, in units of the payload's clock rate: 32 bits, wraps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timestamp(pub u32);

/// RTP payload type, RFC 3550 §5.1: 7 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PayloadType(pub u8);
