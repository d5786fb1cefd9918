//! A meeting in memory, from request to tables in force: control's coordinator, and behind its port
//! a real shard. No threads, no sockets; time is virtual.
//!
//! What the shard's side costs is counted by itself, so a bench can say who spent how much.

#![allow(dead_code, reason = "each bench takes its part")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::control::api::{
    Change, OfferedSlot, OfferedTrack, PeerAnswer, PeerOffer, Refusal, RelayEvent,
};
use ringfence::control::request::Reply;
use ringfence::control::{Coordinator, Request, ShardPort, Undelivered};
use ringfence::crypto::{Ledger, Profile, Random, Sealer};
use ringfence::route::id::{MeetingId, ParticipantId, PeerId, RoomId, Source};
use ringfence::route::table::{Role, Roles};
use ringfence::shard::Shard;
use ringfence::shard::command::{Command, Report};
use ringfence::transport::{Certificate, Fingerprint, IceCredentials};
use ringfence::wire::media::Kind;
use ringfence::wire::number::Ssrc;
use ringfence::wire::path::Path;
use tokio::sync::oneshot;

use crate::fan::{Media, Memory, extensions, keys, path, payloads, shard, write_packet};
use crate::thread_time::timed;

/// Slots of a client: as many as a room of ten fills.
const SLOTS: [(Kind, usize); 2] = [(Kind::Audio, 4), (Kind::Video, 9)];

/// CPU time by who spent it.
#[derive(Clone, Copy, Default, Debug)]
pub struct Spent {
    /// Model, tables, epochs, events.
    pub control: Duration,
    /// The shard: commands, seating, acknowledgements.
    pub tables: Duration,
    /// The shard: STUN.
    pub stun: Duration,
    /// The shard: DTLS.
    pub dtls: Duration,
}

impl Spent {
    /// All of it.
    pub fn whole(&self) -> Duration {
        self.control + self.shard()
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            control: self.control + other.control,
            tables: self.tables + other.tables,
            stun: self.stun + other.stun,
            dtls: self.dtls + other.dtls,
        }
    }

    /// What the shard spent.
    pub fn shard(&self) -> Duration {
        self.tables + self.stun + self.dtls
    }
}

/// The way to a shard that lives behind it.
pub struct Port {
    shard: Shard,
    memory: Memory,
    now: Instant,
    /// Commands are kept until they are let through: so a large meeting is set up by few tables.
    held: Option<VecDeque<Command>>,
    /// It was told something since its last egress.
    unserved: bool,
    spent: Spent,
}

impl Port {
    fn command(&mut self, command: Command) {
        let ((), time) = timed(|| self.shard.handle_command(self.now, command));
        self.spent.tables += time;
        self.unserved = true;
    }

    fn egress(&mut self) -> Duration {
        self.unserved = false;
        timed(|| self.send()).1
    }

    fn send(&mut self) {
        self.shard.egress(self.now, &mut self.memory);
        while self.shard.has_more() {
            self.shard.egress(self.now, &mut self.memory);
        }
    }
}

impl ShardPort for Port {
    fn send(&mut self, command: Command) -> Result<(), Undelivered> {
        match &mut self.held {
            Some(held) => held.push_back(command),
            None => self.command(command),
        }
        Ok(())
    }

    fn poll_report(&mut self) -> Option<Report> {
        loop {
            if let Some(report) = self.shard.poll_report() {
                return Some(report);
            }
            if !self.unserved {
                return None;
            }
            let time = self.egress();
            self.spent.tables += time;
        }
    }

    fn has_ended(&self) -> bool {
        false
    }

