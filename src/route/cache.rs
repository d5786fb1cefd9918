//! The packets of one track, stored once as plaintext: what the fan-out reads and what
//! retransmissions (RFC 4588) are made of.
//!
//! A ring of entries over a ring of bytes. Entries are found by the publisher's packet number; one
//! that was overwritten is not found, never mistaken. Memory is taken with the first packet, and
//! grown, up to a bound, while what would be overwritten is younger than [`KEPT_US`].

use super::packet::{Packet, SourceIndex};

/// Longest stored packet, in bytes: descriptor and payload.
pub const PACKET_MAX: usize = 2048;

/// Longest stored Dependency Descriptor: what an extension element holds (RFC 8285 §4.3).
const DESCRIPTOR_MAX: usize = 255;

/// What a cache keeps if its bound allows it, in microseconds: two round trips of 100 ms and what a
/// player needs to notice; a repair that comes later is of no use to a call.
pub const KEPT_US: u32 = 250_000;

/// How much a cache holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Depth {
    /// Packets; a power of two.
    pub packets: usize,
    /// Bytes; at least two packets.
    pub bytes: usize,
}

impl Depth {
    /// The most for video: about a second and a half at 1.5 Mbit/s, [`KEPT_US`] at 10.
    pub const VIDEO: Depth = Depth { packets: 512, bytes: 320 * 1024 };
    /// The most for audio: about a second of Opus.
    pub const AUDIO: Depth = Depth { packets: 64, bytes: 16 * 1024 };
    /// What every cache begins with.
    const FIRST: Depth = Depth { packets: 16, bytes: 4 * 1024 };

    /// Twice the packets, and the next of 4, 6, 8, 12, 16, 24, … KiB.
    fn grown(self, most: Depth, entries: bool, bytes: bool) -> Depth {
        let packets = if entries { 2 * self.packets } else { self.packets };
        let step = if self.bytes.is_power_of_two() { self.bytes / 2 } else { self.bytes / 3 };
        let bytes = if bytes { self.bytes + step } else { self.bytes };
        Depth { packets: packets.min(most.packets), bytes: bytes.min(most.bytes) }
    }
}

#[derive(Clone, Copy)]
struct Entry {
    packet: Packet,
    /// Bytes stored before it, since the ring was last laid out.
    start: u64,
    /// Where it stands in the ring.
    at: u32,
    len: u16,
    descriptor_len: u8,
}

const _: () = assert!(size_of::<Option<Entry>>() <= 48);

/// A stored packet, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// What is known of it.
    pub packet: &'a Packet,
    /// The AV1 Dependency Descriptor extension it came with; empty: none.
    pub descriptor: &'a [u8],
    /// Its payload, without padding.
    pub payload: &'a [u8],
}

/// The last packets of one track.
pub struct Cache {
    most: Depth,
    entries: Vec<Option<Entry>>,
    bytes: Vec<u8>,
    /// Where the next packet goes.
    head: usize,
    /// Bytes stored since the ring was last laid out, skipped ends included.
    written: u64,
    /// When the first packet of the ring came.
    first_us: u32,
}

impl Cache {
    /// An empty cache that may grow to `most`; takes no memory yet.
    pub fn new(most: Depth) -> Self {
        let (entries, bytes) = (Vec::new(), Vec::new());
        Self { most, entries, bytes, head: 0, written: 0, first_us: 0 }
    }

    /// How much it holds now.
    pub fn depth(&self) -> Depth {
        Depth { packets: self.entries.len(), bytes: self.bytes.len() }
    }

    /// Stores one packet, over the oldest ones. Returns false for one that is longer than
    /// [`PACKET_MAX`]; nothing is stored then.
    pub fn insert(&mut self, packet: Packet, descriptor: &[u8], payload: &[u8]) -> bool {
        let len = descriptor.len() + payload.len();
        if len > PACKET_MAX || descriptor.len() > DESCRIPTOR_MAX {
            return false;
        }
        if self.entries.is_empty() {
            self.first_us = packet.arrived_us;
            self.lay_out(Depth::FIRST);
        }
        self.grow(&packet, len);
        self.put(packet, descriptor, payload);
        true
    }

