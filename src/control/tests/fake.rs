//! A shard that only keeps books, and complains if what it is told makes no sense.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::control::api::{OfferedSlot, OfferedTrack, PeerAnswer, PeerOffer, Refusal};
use crate::control::coordinator::Coordinator;
use crate::control::placement::Load;
use crate::control::port::{ShardIndex, ShardPort, Undelivered};
use crate::control::relay::Bell;
use crate::control::request::{Reply, Request};
use crate::crypto::Random;
use crate::route::id::{MeetingId, ParticipantId, PeerId, RoomId, Source};
use crate::route::table::{MeetingTable, Role, Roles};
use crate::shard::command::{Command, PeerSpec, Report, Wish};
use crate::transport::{Certificate, Fingerprint, IceCredentials};
use crate::wire::extension::ExtensionIds;
use crate::wire::media::Kind;
use crate::wire::number::Ssrc;

/// What a shard has heard and done.
#[derive(Debug, Default)]
pub struct Books {
    /// Handed over, not looked at yet.
    pub queue: VecDeque<Command>,
    /// Commands that fit in the queue.
    pub capacity: usize,
    /// Peers it has.
    pub peers: BTreeMap<PeerId, Box<PeerSpec>>,
    ever: BTreeSet<PeerId>,
    /// Tables in force.
    pub tables: BTreeMap<MeetingId, Box<MeetingTable>>,
    /// The latest wishes of each peer.
    pub views: BTreeMap<PeerId, Vec<Wish>>,
    /// Epochs installed.
    pub installs: usize,
    /// Commands looked at, by name.
    pub log: Vec<&'static str>,
    /// For control to take.
    pub reports: VecDeque<Report>,
    /// Acknowledgements not yet given.
    pub unacknowledged: VecDeque<Report>,
    /// It ended.
    pub ended: bool,
    /// Work and acknowledge as soon as something comes, and ring.
    pub at_once: Option<Bell>,
}

impl Books {
    /// Looks at the next command. Whether there was one.
    pub fn work(&mut self) -> bool {
        let Some(command) = self.queue.pop_front() else { return false };
        let name = match command {
            Command::AddPeer(spec) => {
                assert!(self.ever.insert(spec.peer), "no id twice");
                self.peers.insert(spec.peer, spec);
                "add"
            }
            Command::RemovePeer(peer) => {
                self.peers.remove(&peer);
                self.views.remove(&peer);
                "remove"
            }
            Command::Install(table) => {
                self.install(table);
                "install"
            }
            Command::Change(change) => {
                let mut table = self.tables[&change.meeting].clone();
                table.follow(&change);
                self.reports.push_back(Report::Retired(change));
                self.install(table);
                "install"
            }
            Command::Forget(meeting) => {
                assert!(self.peers.values().all(|peer| peer.meeting != meeting), "peers remain");
                assert!(self.tables.remove(&meeting).is_some(), "never heard of it");
                "forget"
            }
            Command::View { peer, wishes } => {
                self.views.insert(peer, wishes);
                "view"
            }
            Command::RestartIce { .. } => "restart",
        };
        self.log.push(name);
        true
    }

    fn install(&mut self, table: Box<MeetingTable>) {
        let (meeting, epoch) = (table.meeting, table.epoch);
        let named = table.participants.iter().flat_map(|row| &row.peers);
        named.for_each(|peer| {
            assert!(self.ever.contains(peer), "{peer:?} is named before it is added")
        });
        assert!(self.tables.get(&meeting).is_none_or(|former| former.epoch < epoch));
        self.installs += 1;
        self.unacknowledged.push_back(Report::Acknowledged { meeting, epoch });
        self.tables.insert(meeting, table);
    }

    /// Everything it did is out of its hands.
    pub fn acknowledge(&mut self) {
        self.reports.append(&mut self.unacknowledged);
    }
}

/// A shard, and the port to it.
#[derive(Clone, Debug)]
pub struct Fake {
    books: Arc<Mutex<Books>>,
    port: u16,
}

impl Fake {
    /// A shard with room for `capacity` commands.
    pub fn new(index: u16, capacity: usize) -> Self {
        let books = Books { capacity, ..Books::default() };
        Self { books: Arc::new(Mutex::new(books)), port: 40_000 + index }
    }

    /// How many hold it.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.books)
    }

    /// Its books.
    pub fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }
}

impl ShardPort for Fake {
    fn send(&mut self, command: Command) -> Result<(), Undelivered> {
        let mut books = self.books();
        if books.ended {
            return Err(Undelivered::Ended);
        }
        if books.queue.len() >= books.capacity {
            return Err(Undelivered::Full(command));
        }
        books.queue.push_back(command);
        if let Some(bell) = books.at_once.clone() {
            while books.work() {}
            books.acknowledge();
            bell.ring();
        }
        Ok(())
    }

    fn poll_report(&mut self) -> Option<Report> {
        self.books().reports.pop_front()
    }

    fn has_ended(&self) -> bool {
        self.books().ended
    }

    fn candidates(&self) -> Vec<SocketAddr> {
        vec![SocketAddr::from(([192, 0, 2, 1], self.port))]
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        vec![("installs", self.books().installs as u64)]
    }
}

