//! Peers come, connect, and go: what `control` says of them, and what their transport says.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;

use super::command::{Command, Gone, PeerSpec, Report};
use super::dirty::Dirty;
use super::egress::CONTROL_MAX;
use super::histogram::Histogram;
use super::inbound::Inbound;
use super::latency::Latency;
use super::mesh::Others;
use super::peer::{Peer, Published};
use super::seating::Seats;
use super::slab::{Key, Slab};
use super::stats::{self, Counter, Stats};
use super::track::{Home, Track};
use super::voice_hold::VoiceHold;
use super::{Shard, ShardConfig, leg, tick};
use crate::crypto::{Opener, Random, Sealer};
use crate::route::id::PeerId;
use crate::transport::{Ending, PeerEvent};
#[cfg(any(test, feature = "simulation"))]
use crate::wire::path::Path;

/// No peer is looked after more often than this by its timer.
const RESOLUTION: Duration = Duration::from_millis(1);

/// Datagrams of peers that are gone, at most. More: the client notices by silence.
const FAREWELLS_MAX: usize = 256;

/// When to look after which peer, soonest first.
pub(super) type Due = BinaryHeap<Reverse<(Instant, Key<Peer>)>>;

/// Arms a peer's one timer.
pub(super) fn arm(due: &mut Due, now: Instant, key: Key<Peer>, peer: &mut Peer) {
    let Some(next) = peer.next_due(now) else { return };
    let at = next.max(now + RESOLUTION); // what is due already was served just now
    if peer.due.is_none_or(|due| due > at) {
        peer.due = Some(at);
        due.push(Reverse((at, key)));
    }
}

impl Shard {
    /// An empty world.
    pub fn new(config: ShardConfig) -> Self {
        let mut random = Random::from_seed(config.seed);
        // Keys of the maps come from the network; a seed they cannot know keeps buckets short.
        let hasher = FixedState::with_seed(random.next_u64());
        Self {
            config,
            random,
            peers: Slab::default(),
            tracks: Slab::default(),
            meetings: BTreeMap::new(),
            members: BTreeMap::new(),
            reseat_due: false,
            seats: Seats::default(),
            by_path: HashMap::with_hasher(hasher.clone()),
            by_check: HashMap::with_hasher(hasher.clone()),
            by_ufrag: HashMap::with_hasher(hasher.clone()),
            by_peer: HashMap::with_hasher(hasher.clone()),
            by_track: HashMap::with_hasher(hasher),
            fresh: Vec::new(),
            others: Others::default(),
            patient_until: None,
            dirty: Dirty::default(),
            voice_hold: VoiceHold::default(),
            turns: 0,
            is_cut: false,
            farewells: VecDeque::new(),
            due: BinaryHeap::new(),
            next_tick: config.started + tick::INTERVAL,
            reports: VecDeque::new(),
            acks: VecDeque::new(),
            stats: Stats::default(),
            latency: Latency::default(),
            train_datagrams: Histogram::new(&stats::TRAIN_DATAGRAMS),
        }
    }

