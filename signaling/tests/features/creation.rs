//! FEATURES.md 1.3, 1.4: creating rooms, and who belongs where.

use std::collections::BTreeSet;

use ringfence_signaling::rooms::{CSV_TEMPLATE, Rules, code};
use serde_json::{Value, json};

use crate::scene::Scene;

const CONFLICT: i64 = code::CONFLICT as i64;
const INVALID: i64 = code::INVALID_PARAMS as i64;

/// Who is assigned or inside, by Hana's list of breakouts.
async fn groups(scene: &mut Scene) -> Vec<Vec<String>> {
    let list = scene.ok("hana", "peers.list", json!({})).await;
    let rooms = list["rooms"].as_array().expect("rooms").iter().skip(1);
    let ids = |value: &Value| -> Vec<String> {
        let ids = value.as_array().into_iter().flatten();
        ids.map(|id| id.as_str().expect("an id").to_owned()).collect()
    };
    rooms.map(|room| [ids(&room["participants"]), ids(&room["assigned"])].concat()).collect()
}

fn sizes(groups: &[Vec<String>]) -> Vec<usize> {
    let mut sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    sizes
}

async fn crowd(count: usize) -> Scene {
    let mut scene = Scene::cast(Rules::default(), &[("hana", "host")]).await;
    for n in 0..count {
        scene.join(&format!("p{n}"), json!({})).await;
    }
    scene
}

pub async fn c1_one_or_several_rooms_in_one_call() {
    let mut scene = Scene::new().await;
    for method in ["breakout.create", "createBreakoutRoom", "createBreakOutRoom"] {
        let created = scene.ok("hana", method, json!({"participants": 3, "max_rooms": 2})).await;
        assert_eq!(created["rooms"].as_array().map(Vec::len), Some(2), "{method}");
        assert_eq!(created["result"], json!(0), "{method}");
        // The ids that were given are those to invite by.
        let ask = json!({"clients": ["ada"], "room_id": created["rooms"][1]});
        scene.ok("hana", "breakout.invite", ask).await;
        assert_eq!(scene.said("ada", "breakout_invited").await["room_id"], created["rooms"][1]);
    }
}

pub async fn c2_a_definition_says_size_and_media() {
    let rules = Rules { active_talkers_max: 6, ..Rules::default() };
    let mut scene = Scene::with(rules).await;
    for (participants, code) in [(1, 1725), (6, 1725), (2, 0), (5, 0)] {
        let answer =
            scene.page("hana").call("breakout.create", json!({"participants": participants})).await;
        assert_eq!(answer.err().map_or(0, |error| error.0), code, "{participants}");
    }
    let quiet =
        json!({"audio": true, "video": false, "share": false, "canvas": false, "max_rooms": 1});
    let room = scene.ok("hana", "breakout.create", quiet).await["rooms"][0].clone();
    scene.changes();
    scene.ok("hana", "breakout.move", json!({"clients": ["ada"], "room_id": room})).await;
    let silenced = scene.changes().iter().filter(|change| {
        matches!(change, ringfence::control::api::Change::Audience { audience: Some(to), .. } if to.rooms.is_empty())
    }).count();
    assert_eq!(silenced, 4, "camera, screen with its sound, canvas: in the relay");
}

pub async fn c3_create_and_invite_spreads_people_by_capacity() {
    let mut scene = crowd(6).await;
    let ask = json!({"participants": 2, "max_rooms": 3, "force_join": true});
    let created = scene.ok("hana", "createAndInviteBreakoutRoom", ask).await;
    assert_eq!(created["rooms"].as_array().map(Vec::len), Some(3));
    assert_eq!(sizes(&groups(&mut scene).await), [2, 2, 2]);
    scene.ok("hana", "breakout.destroy_all", json!({})).await;
    scene.forget().await;
    scene
        .ok("hana", "breakout.create_and_invite", json!({"participants": 4, "max_rooms": 2}))
        .await;
    let mut invited = BTreeSet::new();
    for n in 0..6 {
        let id = format!("p{n}");
        let event = scene.said(&id, "breakout_invited").await;
        invited.insert((id, event["room_id"].to_string()));
    }
    assert_eq!(invited.len(), 6, "asked, not moved: {invited:?}");
    assert_eq!(sizes(&groups(&mut scene).await), [0, 0]);
}

