//! What a driver does for the loop: io_uring and plain sockets alike.

use std::io;
use std::time::Duration;

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

    /// Gives queued trains to the kernel.
    fn transmit(&mut self, counters: &mut Counters);

    /// Waits for anything to happen: a datagram, a completion, a wake-up; at most for `timeout`.
    /// Does not wait if something is left to do.
    ///
    /// # Errors
    /// What waiting can not recover from: the driver is of no more use.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// Datagrams that the kernel dropped because nobody took them in time.
    fn kernel_drops(&self) -> u64;
}
