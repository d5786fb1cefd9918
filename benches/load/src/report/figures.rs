//! The figures of a run, reckoned once from what the engine counted, for table, JSON and charts.
//!
//! CPU per forwarded packet is the server's CPU time a second over the packets that *we* received a
//! second. So it means the same for a server that counts nothing, and none can talk itself cheap.

use std::time::Duration;

use super::{KindTotals, Outcome};
use crate::scrape::Scrape;
use crate::scrape::prometheus::Buckets;

/// A client busier than this measures itself, not the server.
pub const CLIENT_BUSY_PCT_MAX: f64 = 70.0;

/// What a run comes to. `None`: the server does not tell, or nothing was there to measure.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Packets that arrived.
    pub forwarded: u64,
    /// Packets that arrived, a second.
    pub packets_per_second: f64,
    /// Missing packets, in percent of those that were due.
    pub loss_pct: f64,
    /// CPU time of the server's process for each packet that arrived.
    pub cpu_ns_per_packet: Option<f64>,
    /// CPU time of the server's process, in percent of one core.
    pub cpu_pct: Option<f64>,
    /// CPU time of the shards' threads alone for each packet that arrived.
    pub shard_cpu_ns_per_packet: Option<f64>,
    /// Busy time of each shard, in percent.
    pub shard_busy_pct: Vec<f64>,
    /// CPU time of each shard's thread, in percent of a core.
    pub shard_cpu_pct: Vec<f64>,
    /// Resident memory that the participants brought, for each of them.
    pub bytes_per_participant: Option<f64>,
    /// Sending submissions (or calls) for each packet forwarded.
    pub submissions_per_packet: Option<f64>,
    /// Mean length of a train.
    pub datagrams_per_train: Option<f64>,
    /// From receiving to submitting, as the server measured it.
    pub added_latency: Option<Buckets>,
    /// Why the run does not count; empty: it does.
    pub invalid: Vec<String>,
}

impl Figures {
    /// Of `outcome`.
    pub fn of(outcome: &Outcome) -> Figures {
        let both = outcome.both();
        let packets_per_second = rate(both.packets, outcome.duration);
        let window = Window::of(outcome);
        let per_packet =
            |share: f64| (packets_per_second > 0.0).then(|| 1e9 * share / packets_per_second);
        let cpu = window.as_ref().and_then(|window| window.share(|scrape| scrape.cpu_seconds));
        let shards = window.as_ref().and_then(|window| {
            window.share(|scrape| {
                let seconds = &scrape.shard_cpu_seconds;
                (!seconds.is_empty()).then(|| seconds.iter().sum())
            })
        });
        let sent = window.as_ref().and_then(|window| window.count(|scrape| scrape.forwarded));
        let submissions =
            window.as_ref().and_then(|window| window.count(|scrape| scrape.submissions));
        let trains =
            window.as_ref().and_then(|window| window.buckets(|s| s.train_datagrams.as_ref()));
        Figures {
            forwarded: both.packets,
            packets_per_second,
            loss_pct: loss_pct(both.packets, both.lost),
            cpu_ns_per_packet: cpu.and_then(per_packet),
            cpu_pct: cpu.map(|share| 100.0 * share),
            shard_cpu_ns_per_packet: shards.and_then(per_packet),
            shard_busy_pct: window
                .as_ref()
                .map_or_else(Vec::new, |window| window.each_pct(|scrape| &scrape.busy_seconds)),
            shard_cpu_pct: window.as_ref().map_or_else(Vec::new, |window| {
                window.each_pct(|scrape| &scrape.shard_cpu_seconds)
            }),
            bytes_per_participant: bytes_per_participant(outcome),
            submissions_per_packet: submissions.zip(sent).and_then(|(submissions, sent)| {
                (sent > 0).then(|| submissions as f64 / sent as f64)
            }),
            datagrams_per_train: trains.and_then(|trains| trains.mean()),
            added_latency: window
                .as_ref()
                .and_then(|window| window.buckets(|scrape| scrape.added_latency.as_ref())),
            invalid: reasons(outcome),
        }
    }
}

impl Outcome {
    /// Audio and video together.
    pub fn both(&self) -> KindTotals {
        let mut both = self.audio.clone();
        both.packets += self.video.packets;
        both.bytes += self.video.bytes;
        both.lost += self.video.lost;
        both.latency_us += &self.video.latency_us;
        both
    }
}

/// What the server counted between two readings.
struct Window<'a> {
    before: &'a Scrape,
    after: &'a Scrape,
    seconds: f64,
}

impl<'a> Window<'a> {
    fn of(outcome: &'a Outcome) -> Option<Window<'a>> {
        let (before, after) = outcome.server_before.as_ref().zip(outcome.server_after.as_ref())?;
        Window::between(before, after)
    }

    fn between(before: &'a Scrape, after: &'a Scrape) -> Option<Window<'a>> {
        let seconds = after.at.checked_duration_since(before.at)?.as_secs_f64();
        (seconds > 0.0).then_some(Window { before, after, seconds })
    }

    /// Seconds counted for each second of time.
    fn share(&self, told: impl Fn(&Scrape) -> Option<f64>) -> Option<f64> {
        Some((told(self.after)? - told(self.before)?).max(0.0) / self.seconds)
    }

    fn count(&self, told: impl Fn(&Scrape) -> Option<u64>) -> Option<u64> {
        told(self.after)?.checked_sub(told(self.before)?)
    }

