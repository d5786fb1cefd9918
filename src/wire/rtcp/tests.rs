//! RTCP views and writers against hand-made packets and against the crate `rtcp`.

use bytes::Bytes;
use proptest::prelude::*;
use rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use webrtc_util::marshal::Marshal;

use super::*;
use crate::wire::number::Seq;

const US: Ssrc = Ssrc(0x0102_0304);
const THEM: Ssrc = Ssrc(0x1122_3344);

fn only(bytes: &[u8]) -> Packet<'_> {
    let mut packets = parse(bytes).unwrap();
    let packet = packets.next().unwrap();
    assert!(packets.next().is_none());
    packet
}

/// The crate's view of the only packet in `bytes`.
fn theirs<T: Clone + 'static>(bytes: &[u8]) -> T {
    let packets = rtcp::packet::unmarshal(&mut Bytes::copy_from_slice(bytes)).unwrap();
    assert_eq!(packets.len(), 1);
    packets[0].as_any().downcast_ref::<T>().unwrap().clone()
}

fn block() -> ReportBlock {
    ReportBlock {
        ssrc: THEM,
        fraction_lost: 64,
        cumulative_lost: 1000,
        highest: 0x0001_FFFE,
        jitter: 77,
        last_sr: 0xAABB_CCDD,
        delay: 65_536,
    }
}

#[test]
fn report_blocks_round_trip_and_clamp() {
    for (lost, expected) in [
        (0, 0),
        (-1, -1), // more duplicates than losses
        (0x7F_FFFF, 0x7F_FFFF),
        (0x80_0000, 0x7F_FFFF), // 24 bits, appendix A.3
        (-0x80_0000, -0x80_0000),
        (i32::MIN, -0x80_0000),
    ] {
        let mut out = [0; 64];
        let sent = ReportBlock { cumulative_lost: lost, ..block() };
        let len = write_receiver_report(&mut out, US, &[sent, block()]).unwrap();
        let Packet::ReceiverReport { ssrc, blocks } = only(&out[..len]) else { panic!() };
        assert_eq!(ssrc, US);
        let expected = ReportBlock { cumulative_lost: expected, ..block() };
        assert_eq!(blocks.collect::<Vec<_>>(), [expected, block()]);
    }
}

#[test]
fn receiver_report_as_the_crate_reads_it() {
    let mut out = [0; 64];
    let len = write_receiver_report(&mut out, US, &[block()]).unwrap();
    let report: rtcp::receiver_report::ReceiverReport = theirs(&out[..len]);
    let read = &report.reports[0];
    assert_eq!((report.ssrc, read.ssrc, read.fraction_lost), (US.0, THEM.0, 64));
    assert_eq!((read.total_lost, read.last_sequence_number, read.jitter), (1000, 0x0001_FFFE, 77));
    assert_eq!((read.last_sender_report, read.delay), (0xAABB_CCDD, 65_536));
    assert!(write_receiver_report(&mut out[..31], US, &[block()]).is_none());
    assert!(write_receiver_report(&mut [0; 2000], US, &[block(); 32]).is_none(), "RC has 5 bits");
}

#[test]
fn sender_report_and_cname() {
    let mut out = [0xEE; 128];
    let len = write_sender_report(&mut out, US, 1 << 40, Timestamp(9), 10, 11, "abc").unwrap();
    let mut packets = parse(&out[..len]).unwrap();
    let Some(Packet::SenderReport { ssrc, ntp, rtp, packets: sent, octets, mut blocks }) =
        packets.next()
    else {
        panic!()
    };
    assert_eq!((ssrc, ntp, rtp, sent, octets), (US, 1 << 40, Timestamp(9), 10, 11));
    assert!(blocks.next().is_none());
    let Some(Packet::Sdes(sdes)) = packets.next() else { panic!() };
    let items: Vec<_> = sdes.collect();
    assert_eq!(items, [SdesItem { ssrc: US, kind: Sdes::CNAME, text: b"abc" }]);
    assert!(packets.next().is_none());
    assert!(write_sender_report(&mut out, US, 0, Timestamp(0), 0, 0, &"x".repeat(256)).is_none());
}

