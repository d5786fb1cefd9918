//! An RTX packet (RFC 4588 §4) unwraps to a packet of the same payload and timestamp, and what is
//! not one is left alone; any packet wrapped and unwrapped is itself again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringfence::wire::number::{PayloadType, Ssrc};
use ringfence::wire::rtp::Rtp;
use ringfence::wire::rtx;

fuzz_target!(|bytes: &[u8]| {
    let view = Rtp::parse(bytes);
    let osn = view.ok().and_then(|view| rtx::original_seq(view.payload().ok()?));
    let mut packet = bytes.to_vec();
    match rtx::unwrap(&mut packet, Ssrc(9), PayloadType(96)) {
        Some(original) => {
            let (view, original) = (view.unwrap(), Rtp::parse(original).unwrap());
            assert_eq!(Some(original.seq()), osn);
            assert_eq!((original.ssrc(), original.payload_type()), (Ssrc(9), PayloadType(96)));
            assert_eq!(original.timestamp(), view.timestamp());
            assert_eq!(original.marker(), view.marker());
            assert_eq!(original.payload().unwrap(), &view.payload().unwrap()[2..]);
            assert!(original.extensions().eq(view.extensions()));
        }
        None => {
            assert!(osn.is_none());
            assert_eq!(packet, bytes, "no change");
        }
    }

    // Any unpadded packet, wrapped and unwrapped, is itself.
    let Ok(view) = Rtp::parse(bytes) else { return };
    if view.has_padding() {
        return;
    }
    let mut wrapped = vec![0; bytes.len() + rtx::OSN_LEN];
    wrapped[..view.header_len()].copy_from_slice(&bytes[..view.header_len()]);
    let payload = view.payload().unwrap();
    let len = rtx::write(&mut wrapped, view.header_len(), view.seq(), payload);
    assert_eq!(len, Some(wrapped.len()));
    let original = rtx::unwrap(&mut wrapped, view.ssrc(), view.payload_type()).unwrap();
    assert_eq!(original, bytes);
});
