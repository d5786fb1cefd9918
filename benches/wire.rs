//! What one packet costs on floor 0: classify, parse, read elements and payload facts, write a
//! header.
//!
//! `cargo bench --bench wire`, by CPU time of the thread. All of it runs once a packet in, or once a
//! packet out. Arms beside it: `rtp`, the crate, parsing the same packet; `copy`, what moving its
//! bytes costs.

mod thread_time;

use std::hint::black_box;

use bytes::Bytes;
use criterion::Criterion;
use ringfence::wire::demux::{Class, classify};
use ringfence::wire::extension::{Extension, ExtensionIds};
use ringfence::wire::media::Codec;
use ringfence::wire::number::{PayloadType, Seq, Ssrc, Timestamp};
use ringfence::wire::payload::{descriptor, inspect};
use ringfence::wire::rtcp::{self, Packet};
use ringfence::wire::rtp::{self, HeaderWriter, Rtp};
use ringfence::wire::rtx;
use webrtc_util::marshal::Unmarshal;

use thread_time::ThreadTime;

/// A packet of 1,200 bytes as browsers send them: four elements, then a VP8 descriptor.
fn video_packet() -> Vec<u8> {
    let mut out = vec![0x5A; 1200];
    let len = write_header(&mut out, Seq(1));
    out[len..len + 7].copy_from_slice(&[0x90, 0xE0, 0x81, 2, 3, 0x60, 0x51]);
    out
}

fn write_header(out: &mut [u8], seq: Seq) -> usize {
    let writer = HeaderWriter::new(out, true, PayloadType(96), seq, Timestamp(3000), Ssrc(5));
    let Some(mut writer) = writer else { return 0 };
    writer.extension(1, b"3");
    writer.extension(2, &[1, 2, 3]);
    writer.extension(3, &seq.0.to_be_bytes());
    writer.extension(4, &[0]);
    writer.finish()
}

fn ingress(criterion: &mut Criterion<ThreadTime>) {
    let packet = video_packet();
    let mut ids = ExtensionIds::default();
    ids.set(Extension::Mid, 1);
    ids.set(Extension::TransportCc, 3);
    criterion.bench_function("wire/classify", |bencher| {
        bencher.iter(|| classify(black_box(&packet)));
    });
    criterion.bench_function("wire/rtp parse", |bencher| {
        bencher.iter(|| Rtp::parse(black_box(&packet)).map(|rtp| (rtp.ssrc(), rtp.seq())));
    });
    let shared = Bytes::from(packet.clone());
    criterion.bench_function("wire/rtp parse, crate rtp", |bencher| {
        bencher.iter(|| ::rtp::packet::Packet::unmarshal(&mut black_box(&shared).clone()));
    });
    criterion.bench_function("wire/four elements", |bencher| {
        bencher.iter(|| {
            let rtp = Rtp::parse(black_box(&packet)).ok()?;
            let known = rtp.extensions().filter(|(id, _)| ids.extension(*id).is_some());
            Some(known.map(|(_, data)| data.len()).sum::<usize>())
        });
    });
    criterion.bench_function("wire/all of a packet in", |bencher| {
        bencher.iter(|| {
            let bytes = black_box(&packet[..]);
            if classify(bytes) != Class::Rtp {
                return None;
            }
            let rtp = Rtp::parse(bytes).ok()?;
            let level = rtp.extensions().find(|(id, _)| *id == 4);
            Some((level, inspect(Codec::Vp8, rtp.payload().ok()?)))
        });
    });
}

fn payloads(criterion: &mut Criterion<ThreadTime>) {
    for (name, codec, payload) in [
        ("vp8", Codec::Vp8, &[0x90, 0xE0, 0x81, 2, 3, 0x60, 0x51][..]),
        ("vp9", Codec::Vp9, &[0xA8, 0x85, 6, 0x53, 9, 1]),
        ("h264 stap-a", Codec::H264, &[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xCE, 0, 2, 0x65, 0x88]),
        ("h264 fu-a", Codec::H264, &[0x7C, 0x85, 0x88]),
        ("av1", Codec::Av1, &[0x20, 1, 0x12, 0x32, 5]),
    ] {
        criterion.bench_function(&format!("wire/inspect {name}"), |bencher| {
            bencher.iter(|| inspect(black_box(codec), black_box(payload)));
        });
    }
    let keyframe = [0x80, 0, 1, 0x80, 1, 0x1E, 0xA8, 0x51, 0x41, 1, 0x0C, 4, 0xFC, 3, 0xBC];
    for (name, bytes) in [("keyframe", &keyframe[..]), ("interframe", &[0x82, 0, 2])] {
        let mut structure = descriptor::Structure::default();
        let _ = descriptor::parse(&keyframe, &mut structure);
        criterion.bench_function(&format!("wire/descriptor {name}"), |bencher| {
            bencher.iter(|| descriptor::parse(black_box(bytes), &mut structure));
        });
    }
}

fn egress(criterion: &mut Criterion<ThreadTime>) {
    let mut out = video_packet();
    criterion.bench_function("wire/header write", |bencher| {
        let mut seq = 0u16;
        bencher.iter(|| {
            seq = seq.wrapping_add(1);
            write_header(black_box(&mut out), Seq(seq))
        });
    });
    criterion.bench_function("wire/patch in place", |bencher| {
        bencher.iter(|| {
            let packet = black_box(&mut out[..]);
            rtp::set_ssrc(packet, Ssrc(7))?;
            rtp::set_seq(packet, Seq(8))?;
            rtp::set_timestamp(packet, Timestamp(9))
        });
    });
    let packet = video_packet();
    criterion.bench_function("wire/copy 1200B", |bencher| {
        bencher.iter(|| black_box(&mut out[..]).copy_from_slice(black_box(&packet)));
    });
    let payload = &packet[packet.len() - 1_100..];
    criterion.bench_function("wire/rtx original seq", |bencher| {
        bencher.iter(|| rtx::original_seq(black_box(payload)));
    });
    let mut picture = [0x90, 0xE0, 0x81, 2, 3, 0x60, 0x51, 0];
    let fields = inspect(Codec::Vp8, &picture).vp8;
    criterion.bench_function("wire/vp8 patch", |bencher| {
        bencher.iter(|| fields.and_then(|fields| fields.patch(black_box(&mut picture), 9, 7)));
    });
}

fn reports(criterion: &mut Criterion<ThreadTime>) {
    let mut out = [0; 256];
    let (us, them) = (Ssrc(1), Ssrc(2));
    let mut len = rtcp::write_receiver_report(&mut out, us, &[]).unwrap_or(0);
    len += rtcp::write_nack(&mut out[len..], us, them, &[Seq(5), Seq(9), Seq(70)]).unwrap_or(0);
    len += rtcp::write_pli(&mut out[len..], us, them).unwrap_or(0);
    criterion.bench_function("wire/rtcp compound", |bencher| {
        bencher.iter(|| {
            let packets = rtcp::parse(black_box(&out[..len])).ok()?;
            let asked = packets.map(|packet| match packet {
                Packet::Nack { seqs, .. } => seqs.count(),
                _ => 0,
            });
            Some(asked.sum::<usize>())
        });
    });
}

fn main() {
    let mut criterion = thread_time::criterion(50, 1.0);
    for benches in [ingress, payloads, egress, reports] {
        benches(&mut criterion);
    }
    criterion.final_summary();
}
