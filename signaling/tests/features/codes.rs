//! FEATURES.md 1.16, 1.17, 1.18: events, error codes, limits.

use ringfence_signaling::rooms::Rules;
use serde_json::json;

use crate::scene::Scene;
use crate::support::{Api, Server};

pub async fn events_have_their_canonical_names_and_payloads() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    let invite = |force: bool| json!({"clients": ["ada"], "room_id": "b1", "force_join": force});
    scene.ok("hana", "breakout.invite", invite(false)).await;
    scene.ok("ada", "breakout.reject", json!({"room_id": "b1"})).await;
    scene.go(&["bob"], "b1").await;
    scene.ok("hana", "breakout.invite", invite(true)).await;
    scene.ok("ada", "breakout.leave", json!({})).await;
    scene.ok("hana", "breakout.clear_all", json!({})).await;
    scene.ok("hana", "breakout.destroy_all", json!({})).await;
    for (id, event, fields) in [
        ("hana", "breakout_created", &["rooms"][..]),
        ("ada", "breakout_invited", &["room_id", "requestor"]),
        ("hana", "invite_rejected", &["room_id", "client_id", "name", "reason"]),
        ("ada", "breakout_joining", &["room_id"]),
        ("ada", "breakout_connected", &["room_id", "name"]),
        ("bob", "user_joined", &["participant", "room_id"]),
        ("ada", "breakout_left", &["room_id"]),
        ("bob", "user_left", &["participant", "room_id", "reason"]),
        ("hana", "breakout_user_disconnected", &["room_id", "client_id", "name", "reason"]),
        ("hana", "breakout_destroyed", &["room_id", "reason"]),
        ("hana", "all_destroyed", &[]),
    ] {
        let told = scene.said(id, event).await;
        assert!(told["seq"].is_u64(), "{event} has a number");
        for field in fields {
            assert!(told.get(field).is_some(), "{event} has {field}: {told}");
        }
    }
}

/// The acknowledgements that the seeds' clients read: `result: 0`, and what was done in words.
pub async fn code_0() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.go(&["ada"], "b1").await;
    let both = json!({"audio": true, "video": true});
    for (methods, params, msg) in [
        (["parent.pause", "pauseRoom"], json!({}), "Room paused"),
        (["parent.resume", "resumeRoom"], json!({}), "Room resumed"),
        (["parent.mute", "muteRoom"], both.clone(), "Room muted"),
        (["parent.unmute", "unmuteRoom"], both, "Room unmuted"),
    ] {
        for method in methods {
            let answer = scene.ok("ada", method, params.clone()).await;
            assert_eq!(answer, json!({"result": 0, "msg": msg}), "{method}");
        }
    }
}

/// One request to create, and what it is refused with.
async fn refused(rules: Rules, params: serde_json::Value) -> (i64, String) {
    Scene::with(rules).await.no("hana", "breakout.create", params).await
}

pub async fn code_1724() {
    let field = "participants".to_owned();
    assert_eq!(refused(Rules::enablex(), json!({})).await, (1724, field.clone()));
    assert_eq!(refused(Rules::default(), json!({"participants": "many"})).await, (1724, field));
}

pub async fn code_1725() {
    let rules = Rules { active_talkers_max: 6, ..Rules::default() };
    for participants in [0, 1, 6, 1_000] {
        let (code, field) = refused(rules, json!({"participants": participants})).await;
        assert_eq!((code, field.as_str()), (1725, "participants"), "{participants}");
    }
}

pub async fn code_1726() {
    let ask = json!({"participants": 2, "max_rooms": 11});
    assert_eq!(refused(Rules::enablex(), ask).await, (1726, "max_rooms".into()));
    assert_eq!(refused(Rules::default(), json!({"max_rooms": 301})).await.0, 1726);
}

