//! What the engine decided, put into force: the relay first, then the model, then the people.

use ringfence::control::api::{Change, Refusal};
use ringfence::route::id::{MeetingId, RoomId};
use ringfence::route::table::{Audience, Kinds, Role, Roles};
use ringfence::wire::media::Kind;

use super::actor::{Actor, Seated, refused};
use super::keep::Parts;
use super::told::Told;
use crate::rooms::{
    By, Event, Heard, Meeting, Millis, Name, Notice, Outcome, Reply, Request, RoomError, Spoken,
    Step, code,
};
use crate::tokens::unix_now_ms;

impl Actor {
    /// Tries a request on the model, and puts it into force if neither engine nor relay refuses.
    pub(super) async fn execute(&mut self, by: &By, request: Request) -> Result<Reply, RoomError> {
        let (joins, takes_away) = (matches!(request, Request::JoinRoom(_)), request.takes_away());
        let now = Millis(unix_now_ms());
        let (next, outcome) = match self.model.handle(by, request, now, rand::random()) {
            Ok(tried) => tried,
            Err(error) => {
                if let By::Person(person) = by
                    && joins
                {
                    self.tell_failed(vec![person.clone()], &error); // J3
                }
                return Err(error);
            }
        };
        let Outcome { reply, steps, notices } = outcome;
        let (steps, parts) = (self.steps_for(&next, steps), self.rows_to(&next));
        if self.journal.is_failing() && !takes_away && !parts.is_empty() {
            // What is granted goes on, nothing new is granted (THREATS.md P3.18).
            let message = "the server can not save anything now: nothing new is granted";
            return Err(RoomError::new(code::STORE, message));
        }
        if let Err(error) = self.carry_out(&steps).await {
            let moving = steps.iter().filter_map(|step| match step {
                Step::Move { person, .. } => Some(person.clone()),
                _ => None,
            });
            self.tell_failed(moving.collect(), &error);
            return Err(error);
        }
        self.adopt(next, parts, &steps, notices).await;
        Ok(reply)
    }

    /// The steps of a turn; for a relay that has nothing of the meeting, all or none.
    fn steps_for(&self, next: &Meeting, steps: Vec<Step>) -> Vec<Step> {
        match self.number {
            Some(_) => steps,
            None if next.is_empty() => Vec::new(),
            None => next.steps_from_nothing(),
        }
    }

    /// Somebody has left, whatever the relay says to it.
    pub(super) async fn depart(&mut self, person: &Name, reason: &'static str) {
        let request = Request::Depart { person: person.clone(), reason };
        let now = Millis(unix_now_ms());
        let Ok((next, outcome)) = self.model.handle(&By::Server, request, now, 0) else { return };
        let Outcome { steps, notices, .. } = outcome;
        let parts = self.rows_to(&next);
        if let Err(error) = self.carry_out(&steps).await {
            tracing::warn!(%person, %error.message, "the relay refused what follows a departure");
        }
        self.adopt(next, parts, &steps, notices).await;
    }

    async fn adopt(&mut self, next: Meeting, parts: Parts, steps: &[Step], notices: Vec<Notice>) {
        let items = self.outside(&next, &parts);
        self.model = next;
        self.publish(parts, notices, items);
        self.counts.changed();
        self.speaking.changed();
        for step in steps {
            match step {
                Step::Dismiss(person) => self.unseat(person).await,
                Step::CloseRoom(room) => {
                    let (Some(meeting), Some(room)) = (self.number, self.rooms.remove(room)) else {
                        continue;
                    };
                    let _ = self.relay.close_room(meeting, room).await; // nobody is in it
                }
                _ => {}
            }
        }
    }

    fn tell_failed(&mut self, to: Vec<Name>, error: &RoomError) {
        let event = Event::BreakoutError { result: error.code, msg: error.message.clone() };
        self.publish(Parts::new(), vec![Notice { to, event }], Vec::new());
    }

    /// The relay's part but for what is taken away: that comes last, and can not be refused.
    pub(super) async fn carry_out(&mut self, steps: &[Step]) -> Result<(), RoomError> {
        if steps.is_empty() {
            return Ok(());
        }
        if self.number.is_none() {
            self.open().await.map_err(refused)?;
        }
        let Some(meeting) = self.number else { return Err(refused(Refusal::UnknownMeeting)) };
        let (mut opened, mut admitted) = (Vec::new(), Vec::new());
        let done = self.try_carry_out(meeting, steps, &mut opened, &mut admitted).await;
        if done.is_err() {
            for person in admitted {
                if let Some(seated) = self.seats.remove(&person) {
                    self.people.remove(&seated.number);
                    let _ = self.relay.dismiss(meeting, seated.number).await;
                }
            }
            for room in opened {
                if let Some(room) = self.rooms.remove(&room) {
                    let _ = self.relay.close_room(meeting, room).await;
                }
            }
        }
        done
    }

