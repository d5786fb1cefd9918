//! The packet path of a shard allocates nothing in the steady state: in, cached, fanned out to ten
//! subscribers, sealed into trains.
//!
//! Counted: every call of the global allocator on this thread. What C asks for by itself is counted
//! in `no_alloc_crypto.rs`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::crypto::{Ledger, Opener, Profile, Sealer};
use ringfence::route::id::{Epoch, MeetingId, ParticipantId, PeerId, RoomId, Source, TrackId};
use ringfence::route::table::{
    Audience, Hears, Kinds, MeetingTable, ParticipantRow, Role, Roles, RoomRow, TrackRow,
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

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: hands everything to the system's allocator, and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SUBSCRIBERS: u64 = 10;
const ROOM: RoomId = RoomId(1);
const OPUS: PayloadType = PayloadType(111);
const VP8: PayloadType = PayloadType(96);
const LEVEL: u8 = 1;

/// One train's memory; every submission is complete at once.
struct Fixed {
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

struct Meeting {
    shard: Shard,
    outbox: Fixed,
    now: Instant,
    sealer: Sealer,
    voice: Ledger,
    camera: Ledger,
    path: Path,
}

fn path(id: u64) -> Path {
    let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Path { local, remote: SocketAddr::new(local, 10_000 + id as u16) }
}

fn spec(id: u64, certificate: &Arc<Certificate>) -> PeerSpec {
    let ice =
        |side| IceCredentials { ufrag: format!("{side}{id}").into(), pwd: "p".repeat(22).into() };
    let mut extensions = ExtensionIds::default();
    extensions.set(Extension::AudioLevel, LEVEL);
    let source = |(at, source, kind): (u64, Source, Kind)| TrackSpec {
        track: TrackId(at),
        mid: format!("{at}").into(),
        source,
        kind,
        ssrcs: vec![(Ssrc(at as u32), None)],
    };
    let sources = [(1, Source::Microphone, Kind::Audio), (2, Source::Camera, Kind::Video)];
    let kinds = [Kind::Audio, Kind::Video];
    let slot = |(at, kind): (u32, Kind)| SlotSpec {
        mid: format!("s{at}").into(),
        kind,
        ssrc: Ssrc(1_000 * id as u32 + at),
        rtx_ssrc: None,
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
            PayloadMap { payload_type: VP8, codec: Codec::Vp8, rtx: None },
        ],
        extensions,
        tracks: if id == 0 { sources.map(source).into() } else { Vec::new() },
        slots: if id == 0 { Vec::new() } else { (0..).zip(kinds).map(slot).collect() },
        from: None,
    }
}

fn table() -> MeetingTable {
    let participant = |id| ParticipantRow {
        participant: ParticipantId(id),
        room: ROOM,
        hears: Hears { rooms: vec![(ROOM, Kinds::ALL)] },
        role: Role(0),
        receives: Roles::ALL,
        peers: vec![PeerId(id)],
    };
    let track = |(id, source, kind)| TrackRow {
        track: TrackId(id),
        publisher: ParticipantId(0),
        peer: PeerId(0),
        role: Role(0),
        source,
        kind,
        muted: false,
        audience: Audience { rooms: vec![ROOM], participants: Vec::new() },
        audience_epoch: Epoch(1),
    };
    let tracks = [(1, Source::Microphone, Kind::Audio), (2, Source::Camera, Kind::Video)];
    MeetingTable {
        meeting: MeetingId(1),
        epoch: Epoch(1),
        main: ROOM,
        participants: (0..=SUBSCRIBERS).map(participant).collect(),
        tracks: tracks.map(track).into(),
        rooms: vec![RoomRow { room: ROOM, tracks: vec![0, 1] }],
    }
}

impl Meeting {
    fn new(profile: Profile) -> Self {
        #[allow(clippy::disallowed_methods)]
        let now = Instant::now(); // only a base
        let clock = NtpClock::new(now, Duration::from_secs(1_700_000_000));
        let mut shard = Shard::new(ShardConfig::new([1; 32], now, clock));
        let certificate = Arc::new(Certificate::generate().expect("a certificate"));
        let (key, salt) = (vec![5; profile.key_len()], vec![6; profile.salt_len()]);
        for id in 0..=SUBSCRIBERS {
            let spec = spec(id, &certificate);
            shard.handle_command(now, Command::AddPeer(Box::new(spec)));
            let opener = Opener::new(profile, &key, &salt).expect("key lengths");
            let sealer = Sealer::new(profile, &key, &salt).expect("key lengths");
            shard.inject_session(PeerId(id), path(id), opener, sealer);
        }
        shard.handle_command(now, Command::Install(Box::new(table())));
        let mut sealer = Sealer::new(profile, &key, &salt).expect("key lengths");
        let (voice, camera) = (sealer.ledger(Ssrc(1)).unwrap(), sealer.ledger(Ssrc(2)).unwrap());
        let outbox = Fixed { memory: vec![0; TRAIN_MAX].into(), next: 0 };
        Self { shard, outbox, now, sealer, voice, camera, path: path(0) }
    }

    /// Packet `n` of the meeting: every fourth is audio. Written before anything is counted.
    fn packet(&mut self, n: u32) -> Vec<u8> {
        let audio = n.is_multiple_of(4);
        let (ledger, payload_type) =
            if audio { (&mut self.voice, OPUS) } else { (&mut self.camera, VP8) };
        let claim = ledger.claim_next().expect("a number");
        let len = if audio { 120 } else { 1_100 };
        let mut room = vec![0x33; 1_500];
        let (seq, time) = (Seq(0), Timestamp(n * 500));
        let mut header =
            HeaderWriter::new(&mut room, true, payload_type, seq, time, Ssrc(0)).expect("room");
        if audio {
            assert!(header.extension(LEVEL, &[30]));
        }
        let header_len = header.finish();
        if !audio {
            // A VP8 descriptor with picture id and TL0PICIDX, then a frame header: key now and then.
            let frame = u8::from(n % 100 != 1);
            let descriptor = [0x90, 0xE0, 0x80 | (n >> 8) as u8 & 0x7F, n as u8, n as u8, 0, frame];
            room[header_len..header_len + 7].copy_from_slice(&descriptor);
        }
        let total = header_len + len;
        let len = self.sealer.seal_rtp(claim, header_len, total, &mut room).expect("room");
        room.truncate(len);
        room
    }

    fn turn(&mut self, datagram: &mut [u8]) {
        self.now += Duration::from_millis(2);
        self.shard.handle_datagram(self.now, self.path, datagram);
        self.shard.egress(self.now, &mut self.outbox);
    }
}

#[test]
fn a_packet_allocates_nothing() {
    for profile in [Profile::Aes128CmHmacSha1_80, Profile::AeadAes128Gcm, Profile::AeadAes256Gcm] {
        let mut meeting = Meeting::new(profile);
        let mut packets: Vec<_> = (0..4_000).map(|n| meeting.packet(n)).collect();
        let (warm, steady) = packets.split_at_mut(2_000);
        for packet in warm {
            meeting.turn(packet);
            meeting.shard.handle_timeout(meeting.now);
            while meeting.shard.poll_report().is_some() {}
        }
        let forwarded = meeting.shard.stats().of(Counter::ForwardedPackets);
        let reports = meeting.shard.stats().of(Counter::SentRtcp);
        assert!(COUNT.with(Cell::get) > 1_000, "it counts");
        let mut by_media = 0;
        for packet in steady {
            let sent = meeting.shard.stats().of(Counter::SentRtcp);
            let before = COUNT.with(Cell::get);
            meeting.turn(packet);
            let made = COUNT.with(Cell::get) - before;
            // RTCP, a few packets a second, is exempt (DESIGN.md §3); it is sent in few turns.
            if meeting.shard.stats().of(Counter::SentRtcp) == sent {
                by_media += made;
            }
        }
        assert_eq!(by_media, 0, "{profile:?}");
        let forwarded = meeting.shard.stats().of(Counter::ForwardedPackets) - forwarded;
        assert_eq!(forwarded, 2_000 * SUBSCRIBERS, "{profile:?}: all of them went all the way");
        let reports = meeting.shard.stats().of(Counter::SentRtcp) - reports;
        assert!(reports <= 100, "{profile:?}: {reports} reports");
    }
}
