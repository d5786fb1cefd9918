//! The task of one meeting: asks in, one after the other; the relay and the people told.

use std::collections::HashMap;

use ringfence::control::api::{Change, Refusal};
use ringfence::control::handle::RelayHandle;
use ringfence::route::id::{MeetingId, ParticipantId, PeerId, RoomId};
use ringfence::route::table::{Audience, Kinds, Roles};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::ask::{Ask, Call, Seat};
use super::connection::Connection;
use super::directory::{Meetings, Timing};
use super::peers::PeerRecord;
use super::wire::notification;
use crate::access::Identity;
use crate::rooms::{
    Create, MAIN, Meeting, Name, Notice, Outcome, RoleName, RoomError, Rules, Step, code,
};
use crate::sdp::Purpose;

/// Somebody in the meeting, as the relay and the network know them.
pub(super) struct Seated {
    pub number: ParticipantId,
    /// Whose tracks the relay lets them have.
    receives: Roles,
    /// Their WebSocket; `None`: only WHIP or WHEP, or lost a moment ago.
    pub connection: Option<Connection>,
    /// Until when a lost page may come back: the number of the connection it lost.
    pub grace: Option<u64>,
}

/// One meeting at work.
pub(super) struct Actor {
    name: Name,
    meetings: Meetings,
    timing: Timing,
    /// Weak, so that the task ends when nobody else asks.
    inbox: mpsc::WeakSender<Ask>,
    pub(super) relay: RelayHandle,
    pub(super) number: Option<MeetingId>,
    rooms: HashMap<Name, RoomId>,
    pub(super) model: Meeting,
    pub(super) seats: HashMap<Name, Seated>,
    pub(super) people: HashMap<ParticipantId, Name>,
    pub(super) peers: HashMap<PeerId, PeerRecord>,
    seq: u64,
    /// People whose queue was full: to be treated as lost.
    slow: Vec<Seat>,
}

impl Actor {
    pub(super) fn new(
        name: Name,
        meetings: Meetings,
        rules: Rules,
        timing: Timing,
        inbox: &mpsc::Sender<Ask>,
    ) -> Actor {
        Actor {
            name,
            timing,
            relay: meetings.relay().clone(),
            meetings,
            inbox: inbox.downgrade(),
            number: None,
            rooms: HashMap::new(),
            model: Meeting::new(rules),
            seats: HashMap::new(),
            people: HashMap::new(),
            peers: HashMap::new(),
            seq: 0,
            slow: Vec::new(),
        }
    }

