//! Reading an offer: transport, sources by order of m-lines, slots (DESIGN.md §5).
//!
//! RFC 8829 §5.8 (what an offer must have), RFC 9143 (BUNDLE, mid), RFC 8842 §5 (`a=setup`),
//! RFC 8839 §5.4 (ICE credentials), RFC 8122 §5 (fingerprint), RFC 5576 (SSRCs).

use std::sync::Arc;

use ringfence::control::api::{OfferedSlot, OfferedTrack, PeerOffer};
use ringfence::route::id::{ParticipantId, Source};
use ringfence::shard::command::Mid;
use ringfence::transport::{Fingerprint, IceCredentials};
use ringfence::wire::extension::{Extension, ExtensionIds};
use ringfence::wire::media::{Kind, PayloadMap};
use ringfence::wire::number::Ssrc;
use webrtc_sdp::attribute_type::{SdpAttribute, SdpAttributeDirection, SdpSsrcGroupSemantic};

use super::codec::{self, Codecs, OfferedCodec};
use super::problem::Problem;
use super::section::{self, Section};
use super::transport::{bundle, check_transport, credentials, fingerprint};

/// What the peer is for; decides what a direction means.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    /// A page: sends on `sendonly` and `sendrecv`, receives on `recvonly`.
    Page,
    /// RFC 9725: sends only.
    Whip,
    /// Receives only.
    Whep,
}

/// What we make of an m-line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    /// The client sends this source.
    Source(Source),
    /// The client receives here.
    Slot,
    /// `a=inactive`: nothing flows.
    Idle,
    /// Not RTP, or already rejected by the client: port 0.
    Rejected,
}

/// One m-line of the offer, as the answer needs it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub mid: Mid,
    pub media: String,
    pub protocol: String,
    pub format: String,
    pub kind: Kind,
    pub usage: Use,
    pub codecs: Vec<OfferedCodec>,
    /// Accepted extensions, with what stands behind the id in our answer (`/sendonly` or nothing).
    pub extensions: Vec<(Extension, u8, &'static str)>,
    pub reduced_size: bool,
}

/// An offer that can be answered.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The client's credentials.
    pub ice: IceCredentials,
    /// The client's certificate hash.
    pub fingerprint: Fingerprint,
    pub(super) lines: Vec<Line>,
    pub(super) payloads: Vec<PayloadMap>,
    pub(super) extensions: ExtensionIds,
    pub(super) tracks: Vec<OfferedTrack>,
    pub(super) slots: Vec<OfferedSlot>,
    pub(super) allow_mixed: bool,
}

impl Offer {
    /// Reads an offer.
    ///
    /// # Errors
    /// The first [`Problem`] found: what is wrong, where, and what mends it.
    pub fn read(text: &str, purpose: Purpose) -> Result<Offer, Problem> {
        let (session, sections) = section::cut(text)?;
        let bundle = bundle(&session)?;
        let first = sections.iter().find(|section| is_media(section)).ok_or_else(|| {
            Problem::new("m=", "no audio or video m-line", "offer at least one audio or video")
        })?;
        check_transport(&session, first)?;
        let mut offer = Offer {
            ice: credentials(&session, first)?,
            fingerprint: fingerprint(&session, first)?,
            lines: Vec::new(),
            payloads: Vec::new(),
            extensions: ExtensionIds::default(),
            tracks: Vec::new(),
            slots: Vec::new(),
            allow_mixed: allows_mixed(&session, &sections),
        };
        for section in &sections {
            offer.add_line(&session, section, bundle, purpose)?;
        }
        if offer.tracks.is_empty() && offer.slots.is_empty() {
            let what = "nothing to send and nothing to receive";
            return Err(Problem::new("m=", what, "offer a sendonly or recvonly m-line"));
        }
        Ok(offer)
    }

    /// What the relay is told of it.
    pub fn peer_offer(&self, from: Option<ParticipantId>) -> PeerOffer {
        PeerOffer {
            ice: self.ice.clone(),
            fingerprint: self.fingerprint,
            payloads: self.payloads.clone(),
            extensions: self.extensions,
            tracks: self.tracks.clone(),
            slots: self.slots.clone(),
            from,
        }
    }

