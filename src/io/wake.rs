//! How other threads wake a shard that waits: an eventfd, written once per sleep.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel};
use std::time::Duration;

use super::system::check;

/// Wakes one shard.
#[derive(Debug)]
pub(super) struct Wake {
    event: OwnedFd,
    /// Whether a wake-up is under way that the shard has not seen yet.
    pending: AtomicBool,
}

impl Wake {
    pub fn new() -> io::Result<Self> {
        // Blocking: io_uring would answer EAGAIN at once to a read of a non-blocking one.
        // SAFETY: takes no pointers.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) } as isize)?;
        // SAFETY: the descriptor was just made, and nobody else has it.
        let event = unsafe { OwnedFd::from_raw_fd(fd as i32) };
        Ok(Self { event, pending: AtomicBool::new(false) })
    }

    /// Makes the shard turn once more. What was stored before this call is seen in that turn.
    pub fn wake(&self) {
        if !self.pending.swap(true, AcqRel) {
            let one = 1_u64;
            // SAFETY: `one` is live and has the 8 bytes that an eventfd takes. It fails only at
            // 2^64 - 1.
            unsafe { libc::write(self.event.as_raw_fd(), (&raw const one).cast(), 8) };
        }
    }

    /// On the shard, before it looks at its queues: later wake-ups will end its next wait. Both
    /// sides swap, so that either the waker sees `false` and writes, or the shard sees what the
    /// waker stored before.
    pub fn clear(&self) -> bool {
        self.pending.swap(false, AcqRel)
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
