//! Where requests and reports meet the model: the pure part of control, without threads or a clock.
//!
//! It owns every meeting's truth and epochs and speaks to shards through [`ShardPort`]s. A driver
//! (`relay`, or a simulation) calls [`Coordinator::handle`] with requests, [`Coordinator::report`]
//! with what shards report (or [`Coordinator::collect`], which asks the ports), and takes
//! [`Coordinator::poll_event`]. What requests do to meetings is in `meetings`, to peers in `peers`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use foldhash::fast::FixedState;

use super::api::{Refusal, RelayEvent};
use super::epochs::{Epochs, Step};
use super::events::Events;
use super::model::Meeting;
use super::names::Names;
use super::placement::{Policy, together};
use super::port::{Lane, ShardIndex, ShardPort};
use super::request::{RelayStats, Reply, Request, ShardStats, Wanted};
use super::revival::{Revival, Revive};
use super::speaking::Speaking;
use crate::crypto::Random;
use crate::route::id::{MeetingId, ParticipantId, PeerId, Source, TrackId};
use crate::shard::command::{Command, Gone, Report};
use crate::shard::histogram::{Histogram, Scale, scale};
use crate::transport::Certificate;
use crate::wire::number::Ssrc;

/// How long changes take, in microseconds.
static CHANGES: Scale =
    scale!("change_us", 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 500000);

/// Who waits for a change to be in force.
#[derive(Debug)]
pub(super) struct Waiter {
    reply: Reply<()>,
    /// When it was accepted, if that is measured.
    asked: Option<Instant>,
}

impl From<Reply<()>> for Waiter {
    fn from(reply: Reply<()>) -> Self {
        Self { reply, asked: None }
    }
}

impl Waiter {
    pub(super) fn refuse(self, refusal: Refusal) {
        answer(self.reply, Err(refusal));
    }
}

/// One meeting, and what is under way for it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) model: Meeting,
    pub(super) epochs: Epochs<Waiter>,
    /// The model may say something else than the latest tables.
    pub(super) changed: bool,
    /// It ends when nothing is under way any more.
    pub(super) closing: bool,
    /// Shards that have a table of it.
    pub(super) known_to: BTreeSet<ShardIndex>,
    /// SSRCs of all slots.
    pub(super) ssrcs: HashSet<Ssrc>,
    /// What each peer wants to see.
    pub(super) wishes: BTreeMap<PeerId, Vec<Wanted>>,
    /// Peers whose wishes are sent anew behind the tables of the next pair.
    pub(super) views_due: BTreeSet<PeerId>,
    /// The same of the pair under way.
    pub(super) views_now: BTreeSet<PeerId>,
    /// Who speaks, by what its shards report.
    pub(super) speaking: Speaking,
}

impl Entry {
    pub(super) fn new(model: Meeting) -> Self {
        Self {
            epochs: Epochs::new(model.id(), model.main()),
            model,
            changed: false,
            closing: false,
            known_to: BTreeSet::new(),
            ssrcs: HashSet::new(),
            wishes: BTreeMap::new(),
            views_due: BTreeSet::new(),
            views_now: BTreeSet::new(),
            speaking: Speaking::default(),
        }
    }
}

/// What is known of a peer of whichever meeting.
#[derive(Debug)]
pub(super) struct PeerEntry {
    pub(super) meeting: MeetingId,
    pub(super) shard: ShardIndex,
    /// All it ever had: its shard may know it by any of them.
    pub(super) ufrags: Vec<Arc<str>>,
    /// Of its slots.
    pub(super) ssrcs: Vec<Ssrc>,
}

/// Everything control knows. `P` is how it reaches a shard.
#[derive(Debug)]
pub struct Coordinator<P> {
    pub(super) lanes: Vec<Lane<P>>,
    pub(super) place: Policy,
    pub(super) certificate: Arc<Certificate>,
    pub(super) names: Names,
    pub(super) meetings: BTreeMap<MeetingId, Entry>,
    // Ids are given out here: no hash needs a secret.
    pub(super) peers: HashMap<PeerId, PeerEntry, FixedState>,
    pub(super) sources: HashMap<TrackId, (ParticipantId, Source), FixedState>,
    pub(super) events: Events,
    /// Shards whose end has been dealt with.
    buried: BTreeSet<ShardIndex>,
    /// Who starts them again, if somebody does.
    revival: Option<Revival<P>>,
    /// The time, if somebody tells it.
    pub(super) now: Option<Instant>,
    changes: Histogram,
}

/// Answers a request; whoever asked may have gone.
pub(super) fn answer<T>(reply: Reply<T>, result: Result<T, Refusal>) {
    let _ = reply.send(result);
}

impl<P: ShardPort> Coordinator<P> {
    /// A relay of these shards, with nobody in it. `random` makes SSRCs and ICE credentials: but
    /// for tests it is seeded by the operating system.
    pub fn new(ports: Vec<P>, certificate: Arc<Certificate>, random: Random) -> Self {
        Self {
            lanes: ports.into_iter().map(Lane::new).collect(),
            place: together,
            certificate,
            names: Names::new(random),
            meetings: BTreeMap::new(),
            peers: HashMap::default(),
            sources: HashMap::default(),
            events: Events::default(),
            buried: BTreeSet::new(),
            revival: None,
            now: None,
            changes: Histogram::new(&CHANGES),
        }
    }

