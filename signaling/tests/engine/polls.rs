//! Which polls there are and where, by the requests that made them.

use std::collections::BTreeMap;

use ringfence_signaling::rooms::{By, MAIN, Meeting, Name, Outcome, Request};

/// By number: who made it, and in which rooms.
#[derive(Default)]
pub struct Polls(BTreeMap<u64, (Option<Name>, Vec<Name>)>);

impl Polls {
    /// A request was granted.
    pub fn follow(&mut self, old: &Meeting, by: &By, request: &Request, outcome: &Outcome) {
        let Request::PollCreate { rooms, .. } = request else { return };
        let maker = match by {
            By::Person(id) => Some(id.clone()),
            By::Server => None,
        };
        let own = maker.as_ref().and_then(|id| old.person(id)).map(|person| person.room.clone());
        let own = own.unwrap_or_else(|| MAIN.into());
        let named = rooms.iter().flatten().map(|room| Name::from(room.as_str()));
        let rooms = if rooms.is_some() { named.collect() } else { vec![own] };
        self.0.insert(outcome.reply.poll.expect("its number"), (maker, rooms));
    }

    /// Whether somebody in a room is to know of a poll, and may.
    pub fn is_told(&self, poll: u64, id: &Name, room: &str) -> bool {
        self.is_made_by(poll, id) || self.is_asked_in(poll, room)
    }

    pub fn is_asked_in(&self, poll: u64, room: &str) -> bool {
        self.0[&poll].1.iter().any(|one| **one == *room)
    }

    pub fn is_made_by(&self, poll: u64, id: &Name) -> bool {
        self.0[&poll].0.as_ref() == Some(id)
    }
}
