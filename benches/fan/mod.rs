//! One publisher and its subscribers on one shard, in memory: no sockets, no ICE, no DTLS.
//!
//! What a publisher sends is sealed before anything is measured. What the shard sends goes into a
//! ring of train buffers, as many as a driver has in flight on a busy socket, and is complete at
//! once.

#![allow(dead_code, reason = "each bench takes its part")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::crypto::{Ledger, OVERHEAD_MAX, Opener, Profile, Sealer};
use ringfence::route::id::{
    Epoch, MeetingId, ParticipantId, PeerId, RoomId, ShardIndex, Source, TrackId,
};
use ringfence::route::table::{
    Audience, Hears, Kinds, MeetingTable, ParticipantRow, Role, Roles, TrackRow,
};
use ringfence::shard::command::{Command, PeerSpec, SlotSpec, TrackSpec};
use ringfence::shard::outbox::{Outbox, Submission, TRAIN_MAX};
use ringfence::shard::stats::Counter;
use ringfence::shard::{Shard, ShardConfig};
use ringfence::transport::sender::NtpClock;
use ringfence::transport::{Certificate, Fingerprint, IceCredentials};
use ringfence::wire::extension::{Extension, ExtensionIds};
use ringfence::wire::media::{Codec, Kind, PayloadMap};
use ringfence::wire::number::{PayloadType, Seq, Ssrc, Timestamp};
use ringfence::wire::path::Path;
use ringfence::wire::rtp::HeaderWriter;

/// Payload type of audio.
pub const OPUS: PayloadType = PayloadType(111);
/// Payload type of video.
pub const VP8: PayloadType = PayloadType(96);
/// Id of the audio level element (RFC 6464).
pub const LEVEL: u8 = 1;

const ROOM: RoomId = RoomId(1);
const PUBLISHER: u64 = 0;
/// Bursts until everything is in its steady state.
const WARM_UP: usize = 40;
/// Train buffers in the ring.
const BUFFERS: usize = 64;

/// Train buffers in a ring; every submission is complete at once.
pub struct Memory {
    buffers: Vec<Box<[u8]>>,
    at: usize,
    submitted: u64,
    /// What was sent, if it is to be kept.
    pub kept: Option<Vec<(Path, Vec<u8>)>>,
}

impl Memory {
    /// Nothing is sent yet. Every page has been touched.
    pub fn new() -> Self {
        let buffers = (0..BUFFERS).map(|_| vec![0x80; TRAIN_MAX].into()).collect();
        Self { buffers, at: 0, submitted: 0, kept: None }
    }
}

impl Outbox for Memory {
    fn claim(&mut self) -> Option<&mut [u8]> {
        Some(&mut self.buffers[self.at])
    }

    fn send(&mut self, len: usize, segment: usize, path: Path) {
        if let Some(kept) = &mut self.kept {
            let datagrams = self.buffers[self.at][..len].chunks(segment);
            kept.extend(datagrams.map(|datagram| (path, datagram.to_vec())));
        }
        self.at = (self.at + 1) % BUFFERS;
        self.submitted += 1;
    }

    fn next(&self) -> Submission {
        Submission(self.submitted)
    }

    fn completed_below(&self) -> Submission {
        Submission(self.submitted)
    }
}

/// What the publisher sends.
#[derive(Clone, Copy, Debug)]
pub struct Media {
    /// `1200B` and the like.
    pub name: &'static str,
    kind: Kind,
    payload_type: PayloadType,
    /// Of a whole packet, without tag.
    pub size: usize,
    /// Packets that come in one turn.
    pub burst: usize,
    /// Time between bursts.
    interval: Duration,
}

impl Media {
    /// VP8 at 30 frames a second, six packets each: 1.7 Mbit/s.
    pub const VIDEO: Self = Self {
        name: "1200B",
        kind: Kind::Video,
        payload_type: VP8,
        size: 1_200,
        burst: 6,
        interval: Duration::from_millis(33),
    };
    /// Opus, one packet every 20 ms.
    pub const AUDIO: Self = Self {
        name: "120B",
        kind: Kind::Audio,
        payload_type: OPUS,
        size: 120,
        burst: 1,
        interval: Duration::from_millis(20),
    };
}

/// The master key and salt that everybody's session keys are derived from. Not secret.
pub fn master(profile: Profile) -> (Vec<u8>, Vec<u8>) {
    (vec![5; profile.key_len()], vec![6; profile.salt_len()])
}

/// One direction of a session, both ends of it.
pub fn keys(profile: Profile) -> (Opener, Sealer) {
    let (key, salt) = master(profile);
    let opener = Opener::new(profile, &key, &salt).expect("the lengths are the profile's");
    (opener, Sealer::new(profile, &key, &salt).expect("the lengths are the profile's"))
}

/// Where the client of a peer is.
pub fn path(id: u64) -> Path {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Path { local, remote: SocketAddr::new(local, 10_000 + id as u16) }
}

