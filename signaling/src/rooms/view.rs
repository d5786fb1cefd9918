//! What somebody may see of people and rooms (N12).
//!
//! With `breakout.presence`: everything. Else: the main room and one's own room, and of people who
//! are elsewhere that they are away (`paused` in the roster, L5), not where.

use std::collections::{BTreeMap, HashMap};

use ringfence::route::id::Source;
use serde::Serialize;
use utoipa::ToSchema;

use super::event::ParentView;
use super::meeting::Meeting;
use super::people::Person;
use super::timer::Millis;
use super::{MAIN, MainRoom, Muted, Name, Permission, RoleName};

/// What the main room is called.
const MAIN_NAME: &str = "Main room";

/// Whose eyes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Viewer {
    /// Somebody who sees all rooms.
    All,
    /// Somebody else, inside this room.
    Inside(Name),
}

impl Viewer {
    /// Whether this room can be seen into.
    pub fn sees(&self, room: &str) -> bool {
        match self {
            Viewer::All => true,
            Viewer::Inside(own) => *room == *MAIN || **own == *room,
        }
    }
}

/// What is muted of somebody: a source each, in the words of `breakout.join`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct MutedView {
    /// The microphone.
    pub audio: bool,
    /// The camera.
    pub video: bool,
    /// The screen; absent: no.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub screen: bool,
    /// The screen's sound; absent: no.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub screen_audio: bool,
    /// The canvas; absent: no.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub canvas: bool,
}

impl MutedView {
    /// As somebody is now.
    pub fn new(person: &Person) -> MutedView {
        MutedView {
            audio: person.is_muted(Source::Microphone),
            video: person.is_muted(Source::Camera),
            screen: person.is_muted(Source::Screen),
            screen_audio: person.is_muted(Source::ScreenAudio),
            canvas: person.is_muted(Source::Canvas),
        }
    }
}

/// A person as others see them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct PersonView {
    /// Their id.
    pub id: Name,
    /// The name to show.
    pub name: Name,
    /// Their role.
    pub role: RoleName,
    /// The room they are in, if it can be seen.
    pub room: Option<Name>,
    /// What is muted of theirs.
    pub muted: MutedView,
    /// In a breakout, with the main room paused; or where they are can not be seen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// A room with the people in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct RoomView {
    /// Its id.
    pub id: Name,
    /// Its name.
    pub name: Name,
    /// Ids of those in it.
    pub participants: Vec<Name>,
    /// How many there are, where they are too many to be listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Most people in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u64>,
    /// To those who see all rooms: who should be in it and is not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assigned: Vec<Name>,
    /// To those who see all rooms: how many more are expected from a list.
    #[serde(skip_serializing_if = "is_zero")]
    pub expected: usize,
    /// To those who see all rooms: help was asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub help: bool,
    /// When it closes, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Millis>,
    /// To those who see all rooms: its time was over, and it was not opened again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

/// A room for somebody who may go there, and not see into it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct RoomCount {
    /// Its id.
    pub id: Name,
    /// Its name.
    pub name: Name,
    /// How many people are in it.
    pub count: u64,
    /// Most people in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub capacity: Option<u64>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl RoomView {
    fn new(id: Name, name: Name) -> RoomView {
        RoomView {
            id,
            name,
            participants: Vec::new(),
            count: None,
            capacity: None,
            assigned: Vec::new(),
            expected: 0,
            help: false,
            ends_at: None,
            closed: false,
        }
    }
}

/// Who is in which room, found once for many viewers. In the order of their ids.
pub(super) struct Occupants<'a>(HashMap<&'a Name, Vec<(&'a Name, &'a Person)>>);

impl<'a> Occupants<'a> {
    pub fn of(meeting: &'a Meeting) -> Occupants<'a> {
        let mut rooms: HashMap<&Name, Vec<(&Name, &Person)>> = HashMap::new();
        for (id, person) in meeting.people() {
            rooms.entry(&person.room).or_default().push((id, person));
        }
        Occupants(rooms)
    }

    pub fn inside(&self, room: &Name) -> impl Iterator<Item = (&'a Name, &'a Person)> {
        self.0.get(room).into_iter().flatten().copied()
    }
}

impl Meeting {
    /// With whose eyes somebody sees.
    pub fn viewer(&self, id: &str) -> Viewer {
        match self.people.get(id) {
            Some(person) if !self.permissions(person).has(Permission::Presence) => {
                Viewer::Inside(person.room.clone())
            }
            Some(_) => Viewer::All,
            None => Viewer::Inside(MAIN.into()),
        }
    }

