//! FEATURES.md 1.12 and N7, N11: clearing, destroying, timers, the same groups again.

use ringfence_signaling::rooms::{Late, Rules, code};
use serde_json::{Value, json};

use crate::scene::{Scene, wait};

async fn apart(rules: Rules) -> Scene {
    let mut scene = Scene::with(rules).await;
    scene.rooms(2).await;
    scene.go(&["ada"], "b1").await;
    scene.go(&["bob"], "b2").await;
    scene.forget().await;
    scene
}

pub async fn x1_clear_all() {
    for method in ["breakout.clear_all", "clearAllBreakOutSession"] {
        let mut scene = apart(Rules::default()).await;
        scene.ok("hana", method, json!({})).await;
        let mut told = scene.page("hana").all("breakout_user_disconnected").await;
        told.sort_by_key(|event| event["client_id"].to_string());
        for (event, (id, room)) in told.iter().zip([("ada", "b1"), ("bob", "b2")]) {
            assert_eq!((&event["client_id"], &event["room_id"]), (&json!(id), &json!(room)));
            assert_eq!((&event["name"], &event["reason"]), (&json!(id), &json!("cleared")));
        }
        assert_eq!(told.len(), 2);
        assert_eq!(scene.said("ada", "meeting_changed").await["parent"]["paused"], json!(false));
        assert_ne!(scene.room("b1").await, json!(null), "the rooms stay");
    }
}

pub async fn x2_destroy_all() {
    for method in ["breakout.destroy_all", "destroyAllBreakOutSession"] {
        let mut scene = apart(Rules::default()).await;
        scene.ok("ada", "parent.mute", json!({"audio": true, "video": true})).await;
        scene.forget().await;
        scene.ok("hana", method, json!({})).await;
        assert_eq!(scene.page("hana").all("breakout_destroyed").await.len(), 2);
        let parent = scene.said("ada", "meeting_changed").await["parent"].clone();
        scene.said("ada", "all_destroyed").await;
        let open =
            json!({"paused": false, "audio_muted": false, "video_muted": false, "gain": 100});
        assert_eq!(parent, open, "resumed and unmuted");
        assert_eq!(scene.listed("ada", "ada").await["room"], json!("main"));
        assert_eq!(scene.room("b1").await, json!(null));
        assert_eq!(scene.no("ada", method, json!({})).await.0, i64::from(code::FORBIDDEN));
    }
}

pub async fn x3_an_empty_room_is_destroyed_by_policy() {
    let mut scene = apart(Rules { empty_ttl_s: Some(0), ..Rules::default() }).await;
    scene.ok("ada", "breakout.leave", json!({})).await;
    let gone = scene.said("hana", "breakout_destroyed").await;
    assert_eq!((&gone["room_id"], &gone["reason"]), (&json!("b1"), &json!("left_empty")));
    assert_eq!(scene.room("b1").await, json!(null));
    assert_ne!(scene.room("b2").await, json!(null));
}

pub async fn x4_stop_ends_all() {
    let mut scene = apart(Rules::default()).await;
    scene.ok("hana", "breakout.stop", json!({})).await;
    assert_eq!(scene.said("bob", "breakout_left").await["reason"], json!("stopped"));
    assert_eq!(scene.room_of("bob").await, "main");
    assert_eq!(scene.no("hana", "breakout.stop", json!({})).await.0, i64::from(code::CONFLICT));
}

