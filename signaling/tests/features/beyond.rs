//! FEATURES.md 2, as far as it is the engine's. (N3-N8, N10, N11 stand beside what they are about.)

use std::time::{Duration, Instant};

use ringfence::control::api::Change;
use ringfence::route::id::Source;
use ringfence_signaling::rooms::{Rules, code};
use serde_json::json;

use crate::main_room::mutes;
use crate::scene::Scene;

pub async fn n1_a_move_touches_no_connection() {
    let mut scene = Scene::new().await;
    let sdp = crate::support::offer("chromium_page");
    scene.ok("ada", "offer", json!({"sdp": sdp})).await;
    scene.rooms(1).await;
    scene.changes();
    scene.go(&["ada"], "b1").await;
    assert!(matches!(scene.changes()[0], Change::Move { .. }));
    assert!(scene.server.books(|books| books.peers.len() == 1 && books.removed.is_empty()));
    scene.unsaid("ada", "reconnect").await;
}

pub async fn n2_start_shuffle_and_stop_are_one_step_each() {
    let mut scene = Scene::new().await;
    for n in 0..6 {
        scene.join(&format!("p{n}"), json!({})).await;
    }
    scene.rooms(3).await;
    scene.epochs();
    scene.ok("hana", "breakout.start", json!({})).await;
    assert_eq!(scene.epochs(), 1);
    scene.ok("hana", "breakout.shuffle", json!({"strategy": "even", "seed": 9})).await;
    assert_eq!(scene.epochs(), 1);
    scene.ok("hana", "breakout.stop", json!({})).await;
    let changes = scene.changes();
    let moved = changes.iter().filter(|change| matches!(change, Change::Move { .. })).count();
    assert_eq!(moved, 8, "everybody but the host, in one request to the relay");
}

pub async fn n9_a_stale_plan_is_refused() {
    let mut scene = Scene::new().await;
    let revision = scene.ok("hana", "breakout.create", json!({})).await["revision"].clone();
    let rename = |name: &str| json!({"room_id": "b1", "name": name, "revision": revision});
    scene.ok("hana", "breakout.rename", rename("Red")).await;
    let (code, error) =
        scene.page("hana").call("breakout.rename", rename("Blue")).await.expect_err("stale");
    assert_eq!((code, &error["data"]["field"]), (i64::from(code::STALE), &json!("revision")));
    assert_eq!(error["data"]["revision"], json!(revision.as_u64().expect("a number") + 1));
    assert_eq!(scene.room("b1").await["name"], json!("Red"));
    // The same by ETag and If-Match: the later of two hosts who read the same is refused.
    let api = crate::support::Api::of(&scene.server);
    let path = "/v1/meetings/main/breakouts";
    let read = api.get(path).await;
    let tag = read.header("etag").to_owned();
    let plan = read.is(200);
    let put = async |name: &str| {
        let mut plan = plan.clone();
        plan["rooms"][0]["name"] = json!(name);
        let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
        api.send("PUT", path, &headers, plan.to_string()).await
    };
    put("Grey").await.is(200);
    put("Pink").await.refused(412, Some(code::STALE), Some("revision"));
    assert_eq!(scene.room("b1").await["name"], json!("Grey"));
}

pub async fn n12_hosts_see_all_rooms_and_others_what_their_role_lets_them() {
    let mut scene = Scene::new().await;
    scene.join("cyd", json!({})).await;
    scene.rooms(30).await;
    scene.go(&["ada"], "b1").await;
    scene.forget().await;
    scene.go(&["bob"], "b2").await;
    let list = scene.ok("ada", "peers.list", json!({})).await;
    let rooms = list["rooms"].as_array().expect("rooms").iter();
    assert_eq!(rooms.map(|room| &room["id"]).collect::<Vec<_>>(), [&json!("main"), &json!("b1")]);
    let list = scene.ok("hana", "peers.list", json!({})).await;
    assert_eq!(list["rooms"].as_array().map(Vec::len), Some(31));
    for event in ["plan_changed", "user_left", "user_joined", "peer_updated"] {
        scene.unsaid("ada", event).await;
    }
    assert_eq!(
        scene.said("hana", "plan_changed").await["rooms"][2]["participants"],
        json!(["bob"])
    );
    scene.unsaid("cyd", "plan_changed").await;
    for id in ["ada", "bob", "cyd", "hana"] {
        scene.unsaid(id, "room_counts").await;
        assert_eq!(scene.ok(id, "peers.list", json!({})).await["room_counts"], json!(null), "{id}");
    }
    who_may_go_there_is_told_how_many_there_are().await;
    whether_breakouts_are_open_is_told_to_everybody().await;
}

