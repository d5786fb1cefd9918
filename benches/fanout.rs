//! What the relay's own code costs for each packet it sends: 1 → 1, 10, 100, 1,000 subscribers.
//!
//! `cargo bench --bench fanout`. In memory, without sockets, by CPU time of the thread. At the end
//! the shard is set against its control, the bare in-place seal over as many keys, in interleaved
//! rounds: `cargo bench --bench fanout -- none` prints that table only.

mod fan;
mod thread_time;

use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion};
use ringfence::crypto::Profile;

use fan::{Fan, Media, Raw};
use thread_time::{ThreadTime, elements, median, nanoseconds_per, thread_time, timed};

const SUBSCRIBERS: [usize; 4] = [1, 10, 100, 1_000];
/// Rounds of the comparison at the end; each arm runs once in each.
const ROUNDS: usize = 15;
/// Packets that one arm sends in one round, about.
const PER_ROUND: usize = 30_000;
/// Figure e: what the shard may cost, as a multiple of the bare seal.
const RATIO_MAX: f64 = 1.4;

/// Bursts written at a time: as many as the second-level cache holds well, fewer if each of them
/// keeps the shard busy for long.
fn bursts_at_a_time(fan: &Fan) -> usize {
    (4_096 / fan.per_burst()).clamp(1, 64)
}

/// Forwards so many bursts. The time that took, without the publisher's part.
fn forward(fan: &mut Fan, bursts: u64, packets: &mut Vec<Vec<u8>>) -> Duration {
    let mut spent = Duration::ZERO;
    let mut left = bursts as usize;
    while left > 0 {
        let now = left.min(bursts_at_a_time(fan));
        fan.write(now, packets);
        let start = thread_time();
        fan.forward(packets);
        spent += thread_time() - start;
        left -= now;
    }
    spent
}

fn shard(
    group: &mut BenchmarkGroup<'_, ThreadTime>,
    profile: Profile,
    media: Media,
    subscribers: usize,
) {
    let name = format!("{profile:?}/{}/{subscribers}", media.name);
    group.throughput(elements(media.burst * subscribers));
    let mut fan = None; // made when the bench is not filtered out
    group.bench_function(format!("shard/{name}"), |bencher| {
        let fan = fan.get_or_insert_with(|| Fan::new(profile, media, subscribers));
        let mut packets = Vec::new();
        bencher.iter_custom(|bursts| forward(fan, bursts, &mut packets));
        fan.check();
    });
}

fn raw(
    group: &mut BenchmarkGroup<'_, ThreadTime>,
    profile: Profile,
    media: Media,
    subscribers: usize,
) {
    group.throughput(elements(media.burst * subscribers));
    let mut raw = None;
    for (arm, copy) in [("seal", false), ("copy and seal", true)] {
        let name = format!("{arm}/{profile:?}/{}/{subscribers}", media.name);
        group.bench_function(name, |bencher| {
            let raw = raw.get_or_insert_with(|| Raw::new(profile, media, subscribers));
            bencher.iter(|| raw.seal(1, copy));
        });
    }
}

fn fanout(criterion: &mut Criterion<ThreadTime>) {
    let mut group = criterion.benchmark_group("fanout");
    for subscribers in SUBSCRIBERS {
        shard(&mut group, Profile::AeadAes128Gcm, Media::VIDEO, subscribers);
        shard(&mut group, Profile::AeadAes128Gcm, Media::AUDIO, subscribers);
    }
    for profile in [Profile::AeadAes256Gcm, Profile::Aes128CmHmacSha1_80] {
        shard(&mut group, profile, Media::VIDEO, 100);
    }
    for profile in Profile::ALL {
        raw(&mut group, profile, Media::VIDEO, 100);
    }
    raw(&mut group, Profile::AeadAes128Gcm, Media::VIDEO, 1_000);
    raw(&mut group, Profile::AeadAes128Gcm, Media::AUDIO, 1_000);
    group.finish();
}

/// Medians of the three arms in interleaved rounds, ns for each packet sent.
fn compare(profile: Profile, media: Media, subscribers: usize) -> [f64; 3] {
    let mut fan = Fan::new(profile, media, subscribers);
    let mut raw = Raw::new(profile, media, subscribers);
    let mut packets = Vec::new();
    raw.seal(10, true);
    let bursts = (PER_ROUND / fan.per_burst()).max(2);
    let sent = (bursts * fan.per_burst()) as u64;
    let mut arms = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        arms[0].push(nanoseconds_per(timed(|| raw.seal(bursts, false)).1, sent));
        arms[1].push(nanoseconds_per(timed(|| raw.seal(bursts, true)).1, sent));
        let spent = forward(&mut fan, bursts as u64, &mut packets);
        arms[2].push(nanoseconds_per(spent, sent));
    }
    fan.check();
    arms.map(|mut rounds| median(&mut rounds))
}

/// Figure e of issue 3.
fn figure_e() {
    let media = Media::VIDEO;
    println!();
    println!("Shard against the bare in-place seal, AEAD_AES_128_GCM, {} B, frames of", media.size);
    println!("six packets: medians of {ROUNDS} interleaved rounds, CPU ns for each packet sent");
    println!("subscribers    seal  copy+seal   shard  shard/seal  shard/(copy+seal)");
    let mut widest = 0.0;
    for subscribers in SUBSCRIBERS {
        let [seal, copied, shard] = compare(Profile::AeadAes128Gcm, media, subscribers);
        let ratio = shard / seal;
        let shown = shard / copied;
        println!(
            "{subscribers:>11} {seal:>7.1} {copied:>10.1} {shard:>7.1} {ratio:>11.2} {shown:>18.2}"
        );
        widest = ratio; // the last row: as many subscribers as there are
    }
    let verdict = if widest <= RATIO_MAX { "reached" } else { "NOT reached" };
    println!(
        "figure e: shard/seal at 1,000 subscribers {widest:.2}, at most {RATIO_MAX}: {verdict}"
    );
}

fn main() {
    let mut criterion = thread_time::criterion(20, 1.2);
    fanout(&mut criterion);
    criterion.final_summary();
    figure_e();
}
