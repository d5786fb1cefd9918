//! Lives of a server over one directory: a restart is a new runtime.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ringfence_signaling::meeting_options::MeetingOptions;
use ringfence_signaling::meetings::Keeping;
use ringfence_signaling::rooms::Rules;
use ringfence_signaling::store::{Loaded, OpenError, Store};
use ringfence_signaling::tokens::Keys;
use ringfence_signaling::webhooks::{Endpoint, Limits, Webhooks};
use tokio::runtime::Runtime;

use super::Server;

/// How long people may take to come back.
pub const GRACE: Duration = Duration::from_secs(2);

pub struct Directory(pub PathBuf);

static MADE: AtomicUsize = AtomicUsize::new(0);

impl Directory {
    /// One of its own for each call: a test may run twice in one process at a time (the table of the
    /// features runs all of them beside themselves).
    pub fn new(name: &str) -> Directory {
        let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("ringfence-{name}-{process}-{number}"));
        let _ = std::fs::remove_dir_all(&path);
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Opens the store as soon as the one before has let go of it: its thread yields to all others, and
/// writes to the disk before it ends.
pub fn open(directory: &Path) -> (Store, Loaded) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match Store::open(directory) {
            Err(OpenError::InUse(_)) if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => return opened.expect("opened"),
        }
    }
}

/// One life of a server over a directory; all of it is gone afterwards.
pub fn life<T>(directory: &Directory, rules: Rules, live: impl AsyncFnOnce(&Server) -> T) -> T {
    life_with(directory, rules, Vec::new(), live)
}

/// Tries that follow each other fast.
pub const LIMITS: Limits = Limits {
    within: Duration::from_millis(500),
    shortest: Duration::from_millis(20),
    longest: Duration::from_millis(100),
    expires: Duration::from_secs(60),
    pending: 50,
};

/// The same, with webhooks to these.
pub fn life_with<T>(
    directory: &Directory,
    rules: Rules,
    endpoints: Vec<Endpoint>,
    live: impl AsyncFnOnce(&Server) -> T,
) -> T {
    let (store, mut loaded) = open(&directory.0);
    let runtime = Runtime::new().expect("a runtime");
    let result = runtime.block_on(async {
        let meeting = MeetingOptions { rules, ..MeetingOptions::default() };
        let keys = Keys::development();
        let webhooks = Webhooks::new(endpoints, keys, Some(store.clone()), LIMITS);
        let webhooks = webhooks.expect("a client");
        webhooks.resume(std::mem::take(&mut loaded.hooks));
        let keeping = Keeping { store: Some(store), webhooks: Some(webhooks) };
        let server = Server::start_on(true, meeting, GRACE, keeping, loaded).await;
        live(&server).await
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}
