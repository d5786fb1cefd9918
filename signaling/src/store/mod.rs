//! What survives a restart: meetings, role templates and webhooks that are not delivered, in one
//! file of `redb` in `--data DIR`. Without it everything lives in memory only.
//!
//! The engine knows nothing of it: it says which rows became other (`rooms::rows`). A meeting's
//! task hands them to its [`Journal`]; one thread (`writer`) commits what has come from all
//! meetings together, with `fsync`, and says up to where each is saved. Nobody waits for the disk
//! but who asked: answers and notifications are held back until what they tell of is saved, while
//! the meeting goes on with the next request.

mod file;
mod journal;
mod key;
mod load;
mod metrics;
mod value;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

pub use file::{Batch, Disk, FILE, OpenError};
pub use journal::{Fate, Journal};
pub use key::{Key, Part};
pub use load::{Loaded, Saved};
pub use metrics::StoreMetrics;
pub use value::{KeptEvent, Numbers, Recipients, Value};

use crate::rooms::Name;
use writer::{Write, Writer};

/// The open store; a clone is a reference. The writer ends with the last one.
#[derive(Clone)]
pub struct Store {
    writes: mpsc::Sender<Write>,
    failing: Arc<AtomicBool>,
    /// Numbers of webhook rows that were given out.
    numbers: Arc<AtomicU64>,
    metrics: StoreMetrics,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in a directory, or makes one there, and reads all of it.
    ///
    /// # Errors
    /// The file is in use, damaged, of another version, or can not be written.
    pub fn open(directory: &Path) -> Result<(Store, Loaded), OpenError> {
        let file = file::File::open(directory)?;
        let loaded = load::load(&file)?;
        let last = loaded.hooks.last().map_or(0, |hook| hook.0);
        Ok((Store::over(Box::new(file), last)?, loaded))
    }

    /// A store that writes to this; `last`: the highest number of a webhook in it.
    ///
    /// # Errors
    /// There is no thread for it.
    pub fn over(disk: Box<dyn Disk>, last: u64) -> Result<Store, OpenError> {
        let (failing, numbers) = (Arc::default(), Arc::new(AtomicU64::new(last)));
        let (writes, taken) = mpsc::channel();
        let metrics = StoreMetrics::default();
        let writer = Writer::new(disk, Arc::clone(&failing), metrics.clone());
        let spawned = std::thread::Builder::new().name("store".into()).spawn(move || {
            ringfence::io::yield_to_shards();
            writer.run(&taken);
        });
        spawned.map_err(OpenError::Thread)?;
        Ok(Store { writes, failing, numbers, metrics })
    }

    /// Whether the last commit failed.
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// What it counts.
    pub fn metrics(&self) -> &StoreMetrics {
        &self.metrics
    }

    /// A number for a row that is ordered by it.
    pub fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Writes rows that belong to no meeting; nobody waits for them.
    pub fn put(&self, changes: Vec<(Key, Option<Value>)>) {
        self.write(Write { changes, ..Write::default() });
    }

    /// Writes rows that belong to no meeting, and waits until they are saved.
    ///
    /// # Errors
    /// Why they could not be written; they will be once that is possible.
    pub async fn save(&self, changes: Vec<(Key, Option<Value>)>) -> Result<(), Arc<str>> {
        let mut journal = Journal::new(Some(self.clone()), Name::from(""));
        journal.write(Vec::new(), changes);
        while journal.open() > 0 {
            journal.progressed().await;
        }
        match journal.fate(journal.ticket()) {
            Fate::Refused(why) => Err(why),
            Fate::Saved | Fate::Open => Ok(()),
        }
    }

    fn write(&self, write: Write) {
        // The writer ends after the last sender only.
        let _ = self.writes.send(write);
    }
}
