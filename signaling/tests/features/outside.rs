//! What outlives people and the process: meetings made ahead (A10, T4), and those who are told outside
//! (N14).

use std::time::Duration;

use ringfence_signaling::meeting_options::MeetingOptions;
use ringfence_signaling::meetings::Keeping;
use ringfence_signaling::rooms::{
    CSV_TEMPLATE, Create, Media, Meeting, Request, RoomError, Rules, code,
};
use ringfence_signaling::tokens::Keys;
use ringfence_signaling::webhooks::{Limits, Webhooks};
use serde_json::json;

use crate::scene::Scene;
use crate::support::Server;
use crate::support::kept::{Directory, GRACE, LIMITS, life};
use crate::support::receiver::Receiver;

fn rooms(count: u64) -> Request {
    let names = (1..=count).map(|number| format!("Table {number}")).collect();
    let (media, empty_ttl) = (Media::ALL, None);
    Request::Create(Create { max_rooms: None, names, participants: None, media, empty_ttl })
}

fn people() -> Request {
    let text =
        format!("{CSV_TEMPLATE}Table 7,Ada,Lovelace,ada@example.org\nTable 300,Bob,Burns,\n");
    Request::ImportCsv { text }
}

fn code_of<T>(answer: Result<T, RoomError>) -> i32 {
    answer.err().map_or(0, |error| error.code)
}

/// Made by the server before anybody is there, with three hundred rooms and whom they are for.
pub async fn a10_rooms_and_people_are_named_when_the_meeting_is_scheduled() {
    let server = Server::start().await;
    let meetings = server.meetings.clone();
    meetings.create("main", Meeting::new(Rules::default())).await.expect("made");
    meetings.serve("main", rooms(300), None).await.expect("300 rooms");
    assert_eq!(code_of(meetings.serve("main", rooms(1), None).await), code::TOO_MANY_ROOMS);
    meetings.serve("main", people(), None).await.expect("people");
    // Whether breakouts are enabled at all is edited, and saved, beforehand too (E1).
    let off = Rules { breakouts: false, ..Rules::default() };
    meetings.serve("main", Request::Configure(off), None).await.expect("edited");
    let start = || Request::Start { consent: None, timer_s: None };
    assert_eq!(code_of(meetings.serve("main", start(), None).await), code::FORBIDDEN);
    meetings.serve("main", Request::Configure(Rules::default()), None).await.expect("edited");

    let mut scene = Scene::on(server);
    scene.join("hana", json!({"role": "host"})).await;
    scene.join("a", json!({"name": "x", "email": "ADA@example.org"})).await;
    scene.join("b", json!({"name": "bob burns"})).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    assert_eq!(scene.room_of("a").await, "b7", "by address");
    assert_eq!(scene.room_of("b").await, "b300", "by name");
    assert_eq!(scene.room_of("hana").await, "main");
}

/// The same in the file: names and assignments are there after a restart, before anybody came.
pub async fn t4_names_and_assignments_are_saved_with_the_meeting() {
    let directory = std::sync::Arc::new(Directory::new("t4"));
    let first = directory.clone();
    let scheduled = tokio::task::spawn_blocking(move || {
        life(&first, Rules::default(), async |server| {
            let meetings = &server.meetings;
            meetings.create("main", Meeting::new(Rules::default())).await.expect("made");
            meetings.serve("main", rooms(300), None).await.expect("300 rooms");
            meetings.serve("main", people(), None).await.expect("people");
        });
    });
    scheduled.await.expect("scheduled");
    let held = tokio::task::spawn_blocking(move || {
        life(&directory, Rules::default(), async |server| {
            let mut ada = server.connect().await;
            let params = json!({
                "protocol": 1, "id": "a", "email": "ada@example.org", "role": "host"
            });
            let joined = ada.call("join", params).await.expect("joined");
            assert_eq!(joined["rooms"][300]["name"], json!("Table 300"));
            assert_eq!(joined["rooms"][300]["expected"], json!(1));
            ada.call("breakout.start", json!({})).await.expect("started");
            assert_eq!(ada.notice("meeting_changed").await["room_id"], json!("b7"));
        });
    });
    held.await.expect("held");
}

/// Somebody outside is told what happens, signed and in order.
pub async fn n14_webhooks_tell_outside_what_happens() {
    let receiver = Receiver::start().await; // takes only what is signed
    let endpoints = vec![receiver.endpoint(None)];
    // Each try may take long: on a busy machine another one would only come on top.
    let limits = Limits { within: Duration::from_secs(30), ..LIMITS };
    let webhooks = Webhooks::new(endpoints, Keys::development(), None, limits).expect("a client");
    let keeping = Keeping { store: None, webhooks: Some(webhooks) };
    let options = MeetingOptions::default();
    let mut scene =
        Scene::on(Server::start_on(true, options, GRACE, keeping, Default::default()).await);
    scene.join("hana", json!({"role": "host"})).await;
    scene.rooms(1).await;
    scene.go(&["hana"], "b1").await;
    scene.ok("hana", "breakout.destroy_all", json!({})).await;
    scene.ok("hana", "leave", json!({})).await;
    let expected = [
        "meeting_started",
        "participant_joined hana main",
        "room_opened Room 1",
        "participant_moved hana b1",
        "participant_moved hana main",
        "room_closed Room 1",
        "participant_left hana main",
        "meeting_ended",
    ];
    assert_eq!(receiver.wait(expected.len()).await, expected);
}
