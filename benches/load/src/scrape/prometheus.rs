//! Text exposition format of Prometheus and OpenMetrics, as much as we read of it: samples with labels.
//!
//! Format: "Exposition formats" of the Prometheus documentation; OpenMetrics 1.0 §5 (exemplars). Ours,
//! because the one parser on crates.io splits label values at commas and pulls in a date library and a
//! regular expression engine. A line that can not be read is passed over.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Scrape;

/// A histogram as scraped: how many values were at most so much.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Buckets {
    /// Upper bound, and how many values so far were at most that, by rising bound; the last is infinite.
    pub at_most: Vec<(f64, f64)>,
    /// Sum of all values.
    pub sum: f64,
    /// Number of values.
    pub count: f64,
}

impl Buckets {
    /// What came in since `earlier`.
    pub fn since(&self, earlier: &Buckets) -> Buckets {
        let before = |bound: f64| {
            earlier
                .at_most
                .iter()
                .find(|(other, _)| *other == bound)
                .map_or(0.0, |(_, count)| *count)
        };
        let at_most = self.at_most.iter();
        Buckets {
            at_most: at_most.map(|(bound, count)| (*bound, count - before(*bound))).collect(),
            sum: self.sum - earlier.sum,
            count: self.count - earlier.count,
        }
    }

    /// The mean, if there is any value.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    /// The value that the share `quantile` (0 to 1) does not exceed: evenly spread inside its bucket,
    /// as Prometheus reckons it; above the last finite bound, that bound.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let total = self.at_most.last()?.1;
        if total <= 0.0 {
            return None;
        }
        let rank = quantile * total;
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, count) in &self.at_most {
            if *count >= rank && *count > below {
                let inside = (rank - below) / (count - below);
                return Some(if bound.is_finite() { low + (bound - low) * inside } else { low });
            }
            if bound.is_finite() {
                low = *bound;
            }
            below = *count;
        }
        Some(low)
    }

    fn add(&mut self, bound: f64, count: f64) {
        match self.at_most.binary_search_by(|(other, _)| other.total_cmp(&bound)) {
            Ok(at) => self.at_most[at].1 += count,
            Err(at) => self.at_most.insert(at, (bound, count)),
        }
    }
}

/// One line: name, labels, value.
#[derive(Debug, PartialEq)]
struct Sample<'a> {
    name: &'a str,
    labels: Vec<(&'a str, String)>,
    value: f64,
}

impl<'a> Sample<'a> {
    fn parse(line: &'a str) -> Option<Sample<'a>> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let name_end = line.find(|c: char| c == '{' || c.is_whitespace())?;
        let (name, rest) = line.split_at(name_end);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(inside) => labels(inside)?,
            None => (Vec::new(), rest),
        };
        // What follows the value is a time, or ` # ` and an exemplar.
        let value = rest.split_whitespace().next()?.parse().ok()?; // `+Inf` and `NaN` too
        Some(Sample { name, labels, value })
    }

    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
}

/// Labels up to the closing brace, and what follows it. Values may hold commas, braces and `\"`.
fn labels(mut rest: &str) -> Option<(Vec<(&str, String)>, &str)> {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((found, after));
        }
        let (key, after) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match letters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => value.push(other),
            }
        };
        found.push((key.trim(), value));
        rest = after.get(end + 1..)?;
    }
}

/// What the metrics page `text` tells of a relay.
pub fn scrape(text: &str, at: Instant) -> Scrape {
    let mut scrape = Scrape::empty(at);
    let mut shard_cpu = BTreeMap::new();
    let mut busy = BTreeMap::new();
    for sample in text.lines().filter_map(Sample::parse) {
        let value = sample.value;
        let shard: u32 = sample.label("shard").and_then(|shard| shard.parse().ok()).unwrap_or(0);
        let count = |total: &mut Option<u64>| *total = Some(total.unwrap_or(0) + value as u64);
        match sample.name {
            "process_cpu_seconds_total" => scrape.cpu_seconds = Some(value),
            "process_resident_memory_bytes" => scrape.resident_bytes = Some(value as u64),
            "ringfence_packets_forwarded_total" => count(&mut scrape.forwarded),
            "ringfence_packets_received_total" => count(&mut scrape.received),
            "ringfence_packets_dropped_total" => count(&mut scrape.dropped),
            "ringfence_submissions_total" => count(&mut scrape.submissions),
            "ringfence_trains_total" => count(&mut scrape.trains),
            "ringfence_shard_cpu_seconds_total" => {
                *shard_cpu.entry(shard).or_insert(0.0) += value;
            }
            "ringfence_busy_seconds_total" => *busy.entry(shard).or_insert(0.0) += value,
            other => {
                let histogram = if other.starts_with("ringfence_added_latency_seconds_") {
                    &mut scrape.added_latency
                } else if other.starts_with("ringfence_train_datagrams_") {
                    &mut scrape.train_datagrams
                } else if other.starts_with("ringfence_change_seconds_") {
                    &mut scrape.changes
                } else {
                    continue;
                };
                into_histogram(histogram.get_or_insert_default(), &sample);
            }
        }
    }
    scrape.shard_cpu_seconds = shard_cpu.into_values().collect();
    scrape.busy_seconds = busy.into_values().collect();
    scrape
}

