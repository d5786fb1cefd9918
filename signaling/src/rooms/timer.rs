//! Time: when something is due, and what happens then. Never early: only what has passed counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::changes::Changes;
use super::error::RoomError;
use super::event::{Event, Notice};
use super::meeting::Meeting;
use super::plan::Session;
use super::turn::Turn;
use super::{MAIN, Name, Permission, Rules};

/// Milliseconds since 1970.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
#[schema(value_type = u64)]
pub struct Millis(pub u64);

impl Millis {
    /// So many seconds later.
    pub fn after_s(self, seconds: u64) -> Millis {
        Millis(self.0.saturating_add(seconds.saturating_mul(1_000)))
    }

    /// So many seconds earlier.
    pub fn before_s(self, seconds: u64) -> Millis {
        Millis(self.0.saturating_sub(seconds.saturating_mul(1_000)))
    }

    /// Whole seconds until `later`, rounded up: a countdown does not say 0 too early.
    pub fn seconds_to(self, later: Millis) -> u64 {
        later.0.saturating_sub(self.0).div_ceil(1_000)
    }
}

/// The end of the session or of one room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Timer {
    /// When it ends.
    pub ends_at: Millis,
    /// Whether people were warned.
    pub warned: bool,
    /// Of a room: its time is over, and this is the end of the grace.
    #[serde(default)]
    pub closing: bool,
}

impl Timer {
    /// A time that begins `now`, when people are told of it: if that is no more than the warning's
    /// time before its end, they are not warned once more.
    pub(super) fn new(now: Millis, ends_at: Millis, rules: &Rules) -> Timer {
        let warned = ends_at.before_s(u64::from(rules.warn_s)) <= now;
        Timer { ends_at, warned, closing: false }
    }

    fn due(self, warn_s: u64) -> Millis {
        if self.warned { self.ends_at } else { self.ends_at.before_s(warn_s) }
    }
}

impl Meeting {
    /// When the next [`Request::Tick`](super::Request::Tick) has something to do.
    pub fn deadline(&self) -> Option<Millis> {
        let warn_s = u64::from(self.rules.warn_s);
        let session = match self.plan.session {
            Session::Draft | Session::Started { timer: None, .. } => None,
            Session::Started { timer: Some(timer), .. } => Some(timer.due(warn_s)),
            Session::Closing { at, .. } => Some(at),
        };
        let rooms = self.breakouts().flat_map(|room| {
            let empty = room.empty_since.zip(room.empty_ttl_s(&self.rules));
            let empty = empty.map(|(since, ttl)| since.after_s(u64::from(ttl)));
            [room.timer.map(|timer| timer.due(warn_s)), empty]
        });
        let invitations = self.invitations.values().flatten().map(|one| one.expires);
        session.into_iter().chain(rooms.flatten()).chain(invitations.flatten()).min()
    }
}

impl Meeting {
    /// How long a room, or all of it, still goes, if that is known.
    fn timer_of(&self, room: Option<&Name>, now: Millis) -> Option<Event> {
        let (ends_at, closing) = match room {
            Some(room) => {
                let timer = self.breakout(room)?.timer?;
                (timer.ends_at, timer.closing)
            }
            None => {
                let closing = matches!(self.plan.session, Session::Closing { .. });
                (self.plan.session.ends_at()?, closing)
            }
        };
        let (remaining_s, room_id) = (now.seconds_to(ends_at), room.cloned());
        Some(Event::Timer { remaining_s, room_id, closing })
    }

    /// Timers that somebody is told of, as they are now.
    pub fn timers_for(&self, id: &str, now: Millis) -> Vec<Event> {
        let Some(person) = self.person(id) else { return Vec::new() };
        let sees = self.may(id, Permission::Presence);
        let inside = person.room != *MAIN;
        let rooms = self.breakouts().filter(|room| sees || room.id == person.room);
        let session = (sees || inside).then(|| self.timer_of(None, now)).flatten();
        let rooms = rooms.filter_map(|room| self.timer_of(Some(&room.id), now));
        session.into_iter().chain(rooms).collect()
    }
}

