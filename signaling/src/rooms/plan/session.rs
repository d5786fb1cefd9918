//! Draft, started, about to close: `breakout.start` and `breakout.stop`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Strategy;
use crate::rooms::error::RoomError;
use crate::rooms::main_room::Return;
use crate::rooms::timer::{Millis, Timer};
use crate::rooms::turn::Turn;
use crate::rooms::{Consent, Name, Permission};

/// Whether breakouts are open.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Session {
    /// Rooms and assignments are edited; nobody is moved by it (L3).
    #[default]
    Draft,
    /// Open.
    Started {
        /// When it ends.
        timer: Option<Timer>,
        /// Whether people who are assigned now are asked.
        consent: Consent,
    },
    /// Open for a moment longer.
    Closing {
        /// When everybody is brought back.
        at: Millis,
        /// `timer` or `stopped`.
        why: Name,
        /// As before: for whoever extends it.
        #[serde(default)]
        consent: Consent,
    },
}

impl Session {
    /// Its word on the wire.
    pub fn word(&self) -> &'static str {
        match self {
            Session::Draft => "draft",
            Session::Started { .. } => "started",
            Session::Closing { .. } => "closing",
        }
    }

    /// When it ends, if it does.
    pub fn ends_at(&self) -> Option<Millis> {
        match self {
            Session::Draft => None,
            Session::Started { timer, .. } => timer.map(|timer| timer.ends_at),
            Session::Closing { at, .. } => Some(*at),
        }
    }
}

impl Turn<'_> {
    /// `breakout.start`: everybody who is assigned goes to their room, at once (N2). If nobody is
    /// assigned at all, everybody is, at random (A1).
    ///
    /// # Errors
    /// `FORBIDDEN`, `CONFLICT`, `ROOM_FULL`, 5067.
    pub(in crate::rooms) fn start(
        &mut self,
        consent: Option<Consent>,
        timer_s: Option<u32>,
    ) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        self.check_breakouts_allowed()?;
        if self.next.plan.is_started() {
            return Err(RoomError::conflict("the breakouts are started already"));
        }
        if self.next.plan.rooms.is_empty() {
            return Err(RoomError::conflict("there are no breakout rooms; create some first"));
        }
        if timer_s == Some(0) {
            return Err(RoomError::invalid("timer_s", "timer_s is 0"));
        }
        let rules = self.next.rules;
        if self.next.plan.assigned.is_empty() && self.next.plan.reserved.is_empty() {
            self.spread(Strategy::Random, self.seed);
        }
        let consent = consent.unwrap_or(Consent::AutoOnStart);
        let ends_at = timer_s.map(|timer_s| self.now.after_s(u64::from(timer_s)));
        let timer = ends_at.map(|ends_at| Timer::new(self.now, ends_at, &rules));
        self.open_rooms();
        self.next.plan.session = Session::Started { timer, consent };
        let groups = self.groups();
        for (room, people) in &groups {
            for id in people {
                self.check_way(id, room)?;
            }
        }
        if consent == Consent::Ask {
            for (room, people) in &groups {
                self.ask_people(room, people, None);
            }
        } else {
            self.move_groups(&groups)?;
        }
        if let Some(timer) = timer {
            self.tell_timer(None, timer.ends_at, false);
        }
        Ok(())
    }

    /// People who are here and not where they belong, by where that is.
    pub(in crate::rooms) fn groups(&self) -> BTreeMap<Name, Vec<Name>> {
        let mut groups: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
        for (id, room) in &self.next.plan.assigned {
            if self.next.people.get(id).is_some_and(|person| person.room != *room) {
                groups.entry(room.clone()).or_default().push(id.clone());
            }
        }
        groups
    }

    /// Moves everybody to where they belong, in one step; refused whole if a room is too small.
    pub(in crate::rooms) fn move_groups(
        &mut self,
        groups: &BTreeMap<Name, Vec<Name>>,
    ) -> Result<(), RoomError> {
        for (room, people) in groups {
            for id in people {
                self.place(id, room, "moved");
            }
        }
        let sizes = self.sizes();
        for room in groups.keys() {
            let capacity = self.next.breakout(room).and_then(|room| room.capacity);
            let size = sizes.get(room).copied().unwrap_or(0);
            if let Some(capacity) = capacity.filter(|capacity| size > *capacity) {
                let message = format!("room \"{room}\" takes {capacity} people, not {size}");
                return Err(RoomError::new(crate::rooms::code::ROOM_FULL, message));
            }
        }
        Ok(())
    }

    /// `breakout.stop`: everybody back, at once or after a grace; groups are kept (X4, N11).
    ///
    /// # Errors
    /// `FORBIDDEN`, `CONFLICT` if nothing is open.
    pub(in crate::rooms) fn stop(&mut self, grace_s: Option<u32>) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        if !self.next.plan.is_started() && self.everybody_inside().is_empty() {
            return Err(RoomError::conflict("the breakouts are not started"));
        }
        match grace_s.filter(|grace_s| *grace_s > 0) {
            Some(grace_s) => {
                let at = self.now.after_s(u64::from(grace_s));
                let consent = self.consent_of_session();
                self.next.plan.session = Session::Closing { at, why: "stopped".into(), consent };
                self.tell_timer(None, at, true);
            }
            None => self.close_session("stopped"),
        }
        Ok(())
    }

    /// Rooms that were closed by their own timer are as the others again.
    fn open_rooms(&mut self) {
        let closed = self.next.breakouts().filter(|room| room.closed);
        let closed: Vec<Name> = closed.map(|room| room.id.clone()).collect();
        for room in closed {
            self.edit_room(&room, |room| room.closed = false);
        }
    }

    fn consent_of_session(&self) -> Consent {
        match self.next.plan.session {
            Session::Draft => self.next.rules.consent,
            Session::Started { consent, .. } | Session::Closing { consent, .. } => consent,
        }
    }

    /// Brings everybody back and ends timers; rooms and groups stay.
    pub(in crate::rooms) fn close_session(&mut self, why: &'static str) {
        let inside = self.everybody_inside();
        self.recall(&inside, why, Return::Resume);
        self.next.plan.session = Session::Draft;
        let timed = self.next.breakouts().filter(|room| room.timer.is_some());
        let timed: Vec<Name> = timed.map(|room| room.id.clone()).collect();
        for room in timed {
            self.edit_room(&room, |room| room.timer = None);
        }
        self.open_rooms();
        if self.next.rules.forget_groups {
            self.next.plan.assigned.clear();
        }
    }
}