/// Blocks inside a sender report: how a peer that sends and receives answers.
#[test]
fn sender_report_with_blocks() {
    let theirs = rtcp::sender_report::SenderReport {
        ssrc: 7,
        ntp_time: 8,
        rtp_time: 9,
        packet_count: 10,
        octet_count: 11,
        reports: vec![rtcp::reception_report::ReceptionReport { ssrc: 12, ..Default::default() }],
        profile_extensions: Bytes::from_static(&[1, 2, 3, 4]), // kept off the blocks
    };
    let bytes = theirs.marshal().unwrap();
    let Packet::SenderReport { blocks, .. } = only(&bytes) else { panic!() };
    assert_eq!(blocks.map(|block| block.ssrc).collect::<Vec<_>>(), [Ssrc(12)]);
}

#[test]
fn sdes_items() {
    for (count, body, expected) in [
        (0, &[][..], vec![]),
        // On a boundary a whole word ends the list.
        (1, &[0, 0, 0, 5, 1, 2, b'a', b'b', 0, 0, 0, 0], vec![(5, 1, "ab")]),
        (1, &[0, 0, 0, 5, 1, 1, b'a', 0], vec![(5, 1, "a")]),
        (1, &[0, 0, 0, 5, 1, 0, 6, 1, b'a', 0, 0, 0], vec![(5, 1, ""), (5, 6, "a")]),
        // The second SSRC begins with a zero byte.
        (
            2,
            &[0, 0, 0, 5, 1, 1, b'a', 0, 0, 0, 0, 6, 1, 1, b'b', 0],
            vec![(5, 1, "a"), (6, 1, "b")],
        ),
        // An empty chunk.
        (2, &[0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 1, 1, b'b', 0], vec![(6, 1, "b")]),
        // The count rules.
        (1, &[0, 0, 0, 5, 1, 1, b'a', 0, 0, 0, 0, 6, 1, 1, b'b', 0], vec![(5, 1, "a")]),
        (1, &[0, 0, 0, 5, 1, 9, b'a', 0], vec![]), // runs past the end
        (9, &[0, 0, 0, 5, 1, 1, b'a', 0], vec![(5, 1, "a")]),
    ] {
        let words = u8::try_from(body.len() / 4).unwrap();
        let bytes = [&[0x80 | count, 202, 0, words][..], body].concat();
        let Packet::Sdes(sdes) = only(&bytes) else { panic!() };
        let read: Vec<_> = sdes.map(|item| (item.ssrc.0, item.kind, item.text.to_vec())).collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(ssrc, kind, text)| (ssrc, kind, text.as_bytes().to_vec()))
            .collect();
        assert_eq!(read, expected, "{bytes:?}");
    }
}

#[test]
fn nack_entries() {
    let nack = |fci: &[u8]| {
        let words = u8::try_from(2 + fci.len() / 4).unwrap();
        let bytes = [&[0x81, 205, 0, words, 1, 2, 3, 4, 0x11, 0x22, 0x33, 0x44], fci].concat();
        let Packet::Nack { sender, media, seqs } = only(&bytes) else { panic!() };
        assert_eq!((sender, media), (US, THEM));
        seqs.map(|seq| seq.0).collect::<Vec<_>>()
    };
    assert_eq!(nack(&[]), [0u16; 0]);
    assert_eq!(nack(&[0, 5, 0, 0]), [5]);
    assert_eq!(nack(&[0, 5, 0x80, 0x01]), [5, 6, 21]);
    assert_eq!(nack(&[0xFF, 0xFF, 0, 3, 0, 9, 0, 0]), [65_535, 0, 1, 9]); // wraps
    assert_eq!(nack(&[0, 0, 0xFF, 0xFF]), (0..=16).collect::<Vec<_>>());
}

#[test]
fn padding_is_not_read_as_entries() {
    // P bit, one entry, one word of padding.
    let bytes = [0xA1, 205, 0, 4, 1, 2, 3, 4, 1, 1, 1, 1, 0, 5, 0, 0, 0, 0, 0, 4];
    let Packet::Nack { seqs, .. } = only(&bytes) else { panic!() };
    assert_eq!(seqs.collect::<Vec<_>>(), [Seq(5)]);
    // RC 1, but its block is 24 bytes of padding.
    let mut report = [0; 32];
    report[..8].copy_from_slice(&[0xA1, 201, 0, 7, 1, 2, 3, 4]);
    report[31] = 24;
    assert!(matches!(only(&report), Packet::Other { packet_type: 201 }));
}

