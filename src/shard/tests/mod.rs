//! A shard with peers whose keys are known here, a table written by hand, and a send queue whose
//! completions come when told.
#![allow(clippy::disallowed_methods)]

mod feedback;
mod legs;
mod mesh;
mod publishers;
mod repair;
mod seats;
mod trains;
mod voice_hold;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::command::{Command, PeerSpec, Report, SlotSpec, TrackSpec, Wish};
use super::outbox::{Outbox, Submission, TRAIN_MAX};
use super::stats::Counter;
use super::{Shard, ShardConfig};
use crate::crypto::{Ledger, Opener, Profile, ReplayWindow, RtcpWindow, Sealer};
use crate::route::id::{
    Epoch, MeetingId, ParticipantId, PeerId, RoomId, ShardIndex, Source, TrackId,
};
use crate::route::table::{
    Audience, Hears, Kinds, MeetingTable, ParticipantRow, Role, Roles, TrackRow,
};
use crate::transport::sender::NtpClock;
use crate::transport::{Certificate, Fingerprint, IceCredentials};
use crate::wire::demux::{Class, classify};
use crate::wire::extension::{Extension, ExtensionIds};
use crate::wire::media::{Codec, Kind, PayloadMap};
use crate::wire::number::{PayloadType, Seq, Ssrc, Timestamp};
use crate::wire::path::Path;
use crate::wire::rtcp;
use crate::wire::rtp::{HeaderWriter, Rtp};

pub const OPUS: PayloadType = PayloadType(111);
pub const VP8: PayloadType = PayloadType(96);
pub const RTX: PayloadType = PayloadType(97);
pub const H264: PayloadType = PayloadType(102);
pub const MAIN: RoomId = RoomId(1);
pub const SIDE: RoomId = RoomId(2);
const MEETING: MeetingId = MeetingId(1);
const MID: u8 = 3;

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A send queue: takes `room` submissions until [`Queue::complete`].
pub struct Queue {
    memory: Vec<u8>,
    pub sent: Vec<(Path, Vec<u8>)>,
    pub room: u64,
    pub instant: bool,
    next: u64,
    completed: u64,
}

impl Outbox for Queue {
    fn claim(&mut self) -> Option<&mut [u8]> {
        (self.next - self.completed < self.room).then_some(&mut self.memory[..])
    }
    fn send(&mut self, len: usize, segment: usize, path: Path) {
        for datagram in self.memory[..len].chunks(segment) {
            self.sent.push((path, datagram.to_vec()));
        }
        self.next += 1;
        if self.instant {
            self.completed = self.next;
        }
    }
    fn next(&self) -> Submission {
        Submission(self.next)
    }
    fn completed_below(&self) -> Submission {
        Submission(self.completed)
    }
}

impl Queue {
    pub fn complete(&mut self) {
        self.completed = self.next;
    }
}

/// The far end of one peer.
pub struct Far {
    pub path: Path,
    /// Whether what it says is the last of a frame: the marker bit.
    pub ends_frames: bool,
    sealer: Sealer,
    opener: Opener,
    ledgers: BTreeMap<u32, Ledger>,
    windows: BTreeMap<u32, ReplayWindow>,
    rtcp_windows: BTreeMap<u32, RtcpWindow>,
}

/// What a subscriber got.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Got {
    pub ssrc: u32,
    pub seq: u16,
    pub payload_type: u8,
    pub payload: Vec<u8>,
}

pub struct Bench {
    pub shard: Shard,
    pub now: Instant,
    pub queue: Queue,
    pub table: MeetingTable,
    pub reports: Vec<Report>,
}

