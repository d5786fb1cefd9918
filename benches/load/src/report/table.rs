//! The table at the end of a run, for people: one row a kind, then a line for each other matter.

use std::fmt::Write;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::figures::{CLIENT_BUSY_PCT_MAX, Figures, loss_pct, rate};
use super::{KindTotals, Outcome, Stage};

/// Printed where the server does not tell.
const NOT_TOLD: &str = "not told by the server";
/// Most threads named in the client's line.
const THREADS_MAX: usize = 4;

pub(super) fn text(outcome: &Outcome) -> String {
    let figures = Figures::of(outcome);
    let mut text = format!(
        "\n{} participants, measured {:.1} s\n\n",
        thousands(outcome.participants),
        outcome.duration.as_secs_f64()
    );
    text += &aligned(&kinds(outcome));
    text.push('\n');
    let mut lines = vec![("join", join(outcome))];
    if outcome.switches_asked > 0 {
        lines.push(("switch", switch(outcome)));
    }
    lines.extend(outcome.stages.iter().map(|stage| (stage.name.as_str(), of_stage(stage))));
    lines.push(("wrong room", wrong_room(outcome)));
    lines.push(("server", server(&figures)));
    if let Some(buckets) = figures.added_latency.as_ref().filter(|added| added.count > 0.0) {
        let at = |quantile| buckets.quantile(quantile).map_or("-".into(), |s| time(s * 1e6));
        let (half, most) = (at(0.5), at(0.99));
        lines.push(("", format!("added latency by its own count: p50 {half}, p99 {most}")));
    }
    lines.push(("client", client(outcome)));
    if figures.invalid.is_empty() {
        lines.push(("valid", "yes".into()));
    }
    for (at, reason) in figures.invalid.iter().enumerate() {
        lines.push((if at == 0 { "NOT VALID" } else { "" }, reason.clone()));
    }
    for (name, what) in lines {
        let _ = writeln!(text, "{name:<12}{what}"); // a String takes everything
    }
    text
}

fn kinds(outcome: &Outcome) -> Vec<[String; 9]> {
    let head = ["kind", "packets", "per second", "bitrate", "loss", "p50", "p99", "p99.9", "max"];
    let mut rows = vec![head.map(String::from)];
    let both = outcome.both();
    let mut seen = Vec::new();
    for (name, totals) in [("audio", &outcome.audio), ("video", &outcome.video)] {
        if totals.packets + totals.lost > 0 {
            seen.push((name, totals));
        }
    }
    if seen.len() != 1 {
        seen.push(("both", &both));
    }
    rows.extend(seen.into_iter().map(|(name, totals)| kind(name, totals, outcome)));
    rows
}

fn kind(name: &str, totals: &KindTotals, outcome: &Outcome) -> [String; 9] {
    let latency = &totals.latency_us;
    let at = |quantile| micros(latency, latency.value_at_quantile(quantile));
    [
        name.into(),
        thousands(totals.packets),
        thousands(rate(totals.packets, outcome.duration).round() as u64),
        bits(8.0 * rate(totals.bytes, outcome.duration)),
        format!("{:.3} %", loss_pct(totals.packets, totals.lost)),
        at(0.5),
        at(0.99),
        at(0.999),
        micros(latency, latency.max()),
    ]
}

fn join(outcome: &Outcome) -> String {
    let times = &outcome.join_ms;
    let failed = thousands(outcome.join_failures);
    if times.is_empty() {
        return format!("nobody; {failed} failed");
    }
    let at = |quantile| times.value_at_quantile(quantile);
    let (half, most, max) = (at(0.5), at(0.99), times.max());
    let joined = thousands(times.len());
    format!("p50 {half} ms, p99 {most} ms, max {max} ms ({joined} joined, {failed} failed)")
}

fn switch(outcome: &Outcome) -> String {
    let times = &outcome.switch_ms;
    let at = |value| micros(times, value);
    format!(
        "p50 {}, p99 {}, max {} (command to first packet of the new room; {} of {} seen)",
        at(times.value_at_quantile(0.5)),
        at(times.value_at_quantile(0.99)),
        at(times.max()),
        thousands(outcome.switches_seen),
        thousands(outcome.switches_asked),
    )
}

fn of_stage(stage: &Stage) -> String {
    let (times, own) = (&stage.switch_us, |time: Duration| self::time(time.as_secs_f64() * 1e6));
    let (half, max) = (times.value_at_quantile(0.5), times.max());
    format!(
        "{} moved: answered after {}, tables {}, first packet of the new room p50 {}, last person {} \
         ({} of {} seen), {} of a wrong room",
        thousands(stage.moved),
        own(stage.answered),
        stage.flipped.map_or(NOT_TOLD.into(), own),
        micros(times, half),
        micros(times, max),
        thousands(times.len()),
        thousands(stage.asked),
        thousands(stage.wrong_room),
    )
}

fn wrong_room(outcome: &Outcome) -> String {
    format!(
        "{} packets ({} checked byte by byte: {} corrupt; {} came twice)",
        thousands(outcome.wrong_room),
        thousands(outcome.checked_packets),
        thousands(outcome.corrupt),
        thousands(outcome.duplicates),
    )
}

