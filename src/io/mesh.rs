//! The rings between shards: one (`rtrb`) for each ordered pair, bounded, of slots that one shard
//! writes once and the other reads once. No count is shared but the two ends of each ring.
//!
//! A packet is copied into its slot and out of it. Sharing its buffer instead would take two
//! changes of a count that the cores pass to and fro, and memory that one core allocates and
//! another frees: `benches/mesh.rs` has both.
//!
//! A shard that sleeps is woken at most once per turn of whoever sends to it; one that is awake
//! looks at its rings before it sleeps (`wake`).
//!
//! A shard that is started again gets new rings, and so does everybody else for it: their ends come
//! with their commands, so that nothing that names the new shard is looked at before.

use std::fmt;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{Ordering::Acquire, fence};
use std::time::Instant;

use super::counters::{Counter, Counters};
use super::link::Shared;
use crate::route::cache::PACKET_MAX;
use crate::route::id::ShardIndex;
use crate::shard::histogram::{Histogram, Scale, scale};
use crate::shard::mesh::{Carried, Facts, Mesh, Message, Signal};

/// Messages of one ring that a turn takes at most: the rest follow in the next one.
const MESSAGES_PER_TURN: usize = 256;

/// Of a ring's slots; the fewer, the more shards there are.
const SLOTS: (usize, usize) = (64, 1_024);

/// How long messages wait between two shards, from the beginning of the sender's turn to that of
/// the receiver's, in microseconds.
static DELAY: Scale =
    scale!("mesh_delay_us", 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000);

/// What the sender of a pair counts.
const SENT: [&str; 5] = [
    "mesh_packets",
    "mesh_signals",
    "mesh_dropped/kind=video",
    "mesh_dropped/kind=audio",
    "mesh_wakes",
];
const PACKETS: usize = 0;
const SIGNALS: usize = 1;
/// By [`crate::shard::mesh::Class`].
const DROPPED: usize = 2;
const WAKES: usize = 4;

/// How many numbers there are for each other shard: what is sent to it, and what came from it.
pub(super) const CELLS: usize = SENT.len() + DELAY.names.len();

/// One number of a pair, by its place: from and to which shard, and its name.
pub(super) fn name(own: usize, place: usize) -> (usize, usize, &'static str) {
    let (other, cell) = (place / CELLS, place % CELLS);
    match SENT.get(cell) {
        Some(name) => (own, other, name),
        None => (other, own, DELAY.names[cell - SENT.len()]), // of `CELLS` the rest
    }
}

/// What a slot holds besides bytes.
#[derive(Clone, Copy)]
enum What {
    Packet { facts: Facts, descriptor_len: u16, len: u16 },
    Signal(Signal),
}

/// A message in a ring. Of `bytes` the first `len` of a packet are written.
struct Slot {
    /// When the sender's turn began.
    sent: Instant,
    what: What,
    bytes: [MaybeUninit<u8>; PACKET_MAX],
}

/// The way to one shard.
struct Out {
    ring: rtrb::Producer<Slot>,
    shared: Arc<Shared>,
    /// Something was sent to it in this turn.
    is_touched: bool,
    /// It has ended, and the world was told.
    has_ended: bool,
    counts: [u64; SENT.len()],
}

/// The way from one shard.
struct In {
    ring: rtrb::Consumer<Slot>,
    delay: Histogram,
}

/// The ends of both ways between a shard and another, at one of them.
pub(super) struct Way {
    /// Who is at the other end.
    other: ShardIndex,
    out: Out,
    into: In,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("other", &self.other).finish_non_exhaustive()
    }
}

/// One shard's ends of all rings.
pub(super) struct Rings {
    /// When the turn began.
    now: Instant,
    /// By shard; none to itself.
    out: Vec<Option<Out>>,
    into: Vec<Option<In>>,
    received: usize,
}

/// The rings between `shards`: what each of them gets.
pub(super) fn rings(shards: &[Arc<Shared>], now: Instant) -> Vec<Rings> {
    let count = shards.len();
    let mut all: Vec<Rings> = (0..count).map(|_| Rings::of(count, now)).collect();
    for one in 0..count {
        for two in one + 1..count {
            let [at_one, at_two] = ways([(one, &shards[one]), (two, &shards[two])], count);
            all[one].adopt(at_one);
            all[two].adopt(at_two);
        }
    }
    all
}