/// What a peer publishes: per track, announced SSRCs.
pub type Offer<'a> = &'a [(Source, &'a [(u32, Option<u32>)])];

/// Track of a participant's source: tracks ascend by participant.
pub fn track(id: u64, source: Source) -> TrackId {
    TrackId(100 * id + source as u64)
}

fn kind(source: Source) -> Kind {
    match source {
        Source::Microphone | Source::ScreenAudio => Kind::Audio,
        _ => Kind::Video,
    }
}

/// SSRC of slot `slot` of peer `id`; that of its RTX is 1,000 more.
pub fn slot_ssrc(id: u64, slot: usize) -> u32 {
    10_000 * id as u32 + slot as u32
}

impl Bench {
    pub fn new() -> Self {
        Self::on(ShardIndex(0), Instant::now()) // only a base
    }

    /// A shard of several.
    pub fn on(shard: ShardIndex, now: Instant) -> Self {
        let clock = NtpClock::new(now, Duration::from_secs(1_700_000_000));
        let config = ShardConfig { shard, ..ShardConfig::new([3; 32], now, clock) };
        let memory = vec![0; TRAIN_MAX];
        let queue =
            Queue { memory, sent: Vec::new(), room: 1_000, instant: true, next: 0, completed: 0 };
        let table = MeetingTable {
            meeting: MEETING,
            epoch: Epoch(0),
            main: MAIN,
            shards: vec![ShardIndex(0)],
            participants: Vec::new(),
            tracks: Vec::new(),
        };
        Self { shard: Shard::new(config), now, queue, table, reports: Vec::new() }
    }

    /// Peer `id` of participant `id`, connected, in the main room of the table to be installed.
    pub fn join(&mut self, id: u64, offer: Offer<'_>, slots: &[Kind]) -> Far {
        let spec = spec(id, offer, slots);
        self.shard.handle_command(self.now, Command::AddPeer(Box::new(spec)));
        let far = Far::new(id);
        let (opener, sealer) = Far::keys(id);
        self.shard.inject_session(PeerId(id), far.path, opener, sealer);
        self.table.participants.push(ParticipantRow {
            participant: ParticipantId(id),
            room: MAIN,
            hears: Hears { rooms: vec![(MAIN, Kinds::ALL)] },
            role: Role(0),
            receives: Roles::ALL,
            peers: vec![PeerId(id)],
        });
        for (source, _) in offer {
            self.table.tracks.push(TrackRow {
                track: track(id, *source),
                publisher: ParticipantId(id),
                peer: PeerId(id),
                shard: ShardIndex(0),
                role: Role(0),
                source: *source,
                kind: kind(*source),
                muted: false,
                bps_max: None,
                audience: Audience { rooms: vec![MAIN], participants: Vec::new() },
                audience_epoch: Epoch(1),
            });
        }
        far
    }

    /// The table as it stands, as the next epoch.
    pub fn install(&mut self) {
        self.table.epoch.0 += 1;
        let table = Box::new(self.table.clone());
        self.shard.handle_command(self.now, Command::Install(table));
    }

    /// Everything that `id` says is spoken to `room` from now on.
    pub fn speak_to(&mut self, id: u64, room: RoomId) {
        let epoch = Epoch(self.table.epoch.0 + 1);
        for row in self.table.tracks.iter_mut().filter(|row| row.publisher.0 == id) {
            row.audience.rooms = vec![room];
            row.audience_epoch = epoch;
        }
    }

    pub fn listen_to(&mut self, id: u64, room: RoomId) {
        let row = self.table.participants.iter_mut().find(|row| row.participant.0 == id);
        row.unwrap().hears.rooms = vec![(room, Kinds::ALL)];
    }

    pub fn take(&mut self, far: &Far, mut datagram: Vec<u8>) {
        self.shard.handle_datagram(self.now, far.path, &mut datagram);
    }

    pub fn turn(&mut self) {
        self.shard.handle_timeout(self.now);
        self.shard.egress(self.now, &mut self.queue);
        while let Some(report) = self.shard.poll_report() {
            self.reports.push(report);
        }
    }

    /// Time passes; the shard is called when it wants to be. Returns how often.
    pub fn pass(&mut self, span: Duration) -> u32 {
        let end = self.now + span;
        let mut turns = 0;
        while let Some(at) = self.shard.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.turn();
            turns += 1;
            assert!(turns < 100_000, "a busy loop");
        }
        self.now = end;
        self.turn();
        turns
    }

    pub fn count(&self, counter: Counter) -> u64 {
        self.shard.stats().of(counter)
    }

    /// Media that left for `far` since the last call.
    pub fn media(&mut self, far: &mut Far) -> Vec<Got> {
        let mine =
            |(path, bytes): &(Path, Vec<u8>)| *path == far.path && classify(bytes) == Class::Rtp;
        let sent: Vec<_> = self.queue.sent.extract_if(.., |sent| mine(sent)).collect();
        sent.into_iter().map(|(_, bytes)| far.open(bytes)).collect()
    }

    /// RTCP that left for `far` since the last call: numbers asked for, keyframes asked for, sender
    /// reports.
    pub fn rtcp(&mut self, far: &mut Far) -> (Vec<(u32, u16)>, Vec<u32>, Vec<u32>) {
        let mine =
            |(path, bytes): &(Path, Vec<u8>)| *path == far.path && classify(bytes) == Class::Rtcp;
        let sent: Vec<_> = self.queue.sent.extract_if(.., |sent| mine(sent)).collect();
        let (mut nacks, mut plis, mut reports) = (Vec::new(), Vec::new(), Vec::new());
        for (_, mut bytes) in sent {
            let sender = u32::from_be_bytes(bytes[4..8].try_into().unwrap());
            let window = far.rtcp_windows.entry(sender).or_default();
            let len = far.opener.open_rtcp(window, &mut bytes).expect("sealed for it");
            for packet in rtcp::parse(&bytes[..len]).expect("valid") {
                match packet {
                    rtcp::Packet::Nack { media, seqs, .. } => {
                        nacks.extend(seqs.map(|seq| (media.0, seq.0)))
                    }
                    rtcp::Packet::Pli { media, .. } => plis.push(media.0),
                    rtcp::Packet::SenderReport { ssrc, .. } => reports.push(ssrc.0),
                    _ => {}
                }
            }
        }
        (nacks, plis, reports)
    }
}

impl Far {
    fn keys(id: u64) -> (Opener, Sealer) {
        let (key, salt) = ([id as u8; 16], [7; 12]);
        let (other, profile) = ([id as u8 ^ 0xFF; 16], Profile::AeadAes128Gcm);
        let opener = Opener::new(profile, &key, &salt).unwrap();
        (opener, Sealer::new(profile, &other, &salt).unwrap())
    }

    fn new(id: u64) -> Self {
        let (key, salt, profile) = ([id as u8; 16], [7; 12], Profile::AeadAes128Gcm);
        let sealer = Sealer::new(profile, &key, &salt).unwrap();
        let opener = Opener::new(profile, &[id as u8 ^ 0xFF; 16], &salt).unwrap();
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let path = Path { local, remote: SocketAddr::new(local, 10_000 + id as u16) };
        let (ledgers, windows) = (BTreeMap::new(), BTreeMap::new());
        let rtcp_windows = BTreeMap::new();
        Self { path, ends_frames: true, sealer, opener, ledgers, windows, rtcp_windows }
    }

    /// One packet of media, with extensions.
    pub fn say(
        &mut self,
        ssrc: u32,
        payload_type: PayloadType,
        seq: u16,
        extensions: &[(u8, &[u8])],
        payload: &[u8],
    ) -> Vec<u8> {
        let mut room = vec![0; 2_048];
        let time = Timestamp(u32::from(seq) * 960);
        let (end, seq_of) = (self.ends_frames, Seq(seq));
        let mut header =
            HeaderWriter::new(&mut room, end, payload_type, seq_of, time, Ssrc(ssrc)).unwrap();
        extensions.iter().for_each(|(id, data)| assert!(header.extension(*id, data)));
        let header_len = header.finish();
        let len = header_len + payload.len();
        room[header_len..len].copy_from_slice(payload);
        let sealer = &mut self.sealer;
        let ledger = self.ledgers.entry(ssrc).or_insert_with(|| sealer.ledger(Ssrc(ssrc)).unwrap());
        let claim = ledger.claim(Seq(seq)).unwrap();
        let len = self.sealer.seal_rtp(claim, header_len, len, &mut room).unwrap();
        room.truncate(len);
        room
    }

    pub fn voice(&mut self, ssrc: u32, seq: u16) -> Vec<u8> {
        self.say(ssrc, OPUS, seq, &[], &[seq as u8; 20])
    }

    /// One packet of VP8, which is a frame.
    pub fn picture(&mut self, ssrc: u32, seq: u16, key: bool) -> Vec<u8> {
        self.say(ssrc, VP8, seq, &[], &vp8(seq, key))
    }

    /// RTCP: a receiver report and what `write` adds.
    pub fn ask(&mut self, own: u32, write: impl Fn(&mut [u8]) -> Option<usize>) -> Vec<u8> {
        let mut room = vec![0; 1_400];
        let head = rtcp::write_receiver_report(&mut room, Ssrc(own), &[]).unwrap();
        let len = head + write(&mut room[head..1_300]).unwrap();
        let len = self.sealer.seal_rtcp(len, &mut room).unwrap();
        room.truncate(len);
        room
    }

    pub fn nack(&mut self, media: u32, seqs: &[u16]) -> Vec<u8> {
        let seqs: Vec<Seq> = seqs.iter().map(|seq| Seq(*seq)).collect();
        self.ask(77, |out| rtcp::write_nack(out, Ssrc(77), Ssrc(media), &seqs))
    }

    pub fn pli(&mut self, own: u32, media: u32) -> Vec<u8> {
        self.ask(own, |out| rtcp::write_pli(out, Ssrc(own), Ssrc(media)))
    }

    fn open(&mut self, mut bytes: Vec<u8>) -> Got {
        let rtp = Rtp::parse(&bytes).unwrap();
        let (ssrc, seq, header_len) = (rtp.ssrc(), rtp.seq(), rtp.header_len());
        let payload_type = rtp.payload_type().0;
        let window = self.windows.entry(ssrc.0).or_default();
        let (_, len) = self.opener.open_rtp(window, header_len, &mut bytes).expect("sealed once");
        let payload = bytes[header_len..len].to_vec();
        Got { ssrc: ssrc.0, seq: seq.0, payload_type, payload }
    }
}

/// A VP8 payload that says which packet it is.
pub fn vp8(seq: u16, key: bool) -> Vec<u8> {
    let [high, low] = seq.to_be_bytes();
    vec![0x10, u8::from(!key), 0, 0, high, low]
}

/// Which packet a payload of [`vp8`] was.
pub fn said(got: &Got) -> u16 {
    let tail = got.payload.last_chunk::<2>().unwrap();
    u16::from_be_bytes(*tail)
}

fn spec(id: u64, offer: Offer<'_>, slots: &[Kind]) -> PeerSpec {
    let ice = |side: &str| IceCredentials {
        ufrag: format!("{side}{id}").into(),
        pwd: "p".repeat(22).into(),
    };
    let mut extensions = ExtensionIds::default();
    extensions.set(Extension::AudioLevel, 1);
    extensions.set(Extension::Mid, MID);
    let map = |payload_type, codec, rtx| PayloadMap { payload_type, codec, rtx };
    let pair = |(media, rtx): &(u32, Option<u32>)| (Ssrc(*media), rtx.map(Ssrc));
    PeerSpec {
        peer: PeerId(id),
        meeting: MEETING,
        participant: ParticipantId(id),
        local_ice: ice("l"),
        remote_ice: ice("r"),
        fingerprint: Fingerprint::Sha256([0; 32]),
        certificate: Arc::new(Certificate::generate().unwrap()),
        payloads: vec![
            map(OPUS, Codec::Opus, None),
            map(VP8, Codec::Vp8, Some(RTX)),
            map(H264, Codec::H264, None),
        ],
        extensions,
        tracks: (0..)
            .zip(offer)
            .map(|(at, (source, ssrcs))| TrackSpec {
                track: track(id, *source),
                mid: format!("{at}").into(),
                source: *source,
                kind: kind(*source),
                ssrcs: ssrcs.iter().map(pair).collect(),
            })
            .collect(),
        slots: (0..)
            .zip(slots)
            .map(|(at, kind)| SlotSpec {
                mid: format!("s{at}").into(),
                kind: *kind,
                ssrc: Ssrc(slot_ssrc(id, at)),
                rtx_ssrc: (*kind == Kind::Video).then_some(Ssrc(slot_ssrc(id, at) + 1_000)),
            })
            .collect(),
        from: None,
    }
}
