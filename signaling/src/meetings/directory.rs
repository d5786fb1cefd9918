//! Meetings by name, and the way of the relay's events to them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringfence::control::api::RelayEvent;
use ringfence::control::handle::RelayHandle;
use ringfence::route::id::{MeetingId, PeerId};
use tokio::sync::{mpsc, oneshot};

use super::actor::Actor;
use super::ask::{Ask, Attach, Attached, Call, Reply, Seat, SessionCall, SessionReply};
use super::connection::Connection;
use super::wire::Answer;
use crate::access::Identity;
use crate::rooms::{Meeting, Name, RoomError, code};
use crate::sdp::Purpose;
use crate::store::{Saved, Store};
use crate::webhooks::Webhooks;

/// Requests that wait for a meeting; who asks more waits.
const INBOX: usize = 1_024;
/// Most meetings at a time, unless the operator says otherwise: each is a task and a model, also
/// without people.
pub const MEETINGS_MAX: usize = 10_000;
/// Events kept for peers whose `add_peer` is not answered yet.
const EARLY_MAX: usize = 1_024;

/// How long things may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// How long a participant whose WebSocket is lost stays.
    pub grace: Duration,
}

impl Default for Timing {
    fn default() -> Timing {
        Timing { grace: Duration::from_secs(15) }
    }
}

/// What outlives the process. By default nothing.
#[derive(Clone, Debug, Default)]
pub struct Keeping {
    /// Where meetings are kept.
    pub store: Option<Store>,
    /// Who is told what happens.
    pub webhooks: Option<Webhooks>,
}

/// All meetings.
#[derive(Clone)]
pub struct Meetings(Arc<Shared>);

/// A connected page, for [`Meetings::live`].
#[derive(Debug)]
pub struct LivePage(Arc<AtomicUsize>);

impl Drop for LivePage {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Shared {
    relay: RelayHandle,
    /// What a new meeting is like.
    fresh: Meeting,
    timing: Timing,
    keeping: Keeping,
    /// For good: the process ends (SIGTERM).
    stopping: AtomicBool,
    /// Until an operator says otherwise.
    draining: AtomicBool,
    pages: Arc<AtomicUsize>,
    /// Most meetings at a time.
    most: AtomicUsize,
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    by_name: HashMap<Name, mpsc::Sender<Ask>>,
    by_number: HashMap<MeetingId, mpsc::Sender<Ask>>,
    by_peer: HashMap<PeerId, mpsc::Sender<Ask>>,
    /// Peers of WHIP and WHEP clients.
    guests: HashSet<PeerId>,
    /// Events that came before the answer of `add_peer` was read.
    early: VecDeque<(PeerId, RelayEvent)>,
}

impl Meetings {
    /// No meetings yet; each begins as `fresh`.
    pub fn new(relay: RelayHandle, fresh: Meeting, timing: Timing) -> Meetings {
        Meetings::keeping(relay, fresh, timing, Keeping::default())
    }

    /// The same, with something that outlives the process.
    pub fn keeping(
        relay: RelayHandle,
        fresh: Meeting,
        timing: Timing,
        keeping: Keeping,
    ) -> Meetings {
        Meetings(Arc::new(Shared {
            relay,
            fresh,
            timing,
            keeping,
            stopping: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            pages: Arc::default(),
            most: AtomicUsize::new(MEETINGS_MAX),
            tables: Mutex::default(),
        }))
    }

    /// Another number of meetings at a time than [`MEETINGS_MAX`]. Those that are there stay.
    pub fn at_most(&self, meetings: usize) {
        self.0.most.store(meetings, Ordering::Relaxed);
    }

    /// Takes meetings up where they were. Before anybody is let in.
    pub fn restore(&self, meetings: Vec<Saved>) {
        for saved in meetings {
            let name = saved.name.clone();
            self.start(&name, |actor| actor.restore(saved));
        }
    }

    /// The store, if there is one.
    pub fn store(&self) -> Option<&Store> {
        self.0.keeping.store.as_ref()
    }

    /// Who is told what happens, if somebody is.
    pub(super) fn webhooks(&self) -> Option<&Webhooks> {
        self.0.keeping.webhooks.as_ref()
    }

    /// Whether anybody outside is told what happens.
    pub fn has_webhooks(&self) -> bool {
        self.webhooks().is_some()
    }

    /// Webhooks that are not delivered yet.
    pub fn undelivered(&self) -> usize {
        self.webhooks().map_or(0, Webhooks::pending)
    }

    /// Lets nobody in any more, for good.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    /// Lets nobody in until it is said otherwise. Nothing of this lifts [`Meetings::stop`].
    pub fn drain(&self, draining: bool) {
        self.0.draining.store(draining, Ordering::Relaxed);
    }

    /// Whether the process ends.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Relaxed)
    }

    /// Whether an operator wants nobody let in.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Whether somebody may come in, and a meeting begin.
    ///
    /// # Errors
    /// `STOPPING`, with what will be of it.
    pub fn admits(&self) -> Result<(), RoomError> {
        let why = match (self.is_stopping(), self.is_draining()) {
            (true, _) => "the server is stopping",
            (_, true) => {
                "the server is draining: who is here stays, nobody new is let in; \
                          try another server, or again later"
            }
            _ => return Ok(()),
        };
        Err(RoomError::new(code::STOPPING, why))
    }

