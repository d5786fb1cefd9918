//! One meeting's truth: its rooms, who is in which, who listens where, to whom each source is
//! spoken.
//!
//! The rule of DESIGN.md §4 has two sides, and both are kept here: what a participant hears, and
//! the audience of a track. Pure: it has never heard of tables, epochs or shards' queues. A list of
//! changes is applied whole or refused whole: everything is looked at before anything is touched.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::api::{Change, Refusal};
use super::port::ShardIndex;
use crate::route::id::{MeetingId, ParticipantId, PeerId, RoomId, Source, TrackId};
use crate::route::table::{Audience, Hears, Kinds, Role, Roles};
use crate::wire::media::Kind;

/// How many sources a participant has: the variants of [`Source`].
const SOURCES: usize = 5;

/// Audio or video.
pub fn kind_of(source: Source) -> Kind {
    match source {
        Source::Microphone | Source::ScreenAudio => Kind::Audio,
        Source::Camera | Source::Screen | Source::Canvas => Kind::Video,
    }
}

/// What is said about a source of a participant, whichever track carries it, and before there is
/// one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct SourceState {
    muted: bool,
    bps_max: Option<u32>,
    /// `None`: the room its publisher is in.
    audience: Option<Audience>,
    /// What carries it now: one track a peer that offers it.
    tracks: BTreeSet<TrackId>,
}

/// A person or machine in the meeting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Participant {
    room: RoomId,
    role: Role,
    receives: Roles,
    /// What it hears of the room it is in.
    own: Kinds,
    /// What it hears of rooms other than its own. An entry of the main room is kept while inside it
    /// and counts again outside; any other entry goes when the participant leaves that room.
    elsewhere: BTreeMap<RoomId, Kinds>,
    sources: [SourceState; SOURCES],
    peers: BTreeSet<PeerId>,
}

impl Participant {
    /// The one room it is in.
    pub fn room(&self) -> RoomId {
        self.room
    }

    /// Its role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whose tracks the role rule lets it have.
    pub fn receives(&self) -> Roles {
        self.receives
    }

    /// What it listens to: its own room, wholly unless it asked for less, and what it was given of
    /// others.
    pub fn hears(&self) -> Hears {
        let below = self.elsewhere.range(..self.room);
        let above = self.elsewhere.range((Bound::Excluded(self.room), Bound::Unbounded));
        let copy = |(room, kinds): (&RoomId, &Kinds)| (*room, *kinds);
        let own = (self.own != Kinds::NONE).then_some((self.room, self.own));
        Hears { rooms: below.map(copy).chain(own).chain(above.map(copy)).collect() }
    }

    /// Most bits a second that are taken of `source`.
    pub fn bps_max(&self, source: Source) -> Option<u32> {
        self.sources[source as usize].bps_max
    }

    /// Whether `source` is muted.
    pub fn muted(&self, source: Source) -> bool {
        self.sources[source as usize].muted
    }

    /// To whom `source` is spoken.
    pub fn audience(&self, source: Source) -> Audience {
        let own = || Audience { rooms: vec![self.room], participants: Vec::new() };
        self.sources[source as usize].audience.clone().unwrap_or_else(own)
    }

    /// The tracks that carry `source`, ascending.
    pub fn tracks(&self, source: Source) -> &BTreeSet<TrackId> {
        &self.sources[source as usize].tracks
    }

    /// Its transports, ascending.
    pub fn peers(&self) -> &BTreeSet<PeerId> {
        &self.peers
    }

    fn enter(&mut self, room: RoomId, main: RoomId) {
        if self.room != room && self.room != main {
            self.elsewhere.remove(&self.room);
        }
        self.room = room;
    }
}

/// One transport of a participant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Whose.
    pub participant: ParticipantId,
    /// Where it lives, for good.
    pub shard: ShardIndex,
    /// What it publishes, in the order of its offer.
    pub tracks: Vec<(TrackId, Source)>,
}

/// One published source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Track {
    /// Whose.
    pub publisher: ParticipantId,
    /// The peer it comes in by.
    pub peer: PeerId,
    /// What it shows or says.
    pub source: Source,
}

/// A main room and its breakout rooms, and who is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meeting {
    id: MeetingId,
    main: RoomId,
    rooms: BTreeSet<RoomId>,
    participants: BTreeMap<ParticipantId, Participant>,
    peers: BTreeMap<PeerId, Peer>,
    tracks: BTreeMap<TrackId, Track>,
    /// How many peers live where.
    shards: BTreeMap<ShardIndex, usize>,
    /// Whom something was done to since the last [`Meeting::take_touched`].
    touched: BTreeSet<ParticipantId>,
}

