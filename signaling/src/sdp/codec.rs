//! Which codecs of an m-line are taken, with which payload types and feedback.
//!
//! Taken: Opus (RFC 7587), VP8 (RFC 7741), VP9 profile 0 (RFC 9628), H.264 constrained baseline
//! with packetization mode 1 (RFC 6184 §8.1), AV1 profile 0; RTX for each (RFC 4588 §8.6, `apt`).
//! Feedback: `nack`, `nack pli` (RFC 4585 §4.2), `ccm fir` (RFC 5104 §7.1).

use std::collections::BTreeSet;

use ringfence::wire::media::{Codec, Kind, PayloadMap};
use ringfence::wire::number::PayloadType;
use webrtc_sdp::attribute_type::{
    SdpAttribute, SdpAttributeFmtpParameters, SdpAttributePayloadType, SdpAttributeRtcpFbType,
    SdpAttributeRtpmap,
};

use super::problem::Problem;
use super::section::Section;

/// Video codecs from the most to the least wanted as the one that everybody can decode.
pub const PREFERENCE: [Codec; 4] = [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1];

/// A set of codecs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Codecs(u8);

impl Codecs {
    /// Every codec.
    pub const ALL: Codecs = Codecs(u8::MAX);

    /// With `codec` added.
    #[must_use]
    pub fn with(self, codec: Codec) -> Codecs {
        Codecs(self.0 | 1 << codec as u8)
    }

    /// What is in both.
    #[must_use]
    pub fn intersect(self, other: Codecs) -> Codecs {
        Codecs(self.0 & other.0)
    }

    /// Whether `codec` is in the set.
    pub fn contains(self, codec: Codec) -> bool {
        self.0 >> codec as u8 & 1 == 1
    }

    /// The most wanted video codec of the set.
    pub fn best(self) -> Option<Codec> {
        PREFERENCE.into_iter().find(|codec| self.contains(*codec))
    }
}

/// A codec that one m-line offers and we take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct OfferedCodec {
    pub map: PayloadMap,
    pub nack: bool,
    pub pli: bool,
    pub fir: bool,
    /// Format parameters of our answer.
    pub format: Option<String>,
}

impl OfferedCodec {
    /// Its name in `a=rtpmap`, with clock rate and channels.
    pub fn name(&self) -> &'static str {
        match self.map.codec {
            Codec::Opus => "opus/48000/2",
            Codec::Vp8 => "VP8/90000",
            Codec::Vp9 => "VP9/90000",
            Codec::H264 => "H264/90000",
            Codec::Av1 => "AV1/90000",
        }
    }
}

/// The codecs taken of an audio or video m-line, in the order of [`PREFERENCE`].
///
/// `taken` holds what earlier m-lines settled: payload types are those of the whole BUNDLE group
/// (RFC 9143 §9.1), so one number must mean the same in all of them.
pub(super) fn take(
    section: &Section,
    kind: Kind,
    taken: &mut Vec<PayloadMap>,
) -> Result<Vec<OfferedCodec>, Problem> {
    let mut codecs: Vec<OfferedCodec> = Vec::new();
    let mut seen = BTreeSet::new();
    for attribute in &section.attributes {
        let SdpAttribute::Rtpmap(rtpmap) = attribute else { continue };
        // The first line of a number counts: each is looked up in the others once (P2.13).
        if !seen.insert(rtpmap.payload_type) {
            continue;
        }
        let parameters = parameters(section, rtpmap.payload_type);
        let Some(codec) = recognise(rtpmap, parameters) else { continue };
        let listed = section.formats.iter().any(|f| f.parse() == Ok(rtpmap.payload_type));
        if codec.kind() != kind || !listed || codecs.iter().any(|c| c.map.codec == codec) {
            continue;
        }
        let map = payload_map(section, rtpmap.payload_type, codec);
        check_bundle(section, map, taken)?;
        let settled = taken.iter().find(|earlier| earlier.codec == codec);
        if settled.is_some_and(|earlier| earlier.payload_type != map.payload_type) {
            continue; // another line settled on another payload type of the same codec
        }
        if settled.is_none() {
            taken.push(map);
        }
        codecs.push(with_feedback(section, map, parameters));
    }
    codecs.sort_by_key(|codec| PREFERENCE.iter().position(|wanted| *wanted == codec.map.codec));
    if codecs.is_empty() {
        let (known, mend) = match kind {
            Kind::Audio => ("opus/48000/2", "offer Opus"),
            Kind::Video => (
                "VP8, VP9 profile 0, H.264 constrained baseline with packetization-mode=1, \
                 AV1 profile 0",
                "offer one of them, VP8 best",
            ),
        };
        return Err(section.problem(
            "a=rtpmap",
            format!("no codec in common; taken are {known}"),
            mend,
        ));
    }
    Ok(codecs)
}

fn parameters(section: &Section, payload_type: u8) -> Option<&SdpAttributeFmtpParameters> {
    section.find(|attribute| match attribute {
        SdpAttribute::Fmtp(fmtp) if fmtp.payload_type == payload_type => Some(&fmtp.parameters),
        _ => None,
    })
}