    /// The same with another placement.
    pub fn with_placement(mut self, place: Policy) -> Self {
        self.place = place;
        self
    }

    /// The same with shards that are started again when they end.
    pub fn with_revival(mut self, revive: Revive<P>) -> Self {
        self.revival = Some(Revival::new(revive));
        self
    }

    /// What time it is: once a turn of whoever drives this, which owns the clock. It is used to
    /// measure, and to start shards again.
    pub fn tell_time(&mut self, now: Instant) {
        self.now = Some(now);
        self.lanes.iter_mut().for_each(|lane| lane.tell_time(now));
    }

    /// The next event for signaling.
    pub fn poll_event(&mut self) -> Option<RelayEvent> {
        self.events.pop()
    }

    /// Whether there is an event for signaling.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether requests should wait, because commands do for a shard that takes them.
    pub fn is_crowded(&self) -> bool {
        self.lanes.iter().any(|lane| lane.is_crowded() && !lane.is_stalled())
    }

    /// Whether a command waits for a shard, so that [`Coordinator::collect`] should be called again
    /// soon.
    pub fn has_backlog(&self) -> bool {
        self.lanes.iter().any(|lane| lane.backlog() > 0)
    }

    /// The ports, in the order of the shards.
    pub fn ports_mut(&mut self) -> impl Iterator<Item = &mut P> {
        self.lanes.iter_mut().map(|lane| &mut lane.port)
    }

    /// Takes the reports of all ports, hands over what waits for them, and notices shards that
    /// ended.
    pub fn collect(&mut self) {
        for index in 0..self.lanes.len() {
            while let Some(report) = self.lanes[index].port.poll_report() {
                self.report(ShardIndex(index), report);
            }
            self.lanes[index].flush();
            if self.lanes[index].is_ended() {
                self.shard_ended(ShardIndex(index));
            }
        }
    }

    /// A request. It is answered at once, or when what it asks for is in force.
    pub fn handle(&mut self, request: Request) {
        match request {
            Request::OpenMeeting(reply) => answer(reply, Ok(self.open_meeting())),
            Request::CloseMeeting(meeting, reply) => self.close_meeting(meeting, reply),
            Request::OpenRoom(meeting, reply) => answer(reply, self.open_room(meeting)),
            Request::CloseRoom(meeting, room, reply) => {
                self.edit(meeting, reply, |model| model.close_room(room));
            }
            Request::Admit { meeting, room, role, receives, reply } => {
                answer(reply, self.admit(meeting, room, role, receives));
            }
            Request::Dismiss(meeting, participant, reply) => {
                self.dismiss(meeting, participant, reply);
            }
            Request::AddPeer(meeting, participant, offer, reply) => {
                answer(reply, self.add_peer(meeting, participant, *offer));
            }
            Request::RemovePeer(peer, reply) => self.remove_peer(peer, reply),
            Request::RestartIce(peer, remote, reply) => {
                answer(reply, self.restart_ice(peer, remote));
            }
            Request::View(peer, wanted, reply) => answer(reply, self.view(peer, wanted)),
            Request::Change(meeting, changes, reply) => {
                let waiter = Waiter { reply, asked: self.now };
                self.edit(meeting, waiter, |model| model.change(&changes));
            }
            Request::Stats(reply) => answer(reply, Ok(self.stats())),
        }
    }

    /// Something that `shard` reports.
    pub fn report(&mut self, shard: ShardIndex, report: Report) {
        match report {
            Report::Acknowledged { meeting, epoch } => {
                let Some(entry) = self.meetings.get_mut(&meeting) else { return };
                let step = entry.epochs.acknowledged(shard, epoch);
                self.take(meeting, step);
            }
            Report::Retired(rows) => drop(rows),
            Report::Closed(tables) => drop(tables),
            Report::Connected(peer) => {
                if self.peers.contains_key(&peer) {
                    self.events.push(RelayEvent::PeerConnected(peer));
                }
            }
            Report::Gone(peer, why) => {
                if let Some(entry) = self.forget_peer(peer) {
                    self.events.push(RelayEvent::PeerGone(peer, why));
                    self.settle(entry.meeting);
                }
            }
            Report::Slots { peer, slots } => {
                if self.peers.contains_key(&peer) {
                    let name = |track: TrackId| self.sources.get(&track).copied();
                    let slots = slots.into_iter().map(|track| track.and_then(name)).collect();
                    self.events.push(RelayEvent::Slots { peer, slots });
                }
            }
            Report::Speaking { meeting, loudest } => {
                let entry = self.meetings.get_mut(&meeting);
                let changed = entry.and_then(|entry| entry.speaking.report(shard, loudest));
                if let Some(participants) = changed {
                    self.events.push(RelayEvent::Speaking { meeting, participants });
                }
            }
        }
    }

