//! AV1 payload: aggregation header and OBU headers. AV1 RTP payload specification 1.0 §4.4-4.5.
//!
//! Layers come better from the Dependency Descriptor (`descriptor`), if the stream has it.

use super::Facts;

/// OBU types, AV1 bitstream specification §6.2.2.
mod obu {
    pub const SEQUENCE_HEADER: u8 = 1;
    pub const FRAME_HEADER: u8 = 3;
    pub const TILE_GROUP: u8 = 4;
    pub const FRAME: u8 = 6;
}

/// More elements in one packet than an encoder makes; those behind are not looked at.
const ELEMENTS_MAX: usize = 16;

/// Reads the facts of an AV1 payload, AV1 RTP 1.0 §4.4. A keyframe has the N bit set (first packet
/// of a coded video sequence) or carries the start of a sequence header.
#[inline]
pub fn inspect(payload: &[u8]) -> Facts {
    elements(payload).unwrap_or_default()
}

fn elements(payload: &[u8]) -> Option<Facts> {
    let (header, mut rest) = payload.split_first()?; // Z Y W(2) N -(3)
    let continues = header & 0x80 != 0;
    let count = usize::from(header >> 4 & 3); // 0: any number, each behind its length
    rest.first()?;
    let mut facts = Facts {
        keyframe: header & 0x08 != 0 && !continues, // N with Z is forbidden (§4.4)
        start_of_frame: !continues,
        ..Facts::default()
    };
    for place in 1..=ELEMENTS_MAX {
        if rest.is_empty() || count != 0 && place > count {
            break;
        }
        let element = if place == count {
            std::mem::take(&mut rest) // the last of W has no length
        } else {
            let (len, after) = leb128(rest)?;
            let (element, after) = after.split_at_checked(len)?;
            rest = after;
            element
        };
        if place == 1 && continues {
            continue; // begins inside an OBU, whose header came before
        }
        look(element, &mut facts);
    }
    Some(facts)
}

/// OBU header, AV1 §5.3.2: 0 TYPE(4) X S 0, and with X: TID(3) SID(2) 000.
#[inline]
fn look(element: &[u8], facts: &mut Facts) {
    let [header, ..] = *element else { return };
    let kind = header >> 3 & 0xF;
    facts.keyframe |= kind == obu::SEQUENCE_HEADER;
    let of_a_frame = matches!(kind, obu::FRAME_HEADER | obu::TILE_GROUP | obu::FRAME);
    if of_a_frame
        && header & 4 != 0
        && facts.temporal.is_none()
        && let Some(layer) = element.get(1)
    {
        facts.temporal = Some(layer >> 5);
        facts.spatial = Some(layer >> 3 & 3);
    }
}

/// A length in at most eight groups of 7 bits, lowest first, AV1 §4.10.5; and what follows it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * place); // at most 56 bits
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, bytes.get(place + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates() {
        // payload, keyframe, start, (temporal, spatial)
        for (payload, keyframe, start, layer) in [
            (&[0x18, 0x0A, 1][..], true, true, None), // W=1, N, sequence header
            (&[0x10, 0x0A, 1], true, true, None),     // sequence header without N
            (&[0x08, 2, 0x0A, 1, 1, 0x32], true, true, None), // W=0, N: lengths everywhere
            (&[0x20, 1, 0x12, 0x32, 5], false, true, None), // W=2: delimiter, frame
            (&[0x20, 1, 0x32, 0x0A, 5], true, true, None), // the second is a sequence header
            (&[0x90, 0x0A, 1], false, false, None),   // Z: these bytes are inside an OBU
            (&[0x98, 0x0A, 1], false, false, None),   // N with Z: forbidden
            (&[0xA0, 2, 9, 9, 0x0A], true, false, None), // Z, then a whole sequence header
            (&[0x10, 0x36, 0x28, 1], false, true, Some((1, 1))), // frame with extension
            (&[0x10, 0x0E, 0x28, 1], true, true, None), // layers of frames only
            (&[0x10, 0x36], false, true, None),       // extension cut off
            (&[0x30, 0x81, 0, 0x12, 0, 0x32], false, true, None), // long form of 1; empty element
            (&[0x10], false, false, None),            // nothing behind the header
            (&[], false, false, None),
            (&[0x00, 5, 0x0A], false, false, None), // runs past the end
            (&[0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0], false, false, None),
            (&[0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], false, false, None),
        ] {
            let facts = inspect(payload);
            assert_eq!((facts.keyframe, facts.start_of_frame), (keyframe, start), "{payload:x?}");
            assert_eq!(facts.temporal.zip(facts.spatial), layer, "{payload:x?}");
        }
    }

    #[test]
    fn elements_behind_the_sixteenth_are_not_looked_at() {
        let mut payload = vec![0x00];
        for _ in 0..16 {
            payload.extend_from_slice(&[1, 0x32]);
        }
        payload.extend_from_slice(&[1, 0x0A]);
        assert!(!inspect(&payload).keyframe);
        payload.drain(1..3);
        assert!(inspect(&payload).keyframe);
    }
}
