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

/// Ids of the header extensions that name a layer: mid (RFC 9143 §15.1) and RID (RFC 8852 §3).
pub const MID_ID: u8 = 2;
pub const RID_ID: u8 = 3;
const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
const RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";

/// A source in the offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    /// Audio or video.
    pub kind: Kind,
    /// Its SSRC; the one of its retransmissions is the next.
    pub ssrc: u32,
    /// Which layer of simulcast it is. `None`: there is one only.
    pub layer: Option<Layer>,
}

/// One layer of simulcast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layer {
    /// Its RID.
    pub rid: &'static str,
    /// The mid of its line.
    pub mid: u8,
    /// Its bitrate is that of the whole picture, by this.
    pub divisor: u64,
}

impl Source {
    /// The layers of a picture in line `mid`: whole, half and a quarter of its width and height.
    pub fn layers(self, mid: u8) -> [Source; 3] {
        [("f", 1, 0), ("h", 4, 2), ("q", 16, 4)].map(|(rid, divisor, offset)| {
            let layer = Some(Layer { rid, mid, divisor });
            Source { ssrc: self.ssrc + offset, layer, ..self }
        })
    }
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
    /// Offer three layers of each picture (RFC 8853).
    pub simulcast: bool,
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
            if self.simulcast && source.kind == Kind::Video {
                write!(out, "a=extmap:{MID_ID} {MID_URI}\r\na=extmap:{RID_ID} {RID_URI}\r\n")?;
                let layers = source.layers(0).into_iter().filter_map(|source| source.layer);
                let rids: Vec<&str> = layers.map(|layer| layer.rid).collect();
                for rid in &rids {
                    write!(out, "a=rid:{rid} send\r\n")?;
                }
                write!(out, "a=simulcast:send {}\r\n", rids.join(";"))?;
            }
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
    /// It takes layers (RFC 8853 §5.3.2); else one is to be sent.
    pub simulcast: bool,
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
        let (mut candidates, mut streams, mut simulcast) = (Vec::new(), Vec::new(), false);
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
                    SdpAttribute::Simulcast(layers) => simulcast |= !layers.receive.is_empty(),
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
            simulcast,
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
        let sources = [(Kind::Audio, 10), (Kind::Video, 20)].map(|(kind, ssrc)| Source {
            kind,
            ssrc,
            layer: None,
        });
        let fingerprint = format!("sha-256 {}", vec!["AB"; 32].join(":"));
        for codec in [VideoCodec::Vp8, VideoCodec::H264, VideoCodec::Vp9] {
            let offer = Offer {
                ice: &ice,
                fingerprint: &fingerprint,
                sources: &sources,
                slots: (2, 3),
                codec,
                simulcast: false,
            };
            let text = offer.write();
            assert_eq!(text.matches("m=").count(), 7, "{text}");
            let with_candidate =
                format!("{text}a=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host\r\n");
            let read = Answer::read(&with_candidate).unwrap();
            assert_eq!(read.ice, ice);
            assert_eq!(read.streams, [(10, Kind::Audio), (20, Kind::Video)]);
            assert_eq!(read.fingerprint, [0xAB; 32]);
            assert_eq!(read.candidates, ["127.0.0.1:40000".parse().unwrap()]);
        }
    }

    #[test]
    fn layers_are_offered_and_an_answer_takes_them_or_not() {
        let ice = Credentials { ufrag: "abcdefgh".into(), pwd: "p".repeat(24) };
        let sources = [Source { kind: Kind::Video, ssrc: 20, layer: None }];
        let fingerprint = format!("sha-256 {}", vec!["AB"; 32].join(":"));
        let (slots, codec) = ((0, 0), VideoCodec::Vp8);
        let offer = Offer {
            ice: &ice,
            fingerprint: &fingerprint,
            sources: &sources,
            slots,
            codec,
            simulcast: true,
        };
        let text = offer.write();
        assert!(text.contains("a=rid:h send\r\n") && text.contains("a=simulcast:send f;h;q\r\n"));
        let candidate = "a=candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host\r\n";
        let taken = text.replace(":send f", ":recv f").replace(" send\r", " recv\r");
        for (answer, simulcast) in [(&text, false), (&taken, true)] {
            let read = Answer::read(&format!("{answer}{candidate}")).unwrap();
            assert_eq!(read.simulcast, simulcast, "{answer}");
        }
        let layers = sources[0].layers(4).map(|it| (it.ssrc, it.layer.unwrap().rid));
        assert_eq!(layers, [(20, "f"), (22, "h"), (24, "q")]);
    }
}
