//! Creating breakout rooms and moving people.
//!
//! A move is one step for all who move: nobody is in two rooms or in none at any time (N1, N2).
//! What a person heard of the main room ends with the move into a breakout; to keep it is a later
//! issue.

use super::error::{RoomError, code};
use super::meeting::{Breakout, Media, Meeting};
use super::notice::{Event, Notice, Outcome, RoomName, Step};
use super::{MAIN, Name};

/// Most people of one move who are announced one by one; above, `plan_changed` says it all.
const ANNOUNCED_MAX: usize = 32;
/// Longest name of a room, in bytes.
const ROOM_NAME_BYTES_MAX: usize = 256;

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
}

impl Meeting {
    /// Creates breakout rooms. Returns their ids.
    ///
    /// # Errors
    /// `FORBIDDEN`, `CONFLICT` (not from a breakout, C4), 5067, 1724, 1725, 1726, `INVALID_PARAMS`.
    pub fn create(&mut self, by: &str, ask: &Create) -> Result<(Vec<Name>, Outcome), RoomError> {
        let person = self.people.get(by).ok_or_else(not_joined)?;
        if !person.role.manages() {
            return Err(RoomError::forbidden("create rooms"));
        }
        if &*person.room != MAIN {
            let message = "rooms are created from the main room only";
            return Err(RoomError::new(code::CONFLICT, message));
        }
        if self.rules.lecture && !self.rules.breakout_in_lecture {
            let message = "breakout rooms are not supported in lecture mode";
            return Err(RoomError::new(code::LECTURE, message));
        }
        self.check_participants(ask.participants)?;
        let count = self.count(ask)?;
        let mut rooms = Vec::with_capacity(count);
        for at in 0..count {
            self.created += 1;
            let given = ask.names.get(at).map(|name| name.trim()).filter(|name| !name.is_empty());
            let name = given.map_or_else(|| format!("Room {}", self.created), str::to_owned);
            let id: Name = format!("b{}", self.created).into();
            rooms.push(RoomName { id: id.clone(), name: name.as_str().into() });
            let (capacity, media) = (ask.participants, ask.media);
            self.breakouts.push(Breakout { id, name: name.into(), capacity, media });
        }
        self.revision += 1;
        let ids = rooms.iter().map(|room| room.id.clone()).collect();
        let created = Notice { to: self.hosts(), event: Event::BreakoutCreated { rooms } };
        let notices = vec![created, self.plan_notice()];
        Ok((ids, Outcome { steps: Vec::new(), notices }))
    }

    /// Moves people to a room, `main` or a breakout, all at once.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS` for an unknown room or person, `ROOM_FULL`.
    pub fn move_people(
        &mut self,
        by: &str,
        clients: &[String],
        room_id: &str,
    ) -> Result<Outcome, RoomError> {
        let person = self.people.get(by).ok_or_else(not_joined)?;
        if !person.role.manages() {
            return Err(RoomError::forbidden("move people"));
        }
        if clients.is_empty() {
            return Err(RoomError::invalid("clients", "clients is empty"));
        }
        let room = self.room(room_id).ok_or_else(|| {
            RoomError::invalid("room_id", format!("there is no room \"{room_id}\""))
        })?;
        let mut movers: Vec<Name> = Vec::new();
        for client in clients {
            let Some((id, person)) = self.people.get_key_value(client.as_str()) else {
                let message = format!("there is no participant \"{client}\"");
                return Err(RoomError::invalid("clients", message));
            };
            if person.room != room && !movers.contains(id) {
                movers.push(id.clone());
            }
        }
        if let Some(breakout) = self.breakouts.iter().find(|breakout| breakout.id == room) {
            self.check_capacity(breakout, movers.len(), "clients")?;
        }
        Ok(self.relocate(&movers, &room))
    }

    /// Whether somebody may come straight into a room instead of being moved there: into a breakout
    /// only who manages (else everybody could let themselves in anywhere), and not over its
    /// capacity.
    ///
    /// # Errors
    /// `FORBIDDEN`, `ROOM_FULL`.
    pub fn may_enter(&self, room_id: &str, manages: bool) -> Result<(), RoomError> {
        let breakout = self.breakouts.iter().find(|breakout| &*breakout.id == room_id);
        let Some(breakout) = breakout else { return Ok(()) };
        if !manages {
            return Err(RoomError::forbidden("enter a breakout room without being moved there"));
        }
        self.check_capacity(breakout, 1, "room")
    }

    fn check_capacity(
        &self,
        breakout: &Breakout,
        coming: usize,
        field: &str,
    ) -> Result<(), RoomError> {
        let Some(capacity) = breakout.capacity else { return Ok(()) };
        let inside = self.people.values().filter(|person| person.room == breakout.id).count();
        if (inside + coming) as u64 > capacity {
            let message = format!("room \"{}\" takes {capacity} people", breakout.id);
            return Err(RoomError::field(code::ROOM_FULL, field, message));
        }
        Ok(())
    }

    /// Brings oneself back to the main room.
    ///
    /// # Errors
    /// `CONFLICT` when not in a breakout.
    pub fn leave_breakout(&mut self, by: &str) -> Result<Outcome, RoomError> {
        let (id, person) = self.people.get_key_value(by).ok_or_else(not_joined)?;
        if &*person.room == MAIN {
            return Err(RoomError::new(code::CONFLICT, "you are not in a breakout room"));
        }
        let id = id.clone();
        Ok(self.relocate(&[id], &MAIN.into()))
    }