    /// A shard has ended: its socket is closed, nothing of it is in flight. Its peers are gone.
    pub fn shard_ended(&mut self, shard: ShardIndex) {
        let Some(lane) = self.lanes.get_mut(shard.0) else { return };
        lane.end();
        if !self.buried.insert(shard) {
            return;
        }
        let here = self.peers.iter().filter(|(_, peer)| peer.shard == shard);
        let lost: BTreeSet<PeerId> = here.map(|(id, _)| *id).collect();
        for peer in lost {
            self.forget_peer(peer);
            self.events.push(RelayEvent::PeerGone(peer, Gone::ShardEnded));
        }
        let meetings: Vec<MeetingId> = self.meetings.keys().copied().collect();
        for meeting in meetings {
            let Some(entry) = self.meetings.get_mut(&meeting) else { continue };
            if let Some(participants) = entry.speaking.forget(shard) {
                self.events.push(RelayEvent::Speaking { meeting, participants });
            }
            entry.known_to.remove(&shard);
            let step = entry.epochs.shard_ended(shard);
            self.take(meeting, step);
        }
        if let (Some(revival), Some(now)) = (&mut self.revival, self.now) {
            revival.failed(shard, now);
        }
    }

    /// Starts shards again that have ended, if it is time and no table names them any more. When to
    /// ask again; `None`: when a shard has ended.
    pub fn revive(&mut self) -> Option<Instant> {
        let (Some(revival), Some(now)) = (&mut self.revival, self.now) else { return None };
        for shard in self.buried.clone() {
            let is_time = revival.again_at(shard).is_some_and(|at| at <= now);
            let mut meetings = self.meetings.values();
            if !is_time || meetings.any(|entry| entry.epochs.names(shard)) {
                continue;
            }
            let mut ports: Vec<&mut P> = self.lanes.iter_mut().map(|lane| &mut lane.port).collect();
            if !(revival.revive)(&mut ports, shard) {
                revival.failed(shard, now);
                continue;
            }
            *revival.revived.entry(shard).or_default() += 1;
            self.buried.remove(&shard);
            self.lanes[shard.0].renew();
            self.meetings.values_mut().for_each(|entry| entry.epochs.shard_renewed(shard));
        }
        self.buried.iter().filter_map(|shard| revival.again_at(*shard)).min()
    }

    /// Begins the next epoch pair of a meeting if there is something to say and none is under way.
    /// If nothing is, ends what has come to its end.
    pub(super) fn settle(&mut self, meeting: MeetingId) {
        let Some(entry) = self.meetings.get_mut(&meeting) else { return };
        if !entry.epochs.is_idle() {
            return;
        }
        if entry.changed {
            entry.changed = false;
            entry.views_now.append(&mut entry.views_due);
            let step = entry.epochs.begin(&mut entry.model);
            return self.take(meeting, step);
        }
        let present = entry.model.shards();
        for shard in entry.known_to.extract_if(.., |shard| !present.contains_key(shard)) {
            self.lanes[shard.0].push(Command::Forget(meeting));
            if let Some(participants) = entry.speaking.forget(shard) {
                self.events.push(RelayEvent::Speaking { meeting, participants });
            }
        }
        if entry.closing {
            self.meetings.remove(&meeting);
            self.events.forget_meeting(meeting);
        }
    }

    /// Does what came of an event of a meeting's epochs, and goes on.
    fn take(&mut self, meeting: MeetingId, step: Step<Waiter>) {
        let Some(entry) = self.meetings.get_mut(&meeting) else { return };
        for (shard, command) in step.commands {
            entry.known_to.insert(shard);
            self.lanes[shard.0].push(command);
        }
        if step.granted {
            for peer in std::mem::take(&mut entry.views_now) {
                self.send_view(peer);
            }
        }
        for waiter in step.done {
            if let (Some(asked), Some(now)) = (waiter.asked, self.now) {
                let took = now.saturating_duration_since(asked).as_micros();
                self.changes.record(u64::try_from(took).unwrap_or(u64::MAX), 1);
            }
            answer(waiter.reply, Ok(()));
        }
        self.settle(meeting);
    }

    fn stats(&self) -> RelayStats {
        let sum = |count: fn(&Meeting) -> usize| {
            self.meetings.values().map(|entry| count(&entry.model)).sum()
        };
        let revived = |shard: usize| {
            let revived = self.revival.as_ref().map(|revival| &revival.revived);
            revived.and_then(|all| all.get(&ShardIndex(shard))).copied().unwrap_or_default()
        };
        let shard = |(index, lane): (usize, &Lane<P>)| ShardStats {
            alive: !lane.is_ended(),
            peers: lane.peers,
            backlog: lane.backlog(),
            counters: [lane.port.counters(), vec![("restarts", revived(index))]].concat(),
            mesh: lane.port.mesh(),
        };
        RelayStats {
            meetings: self.meetings.len(),
            rooms: sum(|model| model.rooms().len()),
            participants: sum(|model| model.participants().len()),
            peers: self.peers.len(),
            tracks: self.sources.len(),
            control: CHANGES.names.iter().copied().zip(self.changes.cells().to_vec()).collect(),
            shards: self.lanes.iter().enumerate().map(shard).collect(),
        }
    }
}
