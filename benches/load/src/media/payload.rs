//! What packets carry: the codec's own bytes where a server looks, then a stamp, then bytes that follow
//! from the stamp, so that a receiver knows every byte that must be there.

use crate::options::VideoCodec;

/// First bytes of a stamp.
const MAGIC: [u8; 4] = *b"RFLD";
/// Length of a stamp.
pub const STAMP_LEN: usize = 32;
/// VP8 keyframe: frame tag (shown, version 0), start code, 640 × 360 (RFC 6386 §9.1).
const VP8_KEY: [u8; 10] = [0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0x68, 0x01];
/// The same length without meaning, for other frames: bit 0 says that it is predicted.
const VP8_DELTA: [u8; 10] = [0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Opus: CELT fullband, 20 ms, mono, one frame (RFC 6716 §3.1).
const OPUS_TOC: u8 = 31 << 3;

/// Who sent a packet, where and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The publisher.
    pub person: u32,
    /// Its room, as it knew when it sent.
    pub room: u32,
    /// Number of the packet in its source, from 0.
    pub number: u64,
    /// When, by [`crate::clock::now`].
    pub sent: u64,
    /// Whether it is video.
    pub video: bool,
}

/// A packet's place in its frame.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The first packet of the frame.
    pub first: bool,
    /// The last one.
    pub last: bool,
    /// The frame can be decoded alone.
    pub key: bool,
    /// Number of the frame.
    pub picture: u16,
}

impl Stamp {
    /// Writes stamp and filling into `out`.
    fn write(&self, out: &mut Vec<u8>, len: usize) {
        let start = out.len();
        out.extend(MAGIC);
        out.extend(self.person.to_be_bytes());
        out.extend(self.room.to_be_bytes());
        out.extend(u32::from(self.video).to_be_bytes());
        out.extend(self.number.to_be_bytes());
        out.extend(self.sent.to_be_bytes());
        let filling = len.saturating_sub(STAMP_LEN);
        out.resize(start + STAMP_LEN + filling, 0);
        fill(self.key(), &mut out[start + STAMP_LEN..]);
    }

    /// Reads a stamp and compares what is behind it; `None`: not what was sent.
    fn read(bytes: &[u8]) -> Option<Stamp> {
        let (stamp, filling) = bytes.split_at_checked(STAMP_LEN)?;
        let word = |at: usize| -> Option<u32> {
            Some(u32::from_be_bytes(stamp.get(at..at + 4)?.try_into().ok()?))
        };
        let long = |at: usize| -> Option<u64> {
            Some(u64::from_be_bytes(stamp.get(at..at + 8)?.try_into().ok()?))
        };
        let read = Stamp {
            person: word(4)?,
            room: word(8)?,
            video: word(12)? == 1,
            number: long(16)?,
            sent: long(24)?,
        };
        (stamp.starts_with(&MAGIC) && matches(read.key(), filling)).then_some(read)
    }

    fn key(&self) -> u64 {
        (u64::from(self.person) << 33 | u64::from(self.video) << 32) ^ self.number
    }
}

/// A payload of Opus of `len` bytes.
pub fn write_audio(stamp: &Stamp, len: usize, out: &mut Vec<u8>) {
    out.push(OPUS_TOC);
    stamp.write(out, len - 1);
}

/// Reads and compares it.
pub fn read_audio(payload: &[u8]) -> Option<Stamp> {
    let (toc, rest) = payload.split_first()?;
    Stamp::read(rest).filter(|_| *toc == OPUS_TOC)
}

