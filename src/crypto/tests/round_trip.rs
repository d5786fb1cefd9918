//! What a sealer seals, the opener of the same key opens; nothing else passes.

use crate::crypto::{
    ClaimError, Index, KeyError, LedgerError, OpenError, Opener, Profile, ReplayWindow, RtcpWindow,
    SealError, Sealer,
};
use crate::wire::number::{Seq, Ssrc};

/// A master key and salt for `profile`; `number` tells keys apart.
pub(super) fn master(profile: Profile, number: u8) -> (Vec<u8>, Vec<u8>) {
    let key = (0..profile.key_len()).map(|i| i as u8 ^ number).collect();
    let salt = (0..profile.salt_len()).map(|i| 0xA0 ^ i as u8 ^ number).collect();
    (key, salt)
}

pub(super) fn pair(profile: Profile) -> (Sealer, Opener) {
    let (key, salt) = master(profile, 1);
    (Sealer::new(profile, &key, &salt).unwrap(), Opener::new(profile, &key, &salt).unwrap())
}

/// An RTP packet with `payload_len` bytes of payload, and room for the tag behind it.
pub(super) fn rtp_buffer(payload_len: usize) -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, 0, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 0];
    packet.extend((0..payload_len).map(|i| i as u8));
    packet.resize(packet.len() + 20, 0xEE);
    packet
}

#[test]
fn rtp() {
    for profile in Profile::ALL {
        let (mut sealer, opener) = pair(profile);
        let mut ledger = sealer.ledger(Ssrc(0xDEAD_BEEF)).unwrap();
        let mut window = ReplayWindow::default();
        for (seq, payload_len) in [(65_534, 0), (65_535, 1), (0, 15), (1, 16), (2, 17), (3, 1_200)]
        {
            let len = 12 + payload_len;
            let mut buffer = rtp_buffer(payload_len);
            let mut plain = buffer[..len].to_vec();
            plain[2..4].copy_from_slice(&u16::to_be_bytes(seq));
            plain[8..12].copy_from_slice(&[0xDE, 0xAD, 0xBE, 0xEF]);

            let claim = ledger.claim(Seq(seq)).unwrap();
            let sealed = sealer.seal_rtp(claim, 12, len, &mut buffer).unwrap();
            assert_eq!(sealed, len + profile.rtp_overhead());
            assert_eq!(buffer[..12], plain[..12], "SSRC and number come from the claim");
            assert!(payload_len < 15 || buffer[12..len] != plain[12..], "payload is hidden");
            assert!(buffer[sealed..].iter().all(|byte| *byte == 0xEE), "nothing written behind");

            let (index, opened) = opener.open_rtp(&mut window, 12, &mut buffer[..sealed]).unwrap();
            let expected = if seq > 60_000 { u64::from(seq) } else { 65_536 + u64::from(seq) };
            assert_eq!((index, opened), (Index(expected), len), "{profile:?}");
            assert_eq!(buffer[..len], plain, "{profile:?} {payload_len}");
        }
    }
}

#[test]
fn rtcp() {
    for profile in Profile::ALL {
        let (mut sealer, opener) = pair(profile);
        let mut window = RtcpWindow::default();
        for len in [8, 12, 28, 1_000] {
            let mut plain = vec![0x80, 201, 0, 1, 0, 0, 0, 9];
            plain.resize(len, 0x55);
            let mut buffer = plain.clone();
            buffer.resize(len + 20, 0);
            let sealed = sealer.seal_rtcp(len, &mut buffer).unwrap();
            assert_eq!(sealed, len + profile.rtcp_overhead());
            assert!(len < 28 || buffer[8..len] != plain[8..]);
            let packet = buffer[..sealed].to_vec();
            assert_eq!(opener.open_rtcp(&mut window, &mut buffer[..sealed]), Ok(len));
            assert_eq!(buffer[..len], plain, "{profile:?} {len}");
            let mut again = packet;
            assert_eq!(opener.open_rtcp(&mut window, &mut again), Err(OpenError::Replayed));
        }
    }
}

#[test]
fn keys_of_other_lengths_are_refused() {
    for profile in Profile::ALL {
        let (key, salt) = master(profile, 1);
        let refused = |key: &[u8], salt: &[u8]| {
            let sealer = Sealer::new(profile, key, salt).map(|_| ());
            assert_eq!(sealer, Opener::new(profile, key, salt).map(|_| ()));
            sealer
        };
        assert_eq!(refused(&key[1..], &salt), Err(KeyError::KeyLength));
        assert_eq!(refused(&key, &salt[1..]), Err(KeyError::SaltLength));
        assert_eq!(refused(&[], &[]), Err(KeyError::KeyLength));
        assert_eq!(refused(&key, &[&salt[..], &[0]].concat()), Err(KeyError::SaltLength));
        assert_eq!(refused(&key, &salt), Ok(()));
    }
}

