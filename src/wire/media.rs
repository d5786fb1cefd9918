//! What kinds of media and codecs the relay knows. RFC 8829, RFC 7587, RFC 7741, RFC 9628, RFC
//! 6184.

/// Media kind of an m-line (RFC 8866 §5.14).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// `m=audio`.
    Audio,
    /// `m=video`.
    Video,
}

/// A codec whose packets can be forwarded (payload formats: RFC 7587 Opus, RFC 7741 VP8,
/// RFC 9628 VP9, RFC 6184 H.264, AV1 RTP v1.0).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    /// RFC 7587, 48 kHz.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 9628, profile 0.
    Vp9,
    /// RFC 6184, constrained baseline, packetization mode 1.
    H264,
    /// AV1 RTP payload specification 1.0, profile 0.
    Av1,
}

impl Codec {
    /// Audio or video.
    pub fn kind(self) -> Kind {
        match self {
            Codec::Opus => Kind::Audio,
            Codec::Vp8 | Codec::Vp9 | Codec::H264 | Codec::Av1 => Kind::Video,
        }
    }

    /// RTP clock rate in hertz.
    pub fn clock_rate(self) -> u32 {
        match self.kind() {
            Kind::Audio => 48_000,
            Kind::Video => 90_000,
        }
    }
}

/// One payload type of a peer (RFC 8866 §6.6 `a=rtpmap`), with the payload type of its
/// retransmissions (RFC 4588 §8, `apt`) where the peer offered one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PayloadMap {
    /// The payload type on this peer's wire.
    pub payload_type: super::number::PayloadType,
    /// What it carries.
    pub codec: Codec,
    /// Payload type of the RTX stream, if negotiated.
    pub rtx: Option<super::number::PayloadType>,
}
