//! Webhooks with a real HTTP server on the other side: one that fails, is slow, recovers; and over a
//! restart.

mod support;

use std::time::{Duration, Instant};

use ringfence_signaling::meeting_options::MeetingOptions;
use ringfence_signaling::meetings::Keeping;
use ringfence_signaling::rooms::{Meeting, Rules};
use ringfence_signaling::serve::Signal;
use ringfence_signaling::tokens::Keys;
use ringfence_signaling::webhooks::{Endpoint, Webhooks};
use serde_json::{Value, json};
use support::Server;
use support::kept::{Directory, GRACE, LIMITS, life_with};
use support::receiver::Receiver;
use tokio::runtime::Runtime;

async fn server(receiver: &Receiver, events: Option<&[&str]>) -> Server {
    server_to(vec![receiver.endpoint(events)]).await
}

async fn server_to(endpoints: Vec<Endpoint>) -> Server {
    let webhooks = Webhooks::new(endpoints, Keys::development(), None, LIMITS).expect("a client");
    let keeping = Keeping { store: None, webhooks: Some(webhooks) };
    Server::start_on(true, MeetingOptions::default(), GRACE, keeping, Default::default()).await
}

async fn metric(server: &Server, line: &str) -> bool {
    let text = reqwest::get(server.url("/metrics")).await.expect("answered").text().await;
    text.expect("text").lines().any(|told| told == line)
}

/// Until the server knows of every answer: it does a moment after the other side has answered.
async fn settle(server: &Server) {
    while !metric(server, "ringfence_webhooks_pending 0").await {}
}