pub async fn c4_only_from_the_main_room() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.go(&["hana"], "b1").await;
    for method in ["breakout.create", "breakout.create_and_invite"] {
        assert_eq!(scene.no("hana", method, json!({})).await.0, CONFLICT, "{method}");
    }
}

pub async fn c5_a_number_of_rooms_and_one_more_later() {
    let mut scene = Scene::new().await;
    scene.rooms(3).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    let more = scene.ok("hana", "breakout.create", json!({"names": ["One more"]})).await;
    assert_eq!(more["rooms"], json!(["b4"]));
    assert_eq!(scene.room("b4").await["name"], json!("One more"));
}

pub async fn c6_each_room_is_managed_by_itself() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.go(&["ada"], "b1").await;
    scene.go(&["bob"], "b2").await;
    scene.ok("hana", "broadcast", json!({"text": "you two", "rooms": ["b1"]})).await;
    scene.said("ada", "broadcast").await;
    scene.ok("hana", "breakout.extend", json!({"seconds": 60, "room_id": "b1"})).await;
    scene.ok("hana", "breakout.delete", json!({"room_id": "b1"})).await;
    assert_eq!(scene.room_of("ada").await, "main");
    assert_eq!(scene.room_of("bob").await, "b2", "the other goes on");
    scene.unsaid("bob", "broadcast").await;
}

pub async fn c7_matching_needs_no_hand() {
    // Role and all made on the fly, by the API alone: who comes is matched and moved.
    let server = crate::support::Server::start().await;
    let api = crate::support::Api::of(&server);
    let options = json!({"late": "assign"});
    api.post("/v1/meetings", json!({"id": "fly", "options": options})).await.is(201);
    let media = json!({"audio": true, "video": true, "share": false, "canvas": false});
    let role = json!({"name": "pair", "permissions": [], "publish": {"media": media},
        "subscribe": {"roles": ["pair"]}});
    api.json("PUT", "/v1/meetings/fly/roles/pair", role).await.is(200);
    let rooms = json!({"participants": 2, "max_rooms": 2});
    api.post("/v1/meetings/fly/breakouts/rooms", rooms).await.is(201);
    api.post("/v1/meetings/fly/breakouts/start", json!({})).await.is(200);
    let mut pairs = Vec::new();
    for id in ["a", "b", "c", "d"] {
        let mut page = api.join(&server, "fly", json!({"id": id, "role": "pair"})).await;
        pairs.push((page.notice("breakout_connected").await["room_id"].clone(), page));
    }
    let in_b1 = pairs.iter().filter(|(room, _)| *room == json!("b1")).count();
    assert_eq!(in_b1, 2, "two rooms of two");

    let mut scene = crowd(4).await;
    scene.rooms(2).await;
    scene.ok("hana", "breakout.shuffle", json!({"strategy": "even", "seed": 7})).await;
    scene.ok("hana", "breakout.start", json!({"consent": "force"})).await;
    assert_eq!(sizes(&groups(&mut scene).await), [2, 2]);
    for n in 0..4 {
        scene.said(&format!("p{n}"), "breakout_connected").await;
    }
}

