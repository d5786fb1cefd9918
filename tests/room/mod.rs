//! A room on a shard whose keys are known here: who publishes, who listens, all on virtual time.
#![allow(dead_code)] // each test uses its own part

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::crypto::{Ledger, Opener, Profile, Sealer};
use ringfence::route::id::{
    Epoch, MeetingId, ParticipantId, PeerId, RoomId, ShardIndex, Source, TrackId,
};
use ringfence::route::table::{
    Audience, Hears, Kinds, MeetingTable, ParticipantRow, Role, Roles, TrackRow,
};
use ringfence::shard::command::{Command, PeerSpec, SlotSpec, TrackSpec};
use ringfence::shard::outbox::{Outbox, Submission, TRAIN_MAX};
use ringfence::shard::{Shard, ShardConfig};
use ringfence::transport::sender::NtpClock;
use ringfence::transport::{Certificate, Fingerprint, IceCredentials};
use ringfence::wire::extension::{Extension, ExtensionIds};
use ringfence::wire::media::{Codec, Kind, PayloadMap};
use ringfence::wire::number::{PayloadType, Seq, Ssrc, Timestamp};
use ringfence::wire::path::Path;
use ringfence::wire::rtp::HeaderWriter;

const ROOM: RoomId = RoomId(1);
const OPUS: PayloadType = PayloadType(111);
const VP8: PayloadType = PayloadType(96);
const RTX: PayloadType = PayloadType(97);
const LEVEL: u8 = 1;
const SOURCES: [(u64, Source, Kind); 2] =
    [(1, Source::Microphone, Kind::Audio), (2, Source::Camera, Kind::Video)];

/// One train's memory; every submission is complete at once.
pub struct Fixed {
    memory: Box<[u8]>,
    next: u64,
}

impl Outbox for Fixed {
    fn claim(&mut self) -> Option<&mut [u8]> {
        Some(&mut self.memory)
    }
    fn send(&mut self, _len: usize, _segment: usize, _path: Path) {
        self.next += 1;
    }
    fn next(&self) -> Submission {
        Submission(self.next)
    }
    fn completed_below(&self) -> Submission {
        Submission(self.next)
    }
}

/// Who is in the room: participants 0..`participants`, of which the first `publishers` publish.
#[derive(Clone, Copy)]
pub struct Plan {
    pub participants: u64,
    pub publishers: u64,
    pub audio_slots: usize,
    pub video_slots: usize,
}

struct Publisher {
    sealer: Sealer,
    ledgers: [Ledger; 2],
    said: u32,
}

pub struct Room {
    pub shard: Shard,
    pub outbox: Fixed,
    pub now: Instant,
    pub turns: u64,
    publishers: Vec<Publisher>,
}

pub fn path(id: u64) -> Path {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Path { local, remote: SocketAddr::new(local, 10_000 + id as u16) }
}

fn track(id: u64, at: u64) -> TrackId {
    TrackId(10 * id + at)
}

fn spec(id: u64, plan: &Plan, certificate: &Arc<Certificate>) -> PeerSpec {
    let ice =
        |side| IceCredentials { ufrag: format!("{side}{id}").into(), pwd: "p".repeat(22).into() };
    let mut extensions = ExtensionIds::default();
    extensions.set(Extension::AudioLevel, LEVEL);
    let source = |(at, source, kind): (u64, Source, Kind)| TrackSpec {
        track: track(id, at),
        mid: format!("{at}").into(),
        source,
        kind,
        ssrcs: vec![(Ssrc(at as u32), None)],
    };
    let audio = [Kind::Audio].into_iter().cycle().take(plan.audio_slots);
    let kinds = audio.chain([Kind::Video].into_iter().cycle().take(plan.video_slots));
    let slot = |(at, kind): (u32, Kind)| SlotSpec {
        mid: format!("s{at}").into(),
        kind,
        ssrc: Ssrc(1_000 * (id as u32 + 1) + at),
        rtx_ssrc: (kind == Kind::Video).then_some(Ssrc(1_000 * (id as u32 + 1) + 500 + at)),
    };
    PeerSpec {
        peer: PeerId(id),
        meeting: MeetingId(1),
        participant: ParticipantId(id),
        local_ice: ice("l"),
        remote_ice: ice("r"),
        fingerprint: Fingerprint::Sha256([0; 32]),
        certificate: certificate.clone(),
        payloads: vec![
            PayloadMap { payload_type: OPUS, codec: Codec::Opus, rtx: None },
            PayloadMap { payload_type: VP8, codec: Codec::Vp8, rtx: Some(RTX) },
        ],
        extensions,
        tracks: if id < plan.publishers { SOURCES.map(source).into() } else { Vec::new() },
        slots: (0..).zip(kinds).map(slot).collect(),
        from: None,
    }
}

