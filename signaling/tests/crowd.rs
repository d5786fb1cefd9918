//! 300 rooms and 3,000 people: how long, how much memory, how much is told to whom. A fifth of that
//! unless it is optimised or asked for; the figures that count are those of the whole crowd:
//! `tests/run crowd` (`RINGFENCE_CROWD=whole`, the release profile, one test after the other).
//!
//! Without sockets (a meeting's task, a relay that keeps books, one queue a client), and with them.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use ringfence_signaling::access::Identity;
use ringfence_signaling::meetings::{Call, Connection, Frames, Keeping, Meetings, Seat, Timing};
use ringfence_signaling::rooms::{
    By, Create, Enter, Media, Meeting, Millis, Request, RoleName, Rules, Strategy,
};
use ringfence_signaling::store::Store;
use serde_json::json;
use support::kept::Directory;
use support::{Page, Server};
use tokio_tungstenite::tungstenite::Message;

/// Everybody, or a part.
static WHOLE: LazyLock<bool> =
    LazyLock::new(|| !cfg!(debug_assertions) || std::env::var_os("RINGFENCE_CROWD").is_some());

fn people() -> usize {
    if *WHOLE { 3_000 } else { 600 }
}

fn rooms() -> u64 {
    if *WHOLE { 300 } else { 60 }
}

/// From request to last notification.
fn within() -> Duration {
    Duration::from_millis(if *WHOLE { 200 } else { 2_000 })
}

/// Memory of a participant in the engine.
const BYTES_MAX: usize = 4_096;

static LIVE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: hands every call to the system's allocator unchanged; only counts bytes beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn identity(id: &str, role: &str) -> Identity {
    Identity {
        id: Some(id.to_owned()),
        name: Some(format!("Person {id}")),
        email: None,
        attributes: Default::default(),
        role: Some(role.to_owned()),
        creates: true,
        publishes: true,
        subscribes: true,
        issued: None,
        development: false,
    }
}

fn create(rooms: u64) -> Request {
    let (names, participants, media) = (Vec::new(), None, Media::ALL);
    Request::Create(Create { max_rooms: Some(rooms), names, participants, media, empty_ttl: None })
}

fn shuffle(seed: u64) -> Request {
    Request::Shuffle { strategy: Strategy::Even, seed: Some(seed) }
}

struct Client {
    seat: Seat,
    frames: Frames,
}

impl Client {
    /// Bytes of everything that has come.
    fn take(&mut self) -> usize {
        let mut bytes = 0;
        while let Some(frame) = self.frames.try_next() {
            bytes += frame.len();
        }
        bytes
    }
}

async fn meeting(people: usize, keeping: Keeping) -> (Meetings, Vec<Client>) {
    let (relay, _books) = support::relay();
    let rules = Rules { active_talkers_max: 10_000, ..Rules::default() };
    let meetings = Meetings::keeping(relay, Meeting::new(rules), Timing::default(), keeping);
    let mut clients = Vec::new();
    for n in 0..people {
        let (connection, frames) = Connection::new();
        let who = identity(&format!("p{n}"), if n == 0 { "host" } else { "participant" });
        let (seat, _) = meetings.join("main", &who, &connection, None).await.expect("joined");
        clients.push(Client { seat, frames });
        if n % 100 == 0 {
            clients.iter_mut().for_each(|client| _ = client.take());
        }
    }
    clients.iter_mut().for_each(|client| _ = client.take());
    (meetings, clients)
}

async fn ask(meetings: &Meetings, host: &Seat, request: Request) {
    let call = Call::Engine { request: Box::new(request), revision: None };
    meetings.call("main", host, call).await.expect("granted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn start_shuffle_and_stop_of_three_thousand() {
    let (meetings, mut clients) = meeting(people(), Keeping::default()).await;
    session(&meetings, &mut clients).await;
}

/// The same, each answered when it is on the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_with_a_store() {
    let directory = Directory::new("crowd");
    let (store, _) = Store::open(&directory.0).expect("opened");
    let keeping = Keeping { store: Some(store), webhooks: None };
    let began = Instant::now();
    let (meetings, mut clients) = meeting(people(), keeping).await;
    println!("{} came one after the other, each saved: {:?}", people(), began.elapsed());
    session(&meetings, &mut clients).await;
    let host = clients[0].seat.clone();
    let began = Instant::now();
    for n in 0..50 {
        let clients = vec![format!("p{}", n + 1)];
        ask(&meetings, &host, Request::Move { clients, room_id: "b1".to_owned() }).await;
    }
    println!("a move of one, saved: {:?}", began.elapsed() / 50);
    let file = std::fs::metadata(directory.0.join("ringfence.redb")).expect("there");
    println!("the file: {} bytes", file.len());
}

