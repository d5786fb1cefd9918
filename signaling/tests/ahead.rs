//! Meetings made before anybody comes: they stay without people, the relay hears of them when
//! somebody is there, and they end when it is said.

mod support;

use std::time::Duration;

use ringfence_signaling::rooms::{
    CSV_TEMPLATE, Create, Media, Meeting, Request, RoomError, Rules, Strategy, code,
};
use serde_json::json;
use support::Server;

fn create(names: &[&str]) -> Request {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let (media, empty_ttl) = (Media::ALL, None);
    Request::Create(Create { max_rooms: None, names, participants: None, media, empty_ttl })
}

fn code_of<T>(answer: Result<T, RoomError>) -> i32 {
    answer.err().map_or(0, |error| error.code)
}

/// Until the relay has closed so many meetings.
async fn closed(server: &Server, count: usize) {
    for _ in 0..100 {
        if server.books(|books| books.closed.len()) == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not {count}: {:?}", server.books(|books| books.closed.clone()));
}

#[tokio::test]
async fn it_is_there_before_people_and_after_them() {
    let server = Server::start_with(true, Rules::default()).await;
    let meetings = &server.meetings;
    let fresh = || Meeting::new(Rules { breakout_rooms_max: 300, ..Rules::default() });
    meetings.create("main", fresh()).await.expect("made");
    assert_eq!(code_of(meetings.create("main", fresh()).await), code::CONFLICT);
    let made = meetings.serve("main", create(&["Red", "Blue"]), None).await.expect("rooms");
    assert_eq!(made.rooms.as_deref(), Some(&["b1".into(), "b2".into()][..]));
    let list = format!("{CSV_TEMPLATE}Red,Ada,Lovelace,ada@example.org\nBlue,Bob,Burns,\n");
    let revision = made.revision;
    meetings.serve("main", Request::ImportCsv { text: list }, revision).await.expect("people");
    assert_eq!(code_of(meetings.serve("main", Request::Reset, revision).await), code::STALE);
    assert_eq!(server.books(|books| books.meetings.len()), 0, "the relay has heard nothing");

    for life in 1..=2 {
        let mut ada = server.connect().await;
        let params = json!({"protocol": 1, "id": "a", "email": "Ada@example.org", "role": "host"});
        let joined = ada.call("join", params).await.expect("joined");
        assert_eq!(joined["rooms"][1]["name"], json!("Red"));
        assert_eq!(server.books(|books| books.meetings.len()), life);
        let model = meetings.look("main").await.expect("there");
        assert_eq!(model.plan().assigned_to("a").map(|room| &**room), Some("b1"));
        ada.call("breakout.move", json!({"clients": ["a"], "room_id": "b2"})).await.expect("goes");
        ada.call("leave", json!({})).await.expect("left");
        closed(&server, life).await;
        let model = meetings.look("main").await.expect("stays");
        assert_eq!((model.breakouts().count(), model.is_empty()), (2, true));
    }
    meetings.end("main").await.expect("ended");
    for gone in [
        code_of(meetings.look("main").await),
        code_of(meetings.end("main").await),
        code_of(meetings.serve("main", Request::Tick, None).await),
    ] {
        assert_eq!(gone, code::NOT_FOUND);
    }
    assert!(meetings.names().is_empty());
}

#[tokio::test]
async fn who_is_in_it_is_told_of_its_end() {
    let server = Server::start().await;
    server.meetings.create("main", server.meetings.fresh()).await.expect("made");
    let mut ada = server.join("ada").await;
    let mut bob = server.join("bob").await;
    server.meetings.end("main").await.expect("ended");
    for (page, id) in [(&mut ada, "ada"), (&mut bob, "bob")] {
        let left = page.notice("user_left").await;
        assert_eq!((&left["participant"], &left["reason"]), (&json!(id), &json!("ended")));
    }
    closed(&server, 1).await;
    assert_eq!(server.books(|books| books.dismissed.len()), 2);
}

#[tokio::test]
async fn a_refusing_relay_leaves_it_as_it_was() {
    let server = Server::start().await;
    server.meetings.create("main", server.meetings.fresh()).await.expect("made");
    server.meetings.serve("main", create(&["Red"]), None).await.expect("rooms");
    server.books(|books| books.refuse_rooms = true);
    let mut ada = server.connect().await;
    let join = json!({"protocol": 1, "id": "ada"});
    ada.call("join", join.clone()).await.expect_err("the relay opens no room");
    closed(&server, 1).await;
    server.books(|books| books.refuse_rooms = false);
    ada.call("join", join).await.expect("joined");
    let mut bob = server.join("bob").await;
    let shuffle = Request::Shuffle { strategy: Strategy::Even, seed: Some(1) };
    server.meetings.serve("main", shuffle, None).await.expect("dealt");
    server
        .meetings
        .serve("main", Request::Start { consent: None, timer_s: None }, None)
        .await
        .expect("started");
    assert_eq!(bob.notice("meeting_changed").await["room_id"], json!("b1"));
}
