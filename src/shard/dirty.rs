//! Subscribers with something to send, each once, in two queues that are served in turn: those of
//! short fan-outs, and those of long ones. So a small room waits for at most as many subscribers of
//! a large one as there are of small ones before it.

use std::collections::VecDeque;

use super::peer::Peer;
use super::slab::Key;

/// Legs from which on a fan-out is long: as many subscribers as fill one egress
/// ([`super::ShardConfig::egress_budget`]) with a short train each.
pub const LONG: usize = 64;

/// Which queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fanout {
    /// Of few legs; RTCP, ICE and DTLS too.
    Short,
    /// Of many.
    Long,
}

impl Fanout {
    /// That of a track with so many active legs.
    pub fn of(legs: usize) -> Self {
        if legs >= LONG { Fanout::Long } else { Fanout::Short }
    }
}

/// The queues. That a peer stands in one only once is its own flag.
#[derive(Default)]
pub struct Dirty {
    short: VecDeque<Key<Peer>>,
    long: VecDeque<Key<Peer>>,
    /// Whose turn it was.
    was_long: bool,
}

impl Dirty {
    fn queue(&mut self, fanout: Fanout) -> &mut VecDeque<Key<Peer>> {
        match fanout {
            Fanout::Short => &mut self.short,
            Fanout::Long => &mut self.long,
        }
    }

    /// Behind all others of its queue.
    pub fn push(&mut self, fanout: Fanout, key: Key<Peer>) {
        self.queue(fanout).push_back(key);
    }

    /// The next one is this one again.
    pub fn push_front(&mut self, fanout: Fanout, key: Key<Peer>) {
        self.was_long = fanout == Fanout::Short;
        self.queue(fanout).push_front(key);
    }

    /// The next one, from either queue in turn.
    pub fn pop(&mut self) -> Option<(Fanout, Key<Peer>)> {
        let long = if self.was_long { self.short.is_empty() } else { !self.long.is_empty() };
        let fanout = if long { Fanout::Long } else { Fanout::Short };
        let key = self.queue(fanout).pop_front()?;
        self.was_long = long;
        Some((fanout, key))
    }

    /// Whether nobody has anything to send.
    pub fn is_empty(&self) -> bool {
        self.short.is_empty() && self.long.is_empty()
    }
}

/// Where a fan-out begins in a list of `len`: spread evenly over the list from turn to turn
/// (Fibonacci hashing), the same for all packets of a turn.
pub fn first_of(turn: u32, len: usize) -> usize {
    let spread = u64::from(turn.wrapping_mul(0x9E37_79B9));
    ((spread * len as u64) >> 32) as usize // below `len`
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_take_turns() {
        let mut dirty = Dirty::default();
        assert!(dirty.pop().is_none() && dirty.is_empty());
        let key = |n| Key::test(n);
        (0..4).for_each(|n| dirty.push(Fanout::Long, key(n)));
        (10..12).for_each(|n| dirty.push(Fanout::Short, key(n)));
        let mut order = Vec::new();
        while let Some((fanout, key)) = dirty.pop() {
            if order.len() == 2 && !order.contains(&key) {
                dirty.push_front(fanout, key); // no room for it: it is the next one again
                assert_eq!(dirty.pop(), Some((fanout, key)));
            }
            order.push(key);
        }
        assert_eq!(order, [0, 10, 1, 11, 2, 3].map(key));
    }

    #[test]
    fn beginnings_are_spread() {
        for len in [1, 2, 3, 10, 1_000] {
            let mut counts = vec![0; len];
            (0..10_000).for_each(|turn| counts[first_of(turn, len)] += 1);
            let mean = 10_000 / len;
            assert!(counts.iter().all(|count| (mean * 4 / 5..=mean * 6 / 5 + 1).contains(count)));
        }
        assert_eq!(first_of(u32::MAX, 0), 0);
    }
}
