//! A relay that takes steps word by word, and who hears and sees whom then.

use std::collections::{BTreeMap, BTreeSet};

use ringfence::route::id::Source;
use ringfence::wire::media::Kind;
use ringfence_signaling::rooms::{Heard, MAIN, Meeting, Name, SOURCES, Spoken, Step};

use crate::cast;
use crate::hearing::{kind_of, may_hear};

#[derive(Clone, Debug)]
struct Participant {
    room: Name,
    own: Heard,
    elsewhere: BTreeMap<Name, Heard>,
    role: u8,
    receives: u64,
    muted: [bool; 5],
    caps: [Option<u32>; 5],
    spoken: [Option<(Vec<Name>, Vec<Name>)>; 5],
}

/// What was asked of it.
#[derive(Clone, Debug, Default)]
pub struct Relay {
    rooms: BTreeSet<Name>,
    people: BTreeMap<Name, Participant>,
}

impl Relay {
    pub fn take(&mut self, step: &Step) {
        let Relay { rooms, people } = self;
        let is_room = |room: &Name| **room == *MAIN || rooms.contains(room);
        let place = |source| SOURCES.iter().position(|other| *other == source).expect("a source");
        match step.clone() {
            Step::OpenRoom(room) => assert!(rooms.insert(room)),
            Step::CloseRoom(room) => {
                assert!(people.values().all(|one| one.room != room), "{room} is in use");
                assert!(rooms.remove(&room));
            }
            Step::Admit { person, room, role, receives } => {
                assert!(is_room(&room));
                let (elsewhere, spoken) = Default::default();
                let (own, muted, caps) = (Heard::ALL, [false; 5], [None; 5]);
                let one = Participant { room, own, elsewhere, role, receives, muted, caps, spoken };
                assert!(people.insert(person, one).is_none(), "admitted twice");
            }
            Step::Dismiss(person) => {
                people.remove(&person).expect("is there");
                for other in people.values() {
                    let named = other.spoken.iter().flatten().any(|to| to.1.contains(&person));
                    assert!(!named, "{person} is gone and whispered to");
                }
            }
            Step::Move { person, room } => {
                assert!(is_room(&room));
                let one = people.get_mut(&person).expect("is there");
                assert_ne!(one.room, room, "moved to where it is");
                if *one.room != *MAIN {
                    let left = one.room.clone();
                    one.elsewhere.remove(&left);
                }
                one.room = room;
            }
            Step::HearOwn { person, heard } => {
                people.get_mut(&person).expect("is there").own = heard
            }
            Step::Hear { person, room, heard } => {
                // A room may be closed by the same steps, later.
                let one = people.get_mut(&person).expect("is there");
                if heard == Heard::NONE {
                    one.elsewhere.remove(&room);
                } else {
                    assert!(is_room(&room), "{room}");
                    one.elsewhere.insert(room, heard);
                }
            }
            Step::Speak { person, source, spoken } => {
                let one = people.get_mut(&person).expect("is there");
                one.spoken[place(source)] = match spoken {
                    Spoken::Own => None,
                    Spoken::To { rooms, people } => Some((rooms, people)),
                };
            }
            Step::Mute { person, source, muted } => {
                people.get_mut(&person).expect("is there").muted[place(source)] = muted;
            }
            Step::Cap { person, source, bps_max } => {
                people.get_mut(&person).expect("is there").caps[place(source)] = bps_max;
            }
            Step::Role { person, role, receives } => {
                let one = people.get_mut(&person).expect("is there");
                (one.role, one.receives) = (role, receives);
            }
        }
    }

    /// DESIGN.md §4, of what was asked.
    fn flows(&self, from: &Name, at: usize, to: &Name) -> bool {
        let (speaker, listener) = (&self.people[from], &self.people[to]);
        if from == to || speaker.muted[at] || listener.receives >> speaker.role & 1 == 0 {
            return false;
        }
        let of = |heard: Heard| match kind_of(SOURCES[at]) {
            Kind::Audio => heard.audio,
            Kind::Video => heard.video,
        };
        let hears = |room: &Name| match *room == listener.room {
            true => of(listener.own),
            false => listener.elsewhere.get(room).is_some_and(|heard| of(*heard)),
        };
        match &speaker.spoken[at] {
            None => hears(&speaker.room),
            Some((rooms, people)) => rooms.iter().any(hears) || people.contains(to),
        }
    }

    pub fn agrees(&self, meeting: &Meeting) {
        let rooms: BTreeSet<Name> = meeting.breakouts().map(|room| room.id.clone()).collect();
        assert_eq!(self.rooms, rooms);
        let people: Vec<&Name> = meeting.people().map(|(id, _)| id).collect();
        assert_eq!(self.people.keys().collect::<Vec<_>>(), people);
        let all: Vec<Name> = people.iter().map(|id| (*id).clone()).collect();
        let speakers = meeting.speakers(&all);
        let said: BTreeSet<(&Name, &Name)> = people
            .iter()
            .flat_map(|to| speakers.heard_by(to).into_iter().map(move |from| (from, *to)))
            .collect();
        for from in &people {
            assert_eq!(self.people[*from].room, meeting.person(from).expect("here").room, "{from}");
            for (at, source) in SOURCES.iter().enumerate() {
                let (camera, screen) = cast::of(meeting, meeting.person(from).expect("here")).caps;
                let cap = match source {
                    Source::Camera => camera,
                    Source::Screen | Source::Canvas => screen,
                    Source::Microphone | Source::ScreenAudio => None,
                };
                assert_eq!(self.people[*from].caps[at], cap, "{source:?} of {from}");
                for to in &people {
                    let (flows, may) =
                        (self.flows(from, at, to), may_hear(meeting, from, *source, to));
                    assert_eq!(flows, may, "{source:?} of {from} to {to}");
                    let (speaker, listener) = (meeting.person(from), meeting.person(to));
                    if *source == Source::Microphone && from != to {
                        let quiet = speaker.expect("here").is_muted(*source)
                            || !listener.expect("here").subscribes;
                        let said = said.contains(&(*from, *to)) && !quiet;
                        assert_eq!(flows, said, "who is said to speak: {from} to {to}");
                    }
                }
            }
        }
    }
}
