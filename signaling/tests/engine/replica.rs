//! What a client knows of rooms and people from events alone.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_signaling::rooms::{
    Event, MAIN, Meeting, Name, PersonView, PollView, RoleName, RoomView, Target, Viewer,
};

use crate::polls::Polls;

/// One client's knowledge.
#[derive(Clone, Debug)]
pub struct Replica {
    id: Name,
    room: Name,
    rooms: BTreeMap<Name, (Name, BTreeSet<Name>)>,
    people: BTreeMap<Name, PersonView>,
    invited: BTreeSet<Name>,
    /// Whether breakouts are open.
    state: &'static str,
    /// Who speaks to all rooms.
    announcing: BTreeSet<Name>,
    /// Who whispers to them, or they themself.
    whispering: BTreeSet<Name>,
    /// Whether they were told of the end of the session, and of their room's.
    timers: BTreeSet<Option<Name>>,
    /// Polls as they were told last.
    polls: BTreeMap<u64, PollView>,
    /// The role they are asked to take, and by whom.
    role_asked: Option<(RoleName, Name)>,
}

fn voices(meeting: &Meeting, id: &Name, kind: &str) -> BTreeSet<Name> {
    let voices = meeting.voices_for(id).into_iter().filter(|voice| voice.kind == kind);
    voices.map(|voice| voice.from).collect()
}

impl Replica {
    /// As the answer to `join` has it.
    pub fn new(meeting: &Meeting, id: &Name) -> Replica {
        let viewer = meeting.viewer(id);
        let mut replica = Replica {
            id: id.clone(),
            room: meeting.person(id).expect("here").room.clone(),
            rooms: BTreeMap::new(),
            people: BTreeMap::new(),
            invited: BTreeSet::new(),
            state: meeting.plan().session().word(),
            announcing: voices(meeting, id, "announce"),
            whispering: voices(meeting, id, "whisper"),
            timers: BTreeSet::new(),
            polls: meeting.polls_for(id).into_iter().map(|poll| (poll.poll, poll)).collect(),
            role_asked: None,
        };
        let session = meeting.plan().session().ends_at().map(|_| None);
        let rooms = meeting.rooms_for(&viewer).into_iter();
        let rooms = rooms.filter(|room| room.ends_at.is_some()).map(|room| Some(room.id));
        replica.timers.extend(session.into_iter().chain(rooms));
        replica.adopt(&meeting.rooms_for(&viewer), &meeting.people_for(&viewer));
        replica
    }

    fn adopt(&mut self, rooms: &[RoomView], people: &[PersonView]) {
        let entry = |room: &RoomView| {
            let inside = room.participants.iter().cloned().collect();
            (room.id.clone(), (room.name.clone(), inside))
        };
        self.rooms = rooms.iter().map(entry).collect();
        self.people.extend(people.iter().map(|one| (one.id.clone(), one.clone())));
    }

    fn place(&mut self, id: &Name, room: Option<&Name>) {
        for (other, (_, inside)) in &mut self.rooms {
            inside.remove(id);
            if Some(other) == room {
                inside.insert(id.clone());
            }
        }
    }

    pub fn take(&mut self, event: &Event) {
        match event {
            Event::UserJoined { participant, room_id } => {
                self.people.insert(participant.id.clone(), participant.clone());
                self.place(&participant.id, room_id.as_ref());
            }
            Event::UserLeft { participant, reason, .. } => {
                self.place(participant, None);
                if *reason != "moved" {
                    self.people.remove(participant);
                }
            }
            Event::PeerUpdated { participant } => {
                self.people.insert(participant.id.clone(), participant.clone());
            }
            Event::PlanChanged { rooms, people, state, .. } => {
                self.adopt(rooms, people);
                self.state = state;
                if *state == "draft" {
                    self.timers.remove(&None);
                }
            }
            Event::Voice { from, kind: "announce", on, .. } => {
                self.announcing.remove(from);
                if *on {
                    self.announcing.insert(from.clone());
                }
            }
            Event::Voice { from, on, .. } => {
                self.whispering.remove(from);
                if *on {
                    self.whispering.insert(from.clone());
                }
            }
            Event::PollChanged(poll) => _ = self.polls.insert(poll.poll, poll.clone()),
            Event::RoleChangeAsked { role, requestor } => {
                self.role_asked = Some((role.clone(), requestor.clone()));
            }
            Event::RoleChanged { participant, .. } if *participant == self.id => {
                self.role_asked = None;
            }
            Event::Timer { room_id, .. } => _ = self.timers.insert(room_id.clone()),
            Event::MeetingChanged { room_id, .. } => {
                self.room = room_id.clone();
                let id = self.id.clone();
                self.place(&id, Some(room_id));
            }
            Event::BreakoutCreated { rooms } => {
                for room in rooms {
                    let fresh = || (room.name.clone(), BTreeSet::new());
                    self.rooms.entry(room.id.clone()).or_insert_with(fresh);
                }
            }
            Event::BreakoutDestroyed { room_id, .. } => {
                self.rooms.remove(room_id);
                self.invited.remove(room_id);
            }
            Event::BreakoutInvited { room_id, clients, .. } if clients.is_empty() => {
                self.invited.insert(room_id.clone());
            }
            Event::InviteRejected { room_id, client_id, .. } if *client_id == self.id => {
                self.invited.remove(room_id);
            }
            Event::BreakoutConnected { room_id, .. } => {
                self.invited.remove(room_id);
            }
            _ => {}
        }
    }

