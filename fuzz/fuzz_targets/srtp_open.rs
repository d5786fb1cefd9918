//! SRTP: bytes from anywhere never open, never panic, never move a window; what was sealed opens,
//! and with one byte changed does not (RFC 3711 §3.3, RFC 7714 §8).

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringfence::crypto::{Index, OVERHEAD_MAX, OpenError, Opener, Profile, ReplayWindow, Sealer};
use ringfence::wire::number::{Seq, Ssrc};

fuzz_target!(|input: &[u8]| {
    let Some((&[profile, header_len, seq, at, change], body)) = input.split_first_chunk::<5>()
    else {
        return;
    };
    let profile = Profile::ALL[usize::from(profile) % Profile::ALL.len()];
    let (key, salt) = (vec![7; profile.key_len()], vec![9; profile.salt_len()]);
    let opener = Opener::new(profile, &key, &salt).unwrap();
    let header_len = usize::from(header_len);

    // Bytes from anywhere.
    let mut window = ReplayWindow::default();
    let error = opener.open_rtp(&mut window, header_len, &mut body.to_vec()).unwrap_err();
    assert!(matches!(error, OpenError::TooShort | OpenError::BadTag));
    assert_eq!(window.highest(), None);

    // The same bytes, sealed.
    let mut sealer = Sealer::new(profile, &key, &salt).unwrap();
    let claim = sealer.ledger(Ssrc(1)).unwrap().claim(Seq(u16::from(seq))).unwrap();
    let mut packet = body.to_vec();
    packet.resize(body.len() + OVERHEAD_MAX, 0);
    let Ok(sealed) = sealer.seal_rtp(claim, header_len, body.len(), &mut packet) else {
        assert!(header_len < 12 || body.len() < header_len);
        return;
    };
    packet.truncate(sealed);
    assert_eq!(sealed, body.len() + profile.rtp_overhead());

    let mut changed = packet.clone();
    changed[usize::from(at) % sealed] ^= change;
    if change != 0 {
        let got = opener.open_rtp(&mut window, header_len, &mut changed);
        assert_eq!(got, Err(OpenError::BadTag));
        assert_eq!(window.highest(), None);
    }
    let got = opener.open_rtp(&mut window, header_len, &mut packet);
    assert_eq!(got, Ok((Index(u64::from(seq)), body.len())));
    assert_eq!(packet[12..body.len()], body[12..]);
});
