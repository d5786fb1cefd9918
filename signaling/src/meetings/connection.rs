//! The way to one client: a bounded queue of frames. Who does not read is cut off, not buffered
//! for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// Most frames that wait for a client. A frame for many people is one text, shared.
const QUEUE: usize = 4_096;

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// The sending end, held by a meeting. Dropping it closes the WebSocket once the queue is sent.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Distinguishes this connection from an earlier one of the same participant.
    pub number: u64,
    frames: mpsc::Sender<Utf8Bytes>,
    overflowed: Arc<AtomicBool>,
}

/// The receiving end, for the task that writes to the WebSocket.
#[derive(Debug)]
pub struct Frames {
    waiting: mpsc::Receiver<Utf8Bytes>,
    overflowed: Arc<AtomicBool>,
}

impl Connection {
    /// Both ends.
    pub fn new() -> (Connection, Frames) {
        let ((frames, waiting), overflowed) = (mpsc::channel(QUEUE), Arc::default());
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let end = Frames { waiting, overflowed: Arc::clone(&overflowed) };
        (Connection { number, frames, overflowed }, end)
    }

    /// Queues a frame; `false` when the client is too slow or gone, and must be dropped.
    pub fn send(&self, frame: Utf8Bytes) -> bool {
        let sent = self.frames.try_send(frame);
        if matches!(sent, Err(TrySendError::Full(_))) {
            self.overflowed.store(true, Ordering::Relaxed);
        }
        sent.is_ok()
    }
}

impl Frames {
    /// The next frame; none once the meeting let go of the connection and all are taken, or as soon
    /// as one found no room: what still waits would reach the client with a gap behind it.
    pub async fn next(&mut self) -> Option<Utf8Bytes> {
        if self.overflowed() {
            return None;
        }
        self.waiting.recv().await
    }

    /// The next one, if it is there already.
    pub fn try_next(&mut self) -> Option<Utf8Bytes> {
        self.waiting.try_recv().ok()
    }

    /// Whether a frame found no room.
    pub fn overflowed(&self) -> bool {
        self.overflowed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_wait_and_one_more_is_the_end() {
        let (connection, mut frames) = Connection::new();
        let frame = Utf8Bytes::from_static("x");
        assert!((0..QUEUE).all(|_| connection.send(frame.clone())));
        assert!(!frames.overflowed());
        assert!(!connection.send(frame.clone()));
        assert!(frames.overflowed());
        assert_eq!(frames.next().await, None, "nothing more is sent with a gap behind it");

        let (connection, mut frames) = Connection::new();
        assert!(connection.send(frame.clone()));
        drop(connection);
        assert_eq!(frames.next().await, Some(frame), "what the meeting said last");
        assert_eq!((frames.next().await, frames.overflowed()), (None, false), "let go of");
    }
}
