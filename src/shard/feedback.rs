//! RTCP that comes in: what subscribers miss, what publishers report. RFC 3550 §6, RFC 4585 §6.

use std::time::{Duration, Instant};

use super::Shard;
use super::inbound::Role;
use super::ingress::refusal;
use super::peer::{PENDING_MAX, Peer, Pending};
use super::slab::Key;
use super::stats::Counter;
use super::track::Home;
use crate::crypto::RtcpWindow;
use crate::transport::sender;
use crate::wire::number::{Seq, Ssrc, Timestamp};
use crate::wire::path::Path;
use crate::wire::rtcp::{self, Packet, ReportBlock};

impl Shard {
    pub(super) fn handle_rtcp(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
    ) -> Result<(), Counter> {
        let key = *self.by_path.get(&path).ok_or(Counter::DropUnknownSource)?;
        let peer = self.peers.get_mut(key).ok_or(Counter::DropUnknownSource)?;
        let len = open(peer, datagram)?;
        let plain = datagram.get(..len).ok_or(Counter::DropMalformed)?;
        for packet in rtcp::parse(plain).map_err(|_| Counter::DropMalformed)? {
            match packet {
                Packet::SenderReport { ssrc, ntp, rtp, blocks, .. } => {
                    self.sender_report(now, key, ssrc, ntp, rtp);
                    blocks.for_each(|block| self.round_trip(now, key, &block));
                }
                Packet::Nack { media, seqs, .. } => {
                    seqs.for_each(|seq| self.nack(now, key, media, seq));
                }
                Packet::Pli { media, .. } => self.keyframe(now, key, media),
                Packet::Fir { targets, .. } => {
                    targets.for_each(|(media, _)| self.keyframe(now, key, media));
                }
                Packet::ReceiverReport { blocks, .. } => {
                    blocks.for_each(|block| self.round_trip(now, key, &block));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The publisher's clock (RFC 3550 §6.4.1): goes to its tracks, and from there to the reports
    /// of every slot that carries them.
    fn sender_report(
        &mut self,
        now: Instant,
        key: Key<Peer>,
        ssrc: Ssrc,
        ntp: u64,
        rtp: Timestamp,
    ) {
        let ours = self.config.clock.at(now);
        let Some(peer) = self.peers.get_mut(key) else { return };
        let Some(inbound) = peer.inbound.as_mut() else { return };
        let Some(at) = inbound.position(ssrc) else { return };
        let Some(stream) = inbound.streams.get_mut(at) else { return };
        stream.reception.sender_report(now, ntp);
        peer.clock.reported(now, ours, ntp);
        let mut wanted = None;
        for source in &peer.published {
            let Some(track) = self.tracks.get_mut(source.track) else { continue };
            track.publisher_clock = peer.clock;
            if stream.role == Role::Media(source.track) {
                track.clock.reported(now, ntp, rtp);
                wanted = Some(source.track);
            }
        }
        wanted.into_iter().for_each(|track| self.tell_clock(track));
    }

    /// A subscriber misses `seq` of a slot. Only what was sent in the leg's current run is
    /// repeated, and only as RTX (DESIGN.md §6). What got lost between shards was not sent, and is
    /// asked for, within the same bounds.
    fn nack(&mut self, now: Instant, key: Key<Peer>, media: Ssrc, seq: Seq) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        let round_trip = peer.feedback.round_trip;
        let Some(at) = peer.sending.slots.iter().position(|slot| slot.cold.spec.ssrc == media)
        else {
            return;
        };
        let Some(slot) = peer.sending.slots.get_mut(at) else { return };
        let leg = slot.leg.as_ref().filter(|leg| leg.mask.is_active() && leg.rtx.is_some());
        let Some(leg) = leg else { return };
        let sent = slot.ledger.as_ref().is_some_and(|ledger| ledger.was_claimed(seq));
        let (generation, track) = (leg.generation, leg.track);
        let Some(index) = slot.rewriter.source(seq) else { return };
        let is_missing = self.tracks.get(track).is_some_and(|track| track.is_missing(index));
        if !(sent || is_missing) {
            return;
        }
        if peer.sending.queued >= PENDING_MAX || !slot.repair.allow(now, seq, round_trip) {
            return;
        }
        if is_missing {
            return self.ask_again(track, index);
        }
        let (slot, first) = (at as u16, index);
        let repeated = Pending { slot, count: 1, generation, track, first, again: true };
        peer.sending.push(repeated);
        self.touch(key);
    }

    /// A subscriber's decoder is stuck (RFC 4585 §6.3.1, RFC 5104 §4.3.1): its track's publisher is
    /// asked, within the track's budget, whoever asks.
    fn keyframe(&mut self, now: Instant, key: Key<Peer>, media: Ssrc) {
        let Some(peer) = self.peers.get(key) else { return };
        let Some(slot) = peer.sending.slots.iter().find(|slot| slot.cold.spec.ssrc == media) else {
            return;
        };
        let leg = slot.leg.as_ref();
        let leg = leg.filter(|leg| leg.mask.is_active() || leg.mask.waits_for_key());
        let Some(track) = leg.map(|leg| leg.track) else { return };
        self.want_keyframe(now, track);
    }

    /// Asks the publisher of a track for a keyframe, as soon as its budget allows.
    pub(super) fn want_keyframe(&mut self, now: Instant, track: Key<super::track::Track>) {
        let publisher = match self.tracks.get(track).map(|track| track.home) {
            Some(Home::Here(publisher)) => publisher,
            Some(Home::Far { .. }) => return self.want_far_keyframe(track),
            None => return,
        };
        let Some(peer) = self.peers.get_mut(publisher) else { return };
        let Some(stream) = peer.inbound.as_mut().and_then(|inbound| inbound.media(track)) else {
            return;
        };
        stream.ask_keyframe |= stream.keyframes.request(now);
        self.touch(publisher);
    }

    /// How long the way to the subscriber and back is.
    fn round_trip(&mut self, now: Instant, key: Key<Peer>, block: &ReportBlock) {
        let ours = self.config.clock.at(now);
        let Some(peer) = self.peers.get_mut(key) else { return };
        if !peer.sending.slots.iter().any(|slot| slot.cold.spec.ssrc == block.ssrc) {
            return;
        }
        if let Some(measured) = sender::round_trip(ours, block) {
            let measured = measured.clamp(Duration::from_millis(5), Duration::from_secs(2));
            peer.feedback.round_trip = (peer.feedback.round_trip * 7 + measured) / 8;
        }
    }
}

/// Authenticates and decrypts an SRTCP packet in place; its length then.
fn open(peer: &mut Peer, datagram: &mut [u8]) -> Result<usize, Counter> {
    let inbound = peer.inbound.as_mut().ok_or(Counter::DropNoKeys)?;
    let sender = datagram.get(4..8).and_then(|bytes| bytes.first_chunk::<4>());
    let sender = Ssrc(u32::from_be_bytes(*sender.ok_or(Counter::DropMalformed)?));
    if let Some(entry) = inbound.rtcp.iter_mut().find(|entry| entry.0 == sender) {
        return inbound.opener.open_rtcp(&mut entry.1, datagram).map_err(refusal);
    }
    if !inbound.has_rtcp_room(&peer.published, peer.sending.slots.len()) {
        return Err(Counter::DropUnknownSsrc);
    }
    let mut window = RtcpWindow::default();
    let len = inbound.opener.open_rtcp(&mut window, datagram).map_err(refusal)?;
    inbound.rtcp.push((sender, window));
    Ok(len)
}
