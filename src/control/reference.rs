//! For tests: the model once more, slow and word by word after DESIGN.md §4, and random meetings
//! that do the same to both.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::api::{Change, Refusal};
use super::model::{Meeting, kind_of};
use super::port::ShardIndex;
use super::whole::Picture;
use crate::route::id::{MeetingId, ParticipantId, PeerId, RoomId, Source, TrackId};
use crate::route::mask;
use crate::route::table::{Audience, Kinds, ParticipantRow, Role, Roles, TrackRow};
use crate::wire::media::Kind;

/// The main room of every test meeting.
pub const MAIN: RoomId = RoomId(1);
/// Every source.
pub const SOURCES: [Source; 5] =
    [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio, Source::Canvas];

/// Media that may flow: a track to a participant.
pub type Edges = BTreeSet<(TrackId, ParticipantId)>;

/// DESIGN.md §4 over rows, word by word.
pub fn entitled(track: &TrackRow, subscriber: &ParticipantRow) -> bool {
    let role_rule = subscriber.receives.0 >> track.role.0 & 1 == 1;
    let in_person = track.audience.participants.contains(&subscriber.participant);
    let heard = |room: &RoomId| {
        let entry = subscriber.hears.rooms.iter().find(|entry| entry.0 == *room);
        entry.is_some_and(|entry| entry.1.contains(track.kind))
    };
    let by_room = track.audience.rooms.iter().any(heard);
    track.publisher != subscriber.participant && role_rule && (in_person || by_room)
}

/// What rows let flow to those participants that `has` says: entitled and not muted.
pub fn edges_of_rows(tracks: &[TrackRow], participants: &[ParticipantRow]) -> Edges {
    let mut edges = Edges::new();
    for track in tracks.iter().filter(|track| !track.muted) {
        for row in participants.iter().filter(|row| !row.peers.is_empty()) {
            let allowed = entitled(track, row);
            assert_eq!(allowed, mask::entitled(track, row), "{track:?} {row:?}");
            if allowed {
                edges.insert((track.track, row.participant));
            }
        }
    }
    edges
}

/// What a picture lets flow.
pub fn edges(picture: &Picture) -> Edges {
    edges_of_rows(picture.tracks(), picture.participants())
}

/// A participant of the slow model.
#[derive(Clone, Debug)]
struct Person {
    room: RoomId,
    role: Role,
    receives: Roles,
    /// Of the own room: audio, video.
    own: (bool, bool),
    /// What was asked for by `Hear`, one entry a room and kind.
    asked: BTreeSet<(RoomId, bool)>,
    muted: BTreeSet<usize>,
    audience: BTreeMap<usize, Audience>,
}

/// The slow model.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    people: BTreeMap<ParticipantId, Person>,
    tracks: BTreeMap<TrackId, (ParticipantId, PeerId, Source)>,
    peers: BTreeMap<PeerId, ParticipantId>,
}

impl Oracle {
    /// To whom a track is spoken: what `audience_epoch` must follow.
    pub fn spoken(&self) -> BTreeMap<TrackId, String> {
        let spoken = |(track, (publisher, _, source)): (&TrackId, &(ParticipantId, _, Source))| {
            let person = &self.people[publisher];
            let source = *source as usize;
            let own = Audience { rooms: vec![person.room], participants: vec![] };
            let audience = person.audience.get(&source).unwrap_or(&own);
            let muted = person.muted.contains(&source);
            (*track, format!("{audience:?} {muted} {:?} {:?}", person.room, person.role))
        };
        self.tracks.iter().map(spoken).collect()
    }

    /// What may flow.
    pub fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for (track, (publisher, _, source)) in &self.tracks {
            for subscriber in self.peers.values() {
                if self.may_flow(*publisher, *source, *subscriber) {
                    edges.insert((*track, *subscriber));
                }
            }
        }
        edges
    }

    fn may_flow(&self, publisher: ParticipantId, source: Source, to: ParticipantId) -> bool {
        let (speaker, listener) = (&self.people[&publisher], &self.people[&to]);
        if publisher == to || speaker.muted.contains(&(source as usize)) {
            return false;
        }
        if listener.receives.0 & (1 << speaker.role.0) == 0 {
            return false;
        }
        let is_audio = kind_of(source) == Kind::Audio;
        let hears = |room: RoomId| {
            if listener.room == room {
                return if is_audio { listener.own.0 } else { listener.own.1 };
            }
            listener.asked.contains(&(room, is_audio))
        };
        match speaker.audience.get(&(source as usize)) {
            None => hears(speaker.room),
            Some(audience) => {
                audience.participants.contains(&to)
                    || audience.rooms.iter().any(|room| hears(*room))
            }
        }
    }

    fn change(&mut self, change: &Change) {
        match change.clone() {
            Change::Move { participant, room } => {
                let person = self.people.get_mut(&participant).unwrap();
                let left = person.room;
                if left != room && left != MAIN {
                    person.asked.retain(|(asked, _)| *asked != left);
                }
                person.room = room;
            }
            Change::Hear { participant, room, kinds } => {
                let person = self.people.get_mut(&participant).unwrap();
                for (kind, is_audio) in [(Kind::Audio, true), (Kind::Video, false)] {
                    person.asked.remove(&(room, is_audio));
                    if kinds.contains(kind) {
                        person.asked.insert((room, is_audio));
                    }
                }
            }
            Change::HearOwn { participant, kinds } => {
                let person = self.people.get_mut(&participant).unwrap();
                person.own = (kinds.contains(Kind::Audio), kinds.contains(Kind::Video));
            }
            Change::Audience { participant, source, audience } => {
                let person = self.people.get_mut(&participant).unwrap();
                person.audience.remove(&(source as usize));
                if let Some(mut audience) = audience {
                    audience.rooms = BTreeSet::from_iter(audience.rooms).into_iter().collect();
                    let people = BTreeSet::from_iter(audience.participants);
                    audience.participants = people.into_iter().collect();
                    person.audience.insert(source as usize, audience);
                }
            }
            Change::Mute { participant, source, muted } => {
                let person = self.people.get_mut(&participant).unwrap();
                person.muted.remove(&(source as usize));
                if muted {
                    person.muted.insert(source as usize);
                }
            }
            Change::Cap { .. } => {} // takes and gives nobody an edge
            Change::Role { participant, role, receives } => {
                let person = self.people.get_mut(&participant).unwrap();
                (person.role, person.receives) = (role, receives);
            }
        }
    }
}

