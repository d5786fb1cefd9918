//! How other threads wake a shard that waits: an eventfd, written once per sleep.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering::AcqRel};

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
