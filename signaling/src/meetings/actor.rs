//! The task of one meeting: asks in, one after the other; the relay and the people told.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ringfence::control::api::Refusal;
use ringfence::control::handle::RelayHandle;
use ringfence::route::id::{MeetingId, ParticipantId, PeerId, RoomId};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::ask::{Ask, Call, Seat};
use super::connection::{Connection, Pace};
use super::counts::Counts;
use super::directory::{Meetings, Timing};
use super::held::{OPEN_MAX, Outbox};
use super::peers::PeerRecord;
use super::snapshot::Joining;
use super::speaking::Speaking;
use super::told::Told;
use super::watched::Watched;
use super::wire::{Answer, as_answer, event_frame, notification};
use crate::access::Identity;
use crate::rooms::{By, Enter, MAIN, Meeting, Millis, Name, Request, RoleName, RoomError, code};
use crate::sdp::Purpose;
use crate::store::{Journal, KeptEvent, Numbers};
use crate::tokens::unix_now_ms;

/// After how long the relay is asked again for a meeting that was restored.
const REVIVE_AGAIN: Duration = Duration::from_secs(1);
/// After how long a timer is tried again that the relay refused.
const TICK_AGAIN_MS: u64 = 1_000;

/// Somebody in the meeting, as the relay and the network know them.
pub(super) struct Seated {
    pub number: ParticipantId,
    /// Their WebSocket; `None`: only WHIP or WHEP, or lost a moment ago.
    pub connection: Option<Connection>,
    /// What they were told last, for a page that comes back.
    pub told: Told,
    /// Until when a lost page may come back: the number of the connection it lost.
    pub grace: Option<u64>,
    /// Their peers. See [`Actor::register_peer`].
    pub peers: Vec<PeerId>,
}

/// One meeting at work.
pub(super) struct Actor {
    name: Name,
    pub(super) meetings: Meetings,
    timing: Timing,
    /// Weak, so that the task ends when nobody else asks.
    inbox: mpsc::WeakSender<Ask>,
    pub(super) relay: RelayHandle,
    pub(super) number: Option<MeetingId>,
    pub(super) rooms: HashMap<Name, RoomId>,
    pub(super) model: Meeting,
    pub(super) seats: HashMap<Name, Seated>,
    pub(super) people: HashMap<ParticipantId, Name>,
    pub(super) peers: HashMap<PeerId, PeerRecord>,
    pub(super) seq: u64,
    /// Number of the last webhook of this life of the meeting, and its name.
    pub(super) told_outside: (u64, u64),
    pub(super) journal: Journal,
    /// What waits until it is saved.
    pub(super) outbox: Outbox,
    /// Whether the store has the meeting.
    pub(super) on_file: bool,
    /// After a restart, until the relay knows the people: after which event each came, and events.
    pub(super) restored: Option<(BTreeMap<Name, u64>, BTreeMap<u64, KeptEvent>)>,
    /// People whose queue was full: to be treated as lost.
    pub(super) slow: Vec<Seat>,
    /// Who joins just now, with their connection: what they are told on joining goes there.
    pub(super) arriving: Option<(Name, Connection)>,
    /// How many people are in which room.
    pub(super) counts: Counts,
    /// Whose pictures anybody is shown.
    pub(super) watched: Watched,
    /// Who speaks.
    pub(super) speaking: Speaking,
    /// After the relay refused a timer: when to try again, in milliseconds since 1970.
    not_before: u64,
}

impl Actor {
    pub(super) fn new(
        name: Name,
        meetings: Meetings,
        model: Meeting,
        timing: Timing,
        inbox: &mpsc::Sender<Ask>,
    ) -> Actor {
        Actor {
            journal: Journal::new(meetings.store().cloned(), name.clone()),
            name,
            timing,
            relay: meetings.relay().clone(),
            meetings,
            inbox: inbox.downgrade(),
            number: None,
            rooms: HashMap::new(),
            model,
            seats: HashMap::new(),
            people: HashMap::new(),
            peers: HashMap::new(),
            seq: 0,
            told_outside: (0, 0),
            outbox: Outbox::default(),
            on_file: false,
            restored: None,
            slow: Vec::new(),
            arriving: None,
            counts: Counts::default(),
            watched: Watched::default(),
            speaking: Speaking::default(),
            not_before: 0,
        }
    }