pub async fn x5_delete_one_room() {
    // Planned: what referred to the room goes with it.
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["ada"]})).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b2", "clients": ["bob"]})).await;
    scene.ok("hana", "breakout.delete", json!({"room_id": "b1"})).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    assert_eq!(scene.room_of("ada").await, "main", "assigned to nothing");
    assert_eq!(scene.room_of("bob").await, "b2");
    // Open: those inside come back, an invitation leads nowhere, the others notice nothing.
    let mut scene = apart(Rules::default()).await;
    let invite = json!({"clients": ["hana"], "room_id": "b1"});
    scene.ok("hana", "breakout.invite", invite).await;
    scene.forget().await;
    scene.ok("hana", "breakout.delete", json!({"room_id": "b1"})).await;
    let gone = scene.said("hana", "breakout_destroyed").await;
    assert_eq!((&gone["room_id"], &gone["reason"]), (&json!("b1"), &json!("deleted")));
    assert_eq!(scene.said("ada", "meeting_changed").await["room_id"], json!("main"));
    let join = scene.no("hana", "breakout.join", json!({"room_id": "b1"})).await;
    assert_eq!(join, (i64::from(code::INVALID_PARAMS), "room_id".into()));
    scene.unsaid("bob", "meeting_changed").await;
    scene.unsaid("bob", "breakout_left").await;
    for (id, room, refused) in
        [("hana", "main", code::INVALID_PARAMS), ("bob", "b2", code::FORBIDDEN)]
    {
        let delete = scene.no(id, "breakout.delete", json!({"room_id": room})).await;
        assert_eq!(delete.0, i64::from(refused), "{id} deletes {room}");
    }
    assert_eq!(scene.room_of("bob").await, "b2");
}

pub async fn n7_timer_with_warning_extension_and_grace() {
    let rules = Rules { warn_s: 1, grace_s: 1, ..Rules::default() };
    let mut scene = Scene::with(rules).await;
    scene.rooms(1).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["ada"]})).await;
    let began = std::time::Instant::now();
    scene.ok("hana", "breakout.start", json!({"timer_s": 2})).await;
    assert_eq!(scene.said("ada", "timer").await["remaining_s"], json!(2));
    let warning = scene.said("ada", "timer").await;
    assert_eq!((&warning["remaining_s"], &warning["closing"]), (&json!(1), &json!(false)));
    assert!(began.elapsed().as_millis() >= 1_000);
    assert_eq!(warning.get("seq"), None, "a state");
    scene.ok("hana", "breakout.extend", json!({"seconds": 1})).await;
    assert_eq!(scene.said("ada", "timer").await["remaining_s"], json!(2));
    assert_eq!(scene.said("ada", "timer").await["remaining_s"], json!(1));
    let grace = scene.said("ada", "timer").await;
    assert_eq!((&grace["remaining_s"], &grace["closing"]), (&json!(1), &json!(true)));
    assert_eq!(scene.room_of("ada").await, "b1", "not before the grace is over");
    assert_eq!(scene.said("ada", "breakout_left").await["reason"], json!("timer"));
    assert!(began.elapsed().as_millis() >= 4_000, "never early");
    scene.unsaid("bob", "timer").await;

    // One room's own timer; a stop with a grace, and more time within it.
    scene.go(&["bob"], "b1").await;
    scene.ok("hana", "breakout.extend", json!({"seconds": 1, "room_id": "b1"})).await;
    let told = scene.said("bob", "timer").await;
    assert_eq!((&told["room_id"], &told["closing"]), (&json!("b1"), &json!(false)));
    let grace = scene.said("bob", "timer").await;
    assert_eq!((&grace["room_id"], &grace["closing"]), (&json!("b1"), &json!(true)));
    assert_eq!(grace["remaining_s"], json!(1));
    assert_eq!(scene.room_of("bob").await, "b1", "not before the grace is over");
    assert_eq!(scene.said("bob", "breakout_left").await["reason"], json!("timer"));
    a_closed_room_is_opened_again(&mut scene).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    scene.ok("hana", "breakout.stop", json!({"grace_s": 1})).await;
    assert_eq!(scene.said("ada", "timer").await["closing"], json!(true));
    scene.ok("hana", "breakout.extend", json!({"seconds": 60})).await;
    wait(1_300).await;
    assert_eq!(scene.room_of("ada").await, "b1", "extended: not closed");
    who_comes_later_knows_until_when().await;
}

