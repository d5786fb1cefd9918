//! What the relay knows of a media packet once it is decrypted: parsed once, used by every leg.

use crate::wire::media::Codec;
use crate::wire::number::Timestamp;
use crate::wire::payload::vp8::{PictureId, Tl0PicIdx, Vp8Fields};

/// A track's packets, counted as they were numbered by the publisher: `ROC << 16 | SEQ` (RFC 3711
/// §3.3.1). Does not wrap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SourceIndex(pub u64);

/// One decrypted media packet, without its bytes. Small, because a cache holds hundreds.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Its number at the publisher.
    pub index: SourceIndex,
    /// Media time at the publisher (RFC 3550 §5.1).
    pub timestamp: Timestamp,
    /// When it came, in microseconds since its shard began; wraps.
    pub arrived_us: u32,
    /// Marker bit.
    pub marker: bool,
    /// It begins a keyframe.
    pub keyframe: bool,
    /// What it carries.
    pub codec: Codec,
    /// Audio level byte as received: V bit and −dBov (RFC 6464 §3).
    pub audio_level: Option<u8>,
    /// Video orientation byte as received (3GPP TS 26.114 §7.4.5).
    pub orientation: Option<u8>,
    /// What a leg rewrites of a VP8 descriptor.
    pub vp8: Vp8Numbers,
}

const _: () = assert!(size_of::<Packet>() <= 32);

/// The running numbers of a VP8 descriptor and where they stand in the payload (RFC 7741 §4.2):
/// `Vp8Fields` in six bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Vp8Numbers {
    picture_id: u16,
    tl0picidx: u8,
    /// Offset in the payload; 0, where no number can stand: there is none.
    picture_id_at: u8,
    tl0picidx_at: u8,
    wide: bool,
}

impl From<Vp8Fields> for Vp8Numbers {
    fn from(fields: Vp8Fields) -> Self {
        // A descriptor has at most six bytes, so its offsets fit.
        let at = |offset: usize| u8::try_from(offset).unwrap_or(0);
        let mut numbers = Self::default();
        if let Some(PictureId { value, wide, offset }) = fields.picture_id {
            (numbers.picture_id, numbers.wide, numbers.picture_id_at) = (value, wide, at(offset));
        }
        if let Some(Tl0PicIdx { value, offset }) = fields.tl0picidx {
            (numbers.tl0picidx, numbers.tl0picidx_at) = (value, at(offset));
        }
        numbers
    }
}

impl Vp8Numbers {
    /// None: not VP8, or a descriptor without them.
    pub const NONE: Self =
        Self { picture_id: 0, tl0picidx: 0, picture_id_at: 0, tl0picidx_at: 0, wide: false };

    /// The picture id, if there is one: 7 or 15 bits.
    pub fn picture_id(&self) -> Option<u16> {
        (self.picture_id_at != 0).then_some(self.picture_id)
    }

    /// TL0PICIDX, if there is one.
    pub fn tl0picidx(&self) -> Option<u8> {
        (self.tl0picidx_at != 0).then_some(self.tl0picidx)
    }

    /// Whether there is nothing to rewrite.
    pub fn is_empty(&self) -> bool {
        self.picture_id_at == 0 && self.tl0picidx_at == 0
    }

    /// As `wire` knows them.
    pub fn fields(&self) -> Vp8Fields {
        let (value, wide, offset) = (self.picture_id, self.wide, usize::from(self.picture_id_at));
        let picture_id = (offset != 0).then_some(PictureId { value, wide, offset });
        let (value, offset) = (self.tl0picidx, usize::from(self.tl0picidx_at));
        Vp8Fields { picture_id, tl0picidx: (offset != 0).then_some(Tl0PicIdx { value, offset }) }
    }
}
