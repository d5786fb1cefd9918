//! Starts shards: socket, thread, driver, world; and sees to it that a panic ends a shard and
//! nothing else.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::address::Family;
use super::config::{IoChoice, IoConfig};
use super::counters::Published;
use super::drive::Drive;
use super::interfaces::local_addresses;
use super::link::{Ended, ShardLink, Shared};
use super::mesh::{Rings, rings, rings_anew};
use super::mmsg::Mmsg;
use super::refusal::{Driver, Refusal, StartError, Step};
use super::socket::Socket;
use super::system::{pin_thread, random_seed};
use super::turn::{Ends, Loop};
use super::uring::Uring;
use super::wake::Wake;
use super::world::{Seat, World};

/// How long to wait for a port that is taken, and how often to look.
const PORT_WITHIN: Duration = Duration::from_secs(1);
const PORT_RETRY: Duration = Duration::from_millis(20);

/// A link to a shard that runs world `W`.
type Link<W> = ShardLink<<W as World>::Command, <W as World>::Report>;

/// Starts `config.shards` shards. Each makes its world by `make_world`, on its own thread.
///
/// # Errors
/// What the system refused first. Shards that had started are stopped.
pub fn start<W, F>(config: &IoConfig, make_world: F) -> Result<Vec<Link<W>>, StartError>
where
    W: World + 'static,
    F: Fn(Seat) -> W + Send + Sync + 'static,
{
    let make_world = Arc::new(make_world);
    let count = config.shards;
    let shared: Result<Vec<_>, _> = (0..count).map(|it| share::<W>(config, it, count)).collect();
    let shared = shared?;
    let rings = rings(&shared, Instant::now());
    let ends = shared.into_iter().zip(rings).enumerate();
    let start = |(shard, (shared, rings))| {
        let birth = Birth { shard, port: port_of(config, shard), patience: PORT_WITHIN };
        start_on(config, birth, make_world.clone(), shared, rings)
    };
    ends.map(start).collect()
}

/// Starts a shard again that has ended, on the port it had. `links` are those of all shards, in
/// order; its own is replaced. The others that run get rings to and from it, ahead of any command
/// that is sent to them later. It does not wait for a port that is not free yet.
///
/// # Errors
/// What the system refused, or `Queue`: a shard has no room to be told. All is as before then, and
/// it may be tried again.
pub fn restart<W, F>(
    config: &IoConfig,
    links: &mut [&mut Link<W>],
    shard: usize,
    make_world: Arc<F>,
) -> Result<(), StartError>
where
    W: World + 'static,
    F: Fn(Seat) -> W + Send + Sync + 'static,
{
    let count = links.len();
    let port = links[shard].port;
    assert!(links[shard].ended().is_some(), "only a shard that has ended is started again");
    links[shard].join();
    if !links.iter().all(|link| link.has_room()) {
        let refusal = Refusal { step: Step::Queue, errno: libc::EAGAIN };
        return Err(StartError { shard, port, refusal });
    }
    let shared = share::<W>(config, shard, count)?;
    let others = links.iter().filter(|link| link.ended().is_none());
    let others: Vec<_> = others.map(|link| (link.shard, link.shared.clone())).collect();
    let (rings, ways) = rings_anew((shard, &shared), &others, count, Instant::now());
    let birth = Birth { shard, port: Some(port), patience: Duration::ZERO };
    *links[shard] = start_on(config, birth, make_world, shared, rings)?;
    for ((other, _), way) in others.iter().zip(ways) {
        links[*other].show(way);
    }
    Ok(())
}

/// Where a shard is started.
struct Birth {
    shard: usize,
    /// `None`: there is none that high.
    port: Option<u16>,
    /// How long to wait for a port that is taken.
    patience: Duration,
}

/// What a shard shares with others, before it is started.
fn share<W: World>(
    config: &IoConfig,
    shard: usize,
    shards: usize,
) -> Result<Arc<Shared>, StartError> {
    let wake = Wake::new().map_err(|error| {
        let port = port_of(config, shard).unwrap_or(config.port);
        StartError { shard, port, refusal: Refusal::new(Step::Wake, &error) }
    })?;
    Ok(Arc::new(Shared::new(wake, Published::new(W::COUNTERS, shard, shards))))
}