    /// The packet numbered `index`, if it is still there.
    #[inline]
    pub fn find(&self, index: SourceIndex) -> Option<Stored<'_>> {
        let entry = self.entries.get(self.slot(index))?.as_ref()?;
        if entry.packet.index != index {
            return None;
        }
        self.view(entry)
    }

    /// Forgets every packet: what was said before a cut is gone (DESIGN.md §4).
    pub fn purge(&mut self) {
        self.entries.fill(None);
    }

    /// An entry's bytes, if they have not been overwritten.
    #[inline]
    fn view<'a>(&'a self, entry: &'a Entry) -> Option<Stored<'a>> {
        if entry.start + (self.bytes.len() as u64) < self.written {
            return None;
        }
        let at = entry.at as usize;
        let bytes = self.bytes.get(at..at + usize::from(entry.len))?;
        let (descriptor, payload) = bytes.split_at_checked(usize::from(entry.descriptor_len))?;
        Some(Stored { packet: &entry.packet, descriptor, payload })
    }

    /// Takes more memory if this packet would overwrite a young one.
    fn grow(&mut self, packet: &Packet, len: usize) {
        let is_young = |since: u32| packet.arrived_us.wrapping_sub(since) < KEPT_US;
        let depth = self.depth();
        let place = self.entries.get(self.slot(packet.index)).and_then(Option::as_ref);
        let other = place.filter(|entry| entry.packet.index != packet.index);
        let entries = depth.packets < self.most.packets
            && other.is_some_and(|entry| is_young(entry.packet.arrived_us));
        let wraps = self.head + len > depth.bytes;
        let bytes = depth.bytes < self.most.bytes && wraps && is_young(self.first_us);
        if entries || bytes {
            self.lay_out(depth.grown(self.most, entries, bytes));
        } else if wraps {
            self.first_us = packet.arrived_us; // the ring begins anew with this one
        }
    }

    /// Moves everything that is there into rings of `depth`, the oldest first.
    #[cold]
    fn lay_out(&mut self, depth: Depth) {
        let mut larger = Self::new(self.most);
        larger.entries = vec![None; depth.packets.min(self.most.packets)];
        larger.bytes = vec![0; depth.bytes.min(self.most.bytes)];
        larger.first_us = self.first_us;
        let mut kept: Vec<&Entry> = self.entries.iter().flatten().collect();
        kept.sort_unstable_by_key(|entry| entry.start);
        for stored in kept.into_iter().filter_map(|entry| self.view(entry)) {
            if larger.written == 0 {
                larger.first_us = stored.packet.arrived_us;
            }
            larger.put(*stored.packet, stored.descriptor, stored.payload);
        }
        *self = larger;
    }

    /// Writes a packet in one piece: skips the ring's end if it is too short.
    fn put(&mut self, packet: Packet, descriptor: &[u8], payload: &[u8]) {
        let len = descriptor.len() + payload.len();
        if self.head + len > self.bytes.len() {
            self.written += (self.bytes.len() - self.head) as u64;
            self.head = 0;
        }
        let (at, slot) = (self.head, self.slot(packet.index));
        let (first, rest) = self.bytes[at..at + len].split_at_mut(descriptor.len());
        first.copy_from_slice(descriptor);
        rest.copy_from_slice(payload);
        // Both lengths were checked by `insert`; a ring is shorter than 4 GiB.
        let (at, descriptor_len) = (at as u32, descriptor.len() as u8);
        let (start, len) = (self.written, len as u16);
        self.entries[slot] = Some(Entry { packet, start, at, len, descriptor_len });
        self.head += usize::from(len);
        self.written += u64::from(len);
    }

    fn slot(&self, index: SourceIndex) -> usize {
        index.0 as usize & self.entries.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::route::packet::Vp8Numbers;
    use crate::wire::media::Codec;
    use crate::wire::number::Timestamp;

    fn packet_at(index: u64, arrived_us: u32) -> Packet {
        Packet {
            index: SourceIndex(index),
            timestamp: Timestamp(index as u32),
            arrived_us,
            marker: false,
            keyframe: false,
            codec: Codec::Opus,
            audio_level: None,
            orientation: None,
            vp8: Vp8Numbers::default(),
        }
    }

    fn packet(index: u64) -> Packet {
        packet_at(index, index as u32 * 5_000)
    }

    #[test]
    fn a_cache_grows_to_what_it_needs_and_no_further() {
        for (rate, len, most, expected) in [
            // packets a second, bytes each → packets and bytes that 250 ms take
            (50, 100, Depth::AUDIO, Depth { packets: 16, bytes: 4 * 1024 }),
            (100, 160, Depth::AUDIO, Depth { packets: 32, bytes: 4 * 1024 }),
            (160, 1_150, Depth::VIDEO, Depth { packets: 64, bytes: 48 * 1024 }),
            (800, 1_200, Depth::VIDEO, Depth { packets: 256, bytes: 256 * 1024 }),
            (9_000, 1_200, Depth::VIDEO, Depth::VIDEO), // the bound holds
        ] {
            let mut cache = Cache::new(most);
            for index in 0..6_000u64 {
                let arrived = (index * 1_000_000 / rate) as u32;
                assert!(cache.insert(packet_at(index, arrived), &[], &bytes(index, len)));
                let oldest = (index * 1_000_000 / rate).saturating_sub(u64::from(KEPT_US) - 1);
                let oldest = (oldest * rate).div_ceil(1_000_000);
                if expected != most {
                    let found = cache.find(SourceIndex(oldest)).expect("not that old");
                    assert_eq!(found.payload, bytes(oldest, len));
                }
            }
            assert_eq!(cache.depth(), expected, "{rate} {len}");
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
        assert!((10..=64).contains(&kept.count()), "as many as the bounds allow");
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
