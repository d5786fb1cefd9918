//! One request being tried: the meeting before, the copy that changes, and what is said on the way.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::changes::Changes;
use super::error::{RoomError, code};
use super::event::{Event, Notice};
use super::meeting::Meeting;
use super::people::Person;
use super::plan::Breakout;
use super::request::{By, Reply};
use super::timer::Millis;
use super::voices::{Listen, Target};
use super::{MAIN, Name, Permission, Roles, Rules};

/// See the fields.
pub(super) struct Turn<'a> {
    pub by: &'a By,
    pub old: &'a Meeting,
    pub next: Meeting,
    pub now: Millis,
    pub seed: u64,
    pub reply: Reply,
    /// Said before what follows from the difference.
    pub before: Vec<Notice>,
    /// Said after it.
    pub after: Vec<Notice>,
    /// Timers to tell of: of which room or of the session, until when, whether it closes then.
    pub timers: Vec<(Option<Name>, Millis, bool)>,
    /// Why somebody was moved or left; else `moved`.
    pub why: BTreeMap<Name, &'static str>,
    /// Why a room is gone.
    pub gone: BTreeMap<Name, &'static str>,
}

impl<'a> Turn<'a> {
    pub fn new(old: &'a Meeting, by: &'a By, now: Millis, seed: u64) -> Turn<'a> {
        Turn {
            by,
            old,
            next: old.clone(),
            now,
            seed,
            reply: Reply::default(),
            before: Vec::new(),
            after: Vec::new(),
            timers: Vec::new(),
            why: BTreeMap::new(),
            gone: BTreeMap::new(),
        }
    }

    /// Who asks, as others are told.
    pub fn asker(&self) -> Name {
        match self.by {
            By::Server => super::name::SERVER.into(),
            By::Person(id) => id.clone(),
        }
    }

    /// What somebody is called; the server has no name.
    pub fn called(&self, id: &Name) -> Option<Name> {
        let person = self.next.people.get(id).or_else(|| self.old.people.get(id));
        person.map(|person| person.name.clone())
    }

    /// Refuses people who are not in the meeting.
    pub fn present(&self) -> Result<(), RoomError> {
        match self.by {
            By::Person(id) if !self.next.people.contains_key(id) => {
                Err(RoomError::new(code::NOT_JOINED, "you are not in the meeting"))
            }
            _ => Ok(()),
        }
    }

    /// The person who asks.
    pub fn myself(&self) -> Result<Name, RoomError> {
        self.present()?;
        match self.by {
            By::Person(id) => Ok(id.clone()),
            By::Server => Err(RoomError::new(code::FORBIDDEN, "only a participant can do this")),
        }
    }

    /// Whether the one who asks may do this. The server may everything.
    pub fn may(&self, permission: Permission) -> bool {
        match self.by {
            By::Server => true,
            By::Person(id) => self.next.may(id, permission),
        }
    }

    /// Refuses who may not.
    pub fn require(&self, permission: Permission) -> Result<(), RoomError> {
        if self.may(permission) { Ok(()) } else { Err(RoomError::lacks(permission)) }
    }

    /// A room by its id.
    pub fn room_named(&self, id: &str, field: &str) -> Result<Name, RoomError> {
        let unknown = || RoomError::invalid(field, format!("there is no room \"{id}\""));
        self.next.room(id).ok_or_else(unknown)
    }

    /// A breakout by its id.
    pub fn breakout_named(&self, id: &str, field: &str) -> Result<Name, RoomError> {
        let unknown = || RoomError::invalid(field, format!("there is no breakout room \"{id}\""));
        self.next.breakout(id).map(|room| room.id.clone()).ok_or_else(unknown)
    }

    /// A person by their id.
    pub fn person_named(&self, id: &str, field: &str) -> Result<Name, RoomError> {
        let found = self.next.people.get_key_value(id);
        found
            .map(|(id, _)| id.clone())
            .ok_or_else(|| RoomError::invalid(field, format!("there is no participant \"{id}\"")))
    }

    /// People by their ids, each once.
    pub fn people_named(&self, ids: &[String], field: &str) -> Result<Vec<Name>, RoomError> {
        if ids.is_empty() {
            return Err(RoomError::invalid(field, format!("{field} is empty")));
        }
        let named: Result<Vec<Name>, RoomError> =
            ids.iter().map(|id| self.person_named(id, field)).collect();
        let mut named = named?;
        named.sort_unstable();
        named.dedup();
        Ok(named)
    }

    /// Changes somebody.
    pub fn edit(&mut self, id: &str, change: impl FnOnce(&mut Person)) {
        if let Some(person) = self.next.people.get_mut(id) {
            change(Arc::make_mut(person));
        }
    }

    /// Changes a breakout.
    pub fn edit_room(&mut self, id: &str, change: impl FnOnce(&mut Breakout)) {
        let number = id.strip_prefix('b').and_then(|number| number.parse().ok());
        let room = number.and_then(|number: u64| self.next.plan.rooms.get_mut(&number));
        if let Some(room) = room.filter(|room| *room.id == *id) {
            change(Arc::make_mut(room));
        }
    }

    /// Says something to some people, each once.
    pub fn tell(&mut self, mut to: Vec<Name>, event: Event) {
        to.sort_unstable();
        to.dedup();
        self.before.push(Notice { to, event });
    }

    pub(super) fn configure(&mut self, rules: Rules) -> Result<(), RoomError> {
        self.only_server()?;
        let open = self.next.plan.is_started() || !self.everybody_inside().is_empty();
        if let Err((field, _)) = rules.check_breakouts()
            && open
        {
            let message = "people are in breakouts; bring them back before those are disabled";
            return Err(RoomError::field(code::CONFLICT, field, message));
        }
        self.next.rules = rules;
        Ok(())
    }

    pub(super) fn reconfigure(&mut self, from: Rules, to: Rules) -> Result<(), RoomError> {
        if self.next.rules != from {
            return Err(RoomError::new(code::STALE, "the options were changed meanwhile"));
        }
        self.configure(to)
    }

    pub(super) fn exchange_roles(&mut self, from: &Roles, to: Roles) -> Result<(), RoomError> {
        if *self.next.roles != *from {
            return Err(RoomError::new(code::STALE, "the roles were changed meanwhile"));
        }
        self.set_roles(to)
    }

    pub(super) fn set_roles(&mut self, roles: Roles) -> Result<(), RoomError> {
        self.only_server()?;
        self.next.roles = Arc::new(roles);
        let people: Vec<Name> = self.next.people.keys().cloned().collect();
        for id in &people {
            self.end_forbidden_voices(id);
        }
        Ok(())
    }

    /// After the request: what no longer has anybody or anything it refers to ends too.
    pub fn settle(&mut self) {
        self.note_empty_rooms();
        self.end_orphaned_voices();
        self.end_orphaned_invitations();
        self.tell_timers();
        self.tell_polls_to_newcomers();
        let moved = Changes::between(self.old, &self.next).moved().next().is_some();
        if moved || !self.next.plan.says_as(&self.old.plan) {
            self.next.plan.revision += 1;
        }
    }

    /// Rooms whose last person left: destroyed at once, or noted for later (X3, Q17).
    fn note_empty_rooms(&mut self) {
        let changes = Changes::between(self.old, &self.next);
        let filled = empty_in(self.old, changes.arrived());
        let emptied = empty_in(&self.next, changes.departed());
        for room in &filled {
            self.edit_room(room, |room| room.empty_since = None);
        }
        let now = self.now;
        for room in &emptied {
            self.edit_room(room, |room| room.help = None);
            let rules = &self.next.rules;
            match self.next.breakout(room).and_then(|room| room.empty_ttl_s(rules)) {
                Some(0) => {
                    let left = self.old.inside(room).find_map(|id| self.why.get(id).copied());
                    let told = left.filter(|why| matches!(*why, "cleared" | "timer"));
                    let why = told.unwrap_or("left_empty");
                    self.destroy(room, why);
                }
                Some(_) => self.edit_room(room, |room| room.empty_since = Some(now)),
                None => {}
            }
        }
    }

    /// Whispers to nobody, and monitors of rooms that are gone.
    fn end_orphaned_voices(&mut self) {
        let here = |target: &Target| match target {
            Target::Room(room) => self.next.room(room).is_some(),
            Target::Person(other) => self.next.people.contains_key(other),
        };
        let concerned = |person: &Person| {
            let listens = matches!(person.listens, Listen::To(_));
            person.whispers.is_some() || !person.monitors.is_empty() || listens
        };
        let concerned = self.next.people.iter().filter(|(_, person)| concerned(person));
        let orphaned = concerned.filter_map(|(id, person)| {
            let monitored = person.monitors.iter().filter(|room| self.next.room(room).is_some());
            let monitored: Vec<Name> = monitored.cloned().collect();
            let whispers = person.whispers.clone().filter(here);
            let listens = match &person.listens {
                Listen::To(room) if self.next.room(room).is_none() => Listen::Nothing,
                listens => listens.clone(),
            };
            let same = monitored.len() == person.monitors.len() && whispers == person.whispers;
            (!same).then(|| (id.clone(), monitored, listens, whispers))
        });
        let orphaned: Vec<_> = orphaned.collect();
        for (id, monitors, listens, whispers) in orphaned {
            self.edit(&id, |person| {
                (person.monitors, person.listens, person.whispers) = (monitors, listens, whispers);
            });
        }
    }
}

/// Those breakouts of people in which nobody is in this meeting.
fn empty_in<'a>(
    meeting: &'a Meeting,
    people: impl Iterator<Item = (&'a Name, &'a Person)>,
) -> BTreeSet<Name> {
    let rooms = people.map(|(_, person)| &person.room).filter(|room| ***room != *MAIN);
    let rooms: HashSet<&Name> = rooms.collect();
    if rooms.is_empty() {
        return BTreeSet::new();
    }
    // Few rooms, many people: a copy of each name once.
    let full: HashSet<&Name> = meeting.people.values().map(|person| &person.room).collect();
    rooms.difference(&full).map(|room| (*room).clone()).collect()
}
