//! H.264 payload: parameter sets and IDR slices, in single NAL units, aggregates and fragments.
//! RFC 6184 §5.3-5.8.
//!
//! Counts as a keyframe: a sequence parameter set (sent ahead of the IDR picture, often in a packet
//! of its own) and the start of an IDR slice (for encoders that sent their parameter sets in SDP).

use super::Facts;

/// NAL unit types, ITU-T H.264 table 7-1 and RFC 6184 §5.2.
mod unit {
    pub const SLICE: u8 = 1;
    pub const IDR: u8 = 5;
    pub const SEI: u8 = 6;
    pub const SEQUENCE_PARAMETERS: u8 = 7;
    pub const DELIMITER: u8 = 9;
    pub const LAST_SINGLE: u8 = 23;
    pub const STAP_A: u8 = 24;
    pub const FU_A: u8 = 28;
}

/// More units in one aggregate than an encoder makes; those behind are not looked at.
const UNITS_MAX: usize = 16;

/// Reads the facts of an H.264 payload, RFC 6184 §5.3. STAP-B, MTAP and FU-B belong to
/// packetization mode 2, which is never negotiated: no facts.
#[inline]
pub fn inspect(payload: &[u8]) -> Facts {
    let Some((header, rest)) = payload.split_first() else {
        return Facts::default();
    };
    let facts = match header & 0x1F {
        kind @ 1..=unit::LAST_SINGLE => look(kind, rest.first()),
        unit::STAP_A => aggregate(rest),
        unit::FU_A => fragment(rest),
        _ => return Facts::default(),
    };
    // F and NRI: 0 in NRI says that nothing refers to what is inside (§5.3).
    Facts { discardable: header & 0x60 == 0, ..facts }
}

/// What a unit says whose payload begins with `first`.
#[inline]
fn look(kind: u8, first: Option<&u8>) -> Facts {
    // first_mb_in_slice (H.264 §7.3.3) is an exponential Golomb number: 0 is the single bit 1.
    let first_slice = first.is_some_and(|byte| byte & 0x80 != 0);
    let (keyframe, start_of_frame) = match kind {
        unit::IDR => (first_slice, first_slice),
        unit::SLICE => (false, first_slice),
        unit::SEQUENCE_PARAMETERS => (true, true),
        unit::SEI | unit::DELIMITER => (false, true),
        _ => (false, false),
    };
    Facts { keyframe, start_of_frame, ..Facts::default() }
}

/// STAP-A, RFC 6184 §5.7.1: units, each behind its length in 16 bits. One that runs past the end
/// makes the whole unreadable.
fn aggregate(mut rest: &[u8]) -> Facts {
    let mut facts = Facts::default();
    for place in 0..UNITS_MAX {
        if rest.is_empty() {
            break;
        }
        let Some((size, after)) = rest.split_first_chunk::<2>() else {
            return Facts::default();
        };
        let size = usize::from(u16::from_be_bytes(*size));
        let Some((unit, after)) = after.split_at_checked(size) else {
            return Facts::default();
        };
        rest = after;
        let Some((header, body)) = unit.split_first() else {
            continue;
        };
        let seen = look(header & 0x1F, body.first());
        facts.keyframe |= seen.keyframe;
        facts.start_of_frame |= seen.start_of_frame && place == 0;
    }
    facts
}

/// FU-A, RFC 6184 §5.8: S E R and the unit's type, then a piece of it. Only the first piece begins
/// anything.
#[inline]
fn fragment(rest: &[u8]) -> Facts {
    match rest {
        [header, body @ ..] if header & 0x80 != 0 => look(header & 0x1F, body.first()),
        _ => Facts::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        // payload, keyframe, start
        for (payload, keyframe, start) in [
            (&[0x65, 0x88][..], true, true), // IDR, first slice
            (&[0x65, 0x40], false, false),   // IDR, a later slice
            (&[0x61, 0x9A], false, true),    // slice
            (&[0x61, 0x40], false, false),   // later slice
            (&[0x67, 0x42], true, true),     // SPS
            (&[0x68, 0xCE], false, false),   // PPS: behind its SPS
            (&[0x06, 0x05], false, true),    // SEI
            (&[0x09, 0x10], false, true),    // AUD
            (&[0x65], false, false),         // IDR with nothing in it
            (&[0x78, 0, 2, 0x67, 0x42, 0, 2, 0x68, 0xCE, 0, 2, 0x65, 0x88], true, true), // STAP-A
            (&[0x78, 0, 2, 0x68, 0xCE, 0, 2, 0x65, 0x88], true, false), // no SPS first
            (&[0x78, 0, 2, 0x61, 0x9A, 0, 2, 0x61, 0x40], false, true), // two slices
            (&[0x78, 0, 0, 0, 2, 0x65, 0x88], true, false), // an empty unit is passed over
            (&[0x78, 0, 2, 0x67, 0x42, 0, 9, 0x65], false, false), // runs past the end
            (&[0x78, 0, 2, 0x67, 0x42, 0], false, false), // half a length
            (&[0x7C, 0x85, 0x88], true, true), // FU-A, S, IDR
            (&[0x7C, 0x05, 0x88], false, false), // middle
            (&[0x7C, 0x45, 0x88], false, false), // end
            (&[0x7C, 0x87, 0x42], true, true), // FU-A, S, SPS
            (&[0x7C, 0x81, 0x9A], false, true), // FU-A, S, slice
            (&[0x7C, 0x85], false, false),   // nothing in it
            (&[0x7C], false, false),
            (&[0x79, 0, 0, 0, 2, 0x67, 0x42], false, false), // STAP-B
            (&[0x7D, 0x85, 0, 0, 0x88], false, false),       // FU-B
            (&[0x60, 0x88], false, false),                   // type 0
            (&[], false, false),
        ] {
            let facts = inspect(payload);
            assert_eq!((facts.keyframe, facts.start_of_frame), (keyframe, start), "{payload:x?}");
            assert_eq!((facts.temporal, facts.spatial), (None, None));
        }
    }

    #[test]
    fn nothing_refers_to_nri_0() {
        assert!(inspect(&[0x01, 0x9A]).discardable);
        assert!(inspect(&[0x1C, 0x81, 0x9A]).discardable); // fragments repeat it
        assert!(!inspect(&[0x21, 0x9A]).discardable);
        assert!(!inspect(&[]).discardable);
    }

    #[test]
    fn units_behind_the_sixteenth_are_not_looked_at() {
        let mut payload = vec![0x78];
        for _ in 0..16 {
            payload.extend_from_slice(&[0, 2, 0x61, 0x40]);
        }
        payload.extend_from_slice(&[0, 2, 0x65, 0x88]);
        assert!(!inspect(&payload).keyframe);
        payload.drain(1..5);
        assert!(inspect(&payload).keyframe);
    }
}
