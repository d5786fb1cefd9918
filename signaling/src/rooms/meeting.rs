//! A meeting's people and rooms; joining, leaving, muting.

use std::collections::BTreeMap;

use ringfence::route::id::Source;
use ringfence::wire::media::Kind;

use super::notice::{Event, Muted, Notice, Outcome, PersonView, RoomView, Step};
use super::{MAIN, Name, RoleName};

/// Sources of each kind.
const AUDIO: [Source; 2] = [Source::Microphone, Source::ScreenAudio];
const VIDEO: [Source; 3] = [Source::Camera, Source::Screen, Source::Canvas];

/// Limits and modes of a meeting (FEATURES.md 1.18, 1.19 Q1-Q6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Most breakout rooms; more is 1726.
    pub breakout_rooms_max: usize,
    /// The main room's active talkers; a breakout has fewer (1725).
    pub active_talkers_max: u64,
    /// `participants` is mandatory in `breakout.create` (1724).
    pub participants_required: bool,
    /// The meeting is a lecture.
    pub lecture: bool,
    /// Breakouts are allowed in a lecture; else 5067.
    pub breakout_in_lecture: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            breakout_rooms_max: 300,
            active_talkers_max: 1_000,
            participants_required: false,
            lecture: false,
            breakout_in_lecture: true,
        }
    }
}

/// Which sources may be spoken in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Media {
    /// Microphones.
    pub audio: bool,
    /// Cameras.
    pub video: bool,
    /// Screens with their sound.
    pub share: bool,
    /// Canvases.
    pub canvas: bool,
}

impl Media {
    /// Everything, as in the main room.
    pub const ALL: Media = Media { audio: true, video: true, share: true, canvas: true };

    fn permits(self, source: Source) -> bool {
        match source {
            Source::Microphone => self.audio,
            Source::Camera => self.video,
            Source::Screen | Source::ScreenAudio => self.share,
            Source::Canvas => self.canvas,
        }
    }
}

/// Somebody in the meeting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// The name to show.
    pub name: Name,
    /// Their role.
    pub role: RoleName,
    /// The one room they are in.
    pub room: Name,
    /// What they muted.
    pub muted: Muted,
    /// Whether they may send at all.
    pub publishes: bool,
}

/// A breakout room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breakout {
    /// `b1`, `b2`, …; never used again in a meeting.
    pub id: Name,
    /// The name to show.
    pub name: Name,
    /// Most people in it.
    pub capacity: Option<u64>,
    /// What may be spoken in it.
    pub media: Media,
}

/// The main room, its breakouts and everybody in them. Invariant: each person's room exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meeting {
    pub(super) rules: Rules,
    pub(super) people: BTreeMap<Name, Person>,
    pub(super) breakouts: Vec<Breakout>,
    /// How many breakouts there ever were.
    pub(super) created: u64,
    pub(super) revision: u64,
}

impl Meeting {
    /// An empty meeting.
    pub fn new(rules: Rules) -> Meeting {
        Meeting { rules, people: BTreeMap::new(), breakouts: Vec::new(), created: 0, revision: 0 }
    }

    /// Somebody, if they are here.
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.get(id)
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Number of the plan's last change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The main room's id or the one of a breakout with this id.
    pub fn room(&self, id: &str) -> Option<Name> {
        if id == MAIN {
            return Some(MAIN.into());
        }
        self.breakouts.iter().find(|room| &*room.id == id).map(|room| room.id.clone())
    }

    /// Adds a person, in a room that exists. A person of that id who is here stays as they are.
    pub fn join(
        &mut self,
        id: &str,
        name: &str,
        role: RoleName,
        room: &str,
        publishes: bool,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if self.people.contains_key(id) {
            return outcome;
        }
        let id: Name = id.into();
        let room = self.room(room).unwrap_or_else(|| MAIN.into());
        let person = Person {
            name: name.into(),
            role,
            room: room.clone(),
            muted: Muted::default(),
            publishes,
        };
        self.people.insert(id.clone(), person);
        outcome.steps = self.silences(&id, None);
        if let Some(participant) = self.view(&id) {
            let event = Event::UserJoined { participant, room_id: room };
            outcome.notices.push(Notice { to: self.everyone_but(&id), event });
        }
        outcome
    }

