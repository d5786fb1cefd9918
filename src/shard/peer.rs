//! One peer as its shard knows it: the transport, what it publishes, its slots, what waits to be
//! sent.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::command::{Mid, PeerSpec, SlotSpec, Wish};
use super::inbound::Inbound;
use super::leg::Leg;
use super::rtcp_out::Feedback;
use super::slab::Key;
use super::track::Track;
use crate::crypto::{Ledger, Random, Sealer};
use crate::route::id::{MeetingId, ParticipantId, PeerId};
use crate::route::packet::SourceIndex;
use crate::route::rewrite::Rewriter;
use crate::transport;
use crate::transport::sender::PublisherClock;
use crate::wire::extension::ExtensionIds;
use crate::wire::media::{Codec, Kind, PayloadMap};
use crate::wire::number::{PayloadType, Seq, Ssrc};
use crate::wire::path::Path;

/// Most packets that wait for one subscriber. More: it is not being served, and new ones are
/// dropped.
pub const PENDING_MAX: usize = 1_024;

/// Beyond this, new video is dropped, so that audio has room.
pub const PENDING_VIDEO_MAX: usize = 3 * PENDING_MAX / 4;

/// One packet that waits for egress. Its bytes are in the track's cache.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// By which slot it leaves.
    pub slot: u16,
    /// For which leg of the slot it was queued.
    pub generation: u32,
    /// Whose packet.
    pub track: Key<Track>,
    /// Which packet.
    pub index: SourceIndex,
    /// A retransmission.
    pub again: bool,
}

/// One outgoing m-line.
pub struct Slot {
    /// Mid, kind, SSRCs.
    pub spec: SlotSpec,
    /// Which numbers of its SSRC are used.
    pub ledger: Option<Ledger>,
    /// Which numbers of its RTX SSRC are used.
    pub rtx_ledger: Option<Ledger>,
    /// Its outgoing numbers.
    pub rewriter: Rewriter,
    /// What it carries now.
    pub leg: Option<Leg>,
    /// How many legs it had.
    pub legs: u32,
    /// Packets sent (RFC 3550 §6.4.1).
    pub packets: u32,
    /// Payload bytes sent, without header and padding (RFC 3550 §6.4.1).
    pub octets: u32,
    /// Whether anything was sent since the last sender report.
    pub reported: bool,
    /// What may still be retransmitted.
    pub repair: Repair,
}

/// Bounds what a receiver can make us repeat (THREATS.md 10): at most a quarter of what was sent,
/// at most three times each, and not again within a round trip.
#[derive(Clone, Debug, Default)]
pub struct Repair {
    /// Packets that may be repeated now: a quarter of a packet for each one sent.
    quarters: u32,
    /// The last packets repeated: outgoing number, when, how often.
    recent: VecDeque<(Seq, Instant, u8)>,
}

impl Repair {
    const QUARTERS_MAX: u32 = 4 * 64;
    /// As many as can be allowed while a number is among the last 1,024 sent, and later nobody can
    /// ask for it any more.
    const RECENT: usize = 64 + 1_024 / 4;

    /// One packet was sent.
    pub fn earn(&mut self) {
        self.quarters = (self.quarters + 1).min(Self::QUARTERS_MAX);
    }

    /// Whether `seq` may be repeated now; takes it into account if so.
    pub fn allow(&mut self, now: Instant, seq: Seq, round_trip: Duration) -> bool {
        if self.quarters < 4 {
            return false;
        }
        match self.recent.iter_mut().find(|entry| entry.0 == seq) {
            Some((_, at, times)) => {
                if *times >= 3 || now.saturating_duration_since(*at) < round_trip {
                    return false;
                }
                (*at, *times) = (now, *times + 1);
            }
            None => {
                if self.recent.len() == Self::RECENT {
                    self.recent.pop_front();
                }
                self.recent.push_back((seq, now, 1));
            }
        }
        self.quarters -= 4;
        true
    }
}

/// One source that the peer may publish.
pub struct Published {
    /// Its m-line.
    pub mid: Mid,
    /// Its announced SSRCs, each with that of its retransmissions.
    pub ssrcs: Vec<(Ssrc, Option<Ssrc>)>,
    /// The track.
    pub track: Key<Track>,
}