/// The element ids that everybody has negotiated.
pub fn extensions() -> ExtensionIds {
    let mut extensions = ExtensionIds::default();
    extensions.set(Extension::AudioLevel, LEVEL);
    extensions
}

/// The payload types that everybody has negotiated.
pub fn payloads() -> Vec<PayloadMap> {
    let rtx = Some(PayloadType(97));
    vec![
        PayloadMap { payload_type: OPUS, codec: Codec::Opus, rtx: None },
        PayloadMap { payload_type: VP8, codec: Codec::Vp8, rtx },
    ]
}

/// A shard that knows nobody.
pub fn shard(now: Instant) -> Shard {
    let clock = NtpClock::new(now, Duration::from_secs(1_700_000_000));
    Shard::new(ShardConfig::new([1; 32], now, clock))
}

/// Writes packet `number` of a stream and seals it, into `out`.
pub fn write_packet(
    out: &mut Vec<u8>,
    media: Media,
    number: u32,
    frame: u32,
    sealer: &Sealer,
    ledger: &mut Ledger,
) {
    let claim = ledger.claim_next().expect("a number");
    out.clear();
    out.resize(media.size + OVERHEAD_MAX, 0x33);
    let is_last = (number as usize + 1).is_multiple_of(media.burst);
    let time = Timestamp(frame.wrapping_mul(3_000));
    let mut header =
        HeaderWriter::new(out, is_last, media.payload_type, Seq(0), time, Ssrc(0)).expect("room");
    if media.kind == Kind::Audio {
        assert!(header.extension(LEVEL, &[30]), "room");
    }
    let header_len = header.finish();
    if media.kind == Kind::Video {
        // A VP8 descriptor (RFC 7741 §4.2) with picture id and TL0PICIDX, then a frame header.
        // Keyframes: while nobody is seated yet, and every ten seconds.
        let begins = (number as usize).is_multiple_of(media.burst);
        let first = if begins { 0x90 } else { 0x80 };
        let is_delta = u8::from(frame > WARM_UP as u32 / 2 && !frame.is_multiple_of(300));
        let picture = [0x80 | (frame >> 8) as u8 & 0x7F, frame as u8];
        let descriptor = [first, 0xE0, picture[0], picture[1], frame as u8, 0, is_delta];
        out[header_len..header_len + descriptor.len()].copy_from_slice(&descriptor);
    }
    let len = sealer.seal_rtp(claim, header_len, media.size, out).expect("room");
    out.truncate(len);
}

/// One publisher, its subscribers, and the shard between them.
pub struct Fan {
    shard: Shard,
    memory: Memory,
    now: Instant,
    media: Media,
    subscribers: usize,
    sealer: Sealer,
    ledger: Ledger,
    written: u32,
    taken: u64,
    /// What was forwarded before anything is measured.
    forwarded_before: u64,
}

impl Fan {
    /// Everybody has keys, a path and a seat; media flows.
    pub fn new(profile: Profile, media: Media, subscribers: usize) -> Self {
        let now = Instant::now(); // only a base: time is virtual from here on
        let mut shard = shard(now);
        let certificate = Arc::new(Certificate::generate().expect("the system has randomness"));
        for id in 0..=subscribers as u64 {
            let spec = spec(id, media.kind, &certificate);
            shard.handle_command(now, Command::AddPeer(Box::new(spec)));
            let (opener, sealer) = keys(profile);
            shard.inject_session(PeerId(id), path(id), opener, sealer);
        }
        let table = table(subscribers as u64, media.kind);
        shard.handle_command(now, Command::Install(Box::new(table)));
        let (_, mut sealer) = keys(profile);
        let ledger = sealer.ledger(Ssrc(1)).expect("the first");
        let memory = Memory::new();
        let (written, taken, forwarded_before) = (0, 0, 0);
        let mut fan = Self {
            shard,
            memory,
            now,
            media,
            subscribers,
            sealer,
            ledger,
            written,
            taken,
            forwarded_before,
        };
        fan.warm_up();
        fan
    }

    /// The next `bursts` of the publisher, into memory that may be reused.
    pub fn write(&mut self, bursts: usize, packets: &mut Vec<Vec<u8>>) {
        packets.resize_with(bursts * self.media.burst, Vec::new);
        for packet in packets {
            let frame = self.written / self.media.burst as u32;
            write_packet(packet, self.media, self.written, frame, &self.sealer, &mut self.ledger);
            self.written += 1;
        }
    }

    /// The relay's part: takes the packets, one burst a turn, and sends them on.
    pub fn forward(&mut self, packets: &mut [Vec<u8>]) {
        for burst in packets.chunks_mut(self.media.burst) {
            self.now += self.media.interval;
            for packet in burst {
                self.shard.handle_datagram(self.now, path(PUBLISHER), packet);
                self.taken += 1;
            }
            self.turn();
            while self.shard.has_more() {
                self.turn();
            }
        }
    }

    /// The rest of a turn of a shard's loop, after ingress.
    fn turn(&mut self) {
        if self.shard.poll_timeout().is_some_and(|at| at <= self.now) {
            self.shard.handle_timeout(self.now);
        }
        self.shard.egress(self.now, &mut self.memory);
        self.shard.transmitted(self.now);
        while self.shard.poll_report().is_some() {}
    }

