//! FEATURES.md 1.1, 1.2: concepts, lifecycle, enabling.

use ringfence::control::api::Change;
use ringfence::route::id::Source;
use ringfence_signaling::rooms::{OnEnter, Roles, Rules, code};
use serde_json::json;

use crate::scene::{CAST, Scene};

const FORBIDDEN: i64 = code::FORBIDDEN as i64;

pub async fn l1_a_breakout_is_a_space_for_some_inside_the_meeting() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.go(&["ada"], "b1").await;
    assert_eq!(scene.room_of("ada").await, "b1");
    assert_eq!(scene.room("main").await["participants"], json!(["bob", "hana"]));
}

pub async fn l2_the_normal_flow() {
    let mut scene = Scene::new().await;
    let rooms = scene.rooms(2).await;
    scene
        .ok("hana", "breakout.invite", json!({"clients": ["ada", "bob"], "room_id": rooms[0]}))
        .await;
    scene.ok("ada", "breakout.join", json!({"role": "participant", "room_id": rooms[0]})).await;
    scene.ok("bob", "breakout.reject", json!({"room_id": rooms[0]})).await;
    scene.ok("ada", "parent.pause", json!({})).await;
    scene.ok("ada", "breakout.leave", json!({})).await;
    scene.ok("hana", "breakout.clear_all", json!({})).await;
    scene.ok("hana", "breakout.destroy_all", json!({})).await;
    assert_eq!(scene.room(&rooms[0]).await, json!(null));
    // And as the pages of others do it: create, assign, edit, start, stop.
    let room = scene.rooms(1).await.remove(0);
    scene.ok("hana", "breakout.assign", json!({"room_id": room, "clients": ["ada"]})).await;
    scene.ok("hana", "breakout.rename", json!({"room_id": room, "name": "Red"})).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    assert_eq!(scene.room_of("ada").await, room);
    scene.ok("hana", "breakout.stop", json!({})).await;
    assert_eq!(scene.room_of("ada").await, "main");
}

pub async fn l3_created_and_started_are_two_states() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.forget().await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["ada"]})).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b2", "clients": ["ada"]})).await;
    let plan = scene.page("hana").all("plan_changed").await.pop().expect("told");
    assert_eq!((&plan["state"], &plan["rooms"][2]["assigned"]), (&json!("draft"), &json!(["ada"])));
    scene.unsaid("ada", "plan_changed").await;
    assert_eq!(scene.room_of("ada").await, "main");
    scene.ok("hana", "breakout.start", json!({})).await;
    assert_eq!(scene.said("hana", "plan_changed").await["state"], json!("started"));
    assert_eq!(scene.room_of("ada").await, "b2");
}

pub async fn l4_the_main_room_is_kept_or_not() {
    for (on_enter, keeps) in [(OnEnter::Keep, true), (OnEnter::Pause, false)] {
        let mut scene = Scene::with(Rules { on_enter, ..Rules::default() }).await;
        scene.rooms(1).await;
        scene.changes();
        scene.go(&["ada"], "b1").await;
        let heard = scene.changes().into_iter().find_map(|change| match change {
            Change::Hear { kinds, .. } => Some(kinds),
            _ => None,
        });
        let all = ringfence::route::table::Kinds::ALL;
        assert_eq!(heard == Some(all), keeps, "{on_enter:?}");
    }
}

pub async fn l5_who_is_away_stays_in_the_roster_as_paused() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.go(&["ada"], "b1").await;
    let ada = scene.listed("bob", "ada").await;
    assert_eq!((&ada["paused"], &ada["room"]), (&json!(true), &json!(null)), "not where");
    assert_eq!(scene.listed("hana", "ada").await["room"], json!("b1"), "the host sees where");
    scene.ok("ada", "breakout.leave", json!({})).await;
    let ada = scene.listed("bob", "ada").await;
    assert_eq!((&ada["paused"], &ada["room"]), (&json!(null), &json!("main")));
}

pub async fn l6_a_moderator_is_backstage() {
    let cast = &[("hana", "host"), ("mo", "moderator"), ("gus", "guest")];
    let scene = Scene::as_of(Rules::default(), Roles::stage(), cast).await;
    // What the relay was told when they were admitted: hosts receive moderators, guests do not.
    let roles = Roles::stage();
    let named = |name: &str| roles.all().iter().find(|role| role.name.as_str() == name).unwrap();
    let moderator = 1_u64 << roles.number(named("moderator"));
    let admitted = scene.server.books(|books| books.admissions.clone());
    assert_ne!(admitted[0].1 & moderator, 0, "the host hears backstage");
    assert_eq!(admitted[2].1 & moderator, 0, "a guest does not");
}

