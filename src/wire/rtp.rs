//! RTP fixed header and extension block, as views over received bytes, patches in place, and a
//! writer of fresh headers.
//!
//! Wire format: RFC 3550 §5.1 (header), §5.3.1 (extension), RFC 8285 §4.2-4.3 (elements).
//! Pure: no clock, no allocation. Returns an error, never panics, on any input
//! (`fuzz_targets/rtp.rs`).

use super::ParseError;
use super::extension::Elements;
use super::number::{PayloadType, Seq, Ssrc, Timestamp};

/// Length of the fixed header without CSRCs, RFC 3550 §5.1.
pub const FIXED_LEN: usize = 12;
/// Length of "defined by profile" and "length" of an extension block, RFC 3550 §5.3.1.
const BLOCK_HEADER_LEN: usize = 4;
/// "Defined by profile" of the one-byte form, RFC 8285 §4.2.
const ONE_BYTE: u16 = 0xBEDE;
/// "Defined by profile" of the two-byte form with appbits 0, RFC 8285 §4.3.
const TWO_BYTE: u16 = 0x1000;

/// A checked RTP packet, still borrowed (RFC 3550 §5.1). Invariant: `12 <= header_len <=
/// bytes.len()`.
#[derive(Clone, Copy, Debug)]
pub struct Rtp<'a> {
    bytes: &'a [u8],
    fixed: &'a [u8; FIXED_LEN],
    header_len: usize,
}

impl<'a> Rtp<'a> {
    /// Checks the header of `bytes`. Padding is not looked at: while the packet is encrypted, its
    /// length is not readable. See [`Rtp::payload`].
    ///
    /// # Errors
    /// `Version` unless the version is 2; `Truncated` if a length field points past the end.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let fixed = bytes.first_chunk::<FIXED_LEN>().ok_or(ParseError::Truncated)?;
        if fixed[0] >> 6 != 2 {
            return Err(ParseError::Version);
        }
        let mut header_len = FIXED_LEN + csrc_len(fixed);
        if fixed[0] & 0x10 != 0 {
            let block = bytes.get(header_len..).and_then(|rest| rest.first_chunk::<4>());
            let [_, _, high, low] = *block.ok_or(ParseError::Truncated)?;
            header_len += BLOCK_HEADER_LEN + 4 * usize::from(u16::from_be_bytes([high, low]));
        }
        if header_len > bytes.len() {
            return Err(ParseError::Truncated);
        }
        Ok(Self { bytes, fixed, header_len })
    }

    /// Whose packet it is, RFC 3550 §5.1.
    #[inline]
    pub fn ssrc(&self) -> Ssrc {
        let [.., a, b, c, d] = *self.fixed;
        Ssrc(u32::from_be_bytes([a, b, c, d]))
    }

    /// Sequence number, RFC 3550 §5.1.
    #[inline]
    pub fn seq(&self) -> Seq {
        Seq(u16::from_be_bytes([self.fixed[2], self.fixed[3]]))
    }

    /// Media timestamp, RFC 3550 §5.1.
    #[inline]
    pub fn timestamp(&self) -> Timestamp {
        let [_, _, _, _, a, b, c, d, ..] = *self.fixed;
        Timestamp(u32::from_be_bytes([a, b, c, d]))
    }

    /// Payload type, RFC 3550 §5.1.
    #[inline]
    pub fn payload_type(&self) -> PayloadType {
        PayloadType(self.fixed[1] & 0x7F)
    }

    /// M bit, RFC 3550 §5.1: for video the last packet of a frame, for audio the first of a
    /// talkspurt.
    #[inline]
    pub fn marker(&self) -> bool {
        self.fixed[1] & 0x80 != 0
    }

    /// P bit, RFC 3550 §5.1.
    #[inline]
    pub fn has_padding(&self) -> bool {
        self.fixed[0] & 0x20 != 0
    }

    /// Length of fixed header, CSRCs and extension block: what SRTP leaves in the clear.
    #[inline]
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// The whole packet.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What follows the header, without padding (RFC 3550 §5.1). Meaningful once decrypted.
    ///
    /// # Errors
    /// `Padding` if the P bit is set and the last byte is 0 or more than what follows the header.
    #[inline]
    pub fn payload(&self) -> Result<&'a [u8], ParseError> {
        let body = self.bytes.get(self.header_len..).unwrap_or_default();
        if !self.has_padding() {
            return Ok(body);
        }
        let padding = body.last().map_or(0, |last| usize::from(*last));
        if padding == 0 {
            return Err(ParseError::Padding);
        }
        let end = body.len().checked_sub(padding).ok_or(ParseError::Padding)?;
        body.get(..end).ok_or(ParseError::Padding)
    }

    /// The header extension elements, RFC 8285 §4. Empty without an extension block, and for a
    /// block that is of neither form.
    #[inline]
    pub fn extensions(&self) -> Elements<'a> {
        if self.fixed[0] & 0x10 == 0 {
            return Elements::default();
        }
        let start = FIXED_LEN + csrc_len(self.fixed);
        let block = self.bytes.get(start..self.header_len).unwrap_or_default();
        match block.split_first_chunk::<BLOCK_HEADER_LEN>() {
            Some(([high, low, _, _], elements)) => {
                Elements::new(u16::from_be_bytes([*high, *low]), elements)
            }
            None => Elements::default(),
        }
    }

    /// The first element with this id, RFC 8285 §4.
    #[inline]
    pub fn extension(&self, id: u8) -> Option<&'a [u8]> {
        self.extensions().find(|element| element.0 == id).map(|element| element.1)
    }
}

