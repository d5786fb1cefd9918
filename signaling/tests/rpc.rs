//! JSON-RPC as a page speaks it, over a real WebSocket.

mod support;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ringfence::control::api::{Change, RelayEvent};
use ringfence::route::id::{ParticipantId, Source};
use ringfence::shard::command::Gone;
use ringfence_signaling::rooms::{Rules, code};
use serde_json::json;
use support::{Server, offer, token};
use tokio_tungstenite::tungstenite::{Error, Message};

#[tokio::test]
async fn two_pages_meet_and_one_is_moved() {
    let server = Server::start().await;
    let mut hana = server.connect().await;
    let joined = hana.call("join", json!({"protocol": 1, "id": "hana", "name": "Hana"})).await;
    let joined = joined.expect("joined");
    for (field, expected) in [
        ("participant", json!("hana")),
        ("meeting", json!("main")),
        ("room", json!("main")),
        ("role", json!("host")), // the first one, in development mode
        ("resumed", json!(false)),
        ("rooms", json!([{"id": "main", "name": "Main room", "participants": ["hana"]}])),
    ] {
        assert_eq!(joined[field], expected, "{field}");
    }
    let mut ada = server.connect().await;
    let joined = ada.call("join", json!({"protocol": 1, "id": "ada", "name": "Ada"})).await;
    assert_eq!(joined.expect("joined")["role"], json!("participant"));
    let told = hana.notice("user_joined").await;
    assert_eq!(told["participant"]["name"], json!("Ada"));
    let seq = told["seq"].as_u64().expect("durable");

    let created = hana.call("breakout.create", json!({"max_rooms": 2, "names": ["Red"]})).await;
    let rooms = json!({"result": 0, "rooms": ["b1", "b2"], "revision": 1});
    assert_eq!(created.expect("created"), rooms);
    assert_eq!(hana.notice("breakout_created").await["rooms"][0]["name"], json!("Red"));

    let moved = hana.call("breakout.move", json!({"clients": ["ada"], "room_id": "b1"})).await;
    assert_eq!(moved.expect("moved"), json!({"revision": 2}));
    let changes = server.books(|books| books.changes.last().cloned()).expect("one epoch pair");
    // The new room instead of the main one; no canvas in it, by default (Q5).
    assert!(
        matches!(changes[..], [Change::Move { .. }, Change::Hear { .. }, Change::Audience { .. }]),
        "{changes:?}"
    );
    assert_eq!(ada.notice("breakout_connected").await["room_id"], json!("b1"));
    assert_eq!(ada.notice("meeting_changed").await["room_id"], json!("b1"));
    let plan = ada.notice("plan_changed").await;
    assert_eq!(plan["rooms"][1], json!({"id": "b1", "name": "Red", "participants": ["ada"]}));
    let left = hana.notice("user_left").await;
    assert_eq!((&left["participant"], &left["reason"]), (&json!("ada"), &json!("moved")));
    assert!(left["seq"].as_u64().expect("durable") > seq);

    ada.call("breakout.leave", json!({})).await.expect("back");
    assert_eq!(ada.notice("breakout_left").await["room_id"], json!("b1"));
    hana.call("breakout.move", json!({"clients": ["ada"], "room_id": "b2"})).await.expect("moved");
    hana.call("breakout.clear_all", json!({})).await.expect("cleared");
    let out = hana.notice("breakout_user_disconnected").await;
    assert_eq!((&out["room_id"], &out["name"]), (&json!("b2"), &json!("Ada")));
    let list = hana.call("peers.list", json!({})).await.expect("a list");
    assert_eq!(list["rooms"][0]["participants"], json!(["ada", "hana"]));

    ada.call("leave", json!({})).await.expect("left");
    while hana.notice("user_left").await["reason"] != json!("left") {}
    assert_eq!(server.books(|books| books.dismissed.len()), 1);
}

