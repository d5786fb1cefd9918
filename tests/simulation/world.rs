//! Everything that a meeting needs, on one virtual clock.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringfence::control::api::{Change, OfferedSlot, OfferedTrack, PeerAnswer, PeerOffer, Refusal};
use ringfence::control::{Coordinator, Request, ShardPort, Undelivered, placement};
use ringfence::crypto::{Opener, Random, Sealer};
use ringfence::route::id::{MeetingId, ParticipantId, RoomId, ShardIndex, Source};
use ringfence::route::table::{Audience, Kinds, MeetingTable, Role, Roles};
use ringfence::shard::command::{Command, Report};
use ringfence::shard::outbox::{Outbox, Submission, TRAIN_MAX};
use ringfence::shard::stats::Counter;
use ringfence::shard::{Shard, ShardConfig};
use ringfence::transport::sender::NtpClock;
use ringfence::transport::{Certificate, Fingerprint, IceCredentials};
use ringfence::wire::demux::{Class, classify};
use ringfence::wire::extension::{Extension, ExtensionIds};
use ringfence::wire::media::{Codec, Kind, PayloadMap};
use ringfence::wire::path::Path;
use ringfence::wire::rtp::Rtp;
use tokio::sync::oneshot;

use crate::client::{self, Client};
use crate::mesh::{Ends, Ways};
use crate::net::{Net, To, Weather, below};
use crate::oracle::{Announcing, Oracle, Whereabouts};

/// What people do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Script {
    /// They stay where they are and talk.
    Quiet,
    /// They move, alone and in crowds, and mute and unmute.
    Restless,
    /// The same, and they speak to all rooms now and then.
    Announcing,
    /// The same, and they leave and come back by another peer, on whichever shard.
    Coming,
    /// They move and mute, and monitor rooms in which they are not.
    Monitoring,
}

/// Commands and reports under way between control and the shard, each with when it arrives.
#[derive(Default)]
struct Wires {
    commands: VecDeque<(Instant, Command)>,
    reports: VecDeque<(Instant, Report)>,
    now: Option<Instant>,
    delay: Duration,
}

struct Port(Rc<RefCell<Wires>>, ShardIndex);

impl ShardPort for Port {
    fn send(&mut self, command: Command) -> Result<(), Undelivered> {
        let mut wires = self.0.borrow_mut();
        let at = wires.now.expect("time has begun") + wires.delay;
        wires.commands.push_back((at, command));
        Ok(())
    }

    fn poll_report(&mut self) -> Option<Report> {
        let mut wires = self.0.borrow_mut();
        let due = wires.reports.front()?.0 <= wires.now?;
        if due { wires.reports.pop_front().map(|entry| entry.1) } else { None }
    }

    fn has_ended(&self) -> bool {
        false
    }