/// Histograms of several shards have the same bounds: they add up.
fn into_histogram(buckets: &mut Buckets, sample: &Sample) {
    if sample.name.ends_with("_sum") {
        buckets.sum += sample.value;
    } else if sample.name.ends_with("_count") {
        buckets.count += sample.value;
    } else if let Some(bound) = sample.label("le").and_then(|bound| bound.parse().ok()) {
        buckets.add(bound, sample.value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"
# HELP ringfence_packets_forwarded Packets forwarded.
# TYPE ringfence_packets_forwarded counter
ringfence_packets_forwarded_total{shard="0"} 1000
ringfence_packets_forwarded_total{shard="1"} 234
ringfence_packets_dropped_total{reason="too {old}, \"late\"",shard="0"} 3
ringfence_packets_dropped_total{shard="1",reason="bad_tag"} 4 1700000000000
ringfence_shard_cpu_seconds_total{shard="10"} 3.5
ringfence_shard_cpu_seconds_total{shard="9"} 2.5
process_cpu_seconds_total 12.25
process_resident_memory_bytes 1.048576e+06
ringfence_train_datagrams_bucket{shard="0",le="1.0"} 10 # {trace="a"} 1.0
ringfence_train_datagrams_bucket{shard="0",le="8.0"} 30
ringfence_train_datagrams_bucket{shard="0",le="+Inf"} 40
ringfence_train_datagrams_bucket{shard="1",le="1.0"} 1
ringfence_train_datagrams_bucket{shard="1",le="8.0"} 1
ringfence_train_datagrams_bucket{shard="1",le="+Inf"} 1
ringfence_train_datagrams_sum{shard="0"} 410
ringfence_train_datagrams_sum{shard="1"} 1
ringfence_train_datagrams_count{shard="0"} 40
ringfence_train_datagrams_count{shard="1"} 1
ringfence_change_seconds_bucket{le="0.05"} 2
ringfence_change_seconds_bucket{le="+Inf"} 3
ringfence_change_seconds_sum 0.125
ringfence_change_seconds_count 3
half a line{
# EOF
"#;

    #[test]
    fn a_page() {
        let scrape = scrape(PAGE, Instant::now());
        assert_eq!(scrape.forwarded, Some(1234), "shards add up");
        assert_eq!(scrape.dropped, Some(7), "reasons add up");
        assert_eq!(scrape.submissions, None, "not told");
        assert_eq!(scrape.shard_cpu_seconds, [2.5, 3.5], "by number, not by text");
        assert_eq!(scrape.cpu_seconds, Some(12.25));
        assert_eq!(scrape.resident_bytes, Some(1 << 20));
        let trains = scrape.train_datagrams.expect("a histogram");
        assert_eq!(trains.at_most, [(1.0, 11.0), (8.0, 31.0), (f64::INFINITY, 41.0)]);
        assert_eq!(trains.mean(), Some(411.0 / 41.0));
        assert_eq!(scrape.added_latency, None);
        let changes = scrape.changes.expect("a histogram");
        assert_eq!((changes.sum, changes.count), (0.125, 3.0));
    }

    #[test]
    fn lines() {
        for (line, expected) in [
            ("a 1", Some(("a", 0, 1.0))),
            ("a{} 2", Some(("a", 0, 2.0))),
            ("a{b=\"c\",} 3 99", Some(("a", 1, 3.0))), // trailing comma, a time
            ("a{b=\"x,y=\\\"z}\",d=\"\"} +Inf", Some(("a", 2, f64::INFINITY))),
            ("# a 1", None),
            ("a", None),
            ("a{b=\"c} 1", None), // the quote is never closed
            ("a{b} 1", None),
            ("a one", None),
            ("", None),
        ] {
            let found = Sample::parse(line);
            let found =
                found.as_ref().map(|sample| (sample.name, sample.labels.len(), sample.value));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn quantiles() {
        let buckets = Buckets {
            at_most: vec![(1.0, 50.0), (2.0, 50.0), (4.0, 90.0), (f64::INFINITY, 100.0)],
            sum: 0.0,
            count: 100.0,
        };
        for (quantile, expected) in [
            (0.25, 0.5), // half of the first bucket
            (0.5, 1.0),
            (0.7, 3.0),  // half of the third: the second is empty
            (0.99, 4.0), // beyond the last finite bound
        ] {
            assert_eq!(buckets.quantile(quantile), Some(expected), "{quantile}");
        }
        assert_eq!(Buckets::default().quantile(0.5), None);
        let twice = Buckets { at_most: vec![(1.0, 80.0), (4.0, 180.0)], sum: 9.0, count: 180.0 };
        let since = twice.since(&buckets);
        assert_eq!(since.at_most, [(1.0, 30.0), (4.0, 90.0)]);
        assert_eq!((since.sum, since.count), (9.0, 80.0));
    }
}