#[tokio::test]
async fn every_error_names_what_is_wrong() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    let mut ada = server.join("ada").await;
    for (who, method, params, code, field) in [
        (0, "offer", json!({}), 1734, Some("sdp")),
        (
            0,
            "offer",
            json!({"sdp": "v=0\r\nm=audio 9 RTP/AVP 0\r\n"}),
            code::INVALID_PARAMS,
            Some("sdp"),
        ),
        (0, "offer", json!({"sdp": "x".repeat(262_145)}), code::TOO_LARGE, Some("sdp")),
        (0, "ice_restart", json!({"sdp": offer("chromium_page")}), code::CONFLICT, None),
        (0, "view", json!({"videos": []}), code::CONFLICT, None),
        (0, "mute", json!({"kind": "x"}), code::INVALID_PARAMS, Some("kind")),
        (0, "breakout.create", json!({"participants": "x"}), 1724, Some("participants")),
        (0, "breakout.create", json!({"participants": 1}), 1725, Some("participants")),
        (0, "breakout.create", json!({"max_rooms": 301}), 1726, Some("max_rooms")),
        (0, "breakout.move", json!({"clients": ["ada"]}), 1734, Some("room_id")),
        (0, "breakout.move", json!({"room_id": "main"}), 1734, Some("clients")),
        (
            0,
            "breakout.move",
            json!({"clients": ["eve"], "room_id": "main"}),
            code::INVALID_PARAMS,
            Some("clients"),
        ),
        (
            0,
            "breakout.move",
            json!({"clients": ["ada"], "room_id": "b9"}),
            code::INVALID_PARAMS,
            Some("room_id"),
        ),
        (0, "breakout.leave", json!({}), code::CONFLICT, None),
        (0, "join", json!({"protocol": 1}), code::CONFLICT, None),
        (0, "breakout.fly", json!({}), code::UNKNOWN_METHOD, Some("method")),
        (0, "chat", json!({"text": "y".repeat(70_000)}), code::TOO_LARGE, Some("text")),
        (0, "breakout.stop", json!({"grace": 60}), code::INVALID_PARAMS, Some("grace")),
        (0, "leave", json!({"now": true}), code::INVALID_PARAMS, Some("now")),
        (0, "peers.list", json!([]), code::INVALID_REQUEST, Some("params")),
        (1, "breakout.create", json!({}), code::FORBIDDEN, None),
        (
            1,
            "breakout.move",
            json!({"clients": ["hana"], "room_id": "main"}),
            code::FORBIDDEN,
            None,
        ),
        (1, "breakout.clear_all", json!({}), code::FORBIDDEN, None),
    ] {
        let page = if who == 0 { &mut hana } else { &mut ada };
        let (got, error) = page.call(method, params).await.expect_err(method);
        let named = error["data"]["field"].as_str();
        assert_eq!((got, named), (i64::from(code), field), "{method}: {error}");
    }
    server.books(|books| books.refuse_rooms = true);
    let (code, _) =
        hana.call("breakout.create", json!({})).await.expect_err("refused by the relay");
    assert_eq!(code, 1731);
    let rooms = hana.call("peers.list", json!({})).await.expect("a list")["rooms"].clone();
    assert_eq!(rooms.as_array().map(Vec::len), Some(1), "nothing changed");
}

#[tokio::test]
async fn lecture_mode_has_no_breakouts() {
    let rules = Rules { lecture: true, breakout_in_lecture: false, ..Rules::default() };
    let server = Server::start_with(true, rules).await;
    let (code, _) =
        server.join("hana").await.call("breakout.create", json!({})).await.expect_err("5067");
    assert_eq!(code, 5067);
}

