//! RTCP: a walk over a compound, one view a packet.
//!
//! Wire format: RFC 3550 §6 (SR, RR, SDES, BYE), RFC 4585 §6 (NACK, PLI), RFC 5104 §4.3.1 (FIR),
//! draft-alvestrand-rmcat-remb-03 §2 (REMB), draft-holmer-rmcat-transport-wide-cc-extensions-01
//! §3.1 (transport-wide feedback). Reduced-size packets (RFC 5506) are accepted too.
//!
//! Packets are read through the crate `rtcp-types`, three things excepted, which it would get
//! wrong: the walk itself (its compound ends at the first packet it can not read, and what follows
//! would be lost), padding (it would be read as entries of a NACK or FIR, or as report blocks), and
//! SDES (a second chunk whose SSRC begins with a zero byte is taken for padding). Never panics,
//! whatever the bytes (`fuzz_targets/rtcp.rs`).

mod feedback;
mod report;
mod write;

pub use feedback::{FirTargets, NackSeqs, RembParser, TransportCc};
pub use report::{ReportBlock, ReportBlocks, Sdes, SdesItem, Ssrcs};
pub use write::{
    PacketStatus, write_bye, write_fir, write_nack, write_pli, write_receiver_report, write_remb,
    write_sdes, write_sender_report, write_transport_cc,
};

use rtcp_types::prelude::{FciParser, RtcpPacketParser};
use rtcp_types::{Fir, Nack, PayloadFeedback, Pli, TransportFeedback, Twcc};

use super::ParseError;
use super::number::{Ssrc, Timestamp};

/// One packet of a compound, RFC 3550 §6.1.
#[derive(Debug)]
pub enum Packet<'a> {
    /// Sender report, RFC 3550 §6.4.1.
    SenderReport {
        /// Whose stream it describes.
        ssrc: Ssrc,
        /// NTP timestamp, 32.32 fixed point seconds (RFC 3550 §4).
        ntp: u64,
        /// The media time of the same instant.
        rtp: Timestamp,
        /// Packets sent.
        packets: u32,
        /// Payload octets sent, without header and padding.
        octets: u32,
        /// What its sender received.
        blocks: ReportBlocks<'a>,
    },
    /// Receiver report, RFC 3550 §6.4.2.
    ReceiverReport {
        /// Who reports.
        ssrc: Ssrc,
        /// What it received.
        blocks: ReportBlocks<'a>,
    },
    /// Source description, RFC 3550 §6.5.
    Sdes(Sdes<'a>),
    /// Goodbye, RFC 3550 §6.6: these sources are no longer active.
    Bye {
        /// Which.
        ssrcs: Ssrcs<'a>,
    },
    /// Generic NACK, RFC 4585 §6.2.1.
    Nack {
        /// Who asks.
        sender: Ssrc,
        /// Of which stream.
        media: Ssrc,
        /// For which packets.
        seqs: NackSeqs<'a>,
    },
    /// Picture loss indication, RFC 4585 §6.3.1.
    Pli {
        /// Who asks.
        sender: Ssrc,
        /// Of which stream.
        media: Ssrc,
    },
    /// Full intra request, RFC 5104 §4.3.1.
    Fir {
        /// Who asks.
        sender: Ssrc,
        /// Of which streams; the media SSRC of the header is not used (§4.3.1.2).
        targets: FirTargets<'a>,
    },
    /// Receiver estimated maximum bitrate, draft-alvestrand-rmcat-remb-03 §2.2.
    Remb {
        /// Who estimates.
        sender: Ssrc,
        /// Bits a second.
        bps: u64,
        /// For which streams together.
        ssrcs: Ssrcs<'a>,
    },
    /// Transport-wide congestion control feedback.
    TransportCc {
        /// Who reports.
        sender: Ssrc,
        /// Any stream of the transport.
        media: Ssrc,
        /// What arrived when.
        feedback: TransportCc<'a>,
    },
    /// Something that has a valid header, and that the relay has no use for or can not read.
    Other {
        /// Its packet type (RFC 3550 §12.1).
        packet_type: u8,
    },
}

/// Checks the headers of a compound (RFC 3550 §6.1, appendix A.2) and returns its packets. That it
/// begins with a report is not asked: RFC 5506 lets it not.
///
/// # Errors
/// `Version` unless each packet's is 2; `Truncated` if the lengths do not add up or nothing is
/// there; `Padding` if a packet before the last is padded, or the last by an impossible length.
pub fn parse(bytes: &[u8]) -> Result<Packets<'_>, ParseError> {
    let mut rest = bytes;
    loop {
        let (packet, after) = split_packet(rest)?;
        if after.is_empty() {
            unpadded(packet)?;
            return Ok(Packets { rest: bytes });
        }
        if is_padded(packet) {
            return Err(ParseError::Padding);
        }
        rest = after;
    }
}

/// Iterator over the packets of a checked compound, RFC 3550 §6.1.
#[derive(Clone, Copy, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Packet<'a>;

    fn next(&mut self) -> Option<Packet<'a>> {
        let (packet, after) = split_packet(self.rest).ok()?;
        self.rest = after;
        let packet_type = *packet.get(1)?;
        let body = unpadded(packet).ok()?;
        Some(read(packet, body, packet_type).unwrap_or(Packet::Other { packet_type }))
    }
}

