//! How other threads wake a shard that waits: an eventfd, written once per sleep.
//!
//! Control wakes it always (`wake`): its commands are few. Other shards wake it only if it sleeps
//! (`wake_sleeper`): it looks at their rings before it does. Who may write and who must not sleep
//! is decided by `Flags`, which is checked in every order of steps (loom, below).

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

/// Written once for both, so that the orderings that loom tries are those that run.
macro_rules! flag {
    ($atomic:ty, $fence:path) => {
        impl Flag for $atomic {
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
                $fence(SeqCst);
            }
        }
    };
}

flag!(AtomicBool, fence);

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

    /// On the shard, which is about to sleep: whether it may, as nothing is there. It lies down
    /// first, and looks then.
    fn lie_down(&self, has_news: impl FnOnce() -> bool) -> bool {
        self.asleep.store(true);
        F::fence();
        !has_news()
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

    /// On the shard, before it sleeps: whether it may, by a last look at its rings.
    pub fn lie_down(&self, has_news: impl FnOnce() -> bool) -> bool {
        self.flags.lie_down(has_news)
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

    /// Flags that loom watches: every order of steps that the memory model allows is tried.
    mod model {
        use loom::sync::Arc;
        use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
        use loom::sync::atomic::{AtomicBool, AtomicUsize, fence};

        use super::super::{Flag, Flags};

        flag!(AtomicBool, fence);

        /// A shard, its eventfd, and a ring of one slot: `tail` is how many were pushed into it.
        struct Modelled {
            flags: Flags<AtomicBool>,
            written: AtomicUsize,
            slot: loom::cell::UnsafeCell<usize>,
            tail: AtomicUsize,
        }

        impl Modelled {
            fn new() -> Arc<Self> {
                Arc::new(Self {
                    flags: Flags::new(),
                    written: AtomicUsize::new(0),
                    slot: loom::cell::UnsafeCell::new(0),
                    tail: AtomicUsize::new(0),
                })
            }

            fn push(&self, value: usize) {
                // SAFETY: loom checks that nobody reads it meanwhile.
                self.slot.with_mut(|slot| unsafe { *slot = value });
                self.tail.store(1, Release);
            }

            /// What was pushed, if it is there.
            fn look(&self) -> Option<usize> {
                let is_there = self.tail.load(Acquire) == 1;
                // SAFETY: as above.
                is_there.then(|| self.slot.with(|slot| unsafe { *slot }))
            }

            fn wake(&self) {
                if self.flags.raise() {
                    self.written.fetch_add(1, SeqCst);
                }
            }
        }

        /// A shard that lies down, and another that pushes and wakes it only if it sleeps: either
        /// the shard sees the push before it sleeps, or its eventfd is written.
        #[test]
        fn no_push_is_slept_over() {
            loom::model(|| {
                let shard = Modelled::new();
                let sender = shard.clone();
                let sending = loom::thread::spawn(move || {
                    sender.push(7);
                    if sender.flags.is_asleep() {
                        sender.wake();
                    }
                });
                let mut seen = None;
                let may_sleep = shard.flags.lie_down(|| {
                    seen = shard.look();
                    seen.is_some()
                });
                assert_eq!(may_sleep, seen.is_none());
                if may_sleep {
                    // It sleeps. Nothing else ends that: what the sender did must.
                    sending.join().unwrap();
                    assert_eq!(shard.written.load(SeqCst), 1, "slept over");
                    shard.flags.get_up();
                    shard.flags.clear();
                    assert_eq!(shard.look(), Some(7));
                } else {
                    assert_eq!(seen, Some(7), "what is seen is whole");
                    sending.join().unwrap();
                }
            });
        }

        /// Two shards that push into rings of their own: each push is seen or the shard is woken,
        /// and it is woken by one write at most.
        #[test]
        fn two_senders_write_once() {
            loom::model(|| {
                let (shard, other) = (Modelled::new(), Arc::new(AtomicUsize::new(0)));
                let threads = [0, 1].map(|which| {
                    let (sender, other) = (shard.clone(), other.clone());
                    loom::thread::spawn(move || {
                        if which == 0 {
                            sender.push(7)
                        } else {
                            other.store(1, Release)
                        }
                        if sender.flags.is_asleep() {
                            sender.wake();
                        }
                    })
                });
                let mut seen = (false, false);
                shard.flags.lie_down(|| {
                    seen = (shard.look().is_some(), other.load(Acquire) == 1);
                    seen.0 || seen.1
                });
                threads.into_iter().for_each(|thread| thread.join().unwrap());
                let written = shard.written.load(SeqCst);
                assert!(written <= 1);
                assert!(written == 1 || seen == (true, true), "{seen:?} slept over");
            });
        }

        /// A table goes to a shard by its queue, and the waker writes unless a wake-up is under way
        /// already. The shard reads the eventfd, clears, and looks, in this order: it sees the
        /// table, or its eventfd is still to be read when it goes to sleep.
        #[test]
        fn no_table_is_slept_over() {
            loom::model(|| {
                let shard = Modelled::new();
                shard.wake(); // an earlier wake-up that the shard has not seen yet
                let control = shard.clone();
                let publishing = loom::thread::spawn(move || {
                    control.push(7); // the table
                    control.wake();
                });
                shard.written.swap(0, SeqCst);
                shard.flags.clear();
                let seen = shard.look();
                publishing.join().unwrap();
                let written = shard.written.load(SeqCst);
                assert!(written > 0 || seen == Some(7), "slept over");
                // And the next one writes, or finds it written.
                shard.wake();
                assert!(shard.written.load(SeqCst) > 0, "nobody would write any more");
            });
        }
    }
}
