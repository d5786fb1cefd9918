//! Every view of this floor over bytes that nobody sane sent: every length 0..=2048 with sampled
//! first bytes, and valid packets with mutations. Seeded: a failure repeats. The fuzz targets go
//! further.

use super::demux::{Class, classify};
use super::media::Codec;
use super::number::{PayloadType, Seq, Ssrc, Timestamp};
use super::payload::{self, descriptor, vp8};
use super::rtcp::{self, Packet};
use super::rtp::{self, HeaderWriter, Rtp};
use super::rtx;

/// Longest datagram tried.
const LEN_MAX: usize = 2048;
const CODECS: [Codec; 5] = [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1];

/// xorshift64*: enough to spread bytes.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 32) as u8).collect()
    }
}

/// How often each view came to be, so that the test can not pass by refusing everything.
#[derive(Default, Debug)]
struct Seen {
    rtp: usize,
    elements: usize,
    unwrapped: usize,
    compounds: usize,
    read: usize,
    keyframes: usize,
    descriptors: usize,
}

/// Whether `part` lies inside `whole`.
fn within(part: &[u8], whole: &[u8]) -> bool {
    part.is_empty()
        || whole.as_ptr_range().start <= part.as_ptr()
            && part.as_ptr_range().end <= whole.as_ptr_range().end
}

fn try_rtp(bytes: &[u8], seen: &mut Seen) {
    let Ok(view) = Rtp::parse(bytes) else { return };
    seen.rtp += 1;
    assert!((12..=bytes.len()).contains(&view.header_len()));
    for (id, data) in view.extensions() {
        assert!(id != 0 && within(data, bytes));
        seen.elements += 1;
    }
    if let Ok(payload) = view.payload() {
        assert!(within(payload, &bytes[view.header_len()..]));
    }
    let mut patched = bytes.to_vec();
    rtp::set_ssrc(&mut patched, Ssrc(1)).unwrap();
    rtp::set_seq(&mut patched, Seq(2)).unwrap();
    rtp::set_timestamp(&mut patched, Timestamp(3)).unwrap();
    rtp::set_payload_type(&mut patched, PayloadType(4)).unwrap();
    rtp::set_marker(&mut patched, true).unwrap();
    let again = Rtp::parse(&patched).unwrap();
    assert_eq!((again.ssrc(), again.seq(), again.timestamp()), (Ssrc(1), Seq(2), Timestamp(3)));
    assert_eq!((again.payload_type(), again.marker()), (PayloadType(4), true));
    assert_eq!(again.header_len(), view.header_len());
    let osn = view.payload().ok().and_then(rtx::original_seq);
    let mut repeated = bytes.to_vec();
    match rtx::unwrap(&mut repeated, Ssrc(9), PayloadType(8)) {
        Some(original) => {
            let original = Rtp::parse(original).unwrap();
            assert_eq!((Some(original.seq()), original.ssrc()), (osn, Ssrc(9)));
            assert_eq!(original.payload().unwrap(), &view.payload().unwrap()[2..]);
            seen.unwrapped += 1;
        }
        None => assert_eq!((osn, &repeated[..]), (None, bytes)),
    }
}

fn try_rtcp(bytes: &[u8], seen: &mut Seen) {
    let Ok(packets) = rtcp::parse(bytes) else {
        return;
    };
    seen.compounds += 1;
    for packet in packets {
        seen.read += usize::from(!matches!(packet, Packet::Other { .. }));
        match packet {
            Packet::SenderReport { blocks, .. } | Packet::ReceiverReport { blocks, .. } => {
                assert!(blocks.count() <= 31);
            }
            Packet::Sdes(items) => {
                for item in items {
                    assert!(within(item.text, bytes));
                }
            }
            Packet::Bye { ssrcs } => assert!(ssrcs.count() <= 31),
            Packet::Nack { seqs, .. } => assert!(seqs.count() <= 17 * bytes.len() / 4),
            Packet::Fir { targets, .. } => assert!(targets.count() <= bytes.len() / 8),
            Packet::Remb { ssrcs, .. } => assert!(ssrcs.count() <= 255),
            Packet::TransportCc { feedback, .. } => assert!(feedback.packets().count() <= 65_535),
            Packet::Pli { .. } | Packet::Other { .. } => {}
        }
    }
}

fn try_payload(bytes: &[u8], seen: &mut Seen) {
    for codec in CODECS {
        let facts = payload::inspect(codec, bytes);
        assert!(facts.temporal.is_none_or(|layer| layer < 8), "{codec:?}");
        assert!(facts.spatial.is_none_or(|layer| layer < 8), "{codec:?}");
        assert!(facts.vp8.is_none() || codec == Codec::Vp8);
        seen.keyframes += usize::from(facts.keyframe);
    }
    let mut patched = bytes.to_vec();
    if vp8::patch_picture_id(&mut patched, 0x5A5A).is_some() {
        let place = vp8::inspect(&patched).vp8.unwrap().picture_id.unwrap();
        assert_eq!(place.value, 0x5A5A & place.mask());
    }
    let mut structure = descriptor::Structure::default();
    if let Ok(first) = descriptor::parse(bytes, &mut structure) {
        seen.descriptors += usize::from(first.keyframe);
        assert_eq!(first.keyframe, structure.is_known());
        let _ = descriptor::parse(&bytes[..3], &mut structure).unwrap();
    }
}

fn try_all(bytes: &[u8], seen: &mut Seen) {
    let _: Class = classify(bytes);
    try_rtp(bytes, seen);
    try_rtcp(bytes, seen);
    try_payload(bytes, seen);
}