    fn buckets(&self, told: impl Fn(&Scrape) -> Option<&Buckets>) -> Option<Buckets> {
        Some(told(self.after)?.since(told(self.before).unwrap_or(&Buckets::default())))
    }

    /// Of each shard, in percent of the time.
    fn each_pct(&self, told: impl Fn(&Scrape) -> &Vec<f64>) -> Vec<f64> {
        let pairs = told(self.after).iter().zip(told(self.before));
        pairs.map(|(after, before)| 100.0 * (after - before) / self.seconds).collect()
    }
}

/// CPU time of the server between two readings, in percent of one core.
pub fn server_cpu_pct(before: Option<&Scrape>, after: Option<&Scrape>) -> Option<f64> {
    let share = Window::between(before?, after?)?.share(|scrape| scrape.cpu_seconds)?;
    Some(100.0 * share)
}

/// Events a second.
pub fn rate(count: u64, duration: Duration) -> f64 {
    let seconds = duration.as_secs_f64();
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// Missing in percent of due.
pub fn loss_pct(arrived: u64, lost: u64) -> f64 {
    let due = arrived + lost;
    if due > 0 { 100.0 * lost as f64 / due as f64 } else { 0.0 }
}

fn bytes_per_participant(outcome: &Outcome) -> Option<f64> {
    let empty = outcome.server_empty.as_ref()?.resident_bytes?;
    let full = outcome.server_after.as_ref()?.resident_bytes?;
    let grown = full.saturating_sub(empty) as f64;
    (outcome.participants > 0).then(|| grown / outcome.participants as f64)
}

/// Why the run does not count: what the engine says, and what the figures say.
fn reasons(outcome: &Outcome) -> Vec<String> {
    let mut reasons = outcome.invalid.clone();
    // Threads that share one core are busy together; elsewhere the busiest one counts.
    let pinned = outcome.options.get("pin").is_some_and(|core| !core.is_null());
    let together = if pinned { outcome.client_busy_pct } else { 0.0 };
    let busiest = outcome.client_threads.iter().map(|(_, pct)| *pct).fold(together, f64::max);
    if busiest > CLIENT_BUSY_PCT_MAX {
        reasons.push(format!(
            "the client was {busiest:.0} % busy, more than {CLIENT_BUSY_PCT_MAX:.0} %: it measured \
             itself; take fewer participants, a greater --check, or another core"
        ));
    }
    for (count, what) in [
        (outcome.wrong_room, "packets of a room that the receiver was not in"),
        (outcome.corrupt, "checked packets failed authentication or held wrong bytes"),
        (outcome.join_failures, "joins failed"),
    ] {
        if count > 0 {
            reasons.push(format!("{} {what}", super::table::thousands(count)));
        }
    }
    if outcome.both().packets == 0 {
        reasons.push("nothing was forwarded: see that somebody publishes (--publishers)".into());
    } else if outcome.checked_packets == 0 {
        reasons.push("no packet was decrypted and checked: lower --check".into());
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn per_packet_and_per_participant() {
        let outcome = samples::outcome();
        let figures = Figures::of(&outcome);
        assert_eq!(figures.forwarded, 100_000);
        assert_eq!(figures.packets_per_second, 10_000.0);
        assert_eq!(figures.loss_pct, 100.0 * 25.0 / 100_025.0);
        // 3 s of CPU in 12 s between the readings, 10,000 packets a second.
        assert_eq!(figures.cpu_pct, Some(25.0));
        assert_eq!(figures.cpu_ns_per_packet, Some(25_000.0));
        assert_eq!(figures.shard_cpu_ns_per_packet, Some(12_500.0));
        assert_eq!(figures.shard_busy_pct, [14.0625]);
        assert_eq!(figures.shard_cpu_pct, [12.5]);
        assert_eq!(figures.bytes_per_participant, Some(50_000.0));
        assert_eq!(figures.submissions_per_packet, Some(0.05));
        assert_eq!(figures.datagrams_per_train, Some(8.0));
        assert_eq!(figures.invalid, [""; 0]);
    }

    #[test]
    fn a_server_that_tells_nothing() {
        let mut outcome = samples::outcome();
        outcome.server_before = None;
        outcome.server_empty = None;
        let figures = Figures::of(&outcome);
        assert_eq!(figures.cpu_ns_per_packet, None);
        assert_eq!(figures.bytes_per_participant, None);
        assert_eq!(figures.submissions_per_packet, None);
        assert!(figures.invalid.is_empty(), "that is no fault of the run");
    }

    #[test]
    fn what_does_not_count() {
        type Spoil = fn(&mut Outcome);
        let spoils: [(Spoil, &str); 8] = [
            (|o| o.client_busy_pct = 70.5, "70 % busy"), // rounded down, still over
            (|o| o.client_threads.push(("media".into(), 91.0)), "91 % busy"),
            (|o| o.wrong_room = 1, "1 packets of a room"),
            (|o| o.corrupt = 2, "2 checked packets"),
            (|o| o.join_failures = 3, "3 joins failed"),
            (|o| o.checked_packets = 0, "--check"),
            (|o| (o.audio.packets, o.video.packets) = (0, 0), "--publishers"),
            (|o| o.invalid.push("the server went away".into()), "the server went away"),
        ];
        for (spoil, word) in spoils {
            let mut outcome = samples::outcome();
            spoil(&mut outcome);
            let invalid = Figures::of(&outcome).invalid;
            assert_eq!(invalid.len(), 1, "{word}: {invalid:?}");
            assert!(invalid[0].contains(word), "{word}: {invalid:?}");
        }
    }
}
