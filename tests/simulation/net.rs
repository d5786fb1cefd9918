//! A network on virtual time: loses, doubles, delays and thereby reorders datagrams, by a seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use ringfence::crypto::Random;

/// How bad it is. Shares in 1/1,000.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub loss: u32,
    pub double: u32,
    pub delay_ms: (u32, u32),
}

impl Weather {
    pub const FAIR: Weather = Weather { loss: 0, double: 0, delay_ms: (2, 3) };
    pub const BAD: Weather = Weather { loss: 50, double: 20, delay_ms: (2, 70) };
}

/// Whither a datagram goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum To {
    Relay { from: usize },
    Client(usize),
}

/// When it arrives, the how-manieth it was, whither, what.
type Datagram = (Instant, u64, To, Vec<u8>);

/// Datagrams under way.
#[derive(Default)]
pub struct Net {
    under_way: BinaryHeap<Reverse<Datagram>>,
    sent: u64,
}

/// A number below `n`.
pub fn below(random: &mut Random, n: u32) -> u32 {
    random.next_u32() % n.max(1)
}

impl Net {
    pub fn send(&mut self, now: Instant, random: &mut Random, w: Weather, to: To, bytes: &[u8]) {
        let copies = u32::from(below(random, 1_000) >= w.loss);
        let copies = copies + u32::from(copies == 1 && below(random, 1_000) < w.double);
        for _ in 0..copies {
            let (least, most) = w.delay_ms;
            let delay = 1_000 * least + below(random, 1_000 * (most - least));
            let at = now + Duration::from_micros(u64::from(delay));
            self.sent += 1;
            self.under_way.push(Reverse((at, self.sent, to, bytes.to_vec())));
        }
    }

    pub fn next_at(&self) -> Option<Instant> {
        self.under_way.peek().map(|entry| entry.0.0)
    }

    pub fn arrived(&mut self, now: Instant) -> Option<(To, Vec<u8>)> {
        if self.next_at()? > now {
            return None;
        }
        self.under_way.pop().map(|entry| (entry.0.2, entry.0.3))
    }
}
