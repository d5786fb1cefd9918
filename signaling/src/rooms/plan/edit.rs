//! Renaming, deleting, resetting (A5, A6, A8), and the end of a room.

use super::create::check_name;
use crate::rooms::error::RoomError;
use crate::rooms::main_room::Return;
use crate::rooms::plan::Session;
use crate::rooms::turn::Turn;
use crate::rooms::{Name, Permission};

impl Turn<'_> {
    /// `breakout.rename`.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`.
    pub(in crate::rooms) fn rename(&mut self, room_id: &str, name: &str) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        let room = self.breakout_named(room_id, "room_id")?;
        let name = name.trim();
        check_name(name, "name")?;
        if name.is_empty() {
            return Err(RoomError::invalid("name", "name is empty"));
        }
        self.edit_room(&room, |room| room.name = name.into());
        Ok(())
    }

    /// `breakout.delete`: who is inside comes back first.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`.
    pub(in crate::rooms) fn delete(&mut self, room_id: &str) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        let room = self.breakout_named(room_id, "room_id")?;
        self.destroy(&room, "deleted");
        Ok(())
    }

    /// Ends a room, whoever is inside and whatever refers to it.
    pub(in crate::rooms) fn destroy(&mut self, room: &Name, why: &'static str) {
        if self.next.breakout(room).is_none() {
            return;
        }
        let inside: Vec<Name> = self.next.inside(room).cloned().collect();
        self.recall(&inside, why, Return::Resume);
        let plan = &mut self.next.plan;
        plan.rooms.retain(|_, other| other.id != *room);
        plan.assigned.retain(|_, assigned| assigned != room);
        plan.reserved.retain(|reserved| reserved.room != *room);
        self.gone.insert(room.clone(), why);
    }

    /// `breakout.reset`: everybody back, nobody assigned, rooms as they are (A8).
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(in crate::rooms) fn reset(&mut self) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        self.close_session("reset");
        self.next.plan.session = Session::Draft;
        self.next.plan.assigned.clear();
        self.next.plan.reserved.clear();
        Ok(())
    }
}