/// Of N12: the state of the plan, to those too who stay in the main room; not which rooms there are.
async fn whether_breakouts_are_open_is_told_to_everybody() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.join("cyd", json!({})).await["state"], json!("draft"), "there are none");
    scene.rooms(30).await;
    let assign = json!({"room_id": "b1", "clients": ["ada"]});
    scene.ok("hana", "breakout.assign", assign).await;
    scene.unsaid("cyd", "plan_changed").await; // a draft, as before
    for (method, params, state) in [
        ("breakout.start", json!({}), "started"),
        ("breakout.stop", json!({"grace_s": 60}), "closing"),
        ("breakout.stop", json!({}), "draft"),
    ] {
        scene.forget().await;
        scene.ok("hana", method, params).await;
        for id in ["cyd", "hana"] {
            let told = scene.page(id).all("plan_changed").await;
            assert_eq!(told.len(), 1, "{id} {state}: {told:?}");
            assert_eq!(told[0]["state"], json!(state), "{id}");
        }
        let told = scene.page("ada").all("plan_changed").await;
        assert_eq!(told.last().expect("told")["state"], json!(state));
        let list = scene.ok("cyd", "peers.list", json!({})).await;
        assert_eq!(
            (&list["state"], list["rooms"].as_array().map(Vec::len)),
            (&json!(state), Some(1))
        );
    }
}

/// Of N12: as counts, at a capped rate.
async fn who_may_go_there_is_told_how_many_there_are() {
    let mut scene = Scene::with(Rules { free_move: true, ..Rules::default() }).await;
    scene.rooms(3).await;
    let joined = scene.join("cyd", json!({})).await;
    let room = |id: &str, name: &str, count: u64| json!({"id": id, "name": name, "count": count});
    let all = |main: u64, counts: [u64; 3]| {
        let breakouts = counts.iter().zip(1..);
        let mut all = vec![room("main", "Main room", main)];
        all.extend(breakouts.map(|(n, at)| room(&format!("b{at}"), &format!("Room {at}"), *n)));
        json!(all)
    };
    assert_eq!(joined["room_counts"], all(4, [0, 0, 0]));
    assert_eq!(joined["rooms"].as_array().map(Vec::len), Some(1), "numbers, not names of people");
    crate::scene::wait(2_100).await;
    scene.forget().await;
    let began = Instant::now();
    for turn in 0..30 {
        scene.go(&["bob"], ["b1", "b2", "main"][turn % 3]).await;
    }
    scene.go(&["bob"], "b3").await;
    assert!(began.elapsed() < Duration::from_secs(2), "fast enough to tell");
    crate::scene::wait(2_100).await;
    let told = scene.page("ada").all("room_counts").await;
    assert!((1..=2).contains(&told.len()), "31 changes within 2 s: {told:?}");
    let last = told.last().expect("at least one");
    assert_eq!(last, &json!({"rooms": all(3, [0, 0, 1])}), "the last is true; no seq");
    assert_eq!(scene.page("cyd").all("room_counts").await, told, "all are told the same");
    scene.unsaid("hana", "room_counts").await;
    crate::scene::wait(2_100).await;
    scene.unsaid("ada", "room_counts").await;
    let params = json!({"client": "ada", "role": "speaker", "force": true});
    scene.ok("hana", "role.change", params).await;
    scene.go(&["bob"], "b1").await;
    crate::scene::wait(3_000).await;
    scene.unsaid("ada", "room_counts").await; // sees them all now
    assert_eq!(scene.page("cyd").all("room_counts").await.len(), 1);
}

pub async fn n13_who_comes_back_gets_what_was_missed() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.go(&["ada"], "b1").await;
    scene.ok("hana", "broadcast", json!({"text": "one"})).await;
    let last = scene.said("ada", "broadcast").await["seq"].clone();
    scene.lose("ada").await;
    for text in ["two", "three"] {
        scene.ok("hana", "broadcast", json!({"text": text})).await;
    }
    let joined = scene.join("ada", json!({"resume": last})).await;
    assert_eq!((&joined["resume"], &joined["room"]), (&json!("events"), &json!("b1")));
    let missed = scene.page("ada").all("broadcast").await;
    let texts: Vec<_> = missed.iter().map(|event| &event["text"]).collect();
    assert_eq!(texts, [&json!("two"), &json!("three")], "once, in order");
    scene.lose("ada").await;
    // Without answers, and what comes is not looked at: Ada has 300 ms to come back.
    let hana = scene.page("hana");
    for n in 0..70 {
        let params = json!({"text": n.to_string()});
        let call = json!({"jsonrpc": "2.0", "method": "broadcast", "params": params});
        hana.send(&call.to_string()).await;
    }
    let last_of_all = json!({"jsonrpc": "2.0", "id": 900, "method": "peers.list", "params": {}});
    hana.send(&last_of_all.to_string()).await;
    while hana.read().await.expect("open")["id"] != json!(900) {}
    let joined = scene.join("ada", json!({"resume": last})).await;
    assert_eq!(joined["resume"], json!("snapshot"), "too much was missed");
    assert_eq!(joined["rooms"][1]["participants"], json!(["ada"]));
    scene.unsaid("ada", "broadcast").await;
    what_is_open_is_in_the_snapshot().await;
}