    /// Names the shard by its port.
    fn candidates(&self) -> Vec<SocketAddr> {
        vec![SocketAddr::from(([127, 0, 0, 1], self.1.0 as u16))]
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// Send buffers whose completions come late.
struct Buffers {
    memory: Vec<u8>,
    sent: Vec<(u64, Path, Vec<u8>, usize)>,
    next: u64,
    in_flight: BTreeMap<u64, Instant>,
    now: Instant,
    latency: Duration,
}

impl Outbox for Buffers {
    fn claim(&mut self) -> Option<&mut [u8]> {
        // Few enough that egress meets the end of them now and then.
        if self.in_flight.len() < 24 { Some(&mut self.memory) } else { None }
    }

    fn send(&mut self, len: usize, segment: usize, path: Path) {
        self.sent.push((self.next, path, self.memory[..len].to_vec(), segment));
        self.in_flight.insert(self.next, self.now + self.latency);
        self.next += 1;
    }

    fn next(&self) -> Submission {
        Submission(self.next)
    }

    fn completed_below(&self) -> Submission {
        Submission(self.in_flight.keys().next().copied().unwrap_or(self.next))
    }
}

struct Moving {
    done: oneshot::Receiver<Result<(), Refusal>>,
    who: Vec<ParticipantId>,
}

/// One shard with what is around it.
struct Core {
    shard: Shard,
    buffers: Buffers,
    wires: Rc<RefCell<Wires>>,
}

pub struct World {
    now: Instant,
    random: Random,
    weather: Weather,
    net: Net,
    cores: Vec<Core>,
    pub ways: Ways,
    /// On which shard each client is.
    homes: Vec<usize>,
    control: Coordinator<Port>,
    meeting: MeetingId,
    rooms: Vec<RoomId>,
    pub clients: Vec<Client>,
    moving: Vec<Moving>,
    /// Who takes leave, and when that is done.
    leaving: Vec<(usize, oneshot::Receiver<Result<(), Refusal>>)>,
    /// Who has left.
    absent: BTreeSet<usize>,
    pub comebacks: usize,
    pub oracle: Oracle,
    pub moves: u64,
    ticks: u64,
}

/// Fewer than there are people in a room now and then, so that slots change hands.
const KINDS: [Kind; 3] = [Kind::Audio, Kind::Video, Kind::Video];

impl World {
    /// One shard.
    pub fn new(seed: u64, weather: Weather) -> Self {
        Self::over(1, seed, weather)
    }

    /// Every meeting spread over so many shards.
    pub fn over(shards: usize, seed: u64, weather: Weather) -> Self {
        let now = Instant::now(); // only a base: everything else is virtual
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let clock = NtpClock::new(now, Duration::from_secs(1_700_000_000));
        // In two of three worlds an egress ends after one or a few subscribers.
        let egress_budget = Duration::from_micros([500, 5, 30][seed as usize % 3]);
        let latency = Duration::from_millis(1);
        let core = |index: usize| {
            let shard = ShardIndex(index);
            let config =
                ShardConfig { shard, egress_budget, ..ShardConfig::new(bytes, now, clock) };
            let buffers = Buffers {
                memory: vec![0; TRAIN_MAX],
                sent: Vec::new(),
                next: 0,
                in_flight: BTreeMap::new(),
                now,
                latency,
            };
            let wires = Rc::new(RefCell::new(Wires { now: Some(now), ..Wires::default() }));
            Core { shard: Shard::new(config), buffers, wires }
        };
        let cores: Vec<Core> = (0..shards).map(core).collect();
        let ports = cores.iter().enumerate();
        let ports = ports.map(|(at, core)| Port(core.wires.clone(), ShardIndex(at))).collect();
        let certificate = Arc::new(Certificate::generate().expect("a certificate"));
        let mut control = Coordinator::new(ports, certificate, Random::from_seed([9; 32]))
            .with_placement(placement::apart);
        let (reply, mut opened) = oneshot::channel();
        control.handle(Request::OpenMeeting(reply));
        let (meeting, main) = opened.try_recv().expect("at once").expect("a meeting");
        Self {
            now,
            random: Random::from_seed(bytes),
            weather,
            net: Net::default(),
            cores,
            // In one of three worlds the ways between shards fill up.
            ways: Ways::new(shards, [512, 256, 4][seed as usize % 3]),
            homes: Vec::new(),
            control,
            meeting,
            rooms: vec![main],
            clients: Vec::new(),
            moving: Vec::new(),
            leaving: Vec::new(),
            absent: BTreeSet::new(),
            comebacks: 0,
            oracle: Oracle::default(),
            moves: 0,
            ticks: 0,
        }
    }

    pub fn weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// People in the main room, and breakouts beside it.
    pub fn populate(&mut self, people: usize, breakouts: usize) {
        for _ in 0..breakouts {
            let (reply, mut opened) = oneshot::channel();
            self.control.handle(Request::OpenRoom(self.meeting, reply));
            self.rooms.push(opened.try_recv().expect("at once").expect("a room"));
        }
        for at in 0..people {
            let (reply, mut admitted) = oneshot::channel();
            let (meeting, room) = (self.meeting, self.rooms[0]);
            let (role, receives) = (Role(0), Roles::ALL);
            self.control.handle(Request::Admit { meeting, room, role, receives, reply });
            let who = admitted.try_recv().expect("at once").expect("admitted");
            let answer = self.add_peer(at, who);
            self.clients.push(Client::new(at, who, &answer, &KINDS));
            self.homes.push(usize::from(answer.candidates[0].port()));
            self.oracle.rooms.insert(who, Whereabouts { now: room, leaving: Vec::new() });
            self.connect(at);
        }
    }

    fn add_peer(&mut self, who: usize, participant: ParticipantId) -> PeerAnswer {
        let (reply, mut answered) = oneshot::channel();
        let offer = Box::new(offer(who));
        self.control.handle(Request::AddPeer(self.meeting, participant, offer, reply));
        answered.try_recv().expect("at once").expect("answered")
    }

    /// Somebody takes leave.
    fn leave(&mut self, at: usize) {
        let (reply, done) = oneshot::channel();
        self.control.handle(Request::RemovePeer(self.clients[at].peer, reply));
        self.leaving.push((at, done));
    }

    fn is_there(&self, at: usize) -> bool {
        !self.absent.contains(&at) && self.leaving.iter().all(|leaving| leaving.0 != at)
    }

    /// Somebody who had left is there again.
    fn come_back(&mut self, at: usize) {
        let former = &self.clients[at];
        let who = former.who + self.clients.len();
        let answer = self.add_peer(who, former.participant);
        self.clients[at] = self.clients[at].come_back(who, &answer, &KINDS);
        self.homes[at] = usize::from(answer.candidates[0].port());
        self.absent.remove(&at);
        self.comebacks += 1;
        self.connect(at);
    }

    /// Nobody leaves any more, and all are there.
    pub fn everybody_comes_back(&mut self) {
        self.run(Duration::from_millis(500), Script::Quiet);
        assert!(self.leaving.is_empty(), "leaving has an end");
        while let Some(at) = self.absent.first() {
            self.come_back(*at);
        }
    }

    /// Somebody leaves, or comes back.
    fn come_and_go(&mut self) {
        let at = below(&mut self.random, self.clients.len() as u32) as usize;
        if self.absent.contains(&at) {
            self.come_back(at);
        } else if self.is_there(at) {
            self.leave(at);
        }
    }

    /// As DTLS would, once its shard has heard of it.
    fn connect(&mut self, at: usize) {
        self.step(Duration::from_millis(if self.cores.len() == 1 { 10 } else { 60 }));
        let client = &self.clients[at];
        let (key, salt) = client::keys(2 * client.who as u64);
        let opener = Opener::new(client::PROFILE, &key, &salt).expect("key lengths");
        let (key, salt) = client::keys(2 * client.who as u64 + 1);
        let sealer = Sealer::new(client::PROFILE, &key, &salt).expect("key lengths");
        self.cores[self.homes[at]].shard.inject_session(client.peer, client.path, opener, sealer);
    }

    /// Lets `span` of virtual time pass.
    pub fn run(&mut self, span: Duration, script: Script) {
        let end = self.now + span;
        while self.now < end {
            self.talk();
            if script != Script::Quiet && below(&mut self.random, 12) == 0 {
                self.stir(script);
            }
            if script == Script::Coming && below(&mut self.random, 15) == 0 {
                self.come_and_go();
            }
            self.step(Duration::from_millis(10));
        }
    }

    /// 10 ms: everything that arrives in it, each at its own time.
    fn step(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let of_cores = self.cores.iter().enumerate().flat_map(|(at, core)| {
                [
                    core.shard.poll_timeout(),
                    core.shard.poll_voices(self.now),
                    core.wires.borrow().commands.front().map(|entry| entry.0),
                    core.wires.borrow().reports.front().map(|entry| entry.0),
                    core.buffers.in_flight.values().min().copied(),
                    self.ways.next_at(ShardIndex(at)),
                ]
            });
            let due = of_cores.chain([self.net.next_at()]);
            let next = due.flatten().min().filter(|at| *at < end).unwrap_or(end);
            // A busy shard comes late: packets, commands and timers meet in one turn.
            let late = if below(&mut self.random, 4) == 0 { 2_000 } else { 1 };
            let late = Duration::from_micros(u64::from(below(&mut self.random, late)));
            self.now = self.now.max((next + late).min(end));
            for core in &self.cores {
                core.wires.borrow_mut().now = Some(self.now);
            }
            self.turn();
            if self.now >= end {
                return;
            }
        }
    }

    /// What arrives, one turn of the shards that are not late, and one of control.
    fn turn(&mut self) {
        let now = self.now;
        for (at, core) in self.cores.iter_mut().enumerate() {
            core.buffers.now = now;
            core.buffers.in_flight.retain(|_, at| *at > now);
            let in_flight = &core.buffers.in_flight;
            self.oracle.completes(|sent| sent.0.0 == at && !in_flight.contains_key(&sent.1));
        }
        while let Some((to, mut bytes)) = self.net.arrived(now) {
            match to {
                To::Relay { from } => self.relay_takes(from, &mut bytes),
                To::Client(at) => self.client_takes(at, &mut bytes),
            }
        }
        for at in 0..self.cores.len() {
            // Shards do not turn in step.
            if self.cores.len() == 1 || below(&mut self.random, 4) > 0 {
                self.turn_of(at);
            }
        }
        self.control.collect();
        while self.control.poll_event().is_some() {}
        self.settle();
    }

    /// One turn of a shard, in the order of DESIGN.md §3: completions, ingress, commands, timers, egress.
    fn turn_of(&mut self, at: usize) {
        let now = self.now;
        let Self { cores, ways, random, oracle, .. } = self;
        let shards = cores.len();
        let Core { shard, buffers, wires } = &mut cores[at];
        let own = ShardIndex(at);
        let mut ends = Ends { own, now, ways, random };
        shard.take_over(now, &mut ends);
        loop {
            let due = wires.borrow().commands.front().is_some_and(|entry| entry.0 <= now);
            let command = if due { wires.borrow_mut().commands.pop_front() } else { None };
            let Some((_, command)) = command else { break };
            match &command {
                Command::Install(table) => oracle.installs(own, MeetingTable::clone(table)),
                Command::Change(change) => oracle.follows(own, change),
                _ => {}
            }
            shard.handle_command(now, command);
        }
        shard.handle_timeout(now);
        shard.hand_over(now, &mut ends);
        // Now and then the kernel takes long, so that queues are not empty when a table comes.
        let most = if below(random, 8) == 0 { 30_000 } else { 3_000 };
        let latency = u64::from(below(random, most)) + 1;
        buffers.latency = Duration::from_micros(latency);
        // As busy as may be: voices wait for company, and longer or shorter than a moment ago.
        shard.hold_voices(Duration::from_millis([0, 0, 1, 5, 20][below(random, 5) as usize]));
        shard.egress(now, buffers);
        while let Some(report) = shard.poll_report() {
            let mut wires = wires.borrow_mut();
            // Behind the reports before it, by up to a millisecond.
            let delay = Duration::from_micros(u64::from(below(random, 1_000)) + 1);
            let at = wires.reports.back().map_or(now, |entry| entry.0).max(now) + delay;
            wires.reports.push_back((at, report));
        }
        // One of several shards may be far behind the others in what control says.
        let most = if shards > 1 && below(random, 8) == 0 { 30_000 } else { 2_000 };
        wires.borrow_mut().delay = Duration::from_micros(u64::from(below(random, most)));
        self.deliver(at);
    }

    /// What the shard submitted: judged, then on its way.
    fn deliver(&mut self, core: usize) {
        for (number, path, train, segment) in std::mem::take(&mut self.cores[core].buffers.sent) {
            let at = self.clients.iter().position(|client| client.path == path);
            let at = at.filter(|at| !self.absent.contains(at));
            for datagram in train.chunks(segment) {
                let Some(at) = at else {
                    self.oracle.goodbye(classify(datagram)); // nothing else is for who has left
                    continue;
                };
                if classify(datagram) == Class::Rtp {
                    let sent = (ShardIndex(core), number);
                    self.oracle.judge(sent, &self.clients[at], datagram);
                }
                self.net.send(self.now, &mut self.random, self.weather, To::Client(at), datagram);
            }
        }
    }

    fn relay_takes(&mut self, from: usize, bytes: &mut [u8]) {
        let client = &self.clients[from];
        if let Some(tag) = Rtp::parse(bytes).ok().and_then(|rtp| client.tag(rtp.ssrc(), rtp.seq()))
        {
            self.oracle.reaches(tag);
        }
        self.cores[self.homes[from]].shard.handle_datagram(self.now, client.path, bytes);
    }

    fn client_takes(&mut self, at: usize, bytes: &mut [u8]) {
        if !self.is_there(at) {
            return;
        }
        let client = &mut self.clients[at];
        let answers = match classify(bytes) {
            Class::Rtp => client.listen(bytes, &mut self.random),
            Class::Rtcp => client.obey(bytes),
            _ => Vec::new(),
        };
        for answer in answers {
            self.net.send(
                self.now,
                &mut self.random,
                self.weather,
                To::Relay { from: at },
                &answer,
            );
        }
    }

    /// 10 ms of everybody's voice and camera.
    fn talk(&mut self) {
        self.ticks += 1;
        for at in 0..self.clients.len() {
            if !self.is_there(at) {
                continue;
            }
            let mut said = Vec::new();
            if self.ticks % 2 == at as u64 % 2 {
                let loud = (self.ticks / 100 + at as u64).is_multiple_of(3);
                said.push(self.clients[at].speak(loud));
            }
            if self.ticks % 10 == at as u64 % 10 {
                if below(&mut self.random, 60) == 0 {
                    self.clients[at].change_ssrc();
                }
                said.extend(self.clients[at].show());
            }
            for datagram in said {
                let to = To::Relay { from: at };
                self.net.send(self.now, &mut self.random, self.weather, to, &datagram);
            }
        }
    }

    /// Somebody, or a crowd, goes somewhere; or somebody mutes or unmutes, or speaks to all rooms.
    fn stir(&mut self, script: Script) {
        let whole = below(&mut self.random, 6) == 0;
        let mut changes = Vec::new();
        for at in 0..self.clients.len() {
            let participant = self.clients[at].participant;
            if !whole && below(&mut self.random, 6) != 0 {
                continue;
            }
            if below(&mut self.random, 8) == 0 {
                let muted = below(&mut self.random, 2) == 0;
                changes.push(Change::Mute { participant, source: Source::Microphone, muted });
                continue;
            }
            let announces = matches!(script, Script::Announcing | Script::Coming);
            if announces && below(&mut self.random, 4) == 0 {
                let video = below(&mut self.random, 2) == 0;
                let on = below(&mut self.random, 2) == 0;
                changes.push(self.announce(participant, video, on));
                continue;
            }
            let room = self.rooms[below(&mut self.random, self.rooms.len() as u32) as usize];
            if script == Script::Monitoring && below(&mut self.random, 2) == 0 {
                let video = Kinds::only(Kind::Video);
                let kinds = [Kinds::NONE, video, Kinds::ALL][below(&mut self.random, 3) as usize];
                changes.push(Change::Hear { participant, room, kinds });
                continue;
            }
            changes.push(Change::Move { participant, room });
        }
        self.change(changes);
    }

    /// Everybody at once into the breakouts, in turn.
    pub fn scatter(&mut self) {
        let breakouts = &self.rooms[1..];
        let rooms = breakouts.iter().cycle();
        let changes = self
            .clients
            .iter()
            .zip(rooms)
            .map(|(client, room)| Change::Move { participant: client.participant, room: *room });
        self.change(changes.collect());
    }

    fn announce(&self, participant: ParticipantId, video: bool, on: bool) -> Change {
        let source = if video { Source::Camera } else { Source::Microphone };
        let all = || Audience { rooms: self.rooms.clone(), participants: Vec::new() };
        Change::Audience { participant, source, audience: on.then(all) }
    }

    /// Nobody monitors any room any more.
    pub fn end_monitoring(&mut self) {
        let (rooms, kinds) = (self.rooms.clone(), Kinds::NONE);
        let everybody = self.clients.iter().map(|client| client.participant);
        let all = everybody.flat_map(|participant| {
            let hear = move |room: &RoomId| Change::Hear { participant, room: *room, kinds };
            rooms.iter().map(hear).collect::<Vec<_>>()
        });
        let changes = all.collect();
        self.change(changes);
    }

    /// Nobody speaks to all rooms any more.
    pub fn end_announcements(&mut self) {
        let everybody = self.clients.iter().map(|client| client.participant);
        let both = everybody.flat_map(|who| [(who, false), (who, true)]);
        let changes = both.map(|(who, video)| self.announce(who, video, false)).collect();
        self.change(changes);
    }

    fn change(&mut self, changes: Vec<Change>) {
        let mut who = Vec::new();
        for change in &changes {
            if let Change::Audience { participant, source, audience } = change {
                let known = (*participant, *source == Source::Camera);
                let at = self.oracle.announcing.entry(known).or_default();
                let now = audience.is_some();
                *at = Announcing { now, maybe: at.maybe || now };
                who.push(*participant);
            }
            if let Change::Hear { participant, room, kinds } = change {
                self.oracle.monitoring.entry(*participant).or_default().set(*room, *kinds);
                who.push(*participant);
            }
            let Change::Move { participant, room } = change else { continue };
            let left = self.oracle.rooms[participant].now;
            if left != *room && left != self.rooms[0] {
                // Control forgets what was heard of a breakout that is left.
                let monitoring = self.oracle.monitoring.entry(*participant).or_default();
                monitoring.set(left, Kinds::NONE);
            }
            let at = self.oracle.rooms.get_mut(participant).expect("everybody is somewhere");
            // Who is asked to move on while still moving may be in any of the rooms on its way.
            at.leaving.push(at.now);
            at.now = *room;
            who.push(*participant);
        }
        self.moves += who.len() as u64;
        let (reply, done) = oneshot::channel();
        self.control.handle(Request::Change(self.meeting, changes, reply));
        self.moving.push(Moving { done, who });
    }

    /// Changes that are in force now: from here on the old room counts no more, and nothing is for who
    /// has left.
    fn settle(&mut self) {
        let absent = &mut self.absent;
        self.leaving.retain_mut(|(at, done)| match done.try_recv() {
            Ok(result) => {
                result.expect("it was there");
                absent.insert(*at);
                false
            }
            Err(_) => true,
        });
        let mut waiting = Vec::new();
        let mut settled = Vec::new();
        for mut moving in std::mem::take(&mut self.moving) {
            match moving.done.try_recv() {
                Ok(result) => {
                    result.expect("every room exists");
                    settled.extend(moving.who);
                }
                Err(_) => waiting.push(moving),
            }
        }
        self.moving = waiting;
        let busy: BTreeSet<_> =
            self.moving.iter().flat_map(|moving| &moving.who).copied().collect();
        for who in settled.into_iter().filter(|who| !busy.contains(who)) {
            self.oracle.rooms.get_mut(&who).expect("everybody is somewhere").leaving.clear();
            if let Some(monitoring) = self.oracle.monitoring.get_mut(&who) {
                monitoring.maybe.clear();
            }
            for video in [false, true] {
                if let Some(at) = self.oracle.announcing.get_mut(&(who, video)) {
                    at.maybe = at.now;
                }
            }
        }
    }

    pub fn epochs(&self) -> u64 {
        self.cores.iter().map(|core| core.shard.stats().of(Counter::Epochs)).sum()
    }

    /// What all shards counted.
    pub fn count(&self, counter: Counter) -> u64 {
        self.cores.iter().map(|core| core.shard.stats().of(counter)).sum()
    }

    pub fn judge(&self, seed: u64) {
        let violations = &self.oracle.violations;
        let first = violations.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
        assert!(violations.is_empty(), "seed {seed}: {} violations:\n{first}", violations.len());
    }

    /// Who is unmuted is heard, and everybody is seen, by all of their room and by nobody else.
    pub fn everybody_hears_their_own_room(&self, seed: u64) {
        for client in &self.clients {
            let room = self.oracle.rooms[&client.participant].now;
            let others = self.clients.iter().filter(|other| {
                other.participant != client.participant
                    && self.oracle.rooms[&other.participant].now == room
            });
            let others: BTreeSet<ParticipantId> = others.map(|other| other.participant).collect();
            let heard = self.oracle.heard.get(&client.participant).cloned().unwrap_or_default();
            let seen: BTreeSet<_> = heard.iter().filter(|tag| tag.1).map(|tag| tag.0).collect();
            let expected = others.len().min(2);
            assert!(seen.is_subset(&others), "seed {seed}: {seen:?} of {others:?}");
            // With more people than slots, who is seen may have changed meanwhile.
            let enough = seen.len() == expected || others.len() > 2 && seen.len() > 2;
            assert!(enough, "seed {seed}: {:?} sees {seen:?}", client.participant);
        }
    }
}

fn offer(who: usize) -> PeerOffer {
    let [microphone, camera] = Client::ssrcs(who);
    let track = |mid: &str, source, ssrcs| OfferedTrack { mid: mid.into(), source, ssrcs };
    let slot = |(at, kind): (usize, &Kind)| OfferedSlot {
        mid: format!("s{at}").into(),
        kind: *kind,
        rtx: *kind == Kind::Video,
    };
    let mut extensions = ExtensionIds::default();
    extensions.set(Extension::AudioLevel, client::LEVEL_ID);
    PeerOffer {
        ice: IceCredentials { ufrag: format!("u{who}").into(), pwd: "p".repeat(22).into() },
        fingerprint: Fingerprint::Sha256([0; 32]),
        payloads: vec![
            PayloadMap { payload_type: client::OPUS, codec: Codec::Opus, rtx: None },
            PayloadMap { payload_type: client::VP8, codec: Codec::Vp8, rtx: Some(client::VP8_RTX) },
        ],
        extensions,
        tracks: vec![
            track("0", Source::Microphone, microphone),
            track("1", Source::Camera, camera),
        ],
        slots: KINDS.iter().enumerate().map(slot).collect(),
        from: None,
    }
}
