//! SRTCP: bytes from anywhere never open and never panic; what was sealed opens once, and with one
//! byte changed does not (RFC 3711 §3.4, RFC 7714 §9).

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringfence::crypto::{OVERHEAD_MAX, OpenError, Opener, Profile, RtcpWindow, Sealer};

fuzz_target!(|input: &[u8]| {
    let Some((&[profile, at, change], body)) = input.split_first_chunk::<3>() else { return };
    let profile = Profile::ALL[usize::from(profile) % Profile::ALL.len()];
    let (key, salt) = (vec![7; profile.key_len()], vec![9; profile.salt_len()]);
    let opener = Opener::new(profile, &key, &salt).unwrap();

    // Bytes from anywhere.
    let mut window = RtcpWindow::default();
    let error = opener.open_rtcp(&mut window, &mut body.to_vec()).unwrap_err();
    assert!(matches!(error, OpenError::TooShort | OpenError::BadTag | OpenError::Unencrypted));

    // The same bytes, sealed.
    let mut sealer = Sealer::new(profile, &key, &salt).unwrap();
    let mut packet = body.to_vec();
    packet.resize(body.len() + OVERHEAD_MAX, 0);
    let Ok(sealed) = sealer.seal_rtcp(body.len(), &mut packet) else {
        assert!(body.len() < 8);
        return;
    };
    packet.truncate(sealed);
    assert_eq!(sealed, body.len() + profile.rtcp_overhead());

    let mut changed = packet.clone();
    changed[usize::from(at) % sealed] ^= change;
    if change != 0 {
        let error = opener.open_rtcp(&mut window, &mut changed).unwrap_err();
        assert!(matches!(error, OpenError::BadTag | OpenError::Unencrypted));
    }
    let again = packet.clone();
    assert_eq!(opener.open_rtcp(&mut window, &mut packet), Ok(body.len()));
    assert_eq!(packet[..body.len()], *body);
    assert_eq!(opener.open_rtcp(&mut window, &mut again.to_vec()), Err(OpenError::Replayed));
});