    /// Video codecs that every m-line it receives on can decode; `None`: it receives no video.
    pub fn receivable(&self) -> Option<Codecs> {
        self.video(|usage| usage == Use::Slot)
    }

    /// Video codecs of every m-line it sends on; `None`: it sends no video.
    pub fn sendable(&self) -> Option<Codecs> {
        self.video(|usage| matches!(usage, Use::Source(_)))
    }

    fn video(&self, wanted: impl Fn(Use) -> bool) -> Option<Codecs> {
        let lines = self.lines.iter().filter(|l| l.kind == Kind::Video && wanted(l.usage));
        lines.map(Line::codec_set).reduce(Codecs::intersect)
    }

    /// Mids of the slots, in order.
    pub fn slot_mids(&self) -> impl Iterator<Item = &Mid> {
        self.slots.iter().map(|slot| &slot.mid)
    }

    /// Sources it sends, in order.
    pub fn sources(&self) -> impl Iterator<Item = Source> {
        self.tracks.iter().map(|track| track.source)
    }

    /// Whether `later` is this offer with new ICE credentials and nothing else changed.
    ///
    /// # Errors
    /// What changed that must not.
    pub fn check_restart(&self, later: &Offer) -> Result<(), Problem> {
        let shape = |offer: &Offer| -> Vec<(Mid, Use)> {
            offer.lines.iter().map(|line| (line.mid.clone(), line.usage)).collect()
        };
        if shape(self) != shape(later) {
            let what = "m-lines or their directions changed";
            return Err(Problem::new(
                "a=mid",
                what,
                "offer the same m-lines, or call `offer` anew",
            ));
        }
        if self.fingerprint != later.fingerprint {
            let what = "the certificate changed";
            return Err(Problem::new("a=fingerprint", what, "use the same RTCPeerConnection"));
        }
        if self.ice.ufrag == later.ice.ufrag || self.ice.pwd == later.ice.pwd {
            let what = "the ICE credentials are the old ones";
            return Err(Problem::new(
                "a=ice-ufrag",
                what,
                "call restartIce() before createOffer()",
            ));
        }
        Ok(())
    }

    fn add_line(
        &mut self,
        session: &Section,
        section: &Section,
        bundle: &[String],
        purpose: Purpose,
    ) -> Result<(), Problem> {
        let mid = self.mid(section)?;
        let kind = if section.media == "video" { Kind::Video } else { Kind::Audio };
        let usage = self.usage(session, section, kind, purpose)?;
        let mut line = Line {
            mid: mid.clone(),
            media: section.media.clone(),
            protocol: section.protocol.clone(),
            format: section.formats.first().cloned().unwrap_or_default(),
            kind,
            usage,
            codecs: Vec::new(),
            extensions: Vec::new(),
            reduced_size: section.has(|a| matches!(a, SdpAttribute::RtcpRsize)),
        };
        if usage != Use::Rejected {
            check_bundled(section, &mid, bundle)?;
            line.codecs = codec::take(section, kind, &mut self.payloads)?;
            self.take_extensions(session, section, &mut line);
        }
        match usage {
            Use::Source(source) => {
                let ssrcs = ssrcs(section);
                self.check_ssrcs(section, &ssrcs)?;
                self.tracks.push(OfferedTrack { mid, source, ssrcs });
            }
            Use::Slot => self.slots.push(OfferedSlot { mid, kind, rtx: line.repairs() }),
            Use::Idle | Use::Rejected => {}
        }
        self.lines.push(line);
        Ok(())
    }