#[test]
fn a_ledger_is_handed_out_once() {
    let (mut sealer, _) = pair(Profile::AeadAes128Gcm);
    {
        let mut ledger = sealer.ledger(Ssrc(1)).unwrap();
        assert!(ledger.claim(Seq(9)).is_ok());
        assert_eq!(sealer.ledger(Ssrc(1)).map(|_| ()), Err(LedgerError::Taken));
        assert!(sealer.ledger(Ssrc(2)).is_ok());
    } // dropping it does not give it back
    assert_eq!(sealer.ledger(Ssrc(1)).map(|_| ()), Err(LedgerError::Taken));
}

#[test]
fn a_claim_of_another_sealer_is_refused_and_nothing_is_written() {
    let (mut one, _) = pair(Profile::AeadAes256Gcm);
    let (two, _) = pair(Profile::AeadAes256Gcm);
    let mut ledger = one.ledger(Ssrc(1)).unwrap();
    let claim = ledger.claim(Seq(9)).unwrap();
    let mut buffer = rtp_buffer(20);
    let before = buffer.clone();
    assert_eq!(two.seal_rtp(claim, 12, 32, &mut buffer), Err(SealError::ForeignClaim));
    assert_eq!(buffer, before);
    // The claim is spent: a second one for the number is not to be had.
    assert_eq!(ledger.claim(Seq(9)).map(|_| ()), Err(ClaimError::Taken));
}

#[test]
fn lengths_that_do_not_fit() {
    for profile in Profile::ALL {
        let (mut sealer, opener) = pair(profile);
        let mut ledger = sealer.ledger(Ssrc(1)).unwrap();
        let tag = profile.rtp_overhead();
        for (header_len, len, room, expected) in [
            (11, 20, 40, Err(SealError::TooShort)), // no RTP header
            (12, 11, 40, Err(SealError::TooShort)), // header longer than packet
            (12, 12, 12 + tag - 1, Err(SealError::NoRoom)), // tag does not fit
            (12, 12, 11, Err(SealError::NoRoom)),   // packet does not fit
            (12, 12, 12 + tag, Ok(12 + tag)),       // just fits, no payload
            (20, 20, 20 + tag, Ok(20 + tag)),       // header only
        ] {
            let claim = ledger.claim_next().unwrap();
            let got = sealer.seal_rtp(claim, header_len, len, &mut vec![0x80; room]);
            assert_eq!(got, expected, "{profile:?} {header_len} {len} {room}");
        }
        let more = profile.rtcp_overhead();
        for (len, room, expected) in [
            (7, 40, Err(SealError::TooShort)),
            (8, 8 + more - 1, Err(SealError::NoRoom)),
            (8, 7, Err(SealError::NoRoom)),
            (8, 8 + more, Ok(8 + more)),
        ] {
            assert_eq!(sealer.seal_rtcp(len, &mut vec![0x80; room]), expected, "{profile:?} {len}");
        }
        for len in 0..12 + tag {
            let mut packet = vec![0x80; len];
            let got = opener.open_rtp(&mut ReplayWindow::default(), 12, &mut packet);
            assert_eq!(got, Err(OpenError::TooShort), "{profile:?} {len}");
        }
        for len in 0..8 + more {
            let got = opener.open_rtcp(&mut RtcpWindow::default(), &mut vec![0x80; len]);
            assert_eq!(got, Err(OpenError::TooShort), "{profile:?} {len}");
        }
        for header_len in [0, 11, 41, usize::MAX] {
            let mut packet = vec![0x80; 40 + tag];
            let got = opener.open_rtp(&mut ReplayWindow::default(), header_len, &mut packet);
            assert_eq!(got, Err(OpenError::TooShort), "{profile:?} {header_len}");
        }
    }
}

#[test]
fn srtcp_stops_after_two_to_the_31() {
    for profile in Profile::ALL {
        let (mut sealer, opener) = pair(profile);
        let mut window = RtcpWindow::default();
        sealer.skip_rtcp_to((1 << 31) - 1);
        let mut buffer = vec![0x80; 40];
        let sealed = sealer.seal_rtcp(20, &mut buffer).unwrap();
        assert_eq!(opener.open_rtcp(&mut window, &mut buffer[..sealed]), Ok(20));
        for _ in 0..3 {
            assert_eq!(sealer.seal_rtcp(20, &mut buffer), Err(SealError::Exhausted));
        }
    }
}

#[test]
fn srtp_reaches_the_last_index() {
    for profile in Profile::ALL {
        let (mut sealer, opener) = pair(profile);
        let mut ledger = sealer.ledger(Ssrc(1)).unwrap();
        ledger.skip_to(Index(Index::MAX.0 - 1));
        let mut window = ReplayWindow::starting_after(Index(Index::MAX.0 - 1));
        let mut buffer = rtp_buffer(50);
        let claim = ledger.claim_next().unwrap();
        let sealed = sealer.seal_rtp(claim, 12, 62, &mut buffer).unwrap();
        let got = opener.open_rtp(&mut window, 12, &mut buffer[..sealed]);
        assert_eq!(got, Ok((Index::MAX, 62)), "{profile:?}");
        assert_eq!(ledger.claim_next().map(|_| ()), Err(ClaimError::Exhausted));
        let mut next = rtp_buffer(50); // sequence number 0: the 2^48th
        let got = opener.open_rtp(&mut window, 12, &mut next);
        assert_eq!(got, Err(OpenError::Exhausted));
    }
}