pub async fn c8_all_who_manage_are_told_of_rooms_and_invitations() {
    let cast = &[("hana", "host"), ("mo", "moderator"), ("ada", "participant")];
    let mut scene = Scene::cast(Rules::default(), cast).await;
    scene.rooms(1).await;
    assert_eq!(scene.said("mo", "breakout_created").await["rooms"][0]["id"], json!("b1"));
    scene.ok("hana", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
    assert_eq!(scene.said("mo", "breakout_invited").await["clients"], json!(["ada"]));
    scene.unsaid("ada", "breakout_created").await;
}

pub async fn c9_the_creator_owns_the_room_and_is_told_of_its_end() {
    let cast = &[("hana", "host"), ("mo", "moderator"), ("ada", "participant")];
    let mut scene = Scene::cast(Rules::default(), cast).await;
    scene.ok("mo", "breakout.create", json!({})).await;
    scene
        .ok("hana", "role.change", json!({"client": "mo", "role": "participant", "force": true}))
        .await;
    scene.forget().await;
    scene.ok("mo", "breakout.invite", json!({"clients": ["ada"], "room_id": "b1"})).await;
    scene.ok("hana", "breakout.delete", json!({"room_id": "b1"})).await;
    let gone = scene.said("mo", "breakout_destroyed").await;
    assert_eq!((&gone["room_id"], &gone["reason"]), (&json!("b1"), &json!("deleted")));
}

pub async fn a1_random_by_capacity_and_on_start() {
    let mut scene = crowd(5).await;
    scene.ok("hana", "breakout.create", json!({"participants": 3, "max_rooms": 2})).await;
    scene.ok("hana", "breakout.shuffle", json!({"strategy": "by_capacity"})).await;
    assert_eq!(sizes(&groups(&mut scene).await), [2, 3]);
    scene.ok("hana", "breakout.reset", json!({})).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    assert_eq!(
        groups(&mut scene).await.concat().len(),
        5,
        "nobody was assigned: all are, at random"
    );
}

pub async fn a2_even_split_and_shuffle_anew() {
    let mut scene = crowd(7).await;
    scene.rooms(3).await;
    scene.ok("hana", "breakout.shuffle", json!({"strategy": "even", "seed": 1})).await;
    let first = groups(&mut scene).await;
    assert_eq!(sizes(&first), [2, 2, 3]);
    scene.ok("hana", "breakout.shuffle", json!({"strategy": "even", "seed": 2})).await;
    let second = groups(&mut scene).await;
    scene.ok("hana", "breakout.shuffle", json!({"strategy": "even", "seed": 1})).await;
    assert_ne!(first, second);
    assert_eq!(first, groups(&mut scene).await, "the same seed, the same groups");
}

pub async fn a3_by_hand() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["ada"]})).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b2", "clients": ["bob"]})).await;
    assert_eq!(groups(&mut scene).await, [["ada"], ["bob"]]);
    scene.ok("hana", "breakout.start", json!({})).await;
    assert_eq!(scene.room_of("bob").await, "b2");
}

pub async fn a4_rearranged_before_the_start() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.ok("hana", "breakout.shuffle", json!({})).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b2", "clients": ["ada", "bob"]})).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["bob"]})).await;
    assert_eq!(groups(&mut scene).await, [["bob"], ["ada"]]);
}

pub async fn a5_rename() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.go(&["ada"], "b1").await;
    scene.forget().await;
    scene.ok("hana", "breakout.rename", json!({"room_id": "b1", "name": " Red "})).await;
    assert_eq!(scene.room("b1").await["name"], json!("Red"));
    assert_eq!(scene.said("ada", "plan_changed").await["rooms"][1]["name"], json!("Red"));
    scene.unsaid("bob", "plan_changed").await;
    assert_eq!(
        scene.no("hana", "breakout.rename", json!({"room_id": "b1", "name": " "})).await,
        (INVALID, "name".into())
    );
}

pub async fn a6_delete_a_room() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.go(&["ada"], "b1").await;
    scene.ok("hana", "breakout.delete", json!({"room_id": "b1"})).await;
    assert_eq!(scene.said("ada", "breakout_left").await["reason"], json!("deleted"));
    assert_eq!(scene.room("b1").await, json!(null));
    assert_eq!(scene.room_of("ada").await, "main");
}

pub async fn a7_unassign() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["ada", "bob"]})).await;
    scene.ok("hana", "breakout.unassign", json!({"clients": ["ada"]})).await;
    assert_eq!(groups(&mut scene).await, [["bob"]]);
    scene.ok("hana", "breakout.start", json!({})).await;
    scene.ok("hana", "breakout.unassign", json!({"clients": ["bob"]})).await;
    assert_eq!(scene.room_of("bob").await, "main", "while open, they come back");
}

pub async fn a8_reset_all() {
    let mut scene = Scene::new().await;
    scene.rooms(2).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["ada", "bob"]})).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    scene.ok("hana", "breakout.reset", json!({})).await;
    assert_eq!(sizes(&groups(&mut scene).await), [0, 0]);
    assert_eq!(scene.room_of("ada").await, "main");
}

pub async fn a9_nothing_moves_before_start_is_confirmed() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    scene.changes();
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["ada"]})).await;
    scene.ok("hana", "breakout.shuffle", json!({})).await;
    assert!(scene.changes().is_empty(), "the relay has heard nothing");
    scene.ok("hana", "breakout.start", json!({})).await;
    assert!(!scene.changes().is_empty());
    assert_eq!(scene.no("hana", "breakout.start", json!({})).await.0, CONFLICT);
}

