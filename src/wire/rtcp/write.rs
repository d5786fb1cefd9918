//! Writers of RTCP packets into the caller's memory, through the builders of `rtcp-types`.
//!
//! Each writes one packet (SR: with its SDES) at the start of `out` and returns its length, or
//! `None` if it does not fit; a compound is written piece by piece into the rest. It must begin
//! with SR or RR and contain a CNAME (RFC 3550 §6.1), unless reduced size was negotiated (RFC 5506
//! §4). The builders allocate; a few packets a second (DESIGN.md §3).

use rtcp_types::prelude::{FciBuilder, RtcpPacketWriter, RtcpPacketWriterExt};
use rtcp_types::{
    Bye, FciFeedbackPacketType, Fir, Nack, PayloadFeedback, Pli, ReceiverReport, RtcpWriteError,
    Sdes, SdesChunk, SdesItem, SenderReport, TransportFeedback, Twcc, TwccPacketStatus,
};

use super::ReportBlock;
use crate::wire::number::{Seq, Ssrc, Timestamp};

/// Receiver report, RFC 3550 §6.4.2, of at most 31 blocks. Without blocks it is the empty one that
/// begins a compound.
pub fn write_receiver_report(
    out: &mut [u8],
    sender: Ssrc,
    blocks: &[ReportBlock],
) -> Option<usize> {
    let builder = ReceiverReport::builder(sender.0);
    let report = blocks.iter().fold(builder, |report, block| {
        report.add_report_block(
            rtcp_types::ReportBlock::builder(block.ssrc.0)
                .fraction_lost(block.fraction_lost)
                // Two's complement in 24 bits; what does not fit is clamped (appendix A.3).
                .cumulative_lost(
                    block.cumulative_lost.clamp(-0x80_0000, 0x7F_FFFF).cast_unsigned() & 0xFF_FFFF,
                )
                .extended_sequence_number(block.highest)
                .interarrival_jitter(block.jitter)
                .last_sender_report_timestamp(block.last_sr)
                .delay_since_last_sender_report_timestamp(block.delay),
        )
    });
    report.write_into(out).ok()
}

/// Sender report without blocks, RFC 3550 §6.4.1, and the source description with `cname`, §6.5.1.
pub fn write_sender_report(
    out: &mut [u8],
    ssrc: Ssrc,
    ntp: u64,
    rtp: Timestamp,
    packets: u32,
    octets: u32,
    cname: &str,
) -> Option<usize> {
    let report = SenderReport::builder(ssrc.0)
        .ntp_timestamp(ntp)
        .rtp_timestamp(rtp.0)
        .packet_count(packets)
        .octet_count(octets);
    let len = report.write_into(out).ok()?;
    let described = write_sdes(out.get_mut(len..)?, ssrc, cname)?;
    Some(len + described)
}

/// Source description with a CNAME of at most 255 bytes, RFC 3550 §6.5.1.
pub fn write_sdes(out: &mut [u8], ssrc: Ssrc, cname: &str) -> Option<usize> {
    let item = SdesItem::builder(SdesItem::CNAME, cname);
    let chunk = SdesChunk::builder(ssrc.0).add_item(item);
    Sdes::builder().add_chunk(chunk).write_into(out).ok()
}

/// Goodbye of at most 31 sources, RFC 3550 §6.6.
pub fn write_bye(out: &mut [u8], ssrcs: &[Ssrc]) -> Option<usize> {
    let bye = ssrcs.iter().fold(Bye::builder(), |bye, ssrc| bye.add_source(ssrc.0));
    bye.write_into(out).ok()
}

/// Generic NACK, RFC 4585 §6.2.1. `None` if there is nothing to ask for.
pub fn write_nack(out: &mut [u8], sender: Ssrc, media: Ssrc, seqs: &[Seq]) -> Option<usize> {
    if seqs.is_empty() {
        return None;
    }
    let nack = seqs.iter().fold(Nack::builder(), |nack, seq| nack.add_rtp_sequence(seq.0));
    transport_feedback(out, sender, media, &nack)
}

/// Picture loss indication, RFC 4585 §6.3.1.
pub fn write_pli(out: &mut [u8], sender: Ssrc, media: Ssrc) -> Option<usize> {
    payload_feedback(out, sender, media, &Pli::builder())
}

/// Full intra request, RFC 5104 §4.3.1: `number` grows by one a new request, and stays when it is
/// only repeated. The media SSRC of the header is 0 (§4.3.1.2).
pub fn write_fir(out: &mut [u8], sender: Ssrc, media: Ssrc, number: u8) -> Option<usize> {
    payload_feedback(out, sender, Ssrc(0), &Fir::builder().add_ssrc(media.0, number))
}