#[tokio::test]
async fn joining() {
    let server = Server::start_with(false, Rules::default()).await;
    let good = token(|_| {});
    let role = token(|claims| claims.role = Some("host".into()));
    let expired = token(|claims| claims.exp = 1);
    let other = token(|claims| claims.video.room = "other".into());
    let no_join = token(|claims| claims.video.room_join = false);
    let closed = token(|claims| claims.video.room_create = false);
    for (why, params, expected) in [
        ("no token", json!({"protocol": 1}), Err(code::UNAUTHORIZED)),
        ("no protocol", json!({"token": good}), Err(1734)),
        ("another protocol", json!({"protocol": 2, "token": good}), Err(code::INVALID_PARAMS)),
        ("rubbish", json!({"protocol": 1, "token": "x"}), Err(code::UNAUTHORIZED)),
        ("expired", json!({"protocol": 1, "token": expired}), Err(code::UNAUTHORIZED)),
        (
            "another meeting",
            json!({"protocol": 1, "token": other, "meeting": "main"}),
            Err(code::FORBIDDEN),
        ),
        ("another id", json!({"protocol": 1, "token": good, "id": "bob"}), Err(code::FORBIDDEN)),
        ("no grant", json!({"protocol": 1, "token": no_join}), Err(code::FORBIDDEN)),
        ("may not create it", json!({"protocol": 1, "token": closed}), Err(code::NOT_FOUND)),
        ("good", json!({"protocol": 1, "token": good}), Ok("participant")),
        ("a host", json!({"protocol": 1, "token": role}), Ok("host")),
        ("its own meeting", json!({"protocol": 1, "token": other}), Ok("participant")),
    ] {
        let mut page = server.connect().await;
        match (page.call("join", params).await, expected) {
            (Ok(joined), Ok(role)) => assert_eq!(joined["role"], json!(role), "{why}"),
            (Err((got, _)), Err(code)) => assert_eq!(got, i64::from(code), "{why}"),
            (got, _) => panic!("{why}: {got:?}"),
        }
        if expected.is_ok() {
            page.call("leave", json!({})).await.expect("left");
        }
    }
    let mut stranger = server.connect().await;
    for method in ["offer", "leave", "peers.list"] {
        let params = json!({"sdp": offer("aiortc_whep")});
        let params = if method == "offer" { params } else { json!({}) };
        let (got, _) = stranger.call(method, params).await.expect_err(method);
        assert_eq!(got, i64::from(code::NOT_JOINED), "{method}");
    }
}

