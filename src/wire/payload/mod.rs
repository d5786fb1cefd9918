//! Payload facts: whether a decoder can begin here, where frames begin, which layer this is.
//!
//! Read from payload descriptors and the first bits of the codec: RFC 7741 (VP8), RFC 9628 (VP9),
//! RFC 6184 (H.264), AV1 RTP payload specification 1.0 (AV1 and its Dependency Descriptor). A
//! payload that is cut short or makes no sense gives fewer facts, never a panic
//! (`fuzz_targets/payload.rs`): what can not be read is neither a keyframe nor the start of a
//! frame.

pub mod av1;
mod bits;
pub mod descriptor;
pub mod h264;
pub mod vp8;
pub mod vp9;

use super::media::Codec;

/// What the relay knows of one RTP payload (RFC 7741, RFC 9628, RFC 6184, AV1 RTP 1.0).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// A decoder that has seen nothing can begin with this packet: it is the first of a keyframe,
    /// or (H.264) carries the parameter sets sent ahead of one.
    pub keyframe: bool,
    /// The first packet of a frame, in SVC of a layer's frame. H.264 has no mark for it and several
    /// slices or parameter sets may each look like a start: there the timestamp tells.
    pub start_of_frame: bool,
    /// No other frame refers to this one: it can be dropped without harm.
    pub discardable: bool,
    /// A decoder of lower temporal layers can go up to this one here (VP8 Y bit, VP9 U bit).
    pub layer_sync: bool,
    /// Temporal layer, 0 is the lowest; `None` if the stream does not say.
    pub temporal: Option<u8>,
    /// Spatial layer, 0 is the lowest; `None` if the stream does not say.
    pub spatial: Option<u8>,
    /// Fields of a VP8 descriptor that a leg rewrites.
    pub vp8: Option<vp8::Vp8Fields>,
}

/// Reads the facts of `payload`, an RTP payload without padding.
#[inline]
pub fn inspect(codec: Codec, payload: &[u8]) -> Facts {
    match codec {
        // Every packet stands for itself (RFC 7587 §4.2).
        Codec::Opus => Facts {
            keyframe: !payload.is_empty(),
            start_of_frame: !payload.is_empty(),
            ..Facts::default()
        },
        Codec::Vp8 => vp8::inspect(payload),
        Codec::Vp9 => vp9::inspect(payload),
        Codec::H264 => h264::inspect(payload),
        Codec::Av1 => av1::inspect(payload),
    }
}
