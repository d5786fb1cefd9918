//! FEATURES.md 1.5, 1.6: invitations; joining, leaving, moving.

use ringfence::route::id::Source;
use ringfence_signaling::rooms::{Rules, code};
use serde_json::json;

use crate::main_room::mutes;
use crate::scene::{Scene, wait};

const CONFLICT: i64 = code::CONFLICT as i64;
const FORBIDDEN: i64 = code::FORBIDDEN as i64;
const INVALID: i64 = code::INVALID_PARAMS as i64;

pub async fn i1_several_are_invited_in_one_call_from_the_main_room() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    let params = json!({"clients": ["ada", "bob"], "room_id": "b1", "force_join": false});
    for method in ["breakout.invite", "inviteToBreakoutRoom", "inviteToBreakOutRoom"] {
        scene.ok("hana", method, params.clone()).await;
        for id in ["ada", "bob"] {
            assert_eq!(scene.said(id, "breakout_invited").await["room_id"], json!("b1"));
        }
        assert_eq!(scene.no("ada", method, params.clone()).await.0, FORBIDDEN);
    }
    scene.go(&["hana"], "b1").await;
    assert_eq!(scene.no("hana", "breakout.invite", params).await.0, CONFLICT);
}

pub async fn i2_asked_by_default_and_moved_by_force() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.ok("hana", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
    assert_eq!(scene.room_of("ada").await, "main");
    let force = json!({"clients": ["ada"], "room_id": "b1", "force_join": true});
    scene.ok("hana", "breakout.invite", force).await;
    assert_eq!(scene.room_of("ada").await, "b1");
}

pub async fn i3_the_invitation_says_where_and_by_whom() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.ok("hana", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
    let event = scene.said("ada", "breakout_invited").await;
    assert_eq!((&event["room_id"], &event["requestor"]), (&json!("b1"), &json!("hana")));
}