    /// Brings everybody back to the main room; the rooms stay (X1).
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub fn clear_all(&mut self, by: &str) -> Result<Outcome, RoomError> {
        let person = self.people.get(by).ok_or_else(not_joined)?;
        if !person.role.manages() {
            return Err(RoomError::forbidden("clear the rooms"));
        }
        let inside = self.people.iter().filter(|(_, person)| &*person.room != MAIN);
        let before: Vec<(Name, Name)> =
            inside.map(|(id, person)| (id.clone(), person.room.clone())).collect();
        let movers: Vec<Name> = before.iter().map(|(id, _)| id.clone()).collect();
        let mut outcome = self.relocate(&movers, &MAIN.into());
        self.tell_hosts(&before, "cleared", &mut outcome);
        Ok(outcome)
    }

    fn check_participants(&self, participants: Option<u64>) -> Result<(), RoomError> {
        let Some(participants) = participants else {
            if self.rules.participants_required {
                let message = "participant count is missing";
                return Err(RoomError::field(code::PARTICIPANTS_MISSING, "participants", message));
            }
            return Ok(());
        };
        let most = self.rules.active_talkers_max.saturating_sub(1);
        if participants < 2 || participants > most {
            let message = format!("participant count {participants} is not within 2 to {most}");
            return Err(RoomError::field(code::PARTICIPANTS_RANGE, "participants", message));
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
        let plain = |name: &String| {
            name.len() <= ROOM_NAME_BYTES_MAX && !name.chars().any(char::is_control)
        };
        if !ask.names.iter().all(plain) {
            let message = "a name is over 256 bytes or has control characters";
            return Err(RoomError::invalid("names", message));
        }
        let most = self.rules.breakout_rooms_max;
        match usize::try_from(count) {
            Ok(count) if count <= most.saturating_sub(self.breakouts.len()) => Ok(count),
            _ => {
                let message = format!("maximum breakout room limit ({most}) exceeded");
                Err(RoomError::field(code::TOO_MANY_ROOMS, "max_rooms", message))
            }
        }
    }

    /// Puts `movers`, none of whom is in `room`, into it.
    fn relocate(&mut self, movers: &[Name], room: &Name) -> Outcome {
        let mut outcome = Outcome::default();
        if movers.is_empty() {
            return outcome;
        }
        let mut left: Vec<(Name, Name)> = Vec::with_capacity(movers.len());
        for id in movers {
            let Some(person) = self.people.get_mut(id) else { continue };
            let old = std::mem::replace(&mut person.room, room.clone());
            outcome.steps.push(Step::Move { person: id.clone(), room: room.clone() });
            if &*old == MAIN {
                // The relay keeps the main room audible over a move unless told otherwise.
                outcome.steps.push(Step::HearNothing { person: id.clone(), room: old.clone() });
            }
            outcome.steps.extend(self.silences(id, Some(&old)));
            left.push((id.clone(), old));
        }
        self.revision += 1;
        self.tell_movers(&left, room, &mut outcome);
        if left.len() <= ANNOUNCED_MAX {
            self.tell_others(&left, room, &mut outcome);
        }
        outcome.notices.push(self.plan_notice());
        outcome
    }

    fn tell_movers(&self, left: &[(Name, Name)], room: &Name, outcome: &mut Outcome) {
        for (id, old) in left {
            let mut tell = |event| outcome.notices.push(Notice { to: vec![id.clone()], event });
            if &**old != MAIN {
                tell(Event::BreakoutLeft { room_id: old.clone() });
            }
            if &**room != MAIN {
                tell(Event::BreakoutConnected { room_id: room.clone() });
            }
            tell(Event::MeetingChanged { room_id: room.clone() });
        }
    }

    fn tell_others(&self, left: &[(Name, Name)], room: &Name, outcome: &mut Outcome) {
        let inside = |room: &Name, but: &Name| -> Vec<Name> {
            let people = self.people.iter().filter(|(id, p)| p.room == *room && *id != but);
            people.map(|(id, _)| id.clone()).collect()
        };
        // Whether somebody was moved, went or was brought back: the person stays in the meeting.
        let reason = "moved";
        for (id, old) in left {
            let event = Event::UserLeft { participant: id.clone(), room_id: old.clone(), reason };
            outcome.notices.push(Notice { to: inside(old, id), event });
            let Some(participant) = self.view(id) else { continue };
            let event = Event::UserJoined { participant, room_id: room.clone() };
            outcome.notices.push(Notice { to: inside(room, id), event });
        }
        outcome.notices.retain(|notice| !notice.to.is_empty());
    }

    fn tell_hosts(&self, left: &[(Name, Name)], reason: &'static str, outcome: &mut Outcome) {
        let hosts = self.hosts();
        for (id, room_id) in left {
            let name = self.people.get(id).map_or_else(|| id.clone(), |person| person.name.clone());
            let (client_id, room_id) = (id.clone(), room_id.clone());
            let event = Event::BreakoutUserDisconnected { room_id, client_id, name, reason };
            outcome.notices.push(Notice { to: hosts.clone(), event });
        }
    }

    fn plan_notice(&self) -> Notice {
        let event = Event::PlanChanged { revision: self.revision, rooms: self.rooms() };
        Notice { to: self.people.keys().cloned().collect(), event }
    }
}

fn not_joined() -> RoomError {
    RoomError::new(code::NOT_JOINED, "you are not in the meeting")
}