fn server(figures: &Figures) -> String {
    let cpu = match figures.cpu_ns_per_packet {
        Some(cpu) => format!("{} ns", thousands(cpu.round() as u64)),
        None => NOT_TOLD.into(),
    };
    let mut text = format!("CPU per forwarded packet {cpu}");
    let mut also = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, ", {name}{value}"); // a String takes everything
        }
    };
    also("", figures.cpu_pct.map(|pct| format!("{pct:.1} % of a core")));
    let busy = figures.shard_busy_pct.iter().map(|pct| format!("{pct:.0} %"));
    let busy: Vec<String> = busy.collect();
    also("shards busy ", (!busy.is_empty()).then(|| busy.join(" ")));
    also("submissions per packet ", figures.submissions_per_packet.map(|n| format!("{n:.3}")));
    also("datagrams per train ", figures.datagrams_per_train.map(|n| format!("{n:.1}")));
    let memory = match figures.bytes_per_participant {
        Some(bytes) => format!("{:.1} KiB", bytes / 1024.0),
        None => NOT_TOLD.into(),
    };
    also("memory per participant ", Some(memory));
    text
}

fn client(outcome: &Outcome) -> String {
    let busy = outcome.client_busy_pct;
    let mut text = format!("{busy:.1} % busy (at most {CLIENT_BUSY_PCT_MAX:.0} %)");
    let threads = outcome.client_threads.iter().take(THREADS_MAX);
    let threads: Vec<String> = threads.map(|(name, pct)| format!("{name} {pct:.1} %")).collect();
    if !threads.is_empty() {
        text += &format!(": {}", threads.join(", "));
    }
    text
}

/// Columns as wide as their widest cell; the first leans left, the others right.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            if at == 0 {
                let _ = write!(text, "{cell:<width$}");
            } else {
                let _ = write!(text, "  {cell:>width$}");
            }
        }
        text.push('\n');
    }
    text
}

/// A recorded value in microseconds, `-` if nothing was recorded.
fn micros(histogram: &Histogram<u64>, value: u64) -> String {
    if histogram.is_empty() { "-".into() } else { time(value as f64) }
}

/// Microseconds, in the unit that reads best.
pub(super) fn time(micros: f64) -> String {
    match micros {
        ..1_000.0 => format!("{micros:.0} µs"),
        ..10_000.0 => format!("{:.2} ms", micros / 1e3),
        ..100_000.0 => format!("{:.1} ms", micros / 1e3),
        ..1_000_000.0 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}

fn bits(per_second: f64) -> String {
    match per_second {
        ..1e6 => format!("{:.0} kbit/s", per_second / 1e3),
        ..1e9 => format!("{:.1} Mbit/s", per_second / 1e6),
        _ => format!("{:.2} Gbit/s", per_second / 1e9),
    }
}

/// With commas between thousands.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_good_run() {
        let expected = "
20 participants, measured 10.0 s

kind   packets  per second      bitrate     loss     p50     p99   p99.9     max
audio   20,000       2,000   1.9 Mbit/s  0.000 %       -       -       -       -
video   80,000       8,000  76.8 Mbit/s  0.031 %  100 µs  900 µs  900 µs  900 µs
both   100,000      10,000  78.7 Mbit/s  0.025 %  100 µs  900 µs  900 µs  900 µs

join        p50 12 ms, p99 30 ms, max 30 ms (20 joined, 0 failed)
switch      p50 1.50 ms, p99 1.50 ms, max 1.50 ms (command to first packet of the new room; 4 of 4 seen)
shuffle 1   19 moved: answered after 4.00 ms, tables 3.50 ms, first packet of the new room p50 1.00 ms, \
last person 2.00 ms (18 of 18 seen), 0 of a wrong room
wrong room  0 packets (1,000 checked byte by byte: 0 corrupt; 0 came twice)
server      CPU per forwarded packet 25,000 ns, 25.0 % of a core, shards busy 14 %, submissions per \
packet 0.050, datagrams per train 8.0, memory per participant 48.8 KiB
            added latency by its own count: p50 50 µs, p99 99 µs
client      33.0 % busy (at most 70 %): media 30.0 %, tokio 3.0 %
valid       yes
";
        assert_eq!(text(&samples::outcome()), expected);
    }

    #[test]
    fn a_bad_run_of_a_silent_server() {
        let mut outcome = samples::outcome();
        outcome.wrong_room = 3;
        outcome.client_busy_pct = 88.0;
        outcome.audio = KindTotals::default();
        outcome.switches_asked = 0;
        (outcome.server_before, outcome.server_after) = (None, None);
        let text = text(&outcome);
        for line in [
            "NOT VALID   the client was 88 % busy",
            "            3 packets of a room",
            "CPU per forwarded packet not told by the server, memory per participant not told",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        for absent in ["audio", "both", "switch", "valid       yes"] {
            assert!(!text.contains(absent), "{absent}\n{text}");
        }
    }

    #[test]
    fn units() {
        for (micros, expected) in [
            (0.0, "0 µs"),
            (999.0, "999 µs"),
            (1_000.0, "1.00 ms"),
            (12_340.0, "12.3 ms"),
            (123_400.0, "123 ms"),
            (1_234_000.0, "1.2 s"),
        ] {
            assert_eq!(time(micros), expected);
        }
        for (number, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(thousands(number), expected);
        }
        assert_eq!(
            [bits(64_000.0), bits(1.5e6), bits(2.25e9)],
            ["64 kbit/s", "1.5 Mbit/s", "2.25 Gbit/s"]
        );
    }
}