pub async fn i4_the_inviter_and_all_who_manage_are_told() {
    let cast = &[("hana", "host"), ("mo", "moderator"), ("ada", "participant")];
    let mut scene = Scene::cast(Rules::default(), cast).await;
    scene.rooms(1).await;
    scene.ok("hana", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
    for id in ["hana", "mo"] {
        assert_eq!(scene.said(id, "breakout_invited").await["clients"], json!(["ada"]), "{id}");
    }
}

pub async fn i5_asking_for_help_is_an_invitation_the_other_way() {
    let cast = &[("hana", "host"), ("sam", "speaker"), ("ada", "participant")];
    let mut scene = Scene::cast(Rules::default(), cast).await;
    scene.rooms(1).await;
    scene.go(&["ada"], "b1").await;
    scene.ok("ada", "help.ask", json!({})).await;
    let asked = scene.said("sam", "help_asked").await;
    assert_eq!((&asked["room_id"], &asked["from"]), (&json!("b1"), &json!("ada")));
    scene.ok("sam", "breakout.join", json!({"room_id": asked["room_id"]})).await;
    scene.said("ada", "user_joined").await;
}

pub async fn j1_join_says_as_what_and_with_which_sources() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.ok("hana", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
    scene.changes();
    let join = json!({"role": "participant", "room_id": "b1", "audio": true, "video": false, "screen": false, "canvas": false});
    scene.ok("ada", "joinBreakOutRoom", join).await;
    let (screen, sound) = (Source::Screen, Source::ScreenAudio);
    let off = [(Source::Camera, true), (screen, true), (sound, true), (Source::Canvas, true)];
    assert_eq!(mutes(scene.changes()), off, "by the relay");
    let muted = json!({
        "audio": false, "video": true, "screen": true, "screen_audio": true, "canvas": true
    });
    assert_eq!(scene.listed("ada", "ada").await["muted"], muted);
    // What is not named stays as it is: the screen too, when it is the camera that is off.
    scene.ok("ada", "breakout.leave", json!({})).await;
    scene.ok("ada", "unmute", json!({"kind": "video"})).await;
    scene.ok("hana", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
    scene.changes();
    scene.ok("ada", "breakout.join", json!({"room_id": "b1", "video": false})).await;
    assert_eq!(mutes(scene.changes()), [(Source::Camera, true)]);
    // As what: a word of two, and as moderator only who may; it is as that that one is there.
    scene.ok("hana", "breakout.invite", json!({"clients": ["bob"], "room_id": "b1"})).await;
    for (role, code) in [("king", INVALID), ("moderator", FORBIDDEN)] {
        let join = json!({"role": role, "room_id": "b1"});
        assert_eq!(
            scene.no("bob", "breakout.join", join).await,
            (code, "role".to_owned()),
            "{role}"
        );
    }
    scene.ok("bob", "breakout.join", json!({"role": "participant", "room_id": "b1"})).await;
    let demote = json!({"client": "hana", "role": "participant", "force": true});
    scene.ok("hana", "role.change", demote).await; // b1 is still hers
    let mute = json!({"client": "ada", "kind": "audio"});
    scene.ok("hana", "breakout.join", json!({"role": "participant", "room_id": "b1"})).await;
    assert_eq!(scene.no("hana", "people.mute", mute.clone()).await.0, FORBIDDEN);
    scene.ok("hana", "breakout.leave", json!({})).await;
    scene.ok("hana", "breakout.join", json!({"role": "moderator", "room_id": "b1"})).await;
    scene.ok("hana", "people.mute", mute).await;
    assert_eq!(scene.listed("bob", "ada").await["muted"]["audio"], json!(true));
}

pub async fn j2_one_breakout_at_a_time_and_from_the_main_room() {
    let rules = Rules { direct_move: false, free_move: true, ..Rules::default() };
    let mut scene = Scene::with(rules).await;
    scene.rooms(2).await;
    scene.ok("ada", "breakout.join", json!({"room_id": "b1"})).await;
    assert_eq!(scene.no("ada", "breakout.join", json!({"room_id": "b2"})).await.0, CONFLICT);
    assert_eq!(scene.room_of("ada").await, "b1");
    scene.ok("ada", "breakout.leave", json!({})).await;
    scene.ok("ada", "breakout.join", json!({"room_id": "b2"})).await;
}

pub async fn j3_who_can_not_join_is_told_why() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    let (code, _) = scene.no("ada", "breakout.join", json!({"room_id": "b1"})).await;
    assert_eq!(scene.said("ada", "breakout_error").await["result"], json!(code));
    scene.ok("hana", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
    scene.server.books(|books| books.refuse_changes = true);
    assert_eq!(scene.no("ada", "breakout.join", json!({"room_id": "b1"})).await.0, 1729);
    let error = scene.said("ada", "breakout_error").await;
    assert_eq!(error["result"], json!(1729));
    assert!(
        error["msg"].as_str().expect("text").starts_with("Failed to generate Token"),
        "{error}"
    );
    scene.server.books(|books| books.refuse_changes = false);
    assert_eq!(scene.room_of("ada").await, "main", "nothing changed");
}

pub async fn j4_others_in_the_room_are_told_who_joined() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.go(&["ada"], "b1").await;
    scene.forget().await;
    scene.go(&["bob"], "b1").await;
    let joined = scene.said("ada", "user_joined").await;
    assert_eq!((&joined["participant"]["id"], &joined["room_id"]), (&json!("bob"), &json!("b1")));
}

pub async fn j5_rejecting_is_told_to_those_who_manage() {
    let cast = &[("hana", "host"), ("mo", "moderator"), ("ada", "participant")];
    let mut scene = Scene::cast(Rules::default(), cast).await;
    scene.rooms(1).await;
    for method in ["breakout.reject", "rejectBreakOutRoomInvite", "rejectBreakOutRoom"] {
        scene.ok("hana", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
        scene.ok("ada", method, json!({"room_id": "b1"})).await;
        for id in ["hana", "mo", "ada"] {
            let event = scene.said(id, "invite_rejected").await;
            assert_eq!(
                (&event["client_id"], &event["reason"]),
                (&json!("ada"), &json!("rejected"))
            );
        }
        assert_eq!(scene.no("ada", method, json!({"room_id": "b1"})).await.0, CONFLICT, "once");
    }
}

pub async fn j6_leaving_a_room_leads_back_to_the_main_room() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    for method in ["breakout.leave", "disconnect"] {
        scene.go(&["ada", "bob"], "b1").await;
        scene.forget().await;
        scene.ok("ada", method, json!({})).await;
        assert_eq!(scene.said("ada", "breakout_left").await["room_id"], json!("b1"));
        assert_eq!(scene.said("bob", "user_left").await["participant"], json!("ada"));
        assert_eq!(scene.room_of("ada").await, "main");
    }
}

pub async fn j7_a_forced_join_is_said_to_begin_and_to_be_done() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    let force = json!({"clients": ["ada"], "room_id": "b1", "force_join": true});
    scene.ok("hana", "breakout.invite", force).await;
    assert_eq!(scene.said("ada", "breakout_joining").await["requestor"], json!("hana"));
    let connected = scene.said("ada", "breakout_connected").await;
    assert_eq!((&connected["room_id"], &connected["name"]), (&json!("b1"), &json!("Room 1")));
}

