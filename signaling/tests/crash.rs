//! `kill -9` of the real binary at any moment, again and again over one directory: what was
//! acknowledged is there, and what was not is there whole or not at all.
//!
//! `RINGFENCE_SEED` and `RINGFENCE_ROUNDS` choose other moments and more of them.

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use support::Page;
use support::kept::Directory;
use tokio_tungstenite::tungstenite::Message;

const PEOPLE: usize = 4;
const PROTOCOL: &[(&str, &str)] = &[("sec-websocket-protocol", "ringfence.v1")];

fn start(directory: &Directory) -> (Child, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringfence"));
    for name in ["RINGFENCE_KEYS", "RINGFENCE_DEV", "RINGFENCE_HTTP", "RINGFENCE_CONFIG"] {
        command.env_remove(name);
    }
    let arguments = "serve --dev --http 127.0.0.1:0 --media-port 0 --shards 1 --io mmsg --data";
    let command = command.args(arguments.split(' ')).arg(&directory.0);
    let spawned = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    let address = first.trim_start_matches("Ringfence: http://").trim_end_matches('/').to_owned();
    std::thread::spawn(move || lines.for_each(drop));
    (child, address.parse().expect("an address"))
}

/// Something asked.
#[derive(Clone, PartialEq, Debug)]
enum Op {
    /// The own room's name.
    Rename(u64),
    /// All people to this room.
    Move(usize),
    /// Whether the own microphone is muted.
    Mute(bool),
    /// A text to all.
    Say(u64),
}

/// What one client knows over all lives of the server.
struct Client {
    at: usize,
    last_seq: u64,
    rng: StdRng,
    count: u64,
    acknowledged: Vec<Op>,
    open: Option<Op>,
    /// Texts heard, over all lives.
    heard: BTreeSet<String>,
}

impl Client {
    fn id(&self) -> String {
        format!("p{}", self.at)
    }

    fn next(&mut self) -> (Op, &'static str, Value) {
        self.count += 1;
        let count = self.count;
        match self.rng.random_range(0..4) {
            0 if self.at == 0 => {
                let room = self.rng.random_range(1..=PEOPLE);
                let all: Vec<String> = (0..PEOPLE).map(|at| format!("p{at}")).collect();
                let params = json!({"clients": all, "room_id": format!("b{room}")});
                (Op::Move(room), "breakout.move", params)
            }
            0 | 1 => {
                let room = format!("b{}", self.at + 1);
                let params = json!({"room_id": room, "name": count.to_string()});
                (Op::Rename(count), "breakout.rename", params)
            }
            2 => {
                let muted = self.rng.random();
                let method = if muted { "mute" } else { "unmute" };
                (Op::Mute(muted), method, json!({"kind": "audio"}))
            }
            _ => {
                let text = format!("p{} {count}", self.at);
                (Op::Say(count), "broadcast", json!({"text": text}))
            }
        }
    }

    /// Takes a notification; events come in their order and once.
    fn hear(&mut self, frame: &Value) {
        let Some(seq) = frame["params"]["seq"].as_u64() else { return };
        assert!(seq > self.last_seq, "{} was told {seq} after {}", self.id(), self.last_seq);
        self.last_seq = seq;
        if frame["method"] == json!("broadcast") {
            let text = frame["params"]["text"].as_str().expect("text").to_owned();
            assert!(self.heard.insert(text.clone()), "{text} twice");
        }
    }

    /// Asks one thing after the other until the server is gone.
    async fn drive(mut self, mut page: Page) -> Client {
        loop {
            let (op, method, params) = self.next();
            self.open = Some(op.clone());
            let request = json!({"jsonrpc": "2.0", "id": 9, "method": method, "params": params});
            if page.socket.send(Message::text(request.to_string())).await.is_err() {
                break;
            }
            let answer = loop {
                let Some(Ok(message)) = page.socket.next().await else { return self };
                let Message::Text(text) = message else { continue };
                let frame: Value = serde_json::from_str(&text).expect("JSON");
                if frame["id"] == json!(9) {
                    break frame;
                }
                self.hear(&frame);
            };
            assert!(answer.get("result").is_some(), "{op:?}: {answer}");
            self.acknowledged.push(op);
            self.open = None;
            // Within what a connection may ask.
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(5..25))).await;
        }
        while let Some(Ok(Message::Text(text))) = page.socket.next().await {
            self.hear(&serde_json::from_str(&text).expect("JSON"));
        }
        self
    }

    /// Comes back; what was missed is told.
    async fn join(&mut self, address: SocketAddr) -> (Page, Value) {
        let mut page = Page::to(address, PROTOCOL).await.expect("a WebSocket");
        let params = json!({
            "protocol": 1, "id": self.id(), "role": "host", "resume": self.last_seq
        });
        let joined = page.call("join", params).await.expect("joined");
        for frame in page.settled().await {
            self.hear(&frame);
        }
        (page, joined)
    }
}

