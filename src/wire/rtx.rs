//! Retransmission payload format: the original sequence number, then the original payload.
//! RFC 4588 §4.
//!
//! Never panics, whatever the bytes (`fuzz_targets/rtx.rs`).

use super::number::{PayloadType, Seq, Ssrc};
use super::rtp::{self, FIXED_LEN, Rtp};

/// Length of the original sequence number (OSN), RFC 4588 §4.
pub const OSN_LEN: usize = 2;

/// The sequence number the retransmitted packet had, RFC 4588 §4. `None` for a payload too short
/// for one: browsers probe with RTX packets that are all padding.
#[inline]
pub fn original_seq(payload: &[u8]) -> Option<Seq> {
    payload.first_chunk::<OSN_LEN>().map(|osn| Seq(u16::from_be_bytes(*osn)))
}

/// Turns a decrypted RTX packet into the packet it repeats, in place: `ssrc` and `payload_type` are
/// those of the original stream, the sequence number is the OSN (RFC 4588 §4). Returns the rest of
/// `packet` that the original now occupies, header extensions and padding as they were sent.
///
/// The header moves over the OSN, as it is shorter than a payload. `None`, and no change, for what
/// is no RTP packet or repeats nothing.
pub fn unwrap(packet: &mut [u8], ssrc: Ssrc, payload_type: PayloadType) -> Option<&mut [u8]> {
    let view = Rtp::parse(packet).ok()?;
    let seq = original_seq(view.payload().ok()?)?;
    let header_len = view.header_len();
    packet.copy_within(..header_len, OSN_LEN);
    let original = packet.get_mut(OSN_LEN..)?;
    rtp::set_ssrc(original, ssrc)?;
    rtp::set_seq(original, seq)?;
    rtp::set_payload_type(original, payload_type)?;
    Some(original)
}

/// Writes the payload of an RTX packet behind the `header_len` bytes that [`rtp::HeaderWriter`]
/// left in `out` (with SSRC, payload type and sequence number of the RTX stream, timestamp and
/// marker of the original: RFC 4588 §4). `payload` is without padding. Returns the packet's length;
/// `None` if it does not fit or there is no header.
#[inline]
pub fn write(out: &mut [u8], header_len: usize, original: Seq, payload: &[u8]) -> Option<usize> {
    if header_len < FIXED_LEN {
        return None;
    }
    let (osn, rest) = out.get_mut(header_len..)?.split_first_chunk_mut::<OSN_LEN>()?;
    rest.get_mut(..payload.len())?.copy_from_slice(payload);
    *osn = original.0.to_be_bytes();
    header_len.checked_add(OSN_LEN)?.checked_add(payload.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::number::Timestamp;
    use crate::wire::rtp::HeaderWriter;

    /// An RTX packet with one element, that repeats number 500.
    fn rtx(payload: &[u8], out: &mut [u8]) -> usize {
        let mut writer =
            HeaderWriter::new(out, true, PayloadType(97), Seq(7), Timestamp(8), Ssrc(9)).unwrap();
        assert!(writer.extension(3, &[1]));
        let header_len = writer.finish();
        write(out, header_len, Seq(500), payload).unwrap()
    }

    #[test]
    fn what_is_written_unwraps_to_the_original() {
        let mut buffer = [0xEE; 64];
        let len = rtx(b"payload", &mut buffer);
        assert_eq!(len, 20 + 2 + 7);
        assert_eq!(
            original_seq(Rtp::parse(&buffer[..len]).unwrap().payload().unwrap()),
            Some(Seq(500))
        );
        let original = unwrap(&mut buffer[..len], Ssrc(1), PayloadType(96)).unwrap();
        assert_eq!(original.len(), len - 2);
        let view = Rtp::parse(original).unwrap();
        assert_eq!(
            (view.ssrc(), view.seq(), view.payload_type()),
            (Ssrc(1), Seq(500), PayloadType(96))
        );
        assert_eq!((view.timestamp(), view.marker()), (Timestamp(8), true));
        assert_eq!(view.extension(3), Some(&[1][..]));
        assert_eq!(view.payload(), Ok(&b"payload"[..]));
    }

    #[test]
    fn padding_stays_padding() {
        let mut buffer = [0; 64];
        let len = rtx(&[5, 0, 0, 3], &mut buffer);
        buffer[0] |= 0x20;
        let original = unwrap(&mut buffer[..len], Ssrc(1), PayloadType(96)).unwrap();
        assert_eq!(Rtp::parse(original).unwrap().payload(), Ok(&[5][..]));
    }

    #[test]
    fn an_empty_original_is_one_and_a_probe_is_none() {
        let mut buffer = [0; 64];
        let len = rtx(&[], &mut buffer);
        let original = unwrap(&mut buffer[..len], Ssrc(1), PayloadType(96)).unwrap();
        assert_eq!(Rtp::parse(original).unwrap().payload(), Ok(&[][..]));

        let len = rtx(&[0, 5], &mut buffer); // with the OSN all of it padding: four bytes
        buffer[0] |= 0x20;
        for padding in [3, 4] {
            buffer[len - 1] = padding;
            let before = buffer;
            assert!(unwrap(&mut buffer[..len], Ssrc(1), PayloadType(96)).is_none());
            assert_eq!(buffer, before, "no change");
        }
        assert!(unwrap(&mut [0x80; 13], Ssrc(1), PayloadType(96)).is_none(), "half an OSN");
        assert!(unwrap(&mut [], Ssrc(1), PayloadType(96)).is_none());
    }

    #[test]
    fn write_needs_room_and_a_header() {
        assert_eq!(write(&mut [0; 20], 12, Seq(1), &[0; 7]), None);
        assert_eq!(write(&mut [0; 21], 12, Seq(1), &[0; 7]), Some(21));
        assert_eq!(write(&mut [0; 64], 11, Seq(1), &[]), None);
        assert_eq!(write(&mut [0; 12], 12, Seq(1), &[]), None);
        assert_eq!(write(&mut [0; 12], usize::MAX, Seq(1), &[]), None);
    }
}
