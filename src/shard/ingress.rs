//! A received datagram's way in: classify, find the peer, look, act, commit, store, fan out.

use std::time::Instant;

use super::cap::Verdict;
use super::fanout;
use super::inbound::{Named, Role, Stream};
use super::peer::Peer;
use super::slab::Key;
use super::stats::Counter;
use super::track::Track;
use super::{Shard, micros};
use crate::crypto::{Index, OpenError, ReplayWindow};
use crate::route::packet::{Packet, SourceIndex, Vp8Numbers};
use crate::transport;
use crate::wire::demux::{Class, classify};
use crate::wire::extension::{Extension, ExtensionIds};
use crate::wire::media::{Codec, Kind};
use crate::wire::number::Ssrc;
use crate::wire::path::Path;
use crate::wire::payload::Facts;
use crate::wire::rtp::Rtp;
use crate::wire::{payload, rtx, stun};

impl Shard {
    /// Takes one received datagram. It is decrypted in place; nothing of it is kept but copies.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) {
        self.stats.count(Counter::ReceivedDatagrams);
        let taken = match classify(datagram) {
            Class::Rtp => self.handle_rtp(now, path, datagram),
            Class::Rtcp => self.handle_rtcp(now, path, datagram),
            Class::Stun => self.handle_stun(now, path, datagram),
            Class::Dtls => self.handle_dtls(now, path, datagram),
            Class::Unknown => Err(Counter::DropMalformed),
        };
        if let Err(reason) = taken {
            self.stats.count(reason);
        }
    }

    fn handle_rtp(&mut self, now: Instant, path: Path, datagram: &mut [u8]) -> Result<(), Counter> {
        let key = *self.by_path.get(&path).ok_or(Counter::DropUnknownSource)?;
        let peer = self.peers.get_mut(key).ok_or(Counter::DropUnknownSource)?;
        let received = datagram.len() as u64;
        let opened = open(now, peer, datagram)?;
        self.stats.count(Counter::ReceivedPackets);
        self.stats.add(Counter::ReceivedBytes, received);
        let plain = datagram.get(..opened.len).ok_or(Counter::DropMalformed)?;
        if opened.gap {
            self.schedule(now, key); // when to ask for it
        }
        match opened.role {
            Role::Media(track) => self.take(now, key, track, opened.index, plain),
            Role::Rtx(track, media) => self.take_repair(now, key, track, media, plain),
        }
    }

    /// A packet that its publisher sent again (RFC 4588 §4): the original goes on from here.
    fn take_repair(
        &mut self,
        now: Instant,
        key: Key<Peer>,
        track: Key<Track>,
        media: Ssrc,
        plain: &[u8],
    ) -> Result<(), Counter> {
        let rtp = Rtp::parse(plain).map_err(|_| Counter::DropMalformed)?;
        let carried = rtp.payload().map_err(|_| Counter::DropMalformed)?;
        // Padding probes are empty.
        let seq = rtx::original_seq(carried).ok_or(Counter::DropUnsupported)?;
        let peer = self.peers.get_mut(key).ok_or(Counter::DropUnknownSource)?;
        let inbound = peer.inbound.as_mut().ok_or(Counter::DropNoKeys)?;
        let stream = inbound.media(track).filter(|stream| stream.ssrc == media);
        let stream = stream.ok_or(Counter::DropUnknownSsrc)?; // else the source has moved on
        let index = stream.window.recover(seq).map_err(refusal)?;
        stream.missing.received(now, index);
        let payload = carried.get(2..).ok_or(Counter::DropUnsupported)?;
        let apt = peer.payloads.iter().find(|map| map.rtx == Some(rtp.payload_type()));
        let codec = apt.ok_or(Counter::DropUnsupported)?.codec;
        self.store(now, key, track, SourceIndex(index.0), &rtp, codec, payload)
    }

    fn take(
        &mut self,
        now: Instant,
        key: Key<Peer>,
        track: Key<Track>,
        index: SourceIndex,
        plain: &[u8],
    ) -> Result<(), Counter> {
        let rtp = Rtp::parse(plain).map_err(|_| Counter::DropMalformed)?;
        let peer = self.peers.get_mut(key).ok_or(Counter::DropUnknownSource)?;
        let codec = peer.codec(rtp.payload_type()).ok_or(Counter::DropUnsupported)?;
        let newest = peer.inbound.as_mut().and_then(|inbound| inbound.media(track));
        if newest.is_none_or(|stream| stream.ssrc != rtp.ssrc()) {
            return Err(Counter::DropUnknownSsrc); // the source has moved to another SSRC
        }
        let payload = rtp.payload().map_err(|_| Counter::DropMalformed)?;
        self.store(now, key, track, index, &rtp, codec, payload)
    }

    /// Everything that a packet changes once it is known to be authentic and new.
    #[expect(clippy::too_many_arguments, reason = "one packet's facts, from two callers")]
    fn store(
        &mut self,
        now: Instant,
        key: Key<Peer>,
        track_key: Key<Track>,
        index: SourceIndex,
        rtp: &Rtp<'_>,
        codec: Codec,
        payload: &[u8],
    ) -> Result<(), Counter> {
        let peer = self.peers.get_mut(key).ok_or(Counter::DropUnknownSource)?;
        let (extensions, meeting) = (peer.sending.extensions, peer.meeting);
        let inbound = peer.inbound.as_mut().ok_or(Counter::DropNoKeys)?;
        let stream = inbound.media(track_key).ok_or(Counter::DropUnknownSsrc)?;
        let (ssrc, cut) = (stream.ssrc, stream.cut);
        let track = self.tracks.get_mut(track_key).ok_or(Counter::DropUnknownSsrc)?;
        if !track.takes(now, codec) {
            return Err(Counter::DropUnsupported);
        }
        if track.ssrc != Some(ssrc) {
            // Numbered anew from here on: what is cached or offset by the old numbers is void.
            track.ssrc = Some(ssrc);
            track.cache.purge();
            track.clock.forget();
            fanout::restart(self, track_key);
            self.tell_restarted(track_key);
        }
        let track = self.tracks.get_mut(track_key).ok_or(Counter::DropUnknownSsrc)?;
        if track.begins(now, codec) {
            let track = track.id;
            self.due_track(meeting, track);
            self.tell_live(track_key);
        }
        let track = self.tracks.get_mut(track_key).ok_or(Counter::DropUnknownSsrc)?;
        if track.muted {
            return Err(Counter::DropMuted);
        }
        if cut.is_some_and(|cut| index <= cut) {
            return Err(Counter::DropCut);
        }
        let facts = payload::inspect(codec, payload);
        let (mut packet, descriptor) = describe(rtp, &extensions, index, codec, &facts);
        packet.arrived_us = micros(self.config.started, now);
        let begins = track.kind == Kind::Audio || facts.keyframe;
        match track.cap.judge(packet.arrived_us, payload.len(), begins) {
            Verdict::Taken => {}
            Verdict::Refused => return Err(Counter::DropOverCap),
            Verdict::WantsKeyframe => {
                self.want_keyframe(now, track_key);
                return Err(Counter::DropOverCap);
            }
        }
        if let Some(level) = packet.audio_level {
            track.loudness.hear(level);
        }
        if !track.cache.insert(packet, descriptor, payload) {
            return Err(Counter::DropMalformed);
        }
        if facts.keyframe {
            self.starts_over(key, track_key, index);
        }
        fanout::packet(&mut self.fresh, track_key, index);
        if self.gave_up(key, track_key) {
            self.want_keyframe(now, track_key);
        }
        Ok(())
    }

    /// A keyframe begins: who waited for one has it, and what is missing before it is not needed.
    fn starts_over(&mut self, key: Key<Peer>, track: Key<Track>, index: SourceIndex) {
        let inbound = self.peers.get_mut(key).and_then(|peer| peer.inbound.as_mut());
        if let Some(stream) = inbound.and_then(|inbound| inbound.media(track)) {
            stream.missing.keyframe(Index(index.0));
            stream.keyframes.received();
        }
        if self.tracks.get(track).is_some_and(|track| !track.waiting.is_empty()) {
            fanout::keyframe(self, track);
        }
    }

    /// Whether packets that a picture may need will not come any more.
    fn gave_up(&mut self, key: Key<Peer>, track: Key<Track>) -> bool {
        let inbound = self.peers.get_mut(key).and_then(|peer| peer.inbound.as_mut());
        let stream = inbound.and_then(|inbound| inbound.media(track));
        stream.is_some_and(|stream| stream.missing.take_keyframe_needed())
    }

    fn handle_stun(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Result<(), Counter> {
        // A request names its peer; an answer bears the id of a check of ours.
        let key = match transport::ufrag_of(datagram) {
            Some(ufrag) => self.by_ufrag.get(ufrag),
            None => stun::answer_of(datagram).and_then(|id| self.by_check.get(&id)),
        };
        let key = *key.ok_or(Counter::DropUnknownSource)?;
        let peer = self.peers.get_mut(key).ok_or(Counter::DropUnknownSource)?;
        let taken = peer.transport.handle_stun(now, path, datagram, &mut self.random);
        self.after_transport(now, key);
        taken.map_err(|_| Counter::DropRefused)
    }

    fn handle_dtls(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Result<(), Counter> {
        let key = *self.by_path.get(&path).ok_or(Counter::DropUnknownSource)?;
        let peer = self.peers.get_mut(key).ok_or(Counter::DropUnknownSource)?;
        let taken = peer.transport.handle_dtls(now, path, datagram);
        self.after_transport(now, key);
        taken.map_err(|_| Counter::DropRefused)
    }
}

/// An authenticated packet: decrypted in place, its stream's window moved on.
struct Opened {
    role: Role,
    index: SourceIndex,
    len: usize,
    /// Packets before it are missing.
    gap: bool,
}

fn open(now: Instant, peer: &mut Peer, datagram: &mut [u8]) -> Result<Opened, Counter> {
    let inbound = peer.inbound.as_mut().ok_or(Counter::DropNoKeys)?;
    let rtp = Rtp::parse(datagram).map_err(|_| Counter::DropMalformed)?;
    let (ssrc, header_len, timestamp) = (rtp.ssrc(), rtp.header_len(), rtp.timestamp());
    let payload_type = rtp.payload_type();
    let known = peer.payloads.iter().find(|map| map.payload_type == payload_type);
    let clock_rate = known.map(|map| map.codec.clock_rate());
    if let Some(at) = inbound.position(ssrc) {
        let stream = inbound.streams.get_mut(at).ok_or(Counter::DropUnknownSsrc)?;
        let opened = inbound.opener.open_rtp(&mut stream.window, header_len, datagram);
        let (index, len) = opened.map_err(refusal)?;
        if let Some(clock_rate) = clock_rate {
            stream.received(now, index, timestamp, clock_rate);
        }
        let (role, gap) = (stream.role, !stream.missing.is_empty());
        return Ok(Opened { role, index: SourceIndex(index.0), len, gap });
    }
    if !inbound.has_room(&peer.published) {
        return Err(Counter::DropUnknownSsrc);
    }
    let repairs = peer.payloads.iter().any(|map| map.rtx == Some(payload_type));
    if clock_rate.is_none() && !repairs {
        return Err(Counter::DropUnsupported); // no stream comes of what nobody understands
    }
    let mut window = ReplayWindow::default();
    let (index, len) =
        inbound.opener.open_rtp(&mut window, header_len, datagram).map_err(refusal)?;
    let plain = datagram.get(..len).ok_or(Counter::DropMalformed)?;
    let rtp = Rtp::parse(plain).map_err(|_| Counter::DropMalformed)?;
    let named = named(&rtp, &peer.sending.extensions);
    let role = inbound.bind(&peer.published, ssrc, &named, repairs);
    let role = role.ok_or(Counter::DropUnknownSsrc)?;
    let mut stream = Stream::new(ssrc, role, window);
    stream.rid = named.rid.into();
    if let Some(clock_rate) = clock_rate {
        stream.received(now, index, timestamp, clock_rate);
    }
    inbound.streams.push(stream);
    Ok(Opened { role, index: SourceIndex(index.0), len, gap: false })
}

/// What a packet says of its SSRC. RIDs are at most 16 bytes long (RFC 8852 §3.1, RFC 8851 §10).
fn named<'a>(rtp: &Rtp<'a>, ids: &ExtensionIds) -> Named<'a> {
    let mut named = Named::default();
    for (id, data) in rtp.extensions() {
        match ids.extension(id) {
            Some(Extension::Mid) => named.mid = Some(data),
            Some(Extension::Rid) => named.rid = data.get(..16).unwrap_or(data),
            Some(Extension::RepairedRid) => named.repaired = data.get(..16).unwrap_or(data),
            _ => {}
        }
    }
    named
}

pub(super) fn refusal(error: OpenError) -> Counter {
    match error {
        OpenError::TooShort => Counter::DropMalformed,
        OpenError::TooOld => Counter::DropTooOld,
        OpenError::Replayed => Counter::DropReplayed,
        _ => Counter::DropBadTag,
    }
}

fn describe<'a>(
    rtp: &Rtp<'a>,
    ids: &ExtensionIds,
    index: SourceIndex,
    codec: Codec,
    facts: &Facts,
) -> (Packet, &'a [u8]) {
    let mut packet = Packet {
        index,
        timestamp: rtp.timestamp(),
        arrived_us: 0,
        marker: rtp.marker(),
        keyframe: facts.keyframe,
        codec,
        audio_level: None,
        orientation: None,
        vp8: facts.vp8.map(Vp8Numbers::from).unwrap_or_default(),
    };
    let mut descriptor: &[u8] = &[];
    for (id, data) in rtp.extensions() {
        match ids.extension(id) {
            Some(Extension::AudioLevel) => packet.audio_level = data.first().copied(),
            Some(Extension::VideoOrientation) => packet.orientation = data.first().copied(),
            Some(Extension::DependencyDescriptor) => descriptor = data,
            _ => {}
        }
    }
    (packet, descriptor)
}
