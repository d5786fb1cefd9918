//! What the relay must know of each person (DESIGN.md §4), read off the meeting; and the steps from
//! one meeting to the next.
//!
//! The steps are the difference of masks and nothing else: so the relay can not be told something
//! that the model does not say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ringfence::route::id::Source;

use super::changes::{Changed, Changes, pairs};
use super::meeting::Meeting;
use super::people::Person;
use super::voices::Target;
use super::{Heard, MAIN, Media, Name, SOURCES};

/// To whom a source is spoken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Spoken {
    /// To the room its publisher is in.
    Own,
    /// To these. Empty: to nobody.
    To {
        /// Rooms.
        rooms: Vec<Name>,
        /// Single people.
        people: Vec<Name>,
    },
}

/// One source of one person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceMask {
    /// Muted by themselves or somebody who may.
    pub muted: bool,
    /// Most bits a second that are taken of it.
    pub bps_max: Option<u32>,
    /// To whom it is spoken.
    pub spoken: Spoken,
}

/// All that the relay knows of one person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mask {
    /// The one room they are in.
    pub room: Name,
    /// What they hear of it.
    pub own: Heard,
    /// What they hear of others.
    pub elsewhere: BTreeMap<Name, Heard>,
    /// Their role's number.
    pub role: u8,
    /// Of which roles they receive, as bits.
    pub receives: u64,
    /// By the place in [`SOURCES`].
    pub sources: [SourceMask; 5],
}

/// One change for the relay. All changes of an outcome are one epoch pair.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the variants say what the fields are")]
pub enum Step {
    /// There is a new breakout.
    OpenRoom(Name),
    /// Somebody is in the meeting now, with nothing said about them but this.
    Admit { person: Name, room: Name, role: u8, receives: u64 },
    /// Somebody is now in this room.
    Move { person: Name, room: Name },
    /// What somebody hears of the room they are in.
    HearOwn { person: Name, heard: Heard },
    /// What somebody hears of another room.
    Hear { person: Name, room: Name, heard: Heard },
    /// To whom a source is spoken.
    Speak { person: Name, source: Source, spoken: Spoken },
    /// How many bits a second are taken of a source.
    Cap { person: Name, source: Source, bps_max: Option<u32> },
    /// A source is muted or not.
    Mute { person: Name, source: Source, muted: bool },
    /// Somebody's role, and whose tracks they may have.
    Role { person: Name, role: u8, receives: u64 },
    /// Somebody is no longer in the meeting.
    Dismiss(Name),
    /// A breakout, empty by now, is gone.
    CloseRoom(Name),
}

impl Mask {
    /// What the relay knows of somebody who was just admitted.
    fn admitted(room: &Name, role: u8, receives: u64) -> Mask {
        let open = || SourceMask { muted: false, bps_max: None, spoken: Spoken::Own };
        Mask {
            room: room.clone(),
            own: Heard::ALL,
            elsewhere: BTreeMap::new(),
            role,
            receives,
            sources: [open(), open(), open(), open(), open()],
        }
    }
}

impl Meeting {
    /// What a relay that has never heard of this meeting must do.
    pub fn steps_from_nothing(&self) -> Vec<Step> {
        let mut nothing = self.clone();
        nothing.people.clear();
        nothing.plan.rooms.clear();
        steps(&nothing, self, &Changes::between(&nothing, self))
    }

    /// What the relay must know of somebody.
    pub fn mask(&self, id: &str) -> Option<Mask> {
        self.people.get(id).map(|person| self.mask_of(person))
    }

    fn mask_of(&self, person: &Person) -> Mask {
        let role = self.role_of(person);
        let inside = person.room != *MAIN;
        let main = person.main.heard();
        let mut elsewhere = BTreeMap::new();
        for room in &person.monitors {
            if *room != person.room {
                let audio = person.listens.hears(room);
                elsewhere.insert(room.clone(), Heard { audio, video: true });
            }
        }
        if inside && role.subscribe.main && main != Heard::NONE {
            elsewhere.insert(MAIN.into(), main);
        }
        let source = |source: Source| SourceMask {
            muted: person.is_muted(source),
            bps_max: role.publish.caps.bps_max(source),
            spoken: self.spoken(person, source),
        };
        Mask {
            room: person.room.clone(),
            own: if inside { Heard::ALL } else { main },
            elsewhere,
            role: self.roles.number(role),
            receives: if person.subscribes { self.roles.received_by(role) } else { 0 },
            sources: SOURCES.map(source),
        }
    }