    /// Rooms that can be seen, the main room first, with their people.
    pub fn rooms_for(&self, viewer: &Viewer) -> Vec<RoomView> {
        self.rooms_with(viewer, &Occupants::of(self))
    }

    pub(super) fn rooms_with(&self, viewer: &Viewer, occupants: &Occupants<'_>) -> Vec<RoomView> {
        let mut rooms = vec![RoomView::new(MAIN.into(), MAIN_NAME.into())];
        match viewer {
            Viewer::All => rooms.extend(self.breakouts().map(|room| RoomView {
                capacity: room.capacity,
                expected: self.plan.expected_in(&room.id),
                help: room.help.is_some(),
                closed: room.closed,
                ends_at: room.timer.map(|timer| timer.ends_at),
                ..RoomView::new(room.id.clone(), room.name.clone())
            })),
            Viewer::Inside(own) => {
                let own = self.breakout(own);
                rooms.extend(own.map(|room| RoomView {
                    ends_at: room.timer.map(|timer| timer.ends_at),
                    ..RoomView::new(room.id.clone(), room.name.clone())
                }));
            }
        }
        for room in &mut rooms {
            room.participants = occupants.inside(&room.id).map(|(id, _)| id.clone()).collect();
        }
        if *viewer == Viewer::All {
            let places = rooms.iter().enumerate().map(|(at, room)| (room.id.clone(), at));
            let places: HashMap<Name, usize> = places.collect();
            for (id, room) in &self.plan.assigned {
                let inside = self.people.get(id).is_some_and(|person| person.room == *room);
                if let Some(room) = places.get(room).and_then(|at| rooms.get_mut(*at))
                    && !inside
                {
                    room.assigned.push(id.clone());
                }
            }
        } else {
            for room in &mut rooms {
                if room.participants.len() > self.rules.roster_max {
                    room.count = Some(room.participants.len());
                    room.participants.clear();
                }
            }
        }
        rooms
    }

    /// Whether somebody is told how many people are in which room: who may go to other rooms, and
    /// does not see into them.
    pub fn sees_counts(&self, id: &str) -> bool {
        self.people.get(id).is_some_and(|person| self.is_told_counts(person))
    }

    /// All of those.
    pub fn who_sees_counts(&self) -> impl Iterator<Item = &Name> {
        let told = self.people.iter().filter(|(_, person)| self.is_told_counts(person));
        told.map(|(id, _)| id)
    }

    fn is_told_counts(&self, person: &Person) -> bool {
        let permissions = self.permissions(person);
        permissions.has(Permission::Switch) && !permissions.has(Permission::Presence)
    }

    /// How many people are in which room, the main room first.
    pub fn room_counts(&self) -> Vec<RoomCount> {
        let mut sizes: BTreeMap<&Name, u64> = BTreeMap::new();
        for person in self.people.values() {
            *sizes.entry(&person.room).or_default() += 1;
        }
        let mut count = |id: &Name| sizes.remove(id).unwrap_or(0);
        let main = Name::from(MAIN);
        let mut rooms = vec![RoomCount {
            count: count(&main),
            id: main,
            name: MAIN_NAME.into(),
            capacity: None,
        }];
        rooms.extend(self.breakouts().map(|room| RoomCount {
            id: room.id.clone(),
            name: room.name.clone(),
            count: count(&room.id),
            capacity: room.capacity,
        }));
        rooms
    }

    /// Everybody, as far as they can be seen.
    pub fn people_for(&self, viewer: &Viewer) -> Vec<PersonView> {
        let seen = |(id, person): (&Name, &Person)| person_view(id, person, viewer);
        self.people().map(seen).collect()
    }

    /// Somebody as those see them who see their room.
    pub fn view(&self, id: &str) -> Option<PersonView> {
        let (id, person) = self.people.get_key_value(id)?;
        Some(person_view(id, person, &Viewer::All))
    }

    /// Somebody as they see it: what they have of the main room.
    pub fn parent_view(&self, id: &str) -> ParentView {
        let main = self.people.get(id).map_or_else(MainRoom::default, |person| person.main);
        parent_view(main)
    }
}

pub(super) fn parent_view(main: MainRoom) -> ParentView {
    let Muted { audio: audio_muted, video: video_muted } = main.muted();
    ParentView { paused: main.paused, audio_muted, video_muted, gain: main.gain_percent() }
}

pub(super) fn person_view(id: &Name, person: &Person, viewer: &Viewer) -> PersonView {
    let seen = viewer.sees(&person.room);
    let away = person.room != *MAIN;
    PersonView {
        id: id.clone(),
        name: person.name.clone(),
        role: person.role.clone(),
        room: seen.then(|| person.room.clone()),
        muted: MutedView::new(person),
        paused: away && (person.main.paused || !seen),
    }
}
