//! `breakout.create`: one room or many (1.3), with the seeds' numbers for what can not be.

use std::sync::Arc;

use super::{Breakout, Strategy};
use crate::rooms::error::{RoomError, code};
use crate::rooms::event::{Event, RoomName};
use crate::rooms::request::By;
use crate::rooms::turn::Turn;
use crate::rooms::{Consent, EmptyTtl, Media, Name, Permission};

/// Longest name of a room, in bytes.
const NAME_BYTES_MAX: usize = 256;

/// What `breakout.create` asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Create {
    /// How many rooms; absent: as many as names, or one.
    pub max_rooms: Option<u64>,
    /// Their names; those without one are numbered.
    pub names: Vec<String>,
    /// Most people in each.
    pub participants: Option<u64>,
    /// What may be spoken in them.
    pub media: Media,
    /// When they are destroyed if empty; absent: as the meeting's rules say.
    pub empty_ttl: Option<EmptyTtl>,
}

impl Turn<'_> {
    /// # Errors
    /// `FORBIDDEN`, `CONFLICT` (not from a breakout, C4), 5067, 1724, 1725, 1726, `INVALID_PARAMS`.
    pub(in crate::rooms) fn create(&mut self, ask: &Create) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        self.check_from_main("create rooms")?;
        self.check_breakouts_allowed()?;
        self.check_participants(ask.participants, "participants")?;
        let count = self.count(ask)?;
        let video = ask.media.video && self.next.rules.video_in_breakouts;
        let media = Media { video, ..ask.media };
        let names = (0..count).map(|at| ask.names.get(at).map(|name| name.trim().to_owned()));
        let rooms = names.map(|name| self.new_room(name, ask.participants, media, ask.empty_ttl));
        let rooms = rooms.collect();
        self.announce_rooms(rooms);
        self.reply.result = Some(0); // C1
        Ok(())
    }

    /// A new room, that nobody is told of yet.
    pub(super) fn new_room(
        &mut self,
        name: Option<String>,
        capacity: Option<u64>,
        media: Media,
        empty_ttl: Option<EmptyTtl>,
    ) -> RoomName {
        self.next.plan.created += 1;
        let number = self.next.plan.created;
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("Room {number}"));
        let (id, name): (Name, Name) = (format!("b{number}").into(), name.into());
        let room = Breakout {
            id: id.clone(),
            name: name.clone(),
            capacity,
            media,
            empty_ttl,
            owner: match self.by {
                By::Server => None,
                By::Person(id) => Some(id.clone()),
            },
            timer: None,
            closed: false,
            empty_since: None,
            help: None,
        };
        self.next.plan.rooms.insert(number, Arc::new(room));
        RoomName { id, name }
    }

    /// Tells the creator and those who manage of new rooms (C8), and answers their ids.
    pub(super) fn announce_rooms(&mut self, rooms: Vec<RoomName>) {
        let ids: Vec<Name> = rooms.iter().map(|room| room.id.clone()).collect();
        let mut to = self.next.managers();
        to.extend(self.next.people.get_key_value(&self.asker()).map(|(id, _)| id.clone()));
        if !rooms.is_empty() {
            self.tell(to, Event::BreakoutCreated { rooms });
        }
        self.reply.rooms = Some(ids);
    }

    /// `breakout.create_and_invite`: creates, and spreads those in the main room over the new rooms
    /// by capacity (C3).
    ///
    /// # Errors
    /// As [`Turn::create`].
    pub(in crate::rooms) fn create_and_invite(
        &mut self,
        ask: &Create,
        force: Option<bool>,
    ) -> Result<(), RoomError> {
        self.create(ask)?;
        let rooms = self.reply.rooms.clone().unwrap_or_default();
        let people = self.unplaced();
        let dealt = self.deal(&rooms, people, Strategy::ByCapacity, self.seed);
        let force = force.unwrap_or(self.next.rules.consent == Consent::Force);
        for (room, people) in dealt {
            if force {
                self.force_people(&room, &people);
            } else {
                self.ask_people(&room, &people, None);
            }
        }
        Ok(())
    }

    /// Whether the meeting may have breakouts at all.
    pub(in crate::rooms) fn check_breakouts_allowed(&self) -> Result<(), RoomError> {
        self.next.rules.check_breakouts().map_err(|(_, error)| error)
    }

    /// Whether a room may take so many (1724, 1725).
    pub(super) fn check_participants(
        &self,
        participants: Option<u64>,
        field: &str,
    ) -> Result<(), RoomError> {
        let Some(participants) = participants else {
            if self.next.rules.participants_required {
                let message = "participant count is missing";
                return Err(RoomError::field(code::PARTICIPANTS_MISSING, field, message));
            }
            return Ok(());
        };
        let most = self.next.rules.active_talkers_max.saturating_sub(1);
        if participants < 2 || participants > most {
            let message = format!("participant count {participants} is not within 2 to {most}");
            return Err(RoomError::field(code::PARTICIPANTS_RANGE, field, message));
        }
        Ok(())
    }

    fn count(&self, ask: &Create) -> Result<usize, RoomError> {
        let named = ask.names.len() as u64;
        let count = ask.max_rooms.unwrap_or(named.max(1));
        if count == 0 {
            return Err(RoomError::invalid("max_rooms", "max_rooms is 0"));
        }
        if named > count {
            return Err(RoomError::invalid("names", "there are more names than rooms"));
        }
        ask.names.iter().try_for_each(|name| check_name(name, "names"))?;
        self.check_count(count, "max_rooms")
    }

    /// Whether so many more rooms may be.
    pub(super) fn check_count(&self, count: u64, field: &str) -> Result<usize, RoomError> {
        let most = self.next.rules.breakout_rooms_max;
        match usize::try_from(count) {
            Ok(count) if count <= most.saturating_sub(self.next.plan.rooms.len()) => Ok(count),
            _ => {
                let message = format!("maximum breakout room limit ({most}) exceeded");
                Err(RoomError::field(code::TOO_MANY_ROOMS, field, message))
            }
        }
    }
}

/// Whether a room may be called this.
pub(super) fn check_name(name: &str, field: &str) -> Result<(), RoomError> {
    if name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        let message = "a name is over 256 bytes or has control characters";
        return Err(RoomError::invalid(field, message));
    }
    Ok(())
}
