//! The loop of a shard: reap completions, ingress, commands, timers, egress, one submission; then a
//! pause (while it is busy, see `batching`) or a wait.

use std::io;
use std::time::{Duration, Instant};

use super::batching::Batching;
use super::config::{IoConfig, Notify};
use super::counters::{Counter, Counters};
use super::drive::Drive;
use super::link::{Order, Shared};
use super::mesh::Rings;
use super::system::thread_cpu_time;
use super::world::World;
use crate::shard::outbox::Outbox;

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
    pub commands: rtrb::Consumer<Order<C>>,
    pub reports: rtrb::Producer<R>,
    pub rings: Rings,
    pub notify: &'a Notify,
}

/// One loop, driving `world` by `driver`.
pub(super) struct Loop<'a, W: World, D> {
    ends: Ends<'a, W::Command, W::Report>,
    driver: D,
    counters: Counters,
    batching: Batching,
    /// Where the world writes its counters.
    world_counters: Box<[u64]>,
    datagrams_per_turn: usize,
    /// When to publish counters; `None` if nothing changed since.
    publish_at: Option<Instant>,
    /// How much work was done by the end of the last turn.
    worked: u64,
}

/// What a turn leaves for what follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Next {
    /// Something is left to do: the next turn.
    Turn,
    /// Gather first, then the next turn.
    Pause(Duration),
    /// Wait, at most so long.
    Wait(Option<Duration>),
}

impl<'a, W: World, D: Drive> Loop<'a, W, D> {
    pub fn new(ends: Ends<'a, W::Command, W::Report>, driver: D, config: &IoConfig) -> Self {
        Self {
            ends,
            counters: Counters::new(),
            batching: Batching::new(config.egress_hold, config.voice_hold, driver.now()),
            world_counters: vec![0; W::COUNTERS].into(),
            datagrams_per_turn: config.tuning.datagrams_per_turn.max(1),
            publish_at: Some(driver.now()),
            worked: 0,
            driver,
        }
    }

    /// Turns until it is told to stop.
    pub fn run(&mut self, world: &mut W) -> io::Result<()> {
        let mut next = Next::Wait(Some(Duration::ZERO));
        loop {
            // Receiving is work, too: what is there already is taken within the turn's time.
            if let Next::Pause(pause) = next {
                self.counters.add(Counter::Holds, 1);
                self.driver.pause(pause);
            }
            if let Next::Wait(timeout) = next {
                self.wait(timeout)?;
            }
            let now = self.driver.now();
            if !matches!(next, Next::Wait(_)) {
                self.driver.wait(Some(Duration::ZERO), &mut self.counters)?;
            }
            let should_stop = self.look_up();
            next = self.turn(world, now);
            if should_stop {
                self.driver.wait(Some(Duration::ZERO), &mut self.counters)?; // submits what is left
                self.publish(world);
                return Ok(());
            }
        }
    }

    /// Takes what the kernel has completed, and only then takes back that a wake-up is under way:
    /// one that the driver reads is over, and whoever comes later has to write anew. Whether to
    /// stop, which is told like everything else: said first, woken then.
    fn look_up(&mut self) -> bool {
        self.driver.reap(&mut self.counters);
        if self.ends.shared.wake.clear() {
            self.counters.add(Counter::Wakes, 1);
        }
        self.ends.shared.should_stop()
    }

