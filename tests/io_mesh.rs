//! Two shards of the real drivers that send each other packets through their rings: all of them
//! arrive whole and in order, and no shard sleeps over what another sent it. Also run under
//! ThreadSanitizer: `tests/run tsan`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ringfence::io::{Ended, IoChoice, IoConfig, Seat, ShardLink, World, restart, start};
use ringfence::route::id::{Epoch, ShardIndex, TrackId};
use ringfence::route::packet::{Packet, SourceIndex, Vp8Numbers};
use ringfence::shard::mesh::{Carried, Facts, Mesh, Message};
use ringfence::shard::outbox::Outbox;
use ringfence::wire::media::{Codec, Kind};
use ringfence::wire::number::Timestamp;
use ringfence::wire::path::Path;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Command {
    /// So many more are to be said.
    Say(u64),
    /// Panic.
    Panic,
}

type Link = ShardLink<Command, u64>;

/// Says what it is told to, to the other shard; reports how much it heard.
struct Chat {
    own: usize,
    said: u64,
    to_say: u64,
    heard: u64,
    reports: VecDeque<u64>,
    now: Instant,
}

impl Chat {
    fn new(seat: Seat) -> Self {
        let reports = VecDeque::new();
        Self { own: seat.shard, said: 0, to_say: 0, heard: 0, reports, now: seat.now }
    }
}

/// Number `index` of what a shard says: its length and bytes follow from it.
fn payload(index: u64) -> Vec<u8> {
    vec![index as u8; (index * 37 % 1_200) as usize]
}

fn facts(index: u64) -> Facts {
    let packet = Packet {
        index: SourceIndex(index),
        timestamp: Timestamp(0),
        arrived_us: 0,
        marker: false,
        keyframe: false,
        codec: Codec::Opus,
        audio_level: None,
        orientation: None,
        vp8: Vp8Numbers::NONE,
    };
    Facts { track: TrackId(1), kind: Kind::Audio, epoch: Epoch(1), packet, again: false }
}

impl World for Chat {
    type Command = Command;
    /// So many were heard.
    type Report = u64;

    fn handle_datagram(&mut self, _: Instant, _: Path, _: &mut [u8]) {}

    fn handle_command(&mut self, _: Instant, command: Command) {
        match command {
            Command::Say(count) => self.to_say += count,
            Command::Panic => panic!("as the test wants it"),
        }
    }

    fn other_renewed(&mut self, _: Instant, other: ShardIndex) {
        assert_eq!(other.0, 1 - self.own);
        (self.said, self.to_say, self.heard) = (0, 0, 0);
    }

    fn take_over(&mut self, now: Instant, mesh: &mut impl Mesh) {
        self.now = now;
        let (own, before) = (self.own, self.heard);
        mesh.receive(&mut |from, sent, message| {
            assert_eq!(from.0, 1 - own);
            // The sender's turn may have begun after ours.
            assert!(sent <= now + PATIENCE);
            let Message::Packet(Carried { facts, payload: bytes, .. }) = message else {
                panic!("no signal was sent")
            };
            assert_eq!(facts.packet.index.0, self.heard, "in order, none lost or doubled");
            assert_eq!(bytes, payload(self.heard), "whole");
            self.heard += 1;
        });
        if self.heard != before {
            self.reports.push_back(self.heard);
        }
    }

