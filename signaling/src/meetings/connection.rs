//! The way to one client: a bounded queue of frames. Who does not read is cut off, not buffered
//! for.
//!
//! In a crowd everybody is told of everybody who comes, and to write is what costs. So some frames
//! may wait a moment for others to be written with: see [`Pace`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Most frames that wait for a client. A frame for many people is one text, shared.
const QUEUE: usize = 4_096;
/// Places for frames that an empty queue keeps.
const PLACES: usize = 16;
/// How long a frame of [`Pace::Soon`] waits at most.
const SOON: Duration = Duration::from_millis(100);

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// Whether a frame may wait for others. Their order is kept either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// It is written now, and with it all that wait.
    Now,
    /// It waits for the next one of the other kind, 100 ms at most.
    Soon,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Utf8Bytes>,
    /// What is in it is to be written now.
    now: bool,
    /// Else, when it is.
    due: Option<Instant>,
    overflowed: bool,
    /// The meeting let go of it.
    ended: bool,
    /// Nobody reads it.
    gone: bool,
}

impl Queue {
    fn take(&mut self) -> Option<Utf8Bytes> {
        let frame = self.frames.pop_front();
        if self.frames.is_empty() {
            (self.now, self.due) = (false, None);
            self.frames.shrink_to(PLACES);
        }
        frame
    }
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    stirred: Notify,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in here panics half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sending ends of one queue.
#[derive(Debug)]
struct Way(Arc<Shared>);

impl Drop for Way {
    fn drop(&mut self) {
        self.0.queue().ended = true;
        self.0.stirred.notify_one();
    }
}

/// The sending end, held by a meeting. Dropping it closes the WebSocket once the queue is sent.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Distinguishes this connection from an earlier one of the same participant.
    pub number: u64,
    way: Arc<Way>,
}

/// The receiving end, for the task that writes to the WebSocket.
#[derive(Debug)]
pub struct Frames(Arc<Shared>);

impl Connection {
    /// Both ends.
    pub fn new() -> (Connection, Frames) {
        let shared = Arc::<Shared>::default();
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let way = Arc::new(Way(Arc::clone(&shared)));
        (Connection { number, way }, Frames(shared))
    }

    /// Queues a frame; `false` when the client is too slow or gone, and must be dropped.
    pub fn send(&self, frame: Utf8Bytes, pace: Pace) -> bool {
        let shared = &self.way.0;
        let mut queue = shared.queue();
        if queue.gone || queue.frames.len() == QUEUE {
            queue.overflowed |= !queue.gone;
            shared.stirred.notify_one();
            return false;
        }
        // Who waits for the time of an earlier frame need not be woken for one that waits, too.
        let stirs = match pace {
            Pace::Now => !std::mem::replace(&mut queue.now, true),
            Pace::Soon => queue.frames.is_empty(),
        };
        if pace == Pace::Soon && queue.frames.is_empty() {
            queue.due = Some(Instant::now() + SOON);
        }
        queue.frames.push_back(frame);
        drop(queue);
        if stirs {
            shared.stirred.notify_one();
        }
        true
    }
}

impl Frames {
    /// The next frame; none once the meeting let go of the connection and all are taken, or as soon
    /// as one found no room: what still waits would reach the client with a gap behind it.
    pub async fn next(&mut self) -> Option<Utf8Bytes> {
        loop {
            let due = {
                let mut queue = self.0.queue();
                if queue.overflowed {
                    return None;
                }
                queue.now |= queue.ended || queue.due.is_some_and(|due| due <= Instant::now());
                if queue.now && !queue.frames.is_empty() {
                    return queue.take();
                }
                if queue.ended {
                    return None;
                }
                queue.due
            };
            let stirred = self.0.stirred.notified();
            match due {
                Some(due) => _ = timeout_at(due, stirred).await, // either way it is looked again
                None => stirred.await,
            }
        }
    }

    /// The next one, if it is there already.
    pub fn try_next(&mut self) -> Option<Utf8Bytes> {
        self.0.queue().take()
    }

    /// Whether a frame found no room.
    pub fn overflowed(&self) -> bool {
        self.0.queue().overflowed
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        (queue.gone, queue.frames) = (true, VecDeque::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn so_many_wait_and_one_more_is_the_end() {
        let (connection, mut frames) = Connection::new();
        let frame = Utf8Bytes::from_static("x");
        assert!((0..QUEUE).all(|_| connection.send(frame.clone(), Pace::Now)));
        assert!(!frames.overflowed());
        assert!(!connection.send(frame.clone(), Pace::Now));
        assert!(frames.overflowed());
        assert_eq!(frames.next().await, None, "nothing more is sent with a gap behind it");

        let (connection, mut frames) = Connection::new();
        assert!(connection.send(frame.clone(), Pace::Soon));
        drop(connection);
        assert_eq!(frames.next().now_or_never(), Some(Some(frame.clone())), "what was said last");
        assert_eq!((frames.next().await, frames.overflowed()), (None, false), "let go of");

        let (connection, frames) = Connection::new();
        drop(frames);
        assert!(!connection.send(frame, Pace::Soon), "nobody reads");
    }

    #[tokio::test]
    async fn what_may_wait_comes_with_what_may_not_or_by_itself_and_in_order() {
        let (connection, mut frames) = Connection::new();
        let send = |text, pace| assert!(connection.send(Utf8Bytes::from_static(text), pace));
        let mut take = || frames.next().now_or_never().flatten().map(|text| text.to_string());
        send("a", Pace::Soon);
        send("b", Pace::Soon);
        assert_eq!(take(), None, "they wait");
        send("c", Pace::Now);
        send("d", Pace::Soon);
        for expected in ["a", "b", "c", "d"] {
            assert_eq!(take().as_deref(), Some(expected));
        }
        send("e", Pace::Soon);
        assert_eq!(take(), None, "it waits anew");
        assert_eq!(frames.next().await.as_deref(), Some("e"), "not for ever");
        assert_eq!(frames.next().now_or_never(), None);
    }

    /// A reader that waits already is woken by what is to be written now.
    #[tokio::test]
    async fn who_waits_is_woken() {
        let (connection, mut frames) = Connection::new();
        let (read, first) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let one = frames.next().await;
            _ = read.send(()); // the test looks no more
            (one, frames.next().await)
        });
        tokio::task::yield_now().await;
        connection.send(Utf8Bytes::from_static("a"), Pace::Soon);
        tokio::task::yield_now().await;
        let began = std::time::Instant::now();
        connection.send(Utf8Bytes::from_static("b"), Pace::Now);
        first.await.expect("read");
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    }
}
