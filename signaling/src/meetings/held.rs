//! What waits until the change it tells of is saved: frames and answers, in their order. So nobody
//! is told what a crash would take back, and the meeting goes on meanwhile.

use std::collections::{HashMap, VecDeque};

use axum::extract::ws::Utf8Bytes;

use super::actor::Actor;
use super::ask::{Reply, Seat};
use super::connection::{Connection, Pace};
use crate::rooms::{Name, RoomError};
use crate::store::Fate;
use crate::webhooks::Item;

/// Most tickets that wait; above, the meeting takes no further request.
pub(super) const OPEN_MAX: u64 = 1_024;
/// Most things that wait for a ticket, all together; the same above.
const HELD_MAX: usize = 128 * 1_024;
/// Most frames of them for one connection; the same above. Fewer than a connection's queue takes,
/// or somebody would be cut off as too slow who only waited for the disk.
const HELD_OF_ONE_MAX: usize = 1_024;

/// One thing that waits.
enum Held {
    Frame(Frame),
    /// For those outside.
    Items(Vec<Item>),
    /// To be given this instead, if there is something.
    Answer(Box<dyn FnOnce(Option<RoomError>) + Send>),
    /// The same, for one that changed nothing: then it does not matter what the disk does.
    Reading(Box<dyn FnOnce(Option<RoomError>) + Send>),
}

/// A frame for somebody.
struct Frame {
    /// The name of the state that it tells; none: an event.
    state: Option<&'static str>,
    seat: Seat,
    connection: Connection,
    text: Utf8Bytes,
    pace: Pace,
}

/// By ticket.
#[derive(Default)]
pub(super) struct Outbox {
    queue: VecDeque<(u64, Held)>,
    /// How many frames wait for which connection, and how many connections are at their bound.
    frames: HashMap<u64, usize>,
    crowded: usize,
    /// States that wait, by connection and name, and what is to be told after that: the last of
    /// what came since. So a state that changes often takes two places, however long it waits.
    states: HashMap<(u64, &'static str), Option<(u64, Utf8Bytes)>>,
}

impl Outbox {
    /// Whether a further request may have something to say.
    pub fn has_room(&self) -> bool {
        self.queue.len() < HELD_MAX && self.crowded == 0
    }

    fn hold(&mut self, ticket: u64, held: Held) {
        if let Held::Frame(frame) = &held {
            let of_one = self.frames.entry(frame.connection.number).or_default();
            *of_one += 1;
            self.crowded += usize::from(*of_one == HELD_OF_ONE_MAX);
        }
        self.queue.push_back((ticket, held));
    }

    fn hold_frame(&mut self, ticket: u64, frame: Frame) {
        if let Some(state) = frame.state {
            let key = (frame.connection.number, state);
            if let Some(later) = self.states.get_mut(&key) {
                *later = Some((ticket, frame.text));
                return;
            }
            self.states.insert(key, None);
        }
        self.hold(ticket, Held::Frame(frame));
    }

    /// The next one, if its ticket is through.
    fn next(&mut self, fate: impl Fn(u64) -> Fate) -> Option<(Held, Fate)> {
        let fate = fate(self.queue.front()?.0);
        if fate == Fate::Open {
            return None;
        }
        let (_, held) = self.queue.pop_front()?;
        if let Held::Frame(frame) = &held {
            self.let_go(frame);
        }
        Some((held, fate))
    }

    /// A frame waits no longer; the last state that came meanwhile waits in its turn.
    fn let_go(&mut self, frame: &Frame) {
        let Frame { state, seat, connection, pace, .. } = frame;
        if let Some(of_one) = self.frames.get_mut(&connection.number) {
            self.crowded -= usize::from(*of_one == HELD_OF_ONE_MAX);
            *of_one -= 1;
            if *of_one == 0 {
                self.frames.remove(&connection.number);
            }
        }
        let Some(state) = *state else { return };
        let later = self.states.remove(&(connection.number, state)).flatten();
        if let Some((ticket, text)) = later {
            let (seat, connection, pace) = (seat.clone(), connection.clone(), *pace);
            self.hold_frame(ticket, Frame { state: Some(state), seat, connection, text, pace });
        }
    }
}

impl Actor {
    /// Queues a frame for somebody; who is too slow is cut off.
    pub(super) fn send(&mut self, person: &Name, frame: Utf8Bytes, pace: Pace) {
        self.send_as(None, person, frame, pace);
    }

    /// The same for a state: if it has to wait, the next one of this name takes its place.
    pub(super) fn send_state(&mut self, person: &Name, state: &'static str, frame: Utf8Bytes) {
        self.send_as(Some(state), person, frame, Pace::Now);
    }

    fn send_as(&mut self, state: Option<&'static str>, person: &Name, text: Utf8Bytes, pace: Pace) {
        let connection = self.seats.get(person).and_then(|seated| seated.connection.as_ref());
        let Some(connection) = connection else { return };
        let seat = || Seat { person: person.clone(), connection: connection.number };
        let ticket = self.journal.ticket();
        if self.outbox.queue.is_empty() && self.journal.fate(ticket) != Fate::Open {
            if !connection.send(text, pace) {
                self.slow.push(seat());
            }
            return;
        }
        let frame = Frame { state, seat: seat(), connection: connection.clone(), text, pace };
        self.outbox.hold_frame(ticket, frame);
    }