/// Of N13: polls, questions, invitations and whispers that wait for an answer or go on, for who comes
/// by a snapshot, or into the room.
async fn what_is_open_is_in_the_snapshot() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.go(&["ada"], "b1").await;
    let poll = json!({"question": "Which?", "options": ["one", "two"], "rooms": ["b1"]});
    scene.ok("hana", "poll.create", poll).await;
    scene.ok("hana", "whisper", json!({"to": {"room_id": "b1"}, "on": true})).await;
    scene.ok("hana", "role.change", json!({"client": "ada", "role": "speaker"})).await;
    let invite = json!({"clients": ["ada"], "room_id": "b2", "timeout_s": 600});
    scene.ok("hana", "breakout.invite", invite).await;
    scene.lose("ada").await;
    let joined = scene.join("ada", json!({})).await;
    assert_eq!(joined["polls"][0]["question"], json!("Which?"), "{joined}");
    assert_eq!(joined["role_asked"], json!({"role": "speaker", "requestor": "hana"}));
    assert_eq!(joined["voices"][0]["kind"], json!("whisper"));
    assert_eq!(joined["invitations"], json!(["b2"]));
    let invited = &joined["invited"][0];
    assert!((500..=600).contains(&invited["expires_s"].as_u64().expect("seconds")), "{invited}");
    let expected = json!({"room_id": "b2", "name": "Room 2", "requestor": "hana",
        "expires_s": invited["expires_s"]});
    assert_eq!(invited, &expected);
    scene.ok("ada", "poll.vote", json!({"poll": 1, "option": 1})).await;
    scene.ok("ada", "role.accept", json!({})).await;
    // Bob comes into the room, is told, and has his vote.
    scene.go(&["bob"], "b1").await;
    assert_eq!(scene.said("bob", "voice").await["on"], json!(true));
    assert_eq!(scene.said("bob", "poll_changed").await["votes"], json!([0, 1]));
    scene.ok("bob", "poll.vote", json!({"poll": 1, "option": 0})).await;
    scene.ok("bob", "breakout.leave", json!({})).await;
    assert_eq!(scene.said("bob", "voice").await["on"], json!(false));
    let list = scene.ok("bob", "peers.list", json!({})).await;
    assert_eq!((&list["polls"], &list["voices"]), (&json!(null), &json!(null)), "of b1 only");
}

pub async fn people_are_muted_and_kicked_by_role() {
    let mut scene = Scene::new().await;
    for (method, params) in [
        ("people.mute", json!({"client": "hana", "kind": "audio"})),
        ("people.kick", json!({"client": "hana"})),
    ] {
        assert_eq!(scene.no("ada", method, params).await.0, i64::from(code::FORBIDDEN), "{method}");
    }
    scene.changes();
    scene.ok("hana", "people.mute", json!({"client": "ada", "kind": "audio"})).await;
    let sound = (Source::ScreenAudio, true);
    assert_eq!(mutes(scene.changes()), [(Source::Microphone, true), sound]);
    scene.ok("ada", "unmute", json!({"kind": "audio"})).await;
    scene.changes();
    scene.forget().await;
    for (kind, expected) in [
        ("camera", vec![(Source::Camera, true)]),
        ("screen", vec![(Source::Screen, true), sound]),
        ("video", vec![(Source::Canvas, true)]), // what is not muted yet
    ] {
        scene.ok("hana", "people.mute", json!({"client": "ada", "kind": kind})).await;
        assert_eq!(mutes(scene.changes()), expected, "{kind}");
        let told = scene.said("ada", "peer_updated").await["participant"]["muted"].clone();
        let word = if kind == "camera" { "video" } else { kind };
        assert_eq!(told[word], json!(true), "{kind}: {told}");
    }
    scene.ok("ada", "unmute", json!({"kind": "screen"})).await; // they unmute themselves
    assert_eq!(mutes(scene.changes()), [(Source::Screen, false), (Source::ScreenAudio, false)]);
    scene.ok("hana", "people.kick", json!({"client": "ada"})).await;
    assert_eq!(scene.said("ada", "user_left").await["reason"], json!("kicked"));
    assert_eq!(scene.said("bob", "user_left").await["reason"], json!("kicked"));
    let mut again = scene.server.connect().await;
    let (code, _) = again.call("join", json!({"protocol": 1, "id": "ada"})).await.expect_err("no");
    assert_eq!(code, i64::from(code::FORBIDDEN), "who was kicked does not come back");
    assert_eq!(scene.server.books(|books| books.dismissed.len()), 1);
}
