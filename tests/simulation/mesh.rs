//! The ways between shards on virtual time: each keeps its order and takes its time, by a seed; now
//! and then a shard stalls, and what is for it stays under way for long.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ringfence::crypto::Random;
use ringfence::route::id::ShardIndex;
use ringfence::shard::mesh::{Carried, Class, Facts, Mesh, Message, Signal};

use crate::net::below;

enum Owned {
    Packet(Facts, Vec<u8>, Vec<u8>),
    Signal(Signal),
}

/// When a message arrives, when it was sent, what.
type UnderWay = (Instant, Instant, Owned);

/// All ways, by sender and receiver.
#[derive(Default)]
pub struct Ways {
    ways: Vec<Vec<VecDeque<UnderWay>>>,
    capacity: usize,
    pub packets: u64,
    /// Refused for want of room: video, audio, signals.
    pub refused: [u64; 3],
}

/// The ways as one shard sees them in one turn.
pub struct Ends<'a> {
    pub own: ShardIndex,
    pub now: Instant,
    pub ways: &'a mut Ways,
    pub random: &'a mut Random,
}

impl Ways {
    pub fn new(shards: usize, capacity: usize) -> Self {
        let ways = (0..shards).map(|_| (0..shards).map(|_| VecDeque::new()).collect()).collect();
        Self { ways, capacity, ..Self::default() }
    }

    /// When the next message for a shard arrives.
    pub fn next_at(&self, to: ShardIndex) -> Option<Instant> {
        self.ways.iter().filter_map(|from| from[to.0].front()).map(|message| message.0).min()
    }
}

impl Mesh for Ends<'_> {
    fn send(&mut self, to: ShardIndex, message: &Message<'_>) -> bool {
        let Self { own, now, ways, random } = self;
        let (capacity, class) = (ways.capacity, message.class());
        let way = &mut ways.ways[own.0][to.0];
        if way.len() + class.reserve(capacity) >= capacity {
            ways.refused[class as usize] += 1;
            return false;
        }
        let owned = match message {
            Message::Packet(Carried { facts, descriptor, payload }) => {
                ways.packets += 1;
                Owned::Packet(*facts, descriptor.to_vec(), payload.to_vec())
            }
            Message::Signal(signal) => Owned::Signal(*signal),
        };
        let most = if below(random, 200) == 0 { 20_000 } else { 300 };
        let delay = Duration::from_micros(u64::from(below(random, most)));
        let behind = way.back().map_or(*now, |message| message.0);
        way.push_back((behind.max(*now + delay), *now, owned));
        true
    }

    fn receive(&mut self, take: &mut impl FnMut(ShardIndex, Instant, Message<'_>)) {
        for (from, ways) in self.ways.ways.iter_mut().enumerate() {
            let way = &mut ways[self.own.0];
            while let Some((_, sent, owned)) = way.pop_front_if(|message| message.0 <= self.now) {
                let message = match &owned {
                    Owned::Packet(facts, descriptor, payload) => {
                        Message::Packet(Carried { facts: *facts, descriptor, payload })
                    }
                    Owned::Signal(signal) => Message::Signal(*signal),
                };
                take(ShardIndex(from), sent, message);
            }
        }
    }
}

#[test]
fn signals_have_room_when_packets_have_none() {
    for capacity in [16, 64, 512] {
        let reserves = [Class::Video, Class::Audio, Class::Signal].map(|it| it.reserve(capacity));
        assert!(reserves.is_sorted_by(|a, b| a > b) && reserves[2] == 0, "{reserves:?}");
    }
}
