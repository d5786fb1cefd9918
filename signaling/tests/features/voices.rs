//! FEATURES.md 1.11 and N3, N5, N6, N10: texts and voices beyond one room.

use ringfence::control::api::Change;
use ringfence::route::table::{Audience, Kinds};
use ringfence::wire::media::Kind;
use ringfence_signaling::rooms::{Rules, code};
use serde_json::json;

use crate::scene::Scene;
use crate::support::Api;

const FORBIDDEN: i64 = code::FORBIDDEN as i64;

fn audiences(changes: Vec<Change>) -> Vec<Option<Audience>> {
    let audiences = changes.into_iter().filter_map(|change| match change {
        Change::Audience { audience, .. } => Some(audience),
        _ => None,
    });
    audiences.collect()
}

/// Ada is in b1, Bob in b2, Cyd and Hana in the main room.
async fn apart() -> Scene {
    let mut scene = Scene::new().await;
    scene.join("cyd", json!({})).await;
    scene.rooms(2).await;
    scene.go(&["ada"], "b1").await;
    scene.go(&["bob"], "b2").await;
    scene.forget().await;
    scene.changes();
    scene
}

pub async fn b1_a_text_to_all_rooms() {
    let mut scene = apart().await;
    scene.ok("hana", "broadcast", json!({"text": "five minutes"})).await;
    for id in ["ada", "bob", "hana"] {
        let event = scene.said(id, "broadcast").await;
        assert_eq!((&event["from"], &event["text"]), (&json!("hana"), &json!("five minutes")));
        let hana = scene.listed("hana", "hana").await;
        assert_eq!(event["name"], hana["name"], "who is told may not see her");
    }
    scene.unsaid("cyd", "broadcast").await;
    let long = json!({"text": "x".repeat(4_097)});
    for (params, field) in [(json!({}), "text"), (json!({"text": " "}), "text"), (long, "text")] {
        assert_eq!(scene.no("hana", "broadcast", params).await.1, field);
    }
}

pub async fn b2_who_may_broadcast() {
    // The native roles: by default speakers and those who manage, and nobody else hears of a try.
    let cast = &[("hana", "host"), ("sam", "speaker"), ("ada", "participant"), ("gus", "audience")];
    let mut scene = Scene::cast(Rules::default(), cast).await;
    scene.rooms(1).await;
    scene.go(&["ada"], "b1").await;
    scene.forget().await;
    for id in ["ada", "gus"] {
        assert_eq!(scene.no(id, "broadcast", json!({"text": id})).await.0, FORBIDDEN, "{id}");
    }
    scene.unsaid("ada", "broadcast").await;
    scene.ok("sam", "broadcast", json!({"text": "time"})).await;
    assert_eq!(scene.said("ada", "broadcast").await["from"], json!("sam"));
    // The option, changed while the rooms are open, is everybody's.
    let api = Api::of(&scene.server);
    let options = json!({"options": {"everyone_can_broadcast": true}});
    api.json("PATCH", "/v1/meetings/main", options).await.is(200);
    scene.ok("gus", "broadcast", json!({"text": "me too"})).await;
    assert_eq!(scene.said("ada", "broadcast").await["from"], json!("gus"));
}

pub async fn b3_help_is_asked_for_and_comes() {
    let mut scene = apart().await;
    scene.ok("ada", "help.ask", json!({})).await;
    assert_eq!(scene.said("hana", "help_asked").await["room_id"], json!("b1"));
    assert_eq!(scene.room("b1").await["help"], json!(true));
    scene.unsaid("cyd", "help_asked").await;
    assert_eq!(scene.no("cyd", "help.ask", json!({})).await.0, i64::from(code::CONFLICT));
    scene.ok("hana", "breakout.join", json!({"room_id": "b1"})).await;
    assert_eq!(scene.said("ada", "user_joined").await["participant"]["id"], json!("hana"));
}