#[tokio::test]
async fn everything_once_in_order_and_signed() {
    let receiver = Receiver::start().await;
    let server = server(&receiver, None).await;
    server.meetings.create("main", Meeting::new(Rules::default())).await.expect("made");
    let mut hana = server.join("hana").await;
    for (method, params) in [
        ("breakout.create", json!({"names": ["Red", "Blue"]})),
        ("breakout.move", json!({"clients": ["hana"], "room_id": "b2"})),
        ("breakout.delete", json!({"room_id": "b1"})),
        ("leave", json!({})),
    ] {
        hana.call(method, params).await.expect(method);
    }
    let expected = [
        "meeting_started",
        "participant_joined hana main",
        "room_opened Red",
        "room_opened Blue",
        "participant_moved hana b2",
        "room_closed Red",
        "participant_left hana b2",
        "room_closed Blue",
        "meeting_ended",
        // The meeting was made ahead: there is a next life, with its room.
        "meeting_started",
        "room_opened Blue",
        "participant_joined hana main",
    ];
    assert_eq!(receiver.wait(9).await, expected[..9]);
    hana.call("join", json!({"protocol": 1, "id": "hana"})).await.expect("joined");
    assert_eq!(receiver.wait(12).await, expected);
    let bodies = receiver.manner(|manner| manner.taken.clone());
    let numbers: Vec<u64> =
        bodies.iter().map(|body| body["number"].as_u64().expect("a number")).collect();
    assert_eq!(numbers, (1..=9).chain(1..=3).collect::<Vec<u64>>());
    assert_eq!(bodies[4]["from_room_id"], json!("main"));
    assert!(bodies[0]["life"] == bodies[8]["life"] && bodies[0]["life"] != bodies[9]["life"]);
    let mut ids: Vec<&str> = bodies.iter().filter_map(|body| body["id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 12, "an id for each");
    assert!(bodies.iter().all(|body| body["created_at_ms"].is_u64() && body["meeting"] == "main"));
    settle(&server).await;
    assert!(metric(&server, r#"ringfence_webhooks_total{outcome="delivered"} 12"#).await);
}

#[tokio::test]
async fn one_that_fails_or_is_slow_holds_up_no_meeting_and_gets_all_in_order() {
    let receiver = Receiver::start().await;
    let server = server(&receiver, Some(&["participant_joined"])).await;
    receiver.manner(|manner| manner.fails = true);
    let mut pages = Vec::new();
    for n in 0..5 {
        pages.push(server.join(&format!("p{n}")).await);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    // Longer than a post may take: it is cut off and tried again.
    receiver.manner(|manner| (manner.fails, manner.takes) = (false, Duration::from_millis(700)));
    let began = Instant::now();
    for n in 5..10 {
        pages.push(server.join(&format!("p{n}")).await);
    }
    assert!(began.elapsed() < Duration::from_millis(700), "{:?}", began.elapsed());
    tokio::time::sleep(Duration::from_millis(700)).await;
    receiver.manner(|manner| manner.takes = Duration::ZERO);
    let mut told = receiver.wait(10).await;
    let tries = receiver.manner(|manner| manner.came.len());
    assert!(tries > 10, "{tries}");
    told.dedup(); // at least once: what was cut off may have been taken
    let expected: Vec<String> = (0..10).map(|n| format!("participant_joined p{n} main")).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn more_than_may_wait_is_dropped_and_counted() {
    let receiver = Receiver::start().await;
    let server = server(&receiver, Some(&["participant_moved"])).await;
    receiver.manner(|manner| manner.fails = true);
    let mut hana = server.join("hana").await;
    hana.call("breakout.create", json!({"max_rooms": 2})).await.expect("made");
    let go = |n: usize| json!({"clients": ["hana"], "room_id": format!("b{}", 1 + n % 2)});
    for n in 0..LIMITS.pending + 20 {
        hana.call("breakout.move", go(n)).await.expect("moved");
    }
    assert!(metric(&server, r#"ringfence_webhooks_total{outcome="dropped"} 20"#).await);
    assert!(metric(&server, "ringfence_webhooks_pending 50").await);
    receiver.manner(|manner| manner.fails = false);
    receiver.wait(LIMITS.pending).await;
    hana.call("breakout.move", go(0)).await.expect("moved");
    receiver.wait(LIMITS.pending + 1).await;
    let numbers = receiver.manner(|manner| {
        let number = |body: &Value| body["number"].as_u64().expect("a number");
        manner.taken.iter().map(number).collect::<Vec<u64>>()
    });
    let gap = numbers[LIMITS.pending] - numbers[LIMITS.pending - 1];
    assert_eq!(gap, 21, "the gap says how many are missing");
}

#[tokio::test]
async fn what_is_under_way_is_delivered_before_the_end() {
    let receiver = Receiver::start().await;
    let server = server(&receiver, None).await;
    receiver.manner(|manner| manner.takes = Duration::from_millis(200));
    let mut hana = server.join("hana").await;
    hana.call("leave", json!({})).await.expect("left");
    drop(hana);
    server.signals.send(Signal::Drain).await.expect("told");
    server.task.await.expect("no panic").expect("ended well");
    let all = ["meeting_started", "participant_joined hana main", "participant_left hana main"];
    assert_eq!(receiver.taken()[..3], all);
    assert_eq!(receiver.taken()[3..], ["meeting_ended"]);
}

/// One never answers: as many posts to it as there may be at a time, and as many waiting.
#[tokio::test]
async fn an_address_that_is_gone_costs_the_others_nothing() {
    let (dead, good) = (Receiver::start().await, Receiver::start().await);
    dead.manner(|manner| manner.takes = Duration::from_secs(3_600));
    let started: Option<&[&str]> = Some(&["meeting_started"]);
    let server = server_to(vec![dead.endpoint(started), good.endpoint(started)]).await;
    let meetings = LIMITS.pending + 20; // a lane each
    for n in 0..meetings {
        let mut page = server.connect().await;
        let join = json!({"protocol": 1, "meeting": format!("m{n}"), "id": "ada"});
        page.call("join", join).await.expect("joined");
        good.wait(n + 1).await;
    }
    assert!(metric(&server, r#"ringfence_webhooks_total{outcome="dropped"} 20"#).await);
    let delivered = format!(r#"ringfence_webhooks_total{{outcome="delivered"}} {meetings}"#);
    while !metric(&server, &delivered).await {} // counted a moment after it is answered
    while !metric(&server, "ringfence_webhooks_pending 50").await {}
}

#[test]
fn what_was_not_delivered_survives_a_restart() {
    let directory = Directory::new("webhooks");
    let outside = Runtime::new().expect("a runtime");
    let receiver = outside.block_on(Receiver::start());
    receiver.manner(|manner| manner.fails = true);
    let endpoints = || vec![receiver.endpoint(None)];
    life_with(&directory, Rules::default(), endpoints(), async |server| {
        let mut hana = server.join("hana").await;
        hana.call("breakout.create", json!({"names": ["Red"]})).await.expect("made");
    });
    receiver.manner(|manner| manner.fails = false);
    life_with(&directory, Rules::default(), endpoints(), async |server| {
        let first = ["meeting_started", "participant_joined hana main", "room_opened Red"];
        assert_eq!(receiver.wait(3).await, first);
        let mut hana = server.join("hana").await;
        hana.call("leave", json!({})).await.expect("left");
        let rest = ["participant_left hana main", "room_closed Red", "meeting_ended"];
        assert_eq!(receiver.wait(6).await[3..], rest);
        settle(server).await;
    });
    let numbers = receiver.manner(|manner| {
        let number = |body: &Value| body["number"].as_u64().expect("a number");
        manner.taken.iter().map(number).collect::<Vec<u64>>()
    });
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6], "the same life of the meeting");
    life_with(&directory, Rules::default(), endpoints(), async |_| {
        tokio::time::sleep(Duration::from_millis(300)).await;
    });
    assert_eq!(receiver.taken().len(), 6, "what is delivered is not sent again");
}
