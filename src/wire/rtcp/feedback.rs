//! Feedback control information: NACK, FIR, REMB, transport-wide feedback. RFC 4585 §6, RFC 5104
//! §4.3.1.

use rtcp_types::prelude::FciParser;
use rtcp_types::{FciFeedbackPacketType, RtcpParseError, Twcc, TwccPacketStatus};

use super::Ssrcs;
use crate::wire::number::{Seq, Ssrc};

/// Iterator over the sequence numbers of a generic NACK, RFC 4585 §6.2.1: each entry is a number
/// (PID) and a mask of which of the 16 after it are missing too (BLP). As they stand: not sorted,
/// may repeat.
#[derive(Clone, Copy, Debug)]
pub struct NackSeqs<'a> {
    rest: &'a [u8],
    base: u16,
    /// Bit n: `base + n` is still to come.
    pending: u32,
}

impl<'a> NackSeqs<'a> {
    pub(super) fn new(fci: &'a [u8]) -> Self {
        Self { rest: fci, base: 0, pending: 0 }
    }
}

impl Iterator for NackSeqs<'_> {
    type Item = Seq;

    fn next(&mut self) -> Option<Seq> {
        if self.pending == 0 {
            let ([p0, p1, m0, m1], rest) = self.rest.split_first_chunk::<4>()?;
            self.rest = rest;
            self.base = u16::from_be_bytes([*p0, *p1]);
            self.pending = u32::from(u16::from_be_bytes([*m0, *m1])) << 1 | 1;
        }
        let step = self.pending.trailing_zeros();
        self.pending &= self.pending - 1; // clears the lowest bit; not 0 here
        Some(Seq(self.base.wrapping_add(step as u16))) // step: 0..=16
    }
}

/// Iterator over the entries of a full intra request: of which stream, and the request's number,
/// which repeats when the request does. RFC 5104 §4.3.1.1.
#[derive(Clone, Copy, Debug)]
pub struct FirTargets<'a> {
    rest: &'a [u8],
}

impl<'a> FirTargets<'a> {
    pub(super) fn new(fci: &'a [u8]) -> Self {
        Self { rest: fci }
    }
}

impl Iterator for FirTargets<'_> {
    type Item = (Ssrc, u8);

    fn next(&mut self) -> Option<(Ssrc, u8)> {
        let ([s0, s1, s2, s3, number, ..], rest) = self.rest.split_first_chunk::<8>()?;
        self.rest = rest;
        Some((Ssrc(u32::from_be_bytes([*s0, *s1, *s2, *s3])), *number))
    }
}

/// Receiver estimated maximum bitrate, draft-alvestrand-rmcat-remb-03 §2.2: application layer
/// feedback (RFC 4585 §6.4) that begins with `REMB`.
#[derive(Clone, Copy, Debug)]
pub struct RembParser<'a> {
    bps: u64,
    ssrcs: &'a [u8],
}

impl<'a> RembParser<'a> {
    /// Bits a second. An exponent that no number of 64 bits can hold gives the largest.
    pub fn bps(&self) -> u64 {
        self.bps
    }

    /// Which streams share it.
    pub fn ssrcs(&self) -> Ssrcs<'a> {
        Ssrcs::new(self.ssrcs)
    }
}

impl<'a> FciParser<'a> for RembParser<'a> {
    const PACKET_TYPE: FciFeedbackPacketType = FciFeedbackPacketType::PAYLOAD;
    const FCI_FORMAT: u8 = 15;

    fn parse(data: &'a [u8]) -> Result<Self, RtcpParseError> {
        let truncated = |expected| RtcpParseError::Truncated { expected, actual: data.len() };
        let (head, ssrcs) = data.split_first_chunk::<8>().ok_or_else(|| truncated(8))?;
        let [b'R', b'E', b'M', b'B', count, m0, m1, m2] = *head else {
            return Err(RtcpParseError::WrongImplementation);
        };
        let len = 4 * usize::from(count);
        let ssrcs = ssrcs.get(..len).ok_or_else(|| truncated(8 + len))?;
        let exponent = u32::from(m0 >> 2);
        let mantissa = u64::from(u32::from_be_bytes([0, m0 & 3, m1, m2]));
        let fits = mantissa.leading_zeros() >= exponent;
        let bps = if fits { mantissa << exponent } else { u64::MAX };
        Ok(Self { bps, ssrcs })
    }
}

/// Transport-wide congestion control feedback, draft-holmer-rmcat-transport-wide-cc-extensions-01
/// §3.1.
#[derive(Debug)]
pub struct TransportCc<'a>(Twcc<'a>);

impl<'a> TransportCc<'a> {
    pub(super) fn new(view: Twcc<'a>) -> Self {
        Self(view)
    }

    /// The first transport-wide number it speaks of.
    pub fn base(&self) -> u16 {
        self.0.base_sequence_number()
    }

    /// The time that deltas begin at, in units of 64 ms of a clock of the reporter's: 24 bits,
    /// signed.
    pub fn reference_time(&self) -> i32 {
        (self.0.reference_time() << 8).cast_signed() >> 8
    }

    /// Number of this feedback packet, 8 bits, wraps: tells which were lost.
    pub fn feedback_count(&self) -> u8 {
        self.0.feedback_packet_count()
    }

    /// Each transport-wide number from [`TransportCc::base`] on, and when it arrived: in units of
    /// 250 µs after the one received before it, the first after the reference time; `None`: not
    /// received. Ends where deltas are missing or a status is reserved. At most 65,535.
    pub fn packets(&self) -> impl Iterator<Item = (u16, Option<i16>)> + use<'a> {
        self.0.packets().map_while(Result::ok).map(|(number, status)| match status {
            TwccPacketStatus::NotReceived => (number, None),
            TwccPacketStatus::Received { delta } => (number, Some(delta)),
        })
    }
}