    /// It is what they may know: all of it, or their own room.
    pub fn agrees(&self, meeting: &Meeting, polls: &Polls, id: &Name) {
        self.knows_rooms(meeting, id);
        self.knows_voices(meeting, polls, id);
    }

    fn knows_rooms(&self, meeting: &Meeting, id: &Name) {
        let own = &meeting.person(id).expect("here").room;
        assert_eq!(&self.room, own, "{id} does not know where they are");
        let truth = |room: &Name| -> BTreeSet<Name> { meeting.inside(room).cloned().collect() };
        let mut known: Vec<Name> = vec![own.clone()];
        if meeting.viewer(id) == Viewer::All {
            let all: BTreeSet<Name> = meeting.breakouts().map(|room| room.id.clone()).collect();
            let shown: BTreeSet<Name> =
                self.rooms.keys().filter(|room| ***room != *MAIN).cloned().collect();
            assert_eq!(shown, all, "{id} sees all rooms");
            known = all.into_iter().chain([MAIN.into()]).collect();
        }
        for room in &known {
            let (name, inside) = self.rooms.get(room).unwrap_or_else(|| panic!("{id}: no {room}"));
            assert_eq!(*inside, truth(room), "{id} of {room}");
            if let Some(breakout) = meeting.breakout(room) {
                assert_eq!(*name, breakout.name, "{id} of {room}");
            }
            for other in inside.iter().filter(|other| *other != id) {
                let view = meeting.view(other).expect("here");
                let known = self
                    .people
                    .get(other)
                    .map(|known| PersonView { room: view.room.clone(), ..known.clone() });
                assert_eq!(known, Some(view), "what {id} knows of {other}");
            }
        }
        assert_eq!(self.state, meeting.plan().session().word(), "{id}: whether they are open");
    }

    fn knows_voices(&self, meeting: &Meeting, polls: &Polls, id: &Name) {
        let own = &meeting.person(id).expect("here").room;
        let announced: BTreeSet<Name> = meeting
            .people()
            .filter(|(_, person)| !person.announces.is_none())
            .map(|(id, _)| id.clone())
            .collect();
        assert_eq!(self.announcing, announced, "{id}: who speaks to all");
        let to_me = |target: &Target| match target {
            Target::Room(room) => room == own,
            Target::Person(other) => other == id,
        };
        let whispered: BTreeSet<Name> = meeting
            .people()
            .filter(|(from, person)| {
                person.whispers.as_ref().is_some_and(|to| *from == id || to_me(to))
            })
            .map(|(from, _)| from.clone())
            .collect();
        assert_eq!(self.whispering, whispered, "{id}: who whispers to them");
        let all = meeting.polls().filter(|poll| poll.open && polls.is_told(poll.poll, id, own));
        for poll in all {
            assert_eq!(self.polls.get(&poll.poll), Some(&poll), "{id} in {own}");
        }
        let asked = meeting.person(id).and_then(|person| person.role_asked.clone());
        assert_eq!(self.role_asked, asked.map(|asked| (asked.role, asked.by)), "{id}");
        if **own != *MAIN {
            let session = meeting.plan().session().ends_at().is_some();
            assert!(!session || self.timers.contains(&None), "{id} in {own}: until when");
            let timed = meeting.breakout(own).is_some_and(|room| room.timer.is_some());
            assert!(!timed || self.timers.contains(&Some(own.clone())), "{id} in {own}: the room");
        }
        let invited: BTreeSet<Name> = meeting.invitations_of(id).into_iter().collect();
        assert_eq!(self.invited, invited, "what {id} is invited to");
    }
}
