//! One clock for publishers, receivers and the kernel's receive timestamps: CLOCK_REALTIME.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanoseconds)
}

/// Nanoseconds of a duration.
pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Puts a value into a histogram that grows as needed.
pub fn record(histogram: &mut hdrhistogram::Histogram<u64>, value: u64) {
    // Refused is only what 64 bits can not hold. `saturating_record` would not let it grow.
    let _ = histogram.record(value);
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_histogram_grows() {
        let mut histogram = crate::report::histogram();
        super::record(&mut histogram, 70_000_000);
        assert!(histogram.max() >= 70_000_000);
    }
}
