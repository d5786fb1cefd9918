//! Egress, subscriber by subscriber: rewrite the header, copy the payload into the train, seal it
//! there. Here stands the one authorisation point: nothing is sealed for a leg that is not active
//! now.

use std::time::Instant;

use super::outbox::Outbox;
use super::peer::{Peer, Pending, Slot};
use super::slab::{Key, Slab};
use super::stats::{Counter, Stats};
use super::track::Track;
use super::train::Train;
use super::{Shard, ShardConfig, rtcp_out};
use crate::crypto::{Claim, OVERHEAD_MAX, Sealer};
use crate::route::cache::Stored;
use crate::route::rewrite::Rewritten;
use crate::wire::extension::{Extension, ExtensionIds};
use crate::wire::number::{PayloadType, Ssrc};
use crate::wire::rtp::HeaderWriter;

/// Room for one DTLS flight datagram or RTCP compound.
pub(super) const CONTROL_MAX: usize = 1_472;

impl Shard {
    /// Writes what waits into `outbox`, subscriber by subscriber, then acknowledges the tables
    /// whose predecessors have nothing queued or in flight any more.
    pub fn egress(&mut self, now: Instant, outbox: &mut impl Outbox) {
        self.reseat(now);
        let mark = outbox.next();
        self.send_farewells(outbox);
        for _ in 0..self.dirty.len() {
            let Some(key) = self.dirty.pop_front() else { break };
            let Some(peer) = self.peers.get_mut(key) else { continue };
            if serve(now, &self.config, peer, &self.tracks, &mut self.stats, outbox) {
                peer.dirty = false;
                self.schedule(now, key);
            } else {
                self.dirty.push_front(key); // no buffer left: the next turn begins with this one
                break;
            }
        }
        self.acknowledge(mark, outbox.completed_below());
    }

    fn send_farewells(&mut self, outbox: &mut impl Outbox) {
        while let Some((path, datagram)) = self.farewells.front() {
            let Some(buffer) = outbox.claim() else { return };
            if let Some(room) = buffer.get_mut(..datagram.len()) {
                room.copy_from_slice(datagram);
                outbox.send(datagram.len(), datagram.len(), *path);
            }
            self.farewells.pop_front();
        }
    }
}

/// Sends all that waits for one peer. False: `io` ran out of buffers, and something still waits.
fn serve<O: Outbox>(
    now: Instant,
    config: &ShardConfig,
    peer: &mut Peer,
    tracks: &Slab<Track>,
    stats: &mut Stats,
    outbox: &mut O,
) -> bool {
    if !send_transport(peer, outbox) {
        return false;
    }
    let Some(path) = peer.path().filter(|_| peer.sealer.is_some()) else {
        peer.pending.clear(); // nobody to send to: it was queued before the path was lost
        return true;
    };
    while let Some(buffer) = outbox.claim() {
        let room = buffer.len().min(CONTROL_MAX);
        let Some(plain) = buffer.get_mut(..room - OVERHEAD_MAX) else { break };
        let Some(len) = rtcp_out::poll(now, &config.clock, peer, tracks, stats, plain) else {
            break;
        };
        let Some(sealer) = peer.sealer.as_mut() else { break };
        match sealer.seal_rtcp(len, buffer) {
            Ok(len) => outbox.send(len, len, path),
            Err(_) => break,
        }
        stats.count(Counter::SentRtcp);
    }
    let Some(sealer) = peer.sealer.as_deref() else { return true };
    let mut train = Train::new(outbox, path, config.trains);
    let wire = Wire { sealer, extensions: &peer.extensions };
    let mut done = 0;
    for pending in &peer.pending {
        match forward(now, pending, &mut peer.slots, &wire, tracks, &mut train) {
            Ok(len) => {
                stats.count(Counter::ForwardedPackets);
                stats.add(Counter::ForwardedBytes, len as u64);
                stats.add(Counter::Retransmitted, u64::from(pending.again));
            }
            Err(Unsent::Dropped(reason)) => stats.count(reason),
            Err(Unsent::NoBuffer) => break,
        }
        done += 1;
    }
    stats.add(Counter::Trains, train.flush());
    peer.pending.drain(..done);
    peer.pending.is_empty()
}

/// ICE and DTLS have their own paths. False: `io` ran out of buffers.
fn send_transport<O: Outbox>(peer: &mut Peer, outbox: &mut O) -> bool {
    loop {
        let Some(buffer) = outbox.claim() else { return false };
        let room = buffer.len().min(CONTROL_MAX);
        let Some(buffer) = buffer.get_mut(..room) else { return true };
        match peer.transport.poll_transmit(buffer) {
            Some(transmit) => outbox.send(transmit.len, transmit.len, transmit.path),
            None => return true,
        }
    }
}

/// How a peer's packets are written.
struct Wire<'a> {
    sealer: &'a Sealer,
    extensions: &'a ExtensionIds,
}

enum Unsent {
    Dropped(Counter),
    NoBuffer,
}

