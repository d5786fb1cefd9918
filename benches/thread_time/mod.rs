//! CPU time of this thread, as a function and as what criterion measures by.
//!
//! On a machine that does other work too, the time on the wall says how long a bench waited for its
//! core; the time the thread ran says what the code costs.

#![allow(dead_code, reason = "each bench takes its part")]

use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput};

/// How long this thread ran so far. Asking costs well under a microsecond.
pub fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec of ours, valid for writes while the call lasts.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "Linux has this clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Runs `work`; what it gave, and the CPU time it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = thread_time();
    let result = work();
    (result, thread_time() - start)
}

/// The middle one.
pub fn median<T: Copy + PartialOrd>(values: &mut [T]) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
    values[values.len() / 2]
}

/// Criterion by this clock, quick: `samples` in about `seconds` a bench, no plots, and fewer
/// resamples than its default, which would take longer than the measurement.
pub fn criterion(samples: usize, seconds: f64) -> Criterion<ThreadTime> {
    Criterion::default()
        .with_measurement(ThreadTime)
        .sample_size(samples)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs_f64(seconds))
        .nresamples(10_000)
        .without_plots()
        .configure_from_args()
}

/// Measures by [`thread_time`]; formats as criterion's wall time does.
pub struct ThreadTime;

static FORMAT: WallTime = WallTime;

impl Measurement for ThreadTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        thread_time()
    }

    fn end(&self, start: Duration) -> Duration {
        thread_time() - start
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        FORMAT.formatter()
    }
}

/// Nanoseconds for each of `count`.
pub fn nanoseconds_per(spent: Duration, count: u64) -> f64 {
    spent.as_nanos() as f64 / count as f64
}

/// `count` things are done by each iteration.
pub fn elements(count: usize) -> Throughput {
    Throughput::Elements(count as u64)
}