    /// How many packets every iteration of one burst sends.
    pub fn per_burst(&self) -> usize {
        self.media.burst * self.subscribers
    }

    fn warm_up(&mut self) {
        let mut packets = Vec::new();
        self.write(WARM_UP, &mut packets);
        self.forward(&mut packets);
        self.taken = 0;
        self.forwarded_before = self.forwarded();
    }

    fn forwarded(&self) -> u64 {
        self.shard.stats().of(Counter::ForwardedPackets)
    }

    /// Every packet taken since went to every subscriber.
    pub fn check(&self) {
        let forwarded = self.forwarded() - self.forwarded_before;
        assert_eq!(forwarded, self.taken * self.subscribers as u64, "{:?}", self.shard.stats());
    }
}

fn sources(kind: Kind) -> Source {
    match kind {
        Kind::Audio => Source::Microphone,
        Kind::Video => Source::Camera,
    }
}

fn spec(id: u64, kind: Kind, certificate: &Arc<Certificate>) -> PeerSpec {
    let ice =
        |side| IceCredentials { ufrag: format!("{side}{id}").into(), pwd: "p".repeat(22).into() };
    let source = TrackSpec {
        track: TrackId(1),
        mid: "0".into(),
        source: sources(kind),
        kind,
        ssrcs: vec![(Ssrc(1), None)],
    };
    let slot = |(at, kind): (u32, Kind)| SlotSpec {
        mid: format!("s{at}").into(),
        kind,
        ssrc: Ssrc(1_000 + at),
        rtx_ssrc: (kind == Kind::Video).then_some(Ssrc(2_000 + at)),
    };
    let slots = (0..).zip([Kind::Audio, Kind::Video]).map(slot);
    let publishes = id == PUBLISHER;
    PeerSpec {
        peer: PeerId(id),
        meeting: MeetingId(1),
        participant: ParticipantId(id),
        local_ice: ice("l"),
        remote_ice: ice("r"),
        fingerprint: Fingerprint::Sha256([0; 32]),
        certificate: certificate.clone(),
        payloads: payloads(),
        extensions: extensions(),
        tracks: if publishes { vec![source] } else { Vec::new() },
        slots: if publishes { Vec::new() } else { slots.collect() },
        from: None,
    }
}

fn table(subscribers: u64, kind: Kind) -> MeetingTable {
    let participant = |id| ParticipantRow {
        participant: ParticipantId(id),
        room: ROOM,
        hears: Hears { rooms: vec![(ROOM, Kinds::ALL)] },
        role: Role(0),
        receives: Roles::ALL,
        peers: vec![PeerId(id)],
    };
    let track = TrackRow {
        track: TrackId(1),
        publisher: ParticipantId(PUBLISHER),
        peer: PeerId(PUBLISHER),
        shard: ShardIndex(0),
        role: Role(0),
        source: sources(kind),
        kind,
        muted: false,
        bps_max: None,
        audience: Audience { rooms: vec![ROOM], participants: Vec::new() },
        audience_epoch: Epoch(1),
    };
    MeetingTable {
        meeting: MeetingId(1),
        epoch: Epoch(1),
        main: ROOM,
        shards: vec![ShardIndex(0)],
        participants: (0..=subscribers).map(participant).collect(),
        tracks: vec![track],
    }
}

/// The control of the fan-out: the same packets sealed over as many keys, and nothing else.
pub struct Raw {
    sealers: Vec<(Box<Sealer>, Ledger)>,
    memory: Memory,
    plain: Vec<Vec<u8>>,
    media: Media,
}

impl Raw {
    /// One key and one SSRC for each subscriber.
    pub fn new(profile: Profile, media: Media, subscribers: usize) -> Self {
        let one = |_| {
            let mut sealer = Box::new(keys(profile).1);
            let ledger = sealer.ledger(Ssrc(1)).expect("the first");
            (sealer, ledger)
        };
        let plain = vec![vec![0x80; media.size]; media.burst];
        Self { sealers: (0..subscribers).map(one).collect(), memory: Memory::new(), plain, media }
    }

    /// Seals `bursts` for every subscriber, each burst as one train; with `copy`, what is sealed is
    /// copied there before, as it is in a relay.
    pub fn seal(&mut self, bursts: usize, copy: bool) {
        let size = self.media.size;
        for _ in 0..bursts {
            for (sealer, ledger) in &mut self.sealers {
                let Some(mut room) = self.memory.claim() else { return };
                let mut len = 0;
                for plain in &self.plain {
                    let claim = ledger.claim_next().expect("2^48 suffice");
                    if copy {
                        room[..size].copy_from_slice(plain);
                    }
                    let sealed = sealer.seal_rtp(claim, 12, size, room).expect("room");
                    room = &mut room[sealed..];
                    len += sealed;
                }
                self.memory.send(len, len, path(0));
            }
        }
    }
}