/// Every peer to the shard with the fewest, of all meetings.
pub fn spread(loads: &[Load]) -> Option<ShardIndex> {
    let alive = loads.iter().enumerate().filter(|(_, load)| load.alive);
    alive.min_by_key(|(_, load)| load.peers).map(|(index, _)| ShardIndex(index))
}

/// Control and its shards, without threads.
pub struct Stage {
    pub control: Coordinator<Fake>,
    pub shards: Vec<Fake>,
    now: Option<Instant>,
}

impl Stage {
    /// So many shards with queues of `capacity`; every meeting is spread over them.
    pub fn new(shards: u16, capacity: usize) -> Self {
        let shards: Vec<_> = (0..shards).map(|index| Fake::new(index, capacity)).collect();
        let control = coordinator(shards.clone()).with_placement(spread);
        Self { control, shards, now: None }
    }

    /// The same with shards that are started again when they end, on a clock of its own.
    pub fn with_revival(mut self) -> Self {
        self.control = coordinator(self.shards.clone()).with_placement(spread).with_revival(
            Box::new(|ports, shard| {
                let mut books = ports[shard.0].books();
                assert!(books.ended, "only the dead");
                *books = Books { capacity: books.capacity, ..Books::default() };
                true
            }),
        );
        self.now = Some(Instant::now());
        self.control.tell_time(Instant::now());
        self
    }

    /// Time passes, and control takes notice. When it wants to look again after shards that ended.
    pub fn pass(&mut self, time: Duration) -> Option<Instant> {
        let now = self.now.expect("a clock") + time;
        self.now = Some(now);
        self.control.tell_time(now);
        self.control.collect();
        self.control.revive()
    }

    /// A request, and where its answer will be.
    pub fn ask<T>(
        &mut self,
        request: impl FnOnce(Reply<T>) -> Request,
    ) -> oneshot::Receiver<Result<T, Refusal>> {
        let (reply, answer) = oneshot::channel();
        self.control.handle(request(reply));
        answer
    }

    /// A request that is answered at once.
    pub fn now<T>(&mut self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Refusal> {
        self.ask(request).try_recv().expect("answered at once")
    }

    /// A request that is answered when all is quiet.
    pub fn then<T>(&mut self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Refusal> {
        let mut answer = self.ask(request);
        self.settle();
        answer.try_recv().expect("answered when settled")
    }

    /// Shards do everything, until nothing is left to do.
    pub fn settle(&mut self) {
        loop {
            let mut busy = false;
            for shard in &self.shards {
                let mut books = shard.books();
                while books.work() {
                    busy = true;
                }
                books.acknowledge();
                busy |= !books.reports.is_empty();
            }
            self.control.collect();
            busy |= self.shards.iter().any(|shard| !shard.books().queue.is_empty());
            if !busy && !self.control.has_backlog() {
                break;
            }
        }
    }

    /// A meeting with its main room and a breakout.
    pub fn meeting(&mut self) -> (MeetingId, RoomId, RoomId) {
        let (meeting, main) = self.now(Request::OpenMeeting).unwrap();
        let side = self.now(|reply| Request::OpenRoom(meeting, reply)).unwrap();
        (meeting, main, side)
    }

    /// Somebody in a room.
    pub fn admit(&mut self, meeting: MeetingId, room: RoomId) -> ParticipantId {
        let (role, receives) = (Role(0), Roles::ALL);
        self.now(|reply| Request::Admit { meeting, room, role, receives, reply }).unwrap()
    }

    /// A peer with microphone, camera and some slots.
    pub fn join(&mut self, meeting: MeetingId, who: ParticipantId) -> PeerAnswer {
        let offer = Box::new(offer(2, 3));
        self.now(|reply| Request::AddPeer(meeting, who, offer, reply)).unwrap()
    }
}

/// Control of these shards.
pub fn coordinator(shards: Vec<Fake>) -> Coordinator<Fake> {
    static CERTIFICATE: LazyLock<Arc<Certificate>> =
        LazyLock::new(|| Arc::new(Certificate::generate().unwrap()));
    Coordinator::new(shards, CERTIFICATE.clone(), Random::from_seed([5; 32]))
}

/// An offer of so many tracks (microphone, camera, screen, …) and slots (the first for audio).
pub fn offer(tracks: usize, slots: usize) -> PeerOffer {
    const SOURCES: [Source; 4] =
        [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio];
    let track = |n: usize| OfferedTrack {
        mid: format!("t{n}").into(),
        source: SOURCES[n % SOURCES.len()],
        ssrcs: vec![(Ssrc(n as u32 + 1), (n % 2 == 1).then_some(Ssrc(n as u32 + 1_000)))],
    };
    let slot = |n: usize| OfferedSlot {
        mid: format!("s{n}").into(),
        kind: if n == 0 { Kind::Audio } else { Kind::Video },
        rtx: n > 0,
    };
    PeerOffer {
        ice: IceCredentials { ufrag: "them".into(), pwd: "their password, long enough".into() },
        fingerprint: Fingerprint::Sha256([7; 32]),
        payloads: Vec::new(),
        extensions: ExtensionIds::default(),
        tracks: (0..tracks).map(track).collect(),
        slots: (0..slots).map(slot).collect(),
        from: None,
    }
}
