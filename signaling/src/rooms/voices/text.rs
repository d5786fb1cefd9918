//! Text to rooms and people: `broadcast` (1.11) and `chat` (D3).

use crate::rooms::error::RoomError;
use crate::rooms::event::Event;
use crate::rooms::turn::Turn;
use crate::rooms::{MAIN, Name, Permission};

/// Longest text, in bytes.
const TEXT_BYTES_MAX: usize = 4_096;

/// Refuses texts that are empty or too long.
pub(super) fn check_text(text: &str, field: &str) -> Result<(), RoomError> {
    if text.trim().is_empty() {
        return Err(RoomError::invalid(field, format!("{field} is empty")));
    }
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("{field} is over {TEXT_BYTES_MAX} bytes");
        return Err(RoomError::invalid(field, message));
    }
    Ok(())
}

impl Turn<'_> {
    /// `broadcast`: to all breakouts or to those named; who manages and who wrote it see it too.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`.
    pub(in crate::rooms) fn broadcast(
        &mut self,
        text: String,
        rooms: Option<&[String]>,
    ) -> Result<(), RoomError> {
        self.require(Permission::Broadcast)?;
        check_text(&text, "text")?;
        let rooms = self.rooms_named(rooms)?;
        let mut to = self.people_of(rooms.as_deref());
        to.extend(self.next.managers());
        let from = self.asker();
        to.extend(self.next.people.get_key_value(&from).map(|(id, _)| id.clone()));
        let name = self.called(&from);
        self.tell(to, Event::Broadcast { from, name, text });
        Ok(())
    }

    /// Rooms by their ids, if any are named.
    pub(super) fn rooms_named(
        &self,
        rooms: Option<&[String]>,
    ) -> Result<Option<Vec<Name>>, RoomError> {
        let Some(rooms) = rooms else { return Ok(None) };
        if rooms.is_empty() {
            return Err(RoomError::invalid("rooms", "rooms is empty"));
        }
        let named = rooms.iter().map(|room| self.room_named(room, "rooms"));
        named.collect::<Result<Vec<Name>, RoomError>>().map(Some)
    }

    /// People in these rooms; none named: in all breakouts.
    pub(super) fn people_of(&self, rooms: Option<&[Name]>) -> Vec<Name> {
        let people = self.next.people.iter().filter(|(_, person)| match rooms {
            Some(rooms) => rooms.contains(&person.room),
            None => person.room != *MAIN,
        });
        people.map(|(id, _)| id.clone()).collect()
    }

    /// `chat`: to the own room, to one person, or, by who manages, to another room.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`.
    pub(in crate::rooms) fn chat(
        &mut self,
        text: String,
        to: Option<&str>,
    ) -> Result<(), RoomError> {
        let from = self.myself()?;
        self.require(Permission::Chat)?;
        check_text(&text, "text")?;
        let own = self.next.people.get(&from).map(|person| person.room.clone());
        let room = match to {
            None => own.unwrap_or_else(|| MAIN.into()),
            Some(to) => match self.next.room(to) {
                Some(room) if Some(&room) == own.as_ref() => room,
                Some(room) => {
                    self.require(Permission::Manage)?;
                    room
                }
                None => {
                    let to = self.person_named(to, "to")?;
                    let event = Event::Chat {
                        from: from.clone(),
                        name: self.called(&from),
                        text,
                        room_id: None,
                        to: Some(to.clone()),
                    };
                    self.tell(vec![from, to], event);
                    return Ok(());
                }
            },
        };
        let mut to: Vec<Name> = self.next.inside(&room).cloned().collect();
        to.push(from.clone());
        let name = self.called(&from);
        self.tell(to, Event::Chat { from, name, text, room_id: Some(room), to: None });
        Ok(())
    }
}
