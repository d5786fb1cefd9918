//! The media of one subscriber: which of the queued packets may leave, in which trains, and each of
//! them written and sealed there. Here stands the one authorisation point: nothing is sealed for a
//! leg that is not active now.

use std::cmp::Reverse;
use std::time::Instant;

use super::egress::{Served, Turn};
use super::elements::Elements;
use super::outbox::Outbox;
use super::peer::{Pending, Sending, Slot};
use super::plan::{self, Planned, Size};
use super::slab::{Key, Slab};
use super::stats::{Counter, Stats};
use super::track::Track;
use crate::crypto::{Claim, Sealer};
use crate::route::cache::Stored;
use crate::route::packet::{Packet, SourceIndex, Vp8Numbers};
use crate::route::rewrite::Rewritten;
use crate::wire::extension::ExtensionIds;
use crate::wire::media::Codec;
use crate::wire::number::{PayloadType, Ssrc, Timestamp};
use crate::wire::rtp::HeaderWriter;

/// Packets of one subscriber that are looked at together: a full train.
pub(super) const BATCH: usize = plan::SEGMENTS_MAX;

/// Streams that are put in order. Of more, all stay as they came.
const STREAMS: usize = 16;

/// P bit of the first byte, RFC 3550 §5.1.
const PADDED: u8 = 0x20;

/// One packet that may leave now, and where to.
#[derive(Clone, Copy)]
pub(super) struct Step<'t> {
    stored: Stored<'t>,
    track: Key<Track>,
    generation: u32,
    slot: u16,
    header_len: u16,
    /// On the wire, without padding.
    size: Size,
    payload_type: PayloadType,
    again: bool,
    /// In which order it was queued.
    place: u8,
    /// The longest of its stream.
    longest: u16,
}

static NO_PACKET: Packet = Packet {
    index: SourceIndex(0),
    timestamp: Timestamp(0),
    arrived_us: 0,
    marker: false,
    keyframe: false,
    codec: Codec::Opus,
    audio_level: None,
    orientation: None,
    vp8: Vp8Numbers::NONE,
};

impl Step<'_> {
    /// A place for one.
    pub const NONE: Self = Step {
        stored: Stored { packet: &NO_PACKET, descriptor: &[], payload: &[] },
        track: Key::NONE,
        generation: 0,
        slot: 0,
        header_len: 0,
        size: Size { wire: 0, slack: 0 },
        payload_type: PayloadType(0),
        again: false,
        place: 0,
        longest: 0,
    };
}

/// Counted here, and added to the shard's counters once a turn.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    packets: u64,
    bytes: u64,
    again: u64,
    padded: u64,
    padding: u64,
    trains: u64,
}

impl Tally {
    pub(super) fn count(&self, stats: &mut Stats) {
        stats.add(Counter::ForwardedPackets, self.packets);
        stats.add(Counter::ForwardedBytes, self.bytes);
        stats.add(Counter::Retransmitted, self.again);
        stats.add(Counter::PaddedPackets, self.padded);
        stats.add(Counter::PaddingBytes, self.padding);
        stats.add(Counter::Trains, self.trains);
    }
}

