//! What the relay counts, under the names that `/metrics` gives it.
//!
//! `control` hands over plain numbers by name: `family`, or `family/label=value`; a histogram as
//! cells `family/le=bound`, not cumulative, and `family/sum`. [`FAMILIES`] says what each family
//! is. Labels are bounded: shards, and values that the relay names itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use ringfence::control::request::RelayStats;

/// What a family is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Counter,
    /// Counted in nanoseconds, told in seconds.
    Nanoseconds,
    Gauge,
    Histogram,
    /// Counted in microseconds, told in seconds.
    Microseconds,
}

impl Kind {
    fn metric_type(self) -> MetricType {
        match self {
            Kind::Counter | Kind::Nanoseconds => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram | Kind::Microseconds => MetricType::Histogram,
        }
    }

    fn unit(self) -> Option<Unit> {
        matches!(self, Kind::Nanoseconds | Kind::Microseconds).then_some(Unit::Seconds)
    }
}

/// Families by kind: as the relay calls each, as it is called here (without prefix, unit and
/// `_total`), and what it is.
const FAMILIES: &[(Kind, &[[&str; 3]])] = &[
    (
        Kind::Counter,
        &[
            ["received_packets", "packets_received", "RTP packets that were authentic"],
            ["received_bytes", "bytes_received", "Bytes of RTP packets received"],
            ["forwarded_packets", "packets_forwarded", "RTP packets sent to subscribers"],
            ["forwarded_bytes", "bytes_forwarded", "Bytes of RTP packets sent"],
            ["dropped", "packets_dropped", "Packets that went nowhere, by reason"],
            ["retransmitted_packets", "packets_retransmitted", "RTP packets sent again"],
            ["padded_packets", "packets_padded", "RTP packets padded to lengthen a train"],
            ["padding_bytes", "bytes_padding", "Bytes of padding sent"],
            ["received_datagrams", "shard_datagrams", "Datagrams handed to a shard"],
            ["sent_rtcp", "rtcp_sent", "RTCP datagrams sent"],
            ["keyframe_requests", "keyframe_requests", "Keyframes asked of publishers"],
            ["nacked_packets", "packets_nacked", "Packets asked again of publishers"],
            ["trains", "trains", "Trains handed to the driver"],
            ["epochs", "epochs", "Tables installed"],
            ["restarts", "shard_restarts", "Times a shard was started again after it had ended"],
            ["turns", "turns", "Turns of a shard's loop"],
            ["wakes", "wakes", "Turns that another thread asked for"],
            ["holds", "holds", "Turns after which datagrams were let gather"],
            ["commands", "commands", "Commands handed to a shard"],
            ["mesh_messages_in", "mesh_received", "Messages a shard took from other shards"],
            ["mesh_packets", "mesh_packets", "Packets handed from one shard to another"],
            ["mesh_signals", "mesh_signals", "What shards told each other besides packets"],
            ["mesh_dropped", "mesh_dropped", "Packets for which the way between shards was full"],
            ["mesh_wakes", "mesh_wakes", "Times a shard woke another that slept"],
            ["submissions", "submissions", "System calls that gave the kernel something to send"],
            ["datagrams_in", "datagrams_received", "Datagrams received from the network"],
            ["bytes_in", "datagram_bytes_received", "Bytes of datagrams received"],
            ["buffers_in", "buffers_received", "Buffers that datagrams came in, joined or single"],
            ["datagrams_out", "datagrams_sent", "Datagrams sent to the network"],
            ["bytes_out", "datagram_bytes_sent", "Bytes of datagrams sent"],
            [
                "messages_out",
                "messages_sent",
                "Messages that datagrams were sent by, trains or single",
            ],
            ["truncated", "receive_truncated", "Buffers dropped because something was cut off"],
            ["receive_errors", "receive_errors", "Receives that failed"],
            ["receive_rearmed", "receive_rearmed", "Multishot receives armed again"],
            ["buffer_shortages", "buffer_shortages", "Times no receive buffer was free"],
            ["completion_overflows", "completion_overflows", "Times the completion queue was full"],
            [
                "kernel_drops",
                "kernel_drops",
                "Datagrams the kernel dropped because the socket was full",
            ],
            ["send_dropped", "send_dropped", "Datagrams that could not be sent"],
            ["send_blocked", "send_blocked", "Times sending waited for room in the socket"],
            ["trains_split", "trains_split", "Trains that the system refused to segment"],
        ],
    ),
    (
        Kind::Nanoseconds,
        &[
            ["busy_ns", "busy", "Time spent in turns; per second, the busy share"],
            ["cpu_ns", "shard_cpu", "CPU time of a shard's thread"],
        ],
    ),
    (
        Kind::Gauge,
        &[
            ["peers", "shard_peers", "Peers a shard has now"],
            [
                "buffers_in_flight",
                "buffers_in_flight",
                "Buffers with the kernel, or filled by it, by kind",
            ],
            ["busy_permille", "shard_busy_permille", "Thousandths of the last seconds in turns"],
            ["alive", "shard_alive", "Whether a shard runs"],
            ["backlog", "shard_backlog", "Commands that wait for a shard"],
        ],
    ),
    (Kind::Histogram, &[["train_datagrams", "train_datagrams", "Datagrams of a train"]]),
    (
        Kind::Microseconds,
        &[
            ["added_latency_us", "added_latency", "From a packet's arrival to its sending"],
            ["turn_us", "turn", "How long a turn took"],
            ["mesh_delay_us", "mesh_delay", "From a turn that sent to another shard to its taking"],
            [
                "change_us",
                "change",
                "From an accepted change to its tables in force on every shard",
            ],
        ],
    ),
];