#[test]
fn every_length_and_first_byte_is_an_error_or_a_view() {
    let mut random = Seeded(0x51_7E_AD);
    let mut seen = Seen::default();
    for len in 0..=LEN_MAX {
        let mut bytes = random.bytes(len);
        // Eight first bytes a length: in 32 lengths each of the 256.
        for step in 0..8 {
            if let Some(first) = bytes.first_mut() {
                *first = ((len % 32) * 8 + step) as u8;
            }
            // Random length fields all but never fit: let some.
            if step % 2 == 1 && len >= 16 {
                let words = u16::try_from(random.below(len / 4)).unwrap().to_be_bytes();
                let place = if step % 4 == 1 { 2 } else { 14 };
                bytes[place..place + 2].copy_from_slice(&words);
            }
            try_all(&bytes, &mut seen);
        }
    }
    assert!(seen.rtp > 500 && seen.unwrapped > 100 && seen.keyframes > 500, "{seen:?}");
}

/// One of each kind of packet that the relay reads.
fn valid() -> Vec<Vec<u8>> {
    let mut out = [0; LEN_MAX];
    let mut all = Vec::new();
    let seqs: Vec<_> = (0..40).map(|n| Seq(n * 7)).collect();
    let block = rtcp::ReportBlock {
        ssrc: Ssrc(1),
        fraction_lost: 2,
        cumulative_lost: 3,
        highest: 4,
        jitter: 5,
        last_sr: 6,
        delay: 7,
    };
    let statuses = [rtcp::PacketStatus::Received(3), rtcp::PacketStatus::Lost].repeat(20);
    let us = Ssrc(0x0001_0203);
    let mut keep = |len: Option<usize>, out: &[u8]| all.push(out[..len.unwrap()].to_vec());
    keep(rtcp::write_sender_report(&mut out, us, 1, Timestamp(2), 3, 4, "cname"), &out);
    keep(rtcp::write_receiver_report(&mut out, us, &[block, block]), &out);
    keep(rtcp::write_bye(&mut out, &[us, us]), &out);
    keep(rtcp::write_nack(&mut out, us, us, &seqs), &out);
    keep(rtcp::write_pli(&mut out, us, us), &out);
    keep(rtcp::write_fir(&mut out, us, us, 1), &out);
    keep(rtcp::write_remb(&mut out, us, 1_000_000, &[us, us]), &out);
    let (len, _) = rtcp::write_transport_cc(&mut out, us, us, 1, 2, 3, &statuses).unwrap();
    keep(Some(len), &out);
    let compound: Vec<u8> = all.concat();
    all.push(compound);
    for (long, body) in [
        (false, &[0x90, 0xE0, 0x81, 2, 3, 0x60, 0x50, 1, 2][..]), // VP8
        (true, &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x65, 0x88]),      // H.264 STAP-A
        (true, &[0x20, 2, 0x0A, 1, 0x32, 5]),                     // AV1
        (false, &[1, 2, 0xA8, 0x85, 6, 0, 9, 1]),                 // VP9 in RTX
    ] {
        let mut writer =
            HeaderWriter::new(&mut out, true, PayloadType(96), Seq(1), Timestamp(2), us).unwrap();
        assert!(writer.extension(1, b"mid") && writer.extension(4, &[1, 2, 3]));
        assert!(!long || writer.extension(5, &[0x80; 30]));
        let len = writer.finish();
        all.push([&out[..len], body].concat());
        all.push(body.to_vec());
    }
    // A Dependency Descriptor with its structure.
    all.push(vec![0x80, 0, 1, 0x80, 1, 0x1E, 0xA8, 0x51, 0x41, 1, 0x0C, 4, 0xFC, 3, 0xBC]);
    all
}

#[test]
fn mutated_valid_packets_are_errors_or_views() {
    let mut random = Seeded(0xBADC0DE);
    let mut seen = Seen::default();
    for packet in valid() {
        for len in 0..=packet.len() {
            try_all(&packet[..len], &mut seen);
        }
        for _ in 0..600 {
            let mut bytes = packet.clone();
            for _ in 0..=random.below(3) {
                let place = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[place] ^= 1 << random.below(8),
                    1 => bytes[place] = random.next() as u8,
                    2 => bytes.truncate(place.max(1)),
                    _ => {
                        let more = random.below(40);
                        bytes.extend_from_slice(&random.bytes(more));
                    }
                }
            }
            try_all(&bytes, &mut seen);
        }
    }
    assert!(seen.elements > 2000 && seen.compounds > 500 && seen.read > 1000, "{seen:?}");
    assert!(seen.rtp > 2000 && seen.unwrapped > 1000 && seen.descriptors > 50, "{seen:?}");
}

#[test]
fn writers_into_any_room_write_whole_or_nothing() {
    let us = Ssrc(7);
    let seqs: Vec<_> = (0..20).map(|n| Seq(n * 40)).collect();
    for room in 0..200 {
        let mut out = vec![0; room];
        for len in [
            rtcp::write_sender_report(&mut out, us, 1, Timestamp(2), 3, 4, "somebody"),
            rtcp::write_receiver_report(&mut out, us, &[]),
            rtcp::write_bye(&mut out, &[us]),
            rtcp::write_nack(&mut out, us, us, &seqs),
            rtcp::write_pli(&mut out, us, us),
            rtcp::write_fir(&mut out, us, us, 1),
            rtcp::write_remb(&mut out, us, u64::MAX, &[us]),
        ] {
            assert!(len.is_none_or(|len| len <= room && len % 4 == 0));
        }
        if let Some(len) = rtcp::write_nack(&mut out, us, us, &seqs) {
            assert!(rtcp::parse(&out[..len]).is_ok());
        }
    }
}
