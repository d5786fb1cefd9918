//! What the relay knows of a media packet once it is decrypted: parsed once, used by every leg.

use crate::wire::media::Codec;
use crate::wire::number::Timestamp;
use crate::wire::payload::Facts;

/// A track's packets, counted as they were numbered by the publisher: `ROC << 16 | SEQ` (RFC 3711
/// §3.3.1). Does not wrap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SourceIndex(pub u64);

/// One decrypted media packet, without its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Its number at the publisher.
    pub index: SourceIndex,
    /// Media time at the publisher (RFC 3550 §5.1).
    pub timestamp: Timestamp,
    /// Marker bit.
    pub marker: bool,
    /// What it carries.
    pub codec: Codec,
    /// Audio level byte as received: V bit and −dBov (RFC 6464 §3).
    pub audio_level: Option<u8>,
    /// Video orientation byte as received (3GPP TS 26.114 §7.4.5).
    pub orientation: Option<u8>,
    /// Keyframe, layers, picture ids.
    pub facts: Facts,
}
