//! The packet path of a shard allocates nothing in the steady state: in, cached, fanned out to ten
//! subscribers, sealed into trains, with padding, and by an egress that is cut again and again.
//!
//! Counted: every call of the global allocator on this thread. What C asks for by itself is counted
//! in `no_alloc_crypto.rs`.
//!
//! The same with the subscribers on another shard, the way between them held in memory.

mod room;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use ringfence::crypto::Profile;
use ringfence::route::id::{Epoch, ShardIndex};
use ringfence::shard::command::Command;
use ringfence::shard::mesh::{Carried, Facts, Mesh, Message, Signal};
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

/// A message between two shards, its bytes in place.
struct Slot {
    what: Result<Facts, Signal>,
    bytes: [u8; 2_048],
    len: usize,
}

/// The way from one shard to the other; takes no memory but at the beginning.
struct Way(Vec<Slot>);

struct Ends<'a> {
    own: usize,
    now: Instant,
    out: &'a mut Way,
    into: &'a mut Way,
}

impl Mesh for Ends<'_> {
    fn send(&mut self, _: ShardIndex, message: &Message<'_>) -> bool {
        let (what, payload) = match message {
            Message::Signal(signal) => (Err(*signal), &[][..]),
            Message::Packet(Carried { facts, payload, .. }) => (Ok(*facts), *payload),
        };
        let mut bytes = [0; 2_048];
        bytes[..payload.len()].copy_from_slice(payload);
        self.out.0.push(Slot { what, bytes, len: payload.len() });
        true
    }

    fn receive(&mut self, take: &mut impl FnMut(ShardIndex, Instant, Message<'_>)) {
        let from = ShardIndex(1 - self.own);
        for slot in &self.into.0 {
            let message = match slot.what {
                Err(signal) => Message::Signal(signal),
                Ok(facts) => {
                    let payload = &slot.bytes[..slot.len];
                    Message::Packet(Carried { facts, descriptor: &[], payload })
                }
            };
            take(from, self.now, message);
        }
        self.into.0.clear();
    }
}

/// One turn of the home, and one of the other shard.
fn turn_of_two(rooms: &mut [Room; 2], ways: &mut [Way; 2], packets: &mut [Vec<u8>]) {
    for (own, room) in rooms.iter_mut().enumerate() {
        room.now += Duration::from_millis(8);
        if own == 0 {
            packets.iter_mut().for_each(|packet| room.take(0, packet));
        }
        let [first, second] = ways;
        let (out, into) = if own == 0 { (first, second) } else { (second, first) };
        let mut ends = Ends { own, now: room.now, out, into };
        room.shard.take_over(room.now, &mut ends);
        room.shard.hand_over(room.now, &mut ends);
        room.turn();
    }
}

#[test]
fn a_packet_between_shards_allocates_nothing() {
    let of = |shard, plan: Plan| {
        let mut room = Room::new(Profile::AeadAes128Gcm, &plan, |config| {
            config.shard = ShardIndex(shard);
        });
        let mut table = room::table(&PLAN);
        (table.epoch, table.shards) = (Epoch(2), vec![ShardIndex(0), ShardIndex(1)]);
        room.shard.handle_command(room.now, Command::Install(Box::new(table)));
        room
    };
    let home = of(0, Plan { participants: 1, ..PLAN });
    let mut rooms = [home, of(1, Plan { publishers: 0, ..PLAN })];
    let mut ways = [Way(Vec::with_capacity(64)), Way(Vec::with_capacity(64))];
    let mut turns: Vec<_> = (0..1_200).map(|n| packets(&mut rooms[0], n)).collect();
    let (warm, steady) = turns.split_at_mut(600);
    for packets in warm {
        turn_of_two(&mut rooms, &mut ways, packets);
        rooms.iter_mut().for_each(Room::tend);
    }
    let sum = |rooms: &[Room; 2], counter| -> u64 {
        rooms.iter().map(|room| room.shard.stats().of(counter)).sum()
    };
    let before = sum(&rooms, Counter::ForwardedPackets);
    let (mut by_media, mut said) = (0, 0);
    for packets in steady {
        let (sent, made) = (sum(&rooms, Counter::SentRtcp), COUNT.with(Cell::get));
        turn_of_two(&mut rooms, &mut ways, packets);
        said += packets.len() as u64;
        if sum(&rooms, Counter::SentRtcp) == sent {
            by_media += COUNT.with(Cell::get) - made;
        }
    }
    assert_eq!(by_media, 0);
    assert_eq!(sum(&rooms, Counter::ForwardedPackets) - before, said * SUBSCRIBERS);
}
