//! The whole plan at once: which rooms there are, and who belongs where (REST's `PUT`).
//!
//! The plan is checked whole before anything changes; an error names the place in it.

use std::collections::BTreeSet;

use super::Reserved;
use super::create::check_name;
use crate::rooms::error::{RoomError, code};
use crate::rooms::turn::Turn;
use crate::rooms::{EmptyTtl, Media, Name, Permission};

/// Longest id of a participant or cell of a list, in bytes.
const CELL_BYTES_MAX: usize = 256;

/// A plan as it shall be.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PutPlan {
    /// Its rooms, in order. Rooms that are there and not named here are deleted.
    pub rooms: Vec<PutRoom>,
}

/// One of its rooms.
#[derive(Clone, PartialEq, Debug)]
pub struct PutRoom {
    /// A room that is there; none: a new one.
    pub id: Option<String>,
    /// Its name; none: the one it has, or a number.
    pub name: Option<String>,
    /// Most people in it.
    pub capacity: Option<u64>,
    /// What may be spoken in it.
    pub media: Media,
    /// When it is destroyed if empty; none: as the meeting's rules say.
    pub empty_ttl: Option<EmptyTtl>,
    /// Ids of people who belong there, whether they are here or not.
    pub assigned: Vec<String>,
    /// People who are known by name or address only. `room` is not looked at.
    pub expected: Vec<Reserved>,
}

impl Turn<'_> {
    /// # Errors
    /// `FORBIDDEN`, 5067, 1724, 1725, 1726, `CONFLICT` while breakouts are open, `ROOM_FULL`,
    /// `INVALID_PARAMS`.
    pub(in crate::rooms) fn put_plan(&mut self, plan: PutPlan) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        self.check_breakouts_allowed()?;
        if self.next.plan.is_started() {
            return Err(RoomError::conflict("the breakouts are started; stop them first"));
        }
        self.check_plan(&plan)?;
        let kept: BTreeSet<&str> =
            plan.rooms.iter().filter_map(|room| room.id.as_deref()).collect();
        let gone = self.next.breakouts().filter(|room| !kept.contains(&*room.id));
        let gone: Vec<Name> = gone.map(|room| room.id.clone()).collect();
        for room in &gone {
            self.destroy(room, "deleted");
        }
        self.next.plan.assigned.clear();
        self.next.plan.reserved.clear();
        let mut made = Vec::new();
        let mut ids = Vec::new();
        for room in plan.rooms {
            let media = Media {
                video: room.media.video && self.next.rules.video_in_breakouts,
                ..room.media
            };
            let name = room.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
            let id = match room.id {
                Some(id) => self.change_room(&id, name, (room.capacity, media, room.empty_ttl))?,
                None => {
                    let fresh = self.new_room(name, room.capacity, media, room.empty_ttl);
                    made.push(fresh.clone());
                    fresh.id
                }
            };
            let assigned = room.assigned.into_iter().map(|person| (person.into(), id.clone()));
            self.next.plan.assigned.extend(assigned);
            let expected =
                room.expected.into_iter().map(|one| Reserved { room: id.clone(), ..one });
            self.next.plan.reserved.extend(expected);
            ids.push(id);
        }
        let people: Vec<Name> = self.next.people.keys().cloned().collect();
        for id in people {
            self.match_reserved(&id);
        }
        self.announce_rooms(made);
        self.reply.rooms = Some(ids);
        Ok(())
    }

    fn change_room(
        &mut self,
        id: &str,
        name: Option<String>,
        what: (Option<u64>, Media, Option<EmptyTtl>),
    ) -> Result<Name, RoomError> {
        let id = self.breakout_named(id, "rooms")?;
        let same = self.next.breakout(&id).is_some_and(|room| {
            let named = name.as_deref().is_none_or(|name| *name == *room.name);
            named && (room.capacity, room.media, room.empty_ttl) == what
        });
        if !same {
            self.edit_room(&id, |room| {
                (room.capacity, room.media, room.empty_ttl) = what;
                if let Some(name) = name {
                    room.name = name.into();
                }
            });
        }
        Ok(id)
    }

    /// In a draft too people may be inside: who was invited, moved, or went there.
    fn check_inside(&self, id: &str, capacity: Option<u64>, field: &str) -> Result<(), RoomError> {
        let inside = self.next.inside(id).count() as u64;
        if let Some(capacity) = capacity.filter(|capacity| inside > *capacity) {
            let message = format!("{inside} people are in room \"{id}\", more than {capacity}");
            return Err(RoomError::field(code::ROOM_FULL, field, message));
        }
        Ok(())
    }

    fn check_plan(&self, plan: &PutPlan) -> Result<(), RoomError> {
        let most = self.next.rules.breakout_rooms_max;
        if plan.rooms.len() > most {
            let message = format!("maximum breakout room limit ({most}) exceeded");
            return Err(RoomError::field(code::TOO_MANY_ROOMS, "rooms", message));
        }
        let (mut ids, mut people, mut rows) = Default::default();
        for (at, room) in plan.rooms.iter().enumerate() {
            let field = |name: &str| format!("rooms[{at}].{name}");
            if let Some(id) = &room.id {
                self.breakout_named(id, &field("id"))?;
                once(&mut ids, id.clone(), &field("id"))?;
                self.check_inside(id, room.capacity, &field("capacity"))?;
            }
            check_name(room.name.as_deref().unwrap_or_default(), &field("name"))?;
            self.check_participants(room.capacity, &field("capacity"))?;
            for id in &room.assigned {
                check_cell(id, &field("assigned"))?;
                once(&mut people, id.clone(), &field("assigned"))?;
            }
            for row in &room.expected {
                check_row(row, &mut rows, &field("expected"))?;
            }
            let matched = |row: &&Reserved| {
                row.person
                    .as_ref()
                    .is_some_and(|person| room.assigned.iter().any(|id| **id == **person))
            };
            let twice = room.expected.iter().filter(matched).count();
            let size = (room.assigned.len() + room.expected.len() - twice) as u64;
            if let Some(capacity) = room.capacity.filter(|capacity| size > *capacity) {
                let message = format!("the room takes {capacity} people, not {size}");
                return Err(RoomError::field(code::ROOM_FULL, &field("assigned"), message));
            }
        }
        Ok(())
    }
}

fn once(seen: &mut BTreeSet<String>, what: String, field: &str) -> Result<(), RoomError> {
    let message = format!("\"{what}\" is there twice");
    if seen.insert(what) { Ok(()) } else { Err(RoomError::invalid(field, message)) }
}

fn check_cell(text: &str, field: &str) -> Result<(), RoomError> {
    if text.is_empty() || text.len() > CELL_BYTES_MAX || text.chars().any(char::is_control) {
        let message = "an id is empty, over 256 bytes or has control characters";
        return Err(RoomError::invalid(field, message));
    }
    Ok(())
}

fn check_row(row: &Reserved, seen: &mut BTreeSet<String>, field: &str) -> Result<(), RoomError> {
    let name = row.full_name();
    for cell in [&row.first_name, &row.last_name, &row.email] {
        if !cell.is_empty() {
            check_cell(cell, field)?;
        }
    }
    if !row.email.is_empty() && !row.email.contains('@') {
        let message = format!("\"{}\" is no e-mail address", row.email);
        return Err(RoomError::invalid(field, message));
    }
    let who = if row.email.is_empty() { name } else { row.email.clone() };
    if who.is_empty() {
        return Err(RoomError::invalid(field, "somebody has neither a name nor an e-mail address"));
    }
    once(seen, who.trim().to_lowercase(), field)
}
