//! The thread that writes: everything that has come by now is one commit.
//!
//! While the disk fails, what was not written is kept and tried again, one row a key; who waits is
//! told at once. So nothing is lost silently, and memory is bounded by what meetings hold.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::file::{Batch, Disk};
use super::journal::Progress;
use super::key::{Key, range};
use super::metrics::StoreMetrics;
use super::value::Value;
use crate::rooms::Name;

/// When it is tried again after a failure.
const AGAIN: Duration = Duration::from_secs(1);
/// Most writes that are gathered for one commit.
const GATHERED_MAX: usize = 4_096;

/// Rows of one change.
#[derive(Debug, Default)]
pub(super) struct Write {
    /// A meeting of which every row goes.
    pub forget: Option<Name>,
    pub changes: Vec<(Key, Option<Value>)>,
    pub ticket: u64,
    /// Who is told of the ticket.
    pub told: Option<Arc<watch::Sender<Progress>>>,
}

pub(super) struct Writer {
    disk: Box<dyn Disk>,
    failing: Arc<AtomicBool>,
    metrics: StoreMetrics,
    batch: Batch,
    waiting: Vec<(Arc<watch::Sender<Progress>>, u64)>,
}

impl Writer {
    pub fn new(disk: Box<dyn Disk>, failing: Arc<AtomicBool>, metrics: StoreMetrics) -> Writer {
        Writer { disk, failing, metrics, batch: Batch::default(), waiting: Vec::new() }
    }

    /// Writes until nobody is left who could hand something over.
    pub fn run(mut self, writes: &Receiver<Write>) {
        loop {
            let failing = self.failing.load(Ordering::Relaxed);
            let first = if failing {
                writes.recv_timeout(AGAIN)
            } else {
                writes.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match first {
                Ok(write) => self.take(write),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            for write in writes.try_iter().take(GATHERED_MAX) {
                self.take(write);
            }
            self.commit();
        }
    }

    fn take(&mut self, write: Write) {
        if let Some(meeting) = write.forget {
            let (from, to) = range(&meeting);
            self.batch.rows.retain(|key, _| *key < from || *key >= to);
            self.batch.forget.insert(meeting);
        }
        for (key, value) in write.changes {
            let value = value.and_then(|value| match rmp_serde::to_vec_named(&value) {
                Ok(bytes) => Some(bytes),
                Err(error) => {
                    // Not possible for any type of ours; a row less is better than no store.
                    tracing::error!(?key, %error, "a row can not be written");
                    None
                }
            });
            self.batch.rows.insert(key.bytes(), value);
        }
        self.waiting.extend(write.told.map(|told| (told, write.ticket)));
    }

    fn commit(&mut self) {
        let began = Instant::now();
        let (disk, batch) = (&mut self.disk, &self.batch);
        let done = std::panic::catch_unwind(AssertUnwindSafe(|| match batch.is_empty() {
            true => Ok(()),
            false => disk.commit(batch),
        }));
        let done = done.unwrap_or_else(|_| Err("the store panicked".to_owned()));
        let failed = done.is_err();
        if self.failing.swap(failed, Ordering::Relaxed) != failed {
            match &done {
                Err(error) => tracing::error!(error, "the store can not be written"),
                Ok(()) => tracing::info!("the store is written again"),
            }
        }
        self.metrics.failing.set(i64::from(failed));
        match done {
            Ok(()) => {
                self.metrics.commits.inc();
                self.metrics.time.observe(began.elapsed().as_secs_f64());
                self.metrics.rows.inc_by(self.batch.rows.len() as u64);
                let bytes = self
                    .batch
                    .rows
                    .iter()
                    .map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len));
                self.metrics.bytes.inc_by(bytes.sum::<usize>() as u64);
                self.batch = Batch::default();
                for (told, ticket) in self.waiting.drain(..) {
                    told.send_modify(|progress| {
                        progress.saved = progress.saved.max(ticket);
                        progress.tried = progress.tried.max(ticket);
                    });
                }
            }
            Err(error) => {
                self.metrics.failures.inc();
                let why: Arc<str> = error.into();
                for (told, ticket) in &self.waiting {
                    told.send_modify(|progress| {
                        progress.tried = progress.tried.max(*ticket);
                        progress.why = Some(why.clone());
                    });
                }
                self.forgive();
            }
        }
        self.metrics.pending.set(i64::try_from(self.batch.rows.len()).unwrap_or(i64::MAX));
    }

    /// One entry a meeting, its last: or they would grow while the disk fails.
    fn forgive(&mut self) {
        let mut latest = BTreeMap::new();
        for (told, ticket) in self.waiting.drain(..) {
            if told.receiver_count() > 0 {
                latest.insert(Arc::as_ptr(&told), (told, ticket)); // tickets come in their order
            }
        }
        self.waiting = latest.into_values().collect();
    }
}
