//! How other threads wake a shard that waits: an eventfd, written once per sleep.
//!
//! Control wakes it always (`wake`): its commands are few. Other shards wake it only if it sleeps
//! (`wake_sleeper`): it looks at their rings before it does. Who may write and who must not sleep is
//! decided by `Flags`, which is checked in every order of steps (loom, below).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Relaxed, Ordering::SeqCst, fence};
use std::time::Duration;

use super::system::check;

/// Wakes one shard.
#[derive(Debug)]
pub(super) struct Wake {
    event: OwnedFd,
    flags: Flags<AtomicBool>,
}

/// An atomic flag: the standard library's, or one that is watched.
trait Flag {
    fn new() -> Self;
    fn swap(&self, value: bool) -> bool;
    fn store(&self, value: bool);
    fn load(&self) -> bool;
    /// Orders what this thread stored before against what it loads after.
    fn fence();
}

impl Flag for AtomicBool {
    fn new() -> Self {
        Self::new(false)
    }

    fn swap(&self, value: bool) -> bool {
        self.swap(value, AcqRel)
    }

    fn store(&self, value: bool) {
        self.store(value, Relaxed);
    }

    fn load(&self) -> bool {
        self.load(Relaxed)
    }

    fn fence() {
        fence(SeqCst);
    }
}

/// What a shard and those who wake it know of each other.
#[derive(Debug)]
struct Flags<F> {
    /// Whether a wake-up is under way that the shard has not seen yet.
    pending: F,
    /// Whether the shard sleeps, or is about to and has yet to look at its rings.
    asleep: F,
}

impl<F: Flag> Flags<F> {
    fn new() -> Self {
        Self { pending: F::new(), asleep: F::new() }
    }

    /// Whether the caller is the one to write to the eventfd.
    fn raise(&self) -> bool {
        !self.pending.swap(true)
    }

    /// Both sides swap, so that either the waker sees `false` and writes, or the shard sees what
    /// the waker stored before.
    fn clear(&self) -> bool {
        self.pending.swap(false)
    }

    /// After a push into a ring. Both sides have a fence between their store and their load, so
    /// that either this sees that the shard sleeps, or the shard sees the push.
    fn is_asleep(&self) -> bool {
        F::fence();
        self.asleep.load()
    }

    fn lie_down(&self) {
        self.asleep.store(true);
        F::fence();
    }

    fn get_up(&self) {
        self.asleep.store(false);
    }
}

impl Wake {
    pub fn new() -> io::Result<Self> {
        // Blocking: io_uring would answer EAGAIN at once to a read of a non-blocking one.
        // SAFETY: takes no pointers.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) } as isize)?;
        // SAFETY: the descriptor was just made, and nobody else has it.
        let event = unsafe { OwnedFd::from_raw_fd(fd as i32) };
        Ok(Self { event, flags: Flags::new() })
    }

    /// Makes the shard turn once more. What was stored before this call is seen in that turn.
    pub fn wake(&self) {
        if self.flags.raise() {
            let one = 1_u64;
            // SAFETY: `one` is live and has the 8 bytes that an eventfd takes. It fails only at
            // 2^64 - 1.
            unsafe { libc::write(self.event.as_raw_fd(), (&raw const one).cast(), 8) };
        }
    }

    /// The same if the shard sleeps. Whether it did.
    pub fn wake_sleeper(&self) -> bool {
        let is_asleep = self.flags.is_asleep();
        if is_asleep {
            self.wake();
        }
        is_asleep
    }

    /// On the shard, before it looks at its queues: later wake-ups will end its next wait.
    pub fn clear(&self) -> bool {
        self.flags.clear()
    }

    /// On the shard, before it looks at its rings for the last time and sleeps.
    pub fn lie_down(&self) {
        self.flags.lie_down();
    }

    /// On the shard, after it.
    pub fn get_up(&self) {
        self.flags.get_up();
    }

    /// Sleeps for `time`, or until somebody wakes the shard: whether that was it.
    pub fn sleep(&self, time: Duration) -> bool {
        let mut polled =
            libc::pollfd { fd: self.event.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let time =
            libc::timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos().into() };
        // SAFETY: one entry and the timeout, both live through the call. If it fails (EINTR), the
        // sleep was short, which is no harm.
        unsafe { libc::ppoll(&raw mut polled, 1, &raw const time, ptr::null()) };
        polled.revents & libc::POLLIN != 0
    }

    /// Empties the eventfd, which must be readable.
    pub fn drain(&self) {
        let mut count = 0_u64;
        // SAFETY: `count` is live and has the 8 bytes that an eventfd gives.
        unsafe { libc::read(self.event.as_raw_fd(), (&raw mut count).cast(), 8) };
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_up_ends_a_sleep_and_the_next_one_too_until_it_is_drained() {
        let wake = Wake::new().unwrap();
        assert!(!wake.sleep(Duration::from_millis(1)));
        wake.wake();
        for _ in 0..2 {
            assert!(wake.sleep(Duration::from_secs(60)));
        }
        wake.drain();
        assert!(wake.clear() && !wake.clear());
        assert!(!wake.sleep(Duration::ZERO));
    }
}
