//! Payload facts of every codec over any bytes; VP8 patches read back; Dependency Descriptors
//! change the kept structure only when they bring one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringfence::wire::media::Codec;
use ringfence::wire::payload::{descriptor, inspect, vp8};

fn patch_vp8(payload: &[u8]) {
    let before = inspect(Codec::Vp8, payload);
    let Some(fields) = before.vp8 else { return };
    let mut patched = payload.to_vec();
    fields.patch(&mut patched, 0x7A5A, 0xC3).unwrap();
    let after = inspect(Codec::Vp8, &patched);
    let again = after.vp8.unwrap();
    assert_eq!((after.keyframe, after.temporal), (before.keyframe, before.temporal));
    if let (Some(old), Some(new)) = (fields.picture_id, again.picture_id) {
        assert_eq!((new.value, new.wide, new.offset), (0x7A5A & old.mask(), old.wide, old.offset));
        vp8::patch_picture_id(&mut patched, old.value).unwrap();
    }
    if let (Some(old), Some(new)) = (fields.tl0picidx, again.tl0picidx) {
        assert_eq!((new.value, new.offset), (0xC3, old.offset));
        vp8::patch_tl0picidx(&mut patched, old.value).unwrap();
    }
    assert_eq!(patched, payload, "put back, it is as before");
}

/// Input is cut into descriptors of a length that each one's first byte tells.
fn descriptors(mut bytes: &[u8]) {
    let mut structure = descriptor::Structure::default();
    while let Some((len, rest)) = bytes.split_first() {
        let (one, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        bytes = rest;
        let before = structure;
        let Ok(read) = descriptor::parse(one, &mut structure) else {
            assert_eq!(structure, before, "refused: nothing changed");
            continue;
        };
        assert!(read.keyframe || structure == before);
        assert!(!read.keyframe || structure.is_known());
        assert!(structure.is_known() || read.layer.is_none());
        if let Some(layer) = read.layer {
            assert!(layer.temporal < 8);
            assert!(usize::from(layer.spatial) < structure.spatial_count());
        }
        if let Some(active) = read.active_targets {
            assert_eq!(u64::from(active) >> structure.target_count(), 0);
        }
    }
}

fuzz_target!(|payload: &[u8]| {
    for codec in [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let facts = inspect(codec, payload);
        assert!(facts.temporal.is_none_or(|layer| layer < 8));
        assert!(facts.spatial.is_none_or(|layer| layer < 8));
        assert!(facts.vp8.is_none() || codec == Codec::Vp8);
        assert!(
            codec == Codec::H264 || !facts.keyframe || facts.start_of_frame || codec == Codec::Av1
        );
    }
    patch_vp8(payload);
    descriptors(payload);
});