async fn session(meetings: &Meetings, clients: &mut [Client]) {
    let host = clients[0].seat.clone();
    ask(meetings, &host, create(rooms())).await;
    ask(meetings, &host, shuffle(1)).await;
    clients.iter_mut().for_each(|client| _ = client.take());
    for (what, request) in [
        ("start", Request::Start { consent: None, timer_s: Some(600) }),
        ("shuffle", shuffle(2)),
        ("stop", Request::Stop { grace_s: None }),
    ] {
        let began = Instant::now();
        ask(meetings, &host, request).await;
        let bytes: usize = clients.iter_mut().map(Client::take).sum();
        let took = began.elapsed();
        println!("{what}: {took:?}, {bytes} bytes told to {} people", people());
        assert!(took < within(), "{what} took {took:?}");
    }
}

/// What all clients but the host have read by now.
#[derive(Default)]
struct Arrived {
    frames: AtomicUsize,
    bytes: AtomicUsize,
    /// When the last came, in microseconds since the test began.
    last_us: AtomicU64,
}

impl Arrived {
    /// Reads until the server closes.
    async fn read(self: Arc<Self>, mut page: Page, began: Instant) {
        while let Some(Ok(message)) = page.socket.next().await {
            let Message::Text(message) = message else { continue }; // pings come all the time
            let now = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.last_us.fetch_max(now, Ordering::Relaxed);
            self.frames.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(message.len(), Ordering::Relaxed);
        }
    }

    /// Waits until nothing has come for a while.
    async fn quiet(&self, began: Instant) {
        const QUIET: Duration = Duration::from_millis(300);
        loop {
            let last = Duration::from_micros(self.last_us.load(Ordering::Relaxed));
            let since = began.elapsed().saturating_sub(last);
            if since >= QUIET {
                return;
            }
            tokio::time::sleep(QUIET - since).await;
        }
    }

    fn take(&self) -> (usize, usize) {
        (self.frames.swap(0, Ordering::Relaxed), self.bytes.swap(0, Ordering::Relaxed))
    }
}

/// The same over WebSockets, to the last notification that the last client has read: clients and
/// server share the processors, so what a server alone needs is less.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_sockets() {
    let people = if *WHOLE { people() } else { 300 }; // two files each: below the usual 1,024
    let rules = Rules { active_talkers_max: 10_000, ..Rules::default() };
    let server = Server::start_with(true, rules).await;
    let (began, arrived) = (Instant::now(), Arc::<Arrived>::default());
    let mut host = server.join("host").await;
    for n in 1..people {
        let mut page = server.connect().await;
        let params = json!({"protocol": 1, "id": format!("p{n}"), "name": format!("Person {n}")});
        page.call("join", params).await.expect("joined");
        tokio::spawn(arrived.clone().read(page, began));
        if n % 50 == 0 {
            host.forget().await;
        }
    }
    arrived.quiet(began).await;
    let (frames, bytes) = arrived.take();
    println!("{people} joined in {:?}: {frames} notifications, {bytes} bytes", began.elapsed());
    host.call("breakout.create", json!({"max_rooms": rooms()})).await.expect("created");
    host.call("breakout.shuffle", json!({"seed": 1})).await.expect("dealt");
    for (what, params) in [
        ("start", json!({"consent": "force", "timer_s": 600})),
        ("shuffle", json!({"seed": 2})),
        ("stop", json!({})),
    ] {
        arrived.quiet(began).await;
        host.forget().await;
        arrived.take();
        let asked = began.elapsed();
        host.call(&format!("breakout.{what}"), params).await.expect(what);
        let answered = began.elapsed() - asked;
        arrived.quiet(began).await;
        let last = Duration::from_micros(arrived.last_us.load(Ordering::Relaxed));
        let (frames, bytes) = arrived.take();
        let took = last.saturating_sub(asked);
        println!("{what}: {took:?} to the last of {frames} notifications ({bytes} bytes)");
        println!("{what}: {answered:?} to the answer");
        assert!(frames >= people - rooms() as usize, "{what}: {frames} notifications");
        assert!(took < within(), "{what} took {took:?}");
    }
}

