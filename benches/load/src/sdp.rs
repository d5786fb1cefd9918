//! Our offers, and what we need of answers.
//!
//! One offer for a participant's life: sources first, slots behind them (the relay's pages do the
//! same). Answers are read with `webrtc-sdp`.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, bail, ensure};
use webrtc_sdp::attribute_type::{SdpAttribute, SdpAttributeType};

use crate::options::VideoCodec;
use crate::report::Kind;
use crate::stun::Credentials;

/// Payload type of Opus.
pub const AUDIO_TYPE: u8 = 111;
/// Payload type of the video codec.
pub const VIDEO_TYPE: u8 = 96;
/// Of its retransmissions.
const REPAIR_TYPE: u8 = 97;
/// Id of the audio level header extension, RFC 6464.
pub const LEVEL_ID: u8 = 1;
const LEVEL_URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

/// A source in the offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// Audio or video.
    pub kind: Kind,
    /// Its SSRC; the one of its retransmissions is the next.
    pub ssrc: u32,
}

/// What is offered.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    /// Our ICE credentials.
    pub ice: &'a Credentials,
    /// Our certificate's hash, as in `a=fingerprint`.
    pub fingerprint: &'a str,
    /// What we send.
    pub sources: &'a [Source],
    /// Lines that receive: audio, video.
    pub slots: (u32, u32),
    /// The video codec.
    pub codec: VideoCodec,
}

impl Offer<'_> {
    /// The text.
    pub fn write(&self) -> String {
        let lines = self.sources.len() + (self.slots.0 + self.slots.1) as usize;
        let mut out = String::with_capacity(600 * (lines + 1));
        self.write_to(&mut out, lines).unwrap_or_default(); // a String takes everything
        out
    }

    fn write_to(&self, out: &mut String, lines: usize) -> std::fmt::Result {
        out.push_str("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
        for mid in 0..lines {
            write!(out, " {mid}")?;
        }
        out.push_str("\r\n");
        let mut mid = 0;
        for source in self.sources {
            self.write_line(out, mid, source.kind, "sendonly")?;
            write!(out, "a=msid:load source-{mid}\r\n")?;
            let (media, repair) = (source.ssrc, source.ssrc.wrapping_add(1));
            if source.kind == Kind::Video {
                write!(out, "a=ssrc-group:FID {media} {repair}\r\na=ssrc:{repair} cname:load\r\n")?;
            }
            write!(out, "a=ssrc:{media} cname:load\r\n")?;
            mid += 1;
        }
        for (kind, count) in [(Kind::Audio, self.slots.0), (Kind::Video, self.slots.1)] {
            for _ in 0..count {
                self.write_line(out, mid, kind, "recvonly")?;
                mid += 1;
            }
        }
        Ok(())
    }

    fn write_line(
        &self,
        out: &mut String,
        mid: usize,
        kind: Kind,
        direction: &str,
    ) -> std::fmt::Result {
        let (media, types) = match kind {
            Kind::Audio => ("audio", AUDIO_TYPE.to_string()),
            Kind::Video => ("video", format!("{VIDEO_TYPE} {REPAIR_TYPE}")),
        };
        write!(out, "m={media} 9 UDP/TLS/RTP/SAVPF {types}\r\nc=IN IP4 0.0.0.0\r\n")?;
        write!(out, "a=mid:{mid}\r\na={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n")?;
        write!(out, "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", self.ice.ufrag, self.ice.pwd)?;
        write!(out, "a=fingerprint:{}\r\na=setup:active\r\n", self.fingerprint)?;
        match kind {
            Kind::Audio => write!(
                out,
                "a=extmap:{LEVEL_ID} {LEVEL_URI}\r\na=rtpmap:{AUDIO_TYPE} opus/48000/2\r\n\
                 a=fmtp:{AUDIO_TYPE} minptime=10;useinbandfec=1\r\n"
            ),
            Kind::Video => {
                let (name, format) = match self.codec {
                    VideoCodec::Vp8 => ("VP8", ""),
                    VideoCodec::Vp9 => ("VP9", "profile-id=0"),
                    VideoCodec::H264 => (
                        "H264",
                        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
                    ),
                };
                write!(out, "a=rtpmap:{VIDEO_TYPE} {name}/90000\r\n")?;
                for feedback in ["nack", "nack pli", "ccm fir"] {
                    write!(out, "a=rtcp-fb:{VIDEO_TYPE} {feedback}\r\n")?;
                }
                if !format.is_empty() {
                    write!(out, "a=fmtp:{VIDEO_TYPE} {format}\r\n")?;
                }
                write!(out, "a=rtpmap:{REPAIR_TYPE} rtx/90000\r\n")?;
                write!(out, "a=fmtp:{REPAIR_TYPE} apt={VIDEO_TYPE}\r\n")
            }
        }
    }
}

