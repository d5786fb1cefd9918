//! The breakout engine under random requests of many people, against slow models of what must hold.
//!
//! - `relay`: the steps, applied word by word, let exactly those hear and see whom the plain rule in
//!   `hearing` says;
//! - `replica`: what a client knows from events alone is what it may know, no less;
//! - `knowing`: nobody is told what they may not know; `hearers`: what is said reaches all whom it is
//!   for;
//! - `rights`: nobody did what their role does not permit, by the tables of words in `cast`;
//! - `clock`: nothing is closed before its time;
//! - `kept`: rows that follow the differences alone are the meeting;
//! - here: everybody is in one room that exists, limits hold; `lists`: one is imported whole or not;
//! - `cases`: what was wrong once, step by step.
//!
//! `signaling/tests/faults/` has faults as patches: `tests/run faults` plants one after the other and
//! demands that one of these tests goes red; `tests/faults.rs` looks that they still fit.

mod cases;
mod cast;
mod clock;
mod hearers;
mod hearing;
mod kept;
mod knowing;
mod lists;
mod polls;
mod relay;
mod replica;
mod rights;
mod script;

use std::collections::BTreeMap;

use proptest::prelude::*;
use ringfence_signaling::rooms::{
    By, MAIN, Meeting, Millis, Name, Outcome, Request, RoomError, Rules,
};

use clock::Clock;
use kept::Kept;
use polls::Polls;
use relay::Relay;
use replica::Replica;
use script::{Line, lines, rules};

/// The engine, and everything that watches it.
struct World {
    meeting: Meeting,
    relay: Relay,
    kept: Kept,
    replicas: BTreeMap<Name, Replica>,
    polls: Polls,
    clock: Clock,
    now: u64,
    seed: u64,
}

impl World {
    fn new(rules: Rules, narrow: bool) -> World {
        let meeting = Meeting::with_roles(rules, cast::roles(narrow));
        let (relay, polls, clock) = Default::default();
        let (kept, replicas) = (Kept::new(&meeting), BTreeMap::new());
        World { meeting, relay, kept, replicas, polls, clock, now: 1_000_000, seed: 0 }
    }

    fn happen(&mut self, line: &Line) {
        let (by, request) = script::request(&self.meeting, line);
        self.now += u64::from(line.wait) * 500;
        let _ = self.ask(&by, request); // refused: nothing changed
        self.pass();
    }

    /// What is due: timers are never left to wait.
    fn pass(&mut self) {
        while self.meeting.deadline().is_some_and(|due| due.0 <= self.now) {
            let before = self.meeting.clone();
            self.ask(&By::Server, Request::Tick).expect("a timer is never refused");
            assert_ne!(before, self.meeting, "a timer that is due does something");
        }
    }

    fn ask(&mut self, by: &By, request: Request) -> Result<Outcome, RoomError> {
        self.seed += 1;
        let now = Millis(self.now);
        let tried = self.meeting.handle(by, request.clone(), now, self.seed);
        let (next, outcome) = tried.inspect_err(|error| assert_ne!(error.code, 0))?;
        let (old, polls) = (&self.meeting, &mut self.polls);
        polls.follow(old, by, &request, &outcome);
        rights::check(old, &next, polls, by, &request);
        knowing::check((old, &next), polls, by, &request, &outcome);
        hearers::check(old, &next, by, &request, &outcome);
        hearers::check_poll(&next, polls, &request, &outcome);
        self.clock.follow(old, &next, &request, &outcome, now);
        self.watch(&next, &outcome);
        self.kept.follow(&self.meeting, &next);
        self.meeting = next;
        self.hold();
        Ok(outcome)
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
            replica.agrees(meeting, &self.polls, id);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn random_meetings(rules in rules(), narrow in any::<bool>(), script in lines(120)) {
        let mut world = World::new(rules, narrow);
        for line in script::opening().iter().chain(&script) {
            world.happen(line);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn written_and_read_it_goes_on_the_same(rules in rules(), script in lines(40)) {
        let mut world = World::new(rules, false);
        script::opening().iter().chain(&script).for_each(|line| world.happen(line));
        let text = serde_json::to_string(&world.meeting).expect("JSON");
        let back: Meeting = serde_json::from_str(&text).expect("read");
        prop_assert_eq!(&back, &world.meeting);
    }
}