pub async fn l7_selected_people_speak_privately() {
    let mut scene = Scene::new().await;
    scene.ok("hana", "breakout.create", json!({"names": ["Aside"]})).await;
    scene.changes();
    scene.ok("hana", "breakout.move", json!({"clients": ["hana", "ada"], "room_id": "b1"})).await;
    scene.ok("ada", "chat", json!({"text": "between us"})).await;
    assert_eq!(scene.said("hana", "chat").await["room_id"], json!("b1"));
    scene.unsaid("bob", "chat").await;
    // Their voices go where they are, which is where Bob is not; and he is told nothing of it.
    let (hana, ada) = (scene.number("hana"), scene.number("ada"));
    let moved: Vec<_> = scene
        .changes()
        .into_iter()
        .filter_map(|change| match change {
            Change::Move { participant, room } => Some((participant, room)),
            Change::Audience { source: Source::Microphone, .. } => panic!("spoken elsewhere"),
            _ => None,
        })
        .collect();
    let mut people: Vec<_> = moved.iter().map(|(who, _)| *who).collect();
    people.sort_unstable();
    let mut both = vec![hana, ada];
    both.sort_unstable();
    assert_eq!((people, moved[0].1), (both, moved[1].1), "to one room");
    assert_eq!(scene.listed("bob", "ada").await["room"], json!(null));
}

pub async fn l8_guests_watch_the_stage_and_discuss() {
    let cast = &[("hana", "host"), ("gus", "guest"), ("gil", "guest")];
    let keep = Rules { on_enter: OnEnter::Keep, ..Rules::default() };
    let mut scene = Scene::as_of(keep, Roles::stage(), cast).await;
    for guest in ["gus", "gil"] {
        let params = json!({"client": guest, "role": "breakout", "force": true});
        scene.ok("hana", "role.change", params).await;
        assert_eq!(scene.said(guest, "role_changed").await["role"], json!("breakout"));
    }
    let receives = scene.changes().into_iter().filter_map(|change| match change {
        Change::Role { role, receives, .. } => Some((role, receives)),
        _ => None,
    });
    let receives: Vec<_> = receives.collect();
    let (role, set) = receives[0];
    assert!(set.contains(role), "each other");
    assert!(set.contains(ringfence::route::table::Role(0)), "and the host on the stage");
    assert!(!set.contains(ringfence::route::table::Role(2)), "not backstage");
    // In a small room they have each other and, where the policy keeps it, the stage.
    scene.rooms(1).await;
    scene.go(&["gus", "gil"], "b1").await;
    let heard = scene.changes().into_iter().find_map(|change| match change {
        Change::Hear { kinds, .. } => Some(kinds),
        _ => None,
    });
    assert_eq!(heard, Some(ringfence::route::table::Kinds::ALL), "the stage");
    assert_eq!(scene.room("b1").await["participants"], json!(["gil", "gus"]));
}

pub async fn l9_one_action_brings_everybody_back_at_once() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.go(&["ada"], "b1").await;
    scene.go(&["bob"], "b2").await;
    scene.epochs();
    scene.ok("hana", "breakout.stop", json!({})).await;
    assert_eq!(scene.epochs(), 1, "one change of the relay");
    for id in ["ada", "bob"] {
        assert_eq!(scene.room_of(id).await, "main");
    }
}

pub async fn e1_breakouts_are_enabled_by_meeting() {
    let off = Rules { breakouts: false, ..Rules::default() };
    let mut scene = Scene::with(off).await;
    assert_eq!(scene.no("hana", "breakout.create", json!({})).await.0, FORBIDDEN);
    // The same when it is scheduled, and when that is edited: what was saved holds.
    let api = crate::support::Api::of(&scene.server);
    let made = json!({"id": "later", "options": {"breakouts": false}});
    api.post("/v1/meetings", made).await.is(201);
    let create = || api.post("/v1/meetings/later/breakouts/rooms", json!({}));
    create().await.refused(403, Some(code::FORBIDDEN), None);
    let on = json!({"options": {"breakouts": true}});
    api.json("PATCH", "/v1/meetings/later", on).await.is(200);
    assert_eq!(api.get("/v1/meetings/later").await.is(200)["options"]["breakouts"], json!(true));
    create().await.is(201);
}

pub async fn e2_sessions_with_phones_have_a_flag_of_their_own() {
    for (breakout_in_hybrid, refused) in [(true, false), (false, true)] {
        let rules = Rules { hybrid: true, breakout_in_hybrid, ..Rules::default() };
        let mut scene = Scene::with(rules).await;
        let answer = scene.page("hana").call("breakout.create", json!({})).await;
        assert_eq!(answer.is_err(), refused, "{answer:?}");
    }
}

pub async fn e3_free_movement_and_broadcast_for_everybody_are_options() {
    let free = Rules { free_move: true, everyone_can_broadcast: true, ..Rules::default() };
    for (rules, free) in [(Rules::default(), false), (free, true)] {
        let mut scene = Scene::with(rules).await;
        scene.rooms(1).await;
        let joined = scene.page("ada").call("breakout.join", json!({"room_id": "b1"})).await;
        assert_eq!(joined.is_ok(), free, "{joined:?}");
        let written = scene.page("bob").call("broadcast", json!({"text": "hello"})).await;
        assert_eq!(written.is_ok(), free, "{written:?}");
    }
}

pub async fn e4_lecture_mode() {
    let rules = Rules { lecture: true, breakout_in_lecture: false, ..Rules::default() };
    let mut scene = Scene::cast(rules, CAST).await;
    assert_eq!(scene.no("hana", "breakout.create", json!({})).await.0, 5067);
    assert_eq!(scene.no("hana", "breakout.create_and_invite", json!({})).await.0, 5067);
}
