//! Announce (N3), whisper (N6), monitor (N5): in the relay's masks, without a new m-line.

use std::collections::BTreeSet;

use ringfence::route::id::Source;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rooms::error::RoomError;
use crate::rooms::event::Event;
use crate::rooms::meeting::Meeting;
use crate::rooms::people::Person;
use crate::rooms::turn::Turn;
use crate::rooms::{Name, Permission};

/// Which sources somebody speaks to all rooms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Announced {
    /// The microphone.
    pub voice: bool,
    /// The camera.
    pub camera: bool,
    /// The screen and its sound.
    pub screen: bool,
}

impl Announced {
    /// Whether there is none.
    pub fn is_none(self) -> bool {
        self == Announced::default()
    }

    /// As `announce` names them.
    fn words(self) -> Vec<&'static str> {
        let all = [(self.voice, "audio"), (self.camera, "video"), (self.screen, "screen")];
        all.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect()
    }

    /// Whether this source is among them.
    pub fn contains(self, source: Source) -> bool {
        match source {
            Source::Microphone => self.voice,
            Source::Camera => self.camera,
            Source::Screen | Source::ScreenAudio => self.screen,
            Source::Canvas => false,
        }
    }
}

/// A voice that goes to more or others than a room, for somebody who comes while it does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct VoiceView {
    /// Who speaks.
    pub from: Name,
    /// What they are called.
    pub name: Name,
    /// `announce` or `whisper`.
    pub kind: &'static str,
    /// Of an announcement: `audio`, `video`, `screen`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<&'static str>,
    /// Of an own whisper: the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub room_id: Option<Name>,
    /// Of an own whisper: the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub client: Option<Name>,
}

impl VoiceView {
    fn new(from: &Name, person: &Person, kind: &'static str) -> VoiceView {
        let (from, name, sources) = (from.clone(), person.name.clone(), Vec::new());
        VoiceView { from, name, kind, sources, room_id: None, client: None }
    }
}

impl Meeting {
    /// Announcements that go on, and whispers that somebody hears or says.
    pub fn voices_for(&self, id: &str) -> Vec<VoiceView> {
        let mut voices = Vec::new();
        let Some(me) = self.person(id) else { return voices };
        for (from, person) in self.people() {
            if !person.announces.is_none() {
                let sources = person.announces.words();
                voices.push(VoiceView { sources, ..VoiceView::new(from, person, "announce") });
            }
            let Some(target) = &person.whispers else { continue };
            let (room_id, client) = match target {
                Target::Room(room) => (Some(room.clone()), None),
                Target::Person(other) => (None, Some(other.clone())),
            };
            let heard = room_id.as_ref() == Some(&me.room) || client.as_deref() == Some(id);
            let voice = VoiceView::new(from, person, "whisper");
            if **from == *id {
                voices.push(VoiceView { room_id, client, ..voice });
            } else if heard {
                voices.push(voice);
            }
        }
        voices
    }

    /// Who hears somebody's whisper, and who says it.
    fn whispered_to(&self, from: &Name) -> BTreeSet<Name> {
        let target = self.people.get(from).and_then(|person| person.whispers.as_ref());
        let mut hearers: BTreeSet<Name> = match target {
            None => return BTreeSet::new(),
            Some(Target::Room(room)) => self.inside(room).cloned().collect(),
            Some(Target::Person(id)) => BTreeSet::from([id.clone()]),
        };
        hearers.insert(from.clone());
        hearers
    }
}

/// To whom somebody whispers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Everybody in a room.
    Room(Name),
    /// One person.
    Person(Name),
}

/// Which of the rooms that are monitored is heard.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listen {
    /// Nothing was said: all.
    #[default]
    All,
    /// None.
    Nothing,
    /// This one.
    To(Name),
}

impl Listen {
    /// Whether this room is, if it is monitored.
    pub fn hears(&self, room: &Name) -> bool {
        match self {
            Listen::All => true,
            Listen::Nothing => false,
            Listen::To(picked) => picked == room,
        }
    }
}

