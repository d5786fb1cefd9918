//! Whatever is changed on the way, nothing opens and no window moves.

use super::round_trip::{master, pair};
use crate::crypto::{Index, OpenError, Opener, Profile, ReplayWindow, RtcpWindow};
use crate::wire::number::{Seq, Ssrc};

/// Header with one CSRC and a one-byte extension: 12 + 4 + 8.
const HEADER_LEN: usize = 24;

fn sealed_rtp(profile: Profile, seq: u16) -> (Vec<u8>, Opener) {
    let (mut sealer, opener) = pair(profile);
    let mut buffer = vec![0x91, 0xE0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8];
    buffer.extend([0xBE, 0xDE, 0, 1, 0x50, 0xFF, 0, 0]);
    buffer.extend((0..40).map(|i| i * 3));
    let len = buffer.len();
    buffer.resize(len + profile.rtp_overhead(), 0);
    let claim = sealer.ledger(Ssrc(0x0BAD_CAFE)).unwrap().claim(Seq(seq)).unwrap();
    assert_eq!(sealer.seal_rtp(claim, HEADER_LEN, len, &mut buffer), Ok(buffer.len()));
    (buffer, opener)
}

fn sealed_rtcp(profile: Profile) -> (Vec<u8>, Opener) {
    let (mut sealer, opener) = pair(profile);
    sealer.skip_rtcp_to(77);
    let mut buffer = vec![0x80, 200, 0, 6, 9, 9, 9, 9];
    buffer.extend(0..20);
    buffer.resize(28 + profile.rtcp_overhead(), 0);
    assert_eq!(sealer.seal_rtcp(28, &mut buffer), Ok(buffer.len()));
    (buffer, opener)
}

#[test]
fn any_flipped_bit_of_rtp() {
    for profile in Profile::ALL {
        let (packet, opener) = sealed_rtp(profile, 2_000);
        let mut before = ReplayWindow::default();
        before.accept(Index(1_990));
        for bit in 0..packet.len() * 8 {
            let mut copy = packet.clone();
            copy[bit / 8] ^= 0x80 >> (bit % 8);
            let mut fresh = ReplayWindow::default();
            let got = opener.open_rtp(&mut fresh, HEADER_LEN, &mut copy.clone());
            assert_eq!(got, Err(OpenError::BadTag), "{profile:?} bit {bit}, fresh window");
            assert_eq!(fresh.highest(), None);

            let mut window = before.clone();
            let got = opener.open_rtp(&mut window, HEADER_LEN, &mut copy).unwrap_err();
            let in_number = (2..4).contains(&(bit / 8)); // may then look old
            assert!(got == OpenError::BadTag || in_number && got == OpenError::TooOld, "{bit}");
            assert_eq!(format!("{window:?}"), format!("{before:?}"), "{profile:?} bit {bit}");
        }
        let got = opener.open_rtp(&mut before, HEADER_LEN, &mut packet.clone());
        assert_eq!(got.map(|opened| opened.0), Ok(Index(2_000)), "untouched, it opens");
        let got = opener.open_rtp(&mut before, HEADER_LEN, &mut packet.clone());
        assert_eq!(got, Err(OpenError::Replayed));
    }
}

#[test]
fn any_flipped_bit_of_rtcp() {
    for profile in Profile::ALL {
        let (packet, opener) = sealed_rtcp(profile);
        let trailer = match profile {
            Profile::Aes128CmHmacSha1_80 => packet.len() - 14,
            _ => packet.len() - 4,
        };
        let mut window = RtcpWindow::default();
        let before = format!("{window:?}");
        for bit in 0..packet.len() * 8 {
            let mut copy = packet.clone();
            copy[bit / 8] ^= 0x80 >> (bit % 8);
            let expected =
                if bit == trailer * 8 { OpenError::Unencrypted } else { OpenError::BadTag };
            let got = opener.open_rtcp(&mut window, &mut copy);
            assert_eq!(got, Err(expected), "{profile:?} bit {bit}");
            assert_eq!(format!("{window:?}"), before, "{profile:?} bit {bit}");
        }
        assert_eq!(opener.open_rtcp(&mut window, &mut packet.clone()), Ok(28), "untouched");
    }
}

#[test]
fn any_cut_or_longer_packet() {
    for profile in Profile::ALL {
        let (packet, opener) = sealed_rtp(profile, 9);
        for len in (0..packet.len()).chain([packet.len() + 1]) {
            let mut copy = packet.clone();
            copy.resize(len, 0);
            let mut window = ReplayWindow::default();
            let got = opener.open_rtp(&mut window, HEADER_LEN, &mut copy);
            assert!(matches!(got, Err(OpenError::TooShort | OpenError::BadTag)), "{len}: {got:?}");
            assert_eq!(window.highest(), None);
        }
        let (packet, opener) = sealed_rtcp(profile);
        for len in (0..packet.len()).chain([packet.len() + 1]) {
            let mut copy = packet.clone();
            copy.resize(len, 0x80);
            let got = opener.open_rtcp(&mut RtcpWindow::default(), &mut copy);
            assert!(got.is_err(), "{profile:?} {len}");
        }
    }
}

#[test]
fn what_differs_without_being_in_the_packet() {
    for profile in Profile::ALL {
        let (packet, opener) = sealed_rtp(profile, 9);
        let open = |opener: &Opener, mut window: ReplayWindow, header_len| {
            opener.open_rtp(&mut window, header_len, &mut packet.clone())
        };
        // Another rollover counter.
        let ahead = ReplayWindow::starting_after(Index(65_536));
        assert_eq!(open(&opener, ahead, HEADER_LEN), Err(OpenError::BadTag), "{profile:?}");
        // Another key; another salt.
        let (key, salt) = master(profile, 1);
        for (key_number, salt_number) in [(2, 1), (1, 2)] {
            let key = if key_number == 1 { key.clone() } else { master(profile, 2).0 };
            let salt = if salt_number == 1 { salt.clone() } else { master(profile, 2).1 };
            let stranger = Opener::new(profile, &key, &salt).unwrap();
            let got = open(&stranger, ReplayWindow::default(), HEADER_LEN);
            assert_eq!(got, Err(OpenError::BadTag), "{profile:?}");
            let (rtcp, _) = sealed_rtcp(profile);
            let got = stranger.open_rtcp(&mut RtcpWindow::default(), &mut rtcp.clone());
            assert_eq!(got, Err(OpenError::BadTag), "{profile:?}");
        }
        assert!(open(&opener, ReplayWindow::default(), HEADER_LEN).is_ok());
    }
}