/// Of what something is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    Control,
    Shard(usize),
    /// From one shard to another.
    Way(usize, usize),
}

/// One row: of what, and a label of the family's own.
type Row = (Place, Option<(&'static str, &'static str)>);
/// A value, or the cells of a histogram: bounds with their counts, and the sum.
#[derive(Default, Debug)]
struct Value {
    number: u64,
    cells: Vec<(f64, u64)>,
}
type Rows = BTreeMap<Row, Value>;

/// The relay's counters, as they were when last taken.
#[derive(Clone, Default, Debug)]
pub struct RelayMetrics(Arc<Mutex<Option<RelayStats>>>);

impl RelayMetrics {
    /// What is told from now on.
    pub fn take(&self, stats: &RelayStats) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(stats.clone());
    }
}

/// Name, kind and help of a family. One that stands in no table is told as it is, so that nothing
/// is hidden.
fn told_as(name: &'static str) -> (&'static str, Kind, &'static str) {
    for (kind, families) in FAMILIES {
        for [known, told, help] in *families {
            if *known == name {
                return (told, *kind, help);
            }
        }
    }
    (name, Kind::Counter, "What a shard counted")
}

/// All values by the relay's name of their family.
fn families(stats: &RelayStats) -> BTreeMap<&'static str, Rows> {
    let mut families: BTreeMap<&'static str, Rows> = BTreeMap::new();
    let mut add = |place, name: &'static str, number| {
        let (family, label) = name.split_once('/').unwrap_or((name, ""));
        let rows = families.entry(family).or_default();
        match label.split_once('=') {
            Some(("le", bound)) => {
                let bound = bound.parse().unwrap_or(f64::INFINITY);
                rows.entry((place, None)).or_default().cells.push((bound, number));
            }
            label => rows.entry((place, label)).or_default().number = number, // the sum has no `=`
        }
    };
    for (name, value) in &stats.control {
        add(Place::Control, name, *value);
    }
    for (shard, counted) in stats.shards.iter().enumerate() {
        for (name, value) in &counted.counters {
            add(Place::Shard(shard), name, *value);
        }
        for (from, to, name, value) in &counted.mesh {
            add(Place::Way(*from, *to), name, *value);
        }
        add(Place::Shard(shard), "alive", u64::from(counted.alive));
        add(Place::Shard(shard), "backlog", counted.backlog as u64);
    }
    families
}

impl Collector for RelayMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stats) = stats.as_ref() else { return Ok(()) };
        for (name, rows) in families(stats) {
            let (name, kind, help) = told_as(name);
            let unit = kind.unit();
            let mut metric =
                encoder.encode_descriptor(name, help, unit.as_ref(), kind.metric_type())?;
            for ((place, label), value) in rows {
                let place = match place {
                    Place::Control => Vec::new(),
                    Place::Shard(shard) => vec![("shard", shard.to_string())],
                    Place::Way(from, to) => {
                        vec![("from", from.to_string()), ("to", to.to_string())]
                    }
                };
                let place = place.iter().map(|(name, shard)| (*name, shard.as_str()));
                let labels: Vec<(&str, &str)> = place.chain(label).collect();
                if labels.is_empty() {
                    tell(&mut metric, kind, &value)?;
                } else {
                    tell(&mut metric.encode_family(&labels)?, kind, &value)?;
                }
            }
        }
        Ok(())
    }
}

