//! The loop of a shard: reap completions, ingress, commands, timers, egress, one submit-and-wait.

use std::io;
use std::time::{Duration, Instant};

use super::config::{IoConfig, Notify};
use super::counters::{Counter, Counters};
use super::drive::Drive;
use super::link::Shared;
use super::world::World;

/// How old published counters may get while there is work.
const PUBLISH_EVERY: Duration = Duration::from_millis(100);
/// When to look again for room for reports: whoever reads them does not wake us.
const REPORTS_RETRY: Duration = Duration::from_millis(5);
/// Commands of one turn; the rest follow in the next one.
const COMMANDS_PER_TURN: usize = 64;

/// A shard's ends of its queues.
pub(super) struct Ends<'a, C, R> {
    pub shard: usize,
    pub shared: &'a Shared,
    pub commands: rtrb::Consumer<C>,
    pub reports: rtrb::Producer<R>,
    pub notify: &'a Notify,
}

/// One loop, driving `world` by `driver`.
pub(super) struct Loop<'a, W: World, D> {
    ends: Ends<'a, W::Command, W::Report>,
    driver: D,
    counters: Counters,
    /// Where the world writes its counters.
    world_counters: Box<[u64]>,
    datagrams_per_turn: usize,
    /// When to publish counters; `None` if nothing changed since.
    publish_at: Option<Instant>,
}

/// What a turn leaves for the next one.
struct Left {
    commands: bool,
    reports: bool,
}

impl<'a, W: World, D: Drive> Loop<'a, W, D> {
    pub fn new(ends: Ends<'a, W::Command, W::Report>, driver: D, config: &IoConfig) -> Self {
        Self {
            ends,
            driver,
            counters: Counters::new(),
            world_counters: vec![0; W::COUNTERS].into(),
            datagrams_per_turn: config.tuning.datagrams_per_turn.max(1),
            publish_at: None,
        }
    }

    /// Turns until it is told to stop.
    pub fn run(&mut self, world: &mut W) -> io::Result<()> {
        loop {
            let now = Instant::now();
            if self.ends.shared.wake.clear() {
                self.counters.add(Counter::Wakes, 1);
            }
            let should_stop = self.ends.shared.should_stop();
            let left = self.turn(world, now);
            if should_stop {
                self.driver.wait(Some(Duration::ZERO))?; // submits what the last turn sent
                self.publish(world);
                return Ok(());
            }
            let timeout = self.timeout(world, now, &left);
            self.driver.wait(timeout)?;
        }
    }

    fn turn(&mut self, world: &mut W, now: Instant) -> Left {
        let Self { driver, counters, .. } = self;
        let before = counters.work();
        counters.add(Counter::Turns, 1);
        driver.reap(counters);
        driver.ingress(self.datagrams_per_turn, counters, &mut |path, datagram| {
            world.handle_datagram(now, path, datagram);
        });
        let commands = commands(&mut self.ends.commands, counters, |command| {
            world.handle_command(now, command)
        });
        if world.poll_timeout().is_some_and(|at| at <= now) {
            world.handle_timeout(now);
            self.publish_at.get_or_insert(now + PUBLISH_EVERY);
        }
        world.egress(now, driver.outbox());
        driver.transmit(counters);
        let reports = self.reports(world);
        if self.counters.work() != before {
            self.publish_at.get_or_insert(now + PUBLISH_EVERY);
        }
        if self.publish_at.is_some_and(|at| at <= now) {
            self.publish_at = None;
            self.publish(world);
        }
        Left { commands, reports }
    }

    /// Takes reports as long as there is room. Whether some may be left.
    fn reports(&mut self, world: &mut W) -> bool {
        let mut is_new = false;
        let is_left = loop {
            if self.ends.reports.is_full() {
                break true;
            }
            let Some(report) = world.poll_report() else { break false };
            let _ = self.ends.reports.push(report); // there is room: looked above
            is_new = true;
        };
        if is_new {
            (self.ends.notify.0)(self.ends.shard);
        }
        is_left
    }

    /// How long there is nothing to do. `None`: until something happens.
    fn timeout(&self, world: &W, now: Instant, left: &Left) -> Option<Duration> {
        if left.commands {
            return Some(Duration::ZERO);
        }
        let at =
            [world.poll_timeout(), self.publish_at, left.reports.then_some(now + REPORTS_RETRY)];
        at.into_iter().flatten().min().map(|at| at.saturating_duration_since(now))
    }

    fn publish(&mut self, world: &W) {
        self.counters.set(Counter::KernelDrops, self.driver.kernel_drops());
        world.counters(&mut self.world_counters);
        self.ends.shared.published.store(&self.counters, &self.world_counters);
    }
}

/// Hands over commands, a bounded number. Whether there may be more.
fn commands<C>(
    queue: &mut rtrb::Consumer<C>,
    counters: &mut Counters,
    mut handle: impl FnMut(C),
) -> bool {
    for _ in 0..COMMANDS_PER_TURN {
        let Ok(command) = queue.pop() else { return false };
        counters.add(Counter::Commands, 1);
        handle(command);
    }
    true
}