    fn candidates(&self) -> Vec<SocketAddr> {
        vec![SocketAddr::from(([127, 0, 0, 1], 40_000))]
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// Somebody in the meeting, with what their client holds.
pub struct Person {
    /// Who.
    pub who: ParticipantId,
    peer: PeerId,
    sealer: Sealer,
    voice: Ledger,
    camera: Ledger,
}

/// One meeting on one shard.
pub struct Relay {
    control: Coordinator<Port>,
    /// Whose.
    pub meeting: MeetingId,
    /// The main room.
    pub main: RoomId,
    /// Breakout rooms.
    pub rooms: Vec<RoomId>,
    /// Everybody, room by room.
    pub people: Vec<Person>,
    /// What the relay told since it was last looked at.
    pub events: Vec<RelayEvent>,
}

impl Relay {
    /// So many breakout rooms with so many people each, all connected. Nobody has said anything.
    pub fn new(rooms: usize, people_each: usize) -> Self {
        let now = Instant::now(); // only a base: time is virtual from here on
        let certificate = Arc::new(Certificate::generate().expect("the system has randomness"));
        let (spent, held) = (Spent::default(), Some(VecDeque::new()));
        let port =
            Port { shard: shard(now), memory: Memory::new(), now, held, unserved: false, spent };
        let mut control = Coordinator::new(vec![port], certificate, Random::from_seed([2; 32]));
        let (meeting, main) = ask(&mut control, Request::OpenMeeting);
        let open = |_| ask(&mut control, |reply| Request::OpenRoom(meeting, reply));
        let rooms: Vec<RoomId> = (0..rooms).map(open).collect();
        let (people, events) = (Vec::new(), Vec::new());
        let mut relay = Self { control, meeting, main, rooms, people, events };
        for room in relay.rooms.clone() {
            for _ in 0..people_each {
                let (_, who, answer) = relay.enter(room, offer(Fingerprint::Sha256([0; 32])));
                let (_, mut sealer) = keys(Profile::AeadAes128Gcm);
                let voice = sealer.ledger(Ssrc(1)).expect("the first");
                let camera = sealer.ledger(Ssrc(2)).expect("the first");
                relay.people.push(Person { who, peer: answer.peer, sealer, voice, camera });
            }
        }
        relay.let_through();
        relay.connect();
        relay
    }

    fn port(&mut self) -> &mut Port {
        self.control.ports_mut().next().expect("there is one")
    }

    /// Lets commands through that were held.
    fn let_through(&mut self) {
        let port = self.port();
        for command in port.held.take().into_iter().flatten() {
            port.command(command);
        }
        self.settle();
    }

    fn connect(&mut self) {
        let peers: Vec<PeerId> = self.people.iter().map(|person| person.peer).collect();
        let port = self.port();
        for (id, peer) in (0..).zip(peers) {
            let (opener, sealer) = keys(Profile::AeadAes128Gcm);
            port.shard.inject_session(peer, path(id), opener, sealer);
        }
        port.egress();
        self.settle();
    }

    /// Control takes all reports, until nothing is under way; its events are taken out.
    pub fn settle(&mut self) {
        self.control.collect();
        while let Some(event) = self.control.poll_event() {
            self.events.push(event);
        }
    }

    /// A request, until it is in force.
    pub fn ask<T>(&mut self, request: impl FnOnce(Reply<T>) -> Request) -> T {
        let (reply, mut answer) = oneshot::channel();
        self.control.handle(request(reply));
        self.settle();
        answer.try_recv().expect("in force when all is quiet").expect("nothing unknown is named")
    }

    /// Changes of the meeting, in one epoch pair.
    pub fn change(&mut self, changes: Vec<Change>) {
        let meeting = self.meeting;
        self.ask(|reply| Request::Change(meeting, changes, reply));
    }

    /// Lets somebody into a room, with a peer.
    pub fn enter(&mut self, room: RoomId, offer: PeerOffer) -> (Spent, ParticipantId, PeerAnswer) {
        let meeting = self.meeting;
        let ((who, answer), spent) = self.measure(|relay| {
            let (role, receives) = (Role(0), Roles::ALL);
            let who = relay.ask(|reply| Request::Admit { meeting, room, role, receives, reply });
            let offer = Box::new(offer);
            (who, relay.ask(|reply| Request::AddPeer(meeting, who, offer, reply)))
        });
        (spent, who, answer)
    }

    /// Takes somebody out.
    pub fn leave(&mut self, who: ParticipantId) {
        let meeting = self.meeting;
        self.ask(|reply| Request::Dismiss(meeting, who, reply));
    }

    /// Runs `work`, and says who spent how much on it.
    pub fn measure<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, Spent) {
        self.port().spent = Spent::default();
        self.events.clear();
        let (result, whole) = timed(|| work(self));
        let spent = self.port().spent;
        let control = whole.saturating_sub(spent.shard());
        (result, Spent { control, ..spent })
    }

    /// Everybody from `first` on, `count` of them, says and shows something: their tracks are live.
    pub fn speak(&mut self, first: usize, count: usize) {
        let mut packet = Vec::new();
        for number in 0..3 {
            for at in first..first + count {
                let person = &mut self.people[at];
                let (sealer, camera) = (&person.sealer, &mut person.camera);
                write_packet(&mut packet, Media::VIDEO, 0, number, sealer, camera);
                let mut voice = Vec::new();
                write_packet(&mut voice, Media::AUDIO, 0, number, sealer, &mut person.voice);
                let port = self.port();
                port.shard.handle_datagram(port.now, path(at as u64), &mut packet);
                port.shard.handle_datagram(port.now, path(at as u64), &mut voice);
            }
            let port = self.port();
            port.now += Duration::from_millis(20);
            port.egress();
            self.settle();
        }
        let forwarded = ringfence::shard::stats::Counter::ForwardedPackets;
        assert!(self.port().shard.stats().of(forwarded) > 0, "media flows");
    }

    /// A datagram of a client that is joining: what it cost, and what the shard says to it.
    pub fn receive(&mut self, path: Path, datagram: &mut [u8]) -> (Spent, Vec<Vec<u8>>) {
        let is_stun = datagram[0] < 4; // RFC 7983 §7
        let port = self.port();
        port.memory.kept = Some(Vec::new());
        let ((), spent) = self.measure(|relay| {
            let port = relay.port();
            let ((), time) = timed(|| {
                port.shard.handle_datagram(port.now, path, datagram);
                port.send();
            });
            let place = if is_stun { &mut port.spent.stun } else { &mut port.spent.dtls };
            *place += time;
            relay.settle();
        });
        let kept = self.port().memory.kept.take().into_iter().flatten();
        (spent, kept.filter(|(to, _)| *to == path).map(|(_, datagram)| datagram).collect())
    }

    /// The virtual time.
    pub fn now(&mut self) -> Instant {
        self.port().now
    }
}

fn ask<T>(
    control: &mut Coordinator<Port>,
    request: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Request,
) -> T {
    let (reply, mut answer) = oneshot::channel();
    control.handle(request(reply));
    answer.try_recv().expect("answered at once").expect("nothing unknown is named")
}

/// Microphone and camera, and the slots of a room of ten.
pub fn offer(fingerprint: Fingerprint) -> PeerOffer {
    let track = |(mid, source, ssrc): (&str, Source, u32)| OfferedTrack {
        mid: mid.into(),
        source,
        ssrcs: vec![(Ssrc(ssrc), None)],
    };
    let kinds = SLOTS.iter().flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count));
    let slot = |(at, kind): (usize, Kind)| OfferedSlot {
        mid: format!("s{at}").into(),
        kind,
        rtx: kind == Kind::Video,
    };
    PeerOffer {
        ice: IceCredentials { ufrag: "client".into(), pwd: "p".repeat(24).into() },
        fingerprint,
        payloads: payloads(),
        extensions: extensions(),
        tracks: [("0", Source::Microphone, 1), ("1", Source::Camera, 2)].map(track).into(),
        slots: (0..).zip(kinds).map(slot).collect(),
        from: None,
    }
}
