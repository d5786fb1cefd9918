//! What the store counts. No label grows with meetings or people.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper bounds of a commit's time, in seconds.
const BOUNDS: [f64; 10] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];

/// See the help of each.
#[derive(Clone, Debug)]
pub struct StoreMetrics {
    pub(super) commits: Counter,
    pub(super) rows: Counter,
    pub(super) bytes: Counter,
    pub(super) failures: Counter,
    pub(super) failing: Gauge,
    pub(super) pending: Gauge,
    pub(super) time: Histogram,
}

impl Default for StoreMetrics {
    fn default() -> StoreMetrics {
        StoreMetrics {
            commits: Counter::default(),
            rows: Counter::default(),
            bytes: Counter::default(),
            failures: Counter::default(),
            failing: Gauge::default(),
            pending: Gauge::default(),
            time: Histogram::new(BOUNDS),
        }
    }
}

impl StoreMetrics {
    /// Tells them to those who ask.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("store");
        registry.register("commits", "Commits to the store", self.commits.clone());
        registry.register("rows", "Rows written or removed", self.rows.clone());
        registry.register("bytes", "Bytes of rows written", self.bytes.clone());
        registry.register("failures", "Commits that failed", self.failures.clone());
        let help = "1 while the store can not be written; nothing new is granted then";
        registry.register("failing", help, self.failing.clone());
        let help = "Rows that wait to be written since a commit failed";
        registry.register("pending_rows", help, self.pending.clone());
        let help = "How long a commit took, until it was on the disk";
        registry.register_with_unit("commit", help, Unit::Seconds, self.time.clone());
    }
}
