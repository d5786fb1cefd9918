//! A world that sends back what it gets, for the tests and benches of the drivers. Allocates
//! nothing once it is made.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use ringfence::io::{Counter, Driver, IoChoice, IoConfig, Seat, ShardLink, Tuning, World, start};
use ringfence::shard::outbox::{Outbox, Submission};
use ringfence::wire::path::Path;

/// Longest datagram it keeps.
pub const DATAGRAM_MAX: usize = 2_048;
/// Datagrams it keeps until they are sent back; more are dropped.
const KEPT_MAX: usize = 8_192;

/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Report `Pong`.
    Ping(u32),
    /// Report `Pong` so many times, counting from 0.
    Pings(u32),
    /// Do nothing for so long, while datagrams pile up.
    Stall(Duration),
    /// Send a train of `len` bytes, cut into `segment`; byte `i` is `i / segment`.
    Train { path: Path, len: usize, segment: usize },
    /// Send that train so many times, with whatever is in the memory: for benches.
    Trains { path: Path, len: usize, segment: usize, count: usize },
    /// Report `Settled` when everything submitted before is complete.
    Settle(u32),
    /// Wake up by a timer after so long, and report `Pong`.
    Timer(Duration, u32),
    /// Panic.
    Panic,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
    Pong(u32),
    Settled(u32),
}

pub struct Echo {
    /// Memory of what is kept, [`DATAGRAM_MAX`] each; places in `kept` follow each other.
    memory: Vec<u8>,
    first: usize,
    kept: VecDeque<(Path, usize)>,
    trains: VecDeque<(Path, usize, usize)>,
    /// What [`Command::Trains`] left to send.
    unwritten: (Option<Path>, usize, usize, usize),
    settling: VecDeque<(Option<Submission>, u32)>,
    reports: VecDeque<Report>,
    timer: Option<(Instant, u32)>,
    received: u64,
    sent: u64,
}

impl Echo {
    pub fn new(_: Seat) -> Self {
        Self {
            memory: vec![0; KEPT_MAX * DATAGRAM_MAX],
            first: 0,
            kept: VecDeque::with_capacity(KEPT_MAX),
            trains: VecDeque::with_capacity(1_024),
            unwritten: (None, 0, 0, 0),
            settling: VecDeque::with_capacity(1_024),
            reports: VecDeque::with_capacity(1_024),
            timer: None,
            received: 0,
            sent: 0,
        }
    }

    /// Writes the next train to `out`: neighbours with the same path and size, the last one may be
    /// shorter.
    fn fill(&mut self, out: &mut [u8]) -> Option<(usize, usize, Path)> {
        let (path, segment) = *self.kept.front()?;
        let (mut len, mut count) = (0, 0);
        while let Some(&(next, size)) = self.kept.front() {
            if next != path || size > segment || count == 64 || len + size > out.len() {
                break;
            }
            let at = self.first * DATAGRAM_MAX;
            out[len..len + size].copy_from_slice(&self.memory[at..at + size]);
            self.first = (self.first + 1) % KEPT_MAX;
            self.kept.pop_front();
            (len, count) = (len + size, count + 1);
            if size < segment {
                break;
            }
        }
        Some((len, segment, path))
    }
}

impl World for Echo {
    type Command = Command;
    type Report = Report;
    const COUNTERS: usize = 2;

    fn handle_datagram(&mut self, _: Instant, path: Path, datagram: &mut [u8]) {
        self.received += 1;
        if datagram.is_empty() || datagram.len() > DATAGRAM_MAX || self.kept.len() == KEPT_MAX {
            return;
        }
        let at = (self.first + self.kept.len()) % KEPT_MAX * DATAGRAM_MAX;
        self.memory[at..at + datagram.len()].copy_from_slice(datagram);
        self.kept.push_back((path, datagram.len()));
    }

    fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::Ping(number) => self.reports.push_back(Report::Pong(number)),
            Command::Pings(count) => self.reports.extend((0..count).map(Report::Pong)),
            Command::Stall(time) => thread::sleep(time),
            Command::Train { path, len, segment } => self.trains.push_back((path, len, segment)),
            Command::Trains { path, len, segment, count } => {
                self.unwritten = (Some(path), len, segment, count);
            }
            Command::Settle(number) => self.settling.push_back((None, number)),
            Command::Timer(after, number) => self.timer = Some((now + after, number)),
            Command::Panic => panic!("as the test wants it"),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some((at, number)) = self.timer.take() {
            assert!(at <= now, "too early");
            self.reports.push_back(Report::Pong(number));
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timer.map(|(at, _)| at)
    }