#[tokio::test]
async fn frames_before_and_after_join() {
    let server = Server::start().await;
    let mut page = server.connect().await;
    let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
    for (frame, code, field) in [
        ("{", code::PARSE, "frame"),
        ("[]", code::INVALID_REQUEST, "frame"),
        ("{}", code::INVALID_REQUEST, "jsonrpc"),
        (r#"{"jsonrpc":"2.0","id":[],"method":"leave"}"#, code::INVALID_REQUEST, "id"),
        (r#"{"jsonrpc":"2.0","id":null,"method":7}"#, code::INVALID_REQUEST, "method"),
        (deep.as_str(), code::TOO_LARGE, "frame"),
    ] {
        page.send(frame).await;
        let answer = page.read().await.expect("an answer");
        let error = &answer["error"];
        assert_eq!((&answer["id"], &error["code"]), (&json!(null), &json!(code)), "{frame}");
        assert_eq!(error["data"]["field"], json!(field), "{frame}");
    }
    page.send(&format!("{{\"x\":\"{}\"}}", "y".repeat(4_096))).await;
    let why = page.read().await.expect("why")["error"].clone();
    assert_eq!((&why["code"], &why["data"]["field"]), (&json!(code::TOO_LARGE), &json!("frame")));
    assert!(page.read().await.is_none(), "closed: a stranger sends 4 KiB at most");

    let mut binary = server.connect().await;
    binary.socket.send(Message::binary(vec![1, 2, 3])).await.expect("sent");
    assert!(binary.read().await.is_none(), "closed: text only");

    let mut page = server.join("ada").await;
    page.send(r#"{"jsonrpc":"2.0","method":"mute","params":{"kind":"audio"}}"#).await;
    let told = page.notice("peer_updated").await;
    assert_eq!(
        told["participant"]["muted"],
        json!({"audio": true, "video": false, "screen_audio": true})
    );
    let long = page.call("offer", json!({"sdp": offer("chromium_page")})).await;
    assert!(long.is_ok(), "an offer of 100 KB: {long:?}");
}

#[tokio::test]
async fn who_may_connect() {
    let server = Server::start().await;
    let protocol = ("sec-websocket-protocol", "ringfence.v1");
    let own = format!("http://{}", server.address);
    for (why, headers, expected) in [
        ("no browser", vec![protocol], Ok(())),
        ("our page", vec![protocol, ("origin", own.as_str())], Ok(())),
        ("a page of the operator", vec![protocol, ("origin", "https://meet.example")], Ok(())),
        ("a foreign page", vec![protocol, ("origin", "https://evil.example")], Err(403)),
        ("no subprotocol", vec![], Err(400)),
        ("another subprotocol", vec![("sec-websocket-protocol", "chat")], Err(400)),
    ] {
        match (server.connect_as(&headers).await, expected) {
            (Ok(_), Ok(())) => {}
            (Err(Error::Http(answer)), Err(status)) => {
                assert_eq!(answer.status().as_u16(), status, "{why}")
            }
            (got, _) => panic!("{why}: {:?}", got.err()),
        }
    }
    let operator = [protocol, ("origin", "https://meet.example")];
    let mut page = server.connect_as(&operator).await.expect("a WebSocket");
    let (code, _) = page.call("join", json!({"protocol": 1})).await.expect_err("no token");
    assert_eq!(code, i64::from(code::UNAUTHORIZED), "tokenless is for our own page only");
    let proxied = [protocol, ("x-forwarded-for", "192.0.2.1")];
    let mut page = server.connect_as(&proxied).await.expect("a WebSocket");
    let (code, _) = page.call("join", json!({"protocol": 1})).await.expect_err("no token");
    assert_eq!(code, i64::from(code::UNAUTHORIZED), "not through a proxy");
}

#[tokio::test]
async fn offers_slots_and_restarts() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    let mut ada = server.join("ada").await;
    let sdp = offer("chromium_page");
    let answer = ada.call("offer", json!({"sdp": sdp})).await.expect("answered");
    assert!(answer["sdp"].as_str().expect("SDP").contains("a=ice-lite\r\n"));
    let slots = answer["slots"].as_array().expect("slots");
    assert_eq!(slots.len(), 20);
    assert_eq!(slots[0], json!({"mid": "5", "participant": null, "source": null}));
    hana.call("offer", json!({"sdp": offer("firefox_page")})).await.expect("answered");

    // The relay seats Hana's camera in Ada's first slot.
    let (peer, hanas) = server.books(|books| (books.peers[0].0, books.admitted[0]));
    let mut seated = vec![None; 20];
    seated[0] = Some((hanas, Source::Camera));
    server.events.send(RelayEvent::Slots { peer, slots: seated }).await.expect("told");
    let told = ada.notice("slots").await;
    assert_eq!(told["slots"][0], json!({"mid": "5", "participant": "hana", "source": "camera"}));
    assert_eq!(told.get("seq"), None, "a state");

    let wishes = json!({"videos": [
        {"participant": "hana", "source": "camera", "height": 720},
        {"participant": "gone", "source": "screen", "height": 180},
    ]});
    ada.call("view", wishes).await.expect("viewed");
    assert_eq!(server.books(|books| books.views.clone()), [1], "who is gone is passed over");

    let ufrag = sdp.lines().find_map(|l| l.strip_prefix("a=ice-ufrag:")).expect("a ufrag");
    let pwd = sdp.lines().find_map(|l| l.strip_prefix("a=ice-pwd:")).expect("a password");
    let renewed = sdp.replace(ufrag, "NEWu").replace(pwd, "NEWpwdNEWpwdNEWpwdNEWpwd");
    let again = ada.call("ice_restart", json!({"sdp": renewed})).await.expect("restarted");
    let again = again["sdp"].as_str().expect("SDP");
    assert!(again.contains("a=ice-ufrag:anew"), "new credentials of ours");
    assert!(again.lines().nth(1).is_some_and(|line| line.contains(" 2 IN IP4")), "version 2");
    let (code, _) = ada.call("ice_restart", json!({"sdp": renewed})).await.expect_err("not new");
    assert_eq!(code, i64::from(code::INVALID_PARAMS));

    // An offer anew takes the place of the old peer.
    ada.call("offer", json!({"sdp": sdp})).await.expect("answered");
    assert_eq!(server.books(|books| books.removed.clone()), [peer]);
    let now = server.books(|books| books.peers[2].0);
    let gone = RelayEvent::PeerGone(now, Gone::ConsentExpired);
    server.events.send(gone).await.expect("told");
    assert_eq!(ada.notice("reconnect").await["reason"], json!("ConsentExpired"));
}

/// A hint for whoever sends pictures, told anew to a page that comes back.
#[tokio::test]
async fn who_sends_pictures_is_told_whether_anybody_sees_them() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    let mut ada = server.join("ada").await;
    ada.call("offer", json!({"sdp": offer("chromium_page")})).await.expect("answered");
    let (peer, hanas) = server.books(|books| (books.peers[0].0, books.admitted[0]));
    let show = async |sources: &[Source]| {
        let mut slots = vec![None; 20];
        for (slot, source) in slots.iter_mut().zip(sources) {
            *slot = Some((hanas, *source));
        }
        server.events.send(RelayEvent::Slots { peer, slots }).await.expect("told");
    };
    show(&[Source::Microphone, Source::Screen]).await;
    let seen = json!({"source": "screen", "active": true});
    assert_eq!(hana.notice("layers").await, seen, "a state, without a number");
    let mut hana = server.join("hana").await;
    assert_eq!(hana.notice("layers").await, seen);
    ada.call("leave", json!({})).await.expect("left");
    assert_eq!(hana.notice("layers").await, json!({"source": "screen", "active": false}));
    assert!(!ada.heard_by_now("layers"), "of one's own pictures only");
}

#[tokio::test]
async fn an_event_that_overtakes_the_answer_is_kept() {
    let server = Server::start().await;
    let mut ada = server.join("ada").await;
    // The next number that the relay gives out will be the peer's.
    let next = server.books(|books| books.admitted[0].0 + 1);
    let peer = ringfence::route::id::PeerId(next);
    let slots = vec![Some((server.books(|books| books.admitted[0]), Source::Microphone)); 2];
    server.events.send(RelayEvent::Slots { peer, slots }).await.expect("told");
    tokio::time::sleep(Duration::from_millis(50)).await;
    ada.call("offer", json!({"sdp": offer("aiortc_whep")})).await.expect("answered");
    assert_eq!(ada.notice("slots").await["slots"][0]["participant"], json!("ada"));
}

#[tokio::test]
async fn speaking_is_told_by_name_and_room() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    let mut ada = server.join("ada").await;
    hana.call("breakout.create", json!({})).await.expect("created");
    hana.call("breakout.move", json!({"clients": ["ada"], "room_id": "b1"})).await.expect("moved");
    let (meeting, both) = server.books(|books| (books.meetings[0], books.admitted.clone()));
    let event = RelayEvent::Speaking { meeting, participants: both };
    server.events.send(event).await.expect("told");
    assert_eq!(hana.notice("speaking").await["participants"], json!(["hana"]));
    assert_eq!(ada.notice("speaking").await["participants"], json!(["ada"]), "of one's own room");
}