/// One packet for one slot: authorised, renumbered, written, sealed. Its length on the wire.
fn forward<O: Outbox>(
    now: Instant,
    pending: &Pending,
    slots: &mut [Slot],
    wire: &Wire<'_>,
    tracks: &Slab<Track>,
    train: &mut Train<'_, O>,
) -> Result<usize, Unsent> {
    let slot = slots.get_mut(usize::from(pending.slot));
    let slot = slot.ok_or(Unsent::Dropped(Counter::DropRevoked))?;
    let leg = slot.leg.filter(|leg| leg.generation == pending.generation && leg.mask.is_active());
    let leg = leg.ok_or(Unsent::Dropped(Counter::DropRevoked))?;
    let track = tracks.get(pending.track).ok_or(Unsent::Dropped(Counter::DropRevoked))?;
    let stored = track.cache.find(pending.index).ok_or(Unsent::Dropped(Counter::DropOverrun))?;
    if track.codec != Some(stored.packet.codec) {
        return Err(Unsent::Dropped(Counter::DropUnsupported)); // the leg names another one
    }
    let payload_type = if pending.again { leg.rtx } else { leg.payload_type };
    let payload_type = payload_type.ok_or(Unsent::Dropped(Counter::DropUnsupported))?;
    let elements = Elements::of(&stored, wire.extensions);
    let rtx_len = if pending.again { 2 } else { 0 };
    let header_len = elements.header_len();
    let plain_len = header_len + rtx_len + stored.payload.len();
    let size = plain_len + wire.sealer.profile().rtp_overhead();
    let room = train.room(size).ok_or(Unsent::NoBuffer)?;
    let late = Unsent::Dropped(Counter::DropLate);
    let Some((numbers, claim)) = number(now, slot, &stored, pending.again) else {
        return Err(late);
    };
    let written = write(room, &elements, payload_type, &numbers, &stored, pending.again);
    debug_assert_eq!(written, Some(plain_len), "header_len() says what the writer writes");
    if written != Some(plain_len) {
        return Err(late); // what the memory held before is somebody else's
    }
    let sealed = wire.sealer.seal_rtp(claim, header_len, plain_len, room);
    let sealed = sealed.map_err(|_| Unsent::Dropped(Counter::DropLate))?;
    train.push(sealed);
    slot.packets = slot.packets.wrapping_add(u32::from(!pending.again));
    if !pending.again {
        slot.octets = slot.octets.wrapping_add(stored.payload.len() as u32);
        slot.reported = false;
        slot.repair.earn();
    }
    Ok(sealed)
}

/// The packet's outgoing numbers, and the claim on its index: a packet gets a number once.
fn number(
    now: Instant,
    slot: &mut Slot,
    stored: &Stored<'_>,
    again: bool,
) -> Option<(Rewritten, Claim)> {
    if again {
        let claim = slot.rtx_ledger.as_mut()?.claim_next().ok()?;
        return Some((slot.rewriter.again(&stored.packet)?, claim));
    }
    let numbers = slot.rewriter.rewrite(&stored.packet, now)?;
    let claim = slot.ledger.as_mut()?.claim(numbers.seq).ok()?;
    Some((numbers, claim))
}

/// Header and payload of the outgoing packet; SSRC and sequence number come with the seal.
fn write(
    room: &mut [u8],
    elements: &Elements<'_>,
    payload_type: PayloadType,
    numbers: &Rewritten,
    stored: &Stored<'_>,
    again: bool,
) -> Option<usize> {
    let marker = stored.packet.marker;
    // The seal writes the claimed sequence number and SSRC over these.
    let (seq, ssrc) = (numbers.seq, Ssrc(0));
    let mut header = HeaderWriter::new(room, marker, payload_type, seq, numbers.timestamp, ssrc)?;
    for (id, data) in elements.iter() {
        if !header.extension(id, data) {
            return None;
        }
    }
    let mut len = header.finish();
    if again {
        room.get_mut(len..len + 2)?.copy_from_slice(&numbers.seq.0.to_be_bytes());
        len += 2;
    }
    let payload = room.get_mut(len..len + stored.payload.len())?;
    payload.copy_from_slice(stored.payload);
    if let Some(fields) = stored.packet.facts.vp8 {
        let (picture_id, tl0picidx) = (numbers.picture_id, numbers.tl0picidx);
        fields.patch(payload, picture_id.unwrap_or(0), tl0picidx.unwrap_or(0))?;
    }
    Some(len + stored.payload.len())
}

/// The header extensions an outgoing packet has: what came with it and the subscriber negotiated.
struct Elements<'a> {
    level: Option<(u8, [u8; 1])>,
    orientation: Option<(u8, [u8; 1])>,
    descriptor: Option<(u8, &'a [u8])>,
}

impl<'a> Elements<'a> {
    fn of(stored: &Stored<'a>, ids: &ExtensionIds) -> Self {
        let byte = |extension, value: Option<u8>| Some((ids.id(extension)?, [value?]));
        let descriptor = ids.id(Extension::DependencyDescriptor);
        Self {
            level: byte(Extension::AudioLevel, stored.packet.audio_level),
            orientation: byte(Extension::VideoOrientation, stored.packet.orientation),
            descriptor: descriptor
                .map(|id| (id, stored.descriptor))
                .filter(|element| (1..=255).contains(&element.1.len())),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let level = self.level.iter().map(|(id, byte)| (*id, &byte[..]));
        let orientation = self.orientation.iter().map(|(id, byte)| (*id, &byte[..]));
        level.chain(orientation).chain(self.descriptor)
    }

    /// The one-byte form has ids to 14 and data to 16 bytes (RFC 8285 §4.2).
    fn two_byte(&self) -> bool {
        self.iter().any(|(id, data)| id > 14 || data.len() > 16)
    }

    /// Length of the header that carries them.
    fn header_len(&self) -> usize {
        let per_element = if self.two_byte() { 2 } else { 1 };
        let len: usize = self.iter().map(|(_, data)| per_element + data.len()).sum();
        if len == 0 { 12 } else { 12 + 4 + len.next_multiple_of(4) }
    }
}

impl Shard {
    /// Puts a peer among those with something to send.
    pub(super) fn touch(&mut self, key: Key<Peer>) {
        if let Some(peer) = self.peers.get_mut(key)
            && !peer.dirty
        {
            peer.dirty = true;
            self.dirty.push_back(key);
        }
    }
}
