//! Events on their way to signaling, while it is not listening.
//!
//! What happened once (connected, gone) is kept in order and never lost: at most two entries a
//! peer. What is a state (slots, who speaks) is kept as its latest value only. So a signaling that
//! stands still costs memory in proportion to peers, and never holds control up.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use super::api::RelayEvent;
use crate::route::id::{MeetingId, PeerId};

/// Which state: the latest of each is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum State {
    Slots(PeerId),
    Speaking(MeetingId),
}

/// What has not been taken yet.
#[derive(Debug, Default)]
pub struct Events {
    once: VecDeque<RelayEvent>,
    states: BTreeMap<State, RelayEvent>,
    /// The state taken last: the next one after it has its turn, so that none is starved.
    taken: Option<State>,
}

impl Events {
    /// Adds an event; of a state the latest replaces the earlier.
    pub fn push(&mut self, event: RelayEvent) {
        let state = match &event {
            RelayEvent::PeerConnected(_) => return self.once.push_back(event),
            RelayEvent::PeerGone(peer, _) => {
                self.forget_peer(*peer);
                return self.once.push_back(event);
            }
            RelayEvent::Slots { peer, .. } => State::Slots(*peer),
            RelayEvent::Speaking { meeting, .. } => State::Speaking(*meeting),
        };
        self.states.insert(state, event);
    }

    /// The next event: those that happened once first, in their order, then states by turns.
    pub fn pop(&mut self) -> Option<RelayEvent> {
        if let Some(event) = self.once.pop_front() {
            return Some(event);
        }
        let after = self.taken.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.states.range((after, Bound::Unbounded)).next();
        let state = *next.or_else(|| self.states.first_key_value())?.0;
        self.taken = Some(state);
        self.states.remove(&state)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.once.is_empty() && self.states.is_empty()
    }

    /// A peer is no more: its slots are nobody's business.
    pub fn forget_peer(&mut self, peer: PeerId) {
        self.states.remove(&State::Slots(peer));
    }

    /// The same of a meeting.
    pub fn forget_meeting(&mut self, meeting: MeetingId) {
        self.states.remove(&State::Speaking(meeting));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::id::{ParticipantId, Source};
    use crate::shard::command::Gone;

    #[test]
    fn states_are_coalesced_and_what_happened_once_is_not_lost() {
        let slots = |peer, who: u64| RelayEvent::Slots {
            peer: PeerId(peer),
            slots: vec![Some((ParticipantId(who), Source::Camera))],
        };
        let speaking = |who| RelayEvent::Speaking {
            meeting: MeetingId(1),
            participants: vec![ParticipantId(who)],
        };
        let connected = |peer| RelayEvent::PeerConnected(PeerId(peer));
        let gone = |peer| RelayEvent::PeerGone(PeerId(peer), Gone::Closed);

        let mut events = Events::default();
        for round in 0..1_000 {
            events.push(slots(1, round));
            events.push(slots(2, round));
            events.push(speaking(round));
        }
        events.push(connected(1));
        events.push(connected(2));
        events.push(gone(1));
        events.push(connected(3));
        assert!(!events.is_empty());
        let taken: Vec<_> = std::iter::from_fn(|| events.pop()).collect();
        let expected =
            [connected(1), connected(2), gone(1), connected(3), slots(2, 999), speaking(999)];
        assert_eq!(taken, expected, "peer 1's slots went with it");
        assert!(events.is_empty());
    }

    #[test]
    fn a_restless_state_starves_no_other() {
        let slots = |peer| RelayEvent::Slots { peer: PeerId(peer), slots: Vec::new() };
        let mut events = Events::default();
        (1..=3).for_each(|peer| events.push(slots(peer)));
        for expected in [1, 2, 3, 1, 1] {
            assert_eq!(events.pop(), Some(slots(expected)));
            events.push(slots(1));
        }
    }

    #[test]
    fn nothing_is_said_of_what_was_taken_away_on_request() {
        let mut events = Events::default();
        events.push(RelayEvent::Slots { peer: PeerId(1), slots: vec![None] });
        events.push(RelayEvent::Speaking { meeting: MeetingId(1), participants: Vec::new() });
        events.forget_peer(PeerId(1));
        events.forget_meeting(MeetingId(1));
        assert_eq!(events.pop(), None);
    }
}
