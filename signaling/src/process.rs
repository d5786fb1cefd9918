//! What every process tells of itself, by the names that Prometheus' client libraries use.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// This process.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Seconds since 1970.
    started: f64,
}

impl Process {
    /// Started now.
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: since.as_secs_f64() }
    }
}

/// Bytes of memory this process has, by `/proc/self/status` (proc(5)), which tells in kilobytes.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1_024)
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (name, help) = ("process_cpu", "CPU time of all threads, user and system");
        let (seconds, gauge) = (Some(&Unit::Seconds), MetricType::Gauge);
        let used = ringfence::io::process_cpu_time().as_secs_f64();
        encoder
            .encode_descriptor(name, help, seconds, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, u64>(&used, None)?;
        if let Some(bytes) = resident_bytes() {
            let (name, help) = ("process_resident_memory", "Memory that is resident");
            encoder
                .encode_descriptor(name, help, Some(&Unit::Bytes), gauge)?
                .encode_gauge(&bytes)?;
        }
        let (name, help) = ("process_start_time", "When the process started, since 1970");
        encoder.encode_descriptor(name, help, seconds, gauge)?.encode_gauge(&self.started)
    }
}
