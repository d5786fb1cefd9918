//! The breakout engine under random requests of many people, against slow models of what must hold.
//!
//! - `relay`: the steps, applied word by word, let exactly those hear and see whom the plain rule in
//!   `hearing` says;
//! - `replica`: what a client knows from events alone is what it may know, no less;
//! - `knowing`: nobody is told what they may not know;
//! - `rights`: nobody did what their role does not permit, by a table of roles and words;
//! - `kept`: rows that follow the differences alone are the meeting;
//! - here: everybody is in one room that exists, limits hold, a list is imported whole or not.
//!
//! Faults that were planted, and what went red: a move that the relay is not told of (`relay`),
//! `require` that lets everybody, or one request without it (`rights`), `user_joined` left out
//! (`replica`), `peer_updated` to the main room too (`knowing`), a mask that forgets mutes of the
//! main room, an announcement that misses rooms made after it (`relay`), a room that takes one too
//! many, an invitation that outlives its room (here), a list whose bad rows are skipped (`lists`).

mod hearing;
mod kept;
mod knowing;
mod lists;
mod relay;
mod replica;
mod rights;
mod script;

use std::collections::BTreeMap;

use proptest::prelude::*;
use ringfence_signaling::rooms::{By, MAIN, Meeting, Millis, Name, Outcome, Request, Rules};

use kept::Kept;
use relay::Relay;
use replica::Replica;
use script::{Line, lines, rules};

/// The engine, and everything that watches it.
struct World {
    meeting: Meeting,
    relay: Relay,
    kept: Kept,
    replicas: BTreeMap<Name, Replica>,
    now: u64,
    seed: u64,
}

impl World {
    fn new(rules: Rules) -> World {
        let (meeting, relay) = (Meeting::new(rules), Relay::default());
        let (kept, replicas) = (Kept::new(&meeting), BTreeMap::new());
        World { meeting, relay, kept, replicas, now: 1_000_000, seed: 0 }
    }

    fn happen(&mut self, line: &Line) {
        let (by, request) = script::request(&self.meeting, line);
        self.now += u64::from(line.wait) * 500;
        self.seed += 1;
        self.ask(&by, request);
        // Timers are never left to wait.
        while self.meeting.deadline().is_some_and(|due| due.0 <= self.now) {
            let before = self.meeting.clone();
            self.ask(&By::Server, Request::Tick);
            assert_ne!(before, self.meeting, "a timer that is due does something");
        }
    }

    fn ask(&mut self, by: &By, request: Request) {
        let early = request == Request::Tick;
        match self.meeting.handle(by, request.clone(), Millis(self.now), self.seed) {
            Ok((next, outcome)) => {
                rights::check(&self.meeting, by, &request);
                self.watch(&next, &outcome);
                knowing::check(&self.meeting, &next, by, &request, &outcome);
                self.kept.follow(&self.meeting, &next);
                self.meeting = next;
                self.hold();
            }
            Err(error) => {
                assert!(!early, "a timer is never refused: {error:?}");
                assert_ne!(error.code, 0);
            }
        }
    }

    fn watch(&mut self, next: &Meeting, outcome: &Outcome) {
        for step in &outcome.steps {
            self.relay.take(step);
        }
        for (id, _) in next.people().filter(|(id, _)| self.meeting.person(id).is_none()) {
            self.replicas.insert(id.clone(), Replica::new(next, id));
        }
        for notice in &outcome.notices {
            for to in &notice.to {
                if let Some(replica) = self.replicas.get_mut(to) {
                    replica.take(&notice.event);
                }
            }
        }
        self.replicas.retain(|id, _| next.person(id).is_some());
    }

    fn hold(&self) {
        let meeting = &self.meeting;
        let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
        for (id, person) in meeting.people() {
            assert!(meeting.room(&person.room).is_some(), "{id} is in a room that is gone");
            *sizes.entry(&person.room).or_default() += 1;
            let invited = meeting.invitations_of(id);
            assert!(
                invited.iter().all(|room| meeting.breakout(room).is_some()),
                "{id}: {invited:?}"
            );
            assert!(meeting.plan().assigned_to(id).is_none_or(|room| meeting.room(room).is_some()));
        }
        assert!(meeting.breakouts().count() <= meeting.rules().breakout_rooms_max);
        for room in meeting.breakouts() {
            let size = sizes.get(&*room.id).copied().unwrap_or(0);
            assert!(room.capacity.is_none_or(|most| size <= most), "{} is over full", room.id);
            assert_ne!(*room.id, *MAIN);
        }
        self.relay.agrees(meeting);
        self.kept.agrees(meeting);
        for (id, replica) in &self.replicas {
            replica.agrees(meeting, id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn random_meetings(rules in rules(), script in lines(90)) {
        let mut world = World::new(rules);
        for line in script::opening().iter().chain(&script) {
            world.happen(line);
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn written_and_read_it_goes_on_the_same(rules in rules(), script in lines(40)) {
        let mut world = World::new(rules);
        script::opening().iter().chain(&script).for_each(|line| world.happen(line));
        let text = serde_json::to_string(&world.meeting).expect("JSON");
        let back: Meeting = serde_json::from_str(&text).expect("read");
        prop_assert_eq!(&back, &world.meeting);
    }
}