/// Everybody in one room, the publishers on shard 0.
pub fn table(plan: &Plan) -> MeetingTable {
    let participant = |id| ParticipantRow {
        participant: ParticipantId(id),
        room: ROOM,
        hears: Hears { rooms: vec![(ROOM, Kinds::ALL)] },
        role: Role(0),
        receives: Roles::ALL,
        peers: vec![PeerId(id)],
    };
    let row = |id, (at, source, kind)| TrackRow {
        track: track(id, at),
        publisher: ParticipantId(id),
        peer: PeerId(id),
        shard: ShardIndex(0),
        role: Role(0),
        source,
        kind,
        muted: false,
        bps_max: None,
        audience: Audience { rooms: vec![ROOM], participants: Vec::new() },
        audience_epoch: Epoch(1),
    };
    let rows = (0..plan.publishers).flat_map(|id| SOURCES.map(|source| row(id, source)));
    MeetingTable {
        meeting: MeetingId(1),
        epoch: Epoch(1),
        main: ROOM,
        shards: vec![ShardIndex(0)],
        participants: (0..plan.participants).map(participant).collect(),
        tracks: rows.collect(),
    }
}

fn sealer(profile: Profile) -> Sealer {
    let (key, salt) = (vec![5; profile.key_len()], vec![6; profile.salt_len()]);
    Sealer::new(profile, &key, &salt).expect("key lengths")
}

/// A shard with these of the plan's participants, who are connected.
pub fn shard(
    profile: Profile,
    plan: &Plan,
    here: std::ops::Range<u64>,
    table: MeetingTable,
    config: ShardConfig,
    now: Instant,
    path: impl Fn(u64) -> Path,
) -> Shard {
    let mut shard = Shard::new(config);
    let certificate = Arc::new(Certificate::generate().expect("a certificate"));
    let (key, salt) = (vec![5; profile.key_len()], vec![6; profile.salt_len()]);
    for id in here {
        let spec = spec(id, plan, &certificate);
        shard.handle_command(now, Command::AddPeer(Box::new(spec)));
        let opener = Opener::new(profile, &key, &salt).expect("key lengths");
        shard.inject_session(PeerId(id), path(id), opener, sealer(profile));
    }
    shard.handle_command(now, Command::Install(Box::new(table)));
    shard
}

impl Room {
    pub fn new(profile: Profile, plan: &Plan, change: impl FnOnce(&mut ShardConfig)) -> Self {
        #[allow(clippy::disallowed_methods)]
        let now = Instant::now(); // only a base
        let clock = NtpClock::new(now, Duration::from_secs(1_700_000_000));
        let mut config = ShardConfig::new([1; 32], now, clock);
        change(&mut config);
        let shard = shard(profile, plan, 0..plan.participants, table(plan), config, now, path);
        let publisher = |_| {
            let mut sealer = sealer(profile);
            let ledgers = [1, 2].map(|ssrc| sealer.ledger(Ssrc(ssrc)).expect("its own"));
            Publisher { sealer, ledgers, said: 0 }
        };
        let publishers = (0..plan.publishers).map(publisher).collect();
        let outbox = Fixed { memory: vec![0; TRAIN_MAX].into(), next: 0 };
        Self { shard, outbox, now, turns: 0, publishers }
    }

    /// The next packet of a publisher.
    pub fn packet(&mut self, id: u64, kind: Kind, len: usize, key: bool) -> Vec<u8> {
        let publisher = &mut self.publishers[id as usize];
        let n = publisher.said;
        publisher.said += 1;
        let (at, payload_type) = if kind == Kind::Audio { (0, OPUS) } else { (1, VP8) };
        let claim = publisher.ledgers[at].claim_next().expect("a number");
        let mut room = vec![0x33; 1_500];
        let (seq, time) = (Seq(0), Timestamp(n * 500));
        let mut header =
            HeaderWriter::new(&mut room, true, payload_type, seq, time, Ssrc(0)).expect("room");
        if kind == Kind::Audio {
            assert!(header.extension(LEVEL, &[30]));
        }
        let header_len = header.finish();
        if kind == Kind::Video {
            // A VP8 descriptor with picture id and TL0PICIDX, then a frame header.
            let frame = u8::from(!key);
            let descriptor = [0x90, 0xE0, 0x80 | (n >> 8) as u8 & 0x7F, n as u8, n as u8, 0, frame];
            room[header_len..header_len + 7].copy_from_slice(&descriptor);
        }
        let total = header_len + len;
        let len = publisher.sealer.seal_rtp(claim, header_len, total, &mut room).expect("room");
        room.truncate(len);
        room
    }

    pub fn take(&mut self, id: u64, datagram: &mut [u8]) {
        self.shard.handle_datagram(self.now, path(id), datagram);
    }

    /// Egress, as often as it takes.
    pub fn turn(&mut self) {
        loop {
            self.shard.egress(self.now, &mut self.outbox);
            self.shard.transmitted(self.now);
            self.turns += 1;
            if !self.shard.has_more() {
                return;
            }
        }
    }

    /// Timers, and reports read.
    pub fn tend(&mut self) {
        self.shard.handle_timeout(self.now);
        while self.shard.poll_report().is_some() {}
    }
}
