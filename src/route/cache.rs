//! The packets of one track, stored once as plaintext: what the fan-out reads and what
//! retransmissions (RFC 4588) are made of.
//!
//! A ring of entries over a ring of bytes. Entries are found by the publisher's packet number; one
//! that was overwritten is not found, never mistaken. Memory is taken with the first packet.

use super::packet::{Packet, SourceIndex};

/// Longest stored packet, in bytes: descriptor and payload.
pub const PACKET_MAX: usize = 2048;

/// How much a cache holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Depth {
    /// Packets; a power of two.
    pub packets: usize,
    /// Bytes.
    pub bytes: usize,
}

impl Depth {
    /// About a second and a half of video at 1.5 Mbit/s.
    pub const VIDEO: Depth = Depth { packets: 512, bytes: 320 * 1024 };
    /// About a second of Opus.
    pub const AUDIO: Depth = Depth { packets: 64, bytes: 16 * 1024 };
}

#[derive(Clone, Copy)]
struct Entry {
    packet: Packet,
    /// Position of its first byte, counted from the first byte ever stored.
    start: u64,
    descriptor_len: u16,
    len: u16,
}

/// A stored packet, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// What is known of it.
    pub packet: Packet,
    /// The AV1 Dependency Descriptor extension it came with; empty: none.
    pub descriptor: &'a [u8],
    /// Its payload, without padding.
    pub payload: &'a [u8],
}

/// The last packets of one track.
pub struct Cache {
    depth: Depth,
    entries: Vec<Option<Entry>>,
    bytes: Vec<u8>,
    /// Bytes ever stored, skipped ends of the ring included.
    written: u64,
}

impl Cache {
    /// An empty cache; takes no memory yet.
    pub fn new(depth: Depth) -> Self {
        Self { depth, entries: Vec::new(), bytes: Vec::new(), written: 0 }
    }

    /// Stores one packet, over the oldest ones. Returns false for one that is longer than
    /// [`PACKET_MAX`]; nothing is stored then.
    pub fn insert(&mut self, packet: Packet, descriptor: &[u8], payload: &[u8]) -> bool {
        let len = descriptor.len() + payload.len();
        if len > PACKET_MAX {
            return false;
        }
        if self.entries.is_empty() {
            self.entries.resize(self.depth.packets, None);
            self.bytes.resize(self.depth.bytes, 0);
        }
        let at = self.place(len);
        let (first, rest) = self.bytes[at..at + len].split_at_mut(descriptor.len());
        first.copy_from_slice(descriptor);
        rest.copy_from_slice(payload);
        let slot = self.slot(packet.index);
        self.entries[slot] = Some(Entry {
            packet,
            start: self.written,
            descriptor_len: descriptor.len() as u16, // both at most PACKET_MAX, checked above
            len: len as u16,
        });
        self.written += len as u64;
        true
    }

    /// The packet numbered `index`, if it is still there.
    pub fn find(&self, index: SourceIndex) -> Option<Stored<'_>> {
        let entry = self.entries.get(self.slot(index))?.as_ref()?;
        let kept = entry.start + self.depth.bytes as u64 >= self.written;
        if entry.packet.index != index || !kept {
            return None;
        }
        let at = (entry.start % self.depth.bytes as u64) as usize;
        let bytes = self.bytes.get(at..at + usize::from(entry.len))?;
        let (descriptor, payload) = bytes.split_at_checked(usize::from(entry.descriptor_len))?;
        Some(Stored { packet: entry.packet, descriptor, payload })
    }

    /// Forgets every packet: what was said before a cut is gone (DESIGN.md §4).
    pub fn purge(&mut self) {
        self.entries.fill(None);
    }

    /// Where `len` bytes go, in one piece: skips the ring's end if it is too short.
    fn place(&mut self, len: usize) -> usize {
        let at = (self.written % self.depth.bytes as u64) as usize;
        if at + len <= self.depth.bytes {
            return at;
        }
        self.written += (self.depth.bytes - at) as u64;
        0
    }

    fn slot(&self, index: SourceIndex) -> usize {
        index.0 as usize & (self.depth.packets - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::wire::media::Codec;
    use crate::wire::number::Timestamp;
    use crate::wire::payload::Facts;

    fn packet(index: u64) -> Packet {
        Packet {
            index: SourceIndex(index),
            timestamp: Timestamp(index as u32),
            marker: false,
            codec: Codec::Opus,
            audio_level: None,
            orientation: None,
            facts: Facts::default(),
        }
    }

    /// Bytes that tell which packet they belong to.
    fn bytes(index: u64, len: usize) -> Vec<u8> {
        (0..len).map(|at| (index as u8).wrapping_mul(31).wrapping_add(at as u8)).collect()
    }

    #[test]
    fn what_is_found_is_what_was_stored() {
        let depth = Depth { packets: 64, bytes: 4096 };
        let mut cache = Cache::new(depth);
        let mut all: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        let mut state = 7u64;
        for step in 0..20_000u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let index = step + (state >> 60); // reordered by up to 15
            if all.contains_key(&index) {
                continue;
            }
            let payload = bytes(index, (state >> 40) as usize % 300);
            assert!(cache.insert(
                packet(index),
                &payload[..payload.len() / 3],
                &payload[payload.len() / 3..]
            ));
            all.insert(index, payload);
            let newest = cache.find(SourceIndex(index)).expect("just stored");
            assert_eq!([newest.descriptor, newest.payload].concat(), all[&index]);
            for (index, expected) in all.range(index.saturating_sub(100)..) {
                if let Some(found) = cache.find(SourceIndex(*index)) {
                    assert_eq!([found.descriptor, found.payload].concat(), *expected, "{index}");
                }
            }
        }
        let kept = (0..20_020).filter(|i| cache.find(SourceIndex(*i)).is_some());
        assert!((10..=64).contains(&kept.count()));
        cache.purge();
        assert!((0..20_020).all(|i| cache.find(SourceIndex(i)).is_none()));
    }

    #[test]
    fn too_long_is_refused() {
        let mut cache = Cache::new(Depth::AUDIO);
        assert!(!cache.insert(packet(1), &[], &[0; PACKET_MAX + 1]));
        assert!(cache.find(SourceIndex(1)).is_none());
        assert!(cache.insert(packet(1), &[], &[0; PACKET_MAX]));
        assert!(cache.find(SourceIndex(1)).is_some());
    }
}
