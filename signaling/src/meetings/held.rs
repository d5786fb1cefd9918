//! What waits until the change it tells of is saved: frames and answers, in their order. So nobody
//! is told what a crash would take back, and the meeting goes on meanwhile.

use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;

use super::actor::Actor;
use super::ask::{Reply, Seat};
use super::connection::Connection;
use crate::rooms::{Name, RoomError, code};
use crate::store::Fate;
use crate::webhooks::Item;

/// Most tickets that wait; above, the meeting takes no further request.
pub(super) const OPEN_MAX: u64 = 1_024;

/// One thing that waits.
enum Held {
    Frame(Seat, Connection, Utf8Bytes),
    /// For those outside.
    Items(Vec<Item>),
    /// To be given this instead, if there is something.
    Answer(Box<dyn FnOnce(Option<RoomError>) + Send>),
    /// The same, for one that changed nothing: then it does not matter what the disk does.
    Reading(Box<dyn FnOnce(Option<RoomError>) + Send>),
}

/// By ticket.
#[derive(Default)]
pub(super) struct Outbox(VecDeque<(u64, Held)>);

impl Actor {
    /// Queues a frame for somebody; who is too slow is cut off.
    pub(super) fn send(&mut self, person: &Name, frame: Utf8Bytes) {
        let connection = self.seats.get(person).and_then(|seated| seated.connection.as_ref());
        let Some(connection) = connection else { return };
        let seat = || Seat { person: person.clone(), connection: connection.number };
        let ticket = self.journal.ticket();
        if self.outbox.0.is_empty() && self.journal.fate(ticket) != Fate::Open {
            if !connection.send(frame) {
                self.slow.push(seat());
            }
            return;
        }
        self.outbox.0.push_back((ticket, Held::Frame(seat(), connection.clone(), frame)));
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
        if !self.outbox.0.is_empty() {
            return self.outbox.0.push_back((ticket, held));
        }
        match self.journal.fate(ticket) {
            Fate::Open => self.outbox.0.push_back((ticket, held)),
            fate => self.give(held, fate),
        }
    }

    /// Gives out what is saved by now.
    pub(super) fn release(&mut self) {
        while let Some((ticket, _)) = self.outbox.0.front() {
            let fate = self.journal.fate(*ticket);
            if fate == Fate::Open {
                return;
            }
            if let Some((_, held)) = self.outbox.0.pop_front() {
                self.give(held, fate);
            }
        }
    }

    fn give(&mut self, held: Held, fate: Fate) {
        let error = match fate {
            Fate::Refused(why) => {
                let message = format!("it is in force, but could not be saved: {why}");
                Some(RoomError::new(code::STORE, message))
            }
            Fate::Saved | Fate::Open => None,
        };
        match held {
            Held::Frame(seat, connection, frame) => {
                if !connection.send(frame) {
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
