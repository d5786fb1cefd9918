//! The way to one client: a bounded queue of frames. Who does not read is cut off, not buffered
//! for.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;

/// Most frames that wait for a client. A frame for many people is one text, shared.
const QUEUE: usize = 4_096;

static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// The sending end, held by a meeting. Dropping it closes the WebSocket once the queue is sent.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Distinguishes this connection from an earlier one of the same participant.
    pub number: u64,
    frames: mpsc::Sender<Utf8Bytes>,
}

impl Connection {
    /// A connection and the receiving end for the task that writes to the WebSocket.
    pub fn new() -> (Connection, mpsc::Receiver<Utf8Bytes>) {
        let (frames, receiver) = mpsc::channel(QUEUE);
        (Connection { number: NUMBERS.fetch_add(1, Ordering::Relaxed), frames }, receiver)
    }

    /// Queues a frame; `false` when the client is too slow or gone, and must be dropped.
    pub fn send(&self, frame: Utf8Bytes) -> bool {
        self.frames.try_send(frame).is_ok()
    }
}