    /// Answers asks until everybody has left; if the meeting was made ahead, until it is ended. The
    /// relay hears of it when somebody comes.
    pub(super) async fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        while !self.revive().await {
            tokio::time::sleep(REVIVE_AGAIN).await;
        }
        loop {
            let due = self.due();
            let free = self.journal.open() < OPEN_MAX && self.outbox.has_room();
            tokio::select! {
                ask = asks.recv(), if free => match ask {
                    Some(ask) => self.answer(ask).await,
                    None => break,
                },
                () = sleep_until(due), if free => {
                    self.tick().await;
                }
                () = self.journal.progressed() => {}
            }
            self.release();
            while let Some(seat) = self.slow.pop() {
                self.lost(&seat);
            }
            if self.model.is_empty() {
                self.close().await;
                if !self.model.is_kept() {
                    break;
                }
            }
        }
        if self.on_file {
            self.journal.forget(Vec::new());
        }
        if let Some(inbox) = self.inbox.upgrade() {
            self.meetings.forget(&self.name, &inbox);
        }
        drop(asks); // what is asked from now on is asked of a new meeting of this name
        while self.journal.open() > 0 {
            self.journal.progressed().await;
        }
        self.release();
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// Numbers that go on after a restart.
    pub(super) fn numbers(&self) -> Numbers {
        let (hooks, life) = self.told_outside;
        Numbers { seq: self.seq, hooks, life }
    }

    /// The relay has a meeting from now on.
    pub(super) async fn open(&mut self) -> Result<(), Refusal> {
        let (number, main) = self.relay.open_meeting().await?;
        self.number = Some(number);
        self.rooms.insert(MAIN.into(), main);
        if let Some(inbox) = self.inbox.upgrade() {
            self.meetings.register(number, &inbox);
        }
        tracing::info!(meeting = %self.name, "meeting open");
        Ok(())
    }

    /// The relay has nothing of the meeting any more.
    pub(super) async fn close(&mut self) {
        let Some(number) = self.number.take() else { return };
        self.rooms.clear();
        self.speaking = Speaking::default();
        self.meetings.unregister(number);
        let _ = self.relay.close_meeting(number).await; // if it is gone, so much the better
        tracing::info!(meeting = %self.name, "nobody is here any more");
    }

    async fn answer(&mut self, ask: Ask) {
        let before = self.journal.ticket();
        match ask {
            Ask::Join { identity, connection, resume, reply } => {
                let joined = self.join(&identity, connection, resume).await;
                self.respond(reply, joined, before);
            }
            Ask::Call(seat, call, reply) => {
                let answer = self.call(&seat, call).await;
                self.respond(reply, answer, before);
            }
            Ask::Lost(seat) => self.lost(&seat),
            Ask::GraceOver(seat) => self.grace_over(&seat).await,
            Ask::Attach(attach, reply) => {
                let attached = self.attach(*attach).await;
                self.respond(reply, attached, before);
            }
            Ask::Session { session, purpose, by, call, reply } => {
                let answer = self.session(&session, purpose, by.as_deref(), call).await;
                self.respond(reply, answer, before);
            }
            Ask::Relay(event) => self.relay_event(event).await,
            Ask::Server { request, revision, reply } => {
                let served = self.serve(*request, revision).await;
                self.respond(reply, served, before);
            }
            Ask::Look(reply) => {
                let model = self.model.clone();
                self.respond(reply, Ok(model), before);
            }
            Ask::Made(reply) => {
                let parts = self.rows_to(&self.model);
                self.publish(parts, Vec::new(), Vec::new());
                self.respond(reply, Ok(()), before);
            }
        }
    }

