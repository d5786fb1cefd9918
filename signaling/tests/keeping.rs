//! What the store keeps over a restart, and what happens when it can not be written. Without
//! processes: a restart here is a new runtime over the same directory.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ringfence::control::api::RelayEvent;
use ringfence::route::id::Source;
use ringfence_signaling::meeting_options::MeetingOptions;
use ringfence_signaling::meetings::Keeping;
use ringfence_signaling::rooms::{Meeting, Request, Rules, code};
use ringfence_signaling::store::{Batch, Disk, Store};
use serde_json::{Value, json};
use support::kept::{Directory, GRACE, life, open};
use support::{Api, Page, Server, offer};

async fn join(server: &Server, id: &str, extra: Value) -> (Page, Value) {
    let mut page = server.connect().await;
    let mut params = json!({"protocol": 1, "id": id, "name": id, "role": "participant"});
    for (key, value) in extra.as_object().expect("an object") {
        params[key] = value.clone();
    }
    let joined = page.call("join", params).await.expect("joined");
    (page, joined)
}

async fn wait_for(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(5);
    while !done().await {
        assert!(Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn everything_is_as_it_was_and_people_resume_into_their_rooms() {
    let directory = Directory::new("keeping");
    let rules = Rules { warn_s: 5, ..Rules::default() };
    let (before, last) = life(&directory, rules, async |server| {
        let (mut hana, _) = join(server, "hana", json!({"role": "host"})).await;
        let (mut ada, _) = join(server, "ada", json!({"email": "ada@example.org"})).await;
        let (mut bob, _) = join(server, "bob", json!({})).await;
        let (_eve, _) = join(server, "eve", json!({})).await;
        for (method, params) in [
            ("breakout.create", json!({"names": ["Red", "Blue", "Grey"], "participants": 5})),
            ("breakout.assign", json!({"room_id": "b1", "clients": ["ada", "bob"]})),
            ("breakout.start", json!({"timer_s": 3_600})),
            ("breakout.extend", json!({"seconds": 60, "room_id": "b2"})),
            ("breakout.invite", json!({"clients": ["eve"], "room_id": "b2"})),
            ("poll.create", json!({"question": "?", "options": ["a", "b"], "rooms": ["b1"]})),
            ("people.kick", json!({"client": "eve"})),
        ] {
            hana.call(method, params).await.expect(method);
        }
        ada.call("mute", json!({"kind": "video"})).await.expect("muted");
        ada.call("parent.resume", json!({})).await.expect("resumed");
        ada.call("parent.mute", json!({"audio": true})).await.expect("muted");
        ada.call("poll.vote", json!({"poll": 1, "option": 1})).await.expect("voted");
        for n in 0..70 {
            hana.call("broadcast", json!({"text": n.to_string()})).await.expect("told");
        }
        bob.forget().await;
        hana.call("broadcast", json!({"text": "one"})).await.expect("told");
        let last = bob.notice("broadcast").await["seq"].clone();
        bob.socket.close(None).await.expect("closed");
        hana.call("broadcast", json!({"text": "two"})).await.expect("told");
        (server.meetings.look("main").await.expect("there"), last)
    });
    let after = life(&directory, rules, async |server| {
        let after = server.meetings.look("main").await.expect("there");
        assert_eq!(after, before);
        assert_eq!(server.books(|books| books.admitted.len()), 3, "the relay knows the people");
        let (mut bob, joined) = join(server, "bob", json!({"resume": last})).await;
        assert_eq!((&joined["room"], &joined["resumed"]), (&json!("b1"), &json!(false)));
        assert_eq!(joined["resume"], json!("events"));
        let texts: Vec<Value> =
            bob.all("broadcast").await.iter().map(|event| event["text"].clone()).collect();
        assert_eq!(texts, [json!("two")], "what came after the last that was seen");
        let (mut ada, joined) = join(server, "ada", json!({"resume": 0})).await;
        assert_eq!(joined["resume"], json!("snapshot"), "more than is kept for one");
        assert_eq!(joined["parent"]["audio_muted"], json!(true));
        assert_eq!(joined["parent"]["paused"], json!(false));
        assert!(joined["ends_at"].as_u64().is_some());
        let (mut hana, _) = join(server, "hana", json!({"role": "host"})).await;
        hana.call("broadcast", json!({"text": "three"})).await.expect("told");
        let seq = ada.notice("broadcast").await["seq"].as_u64().expect("a number");
        assert!(seq > joined["seq"].as_u64().expect("a number"), "numbers go on");
        let mut again = server.connect().await;
        let refused = again.call("join", json!({"protocol": 1, "id": "eve"})).await;
        assert_eq!(refused.expect_err("kicked").0, i64::from(code::FORBIDDEN));
        server.meetings.look("main").await.expect("there")
    });
    assert_eq!(
        life(&directory, rules, async |s| s.meetings.look("main").await.expect("there")),
        after
    );
}

#[test]
fn who_does_not_come_back_leaves_and_an_empty_meeting_leaves_nothing() {
    let directory = Directory::new("grace");
    life(&directory, Rules::default(), async |server| {
        join(server, "hana", json!({"role": "host"})).await;
        join(server, "ada", json!({})).await;
    });
    life(&directory, Rules::default(), async |server| {
        let (_hana, joined) = join(server, "hana", json!({})).await;
        assert_eq!(joined["participants"].as_array().expect("people").len(), 2);
        wait_for("ada leaves", async || {
            server.meetings.look("main").await.expect("there").person("ada").is_none()
        })
        .await;
    });
    life(&directory, Rules::default(), async |server| {
        wait_for("the meeting is over", async || server.meetings.names().is_empty()).await;
    });
    let (_, loaded) = open(&directory.0);
    assert!(loaded.meetings.is_empty());
}

#[test]
fn a_timer_that_ran_out_meanwhile_closes_by_its_rules() {
    let directory = Directory::new("timer");
    let rules = Rules { warn_s: 0, ..Rules::default() };
    life(&directory, rules, async |server| {
        let (mut hana, _) = join(server, "hana", json!({"role": "host"})).await;
        let (mut ada, _) = join(server, "ada", json!({})).await;
        hana.call("breakout.create", json!({"max_rooms": 1})).await.expect("made");
        hana.call("breakout.start", json!({"timer_s": 1})).await.expect("started");
        assert_eq!(ada.notice("meeting_changed").await["room_id"], json!("b1"));
    });
    std::thread::sleep(Duration::from_millis(1_100));
    life(&directory, rules, async |server| {
        wait_for("ada is back", async || {
            let model = server.meetings.look("main").await.expect("there");
            model.person("ada").is_some_and(|ada| *ada.room == *"main")
                && !model.plan().is_started()
        })
        .await;
    });
}

#[test]
fn a_meeting_made_ahead_is_there_and_an_ended_one_is_not() {
    let directory = Directory::new("ahead");
    let made = life(&directory, Rules::default(), async |server| {
        for name in ["one", "two"] {
            server.meetings.create(name, Meeting::new(Rules::enablex())).await.expect("made");
        }
        server.meetings.end("two").await.expect("ended");
        server.meetings.look("one").await.expect("there")
    });
    life(&directory, Rules::default(), async |server| {
        assert_eq!(server.meetings.names(), [ringfence_signaling::rooms::Name::from("one")]);
        assert_eq!(server.meetings.look("one").await.expect("there"), made);
        assert!(made.is_kept());
    });
}

#[test]
fn a_token_that_was_taken_back_stays_so() {
    let directory = Directory::new("revoked");
    let people = "/v1/meetings/demo/participants";
    let token = life(&directory, Rules::default(), async |server| {
        let api = Api::of(server);
        api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
        let added = api.post(people, json!({"id": "ada"})).await.is(201);
        api.send("DELETE", &format!("{people}/ada"), &[], "").await.is(204);
        added["token"].clone()
    });
    life(&directory, Rules::default(), async |server| {
        let params = json!({"protocol": 1, "token": token});
        let refused = server.connect().await.call("join", params).await;
        assert_eq!(refused.expect_err("taken back").0, i64::from(code::FORBIDDEN));
        Api::of(server).join(server, "demo", json!({"id": "ada"})).await; // added again
    });
}

#[test]
fn templates_of_roles_are_kept() {
    let directory = Directory::new("templates");
    let role = json!({
        "name": "usher", "permissions": ["breakout.manage"], "subscribe": {},
        "publish": {"media": {"audio": true, "video": false, "share": false, "canvas": false}}
    });
    life(&directory, Rules::default(), async |server| {
        for name in ["theatre", "cinema"] {
            let body = json!({"name": name, "roles": [role]});
            let post = reqwest::Client::new().post(server.url("/v1/roles")).json(&body);
            assert_eq!(post.send().await.expect("answered").status(), 201);
        }
        let gone = reqwest::Client::new().delete(server.url("/v1/roles/cinema")).send().await;
        assert_eq!(gone.expect("answered").status(), 204);
    });
    life(&directory, Rules::default(), async |server| {
        let status = async |name: &str| {
            let path = format!("/v1/roles/{name}");
            reqwest::get(server.url(&path)).await.expect("answered").status().as_u16()
        };
        assert_eq!((status("theatre").await, status("cinema").await), (200, 404));
        let client = reqwest::Client::new();
        let kept = client.get(server.url("/v1/roles/theatre")).send().await.expect("answered");
        let kept: Value = kept.json().await.expect("JSON");
        assert_eq!(kept["roles"][0]["name"], role["name"]);
        assert_eq!(kept["roles"][0]["permissions"], role["permissions"]);
        assert_eq!(kept["roles"][0]["publish"]["media"], role["publish"]["media"]);
        let body = json!({"id": "play", "template": "theatre"});
        let made = client.post(server.url("/v1/meetings")).json(&body).send().await;
        assert_eq!(made.expect("answered").status(), 201);
        let model = server.meetings.look("play").await.expect("there");
        assert_eq!(model.roles().all()[0].name.as_str(), "usher", "and is made use of");
    });
}

/// A disk that can be full.
struct Full {
    full: Arc<AtomicBool>,
    written: Arc<Mutex<Batch>>,
}

impl Disk for Full {
    fn commit(&mut self, batch: &Batch) -> Result<(), String> {
        if self.full.load(Ordering::Relaxed) {
            return Err("no space left on device".to_owned());
        }
        let mut written = self.written.lock().expect("no test panics in here");
        written.rows.extend(batch.rows.clone());
        Ok(())
    }
}

/// A disk that can hang.
#[derive(Clone, Default)]
struct Hanging {
    hangs: Arc<AtomicBool>,
    waiting: Arc<AtomicBool>,
}

impl Disk for Hanging {
    fn commit(&mut self, _: &Batch) -> Result<(), String> {
        while self.hangs.load(Ordering::Relaxed) {
            self.waiting.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
        }
        self.waiting.store(false, Ordering::Relaxed);
        Ok(())
    }
}

/// While a commit hangs, nobody is told anything, and what waits for them is bounded: nobody is cut
/// off for it when it is through.
#[tokio::test]
async fn what_waits_for_the_disk_is_bounded() {
    let disk = Hanging::default();
    let (server, _) = server_on(disk.clone()).await;
    let (mut hana, _) = join(&server, "hana", json!({"role": "host"})).await;
    let (mut ada, _) = join(&server, "ada", json!({})).await;
    hana.call("breakout.create", json!({"max_rooms": 2})).await.expect("made");
    ada.call("offer", json!({"sdp": offer("aiortc_whep")})).await.expect("answered");
    ada.forget().await;
    let (peer, hanas) = server.books(|books| (books.peers[0].0, books.admitted[0]));

    // States: the last one is told, and of those before it hardly one.
    disk.hangs.store(true, Ordering::Relaxed);
    hana.send(r#"{"jsonrpc":"2.0","method":"broadcast","params":{"text":"one"}}"#).await;
    wait_for("the commit hangs", async || disk.waiting.load(Ordering::Relaxed)).await;
    let changes = async {
        for n in 0..=20_000 {
            let seated = (n % 2 == 0).then_some((hanas, Source::Microphone));
            let event = RelayEvent::Slots { peer, slots: vec![seated; 2] };
            server.events.send(event).await.expect("told");
        }
    };
    let taken = tokio::time::timeout(Duration::from_secs(60), changes).await;
    taken.expect("states take no room, and are taken while the commit hangs");
    disk.hangs.store(false, Ordering::Relaxed);
    let told = ada.all("slots").await;
    // Besides what was still on its way to the meeting.
    assert!((1..1_100).contains(&told.len()), "{}", told.len());
    assert_eq!(told.last().expect("one")["slots"][0]["participant"], json!("hana"));

    // Events: requests wait, instead of more frames than a connection's queue takes.
    disk.hangs.store(true, Ordering::Relaxed);
    let both_named = vec!["ada".to_owned(), "hana".to_owned()]; // each is told of the other, too
    let moves = (0..1_500).map(|n| {
        let meetings = server.meetings.clone();
        let (clients, room_id) = (both_named.clone(), format!("b{}", 1 + n % 2));
        let request = Request::Move { clients, room_id };
        tokio::spawn(async move { meetings.serve("main", request, None).await })
    });
    let moves: Vec<_> = moves.collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    disk.hangs.store(false, Ordering::Relaxed);
    for done in moves {
        done.await.expect("no panic").expect("moved");
    }
    let told = ada.all("meeting_changed").await;
    assert_eq!(told.len(), 1_500, "none is missing");
}

async fn server_on(disk: impl Disk + 'static) -> (Server, Store) {
    let store = Store::over(Box::new(disk), 0).expect("a thread");
    let keeping = Keeping { store: Some(store.clone()), webhooks: None };
    let server =
        Server::start_on(true, MeetingOptions::default(), GRACE, keeping, Default::default()).await;
    (server, store)
}

/// Done, though the answer is an error: with the same key it is not done again.
#[tokio::test]
async fn what_is_in_force_and_unsaved_is_done_once() {
    let full: Arc<AtomicBool> = Arc::default();
    let (server, store) = server_on(Full { full: full.clone(), written: Arc::default() }).await;
    let api = Api::of(&server);
    api.post("/v1/meetings", json!({"id": "demo"})).await.is(201);
    let rooms = "/v1/meetings/demo/breakouts/rooms";
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    full.store(true, Ordering::Relaxed);
    let unsaved = api.send("POST", rooms, &headers, "{}").await;
    assert_eq!(unsaved.body["in_force"], json!(true), "{}", unsaved.body);
    let first = unsaved.refused(503, Some(code::STORE), None);
    // Refused, and not done: the key is free.
    let other = [headers[0], ("idempotency-key", "other")];
    let refused = api.send("POST", rooms, &other, "{}").await.refused(503, Some(code::STORE), None);
    assert_eq!(refused.get("in_force"), None);
    full.store(false, Ordering::Relaxed);
    wait_for("it is written again", async || !store.is_failing()).await;
    let again = api.send("POST", rooms, &headers, "{}").await;
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first));
    let plan = api.get("/v1/meetings/demo/breakouts").await.is(200);
    assert_eq!(plan["rooms"].as_array().map(Vec::len), Some(1), "{plan}");
    api.send("POST", rooms, &other, "{}").await.is(201);
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_new_is_granted() {
    let (full, written): (Arc<AtomicBool>, Arc<Mutex<Batch>>) = Default::default();
    let (server, store) = server_on(Full { full: full.clone(), written: written.clone() }).await;
    let (mut hana, _) = join(&server, "hana", json!({"role": "host"})).await;
    let (mut ada, _) = join(&server, "ada", json!({})).await;
    hana.call("breakout.create", json!({"max_rooms": 2})).await.expect("made");
    full.store(true, Ordering::Relaxed);
    let go = |room: &str| json!({"clients": ["ada"], "room_id": room});
    let (number, error) = hana.call("breakout.move", go("b1")).await.expect_err("not saved");
    assert_eq!(number, i64::from(code::STORE));
    let message = error["message"].as_str().expect("words").to_owned();
    assert!(message.contains("in force") && message.contains("no space left"), "{message}");
    assert_eq!(ada.notice("meeting_changed").await["room_id"], json!("b1"), "it is in force");

    let (number, error) = hana.call("breakout.move", go("b2")).await.expect_err("refused");
    assert_eq!(number, i64::from(code::STORE));
    assert!(error["message"].as_str().expect("words").contains("nothing new"), "{error}");
    let mut late = server.connect().await;
    let refused = late.call("join", json!({"protocol": 1, "id": "late"})).await;
    assert_eq!(refused.expect_err("nobody comes").0, i64::from(code::STORE));
    let made = server.meetings.create("other", server.meetings.fresh()).await;
    assert_eq!(made.expect_err("none is made").code, code::STORE);
    // What is granted goes on, and what takes away is done.
    ada.call("peers.list", json!({})).await.expect("reads");
    let (number, _) = ada.call("mute", json!({"kind": "audio"})).await.expect_err("not saved");
    assert_eq!(number, i64::from(code::STORE));
    let model = server.meetings.look("main").await.expect("there");
    let now = model.person("ada").expect("here");
    assert!(now.muted.microphone && *now.room == *"b1");
    let (_ada, joined) = join(&server, "ada", json!({})).await;
    assert_eq!(joined["room"], json!("b1"), "who is here comes back");
    let text = reqwest::get(server.url("/metrics")).await.expect("answered").text().await;
    let text = text.expect("text");
    assert!(text.contains("ringfence_store_failing 1"), "{text}");
    assert!(!text.contains("ringfence_store_failures_total 0"), "{text}");

    full.store(false, Ordering::Relaxed);
    wait_for("it is written again", async || !store.is_failing()).await;
    hana.call("breakout.move", go("b2")).await.expect("granted again");
    let rows = written.lock().expect("no test panics in here").rows.clone();
    let muted = rows.iter().filter(|(key, _)| key.ends_with(b"Pada"));
    let muted: Vec<Value> = muted
        .map(|(_, row)| rmp_serde::from_slice(row.as_deref().expect("here")).expect("a row"))
        .collect();
    assert_eq!(
        muted[0]["Row"]["Person"]["muted"]["microphone"],
        json!(true),
        "nothing was lost: {muted:?}"
    );
}