impl<'t, O: Outbox> Turn<'t, O> {
    /// Sends one batch of what waits for a peer.
    pub(super) fn media(&mut self, sending: &mut Sending, steps: &mut [Step<'t>; BATCH]) -> Served {
        if sending.pending.is_empty() {
            return Served::All;
        }
        if !sending.is_ready() {
            sending.clear(); // nobody to send to: it was queued before the path was lost
            return Served::All;
        }
        let count = self.gather(sending, steps);
        let steps = &mut steps[..count];
        if self.config.trains {
            arrange(steps);
        }
        let sent = self.trains(sending, steps);
        if sent < steps.len() {
            put_back(sending, &steps[sent..]);
            return Served::NoBuffer;
        }
        if sending.pending.is_empty() { Served::All } else { Served::Some }
    }

    /// Takes up to a batch of packets out of the queue: those that may leave. Returns how many.
    fn gather(&mut self, sending: &mut Sending, steps: &mut [Step<'t>; BATCH]) -> usize {
        let (mut count, mut whole, mut taken) = (0, 0, 0);
        let overhead = sending.sealer.as_ref().map_or(0, |it| it.profile().rtp_overhead());
        'runs: for run in &mut sending.pending {
            let allowed = authorise(run, &sending.slots, self.tracks);
            while run.count > 0 {
                if count == BATCH {
                    break 'runs;
                }
                let step = allowed.and_then(|(track, payload_type)| {
                    step(run, track, payload_type, &sending.extensions, overhead)
                });
                match step {
                    Ok(mut step) => {
                        if self.config.trains && !run.again {
                            let wire = usize::from(step.size.wire);
                            step.size.slack = self.config.padding.of(wire) as u8; // at most 255
                        }
                        step.place = count as u8; // below BATCH
                        steps[count] = step;
                        count += 1;
                    }
                    Err(reason) => self.stats.count(reason),
                }
                (run.first.0, run.count, taken) = (run.first.0 + 1, run.count - 1, taken + 1);
            }
            whole += 1;
        }
        sending.pending.drain(..whole);
        sending.queued -= taken;
        count
    }

    /// Writes trains until the steps are done. Returns how many are: fewer if there is no buffer.
    fn trains(&mut self, sending: &mut Sending, steps: &[Step<'t>]) -> usize {
        let Sending { slots, sealer, extensions, path, .. } = sending;
        let (Some(sealer), Some(path)) = (sealer, path) else { return steps.len() };
        let mut done = 0;
        while let Some(rest) = steps.get(done..).filter(|rest| !rest.is_empty()) {
            let Planned { count, segment } = match self.config.trains {
                true => plan::next_train(rest.iter().map(|step| step.size)),
                false => Planned { count: 1, segment: usize::from(rest[0].size.wire) },
            };
            let Some(buffer) = self.outbox.claim() else { break };
            let (mut len, mut datagrams) = (0, 0);
            for (at, step) in rest[..count].iter().enumerate() {
                let size = usize::from(step.size.wire);
                let padding = if at + 1 < count { segment - size } else { 0 };
                let Some(slot) = slots.get_mut(usize::from(step.slot)) else { continue };
                let room = &mut buffer[len..len + size + padding]; // within TRAIN_MAX, as planned
                match write(self.now, slot, sealer, extensions, step, padding, room) {
                    Ok(()) => (len, datagrams) = (len + size + padding, datagrams + 1),
                    Err(reason) => {
                        self.stats.count(reason);
                        continue;
                    }
                }
                self.tally.padded += u64::from(padding > 0);
                self.tally.padding += padding as u64;
                self.tally.again += u64::from(step.again);
                if !step.again {
                    self.latency.sent(step.stored.packet.arrived_us, 1);
                }
            }
            done += count;
            if datagrams > 0 {
                self.outbox.send(len, segment.min(len), *path);
                self.budget.spend(datagrams);
                self.train_datagrams.record(datagrams as u64, 1);
                self.tally.trains += 1;
                self.tally.packets += datagrams as u64;
                self.tally.bytes += len as u64;
            }
        }
        done
    }
}

/// Whether packets of a run may leave now, and what the subscriber calls them.
fn authorise<'t>(
    run: &Pending,
    slots: &[Slot],
    tracks: &'t Slab<Track>,
) -> Result<(&'t Track, PayloadType), Counter> {
    let leg = slots.get(usize::from(run.slot)).and_then(|slot| slot.leg.as_ref());
    let leg = leg.filter(|leg| leg.generation == run.generation && leg.mask.is_active());
    let leg = leg.ok_or(Counter::DropRevoked)?;
    let track = tracks.get(run.track).ok_or(Counter::DropRevoked)?;
    let payload_type = if run.again { leg.rtx } else { leg.payload_type };
    Ok((track, payload_type.ok_or(Counter::DropUnsupported)?))
}

/// The next packet of a run.
#[inline]
fn step<'t>(
    run: &Pending,
    track: &'t Track,
    payload_type: PayloadType,
    extensions: &ExtensionIds,
    overhead: usize,
) -> Result<Step<'t>, Counter> {
    let stored = track.cache.find(run.first).ok_or(Counter::DropOverrun)?;
    if track.codec != Some(stored.packet.codec) {
        return Err(Counter::DropUnsupported); // the leg names another one
    }
    let header_len = Elements::of(&stored, extensions).header_len();
    let original_len = if run.again { 2 } else { 0 };
    let wire = header_len + original_len + stored.payload.len() + overhead;
    Ok(Step {
        stored,
        track: run.track,
        generation: run.generation,
        slot: run.slot,
        header_len: header_len as u16, // two elements of a byte, one of 255 at most
        size: Size { wire: wire as u16, slack: 0 }, // the cache takes no more than 2,048 bytes
        payload_type,
        again: run.again,
        place: 0,
        longest: 0,
    })
}

