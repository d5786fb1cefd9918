//! RTP views, patches and writer against hand-made packets and against the crate `rtp`.

use std::ops::Range;

use bytes::Bytes;
use proptest::prelude::*;
use webrtc_util::marshal::{Marshal, Unmarshal};

use super::*;

/// V=2, P, X, CC=1, M, PT 111; one CSRC, an extension block of one word.
const FULL: [u8; 27] = [
    0xB1, 0xEF, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, // fixed
    0xC0, 0, 0, 1, // CSRC
    0xBE, 0xDE, 0, 1, 0x30, 0xAA, 0, 0, // id 3, one byte
    0x55, 1, 1, // one byte of payload, two of padding but for their count
];

fn full() -> [u8; 27] {
    let mut bytes = FULL;
    bytes[26] = 2;
    bytes
}

#[test]
fn fields() {
    let bytes = full();
    let rtp = Rtp::parse(&bytes).unwrap();
    assert_eq!(rtp.ssrc(), Ssrc(0x0708_090A));
    assert_eq!(rtp.seq(), Seq(0x0102));
    assert_eq!(rtp.timestamp(), Timestamp(0x0304_0506));
    assert_eq!(rtp.payload_type(), PayloadType(111));
    assert!(rtp.marker() && rtp.has_padding());
    assert_eq!(rtp.header_len(), 24);
    assert_eq!(rtp.payload(), Ok(&[0x55][..]));
    assert_eq!(rtp.extensions().collect::<Vec<_>>(), [(3, &[0xAA][..])]);
    assert_eq!((rtp.extension(3), rtp.extension(4)), (Some(&[0xAA][..]), None));
}

#[test]
fn every_truncation_and_version_is_an_error() {
    let bytes = full();
    for len in 0..24 {
        assert_eq!(Rtp::parse(&bytes[..len]).unwrap_err(), ParseError::Truncated, "{len}");
    }
    assert!(Rtp::parse(&bytes[..24]).is_ok());
    for version in [0, 1, 3] {
        let mut other = bytes;
        other[0] = other[0] & 0x3F | version << 6;
        assert_eq!(Rtp::parse(&other).unwrap_err(), ParseError::Version);
    }
}

#[test]
fn padding() {
    for (last, expected) in [
        (0, Err(ParseError::Padding)), // counts itself, so never 0
        (1, Ok(2)),
        (3, Ok(0)), // all padding: a browser's probe
        (4, Err(ParseError::Padding)),
        (255, Err(ParseError::Padding)),
    ] {
        let mut bytes = FULL;
        bytes[26] = last;
        let rtp = Rtp::parse(&bytes).unwrap();
        assert_eq!(rtp.payload().map(<[u8]>::len), expected, "{last}");
    }
    let nothing = Rtp::parse(&FULL[..24]).unwrap();
    assert_eq!(nothing.payload(), Err(ParseError::Padding), "no byte that could tell the length");
}

#[test]
fn patches_change_only_their_field() {
    let mut bytes = full();
    set_ssrc(&mut bytes, Ssrc(0xAABB_CCDD)).unwrap();
    set_seq(&mut bytes, Seq(0xEEFF)).unwrap();
    set_timestamp(&mut bytes, Timestamp(0x1122_3344)).unwrap();
    set_payload_type(&mut bytes, PayloadType(96)).unwrap();
    set_marker(&mut bytes, false).unwrap();
    let mut expected = full();
    expected[1..12]
        .copy_from_slice(&[96, 0xEE, 0xFF, 0x11, 0x22, 0x33, 0x44, 0xAA, 0xBB, 0xCC, 0xDD]);
    assert_eq!(bytes, expected);
    set_payload_type(&mut bytes, PayloadType(0xFF)).unwrap();
    assert!(!Rtp::parse(&bytes).unwrap().marker(), "bit 7 is the marker's");
    set_marker(&mut bytes, true).unwrap();
    assert_eq!(bytes[1], 0xFF);
}

#[test]
fn patches_leave_short_memory_alone() {
    let mut short = [7; FIXED_LEN - 1];
    assert_eq!(set_ssrc(&mut short, Ssrc(1)), None);
    assert_eq!(set_seq(&mut short, Seq(1)), None);
    assert_eq!(set_timestamp(&mut short, Timestamp(1)), None);
    assert_eq!(set_payload_type(&mut short, PayloadType(1)), None);
    assert_eq!(set_marker(&mut short, true), None);
    assert_eq!(short, [7; FIXED_LEN - 1]);
}

fn writer(out: &mut [u8]) -> HeaderWriter<'_> {
    HeaderWriter::new(out, true, PayloadType(96), Seq(1), Timestamp(2), Ssrc(3)).unwrap()
}

/// Header bytes written with these elements, behind the fixed twelve.
fn written(elements: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = [0xEE; 600];
    let mut writer = writer(&mut out);
    for (id, data) in elements {
        assert!(writer.extension(*id, data));
    }
    let len = writer.finish();
    assert_eq!(out[0], if elements.is_empty() { 0x80 } else { 0x90 });
    assert_eq!(out[1..12], [0xE0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]);
    out[12..len].to_vec()
}

