//! SRTP: seal and open, every profile, audio and video sized packets, one key and a thousand.
//!
//! `cargo bench --bench srtp`, by CPU time of the thread. The arm `webrtc-srtp` is the control. With one key the caches are
//! warm; with a thousand, taken in turn, they are as in a meeting of a thousand subscribers.
//! Opening copies the sealed packet first, since it happens in place; the arm `copy` says what that
//! costs.

mod thread_time;

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion};
use ringfence::crypto::{Ledger, OVERHEAD_MAX, Opener, Profile, ReplayWindow, Sealer};
use ringfence::wire::number::Ssrc;
use webrtc_srtp::context::Context;
use webrtc_srtp::protection_profile::ProtectionProfile;

use thread_time::{ThreadTime, elements};

const HEADER_LEN: usize = 12;
const SIZES: [usize; 2] = [120, 1_200];
const KEYS: [usize; 2] = [1, 1_000];
const SSRC: Ssrc = Ssrc(0x1234_5678);

fn master(profile: Profile, number: usize) -> (Vec<u8>, Vec<u8>) {
    let byte = |i: usize| (i * 31 + number) as u8 ^ (number >> 8) as u8;
    (
        (0..profile.key_len()).map(byte).collect(),
        (100..100 + profile.salt_len()).map(byte).collect(),
    )
}

fn theirs(profile: Profile, number: usize) -> Context {
    let (key, salt) = master(profile, number);
    let profile = match profile {
        Profile::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
        Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Profile::Aes128CmHmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
    };
    Context::new(&key, &salt, profile, None, None).unwrap()
}

fn plain(size: usize) -> Vec<u8> {
    let mut packet = vec![0x5A; size];
    packet[..2].copy_from_slice(&[0x80, 96]);
    packet[8..12].copy_from_slice(&SSRC.0.to_be_bytes());
    packet
}

/// One sealer of many, with its ledger and its buffer.
fn sealers(profile: Profile, keys: usize, size: usize) -> Vec<(Sealer, Ledger, Vec<u8>)> {
    let one = |number| {
        let (key, salt) = master(profile, number);
        let mut sealer = Sealer::new(profile, &key, &salt).unwrap();
        let ledger = sealer.ledger(SSRC).unwrap();
        let mut buffer = plain(size);
        buffer.resize(size + OVERHEAD_MAX, 0);
        (sealer, ledger, buffer)
    };
    (0..keys).map(one).collect()
}

fn seal(group: &mut BenchmarkGroup<'_, ThreadTime>, profile: Profile, size: usize, keys: usize) {
    let mut sealers = sealers(profile, keys, size);
    let mut turn = 0;
    group.bench_function(format!("ringfence/{size}B/{keys}key"), |bencher| {
        bencher.iter(|| {
            turn = if turn + 1 == keys { 0 } else { turn + 1 };
            let (sealer, ledger, buffer) = &mut sealers[turn];
            let claim = ledger.claim_next().unwrap();
            sealer.seal_rtp(claim, HEADER_LEN, size, black_box(buffer)).unwrap()
        });
    });
}

fn seal_control(
    group: &mut BenchmarkGroup<'_, ThreadTime>,
    profile: Profile,
    size: usize,
    keys: usize,
) {
    let mut contexts: Vec<Context> = (0..keys).map(|number| theirs(profile, number)).collect();
    let mut packet = plain(size);
    let (mut seq, mut turn) = (0u16, 0);
    group.bench_function(format!("webrtc-srtp/{size}B/{keys}key"), |bencher| {
        bencher.iter(|| {
            turn = if turn + 1 == keys { 0 } else { turn + 1 };
            seq = seq.wrapping_add(u16::from(turn == 0));
            packet[2..4].copy_from_slice(&seq.to_be_bytes());
            contexts[turn].encrypt_rtp(black_box(&packet)).unwrap()
        });
    });
}

/// Each key's opener with a packet sealed by it. A fresh window each time, as the packet is always
/// the same.
fn open(group: &mut BenchmarkGroup<'_, ThreadTime>, profile: Profile, size: usize, keys: usize) {
    let one = |(number, (sealer, mut ledger, mut buffer)): (usize, (Sealer, Ledger, Vec<u8>))| {
        let (key, salt) = master(profile, number);
        let claim = ledger.claim_next().unwrap();
        let len = sealer.seal_rtp(claim, HEADER_LEN, size, &mut buffer).unwrap();
        buffer.truncate(len);
        (Opener::new(profile, &key, &salt).unwrap(), buffer)
    };
    let openers: Vec<_> = sealers(profile, keys, size).into_iter().enumerate().map(one).collect();
    let mut turn = 0;
    let mut packet = openers[0].1.clone();
    group.bench_function(format!("ringfence/{size}B/{keys}key"), |bencher| {
        bencher.iter(|| {
            turn = if turn + 1 == keys { 0 } else { turn + 1 };
            let (opener, sealed) = &openers[turn];
            packet.copy_from_slice(sealed);
            let mut window = ReplayWindow::default();
            opener.open_rtp(&mut window, HEADER_LEN, black_box(&mut packet)).unwrap()
        });
    });
    group.bench_function(format!("copy/{size}B/{keys}key"), |bencher| {
        bencher.iter(|| {
            turn = if turn + 1 == keys { 0 } else { turn + 1 };
            black_box(&mut packet).copy_from_slice(&openers[turn].1);
        });
    });
}

fn open_control(
    group: &mut BenchmarkGroup<'_, ThreadTime>,
    profile: Profile,
    size: usize,
    keys: usize,
) {
    let one = |number| {
        let sealed = theirs(profile, number).encrypt_rtp(&plain(size)).unwrap();
        (theirs(profile, number), sealed)
    };
    let mut contexts: Vec<_> = (0..keys).map(one).collect();
    let mut turn = 0;
    group.bench_function(format!("webrtc-srtp/{size}B/{keys}key"), |bencher| {
        bencher.iter(|| {
            turn = if turn + 1 == keys { 0 } else { turn + 1 };
            let (context, sealed) = &mut contexts[turn];
            context.decrypt_rtp(black_box(sealed)).unwrap()
        });
    });
}

type Arm = fn(&mut BenchmarkGroup<'_, ThreadTime>, Profile, usize, usize);
fn srtp(criterion: &mut Criterion<ThreadTime>) {
    let arms: [(&str, [Arm; 2]); 2] =
        [("seal", [seal, seal_control]), ("open", [open, open_control])];
    for profile in Profile::ALL {
        for (name, arms) in arms {
            let mut group = criterion.benchmark_group(format!("{name}/{profile:?}"));
            group.throughput(elements(1));
            for size in SIZES {
                for keys in KEYS {
                    for arm in arms {
                        arm(&mut group, profile, size, keys);
                    }
                }
            }
            group.finish();
        }
    }
}

fn main() {
    let mut criterion = thread_time::criterion(30, 0.7);
    srtp(&mut criterion);
    criterion.final_summary();
}