/// One random thing that happens. Numbers choose among what is there.
#[derive(Clone, Debug)]
pub enum Happening {
    /// Changes in one request.
    Change(Vec<(u8, u8, u8, u8)>),
    /// Somebody comes to a room with a role.
    Admit(u8, u8),
    /// Somebody is dismissed.
    Dismiss(u8),
    /// Somebody gets a peer on a shard with these sources.
    AddPeer(u8, u8, u8),
    /// A peer goes.
    RemovePeer(u8),
    /// A breakout room is opened.
    OpenRoom,
    /// A room is closed.
    CloseRoom(u8),
}

/// Random happenings, mostly changes.
pub fn happenings(
    count: impl Into<prop::collection::SizeRange>,
) -> impl Strategy<Value = Vec<Happening>> {
    let four = || (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>());
    let happening = prop_oneof![
        6 => prop::collection::vec(four(), 1..4).prop_map(Happening::Change),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(room, role)| Happening::Admit(room, role)),
        1 => any::<u8>().prop_map(Happening::Dismiss),
        4 => (any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(who, shard, sources)| Happening::AddPeer(who, shard, sources)),
        1 => any::<u8>().prop_map(Happening::RemovePeer),
        1 => Just(Happening::OpenRoom),
        1 => any::<u8>().prop_map(Happening::CloseRoom),
    ];
    prop::collection::vec(happening, count)
}

/// A meeting, fast and slow, and what was given out.
#[derive(Clone, Debug)]
pub struct World {
    /// The model under test.
    pub model: Meeting,
    /// Its reference.
    pub oracle: Oracle,
    shards: usize,
    ended: BTreeSet<ShardIndex>,
    given: u64,
}

impl World {
    /// Six people with peers on `shards` shards, in a main room and three breakouts.
    pub fn new(shards: usize) -> Self {
        let model = Meeting::new(MeetingId(1), MAIN);
        let mut world =
            Self { model, oracle: Oracle::default(), shards, ended: BTreeSet::new(), given: 100 };
        (0..3).for_each(|_| world.happen(&Happening::OpenRoom));
        for person in 0..6 {
            world.happen(&Happening::Admit(person, person));
            world.happen(&Happening::AddPeer(person, person, 0b11));
        }
        world
    }

    fn fresh(&mut self) -> u64 {
        self.given += 1;
        self.given
    }

    fn room(&self, choice: u8) -> RoomId {
        let rooms: Vec<_> = self.model.rooms().iter().copied().collect();
        rooms[usize::from(choice) % rooms.len()]
    }

    fn person(&self, choice: u8) -> Option<ParticipantId> {
        let people: Vec<_> = self.oracle.people.keys().copied().collect();
        (!people.is_empty()).then(|| people[usize::from(choice) % people.len()])
    }