fn recognise(
    rtpmap: &SdpAttributeRtpmap,
    parameters: Option<&SdpAttributeFmtpParameters>,
) -> Option<Codec> {
    let video = rtpmap.frequency == 90_000;
    match rtpmap.codec_name.to_ascii_lowercase().as_str() {
        "opus" if rtpmap.frequency == 48_000 && rtpmap.channels == Some(2) => Some(Codec::Opus),
        "vp8" if video => Some(Codec::Vp8),
        // No `profile-id` is profile 0 (RFC 9628 §6.1).
        "vp9" if video && vp9_profile(parameters) == 0 => Some(Codec::Vp9),
        "h264" if video && parameters.is_some_and(constrained_baseline) => Some(Codec::H264),
        "av1" if video && parameters.and_then(|p| p.profile).unwrap_or(0) == 0 => Some(Codec::Av1),
        _ => None,
    }
}

fn vp9_profile(parameters: Option<&SdpAttributeFmtpParameters>) -> u8 {
    let tokens = parameters.map(|p| p.unknown_tokens.as_slice()).unwrap_or_default();
    let profile = tokens.iter().find_map(|token| token.trim().strip_prefix("profile-id="));
    profile.map_or(0, |profile| profile.parse().unwrap_or(u8::MAX))
}

/// Profile 66 with `constraint_set1` (RFC 6184 §8.1, table 5), packetization mode 1.
fn constrained_baseline(parameters: &SdpAttributeFmtpParameters) -> bool {
    let level = parameters.profile_level_id;
    parameters.packetization_mode == 1 && level >> 16 == 0x42 && level & 0x4000 != 0
}

fn payload_map(section: &Section, payload_type: u8, codec: Codec) -> PayloadMap {
    let rtx = section.find(|attribute| {
        let SdpAttribute::Rtpmap(rtpmap) = attribute else { return None };
        let apt = parameters(section, rtpmap.payload_type)?.rtx?.apt;
        let fits = rtpmap.codec_name.eq_ignore_ascii_case("rtx") && apt == payload_type;
        fits.then_some(PayloadType(rtpmap.payload_type))
    });
    PayloadMap { payload_type: PayloadType(payload_type), codec, rtx }
}

fn check_bundle(section: &Section, map: PayloadMap, taken: &[PayloadMap]) -> Result<(), Problem> {
    let numbers = [Some(map.payload_type), map.rtx];
    for number in numbers.into_iter().flatten() {
        // 64..=95 would be RTCP packet types on a muxed transport (RFC 5761 §4).
        if !matches!(number.0, 0..=63 | 96..=127) {
            let what = format!("payload type {} can not be told from RTCP", number.0);
            return Err(section.problem("a=rtpmap", what, "use 0-63 or 96-127 (RFC 5761 §4)"));
        }
        let clash = taken.iter().any(|earlier| {
            let same = earlier.codec == map.codec;
            (earlier.payload_type == number && !(same && map.payload_type == number))
                || (earlier.rtx == Some(number) && !(same && map.rtx == Some(number)))
        });
        if clash {
            let what =
                format!("payload type {} means something else in an earlier m-line", number.0);
            return Err(section.problem(
                "a=rtpmap",
                what,
                "one meaning a BUNDLE group (RFC 9143 §9.1)",
            ));
        }
    }
    Ok(())
}

fn with_feedback(
    section: &Section,
    map: PayloadMap,
    parameters: Option<&SdpAttributeFmtpParameters>,
) -> OfferedCodec {
    let offered = |name: &str| {
        section.has(|attribute| {
            let SdpAttribute::Rtcpfb(feedback) = attribute else { return false };
            let here = match feedback.payload_type {
                SdpAttributePayloadType::PayloadType(number) => number == map.payload_type.0,
                SdpAttributePayloadType::Wildcard => true,
            };
            let (kind, parameter) = (&feedback.feedback_type, feedback.parameter.as_str());
            here && match kind {
                SdpAttributeRtcpFbType::Nack if parameter.is_empty() => name == "nack",
                SdpAttributeRtcpFbType::Nack if parameter == "pli" => name == "nack pli",
                SdpAttributeRtcpFbType::Ccm if parameter == "fir" => name == "ccm fir",
                _ => false,
            }
        })
    };
    let format = match map.codec {
        Codec::Opus => Some("minptime=10;useinbandfec=1".to_owned()),
        Codec::Vp8 => None,
        Codec::Vp9 => Some("profile-id=0".to_owned()),
        Codec::H264 => parameters.map(|p| {
            let level = p.profile_level_id;
            format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={level:06x}")
        }),
        Codec::Av1 => {
            let level = parameters.and_then(|p| p.level_idx).unwrap_or(5);
            Some(format!("level-idx={level};profile=0;tier=0"))
        }
    };
    OfferedCodec {
        map,
        nack: offered("nack"),
        pli: offered("nack pli"),
        fir: offered("ccm fir"),
        format,
    }
}
