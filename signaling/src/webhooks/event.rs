//! What happened, read off the rows that became other: so nothing that changes can be forgotten.
//!
//! Rooms count as open while somebody is in the meeting: what was planned before anybody came is
//! opened with the meeting, and closed with it.

use serde::Serialize;

use crate::rooms::{Breakout, Meeting, Name, Person, RowKey};

/// Every kind of event.
pub const EVENTS: [&str; 7] = [
    "meeting_started",
    "meeting_ended",
    "participant_joined",
    "participant_left",
    "participant_moved",
    "room_opened",
    "room_closed",
];

/// Somebody it is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Participant {
    id: Name,
    name: Name,
    role: crate::rooms::RoleName,
}

/// A breakout it is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Room {
    id: Name,
    name: Name,
}

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Happened {
    /// One of [`EVENTS`].
    pub event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant: Option<Participant>,
    /// Where they are now; where they were, if they left.
    #[serde(skip_serializing_if = "Option::is_none")]
    room_id: Option<Name>,
    /// Where they were before they moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_room_id: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<Room>,
}

impl Happened {
    fn to_meeting(event: &'static str) -> Happened {
        Happened { event, participant: None, room_id: None, from_room_id: None, room: None }
    }

    fn to_person(event: &'static str, id: &Name, person: &Person) -> Happened {
        let (name, role) = (person.name.clone(), person.role.clone());
        let participant = Some(Participant { id: id.clone(), name, role });
        Happened { participant, room_id: Some(person.room.clone()), ..Happened::to_meeting(event) }
    }

    fn to_room(event: &'static str, room: &Breakout) -> Happened {
        let room = Some(Room { id: room.id.clone(), name: room.name.clone() });
        Happened { room, ..Happened::to_meeting(event) }
    }
}

/// What is posted of it. `id` stays the same when it is posted again; `number` counts from 1 in a
/// life of the meeting, from the first who came to the last who left.
pub fn body(happened: &Happened, meeting: &Name, life: u64, number: u64, at: u64) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        id: String,
        meeting: &'a Name,
        life: String,
        number: u64,
        created_at_ms: u64,
        #[serde(flatten)]
        happened: &'a Happened,
    }
    let (id, life) = (format!("{life:016x}-{number}"), format!("{life:016x}"));
    let body = Body { id, meeting, life, number, created_at_ms: at, happened };
    serde_json::to_string(&body).unwrap_or_default() // texts and numbers: always JSON
}

/// What happened between two states of a meeting, of which these rows are other.
pub fn happened<'a>(
    old: &Meeting,
    new: &Meeting,
    rows: impl Iterator<Item = &'a RowKey>,
) -> Vec<Happened> {
    let (was, is) = (!old.is_empty(), !new.is_empty());
    let (mut opened, mut closed) = (Vec::new(), Vec::new());
    let (mut came, mut moved, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for key in rows {
        match key {
            RowKey::Person(id) => match (old.person(id), new.person(id)) {
                (None, Some(person)) => {
                    came.push(Happened::to_person("participant_joined", id, person))
                }
                (Some(person), None) => {
                    left.push(Happened::to_person("participant_left", id, person))
                }
                (Some(before), Some(person)) if before.room != person.room => {
                    let from_room_id = Some(before.room.clone());
                    let moving = Happened::to_person("participant_moved", id, person);
                    moved.push(Happened { from_room_id, ..moving });
                }
                _ => {}
            },
            RowKey::Room(number) if was && is => {
                let id = format!("b{number}");
                match (old.breakout(&id), new.breakout(&id)) {
                    (None, Some(room)) => opened.push(Happened::to_room("room_opened", room)),
                    (Some(room), None) => closed.push(Happened::to_room("room_closed", room)),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    if is && !was {
        all.push(Happened::to_meeting("meeting_started"));
        opened = new.breakouts().map(|room| Happened::to_room("room_opened", room)).collect();
    }
    if was && !is {
        closed = old.breakouts().map(|room| Happened::to_room("room_closed", room)).collect();
    }
    all.extend([opened, came, moved, left, closed].into_iter().flatten());
    if was && !is {
        all.push(Happened::to_meeting("meeting_ended"));
    }
    all
}