/// CC: 0..=15 words of CSRC, RFC 3550 §5.1.
#[inline]
fn csrc_len(fixed: &[u8; FIXED_LEN]) -> usize {
    4 * usize::from(fixed[0] & 0x0F)
}

/// Overwrites the SSRC, RFC 3550 §5.1. `None`, and no change, if `packet` has no fixed header.
#[inline]
pub fn set_ssrc(packet: &mut [u8], ssrc: Ssrc) -> Option<()> {
    let [_, _, _, _, _, _, _, _, place @ ..] = packet.first_chunk_mut::<FIXED_LEN>()?;
    *place = ssrc.0.to_be_bytes();
    Some(())
}

/// Overwrites the sequence number, RFC 3550 §5.1. `None`, and no change, if `packet` has no fixed
/// header.
#[inline]
pub fn set_seq(packet: &mut [u8], seq: Seq) -> Option<()> {
    let fixed = packet.first_chunk_mut::<FIXED_LEN>()?;
    [fixed[2], fixed[3]] = seq.0.to_be_bytes();
    Some(())
}

/// Overwrites the timestamp, RFC 3550 §5.1. `None`, and no change, if `packet` has no fixed header.
#[inline]
pub fn set_timestamp(packet: &mut [u8], timestamp: Timestamp) -> Option<()> {
    let fixed = packet.first_chunk_mut::<FIXED_LEN>()?;
    [fixed[4], fixed[5], fixed[6], fixed[7]] = timestamp.0.to_be_bytes();
    Some(())
}

/// Overwrites the payload type (its low 7 bits), RFC 3550 §5.1. `None`, and no change, if `packet`
/// has no fixed header.
#[inline]
pub fn set_payload_type(packet: &mut [u8], payload_type: PayloadType) -> Option<()> {
    let fixed = packet.first_chunk_mut::<FIXED_LEN>()?;
    fixed[1] = fixed[1] & 0x80 | payload_type.0 & 0x7F;
    Some(())
}

/// Overwrites the M bit, RFC 3550 §5.1. `None`, and no change, if `packet` has no fixed header.
#[inline]
pub fn set_marker(packet: &mut [u8], marker: bool) -> Option<()> {
    let fixed = packet.first_chunk_mut::<FIXED_LEN>()?;
    fixed[1] = fixed[1] & 0x7F | u8::from(marker) << 7;
    Some(())
}

/// Which form the elements written so far have, RFC 8285 §4.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    None,
    OneByte,
    TwoByte,
}

/// Writes a fresh header (RFC 3550 §5.1) with an extension block (RFC 8285 §4) into the caller's
/// memory: version 2, no padding, no CSRC.
///
/// The block has the one-byte form as long as every element fits it (ids 1..=14, 1..=16 bytes); the
/// first that does not turns the whole block into the two-byte form. A caller whose peer did not
/// negotiate `extmap-allow-mixed` (RFC 8285 §4.1.2) keeps such elements away.
#[derive(Debug)]
pub struct HeaderWriter<'a> {
    out: &'a mut [u8],
    len: usize,
    form: Form,
}