    /// Answers asks until everybody has left.
    pub(super) async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        if let Err(refusal) = self.open().await {
            tracing::error!(meeting = %self.name, ?refusal, "the relay opened no meeting");
        }
        while self.number.is_some() {
            let Some(ask) = asks.recv().await else { break };
            self.answer(ask).await;
            while let Some(seat) = self.slow.pop() {
                self.lost(&seat);
            }
            if self.model.is_empty() {
                break;
            }
        }
        if let Some(inbox) = self.inbox.upgrade() {
            self.meetings.forget(&self.name, self.number, &inbox);
        }
        asks.close(); // what is asked from now on is asked of a new meeting of this name
        if let Some(number) = self.number {
            let _ = self.relay.close_meeting(number).await; // if it is gone, so much the better
        }
        tracing::info!(meeting = %self.name, "meeting over");
    }

    async fn open(&mut self) -> Result<(), Refusal> {
        let (number, main) = self.relay.open_meeting().await?;
        self.number = Some(number);
        self.rooms.insert(MAIN.into(), main);
        if let Some(inbox) = self.inbox.upgrade() {
            self.meetings.register(number, &inbox);
        }
        tracing::info!(meeting = %self.name, "meeting open");
        Ok(())
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Join(identity, connection, reply) => {
                let _ = reply.send(self.join(&identity, connection).await);
            }
            Ask::Call(seat, call, reply) => {
                let _ = reply.send(self.call(&seat, call).await);
            }
            Ask::Lost(seat) => self.lost(&seat),
            Ask::GraceOver(seat) => self.grace_over(&seat).await,
            Ask::Attach(attach, reply) => {
                let _ = reply.send(self.attach(*attach).await);
            }
            Ask::Session { session, purpose, by, call, reply } => {
                let _ = reply.send(self.session(&session, purpose, by.as_deref(), call).await);
            }
            Ask::Relay(event) => self.relay_event(event).await,
        }
    }

    async fn join(
        &mut self,
        identity: &Identity,
        connection: Connection,
    ) -> Result<(Name, Value), RoomError> {
        let person = match identity.id.as_deref() {
            Some(id) => Name::from(id),
            None => Name::from(format!("p-{:08x}", rand::random::<u32>())),
        };
        let host = self.model.people().iter().any(|person| person.role.manages());
        let before = self.model.person(&person).map(|before| before.role.clone());
        let role = match identity.role.as_deref() {
            Some(role) => RoleName::new(role),
            None if identity.development && !host => RoleName::host(),
            None => before.clone().unwrap_or_else(RoleName::participant),
        };
        if before.is_some() {
            self.renew(&person, identity, role).await?;
        } else {
            self.admit(&person, identity, role, MAIN).await?;
        }
        let resumed = self.page_peer(&person).is_some();
        if let Some(seat) = self.seats.get_mut(&person) {
            seat.grace = None;
            if let Some(old) = seat.connection.replace(connection) {
                let event = json!({"method": "reconnect", "params": {"reason": "replaced"}});
                old.send(notification(event, None));
            }
        }
        if resumed {
            self.tell_slots(&person);
        }
        let view = self.model.view(&person);
        let mut result = self.list();
        if let (Some(result), Some(view)) = (result.as_object_mut(), view) {
            result.insert("participant".into(), json!(person));
            result.insert("meeting".into(), json!(self.name));
            result.insert("room".into(), json!(view.room));
            result.insert("role".into(), json!(view.role));
            result.insert("resumed".into(), json!(resumed));
        }
        Ok((person, result))
    }

    /// Makes sure that somebody is in the meeting, for the relay, the model and the people.
    pub(super) async fn admit(
        &mut self,
        person: &Name,
        identity: &Identity,
        role: RoleName,
        room: &str,
    ) -> Result<(), RoomError> {
        if self.seats.contains_key(person) {
            return Ok(());
        }
        let meeting = self.number.ok_or_else(|| refused(Refusal::UnknownMeeting))?;
        let unknown =
            || RoomError::field(code::NOT_FOUND, "room", format!("there is no room \"{room}\""));
        let place = *self.rooms.get(room).ok_or_else(unknown)?;
        let receives = received(identity);
        let admitted = self.relay.admit(meeting, place, role.number(), receives).await;
        let number = admitted.map_err(refused)?;
        let seated = Seated { number, receives, connection: None, grace: None };
        self.seats.insert(person.clone(), seated);
        self.people.insert(number, person.clone());
        let mut next = self.model.clone();
        let name = identity.name.as_deref().unwrap_or(person);
        let outcome = next.join(person, name, role, room, identity.publishes);
        self.commit(next, outcome).await
    }

    /// Somebody who is here joins again: what the newest token says counts, and what an older one
    /// allowed beyond it is revoked (THREATS.md P3.14).
    async fn renew(
        &mut self,
        person: &Name,
        identity: &Identity,
        role: RoleName,
    ) -> Result<(), RoomError> {
        let mut next = self.model.clone();
        let number = role.number();
        let before = self.model.person(person).map(|before| before.role.number());
        let outcome = next.renew(person, identity.name.as_deref(), role, identity.publishes);
        let receives = received(identity);
        if let (Some(seated), Some(meeting)) = (self.seats.get_mut(person), self.number)
            && (seated.receives != receives || before != Some(number))
        {
            let participant = seated.number;
            let change = Change::Role { participant, role: number, receives };
            self.relay.change(meeting, vec![change]).await.map_err(refused)?;
            seated.receives = receives;
        }
        self.commit(next, outcome).await
    }

    /// Puts an outcome into force: the relay first, then the model, then the people.
    async fn commit(&mut self, next: Meeting, outcome: Outcome) -> Result<(), RoomError> {
        let changes: Vec<Change> =
            outcome.steps.iter().filter_map(|step| self.change(step)).collect();
        if let Some(meeting) = self.number.filter(|_| !changes.is_empty()) {
            self.relay.change(meeting, changes).await.map_err(refused)?;
        }
        self.model = next;
        for notice in outcome.notices {
            self.tell(&notice);
        }
        Ok(())
    }

    fn change(&self, step: &Step) -> Option<Change> {
        let number = |person: &Name| self.seats.get(person).map(|seated| seated.number);
        Some(match step {
            Step::Move { person, room } => {
                Change::Move { participant: number(person)?, room: *self.rooms.get(room)? }
            }
            Step::HearNothing { person, room } => Change::Hear {
                participant: number(person)?,
                room: *self.rooms.get(room)?,
                kinds: Kinds::NONE,
            },
            Step::Speak { person, source, spoken } => Change::Audience {
                participant: number(person)?,
                source: *source,
                audience: (!spoken).then(Audience::default),
            },
            Step::Mute { person, source, muted } => {
                Change::Mute { participant: number(person)?, source: *source, muted: *muted }
            }
        })
    }

    fn tell(&mut self, notice: &Notice) {
        self.seq += 1;
        let event = serde_json::to_value(&notice.event).unwrap_or_default();
        let frame = notification(event, Some(self.seq));
        for person in &notice.to {
            self.send(person, frame.clone());
        }
    }

    /// Queues a frame for somebody; who is too slow is cut off.
    pub(super) fn send(&mut self, person: &Name, frame: axum::extract::ws::Utf8Bytes) {
        let connection = self.seats.get(person).and_then(|seated| seated.connection.as_ref());
        let Some(connection) = connection else { return };
        if !connection.send(frame) {
            self.slow.push(Seat { person: person.clone(), connection: connection.number });
        }
    }

    async fn call(&mut self, seat: &Seat, call: Call) -> Result<Value, RoomError> {
        let current = self.seats.get(&seat.person).and_then(|seated| seated.connection.as_ref());
        if current.is_none_or(|connection| connection.number != seat.connection) {
            return Err(RoomError::new(code::NOT_JOINED, "another connection took your place"));
        }
        let person = &seat.person;
        let mut next = self.model.clone();
        let outcome = match call {
            Call::Offer(offer) => return self.offer(person, *offer).await,
            Call::IceRestart(offer) => return self.ice_restart(person, &offer).await,
            Call::View(videos) => return self.view(person, videos).await,
            Call::List => return Ok(self.list()),
            Call::Create(ask) => return self.create(person, &ask).await,
            Call::Leave => {
                self.remove(person, "left").await;
                return Ok(json!({}));
            }
            Call::Mute { kind, muted } => next.mute(person, kind, muted),
            Call::Move { clients, room_id } => next.move_people(person, &clients, &room_id)?,
            Call::LeaveBreakout => next.leave_breakout(person)?,
            Call::ClearAll => next.clear_all(person)?,
        };
        let changed = next.revision() != self.model.revision();
        self.commit(next, outcome).await?;
        Ok(if changed { json!({"revision": self.model.revision()}) } else { json!({}) })
    }

    async fn create(&mut self, person: &Name, ask: &Create) -> Result<Value, RoomError> {
        let mut next = self.model.clone();
        let (ids, outcome) = next.create(person, ask)?;
        let meeting = self.number.ok_or_else(|| refused(Refusal::UnknownMeeting))?;
        let mut opened = Vec::with_capacity(ids.len());
        for _ in &ids {
            match self.relay.open_room(meeting).await {
                Ok(room) => opened.push(room),
                Err(refusal) => {
                    for room in opened {
                        let _ = self.relay.close_room(meeting, room).await; // nobody is in it
                    }
                    let message = format!("failed to create breakout room: {refusal:?}");
                    return Err(RoomError::new(code::NOT_CREATED, message));
                }
            }
        }
        self.rooms.extend(ids.iter().cloned().zip(opened));
        self.commit(next, outcome).await?;
        Ok(json!({"rooms": ids, "revision": self.model.revision()}))
    }

    fn list(&self) -> Value {
        json!({"rooms": self.model.rooms(), "participants": self.model.people()})
    }

    /// Takes somebody out of the meeting, with all their peers.
    pub(super) async fn remove(&mut self, person: &Name, reason: &'static str) {
        let Some(seated) = self.seats.remove(person) else { return };
        self.people.remove(&seated.number);
        let peers: Vec<PeerId> = self.peers_of(person).collect();
        for peer in peers {
            self.peers.remove(&peer);
            self.meetings.forget_peer(peer);
        }
        if let Some(meeting) = self.number {
            // Refused only if the relay has no such participant, which is what is wanted.
            let _ = self.relay.dismiss(meeting, seated.number).await;
        }
        let outcome = self.model.leave(person, reason);
        for notice in &outcome.notices {
            self.tell(notice);
        }
    }

    /// The page's connection is lost: it may come back for a while, and its peer stays.
    fn lost(&mut self, seat: &Seat) {
        let Some(seated) = self.seats.get_mut(&seat.person) else { return };
        if seated.connection.as_ref().is_none_or(|now| now.number != seat.connection) {
            return;
        }
        seated.connection = None;
        seated.grace = Some(seat.connection);
        let (inbox, seat, grace) = (self.inbox.clone(), seat.clone(), self.timing.grace);
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            if let Some(inbox) = inbox.upgrade() {
                let _ = inbox.send(Ask::GraceOver(seat)).await; // the meeting may be over
            }
        });
    }

    async fn grace_over(&mut self, seat: &Seat) {
        let Some(seated) = self.seats.get_mut(&seat.person) else { return };
        if seated.grace != Some(seat.connection) {
            return;
        }
        seated.grace = None;
        if let Some(peer) = self.page_peer(&seat.person) {
            self.end_peer(peer).await;
        }
        self.remove_if_idle(&seat.person, "lost").await;
    }

    /// Takes somebody out who has neither a connection, nor a peer, nor time to come back.
    pub(super) async fn remove_if_idle(&mut self, person: &Name, reason: &'static str) {
        let Some(seated) = self.seats.get(person) else { return };
        let idle = seated.connection.is_none() && seated.grace.is_none();
        if idle && self.peers_of(person).next().is_none() {
            self.remove(person, reason).await;
        }
    }

    pub(super) fn peers_of<'a>(&'a self, person: &'a Name) -> impl Iterator<Item = PeerId> + 'a {
        let own = self.peers.iter().filter(move |(_, record)| record.person == *person);
        own.map(|(peer, _)| *peer)
    }

    pub(super) async fn end_peer(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
        self.meetings.forget_peer(peer);
        let _ = self.relay.remove_peer(peer).await; // it may have ended by itself
    }

    /// Notes a new peer, and takes in what the relay told of it already.
    pub(super) fn register_peer(&mut self, peer: PeerId, record: PeerRecord) {
        let guest = record.purpose != Purpose::Page;
        self.peers.insert(peer, record);
        let Some(inbox) = self.inbox.upgrade() else { return };
        for event in self.meetings.register_peer(peer, guest, &inbox) {
            // Behind the answer that is being written now. A full inbox loses a state that comes
            // again.
            let _ = inbox.try_send(Ask::Relay(event));
        }
    }
}

/// Whose tracks somebody may have.
fn received(identity: &Identity) -> Roles {
    if identity.subscribes { Roles::ALL } else { Roles(0) }
}

/// The relay's refusal as an error of ours.
pub(super) fn refused(refusal: Refusal) -> RoomError {
    match refusal {
        Refusal::Stopped => RoomError::new(code::STOPPING, "the relay has stopped"),
        Refusal::TooManyLines => {
            RoomError::invalid("sdp", "the relay takes no peer with so many m-lines")
        }
        other => RoomError::new(code::RELAY, format!("the relay refused: {other:?}")),
    }
}

impl Actor {
    /// Tells somebody a state: no `seq`, the next one replaces it.
    pub(super) fn tell_state(&mut self, person: &Name, method: &str, params: Value) {
        let frame = notification(json!({"method": method, "params": params}), None);
        self.send(person, frame);
    }

    /// Everybody who can be told something now.
    pub(super) fn connected(&self) -> Vec<Name> {
        let connected = self.seats.iter().filter(|(_, seated)| seated.connection.is_some());
        connected.map(|(name, _)| name.clone()).collect()
    }
}