    async fn try_carry_out(
        &mut self,
        meeting: MeetingId,
        steps: &[Step],
        opened: &mut Vec<Name>,
        admitted: &mut Vec<Name>,
    ) -> Result<(), RoomError> {
        for step in steps {
            match step {
                Step::OpenRoom(room) => {
                    let number = self.relay.open_room(meeting).await.map_err(|refusal| {
                        let message = format!("failed to create breakout room: {refusal:?}");
                        RoomError::new(code::NOT_CREATED, message)
                    })?;
                    self.rooms.insert(room.clone(), number);
                    opened.push(room.clone());
                }
                Step::Admit { person, room, role, receives } => {
                    let place = self.room_number(room)?;
                    let (role, receives) = (Role(*role), Roles(*receives));
                    let number = self.relay.admit(meeting, place, role, receives).await;
                    let number = number.map_err(refused)?;
                    let arriving = self.arriving.take_if(|(arriving, _)| arriving == person);
                    let connection = arriving.map(|(_, connection)| connection);
                    let told = Told::new(self.seq);
                    let peers = Vec::new();
                    let seated = Seated { number, connection, told, grace: None, peers };
                    self.seats.insert(person.clone(), seated);
                    self.people.insert(number, person.clone());
                    admitted.push(person.clone());
                }
                _ => {}
            }
        }
        let changes: Vec<Change> = steps.iter().filter_map(|step| self.change(step)).collect();
        if changes.is_empty() {
            return Ok(());
        }
        let moves = changes.iter().any(|change| matches!(change, Change::Move { .. }));
        self.relay.change(meeting, changes).await.map_err(|refusal| match refusal {
            Refusal::Stopped => refused(refusal),
            _ if moves => {
                let message = format!("Failed to generate Token: the relay refused ({refusal:?})");
                RoomError::new(code::NO_TOKEN, message)
            }
            _ => refused(refusal),
        })
    }

    fn room_number(&self, room: &Name) -> Result<RoomId, RoomError> {
        self.rooms.get(room).copied().ok_or_else(|| refused(Refusal::UnknownRoom))
    }

    /// A step as the relay's change. `None`: no change of the model, or of somebody who is gone.
    fn change(&self, step: &Step) -> Option<Change> {
        let number = |person: &Name| self.seats.get(person).map(|seated| seated.number);
        let room_id = |room: &Name| self.rooms.get(room).copied();
        Some(match step {
            Step::Move { person, room } => {
                Change::Move { participant: number(person)?, room: room_id(room)? }
            }
            Step::HearOwn { person, heard } => {
                Change::HearOwn { participant: number(person)?, kinds: kinds(*heard) }
            }
            Step::Hear { person, room, heard } => Change::Hear {
                participant: number(person)?,
                room: room_id(room)?,
                kinds: kinds(*heard),
            },
            Step::Speak { person, source, spoken } => {
                let audience = match spoken {
                    Spoken::Own => None,
                    Spoken::To { rooms, people } => Some(Audience {
                        rooms: rooms.iter().filter_map(room_id).collect(),
                        participants: people.iter().filter_map(number).collect(),
                    }),
                };
                Change::Audience { participant: number(person)?, source: *source, audience }
            }
            Step::Mute { person, source, muted } => {
                Change::Mute { participant: number(person)?, source: *source, muted: *muted }
            }
            Step::Cap { person, source, bps_max } => {
                Change::Cap { participant: number(person)?, source: *source, bps_max: *bps_max }
            }
            Step::Role { person, role, receives } => Change::Role {
                participant: number(person)?,
                role: Role(*role),
                receives: Roles(*receives),
            },
            Step::OpenRoom(_) | Step::CloseRoom(_) | Step::Admit { .. } | Step::Dismiss(_) => {
                return None;
            }
        })
    }

    /// Forgets somebody who is in the meeting no longer, with all their peers.
    async fn unseat(&mut self, person: &Name) {
        let Some(seated) = self.seats.remove(person) else { return };
        self.people.remove(&seated.number);
        self.watched.forget(seated.number);
        for peer in seated.peers {
            self.drop_peer(peer);
        }
        if let Some(meeting) = self.number {
            // Refused only if the relay has no such participant, which is what is wanted.
            let _ = self.relay.dismiss(meeting, seated.number).await;
        }
    }
}

fn kinds(heard: Heard) -> Kinds {
    let of = |heard, kind| if heard { Kinds::only(kind) } else { Kinds::NONE };
    of(heard.audio, Kind::Audio).union(of(heard.video, Kind::Video))
}