/// Of N7: nobody goes back into a room whose time was over, until it is opened again.
async fn a_closed_room_is_opened_again(scene: &mut Scene) {
    let invite = json!({"clients": ["bob"], "room_id": "b1"});
    let speaker = json!({"client": "bob", "role": "speaker", "force": true});
    scene.ok("hana", "role.change", speaker).await; // who may go to any room
    assert_eq!(scene.room("b1").await["closed"], json!(true));
    let refused = scene.no("bob", "breakout.join", json!({"room_id": "b1"})).await;
    assert_eq!(refused, (i64::from(code::CONFLICT), "room_id".to_owned()));
    scene.ok("hana", "breakout.extend", json!({"seconds": 60, "room_id": "b1"})).await;
    assert_eq!(scene.room("b1").await["closed"], json!(null));
    scene.ok("bob", "breakout.join", json!({"room_id": "b1"})).await;
    scene.ok("bob", "breakout.leave", json!({})).await;
    scene.ok("hana", "breakout.clear_all", json!({})).await; // and its timer is no more
    scene.ok("hana", "breakout.invite", invite).await;
    scene.ok("bob", "breakout.reject", json!({"room_id": "b1"})).await;
    scene.forget().await;
}

/// Of N7: who comes later, or comes back, knows until when, whatever their own clock says.
async fn who_comes_later_knows_until_when() {
    let mut scene = Scene::with(Rules { late: Late::Assign, ..Rules::default() }).await;
    scene.rooms(2).await;
    let assign = json!({"room_id": "b1", "clients": ["ada"]});
    scene.ok("hana", "breakout.assign", assign).await;
    scene.ok("hana", "breakout.start", json!({"timer_s": 600})).await;
    scene.ok("hana", "breakout.extend", json!({"room_id": "b2", "seconds": 120})).await;
    let near = |left: i64, seconds: i64| (seconds - 20..=seconds).contains(&left);
    let left = |told: &Value| {
        let at = |key: &str| told[key].as_i64().expect("milliseconds since 1970");
        (at("ends_at") - at("now")).div_euclid(1_000)
    };
    let joined = scene.join("cyd", json!({})).await;
    assert_eq!(joined["room"], json!("b2"), "the smallest");
    assert!(near(left(&joined), 600), "{joined}");
    let room = json!({"ends_at": joined["rooms"][1]["ends_at"], "now": joined["now"]});
    assert!(near(left(&room), 120), "{joined}");
    // Bob, so far in the main room, and Cyd are told once they are inside: of all, of the room.
    scene.unsaid("bob", "timer").await;
    scene.go(&["bob"], "b2").await;
    for id in ["bob", "cyd"] {
        let mut told = scene.page(id).all("timer").await;
        told.sort_by_key(|timer| timer["room_id"].to_string());
        let seconds = |timer: &Value| timer["remaining_s"].as_i64().expect("seconds");
        assert_eq!(told.len(), 2, "{id}: {told:?}");
        assert!(near(seconds(&told[0]), 120) && told[0]["room_id"] == json!("b2"), "{told:?}");
        assert!(near(seconds(&told[1]), 600) && told[1].get("room_id").is_none(), "{told:?}");
    }
    // States are told anew on resume: to those inside, and to who sees all rooms.
    for (id, role, resume, count) in
        [("ada", "participant", 0, 1), ("bob", "participant", 0, 2), ("hana", "host", 0, 2)]
    {
        scene.lose(id).await;
        let joined = scene.join(id, json!({"role": role, "resume": resume})).await;
        assert!(near(left(&joined), 600), "{id}: {joined}");
        assert_eq!(scene.page(id).all("timer").await.len(), count, "{id}");
    }
    scene.ok("hana", "breakout.stop", json!({"grace_s": 30})).await;
    let closing = scene.join("dan", json!({})).await;
    assert_eq!(closing["state"], json!("closing"));
    assert!(near(left(&closing), 30), "{closing}");
}

pub async fn n11_the_same_groups_again() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["ada"]})).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b2", "clients": ["bob"]})).await;
    for _ in 0..2 {
        scene.ok("hana", "breakout.start", json!({})).await;
        let rooms = (scene.room_of("ada").await, scene.room_of("bob").await);
        assert_eq!(rooms, ("b1".into(), "b2".into()));
        scene.ok("hana", "breakout.stop", json!({})).await;
        // Who goes and comes again has kept the place.
        scene.ok("bob", "leave", json!({})).await;
        scene.join("bob", json!({})).await;
    }
}
