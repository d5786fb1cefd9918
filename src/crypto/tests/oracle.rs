//! Against `webrtc-srtp`, an implementation independent of ours: the same bytes, both ways, in
//! every profile, over wraps, with late packets, CSRCs, extensions, padding.

use webrtc_srtp::context::Context;
use webrtc_srtp::protection_profile::ProtectionProfile;

use super::round_trip::{master, pair};
use crate::crypto::{Index, Opener, Profile, Random, ReplayWindow, RtcpWindow, Sealer};
use crate::wire::number::{Seq, Ssrc};

fn oracle(profile: Profile) -> Context {
    let theirs = match profile {
        Profile::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
        Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Profile::Aes128CmHmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
    };
    let (key, salt) = master(profile, 1);
    Context::new(&key, &salt, theirs, None, None).unwrap()
}

fn below(random: &mut Random, end: u32) -> usize {
    (random.next_u32() % end) as usize
}

fn bytes(random: &mut Random, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    random.fill(&mut bytes);
    bytes
}

/// A random RTP packet, and its header length.
fn rtp_packet(random: &mut Random, ssrc: Ssrc, seq: Seq) -> (Vec<u8>, usize) {
    let csrc_count = [0, 0, 1, 3, 15][below(random, 5)];
    let extended = random.next_u32() & 1;
    let padding = [0, 0, 1, 4, 255][below(random, 5)];
    let payload_len = [0, 1, 15, 16, 17, 120, 1_200][below(random, 7)];

    let flags = 0x80 | u8::from(padding > 0) << 5 | (extended as u8) << 4 | csrc_count as u8;
    let mut packet = vec![flags, random.next_u32() as u8];
    packet.extend(seq.0.to_be_bytes());
    packet.extend(bytes(random, 4)); // timestamp
    packet.extend(ssrc.0.to_be_bytes());
    packet.extend(bytes(random, 4 * csrc_count));
    if extended == 1 {
        let two_byte = random.next_u32() & 1 == 1;
        let len = 1 + below(random, 16);
        let mut block = if two_byte { vec![5, len as u8] } else { vec![5 << 4 | (len - 1) as u8] };
        block.extend(bytes(random, len));
        block.resize(block.len().next_multiple_of(4), 0);
        packet.extend(if two_byte { [0x10, 0x00] } else { [0xBE, 0xDE] });
        packet.extend((block.len() as u16 / 4).to_be_bytes());
        packet.extend(block);
    }
    let header_len = packet.len();
    packet.extend(bytes(random, payload_len + padding));
    if padding > 0 {
        *packet.last_mut().unwrap() = padding as u8;
    }
    (packet, header_len)
}

/// Indices in an order a sender and a network might make: mostly upwards, over three wraps, some
/// late.
fn indices(random: &mut Random) -> Vec<u64> {
    let mut order: Vec<u64> = Vec::new();
    let mut at = below(random, 1 << 15) as u64;
    while at < 3 << 16 {
        order.push(at);
        if below(random, 4) == 0 {
            let late = at.saturating_sub(1 + below(random, 1_000) as u64);
            if !order.contains(&late) && late > order[0] {
                order.push(late);
            }
        }
        at += match below(random, 10) {
            0..=6 => 1 + below(random, 3) as u64,
            7..=8 => 1 + below(random, 700) as u64,
            _ => 1 + below(random, 9_000) as u64,
        };
    }
    order
}

#[test]
fn rtp_is_the_same_both_ways() {
    for profile in Profile::ALL {
        let mut random = Random::from_seed([profile as u8; 32]);
        let (mut sealer, opener) = pair(profile);
        let (mut their_sealer, mut their_opener) = (oracle(profile), oracle(profile));
        let streams = [Ssrc(0), Ssrc(0xFFFF_FFFF), Ssrc(random.next_u32())];
        for ssrc in streams {
            let mut ledger = sealer.ledger(ssrc).unwrap();
            let mut window = ReplayWindow::default();
            let order = indices(&mut random);
            assert!(!order.is_sorted() && order.len() > 100);
            for index in order {
                let index = Index(index);
                let (plain, header_len) = rtp_packet(&mut random, ssrc, index.seq());
                let theirs = their_sealer.encrypt_rtp(&plain).unwrap();

                let mut ours = plain.clone();
                ours.resize(plain.len() + profile.rtp_overhead(), 0);
                let claim = ledger.claim(index.seq()).unwrap();
                assert_eq!(claim.index(), index);
                let len = sealer.seal_rtp(claim, header_len, plain.len(), &mut ours).unwrap();
                assert_eq!(len, ours.len());
                assert!(ours == theirs, "{profile:?} {index:?}: sealed bytes differ");

                assert!(their_opener.decrypt_rtp(&ours).unwrap() == plain, "{profile:?} {index:?}");
                let mut packet = theirs.to_vec();
                let opened = opener.open_rtp(&mut window, header_len, &mut packet);
                assert_eq!(opened, Ok((index, plain.len())), "{profile:?}");
                assert!(
                    packet[..plain.len()] == plain,
                    "{profile:?} {index:?}: opened bytes differ"
                );
            }
        }
    }
}

#[test]
fn rtcp_is_the_same_both_ways() {
    for profile in Profile::ALL {
        let mut random = Random::from_seed([profile as u8 + 10; 32]);
        let (mut sealer, opener) = pair(profile);
        let (mut their_sealer, mut their_opener) = (oracle(profile), oracle(profile));
        let mut window = RtcpWindow::default();
        sealer.skip_rtcp_to(1); // theirs begins with 1
        for count in 0..2_000 {
            // Sender report of one block, of random words behind the SSRC.
            let mut plain = vec![0x81, 200, 0, 12, 1, 2, 3, 4];
            plain.extend(bytes(&mut random, 44));
            let more = 4 * [0, 1, 4, 250][below(&mut random, 4)];
            plain.extend(bytes(&mut random, more));
            let theirs = their_sealer.encrypt_rtcp(&plain).unwrap();
            let mut ours = plain.clone();
            ours.resize(plain.len() + profile.rtcp_overhead(), 0);
            assert_eq!(sealer.seal_rtcp(plain.len(), &mut ours), Ok(ours.len()));
            assert!(ours == theirs, "{profile:?} {count}: sealed bytes differ");
            assert!(their_opener.decrypt_rtcp(&ours).unwrap() == plain, "{profile:?} {count}");
            let mut packet = theirs.to_vec();
            assert_eq!(opener.open_rtcp(&mut window, &mut packet), Ok(plain.len()), "{profile:?}");
            assert!(packet[..plain.len()] == plain, "{profile:?} {count}: opened bytes differ");
        }
    }
}

/// Our first SRTCP index is 0 (RFC 3711 §3.4); one that begins with 1 must take it.
#[test]
fn the_first_rtcp_packet_passes() {
    for profile in Profile::ALL {
        let (key, salt) = master(profile, 1);
        let mut sealer = Sealer::new(profile, &key, &salt).unwrap();
        let opener = Opener::new(profile, &key, &salt).unwrap();
        let plain = [0x80, 201, 0, 1, 1, 2, 3, 4];
        let mut sealed = plain.to_vec();
        sealed.resize(plain.len() + profile.rtcp_overhead(), 0);
        sealer.seal_rtcp(plain.len(), &mut sealed).unwrap();
        assert_eq!(oracle(profile).decrypt_rtcp(&sealed).unwrap(), plain[..]);
        assert_eq!(opener.open_rtcp(&mut RtcpWindow::default(), &mut sealed), Ok(8));
    }
}
