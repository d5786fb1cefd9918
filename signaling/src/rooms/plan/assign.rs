//! Who belongs where: by hand, or spread over all rooms (1.4).

use super::{Session, Strategy};
use crate::rooms::error::{RoomError, code};
use crate::rooms::main_room::Return;
use crate::rooms::turn::Turn;
use crate::rooms::{Consent, MAIN, Name, Permission};

impl Turn<'_> {
    /// `breakout.assign`: in a draft it is only noted; while breakouts are open, people go there.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`, `ROOM_FULL`, `CONFLICT`.
    pub(in crate::rooms) fn assign(
        &mut self,
        room_id: &str,
        clients: &[String],
    ) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        self.check_breakouts_allowed()?;
        let room = self.breakout_named(room_id, "room_id")?;
        let people = self.people_named(clients, "clients")?;
        self.check_planned(&room, &people)?;
        for id in &people {
            self.next.plan.assigned.insert(id.clone(), room.clone());
        }
        let Session::Started { consent, .. } = self.next.plan.session else { return Ok(()) };
        let away = |id: &Name| self.next.people.get(id).is_some_and(|person| person.room != room);
        let people: Vec<Name> = people.into_iter().filter(away).collect();
        for id in &people {
            self.check_way(id, &room)?;
        }
        if consent == Consent::Ask {
            self.ask_people(&room, &people, None);
            return Ok(());
        }
        self.check_capacity(&room, &people, "clients")?;
        for id in &people {
            self.place(id, &room, "moved");
        }
        Ok(())
    }

    /// Refuses to plan more people into a room than it takes.
    fn check_planned(&self, room: &Name, coming: &[Name]) -> Result<(), RoomError> {
        let Some(capacity) = self.next.breakout(room).and_then(|room| room.capacity) else {
            return Ok(());
        };
        let planned = self.next.plan.assigned.iter();
        let planned = planned.filter(|(id, other)| *other == room && !coming.contains(id)).count();
        if (planned + coming.len()) as u64 > capacity {
            let message = format!("room \"{room}\" takes {capacity} people");
            return Err(RoomError::field(code::ROOM_FULL, "clients", message));
        }
        Ok(())
    }

    /// `breakout.unassign`: who is inside comes back (A7).
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`.
    pub(in crate::rooms) fn unassign(&mut self, clients: &[String]) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        let people = self.people_named(clients, "clients")?;
        for id in &people {
            let assigned = self.next.plan.assigned.remove(id);
            self.strike_reserved(id);
            let inside = self.next.people.get(id).is_some_and(|person| person.room != *MAIN);
            if inside && assigned.is_some() && self.next.plan.is_started() {
                self.recall(std::slice::from_ref(id), "unassigned", Return::Policy);
            }
        }
        Ok(())
    }

    /// `breakout.shuffle`: everybody anew; while breakouts are open, everybody moves, in one step
    /// (A2, N2).
    ///
    /// # Errors
    /// `FORBIDDEN`, `CONFLICT`.
    pub(in crate::rooms) fn shuffle(
        &mut self,
        strategy: Strategy,
        seed: Option<u64>,
    ) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        self.check_breakouts_allowed()?;
        if self.next.plan.rooms.is_empty() {
            return Err(RoomError::conflict("there are no breakout rooms; create some first"));
        }
        self.next.plan.assigned.clear();
        self.spread(strategy, seed.unwrap_or(self.seed));
        self.follow_plan()
    }

    /// While breakouts are open, everybody goes to where they now belong, in one step.
    pub(super) fn follow_plan(&mut self) -> Result<(), RoomError> {
        if self.next.plan.is_started() {
            let groups = self.groups();
            for (room, people) in &groups {
                for id in people {
                    self.check_way(id, room)?;
                }
            }
            // Who found no place any more is not left where somebody else now belongs.
            let stay: Vec<Name> = self.everybody_inside();
            let stay = stay.into_iter().filter(|id| !self.next.plan.assigned.contains_key(id));
            let stay: Vec<Name> =
                stay.filter(|id| !self.next.may(id, Permission::Manage)).collect();
            self.recall(&stay, "moved", Return::Policy);
            self.move_groups(&groups)?;
        }
        Ok(())
    }

    /// Assigns everybody who does not manage.
    pub(super) fn spread(&mut self, strategy: Strategy, seed: u64) {
        let rooms: Vec<Name> = self.next.breakouts().map(|room| room.id.clone()).collect();
        let people = self.next.people.iter();
        let people =
            people.filter(|(_, person)| !self.next.permissions(person).has(Permission::Manage));
        let people = people.map(|(id, _)| id.clone()).collect();
        // Who manages and sits in a room takes a place there.
        for (room, people) in self.deal(&rooms, people, strategy, seed) {
            for id in people {
                self.next.plan.assigned.insert(id, room.clone());
            }
        }
    }

    /// People in the main room who do not manage.
    pub(super) fn unplaced(&self) -> Vec<Name> {
        let people = self.next.people.iter().filter(|(_, person)| {
            person.room == *MAIN && !self.next.permissions(person).has(Permission::Manage)
        });
        people.map(|(id, _)| id.clone()).collect()
    }

    /// Deals people out over rooms, within what those who manage leave free there.
    pub(super) fn deal(
        &self,
        rooms: &[Name],
        people: Vec<Name>,
        strategy: Strategy,
        seed: u64,
    ) -> Vec<(Name, Vec<Name>)> {
        let places = rooms.iter().map(|room| {
            let capacity = self.next.breakout(room).and_then(|room| room.capacity)?;
            let staying = self.next.inside(room).filter(|id| !people.contains(id)).count();
            Some(usize::try_from(capacity).unwrap_or(usize::MAX).saturating_sub(staying))
        });
        let places: Vec<Option<usize>> = places.collect();
        let dealt = super::spread::deal(&places, people, strategy, seed);
        rooms.iter().cloned().zip(dealt).collect()
    }
}