pub async fn n3_an_announcement_reaches_all_rooms_in_the_relay() {
    let mut scene = apart().await;
    assert_eq!(scene.no("ada", "announce", json!({"on": true})).await.0, FORBIDDEN);
    scene.ok("hana", "announce", json!({"on": true, "sources": ["audio", "screen"]})).await;
    let spoken = audiences(scene.changes());
    assert_eq!(spoken.len(), 3, "microphone, screen, screen audio");
    for audience in spoken {
        assert_eq!(audience.expect("rooms").rooms.len(), 3, "the main room and two breakouts");
    }
    for id in ["ada", "bob", "cyd"] {
        let voice = scene.said(id, "voice").await;
        assert_eq!((&voice["kind"], &voice["on"]), (&json!("announce"), &json!(true)), "{id}");
        assert!(voice["name"].is_string(), "{id}");
    }
    scene.ok("hana", "breakout.create", json!({})).await;
    let wider = audiences(scene.changes());
    assert!(wider.iter().all(|to| to.as_ref().is_some_and(|to| to.rooms.len() == 4)), "{wider:?}");
    // Who comes while it goes on is told, and who comes back: by events, or by a snapshot.
    let on = json!([{
        "from": "hana", "name": "hana", "kind": "announce", "sources": ["audio", "screen"]
    }]);
    assert_eq!(scene.join("dan", json!({})).await["voices"], on);
    scene.lose("ada").await;
    let joined = scene.join("ada", json!({"resume": 999})).await; // of another life
    assert_eq!((&joined["voices"], &joined["resume"]), (&on, &json!("snapshot")));
    scene.ok("hana", "broadcast", json!({"text": "x"})).await;
    let last = scene.said("ada", "broadcast").await["seq"].clone();
    scene.lose("ada").await;
    scene.lose("hana").await;
    let own = scene.join("hana", json!({"role": "host"})).await;
    assert_eq!(own["voices"], on, "who speaks, too, on another page");
    let joined = scene.join("ada", json!({"resume": last})).await;
    assert_eq!((&joined["voices"], &joined["resume"]), (&on, &json!("events")));
    scene.changes();
    scene.ok("hana", "announce", json!({"on": false})).await;
    assert_eq!(audiences(scene.changes()), [None, None, None], "to the own room again");
    assert_eq!(scene.join("eve", json!({})).await["voices"], json!(null));
}

pub async fn n5_monitor_hears_rooms_from_elsewhere() {
    let mut scene = apart().await;
    assert_eq!(scene.no("ada", "monitor", json!({"rooms": ["b2"]})).await.0, FORBIDDEN);
    let hana = scene.number("hana");
    let (nothing, video, both) = (Kinds::NONE, Kinds::only(Kind::Video), Kinds::ALL);
    // In the order of asking, each with what is other than before.
    for (params, expected) in [
        (json!({"rooms": ["b1", "b2"], "listen": null}), vec![video, video]), // thumbnails
        (json!({"rooms": ["b1", "b2"], "listen": "b2"}), vec![both]),
        (json!({"rooms": ["b1", "b2"], "listen": "b1"}), vec![both, video]),
        (json!({"rooms": ["b1"], "listen": "b1"}), vec![nothing]),
        (json!({"rooms": ["b1"], "listen": null}), vec![video]),
        (json!({"rooms": ["b1", "b2"]}), vec![both, both]), // nothing said: all, as ever
        (json!({"rooms": ["b1"]}), vec![nothing]),
        (json!({"rooms": []}), vec![nothing]),
    ] {
        scene.ok("hana", "monitor", params.clone()).await;
        let changes = scene.changes();
        let heard = changes.iter().map(|change| match change {
            Change::Hear { participant, kinds, .. } if *participant == hana => *kinds,
            other => panic!("{other:?}: who monitors says nothing there"),
        });
        assert_eq!(heard.collect::<Vec<_>>(), expected, "{params}");
    }
    for (params, field) in [
        (json!({"rooms": ["b1"], "listen": "b2"}), "listen"),
        (json!({"rooms": ["b1"], "listen": 1}), "listen"),
        (json!({"rooms": [], "listen": "b1"}), "listen"),
        (json!({"rooms": ["main"]}), "rooms"),
        (json!({"listen": "b1"}), "rooms"),
    ] {
        assert_eq!(scene.no("hana", "monitor", params).await.1, field);
    }
    // It ends with the room, and with the right.
    scene.ok("hana", "monitor", json!({"rooms": ["b1", "b2"], "listen": "b1"})).await;
    scene.changes();
    scene.ok("hana", "breakout.delete", json!({"room_id": "b1"})).await;
    scene.ok("hana", "breakout.create", json!({})).await;
    let again = scene.changes().into_iter().filter(
        |change| matches!(change, Change::Hear { participant, kinds, .. } if *participant == hana && *kinds != nothing),
    );
    assert_eq!(again.count(), 0, "the next room is another room");
    let params = json!({"client": "hana", "role": "participant", "force": true});
    scene.ok("hana", "role.change", params).await;
    let ended = scene
        .changes()
        .into_iter()
        .filter(|change| matches!(change, Change::Hear { kinds, .. } if *kinds == nothing));
    assert_eq!(ended.count(), 1, "b2");
}

