//! Starts a whole relay: shards on their threads, control on its own.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;

use super::api::RelayEvent;
use super::candidates::candidates;
use super::coordinator::Coordinator;
use super::handle::RelayHandle;
use super::placement::Policy;
use super::port::{ShardPort, Undelivered};
use super::relay::{Bell, Relay};
use super::revival::Revive;
use crate::crypto::Random;
use crate::io::{self, Driver, IoChoice, IoConfig, Notify, Refused, ShardLink};
use crate::route::id::ShardIndex;
use crate::shard::command::{Command, Report};
use crate::shard::plan::Padding;
use crate::shard::{Shard, ShardConfig};
use crate::transport::sender::NtpClock;
use crate::transport::{Certificate, CertificateError};

/// What a relay is started with. Names are those of `ringfence serve`.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// Which I/O driver.
    pub io: IoChoice,
    /// Address to bind for media; `None`: all.
    pub media_ip: Option<IpAddr>,
    /// UDP port of shard 0, the others follow. 0: the system chooses a port for each.
    pub media_port: u16,
    /// Addresses in candidates instead of the machine's own.
    pub announce: Vec<IpAddr>,
    /// How many shards.
    pub shards: usize,
    /// Whether packets of equal size leave as trains.
    pub trains: bool,
    /// How long a busy shard lets datagrams gather, from turn to turn; zero: never.
    pub egress_hold: Duration,
    /// How long a voice may wait on a full shard for something else to the same subscriber; zero:
    /// never.
    pub voice_hold: Duration,
    /// How much padding a packet may get to fit a train.
    pub padding: Padding,
    /// Where new peers live.
    pub place: Policy,
}

/// One shard that runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Started {
    /// Index of the shard.
    pub shard: usize,
    /// Its UDP port.
    pub port: u16,
    /// What it runs on, and why not on something better.
    pub driver: Driver,
    /// The core it is pinned to.
    pub core: Option<usize>,
    /// Where clients are told to reach it, best first.
    pub candidates: Vec<SocketAddr>,
}

/// Why no relay runs. Nothing of it is left.
#[derive(Debug)]
pub enum StartError {
    /// A shard could not start.
    Shard(io::StartError),
    /// The system gave no random numbers or no thread.
    System(std::io::Error),
    /// There is no certificate.
    Certificate(CertificateError),
    /// `shards` is 0.
    NoShards,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Shard(error) => error.fmt(f),
            StartError::System(error) => error.fmt(f),
            StartError::Certificate(error) => write!(f, "certificate: {error:?}"),
            StartError::NoShards => f.write_str("shards: 0 given, at least 1 is needed"),
        }
    }
}

impl std::error::Error for StartError {}

/// A shard's thread, as control reaches it.
#[derive(Debug)]
pub struct Link {
    link: ShardLink<Command, Report>,
    candidates: Vec<SocketAddr>,
}

impl ShardPort for Link {
    fn send(&mut self, command: Command) -> Result<(), Undelivered> {
        self.link.send(command).map_err(|refused| match refused {
            Refused::Full(command) => Undelivered::Full(command),
            Refused::Ended(_) => Undelivered::Ended,
        })
    }

    fn poll_report(&mut self) -> Option<Report> {
        self.link.poll_report()
    }

    fn has_ended(&self) -> bool {
        self.link.ended().is_some()
    }

    fn candidates(&self) -> Vec<SocketAddr> {
        self.candidates.clone()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let published = self.link.published();
        published.named().chain(Shard::counter_names().zip(published.world())).collect()
    }

    fn busy_permille(&self) -> Option<u32> {
        u32::try_from(self.link.published().io(io::Counter::BusyPermille)).ok()
    }

    fn mesh(&self) -> Vec<(usize, usize, &'static str, u64)> {
        self.link.published().mesh().collect()
    }
}

/// A relay that runs: the handle to it, what it tells, and what runs it. It ends when the last
/// handle is dropped.
#[derive(Debug)]
pub struct Running {
    /// For requests.
    pub handle: RelayHandle,
    /// What the relay tells without being asked.
    pub events: mpsc::Receiver<RelayEvent>,
    /// Its shards.
    pub shards: Vec<Started>,
}

/// Starts a relay.
///
/// # Errors
/// What the system refused first; nothing runs then.
pub fn start(config: &RelayConfig) -> Result<Running, StartError> {
    if config.shards == 0 {
        return Err(StartError::NoShards);
    }
    let certificate = Certificate::generate().map_err(StartError::Certificate)?;
    let seed = io::random_seed().map_err(StartError::System)?;
    let bell = Bell::default();
    let (links, revive) = start_shards(config, &bell)?;
    let shards = links.iter().map(Link::started).collect();
    let coordinator = Coordinator::new(links, Arc::new(certificate), Random::from_seed(seed))
        .with_placement(config.place)
        .with_revival(revive);
    let (handle, events) = Relay::spawn(coordinator, bell).map_err(StartError::System)?;
    Ok(Running { handle, events, shards })
}