impl<'a> HeaderWriter<'a> {
    /// Writes the fixed header. `None` if `out` is shorter than that.
    #[inline]
    pub fn new(
        out: &'a mut [u8],
        marker: bool,
        payload_type: PayloadType,
        seq: Seq,
        timestamp: Timestamp,
        ssrc: Ssrc,
    ) -> Option<Self> {
        let fixed = out.first_chunk_mut::<FIXED_LEN>()?;
        let [s0, s1] = seq.0.to_be_bytes();
        let [t0, t1, t2, t3] = timestamp.0.to_be_bytes();
        let [r0, r1, r2, r3] = ssrc.0.to_be_bytes();
        let second = u8::from(marker) << 7 | payload_type.0 & 0x7F;
        *fixed = [0x80, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3];
        Some(Self { out, len: FIXED_LEN, form: Form::None })
    }

    /// Appends one element. `false`, and nothing changed, if it does not fit into the memory, is
    /// longer than 255 bytes or has id 0 (padding, RFC 8285 §4.2).
    #[inline]
    pub fn extension(&mut self, id: u8, data: &[u8]) -> bool {
        self.try_extension(id, data).is_some()
    }

    #[inline]
    fn try_extension(&mut self, id: u8, data: &[u8]) -> Option<()> {
        let size = u8::try_from(data.len()).ok().filter(|_| id != 0)?;
        let fits_one_byte = id <= 14 && (1..=16).contains(&size);
        if self.form != Form::TwoByte && !fits_one_byte {
            self.widen(data.len())?;
        }
        let at = if self.form == Form::None { FIXED_LEN + BLOCK_HEADER_LEN } else { self.len };
        let head_len = if self.form == Form::TwoByte { 2 } else { 1 };
        let end = at + head_len + data.len();
        if end.next_multiple_of(4) > self.out.len() {
            return None;
        }
        let (head, rest) = self.out.get_mut(at..end)?.split_at_mut_checked(head_len)?;
        match head {
            [one] => *one = id << 4 | (size - 1),
            [first, second] => (*first, *second) = (id, size),
            _ => return None,
        }
        rest.copy_from_slice(data);
        self.len = end;
        if self.form == Form::None {
            self.form = Form::OneByte;
        }
        Some(())
    }

    /// Turns the elements written so far into the two-byte form, if they and one of `next` bytes
    /// fit.
    #[cold]
    fn widen(&mut self, next: usize) -> Option<()> {
        let first = FIXED_LEN + BLOCK_HEADER_LEN;
        let mut len = self.len.max(first);
        let count = Elements::new(ONE_BYTE, self.out.get(first..len)?).count();
        if (len + count + 2 + next).next_multiple_of(4) > self.out.len() {
            return None;
        }
        let mut at = first;
        for _ in 0..count {
            self.out.copy_within(at + 1..len, at + 2);
            let [head, size] = self.out.get_mut(at..)?.first_chunk_mut::<2>()?;
            (*head, *size) = (*head >> 4, (*head & 0x0F) + 1);
            len += 1;
            at += 2 + usize::from(*size);
        }
        self.len = len;
        self.form = Form::TwoByte;
        Some(())
    }

    /// Closes the extension block, padded to 32 bits (RFC 3550 §5.3.1), and returns the header's
    /// length.
    #[inline]
    pub fn finish(mut self) -> usize {
        // Room for the padding was checked with the last element, so this always closes.
        self.close().unwrap_or(FIXED_LEN)
    }

    #[inline]
    fn close(&mut self) -> Option<usize> {
        let profile = match self.form {
            Form::None => return Some(self.len),
            Form::OneByte => ONE_BYTE,
            Form::TwoByte => TWO_BYTE,
        };
        let end = self.len.next_multiple_of(4);
        self.out.get_mut(self.len..end)?.fill(0);
        let words = u16::try_from((end - FIXED_LEN - BLOCK_HEADER_LEN) / 4).ok()?;
        let (fixed, block) = self.out.split_first_chunk_mut::<FIXED_LEN>()?;
        let head = block.first_chunk_mut::<BLOCK_HEADER_LEN>()?;
        [head[0], head[1]] = profile.to_be_bytes();
        [head[2], head[3]] = words.to_be_bytes();
        fixed[0] |= 0x10;
        Some(end)
    }
}

#[cfg(test)]
#[path = "rtp_tests.rs"]
mod tests;
