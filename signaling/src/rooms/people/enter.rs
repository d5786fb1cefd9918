//! Joining and leaving the meeting; late joiners; who was assigned before they came.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Person;
use super::person::RoomRole;
use crate::rooms::error::{RoomError, code};
use crate::rooms::plan::Session;
use crate::rooms::request::By;
use crate::rooms::turn::Turn;
use crate::rooms::{
    Consent, Late, MAIN, MainRoom, MutedSources, Name, Permission, RESERVED, RoleName, is_reserved,
};

/// Somebody who joins, as token and request describe them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enter {
    /// Their id.
    pub id: Name,
    /// The name to show, if one is given.
    pub name: Option<Name>,
    /// Their address, if the token names one.
    pub email: Option<Name>,
    /// What else the token says of them, for strategies (Q15).
    pub attributes: BTreeMap<Name, Name>,
    /// Their role.
    pub role: RoleName,
    /// May send.
    pub publishes: bool,
    /// May receive.
    pub subscribes: bool,
    /// When their token was made, in seconds since 1970, if it says so.
    pub issued: Option<u64>,
    /// Straight into this room; else where the plan and the policy put them.
    pub room: Option<Name>,
}

impl Turn<'_> {
    /// Somebody joins, or joins again: then the newest token counts, and what an older one allowed
    /// beyond it is revoked (THREATS.md P3.14).
    pub(in crate::rooms) fn enter(&mut self, enter: Enter) -> Result<(), RoomError> {
        self.only_server()?;
        self.next.admits(&enter.id, enter.issued)?;
        if is_reserved(&enter.id) && !self.next.people.contains_key(&enter.id) {
            return Err(RoomError::invalid("id", RESERVED));
        }
        let Enter { id, name, email, attributes, role, publishes, subscribes, .. } = enter;
        let room = enter.room;
        if self.next.people.contains_key(&id) {
            self.edit(&id, |person| {
                person.name = name.unwrap_or_else(|| person.name.clone());
                person.email = email.or_else(|| person.email.clone());
                person.attributes = attributes;
                (person.publishes, person.subscribes) = (publishes, subscribes);
                if person.token_role != role {
                    (person.role, person.token_role) = (role.clone(), role);
                    person.room_role = RoomRole::default();
                }
            });
            self.end_forbidden_voices(&id);
            return Ok(());
        }
        let straight = match room.as_deref() {
            Some(room) => Some(self.room_named(room, "room")?),
            None => None,
        };
        let person = Person {
            name: name.unwrap_or_else(|| id.clone()),
            email,
            attributes,
            role: role.clone(),
            token_role: role,
            room: MAIN.into(),
            room_role: RoomRole::default(),
            muted: MutedSources::default(),
            no_screen: false,
            no_canvas: false,
            publishes,
            subscribes,
            main: MainRoom::default(),
            announces: Default::default(),
            whispers: None,
            monitors: Vec::new(),
            listens: Default::default(),
            role_asked: None,
        };
        self.next.people.insert(id.clone(), Arc::new(person));
        self.match_reserved(&id);
        match straight {
            Some(room) => self.put_straight(&id, &room),
            None => self.seat_late(&id),
        }
    }

    fn put_straight(&mut self, id: &Name, room: &Name) -> Result<(), RoomError> {
        if **room != *MAIN {
            self.check_way(id, room)?;
            self.check_door(self.next.may(id, Permission::Manage), room, "room")?;
            self.check_capacity(room, std::slice::from_ref(id), "room")?;
            self.place(id, room, "moved");
        }
        Ok(())
    }

    /// Where somebody goes who comes while breakouts are open: into the room they are assigned to,
    /// else by the policy (N8).
    fn seat_late(&mut self, id: &Name) -> Result<(), RoomError> {
        let Session::Started { consent, .. } = self.next.plan.session else { return Ok(()) };
        let assigned = self.next.plan.assigned.get(id).cloned();
        let (room, ask) = match (assigned, self.next.rules.late) {
            (Some(room), _) if self.takes(&room, id) => (Some(room), consent == Consent::Ask),
            (_, Late::Main) => (None, false),
            _ if self.next.may(id, Permission::Manage) => (None, false),
            (_, late) => (self.smallest_room(id), late == Late::Ask),
        };
        let Some(room) = room else { return Ok(()) };
        if ask {
            self.ask_people(&room, std::slice::from_ref(id), None);
        } else {
            self.next.plan.assigned.insert(id.clone(), room.clone());
            self.place(id, &room, "moved");
        }
        Ok(())
    }

    /// Whether somebody can go there now.
    fn takes(&self, room: &Name, id: &Name) -> bool {
        let door = self.check_door(false, room, "room");
        door.and_then(|()| self.check_capacity(room, std::slice::from_ref(id), "room")).is_ok()
    }

    /// The room with the fewest people that still takes one; the oldest of those.
    fn smallest_room(&self, id: &Name) -> Option<Name> {
        let mut sizes = self.sizes();
        let rooms = self
            .next
            .breakouts()
            .map(|room| (sizes.remove(&room.id).unwrap_or(0), room.id.clone()));
        let rooms = rooms.filter(|(_, room)| self.takes(room, id));
        rooms.min_by_key(|(size, _)| *size).map(|(_, room)| room)
    }

    /// Somebody leaves the meeting.
    pub(in crate::rooms) fn depart(
        &mut self,
        id: &Name,
        reason: &'static str,
    ) -> Result<(), RoomError> {
        if *self.by != By::Person(id.clone()) {
            self.only_server()?;
        }
        if self.next.people.remove(id).is_some() {
            self.why.insert(id.clone(), reason);
            self.next.invitations.remove(id);
            if self.next.rules.forget_groups {
                self.next.plan.assigned.remove(id);
            }
        }
        Ok(())
    }

    /// Everybody leaves, and nothing keeps the meeting.
    pub(in crate::rooms) fn end(&mut self) -> Result<(), RoomError> {
        self.only_server()?;
        self.next.kept = false;
        for id in std::mem::take(&mut self.next.people).into_keys() {
            self.why.insert(id, "ended");
        }
        self.next.invitations.clear();
        Ok(())
    }

    pub(in crate::rooms) fn only_server(&self) -> Result<(), RoomError> {
        match self.by {
            By::Server => Ok(()),
            By::Person(_) => Err(RoomError::new(code::FORBIDDEN, "only the server can do this")),
        }
    }
}