#[test]
fn padding_rules() {
    let pli = [0x81, 206, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8];
    let mut padded = [0xA1, 206, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 4];
    assert!(matches!(only(&padded), Packet::Pli { .. }));
    assert!(parse(&[&pli[..], &padded].concat()).is_ok());
    assert_eq!(parse(&[&padded[..], &pli].concat()).unwrap_err(), ParseError::Padding);
    for (last, fine) in [(0, false), (3, false), (8, true), (12, true), (16, false), (255, false)] {
        padded[15] = last;
        assert_eq!(parse(&padded).is_ok(), fine, "{last}");
    }
    padded[15] = 8; // eats into the SSRCs
    assert!(matches!(only(&padded), Packet::Other { packet_type: 206 }));
}

#[test]
fn walk_checks_every_header() {
    let pli = [0x81, 206, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8];
    for (bytes, expected) in [
        (&[][..], ParseError::Truncated),
        (&pli[..3], ParseError::Truncated),
        (&pli[..11], ParseError::Truncated),
        (&[&pli[..], &[0x80, 201]].concat(), ParseError::Truncated), // no whole second header
        (&[&pli[..], &[0x40, 201, 0, 0]].concat(), ParseError::Version), // not only the first's
        (&[0x00, 201, 0, 1, 1, 2, 3, 4], ParseError::Version),
    ] {
        assert_eq!(parse(bytes).unwrap_err(), expected, "{bytes:?}");
    }
}

#[test]
fn an_unreadable_packet_does_not_hide_the_next() {
    let bytes = [
        0x81, 201, 0, 1, 1, 2, 3, 4, // RR that claims a block
        0x80, 207, 0, 0, // XR
        0x81, 206, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, // PLI
    ];
    let packets: Vec<_> = parse(&bytes).unwrap().collect();
    assert!(matches!(packets[0], Packet::Other { packet_type: 201 }));
    assert!(matches!(packets[1], Packet::Other { packet_type: 207 }));
    assert!(matches!(packets[2], Packet::Pli { sender: US, media: Ssrc(0x0506_0708) }));
}

#[test]
fn bye() {
    let mut out = [0; 32];
    let len = write_bye(&mut out, &[US, THEM]).unwrap();
    let Packet::Bye { ssrcs } = only(&out[..len]) else { panic!() };
    assert_eq!(ssrcs.collect::<Vec<_>>(), [US, THEM]);
    let with_reason = [0x81, 203, 0, 2, 1, 2, 3, 4, 2, b'h', b'i', 0];
    let Packet::Bye { ssrcs } = only(&with_reason) else { panic!() };
    assert_eq!(ssrcs.collect::<Vec<_>>(), [US]);
    assert!(matches!(only(&[0x82, 203, 0, 1, 1, 2, 3, 4]), Packet::Other { .. }), "two claimed");
}

#[test]
fn keyframe_requests_both_ways() {
    let mut out = [0; 32];
    let len = write_pli(&mut out, US, THEM).unwrap();
    let pli: PictureLossIndication = theirs(&out[..len]);
    assert_eq!((pli.sender_ssrc, pli.media_ssrc), (US.0, THEM.0));
    assert!(matches!(only(&out[..len]), Packet::Pli { sender: US, media: THEM }));

    let len = write_fir(&mut out, US, THEM, 9).unwrap();
    let fir: FullIntraRequest = theirs(&out[..len]);
    assert_eq!((fir.fir[0].ssrc, fir.fir[0].sequence_number), (THEM.0, 9));
    let Packet::Fir { sender: US, targets } = only(&out[..len]) else { panic!() };
    assert_eq!(targets.collect::<Vec<_>>(), [(THEM, 9)]);
    assert!(write_fir(&mut out[..19], US, THEM, 9).is_none());
}

#[test]
fn remb_bitrates() {
    for (bps, expected) in [
        (0, 0),
        (1, 1),
        (0x3_FFFF, 0x3_FFFF), // all of the mantissa
        (0x4_0001, 0x4_0000), // rounded down
        (2_500_000, 2_500_000),
        (u64::MAX, 0x3_FFFF << 46),
    ] {
        let mut out = [0; 64];
        let len = write_remb(&mut out, US, bps, &[THEM, US]).unwrap();
        let Packet::Remb { sender: US, bps: read, ssrcs } = only(&out[..len]) else { panic!() };
        assert_eq!((read, ssrcs.collect::<Vec<_>>()), (expected, vec![THEM, US]));
        let oracle: ReceiverEstimatedMaximumBitrate = theirs(&out[..len]);
        assert_eq!(oracle.ssrcs, [THEM.0, US.0]);
        if expected >= 1 << 17 {
            // Below, the crate takes bit 17 for granted.
            assert_eq!(oracle.bitrate, expected as f32);
        }
    }
    assert!(write_remb(&mut [0; 2000], US, 1, &[US; 256]).is_none());
}

