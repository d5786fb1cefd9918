//! Putting somebody into a room: the one place where that happens, and the checks before it.

use std::collections::BTreeMap;

use super::person::RoomRole;
use crate::rooms::error::{RoomError, code};
use crate::rooms::main_room::Return;
use crate::rooms::turn::Turn;
use crate::rooms::{MAIN, Name, Permission};

impl Turn<'_> {
    /// Puts somebody into a room. Whoever calls it has looked whether that may be.
    pub(in crate::rooms) fn place(&mut self, id: &Name, room: &Name, why: &'static str) {
        self.place_so(id, room, why, Return::Policy);
    }

    pub(in crate::rooms) fn place_so(
        &mut self,
        id: &Name,
        room: &Name,
        why: &'static str,
        how: Return,
    ) {
        let rules = self.next.rules;
        self.open_room(room);
        self.edit(id, |person| {
            let (from_main, to_main) = (person.room == *MAIN, **room == *MAIN);
            match (from_main, to_main) {
                (true, false) => person.main.enter(rules.on_enter),
                (false, true) => person.main.come_back(how, rules.on_return),
                _ => {}
            }
            person.room = room.clone();
            person.room_role = RoomRole::Participant;
        });
        self.why.insert(id.clone(), why);
        if let Some(own) = self.next.invitations.get_mut(id) {
            own.retain(|invitation| invitation.room != *room);
        }
    }

    /// A closed room that people are put or asked into is closed no more. Who goes by themselves is
    /// refused before (`check_door`).
    pub(in crate::rooms) fn open_room(&mut self, room: &Name) {
        if self.next.breakout(room).is_some_and(|room| room.closed) {
            self.edit_room(room, |room| room.closed = false);
        }
    }

    /// Refuses who would go into a closed room and does not manage.
    pub(in crate::rooms) fn check_door(
        &self,
        manages: bool,
        room: &Name,
        field: &str,
    ) -> Result<(), RoomError> {
        let closed = self.next.breakout(room).is_some_and(|room| room.closed);
        if closed && !manages {
            let message = format!("room \"{room}\" is closed: its time is over");
            return Err(RoomError::field(code::CONFLICT, field, message));
        }
        Ok(())
    }

    /// How many people are in each room.
    pub(in crate::rooms) fn sizes(&self) -> BTreeMap<Name, u64> {
        let mut sizes: BTreeMap<Name, u64> = BTreeMap::new();
        for person in self.next.people.values() {
            *sizes.entry(person.room.clone()).or_default() += 1;
        }
        sizes
    }

    /// Refuses more people than a room takes; those who are in it already do not count twice.
    pub(in crate::rooms) fn check_capacity(
        &self,
        room: &Name,
        coming: &[Name],
        field: &str,
    ) -> Result<(), RoomError> {
        let Some(capacity) = self.next.breakout(room).and_then(|room| room.capacity) else {
            return Ok(());
        };
        let inside = self.next.inside(room).filter(|id| !coming.contains(id)).count();
        if (inside + coming.len()) as u64 > capacity {
            let message = format!("room \"{room}\" takes {capacity} people");
            return Err(RoomError::field(code::ROOM_FULL, field, message));
        }
        Ok(())
    }

    /// Refuses a way into a breakout where the meeting has none (E1, E2, E4), and one from breakout
    /// to breakout where the profile wants the main room in between (Q13).
    pub(in crate::rooms) fn check_way(&self, id: &Name, room: &Name) -> Result<(), RoomError> {
        if **room != *MAIN {
            self.check_breakouts_allowed()?;
        }
        let from = self.next.people.get(id).map(|person| person.room.clone());
        let from = from.unwrap_or_else(|| MAIN.into());
        if !self.next.rules.direct_move && *from != *MAIN && **room != *MAIN && from != *room {
            let message = format!("\"{id}\" is in room \"{from}\": return to the main room first");
            return Err(RoomError::conflict(message));
        }
        Ok(())
    }

    /// `breakout.move`: people into a room, at once. Who manages moves anybody; who may switch
    /// moves themself.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`, `ROOM_FULL`, `CONFLICT`.
    pub(in crate::rooms) fn move_people(
        &mut self,
        clients: &[String],
        room_id: &str,
    ) -> Result<(), RoomError> {
        if !self.may(Permission::Manage) {
            let only_me = clients.iter().all(|client| **client == *self.asker());
            if !only_me || clients.is_empty() {
                return Err(RoomError::lacks(Permission::Manage));
            }
            self.require(if *room_id == *MAIN { Permission::Parent } else { Permission::Switch })?;
        }
        let room = self.room_named(room_id, "room_id")?;
        let people = self.people_named(clients, "clients")?;
        self.check_door(self.may(Permission::Manage), &room, "room_id")?;
        self.check_capacity(&room, &people, "clients")?;
        for id in &people {
            self.check_way(id, &room)?;
        }
        for id in &people {
            if self.next.people.get(id).is_some_and(|person| person.room != room) {
                self.place(id, &room, "moved");
            }
            self.note_group(id, &room);
        }
        Ok(())
    }

    /// Who is moved by those who manage while breakouts are open, belongs there from now on.
    pub(in crate::rooms) fn note_group(&mut self, id: &Name, room: &Name) {
        if self.next.plan.is_started() && self.may(Permission::Manage) && **room != *MAIN {
            self.next.plan.assigned.insert(id.clone(), room.clone());
        }
    }

    /// `breakout.exchange`: two people, each into the other's room (N10).
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`, `CONFLICT`.
    pub(in crate::rooms) fn exchange(&mut self, a: &str, b: &str) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        let (a, b) = (self.person_named(a, "a")?, self.person_named(b, "b")?);
        let room = |turn: &Turn<'_>, id: &Name| -> Name {
            turn.next.people.get(id).map_or_else(|| MAIN.into(), |person| person.room.clone())
        };
        let planned = |turn: &Turn<'_>, id: &Name| turn.next.plan.assigned.get(id).cloned();
        let (room_a, room_b) = (room(self, &a), room(self, &b));
        let (plan_a, plan_b) = (planned(self, &a), planned(self, &b));
        if a == b || (room_a == room_b && plan_a == plan_b) {
            return Err(RoomError::conflict("they are in the same room"));
        }
        self.check_way(&a, &room_b)?;
        self.check_way(&b, &room_a)?;
        for (id, room, plan) in [(&a, &room_b, plan_b), (&b, &room_a, plan_a)] {
            if room_a != room_b {
                self.place(id, room, "moved");
            }
            match plan {
                Some(plan) => self.next.plan.assigned.insert(id.clone(), plan),
                None => {
                    self.strike_reserved(id);
                    self.next.plan.assigned.remove(id)
                }
            };
        }
        Ok(())
    }
}