    /// Waits, unless another shard has sent something since the last turn: it wakes only those who
    /// lie down.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let Ends { rings, shared, .. } = &self.ends;
        if rings.is_empty() {
            return self.driver.wait(timeout, &mut self.counters);
        }
        let may_sleep = shared.wake.lie_down(|| rings.has_news());
        let timeout = if may_sleep { timeout } else { Some(Duration::ZERO) };
        let waited = self.driver.wait(timeout, &mut self.counters);
        shared.wake.get_up();
        waited
    }

    fn turn(&mut self, world: &mut W, now: Instant) -> Next {
        let Self { driver, counters, .. } = self;
        driver.ingress(self.datagrams_per_turn, counters, &mut |path, datagram| {
            world.handle_datagram(now, path, datagram);
        });
        let rings = &mut self.ends.rings;
        let is_alone = rings.is_empty();
        if !is_alone {
            rings.begin(now);
            world.take_over(now, rings);
            rings.count(counters);
        }
        let has_commands = commands(&mut self.ends.commands, counters, |order| match order {
            Order::Command(command) => world.handle_command(now, command),
            Order::Way(way) => {
                let other = rings.adopt(*way);
                world.other_renewed(now, other);
            }
        });
        if world.poll_timeout().is_some_and(|at| at <= now) {
            world.handle_timeout(now);
            self.publish_at.get_or_insert(now + PUBLISH_EVERY);
        }
        let mut handed_over = false;
        if !is_alone {
            world.hand_over(now, rings);
            handed_over = rings.wake();
        }
        let completed = driver.outbox().completed_below();
        world.hold_voices(self.batching.voices());
        world.egress(now, driver.outbox());
        driver.transmit(counters);
        let ended = driver.now();
        world.transmitted(ended);
        let has_reports = self.reports(world);
        let work = self.batching.turned(now, ended);
        self.counters.turned(work);
        let worked = self.counters.work();
        let has_worked = std::mem::replace(&mut self.worked, worked) != worked;
        if has_worked {
            self.publish_at.get_or_insert(now + PUBLISH_EVERY);
        }
        if self.publish_at.is_some_and(|at| at <= ended) {
            self.publish_at = None;
            self.publish(world);
        }
        let outbox = self.driver.outbox();
        let awaits = world.awaits_completion();
        let has_completed = awaits && outbox.completed_below() > completed;
        if has_commands || has_completed || outbox.is_wanted() {
            return Next::Turn;
        }
        let may_gather = has_worked && !awaits && !outbox.is_starved();
        let timeout = self.timeout(world, ended, has_reports);
        match (timeout, self.batching.pause(handed_over).filter(|_| may_gather)) {
            (Some(Duration::ZERO), _) => Next::Turn,
            (timeout, Some(pause)) => Next::Pause(timeout.unwrap_or(pause).min(pause)),
            (timeout, None) => {
                // Pauses are not cut short for voices: the turn behind one comes soon enough.
                let voices = world.poll_voices(ended);
                let voices = voices.map(|at| at.saturating_duration_since(ended));
                Next::Wait([timeout, voices].into_iter().flatten().min())
            }
        }
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
    fn timeout(&self, world: &W, now: Instant, has_reports: bool) -> Option<Duration> {
        let retry = has_reports.then_some(now + REPORTS_RETRY);
        let at = [world.poll_timeout(), self.publish_at, retry];
        at.into_iter().flatten().min().map(|at| at.saturating_duration_since(now))
    }

    fn publish(&mut self, world: &W) {
        let (filled, lent) = self.driver.receive_buffers();
        for (counter, value) in [
            (Counter::KernelDrops, self.driver.kernel_drops()),
            (Counter::CpuNs, thread_cpu_time().as_nanos() as u64),
            (Counter::BusyPermille, self.batching.busy_permille()),
            (Counter::SendInFlight, self.driver.outbox().in_flight() as u64),
            (Counter::ReceiveFilled, filled as u64),
            (Counter::ReceiveLent, lent as u64),
        ] {
            self.counters.set(counter, value);
        }
        world.counters(&mut self.world_counters);
        self.ends.shared.published.store(&self.counters, &self.world_counters);
        self.ends.shared.published.store_mesh(self.ends.rings.cells());
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::sync::Arc;

    use super::super::address::Family;
    use super::super::counters::Published;
    use super::super::outgoing::{InFlight, Outgoing};
    use super::super::wake::Wake;
    use super::*;
    use crate::wire::path::Path;

    const HOLD: Duration = Duration::from_micros(1_000);

    fn micros(micros: u64) -> Duration {
        Duration::from_micros(micros)
    }

    /// A driver without a system: time passes as the script says.
    struct Script {
        outgoing: Outgoing,
        now: Rc<Cell<Instant>>,
        /// What a turn costs, and whether a datagram comes with each.
        work: Duration,
        datagrams: bool,
        /// Whether sends complete at once, and those that did not.
        at_once: bool,
        begun: Vec<InFlight>,
        /// What others do while completions are taken.
        meanwhile: Option<Box<dyn FnMut()>>,
    }

    impl Drive for Script {
        fn reap(&mut self, _: &mut Counters) {
            self.meanwhile.iter_mut().for_each(|meanwhile| meanwhile());
        }

        fn ingress(
            &mut self,
            _: usize,
            counters: &mut Counters,
            _: &mut impl FnMut(Path, &mut [u8]),
        ) {
            counters.add(Counter::BuffersIn, usize::from(self.datagrams));
        }

        fn outbox(&mut self) -> &mut Outgoing {
            &mut self.outgoing
        }

        fn transmit(&mut self, counters: &mut Counters) {
            while let Some((train, _)) = self.outgoing.peek(counters) {
                self.outgoing.begin();
                self.begun.push(train);
            }
            if self.at_once {
                for train in self.begun.drain(..) {
                    self.outgoing.complete(train, Ok(()), counters).unwrap();
                }
            }
            self.now.set(self.now.get() + self.work);
        }

        fn pause(&mut self, _: Duration) {
            unreachable!("tests take turns themselves")
        }

        fn wait(&mut self, _: Option<Duration>, _: &mut Counters) -> io::Result<()> {
            unreachable!("tests take turns themselves")
        }

        fn now(&self) -> Instant {
            self.now.get()
        }

        fn receive_buffers(&self) -> (usize, usize) {
            (0, 0)
        }

        fn kernel_drops(&self) -> u64 {
            0
        }
    }

    /// A world that sends so many datagrams, and says what it is told to.
    #[derive(Default)]
    struct Sender {
        sends: usize,
        awaits: bool,
        timeout: Option<Instant>,
        transmitted: Option<Instant>,
    }

    impl World for Sender {
        type Command = ();
        type Report = ();

        fn handle_datagram(&mut self, _: Instant, _: Path, _: &mut [u8]) {}

        fn handle_command(&mut self, _: Instant, (): ()) {}

        fn handle_timeout(&mut self, _: Instant) {}

        fn poll_timeout(&self) -> Option<Instant> {
            self.timeout
        }

        fn egress(&mut self, _: Instant, outbox: &mut impl Outbox) {
            let (local, remote) = ("127.0.0.1".parse().unwrap(), "127.0.0.1:9".parse().unwrap());
            while self.sends > 0 && outbox.claim().is_some() {
                outbox.send(1, 1, Path { local, remote });
                self.sends -= 1;
            }
        }

        fn transmitted(&mut self, now: Instant) {
            self.transmitted = Some(now);
        }

        fn awaits_completion(&self) -> bool {
            self.awaits
        }

        fn poll_report(&mut self) -> Option<()> {
            None
        }
    }

    fn shared() -> Arc<Shared> {
        Arc::new(Shared::new(Wake::new().unwrap(), Published::new(0, 0, 1)))
    }

    fn script(now: &Rc<Cell<Instant>>, work: Duration) -> Script {
        Script {
            outgoing: Outgoing::new(2, Family::Dual, true).unwrap(),
            now: now.clone(),
            work,
            datagrams: true,
            at_once: true,
            begun: Vec::new(),
            meanwhile: None,
        }
    }

    /// Hands a loop without others over to `run`.
    fn with_loop<T>(
        shared: &Arc<Shared>,
        driver: Script,
        run: impl FnOnce(Loop<'_, Sender, Script>) -> T,
    ) -> T {
        let (_, commands) = rtrb::RingBuffer::new(1);
        let (reports, _) = rtrb::RingBuffer::new(1);
        let notify = Notify::default();
        let rings = Rings::of(1, Instant::now());
        let ends = Ends { shard: 0, shared, commands, reports, rings, notify: &notify };
        let config = IoConfig { egress_hold: HOLD, ..IoConfig::default() };
        run(Loop::new(ends, driver, &config))
    }

    /// Takes `turns` of `work` each, `period` apart; hands over what the last one leaves.
    fn last_of(
        turns: usize,
        work: Duration,
        period: Duration,
        set: impl Fn(&mut Script, &mut Sender),
    ) -> Next {
        let now = Rc::new(Cell::new(Instant::now()));
        with_loop(&shared(), script(&now, work), |mut turns_of| {
            let mut world = Sender::default();
            let mut next = Next::Turn;
            for turn in 0..turns {
                now.set(now.get() + (period - work));
                world.sends = 1;
                if turn + 1 == turns {
                    turns_of.publish_at = None;
                    set(&mut turns_of.driver, &mut world);
                }
                let begun = now.get();
                next = turns_of.turn(&mut world, begun);
                assert_eq!(world.transmitted, Some(begun + work), "after the kernel took it");
            }
            assert_eq!(turns_of.counters.value(Counter::Turns), turns as u64);
            let busy = turns_of.counters.value(Counter::BusyNs);
            assert_eq!(u128::from(busy), (work * turns as u32).as_nanos());
            next
        })
    }

    /// The ring reads a wake-up while a turn takes completions: the turn sees what it was for, and
    /// whoever comes after it has to write again.
    #[test]
    fn a_wake_up_that_is_read_while_completions_are_taken_does_not_hide_the_next() {
        let (shared, now) = (shared(), Rc::new(Cell::new(Instant::now())));
        let (other, mut driver) = (shared.clone(), script(&now, micros(1)));
        driver.meanwhile = Some(Box::new(move || {
            other.wake.wake();
            other.wake.drain();
        }));
        with_loop(&shared, driver, |mut turns_of| assert!(!turns_of.look_up()));
        shared.wake.wake();
        assert!(shared.wake.sleep(Duration::ZERO), "slept over");
    }

    #[test]
    fn an_idle_shard_waits_and_a_busy_one_gathers() {
        let nothing = |_: &mut Script, _: &mut Sender| {};
        for (what, work, period, expected) in [
            (
                "idle: whatever comes ends it",
                10,
                1_000,
                Next::Wait(Some(PUBLISH_EVERY - micros(10))),
            ),
            ("busy: gathers first", 450, 500, Next::Pause(micros(550))),
            (
                "the turn gathered enough",
                2_000,
                2_000,
                Next::Wait(Some(PUBLISH_EVERY - micros(2_000))),
            ),
        ] {
            let turns = 1_000_000 / period as usize;
            assert_eq!(last_of(turns, micros(work), micros(period), nothing), expected, "{what}");
        }
    }

    #[test]
    fn what_is_left_to_do_is_not_slept_over() {
        type Set = fn(&mut Script, &mut Sender);
        let cases: [(&str, Set, Next); 8] = [
            ("nothing", |_, _| {}, Next::Pause(micros(550))),
            ("egress was cut", |script, world| world.timeout = Some(script.now.get()), Next::Turn),
            (
                "a timer comes earlier",
                |script, world| world.timeout = Some(script.now.get() + micros(450 + 99)),
                Next::Pause(micros(99)),
            ),
            ("slots ran out and are free", |_, world| world.sends = 9, Next::Turn),
            (
                "slots ran out and are in flight: a completion ends the wait",
                |script, world| (script.at_once, world.sends) = (false, 9),
                Next::Wait(Some(PUBLISH_EVERY - micros(450))),
            ),
            ("completed, and awaited", |_, world| world.awaits = true, Next::Turn),
            (
                "in flight, and awaited",
                |script, world| (script.at_once, world.awaits) = (false, true),
                Next::Wait(Some(PUBLISH_EVERY - micros(450))),
            ),
            (
                "nothing was done: nothing gathers",
                |script, world| (script.datagrams, world.sends) = (false, 0),
                Next::Wait(None),
            ),
        ];
        for (what, set, expected) in cases {
            assert_eq!(last_of(2_000, micros(450), micros(500), set), expected, "{what}");
        }
    }
}