/// N12: what is said where somebody does not hear it is not told to them, not even as the same again.
#[tokio::test]
async fn speaking_elsewhere_is_not_told() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    let mut ada = server.join("ada").await;
    hana.call("breakout.create", json!({})).await.expect("created");
    hana.call("breakout.move", json!({"clients": ["ada"], "room_id": "b1"})).await.expect("moved");
    let (meeting, both) = server.books(|books| (books.meetings[0], books.admitted.clone()));
    let speak = async |participants: &[ParticipantId]| {
        let event = RelayEvent::Speaking { meeting, participants: participants.to_vec() };
        server.events.send(event).await.expect("told");
    };
    speak(&both[1..]).await;
    assert_eq!(ada.notice("speaking").await["participants"], json!(["ada"]));
    speak(&both).await;
    assert_eq!(hana.notice("speaking").await["participants"], json!(["hana"]));
    assert!(!ada.heard("speaking").await, "the same people speak in her room");
    // Without a word from the relay: who is heard is another by a move.
    hana.call("breakout.move", json!({"clients": ["hana"], "room_id": "b1"})).await.expect("moved");
    assert_eq!(ada.notice("speaking").await["participants"], json!(["hana", "ada"]));
    let mut again = server.join("hana").await; // another page: it presumes that nobody speaks
    assert_eq!(again.notice("speaking").await["participants"], json!(["hana", "ada"]));
}