/// The rings of `shard`, which is started again: what it gets, and what each of the others gets
/// that run.
pub(super) fn rings_anew(
    (shard, own): (usize, &Arc<Shared>),
    others: &[(usize, Arc<Shared>)],
    count: usize,
    now: Instant,
) -> (Rings, Vec<Way>) {
    let mut rings = Rings::of(count, now);
    let way = |(other, shared): &(usize, Arc<Shared>)| {
        let [here, there] = ways([(shard, own), (*other, shared)], count);
        rings.adopt(here);
        there
    };
    let theirs = others.iter().map(way).collect();
    (rings, theirs)
}

/// Both ways between two of `count` shards: the ends of the one, and of the other.
fn ways(between: [(usize, &Arc<Shared>); 2], count: usize) -> [Way; 2] {
    let slots = (2 * SLOTS.1 / count.max(1)).clamp(SLOTS.0, SLOTS.1);
    let [(one, at_one), (two, at_two)] = between;
    let (there, from_one) = rtrb::RingBuffer::new(slots);
    let (back, from_two) = rtrb::RingBuffer::new(slots);
    let way = |other, ring, shared: &Arc<Shared>, end| Way {
        other: ShardIndex(other),
        out: Out {
            ring,
            shared: shared.clone(),
            is_touched: false,
            has_ended: false,
            counts: [0; SENT.len()],
        },
        into: In { ring: end, delay: Histogram::new(&DELAY) },
    };
    [way(two, there, at_two, from_two), way(one, back, at_one, from_one)]
}

impl Rings {
    /// Of one of `count` shards, without any way yet.
    pub fn of(count: usize, now: Instant) -> Self {
        let (out, into) = ((0..count).map(|_| None).collect(), (0..count).map(|_| None).collect());
        Self { now, out, into, received: 0 }
    }

    /// From now on this is the way to and from another shard. What was counted of the former one
    /// counts on. Returns which shard.
    pub fn adopt(&mut self, Way { other, mut out, mut into }: Way) -> ShardIndex {
        if let Some(place) = self.out.get_mut(other.0) {
            out.counts = place.as_ref().map_or(out.counts, |former| former.counts);
            *place = Some(out);
        }
        if let Some(place) = self.into.get_mut(other.0) {
            if let Some(former) = place.take() {
                into.delay = former.delay;
            }
            *place = Some(into);
        }
        other
    }

    /// Whether there are no other shards.
    pub fn is_empty(&self) -> bool {
        self.into.len() < 2
    }

    /// A turn begins.
    pub fn begin(&mut self, now: Instant) {
        self.now = now;
    }

    /// Whether something came that was not taken yet.
    pub fn has_news(&self) -> bool {
        self.into.iter().flatten().any(|way| !way.ring.is_empty())
    }

    /// Wakes those who sleep of the shards that were sent something in this turn. Whether anybody
    /// was sent something.
    pub fn wake(&mut self) -> bool {
        let mut is_any = false;
        for out in self.out.iter_mut().flatten() {
            let is_touched = std::mem::take(&mut out.is_touched);
            if is_touched && out.shared.wake.wake_sleeper() {
                out.counts[WAKES] += 1;
            }
            is_any |= is_touched;
        }
        is_any
    }

    /// Counts what came.
    pub fn count(&mut self, counters: &mut Counters) {
        counters.add(Counter::MeshIn, std::mem::take(&mut self.received));
    }

    /// The numbers of all pairs, in the order of [`name`].
    pub fn cells(&self) -> impl Iterator<Item = u64> + '_ {
        const NOTHING: [u64; CELLS] = [0; CELLS];
        let of_pair = |(out, into): (&Option<Out>, &Option<In>)| {
            let mut cells = NOTHING;
            if let Some((out, into)) = out.as_ref().zip(into.as_ref()) {
                let counted = out.counts.iter().chain(into.delay.cells());
                cells.iter_mut().zip(counted).for_each(|(cell, count)| *cell = *count);
            }
            cells
        };
        self.out.iter().zip(&self.into).flat_map(of_pair)
    }
}