    /// Does it to both.
    pub fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Change(choices) => {
                let changes: Option<Vec<_>> = choices.iter().map(|c| self.a_change(*c)).collect();
                let Some(changes) = changes else { return };
                self.model.change(&changes).unwrap();
                changes.iter().for_each(|change| self.oracle.change(change));
            }
            Happening::Admit(room, role) => {
                if self.oracle.people.len() > 8 {
                    return;
                }
                let (id, room) = (ParticipantId(self.fresh()), self.room(*room));
                let (role, receives) = role_of(*role);
                self.model.admit(id, room, role, receives).unwrap();
                let person = Person {
                    room,
                    role,
                    receives,
                    own: (true, true),
                    asked: BTreeSet::new(),
                    muted: BTreeSet::new(),
                    audience: BTreeMap::new(),
                };
                self.oracle.people.insert(id, person);
            }
            Happening::Dismiss(who) => {
                let Some(id) = self.person(*who) else { return };
                self.model.dismiss(id).unwrap();
                self.oracle.people.remove(&id);
                self.oracle.peers.retain(|_, owner| *owner != id);
                self.oracle.tracks.retain(|_, track| track.0 != id);
                for audience in
                    self.oracle.people.values_mut().flat_map(|p| p.audience.values_mut())
                {
                    audience.participants.retain(|named| *named != id);
                }
            }
            Happening::AddPeer(who, shard, sources) => self.add_peer(*who, *shard, *sources),
            Happening::RemovePeer(which) => {
                let peers: Vec<_> = self.oracle.peers.keys().copied().collect();
                let peer = peers.get(usize::from(*which) % peers.len().max(1));
                peer.into_iter().for_each(|peer| self.take_peer(*peer));
            }
            Happening::OpenRoom => {
                if self.model.rooms().len() < 6 {
                    let room = RoomId(self.fresh());
                    self.model.open_room(room);
                }
            }
            Happening::CloseRoom(room) => self.close_room(*room),
        }
    }

    fn add_peer(&mut self, who: u8, shard: u8, sources: u8) {
        let Some(owner) = self.person(who) else { return };
        if self.oracle.peers.len() > 10 {
            return;
        }
        let peer = PeerId(self.fresh());
        let chosen = SOURCES.iter().filter(|source| sources >> (**source as u8) & 1 == 1);
        let tracks: Vec<_> = chosen.map(|source| (TrackId(self.fresh()), *source)).collect();
        let shard = ShardIndex(usize::from(shard) % self.shards);
        let shard = if self.ended.contains(&shard) { ShardIndex(0) } else { shard };
        self.model.add_peer(peer, owner, shard, &tracks).unwrap();
        self.oracle.peers.insert(peer, owner);
        let entries = tracks.into_iter().map(|(track, source)| (track, (owner, peer, source)));
        self.oracle.tracks.extend(entries);
    }

    /// A shard ends, other than the first; its peers go.
    pub fn end_shard(&mut self, shard: ShardIndex) {
        self.ended.insert(shard);
        let here = self.model.peers().iter().filter(|(_, peer)| peer.shard == shard);
        let here: Vec<PeerId> = here.map(|(id, _)| *id).collect();
        for peer in here {
            self.take_peer(peer);
        }
    }

    fn take_peer(&mut self, peer: PeerId) {
        self.model.remove_peer(peer).unwrap();
        self.oracle.peers.remove(&peer);
        self.oracle.tracks.retain(|_, track| track.1 != peer);
    }

    fn close_room(&mut self, room: u8) {
        let room = self.room(room);
        let in_use = room == MAIN || self.oracle.people.values().any(|person| person.room == room);
        let expected = if in_use { Err(Refusal::RoomInUse) } else { Ok(()) };
        assert_eq!(self.model.close_room(room), expected);
        if in_use {
            return;
        }
        for person in self.oracle.people.values_mut() {
            person.asked.retain(|(asked, _)| *asked != room);
            person.audience.values_mut().for_each(|a| a.rooms.retain(|named| *named != room));
        }
    }

    fn a_change(&self, (which, who, a, b): (u8, u8, u8, u8)) -> Option<Change> {
        let participant = self.person(who)?;
        let source = SOURCES[usize::from(a) % 2];
        Some(match which % 8 {
            0..=2 => Change::Move { participant, room: self.room(a) },
            3 | 4 => {
                let kinds =
                    [Kinds::NONE, Kinds::only(Kind::Audio), Kinds::only(Kind::Video), Kinds::ALL];
                let room = if which % 8 == 3 { MAIN } else { self.room(a) };
                Change::Hear { participant, room, kinds: kinds[usize::from(b) % 4] }
            }
            5 => {
                let rooms = (0..b % 4).map(|n| self.room(a.wrapping_mul(7).wrapping_add(n * 3)));
                let participants = (0..(b >> 4) % 3).filter_map(|n| self.person(a.wrapping_add(n)));
                let audience =
                    Audience { rooms: rooms.collect(), participants: participants.collect() };
                Change::Audience { participant, source, audience: (b & 8 == 0).then_some(audience) }
            }
            6 if b & 2 == 0 => Change::Mute { participant, source, muted: b & 1 == 0 },
            6 if b & 12 == 0 => {
                let bps_max = (b & 1 == 0).then_some(1_000 * u32::from(b));
                Change::Cap { participant, source, bps_max }
            }
            6 => {
                let kinds = [Kinds::NONE, Kinds::only(Kind::Audio), Kinds::ALL, Kinds::ALL];
                Change::HearOwn { participant, kinds: kinds[usize::from(b >> 2) % 4] }
            }
            _ => {
                let (role, receives) = role_of(b);
                Change::Role { participant, role, receives }
            }
        })
    }
}

/// Mostly role 0 that receives all.
fn role_of(choice: u8) -> (Role, Roles) {
    match choice % 8 {
        6 => (Role(1), Roles(0b01)),
        7 => (Role(63), Roles(1 << 63 | 0b10)),
        _ => (Role(0), Roles::ALL),
    }
}