/// Receiver estimated maximum bitrate, draft-alvestrand-rmcat-remb-03 §2.2, for at most 255
/// streams. The mantissa has 18 bits: `bps` is rounded down to it.
pub fn write_remb(out: &mut [u8], sender: Ssrc, bps: u64, ssrcs: &[Ssrc]) -> Option<usize> {
    payload_feedback(out, sender, Ssrc(0), &RembBuilder { bps, ssrcs })
}

/// What became of one packet of a transport, draft-holmer-rmcat-transport-wide-cc-extensions-01
/// §3.1.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PacketStatus {
    /// It did not arrive.
    Lost,
    /// It arrived so many units of 250 µs after the one received before it.
    Received(i16),
}

/// Transport-wide feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1, from number
/// `base` on; `reference_time` in units of 64 ms, of which 24 bits are sent. Returns its length and
/// how many of `statuses` it holds: what has no room is for another packet.
pub fn write_transport_cc(
    out: &mut [u8],
    sender: Ssrc,
    media: Ssrc,
    base: u16,
    reference_time: i32,
    feedback_count: u8,
    statuses: &[PacketStatus],
) -> Option<(usize, usize)> {
    let statuses: Vec<_> = statuses
        .iter()
        .map(|status| match *status {
            PacketStatus::Lost => TwccPacketStatus::NotReceived,
            PacketStatus::Received(delta) => TwccPacketStatus::Received { delta },
        })
        .collect();
    let room = out.len().checked_sub(12)?; // header and two SSRCs, RFC 4585 §6.1
    let reference_time = reference_time.cast_unsigned() & 0xFF_FFFF;
    let fci = Twcc::builder(base, reference_time, feedback_count, &statuses, Some(room));
    let written = fci.packet_status_count();
    if written == 0 {
        return None;
    }
    // The builder leaves its padding as it finds it.
    out.get_mut(12..12 + fci.calculate_size().ok()?)?.fill(0);
    let len = transport_feedback(out, sender, media, &fci)?;
    Some((len, written))
}

fn transport_feedback<'a>(
    out: &mut [u8],
    sender: Ssrc,
    media: Ssrc,
    fci: &'a dyn FciBuilder<'a>,
) -> Option<usize> {
    let builder = TransportFeedback::builder(fci).sender_ssrc(sender.0).media_ssrc(media.0);
    builder.write_into(out).ok()
}

fn payload_feedback<'a>(
    out: &mut [u8],
    sender: Ssrc,
    media: Ssrc,
    fci: &'a dyn FciBuilder<'a>,
) -> Option<usize> {
    let builder = PayloadFeedback::builder(fci).sender_ssrc(sender.0).media_ssrc(media.0);
    builder.write_into(out).ok()
}

/// REMB as feedback control information.
#[derive(Debug)]
struct RembBuilder<'a> {
    bps: u64,
    ssrcs: &'a [Ssrc],
}

impl RtcpPacketWriter for RembBuilder<'_> {
    fn calculate_size(&self) -> Result<usize, RtcpWriteError> {
        let max = u8::MAX;
        match self.ssrcs.len() {
            count @ 0..=255 => Ok(8 + 4 * count),
            count => Err(RtcpWriteError::TooManySources { count, max }),
        }
    }

    fn write_into_unchecked(&self, buf: &mut [u8]) -> usize {
        let Some((head, rest)) = buf.split_first_chunk_mut::<8>() else {
            return 0;
        };
        let exponent = (u64::BITS - self.bps.leading_zeros()).saturating_sub(18); // 0..=46
        let [.., m0, m1, m2] = (self.bps >> exponent).to_be_bytes();
        let count = self.ssrcs.len() as u8; // `calculate_size` refuses more
        *head = [b'R', b'E', b'M', b'B', count, (exponent as u8) << 2 | m0, m1, m2];
        for (place, ssrc) in rest.chunks_exact_mut(4).zip(self.ssrcs) {
            place.copy_from_slice(&ssrc.0.to_be_bytes());
        }
        8 + 4 * self.ssrcs.len()
    }

    fn get_padding(&self) -> Option<u8> {
        None
    }
}

impl<'a> FciBuilder<'a> for RembBuilder<'a> {
    fn format(&self) -> u8 {
        15
    }

    fn supports_feedback_type(&self) -> FciFeedbackPacketType {
        FciFeedbackPacketType::PAYLOAD
    }
}