/// The shards, and how one of them is started again.
fn start_shards(
    config: &RelayConfig,
    bell: &Bell,
) -> Result<(Vec<Link>, Revive<Link>), StartError> {
    let rung = bell.clone();
    let io_config = IoConfig {
        io: config.io,
        bind: config.media_ip,
        port: config.media_port,
        shards: config.shards,
        trains: config.trains,
        egress_hold: config.egress_hold,
        voice_hold: config.voice_hold,
        notify: Notify(Arc::new(move |_| rung.ring())),
        ..IoConfig::default()
    };
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let clock = NtpClock::new(Instant::now(), since_epoch);
    let (trains, padding) = (config.trains, config.padding);
    let make = Arc::new(move |seat: io::Seat| {
        let shard = ShardIndex(seat.shard);
        let config = ShardConfig::new(seat.seed, seat.now, clock);
        Shard::new(ShardConfig { shard, trains, padding, ..config })
    });
    let first = make.clone();
    let links = io::start(&io_config, move |seat| first(seat)).map_err(StartError::Shard)?;
    let with_candidates = links.into_iter().map(|link| {
        let candidates = candidates(&config.announce, &link.local, link.port);
        Link { link, candidates }
    });
    let with_candidates = with_candidates.collect();
    let revive = move |links: &mut [&mut Link], shard: ShardIndex| {
        let mut links: Vec<_> = links.iter_mut().map(|link| &mut link.link).collect();
        io::restart(&io_config, &mut links, shard.0, make.clone()).is_ok()
    };
    Ok((with_candidates, Box::new(revive)))
}

impl Link {
    fn started(&self) -> Started {
        Started {
            shard: self.link.shard,
            port: self.link.port,
            driver: self.link.driver,
            core: self.link.core,
            candidates: self.candidates.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::sync::oneshot;

    use super::super::placement::apart;
    use super::super::request::{Reply, Request};
    use super::super::tests::fake::offer;
    use super::*;
    use crate::route::id::PeerId;
    use crate::route::table::{Role, Roles};

    /// The real shards, without a control thread.
    struct Stage {
        control: Coordinator<Link>,
    }

    impl Stage {
        fn new(io: IoChoice) -> Self {
            let config = RelayConfig {
                io,
                media_ip: Some(IpAddr::from([127, 0, 0, 1])),
                media_port: 0,
                announce: Vec::new(),
                shards: 2,
                trains: true,
                egress_hold: Duration::ZERO,
                voice_hold: Duration::ZERO,
                padding: Padding::OFF,
                place: apart,
            };
            let (links, revive) = start_shards(&config, &Bell::default()).unwrap();
            let certificate = Arc::new(Certificate::generate().unwrap());
            let control = Coordinator::new(links, certificate, Random::from_seed([3; 32]));
            Self { control: control.with_placement(apart).with_revival(revive) }
        }

        fn turn(&mut self) {
            self.control.tell_time(Instant::now());
            self.control.collect();
            self.control.revive();
        }

        /// Turns until `look` sees something.
        fn until<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
            let until = Instant::now() + Duration::from_secs(20);
            loop {
                self.turn();
                if let Some(seen) = look(self) {
                    return seen;
                }
                assert!(Instant::now() < until, "{what}: did not happen");
                thread::sleep(Duration::from_millis(1));
            }
        }

        fn ask<T>(&mut self, request: impl FnOnce(Reply<T>) -> Request) -> T {
            let (reply, mut answer) = oneshot::channel();
            self.control.handle(request(reply));
            let answered = self.until("an answer", |_| answer.try_recv().ok());
            answered.expect("it is not refused")
        }

        fn alive(&mut self) -> Vec<bool> {
            self.ask(Request::Stats).shards.iter().map(|shard| shard.alive).collect()
        }
    }

    /// A shard that ends takes its peers along and is started again on its port; the meeting that
    /// was on both is on both again.
    #[test]
    fn a_shard_that_ended_is_started_again() {
        for io in [IoChoice::Auto, IoChoice::Mmsg] {
            let mut stage = Stage::new(io);
            let (meeting, room) = stage.ask(Request::OpenMeeting);
            let (role, receives) = (Role(0), Roles::ALL);
            let join = |stage: &mut Stage| {
                let who =
                    stage.ask(|reply| Request::Admit { meeting, room, role, receives, reply });
                let offer = Box::new(offer(1, 1));
                let answer = stage.ask(|reply| Request::AddPeer(meeting, who, offer, reply));
                (answer.peer, answer.candidates)
            };
            let (first, second) = (join(&mut stage), join(&mut stage));
            let gone = |stage: &mut Stage| -> Option<PeerId> {
                let mut events = std::iter::from_fn(|| stage.control.poll_event());
                events.find_map(|event| match event {
                    RelayEvent::PeerGone(peer, _) => Some(peer),
                    _ => None,
                })
            };
            for round in 0..3 {
                stage.control.ports_mut().nth(1).unwrap().link.request_stop();
                let lost = stage.until("the end", gone);
                assert!(round > 0 || lost == second.0, "{io:?}: the peer of the shard that ended");
                stage.until("it is started", |stage| (stage.alive() == [true; 2]).then_some(()));
                let again = join(&mut stage);
                assert_eq!(again.1, second.1, "{io:?}: at the same address");
                assert_ne!(again.1, first.1);
            }
            let stats = stage.ask(Request::Stats);
            assert_eq!(stats.peers, 2);
            let restarts = |shard: usize| {
                let mut counters = stats.shards[shard].counters.iter();
                counters.find(|(name, _)| *name == "restarts").map(|(_, count)| *count)
            };
            assert_eq!((restarts(0), restarts(1)), (Some(0), Some(3)));
        }
    }
}