    fn hand_over(&mut self, _: Instant, mesh: &mut impl Mesh) {
        while mesh.ended().is_some() {} // from then on what is said is lost, and no ring fills up
        while self.to_say > 0 {
            let (descriptor, payload) = (&[][..], &payload(self.said)[..]);
            let carried = Carried { facts: facts(self.said), descriptor, payload };
            if !mesh.send(ShardIndex(1 - self.own), &Message::Packet(carried)) {
                return; // full: the next turn
            }
            (self.said, self.to_say) = (self.said + 1, self.to_say - 1);
        }
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn poll_timeout(&self) -> Option<Instant> {
        (self.to_say > 0).then_some(self.now)
    }

    fn egress(&mut self, _: Instant, _: &mut impl Outbox) {}

    fn poll_report(&mut self) -> Option<u64> {
        self.reports.pop_front()
    }
}

fn config(io: IoChoice) -> IoConfig {
    let bind = Some("127.0.0.1".parse().expect("an address"));
    IoConfig { io, bind, port: 0, shards: 2, ..IoConfig::default() }
}

fn shards(io: IoChoice) -> Option<Vec<Link>> {
    match start(&config(io), Chat::new) {
        Ok(links) => Some(links),
        Err(refused) if io == IoChoice::Uring => {
            eprintln!("io_uring is not tested here: {refused}");
            None
        }
        Err(refused) => panic!("{refused}"),
    }
}

/// Waits until a shard heard `count` in all.
fn heard(link: &mut Link, count: u64) {
    let until = Instant::now() + PATIENCE;
    loop {
        assert_eq!(link.ended(), None);
        match link.poll_report() {
            Some(heard) if heard == count => return,
            Some(_) => {}
            None => thread::sleep(Duration::from_micros(200)),
        }
        assert!(Instant::now() < until, "slept over: {count} was not heard");
    }
}

fn talk_on(io: IoChoice) {
    const MANY: u64 = 30_000;
    let Some(mut links) = shards(io) else { return };
    for link in &mut links {
        link.send(Command::Say(MANY)).expect("room for a command");
    }
    links.iter_mut().for_each(|link| heard(link, MANY));
    // One at a time, each to a shard that has gone to sleep.
    for n in 1..=40_u64 {
        thread::sleep(Duration::from_millis(2));
        links[n as usize % 2].send(Command::Say(1)).expect("room for a command");
        heard(&mut links[(n as usize + 1) % 2], MANY + n.div_ceil(2));
    }
    thread::sleep(Duration::from_millis(200)); // counters are published
    for (from, link) in links.iter().enumerate() {
        let of = |name: &str| {
            let mut all = link.published().mesh();
            all.find(|it| (it.0, it.2) == (from, name)).map(|it| it.3).expect("it is counted")
        };
        assert_eq!(of("mesh_packets"), MANY + 20);
        assert!(of("mesh_wakes") >= 15, "{} wake-ups", of("mesh_wakes"));
        let waited: u64 = link
            .published()
            .mesh()
            .filter(|it| it.1 == from && it.2.starts_with("mesh_delay_us/le"))
            .map(|it| it.3)
            .sum();
        assert_eq!(waited, MANY + 20, "each one's wait is counted");
    }
}

/// A shard panics, now the one and now the other, and is started again: both talk again, in both
/// directions, and so the other keeps talking meanwhile to nobody.
fn started_again_on(io: IoChoice) {
    const MANY: u64 = 3_000;
    let Some(mut links) = shards(io) else { return };
    for round in 0..6 {
        let broken = round % 2;
        links[broken].send(Command::Panic).expect("room for a command");
        let until = Instant::now() + PATIENCE;
        while links[broken].ended().is_none() {
            assert!(Instant::now() < until);
            thread::sleep(Duration::from_micros(200));
        }
        assert_eq!(links[broken].ended(), Some(Ended::Panicked));
        links[1 - broken].send(Command::Say(MANY)).expect("room for a command");
        thread::sleep(Duration::from_millis(20)); // what is said to nobody is gone
        loop {
            let mut all: Vec<&mut Link> = links.iter_mut().collect();
            if restart(&config(io), &mut all, broken, Arc::new(Chat::new)).is_ok() {
                break;
            }
            assert!(Instant::now() < until);
            thread::sleep(Duration::from_millis(5));
        }
        for link in &mut links {
            while link.poll_report().is_some() {}
            link.send(Command::Say(MANY)).expect("room for a command");
        }
        links.iter_mut().for_each(|link| heard(link, MANY));
    }
}

#[test]
fn a_shard_that_is_started_again_talks_on_plain_sockets() {
    started_again_on(IoChoice::Mmsg);
}

#[test]
fn a_shard_that_is_started_again_talks_on_io_uring() {
    started_again_on(IoChoice::Uring);
}

#[test]
fn shards_talk_on_plain_sockets() {
    talk_on(IoChoice::Mmsg);
}

#[test]
fn shards_talk_on_io_uring() {
    talk_on(IoChoice::Uring);
}
