//! How long packets take through the shard: from the turn that received them to the moment their
//! trains were handed to the kernel. Without a clock, without allocation: each packet carries when
//! it came, egress counts by that, and `io` says once a turn when the trains were gone.

use super::histogram::{Histogram, Scale, scale};

/// Added latency in microseconds.
pub static SCALE: Scale = scale!(
    "added_latency_us",
    10,
    20,
    50,
    100,
    200,
    500,
    1000,
    2000,
    5000,
    10000,
    20000,
    50000,
    100000
);

/// Times of arrival told apart between two calls of [`Latency::transmitted`]. A turn has one; what
/// was left by turns before it has others, and voices that waited for company.
const ARRIVALS: usize = 32;

/// Packets sent since the last report of `io`, by when they came.
pub struct Latency {
    arrivals: [(u32, u32); ARRIVALS],
    used: usize,
    histogram: Histogram,
}

impl Default for Latency {
    fn default() -> Self {
        Self { arrivals: [(0, 0); ARRIVALS], used: 0, histogram: Histogram::new(&SCALE) }
    }
}

impl Latency {
    /// `packets` that came at `arrived_us` were written into a train.
    pub fn sent(&mut self, arrived_us: u32, packets: u32) {
        let known = self.arrivals.iter_mut().take(self.used).rev();
        if let Some(entry) = known.into_iter().find(|entry| entry.0 == arrived_us) {
            entry.1 = entry.1.saturating_add(packets);
        } else if let Some(entry) = self.arrivals.get_mut(self.used) {
            *entry = (arrived_us, packets);
            self.used += 1;
        } else if let Some(first) = self.arrivals.first_mut() {
            first.1 = first.1.saturating_add(packets); // rather told too old than too young
        }
    }

    /// All of them were handed to the kernel by `now_us`.
    pub fn transmitted(&mut self, now_us: u32) {
        for (arrived_us, packets) in self.arrivals.iter().take(self.used) {
            let took = now_us.wrapping_sub(*arrived_us);
            self.histogram.record(u64::from(took), u64::from(*packets));
        }
        self.used = 0;
    }

    /// The counters, in the order of [`SCALE`].
    pub fn cells(&self) -> &[u64] {
        self.histogram.cells()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_is_counted_at_its_age() {
        let mut latency = Latency::default();
        let count = |latency: &Latency| latency.cells()[..14].iter().sum::<u64>();
        latency.sent(u32::MAX - 4, 3); // it wraps
        latency.sent(0, 2);
        latency.sent(u32::MAX - 4, 1);
        latency.transmitted(15);
        assert_eq!(latency.cells()[..3], [0, 6, 0], "20 µs and 15 µs");
        assert_eq!(latency.cells()[14], 4 * 20 + 2 * 15);
        latency.transmitted(1_000);
        assert_eq!(count(&latency), 6, "once");
        (0..40).for_each(|at| latency.sent(1_000 + at, 1));
        latency.transmitted(1_100);
        assert_eq!(count(&latency), 46, "none is lost when there are many times");
    }
}
