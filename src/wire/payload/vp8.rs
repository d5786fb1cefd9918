//! VP8 payload descriptor: keyframe, temporal layer, and the two counters a leg rewrites.
//! RFC 7741 §4.2 (descriptor), §4.3 (first byte of the frame).

use super::Facts;

/// A picture id, RFC 7741 §4.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PictureId {
    /// Its value: 7 bits, or 15 if `wide`. Wraps.
    pub value: u16,
    /// Whether it has 15 bits (the M bit).
    pub wide: bool,
    /// Of its first byte in the payload.
    pub offset: usize,
}

impl PictureId {
    /// The bits its value has.
    pub fn mask(&self) -> u16 {
        if self.wide { 0x7FFF } else { 0x7F }
    }
}

/// A running index of frames of temporal layer 0, RFC 7741 §4.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tl0PicIdx {
    /// Its value, 8 bits. Wraps.
    pub value: u8,
    /// In the payload.
    pub offset: usize,
}

/// What of the descriptor counts up within a source, and so has to be rewritten when the source of
/// a leg changes. RFC 7741 §4.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Vp8Fields {
    /// Picture id (I bit).
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX (L bit).
    pub tl0picidx: Option<Tl0PicIdx>,
}

/// Reads the facts of a VP8 payload, RFC 7741 §4.2.
#[inline]
pub fn inspect(payload: &[u8]) -> Facts {
    descriptor(payload).unwrap_or_default()
}

#[inline]
fn descriptor(payload: &[u8]) -> Option<Facts> {
    let first = *payload.first()?; // X R N S R PID(3)
    let starts_partition_0 = first & 0x17 == 0x10; // S set, PID 0
    let mut facts = Facts {
        discardable: first & 0x20 != 0,
        start_of_frame: starts_partition_0,
        ..Facts::default()
    };
    let mut fields = Vp8Fields::default();
    let mut at = 1;
    if first & 0x80 != 0 {
        let flags = *payload.get(1)?; // I L T K RSV(4)
        at = 2;
        if flags & 0x80 != 0 {
            let picture_id = picture_id(payload, at)?;
            at += if picture_id.wide { 2 } else { 1 };
            fields.picture_id = Some(picture_id);
        }
        if flags & 0x40 != 0 {
            fields.tl0picidx = Some(Tl0PicIdx { value: *payload.get(at)?, offset: at });
            at += 1;
        }
        if flags & 0x30 != 0 {
            let layer = *payload.get(at)?; // TID(2) Y KEYIDX(5)
            at += 1;
            if flags & 0x20 != 0 {
                facts.temporal = Some(layer >> 6);
                facts.layer_sync = layer & 0x20 != 0;
            }
        }
    }
    // §4.3: P of the frame header is 0 in a keyframe. It is there with the first partition only.
    facts.keyframe = *payload.get(at)? & 1 == 0 && starts_partition_0;
    facts.vp8 = Some(fields);
    Some(facts)
}

#[inline]
fn picture_id(payload: &[u8], offset: usize) -> Option<PictureId> {
    let first = *payload.get(offset)?;
    if first & 0x80 == 0 {
        return Some(PictureId { value: u16::from(first), wide: false, offset });
    }
    let value = u16::from_be_bytes([first & 0x7F, *payload.get(offset + 1)?]);
    Some(PictureId { value, wide: true, offset })
}

/// Overwrites the picture id, keeping its width: of a narrow one the low 7 bits are written.
/// `None`, and no change, if the payload has none. RFC 7741 §4.2.
#[inline]
pub fn patch_picture_id(payload: &mut [u8], value: u16) -> Option<()> {
    let picture_id = inspect(payload).vp8?.picture_id?;
    put_picture_id(payload, picture_id, value)
}

/// Overwrites TL0PICIDX. `None`, and no change, if the payload has none. RFC 7741 §4.2.
#[inline]
pub fn patch_tl0picidx(payload: &mut [u8], value: u8) -> Option<()> {
    let place = inspect(payload).vp8?.tl0picidx?;
    *payload.get_mut(place.offset)? = value;
    Some(())
}

impl Vp8Fields {
    /// Overwrites both at places known from [`inspect`] of the same payload, or of what it is a
    /// copy of. What the payload does not have is not written. RFC 7741 §4.2.
    #[inline]
    pub fn patch(&self, payload: &mut [u8], picture_id: u16, tl0picidx: u8) -> Option<()> {
        if let Some(place) = self.picture_id {
            put_picture_id(payload, place, picture_id)?;
        }
        if let Some(place) = self.tl0picidx {
            *payload.get_mut(place.offset)? = tl0picidx;
        }
        Some(())
    }
}