    pub(super) fn spoken(&self, person: &Person, source: Source) -> Spoken {
        let nobody = || Spoken::To { rooms: Vec::new(), people: Vec::new() };
        if !person.publishes || !self.role_of(person).publish.media.permits(source) {
            return nobody();
        }
        if person.announces.contains(source) {
            let mut rooms: Vec<Name> = vec![MAIN.into()];
            rooms.extend(self.breakouts().map(|room| room.id.clone()));
            return Spoken::To { rooms, people: Vec::new() };
        }
        if let Some(target) = person.whispers.as_ref().filter(|_| source == Source::Microphone) {
            return match target.clone() {
                Target::Room(room) => Spoken::To { rooms: vec![room], people: Vec::new() },
                Target::Person(id) => Spoken::To { rooms: Vec::new(), people: vec![id] },
            };
        }
        let media = self.breakout(&person.room).map_or(Media::ALL, |room| room.media);
        if media.permits(source) { Spoken::Own } else { nobody() }
    }
}

/// What the relay must do to get from one meeting to the next.
pub(super) fn steps(old: &Meeting, new: &Meeting, changed: &Changes<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let rooms =
        |meeting: &Meeting| -> BTreeSet<u64> { meeting.plan.rooms.keys().copied().collect() };
    let (rooms_old, rooms_new) = (rooms(old), rooms(new));
    for number in rooms_new.difference(&rooms_old) {
        steps.extend(new.plan.rooms.get(number).map(|room| Step::OpenRoom(room.id.clone())));
    }
    let everybody = old.roles != new.roles;
    let announced = rooms_old != rooms_new;
    let before = |number: &u64| old.plan.rooms.get(number);
    let other_media =
        new.plan.rooms.iter().filter(|(number, room)| {
            before(number).is_some_and(|before| before.media != room.media)
        });
    let other_media: BTreeSet<&Name> = other_media.map(|(_, room)| &room.id).collect();
    let mut changes = Vec::new();
    for (id, person) in changed.came.iter().copied() {
        let mask = new.mask_of(person);
        let Mask { room, role, receives, .. } = &mask;
        let admitted = Mask::admitted(room, *role, *receives);
        let (person, room, role, receives) = (id.clone(), room.clone(), *role, *receives);
        steps.push(Step::Admit { person, room, role, receives });
        difference(id, &admitted, &mask, &mut changes);
    }
    for Changed { id, before, after } in &changed.changed {
        difference(id, &old.mask_of(before), &new.mask_of(after), &mut changes);
    }
    if everybody || announced || !other_media.is_empty() {
        // What a mask says of somebody who is the same is other by what is around them.
        let same = |before: &Arc<Person>, person: &Arc<Person>| Arc::ptr_eq(before, person);
        for (id, before, person) in pairs(&old.people, &new.people) {
            let Some((before, person)) = before.zip(person).filter(|(b, p)| same(b, p)) else {
                continue;
            };
            let announces = announced && !person.announces.is_none();
            if everybody || announces || other_media.contains(&person.room) {
                difference(id, &old.mask_of(before), &new.mask_of(person), &mut changes);
            }
        }
    }
    steps.append(&mut changes);
    steps.extend(changed.went.iter().map(|(id, _)| Step::Dismiss((*id).clone())));
    for number in rooms_old.difference(&rooms_new) {
        steps.extend(old.plan.rooms.get(number).map(|room| Step::CloseRoom(room.id.clone())));
    }
    steps
}

fn difference(id: &Name, old: &Mask, new: &Mask, steps: &mut Vec<Step>) {
    let person = || id.clone();
    if (old.role, old.receives) != (new.role, new.receives) {
        steps.push(Step::Role { person: person(), role: new.role, receives: new.receives });
    }
    let mut elsewhere = old.elsewhere.clone();
    if old.room != new.room {
        steps.push(Step::Move { person: person(), room: new.room.clone() });
        // The relay forgets by itself what was asked of the room that is left, if a breakout.
        elsewhere.remove(&old.room);
        if *old.room == *MAIN && !new.elsewhere.contains_key(MAIN) {
            elsewhere.insert(MAIN.into(), Heard::ALL); // said even where it holds already
        }
    }
    if old.own != new.own {
        steps.push(Step::HearOwn { person: person(), heard: new.own });
    }
    for room in elsewhere.keys().filter(|room| !new.elsewhere.contains_key(*room)) {
        let (room, heard) = (room.clone(), Heard::NONE);
        steps.push(Step::Hear { person: person(), room, heard });
    }
    for (room, heard) in &new.elsewhere {
        if elsewhere.get(room) != Some(heard) {
            steps.push(Step::Hear { person: person(), room: room.clone(), heard: *heard });
        }
    }
    for ((source, was), is) in SOURCES.iter().zip(&old.sources).zip(&new.sources) {
        if was.spoken != is.spoken {
            let (source, spoken) = (*source, is.spoken.clone());
            steps.push(Step::Speak { person: person(), source, spoken });
        }
        if was.bps_max != is.bps_max {
            let (source, bps_max) = (*source, is.bps_max);
            steps.push(Step::Cap { person: person(), source, bps_max });
        }
        if was.muted != is.muted {
            steps.push(Step::Mute { person: person(), source: *source, muted: is.muted });
        }
    }
}