#[test]
fn remb_with_a_false_count_or_exponent() {
    let remb = |count, m0, fmt| {
        [
            fmt, 206, 0, 5, 1, 2, 3, 4, 0, 0, 0, 0, b'R', b'E', b'M', b'B', count, m0, 0, 1, 1, 1,
            1, 1,
        ]
    };
    assert!(matches!(only(&remb(1, 0, 0x8F)), Packet::Remb { bps: 1, .. }));
    assert!(matches!(only(&remb(2, 0, 0x8F)), Packet::Other { packet_type: 206 }));
    assert!(matches!(only(&remb(255, 0, 0x8F)), Packet::Other { packet_type: 206 }));
    assert!(matches!(only(&remb(1, 63 << 2, 0x8F)), Packet::Remb { bps, .. } if bps == 1 << 63));
    assert!(matches!(only(&remb(1, 63 << 2 | 1, 0x8F)), Packet::Remb { bps: u64::MAX, .. }));
    let mut other = remb(1, 0, 0x8F);
    other[15] = b'X'; // another application's feedback
    assert!(matches!(only(&other), Packet::Other { .. }));
}

#[test]
fn transport_wide_feedback() {
    use PacketStatus::{Lost, Received};
    let statuses =
        [Received(0), Lost, Received(255), Received(256), Received(-1), Lost, Received(4)];
    let mut out = [0xEE; 64];
    let (len, written) = write_transport_cc(&mut out, US, THEM, 65_534, -2, 5, &statuses).unwrap();
    assert_eq!(written, statuses.len());
    assert_eq!(out[len - 3..len], [0; 3], "padded with zeros, whatever was there");
    let Packet::TransportCc { sender: US, media: THEM, feedback } = only(&out[..len]) else {
        panic!()
    };
    assert_eq!(
        (feedback.base(), feedback.reference_time(), feedback.feedback_count()),
        (65_534, -2, 5)
    );
    let read: Vec<_> = feedback.packets().collect();
    assert_eq!(
        read,
        [
            (65_534, Some(0)),
            (65_535, None),
            (0, Some(255)), // wraps
            (1, Some(256)),
            (2, Some(-1)),
            (3, None),
            (4, Some(4)),
        ]
    );
    let oracle: TransportLayerCc = theirs(&out[..len]);
    assert_eq!((oracle.base_sequence_number, oracle.packet_status_count), (65_534, 7));
    let deltas: Vec<_> = oracle.recv_deltas.iter().map(|delta| delta.delta / 250).collect();
    assert_eq!(deltas, [0, 255, 256, -1, 4]);
}

#[test]
fn transport_wide_feedback_says_how_much_fitted() {
    let statuses = [PacketStatus::Received(1); 500];
    let mut done = 0;
    let mut rounds = 0;
    while done < statuses.len() {
        let mut out = [0; 120];
        let (len, written) =
            write_transport_cc(&mut out, US, THEM, done as u16, 0, 0, &statuses[done..]).unwrap();
        let Packet::TransportCc { feedback, .. } = only(&out[..len]) else { panic!() };
        assert_eq!(feedback.packets().count(), written);
        done += written;
        rounds += 1;
    }
    assert!((5..20).contains(&rounds));
    assert!(write_transport_cc(&mut [0; 20], US, THEM, 0, 0, 0, &statuses).is_none());
    assert!(write_transport_cc(&mut [0; 64], US, THEM, 0, 0, 0, &[]).is_none());
}

proptest! {
    #[test]
    fn nack_round_trip(seqs in prop::collection::btree_set(any::<u16>(), 1..60)) {
        let list: Vec<_> = seqs.iter().copied().map(Seq).collect();
        let mut out = [0xEE; 400];
        let len = write_nack(&mut out, US, THEM, &list).unwrap();
        let Packet::Nack { seqs: read, .. } = only(&out[..len]) else { panic!() };
        prop_assert_eq!(read.collect::<Vec<_>>(), list);
        let oracle: TransportLayerNack = theirs(&out[..len]);
        let read: std::collections::BTreeSet<_> =
            oracle.nacks.iter().flat_map(|pair| pair.packet_list()).collect();
        prop_assert_eq!(read, seqs);
    }
}

#[test]
fn nothing_to_ask_for_is_no_nack() {
    assert_eq!(write_nack(&mut [0; 64], US, THEM, &[]), None);
}