#[inline]
fn put_picture_id(payload: &mut [u8], place: PictureId, value: u16) -> Option<()> {
    let [high, low] = value.to_be_bytes();
    let rest = payload.get_mut(place.offset..)?;
    if place.wide {
        *rest.first_chunk_mut::<2>()? = [high | 0x80, low];
    } else {
        *rest.first_mut()? = low & 0x7F;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(value: u16, offset: usize) -> Option<PictureId> {
        Some(PictureId { value, wide: true, offset })
    }

    fn narrow(value: u16, offset: usize) -> Option<PictureId> {
        Some(PictureId { value, wide: false, offset })
    }

    fn tl0(value: u8, offset: usize) -> Option<Tl0PicIdx> {
        Some(Tl0PicIdx { value, offset })
    }

    #[test]
    fn descriptors() {
        // payload, keyframe, start, temporal, picture id, tl0picidx
        for (payload, keyframe, start, temporal, picture_id, tl0picidx) in [
            (&[0x10, 0x50][..], true, true, None, None, None), // S, PID 0; P bit of the frame 0
            (&[0x10, 0x51], false, true, None, None, None),    // interframe
            (&[0x00, 0x50], false, false, None, None, None),   // inside a partition
            (&[0x11, 0x50], false, false, None, None, None),   // second partition
            (&[0x90, 0x80, 0x7F, 0x50], true, true, None, narrow(127, 2), None),
            (&[0x90, 0x80, 0xFF, 0xFF, 0x50], true, true, None, wide(0x7FFF, 2), None),
            (&[0x90, 0x80, 0x80, 0x05, 0x50], true, true, None, wide(5, 2), None), // wide, small
            // What Chromium sends: I, L and T.
            (
                &[0x90, 0xE0, 0x81, 2, 3, 0x60, 0x51],
                false,
                true,
                Some(1),
                wide(0x102, 2),
                tl0(3, 4),
            ),
            (&[0x90, 0x40, 9, 0x51], false, true, None, None, tl0(9, 2)),
            (&[0x90, 0x10, 0xDF, 0x51], false, true, None, None, None), // K alone: TID is ignored
            (&[0x90, 0x20, 0xC0, 0x51], false, true, Some(3), None, None),
            (&[0x90, 0x00, 0x50], true, true, None, None, None), // X without anything
        ] {
            let facts = inspect(payload);
            assert_eq!((facts.keyframe, facts.start_of_frame), (keyframe, start), "{payload:x?}");
            assert_eq!(facts.temporal, temporal, "{payload:x?}");
            assert_eq!(facts.vp8, Some(Vp8Fields { picture_id, tl0picidx }), "{payload:x?}");
        }
    }

    #[test]
    fn flags() {
        assert!(inspect(&[0x30, 0x51]).discardable); // N
        assert!(!inspect(&[0x10, 0x51]).discardable);
        assert!(inspect(&[0x90, 0x20, 0x60, 0x51]).layer_sync); // Y
        assert!(!inspect(&[0x90, 0x20, 0x40, 0x51]).layer_sync);
        assert!(!inspect(&[0x90, 0x10, 0x20, 0x51]).layer_sync, "without T it means nothing");
    }

    #[test]
    fn cut_short_has_no_facts() {
        let whole = [0x90, 0xE0, 0x81, 2, 3, 0x60, 0x50];
        assert!(inspect(&whole).keyframe);
        for len in 0..whole.len() {
            assert_eq!(inspect(&whole[..len]), Facts::default(), "{len}");
        }
    }

    #[test]
    fn patches() {
        for (payload, value, expected) in [
            (&[0x90, 0x80, 0x81, 2, 0x50][..], 0x7ABC, Some(&[0x90, 0x80, 0xFA, 0xBC, 0x50][..])),
            (&[0x90, 0x80, 0x81, 2, 0x50], 0xFFFF, Some(&[0x90, 0x80, 0xFF, 0xFF, 0x50])),
            (&[0x90, 0x80, 0x05, 0x50], 0x1F3, Some(&[0x90, 0x80, 0x73, 0x50])), // 7 bits stay 7
            (&[0x10, 0x50], 1, None),
            (&[0x90, 0x80, 0x81], 1, None),
        ] {
            let mut patched = payload.to_vec();
            assert_eq!(patch_picture_id(&mut patched, value).is_some(), expected.is_some());
            assert_eq!(patched, expected.unwrap_or(payload), "{payload:x?}");
        }
        let mut payload = [0x90, 0xE0, 0x81, 2, 3, 0x60, 0x51];
        let fields = inspect(&payload).vp8.unwrap();
        patch_tl0picidx(&mut payload, 0xFE).unwrap();
        assert_eq!(payload, [0x90, 0xE0, 0x81, 2, 0xFE, 0x60, 0x51]);
        fields.patch(&mut payload, 0x0304, 9).unwrap();
        assert_eq!(payload, [0x90, 0xE0, 0x83, 4, 9, 0x60, 0x51]);
        assert_eq!(fields.patch(&mut payload[..3], 1, 1), None);
        assert_eq!(patch_tl0picidx(&mut [0x10, 0x50], 1), None);
    }
}
