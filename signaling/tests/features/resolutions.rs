//! FEATURES.md 1.19: what holds where the seeds disagree. (Q11, Q12, Q14, Q20 stand beside what they
//! are about; Q16 is recording.)

use ringfence::control::api::Change;
use ringfence::route::id::Source;
use ringfence_signaling::rooms::{Rules, code};
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::support::token;

pub async fn q1_rooms_by_profile() {
    for (rules, most) in [(Rules::default(), 300), (Rules::enablex(), 10)] {
        let mut scene = Scene::with(rules).await;
        let ask = |rooms: u64| json!({"participants": 2, "max_rooms": rooms});
        assert_eq!(scene.no("hana", "breakout.create", ask(most + 1)).await.0, 1726);
        scene.ok("hana", "breakout.create", ask(most)).await;
    }
}

pub async fn q2_video_by_profile() {
    for (rules, silenced) in [(Rules::default(), 1), (Rules::enablex(), 2)] {
        let mut scene = Scene::with(rules).await;
        scene.ok("hana", "breakout.create", json!({"participants": 2, "video": true})).await;
        scene.changes();
        scene.go(&["ada"], "b1").await;
        let audiences = scene.changes();
        let count = audiences.iter().filter(|c| matches!(c, Change::Audience { .. })).count();
        assert_eq!(count, silenced, "canvas, and the camera in the strict profile");
    }
}

pub async fn q3_participants_by_profile() {
    let mut scene = Scene::new().await;
    scene.ok("hana", "breakout.create", json!({})).await;
    // When it is given the range holds in both profiles; only the strict one asks for it.
    let talkers = |rules| Rules { active_talkers_max: 6, ..rules };
    for (rules, without) in [(Rules::default(), None), (Rules::enablex(), Some(1724))] {
        let mut scene = Scene::with(talkers(rules)).await;
        for (participants, refused) in
            [(json!(1), Some(1725)), (json!(2), None), (json!(5), None), (json!(6), Some(1725))]
        {
            let params = json!({"participants": participants});
            let answer = scene.page("hana").call("breakout.create", params).await;
            assert_eq!(answer.err().map(|(code, _)| code), refused, "{participants}");
        }
        let answer = scene.page("hana").call("breakout.create", json!({})).await;
        assert_eq!(answer.err().map(|(code, _)| code), without);
    }
}

pub async fn q4_1724_is_the_count_and_1734_the_rest() {
    // One request that lacks both: the count is asked for where it is mandatory, by its own code.
    let mut scene = Scene::with(Rules::enablex()).await;
    for (method, params, refused) in [
        ("breakout.create", json!({}), (1724, "participants")),
        ("breakout.create", json!({"participants": null}), (1724, "participants")),
        ("breakout.create", json!({"participants": "two"}), (1724, "participants")),
        ("breakout.create_and_invite", json!({"participants": {}}), (1724, "participants")),
        ("breakout.invite", json!({"clients": ["ada"]}), (1734, "room_id")),
        ("breakout.invite", json!({"room_id": "b1"}), (1734, "clients")),
        ("breakout.assign", json!({"clients": ["ada"]}), (1734, "room_id")),
        ("breakout.delete", json!({}), (1734, "room_id")),
    ] {
        let (code, field) = scene.no("hana", method, params.clone()).await;
        assert_eq!((code, field.as_str()), refused, "{method} {params}");
    }
}

pub async fn q5_all_but_participants_have_defaults() {
    let mut scene = Scene::with(Rules::enablex()).await;
    let created = scene.ok("hana", "breakout.create", json!({"participants": 2})).await;
    assert_eq!(created["rooms"], json!(["b1"]), "one room");
    // audio=true, video by profile, share=true, canvas=false: what is not spoken there.
    let (camera, canvas) = (Source::Camera, Source::Canvas);
    for (rules, silent) in
        [(Rules::default(), vec![canvas]), (Rules::enablex(), vec![camera, canvas])]
    {
        let mut scene = Scene::with(rules).await;
        scene.ok("hana", "breakout.create", json!({"participants": 2})).await;
        scene.changes();
        scene.go(&["ada"], "b1").await;
        let silenced = scene.changes().into_iter().filter_map(|change| match change {
            Change::Audience { source, audience: Some(_), .. } => Some(source),
            _ => None,
        });
        assert_eq!(silenced.collect::<Vec<_>>(), silent);
    }
}

pub async fn q6_lecture_by_profile() {
    for (rules, refused) in [(Rules::default(), false), (Rules::enablex(), true)] {
        let mut scene = Scene::with(Rules { lecture: true, ..rules }).await;
        let answer = scene.page("hana").call("breakout.create", json!({"participants": 2})).await;
        assert_eq!(answer.err().map(|error| error.0), refused.then_some(5067));
    }
}