impl Meeting {
    /// A meeting with nobody in its main room.
    pub fn new(id: MeetingId, main: RoomId) -> Self {
        Self {
            id,
            main,
            rooms: BTreeSet::from([main]),
            participants: BTreeMap::new(),
            peers: BTreeMap::new(),
            tracks: BTreeMap::new(),
            shards: BTreeMap::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Which meeting.
    pub fn id(&self) -> MeetingId {
        self.id
    }

    /// Its main room.
    pub fn main(&self) -> RoomId {
        self.main
    }

    /// Its rooms, the main room among them.
    pub fn rooms(&self) -> &BTreeSet<RoomId> {
        &self.rooms
    }

    /// Everybody admitted.
    pub fn participants(&self) -> &BTreeMap<ParticipantId, Participant> {
        &self.participants
    }

    /// Every transport.
    pub fn peers(&self) -> &BTreeMap<PeerId, Peer> {
        &self.peers
    }

    /// Every published source.
    pub fn tracks(&self) -> &BTreeMap<TrackId, Track> {
        &self.tracks
    }

    /// A new breakout room, empty.
    pub fn open_room(&mut self, room: RoomId) {
        self.rooms.insert(room);
    }

    /// Ends a breakout room; nobody listens or speaks to it any more.
    ///
    /// # Errors
    /// `UnknownRoom`; `RoomInUse` if somebody is in it or it is the main room.
    pub fn close_room(&mut self, room: RoomId) -> Result<(), Refusal> {
        self.check_room(room)?;
        if room == self.main || self.participants.values().any(|who| who.room == room) {
            return Err(Refusal::RoomInUse);
        }
        self.rooms.remove(&room);
        for (id, participant) in &mut self.participants {
            let mut touched = participant.elsewhere.remove(&room).is_some();
            for audience in participant.sources.iter_mut().filter_map(|s| s.audience.as_mut()) {
                touched |= drop_from(&mut audience.rooms, room);
            }
            if touched {
                self.touched.insert(*id);
            }
        }
        Ok(())
    }

    /// Lets a participant into `room`. It has no peer yet.
    ///
    /// # Errors
    /// `UnknownRoom`.
    pub fn admit(
        &mut self,
        participant: ParticipantId,
        room: RoomId,
        role: Role,
        receives: Roles,
    ) -> Result<(), Refusal> {
        self.check_room(room)?;
        let entry = Participant {
            room,
            role,
            receives,
            own: Kinds::ALL,
            elsewhere: BTreeMap::new(),
            sources: Default::default(),
            peers: BTreeSet::new(),
        };
        self.participants.insert(participant, entry);
        Ok(())
    }

    /// Takes a participant out, with its peers.
    ///
    /// # Errors
    /// `UnknownParticipant`.
    pub fn dismiss(&mut self, participant: ParticipantId) -> Result<(), Refusal> {
        let gone = self.participants.remove(&participant).ok_or(Refusal::UnknownParticipant)?;
        self.touched.insert(participant);
        for (id, other) in &mut self.participants {
            for audience in other.sources.iter_mut().filter_map(|s| s.audience.as_mut()) {
                if drop_from(&mut audience.participants, participant) {
                    self.touched.insert(*id);
                }
            }
        }
        for peer in &gone.peers {
            self.remove_peer(*peer);
        }
        Ok(())
    }

    /// Gives a participant a transport that publishes `tracks`.
    ///
    /// # Errors
    /// `UnknownParticipant`.
    pub fn add_peer(
        &mut self,
        id: PeerId,
        participant: ParticipantId,
        shard: ShardIndex,
        tracks: &[(TrackId, Source)],
    ) -> Result<(), Refusal> {
        let owner = self.participants.get_mut(&participant).ok_or(Refusal::UnknownParticipant)?;
        owner.peers.insert(id);
        self.touched.insert(participant);
        *self.shards.entry(shard).or_default() += 1;
        for (track, source) in tracks {
            owner.sources[*source as usize].tracks.insert(*track);
            let entry = Track { publisher: participant, peer: id, source: *source };
            self.tracks.insert(*track, entry);
        }
        let tracks = tracks.to_vec();
        self.peers.insert(id, Peer { participant, shard, tracks });
        Ok(())
    }

    /// Takes a transport and its tracks away.
    pub fn remove_peer(&mut self, id: PeerId) -> Option<Peer> {
        let peer = self.peers.remove(&id)?;
        self.touched.insert(peer.participant);
        if let Some(count) = self.shards.get_mut(&peer.shard) {
            *count -= 1;
            if *count == 0 {
                self.shards.remove(&peer.shard);
            }
        }
        for (track, _) in &peer.tracks {
            self.tracks.remove(track);
        }
        if let Some(owner) = self.participants.get_mut(&peer.participant) {
            owner.peers.remove(&id);
            for (track, source) in &peer.tracks {
                owner.sources[*source as usize].tracks.remove(track);
            }
        }
        Some(peer)
    }

    /// The shards its peers live on, with how many there are.
    pub fn shards(&self) -> &BTreeMap<ShardIndex, usize> {
        &self.shards
    }

    /// Whose part of the tables may not be what it was at the last call: whoever came, went or was
    /// changed, and whoever spoke to a room or a person that is no more.
    pub fn take_touched(&mut self) -> BTreeSet<ParticipantId> {
        std::mem::take(&mut self.touched)
    }

    /// Applies all of `changes` in their order, or none.
    ///
    /// # Errors
    /// `UnknownParticipant` or `UnknownRoom` if any of them names one that is not there.
    pub fn change(&mut self, changes: &[Change]) -> Result<(), Refusal> {
        // No change makes or ends a room or a participant, so each can be looked at by itself.
        changes.iter().try_for_each(|change| self.check(change))?;
        for change in changes {
            self.apply(change);
        }
        Ok(())
    }

    fn check(&self, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::Move { participant, room } | Change::Hear { participant, room, .. } => {
                self.check_participant(*participant)?;
                self.check_room(*room)
            }
            Change::Audience { participant, audience, .. } => {
                self.check_participant(*participant)?;
                let Some(audience) = audience else { return Ok(()) };
                audience.rooms.iter().try_for_each(|room| self.check_room(*room))?;
                audience.participants.iter().try_for_each(|named| self.check_participant(*named))
            }
            Change::HearOwn { participant, .. }
            | Change::Mute { participant, .. }
            | Change::Cap { participant, .. }
            | Change::Role { participant, .. } => self.check_participant(*participant),
        }
    }

    fn apply(&mut self, change: &Change) {
        let main = self.main;
        let (Change::Move { participant, .. }
        | Change::Hear { participant, .. }
        | Change::HearOwn { participant, .. }
        | Change::Audience { participant, .. }
        | Change::Mute { participant, .. }
        | Change::Cap { participant, .. }
        | Change::Role { participant, .. }) = change;
        let Some(who) = self.participants.get_mut(participant) else { return };
        self.touched.insert(*participant);
        match change {
            Change::Move { room, .. } => who.enter(*room, main),
            Change::Hear { room, kinds, .. } if *kinds == Kinds::NONE => {
                who.elsewhere.remove(room);
            }
            Change::Hear { room, kinds, .. } => {
                who.elsewhere.insert(*room, *kinds);
            }
            Change::HearOwn { kinds, .. } => who.own = *kinds,
            Change::Audience { source, audience, .. } => {
                who.sources[*source as usize].audience = audience.clone().map(sorted);
            }
            Change::Mute { source, muted, .. } => who.sources[*source as usize].muted = *muted,
            Change::Cap { source, bps_max, .. } => {
                who.sources[*source as usize].bps_max = *bps_max;
            }
            Change::Role { role, receives, .. } => {
                who.role = *role;
                who.receives = *receives;
            }
        }
    }

    fn check_room(&self, room: RoomId) -> Result<(), Refusal> {
        self.rooms.contains(&room).then_some(()).ok_or(Refusal::UnknownRoom)
    }

    fn check_participant(&self, participant: ParticipantId) -> Result<(), Refusal> {
        let known = self.participants.contains_key(&participant);
        known.then_some(()).ok_or(Refusal::UnknownParticipant)
    }
}

/// Takes an entry out. Whether it was there.
fn drop_from<T: PartialEq>(list: &mut Vec<T>, item: T) -> bool {
    let place = list.iter().position(|other| *other == item);
    place.map(|at| list.remove(at)).is_some()
}

/// As tables want it: both lists ascending, nobody twice.
fn sorted(mut audience: Audience) -> Audience {
    audience.rooms.sort_unstable();
    audience.rooms.dedup();
    audience.participants.sort_unstable();
    audience.participants.dedup();
    audience
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ParticipantId = ParticipantId(1);
    const B: ParticipantId = ParticipantId(2);
    const NOBODY: ParticipantId = ParticipantId(9);
    const MAIN: RoomId = RoomId(1);
    const SIDE: RoomId = RoomId(2);
    const OTHER: RoomId = RoomId(3);
    const NOWHERE: RoomId = RoomId(9);

    fn meeting() -> Meeting {
        let mut meeting = Meeting::new(MeetingId(1), MAIN);
        meeting.open_room(SIDE);
        meeting.open_room(OTHER);
        for who in [A, B] {
            meeting.admit(who, MAIN, Role(0), Roles::ALL).unwrap();
        }
        meeting
    }

    fn go(participant: ParticipantId, room: RoomId) -> Change {
        Change::Move { participant, room }
    }

    fn own(kinds: Kinds) -> Change {
        Change::HearOwn { participant: A, kinds }
    }

    fn hear(room: RoomId, kinds: Kinds) -> Change {
        Change::Hear { participant: A, room, kinds }
    }

    fn speak(rooms: &[RoomId], participants: &[ParticipantId]) -> Change {
        let audience = Audience { rooms: rooms.to_vec(), participants: participants.to_vec() };
        Change::Audience { participant: A, source: Source::Camera, audience: Some(audience) }
    }

    #[test]
    fn what_is_heard() {
        let audio = Kinds::only(Kind::Audio);
        let all = Kinds::ALL;
        for (changes, expected) in [
            (vec![], vec![(MAIN, all)]),                         // the own room
            (vec![go(A, SIDE)], vec![(SIDE, all)]),              // nothing but it
            (vec![go(A, SIDE), go(A, MAIN)], vec![(MAIN, all)]), // and back
            (vec![go(A, SIDE), hear(MAIN, audio)], vec![(MAIN, audio), (SIDE, all)]),
            (vec![hear(MAIN, audio)], vec![(MAIN, all)]), // the own room is whole
            (vec![hear(MAIN, audio), go(A, SIDE)], vec![(MAIN, audio), (SIDE, all)]), // stays
            (vec![hear(MAIN, audio), go(A, SIDE), go(A, OTHER)], vec![(MAIN, audio), (OTHER, all)]),
            (vec![hear(MAIN, audio), go(A, SIDE), hear(MAIN, Kinds::NONE)], vec![(SIDE, all)]),
            (vec![hear(SIDE, audio)], vec![(MAIN, all), (SIDE, audio)]), // monitors
            (vec![own(audio)], vec![(MAIN, audio)]),                     // muted the main room
            (vec![own(audio), go(A, SIDE)], vec![(SIDE, audio)]),
            (vec![own(audio), go(A, SIDE), own(all)], vec![(SIDE, all)]),
            (vec![own(Kinds::NONE)], vec![]), // paused it
            (vec![hear(SIDE, audio), go(A, SIDE), go(A, MAIN)], vec![(MAIN, all)]), // left it
            (vec![hear(SIDE, audio), go(A, OTHER)], vec![(SIDE, audio), (OTHER, all)]),
            (vec![go(A, SIDE), hear(OTHER, all), go(A, SIDE)], vec![(SIDE, all), (OTHER, all)]),
        ] {
            let mut meeting = meeting();
            meeting.change(&changes).unwrap();
            assert_eq!(meeting.participants()[&A].hears().rooms, expected, "{changes:?}");
        }
    }

    #[test]
    fn whole_or_not_at_all() {
        let unknown_room = Err(Refusal::UnknownRoom);
        let unknown_participant = Err(Refusal::UnknownParticipant);
        let role = |participant| Change::Role { participant, role: Role(1), receives: Roles(0) };
        let mute = |participant| Change::Mute { participant, source: Source::Screen, muted: true };
        for (change, expected) in [
            (go(A, NOWHERE), unknown_room),
            (go(NOBODY, SIDE), unknown_participant),
            (hear(NOWHERE, Kinds::ALL), unknown_room),
            (speak(&[SIDE, NOWHERE], &[]), unknown_room),
            (speak(&[SIDE], &[B, NOBODY]), unknown_participant),
            (mute(NOBODY), unknown_participant),
            (role(NOBODY), unknown_participant),
            (role(A), Ok(())),
        ] {
            let mut after = meeting();
            let changes =
                [go(B, SIDE), hear(SIDE, Kinds::ALL), mute(A), change.clone(), go(B, OTHER)];
            assert_eq!(after.change(&changes), expected, "{change:?}");
            let same = after == meeting();
            assert_eq!(same, expected.is_err(), "{change:?}");
        }
    }

    #[test]
    fn rooms_and_people_who_go_are_in_no_audience() {
        let mut meeting = meeting();
        meeting.change(&[speak(&[SIDE, MAIN, SIDE], &[B, B]), hear(SIDE, Kinds::ALL)]).unwrap();
        let both = Audience { rooms: vec![MAIN, SIDE], participants: vec![B] };
        assert_eq!(
            meeting.participants()[&A].audience(Source::Camera),
            both,
            "sorted, nobody twice"
        );
        assert_eq!(meeting.close_room(MAIN), Err(Refusal::RoomInUse));
        meeting.change(&[go(B, SIDE)]).unwrap();
        assert_eq!(meeting.close_room(SIDE), Err(Refusal::RoomInUse), "B is in it");
        meeting.dismiss(B).unwrap();
        assert_eq!(meeting.dismiss(B), Err(Refusal::UnknownParticipant));
        meeting.close_room(SIDE).unwrap();
        assert_eq!(meeting.close_room(SIDE), Err(Refusal::UnknownRoom));
        let main_only = Audience { rooms: vec![MAIN], participants: vec![] };
        assert_eq!(meeting.participants()[&A].audience(Source::Camera), main_only);
        assert_eq!(meeting.participants()[&A].hears().rooms, [(MAIN, Kinds::ALL)]);
    }

    /// Rows are made anew of these only: nobody may be left out.
    #[test]
    fn whom_a_change_touches() {
        let fresh = || {
            let mut meeting = meeting();
            meeting.change(&[speak(&[MAIN, OTHER], &[B])]).unwrap();
            meeting.add_peer(PeerId(11), B, ShardIndex(0), &[]).unwrap();
            assert_eq!(meeting.take_touched(), BTreeSet::from([A, B]));
            assert_eq!(meeting.take_touched(), BTreeSet::new());
            meeting
        };
        let touched = |edit: &dyn Fn(&mut Meeting)| {
            let mut meeting = fresh();
            edit(&mut meeting);
            Vec::from_iter(meeting.take_touched())
        };
        assert_eq!(touched(&|meeting| meeting.change(&[go(B, SIDE)]).unwrap()), [B]);
        assert_eq!(touched(&|meeting| meeting.change(&[hear(SIDE, Kinds::ALL)]).unwrap()), [A]);
        assert_eq!(touched(&|meeting| meeting.close_room(OTHER).unwrap()), [A], "spoke to it");
        assert_eq!(touched(&|meeting| meeting.close_room(SIDE).unwrap()), []);
        assert_eq!(touched(&|meeting| meeting.dismiss(B).unwrap()), [A, B], "A spoke to B");
        assert_eq!(touched(&|meeting| meeting.dismiss(A).unwrap()), [A]);
        assert_eq!(touched(&|meeting| _ = meeting.remove_peer(PeerId(11)).unwrap()), [B]);
        let listens = |meeting: &mut Meeting| {
            meeting.change(&[hear(SIDE, Kinds::ALL)]).unwrap();
            meeting.take_touched();
            meeting.close_room(SIDE).unwrap();
        };
        assert_eq!(touched(&listens), [A], "listened to it");
    }

    #[test]
    fn who_goes_takes_peers_and_tracks_along() {
        let mut meeting = meeting();
        let tracks = [(TrackId(21), Source::Microphone), (TrackId(22), Source::Camera)];
        meeting.add_peer(PeerId(11), A, ShardIndex(0), &tracks).unwrap();
        meeting.add_peer(PeerId(12), A, ShardIndex(1), &[(TrackId(23), Source::Camera)]).unwrap();
        let unknown = meeting.add_peer(PeerId(13), NOBODY, ShardIndex(0), &[]);
        assert_eq!(unknown, Err(Refusal::UnknownParticipant));
        let cameras = |meeting: &Meeting| meeting.participants()[&A].tracks(Source::Camera).clone();
        assert_eq!(cameras(&meeting), BTreeSet::from([TrackId(22), TrackId(23)]));
        let both = BTreeMap::from([(ShardIndex(0), 1), (ShardIndex(1), 1)]);
        assert_eq!(meeting.shards(), &both);

        assert_eq!(meeting.remove_peer(PeerId(11)).unwrap().tracks, tracks);
        assert_eq!(meeting.remove_peer(PeerId(11)), None);
        assert_eq!(cameras(&meeting), BTreeSet::from([TrackId(23)]));
        meeting.dismiss(A).unwrap();
        assert!(meeting.peers().is_empty() && meeting.tracks().is_empty());
        assert!(meeting.shards().is_empty());
    }
}