    /// Does what `control` says.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        match command {
            Command::AddPeer(spec) => self.add_peer(now, *spec),
            Command::RemovePeer(peer) => self.remove_peer(now, peer),
            Command::RestartIce { peer, local, remote } => {
                let Some(&key) = self.by_peer.get(&peer) else { return };
                let Some(peer) = self.peers.get_mut(key) else { return };
                self.by_ufrag.insert(local.ufrag.clone(), key);
                peer.transport.restart(now, local, remote);
                self.forget_ufrags(key);
                self.after_transport(now, key);
            }
            Command::Install(table) => self.install(now, *table),
            Command::Change(change) => self.change(now, change),
            Command::Forget(meeting) => self.forget(now, meeting),
            Command::View { peer, wishes } => self.view(peer, wishes),
        }
    }

    /// What the shard has to tell `control`; to be called until `None`.
    pub fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// What was counted.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// When [`Shard::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_cut {
            return Some(self.config.started); // at once
        }
        let due = self.due.peek().map(|entry| entry.0.0);
        let tick = (!self.meetings.is_empty()).then_some(self.next_tick);
        let (again, patient) = (self.others.poll_timeout(), self.patient_until);
        [due, tick, again, patient].into_iter().flatten().min()
    }

    /// Looks after everything that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&Reverse((at, key))) = self.due.peek() {
            if at > now {
                break;
            }
            self.due.pop();
            let Some(peer) = self.peers.get_mut(key).filter(|peer| peer.due == Some(at)) else {
                continue; // it is gone, or was looked after since
            };
            peer.due = None;
            peer.transport.handle_timeout(now, &mut self.random);
            self.after_transport(now, key);
        }
        if now >= self.next_tick {
            self.next_tick = now + tick::INTERVAL;
            self.tick(now);
        }
    }

    /// Arms the peer's one timer.
    pub(super) fn schedule(&mut self, now: Instant, key: Key<Peer>) {
        if let Some(peer) = self.peers.get_mut(key) {
            arm(&mut self.due, now, key, peer);
        }
    }

    /// After any call into a peer's transport: its events, its datagrams, its timer.
    pub(super) fn after_transport(&mut self, now: Instant, key: Key<Peer>) {
        while let Some(event) = self.peers.get_mut(key).and_then(|peer| peer.transport.poll_event())
        {
            match event {
                PeerEvent::CheckStarted(id) => {
                    self.by_check.insert(id, key);
                }
                PeerEvent::CheckEnded(id) => {
                    self.by_check.remove(&id);
                }
                PeerEvent::PathLearned(path) => {
                    self.by_path.insert(path, key);
                }
                PeerEvent::PathForgotten(path) => {
                    if self.by_path.get(&path) == Some(&key) {
                        self.by_path.remove(&path);
                    }
                }
                PeerEvent::Selected(path) => {
                    if let Some(peer) = self.peers.get_mut(key) {
                        peer.sending.path = Some(path);
                    }
                    self.forget_ufrags(key);
                    self.ready(key);
                }
                PeerEvent::Keys { opener, sealer } => self.keys(key, opener, sealer),
                PeerEvent::Ended(ending) => self.ended(now, key, ending),
            }
        }
        if let Some(peer) = self.peers.get_mut(key) {
            peer.sending.path = peer.transport.selected();
        }
        self.touch(key); // egress sends what there is, then arms the timer
    }

    /// Credentials that the peer's transport takes no more find it no more.
    fn forget_ufrags(&mut self, key: Key<Peer>) {
        let transport = self.peers.get(key).map(|peer| &peer.transport);
        let accepts = |ufrag: &str| transport.is_some_and(|it| it.accepts(ufrag));
        self.by_ufrag.retain(|ufrag, owner| *owner != key || accepts(ufrag));
    }

    fn add_peer(&mut self, now: Instant, spec: PeerSpec) {
        let key = self.peers.insert(Peer::new(&spec, now, &mut self.random));
        let mut published = Vec::with_capacity(spec.tracks.len());
        for source in &spec.tracks {
            let home = Home::Here(key);
            let track = self.tracks.insert(Track::new(source.track, source.kind, home));
            self.by_track.insert(source.track, track);
            let (mid, ssrcs) = (source.mid.clone(), source.ssrcs.clone());
            published.push(Published { mid, ssrcs, track });
        }
        if let Some(peer) = self.peers.get_mut(key) {
            peer.published = published;
        }
        self.members.entry(spec.meeting).or_default().push(key);
        self.by_peer.insert(spec.peer, key);
        self.by_ufrag.insert(spec.local_ice.ufrag, key);
        self.schedule(now, key);
        self.stats.set(Counter::Peers, self.by_peer.len() as u64);
    }

    /// SRTP keys are there: every slot gets the ledgers of its SSRCs, once.
    fn keys(&mut self, key: Key<Peer>, opener: Box<Opener>, mut sealer: Box<Sealer>) {
        let Some(peer) = self.peers.get_mut(key) else { return };
        for slot in &mut peer.sending.slots {
            slot.ledger = sealer.ledger(slot.cold.spec.ssrc).ok();
            slot.cold.rtx_ledger =
                slot.cold.spec.rtx_ssrc.and_then(|ssrc| sealer.ledger(ssrc).ok());
        }
        peer.inbound = Some(Inbound::new(opener));
        peer.sending.sealer = Some(sealer);
        self.ready(key);
    }

    /// Keys or a path are new: media may flow.
    fn ready(&mut self, key: Key<Peer>) {
        let Some(peer) = self.peers.get_mut(key).filter(|peer| peer.is_ready()) else { return };
        if !std::mem::replace(&mut peer.connected, true) {
            self.reports.push_back(Report::Connected(peer.id));
        }
        let (meeting, peer) = (peer.meeting, peer.id);
        self.due_peer(meeting, peer);
    }

    /// The peer ended by itself. Its last datagrams (`close_notify`) are not waited for.
    fn ended(&mut self, now: Instant, key: Key<Peer>, ending: Ending) {
        let Some(peer) = self.peers.get(key).map(|peer| peer.id) else { return };
        let why = match ending {
            Ending::HandshakeTimeout => Gone::HandshakeTimeout,
            Ending::WrongFingerprint => Gone::WrongFingerprint,
            Ending::HandshakeFailed => Gone::HandshakeFailed,
            Ending::ConsentExpired => Gone::ConsentExpired,
            Ending::Closed => Gone::Closed,
        };
        self.remove_peer(now, peer);
        self.reports.push_back(Report::Gone(peer, why));
    }

    /// What the transport of a peer still has to say: that DTLS is closed.
    fn say_goodbye(&mut self, peer: &mut Peer) {
        peer.transport.close();
        let mut room = [0; CONTROL_MAX];
        while self.farewells.len() < FAREWELLS_MAX {
            let Some(transmit) = peer.transport.poll_transmit(&mut room) else { break };
            let Some(datagram) = room.get(..transmit.len) else { break };
            self.farewells.push_back((transmit.path, datagram.to_vec()));
        }
    }

    /// Forgets a peer, its keys, its tracks and every leg from and to it.
    fn remove_peer(&mut self, _now: Instant, peer: PeerId) {
        let Some(key) = self.by_peer.remove(&peer) else { return };
        let slots = self.peers.get(key).map_or(0, |peer| peer.sending.slots.len());
        for slot in 0..slots {
            let at = leg::LegRef { peer: key, slot: slot as u16 };
            let track = leg::leg_mut(&mut self.peers, at).map(|leg| leg.track);
            leg::remove(&mut self.peers, &mut self.tracks, at);
            track.into_iter().for_each(|track| self.want(track));
        }
        let Some(mut peer) = self.peers.remove(key) else { return };
        if let Some(members) = self.members.get_mut(&peer.meeting) {
            members.retain(|member| *member != key);
            if members.is_empty() {
                self.members.remove(&peer.meeting);
            }
        }
        self.say_goodbye(&mut peer);
        for source in &peer.published {
            let Some(track) = self.tracks.get(source.track) else { continue };
            let id = track.id;
            if track.is_live() {
                self.tell_ended(peer.meeting, id);
            }
            self.by_track.remove(&id);
            // Every leg that carried it loses its track; the next seating clears the slots.
            self.tracks.remove(source.track);
            self.due_track(peer.meeting, id);
        }
        self.by_path.retain(|_, owner| *owner != key);
        self.by_check.retain(|_, owner| *owner != key);
        self.by_ufrag.retain(|_, owner| *owner != key);
        self.stats.set(Counter::Peers, self.by_peer.len() as u64);
    }

    /// Gives a peer a path and keys without ICE and DTLS, for simulation on virtual time.
    #[cfg(any(test, feature = "simulation"))]
    pub fn inject_session(&mut self, peer: PeerId, path: Path, opener: Opener, sealer: Sealer) {
        let Some(&key) = self.by_peer.get(&peer) else { return };
        if let Some(peer) = self.peers.get_mut(key) {
            peer.transport.inject_path(path);
            peer.sending.path = peer.transport.selected();
        }
        self.by_path.insert(path, key);
        self.keys(key, Box::new(opener), Box::new(sealer));
        self.touch(key);
    }
}