    /// The same, of a page: while draining, who is in the meeting may come back to it on another
    /// connection.
    async fn admits_back(&self, meeting: &str, id: Option<&str>) -> Result<(), RoomError> {
        let refused = match self.admits() {
            Err(error) if !self.is_stopping() => error,
            decided => return decided,
        };
        let Some(id) = id else { return Err(refused) };
        match self.look(meeting).await {
            Ok(model) if model.person(id).is_some() => Ok(()),
            _ => Err(refused),
        }
    }

    /// How many clients are here: pages that joined and are connected, WHIP and WHEP sessions. Who
    /// lost the connection and may come back is not counted.
    pub fn live(&self) -> usize {
        self.0.pages.load(Ordering::Relaxed) + self.tables(|tables| tables.guests.len())
    }

    /// Counts a page as live for as long as the value is held.
    pub fn page_is_live(&self) -> LivePage {
        self.0.pages.fetch_add(1, Ordering::Relaxed);
        LivePage(self.0.pages.clone())
    }

    /// The relay.
    pub fn relay(&self) -> &RelayHandle {
        &self.0.relay
    }

    /// A page joins; the meeting comes into being if it may. `resume`: it knows events up to this
    /// number. Returns its seat and the result of `join`.
    ///
    /// # Errors
    /// What `join` is answered.
    pub async fn join(
        &self,
        meeting: &str,
        identity: &Identity,
        connection: &Connection,
        resume: Option<u64>,
    ) -> Result<(Seat, Answer), RoomError> {
        let ask = |reply| {
            let (identity, connection) = (Box::new(identity.clone()), connection.clone());
            Ask::Join { identity, connection, resume, reply }
        };
        self.admits_back(meeting, identity.id.as_deref()).await?;
        let (person, result) = self.enter(meeting, identity.creates, ask).await?;
        Ok((Seat { person, connection: connection.number }, result))
    }

    /// A WHIP or WHEP client comes. Only a publisher brings a meeting into being.
    ///
    /// # Errors
    /// `NOT_FOUND` without such a meeting, and what the meeting says.
    pub async fn attach(&self, meeting: &str, attach: Attach) -> Result<Attached, RoomError> {
        let creates = attach.identity.creates && attach.purpose == Purpose::Whip;
        let ask = |reply| Ask::Attach(Box::new(attach.clone()), reply);
        self.admits()?;
        self.enter(meeting, creates, ask).await
    }

    /// A method of somebody who joined.
    ///
    /// # Errors
    /// What the method is answered.
    pub async fn call(&self, meeting: &str, seat: &Seat, call: Call) -> Result<Answer, RoomError> {
        let inbox = self.find(meeting).ok_or_else(gone)?;
        ask(&inbox, |reply| Ask::Call(seat.clone(), call, reply))
            .await
            .unwrap_or_else(|| Err(gone()))
    }

    /// A connection is lost.
    pub async fn lost(&self, meeting: &str, seat: Seat) {
        if let Some(inbox) = self.find(meeting) {
            let _ = inbox.send(Ask::Lost(seat)).await; // the meeting may be over: all the better
        }
    }

    /// Something for a WHIP or WHEP session. `by`: who asks, if known.
    ///
    /// # Errors
    /// `NOT_FOUND`, `FORBIDDEN`, or what the relay says.
    pub async fn session(
        &self,
        meeting: &str,
        session: &str,
        purpose: Purpose,
        by: Option<String>,
        call: SessionCall,
    ) -> Result<SessionReply, RoomError> {
        let unknown = || RoomError::new(code::NOT_FOUND, "there is no such session");
        let inbox = self.find(meeting).ok_or_else(unknown)?;
        let session = session.to_owned();
        ask(&inbox, |reply| Ask::Session { session, purpose, by, call, reply })
            .await
            .unwrap_or_else(|| Err(unknown()))
    }

    /// Hands the relay's events to the meetings they belong to, until the relay ends.
    pub async fn route(self, mut events: mpsc::Receiver<RelayEvent>) {
        while let Some(event) = events.recv().await {
            let inbox = self.tables(|tables| tables.inbox_of(&event));
            if let Some(inbox) = inbox {
                let _ = inbox.send(Ask::Relay(event)).await; // the meeting may be over
            }
        }
    }

    async fn enter<T>(
        &self,
        meeting: &str,
        creates: bool,
        mut make: impl FnMut(Reply<T>) -> Ask,
    ) -> Result<T, RoomError> {
        // A meeting may end between finding it and asking it; then it is opened anew.
        for _ in 0..3 {
            let inbox = match self.find(meeting) {
                Some(inbox) => inbox,
                None if creates => self.open(meeting, self.fresh())?.0,
                None => {
                    let message = format!("there is no meeting \"{meeting}\"");
                    return Err(RoomError::field(code::NOT_FOUND, "meeting", message));
                }
            };
            if let Some(answer) = ask(&inbox, &mut make).await {
                return answer;
            }
        }
        Err(RoomError::new(code::RELAY, "the meeting could not be opened"))
    }