fn tell(metric: &mut MetricEncoder<'_>, kind: Kind, value: &Value) -> fmt::Result {
    match kind {
        Kind::Counter => metric.encode_counter::<NoLabelSet, _, u64>(&value.number, None),
        Kind::Nanoseconds => {
            let seconds = value.number as f64 / 1e9;
            metric.encode_counter::<NoLabelSet, _, u64>(&seconds, None)
        }
        Kind::Gauge => metric.encode_gauge(&i64::try_from(value.number).unwrap_or(i64::MAX)),
        Kind::Histogram | Kind::Microseconds => {
            let scale = if kind == Kind::Microseconds { 1e6 } else { 1.0 };
            let mut cells: Vec<(f64, u64)> = value.cells.clone();
            cells.sort_by(|a, b| a.0.total_cmp(&b.0));
            let count = cells.iter().map(|cell| cell.1).sum();
            for (bound, _) in &mut cells {
                *bound /= scale; // infinity stays, and the encoder sums up
            }
            let sum = value.number as f64 / scale;
            metric.encode_histogram::<NoLabelSet>(sum, count, &cells, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;
    use ringfence::control::request::ShardStats;
    use ringfence::{io, shard};

    use super::*;

    fn told(stats: &RelayStats) -> String {
        let metrics = RelayMetrics::default();
        metrics.take(stats);
        let mut registry = Registry::with_prefix("ringfence");
        registry.register_collector(Box::new(metrics));
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    fn shard(counters: &[(&'static str, u64)]) -> ShardStats {
        let (counters, mesh) = (counters.to_vec(), Vec::new());
        ShardStats { alive: true, peers: 0, backlog: 3, counters, mesh }
    }

    fn stats(control: &[(&'static str, u64)], shards: Vec<ShardStats>) -> RelayStats {
        let (meetings, rooms, participants, peers, tracks) = (0, 0, 0, 0, 0);
        let control = control.to_vec();
        RelayStats { meetings, rooms, participants, peers, tracks, control, shards }
    }

    #[test]
    fn every_kind_has_its_form() {
        let counted = [
            ("forwarded_packets", 70),
            ("dropped/reason=late", 2),
            ("dropped/reason=muted", 5),
            ("busy_ns", 1_500_000_000),
            ("buffers_in_flight/kind=send", 4),
            ("turn_us/le=10", 3),
            ("turn_us/le=50", 1),
            ("turn_us/le=inf", 2),
            ("turn_us/sum", 2_000_000),
            ("train_datagrams/le=1", 6),
            ("train_datagrams/le=inf", 0),
            ("train_datagrams/sum", 6),
            ("made_up", 9),
        ];
        let control =
            [("change_us/le=100", 0), ("change_us/le=inf", 1), ("change_us/sum", 1_000_000)];
        let ways = [(1, 0, "mesh_packets", 8), (1, 0, "mesh_dropped/kind=video", 6)];
        let delay = [(0, 1, "mesh_delay_us/le=10", 3), (0, 1, "mesh_delay_us/sum", 5_000_000)];
        let second = ShardStats { mesh: [ways, delay].concat(), ..shard(&counted[..1]) };
        let text = told(&stats(&control, vec![shard(&counted), second]));
        for line in [
            "# TYPE ringfence_packets_forwarded counter",
            r#"ringfence_packets_forwarded_total{shard="0"} 70"#,
            r#"ringfence_packets_forwarded_total{shard="1"} 70"#,
            r#"ringfence_packets_dropped_total{shard="0",reason="late"} 2"#,
            r#"ringfence_packets_dropped_total{shard="0",reason="muted"} 5"#,
            "# UNIT ringfence_busy_seconds seconds",
            r#"ringfence_busy_seconds_total{shard="0"} 1.5"#,
            r#"ringfence_buffers_in_flight{shard="0",kind="send"} 4"#,
            r#"ringfence_turn_seconds_bucket{le="0.00001",shard="0"} 3"#,
            r#"ringfence_turn_seconds_bucket{le="0.00005",shard="0"} 4"#,
            r#"ringfence_turn_seconds_bucket{le="+Inf",shard="0"} 6"#,
            r#"ringfence_turn_seconds_count{shard="0"} 6"#,
            r#"ringfence_turn_seconds_sum{shard="0"} 2.0"#,
            r#"ringfence_train_datagrams_bucket{le="1.0",shard="0"} 6"#,
            r#"ringfence_made_up_total{shard="0"} 9"#, // hidden is nothing
            r#"ringfence_shard_backlog{shard="1"} 3"#,
            r#"ringfence_mesh_packets_total{from="1",to="0"} 8"#,
            r#"ringfence_mesh_dropped_total{from="1",to="0",kind="video"} 6"#,
            r#"ringfence_mesh_delay_seconds_bucket{le="0.00001",from="0",to="1"} 3"#,
            r#"ringfence_mesh_delay_seconds_sum{from="0",to="1"} 5.0"#,
            r#"ringfence_change_seconds_bucket{le="+Inf"} 1"#,
            "ringfence_change_seconds_sum 1.0",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} in\n{text}");
        }
        let types = text.lines().filter(|line| line.starts_with("# TYPE")).count();
        assert_eq!(types, 8 + 3 + 2, "each family once, with `shard_alive` and `shard_backlog`");
    }

    #[test]
    fn every_counter_has_a_name_of_its_own() {
        let rows = || FAMILIES.iter().flat_map(|(_, families)| *families);
        let of_io = io::Counter::ALL.iter().map(|counter| counter.name());
        let of_shard = shard::stats::Counter::ALL.iter().map(|counter| counter.name());
        for name in of_io.chain(of_shard) {
            let family = name.split_once('/').map_or(name, |(family, _)| family);
            assert!(rows().any(|[known, ..]| *known == family), "{name} is in no table");
        }
        for column in [0, 1] {
            let mut names: Vec<_> = rows().map(|row| row[column]).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), rows().count(), "no two of one name");
        }
    }
}