impl Turn<'_> {
    /// Does what is due.
    pub(super) fn tick(&mut self) -> Result<(), RoomError> {
        self.lapse_invitations();
        self.room_timers();
        let rules = self.next.rules;
        let empty: Vec<Name> = self
            .next
            .breakouts()
            .filter_map(|room| {
                let due = room.empty_since?.after_s(u64::from(room.empty_ttl_s(&rules)?));
                (due <= self.now).then(|| room.id.clone())
            })
            .collect();
        for room in empty {
            self.destroy(&room, "left_empty");
        }
        self.session_timer();
        Ok(())
    }

    fn session_timer(&mut self) {
        let (now, grace_s) = (self.now, u64::from(self.next.rules.grace_s));
        match self.next.plan.session {
            Session::Started { timer: Some(timer), consent } if timer.ends_at <= now => {
                let at = timer.ends_at.after_s(grace_s);
                if at <= now {
                    return self.close_session("timer");
                }
                self.next.plan.session = Session::Closing { at, why: "timer".into(), consent };
                self.tell_timer(None, at, true);
            }
            Session::Started { timer: Some(timer), consent } if !timer.warned => {
                if timer.due(u64::from(self.next.rules.warn_s)) > now {
                    return;
                }
                let warned = Timer { warned: true, ..timer };
                self.next.plan.session = Session::Started { timer: Some(warned), consent };
                self.tell_timer(None, timer.ends_at, false);
            }
            Session::Closing { at, ref why, .. } if at <= now => {
                let why = if *why == *"timer" { "timer" } else { "stopped" };
                self.close_session(why);
            }
            _ => {}
        }
    }

    fn room_timers(&mut self) {
        let (now, rules) = (self.now, self.next.rules);
        let timed: Vec<(Name, Timer)> = self
            .next
            .breakouts()
            .filter_map(|room| Some((room.id.clone(), room.timer?)))
            .filter(|(_, timer)| timer.due(u64::from(rules.warn_s)) <= now)
            .collect();
        for (room, timer) in timed {
            let at = timer.ends_at.after_s(u64::from(rules.grace_s));
            if timer.ends_at > now {
                let warned = Timer { warned: true, ..timer };
                self.edit_room(&room, |room| room.timer = Some(warned));
                self.tell_timer(Some(&room), timer.ends_at, false);
            } else if timer.closing || at <= now {
                self.close_room(&room);
            } else {
                let closing = Timer { ends_at: at, warned: true, closing: true };
                self.edit_room(&room, |room| room.timer = Some(closing));
                self.tell_timer(Some(&room), at, true);
            }
        }
    }

    /// A room's time is over: everybody back, and nobody goes there until it is opened again.
    fn close_room(&mut self, room: &Name) {
        let inside: Vec<Name> = self.next.inside(room).cloned().collect();
        self.recall(&inside, "timer", super::main_room::Return::Resume);
        self.withdraw_invitations(room);
        self.edit_room(room, |room| (room.timer, room.closed) = (None, true));
    }

    /// More time: for the session, or for one room; a room that was closed is opened again by it.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`, `CONFLICT`.
    pub(super) fn extend(&mut self, seconds: u32, room: Option<&str>) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        if seconds == 0 {
            return Err(RoomError::invalid("seconds", "seconds is 0"));
        }
        let (now, rules) = (self.now, self.next.rules);
        let longer =
            |from: Millis| Timer::new(now, from.max(now).after_s(u64::from(seconds)), &rules);
        if let Some(room) = room.filter(|room| *room != MAIN) {
            let room = self.breakout_named(room, "room_id")?;
            let own = self.next.breakout(&room).and_then(|room| room.timer);
            let own = own.filter(|timer| !timer.closing);
            let timer = longer(own.map_or(now, |timer| timer.ends_at));
            self.edit_room(&room, |room| (room.timer, room.closed) = (Some(timer), false));
            self.tell_timer(Some(&room), timer.ends_at, false);
            return Ok(());
        }
        let (timer, consent) = match self.next.plan.session {
            Session::Draft => return Err(RoomError::conflict("the breakouts are not started")),
            Session::Started { timer, consent } => {
                (longer(timer.map_or(now, |timer| timer.ends_at)), consent)
            }
            Session::Closing { consent, .. } => (longer(now), consent),
        };
        self.next.plan.session = Session::Started { timer: Some(timer), consent };
        self.tell_timer(None, timer.ends_at, false);
        Ok(())
    }

    /// How long it still goes is told when it is clear who is where.
    pub(super) fn tell_timer(&mut self, room: Option<&Name>, until: Millis, closing: bool) {
        self.timers.push((room.cloned(), until, closing));
    }

    /// Who comes into a breakout is told how long it still goes, if nobody else is just now.
    fn tell_newcomers(&mut self) {
        let told: BTreeSet<Option<Name>> = self.timers.iter().map(|one| one.0.clone()).collect();
        let mut came: BTreeMap<&Name, Vec<Name>> = BTreeMap::new();
        let changes = Changes::between(self.old, &self.next);
        for (id, person) in changes.arrived().filter(|(_, person)| person.room != *MAIN) {
            if !self.next.permissions(person).has(Permission::Presence) {
                came.entry(&person.room).or_default().push(id.clone());
            }
        }
        let mut inside: BTreeMap<Option<Name>, Vec<Name>> = BTreeMap::new();
        for (room, people) in came {
            inside.insert(Some(room.clone()), people.clone());
            let from_main = people
                .into_iter()
                .filter(|id| self.old.people.get(id).is_none_or(|before| before.room == *MAIN));
            inside.entry(None).or_default().extend(from_main);
        }
        for (room, to) in inside {
            let event = self.next.timer_of(room.as_ref(), self.now);
            if let Some(event) = event.filter(|_| !told.contains(&room)) {
                self.after.push(Notice { to, event });
            }
        }
    }

    /// Tells those inside, and those who see all rooms.
    pub(super) fn tell_timers(&mut self) {
        self.tell_newcomers();
        for (room, until, closing) in std::mem::take(&mut self.timers) {
            let remaining_s = self.now.seconds_to(until);
            let concerned = self.next.people.iter().filter(|(id, person)| {
                let inside = match &room {
                    Some(room) => person.room == *room,
                    None => person.room != *MAIN,
                };
                inside || self.next.may(id, Permission::Presence)
            });
            let to = concerned.map(|(id, _)| id.clone()).collect();
            let event = Event::Timer { remaining_s, room_id: room, closing };
            self.after.push(Notice { to, event });
        }
    }
}