/// A payload of video of `len` bytes, or a few more if that is less than it needs.
pub fn write_video(codec: VideoCodec, stamp: &Stamp, part: Part, len: usize, out: &mut Vec<u8>) {
    let start = out.len();
    let [high, low] = part.picture.to_be_bytes();
    match codec {
        VideoCodec::Vp8 => {
            // X, S; I; 15 bits of picture id (RFC 7741 §4.2).
            out.extend([0x80 | u8::from(part.first) << 4, 0x80, 0x80 | high, low]);
            if part.first {
                out.extend(if part.key { VP8_KEY } else { VP8_DELTA });
            }
        }
        VideoCodec::Vp9 => {
            // I, P, B, E; picture id (RFC 9628 §4.2).
            let predicted = u8::from(!part.key) << 6;
            let ends = u8::from(part.first) << 3 | u8::from(part.last) << 2;
            out.extend([0x80 | predicted | ends, 0x80 | high, low]);
        }
        VideoCodec::H264 => {
            // FU-A of an IDR or another slice (RFC 6184 §5.8), then first_mb_in_slice 0.
            let kind = if part.key { 5 } else { 1 };
            let ends = u8::from(part.first) << 7 | u8::from(part.last && !part.first) << 6;
            out.extend([0x7C, ends | kind, 0x88]);
        }
    }
    let head = out.len() - start;
    stamp.write(out, len.saturating_sub(head));
}

/// Reads and compares it. What a server may rewrite (the picture id) is passed over.
pub fn read_video(codec: VideoCodec, payload: &[u8]) -> Option<Stamp> {
    let first = *payload.first()?;
    let head = match codec {
        VideoCodec::Vp8 if first & 0x10 != 0 => {
            let head = payload.get(4..14)?;
            if head != VP8_KEY && head != VP8_DELTA {
                return None;
            }
            14
        }
        VideoCodec::Vp8 => 4,
        VideoCodec::Vp9 | VideoCodec::H264 => 3,
    };
    Stamp::read(payload.get(head..)?)
}

/// One step of xorshift64* (Vigna 2016): fast, and different for every key.
fn step(state: &mut u64) -> [u8; 8] {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes()
}

fn fill(key: u64, out: &mut [u8]) {
    let mut state = key.wrapping_add(0x9E37_79B9_7F4A_7C15) | 1;
    for chunk in out.chunks_mut(8) {
        chunk.copy_from_slice(&step(&mut state)[..chunk.len()]);
    }
}

fn matches(key: u64, bytes: &[u8]) -> bool {
    let mut state = key.wrapping_add(0x9E37_79B9_7F4A_7C15) | 1;
    bytes.chunks(8).all(|chunk| *chunk == step(&mut state)[..chunk.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { person: 7, room: 1_025, number: 99, sent: 123, video: true };

    #[test]
    fn what_is_written_reads_back_and_any_flipped_bit_is_seen() {
        let part = |first, key| Part { first, last: false, key, picture: 300 };
        for (codec, part) in [
            (VideoCodec::Vp8, part(true, true)),
            (VideoCodec::Vp8, part(true, false)),
            (VideoCodec::Vp8, part(false, false)),
            (VideoCodec::Vp9, part(true, true)),
            (VideoCodec::H264, part(true, true)),
        ] {
            let mut bytes = Vec::new();
            write_video(codec, &STAMP, part, 200, &mut bytes);
            assert_eq!(bytes.len(), 200);
            assert_eq!(read_video(codec, &bytes), Some(STAMP), "{codec:?} {part:?}");
            let head = bytes.len() - 200 + 14;
            for at in head..bytes.len() {
                let mut broken = bytes.clone();
                broken[at] ^= 1;
                assert_ne!(read_video(codec, &broken), Some(STAMP), "{codec:?} byte {at}");
            }
        }
    }

    #[test]
    fn audio() {
        let stamp = Stamp { video: false, ..STAMP };
        let mut bytes = Vec::new();
        write_audio(&stamp, 80, &mut bytes);
        assert_eq!((bytes.len(), read_audio(&bytes)), (80, Some(stamp)));
        bytes[60] ^= 4;
        assert_eq!(read_audio(&bytes), None);
        assert_eq!(read_audio(&[]), None);
    }
}