/// A move of one among all is a few rows for the store, and what is other is found fast.
#[test]
fn a_move_of_one_writes_one() {
    let mut meeting = Meeting::new(Rules::default());
    let do_it = |meeting: &Meeting, request| {
        meeting.handle(&By::Server, request, Millis(0), 0).expect("granted").0
    };
    meeting = do_it(&meeting, create(rooms()));
    for n in 0..people() {
        meeting = do_it(&meeting, Request::Enter(enter(n)));
    }
    meeting = do_it(&meeting, shuffle(3));
    meeting = do_it(&meeting, Request::Start { consent: None, timer_s: None });
    let whole = meeting.rows_since(None);
    let bytes = |rows: &ringfence_signaling::rooms::Rows| -> usize {
        let row = rows.iter().map(|(_, row)| rmp_serde::to_vec_named(row).expect("bytes").len());
        row.sum()
    };
    let clients = vec![enter(7).id.to_string()];
    let next = do_it(&meeting, Request::Move { clients, room_id: "b2".to_owned() });
    let began = Instant::now();
    let rows = next.rows_since(Some(&meeting));
    let took = began.elapsed();
    let (written, all) = (bytes(&rows), bytes(&whole));
    println!("{} rows, {written} bytes of {all}, found in {took:?}", rows.len());
    // The person, where they belong, the plan's revision.
    assert!(rows.len() <= 3, "{rows:?}");
    assert!(written < 2_048, "{written}");
    assert!(took < within() / 100, "{took:?}");
}

fn enter(n: usize) -> Enter {
    Enter {
        id: format!("participant-{n:08}").into(),
        name: Some(format!("A person with a name, number {n}").into()),
        email: Some(format!("somebody-{n}@example.org").into()),
        attributes: Default::default(),
        role: RoleName::participant(),
        publishes: true,
        subscribes: true,
        issued: None,
        room: None,
    }
}

/// What a guest is told while others are created, moved and renamed does not depend on how many
/// rooms there are.
#[tokio::test]
async fn what_a_guest_is_told_does_not_grow_with_rooms_out_of_sight() {
    let mut told = Vec::new();
    for rooms in [3, 30, 300] {
        let (meetings, mut clients) = meeting(20, Keeping::default()).await;
        let host = clients[0].seat.clone();
        ask(&meetings, &host, create(rooms)).await;
        let go = |who: usize, room: u64| Request::Move {
            clients: vec![format!("p{who}")],
            room_id: format!("b{room}"),
        };
        ask(&meetings, &host, go(1, 1)).await;
        ask(&meetings, &host, go(2, 1)).await;
        clients.iter_mut().for_each(|client| _ = client.take());
        for turn in 0..60 {
            ask(&meetings, &host, go(3 + turn % 15, 2 + turn as u64 % (rooms - 1))).await;
            let name = format!("N{turn}");
            let room_id = format!("b{}", 2 + turn as u64 % (rooms - 1));
            ask(&meetings, &host, Request::Rename { room_id, name }).await;
        }
        told.push(clients[1].take());
    }
    assert_eq!(told, [0, 0, 0], "nothing at all: all of it was elsewhere");
}

#[test]
fn a_participant_is_small() {
    let mut meeting = Meeting::new(Rules::default());
    let do_it = |meeting: &mut Meeting, request| {
        *meeting = meeting.handle(&By::Server, request, Millis(0), 0).expect("granted").0;
    };
    do_it(&mut meeting, create(rooms()));
    let before = LIVE.load(Ordering::Relaxed);
    for n in 0..people() {
        do_it(&mut meeting, Request::Enter(enter(n)));
    }
    do_it(&mut meeting, shuffle(3));
    do_it(&mut meeting, Request::Start { consent: None, timer_s: None });
    let each = LIVE.load(Ordering::Relaxed).saturating_sub(before) / people();
    println!("{each} bytes a participant");
    assert!(each < BYTES_MAX, "{each} bytes");
}
