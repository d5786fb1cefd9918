//! What a run gave, and how it is told: progress while it runs, then table, JSON, charts, comparison.
//!
//! The engine fills an [`Outcome`]; everything here only reads it.

pub mod compare;
pub mod figures;
mod json;
pub mod progress;
mod svg;
mod table;

use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::scrape::Scrape;

/// Audio or video.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Opus.
    Audio,
    /// VP8 or what was asked for.
    Video,
}

/// One second of the run.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Since the start of the measurement.
    pub at: Duration,
    /// Packets that arrived at receivers until now.
    pub forwarded: u64,
    /// Packets missing until now.
    pub lost: u64,
    /// Bytes of arrived packets until now.
    pub bytes: u64,
    /// Latency in microseconds, of this second only.
    pub latency: Histogram<u64>,
    /// Participants joined.
    pub joined: u32,
    /// CPU time of the client over wall time, of this second: 1 is a whole core.
    pub client_busy: f64,
    /// What the server said last.
    pub server: Option<Scrape>,
}

/// Totals of one kind over the measured window.
#[derive(Clone, Debug)]
pub struct KindTotals {
    /// Packets that arrived.
    pub packets: u64,
    /// Their bytes on the wire, UDP payload.
    pub bytes: u64,
    /// Packets that did not arrive.
    pub lost: u64,
    /// From the publisher's send call to the receiver's read, in microseconds, at checked receivers.
    pub latency_us: Histogram<u64>,
}

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The options it was run with.
    pub options: serde_json::Value,
    /// How long it was measured.
    pub duration: Duration,
    /// Audio received.
    pub audio: KindTotals,
    /// Video received.
    pub video: KindTotals,
    /// From opening the connection to the first packet that can be sent, in milliseconds.
    pub join_ms: Histogram<u64>,
    /// Joins that failed.
    pub join_failures: u64,
    /// From the move command to the first packet of the new room, in microseconds; printed as ms.
    pub switch_ms: Histogram<u64>,
    /// Moves asked.
    pub switches_asked: u64,
    /// Moves after which a packet of the new room came.
    pub switches_seen: u64,
    /// Steps of the breakouts.
    pub stages: Vec<Stage>,
    /// Packets of a room that the receiver was not in.
    pub wrong_room: u64,
    /// Failed authentication or wrong bytes at checked receivers.
    pub corrupt: u64,
    /// Packets decrypted and compared.
    pub checked_packets: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that publishers sent.
    pub published_packets: u64,
    /// Participants at the end.
    pub participants: u64,
    /// CPU time of all client threads on the pinned core over wall time.
    pub client_busy_pct: f64,
    /// Name and busy percent of each thread.
    pub client_threads: Vec<(String, f64)>,
    /// The server before anybody joined: memory is reckoned from here.
    pub server_empty: Option<Scrape>,
    /// The server at the start of the measurement.
    pub server_before: Option<Scrape>,
    /// The server at its end.
    pub server_after: Option<Scrape>,
    /// Second by second.
    pub samples: Vec<Sample>,
    /// Why the run does not count; empty: it does.
    pub invalid: Vec<String>,
}

/// A histogram of microseconds, or of milliseconds: 1 to 60,000,000, three digits.
pub fn histogram() -> Histogram<u64> {
    let mut made = Histogram::new(3).expect("3 digits are allowed");
    made.auto(true);
    made
}

impl Default for KindTotals {
    fn default() -> Self {
        Self { packets: 0, bytes: 0, lost: 0, latency_us: histogram() }
    }
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            options: serde_json::Value::Null,
            duration: Duration::ZERO,
            audio: KindTotals::default(),
            video: KindTotals::default(),
            join_ms: histogram(),
            join_failures: 0,
            switch_ms: histogram(),
            switches_asked: 0,
            switches_seen: 0,
            stages: Vec::new(),
            wrong_room: 0,
            corrupt: 0,
            checked_packets: 0,
            duplicates: 0,
            published_packets: 0,
            participants: 0,
            client_busy_pct: 0.0,
            client_threads: Vec::new(),
            server_empty: None,
            server_before: None,
            server_after: None,
            samples: Vec::new(),
            invalid: Vec::new(),
        }
    }
}

/// One step of the breakouts.
#[derive(Clone, Debug)]
pub struct Stage {
    /// `start`, `shuffle 1`, …, `stop`.
    pub name: String,
    /// How many changed rooms.
    pub moved: u64,
    /// From the command's leaving to its answer.
    pub answered: Duration,
    /// By the server's own count, from the change to its tables being in force on every shard.
    pub flipped: Option<Duration>,
    /// Of those who moved, where somebody else sends.
    pub asked: u64,
    /// From the command to their first packet of the new room, in microseconds; one a person.
    pub switch_us: Histogram<u64>,
    /// Packets of a wrong room, from its command to the next one's.
    pub wrong_room: u64,
}

/// What came in between two samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Since {
    /// Time between them.
    pub duration: Duration,
    /// Packets that arrived.
    pub forwarded: u64,
    /// Packets found missing; one that was missing and came late is taken off again.
    pub lost: u64,
    /// Bytes that arrived.
    pub bytes: u64,
}

impl Sample {
    /// What came in since `before`; `None`: since the start of the measurement.
    pub fn since(&self, before: Option<&Sample>) -> Since {
        let was = before.map_or((Duration::ZERO, 0, 0, 0), |before| {
            (before.at, before.forwarded, before.lost, before.bytes)
        });
        Since {
            duration: self.at.saturating_sub(was.0),
            forwarded: self.forwarded.saturating_sub(was.1),
            lost: self.lost.saturating_sub(was.2),
            bytes: self.bytes.saturating_sub(was.3),
        }
    }
}

impl Outcome {
    /// Samples, each with the one before it.
    fn seconds(&self) -> impl Iterator<Item = (Option<&Sample>, &Sample)> {
        let before = std::iter::once(None).chain(self.samples.iter().map(Some));
        before.zip(&self.samples)
    }

    /// Whether the run counts.
    pub fn is_valid(&self) -> bool {
        figures::Figures::of(self).invalid.is_empty()
    }

    /// Writes the JSON report.
    ///
    /// # Errors
    /// The file can not be written.
    pub fn write_json(&self, path: &Path) -> anyhow::Result<()> {
        json::write(self, path)
    }

    /// Prints the table.
    pub fn print_table(&self) {
        print!("{}", table::text(self));
    }

    /// Draws `latency.svg`, `loss.svg` and `cpu.svg` into `directory`, which is made if need be.
    ///
    /// # Errors
    /// A file can not be written.
    pub fn write_svgs(&self, directory: &Path) -> anyhow::Result<()> {
        svg::write(self, directory)
    }
}

#[cfg(test)]
mod samples;