    /// What a new token says of somebody who is here: name, if it has one, role, may they send.
    pub fn renew(
        &mut self,
        id: &str,
        name: Option<&str>,
        role: RoleName,
        publishes: bool,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let before = self.view(id);
        let Some(person) = self.people.get_mut(id) else { return outcome };
        if let Some(name) = name {
            person.name = name.into();
        }
        person.role = role;
        let changed = std::mem::replace(&mut person.publishes, publishes) != publishes;
        let room = person.room.clone();
        if let Some((id, _)) = self.people.get_key_value(id).filter(|_| changed) {
            let permitted = self.breakouts.iter().find(|breakout| breakout.id == room);
            let permitted = permitted.map_or(Media::ALL, |breakout| breakout.media);
            let sources = AUDIO.iter().chain(&VIDEO).filter(|source| permitted.permits(**source));
            let speak = |source: &Source| Step::Speak {
                person: id.clone(),
                source: *source,
                spoken: publishes,
            };
            outcome.steps = sources.map(speak).collect();
        }
        if let Some(participant) = self.view(id).filter(|after| Some(after) != before.as_ref()) {
            let event = Event::PeerUpdated { participant };
            outcome.notices.push(Notice { to: self.everyone_but(id), event });
        }
        outcome
    }

    /// Takes a person out of the meeting.
    pub fn leave(&mut self, id: &str, reason: &'static str) -> Outcome {
        let mut outcome = Outcome::default();
        if let Some((id, person)) = self.people.remove_entry(id) {
            let to = self.everyone_but(&id);
            let event = Event::UserLeft { participant: id, room_id: person.room, reason };
            outcome.notices.push(Notice { to, event });
        }
        outcome
    }

    /// Mutes or unmutes all sources of a kind of a person.
    pub fn mute(&mut self, id: &str, kind: Kind, muted: bool) -> Outcome {
        let mut outcome = Outcome::default();
        let Some((id, _)) = self.people.get_key_value(id) else { return outcome };
        let id = id.clone();
        let Some(person) = self.people.get_mut(&id) else { return outcome };
        let (flag, sources) = match kind {
            Kind::Audio => (&mut person.muted.audio, &AUDIO[..]),
            Kind::Video => (&mut person.muted.video, &VIDEO[..]),
        };
        if *flag == muted {
            return outcome;
        }
        *flag = muted;
        for source in sources {
            outcome.steps.push(Step::Mute { person: id.clone(), source: *source, muted });
        }
        if let Some(participant) = self.view(&id) {
            let to = self.people.keys().cloned().collect();
            outcome.notices.push(Notice { to, event: Event::PeerUpdated { participant } });
        }
        outcome
    }

    /// All rooms with the people in them, the main room first.
    pub fn rooms(&self) -> Vec<RoomView> {
        let main = RoomView { id: MAIN.into(), name: "Main room".into(), participants: Vec::new() };
        let breakouts = self.breakouts.iter().map(|room| RoomView {
            id: room.id.clone(),
            name: room.name.clone(),
            participants: Vec::new(),
        });
        let mut rooms: Vec<RoomView> = std::iter::once(main).chain(breakouts).collect();
        let places = rooms.iter().enumerate().map(|(at, room)| (room.id.clone(), at));
        let places: BTreeMap<Name, usize> = places.collect();
        for (id, person) in &self.people {
            if let Some(room) = places.get(&person.room).and_then(|at| rooms.get_mut(*at)) {
                room.participants.push(id.clone());
            }
        }
        rooms
    }

    /// Everybody.
    pub fn people(&self) -> Vec<PersonView> {
        self.people.keys().filter_map(|id| self.view(id)).collect()
    }

    /// A person as others see them.
    pub fn view(&self, id: &str) -> Option<PersonView> {
        let (id, person) = self.people.get_key_value(id)?;
        Some(PersonView {
            id: id.clone(),
            name: person.name.clone(),
            role: person.role.clone(),
            room: person.room.clone(),
            muted: person.muted,
        })
    }

    pub(super) fn everyone_but(&self, id: &str) -> Vec<Name> {
        self.people.keys().filter(|other| &***other != id).cloned().collect()
    }

    pub(super) fn hosts(&self) -> Vec<Name> {
        let hosts = self.people.iter().filter(|(_, person)| person.role.manages());
        hosts.map(|(id, _)| id.clone()).collect()
    }

    /// What this person's sources may do in a room.
    fn media(&self, person: &Person, room: &str) -> Media {
        if !person.publishes {
            return Media { audio: false, video: false, share: false, canvas: false };
        }
        let breakout = self.breakouts.iter().find(|breakout| &*breakout.id == room);
        breakout.map_or(Media::ALL, |breakout| breakout.media)
    }

    /// Steps for those sources that differ between what was allowed in the room `before` (`None`:
    /// everything) and what is allowed now.
    pub(super) fn silences(&self, id: &Name, before: Option<&str>) -> Vec<Step> {
        let Some(person) = self.people.get(id) else { return Vec::new() };
        let old = before.map_or(Media::ALL, |room| self.media(person, room));
        let new = self.media(person, &person.room);
        let differing = AUDIO.iter().chain(&VIDEO).filter(|s| old.permits(**s) != new.permits(**s));
        let steps = differing.map(|source| Step::Speak {
            person: id.clone(),
            source: *source,
            spoken: new.permits(*source),
        });
        steps.collect()
    }
}
