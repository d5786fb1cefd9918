//! Writing an answer: only lines that we choose (RFC 8829 §5.3).
//!
//! ICE-lite (RFC 8839 §5.3), one transport for the BUNDLE group (RFC 9143 §7.3), DTLS passive (RFC
//! 8842 §5.3), one own msid for each slot (RFC 8830), so that browsers do not synchronise across
//! slots. Simulcast that was offered is left out: the client then sends one layer (RFC 8853
//! §5.3.2).

use std::fmt::Write;
use std::net::SocketAddr;

use ringfence::control::api::{AnsweredSlot, PeerAnswer};
use ringfence::wire::media::{Codec, Kind};

use super::fragment::write_candidates;
use super::offer::{Line, Offer, Use};
use crate::rooms::Caps;

impl Offer {
    /// The answer to this offer.
    ///
    /// `version` grows by one with each answer of a peer (RFC 8866 §5.2). `first` is the video
    /// codec put first where the client sends, if it offered it: a browser sends what stands first.
    /// `caps`: how many bits a second the client may send of what.
    pub fn answer(&self, peer: &PeerAnswer, version: u64, first: Codec, caps: &Caps) -> String {
        let mut out = String::with_capacity(1024 * (self.lines.len() + 1));
        self.write(&mut out, peer, version, first, caps).unwrap_or_default(); // takes everything
        out
    }

    fn write(
        &self,
        out: &mut String,
        peer: &PeerAnswer,
        version: u64,
        first: Codec,
        caps: &Caps,
    ) -> std::fmt::Result {
        // Session ids are 63 bits, and ours name the peer.
        let session = peer.peer.0 & (u64::MAX >> 1);
        write!(out, "v=0\r\no=- {session} {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")?;
        out.push_str("a=group:BUNDLE");
        for line in self.lines.iter().filter(|line| line.usage != Use::Rejected) {
            write!(out, " {}", line.mid)?;
        }
        out.push_str("\r\na=msid-semantic: WMS *\r\na=ice-lite\r\n");
        if self.allow_mixed {
            out.push_str("a=extmap-allow-mixed\r\n");
        }
        let mut slots = peer.slots.iter();
        let mut tagged = true; // the first accepted one has candidates (RFC 9143 §7.3.1)
        for line in &self.lines {
            if line.usage == Use::Rejected {
                let (media, protocol, format) = (&line.media, &line.protocol, &line.format);
                write!(out, "m={media} 0 {protocol} {format}\r\nc=IN IP4 0.0.0.0\r\n")?;
                write!(out, "a=mid:{}\r\na=inactive\r\n", line.mid)?;
                continue;
            }
            let slot = if line.usage == Use::Slot { slots.next() } else { None };
            write_line(out, line, peer, first, caps, tagged)?;
            if let Some(slot) = slot {
                write_slot(out, line, slot)?;
            }
            if tagged {
                write_candidates(out, &peer.candidates)?;
            }
            tagged = false;
        }
        Ok(())
    }
}

fn write_line(
    out: &mut String,
    line: &Line,
    peer: &PeerAnswer,
    first: Codec,
    caps: &Caps,
    tagged: bool,
) -> std::fmt::Result {
    let default = peer.candidates.first().filter(|_| tagged);
    let port = default.map_or(9, SocketAddr::port);
    write!(out, "m={} {port} {}", line.media, line.protocol)?;
    let mut codecs: Vec<_> = line.codecs.iter().collect();
    codecs.sort_by_key(|codec| codec.map.codec != first); // stable: only the first one moves
    for codec in &codecs {
        write!(out, " {}", codec.map.payload_type.0)?;
        if let Some(rtx) = codec.map.rtx.filter(|_| codec.nack) {
            write!(out, " {}", rtx.0)?;
        }
    }
    match default {
        Some(SocketAddr::V4(address)) => write!(out, "\r\nc=IN IP4 {}\r\n", address.ip())?,
        Some(SocketAddr::V6(address)) => write!(out, "\r\nc=IN IP6 {}\r\n", address.ip())?,
        None => out.push_str("\r\nc=IN IP4 0.0.0.0\r\n"),
    }
    if let Use::Source(source) = line.usage
        && let Some(bps) = caps.bps_max(source)
    {
        write!(out, "b=TIAS:{bps}\r\n")?; // RFC 3890 §6.2; the relay takes no more
    }
    let direction = match line.usage {
        Use::Source(_) => "recvonly",
        Use::Slot => "sendonly",
        Use::Idle | Use::Rejected => "inactive",
    };
    write!(out, "a=mid:{}\r\na={direction}\r\na=rtcp-mux\r\n", line.mid)?;
    if line.reduced_size {
        out.push_str("a=rtcp-rsize\r\n");
    }
    write!(out, "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", peer.ice.ufrag, peer.ice.pwd)?;
    write!(out, "a=fingerprint:{}\r\na=setup:passive\r\n", peer.fingerprint)?;
    for (extension, id, suffix) in &line.extensions {
        write!(out, "a=extmap:{id}{suffix} {}\r\n", extension.uri())?;
    }
    for codec in codecs {
        let payload_type = codec.map.payload_type.0;
        write!(out, "a=rtpmap:{payload_type} {}\r\n", codec.name())?;
        for (accepted, feedback) in
            [(codec.nack, "nack"), (codec.pli, "nack pli"), (codec.fir, "ccm fir")]
        {
            if accepted && line.kind == Kind::Video {
                write!(out, "a=rtcp-fb:{payload_type} {feedback}\r\n")?;
            }
        }
        if let Some(format) = &codec.format {
            write!(out, "a=fmtp:{payload_type} {format}\r\n")?;
        }
        if let Some(rtx) = codec.map.rtx.filter(|_| codec.nack) {
            write!(out, "a=rtpmap:{} rtx/90000\r\na=fmtp:{} apt={payload_type}\r\n", rtx.0, rtx.0)?;
        }
    }
    Ok(())
}

fn write_slot(out: &mut String, line: &Line, slot: &AnsweredSlot) -> std::fmt::Result {
    // Stream and track ids of their own for each slot (RFC 8830 §2).
    write!(out, "a=msid:slot-{} track-{}\r\n", line.mid, line.mid)?;
    if let Some(rtx) = slot.rtx_ssrc {
        write!(out, "a=ssrc-group:FID {} {}\r\n", slot.ssrc.0, rtx.0)?;
    }
    // The CNAME of the shard's sender reports is the slot's mid (RFC 3550 §6.5.1).
    write!(out, "a=ssrc:{} cname:{}\r\n", slot.ssrc.0, line.mid)?;
    if let Some(rtx) = slot.rtx_ssrc {
        write!(out, "a=ssrc:{} cname:{}\r\n", rtx.0, line.mid)?;
    }
    Ok(())
}