    fn mid(&self, section: &Section) -> Result<Mid, Problem> {
        let mid = section.find(|attribute| match attribute {
            SdpAttribute::Mid(mid) => Some(mid.as_str()),
            _ => None,
        });
        let Some(mid) = mid else {
            return Err(section.problem(
                "a=mid",
                "there is no mid",
                "add a=mid:<name> (RFC 9143 §7.1)",
            ));
        };
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`{|}~".contains(c);
        if mid.is_empty() || mid.len() > 16 || !mid.chars().all(token) {
            return Err(section.problem(
                "a=mid",
                "the mid is no token of 1 to 16 bytes",
                "shorten it",
            ));
        }
        if self.lines.iter().any(|line| &*line.mid == mid) {
            let what = format!("the mid \"{mid}\" stands twice");
            return Err(section.problem("a=mid", what, "give each m-line its own"));
        }
        Ok(Arc::from(mid))
    }

    fn usage(
        &self,
        session: &Section,
        section: &Section,
        kind: Kind,
        purpose: Purpose,
    ) -> Result<Use, Problem> {
        if !is_media(section) {
            return Ok(Use::Rejected);
        }
        let sends = match (direction(session, section), purpose) {
            ((false, false), _) => return Ok(Use::Idle),
            ((sends, _), Purpose::Page) => sends,
            ((true, _), Purpose::Whip) => true,
            ((_, true), Purpose::Whep) => false,
            ((false, true), Purpose::Whip) => {
                let mend = "offer sendonly; to receive, use WHEP";
                return Err(section.problem("a=recvonly", "WHIP only publishes", mend));
            }
            ((true, false), Purpose::Whep) => {
                let mend = "offer recvonly; to publish, use WHIP";
                return Err(section.problem("a=sendonly", "WHEP only plays", mend));
            }
        };
        if !sends {
            return Ok(Use::Slot);
        }
        let order: &[Source] = match kind {
            Kind::Audio => &[Source::Microphone, Source::ScreenAudio],
            Kind::Video => &[Source::Camera, Source::Screen, Source::Canvas],
        };
        let earlier = self
            .lines
            .iter()
            .filter(|line| line.kind == kind && matches!(line.usage, Use::Source(_)));
        let source = order.get(earlier.count()).copied().ok_or_else(|| {
            let what = format!("more than {} {} sources", order.len(), section.media);
            section.problem("a=sendonly", what, "offer fewer m-lines that send")
        })?;
        Ok(Use::Source(source))
    }

    /// An SSRC names one stream of the peer (THREATS.md P2.11).
    fn check_ssrcs(
        &self,
        section: &Section,
        ssrcs: &[(Ssrc, Option<Ssrc>)],
    ) -> Result<(), Problem> {
        let flat = |pairs: &[(Ssrc, Option<Ssrc>)]| -> Vec<Ssrc> {
            pairs.iter().flat_map(|(media, rtx)| [Some(*media), *rtx]).flatten().collect()
        };
        let own = flat(ssrcs);
        let twice = own.iter().enumerate().find(|(at, ssrc)| {
            let earlier = own.iter().take(*at);
            let before = self.tracks.iter().flat_map(|track| flat(&track.ssrcs));
            earlier.copied().chain(before).any(|other| other == **ssrc)
        });
        match twice {
            Some((_, ssrc)) => {
                let what = format!("the SSRC {} stands for two streams", ssrc.0);
                Err(section.problem("a=ssrc", what, "give each its own (RFC 5576 §4.1)"))
            }
            None => Ok(()),
        }
    }

    fn take_extensions(&mut self, session: &Section, section: &Section, line: &mut Line) {
        let wanted: &[Extension] = match line.kind {
            Kind::Audio => &[Extension::Mid, Extension::AudioLevel],
            Kind::Video => {
                &[Extension::Mid, Extension::VideoOrientation, Extension::DependencyDescriptor]
            }
        };
        for attribute in session.attributes.iter().chain(&section.attributes) {
            let SdpAttribute::Extmap(map) = attribute else { continue };
            let Some(extension) = wanted.iter().find(|wanted| wanted.uri() == map.url) else {
                continue;
            };
            let highest = if self.allow_mixed { 255 } else { 14 };
            let Ok(id @ 1..) = u8::try_from(map.id) else { continue };
            let client_sends = matches!(line.usage, Use::Source(_));
            let suffix = match (&map.direction, client_sends) {
                (None | Some(SdpAttributeDirection::Sendrecv), _) => "",
                (Some(SdpAttributeDirection::Sendonly), true) => "/recvonly",
                (Some(SdpAttributeDirection::Recvonly), false) => "/sendonly",
                _ => continue, // it would flow where no media does
            };
            let known = self.extensions.id(*extension).is_none_or(|earlier| earlier == id)
                && self.extensions.extension(id).is_none_or(|earlier| earlier == *extension);
            if id > highest || id == 15 || !known {
                continue;
            }
            self.extensions.set(*extension, id);
            line.extensions.push((*extension, id, suffix));
        }
    }
}

impl Line {
    /// The codecs it takes.
    pub(super) fn codec_set(&self) -> Codecs {
        self.codecs.iter().fold(Codecs::default(), |set, codec| set.with(codec.map.codec))
    }

    fn repairs(&self) -> bool {
        self.codecs.iter().any(|codec| codec.nack && codec.map.rtx.is_some())
    }
}

/// RTP over DTLS that the client has not itself rejected (port 0 without `bundle-only`).
fn is_media(section: &Section) -> bool {
    let media = matches!(section.media.as_str(), "audio" | "video");
    let secure =
        matches!(section.protocol.as_str(), "UDP/TLS/RTP/SAVPF" | "UDP/TLS/RTP/SAVP" | "RTP/SAVPF");
    let live = section.port != 0 || section.has(|a| matches!(a, SdpAttribute::BundleOnly));
    media && secure && live
}

fn check_bundled(section: &Section, mid: &Mid, bundle: &[String]) -> Result<(), Problem> {
    if !bundle.iter().any(|tag| **tag == **mid) {
        let what = format!("the mid \"{mid}\" is not in the BUNDLE group");
        return Err(section.problem("a=group", what, "add it to a=group:BUNDLE"));
    }
    if !section.has(|a| matches!(a, SdpAttribute::RtcpMux | SdpAttribute::RtcpMuxOnly)) {
        let mend = "add a=rtcp-mux; the relay has one port for RTP and RTCP (RFC 5761)";
        return Err(section.problem("a=rtcp-mux", "RTP and RTCP are not multiplexed", mend));
    }
    Ok(())
}

fn allows_mixed(session: &Section, sections: &[Section]) -> bool {
    let mixed = |section: &Section| section.has(|a| matches!(a, SdpAttribute::ExtmapAllowMixed));
    mixed(session) || sections.iter().filter(|section| is_media(section)).all(mixed)
}

/// Whether the client sends and receives on the m-line; `sendrecv` unless something else is said
/// (RFC 8866 §6.7).
fn direction(session: &Section, section: &Section) -> (bool, bool) {
    let find = |section: &Section| {
        section.find(|attribute| match attribute {
            SdpAttribute::Sendrecv => Some((true, true)),
            SdpAttribute::Sendonly => Some((true, false)),
            SdpAttribute::Recvonly => Some((false, true)),
            SdpAttribute::Inactive => Some((false, false)),
            _ => None,
        })
    };
    find(section).or_else(|| find(session)).unwrap_or((true, true))
}

/// Announced SSRCs with those of their retransmissions (RFC 5576 §4.1, §4.2 `FID`). At most eight
/// streams: more than an m-line has layers is no honest offer.
fn ssrcs(section: &Section) -> Vec<(Ssrc, Option<Ssrc>)> {
    let mut pairs: Vec<(Ssrc, Option<Ssrc>)> = Vec::new();
    for attribute in &section.attributes {
        let SdpAttribute::SsrcGroup(SdpSsrcGroupSemantic::FlowIdentification, group) = attribute
        else {
            continue;
        };
        if let [media, repair] = group.as_slice() {
            pairs.push((Ssrc(media.id), Some(Ssrc(repair.id))));
        }
    }
    for attribute in &section.attributes {
        let SdpAttribute::Ssrc(ssrc) = attribute else { continue };
        let ssrc = Ssrc(ssrc.id);
        if pairs.len() < 8 && !pairs.iter().any(|(media, rtx)| *media == ssrc || *rtx == Some(ssrc))
        {
            pairs.push((ssrc, None));
        }
    }
    pairs.truncate(8);
    pairs
}
