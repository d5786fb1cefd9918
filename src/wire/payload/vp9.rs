//! VP9 payload descriptor: keyframe and layer. RFC 9628 §4.2.
//!
//! The descriptor alone: the frame behind it may be encrypted end to end.

use super::Facts;

/// Reads the facts of a VP9 payload, RFC 9628 §4.2.
#[inline]
pub fn inspect(payload: &[u8]) -> Facts {
    descriptor(payload).unwrap_or_default()
}

#[inline]
fn descriptor(payload: &[u8]) -> Option<Facts> {
    let first = *payload.first()?; // I P L F B E V Z
    let flag = |bit: u8| first & bit != 0;
    let (predicted, flexible, starts) = (flag(0x40), flag(0x10), flag(0x08));
    let mut at = 1;
    if flag(0x80) {
        let picture_id = *payload.get(at)?; // M, then 7 or 15 bits
        at += if picture_id & 0x80 != 0 { 2 } else { 1 };
    }
    let mut facts = Facts {
        start_of_frame: starts,
        // Z: no frame of a higher spatial layer of this picture refers to it. It says nothing of
        // the pictures after it, so it does not make the frame discardable.
        ..Facts::default()
    };
    if flag(0x20) {
        let layer = *payload.get(at)?; // TID(3) U SID(3) D
        at += 1;
        facts.temporal = Some(layer >> 5);
        facts.spatial = Some(layer >> 1 & 7);
        facts.layer_sync = layer & 0x10 != 0;
        if !flexible {
            at += 1; // TL0PICIDX
        }
    }
    if flexible && predicted {
        at = after_references(payload, at)?;
    }
    payload.get(at)?; // something follows the descriptor
    facts.keyframe = starts && !predicted && facts.spatial.unwrap_or(0) == 0;
    Some(facts)
}

/// One to three reference indices, P_DIFF(7) N: the last has N 0 (§4.2.1).
#[inline]
fn after_references(payload: &[u8], mut at: usize) -> Option<usize> {
    for _ in 0..3 {
        let more = *payload.get(at)? & 1 != 0;
        at += 1;
        if !more {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors() {
        // payload, keyframe, start, temporal, spatial
        for (payload, keyframe, start, temporal, spatial) in [
            (&[0x08, 1][..], true, true, None, None), // B, nothing else
            (&[0x48, 1], false, true, None, None),    // P: predicted from another picture
            (&[0x04, 1], false, false, None, None),   // E: the end of a keyframe is not its start
            (&[0x88, 0x05, 1], true, true, None, None), // 7-bit picture id
            (&[0x88, 0x85, 0x06, 1], true, true, None, None), // 15-bit
            (&[0xA8, 0x85, 6, 0x00, 9, 1], true, true, Some(0), Some(0)), // not flexible: TL0PICIDX
            (&[0xA8, 0x85, 6, 0x53, 9, 1], false, true, Some(2), Some(1)), // layer 1 is no start
            (&[0xB8, 0x85, 6, 0x00, 1], true, true, Some(0), Some(0)), // flexible, not predicted
            (&[0xF8, 0x85, 6, 0x20, 0x02, 1], false, true, Some(1), Some(0)), // one reference
            (&[0xF8, 0x85, 6, 0x20, 3, 5, 6, 1], false, true, Some(1), Some(0)), // three
        ] {
            let facts = inspect(payload);
            assert_eq!((facts.keyframe, facts.start_of_frame), (keyframe, start), "{payload:x?}");
            assert_eq!((facts.temporal, facts.spatial), (temporal, spatial), "{payload:x?}");
        }
        assert!(inspect(&[0x28, 0x30, 0, 1]).layer_sync); // U
    }

    #[test]
    fn cut_short_has_no_facts() {
        for whole in [&[0xA8, 0x85, 6, 0x00, 9, 1][..], &[0xF8, 0x85, 6, 0x20, 3, 5, 6, 1]] {
            assert_ne!(inspect(whole), Facts::default());
            for len in 0..whole.len() {
                assert_eq!(inspect(&whole[..len]), Facts::default(), "{len}");
            }
        }
        assert_eq!(inspect(&[0x58, 3, 5, 7, 9, 1]), Facts::default(), "a fourth reference");
    }
}
