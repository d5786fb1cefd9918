//! `ringfence-load compare CONTROL ARM…`: medians of several runs side by side, and their ratios.
//!
//! Each argument is one arm: JSON reports of its runs, parted by commas. The first arm is the control.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, ensure};
use serde_json::Value;

/// What is compared: JSON pointer, and its name in the table.
const FIGURES: [(&str, &str); 12] = [
    ("/packets_per_second", "packets per second"),
    ("/loss_pct", "loss, %"),
    ("/latency_us/p50", "latency p50, µs"),
    ("/latency_us/p99", "latency p99, µs"),
    ("/join_ms/p50", "join p50, ms"),
    ("/switch_ms/p50", "switch p50, ms"),
    ("/cpu_pct", "server CPU, % of a core"),
    ("/cpu_ns_per_packet", "CPU per packet, ns"),
    ("/bytes_per_participant", "bytes per participant"),
    ("/submissions_per_packet", "submissions per packet"),
    ("/datagrams_per_train", "datagrams per train"),
    ("/client_busy_pct", "client busy, %"),
];

/// The comparison as text.
///
/// # Errors
/// A file can not be read or is no report, or fewer than two arms are given.
pub fn text(arms: &[String]) -> anyhow::Result<String> {
    ensure!(
        arms.len() > 1,
        "compare: give the control's reports and another arm's (a1.json,a2.json b.json)"
    );
    let arms = arms.iter().map(|arm| read(arm)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut text = format!("{:<26}{:>14}", "median", "control");
    for number in 1..arms.len() {
        let _ = write!(text, "{:>14}{:>9}", format!("arm {number}"), "ratio"); // a String takes everything
    }
    text.push('\n');
    for (pointer, name) in FIGURES {
        let medians: Vec<Option<f64>> = arms.iter().map(|runs| median(runs, pointer)).collect();
        if medians.iter().all(Option::is_none) {
            continue;
        }
        let _ = write!(text, "{name:<26}{:>14}", number(medians[0]));
        for median in &medians[1..] {
            let ratio = median.zip(medians[0]).filter(|(_, control)| *control != 0.0);
            let ratio =
                ratio.map_or("-".into(), |(arm, control)| format!("× {:.3}", arm / control));
            let _ = write!(text, "{:>14}{ratio:>9}", number(*median));
        }
        text.push('\n');
    }
    for (at, runs) in arms.iter().enumerate() {
        let invalid = runs.iter().filter(|run| run["valid"] != Value::Bool(true)).count();
        if invalid > 0 {
            let name = if at == 0 { "control".into() } else { format!("arm {at}") };
            let _ = writeln!(text, "{name}: {invalid} of {} runs are not valid", runs.len());
        }
    }
    Ok(text)
}

fn read(arm: &str) -> anyhow::Result<Vec<Value>> {
    let one = |path: &str| {
        let text = fs::read_to_string(path).with_context(|| format!("compare {path}"))?;
        let value: Value =
            serde_json::from_str(&text).with_context(|| format!("compare {path}: not JSON"))?;
        ensure!(value.get("forwarded").is_some(), "compare {path}: not a report of --json");
        Ok(value)
    };
    arm.split(',').map(one).collect()
}

fn median(runs: &[Value], pointer: &str) -> Option<f64> {
    let mut values: Vec<f64> =
        runs.iter().filter_map(|run| run.pointer(pointer)?.as_f64()).collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let is_even = values.len().is_multiple_of(2);
    Some(if is_even { f64::midpoint(values[values.len() / 2 - 1], upper) } else { upper })
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn medians_and_ratios() {
        let folder = std::env::temp_dir().join(format!("ringfence-compare-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let report = |name: &str, packets: u64, wrong_room: u64| {
            let mut outcome = samples::outcome();
            outcome.video.packets = packets - outcome.audio.packets;
            outcome.wrong_room = wrong_room;
            let path = folder.join(name);
            outcome.write_json(&path).expect("written");
            path.display().to_string()
        };
        let control = [("a", 100_000), ("b", 90_000), ("c", 300_000)];
        let control = control.map(|(name, packets)| report(name, packets, 0)).join(",");
        let arm = [report("d", 200_000, 0), report("e", 300_000, 1)].join(",");
        let told = text(&[control, arm]).expect("two arms");
        for line in [
            "packets per second                 10000         25000  × 2.500",
            "CPU per packet, ns                 25000         10417  × 0.417",
            "arm 1: 1 of 2 runs are not valid",
        ] {
            assert!(told.contains(line), "{line}\n{told}");
        }
        assert!(!told.contains("control:"), "{told}");
        fs::remove_dir_all(&folder).expect("ours");
    }

    #[test]
    fn errors_name_the_file() {
        let missing = text(&["no.json".into(), "no.json".into()]).expect_err("no such file");
        assert!(missing.to_string().contains("no.json"));
        assert!(text(&["a.json".into()]).expect_err("one arm").to_string().contains("control"));
    }
}