/// The first packet and what follows it, RFC 3550 §6.4.1 (version, length in words minus one).
fn split_packet(bytes: &[u8]) -> Result<(&[u8], &[u8]), ParseError> {
    let [first, _, high, low] = *bytes.first_chunk::<4>().ok_or(ParseError::Truncated)?;
    if first >> 6 != 2 {
        return Err(ParseError::Version);
    }
    let len = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
    bytes.split_at_checked(len).ok_or(ParseError::Truncated)
}

/// P bit, RFC 3550 §6.4.1.
fn is_padded(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first & 0x20 != 0)
}

/// What of the packet is not padding. Padding is a multiple of four bytes and counts itself
/// (RFC 3550 §6.4.1).
fn unpadded(packet: &[u8]) -> Result<&[u8], ParseError> {
    if !is_padded(packet) {
        return Ok(packet);
    }
    let padding = packet.last().map_or(0, |last| usize::from(*last));
    let end = packet.len().checked_sub(padding).ok_or(ParseError::Padding)?;
    if padding == 0 || !padding.is_multiple_of(4) || end < 4 {
        return Err(ParseError::Padding);
    }
    packet.get(..end).ok_or(ParseError::Padding)
}

/// RC, SC or FMT: the low five bits of the first byte.
fn count(packet: &[u8]) -> usize {
    packet.first().map_or(0, |first| usize::from(first & 0x1F))
}

/// `packet` as what its type says; `body` is the same without padding.
fn read<'a>(packet: &'a [u8], body: &'a [u8], packet_type: u8) -> Option<Packet<'a>> {
    match packet_type {
        packet_type_id::SR => {
            let report = rtcp_types::SenderReport::parse(packet).ok()?;
            Some(Packet::SenderReport {
                ssrc: Ssrc(report.ssrc()),
                ntp: report.ntp_timestamp(),
                rtp: Timestamp(report.rtp_timestamp()),
                packets: report.packet_count(),
                octets: report.octet_count(),
                blocks: ReportBlocks::new(body.get(28..)?, count(packet))?,
            })
        }
        packet_type_id::RR => {
            let report = rtcp_types::ReceiverReport::parse(packet).ok()?;
            let blocks = ReportBlocks::new(body.get(8..)?, count(packet))?;
            Some(Packet::ReceiverReport { ssrc: Ssrc(report.ssrc()), blocks })
        }
        packet_type_id::SDES => Some(Packet::Sdes(Sdes::new(body.get(4..)?, count(packet)))),
        packet_type_id::BYE => {
            let ssrcs = body.get(4..)?.get(..4 * count(packet))?;
            Some(Packet::Bye { ssrcs: Ssrcs::new(ssrcs) })
        }
        packet_type_id::RTPFB => read_transport_feedback(packet, body.get(12..)?),
        packet_type_id::PSFB => read_payload_feedback(packet, body.get(12..)?),
        _ => None,
    }
}

/// RFC 4585 §6.2. `fci`: feedback control information without padding.
fn read_transport_feedback<'a>(packet: &'a [u8], fci: &'a [u8]) -> Option<Packet<'a>> {
    let view = TransportFeedback::parse(packet).ok()?;
    let (sender, media) = (Ssrc(view.sender_ssrc()), Ssrc(view.media_ssrc()));
    match u8::try_from(count(packet)).ok()? {
        Nack::FCI_FORMAT => Some(Packet::Nack { sender, media, seqs: NackSeqs::new(fci) }),
        Twcc::FCI_FORMAT => {
            let feedback = TransportCc::new(Twcc::parse(fci).ok()?);
            Some(Packet::TransportCc { sender, media, feedback })
        }
        _ => None,
    }
}

/// RFC 4585 §6.3, RFC 5104 §4.3. `fci`: feedback control information without padding.
fn read_payload_feedback<'a>(packet: &'a [u8], fci: &'a [u8]) -> Option<Packet<'a>> {
    let view = PayloadFeedback::parse(packet).ok()?;
    let (sender, media) = (Ssrc(view.sender_ssrc()), Ssrc(view.media_ssrc()));
    match u8::try_from(count(packet)).ok()? {
        Pli::FCI_FORMAT => Some(Packet::Pli { sender, media }),
        Fir::FCI_FORMAT => Some(Packet::Fir { sender, targets: FirTargets::new(fci) }),
        RembParser::FCI_FORMAT => {
            let remb = RembParser::parse(fci).ok()?;
            Some(Packet::Remb { sender, bps: remb.bps(), ssrcs: remb.ssrcs() })
        }
        _ => None,
    }
}

/// Packet types, RFC 3550 §12.1 and RFC 4585 §6.1, as `rtcp-types` numbers them.
mod packet_type_id {
    use rtcp_types::prelude::RtcpPacket;

    pub const SR: u8 = rtcp_types::SenderReport::PACKET_TYPE;
    pub const RR: u8 = rtcp_types::ReceiverReport::PACKET_TYPE;
    pub const SDES: u8 = rtcp_types::Sdes::PACKET_TYPE;
    pub const BYE: u8 = rtcp_types::Bye::PACKET_TYPE;
    pub const RTPFB: u8 = rtcp_types::TransportFeedback::PACKET_TYPE;
    pub const PSFB: u8 = rtcp_types::PayloadFeedback::PACKET_TYPE;
}

#[cfg(test)]
mod tests;
