//! The media thread's loop: send what is due, do what is asked, take what arrived, rest.

use std::io::{ErrorKind, IoSliceMut};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use anyhow::Context as _;
use nix::time::{ClockId, clock_gettime};
use quinn_udp::{BATCH_SIZE, RecvMeta};
use tokio::sync::mpsc::UnboundedSender;

use super::world::World;
use super::{Command, Commands, Tick, Totals};
use crate::clock;
use crate::network::Socket;
use crate::options::{Options, Switch, VideoCodec};
use crate::report::histogram;

/// How long it rests when there is nothing to do: what arrives meanwhile comes in one batch.
const REST: Duration = Duration::from_micros(200);
const SECOND: u64 = 1_000_000_000;
/// Within which everybody's consent is renewed once.
const KEEP_UP: u64 = 5 * SECOND;
/// A buffer takes a train (65,535 bytes); the rest keeps buffers from falling into the same cache
/// lines.
const BUFFER_LEN: usize = 65_536 + 17 * 64;

/// What the media thread needs to know of the options.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seed of phases and sizes.
    pub seed: u64,
    /// Publishers send in phase.
    pub in_step: bool,
    /// Video.
    pub codec: VideoCodec,
    /// Bits a second.
    pub video_bitrate: u64,
    /// Frames a second.
    pub frame_rate: u32,
    /// Milliseconds of sound in a packet.
    pub audio_frame: u32,
    /// Nanoseconds between keyframes.
    pub keyframe_every: u64,
    /// Send frames as trains.
    pub trains: bool,
    /// Core to run on.
    pub pin: Option<usize>,
    /// Participants share sockets.
    pub shared: bool,
    /// Number of the first participant who joins while it is measured.
    pub first_late: u32,
}

impl Settings {
    /// As the options say.
    pub fn of(options: &Options, shared: bool) -> Settings {
        Settings {
            seed: options.seed,
            in_step: options.sync,
            codec: options.codec,
            video_bitrate: options.video_bitrate,
            frame_rate: options.frame_rate,
            audio_frame: options.audio_frame,
            keyframe_every: (options.keyframe_interval * 1e9) as u64,
            trains: options.publish_trains == Switch::On,
            pin: options.pin,
            shared,
            first_late: options.meetings * options.participants,
        }
    }
}

/// Finds a participant by the address a datagram was sent to.
pub type Finder = Box<dyn Fn(Option<IpAddr>) -> Option<u32> + Send>;

/// Starts the thread, which ends when nobody can ask it anything any more.
///
/// # Errors
/// The system gives no thread.
pub fn start(
    settings: Settings,
    shared: Vec<Arc<Socket>>,
    finder: Finder,
    ticks: UnboundedSender<Tick>,
) -> anyhow::Result<Commands> {
    let (sender, commands) = mpsc::channel();
    let engine = move || {
        crate::pin::this_thread(settings.pin);
        Engine::new(settings, shared, finder, commands, ticks).run();
    };
    std::thread::Builder::new().name("media".into()).spawn(engine).context("the media thread")?;
    Ok(Commands(sender))
}

struct Engine {
    world: World,
    /// Sockets, and whose they are; `None`: the address tells.
    sockets: Vec<(Arc<Socket>, Option<u32>)>,
    finder: Finder,
    commands: Receiver<Command>,
    ticks: UnboundedSender<Tick>,
    buffers: Vec<u8>,
    shared: bool,
    /// Since when it is measured, and when it is told next.
    measuring: Option<(u64, u64)>,
    busy_before: u64,
    kept_up: u64,
    ended: bool,
}

impl Engine {
    fn new(
        settings: Settings,
        shared: Vec<Arc<Socket>>,
        finder: Finder,
        commands: Receiver<Command>,
        ticks: UnboundedSender<Tick>,
    ) -> Engine {
        Engine {
            shared: settings.shared,
            world: World::new(settings),
            sockets: shared.into_iter().map(|socket| (socket, None)).collect(),
            finder,
            commands,
            ticks,
            buffers: vec![0; BATCH_SIZE * BUFFER_LEN],
            measuring: None,
            busy_before: 0,
            kept_up: clock::now(),
            ended: false,
        }
    }

