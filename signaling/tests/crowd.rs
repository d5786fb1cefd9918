//! 300 rooms and 3,000 people: how long, how much memory, how much is told to whom. Without
//! optimisation a fifth of that; the figures that count are those of `--release`.
//!
//! Without sockets: a meeting's task, a relay that keeps books, and one queue a client.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::extract::ws::Utf8Bytes;
use ringfence_signaling::access::Identity;
use ringfence_signaling::meetings::{Call, Connection, Keeping, Meetings, Seat, Timing};
use ringfence_signaling::rooms::{
    By, Create, Enter, Media, Meeting, Millis, Request, RoleName, Rules, Strategy,
};
use ringfence_signaling::store::Store;
use support::kept::Directory;
use tokio::sync::mpsc;

const SMALL: bool = cfg!(debug_assertions);
const PEOPLE: usize = if SMALL { 600 } else { 3_000 };
const ROOMS: u64 = if SMALL { 60 } else { 300 };
/// From request to last notification.
const WITHIN: Duration = Duration::from_millis(if SMALL { 2_000 } else { 200 });
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
        development: false,
    }
}

fn create(rooms: u64) -> Request {
    let (names, participants, media) = (Vec::new(), None, Media::ALL);
    Request::Create(Create { max_rooms: Some(rooms), names, participants, media })
}

fn shuffle(seed: u64) -> Request {
    Request::Shuffle { strategy: Strategy::Even, seed: Some(seed) }
}

struct Client {
    seat: Seat,
    frames: mpsc::Receiver<Utf8Bytes>,
}

impl Client {
    /// Bytes of everything that has come.
    fn take(&mut self) -> usize {
        let mut bytes = 0;
        while let Ok(frame) = self.frames.try_recv() {
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
    let (meetings, mut clients) = meeting(PEOPLE, Keeping::default()).await;
    session(&meetings, &mut clients).await;
}

/// The same, each answered when it is on the disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_with_a_store() {
    let directory = Directory::new("crowd");
    let (store, _) = Store::open(&directory.0).expect("opened");
    let keeping = Keeping { store: Some(store), webhooks: None };
    let began = Instant::now();
    let (meetings, mut clients) = meeting(PEOPLE, keeping).await;
    println!("{PEOPLE} came one after the other, each saved: {:?}", began.elapsed());
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
    ask(meetings, &host, create(ROOMS)).await;
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
        println!("{what}: {took:?}, {bytes} bytes told to {PEOPLE} people");
        assert!(took < WITHIN, "{what} took {took:?}");
    }
}

/// A move of one among all is a few rows for the store, and what is other is found fast.
#[test]
fn a_move_of_one_writes_one() {
    let mut meeting = Meeting::new(Rules::default());
    let do_it = |meeting: &Meeting, request| {
        meeting.handle(&By::Server, request, Millis(0), 0).expect("granted").0
    };
    meeting = do_it(&meeting, create(ROOMS));
    for n in 0..PEOPLE {
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
    assert!(took < WITHIN / 100, "{took:?}");
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
    do_it(&mut meeting, create(ROOMS));
    let before = LIVE.load(Ordering::Relaxed);
    for n in 0..PEOPLE {
        do_it(&mut meeting, Request::Enter(enter(n)));
    }
    do_it(&mut meeting, shuffle(3));
    do_it(&mut meeting, Request::Start { consent: None, timer_s: None });
    let each = LIVE.load(Ordering::Relaxed).saturating_sub(before) / PEOPLE;
    println!("{each} bytes a participant");
    assert!(each < BYTES_MAX, "{each} bytes");
}