/// What the answer says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The server's ICE credentials.
    pub ice: Credentials,
    /// Its certificate's SHA-256.
    pub fingerprint: Vec<u8>,
    /// Where it is reached.
    pub candidates: Vec<SocketAddr>,
    /// Streams that we will receive: SSRC and kind.
    pub streams: Vec<(u32, Kind)>,
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    /// What is missing in it.
    pub fn read(text: &str) -> anyhow::Result<Answer> {
        let session = webrtc_sdp::parse_sdp(text, false).context("the answer's SDP")?;
        let mut lines = session.media.iter();
        let live = lines.find(|line| line.get_attribute(SdpAttributeType::IceUfrag).is_some());
        let find = |kind: SdpAttributeType| {
            let here = live.and_then(|line| line.get_attribute(kind.clone()));
            here.or_else(|| session.get_attribute(kind))
        };
        let (Some(SdpAttribute::IceUfrag(ufrag)), Some(SdpAttribute::IcePwd(pwd))) =
            (find(SdpAttributeType::IceUfrag), find(SdpAttributeType::IcePwd))
        else {
            bail!("the answer has no a=ice-ufrag and a=ice-pwd");
        };
        let Some(SdpAttribute::Fingerprint(fingerprint)) = find(SdpAttributeType::Fingerprint)
        else {
            bail!("the answer has no a=fingerprint");
        };
        let (mut candidates, mut streams) = (Vec::new(), Vec::new());
        for line in &session.media {
            let kind = match line.get_type() {
                webrtc_sdp::media_type::SdpMediaValue::Audio => Kind::Audio,
                _ => Kind::Video,
            };
            let mut repairs = Vec::new();
            for attribute in line.get_attributes() {
                match attribute {
                    SdpAttribute::Candidate(candidate) if candidate.component == 1 => {
                        let ip = candidate.address.to_string().parse::<IpAddr>();
                        let udp = candidate.transport.to_string().eq_ignore_ascii_case("udp");
                        if let (Ok(ip), true) = (ip, udp) {
                            candidates.push(SocketAddr::new(ip, candidate.port as u16));
                        }
                    }
                    SdpAttribute::SsrcGroup(_, group) => {
                        repairs.extend(group.iter().skip(1).map(|ssrc| ssrc.id));
                    }
                    SdpAttribute::Ssrc(ssrc) => {
                        let known = streams.iter().any(|(seen, _)| *seen == ssrc.id);
                        if !known && !repairs.contains(&ssrc.id) {
                            streams.push((ssrc.id, kind));
                        }
                    }
                    _ => {}
                }
            }
        }
        ensure!(!candidates.is_empty(), "the answer has no candidate on UDP");
        Ok(Answer {
            ice: Credentials { ufrag: ufrag.clone(), pwd: pwd.clone() },
            fingerprint: fingerprint.fingerprint.clone(),
            candidates,
            streams,
        })
    }

    /// The candidate to use: the one of the signaling server's address, else the first.
    pub fn candidate(&self, server: IpAddr) -> anyhow::Result<SocketAddr> {
        let mut fitting = self.candidates.iter().filter(|it| it.is_ipv4() == server.is_ipv4());
        let exact = self.candidates.iter().find(|candidate| candidate.ip() == server);
        let chosen = exact.or_else(|| fitting.next());
        chosen.copied().context("the answer has no candidate of the server's address family")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_parses_and_names_its_streams() {
        let ice = Credentials { ufrag: "abcdefgh".into(), pwd: "p".repeat(24) };
        let sources = [
            Source { kind: Kind::Audio, ssrc: 10 },
            Source { kind: Kind::Video, ssrc: 20 },
        ];
        let fingerprint = format!("sha-256 {}", vec!["AB"; 32].join(":"));
        for codec in [VideoCodec::Vp8, VideoCodec::H264, VideoCodec::Vp9] {
            let offer = Offer {
                ice: &ice,
                fingerprint: &fingerprint,
                sources: &sources,
                slots: (2, 3),
                codec,
            };
            let text = offer.write();
            assert_eq!(text.matches("m=").count(), 7, "{text}");
            let with_candidate = format!(
                "{text}a=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host\r\n"
            );
            let read = Answer::read(&with_candidate).unwrap();
            assert_eq!(read.ice, ice);
            assert_eq!(read.streams, [(10, Kind::Audio), (20, Kind::Video)]);
            assert_eq!(read.fingerprint, [0xAB; 32]);
            assert_eq!(read.candidates, ["127.0.0.1:40000".parse().unwrap()]);
        }
    }
}