    fn run(mut self) {
        while !self.ended {
            let now = clock::now();
            self.take_commands();
            let sent = self.world.send_due(now);
            let received = self.receive();
            self.keep_up(now);
            self.tell(now);
            if sent + received == 0 {
                let due = self.world.next_due().saturating_sub(clock::now());
                std::thread::sleep(REST.min(Duration::from_nanos(due)));
            }
        }
    }

    /// Takes up to one batch of each socket. Returns the datagrams received.
    fn receive(&mut self) -> usize {
        let mut all = 0;
        for at in 0..self.sockets.len() {
            let (socket, owner) = (self.sockets[at].0.clone(), self.sockets[at].1);
            let mut meta = [RecvMeta::default(); BATCH_SIZE];
            let mut slices = self.buffers.chunks_mut(BUFFER_LEN).map(IoSliceMut::new);
            let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] =
                std::array::from_fn(|_| slices.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
            let count = match socket.receive(&mut buffers, &mut meta) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(_) => continue, // an ICMP error of a peer that is gone
            };
            drop(slices);
            // What was asked before these arrived is known before they are judged.
            self.take_commands();
            let now = clock::now();
            for (buffer, meta) in self.buffers.chunks(BUFFER_LEN).zip(&meta[..count]) {
                let arrived = meta.timestamp.map_or(now, clock::nanoseconds);
                let bytes = buffer.get(..meta.len).unwrap_or_default();
                let person = owner.or_else(|| (self.finder)(meta.dst_ip));
                for datagram in bytes.chunks(meta.stride.max(1)) {
                    self.world.handle(person, datagram, arrived);
                    all += 1;
                }
            }
        }
        all
    }

    fn take_commands(&mut self) {
        loop {
            let command = match self.commands.try_recv() {
                Ok(command) => command,
                Err(mpsc::TryRecvError::Empty) => return,
                Err(mpsc::TryRecvError::Disconnected) => {
                    self.ended = true;
                    return;
                }
            };
            match command {
                Command::Measure => {
                    self.world.measure();
                    let now = clock::now();
                    self.measuring = Some((now, now + SECOND));
                    self.busy_before = thread_cpu();
                }
                Command::Stop => {
                    let now = clock::now();
                    self.tick(now, true);
                    self.measuring = None;
                }
                Command::Attach { person, place, handshake } => {
                    if !self.shared {
                        self.sockets.push((place.socket.clone(), Some(person)));
                    }
                    self.world.attach(person, handshake);
                }
                Command::Detach(person) => {
                    self.sockets.retain(|(_, owner)| *owner != Some(person));
                    self.world.detach(person);
                }
                other => self.world.command(other),
            }
        }
    }

    /// Renews consent of the share of people whose turn it is.
    fn keep_up(&mut self, now: u64) {
        let people = self.world.people() as u64;
        let due = people * now.saturating_sub(self.kept_up) / KEEP_UP;
        if people == 0 || due > 0 {
            self.kept_up = now;
            self.world.keep_up(due.min(people) as usize, now);
        }
    }

    fn tell(&mut self, now: u64) {
        if let Some((since, next)) = self.measuring
            && now >= next
        {
            self.measuring = Some((since, next + SECOND));
            self.tick(now, false);
        }
    }

    fn tick(&mut self, now: u64, last: bool) {
        let since = self.measuring.map_or(now, |(since, _)| since);
        let latency = std::mem::replace(&mut self.world.latency, histogram());
        let tick = Tick {
            totals: if last { self.world.totals() } else { self.world.running() },
            latency,
            joined: self.world.connected,
            busy: thread_cpu().saturating_sub(self.busy_before),
            at: now - since,
            last,
        };
        let _ = self.ticks.send(tick); // nobody listens any more at the end
    }
}

/// CPU time of this thread, in nanoseconds.
fn thread_cpu() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map(Duration::from);
    time.map_or(0, clock::nanoseconds)
}

impl Totals {
    /// Without the histograms, which are long: for the second's sample.
    pub(super) fn numbers(&self) -> Totals {
        let kind = |kind: &crate::report::KindTotals| crate::report::KindTotals {
            latency_us: histogram(),
            ..*kind
        };
        Totals {
            audio: kind(&self.audio),
            video: kind(&self.video),
            switch_us: histogram(),
            stages: Vec::new(),
            ..*self
        }
    }
}
