//! The report as JSON (`--json FILE`), for machines: the keys are an interface.
//!
//! Latencies are in microseconds, joins and switches in milliseconds, shares in percent. `null`: the
//! server does not tell, or there was nothing to measure.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::figures::{Figures, loss_pct, rate, server_cpu_pct};
use super::{KindTotals, Outcome, Sample, Stage};

pub(super) fn write(outcome: &Outcome, path: &Path) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(&value(outcome))?;
    fs::write(path, text + "\n")
        .with_context(|| format!("--json {}: can not be written", path.display()))
}

fn value(outcome: &Outcome) -> Value {
    let figures = Figures::of(outcome);
    let mut value = json!({
        "options": outcome.options,
        "duration_s": outcome.duration.as_secs_f64(),
        "valid": figures.invalid.is_empty(),
        "invalid_because": figures.invalid,
        "participants": outcome.participants,
        "published": outcome.published_packets,
        "forwarded": figures.forwarded,
        "packets_per_second": figures.packets_per_second,
        "bits_per_second": bits_per_second(&outcome.both(), outcome.duration),
        "lost": outcome.both().lost,
        "loss_pct": figures.loss_pct,
        "latency_us": spread(&outcome.both().latency_us, 1.0),
        "kinds": {
            "audio": kind(&outcome.audio, outcome.duration),
            "video": kind(&outcome.video, outcome.duration),
        },
        "join_ms": spread(&outcome.join_ms, 1.0),
        "joins": outcome.join_ms.len(),
        "join_failures": outcome.join_failures,
        "switch_ms": spread(&outcome.switch_ms, 1000.0),
        "switches_asked": outcome.switches_asked,
        "switches_seen": outcome.switches_seen,
    });
    let rest = json!({
        "stages": outcome.stages.iter().map(stage).collect::<Vec<_>>(),
        "wrong_room": outcome.wrong_room,
        "corrupt": outcome.corrupt,
        "checked_packets": outcome.checked_packets,
        "duplicates": outcome.duplicates,
        "cpu_ns_per_packet": figures.cpu_ns_per_packet,
        "cpu_pct": figures.cpu_pct,
        "shard_cpu_ns_per_packet": figures.shard_cpu_ns_per_packet,
        "shard_busy_pct": figures.shard_busy_pct,
        "shard_cpu_pct": figures.shard_cpu_pct,
        "bytes_per_participant": figures.bytes_per_participant,
        "submissions_per_packet": figures.submissions_per_packet,
        "datagrams_per_train": figures.datagrams_per_train,
        "added_latency_us": figures.added_latency.as_ref().map(|buckets| json!({
            "p50": buckets.quantile(0.5).map(|seconds| seconds * 1e6),
            "p99": buckets.quantile(0.99).map(|seconds| seconds * 1e6),
            "p999": buckets.quantile(0.999).map(|seconds| seconds * 1e6),
        })),
        "server": server(outcome),
        "client_busy_pct": outcome.client_busy_pct,
        "client_threads": outcome.client_threads.iter().map(|(name, pct)| json!({
            "name": name, "busy_pct": pct,
        })).collect::<Vec<_>>(),
        "samples": samples(outcome),
    });
    if let (Value::Object(value), Value::Object(rest)) = (&mut value, rest) {
        value.extend(rest);
    }
    value
}

fn kind(totals: &KindTotals, duration: Duration) -> Value {
    json!({
        "packets": totals.packets,
        "packets_per_second": rate(totals.packets, duration),
        "bits_per_second": bits_per_second(totals, duration),
        "lost": totals.lost,
        "loss_pct": loss_pct(totals.packets, totals.lost),
        "latency_us": spread(&totals.latency_us, 1.0),
    })
}

fn stage(stage: &Stage) -> Value {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    json!({
        "name": stage.name,
        "moved": stage.moved,
        "answered_ms": ms(stage.answered),
        "flipped_ms": stage.flipped.map(ms),
        "switch_ms": spread(&stage.switch_us, 1000.0),
        "switches_asked": stage.asked,
        "switches_seen": stage.switch_us.len(),
        "wrong_room": stage.wrong_room,
    })
}

fn bits_per_second(totals: &KindTotals, duration: Duration) -> f64 {
    8.0 * rate(totals.bytes, duration)
}

/// Percentiles in a unit of `unit` recorded values; `null` if nothing was recorded.
fn spread(histogram: &Histogram<u64>, unit: f64) -> Value {
    if histogram.is_empty() {
        return Value::Null;
    }
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / unit;
    json!({
        "count": histogram.len(),
        "p50": at(0.5),
        "p90": at(0.9),
        "p99": at(0.99),
        "p999": at(0.999),
        "max": histogram.max() as f64 / unit,
    })
}