impl Mesh for Rings {
    fn send(&mut self, to: ShardIndex, message: &Message<'_>) -> bool {
        let Some(out) = self.out.get_mut(to.0).and_then(Option::as_mut) else { return true };
        let class = message.class();
        let least = class.reserve(out.ring.buffer().capacity()) + 1;
        // What is known without a look at what the other core writes, or that look.
        if out.has_ended || (out.ring.cached_slots() < least && out.ring.slots() < least) {
            if let Message::Packet(_) = message {
                out.counts[DROPPED + class as usize] += 1;
            }
            return out.has_ended;
        }
        let Ok(mut chunk) = out.ring.write_chunk_uninit(1) else { return false };
        let Some(slot) = chunk.as_mut_slices().0.first_mut() else { return false };
        write(slot, self.now, message);
        // SAFETY: `write` initialised the slot: `sent` and `what`; of `bytes` nothing need be.
        unsafe { chunk.commit_all() };
        out.is_touched = true;
        let counted = if let Message::Packet(_) = message { PACKETS } else { SIGNALS };
        out.counts[counted] += 1;
        true
    }

    fn receive(&mut self, take: &mut impl FnMut(ShardIndex, Instant, Message<'_>)) {
        for (from, way) in self.into.iter_mut().enumerate() {
            let Some(In { ring, delay }) = way else { continue };
            let count = ring.slots().min(MESSAGES_PER_TURN);
            let Ok(chunk) = ring.read_chunk(count) else { continue };
            let (first, second) = chunk.as_slices();
            for slot in first.iter().chain(second) {
                let waited = self.now.saturating_duration_since(slot.sent).as_micros();
                delay.record(waited as u64, 1);
                take(ShardIndex(from), slot.sent, slot.message());
            }
            self.received += count;
            chunk.commit_all();
        }
    }

    fn ended(&mut self) -> Option<ShardIndex> {
        let mut ways = self.out.iter_mut().zip(&self.into).enumerate();
        ways.find_map(|(index, (out, into))| {
            let out = out.as_mut().filter(|out| !out.has_ended && out.ring.is_abandoned())?;
            fence(Acquire); // what it wrote before it let go of the ring is seen from here on
            // Its last messages come first: taken after its end, they would bring it back.
            into.as_ref().is_none_or(|into| into.ring.is_empty()).then_some(())?;
            out.has_ended = true;
            Some(ShardIndex(index))
        })
    }
}

/// Writes a whole slot, but for bytes that the message does not have.
fn write(slot: &mut MaybeUninit<Slot>, sent: Instant, message: &Message<'_>) {
    let slot = slot.as_mut_ptr();
    let what = match message {
        Message::Signal(signal) => What::Signal(*signal),
        Message::Packet(Carried { facts, descriptor, payload }) => {
            let (descriptor_len, len) = (descriptor.len(), descriptor.len() + payload.len());
            assert!(len <= PACKET_MAX, "a cache stores no longer packet");
            // SAFETY: `slot` is valid for writes, and its bytes may be uninitialised, as their type
            // says; nobody else refers to them.
            let bytes = unsafe { &mut (*slot).bytes };
            bytes[..descriptor_len].write_copy_of_slice(descriptor);
            bytes[descriptor_len..len].write_copy_of_slice(payload);
            // Both fit: looked above.
            What::Packet { facts: *facts, descriptor_len: descriptor_len as u16, len: len as u16 }
        }
    };
    // SAFETY: `slot` is valid for writes and aligned; what it held needs no drop.
    unsafe {
        (&raw mut (*slot).sent).write(sent);
        (&raw mut (*slot).what).write(what);
    }
}

impl Slot {
    fn message(&self) -> Message<'_> {
        match &self.what {
            What::Signal(signal) => Message::Signal(*signal),
            What::Packet { facts, descriptor_len, len } => {
                let bytes = &self.bytes[..usize::from(*len)];
                // SAFETY: `write` wrote the first `len` bytes of a packet's slot, and only it makes
                // slots.
                let bytes = unsafe { bytes.assume_init_ref() };
                let (descriptor, payload) = bytes.split_at(usize::from(*descriptor_len));
                Message::Packet(Carried { facts: *facts, descriptor, payload })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::counters::Published;
    use super::super::wake::Wake;
    use super::*;
    use crate::route::id::{Epoch, TrackId};
    use crate::route::packet::{Packet, SourceIndex, Vp8Numbers};
    use crate::wire::media::{Codec, Kind};
    use crate::wire::number::Timestamp;

    fn shards(count: usize) -> Vec<Arc<Shared>> {
        let shared = |_| Arc::new(Shared::new(Wake::new().unwrap(), Published::new(0, 0, count)));
        (0..count).map(shared).collect()
    }

    fn facts(kind: Kind, index: u64) -> Facts {
        let packet = Packet {
            index: SourceIndex(index),
            timestamp: Timestamp(0),
            arrived_us: 0,
            marker: false,
            keyframe: false,
            codec: Codec::Opus,
            audio_level: None,
            orientation: None,
            vp8: Vp8Numbers::NONE,
        };
        Facts { track: TrackId(7), kind, epoch: Epoch(3), packet, again: false }
    }

    fn send(rings: &mut Rings, to: usize, kind: Kind, index: u64, payload: &[u8]) -> bool {
        let carried = Carried { facts: facts(kind, index), descriptor: &[1, 2], payload };
        rings.send(ShardIndex(to), &Message::Packet(carried))
    }

    fn signal(rings: &mut Rings, to: usize, track: u64) -> bool {
        rings.send(ShardIndex(to), &Message::Signal(Signal::Ended(TrackId(track))))
    }

    /// What came: from which shard, number of the packet or track of the signal, length.
    fn taken(rings: &mut Rings) -> Vec<(usize, u64, usize)> {
        let mut all = Vec::new();
        rings.receive(&mut |from, _, message| match message {
            Message::Packet(Carried { facts, descriptor, payload }) => {
                assert_eq!(descriptor, [1, 2]);
                assert!(payload.iter().all(|byte| *byte == facts.packet.index.0 as u8));
                all.push((from.0, facts.packet.index.0, payload.len()));
            }
            Message::Signal(Signal::Ended(track)) => all.push((from.0, track.0, 0)),
            Message::Signal(_) => unreachable!("not sent"),
        });
        all
    }

    #[test]
    fn messages_arrive_whole_and_in_order() {
        let shared = shards(3);
        let mut all = rings(&shared, Instant::now());
        for round in 0..200_u64 {
            let index = round % 250;
            assert!(send(&mut all[0], 2, Kind::Audio, index, &[index as u8; 40]));
            assert!(signal(&mut all[0], 2, round));
            assert!(send(&mut all[1], 2, Kind::Video, index, &vec![index as u8; PACKET_MAX - 2]));
            let expected = [(0, index, 40), (0, round, 0), (1, index, PACKET_MAX - 2)];
            assert!(all[2].has_news());
            assert_eq!(taken(&mut all[2]), expected);
            assert!(!all[2].has_news() && taken(&mut all[0]).is_empty());
        }
    }

    #[test]
    fn a_full_ring_drops_pictures_then_voices_and_keeps_no_other_waiting() {
        let shared = shards(3);
        let mut all = rings(&shared, Instant::now());
        let capacity = all[0].out[1].as_ref().unwrap().ring.buffer().capacity();
        let pictures = (0..2_000).filter(|_| send(&mut all[0], 1, Kind::Video, 1, &[1])).count();
        assert_eq!(pictures, capacity - capacity / 4);
        let voices = (0..2_000).filter(|_| send(&mut all[0], 1, Kind::Audio, 1, &[1])).count();
        assert_eq!(voices, capacity / 4 - capacity / 16);
        let signals = (0..2_000).filter(|_| signal(&mut all[0], 1, 1)).count();
        assert_eq!(signals, capacity / 16);
        assert!(send(&mut all[0], 2, Kind::Video, 1, &[1]), "the way to another shard is free");
        let (dropped, cells) = (2_000, all[0].cells().collect::<Vec<_>>());
        let of = |name_wanted: &str, to| {
            let mut places =
                (0..cells.len()).filter(|place| name(0, *place) == (0, to, name_wanted));
            cells[places.next().expect("there is such a number")]
        };
        assert_eq!(of("mesh_dropped/kind=video", 1), dropped - pictures as u64);
        assert_eq!(of("mesh_dropped/kind=audio", 1), dropped - voices as u64);
        assert_eq!(of("mesh_packets", 1), (pictures + voices) as u64);
        assert_eq!(of("mesh_signals", 1), signals as u64);
        assert_eq!(of("mesh_packets", 2), 1);
        let mut sum = 0;
        while all[1].has_news() {
            sum += taken(&mut all[1]).len();
        }
        assert_eq!(sum, capacity);
        assert!(send(&mut all[0], 1, Kind::Video, 1, &[1]), "room again");
    }

    #[test]
    fn a_sleeping_shard_is_woken_once_a_turn() {
        let shared = shards(2);
        let mut all = rings(&shared, Instant::now());
        let wakes = |rings: &Rings| rings.out[1].as_ref().unwrap().counts[WAKES];
        signal(&mut all[0], 1, 1);
        all[0].wake();
        assert_eq!(wakes(&all[0]), 0, "it is awake");
        shared[1].wake.lie_down(|| false);
        all[0].wake();
        assert_eq!(wakes(&all[0]), 0, "nothing was sent since");
        (0..9).for_each(|_| assert!(signal(&mut all[0], 1, 1)));
        all[0].wake();
        assert_eq!(wakes(&all[0]), 1);
        assert!(shared[1].wake.sleep(Duration::from_secs(60)));
        shared[1].wake.get_up();
    }

    #[test]
    fn the_end_of_a_shard_is_told_once_and_swallows_what_is_for_it() {
        let shared = shards(2);
        let mut all = rings(&shared, Instant::now());
        assert_eq!(all[0].ended(), None);
        drop(all.pop());
        assert_eq!(all[0].ended(), Some(ShardIndex(1)));
        assert_eq!(all[0].ended(), None);
        assert!((0..5_000).all(|_| signal(&mut all[0], 1, 1)));
        // Not before the last that it said was taken: more than one turn's worth.
        let mut all = rings(&shared, Instant::now());
        (0..600).for_each(|track| assert!(signal(&mut all[1], 0, track)));
        drop(all.pop());
        let mut last = 0;
        for _ in 0..3 {
            assert_eq!(all[0].ended(), None, "after {last}");
            last = taken(&mut all[0]).last().unwrap().1;
        }
        assert_eq!((last, all[0].ended()), (599, Some(ShardIndex(1))));
        assert!(Rings::of(1, Instant::now()).is_empty());
    }

    #[test]
    fn a_shard_that_is_started_again_gets_new_rings() {
        let shared = shards(3);
        let mut all = rings(&shared, Instant::now());
        send(&mut all[0], 1, Kind::Audio, 7, &[7]);
        send(&mut all[1], 0, Kind::Audio, 8, &[8]); // the last that is heard of the former one
        drop(std::mem::replace(&mut all[1], Rings::of(0, Instant::now())));

        let (own, now) = (shards(1).remove(0), Instant::now());
        let others = [(0, shared[0].clone()), (2, shared[2].clone())];
        let (anew, ways) = rings_anew((1, &own), &others, 3, now);
        all[1] = anew;
        for (place, way) in [0, 2].into_iter().zip(ways) {
            assert_eq!(all[place].adopt(way), ShardIndex(1));
        }
        for (from, to) in [(0, 1), (1, 0), (1, 2), (2, 1), (0, 2)] {
            let index = (10 * from + to) as u64;
            assert!(send(&mut all[from], to, Kind::Audio, index, &[index as u8]));
            assert_eq!(taken(&mut all[to]), [(from, index, 1)], "{from} to {to}");
        }
        assert_eq!(all[0].ended(), None, "it lives");
        let sent = all[0].out[1].as_ref().unwrap();
        assert_eq!(sent.counts[PACKETS], 2, "what was counted counts on");
        assert!(Arc::ptr_eq(&sent.shared, &own), "and it is the new one that is woken");
        drop(all.remove(1));
        assert_eq!(all[0].ended(), Some(ShardIndex(1)), "it may end again");
    }

    /// Two threads, a ring that is full now and then: nothing is torn, lost or doubled.
    #[test]
    fn two_threads() {
        const MESSAGES: u64 = 200_000;
        let shared = shards(2);
        let mut all = rings(&shared, Instant::now());
        let (mut receiver, mut sender) = (all.pop().unwrap(), all.pop().unwrap());
        let wake = shared[1].clone();
        let sending = std::thread::spawn(move || {
            for index in 0..MESSAGES {
                let payload = [index as u8; 100];
                while !send(&mut sender, 1, Kind::Audio, index, &payload[..index as usize % 100]) {
                    sender.wake();
                    std::thread::yield_now();
                }
                if index % 7 == 0 {
                    sender.wake();
                }
            }
            sender.wake();
        });
        let mut next = 0;
        while next < MESSAGES {
            if wake.wake.lie_down(|| receiver.has_news()) {
                assert!(wake.wake.sleep(Duration::from_secs(20)), "slept over {next}");
            }
            wake.wake.get_up();
            // In this order: cleared first, a wake-up in between would be read and yet stand.
            if wake.wake.sleep(Duration::ZERO) {
                wake.wake.drain();
            }
            wake.wake.clear();
            for (_, index, len) in taken(&mut receiver) {
                assert_eq!((index, len), (next, next as usize % 100));
                next += 1;
            }
        }
        sending.join().unwrap();
    }
}