    /// The server itself asks.
    async fn serve(
        &mut self,
        request: Request,
        revision: Option<u64>,
    ) -> Result<crate::rooms::Reply, RoomError> {
        self.model.expect_revision(revision)?;
        self.execute(&By::Server, request).await
    }

    async fn join(
        &mut self,
        identity: &Identity,
        connection: Connection,
        resume: Option<u64>,
    ) -> Result<(Name, Answer), RoomError> {
        let person = match identity.id.as_deref() {
            Some(id) => Name::from(id),
            None => Name::from(format!("p-{:08x}", rand::random::<u32>())),
        };
        let before = self.model.person(&person).map(|before| before.token_role.clone());
        let role = match identity.role.as_deref() {
            Some(role) => RoleName::new(role),
            None => match before {
                Some(before) => before,
                None if identity.development && self.model.managers().is_empty() => {
                    RoleName::host()
                }
                None => RoleName::participant(),
            },
        };
        let known = resume.filter(|last| *last <= self.seq); // else of another life of the meeting
        let missed = known.and_then(|last| self.seats.get(&person)?.told.since(last));
        self.arriving = Some((person.clone(), connection.clone()));
        let entered = self.enter(&person, identity, role, None).await;
        self.arriving = None;
        entered?;
        let resumed = self.page_peer(&person).is_some();
        let number = connection.number;
        if let Some(seat) = self.seats.get_mut(&person) {
            seat.grace = None;
            self.watched.anew(seat.number);
            let old = seat.connection.replace(connection).filter(|old| old.number != number);
            if let Some(old) = old {
                let event = json!({"method": "reconnect", "params": {"reason": "replaced"}});
                old.send(notification(event, None), Pace::Now);
            }
        }
        for frame in missed.iter().flatten() {
            self.send(&person, frame.clone(), Pace::Now);
        }
        if resumed {
            self.tell_slots(&person);
        }
        if resume.is_some() {
            self.speaking.anew(number);
            for timer in self.model.timers_for(&person, Millis(unix_now_ms())) {
                self.send(&person, event_frame(&timer, None), Pace::Now);
            }
        }
        // Without the events in between, the answer is the snapshot.
        let how = if missed.is_some() { "events" } else { "snapshot" };
        let joining = Joining { resumed, resume: resume.map(|_| how) };
        let result = self.joined(&person, &joining);
        Ok((person, result))
    }

    /// Somebody joins, or joins again with what may be another token.
    pub(super) async fn enter(
        &mut self,
        person: &Name,
        identity: &Identity,
        role: RoleName,
        room: Option<Name>,
    ) -> Result<(), RoomError> {
        let attributes = identity.attributes.iter();
        let attributes = attributes.map(|(k, v)| (k.as_str().into(), v.as_str().into()));
        let enter = Enter {
            id: person.clone(),
            name: identity.name.as_deref().map(Name::from),
            email: identity.email.as_deref().map(Name::from),
            attributes: attributes.collect(),
            role,
            publishes: identity.publishes,
            subscribes: identity.subscribes,
            issued: identity.issued,
            room,
        };
        self.execute(&By::Server, Request::Enter(enter)).await.map(|_| ())
    }

    async fn call(&mut self, seat: &Seat, call: Call) -> Result<Answer, RoomError> {
        let current = self.seats.get(&seat.person).and_then(|seated| seated.connection.as_ref());
        if current.is_none_or(|connection| connection.number != seat.connection) {
            return Err(RoomError::new(code::NOT_JOINED, "another connection took your place"));
        }
        let person = &seat.person;
        match call {
            Call::Offer(offer) => self.offer(person, *offer).await,
            Call::IceRestart(offer) => self.ice_restart(person, &offer).await,
            Call::View(videos) => self.view(person, videos).await,
            Call::List => Ok(self.list(person)),
            Call::Leave => {
                self.remove(person, "left").await;
                Ok(as_answer(&json!({})))
            }
            Call::Engine { request, revision } => {
                self.model.expect_revision(revision)?;
                let reply = self.execute(&By::Person(person.clone()), *request).await?;
                Ok(as_answer(&reply))
            }
        }
    }