pub async fn j8_who_may_switch_rooms() {
    let cast = &[("hana", "host"), ("sam", "speaker"), ("ada", "participant")];
    let mut scene = Scene::cast(Rules::default(), cast).await;
    scene.rooms(2).await;
    for id in ["hana", "sam"] {
        for room in ["b1", "b2"] {
            scene.ok(id, "breakout.join", json!({"room_id": room})).await;
        }
        scene.ok(id, "breakout.move", json!({"clients": [id], "room_id": "main"})).await;
    }
    assert_eq!(scene.no("ada", "breakout.join", json!({"room_id": "b1"})).await.0, FORBIDDEN);
    let to_b1 = json!({"clients": ["ada"], "room_id": "b1"});
    assert_eq!(scene.no("ada", "breakout.move", to_b1.clone()).await.0, FORBIDDEN);
    assert_eq!(scene.no("sam", "breakout.move", to_b1).await.0, FORBIDDEN, "not others");
}

pub async fn j9_a_switch_swaps_audio_and_video_in_one_step() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.go(&["ada"], "b1").await;
    scene.epochs();
    scene.go(&["ada"], "b2").await;
    assert_eq!(scene.epochs(), 1);
    assert_eq!(scene.said("ada", "meeting_changed").await["room_id"], json!("b1"));
    assert_eq!(scene.said("ada", "meeting_changed").await["room_id"], json!("b2"));
    assert_eq!(scene.server.books(|books| books.removed.len()), 0, "no peer was touched");
}

pub async fn j10_join_the_running_meeting_first_then_be_assigned() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    let joined = scene.join("cyd", json!({})).await;
    assert_eq!(joined["room"], json!("main"));
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["cyd"]})).await;
    assert_eq!(scene.room_of("cyd").await, "b1", "while open, who is assigned goes");
}

pub async fn n8_late_joiners_by_policy() {
    use ringfence_signaling::rooms::Late;
    for (late, room, invited) in
        [(Late::Main, "main", false), (Late::Ask, "main", true), (Late::Assign, "b2", false)]
    {
        let mut scene = Scene::with(Rules { late, ..Rules::default() }).await;
        scene.rooms(3).await;
        for (id, room_id) in [("ada", "b1"), ("bob", "b3")] {
            let assign = json!({"room_id": room_id, "clients": [id]});
            scene.ok("hana", "breakout.assign", assign).await;
        }
        scene.ok("hana", "breakout.start", json!({})).await;
        let joined = scene.join("cyd", json!({})).await;
        assert_eq!(joined["room"], json!(room), "{late:?}: the smallest");
        if invited {
            assert_eq!(scene.said("cyd", "breakout_invited").await["room_id"], json!("b2"));
            scene.ok("cyd", "breakout.join", json!({"room_id": "b2"})).await;
        }
        scene.unsaid("cyd", "breakout_invited").await;
    }
}

pub async fn q14_consent_by_invitation_with_a_timeout() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    let ask = json!({"clients": ["ada"], "room_id": "b1", "timeout_s": 1});
    scene.ok("hana", "breakout.invite", ask).await;
    assert_eq!(scene.said("ada", "breakout_invited").await["expires_s"], json!(1));
    wait(500).await;
    scene.unsaid("ada", "invite_rejected").await;
    for id in ["hana", "ada"] {
        assert_eq!(scene.said(id, "invite_rejected").await["reason"], json!("timeout"));
    }
    assert_eq!(scene.no("ada", "breakout.join", json!({"room_id": "b1"})).await.0, FORBIDDEN);
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["ada", "bob"]})).await;
    scene.ok("hana", "breakout.start", json!({"consent": "ask"})).await;
    scene.said("bob", "breakout_invited").await;
    assert_eq!(scene.room_of("bob").await, "main");
    scene.ok("bob", "breakout.join", json!({"room_id": "b1"})).await;
}