pub async fn q7_one_vocabulary_and_aliases() {
    let mut scene = Scene::new().await;
    let answer = scene.page("hana").call("flyAway", json!({})).await.expect_err("unknown");
    assert_eq!(answer.0, i64::from(code::UNKNOWN_METHOD));
    for method in [
        "createBreakoutRoom",
        "createBreakOutRoom",
        "rejectBreakoutRoom",
        "unmuteRoom",
        "pause",
        "resume",
        "createAndInviteBreakoutRoom",
        "createAndInviteBreakOutRoom",
        "inviteToBreakoutRoom",
        "inviteToBreakOutRoom",
        "joinBreakOutRoom",
        "joinBreakoutRoom",
        "rejectBreakOutRoomInvite",
        "rejectBreakOutRoom",
        "disconnect",
        "clearAllBreakOutSession",
        "destroyAllBreakOutSession",
        "pauseRoom",
        "resumeRoom",
        "muteRoom",
        "unMuteRoom",
    ] {
        let answer = scene.page("hana").call(method, json!({})).await;
        let unknown = answer.is_err_and(|error| error.0 == i64::from(code::UNKNOWN_METHOD));
        assert!(!unknown, "{method}");
    }
    let rooms = scene.rooms(2).await;
    for room in [rooms[0].as_str(), rooms[1].as_str(), "main"] {
        scene.go(&["ada"], room).await;
        let told = scene.said("ada", "meeting_changed").await;
        assert_eq!(told["room_id"], json!(room), "on every switch");
    }
}

pub async fn q8_notices_go_to_creator_and_managers_once() {
    let cast = &[("hana", "host"), ("mo", "moderator"), ("ada", "participant")];
    let mut scene = Scene::cast(Rules::default(), cast).await;
    scene.ok("mo", "breakout.create", json!({})).await;
    scene.ok("mo", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
    scene.ok("ada", "breakout.reject", json!({"room_id": "b1"})).await;
    for (id, counts) in [("hana", [1, 1, 1]), ("mo", [1, 1, 1]), ("ada", [0, 1, 1])] {
        let told = scene.page(id).settled().await;
        let count = |event: &str| told.iter().filter(|one| one["method"] == json!(event)).count();
        let events = ["breakout_created", "breakout_invited", "invite_rejected"];
        assert_eq!(events.map(count), counts, "{id}: {told:?}");
    }
}

pub async fn q9_leave_all_for_oneself_clear_all_for_everybody() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.go(&["ada", "bob"], "b1").await;
    scene.ok("ada", "breakout.leave_all", json!({})).await;
    assert_eq!(
        (scene.room_of("ada").await, scene.room_of("bob").await),
        ("main".into(), "b1".into())
    );
    scene.ok("ada", "breakout.leave_all", json!({})).await;
    assert_eq!(
        scene.no("ada", "breakout.clear_all", json!({})).await.0,
        i64::from(code::FORBIDDEN)
    );
}

pub async fn q10_one_event_a_participant_and_one_a_room() {
    let rules = Rules { empty_ttl_s: Some(0), ..Rules::default() };
    for (method, reason) in
        [("breakout.clear_all", "cleared"), ("breakout.destroy_all", "destroyed")]
    {
        let mut scene = Scene::with(rules).await;
        scene.rooms(1).await;
        scene.go(&["ada", "bob"], "b1").await;
        scene.forget().await;
        scene.ok("hana", method, json!({})).await;
        scene.page("hana").heard("plan_changed").await;
        for _ in 0..2 {
            let gone = scene.said("hana", "breakout_user_disconnected").await;
            assert_eq!((&gone["room_id"], &gone["reason"]), (&json!("b1"), &json!(reason)));
        }
        let mut scene = Scene::with(rules).await;
        scene.rooms(1).await;
        scene.go(&["ada", "bob"], "b1").await;
        scene.ok("hana", method, json!({})).await;
        let room = scene.said("hana", "breakout_destroyed").await;
        assert_eq!((&room["room_id"], &room["reason"]), (&json!("b1"), &json!(reason)), "{method}");
    }
    let extend = json!({"seconds": 1, "room_id": "b1"});
    for (who, method, params, reason) in [
        ("hana", "breakout.extend", extend, "timer"), // its own timer, one second later
        ("hana", "breakout.delete", json!({"room_id": "b1"}), "deleted"),
        ("ada", "breakout.leave", json!({}), "left_empty"),
    ] {
        let mut scene = Scene::with(rules).await;
        scene.rooms(1).await;
        scene.go(&["ada"], "b1").await;
        scene.ok(who, method, params).await;
        let room = scene.said("hana", "breakout_destroyed").await;
        assert_eq!((&room["room_id"], &room["reason"]), (&json!("b1"), &json!(reason)));
        if who != "ada" {
            let gone = scene.said("hana", "breakout_user_disconnected").await;
            assert_eq!((&gone["client_id"], &gone["reason"]), (&json!("ada"), &json!(reason)));
            assert_eq!(gone["name"], json!("ada"));
        }
    }
}

