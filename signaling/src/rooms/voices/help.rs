//! Asking for help: an invitation in the other direction (B3, I5).

use crate::rooms::error::RoomError;
use crate::rooms::event::Event;
use crate::rooms::turn::Turn;
use crate::rooms::{MAIN, Permission};

impl Turn<'_> {
    /// `help.ask`, from inside a breakout. Those who help come by `breakout.join`.
    ///
    /// # Errors
    /// `CONFLICT` in the main room.
    pub(in crate::rooms) fn help_ask(&mut self) -> Result<(), RoomError> {
        let from = self.myself()?;
        let room = self.next.people.get(&from).map(|person| person.room.clone());
        let Some(room) = room.filter(|room| **room != *MAIN) else {
            return Err(RoomError::conflict("you are not in a breakout room"));
        };
        let asked = from.clone();
        self.edit_room(&room, |room| room.help = Some(asked));
        let mut to = self.next.who_may(Permission::Help);
        to.extend(self.next.managers());
        self.tell(to, Event::HelpAsked { room_id: room, from });
        Ok(())
    }

    /// `help.reset`: it is seen to (N10).
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`, `CONFLICT`.
    pub(in crate::rooms) fn help_reset(&mut self, room_id: &str) -> Result<(), RoomError> {
        if !self.may(Permission::Manage) {
            self.require(Permission::Help)?;
        }
        let room = self.breakout_named(room_id, "room_id")?;
        if self.next.breakout(&room).is_some_and(|room| room.help.is_none()) {
            return Err(RoomError::conflict("nobody asked for help there"));
        }
        self.edit_room(&room, |room| room.help = None);
        let mut to = self.next.who_may(Permission::Help);
        to.extend(self.next.managers());
        to.extend(self.next.inside(&room).cloned());
        self.tell(to, Event::HelpReset { room_id: room });
        Ok(())
    }
}
