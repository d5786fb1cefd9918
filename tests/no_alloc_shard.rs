//! The packet path of a shard allocates nothing in the steady state: in, cached, fanned out to ten
//! subscribers, sealed into trains, with padding, and by an egress that is cut again and again.
//!
//! Counted: every call of the global allocator on this thread. What C asks for by itself is counted
//! in `no_alloc_crypto.rs`.

mod room;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use ringfence::crypto::Profile;
use ringfence::shard::plan::Padding;
use ringfence::shard::stats::Counter;
use ringfence::wire::media::Kind;

use room::{Plan, Room};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: hands everything to the system's allocator, and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SUBSCRIBERS: u64 = 10;
const PLAN: Plan =
    Plan { participants: 1 + SUBSCRIBERS, publishers: 1, audio_slots: 1, video_slots: 1 };

/// Turn `n` of the publisher: a voice now and then, and pictures that differ by a few bytes.
fn packets(room: &mut Room, n: usize) -> Vec<Vec<u8>> {
    let voice = n.is_multiple_of(4).then(|| room.packet(0, Kind::Audio, 120, false));
    let key = n.is_multiple_of(100);
    let pictures = (0..3).map(|at| room.packet(0, Kind::Video, 1_100 + (n + at) % 5, key));
    let pictures: Vec<_> = pictures.collect();
    voice.into_iter().chain(pictures).collect()
}

fn turn(room: &mut Room, packets: &mut [Vec<u8>]) {
    room.now += Duration::from_millis(8);
    packets.iter_mut().for_each(|packet| room.take(0, packet));
    room.turn();
}

fn nothing_is_allocated(profile: Profile, budget: Duration, padding: Padding) -> (u64, u64) {
    let mut room = Room::new(profile, &PLAN, |config| {
        (config.egress_budget, config.padding) = (budget, padding);
    });
    let mut turns: Vec<_> = (0..1_200).map(|n| packets(&mut room, n)).collect();
    let (warm, steady) = turns.split_at_mut(600);
    for packets in warm {
        turn(&mut room, packets);
        room.tend();
    }
    let count = |room: &Room, counter| room.shard.stats().of(counter);
    let [forwarded, reports] = [Counter::ForwardedPackets, Counter::SentRtcp];
    let before = (count(&room, forwarded), count(&room, reports), room.turns);
    assert!(COUNT.with(Cell::get) > 1_000, "it counts");
    let (mut by_media, mut said) = (0, 0);
    for packets in steady {
        let sent = count(&room, reports);
        let before = COUNT.with(Cell::get);
        turn(&mut room, packets);
        let made = COUNT.with(Cell::get) - before;
        said += packets.len() as u64;
        // RTCP, a few packets a second, is exempt (DESIGN.md §3); it is sent in few turns.
        if count(&room, reports) == sent {
            by_media += made;
        }
    }
    let what = format!("{profile:?} {budget:?} {padding:?}");
    assert_eq!(by_media, 0, "{what}");
    let all = said * SUBSCRIBERS;
    assert_eq!(count(&room, forwarded) - before.0, all, "{what}: all of them went all the way");
    let told = count(&room, reports) - before.1;
    assert!(told <= 100, "{what}: {told} reports");
    (room.turns - before.2, count(&room, Counter::PaddedPackets))
}

#[test]
fn a_packet_allocates_nothing() {
    let (whole, short) = (Duration::from_millis(1), Duration::from_micros(12));
    for profile in [Profile::Aes128CmHmacSha1_80, Profile::AeadAes128Gcm, Profile::AeadAes256Gcm] {
        let (turns, padded) = nothing_is_allocated(profile, whole, Padding::default());
        assert!(turns == 600 && padded > 1_000, "{turns} {padded}");
        let (turns, padded) = nothing_is_allocated(profile, short, Padding::OFF);
        assert!(turns > 3 * 600 && padded == 0, "{turns} {padded}");
    }
}