/// What she was told last is no longer so, and what is so now is what a new page would presume.
#[tokio::test]
async fn who_comes_back_is_told_that_nobody_speaks_any_more() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    let mut ada = server.join("ada").await;
    let (meeting, both) = server.books(|books| (books.meetings[0], books.admitted.clone()));
    for (participants, told) in [(both[..1].to_vec(), json!(["hana"])), (Vec::new(), json!([]))] {
        let event = RelayEvent::Speaking { meeting, participants };
        server.events.send(event).await.expect("told");
        assert_eq!(hana.notice("speaking").await["participants"], told);
        if told == json!(["hana"]) {
            assert_eq!(ada.notice("speaking").await["participants"], told);
            ada.socket.close(None).await.expect("closed");
        }
    }
    let mut ada = server.connect().await;
    let join = json!({"protocol": 1, "id": "ada", "resume": 0});
    let joined = ada.call("join", join).await.expect("joined");
    assert!(joined["resume"].is_string());
    assert_eq!(ada.notice("speaking").await["participants"], json!([]));
}

#[tokio::test]
async fn a_lost_page_may_come_back() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    let mut ada = server.join("ada").await;
    ada.call("offer", json!({"sdp": offer("chromium_page")})).await.expect("answered");
    hana.call("breakout.create", json!({})).await.expect("created");
    hana.call("breakout.move", json!({"clients": ["ada"], "room_id": "b1"})).await.expect("moved");
    drop(ada);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut ada = server.connect().await;
    let joined = ada.call("join", json!({"protocol": 1, "id": "ada"})).await.expect("joined");
    assert_eq!(joined["room"], json!("b1"), "still where they were");
    assert_eq!(joined["resumed"], json!(true), "the peer is still there");
    ada.notice("slots").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(ada.call("peers.list", json!({})).await.is_ok(), "the old grace is over, they stay");
    assert!(server.books(|books| books.removed.is_empty()), "and so does their peer");
    assert_eq!(server.books(|books| books.dismissed.len()), 0);
    drop(ada);
    while hana.notice("user_left").await["reason"] != json!("lost") {}
    assert_eq!(server.books(|books| books.dismissed.len()), 1);
}

#[tokio::test]
async fn the_same_id_again_takes_the_place() {
    let server = Server::start().await;
    let mut old = server.join("ada").await;
    let mut new = server.join("ada").await;
    assert_eq!(old.notice("reconnect").await["reason"], json!("replaced"));
    assert!(old.read().await.is_none(), "closed");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(new.call("peers.list", json!({})).await.is_ok(), "the old one's end is not theirs");
    assert_eq!(server.books(|books| books.admitted.len()), 1, "one participant");
}