/// One peer.
pub struct Peer {
    /// Its name.
    pub id: PeerId,
    /// Its meeting.
    pub meeting: MeetingId,
    /// Whose it is.
    pub participant: ParticipantId,
    /// The only publisher it gets, if it asked so.
    pub from: Option<ParticipantId>,
    /// ICE and DTLS.
    pub transport: transport::Peer,
    /// Payload types of its wire.
    pub payloads: Vec<PayloadMap>,
    /// Extension ids of its wire.
    pub extensions: ExtensionIds,
    /// Keys and streams of what it sends, once DTLS is done.
    pub inbound: Option<Inbound>,
    /// Keys of what it is sent, once DTLS is done.
    pub sealer: Option<Box<Sealer>>,
    /// How its clock stands to ours.
    pub clock: PublisherClock,
    /// What it may publish.
    pub published: Vec<Published>,
    /// What it can receive.
    pub slots: Vec<Slot>,
    /// Media that waits for egress.
    pub pending: Vec<Pending>,
    /// It was reported as connected.
    pub connected: bool,
    /// It is in the shard's list of peers with something to send.
    pub dirty: bool,
    /// What its video slots should show.
    pub wishes: Vec<Wish>,
    /// What it is to be told by RTCP.
    pub feedback: Feedback,
    /// Its current entry in the shard's timers.
    pub due: Option<Instant>,
}

impl Peer {
    /// A peer that waits for STUN. Its tracks are filled in by the shard.
    pub fn new(spec: &PeerSpec, now: Instant, random: &mut Random) -> Self {
        let config = transport::PeerConfig {
            local: spec.local_ice.clone(),
            remote: spec.remote_ice.clone(),
            fingerprint: spec.fingerprint,
            certificate: spec.certificate.clone(),
        };
        let slots = spec.slots.iter().map(|slot| Slot::new(slot.clone(), random)).collect();
        Self {
            id: spec.peer,
            meeting: spec.meeting,
            participant: spec.participant,
            from: spec.from,
            transport: transport::Peer::new(config, now),
            payloads: spec.payloads.clone(),
            extensions: spec.extensions,
            inbound: None,
            sealer: None,
            clock: PublisherClock::default(),
            published: Vec::new(),
            slots,
            pending: Vec::new(),
            connected: false,
            dirty: false,
            wishes: Vec::new(),
            feedback: Feedback::new(now, Ssrc(random.next_u32())),
            due: None,
        }
    }

    /// What this peer calls `codec`.
    pub fn payload_map(&self, codec: Codec) -> Option<&PayloadMap> {
        self.payloads.iter().find(|map| map.codec == codec)
    }

    /// What `payload_type` carries on this peer's wire.
    pub fn codec(&self, payload_type: PayloadType) -> Option<Codec> {
        let map = self.payloads.iter().find(|map| map.payload_type == payload_type);
        map.map(|map| map.codec)
    }

    /// Where media goes.
    pub fn path(&self) -> Option<Path> {
        self.transport.selected()
    }

    /// Whether media can be sent to it.
    pub fn is_ready(&self) -> bool {
        self.sealer.is_some() && self.path().is_some()
    }

    /// When it wants to be looked after.
    pub fn next_due(&self, now: Instant) -> Option<Instant> {
        let inbound = self.inbound.as_ref().filter(|_| self.is_ready());
        let media = inbound.and_then(|inbound| inbound.next_due(now, self.feedback.round_trip));
        let feedback = self.is_ready().then(|| self.feedback.next_report());
        [self.transport.poll_timeout(), media, feedback].into_iter().flatten().min()
    }
}

impl Slot {
    fn new(spec: SlotSpec, random: &mut Random) -> Self {
        let clock_rate = match spec.kind {
            Kind::Audio => Codec::Opus.clock_rate(),
            Kind::Video => Codec::Vp8.clock_rate(),
        };
        // Below 2^15, so that neither side can misjudge the first rollover (RFC 3711 §3.3.1).
        let start = Seq((random.next_u32() & 0x7FFF) as u16);
        Self {
            spec,
            ledger: None,
            rtx_ledger: None,
            rewriter: Rewriter::new(start, clock_rate),
            leg: None,
            legs: 0,
            packets: 0,
            octets: 0,
            reported: true,
            repair: Repair::default(),
        }
    }
}
