//! A compound is walked to its end whatever is in it, views are bounded by the bytes they came
//! from, and what was read can be written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringfence::wire::number::{Seq, Ssrc};
use ringfence::wire::rtcp::{self, Packet, ReportBlock};

/// What is read back is what was written.
fn round_trip(packet: Packet<'_>, len: usize) {
    let mut out = vec![0xEE; 200_000];
    let us = Ssrc(1);
    match packet {
        Packet::SenderReport { blocks, .. } | Packet::ReceiverReport { blocks, .. } => {
            let blocks: Vec<ReportBlock> = blocks.collect();
            assert!(blocks.len() <= 31);
            let written = rtcp::write_receiver_report(&mut out, us, &blocks).unwrap();
            let Some(Packet::ReceiverReport { blocks: again, .. }) =
                rtcp::parse(&out[..written]).unwrap().next()
            else {
                panic!()
            };
            assert_eq!(again.collect::<Vec<_>>(), blocks);
        }
        Packet::Nack { media, seqs, .. } => {
            let mut seqs: Vec<u16> = seqs.map(|seq| seq.0).collect();
            assert!(seqs.len() <= 17 * (len / 4));
            seqs.sort_unstable();
            seqs.dedup();
            let asked: Vec<Seq> = seqs.iter().copied().map(Seq).collect();
            let Some(written) = rtcp::write_nack(&mut out, us, media, &asked) else {
                assert!(asked.is_empty());
                return;
            };
            let Some(Packet::Nack { seqs: again, .. }) =
                rtcp::parse(&out[..written]).unwrap().next()
            else {
                panic!()
            };
            assert_eq!(again.map(|seq| seq.0).collect::<Vec<_>>(), seqs);
        }
        Packet::Remb { bps, ssrcs, .. } => {
            let ssrcs: Vec<Ssrc> = ssrcs.collect();
            let written = rtcp::write_remb(&mut out, us, bps, &ssrcs).unwrap();
            let Some(Packet::Remb { bps: again, ssrcs: same, .. }) =
                rtcp::parse(&out[..written]).unwrap().next()
            else {
                panic!()
            };
            assert!(again <= bps && bps - again <= bps >> 17);
            assert_eq!(same.collect::<Vec<_>>(), ssrcs);
        }
        Packet::Fir { targets, .. } => assert!(targets.count() <= len / 8),
        Packet::Bye { ssrcs } => assert!(ssrcs.count() <= 31),
        Packet::Sdes(items) => assert!(items.map(|item| item.text.len() + 2).sum::<usize>() <= len),
        Packet::TransportCc { feedback, .. } => {
            let base = feedback.base();
            for (place, (number, _)) in feedback.packets().enumerate() {
                assert!(place < 65_535);
                assert_eq!(number, base.wrapping_add(place as u16));
            }
        }
        Packet::Pli { .. } | Packet::Other { .. } => {}
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(packets) = rtcp::parse(bytes) else { return };
    // As many packets come out as there are headers, even of what can not be read.
    let mut headers = 0;
    let mut at = 0;
    while at < bytes.len() {
        at += 4 * (usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]])) + 1);
        headers += 1;
    }
    assert_eq!((at, packets.count()), (bytes.len(), headers));
    for packet in packets {
        round_trip(packet, bytes.len());
    }
});
