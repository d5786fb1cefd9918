//! Back to the main room: by oneself, all at once, for good (1.12).

use crate::rooms::error::RoomError;
use crate::rooms::event::{Event, Notice};
use crate::rooms::main_room::Return;
use crate::rooms::plan::Session;
use crate::rooms::turn::Turn;
use crate::rooms::{MAIN, Name, Permission};

impl Turn<'_> {
    /// Brings people back to the main room.
    pub(in crate::rooms) fn recall(&mut self, who: &[Name], why: &'static str, how: Return) {
        let main: Name = MAIN.into();
        for id in who {
            self.place_so(id, &main, why, how);
        }
    }

    pub(in crate::rooms) fn everybody_inside(&self) -> Vec<Name> {
        let away = self.next.people.iter().filter(|(_, person)| person.room != *MAIN);
        away.map(|(id, _)| id.clone()).collect()
    }

    /// Who manages moves anybody, so themself too.
    fn check_way_back(&self) -> Result<(), RoomError> {
        if self.may(Permission::Manage) { Ok(()) } else { self.require(Permission::Parent) }
    }

    /// `breakout.leave`: back by oneself.
    ///
    /// # Errors
    /// `CONFLICT` when not in a breakout, `FORBIDDEN`.
    pub(in crate::rooms) fn leave_breakout(&mut self) -> Result<(), RoomError> {
        let me = self.myself()?;
        if self.next.people.get(&me).is_some_and(|person| person.room == *MAIN) {
            return Err(RoomError::conflict("you are not in a breakout room"));
        }
        self.check_way_back()?;
        self.place(&me, &MAIN.into(), "left");
        Ok(())
    }

    /// `breakout.leave_all`: out of whatever breakout one is in, with the main room resumed (Q9).
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(in crate::rooms) fn leave_all(&mut self) -> Result<(), RoomError> {
        let me = self.myself()?;
        self.check_way_back()?;
        if self.next.people.get(&me).is_some_and(|person| person.room != *MAIN) {
            self.recall(&[me], "left", Return::Resume);
        }
        Ok(())
    }

    /// `breakout.clear_all`: everybody back, the rooms stay (X1).
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(in crate::rooms) fn clear_all(&mut self) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        self.close_session("cleared");
        Ok(())
    }

    /// `breakout.destroy_all`: everybody back, resumed and unmuted, and no room is left (X2).
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(in crate::rooms) fn destroy_all(&mut self) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        let mut to = self.everybody_inside();
        self.recall(&to.clone(), "destroyed", Return::Unmute);
        let rooms: Vec<Name> = self.next.breakouts().map(|room| room.id.clone()).collect();
        to.extend(self.next.breakouts().filter_map(|room| room.owner.clone()));
        to.extend(self.next.managers());
        to.retain(|id| self.next.people.contains_key(id));
        to.sort_unstable();
        to.dedup();
        for room in &rooms {
            self.destroy(room, "destroyed");
        }
        self.next.plan.session = Session::Draft;
        self.next.plan.assigned.clear();
        self.next.plan.reserved.clear();
        if !rooms.is_empty() {
            self.after.push(Notice { to, event: Event::AllDestroyed {} });
        }
        Ok(())
    }
}
