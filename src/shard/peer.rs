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
use super::voice_hold::Since;
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

/// Consecutive packets of one track that wait for egress. Their bytes are in the track's cache.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// By which slot they leave.
    pub slot: u16,
    /// How many.
    pub count: u16,
    /// For which leg of the slot they were queued.
    pub generation: u32,
    /// Whose packets.
    pub track: Key<Track>,
    /// The first of them.
    pub first: SourceIndex,
    /// A retransmission.
    pub again: bool,
}

/// One outgoing m-line. What egress needs of it comes first, in few cache lines.
#[repr(C, align(64))]
pub struct Slot {
    /// Its outgoing numbers.
    pub rewriter: Rewriter,
    /// What it carries now.
    pub leg: Option<Leg>,
    /// Packets sent (RFC 3550 §6.4.1).
    pub packets: u32,
    /// Payload bytes sent, without header and padding (RFC 3550 §6.4.1).
    pub octets: u32,
    /// Which numbers of its SSRC are used.
    pub ledger: Option<Ledger>,
    /// What may still be retransmitted.
    pub repair: Repair,
    /// How many legs it had.
    pub legs: u32,
    /// Whether nothing was sent since the last sender report.
    pub reported: bool,
    /// Whether it has an SSRC for retransmissions.
    pub repairs: bool,
    /// What is not needed for each packet.
    pub cold: Box<ColdSlot>,
}

// Two lines for numbers, leg and counters, three for the ledger's bits, of which two are touched.
const _: () = assert!(std::mem::offset_of!(Slot, ledger) <= 128 && size_of::<Slot>() <= 320);

/// What is not needed for each packet of a slot.
pub struct ColdSlot {
    /// Mid, kind, SSRCs.
    pub spec: SlotSpec,
    /// Which numbers of its RTX SSRC are used.
    pub rtx_ledger: Option<Ledger>,
}

/// Bounds what a receiver can make us repeat (THREATS.md 10): at most a quarter of what was sent,
/// at most three times each, and not again within a round trip.
#[derive(Clone, Debug, Default)]
pub struct Repair {
    /// The last packets repeated, once there was one.
    recent: Option<Box<Recent>>,
    /// Packets that may be repeated now: a quarter of a packet for each one sent.
    quarters: u32,
}

/// The last packets repeated: outgoing number, how often, and when, in milliseconds from `base`.
#[derive(Clone, Debug)]
struct Recent {
    base: Instant,
    entries: VecDeque<(Seq, u8, u32)>,
}

impl Repair {
    const QUARTERS_MAX: u32 = 4 * 64;
    /// As many as can be allowed while a number is among the last 1,024 sent, and later nobody can
    /// ask for it any more.
    const RECENT: usize = 64 + 1_024 / 4;

    /// One packet was sent.
    #[inline]
    pub fn earn(&mut self) {
        self.quarters = (self.quarters + 1).min(Self::QUARTERS_MAX);
    }

    /// Whether `seq` may be repeated now; takes it into account if so.
    pub fn allow(&mut self, now: Instant, seq: Seq, round_trip: Duration) -> bool {
        if self.quarters < 4 {
            return false;
        }
        let first = || Box::new(Recent { base: now, entries: VecDeque::new() });
        let Recent { base, entries } = &mut **self.recent.get_or_insert_with(first);
        let now_ms = now.saturating_duration_since(*base).as_millis() as u32; // of 49 days
        match entries.iter_mut().find(|entry| entry.0 == seq) {
            Some((_, times, at_ms)) => {
                let since = u128::from(now_ms.wrapping_sub(*at_ms));
                if *times >= 3 || since < round_trip.as_millis() {
                    return false;
                }
                (*times, *at_ms) = (*times + 1, now_ms);
            }
            None => {
                if entries.len() == Self::RECENT {
                    entries.pop_front();
                }
                entries.push_back((seq, 1, now_ms));
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

/// What fan-out and egress need of a peer, in few cache lines.
#[repr(align(64))]
pub struct Sending {
    /// Media that waits for egress.
    pub pending: Vec<Pending>,
    /// How many packets that is.
    pub queued: usize,
    /// What it can receive.
    pub slots: Vec<Slot>,
    /// Keys of what it is sent, once DTLS is done.
    pub sealer: Option<Box<Sealer>>,
    /// Where media goes: a copy of what the transport selected, written after each call into it.
    pub path: Option<Path>,
    /// Extension ids of its wire.
    pub extensions: ExtensionIds,
    /// How many of its slots carry pictures now.
    pub pictures: u16,
    /// It has nothing but voices to be sent, which wait for company since then.
    pub voice_since: Since,
    /// It is in the shard's list of peers with something to send.
    pub dirty: bool,
    /// Besides media there may be something to send: ICE, DTLS, RTCP.
    pub control: bool,
}

const _: () = assert!(size_of::<Sending>() <= 192);

impl Sending {
    /// Queues packets, behind those of the same run if they follow them.
    pub fn push(&mut self, run: Pending) {
        self.queued += usize::from(run.count);
        if let Some(last) = self.pending.last_mut()
            && (last.slot, last.generation, last.track) == (run.slot, run.generation, run.track)
            && last.first.0 + u64::from(last.count) == run.first.0
            && !(last.again || run.again)
            && let Some(count) = last.count.checked_add(run.count)
        {
            last.count = count;
            return;
        }
        self.pending.push(run);
    }

    /// Forgets what waits.
    pub fn clear(&mut self) {
        self.pending.clear();
        self.queued = 0;
    }

    /// Whether media can be sent to it.
    pub fn is_ready(&self) -> bool {
        self.sealer.is_some() && self.path.is_some()
    }
}

/// One peer.
pub struct Peer {
    /// What fan-out and egress need of it.
    pub sending: Sending,
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
    /// Keys and streams of what it sends, once DTLS is done.
    pub inbound: Option<Inbound>,
    /// How its clock stands to ours.
    pub clock: PublisherClock,
    /// What it may publish.
    pub published: Vec<Published>,
    /// It was reported as connected.
    pub connected: bool,
    /// What its slots are for: one entry a slot, side by side, for seating.
    pub kinds: Box<[Kind]>,
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
        let sending = Sending {
            pending: Vec::new(),
            queued: 0,
            slots,
            sealer: None,
            path: None,
            extensions: spec.extensions,
            pictures: 0,
            voice_since: None,
            dirty: false,
            control: false,
        };
        Self {
            sending,
            id: spec.peer,
            meeting: spec.meeting,
            participant: spec.participant,
            from: spec.from,
            transport: transport::Peer::new(config, now),
            payloads: spec.payloads.clone(),
            inbound: None,
            clock: PublisherClock::default(),
            published: Vec::new(),
            connected: false,
            kinds: spec.slots.iter().map(|slot| slot.kind).collect(),
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

    /// Whether media can be sent to it.
    pub fn is_ready(&self) -> bool {
        self.sending.is_ready()
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
            rewriter: Rewriter::new(start, clock_rate),
            leg: None,
            packets: 0,
            octets: 0,
            ledger: None,
            repair: Repair::default(),
            legs: 0,
            reported: true,
            repairs: spec.rtx_ssrc.is_some(),
            cold: Box::new(ColdSlot { spec, rtx_ledger: None }),
        }
    }
}