    /// Takes somebody out of the meeting, with all their peers.
    pub(super) async fn remove(&mut self, person: &Name, reason: &'static str) {
        if self.seats.contains_key(person) {
            self.depart(person, reason).await;
        }
    }

    /// When there is something to do that nobody asks for.
    fn due(&self) -> Option<tokio::time::Instant> {
        let left = |time: u64| Duration::from_millis(time.saturating_sub(unix_now_ms()));
        let timer = self.deadline().map(|time| tokio::time::Instant::now() + left(time));
        let states = [self.counts.due(), self.watched.due(), self.speaking.due()];
        timer.into_iter().chain(states.into_iter().flatten()).min()
    }

    /// When the engine has, in milliseconds since 1970.
    fn deadline(&self) -> Option<u64> {
        Some(self.model.deadline()?.0.max(self.not_before))
    }

    async fn tick(&mut self) {
        self.tell_counts();
        self.tell_layers();
        self.tell_speaking();
        if self.deadline().is_none_or(|time| time > unix_now_ms()) {
            return;
        }
        if let Err(error) = self.execute(&By::Server, Request::Tick).await {
            tracing::warn!(meeting = %self.name, %error.message, "a timer is not carried out");
            self.not_before = unix_now_ms() + TICK_AGAIN_MS;
        }
    }

    /// The page's connection is lost: it may come back for a while, and its peer stays.
    fn lost(&mut self, seat: &Seat) {
        let Some(seated) = self.seats.get_mut(&seat.person) else { return };
        if seated.connection.as_ref().is_none_or(|now| now.number != seat.connection) {
            return;
        }
        seated.connection = None;
        self.may_come_back(seat);
    }

    /// Somebody has a while to come back.
    pub(super) fn may_come_back(&mut self, seat: &Seat) {
        let Some(seated) = self.seats.get_mut(&seat.person) else { return };
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
        self.seats.get(person).into_iter().flat_map(|seated| seated.peers.iter().copied())
    }

    pub(super) async fn end_peer(&mut self, peer: PeerId) {
        self.drop_peer(peer);
        let _ = self.relay.remove_peer(peer).await; // it may have ended by itself
    }

    /// Forgets a peer that the relay ends, or has ended.
    pub(super) fn drop_peer(&mut self, peer: PeerId) {
        if let Some(record) = self.peers.remove(&peer) {
            self.watched.seated(&[], &record.slots);
            if let Some(seated) = self.seats.get_mut(&record.person) {
                seated.peers.retain(|other| *other != peer);
            }
        }
        self.meetings.forget_peer(peer);
    }

    /// Notes a new peer, and takes in what the relay told of it already.
    pub(super) fn register_peer(&mut self, peer: PeerId, record: PeerRecord) {
        let guest = record.purpose != Purpose::Page;
        if let Some(seated) = self.seats.get_mut(&record.person) {
            seated.peers.push(peer);
        }
        self.peers.insert(peer, record);
        let Some(inbox) = self.inbox.upgrade() else { return };
        for event in self.meetings.register_peer(peer, guest, &inbox) {
            // Behind the answer that is being written now. A full inbox loses a state that comes
            // again.
            let _ = inbox.try_send(Ask::Relay(event));
        }
    }
}

/// Waits until then; for ever without a time.
async fn sleep_until(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
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
    pub(super) fn tell_state(&mut self, person: &Name, state: &'static str, params: Value) {
        let frame = notification(json!({"method": state, "params": params}), None);
        self.send_state(person, state, frame);
    }
}
