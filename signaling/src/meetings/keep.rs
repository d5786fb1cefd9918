//! What a meeting hands to the store, and how it comes back from there.

use std::collections::HashSet;

use axum::extract::ws::Utf8Bytes;

use super::actor::Actor;
use super::ask::Seat;
use super::connection::Pace;
use super::told::Told;
use super::wire::event_frame;
use crate::rooms::{Meeting, Name, Notice, RowKey};
use crate::store::{KeptEvent, Part, Recipients, Saved, Value};
use crate::tokens::unix_now_ms;
use crate::webhooks::{Item, Webhooks, body, happened};

/// Most events of a meeting that are kept over a restart. Who missed more starts from a snapshot.
const EVENTS_KEPT: u64 = 1_024;

/// So many are not told of one who comes or goes by a write each.
const CROWD: usize = 64;

/// Rows of one change.
pub(super) type Parts = Vec<(Part, Option<Value>)>;

impl Actor {
    /// What is other in `next` than it is now; before the first time, all of it.
    pub(super) fn rows_to(&self, next: &Meeting) -> Parts {
        if !self.journal.keeps() && self.meetings.webhooks().is_none() {
            return Parts::new();
        }
        let rows = next.rows_since(self.on_file.then_some(&self.model));
        let mut parts = Parts::new();
        for (key, row) in rows {
            if let RowKey::Person(id) = &key {
                let known = self.model.person(id).is_some();
                match &row {
                    Some(_) if known && self.on_file => {}
                    Some(_) => parts.push((Part::Since(id.clone()), Some(Value::Since(self.seq)))),
                    None => parts.push((Part::Since(id.clone()), None)),
                }
            }
            parts.push((Part::Row(key), row.map(Value::Row)));
        }
        parts
    }

    /// Hands over what changed and what people are to be told of it, as one; then tells them.
    /// Durable events are numbered.
    pub(super) fn publish(&mut self, mut parts: Parts, notices: Vec<Notice>, items: Vec<Item>) {
        let before = self.seq;
        let numbered: Vec<(Notice, Option<u64>, Utf8Bytes)> = notices
            .into_iter()
            .map(|notice| {
                let seq = notice.event.is_durable().then(|| {
                    self.seq += 1;
                    self.seq
                });
                let frame = event_frame(&notice.event, seq);
                (notice, seq, frame)
            })
            .collect();
        self.on_file |= !parts.is_empty();
        if self.journal.keeps() && (!parts.is_empty() || self.seq != before) {
            self.events(before, &numbered, &mut parts);
            parts.push((Part::Numbers, Some(Value::Numbers(self.numbers()))));
            self.journal.write(parts, Webhooks::rows(&items));
        }
        self.post(items);
        for (notice, seq, frame) in numbered {
            let crowd = notice.to.len() >= CROWD;
            let subject = notice.event.subject().filter(|_| crowd);
            for person in &notice.to {
                if let (Some(seq), Some(seated)) = (seq, self.seats.get_mut(person)) {
                    seated.told.add(seq, frame.clone());
                }
                let of_another = subject.is_some_and(|subject| subject != person);
                let pace = if of_another { Pace::Soon } else { Pace::Now };
                self.send(person, frame.clone(), pace);
            }
        }
    }

    /// What those outside are told of a change.
    pub(super) fn outside(&mut self, next: &Meeting, parts: &Parts) -> Vec<Item> {
        let Some(webhooks) = self.meetings.webhooks() else { return Vec::new() };
        let rows = parts.iter().filter_map(|(part, _)| match part {
            Part::Row(key) => Some(key),
            _ => None,
        });
        let (at, meeting) = (unix_now_ms(), self.name());
        let (mut number, mut life) = self.told_outside;
        let mut items = Vec::new();
        for happened in happened(&self.model, next, rows) {
            if happened.event == "meeting_started" {
                (number, life) = (0, rand::random());
            }
            number += 1;
            let body = body(&happened, meeting, life, number, at);
            items.extend(webhooks.items(happened.event, meeting, at, &body));
        }
        self.told_outside = (number, life);
        items
    }

    /// The last of the new events, and those that are too old now.
    fn events(
        &self,
        before: u64,
        numbered: &[(Notice, Option<u64>, Utf8Bytes)],
        parts: &mut Parts,
    ) {
        let oldest = |seq: u64| seq.saturating_sub(EVENTS_KEPT) + 1;
        let gone = oldest(before)..oldest(self.seq).min(before + 1);
        parts.extend(gone.map(|seq| (Part::Event(seq), None)));
        let people: Vec<&Name> = self.model.people().map(|(id, _)| id).collect();
        for (notice, seq, frame) in numbered {
            let Some(seq) = seq.filter(|seq| *seq >= oldest(self.seq)) else { continue };
            let to = Recipients::of(&notice.to, people.iter().copied());
            let event = KeptEvent { to, frame: frame.as_str().to_owned() };
            parts.push((Part::Event(seq), Some(Value::Event(Box::new(event)))));
        }
    }

    /// Takes over what was kept. People are let in by [`Actor::revive`].
    pub(super) fn restore(&mut self, saved: Saved) {
        let Saved { name: _, model, numbers, since, events } = saved;
        (self.model, self.seq, self.on_file) = (model, numbers.seq, true);
        self.told_outside = (numbers.hooks, numbers.life);
        self.restored = Some((since, events));
    }

    /// Lets those in who were here before the restart: they may come back for a while. `false`: the
    /// relay refused.
    pub(super) async fn revive(&mut self) -> bool {
        if self.restored.is_none() || self.model.is_empty() {
            self.restored = None;
            return true;
        }
        let steps = self.model.steps_from_nothing();
        if let Err(error) = self.carry_out(&steps).await {
            tracing::error!(meeting = %self.name(), %error.message, "the meeting is not back yet");
            self.close().await;
            return false;
        }
        let Some((since, events)) = self.restored.take() else { return true };
        let oldest = events.keys().next().map_or(self.seq, |first| first.saturating_sub(1));
        for (id, seated) in &mut self.seats {
            seated.told = Told::new(since.get(id).copied().unwrap_or(self.seq).max(oldest));
        }
        for (seq, KeptEvent { to, frame }) in events {
            let frame = Utf8Bytes::from(frame);
            let told: Vec<Name> = match to {
                Recipients::Only(to) => to,
                Recipients::AllBut(others) => {
                    let others: HashSet<Name> = others.into_iter().collect();
                    self.seats.keys().filter(|id| !others.contains(*id)).cloned().collect()
                }
            };
            for id in told {
                let here = self.seats.get_mut(&id);
                let here = here.filter(|_| since.get(&id).is_some_and(|since| *since < seq));
                if let Some(seated) = here {
                    seated.told.add(seq, frame.clone());
                }
            }
        }
        let people: Vec<Name> = self.seats.keys().cloned().collect();
        for person in people {
            self.may_come_back(&Seat { person, connection: 0 }); // no connection has this number
        }
        tracing::info!(meeting = %self.name(), people = self.seats.len(), "meeting back");
        true
    }
}
