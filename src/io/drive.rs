//! What a driver does for the loop: io_uring and plain sockets alike.

use std::io;
use std::time::{Duration, Instant};

use crate::wire::path::Path;

use super::counters::Counters;
use super::outgoing::Outgoing;

/// The steps of a turn that touch the system.
pub(super) trait Drive {
    /// Takes notice of what the kernel has finished.
    fn reap(&mut self, counters: &mut Counters);

    /// Hands over datagrams received, until there are no more or `budget` is spent.
    fn ingress(
        &mut self,
        budget: usize,
        counters: &mut Counters,
        handle: &mut impl FnMut(Path, &mut [u8]),
    );

    /// Where egress writes.
    fn outbox(&mut self) -> &mut Outgoing;

    /// Gives queued trains to the kernel, and takes notice of those it sent at once.
    fn transmit(&mut self, counters: &mut Counters);

    /// Lets datagrams gather for `pause`; a wake-up ends it at once.
    fn pause(&mut self, pause: Duration);

    /// Waits for anything to happen: a datagram, a completion, a wake-up; at most for `timeout`.
    /// Does not wait if something is left to do. Submits whatever is not submitted yet.
    ///
    /// # Errors
    /// What waiting can not recover from: the driver is of no more use.
    fn wait(&mut self, timeout: Option<Duration>, counters: &mut Counters) -> io::Result<()>;

    /// The time. The one clock of a shard.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Receive buffers that are filled, and those that the kernel can choose from.
    fn receive_buffers(&self) -> (usize, usize);

    /// Datagrams that the kernel dropped because nobody took them in time.
    fn kernel_drops(&self) -> u64;
}
