//! How much memory a participant takes on a shard, and a leg: every byte that the global allocator
//! gave this thread and did not get back.
//!
//! The sessions are injected, so the engine of DTLS is not in these figures; `ringfence-load` tells
//! what a connected participant takes in all.

mod room;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use ringfence::crypto::Profile;
use ringfence::shard::stats::Counter;
use ringfence::wire::media::Kind;

use room::{Plan, Room};

thread_local! {
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: hands everything to the system's allocator, and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.with(|live| live.set(live.get() + layout.size() as i64));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.with(|live| live.set(live.get() - layout.size() as i64));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.with(|live| live.set(live.get() + size as i64 - layout.size() as i64));
        // SAFETY: the caller's promise, handed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const KIB: i64 = 1_024;

/// So many say something for three seconds: 50 voices a second, 1.5 Mbit/s of pictures in frames of
/// six.
fn three_seconds(room: &mut Room, publishers: u64) {
    for tick in 0..150 {
        room.now += Duration::from_millis(20);
        for id in 0..publishers {
            let mut voice = room.packet(id, Kind::Audio, 100, false);
            room.take(id, &mut voice);
            for _ in 0..if tick % 2 == 0 { 6 } else { 0 } {
                let mut picture = room.packet(id, Kind::Video, 1_150, tick < 6);
                room.take(id, &mut picture);
            }
        }
        room.turn();
        room.tend();
    }
}

/// Bytes of one more participant in a room where everybody says something.
fn per_participant(publishers: u64, audio_slots: usize, video_slots: usize) -> i64 {
    // As many as fill the memory that slabs and maps took in advance.
    let sizes = [32, 64].map(|participants| {
        let before = LIVE.with(Cell::get);
        let plan = Plan { participants, publishers, audio_slots, video_slots };
        let mut room = Room::new(Profile::AeadAes256Gcm, &plan, |_| ());
        three_seconds(&mut room, publishers);
        let slots = (audio_slots.min(publishers as usize), video_slots.min(publishers as usize));
        let legs = participants * (slots.0 + slots.1) as u64;
        let forwarded = room.shard.stats().of(Counter::ForwardedPackets);
        assert!(forwarded >= legs * 100 || publishers == 0, "{forwarded} to {legs} legs");
        LIVE.with(Cell::get) - before
    });
    (sizes[1] - sizes[0]) / 32
}

#[test]
fn bytes_of_a_participant_and_of_a_leg() {
    let bare = per_participant(8, 0, 0);
    let idle = per_participant(0, 4, 16);
    let audio_leg = (per_participant(8, 4, 0) - bare) / 4;
    let video_leg = (per_participant(8, 0, 7) - bare) / 7;
    println!("bare {bare}, idle {idle}, audio leg {audio_leg}, video leg {video_leg}");
    assert!(audio_leg <= 2 * KIB, "{audio_leg} bytes of an audio leg");
    assert!(video_leg <= 6 * KIB, "{video_leg} bytes of a video leg");
    assert!(idle <= 24 * KIB, "{idle} bytes of an idle participant, beside DTLS");
}

#[test]
fn bytes_of_a_participant_who_publishes() {
    let listening = per_participant(8, 3, 7);
    let before = LIVE.with(Cell::get);
    let room = |publishers: u64| {
        let plan = Plan { participants: 16, publishers, audio_slots: 3, video_slots: 7 };
        let mut room = Room::new(Profile::AeadAes256Gcm, &plan, |_| ());
        three_seconds(&mut room, publishers);
        room
    };
    let one = [8, 16].map(|publishers| {
        let room = room(publishers);
        let live = LIVE.with(Cell::get) - before;
        drop(room);
        live
    });
    let publishing = (one[1] - one[0]) / 8;
    println!("listening {listening}, publishing adds {publishing}");
    let active = listening + publishing;
    assert!(active <= 76 * KIB, "{active} bytes of an active participant, beside DTLS");
}
