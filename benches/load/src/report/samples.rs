//! A run with round figures, for tests of what is made of it.

use std::time::{Duration, Instant};

use super::{KindTotals, Outcome, Sample, Stage, histogram};
use crate::scrape::Scrape;
use crate::scrape::prometheus::Buckets;

fn server(at: Instant, cpu: f64, shard: f64, resident: u64, forwarded: u64) -> Scrape {
    let trains = forwarded / 8;
    Scrape {
        cpu_seconds: Some(cpu),
        shard_cpu_seconds: vec![shard],
        resident_bytes: Some(resident),
        forwarded: Some(forwarded),
        received: Some(forwarded / 10),
        dropped: Some(0),
        submissions: Some(forwarded / 20),
        trains: Some(trains),
        added_latency: Some(Buckets {
            at_most: vec![(0.0001, forwarded as f64), (f64::INFINITY, forwarded as f64)],
            sum: 0.0,
            count: forwarded as f64,
        }),
        train_datagrams: Some(Buckets {
            at_most: vec![(8.0, trains as f64), (f64::INFINITY, trains as f64)],
            sum: forwarded as f64,
            count: trains as f64,
        }),
        busy_seconds: vec![shard + shard / 8.0],
        ..Scrape::empty(at)
    }
}

/// 10 s, 20 participants, 10,000 packets a second, a quarter of a core of the server.
pub fn outcome() -> Outcome {
    let start = Instant::now();
    let mut latency = histogram();
    latency.record_n(100, 980).expect("in range");
    latency.record_n(900, 20).expect("in range");
    let mut join_ms = histogram();
    join_ms.record_n(12, 19).expect("in range");
    join_ms.record(30).expect("in range");
    let mut switch_ms = histogram();
    switch_ms.record_n(1500, 4).expect("in range");
    let mut stage_us = histogram();
    stage_us.record_n(1_000, 17).expect("in range");
    stage_us.record(2_000).expect("in range");
    let samples: Vec<Sample> = (1..=10_u64)
        .map(|second| Sample {
            at: Duration::from_secs(second),
            forwarded: 10_000 * second,
            lost: if second >= 5 { 25 } else { 0 },
            bytes: 10_000_000 * second,
            latency: latency.clone(),
            joined: 20,
            client_busy: 0.33,
            server: Some(server(
                start + Duration::from_secs(second),
                0.25 * second as f64,
                0.2 * second as f64,
                5_000_000,
                10_000 * second,
            )),
        })
        .collect();
    Outcome {
        options: serde_json::json!({"meetings": 2, "participants": 10, "pin": 1}),
        duration: Duration::from_secs(10),
        audio: KindTotals { packets: 20_000, bytes: 2_400_000, ..KindTotals::default() },
        video: KindTotals { packets: 80_000, bytes: 96_000_000, lost: 25, latency_us: latency },
        join_ms,
        switch_ms,
        switches_asked: 4,
        switches_seen: 4,
        stages: vec![Stage {
            name: "shuffle 1".into(),
            moved: 19,
            answered: Duration::from_millis(4),
            flipped: Some(Duration::from_micros(3_500)),
            asked: 18,
            switch_us: stage_us,
            wrong_room: 0,
        }],
        checked_packets: 1000,
        published_packets: 11_000,
        participants: 20,
        client_busy_pct: 33.0,
        client_threads: vec![("media".into(), 30.0), ("tokio".into(), 3.0)],
        server_empty: Some(server(start, 0.0, 0.0, 4_000_000, 0)),
        server_before: Some(server(start, 1.0, 1.0, 4_500_000, 5_000)),
        server_after: Some(server(start + Duration::from_secs(12), 4.0, 2.5, 5_000_000, 125_000)),
        samples,
        ..Outcome::default()
    }
}
