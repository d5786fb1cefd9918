//! RTP views stay inside the packet, patches change their field only, and what a view tells can be
//! written again and read back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringfence::wire::number::{PayloadType, Seq, Ssrc, Timestamp};
use ringfence::wire::rtp::{self, HeaderWriter, Rtp};

fn within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.is_empty() || whole.start <= part.start && part.end <= whole.end
}

/// Patches every field, reads it back, and puts the old one there again: the packet is as before.
fn patch(view: &Rtp<'_>, bytes: &[u8]) {
    let mut patched = bytes.to_vec();
    rtp::set_ssrc(&mut patched, Ssrc(!view.ssrc().0)).unwrap();
    rtp::set_seq(&mut patched, Seq(!view.seq().0)).unwrap();
    rtp::set_timestamp(&mut patched, Timestamp(!view.timestamp().0)).unwrap();
    rtp::set_payload_type(&mut patched, PayloadType(view.payload_type().0 ^ 0x7F)).unwrap();
    rtp::set_marker(&mut patched, !view.marker()).unwrap();
    let again = Rtp::parse(&patched).unwrap();
    assert_eq!(again.ssrc().0, !view.ssrc().0);
    assert_eq!(again.seq().0, !view.seq().0);
    assert_eq!(again.timestamp().0, !view.timestamp().0);
    assert_eq!(again.payload_type().0, view.payload_type().0 ^ 0x7F);
    assert_eq!(again.marker(), !view.marker());
    assert_eq!(again.header_len(), view.header_len());
    assert_eq!(again.payload(), view.payload());
    rtp::set_ssrc(&mut patched, view.ssrc()).unwrap();
    rtp::set_seq(&mut patched, view.seq()).unwrap();
    rtp::set_timestamp(&mut patched, view.timestamp()).unwrap();
    rtp::set_payload_type(&mut patched, view.payload_type()).unwrap();
    rtp::set_marker(&mut patched, view.marker()).unwrap();
    assert_eq!(patched, bytes);
}

/// Writes the same header fresh into `room` bytes: the elements that had room, and only they, are
/// there.
fn rewrite(view: &Rtp<'_>, room: usize) {
    let mut out = vec![0xEE; room];
    let writer = HeaderWriter::new(
        &mut out,
        view.marker(),
        view.payload_type(),
        view.seq(),
        view.timestamp(),
        view.ssrc(),
    );
    let Some(mut writer) = writer else {
        assert!(room < rtp::FIXED_LEN);
        return;
    };
    let mut kept = Vec::new();
    for (id, data) in view.extensions() {
        if writer.extension(id, data) {
            kept.push((id, data));
        }
    }
    let len = writer.finish();
    assert!(len <= room && len.is_multiple_of(4));
    let written = Rtp::parse(&out[..len]).unwrap();
    assert_eq!(written.header_len(), len);
    assert_eq!(written.extensions().collect::<Vec<_>>(), kept);
    assert_eq!((written.ssrc(), written.seq()), (view.ssrc(), view.seq()));
    assert!(out[len..].iter().all(|byte| *byte == 0xEE) || !kept.is_empty());
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(view) = Rtp::parse(bytes) else { return };
    assert!((rtp::FIXED_LEN..=bytes.len()).contains(&view.header_len()));
    for (id, data) in view.extensions() {
        assert!(id != 0 && within(data, &bytes[..view.header_len()]));
        assert!(view.extension(id).is_some());
    }
    if let Ok(payload) = view.payload() {
        assert!(within(payload, &bytes[view.header_len()..]));
    }
    patch(&view, bytes);
    rewrite(&view, bytes.len() + 64);
    rewrite(&view, usize::from(view.seq().0) % 128);
});