#[test]
fn writer_picks_the_form() {
    for (elements, expected) in [
        (&[][..], &[][..]),
        (&[(1, &[9][..])][..], &[0xBE, 0xDE, 0, 1, 0x10, 9, 0, 0]),
        (&[(1, &[9]), (14, &[8, 7])], &[0xBE, 0xDE, 0, 2, 0x10, 9, 0xE1, 8, 7, 0, 0, 0]),
        (&[(15, &[9])], &[0x10, 0, 0, 1, 15, 1, 9, 0]), // 15 is reserved in the short form
        (&[(1, &[])], &[0x10, 0, 0, 1, 1, 0, 0, 0]),    // which has no length 0
        // A late long one widens those before it.
        (
            &[(1, &[9]), (2, &[8, 7, 6]), (16, &[5])],
            &[0x10, 0, 0, 3, 1, 1, 9, 2, 3, 8, 7, 6, 16, 1, 5, 0],
        ),
        (&[(16, &[5]), (1, &[9])], &[0x10, 0, 0, 2, 16, 1, 5, 1, 1, 9, 0, 0]),
    ] {
        assert_eq!(written(elements), expected, "{elements:?}");
    }
}

#[test]
fn writer_refuses_what_has_no_room() {
    assert!(
        HeaderWriter::new(&mut [0; 11], false, PayloadType(0), Seq(0), Timestamp(0), Ssrc(0))
            .is_none()
    );
    for (room, first, second) in [
        (12, false, false),
        (19, false, false), // the block's padding has no room
        (20, true, false),
        (23, true, false),
        (24, true, true),
    ] {
        let mut out = vec![0; room];
        let mut writer = writer(&mut out);
        assert_eq!(writer.extension(1, &[1, 2]), first, "{room}");
        assert_eq!(writer.extension(2, &[3]), second, "{room}");
        let len = writer.finish();
        assert_eq!(len, 12 + if first { 8 } else { 0 } + if second { 4 } else { 0 });
        assert_eq!(Rtp::parse(&out[..len]).unwrap().extension(1).is_some(), first);
    }
    let mut out = [0; 400];
    let mut writer = writer(&mut out);
    assert!(!writer.extension(0, &[1]), "id 0 is padding");
    assert!(!writer.extension(1, &[0; 256]), "no form is so long");
    assert!(writer.extension(1, &[0; 255]));
}

#[test]
fn writer_that_can_not_widen_keeps_what_it_had() {
    let mut out = [0; 24];
    let mut writer = writer(&mut out);
    assert!(writer.extension(1, &[1, 2, 3]));
    assert!(!writer.extension(20, &[4, 5, 6]), "1 + 3 widened, 2 + 3: 26 bytes");
    assert_eq!(writer.finish(), 20);
    assert_eq!(Rtp::parse(&out).unwrap().extensions().collect::<Vec<_>>(), [(1, &[1, 2, 3][..])]);
}

/// Some elements with ids and lengths in these ranges.
fn elements(ids: Range<u8>, lens: Range<usize>) -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    prop::collection::vec((ids, prop::collection::vec(any::<u8>(), lens)), 0..8)
}

proptest! {
    /// What the crate `rtp` writes, we read; what we write, it reads.
    #[test]
    fn agrees_with_the_crate_rtp(
        marker: bool, payload_type in 0u8..128, seq: u16, timestamp: u32, ssrc: u32,
        csrc in prop::collection::vec(any::<u32>(), 0..4),
        elements in elements(1..15, 1..17),
        payload in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut header = ::rtp::header::Header {
            version: 2, marker, payload_type, sequence_number: seq, timestamp, ssrc, csrc,
            ..Default::default()
        };
        for (id, data) in &elements {
            // The same id again replaces; the crate would.
            header.set_extension(*id, Bytes::from(data.clone())).unwrap();
        }
        let body = Bytes::from(payload.clone());
        let theirs = ::rtp::packet::Packet { header: header.clone(), payload: body };
        let bytes = theirs.marshal().unwrap();
        let ours = Rtp::parse(&bytes).unwrap();
        prop_assert_eq!(ours.ssrc().0, ssrc);
        prop_assert_eq!(ours.seq().0, seq);
        prop_assert_eq!(ours.timestamp().0, timestamp);
        prop_assert_eq!(ours.payload_type().0, payload_type);
        prop_assert_eq!(ours.marker(), marker);
        prop_assert_eq!(ours.payload().unwrap(), &payload[..]);
        let read: Vec<_> = ours.extensions().collect();
        let expected: Vec<_> = header.extensions.iter().map(|e| (e.id, &e.payload[..])).collect();
        prop_assert_eq!(&read, &expected);

        let mut out = [0xEE; 256];
        let mut writer = HeaderWriter::new(
            &mut out, marker, PayloadType(payload_type), Seq(seq), Timestamp(timestamp), Ssrc(ssrc),
        ).unwrap();
        for (id, data) in &expected {
            prop_assert!(writer.extension(*id, data));
        }
        let len = writer.finish();
        let mut packet = out[..len].to_vec();
        packet.extend_from_slice(&payload);
        let back = ::rtp::packet::Packet::unmarshal(&mut Bytes::from(packet)).unwrap();
        prop_assert_eq!(back.header.extensions, header.extensions);
        prop_assert_eq!(back.header.ssrc, ssrc);
        prop_assert_eq!(back.header.sequence_number, seq);
        prop_assert_eq!(&back.payload[..], &payload[..]);
    }

    /// Any elements at all come back as they were written, in one of the two forms.
    #[test]
    fn writer_and_view_round_trip(
        elements in elements(1..255, 0..40),
        room in 12usize..200,
    ) {
        let mut out = vec![0xEE; room];
        let mut writer = writer(&mut out);
        let mut kept = Vec::new();
        for (id, data) in &elements {
            if writer.extension(*id, data) {
                kept.push((*id, &data[..]));
            }
        }
        let len = writer.finish();
        prop_assert!(len.is_multiple_of(4) && len <= room);
        let rtp = Rtp::parse(&out[..len]).unwrap();
        prop_assert_eq!(rtp.header_len(), len);
        prop_assert_eq!(rtp.extensions().collect::<Vec<_>>(), kept);
    }
}