pub async fn q13_direct_moves_by_profile() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.go(&["ada"], "b1").await;
    scene.forget().await;
    scene.epochs();
    scene.go(&["ada"], "b2").await;
    assert_eq!(scene.epochs(), 1, "one atomic operation");
    scene.said("ada", "breakout_left").await;
    scene.said("ada", "breakout_connected").await;
    let mut scene = Scene::with(Rules::enablex()).await;
    scene.ok("hana", "breakout.create", json!({"participants": 2, "max_rooms": 2})).await;
    scene.go(&["ada"], "b1").await;
    let refused =
        scene.no("hana", "breakout.move", json!({"clients": ["ada"], "room_id": "b2"})).await;
    assert_eq!(refused.0, i64::from(code::CONFLICT));
}

pub async fn q15_strategies_with_a_seed() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    for n in 0..10 {
        scene.join(&format!("p{n}"), json!({})).await;
    }
    for strategy in ["random", "even", "by_capacity"] {
        let mut dealt = Vec::new();
        for seed in [5, 6, 5] {
            let ask = json!({"strategy": strategy, "seed": seed});
            scene.ok("hana", "breakout.shuffle", ask).await;
            dealt.push((scene.room("b1").await["assigned"].clone(), scene.room("b2").await));
        }
        let all = |(one, two): &(Value, Value)| {
            let count = |ids: &Value| ids.as_array().map_or(0, Vec::len);
            count(one) + count(&two["assigned"])
        };
        assert_eq!(all(&dealt[0]), 12, "{strategy}: everybody but the host");
        assert_eq!(dealt[0], dealt[2], "{strategy}: by the seed");
        assert_ne!(dealt[0], dealt[1], "{strategy}: another one");
    }
    let refused = scene.no("hana", "breakout.shuffle", json!({"strategy": "astrology"})).await;
    assert_eq!(refused, (i64::from(code::INVALID_PARAMS), "strategy".into()));
    by_attribute().await;
}

/// Who has the same value is in the same room: that of its name, else one with few people.
async fn by_attribute() {
    let mut scene = Scene::cast(Rules::default(), &[("hana", "host")]).await;
    let teams = [("a", "red"), ("b", "Blue"), ("c", "red"), ("d", "Blue"), ("e", "red"), ("f", "")];
    for (id, team) in teams {
        let token = token(|claims| {
            claims.sub = id.into();
            if !team.is_empty() {
                claims.attributes = [("team".to_owned(), team.to_owned())].into();
            }
        });
        scene.join(id, json!({ "token": token })).await;
    }
    let create = json!({"names": ["Green", "RED"], "max_rooms": 2});
    scene.ok("hana", "breakout.create", create).await;
    let by_team = json!({"strategy": "by_attribute", "attribute": "team"});
    scene.ok("hana", "breakout.shuffle", by_team.clone()).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    for (id, room) in [("a", "b2"), ("c", "b2"), ("e", "b2"), ("b", "b1"), ("d", "b1")] {
        assert_eq!(scene.room_of(id).await, room, "{id}");
    }
    assert_ne!(scene.room_of("f").await, "main", "who has none is dealt out, too");
    for (params, field) in [
        (json!({"strategy": "by_attribute"}), "attribute"),
        (json!({"strategy": "by_attribute", "attribute": "shoes"}), "attribute"),
    ] {
        assert_eq!(scene.no("hana", "breakout.shuffle", params).await.1, field);
    }
    // Open breakouts follow in one step; a room that is too small for a group is refused whole.
    scene.ok("hana", "breakout.move", json!({"clients": ["a"], "room_id": "b1"})).await;
    scene.ok("hana", "breakout.shuffle", by_team).await;
    assert_eq!(scene.room_of("a").await, "b2");
}

