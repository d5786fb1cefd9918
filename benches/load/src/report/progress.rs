//! What is seen while a run goes on: a bar on a terminal, else a line every 5 s, both on standard error.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::figures::{loss_pct, rate};
use super::{Sample, table};

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far a run is.
pub struct Progress {
    /// `None`: no terminal.
    bar: Option<ProgressBar>,
    printed: Option<Instant>,
    before: Option<Sample>,
}

impl Default for Progress {
    fn default() -> Progress {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix:>10} [{bar:30}] {msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(1).with_style(style.progress_chars("=> "))
        });
        Progress { bar, printed: None, before: None }
    }
}

impl Progress {
    /// People join.
    pub fn joining(&mut self, joined: u32, failed: u32, all: u32) {
        let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let share = f64::from(joined + failed) / f64::from(all.max(1));
        self.show("joining", share, &format!("{joined} of {all} joined{failures}"));
    }

    /// Media flows, and is not measured yet.
    pub fn ramp(&mut self, elapsed: Duration, all: Duration) {
        self.show("warming up", share(elapsed, all), &seconds(elapsed, all));
    }

    /// A second was measured.
    pub fn sample(&mut self, sample: &Sample, all: Duration) {
        let text = told(self.before.as_ref(), sample, all);
        self.before = Some(sample.clone());
        self.show("measuring", share(sample.at, all), &text);
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn show(&mut self, stage: &'static str, share: f64, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(stage);
            bar.set_length(1000);
            bar.set_position((1000.0 * share.clamp(0.0, 1.0)) as u64);
            bar.set_message(text.to_string());
        } else if self.is_due(Instant::now()) {
            eprintln!("{stage}: {text}");
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.printed.is_none_or(|printed| now - printed >= LINE_EVERY);
        if due {
            self.printed = Some(now);
        }
        due
    }
}

fn share(elapsed: Duration, all: Duration) -> f64 {
    if all.is_zero() { 1.0 } else { elapsed.as_secs_f64() / all.as_secs_f64() }
}

fn seconds(elapsed: Duration, all: Duration) -> String {
    format!("{:.0} of {:.0} s", elapsed.as_secs_f64(), all.as_secs_f64())
}

fn told(before: Option<&Sample>, sample: &Sample, all: Duration) -> String {
    let since = sample.since(before);
    let latency = if sample.latency.is_empty() {
        "-".into()
    } else {
        table::time(sample.latency.value_at_quantile(0.99) as f64)
    };
    format!(
        "{}, {} packets/s, loss {:.3} %, p99 {latency}, client {:.0} % busy",
        seconds(sample.at, all),
        table::thousands(rate(since.forwarded, since.duration).round() as u64),
        loss_pct(since.forwarded, since.lost),
        100.0 * sample.client_busy
    )
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_line_tells_of_the_last_second_only() {
        let outcome = samples::outcome();
        let [.., before, last] = &outcome.samples[..] else { panic!("two samples") };
        assert_eq!(
            told(Some(before), last, Duration::from_secs(20)),
            "10 of 20 s, 10,000 packets/s, loss 0.000 %, p99 900 µs, client 33 % busy"
        );
    }

    #[test]
    fn a_line_every_five_seconds() {
        let mut progress = Progress { bar: None, printed: None, before: None };
        let start = Instant::now();
        let due = (0..12).filter(|second| progress.is_due(start + Duration::from_secs(*second)));
        assert_eq!(due.collect::<Vec<_>>(), [0, 5, 10]);
        assert_eq!(share(Duration::ZERO, Duration::ZERO), 1.0);
    }
}