/// What the last acknowledged, or the open one, of some kind says. Nothing while none was
/// acknowledged: the open one may not have been taken, and it is as it was made.
fn last<T>(client: &Client, of: impl Fn(&Op) -> Option<T>) -> Vec<T> {
    let Some(acknowledged) = client.acknowledged.iter().rev().find_map(&of) else {
        return Vec::new();
    };
    std::iter::once(acknowledged).chain(client.open.as_ref().and_then(&of)).collect()
}

/// Looks at what is, beside what was acknowledged. Returns of each client what was found: what was
/// open and not acknowledged is known from now on.
fn check(clients: &[Client], joined: &[Value], ends_at: &Value) -> Vec<Vec<Op>> {
    let mut found = Vec::new();
    for (client, joined) in clients.iter().zip(joined) {
        assert_eq!(joined["ends_at"], *ends_at, "the timer is the same");
        let names = last(client, |op| match op {
            Op::Rename(count) => Some(count.to_string()),
            _ => None,
        });
        let name = joined["rooms"][client.at + 1]["name"].as_str().expect("a name");
        assert!(names.is_empty() || names.iter().any(|one| one == name), "{name}: {names:?}");
        let muted = last(client, |op| match op {
            Op::Mute(muted) => Some(*muted),
            _ => None,
        });
        let people = joined["participants"].as_array().expect("people");
        assert_eq!(people.len(), PEOPLE);
        let me = people.iter().find(|one| one["id"] == json!(client.id())).expect("me");
        let is = me["muted"]["audio"].as_bool().expect("said");
        assert!(muted.is_empty() || muted.contains(&is), "{is}: {muted:?}");
        let rooms: BTreeSet<&str> = people.iter().filter_map(|one| one["room"].as_str()).collect();
        assert_eq!(rooms.len(), 1, "all were moved or none: {people:?}");
        let moved = last(&clients[0], |op| match op {
            Op::Move(room) => Some(format!("b{room}")),
            _ => None,
        });
        assert!(moved.is_empty() || moved.iter().any(|room| rooms.contains(room.as_str())));
        let room = rooms.first().and_then(|room| room.strip_prefix('b')?.parse().ok());
        found.push(
            [name.parse().ok().map(Op::Rename), Some(Op::Mute(is)), room.map(Op::Move)]
                .into_iter()
                .flatten()
                .collect(),
        );
        if joined["resume"] == json!("snapshot") {
            continue; // more was missed than is kept
        }
        for other in clients {
            for op in &other.acknowledged {
                let Op::Say(count) = op else { continue };
                let text = format!("p{} {count}", other.at);
                assert!(client.heard.contains(&text), "{} has not heard {text}", client.id());
            }
        }
    }
    found
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_is_half_done() {
    let (seed, rounds) = (number("RINGFENCE_SEED", 1), number("RINGFENCE_ROUNDS", 6));
    let directory = Directory::new("crash");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut clients: Vec<Client> = (0..PEOPLE)
        .map(|at| Client {
            at,
            last_seq: 0,
            rng: StdRng::seed_from_u64(seed * 100 + at as u64),
            count: 0,
            acknowledged: Vec::new(),
            open: None,
            heard: BTreeSet::new(),
        })
        .collect();
    let mut ends_at = Value::Null;
    let mut by_events = 0;
    for round in 0..=rounds {
        let (mut child, address) = start(&directory);
        let (mut pages, mut joined) = (Vec::new(), Vec::new());
        for client in &mut clients {
            let (page, answer) = client.join(address).await;
            by_events += usize::from(answer["resume"] == json!("events"));
            pages.push(page);
            joined.push(answer);
        }
        if round == 0 {
            pages[0].call("breakout.create", json!({"max_rooms": PEOPLE})).await.expect("made");
            pages[0].call("breakout.start", json!({"timer_s": 3_600})).await.expect("started");
            let list = pages[0].call("peers.list", json!({})).await.expect("a list");
            ends_at = list["ends_at"].clone();
            for (client, page) in clients.iter_mut().zip(&mut pages) {
                page.settled().await.iter().for_each(|frame| client.hear(frame));
            }
        } else {
            let found = check(&clients, &joined, &ends_at);
            for (client, found) in clients.iter_mut().zip(found) {
                client.acknowledged.extend(found);
                client.open = None;
            }
        }
        let driven: Vec<_> = clients
            .drain(..)
            .zip(pages)
            .map(|(client, page)| tokio::spawn(client.drive(page)))
            .collect();
        tokio::time::sleep(Duration::from_millis(rng.random_range(30..500))).await;
        child.kill().expect("killed"); // SIGKILL
        child.wait().expect("it ended");
        for client in driven {
            clients.push(client.await.expect("no panic"));
        }
    }
    let acknowledged: usize = clients.iter().map(|client| client.acknowledged.len()).sum();
    println!("{acknowledged} acknowledged, {by_events} resumed by events");
    assert!(acknowledged > 20 && by_events > 0);
}

/// How long somebody may stay away: the product's own.
const GRACE: Duration = Duration::from_secs(15);

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(now.as_millis()).expect("before long")
}