pub async fn a11_csv() {
    let mut scene = Scene::new().await;
    assert_eq!(CSV_TEMPLATE, "room_name,first_name,last_name,email\r\n");
    let good = format!("\u{feff}{CSV_TEMPLATE}\"Red, deep\",ada,,\r\nBlue,bob,,\r\n");
    scene.ok("hana", "breakout.import_csv", json!({"text": good})).await;
    assert_eq!(groups(&mut scene).await, [["ada"], ["bob"]]);
    assert_eq!(scene.room("b1").await["name"], json!("Red, deep"));
    let list = async |scene: &mut Scene| {
        let mut list = scene.ok("hana", "peers.list", json!({})).await;
        list["now"].take(); // it goes on
        list
    };
    let before = list(&mut scene).await;
    let bad = format!("{CSV_TEMPLATE}Green,ada,,\nGreen,bob\nPink,ada,,\n");
    let (code, error) = scene
        .page("hana")
        .call("breakout.import_csv", json!({"text": bad}))
        .await
        .expect_err("bad");
    assert_eq!((code, &error["data"]["field"]), (INVALID, &json!("text")));
    let lines: Vec<&Value> = error["data"]["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|one| &one["line"])
        .collect();
    assert_eq!(lines, [&json!(3), &json!(4)], "{error}");
    assert_eq!(list(&mut scene).await, before, "nothing is half imported");
    assert_eq!(scene.no("ada", "breakout.import_csv", json!({"text": good})).await.0, -32_003);
}

pub async fn a12_assignments_do_not_ask_for_the_device() {
    let mut scene = Scene::new().await;
    // A machine that publishes by WHIP is assigned and moved like anybody else.
    let sdp = crate::support::offer("aiortc_whip");
    let post = reqwest::Client::new().post(scene.server.url("/whip/main?id=phone"));
    let created = post.header("content-type", "application/sdp").body(sdp).send().await;
    assert_eq!(created.expect("answered").status(), 201);
    scene.rooms(1).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["phone"]})).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    assert_eq!(scene.room("b1").await["participants"], json!(["phone"]));
    // Assigned before they join, by a list: by name, and by the address in the token.
    let mut scene = Scene::new().await;
    let text = "room_name,first_name,last_name,email\nRed,Pia,Phone,\nBlue,,,tablet@example.org\n";
    scene.ok("hana", "breakout.import_csv", json!({"text": text})).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    let by_name = crate::support::token(|claims| {
        (claims.sub, claims.name) = ("phone".into(), Some("Pia Phone".into()));
    });
    let by_address = crate::support::token(|claims| {
        claims.sub = "tablet".into();
        claims.email = Some("Tablet@example.org".into());
    });
    for (id, token, room) in [("phone", by_name, "b1"), ("tablet", by_address, "b2")] {
        let post = reqwest::Client::new().post(scene.server.url(&format!("/whip/main?id={id}")));
        let post = post.header("content-type", "application/sdp").bearer_auth(token);
        let created = post.body(crate::support::offer("aiortc_whip")).send().await;
        assert_eq!(created.expect("answered").status(), 201, "{id}");
        assert_eq!(scene.room(room).await["participants"], json!([id]), "by the list");
    }
}

pub async fn a13_a_list_of_people_and_a_room() {
    let mut scene = Scene::new().await;
    scene.rooms(1).await;
    for (params, field) in [
        (json!({"clients": ["ada", "eve"], "room_id": "b1"}), "clients"),
        (json!({"clients": ["ada"], "room_id": "b7"}), "room_id"),
        (json!({"clients": [], "room_id": "b1"}), "clients"),
    ] {
        let refused = scene.no("hana", "breakout.assign", params.clone()).await;
        assert_eq!(refused, (INVALID, field.to_owned()), "{params}");
    }
    scene
        .ok("hana", "breakout.assign", json!({"client_ids": ["ada", "bob"], "roomId": "b1"}))
        .await;
    assert_eq!(sizes(&groups(&mut scene).await), [2]);
}

pub async fn a14_late_people_are_matched_by_the_server() {
    use ringfence_signaling::rooms::Late;
    let rules = Rules { late: Late::Assign, ..Rules::default() };
    let mut scene = Scene::with(rules).await;
    scene.rooms(2).await;
    scene.ok("hana", "breakout.assign", json!({"room_id": "b1", "clients": ["ada", "bob"]})).await;
    scene.ok("hana", "breakout.start", json!({})).await;
    let joined = scene.join("cyd", json!({})).await;
    assert_eq!(joined["room"], json!("b2"), "the smallest");
}
