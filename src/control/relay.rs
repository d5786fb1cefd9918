//! The control thread: one thread that owns the [`Coordinator`], sleeps until somebody rings, and
//! turns.
//!
//! A turn: what shards report, then requests, then events out. Everything that may have news for it
//! (requests, shards' reports, room for events) rings the [`Bell`]; only what can not ring, a full
//! queue of a shard or of events, is looked at again after `AGAIN`. Shards that ended are started
//! again when it is time ([`Coordinator::revive`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::api::RelayEvent;
use super::coordinator::Coordinator;
use super::handle::RelayHandle;
use super::port::ShardPort;
use super::request::Request;

/// Requests that wait to be taken; more, and who asks waits.
const REQUESTS: usize = 1_024;
/// Events that wait to be taken; more, and states are coalesced.
const EVENTS: usize = 4_096;
/// Requests of one turn, so that reports are not kept waiting.
const REQUESTS_PER_TURN: usize = 256;
/// When a full queue is looked at again.
const AGAIN: Duration = Duration::from_millis(2);

/// Wakes the control thread. Ringing neither blocks nor allocates.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<Rope>);

#[derive(Debug, Default)]
struct Rope {
    rung: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Bell {
    /// There is news for control.
    pub fn ring(&self) {
        self.0.wake_by_ref();
    }

    /// Sleeps until it was rung since the last [`Bell::silence`], or `at_most` has passed.
    fn wait(&self, at_most: Option<Duration>) {
        if let Some(at_most) = at_most {
            if !self.0.rung.load(Ordering::Acquire) {
                thread::park_timeout(at_most);
            }
            return;
        }
        while !self.0.rung.load(Ordering::Acquire) {
            thread::park();
        }
    }

    /// What was rung so far is about to be looked at.
    fn silence(&self) {
        self.0.rung.swap(false, Ordering::AcqRel);
    }
}

impl Wake for Rope {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }
}

/// The relay's control thread.
#[derive(Debug)]
pub struct Relay<P> {
    coordinator: Coordinator<P>,
    requests: mpsc::Receiver<Request>,
    events: mpsc::Sender<RelayEvent>,
    bell: Bell,
}

impl<P: ShardPort + Send + 'static> Relay<P> {
    /// Puts `coordinator` on a thread of its own. Ports ring `bell` when they have reports, when
    /// there is room again after a full queue (else it is noticed a little later), and when they
    /// ended.
    ///
    /// The thread ends, and with it the ports are dropped, when the last handle is dropped.
    ///
    /// # Errors
    /// What the system says if there can be no thread.
    pub fn spawn(
        coordinator: Coordinator<P>,
        bell: Bell,
    ) -> std::io::Result<(RelayHandle, mpsc::Receiver<RelayEvent>)> {
        let (asked, requests) = mpsc::channel(REQUESTS);
        let (events, told) = mpsc::channel(EVENTS);
        let relay = Relay { coordinator, requests, events, bell };
        thread::Builder::new().name("control".into()).spawn(move || relay.run())?;
        Ok((RelayHandle::new(asked), told))
    }

    fn run(mut self) {
        // Rung before: the flag stands, and the first wait returns at once.
        let _ = self.bell.0.thread.set(thread::current());
        let waker = Waker::from(Arc::clone(&self.bell.0));
        while let Some(wait) = self.turn(&mut Context::from_waker(&waker)) {
            self.bell.wait(wait.at_most());
        }
    }

    /// One turn; `None`: nobody can ask any more.
    fn turn(&mut self, context: &mut Context<'_>) -> Option<Wait> {
        self.bell.silence();
        self.coordinator.tell_time(Instant::now());
        self.coordinator.collect();
        let revival = self.coordinator.revive();
        let mut more = Wait::ForNews;
        for taken in 0.. {
            if self.coordinator.is_crowded() {
                more = Wait::Little;
                break;
            }
            if taken == REQUESTS_PER_TURN {
                more = Wait::Not;
                break;
            }
            match self.requests.poll_recv(context) {
                Poll::Ready(Some(request)) => self.coordinator.handle(request),
                Poll::Ready(None) => return None,
                Poll::Pending => break,
            }
        }
        let told_all = self.tell();
        if more == Wait::ForNews && (!told_all || self.coordinator.has_backlog()) {
            more = Wait::Little;
        }
        // A table that still names the shard may hold it up though it is time: look again soon.
        let left = revival.map(|at| at.saturating_duration_since(Instant::now()).max(AGAIN));
        Some(left.filter(|_| more == Wait::ForNews).map_or(more, Wait::Until))
    }

    /// Passes events on, as far as there is room. Whether none is left.
    fn tell(&mut self) -> bool {
        while self.coordinator.has_events() {
            match self.events.try_reserve() {
                Ok(room) => {
                    if let Some(event) = self.coordinator.poll_event() {
                        room.send(event);
                    }
                }
                Err(TrySendError::Full(())) => return false,
                // Nobody listens: nothing is kept for them.
                Err(TrySendError::Closed(())) => drop(self.coordinator.poll_event()),
            }
        }
        true
    }
}

/// How long to wait before the next turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wait {
    Not,
    Little,
    Until(Duration),
    ForNews,
}

impl Wait {
    fn at_most(self) -> Option<Duration> {
        match self {
            Wait::Not => Some(Duration::ZERO),
            Wait::Little => Some(AGAIN),
            Wait::Until(time) => Some(time),
            Wait::ForNews => None,
        }
    }
}