async fn host(address: SocketAddr) -> (Page, Value) {
    let mut page = Page::to(address, PROTOCOL).await.expect("a WebSocket");
    let params = json!({"protocol": 1, "id": "hana", "role": "host"});
    let joined = page.call("join", params).await.expect("joined");
    (page, joined)
}

/// Ada is taken back into the main room for this reason, and not before this time.
async fn back(hana: &mut Page, why: &str, not_before: u64) {
    let event = hana.notice("breakout_user_disconnected").await;
    assert_eq!((&event["client_id"], &event["reason"]), (&json!("ada"), &json!(why)));
    let late = i128::from(now_ms()) - i128::from(not_before);
    assert!((0..3_000).contains(&late), "{why}: {late} ms after its time");
}

/// A timer ends when it should have, a stop's grace too; and who does not come back leaves after
/// the time they have for it, counted from the start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_and_graces_go_on_after_a_kill() {
    let directory = Directory::new("kill-timers");
    let go = json!({"clients": ["ada"], "room_id": "b1"});
    let (mut child, address) = start(&directory);
    let (mut hana, _) = host(address).await;
    let mut ada = Page::to(address, PROTOCOL).await.expect("a WebSocket");
    ada.call("join", json!({"protocol": 1, "id": "ada"})).await.expect("joined");
    hana.call("breakout.create", json!({})).await.expect("made");
    let mut known = json!(null);
    let mut began = Instant::now();
    for (end, params, state, why) in [
        ("breakout.start", json!({"timer_s": 4}), "started", "timer"),
        ("breakout.stop", json!({"grace_s": 4}), "closing", "stopped"),
    ] {
        if why == "stopped" {
            hana.call("breakout.start", json!({})).await.expect("started again");
        }
        hana.call("breakout.move", go.clone()).await.expect("moved");
        hana.call(end, params).await.expect(end);
        let list = hana.call("peers.list", json!({})).await.expect("a list");
        assert_eq!(list["state"], json!(state));
        assert_ne!(list["ends_at"], known, "another time");
        known = list["ends_at"].clone();
        child.kill().expect("killed"); // SIGKILL
        child.wait().expect("it ended");
        let address;
        (child, address) = start(&directory);
        began = Instant::now();
        let joined;
        (hana, joined) = host(address).await;
        assert_eq!((&joined["ends_at"], &joined["state"]), (&known, &json!(state)));
        back(&mut hana, why, known.as_u64().expect("a time")).await;
    }
    let here = async |hana: &mut Page| {
        let list = hana.call("peers.list", json!({})).await.expect("a list");
        list["participants"].as_array().expect("people").len() == 2
    };
    while here(&mut hana).await {
        assert!(began.elapsed() < GRACE + Duration::from_secs(10), "ada is still here");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(began.elapsed() + Duration::from_secs(1) > GRACE, "after {:?}", began.elapsed());
    child.kill().expect("killed");
    child.wait().expect("it ended");
}

#[test]
fn a_second_process_on_the_same_file_refuses() {
    let directory = Directory::new("second");
    let (mut first, _) = start(&directory);
    let second = Command::new(env!("CARGO_BIN_EXE_ringfence"))
        .args("serve --dev --http 127.0.0.1:0 --media-port 0 --shards 1 --data".split(' '))
        .arg(&directory.0)
        .output();
    first.kill().expect("killed");
    first.wait().expect("it ended");
    let output = second.expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("in use by another process"), "{told}");
    assert!(told.contains("ringfence.redb"), "{told}");
}