    /// Answers; `before`: the last ticket when the request began.
    pub(super) fn respond<T: Send + 'static>(
        &mut self,
        reply: Reply<T>,
        result: Result<T, RoomError>,
        before: u64,
    ) {
        let give = Box::new(move |error: Option<RoomError>| {
            // Who asked may have gone.
            let _ = reply.send(match error {
                Some(error) if result.is_ok() => Err(error),
                _ => result,
            });
        });
        let wrote = self.journal.ticket() != before;
        self.give_or_hold(if wrote { Held::Answer(give) } else { Held::Reading(give) });
    }

    /// Posts webhooks, once what they tell of is saved.
    pub(super) fn post(&mut self, items: Vec<Item>) {
        if !items.is_empty() {
            self.give_or_hold(Held::Items(items));
        }
    }

    fn give_or_hold(&mut self, held: Held) {
        let ticket = self.journal.ticket();
        match self.journal.fate(ticket) {
            fate if self.outbox.queue.is_empty() && fate != Fate::Open => self.give(held, fate),
            _ => self.outbox.hold(ticket, held),
        }
    }

    /// Gives out what is saved by now.
    pub(super) fn release(&mut self) {
        while let Some((held, fate)) = self.outbox.next(|ticket| self.journal.fate(ticket)) {
            self.give(held, fate);
        }
    }

    fn give(&mut self, held: Held, fate: Fate) {
        let error = match fate {
            Fate::Refused(why) => Some(RoomError::unsaved(&why)),
            Fate::Saved | Fate::Open => None,
        };
        match held {
            Held::Frame(Frame { seat, connection, text, pace, .. }) => {
                if !connection.send(text, pace) {
                    self.slow.push(seat);
                }
            }
            Held::Items(items) => {
                if let Some(webhooks) = self.meetings.webhooks() {
                    webhooks.post(items);
                }
            }
            Held::Answer(give) => give(error),
            Held::Reading(give) => give(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(connection: &Connection, state: Option<&'static str>, text: &'static str) -> Frame {
        let seat = Seat { person: "ada".into(), connection: connection.number };
        let text = Utf8Bytes::from_static(text);
        Frame { state, seat, connection: connection.clone(), text, pace: Pace::Now }
    }

    /// What comes out once all tickets up to this one are through.
    fn released(outbox: &mut Outbox, through: u64) -> Vec<String> {
        let fate = |ticket| if ticket <= through { Fate::Saved } else { Fate::Open };
        let texts = std::iter::from_fn(|| outbox.next(fate)).filter_map(|(held, _)| match held {
            Held::Frame(frame) => Some(frame.text.as_str().to_owned()),
            _ => None,
        });
        texts.collect()
    }

    #[test]
    fn states_take_two_places_and_the_last_one_is_told() {
        let (ada, bob) = (Connection::new().0, Connection::new().0);
        let mut outbox = Outbox::default();
        for (ticket, connection, state, text) in [
            (1, &ada, Some("speaking"), "s1"),
            (1, &ada, Some("slots"), "l1"),
            (1, &ada, None, "event 1"),
            (1, &ada, Some("speaking"), "s2"), // never told
            (2, &ada, None, "event 2"),
            (2, &ada, Some("speaking"), "s3"),
            (2, &bob, Some("speaking"), "of bob"),
        ] {
            outbox.hold_frame(ticket, frame(connection, state, text));
        }
        assert_eq!(released(&mut outbox, 0), [""; 0]);
        assert_eq!(released(&mut outbox, 1), ["s1", "l1", "event 1"]);
        outbox.hold_frame(3, frame(&ada, Some("speaking"), "s4"));
        // As of ticket 3, which is not through; what waited before it is.
        assert_eq!(released(&mut outbox, 2), ["event 2", "of bob", "s3"]);
        assert_eq!(released(&mut outbox, 3), ["s4"]);
        assert!(outbox.states.is_empty() && outbox.frames.is_empty() && outbox.has_room());
    }

    #[test]
    fn a_request_has_room_or_waits() {
        let ada = Connection::new().0;
        let mut outbox = Outbox::default();
        for _ in 0..2 {
            for n in 0..HELD_OF_ONE_MAX + 5 {
                assert_eq!(outbox.has_room(), n < HELD_OF_ONE_MAX, "{n}");
                outbox.hold_frame(1, frame(&ada, None, "x"));
            }
            assert_eq!(released(&mut outbox, 1).len(), HELD_OF_ONE_MAX + 5);
        }
        for n in 0..HELD_MAX {
            assert!(outbox.has_room(), "{n}");
            outbox.hold(1, Held::Items(Vec::new()));
        }
        assert!(!outbox.has_room());
    }
}
