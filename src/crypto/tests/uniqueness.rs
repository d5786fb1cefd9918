//! No key stream is used twice, whatever callers do. DESIGN.md §6, THREATS.md P0.

use std::collections::HashSet;

use super::round_trip::pair;
use crate::crypto::{Ledger, Profile, Random, Sealer};
use crate::wire::number::{Seq, Ssrc};

/// Sealing zeros shows the key stream itself. Returns its first 16 bytes.
fn key_stream(sealer: &Sealer, ledger: &mut Ledger, random: &mut Random) -> Option<[u8; 16]> {
    let highest = ledger.highest().map_or(30_000, |highest| highest.seq().0);
    let near = match random.next_u32() % 8 {
        0 => random.next_u32() as u16,
        1 | 2 => highest.wrapping_sub((random.next_u32() % 1_100) as u16),
        3 => highest.wrapping_add((random.next_u32() % 900) as u16),
        _ => highest.wrapping_add((random.next_u32() % 5) as u16).wrapping_sub(2),
    };
    let claim = match random.next_u32() % 4 {
        0 => ledger.claim_next(),
        _ => ledger.claim(Seq(near)),
    };
    let claim = claim.ok()?;
    assert!(ledger.was_claimed(claim.seq()));
    let mut buffer = [0; 60];
    // Now and then sealing fails, or the claim is dropped.
    let len = match random.next_u32() % 16 {
        0 => 11,
        1 => 55,
        2 => return None,
        _ => 28,
    };
    sealer.seal_rtp(claim, 12, len, &mut buffer).ok()?;
    buffer[12..28].try_into().ok()
}

#[test]
fn no_key_stream_twice_in_a_hundred_thousand_operations() {
    for profile in [Profile::AeadAes256Gcm, Profile::Aes128CmHmacSha1_80] {
        let mut random = Random::from_seed([42; 32]);
        let (mut sealer, _) = pair(profile);
        let mut ledgers: Vec<Ledger> = Vec::new();
        let mut seen = HashSet::new();
        let mut sealed = 0;
        for _ in 0..100_000 {
            match random.next_u32() % 64 {
                0 => ledgers.extend(sealer.ledger(Ssrc(random.next_u32() % 6))),
                1 => {
                    let mut buffer = [0; 60];
                    if sealer.seal_rtcp(24, &mut buffer).is_ok() {
                        sealed += 1;
                        assert!(seen.insert(buffer[8..24].to_vec()), "SRTCP key stream twice");
                    }
                }
                pick => {
                    let count = ledgers.len().max(1);
                    let Some(ledger) = ledgers.get_mut(pick as usize % count) else { continue };
                    if let Some(stream) = key_stream(&sealer, ledger, &mut random) {
                        sealed += 1;
                        assert!(seen.insert(stream.to_vec()), "SRTP key stream twice");
                    }
                }
            }
        }
        assert_eq!((ledgers.len(), seen.len()), (6, sealed));
        assert!(sealed > 30_000, "{sealed} is too few to tell");
    }
}