    pub(super) fn find(&self, meeting: &str) -> Option<mpsc::Sender<Ask>> {
        let found = self.tables(|tables| tables.by_name.get(meeting).cloned());
        found.filter(|inbox| !inbox.is_closed())
    }

    /// The meeting of this name, and whether it is a new one.
    ///
    /// # Errors
    /// `TOO_MANY`.
    pub(super) fn open(
        &self,
        meeting: &str,
        model: Meeting,
    ) -> Result<(mpsc::Sender<Ask>, bool), RoomError> {
        let most = self.0.most.load(Ordering::Relaxed);
        // Who comes at the same time as others may be one too many: it is a bound, not a count.
        if self.find(meeting).is_none() && self.tables(|tables| tables.by_name.len()) >= most {
            let message = format!(
                "there are {most} meetings, the most that this server takes (--meetings); end one"
            );
            return Err(RoomError::field(code::TOO_MANY, "meeting", message));
        }
        Ok(self.start(&meeting.into(), |actor| actor.model = model))
    }

    fn start(&self, name: &Name, set_up: impl FnOnce(&mut Actor)) -> (mpsc::Sender<Ask>, bool) {
        self.tables(|tables| {
            if let Some(inbox) = tables.by_name.get(name).filter(|inbox| !inbox.is_closed()) {
                return (inbox.clone(), false); // somebody else was faster
            }
            let (inbox, asks) = mpsc::channel(INBOX);
            tables.by_name.insert(name.clone(), inbox.clone());
            let mut actor =
                Actor::new(name.clone(), self.clone(), self.fresh(), self.0.timing, &inbox);
            set_up(&mut actor);
            tokio::spawn(actor.run(asks));
            (inbox, true)
        })
    }

    /// The names of all meetings, in their order.
    pub fn names(&self) -> Vec<Name> {
        let mut names: Vec<Name> = self.tables(|tables| tables.by_name.keys().cloned().collect());
        names.sort_unstable();
        names
    }

    /// What a new meeting is like, unless somebody says otherwise.
    pub fn fresh(&self) -> Meeting {
        self.0.fresh.clone()
    }

    /// The relay knows the meeting by this number now.
    pub(super) fn register(&self, number: MeetingId, inbox: &mpsc::Sender<Ask>) {
        self.tables(|tables| tables.by_number.insert(number, inbox.clone()));
    }

    /// The relay knows a peer of the meeting by this number now. Returns what it told of it
    /// already.
    pub(super) fn register_peer(
        &self,
        peer: PeerId,
        guest: bool,
        inbox: &mpsc::Sender<Ask>,
    ) -> Vec<RelayEvent> {
        self.tables(|tables| {
            if guest {
                tables.guests.insert(peer);
            }
            tables.by_peer.insert(peer, inbox.clone());
            let mut early = Vec::new();
            tables.early.retain(|(of, event)| {
                if *of == peer {
                    early.push(event.clone());
                }
                *of != peer
            });
            early
        })
    }

    pub(super) fn forget_peer(&self, peer: PeerId) {
        self.tables(|tables| {
            tables.guests.remove(&peer);
            tables.by_peer.remove(&peer)
        });
    }

    /// The relay knows no meeting by this number any more.
    pub(super) fn unregister(&self, number: MeetingId) {
        self.tables(|tables| tables.by_number.remove(&number));
    }

    /// The meeting is over.
    pub(super) fn forget(&self, name: &str, inbox: &mpsc::Sender<Ask>) {
        self.tables(|tables| {
            if tables.by_name.get(name).is_some_and(|other| other.same_channel(inbox)) {
                tables.by_name.remove(name);
            }
        });
    }

    fn tables<T>(&self, act: impl FnOnce(&mut Tables) -> T) -> T {
        // Nothing in here panics half-way, so a poisoned table is as good as another.
        act(&mut self.0.tables.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tables {
    fn inbox_of(&mut self, event: &RelayEvent) -> Option<mpsc::Sender<Ask>> {
        let peer = match event {
            RelayEvent::PeerConnected(peer)
            | RelayEvent::PeerGone(peer, _)
            | RelayEvent::Slots { peer, .. } => *peer,
            RelayEvent::Speaking { meeting, .. } => return self.by_number.get(meeting).cloned(),
        };
        if let Some(inbox) = self.by_peer.get(&peer) {
            return Some(inbox.clone());
        }
        if self.early.len() == EARLY_MAX {
            self.early.pop_front();
        }
        self.early.push_back((peer, event.clone()));
        None
    }
}

/// `None`: the meeting ended without an answer.
pub(super) async fn ask<T>(
    inbox: &mpsc::Sender<Ask>,
    make: impl FnOnce(Reply<T>) -> Ask,
) -> Option<Result<T, RoomError>> {
    let (reply, answer) = oneshot::channel();
    inbox.send(make(reply)).await.ok()?;
    answer.await.ok()
}

fn gone() -> RoomError {
    RoomError::new(code::NOT_JOINED, "the meeting is over; join anew")
}