    fn egress(&mut self, _: Instant, outbox: &mut impl Outbox) {
        while let (Some(path), len, segment, count @ 1..) = &mut self.unwritten {
            if outbox.claim().is_none() {
                return;
            }
            outbox.send(*len, *segment, *path);
            *count -= 1;
        }
        while !self.trains.is_empty() || !self.kept.is_empty() {
            let Some(out) = outbox.claim() else { break };
            let (len, segment, path) = match self.trains.pop_front() {
                Some((path, len, segment)) => {
                    for (at, byte) in out[..len].iter_mut().enumerate() {
                        *byte = (at / segment) as u8;
                    }
                    (len, segment, path)
                }
                None => self.fill(out).expect("something is kept"),
            };
            outbox.send(len, segment.min(len), path);
            self.sent += len.div_ceil(segment) as u64;
        }
        if !(self.trains.is_empty() && self.kept.is_empty()) {
            return; // no slot is free: what is to settle has not been submitted
        }
        for (until, _) in &mut self.settling {
            until.get_or_insert(outbox.next());
        }
        while let Some(&(Some(until), number)) = self.settling.front()
            && outbox.completed_below() >= until
        {
            self.settling.pop_front();
            self.reports.push_back(Report::Settled(number));
        }
    }

    fn awaits_completion(&self) -> bool {
        !self.settling.is_empty()
    }

    fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    fn counters(&self, out: &mut [u64]) {
        out.copy_from_slice(&[self.received, self.sent]);
    }
}

pub type Link = ShardLink<Command, Report>;

/// The drivers this system grants: always mmsg.
pub fn drivers() -> Vec<IoChoice> {
    let link = started(&IoConfig { shards: 1, ..config(IoChoice::Auto) });
    match link.driver {
        Driver::Uring(_) => vec![IoChoice::Uring, IoChoice::Mmsg],
        Driver::Mmsg(refusal) => {
            eprintln!("io_uring is not tested here: {refusal:?}");
            vec![IoChoice::Mmsg]
        }
    }
}

/// All addresses, a port of the system's choice.
pub fn config(io: IoChoice) -> IoConfig {
    IoConfig { io, port: 0, ..IoConfig::default() }
}

pub fn tuned(io: IoChoice, tune: impl FnOnce(&mut Tuning)) -> IoConfig {
    let mut config = config(io);
    tune(&mut config.tuning);
    config
}

/// One shard with an echo.
pub fn started(config: &IoConfig) -> Link {
    let mut links = start(config, Echo::new).expect("the shard starts");
    assert_eq!(links.len(), 1);
    links.remove(0)
}

/// Calls `poll` until it gives something.
pub fn eventually<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = poll() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: did not happen");
        thread::sleep(Duration::from_micros(200));
    }
}

pub fn report(link: &mut Link) -> Report {
    eventually("a report", || link.poll_report())
}

/// Waits until a counter satisfies `is_enough` (they are published every 100 ms).
pub fn counted(link: &Link, counter: Counter, is_enough: impl Fn(u64) -> bool) -> u64 {
    eventually(counter.name(), || {
        Some(link.published().io(counter)).filter(|count| is_enough(*count))
    })
}

/// A client's socket at `ip`, which waits for answers with patience.
pub fn client(ip: &str) -> UdpSocket {
    let ip: IpAddr = ip.parse().unwrap();
    let socket = UdpSocket::bind(SocketAddr::new(ip, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let socket = socket2::Socket::from(socket);
    socket.set_recv_buffer_size(4 << 20).unwrap();
    socket.into()
}

/// Waits for a datagram. A wait with a deadline is never restarted after an interruption (signal(7)).
pub fn receive_from(socket: &UdpSocket, buffer: &mut [u8]) -> (usize, SocketAddr) {
    loop {
        match socket.recv_from(buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result.expect("a datagram"),
        }
    }
}

/// Waits for a datagram and returns its length.
pub fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> usize {
    receive_from(socket, buffer).0
}

/// A datagram of `len` bytes that begins with `number`.
pub fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut bytes = vec![number as u8; len.max(4)];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// Sends and gets back one datagram: the shard is alive.
pub fn assert_alive(link: &Link, ip: &str) {
    let socket = client(ip);
    let mut buffer = [0; DATAGRAM_MAX];
    socket.send_to(b"alive?", (ip.parse::<IpAddr>().unwrap(), link.port)).unwrap();
    let (len, _) = receive_from(&socket, &mut buffer);
    assert_eq!(&buffer[..len], b"alive?");
}