impl Turn<'_> {
    /// `announce`: these sources to all rooms, or none any more.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub(in crate::rooms) fn announce(&mut self, sources: Announced) -> Result<(), RoomError> {
        let me = self.myself()?;
        if !sources.is_none() {
            self.require(Permission::Announce)?;
        }
        self.edit(&me, |person| person.announces = sources);
        Ok(())
    }

    /// `whisper`: the microphone to one room or person instead of to the own room.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`.
    pub(in crate::rooms) fn whisper(&mut self, to: Option<Target>) -> Result<(), RoomError> {
        let me = self.myself()?;
        let to = match to {
            None => None,
            Some(target) => {
                self.require(Permission::Whisper)?;
                Some(match target {
                    Target::Room(room) => Target::Room(self.room_named(&room, "to")?),
                    Target::Person(id) => Target::Person(self.person_named(&id, "to")?),
                })
            }
        };
        if to == Some(Target::Person(me.clone())) {
            return Err(RoomError::invalid("to", "to is yourself"));
        }
        self.edit(&me, |person| person.whispers = to);
        Ok(())
    }

    /// `monitor`: which rooms are seen from elsewhere, and which of them is heard; empty: none any
    /// more.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`.
    pub(in crate::rooms) fn monitor(
        &mut self,
        rooms: &[String],
        listen: Listen,
    ) -> Result<(), RoomError> {
        let me = self.myself()?;
        if !rooms.is_empty() {
            self.require(Permission::Monitor)?;
        }
        let named = rooms.iter().map(|room| self.breakout_named(room, "rooms"));
        let mut named = named.collect::<Result<Vec<Name>, RoomError>>()?;
        named.sort_unstable();
        named.dedup();
        if let Listen::To(room) = &listen
            && !named.contains(room)
        {
            let message = format!("listen is \"{room}\", which is none of rooms; add it there");
            return Err(RoomError::invalid("listen", message));
        }
        self.edit(&me, |person| (person.monitors, person.listens) = (named, listen));
        Ok(())
    }

    /// Tells of voices that began or ended, those who hear them and those who speak.
    pub(in crate::rooms) fn voice_notices(&self) -> Vec<crate::rooms::Notice> {
        let mut notices = Vec::new();
        let mut say = |from: &Name, mut to: Vec<Name>, kind, on| {
            to.sort_unstable();
            to.dedup();
            let event = Event::Voice { from: from.clone(), name: self.called(from), kind, on };
            notices.push(crate::rooms::Notice { to, event });
        };
        let speak = |meeting: &'_ Meeting| -> Vec<Name> {
            let speak = meeting.people.iter().filter(|(_, person)| person.speaks_elsewhere());
            speak.map(|(id, _)| id.clone()).collect()
        };
        let speakers: BTreeSet<Name> =
            speak(self.old).into_iter().chain(speak(&self.next)).collect();
        for id in &speakers {
            let (before, after) = (self.old.people.get(id), self.next.people.get(id));
            let announced = before.is_some_and(|person| !person.announces.is_none());
            let announces = after.is_some_and(|person| !person.announces.is_none());
            if announced != announces {
                say(id, self.next.people.keys().cloned().collect(), "announce", announces);
            }
            let whispered = before.and_then(|person| person.whispers.clone());
            let whispers = after.and_then(|person| person.whispers.clone());
            // Who comes to a room or leaves it while it is whispered to is told, too.
            let (was, is) = (self.old.whispered_to(id), self.next.whispered_to(id));
            let other = whispered != whispers;
            let ended = was.iter().filter(|one| other || !is.contains(*one));
            let ended = ended.filter(|one| self.next.people.contains_key(*one));
            say(id, ended.cloned().collect(), "whisper", false);
            let began = is.iter().filter(|one| other || !was.contains(*one));
            // Others are told as they join.
            let began = began.filter(|one| self.old.people.contains_key(*one));
            say(id, began.cloned().collect(), "whisper", true);
        }
        notices
    }
}