/// Puts streams with longer packets before those with shorter ones, because a train's last datagram
/// may be shorter: voices ride on pictures, and two voices on each other. Each stream keeps its
/// order; between streams there is none (RFC 3550 §5.1 numbers each for itself).
fn arrange(steps: &mut [Step<'_>]) {
    let mut streams = [(0u16, false, 0u16); STREAMS];
    let mut used = 0;
    for step in steps.iter() {
        let mut known = streams.iter_mut().take(used);
        match known.find(|stream| (stream.0, stream.1) == (step.slot, step.again)) {
            Some(stream) => stream.2 = stream.2.max(step.size.wire),
            None => {
                let Some(place) = streams.get_mut(used) else { return };
                *place = (step.slot, step.again, step.size.wire);
                used += 1;
            }
        }
    }
    if used < 2 {
        return;
    }
    for step in steps.iter_mut() {
        let mut known = streams.iter().take(used);
        let own = known.find(|stream| (stream.0, stream.1) == (step.slot, step.again));
        step.longest = own.map_or(0, |stream| stream.2);
    }
    steps.sort_unstable_by_key(|step| (Reverse(step.longest), step.slot, step.again, step.place));
}

/// What found no buffer waits again, before everything else.
#[cold]
fn put_back(sending: &mut Sending, steps: &[Step<'_>]) {
    let runs = steps.iter().map(|step| Pending {
        slot: step.slot,
        count: 1,
        generation: step.generation,
        track: step.track,
        first: step.stored.packet.index,
        again: step.again,
    });
    sending.pending.splice(..0, runs);
    sending.queued += steps.len();
}

/// One packet: renumbered, written, padded and sealed into `room`, which has its size.
fn write(
    now: Instant,
    slot: &mut Slot,
    sealer: &Sealer,
    extensions: &ExtensionIds,
    step: &Step<'_>,
    padding: usize,
    room: &mut [u8],
) -> Result<(), Counter> {
    let (numbers, claim) = number(now, slot, step).ok_or(Counter::DropLate)?;
    let header_len = usize::from(step.header_len);
    let len = room.len() - sealer.profile().rtp_overhead();
    let written = write_plain(room, extensions, &numbers, step, padding);
    debug_assert_eq!(written, Some(len), "the size says what is written");
    if written != Some(len) {
        return Err(Counter::DropLate); // what the memory held before is somebody else's
    }
    let sealed = sealer.seal_rtp(claim, header_len, len, room);
    sealed.map_err(|_| Counter::DropLate)?;
    if !step.again {
        slot.packets = slot.packets.wrapping_add(1);
        slot.octets = slot.octets.wrapping_add(step.stored.payload.len() as u32);
        slot.reported = false;
        slot.repair.earn();
    }
    Ok(())
}

/// The packet's outgoing numbers, and the claim on its index: a packet gets a number once.
#[inline]
fn number(now: Instant, slot: &mut Slot, step: &Step<'_>) -> Option<(Rewritten, Claim)> {
    if step.again {
        let claim = slot.cold.rtx_ledger.as_mut()?.claim_next().ok()?;
        return Some((slot.rewriter.again(step.stored.packet)?, claim));
    }
    let numbers = slot.rewriter.rewrite(step.stored.packet, now)?;
    let claim = slot.ledger.as_mut()?.claim(numbers.seq).ok()?;
    Some((numbers, claim))
}

/// Header, payload and padding of the outgoing packet; SSRC and sequence number come with the seal.
/// Returns its length, without what sealing adds.
#[inline]
fn write_plain(
    room: &mut [u8],
    extensions: &ExtensionIds,
    numbers: &Rewritten,
    step: &Step<'_>,
    padding: usize,
) -> Option<usize> {
    let Stored { packet, payload, .. } = step.stored;
    // The seal writes the claimed sequence number and SSRC over these.
    let (seq, ssrc, payload_type) = (numbers.seq, Ssrc(0), step.payload_type);
    let time = numbers.timestamp;
    let mut header = HeaderWriter::new(room, packet.marker, payload_type, seq, time, ssrc)?;
    for (id, data) in Elements::of(&step.stored, extensions).iter() {
        if !header.extension(id, data) {
            return None;
        }
    }
    let mut len = header.finish();
    if step.again {
        room.get_mut(len..len + 2)?.copy_from_slice(&numbers.seq.0.to_be_bytes());
        len += 2;
    }
    let out = room.get_mut(len..len + payload.len())?;
    out.copy_from_slice(payload);
    if !packet.vp8.is_empty() {
        let (picture_id, tl0picidx) = (numbers.picture_id, numbers.tl0picidx);
        packet.vp8.fields().patch(out, picture_id.unwrap_or(0), tl0picidx.unwrap_or(0))?;
    }
    len += payload.len();
    if padding > 0 {
        let (last, zeros) = room.get_mut(len..len + padding)?.split_last_mut()?;
        zeros.fill(0); // what the memory held before is somebody else's
        *last = u8::try_from(padding).ok()?;
        *room.first_mut()? |= PADDED;
    }
    Some(len + padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_with_longer_packets_come_first_and_keep_their_order() {
        for (given, expected) in [
            (&[(0, 100), (1, 120)][..], &[(1, 120), (0, 100)][..]),
            (
                &[(0, 90), (1, 1_200), (1, 700), (0, 80), (1, 1_200)],
                &[(1, 1_200), (1, 700), (1, 1_200), (0, 90), (0, 80)],
            ),
            // One stream: as it came.
            (&[(3, 90), (3, 100), (3, 80)], &[(3, 90), (3, 100), (3, 80)]),
            (&[(2, 90), (1, 90)], &[(1, 90), (2, 90)]),
        ] {
            let mut steps: Vec<Step<'_>> = (0..)
                .zip(given)
                .map(|(place, (slot, wire))| {
                    let size = Size { wire: *wire, slack: 0 };
                    Step { slot: *slot, size, place, ..Step::NONE }
                })
                .collect();
            arrange(&mut steps);
            let got: Vec<_> = steps.iter().map(|step| (step.slot, step.size.wire)).collect();
            assert_eq!(got, expected, "{given:?}");
        }
    }
}