pub async fn q17_empty_rooms_by_policy() {
    for (empty_ttl_s, gone_at_once, gone_later) in
        [(None, false, false), (Some(0), true, true), (Some(1), false, true)]
    {
        let mut scene = Scene::with(Rules { empty_ttl_s, ..Rules::default() }).await;
        scene.rooms(1).await;
        scene.go(&["ada"], "b1").await;
        scene.go(&["ada"], "main").await;
        assert_eq!(scene.room("b1").await.is_null(), gone_at_once, "{empty_ttl_s:?}");
        crate::scene::wait(if gone_later { 1_200 } else { 0 }).await;
        assert_eq!(scene.room("b1").await.is_null(), gone_later, "{empty_ttl_s:?}");
    }
    // A room says it itself; only where it does not, the meeting does.
    for (of_meeting, of_room, gone) in [
        (None, json!(0), true),
        (Some(0), json!("never"), false),
        (Some(0), json!(600), false),
        (Some(0), json!(null), true),
    ] {
        let mut scene = Scene::with(Rules { empty_ttl_s: of_meeting, ..Rules::default() }).await;
        scene.ok("hana", "breakout.create", json!({"empty_ttl_s": of_room})).await;
        scene.go(&["ada"], "b1").await;
        scene.go(&["ada"], "main").await;
        assert_eq!(scene.room("b1").await.is_null(), gone, "{of_meeting:?} {of_room}");
    }
    // In the whole plan, too: what GET gives, PUT takes.
    let scene = &mut Scene::new().await;
    let api = crate::support::Api::of(&scene.server);
    let path = "/v1/meetings/main/breakouts";
    scene.ok("hana", "breakout.create", json!({"empty_ttl_s": "never"})).await;
    let read = api.get(path).await;
    let tag = read.header("etag").to_owned();
    let mut plan = read.is(200);
    assert_eq!(plan["rooms"][0]["empty_ttl_s"], json!("never"));
    plan["rooms"][0]["empty_ttl_s"] = json!(0);
    let headers = [("content-type", "application/json"), ("if-match", tag.as_str())];
    let put = api.send("PUT", path, &headers, plan.to_string()).await.is(200);
    assert_eq!(put["rooms"][0]["empty_ttl_s"], json!(0));
    let refused = scene.no("hana", "breakout.create", json!({"empty_ttl_s": "soon"})).await;
    assert_eq!(refused, (i64::from(code::INVALID_PARAMS), "empty_ttl_s".to_owned()));
}

pub async fn q18_share_and_screen() {
    for key in ["share", "screen"] {
        let mut scene = Scene::new().await;
        scene.ok("hana", "breakout.create", json!({key: false})).await;
        scene.changes();
        scene.go(&["ada"], "b1").await;
        let audiences = scene.changes();
        let count = audiences.iter().filter(|c| matches!(c, Change::Audience { .. })).count();
        assert_eq!(count, 3, "{key}: screen, its sound, and canvas");
        let wrong = scene.no("hana", "breakout.create", json!({key: 1})).await;
        assert_eq!(wrong.1, key, "the error names what was written");
        scene.go(&["ada"], "main").await;
        scene.ok("hana", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
        scene.ok("ada", "breakout.join", json!({"room_id": "b1", key: false})).await;
        assert_eq!(scene.listed("ada", "ada").await["muted"]["screen"], json!(true), "{key}");
        scene.ok("ada", "unmute", json!({"kind": "screen"})).await;
        assert_eq!(scene.listed("ada", "ada").await["muted"]["screen"], json!(null), "{key}");
    }
}

pub async fn q19_who_may_create_and_the_creator_owns() {
    let mut scene = Scene::new().await;
    let (_, error) = scene.page("ada").call("breakout.create", json!({})).await.expect_err("no");
    assert_eq!(error["data"]["permission"], json!("breakout.manage"));
    // Two who may create: of each room its creator is told the end, and each owns their own.
    let cast = &[("hana", "host"), ("mo", "moderator"), ("ada", "participant")];
    let mut scene = Scene::cast(Rules::default(), cast).await;
    for id in ["hana", "mo"] {
        scene.ok(id, "breakout.create", json!({})).await;
    }
    let role = json!({"client": "mo", "role": "participant", "force": true});
    scene.ok("hana", "role.change", role).await;
    let invite = |room: &str| json!({"clients": ["ada"], "room_id": room});
    scene.ok("mo", "breakout.invite", invite("b2")).await;
    assert_eq!(scene.no("mo", "breakout.invite", invite("b1")).await.0, i64::from(code::FORBIDDEN));
    scene.forget().await;
    scene.ok("hana", "breakout.delete", json!({"room_id": "b1"})).await;
    scene.unsaid("mo", "breakout_destroyed").await;
    scene.ok("hana", "breakout.delete", json!({"room_id": "b2"})).await;
    assert_eq!(scene.said("mo", "breakout_destroyed").await["room_id"], json!("b2"));
}

pub async fn q21_aliases_of_ids_are_taken_and_ours_are_told() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    for (clients, room) in [("clients", "room_id"), ("clientIds", "roomId"), ("client_ids", "room")]
    {
        scene.ok("hana", "breakout.move", json!({clients: ["ada"], room: "b1"})).await;
        assert_eq!(scene.said("ada", "breakout_connected").await["room_id"], json!("b1"));
        scene.go(&["ada"], "main").await;
    }
    scene.ok("hana", "people.mute", json!({"clientId": "ada", "kind": "audio"})).await;
    assert_eq!(scene.listed("ada", "ada").await["muted"]["audio"], json!(true));
}