#[tokio::test]
async fn a_meeting_ends_with_its_last_participant_and_begins_anew() {
    let server = Server::start().await;
    for round in 1..=3 {
        let mut hana = server.join("hana").await;
        hana.call("leave", json!({})).await.expect("left");
        for _ in 0..50 {
            if server.books(|books| books.closed.len()) == round {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(
            server.books(|books| (books.meetings.len(), books.closed.len())),
            (round, round)
        );
    }
}

#[tokio::test]
async fn requests_are_limited() {
    let server = Server::start().await;
    let mut page = server.join("ada").await;
    for id in 0..300 {
        page.send(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"peers.list"}}"#)).await;
    }
    let mut refused = 0;
    for _ in 0..300 {
        let answer = page.read().await.expect("an answer");
        refused += usize::from(answer["error"]["code"] == json!(code::TOO_MANY));
    }
    assert!((50..=101).contains(&refused), "{refused}");
}

#[tokio::test]
async fn the_newest_token_rules() {
    let server = Server::start_with(false, Rules::default()).await;
    let named = |name: &str, role: &str, publish: bool| {
        let (name, role) = (Some(name.to_owned()), Some(role.to_owned()));
        token(|claims| {
            (claims.name, claims.role) = (name, role);
            claims.video.can_publish = Some(publish);
        })
    };
    let other = token(|claims| claims.sub = "bob".into());
    let mut bob = server.connect().await;
    bob.call("join", json!({"protocol": 1, "token": other})).await.expect("joined");
    for (name, role, publish, manages) in [
        ("Ada", "participant", true, false),
        ("Ada Lovelace", "host", true, true), // joined as less before
        ("Ada", "guest", false, false),       // what the old role allowed is revoked
    ] {
        let mut ada = server.connect().await;
        let ask = json!({"protocol": 1, "token": named(name, role, publish)});
        let joined = ada.call("join", ask).await.expect("joined");
        assert_eq!(joined["role"], json!(role));
        assert_eq!(joined["participants"][0]["name"], json!(name));
        let created = ada.call("breakout.create", json!({})).await;
        assert_eq!(created.is_ok(), manages, "{role}: {created:?}");
        if name != "Ada" || role == "guest" {
            let told = bob.notice("peer_updated").await;
            assert_eq!(told["participant"]["role"], json!(role));
        }
    }
    let changes = server.books(|books| books.changes.concat());
    let count = |test: fn(&Change) -> bool| changes.iter().filter(|change| test(change)).count();
    assert_eq!(count(|c| matches!(c, Change::Role { .. })), 2, "{changes:?}");
    let silenced = count(|c| matches!(c, Change::Audience { audience: Some(_), .. }));
    assert_eq!(silenced, 5, "every source: {changes:?}");
}

#[tokio::test]
async fn a_frame_too_long_is_said_to_be() {
    let server = Server::start().await;
    let mut ada = server.join("ada").await;
    ada.send(&format!("{{\"x\":\"{}\"}}", "y".repeat(330 * 1024))).await;
    let code = loop {
        match ada.socket.next().await {
            Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
            Some(Ok(_)) => {}
            end => panic!("{end:?}"),
        }
    };
    assert_eq!(code, Some(1_009));
}

#[tokio::test]
async fn what_is_no_request_is_counted_too() {
    let server = Server::start().await;
    let mut ada = server.join("ada").await;
    ada.send("{").await;
    ada.read().await.expect("an answer");
    let text = reqwest::get(server.url("/metrics")).await.expect("answered").text().await;
    let text = text.expect("text");
    assert!(text.contains("rpc_requests_total{method=\"none\",code=\"-32700\"} 1"), "{text}");
}

/// More than other methods may bring along: a list of as many people as a meeting is measured with.
#[tokio::test]
async fn a_list_of_three_thousand_people() {
    let server = Server::start().await;
    let mut hana = server.join("hana").await;
    let mut text = "room_name,first_name,last_name,email\n".to_owned();
    for n in 0..3_000 {
        text += &format!("Group {},Given {n},Family {n},person{n}@example.org\n", n % 300);
    }
    assert!(text.len() > 128 * 1024, "{}", text.len());
    hana.call("breakout.import_csv", json!({"text": text})).await.expect("imported");
    let list = hana.call("peers.list", json!({})).await.expect("a list");
    assert_eq!(list["rooms"].as_array().map(Vec::len), Some(1 + 300));
}