pub async fn n6_a_whisper_to_one_room_or_one_person() {
    let mut scene = apart().await;
    scene.ok("hana", "whisper", json!({"to": "b1", "on": true})).await;
    let to = audiences(scene.changes()).remove(0).expect("a room");
    assert_eq!((to.rooms.len(), to.participants.len()), (1, 0));
    assert_eq!(scene.said("ada", "voice").await["kind"], json!("whisper"));
    let mut heard = json!({"from": "hana", "name": "hana", "kind": "whisper"});
    for (id, role, expected) in [
        ("ada", "participant", json!([heard.clone()])),
        ("bob", "participant", json!(null)),
        ("hana", "host", {
            heard["room_id"] = json!("b1");
            json!([heard])
        }),
    ] {
        let list = scene.ok(id, "peers.list", json!({})).await;
        assert_eq!(list["voices"], expected, "{id}, a {role}");
    }
    scene.unsaid("bob", "voice").await;
    scene.ok("hana", "whisper", json!({"to": {"client": "bob"}})).await;
    let to = audiences(scene.changes()).remove(0).expect("a person");
    assert_eq!((to.rooms, to.participants), (vec![], vec![scene.number("bob")]));
    assert_eq!(scene.said("ada", "voice").await["on"], json!(false));
    scene.ok("bob", "leave", json!({})).await;
    assert_eq!(scene.page("hana").all("voice").await.len(), 4, "it ends with them");
    assert_eq!(audiences(scene.changes()), [None], "and the microphone is the room's again");
    assert_eq!(scene.no("ada", "whisper", json!({"to": "hana"})).await.0, FORBIDDEN);
}

pub async fn n10_exchange_one_room_closed_a_message_to_one_help_reset() {
    let mut scene = apart().await;
    scene.epochs();
    scene.ok("hana", "breakout.exchange", json!({"a": "ada", "b": "bob"})).await;
    assert_eq!(scene.epochs(), 1, "in one step");
    assert_eq!(
        (scene.room_of("ada").await, scene.room_of("bob").await),
        ("b2".into(), "b1".into())
    );
    scene.ok("hana", "broadcast", json!({"text": "you", "rooms": ["b2"]})).await;
    scene.said("ada", "broadcast").await;
    scene.unsaid("bob", "broadcast").await;
    scene.ok("ada", "help.ask", json!({})).await;
    scene.ok("hana", "help.reset", json!({"room_id": "b2"})).await;
    assert_eq!(scene.said("ada", "help_reset").await["room_id"], json!("b2"));
    scene.ok("hana", "breakout.delete", json!({"room_id": "b2"})).await;
    assert_eq!(
        (scene.room_of("ada").await, scene.room_of("bob").await),
        ("main".into(), "b1".into())
    );
    let refused = scene.no("hana", "breakout.exchange", json!({"a": "ada", "b": "ada"})).await;
    assert_eq!(refused.0, i64::from(code::CONFLICT));
}

pub async fn q20_broadcast_by_permission_or_option() {
    let rules = Rules { everyone_can_broadcast: true, ..Rules::default() };
    let mut scene = Scene::with(rules).await;
    scene.ok("ada", "broadcast", json!({"text": "x"})).await;
    let mut scene = Scene::new().await;
    let (_, error) =
        scene.page("ada").call("broadcast", json!({"text": "x"})).await.expect_err("no");
    assert_eq!(error["data"]["permission"], json!("breakout.broadcast"));
}