pub async fn code_1729() {
    // The relay does not take the change: whichever way somebody was to go, they are where they were.
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.forget().await;
    scene.server.books(|books| books.refuse_changes = true);
    for (method, params) in [
        ("breakout.move", json!({"clients": ["ada", "bob"], "room_id": "b1"})),
        ("breakout.invite", json!({"clients": ["ada"], "room_id": "b1", "force_join": true})),
        ("breakout.join", json!({"room_id": "b1"})),
        ("joinBreakOutRoom", json!({"room_id": "b1"})),
    ] {
        assert_eq!(scene.no("hana", method, params).await.0, 1729, "{method}");
    }
    let api = Api::of(&scene.server);
    let body = json!({"participants": ["ada"], "room": "b1"});
    api.post("/v1/meetings/main/move", body.clone()).await.refused(503, Some(1729), None);
    for id in ["ada", "bob"] {
        assert_eq!(scene.listed("hana", id).await["room"], json!("main"), "{id}");
        scene.unsaid(id, "breakout_connected").await;
        scene.unsaid(id, "meeting_changed").await;
    }
    scene.server.books(|books| books.refuse_changes = false);
    api.post("/v1/meetings/main/move", body).await.is(200);
    assert_eq!(scene.said("ada", "breakout_connected").await["room_id"], json!("b1"));
}

pub async fn code_1731() {
    let mut scene = Scene::new().await;
    scene.server.books(|books| books.refuse_rooms = true);
    assert_eq!(scene.no("hana", "breakout.create", json!({})).await.0, 1731);
    assert_eq!(scene.room("b1").await, json!(null));
}

pub async fn code_1734() {
    let mut scene = Scene::new().await;
    for (method, params, field) in [
        ("breakout.invite", json!({"clients": ["ada"]}), "room_id"),
        ("breakout.invite", json!({"room_id": "b1"}), "clients"),
        ("breakout.join", json!({}), "room_id"),
        ("breakout.rename", json!({"room_id": "b1"}), "name"),
        ("breakout.exchange", json!({"a": "ada"}), "b"),
        ("breakout.import_csv", json!({}), "text"),
        ("breakout.extend", json!({}), "seconds"),
        ("role.change", json!({"client": "ada"}), "role"),
        ("people.kick", json!({}), "client"),
        ("announce", json!({}), "on"),
        ("whisper", json!({"on": true}), "to"),
        ("monitor", json!({}), "rooms"),
        ("chat", json!({}), "text"),
        ("poll.create", json!({"question": "x"}), "options"),
        ("poll.vote", json!({"poll": 1}), "option"),
    ] {
        assert_eq!(scene.no("hana", method, params).await, (1734, field.to_owned()), "{method}");
    }
}

pub async fn code_5067() {
    // By the EnableX profile; by ours a lecture has breakouts (Q6), and a group has them in both.
    let server = Server::start().await;
    let api = Api::of(&server);
    for (id, profile, lecture, refused) in
        [("a", "enablex", true, true), ("b", "enablex", false, false), ("c", "native", true, false)]
    {
        let options = json!({"lecture": lecture});
        let body = json!({"id": id, "profile": profile, "options": options});
        api.post("/v1/meetings", body).await.is(201);
        let mut host = api.join(&server, id, json!({"id": "hana", "role": "host"})).await;
        let mut codes = Vec::new();
        for method in ["breakout.create", "createBreakOutRoom", "breakout.create_and_invite"] {
            let answer = host.call(method, json!({"participants": 2, "max_rooms": 1})).await;
            codes.push(answer.err().map(|(code, _)| code));
        }
        assert_eq!(codes, [refused.then_some(5067); 3], "{id}");
        let path = format!("/v1/meetings/{id}/breakouts/rooms");
        let answer = api.post(&path, json!({"participants": 2})).await;
        match refused {
            true => _ = answer.refused(409, Some(5067), None),
            false => _ = answer.is(201),
        }
    }
}

pub async fn limits_hold() {
    let mut scene = Scene::new().await;
    scene.ok("hana", "breakout.create", json!({"max_rooms": 300})).await;
    assert_eq!(scene.no("hana", "breakout.create", json!({})).await.0, 1726);
    let mut scene = Scene::new().await;
    scene.join("cyd", json!({})).await;
    scene.ok("hana", "breakout.create", json!({"participants": 2})).await;
    scene.go(&["ada", "bob"], "b1").await;
    let full =
        scene.no("hana", "breakout.move", json!({"clients": ["cyd"], "room_id": "b1"})).await;
    assert_eq!(full, (-32_010, "clients".into()));
}