fn start_on<W, F>(
    config: &IoConfig,
    Birth { shard, port, patience }: Birth,
    make_world: Arc<F>,
    shared: Arc<Shared>,
    rings: Rings,
) -> Result<Link<W>, StartError>
where
    W: World + 'static,
    F: Fn(Seat) -> W + Send + Sync + 'static,
{
    let refused = |refusal| StartError { shard, port: port.unwrap_or(config.port), refusal };
    let no_port = Refusal { step: Step::Bind, errno: libc::EADDRNOTAVAIL };
    let port = port.ok_or(refused(no_port))?;
    let socket = open(config, port, patience).map_err(refused)?;
    let seed = random_seed().map_err(|error| refused(Refusal::new(Step::Random, &error)))?;
    let seat = Seat {
        shard,
        port: socket.port,
        local: reachable(config.bind, socket.family),
        seed,
        now: Instant::now(),
    };
    let (commands, commands_end) = rtrb::RingBuffer::new(config.tuning.commands.max(1));
    let (reports_end, reports) = rtrb::RingBuffer::new(config.tuning.reports.max(1));
    let (started, has_started) = sync_channel(1);
    let (port, local) = (seat.port, seat.local.clone());
    let thread = {
        let (shared, config) = (shared.clone(), config.clone());
        thread::Builder::new().name(format!("ringfence-{shard}")).spawn(move || {
            let ends = Ends {
                shard,
                shared: &shared,
                commands: commands_end,
                reports: reports_end,
                rings,
                notify: &config.notify,
            };
            let ended = live::<W>(&config, seat, Arc::new(socket), ends, &*make_world, &started);
            shared.end(ended);
            (config.notify.0)(shard);
        })
    };
    let thread = thread.map_err(|error| refused(Refusal::new(Step::Thread, &error)))?;
    let gone = Refusal { step: Step::Thread, errno: 0 };
    let (driver, core) = has_started.recv().unwrap_or(Err(gone)).map_err(refused)?;
    Ok(ShardLink {
        shard,
        port,
        local,
        driver,
        core,
        shared,
        commands,
        reports,
        thread: Some(thread),
    })
}

/// Opens the shard's socket. The kernel takes down the ring of a process that was killed by and by,
/// and its port is taken until then: whoever is started again at once waits for it.
fn open(config: &IoConfig, port: u16, patience: Duration) -> Result<Socket, Refusal> {
    let until = Instant::now() + patience;
    loop {
        match Socket::open(config.bind, port, config.tuning.socket_buffer) {
            Err(refusal) if refusal.errno == libc::EADDRINUSE && Instant::now() < until => {
                thread::sleep(PORT_RETRY);
            }
            result => return result,
        }
    }
}

/// Told to the starting thread once: what the shard runs on, and on which core.
type Started = SyncSender<Result<(Driver, Option<usize>), Refusal>>;

/// A shard's thread, from its first to its last step.
fn live<W: World>(
    config: &IoConfig,
    seat: Seat,
    socket: Arc<Socket>,
    ends: Ends<'_, W::Command, W::Report>,
    make_world: &impl Fn(Seat) -> W,
    started: &Started,
) -> Ended {
    let core = config.pin.then(|| pin_thread(seat.shard)).flatten();
    let shared = ends.shared;
    let mut refusal = None;
    if config.io != IoChoice::Mmsg {
        match Uring::new(socket.clone(), &shared.wake, config.trains, &config.tuning) {
            Ok((driver, granted)) => {
                let _ = started.send(Ok((Driver::Uring(granted), core)));
                return run(config, seat, ends, driver, make_world);
            }
            Err(refused) if config.io == IoChoice::Uring => {
                let _ = started.send(Err(refused));
                return Ended::Failed;
            }
            Err(refused) => refusal = Some(refused),
        }
    }
    match Mmsg::new(socket, &shared.wake, config.trains, &config.tuning) {
        Ok(driver) => {
            let _ = started.send(Ok((Driver::Mmsg(refusal), core)));
            run(config, seat, ends, driver, make_world)
        }
        Err(error) => {
            let _ = started.send(Err(Refusal::new(Step::Memory, &error)));
            Ended::Failed
        }
    }
}

/// Makes the world and turns until the end. A panic ends here.
fn run<W: World, D: Drive>(
    config: &IoConfig,
    seat: Seat,
    ends: Ends<'_, W::Command, W::Report>,
    driver: D,
    make_world: &impl Fn(Seat) -> W,
) -> Ended {
    // Nothing that a panic may have left half-done is used afterwards: world and driver are
    // dropped. The driver goes first, each on its own, as a second panic while the first unwinds
    // would end the process.
    let Ok(mut world) = catch_unwind(AssertUnwindSafe(|| make_world(seat))) else {
        return Ended::Panicked;
    };
    let mut turns = Loop::new(ends, driver, config);
    let result = catch_unwind(AssertUnwindSafe(|| turns.run(&mut world)));
    drop(turns);
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(world)));
    match (result, dropped) {
        (Ok(Ok(())), Ok(())) => Ended::Stopped,
        (Ok(Err(_)), Ok(())) => Ended::Failed,
        _ => Ended::Panicked,
    }
}

/// Port of a shard; `None` if there is none that high.
fn port_of(config: &IoConfig, shard: usize) -> Option<u16> {
    match config.port {
        0 => Some(0),
        first => u16::try_from(shard).ok().and_then(|shard| first.checked_add(shard)),
    }
}

/// Addresses at which a socket bound to `bind` is reached.
fn reachable(bind: Option<IpAddr>, family: Family) -> Vec<IpAddr> {
    match bind.filter(|ip| !ip.is_unspecified()) {
        Some(ip) => vec![ip],
        None => local_addresses().into_iter().filter(|ip| family.takes(*ip)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_follow_each_other() {
        for (first, shard, expected) in [
            (40_000, 3, Some(40_003)),
            (0, 3, Some(0)), // each gets its own from the system
            (65_535, 0, Some(65_535)),
            (65_535, 1, None),
            (1, 70_000, None),
        ] {
            let config = IoConfig { port: first, ..IoConfig::default() };
            assert_eq!(port_of(&config, shard), expected, "{first} + {shard}");
        }
    }
}
