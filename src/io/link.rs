//! What other threads hold of a shard: commands in, reports out, counters, and its end.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU8, Ordering::AcqRel, Ordering::Acquire, Ordering::Release,
};
use std::thread::JoinHandle;

use super::counters::Published;
use super::mesh::Way;
use super::refusal::Driver;
use super::wake::Wake;

/// What a shard finds in its queue.
#[derive(Debug)]
pub(super) enum Order<C> {
    /// For its world.
    Command(C),
    /// Another shard was started again: the way to and from it.
    Way(Box<Way>),
}

/// How a shard ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Ended {
    /// It was asked to.
    Stopped = 1,
    /// Its world, or the driver, panicked. The process lives on; [`super::restart`] makes a new
    /// one.
    Panicked,
    /// The system refused what a running shard can not do without.
    Failed,
}

/// Why a command was not taken. It comes back to whom it belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused<C> {
    /// The queue is full: try again.
    Full(C),
    /// The shard has ended.
    Ended(C),
}

/// What both sides share.
#[derive(Debug)]
pub(super) struct Shared {
    pub wake: Wake,
    pub published: Published,
    stop: AtomicBool,
    ended: AtomicU8,
}

impl Shared {
    pub fn new(wake: Wake, published: Published) -> Self {
        Self { wake, published, stop: AtomicBool::new(false), ended: AtomicU8::new(0) }
    }

    pub fn should_stop(&self) -> bool {
        self.stop.load(Acquire)
    }

    pub fn stop(&self) {
        if !self.stop.swap(true, AcqRel) {
            self.wake.wake();
        }
    }

    pub fn end(&self, ended: Ended) {
        self.ended.store(ended as u8, Release);
    }

    pub fn ended(&self) -> Option<Ended> {
        [Ended::Stopped, Ended::Panicked, Ended::Failed]
            .into_iter()
            .find(|ended| *ended as u8 == self.ended.load(Acquire))
    }
}

/// The other end of a running shard. Dropping it stops the shard and waits for its end.
#[derive(Debug)]
pub struct ShardLink<C, R> {
    /// Index of the shard, from 0.
    pub shard: usize,
    /// Its UDP port.
    pub port: u16,
    /// Addresses it can be reached by, best first.
    pub local: Vec<IpAddr>,
    /// What it runs on.
    pub driver: Driver,
    /// The core its thread is pinned to.
    pub core: Option<usize>,
    pub(super) shared: Arc<Shared>,
    pub(super) commands: rtrb::Producer<Order<C>>,
    pub(super) reports: rtrb::Consumer<R>,
    pub(super) thread: Option<JoinHandle<()>>,
}

impl<C, R> ShardLink<C, R> {
    /// Hands a command over and wakes the shard.
    ///
    /// # Errors
    /// `Full` or `Ended`, with the command. It is never dropped.
    pub fn send(&mut self, command: C) -> Result<(), Refused<C>> {
        if self.shared.ended().is_some() {
            return Err(Refused::Ended(command));
        }
        match self.commands.push(Order::Command(command)) {
            Ok(()) => {
                self.shared.wake.wake();
                Ok(())
            }
            Err(rtrb::PushError::Full(Order::Command(command))) => Err(Refused::Full(command)),
            Err(rtrb::PushError::Full(Order::Way(_))) => unreachable!("a command was pushed"),
        }
    }

    /// The next report. Reports made before the end can still be read after it.
    pub fn poll_report(&mut self) -> Option<R> {
        self.reports.pop().ok()
    }

    /// The counters, as last published.
    pub fn published(&self) -> &Published {
        &self.shared.published
    }

    /// Whether the shard has ended, and how.
    pub fn ended(&self) -> Option<Ended> {
        self.shared.ended()
    }

    /// Asks the shard to end; it does so after its turn. Does not wait.
    pub fn request_stop(&self) {
        self.shared.stop();
    }

    /// Ends the shard and waits until nothing of it is left: sends in flight are completed, its
    /// memory is free.
    pub fn stop(mut self) -> Ended {
        self.join()
    }

    /// Whether there is room for one more command, or it has ended and none is needed.
    pub(super) fn has_room(&self) -> bool {
        self.ended().is_some() || !self.commands.is_full()
    }

    /// Tells it the way to and from a shard that was started again.
    pub(super) fn show(&mut self, way: Way) {
        // There is room: only this end fills the queue, and `restart` looked.
        let _ = self.commands.push(Order::Way(Box::new(way)));
        self.shared.wake.wake();
    }

    pub(super) fn join(&mut self) -> Ended {
        self.shared.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            return Ended::Panicked;
        }
        self.shared.ended().unwrap_or(Ended::Panicked)
    }
}

impl<C, R> Drop for ShardLink<C, R> {
    fn drop(&mut self) {
        self.join();
    }
}
