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
    let links = start_shards(config, &bell)?;
    let shards = links.iter().map(Link::started).collect();
    let coordinator = Coordinator::new(links, Arc::new(certificate), Random::from_seed(seed))
        .with_placement(config.place);
    let (handle, events) = Relay::spawn(coordinator, bell).map_err(StartError::System)?;
    Ok(Running { handle, events, shards })
}

fn start_shards(config: &RelayConfig, bell: &Bell) -> Result<Vec<Link>, StartError> {
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
    let make = move |seat: io::Seat| {
        let shard = ShardIndex(seat.shard);
        let config = ShardConfig::new(seat.seed, seat.now, clock);
        Shard::new(ShardConfig { shard, trains, padding, ..config })
    };
    let links = io::start(&io_config, make).map_err(StartError::Shard)?;
    let with_candidates = links.into_iter().map(|link| {
        let candidates = candidates(&config.announce, &link.local, link.port);
        Link { link, candidates }
    });
    Ok(with_candidates.collect())
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