/// What the server counted in the measured window, as it told it.
fn server(outcome: &Outcome) -> Value {
    let Some((before, after)) = outcome.server_before.as_ref().zip(outcome.server_after.as_ref())
    else {
        return Value::Null;
    };
    let since = |after: Option<u64>, before: Option<u64>| {
        after.zip(before).map(|(after, before)| after.saturating_sub(before))
    };
    let empty = outcome.server_empty.as_ref();
    json!({
        "window_s": after.at.saturating_duration_since(before.at).as_secs_f64(),
        "forwarded": since(after.forwarded, before.forwarded),
        "received": since(after.received, before.received),
        "dropped": since(after.dropped, before.dropped),
        "submissions": since(after.submissions, before.submissions),
        "trains": since(after.trains, before.trains),
        "resident_bytes": after.resident_bytes,
        "resident_bytes_before_joins": empty.and_then(|empty| empty.resident_bytes),
    })
}

/// Second by second: what came in since the sample before.
fn samples(outcome: &Outcome) -> Vec<Value> {
    outcome.seconds().map(|(before, sample)| second(before, sample)).collect()
}

fn second(before: Option<&Sample>, sample: &Sample) -> Value {
    let since = sample.since(before);
    json!({
        "at_s": sample.at.as_secs_f64(),
        "packets_per_second": rate(since.forwarded, since.duration),
        "bits_per_second": 8.0 * rate(since.bytes, since.duration),
        "loss_pct": loss_pct(since.forwarded, since.lost),
        "latency_us": spread(&sample.latency, 1.0),
        "joined": sample.joined,
        "client_busy_pct": 100.0 * sample.client_busy,
        "server_cpu_pct": server_cpu_pct(
            before.and_then(|before| before.server.as_ref()),
            sample.server.as_ref(),
        ),
        "server_resident_bytes": sample.server.as_ref().and_then(|server| server.resident_bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn keys_and_units() {
        let value = value(&samples::outcome());
        for (pointer, expected) in [
            ("/valid", json!(true)),
            ("/invalid_because", json!([])),
            ("/forwarded", json!(100_000)),
            ("/packets_per_second", json!(10_000.0)),
            ("/latency_us/p50", json!(100.0)),
            ("/latency_us/max", json!(900.0)),
            ("/kinds/audio/packets", json!(20_000)),
            ("/kinds/video/lost", json!(25)),
            ("/kinds/video/bits_per_second", json!(76_800_000.0)),
            ("/join_ms/p99", json!(30.0)),
            ("/switch_ms/p50", json!(1.5)), // recorded in microseconds
            ("/stages/0/name", json!("shuffle 1")),
            ("/stages/0/moved", json!(19)),
            ("/stages/0/answered_ms", json!(4.0)),
            ("/stages/0/flipped_ms", json!(3.5)),
            ("/stages/0/switch_ms/max", json!(2.0)),
            ("/stages/0/switches_asked", json!(18)),
            ("/stages/0/wrong_room", json!(0)),
            ("/wrong_room", json!(0)),
            ("/corrupt", json!(0)),
            ("/cpu_ns_per_packet", json!(25_000.0)),
            ("/cpu_pct", json!(25.0)),
            ("/shard_cpu_ns_per_packet", json!(12_500.0)),
            ("/bytes_per_participant", json!(50_000.0)),
            ("/submissions_per_packet", json!(0.05)),
            ("/datagrams_per_train", json!(8.0)),
            ("/client_busy_pct", json!(33.0)),
            ("/server/forwarded", json!(120_000)),
            ("/samples/0/at_s", json!(1.0)),
            ("/samples/0/server_cpu_pct", json!(null)), // no second before it
            ("/samples/1/packets_per_second", json!(10_000.0)),
            ("/samples/1/server_cpu_pct", json!(25.0)),
            ("/samples/1/loss_pct", json!(0.0)),
            ("/samples/1/client_busy_pct", json!(33.0)),
        ] {
            assert_eq!(value.pointer(pointer), Some(&expected), "{pointer}");
        }
    }

    #[test]
    fn an_empty_run_is_told_as_such() {
        let value = value(&Outcome::default());
        assert_eq!(value["valid"], json!(false));
        assert_eq!(value["latency_us"], Value::Null);
        assert_eq!(value["cpu_ns_per_packet"], Value::Null);
        assert_eq!(value["packets_per_second"], json!(0.0));
    }
}
