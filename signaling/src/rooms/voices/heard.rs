//! Who of those that speak is heard by whom: found for a whole crowd of listeners at once.

use std::collections::HashMap;

use ringfence::route::id::Source;

use crate::rooms::{MAIN, Meeting, Name, Spoken};

/// So many of those who speak are named to somebody, the loudest first. Nobody tells more voices
/// apart, and in a room of a thousand open microphones the names would be what is sent.
pub const NAMED_MAX: usize = 16;

/// Those who speak, by where they are heard.
pub struct Speakers<'a> {
    meeting: &'a Meeting,
    /// With the number of their role. The loudest first.
    all: Vec<(&'a Name, u8)>,
    /// Places in `all`, in order: who is heard in a room, and by somebody alone.
    in_rooms: HashMap<Name, Vec<usize>>,
    by_people: HashMap<Name, Vec<usize>>,
}

impl Meeting {
    /// Those who speak, the loudest first, by where their microphones are heard.
    pub fn speakers<'a>(&'a self, loudest_first: &[Name]) -> Speakers<'a> {
        let (mut all, mut in_rooms, mut by_people) = (Vec::new(), HashMap::new(), HashMap::new());
        for id in loudest_first {
            let Some((id, person)) = self.people.get_key_value(id) else { continue };
            let at = all.len();
            all.push((id, self.roles.number(self.role_of(person))));
            let add = |to: &mut HashMap<Name, Vec<usize>>, name: Name| {
                to.entry(name).or_default().push(at);
            };
            match self.spoken(person, Source::Microphone) {
                Spoken::Own => add(&mut in_rooms, person.room.clone()),
                Spoken::To { rooms, people } => {
                    rooms.into_iter().for_each(|room| add(&mut in_rooms, room));
                    people.into_iter().for_each(|one| add(&mut by_people, one));
                }
            }
        }
        Speakers { meeting: self, all, in_rooms, by_people }
    }
}

impl<'a> Speakers<'a> {
    /// Whom somebody hears, the loudest first, [`NAMED_MAX`] at most. Oneself too: clients show
    /// that one is heard.
    pub fn heard_by(&self, listener: &str) -> Vec<&'a Name> {
        let Some(me) = self.meeting.people.get(listener) else { return Vec::new() };
        let role = self.meeting.role_of(me);
        let receives = self.meeting.roles.received_by(role);
        let (inside, main) = (me.room != *MAIN, me.main.heard().audio);
        let listened = me.monitors.iter().filter(|room| me.listens.hears(room));
        let listened = listened.map(|room| &**room).filter(|room| *room != &*me.room);
        let own = Some(&*me.room).filter(|_| inside);
        let main = Some(MAIN).filter(|_| main && (!inside || role.subscribe.main));
        let rooms = own.into_iter().chain(main).chain(listened);
        let rooms = rooms.filter_map(|room| self.in_rooms.get(room));
        let mut heard: Vec<&[usize]> =
            rooms.chain(self.by_people.get(listener)).map(Vec::as_slice).collect();
        let mut named = Vec::new();
        while let Some(next) = heard.iter().filter_map(|places| places.first()).min().copied() {
            for places in &mut heard {
                *places = places.strip_prefix(&[next]).unwrap_or(places);
            }
            let received = |of: u8| receives >> of & 1 == 1;
            let speaker = self.all.get(next).copied();
            let speaker = speaker.filter(|(id, of)| ***id == *listener || received(*of));
            named.extend(speaker.map(|(id, _)| id));
            if named.len() == NAMED_MAX {
                break;
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::{By, Enter, Millis, Request, RoleName, Rules};

    #[test]
    fn so_many_are_named_and_the_loudest_first() {
        let mut meeting = Meeting::new(Rules::default());
        let names: Vec<Name> = (0..40).map(|n| Name::from(format!("p{n}"))).collect();
        for id in &names {
            let enter = Enter {
                id: id.clone(),
                name: None,
                email: None,
                attributes: Default::default(),
                role: RoleName::participant(),
                publishes: true,
                subscribes: true,
                issued: None,
                room: None,
            };
            let entered = meeting.handle(&By::Server, Request::Enter(enter), Millis(0), 0);
            meeting = entered.expect("entered").0;
        }
        let loudest: Vec<Name> = names.iter().rev().cloned().collect();
        let heard = meeting.speakers(&loudest).heard_by("p3");
        assert!(heard.into_iter().eq(&loudest[..NAMED_MAX]));
        assert!(meeting.speakers(&loudest).heard_by("nobody").is_empty());
    }
}
