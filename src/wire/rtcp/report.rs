//! Report blocks, lists of SSRCs and source descriptions: the parts of reports. RFC 3550 §6.4-6.6.

use crate::wire::number::Ssrc;

/// What a receiver says of one stream, RFC 3550 §6.4.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportBlock {
    /// Whose stream.
    pub ssrc: Ssrc,
    /// Share of packets lost since the last report, of 256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning, 24 bits; negative when duplicates outnumber losses.
    pub cumulative_lost: i32,
    /// Extended highest sequence number received: cycles, then number.
    pub highest: u32,
    /// Interarrival jitter in timestamp units.
    pub jitter: u32,
    /// Middle 32 bits of the NTP timestamp of the last sender report; 0: none yet.
    pub last_sr: u32,
    /// Since its arrival, in 1/65,536 s; 0: none yet.
    pub delay: u32,
}

/// Length of a report block, RFC 3550 §6.4.1.
const BLOCK_LEN: usize = rtcp_types::ReportBlock::EXPECTED_SIZE;

/// Iterator over report blocks, RFC 3550 §6.4.1.
#[derive(Clone, Copy, Debug)]
pub struct ReportBlocks<'a> {
    rest: &'a [u8],
}

impl<'a> ReportBlocks<'a> {
    /// The first `count` blocks of `bytes`; `None` if there are fewer.
    pub(super) fn new(bytes: &'a [u8], count: usize) -> Option<Self> {
        bytes.get(..BLOCK_LEN * count).map(|rest| Self { rest })
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.rest.split_at_checked(BLOCK_LEN)?;
        self.rest = rest;
        let block = rtcp_types::ReportBlock::parse(block).ok()?;
        Some(ReportBlock {
            ssrc: Ssrc(block.ssrc()),
            fraction_lost: block.fraction_lost(),
            // The sign is bit 23: up, and back down with it.
            cumulative_lost: (block.cumulative_lost() << 8).cast_signed() >> 8,
            highest: block.extended_sequence_number(),
            jitter: block.interarrival_jitter(),
            last_sr: block.last_sender_report_timestamp(),
            delay: block.delay_since_last_sender_report_timestamp(),
        })
    }
}

/// Iterator over SSRCs standing one behind the other (RFC 3550 §6.6, draft-alvestrand-rmcat-remb-03
/// §2.2).
#[derive(Clone, Copy, Debug)]
pub struct Ssrcs<'a> {
    rest: &'a [u8],
}

impl<'a> Ssrcs<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }
}

impl Iterator for Ssrcs<'_> {
    type Item = Ssrc;

    fn next(&mut self) -> Option<Ssrc> {
        let (ssrc, rest) = self.rest.split_first_chunk::<4>()?;
        self.rest = rest;
        Some(Ssrc(u32::from_be_bytes(*ssrc)))
    }
}

/// One item of a source description, RFC 3550 §6.5.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SdesItem<'a> {
    /// Of which source.
    pub ssrc: Ssrc,
    /// Item type, RFC 3550 §12.2; 1: CNAME.
    pub kind: u8,
    /// Its text, not checked to be UTF-8.
    pub text: &'a [u8],
}

/// Iterator over the items of a source description, RFC 3550 §6.5. Ends at the first that does not
/// fit.
#[derive(Clone, Copy, Debug)]
pub struct Sdes<'a> {
    rest: &'a [u8],
    chunks_left: usize,
    chunk: Option<Ssrc>,
}

impl<'a> Sdes<'a> {
    /// CNAME, RFC 3550 §6.5.1.
    pub const CNAME: u8 = rtcp_types::SdesItem::CNAME;

    /// `body`: the chunks; each begins on a 32-bit boundary of it.
    pub(super) fn new(body: &'a [u8], chunks: usize) -> Self {
        Self { rest: body, chunks_left: chunks, chunk: None }
    }

    fn item(&mut self) -> Option<SdesItem<'a>> {
        loop {
            let Some(ssrc) = self.chunk else {
                self.chunks_left = self.chunks_left.checked_sub(1)?;
                let (ssrc, rest) = self.rest.split_first_chunk::<4>()?;
                self.rest = rest;
                self.chunk = Some(Ssrc(u32::from_be_bytes(*ssrc)));
                continue;
            };
            if self.rest.first() == Some(&0) {
                // One to four zero bytes, up to the next 32-bit boundary, end the list (§6.5). The
                // body is whole words, so what is left tells where we are in one.
                let end = match self.rest.len() % 4 {
                    0 => 4,
                    odd => odd,
                };
                self.rest = self.rest.get(end..)?;
                self.chunk = None;
                continue;
            }
            let ([kind, len], rest) = self.rest.split_first_chunk::<2>()?;
            let (text, rest) = rest.split_at_checked(usize::from(*len))?;
            self.rest = rest;
            return Some(SdesItem { ssrc, kind: *kind, text });
        }
    }
}

impl<'a> Iterator for Sdes<'a> {
    type Item = SdesItem<'a>;

    fn next(&mut self) -> Option<SdesItem<'a>> {
        let item = self.item();
        if item.is_none() {
            (self.rest, self.chunks_left, self.chunk) = (&[], 0, None);
        }
        item
    }
}
